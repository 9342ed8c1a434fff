"""Customers, their credit and gift cards as the Admin API shows them. Attributes are named as in the schema."""

from demo.shop.entities import Customer
from demo.shopify.connections import Connection, listed
from demo.shopify.entities import Account, Credit, GiftCard
from demo.shopify.ids import gid, number
from demo.shopify.money import MoneyV2, money
from demo.shopify.site import Site
from demo.shopify.times import utc, utc_or_none


class EmailView:
    TYPE = "CustomerEmailAddress"
    marketingState = "NOT_SUBSCRIBED"
    marketingOptInLevel = None
    marketingUpdatedAt = None

    def __init__(self, email: str) -> None:
        self.emailAddress = email


class PhoneView:
    TYPE = "CustomerPhoneNumber"

    def __init__(self, phone: str) -> None:
        self.phoneNumber = phone


class CustomerView:
    TYPE = "Customer"
    locale = "en"
    verifiedEmail = True

    def __init__(self, site: Site, customer: Customer) -> None:
        self._site, self._customer = site, customer
        self.id = gid("Customer", customer.id)
        self.legacyResourceId = str(number("Customer", customer.id))
        self.firstName = customer.first_name or None
        self.lastName = customer.last_name or None
        self.displayName = f"{customer.first_name} {customer.last_name}".strip() or customer.email
        self.createdAt, self.updatedAt = utc(customer.created_at), utc(customer.modified_at)
        self.state = "ENABLED" if customer.password else "DISABLED"
        self.tags = list(site.tags.get(customer.id, ()))

    @property
    def defaultEmailAddress(self) -> EmailView | None:
        return EmailView(self._customer.email) if self._customer.email else None

    @property
    def defaultPhoneNumber(self) -> PhoneView | None:
        phone = self._customer.billing.phone
        return PhoneView(phone) if phone else None

    @property
    def numberOfOrders(self) -> str:
        return str(sum(1 for order in self._site.store.orders.values() if order.customer_id == self._customer.id))

    @property
    def amountSpent(self) -> MoneyV2:
        mine = (order for order in self._site.store.orders.values() if order.customer_id == self._customer.id)
        return money(sum(order.total - order.refunded for order in mine if order.paid_at is not None))

    def storeCreditAccounts(self, first: int | None = None, after: str | None = None) -> Connection["AccountView"]:
        mine = [each for each in self._site.credit.values() if each.customer_id == self._customer.id]
        return listed([AccountView(each) for each in mine], first, after)


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
    event = "ADJUSTMENT"

    def __init__(self, account: Account, credit: Credit) -> None:
        self._account = account
        self.id = gid("StoreCreditAccountCreditTransaction", credit.id)
        self.amount = self.remainingAmount = money(credit.cents, account.currency)
        self.balanceAfterTransaction = money(credit.balance_after, account.currency)
        self.createdAt = utc(credit.created_at)
        self.expiresAt = utc_or_none(credit.expires_at)

    @property
    def account(self) -> AccountView:
        return AccountView(self._account)


class GiftCardView:
    TYPE = "GiftCard"

    def __init__(self, site: Site, card: GiftCard) -> None:
        self._site, self._card = site, card
        self.id = gid("GiftCard", card.id)
        self.lastCharacters = card.code[-4:]
        self.maskedCode = f"•••• •••• •••• {card.code[-4:]}"
        self.initialValue, self.balance = money(card.initial), money(card.balance)
        self.enabled = card.deactivated_at is None
        self.deactivatedAt = utc_or_none(card.deactivated_at)
        self.createdAt = utc(card.created_at)
        self.expiresOn = card.expires_on
        self.note = card.note or None

    @property
    def customer(self) -> CustomerView | None:
        found = self._site.customer(self._card.customer_id)
        return CustomerView(self._site, found) if found is not None else None
