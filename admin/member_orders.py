"""Orders as support sees them: why one shows no points, read it again, decide about it."""

from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from sqlmodel import Session
from werkzeug import Response

from admin.formats import points
from admin.forms import ButtonForm, Form, select, text, whole_number
from admin.member_page import OrderRow, known_of, order_row
from admin.order_texts import ACCOUNTS, DECISION_REASONS, KINDS
from admin.program_texts import rate_sentence
from admin.screens import EVERYONE, change, merchant_id, now, read, runtime, screen, staff_id, wake
from admin.sentences import Known
from admin.texts import gettext
from admin.texts import lazy_gettext as _l
from core.earning import orders
from core.earning import queries as order_queries
from core.earning.assess import Assessment, assess
from core.earning.orders import Decision
from core.errors import InvalidInput, NotFound, Refused
from core.ids import MemberId, OrderId, ShopId
from core.ledger import queries as ledger
from core.ledger.lots import Transfer
from core.members import queries as members
from core.members.queries import MemberView
from core.merchants import queries
from core.merchants.queries import ShopView
from core.program import queries as programs
from core.program.queries import ProgramView
from core.work import reading

LARGEST = 1_000_000


class WhyForm(Form):
    number = text(_l("Order number"), longest=100, autocomplete="off", spellcheck="false")


class DecisionForm(Form):
    kind = select(
        _l("Decision"),
        [
            ("exclude", _l("This order does not count")),
            ("fix", _l("This order is worth exactly so many points")),
            ("withdraw", _l("By the rules, without a decision")),
        ],
    )
    points = whole_number(_l("Points"), low=0, high=LARGEST, required=False, hint=_l("Only for a fixed worth."))
    reason = select(_l("Reason"), DECISION_REASONS.items())

    def decision(self, author_id: str) -> Decision | None:
        if self.kind.data == "withdraw":
            return None
        amount = (self.points.data or 0) if self.kind.data == "fix" else 0
        return Decision(kind=self.kind.data, points=amount, reason=self.reason.data, author_id=author_id)


@dataclass(frozen=True)
class OrderPage:
    """One order: what we know, how its points come about, who owns it, what was booked."""

    row: OrderRow
    owner: MemberView | None
    program: ProgramView | None
    assessment: Assessment | None
    rate: str
    booked: list[tuple[MemberView, Transfer]]
    known: Known

    @property
    def title(self) -> str:
        return self.row.order.number or self.row.order.external_id


@screen("/members/<id:member_id>/why", roles=EVERYONE)
def order_why(member_id: MemberId) -> str:
    """ "Why is this order not here?": every order with that number, with the reason; or the offer to look in the shop."""
    number = request.args.get("number", "").strip()[:100]
    person, found, shops = read(lambda s: _why(s, member_id, number))
    return render_template("admin/why.html", person=person, number=number, found=found, shops=shops, form=ButtonForm())


@screen("/members/<id:member_id>/fetch", roles=EVERYONE, methods=("POST",))
def order_fetch(member_id: MemberId) -> Response:
    """An order that we have never heard of: look for it in the shop now."""
    read(lambda s: members.member(s, merchant_id(), member_id))
    shop_id, number = ShopId(request.form.get("shop_id", "")), request.form.get("number", "").strip().lstrip("#")
    if shop_id not in {shop.shop_id for shop in read(lambda s: queries.shops(s, merchant_id()))}:
        raise NotFound("There is no such shop")
    order_id = change(
        "order.settled_again",
        lambda s: orders.want(s, merchant_id(), shop_id, number, now=now()),
        subject=shop_id,
        details={"order": number},
    )
    return _read_now(order_id)


@screen("/orders/<id:order_id>", roles=EVERYONE)
def order(order_id: OrderId) -> str:
    page = read(lambda s: _page(s, order_id))
    decision = page.row.order.decision
    form = DecisionForm(
        formdata=None,
        kind=decision.kind if decision else "exclude",
        points=decision.points if decision else None,
        reason=decision.reason if decision else None,
    )
    return render_template("admin/order.html", page=page, form=form, kinds=KINDS, accounts=ACCOUNTS)


@screen("/orders/<id:order_id>/settle", roles=EVERYONE, methods=("POST",))
def order_settle(order_id: OrderId) -> Response:
    """Read the order from the shop once more, now, and book what differs."""

    def again(s: Session) -> None:
        found = order_queries.order(s, merchant_id(), order_id)
        orders.want(s, merchant_id(), found.shop_id, found.external_id, now=now())

    change("order.settled_again", again, subject=order_id)
    return _read_now(order_id)


@screen("/orders/<id:order_id>/decide", roles=EVERYONE, methods=("POST",))
def order_decide(order_id: OrderId) -> Response:
    """Exclude the order or fix its worth; settlement then books the difference, now and whenever the order changes."""
    form = DecisionForm()
    if not form.validate_on_submit():
        raise InvalidInput(gettext("Choose a decision, a reason, and points from 0 to %(most)s.", most=points(LARGEST)))
    if form.kind.data == "fix" and form.points.data is None:
        raise Refused(gettext("Say how many points the order is worth."))
    decision = form.decision(staff_id())
    change(
        "order.decided",
        lambda s: orders.decide(s, merchant_id(), order_id, decision, now=now()),
        subject=order_id,
        details={"decision": form.kind.data, "points": form.points.data, "reason": form.reason.data},
    )
    return _read_now(order_id)


def _read_now(order_id: OrderId) -> Response:
    reading.read_now(runtime(), merchant_id(), order_id)
    wake()
    after = read(lambda s: order_queries.order(s, merchant_id(), order_id))
    if after.last_error:
        flash(gettext("The shop did not let us read the order yet; we keep trying."), "warning")
    elif after.waiting:
        flash(gettext("The order is being read. Load this page again in a moment."), "warning")
    else:
        flash(gettext("The order was read from the shop, and its points are up to date."), "success")
    return redirect(url_for("admin.order", order_id=order_id), code=303)


def _why(s: Session, member_id: MemberId, number: str) -> tuple[MemberView, list[OrderRow], list[ShopView]]:
    person = members.member(s, merchant_id(), member_id)
    shops = {shop.shop_id: shop for shop in queries.shops(s, merchant_id())}
    found = order_queries.by_number(s, merchant_id(), number) if number else []
    connected = [shop for shop in shops.values() if shop.connected]
    return person, [order_row(view, shops.get(view.shop_id)) for view in found], connected


def _page(s: Session, order_id: OrderId) -> OrderPage:
    mine = merchant_id()
    found = order_queries.order(s, mine, order_id)
    program = programs.version(s, mine, found.program_version_id) if found.program_version_id else None
    assessment = None
    rate = ""
    if program is not None and found.snapshot is not None and found.snapshot.currency in program.terms.currencies:
        assessment = assess(found.snapshot, program.terms)
        rate = rate_sentence(found.snapshot.currency, program.terms.currencies[found.snapshot.currency])
    booked = ledger.transfers_of_order(s, mine, order_id)
    people = {member_id: members.member(s, mine, member_id) for member_id, _ in booked}
    return OrderPage(
        row=order_row(found, queries.shop(s, mine, found.shop_id)),
        owner=members.member(s, mine, found.owner_id) if found.owner_id else None,
        program=program,
        assessment=assessment,
        rate=rate,
        booked=[(people[member_id], transfer) for member_id, transfer in booked],
        known=known_of(s, []),
    )
