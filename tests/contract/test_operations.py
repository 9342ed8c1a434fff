"""The check of operations against a schema, on a schema of our own: it must find what a platform would refuse."""

import json
from pathlib import Path

import pytest
from graphql import GraphQLSyntaxError, build_schema, introspection_from_schema

from tests.contract.operations import operations_of, problems, schema_from

SDL = """
type Query { order(id: ID!): Order }
type Order { id: ID!, total: String!, sum: String @deprecated(reason: "Say total.") }
"""


def written(folder: Path, **texts: str) -> Path:
    (folder / "planted" / "operations").mkdir(parents=True)
    for name, text in texts.items():
        (folder / "planted" / "operations" / f"{name}.graphql").write_text(text)
    return folder


@pytest.mark.parametrize(
    "text", [SDL, json.dumps({"data": introspection_from_schema(build_schema(SDL))})], ids=["sdl", "json"]
)
def test_each_mistake_is_found_and_what_is_right_is_not(text: str, tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        good="query Good($id: ID!) { order(id: $id) { id total } }",
        old="query Old($id: ID!) { order(id: $id) { sum } }",
        typo="query Typo($id: ID!) { order(id: $id) { totl } }",
        wrong="query Wrong($id: Int!) { order(id: $id) { id } }",
    )

    found = problems(operations_of("planted", connectors=folder), schema_from(text))

    assert [problem.split(":")[0] for problem in found] == ["old", "typo", "wrong"]


def test_fragments_may_stand_in_a_file_of_their_own_and_each_is_defined_once_and_in_use(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        one="query One { order(id: 1) { ...Total } } fragment Local on Order { id }",
        two="query Two { order(id: 1) { ...Total ...Local ...Nowhere } }",
        fragments="fragment Total on Order { total } fragment Idle on Order { id } fragment Local on Order { total }",
    )

    found = problems(operations_of("planted", connectors=folder), schema_from(SDL))

    assert [problem.split(":")[0] for problem in found if "Total" in problem] == []
    assert sorted(found) == [
        "fragments: Fragment 'Idle' is never used.",
        "fragments: There can be only one fragment named 'Local'.",
        "two: Unknown fragment 'Nowhere'.",
    ]


def test_a_platform_without_operations_is_not_taken_for_a_valid_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        operations_of("planted", connectors=tmp_path)


def test_a_file_that_is_no_graphql_is_found(tmp_path: Path) -> None:
    with pytest.raises(GraphQLSyntaxError):
        operations_of("planted", connectors=written(tmp_path, broken="query {"))
