"""Shoppers whom no page signs: the code goes to where the shop says, nothing tells who exists, and each guard holds.

From asking for a code to the balance, with a real mail server; the shop's platform answers from memory.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from app import mailing
from app.factory import create_app
from core.db.engine import Database, open_database, run_tx
from core.merchants import commands as merchants
from core.ports import Capability
from core.proofs import commands as proofs
from core.proofs import tokens
from tests.at_once import at_once
from tests.mailbox import Mailbox, mailbox
from tests.widgets.house import House
from widgets.shapes import Config

FROM = "points@linden.example"
KNOWN, UNKNOWN = "7", "404"
BY_MAIL = frozenset({Capability.MAILED_IDENTITY})


@dataclass
class Statements:
    """What every connection of a database is asked, while listened to."""

    heard: list[str] = field(default_factory=list)

    def on(self, db: Database) -> None:
        def listen(connection: Any, _record: Any) -> None:
            connection.set_trace_callback(self.heard.append)

        for engine in (db.write_engine, db.read_engine):
            sa.event.listen(engine, "connect", listen)

    @contextmanager
    def of(self) -> Iterator[list[str]]:
        """The statements of the block, without their values."""
        start, found = len(self.heard), []
        yield found
        found += [re.sub(r"'[^']*'|\b\d+\b", "?", text) for text in self.heard[start:]]


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as opened:
        yield opened


@pytest.fixture
def asked(sqlite_db: Database) -> Statements:
    found = Statements()
    found.on(sqlite_db)
    return found


@pytest.fixture
def house(box: Mailbox, asked: Statements, sqlite_db: Database, tmp_path: Path) -> House:
    return House(sqlite_db, tmp_path, capabilities=BY_MAIL, smtp_url=box.url, mail_from=FROM)


def ask(house: House, customer: str = KNOWN, **options: Any) -> TestResponse:
    path = options.pop("path", "proofs")
    return house.call("POST", path, customer=None, body={"customer_id": customer}, **options)


def confirm(house: House, code: str, customer: str = KNOWN, **options: Any) -> TestResponse:
    body = {"customer_id": customer, "code": code}
    return house.call("POST", "proofs/confirm", customer=None, body=body, **options)


def begin(house: House, token: str, **options: Any) -> TestResponse:
    return house.call("POST", "session", customer=None, body={"token": token}, **options)


def deliver(house: House) -> None:
    while mailing.send_due(house.runtime, house.merchant_id):
        pass


def mailed_code(house: House, box: Mailbox, customer: str = KNOWN) -> str:
    """Asks for a code and reads it in the mailbox."""
    assert ask(house, customer).status_code == 202
    deliver(house)
    found = re.search(r"^    (\S{4}-\S{4})\s", box.taken[-1].text, re.MULTILINE)
    assert found
    return found.group(1)


def kept_token(house: House, box: Mailbox, customer: str = KNOWN) -> str:
    answer = confirm(house, mailed_code(house, box, customer), customer)
    assert answer.status_code == 200, answer.text
    return str(answer.json["token"])


def rows(house: House, table: str) -> list[Any]:
    def read(session: Any) -> list[Any]:
        return list(session.connection().execute(sa.text(f"SELECT * FROM {table}")).all())

    return run_tx(house.runtime.db, read)


def same(answer: TestResponse) -> tuple[int, bytes, list[tuple[str, str]]]:
    return answer.status_code, answer.data, sorted(answer.headers)


# -- the way through


def test_a_shopper_proves_who_they_are_and_sees_their_points(house: House, box: Mailbox) -> None:
    house.give(500)

    token = kept_token(house, box)
    session = begin(house, token)
    me = house.call("GET", "me", token=session.json["token"])

    assert box.taken[0].recipients == ("c7@example.com",)
    assert (session.status_code, session.json["expires_in"]) == (200, 300)
    assert me.json["points"]["available"] == 500
    assert house.wakes >= 1


def test_with_the_short_token_a_shopper_joins_redeems_and_reads_like_any_other(house: House, box: Mailbox) -> None:
    short = begin(house, kept_token(house, box)).json["token"]

    assert house.call("POST", "join", token=short, body={}).status_code == 201
    house.give(500)
    asked = {"points": 100, "idempotency_key": "0123456789abcdef"}
    assert house.call("POST", "redemptions", token=short, body=asked).status_code == 201
    assert len(house.call("GET", "history", token=short).json["items"]) >= 1


def test_the_config_says_how_shoppers_are_proven(house: House, sqlite_db: Database, tmp_path: Path) -> None:
    by_mail: Config = house.call("GET", "config", customer=None).json
    other = House(sqlite_db, tmp_path / "other", base_url="https://tea.example")
    by_shop: Config = other.call("GET", "config", customer=None).json

    assert by_mail["identity"] == "mail"
    assert by_mail["mailed"] is not None
    assert house.client().get(f"/widget/v1/{by_mail['mailed']}").status_code == 200
    assert (by_shop["identity"], by_shop["mailed"]) == ("shop", None)


def test_a_browser_is_known_for_120_days_without_another_code(house: House, box: Mailbox) -> None:
    token = kept_token(house, box)
    house.now += timedelta(days=119)

    assert begin(house, token).status_code == 200
    house.now += timedelta(days=1)
    assert begin(house, token).status_code == 401


# -- nobody learns who exists


@pytest.mark.parametrize(
    "customer", [UNKNOWN, "2f6c1a52-5b9c-11ef-9c1f-0242ac120002", "nonsense-but-well-formed", "9" * 64]
)
def test_known_and_unknown_get_the_same_answer_by_the_same_work(customer: str, house: House, asked: Statements) -> None:
    house.join(KNOWN)
    ask(house, "1000")  # whatever is made once is made now

    with asked.of() as of_known:
        known = ask(house, KNOWN)
    rows_of_known = (len(rows(house, "proofs")), len(rows(house, "mails")))
    with asked.of() as of_unknown:
        unknown = ask(house, customer)

    assert same(known) == same(unknown)
    assert (known.status_code, known.data) == (202, b"{}")
    assert of_known == of_unknown
    assert len(of_known) > 4  # they were heard
    assert rows_of_known == (2, 2)
    assert (len(rows(house, "proofs")), len(rows(house, "mails"))) == (3, 3)
    shapes = {tuple(type(value) for value in row) for table in ("proofs", "mails") for row in rows(house, table)}
    assert len(shapes) == 2  # one of each table: no row of a known customer looks different


@pytest.mark.parametrize("customer", [UNKNOWN, "2f6c1a52-5b9c-11ef-9c1f-0242ac120002"])
def test_a_wrong_code_is_refused_alike_for_known_and_unknown_asked_for_or_not(
    customer: str, house: House, asked: Statements
) -> None:
    house.join(KNOWN)
    ask(house, KNOWN)
    ask(house, customer)
    confirm(house, "WRONGWRO", "1000")

    answers, works = [], []
    for who in (KNOWN, customer, "2000", "nobody-ever-asked"):
        with asked.of() as work:
            answers.append(same(confirm(house, "WRONGWRO", who)))
        works.append(work)

    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == 403
    assert all(work == works[0] for work in works)


def test_nobody_unknown_is_written_to_and_nothing_is_kept_of_them(house: House, box: Mailbox) -> None:
    before = len(rows(house, "identities"))

    ask(house, UNKNOWN)
    deliver(house)

    assert box.asked == []
    assert len(rows(house, "identities")) == before
    assert [row.state for row in rows(house, "mails")] == ["dropped"]


def test_an_address_in_the_request_is_not_understood(house: House, box: Mailbox) -> None:
    body = {"customer_id": KNOWN, "email": "evil@example.com"}

    assert house.call("POST", "proofs", customer=None, body=body).status_code == 400
    assert rows(house, "mails") == []


@pytest.mark.parametrize("customer", ["", "a b", "a" * 65, "../x", "7\n", "ž", 7, None, ["7"], "c7@example.com"])
def test_an_id_of_another_form_is_not_understood(customer: Any, house: House) -> None:
    assert house.call("POST", "proofs", customer=None, body={"customer_id": customer}).status_code == 400
    body = {"customer_id": customer, "code": "ABCDEFGH"}
    assert house.call("POST", "proofs/confirm", customer=None, body=body).status_code == 400


@pytest.mark.parametrize("path", ["proofs", "proofs/confirm", "session"])
def test_pages_of_other_sites_cannot_ask(path: str, house: House) -> None:
    answer = house.call("POST", path, customer=None, origin="https://evil.example", body={"customer_id": KNOWN})

    assert answer.status_code == 403
    assert answer.json["error"]["code"] == "wrong_origin"
    assert rows(house, "proofs") == []


# -- a code is guessed, or used again


def test_after_five_wrong_tries_the_right_code_is_wrong_too(house: House, box: Mailbox) -> None:
    code = mailed_code(house, box)

    wrong = [confirm(house, f"WRONGWR{number}").status_code for number in "23456"]

    assert wrong == [403] * 5
    assert confirm(house, code).status_code == 403


def test_a_code_proves_once(house: House, box: Mailbox) -> None:
    code = mailed_code(house, box)

    assert confirm(house, code).status_code == 200
    assert confirm(house, code).status_code == 403


def test_of_many_who_confirm_at_once_one_gets_a_token(house: House, box: Mailbox) -> None:
    code = mailed_code(house, box)

    answers = at_once(8, lambda _: confirm(house, code).status_code)

    assert sorted(answers) == [200] + [403] * 7


def test_a_code_is_too_old_after_ten_minutes_and_none_is_mailed_by_then(house: House, box: Mailbox) -> None:
    code = mailed_code(house, box)
    ask(house, "8")
    house.now += timedelta(minutes=10)
    deliver(house)

    assert confirm(house, code).status_code == 403
    assert len(box.taken) == 1


def test_one_customers_code_is_none_of_another(house: House, box: Mailbox) -> None:
    house.platform.mailboxes["8"] = ["c8@example.com"]
    code = mailed_code(house, box)
    mailed_code(house, box, "8")

    assert confirm(house, code, "8").status_code == 403
    assert confirm(house, code).status_code == 200


def test_who_was_deleted_at_the_shop_is_refused_with_the_right_code_like_with_a_wrong_one(
    house: House, box: Mailbox
) -> None:
    house.join(KNOWN)
    code = mailed_code(house, box)
    run_tx(
        house.runtime.db,
        lambda s: s.connection().execute(sa.text("UPDATE identities SET removed_at = seen_at")),
    )

    assert same(confirm(house, code)) == same(confirm(house, "WRONGWRO"))


# -- a token is forged, or ended


def test_a_token_is_good_in_its_own_shop_only(house: House, box: Mailbox, sqlite_db: Database, tmp_path: Path) -> None:
    settings = {"smtp_url": box.url, "mail_from": FROM}
    other = House(sqlite_db, tmp_path / "tea", base_url="https://tea.example", capabilities=BY_MAIL, **settings)
    other.runtime = replace(other.runtime, vault=house.runtime.vault)
    other.app = create_app(other.runtime)
    token = kept_token(house, box)

    assert begin(other, token).status_code == 401
    assert begin(house, token).status_code == 200


@pytest.mark.parametrize("what", ["", "x", "a.0.9999999999." + "0" * 64, "A" * 256])
def test_a_forged_token_is_refused_like_an_ended_one(what: str, house: House, box: Mailbox) -> None:
    token, member_id = kept_token(house, box), house.join(KNOWN)
    run_tx(house.runtime.db, lambda s: proofs.end_browsers(s, house.merchant_id, member_id))

    assert same(begin(house, what)) == same(begin(house, token))
    assert begin(house, token).status_code == 401


def test_the_kept_token_is_no_proof_at_the_other_calls_and_the_short_one_is_no_kept_one(
    house: House, box: Mailbox
) -> None:
    token = kept_token(house, box)
    short = begin(house, token).json["token"]

    assert house.call("GET", "me", token=token).status_code == 401
    assert begin(house, short).status_code in (400, 401)


def test_a_token_by_the_shops_own_key_is_no_kept_one(house: House) -> None:
    made = tokens.issue(
        house.runtime.vault,
        house.merchant_id,
        house.shop.shop_id,
        customer_id=KNOWN,
        version=0,
        now=house.now,
    )

    assert begin(house, made).status_code == 401  # nobody has proven this customer: there is no such version
    assert begin(house, house.token(KNOWN)).status_code in (400, 401)


# -- limits


def test_one_customer_gets_three_letters_in_a_quarter_of_an_hour_known_or_not(house: House, box: Mailbox) -> None:
    known = [same(ask(house, KNOWN)) for _ in range(5)]
    unknown = [same(ask(house, UNKNOWN)) for _ in range(5)]

    assert [answer[0] for answer in known] == [202, 202, 202, 429, 429]
    assert known == unknown
    assert ("Retry-After", "900") in known[3][2]
    assert len(rows(house, "mails")) == 6


def test_one_address_asks_for_twenty_codes_an_hour(house: House) -> None:
    answers = [ask(house, str(number)).status_code for number in range(100, 122)]

    assert answers == [202] * 20 + [429] * 2


def test_one_customers_codes_are_tried_twelve_times_in_a_quarter_of_an_hour(house: House) -> None:
    answers = [confirm(house, "WRONGWRO").status_code for _ in range(14)]

    assert answers == [403] * 12 + [429] * 2


# -- where it is not there


def test_a_shop_whose_pages_sign_has_no_such_door(sqlite_db: Database, box: Mailbox, tmp_path: Path) -> None:
    house = House(sqlite_db, tmp_path, smtp_url=box.url, mail_from=FROM)

    answers = [ask(house), confirm(house, "ABCDEFGH"), begin(house, "x"), ask(house, shop_key="f" * 32, origin=None)]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert rows(house, "mails") == []


def test_neither_has_one_that_is_disconnected_or_has_not_begun(house: House, box: Mailbox) -> None:
    token = kept_token(house, box)
    set_launch = sa.text("UPDATE merchants SET launch = :state")
    run_tx(house.runtime.db, lambda s: s.connection().execute(set_launch, {"state": "draft"}))
    draft = [ask(house, "8").status_code, begin(house, token).status_code]
    house.launch("live")
    run_tx(
        house.runtime.db,
        lambda s: merchants.disconnect_shop(s, house.merchant_id, house.shop.shop_id, now=house.now),
    )

    assert draft == [404, 404]
    assert [ask(house, "8").status_code, begin(house, token).status_code] == [404, 404]


def test_without_a_mail_server_the_door_says_so_to_everybody(sqlite_db: Database, tmp_path: Path) -> None:
    house = House(sqlite_db, tmp_path, capabilities=BY_MAIL)

    known, unknown = ask(house, KNOWN), ask(house, UNKNOWN)

    assert same(known) == same(unknown)
    assert (known.status_code, known.json["error"]["code"]) == (503, "no_mail")
    assert rows(house, "proofs") == []


# -- the letter


@pytest.mark.parametrize(
    ("lang", "subject", "words"),
    [
        ("cs", "Váš kód pro Linden Club", "Zadejte ho prosím v obchodě do 10 minut."),
        ("sk", "Váš kód pre Linden Club", "Zadajte ho, prosím, v obchode do 10 minút."),
        ("pl", "Kod do programu Linden Club", "Prosimy wpisać go w sklepie w ciągu 10 minut."),
        ("en", "Your code for Linden Club", "Please enter it in the shop within 10 minutes."),
        ("xx", "Your code for Linden Club", "Please enter it in the shop within 10 minutes."),
    ],
)
def test_the_letter_is_in_the_language_of_the_page(
    lang: str, subject: str, words: str, house: House, box: Mailbox
) -> None:
    ask(house, path=f"proofs?lang={lang}-XX")
    deliver(house)

    (taken,) = box.taken
    page = taken.message.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert taken.message["Subject"] == subject
    assert words in taken.text
    assert words in page
    assert f'lang="{lang if lang != "xx" else "en"}"' in page
    assert "Linden Club" in taken.text
    assert timedelta(minutes=10) == proofs.LIFE


def test_the_letter_has_nothing_to_click_and_its_names_are_no_markup(house: House, box: Mailbox) -> None:
    house.publish(name="<b>Tea & {code}</b>")
    ask(house)
    deliver(house)

    (taken,) = box.taken
    page = taken.message.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "&lt;b&gt;Tea &amp; {code}&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "http" not in page + taken.text
    assert "href" not in page
    assert "Tea & {code}" in taken.text
    assert taken.message["From"].addresses[0].display_name == "<b>Tea & {code}</b>"


def test_no_code_is_in_the_subject_which_locked_screens_show(house: House, box: Mailbox) -> None:
    code = mailed_code(house, box)

    subject = box.taken[0].message["Subject"]
    assert code not in subject
    assert code.replace("-", "") not in subject


def test_neither_code_nor_token_nor_customer_is_in_an_answer_or_a_row_in_clear(house: House, box: Mailbox) -> None:
    code = mailed_code(house, box)
    ask(house, "8")

    stored = repr(rows(house, "proofs")) + repr(rows(house, "mails"))
    assert code not in stored
    assert code.replace("-", "") not in stored


def test_on_either_engine_one_of_many_who_confirm_at_once_gets_a_token(
    migrated_url: str, box: Mailbox, tmp_path: Path
) -> None:
    db = open_database(migrated_url)
    try:
        house = House(db, tmp_path, capabilities=BY_MAIL, smtp_url=box.url, mail_from=FROM)
        assert begin(house, kept_token(house, box)).status_code == 200
        code = mailed_code(house, box)
        answers = at_once(6, lambda _: confirm(house, code).status_code)
        assert sorted(answers) == [200] + [403] * 5
    finally:
        db.close()
