"""Webhook bodies as Shopify writes them: the shape of its old REST API, shop-local times, amounts as strings."""

from typing import Any

from demo.shop.entities import Address, Customer, Order, OrderLine, ShippingLine
from demo.shop.money import tax, text
from demo.shopify import rest_refunds
from demo.shopify.entities import OrderExtra
from demo.shopify.ids import gid, number
from demo.shopify.money import CURRENCY, rest_set
from demo.shopify.order_views import cancelled_at
from demo.shopify.rest_refunds import line_facts, tax_lines
from demo.shopify.site import Site
from demo.shopify.sums import OrderSums, financial_status, line_sums, order_sums, shown
from demo.shopify.times import ZONE_NAME, local, local_or_none

Json = dict[str, Any]
COUNTRIES = {"CZ": "Czech Republic"}
# Fields of persons that an app without approval for them does not get.
PERSONAL = ("first_name", "last_name", "email", "phone", "contact_email", "name", "address1", "address2", "company")


def order(site: Site, it: Order) -> Json:
    extra = site.extra_of(it)
    sums = order_sums(it, extra)
    refunds = [rest_refunds.refund(site, it, made) for made in reversed(it.refunds)]
    return {
        **_head(site, it, extra),
        **_amounts(sums, it, extra),
        **_people(site, it),
        "discount_applications": [_application(it, index) for index in range(len(it.coupon_lines))],
        "fulfillments": [],
        "line_items": [_line(site, it, extra, line) for line in it.lines],
        "payment_terms": None,
        "refunds": refunds,
        "shipping_address": address(it.shipping),
        "shipping_lines": [_shipping_line(extra, line) for line in it.shipping_lines],
        "returns": [],
        "line_item_groups": [],
    }


def customer(site: Site, it: Customer) -> Json:
    """Since 2025 without tags, counts and consent."""
    shape: Json = {
        "id": number("Customer", it.id),
        "created_at": local(it.created_at),
        "updated_at": local(it.modified_at),
        "first_name": it.first_name or None,
        "last_name": it.last_name or None,
        "state": "enabled" if it.password else "disabled",
        "note": None,
        "verified_email": True,
        "multipass_identifier": None,
        "tax_exempt": False,
        "email": it.email or None,
        "phone": it.billing.phone or None,
        "currency": CURRENCY,
        "addresses": [],
        "tax_exemptions": [],
        "admin_graphql_api_id": gid("Customer", it.id),
    }
    if it.billing.city:
        shape["default_address"] = _customer_address(it)
        shape["addresses"] = [shape["default_address"]]
    return _without_personal(site, shape)


def deleted_customer(customer_id: int) -> Json:
    return {
        "id": number("Customer", customer_id),
        "tax_exemptions": [],
        "admin_graphql_api_id": gid("Customer", customer_id),
    }


def merged(kept: int, gone: int) -> Json:
    return {
        "admin_graphql_api_customer_kept_id": gid("Customer", kept),
        "admin_graphql_api_customer_deleted_id": gid("Customer", gone),
        "admin_graphql_api_job_id": None,
        "status": "completed",
        "errors": [],
    }


def edited(order_id: int, edit_id: int, at: int, added: list[tuple[int, int]], removed: list[tuple[int, int]]) -> Json:
    """`added`, `removed`: (line id, units)."""
    return {
        "order_edit": {
            "id": number("OrderEdit", edit_id),
            "app_id": None,
            "created_at": local(at),
            "notify_customer": False,
            "user_id": None,
            "order_id": number("Order", order_id),
            "staff_note": "",
            "committed_at": local(at),
            "line_items": {"additions": _deltas(added), "removals": _deltas(removed)},
            "discounts": {"line_item": {"additions": [], "removals": []}},
            "shipping_lines": {"additions": [], "removals": []},
        }
    }


def shop(site: Site) -> Json:
    return {
        "id": number("Shop", 1),
        "name": "Fernway",
        "email": "owner@fernway.example",
        "domain": None,
        "province": None,
        "country": "CZ",
        "address1": "Lipová 1",
        "zip": "60200",
        "city": "Brno",
        "source": None,
        "phone": None,
        "latitude": None,
        "longitude": None,
        "primary_locale": "en",
        "address2": None,
        "created_at": None,
        "updated_at": None,
        "country_code": "CZ",
        "country_name": "Czech Republic",
        "currency": CURRENCY,
        "customer_email": "owner@fernway.example",
        "timezone": "(GMT+01:00) Prague",
        "iana_timezone": ZONE_NAME,
        "shop_owner": "Shop Owner",
        "money_format": "€{{amount}}",
        "money_with_currency_format": "€{{amount}} EUR",
        "taxes_included": site.taxes_included,
        "plan_display_name": site.plan,
        "plan_name": site.plan.lower(),
        "has_discounts": True,
        "has_gift_cards": True,
        "myshopify_domain": site.domain,
        "has_storefront": True,
        "enabled_presentment_currencies": [CURRENCY],
    }


def privacy(site: Site, it: Customer, orders: list[int], field: str) -> Json:
    """Of customers/data_request and customers/redact; `field` names the list of orders."""
    body: Json = {
        "shop_id": number("Shop", 1),
        "shop_domain": site.domain,
        "customer": {"id": number("Customer", it.id), "email": it.email or None, "phone": it.billing.phone or None},
        field: [number("Order", each) for each in orders],
    }
    if field == "orders_requested":
        body["data_request"] = {"id": site.next("data_request")}
    return body


def redacted_shop(site: Site) -> Json:
    return {"shop_id": number("Shop", 1), "shop_domain": site.domain}


def address(it: Address) -> Json | None:
    if not it.city:
        return None
    return {
        "first_name": it.first_name,
        "address1": it.address_1,
        "phone": it.phone or None,
        "city": it.city,
        "zip": it.postcode,
        "province": None,
        "country": COUNTRIES.get(it.country, it.country),
        "last_name": it.last_name,
        "address2": it.address_2 or None,
        "company": it.company or None,
        "latitude": None,
        "longitude": None,
        "name": f"{it.first_name} {it.last_name}".strip(),
        "country_code": it.country,
        "province_code": None,
    }


def _head(site: Site, it: Order, extra: OrderExtra) -> Json:
    gone = cancelled_at(it, extra)
    email = it.billing.email or None
    return {
        "id": number("Order", it.id),
        "admin_graphql_api_id": gid("Order", it.id),
        "app_id": None,
        "browser_ip": None,
        "buyer_accepts_marketing": False,
        "cancel_reason": None if gone is None else (extra.cancel_reason or "OTHER").lower(),
        "cancelled_at": local_or_none(gone),
        "cart_token": None,
        "checkout_token": None,
        "client_details": None,
        "closed_at": local_or_none(it.completed_at),
        "confirmation_number": None,
        "confirmed": True,
        "contact_email": email,
        "created_at": local(it.created_at),
        "currency": CURRENCY,
        "customer_locale": "en",
        "device_id": None,
        "discount_codes": [_code(it, index) for index in range(len(it.coupon_lines))],
        "duties_included": False,
        "email": email,
        "estimated_taxes": False,
        "financial_status": financial_status(it, extra).lower(),
        "fulfillment_status": "fulfilled" if it.completed_at is not None else None,
        "landing_site": None,
        "landing_site_ref": None,
        "location_id": None,
        "merchant_business_entity_id": "MTU0ODM4MDAwOQ",
        "merchant_of_record_app_id": None,
        "name": f"#{1000 + it.id}",
        "note": it.note or None,
        "note_attributes": [],
        "number": it.id,
        "order_number": 1000 + it.id,
        "order_status_url": f"{site.url}/orders/{it.key}",
        "payment_gateway_names": ["bogus"],
        "phone": None,
        "po_number": None,
        "presentment_currency": CURRENCY,
        "processed_at": local(extra.processed_at or it.created_at),
        "reference": None,
        "referring_site": None,
        "source_identifier": None,
        "source_name": extra.source,
        "source_url": None,
        "tags": "",
        "tax_exempt": False,
        "taxes_included": extra.taxes_included,
        "test": extra.test,
        "token": it.key,
        "total_weight": 0,
        "updated_at": local(it.modified_at),
        "user_id": None,
    }


def _amounts(sums: OrderSums, it: Order, extra: OrderExtra) -> Json:
    items = sum(line_sums(it, extra, line).original for line in it.lines)
    both = {
        "current_subtotal_price": sums.current_subtotal,
        "current_total_discounts": sums.current_discounts,
        "current_total_price": sums.current_total,
        "current_total_tax": sums.current_tax,
        "subtotal_price": sums.subtotal,
        "total_discounts": sums.discounts,
        "total_line_items_price": items,
        "total_price": sums.total,
        "total_tax": sums.tax,
    }
    made: Json = {}
    for name, cents in both.items():
        made[name] = text(cents)
        made[f"{name}_set"] = rest_set(cents)
    return {
        **made,
        "current_shipping_price_set": rest_set(sums.current_shipping),
        "current_total_additional_fees_set": None,
        "current_total_duties_set": None,
        "original_total_additional_fees_set": None,
        "original_total_duties_set": None,
        "tax_lines": tax_lines(sums.tax),
        "total_cash_rounding_payment_adjustment_set": rest_set(0),
        "total_cash_rounding_refund_adjustment_set": rest_set(0),
        "total_outstanding": text(sums.outstanding),
        "total_shipping_price_set": rest_set(sums.shipping),
        "total_tip_received": text(sums.tip),
    }


def _people(site: Site, it: Order) -> Json:
    found = site.customer(it.customer_id)
    people: Json = {"billing_address": address(it.billing)}
    people["customer"] = customer(site, found) if found is not None else None
    if people["customer"] is not None:
        people["customer"].pop("addresses", None)
    return people


def _line(site: Site, it: Order, extra: OrderExtra, line: OrderLine) -> Json:
    sums = line_sums(it, extra, line)
    return {
        **line_facts(site, it, line),
        "attributed_staffs": [],
        "current_quantity": sums.current_quantity,
        "sales_line_item_group_id": None,
    }


def _shipping_line(extra: OrderExtra, line: ShippingLine) -> Json:
    cents = shown(extra, line.total)
    return {
        "id": number("ShippingLine", line.id),
        "carrier_identifier": None,
        "code": line.title,
        "current_discounted_price_set": rest_set(cents),
        "discounted_price": text(cents),
        "discounted_price_set": rest_set(cents),
        "is_removed": False,
        "phone": None,
        "price": text(cents),
        "price_set": rest_set(cents),
        "requested_fulfillment_service_id": None,
        "source": "shopify",
        "title": line.title,
        "tax_lines": tax_lines(tax(line.total)),
        "discount_allocations": [],
    }


def _application(it: Order, index: int) -> Json:
    line = it.coupon_lines[index]
    percent = line.kind == "percent" or line.free_shipping
    return {
        "target_type": "shipping_line" if line.free_shipping else "line_item",
        "type": "discount_code",
        "value": "100.0" if line.free_shipping else f"{line.amount / 100:.1f}",
        "value_type": "percentage" if percent else "fixed_amount",
        "allocation_method": "across",
        "target_selection": "entitled" if line.coupon.get("entitled") else "all",
        "code": str(line.coupon.get("code", line.code)),
    }


def _code(it: Order, index: int) -> Json:
    line = it.coupon_lines[index]
    kind = "shipping" if line.free_shipping else "percentage" if line.kind == "percent" else "fixed_amount"
    return {"code": str(line.coupon.get("code", line.code)), "amount": text(line.discount), "type": kind}


def _customer_address(it: Customer) -> Json:
    known = address(it.billing) or {}
    kept = {name: known[name] for name in known if name not in {"latitude", "longitude"}}
    return {
        "id": number("CustomerAddress", it.id),
        "customer_id": number("Customer", it.id),
        **kept,
        "country_name": known["country"],
        "default": True,
    }


def _deltas(lines: list[tuple[int, int]]) -> list[Json]:
    return [{"id": number("LineItem", line_id), "delta": units} for line_id, units in lines]


def _without_personal(site: Site, shape: Json) -> Json:
    """What the app was not approved for is empty in webhooks, too."""
    if not any(each.startswith("Customer.") for each in site.unapproved()):
        return shape
    kept = {name: None if name in PERSONAL else value for name, value in shape.items()}
    kept.pop("default_address", None)
    return {**kept, "addresses": []}
