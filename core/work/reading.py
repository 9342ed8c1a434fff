"""Read a wanted order back from its shop, and settle what was read."""

from sqlmodel import Session

from core.commerce import Gone, Order
from core.db.engine import reading, run_tx
from core.earning import orders, settlement
from core.earning.context import Settling
from core.earning.orders import Lease
from core.errors import ConfigurationError, Conflict, ExternalNotFound, InvalidInput, PlatformError, RegularsError
from core.ids import MerchantId, OrderId, ShopId
from core.merchants import health
from core.merchants import queries as merchants
from core.ports import Connector
from core.runtime import Runtime
from core.work import codes

# A dead key or a moved address needs the merchant: look again now and then, not every few seconds.
WAIT_FOR_MERCHANT_S = 900
_EXPECTED = (PlatformError, InvalidInput, Conflict, ConfigurationError)


def read_one(runtime: Runtime, merchant_id: MerchantId) -> bool:
    """Read and settle the next wanted order of a merchant. False when nothing is due."""
    lease = run_tx(runtime.db, lambda session: orders.lease_next(session, merchant_id, now=runtime.clock()))
    if lease is None:
        return False
    _read(runtime, merchant_id, lease)
    return True


def read_now(runtime: Runtime, merchant_id: MerchantId, order_id: OrderId) -> bool:
    """Read and settle one order at once. False while somebody else is reading it."""
    lease = run_tx(runtime.db, lambda session: orders.lease(session, merchant_id, order_id, now=runtime.clock()))
    if lease is None:
        return False
    _read(runtime, merchant_id, lease)
    return True


def connector_of(runtime: Runtime, merchant_id: MerchantId, shop_id: ShopId) -> Connector:
    """The connector of a shop. Raises Conflict when it is disconnected."""
    with reading(runtime.db) as session:
        installation = merchants.installation(session, runtime.vault, merchant_id, shop_id)
    return runtime.connect(installation)


def said_of(error: Exception) -> str:
    """For the row that failed. Of errors that are not ours only the kind: their text may hold a query with people's data."""
    return f"{type(error).__name__}: {error}"[:300] if isinstance(error, RegularsError) else type(error).__name__


def _read(runtime: Runtime, merchant_id: MerchantId, lease: Lease) -> None:
    """Whatever goes wrong, the order is tried again, later each time, and says so. Our own mistakes are raised as well."""
    try:
        connector = connector_of(runtime, merchant_id, lease.shop_id)
        statement = connector.orders.get_order(lease.external_id)
        if isinstance(statement, Order):
            statement = codes.named(runtime, merchant_id, lease.shop_id, statement, connector.discounts)
        settle_read(runtime, merchant_id, lease, statement, connector)
    except Exception as error:
        _give_up(runtime, merchant_id, lease, error)
        if not isinstance(error, _EXPECTED):
            raise


def settle_read(
    runtime: Runtime, merchant_id: MerchantId, lease: Lease, statement: Order | Gone, connector: Connector
) -> None:
    """Settle what this read found, in one transaction of its own."""

    def work(session: Session) -> None:
        now = runtime.clock()
        # Only what says that an order is gone is weighed against the shop's health.
        healthy = isinstance(statement, Order) or (
            merchants.health(session, merchant_id, lease.shop_id).failing_since is None
        )
        context = Settling(
            vault=runtime.vault,
            merchant_id=merchant_id,
            shop=merchants.shop(session, merchant_id, lease.shop_id),
            capabilities=connector.capabilities,
            now=now,
            shop_is_healthy=healthy,
        )
        settlement.settle(session, context, lease, statement)
        health.note_read(session, merchant_id, lease.shop_id, now=now)

    run_tx(runtime.db, work)


def _give_up(runtime: Runtime, merchant_id: MerchantId, lease: Lease, error: Exception) -> None:
    """No statement was made, so nothing moves. Trouble of the shop as a whole is noted in its health."""
    retryable = error.retryable if isinstance(error, PlatformError) else not isinstance(error, _EXPECTED)
    wait = error.retry_after_s if isinstance(error, PlatformError) else None
    own_trouble = isinstance(error, ExternalNotFound | InvalidInput)

    def work(session: Session) -> None:
        now = runtime.clock()
        orders.release(
            session,
            merchant_id,
            lease,
            error=said_of(error),
            retry_after_s=wait if retryable else WAIT_FOR_MERCHANT_S,
            now=now,
        )
        if isinstance(error, PlatformError) and not own_trouble:
            health.note_failure(session, merchant_id, lease.shop_id, error, now=now)

    run_tx(runtime.db, work)
