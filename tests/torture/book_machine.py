"""T2's machine: the rules by which Hypothesis asks things of one member's book, and of the oracle's book beside it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlmodel import Session

from core.db.engine import reading
from core.errors import Conflict, InsufficientPoints, Refused
from core.ids import LotId, OrderId, RedemptionId, new_id
from core.ledger import commands as ledger
from core.ledger import queries as ledger_queries
from core.ledger.book import Book
from core.ledger.words import Cause
from core.members import commands as members
from core.rewards.redemption import commands as redemptions
from core.rewards.redemption.pieces import held_pieces, taken_pieces
from tests.core.world import START, World
from tests.torture.oracle_book import MemberBook, Pieces

GRACE_DAYS = 3
points_ = st.integers(1, 60)
lives = st.sampled_from((None, 1, 3, 40))
pauses = st.sampled_from((timedelta(microseconds=1), timedelta(hours=5), timedelta(days=1), timedelta(days=5)))


class BookMachine(RuleBasedStateMachine):
    """One new member per run, in one world. `lines`: what each order line has booked; `open`: holds by redemption."""

    numbers = iter(range(1, 10**9))
    steps = 0

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world, self.customer = world, f"m{next(self.numbers)}"
        world.time["now"] = START
        self.member_id = world.tx(
            lambda session: members.enrol(
                session, world.runtime.vault, world.merchant_id, world.shop_id,
                external_id=self.customer, joined_by="automatic", joined_at=START, now=START,
            )
        )  # fmt: skip
        self.oracle = MemberBook(START)
        self.orders: list[OrderId] = []
        self.lines: dict[tuple[int, str], int] = {}
        self.open: list[RedemptionId] = []
        self.taken: dict[RedemptionId, int] = {}
        self.adjusted: dict[Any, Pieces] = {}

    # -- time

    @rule(pause=pauses)
    def wait(self, pause: timedelta) -> None:
        self.world.time["now"] += pause

    @rule()
    def wait_for_the_next_change(self) -> None:
        """To the very instant."""
        ahead = [at for lot in self.oracle.lots if lot.left for at in (lot.matures_at, lot.expires_at) if at]
        self.world.time["now"] = min((at for at in ahead if at > self.world.now), default=self.world.now)

    @rule()
    def sweep(self) -> None:
        self.world.tx(lambda session: ledger.book_due(session, self.world.merchant_id, now=self.world.now))

    # -- orders

    @rule(points=points_, window=st.sampled_from((0, 1, 5)), life=lives, late=st.booleans(), lines=st.integers(1, 2))
    def earn(self, points: int, window: int, life: int | None, late: bool, lines: int) -> None:
        earned_at = self.world.now - timedelta(days=2 if late else 0)
        matures_at = earned_at + timedelta(days=window) if window else None
        expires_at = (matures_at or earned_at) + timedelta(days=life) if life else None
        number, order_id = len(self.orders), OrderId(new_id())
        self.orders.append(order_id)
        dates: dict[str, Any] = {"earned_at": earned_at, "matures_at": matures_at, "expires_at": expires_at}
        names = [f"L{n}" for n in range(1, lines + 1)]

        def work(book: Book) -> None:
            for line in names:
                book.earn(points, order_id=order_id, line_id=line, **dates)

        self.move(work, orders=[order_id])
        for line in names:
            self.oracle.earn(points, self.world.now, order=number, line=line, **dates)
            self.lines[(number, line)] = points
        self.oracle.close()

    @precondition(lambda self: any(self.lines.values()))
    @rule(data=st.data(), points=points_)
    def claw_back(self, data: st.DataObject, points: int) -> None:
        number, line = data.draw(st.sampled_from(sorted(place for place, booked in self.lines.items() if booked)))
        points = min(points, self.lines[(number, line)])
        order_id = self.orders[number]
        self.move(lambda book: book.clawback(points, order_id=order_id, line_id=line), orders=[order_id])
        self.oracle.clawback(points, number, line)
        self.oracle.close()
        self.lines[(number, line)] -= points

    # -- redemptions

    @rule(points=points_)
    def place(self, points: int) -> None:
        world = self.world
        able = len(self.open) < 5 and self.oracle.balance(world.now)[1] >= points
        try:
            placed = world.redeem(points, customer=self.customer, key=new_id(), issue=False)
        except Refused:
            assert not able
            return
        assert able
        self.oracle.pass_time(world.now)
        self.oracle.hold(placed.redemption_id, points)
        self.oracle.close()
        self.open.append(placed.redemption_id)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        redemption_id = self.chosen(data, self.open)
        world = self.world
        ended = [
            world.tx(
                lambda s: redemptions.void(s, world.merchant_id, redemption_id, reason="given_back", now=world.now)
            )
            for _ in range(2)
        ]
        assert ended == [True, False], "a hold ends once"
        self.end_of_hold(redemption_id, 0)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), used=st.integers(0, 60))
    def capture(self, data: st.DataObject, used: int) -> None:
        """CAPTURE and VOID in one posting, as settlement makes them."""
        redemption_id = self.chosen(data, self.open)
        transfers = self.transfers(redemption_id)
        held = held_pieces(transfers)
        used = min(used, sum(piece.points for piece in held))
        lots = [piece.lot_id for piece in held]

        def work(book: Book) -> None:
            book.capture(held, used, redemption_id=redemption_id, order_id=None)
            skipped, rest = used, []
            for piece in held:
                part = min(skipped, piece.points)
                skipped -= part
                if piece.points > part:
                    rest.append(type(piece)(piece.lot_id, piece.points - part))
            book.void(rest, redemption_id=redemption_id, order_id=None, grace_days=GRACE_DAYS)

        self.move(work, lots=lots)
        world, ids = self.world, {"state": "captured", "reason": "order"}
        world.tx(lambda s: redemptions.end(s, world.merchant_id, redemption_id, now=world.now, **ids))
        self.end_of_hold(redemption_id, used)

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), points=points_)
    def late_capture(self, data: st.DataObject, points: int) -> None:
        redemption_id = data.draw(st.sampled_from(list(self.taken)))
        self.move(lambda book: book.late_capture(points, redemption_id=redemption_id, order_id=None))
        self.oracle.late_capture(redemption_id, None, points)
        self.oracle.close()
        self.taken[redemption_id] += points

    @precondition(lambda self: any(self.taken.values()))
    @rule(data=st.data(), points=points_, life=lives)
    def reinstate(self, data: st.DataObject, points: int, life: int | None) -> None:
        redemption_id = data.draw(st.sampled_from([each for each, taken in self.taken.items() if taken]))
        points = min(points, self.taken[redemption_id])
        now = self.world.now
        grace_until, fresh = now + timedelta(days=GRACE_DAYS), now + timedelta(days=life) if life else None
        pieces = taken_pieces(self.transfers(redemption_id), None)
        ids: dict[str, Any] = {"redemption_id": redemption_id, "order_id": None}
        self.move(
            lambda book: book.reinstate(pieces, points, grace_until=grace_until, fresh_expiry=fresh, **ids),
            lots=[piece.lot_id for piece in pieces],
        )
        self.oracle.reinstate(redemption_id, None, points, grace_until=grace_until, fresh=fresh, now=now)
        self.oracle.close()
        self.taken[redemption_id] -= points

    # -- staff

    @rule(points=st.integers(-60, 60).filter(bool), life=lives, key=st.integers(0, 6))
    def adjust(self, points: int, life: int | None, key: int) -> None:
        world = self.world
        now, expires_at = world.now, world.now + timedelta(days=life) if life else None
        name = f"{self.customer}-{key}-{points}"
        request: dict[str, Any] = {"reason": "goodwill", "notes": {}, "erasure_key": "k", "author_id": None}
        able = self.oracle.balance(now)[1] + points >= 0
        try:
            posting_id = world.tx(
                lambda session: ledger.adjust(
                    session, world.merchant_id, self.member_id, points,
                    **request, idempotency_key=name, expires_at=expires_at, now=now,
                )
            )  # fmt: skip
        except InsufficientPoints:
            assert not able
            return
        if posting_id in self.adjusted:  # the same key and request: the first answer again, and no effect
            return
        assert able
        self.oracle.pass_time(now)
        pieces = self.oracle.adjust_up(points, now, expires_at) if points > 0 else self.oracle.adjust_down(-points)
        self.adjusted[posting_id] = pieces
        self.oracle.close()

    @precondition(lambda self: self.adjusted)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        posting_id = data.draw(st.sampled_from(list(self.adjusted)))
        world, grace_until = self.world, self.world.now + timedelta(days=GRACE_DAYS)
        self.oracle.pass_time(world.now)
        pieces = self.adjusted[posting_id]
        possible = self.oracle.can_undo(pieces)
        try:
            moved = world.tx(
                lambda session: ledger.reverse(
                    session, world.merchant_id, self.member_id, posting_id,
                    author_id=None, grace_until=grace_until, now=world.now,
                )
            )  # fmt: skip
        except Conflict:
            assert pieces == []
            return
        except Refused:
            assert not possible
            return
        assert possible and moved == self.oracle.undo(pieces, "adjusted", grace_until=grace_until, now=world.now)
        self.oracle.close()
        self.adjusted[posting_id] = []

    # -- after each step

    @invariant()
    def the_balance_is_the_oracles(self) -> None:
        BookMachine.steps += 1
        world = self.world
        with reading(world.db) as session:
            found = ledger_queries.balance_now(session, world.merchant_id, self.member_id, now=world.now)
        assert (found.pending, found.available, found.held, found.debt) == self.oracle.balance(world.now)

    # -- helpers

    def move(
        self, work: Callable[[Book], None], *, orders: list[OrderId] | None = None, lots: list[Any] | None = None
    ) -> None:
        """One posting on the member's book, as the callers of the ledger make them."""
        world = self.world

        def write(session: Session) -> None:
            ids = [LotId(lot) for lot in lots or [] if lot]
            books = ledger.open_books(
                session, world.merchant_id, [self.member_id], now=world.now, orders=orders or [], lots=ids
            )
            work(books[self.member_id])
            books[self.member_id].post(f"machine:{new_id()}", Cause.ORDER_SETTLED, {})
            ledger.store_books(session, world.merchant_id, books)

        world.tx(write)
        self.oracle.pass_time(world.now)

    def chosen(self, data: st.DataObject, among: list[RedemptionId]) -> RedemptionId:
        return among.pop(data.draw(st.integers(0, len(among) - 1)))

    def end_of_hold(self, redemption_id: RedemptionId, used: int) -> None:
        self.oracle.pass_time(self.world.now)
        self.oracle.end_hold(redemption_id, None, used, grace_days=GRACE_DAYS, now=self.world.now)
        self.oracle.close()
        self.taken[redemption_id] = used

    def transfers(self, redemption_id: RedemptionId) -> list[Any]:
        with reading(self.world.db) as session:
            ids = [redemption_id]
            return ledger_queries.transfers_of_redemptions(session, self.world.merchant_id, ids)[redemption_id]
