"""Orders and credit notes as the API tells them."""

from collections.abc import Collection
from typing import Any

from demo.shop.entities import Address, Order, OrderLine
from demo.shoptet.amounts import Json, pieces
from demo.shoptet.entities import CreditNote, Document, Status
from demo.shoptet.guids import guid
from demo.shoptet.rows import BRAND, PAYMENTS, UNIT, Row, head_price, prices, product_guid, refunded_rows, rows, sums
from demo.shoptet.site import Site
from demo.shoptet.times import day, stamp

SOURCE_ESHOP = {"name": "E-shop", "id": -1}
SOURCE_DESK = {"name": "Cash desk", "id": -2}
VAT_MODE = "Normal"
SHIPPING_ID = 1


def listed(site: Site, order: Order) -> Json:
    """A row of the list of orders: no items."""
    who = order.billing
    return {
        **_head(site, order),
        "fullName": full_name(who) or None,
        "company": who.company or None,
        "remark": order.note or None,
    }


def detail(site: Site, order: Order, include: Collection[str] = ()) -> Json:
    extra, who = site.extra_of(order), order.billing
    known = rows(site, order)
    status = named(site.statuses[extra.status_id])
    told: Json = {
        **_head(site, order),
        "externalCode": None,
        "birthDate": None,
        "clientIPAddress": order.ip or None,
        "stockId": 1,
        "addressesEqual": True,
        "vatPayer": site.vat_payer,
        "vatMode": VAT_MODE,
        "billingMethod": _billing_method(order),
        "billingAddress": billing(who),
        "deliveryAddress": None,
        "onlinePaymentLink": None,
        "language": site.language,
        "referer": None,
        "paymentMethods": [
            {"paymentMethod": _payment(order), "itemId": row.id} for row in known if row.kind == "billing"
        ],
        "shippings": [{"shipping": _shipping(row.name), "itemId": row.id} for row in known if row.kind == "shipping"],
        "items": [_item(row, status) for row in known],
        "completion": [_completion(line) for line in order.lines],
    }
    return told | _sections(site, order, include)


def history(site: Site, order: Order, *, system: bool | None) -> list[Json]:
    return [
        {
            "id": row.id,
            "creationTime": stamp(row.at),
            "text": row.text,
            "user": None if row.system else {"id": f"api.service@{site.name.lower()}.example", "name": site.addon.name},
            "system": row.system,
            "type": "system" if row.system else "comment",
        }
        for row in site.extra_of(order).history
        if system is None or row.system == system
    ]


def statuses(site: Site) -> Json:
    return {
        "defaultStatus": -1,
        "statuses": [
            {
                "id": each.id,
                "name": each.name,
                "system": each.id < 0,
                "order": place,
                "markAsPaid": each.paid,
                "color": "#ffffff",
                "backgroundColor": "#225588",
                "changeOrderItems": False,
                "stockClaimResolved": False,
                "documents": {
                    "generateProformaInvoice": False,
                    "generateInvoice": each.documents,
                    "generateDeliveryNote": False,
                    "generateProofPayment": False,
                },
            }
            for place, each in enumerate(site.statuses.values(), start=1)
        ],
    }


def credit_note_listed(site: Site, note: CreditNote) -> Json:
    order = site.store.orders.get(note.order_id)
    known = _refunded(site, note)
    who = order.billing if order is not None else Address()
    return {
        "code": note.code,
        "varSymbol": int(note.code),
        "isValid": note.is_valid,
        "invoiceCode": note.invoice_code,
        "proofPaymentCode": note.proof_code,
        "orderCode": site.code(order) if order is not None else None,
        "creationTime": stamp(note.created_at),
        "changeTime": stamp(note.changed_at),
        "billCompany": who.company or None,
        "billFullName": full_name(who) or None,
        "price": sums(site, known, site.extra_of(order)) if order is not None else {},
        "reasonRemark": note.reason or None,
    }


def credit_note(site: Site, note: CreditNote) -> Json:
    order = site.store.orders[note.order_id]
    told = credit_note_listed(site, note)
    for name in ("billCompany", "billFullName"):
        del told[name]
    who = order.billing
    return {
        **told,
        "dueDate": day(note.created_at),
        "taxDate": day(note.created_at),
        "constSymbol": None,
        "specSymbol": None,
        "restocked": True,
        "stockAmountChangeType": "load",
        "weight": "0.000",
        "completePackageWeight": "0.000",
        "billingMethod": _billing_method(order),
        "billingAddress": billing(who),
        "deliveryAddress": None,
        "addressesEqual": True,
        "customer": {
            "guid": customer_guid(order),
            "phone": who.phone or None,
            "email": who.email or None,
            "remark": None,
        },
        "eshop": {"bankAccount": None, "iban": None, "bic": None, "vatPayer": site.vat_payer},
        "items": [_common(row) for row in _refunded(site, note)],
        "documentRemark": None,
        "vatPayer": site.vat_payer,
        "vatMode": VAT_MODE,
    }


def invoice(site: Site, made: Document) -> Json:
    order = site.store.orders[made.order_id]
    return {
        "code": made.code,
        "varSymbol": int(made.code) if made.code.isdigit() else None,
        "isValid": True,
        "proformaInvoiceCodes": [],
        "orderCode": site.code(order),
        "creationTime": stamp(made.created_at),
        "billCompany": order.billing.company or None,
        "billFullName": full_name(order.billing) or None,
        "price": head_price(site, order),
        "changeTime": stamp(made.created_at),
        "dueDate": day(made.created_at),
        "taxDate": day(made.created_at),
        "paid": paid(site, order),
    }


def proof_of_payment(site: Site, made: Document) -> Json:
    order = site.store.orders[made.order_id]
    return {
        "code": made.code,
        "orderCode": site.code(order),
        "proformaInvoiceCode": None,
        "issueDate": stamp(made.created_at),
        "billFullName": full_name(order.billing) or None,
        "payment": head_price(site, order)["withVat"],
        "isValid": True,
        "vatMode": VAT_MODE,
        "invoicingExchangeRate": "1.00000000",
        "invoiceCode": None,
        "closed": False,
    }


def full_name(who: Address) -> str:
    return f"{who.first_name} {who.last_name}".strip()


def customer_guid(order: Order) -> str | None:
    return guid("customer", order.customer_id) if order.customer_id else None


def paid(site: Site, order: Order) -> bool | None:
    return None if site.extra_of(order).paid_unknown else order.paid_at is not None


def billing(who: Address) -> Json:
    return {**delivery(who), "companyId": None, "vatId": None, "vatIdValidationStatus": None, "taxId": None}


def delivery(who: Address) -> Json:
    street, _, number = who.address_1.rpartition(" ")
    return {
        "company": who.company or None,
        "fullName": full_name(who) or None,
        "street": (street or who.address_1) or None,
        "houseNumber": (number if street else "") or None,
        "city": who.city or None,
        "district": None,
        "additional": who.address_2 or None,
        "zip": who.postcode or None,
        "countryCode": who.country or None,
        "regionName": None,
        "regionShortcut": None,
    }


def named(status: Status) -> Json:
    return {"id": status.id, "name": status.name}


def _head(site: Site, order: Order) -> Json:
    """What the list and the detail share."""
    extra, who = site.extra_of(order), order.billing
    sent = order.shipping_lines[0].title if order.shipping_lines else ""
    return {
        "code": site.code(order),
        "guid": guid("order", order.id),
        "creationTime": stamp(order.created_at),
        "changeTime": stamp(order.modified_at),
        "email": who.email or None,
        "phone": who.phone or None,
        "customerGuid": customer_guid(order),
        "cashDeskOrder": extra.cash_desk,
        "adminUrl": f"{site.url}/admin/orders/{order.id}",
        "status": named(site.statuses[extra.status_id]),
        "source": SOURCE_DESK if extra.cash_desk else SOURCE_ESHOP,
        "shipping": _shipping(sent) if sent else None,
        "paymentMethod": _payment(order),
        "price": head_price(site, order),
        "paid": paid(site, order),
        "salesChannelGuid": guid("channel", 1),
    }


def _item(row: Row, status: Json) -> Json:
    return {
        **_common(row),
        "ean": None,
        "productType": row.kind,
        "status": status,
        "recyclingFee": None,
        "warrantyDescription": None,
        "amountCompleted": None,
    }


def _common(row: Row) -> Json:
    """What an item of an order shares with one of a credit note."""
    return {
        "productGuid": product_guid(row),
        "code": row.code,
        "itemType": row.kind,
        "name": row.name,
        "variantName": None,
        "brand": BRAND if row.product_id else None,
        "amount": pieces(row.count),
        "amountUnit": UNIT,
        "remark": None,
        "priceRatio": "1.0000",
        "weight": "0.000",
        "additionalField": None,
        **prices(row),
        "purchasePrice": None,
        "itemId": row.id,
    }


def _completion(line: OrderLine) -> Json:
    return {
        "productGuid": guid("product", line.product_id) if line.product_id else None,
        "code": line.sku or None,
        "itemType": "product",
        "name": line.name,
        "variantName": None,
        "amount": pieces(line.quantity),
        "amountUnit": UNIT,
        "itemId": line.id,
        "amountCompleted": None,
    }


def _sections(site: Site, order: Order, include: Collection[str]) -> Json:
    """What is told on demand only."""
    told: dict[str, Any] = {}
    if "notes" in include:
        notes = site.extra_of(order).notes
        told["notes"] = {
            "customerRemark": order.note or None,
            "eshopRemark": None,
            "trackingNumber": None,
            "trackingUrl": None,
            "additionalFields": [
                {"index": index, "label": f"Field {index}", "text": notes.get(index)} for index in range(1, 7)
            ],
        }
    if "shippingDetails" in include:
        told["shippingDetails"] = None
    if "paymentTransactions" in include:
        told["paymentTransactions"] = []
    return told


def _payment(order: Order) -> Json:
    number, title, _ = PAYMENTS.get(order.payment_method, PAYMENTS["bacs"])
    return {"guid": guid("payment", number), "name": title}


def _billing_method(order: Order) -> Json:
    _, title, number = PAYMENTS.get(order.payment_method, PAYMENTS["bacs"])
    return {"id": number, "name": title}


def _shipping(title: str) -> Json:
    return {"guid": guid("shipping", SHIPPING_ID), "name": title}


def _refunded(site: Site, note: CreditNote) -> list[Row]:
    order = site.store.orders.get(note.order_id)
    made = next((each for each in order.refunds if each.id == note.refund_id), None) if order is not None else None
    return refunded_rows(site, order, made) if order is not None and made is not None else []
