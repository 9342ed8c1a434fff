"""Messages of platforms: verify, keep, answer 200. Nothing else happens here; work.py does the rest.

An unknown shop and a wrong signature get the same answer after the same work. A ping that a platform sends unsigned by
design carries no news, so it is answered without looking who sent it.
"""

from collections.abc import Mapping

import structlog
from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlmodel import Session

from connectors import registry
from core.db.engine import run_tx
from core.earning import orders
from core.errors import InvalidInput, NotAllowed, SignatureInvalid
from core.merchants import audit, commands, health
from core.ports import WebhookReader, WebhookRequest
from core.queue.inbox import Arrival
from webhooks import senders
from webhooks.senders import Sender

log = structlog.get_logger(__name__)
blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")

# Kept with the body: what a platform says about the message. Addresses of proxies, cookies and keys are not.
_KEPT_PREFIXES = ("x-", "content-type", "user-agent")
_DROPPED_PREFIXES = ("x-forwarded", "x-real-ip")
_LOADER_PATH = "/widget/v1/loader.js"


class PairRequest(BaseModel):
    """What the plugin in the shop sends to be given its key."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    code: str = Field(min_length=1, max_length=100)
    plugin_version: str = Field(max_length=50)
    site_url: str = Field(max_length=500)


@blueprint.post("/<platform>/<shop_key>")
def receive(platform: str, shop_key: str) -> Response:
    """`shop_key`: the app's, on platforms that know apps. Raises SignatureInvalid (401), InvalidInput (400: not signed at
    all, where the platform lets some messages be so); 413 over the limit.
    """
    known = senders.known_platform(platform)
    reader = registry.webhook_reader(known)
    body, headers = senders.whole_body(), senders.lower_case_headers()
    if reader.is_unsigned_ping(WebhookRequest(body, headers)):
        return jsonify(ok=True)
    by_app = senders.runtime().app_platform(known) is not None
    if not by_app and not _is_signed(headers):
        raise InvalidInput("The message carries no signature")
    sender = senders.find_by_app(known, shop_key, headers, body) if by_app else senders.find(known, shop_key)
    return _take(reader, sender, body, headers)


@blueprint.post("/<platform>/app/<app_key>")
def receive_of_addon(platform: str, app_key: str) -> Response:
    """What an addon's settings say once for all shops: that it was suspended, resumed or taken off. Raises SignatureInvalid."""
    known = senders.known_platform(platform)
    body, headers = senders.whole_body(), senders.lower_case_headers()
    return _take(registry.webhook_reader(known), senders.find_by_addon(known, app_key, body), body, headers)


@blueprint.post("/<platform>/<shop_key>/nudge")
def nudge(platform: str, shop_key: str) -> Response:
    """Our plugin in the shop says that an order may have changed: it is read back at once. Raises SignatureInvalid."""
    known = senders.known_platform(platform)
    runtime = senders.runtime()
    sender = senders.find(known, shop_key)
    now = runtime.clock()
    try:
        external_id = registry.nudge_reader(known).verify_nudge(
            senders.whole_body(), senders.lower_case_headers(), keys=sender.keys, now=now
        )
        if sender.shop is None:
            raise SignatureInvalid("The message is not signed by this shop")
    except SignatureInvalid:
        senders.intake().refusals.note(runtime, sender.shop)
        raise
    shop = sender.shop

    def write(session: Session) -> None:
        orders.want(session, shop.merchant_id, shop.shop_id, external_id, now=now)
        health.note_nudge(session, shop.merchant_id, shop.shop_id, now=now)

    run_tx(runtime.db, write)
    senders.intake().wake()
    return jsonify(ok=True)


@blueprint.post("/<platform>/<shop_key>/pair")
def pair(platform: str, shop_key: str) -> Response:
    """Give our plugin its key for a pairing code. Raises NotAllowed: unknown shop, wrong and used code look alike."""
    known = senders.known_platform(platform)
    runtime = senders.runtime()
    asked = _read_pairing(senders.whole_body())
    shop = senders.find(known, shop_key).shop
    if shop is None:
        raise NotAllowed("This pairing code has been used or has expired")
    now = runtime.clock()

    def write(session: Session) -> tuple[str, str]:
        kid, key = commands.pair(session, runtime.vault, shop.merchant_id, shop.shop_id, code=asked.code, now=now)
        audit.record(
            session,
            shop.merchant_id,
            actor_kind="system",
            actor_id=None,
            action="shop.paired",
            subject=shop.shop_id,
            details={"kid": kid, "plugin_version": asked.plugin_version},
            now=now,
        )
        return kid, key

    kid, key = run_tx(runtime.db, write)
    answer = jsonify(kid=kid, key=key, loader_url=runtime.public_url() + _LOADER_PATH)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _take(reader: WebhookReader, sender: Sender, body: bytes, headers: Mapping[str, str]) -> Response:
    """Verify, keep, answer. Raises SignatureInvalid."""
    try:
        reader.verify(WebhookRequest(body, headers, sender.secrets))
        if sender.shop is None:
            raise SignatureInvalid("The message is not signed by this shop")
    except SignatureInvalid:
        senders.intake().refusals.note(senders.runtime(), sender.shop)
        raise
    arrival = Arrival(
        merchant_id=sender.shop.merchant_id,
        shop_id=sender.shop.shop_id,
        source="webhook",
        headers=_kept(headers),
        body=body,
        received_at=senders.runtime().clock(),
    )
    inbox_id = senders.intake().write(arrival)
    senders.intake().wake()
    log.info("webhook.stored", shop_id=sender.shop.shop_id, inbox_id=inbox_id)
    return jsonify(ok=True)


def _read_pairing(body: bytes) -> PairRequest:
    try:
        return PairRequest.model_validate_json(body)
    except ValidationError:
        raise InvalidInput("This is not a pairing request") from None


def _is_signed(headers: Mapping[str, str]) -> bool:
    """Every platform's signature header has one of these words in its name."""
    return any("signature" in name or "hmac" in name for name in headers)


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in headers.items()
        if name.startswith(_KEPT_PREFIXES) and not name.startswith(_DROPPED_PREFIXES)
    }
