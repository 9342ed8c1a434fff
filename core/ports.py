"""What a connector fulfils: small Protocols, bundled. What a platform cannot do is a Capability missing, no method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from core.commerce import (
    ChangedOrder,
    Customer,
    Discount,
    DiscountRequest,
    Gone,
    Health,
    Order,
    Revocation,
    ShopEvent,
    ShopFacts,
    Usage,
)

T = TypeVar("T")


class Platform(StrEnum):
    WOOCOMMERCE = "woocommerce"
    SHOPIFY = "shopify"
    SHOPTET = "shoptet"


class Capability(StrEnum):
    LIST_ORDERS_BY_CHANGE = "list_orders_by_change"
    USAGE_NAMES_ORDER = "usage_names_order"  # a discount's usage tells on which order
    CODE_ON_ORDER = "code_on_order"  # orders carry the codes used on them
    CANCEL_REVIVES_CODE = "cancel_revives_code"  # cancelling an order makes its code usable again
    LONG_CODES = "long_codes"  # of more than 16 characters
    SINGLE_USE_IS_SAFE = "single_use_is_safe"  # two checkouts at once cannot both use a code
    BIND_TO_CUSTOMER = "bind_to_customer"
    FREE_SHIPPING = "free_shipping"
    PERCENTAGE = "percentage"
    FREE_PRODUCT = "free_product"
    GIFT_CARD = "gift_card"
    STORE_CREDIT = "store_credit"
    MAILED_IDENTITY = "mailed_identity"  # pages sign nothing: who the shopper is, a code mailed to the customer proves


@dataclass(frozen=True)
class Page(Generic[T]):
    """`cursor` None: the last page. `total` where the platform counts. `unreadable`: ids of rows not understood.

    One broken row must not stop a page, and must not vanish: asking for it by its id says what is wrong with it.
    `wait_s`: the platform is still at work on what was asked for; go on with `cursor` after so many seconds.
    """

    items: Sequence[T]
    cursor: str | None
    total: int | None = None
    unreadable: Sequence[str] = ()
    wait_s: int | None = None


@dataclass(frozen=True)
class Installation:
    """What ties us to one shop. `credentials` are opened here and live in memory only; repr hides them."""

    shop_key: str
    platform: Platform
    base_url: str
    credentials: Mapping[str, str] = field(repr=False)
    currency: str | None = None
    smallest_unit: int = 1
    timezone: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WebhookRequest:
    """A message as it came in. `headers` have lower-case names. `secrets` are tried in turn (rotation)."""

    body: bytes
    headers: Mapping[str, str]
    secrets: Sequence[str] = field(default=(), repr=False)


@dataclass(frozen=True)
class ShopperRequest:
    """A proof from the shop of who its shopper is. `keys`: kid -> key as pairing gave it out. `audience`: the shop key.

    `issuer`: the shop's own home address (details["home_url"] of its facts).
    """

    token: str = field(repr=False)
    keys: Mapping[str, str] = field(repr=False)
    audience: str
    issuer: str
    now: datetime


@dataclass(frozen=True)
class ShopperIdentity:
    external_customer_id: str
    expires_at: datetime
    jti: str


@dataclass(frozen=True)
class GrantedKeys:
    """What a shop handed over when its owner approved us. `state` is ours: single use, and says which connect it is."""

    state: str
    credentials: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class PlatformApp:
    """What a platform knows us as, where it knows programs and not keys. `secrets`: newest first, the older while it is replaced.

    `app_key`: random, in our addresses. `origin`: what stands in for the platform's own hosts (a demo); None: they do.
    `home_url`: where the app itself lives at the platform, where it is to be asked for grants.
    """

    app_key: str
    platform: Platform
    client_id: str
    secrets: Sequence[str] = field(repr=False)
    origin: str | None = None
    home_url: str | None = None


@dataclass(frozen=True)
class CodeGrant:
    """A merchant who comes back from approving us: `state` is ours, and says which connect it is."""

    base_url: str
    code: str = field(repr=False)
    state: str = field(repr=False)


@dataclass(frozen=True)
class InstalledShop:
    """A shop that has just installed us as an addon. The credentials may have to be renewed before their first use."""

    platform_shop_id: str
    base_url: str
    contact_email: str | None
    credentials: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class AddonShop:
    """What it takes to ask a shop who is at work in it. `details`: of its facts."""

    platform_shop_id: str
    base_url: str
    details: Mapping[str, str]


@dataclass(frozen=True)
class StaffVisit:
    """Somebody at work in the shop's own admin, by the platform's proof. `user_id` is the platform's."""

    base_url: str
    user_id: str
    expires_at: datetime


@dataclass(frozen=True)
class ShopperVisit:
    """A request that a shop passed on, or one of our own pieces in it made. `customer_id` None: nobody is signed in."""

    base_url: str
    customer_id: str | None


class OrderSource(Protocol):
    def get_order(self, external_id: str) -> Order | Gone:
        """The newest state. Anything but a clear answer raises Unreadable (or another PlatformError): no statement."""

    def list_orders(self, *, changed_since: datetime, cursor: str | None = None) -> Page[Order] | Page[ChangedOrder]:
        """Changed at or after that instant, oldest change first; an order may come twice. To mark, not to settle.

        What lies in the trash comes as CANCELLED here, because only `get_order` can say Gone.
        """

    def list_placed_orders(self, *, placed_since: datetime | None, cursor: str | None = None) -> Page[Order]:
        """Oldest first, for the backfill; every page whole with refunds."""


class CustomerSource(Protocol):
    def get_customer(self, external_id: str) -> Customer:
        """Raises ExternalNotFound."""

    def list_customers(self, *, cursor: str | None = None) -> Page[Customer]: ...

    def emails_of(self, external_id: str) -> Sequence[str]:
        """Where this customer can be written to, the main account's address first; empty for who is not there."""


class DiscountIssuer(Protocol):
    def issue(self, request: DiscountRequest) -> Discount:
        """Make the code usable. The code is ours; "taken" by the same request is a success."""

    def revoke(self, code: str) -> Revocation:
        """Make the code dead for good, and say whether it had been used. A code that is not there is dead.

        Store credit is final: a code that begins with STORE_CREDIT_CODE raises PlatformRefused, and its usage is unknown.
        """

    def usage(self, code: str) -> Usage: ...


class WebhookReader(Protocol):
    def verify(self, request: WebhookRequest) -> None:
        """Raises SignatureInvalid. Raw bytes, constant time; with no secrets it does the same work and refuses."""

    def is_unsigned_ping(self, request: WebhookRequest) -> bool:
        """A message that the platform sends unsigned by design and that carries no news."""

    def parse(self, request: WebhookRequest) -> Sequence[ShopEvent]:
        """Hints. Raises InvalidInput when signed but not understood; () for topics that do not concern us."""


class Installer(Protocol):
    def facts(self) -> ShopFacts:
        """Read the shop's own facts with the credentials: proves that they work. Raises PlatformError."""

    def subscribe(self, *, address: str, secret: str) -> str | None:
        """Register what we need at this address. Safe to repeat: what is right is left, what is wrong is made anew.

        Returns the secret where the platform makes it itself and `secret` is empty: it is told once.
        """

    def health(self, *, address: str, now: datetime) -> Health: ...

    def uninstall(self, *, address: str) -> None:
        """Remove what `subscribe` made. Safe to repeat."""


class ShopperIdentifier(Protocol):
    def identify(self, request: ShopperRequest) -> ShopperIdentity:
        """Who the shop says that its shopper is. Raises SignatureInvalid."""


class NudgeReader(Protocol):
    def verify_nudge(self, body: bytes, headers: Mapping[str, str], *, keys: Mapping[str, str], now: datetime) -> str:
        """The id of the order that our plugin in the shop says has changed. `keys`: as for a shopper's proof.

        Header names in lower case. Raises SignatureInvalid; InvalidInput when it is signed but not understood.
        """


class ConnectFlow(Protocol):
    """How a shop is tied to us: from what the merchant types to the credentials. Pure: no call leaves the house."""

    def normal_shop_url(self, text: str) -> str:
        """The shop's address as we keep it. Raises InvalidInput with a sentence for the merchant."""

    def authorize_url(self, base_url: str, *, state: str, callback_url: str, return_url: str, app_name: str) -> str:
        """Where to send the merchant's browser. The shop answers to `callback_url`, server to server."""

    def read_callback(self, body: bytes) -> GrantedKeys:
        """The keys that the shop posted. Raises InvalidInput. Not proven: call the stored shop address with them."""

    def manual_credentials(self, consumer_key: str, consumer_secret: str) -> Mapping[str, str]:
        """Credentials from keys that the merchant made by hand. Raises InvalidInput."""


class TokenFlow(Protocol):
    """How a shop is tied to us by a token that its merchant made for us there, where there is such a thing. Pure."""

    def normal_shop_url(self, text: str) -> str:
        """The shop's address as we keep it. Raises InvalidInput with a sentence for the merchant."""

    def credentials(self, base_url: str, token: str) -> Mapping[str, str]:
        """Raises InvalidInput. Not proven: ask the shop for its facts with them."""


class GrantRenewer(Protocol):
    """A platform whose grants end."""

    def is_due(self, credentials: Mapping[str, str], now: datetime) -> bool:
        """Whether they have to be renewed before they are used."""

    def renewed(
        self, app: PlatformApp, base_url: str, credentials: Mapping[str, str], now: datetime
    ) -> Mapping[str, str]:
        """The credentials that follow on these. Save them before anything else: these may be good once. Raises PlatformError."""


class AddonPlatform(GrantRenewer, Protocol):
    """A platform that signs nothing: it calls us with a code when a shop installs us or opens a page of ours, and its
    answer to that code is the proof. Everything raises SignatureInvalid for what is not proven, and PlatformError.
    """

    def install(self, app: PlatformApp, code: str, redirect_uri: str, now: datetime) -> InstalledShop:
        """The shop whose call brought this code, asked for within its patience. `redirect_uri`: the address of that call."""

    def shop_of_message(self, body: bytes) -> str:
        """The platform's own name of the shop that a message says it is of. Raises InvalidInput."""

    def staff_by_code(
        self, app: PlatformApp, shop: AddonShop, code: str, *, redirect_uri: str, now: datetime
    ) -> StaffVisit:
        """Who is at work in the admin of this very shop."""


class AppPlatform(Protocol):
    """A platform where a shop installs us as an app: who asks is proven by the app's secret. Pure but for the grants.

    What proves something raises SignatureInvalid; grants raise PlatformError as well.
    """

    def read_code(self, app: PlatformApp, query: bytes, now: datetime) -> CodeGrant:
        """What a merchant brings back from `authorize_url`. Raises NotAllowed for a no, which nobody signs."""

    def staff(self, app: PlatformApp, token: str, now: datetime) -> StaffVisit: ...
    def proxied(self, app: PlatformApp, query: bytes, now: datetime) -> ShopperVisit: ...
    def extension(self, app: PlatformApp, token: str, now: datetime) -> ShopperVisit: ...

    def shop_of_message(self, headers: Mapping[str, str], body: bytes) -> str:
        """The base URL of the shop that a message of an app says it is of; header and body must agree."""

    def normal_shop_url(self, text: str) -> str:
        """The shop's address as we keep it. Raises InvalidInput with a sentence for the merchant."""

    def authorize_url(self, app: PlatformApp, base_url: str, *, state: str, callback_url: str) -> str:
        """Where to send a merchant who begins at our end."""

    def grant_by_token(self, app: PlatformApp, base_url: str, token: str, now: datetime) -> Mapping[str, str]:
        """Credentials for a session token that `staff` has proven."""

    def grant_by_code(self, app: PlatformApp, base_url: str, code: str, now: datetime) -> Mapping[str, str]:
        """Credentials for the code of a CodeGrant."""


class Connector(Protocol):
    @property
    def platform(self) -> Platform: ...
    @property
    def capabilities(self) -> frozenset[Capability]: ...
    @property
    def orders(self) -> OrderSource: ...
    @property
    def customers(self) -> CustomerSource: ...
    @property
    def discounts(self) -> DiscountIssuer: ...
    @property
    def webhooks(self) -> WebhookReader: ...
    @property
    def installer(self) -> Installer: ...
    @property
    def shoppers(self) -> ShopperIdentifier: ...
