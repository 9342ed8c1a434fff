"""Refunds as wc/v3 writes them: negative quantities and totals, each line pointing back at what it refunds."""

from demo.shop.entities import Refund, RefundLine
from demo.shop.money import text, trimmed
from demo.woocommerce.php import number
from demo.woocommerce.shapes import NO_IMAGE, Json, rest_url, shown_meta, tax_line
from demo.woocommerce.site import Site
from demo.woocommerce.times import gmt, local


def refund(site: Site, it: Refund, *, with_parent: bool = False) -> Json:
    kind = "full" if it.full else "partial"
    meta = [{"id": it.meta_id, "key": "_refund_type", "value": kind}] if site.version.refund_total_tax else []
    goods = [line for line in it.lines if line.part == "line"]
    shipping = [line for line in it.lines if line.part == "shipping"]
    shape: Json = {
        "id": it.id,
        "date_created": local(it.created_at),
        "date_created_gmt": gmt(it.created_at),
        "amount": text(it.amount),
        "reason": it.reason,
        "refunded_by": it.refunded_by,
        "refunded_payment": False,
        "meta_data": meta,
        "line_items": [_line(site, line) for line in goods],
        "shipping_lines": [_shipping(site, line) for line in shipping],
        "tax_lines": [_tax_line(it, goods, shipping)] if it.lines else [],
        "fee_lines": [],
        "_links": _links(site, it),
    }
    return {"parent_id": it.order_id, **shape} if with_parent else shape


def _line(site: Site, line: RefundLine) -> Json:
    tax_text = text(-line.tax) if site.version.rounded_item_taxes else trimmed(-line.fine_tax)
    shape: Json = {
        "id": line.id,
        "name": line.name,
        "product_id": line.product_id,
        "variation_id": 0,
        "quantity": -line.quantity,
        "tax_class": "",
        "subtotal": text(-line.net),
        "subtotal_tax": text(-line.tax),
        "total": text(-line.net),
        "total_tax": text(-line.tax),
        "taxes": [{"id": 1, "total": tax_text, "subtotal": tax_text}],
        "meta_data": [shown_meta(line.meta_id, "_refunded_item_id", str(line.item_id))],
        "sku": line.sku,
    }
    if site.version.global_unique_id:
        shape["global_unique_id"] = ""
    price = number(line.net / 100 / line.quantity) if line.quantity else 0
    return {**shape, "price": price, "image": dict(NO_IMAGE), "parent_name": None}


def _shipping(site: Site, line: RefundLine) -> Json:
    return {
        "id": line.id,
        "method_title": line.name,
        "method_id": "flat_rate",
        "instance_id": "1",
        "total": text(-line.net),
        "total_tax": text(-line.tax),
        "taxes": [{"id": 1, "total": text(-line.tax), "subtotal": ""}],
        "meta_data": [shown_meta(line.meta_id, "_refunded_item_id", str(line.item_id))],
    }


def _tax_line(it: Refund, goods: list[RefundLine], shipping: list[RefundLine]) -> Json:
    return tax_line(it.tax_line_id, -sum(line.tax for line in goods), -sum(line.tax for line in shipping))


def _links(site: Site, it: Refund) -> Json:
    collection = f"orders/{it.order_id}/refunds"
    itself: Json = {"href": rest_url(site, f"{collection}/{it.id}")}
    if site.version.link_hints:
        itself["targetHints"] = {"allow": ["GET", "DELETE"]}
    return {
        "self": [itself],
        "collection": [{"href": rest_url(site, collection)}],
        "up": [{"href": rest_url(site, f"orders/{it.order_id}")}],
    }
