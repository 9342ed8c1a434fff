"""Store credit as a reward: money on the customer's account in the shop, given for good.

A credit has no key, no code and no note. What tells one redemption's credit from another's is its amount and the second at
which it ends, of which our code picks one within the hour after `valid_until`. Two of one customer with the same amount and
the same `valid_until` share it once in 3,599 times; the second is then taken for the first and not given.

So the account is read before every credit and again after an answer that was lost; nothing is sent twice blindly. Two calls
for one code at once could both find nothing: callers keep one call per code in flight (core.work.effects leases it).
"""

import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog

from connectors.graphql import GraphQLClient
from connectors.shopify import api, mapping
from connectors.shopify.money_shapes import Movement
from core.commerce import STORE_CREDIT_CODE, Discount, DiscountRequest, Revocation, Usage
from core.errors import InvalidInput, OutcomeUnknown, PlatformRefused
from core.ids import normal_code
from core.money import text_from_minor

log = structlog.get_logger(__name__)

# Seconds by which the expiry may lie behind `valid_until`: 1 to this.
SPREAD_S = 3599
# Of a hundred movements each. No account moves five hundred times while one redemption is being retried.
MOST_PAGES = 5

_FINAL = "Store credit that was given cannot be taken back by Regulars. Take it off the customer's account in the shop."
_NOTHING = "The shop did not say which credit it made."


class StoreCredit:
    def __init__(self, client: GraphQLClient) -> None:
        self._client = client

    def issue(self, request: DiscountRequest) -> Discount:
        """Give the credit, or find that it was given. Its external_id is the credit's own.

        Raises InvalidInput before any call; PlatformRefused, among others for a currency in which the shop has no credit.
        """
        owner, wanted = owner_of(request), credit_input(request)
        there = self._find(owner, request)
        if there is None:
            try:
                there = self._give(owner, wanted)
            except OutcomeUnknown as error:  # nobody knows whether it was given: look before anyone tries again
                there = self._find(owner, request)
                if there is None:
                    raise error
        return Discount(code=request.code, external_id=mapping.tail(there.id))

    def revoke(self, code: str) -> Revocation:
        """Raises PlatformRefused: by a code no credit is found, and a debit, which has no key either, could take twice."""
        raise PlatformRefused(_FINAL, code="final")

    def usage(self, code: str) -> Usage:
        """What remains of a credit is written on it, but no credit is found by a code."""
        return Usage(state="unknown", exists=True)

    def _give(self, owner: str, wanted: dict[str, Any]) -> Movement:
        answer = self._client.execute(api.CREDIT_GIVE, {"owner": owner, "credit": wanted}).store_credit_account_credit
        self._client.raise_for(answer.user_errors)
        made = answer.store_credit_account_transaction
        if made is None:
            raise OutcomeUnknown(_NOTHING)
        if made.expires_at is None or _stamp(made.expires_at) != wanted["expiresAt"]:
            log.warning("shopify.store_credit_unmarked", credit=made.id)  # a retry would not know it again
        return made

    def _find(self, owner: str, request: DiscountRequest) -> Movement | None:
        found = self._client.execute(api.CREDIT_ACCOUNTS, {"customer": owner}).customer
        accounts = found.store_credit_accounts.nodes if found else ()
        for account in accounts:
            if account.balance.currency_code == request.currency:
                there = self._find_in(account.id, request)
                if there is not None:
                    return there
        return None

    def _find_in(self, account: str, request: DiscountRequest) -> Movement | None:
        after = None
        for _ in range(MOST_PAGES):
            found = self._client.execute(
                api.CREDIT_MOVEMENTS, {"account": account, "after": after}
            ).store_credit_account
            if found is None:
                return None
            there = next((each for each in found.transactions.nodes if _is_for(each, request)), None)
            after = found.transactions.page_info.following
            if there is not None or after is None:
                return there
        return None


def is_credit(code: str) -> bool:
    """Whether a code stands for store credit; see STORE_CREDIT_CODE."""
    return normal_code(code).startswith(STORE_CREDIT_CODE)


def owner_of(request: DiscountRequest) -> str:
    """The gid of the customer who gets it. Raises InvalidInput."""
    if request.customer_id is None:
        raise InvalidInput("Store credit is a customer's", field="customer_id")
    return mapping.gid("Customer", request.customer_id)


def credit_input(request: DiscountRequest) -> dict[str, Any]:
    """The input of storeCreditAccountCredit. Pure. Raises InvalidInput."""
    if not is_credit(request.code):
        raise InvalidInput(f"The code of store credit begins with {STORE_CREDIT_CODE}", field="code")
    if request.amount <= 0:
        raise InvalidInput("Store credit is an amount", field="amount")
    if request.product_ids or request.minimum_gross:
        raise InvalidInput(
            "Store credit pays for anything", field="product_ids" if request.product_ids else "minimum_gross"
        )
    amount = text_from_minor(request.amount, request.currency)
    return {
        "creditAmount": {"amount": amount, "currencyCode": request.currency},
        "expiresAt": _stamp(expiry(request)),
    }


def expiry(request: DiscountRequest) -> datetime:
    """Never before `valid_until`; the same for the same code, always."""
    digest = hashlib.sha256(normal_code(request.code).encode()).digest()
    late_s = 1 + int.from_bytes(digest[:8]) % SPREAD_S
    return request.valid_until.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=late_s)


def _is_for(movement: Movement, request: DiscountRequest) -> bool:
    amount = movement.amount
    return (
        amount is not None
        and amount.amount == Decimal(text_from_minor(request.amount, request.currency))
        and amount.currency_code == request.currency
        and movement.expires_at == expiry(request)
    )


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
