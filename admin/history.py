"""Past orders of a shop: read them, see what each choice would give, answer, watch it being booked. Nothing is given silently."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import flash, redirect, render_template, url_for
from sqlmodel import Session
from werkzeug import Response
from wtforms import DateField, HiddenField, RadioField
from wtforms.validators import Optional

from admin import order_texts
from admin.formats import how_long
from admin.forms import Form, options, whole_number
from admin.screens import MANAGERS, change, merchant, merchant_id, now, read, screen, wake, zone
from admin.texts import gettext
from admin.texts import lazy_gettext as _l
from core.clock import start_of_day
from core.errors import InvalidInput, NotFound, Refused
from core.ids import ShopId
from core.merchants import commands, queries
from core.merchants.queries import ShopView
from core.program import queries as programs
from core.work import backfill
from core.work.backfill import BackfillView, Preview

DEFAULT_BONUS = 100
A_YEAR = timedelta(days=365)
REFRESH_S = 2


class AnswerForm(Form):
    mode = RadioField(
        _l("Points for past orders"),
        choices=options(
            [
                ("none", _l("No points: everybody starts at zero")),
                ("from_date", _l("Points for orders from a date on, as if the program had run since then")),
                ("welcome_bonus", _l("A welcome bonus for each customer who ordered before")),
            ]
        ),
        default="none",
    )
    points_from = DateField(_l("From"), [Optional()])
    bonus_points = whole_number(_l("Points for each customer"), low=1, high=1_000_000, required=False)
    confirmed = HiddenField()

    def choice(self) -> dict[str, str | int | None]:
        """What was chosen, without what belongs to other choices."""
        chosen_from = self.points_from.data if self.mode.data == "from_date" else None
        bonus = self.bonus_points.data if self.mode.data == "welcome_bonus" else None
        return {"mode": self.mode.data, "from": str(chosen_from) if chosen_from else None, "bonus": bonus}

    def points_from_instant(self) -> datetime | None:
        """The start of that day in the merchant's zone; only where this choice needs one."""
        if self.mode.data != "from_date" or self.points_from.data is None:
            return None
        return start_of_day(self.points_from.data, zone())


@dataclass(frozen=True)
class Progress:
    """How far it is. `per_minute` and `left`: once there is something to judge by."""

    done: int
    total: int | None
    per_cent: int | None
    per_minute: int | None
    left: str | None


@dataclass(frozen=True)
class HistoryPage:
    shop: ShopView
    view: BackfillView | None
    progress: Progress | None
    skipped: list[tuple[str, int]]
    has_program: bool


@screen("/shops/<id:shop_id>/history", roles=MANAGERS)
def history(shop_id: ShopId) -> str:
    page = read(lambda s: _page(s, shop_id))
    form = AnswerForm(formdata=None, points_from=(now() - A_YEAR).date(), bonus_points=DEFAULT_BONUS)
    return render_template("admin/history.html", page=page, form=form, refresh_s=REFRESH_S)


@screen("/shops/<id:shop_id>/history/progress", roles=MANAGERS)
def history_progress(shop_id: ShopId) -> str:
    """The moving part of the page, asked for every other second while something moves."""
    page = read(lambda s: _page(s, shop_id))
    return render_template("admin/history_progress.html", page=page, refresh_s=REFRESH_S)


@screen("/shops/<id:shop_id>/history/begin", roles=MANAGERS, methods=("POST",))
def history_begin(shop_id: ShopId) -> Response:
    if not read(lambda s: queries.shop(s, merchant_id(), shop_id)).connected:
        raise Refused(gettext("This shop is not connected."))
    change("history.begun", lambda s: backfill.begin(s, merchant_id(), shop_id, now=now()), subject=shop_id)
    wake()
    return _back(shop_id)


@screen("/shops/<id:shop_id>/history/answer", roles=MANAGERS, methods=("POST",))
def history_answer(shop_id: ShopId) -> Response | str | tuple[str, int]:
    """First what the choice would give; with `confirmed`, it is done."""
    form = AnswerForm()
    page = read(lambda s: _page(s, shop_id))
    if page.view is None:
        raise NotFound("Nothing has been read")
    backfill_id = page.view.backfill_id
    try:
        if not form.validate_on_submit():
            raise InvalidInput("")
        _check(form)
        if form.confirmed.data != "yes":
            shown = read(lambda s: _preview(s, shop_id, form))
            return render_template(
                "admin/history_confirm.html",
                page=page,
                form=form,
                preview=shown,
                skipped=_skipped(shown.skipped),
                needs_launch=_needs_launch(form),
            )
        launch = "staff" if _needs_launch(form) else None
        change(
            "history.answered",
            lambda s: _answer(s, backfill_id, form),
            subject=shop_id,
            details={**form.choice(), "launch": launch},
        )
    except InvalidInput as error:
        if error.message:
            form.take_error(error, "mode")
        return render_template("admin/history.html", page=page, form=form, refresh_s=REFRESH_S), 400
    wake()
    return _back(shop_id)


@screen("/shops/<id:shop_id>/history/pause", roles=MANAGERS, methods=("POST",))
def history_pause(shop_id: ShopId) -> Response:
    backfill_id = _current(shop_id)
    change("history.paused", lambda s: backfill.pause(s, merchant_id(), backfill_id), subject=shop_id)
    flash(gettext("Paused. Nothing is lost."), "success")
    return _back(shop_id)


@screen("/shops/<id:shop_id>/history/resume", roles=MANAGERS, methods=("POST",))
def history_resume(shop_id: ShopId) -> Response:
    backfill_id = _current(shop_id)
    change("history.resumed", lambda s: backfill.resume(s, merchant_id(), backfill_id), subject=shop_id)
    wake()
    return _back(shop_id)


def _page(s: Session, shop_id: ShopId) -> HistoryPage:
    shop = queries.shop(s, merchant_id(), shop_id)
    view = backfill.latest(s, merchant_id(), shop_id)
    try:
        programs.current(s, merchant_id(), now=now())
        has_program = True
    except NotFound:
        has_program = False
    return HistoryPage(
        shop=shop,
        view=view,
        progress=_progress(view) if view else None,
        skipped=_skipped(view.skipped) if view else [],
        has_program=has_program,
    )


def _progress(view: BackfillView) -> Progress:
    booking = view.mode is not None
    done, total = (view.booked, view.read) if booking else (view.read, view.total)
    share = min(100, done * 100 // total) if total else None
    minutes = (now() - view.started_at).total_seconds() / 60
    rate = int(done / minutes) if not booking and done and minutes > 0.05 else None
    left = None
    if rate and total and view.state == "reading":
        rest = timedelta(minutes=max(0, total - done) / rate)
        left = how_long(rest)
    return Progress(done, total, share, rate, left)


def _skipped(words: dict[str, int]) -> list[tuple[str, int]]:
    """Why orders earn nothing and how many, the most first."""
    return [(order_texts.why(word), count) for word, count in sorted(words.items(), key=lambda pair: -pair[1])]


def _preview(s: Session, shop_id: ShopId, form: AnswerForm) -> Preview:
    return backfill.preview(
        s,
        merchant_id(),
        shop_id,
        mode=form.mode.data,
        points_from=form.points_from_instant(),
        bonus_points=form.bonus_points.data or 0,
        now=now(),
    )


def _answer(s: Session, backfill_id: str, form: AnswerForm) -> BackfillView:
    """In draft no order earns, so that points from a date show the program to staff first: the page has said so."""
    if _needs_launch(form):
        commands.set_launch(s, merchant_id(), "staff", now=now())
    return backfill.answer(
        s,
        merchant_id(),
        backfill_id,
        mode=form.mode.data,
        points_from=form.points_from_instant(),
        bonus_points=form.bonus_points.data if form.mode.data == "welcome_bonus" else None,
        now=now(),
    )


def _needs_launch(form: AnswerForm) -> bool:
    return bool(form.mode.data == "from_date" and merchant().launch == "draft")


def _check(form: AnswerForm) -> None:
    """Raises InvalidInput for a choice that lacks what it needs."""
    instant = form.points_from_instant()
    if form.mode.data == "from_date" and (instant is None or instant > now()):
        raise InvalidInput(gettext("Choose a day in the past."), field="points_from")
    if form.mode.data == "welcome_bonus" and not form.bonus_points.data:
        raise InvalidInput(gettext("Say how many points each customer gets."), field="bonus_points")


def _current(shop_id: ShopId) -> str:
    found = read(lambda s: backfill.latest(s, merchant_id(), shop_id))
    if found is None:
        raise NotFound("Nothing is being read")
    return found.backfill_id


def _back(shop_id: ShopId) -> Response:
    return redirect(url_for("admin.history", shop_id=shop_id), code=303)
