"""The shop of a random history: a real in-memory platform that can fail, and that tells the oracle what it was asked.

What a connector is asked, and what it answers, is all that the product can know of a shop, so it is all the oracle is told.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from core.commerce import Discount, DiscountRequest, Gone, Order, Revocation
from core.errors import PlatformError
from core.ids import normal_code
from tests.core.world import FakeShop, World
from tests.torture.oracle import Oracle


@dataclass
class WitnessedShop(FakeShop):
    """`failure` fails calls before they do anything, `lost_answer` after they were carried out: the caller cannot tell."""

    oracle: Oracle = field(default_factory=lambda: Oracle([]))
    takes_time: Callable[[], None] = lambda: None
    lost_answer: PlatformError | None = None
    while_reading: Callable[[], None] | None = None
    reads_of: dict[str, int] = field(default_factory=dict)

    @property
    def asked(self) -> int:
        return len(self.calls)

    def get_order(self, external_id: str) -> Order | Gone:
        number = self.reads_of[external_id] = self.reads_of.get(external_id, 0) + 1
        self.takes_time()
        try:
            found = super().get_order(external_id)
        except PlatformError:
            self.oracle.shop_is_well = False
            raise
        if (meanwhile := self.while_reading) is not None:
            self.while_reading = None
            meanwhile()
        if self.reads_of[external_id] == number:  # else a newer read has overtaken this one
            self.oracle.read(external_id, found, self.clock())
        return found

    def issue(self, request: DiscountRequest) -> Discount:
        code = normal_code(request.code)
        self.oracle.issue_begun(code, self.clock())
        self.takes_time()
        try:
            made = super().issue(request)
            self._lose_answer()
        except PlatformError as error:
            self.oracle.call_failed(code, self.clock(), refused=not error.retryable)
            raise
        self.oracle.issued(code)
        return made

    def revoke(self, code: str) -> Revocation:
        self.takes_time()
        try:
            revocation = super().revoke(code)
            self._lose_answer()
        except PlatformError:
            self.oracle.call_failed(normal_code(code), self.clock(), refused=False)
            raise
        self.oracle.revoked(normal_code(code), self.clock(), used=revocation.used)
        return revocation

    def _lose_answer(self) -> None:
        if self.lost_answer is not None:
            raise self.lost_answer


def watch(world: World, oracle: Oracle) -> WitnessedShop:
    """Put the witness in the place of the world's shop. Each call takes seven milliseconds, so that no two are simultaneous."""
    shop = WitnessedShop(world.shop.clock, oracle=oracle, takes_time=lambda: world.wait(milliseconds=7))
    world.shop = shop
    world.runtime = replace(world.runtime, connect=lambda _installation: shop)
    return shop
