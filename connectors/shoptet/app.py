"""Us as an addon: how a shop installs us, how access is kept alive, and who is at work in the shop's own admin.

Shoptet signs neither the install call nor a page of ours that it opens: each brings a code, and Shoptet's answer to the
code is the proof.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from connectors.shoptet.details import OAUTH_URL
from connectors.shoptet.tokens import RENEW_EARLY, StaffClient, TokenClient
from connectors.shoptet.webhooks import eshop_of_message
from connectors.transport import AddressPolicy, Limits, Transport
from core.errors import ConfigurationError, InvalidInput, SignatureInvalid
from core.ports import AddonShop, InstalledShop, PlatformApp, StaffVisit

# Shoptet gives an installation five seconds in all.
INSTALL_LIMITS = Limits(connect_s=1, read_s=2.5, whole_s=3.5, tries=1)
# Each call for an access token may make one, and there are five.
TOKEN_LIMITS = Limits(tries=1)
STAFF_FOR = timedelta(hours=1)

_NOT_STORED = "This is not a stored grant"
_ANOTHER_SHOP = "Whoever is signed in is at work in another shop"


class ShoptetApp:
    """core.ports.AddonPlatform and GrantRenewer. `policy`: which addresses tokens may be fetched from."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy

    def install(self, app: PlatformApp, code: str, redirect_uri: str, now: datetime) -> InstalledShop:
        """The shop whose install call brought this code, within four seconds. `redirect_uri`: the address of that call."""
        grant = self._tokens(app, INSTALL_LIMITS, code).exchange(code, redirect_uri)
        credentials = {
            "oauth_token": grant.oauth_token,
            "access_token": "",
            "expires_at": now.isoformat(),
        }
        return InstalledShop(grant.eshop_id, grant.eshop_url, grant.contact_email, credentials)

    def is_due(self, credentials: Mapping[str, str], now: datetime) -> bool:
        """A private token of a Premium shop does not end."""
        if credentials.get("private_token"):
            return False
        return not credentials.get("access_token") or now >= _end(credentials) - RENEW_EARLY

    def renewed(
        self, app: PlatformApp, base_url: str, credentials: Mapping[str, str], now: datetime
    ) -> Mapping[str, str]:
        """The same grant with a new access token. The one before stays good until its end."""
        oauth_token = credentials.get("oauth_token", "")
        if not oauth_token:
            raise InvalidInput(_NOT_STORED)
        made = self._tokens(app, TOKEN_LIMITS, oauth_token).access_token(oauth_token, now)
        return {"oauth_token": oauth_token, "access_token": made.token, "expires_at": made.expires_at.isoformat()}

    def shop_of_message(self, body: bytes) -> str:
        return eshop_of_message(body)

    def staff_by_code(
        self, app: PlatformApp, shop: AddonShop, code: str, *, redirect_uri: str, now: datetime
    ) -> StaffVisit:
        """By the shop's own OAuth server, whose address its facts say."""
        said = self._staff(app, shop.details.get(OAUTH_URL, ""), code).staff_by_code(code, redirect_uri)
        if said.eshop_id != shop.platform_shop_id:
            raise SignatureInvalid(_ANOTHER_SHOP)
        return StaffVisit(shop.base_url, said.email, now + STAFF_FOR)

    def _tokens(self, app: PlatformApp, limits: Limits, *secrets: str) -> TokenClient:
        transport = Transport(self._policy, secrets=(*app.secrets, *secrets), limits=limits)
        return TokenClient(_partner_url(app), app.client_id, app.secrets[0], transport)

    def _staff(self, app: PlatformApp, oauth_url: str, *secrets: str) -> StaffClient:
        transport = Transport(self._policy, secrets=(*app.secrets, *secrets), limits=TOKEN_LIMITS)
        place = f"{app.origin}/action/OAuthServer" if app.origin else oauth_url
        return StaffClient(place, app.client_id, app.secrets[0], transport)


def _partner_url(app: PlatformApp) -> str:
    url = app.origin or app.home_url
    if not url:
        raise ConfigurationError("The Shoptet addon has no partner address")
    return url


def _end(credentials: Mapping[str, str]) -> datetime:
    try:
        end = datetime.fromisoformat(credentials["expires_at"])
    except (KeyError, ValueError):
        raise InvalidInput(_NOT_STORED) from None
    if end.tzinfo is None:
        raise InvalidInput(_NOT_STORED)
    return end
