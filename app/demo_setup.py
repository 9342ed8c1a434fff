"""Fills a fresh demo: connects the shop as its owner would, reads its past year, and prints where to look.

A program of its own, started by demo.py beside the server: it comes and goes, so the demo stays small.
"""

import argparse
import os
import signal
import sys
import time
from datetime import timedelta

import requests

from app.demo_platforms import PLATFORMS, Ways
from app.demo_world import FAVOURITE, OWNER_EMAIL, STEP_S, Door, World, said, settings_of, wait_for
from app.logs import set_up_logs
from core.db.engine import reading, run_tx
from core.errors import ConfigurationError
from core.ledger import queries as ledger_queries
from core.members import queries as member_queries
from core.merchants import tokens
from core.merchants.queries import ShopView
from core.merchants.tokens import Purpose
from core.money import text_from_minor
from core.program.terms import Terms
from core.settings import load_settings
from core.work import backfill

PATIENCE_S = 300


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m app.demo_setup")
    for name in ("--server", "--shop"):
        parser.add_argument(name, required=True)
    parser.add_argument("--mail", help="the page of the demo's mailbox, where it has one")
    parser.add_argument("--platform", choices=sorted(PLATFORMS), required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    set_up_logs(level=40)
    code = 1
    try:
        code = _run(given.server, given.shop, given.mail, PLATFORMS[given.platform], check=given.check)
    except KeyboardInterrupt:
        sys.exit(0)  # Ctrl-C reaches every process of a demo, and none of them has a word to say
    except Exception as error:
        print(f"regulars: the demo could not be set up: {said(error)}", file=sys.stderr, flush=True)
    if given.check or code:
        os.kill(given.parent, signal.SIGTERM)
    sys.exit(code)


def _run(server_url: str, shop_url: str, mail_url: str | None, ways: Ways, *, check: bool) -> int:
    settings = settings_of(load_settings().data_dir, server_url)
    world = World(settings, shop_url=shop_url, server_url=server_url, mail_url=mail_url)
    try:
        world.make_merchant("Fernway")
        shop = ways.connect(world)
        terms = world.publish(shop)
        ways.finish(world, shop)
        doors = [*ways.doors(world), *_own_doors(world)]
        for door in doors:
            print(f"{door.label:<12} {door.url}{f'  ({door.note})' if door.note else ''}", flush=True)
        print("Ctrl-C ends everything. Reading the shop's past year ...", flush=True)
        _read_past_year(world, shop)
        print(_past_year_text(world, shop, terms), flush=True)
        if check:
            ways.wait_for_webhooks(world)
            return _ask_all([door.url for door in doors])
        return 0
    finally:
        world.close()


def _read_past_year(world: World, shop: ShopView) -> None:
    """Past orders, with points for those of the last year: that is what a merchant may choose, and a demo should show."""
    runtime, merchant_id = world.runtime, shop.merchant_id
    begun = run_tx(runtime.db, lambda session: backfill.begin(session, merchant_id, shop.shop_id, now=runtime.clock()))

    def state() -> str:
        if not backfill.run_step(runtime, merchant_id, begun.backfill_id):
            time.sleep(0.02)
        with reading(runtime.db) as session:
            found = backfill.view(session, merchant_id, begun.backfill_id)
        if found.state == "failed":
            raise ConfigurationError(f"the shop's past orders could not be read: {found.last_error}")
        return found.state

    wait_for("Past orders are read", lambda: state() == "previewed", seconds=PATIENCE_S)
    now = runtime.clock()
    run_tx(
        runtime.db,
        lambda session: backfill.answer(
            session,
            merchant_id,
            begun.backfill_id,
            mode="from_date",
            points_from=now - timedelta(days=365),
            now=now,
        ),
    )
    wait_for("Past orders are booked", lambda: state() == "done", seconds=PATIENCE_S)


def _past_year_text(world: World, shop: ShopView, terms: Terms) -> str:
    runtime = world.runtime
    with reading(runtime.db) as session:
        found = member_queries.search(session, world.merchant_id, FAVOURITE)
        if not found:
            raise ConfigurationError("nobody has points")
        points = ledger_queries.balance_now(
            session, world.merchant_id, found[0].member_id, now=runtime.clock()
        ).available
        totals = ledger_queries.totals(session, world.merchant_id)
    rules = terms.currencies[shop.currency]
    worth = text_from_minor(points * rules.value_minor // rules.value_points, shop.currency)
    return (
        f"Done: {totals.members_with_points} members have {totals.outstanding} points; "
        f"Anna's {points} are worth {worth} {shop.currency}."
    )


def _own_doors(world: World) -> list[Door]:
    runtime = world.runtime
    token = run_tx(
        runtime.db,
        lambda session: tokens.make(
            session,
            Purpose.INVITE,
            merchant_id=world.merchant_id,
            subject_id=world.staff_id,
            now=runtime.clock(),
        ),
    )
    return [
        Door("Admin", f"{world.server_url}/demo/sign-in/{token}", f"as {OWNER_EMAIL}; works once"),
        Door("Guide", f"{world.server_url}/guide"),
    ]


def _ask_all(urls: list[str]) -> int:
    """Open every address as a browser would; 0 when all answer with a page."""
    failed = 0
    for url in urls:
        answer = requests.Session().get(url, timeout=STEP_S)
        good = answer.status_code == 200
        failed += not good
        print(f"{'ok' if good else 'FAILED':<12} {answer.status_code} {url}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    main()
