"""/api/webhooks"""

import secrets
from collections.abc import Mapping

from demo.shoptet import bodies, other_views
from demo.shoptet.calls import Call, Done, View, at, paged, yes_or_no
from demo.shoptet.entities import Webhook
from demo.shoptet.envelope import Refused, not_found
from demo.shoptet.times import stamp

MOST = 50
EVENTS = frozenset(
    {
        "order:create", "order:update", "order:delete", "order:cancel", "order:paid",
        "order:massCreate", "order:massUpdate", "order:massPaid",
        "customer:create", "customer:update", "customer:delete", "customer:import",
        "customer:enableOrders", "customer:disableOrders",
        "creditNote:create", "creditNote:update", "creditNote:delete",
        "discountCoupon:create", "discountCoupon:update", "discountCoupon:delete",
        "discountCoupon:massCreate", "discountCoupon:massDelete",
        "orderStatusesList:change", "eshop:currencies", "eshop:projectDomain", "productReview:created", "job:finished",
        "product:create", "product:update", "product:delete",
    }
)  # fmt: skip
# Who has the first may not have the others.
CONFLICTS = (
    ("order:update", "order:cancel"),
    ("customer:update", "customer:enableOrders"),
    ("customer:update", "customer:disableOrders"),
)
PAYLOAD = bodies.maybe(bodies.one_of("full"))
SHAPE = {"event": bodies.text(), "url": bodies.text(least=1, most=2000), "sendPayload": PAYLOAD}


def listed(call: Call) -> Done:
    return paged(call, "webhooks", list(call.site.webhooks.values()), other_views.webhook, most=500)


def register(call: Call) -> Done:
    """All of them or none."""
    site = call.site
    rows = bodies.many(bodies.data(call.sent), SHAPE, "data", most=MOST, required=("event", "url"))
    taken = {each.event for each in site.webhooks.values()}
    for place, given in enumerate(rows):
        event = given["event"]
        if event not in EVENTS:
            raise Refused(422, (bodies.INVALID, f'Unknown event "{event}".', f"data[{place}].event"))
        if event in taken:
            raise Refused(422, (bodies.INVALID, "Webhook already exists for this event", f"data[{place}].event"))
        taken.add(event)
    for one, other in CONFLICTS:
        if one in taken and other in taken:
            raise Refused(409, ("webhook-conflict", f"{one} and {other} exclude each other.", other))
    now = site.store.now()
    made = [
        Webhook(site.next("webhook"), each["event"], each["url"], now, now, each.get("sendPayload")) for each in rows
    ]
    site.webhooks |= {each.id: each for each in made}
    return Done({"webhooks": [other_views.webhook(each) for each in made]}, 201)


def detail(call: Call) -> Done:
    return Done({"webhook": other_views.webhook(_webhook(call))})


def change(call: Call) -> Done:
    found = _webhook(call)
    given = bodies.checked(call.sent, {"url": bodies.text(least=1, most=2000), "sendPayload": PAYLOAD})
    found.url = given.get("url", found.url)
    found.send_payload = given.get("sendPayload", found.send_payload)
    found.updated_at = call.site.store.now()
    return Done()


def delete(call: Call) -> Done:
    del call.site.webhooks[_webhook(call).id]
    return Done()


def renew_key(call: Call) -> Done:
    """Always a new one; nobody can read the old one."""
    call.site.signature_key = secrets.token_hex(16)
    return Done({"signatureKey": call.site.signature_key})


def notifications(call: Call) -> Done:
    since, active = at(call, "from"), yes_or_no(call, "active")
    status, event = call.query.get("status", ""), call.query.get("event", "")
    rows = [
        each
        for each in call.site.notifications
        if (since is None or each.created_at >= since)
        and (active is None or each.active == active)
        and status in {"", each.status}
        and event in {"", each.event}
    ]
    return paged(
        call, "notifications", rows, lambda each: {
            "id": each.id,
            "webhookId": each.webhook_id,
            "webhookUrl": each.url,
            "event": each.event,
            "eventCreated": stamp(each.created_at),
            "created": stamp(each.created_at),
            "attempted": stamp(each.attempted_at) if each.attempted_at is not None else None,
            "attempts": each.attempts,
            "status": each.status,
            "active": each.active,
            "data": {
                "eshopId": call.site.eshop_id,
                "event": each.event,
                "eventCreated": stamp(each.created_at),
                "eventInstance": str(each.instance),
            },
        },
        most=500,
    )  # fmt: skip


CALLS: Mapping[str, Mapping[str, View]] = {
    "/api/webhooks": {"GET": listed, "POST": register},
    "/api/webhooks/notifications": {"GET": notifications},
    "/api/webhooks/renew-signature-key": {"POST": renew_key},
    "/api/webhooks/<int:id>": {"GET": detail, "PATCH": change, "DELETE": delete},
}


def _webhook(call: Call) -> Webhook:
    number = call.values["id"]
    found = call.site.webhooks.get(number)
    if found is None:
        raise not_found("webhook", f'Webhook with id "{number}" not found.', str(number))
    return found
