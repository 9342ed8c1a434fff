"""What is fuzzed: one function per parser that takes bytes from outside. It returns, or it has found something.

The property: only the documented errors (core.errors) leave, what comes out can be kept by both databases, and nothing
is believed that was not signed. Time and memory are bounded by libFuzzer (-timeout, -rss_limit_mb).
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
from flask import Flask
from pydantic import BaseModel

from connectors import transport
from connectors.addresses import AddressPolicy, check_url, is_public, vet
from connectors.shopper_tokens import TokenIdentifier
from connectors.transport import Answer, Call
from connectors.woocommerce import mapping
from connectors.woocommerce.client import Client, read_json, seconds_apart
from connectors.woocommerce.connect import WooConnectFlow
from connectors.woocommerce.connector import WooCustomers, WooOrders
from connectors.woocommerce.discounts import WooDiscounts
from connectors.woocommerce.identity import WooNudgeReader
from connectors.woocommerce.install import WooInstaller
from connectors.woocommerce.webhooks import TOPICS, WooWebhookReader
from core.commerce import DiscountKind, DiscountRequest, Order
from core.earning.assess import assess
from core.earning.snapshot import snapshot_of
from core.errors import AddressRefused, InvalidInput, RegularsError, SignatureInvalid
from core.ids import PostingId, normal_code
from core.ledger.queries import BalanceView, TimelineEntry
from core.ledger.words import Cause
from core.money import minor_from_text, text_from_minor
from core.ports import Installation, Platform, ShopperRequest, WebhookRequest
from core.program.terms import default_terms
from core.settings import load_settings
from webhooks import intake
from widgets import access, wire
from widgets.catalogues import LANGUAGES, catalogue
from widgets.history import history_item
from widgets.speech import Speech

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY = bytes(range(32))
KEYS = {"k1": base64.urlsafe_b64encode(KEY).decode().rstrip("=")}
SECRET = "whsec-local-1"  # the one that the recorded traffic was signed with
SITE = "https://shop.example"
TERMS = default_terms(["EUR"], timezone="UTC")
CODE = "ABCDEFGHJKMNPQRST"
KEYS_OF_SHOP = {"consumer_key": "ck_" + "0" * 40, "consumer_secret": "cs_" + "0" * 40}


def webhook(data: bytes) -> None:
    """Byte one is the topic, the rest is the body: forged, then signed by the shop."""
    topic, body = (*TOPICS, "", "nonsense")[data[0] % (len(TOPICS) + 2)] if data else "", data[1:]
    reader = WooWebhookReader()
    given = body[-44:].decode("latin-1")
    forged = WebhookRequest(body, {"x-wc-webhook-topic": topic, "x-wc-webhook-signature": given}, (SECRET,))
    refused(lambda: reader.verify(forged))
    right = base64.b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode()
    signed = WebhookRequest(body, {"x-wc-webhook-topic": topic, "x-wc-webhook-signature": right}, ("old", SECRET))
    reader.verify(signed)
    refused(lambda: reader.verify(WebhookRequest(body, signed.headers, ())))
    with suppress(InvalidInput):
        for event in reader.parse(signed):
            assert event.external_id.isascii() and event.external_id.isdigit() and len(event.external_id) <= 20
    if reader.is_unsigned_ping(WebhookRequest(body, {"content-type": "application/x-www-form-urlencoded"})):
        assert len(body) < 40


def order(data: bytes) -> None:
    """An order in JSON, with its refunds inside: read, cut down, assessed."""
    with suppress(InvalidInput):
        body = read_json(data)
        if isinstance(body, dict):
            rows = body.get("refunds")
            refunds = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
            believable(mapping.order_from(body, refunds))


def customer(data: bytes) -> None:
    with suppress(InvalidInput):
        body = read_json(data)
        if isinstance(body, dict):
            storable(mapping.customer_from(body))


def answer(data: bytes) -> None:
    """Whatever the shop answers to any of our questions. Byte one: status and kind; up to a newline a header; the body."""
    head, _, body = data[1:].partition(b"\n")
    status = (200, 201, 400, 401, 403, 404, 500, 413)[data[0] % 8] if data else 200
    kind = "text/html" if data and data[0] >= 192 else "application/json"
    text = head.decode("latin-1")
    canned = Canned(Answer(status, {"content-type": kind, "x-wp-total": text, "date": text}, body))
    client = Client(SITE, KEYS_OF_SHOP, canned)  # type: ignore[arg-type]
    for question in questions(client):
        with suppress(RegularsError):
            question()


def header(data: bytes) -> None:
    """The headers of an answer that we read ourselves."""
    first, _, second = data.decode("latin-1").partition("\n")
    seconds_apart(first, NOW.timestamp())
    for status in (302, 429, 503):
        found = Answer(status, {"retry-after": first, "date": second, "location": first}, b"")
        problem = transport._problem_of_status(found)
        assert problem is not None and 0 <= (problem.retry_after_s or 0) <= 86_400


def token(data: bytes) -> None:
    """A proof of who the shopper is: made up, and then with made-up claims under the right key."""
    refused(lambda: identify(data.decode("latin-1")))
    with suppress(InvalidInput, SignatureInvalid):
        claims = read_json(data)
        if isinstance(claims, dict):
            known = identify(signed_token(json.dumps(claims, default=str).encode()))
            assert known.isascii() and known.isdigit() and claims["aud"] == "shop-key"


def nudge(data: bytes) -> None:
    reader = WooNudgeReader()
    text = data.decode("latin-1")
    made_up = {"x-regulars-kid": "k1", "x-regulars-signature": text}
    refused(lambda: reader.verify_nudge(data, made_up, keys=KEYS, now=NOW))
    right = {"x-regulars-kid": "k1", "x-regulars-signature": f"v1={hmac.new(KEY, data, hashlib.sha256).hexdigest()}"}
    refused(lambda: reader.verify_nudge(data, {**right, "x-regulars-kid": text}, keys=KEYS, now=NOW))
    with suppress(InvalidInput, SignatureInvalid):
        assert reader.verify_nudge(data, right, keys=KEYS, now=NOW).isdigit()


def address(data: bytes) -> None:
    """What a merchant types as a shop address; and what a name server answers, one address a line after it."""
    typed, *found = data.decode("utf-8", "replace").split("\n")
    policy = AddressPolicy(resolve=lambda host, port: found)
    with suppress(InvalidInput):
        base_url = WooConnectFlow().normal_shop_url(typed)
        assert WooConnectFlow().normal_shop_url(base_url) == base_url, "the second look changes it"
        storable_text(base_url)
        access.origin_of(base_url)
        WooConnectFlow().authorize_url(base_url, state="s", callback_url=f"{SITE}/c", return_url=SITE)
    with suppress(AddressRefused):
        check_url(typed, policy)
        assert typed.lower().startswith("https://")
    with suppress(AddressRefused, OSError):
        assert all(is_public(one) for one in vet("shop.example", 443, scheme="https", policy=policy))


def keys(data: bytes) -> None:
    """The keys that a shop hands over to whoever listens: nothing about them is signed."""
    with suppress(InvalidInput):
        granted = WooConnectFlow().read_callback(data)
        storable_text(granted.state)
        assert set(granted.credentials) == {"consumer_key", "consumer_secret"}


def request(data: bytes) -> None:
    """Bodies of the widget and of the plugin, and a page's cursor."""
    for model in (wire.RedeemRequest, wire.HintRequest, wire.NothingRequest):
        with APP.test_request_context(data=data, content_type="application/json"), suppress(InvalidInput):
            storable(wire.body(model))
    with APP.test_request_context(query_string={"cursor": data.decode("latin-1")}), suppress(InvalidInput):
        assert (wire.cursor() or 0) < 10**15
    with suppress(InvalidInput):
        intake._read_pairing(data)


def amount(data: bytes) -> None:
    """A shop's decimal text. What is read is written the same way."""
    text = data.decode("utf-8", "replace")
    for currency in ("EUR", "JPY", "KWD"):
        with suppress(InvalidInput):
            minor = minor_from_text(text, currency)
            assert minor_from_text(text_from_minor(minor, currency), currency) == minor
    normal_code(text)


def settings(data: bytes) -> None:
    """NAME=value a line, as an operator may write it: taken, or refused with one clear line."""
    text = data.decode("utf-8", "replace")
    given = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    try:
        load_settings(**given)
    except SystemExit as refusal:
        assert str(refusal).startswith("regulars: REGULARS_") and "\n" not in str(refusal)


def sentence(data: bytes) -> None:
    """An order's number is the shop's own text; it stands in what members read, in each language, as it is."""
    number = data[4:].decode("utf-8", "replace")
    change = int.from_bytes(data[:4], signed=True)
    nothing = BalanceView(pending=0, available=0, held=0, debt=0, seq=1)
    facts: dict[str, Any] = {"number": number, "change": change, "target": 7, "rate": [3, 100], "currency": "EUR"}
    facts |= {"eligible": 4840, "redemptions": [{"captured": 300, "voided": 1}]}
    entry = TimelineEntry(
        PostingId("p"), 1, Cause.ORDER_SETTLED, facts, NOW, NOW, (), nothing, nothing, None, None, None, None
    )
    for language in LANGUAGES:
        told = history_item(entry, Speech(catalogue(language), TERMS.zone)).text
        assert number in told and "{" not in told.replace(number, "")


@dataclass
class Canned:
    """A transport that has one answer."""

    answer: Answer

    def send(self, make_call: Callable[[], Call]) -> Answer:
        make_call()
        return self.answer

    def redacted(self, text: str) -> str:
        return text


def questions(client: Client) -> list[Callable[[], object]]:
    wanted = DiscountRequest(
        code=CODE, kind=DiscountKind.FIXED_AMOUNT, currency="EUR", amount=500, valid_until=NOW, customer_email="a@b.cz"
    )
    installation = Installation("0" * 32, Platform.WOOCOMMERCE, SITE, KEYS_OF_SHOP)
    orders, discounts, installer = WooOrders(client), WooDiscounts(client), WooInstaller(client, installation)
    there = f"{SITE}/webhooks/woocommerce/{'0' * 32}"
    return [
        lambda: storable(orders.get_order("17")),
        lambda: [storable(one) for one in orders.list_orders(changed_since=NOW).items],
        lambda: storable(WooCustomers(client).get_customer("17")),
        lambda: [storable(one) for one in WooCustomers(client).list_customers().items],
        lambda: discounts.issue(wanted),
        lambda: discounts.usage(CODE),
        lambda: discounts.revoke(CODE),
        installer.facts,
        lambda: installer.health(address=there, now=NOW),
        lambda: installer.subscribe(address=there, secret=SECRET),
    ]


def believable(found: Order) -> None:
    """An order that was understood can be kept, and is worth no less than nothing and no more than before its refunds."""
    storable(found)
    snapshot = snapshot_of(found)
    storable(snapshot)
    assert all(0 <= line.kept <= line.ordered for line in snapshot.lines)
    if snapshot.currency == "EUR":
        assessment = assess(snapshot, TERMS)
        assert 0 <= assessment.target <= assessment.points


def storable(found: BaseModel) -> None:
    storable_text(found.model_dump_json())


def storable_text(text: str) -> None:
    """Neither database keeps halves of surrogate pairs, and PostgreSQL no NUL."""
    text.encode()
    assert "\0" not in text and "\\u0000" not in text, "PostgreSQL does not take this"


def refused(attempt: Callable[[], object]) -> None:
    try:
        attempt()
    except SignatureInvalid:
        return
    raise AssertionError("believed without a signature")


def identify(text: str) -> str:
    asked = ShopperRequest(token=text, keys=KEYS, audience="shop-key", issuer=SITE, now=NOW)
    return TokenIdentifier().identify(asked).external_customer_id


def signed_token(claims: bytes) -> str:
    return jwt.api_jws.encode(claims, KEY, "HS256", headers={"kid": "k1"})


APP = Flask("requests")
TARGETS: dict[str, Callable[[bytes], None]] = {
    made.__name__: made
    for made in (
        webhook, order, customer, answer, header, token, nudge, address, keys, request, amount, settings, sentence,
    )
}  # fmt: skip
