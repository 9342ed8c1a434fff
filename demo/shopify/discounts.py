"""Discount codes: making them with all that Shopify refuses, deciding who may use one, and ending them."""

from collections.abc import Mapping, Sequence
from typing import Any

from demo.shop import carts, coupons
from demo.shop.coupons import CouponRefused
from demo.shop.entities import Cart, Coupon
from demo.shop.money import minor
from demo.shopify import ids, times
from demo.shopify.entities import Discount
from demo.shopify.site import Site

LONGEST_CODE = 255

Given = Mapping[str, Any]


class Refused(Exception):
    """One user error: `field` below the mutation's input."""

    def __init__(self, code: str, field: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


def adopt(site: Site, coupon: Coupon) -> Discount:
    """The platform's half of a coupon that the shop's own books began."""
    percent = coupon.amount / 10_000 if coupon.kind == "percent" else None
    discount = Discount(
        coupon.id, coupon.description or coupon.code, coupon.code.upper(), coupon.created_at,
        percentage=percent, amount=0 if percent else coupon.amount, free_shipping=coupon.free_shipping,
        once_per_customer=bool(coupon.usage_limit_per_user), usage_limit=coupon.usage_limit,
        minimum_subtotal=coupon.minimum or None, products=tuple(coupon.product_ids),
    )  # fmt: skip
    site.discounts[discount.id] = discount
    return discount


def create(site: Site, given: Given, *, free_shipping: bool) -> Discount:
    """From a DiscountCodeBasicInput or a DiscountCodeFreeShippingInput. Raises Refused."""
    discount = _read(site, given, free_shipping=free_shipping)
    if by_code(site, discount.code) is not None:
        raise Refused("TAKEN", ("code",), "Code must be unique. Please try a different code.")
    kind, amount = "fixed_product" if discount.on_each_item else "fixed_cart", discount.amount
    if discount.percentage is not None:
        kind, amount = "percent", round(discount.percentage * 10_000)
    coupon = coupons.create(site.store, discount.code, kind=kind, amount=amount)
    discount.id = coupon.id
    coupon.free_shipping = free_shipping
    coupon.usage_limit = discount.usage_limit
    coupon.usage_limit_per_user = 1 if discount.once_per_customer else None
    coupon.expires_at = int(discount.ends_at) if discount.ends_at is not None else None
    coupon.minimum = discount.minimum_subtotal or 0
    coupon.product_ids = list(discount.products)
    site.discounts[discount.id] = discount
    return discount


def by_code(site: Site, code: str) -> Discount | None:
    """Whatever the letter case."""
    coupon = site.store.coupon_by_code(code)
    return site.discounts.get(coupon.id) if coupon is not None else None


def uses(site: Site, discount: Discount) -> int:
    """As the platform tells it: some time behind while the switch says so."""
    coupon = site.store.coupons.get(discount.id)
    return coupon.usage_count if coupon is not None and not site.faults.usage_lags else 0


def status(site: Site, discount: Discount) -> str:
    now = site.now()
    if discount.ends_at is not None and discount.ends_at <= now:
        return "EXPIRED"
    return "SCHEDULED" if discount.starts_at > now else "ACTIVE"


def delete(site: Site, discount: Discount) -> None:
    del site.discounts[discount.id]
    site.store.coupons.pop(discount.id, None)
    site.store.emit("discount.deleted", discount.id)


def describe(site: Site, coupon: Coupon) -> dict[str, object]:
    """What an order remembers of a code, whatever becomes of it."""
    discount = site.discounts.get(coupon.id)
    code = discount.code if discount is not None else coupon.code.upper()
    return {"code": code, "entitled": bool(coupon.product_ids)}


def apply(site: Site, cart: Cart, code: str, customer_id: int) -> None:
    """Put a code on a cart. Raises CouponRefused."""
    check(site, cart, code, customer_id)
    found = coupons.find_usable(site.store, code)
    if found.code in cart.coupons:
        return
    others = [other for other in (by_code(site, each) for each in cart.coupons) if other is not None]
    mine = by_code(site, code)
    if mine is not None and not all(_combine(mine, other) for other in others):
        # A code that combines with nothing takes the place of the others, as in a cart of Shopify.
        cart.coupons = []
    carts.apply_coupon(site.store, cart, code, customer_id)


def check(site: Site, cart: Cart, code: str, customer_id: int) -> None:
    """What Shopify looks at beside the shop's own rules. Raises CouponRefused."""
    discount = by_code(site, code)
    if discount is None or status(site, discount) == "SCHEDULED":
        raise CouponRefused(code, "unknown")
    if discount.customers and customer_id not in discount.customers:
        raise CouponRefused(code, "not_yours")


def _combine(one: Discount, other: Discount) -> bool:
    return _allows(one, other) and _allows(other, one)


def _allows(one: Discount, other: Discount) -> bool:
    if other.free_shipping:
        return one.combines_shipping
    return one.combines_products if other.products else one.combines_orders


def _read(site: Site, given: Given, *, free_shipping: bool) -> Discount:
    code, title = (given.get("code") or "").strip(), (given.get("title") or "").strip()
    if not code:
        raise Refused("BLANK", ("code",), "Code can't be blank")
    if len(code) > LONGEST_CODE:
        raise Refused("TOO_LONG", ("code",), f"Code is too long (maximum is {LONGEST_CODE} characters)")
    if not title:
        raise Refused("BLANK", ("title",), "Title can't be blank")
    if given.get("startsAt") is None:
        raise Refused("BLANK", ("startsAt",), "Starts at can't be blank")
    limit = given.get("usageLimit")
    if limit is not None and limit < 1:
        raise Refused("GREATER_THAN", ("usageLimit",), "Usage limit must be greater than 0")
    discount = Discount(
        0, title, code, times.read(given["startsAt"]), free_shipping=free_shipping, usage_limit=limit,
        once_per_customer=bool(given.get("appliesOncePerCustomer")),
        customers=_customers(site, given.get("context")),
    )  # fmt: skip
    if given.get("endsAt") is not None:
        discount.ends_at = times.read(given["endsAt"])
        if discount.ends_at <= discount.starts_at:
            raise Refused("END_DATE_BEFORE_START_DATE", ("endsAt",), "Ends at needs to be after starts_at")
    subtotal = ((given.get("minimumRequirement") or {}).get("subtotal") or {}).get("greaterThanOrEqualToSubtotal")
    discount.minimum_subtotal = minor(subtotal) if subtotal is not None else None
    _read_combinations(discount, given.get("combinesWith") or {})
    if free_shipping:
        return _with_destination(discount, given)
    _read_gets(site, discount, given.get("customerGets") or {})
    return discount


def _customers(site: Site, context: Given | None) -> tuple[int, ...]:
    if not context:
        raise Refused("BLANK", ("context",), "Context can't be blank")
    if "all" in context:
        return ()
    added = [ids.local("Customer", each) for each in (context["customers"] or {}).get("add") or ()]
    if not added:
        raise Refused("BLANK", ("context", "customers", "add"), "Customers can't be blank")
    if any(each is None or site.customer(each) is None for each in added):
        raise Refused("INVALID", ("context", "customers", "add"), "Customer is invalid")
    return tuple(each for each in added if each is not None)


def _read_combinations(discount: Discount, given: Given) -> None:
    discount.combines_orders = bool(given.get("orderDiscounts"))
    discount.combines_products = bool(given.get("productDiscounts"))
    discount.combines_shipping = bool(given.get("shippingDiscounts"))
    if discount.free_shipping and discount.combines_shipping:
        raise Refused(
            "INVALID_COMBINES_WITH_FOR_DISCOUNT_CLASS", ("combinesWith",),
            "The combines_with settings are invalid for the discount class.",
        )  # fmt: skip


def _with_destination(discount: Discount, given: Given) -> Discount:
    if not (given.get("destination") or {}).get("all"):
        raise Refused("BLANK", ("destination",), "Destination can't be blank")
    return discount


def _read_gets(site: Site, discount: Discount, given: Given) -> None:
    value, items = given.get("value") or {}, given.get("items") or {}
    off, percentage = value.get("discountAmount"), value.get("percentage")
    where = ("customerGets", "value")
    if off is not None and percentage is not None:
        raise Refused("TOO_MANY_ARGUMENTS", where, "Only one value can be given")
    if percentage is not None:
        if not 0 < percentage <= 1:
            raise Refused("VALUE_OUTSIDE_RANGE", (*where, "percentage"), "Value must be between 0.0 and 1.0")
        discount.percentage = float(percentage)
    elif off is None or off.get("amount") is None:
        raise Refused("BLANK", where, "Value can't be blank")
    else:
        discount.amount = minor(off["amount"])
        discount.on_each_item = bool(off.get("appliesOnEachItem"))
        if discount.amount <= 0:
            raise Refused("GREATER_THAN", (*where, "discountAmount", "amount"), "Value must be greater than 0")
    if not items.get("all"):
        discount.products = _products(site, items)


def _products(site: Site, items: Given) -> tuple[int, ...]:
    wanted: Sequence[str] = (items.get("products") or {}).get("productsToAdd") or ()
    found = [ids.local("Product", each) for each in wanted]
    if not found:
        raise Refused("APPLIES_ON_NOTHING", ("customerGets", "items"), "Discount must apply to something")
    if any(each not in site.store.products for each in found):
        raise Refused("INVALID", ("customerGets", "items", "products"), "Product is invalid")
    return tuple(each for each in found if each is not None)
