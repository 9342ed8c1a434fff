"""Discount codes: making them, and deciding whether one may be used. A refusal says why in a word."""

from dataclasses import dataclass
from fnmatch import fnmatch

from demo.shop.entities import COUNTED, Coupon, Order
from demo.shop.store import Store

KINDS = ("percent", "fixed_cart", "fixed_product")


class CouponRefused(Exception):
    """A code that cannot be used here. `reason` is one of the words of the platform's message table."""

    def __init__(self, code: str, reason: str, *, amount: int = 0) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.amount = amount


class CodeTaken(Exception):
    """Another live coupon has this code."""


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who wants to use a code: the account, if any, and every e-mail address known so far, lower-cased."""

    customer_id: int
    emails: frozenset[str]

    @property
    def names(self) -> frozenset[str]:
        """How `Coupon.used_by` knows this buyer."""
        return self.emails | ({str(self.customer_id)} if self.customer_id else set())


def create(store: Store, code: str, *, kind: str = "fixed_cart", amount: int = 0) -> Coupon:
    """A new live coupon; the caller fills in the rest and then calls `saved`. Raises CodeTaken."""
    code = code.strip().lower()
    if store.coupon_by_code(code) is not None:
        raise CodeTaken(code)
    now = store.now()
    coupon = Coupon(store.next_post_id(), code, kind, amount, created_at=now, modified_at=now)
    store.coupons[coupon.id] = coupon
    return coupon


def saved(store: Store, coupon: Coupon, *, created: bool) -> None:
    coupon.modified_at = store.now()
    store.emit("coupon.created" if created else "coupon.updated", coupon.id)


def trash(store: Store, coupon: Coupon) -> None:
    coupon.status = "trash"
    coupon.modified_at = store.now()
    store.emit("coupon.trashed", coupon.id)


def delete(store: Store, coupon: Coupon) -> None:
    """Gone for good. Shops send no message about this, only about the trash."""
    del store.coupons[coupon.id]


def find_usable(store: Store, code: str) -> Coupon:
    """The live coupon of this code, while it still runs and has uses left. Raises CouponRefused."""
    coupon = store.coupon_by_code(code)
    if coupon is None or coupon.status != "publish":
        raise CouponRefused(code.strip().lower(), "unknown")
    if coupon.expires_at is not None and store.now() > coupon.expires_at:
        raise CouponRefused(coupon.code, "expired")
    if is_used_up(coupon):
        raise CouponRefused(coupon.code, "used_up")
    return coupon


def is_used_up(coupon: Coupon) -> bool:
    return bool(coupon.usage_limit) and coupon.usage_count >= (coupon.usage_limit or 0)


def check_buyer(coupon: Coupon, buyer: Buyer, *, check_emails: bool) -> None:
    """Refuse a buyer who used up their share, or whom the code was not made for. Raises CouponRefused."""
    if coupon.usage_limit_per_user:
        uses = sum(1 for name in coupon.used_by if name in buyer.names)
        if uses >= coupon.usage_limit_per_user:
            raise CouponRefused(coupon.code, "used_up")
    if check_emails and not email_allowed(coupon, buyer):
        raise CouponRefused(coupon.code, "email")


def email_allowed(coupon: Coupon, buyer: Buyer) -> bool:
    if not coupon.emails:
        return True
    return any(fnmatch(email, pattern.strip().lower()) for email in buyer.emails for pattern in coupon.emails)


def check_amount(coupon: Coupon, subtotal: int) -> None:
    if coupon.minimum and subtotal < coupon.minimum:
        raise CouponRefused(coupon.code, "minimum", amount=coupon.minimum)
    if coupon.maximum and subtotal > coupon.maximum:
        raise CouponRefused(coupon.code, "maximum", amount=coupon.maximum)


def count_usage(store: Store, order: Order, status: str) -> None:
    """Book or give back the codes of an order that has just reached `status`. Safe to repeat."""
    if status in COUNTED and not order.usage_counted:
        order.usage_counted = True
        for coupon in _coupons_of(store, order):
            coupon.usage_count += 1
            coupon.used_by.append(_buyer_name(order))
    elif status in store.rules.usage_restored_on and order.usage_counted:
        order.usage_counted = False
        for coupon in _coupons_of(store, order):
            coupon.usage_count = max(0, coupon.usage_count - 1)
            if _buyer_name(order) in coupon.used_by:
                coupon.used_by.remove(_buyer_name(order))


def _coupons_of(store: Store, order: Order) -> list[Coupon]:
    found = (store.coupons.get(line.coupon_id) for line in order.coupon_lines)
    return [coupon for coupon in found if coupon is not None]


def _buyer_name(order: Order) -> str:
    return str(order.customer_id) if order.customer_id else order.billing.email.lower()
