"""Carts and checkouts as the Store API writes them: money in minor units, as text, each with its currency."""

import hashlib

from demo.shop import catalogue
from demo.shop.carts import PAYMENTS, Quote, quote
from demo.shop.entities import Cart, Order, Product
from demo.shop.money import net, tax
from demo.woocommerce.shapes import Json, address
from demo.woocommerce.site import Site

CURRENCY: Json = {
    "currency_code": "EUR",
    "currency_symbol": "€",
    "currency_minor_unit": 2,
    "currency_decimal_separator": ".",
    "currency_thousand_separator": ",",
    "currency_prefix": "€",
    "currency_suffix": "",
}


def item_key(product_id: int) -> str:
    return hashlib.md5(str(product_id).encode(), usedforsecurity=False).hexdigest()


def cart(site: Site, it: Cart) -> Json:
    offer = quote(site.store, it)
    return {
        "items": [
            _item(site, product, quantity, left)
            for (product, quantity), left in zip(offer.lines, offer.priced.totals, strict=True)
        ],
        "coupons": [_coupon(offer, n) for n in range(len(offer.coupons))],
        "fees": [],
        "totals": _totals(it, offer),
        "shipping_address": address(it.shipping, email=False),
        "billing_address": _billing(it),
        "needs_payment": offer.total > 0,
        "needs_shipping": offer.needs_shipping,
        "payment_requirements": ["products"],
        "has_calculated_shipping": it.address_known and offer.needs_shipping,
        "shipping_rates": [_package(it, offer)] if it.address_known and offer.needs_shipping else [],
        "items_count": sum(it.quantities.values()),
        "items_weight": 0,
        "cross_sells": [],
        "errors": [],
        "payment_methods": list(PAYMENTS),
        "extensions": {},
    }


def _billing(it: Cart) -> Json:
    return address(it.billing, email=True)


def prices(product: Product) -> Json:
    amount, fine = str(product.price), str(product.price * 10000)
    return {
        "price": amount,
        "regular_price": amount,
        "sale_price": amount,
        "price_range": None,
        **CURRENCY,
        "raw_prices": {"precision": 6, "price": fine, "regular_price": fine, "sale_price": fine},
    }


def _item(site: Site, product: Product, quantity: int, left: int) -> Json:
    subtotal = product.price * quantity
    kind = {"type": "simple"} if site.version.cart_item_type else {}
    return {
        "key": item_key(product.id),
        "id": product.id,
        **kind,
        "quantity": quantity,
        "quantity_limits": {"minimum": 1, "maximum": 9999, "multiple_of": 1, "editable": True},
        "name": product.name,
        "short_description": "",
        "description": "",
        "sku": product.sku,
        "low_stock_remaining": None,
        "backorders_allowed": False,
        "show_backorder_badge": False,
        "sold_individually": False,
        "permalink": f"{site.home_url}/product/{product.slug}/",
        "images": [],
        "variation": [],
        "item_data": [],
        "prices": prices(product),
        "totals": {
            "line_subtotal": str(net(subtotal)),
            "line_subtotal_tax": str(tax(subtotal)),
            "line_total": str(net(left)),
            "line_total_tax": str(tax(left)),
            **CURRENCY,
        },
        "catalog_visibility": "visible",
        "extensions": {},
    }


def _coupon(offer: Quote, position: int) -> Json:
    coupon = offer.coupons[position]
    off = offer.priced.discounts[coupon.code]
    totals = {"total_discount": str(net(off)), "total_discount_tax": str(tax(off)), **CURRENCY}
    return {"code": coupon.code, "discount_type": coupon.kind, "totals": totals}


def _totals(it: Cart, offer: Quote) -> Json:
    goods = sum(net(product.price * quantity) for product, quantity in offer.lines)
    goods_tax = offer.subtotal - goods
    left = sum(net(total) for total in offer.priced.totals)
    left_tax = offer.priced.goods - left
    taxes = left_tax + tax(offer.shipping)
    # Until the address is known the shipping is in the sum already, but not told by itself.
    told = it.address_known and offer.needs_shipping
    free = it.address_known and not offer.needs_shipping and bool(offer.lines)
    return {
        "total_items": str(goods),
        "total_items_tax": str(goods_tax),
        "total_fees": "0",
        "total_fees_tax": "0",
        "total_discount": str(goods - left),
        "total_discount_tax": str(goods_tax - left_tax),
        "total_shipping": str(net(offer.shipping)) if told else "0" if free else None,
        "total_shipping_tax": str(tax(offer.shipping)) if told else "0" if free else None,
        "total_price": str(offer.total),
        "total_tax": str(taxes),
        "tax_lines": [{"name": "DPH", "price": str(taxes), "rate": "21%"}] if offer.lines else [],
        **CURRENCY,
    }


def _package(it: Cart, offer: Quote) -> Json:
    goods = [(product, quantity) for product, quantity in offer.lines if not product.virtual]
    names = ["address_1", "address_2", "city", "state", "postcode", "country"]
    method, instance = ("free_shipping", 2) if offer.free_shipping else ("flat_rate", 1)
    title = "Free shipping" if offer.free_shipping else catalogue.SHIPPING_TITLE
    rate = {
        "rate_id": f"{method}:{instance}",
        "name": title,
        "description": "",
        "delivery_time": "",
        "price": str(net(offer.shipping)),
        "taxes": str(tax(offer.shipping)),
        "instance_id": instance,
        "method_id": method,
        "meta_data": [{"key": "Items", "value": ", ".join(f"{p.name} &times; {n}" for p, n in goods)}],
        "selected": True,
        **CURRENCY,
    }
    return {
        "package_id": 0,
        "name": "Shipment",
        "destination": {name: getattr(it.shipping, name) for name in names},
        "items": [{"key": item_key(p.id), "name": p.name, "quantity": n} for p, n in goods],
        "shipping_rates": [rate],
    }


def checkout_draft(site: Site, it: Cart, order: Order | None) -> Json:
    """The checkout before it is placed. Older shops have written a draft order by now."""
    shape: Json = {
        "order_id": order.id if order else 0,
        "status": "checkout-draft",
        "order_key": order.key if order else "",
        "order_number": str(order.id) if order else "0",
        "customer_note": "",
        "customer_id": order.customer_id if order else 0,
        "billing_address": _billing(it),
        "shipping_address": address(it.shipping, email=False),
        "payment_method": "" if order else "bacs",
        "payment_result": {"payment_status": "", "payment_details": [], "redirect_url": ""} if order else None,
    }
    if not site.version.drafts_at_checkout:
        shape |= {"additional_fields": {}, "__experimentalCart": cart(site, it)}
    return {**shape, "extensions": {}}


def checkout_done(site: Site, order: Order) -> Json:
    thanks = f"{site.home_url}/checkout/order-received/{order.id}/?key={order.key}"
    shape: Json = {
        "order_id": order.id,
        "status": order.status,
        "order_key": order.key,
        "order_number": str(order.id),
        "customer_note": order.note,
        "customer_id": order.customer_id,
        "billing_address": address(order.billing, email=True),
        "shipping_address": address(order.shipping, email=False),
        "payment_method": order.payment_method,
        "payment_result": {
            "payment_status": "success",
            "payment_details": [{"key": "result", "value": "success"}, {"key": "redirect", "value": thanks}],
            "redirect_url": thanks,
        },
    }
    if not site.version.drafts_at_checkout:
        shape |= {"additional_fields": {}, "__experimentalCart": None}
    return {**shape, "extensions": {}}
