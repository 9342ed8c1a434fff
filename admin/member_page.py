"""What a member's page shows, gathered in one read: balances apart, timeline in sentences, forecast, orders, codes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from admin import order_texts, sentences
from admin.screens import merchant_id, now, runtime
from admin.sentences import Known
from admin.texts import gettext
from core.earning import queries as order_queries
from core.earning.queries import OrderView
from core.errors import NotFound
from core.ids import MemberId, OrderId
from core.ledger import queries as ledger
from core.ledger.lifetime import LifetimeView, lifetime
from core.ledger.queries import BalanceView, TimelineEntry
from core.ledger.words import Cause, LotState
from core.members import queries as members
from core.members.queries import IdentityView, MemberView
from core.merchants import queries, staff
from core.merchants.queries import ShopView
from core.ports import Capability
from core.program import queries as programs
from core.rewards.redemption import queries as redemption_queries
from core.rewards.redemption.queries import RedemptionView

PAGE = 25
ORDERS_SHOWN = 10
FORECAST_SHOWN = 6
UNDO_WITHIN = timedelta(days=30)
UNDOABLE = (Cause.ADJUSTED, Cause.WELCOME_BONUS)


@dataclass(frozen=True)
class TimelineRow:
    """One posting. `moves`: by how much which balance changed, with its name. `orders`: ids and names."""

    entry: TimelineEntry
    sentences: list[str]
    moves: list[tuple[int, str]]
    orders: list[tuple[OrderId, str]]
    program_number: int | None
    can_undo: bool
    undone: bool

    @property
    def neutral(self) -> bool:
        """Points moved between the member's own balances only."""
        return self.entry.change.outstanding == 0

    @property
    def backdated(self) -> bool:
        return self.entry.recorded_at - self.entry.effective_at > timedelta(minutes=1)


@dataclass(frozen=True)
class OrderRow:
    order: OrderView
    shop: ShopView | None
    why: str | None
    flags: list[str]

    @property
    def total(self) -> tuple[int, str] | None:
        known = self.order.snapshot
        return (known.total, known.currency) if known else None


@dataclass(frozen=True)
class Worth:
    minor: int
    currency: str


@dataclass(frozen=True)
class MemberPage:
    member: MemberView
    balance: BalanceView
    worth: Worth | None
    lifetime: LifetimeView
    identities: list[tuple[IdentityView, ShopView | None]]
    timeline: list[TimelineRow]
    older: int | None  # continue behind this seq
    forecast: list[str]
    forecast_more: int
    codes: list[RedemptionView]
    orders: list[OrderRow]
    proven_by_mail: bool


def member_page(s: Session, member_id: MemberId, *, before_seq: int | None) -> MemberPage:
    """Raises NotFound, for a member of somebody else too."""
    mine = merchant_id()
    member = members.member(s, mine, member_id)
    shops = {shop.shop_id: shop for shop in queries.shops(s, mine)}
    balance = ledger.balance_now(s, mine, member_id, now=now())
    entries = ledger.timeline(s, mine, member_id, before_seq=before_seq, limit=PAGE)
    lots = ledger.open_lots(s, mine, member_id)
    known = known_of(s, entries, extra_orders=[lot.order_id for lot in lots if lot.order_id])
    orders = order_queries.orders_of(s, mine, member_id, limit=ORDERS_SHOWN)
    forecast, more = _forecast(lots, known)
    identities = [(found, shops.get(found.shop_id)) for found in members.identities(s, mine, member_id)]
    return MemberPage(
        member=member,
        balance=balance,
        worth=worth_of(s, balance.available, shops.values()),
        lifetime=lifetime(s, mine, member_id),
        identities=identities,
        timeline=[_row(entry, known) for entry in entries],
        older=entries[-1].seq if len(entries) == PAGE and entries[-1].seq > 1 else None,
        forecast=forecast,
        forecast_more=more,
        codes=redemption_queries.open_of(s, mine, member_id),
        orders=[order_row(found, shops.get(found.shop_id)) for found in orders],
        proven_by_mail=any(_by_mail(shop) for _, shop in identities),
    )


def _by_mail(shop: ShopView | None) -> bool:
    return shop is not None and Capability.MAILED_IDENTITY in runtime().capabilities(shop.platform)


def known_of(s: Session, entries: list[TimelineEntry], *, extra_orders: list[OrderId] | None = None) -> Known:
    """What the sentences of these entries mention."""
    mine = merchant_id()
    order_ids = {order_id for entry in entries for order_id in entry.order_ids} | set(extra_orders or [])
    redemption_ids = {found for entry in entries for found in entry.redemption_ids}
    redemptions = [redemption_queries.redemption(s, mine, found) for found in redemption_ids]
    return Known(
        orders=order_queries.orders_by_id(s, mine, sorted(order_ids)),
        redemptions={found.redemption_id: found for found in redemptions},
        versions={view.number: view for view in programs.versions(s, mine)},
        staff={str(person.staff_id): person.name or person.email for person in staff.staff_list(s, mine)},
    )


def order_row(found: OrderView, shop: ShopView | None) -> OrderRow:
    why = order_texts.why(found.why) if found.why else None
    return OrderRow(found, shop, why, [order_texts.flag(word) for word in found.flags])


def worth_of(s: Session, available: int, shops: Iterable[ShopView]) -> Worth | None:
    """What these points are worth in the currency of the first shop. None without a program or a rate."""
    try:
        terms = programs.current(s, merchant_id(), now=now()).terms
    except NotFound:
        return None
    wanted = [*(shop.currency for shop in shops), *terms.currencies]
    currency = next((currency for currency in wanted if currency in terms.currencies), None)
    if currency is None:
        return None
    rates = terms.currencies[currency]
    return Worth(available * rates.value_minor // rates.value_points, currency)


def _row(entry: TimelineEntry, known: Known) -> TimelineRow:
    number = entry.explanation.get("program")
    undone = entry.reversed_by is not None
    return TimelineRow(
        entry=entry,
        sentences=sentences.sentences(entry, known),
        moves=_moves(entry.change),
        orders=[(order_id, known.order_name(None, order_id)) for order_id in entry.order_ids],
        program_number=int(number) if number else None,
        can_undo=entry.cause in UNDOABLE and not undone and now() - entry.recorded_at <= UNDO_WITHIN,
        undone=undone,
    )


def _moves(change: BalanceView) -> list[tuple[int, str]]:
    moves = [
        (change.available, gettext("available")),
        (change.pending, gettext("pending")),
        (change.held, gettext("held")),
        (change.debt, gettext("owed")),
    ]
    return [(amount, name) for amount, name in moves if amount] or [(0, gettext("points"))]


def _forecast(lots: list[ledger.LotView], known: Known) -> tuple[list[str], int]:
    """What time will do, next thing first and lots of one order together; and how many more there are."""
    together: dict[tuple[datetime, bool, str | None], int] = {}
    for lot in lots:
        pending = lot.state is LotState.PENDING
        moment = lot.matures_at if pending else lot.expires_at
        if moment is not None:
            name = known.order_name(None, lot.order_id) if lot.order_id else None
            together[moment, pending, name] = together.get((moment, pending, name), 0) + lot.remaining
    found = [
        sentences.forecast_sentence(amount, moment, matures=pending, order=name)
        for (moment, pending, name), amount in sorted(together.items(), key=lambda item: item[0][0])
    ]
    return found[:FORECAST_SHOWN], max(0, len(found) - FORECAST_SHOWN)
