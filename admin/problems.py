"""What may be wrong with a shop, in plain sentences: what it is, and what to do. One entry for each stable word."""

from collections.abc import Iterable
from dataclasses import dataclass

from admin.texts import gettext
from admin.texts import lazy_gettext as _l
from core.ports import Platform


@dataclass(frozen=True)
class Problem:
    word: str
    sentence: str
    advice: str
    grave: bool


_KEY = (
    _l("The shop no longer accepts our key, so no orders are read and no codes are made."),
    _l("Connect the shop again with the button below. Points and settings stay as they are."),
)
_UNREACHABLE = (
    _l("The shop cannot be reached at the moment. Nothing is lost: we keep trying."),
    _l("Open the shop in your browser. If it works there, ask your host whether it blocks this server."),
)
_UNAVAILABLE = (
    _l("The shop shows a maintenance page. Nothing is lost: we keep trying."),
    _l("Switch maintenance off when you are done."),
)

# The words are those of connectors' `health`, of core.errors and of core.merchants.health.
_TEXTS: dict[str, tuple[str, str]] = {
    "key_refused": _KEY,
    "credentials_refused": _KEY,
    "unreachable": _UNREACHABLE,
    "shop_unavailable": _UNAVAILABLE,
    "silent": (
        _l("We have not heard from the shop for more than six hours."),
        _l("Press “Check now”. If all is well there, make sure that the worker of this server is running."),
    ),
    "clock_skew": (
        _l("The clocks of the shop and of this server are more than five minutes apart."),
        _l("Ask whoever runs the two servers to set their clocks by the network."),
    ),
    "permalinks_plain": (
        _l("WordPress uses plain permalinks, with which its programming interface does not work."),
        _l("In WordPress, open Settings, Permalinks, choose anything but “Plain”, and save."),
    ),
    "address_changed": (
        _l("The shop answers from another address than the one we know."),
        _l("Disconnect this shop, then connect it at the address that it has now."),
    ),
    "address_refused": (
        _l("The shop's address leads to a place that we may not call, such as a private network."),
        _l(
            "Correct the shop's name in the DNS. For a shop on this very machine, allow it in the settings of the server."
        ),
    ),
    "rate_limited": (
        _l("The shop asks us to slow down. Reading takes longer; nothing is lost."),
        _l("There is nothing to do unless it lasts: then ask the host to let this server make more requests."),
    ),
    "not_json": (
        _l("The shop answers with pages where data were due, so no orders can be read."),
        _l("A plugin for security or caching stands in between. Let it pass addresses that begin with /wp-json/."),
    ),
    "platform_refused": (
        _l("The shop refused a request of ours."),
        _l("The details below say why. If they do not help, disconnect and connect again."),
    ),
    "webhook_missing": (
        _l("The shop has lost some of the notifications by which it tells us of orders, so points come later."),
        _l("Press “Set up notifications again”."),
    ),
    "webhook_disabled": (
        _l("The shop has switched off our notifications after failed deliveries, so points come later."),
        _l("Press “Set up notifications again”."),
    ),
    "webhook_duplicate": (
        _l("The shop tells us everything twice. That does no harm."),
        _l("Press “Set up notifications again” to tidy up."),
    ),
    "webhook_elsewhere": (
        _l("The shop still notifies an address that Regulars had before."),
        _l("Press “Set up notifications again”."),
    ),
    "version_unsupported": (
        _l("This version of the shop's software is older than what we support."),
        _l("Update WooCommerce to 8.2 or newer."),
    ),
    "single_use_can_be_raced": (
        _l("In this version of WooCommerce two checkouts at the very same moment can both use one code."),
        _l("Update WooCommerce to 9.6 or newer. Until then, such orders are marked for you."),
    ),
    "coupons_off": (
        _l("Coupons are switched off in the shop, so members cannot redeem."),
        _l("In WooCommerce, open Settings, General, and enable the use of coupon codes."),
    ),
    "plain_http": (
        _l("The shop is not encrypted (http), so keys and names of customers can be read on the way."),
        _l("Give the shop a certificate, then connect it at its https:// address."),
    ),
}
_APP_KEY = (
    _l("The shop no longer accepts our key, so no orders are read and no codes are made."),
    _l("Open Regulars in the shop's own admin once: that renews the key. Points and settings stay as they are."),
)
_SHOPTET_KEY = (
    _l("Shoptet no longer lets us into the shop, so no orders are read and no coupons are made."),
    _l(
        "In the Shoptet admin, look under Addons whether Regulars is paused, and install it again if it is gone. A shop with"
        " a private token is connected again with a new one. Points and settings stay as they are."
    ),
)
# What is said otherwise, or only, of shops on a platform that knows apps.
_TEXTS_OF: dict[Platform, dict[str, tuple[str, str]]] = {
    Platform.SHOPIFY: {
        "key_refused": _APP_KEY,
        "credentials_refused": _APP_KEY,
        "scopes_missing": (
            _l(
                "The shop has not granted all that the app asks for, so orders, customers or discount codes are out of reach."
            ),
            _l(
                "Open Regulars in the Shopify admin and accept the new permissions. If it does not ask, deploy the app again."
            ),
        ),
        "unreachable": (
            _UNREACHABLE[0],
            _l("Look at Shopify's status page. If all is well there, make sure that this server may call Shopify."),
        ),
        "shop_unavailable": (
            _l("Shopify has frozen or closed the shop. Nothing is lost: we keep trying."),
            _l("Sign in to Shopify: it says there what is open, usually a bill."),
        ),
        "rate_limited": (
            _l("Shopify asks us to slow down. Reading takes longer; nothing is lost."),
            _l("There is nothing to do."),
        ),
        "not_json": (
            _l("Something else than Shopify answers where data were due, so no orders can be read."),
            _l("A firewall or a proxy stands between this server and Shopify. Let it pass *.myshopify.com."),
        ),
        "platform_refused": (
            _l("The shop refused a request of ours."),
            _l("The details below say why. If they do not help, open Regulars in the Shopify admin once."),
        ),
        "address_refused": (
            _l("The shop's address leads to a place that we may not call, such as a private network."),
            _l("Look at this server's DNS: name.myshopify.com has to lead to Shopify."),
        ),
    },
    Platform.SHOPTET: {
        "key_refused": _SHOPTET_KEY,
        "credentials_refused": _SHOPTET_KEY,
        "unreachable": (
            _UNREACHABLE[0],
            _l("Look at Shoptet's status page. If all is well there, make sure that this server may call Shoptet."),
        ),
        "shop_unavailable": (
            _l("Shoptet has closed the shop, or a part of its interface, for now. Nothing is lost: we keep trying."),
            _l("Look whether the shop is open and paid for in the Shoptet admin."),
        ),
        "rate_limited": (
            _l("Shoptet asks us to slow down. Reading takes longer; nothing is lost."),
            _l("There is nothing to do."),
        ),
        "not_json": (
            _l("Something else than Shoptet answers where data were due, so no orders can be read."),
            _l("A firewall or a proxy stands between this server and Shoptet. Let it pass api.myshoptet.com."),
        ),
        "platform_refused": (
            _l("The shop refused a request of ours."),
            _l("The details below say why. If they do not help, install the addon in the Shoptet admin once more."),
        ),
        "address_refused": (
            _l("The shop's address leads to a place that we may not call, such as a private network."),
            _l("Look at this server's DNS: api.myshoptet.com and your partner e-shop have to lead to Shoptet."),
        ),
        "webhook_failing": (
            _l("Shoptet could not hand over some of its notifications in the last day, so points came later."),
            _l("Make sure that Shoptet reaches this server. Orders are found by asking the shop as well."),
        ),
        "coupons_off": (
            _l("The module “Discount coupons” is not active in the shop, so members cannot redeem."),
            _l("Activate it in the Shoptet admin."),
        ),
        "endpoints_pending": (
            _l("The addon asks for rights that the shop has not granted yet, so a part of the work stands still."),
            _l("In the Shoptet admin, open Addons, Regulars, and approve the new rights."),
        ),
        "snippet_missing": (
            _l("The lines that show the rewards panel are not on the shop's pages, or are old."),
            _l("Press “Set up notifications again”: that puts them there as well."),
        ),
    },
}
STOPS_WORK = frozenset(
    {
        "key_refused",
        "credentials_refused",
        "silent",
        "permalinks_plain",
        "address_changed",
        "address_refused",
        "not_json",
        "version_unsupported",
        "coupons_off",
        "scopes_missing",
        "endpoints_pending",
    }
)


def sentence(word: str, platform: Platform) -> str:
    found = _text(word, platform)
    return str(found[0]) if found else gettext("Something is wrong with the shop (%(word)s).", word=word)


def problem(word: str, platform: Platform) -> Problem:
    """The sentences of a word; one that nobody has written about is shown as it is."""
    found = _text(word, platform)
    advice = found[1] if found else _l("Press “Check now”. If it stays, ask for help and name this word.")
    return Problem(word, sentence(word, platform), str(advice), word in STOPS_WORK)


def problems(words: Iterable[str], platform: Platform) -> list[Problem]:
    """One for each sentence, as two words may say the same: what a look found, and what a call ran into."""
    found: dict[str, Problem] = {}
    for word in words:
        found.setdefault(sentence(word, platform), problem(word, platform))
    return list(found.values())


def _text(word: str, platform: Platform) -> tuple[str, str] | None:
    return _TEXTS_OF.get(platform, {}).get(word) or _TEXTS.get(word)
