"""Ours beside Shopify's own package `shopifyapp`, on thousands of requests that went wrong on their way.

Ours never takes what the official check refuses: there is no exception. Ours alone refuses only where something was changed
before it was signed; test_shopify_beyond_official.py shows why, one by one.
"""

import base64
import hashlib
import hmac
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import shopify
import time_machine
from shopify_app import ShopifyApp

from connectors.shopify import signatures
from connectors.shopify.session_tokens import verify_extension_token, verify_session_token
from core.errors import SignatureInvalid

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
CLIENT = "0123456789abcdef0123456789abcdef"
SECRET, OLDER, FOREIGN = ("shpss_" + digit * 32 for digit in "109")
SECRETS = (SECRET, OLDER)
OFFICIAL = ShopifyApp(CLIENT, SECRET, OLDER)
SHOP = "a.myshopify.com"
GID = "gid://shopify/Customer/17"
STRANGE = [
    "",
    "\u00fc",
    "\u212a",
    "\u0661",
    "\x00",
    "a\nb",
    " ",
    "%00",
    "=",
    "&",
    "{{7*7}}",
    "../",
    "9" * 400,
    "\U0001f600",
]

Case = dict[str, Any]


@pytest.fixture(autouse=True)
def _frozen() -> Iterator[None]:
    """The official package asks the clock of the machine."""
    with time_machine.travel(NOW, tick=False):
        yield


@dataclass
class Tally:
    """What the two said. `stricter`: by reason, how often ours alone refused."""

    both: int = 0
    neither: int = 0
    stricter: Counter[str] = field(default_factory=Counter)

    def add(self, official: object, ours: object, reason: str, request: object) -> None:
        """None: refused. Otherwise both say whom the request is from, and it is the same."""
        if ours is not None:
            assert official == ours, f"{request!r}: official {official!r}, ours {ours!r}"
            self.both += 1
        elif official is None:
            self.neither += 1
        else:
            assert reason, f"ours alone refused {request!r} without a reason"
            self.stricter[reason] += 1


def theirs(check: Callable[[], Any], read: Callable[[Any], object]) -> object:
    """What the official check says; when it falls over, that is no yes."""
    try:
        found = check()
    except (TypeError, ValueError, AttributeError):
        return None
    return read(found) if found.ok else None


def ours(check: Callable[[], Any], read: Callable[[Any], object]) -> object:
    try:
        return read(check())
    except SignatureInvalid:
        return None


# Session tokens -----------------------------------------------------------------------------------------------------

STAFF: Mapping[str, Any] = {
    "iss": f"https://{SHOP}/admin", "dest": f"https://{SHOP}", "aud": CLIENT, "sub": "42",
    "exp": SECONDS + 55, "nbf": SECONDS - 5, "iat": SECONDS - 5, "jti": "f8912129-1af6", "sid": "aaea182f2732",
}  # fmt: skip
SHOPPER: Mapping[str, Any] = {
    "dest": SHOP, "aud": CLIENT, "sub": GID,
    "exp": SECONDS + 295, "nbf": SECONDS - 5, "iat": SECONDS - 5, "jti": "6c992878-dbaf",
}  # fmt: skip
OTHERS: Mapping[str, list[Any]] = {
    "iss": [f"https://b.{SHOP}/admin", "https://b.myshopify.com/admin", f"https://{SHOP}", None, 5],
    "dest": ["https://b.myshopify.com", "https://evil.example", f"http://{SHOP}", f"https://{SHOP}/", None, 5, [SHOP]],
    "aud": ["other", [CLIENT], CLIENT.upper(), None, 5],
    "sub": ["43", GID, "gid://shopify/Order/1", 42, None, ""],
    "jti": [None, 5, "b"],
    "sid": [None, 5, "b"],
}


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token_of(head: Mapping[str, Any], claims: object, secret: str) -> str:
    signed = f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(claims).encode())}"
    digest = {"HS512": hashlib.sha512, "HS384": hashlib.sha384}.get(str(head.get("alg")), hashlib.sha256)
    return f"{signed}.{'' if head.get('alg') == 'none' else encoded(hmac.new(secret.encode(), signed.encode(), digest).digest())}"


def mutated_token(chance: random.Random, true: Mapping[str, Any]) -> tuple[str, set[str]]:
    """A token after up to three mishaps, and which claims they touched before it was signed."""
    claims, head, secret, touched = dict(true), {"alg": "HS256", "typ": "JWT"}, chance.choice(SECRETS), set()
    after: list[Callable[[str], str]] = []
    for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
        match chance.randrange(10):
            case 0:
                name = chance.choice(sorted(true))
                claims.pop(name, None)
                touched.add(name)
            case 1 | 2:
                name = chance.choice(["exp", "nbf", "iat"])
                edge = chance.choice([-3600, -60, -11, -10, -9, 0, 9, 10, 11, 60, 600, 3600, 10**20])
                claims[name] = chance.choice([int, int, int, float, str])(SECONDS + edge)
                touched.add(name)
            case 3 | 4:
                name = chance.choice(sorted(OTHERS))
                claims[name] = chance.choice([*OTHERS[name], *STRANGE])
                touched.add(name)
            case 5:
                head["alg"] = chance.choice(["none", "HS384", "HS512", "RS256", "hs256", ""])
            case 6:
                secret = chance.choice([FOREIGN, "", SECRET.upper(), SECRET + " ", OLDER])
            case 7:
                claims["more"] = chance.choice([*STRANGE, "a" * 6_000])
                touched.add("more")
            case 8:
                head[chance.choice(["kid", "typ", "cty", "crit", "b64", "x"])] = chance.choice(["a", "", "\u00fc"])
            case _:
                after.append(lambda text: damaged(chance, text))
    token = token_of(head, claims, secret)
    for change in after:
        token = change(token)
    return token, touched


def damaged(chance: random.Random, text: str) -> str:
    """A bit flipped, a piece lost, doubled, or written otherwise."""
    if not text:
        return chance.choice(STRANGE)
    at = chance.randrange(len(text))
    match chance.randrange(6):
        case 0:
            return text[:at] + chr(ord(text[at]) ^ (1 << chance.randrange(7))) + text[at + 1 :]
        case 1:
            return text[:at]
        case 2:
            return text[:at] + text[at : at + 9] + text[at:]
        case 3:
            return text.swapcase()
        case 4:
            return text[:at] + chance.choice(STRANGE) + text[at:]
        case _:
            return chance.choice([text + " ", " " + text, text + "=", text + "\n", text * 50])


@pytest.mark.parametrize("seed", range(4))
def test_a_token_of_staff_that_the_official_check_refuses_is_refused(seed: int) -> None:
    chance, tally = random.Random(seed), Tally()

    for _ in range(2_000):
        token, touched = mutated_token(chance, STAFF)
        request = {
            "method": "GET",
            "url": "https://app.example/",
            "body": "",
            "headers": {"Authorization": f"Bearer {token}"},
        }
        tally.add(
            theirs(
                lambda r=request: OFFICIAL.verify_app_home_req(r, "/patch"), lambda found: (found.shop, found.user_id)
            ),
            ours(
                lambda t=token: verify_session_token(t, client_id=CLIENT, secrets=SECRETS, now=NOW),
                lambda found: (found.domain.removesuffix(".myshopify.com"), found.user_id),
            ),
            "+".join(sorted(touched)),
            token,
        )

    assert min(tally.both, tally.neither, sum(tally.stricter.values())) > 200
    # Alone, an additional claim is no reason; only its size is: see the limit of 4,096 letters.
    assert {"exp", "nbf", "iat", "iss", "dest", "sub", "sid", "jti", "more"} >= {
        name for name in tally.stricter if "+" not in name
    }


@pytest.mark.parametrize("kind", ["checkout", "customer_account"])
@pytest.mark.parametrize("seed", range(2))
def test_a_token_of_a_shopper_that_the_official_check_refuses_is_refused(kind: str, seed: int) -> None:
    chance, tally = random.Random(100 + seed), Tally()
    check = getattr(OFFICIAL, f"verify_{kind}_ui_ext_req")

    for _ in range(2_000):
        token, touched = mutated_token(chance, SHOPPER)
        request = {
            "method": "GET",
            "url": "https://app.example/",
            "body": "",
            "headers": {"Authorization": f"Bearer {token}"},
        }
        tally.add(
            theirs(lambda r=request: check(r), lambda found: (found.shop, found.id_token.claims.get("sub"))),
            ours(
                lambda t=token: verify_extension_token(t, client_id=CLIENT, secrets=SECRETS, now=NOW),
                lambda found: (
                    found.domain.removesuffix(".myshopify.com"),
                    f"gid://shopify/Customer/{found.customer_id}" if found.customer_id else None,
                ),
            ),
            "+".join(sorted(touched)),
            token,
        )

    assert min(tally.both, tally.neither, sum(tally.stricter.values())) > 200
    assert {"exp", "nbf", "iat", "iss", "dest", "sub", "jti", "more"} >= {
        name for name in tally.stricter if "+" not in name
    }


# Webhooks -----------------------------------------------------------------------------------------------------------


def webhook_signature(body: str, secret: str) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body.encode(), hashlib.sha256).digest()).decode()


def test_a_webhook_is_taken_exactly_when_the_official_check_takes_it() -> None:
    chance, tally = random.Random(200), Tally()

    for _ in range(5_000):
        body = json.dumps({"id": chance.randrange(10**15), "note": chance.choice(STRANGE)}, ensure_ascii=False)
        header = webhook_signature(body, chance.choice([SECRET, SECRET, OLDER, FOREIGN, ""]))
        if chance.random() < 0.5:
            body = damaged(chance, body)
        if chance.random() < 0.5:
            header = damaged(chance, header)
        request = {"method": "POST", "url": "", "body": body, "headers": {"X-Shopify-Hmac-Sha256": header}}
        tally.add(
            theirs(lambda r=request: OFFICIAL.verify_webhook_req(r), lambda found: True),
            ours(lambda b=body, h=header: signatures.verify_webhook(b.encode(), h, SECRETS), lambda found: True),
            "",
            request,
        )

    assert min(tally.both, tally.neither) > 500


# App proxy ----------------------------------------------------------------------------------------------------------


def proxy_signature(pairs: list[tuple[str, str]], secret: str) -> str:
    values: dict[str, list[str]] = {}
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    text = "".join(f"{key}={','.join(values[key])}" for key in sorted(values))
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def mutated_visit(chance: random.Random) -> tuple[str, set[str]]:
    """A query after some mishaps, and which parameters they touched before it was signed."""
    touched: set[str] = set()
    values: dict[str, Any] = {
        "shop": SHOP, "path_prefix": "/apps/regulars", "timestamp": str(SECONDS),
        "logged_in_customer_id": chance.choice(["", "17"]),
    }  # fmt: skip
    others: dict[str, list[Any]] = {
        "shop": ["evil.example", "A.myshopify.com", f"{SHOP}.evil.example", *STRANGE],
        "path_prefix": ["//evil", *STRANGE],
        "timestamp": [str(SECONDS + edge) for edge in (-3600, -91, -90, 0, 90, 91)]
        + [f" {SECONDS}", f"{SECONDS}.0", *STRANGE],
        "logged_in_customer_id": ["18", "0", "-1", "17,18", *STRANGE],
        "extra": ["1", *STRANGE],
    }
    pairs = list(values.items())
    for _ in range(chance.choice([0, 1, 1, 2])):
        name = chance.choice(sorted(others))
        touched.add(name)
        match chance.randrange(3):
            case 0:
                pairs = [pair for pair in pairs if pair[0] != name]
            case 1:
                pairs = [pair for pair in pairs if pair[0] != name] + [(name, chance.choice(others[name]))]
            case _:
                pairs.append((name, chance.choice([*others[name], values.get(name, "1")])))
    pairs.append(("signature", proxy_signature(pairs, chance.choice([SECRET, SECRET, OLDER, FOREIGN, ""]))))
    chance.shuffle(pairs)
    query = "&".join(f"{written(chance, key)}={written(chance, value)}" for key, value in pairs)
    match chance.randrange(8):
        case 0:
            query = "".join(letter for letter in damaged(chance, query) if letter not in "#\t\r\n")
        case 1:
            query += "&" + chance.choice(query.split("&"))
        case 2:
            query = "&".join(query.split("&")[1:])
    return query, touched


def written(chance: random.Random, text: str) -> str:
    """The same text, percent-encoded more than it needs to be."""
    if chance.random() < 0.8:
        return quote(text, safe="")
    return "".join(f"%{byte:02x}" if chance.random() < 0.5 else f"%{byte:02X}" for byte in text.encode())


@pytest.mark.parametrize("seed", range(3))
def test_a_visit_that_the_official_check_refuses_is_refused(seed: int) -> None:
    chance, tally = random.Random(300 + seed), Tally()

    for _ in range(3_000):
        query, touched = mutated_visit(chance)
        request = {"method": "GET", "url": f"https://app.example/proxy?{query}", "body": "", "headers": {}}
        # Ours says None for nobody where the official check gives on whatever stood there.
        tally.add(
            theirs(
                lambda r=request: OFFICIAL.verify_app_proxy_req(r),
                lambda found: (found.shop, found.logged_in_customer_id or None),
            ),
            ours(
                lambda q=query: signatures.verify_app_proxy(q, SECRETS, NOW),
                lambda found: (found.domain.removesuffix(".myshopify.com"), found.customer_id),
            ),
            "+".join(sorted(touched)),
            query,
        )

    assert min(tally.both, tally.neither, sum(tally.stricter.values())) > 200


def test_a_launch_is_taken_exactly_when_shopifyapi_takes_it() -> None:
    class Session(shopify.Session):  # its secret belongs to a class
        secret = SECRET

    chance, tally = random.Random(400), Tally()
    for _ in range(3_000):
        values = {"shop": SHOP, "timestamp": str(SECONDS), "host": "YWRtaW4", "x": chance.choice(["1", *STRANGE])}
        values["hmac"] = Session.calculate_hmac(values)
        if chance.random() < 0.3:
            values["hmac"] = damaged(chance, values["hmac"])
        if chance.random() < 0.3:
            values["x"] = damaged(chance, values["x"])
        tally.add(
            Session.validate_hmac(values) or None,
            ours(lambda v=values: signatures.verify_launch(urlencode(v), (SECRET,), NOW), lambda found: True),
            "",
            values,
        )

    assert min(tally.both, tally.neither) > 500
