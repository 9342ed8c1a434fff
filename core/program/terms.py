"""The document of rules: what earns, what a point is worth, when points ripen and end. Pure; stored as JSON per version.

A rate is two whole numbers, points per amount of minor units, so that any ratio is exact.
"""

from functools import cache
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from core.money import ceil_div, exponent

Points = Annotated[int, Field(ge=1, le=1_000_000)]
Minor = Annotated[int, Field(ge=1, le=10**12)]


class CurrencyTerms(BaseModel):
    """`earn_points` per `earn_per_minor` spent; `value_points` are worth `value_minor`. Minimum and maximum: of one redemption."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    earn_points: Points
    earn_per_minor: Minor
    value_points: Points
    value_minor: Minor
    minimum_minor: Minor = 1
    maximum_minor: Minor | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.maximum_minor is not None and self.maximum_minor < self.minimum_minor:
            raise ValueError("The maximum of a redemption lies below its minimum")
        return self

    @property
    def cost_per_mille(self) -> int:
        """What the points of one sale are worth, in per mille of that sale, rounded up: 30 = 3 %."""
        return ceil_div(1000 * self.earn_points * self.value_minor, self.earn_per_minor * self.value_points)


class Terms(BaseModel):
    """One version of a program. Frozen: changing the rules makes a new version, old points keep their old terms."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="Rewards", min_length=1, max_length=60)
    timezone: str = "UTC"
    enrolment: Literal["automatic", "join"] = "automatic"
    earn_when: Literal["paid", "completed"] = "paid"
    window_days: int = Field(default=14, ge=0, le=365)
    expiry_months: int | None = Field(default=12, ge=1, le=120)
    grace_days: int = Field(default=14, ge=0, le=365)
    lookback_days: int = Field(default=30, ge=0, le=3650)
    include_tax: bool = True
    include_shipping: bool = False
    include_gift_cards: bool = False
    include_points_paid: bool = False
    code_hours: int = Field(default=24, ge=1, le=24 * 60)
    code_prefix: str = Field(default="", max_length=8, pattern=r"^[A-Z0-9-]*$")
    brand_colour: str = Field(default="#3b4cca", pattern=r"^#[0-9a-fA-F]{6}$")
    currencies: dict[str, CurrencyTerms]

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in _zones():
            raise ValueError("This is not a time zone of the tz database, such as Europe/Prague")
        return value

    @field_validator("currencies")
    @classmethod
    def _known_currencies(cls, value: dict[str, CurrencyTerms]) -> dict[str, CurrencyTerms]:
        for currency in value:
            exponent(currency)
        return value

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


@cache
def _zones() -> frozenset[str]:
    """Asked for each time terms are read, and listing them walks through the whole zone database."""
    return frozenset(available_timezones())


# One "unit" of a shopper's everyday spending, in whole currency units; a euro where not listed.
_UNIT = {"CZK": 25, "PLN": 4, "HUF": 400, "RON": 5, "SEK": 10, "NOK": 10, "DKK": 7, "JPY": 150, "UAH": 40, "TRY": 35}
POINTS_PER_UNIT_SPENT = 3
POINTS_PER_UNIT_OF_DISCOUNT = 100


def default_currency_terms(currency: str, *, smallest_unit: int = 1) -> CurrencyTerms:
    """3 points per unit spent, 100 points are one unit: 3 % back. The first redemption is one unit."""
    unit = _UNIT.get(currency, 1) * 10 ** exponent(currency)
    return CurrencyTerms(
        earn_points=POINTS_PER_UNIT_SPENT,
        earn_per_minor=unit,
        value_points=POINTS_PER_UNIT_OF_DISCOUNT,
        value_minor=unit,
        minimum_minor=max(unit, smallest_unit),
    )


def default_terms(currencies: list[str], *, timezone: str, name: str = "Rewards") -> Terms:
    """Sensible terms for a merchant who changes nothing."""
    return Terms(name=name, timezone=timezone, currencies={c: default_currency_terms(c) for c in currencies})
