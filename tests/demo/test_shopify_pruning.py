"""The pruning of schemas, on a schema of our own: what is named stays, with what it needs, and nothing else."""

import sys
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from tools.prune_schema import Mistake, coordinates, main, prune

SDL = """
schema { query: Root mutation: Change }
directive @idempotent(key: String!) on FIELD
interface Node { id: ID! }
interface Named { name(short: Boolean): String! }
type Root {
  order(id: ID!, old: Boolean): Order
  orders(first: Int, sort: Sort! = TIME, filter: Filter): [Order!]!
  thing: Thing
}
type Change { make(input: MakeInput!, dry: Boolean = false): Order }
type Order implements Node & Named { id: ID! name(short: Boolean): String! state: State! secret: String lines: [Line!]! }
type Line { sku: String! }
type Never { id: ID! }
union Thing = Order | Line | Never
enum State { OPEN CLOSED GONE }
enum Sort { TIME NAME ID }
scalar Money
input MakeInput { name: String! price: Money note: String state: State = OPEN also: Filter }
input Filter { state: State text: String }
"""


def pruned(operation: str, *keep: str) -> str:
    text = prune(SDL, [operation], keep)
    schema = build_schema(text)
    assert validate(schema, parse(operation)) == []
    return " ".join(text.split())


def test_only_what_is_named_stays() -> None:
    text = pruned("query Q { order(id: 1) { id lines { sku } } }")

    assert "type Root { order(id: ID!): Order }" in text
    assert "type Order { id: ID! lines: [Line!]! }" in text
    for gone in ("secret", "Never", "Change", "mutation", "enum", "interface", "old", "@idempotent"):
        assert gone not in text


def test_a_fragment_may_stand_in_another_file() -> None:
    text = prune(
        SDL, ["query A { order(id: 1) { ...O } }", "query B { orders { ...O } }", "fragment O on Order { state }"]
    )

    assert "state: State!" in text
    assert "secret" not in text


def test_an_enum_keeps_the_values_that_are_named_defaults_and_listed() -> None:
    text = pruned("query Q { orders(first: 1, sort: NAME) { id state } }", "State.OPEN", "State.GONE")

    assert "enum Sort { TIME NAME }" in text
    assert "enum State { OPEN GONE }" in text
    assert "sort: Sort! = TIME" in text


def test_an_input_keeps_what_is_required_named_or_listed() -> None:
    text = pruned("mutation M($i: MakeInput!) { make(input: $i) { id } }", "MakeInput.price")
    inline = pruned('mutation M { make(input: {name: "x", also: {state: OPEN}}) { id } }')

    assert "input MakeInput { name: String! price: Money }" in text
    assert "scalar Money" in text
    assert "input Filter { state: State }" in inline
    assert "dry" not in text


def test_a_union_keeps_the_members_that_are_in_use_and_a_bare_one_a_field() -> None:
    text = pruned("query Q { thing { __typename ... on Line { __typename } } }", "Order")

    assert "union Thing = Order | Line" in text
    assert "type Line { sku: String! }" in text
    assert "type Order { id: ID! }" in text


def test_an_interface_that_is_kept_is_kept_by_its_types() -> None:
    bare = pruned("query Q { order(id: 1) { ... on Named { name } } }")
    short = pruned("query Q { order(id: 1) { ... on Named { name(short: true) } } }")

    assert "type Order implements Named { name: String! }" in bare
    assert "type Order implements Named { name(short: Boolean): String! }" in short


def test_a_star_keeps_all_of_a_type_and_an_argument_can_be_named() -> None:
    text = pruned("query Q { order(id: 1) { id } }", "Sort.*", "Root.order(old)", "Order.state", "State.*")

    assert "enum Sort { TIME NAME ID }" in text
    assert "order(id: ID!, old: Boolean): Order" in text


@pytest.mark.parametrize("keep", ["Nobody", "Order.nothing", "Root.order(nothing)", "State.LOST"])
def test_a_coordinate_that_does_not_exist_is_a_mistake(keep: str) -> None:
    with pytest.raises(Mistake):
        prune(SDL, ["query Q { order(id: 1) { id } }"], [keep])


def test_an_operation_that_the_schema_refuses_is_a_mistake() -> None:
    with pytest.raises(Mistake, match="nope"):
        prune(SDL, ["query Q { nope }"])


def test_the_list_may_hold_comments() -> None:
    assert coordinates("# why\nA.b  # and how\n\nC\n") == ["A.b", "C"]


def test_it_is_run_with_files_and_folders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "full.graphql").write_text(SDL)
    (tmp_path / "operations").mkdir()
    (tmp_path / "operations" / "q.graphql").write_text("query Q { order(id: 1) { id } }")
    (tmp_path / "keep.txt").write_text("Order.name\n")
    monkeypatch.setattr(sys, "argv", ["prune"])

    done = main([str(tmp_path / "full.graphql"), str(tmp_path / "operations"), "--keep", str(tmp_path / "keep.txt")])

    assert done == 0
    assert "name: String!" in capsys.readouterr().out
    (tmp_path / "keep.txt").write_text("Order.nothing\n")
    assert (
        main([str(tmp_path / "full.graphql"), str(tmp_path / "operations"), "--keep", str(tmp_path / "keep.txt")]) == 1
    )
    assert "nothing" in capsys.readouterr().err
