"""Shoppers of platforms whose pages sign nothing: proven by a code that is mailed to where the shop says that they are.

    POST proofs         {customer_id}        -> {} 202, whether or not there is such a customer
    POST proofs/confirm {customer_id, code}  -> {"token"} 200; 403 "wrong_code" for every no
    POST session        {token}              -> {"token", "expires_in"} 200; 401 for every no

The first token is ours, for 120 days, and good for nothing but the second, which all other calls take. An id in a page is
no secret and no proof: here it only says whom to write to, and no answer, time or row tells whether there is anybody. The
address is read from the shop by the worker, later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import structlog
from flask import Response, current_app, request
from limits import RateLimitItem, parse, parse_many
from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session

from connectors import registry
from core.db.engine import reading, run_tx
from core.errors import NotFound, SignatureInvalid
from core.mail import commands as mail
from core.merchants.queries import DoorView, MerchantView, ShopView
from core.ports import Capability
from core.program import queries as program_queries
from core.program.terms import Terms
from core.proofs import commands as proofs
from core.proofs import queries as proof_queries
from core.proofs import tokens
from core.runtime import Runtime
from widgets import access, wire
from widgets.access import runtime
from widgets.catalogues import best_language, catalogue
from widgets.proofs_mail import code_letter
from widgets.refusals import NoMail, TooManyCodes, TooOften, WrongCode
from widgets.speech import Speech

log = structlog.get_logger(__name__)

# By the address that asks, by the customer who is asked about, by the shop: a guest's word can cost all three.
ASK_ADDRESS, ASK_SHOP = parse_many("20/hour"), parse_many("600/hour")
ASK_CUSTOMER = parse_many("3 per 15 minutes; 10 per day")
CONFIRM_ADDRESS, CONFIRM_SHOP = parse_many("60/hour"), parse_many("2000/hour")
CONFIRM_CUSTOMER = parse_many("12 per 15 minutes; 40 per day")
SESSION_ADDRESS = parse("120/minute")


class AskRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    customer_id: Annotated[str, Field(pattern=rf"^{tokens.CUSTOMER}$")]


class ConfirmRequest(AskRequest):
    code: Annotated[str, Field(min_length=1, max_length=40, repr=False)]


class SessionRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    token: Annotated[str, Field(max_length=tokens.LONGEST, repr=False)]


@dataclass(frozen=True)
class Asked:
    """A shop whose shoppers are proven by mail, and its program."""

    door: DoorView
    terms: Terms

    @property
    def shop(self) -> ShopView:
        return self.door.shop


def by_mail(here: Runtime, merchant: MerchantView, shop: ShopView) -> bool:
    """Whether shoppers of this shop are proven by a code."""
    known = Capability.MAILED_IDENTITY in here.capabilities(shop.platform)
    return known and shop.connected and merchant.launch != "draft"


def ask(shop_key: str) -> Response:
    """Have a code mailed. Known or not, the same rows are written and the same answer is given."""
    asked = _shop(shop_key)
    wanted = wire.body(AskRequest)
    shop, here = asked.shop, runtime()
    if here.settings.mail is None:
        raise NoMail
    _count("proof", asked.shop, wanted.customer_id, ASK_ADDRESS, ASK_CUSTOMER, ASK_SHOP)
    code, now = proofs.new_code(), here.clock()
    speech = Speech(catalogue(best_language(request.args.get("lang"))), asked.terms.zone)
    letter = code_letter(code, program=asked.terms.name, shop=shop.name, speech=speech)

    def work(session: Session) -> None:
        proofs.ask(session, here.vault, shop.merchant_id, shop.shop_id, wanted.customer_id, code=code, now=now)
        mail.queue(
            session,
            here.vault,
            shop.merchant_id,
            shop.shop_id,
            customer_id=wanted.customer_id,
            letter=letter,
            good_until=now + proofs.LIFE,
            now=now,
        )

    run_tx(here.db, work)
    current_app.extensions.get("regulars.wake", lambda: None)()
    log.info("proof.asked", merchant_id=shop.merchant_id, shop_id=shop.shop_id)
    return wire.answer({}, 202)


def confirm(shop_key: str) -> Response:
    """The code, for a token that the browser keeps."""
    shop = _shop(shop_key).shop
    wanted = wire.body(ConfirmRequest)
    _count("confirm", shop, wanted.customer_id, CONFIRM_ADDRESS, CONFIRM_CUSTOMER, CONFIRM_SHOP)
    here, now = runtime(), runtime().clock()

    def work(session: Session) -> str | None:
        mine = (session, here.vault, shop.merchant_id, shop.shop_id, wanted.customer_id)
        if not proofs.try_code(*mine, code=wanted.code, now=now):
            return None  # and no error here: the try that was used up must be committed
        return proofs.remember(*mine, now=now)

    try:
        token = run_tx(here.db, work)
    except SignatureInvalid:
        token = None
    if token is None:
        raise WrongCode
    log.info("proof.confirmed", merchant_id=shop.merchant_id, shop_id=shop.shop_id)
    return wire.answer({"token": token})


def session(shop_key: str) -> Response:
    """The kept token, for one of five minutes that the other calls take."""
    asked = _shop(shop_key)
    shop, here, now = asked.shop, runtime(), runtime().clock()
    access.count(SESSION_ADDRESS, "session", access.address())
    given = wire.body(SessionRequest).token
    with reading(here.db) as read:
        customer_id = proof_queries.customer_of(read, here.vault, shop.merchant_id, shop.shop_id, given, now=now)
    keys = asked.door.plugin_keys(here.vault)
    if not keys:
        raise NotFound("This shop has no key")
    kid, key = list(keys.items())[-1]
    token = registry.issue_shopper_token(
        kid=kid, key=key, customer_id=customer_id, audience=shop.shop_key, issuer=shop.base_url, now=now
    )
    return wire.answer({"token": token, "expires_in": registry.SHOPPER_TOKEN_LIFE_S})


def _shop(shop_key: str) -> Asked:
    """Raises NotFound: no such shop, no program, or its shoppers are proven in another way."""
    with access.visit(shop_key) as visit:
        door = access.known_shop(visit)
        if not by_mail(runtime(), door.merchant, door.shop):
            raise NotFound("Shoppers of this shop are proven in another way")
        found = program_queries.current(visit.session, door.shop.merchant_id, now=runtime().clock())
    return Asked(door, found.terms)


def _count(
    what: str,
    shop: ShopView,
    customer_id: str,
    of_address: Sequence[RateLimitItem],
    of_customer: Sequence[RateLimitItem],
    of_shop: Sequence[RateLimitItem],
) -> None:
    """One address is stopped before it can use up what belongs to a customer or to the shop. Raises TooManyCodes."""
    who = ((of_address, (access.address(),)), (of_customer, (shop.shop_id, customer_id)), (of_shop, (shop.shop_id,)))
    try:
        for limits, names in who:
            for limit in limits:
                access.count(limit, what, *names)
    except TooOften as error:
        raise TooManyCodes(error.retry_after_s) from None
