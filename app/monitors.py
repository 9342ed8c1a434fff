"""For monitors: is the process alive, can it serve, is all well behind it. Words and counts, no names."""

import os
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from flask import Blueprint, Response, current_app, jsonify

from app import facts
from core.db.engine import reading
from core.merchants import queries as merchant_queries
from core.merchants.health import problem_words
from core.runtime import Runtime

blueprint = Blueprint("healthz", __name__, url_prefix="/healthz")

HEARTBEAT_OLD = timedelta(minutes=2)
LEAST_DISK_BYTES = 200 * 1024 * 1024


@blueprint.get("/live")
def live() -> Response:
    return jsonify(status="ok", pid=os.getpid())


@blueprint.get("/ready")
def ready() -> tuple[Response, int]:
    """Whether requests can be served: the database answers."""
    word = database_word(_runtime())
    return jsonify(status="ok" if word == "ok" else "unready", database=word), 200 if word == "ok" else 503


@blueprint.get("/deep")
def deep() -> tuple[Response, int]:
    """Everything that a monitor should wake somebody for. 503 while anything is wrong."""
    checks = look_deep(_runtime())
    well = all(word == "ok" for word in checks.values())
    return jsonify(status="ok" if well else "degraded", checks=checks), 200 if well else 503


def look_deep(runtime: Runtime) -> dict[str, str]:
    """Each check with "ok" or a stable word."""
    checks = {"database": database_word(runtime), "disk": disk_free_word(runtime.settings.data_dir)}
    if checks["database"] == "ok":
        checks |= worker_words(runtime, now=runtime.clock())
        checks["shops"] = shops_word(runtime, now=runtime.clock())
    return checks


def database_word(runtime: Runtime) -> str:
    try:
        with reading(runtime.db) as session:
            session.connection().execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    except Exception:
        return "unreachable"
    return "ok"


def disk_free_word(folder: Path) -> str:
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return "unreadable"
    return "ok" if free >= LEAST_DISK_BYTES else "nearly_full"


def worker_words(runtime: Runtime, *, now: datetime) -> dict[str, str]:
    beat = facts.fact(runtime.db, facts.HEARTBEAT)
    if beat is None:
        return {"worker": "never_ran"}
    old = now - datetime.fromisoformat(beat["beat"]) > HEARTBEAT_OLD
    return {"worker": "silent" if old else "ok", "clock": beat.get("clock") or "ok"}


def shops_word(runtime: Runtime, *, now: datetime) -> str:
    """ "ok", or the gravest problem of each shop that has one, without saying which shop."""
    words: set[str] = set()
    with reading(runtime.db) as session:
        for merchant in merchant_queries.all_merchants(session):
            for shop in merchant_queries.shops(session, merchant.merchant_id):
                known = merchant_queries.health(session, shop.merchant_id, shop.shop_id)
                words.update(problem_words(shop, known, now=now)[:1])
    return ",".join(sorted(words)) or "ok"


def _runtime() -> Runtime:
    found: Runtime = current_app.extensions["regulars"]
    return found
