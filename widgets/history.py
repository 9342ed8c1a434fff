"""Why the balance changed: each posting as a sentence, from its cause and its structured explanation. Pure.

A posting may hold several facts (an order that earns and on which points were used): a sentence for each. What is
shown as points is the change of what the member has outside open codes, so the figures add up to the balance.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from core.ledger.queries import TimelineEntry
from core.ledger.words import Cause, Kind
from core.money import Money
from widgets.browser_texts import _, _n
from widgets.speech import Speech

EARNED = _n(
    "Order {number}: {points} point for every {amount} of {eligible}.",
    "Order {number}: {points} points for every {amount} of {eligible}.",
)
EARNED_PLAIN = _("Points for order {number}.")
FREE_FROM = _("Free to use from {date}.")
EARNED_MORE = _("Order {number} has changed and is worth more points now.")
CANCELLED = _("Order {number} was cancelled, so its points were taken back.")
RETURNED = _("Order {number} was changed or partly returned, so part of its points was taken back.")
TAKEN_BACK = _("Order {number} no longer earns points.")
DECIDED = _("The shop set the points of order {number} by hand.")
USED = _n(
    "{points} point was used for a discount on order {number}.",
    "{points} points were used for a discount on order {number}.",
)
UNUSED_REST = _n(
    "{points} point that the discount did not need came back.",
    "{points} points that the discount did not need came back.",
)
USED_LATE = _n(
    "A code that had already ended was used on order {number}: {points} point.",
    "A code that had already ended was used on order {number}: {points} points.",
)
CAME_BACK = _n(
    "{points} point used on order {number} came back, because the order was returned or cancelled.",
    "{points} points used on order {number} came back, because the order was returned or cancelled.",
)
MATURED = _n("{points} point is free to use now.", "{points} points are free to use now.")
EXPIRED = _n("{points} point reached the end of its validity.", "{points} points reached the end of their validity.")
SET_ASIDE = _("Set aside for a discount code.")
SET_ASIDE_WORTH = _("Set aside for a discount code worth {value}.")
CODE_UNUSED = _("A discount code was not used, so its points came back.")
CODE_USED = _n("A discount code was used: {points} point.", "A discount code was used: {points} points.")
WELCOME = _("Welcome to the program!")
ADJUSTED = _("The shop changed your balance.")
REVERSED = _("The shop took back an earlier change of your balance.")
OTHER = _("Your balance changed.")


@dataclass(frozen=True)
class HistoryItem:
    """`on`: the program's day on which it took effect. `note`: what the shop wrote to the member."""

    on: date
    text: str
    points: int
    note: str | None


def history_item(entry: TimelineEntry, speech: Speech) -> HistoryItem:
    change = entry.change
    return HistoryItem(
        on=speech.first_day(entry.effective_at),
        text=" ".join(_SENTENCES[entry.cause](entry, speech)) or speech.text(OTHER),
        points=change.pending + change.available + change.debt,
        note=entry.notes.get("member"),
    )


def _order(entry: TimelineEntry, speech: Speech) -> list[str]:
    facts = entry.explanation
    number = str(facts.get("number") or "")
    sentences = []
    if int(facts.get("change", 0)):
        sentences += _earning(entry, facts, number, speech)
    for part in facts.get("redemptions", ()):
        sentences += _use(part, number, speech)
    return sentences


def _earning(entry: TimelineEntry, facts: dict[str, Any], number: str, speech: Speech) -> list[str]:
    change, target = int(facts["change"]), facts.get("target")
    if facts.get("decision"):
        return [speech.text(DECIDED, number=number)]
    if change < 0:
        if facts.get("state") == "cancelled":
            return [speech.text(CANCELLED, number=number)]
        return [speech.text(RETURNED if target else TAKEN_BACK, number=number)]
    if target is not None and change < target:
        return [speech.text(EARNED_MORE, number=number)]
    sentences = [_award(facts, number, speech)]
    if entry.matures_at is not None and entry.change.pending > 0:
        sentences.append(speech.text(FREE_FROM, date=speech.long_date(speech.first_day(entry.matures_at))))
    return sentences


def _award(facts: dict[str, Any], number: str, speech: Speech) -> str:
    if "rate" not in facts:
        return speech.text(EARNED_PLAIN, number=number)
    points, per_minor = facts["rate"]
    currency = str(facts["currency"])
    return speech.plural(
        EARNED,
        points,
        number=number,
        amount=speech.money(Money(per_minor, currency)),
        eligible=speech.money(Money(facts["eligible"], currency)),
    )


def _use(part: dict[str, Any], number: str, speech: Speech) -> list[str]:
    words = (("captured", USED), ("voided", UNUSED_REST), ("late", USED_LATE), ("reinstated", CAME_BACK))
    return [speech.plural(forms, part[word], number=number) for word, forms in words if part.get(word)]


def _set_aside(entry: TimelineEntry, speech: Speech) -> list[str]:
    facts = entry.explanation
    if "face" not in facts or "currency" not in facts:
        return [speech.text(SET_ASIDE)]
    return [speech.text(SET_ASIDE_WORTH, value=speech.money(Money(facts["face"], facts["currency"])))]


def _saying(source: str) -> Callable[[TimelineEntry, Speech], list[str]]:
    return lambda _entry, speech: [speech.text(source)]


def _counting(forms: tuple[str, str], *kinds: Kind) -> Callable[[TimelineEntry, Speech], list[str]]:
    return lambda entry, speech: [speech.plural(forms, entry.moved(*kinds))]


_SENTENCES: dict[Cause, Callable[[TimelineEntry, Speech], list[str]]] = {
    Cause.ORDER_SETTLED: _order,
    Cause.MATURED: _counting(MATURED, Kind.MATURE),
    Cause.EXPIRED: _counting(EXPIRED, Kind.EXPIRE),
    Cause.REDEMPTION_PLACED: _set_aside,
    Cause.REDEMPTION_VOIDED: _saying(CODE_UNUSED),
    Cause.REDEMPTION_UNMATCHED: _counting(CODE_USED, Kind.CAPTURE),
    Cause.WELCOME_BONUS: _saying(WELCOME),
    Cause.ADJUSTED: _saying(ADJUSTED),
    Cause.REVERSED: _saying(REVERSED),
}
