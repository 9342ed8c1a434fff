"""Us as an app: who opens our pages, passes on requests and grants us tokens, each proven by the app's secret."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qs, urlencode

from connectors.shopify import signatures
from connectors.shopify.domains import base_url as base_url_of
from connectors.shopify.domains import domain_of, normal_domain
from connectors.shopify.session_tokens import verify_extension_token, verify_session_token
from connectors.shopify.tokens import Grant, TokenClient, due
from connectors.shopify.webhooks import shop_of_message
from connectors.transport import AddressPolicy, Transport
from core.errors import NotAllowed, SignatureInvalid
from core.ports import CodeGrant, PlatformApp, ShopperVisit, StaffVisit

_MOST_FIELDS = 64


class ShopifyApp:
    """core.ports.AppPlatform. `policy`: which addresses tokens may be fetched from."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy

    def read_code(self, app: PlatformApp, query: bytes, now: datetime) -> CodeGrant:
        if _says_no(query):
            raise NotAllowed("The app was not approved at Shopify.")
        found = signatures.verify_launch(query, app.secrets, now)
        if not found.code or not found.state:
            raise SignatureInvalid("The page was not opened at the end of an installation")
        return CodeGrant(base_url_of(found.domain), code=found.code, state=found.state)

    def staff(self, app: PlatformApp, token: str, now: datetime) -> StaffVisit:
        found = verify_session_token(token, client_id=app.client_id, secrets=app.secrets, now=now)
        return StaffVisit(base_url_of(found.domain), found.user_id, found.expires_at)

    def proxied(self, app: PlatformApp, query: bytes, now: datetime) -> ShopperVisit:
        found = signatures.verify_app_proxy(query, app.secrets, now)
        return ShopperVisit(base_url_of(found.domain), found.customer_id)

    def extension(self, app: PlatformApp, token: str, now: datetime) -> ShopperVisit:
        found = verify_extension_token(token, client_id=app.client_id, secrets=app.secrets, now=now)
        return ShopperVisit(base_url_of(found.domain), found.customer_id)

    def shop_of_message(self, headers: Mapping[str, str], body: bytes) -> str:
        return shop_of_message(headers, body)

    def normal_shop_url(self, text: str) -> str:
        return base_url_of(normal_domain(text))

    def authorize_url(self, app: PlatformApp, base_url: str, *, state: str, callback_url: str) -> str:
        # No scope: Shopify installs what stands in shopify.app.toml, and says to leave it out then.
        wanted = {"client_id": app.client_id, "redirect_uri": callback_url, "state": state}
        return f"{app.origin or base_url}/admin/oauth/authorize?{urlencode(wanted)}"

    def grant_by_token(self, app: PlatformApp, base_url: str, token: str, now: datetime) -> Mapping[str, str]:
        return self._tokens(app, base_url).exchange(token, now).as_credentials()

    def grant_by_code(self, app: PlatformApp, base_url: str, code: str, now: datetime) -> Mapping[str, str]:
        return self._tokens(app, base_url).exchange_code(code, now).as_credentials()

    def renewed(
        self, app: PlatformApp, base_url: str, credentials: Mapping[str, str], now: datetime
    ) -> Mapping[str, str]:
        token = Grant.from_credentials(credentials).refresh_token
        return self._tokens(app, base_url, token).refresh(token, now).as_credentials()

    def is_due(self, credentials: Mapping[str, str], now: datetime) -> bool:
        return due(Grant.from_credentials(credentials), now)

    def _tokens(self, app: PlatformApp, base_url: str, *secrets: str) -> TokenClient:
        domain_of(base_url)  # a secret goes nowhere but to a shop of Shopify's
        transport = Transport(self._policy, secrets=(*app.secrets, *secrets))
        return TokenClient(app.origin or base_url, app.client_id, app.secrets[0], transport)


def _says_no(query: bytes) -> bool:
    """By the words of OAuth; Shopify does not say whether it signs them."""
    try:
        named = parse_qs(query.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return False
    return "error" in named and "code" not in named
