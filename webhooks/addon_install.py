"""A shop that installs us as an addon: the platform calls with a code and waits for seconds, so only the grant is taken here.

What comes after, from the shop's facts to its webhooks, is the worker's (core/work/addons.py).
"""

import structlog
from flask import Blueprint, Response, jsonify, request
from sqlmodel import Session

from core.db.engine import reading, run_tx
from core.errors import InvalidInput, NotFound
from core.merchants import apps, installs
from core.merchants.apps import AppView
from core.ports import AddonPlatform
from webhooks import senders

log = structlog.get_logger(__name__)
blueprint = Blueprint("addon_install", __name__, url_prefix="/install")

LONGEST_CODE = 1000


@blueprint.get("/<platform>/<app_key>")
def install(platform: str, app_key: str) -> Response:
    """Nothing but the code is believed, and of it only the platform's own answer. Raises NotFound, SignatureInvalid, PlatformError."""
    app, dealing = _addon(platform, app_key)
    here = senders.runtime()
    code = request.args.get("code", "")
    if not 0 < len(code) <= LONGEST_CODE or not code.isascii() or not code.isprintable():
        raise InvalidInput("An installation brings a code", field="code")
    now = here.clock()
    shop = dealing.install(app.app, code, address_of(platform, app_key), now)

    def keep(session: Session) -> None:
        installs.add(session, here.vault, app, shop, now=now)

    run_tx(here.db, keep)
    senders.intake().wake()
    log.info("addon.installed", merchant_id=app.merchant_id, shop=shop.platform_shop_id)
    return jsonify(ok=True)


def address_of(platform: str, app_key: str) -> str:
    """As it stands in the addon's settings, and has to be repeated to the platform to the letter."""
    return f"{senders.runtime().public_url()}/install/{platform}/{app_key}"


def _addon(platform: str, app_key: str) -> tuple[AppView, AddonPlatform]:
    """Raises NotFound."""
    known, here = senders.known_platform(platform), senders.runtime()
    dealing = here.addon_platform(known)
    with reading(here.db) as session:
        app = apps.app_by_key(session, here.vault, app_key)
    if app is None or dealing is None or app.app.platform is not known:
        raise NotFound("There is no such addon")
    return app, dealing
