"""Why a balance changed: each posting of the ledger as sentences for support, from its cause, explanation and transfers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from admin import order_texts
from admin.formats import last_day, money, points
from admin.program_texts import basis_sentence
from admin.texts import gettext
from core.earning.queries import OrderView
from core.ids import OrderId, RedemptionId
from core.ledger.queries import TimelineEntry
from core.ledger.words import Account, Cause, Kind
from core.program.queries import ProgramView
from core.rewards.redemption.queries import RedemptionView


@dataclass(frozen=True)
class Known:
    """What sentences mention: by id, and versions by number. Read once for a page of the timeline."""

    orders: Mapping[OrderId, OrderView] = field(default_factory=dict)
    redemptions: Mapping[RedemptionId, RedemptionView] = field(default_factory=dict)
    versions: Mapping[int, ProgramView] = field(default_factory=dict)
    staff: Mapping[str, str] = field(default_factory=dict)

    def order_name(self, number: object, order_id: str | None = None) -> str:
        """How people call the order: its number in the shop."""
        if number:
            return gettext("Order #%(number)s", number=number)
        found = self.orders.get(OrderId(order_id)) if order_id else None
        if found is None:
            return gettext("An order")
        return gettext("Order #%(number)s", number=found.number or found.external_id)

    def code(self, redemption_id: object) -> str:
        found = self.redemptions.get(RedemptionId(str(redemption_id)))
        return found.code if found else gettext("a code")

    def worth(self, redemption_id: object) -> str:
        found = self.redemptions.get(RedemptionId(str(redemption_id)))
        return money(found.face_minor, found.currency) if found else ""

    def person(self, staff_id: object) -> str:
        return self.staff.get(str(staff_id), gettext("the command line")) if staff_id else gettext("the command line")


def sentences(entry: TimelineEntry, known: Known) -> list[str]:
    """What happened and why; several where one posting holds several facts."""
    parts = _BY_CAUSE[entry.cause](entry, known)
    settled = entry.moved(Kind.SETTLE)
    if settled:
        parts.append(gettext("%(points)s of it paid what was owed.", points=points(settled)))
    return parts or [gettext("The balance changed.")]


def _order_settled(entry: TimelineEntry, known: Known) -> list[str]:
    facts = entry.explanation
    name = known.order_name(facts.get("number"), facts.get("order"))
    change = int(facts.get("change", 0))
    parts: list[str] = []
    if change > 0:
        parts.append(_earned(entry, facts, name, change, known))
    elif change < 0:
        parts.append(_taken_back(facts, name, -change, known))
        parts += _from_where(entry)
    for redeemed in facts.get("redemptions", []):
        parts += _redeemed(redeemed, name, known)
    return parts


def _earned(entry: TimelineEntry, facts: Mapping[str, Any], name: str, change: int, known: Known) -> str:
    decision = facts.get("decision") or {}
    when = _when_free(entry)
    if decision.get("kind") == "fix":
        return gettext(
            "%(order)s was set to %(points)s by %(person)s (%(reason)s), %(when)s.",
            order=name,
            points=points(int(decision.get("points") or 0)),
            person=known.person(decision.get("author_id")),
            reason=order_texts.reason(order_texts.DECISION_REASONS, str(decision.get("reason"))),
            when=when,
        )
    if "rate" not in facts or change != facts.get("target"):
        return gettext(
            "%(order)s is worth %(points)s more now, %(when)s.", order=name, points=points(change), when=when
        )
    earn_points, per_minor = facts["rate"]
    currency = str(facts["currency"])
    program = known.versions.get(int(facts.get("program", 0)))
    values = {
        "order": name,
        "amount": money(int(facts["eligible"]), currency),
        "basis": basis_sentence(program.terms) if program else gettext("that count"),
        "rate": points(int(earn_points)),
        "per": money(int(per_minor), currency),
        "points": points(int(facts["points"])),
        "when": when,
    }
    if facts["points"] == change:
        return gettext("%(order)s: %(amount)s %(basis)s × %(rate)s per %(per)s = %(points)s, %(when)s.", **values)
    return gettext(
        "%(order)s: %(amount)s %(basis)s × %(rate)s per %(per)s = %(points)s, of which %(left)s after refunds, %(when)s.",
        left=points(change),
        **values,
    )


def _when_free(entry: TimelineEntry) -> str:
    pending = any(t.kind is Kind.EARN and t.credit is Account.PENDING for t in entry.transfers)
    if pending and entry.matures_at is not None:
        return gettext("pending until %(day)s (return window)", day=last_day(entry.matures_at))
    return gettext("free to redeem")


def _taken_back(facts: Mapping[str, Any], name: str, taken: int, known: Known) -> str:
    decision = facts.get("decision") or {}
    values = {"order": name, "points": points(taken)}
    if decision.get("kind") in ("exclude", "fix"):
        return gettext(
            "%(order)s: %(points)s taken back by decision of %(person)s (%(reason)s).",
            person=known.person(decision.get("author_id")),
            reason=order_texts.reason(order_texts.DECISION_REASONS, str(decision.get("reason"))),
            **values,
        )
    if facts.get("state") == "cancelled":
        return gettext("%(order)s was cancelled: %(points)s taken back.", **values)
    if facts.get("target"):
        return gettext(
            "%(order)s was refunded or changed: %(points)s taken back, %(left)s left.",
            left=points(int(facts["target"])),
            **values,
        )
    return gettext("%(order)s earns nothing any more: %(points)s taken back.", **values)


def _from_where(entry: TimelineEntry) -> list[str]:
    """A clawback that could not be met from the order's own points."""
    owed = sum(t.points for t in entry.transfers if t.kind is Kind.CLAWBACK and Account.DEBT in (t.debit, t.credit))
    expired = sum(t.points for t in entry.transfers if t.kind is Kind.CLAWBACK and t.debit is Account.EXPIRED)
    parts = []
    if owed:
        parts.append(gettext("%(points)s of them had been spent and are owed now.", points=points(owed)))
    if expired:
        parts.append(gettext("%(points)s of them had expired before.", points=points(expired)))
    return parts


def _redeemed(moved: Mapping[str, Any], name: str, known: Known) -> list[str]:
    code = known.code(moved.get("redemption"))
    parts = []
    if captured := moved.get("captured"):
        parts.append(
            gettext(
                "%(order)s used the code %(code)s: %(points)s redeemed.", order=name, code=code, points=points(captured)
            )
        )
    if late := moved.get("late"):
        parts.append(
            gettext(
                "%(order)s used the code %(code)s after its time or once more: %(points)s redeemed.",
                order=name,
                code=code,
                points=points(late),
            )
        )
    if voided := moved.get("voided"):
        parts.append(gettext("%(points)s that the discount did not need came back.", points=points(voided)))
    if reinstated := moved.get("reinstated"):
        parts.append(
            gettext(
                "%(order)s was refunded or cancelled: %(points)s redeemed on it came back.",
                order=name,
                points=points(reinstated),
            )
        )
    return parts


def _matured(entry: TimelineEntry, known: Known) -> list[str]:
    amount, name = _of_lot(entry, known, Kind.MATURE)
    return [
        gettext("%(order)s: %(points)s can be redeemed now, as the return window is over.", points=amount, order=name)
    ]


def _expired(entry: TimelineEntry, known: Known) -> list[str]:
    amount, name = _of_lot(entry, known, Kind.EXPIRE)
    return [gettext("%(order)s: %(points)s reached their date and expired.", points=amount, order=name)]


def _of_lot(entry: TimelineEntry, known: Known, kind: Kind) -> tuple[str, str]:
    order_id = next(iter(entry.order_ids), None)
    name = known.order_name(None, order_id) if order_id else gettext("Adjustment or bonus")
    return points(entry.moved(kind)), name


def _placed(entry: TimelineEntry, known: Known) -> list[str]:
    redemption = entry.explanation.get("redemption")
    return [
        gettext(
            "%(points)s set aside for the code %(code)s, worth %(worth)s.",
            points=points(entry.moved(Kind.HOLD)),
            code=known.code(redemption),
            worth=known.worth(redemption),
        )
    ]


def _voided(entry: TimelineEntry, known: Known) -> list[str]:
    return [
        gettext(
            "%(points)s came back from the code %(code)s: %(reason)s.",
            points=points(entry.moved(Kind.VOID)),
            code=known.code(entry.explanation.get("redemption")),
            reason=order_texts.reason(order_texts.VOID_REASONS, str(entry.explanation.get("reason"))),
        )
    ]


def _unmatched(entry: TimelineEntry, known: Known) -> list[str]:
    return [
        gettext(
            "The code %(code)s was used, but the order was never seen: %(points)s redeemed.",
            code=known.code(entry.explanation.get("redemption")),
            points=points(entry.moved(Kind.CAPTURE)),
        )
    ]


def _welcome(entry: TimelineEntry, _known: Known) -> list[str]:
    return [gettext("Welcome bonus: %(points)s.", points=points(entry.moved(Kind.EARN)))]


def _adjusted(entry: TimelineEntry, known: Known) -> list[str]:
    facts = entry.explanation
    given = int(facts.get("points", 0))
    values = {
        "points": points(abs(given)),
        "person": known.person(facts.get("author")),
        "reason": order_texts.reason(order_texts.ADJUST_REASONS, str(facts.get("reason"))),
    }
    if given > 0:
        return [gettext("%(person)s gave %(points)s (%(reason)s).", **values)]
    return [gettext("%(person)s took %(points)s (%(reason)s).", **values)]


def _reversed(entry: TimelineEntry, known: Known) -> list[str]:
    return [
        gettext(
            "%(person)s undid an earlier entry: %(points)s.",
            person=known.person(entry.explanation.get("author")),
            points=points(int(entry.explanation.get("points", 0))),
        )
    ]


_BY_CAUSE = {
    Cause.ORDER_SETTLED: _order_settled,
    Cause.MATURED: _matured,
    Cause.EXPIRED: _expired,
    Cause.REDEMPTION_PLACED: _placed,
    Cause.REDEMPTION_VOIDED: _voided,
    Cause.REDEMPTION_UNMATCHED: _unmatched,
    Cause.WELCOME_BONUS: _welcome,
    Cause.ADJUSTED: _adjusted,
    Cause.REVERSED: _reversed,
}


def forecast_sentence(amount: int, moment: datetime, *, matures: bool, order: str | None) -> str:
    """What time will do to a lot."""
    values = {"points": points(amount), "day": last_day(moment), "order": order or gettext("Adjustment or bonus")}
    if matures:
        return gettext("%(order)s: %(points)s pending through %(day)s.", **values)
    return gettext("%(order)s: %(points)s good through %(day)s.", **values)
