"""`/coupons` of wc/v3: what an app uses to hand a reward to a shopper."""

from collections.abc import Mapping
from typing import Any

from demo.shop import coupons
from demo.shop.entities import Coupon
from demo.woocommerce import shapes
from demo.woocommerce.calls import Call, Reply
from demo.woocommerce.errors import WpError, invalid_param, missing_param
from demo.woocommerce.forms import amount, merged_meta
from demo.woocommerce.listing import Sort, by_dates, page
from demo.woocommerce.rest_batch import Batch
from demo.woocommerce.site import Site
from demo.woocommerce.times import read

SORT: Sort[Coupon] = Sort(
    {
        "date": lambda coupon: (coupon.created_at, coupon.id),
        "modified": lambda coupon: (coupon.modified_at, coupon.id),
        "id": lambda coupon: (coupon.id,),
        "include": lambda coupon: (coupon.id,),
        "title": lambda coupon: (coupon.code, coupon.id),
        "slug": lambda coupon: (coupon.code, coupon.id),
    }
)
FLAGS = ("individual_use", "free_shipping", "exclude_sale_items")
LIMITS = ("usage_limit", "usage_limit_per_user")


def index(site: Site, call: Call) -> Reply:
    """`code=` is exact and finds one row at most, even where a race stored two."""
    rows = by_dates(call, site.store.coupons.values(), modified=lambda coupon: coupon.modified_at)
    rows = [coupon for coupon in rows if coupon.status != "trash"]
    if code := call.text("code"):
        found = site.store.coupon_by_code(code)
        rows = [coupon for coupon in rows if coupon is found]
    if search := call.text("search").strip().lower():
        rows = [coupon for coupon in rows if search in coupon.code]
    return page(site, call, rows, SORT, lambda coupon: shapes.coupon(site, coupon))


def show(site: Site, call: Call) -> Reply:
    return Reply(shapes.coupon(site, _found(site, call, 404)))


def create(site: Site, call: Call) -> Reply:
    params = call.params
    if not params.get("code"):
        raise missing_param("code")
    values = _read(site, params)
    try:
        coupon = coupons.create(site.store, str(params["code"]))
    except coupons.CodeTaken as taken:
        raise WpError("woocommerce_rest_coupon_code_already_exists", "The coupon code already exists", 400) from taken
    _write(site, coupon, values, params)
    coupons.saved(site.store, coupon, created=True)
    return Reply(shapes.coupon(site, coupon), 201, {"Location": shapes.rest_url(site, f"coupons/{coupon.id}")})


def update(site: Site, call: Call) -> Reply:
    coupon = _found(site, call, 400)
    params = call.params
    if code := str(params.get("code") or "").strip().lower():
        other = site.store.coupon_by_code(code)
        if other is not None and other.id != coupon.id:
            raise WpError("woocommerce_rest_coupon_code_already_exists", "The coupon code already exists", 400)
        coupon.code = code
    _write(site, coupon, _read(site, params), params)
    if site.version.coupon_status_writable and params.get("status"):
        coupon.status = str(params["status"])
    coupons.saved(site.store, coupon, created=False)
    return Reply(shapes.coupon(site, coupon))


def delete(site: Site, call: Call) -> Reply:
    coupon = _found(site, call, 404)
    if call.flag("force"):
        shape = shapes.coupon(site, coupon)
        coupons.delete(site.store, coupon)
        return Reply(shape)
    if coupon.status == "trash":
        raise WpError("woocommerce_rest_already_trashed", "The coupon has already been deleted.", 410)
    coupons.trash(site.store, coupon)
    if site.version.coupon_trash_answers_500:
        # It did work.
        raise WpError("woocommerce_rest_cannot_delete", "The shop_coupon cannot be deleted.", 500)
    return Reply(shapes.coupon(site, coupon))


def _found(site: Site, call: Call, status: int) -> Coupon:
    coupon = site.store.coupons.get(call.ids["coupon"])
    if coupon is None:
        raise WpError("woocommerce_rest_shop_coupon_invalid_id", "Invalid ID.", status)
    return coupon


def _read(site: Site, params: Mapping[str, Any]) -> dict[str, Any]:
    """The given fields in our units. `date_expires_gmt` is not one of them: shops ignore it silently on writing."""
    values: dict[str, Any] = {}
    if "discount_type" in params:
        if params["discount_type"] not in coupons.KINDS:
            raise invalid_param("discount_type", f"discount_type is not one of {', '.join(coupons.KINDS)}.",
                                code="rest_not_in_enum")  # fmt: skip
        values["kind"] = params["discount_type"]
    for name, ours in (("amount", "amount"), ("minimum_amount", "minimum"), ("maximum_amount", "maximum")):
        if name in params:
            values[ours] = amount(params, name, 0)
    for name in FLAGS:
        if name in params:
            values[name] = params[name] in (True, "true", "1", 1)
    for name in LIMITS:
        if name in params:
            values[name] = int(params[name]) if params[name] else None
    # null leaves the date alone, an empty text clears it.
    if (expires := params.get("date_expires")) is not None:
        values["expires_at"] = _expiry(str(expires)) if expires != "" else None
    for name, ours in (("product_ids", "product_ids"), ("excluded_product_ids", "excluded_product_ids")):
        if name in params:
            values[ours] = [int(id_) for id_ in params[name] or []]
    if "email_restrictions" in params:
        values["emails"] = [str(email).strip().lower() for email in params["email_restrictions"] or []]
    if "description" in params:
        values["description"] = str(params["description"] or "")
    return values


def _expiry(text: str) -> int:
    try:
        return read(text)
    except ValueError as error:
        raise invalid_param("date_expires", "Invalid date.", code="rest_invalid_date") from error


def _write(site: Site, coupon: Coupon, values: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(coupon, name, value)
    coupon.meta = merged_meta(site.store, coupon.meta, params.get("meta_data"))


BATCH = Batch("coupon", create, update, delete)
