"""The addresses under /widget/v1: contracts inside merchants' shops, so what is here stays. Shapes: presenters.py."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from dataclasses import replace
from typing import TypeVar

import structlog
from flask import Blueprint, Response, current_app, make_response, request
from sqlmodel import Session
from werkzeug.exceptions import HTTPException

from core.commerce import Customer
from core.db.engine import reading, run_tx
from core.earning import orders
from core.earning import queries as order_queries
from core.errors import NotFound, RegularsError
from core.ids import MemberId, MerchantId, RedemptionId
from core.ledger import queries as ledger_queries
from core.members import commands as member_commands
from core.merchants import preview
from core.merchants.queries import ShopView
from core.program import queries as program_queries
from core.program.terms import Terms
from core.rewards.redemption import commands as redemption_commands
from core.rewards.redemption import queries as redemption_queries
from core.rewards.redemption.codes import rules_of
from core.rewards.redemption.queries import RedemptionView
from core.runtime import Runtime
from core.work import effects
from core.work import reading as order_reading
from widgets import access, files, presenters, proofs, wire
from widgets.access import Shopper, runtime
from widgets.catalogues import best_language, catalogue
from widgets.refusals import TooOften, refusal
from widgets.shapes import Me
from widgets.speech import Speech

log = structlog.get_logger(__name__)
T = TypeVar("T")

blueprint = Blueprint("widgets", __name__, url_prefix="/widget/v1")

# How long a request waits for the shop before it answers without: the worker finishes what is left.
SHOP_WAIT_S = 3.0
HISTORY_PAGE = 20
CONFIG_AGE_S = 60
OF_EVERY_ANSWER = (
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    # Pages of other sites load us: that is what a widget is for. What may be read from there, CORS says.
    ("Cross-Origin-Resource-Policy", "cross-origin"),
)

_calls = ThreadPoolExecutor(max_workers=8, thread_name_prefix="widget-shop")


blueprint.add_url_rule("/loader.js", view_func=files.loader)
blueprint.add_url_rule("/static/<digest>/<name>", view_func=files.static_file)
blueprint.add_url_rule("/api/<shop_key>/proofs", "ask_proof", proofs.ask, methods=["POST"])
blueprint.add_url_rule("/api/<shop_key>/proofs/confirm", "confirm_proof", proofs.confirm, methods=["POST"])
blueprint.add_url_rule("/api/<shop_key>/session", "session", proofs.session, methods=["POST"])


@blueprint.get("/api/<shop_key>/config")
def config(shop_key: str) -> Response:
    with access.visit(shop_key) as visit:
        access.count(access.CONFIG, "config", access.address())
        door = access.known_shop(visit)
        terms = terms_of(visit.session, door.shop)
    shop, now = door.shop, runtime().clock()
    token = request.args.get("preview")
    staff = preview.is_valid(token, runtime().vault, shop.shop_key, now=now)
    state = presenters.state_of(door.merchant, shop, staff=staff) if terms else "hidden"
    mailed = proofs.by_mail(runtime(), door.merchant, shop)
    body: object = (
        presenters.config(shop, terms, state, _speech(terms), mailed=mailed) if terms else {"state": "hidden"}
    )
    response = wire.answer(body)
    response.headers["Cache-Control"] = wire.NOT_KEPT if token else f"public, max-age={CONFIG_AGE_S}"
    response.add_etag()
    return make_response(response.make_conditional(request))


@blueprint.get("/api/<shop_key>/me")
def me(shop_key: str) -> Response:
    with access.visit(shop_key) as visit:
        return _me(visit.session, access.shopper(visit), status=200)


@blueprint.post("/api/<shop_key>/join")
def join(shop_key: str) -> Response:
    with access.visit(shop_key) as visit:
        known = access.shopper(visit)
    wire.body(wire.NothingRequest)
    shop, now = known.shop, runtime().clock()
    shared = runtime()
    person = _within(lambda: _customer(shared, shop, known.customer_id))

    def work(session: Session) -> MemberId:
        member_id = member_commands.enrol(
            session,
            runtime().vault,
            shop.merchant_id,
            shop.shop_id,
            external_id=known.customer_id,
            email=person.email if person else None,
            first_name=person.first_name if person else "",
            last_name=person.last_name if person else "",
            joined_by="widget",
            joined_at=now,
            now=now,
        )
        orders.want_of_customer(session, shop.merchant_id, shop.shop_id, known.customer_id, now=now)
        return member_id

    member_id = run_tx(runtime().db, work)
    _wake()
    log.info("member.joined", merchant_id=shop.merchant_id, member_id=member_id)
    with reading(runtime().db) as session:
        return _me(session, replace(known, member_id=member_id), status=201)


@blueprint.get("/api/<shop_key>/history")
def history(shop_key: str) -> Response:
    with access.visit(shop_key) as visit:
        known = access.shopper(visit)
        member_id = access.member_of(known)
        before = wire.cursor()
        terms = terms_of(visit.session, known.shop)
        entries = ledger_queries.timeline(
            visit.session, known.shop.merchant_id, member_id, before_seq=before, limit=HISTORY_PAGE + 1
        )
    page = entries[:HISTORY_PAGE]
    following = str(page[-1].seq) if len(entries) > HISTORY_PAGE else None
    return wire.answer(presenters.history(page, _speech(terms), next_cursor=following))


@blueprint.post("/api/<shop_key>/redemptions")
def redeem(shop_key: str) -> Response:
    with access.visit(shop_key) as visit:
        known = access.shopper(visit)
    asked = wire.body(wire.RedeemRequest)
    return redeem_for(known, points=asked.points, idempotency_key=asked.idempotency_key)


def redeem_for(known: Shopper, *, points: int, idempotency_key: str) -> Response:
    """Place it, and make its code for as long as a shopper waits. Raises Refused."""
    member_id = access.member_of(known)
    access.count(access.REDEEM, "redeem", known.shop.merchant_id, member_id)
    shop, now = known.shop, runtime().clock()

    def work(session: Session) -> RedemptionView:
        return redemption_commands.place(
            session,
            shop.merchant_id,
            member_id,
            shop,
            customer_external_id=known.customer_id,
            points=points,
            idempotency_key=idempotency_key,
            codes=rules_of(runtime().capabilities(shop.platform)),
            now=now,
        )

    placed = run_tx(runtime().db, work)
    log.info("redemption.placed", merchant_id=shop.merchant_id, redemption_id=placed.redemption_id)
    body = presenters.redemption(_step(shop.merchant_id, placed))
    return wire.answer(body, 202 if body["state"] == "preparing" else 201)


@blueprint.get("/api/<shop_key>/redemptions/<redemption_id>")
def redemption(shop_key: str, redemption_id: str) -> Response:
    with access.visit(shop_key) as visit:
        found = _own_redemption(visit.session, access.shopper(visit), redemption_id)
    return wire.answer(presenters.redemption(found))


@blueprint.delete("/api/<shop_key>/redemptions/<redemption_id>")
def give_back(shop_key: str, redemption_id: str) -> Response:
    with access.visit(shop_key) as visit:
        known = access.shopper(visit)
        found = _own_redemption(visit.session, known, redemption_id)
    merchant_id, now = known.shop.merchant_id, runtime().clock()
    ending = run_tx(
        runtime().db,
        lambda session: redemption_commands.give_back(session, merchant_id, found.redemption_id, now=now),
    )
    body = presenters.redemption(_step(merchant_id, ending))
    return wire.answer(body, 202 if body["state"] == "ending" else 200)


@blueprint.post("/api/<shop_key>/hint")
def hint(shop_key: str) -> Response:
    """The shopper has just bought something: read that order now. The same answer whether or not there is one.

    Only a signed-in shopper's word makes work: a guest has nothing to be shown, and strangers could ask for anything.
    """
    with access.visit(shop_key) as visit:
        access.count(access.HINT, "hint", access.address())
        asked = wire.body(wire.HintRequest)
        known = access.shopper_if_known(visit)
    if known is not None:
        want(known, asked.order)
    return wire.answer({}, 202)


def want(known: Shopper, external_id: str) -> None:
    """Have an order read, on the word of a shopper who is signed in."""
    shop, now = known.shop, runtime().clock()
    run_tx(runtime().db, lambda session: orders.want(session, shop.merchant_id, shop.shop_id, external_id, now=now))
    _wake()


@blueprint.before_request
def _preflight() -> Response | None:
    shop_key = (request.view_args or {}).get("shop_key")
    if shop_key is None or request.method != "OPTIONS":
        return None
    with access.visit(shop_key):
        return access.preflight()


@blueprint.after_request
def _finish(response: Response) -> Response:
    if "shop_key" in (request.view_args or {}):
        access.allow_origin(response)
    response.headers.extend(OF_EVERY_ANSWER)
    response.headers.setdefault("Cache-Control", wire.NOT_KEPT)
    return response


@blueprint.errorhandler(RegularsError)
def refused(error: RegularsError) -> Response:
    said = refusal(error, _speech(None))
    if said is None:
        log.error("widget.failed", error=type(error).__name__)
        return wire.error(500, "internal", "")
    response = wire.error(said.status, said.code, said.message)
    if isinstance(error, TooOften):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


@blueprint.errorhandler(HTTPException)
def http_error(error: HTTPException) -> Response:
    name = (error.name or "error").lower().replace(" ", "_")
    return wire.error(error.code or 500, name, "")


def terms_of(session: Session, shop: ShopView) -> Terms | None:
    """None before a program was published."""
    try:
        return program_queries.current(session, shop.merchant_id, now=runtime().clock()).terms
    except NotFound:
        return None


def _speech(terms: Terms | None) -> Speech:
    zone = terms.zone if terms else Terms(currencies={}).zone
    return Speech(catalogue(best_language(request.args.get("lang"))), zone)


def _me(session: Session, known: Shopper, *, status: int) -> Response:
    return wire.answer(me_of(session, known, order=request.args.get("order")), status)


def me_of(session: Session, known: Shopper, *, order: str | None = None) -> Me:
    """What a shopper sees of the program; `order`: and what that order has brought."""
    shop, merchant_id = known.shop, known.shop.merchant_id
    terms = terms_of(session, shop) if known.member_id is not None else None
    if known.member_id is None or terms is None:
        return presenters.not_a_member()
    return presenters.me(
        known.door.merchant,
        shop,
        terms,
        ledger_queries.balance_now(session, merchant_id, known.member_id, now=runtime().clock()),
        redemption_queries.open_of(session, merchant_id, known.member_id),
        _speech(terms),
        open_at_most=rules_of(runtime().capabilities(shop.platform)).open_at_most,
        earned_by_order=_earned(session, shop, known.member_id, order) if order else None,
    )


def _earned(session: Session, shop: ShopView, member_id: MemberId, external_id: str) -> int | None:
    """What this very member got for an order of this shop."""
    found = order_queries.find(session, shop.merchant_id, shop.shop_id, external_id)
    return found.target_points if found is not None and found.owner_id == member_id else None


def _customer(shared: Runtime, shop: ShopView, customer_id: str) -> Customer:
    """Name and e-mail as the shop knows them, for support; joining does not depend on it."""
    connector = order_reading.connector_of(shared, shop.merchant_id, shop.shop_id)
    return connector.customers.get_customer(customer_id)


def _own_redemption(session: Session, known: Shopper, redemption_id: str) -> RedemptionView:
    """Raises NotFound, for another member's just as for none."""
    member_id = access.member_of(known)
    if not access.is_id(redemption_id):  # PostgreSQL does not even take it as a question
        raise NotFound("There is no such redemption")
    found = redemption_queries.redemption(session, known.shop.merchant_id, RedemptionId(redemption_id))
    if found.member_id != member_id:
        raise NotFound("There is no such redemption")
    return found


def _step(merchant_id: MerchantId, view: RedemptionView) -> RedemptionView:
    """Do now what the redemption wants of the shop, for as long as a shopper waits; the worker does the rest."""
    shared = runtime()
    done = _within(lambda: effects.run_effect(shared, merchant_id, view.redemption_id))
    if done is None:
        _wake()
    return done or view


def _within(work: Callable[[], T]) -> T | None:
    """The result, or None when the shop is too slow or fails."""
    future: Future[T] = _calls.submit(work)
    try:
        return future.result(timeout=SHOP_WAIT_S)
    except (Late, RegularsError):
        return None


def _wake() -> None:
    current_app.extensions.get("regulars.wake", lambda: None)()
