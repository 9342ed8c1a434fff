"""/api/customers"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from demo.shop import customers as people
from demo.shop.entities import Customer
from demo.shop.store import Event
from demo.shoptet import bodies, jobs, other_views
from demo.shoptet.amounts import Json
from demo.shoptet.calls import Call, Done, View, between, changes, need_module, paged
from demo.shoptet.entities import Group
from demo.shoptet.envelope import Refused, not_found
from demo.shoptet.guids import guid, own_id
from demo.shoptet.site import Site

WHOLESALE = ("registrationAllowed", "wholesale", "tableLayout", "fullProfileRequired")
PATCH = {
    "remark": bodies.maybe(bodies.text(least=1)),
    "priceRatio": bodies.like(bodies.ANY_RATIO),
    "birthDate": bodies.maybe(bodies.day),
    "disabledOrders": bodies.flag,
    "customerGroupCode": bodies.text(least=1),
    "pricelistId": bodies.whole(),
    "billingAddress": bodies.thing,
}
GROUP = {
    "name": bodies.text(least=1, most=255),
    "description": bodies.maybe(bodies.text()),
    "defaultPricelistId": bodies.maybe(bodies.whole()),
    "emailNotification": bodies.flag,
    "authRequired": bodies.flag,
    "maxDiscount": bodies.maybe(bodies.like(bodies.ANY_RATIO)),
    "defaultDueDays": bodies.maybe(bodies.whole(least=0, most=365)),
    "defaultOrderStatusId": bodies.maybe(bodies.whole()),
    **dict.fromkeys(WHOLESALE, bodies.flag),
}


def listed(call: Call) -> Done:
    site = call.site
    email, phone = call.query.get("email", "").strip().lower(), call.query.get("phone", "")
    found = [
        each
        for each in _people(site)
        if (not email or email in _emails(site, each)) and (not phone or each.billing.phone == phone)
    ]
    return paged(call, "customers", found, lambda each: other_views.customer_listed(site, each), most=1000)


def changed(call: Call) -> Done:
    living = {guid("customer", each.id): each.modified_at for each in _people(call.site)}
    return changes(call, "customer", "guid", living, most=20)


def detail(call: Call) -> Done:
    return Done({"customer": other_views.customer(call.site, _customer(call))})


def change(call: Call) -> Done:
    site, customer = call.site, _customer(call)
    given = bodies.checked(call.sent, PATCH)
    extra = site.customers[customer.id]
    group_code = given.get("customerGroupCode")
    group = next((each for each in site.groups.values() if each.code == group_code), None)
    if group_code is not None and group is None:
        raise Refused(422, (bodies.INVALID, f'Customer group "{group_code}" not found.', "data.customerGroupCode"))
    if "pricelistId" in given and given["pricelistId"] not in site.pricelists:
        raise Refused(422, (bodies.INVALID, "Pricelist does not exist.", "data.pricelistId"))
    extra.group_id = group.id if group is not None else extra.group_id
    extra.pricelist_id = given.get("pricelistId", extra.pricelist_id)
    extra.remark = given.get("remark", extra.remark)
    extra.birth_date = given.get("birthDate", extra.birth_date)
    extra.disabled_orders = given.get("disabledOrders", extra.disabled_orders)
    if "priceRatio" in given:
        extra.ratio = int(Decimal(given["priceRatio"]) * 10_000)
    people.saved(site.store, customer)
    return Done({"customer": other_views.customer(site, customer)})


def delete(call: Call) -> Done:
    people.delete(call.site.store, _customer(call))
    return Done()


def accounts(call: Call) -> Done:
    rows = other_views.accounts(call.site, _customer(call))
    return paged(call, "accounts", rows, lambda row: row, default=1000, most=1000)


def account(call: Call) -> Done:
    wanted = call.values["account"]
    for each in other_views.accounts(call.site, _customer(call)):
        if each["guid"] == wanted:
            return Done({"account": each})
    raise not_found("customer-account", f'Account with guid "{wanted}" not found.', wanted)


def note_deleted(site: Site, event: Event) -> None:
    """The list of changes remembers who was deleted."""
    if event.name == "customer.deleted":
        site.deleted["customer"][guid("customer", event.id)] = site.store.now()


def snapshot(call: Call) -> Done:
    between(call, "creationTime"), between(call, "changeTime")
    return Done({"jobId": jobs.start(call.site, "/api/customers/snapshot", dict(call.query)).id}, 202)


def snapshot_rows(site: Site, query: dict[str, str]) -> Iterable[Json]:
    call = Call(site, lambda event, instance: None, "GET", None, query, {})
    created, changed_then = between(call, "creationTime"), between(call, "changeTime")
    return (
        other_views.customer(site, each)
        for each in _people(site)
        if created(each.created_at) and changed_then(each.modified_at)
    )


def groups(call: Call) -> Done:
    return _all_groups(call.site, metadata=True)


def make_group(call: Call) -> Done:
    site, given = call.site, _group_body(call, required=("name",))
    number = max(site.groups) + 1
    site.groups[number] = Group(number, given["name"], f"group-{number}")
    _write_group(site.groups[number], given)
    return _all_groups(site, 201)


def change_group(call: Call) -> Done:
    group = _group(call)
    _write_group(group, _group_body(call, required=()))
    return _all_groups(call.site)


def drop_group(call: Call) -> Done:
    group = _group(call)
    if group.id == 1:
        message = "Cannot delete default customer group. Please mark other group as default before deleting."
        raise Refused(422, ("customer-group-delete-blocked", message, "payload"))
    del call.site.groups[group.id]
    for extra in call.site.customers.values():
        extra.group_id = 1 if extra.group_id == group.id else extra.group_id
    return Done(metadata=False)


CALLS: Mapping[str, Mapping[str, View]] = {
    "/api/customers": {"GET": listed},
    "/api/customers/changes": {"GET": changed},
    "/api/customers/snapshot": {"GET": snapshot},
    "/api/customers/groups": {"GET": groups, "POST": make_group},
    "/api/customers/groups/<int:group>": {"PATCH": change_group, "DELETE": drop_group},
    "/api/customers/<guid>": {"GET": detail, "PATCH": change, "DELETE": delete},
    "/api/customers/<guid>/accounts": {"GET": accounts},
    "/api/customers/<guid>/accounts/<account>": {"GET": account},
}


def _people(site: Site) -> list[Customer]:
    return [each for each in site.store.customers.values() if each.role == "customer"]


def _customer(call: Call) -> Customer:
    wanted = call.values["guid"]
    found = call.site.store.customers.get(own_id("customer", wanted))
    if found is None:
        raise not_found("customer", f'Customer with guid "{wanted}"\nnot found.', wanted)
    return found


def _emails(site: Site, customer: Customer) -> set[str]:
    return {customer.email.lower(), *(each.email.lower() for each in site.customers[customer.id].accounts)}


def _group(call: Call) -> Group:
    number = call.values["group"]
    found = call.site.groups.get(number)
    if found is None:
        raise not_found("customer-group", f'Customer group with id "{number}" not found.', str(number))
    return found


def _group_body(call: Call, *, required: tuple[str, ...]) -> Json:
    given = bodies.checked(call.sent, GROUP, required=required)
    if any(given.get(name) for name in WHOLESALE):
        need_module(call.site, "wholesale")
    taken = [each for each in call.site.groups.values() if each.name == given.get("name")]
    if any(each.id != call.values.get("group") for each in taken):
        message = f'Customer group with name "{given["name"]}" already exists.'
        raise Refused(422, (bodies.INVALID, message, "data.name"))
    if given.get("defaultPricelistId") is not None and given["defaultPricelistId"] not in call.site.pricelists:
        message = f"Pricelist with ID {given['defaultPricelistId']} does not exist."
        raise Refused(422, (bodies.INVALID, message, "data.defaultPricelistId"))
    return given


def _write_group(group: Group, given: Json) -> None:
    names = {"name": "name", "description": "description", "defaultPricelistId": "pricelist_id",
             "maxDiscount": "max_discount", "defaultDueDays": "due_days", "defaultOrderStatusId": "status_id"}  # fmt: skip
    for name, field in names.items():
        if name in given:
            setattr(group, field, given[name])
    group.flags |= {name: value for name, value in given.items() if isinstance(value, bool)}


def _all_groups(site: Site, status: int = 200, *, metadata: bool = False) -> Done:
    rows = [other_views.group(each, place) for place, each in enumerate(site.groups.values(), start=1)]
    return Done({"customerGroups": rows}, status, metadata=metadata)
