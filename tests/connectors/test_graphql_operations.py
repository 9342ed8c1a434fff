"""Operations are checked when they are made: a mistake is found before anything is sent."""

from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.graphql import Shape, load_operation, read_operation
from core.errors import (
    ConfigurationError,
)
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


def test_an_operation_is_a_file_of_its_platform_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "planted_platform" / "operations" / "order.graphql"
    file.parent.mkdir(parents=True)
    (tmp_path / "planted_platform" / "__init__.py").touch()
    file.write_text(ORDER_TEXT)
    monkeypatch.syspath_prepend(tmp_path)

    first = load_operation("planted_platform", "order", OrderAnswer)
    file.write_text("query Other { other }")
    second = load_operation("planted_platform", "order", OrderAnswer)
    (file.parent.parent / "secret.graphql").write_text(ORDER_TEXT)
    with pytest.raises(ConfigurationError):
        load_operation("planted_platform", "../secret", OrderAnswer)

    assert first == second
    assert (first.name, first.variables) == ("Order", {"id", "least"})
