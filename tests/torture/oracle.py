"""What should have been booked: a second, plain and slow reading of ledger.md, for tests to compare the product with.

It is told what happened: what reads of the shop found, what shoppers and staff did, what calls about codes came to, and
when. It says what each member has, what each order is worth and how each redemption stands. No import from core but values.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.commerce import Gone, Order, OrderState
from tests.torture.oracle_book import MemberBook, Pieces
from tests.torture.oracle_state import KnownOrder, Redeeming
from tests.torture.oracle_sums import Rules, cost_of_code, dates, fixed, qualifies, quote, still_redeemed, targets

GONE_TWICE_APART = timedelta(hours=1)
GONE_COUNTS_FOR = timedelta(days=14)
ISSUE_IS_OVER = timedelta(minutes=10)
LOOKS_APART = timedelta(minutes=1)
UNSEEN_FOR = timedelta(hours=48)
SILENT_FOR = timedelta(days=7)
OPEN_AT_MOST = 5


@dataclass
class Oracle:
    programs: list[tuple[datetime, Rules]]
    books: dict[str, MemberBook] = field(default_factory=dict)
    orders: dict[str, KnownOrder] = field(default_factory=dict)
    redeemings: dict[str, Redeeming] = field(default_factory=dict)
    shop_is_well: bool = True
    clawback_allowed_until: datetime | None = None

    # -- asked

    def balance(self, customer: str, now: datetime) -> tuple[int, int, int, int]:
        return self.books[customer].balance(now)

    def booked(self, order_id: str) -> dict[tuple[str, str], int]:
        return {place: points for place, points in self.orders[order_id].booked.items() if points}

    def rules_at(self, moment: datetime) -> Rules:
        """The version in force; before the program's life its first."""
        begun = [rules for since, rules in self.programs if since <= moment]
        return begun[-1] if begun else self.programs[0][1]

    # -- told: orders

    def heard_of(self, order_id: str) -> None:
        self.orders.setdefault(order_id, KnownOrder(len(self.orders)))

    def read(self, order_id: str, found: Order | Gone, now: datetime) -> None:
        """A read of the shop that was not overtaken by another one."""
        order, was_well = self.orders[order_id], self.shop_is_well
        self.shop_is_well = True
        if isinstance(found, Gone):
            self._read_gone(order_id, order, now, was_well=was_well)
            return
        order.gone_since = None
        if order.stamp is not None and found.updated_at is not None and found.updated_at < order.stamp:
            return
        order.stamp = found.updated_at
        order.deleted = order.deleted_late = False
        if found.state is not OrderState.DRAFT:
            order.state = found
            self.book(order_id, now)

    def decide(self, order_id: str, decision: tuple[str, int] | None) -> None:
        self.orders[order_id].decision = decision

    def book(self, order_id: str, now: datetime) -> None:
        """Target minus booked, for the order's codes and then for its lines; nothing in another currency than pinned."""
        order = self.orders[order_id]
        snapshot = order.state
        assert snapshot is not None
        self._pin(order, snapshot, now)
        codes = self._codes_on(order_id, snapshot)
        if order.rules is not None and snapshot.currency != order.currency:
            return
        wanted = self._targets(order, snapshot, set(codes))
        if self._asks_first(order, wanted, now):
            return
        places = sorted({*wanted, *order.booked}, key=lambda place: place[1])
        members = {customer for customer, _ in places} | {self.redeemings[code].customer for code in codes}
        for customer in members:
            self.books[customer].pass_time(now)
        for code in codes:
            self._book_code(code, order_id, snapshot, now)
        for customer in members:
            changes = {line: wanted.get((who, line), 0) - order.booked.get((who, line), 0)
                       for who, line in places if who == customer}  # fmt: skip
            for line, change in changes.items():
                if change > 0:
                    assert order.earned_at is not None
                    self.books[customer].earn(
                        change, now, earned_at=order.earned_at, matures_at=order.matures_at,
                        expires_at=order.expires_at, order=order.number, line=line,
                    )  # fmt: skip
            for line, change in changes.items():
                if change < 0:
                    self.books[customer].clawback(-change, order.number, line)
            if sum(changes.values()) < 0:
                order.clawed_at = now
            self.books[customer].close()
        order.booked = wanted

    # -- told: redemptions

    def quoted(self, customer: str, points: int, now: datetime) -> tuple[int, int] | None:
        """What `points` would cost and be worth in euros now; None where a redemption must be refused."""
        open_ones = [each for each in self.redeemings.values() if each.customer == customer and each.state == "open"]
        if len(open_ones) >= OPEN_AT_MOST:
            return None
        available = self.balance(customer, now)[1]
        return quote(self.rules_at(now).rates["EUR"], points, available)

    def placed(self, code: str, customer: str, points: int, face: int, now: datetime) -> None:
        rules = self.rules_at(now)
        ends = now + timedelta(hours=rules.code_hours)
        self.books[customer].pass_time(now)
        self.books[customer].hold(code, points)
        self.redeemings[code] = Redeeming(len(self.redeemings), customer, points, face, "EUR", rules, ends)

    def given_back(self, code: str) -> None:
        redeeming = self.redeemings[code]
        redeeming.wants_death = redeeming.wants_death or redeeming.state == "open"

    def issue_begun(self, code: str, now: datetime) -> None:
        redeeming = self.redeemings[code]
        assert not redeeming.wants_death, "a code is made that should be dead"
        redeeming.at_shop, redeeming.issue_begun_at = "unknown", now

    def issued(self, code: str) -> None:
        self.redeemings[code].at_shop, self.redeemings[code].silent_since = "issued", None

    def call_failed(self, code: str, now: datetime, *, refused: bool) -> None:
        """A call about the code came to nothing; `refused`: the shop will not issue it, ever."""
        redeeming = self.redeemings[code]
        redeeming.silent_since = redeeming.silent_since or now
        redeeming.wants_death = redeeming.wants_death or refused
        self.shop_is_well = False

    def revoked(self, code: str, now: datetime, *, used: bool | None) -> None:
        """The shop says that there is no such code now. Death is proven unless an issue may still be under way."""
        redeeming = self.redeemings[code]
        redeeming.used = redeeming.used or bool(used)
        redeeming.silent_since = None
        if redeeming.at_shop == "unknown" and redeeming.issue_begun_at is not None:
            over = now >= redeeming.issue_begun_at + ISSUE_IS_OVER
            if not (over and redeeming.absent_since and now - redeeming.absent_since >= LOOKS_APART):
                redeeming.absent_since = (redeeming.absent_since or now) if over else None
                return
        redeeming.at_shop, redeeming.wants_death = "dead", True
        if redeeming.state == "open" and not redeeming.used:
            self._end(code, None, 0, now, state="voided")
        for order_id in sorted(redeeming.orders, key=lambda each: self.orders[each].number):
            self.book(order_id, now)

    def swept(self, now: datetime) -> None:
        """Holds that have run out: a dead code's points come back, or are spent where it was used and no order ever came."""
        for code, redeeming in self.redeemings.items():
            if redeeming.state != "open" or redeeming.hold_ends > now:
                continue
            if redeeming.at_shop == "dead":
                if not redeeming.used:
                    self._end(code, None, 0, now, state="voided")
                elif now - redeeming.hold_ends >= UNSEEN_FOR:
                    self._end(code, None, redeeming.points, now, state="captured")
                continue
            redeeming.wants_death = True
            silent = redeeming.silent_since
            if silent is not None and now - max(silent, redeeming.hold_ends) >= SILENT_FOR:
                redeeming.gave_up = True
                self._end(code, None, 0, now, state="voided")

    # -- told: staff

    def adjusted(self, customer: str, points: int, now: datetime, expires_at: datetime | None) -> Pieces:
        book = self.books[customer]
        book.pass_time(now)
        pieces = book.adjust_up(points, now, expires_at) if points > 0 else book.adjust_down(-points)
        book.close()
        return pieces

    def welcomed(self, customer: str, points: int, now: datetime, expires_at: datetime | None) -> None:
        book = self.books[customer]
        book.pass_time(now)
        book.earn(points, now, earned_at=now, matures_at=None, expires_at=expires_at)
        book.close()

    def undone(self, customer: str, pieces: Pieces, account: str, now: datetime, grace_until: datetime) -> int:
        book = self.books[customer]
        book.pass_time(now)
        moved = book.undo(pieces, account, grace_until=grace_until, now=now)
        book.close()
        return moved

    # -- helpers

    def _read_gone(self, order_id: str, order: KnownOrder, now: datetime, *, was_well: bool) -> None:
        if order.state is None:
            return
        order.gone_since = order.gone_since or now
        if was_well and now - order.gone_since >= GONE_TWICE_APART and not order.deleted:
            paid_at = order.state.paid_at or order.state.placed_at
            if now > max(paid_at + GONE_COUNTS_FOR, order.matures_at or paid_at):
                order.deleted_late = True
            else:
                order.deleted = True
                order.state = order.state.model_copy(update={"state": OrderState.CANCELLED})
        if order.rules is not None or order.state.state is OrderState.CANCELLED:
            self.book(order_id, now)

    def _pin(self, order: KnownOrder, snapshot: Order, now: datetime) -> None:
        """Once, at the first snapshot that qualifies. Later only the owner follows the customer that the platform names."""
        customer = None if snapshot.customer.erased else snapshot.customer.external_id
        if order.rules is not None:
            if customer is not None:
                self.books.setdefault(customer, MemberBook(now))
                order.owner = customer
            return
        rules = self.rules_at(snapshot.placed_at)
        if snapshot.is_test or snapshot.state is OrderState.CANCELLED or not qualifies(snapshot, rules):
            return
        if snapshot.placed_at < self.programs[0][0]:
            return
        if customer is None:
            order.was_guests = True
            return
        if snapshot.currency not in rules.rates:
            return
        fresh = MemberBook(now if order.was_guests else min(snapshot.placed_at, now))
        joined_at = self.books.setdefault(customer, fresh).joined_at
        if order.was_guests and snapshot.placed_at < joined_at - timedelta(days=rules.lookback_days):
            return
        order.rules, order.owner, order.currency = rules, customer, snapshot.currency
        reached = snapshot.completed_at if rules.earn_when == "completed" else snapshot.paid_at or snapshot.completed_at
        order.earned_at = min(reached or snapshot.placed_at, now)
        order.matures_at, order.expires_at = dates(rules, order.earned_at)

    def _targets(self, order: KnownOrder, snapshot: Order, codes: set[str]) -> dict[tuple[str, str], int]:
        excluded = order.decision is not None and order.decision[0] == "exclude"
        if order.rules is None or order.owner is None or snapshot.state is OrderState.CANCELLED or excluded:
            return {}
        ours = order.decision
        lines = fixed(snapshot, ours[1]) if ours is not None else targets(snapshot, order.rules, codes)
        return {(order.owner, line): points for line, points in lines.items() if points}

    def _asks_first(self, order: KnownOrder, wanted: dict[tuple[str, str], int], now: datetime) -> bool:
        """A run that takes points back from over 1 % of the orders in an hour, at least 20, waits for staff."""
        if sum(wanted.values()) >= sum(order.booked.values()):
            return False
        if self.clawback_allowed_until is not None and self.clawback_allowed_until > now:
            return False
        lately = [each for each in self.orders.values() if each.clawed_at and each.clawed_at > now - timedelta(hours=1)]
        return len(lately) >= 20 and 100 * len(lately) >= len(self.orders)

    def _codes_on(self, order_id: str, snapshot: Order) -> list[str]:
        """Our codes that the order carries or carried, in the order of their making."""
        carried = {discount.code.strip().upper() for discount in snapshot.discounts}
        return [code for code, each in self.redeemings.items() if code in carried or order_id in each.orders]

    def _book_code(self, code: str, order_id: str, snapshot: Order, now: datetime) -> None:
        redeeming = self.redeemings[code]
        book = self.books[redeeming.customer]
        price = {"points": redeeming.points, "face": redeeming.face, "currency": redeeming.currency}
        full = cost_of_code(snapshot, code, **price)
        target = still_redeemed(full, snapshot, code) if full is not None else 0
        if unseen := book.taken.pop((code, None), []):
            book.taken.setdefault((code, order_id), []).extend(unseen)
        if full is not None and redeeming.state == "open":
            self._end(code, order_id, full, now, state="captured", closing=False)
        if full is None and redeeming.state == "open":
            if redeeming.at_shop == "dead":
                self._end(code, order_id, 0, now, state="voided", closing=False)
            return
        booked = sum(points for _, points in book.taken.get((code, order_id), []))
        if full is None and redeeming.at_shop != "dead":
            redeeming.wants_death = True
            return
        if target > booked:
            book.late_capture(code, order_id, target - booked)
        elif target < booked:
            grace_until = now + timedelta(days=redeeming.rules.grace_days)
            fresh = dates(redeeming.rules, now)[1]
            book.reinstate(code, order_id, booked - target, grace_until=grace_until, fresh=fresh, now=now)
        if full is not None or booked:
            redeeming.orders[order_id] = target

    def _end(
        self, code: str, order_id: str | None, captured: int, now: datetime, *, state: str, closing: bool = True
    ) -> None:
        redeeming = self.redeemings[code]
        book = self.books[redeeming.customer]
        if closing:
            book.pass_time(now)
        book.end_hold(code, order_id, captured, grace_days=redeeming.rules.grace_days, now=now)
        redeeming.state = state
        if closing:
            book.close()
