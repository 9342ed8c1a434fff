"""A disk that can be full or read-only at will, for one open database, by the engines' own means; and doors to knock at meanwhile."""

import base64
import hashlib
import hmac
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql
from werkzeug.test import TestResponse

from core.db.engine import Database, reading
from core.db.types import table
from core.merchants import queries as merchant_queries
from core.queue.tables import InboxRow
from tests.conftest import database_name
from tests.widgets.house import House

NO_LIMIT = 1_073_741_823
ADMIN_DATABASE = "postgres"


@dataclass
class Disk:
    """`pages`: how large the SQLite file may grow; `read_only`: no transaction can write. Both take hold with the next transaction."""

    db: Database
    pages: int = NO_LIMIT
    read_only: bool = False

    def __post_init__(self) -> None:
        if self.db.is_sqlite:
            sa.event.listen(self.db.write_engine, "checkout", self._limit)

    def fill(self, *, pages_left: int) -> None:
        with closing(sqlite3.connect(str(sa.make_url(self.db.url).database))) as connection:
            self.pages = int(connection.execute("PRAGMA page_count").fetchone()[0]) + pages_left

    def free(self) -> None:
        self.pages = NO_LIMIT

    def make_read_only(self, on: bool) -> None:
        """On PostgreSQL as a failover to a standby does it: the old connections are gone, the new ones cannot write."""
        self.read_only = on
        if self.db.is_sqlite:
            return
        name = database_name(self.db.url)
        address = sa.make_url(self.db.url).set(database=ADMIN_DATABASE).render_as_string(hide_password=False)
        with psycopg.connect(address, autocommit=True) as connection:
            statement = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Literal("on" if on else "off")))
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

    def _limit(self, connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={self.pages}").fetchone()
        connection.execute(f"PRAGMA query_only={'ON' if self.read_only else 'OFF'}")


def webhook(house: House, body: bytes) -> TestResponse:
    """As the shop sends it, signed."""
    with reading(house.runtime.db) as session:
        secret = merchant_queries.webhook_secrets(session, house.runtime.vault, house.merchant_id, house.shop.shop_id)[
            0
        ]
    digest = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    headers = {"X-WC-Webhook-Topic": "order.updated", "X-WC-Webhook-Signature": digest}
    path = f"/webhooks/woocommerce/{house.shop.shop_key}"
    return house.client().post(path, data=body, content_type="application/json", headers=headers)


def stored(house: House) -> list[bytes]:
    with reading(house.runtime.db) as session:
        rows = table(InboxRow)
        return list(session.connection().execute(sa.select(rows.c.body).order_by(rows.c.inbox_id)).scalars())


def integrity(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [word for (word,) in connection.execute("PRAGMA integrity_check")]
