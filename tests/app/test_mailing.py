"""Letters reach a real mail server: to the address that the shop names, privately, again when it fails, never with more headers."""

import json
import logging
import smtplib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from app import doctor, mailing, mailing_smtp
from app.mailing_smtp import MailFailure, compose, one_line, usable
from core.db.engine import Database, open_database, run_tx
from core.errors import RateLimited
from core.mail import commands
from core.mail.commands import ATTEMPTS, LEASE, Letter
from core.settings import MailServer, Settings, mail_server
from tests.mailbox import PASSWORD, Mailbox, certificate, mailbox
from tests.widgets.house import House

FROM = "points@linden.example"
LETTER = Letter(
    sender="Linden Club",
    subject="Váš kód pro Linden Club",
    text="Dobrý den,\n\n    ABCD-2345\n",
    html="<p>Dobrý den, <b>ABCD-2345</b></p>",
)
AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as opened:
        yield opened


@pytest.fixture
def house(box: Mailbox, sqlite_template: Path, tmp_path: Path) -> Iterator[House]:
    path = tmp_path / "regulars.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    db: Database = open_database(f"sqlite:///{path}")
    yield House(db, tmp_path, smtp_url=box.url, mail_from=FROM)
    db.close()


def queue(house: House, letter: Letter = LETTER, *, customer: str = "7", minutes: int = 600) -> str:
    return run_tx(
        house.runtime.db,
        lambda s: commands.queue(
            s,
            house.runtime.vault,
            house.merchant_id,
            house.shop.shop_id,
            customer_id=customer,
            letter=letter,
            good_until=house.now + timedelta(minutes=minutes),
            now=house.now,
        ),
    )


def send(house: House) -> bool:
    return mailing.send_due(house.runtime, house.merchant_id)


def row(house: House) -> Any:
    return run_tx(house.runtime.db, lambda s: s.connection().execute(sa.text("SELECT * FROM mails")).one())


def test_a_letter_goes_to_the_address_that_the_shop_names(house: House, box: Mailbox) -> None:
    mail_id = queue(house)

    assert send(house)
    assert not send(house)

    (taken,) = box.taken
    assert (taken.sender, taken.recipients) == (FROM, ("c7@example.com",))
    message = taken.message
    assert (message["From"], message["To"]) == (f"Linden Club <{FROM}>", "c7@example.com")
    assert message["Subject"] == "Váš kód pro Linden Club"
    assert message["Message-ID"] == f"<{mail_id}.0@linden.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == house.now
    assert "    ABCD-2345" in taken.text
    html = message.get_body(("html",))
    assert html is not None
    assert "<b>ABCD-2345</b>" in html.get_content()
    assert (row(house).state, row(house).customer_id, row(house).content_sealed) == ("sent", None, None)


def test_each_account_of_a_customer_is_written_to_within_reason_and_none_sees_the_others(
    house: House, box: Mailbox
) -> None:
    house.platform.mailboxes["7"] = ["main@example.com", *(f"a{n}@example.com" for n in range(9)), "main@example.com"]
    queue(house)

    send(house)

    assert [taken.recipients for taken in box.taken] == [("main@example.com",)] + [
        (f"a{n}@example.com",) for n in range(mailing.RECIPIENTS - 1)
    ]
    assert all(taken.message["To"] == taken.recipients[0] for taken in box.taken)
    assert len({taken.message["Message-ID"] for taken in box.taken}) == mailing.RECIPIENTS


def test_nobody_is_written_to_whom_the_shop_does_not_know(house: House, box: Mailbox) -> None:
    queue(house, customer="404")

    assert send(house)

    assert box.taken == []
    assert (row(house).state, row(house).last_error) == ("dropped", "nobody to write to")


@pytest.mark.parametrize(
    "evil",
    [
        "a@b.example\r\nBcc: c@d.example",
        "a@b.example, c@d.example",
        "a@b.example>\r\nRCPT TO:<c@d.example",
        "<a@b.example>",
        '"a b"@b.example',
        "a@b.example;c@d.example",
        "a@[127.0.0.1]",
        "a@localhost",
        "@b.example",
        "a@",
        "a",
        "",
        "a@b..example",
        f"{'a' * 300}@b.example",
    ],
)
def test_what_is_no_single_address_is_not_written_to(evil: str, house: House, box: Mailbox) -> None:
    house.platform.mailboxes["7"] = [evil]
    queue(house)

    send(house)

    assert usable(evil) is None
    assert box.asked == []
    assert row(house).state == "dropped"


def test_an_address_with_a_domain_outside_ascii_is_written_to(house: House, box: Mailbox) -> None:
    house.platform.mailboxes["7"] = ["jana+points@čaj.example"]
    queue(house)

    send(house)

    assert box.taken[0].recipients == ("jana+points@xn--aj-dma.example",)


# -- headers


@pytest.mark.parametrize(
    "text",
    [
        "Club\r\nBcc: evil@example.com",
        "Club\nBcc: evil@example.com",
        "Club\rX: y",
        "Club\u2028X: y",
        "Club\x00\x0b\x1c",
        "\n",
    ],
)
def test_a_name_with_line_breaks_makes_no_header(text: str, house: House, box: Mailbox) -> None:
    queue(house, replace(LETTER, sender=text, subject=text))

    send(house)

    (taken,) = box.taken
    assert taken.recipients == ("c7@example.com",)
    assert set(taken.message.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert taken.message["Subject"] == one_line(text)


def test_behind_that_stands_the_message_class_which_refuses_line_breaks() -> None:
    message = EmailMessage()

    for name in ("Subject", "From", "To"):
        with pytest.raises(ValueError, match="linefeed"):
            message[name] = "a@b.example\r\nBcc: evil@example.com"


def test_a_sender_with_signs_of_addresses_is_a_name_still() -> None:
    letter = replace(LETTER, sender='Mugs, Tea & "Co" <evil@example.com>')

    message = compose(letter, sender=FROM, recipient="a@b.example", message_id="m", at=AT)

    (address,) = message["From"].addresses
    assert (address.display_name, address.addr_spec) == (letter.sender, FROM)


# -- failures


def test_a_busy_server_is_asked_again_under_the_same_id_until_it_takes_it(house: House, box: Mailbox) -> None:
    box.answers += ["451 greylisted", "452 full"]
    mail_id = queue(house)

    send(house)
    first = row(house)
    assert not send(house)
    house.now += timedelta(seconds=5)
    send(house)
    house.now += timedelta(seconds=10)
    send(house)

    assert (first.state, first.last_error) == ("new", "SMTPDataError 451")
    assert [taken.message["Message-ID"] for taken in box.taken] == [f"<{mail_id}.0@linden.example>"]
    assert row(house).state == "sent"


def test_after_the_last_attempt_it_is_parked(house: House, box: Mailbox) -> None:
    box.answers += ["451 greylisted"] * (ATTEMPTS + 1)
    queue(house)

    for _ in range(ATTEMPTS):
        assert send(house)
        house.now += timedelta(minutes=15)

    assert not send(house)
    assert (row(house).state, row(house).last_error, row(house).content_sealed) == ("parked", "SMTPDataError 451", None)
    assert len(box.answers) == 1


@pytest.mark.parametrize(("what", "reply"), [("answers", "554 spam"), ("refusals", "550 no such user")])
def test_a_no_for_good_is_not_asked_again(what: str, reply: str, house: House, box: Mailbox) -> None:
    getattr(box, what).append(reply)
    queue(house)

    send(house)

    assert row(house).state == "parked"
    assert row(house).last_error.endswith(reply[:3])


@pytest.mark.parametrize("reply", ["550 no such user", "450 busy"])
def test_one_account_that_is_refused_neither_keeps_the_letter_from_the_other_nor_sends_it_there_twice(
    reply: str, house: House, box: Mailbox
) -> None:
    house.platform.mailboxes["7"] = ["gone@example.com", "here@example.com"]
    box.refusals.append(reply)
    queue(house)

    send(house)
    house.now += timedelta(minutes=5)
    send(house)

    assert [taken.recipients for taken in box.taken] == [("here@example.com",)]
    assert row(house).state == "sent"


def test_a_server_that_takes_it_and_goes_without_a_word_gets_it_again_under_the_same_id(
    house: House, box: Mailbox
) -> None:
    box.answers.append("gone")
    queue(house)

    send(house)
    house.now += timedelta(seconds=5)
    send(house)

    first, second = box.taken
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert row(house).state == "sent"


class Died(BaseException):
    """The process, in mid-work."""


def test_a_worker_that_dies_between_sending_and_saying_so_repeats_the_same_mail(house: House, box: Mailbox) -> None:
    def clock() -> datetime:
        if box.taken:
            raise Died
        return house.now

    queue(house)
    house.clock = clock
    with pytest.raises(Died):
        send(house)
    house.clock = lambda: house.now

    under_lease = send(house)
    house.now += LEASE + timedelta(seconds=1)
    send(house)

    assert not under_lease
    first, second = box.taken
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert (row(house).state, row(house).attempts) == ("sent", 2)


def test_a_shop_that_does_not_answer_is_asked_again(house: House, box: Mailbox) -> None:
    house.platform.down = True
    queue(house)

    send(house)
    failed = row(house)
    house.platform.down = False
    house.now += timedelta(seconds=5)
    send(house)

    assert (failed.state, failed.last_error) == ("new", "Unreachable")
    assert row(house).state == "sent"


def test_a_shop_that_says_how_long_to_wait_is_left_alone_for_so_long(house: House, box: Mailbox) -> None:
    queue(house)
    house.platform.failure = RateLimited("slow down", retry_after_s=90)

    send(house)
    house.platform.failure = None
    house.now += timedelta(seconds=89)
    early = send(house)
    house.now += timedelta(seconds=1)

    assert not early
    assert send(house)
    assert row(house).state == "sent"


def test_without_a_mail_server_letters_wait_until_there_is_one_or_their_time_is_over(
    house: House, box: Mailbox, tmp_path: Path
) -> None:
    queue(house, minutes=10)
    without = replace(house.runtime, settings=Settings(data_dir=tmp_path))

    mailing.send_due(without, house.merchant_id)
    waiting = row(house)
    house.now += timedelta(minutes=10)
    mailing.send_due(house.runtime, house.merchant_id)

    assert (waiting.state, waiting.last_error) == ("new", "mail is not set up")
    assert (row(house).state, row(house).last_error, box.taken) == ("dropped", "too late", [])


def test_neither_logs_nor_rows_name_anybody(house: House, box: Mailbox, caplog: pytest.LogCaptureFixture) -> None:
    box.refusals.append("450 <c7@example.com> is busy")
    queue(house)

    with structlog.testing.capture_logs() as logged, caplog.at_level(logging.DEBUG):
        send(house)
        house.now += timedelta(seconds=5)
        send(house)

    ours = [record.getMessage() for record in caplog.records if record.name != "mail.log"]  # that is the server's
    assert [entry["event"] for entry in logged] == ["mail.failed", "mail.sent"]
    kept = json.dumps(logged, default=str) + "".join(ours) + repr(row(house))
    assert "@" not in kept
    assert "ABCD" not in kept
    assert "450" in kept


# -- privacy on the way


def letter_to(recipient: str) -> EmailMessage:
    return compose(LETTER, sender=FROM, recipient=recipient, message_id="m", at=AT)


@pytest.mark.parametrize("way", ["starttls", "implicit"])
def test_mail_travels_by_tls_with_a_password(way: str, tmp_path: Path) -> None:
    served, trusting = certificate(tmp_path)
    with mailbox(**{"tls" if way == "starttls" else "implicit": served}) as box:
        scheme = "smtp" if way == "starttls" else "smtps"
        who = f"points:{PASSWORD.replace(' ', '%20')}@" if way == "starttls" else ""
        server = mail_server(f"{scheme}://{who}127.0.0.1:{box.port}", sender=FROM)
        mailing_smtp.send(server, letter_to("a@b.example"), recipient="a@b.example", context=trusting)

        assert [taken.private for taken in box.taken] == [True]


def test_a_wrong_password_may_be_put_right_so_it_is_not_final(tmp_path: Path) -> None:
    served, trusting = certificate(tmp_path)
    with mailbox(tls=served) as box:
        server = mail_server(f"smtp://points:wrong@127.0.0.1:{box.port}", sender=FROM)
        with pytest.raises(MailFailure) as failure:
            mailing_smtp.send(server, letter_to("a@b.example"), recipient="a@b.example", context=trusting)

    assert (failure.value.message, failure.value.final) == ("SMTPAuthenticationError 535", False)


@pytest.mark.parametrize("who", ["points:word@", ""])
def test_a_server_without_tls_gets_neither_password_nor_mail(who: str, box: Mailbox) -> None:
    server = mail_server(f"smtp://{who}127.0.0.1:{box.port}", sender=FROM)

    with pytest.raises(MailFailure) as failure:
        mailing_smtp.send(server, letter_to("a@b.example"), recipient="a@b.example")

    assert failure.value.message == smtplib.SMTPNotSupportedError.__name__
    assert (box.asked, box.taken) == ([], [])


def test_a_server_whose_certificate_nobody_vouches_for_gets_nothing(tmp_path: Path) -> None:
    served, _ = certificate(tmp_path)
    with mailbox(tls=served) as box:
        server = mail_server(f"smtp://points:word@127.0.0.1:{box.port}", sender=FROM)
        with pytest.raises(MailFailure):
            mailing_smtp.send(server, letter_to("a@b.example"), recipient="a@b.example")

        assert box.asked == []


def test_a_server_that_is_not_there_is_a_failure_that_may_pass() -> None:
    server = MailServer("127.0.0.1", 9, "none", None, None, FROM)

    with pytest.raises(MailFailure) as failure:
        mailing_smtp.look(server)

    assert (failure.value.message, failure.value.final) == ("ConnectionRefusedError", False)


# -- the doctor


def mail_line(settings: dict[str, Any], folder: Path) -> str:
    said: list[str] = []
    doctor.examine(Settings(data_dir=folder, **settings), say=said.append)
    (line,) = [line for line in said if line.split()[1] == "Mail"]
    return line


def test_the_doctor_says_whether_mail_can_be_sent(box: Mailbox, tmp_path: Path) -> None:
    good = mail_line({"smtp_url": box.url, "mail_from": FROM}, tmp_path)
    none = mail_line({}, tmp_path)
    bad = mail_line({"smtp_url": "smtp://points:sesame@127.0.0.1:9", "mail_from": FROM}, tmp_path)

    assert good.split() == ["ok", *f"Mail server 127.0.0.1:{box.port} takes mail, without TLS".split()]
    assert none.split()[:5] == ["look", "Mail", "is", "not", "set"]
    assert bad.split()[:2] == ["wrong", "Mail"]
    assert "sesame" not in bad
