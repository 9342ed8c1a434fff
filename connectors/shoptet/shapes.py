"""What Shoptet's answers look like, checked where they enter. Only what we read; amounts stay texts.

The documentation says texts where live answers hold numbers, so both are taken; what is unknown is ignored.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from core.errors import InvalidInput

BEYOND_BOUNDS = 10**20  # of ids and quantities: 1e999999 is a number too, and takes a minute to write out


def _text(value: object) -> object:
    """Null is no text; numbers are their digits. What no database keeps goes: NUL, halves of surrogate pairs."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError("not a text")
    if isinstance(value, int | Decimal) and not -BEYOND_BOUNDS < value < BEYOND_BOUNDS:
        raise ValueError("a number beyond all bounds")
    return str(value).replace("\0", "").encode("utf-8", "replace").decode()


def _maybe_text(value: object) -> object:
    return None if value is None else _text(value)


def _whole(value: object) -> object:
    if isinstance(value, Decimal) and not -BEYOND_BOUNDS < value < BEYOND_BOUNDS:
        raise ValueError("a number beyond all bounds")
    return value


def _rows(value: object) -> object:
    return [] if value is None else value


def _moment(value: object) -> object:
    """Shoptet writes 2018-05-29T09:02:27+0200. Years that the calendar has at any offset only."""
    if not isinstance(value, str):
        return value
    moment = datetime.fromisoformat(value.strip())
    if moment.tzinfo is None or not 1971 <= moment.year <= 9000:
        raise ValueError("not a moment")
    return moment


Text = Annotated[str, BeforeValidator(_text)]
MaybeText = Annotated[str | None, BeforeValidator(_maybe_text)]
Whole = Annotated[int, BeforeValidator(_whole), Field(gt=-BEYOND_BOUNDS, lt=BEYOND_BOUNDS)]
Number = Annotated[Decimal, Field(gt=-BEYOND_BOUNDS, lt=BEYOND_BOUNDS)]
Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


class Shape(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


T = TypeVar("T", bound=BaseModel)


def read(model: type[T], body: object) -> T:
    """Raises InvalidInput, naming the place and never the value."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])[:100]
        raise InvalidInput(f"{place}: {first['type']}", field=place) from None


class Paginator(Shape):
    total_count: Whole = 0
    page: Whole = 1
    page_count: Whole = 1


class Named(Shape):
    """A status, a group, a price list."""

    id: Whole
    name: Text = ""


# Orders and credit notes --------------------------------------------------------------------------------------------


class Price(Shape):
    with_vat: MaybeText = None
    without_vat: MaybeText = None
    vat_rate: Text = ""


class RawItem(Shape):
    """A row of an order or of a credit note; `item_price` is that of all its units, after the row's own discount."""

    item_type: Text
    item_id: MaybeText = None
    product_guid: MaybeText = None
    code: MaybeText = None
    name: Text = ""
    amount: Number | None = None
    item_price: Price | None = None
    display_prices: Annotated[list[Price], BeforeValidator(_rows)] = []
    item_price_vat_breakdown: Annotated[list[Price], BeforeValidator(_rows)] = []


class Total(Shape):
    with_vat: MaybeText = None
    to_pay: MaybeText = None
    currency_code: str


class RawTransaction(Shape):
    status: Text = ""
    change_time: Moment | None = None


class BillingAddress(Shape):
    full_name: Text = ""


class RawOrder(Shape):
    code: Text
    creation_time: Moment | None = None
    change_time: Moment | None = None
    email: MaybeText = None
    customer_guid: MaybeText = None
    billing_address: BillingAddress | None = None
    status: Named | None = None
    paid: bool | None = None
    cash_desk_order: bool | None = None
    price: Total
    items: Annotated[list[RawItem], BeforeValidator(_rows)]
    payment_transactions: Annotated[list[RawTransaction], BeforeValidator(_rows)] = []


class RawNote(Shape):
    code: Text
    is_valid: bool = True
    order_code: MaybeText = None
    creation_time: Moment | None = None
    price: Total
    items: Annotated[list[RawItem], BeforeValidator(_rows)] = []


class OrderAnswer(Shape):
    order: dict[str, Any]


class NoteAnswer(Shape):
    credit_note: RawNote


class NoteOrigin(Shape):
    """`order_code` may be null: then the document that the note hangs on knows the order."""

    order_code: MaybeText = None
    invoice_code: MaybeText = None
    proof_payment_code: MaybeText = None


class NoteHead(Shape):
    credit_note: NoteOrigin


class NoteRow(NoteOrigin):
    code: Text
    is_valid: bool = True


class NoteRows(Shape):
    credit_notes: list[NoteRow]
    paginator: Paginator = Paginator()


class Document(Shape):
    code: Text
    order_code: MaybeText = None


class DocumentOrder(Shape):
    order_code: MaybeText = None


class InvoiceAnswer(Shape):
    invoice: DocumentOrder


class ProofPaymentAnswer(Shape):
    proof_payments: DocumentOrder


class Invoices(Shape):
    invoices: list[Document]


class ProofPayments(Shape):
    items: list[Document]


class Change(Shape):
    code: Text
    change_time: Moment | None = None


class Changes(Shape):
    changes: list[Change]
    paginator: Paginator = Paginator()


class OrderRow(Shape):
    code: Text
    change_time: Moment | None = None


class OrderRows(Shape):
    orders: list[OrderRow]
    paginator: Paginator = Paginator()


class Status(Shape):
    id: Whole
    mark_as_paid: bool = False


class Statuses(Shape):
    statuses: list[Status]


# Customers ----------------------------------------------------------------------------------------------------------


class Account(Shape):
    email: MaybeText = None
    full_name: Text = ""
    main_account: bool = False
    authorized: bool = True


class RawCustomer(Shape):
    guid: Text
    creation_time: Moment | None = None
    billing_address: BillingAddress | None = None
    customer_group: Named | None = None
    price_list: Named | None = None
    accounts: Annotated[list[Account], BeforeValidator(_rows)] = []


class CustomerAnswer(Shape):
    customer: RawCustomer


class CustomerRow(Shape):
    guid: Text


class CustomerRows(Shape):
    customers: list[CustomerRow]
    paginator: Paginator = Paginator()


class Group(Shape):
    id: Whole
    name: Text = ""
    customer_group_code: MaybeText = None
    default_pricelist_id: Whole | None = None


class Groups(Shape):
    customer_groups: list[Group]


class Pricelists(Shape):
    pricelists: list[Named]


# Coupons ------------------------------------------------------------------------------------------------------------


class RawCoupon(Shape):
    code: Text
    discount_type: Text = ""
    amount: MaybeText = None
    ratio: MaybeText = None
    min_price: MaybeText = None
    currency: MaybeText = None
    template: MaybeText = None
    shipping_price: MaybeText = None
    valid_to: MaybeText = None
    reusable: bool = False
    used_count: Whole | None = None


class Coupons(Shape):
    coupons: list[RawCoupon]


class CouponAnswer(Shape):
    coupon: RawCoupon


class Template(Shape):
    guid: Text
    title: Text = ""


class Templates(Shape):
    coupon_templates: list[Template]


# The shop -----------------------------------------------------------------------------------------------------------


class Contact(Shape):
    eshop_id: Text
    eshop_name: Text = ""
    url: Text


class ShopSettings(Shape):
    vat_payer: bool | None = None
    timezone: Text = ""


class Currency(Shape):
    code: str
    is_default: bool = False
    price_decimal_places: Whole = 2


class Rate(Shape):
    vat_rate: Text = ""


class TaxClass(Shape):
    is_default: bool = False
    rates: Annotated[list[Rate], BeforeValidator(_rows)] = []


class Module(Shape):
    name: Text


class Link(Shape):
    ident: Text
    url: Text


class Eshop(Shape):
    contact_information: Contact
    settings: ShopSettings = ShopSettings()
    currencies: list[Currency]
    tax_classes: Annotated[list[TaxClass], BeforeValidator(_rows)] = []
    active_modules: Annotated[list[Module], BeforeValidator(_rows)] = []
    urls: Annotated[list[Link], BeforeValidator(_rows)] = []


class Webhook(Shape):
    id: Whole
    event: Text
    url: Text


class Webhooks(Shape):
    webhooks: list[Webhook]
    paginator: Paginator = Paginator()


class SignatureKey(Shape):
    signature_key: Annotated[str, Field(min_length=8)]


class Notification(Shape):
    webhook_url: Text = ""


class Notifications(Shape):
    notifications: list[Notification]


class Snippet(Shape):
    location: Text
    html: Text = ""


class Snippets(Shape):
    snippets: list[Snippet]


class Endpoint(Shape):
    endpoint: Text


class Endpoints(Shape):
    endpoints: list[Endpoint]


class JobStarted(Shape):
    job_id: Annotated[str, Field(min_length=1, max_length=100)]


class Job(Shape):
    status: str
    result_url: MaybeText = None


class JobAnswer(Shape):
    job: Job


def rows_of(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """What a line of a snapshot holds: the thing itself, or the thing under its name."""
    inner = body.get(name)
    return inner if isinstance(inner, Mapping) else body
