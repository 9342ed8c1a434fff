"""A connected shop without a shop behind it: intake needs only its keys. And ways to sign as it would."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from sqlmodel import Session

from app.factory import create_app
from core.commerce import ShopFacts
from core.db.engine import Database, reading, run_tx
from core.db.types import table
from core.ids import MerchantId, ShopId
from core.merchants import commands
from core.merchants.tables import InstallationRow
from core.ports import Connector, Installation, Platform
from core.queue.tables import InboxRow
from core.runtime import Runtime
from core.sealing import Vault
from core.settings import Settings

SECRET = "whsec-local-1"  # the one that the recorded traffic was signed with
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def no_shop(installation: Installation) -> Connector:
    raise AssertionError("a shop was called that this test does not have")


@dataclass
class Door:
    """The server with one connected shop, seen from outside and from inside."""

    app: Flask
    runtime: Runtime
    clock: Clock
    merchant_id: MerchantId
    shop_id: ShopId
    shop_key: str
    woken: list[int]

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    @property
    def address(self) -> str:
        return f"/webhooks/woocommerce/{self.shop_key}"

    def with_connect(self, connect: Callable[[Installation], Connector]) -> "Door":
        runtime = replace(self.runtime, connect=connect)
        return replace(self, runtime=runtime, app=create_app(runtime))

    def rows(self) -> list[sa.RowMapping]:
        with reading(self.runtime.db) as session:
            return list(session.connection().execute(sa.select(table(InboxRow))).mappings())

    def plugin_key(self, code: str | None = None) -> tuple[str, bytes]:
        """Pair, as the plugin does."""
        code = code or run_tx(
            self.runtime.db,
            lambda session: commands.new_pairing_code(session, self.merchant_id, self.shop_id, now=self.clock()),
        )
        body = {"code": code, "plugin_version": "0.1.0", "site_url": "https://shop.example"}
        answer = self.client.post(f"{self.address}/pair", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json is not None
        return answer.json["kid"], base64.urlsafe_b64decode(answer.json["key"] + "==")


@pytest.fixture
def door(db: Database, tmp_path: Path) -> Iterator[Door]:
    clock = Clock()
    vault = Vault([Fernet.generate_key()])
    settings = Settings(data_dir=tmp_path, public_url="https://regulars.example", allow_loopback=True)
    runtime = Runtime(settings, db, vault, clock, no_shop, lambda: "https://regulars.example")
    facts = ShopFacts(name="Fernway", currency="EUR", timezone="Europe/Prague")
    keys = {"consumer_key": "ck_" + "0" * 40, "consumer_secret": "cs_" + "0" * 40}

    def connect(session: Session) -> Any:
        merchant_id = commands.create_merchant(session, name="Fernway", timezone="UTC", now=NOW)
        shop = commands.connect_shop(
            session,
            vault,
            merchant_id,
            platform=Platform.WOOCOMMERCE,
            base_url="https://shop.example",
            facts=facts,
            credentials=keys,
            now=NOW,
        )
        rows = table(InstallationRow)
        session.connection().execute(
            sa.update(rows)
            .where(rows.c.merchant_id == merchant_id)
            .values(webhook_secrets_sealed=vault.seal(json.dumps([SECRET])))
        )
        return shop

    shop = run_tx(db, connect)
    woken: list[int] = []
    app = create_app(runtime, wake=lambda: woken.append(1))
    yield Door(app, runtime, clock, shop.merchant_id, shop.shop_id, shop.shop_key, woken)


@pytest.fixture
def sign() -> Callable[..., dict[str, str]]:
    """Headers of a webhook as the shop sends it."""

    def headers(body: bytes, *, topic: str = "order.updated", secret: str = SECRET) -> dict[str, str]:
        digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
        return {
            "Content-Type": "application/json",
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Signature": base64.b64encode(digest).decode(),
        }

    return headers


@pytest.fixture
def nudge_of() -> Callable[..., tuple[bytes, dict[str, str]]]:
    """Body and headers of a nudge as the plugin sends it."""

    def make(order: str, *, kid: str, key: bytes, at: datetime = NOW) -> tuple[bytes, dict[str, str]]:
        body = json.dumps({"order": order, "at": int(at.timestamp()), "nonce": secrets.token_hex(16)}).encode()
        digest = hmac.new(key, body, hashlib.sha256).hexdigest()
        return body, {
            "Content-Type": "application/json",
            "X-Regulars-Kid": kid,
            "X-Regulars-Signature": f"v1={digest}",
        }

    return make


ORDER = json.dumps({"id": 17, "status": "processing", "currency": "EUR"}).encode()


@pytest.fixture
def order_body() -> bytes:
    return ORDER
