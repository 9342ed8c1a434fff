"""The code grant: for merchants who begin at our end, or whose platform does not open us inside its own pages.

The usual way is the app's own page in the shop's admin (admin/embedded), which needs no redirect at all.
"""

import structlog
from flask import Blueprint, redirect, request
from werkzeug import Response

from core.clock import utc_now
from core.db.engine import reading, run_tx
from core.errors import NotAllowed, NotFound
from core.merchants import apps, commands
from core.merchants.apps import AppView
from core.ports import AppPlatform
from core.work import connecting
from webhooks import senders

log = structlog.get_logger(__name__)
blueprint = Blueprint("app_install", __name__, url_prefix="/install")

CONNECTED = "/admin/?connected=1"


@blueprint.get("/<platform>/<app_key>/callback")
def callback(platform: str, app_key: str) -> Response:
    """The merchant comes back, approved. The signature proves the platform, `state` that it was begun here for this shop."""
    app, dealing = _app(platform, app_key)
    now = utc_now()  # proofs last for seconds, by the platform's clock
    granted = dealing.read_code(app.app, request.query_string, now)
    runtime = senders.runtime()
    pending = run_tx(runtime.db, lambda s: commands.take_connect_state(s, granted.state, runtime.clock()))
    if pending.merchant_id != app.merchant_id or pending.base_url != granted.base_url:
        raise NotAllowed("This connection was begun for another shop")
    credentials = dealing.grant_by_code(app.app, granted.base_url, granted.code, now)
    shop = connecting.by_app(
        runtime, app, granted.base_url, credentials, staff_id=pending.staff_id, now=runtime.clock()
    )
    senders.intake().wake()
    log.info("shop.connected", merchant_id=shop.merchant_id, shop_id=shop.shop_id, platform=app.app.platform.value)
    return redirect(CONNECTED, code=303)


def _app(platform: str, app_key: str) -> tuple[AppView, AppPlatform]:
    """Raises NotFound."""
    known = senders.known_platform(platform)
    runtime = senders.runtime()
    dealing = runtime.app_platform(known)
    with reading(runtime.db) as session:
        app = apps.app_by_key(session, runtime.vault, app_key)
    if app is None or dealing is None or app.app.platform is not known:
        raise NotFound("There is no such app")
    return app, dealing
