"""GraphQL operations: one `.graphql` file each, parsed once, bound to the pydantic model of its answer.

Fragments that several files spread stand in `fragments.graphql` beside them; each operation is sent with those it needs.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Generic, TypeVar

from gql import GraphQLRequest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSyntaxError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    concat_ast,
    parse,
    print_ast,
    separate_operations,
)
from pydantic import BaseModel, ConfigDict, field_validator
from pydantic.alias_generators import to_camel

from core.errors import ConfigurationError

SHARED = "fragments"
ROOT_MUTATIONS = 4  # Saleor refuses a request with more (GRAPHQL_MUTATION_COUNT_LIMIT)


class Shape(BaseModel):
    """Base of answers' models: names in camelCase on the wire, unknown fields ignored, missing ones an error."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class UserError(Shape):
    """One entry of a mutation's own `userErrors` (Shopify) or `errors` (Saleor); select `field message code`."""

    message: str = ""
    code: str | None = None
    field: tuple[str, ...] = ()

    @field_validator("field", mode="before")
    @classmethod
    def _as_path(cls, value: object) -> object:
        # Shopify gives a path, Saleor a name, both sometimes nothing.
        if value is None:
            return ()
        return (value,) if isinstance(value, str) else value


T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Operation(Generic[T]):
    """A parsed document and the model of its `data`. Made once, at import, by `load_operation` or `read_operation`."""

    name: str
    model: type[T]
    is_mutation: bool
    payload: Mapping[str, Any] = field(repr=False, hash=False)  # all but the variables
    variables: frozenset[str] = frozenset()
    tolerates: frozenset[tuple[str, ...]] = frozenset()


def load_operation(
    package: str, name: str, model: type[T], *, tolerates: Iterable[str] = (), most_mutations: int = ROOT_MUTATIONS
) -> Operation[T]:
    """The operation in `<package>/operations/<name>.graphql`. Raises ConfigurationError as `read_operation` does."""
    return _bound(_document(package, name), model, tolerates, most_mutations)


def operation_text(package: str, name: str) -> str:
    """What `load_operation` would send, for a platform that takes an operation as a text. Raises ConfigurationError."""
    return print_ast(_document(package, name))


def read_operation(
    text: str, model: type[T], *, tolerates: Iterable[str] = (), most_mutations: int = ROOT_MUTATIONS
) -> Operation[T]:
    """An operation from a text with exactly one named query or mutation, and the fragments that it uses.

    `tolerates`: places such as `order.customer.email` (list indices left out) whose refusal `execute_partly` reports
    instead of raising; the model must allow null there. Raises ConfigurationError for a text or a model that cannot be.
    """
    return _bound(_parsed(text), model, tolerates, most_mutations)


def _bound(document: DocumentNode, model: type[T], tolerates: Iterable[str], most_mutations: int) -> Operation[T]:
    name, definition = _the_operation(document)
    is_mutation = definition.operation is OperationType.MUTATION
    fragments = _fragments(document)
    roots = list(_fields(definition.selection_set.selections, fragments))
    if is_mutation and len(roots) > most_mutations:
        raise ConfigurationError(f"{name}: {len(roots)} mutations in one request, at most {most_mutations} are let in.")
    places = frozenset(tuple(place.split(".")) for place in tolerates)
    for place in places:
        if not _selects(roots, place, fragments):
            raise ConfigurationError(f"{name}: tolerates {'.'.join(place)}, which it does not ask for.")
    if _holds_float(model.model_json_schema(mode="serialization")):
        raise ConfigurationError(f"{name}: {model.__name__} has a float. Say Decimal, str or int.")
    return Operation(
        name=name,
        model=model,
        is_mutation=is_mutation,
        payload=GraphQLRequest(document, operation_name=name).payload,
        variables=frozenset(each.variable.name.value for each in definition.variable_definitions or ()),
        tolerates=places,
    )


@cache
def _document(package: str, name: str) -> DocumentNode:
    """The one operation of a file, and those fragments that it spreads, its own and shared ones."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ConfigurationError(f"{name!r} is no name of an operation's file.")
    folder = resources.files(package) / "operations"
    file, shared = folder / f"{name}.graphql", folder / f"{SHARED}.graphql"
    if not file.is_file():
        raise ConfigurationError(f"{package} has no operation {name}.")
    found = [file, shared] if shared.is_file() else [file]
    whole = concat_ast([_parsed(each.read_text(encoding="utf-8")) for each in found])
    return separate_operations(whole)[_the_operation(whole)[0]]


def _parsed(text: str) -> DocumentNode:
    try:
        return parse(text)
    except GraphQLSyntaxError as error:
        raise ConfigurationError(f"Not GraphQL: {error}") from None


def _the_operation(document: DocumentNode) -> tuple[str, OperationDefinitionNode]:
    found = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if len(found) != 1 or found[0].name is None or found[0].operation is OperationType.SUBSCRIPTION:
        raise ConfigurationError("A .graphql file holds one query or one mutation, with a name.")
    return found[0].name.value, found[0]


Fragments = Mapping[str, FragmentDefinitionNode]


def _fragments(document: DocumentNode) -> Fragments:
    found = [node for node in document.definitions if isinstance(node, FragmentDefinitionNode)]
    for name, times in Counter(node.name.value for node in found).items():
        if times > 1:
            raise ConfigurationError(f"Fragment {name} is defined {times} times.")
    return {node.name.value: node for node in found}


def _fields(
    selections: Iterable[SelectionNode], fragments: Fragments, inside: frozenset[str] = frozenset()
) -> Iterator[FieldNode]:
    """The fields of a selection, those of fragments among them."""
    for node in selections:
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name not in fragments or name in inside:
                raise ConfigurationError(f"Fragment {name} is defined nowhere, or holds itself.")
            yield from _fields(fragments[name].selection_set.selections, fragments, inside | {name})
        elif isinstance(node, InlineFragmentNode):
            yield from _fields(node.selection_set.selections, fragments, inside)


def _selects(fields: Iterable[FieldNode], place: Sequence[str], fragments: Fragments) -> bool:
    for step in place:
        named = [node for node in fields if (node.alias or node.name).value == step]
        if not named:
            return False
        below = [node.selection_set.selections for node in named if node.selection_set]
        fields = [found for selections in below for found in _fields(selections, fragments)]
    return True


def _holds_float(schema: object) -> bool:
    if isinstance(schema, Mapping):
        return schema.get("type") == "number" or any(_holds_float(part) for part in schema.values())
    return isinstance(schema, list) and any(_holds_float(part) for part in schema)
