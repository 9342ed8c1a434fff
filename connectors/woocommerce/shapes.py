"""What the REST answers look like, checked where they enter. Only what mapping.py reads; amounts stay texts.

PHP has its ways: a missing text is null or false, a list with a hole in it is an object. The readers take them all.
"""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

BEYOND_BOUNDS = 10**20  # of ids and quantities: 1e999999 is a number too, and takes a minute to write out


def text_of_php(value: object) -> str:
    """PHP leaves null and false where a text is missing, and sends some amounts as numbers.

    What no database keeps as text (NUL, halves of surrogate pairs) goes, so that one name cannot stop an order.
    """
    if value is None or value is False:
        return ""
    return str(value).replace("\0", "").encode("utf-8", "replace").decode()


def rows_of_php(value: object) -> object:
    """PHP sends an array with a hole in it as an object, and an empty one sometimes as nothing."""
    if isinstance(value, dict):
        return list(value.values())
    return [] if value is None or value == "" else value


def number_of_php(value: object) -> object:
    return 0 if value is None or value == "" or value is False else value


def within_bounds(value: object) -> object:
    """Before a whole number is made of it. Two comparisons: abs() of a Decimal overflows."""
    if isinstance(value, Decimal) and not -BEYOND_BOUNDS < value < BEYOND_BOUNDS:
        raise ValueError("a number beyond all bounds")
    return value


Text = Annotated[str, BeforeValidator(text_of_php)]
Id = Annotated[int, BeforeValidator(within_bounds), Field(gt=-BEYOND_BOUNDS, lt=BEYOND_BOUNDS)]
Whole = Annotated[Id, BeforeValidator(number_of_php)]
Quantity = Annotated[Decimal, BeforeValidator(number_of_php), Field(gt=-BEYOND_BOUNDS, lt=BEYOND_BOUNDS)]


class RawMeta(BaseModel):
    key: Text = ""
    value: Any = None


class RawLine(BaseModel):
    """A line of goods, a fee, or the same of a refund; shipping lines of refunds too."""

    id: Id
    name: Text = ""
    product_id: Whole = 0
    variation_id: Whole = 0
    quantity: Quantity = Decimal(1)  # plugins sell by weight
    sku: Text = ""
    subtotal: Text = ""
    subtotal_tax: Text = ""
    total: Text = ""
    total_tax: Text = ""
    meta_data: Annotated[list[RawMeta], BeforeValidator(rows_of_php)] = []


class RawCoupon(BaseModel):
    code: Text
    discount: Text = ""
    discount_tax: Text = ""
    free_shipping: bool | None = None  # since WooCommerce 8.7
    meta_data: Annotated[list[RawMeta], BeforeValidator(rows_of_php)] = []


class RawBilling(BaseModel):
    first_name: Text = ""
    last_name: Text = ""
    email: Text = ""


class RawRefund(BaseModel):
    id: Id
    amount: Text = ""
    line_items: Annotated[list[RawLine], BeforeValidator(rows_of_php)] = []
    shipping_lines: Annotated[list[RawLine], BeforeValidator(rows_of_php)] = []
    fee_lines: Annotated[list[RawLine], BeforeValidator(rows_of_php)] = []


class RawOrder(BaseModel):
    id: Id
    number: Text = ""
    status: str
    currency: str
    prices_include_tax: bool = True
    date_created_gmt: str | None = None
    date_modified_gmt: str | None = None
    date_paid_gmt: str | None = None
    date_completed_gmt: str | None = None
    shipping_total: Text = ""
    shipping_tax: Text = ""
    total: Text
    customer_id: Whole = 0
    billing: RawBilling = RawBilling()
    meta_data: Annotated[list[RawMeta], BeforeValidator(rows_of_php)] = []
    line_items: Annotated[list[RawLine], BeforeValidator(rows_of_php)]
    fee_lines: Annotated[list[RawLine], BeforeValidator(rows_of_php)] = []
    coupon_lines: Annotated[list[RawCoupon], BeforeValidator(rows_of_php)] = []


class RawCustomer(BaseModel):
    id: Id
    email: Text = ""
    first_name: Text = ""
    last_name: Text = ""
    date_created_gmt: str | None = None
