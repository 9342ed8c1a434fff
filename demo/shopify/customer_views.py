"""Customers, their credit and gift cards as the Admin API shows them. Attributes are named as in the schema."""

from demo.shop.entities import Customer
from demo.shopify.connections import Connection, listed
from demo.shopify.entities import Account, Credit, GiftCard
from demo.shopify.ids import gid, number
from demo.shopify.money import money
from demo.shopify.site import Site
from demo.shopify.times import utc, utc_or_none


class EmailView:
    TYPE = "CustomerEmailAddress"

    def __init__(self, email: str) -> None:
        self.emailAddress = email


class CustomerView:
    TYPE = "Customer"

    def __init__(self, site: Site, customer: Customer) -> None:
        self._site, self._customer = site, customer
        self.id = gid("Customer", customer.id)
        self.legacyResourceId = str(number("Customer", customer.id))
        self.firstName = customer.first_name or None
        self.lastName = customer.last_name or None
        self.createdAt = utc(customer.created_at)

    @property
    def defaultEmailAddress(self) -> EmailView | None:
        return EmailView(self._customer.email) if self._customer.email else None

    def storeCreditAccounts(self, first: int | None = None) -> Connection["AccountView"]:
        mine = [each for each in self._site.credit.values() if each.customer_id == self._customer.id]
        return listed([AccountView(each) for each in mine], first)


class AccountView:
    TYPE = "StoreCreditAccount"

    def __init__(self, account: Account) -> None:
        self._account = account
        self.id = gid("StoreCreditAccount", account.id)
        self.balance = money(account.balance, account.currency)

    def transactions(
        self, first: int | None = None, after: str | None = None, reverse: bool = False
    ) -> Connection["CreditView"]:
        rows = [CreditView(self._account, credit) for credit in self._account.credits]
        return listed(rows[::-1] if reverse else rows, first, after)


class CreditView:
    TYPE = "StoreCreditAccountCreditTransaction"

    def __init__(self, account: Account, credit: Credit) -> None:
        self.id = gid("StoreCreditAccountCreditTransaction", credit.id)
        self.amount = money(credit.cents, account.currency)
        self.expiresAt = utc_or_none(credit.expires_at)


class GiftCardView:
    TYPE = "GiftCard"

    def __init__(self, site: Site, card: GiftCard) -> None:
        self._site, self._card = site, card
        self.id = gid("GiftCard", card.id)
        self.lastCharacters = card.code[-4:]
        self.initialValue, self.balance = money(card.initial), money(card.balance)
        self.enabled = card.deactivated_at is None
        self.expiresOn = card.expires_on
        self.note = card.note or None

    @property
    def customer(self) -> CustomerView | None:
        found = self._site.customer(self._card.customer_id)
        return CustomerView(self._site, found) if found is not None else None
