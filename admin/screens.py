"""What every screen hangs on: the blueprint, who may come in, and how a screen reads and writes.

A route is declared with the roles that may use it; one that declares none cannot be reached. Foreign ids are not found.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, g
from flask_login import current_user
from sqlmodel import Session

from core.db.engine import reading, run_tx
from core.ids import MerchantId, StaffId
from core.merchants import audit, queries
from core.merchants.queries import MerchantView
from core.merchants.staff import Role, StaffView
from core.runtime import Runtime

T = TypeVar("T")
View = TypeVar("View", bound=Callable[..., Any])
Roles = frozenset[Role]

EVERYONE: Roles = frozenset(Role)
MANAGERS: Roles = frozenset({Role.OWNER, Role.MANAGER})
OWNERS: Roles = frozenset({Role.OWNER})
STRANGERS: Roles = frozenset()  # a screen for people who are not signed in

blueprint = Blueprint(
    "admin",
    "admin",
    url_prefix="/admin",
    template_folder="templates",
    static_folder="static",
)
# Endpoint without the blueprint's name -> who may use it.
ROLES: dict[str, Roles] = {}
# Those that are not found inside a platform's own admin: its staff have no password here, and do not say what we are there.
ONLY_OUTSIDE: set[str] = set()


def screen(
    rule: str, *, roles: Roles, methods: tuple[str, ...] = ("GET",), embedded: bool = True
) -> Callable[[View], View]:
    """A route of the admin, the roles that may use it, and whether it is there inside a platform's own admin too."""

    def mark(view: View) -> View:
        ROLES[view.__name__] = roles
        if not embedded:
            ONLY_OUTSIDE.add(view.__name__)
        blueprint.add_url_rule(rule, view.__name__, view, methods=list(methods))
        return view

    return mark


def runtime() -> Runtime:
    return cast(Runtime, current_app.extensions["regulars"])


def now() -> datetime:
    return runtime().clock()


def actor() -> StaffView:
    """Who is signed in. Only on screens that ask for a role."""
    return cast(StaffView, current_user.person)


def merchant_id() -> MerchantId:
    return actor().merchant_id


def staff_id() -> StaffId:
    return actor().staff_id


def merchant() -> MerchantView:
    """The merchant of who is signed in, read once a request."""
    if "admin_merchant" not in g:
        g.admin_merchant = read(lambda session: queries.merchant(session, merchant_id()))
    return cast(MerchantView, g.admin_merchant)


def zone() -> ZoneInfo:
    """The zone in which the admin shows times."""
    return ZoneInfo(merchant().timezone)


def read(work: Callable[[Session], T]) -> T:
    with reading(runtime().db) as session:
        return work(session)


def change(
    action: str,
    work: Callable[[Session], T],
    *,
    subject: str = "",
    details: Mapping[str, Any] | Callable[[T], Mapping[str, Any]] | None = None,
) -> T:
    """Do something and note in the audit who did it, in one transaction. `details` may be made from the result."""
    person, moment = actor(), now()

    def whole(session: Session) -> T:
        result = work(session)
        audit.record(
            session,
            person.merchant_id,
            actor_kind="staff",
            actor_id=person.staff_id,
            action=action,
            subject=subject,
            details=details(result) if callable(details) else details,
            now=moment,
        )
        return result

    done = run_tx(runtime().db, whole)
    g.pop("admin_merchant", None)
    return done


def wake() -> None:
    """Tell the worker that there is something to do."""
    current_app.extensions.get("regulars.wake", _nobody)()


def _nobody() -> None:
    pass
