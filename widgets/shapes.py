"""The JSON shapes of the widget's API as types; presenters.py says which address answers which."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from widgets.browser_texts import JsonText

State = Literal["hidden", "staff", "live", "paused"]


class MoneyJson(TypedDict):
    minor: int
    currency: str
    digits: int


class ThemeJson(TypedDict):
    """`scheme`: auto, light, dark. `side`: of the lower corners, start or end. `colours`: CSS custom properties."""

    scheme: str
    side: str
    colours: dict[str, str]


class WayJson(TypedDict):
    icon: str
    title: str
    text: str


class LinksJson(TypedDict):
    account: str | None


class Config(TypedDict):
    """`panel`, `texts` and `mailed` are addresses relative to /widget/v1/. `words`: the few texts that the loader needs.

    `identity`: who proves the shopper, the shop at an address of its own or a code that we mail; then `mailed` is loaded too.
    """

    state: State
    lang: str
    dir: str
    program: str
    launcher: bool
    theme: ThemeJson
    identity: Literal["shop", "mail"]
    mailed: str | None
    panel: str
    texts: str
    words: dict[str, JsonText]
    links: LinksJson
    earn: list[WayJson]
    redeem: list[WayJson]
    terms: list[str]


class HiddenConfig(TypedDict):
    state: Literal["hidden"]


class PointsJson(TypedDict):
    """`debt` is zero or negative."""

    available: int
    pending: int
    held: int
    debt: int


class PendingJson(TypedDict):
    points: int
    on: str


class ExpiringJson(TypedDict):
    points: int
    through: str


class GoalJson(TypedDict):
    points: int
    missing: int
    value: MoneyJson


class RedeemJson(TypedDict):
    """When allowed: any number of points from minimum to maximum in steps; each step is worth `unit`. Else why not."""

    allowed: bool
    minimum: NotRequired[int]
    maximum: NotRequired[int]
    step: NotRequired[int]
    unit: NotRequired[MoneyJson]
    reason: NotRequired[str]
    message: NotRequired[str]


class Redemption(TypedDict):
    """`state`: preparing (no code yet), ready, ending (being cancelled), used, ended."""

    id: str
    state: str
    code: str | None
    points: int
    value: MoneyJson
    expires_at: str


class OrderJson(TypedDict):
    points: int


class Me(TypedDict):
    """`points` null: a customer who has not joined. `value`: of the available points; null without a rate."""

    points: PointsJson | None
    value: MoneyJson | None
    pending: PendingJson | None
    expiring: ExpiringJson | None
    goal: GoalJson | None
    redeem: RedeemJson
    codes: list[Redemption]
    order: OrderJson | None


class HistoryItemJson(TypedDict):
    on: str
    text: str
    points: int
    note: str | None


class History(TypedDict):
    items: list[HistoryItemJson]
    next: str | None
