"""Home: the setup guide while it is not done, then how the program does and what needs attention."""

from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from sqlmodel import Session
from werkzeug import Response

from admin import embedded, order_texts, problems, shop_work
from admin.formats import number
from admin.member_page import Worth, worth_of
from admin.screens import EVERYONE, MANAGERS, actor, merchant, merchant_id, now, read, runtime, screen
from admin.shop_work import Tie
from admin.texts import gettext, ngettext
from core.earning import queries as order_queries
from core.earning.queries import OrderView
from core.ledger import queries as ledger
from core.ledger.queries import Totals
from core.merchants import health, queries
from core.merchants.queries import ShopView
from core.ports import Capability
from core.program import queries as programs
from core.work import backfill

ATTENTION_SHOWN = 8


@dataclass(frozen=True)
class Step:
    """One step of the guide. `open`: the first that is not done; its button is shown."""

    title: str
    text: str
    done: bool
    open: bool
    action: str
    url: str


@dataclass(frozen=True)
class Attention:
    text: str
    action: str
    url: str


@dataclass(frozen=True)
class Home:
    totals: Totals
    outstanding_worth: Worth | None
    issued_worth: Worth | None
    redeemed_worth: Worth | None
    guide: list[Step]
    attention: list[Attention]
    more: int

    @property
    def has_moved(self) -> bool:
        """Whether there is anything to tell yet."""
        return bool(self.totals.issued or self.totals.adjusted or self.totals.members_with_points)

    @property
    def guide_is_done(self) -> bool:
        return all(step.done for step in self.guide)

    @property
    def steps_done(self) -> int:
        return sum(step.done for step in self.guide)


@screen("/", roles=EVERYONE)
def home() -> Response | str:
    connected = request.args.get("connected")
    if connected is not None:
        return _came_back(approved=connected == "1")
    page = read(_home)
    show_guide = not page.guide_is_done and actor().role in MANAGERS
    return render_template("admin/home.html", page=page, show_guide=show_guide)


def _came_back(*, approved: bool) -> Response:
    """From the shop's page of approval. What the browser says is not believed: the shop is there or it is not."""
    shops = [shop for shop in read(lambda s: queries.shops(s, merchant_id())) if shop.connected]
    if not approved:
        flash(gettext("The shop was not connected: it was not approved there. You can try again."), "warning")
    elif shops:
        flash(gettext("%(shop)s is connected.", shop=_newest(shops).name), "success")
    else:
        flash(
            gettext("The shop approved, but its keys have not arrived. Connect it with keys made by hand."), "warning"
        )
    return redirect(url_for("admin.home"), code=303)


def _newest(shops: list[ShopView]) -> ShopView:
    return max(shops, key=lambda shop: shop.created_at)


def _home(s: Session) -> Home:
    mine = merchant_id()
    shops = queries.shops(s, mine)
    totals = ledger.totals(s, mine)
    flagged = order_queries.flagged(s, mine)
    attention = [*_of_mail(shops), *_of_shops(s, shops), *_of_orders(flagged)]
    return Home(
        totals=totals,
        outstanding_worth=worth_of(s, max(0, totals.outstanding), shops),
        issued_worth=worth_of(s, totals.issued, shops),
        redeemed_worth=worth_of(s, totals.redeemed, shops),
        guide=_guide(s, shops),
        attention=attention[:ATTENTION_SHOWN],
        more=max(0, len(attention) - ATTENTION_SHOWN),
    )


def _guide(s: Session, shops: list[ShopView]) -> list[Step]:
    """Connect, rules, past orders, plugin, launch, of the shop in whose admin this is, or of the first one.

    The first that is not done is open.
    """
    mine, visit = merchant_id(), embedded.visit()
    shop = visit.shop if visit else next((shop for shop in shops if shop.connected), None)
    published = bool(programs.versions(s, mine))
    history = backfill.latest(s, mine, shop.shop_id) if shop else None
    tie = shop_work.tie_of(s, shop) if shop else Tie.KEYS
    shop_url = url_for("admin.shop", shop_id=shop.shop_id) if shop else url_for("admin.connect")
    history_url = url_for("admin.history", shop_id=shop.shop_id) if shop else shop_url
    plan = [
        (
            gettext("Connect your shop"),
            gettext("Say where it is and approve Regulars there."),
            shop is not None,
            gettext("Connect a shop"),
            url_for("admin.connect"),
        ),
        (
            gettext("Look at the rules"),
            gettext("A proposal is ready, with what it costs. Change what you like and publish it."),
            published,
            gettext("Look at the rules"),
            url_for("admin.program"),
        ),
        (
            gettext("Decide about past orders"),
            gettext("We read them and show what each choice would give before anything is given."),
            history is not None and history.mode is not None,
            gettext("Read past orders"),
            history_url,
        ),
        *([_plugin_step(s, shop, shop_url)] if tie is Tie.KEYS else []),
        (
            gettext("Launch"),
            gettext("Switch Regulars on in your theme, try it yourself, then show it to everybody.")
            if tie is Tie.APP
            else gettext("Try it yourself first, then show it to everybody."),
            merchant().launch in ("live", "paused"),
            gettext("Launch"),
            url_for("admin.launch"),
        ),
    ]
    first = next((place for place, (*_, done, _action, _url) in enumerate(plan) if not done), None)
    return [
        Step(title, text, done, place == first, action, url)
        for place, (title, text, done, action, url) in enumerate(plan)
    ]


def _plugin_step(s: Session, shop: ShopView | None, shop_url: str) -> tuple[str, str, bool, str, str]:
    """Where shops install us as an app there is no such step: the platform does not tell whether the theme shows us."""
    return (
        gettext("Install the plugin in the shop"),
        gettext("It shows shoppers their points and lets them redeem."),
        bool(shop and queries.plugin_keys(s, runtime().vault, shop.merchant_id, shop.shop_id)),
        gettext("Get the plugin"),
        shop_url + "#plugin",
    )


def _of_mail(shops: list[ShopView]) -> list[Attention]:
    """Where shoppers are proven by a mailed code, nobody sees points while no mail can be sent."""
    if runtime().settings.mail is not None:
        return []
    return [
        Attention(
            gettext(
                "%(shop)s: shoppers cannot see or use their points, because this server cannot send them a code. "
                "Whoever runs it sets REGULARS_SMTP_URL and REGULARS_MAIL_FROM.",
                shop=shop.name,
            ),
            gettext("Look at the shop"),
            url_for("admin.shop", shop_id=shop.shop_id),
        )
        for shop in shops
        if shop.connected and Capability.MAILED_IDENTITY in runtime().capabilities(shop.platform)
    ]


def _of_shops(s: Session, shops: list[ShopView]) -> list[Attention]:
    found = []
    for shop in shops:
        known = queries.health(s, shop.merchant_id, shop.shop_id)
        for problem in problems.problems(health.problem_words(shop, known, now=now()), shop.platform):
            text = gettext("%(shop)s: %(problem)s", shop=shop.name, problem=problem.sentence)
            found.append(Attention(text, gettext("What to do"), url_for("admin.shop", shop_id=shop.shop_id)))
    return found


def _of_orders(flagged: list[OrderView]) -> list[Attention]:
    """Parked orders as one entry for each shop, the others one by one."""
    parked = [found for found in flagged if "parked" in found.flags]
    entries = []
    for shop_id in dict.fromkeys(found.shop_id for found in parked):
        count = sum(1 for found in parked if found.shop_id == shop_id)
        text = ngettext(
            "Points of %(number)s order are about to be taken back. Say whether this is right.",
            "Points of %(number)s orders are about to be taken back. Say whether this is right.",
            count,
            number=number(count),
        )
        entries.append(Attention(text, gettext("Look"), url_for("admin.shop", shop_id=shop_id) + "#parked"))
    for found in flagged:
        words = [word for word in found.flags if word != "parked"]
        if words:
            name = gettext("Order #%(number)s", number=found.number or found.external_id)
            text = gettext("%(order)s: %(what)s", order=name, what=order_texts.flag(words[0]))
            entries.append(Attention(text, gettext("Look"), url_for("admin.order", order_id=found.order_id)))
    return entries
