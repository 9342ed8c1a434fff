"""The audit: who did what and when, newest first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import render_template, request, url_for
from sqlmodel import Session

from admin.formats import signed
from admin.order_texts import ADJUST_REASONS, DECISION_REASONS
from admin.paging import read_key, write_key
from admin.people import ROLE_NAMES
from admin.screens import MANAGERS, merchant_id, read, screen
from admin.texts import gettext
from admin.texts import lazy_gettext as _l
from core.earning import queries as order_queries
from core.errors import NotFound
from core.ids import MemberId, OrderId
from core.members import queries as members
from core.merchants import audit, queries, staff
from core.merchants.audit import AuditView
from core.merchants.staff import Role

PAGE = 50
ACTIONS: dict[str, str] = {
    "merchant.set_up": _l("Set up this program"),
    "settings.changed": _l("Changed the settings"),
    "staff.signed_in": _l("Signed in"),
    "staff.signed_out": _l("Signed out"),
    "staff.invited": _l("Invited a person"),
    "staff.reset": _l("Made a link to set a password"),
    "staff.password_set": _l("Set a password by a link"),
    "staff.password_changed": _l("Changed the own password"),
    "staff.language_chosen": _l("Chose a language"),
    "staff.role_changed": _l("Changed a role"),
    "staff.deactivated": _l("Deactivated a person"),
    "staff.activated": _l("Activated a person"),
    "shop.connect_begun": _l("Began to connect a shop"),
    "shop.connected": _l("Connected a shop"),
    "shop.disconnected": _l("Disconnected a shop"),
    "shop.checked": _l("Checked a shop"),
    "shop.subscribed": _l("Set up a shop's notifications"),
    "shop.paired": _l("Paired the plugin"),
    "shop.pairing_code_made": _l("Made a pairing code"),
    "shop.plugin_downloaded": _l("Downloaded the plugin"),
    "shop.clawback_allowed": _l("Let parked clawbacks go on"),
    "program.published": _l("Published a version of the program"),
    "program.launched": _l("Changed the launch switch"),
    "program.redeeming_stopped": _l("Stopped redeeming"),
    "program.redeeming_resumed": _l("Let members redeem again"),
    "history.begun": _l("Began to read past orders"),
    "history.answered": _l("Decided about points for past orders"),
    "history.paused": _l("Paused the reading of past orders"),
    "history.resumed": _l("Resumed the reading of past orders"),
    "member.adjusted": _l("Adjusted points"),
    "member.adjustment_undone": _l("Undid an adjustment"),
    "member.code_given_back": _l("Gave a code back"),
    "member.browsers_ended": _l("Made the shop's browsers forget a member"),
    "order.settled_again": _l("Had an order read again"),
    "order.decided": _l("Decided about an order's points"),
    "members.exported": _l("Downloaded the list of members"),
    "ledger.exported": _l("Downloaded the ledger"),
}
# What an entry's details are called; their values are names, numbers and stable words.
DETAILS: dict[str, str] = {
    "base_url": _l("address"),
    "before": _l("before"),
    "bonus": _l("bonus"),
    "decision": _l("decision"),
    "from": _l("from"),
    "hooks_removed": _l("notifications removed"),
    "language": _l("language"),
    "launch": _l("launch"),
    "mode": _l("choice"),
    "order": _l("order"),
    "orders": _l("orders"),
    "platform": _l("platform"),
    "problems": _l("problems"),
    "role": _l("role"),
    "shop": _l("shop"),
    "state": _l("state"),
    "timezone": _l("time zone"),
    "version": _l("version"),
}


@dataclass(frozen=True)
class Row:
    """`subject`: whom or what it was done to, with a link where there is a page."""

    when: datetime
    who: str
    what: str
    subject: str
    url: str | None
    details: str


@screen("/audit", roles=MANAGERS)
def audit_list() -> str:
    before = read_key(request.args.get("before"))
    rows, older = read(lambda s: _load(s, before))
    return render_template("admin/audit.html", rows=rows, older=older, newest=before is None)


def _load(s: Session, before: tuple[datetime, str] | None) -> tuple[list[Row], str | None]:
    names = {str(person.staff_id): person.name or person.email for person in staff.staff_list(s, merchant_id())}
    names |= {str(shop.shop_id): shop.name for shop in queries.shops(s, merchant_id())}
    entries = audit.entries(s, merchant_id(), before, PAGE)
    older = None
    if len(entries) == PAGE:
        older = url_for("admin.audit_list", before=write_key(entries[-1].recorded_at, entries[-1].audit_id))
    return [_row(s, entry, names) for entry in entries], older


def _row(s: Session, entry: AuditView, names: Mapping[str, str]) -> Row:
    others = {"system": gettext("Regulars"), "command_line": gettext("Command line")}
    subject, url = _subject(s, entry, names)
    return Row(
        when=entry.recorded_at,
        who=others.get(entry.actor_kind) or names.get(entry.actor_id or "", gettext("Former staff")),
        what=ACTIONS.get(entry.action, entry.action),
        subject=subject,
        url=url,
        details=", ".join(text for name, value in entry.details.items() if (text := _detail(name, value))),
    )


def _subject(s: Session, entry: AuditView, names: Mapping[str, str]) -> tuple[str, str | None]:
    """People are looked up, not stored: what is erased stays erased."""
    kind, subject = entry.action.partition(".")[0], entry.subject
    if not subject or subject == entry.actor_id:
        return "", None
    try:
        if kind == "member":
            member = members.member(s, merchant_id(), MemberId(subject))
            return member.name or member.email or gettext("Member"), url_for("admin.member", member_id=subject)
        if kind == "order" and subject not in names:
            found = order_queries.order(s, merchant_id(), OrderId(subject))
            name = gettext("Order #%(number)s", number=found.number or found.external_id)
            return name, url_for("admin.order", order_id=subject)
    except NotFound:
        return subject, None
    return names.get(subject, subject), None


def _detail(name: str, value: object) -> str:
    if value is None or value == "":
        return ""
    if name == "points" and isinstance(value, int):
        return gettext("%(points)s points", points=signed(value))
    if name == "reason":
        words = ADJUST_REASONS if value in ADJUST_REASONS else DECISION_REASONS
        return str(words.get(str(value), value))
    if name == "role" and value in list(Role):
        value = ROLE_NAMES[Role(str(value))]
    return f"{DETAILS.get(name, name.replace('_', ' '))}: {value}"
