"""CSV: RFC 4180, streamed, and nothing that a spreadsheet would run."""

import csv
import io
from datetime import UTC, datetime

import pytest

from admin import csv_out
from core.merchants.staff import Role
from tests.admin.desk import Desk
from tests.admin.test_members import adjust, buy, name


def rows(data: bytes) -> list[dict[str, str]]:
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize(
    "nasty",
    [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\0=1",
        " =1",
        "＝1",
        "＋1",
        "－1",
        "＠1",
    ],
)
def test_no_text_begins_like_a_formula(nasty: str) -> None:
    assert csv_out.safe(nasty) == f"'{nasty}"


@pytest.mark.parametrize("plain", ["Jana", "jana@example.org", "O'Neill", "a=b", "", "7 = 7", 'say "hi"', "a,b;c"])
def test_other_text_is_left_alone(plain: str) -> None:
    assert csv_out.safe(plain) == plain


def test_our_own_numbers_and_times_are_written_as_they_are() -> None:
    assert csv_out.safe(-49) == "-49"
    assert csv_out.safe(None) == ""
    assert csv_out.safe(datetime(2026, 3, 2, 10, 0, tzinfo=UTC)) == "2026-03-02T10:00:00+00:00"


def test_lines_end_and_quotes_are_as_rfc_4180_has_them() -> None:
    content = b"".join(csv_out.lines(["a", "b"], [('say "hi"', "x,y"), ("two\nlines", 5)])).decode("utf-8-sig")

    assert content == 'a,b\r\n"say ""hi""","x,y"\r\n"two\nlines",5\r\n'


def test_a_long_file_comes_in_pieces() -> None:
    pieces = list(csv_out.lines(["n"], ((number,) for number in range(1000))))

    assert len(pieces) > 4
    assert b"".join(pieces).count(b"\r\n") == 1001


def test_members_are_downloaded_with_their_balances(desk: Desk) -> None:
    buy(desk, 10000)
    name(desk, "7", "=evil@example.org", "=HYPERLINK()", 'O\'Neill, "Jr"')
    buy(desk, 2000, customer="8")

    answer = desk.browser(Role.MANAGER).send("/admin/members/export")
    found = rows(answer.data)

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="members.csv"'
    assert [(row["first_name"], row["last_name"], row["available"]) for row in found] == [
        ("'=HYPERLINK()", 'O\'Neill, "Jr"', "100"),
        ("", "", "20"),
    ]
    assert found[0]["email"] == "'=evil@example.org"
    assert desk.actions()[-1] == "members.exported"


def test_the_ledger_is_downloaded_whole_and_adds_up(desk: Desk) -> None:
    for number in range(120):
        buy(desk, 1000, order_id=f"9{number:03}")
    adjust(desk.browser(), desk.world.member(), direction="take", points="70", reason="mistake")

    found = rows(desk.browser().send("/admin/members/ledger-export").data)

    assert len(found) == 121
    assert sum(int(row["available"]) for row in found) == 120 * 10 - 70
    assert [int(row["seq"]) for row in found] == list(range(121, 0, -1))
    assert (found[0]["cause"], found[0]["reason"], found[0]["available"]) == ("adjusted", "mistake", "-70")
    assert found[0]["outstanding_after"] == str(120 * 10 - 70)
