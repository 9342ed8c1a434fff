"""Tying a shop to us and keeping the tie healthy: what the shop is, its webhooks, and what may be wrong with it.

How the merchant gets here, from an address to keys, is in connect.py.
"""

import hashlib
import html
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.woocommerce.client import Client, seconds_apart
from connectors.woocommerce.webhooks import TOPICS
from core.commerce import Health, ShopFacts
from core.errors import (
    AddressChanged,
    AddressRefused,
    ClockSkew,
    CredentialsRefused,
    ExternalNotFound,
    InvalidInput,
    NotJson,
    PermalinksPlain,
    PlatformError,
    PlatformRefused,
    RateLimited,
    ShopUnavailable,
)
from core.money import exponent
from core.ports import Installation

OLDEST_VERSION = (8, 2)
SINGLE_USE_SAFE_SINCE = (9, 6)  # Store API checkouts reserve coupons; before, four at once all got the discount
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_CLOCK_TOLERANCE_S = 300

# Words for what `health` finds. The admin has a sentence for each.
PROBLEM: Mapping[type[PlatformError], str] = {
    CredentialsRefused: "key_refused",
    ClockSkew: "clock_skew",
    PermalinksPlain: "permalinks_plain",
    AddressChanged: "address_changed",
    AddressRefused: "address_refused",
    ShopUnavailable: "shop_unavailable",
    RateLimited: "rate_limited",
    NotJson: "not_json",
}
UNREACHABLE = "unreachable"
WEBHOOK_MISSING = "webhook_missing"
WEBHOOK_DISABLED = "webhook_disabled"
WEBHOOK_DUPLICATE = "webhook_duplicate"
WEBHOOK_ELSEWHERE = "webhook_elsewhere"  # ours, at an address that Regulars had before
VERSION_UNSUPPORTED = "version_unsupported"
SINGLE_USE_CAN_BE_RACED = "single_use_can_be_raced"
COUPONS_OFF = "coupons_off"
PLAIN_HTTP = "plain_http"

# Shops may have an offset from UTC in place of a zone; for these there is a zone without summer time.
_ZONE_OF_HALF_HOURS = {
    -9.5: "Pacific/Marquesas",
    3.5: "Asia/Tehran",
    4.5: "Asia/Kabul",
    5.5: "Asia/Kolkata",
    5.75: "Asia/Kathmandu",
    6.5: "Asia/Yangon",
    8.75: "Australia/Eucla",
    9.5: "Australia/Darwin",
}


class WooInstaller:
    def __init__(self, client: Client, installation: Installation) -> None:
        self._client = client
        self._installation = installation

    def facts(self) -> ShopFacts:
        """Raises PlatformRefused for a WooCommerce that is too old, PlatformError for keys that do not work."""
        status = self._status()
        version = _section(status, "environment").get("version")
        known = version_of(version)
        if known is None or known < OLDEST_VERSION:
            raise PlatformRefused(
                f"This shop runs WooCommerce {version}. Regulars needs 8.2 or newer: update WooCommerce first.",
                code=VERSION_UNSUPPORTED,
            )
        settings = _section(status, "settings")
        currency = str(settings.get("currency", ""))
        index = self._index()
        return ShopFacts(
            name=html.unescape(str(index.get("name") or urlsplit(self._client.base_url).hostname)),
            currency=currency,
            timezone=zone_of(index.get("timezone_string"), index.get("gmt_offset")),
            smallest_unit=smallest_unit(currency, settings.get("number_of_decimals")),
            version=str(version),
            details=self._details(status) | {"home_url": str(index.get("home") or self._client.base_url).rstrip("/")},
        )

    def subscribe(self, *, address: str, secret: str) -> None:
        """One active webhook per topic, signing with this secret under the present key; everything else of ours goes.

        A disabled one is made anew, not switched on: WooCommerce keeps its count of failures, and the next one disables
        it again. So are those of another key, whose owner may be gone: they stay active and then tell nothing.
        """
        mark = self._mark(secret)
        mine = self._mine(address)
        right: dict[str, str] = {}
        for hook in mine:
            if _is_right(hook, address=address, mark=mark):
                right.setdefault(str(hook["topic"]), str(hook["id"]))
        for topic in TOPICS:
            if topic not in right:
                right[topic] = self._create(topic, address=address, secret=secret, mark=mark)
        for hook in mine:
            if str(hook["id"]) not in right.values():
                self._delete(hook)

    def uninstall(self, *, address: str) -> None:
        """Remove our webhooks. The key itself can only be revoked in the shop."""
        for hook in self._mine(address):
            self._delete(hook)

    def health(self, *, address: str, now: datetime) -> Health:
        """Looks at everything it can reach; what cannot be reached is a problem, not an error."""
        problems = _problems_of_address(self._client.base_url)
        try:
            status = self._status()
            details = self._details(status)
            version = _section(status, "environment").get("version")
            problems += _problems_of_version(version)
            problems += self._problems_of_clock(now)
            problems += self._problems_of_webhooks(address)
            problems += self._problems_of_coupons()
        except PlatformError as error:
            word = next((word for kind, word in PROBLEM.items() if isinstance(error, kind)), UNREACHABLE)
            return Health(checked_at=now, problems=(*problems, word), version=None, details={"why": error.message})
        return Health(checked_at=now, problems=tuple(problems), version=str(version), details=details)

    def _status(self) -> dict[str, Any]:
        return self._client.one("GET", "system_status", params={"_fields": "environment,settings"})

    def _index(self) -> Mapping[str, Any]:
        try:
            return self._client.index()
        except PlatformError:
            return {}  # some hide it; name and zone can be corrected by hand

    def _details(self, status: Mapping[str, Any]) -> dict[str, str]:
        environment, settings = _section(status, "environment"), _section(status, "settings")
        return {
            "version": str(environment.get("version", "")),
            "wordpress": str(environment.get("wp_version", "")),
            "order_storage": "hpos" if settings.get("HPOS_enabled") is True else "posts",
            "auth": self._client.auth,
        }

    def _mark(self, secret: str) -> str:
        """A short digest for the webhook's name: secret and owner are never shown to be compared."""
        keys = self._installation.credentials["consumer_key"]
        return hashlib.sha256(f"{secret}:{keys}".encode()).hexdigest()[:12]

    def _mine(self, address: str) -> list[dict[str, Any]]:
        """Ours by address, or by the shop key in it, which nobody can guess: also from a former address of Regulars."""
        hooks = self._client.all_rows("webhooks", {"orderby": "id", "order": "asc"})
        key = self._installation.shop_key
        return [
            hook
            for hook in hooks
            if hook.get("delivery_url") == address or (key and key in str(hook.get("delivery_url")).split("/"))
        ]

    def _create(self, topic: str, *, address: str, secret: str, mark: str) -> str:
        body = {
            "name": f"Regulars {topic} {mark}",
            "topic": topic,
            "delivery_url": address,
            "secret": secret,
            "status": "active",
        }
        return str(self._client.one("POST", "webhooks", body=body).get("id"))

    def _delete(self, hook: Mapping[str, Any]) -> None:
        try:
            self._client.one("DELETE", f"webhooks/{int(hook['id'])}", params={"force": "true"})
        except ExternalNotFound:
            return

    def _problems_of_clock(self, now: datetime) -> list[str]:
        apart = seconds_apart(self._client.last_date, now.timestamp())
        return ["clock_skew"] if apart is not None and abs(apart) > _CLOCK_TOLERANCE_S else []

    def _problems_of_webhooks(self, address: str) -> list[str]:
        mine = self._mine(address)
        here = [hook for hook in mine if hook.get("delivery_url") == address]
        topics = [str(hook.get("topic")) for hook in here]
        found = {
            WEBHOOK_MISSING: any(topic not in topics for topic in TOPICS),
            WEBHOOK_DISABLED: any(hook.get("status") != "active" for hook in here),
            WEBHOOK_DUPLICATE: len(topics) != len(set(topics)),
            WEBHOOK_ELSEWHERE: len(here) != len(mine),
        }
        return [problem for problem, there in found.items() if there]

    def _problems_of_coupons(self) -> list[str]:
        try:
            setting = self._client.one("GET", "settings/general/woocommerce_enable_coupons")
        except PlatformError:
            return []  # another question than whether the shop is well
        return [COUPONS_OFF] if setting.get("value") == "no" else []


def version_of(text: object) -> tuple[int, int] | None:
    """Major and minor number of a WooCommerce version; None when it cannot be read."""
    found = re.match(r"(\d{1,4})\.(\d{1,4})", text) if isinstance(text, str) else None
    return (int(found.group(1)), int(found.group(2))) if found else None


def smallest_unit(currency: str, decimals: object) -> int:
    """Minor units that the shop's prices are multiples of: 100 for Czech crowns shown without hellers."""
    try:
        shown = int(str(decimals))
        digits = exponent(currency)
    except (ValueError, InvalidInput):
        raise PlatformRefused("The shop's currency cannot be read from its settings.", code="currency") from None
    return int(10 ** max(0, digits - max(0, shown)))


def zone_of(name: object, offset: object) -> str:
    """The shop's zone; for a bare offset one without summer time; UTC where there is none."""
    if isinstance(name, str) and _is_zone(name):
        return name
    try:
        hours = float(str(offset))  # no amount of money: -9.5 and 5.75 are exact
    except ValueError:
        return "UTC"
    if -12 <= hours <= 14 and hours == int(hours):
        return f"Etc/GMT{-int(hours):+d}" if hours else "UTC"  # the sign in these names is turned round
    return _ZONE_OF_HALF_HOURS.get(hours, "UTC")


def _is_zone(name: str) -> bool:
    try:
        return bool(ZoneInfo(name).key)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones
        return False


def _is_right(hook: Mapping[str, Any], *, address: str, mark: str) -> bool:
    return (
        hook.get("delivery_url") == address
        and hook.get("status") == "active"
        and hook.get("topic") in TOPICS
        and hook.get("name") == f"Regulars {hook.get('topic')} {mark}"
    )


def _problems_of_address(base_url: str) -> list[str]:
    """Plain http is a problem, but not on this very machine, where the demo runs."""
    parts = urlsplit(base_url)
    return [PLAIN_HTTP] if parts.scheme != "https" and parts.hostname not in LOOPBACK else []


def _problems_of_version(version: object) -> list[str]:
    known = version_of(version)
    if known is None or known < OLDEST_VERSION:
        return [VERSION_UNSUPPORTED]
    return [SINGLE_USE_CAN_BE_RACED] if known < SINGLE_USE_SAFE_SINCE else []


def _section(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = status.get(name)
    if not isinstance(found, Mapping):
        raise NotJson("The shop's system status does not have the form that WooCommerce gives it.", code="status")
    return found
