"""The one error tree. An error says what the caller can do.

RegularsError
├── Refused                  the caller asked for something that the rules do not allow; nothing changed
│   ├── NotFound
│   ├── Conflict             the same idempotency key with another body, or a state that has moved on
│   ├── InvalidInput         a value is wrong; `field` names it
│   ├── NotAllowed           this person may not do that
│   ├── InsufficientPoints
│   └── CannotRedeem         a reason the shopper can read: paused, below minimum, currency without a value …
├── PlatformError            a shop platform did not do what we asked; `retryable`, `retry_after_s`
│   ├── Unreadable           the answer is no statement about the thing asked for
│   │   ├── Unreachable      no connection, time-out, 5xx without a reason
│   │   ├── RateLimited
│   │   ├── NotJson          HTML or a broken body where JSON was due
│   │   ├── ShopUnavailable  maintenance page, platform switched off
│   │   └── OutcomeUnknown   a write was sent and may have been done: look before doing it again
│   ├── CredentialsRefused   the key is dead or lacks rights: the merchant must act
│   ├── ClockSkew            the shop's clock or ours is off by more than its window
│   ├── AddressRefused       the address is not one that we may call (SSRF guard)
│   ├── AddressChanged       the shop answers with a redirect: the merchant must correct its address
│   ├── PermalinksPlain      WordPress: the REST API needs pretty permalinks
│   ├── ExternalNotFound     the platform says that there is no such thing
│   └── PlatformRefused      any other refusal, with the platform's own code; `field` where it names one
├── SignatureInvalid         a message is not from whom it says
├── ConfigurationError       a setting is wrong; stops the start with one clear line
└── LedgerCorrupt            the books do not add up: stop and look
"""


class RegularsError(Exception):
    """Base of all our errors. `message` is a sentence fit to be shown to the person who can act on it."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


class Refused(RegularsError):
    pass


class NotFound(Refused):
    pass


class Conflict(Refused):
    pass


class InvalidInput(Refused):
    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotAllowed(Refused):
    pass


class InsufficientPoints(Refused):
    def __init__(self, message: str, *, available: int = 0) -> None:
        super().__init__(message)
        self.available = available


class CannotRedeem(Refused):
    """`reason` is a stable word for the widget, which has a translated sentence for each."""

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(message or reason)
        self.reason = reason


class PlatformError(RegularsError):
    """`code` is the platform's own word for the error, kept for support; `http_status` likewise."""

    retryable = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        http_status: int | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.http_status = http_status
        self.retry_after_s = retry_after_s


class Unreadable(PlatformError):
    retryable = True


class Unreachable(Unreadable):
    pass


class RateLimited(Unreadable):
    pass


class NotJson(Unreadable):
    pass


class ShopUnavailable(Unreadable):
    pass


class OutcomeUnknown(Unreadable):
    """Retryable like its siblings, but only by code that first looks whether the write was done."""


class CredentialsRefused(PlatformError):
    pass


class ClockSkew(PlatformError):
    pass


class AddressRefused(PlatformError):
    pass


class AddressChanged(PlatformError):
    pass


class PermalinksPlain(PlatformError):
    pass


class ExternalNotFound(PlatformError):
    pass


class PlatformRefused(PlatformError):
    def __init__(
        self, message: str, *, code: str | None = None, http_status: int | None = None, field: str | None = None
    ) -> None:
        super().__init__(message, code=code, http_status=http_status)
        self.field = field


class SignatureInvalid(RegularsError):
    pass


class ConfigurationError(RegularsError):
    pass


class LedgerCorrupt(RegularsError):
    pass
