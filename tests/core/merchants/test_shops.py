"""Merchants and shops: connecting, pairing, launching, health."""

import base64
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet

from core.commerce import Health, ShopFacts
from core.db.engine import Database, reading, unit_of_work
from core.errors import (
    ConfigurationError,
    Conflict,
    CredentialsRefused,
    InvalidInput,
    NotAllowed,
    NotFound,
    Refused,
    Unreachable,
)
from core.ids import MerchantId, StaffId, new_id
from core.merchants import commands, health, queries
from core.merchants.queries import ShopView
from core.ports import Platform
from core.sealing import Vault

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
VAULT = Vault([Fernet.generate_key()])
FACTS = ShopFacts(name="Bean and Leaf", currency="EUR", timezone="Europe/Prague", details={"decimals": "2"})
CREDENTIALS = {"consumer_key": "ck_1", "consumer_secret": "cs_very_secret"}


def make_merchant(db: Database, name: str = "Bean and Leaf") -> MerchantId:
    with unit_of_work(db) as session:
        return commands.create_merchant(session, name=name, timezone="Europe/Prague", now=NOW)


def connect(
    db: Database, merchant_id: MerchantId, *, base_url: str = "https://bean.example", now: datetime = NOW
) -> ShopView:
    with unit_of_work(db) as session:
        return commands.connect_shop(
            session,
            VAULT,
            merchant_id,
            platform=Platform.WOOCOMMERCE,
            base_url=base_url,
            facts=FACTS,
            credentials=CREDENTIALS,
            now=now,
        )


def test_a_new_merchant_is_in_draft(db: Database) -> None:
    merchant_id = make_merchant(db)

    with reading(db) as session:
        merchant = queries.merchant(session, merchant_id)
        assert (merchant.name, merchant.launch, merchant.launched_at, merchant.pauses) == (
            "Bean and Leaf",
            "draft",
            None,
            (),
        )
        assert [view.merchant_id for view in queries.all_merchants(session)] == [merchant_id]


@pytest.mark.parametrize("timezone", ["Mars/Phobos", "Europe", "../etc/passwd", "", "/etc/passwd"])
def test_a_time_zone_that_does_not_exist_is_refused(timezone: str, db: Database) -> None:
    with pytest.raises(InvalidInput), unit_of_work(db) as session:
        commands.create_merchant(session, name="Shop", timezone=timezone, now=NOW)


def test_a_connected_shop_is_found_by_its_key_and_its_credentials_are_sealed(db: Database) -> None:
    merchant_id = make_merchant(db)

    shop = connect(db, merchant_id)

    with reading(db) as session:
        assert queries.shop_by_key(session, shop.shop_key) == shop
        assert queries.shop_by_key(session, "0" * 32) is None
        installation = queries.installation(session, VAULT, merchant_id, shop.shop_id)
        assert dict(installation.credentials) == CREDENTIALS
        assert installation.details == {"decimals": "2"}
        assert len(queries.webhook_secrets(session, VAULT, merchant_id, shop.shop_id)) == 1
        stored = session.connection().exec_driver_sql("SELECT credentials_sealed FROM installations").scalar_one()
        assert "cs_very_secret" not in stored


def test_connecting_the_same_address_again_keeps_shop_key_and_secrets(db: Database) -> None:
    merchant_id = make_merchant(db)
    first = connect(db, merchant_id)
    with unit_of_work(db) as session:
        secrets = queries.webhook_secrets(session, VAULT, merchant_id, first.shop_id)
        commands.disconnect_shop(session, merchant_id, first.shop_id, now=NOW)

    again = connect(db, merchant_id, now=NOW + timedelta(days=3))

    assert again == first
    with reading(db) as session:
        assert queries.webhook_secrets(session, VAULT, merchant_id, first.shop_id) == secrets
        assert len(queries.shops(session, merchant_id)) == 1


def test_two_connections_of_one_address_at_once_make_one_shop(db: Database) -> None:
    merchant_id = make_merchant(db)

    with ThreadPoolExecutor(4) as pool:
        shops = list(pool.map(lambda _: connect(db, merchant_id), range(4)))

    assert len({shop.shop_id for shop in shops}) == 1


def test_a_shop_of_another_merchant_is_not_found(db: Database) -> None:
    shop = connect(db, make_merchant(db))
    other = make_merchant(db, "Other")

    with unit_of_work(db) as session:
        for attempt in (
            lambda: queries.shop(session, other, shop.shop_id),
            lambda: queries.installation(session, VAULT, other, shop.shop_id),
            lambda: queries.health(session, other, shop.shop_id),
            lambda: commands.disconnect_shop(session, other, shop.shop_id, now=NOW),
            lambda: commands.new_pairing_code(session, other, shop.shop_id, now=NOW),
            lambda: commands.allow_clawback(session, other, shop.shop_id, until=NOW),
        ):
            with pytest.raises(NotFound):
                attempt()


def test_credentials_are_forgotten_only_after_disconnecting(db: Database) -> None:
    merchant_id = make_merchant(db)
    shop = connect(db, merchant_id)

    with unit_of_work(db) as session:
        with pytest.raises(Refused):
            commands.forget_credentials(session, merchant_id, shop.shop_id)
        commands.disconnect_shop(session, merchant_id, shop.shop_id, now=NOW)
        commands.forget_credentials(session, merchant_id, shop.shop_id)

        assert not queries.shop(session, merchant_id, shop.shop_id).connected
        with pytest.raises(Conflict):
            queries.installation(session, VAULT, merchant_id, shop.shop_id)


def test_a_rotated_webhook_secret_leaves_the_one_before_it_good(db: Database) -> None:
    merchant_id = make_merchant(db)
    shop = connect(db, merchant_id)

    with unit_of_work(db) as session:
        (oldest,) = queries.webhook_secrets(session, VAULT, merchant_id, shop.shop_id)
        second = commands.rotate_webhook_secret(session, VAULT, merchant_id, shop.shop_id)
        assert queries.webhook_secrets(session, VAULT, merchant_id, shop.shop_id) == [second, oldest]
        third = commands.rotate_webhook_secret(session, VAULT, merchant_id, shop.shop_id)
        assert queries.webhook_secrets(session, VAULT, merchant_id, shop.shop_id) == [third, second]


def test_a_connect_state_is_good_once_and_for_an_hour(db: Database) -> None:
    merchant_id = make_merchant(db)
    staff_id = StaffId(new_id())

    def begin() -> str:
        with unit_of_work(db) as session:
            return commands.begin_connect(
                session,
                merchant_id,
                platform=Platform.WOOCOMMERCE,
                base_url="https://bean.example",
                staff_id=staff_id,
                now=NOW,
            )

    with unit_of_work(db) as session:
        state = begin() if not db.is_sqlite else None
    state = state or begin()
    late = begin()
    with unit_of_work(db) as session:
        pending = commands.take_connect_state(session, state, NOW + timedelta(minutes=5))
        assert (pending.merchant_id, pending.staff_id, pending.base_url) == (
            merchant_id,
            staff_id,
            "https://bean.example",
        )
        for token in (state, "made up", ""):
            with pytest.raises(NotAllowed):
                commands.take_connect_state(session, token, NOW + timedelta(minutes=5))
        with pytest.raises(NotAllowed):
            commands.take_connect_state(session, late, NOW + timedelta(hours=1))


def test_a_pairing_code_gives_a_key_of_32_bytes_once(db: Database) -> None:
    merchant_id = make_merchant(db)
    shop = connect(db, merchant_id)

    with unit_of_work(db) as session:
        code = commands.new_pairing_code(session, merchant_id, shop.shop_id, now=NOW)
        kid, key = commands.pair(
            session, VAULT, merchant_id, shop.shop_id, code=f" {code.lower()} ", now=NOW + timedelta(hours=23)
        )

        assert len(base64.urlsafe_b64decode(key + "=")) == 32
        assert queries.plugin_keys(session, VAULT, merchant_id, shop.shop_id) == {kid: key}
        with pytest.raises(NotAllowed):
            commands.pair(session, VAULT, merchant_id, shop.shop_id, code=code, now=NOW + timedelta(hours=23))


def test_a_pairing_code_is_good_for_a_day_and_for_its_shop_only(db: Database) -> None:
    merchant_id = make_merchant(db)
    shop, other = connect(db, merchant_id), connect(db, merchant_id, base_url="https://leaf.example")

    with unit_of_work(db) as session:
        code = commands.new_pairing_code(session, merchant_id, shop.shop_id, now=NOW)
        with pytest.raises(NotAllowed):
            commands.pair(session, VAULT, merchant_id, other.shop_id, code=code, now=NOW)
        with pytest.raises(NotAllowed):
            commands.pair(session, VAULT, merchant_id, shop.shop_id, code=code, now=NOW + timedelta(hours=24))


def test_pairing_twice_keeps_the_last_two_keys(db: Database) -> None:
    merchant_id = make_merchant(db)
    shop = connect(db, merchant_id)

    pairs = []
    for _ in range(3):
        with unit_of_work(db) as session:
            code = commands.new_pairing_code(session, merchant_id, shop.shop_id, now=NOW)
            pairs.append(commands.pair(session, VAULT, merchant_id, shop.shop_id, code=code, now=NOW))

    with reading(db) as session:
        assert queries.plugin_keys(session, VAULT, merchant_id, shop.shop_id) == dict(pairs[1:])


def test_of_eight_pairings_at_once_with_one_code_one_wins(db: Database) -> None:
    merchant_id = make_merchant(db)
    shop = connect(db, merchant_id)
    with unit_of_work(db) as session:
        code = commands.new_pairing_code(session, merchant_id, shop.shop_id, now=NOW)

    def attempt(_: int) -> str | None:
        try:
            with unit_of_work(db) as session:
                return commands.pair(session, VAULT, merchant_id, shop.shop_id, code=code, now=NOW)[0]
        except NotAllowed:
            return None

    with ThreadPoolExecutor(8) as pool:
        kids = [kid for kid in pool.map(attempt, range(8)) if kid]

    assert len(kids) == 1
    with reading(db) as session:
        assert list(queries.plugin_keys(session, VAULT, merchant_id, shop.shop_id)) == kids


def test_a_door_sees_what_the_shop_is_at_that_moment(db: Database) -> None:
    merchant_id = make_merchant(db)
    shop = connect(db, merchant_id)

    def door() -> queries.DoorView:
        with reading(db) as session:
            found = queries.door_by_key(session, shop.shop_key)
            assert found is not None
            assert found.shop == queries.shop(session, merchant_id, shop.shop_id)
            assert found.merchant == queries.merchant(session, merchant_id)
            assert found.plugin_keys(VAULT) == queries.plugin_keys(session, VAULT, merchant_id, shop.shop_id)
            assert found.webhook_secrets(VAULT) == queries.webhook_secrets(session, VAULT, merchant_id, shop.shop_id)
            return found

    at_first = door()
    with unit_of_work(db) as session:
        code = commands.new_pairing_code(session, merchant_id, shop.shop_id, now=NOW)
        kid, _ = commands.pair(session, VAULT, merchant_id, shop.shop_id, code=code, now=NOW)
    paired = door()
    launch(db, merchant_id, "live", hours=1)
    launch(db, merchant_id, "paused", hours=2)
    paused = door()
    with unit_of_work(db) as session:
        commands.disconnect_shop(session, merchant_id, shop.shop_id, now=NOW)
    disconnected = door()

    assert at_first.plugin_keys(VAULT) == {}
    assert list(paired.plugin_keys(VAULT)) == [kid]
    assert (paused.merchant.launch, len(paused.merchant.pauses)) == ("paused", 1)
    assert not disconnected.shop.connected


@pytest.mark.parametrize("shop_key", ["0" * 32, "", "x\x00y", "ž" * 32])
def test_there_is_no_door_where_there_is_no_shop(shop_key: str, db: Database) -> None:
    with reading(db) as session:
        assert queries.door_by_key(session, shop_key) is None


def test_what_one_vault_keeps_open_stays_closed_to_another() -> None:
    sealed = VAULT.seal("a key")
    other = Vault([Fernet.generate_key()])

    opened = [VAULT.keep_open(sealed) for _ in range(2)]

    assert opened == ["a key"] * 2
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            other.keep_open(sealed)


def launch(db: Database, merchant_id: MerchantId, state: str, *, hours: int) -> None:
    with unit_of_work(db) as session:
        commands.set_launch(session, merchant_id, state, now=NOW + timedelta(hours=hours))


def test_the_first_launch_says_from_when_orders_earn(db: Database) -> None:
    merchant_id = make_merchant(db)
    before = connect(db, merchant_id)
    assert before.earn_from is None

    launch(db, merchant_id, "staff", hours=1)
    launch(db, merchant_id, "live", hours=2)
    after = connect(db, merchant_id, base_url="https://leaf.example", now=NOW + timedelta(hours=3))

    with reading(db) as session:
        assert queries.shop(session, merchant_id, before.shop_id).earn_from == NOW + timedelta(hours=1)
        assert queries.merchant(session, merchant_id).launched_at == NOW + timedelta(hours=2)
    assert after.earn_from == NOW + timedelta(hours=3)


def test_an_order_of_the_second_of_the_launch_earns(db: Database) -> None:
    merchant_id = make_merchant(db)
    before = connect(db, merchant_id)

    with unit_of_work(db) as session:
        commands.set_launch(session, merchant_id, "live", now=NOW.replace(microsecond=700_000))
    after = connect(db, merchant_id, base_url="https://leaf.example", now=NOW.replace(microsecond=1))

    with reading(db) as session:
        assert queries.shop(session, merchant_id, before.shop_id).earn_from == NOW
    assert after.earn_from == NOW


def test_pauses_are_intervals_that_close_when_the_program_goes_on(db: Database) -> None:
    merchant_id = make_merchant(db)

    for hours, state in enumerate(["live", "paused", "paused", "live", "paused"], start=1):
        launch(db, merchant_id, state, hours=hours)

    with reading(db) as session:
        merchant = queries.merchant(session, merchant_id)
    assert merchant.pauses == (
        (NOW + timedelta(hours=2), NOW + timedelta(hours=4)),
        (NOW + timedelta(hours=5), None),
    )
    assert merchant.launched_at == NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("states", "refusal"), [(["live", "draft"], Refused), (["paused"], Refused), (["open"], InvalidInput)]
)
def test_launch_refuses_what_makes_no_sense(states: list[str], refusal: type[Refused], db: Database) -> None:
    merchant_id = make_merchant(db)
    for state in states[:-1]:
        launch(db, merchant_id, state, hours=1)

    with pytest.raises(refusal):
        launch(db, merchant_id, states[-1], hours=2)


def test_redeeming_can_be_stopped_and_started(db: Database) -> None:
    merchant_id = make_merchant(db)

    for stopped in (True, False):
        with unit_of_work(db) as session:
            commands.stop_redeeming(session, merchant_id, stopped)
            assert queries.merchant(session, merchant_id).redeeming_stopped is stopped


def test_the_order_cursor_never_goes_back(db: Database) -> None:
    merchant_id = make_merchant(db)
    shop = connect(db, merchant_id)

    with unit_of_work(db) as session:
        for minutes in (5, 3, 7, 6):
            commands.move_order_cursor(session, merchant_id, shop.shop_id, to=NOW + timedelta(minutes=minutes))

        assert queries.shop(session, merchant_id, shop.shop_id).order_cursor == NOW + timedelta(minutes=7)


def test_the_public_address_is_kept_without_a_slash_at_its_end(db: Database) -> None:
    with unit_of_work(db) as session:
        assert queries.public_url(session) is None
        commands.set_public_url(session, "https://points.example/", now=NOW)
        commands.set_public_url(session, "https://points2.example/", now=NOW)

        assert queries.public_url(session) == "https://points2.example"


def test_health_counts_notes_times_and_forgets_failures_after_a_success(db: Database) -> None:
    merchant_id = make_merchant(db)
    shop = connect(db, merchant_id)
    which = (merchant_id, shop.shop_id)

    with unit_of_work(db) as session:
        health.note_delivery(session, *which, now=NOW)
        health.note_delivery(session, *which, now=NOW + timedelta(minutes=1))
        health.note_nudge(session, *which, now=NOW)
        for _ in range(3):
            health.note_bad_signature(session, *which, now=NOW)
        health.note_not_understood(session, *which, now=NOW)
        health.note_failure(session, *which, CredentialsRefused("The key is dead"), now=NOW)
        health.note_failure(session, *which, Unreachable("x" * 1000), now=NOW + timedelta(hours=1))
        failing = queries.health(session, *which)
        health.note_poll(session, *which, now=NOW + timedelta(hours=2))
        fine = queries.health(session, *which)

    assert failing.last_delivery_at == NOW + timedelta(minutes=1)
    assert (failing.bad_signatures, failing.not_understood, failing.last_nudge_at) == (3, 1, NOW)
    assert failing.failing_since == NOW
    assert failing.last_error is not None
    assert failing.last_error.startswith("unreachable: x")
    assert len(failing.last_error) <= 300
    assert (fine.failing_since, fine.last_error, fine.last_poll_at) == (None, None, NOW + timedelta(hours=2))


def test_the_problems_of_a_shop_are_those_of_look_failures_and_silence(db: Database) -> None:
    merchant_id = make_merchant(db)
    shop = connect(db, merchant_id)
    which = (merchant_id, shop.shop_id)

    with unit_of_work(db) as session:
        health.record_look(session, *which, Health(checked_at=NOW, problems=("webhook_missing",), version="9.1"))
        health.note_failure(session, *which, CredentialsRefused("The key is dead"), now=NOW)
        seen = queries.health(session, *which)

    assert seen.version == "9.1"
    assert health.problem_words(shop, seen, now=NOW) == ("credentials_refused", "webhook_missing")
    assert "silent" in health.problem_words(shop, seen, now=NOW + timedelta(hours=7))
