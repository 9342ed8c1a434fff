"""Where fuzzing begins: recorded traffic of real shops, and words that broke parsers before."""

import json
from pathlib import Path

from tests.torture.fuzz.targets import CODE, NOW, TOPICS

RECORDED = Path(__file__).parent.parent.parent / "payloads" / "woocommerce" / "captured"
WORDS = (
    "1e999", "-1e99999999999999999999", "\\u0000", "\\ud800", "NaN", "null", "false", "0001-01-01T00:00:00+01:00", "[[",
    "quantity", "total", "refunds", "meta_data", "_refunded_item_id", "sNaN", "99999999999999999999999", "::1", "%00",
)  # fmt: skip


def seeds_of(target: str) -> list[bytes]:
    made = {
        "webhook": [bytes([TOPICS.index(topic)]) + body for topic, body in deliveries()],
        "order": orders(),
        "customer": [recorded("rest_customer.json")],
        "answer": answers(),
        "header": [
            b"Sun, 22 Nov 2026 12:00:00 GMT\nSun, 22 Nov 2026 11:00:00 GMT",
            b"120\n",
            b"https://shop.example/x",
        ],
        "token": [claims(), b"eyJhbGciOiJIUzI1NiIsImtpZCI6ImsxIn0.e30.AAAA"],
        "nudge": [json.dumps({"order": "17", "at": int(NOW.timestamp()), "nonce": "0" * 32}).encode()],
        "address": [b"https://shop.example/blog/wp-admin\n8.8.8.8", b"shop.example:8443\n127.0.0.1\n2606:4700::1"],
        "keys": [json.loads(recorded("wc_auth_callback.json"))["body"].encode()],
        "request": [b'{"points":100,"idempotency_key":"0123456789abcdef"}', b'{"order":"17"}', b"{}", pairing()],
        "amount": [b"48.40", b"-10.445", b"1e3"],
        "settings": [b"public_url=https://r.example\ntrusted_proxies=1\nallow_loopback=true\nprocess_roles=web"],
        "sentence": [b"\0\0\0\x911042", b"\xff\xff\xff\xff{points} A-17"],
    }
    return made[target]


def dictionary() -> str:
    return "\n".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in WORDS) + "\n"


def recorded(name: str) -> bytes:
    return (RECORDED / name).read_bytes()


def deliveries() -> list[tuple[str, bytes]]:
    found = []
    for path in sorted(RECORDED.glob("wh_*.json")):
        kept = json.loads(path.read_text())
        for one in kept if isinstance(kept, list) else [kept]:
            headers = {name.lower(): value for name, value in one["headers"]}
            if headers.get("x-wc-webhook-topic") in TOPICS:
                found.append((headers["x-wc-webhook-topic"], one["body"].encode()))
    return found


def orders() -> list[bytes]:
    """Recorded orders, as compact as a shop sends them, with a recorded refund in the place of its summary."""
    refund = json.loads(recorded("rest_refund_partial.json"))
    made = []
    for path in sorted(RECORDED.glob("rest_order_*.json")):
        body = json.loads(path.read_text())
        made.append(json.dumps({**body, "refunds": [refund] if body.get("refunds") else []}).encode())
    return made


def answers() -> list[bytes]:
    coupon = {**json.loads(recorded("rest_coupon.json")), "code": CODE.lower(), "usage_count": 0}
    order, customer = orders()[0], recorded("rest_customer.json")
    status = recorded("system_status.json")
    hook = [{"id": 3, "topic": TOPICS[0], "status": "active", "delivery_url": "x", "name": "y"}]
    refusal = {"code": "woocommerce_rest_cannot_view", "message": "No.", "data": {"status": 401}}
    bodies = [json.dumps([coupon]).encode(), json.dumps(coupon).encode(), order, b"[" + order + b"]", customer, status]
    bodies += [b"[" + customer + b"]", json.dumps(hook).encode()]
    date = b"Sun, 22 Nov 2026 12:00:00 GMT"
    return [b"\0" + date + b"\n" + body for body in bodies] + [b"\3" + date + b"\n" + json.dumps(refusal).encode()]


def claims() -> bytes:
    seconds = int(NOW.timestamp())
    who = {"iss": "https://shop.example", "aud": "shop-key", "sub": "7", "jti": "0" * 32}
    return json.dumps({**who, "iat": seconds, "exp": seconds + 300}).encode()


def pairing() -> bytes:
    return json.dumps({"code": "c" * 40, "plugin_version": "0.1.0", "site_url": "https://shop.example"}).encode()
