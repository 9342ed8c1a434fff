"""The worker's step for letters: claim one, ask the shop for the customer's address, hand it over, say how it went.

The address is the shop's, read now: never one that a browser sent. It is in memory only, and in no log.
"""

from collections.abc import Sequence

import structlog
from sqlmodel import Session

from app import mailing_smtp
from app.mailing_smtp import MailFailure
from core.db.engine import reading, run_tx
from core.errors import Conflict, ExternalNotFound, InvalidInput, NotFound, PlatformError
from core.ids import MerchantId
from core.mail import commands, queries
from core.mail.commands import Claimed
from core.runtime import Runtime
from core.settings import MailServer
from core.work.reading import connector_of

log = structlog.get_logger(__name__)

# Of a customer with several accounts each one shops for itself, so each is written to: within reason.
RECIPIENTS = 5


def send_due(runtime: Runtime, merchant_id: MerchantId) -> bool:
    """Send the letter that has waited longest. False when none is due."""
    with reading(runtime.db) as session:
        if not queries.is_due(session, merchant_id, now=runtime.clock()):
            return False
    claimed = run_tx(
        runtime.db, lambda session: commands.take(session, runtime.vault, merchant_id, now=runtime.clock())
    )
    if claimed is not None:
        _deliver(runtime, claimed)
    return True


def _deliver(runtime: Runtime, claimed: Claimed) -> None:
    """Whatever goes wrong outside is written down, and tried again while there is hope."""
    server = runtime.settings.mail
    if server is None:
        return _later(runtime, claimed, "mail is not set up")
    try:
        recipients = _addresses(runtime, claimed)
    except (PlatformError, Conflict, NotFound) as error:
        # Only the kind: what a platform says of a customer may name them.
        return _later(runtime, claimed, type(error).__name__, getattr(error, "retry_after_s", None))
    if not recipients:
        return _end(runtime, claimed, "dropped", "nobody to write to")
    refused, delayed = [], []
    for number, recipient in enumerate(recipients):
        try:
            refused.append(_hand_over(server, claimed, recipient, number))
        except MailFailure as failure:
            delayed.append(failure.message)
    if None in refused:  # sent again for the sake of another account, it would come to this one twice
        return _end(runtime, claimed, "sent", None)
    if delayed:
        return _later(runtime, claimed, delayed[0])
    return _end(runtime, claimed, "parked", refused[0])


def _addresses(runtime: Runtime, claimed: Claimed) -> Sequence[str]:
    """Of the customer, as the shop says; none for an id that it does not know. Raises PlatformError, Conflict."""
    customers = connector_of(runtime, claimed.merchant_id, claimed.shop_id).customers
    try:
        found = [mailing_smtp.usable(address) for address in customers.emails_of(claimed.customer_id)]
    except (ExternalNotFound, InvalidInput):
        return ()
    return list(dict.fromkeys(address for address in found if address is not None))[:RECIPIENTS]


def _hand_over(server: MailServer, claimed: Claimed, recipient: str, number: int) -> str | None:
    """Why this address will never get it; None once the server has it. Raises MailFailure for what may pass.

    The id is the same when the letter is sent again.
    """
    try:
        message = mailing_smtp.compose(
            claimed.letter,
            sender=server.sender,
            recipient=recipient,
            message_id=f"{claimed.mail_id}.{number}",
            at=claimed.queued_at,
        )
        mailing_smtp.send(server, message, recipient=recipient)
    except ValueError:
        return "a header would be broken"
    except MailFailure as failure:
        if not failure.final:
            raise
        return failure.message
    return None


def _end(runtime: Runtime, claimed: Claimed, ending: commands.Ending, reason: str | None) -> None:
    def work(session: Session) -> None:
        now = runtime.clock()
        commands.end(session, claimed.merchant_id, claimed.mail_id, ending, reason=reason, now=now)

    run_tx(runtime.db, work)
    log.info(f"mail.{ending}", merchant_id=claimed.merchant_id, mail_id=claimed.mail_id, reason=reason)


def _later(runtime: Runtime, claimed: Claimed, reason: str, wait_s: int | None = None) -> None:
    def work(session: Session) -> None:
        commands.try_later(session, claimed, reason=reason, wait_s=wait_s, now=runtime.clock())

    run_tx(runtime.db, work)
    log.info("mail.failed", merchant_id=claimed.merchant_id, mail_id=claimed.mail_id, reason=reason)
