"""Coupons as discounts: one single-use coupon under a code of ours.

WooCommerce has no idempotency key; the code is one, but creating is not atomic there: two calls at once can leave two
coupons with one code, of which a look-up shows one. Callers keep one call per code in flight; `revoke` deletes all.
"""

from collections.abc import Mapping
from datetime import UTC
from decimal import Decimal, InvalidOperation
from typing import Any

import structlog

from connectors.woocommerce.client import Client
from connectors.woocommerce.shapes import rows_of_php
from core.commerce import Discount, DiscountKind, DiscountRequest, Revocation, Usage
from core.errors import ExternalNotFound, InvalidInput, PlatformRefused, Unreadable
from core.ids import normal_code
from core.money import text_from_minor

log = structlog.get_logger(__name__)

_TYPE = {
    DiscountKind.FIXED_AMOUNT: "fixed_cart",
    DiscountKind.PERCENTAGE: "percent",
    DiscountKind.FREE_SHIPPING: "fixed_cart",  # of nothing, with free_shipping
    DiscountKind.FREE_PRODUCT: "percent",  # all of one piece of the gift
}
_ALREADY_EXISTS = "woocommerce_rest_coupon_code_already_exists"
_TAKEN = "The shop has another coupon with this code."
_MARK = "_regulars_code"
_MOST_COPIES = 20


class WooDiscounts:
    def __init__(self, client: Client) -> None:
        self._client = client

    def issue(self, request: DiscountRequest) -> Discount:
        """Create the coupon, or find that it is there already. Raises PlatformRefused when the code is another's.

        A coupon cannot begin later: `valid_from` is kept by giving the code out then. FREE_SHIPPING needs a shipping
        method in the shop that asks for a free shipping coupon; FREE_PRODUCT needs the gift in the cart.
        """
        wanted = coupon_body(request)
        try:
            made = self._client.one("POST", "coupons", body=wanted)
        except Unreadable as error:  # nobody knows whether it was made: look before anyone tries again
            there = self._find_after(error, request.code)
            return _ours(there, wanted, request.code)
        except PlatformRefused as error:
            if error.code != _ALREADY_EXISTS:
                raise
            found = self._find(request.code)
            if found is None:  # a copy in the trash or not yet visible: refused, and not made
                raise
            return _ours(found, wanted, request.code)
        return _ours(made, wanted, request.code)

    def revoke(self, code: str) -> Revocation:
        """Delete every coupon with the code, for good, until a look-up finds none. Safe to repeat."""
        used: bool | None = None
        existed = False
        for _ in range(_MOST_COPIES):
            found = self._find(code)
            if found is None:
                return Revocation(code=code, used=used, existed=existed)
            existed = True
            used = _either(used, _was_used(found))
            used = _either(used, self._delete(str(found.get("id"))))
        raise PlatformRefused("The coupon is still there after being deleted many times.", code="undead")

    def usage(self, code: str) -> Usage:
        """By WooCommerce's own counter, which goes back when an order is cancelled. Orders are not named."""
        found = self._find(code)
        if found is None:
            return Usage(state="unknown", exists=False)
        times = _count(found)
        if times is None:
            return Usage(state="unknown", exists=True)
        return Usage(state="used" if times else "unused", exists=True, times_used=times)

    def _find(self, code: str) -> dict[str, Any] | None:
        rows = self._client.rows("coupons", {"code": code.lower()}).items
        # A parameter that a shop does not know is ignored, and everything comes back: trust the code in the row.
        return next((row for row in rows if normal_code(str(row.get("code", ""))) == normal_code(code)), None)

    def _find_after(self, error: Unreadable, code: str) -> dict[str, Any]:
        found = self._find(code)
        if found is None:
            raise error
        return found

    def _delete(self, coupon_id: str) -> bool | None:
        """Whether it had been used by the time it went. Lost answers say nothing: the next look-up tells."""
        try:
            return _was_used(self._client.one("DELETE", f"coupons/{coupon_id}", params={"force": "true"}))
        except (ExternalNotFound, Unreadable) as error:
            log.info("woocommerce.coupon_delete_unclear", coupon=coupon_id, problem=type(error).__name__)
            return None


def coupon_body(request: DiscountRequest) -> dict[str, Any]:
    """The coupon that a request asks for. Pure. Raises InvalidInput."""
    if request.kind not in _TYPE:
        raise InvalidInput("WooCommerce has no coupon of this kind", field="kind")
    body: dict[str, Any] = {
        "code": request.code.lower(),
        "discount_type": _TYPE[request.kind],
        "amount": _amount(request),
        # date_expires_gmt is ignored on writing and a date without zone is the shop's: only this form says an instant.
        "date_expires": request.valid_until.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "usage_limit": 1,
        "usage_limit_per_user": 1,
        "individual_use": not request.combines,
        "free_shipping": request.kind is DiscountKind.FREE_SHIPPING,
        "description": request.description,
        "meta_data": [{"key": _MARK, "value": request.code}],
    }
    if request.kind is DiscountKind.FREE_PRODUCT:
        body["limit_usage_to_x_items"] = 1
    if request.product_ids:
        body["product_ids"] = [int(product_id) for product_id in request.product_ids]
    if request.minimum_gross:
        body["minimum_amount"] = text_from_minor(request.minimum_gross, request.currency)
    if request.customer_email:
        body["email_restrictions"] = [request.customer_email]
    return body


def _amount(request: DiscountRequest) -> str:
    if request.kind is DiscountKind.FIXED_AMOUNT:
        return text_from_minor(request.amount, request.currency)
    if request.kind is DiscountKind.PERCENTAGE:
        return f"{Decimal(request.per_mille) / 10:f}"
    return "100" if request.kind is DiscountKind.FREE_PRODUCT else "0"


def _ours(found: Mapping[str, Any], wanted: Mapping[str, Any], code: str) -> Discount:
    """The coupon, proven to be the one asked for. Raises PlatformRefused."""
    plain = ("discount_type", "usage_limit", "individual_use", "free_shipping")
    same = (
        all(found.get(name) == wanted[name] for name in plain)
        and _number(found.get("amount")) == _number(wanted["amount"])
        and _number(found.get("minimum_amount") or "0") == _number(wanted.get("minimum_amount", "0"))
        and _rows(found.get("product_ids")) == wanted.get("product_ids", [])
        and _emails(found) == _emails(wanted)
        and found.get("date_expires") is not None
    )
    if not same or not found.get("id"):
        raise PlatformRefused(_TAKEN, code=_ALREADY_EXISTS)
    return Discount(code=code, external_id=str(found["id"]))


def _emails(coupon: Mapping[str, Any]) -> set[str]:
    return {str(email).lower() for email in _rows(coupon.get("email_restrictions"))}


def _rows(value: object) -> list[object]:
    rows = rows_of_php(value)
    return rows if isinstance(rows, list) else [rows]


def _number(value: object) -> Decimal | None:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None  # a signalling NaN cannot even be compared


def _count(coupon: Mapping[str, Any]) -> int | None:
    count = coupon.get("usage_count")
    return count if isinstance(count, int) else None


def _was_used(coupon: Mapping[str, Any]) -> bool | None:
    count = _count(coupon)
    return None if count is None else count > 0


def _either(first: bool | None, second: bool | None) -> bool | None:
    """Used if any copy was; unknown while nothing is known."""
    if first is None or second is None:
        return second if first is None else first
    return first or second
