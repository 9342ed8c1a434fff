"""Discount coupons: making them from what the API or the desk sends, and putting one on a cart."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from demo.shop import carts
from demo.shop import coupons as books
from demo.shop.coupons import CouponRefused
from demo.shop.entities import Cart, Coupon
from demo.shop.money import minor
from demo.shop.store import Event
from demo.shoptet.amounts import Json
from demo.shoptet.entities import CouponExtra, Template
from demo.shoptet.guids import own_id
from demo.shoptet.site import Site
from demo.shoptet.times import ends, starts

GENERATED = 10
DUPLICATED = "discount-coupon-code-duplicated"
INVALID = "invalid-request-data"


class Unfit(Exception):
    """A coupon that is not made or changed: error code, why, and the property at fault."""

    def __init__(self, code: str, message: str, field: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field


def default_template(site: Site) -> Template:
    """The one for the coupons of the shop's own year."""
    found = next(iter(site.templates.values()), None)
    return found or new_template(site, {"title": "Whole shop"})


def new_template(site: Site, given: Mapping[str, Any]) -> Template:
    made = Template(
        site.next("template"), given["title"], given.get("customerGroupId"), given.get("categoryGuids"),
        given.get("brands"), given.get("productFlags"), given.get("productSelectionMode") or "parameters",
        [own_id("product", each) for each in given["productGuids"]] if given.get("productGuids") else None,
    )  # fmt: skip
    site.templates[made.id] = made
    return made


def by_code(site: Site, code: str) -> Coupon | None:
    """Letter case does not matter to the shop."""
    found = site.store.coupon_by_code(code)
    return found if found is not None and found.id in site.coupons else None


def create(site: Site, given: Mapping[str, Any]) -> Coupon:
    """A coupon as the API describes it. Raises Unfit."""
    _fit(site, given)
    code = given.get("code") or _generated(site)
    try:
        coupon = books.create(site.store, code)
    except books.CodeTaken as taken:
        raise Unfit(DUPLICATED, f'Discount coupon code "{code}" is duplicated.', "code") from taken
    template_id = own_id("template", given["template"])
    extra = CouponExtra(code, given["discountType"], template_id, given["shippingPrice"], given["reusable"])
    site.coupons[coupon.id] = extra
    _write(site, coupon, extra, given)
    books.saved(site.store, coupon, created=True)
    return coupon


def change(site: Site, coupon: Coupon, given: Mapping[str, Any]) -> None:
    """Only what is given changes. Raises Unfit."""
    extra = site.coupons[coupon.id]
    if set(given) == {"code"}:
        raise Unfit(INVALID, "No fields to update were provided.", "")
    now = {"discountType": extra.kind, **given}
    if now["discountType"] == "percentual" and given.get("amount") is not None:
        raise Unfit(INVALID, 'For "percentual" discount type you cannot provide "amount" property', "amount")
    if now["discountType"] == "fixed" and given.get("ratio") is not None:
        raise Unfit(INVALID, 'For "fixed" discount type you cannot provide "ratio" property', "ratio")
    if given.get("discountType") == "percentual" and extra.kind == "fixed" and given.get("ratio") is None:
        raise Unfit(INVALID, 'Field "ratio" is required when "discountType" is "percentual".', "ratio")
    if given.get("discountType") == "fixed" and extra.kind == "percentual" and given.get("amount") is None:
        raise Unfit(INVALID, 'Field "amount" is required when "discountType" is "fixed".', "amount")
    _check_money(site, given)
    if "template" in given and own_id("template", given["template"]) not in site.templates:
        raise Unfit("discount-coupon-template-not-found", "Discount coupon template was not found.", "template")
    _write(site, coupon, extra, given)
    books.saved(site.store, coupon, created=False)


def delete(site: Site, coupon: Coupon) -> None:
    """Gone, used or not."""
    del site.coupons[coupon.id]
    books.trash(site.store, coupon)
    books.delete(site.store, coupon)


def adopt(site: Site, coupon: Coupon) -> None:
    """Give a coupon of the neutral books the platform's half."""
    kind = "percentual" if coupon.kind == "percent" else "fixed"
    currency = site.currency if kind == "fixed" else None
    template = default_template(site)
    site.coupons[coupon.id] = CouponExtra(
        coupon.code.upper(), "percentual" if coupon.kind == "percent" else "fixed", template.id, "cart",
        coupon.usage_limit is None, currency, remark=coupon.description or None,
    )  # fmt: skip


def apply(site: Site, cart: Cart, code: str, customer_id: int) -> None:
    """Put a code on the cart, which takes one. Raises CouponRefused."""
    if not cart.quantities:
        raise CouponRefused(code, "empty_cart")
    if cart.coupons:
        raise CouponRefused(code, "one_only")
    coupon = check(site, cart, code, customer_id)
    try:
        carts.apply_coupon(site.store, cart, code, customer_id)
        if not carts.quote(site.store, cart).priced.discounts[coupon.code] and not coupon.free_shipping:
            raise CouponRefused(code, "nothing_fits")
    except CouponRefused:
        cart.coupons = []
        raise


def check(site: Site, cart: Cart, code: str, customer_id: int) -> Coupon:
    """The platform's own rules: one's currency, its first day, its template's group. Raises CouponRefused."""
    coupon = books.find_usable(site.store, code)
    extra = site.coupons.get(coupon.id)
    if extra is None:
        raise CouponRefused(code, "unknown")
    if extra.currency is not None and extra.currency != site.currency:
        raise CouponRefused(code, "currency")
    if extra.valid_from is not None and site.now() < starts(extra.valid_from):
        raise CouponRefused(code, "not_yet")
    group = site.templates[extra.template].customer_group_id
    if group is not None and site.customers[customer_id].group_id != group:
        raise CouponRefused(code, "not_yours")
    books.check_amount(coupon, carts.quote(site.store, replace(cart, coupons=[])).subtotal)
    return coupon


def use(site: Site, coupon: Coupon) -> None:
    """Mark one use, as the API may."""
    coupon.usage_count += 1
    books.saved(site.store, coupon, created=False)


def uncouponed_products(site: Site) -> list[int]:
    """Products whose price refuses coupons."""
    listed = site.pricelists[1].rows.items()
    return [product_id for product_id, row in listed if row.get("sales", {}).get("discountCoupon") is False]


def refresh_products(site: Site) -> None:
    """Which products a coupon may not touch is a matter of the price list."""
    refused = uncouponed_products(site)
    for coupon in site.store.coupons.values():
        coupon.excluded_product_ids = list(refused)


def describe(site: Site, coupon: Coupon) -> Json:
    """A coupon as an order remembers it. Orders do not tell it to anybody."""
    return {"code": site.coupons[coupon.id].code}


def used_on_order(site: Site, event: Event) -> list[Coupon]:
    """The coupons that an order which was just made has used."""
    order = site.store.orders[event.id]
    return [site.store.coupons[line.coupon_id] for line in order.coupon_lines if line.coupon_id in site.store.coupons]


def _fit(site: Site, given: Mapping[str, Any]) -> None:
    if own_id("template", given["template"]) not in site.templates:
        raise Unfit("discount-coupon-template-not-found", "Discount coupon template was not found.", "template")
    fixed = given["discountType"] == "fixed"
    wanted, other = ("amount", "ratio") if fixed else ("ratio", "amount")
    if given.get(wanted) is None:
        raise Unfit(INVALID, f'Field "{wanted}" is required when "discountType" is "{given["discountType"]}".', wanted)
    if given.get(other) is not None:
        raise Unfit(
            INVALID, f'For "{given["discountType"]}" discount type you cannot provide "{other}" property', other
        )
    _check_money(site, given)


def _check_money(site: Site, given: Mapping[str, Any]) -> None:
    priced = given.get("amount") is not None or given.get("minPrice") is not None
    if priced and not given.get("currency"):
        raise Unfit(INVALID, 'Missing "currency" field. It is required when price is specified in body.', "currency")
    if given.get("currency") and given["currency"] != site.currency:
        raise Unfit("currency-not-found", f'Currency "{given["currency"]}" not found.', "currency")
    if given.get("amount") is not None and minor(given["amount"]) <= 0:
        message = f'Invalid value number "{given["amount"]}" for property "amount". Value must be higher than zero.'
        raise Unfit(INVALID, message, "amount")
    if given.get("ratio") is not None and not 0 <= Decimal(given["ratio"]) <= 1:
        raise Unfit(INVALID, f'Invalid value number "{given["ratio"]}" for property "ratio".', "ratio")
    if given.get("validFrom") and given.get("validTo") and given["validFrom"] > given["validTo"]:
        raise Unfit(INVALID, "The first day is after the last.", "validTo")


def _write(site: Site, coupon: Coupon, extra: CouponExtra, given: Mapping[str, Any]) -> None:
    """What was given, into both halves."""
    extra.kind = given.get("discountType", extra.kind)
    coupon.kind = "fixed_cart" if extra.kind == "fixed" else "percent"
    if given.get("amount") is not None:
        coupon.amount = minor(given["amount"])
    if given.get("ratio") is not None:
        coupon.amount = int(Decimal(given["ratio"]) * 10_000)
    if "template" in given:
        extra.template = own_id("template", given["template"])
    names = {"currency": "currency", "shippingPrice": "shipping_price", "validFrom": "valid_from",
             "validTo": "valid_to", "reusable": "reusable", "remark": "remark"}  # fmt: skip
    for name, field in names.items():
        if name in given:
            setattr(extra, field, given[name])
    if "minPrice" in given:
        extra.minimum = minor(given["minPrice"]) if given["minPrice"] is not None else None
    coupon.minimum = extra.minimum or 0
    coupon.expires_at = ends(extra.valid_to) if extra.valid_to is not None else None
    coupon.usage_limit = None if extra.reusable else 1
    coupon.free_shipping = extra.shipping_price == "free"
    coupon.product_ids = list(site.templates[extra.template].product_ids or [])
    coupon.excluded_product_ids = uncouponed_products(site)
    coupon.description = extra.remark or ""


def _generated(site: Site) -> str:
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    while True:
        code = "".join(site.store.random.choices(letters, k=GENERATED))
        if site.store.coupon_by_code(code) is None:
            return code
