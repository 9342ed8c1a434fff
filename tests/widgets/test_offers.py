"""What the program offers, in sentences and goals."""

from zoneinfo import ZoneInfo

import pytest

from core.program.terms import CurrencyTerms, default_terms
from widgets import offers
from widgets.catalogues import catalogue
from widgets.speech import Speech

EURO = default_terms(["EUR"], timezone="Europe/Prague").currencies["EUR"]


def speech(language: str = "en") -> Speech:
    return Speech(catalogue(language), ZoneInfo("Europe/Prague"))


@pytest.mark.parametrize(
    ("language", "earn", "redeem"),
    [
        ("en", "3 points for every €1.00", "100 points are worth €1.00. You can use them from 100 points on."),
        ("cs", "3 body za 1,00\xa0€", "100 bodů má hodnotu 1,00\xa0€. Uplatnit je lze od 100 bodů."),
        ("sk", "3 body za 1,00\xa0€", "100 bodov má hodnotu 1,00\xa0€. Uplatniť ich možno od 100 bodov."),
        ("pl", "3 punkty za 1,00\xa0€", "100 punktów jest wartych 1,00\xa0€. Można je wykorzystać od 100 punktów."),
    ],
)
def test_the_rate_is_said_in_each_language(language: str, earn: str, redeem: str) -> None:
    terms = default_terms(["EUR"], timezone="Europe/Prague")

    assert offers.ways_to_earn(terms, "EUR", speech(language))[0].text == earn
    assert offers.ways_to_redeem(terms, "EUR", speech(language))[0].text == redeem


def test_a_currency_without_a_rate_offers_nothing() -> None:
    terms = default_terms(["EUR"], timezone="Europe/Prague")

    assert offers.ways_to_earn(terms, "CZK", speech()) == []
    assert offers.ways_to_redeem(terms, "CZK", speech()) == []


def test_good_to_know_follows_the_terms() -> None:
    terms = default_terms(["EUR"], timezone="Europe/Prague")
    bare = terms.model_copy(update={"window_days": 0, "expiry_months": None})

    assert offers.good_to_know(terms, speech()) == [
        "Points are free to use 14 days after the purchase.",
        "Points are valid for 12 months.",
    ]
    assert offers.good_to_know(bare, speech()) == []


@pytest.mark.parametrize(
    ("available", "points", "minor"),
    [(0, 100, 100), (99, 100, 100), (100, 200, 200), (380, 500, 500), (500, 1000, 1000), (1999, 2000, 2000)],
)
def test_the_goal_is_the_nearest_round_reward(available: int, points: int, minor: int) -> None:
    goal = offers.next_goal(available, EURO, "EUR")

    assert goal is not None
    assert (goal.points, goal.value.minor) == (points, minor)


def test_there_is_no_goal_beyond_the_largest_redemption() -> None:
    capped = CurrencyTerms.model_validate(EURO.model_dump() | {"maximum_minor": 1000})

    assert offers.next_goal(1000, capped, "EUR") is None
