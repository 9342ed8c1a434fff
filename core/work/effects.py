"""Run what redemptions want of the shop: make the code usable, or make it dead. One code path for the request and the worker."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlmodel import Session

from core.commerce import Discount, DiscountRequest, Revocation
from core.db.engine import reading, run_tx
from core.earning import orders, settlement
from core.earning.context import Settling
from core.errors import ConfigurationError, Conflict, InvalidInput, PlatformError
from core.ids import MerchantId, RedemptionId
from core.members import queries as members
from core.merchants import health
from core.merchants import queries as merchants
from core.ports import Capability, Connector
from core.rewards.redemption import commands, queries
from core.rewards.redemption.effect import after_revoke, next_step, retry_at
from core.rewards.redemption.queries import RedemptionView
from core.runtime import Runtime
from core.work.codes import CLOCKS_DIFFER
from core.work.reading import connector_of, said_of

CALL_LEASE = timedelta(seconds=120)  # longer than any call with its time-outs
UNSEEN_AFTER = timedelta(hours=48)
GIVE_UP_AFTER = timedelta(days=7)
_Failures = (PlatformError, InvalidInput, Conflict, ConfigurationError)


@dataclass(frozen=True)
class _Call:
    view: RedemptionView
    step: str
    lease_no: int
    email: str | None


def run_due(runtime: Runtime, merchant_id: MerchantId) -> bool:
    """Run the effect that has waited longest. False when none is due.

    One, for merchants take turns: all codes of a shop that hangs would keep the others' waiting for minutes.
    """
    with reading(runtime.db) as session:
        due = queries.due_effects(session, merchant_id, now=runtime.clock(), limit=1)
    for redemption_id in due:
        run_effect(runtime, merchant_id, redemption_id)
    return bool(due)


def run_effect(runtime: Runtime, merchant_id: MerchantId, redemption_id: RedemptionId) -> RedemptionView:
    """Make one step for a redemption, if there is one and nobody else is at it. Never raises for what the platform does:
    that is recorded and tried again. Returns the redemption as it is afterwards."""
    call = run_tx(runtime.db, lambda session: _begin(session, runtime, merchant_id, redemption_id))
    if call is not None:
        _make(runtime, merchant_id, call)
    with reading(runtime.db) as session:
        return queries.redemption(session, merchant_id, redemption_id)


def sweep_holds(runtime: Runtime, merchant_id: MerchantId) -> int:
    """End holds that have run out: ask for the code's death, and give up on shops that do not answer. Returns how many ended."""
    with reading(runtime.db) as session:
        over = queries.hold_over(session, merchant_id, now=runtime.clock())
    return sum(run_tx(runtime.db, partial(_sweep, runtime, merchant_id, view)) for view in over)


def request_for(view: RedemptionView, email: str | None) -> DiscountRequest:
    """What the platform is asked for. Bound to the customer where the platform can."""
    return DiscountRequest(
        code=view.code,
        kind=view.kind,
        currency=view.currency,
        amount=view.face_minor,
        valid_until=view.code_expires_at,
        customer_id=view.customer_external_id,
        customer_email=email,
        description=f"Regulars redemption {view.redemption_id}",
    )


def _begin(session: Session, runtime: Runtime, merchant_id: MerchantId, redemption_id: RedemptionId) -> _Call | None:
    now = runtime.clock()
    lease_no = commands.lease_effect(session, merchant_id, redemption_id, until=now + CALL_LEASE, now=now)
    if lease_no is None:
        return None
    view = queries.redemption(session, merchant_id, redemption_id)
    if view.effect.wanted == "issued" and view.effect.actual != "issued" and now >= view.code_expires_at:
        commands.want_dead(session, merchant_id, redemption_id, now=now)
        view = queries.redemption(session, merchant_id, redemption_id)
    step = next_step(view.effect)
    if step == "nothing":
        commands.update_effect(session, merchant_id, redemption_id, lease_until=None, next_at=None)
        return None
    if step == "issue":
        # From here on an issue may have happened, whatever becomes of us.
        commands.update_effect(session, merchant_id, redemption_id, actual="unknown", issue_started_at=now)
    identity = members.identity(session, merchant_id, view.shop_id, view.customer_external_id)
    return _Call(view, step, lease_no, identity.email if identity else None)


def _make(runtime: Runtime, merchant_id: MerchantId, call: _Call) -> None:
    view = call.view
    outcome: Discount | Revocation
    try:
        connector = connector_of(runtime, merchant_id, view.shop_id)
        if call.step == "issue":
            outcome = connector.discounts.issue(request_for(view, call.email))
        else:
            outcome = connector.discounts.revoke(view.code)
    except Exception as error:
        failure = error
        run_tx(runtime.db, lambda session: _record_failure(session, runtime, merchant_id, call, failure))
        if not isinstance(error, _Failures):
            raise
        return
    if isinstance(outcome, Discount):
        run_tx(runtime.db, lambda session: _record_issued(session, runtime, merchant_id, call))
    else:
        revocation = outcome
        run_tx(runtime.db, lambda session: _record_revoked(session, runtime, merchant_id, call, revocation, connector))


def _record_issued(session: Session, runtime: Runtime, merchant_id: MerchantId, call: _Call) -> None:
    redemption_id = call.view.redemption_id
    if not commands.holds_lease(session, merchant_id, redemption_id, call.lease_no):
        return
    wanted = queries.redemption(session, merchant_id, redemption_id).effect.wanted
    next_at = runtime.clock() if wanted == "dead" else None
    done = {"actual": "issued", "attempts": 0, "last_error": None, "unreachable_since": None, "lease_until": None}
    commands.update_effect(session, merchant_id, redemption_id, next_at=next_at, **done)


def _record_revoked(
    session: Session,
    runtime: Runtime,
    merchant_id: MerchantId,
    call: _Call,
    revocation: Revocation,
    connector: Connector,
) -> None:
    """Record the death of the code; in the same transaction give back what waited for it. Locks: orders, redemption, balances."""
    now, redemption_id = runtime.clock(), call.view.redemption_id
    order_ids = sorted(order_id for order_id, _ in queries.redemption(session, merchant_id, redemption_id).orders)
    for order_id in order_ids:
        orders.locked(session, merchant_id, order_id)
    view = queries.locked(session, merchant_id, redemption_id)
    if not commands.holds_lease(session, merchant_id, redemption_id, call.lease_no):
        return
    used = _either(view.effect.used, revocation.used)
    after = after_revoke(view.effect, revocation, now=now)
    seen = {
        "used": used,
        "lease_until": None,
        "last_error": None,
        "unreachable_since": None,
        "absent_since": after.absent_since,
    }
    if not after.dead:
        commands.update_effect(session, merchant_id, redemption_id, next_at=after.look_again_at, **seen)
        return
    commands.update_effect(session, merchant_id, redemption_id, actual="dead", next_at=None, attempts=0, **seen)
    if used and view.state != "captured" and Capability.CODE_ON_ORDER not in connector.capabilities:
        since = view.placed_at - CLOCKS_DIFFER
        orders.want_since(session, merchant_id, view.shop_id, view.customer_external_id, placed_since=since, now=now)
    if view.state == "open" and not used:
        reason = "expired" if now >= view.code_expires_at else "given_back"
        commands.void(session, merchant_id, redemption_id, reason=reason, now=now)
    context = Settling(
        vault=runtime.vault,
        merchant_id=merchant_id,
        shop=merchants.shop(session, merchant_id, view.shop_id),
        capabilities=connector.capabilities,
        now=now,
    )
    for order_id in order_ids:
        settlement.rebook(session, context, order_id)


def _record_failure(session: Session, runtime: Runtime, merchant_id: MerchantId, call: _Call, error: Exception) -> None:
    now, redemption_id = runtime.clock(), call.view.redemption_id
    effect = queries.locked(session, merchant_id, redemption_id).effect
    if not commands.holds_lease(session, merchant_id, redemption_id, call.lease_no):
        return
    retryable = isinstance(error, PlatformError) and error.retryable
    wait = error.retry_after_s if isinstance(error, PlatformError) else None
    values = {
        "lease_until": None,
        "attempts": effect.attempts + 1,
        "last_error": said_of(error),
        "next_at": retry_at(effect, retry_after_s=wait, now=now),
        "unreachable_since": effect.unreachable_since or now,
    }
    commands.update_effect(session, merchant_id, redemption_id, **values)
    if call.step == "issue" and not retryable:
        # The shop will not have it: make sure that nothing is left there, and the points come back.
        commands.want_dead(session, merchant_id, redemption_id, now=now)
        commands.flag(session, merchant_id, redemption_id, "refused")
    if isinstance(error, PlatformError):
        health.note_failure(session, merchant_id, call.view.shop_id, error, now=now)


def _sweep(runtime: Runtime, merchant_id: MerchantId, seen: RedemptionView, session: Session) -> int:
    now = runtime.clock()
    view = queries.locked(session, merchant_id, seen.redemption_id)
    if view.state != "open":
        return 0
    if view.effect.actual == "dead":
        if not view.effect.used:
            return int(commands.void(session, merchant_id, view.redemption_id, reason="expired", now=now))
        if now - view.hold_expires_at >= UNSEEN_AFTER:
            return int(commands.capture_unmatched(session, merchant_id, view.redemption_id, now=now))
        return 0
    commands.want_dead(session, merchant_id, view.redemption_id, now=now)
    if view.effect.unreachable_since is None or not _silent_too_long(view.effect.unreachable_since, view, now):
        return 0
    commands.flag(session, merchant_id, view.redemption_id, "shop_unreachable")
    return int(commands.void(session, merchant_id, view.redemption_id, reason="shop_unreachable", now=now))


def _silent_too_long(since: datetime, view: RedemptionView, now: datetime) -> bool:
    return now - max(since, view.hold_expires_at) >= GIVE_UP_AFTER


def _either(before: bool | None, told: bool | None) -> bool | None:
    """Once used is used: a second look at a deleted code knows nothing of it."""
    return True if before or told else (before if told is None else told)
