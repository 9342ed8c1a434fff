"""The way back of a merchant who began at our end and was at the platform's page of consent.

Who began is known in the admin alone, by their session; so there it is proven and finished (admin/platform_connect.py).
"""

from flask import Blueprint, redirect, request
from werkzeug import Response

from core.db.engine import reading
from core.errors import NotFound
from core.merchants import apps
from webhooks import senders

blueprint = Blueprint("app_install", __name__, url_prefix="/install")


@blueprint.get("/<platform>/<app_key>/callback")
def callback(platform: str, app_key: str) -> Response:
    """The address that stands in the app's settings. Nothing of what it carries is believed here. Raises NotFound."""
    known, here = senders.known_platform(platform), senders.runtime()
    with reading(here.db) as session:
        app = apps.app_by_key(session, here.vault, app_key)
    if app is None or app.app.platform is not known:
        raise NotFound("There is no such app")
    brought = request.query_string.decode("latin-1")
    return redirect(f"/admin/shops/platforms/{app.app_id}/connected?{brought}", code=303)
