"""Store credit: an account for each customer and currency. Nothing here has a key: the same call twice credits twice."""

from decimal import Decimal

from demo.shop.money import minor
from demo.shopify import ids, times
from demo.shopify.entities import Account, Credit
from demo.shopify.money import CURRENCY
from demo.shopify.site import Site

LIMIT = 10_000_000


class Refused(Exception):
    def __init__(self, code: str, message: str, field: tuple[str, ...] = ("creditInput",)) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


def credit(site: Site, owner: str, amount: Decimal, currency: str, expires_at: str | None) -> Credit:
    """Add to the account of a customer (gid), or to an account. Raises Refused."""
    cents = minor(amount)
    if cents <= 0:
        raise Refused("NEGATIVE_OR_ZERO_AMOUNT", "The amount must be greater than 0.", ("creditInput", "creditAmount"))
    if currency != CURRENCY:
        raise Refused("UNSUPPORTED_CURRENCY", f"The shop has no credit in {currency}.", ("creditInput", "creditAmount"))
    until = times.read(expires_at) if expires_at else None
    if until is not None and until <= site.now():
        raise Refused("EXPIRES_AT_IN_PAST", "The expiry must be in the future.", ("creditInput", "expiresAt"))
    account = _account(site, owner, currency)
    if account.balance + cents > LIMIT:
        raise Refused("CREDIT_LIMIT_EXCEEDED", "The account would hold more than is allowed.")
    made = Credit(site.next("credit"), account.id, cents, until)
    account.credits.append(made)
    return made


def of_customer(site: Site, customer_id: int) -> list[Account]:
    return [account for account in site.credit.values() if account.customer_id == customer_id]


def _account(site: Site, owner: str, currency: str) -> Account:
    if ids.kind_of(owner) == "StoreCreditAccount":
        found = site.credit.get(ids.local("StoreCreditAccount", owner) or 0)
        if found is None:
            raise Refused("ACCOUNT_NOT_FOUND", "The store credit account does not exist.", ("id",))
        return found
    customer_id = ids.local("Customer", owner) if ids.kind_of(owner) == "Customer" else None
    if customer_id is None or site.customer(customer_id) is None:
        raise Refused("OWNER_NOT_FOUND", "The owner does not exist.", ("id",))
    mine = next((account for account in of_customer(site, customer_id) if account.currency == currency), None)
    if mine is None:
        mine = Account(site.next("account"), customer_id, currency)
        site.credit[mine.id] = mine
    return mine
