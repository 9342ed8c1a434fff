"""A look at the server by hand: one line each, what is wrong says what to do."""

import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from app import backup, facts, mailing_smtp, monitors
from app.clock_guard import guard_of
from app.wiring import make_runtime
from core.clock import utc_now
from core.db import migrate
from core.db.engine import reading
from core.mail import queries as mail_queries
from core.merchants import queries as merchant_queries
from core.merchants.health import problem_words
from core.queue import inbox
from core.runtime import Runtime
from core.settings import Settings

Say = Callable[[str], None]
Word = Literal["ok", "look", "wrong"]
SLOW_SYNCS_PER_S = 50
OLD_BACKUP = timedelta(days=2)


@dataclass(frozen=True)
class Finding:
    word: Word
    text: str


def examine(settings: Settings, *, say: Say) -> int:
    """Print all findings. Returns 1 if something is wrong."""
    findings = list(_of_machine(settings))
    runtime = make_runtime(settings)
    try:
        findings += _of_database(runtime)
        if migrate.current(runtime.db) is not None and not migrate.missing(runtime.db):
            findings += [*_of_worker(runtime), *_of_shops(runtime)]
    finally:
        runtime.db.close()
    findings.append(_of_mail(settings))
    findings += _of_backups(settings, now=utc_now())
    for finding in findings:
        say(f"{finding.word:>5}  {finding.text}")
    return 1 if any(finding.word == "wrong" for finding in findings) else 0


def confirm_clock(runtime: Runtime) -> None:
    """A person has looked at the machine's clock: a running server goes on by it, and the next start believes it."""
    guard_of(runtime.clock).confirm()
    now = runtime.clock()
    facts.note(runtime.db, facts.CLOCK_CONFIRMED, {"at": now.isoformat()}, now=now)
    beat = facts.fact(runtime.db, facts.HEARTBEAT)
    if beat is not None:
        facts.note(runtime.db, facts.HEARTBEAT, {**beat, "at": now.isoformat(), "clock": None}, now=now)


def _of_machine(settings: Settings) -> Iterator[Finding]:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    yield Finding("ok", f"Data directory {settings.data_dir}")
    yield _key_file(settings.key_file)
    word = monitors.disk_free_word(settings.data_dir)
    yield Finding("ok" if word == "ok" else "wrong", f"Disk: {word.replace('_', ' ')}")
    rate = syncs_per_second(settings.data_dir)
    slow = " (slow: every purchase waits for it)" if rate < SLOW_SYNCS_PER_S else ""
    yield Finding("look" if slow else "ok", f"The disk keeps {rate:,.0f} writes a second for good{slow}")
    if settings.public_url is None:
        yield Finding("look", "REGULARS_PUBLIC_URL is not set: the address confirmed at set-up counts")
    elif not settings.public_url.startswith("https://") and not settings.allow_loopback:
        yield Finding("wrong", "REGULARS_PUBLIC_URL does not begin with https://: shops will not connect")
    if settings.allow_loopback and not settings.demo:
        yield Finding(
            "wrong", "REGULARS_ALLOW_LOOPBACK is on: only a demo or a test may call addresses on this machine"
        )


def _key_file(path: Path) -> Finding:
    if not path.exists():
        return Finding("look", f"There is no key file yet; the first start makes {path}")
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Finding("wrong", f"Others on this machine can read the key file: chmod 600 {path}")
    return Finding("ok", f"Key file {path}: keep a copy of it, apart from the backups")


def syncs_per_second(folder: Path, *, seconds: float = 0.5) -> float:
    """How many small writes a second reach the disk itself, which is what bounds bookings."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        number, started = 0, time.perf_counter()
        while (passed := time.perf_counter() - started) < seconds:
            file.write(b"x" * 512)
            file.flush()
            os.fdatasync(file.fileno()) if hasattr(os, "fdatasync") else os.fsync(file.fileno())
            number += 1
    return number / passed


def _of_database(runtime: Runtime) -> Iterator[Finding]:
    if migrate.current(runtime.db) is None:
        yield Finding("look", "The database is empty: the first start of the server fills it")
        return
    waiting = migrate.missing(runtime.db)
    if waiting:
        yield Finding("look", f"{len(waiting)} migrations are waiting; the next start runs them after a backup")
    else:
        yield Finding("ok", f"Database {'SQLite' if runtime.db.is_sqlite else 'PostgreSQL'}, up to date")


def _of_worker(runtime: Runtime) -> Iterator[Finding]:
    now = runtime.clock()
    words = monitors.worker_words(runtime, now=now)
    if words.get("clock") == "ok" and (problem := guard_of(runtime.clock).problem()) is not None:
        words["clock"] = problem  # no server runs that could have noticed
    for name, word in words.items():
        text = f"{name.capitalize()}: {word.replace('_', ' ')}"
        if word == "ok":
            yield Finding("ok", text)
        elif name == "clock":
            yield Finding("wrong", f"{text}. {_what_to_do_about_the_clock(now)}")
        else:
            yield Finding("look", text)


def _what_to_do_about_the_clock(believed: datetime) -> str:
    shown, ours = (f"{moment:%Y-%m-%d %H:%M} UTC" for moment in (utc_now(), believed))
    return (
        f"The machine's clock shows {shown}; Regulars goes by {ours}, and nothing falls due meanwhile. "
        "Set the clock right if it is wrong, then: regulars doctor --clock-is-right"
    )


def _of_shops(runtime: Runtime) -> Iterator[Finding]:
    now = runtime.clock()
    with reading(runtime.db) as session:
        for merchant in merchant_queries.all_merchants(session):
            if unsent := mail_queries.parked(session, merchant.merchant_id):
                yield Finding("look", f"{merchant.name}: {unsent} mails of the last 30 days could not be sent")
            waiting = inbox.counts(session, merchant.merchant_id)
            if waiting["parked"]:
                yield Finding("look", f"{merchant.name}: {waiting['parked']} messages were signed but not understood")
            for shop in merchant_queries.shops(session, merchant.merchant_id):
                known = merchant_queries.health(session, shop.merchant_id, shop.shop_id)
                words = problem_words(shop, known, now=now)
                state = ", ".join(word.replace("_", " ") for word in words) or shop.state
                yield Finding("wrong" if words else "ok", f"Shop {shop.name} at {shop.base_url}: {state}")


def _of_mail(settings: Settings) -> Finding:
    server = settings.mail
    if server is None:
        return Finding(
            "look", "Mail is not set up (REGULARS_SMTP_URL): shops whose shoppers are proven by a mailed code need it"
        )
    try:
        mailing_smtp.look(server)
    except mailing_smtp.MailFailure as failure:
        return Finding("wrong", f"Mail server {server.host}:{server.port} cannot be used: {failure.message}")
    open_line = "" if server.tls != "none" else ", without TLS"
    return Finding("ok", f"Mail server {server.host}:{server.port} takes mail{open_line}")


def _of_backups(settings: Settings, *, now: datetime) -> Iterator[Finding]:
    found = backup.newest(settings.backup_dir) if settings.backup_dir.is_dir() else []
    if not found:
        yield Finding("look", "There is no backup yet; the server makes one a day")
        return
    age = now.timestamp() - found[0].stat().st_mtime
    word: Word = "look" if age > OLD_BACKUP.total_seconds() else "ok"
    yield Finding(word, f"{len(found)} backups, the newest {age / 3600:.0f} hours old")
