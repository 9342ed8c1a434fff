"""Members: one search box for all that support has at hand, and the page that explains a balance line by line."""

from dataclasses import dataclass
from datetime import datetime

from flask import redirect, render_template, request, url_for
from sqlmodel import Session
from werkzeug import Response

from admin.forms import ButtonForm
from admin.member_page import MemberPage, OrderRow, member_page, order_row
from admin.paging import read_key, write_key
from admin.screens import EVERYONE, MANAGERS, actor, merchant_id, now, read, screen
from core.earning import queries as order_queries
from core.errors import NotFound
from core.ids import MemberId
from core.ledger import queries as ledger
from core.ledger.queries import BalanceView
from core.members import queries
from core.members.queries import MemberView
from core.merchants import queries as merchants
from core.rewards.redemption import queries as redemptions

PAGE = 25
SHORTEST_CODE = 12


@dataclass(frozen=True)
class MemberRow:
    member: MemberView
    balance: BalanceView


@dataclass(frozen=True)
class Found:
    """What a search found: members, and orders with that number."""

    members: list[MemberRow]
    orders: list[OrderRow]
    older: str | None = None


@screen("/members", roles=EVERYONE)
def members() -> Response | str:
    """Search, or all members in the order in which they joined. What names exactly one member leads to their page."""
    text = request.args.get("q", "").strip()[:200]
    if not text:
        found = read(lambda s: _all(s, read_key(request.args.get("after"))))
    else:
        found = read(lambda s: _search(s, text))
        if len(found.members) == 1 and not found.orders:
            return redirect(url_for("admin.member", member_id=found.members[0].member.member_id))
    return render_template("admin/members.html", text=text, found=found, may_export=actor().role in MANAGERS)


@screen("/members/<id:member_id>", roles=EVERYONE)
def member(member_id: MemberId) -> str:
    before_seq = request.args.get("before", type=int)
    page: MemberPage = read(lambda s: member_page(s, member_id, before_seq=before_seq))
    return render_template("admin/member.html", page=page, newest=before_seq is None, form=ButtonForm())


def _search(s: Session, text: str) -> Found:
    mine = merchant_id()
    shops = {shop.shop_id: shop for shop in merchants.shops(s, mine)}
    people = {person.member_id: person for person in queries.search(s, mine, text)}
    if len(text) >= SHORTEST_CODE:
        for redemption in redemptions.by_code(s, mine, text):
            people.setdefault(redemption.member_id, queries.member(s, mine, redemption.member_id))
    orders = order_queries.by_number(s, mine, text)
    return Found(
        members=[_row(s, person) for person in people.values()],
        orders=[order_row(found, shops.get(found.shop_id)) for found in orders],
    )


def _all(s: Session, after: tuple[datetime, str] | None) -> Found:
    key = (after[0], MemberId(after[1])) if after else None
    people = queries.page(s, merchant_id(), after=key, limit=PAGE)
    last = people[-1] if len(people) == PAGE else None
    return Found(
        [_row(s, person) for person in people], [], write_key(last.joined_at, last.member_id) if last else None
    )


def _row(s: Session, person: MemberView) -> MemberRow:
    try:
        balance = ledger.balance_now(s, merchant_id(), person.member_id, now=now())
    except NotFound:
        balance = BalanceView(0, 0, 0, 0, 0)
    return MemberRow(person, balance)
