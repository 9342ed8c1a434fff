"""/api/discount-coupons"""

import json
from collections.abc import Iterable, Mapping

from demo.shop.entities import Coupon
from demo.shoptet import bodies, coupons, jobs, other_views
from demo.shoptet.amounts import Json
from demo.shoptet.calls import Call, Done, View, between, need_module, paged, yes_or_no
from demo.shoptet.entities import Template
from demo.shoptet.envelope import Fault, Refused, not_found
from demo.shoptet.guids import own_id
from demo.shoptet.site import Site

MODULE = "discountCoupons"
MOST, MOST_DELETED, MOST_PRODUCTS = 999, 200, 1000
VALUES = {
    "discountType": bodies.one_of("percentual", "fixed"),
    "amount": bodies.maybe(bodies.like(bodies.MONEY)),
    "ratio": bodies.maybe(bodies.like(bodies.RATIO)),
    "minPrice": bodies.maybe(bodies.like(bodies.MONEY)),
    "currency": bodies.maybe(bodies.like(bodies.CURRENCY)),
    "template": bodies.like(bodies.GUID),
    "shippingPrice": bodies.one_of("cart", "free", "beforeDiscount"),
    "validFrom": bodies.maybe(bodies.day),
    "validTo": bodies.maybe(bodies.day),
    "reusable": bodies.flag,
    "remark": bodies.maybe(bodies.text()),
}
REQUIRED = ("discountType", "template", "shippingPrice", "reusable")
CODE = bodies.text(least=1, most=16)
TEMPLATE = {
    "guid": bodies.maybe(bodies.like(bodies.GUID)),
    "title": bodies.text(least=1, most=64),
    "customerGroupId": bodies.whole(),
    "categoryGuids": bodies.maybe(bodies.list_of(bodies.like(bodies.GUID))),
    "brands": bodies.maybe(bodies.list_of(bodies.text())),
    "productFlags": bodies.maybe(bodies.list_of(bodies.thing)),
    "productSelectionMode": bodies.one_of("parameters", "specificProducts"),
    "productGuids": bodies.maybe(bodies.list_of(bodies.like(bodies.GUID))),
}


def listed(call: Call) -> Done:
    need_module(call.site, MODULE)
    site = call.site
    return paged(
        call, "coupons", _chosen(call), lambda each: other_views.coupon(site, each), default=1000, most=1000
    )  # fmt: skip


def create(call: Call) -> Done:
    """Coupons that do not fit are left out; unless a switch says otherwise, without a word."""
    need_module(call.site, MODULE)
    rows = _rows(call, {"code": bodies.maybe(CODE), **VALUES}, REQUIRED)
    made, left_out = _create(call, rows)
    return Done({"coupons": made}, 201, left_out if call.site.faults.name_left_out else ())


def create_set(call: Call) -> Done:
    need_module(call.site, MODULE)
    shape = {"count": bodies.whole(least=2, most=MOST), **VALUES}
    given = bodies.checked(call.sent, shape, required=("count", *REQUIRED))
    count = given.pop("count")
    made, _ = _create(call, [given] * count)
    return Done({"coupons": made}, 201)


def change(call: Call) -> Done:
    """200 as soon as one of them was changed, with errors about the others."""
    need_module(call.site, MODULE)
    rows = _rows(call, {"code": CODE, **VALUES}, ("code",))
    done: list[Json] = []
    errors: list[Fault] = []
    for place, given in enumerate(rows):
        path, found = f"data.coupons[{place}]", coupons.by_code(call.site, given["code"])
        if found is None:
            message = f'Discount coupon with code "{given["code"]}" was not found.'
            errors.append(("discount-coupon-not-found", message, f"{path}.code"))
            continue
        try:
            coupons.change(call.site, found, given)
            done.append(other_views.coupon(call.site, found))
        except coupons.Unfit as unfit:
            errors.append((unfit.code, unfit.message, f"{path}.{unfit.field}".rstrip(".")))
    if not done:
        raise Refused(422, *errors, data={"coupons": []})
    return Done({"coupons": done}, 200, errors)


def delete_many(call: Call) -> Done:
    """Those that exist are deleted also where others do not."""
    need_module(call.site, MODULE)
    given = bodies.checked(call.sent, {"couponCodes": bodies.list_of(bodies.text())}, required=("couponCodes",))
    codes = given["couponCodes"]
    if not codes:
        raise Refused(422, (bodies.INVALID, "There must be a minimum of 1 items in the array", "data.couponCodes"))
    if len(codes) > MOST_DELETED:
        message = f"There must be a maximum of {MOST_DELETED} items in the array"
        raise Refused(413, ("too-many-rows", message, "data.couponCodes"))
    known = [found for found in (coupons.by_code(call.site, code) for code in codes) if found is not None]
    gone = [call.site.coupons[each.id].code for each in known]
    for each in known:
        coupons.delete(call.site, each)
    if len(gone) > 1:
        call.announce("discountCoupon:massDelete", json.dumps(gone))
    here = {code.lower() for code in gone}
    missing = [code for code in codes if code.lower() not in here]
    if missing:
        raise Refused(422, *(("discount-coupon-not-found", "Unable to delete discount coupon.", c) for c in missing))
    return Done()


def detail(call: Call) -> Done:
    need_module(call.site, MODULE)
    return Done({"coupon": other_views.coupon(call.site, _coupon(call))})


def delete(call: Call) -> Done:
    need_module(call.site, MODULE)
    coupons.delete(call.site, _coupon(call))
    return Done()


def use(call: Call) -> Done:
    need_module(call.site, MODULE)
    coupon = _coupon(call)
    given = bodies.checked(call.sent, {"orderCode": bodies.text(least=1, most=255)}, required=("orderCode",))
    if not yes_or_no(call, "suppressOrderChecking") and call.site.order(given["orderCode"]) is None:
        raise not_found("order", f'Order "{given["orderCode"]}" was not found.', given["orderCode"])
    if coupon.usage_limit is not None and coupon.usage_count >= coupon.usage_limit:
        code = call.site.coupons[coupon.id].code
        message = f'Discount coupon with code "{code}" was already used.'
        raise Refused(409, ("discount-coupon-already-used", message, code))
    coupons.use(call.site, coupon)
    return Done()


def snapshot(call: Call) -> Done:
    need_module(call.site, MODULE)
    _chosen(call)
    return Done({"jobId": jobs.start(call.site, "/api/discount-coupons/snapshot", dict(call.query)).id}, 202)


def snapshot_rows(site: Site, query: dict[str, str]) -> Iterable[Json]:
    call = Call(site, lambda event, instance: None, "GET", None, query, {})
    return (other_views.coupon(site, each) for each in _chosen(call))


def templates(call: Call) -> Done:
    need_module(call.site, MODULE)
    return Done({"couponTemplates": [other_views.template_listed(call.site, t) for t in call.site.templates.values()]})


def make_template(call: Call) -> Done:
    need_module(call.site, MODULE)
    given = bodies.checked(call.sent, TEMPLATE, required=("title",))
    products = given.get("productGuids") or []
    if len(products) > MOST_PRODUCTS:
        message = f"Maximum number of products per coupon template is {MOST_PRODUCTS}."
        raise Refused(400, ("validation-error", message, ""))
    unknown = [each for each in products if own_id("product", each) not in call.site.store.products]
    if unknown:
        raise Refused(400, ("validation-error", f'Product(s) "{", ".join(unknown)}" not found.', ""))
    return Done(other_views.template(call.site, coupons.new_template(call.site, given)), 201)


def template(call: Call) -> Done:
    need_module(call.site, MODULE)
    return Done(other_views.template(call.site, _template(call)))


def drop_template(call: Call) -> Done:
    need_module(call.site, MODULE)
    found = _template(call)
    if any(extra.template == found.id for extra in call.site.coupons.values()):
        wanted = call.values["guid"]
        message = f'Discount coupon template\n"{wanted}" cannot be deleted\nbecause it is used.'
        raise Refused(409, ("discount-coupon-template-used", message, wanted))
    del call.site.templates[found.id]
    return Done()


CALLS: Mapping[str, Mapping[str, View]] = {
    "/api/discount-coupons": {"GET": listed, "POST": create, "PATCH": change, "DELETE": delete_many},
    "/api/discount-coupons/set": {"POST": create_set},
    "/api/discount-coupons/snapshot": {"GET": snapshot},
    "/api/discount-coupons/templates": {"GET": templates, "POST": make_template},
    "/api/discount-coupons/templates/<guid>": {"GET": template, "DELETE": drop_template},
    "/api/discount-coupons/use/<code>": {"PATCH": use},
    "/api/discount-coupons/<code>": {"GET": detail, "DELETE": delete},
}


def _rows(call: Call, shape: Mapping[str, bodies.Check], required: tuple[str, ...]) -> list[Json]:
    given = bodies.checked(call.sent, {"coupons": bodies.anything}, required=("coupons",))
    return bodies.many(given["coupons"], shape, "data.coupons", most=MOST, required=required)


def _create(call: Call, rows: list[Json]) -> tuple[list[Json], list[Fault]]:
    made: list[Json] = []
    left_out: list[Fault] = []
    for place, given in enumerate(rows):
        try:
            made.append(other_views.coupon(call.site, coupons.create(call.site, given)))
        except coupons.Unfit as unfit:
            left_out.append((unfit.code, unfit.message, f"data.coupons[{place}].{unfit.field}"))
    if len(made) > 1:
        call.announce("discountCoupon:massCreate", json.dumps([each["code"] for each in made]))
    return made, left_out


def _coupon(call: Call) -> Coupon:
    code = call.values["code"]
    found = coupons.by_code(call.site, code)
    if found is None:
        raise not_found("discount-coupon", f'Discount coupon with code "{code}" was not found.', code)
    return found


def _template(call: Call) -> Template:
    wanted = call.values["guid"]
    found = call.site.templates.get(own_id("template", wanted))
    if found is None:
        raise not_found("discount-coupon-template", f'Discount coupon template\n"{wanted}" was not found.', wanted)
    return found


def _chosen(call: Call) -> list[Coupon]:
    site, query = call.site, call.query
    created, reusable = between(call, "creationTime"), yes_or_no(call, "reusable")
    wanted = own_id("template", query.get("template", ""))

    def fits(coupon: Coupon) -> bool:
        extra = site.coupons[coupon.id]
        return (
            created(coupon.created_at)
            and ("template" not in query or extra.template == wanted)
            and (reusable is None or extra.reusable == reusable)
            and ("validFrom" not in query or (extra.valid_from or "") >= query["validFrom"])
            and ("validTo" not in query or (extra.valid_to or "9999-12-31") <= query["validTo"])
        )

    return [coupon for coupon in site.store.coupons.values() if coupon.id in site.coupons and fits(coupon)]
