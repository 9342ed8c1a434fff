"""Gift cards that the app makes: the code may be chosen, and is told once."""

import re
from decimal import Decimal

from demo.shop.money import minor
from demo.shopify import ids
from demo.shopify.entities import GiftCard
from demo.shopify.site import Site

CODE = re.compile(r"[a-z0-9]{8,20}")
LIMIT = 200_000
SEARCH_LAG_S = 5.0


class Refused(Exception):
    def __init__(self, code: str, message: str, field: tuple[str, ...] = ("input",)) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


def create(
    site: Site, *, amount: Decimal, code: str | None, customer: str | None, expires_on: str | None, note: str
) -> GiftCard:
    """Raises Refused; TAKEN where the code exists already, in whatever case."""
    cents = minor(amount)
    if cents <= 0:
        raise Refused("GREATER_THAN", "must be greater than 0", ("input", "initialValue"))
    if cents > LIMIT:
        raise Refused("GIFT_CARD_LIMIT_EXCEEDED", "can't exceed the gift card limit", ("input", "initialValue"))
    wanted = re.sub(r"[\s-]", "", code).lower() if code is not None else site.store.token(16).lower()
    if len(wanted) < 8:
        raise Refused("TOO_SHORT", "is too short (minimum is 8 characters)", ("input", "code"))
    if len(wanted) > 20:
        raise Refused("TOO_LONG", "is too long (maximum is 20 characters)", ("input", "code"))
    if not CODE.fullmatch(wanted):
        raise Refused("INVALID", "is invalid", ("input", "code"))
    if any(card.code == wanted for card in site.gift_cards.values()):
        raise Refused("TAKEN", "has already been taken", ("input", "code"))
    customer_id = ids.local("Customer", customer) if customer else 0
    if customer and (customer_id is None or site.customer(customer_id) is None):
        raise Refused("CUSTOMER_NOT_FOUND", "The customer could not be found.", ("input", "customerId"))
    card = GiftCard(site.next("gift_card"), wanted, cents, cents, site.now(), customer_id or 0, expires_on, note)
    site.gift_cards[card.id] = card
    return card


def listed(site: Site, query: str | None) -> list[GiftCard]:
    """All, or those that the default search finds: words, each the whole code or a part of the note.

    The search does not know the newest cards yet; the list does.
    """
    cards = list(site.gift_cards.values())
    if query is None:
        return cards
    known = [card for card in cards if card.created_at + SEARCH_LAG_S <= site.now()]
    words = query.lower().split()
    return [card for card in known if all(word == card.code or word in card.note.lower() for word in words)]


def deactivate(site: Site, card: GiftCard) -> None:
    """For ever."""
    card.deactivated_at = card.deactivated_at or site.now()
