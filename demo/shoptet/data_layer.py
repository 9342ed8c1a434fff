"""dataLayer[0].shoptet: what every page of the storefront tells scripts. Amounts are numbers in major units."""

from demo.shop import carts, catalogue
from demo.shop.entities import Cart, Order, Product
from demo.shop.money import text
from demo.shoptet.amounts import Json, net
from demo.shoptet.guids import guid
from demo.shoptet.other_views import customer_name
from demo.shoptet.rows import head_price, rate_of, rows
from demo.shoptet.site import Site
from demo.shoptet.visitors import Visitor

PAGE_IDS = {"homepage": 1, "cart": 9, "billingAndShipping": 10, "customerDetails": 11, "thankYou": 12,
            "productDetail": 20, "article": 30, "unknown": 99}  # fmt: skip


def layer(
    site: Site, who: Visitor, cart: Cart, page: str, *, product: Product | None = None, order: Order | None = None
) -> Json:
    """`page`: the pageType."""
    items = [_item(each, count) for each, count in carts.quote(site.store, cart).lines]
    told: Json = {
        "cart": items,
        "cartInfo": _cart_info(site, who, cart, items),
        "pageId": PAGE_IDS[page],
        "pageType": page,
        "currency": site.currency,
        "currencyInfo": {
            "decimalSeparator": ",",
            "exchangeRate": 1,
            "priceDecimalPlaces": 2,
            "symbol": "Kč" if site.currency == "CZK" else "€",
            "symbolLeft": 0,
            "thousandSeparator": " ",
        },
        "language": site.language,
        "projectId": site.eshop_id,
        "customer": _customer(site, who),
    }
    if product is not None:
        told["product"] = _product(site, product)
    if order is not None:
        told["order"] = _order(site, order)
    return told


def _customer(site: Site, who: Visitor) -> Json:
    """Nothing of it is signed: whoever writes the page writes this."""
    someone = who.customer
    if someone is None:
        return {"priceRatio": 1, "priceListId": 1, "groupId": None, "registered": False, "mainAccount": False}
    extra = site.customers[someone.id]
    account = next((each for each in extra.accounts if each.id == who.account_id), None)
    return {
        "guid": guid("customer", someone.id),
        "email": account.email if account is not None else someone.email,
        "fullName": (account.name if account is not None else customer_name(someone)) or None,
        "priceRatio": extra.ratio / 10_000,
        "priceListId": extra.pricelist_id,
        "groupId": extra.group_id or None,
        "registered": True,
        "mainAccount": account is None,
    }


def _cart_info(site: Site, who: Visitor, cart: Cart, items: list[Json]) -> Json:
    offer = carts.quote(site.store, cart)
    parts = zip(offer.lines, offer.priced.totals, strict=True)
    goods, bare = offer.priced.goods, sum(net(left, rate_of(each.id)) for (each, _), left in parts)
    return {
        "id": f"cart-{who.session}" if items else None,
        "freeShipping": offer.free_shipping,
        "freeShippingFrom": None,
        "leftToFreeGift": {"formattedPrice": "", "priceLeft": 0},
        "freeGift": False,
        "leftToFreeShipping": {"formattedPrice": ""},
        "discountCoupon": [{"code": site.coupons[each.id].code, "id": each.id} for each in offer.coupons],
        "getNoBillingShippingPrice": {
            "withVat": _major(goods),
            "withoutVat": _major(bare),
            "vat": _major(goods - bare),
        },
        "cartItems": items,
        "taxMode": "ORDINARY",
    }


def _item(product: Product, count: int) -> Json:
    return {
        "code": product.sku,
        "guid": guid("product", product.id),
        "priceId": product.id,
        "quantity": count,
        "priceWithVat": _major(product.price),
        "priceWithoutDiscount": _major(product.price),
        "discounts": [],
        "itemId": f"item-{product.id}",
        "name": product.name,
        "weight": 0,
    }


def _product(site: Site, product: Product) -> Json:
    category = guid("category", sum(map(ord, product.category)))
    return {
        "id": product.id,
        "guid": guid("product", product.id),
        "hasVariants": False,
        "codes": [{"code": product.sku, "quantity": "10", "stocks": [{"id": "ext", "quantity": "10"}]}],
        "code": product.sku,
        "name": product.name,
        "appendix": "",
        "weight": 0,
        "manufacturer": catalogue.SHOP_NAME,
        "currentCategory": product.category,
        "currentCategoryGuid": category,
        "defaultCategory": product.category,
        "defaultCategoryGuid": category,
        "currency": site.currency,
        "priceWithVat": _major(product.price),
    }


def _order(site: Site, order: Order) -> Json:
    sums = head_price(site, order)
    sent = next((row for row in rows(site, order) if row.kind == "shipping"), None)
    gross = sent.gross if sent is not None else 0
    bare = net(gross, sent.rate) if sent is not None else 0
    total, without = float(sums["withVat"]), float(sums["withoutVat"])
    return {
        "orderNo": site.code(order),
        "storeName": site.name,
        "total": total,
        "totalWithoutVat": without,
        "shipping": _major(gross),
        "shippingWithoutVat": _major(bare),
        "shippingTax": _major(gross - bare),
        "netto": round(without - bare / 100, 2),
        "tax": float(sums["vat"]),
        "city": order.billing.city,
        "district": "",
        "country": "Czech Republic",
        "countryCode": order.billing.country or "CZ",
        "currencyCode": sums["currencyCode"],
    }


def _major(cents: int) -> float:
    return float(text(cents))
