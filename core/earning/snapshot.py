"""The newest accepted state of an order, cut down to what assess and settle read. Pure."""

import hashlib
import json
from typing import Any, Self

from pydantic import AwareDatetime

from core.commerce import Frozen, LineKind, Order, OrderState, Payment, keep
from core.ids import normal_code


class SnapshotLine(Frozen):
    """Gross minor units: `ordered` after discounts and before refunds, `kept` still paid for, `undiscounted` before discounts."""

    line_id: str
    kind: LineKind
    name: str
    product_id: str | None
    sku: str | None
    quantity: int
    ordered: int
    ordered_net: int
    undiscounted: int
    kept: int


class SnapshotCode(Frozen):
    code: str  # as core.ids.normal_code makes it
    gross: int
    used: int | None = None  # None in what was kept before this was noted: then it is the gross amount
    free_shipping: bool


class Snapshot(Frozen):
    state: OrderState
    payment: Payment
    currency: str
    placed_at: AwareDatetime
    paid_at: AwareDatetime | None
    completed_at: AwareDatetime | None
    is_test: bool
    customer_external_id: str | None
    customer_erased: bool
    lines: tuple[SnapshotLine, ...]
    shipping: int
    shipping_net: int
    shipping_kept: int
    codes: tuple[SnapshotCode, ...]
    total: int
    refunded: int

    def as_gone(self) -> Self:
        """The same order, taken out of the shop for good."""
        return self.model_copy(update={"state": OrderState.CANCELLED})

    def as_stored(self) -> tuple[dict[str, Any], str]:
        """The form that a database keeps, and its fingerprint: equal for equal content."""
        stored = self.model_dump(mode="json")
        content = json.dumps(stored, sort_keys=True, separators=(",", ":"))
        return stored, hashlib.sha256(content.encode()).hexdigest()

    @property
    def fingerprint(self) -> str:
        """A read that found nothing new has the fingerprint of the one before."""
        return self.as_stored()[1]


def snapshot_of(order: Order) -> Snapshot:
    """Translate what was read into what is kept. Names of products stay, names of people do not."""
    kept, shipping_kept = keep(order)
    customer = order.customer
    return Snapshot(
        state=order.state,
        payment=order.payment,
        currency=order.currency,
        placed_at=order.placed_at,
        paid_at=order.paid_at,
        completed_at=order.completed_at,
        is_test=order.is_test,
        customer_external_id=None if customer.erased else customer.external_id,
        customer_erased=customer.erased,
        lines=tuple(
            SnapshotLine(
                line_id=line.external_id,
                kind=line.kind,
                name=line.name,
                product_id=line.product_id,
                sku=line.sku,
                quantity=line.quantity,
                ordered=max(0, line.gross),
                ordered_net=max(0, line.net),
                undiscounted=max(0, line.before_discount),
                kept=kept[line.external_id],
            )
            for line in order.lines
        ),
        shipping=order.shipping.gross,
        shipping_net=order.shipping.net,
        shipping_kept=shipping_kept,
        codes=tuple(
            SnapshotCode(
                code=normal_code(discount.code),
                gross=discount.gross,
                used=discount.used,
                free_shipping=discount.free_shipping,
            )
            for discount in order.discounts
        ),
        total=order.total,
        refunded=sum(refund.gross for refund in order.refunds),
    )
