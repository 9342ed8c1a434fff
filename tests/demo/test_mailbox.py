"""The demo's mailbox keeps what a real mail client hands over, and shows it."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
import requests

from demo.mailbox import RunningMailbox, start_in_thread


@pytest.fixture
def box() -> Iterator[RunningMailbox]:
    running = start_in_thread()
    yield running
    running.stop()


def letter(text: str, subject: str = "Your code") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "points@regulars.example", "anna@example.com", subject
    made.set_content(text, cte="8bit")
    made.add_alternative("<p>not this</p>", subtype="html")
    return made


def test_a_letter_arrives_as_it_was_sent(box: RunningMailbox) -> None:
    text = "Dobrý den,\n\n.a line that begins with a dot\n.\n    ABCD-2345\n"

    with smtplib.SMTP("127.0.0.1", box.smtp_port) as client:
        client.send_message(letter("the first"))
        client.send_message(letter(text, "Váš kód"), to_addrs=["anna@example.com", "office@example.com"])

    newest, first = requests.get(f"{box.url}/demo/state", timeout=5).json()
    assert newest == {"to": ["anna@example.com", "office@example.com"], "subject": "Váš kód", "text": text}
    assert (first["to"], first["text"]) == (["anna@example.com"], "the first\n")


def test_its_page_shows_letters_as_text(box: RunningMailbox) -> None:
    with smtplib.SMTP("127.0.0.1", box.smtp_port) as client:
        client.send_message(letter("<script>alert(1)</script>", "<b>"))

    page = requests.get(box.url, timeout=5).text

    assert "&lt;script&gt;alert(1)" in page
    assert "<script>" not in page
    assert "<b>" not in page


def test_what_it_does_not_know_it_declines_and_goes_on(box: RunningMailbox) -> None:
    with smtplib.SMTP("127.0.0.1", box.smtp_port) as client:
        assert client.docmd("STARTTLS")[0] == 502
        assert client.docmd("VRFY anna")[0] == 502
        client.send_message(letter("all the same"))

    assert [each.text for each in box.box.letters()] == ["all the same\n"]
