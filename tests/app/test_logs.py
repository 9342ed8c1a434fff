"""Logs: event names and ids; what opens a door or names a person does not get through."""

import io
import json
import logging
import sys
from typing import Any

import pytest
import structlog

from app.logs import REDACTED, clean_text, redact, set_up_logs

CANARIES = [
    "ck_0123456789abcdef0123456789abcdef01234567",
    "cs_0123456789abcdef0123456789abcdef01234567",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIyIn0.c2lnbmF0dXJlLW9mLWl0",
    "jana.novakova+shop@example.co.uk",
    "postgresql://regulars:hunter2@db/regulars",
    "Bearer abc.def-ghi",
    "https://shop.example/wp-json?consumer_secret=verysecret&page=2",
]


@pytest.mark.parametrize("canary", CANARIES)
def test_a_secret_in_any_text_is_taken_out(canary: str) -> None:
    secret = {"hunter2", "verysecret", "abc.def-ghi"} | ({canary} if " " not in canary and "/" not in canary else set())

    cleaned = clean_text(f"the shop said {canary} and more")

    assert REDACTED in cleaned
    assert not any(word in cleaned for word in secret)
    assert cleaned.endswith("and more")


@pytest.mark.parametrize(
    "name",
    ["password", "new_password", "webhook_secret", "Authorization", "cookie", "x_wc_webhook_signature", "email", "key"],
)
def test_a_name_that_means_a_secret_loses_its_value(name: str) -> None:
    event = redact(None, "info", {"event": "x", name: "anything", "nested": {name: ["anything"]}})

    assert "anything" not in json.dumps(event)


def test_ids_get_through() -> None:
    event = redact(None, "info", {"event": "webhook.stored", "shop_id": "01a20386726c7104", "attempts": 3})

    assert event == {"event": "webhook.stored", "shop_id": "01a20386726c7104", "attempts": 3}


def test_errors_and_libraries_go_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    before = logging.getLogger().handlers[:]
    try:
        set_up_logs()
        try:
            raise ValueError(f"refused for {CANARIES[3]} with {CANARIES[1]}")
        except ValueError:
            structlog.get_logger("ours").exception("order.unreadable", order="17")
            logging.getLogger("a.library").error("cannot reach %s", CANARIES[4], exc_info=True)
    finally:
        logging.getLogger().handlers[:] = before
        structlog.reset_defaults()

    lines: list[dict[str, Any]] = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"][:14] for line in lines] == ["order.unreadab", "cannot reach p"]
    assert all("Traceback" in line["exception"] for line in lines)
    assert not any(canary in out.getvalue() for canary in (CANARIES[3], CANARIES[1], "hunter2"))
