"""Which of our codes an order carries, on platforms whose orders do not say: found by customer, amount and use.

At most one code of a member is open there, so that an order of theirs with a coupon of that very amount can be no other's,
once the platform says that the code was used. A code that was used on no order we know ends unseen (core/work/effects.py).
"""

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction

from sqlmodel import Session

from core.commerce import AppliedDiscount, Order, UnnamedCode
from core.db.engine import reading
from core.earning import queries as orders
from core.ids import MerchantId, ShopId
from core.members import queries as members
from core.ports import DiscountIssuer
from core.rewards.redemption import queries as redemptions
from core.rewards.redemption.queries import RedemptionView
from core.runtime import Runtime

# Orders are stamped in whole seconds, and by the platform's clock.
CLOCKS_DIFFER = timedelta(minutes=2)
# A code may be good to the end of its last day, which is the shop's.
GOOD_LONGER = timedelta(days=1)
# What a code takes off goods of another rate of VAT than the one that its amount is meant with: from 21 % to none and back.
LEAST, MOST = Fraction(100, 121), Fraction(121, 100)


def named(runtime: Runtime, merchant_id: MerchantId, shop_id: ShopId, order: Order, discounts: DiscountIssuer) -> Order:
    """The order with our codes on it named. Raises PlatformError: whether a code was used must be known before it counts."""
    if not order.unnamed_codes:
        return order
    with reading(runtime.db) as session:
        carried, fresh = _candidates(session, merchant_id, shop_id, order)
    rest, found = [], []
    for coupon in order.unnamed_codes:
        ours = _carried(carried, coupon, alone=len(order.unnamed_codes) == 1)
        if ours is None and (maybe := _fresh(fresh, coupon)) and _was_used(maybe, discounts):
            ours = maybe
        if ours is None:
            rest.append(coupon)
            continue
        carried = [each for each in carried if each is not ours]
        fresh = [each for each in fresh if each is not ours]
        used = ours.face_minor if _is_like(ours, coupon) else min(coupon.used, ours.face_minor)
        found.append(AppliedDiscount(code=ours.code, gross=coupon.gross, net=coupon.net, used=used))
    return order.model_copy(update={"discounts": (*order.discounts, *found), "unnamed_codes": tuple(rest)})


def _candidates(
    session: Session, merchant_id: MerchantId, shop_id: ShopId, order: Order
) -> tuple[list[RedemptionView], list[RedemptionView]]:
    """Those that this order was found to carry before, and those of its customer of which no order is known."""
    known = orders.find(session, merchant_id, shop_id, order.external_id)
    carried = redemptions.of_order(session, merchant_id, known.order_id) if known else []
    customer = order.customer.external_id
    member = members.id_by_customer(session, merchant_id, shop_id, customer) if customer else None
    mine = redemptions.without_order(session, merchant_id, shop_id, member) if member else []
    placed = order.placed_at
    return carried, [
        each
        for each in mine
        if each.placed_at - CLOCKS_DIFFER <= placed <= each.hold_expires_at + GOOD_LONGER
        and each.currency == order.currency
    ]


def _was_used(redeemed: RedemptionView, discounts: DiscountIssuer) -> bool:
    """A code that is deleted by now was looked at before; one that is gone though we left it was somebody's to tidy up."""
    if redeemed.effect.used:
        return True
    usage = discounts.usage(redeemed.code)
    return usage.state == "used" or (not usage.exists and redeemed.effect.actual == "issued")


def _carried(redeemed: Sequence[RedemptionView], coupon: UnnamedCode, *, alone: bool) -> RedemptionView | None:
    """Staff may change an order, and what the code takes off with it: the only one on either side is the same one still."""
    if alone and len(redeemed) == 1:
        return redeemed[0]
    return _fresh(redeemed, coupon)


def _fresh(redeemed: Sequence[RedemptionView], coupon: UnnamedCode) -> RedemptionView | None:
    """The one of this face value, else the only one that may show like this; an open one before one that was given up."""
    for like in (_is_exactly, _is_like):
        same = [each for each in redeemed if like(each, coupon)]
        same = [each for each in same if each.state == "open"] or same
        if same:
            return same[0] if len(same) == 1 else None
    return None


def _is_exactly(redeemed: RedemptionView, coupon: UnnamedCode) -> bool:
    return redeemed.face_minor == coupon.used


def _is_like(redeemed: RedemptionView, coupon: UnnamedCode) -> bool:
    return LEAST * redeemed.face_minor - 1 <= coupon.used <= MOST * redeemed.face_minor + 1
