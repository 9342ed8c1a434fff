"""Tying a shop to us and keeping the tie healthy: what the shop is, its webhooks, our lines on its pages, what may be wrong."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog

from connectors.shoptet import details, storefront
from connectors.shoptet.client import Client
from connectors.shoptet.coupons import CouponTemplates
from connectors.shoptet.shapes import (
    Currency,
    Endpoints,
    Eshop,
    Notifications,
    SignatureKey,
    Snippets,
    Webhook,
    Webhooks,
    read,
)
from connectors.shoptet.times import stamp
from connectors.shoptet.webhooks import EVENTS
from core.commerce import Health, ShopFacts
from core.errors import (
    AddressRefused,
    CredentialsRefused,
    ExternalNotFound,
    InvalidInput,
    NotJson,
    PlatformError,
    PlatformRefused,
    RateLimited,
    ShopUnavailable,
    Unreadable,
)
from core.money import exponent
from core.ports import Installation

log = structlog.get_logger(__name__)

# Words for what `health` finds. The admin has a sentence for each.
PROBLEM: Mapping[type[PlatformError], str] = {
    CredentialsRefused: "key_refused",
    AddressRefused: "address_refused",
    ShopUnavailable: "shop_unavailable",
    RateLimited: "rate_limited",
    NotJson: "not_json",
}
UNREACHABLE = "unreachable"
WEBHOOK_MISSING = "webhook_missing"
WEBHOOK_ELSEWHERE = "webhook_elsewhere"
WEBHOOK_FAILING = "webhook_failing"
COUPONS_OFF = "coupons_off"
ENDPOINTS_PENDING = "endpoints_pending"
SNIPPET_MISSING = "snippet_missing"

WEBHOOKS_AT_ONCE = 500
FAILED_SINCE = timedelta(days=1)
_REFUSED_EVENT = 422


class ShoptetInstaller:
    def __init__(self, client: Client, installation: Installation) -> None:
        self._client = client
        self._installation = installation

    def facts(self) -> ShopFacts:
        """Raises Unreadable for another shop than ours, PlatformError for a token that does not work."""
        shop = self._eshop()
        currency = _default(shop.currencies)
        return ShopFacts(
            name=shop.contact_information.eshop_name or shop.contact_information.url,
            currency=currency.code,
            timezone=_zone(shop.settings.timezone),
            smallest_unit=_smallest_unit(currency),
            storefront_url=shop.contact_information.url.rstrip("/"),
            details=self._details(shop),
        )

    def subscribe(self, *, address: str, secret: str) -> str | None:
        """One webhook for each event, at this address, and our lines on the shop's pages.

        Shoptet makes the key that it signs with: with no secret a new one is asked for and returned, for it is never
        told again. Else the one that we hold stays, and None is returned. An event that Shoptet does not let us have
        stops nothing: `health` says that it is missing.
        """
        there = {hook.event: hook for hook in self._webhooks()}
        for event, hook in there.items():
            if event in EVENTS and hook.url != address:
                self._client.call("PATCH", f"/api/webhooks/{hook.id}", body={"data": {"url": address}})
        missing = [event for event in EVENTS if event not in there]
        if missing:
            self._register(missing, address)
        self._try_to_put_snippet(address)
        return None if secret else self._new_key()

    def uninstall(self, *, address: str) -> None:
        """Remove our webhooks and our lines. Another addon's are not shown to us."""
        for hook in self._webhooks():
            if self._is_ours(hook, address):
                try:
                    self._client.call("DELETE", f"/api/webhooks/{hook.id}")
                except ExternalNotFound:
                    continue
        if self._snippet() is not None:
            self._client.call("DELETE", f"/api/template-include/{storefront.LOCATION}")

    def health(self, *, address: str, now: datetime) -> Health:
        """What cannot be reached is a problem, not an error."""
        try:
            shop = self._eshop()
            found = self._details(shop)
            problems = self._problems_of_webhooks(address, now)
            modules = {module.name for module in shop.active_modules}
            problems += [COUPONS_OFF] if details.COUPONS_MODULE not in modules else []
            pending = self._client.get("/api/system/endpoints", Endpoints, params={"status": "pending"}).endpoints
            if pending:
                problems.append(ENDPOINTS_PENDING)
                found["endpoints_pending"] = " ".join(sorted({each.endpoint for each in pending}))[:500]
            problems += [SNIPPET_MISSING] if self._snippet() != self._wanted_snippet(address) else []
        except PlatformError as error:
            word = next((word for kind, word in PROBLEM.items() if isinstance(error, kind)), UNREACHABLE)
            return Health(checked_at=now, problems=(word,), details={"why": error.message})
        return Health(checked_at=now, problems=tuple(problems), details=found)

    def _eshop(self) -> Eshop:
        shop = self._client.get("/api/eshop", Eshop)
        expected = self._installation.details.get(details.ESHOP_ID)
        if expected and shop.contact_information.eshop_id != expected:
            raise Unreadable("Another shop answered than the one asked.", code="other_shop")
        return shop

    def _details(self, shop: Eshop) -> dict[str, str]:
        rates = [tax.rates[0].vat_rate for tax in shop.tax_classes if tax.is_default and tax.rates]
        links = {link.ident: link.url for link in shop.urls}
        found = {
            details.ESHOP_ID: shop.contact_information.eshop_id,
            details.HOME_URL: shop.contact_information.url.rstrip("/"),
            details.OAUTH_URL: links.get("oauth", ""),
            details.ADMIN_URL: links.get("admin-orders-list", ""),
            details.MODULES: " ".join(sorted(module.name for module in shop.active_modules)),
            details.VAT_PAYER: details.YES if shop.settings.vat_payer else details.NO,
            details.VAT_RATE: rates[0] if rates else "",
            details.COUPON_TEMPLATE: self._template(shop) or "",
        }
        return {name: value for name, value in found.items() if value}

    def _template(self, shop: Eshop) -> str | None:
        known = self._installation.details.get(details.COUPON_TEMPLATE)
        if known or details.COUPONS_MODULE not in {module.name for module in shop.active_modules}:
            return known
        try:
            return CouponTemplates(self._client, {}).find()
        except (PlatformRefused, CredentialsRefused):
            return None  # another question than what the shop is

    def _webhooks(self) -> list[Webhook]:
        """All of this addon in this shop: nobody else's are shown."""
        params = {"itemsPerPage": str(WEBHOOKS_AT_ONCE)}
        return self._client.get("/api/webhooks", Webhooks, params=params).webhooks

    def _register(self, events: list[str], address: str) -> None:
        """All at once, or one by one where one is refused, for it takes the others with it. Raises PlatformRefused where
        nothing is sent to this address afterwards. Somebody else at it at the same time is no harm."""
        if not self._post(events, address) and len(events) > 1:  # the very same call again would be locked
            for event in events:
                self._post([event], address)
        here = {hook.event for hook in self._webhooks() if hook.url == address}
        missing = sorted(set(events) - here)
        if missing:
            log.warning("shoptet.webhooks_left_out", events=missing)
        if not here:
            raise PlatformRefused("Shoptet did not register any of our webhooks.", code="webhooks_left_out")

    def _post(self, events: list[str], address: str) -> bool:
        """False where one of them is there already, or is no event."""
        wanted = [{"event": event, "url": address} for event in events]
        try:
            self._client.call("POST", "/api/webhooks", body={"data": wanted})
        except PlatformRefused as refusal:
            if refusal.http_status != _REFUSED_EVENT:
                raise
            log.info("shoptet.webhooks_refused", code=refusal.code, events=events)
            return False
        return True

    def _new_key(self) -> str:
        found = self._client.call("POST", "/api/webhooks/renew-signature-key")
        try:
            return read(SignatureKey, found.data).signature_key
        except InvalidInput:
            raise Unreadable("Shoptet did not say with which key it signs.", code="no_key") from None

    def _is_ours(self, hook: Webhook, address: str) -> bool:
        """By address, or by the shop key in it, which nobody can guess: also from a former address of Regulars."""
        key = self._installation.shop_key
        return hook.url == address or bool(key and key in hook.url.split("/"))

    def _put_snippet(self, address: str) -> None:
        wanted = self._wanted_snippet(address)
        if wanted is not None and self._snippet() != wanted:
            snippets = [{"location": storefront.LOCATION, "html": wanted}]
            self._client.call("POST", "/api/template-include", body={"data": {"snippets": snippets}})

    def _try_to_put_snippet(self, address: str) -> None:
        """A shop that keeps its pages from us tells us of its orders all the same; `health` says what is missing."""
        try:
            self._put_snippet(address)
        except (PlatformRefused, CredentialsRefused) as refusal:
            log.warning("shoptet.snippet_refused", code=refusal.code)

    def _wanted_snippet(self, address: str) -> str | None:
        server, found, _ = address.partition("/webhooks/")
        return storefront.snippet(server, self._installation.shop_key) if found else None

    def _snippet(self) -> str | None:
        found = self._client.get("/api/template-include", Snippets).snippets
        return next((each.html for each in found if each.location == storefront.LOCATION), None)

    def _problems_of_webhooks(self, address: str, now: datetime) -> list[str]:
        hooks = [hook for hook in self._webhooks() if hook.event in EVENTS]
        failed = {"status": "failed", "from": stamp(now - FAILED_SINCE)}
        notes = self._client.get("/api/webhooks/notifications", Notifications, params=failed).notifications
        found = {
            WEBHOOK_MISSING: bool(set(EVENTS) - {hook.event for hook in hooks}),
            WEBHOOK_ELSEWHERE: any(hook.url != address for hook in hooks),
            WEBHOOK_FAILING: any(note.webhook_url == address for note in notes),
        }
        return [problem for problem, there in found.items() if there]


def _default(currencies: list[Currency]) -> Currency:
    """Raises Unreadable for a shop without a currency that we know."""
    found = next((each for each in currencies if each.is_default), None)
    try:
        exponent(found.code if found else "")
    except InvalidInput:
        found = None
    if found is None:
        raise Unreadable("The shop's currency cannot be read from its settings.", code="currency")
    return found


def _smallest_unit(currency: Currency) -> int:
    """Minor units that prices are multiples of: 100 for Czech crowns without hellers."""
    digits = exponent(currency.code)
    return int(10 ** max(0, digits - max(0, currency.price_decimal_places)))


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key if name else "Europe/Prague"
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "Europe/Prague"  # Shoptet's own
