"""T8: the disk is full, read-only, or fails in the middle of a call. Nobody is told "done" for what is not kept, 503 says when to come
back, and with space everything goes on by itself."""

import json
import random
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from app.schedule import Schedule
from app.wake import Wake
from core.db.engine import Database, open_database, reading, unit_of_work
from core.db.types import table
from core.ids import MemberId
from core.ledger.tables import PostingRow
from core.merchants.staff import Role
from core.queue.group import GroupWriter
from core.verify import verify
from tests.admin.desk import make_desk
from tests.process import ROOT, Cli
from tests.torture import disk, strace
from tests.torture.acknowledging import give_a_point
from tests.torture.disk import Disk
from tests.torture.tiers import seeds, size
from tests.widgets.house import House

pytestmark = pytest.mark.torture("T8")

CASES = size(pr=12, nightly=40, release=80)
POSTINGS = 40
# Calls by which SQLite makes something durable; each can end in these ways.
FAULTS = [(call, error) for call in ("pwrite64", "fdatasync") for error in ("ENOSPC", "EIO")]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Each refusal is logged with all that led to it; printing that takes longer than the test."""
    with capture_logs():
        yield


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    folder = tmp_path / "data"
    folder.mkdir()
    return Cli(folder)


@pytest.fixture
def sqlite_db(sqlite_template: Path, tmp_path: Path) -> Database:
    path = tmp_path / "regulars.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    return open_database(f"sqlite:///{path}")


@pytest.mark.parametrize("seed", seeds(pr=1, nightly=4, release=10))
def test_a_full_disk_answers_503_keeps_what_was_acknowledged_and_heals(
    sqlite_db: Database, tmp_path: Path, seed: int, operations: Callable[[int], None]
) -> None:
    house, dice, space = House(sqlite_db, tmp_path), random.Random(seed), Disk(sqlite_db)
    acknowledged: list[bytes] = []

    def send(body: bytes) -> TestResponse:
        answer = disk.webhook(house, body)
        if answer.status_code == 200:
            acknowledged.append(body)
        return answer

    for case in range(CASES):
        customer, body = str(100 + case), message(case, dice)
        house.give(500, customer)
        space.fill(pages_left=dice.randint(0, 12))
        redeem = partial(house.redeem, 100, key=f"key-of-case-number-{case:04d}", customer=customer)

        redeemed = redeem()
        refused = first_refusal(lambda: send(message(case, dice)))  # noqa: B023

        assert_come_back(refused)
        if redeemed.status_code not in (201, 202):
            assert_come_back(redeemed)
        assert house.call("GET", "me", customer=customer).status_code == 200, "reading needs no space"
        space.free()
        assert send(body).status_code == 200
        assert redeem().status_code in (201, 202)
        assert house.call("GET", "me", customer=customer).json["points"]["available"] == 400  # type: ignore[index]

    assert sorted(disk.stored(house)) == sorted(acknowledged)
    assert len(house.platform.issued) == CASES
    assert sound(sqlite_db, house) == []
    operations(CASES)
    sqlite_db.close()


def test_a_database_that_can_only_be_read_answers_503_until_it_can_be_written(db: Database, tmp_path: Path) -> None:
    house, space = House(db, tmp_path), Disk(db)
    house.give(500)

    space.make_read_only(True)
    refused = [disk.webhook(house, b'{"id": 1}'), house.redeem(100)]
    read = house.call("GET", "me").status_code
    space.make_read_only(False)
    answered = [disk.webhook(house, b'{"id": 1}').status_code, house.redeem(100).status_code]

    for answer in refused:
        assert_come_back(answer)
    assert read == 200
    assert answered == [200, 201]
    assert len(disk.stored(house)) == 1
    with reading(db) as session:
        assert verify(session, house.runtime.vault, house.merchant_id).violations == []


def test_health_shows_that_nothing_can_be_written_and_that_it_can_again(sqlite_db: Database, tmp_path: Path) -> None:
    house, space = House(sqlite_db, tmp_path), Disk(sqlite_db)
    schedule = Schedule(house.runtime, wake=Wake())

    def worker_word() -> tuple[int, str]:
        answer = house.client().get("/healthz/deep")
        assert answer.json is not None
        return answer.status_code, answer.json["checks"]["worker"]

    schedule.beat()
    at_first = worker_word()[1]
    space.make_read_only(True)
    with pytest.raises(OperationalError):
        schedule.beat()
    house.now += timedelta(minutes=3)
    while_full = worker_word()
    space.make_read_only(False)
    schedule.beat()
    in_the_end = worker_word()[1]
    sqlite_db.close()

    assert (at_first, while_full, in_the_end) == ("ok", (503, "silent"), "ok")


def test_a_disk_that_hangs_answers_503_and_the_message_sent_again_is_kept(sqlite_db: Database, tmp_path: Path) -> None:
    house = House(sqlite_db, tmp_path)
    intake, writer = house.app.extensions["regulars.intake"], GroupWriter(sqlite_db)

    house.app.extensions["regulars.intake"] = replace(intake, write=partial(writer.write, timeout_s=0.1))
    with hanging(sqlite_db):
        refused = disk.webhook(house, b'{"id": 1}')
    house.app.extensions["regulars.intake"] = replace(intake, write=writer.write)
    again = disk.webhook(house, b'{"id": 1}')
    writer.close()

    assert_come_back(refused)
    assert again.status_code == 200
    assert disk.stored(house) == [b'{"id": 1}'] * 2, "what was kept after all is a duplicate, which harms nobody"
    sqlite_db.close()


def test_an_export_needs_no_temporary_space_and_waits_for_its_audit_entry(
    sqlite_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, space = make_desk(sqlite_db, tmp_path), Disk(sqlite_db)
    desk.world.settle(desk.world.shop.buy(10000).external_id)
    manager = desk.browser(Role.MANAGER)
    for name in ("TMPDIR", "SQLITE_TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path / "not there"))

    space.make_read_only(True)
    refused = manager.send("/admin/members/ledger-export")
    space.make_read_only(False)
    given = manager.send("/admin/members/ledger-export")
    sqlite_db.close()

    assert_come_back(refused)
    assert given.status_code == 200
    assert given.data.count(b"\r\n") == 2


def test_a_backup_that_finds_no_space_says_so_and_leaves_nothing_behind(cli: Cli) -> None:
    cli("verify")
    largest = (cli.data_dir / "regulars.db").stat().st_size // 2

    failed = run_limited([sys.executable, "-m", "app.cli", "backup"], largest, cwd=cli.data_dir, env=cli.env)

    assert failed.returncode == 1
    assert len(failed.stderr.strip().splitlines()) == 1, failed.stderr
    assert failed.stderr.startswith("regulars: The backup could not be written")
    assert list((cli.data_dir / "backups").iterdir()) == []
    assert cli("backup").returncode == 0


@pytest.mark.parametrize("seed", seeds(pr=3, nightly=20, release=50))
def test_a_file_that_cannot_grow_refuses_and_whoever_comes_after_finishes(
    sqlite_db: Database, tmp_path: Path, seed: int
) -> None:
    house = House(sqlite_db, tmp_path)
    member_id = house.join()
    sqlite_db.close()  # carries the log over
    largest = (tmp_path / "regulars.sqlite3").stat().st_size + random.Random(seed).randint(0, 200_000)

    command = [sys.executable, "-m", "tests.torture.acknowledging", sqlite_db.url, house.merchant_id, member_id]
    done = run_limited([*command, f"seed-{seed}", str(POSTINGS * 4)], largest, cwd=ROOT)

    said = done.stdout.splitlines()[1:]
    assert any(line.startswith("NO ") for line in said), done.stderr
    finish_and_check(house, member_id, f"seed-{seed}", said)


@pytest.mark.parametrize("lasting", ["once", "from then on"])
@pytest.mark.parametrize(("call", "error"), FAULTS)
def test_a_call_that_fails_at_any_point_leaves_every_posting_whole_or_absent(
    sqlite_db: Database, tmp_path: Path, call: str, error: str, lasting: str, operations: Callable[[int], None]
) -> None:
    house = House(sqlite_db, tmp_path)
    member_id = house.join()
    sqlite_db.close()
    dice = random.Random(f"{call} {error} {lasting}")

    runs = size(pr=1, nightly=25, release=75)
    for run in range(runs):
        when = f"{dice.randint(1, POSTINGS * (20 if call == 'pwrite64' else 1))}{'' if lasting == 'once' else '+'}"
        said, _ = strace.run(
            ["-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}"],
            [sqlite_db.url, house.merchant_id, member_id, f"run-{run}", str(POSTINGS)],
            log=tmp_path / "calls",
        )

        refused = [line for line in said if line.startswith("NO ")]
        assert refused, f"{call} failed at {when} and nobody noticed"
        assert lasting != "once" or said[-1].startswith("ACK "), f"it did not heal after {when}: {said}"
        finish_and_check(house, member_id, f"run-{run}", said)
    operations(runs)


@contextmanager
def hanging(db: Database) -> Iterator[None]:
    """No write gets its turn meanwhile; after ten seconds it does, lest whoever waits without end hang this test."""
    begun, over = threading.Event(), threading.Event()

    def hold() -> None:
        with unit_of_work(db):
            begun.set()
            over.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    begun.wait(10)
    try:
        yield
    finally:
        over.set()
        holder.join()


def finish_and_check(house: House, member_id: MemberId, prefix: str, said: list[str]) -> None:
    """Ask for all postings again under their keys, without a fault. Those acknowledged before are there; each is there once."""
    db = open_database(house.runtime.db.url)
    acknowledged = [int(line.split()[1]) for line in said if line.startswith("ACK ")]
    before = seqs(db, house, member_id)
    assert {f"adjust:{prefix}-{number}" for number in acknowledged} <= before.keys()

    for number in range(len(said)):
        give_a_point(db, house.merchant_id, member_id, f"{prefix}-{number}")

    after = seqs(db, house, member_id)
    assert before.items() <= after.items()
    assert sum(key.startswith(f"adjust:{prefix}-") for key in after) == len(said)
    assert sound(db, house) == []
    db.close()


def seqs(db: Database, house: House, member_id: MemberId) -> dict[str, tuple[int, str]]:
    """Key -> place in the member's chain and hash."""
    rows = table(PostingRow)
    mine = (rows.c.merchant_id == house.merchant_id, rows.c.member_id == member_id)
    with reading(db) as session:
        found = session.connection().execute(sa.select(rows).where(*mine)).all()
    return {row.idempotency_key: (row.seq, row.hash) for row in found}


def sound(db: Database, house: House) -> list[str]:
    """What is wrong with the file, or with the books."""
    damage = [word for word in disk.integrity(Path(str(sa.make_url(db.url).database))) if word != "ok"]
    with reading(db) as session:
        return damage + verify(session, house.runtime.vault, house.merchant_id).violations


def message(number: int, dice: random.Random) -> bytes:
    """An order that changed; some are long and take pages of their own."""
    return json.dumps({"id": number, "note": "x" * dice.choice((10, 3000, 30_000)), "nonce": dice.random()}).encode()


def first_refusal(send: Callable[[], TestResponse]) -> TestResponse:
    """Twelve pages hold far fewer messages."""
    answers = (send() for _ in range(500))
    refused = next((answer for answer in answers if answer.status_code != 200), None)
    assert refused is not None, "on a full disk nothing was refused"
    return refused


def assert_come_back(answer: TestResponse) -> None:
    assert answer.status_code == 503, answer.text[:500]
    assert int(answer.headers["Retry-After"]) >= 1


def run_limited(command: list[str], largest: int, **options: Any) -> subprocess.CompletedProcess[str]:
    """No file may grow beyond so many bytes: the write is refused in the middle, as by a full disk or a quota."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, preexec_fn=limit, **options
    )
