"""Looking after shops that are not connected any more."""

from pathlib import Path

from app import shop_care
from core.db.engine import Database, reading
from core.errors import Conflict, Unreachable
from core.merchants import commands
from core.merchants import queries as merchant_queries
from tests.core.world import World, make_world


def key_is_kept(world: World) -> bool:
    shop_care.forget_keys(world.runtime, world.merchant_id)
    with reading(world.db) as session:
        try:
            merchant_queries.installation(session, world.runtime.vault, world.merchant_id, world.shop_id)
        except Conflict:
            return False
    return True


def test_the_key_is_kept_while_the_code_of_a_cancelled_order_is_still_to_die(db: Database, tmp_path: Path) -> None:
    world = make_world(db, tmp_path)
    world.settle(world.shop.buy(50_000).external_id)
    redeemed = world.redeem(300)
    order = world.shop.buy(5000, code=redeemed.code, off=300)
    world.settle(order.external_id)
    had = world.points()
    world.shop.cancel(order.external_id)
    read = world.hint(order.external_id)
    world.shop.during_read = lambda: setattr(world.shop, "failure", Unreachable("away"))  # read, and then silent
    world.work()
    world.shop.during_read = None
    assert read

    world.tx(lambda session: commands.disconnect_shop(session, world.merchant_id, world.shop_id, now=world.now))
    assert key_is_kept(world)

    world.shop.failure = None
    world.wait(hours=2)
    world.work()
    assert world.points()[1] == had[1] - 47 + 300
    assert not key_is_kept(world)
