"""`/webhooks` of wc/v3: subscriptions. The secret is written and never shown; failures are counted and never told."""

import re
import secrets
from functools import partial

from demo.woocommerce import shapes, webhooks
from demo.woocommerce.calls import Call, Reply
from demo.woocommerce.errors import WpError, invalid_param
from demo.woocommerce.listing import Sort, by_dates, page
from demo.woocommerce.site import Site, Webhook
from demo.woocommerce.times import local

STATUSES = ("active", "paused", "disabled")
ACTION = re.compile(r"action\.\w+")
SORT: Sort[Webhook] = Sort(
    {
        "date": lambda webhook: (webhook.created_at, webhook.id),
        "id": lambda webhook: (webhook.id,),
        "title": lambda webhook: (webhook.name, webhook.id),
    }
)


def index(site: Site, call: Call) -> Reply:
    rows = by_dates(call, site.webhooks.values(), modified=None)
    status = call.choice("status", "all", ("all", *STATUSES))
    if status != "all":
        rows = [webhook for webhook in rows if webhook.status == status]
    return page(site, call, rows, SORT, lambda webhook: shapes.webhook(site, webhook))


def show(site: Site, call: Call) -> Reply:
    return Reply(shapes.webhook(site, _found(site, call, 404)))


def create(site: Site, call: Call) -> Reply:
    """Made, pinged and active, whatever the ping answers and whatever status was asked for."""
    topic = call.text("topic")
    _check_topic(topic)
    url = call.text("delivery_url")
    _check_url(url)
    webhook = Webhook(
        id=site.next_webhook_id(),
        user_id=call.caller.user.id if call.caller.user else 0,
        name=call.text("name") or f"Webhook created on {local(site.store.now())}",
        topic=topic,
        delivery_url=url,
        secret=call.text("secret") or secrets.token_hex(25),
        created_at=site.store.now(),
    )
    site.webhooks[webhook.id] = webhook
    location = {"Location": shapes.rest_url(site, f"webhooks/{webhook.id}")}
    return Reply(shapes.webhook(site, webhook), 201, location, partial(webhooks.ping, site, webhook))


def update(site: Site, call: Call) -> Reply:
    webhook = _found(site, call, 400)
    status = call.text("status", webhook.status)
    if status not in STATUSES:
        raise invalid_param("status", f"status is not one of {', '.join(STATUSES)}.", code="rest_not_in_enum")
    if topic := call.text("topic"):
        _check_topic(topic)
        webhook.topic = topic
    webhook.name = call.text("name", webhook.name)
    webhook.secret = call.text("secret") or webhook.secret
    # The count of failures is left as it was: after re-enabling, one more failure disables again.
    webhook.status = status
    webhook.modified_at = site.store.now()
    if (url := call.text("delivery_url")) and url != webhook.delivery_url:
        _check_url(url)
        webhook.delivery_url = url
        return Reply(shapes.webhook(site, webhook), before_sending=partial(webhooks.ping, site, webhook))
    return Reply(shapes.webhook(site, webhook))


def delete(site: Site, call: Call) -> Reply:
    if not call.flag("force"):
        raise WpError("woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.", 501)
    webhook = _found(site, call, 404)
    del site.webhooks[webhook.id]
    return Reply(shapes.webhook(site, webhook))


def _found(site: Site, call: Call, status: int) -> Webhook:
    webhook = site.webhooks.get(call.ids["webhook"])
    if webhook is None:
        raise WpError("woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.", status)
    return webhook


def _check_topic(topic: str) -> None:
    if topic not in shapes.HOOKS and not ACTION.fullmatch(topic):
        raise WpError(
            "woocommerce_rest_shop_webhook_invalid_topic", "Webhook topic is required and must be valid.", 400
        )


def _check_url(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise WpError(
            "woocommerce_rest_shop_webhook_invalid_delivery_url",
            "Webhook delivery URL must be a valid URL starting with http:// or https://.",
            400,
        )
