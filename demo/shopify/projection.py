"""Runs a bulk query without an executor: selections compiled once, rows made one by one, nothing kept."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    value_from_ast_untyped,
)

from demo.shopify.connections import Connection

MOST_CONNECTIONS = 5
DEEPEST = 2

Row = dict[str, Any]


class Unfit(Exception):
    """A query that Shopify would not run in bulk; the text says why."""


@dataclass(frozen=True)
class Pick:
    """One field: under which key, with which arguments, of which types, and what of its value.

    `connection`: its rows become lines of their own.
    """

    key: str
    name: str
    coordinate: str
    arguments: Mapping[str, Any]
    types: frozenset[str] | None
    below: "tuple[Pick, ...] | None"
    connection: bool


def compiled(schema: GraphQLSchema, document: DocumentNode) -> tuple[Pick, ...]:
    """The picks of a document with one query. Raises Unfit."""
    queries = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if len(queries) != 1 or queries[0].operation.value != "query" or schema.query_type is None:
        raise Unfit("A bulk operation runs exactly one query.")
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    picks = tuple(_picks(schema, schema.query_type, queries[0].selection_set, fragments, None))
    found = list(_connections(picks, 1, in_list=False))
    if not found:
        raise Unfit("Bulk queries must contain at least one connection.")
    if len(found) > MOST_CONNECTIONS:
        raise Unfit(f"Bulk queries cannot contain more than {MOST_CONNECTIONS} connections.")
    if max(found) > DEEPEST:
        raise Unfit(f"Bulk queries cannot contain connections with a nesting depth greater than {DEEPEST}.")
    return picks


def coordinates(picks: tuple[Pick, ...]) -> Iterator[str]:
    for pick in picks:
        yield pick.coordinate
        yield from coordinates(pick.below or ())


def lines(root: object, picks: tuple[Pick, ...], *, grouped: bool) -> Iterator[tuple[Row, bool]]:
    """The rows of the file, and whether each is one of the root. Grouped: each parent is followed by its children."""
    for pick in picks:
        if not pick.connection:
            continue
        held: list[Row] = []
        for view in _value(root, pick).rows():
            row, children = _row(view, pick.below or ())
            yield row, True
            if grouped:
                yield from ((child, False) for child in children)
                continue
            held += children
            # Parents come first, though children do not wait for the end.
            if len(held) > 50:
                yield from ((child, False) for child in held)
                held = []
        yield from ((child, False) for child in held)


def _row(view: Any, picks: tuple[Pick, ...]) -> tuple[Row, list[Row]]:
    children: list[Row] = []
    row = _object(view, picks)
    for pick in _fitting(view, picks):
        if pick.connection:
            for below in _value(view, pick).rows():
                child, grand = _row(below, pick.below or ())
                children += [{**child, "__parentId": view.id}, *grand]
    return row, children


def _object(view: Any, picks: tuple[Pick, ...]) -> Row:
    row: Row = {}
    for pick in _fitting(view, picks):
        if pick.connection:
            continue
        if pick.name == "__typename":
            row[pick.key] = view.TYPE
            continue
        value = _value(view, pick)
        if pick.below is None or value is None:
            row[pick.key] = value
        elif isinstance(value, list):
            row[pick.key] = [_object(each, pick.below) for each in value]
        else:
            row[pick.key] = _object(value, pick.below)
    return row


def _fitting(view: Any, picks: tuple[Pick, ...]) -> Iterator[Pick]:
    return (pick for pick in picks if pick.types is None or view.TYPE in pick.types)


def _value(view: object, pick: Pick) -> Any:
    value = getattr(view, pick.name)
    return value(**pick.arguments) if callable(value) else value


def _picks(
    schema: GraphQLSchema, parent: GraphQLNamedType, selections: SelectionSetNode,
    fragments: Mapping[str, FragmentDefinitionNode], types: frozenset[str] | None,
) -> Iterator[Pick]:  # fmt: skip
    for node in selections.selections:
        if isinstance(node, FieldNode):
            yield _pick(schema, parent, node, fragments, types)
            continue
        inner: InlineFragmentNode | FragmentDefinitionNode
        if isinstance(node, FragmentSpreadNode):
            inner = fragments[node.name.value]
        else:
            assert isinstance(node, InlineFragmentNode)
            inner = node
        condition = inner.type_condition
        narrowed = schema.type_map[condition.name.value] if condition is not None else parent
        yield from _picks(schema, narrowed, inner.selection_set, fragments, _possible(schema, narrowed, parent, types))


def _possible(
    schema: GraphQLSchema, narrowed: GraphQLNamedType, parent: GraphQLNamedType, types: frozenset[str] | None
) -> frozenset[str] | None:
    if narrowed is parent:
        return types
    if is_abstract_type(narrowed):
        found = frozenset(each.name for each in schema.get_possible_types(narrowed))
    else:
        found = frozenset({narrowed.name})
    return found if types is None else found & types


def _pick(
    schema: GraphQLSchema, parent: GraphQLNamedType, node: FieldNode,
    fragments: Mapping[str, FragmentDefinitionNode], types: frozenset[str] | None,
) -> Pick:  # fmt: skip
    name, key = node.name.value, (node.alias or node.name).value
    coordinate = f"{parent.name}.{name}"
    if name == "__typename":
        return Pick(key, name, coordinate, {}, types, None, connection=False)
    assert isinstance(parent, GraphQLObjectType | GraphQLInterfaceType)
    returned = get_named_type(parent.fields[name].type)
    arguments = {each.name.value: value_from_ast_untyped(each.value) for each in node.arguments or ()}
    connection = returned.name.endswith("Connection")
    selections = node.selection_set
    if selections is None:
        return Pick(key, name, coordinate, arguments, types, None, connection=False)
    below = tuple(_picks(schema, returned, selections, fragments, None))
    if connection:
        inner = [each.below for each in below if each.name == "nodes"]
        inner += [one.below for each in below if each.name == "edges" for one in each.below or () if one.name == "node"]
        if len(inner) != 1 or inner[0] is None:
            raise Unfit("A connection in a bulk query selects its nodes, once.")
        below = inner[0]
        arguments.pop("first", None)
    return Pick(key, name, coordinate, arguments, types, below, connection=connection)


def _connections(picks: tuple[Pick, ...], depth: int, *, in_list: bool) -> Iterator[int]:
    """The depth of each connection. Raises Unfit for one inside a list."""
    for pick in picks:
        if pick.connection:
            if in_list:
                raise Unfit("Queries that contain a connection field within a list field are not currently supported.")
            yield depth
            yield from _connections(pick.below or (), depth + 1, in_list=False)
        elif pick.below is not None:
            yield from _connections(pick.below, depth, in_list=in_list or pick.name in LISTS)


LISTS = frozenset({"refunds", "transactions", "fulfillments", "discountAllocations", "taxLines", "customers"})

__all__ = ["Connection", "Pick", "Unfit", "compiled", "coordinates", "lines"]
