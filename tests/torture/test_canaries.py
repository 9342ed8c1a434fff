"""T16: bugs are planted, one at a time, and a test must notice each: a suite that stays green over them proves nothing.

Each bug is a patch in canaries/, put into a copy of the tree; the product has no switch for any. A patch that no longer
applies fails here: write the same bug into the new code. Two bugs never show on SQLite, whose writers queue: see the table.
"""

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.torture.tiers import TIER

pytestmark = pytest.mark.torture("T16")

ROOT = Path(__file__).parent.parent.parent
PATCHES = Path(__file__).parent / "canaries"
PRODUCT = ("core", "connectors", "webhooks", "widgets", "admin", "app", "demo")
COPIED = (*PRODUCT, "tests", "pyproject.toml")
LEFT_OUT = ("__pycache__", "node_modules", "torture")
# Of the tests' own words: what a failed check of theirs begins with, unlike an import error or a broken fixture.
CHECK_FAILED = r"assert |AssertionError|Failed: DID NOT RAISE"
REFUSED_BY_THE_DATABASE = r"sqlalchemy\.exc\.IntegrityError: .*(CheckViolation|CHECK constraint failed).*not_negative"
TIMEOUT_S = 600


@dataclass(frozen=True)
class Canary:
    """`suite`: the few tests that are run. `notice`: which of them must fail, and no other may. `saying`: how they must."""

    name: str
    suite: str
    notice: tuple[str, ...]
    saying: str = CHECK_FAILED

    @property
    def needs_postgres(self) -> bool:
        return any("postgres" in test for test in self.notice)


BOTH = ("sqlite", "postgres")


def on(engines: tuple[str, ...], test: str) -> tuple[str, ...]:
    return tuple(f"{test}[{engine}]" for engine in engines)


CANARIES = [
    Canary(
        "acknowledged_before_commit",
        "tests/webhooks/test_group.py::test_one_bad_row_does_not_take_its_neighbours_with_it",
        on(BOTH, "test_one_bad_row_does_not_take_its_neighbours_with_it"),
    ),
    Canary(
        "key_and_effect_in_two_transactions",
        "tests/webhooks/test_work.py::test_a_message_is_done_in_the_transaction_that_writes_down_what_it_asks_for",
        on(BOTH, "test_a_message_is_done_in_the_transaction_that_writes_down_what_it_asks_for"),
    ),
    Canary(  # SQLite lets one writer in at a time: only PostgreSQL shows it
        "check_then_write_without_condition",
        "tests/core/test_concurrency.py::test_two_workers_that_write_at_once_do_not_overwrite_each_other",
        on(("postgres",), "test_two_workers_that_write_at_once_do_not_overwrite_each_other"),
    ),
    Canary(
        "unique_index_missing",
        "tests/core/test_verify.py::test_the_database_itself_refuses_a_second_row_where_there_can_be_one",
        tuple(
            f"test_the_database_itself_refuses_a_second_row_where_there_can_be_one[{engine}-postings-changed0]"
            for engine in BOTH
        ),
    ),
    Canary(
        "deduplicated_by_delivery_id",
        "tests/webhooks/test_intake.py::test_two_orders_announced_under_one_delivery_id_are_both_kept",
        on(BOTH, "test_two_orders_announced_under_one_delivery_id_are_both_kept"),
    ),
    Canary(  # Shoptet's messages hold no id of their own: what was told once may be told again, and be news
        "deduplicated_by_body",
        "tests/app/test_shoptet_story.py::test_two_messages_with_one_body_are_two_events",
        on(BOTH, "test_two_messages_with_one_body_are_two_events"),
    ),
    Canary(
        "stale_payload_wins",
        "tests/core/test_settlement.py::test_a_stale_reading_does_not_overwrite_a_newer_one",
        on(BOTH, "test_a_stale_reading_does_not_overwrite_a_newer_one"),
    ),
    Canary(  # in the refund that refunds/create tells of, and in the current quantity that orders/updated shows
        "refund_counted_twice",
        "tests/app/test_shopify_story.py"
        "::test_a_shop_installs_earns_redeems_refunds_leaves_and_comes_back_without_losing_a_point",
        on(BOTH, "test_a_shop_installs_earns_redeems_refunds_leaves_and_comes_back_without_losing_a_point"),
    ),
    Canary(
        "expiry_not_atomic_with_capture",
        "tests/core/test_redemption.py::test_an_order_that_comes_while_its_code_is_being_deleted_is_captured_and_not_voided",
        on(BOTH, "test_an_order_that_comes_while_its_code_is_being_deleted_is_captured_and_not_voided"),
        REFUSED_BY_THE_DATABASE,  # the second end of the hold would leave less than nothing held
    ),
    Canary(  # only PostgreSQL shows it
        "expiry_by_two_workers",
        "tests/core/test_concurrency.py::test_two_workers_that_sweep_at_once_expire_a_lot_once",
        on(("postgres",), "test_two_workers_that_sweep_at_once_expire_a_lot_once"),
    ),
    Canary(
        "coupon_made_before_commit",
        "tests/core/test_redemption.py::test_a_worker_that_dies_while_issuing_has_left_word_that_a_code_may_exist",
        on(BOTH, "test_a_worker_that_dies_while_issuing_has_left_word_that_a_code_may_exist"),
    ),
    Canary(
        "retried_under_a_fresh_key",
        "tests/core/test_redemption.py::test_an_issue_with_an_unknown_outcome_is_tried_again_under_the_same_code",
        on(BOTH, "test_an_issue_with_an_unknown_outcome_is_tried_again_under_the_same_code"),
    ),
    Canary(
        "busy_taken_for_success",
        "tests/core/test_engine.py::test_a_database_that_is_busy_is_asked_again_and_never_taken_for_success",
        ("test_a_database_that_is_busy_is_asked_again_and_never_taken_for_success",),
    ),
    Canary(
        "merchant_filter_missing",
        "tests/core/test_merchants_apart.py",
        on(BOTH, "test_what_is_listed_for_a_member_order_or_code_is_empty_for_another_merchant"),
    ),
    Canary(
        "points_rounded_by_float",
        "tests/core/test_assess.py::test_points_are_rounded_down_once_and_never_through_a_float",
        ("test_points_are_rounded_down_once_and_never_through_a_float",),
    ),
    Canary(
        "synchronous_normal",
        "tests/core/test_engine.py::test_every_connection_to_sqlite_waits_for_the_disk",
        ("test_every_connection_to_sqlite_waits_for_the_disk",),
    ),
]

# Each takes seconds: in every `make test` those that break a guard of money or durability, at night all.
IN_EVERY_RUN = {
    "acknowledged_before_commit",
    "key_and_effect_in_two_transactions",
    "check_then_write_without_condition",
    "stale_payload_wins",
    "expiry_not_atomic_with_capture",
    "retried_under_a_fresh_key",
}
PLANTED = [canary for canary in CANARIES if TIER != "pr" or canary.name in IN_EVERY_RUN]


@pytest.fixture
def tree(tmp_path: Path, require: Callable[[str], str]) -> Path:
    """A copy of the product and of the tests that are asked here, for git to apply the patches to."""
    require("git")
    copy = tmp_path / "tree"
    copy.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
        else:
            shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.mark.parametrize("canary", PLANTED, ids=lambda one: one.name)
def test_a_planted_bug_is_noticed(
    canary: Canary, tree: Path, require: Callable[[str], str], operations: Callable[[int], None]
) -> None:
    if canary.needs_postgres:
        require("postgres")
    apply(canary.name, tree)

    failures, errors = run_suite(tree, canary.suite)

    assert errors == {}, "the suite could not run at all; the planted bug is to be found by a check, not by a crash"
    assert set(failures) == set(canary.notice)
    odd = {test: said for test, said in failures.items() if not re.match(canary.saying, said, re.DOTALL)}
    assert odd == {}, "the right tests failed, but not for the right reason"
    operations(1)


def test_without_a_bug_the_same_tests_are_green_in_a_copy(
    tree: Path, require: Callable[[str], str], operations: Callable[[int], None]
) -> None:
    require("postgres")

    assert run_suite(tree, *dict.fromkeys(canary.suite for canary in PLANTED)) == ({}, {})
    operations(len(PLANTED))


def test_every_patch_still_fits_the_code(tree: Path) -> None:
    """Those too that are planted at night only."""
    for canary in CANARIES:
        apply(canary.name, tree, "--check")


def test_every_patch_is_in_the_table() -> None:
    assert sorted(path.stem for path in PATCHES.glob("*.patch")) == sorted(canary.name for canary in CANARIES)


def apply(name: str, tree: Path, *options: str) -> None:
    """Apply the patch, or only see whether it could be; where the code around it has changed too much, say so."""
    # Without the ceiling git would take a repository further up for the one to patch, and do nothing here.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent)}
    command = ["git", "apply", "--verbose", *options, str(PATCHES / f"{name}.patch")]
    applied = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    if applied.returncode:
        pytest.fail(
            f"canaries/{name}.patch no longer fits the code: plant the same bug anew\n{applied.stderr}", pytrace=False
        )


def run_suite(tree: Path, *suites: str) -> tuple[dict[str, str], dict[str, str]]:
    """Run tests in the copy. Returns what failed by its own doing, and what could not run, each with its first words."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "REGULARS_TORTURE_"))}
    report = tree / "report.xml"
    options = ["-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit2", f"--junitxml={report}"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *suites],
        cwd=tree,
        env={**ours, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert report.exists(), ran.stdout + ran.stderr
    cases = list(ElementTree.parse(report).iter("testcase"))
    assert cases, ran.stdout + ran.stderr
    failures, errors = (
        {str(case.get("name")): str(found.get("message")) for case in cases if (found := case.find(kind)) is not None}
        for kind in ("failure", "error")
    )
    return failures, errors
