"""/api/eshop, /api/pricelists, /api/template-include, /api/system"""

from collections.abc import Mapping

from demo.shop.money import minor
from demo.shoptet import bodies, coupons, jobs, other_views
from demo.shoptet.addon import ENDPOINTS
from demo.shoptet.amounts import Json
from demo.shoptet.calls import Call, Done, View, between, invalid, paged
from demo.shoptet.entities import Job, Pricelist
from demo.shoptet.envelope import Fault, Refused, not_found
from demo.shoptet.guids import own_id

LOCATIONS = ("common-header", "common-footer", "order-confirmed")
MOST_HTML = 8192
MOST_PRICES = 300
PRICE_ROW = {
    "code": bodies.text(least=1),
    "currencyCode": bodies.like(bodies.CURRENCY),
    "vatRate": bodies.maybe(bodies.like(r"^[0-9]+\.[0-9]{2}$")),
    "includingVat": bodies.flag,
    **dict.fromkeys(("orderableAmount", "sales", "price", "priceWithVat", "priceWithoutVat", "prices"), bodies.thing),
}
SALES = {"minPriceRatio": bodies.like(bodies.ANY_RATIO), **dict.fromkeys(other_views.SALES, bodies.flag)}


def eshop(call: Call) -> Done:
    return Done(other_views.eshop(call.site, call.include()))


def pricelists(call: Call) -> Done:
    return Done({"pricelists": [{"id": each.id, "name": each.name} for each in call.site.pricelists.values()]})


def prices(call: Call) -> Done:
    site, found = call.site, _pricelist(call)
    code, product_id = call.query.get("code", ""), own_id("product", call.query.get("guid", ""))
    rows = [
        each
        for each in site.store.products.values()
        if code in {"", each.sku} and ("guid" not in call.query or each.id == product_id)
    ]
    return paged(
        call, "pricelist", rows, lambda each: other_views.pricelist_row(site, found, each), default=100, most=100
    )


def set_prices(call: Call) -> Done:
    """200 as soon as one row was right, with errors about the others."""
    found = _pricelist(call)
    rows = bodies.many(bodies.data(call.sent), PRICE_ROW, "data", most=MOST_PRICES, required=("code",))
    wrong: list[Fault] = []
    for place, row in enumerate(rows):
        wrong += bodies.faults(row.get("sales", {}), SALES, f"data[{place}].sales")
    if wrong:
        raise Refused(422, *wrong)
    errors = [fault for fault in (_set_price(call, found, row) for row in rows) if fault is not None]
    if len(errors) == len(rows):
        raise Refused(400, *errors)
    coupons.refresh_products(call.site)
    return Done(None, 200, errors)


def snippets(call: Call) -> Done:
    return Done({"snippets": _snippets(call)})


def set_snippets(call: Call) -> Done:
    given = bodies.checked(call.sent, {"snippets": bodies.anything}, required=("snippets",))
    shape = {"location": bodies.text(), "html": bodies.text(most=MOST_HTML)}
    rows = bodies.many(given["snippets"], shape, "data.snippets", most=len(LOCATIONS), required=("location", "html"))
    for row in rows:
        if row["location"] not in LOCATIONS:
            message = f"Invalid location code: {row['location']}. Possible values:\n{', '.join(LOCATIONS)}"
            raise Refused(400, ("template-include-location-invalid", message, "location"))
    for row in rows:
        call.site.snippets[row["location"]] = row["html"]
    return Done({"snippets": _snippets(call)})


def drop_snippet(call: Call) -> Done:
    location = call.values["location"]
    if call.site.snippets.pop(location, None) is None:
        raise not_found("template-include", f'No HTML code in location "{location}".', location)
    return Done()


def endpoints(call: Call) -> Done:
    status = call.query.get("status", "approved")
    if status not in {"approved", "pending"}:
        raise invalid("status", f'Invalid value "{status}" for parameter "status".')
    names = call.site.addon.rights if status == "approved" else call.site.addon.pending
    rows = []
    for name in names:
        number, group, about = ENDPOINTS[name]
        rows.append(
            {
                "endpoint": name,
                "description": about,
                "group": {"id": number, "description": group},
                "access": "both",
                "action": None if status == "approved" else "add",
            }
        )
    return Done({"endpoints": rows})


def jobs_listed(call: Call) -> Done:
    created, status = between(call, "creationTime"), call.query.get("status", "")
    for job in call.site.jobs.values():
        jobs.refresh(call.site, job)
    rows = [job for job in call.site.jobs.values() if created(job.created_at) and status in {"", job.status}]
    return paged(call, "jobs", rows, lambda job: other_views.job_listed(call.site, job), default=100, most=500)


def job(call: Call) -> Done:
    found = _job(call)
    jobs.read(call.site, found)
    return Done({"job": other_views.job(call.site, found)})


CALLS: Mapping[str, Mapping[str, View]] = {
    "/api/eshop": {"GET": eshop},
    "/api/pricelists": {"GET": pricelists},
    "/api/pricelists/<int:id>": {"GET": prices, "PATCH": set_prices},
    "/api/template-include": {"GET": snippets, "POST": set_snippets},
    "/api/template-include/<location>": {"DELETE": drop_snippet},
    "/api/system/endpoints": {"GET": endpoints},
    "/api/system/jobs": {"GET": jobs_listed},
    "/api/system/jobs/<id>": {"GET": job},
}


def _pricelist(call: Call) -> Pricelist:
    number = call.values["id"]
    found = call.site.pricelists.get(number)
    if found is None:
        raise not_found("pricelist", f'Pricelist with id "{number}" not found.', str(number))
    return found


def _set_price(call: Call, prices: Pricelist, row: Json) -> Fault | None:
    product = next((each for each in call.site.store.products.values() if each.sku == row["code"]), None)
    if product is None:
        message = f'Product with code "{row["code"]}" not found. Code skipped.'
        return "pricelist-code-not-found", message, row["code"]
    own = prices.rows.setdefault(product.id, {})
    given: Json = row.get("price") or row.get("priceWithVat") or {}
    price = given.get("price")
    if price is not None:
        own["price"] = minor(price)
    own["sales"] = {**own.get("sales", {}), **row.get("sales", {})}
    return None


def _snippets(call: Call) -> list[Json]:
    return [{"location": place, "html": html} for place, html in call.site.snippets.items()]


def _job(call: Call) -> Job:
    number = call.values["id"]
    found = call.site.jobs.get(number)
    if found is None:
        raise not_found("job", f'Job with ID "{number}" not found.', number)
    return found
