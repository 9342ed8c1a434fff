"""A connector to a shop whose answers are written down, for shapes that the demo shop does not have."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import responses

from connectors.transport import AddressPolicy, Limits, Transport
from connectors.woocommerce.client import Client
from connectors.woocommerce.connector import WooConnector
from core.ports import Installation, Platform

PAYLOADS = Path(__file__).parents[2] / "payloads" / "woocommerce"
KEY, SECRET = "ck_" + "0a" * 20, "cs_" + "1b" * 20
SHOP_KEY = "0123456789abcdef0123456789abcdef"
BASE = "https://shop.example"
API = f"{BASE}/wp-json/wc/v3"


def transport() -> Transport:
    return Transport(
        AddressPolicy(allow_http=True), secrets=(KEY, SECRET), limits=Limits(tries=2), sleep=lambda seconds: None
    )


def client(base_url: str = BASE, *, auth: str | None = None) -> Client:
    return Client(base_url, {"consumer_key": KEY, "consumer_secret": SECRET}, transport(), auth=auth)


def connector(base_url: str = BASE, **details: str) -> WooConnector:
    installation = Installation(
        shop_key=SHOP_KEY,
        platform=Platform.WOOCOMMERCE,
        base_url=base_url,
        credentials={"consumer_key": KEY, "consumer_secret": SECRET},
        details=details,
    )
    return WooConnector(installation, transport())


def recording(name: str, folder: str = "captured") -> Any:
    return json.loads((PAYLOADS / folder / f"{name}.json").read_text(encoding="utf-8"))


def refusal(code: str, status: int, message: str = "Sorry.", data: object = None) -> dict[str, Any]:
    """Arguments for responses.add: an error as WooCommerce shapes it."""
    return {
        "json": {"code": code, "message": message, "data": {"status": status} if data is None else data},
        "status": status,
    }


def page(text: str = "<!DOCTYPE html><html></html>", status: int = 200) -> dict[str, Any]:
    return {"body": text, "status": status, "content_type": "text/html; charset=UTF-8"}


def sent(mock: responses.RequestsMock, method: str, path: str) -> list[Mapping[str, Any]]:
    """The JSON bodies of the calls to a path."""
    return [
        json.loads(call.request.body or b"null")
        for call in mock.calls
        if call.request.method == method and str(call.request.url).startswith(f"{API}/{path}")
    ]
