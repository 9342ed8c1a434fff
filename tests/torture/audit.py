"""Compare the product's books with the oracle's, and look at the invariants in the rows themselves, not by the product's code.

`quick` after each deed; `thorough` (which asks `verify` as well) now and then and at the end.
"""

from collections import defaultdict

import sqlalchemy as sa
from sqlmodel import Session

from core.commerce import CustomerRef, Order, OrderState
from core.db.engine import reading
from core.db.types import table
from core.ids import MemberId
from core.ledger import queries as ledger_queries
from core.ledger.tables import BalanceRow, LotRow, PostingRow, TransferRow
from core.members import queries as members
from core.rewards.redemption.tables import RedemptionOrder, RedemptionRow
from tests.torture.history import History
from tests.torture.oracle_sums import kept

BALANCES, LOTS, POSTINGS, TRANSFERS = table(BalanceRow), table(LotRow), table(PostingRow), table(TransferRow)
REDEMPTIONS, PAIRS = table(RedemptionRow), table(RedemptionOrder)
MEMBERS_OWN = ("pending", "available", "held", "debt")


def essence(order: Order) -> tuple[object, ...]:
    """What a reconcile pass compares: not the stamp, nor which refunds it was that left so much of each line."""
    who = None if order.customer.erased else order.customer.external_id
    bare = order.model_copy(update={"updated_at": None, "refunds": (), "customer": CustomerRef()})
    return bare, who, kept(order)


class Audit:
    def __init__(self, history: History) -> None:
        self.history = history
        self._members: dict[str, MemberId] = {}
        self._looks = 0

    # -- after each deed

    def quick(self) -> None:
        """Each customer's balance is the oracle's, by a read; one member's timeline adds up."""
        history, world = self.history, self.history.world
        self._looks += 1
        with reading(world.db) as session:
            for customer in history.customers:
                member_id = self._member(session, customer)
                assert (member_id is None) == (customer not in history.oracle.books), f"customer {customer} enrolled"
                if member_id is None:
                    continue
                found = ledger_queries.balance_now(session, world.merchant_id, member_id, now=world.now)
                expected = history.oracle.balance(customer, world.now)
                shown = (found.pending, found.available, found.held, found.debt)
                assert shown == expected, f"customer {customer} has {shown}, the oracle says {expected}"
            if self._looks % 10 == 0:
                self._timeline(session, history.customers[self._looks // 10 % len(history.customers)])

    def _timeline(self, session: Session, customer: str) -> None:
        member_id = self._member(session, customer)
        if member_id is None:
            return
        merchant_id = self.history.world.merchant_id
        entries = ledger_queries.timeline(session, merchant_id, member_id, limit=20)
        stored = session.connection().execute(
            sa.select(*(BALANCES.c[name] for name in MEMBERS_OWN), BALANCES.c.seq).where(
                BALANCES.c.merchant_id == merchant_id, BALANCES.c.member_id == member_id
            )
        ).one()  # fmt: skip
        at = tuple(stored)
        for entry in entries:
            after, change = entry.after, entry.change
            assert (after.pending, after.available, after.held, after.debt, entry.seq) == at, "the timeline has a step"
            at = (
                after.pending - change.pending, after.available - change.available,
                after.held - change.held, after.debt - change.debt, entry.seq - 1,
            )  # fmt: skip
        assert at[4] > 0 or at == (0, 0, 0, 0, 0), "the timeline does not begin with nothing"

    # -- now and then

    def thorough(self) -> None:
        world = self.history.world
        assert world.violations() == []
        self.quick()
        with reading(world.db) as session:
            connection = session.connection()
            self._everybody(session)
            self._orders(connection)
            self._redemptions(connection)
            self._accounts(connection)
            self._time(connection)

    def _everybody(self, session: Session) -> None:
        history, world = self.history, self.history.world
        for customer, book in history.oracle.books.items():
            member_id = self._member(session, customer)
            assert member_id is not None, f"customer {customer} is no member"
            found = ledger_queries.balance_now(session, world.merchant_id, member_id, now=world.now)
            shown = (found.pending, found.available, found.held, found.debt)
            assert shown == book.balance(world.now), f"customer {customer}"

    def _orders(self, connection: sa.Connection) -> None:
        """I8: per order, member and line the booked points are the oracle's."""
        customer_of = {member_id: customer for customer, member_id in self._members.items()}
        external_of = {order_id: external for external, order_id in self.history.order_ids.items()}
        found: dict[str, dict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
        for row in connection.execute(sa.select(TRANSFERS).where(TRANSFERS.c.kind.in_(("earn", "clawback")))):
            if row.order_id is not None:
                sign = 1 if row.kind == "earn" else -1
                found[external_of[row.order_id]][(customer_of[row.member_id], row.line_id)] += sign * row.points
        for external_id in self.history.oracle.orders:
            booked = {place: points for place, points in found[external_id].items() if points}
            assert booked == self.history.oracle.booked(external_id), f"order {external_id}"

    def _redemptions(self, connection: sa.Connection) -> None:
        """I3 and I9: each stands as the oracle says, and a code whose points came back is not usable."""
        oracle, shop = self.history.oracle, self.history.shop
        external_of = {order_id: external for external, order_id in self.history.order_ids.items()}
        pairs: dict[str, dict[str, int]] = defaultdict(dict)
        for pair in connection.execute(sa.select(PAIRS)):
            pairs[pair.redemption_id][external_of[pair.order_id]] = pair.captured
        rows = {row.code: row for row in connection.execute(sa.select(REDEMPTIONS))}
        assert rows.keys() == oracle.redeemings.keys()
        for code, expected in oracle.redeemings.items():
            row = rows[code]
            assert row.state == expected.state, f"redemption {expected.number} is {row.state}, not {expected.state}"
            assert pairs[row.redemption_id] == expected.orders, f"captured points of redemption {expected.number}"
            if row.state == "voided" and not expected.gave_up:
                assert code not in shop.coupons, f"the points of redemption {expected.number} came back, its code lives"

    def _accounts(self, connection: sa.Connection) -> None:
        """I2: what went into each program account, over all members, as far as time has been booked for them."""
        net: dict[str, int] = defaultdict(int)
        for row in connection.execute(
            sa.select(TRANSFERS.c.debit, TRANSFERS.c.credit, sa.func.sum(TRANSFERS.c.points).label("points")).group_by(
                TRANSFERS.c.debit, TRANSFERS.c.credit
            )
        ):
            net[row.debit] -= int(row.points)
            net[row.credit] += int(row.points)
        assert sum(net.values()) == 0
        for account in ("issued", "redeemed", "adjusted"):
            expected = sum(book.into[account] for book in self.history.oracle.books.values())
            assert net[account] == expected, f"{account} got {net[account]}, the oracle says {expected}"
        assert (net["imported"], net["moved"]) == (0, 0)

    def _time(self, connection: sa.Connection) -> None:
        """I7 and I12: nothing expires early or twice, seq has no gap, recorded_at never falls."""
        last: dict[str, tuple[int, object]] = {}
        for row in connection.execute(sa.select(POSTINGS).order_by(POSTINGS.c.member_id, POSTINGS.c.seq)):
            seq, recorded_at = last.get(row.member_id, (0, row.recorded_at))
            assert row.seq == seq + 1, f"seq {row.seq} follows {seq}"
            assert row.recorded_at >= recorded_at, "recorded_at fell"
            last[row.member_id] = (row.seq, row.recorded_at)
        lots = {row.lot_id: row for row in connection.execute(sa.select(LOTS))}
        into: dict[str, int] = defaultdict(int)
        for row in connection.execute(sa.select(TRANSFERS).where(TRANSFERS.c.lot_id.is_not(None))):
            lot = lots[row.lot_id]
            if row.kind == "expire":
                assert row.effective_at >= lot.expires_at, f"lot {lot.lot_id} expired early"
                assert row.recorded_at >= lot.expires_at, f"lot {lot.lot_id} was expired before its time"
            if row.kind == "mature":
                assert row.effective_at >= lot.matures_at, f"lot {lot.lot_id} matured early"
            into[row.lot_id] += row.points * ((row.credit == "expired") - (row.debit == "expired"))
        for lot_id, points in into.items():
            assert 0 <= points <= lots[lot_id].points, f"{points} points of lot {lot_id} expired"

    # -- at the end

    def settled(self) -> None:
        """After the last reconcile pass: no hold is left, and each order was settled as the shop has it now."""
        oracle, shop = self.history.oracle, self.history.shop
        assert [each.number for each in oracle.redeemings.values() if each.state == "open"] == []
        for external_id, order in shop.placed.items():
            known = oracle.orders[external_id]
            lagging = known.stamp and order.updated_at and order.updated_at < known.stamp
            if external_id in shop.trashed or order.state is OrderState.DRAFT or lagging:
                continue
            assert known.state is not None
            told, now = essence(known.state), essence(order)
            assert told == now, f"order {external_id} was settled as {told}, in the shop it is {now}"

    def _member(self, session: Session, customer: str) -> MemberId | None:
        if customer not in self._members:
            world = self.history.world
            found = members.by_customer(session, world.merchant_id, world.shop_id, customer)
            if found is None:
                return None
            self._members[customer] = found.member_id
        return self._members[customer]
