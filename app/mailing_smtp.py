"""Handing a letter to a mail server by SMTP. What goes wrong is named without an address: errors of smtplib hold them."""

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from core.mail.commands import Letter
from core.settings import MailServer

TIMEOUT_S = 15.0
LONGEST_HEADER = 200
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+")


class MailFailure(Exception):
    """The server did not take a letter. `final`: nor will it ever. The message is fit for a log."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.final = final


def compose(letter: Letter, *, sender: str, recipient: str, message_id: str, at: datetime) -> EmailMessage:
    """The mail as it is sent. Raises ValueError where a header would be broken.

    `sender`: a bare address; the name before it is the letter's. `recipient`: as `usable` returned it.
    """
    message = EmailMessage()
    message["From"] = Address(one_line(letter.sender), addr_spec=sender)
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = one_line(letter.subject)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers it
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    return message


def usable(address: str) -> str | None:
    """An address as SMTP takes it, its domain in ASCII; None for what is none, and for what could be more than one."""
    local, at, domain = address.strip().rpartition("@")
    try:
        host = domain.encode("idna").decode()
    except UnicodeError:
        return None
    fits = at and len(address) <= LONGEST_HEADER and _LOCAL.fullmatch(local) and _HOST.fullmatch(host)
    return f"{local}@{host}" if fits else None


def send(server: MailServer, message: EmailMessage, *, recipient: str, context: ssl.SSLContext | None = None) -> None:
    """Hand over one mail. Raises MailFailure. When it returns, the server has taken it and answers for it."""
    with _connected(server, context) as smtp:
        smtp.send_message(message, from_addr=server.sender, to_addrs=[recipient])


def look(server: MailServer, *, context: ssl.SSLContext | None = None) -> None:
    """Connect, make it private, sign in, and go. Raises MailFailure."""
    with _connected(server, context) as smtp:
        smtp.noop()


def one_line(text: str) -> str:
    """Without line breaks and other signs that are none: what stands in a header cannot begin another one."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:LONGEST_HEADER]


@contextmanager
def _connected(server: MailServer, context: ssl.SSLContext | None) -> Iterator[smtplib.SMTP]:
    context = context or ssl.create_default_context()
    try:
        smtp = _open(server, context)
        try:
            if server.tls == "starttls":
                smtp.starttls(context=context)  # raises where the server does not offer it: a password follows
            if server.user is not None:
                smtp.login(server.user, server.password or "")
            yield smtp
        finally:
            _leave(smtp)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise _failure(error) from None  # the error itself names people


def _open(server: MailServer, context: ssl.SSLContext) -> smtplib.SMTP:
    if server.tls == "implicit":
        return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=context)
    return smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)


def _leave(smtp: smtplib.SMTP) -> None:
    """However the server takes our leave: what it has taken before, it has taken."""
    with suppress(smtplib.SMTPException, OSError):
        smtp.quit()
    smtp.close()


def _failure(error: Exception) -> MailFailure:
    """Only what the server says of this mail for good is final; a wrong password may be put right."""
    codes: list[int] = []
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
    elif isinstance(error, smtplib.SMTPResponseException):
        codes = [error.smtp_code]
    of_this_mail = isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError)
    final = of_this_mail and bool(codes) and all(500 <= code < 600 for code in codes)
    return MailFailure(" ".join([type(error).__name__, *map(str, codes)]), final=final)
