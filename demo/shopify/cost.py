"""What a query costs before it runs: an object 1, a mutation 10, a connection by how much it could hold.

How a connection grows with its size is no public figure. One answer was published: a product with 250 variants, each with its
inventory item, costs 25. Twice the natural logarithm of the size, times what a row costs, fits that.
"""

import math
from collections.abc import Mapping
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
    is_leaf_type,
    value_from_ast_untyped,
)

MOST = 1000
MUTATION = 10

Fragments = Mapping[str, FragmentDefinitionNode]


def requested(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> int:
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    defaults = {
        each.variable.name.value: value_from_ast_untyped(each.default_value)
        for each in operation.variable_definitions or ()
        if each.default_value is not None
    }
    is_mutation = operation.operation.value == "mutation"
    root = schema.mutation_type if is_mutation else schema.query_type
    if root is None:
        return 0
    known = {**defaults, **variables}
    if is_mutation:
        return MUTATION * sum(1 for node in operation.selection_set.selections if isinstance(node, FieldNode))
    return _selected(schema, root, operation.selection_set, fragments, known)


def _selected(
    schema: GraphQLSchema, parent: GraphQLNamedType, selections: SelectionSetNode, fragments: Fragments,
    variables: Mapping[str, Any],
) -> int:  # fmt: skip
    """Fields add up; of fragments on different types the dearest counts, for only one can be true."""
    total, branches = 0, [0]
    for node in selections.selections:
        if isinstance(node, FieldNode):
            total += _field(schema, parent, node, fragments, variables)
            continue
        inner = fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
        assert isinstance(inner, InlineFragmentNode | FragmentDefinitionNode)
        condition = inner.type_condition
        narrowed = schema.type_map[condition.name.value] if condition is not None else parent
        cost = _selected(schema, narrowed, inner.selection_set, fragments, variables)
        if narrowed is parent:
            total += cost
        else:
            branches.append(cost)
    return total + max(branches)


def _field(
    schema: GraphQLSchema, parent: GraphQLNamedType, node: FieldNode, fragments: Fragments, variables: Mapping[str, Any]
) -> int:
    if node.name.value.startswith("__") or not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
        return 0
    returned = get_named_type(parent.fields[node.name.value].type)
    if is_leaf_type(returned) or node.selection_set is None:
        return 0
    given = {each.name.value: value_from_ast_untyped(each.value, dict(variables)) for each in node.arguments or ()}
    if returned.name.endswith("Connection"):
        row = _selected(schema, returned, node.selection_set, fragments, variables)
        return 2 + max(1, row) * _scaled(given.get("first") or given.get("last"))
    if returned.name.endswith("Edge") or node.name.value == "nodes":
        below = _selected(schema, returned, node.selection_set, fragments, variables)
        return below + (node.name.value == "nodes")
    if returned.name == "PageInfo":
        return 0
    own = 1 + _selected(schema, returned, node.selection_set, fragments, variables)
    return own * _scaled(given["first"]) if "first" in given else own


def _scaled(size: object) -> int:
    count = size if isinstance(size, int) else 1
    return max(1, math.floor(2 * math.log(count))) if count > 1 else 1
