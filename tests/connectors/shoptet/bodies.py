"""Orders and credit notes as Shoptet writes them, of no more than a test is about."""

from collections.abc import Sequence
from typing import Any

from connectors.shoptet import mapping
from connectors.shoptet.shapes import RawNote, RawOrder, read
from core.commerce import Order


def price(gross: str, net: str | None = None, rate: str = "21.00") -> dict[str, Any]:
    return {"withVat": gross, "withoutVat": net if net is not None else gross, "vatRate": rate}


def item(
    kind: str, number: int, gross: str, net: str | None = None, rate: str = "21.00", **more: Any
) -> dict[str, Any]:
    return {
        "itemType": kind, "itemId": number, "productGuid": None, "code": None, "name": kind, "amount": "1.000",
        "itemPrice": price(gross, net, rate), **more,
    }  # fmt: skip


def order(items: Sequence[dict[str, Any]], total: str, **more: Any) -> dict[str, Any]:
    return {
        "code": "2026000123",
        "creationTime": "2026-11-21T10:19:58+0100",
        "changeTime": "2026-11-22T08:00:00+0100",
        "email": "anna@example.com",
        "customerGuid": None,
        "status": {"id": -1, "name": "New"},
        "price": {"withVat": total, "toPay": total, "currencyCode": "CZK"},
        "paid": True,
        "items": list(items),
        **more,
    }


def note(items: Sequence[dict[str, Any]], total: str, code: str = "D1", **more: Any) -> dict[str, Any]:
    return {
        "code": code,
        "isValid": True,
        "orderCode": "2026000123",
        "creationTime": "2026-11-23T10:00:00+0100",
        "price": {"withVat": total, "toPay": total, "currencyCode": "CZK"},
        "items": list(items),
        **more,
    }


def mapped(body: dict[str, Any], *notes: dict[str, Any], paid_statuses: Sequence[int] = ()) -> Order:
    return mapping.order_from(read(RawOrder, body), [read(RawNote, each) for each in notes], paid_statuses)


def grosses(found: Order) -> dict[str, int]:
    return {line.external_id: line.gross for line in found.lines}
