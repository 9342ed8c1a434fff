"""What can go wrong in a shop, as switches. Everything is off in a healthy one."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

REST_MODES = ("", "html", "maintenance", "fatal", "notice", "timeout", "error500", "no_route", "revoked")


@dataclass
class Faults:
    """Each field is one switch; `HELP` says in plain words what it does."""

    duplicate: bool = False
    drop_rate: float = 0.0
    delay_s: float = 0.0
    shuffle: bool = False
    stale_last: bool = False
    forged: bool = False
    truncated: bool = False
    rest_mode: str = ""
    rest_timeout_s: float = 60.0
    strip_authorization: bool = False
    clock_skew_s: float = 0.0
    shop_down: bool = False

    def update(self, values: Mapping[str, object]) -> None:
        """Set switches from JSON or a form. Raises ValueError naming the switch that is unknown or wrong."""
        kinds = {f.name: type(getattr(self, f.name)) for f in fields(self)}
        for name, value in values.items():
            if name not in kinds:
                raise ValueError(f"there is no switch {name!r}")
            setattr(self, name, _as(kinds[name], name, value))

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]


# switch -> (what to call it, what it does)
HELP = {
    "duplicate": ("Deliver twice", "Every webhook delivery arrives twice."),
    "drop_rate": ("Lose deliveries", "This share of deliveries is lost, 0 to 1. Shops never send them again."),
    "delay_s": ("Delay deliveries", "Seconds to wait before each delivery."),
    "shuffle": ("Shuffle deliveries", "Deliveries arrive in random order."),
    "stale_last": (
        "Old news last",
        "After each batch the first version of each payload arrives once more, correctly signed.",
    ),
    "forged": ("Forge deliveries", "After each delivery a changed copy arrives whose signature is wrong."),
    "truncated": ("Cut deliveries", "The body of each delivery is cut in half; the signature is that of the whole."),
    "rest_mode": (
        "How the REST API answers",
        "html: a page instead of JSON. maintenance: 503. fatal: a 500 page. notice: text before the JSON. "
        "timeout: nothing for long. error500: 500 with JSON. no_route: WooCommerce is switched off. "
        "revoked: every key is refused.",
    ),
    "rest_timeout_s": ("Length of a timeout", "How long the timeout mode keeps a client waiting, in seconds."),
    "strip_authorization": (
        "Lose the Authorization header",
        "As some hosts do: keys in the header are not seen, keys in the query string are.",
    ),
    "clock_skew_s": ("Wrong clock", "The shop's clock is off by this many seconds. Above 900, signed calls fail."),
    "shop_down": ("Shop down", "The whole shop hangs up on every caller, but for the pages under /demo/."),
}


def _as(kind: type, name: str, value: object) -> object:
    if kind is bool:
        if isinstance(value, str):
            return value.lower() in {"1", "true", "on", "yes"}
        return bool(value)
    if kind is float:
        try:
            return float(str(value or 0))
        except ValueError as error:
            raise ValueError(f"{name} must be a number") from error
    if name == "rest_mode" and value not in REST_MODES:
        raise ValueError(f"rest_mode must be one of {', '.join(mode or 'empty' for mode in REST_MODES)}")
    return str(value)
