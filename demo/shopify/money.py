"""Money as Shopify writes it: decimal strings, in the shop's currency and the buyer's."""

from dataclasses import dataclass

from demo.shop.money import text

CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class MoneyV2:
    """Attributes are named as in the schema."""

    amount: str
    currencyCode: str
    TYPE = "MoneyV2"


@dataclass(frozen=True, slots=True)
class MoneyBag:
    """Attributes are named as in the schema."""

    shopMoney: MoneyV2
    TYPE = "MoneyBag"


def decimal(cents: int) -> str:
    """As the Admin API has it: 12.1, 12.0."""
    whole = text(cents)
    return whole[:-1] if whole.endswith("0") else whole


def money(cents: int, currency: str = CURRENCY) -> MoneyV2:
    return MoneyV2(decimal(cents), currency)


def bag(cents: int) -> MoneyBag:
    return MoneyBag(money(cents))


def rest_set(cents: int) -> dict[str, dict[str, str]]:
    """The same pair in a webhook's body."""
    return {
        "shop_money": {"amount": text(cents), "currency_code": CURRENCY},
        "presentment_money": {"amount": text(cents), "currency_code": CURRENCY},
    }
