"""The shop, its customers, coupons, templates, groups, price lists, webhooks and jobs as the API tells them."""

from collections.abc import Collection

from demo.shop import catalogue
from demo.shop.entities import Coupon, Customer, Product
from demo.shop.money import text
from demo.shoptet.amounts import REDUCED, STANDARD, Json, ratio
from demo.shoptet.entities import Account, Group, Job, Pricelist, Template, Webhook
from demo.shoptet.guids import guid
from demo.shoptet.order_views import billing, full_name
from demo.shoptet.rows import PAYMENTS, rate_of
from demo.shoptet.site import MODULES, Site
from demo.shoptet.times import ZONE, stamp

SALES = {
    "freeShipping": False,
    "freeBilling": False,
    "loyaltyDiscount": True,
    "volumeDiscount": True,
    "quantityDiscount": True,
    "discountCoupon": True,
}


def eshop(site: Site, include: Collection[str]) -> Json:
    told: Json = {
        "contactInformation": _contact(site),
        "billingInformation": _billing_information(site),
        "settings": _settings(site),
        "currencies": [_currency(site)],
        "taxClasses": [
            {"title": title, "rates": [{"zone": "Default zone", "vatRate": f"{rate:.2f}"}], "isDefault": default}
            for title, rate, default in (("Standard rate", STANDARD, True), ("Reduced rate", REDUCED, False))
        ],
        "activeModules": [{"title": MODULES.get(name, name), "name": name} for name in sorted(site.modules)],
        "urls": [
            {"ident": "admin-orders-list", "url": f"{site.url}/admin"},
            {"ident": "oauth", "url": f"{site.url}/action/OAuthServer/"},
        ],
        "socialNetworks": {"facebookUrl": None, "facebookText": None, "twitterAccount": None, "instagramAccount": None},
        "languages": [
            {
                "code": site.language,
                "currencyCode": site.currency,
                "dateFormat": "j.n.Y",
                "timeFormat": "H:i",
                "isVisible": True,
                "isDefault": True,
                "priority": 1,
            }
        ],
        "trial": False,
    }
    return told | {name: section for name, section in _sections(site).items() if name in include}


def customer_listed(site: Site, customer: Customer) -> Json:
    return {
        "guid": guid("customer", customer.id),
        "creationTime": stamp(customer.created_at),
        "changeTime": stamp(customer.modified_at),
        "billCompany": customer.billing.company or None,
        "billFullName": customer_name(customer) or None,
        "adminUrl": f"{site.url}/admin/customers",
    }


def customer(site: Site, someone: Customer) -> Json:
    extra = site.customers[someone.id]
    told = customer_listed(site, someone)
    for name in ("billCompany", "billFullName"):
        del told[name]
    group, prices = site.groups.get(extra.group_id), site.pricelists.get(extra.pricelist_id)
    address = billing(someone.billing)
    return {
        **told,
        "billingAddress": {**address, "fullName": customer_name(someone) or None},
        "deliveryAddress": [],
        "customerGroup": {"id": group.id, "name": group.name} if group is not None else None,
        "priceList": {"id": prices.id, "name": prices.name} if prices is not None else None,
        "remark": extra.remark,
        "priceRatio": ratio(extra.ratio),
        "birthDate": extra.birth_date,
        "accounts": accounts(site, someone),
        "disabledOrders": extra.disabled_orders,
        "remarks": [],
    }


def accounts(site: Site, someone: Customer) -> list[Json]:
    """The main login first. Its GUID is not the customer's."""
    main = Account(someone.id, someone.email, customer_name(someone))
    phone = someone.billing.phone or None
    return [
        {
            "guid": guid("account", each.id),
            "fullName": each.name or None,
            "email": each.email,
            "phone": phone if each is main else None,
            "mainAccount": each is main,
            "authorized": True,
            "emailVerified": each.verified,
        }
        for each in (main, *site.customers[someone.id].accounts)
    ]


def customer_name(someone: Customer) -> str:
    return f"{someone.first_name} {someone.last_name}".strip() or full_name(someone.billing)


def coupon(site: Site, used: Coupon) -> Json:
    extra = site.coupons[used.id]
    fixed = extra.kind == "fixed"
    return {
        "code": extra.code,
        "creationTime": stamp(used.created_at),
        "discountType": extra.kind,
        "amount": text(used.amount) if fixed else None,
        "ratio": None if fixed else ratio(used.amount),
        "minPrice": text(extra.minimum) if extra.minimum is not None else None,
        "currency": extra.currency,
        "template": guid("template", extra.template),
        "shippingPrice": extra.shipping_price,
        "validFrom": extra.valid_from,
        "validTo": extra.valid_to,
        "reusable": extra.reusable,
        "usedCount": 0 if site.faults.usage_lags else used.usage_count,
        "remark": extra.remark,
    }


def template_listed(site: Site, made: Template) -> Json:
    group = site.groups.get(made.customer_group_id or 0)
    categories = made.category_guids
    flags = made.product_flags
    return {
        "guid": guid("template", made.id),
        "title": made.title,
        "customerGroup": {"id": group.id, "name": group.name} if group is not None else None,
        "categories": [{"guid": each, "name": each} for each in categories] if categories is not None else None,
        "brands": [{"code": each, "name": each} for each in made.brands] if made.brands is not None else None,
        "productFlags": [{**each, "title": each["code"]} for each in flags] if flags is not None else None,
        "productSelectionMode": made.mode,
    }


def template(site: Site, made: Template) -> Json:
    products = None
    if made.product_ids is not None:
        products = [{"guid": guid("product", id_), "name": site.store.products[id_].name} for id_ in made.product_ids]
    return {**template_listed(site, made), "products": products}


def group(each: Group, place: int) -> Json:
    flags = each.flags
    return {
        "id": each.id,
        "name": each.name,
        "customerGroupCode": each.code,
        "description": each.description,
        "defaultPricelistId": each.pricelist_id,
        "maxDiscount": each.max_discount,
        "priority": place,
        "emailNotification": flags.get("emailNotification", False),
        "authRequired": flags.get("authRequired", False),
        "registrationAllowed": flags.get("registrationAllowed", False),
        "wholesale": flags.get("wholesale", False),
        "tableLayout": flags.get("tableLayout", False),
        "fullProfileRequired": flags.get("fullProfileRequired", False),
        "defaultDueDays": each.due_days,
        "defaultOrderStatusId": each.status_id,
    }


def pricelist_row(site: Site, prices: Pricelist, product: Product) -> Json:
    own = prices.rows.get(product.id, {})
    return {
        "code": product.sku,
        "currencyCode": site.currency,
        "includingVat": True,
        "vatRate": f"{rate_of(product.id):.2f}",
        "price": {
            "price": text(own.get("price", product.price)),
            "commonPrice": None,
            "buyPrice": None,
            "priceRatio": "1.000",
            "actionPrice": None,
        },
        "orderableAmount": {"minimumAmount": None, "maximumAmount": None},
        "sales": {"minPriceRatio": "0.000", **SALES, **own.get("sales", {})},
    }


def webhook(each: Webhook) -> Json:
    return {
        "id": each.id,
        "event": each.event,
        "url": each.url,
        "created": stamp(each.created_at),
        "updated": stamp(each.updated_at),
        "sendPayload": each.send_payload,
    }


def job_listed(site: Site, job: Job) -> Json:
    return {
        "jobId": job.id,
        "endpoint": job.endpoint,
        "creationTime": stamp(job.created_at),
        "completionTime": stamp(job.completed_at) if job.completed_at is not None else None,
        "status": job.status,
        "validUntil": stamp(job.completed_at + 86_400) if job.completed_at is not None else None,
        "language": site.language,
    }


def job(site: Site, job: Job) -> Json:
    done = job.status == "completed"
    return {
        **job_listed(site, job),
        "duration": "1.000" if job.completed_at is not None else None,
        "resultUrl": f"{site.url}/api-results/{job.file}" if done else None,
        "log": None if job.status != "failed" else "The job failed.",
    }


def _contact(site: Site) -> Json:
    return {
        "eshopId": site.eshop_id,
        "eshopName": site.name,
        "eshopCategory": None,
        "url": site.url,
        "eshopTitle": site.name,
        "eshopSubtitle": None,
        "contactPerson": "Shop Owner",
        "email": "owner@fernway.example",
        "phone": None,
        "mobilePhone": None,
        "skypeAccount": None,
        "contactPhotoUrl": None,
    }


def _billing_information(site: Site) -> Json:
    return {
        "billingName": site.name,
        "company": {"companyId": "12345678", "vatId": None, "taxId": None},
        "address": {"streetAddress": None, "city": None, "zip": None},
        "country": {"countryCode": "CZ", "countryName": "Czech Republic"},
        "registration": None,
        "phone": None,
        "email": "owner@fernway.example",
        "billingEmail": None,
    }


def _settings(site: Site) -> Json:
    return {
        "vatPayer": site.vat_payer,
        "cashDeskOnly": False,
        "trackStockClaims": False,
        "maxProductAmount": 500,
        "maxEmailAmount": 1000,
        "defaultPricelist": {"id": 1, "name": site.pricelists[1].name},
        "eshopLanguage": site.language,
        "timezone": str(ZONE),
        "dateFormat": "j.n.Y",
        "timeFormat": "H:i",
        "internals": "cs",
        "exchangeRateFlip": False,
        "negativeStockAmount": "allowed",
        "oss": False,
        "stockControlDisabled": True,
        "wholesaleSplitActive": False,
    }


def _currency(site: Site) -> Json:
    return {
        "code": site.currency,
        "title": site.currency,
        "isDefault": True,
        "isDefaultAdmin": True,
        "isDefaultDocuments": True,
        "isVisible": True,
        "exchangeRate": "1.00000000",
        "priority": 1,
        "display": {
            "text": "Kč" if site.currency == "CZK" else "€",
            "location": "right",
            "decimalsSeparator": ",",
            "thousandsSeparator": " ",
        },
        "priceDecimalPlaces": 2,
        "documentPriceDecimalPlaces": 2,
        "rounding": "none",
        "minimalOrderValue": None,
        "bankAccount": {"accountNumber": None, "iban": None, "bic": None, "ownerName": None},
    }


def _sections(site: Site) -> Json:
    """What is told on demand only."""
    payments = [
        {"guid": guid("payment", number), "order": number, "name": title, "visible": True}
        for number, title, _ in PAYMENTS.values()
    ]
    shipping = [{"guid": guid("shipping", 1), "order": 1, "name": catalogue.SHIPPING_TITLE, "visible": True}]
    kinds = (("payment", "paymentMethods", payments), ("shipping", "shippingMethods", shipping))
    told: Json = {
        name: {
            "retail": {"methods": methods, f"default{kind.capitalize()}": guid(kind, 1)},
            "wholesale": {"methods": [], f"default{kind.capitalize()}": None},
            "wholesaleActive": False,
        }
        for kind, name, methods in kinds
    }
    told["orderAdditionalFields"] = [{"index": index, "label": f"Field {index}"} for index in range(1, 7)]
    told["orderStatuses"] = {
        "statuses": [
            {"id": each.id, "order": place, "name": each.name, "markAsPaid": each.paid}
            for place, each in enumerate(site.statuses.values(), start=1)
        ],
        "defaultStatus": -1,
    }
    told["imageCuts"] = []
    told["cashDesk"] = {"defaultOrderStatusId": -3}
    told["countries"] = [
        {
            "countryCode": "CZ",
            "countryName": "Czech Republic",
            "companyIdPattern": None,
            "companyIdExample": None,
            "zipCodePattern": None,
        }
    ]
    return told
