"""Verify everything: the ledger against its transfers and seals, orders against snapshots and pins, redemptions against holds.

What a merchant, an auditor or a test asks for; `regulars verify` prints it. One read snapshot; orders are streamed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from core.db.types import table
from core.earning.settlement import booked_by_member, targets_of
from core.earning.snapshot import Snapshot
from core.earning.tables import OrderRow
from core.ids import MemberId, MerchantId, OrderId, ProgramVersionId, RedemptionId
from core.ledger import queries as ledger_queries
from core.ledger.seals import check_seals
from core.ledger.verify import verify_ledger
from core.ledger.words import Kind
from core.program import queries as programs
from core.program.queries import ProgramView
from core.rewards.redemption.pieces import held_pieces, taken_pieces
from core.rewards.redemption.tables import DiscountEffect, RedemptionOrder, RedemptionRow
from core.sealing import Vault

ORDERS, REDEMPTIONS, PAIRS, EFFECTS = (
    table(model) for model in (OrderRow, RedemptionRow, RedemptionOrder, DiscountEffect)
)


@dataclass
class Report:
    """`violations`: sentences with the ids to look at; none means that every point is accounted for.

    `awaiting`: orders that are to be booked anew and will be with their next read, which is due: staff have just decided on them.
    """

    members: int = 0
    postings: int = 0
    transfers: int = 0
    orders: int = 0
    redemptions: int = 0
    points_outstanding: int = 0
    violations: list[str] = field(default_factory=list)
    awaiting: list[str] = field(default_factory=list)


def verify(session: Session, vault: Vault, merchant_id: MerchantId) -> Report:
    """Recompute a merchant's books and compare. Writes nothing."""
    ledger = verify_ledger(session, merchant_id)
    report = Report(
        members=ledger.members,
        postings=ledger.postings,
        transfers=ledger.transfers,
        points_outstanding=ledger.points_outstanding,
        violations=list(ledger.violations),
    )
    report.violations += check_seals(session, vault, merchant_id)
    versions = {view.version_id: view for view in programs.versions(session, merchant_id)}
    for row in _stream(session, sa.select(ORDERS).where(ORDERS.c.merchant_id == merchant_id)):
        report.orders += 1
        _check_order(session, row, versions, report)
    for row in _redemptions(session, merchant_id):
        report.redemptions += 1
        report.violations += [f"redemption {row.redemption_id}: {text}" for text in _check_redemption(session, row)]
    return report


def _check_order(session: Session, row: Any, versions: dict[ProgramVersionId, ProgramView], report: Report) -> None:
    """Net points of an order, over all members, are its target, and the target follows from snapshot, pins and decision."""
    merchant_id, order_id = MerchantId(row.merchant_id), OrderId(row.order_id)
    booked = booked_by_member(ledger_queries.transfers_of_order(session, merchant_id, order_id))
    if any(points < 0 for lines in booked.values() for points in lines.values()):
        report.violations.append(f"order {order_id}: more was clawed back than was earned")
    net = sum(sum(lines.values()) for lines in booked.values())
    if net != row.target_points:
        report.violations.append(f"order {order_id}: {net} points are booked, the target is {row.target_points}")
    if row.program_version_id is None or {"parked", "currency_changed"} & set(row.flags):
        return
    expected, found = _recomputed(session, row, versions[ProgramVersionId(row.program_version_id)], booked)
    if found != expected:
        text = f"order {order_id}: its snapshot and pins say {expected}, booked is {found}"
        # A decision is written at once and booked with the next read, which it has asked for.
        (report.awaiting if row.wanted > row.settled else report.violations).append(text)


def _recomputed(
    session: Session, row: Any, program: ProgramView, booked: Mapping[MemberId, Mapping[str, int]]
) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], int]]:
    """Points per member and line: as they should be, and as they are booked."""
    merchant_id, order_id = MerchantId(row.merchant_id), OrderId(row.order_id)
    snapshot = Snapshot.model_validate(row.snapshot)
    codes = _our_codes(session, merchant_id, order_id)
    targets, _ = targets_of(row, snapshot, program, codes)
    expected = {(row.owner_id, line): points for line, points in targets.items() if points and row.owner_id}
    found = {
        (str(member), line): points for member, lines in booked.items() for line, points in lines.items() if points
    }
    return expected, found


def _check_redemption(session: Session, row: Any) -> Iterator[str]:
    """A hold ends in exactly one posting; an ended one holds nothing; one that came back leaves no usable code."""
    merchant_id, redemption_id = MerchantId(row.merchant_id), RedemptionId(row.redemption_id)
    transfers = ledger_queries.transfers_of_redemptions(session, merchant_id, [redemption_id])[redemption_id]
    held = sum(transfer.points for transfer in transfers if transfer.kind is Kind.HOLD)
    still = sum(piece.points for piece in held_pieces(transfers))
    ended = sum(transfer.points for transfer in transfers if transfer.kind in (Kind.CAPTURE, Kind.VOID))
    if held != row.points:
        yield f"{held} points were held for a redemption of {row.points}"
    if still != (row.points if row.state == "open" else 0) or (ended not in (0, held)):
        yield f"it is {row.state}, yet {still} points are held"
    for order_id, captured in sorted(_captured(session, row)):
        booked = sum(piece.points for piece in taken_pieces(transfers, order_id))
        if booked != captured:
            yield f"{booked} points are captured for order {order_id}, stored is {captured}"
    if row.state == "voided" and row.effect_actual != "dead" and row.end_reason != "shop_unreachable":
        yield "its points came back, but its code may still be usable"


def _our_codes(session: Session, merchant_id: MerchantId, order_id: OrderId) -> frozenset[str]:
    same = sa.and_(
        PAIRS.c.merchant_id == REDEMPTIONS.c.merchant_id, PAIRS.c.redemption_id == REDEMPTIONS.c.redemption_id
    )
    codes = sa.select(REDEMPTIONS.c.code).join(PAIRS, same)
    found = session.connection().execute(
        codes.where(REDEMPTIONS.c.merchant_id == merchant_id, PAIRS.c.order_id == order_id)
    )
    return frozenset(found.scalars())


def _captured(session: Session, row: Any) -> set[tuple[str, int]]:
    mine = (PAIRS.c.merchant_id == row.merchant_id, PAIRS.c.redemption_id == row.redemption_id)
    return {(pair.order_id, pair.captured) for pair in session.connection().execute(sa.select(PAIRS).where(*mine))}


def _redemptions(session: Session, merchant_id: MerchantId) -> Iterator[Any]:
    same = sa.and_(
        EFFECTS.c.merchant_id == REDEMPTIONS.c.merchant_id, EFFECTS.c.redemption_id == REDEMPTIONS.c.redemption_id
    )
    statement = sa.select(REDEMPTIONS, EFFECTS.c.actual.label("effect_actual")).join(EFFECTS, same)
    return _stream(session, statement.where(REDEMPTIONS.c.merchant_id == merchant_id))


def _stream(session: Session, statement: Any) -> Iterator[Any]:
    return iter(session.connection().execute(statement, execution_options={"yield_per": 500}))
