"""The frame around the doors: headers on every answer, errors as each caller can read them, monitors, proxies."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from limits import parse
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy.exc import OperationalError

from app import counting, facts
from app.factory import create_app
from app.http_errors import STATUS, status_of
from app.wiring import make_runtime
from core import errors
from core.clock import utc_now
from core.db.engine import run_tx
from core.merchants import commands
from core.runtime import Runtime
from core.settings import Settings

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def runtime(tmp_path: Path, migrated_url: str) -> Iterator[Runtime]:
    made = make_runtime(Settings(data_dir=tmp_path, database_url=migrated_url, public_url="https://regulars.example"))
    yield made
    made.db.close()


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    made = create_app(runtime)

    @made.get("/boom/<kind>")
    @made.get("/api/boom/<kind>")
    def boom(kind: str) -> str:
        raise {
            "bug": ZeroDivisionError("secret detail of a bug"),
            "locked": OperationalError("SELECT 1", {}, Exception("disk I/O error")),
            "limited": errors.RateLimited("The shop asks for patience", retry_after_s=17),
            "redeem": errors.CannotRedeem("paused"),
            "corrupt": errors.LedgerCorrupt("balance of somebody"),
        }[kind]

    return made


def test_every_answer_says_how_browsers_may_treat_it(app: Flask) -> None:
    for path in ("/", "/guide", "/healthz/live", "/nothing/here", "/api/v1/none", "/admin/", "/admin/sign-in"):
        answer = app.test_client().get(path, base_url="https://regulars.example")
        policy = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy, path
        assert "object-src 'none'" in policy, path
        assert "base-uri 'none'" in policy, path
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert answer.headers["Referrer-Policy"] in ("same-origin", "no-referrer"), path
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000", path


def test_plain_http_is_not_told_to_become_https(app: Flask) -> None:
    answer = app.test_client().get("/guide", base_url="http://127.0.0.1:8000")

    assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize(
    ("public_url", "reached_by", "name", "secure"),
    [
        ("https://regulars.example", "https://regulars.example", "__Host-regulars", True),
        ("https://regulars.example", "http://127.0.0.1:8000", "__Host-regulars", True),  # behind a proxy nobody named
        ("http://127.0.0.1:8000", "https://regulars.example", "__Host-regulars", True),  # told after the start
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "regulars", False),
    ],
)
def test_the_session_cookie_is_bound_to_its_host_wherever_https_is_used(
    runtime: Runtime, public_url: str, reached_by: str, name: str, secure: bool
) -> None:
    from dataclasses import replace

    app = create_app(replace(runtime, public_url=lambda: public_url))

    @app.get("/remember")
    def remember() -> str:
        from flask import session

        session["x"] = 1
        return ""

    cookie = app.test_client().get("/remember", base_url=reached_by).headers["Set-Cookie"]

    assert cookie.startswith(f"{name}=")
    assert ("; Secure" in cookie) == secure
    assert "; HttpOnly" in cookie
    assert "; SameSite=Lax" in cookie
    assert "; Path=/" in cookie
    assert "Domain" not in cookie


def test_programs_get_json_and_people_get_a_page(app: Flask) -> None:
    program = app.test_client().get("/api/nothing")
    person = app.test_client().get("/nothing")

    assert (program.status_code, program.json["error"]) == (404, "not_found")
    assert (person.status_code, person.mimetype) == (404, "text/html")


def test_a_bug_tells_its_number_and_nothing_else(app: Flask, capsys: Any) -> None:
    answer = app.test_client().get("/api/boom/bug")

    assert answer.status_code == 500
    assert set(answer.json) == {"error", "message", "incident"}
    assert "secret detail" not in answer.text


def test_a_database_that_is_away_or_full_asks_to_come_back(app: Flask) -> None:
    answer = app.test_client().get("/boom/locked")

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "disk I/O" not in answer.text


def test_a_shop_that_asks_for_patience_passes_it_on(app: Flask) -> None:
    answer = app.test_client().get("/api/boom/limited")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "17")


def test_why_points_cannot_be_redeemed_is_a_stable_word(app: Flask) -> None:
    answer = app.test_client().get("/api/boom/redeem")

    assert (answer.status_code, answer.json["reason"]) == (409, "paused")


def test_corrupt_books_are_not_described_to_strangers(app: Flask) -> None:
    answer = app.test_client().get("/api/boom/corrupt")

    assert answer.status_code == 500
    assert "somebody" not in answer.text


def test_every_error_of_ours_has_a_status_and_subclasses_come_before_their_base() -> None:
    def below(kind: type[errors.RegularsError]) -> Iterator[type[errors.RegularsError]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    for position, (kind, _) in enumerate(STATUS):
        assert not any(issubclass(later, kind) for later, _ in STATUS[position + 1 :])
    for kind in below(errors.RegularsError):
        assert any(issubclass(kind, known) for known, _ in STATUS), kind
    assert status_of(errors.Unreachable("x")) == 503
    assert status_of(errors.CredentialsRefused("x")) == 502


def test_the_process_lives_and_is_ready_while_the_worker_has_not_run_yet(app: Flask) -> None:
    client = app.test_client()

    assert client.get("/healthz/live").status_code == 200
    assert client.get("/healthz/ready").status_code == 200
    deep = client.get("/healthz/deep")
    assert (deep.status_code, deep.json["checks"]["worker"]) == (503, "never_ran")


def test_deep_health_follows_the_heartbeat_and_the_clock(app: Flask, runtime: Runtime) -> None:
    now = utc_now()

    def beat(at: Any, clock: str | None) -> dict[str, str]:
        facts.note(runtime.db, facts.HEARTBEAT, {"at": at.isoformat(), "beat": at.isoformat(), "clock": clock}, now=now)
        return app.test_client().get("/healthz/deep").json["checks"]

    well, silent, odd = beat(now, None), beat(now - timedelta(minutes=5), None), beat(now, "clock_jumped")

    assert (well["worker"], well["clock"]) == ("ok", "ok")
    assert silent["worker"] == "silent"
    assert odd["clock"] == "clock_jumped"


def test_a_database_that_is_away_is_not_ready(runtime: Runtime) -> None:
    app = create_app(runtime)
    runtime.db.close()
    nowhere = Settings(
        data_dir=runtime.settings.data_dir, database_url="sqlite:////no/such/dir/x", public_url="https://x.example"
    )
    broken = create_app(make_runtime(nowhere))

    assert app.test_client().get("/healthz/ready").status_code == 200  # the pool opens anew
    assert broken.test_client().get("/healthz/ready").status_code == 503


@pytest.mark.parametrize(("trusted", "seen"), [(0, "http"), (1, "https")])
def test_forwarded_headers_count_only_from_trusted_proxies(
    tmp_path: Path, runtime: Runtime, trusted: int, seen: str
) -> None:
    from dataclasses import replace

    settings = Settings(data_dir=tmp_path, public_url="https://regulars.example", trusted_proxies=trusted)
    app = create_app(replace(runtime, settings=settings))

    @app.get("/scheme")
    def scheme() -> str:
        from flask import request

        return request.scheme

    answer = app.test_client().get("/scheme", headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"})

    assert answer.text == seen


def test_doors_that_programs_ask_at_know_no_cookie(app: Flask) -> None:
    cookie = {"Cookie": "__Host-regulars=x; remember_token=y"}

    for path in ("/healthz/live", "/webhooks/woocommerce/x", "/widget/v1/loader.js", "/install/woocommerce/return"):
        answer = app.test_client().get(path, headers=cookie)
        assert "Set-Cookie" not in answer.headers, path
        assert "Cookie" not in answer.headers.get("Vary", ""), path
    assert "Cookie" in app.test_client().get("/admin/sign-in").headers["Vary"]


def test_limits_counted_in_memory_end_with_their_minute_and_are_forgotten() -> None:
    counted, limit = counting.storage_of("memory://"), parse("2 per minute")
    limiter = FixedWindowRateLimiter(counted)
    with time_machine.travel(START, tick=False) as clock:
        first = [limiter.hit(limit, "a") for _ in range(3)]
        clock.shift(59.0)
        still = (limiter.hit(limit, "a"), limiter.hit(limit, "b"))
        clock.shift(1.1)
        afterwards = [limiter.hit(limit, "a") for _ in range(3)]
        clock.shift(61.0)
        limiter.hit(limit, "c")

        assert first == afterwards == [True, True, False]
        assert still == (False, True)
        assert len(counted.expirations) == len(counted.storage) == 1, "what has run out takes no room"


def test_the_guide_says_what_a_demo_does_otherwise(tmp_path: Path, runtime: Runtime) -> None:
    from dataclasses import replace

    demo = create_app(replace(runtime, settings=Settings(data_dir=tmp_path, demo=True)))
    usual = create_app(runtime)

    assert "This is the demo" in demo.test_client().get("/guide").text
    assert "This is the demo" not in usual.test_client().get("/guide").text
    assert usual.test_client().get("/demo/sign-in/x").status_code == 404


def test_sharing_nothing_between_processes_two_applications_work_on_one_database(runtime: Runtime) -> None:
    one, two = create_app(runtime), create_app(runtime)
    run_tx(runtime.db, lambda s: commands.create_merchant(s, name="One", timezone="UTC", now=utc_now()))

    assert one.test_client().get("/guide").status_code == two.test_client().get("/guide").status_code == 200


def test_a_proxy_that_doubles_the_first_slash_finds_the_doors_all_the_same(app: Flask) -> None:
    assert app.test_client().get("/", environ_overrides={"PATH_INFO": "//healthz/live"}).status_code == 200
