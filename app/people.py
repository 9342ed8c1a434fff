"""Commands on staff and merchants: links are printed to be handed over; no e-mail is sent."""

from collections.abc import Callable

from sqlmodel import Session

from core.db.engine import reading, run_tx
from core.errors import InvalidInput, NotFound
from core.ids import MerchantId
from core.merchants import audit, commands, staff
from core.merchants import queries as merchant_queries
from core.merchants.staff import Role, StaffView
from core.runtime import Runtime

Say = Callable[[str], None]


def invite(runtime: Runtime, merchant: str | None, *, email: str, name: str, role: str, say: Say) -> None:
    """Raises Conflict when the e-mail is taken, InvalidInput when it is not clear which merchant is meant."""
    with reading(runtime.db) as session:
        merchant_id = _merchant(session, merchant)
    now = runtime.clock()

    def work(session: Session) -> str:
        token = staff.invite(session, merchant_id, email=email, name=name, role=Role(role), now=now)
        _record(session, runtime, merchant_id, "staff.invited", details={"role": role})
        return token

    say(_link(runtime, run_tx(runtime.db, work)))


def reset(runtime: Runtime, email: str, *, say: Say) -> None:
    """Raises NotFound."""
    now = runtime.clock()

    def work(session: Session) -> str:
        person = _person(session, email)
        token = staff.reset(session, person.merchant_id, person.staff_id, now=now)
        _record(session, runtime, person.merchant_id, "staff.reset", subject=person.staff_id)
        return token

    say(_link(runtime, run_tx(runtime.db, work)))


def add_merchant(runtime: Runtime, name: str, timezone: str, *, say: Say) -> None:
    """Raises InvalidInput for a time zone that does not exist."""
    now = runtime.clock()

    def work(session: Session) -> MerchantId:
        merchant_id = commands.create_merchant(session, name=name, timezone=timezone, now=now)
        _record(session, runtime, merchant_id, "merchant.added")
        return merchant_id

    merchant_id = run_tx(runtime.db, work)
    say(f"{name} has the id {merchant_id}. Invite its owner:")
    say(f"  regulars staff invite OWNER@EXAMPLE.COM --role owner --merchant {merchant_id}")


def _merchant(session: Session, given: str | None) -> MerchantId:
    known = merchant_queries.all_merchants(session)
    if given is not None:
        if given not in {merchant.merchant_id for merchant in known}:
            raise NotFound("There is no merchant with this id")
        return MerchantId(given)
    if len(known) != 1:
        names = ", ".join(f"{merchant.name} ({merchant.merchant_id})" for merchant in known) or "there is none yet"
        raise InvalidInput(f"Say which merchant with --merchant: {names}")
    return known[0].merchant_id


def _person(session: Session, email: str) -> StaffView:
    wanted = staff.normal_email(email)
    for merchant in merchant_queries.all_merchants(session):
        for person in staff.staff_list(session, merchant.merchant_id):
            if person.email == wanted:
                return person
    raise NotFound("Nobody signs in with this e-mail address")


def _link(runtime: Runtime, token: str) -> str:
    return f"Open this within a day: {runtime.public_url()}/admin/link/{token}"


def _record(
    session: Session,
    runtime: Runtime,
    merchant_id: MerchantId,
    action: str,
    *,
    subject: str = "",
    details: dict[str, str] | None = None,
) -> None:
    audit.record(
        session,
        merchant_id,
        actor_kind="command_line",
        actor_id=None,
        action=action,
        subject=subject,
        details=details,
        now=runtime.clock(),
    )
