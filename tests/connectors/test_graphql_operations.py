"""Operations are checked when they are made: a mistake is found before anything is sent."""

import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from connectors.graphql import Shape, load_operation, operation_text, read_operation
from core.errors import ConfigurationError
from tests.connectors.graphql_shop import ORDER_TEXT, OrderAnswer


class FloatAnswer(Shape):
    orders: list[dict[str, float | None]]


FIVE = " ".join(f"a{each}: x" for each in range(5))
MISTAKES: dict[str, Callable[[], object]] = {
    "no GraphQL": lambda: read_operation("query {", OrderAnswer),
    "no name": lambda: read_operation("{ order { id } }", OrderAnswer),
    "two operations": lambda: read_operation("query A { a } query B { b }", OrderAnswer),
    "only a fragment": lambda: read_operation("fragment A on B { c }", OrderAnswer),
    "a subscription": lambda: read_operation("subscription A { a }", OrderAnswer),
    "five mutations": lambda: read_operation(f"mutation A {{ {FIVE} }}", OrderAnswer),
    "five in a fragment": lambda: read_operation(f"mutation A {{ ...F }} fragment F on M {{ {FIVE} }}", OrderAnswer),
    "five inline": lambda: read_operation(f"mutation A {{ ... on M {{ {FIVE} }} }}", OrderAnswer),
    "a fragment amiss": lambda: read_operation("query A { ...F }", OrderAnswer),
    "a fragment twice": lambda: read_operation(
        "query A { ...F } fragment F on Q { a } fragment F on Q { b }", OrderAnswer
    ),
    "a fragment in itself": lambda: read_operation("query A { ...F } fragment F on Q { ...F }", OrderAnswer),
    "tolerates a typo": lambda: read_operation("query A { order { id } }", OrderAnswer, tolerates=["order.customr"]),
    "tolerates below a leaf": lambda: read_operation("query A { order { id } }", OrderAnswer, tolerates=["order.id.x"]),
    "a float": lambda: read_operation("query A { orders }", FloatAnswer),
    "a path for a name": lambda: load_operation("connectors", "../secret", OrderAnswer),
    "no file": lambda: load_operation("connectors", "missing", OrderAnswer),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_an_operation_that_cannot_be_is_refused_when_it_is_made(mistake: Callable[[], object]) -> None:
    with pytest.raises(ConfigurationError):
        mistake()


def test_four_mutations_are_let_in_and_more_where_the_platform_says_so() -> None:
    four = read_operation("mutation A { a: x b: x c: x d: x }", OrderAnswer)
    five = read_operation(f"mutation A {{ {FIVE} }}", OrderAnswer, most_mutations=5)
    many = read_operation(f"query A {{ {FIVE} a5: x }}", OrderAnswer)

    assert (four.is_mutation, five.is_mutation, many.is_mutation) == (True, True, False)


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Makes a package with these files of operations, under a name that no other test takes: what is read is kept."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(**files: str) -> str:
        package = tmp_path / f"planted_{uuid4().hex}"
        (package / "operations").mkdir(parents=True)
        (package / "__init__.py").touch()
        for name, text in files.items():
            (package / "operations" / f"{name}.graphql").write_text(text)
        return package.name

    return make


def test_an_operation_is_a_file_of_its_platform_read_once(planted: Callable[..., str], tmp_path: Path) -> None:
    package = planted(order=ORDER_TEXT)

    first = load_operation(package, "order", OrderAnswer)
    (tmp_path / package / "operations" / "order.graphql").write_text("query Other { other }")
    second = load_operation(package, "order", OrderAnswer)
    (tmp_path / package / "secret.graphql").write_text(ORDER_TEXT)
    with pytest.raises(ConfigurationError):
        load_operation(package, "../secret", OrderAnswer)

    assert first == second
    assert (first.name, first.variables) == ("Order", {"id", "least"})


SHARED_TEXT = """
fragment Full on Order { ...Few customer { email } }
fragment Few on Order { id totalPrice }
fragment Other on Order { other }
"""


def test_an_operation_travels_with_those_shared_fragments_that_it_needs(planted: Callable[..., str]) -> None:
    package = planted(
        order="query Order { order { ...Full ...Own } } fragment Own on Order { note }",
        bare="query Bare { order { id } }",
        fragments=SHARED_TEXT,
    )

    order = load_operation(package, "order", OrderAnswer, tolerates=["order.customer.email"])

    assert re.findall(r"fragment (\w+)", order.payload["query"]) == ["Own", "Full", "Few"]
    assert operation_text(package, "order") == order.payload["query"]
    assert "fragment" not in operation_text(package, "bare")


@pytest.mark.parametrize(
    "files",
    [
        {"order": "query A { ...Few } fragment Few on Q { a }", "fragments": SHARED_TEXT},
        {"order": "query A { ...Few }", "fragments": SHARED_TEXT + SHARED_TEXT},
        {"order": "query A { ...Nowhere }", "fragments": SHARED_TEXT},
        {"order": "query A { ...Few }", "fragments": SHARED_TEXT + "query B { b }"},
        {"order": "query A { ...Few }", "fragments": "fragment Few on Q { ...More } fragment More on Q { ...Few }"},
        {"order": "query A { a }", "fragments": "fragment {"},
    ],
    ids=["defined here and there", "defined twice", "defined nowhere", "an operation", "a circle", "no GraphQL"],
)
def test_shared_fragments_that_cannot_be_are_refused(planted: Callable[..., str], files: dict[str, str]) -> None:
    package = planted(**files)

    with pytest.raises(ConfigurationError):
        load_operation(package, "order", OrderAnswer)
