"""Refunds in webhook bodies: whose subtotals and taxes, of all amounts, are JSON numbers."""

from typing import Any

from demo.shop.entities import Order, OrderLine, Refund, RefundLine
from demo.shop.money import text
from demo.shopify.ids import gid, number
from demo.shopify.line_views import VAT
from demo.shopify.money import CURRENCY, rest_set
from demo.shopify.refund_views import discrepancy
from demo.shopify.site import Site
from demo.shopify.sums import line_sums
from demo.shopify.times import local

Json = dict[str, Any]


def refund(site: Site, order: Order, it: Refund) -> Json:
    known = {line.id: line for line in order.lines}
    goods = [part for part in it.lines if part.part != "shipping" and part.item_id in known]
    shipping = [part for part in it.lines if part.part == "shipping"]
    return {
        "id": number("Refund", it.id),
        "order_id": number("Order", order.id),
        "created_at": local(it.created_at),
        "note": it.reason or None,
        "user_id": None,
        "processed_at": local(it.created_at),
        "duties": [],
        "total_duties_set": rest_set(0),
        "return": None,
        "refund_shipping_lines": [_shipping(site, order, part) for part in shipping],
        "restock": bool(goods),
        "admin_graphql_api_id": gid("Refund", it.id),
        "order_adjustments": _adjustments(order, it, shipping),
        "refund_line_items": [_line(site, order, known[part.item_id], part) for part in goods],
        "transactions": [_transaction(order, it)],
    }


def line_facts(site: Site, order: Order, line: OrderLine) -> Json:
    """A line item as orders and refunds both show it."""
    extra = site.extra_of(order)
    sums = line_sums(order, extra, line)
    gift = line.id in extra.gift_cards
    product = site.store.products.get(line.product_id)
    return {
        "id": number("LineItem", line.id),
        "admin_graphql_api_id": gid("LineItem", line.id),
        "variant_id": number("ProductVariant", line.product_id) if product is not None else None,
        "title": line.name,
        "quantity": line.quantity,
        "sku": line.sku or None,
        "variant_title": None,
        "vendor": "Fernway",
        "fulfillment_service": "manual",
        "product_id": number("Product", line.product_id) if product is not None else None,
        "requires_shipping": not gift and product is not None and not product.virtual,
        "taxable": True,
        "gift_card": gift,
        "name": line.name,
        "variant_inventory_management": None,
        "properties": [],
        "product_exists": product is not None,
        "fulfillable_quantity": sums.current_quantity,
        "grams": 0,
        "price": text(sums.unit),
        "total_discount": "0.00",
        "fulfillment_status": "fulfilled" if order.completed_at is not None else None,
        "price_set": rest_set(sums.unit),
        "total_discount_set": rest_set(0),
        "discount_allocations": [
            {"amount": text(cents), "discount_application_index": index, "amount_set": rest_set(cents)}
            for index, cents in sums.allocations
        ],
        "duties": [],
        "tax_lines": tax_lines(sums.tax),
    }


def tax_lines(cents: int) -> list[Json]:
    if not cents:
        return []
    return [{"price": text(cents), "rate": VAT, "title": "VAT", "price_set": rest_set(cents), "channel_liable": None}]


def _line(site: Site, order: Order, line: OrderLine, part: RefundLine) -> Json:
    subtotal = part.net + (part.tax if site.extra_of(order).taxes_included else 0)
    return {
        "id": number("RefundLineItem", part.id),
        "quantity": part.quantity,
        "line_item_id": number("LineItem", line.id),
        "location_id": None,
        "restock_type": "return",
        "subtotal": subtotal / 100,
        "total_tax": part.tax / 100,
        "subtotal_set": rest_set(subtotal),
        "total_tax_set": rest_set(part.tax),
        "line_item": line_facts(site, order, line),
    }


def _shipping(site: Site, order: Order, part: RefundLine) -> Json:
    subtotal = part.net + (part.tax if site.extra_of(order).taxes_included else 0)
    return {
        "id": number("RefundShippingLine", part.id),
        "shipping_line_id": number("ShippingLine", part.item_id),
        "subtotal_amount_set": rest_set(subtotal),
    }


def _adjustments(order: Order, it: Refund, shipping: list[RefundLine]) -> list[Json]:
    """Shipping that went back, and what the amount differs by from the value of what came back."""
    rows = [(part.id, -part.net, -part.tax, "shipping_refund", "Shipping refund") for part in shipping]
    off = discrepancy(it)
    if off:
        rows.append((it.id, off, 0, "refund_discrepancy", "Refund discrepancy"))
    return [
        {
            "id": number("OrderAdjustment", id_),
            "order_id": number("Order", order.id),
            "refund_id": number("Refund", it.id),
            "amount": text(cents),
            "tax_amount": text(tax_cents),
            "kind": kind,
            "reason": reason,
            "amount_set": rest_set(cents),
            "tax_amount_set": rest_set(tax_cents),
        }
        for id_, cents, tax_cents, kind, reason in rows
    ]


def _transaction(order: Order, it: Refund) -> Json:
    return {
        "id": number("OrderTransaction", it.id),
        "order_id": number("Order", order.id),
        "kind": "refund",
        "gateway": "bogus",
        "status": "success",
        "message": None,
        "created_at": local(it.created_at),
        "test": False,
        "authorization": None,
        "location_id": None,
        "user_id": None,
        "parent_id": None,
        "processed_at": local(it.created_at),
        "device_id": None,
        "error_code": None,
        "source_name": "web",
        "receipt": {},
        "amount": text(it.amount),
        "currency": CURRENCY,
        "payment_id": f"#{1000 + order.id}.1",
        "total_unsettled_set": {
            "presentment_money": {"amount": "0.0", "currency": CURRENCY},
            "shop_money": {"amount": "0.0", "currency": CURRENCY},
        },
        "manual_payment_gateway": False,
        "amount_rounding": None,
        "admin_graphql_api_id": gid("OrderTransaction", it.id),
    }
