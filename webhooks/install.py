"""Where a shop hands over its keys after its owner approved us, and where the owner's browser comes back."""

from collections.abc import Mapping

import structlog
from flask import Blueprint, redirect, request
from sqlmodel import Session
from werkzeug import Response

from connectors import registry
from core.db.engine import run_tx
from core.errors import NotAllowed
from core.ids import new_shop_key
from core.merchants import audit, commands
from core.merchants.commands import PendingConnect
from core.merchants.queries import ShopView
from core.ports import Installation
from webhooks import senders

log = structlog.get_logger(__name__)
blueprint = Blueprint("install", __name__, url_prefix="/install")

# The only places that the way back leads to.
CONNECTED, REFUSED = "/admin/?connected=1", "/admin/?connected=0"


@blueprint.post("/<platform>/callback")
def callback(platform: str) -> tuple[str, int]:
    """Take the keys, prove them at the stored address, connect. 200 exactly: a redirect would read as success too."""
    known = senders.known_platform(platform)
    runtime = senders.runtime()
    granted = registry.connect_flow(known).read_callback(senders.whole_body())
    now = runtime.clock()
    pending = run_tx(runtime.db, lambda session: commands.take_connect_state(session, granted.state, now))
    if pending.platform is not known:
        raise NotAllowed("This connection was begun for another platform")
    shop = connect(pending, granted.credentials)
    senders.intake().wake()
    log.info("shop.connected", merchant_id=shop.merchant_id, shop_id=shop.shop_id, platform=known.value)
    return "connected", 200


@blueprint.get("/<platform>/return")
def come_back(platform: str) -> Response:
    """The owner's browser, after approving or refusing. Nothing it carries is believed: it picks one of two pages."""
    senders.known_platform(platform)
    approved = request.args.get("success") == "1"
    return redirect(CONNECTED if approved else REFUSED, code=303)


def connect(pending: PendingConnect, credentials: Mapping[str, str]) -> ShopView:
    """Ask the shop for its facts with the new keys, outside any transaction; then tie it to the merchant."""
    runtime = senders.runtime()
    proof = Installation(
        shop_key=new_shop_key(),  # only to ask with; the shop's own key is made when it is stored
        platform=pending.platform,
        base_url=pending.base_url,
        credentials=credentials,
    )
    facts = runtime.connect(proof).installer.facts()
    now = runtime.clock()

    def write(session: Session) -> ShopView:
        shop = commands.connect_shop(
            session,
            runtime.vault,
            pending.merchant_id,
            platform=pending.platform,
            base_url=pending.base_url,
            facts=facts,
            credentials=credentials,
            now=now,
        )
        audit.record(
            session,
            pending.merchant_id,
            actor_kind="staff",
            actor_id=pending.staff_id,
            action="shop.connected",
            subject=shop.shop_id,
            details={"platform": pending.platform.value},
            now=now,
        )
        return shop

    return run_tx(runtime.db, write)
