"""Every answer of the demo shop is held against what a real shop of the same generation answered."""

import re
from typing import Any

import pytest

from demo.woocommerce.rest import ROUTES
from tests.demo.conftest import Open
from tests.demo.recordings import ROOT, differences, load, names
from tests.demo.story import rest_story, store_story

VERSIONS = ("11.0.1", "8.2.2")
# Told elsewhere: the race of four needs four threads.
ELSEWHERE = {"store_checkout_coupon_race_loser", "rest_routes_index"}
STORIES = [
    (version, name)
    for version in VERSIONS
    for prefix in ("rest_", "store_", "system_")
    for name in names(version, prefix=prefix)
    if name not in ELSEWHERE
]
# What the recording web server added, and what only one of many answers carried.
SERVER_HEADERS = {"Server", "Date", "Transfer-Encoding", "Connection", "Content-Length", "Expires", "Set-Cookie"}
SAME_HEADERS = {
    "Content-Type",
    "X-Robots-Tag",
    "X-Content-Type-Options",
    "Access-Control-Expose-Headers",
    "Access-Control-Allow-Headers",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Origin",
    "Cache-Control",
    "Allow",
    "Vary",
}

_told: dict[str, dict[str, Any]] = {}


@pytest.fixture
def told(request: pytest.FixtureRequest, open_shop: Open) -> dict[str, Any]:
    """Our answers for one version; the story is told once per version and process."""
    version = request.node.callspec.params["version"]
    if version not in _told:
        _told[version] = {**rest_story(open_shop(version)), **store_story(open_shop(version))}
    return _told[version]


@pytest.mark.parametrize(("version", "name"), STORIES)
def test_an_answer_has_the_keys_types_and_values_that_were_recorded(
    version: str, name: str, told: dict[str, Any]
) -> None:
    recorded, ours = load(version, name), told[name]

    headers = isinstance(recorded, dict) and "headers" in recorded
    found = differences(recorded["body"], ours["body"]) if headers else differences(recorded, ours)

    assert found == []


@pytest.mark.parametrize(("version", "name"), [(v, n) for v, n in STORIES if n.startswith("store_")])
def test_a_store_answer_carries_the_headers_that_were_recorded(version: str, name: str, told: dict[str, Any]) -> None:
    recorded = load(version, name)
    if "headers" not in recorded:
        return

    ours = told[name]["headers"]

    assert set(recorded["headers"]) - SERVER_HEADERS == set(ours) - SERVER_HEADERS
    same = {header: recorded["headers"][header] for header in SAME_HEADERS if header in recorded["headers"]}
    assert {header: ours[header] for header in same} == same


def test_every_route_of_ours_is_a_route_of_a_real_shop() -> None:
    recorded = load("11.0.1", "rest_routes_index")
    sample = [(method, re.sub(r"\(\?P<\w+>\\d\+\)", "7", route), route) for method, route, _, _ in ROUTES]
    sample = [(m, re.sub(r"\(\?P<\w+>\[\\w-\]\+\)", "general", concrete), route) for m, concrete, route in sample]

    unknown = [
        (method, route)
        for method, concrete, route in sample
        if not any(
            method in told["methods"] and re.fullmatch(pattern, f"/wc/v3/{concrete}")
            for pattern, told in recorded.items()
        )
    ]

    assert unknown == []


def test_the_recordings_are_those_of_both_generations() -> None:
    assert (ROOT / "SOURCES.md").is_file()
    assert len(STORIES) > 30


def test_a_difference_is_noticed() -> None:
    assert differences({"total": "1.00"}, {"total": "1.01"}) == [".total: '1.01' instead of '1.00'"]
    assert differences({"total": "1.00"}, {"total": 1}) == [".total: 1 instead of '1.00'"]
    assert differences({"a": 1}, {"a": 1, "b": 2}) == [": keys ['a', 'b'] instead of ['a']"]
    assert differences({"refunds": [{"id": 1}]}, {"refunds": []}) == [".refunds: 0 elements instead of 1"]
