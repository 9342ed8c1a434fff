"""Facts, webhooks and health of a shop, against the demo shop and against answers that it does not give."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses

from connectors import registry
from connectors.woocommerce.install import smallest_unit, zone_of
from connectors.woocommerce.webhooks import TOPICS
from core.errors import CredentialsRefused, NotJson, PlatformRefused
from core.ports import Connector, Installation, Platform
from demo.server import RunningShop, start_in_thread
from demo.woocommerce.site import Webhook
from tests.connectors.woocommerce.shops import API, BASE, SHOP_KEY, connector, page, recording, refusal

ADDRESS = f"http://127.0.0.1:9/webhooks/woocommerce/{SHOP_KEY}"


@pytest.fixture
def running() -> Iterator[RunningShop]:
    shop = start_in_thread(order_count=0, customer_count=1, plugin=False)
    yield shop
    shop.stop()


def connected(running: RunningShop, *, key: Any = None) -> Connector:
    key = key or running.shop.create_key()
    installation = Installation(
        shop_key=SHOP_KEY,
        platform=Platform.WOOCOMMERCE,
        base_url=running.url,
        credentials={"consumer_key": key.consumer_key, "consumer_secret": key.consumer_secret},
    )
    return registry.connect(installation, policy=registry.AddressPolicy(allow_loopback=True))


def now() -> datetime:
    return datetime.now(UTC)


def ours(running: RunningShop) -> list[Webhook]:
    return [webhook for webhook in running.shop.webhooks if SHOP_KEY in webhook.delivery_url]


def test_facts_name_shop_zone_version_and_storage(running: RunningShop) -> None:
    facts = connected(running).installer.facts()

    assert (facts.name, facts.currency, facts.timezone, facts.smallest_unit) == ("Fernway", "EUR", "Europe/Prague", 1)
    assert facts.version == "11.0.1"
    assert facts.details == {
        "version": "11.0.1",
        "wordpress": "7.1",
        "order_storage": "hpos",
        "auth": "oauth1",
        "home_url": running.url,
    }


def test_subscribing_registers_each_topic_once_with_our_secret(running: RunningShop) -> None:
    connected(running).installer.subscribe(address=ADDRESS, secret="s3cret")

    assert sorted(webhook.topic for webhook in ours(running)) == sorted(TOPICS)
    assert {webhook.secret for webhook in ours(running)} == {"s3cret"}
    assert {webhook.delivery_url for webhook in ours(running)} == {ADDRESS}


def test_what_is_right_is_left_and_only_what_is_wrong_is_made_anew(running: RunningShop) -> None:
    shop = connected(running)
    shop.installer.subscribe(address=ADDRESS, secret="s")
    before = {webhook.topic: webhook.id for webhook in ours(running)}
    disabled = next(webhook for webhook in ours(running) if webhook.topic == "order.updated")
    disabled.status, disabled.failures = "disabled", 7

    shop.installer.subscribe(address=ADDRESS, secret="s")

    after = {webhook.topic: webhook.id for webhook in ours(running)}
    assert {topic for topic in TOPICS if before[topic] != after[topic]} == {"order.updated"}
    assert [webhook.failures for webhook in ours(running) if webhook.topic == "order.updated"] != [7]


def test_copies_leftovers_and_former_addresses_are_cleared_away(running: RunningShop) -> None:
    shop = connected(running)
    shop.installer.subscribe(address=ADDRESS, secret="s")
    shop.installer.subscribe(address=f"https://former.example/webhooks/woocommerce/{SHOP_KEY}", secret="s")
    site = running.shop.site
    for number in (901, 902):
        site.webhooks[number] = Webhook(number, 1, "Regulars old", "order.updated", ADDRESS, "s", 0)
    site.webhooks[903] = Webhook(903, 1, "Regulars x", "product.updated", ADDRESS, "s", 0)
    site.webhooks[904] = Webhook(904, 1, "Somebody else", "order.updated", "https://other.example/hook", "s", 0)

    shop.installer.subscribe(address=ADDRESS, secret="s")

    assert sorted(webhook.topic for webhook in ours(running)) == sorted(TOPICS)
    assert {webhook.delivery_url for webhook in ours(running)} == {ADDRESS}
    assert 904 in site.webhooks


def test_connecting_again_with_another_key_makes_webhooks_that_its_owner_owns(running: RunningShop) -> None:
    connected(running).installer.subscribe(address=ADDRESS, secret="s")
    owner = running.shop.add_customer("boss@example.com")
    owner.role = "administrator"

    connected(running, key=running.shop.create_key(user_id=owner.id)).installer.subscribe(address=ADDRESS, secret="s")

    assert {webhook.user_id for webhook in ours(running)} == {owner.id}
    assert len(ours(running)) == len(TOPICS)


def test_uninstalling_touches_nobody_elses_webhooks(running: RunningShop) -> None:
    shop = connected(running)
    running.shop.site.webhooks[904] = Webhook(904, 1, "Else", "order.updated", "https://other.example/hook", "s", 0)
    shop.installer.subscribe(address=ADDRESS, secret="s")

    shop.installer.uninstall(address=ADDRESS)

    assert [webhook.id for webhook in running.shop.webhooks] == [904]


def test_the_health_of_a_well_shop_has_no_problems(running: RunningShop) -> None:
    shop = connected(running)
    shop.installer.subscribe(address=ADDRESS, secret="s")

    health = shop.installer.health(address=ADDRESS, now=now())

    assert (health.problems, health.version, health.details["order_storage"]) == ((), "11.0.1", "hpos")


def test_health_sees_what_is_wrong_with_the_webhooks(running: RunningShop) -> None:
    shop = connected(running)

    def problems() -> tuple[str, ...]:
        return shop.installer.health(address=ADDRESS, now=now()).problems

    assert problems() == ("webhook_missing",)
    shop.installer.subscribe(address=ADDRESS, secret="s")
    ours(running)[0].status = "paused"
    assert problems() == ("webhook_disabled",)
    ours(running)[0].status = "active"
    running.shop.site.webhooks[901] = Webhook(901, 1, "x", "order.updated", ADDRESS, "s", 0)
    assert problems() == ("webhook_duplicate",)
    running.shop.site.webhooks[901].delivery_url = f"https://former.example/{SHOP_KEY}"
    assert problems() == ("webhook_elsewhere",)


@pytest.mark.parametrize(("minutes", "problems"), [(4, ()), (-4, ()), (6, ("clock_skew",)), (-6, ("clock_skew",))])
def test_health_sees_clocks_apart(running: RunningShop, minutes: int, problems: tuple[str, ...]) -> None:
    shop = connected(running)
    shop.installer.subscribe(address=ADDRESS, secret="s")

    found = shop.installer.health(address=ADDRESS, now=now() + timedelta(minutes=minutes))

    assert found.problems == problems


@pytest.mark.parametrize(
    ("mode", "problem"),
    [
        ("html", "not_json"),
        ("maintenance", "shop_unavailable"),
        ("fatal", "unreachable"),
        ("error500", "unreachable"),
        ("notice", "not_json"),
        ("revoked", "key_refused"),
    ],
)
def test_health_names_the_way_in_which_a_shop_is_broken(running: RunningShop, mode: str, problem: str) -> None:
    shop = connected(running)
    running.shop.faults.update({"rest_mode": mode})

    health = shop.installer.health(address=ADDRESS, now=now())

    assert health.problems == (problem,)
    assert health.details["why"].endswith(".")


def test_health_of_a_shop_whose_clock_is_wrong_by_an_hour_says_so_instead_of_blaming_the_key(
    running: RunningShop,
) -> None:
    shop = connected(running)
    running.shop.faults.update({"clock_skew_s": 3600})

    # The demo's web server stamps its answers with the machine's time, as a proxy before a shop would.
    assert shop.installer.health(address=ADDRESS, now=now()).problems == ("clock_skew",)


def test_health_of_a_shop_that_hangs_up_is_unreachable(running: RunningShop) -> None:
    shop = connected(running)
    running.shop.faults.update({"shop_down": True})

    assert shop.installer.health(address=ADDRESS, now=now()).problems == ("unreachable",)


def test_a_key_that_may_only_read_cannot_subscribe(running: RunningShop) -> None:
    shop = connected(running, key=running.shop.create_key(scope="read"))

    assert shop.installer.facts().currency == "EUR"
    with pytest.raises(CredentialsRefused, match="Read/Write"):
        shop.installer.subscribe(address=ADDRESS, secret="s")


def answering(status: dict[str, Any] | None = None, **settings: Any) -> None:
    body = status or recording("system_status")
    body["settings"].update(settings)
    responses.get(f"{API}/system_status", json=body)


@responses.activate
def test_the_recorded_shop_is_read() -> None:
    answering()
    responses.get(f"{BASE}/wp-json/", json={"name": "Obchod &amp; syn", "timezone_string": "", "gmt_offset": "2"})

    facts = connector().installer.facts()

    assert (facts.name, facts.currency, facts.timezone, facts.version) == ("Obchod & syn", "EUR", "Etc/GMT-2", "11.0.1")
    assert facts.details["auth"] == "basic"


@responses.activate
def test_a_shop_that_hides_its_index_is_still_read() -> None:
    answering()
    responses.get(f"{BASE}/wp-json/", **page(status=403))

    facts = connector().installer.facts()

    assert (facts.name, facts.timezone) == ("shop.example", "UTC")


@pytest.mark.parametrize("version", ["8.1.9", "3.5.0", "", None, "unknown"])
@responses.activate
def test_a_woocommerce_that_is_too_old_is_refused_with_its_number(version: str | None) -> None:
    status = recording("system_status")
    status["environment"]["version"] = version
    answering(status)

    with pytest.raises(PlatformRefused, match=r"8\.2 or newer"):
        connector().installer.facts()


@responses.activate
def test_a_status_without_its_sections_is_no_answer() -> None:
    responses.get(f"{API}/system_status", json={"environment": []})

    with pytest.raises(NotJson):
        connector().installer.facts()


@responses.activate
def test_health_tells_of_coupons_switched_off_and_of_a_version_that_can_be_raced() -> None:
    status = recording("system_status")
    status["environment"]["version"] = "9.5.2"
    answering(status)
    responses.get(f"{API}/settings/general/woocommerce_enable_coupons", json={"value": "no"})
    responses.get(f"{API}/webhooks", json=[])

    problems = connector().installer.health(address=ADDRESS, now=now()).problems

    assert problems == ("single_use_can_be_raced", "webhook_missing", "coupons_off")


@responses.activate
def test_health_over_plain_http_is_a_problem() -> None:
    base = "http://shop.example"
    responses.get(f"{base}/wp-json/wc/v3/system_status", **refusal("rest_no_route", 404))

    problems = connector(base).installer.health(address=ADDRESS, now=now()).problems

    assert problems == ("plain_http", "shop_unavailable")


@responses.activate
def test_the_secret_and_the_key_cannot_be_read_from_a_webhooks_name() -> None:
    responses.get(f"{API}/webhooks", json=[])
    responses.post(f"{API}/webhooks", json={"id": 1})

    connector().installer.subscribe(address=ADDRESS, secret="s3cret")

    names = [str(call.request.body) for call in responses.calls if call.request.method == "POST"]
    assert len(names) == len(TOPICS)
    assert all("Regulars " in name and "ck_" not in name for name in names)


@pytest.mark.parametrize(
    ("currency", "decimals", "unit"),
    [("EUR", 2, 1), ("CZK", 0, 100), ("CZK", "0", 100), ("EUR", 1, 10), ("EUR", 4, 1), ("JPY", 0, 1), ("KWD", 2, 10)],
)
def test_the_smallest_unit_follows_the_decimals_that_the_shop_shows(currency: str, decimals: object, unit: int) -> None:
    assert smallest_unit(currency, decimals) == unit


@pytest.mark.parametrize(("currency", "decimals"), [("", 2), ("euro", 2), ("EUR", None), ("EUR", "two")])
def test_a_currency_that_cannot_be_read_is_refused(currency: str, decimals: object) -> None:
    with pytest.raises(PlatformRefused):
        smallest_unit(currency, decimals)


@pytest.mark.parametrize(
    ("name", "offset", "zone"),
    [
        ("Europe/Prague", "1", "Europe/Prague"),
        ("", "2", "Etc/GMT-2"),
        ("", 2, "Etc/GMT-2"),
        ("", "-5", "Etc/GMT+5"),
        ("", "0", "UTC"),
        ("", "5.5", "Asia/Kolkata"),
        ("", "-3.5", "UTC"),
        ("", "", "UTC"),
        (None, None, "UTC"),
        ("", "99", "UTC"),
        ("", "nan", "UTC"),
        ("Europe", "1", "Etc/GMT-1"),
        ("../../etc/passwd", "1", "Etc/GMT-1"),
        ("Mars/Olympus", "1", "Etc/GMT-1"),
    ],
)
def test_a_shop_with_an_offset_in_place_of_a_zone_has_one(name: object, offset: object, zone: str) -> None:
    assert zone_of(name, offset) == zone
