"""Somebody inside a platform's own admin, proven for one request, and the answers for those who are not.

How they are proven differs: by_token.py, by_code.py. What they may do is asked of their row, as outside.
"""

from dataclasses import dataclass, field
from typing import cast

from flask import g, make_response, render_template, request
from sqlmodel import Session
from werkzeug import Response as BaseResponse

from admin.following import PROVEN
from admin.frames import PLATFORM_NAMES, Framing
from admin.languages import speak
from admin.screens import now, read, runtime
from admin.texts import gettext
from core.db.engine import run_tx
from core.errors import NotFound
from core.merchants import audit, staff
from core.merchants.apps import AppView
from core.merchants.queries import ShopView
from core.merchants.staff import Role, StaffView
from core.ports import StaffVisit


@dataclass(frozen=True)
class Visit:
    """Who is here: the app by the address, shop and person by the proof.

    `bearer`: what the page proves its fetches with, where the platform gives it nothing; said once, to the first page.
    `language`: as the platform says it of who reads the page.
    """

    app: AppView
    framing: Framing
    shop: ShopView
    person: StaffView
    bearer: str | None = field(default=None, repr=False)
    language: str | None = None


def visit() -> Visit | None:
    """Who is here inside a platform's own admin; None outside of it."""
    return cast(Visit | None, g.get("visit"))


def said_language() -> str | None:
    """What the platform says that who is at work in its admin reads. A fetch says what its page was in, as browsers do."""
    framing: Framing = g.framing
    return request.args.get(framing.words.language)


def let_in(found: Visit) -> BaseResponse | None:
    """None: nothing stands in the way."""
    g.framing = found.framing
    speak(found.person.language or found.language)
    if not found.person.active:
        return deactivated()
    g.visit = request.environ[PROVEN] = found
    return None


def known(app: AppView, proven: StaffVisit) -> StaffView | None:
    staff_id = staff.platform_staff_id(app.merchant_id, proven.base_url, proven.user_id)
    try:
        return read(lambda s: staff.staff(s, app.merchant_id, staff_id))
    except NotFound:
        return None


def met(app: AppView, proven: StaffVisit, name: str) -> StaffView:
    """Somebody whom the platform vouches for, seen for the first time.

    A manager: who may open an app is for the shop's owner to say there, and an app has no finer grades. An owner of the
    program can change the role or deactivate the person, as anybody's.
    """

    def add(session: Session) -> StaffView:
        person, is_new = staff.add_by_platform(
            session,
            app.merchant_id,
            base_url=proven.base_url,
            user_id=proven.user_id,
            name=name,
            role=Role.MANAGER,
            now=now(),
        )
        if is_new:
            audit.record(
                session,
                app.merchant_id,
                actor_kind="system",
                actor_id=None,
                action="staff.met",
                subject=person.staff_id,
                details={"platform": app.app.platform.value, "shop": proven.base_url},
                now=now(),
            )
        return person

    return run_tx(runtime().db, add)


def note_sign_in(person: StaffView) -> None:
    run_tx(runtime().db, lambda s: staff.note_sign_in(s, person.merchant_id, person.staff_id, now=now()))


def stale(framing: Framing) -> BaseResponse:
    """To a fetch without a good bearer."""
    answer = make_response(str(framing.words.anew), 401)
    if framing.words.stale is not None:
        name, value = framing.words.stale
        answer.headers[name] = value
    return answer


def deactivated() -> BaseResponse:
    return problem(403, gettext("An owner of this program has deactivated you. Ask them to let you in again."))


def problem(status: int, text: str, *, title: str | None = None) -> BaseResponse:
    framing: Framing = g.framing
    can_retry = framing.words.bridge is not None
    page = render_template("admin/embedded_problem.html", text=text, title=title, can_retry=can_retry)
    return make_response(page, status)


def platform_name(app: AppView) -> str:
    return PLATFORM_NAMES[app.app.platform]
