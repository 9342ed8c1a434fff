"""From Shoptet's words to ours. Pure: shapes in, values of core.commerce out.

What the rows of an order mean is in rows.py, what credit notes gave back in refunds.py. When an order was paid or done is
not said: the last change is the latest that it can have been.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from connectors.shoptet.refunds import refunds_of
from connectors.shoptet.rows import charged, shipping_of, unnamed_codes
from connectors.shoptet.shapes import RawCustomer, RawNote, RawOrder
from core.commerce import (
    Customer,
    CustomerRef,
    LineKind,
    Order,
    OrderLine,
    OrderState,
    Payment,
)
from core.errors import InvalidInput
from core.money import minor_from_text

# Statuses of the system have negative numbers.
DONE, CANCELLED = -3, -4
PAYMENT = {True: Payment.PAID, False: Payment.UNPAID}
PAYMENT_CAME = frozenset({"OK", "PAID", "COMPLETED"})
REST_LINE = "rest"  # rounding, and whatever else the total holds beside its rows


def order_from(raw: RawOrder, notes: Sequence[RawNote], paid_statuses: Iterable[int]) -> Order:
    """An order with its credit notes. `paid_statuses`: ids of those that mark an order as paid. Raises InvalidInput."""
    currency = raw.price.currency_code.upper()
    rows = charged(raw.items, currency)
    shipping = shipping_of(raw.items, currency)
    lines = [row.line for row in rows]
    total = _total(raw, currency)
    rest = total - sum(line.gross for line in lines) - shipping.gross if total is not None else 0
    if rest:
        lines.append(OrderLine(external_id=REST_LINE, kind=LineKind.FEE, gross=rest, net=rest, before_discount=rest))
    payment = _payment(raw, frozenset(paid_statuses))
    status = raw.status.id if raw.status else None
    return Order(
        external_id=raw.code,
        number=raw.code,
        currency=currency,
        state=OrderState.CANCELLED if status == CANCELLED else OrderState.PLACED,
        payment=payment,
        placed_at=placed_at(raw),
        paid_at=_paid_at(raw) if payment is Payment.PAID else None,
        completed_at=(raw.change_time or placed_at(raw)) if status == DONE else None,
        updated_at=raw.change_time,
        customer=_customer_ref(raw),
        lines=tuple(lines),
        shipping=shipping,
        unnamed_codes=unnamed_codes(raw.items, currency),
        refunds=refunds_of(notes, lines, currency),
        total=sum(line.gross for line in lines) + shipping.gross,
    )


def placed_at(raw: RawOrder) -> datetime:
    """Raises InvalidInput."""
    moment = raw.creation_time or raw.change_time
    if moment is None:
        raise InvalidInput("The order has no time", field="creationTime")
    return moment


def customer_from(raw: RawCustomer) -> Customer:
    """A customer may have several accounts, and points are the customer's; the e-mail is that of the main account."""
    main = next((account for account in raw.accounts if account.main_account), None) or next(iter(raw.accounts), None)
    name = (main.full_name if main else "") or (raw.billing_address.full_name if raw.billing_address else "")
    first, _, last = name.strip().rpartition(" ")
    emails = emails_from(raw)
    return Customer(
        external_id=raw.guid,
        email=emails[0] if emails else None,
        first_name=first.strip() if first else last,
        last_name=last if first else "",
        created_at=raw.creation_time,
    )


def emails_from(raw: RawCustomer) -> tuple[str, ...]:
    """Of the accounts that may sign in, the main one's first."""
    accounts = sorted(
        (account for account in raw.accounts if account.authorized), key=lambda each: not each.main_account
    )
    found = (normal_email(account.email) for account in accounts)
    return tuple(dict.fromkeys(email for email in found if email))


def normal_email(text: str | None) -> str | None:
    return (text or "").strip().lower() or None


# The rest of an order -----------------------------------------------------------------------------------------------


def _total(raw: RawOrder, currency: str) -> int | None:
    text = raw.price.with_vat if raw.price.with_vat is not None else raw.price.to_pay
    return minor_from_text(text, currency) if text is not None else None


def _payment(raw: RawOrder, paid_statuses: frozenset[int]) -> Payment:
    """Null is the word of cash desks, and of orders of which nobody said: then a status that marks as paid says it.
    What is done at a cash desk was paid there."""
    if raw.paid is not None:
        return PAYMENT[raw.paid]
    status = raw.status.id if raw.status else None
    is_paid = status in paid_statuses or (raw.cash_desk_order and status == DONE)
    return Payment.PAID if is_paid else Payment.UNKNOWN


def _paid_at(raw: RawOrder) -> datetime:
    came = [each.change_time for each in raw.payment_transactions if each.status.upper() in PAYMENT_CAME]
    return max((moment for moment in came if moment is not None), default=raw.change_time or placed_at(raw))


def _customer_ref(raw: RawOrder) -> CustomerRef:
    name = raw.billing_address.full_name.strip() if raw.billing_address else ""
    return CustomerRef(external_id=raw.customer_guid or None, email=normal_email(raw.email), name=name or None)
