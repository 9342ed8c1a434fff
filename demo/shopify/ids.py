"""Shopify's ids: `gid://shopify/Order/56010000000000028`, and the bare number in webhooks and addresses.

The numbers are made of the shop's small ids, odd and beyond 2^53: whoever takes one for a float gets another one.
"""

BASES = {
    "AppInstallation": 61_010_000_000_000_001,
    "BulkOperation": 62_010_000_000_000_003,
    "Collection": 63_010_000_000_000_001,
    "Customer": 57_010_000_000_000_003,
    "CustomerAddress": 57_510_000_000_000_001,
    "DiscountCodeNode": 64_010_000_000_000_001,
    "DiscountRedeemCode": 64_510_000_000_000_001,
    "Domain": 65_010_000_000_000_001,
    "Fulfillment": 66_010_000_000_000_001,
    "GiftCard": 67_010_000_000_000_001,
    "LineItem": 58_010_000_000_000_005,
    "Order": 56_010_000_000_000_001,
    "OrderAdjustment": 68_010_000_000_000_001,
    "OrderEdit": 68_510_000_000_000_001,
    "OrderTransaction": 69_010_000_000_000_001,
    "Product": 71_010_000_000_000_001,
    "ProductVariant": 72_010_000_000_000_001,
    "Refund": 59_010_000_000_000_007,
    "RefundLineItem": 59_510_000_000_000_001,
    "RefundShippingLine": 59_710_000_000_000_001,
    "ShippingLine": 73_010_000_000_000_001,
    "Shop": 74_010_000_000_000_001,
    "StaffMember": 75_010_000_000_000_001,
    "StoreCreditAccount": 76_010_000_000_000_001,
    "StoreCreditAccountCreditTransaction": 76_510_000_000_000_001,
}
# Floats of this size are 8 or 16 apart.
STEP = 16
PREFIX = "gid://shopify/"


def number(kind: str, local: int) -> int:
    """The public number of a thing the shop knows as `local`."""
    return BASES[kind] + STEP * local


def gid(kind: str, local: int) -> str:
    return f"{PREFIX}{kind}/{number(kind, local)}"


def kind_of(text: str) -> str:
    """`Order` of `gid://shopify/Order/17`; empty for what is no gid."""
    return text.removeprefix(PREFIX).partition("/")[0] if text.startswith(PREFIX) else ""


def local(kind: str, text: str) -> int | None:
    """The shop's own id behind a gid or a bare number of this kind; -1 where no thing can have that number, None for what is no id."""
    tail = text.removeprefix(f"{PREFIX}{kind}/").partition("?")[0]
    if not (tail.isascii() and tail.isdigit()):
        return None
    found, rest = divmod(int(tail) - BASES[kind], STEP)
    return found if rest == 0 and found >= 0 else -1
