"""Orders, customers, coupons and webhooks as wc/v3 writes them, for either generation. Pure functions of state."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from demo.shop.entities import Address, Coupon, CouponLine, Customer, FeeLine, Meta, Order, OrderLine, ShippingLine
from demo.shop.money import VAT_PERCENT, exact_net, exact_tax, net, tax, text, trimmed
from demo.woocommerce.php import number
from demo.woocommerce.site import Site, Webhook
from demo.woocommerce.times import gmt, local, php_date

Json = dict[str, Any]

EDITABLE = frozenset({"pending", "on-hold", "auto-draft", "checkout-draft"})
UNPAID = frozenset({"pending", "failed", "checkout-draft"})
CUSTOMER_ADDRESS = (
    "first_name", "last_name", "company", "address_1", "address_2", "city", "postcode", "country", "state", "email",
    "phone",
)  # fmt: skip
NO_IMAGE = {"id": "", "src": ""}
HOOKS: Mapping[str, list[str]] = {
    "order.created": ["woocommerce_new_order"],
    "order.updated": ["woocommerce_update_order", "woocommerce_order_refunded"],
    "order.deleted": ["wp_trash_post", "woocommerce_trash_order"],
    "order.restored": ["untrashed_post", "woocommerce_untrash_order"],
    "product.created": ["woocommerce_process_product_meta", "woocommerce_new_product"],
    "product.updated": ["woocommerce_process_product_meta", "woocommerce_update_product"],
    "product.deleted": ["wp_trash_post"],
    "product.restored": ["untrashed_post"],
    "product.published": ["woocommerce_product_published"],
    "coupon.created": ["woocommerce_process_shop_coupon_meta", "woocommerce_new_coupon"],
    "coupon.updated": ["woocommerce_process_shop_coupon_meta", "woocommerce_update_coupon"],
    "coupon.deleted": ["wp_trash_post"],
    "coupon.restored": ["untrashed_post"],
    "customer.created": ["user_register", "woocommerce_created_customer", "woocommerce_new_customer"],
    "customer.updated": ["profile_update", "woocommerce_update_customer"],
    "customer.deleted": ["delete_user"],
}


def rest_url(site: Site, route: str) -> str:
    return f"{site.home_url}/wp-json/wc/v3/{route}"


def links(site: Site, collection: str, id_: int, *, allow: str = "GET POST PUT PATCH DELETE") -> Json:
    itself: Json = {"href": rest_url(site, f"{collection}/{id_}")}
    if site.version.link_hints:
        itself["targetHints"] = {"allow": allow.split()}
    return {"self": [itself], "collection": [{"href": rest_url(site, collection)}]}


def address(value: Address, *, email: bool) -> Json:
    shape = asdict(value)
    if not email:
        del shape["email"]
    return shape


def customer_address(value: Address, *, email: bool) -> Json:
    """The same fields in the order of the customers route."""
    return {name: getattr(value, name) for name in CUSTOMER_ADDRESS if email or name != "email"}


def metas(rows: list[Meta]) -> list[Json]:
    return [{"id": row.id, "key": row.key, "value": row.value} for row in rows]


def shown_meta(id_: int, key: str, value: object) -> Json:
    return {"id": id_, "key": key, "value": value, "display_key": key, "display_value": value}


def order(site: Site, it: Order) -> Json:
    """One order. The key order is that of the recordings."""
    lines_tax = sum(tax(line.total) for line in it.lines) + sum(tax(fee.total) for fee in it.fee_lines)
    shipping_tax = sum(tax(line.total) for line in it.shipping_lines)
    discount = sum(net(line.subtotal) - net(line.total) for line in it.lines)
    discount_tax = sum(tax(line.subtotal) - tax(line.total) for line in it.lines)
    return {
        "id": it.id,
        "parent_id": 0,
        "status": it.status,
        "currency": "EUR",
        "version": site.version.woocommerce,
        "prices_include_tax": True,
        "date_created": local(it.created_at),
        "date_modified": local(it.modified_at),
        "discount_total": text(discount),
        "discount_tax": text(discount_tax),
        "shipping_total": text(sum(net(line.total) for line in it.shipping_lines)),
        "shipping_tax": text(shipping_tax),
        "cart_tax": text(lines_tax),
        "total": text(it.total),
        "total_tax": text(lines_tax + shipping_tax),
        "customer_id": it.customer_id,
        "order_key": it.key,
        "billing": address(it.billing, email=True),
        "shipping": address(it.shipping, email=False),
        "payment_method": it.payment_method,
        "payment_method_title": it.payment_title,
        "transaction_id": "",
        "customer_ip_address": it.ip,
        "customer_user_agent": it.user_agent,
        "created_via": it.created_via,
        "customer_note": it.note,
        "date_completed": local(it.completed_at),
        "date_paid": local(it.paid_at),
        "cart_hash": it.cart_hash,
        "number": str(it.id),
        "meta_data": metas(it.meta),
        "line_items": [line_item(site, line) for line in it.lines],
        "tax_lines": _tax_lines(it, lines_tax, shipping_tax),
        "shipping_lines": [shipping_line(site, line) for line in it.shipping_lines],
        "fee_lines": [fee_line(site, fee) for fee in it.fee_lines],
        "coupon_lines": [coupon_line(site, line) for line in it.coupon_lines],
        "refunds": [_refund_in_order(site, made.id, made.reason, made.amount, made.tax) for made in it.refunds],
        **_order_tail(site, it),
    }


def _order_tail(site: Site, it: Order) -> Json:
    return {
        "payment_url": f"{site.home_url}/checkout/order-pay/{it.id}/?pay_for_order=true&key={it.key}",
        "is_editable": it.status in EDITABLE,
        "needs_payment": it.status in UNPAID and it.total > 0,
        # Also true for the recorded order of downloads that had gone straight to completed.
        "needs_processing": True,
        "date_created_gmt": gmt(it.created_at),
        "date_modified_gmt": gmt(it.modified_at),
        "date_completed_gmt": gmt(it.completed_at),
        "date_paid_gmt": gmt(it.paid_at),
        "currency_symbol": "€",
        "_links": _order_links(site, it),
    }


def _order_links(site: Site, it: Order) -> Json:
    shape = links(site, "orders", it.id)
    if site.version.link_hints:
        templates = rest_url(site, f"orders/{it.id}/actions/email_templates")
        shape["email_templates"] = [{"embeddable": True, "href": templates}]
    if it.customer_id:
        shape["customer"] = [{"href": rest_url(site, f"customers/{it.customer_id}")}]
    return shape


def line_item(site: Site, line: OrderLine) -> Json:
    if site.version.rounded_item_taxes:
        taxes = {"id": 1, "total": text(tax(line.total)), "subtotal": text(tax(line.subtotal))}
    else:
        taxes = {"id": 1, "total": trimmed(exact_tax(line.total)), "subtotal": trimmed(exact_tax(line.subtotal))}
    shape = {
        "id": line.id,
        "name": line.name,
        "product_id": line.product_id,
        "variation_id": 0,
        "quantity": line.quantity,
        "tax_class": "",
        "subtotal": text(net(line.subtotal)),
        "subtotal_tax": text(tax(line.subtotal)),
        "total": text(net(line.total)),
        "total_tax": text(tax(line.total)),
        "taxes": [taxes],
        "meta_data": [],
        "sku": line.sku,
    }
    if site.version.global_unique_id:
        shape["global_unique_id"] = ""
    price = number(float(exact_net(line.total) / line.quantity)) if line.quantity else 0
    return {**shape, "price": price, "image": dict(NO_IMAGE), "parent_name": None}


def _tax_lines(it: Order, lines_tax: int, shipping_tax: int) -> list[Json]:
    if not it.lines:
        return []
    return [tax_line(it.tax_line_id, lines_tax, shipping_tax)]


def tax_line(id_: int, lines_tax: int, shipping_tax: int) -> Json:
    return {
        "id": id_,
        "rate_code": "CZ-DPH-1",
        "rate_id": 1,
        "label": "DPH",
        "compound": False,
        "tax_total": text(lines_tax),
        "shipping_tax_total": text(shipping_tax),
        "rate_percent": VAT_PERCENT,
        "meta_data": [],
    }


def shipping_line(site: Site, line: ShippingLine) -> Json:
    exact = Decimal(net(line.total)) * VAT_PERCENT / 10000
    shape: Json = {
        "id": line.id,
        "method_title": line.title,
        "method_id": line.method,
        "instance_id": line.instance,
        "total": text(net(line.total)),
        "total_tax": text(tax(line.total)),
        "taxes": [
            {
                "id": 1,
                "total": text(tax(line.total)) if site.version.rounded_item_taxes else trimmed(exact),
                "subtotal": "",
            }
        ],
    }
    if site.version.rounded_item_taxes:
        shape["tax_status"] = "taxable"
    return {**shape, "meta_data": [shown_meta(line.meta_id, "Items", line.items)] if line.items else []}


def fee_line(site: Site, fee: FeeLine) -> Json:
    return {
        "id": fee.id,
        "name": fee.name,
        "tax_class": "",
        "tax_status": "taxable",
        "amount": text(net(fee.total)),
        "total": text(net(fee.total)),
        "total_tax": text(tax(fee.total)),
        "taxes": [{"id": 1, "total": text(tax(fee.total)), "subtotal": ""}],
        "meta_data": [],
    }


def coupon_line(site: Site, line: CouponLine) -> Json:
    shape: Json = {
        "id": line.id,
        "code": line.code,
        "discount": trimmed(Decimal(net(line.discount)) / 100),
        "discount_tax": trimmed(Decimal(tax(line.discount)) / 100),
    }
    if not site.version.coupon_info:
        return {**shape, "meta_data": [shown_meta(line.meta_id, "coupon_data", dict(line.coupon))]}
    nominal = number(line.amount / 100)
    kind = "null" if line.kind == "fixed_cart" else f'"{line.kind}"'
    info = f'[{line.coupon_id},"{line.code}",{kind},{nominal}{",true" if line.free_shipping else ""}]'
    return {
        **shape,
        "meta_data": [shown_meta(line.meta_id, "coupon_info", info)],
        "discount_type": line.kind,
        "nominal_amount": nominal,
        "free_shipping": line.free_shipping,
    }


def _refund_in_order(site: Site, id_: int, reason: str, amount: int, refund_tax: int) -> Json:
    shape: Json = {"id": id_, "reason": reason, "total": text(-amount)}
    if site.version.refund_total_tax:
        shape["total_tax"] = text(-refund_tax)
    return shape


def customer(site: Site, it: Customer) -> Json:
    md5 = hashlib.md5(it.email.encode(), usedforsecurity=False).hexdigest()
    sha = hashlib.sha256(it.email.encode()).hexdigest()
    avatar = f"https://secure.gravatar.com/avatar/{sha}" if site.version.hpos else f"http://1.gravatar.com/avatar/{md5}"
    return {
        "id": it.id,
        "date_created": local(it.created_at),
        "date_created_gmt": gmt(it.created_at),
        "date_modified": local(it.modified_at),
        "date_modified_gmt": gmt(it.modified_at),
        "email": it.email,
        "first_name": it.first_name,
        "last_name": it.last_name,
        "role": it.role,
        "username": it.username,
        "billing": customer_address(it.billing, email=True),
        "shipping": customer_address(it.shipping, email=False),
        "is_paying_customer": it.paying,
        "avatar_url": f"{avatar}?s=96&d=mm&r=g",
        "meta_data": metas(it.meta),
        "_links": links(site, "customers", it.id),
    }


def coupon(site: Site, it: Coupon) -> Json:
    return {
        "id": it.id,
        "code": it.code,
        "amount": text(it.amount),
        "status": it.status,
        "date_created": local(it.created_at),
        "date_created_gmt": gmt(it.created_at),
        "date_modified": local(it.modified_at),
        "date_modified_gmt": gmt(it.modified_at),
        "discount_type": it.kind,
        "description": it.description,
        "date_expires": local(it.expires_at),
        "date_expires_gmt": gmt(it.expires_at),
        "usage_count": it.usage_count,
        "individual_use": it.individual_use,
        "product_ids": list(it.product_ids),
        "excluded_product_ids": list(it.excluded_product_ids),
        "usage_limit": it.usage_limit,
        "usage_limit_per_user": it.usage_limit_per_user,
        "limit_usage_to_x_items": None,
        "free_shipping": it.free_shipping,
        "product_categories": [],
        "excluded_product_categories": [],
        "exclude_sale_items": it.exclude_sale_items,
        "minimum_amount": text(it.minimum),
        "maximum_amount": text(it.maximum),
        "email_restrictions": list(it.emails),
        "used_by": list(it.used_by),
        "meta_data": metas(it.meta),
        "_links": links(site, "coupons", it.id),
    }


def coupon_data(it: Coupon) -> Json:
    """The coupon object that shops before 8.7 froze into every order."""
    return {
        "id": it.id,
        "code": it.code,
        "amount": text(it.amount),
        "status": it.status,
        "date_created": php_date(it.created_at),
        "date_modified": php_date(it.modified_at),
        "date_expires": php_date(it.expires_at),
        "discount_type": it.kind,
        "description": it.description,
        "usage_count": it.usage_count,
        "individual_use": it.individual_use,
        "product_ids": list(it.product_ids),
        "excluded_product_ids": list(it.excluded_product_ids),
        "usage_limit": it.usage_limit or 0,
        "usage_limit_per_user": it.usage_limit_per_user or 0,
        "limit_usage_to_x_items": None,
        "free_shipping": it.free_shipping,
        "product_categories": [],
        "excluded_product_categories": [],
        "exclude_sale_items": it.exclude_sale_items,
        "minimum_amount": text(it.minimum) if it.minimum else "",
        "maximum_amount": text(it.maximum) if it.maximum else "",
        "email_restrictions": list(it.emails),
        "virtual": False,
        "meta_data": metas(it.meta),
    }


def webhook(site: Site, it: Webhook) -> Json:
    """The secret is never shown, nor how often deliveries failed."""
    return {
        "id": it.id,
        "name": it.name,
        "status": it.status,
        "topic": it.topic,
        "resource": it.resource,
        "event": it.event,
        "hooks": [it.event] if it.resource == "action" else list(HOOKS[it.topic]),
        "delivery_url": it.delivery_url,
        "date_created": local(it.created_at),
        "date_created_gmt": gmt(it.created_at),
        "date_modified": local(it.modified_at),
        "date_modified_gmt": gmt(it.modified_at),
        "_links": links(site, "webhooks", it.id),
    }
