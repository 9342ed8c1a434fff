"""One WordPress site: the shop's books plus what only the protocol knows (keys, sessions, webhooks, faults)."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from itertools import count

from demo.shop.entities import Customer
from demo.shop.faults import Faults
from demo.shop.store import Store
from demo.woocommerce.versions import Version

SCOPES = ("read", "write", "read_write")


@dataclass(slots=True)
class ApiKey:
    id: int
    user_id: int
    description: str
    scope: str
    consumer_key: str
    consumer_secret: str


@dataclass(slots=True)
class Webhook:
    """`pending` means the ping has not been answered with 200 yet; it is then sent again with every delivery."""

    id: int
    user_id: int
    name: str
    topic: str
    delivery_url: str
    secret: str
    created_at: int
    status: str = "active"
    modified_at: int | None = None
    failures: int = 0
    pending: bool = True

    @property
    def resource(self) -> str:
        return self.topic.split(".", 1)[0]

    @property
    def event(self) -> str:
        return self.topic.split(".", 1)[1]


@dataclass
class Site:
    """`home_url` has no slash at the end. `tls` makes every request count as having come over https."""

    store: Store
    version: Version
    home_url: str
    tls: bool = False
    salt: str = field(default_factory=lambda: secrets.token_hex(16))
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        self.keys: dict[str, ApiKey] = {}
        self.webhooks: dict[int, Webhook] = {}
        self.nonces: dict[str, float] = {}
        self.logins: dict[str, int] = {}
        self._key_ids = count(1)
        self._webhook_ids = count(1)

    def now(self) -> float:
        """The site's own clock, which may be wrong."""
        return self.store.clock() + self.faults.clock_skew_s

    def next_webhook_id(self) -> int:
        return next(self._webhook_ids)

    def add_key(self, *, user_id: int = 1, scope: str = "read_write", description: str = "") -> ApiKey:
        key = ApiKey(
            next(self._key_ids),
            user_id,
            description,
            scope,
            f"ck_{secrets.token_hex(20)}",
            f"cs_{secrets.token_hex(20)}",
        )
        self.keys[key.consumer_key] = key
        return key

    def remove_key(self, key: ApiKey) -> None:
        self.keys.pop(key.consumer_key, None)

    def user(self, user_id: int) -> Customer | None:
        return self.store.customers.get(user_id)

    def digest(self, *parts: object) -> str:
        """32 hex digits only this site can make."""
        text = "|".join(str(part) for part in parts)
        return hmac.new(self.salt.encode(), text.encode(), hashlib.md5).hexdigest()

    def log_in(self, user_id: int) -> tuple[str, str]:
        """Open a browser session: the cookie's name and its value."""
        value = f"{user_id}%7C{secrets.token_urlsafe(24)}"
        self.logins[value] = user_id
        return self.login_cookie, value

    @property
    def login_cookie(self) -> str:
        return "wordpress_logged_in_" + hashlib.md5(self.home_url.encode(), usedforsecurity=False).hexdigest()
