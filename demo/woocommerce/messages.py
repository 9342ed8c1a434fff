"""What WooCommerce tells a shopper whose code it refuses, by generation. Quotes come as HTML entities."""

from demo.shop.coupons import CouponRefused
from demo.shop.money import text
from demo.woocommerce.versions import Version

ALONE = "Sorry, coupon {code} has already been applied and cannot be used in conjunction with other coupons."
RETRY = "Please try again after some time, or contact us for help."
CURRENT = {
    "unknown": "Coupon {code} cannot be applied because it does not exist.",
    "expired": "Coupon {code} has expired.",
    "used_up": "Usage limit for coupon {code} has been reached. " + RETRY,
    "already_applied": "Coupon code {code} already applied!",
    "stands_alone": ALONE,
    "minimum": "The minimum spend for coupon {code} is &euro;{amount}.",
    "maximum": "The maximum spend for coupon {code} is &euro;{amount}.",
    "email": "Please enter a valid email at checkout to use coupon code {code}.",
}
LEGACY = {
    "unknown": "Coupon {code} does not exist!",
    "expired": "This coupon has expired.",
    "used_up": "Coupon usage limit has been reached. " + RETRY,
    "already_applied": "Coupon code already applied!",
    "stands_alone": ALONE,
    "minimum": "The minimum spend for this coupon is &euro;{amount}.",
    "maximum": "The maximum spend for this coupon is &euro;{amount}.",
    "email": 'Sorry, it seems the coupon "{plain}" is not yours - it has now been removed from your order.',
}


def refusal(version: Version, refused: CouponRefused) -> str:
    words = CURRENT if version.coupon_info else LEGACY
    quoted = f"&quot;{refused.code}&quot;"
    return words[refused.reason].format(code=quoted, plain=refused.code, amount=text(refused.amount))


def removed(version: Version, refusals: list[CouponRefused]) -> str:
    """The headline over the codes a checkout took out of the cart."""
    codes = ", ".join(f'"{refused.code}"' for refused in refusals)
    if not version.coupon_info:
        return f"Invalid coupons were removed from the cart: {codes}"
    reasons = " ".join(refusal(version, refused) for refused in refusals)
    return f"{codes} was removed from the cart. {reasons}"
