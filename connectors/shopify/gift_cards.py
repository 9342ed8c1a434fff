"""Gift cards as rewards: money on a card whose code is ours, in the shape that Shopify wants it in.

There is no idempotency key. Codes are unique, so a second card cannot be made: TAKEN, or no answer, means look and prove
whose it is. The note carries our own code as the mark. Callers keep one call per code in flight (core.work.effects).
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta, timezone
from decimal import Decimal
from typing import Any

from connectors.graphql import GraphQLClient
from connectors.shopify import api, mapping
from connectors.shopify.money_shapes import GiftCard
from core.commerce import Discount, DiscountRequest, Revocation, Usage
from core.errors import InvalidInput, OutcomeUnknown, PlatformRefused
from core.ids import normal_code
from core.money import text_from_minor

SHORTEST, LONGEST = 8, 20

_TAKEN, _DEACTIVATED = "TAKEN", "DEACTIVATED"
_ANOTHERS = "The shop has another gift card with this code, or the note of ours was changed."
_DEAD = "The gift card was deactivated. Shopify cannot revive it."
_UNSEEN = "The shop has a gift card with this code and does not show it yet."
_TITLE = "Loyalty reward"
# Where a day begins first. Whether a card dies with the shop's day or with UTC's is nowhere said: this is never early.
_FIRST_TO_BEGIN = timezone(timedelta(hours=14))


class GiftCards:
    """`names_customers`: the app may write customers, which naming one on a card takes."""

    def __init__(self, client: GraphQLClient, *, names_customers: bool) -> None:
        self._client = client
        self._names_customers = names_customers

    def issue(self, request: DiscountRequest) -> Discount:
        """Make the card, or find that it is there already. A card cannot begin later than now.

        Raises InvalidInput before any call, PlatformRefused when the code is another card's or the card is dead.
        """
        wanted = card_input(request, names_customers=self._names_customers)
        try:
            made = self._create(wanted)
        except OutcomeUnknown as error:  # nobody knows whether it was made: look before anyone tries again
            there = self._find(request.code)
            if there is None:
                raise error
            return _ours(there, request)
        if made is not None:
            return _ours(made, request)
        there = self._find(request.code)
        if there is None:  # no refusal: that would give the points back, and ours may be there
            raise OutcomeUnknown(_UNSEEN, code=_TAKEN)
        return _ours(there, request)

    def revoke(self, code: str) -> Revocation:
        """Deactivate the card, for good. Safe to repeat: a deactivated one is still shown, and dead.

        Raises PlatformRefused for a card with this code that does not bear our mark: it may be somebody's money.
        """
        card = self._find(code)
        if card is None:
            return Revocation(code=code, used=None, existed=False)
        if not _is_marked(card, code):
            raise PlatformRefused(_ANOTHERS, code=_TAKEN)
        if card.enabled:
            answer = self._client.execute(api.GIFT_CARD_DEACTIVATE, {"id": card.id}).gift_card_deactivate
            self._client.raise_for(answer.user_errors)
            card = answer.gift_card or card  # it may have been used since we looked
        return Revocation(code=code, used=_is_used(card), existed=True)

    def usage(self, code: str) -> Usage:
        """By its balance: money that a refund put back makes it unused again. Orders are not named."""
        card = self._find(code)
        if card is None:
            return Usage(state="unknown", exists=False)
        if not _is_marked(card, code):
            return Usage(state="unknown", exists=True)
        used = _is_used(card)
        return Usage(state="used" if used else "unused", exists=card.enabled, times_used=int(used))

    def _create(self, wanted: Mapping[str, Any]) -> GiftCard | None:
        """None: the code is taken."""
        answer = self._client.execute(api.GIFT_CARD_CREATE, {"card": wanted}).gift_card_create
        if any(error.code == _TAKEN for error in answer.user_errors):
            return None
        self._client.raise_for(answer.user_errors)
        return answer.gift_card

    def _find(self, code: str) -> GiftCard | None:
        """The card that bears our mark; else one that the shop finds by the card's code, which is then another's."""
        try:
            number = card_code(code)
        except InvalidInput:  # no card can have it
            return None
        found = self._client.execute(api.GIFT_CARDS_BY_CODE, {"code": number})
        searched, newest = _ending(found.searched.nodes, number), _ending(found.newest.nodes, number)
        marked = next((card for card in (*searched, *newest) if _is_marked(card, code)), None)
        return marked or next(iter(searched), None)


def card_code(code: str) -> str:
    """The letters and digits of our code, lower case: the code of the card. Raises InvalidInput when Shopify has none such."""
    number = "".join(each for each in code.lower() if each.isascii() and each.isalnum())
    if not SHORTEST <= len(number) <= LONGEST:
        raise InvalidInput(f"The code of a gift card has {SHORTEST} to {LONGEST} letters and digits", field="code")
    return number


def card_input(request: DiscountRequest, *, names_customers: bool) -> dict[str, Any]:
    """The input of giftCardCreate. Pure. Raises InvalidInput."""
    if request.amount <= 0:
        raise InvalidInput("A gift card holds an amount", field="amount")
    if request.product_ids or request.minimum_gross:
        raise InvalidInput(
            "A gift card pays for anything", field="product_ids" if request.product_ids else "minimum_gross"
        )
    body: dict[str, Any] = {
        "code": card_code(request.code),
        "initialAmount": {
            "amount": text_from_minor(request.amount, request.currency),
            "currencyCode": request.currency,
        },
        "expiresOn": request.valid_until.astimezone(_FIRST_TO_BEGIN).date().isoformat(),
        "note": f"{request.description or _TITLE} {_mark(request.code)}",
    }
    if request.customer_id is not None and names_customers:
        body["customerId"] = mapping.gid("Customer", request.customer_id)
    return body


def _mark(code: str) -> str:
    return f"({normal_code(code)})"


def _is_marked(card: GiftCard, code: str) -> bool:
    return (card.note or "").rstrip().endswith(_mark(code))


def _is_used(card: GiftCard) -> bool:
    return card.balance.amount < card.initial_value.amount


def _ending(cards: Iterable[GiftCard], number: str) -> list[GiftCard]:
    """The search looks into notes and names as well; of a code we are shown the last four characters."""
    return [card for card in cards if card.last_characters.lower() == number[-4:]]


def _ours(card: GiftCard, request: DiscountRequest) -> Discount:
    """The card, proven to be the one asked for and alive. Raises PlatformRefused."""
    customer = mapping.tail(card.customer.id) if card.customer else None
    value = card.initial_value
    same = (
        _is_marked(card, request.code)
        and customer in (None, request.customer_id)  # none where the app could not name one
        and value.amount == Decimal(text_from_minor(request.amount, request.currency))
        and value.currency_code == request.currency
        and card.expires_on is not None
    )
    if not same:
        raise PlatformRefused(_ANOTHERS, code=_TAKEN)
    if not card.enabled:
        raise PlatformRefused(_DEAD, code=_DEACTIVATED)
    return Discount(code=request.code, external_id=mapping.tail(card.id))
