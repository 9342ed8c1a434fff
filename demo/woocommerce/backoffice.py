"""The WordPress half of the back office: API keys, webhooks and the loyalty plugin's settings."""

from collections.abc import Callable
from functools import partial, wraps

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from demo.shop.backoffice import only_staff
from demo.woocommerce.deliveries import Deliveries
from demo.woocommerce.desk import WordPressDesk
from demo.woocommerce.plugin import PairingFailed, Plugin
from demo.woocommerce.site import SCOPES, Site

Page = str | Response


def blueprint(site: Site, desk: WordPressDesk, deliveries: Deliveries, plugin: Plugin | None) -> Blueprint:
    door = Blueprint("wordpress_office", __name__, url_prefix="/wp-admin", template_folder="templates")
    door.before_request(partial(only_staff, desk))
    rules: dict[str, Callable[[], Page]] = {
        "/connections/": partial(connections, site, deliveries),
        "/connections/deliver": partial(deliver, deliveries),
        "/plugin/": partial(plugin_page, plugin),
    }
    for rule, view in rules.items():
        door.add_url_rule(rule, rule.strip("/").replace("/", "_"), view, methods=["GET", "POST"])
    door.add_url_rule(
        "/connections/webhooks/<int:webhook_id>/<deed>",
        view_func=wraps(webhook_deed)(partial(webhook_deed, site)),
        methods=["POST"],
    )
    return door


def connections(site: Site, deliveries: Deliveries) -> Page:
    """Keys and webhooks; a POST makes a key, whose secret is shown this once."""
    made = None
    if request.method == "POST":
        scope = request.form.get("scope", "read_write")
        made = site.add_key(scope=scope if scope in SCOPES else "read", description="Made by hand")
    return render_template(
        "wordpress/connections.html",
        keys=site.keys.values(),
        webhooks=site.webhooks.values(),
        made=made,
        waiting=deliveries.waiting(),
        sent=list(deliveries.sent)[-15:][::-1],
        pace=deliveries.pace,
        scopes=SCOPES,
    )


def deliver(deliveries: Deliveries) -> Page:
    if request.method == "POST":
        deliveries.run()
    return redirect("/wp-admin/connections/")


def webhook_deed(site: Site, webhook_id: int, deed: str) -> Page:
    webhook = site.webhooks.get(webhook_id)
    if webhook is not None and deed == "delete":
        del site.webhooks[webhook_id]
    elif webhook is not None and deed in {"active", "paused", "disabled"}:
        webhook.status = deed
    return redirect("/wp-admin/connections/")


def plugin_page(plugin: Plugin | None) -> Page:
    """Where a merchant pastes what Regulars shows. Saving pairs at once."""
    error = ""
    if plugin is not None and request.method == "POST":
        if request.form.get("disconnect"):
            plugin.deactivate()
        else:
            plugin.configure(
                server_url=request.form.get("server_url", ""),
                shop_key=request.form.get("shop_key", ""),
                pairing_code=request.form.get("pairing_code", ""),
            )
            try:
                plugin.activate()
            except PairingFailed as failed:
                error = str(failed)
    return render_template("wordpress/plugin.html", plugin=plugin, error=error)
