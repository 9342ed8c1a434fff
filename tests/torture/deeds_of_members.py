"""What shoppers and staff do in a random history: redeem, give back, adjust, undo, decide, publish."""

from datetime import timedelta
from typing import Any

from core.earning import orders as order_commands
from core.earning.orders import Decision
from core.errors import Conflict, InsufficientPoints, Refused
from core.ids import PostingId
from core.ledger import commands as ledger
from core.rewards.redemption import commands as redemptions
from core.work import effects
from tests.torture.drive import Drive, drawn_terms, rules_of

GRACE = timedelta(days=14)


class DeedsOfMembers(Drive):
    codes: dict[str, list[tuple[str, int]]]
    adjustments: list[dict[str, Any]]
    welcomed: set[str]
    zone: str

    def redeem(self) -> None:
        customer, points = self.random.choice(self.customers), self.random.choice((1, 7, 100, 300))
        lost_answer, at_once = self.chance(0.3), self.chance(0.8)
        if customer not in self.oracle.books:
            return
        key, expected = f"redemption-{self.new_name()}", self.oracle.quoted(customer, points, self.world.now)
        self.note("redeem", customer, points, key)
        try:
            placed = self.world.redeem(points, customer=customer, key=key, issue=False)
        except Refused as refusal:
            assert expected is None, f"refused with {refusal} where {expected} was possible"
            return
        assert (placed.points, placed.face_minor) == expected, "the quote differs"
        self.oracle.placed(placed.code, customer, placed.points, placed.face_minor, self.world.now)
        self.codes.setdefault(customer, []).append((placed.code, placed.face_minor))
        self.redemption_ids[placed.code] = placed.redemption_id
        if lost_answer:
            again = self.world.redeem(points, customer=customer, key=key, issue=False)
            assert again.redemption_id == placed.redemption_id, "the same key made two redemptions"
        if at_once:
            effects.run_effect(self.world.runtime, self.world.merchant_id, placed.redemption_id)

    def give_back(self) -> None:
        open_ones = [code for code, each in self.oracle.redeemings.items() if each.state == "open"]
        if not open_ones:
            return
        code = self.random.choice(open_ones)
        self.note("give back", self.oracle.redeemings[code].number)
        self.oracle.given_back(code)
        redemption_id, world = self.redemption_ids[code], self.world
        world.tx(lambda session: redemptions.give_back(session, world.merchant_id, redemption_id, now=world.now))
        if self.chance(0.7):
            world.work()

    def adjust(self) -> None:
        customer, points = self.random.choice(self.customers), self.random.choice((-400, -50, -1, 1, 250))
        expires_at = self.world.now + timedelta(days=self.random.choice((1, 30))) if self.chance(0.5) else None
        if customer not in self.oracle.books:
            return
        request = {"customer": customer, "points": points, "key": f"adjustment-{self.new_name()}"}
        self.note("adjust", *request.values())
        enough = points > 0 or self.oracle.balance(customer, self.world.now)[1] >= -points
        try:
            posting_id = self._adjust(**request, expires_at=expires_at)
        except InsufficientPoints:
            assert not enough, "an adjustment was refused that the balance covers"
            return
        assert enough, "an adjustment took more than there is"
        pieces = self.oracle.adjusted(customer, points, self.world.now, expires_at)
        self.adjustments.append({**request, "posting": posting_id, "pieces": pieces, "account": "adjusted"})

    def repeat_adjustment(self) -> None:
        """The same key: the first answer again for the same request, 409 and no effect for another one."""
        done = [each for each in self.adjustments if each["account"] == "adjusted"]
        if not done:
            return
        earlier = self.random.choice(done[-5:])
        request = {name: earlier[name] for name in ("customer", "points", "key")}
        self.note("adjust again", *request.values())
        assert self._adjust(**request, expires_at=None) == earlier["posting"]
        try:
            self._adjust(**{**request, "points": request["points"] + 1000}, expires_at=None)
        except Conflict:
            return
        raise AssertionError("a key was taken for two requests")

    def welcome(self) -> None:
        customer, world = self.random.choice(self.customers), self.world
        if customer not in self.oracle.books:
            return
        self.note("welcome bonus", customer)
        member_id, dates = world.member(customer), {"expires_at": world.now + timedelta(days=60), "now": world.now}
        gave = world.tx(lambda s: ledger.give_welcome_bonus(s, world.merchant_id, member_id, 40, **dates))
        assert gave == (customer not in self.welcomed), "a welcome bonus is for once"
        if gave:
            self.welcomed.add(customer)
            self.oracle.welcomed(customer, 40, **dates)

    def undo(self) -> None:
        if not self.adjustments:
            return
        chosen, world = self.random.choice(self.adjustments[-8:]), self.world
        customer, pieces = chosen["customer"], chosen["pieces"]
        self.note("undo", chosen["key"])
        member_id, grace_until = world.member(customer), world.now + GRACE
        self.oracle.books[customer].pass_time(world.now)
        left = self.oracle.books[customer].can_undo(pieces)
        try:
            moved = world.tx(
                lambda session: ledger.reverse(
                    session, world.merchant_id, member_id, chosen["posting"],
                    author_id=None, grace_until=grace_until, now=world.now,
                )
            )  # fmt: skip
        except Refused:
            assert chosen.get("undone") or not left, "an undo was refused that was possible"
            return
        assert not chosen.get("undone"), "undone twice"
        chosen["undone"] = True
        assert moved == self.oracle.undone(customer, pieces, chosen["account"], world.now, grace_until)

    def decide(self) -> None:
        known = list(self.oracle.orders)
        if not known:
            return
        external_id = self.random.choice(known[-12:])
        decision = self.random.choice((None, ("exclude", 0), ("fix", self.random.choice((0, 5, 77)))))
        self.note("decide", external_id, decision)
        self.oracle.decide(external_id, decision)
        written = Decision(kind=decision[0], points=decision[1], reason="goodwill") if decision else None  # type: ignore[arg-type]
        order_id, world = self.order_ids[external_id], self.world
        world.tx(lambda s: order_commands.decide(s, world.merchant_id, order_id, written, now=world.now))
        if self.chance(0.7):
            world.work()

    def publish(self) -> None:
        changes = drawn_terms(self.random, zone=self.zone)
        self.note("publish")
        self.world.wait(milliseconds=1)
        self.oracle.programs.append((self.world.now, rules_of(changes)))
        self.world.publish(**changes)

    def newcomer(self) -> None:
        """Somebody new comes, and the one who was here longest is not seen again for a while."""
        self.customers = [*self.customers[1:], self.new_name()]

    def _adjust(self, customer: str, points: int, key: str, *, expires_at: Any) -> PostingId:
        world, member_id = self.world, self.world.member(customer)
        posting_id: PostingId = world.tx(
            lambda session: ledger.adjust(
                session,
                world.merchant_id,
                member_id,
                points,
                reason="goodwill",
                notes={"staff": "a word"},
                erasure_key="k",
                author_id=None,
                idempotency_key=key,
                expires_at=expires_at,
                now=world.now,
            )
        )
        return posting_id
