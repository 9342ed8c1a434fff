"""Writes to merchants and shops: connect, pair, launch. Functions take a session and never commit."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import Session

from core.commerce import ShopFacts
from core.db.engine import rows_changed
from core.db.types import table
from core.errors import InvalidInput, NotAllowed, NotFound, Refused
from core.ids import MerchantId, ShopId, StaffId, new_code, new_id, new_secret, new_shop_key, normal_code
from core.merchants import queries, tokens
from core.merchants.queries import ShopView
from core.merchants.tables import DirectoryShop, InstallationRow, InstanceFact, Merchant, PairingCode, Shop, ShopHealth
from core.ports import Platform
from core.sealing import Vault, token_digest

MERCHANTS, SHOPS, INSTALLATIONS = table(Merchant), table(Shop), table(InstallationRow)
PAIRING_CODES, FACTS = table(PairingCode), table(InstanceFact)

LAUNCH_STATES = ("draft", "staff", "live", "paused")
PAIRING_LIFETIME = timedelta(hours=24)
WEBHOOK_SECRETS_KEPT = 2  # the newest, and the one before it for messages under way while it is replaced
# The newest, and the one before it: if the answer to a pairing is lost, the plugin still signs with its old key.
PLUGIN_KEYS_KEPT = 2


@dataclass(frozen=True)
class PendingConnect:
    """A connection that a merchant began in the admin and that the shop is about to answer."""

    merchant_id: MerchantId
    staff_id: StaffId
    platform: Platform
    base_url: str


def create_merchant(session: Session, *, name: str, timezone: str, now: datetime) -> MerchantId:
    """A new merchant, its program in draft. Raises InvalidInput for a time zone that does not exist."""
    check_timezone(timezone)
    merchant_id = MerchantId(new_id())
    session.add(Merchant(merchant_id=merchant_id, name=name, timezone=timezone, created_at=now, pauses=[]))
    session.flush()
    return merchant_id


def change_merchant(session: Session, merchant_id: MerchantId, *, name: str, timezone: str) -> None:
    """Raises InvalidInput, NotFound. The program's zone is in its terms; this one is for what the admin shows."""
    check_timezone(timezone)
    update = sa.update(MERCHANTS).where(MERCHANTS.c.merchant_id == merchant_id).values(name=name, timezone=timezone)
    if rows_changed(session, update) != 1:
        raise NotFound("There is no such merchant")


def check_timezone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:  # unknown, a directory of the zone database, not even a name
        raise InvalidInput(f"{name!r} is not a time zone", field="timezone") from error


def connect_shop(
    session: Session,
    vault: Vault,
    merchant_id: MerchantId,
    *,
    platform: Platform,
    base_url: str,
    facts: ShopFacts,
    credentials: Mapping[str, str],
    now: datetime,
) -> ShopView:
    """Tie a shop to the merchant. The same address again is a reconnect: same shop and key; points stay."""
    launch = _lock_merchant(session, merchant_id).launch
    same = (SHOPS.c.merchant_id == merchant_id, SHOPS.c.platform == platform.value, SHOPS.c.base_url == base_url)
    found = session.connection().execute(sa.select(SHOPS.c.shop_id).where(*same)).scalar()
    shop_id = ShopId(found or new_id())
    if found is None:
        _add_shop(session, vault, merchant_id, shop_id, platform, base_url, facts, now)
        if launch != "draft":
            earning = sa.update(SHOPS).where(SHOPS.c.merchant_id == merchant_id, SHOPS.c.shop_id == shop_id)
            session.connection().execute(earning.values(earn_from=_whole_second(now)))
    session.connection().execute(
        sa.update(SHOPS)
        .where(*same)
        .values(
            name=facts.name,
            currency=facts.currency,
            smallest_unit=facts.smallest_unit,
            timezone=facts.timezone,
            storefront_url=facts.storefront_url,
            state="connected",
        )
    )
    session.connection().execute(
        sa.update(INSTALLATIONS)
        .where(INSTALLATIONS.c.merchant_id == merchant_id, INSTALLATIONS.c.shop_id == shop_id)
        .values(
            credentials_sealed=vault.seal(json.dumps(dict(credentials))),
            details=facts.details,
            installed_at=now,
            renewing_until=None,  # whoever is renewing what stood here comes too late
        )
    )
    return queries.shop(session, merchant_id, shop_id)


def note_facts(session: Session, merchant_id: MerchantId, shop_id: ShopId, facts: ShopFacts) -> None:
    """What the shop says of itself now: its name, where shoppers see it, what it lets us do. Not its currency: books are in it."""
    where = (SHOPS.c.merchant_id == merchant_id, SHOPS.c.shop_id == shop_id)
    values = {"name": facts.name, "timezone": facts.timezone, "storefront_url": facts.storefront_url}
    session.connection().execute(sa.update(SHOPS).where(*where).values(**values))
    _store(session, merchant_id, shop_id, details=facts.details)


def disconnect_shop(session: Session, merchant_id: MerchantId, shop_id: ShopId, *, now: datetime) -> None:
    """Stop talking to a shop. Orders, points and keys stay; the credentials too, until open codes are known to be dead.

    Raises NotFound. Safe to repeat.
    """
    _set_state(session, merchant_id, shop_id, "disconnected")


def shop_took_us_off(
    session: Session, merchant_id: MerchantId, shop_id: ShopId, *, installed_at: datetime, now: datetime
) -> bool:
    """The shop removed our app: its credentials are dead and dropped, and installing again is all that it takes.

    False where it has installed us again since `installed_at`, when its credentials were looked at.
    """
    row = _lock_installation(session, merchant_id, shop_id)
    if row.installed_at != installed_at:
        return False
    if queries.shop(session, merchant_id, shop_id).connected:
        _set_state(session, merchant_id, shop_id, "removed")
    _store(session, merchant_id, shop_id, credentials_sealed="")
    return True


def let_shop_return(session: Session, merchant_id: MerchantId, shop_id: ShopId) -> None:
    """A shop that staff disconnected may install us again. Raises NotFound."""
    if not queries.shop(session, merchant_id, shop_id).connected:
        _set_state(session, merchant_id, shop_id, "removed")


def forget_credentials(session: Session, merchant_id: MerchantId, shop_id: ShopId) -> None:
    """Drop the credentials of a disconnected shop. Raises Refused while it is connected. Safe to repeat."""
    _lock_installation(session, merchant_id, shop_id)  # it may be coming back this moment
    if queries.shop(session, merchant_id, shop_id).connected:
        raise Refused("Disconnect the shop first")
    session.connection().execute(
        sa.update(INSTALLATIONS)
        .where(
            INSTALLATIONS.c.merchant_id == merchant_id,
            INSTALLATIONS.c.shop_id == shop_id,
            INSTALLATIONS.c.credentials_sealed != "",
        )
        .values(credentials_sealed="")
    )


def own_key(session: Session, vault: Vault, merchant_id: MerchantId, shop_id: ShopId) -> tuple[str, str]:
    """(kid, key) that we sign shoppers' tokens with ourselves, where the platform proves the shopper to us; made once."""
    row = _lock_installation(session, merchant_id, shop_id)
    keys: dict[str, str] = json.loads(vault.open(row.keys_sealed))
    if not keys:
        keys = {secrets.token_hex(4): new_secret()}
        _store(session, merchant_id, shop_id, keys_sealed=vault.seal(json.dumps(keys)))
    return list(keys.items())[-1]


def forget_webhook_secrets(session: Session, vault: Vault, merchant_id: MerchantId, shop_id: ShopId) -> None:
    """Of a shop whose platform makes the secret itself: until it is asked for one, there is none."""
    _store(session, merchant_id, shop_id, webhook_secrets_sealed=vault.seal("[]"))


def take_webhook_secret(session: Session, vault: Vault, merchant_id: MerchantId, shop_id: ShopId, secret: str) -> None:
    """The secret that the platform signs with from now on; the one before it stays good for messages under way."""
    row = _lock_installation(session, merchant_id, shop_id)
    kept = [secret, *json.loads(vault.open(row.webhook_secrets_sealed))][:WEBHOOK_SECRETS_KEPT]
    _store(session, merchant_id, shop_id, webhook_secrets_sealed=vault.seal(json.dumps(kept)))


def rotate_webhook_secret(session: Session, vault: Vault, merchant_id: MerchantId, shop_id: ShopId) -> str:
    """A new secret in front; the one before it stays good for messages under way. Subscribe with the new one next."""
    row = _lock_installation(session, merchant_id, shop_id)
    kept = [new_secret(), *json.loads(vault.open(row.webhook_secrets_sealed))][:WEBHOOK_SECRETS_KEPT]
    _store(session, merchant_id, shop_id, webhook_secrets_sealed=vault.seal(json.dumps(kept)))
    return str(kept[0])


def begin_connect(
    session: Session,
    merchant_id: MerchantId,
    *,
    platform: Platform,
    base_url: str,
    staff_id: StaffId,
    now: datetime,
) -> str:
    """The state token that goes to the shop and must come back with its keys: single use, one hour."""
    details = {"platform": platform.value, "base_url": base_url}
    return tokens.make(
        session, tokens.Purpose.CONNECT, merchant_id=merchant_id, subject_id=staff_id, details=details, now=now
    )


def take_connect_state(session: Session, state: str, now: datetime) -> PendingConnect:
    """Raises NotAllowed when the state is unknown, was used, or is too old."""
    token = tokens.take(session, state, purposes=[tokens.Purpose.CONNECT], now=now)
    if token.merchant_id is None or token.subject_id is None:  # begin_connect always names both
        raise NotAllowed("This connection was not begun here")
    return PendingConnect(
        merchant_id=token.merchant_id,
        staff_id=StaffId(token.subject_id),
        platform=Platform(token.details["platform"]),
        base_url=token.details["base_url"],
    )


def new_pairing_code(session: Session, merchant_id: MerchantId, shop_id: ShopId, *, now: datetime) -> str:
    """A code that the plugin in the shop exchanges for its key: single use, 24 hours. Earlier codes stay good."""
    queries.shop(session, merchant_id, shop_id)
    code = new_code()
    session.add(
        PairingCode(
            merchant_id=merchant_id, digest=token_digest(code), shop_id=shop_id, expires_at=now + PAIRING_LIFETIME
        )
    )
    session.flush()
    return code


def pair(
    session: Session, vault: Vault, merchant_id: MerchantId, shop_id: ShopId, *, code: str, now: datetime
) -> tuple[str, str]:
    """Exchange a pairing code for (kid, key); the key is base64url of 32 bytes. Raises NotAllowed. Of two, one wins."""
    row = _lock_installation(session, merchant_id, shop_id)
    used = rows_changed(
        session,
        sa.update(PAIRING_CODES)
        .where(
            PAIRING_CODES.c.merchant_id == merchant_id,
            PAIRING_CODES.c.digest == token_digest(normal_code(code)),
            PAIRING_CODES.c.shop_id == shop_id,
            PAIRING_CODES.c.used_at.is_(None),
            PAIRING_CODES.c.expires_at > now,
        )
        .values(used_at=now),
    )
    if used != 1:
        raise NotAllowed("This pairing code has been used or has expired")
    kid, key = secrets.token_hex(4), new_secret()
    keys = {**json.loads(vault.open(row.keys_sealed)), kid: key}
    kept = dict(list(keys.items())[-PLUGIN_KEYS_KEPT:])
    _store(session, merchant_id, shop_id, keys_sealed=vault.seal(json.dumps(kept)))
    return kid, key


def set_launch(session: Session, merchant_id: MerchantId, launch: str, *, now: datetime) -> None:
    """Move the program between draft, staff, live and paused. Raises InvalidInput; Refused for a way back to draft.

    The first staff or live sets `earn_from` of the shops that have none. Orders placed during a pause earn nothing.
    """
    if launch not in LAUNCH_STATES:
        raise InvalidInput(f"{launch!r} is not a state of a program", field="launch")
    row = _lock_merchant(session, merchant_id)
    if launch == row.launch:
        return
    if launch == "draft":
        raise Refused("A program that has been launched can be paused, but not taken back to draft")
    if launch == "paused" and row.launch == "draft":
        raise Refused("A program that was never launched cannot be paused")
    values: dict[str, Any] = {"launch": launch}
    if launch == "live" and row.launched_at is None:
        values["launched_at"] = now
    if launch == "paused":
        values["pauses"] = [*row.pauses, [now.isoformat(), None]]
    elif row.launch == "paused":
        values["pauses"] = [[since, until or now.isoformat()] for since, until in row.pauses]
    session.connection().execute(sa.update(MERCHANTS).where(MERCHANTS.c.merchant_id == merchant_id).values(**values))
    session.connection().execute(
        sa.update(SHOPS)
        .where(SHOPS.c.merchant_id == merchant_id, SHOPS.c.earn_from.is_(None))
        .values(earn_from=_whole_second(now))
    )


def stop_redeeming(session: Session, merchant_id: MerchantId, stopped: bool) -> None:
    """The switch for bad days: no new codes while it is on; codes already made stay good. Raises NotFound."""
    update = sa.update(MERCHANTS).where(MERCHANTS.c.merchant_id == merchant_id).values(redeeming_stopped=stopped)
    if rows_changed(session, update) != 1:
        raise NotFound("There is no such merchant")


def allow_clawback(session: Session, merchant_id: MerchantId, shop_id: ShopId, *, until: datetime) -> None:
    """Staff say that a large run of clawbacks is right: it goes on until then. Raises NotFound."""
    where = (SHOPS.c.merchant_id == merchant_id, SHOPS.c.shop_id == shop_id)
    if rows_changed(session, sa.update(SHOPS).where(*where).values(clawback_allowed_until=until)) != 1:
        raise NotFound("There is no such shop")


def set_earn_from(session: Session, merchant_id: MerchantId, shop_id: ShopId, *, to: datetime) -> None:
    """Orders of this shop placed from then on earn: the backfill's "points from a date". Raises NotFound."""
    where = (SHOPS.c.merchant_id == merchant_id, SHOPS.c.shop_id == shop_id)
    if rows_changed(session, sa.update(SHOPS).where(*where).values(earn_from=to)) != 1:
        raise NotFound("There is no such shop")


def move_order_cursor(session: Session, merchant_id: MerchantId, shop_id: ShopId, *, to: datetime) -> None:
    """Every order change before `to` has been marked as wanted. The cursor never goes back."""
    session.connection().execute(
        sa.update(SHOPS)
        .where(
            SHOPS.c.merchant_id == merchant_id,
            SHOPS.c.shop_id == shop_id,
            sa.or_(SHOPS.c.order_cursor.is_(None), SHOPS.c.order_cursor < to),
        )
        .values(order_cursor=to)
    )


def note_instance_fact(session: Session, name: str, value: Mapping[str, Any], *, now: datetime) -> None:
    """Set a fact about this server as a whole."""
    changed = rows_changed(
        session, sa.update(FACTS).where(FACTS.c.name == name).values(value=dict(value), updated_at=now)
    )
    if not changed:
        session.add(InstanceFact(name=name, value=dict(value), updated_at=now))
        session.flush()


def set_public_url(session: Session, url: str, *, now: datetime) -> None:
    """What the owner confirms at set-up: where shops and shoppers reach this server."""
    note_instance_fact(session, "public_url", {"url": url.rstrip("/")}, now=now)


def _add_shop(
    session: Session,
    vault: Vault,
    merchant_id: MerchantId,
    shop_id: ShopId,
    platform: Platform,
    base_url: str,
    facts: ShopFacts,
    now: datetime,
) -> None:
    """The rows of a shop seen for the first time, as yet without credentials."""
    shop_key = new_shop_key()
    session.add(
        Shop(
            merchant_id=merchant_id,
            shop_id=shop_id,
            shop_key=shop_key,
            platform=platform.value,
            name=facts.name,
            base_url=base_url,
            currency=facts.currency,
            timezone=facts.timezone,
            created_at=now,
        )
    )
    session.flush()
    session.add(DirectoryShop(shop_key=shop_key, merchant_id=merchant_id, shop_id=shop_id))
    session.add(ShopHealth(merchant_id=merchant_id, shop_id=shop_id, problems=[]))
    session.add(
        InstallationRow(
            merchant_id=merchant_id,
            shop_id=shop_id,
            credentials_sealed="",
            webhook_secrets_sealed=vault.seal(json.dumps([new_secret()])),
            keys_sealed=vault.seal("{}"),
            details={},
            installed_at=now,
        )
    )
    session.flush()


def _whole_second(moment: datetime) -> datetime:
    """Shops stamp orders in whole seconds: one placed just after a launch must not seem to lie before it."""
    return moment.replace(microsecond=0)


def _lock_merchant(session: Session, merchant_id: MerchantId) -> Any:
    row = (
        session.connection()
        .execute(sa.select(MERCHANTS).where(MERCHANTS.c.merchant_id == merchant_id).with_for_update())
        .first()
    )
    if row is None:
        raise NotFound("There is no such merchant")
    return row


def _lock_installation(session: Session, merchant_id: MerchantId, shop_id: ShopId) -> Any:
    where = (INSTALLATIONS.c.merchant_id == merchant_id, INSTALLATIONS.c.shop_id == shop_id)
    row = session.connection().execute(sa.select(INSTALLATIONS).where(*where).with_for_update()).first()
    if row is None:
        raise NotFound("There is no such shop")
    return row


def _set_state(session: Session, merchant_id: MerchantId, shop_id: ShopId, state: str) -> None:
    where = (SHOPS.c.merchant_id == merchant_id, SHOPS.c.shop_id == shop_id)
    if rows_changed(session, sa.update(SHOPS).where(*where).values(state=state)) != 1:
        raise NotFound("There is no such shop")


def _store(session: Session, merchant_id: MerchantId, shop_id: ShopId, **values: Any) -> None:
    where = (INSTALLATIONS.c.merchant_id == merchant_id, INSTALLATIONS.c.shop_id == shop_id)
    session.connection().execute(sa.update(INSTALLATIONS).where(*where).values(**values))
