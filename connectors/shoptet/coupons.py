"""Coupons as discounts: one coupon, good once, under a code of ours. Read rows.py for how orders tell of them.

Shoptet knows no customer of a coupon and no count of uses but "not again". The code is the idempotency key: a coupon that
Shoptet does not make it leaves out of its answer, mostly without a word, and then we look whose the code is.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, tzinfo
from decimal import Decimal, InvalidOperation
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.shoptet.client import Client, segment
from connectors.shoptet.shapes import CouponAnswer, Coupons, RawCoupon, Template, Templates, read
from core.commerce import Discount, DiscountKind, DiscountRequest, Revocation, Usage
from core.errors import ExternalNotFound, InvalidInput, OutcomeUnknown, PlatformRefused, Unreadable
from core.ids import normal_code
from core.money import exponent, text_from_minor

LONGEST_CODE = 16
TITLE = "Regulars"
MOST_PRODUCTS = 1000

FIXED, PERCENTUAL = "fixed", "percentual"
_TYPE = {
    DiscountKind.FIXED_AMOUNT: FIXED,
    DiscountKind.PERCENTAGE: PERCENTUAL,
    DiscountKind.FREE_SHIPPING: PERCENTUAL,  # of nothing, with free shipping
}
# What the price of shipping goes by: the cart as it is shown, or none is asked.
_SHIPPING = {DiscountKind.FREE_SHIPPING: "free"}
_BY_CART = "cart"

_TAKEN = "discount-coupon-code-duplicated"
_ANOTHERS = "The shop has another coupon with this code."
_NOT_MADE = "Shoptet did not make the coupon, and does not say why."
_GUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")


class ShoptetDiscounts:
    """`template`: the GUID of the coupons' template where it is known. `timezone`: the shop's, in which days are meant."""

    def __init__(self, client: Client, *, template: str | None = None, timezone: str | None = None) -> None:
        self._client = client
        self._zone = _zone(timezone)
        self._templates = CouponTemplates(client, {TITLE: template} if template else {})

    def issue(self, request: DiscountRequest) -> Discount:
        """Create the coupon, or find that it is there already. Raises PlatformRefused when the code is another's.

        It is good until the end of the day of `valid_until`, for Shoptet knows days only, and for whoever has the code.
        """
        wanted = coupon_body(request, self._zone)
        wanted["template"] = self._templates.guid(request.product_ids)
        try:
            made = self._client.call("POST", "/api/discount-coupons", body={"data": {"coupons": [wanted]}})
            coupons = read(Coupons, made.data).coupons
        except (Unreadable, InvalidInput) as error:  # nobody knows whether it was made: look before anyone tries again
            there = self._find(request.code)
            if there is None:
                raise error if isinstance(error, Unreadable) else OutcomeUnknown(_NOT_MADE, code="shape") from None
            return _ours(there, wanted, request.code)
        mine = next((each for each in coupons if normal_code(each.code) == normal_code(request.code)), None)
        mine = mine or self._find(request.code)
        if mine is None:
            first = made.refusals[0] if made.refusals else None
            raise PlatformRefused(first.message if first else _NOT_MADE, code=first.code if first else "left_out")
        return _ours(mine, wanted, request.code)

    def revoke(self, code: str) -> Revocation:
        """Delete the coupon, after a last look whether it was used. Safe to repeat."""
        found = self._find(code)
        if found is None:
            return Revocation(code=code, used=None, existed=False)
        try:
            self._client.call("DELETE", f"/api/discount-coupons/{segment(found.code)}")
        except ExternalNotFound:
            pass
        except PlatformRefused:
            found = self._find(code) or found
            if not _is_used_up(found):
                raise
            # It cannot be deleted, and is used up all the same.
        except Unreadable:
            # That it was used is told now or never: by the next try it may be gone.
            if not _is_used_up(found) and self._find(code) is not None:
                raise
        return Revocation(code=code, used=_was_used(found), existed=True)

    def usage(self, code: str) -> Usage:
        """By Shoptet's own counter. Orders are not named."""
        found = self._find(code)
        if found is None:
            return Usage(state="unknown", exists=False)
        if found.used_count is None:
            return Usage(state="unknown", exists=True)
        times = max(0, found.used_count)
        return Usage(state="used" if times else "unused", exists=True, times_used=times)

    def _find(self, code: str) -> RawCoupon | None:
        try:
            found = self._client.get(f"/api/discount-coupons/{segment(code)}", CouponAnswer).coupon
        except ExternalNotFound:
            return None
        return found if normal_code(found.code) == normal_code(code) else None


class CouponTemplates:
    """What a coupon is good for. Each is known by its title, made once, and remembered. `known`: title -> GUID."""

    def __init__(self, client: Client, known: Mapping[str, str]) -> None:
        self._client = client
        self._known = dict(known)
        self._lock = Lock()

    def guid(self, product_ids: tuple[str, ...]) -> str:
        """Of the template for these products, or for all."""
        body = template_body(product_ids)
        title = str(body["title"])
        with self._lock:
            if title not in self._known:
                self._known[title] = self.find(title) or self._make(body)
            return self._known[title]

    def find(self, title: str = TITLE) -> str | None:
        found = self._client.get("/api/discount-coupons/templates", Templates).coupon_templates
        return next((each.guid for each in found if each.title == title and _GUID.fullmatch(each.guid)), None)

    def _make(self, body: Mapping[str, Any]) -> str:
        made = self._client.call("POST", "/api/discount-coupons/templates", body={"data": body})
        try:
            return read(Template, made.data).guid
        except InvalidInput:
            raise OutcomeUnknown("Shoptet did not say which template it made.", code="shape") from None


def template_body(product_ids: tuple[str, ...]) -> dict[str, Any]:
    """Pure. Raises InvalidInput for ids that are no GUIDs."""
    if not product_ids:
        return {"title": TITLE}
    products = sorted(set(product_ids))
    if len(products) > MOST_PRODUCTS or not all(_GUID.fullmatch(each) for each in products):
        raise InvalidInput("Shoptet's coupons take up to 1000 products, by their GUIDs", field="product_ids")
    digest = hashlib.sha256(" ".join(products).encode()).hexdigest()[:16]
    return {"title": f"{TITLE} {digest}", "productSelectionMode": "specificProducts", "productGuids": products}


def coupon_body(request: DiscountRequest, zone: tzinfo) -> dict[str, Any]:
    """The coupon that a request asks for, but for its template. Pure. Raises InvalidInput.

    Amounts are gross: Shoptet reads them with the shop's default rate of VAT. A fixed coupon asks for a cart of its own
    worth at least, for what it does not take off is lost.
    """
    if request.kind not in _TYPE:
        raise InvalidInput("Shoptet has no coupon of this kind", field="kind")
    if not 0 < len(request.code) <= LONGEST_CODE:
        raise InvalidInput(f"Shoptet's coupons have codes of up to {LONGEST_CODE} characters", field="code")
    if exponent(request.currency) > 2:
        raise InvalidInput("Shoptet writes amounts with two decimals", field="currency")
    is_fixed = request.kind is DiscountKind.FIXED_AMOUNT
    if is_fixed and request.amount <= 0:
        raise InvalidInput("A coupon takes off something", field="amount")
    body: dict[str, Any] = {
        "code": request.code,
        "discountType": _TYPE[request.kind],
        "shippingPrice": _SHIPPING.get(request.kind, _BY_CART),
        "validTo": request.valid_until.astimezone(zone).date().isoformat(),
        "reusable": False,
    }
    if request.valid_from is not None:
        body["validFrom"] = request.valid_from.astimezone(zone).date().isoformat()
    if request.description:
        body["remark"] = request.description
    if is_fixed:
        body["amount"] = _money(request.amount, request.currency)
    else:
        per_mille = request.per_mille if request.kind is DiscountKind.PERCENTAGE else 0
        body["ratio"] = f"{Decimal(per_mille) / 1000:.4f}"
    least = max(request.minimum_gross, request.amount if is_fixed else 0)
    if least:
        body["minPrice"] = _money(least, request.currency)
    if is_fixed or least:
        body["currency"] = request.currency
    return body


def _money(minor: int, currency: str) -> str:
    return f"{Decimal(text_from_minor(minor, currency)):.2f}"


def _ours(found: RawCoupon, wanted: Mapping[str, Any], code: str) -> Discount:
    """The coupon, proven to be the one asked for. Raises PlatformRefused."""
    same = (
        found.discount_type == wanted["discountType"]
        and not found.reusable
        and (found.shipping_price or _BY_CART) == wanted["shippingPrice"]
        and _number(found.min_price) == _number(wanted.get("minPrice"))
        and _number(found.amount if "amount" in wanted else found.ratio)
        == _number(wanted.get("amount", wanted.get("ratio")))
        and ("currency" not in wanted or (found.currency or "").upper() == wanted["currency"])
        and found.valid_to is not None
    )
    if not same:
        raise PlatformRefused(_ANOTHERS, code=_TAKEN)
    return Discount(code=code, external_id=found.code)


def _number(text: str | None) -> Decimal | None:
    """None and nothing are the same amount."""
    try:
        number = Decimal(text or "0")
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _was_used(found: RawCoupon) -> bool | None:
    return None if found.used_count is None else found.used_count > 0


def _is_used_up(found: RawCoupon) -> bool:
    return bool(_was_used(found)) and not found.reusable


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
