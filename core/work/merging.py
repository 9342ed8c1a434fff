"""Two customers whom the shop has made one: whose the points are from now on."""

from datetime import datetime
from functools import partial

from sqlmodel import Session

from core.earning import orders
from core.ids import MemberId, MerchantId, ShopId
from core.ledger import commands as ledger
from core.ledger import queries as ledger_queries
from core.ledger.words import Cause
from core.members import commands as members
from core.members import queries as member_queries

# What a shop's orders do by themselves. Who has done no more than that may be a member only because an order that the merge
# moved was read before the message of it came. Points that expired cannot be moved along any more.
_BY_ORDERS = frozenset({Cause.ORDER_SETTLED, Cause.MATURED})


def merge_customers(
    session: Session, merchant_id: MerchantId, shop_id: ShopId, *, gone: str, into: str, now: datetime
) -> bool:
    """The member of the customer who is gone becomes that of the one who stays, whose orders are then read for them.

    False where both are members in their own right: whose points are whose is then for staff to say. Safe to repeat.
    """
    # First of all, for whoever settles an order locks it before its customer.
    owner = member_queries.id_by_customer(session, merchant_id, shop_id, into)
    orders.want_all_of(session, merchant_id, shop_id, into, owner, now=now)
    gives_way = partial(_gives_way, session, merchant_id, now)
    return members.customer_merged(session, merchant_id, shop_id, gone=gone, into=into, gives_way=gives_way, now=now)


def _gives_way(session: Session, merchant_id: MerchantId, now: datetime, member_id: MemberId) -> bool:
    """Under the lock of the balance: whoever is about to redeem is either seen here, or finds the points gone."""
    ledger.open_books(session, merchant_id, [member_id], now=now)
    return ledger_queries.causes_of(session, merchant_id, member_id) <= _BY_ORDERS
