"""What a platform asks of somebody who registers us there, and what it is told: one entry for each that knows apps."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from wtforms import PasswordField
from wtforms.validators import InputRequired, Length

from admin.embedded import settings_url
from admin.forms import REQUIRED, Form, text
from admin.texts import gettext
from admin.texts import lazy_gettext as _l
from core.errors import InvalidInput
from core.ports import Platform

_DEFAULT_PORTS = {"https": 443, "http": 80}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Home:
    """Where an app lives at its platform. `stand_in`: the same, where it is a demo's that plays the whole platform."""

    url: str | None = None
    stand_in: str | None = None


class AppForm(Form):
    client_id = text(_l("Client ID"), autocomplete="off", spellcheck="false")
    secret = PasswordField(
        _l("Client secret"),
        [InputRequired(REQUIRED), Length(max=200)],
        description=_l("It is kept encrypted and is not shown again."),
        render_kw={"autocomplete": "off", "maxlength": 200},
    )

    def home(self, *, allow_loopback: bool) -> Home:
        """Raises InvalidInput."""
        return Home()


class AddonForm(AppForm):
    home_url = text(
        _l("Address of your partner e-shop"),
        hint=_l("The e-shop that Shoptet gave you as its partner, for example https://my-addons.myshoptet.com"),
        longest=300,
        inputmode="url",
        autocapitalize="none",
        autocomplete="off",
        spellcheck="false",
    )

    def home(self, *, allow_loopback: bool) -> Home:
        return read_home(self.home_url.data or "", allow_loopback=allow_loopback)


@dataclass(frozen=True)
class Address:
    """Where the platform calls us, as it is to be written there. `hint`: what for, where its name does not say it."""

    name: str
    label: str
    value: str
    hint: str = ""


@dataclass(frozen=True)
class Right:
    """A part of the platform's API that we call. `name`: its address; `why`: what for."""

    name: str
    group: str
    why: str


@dataclass(frozen=True)
class Guide:
    """`about`: what is registered there. `ports`: those that the platform calls; none: all of them.
    `rights`: what has to be asked for by hand.
    """

    about: str
    form: type[AppForm]
    addresses: Callable[[str, str], list[Address]]
    https_only: str
    ports: frozenset[int] = frozenset()
    rights: Sequence[Right] = ()


def callback_url(server: str, platform: Platform, app_key: str) -> str:
    """Where the platform sends a merchant back to who began at our end; it stands in the app's settings there."""
    return f"{server}/install/{platform.value}/{app_key}/callback"


def warnings(guide: Guide, server: str) -> list[str]:
    """What keeps the platform from calling this server."""
    parts = urlsplit(server)
    found = [] if parts.scheme == "https" else [str(guide.https_only)]
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    if guide.ports and port not in guide.ports:
        found.append(
            gettext(
                "Shoptet calls only the ports 80, 443, 8080 and 8443, and this server's address names the port %(port)s."
                " Put the server behind one of these and correct its address under Settings first.",
                port=port,
            )
        )
    return found


def read_home(typed: str, *, allow_loopback: bool) -> Home:
    """Scheme and host of a partner's e-shop. Raises InvalidInput with a sentence about what is wrong."""
    given = typed.strip().rstrip("/")
    parts = _parts(given if "://" in given else f"https://{given}")
    host = parts.hostname or "" if parts else ""
    if parts is not None and host in _LOOPBACK and allow_loopback:
        url = f"{parts.scheme}://{parts.netloc}"
        return Home(url, stand_in=url)
    if parts is None or parts.username is not None or "." not in host.strip(".") or not given.isascii():
        raise _wrong(gettext("This is not an address such as https://my-addons.myshoptet.com."))
    if parts.path or parts.query or parts.fragment:
        raise _wrong(
            gettext("Only the address of the e-shop is meant, without what follows: https://%(host)s", host=host)
        )
    if parts.scheme != "https":
        raise _wrong(gettext("The address must begin with https://: the addon's secret is sent there."))
    if parts.port not in (None, 443):
        raise _wrong(gettext("The address must be without a port: https://%(host)s", host=host))
    return Home(f"https://{host}")


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # raises for one that is no number
    except ValueError:
        return None
    return None if any(ord(letter) <= 32 or letter == "\\" for letter in url) else parts


def _wrong(sentence: str) -> InvalidInput:
    return InvalidInput(sentence, field="home_url")


def _at_shopify(server: str, key: str) -> list[Address]:
    return [
        Address("app-url", gettext("App URL"), settings_url(server, key)),
        Address("redirect", gettext("Redirect URL"), callback_url(server, Platform.SHOPIFY, key)),
        Address("webhooks", gettext("Address for webhooks"), f"{server}/webhooks/shopify/{key}"),
        Address(
            "proxy", gettext("App proxy URL (prefix “apps”, subpath “regulars”)"), f"{server}/widget/v1/proxy/{key}"
        ),
    ]


def _at_shoptet(server: str, key: str) -> list[Address]:
    page = settings_url(server, key)
    return [
        Address(
            "install",
            gettext("Address for the installation"),
            f"{server}/install/shoptet/{key}",
            gettext("Shoptet calls it when a shop installs the addon."),
        ),
        Address(
            "settings",
            gettext("Address of the addon's settings"),
            f"{page}?code=#OAUTH_CODE#&shop=#SHOP_ID#&language=#LANGUAGE#",
            gettext("Write it with the three words between number signs: Shoptet puts the shop's own in."),
        ),
        Address(
            "authorization",
            gettext("URL for user authorization"),
            page,
            gettext("Without it Shoptet sends no code with the settings, and nobody can open them."),
        ),
        Address(
            "lifecycle",
            gettext("Address for addon:uninstall, addon:suspend, addon:terminate, addon:approve"),
            f"{server}/webhooks/shoptet/app/{key}",
            gettext("The same for all four. Regulars registers the other webhooks in each shop itself."),
        ),
    ]


# Each group of addresses that connectors/shoptet calls; a test holds this list against it.
_SHOPTET_RIGHTS = (
    Right("/api/eshop", "Eshop", _l("the shop's name, currency, time zone and modules")),
    Right("/api/orders", "Orders", _l("what members bought")),
    Right("/api/credit-notes", "Credit notes", _l("what they returned")),
    Right("/api/invoices", "Invoices", _l("which order a credit note is of")),
    Right("/api/proof-payments", "Proof payments", _l("the same, in shops without invoices")),
    Right("/api/customers", "Customers", _l("who members are, and where a code can be mailed to")),
    Right("/api/pricelists", "Price lists", _l("price lists that members can be put on")),
    Right("/api/discount-coupons", "Discount coupons", _l("making and deleting coupons when members redeem")),
    Right("/api/webhooks", "Webhooks", _l("hearing of orders at once")),
    Right("/api/template-include", "Templates", _l("showing the rewards panel in the shop")),
    Right("/api/system", "Endpoints, System", _l("seeing which rights are granted, and fetching exports")),
)

GUIDES: Mapping[Platform, Guide] = {
    Platform.SHOPIFY: Guide(
        about=_l("An app of your own, from Shopify's Dev Dashboard."),
        form=AppForm,
        addresses=_at_shopify,
        https_only=_l(
            "Shopify calls only addresses that begin with https://, and this server's does not. Give it a certificate and"
            " correct its address under Settings first."
        ),
    ),
    Platform.SHOPTET: Guide(
        about=_l("An addon of your own, from Shoptet's partner admin."),
        form=AddonForm,
        addresses=_at_shoptet,
        https_only=_l(
            "This server's address does not begin with https://, so codes and people's data could be read on the way. Give"
            " it a certificate and correct its address under Settings first."
        ),
        ports=frozenset({80, 443, 8080, 8443}),
        rights=_SHOPTET_RIGHTS,
    ),
}
