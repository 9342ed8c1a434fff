"""The shapes of Shopify's answers about gift cards and store credit; all others are in shapes.py."""

from datetime import date

from pydantic import AwareDatetime, Field

from connectors.graphql import Shape, UserError
from connectors.shopify.shapes import Money, PageInfo, Reference


class GiftCard(Shape):
    """`customer`: who receives it, and no lock on who may use it. `note`: seen by the merchant only."""

    id: str
    enabled: bool
    note: str | None
    last_characters: str
    expires_on: date | None
    balance: Money
    initial_value: Money
    customer: Reference | None


class GiftCards(Shape):
    nodes: tuple[GiftCard, ...]


class GiftCardsAnswer(Shape):
    searched: GiftCards
    newest: GiftCards


class GiftCardDone(Shape):
    gift_card: GiftCard | None
    user_errors: tuple[UserError, ...]


class GiftCardCreateAnswer(Shape):
    gift_card_create: GiftCardDone


class GiftCardDeactivateAnswer(Shape):
    gift_card_deactivate: GiftCardDone


class CreditAccount(Shape):
    id: str
    balance: Money


class CreditAccounts(Shape):
    nodes: tuple[CreditAccount, ...]


class CreditOwner(Shape):
    store_credit_accounts: CreditAccounts


class CreditAccountsAnswer(Shape):
    customer: CreditOwner | None


class Movement(Shape):
    """A movement of store credit; of what is no credit only the kind."""

    kind: str = Field(alias="__typename")
    id: str = ""
    amount: Money | None = None
    expires_at: AwareDatetime | None = None


class Movements(Shape):
    nodes: tuple[Movement, ...]
    page_info: PageInfo


class MovedAccount(Shape):
    transactions: Movements


class CreditMovementsAnswer(Shape):
    store_credit_account: MovedAccount | None


class CreditGiven(Shape):
    store_credit_account_transaction: Movement | None
    user_errors: tuple[UserError, ...]


class CreditGiveAnswer(Shape):
    store_credit_account_credit: CreditGiven
