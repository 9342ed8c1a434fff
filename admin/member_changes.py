"""What staff do to a balance: adjust with a reason, see the new balance first, undo; and give a code back."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import flash, redirect, render_template, url_for
from sqlmodel import Session
from werkzeug import Response
from wtforms import HiddenField, TextAreaField
from wtforms.validators import Length

from admin.formats import number, points
from admin.forms import ButtonForm, Form, select, whole_number
from admin.member_page import UNDO_WITHIN, UNDOABLE, Worth, known_of, worth_of
from admin.order_texts import ADJUST_REASONS
from admin.screens import EVERYONE, actor, change, merchant_id, now, read, runtime, screen, staff_id, wake
from admin.sentences import sentences
from admin.texts import gettext
from admin.texts import lazy_gettext as _l
from core.earning.awards import dates_of
from core.errors import InsufficientPoints, NotFound, Refused
from core.ids import MemberId, PostingId, RedemptionId, new_id
from core.ledger import commands as ledger
from core.ledger import queries as books
from core.ledger.queries import BalanceView, TimelineEntry
from core.members import queries as members
from core.members.queries import MemberView
from core.merchants import audit, queries, staff
from core.merchants.staff import Role
from core.program import queries as programs
from core.proofs import commands as proofs
from core.rewards.redemption import commands as redemption_commands
from core.rewards.redemption import queries as redemption_queries
from core.work import effects

LARGEST = 1_000_000
# What the role "support" may move alone; more needs a manager.
SUPPORT_AT_ONCE, SUPPORT_A_DAY = 500, 2_000
LONGEST_NOTE = 500


class AdjustForm(Form):
    direction = select(_l("Do what"), [("give", _l("Give points")), ("take", _l("Take points"))])
    points = whole_number(_l("How many points"), low=1, high=LARGEST, autofocus=True)
    reason = select(_l("Reason"), ADJUST_REASONS.items())
    staff_note = TextAreaField(
        _l("Note for colleagues"),
        [Length(max=LONGEST_NOTE)],
        description=_l("The member never sees it."),
        render_kw={"rows": 2, "maxlength": LONGEST_NOTE},
    )
    member_note = TextAreaField(
        _l("Text for the member"),
        [Length(max=LONGEST_NOTE)],
        description=_l("The member sees it beside the entry. Leave it empty to show none."),
        render_kw={"rows": 2, "maxlength": LONGEST_NOTE},
    )
    key = HiddenField()  # so that a double click adjusts once
    confirmed = HiddenField()

    @property
    def signed_points(self) -> int:
        amount = self.points.data or 0
        return amount if self.direction.data == "give" else -amount


@dataclass(frozen=True)
class Preview:
    """The balance before and after, as the ledger will book it: giving pays what is owed first."""

    before: BalanceView
    available: int
    debt: int
    worth: Worth | None


@screen("/members/<id:member_id>/adjust", roles=EVERYONE, methods=("GET", "POST"))
def member_adjust(member_id: MemberId) -> Response | str | tuple[str, int]:
    """First the form, then what it would do, then done."""
    person, balance = read(lambda s: _person(s, member_id))
    form = AdjustForm(key=new_id())
    if not form.validate_on_submit():
        page = render_template("admin/adjust.html", form=form, person=person, balance=balance)
        return page, 400 if form.errors else 200
    read(lambda s: _check_limits(s, form.signed_points))
    if form.confirmed.data != "yes":
        shown = read(lambda s: _preview(s, balance, form.signed_points))
        return render_template(
            "admin/adjust_confirm.html", form=form, person=person, preview=shown, amount=points(abs(form.signed_points))
        )
    change(
        "member.adjusted",
        lambda s: _adjust(s, member_id, form),
        subject=member_id,
        details={"points": form.signed_points, "reason": form.reason.data},
    )
    flash(gettext("Done. You can undo it from the timeline for 30 days."), "success")
    return _back(member_id)


@screen("/members/<id:member_id>/undo/<id:posting_id>", roles=EVERYONE, methods=("GET", "POST"))
def member_undo(member_id: MemberId, posting_id: PostingId) -> Response | str:
    person, entry, said = read(lambda s: _undoable(s, member_id, posting_id))
    if not ButtonForm().validate_on_submit():
        return render_template("admin/undo.html", person=person, entry=entry, sentences=said, form=ButtonForm())
    moved = change(
        "member.adjustment_undone",
        lambda s: ledger.reverse(
            s,
            merchant_id(),
            member_id,
            posting_id,
            author_id=staff_id(),
            grace_until=_grace_until(s),
            now=now(),
        ),
        subject=member_id,
        details=lambda count: {"points": count},
    )
    flash(gettext("Undone: %(points)s.", points=points(abs(moved))), "success")
    return _back(member_id)


@screen("/members/<id:member_id>/codes/<id:redemption_id>/give-back", roles=EVERYONE, methods=("POST",))
def member_give_back(member_id: MemberId, redemption_id: RedemptionId) -> Response:
    """Make a code invalid; when the shop has confirmed that, its points are there again."""

    def ask(s: Session) -> None:
        found = redemption_queries.redemption(s, merchant_id(), redemption_id)
        if found.member_id != member_id:
            raise NotFound("There is no such redemption")
        redemption_commands.give_back(s, merchant_id(), redemption_id, now=now())

    change("member.code_given_back", ask, subject=member_id, details={"redemption": redemption_id})
    after = effects.run_effect(runtime(), merchant_id(), redemption_id)
    wake()
    if after.state == "voided":
        flash(gettext("The code is invalid now, and its points are back."), "success")
    else:
        flash(gettext("The points come back as soon as the shop confirms that the code is invalid."), "warning")
    return _back(member_id)


@screen("/members/<id:member_id>/browsers/end", roles=EVERYONE, methods=("POST",))
def member_end_browsers(member_id: MemberId) -> Response:
    """No browser that proved to be this member's by a mailed code is believed any longer."""

    def end(s: Session) -> None:
        members.member(s, merchant_id(), member_id)
        proofs.end_browsers(s, merchant_id(), member_id)

    change("member.browsers_ended", end, subject=member_id)
    flash(gettext("Done. Within six minutes, every browser asks this member for a new code."), "success")
    return _back(member_id)


def _adjust(s: Session, member_id: MemberId, form: AdjustForm) -> PostingId:
    moment = now()
    staff.locked(s, merchant_id(), staff_id())
    _check_limits(s, form.signed_points)
    try:
        expires_at = dates_of(programs.current(s, merchant_id(), now=moment).terms, moment)[1]
    except NotFound:
        expires_at = None
    try:
        return ledger.adjust(
            s,
            merchant_id(),
            member_id,
            form.signed_points,
            reason=form.reason.data,
            notes={"staff": (form.staff_note.data or "").strip(), "member": (form.member_note.data or "").strip()},
            erasure_key=members.erasure_key(s, runtime().vault, merchant_id(), member_id),
            author_id=staff_id(),
            idempotency_key=form.key.data or new_id(),
            expires_at=expires_at,
            now=moment,
        )
    except InsufficientPoints as error:
        raise Refused(_too_few(error.available)) from error


def _check_limits(s: Session, amount: int) -> None:
    """Support moves small amounts alone; the day is the last 24 hours. Raises Refused."""
    if actor().role is not Role.SUPPORT:
        return
    if abs(amount) > SUPPORT_AT_ONCE:
        raise Refused(
            gettext("Your role may adjust %(points)s at once. Ask a manager.", points=points(SUPPORT_AT_ONCE))
        )
    since = now() - timedelta(days=1)
    mine = audit.of_actor(s, merchant_id(), staff_id(), action="member.adjusted", since=since)
    if sum(abs(int(entry.details["points"])) for entry in mine) + abs(amount) > SUPPORT_A_DAY:
        raise Refused(
            gettext("Your role may adjust %(points)s within 24 hours. Ask a manager.", points=points(SUPPORT_A_DAY))
        )


def _preview(s: Session, balance: BalanceView, amount: int) -> Preview:
    if amount < 0 and balance.available < -amount:
        raise Refused(_too_few(balance.available))
    owed = min(max(amount, 0), -balance.debt)
    available = balance.available + amount - owed
    shops = queries.shops(s, merchant_id())
    return Preview(balance, available, balance.debt + owed, worth_of(s, available, shops))


def _too_few(available: int) -> str:
    return gettext("The member has only %(number)s that are free to take.", number=points(available))


def _person(s: Session, member_id: MemberId) -> tuple[MemberView, BalanceView]:
    person = members.member(s, merchant_id(), member_id)
    return person, books.balance_now(s, merchant_id(), member_id, now=now())


def _undoable(s: Session, member_id: MemberId, posting_id: PostingId) -> tuple[MemberView, TimelineEntry, list[str]]:
    person = members.member(s, merchant_id(), member_id)
    entry = books.find_posting(s, merchant_id(), member_id, posting_id)
    if entry is None:
        raise NotFound("There is no such posting")
    if entry.cause not in UNDOABLE:
        raise Refused(gettext("Only adjustments and bonuses can be undone. For an order, decide about the order."))
    if entry.reversed_by is not None:
        raise Refused(gettext("This was undone before."))
    if now() - entry.recorded_at > UNDO_WITHIN:
        raise Refused(
            gettext("This is older than %(days)s days. Adjust the balance instead.", days=number(UNDO_WITHIN.days))
        )
    return person, entry, sentences(entry, known_of(s, [entry]))


def _grace_until(s: Session) -> datetime | None:
    try:
        return now() + timedelta(days=programs.current(s, merchant_id(), now=now()).terms.grace_days)
    except NotFound:
        return None


def _back(member_id: MemberId) -> Response:
    return redirect(url_for("admin.member", member_id=member_id), code=303)
