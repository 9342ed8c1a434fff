"""Cuts a platform's GraphQL schema down to what a set of operations uses, so that a fake shop can execute it.

    python -m tools.prune_schema SCHEMA OPERATIONS... [--keep FILE]... > pruned.graphql

OPERATIONS are .graphql files or folders of them, all read as one document. Kept are the types, fields, arguments and enum values
that they name, and what those cannot do without. Input fields and enum values that travel in variables or answers are named nowhere
in an operation: FILE lists them, one coordinate a line: `Type`, `Type.member`, `Type.field(argument)` or `Type.*` (all that is not
deprecated).
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from graphql import (
    ArgumentNode,
    DefinitionNode,
    DocumentNode,
    EnumTypeDefinitionNode,
    EnumValueNode,
    FieldDefinitionNode,
    FieldNode,
    GraphQLInputObjectType,
    GraphQLSchema,
    InputObjectTypeDefinitionNode,
    InputValueDefinitionNode,
    InterfaceTypeDefinitionNode,
    ListTypeNode,
    NamedTypeNode,
    NonNullTypeNode,
    ObjectFieldNode,
    ObjectTypeDefinitionNode,
    OperationType,
    ScalarTypeDefinitionNode,
    SchemaDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    TypeNode,
    UnionTypeDefinitionNode,
    Visitor,
    build_ast_schema,
    get_named_type,
    parse,
    print_ast,
    validate,
    visit,
)

TypeDefinition = (
    ObjectTypeDefinitionNode
    | InterfaceTypeDefinitionNode
    | UnionTypeDefinitionNode
    | EnumTypeDefinitionNode
    | InputObjectTypeDefinitionNode
    | ScalarTypeDefinitionNode
)
Fielded = ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode

SPECIFIED = frozenset({"String", "Int", "Float", "Boolean", "ID"})


class Mistake(Exception):
    """An operation or a coordinate that the schema does not know."""


def prune(schema_text: str, operations: Sequence[str], keep: Iterable[str] = ()) -> str:
    """The SDL of the part of a schema that these texts, together one document, and coordinates need.

    Raises Mistake, GraphQLSyntaxError.
    """
    document = parse(schema_text, no_location=True)
    # A vendor's own SDL may not pass graphql-core's check of schemas; that is not ours to judge.
    schema = build_ast_schema(document, assume_valid=True)
    kept = _Kept(document)
    _take(kept, schema, parse("\n".join(operations)))
    for coordinate in keep:
        kept.coordinate(coordinate)
    kept.close()
    return "\n\n".join(print_ast(node) for node in kept.definitions()) + "\n"


def _take(kept: "_Kept", schema: GraphQLSchema, operations: DocumentNode) -> None:
    if errors := validate(schema, operations):
        raise Mistake(errors[0].message)
    info = TypeInfo(schema)
    visit(operations, TypeInfoVisitor(info, _Uses(kept, info)))


class _Uses(Visitor):
    """Notes what an operation names, while it is walked through."""

    def __init__(self, kept: "_Kept", info: TypeInfo) -> None:
        super().__init__()
        self._kept = kept
        self._info = info

    def enter_field(self, node: FieldNode, *_: object) -> None:
        parent = self._info.get_parent_type()
        if parent is not None and not node.name.value.startswith("__"):
            self._kept.member(parent.name, node.name.value)

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        parent, field = self._info.get_parent_type(), self._info.get_field_def()
        if parent is not None and field is not None and field.ast_node is not None:
            self._kept.argument(parent.name, field.ast_node.name.value, node.name.value)

    def enter_named_type(self, node: NamedTypeNode, *_: object) -> None:
        self._kept.type(node.name.value)

    def enter_object_field(self, node: ObjectFieldNode, *_: object) -> None:
        parent = get_named_type(self._info.get_parent_input_type())
        if isinstance(parent, GraphQLInputObjectType):
            self._kept.member(parent.name, node.name.value)

    def enter_enum_value(self, node: EnumValueNode, *_: object) -> None:
        enum = get_named_type(self._info.get_input_type())
        if enum is not None:
            self._kept.member(enum.name, node.value)


class _Kept:
    """Which types stay, and of each which members (fields, input fields, enum values) with which arguments."""

    def __init__(self, document: DocumentNode) -> None:
        self._all = {node.name.value: node for node in document.definitions if isinstance(node, TypeDefinition)}
        self._roots = [node for node in document.definitions if isinstance(node, SchemaDefinitionNode)]
        self._kept: dict[str, dict[str, set[str]]] = {}

    def type(self, name: str) -> None:
        if name in SPECIFIED:
            return
        if name not in self._all:
            raise Mistake(f"The schema has no type {name}")
        self._kept.setdefault(name, {})

    def member(self, type_name: str, member: str) -> None:
        self.type(type_name)
        if member not in _members(self._all[type_name]):
            raise Mistake(f"{type_name} has no {member}")
        self._kept[type_name].setdefault(member, set())

    def argument(self, type_name: str, field: str, argument: str) -> None:
        self.member(type_name, field)
        node = _members(self._all[type_name])[field]
        known = node.arguments if isinstance(node, FieldDefinitionNode) else ()
        if argument not in {each.name.value for each in known or ()}:
            raise Mistake(f"{type_name}.{field} has no argument {argument}")
        self._kept[type_name][field].add(argument)

    def coordinate(self, text: str) -> None:
        """`Type`, `Type.member`, `Type.field(argument)` or `Type.*`."""
        type_name, _, member = text.partition(".")
        if not member:
            self.type(type_name)
        elif member == "*":
            self.type(type_name)
            for name, node in _members(self._all[type_name]).items():
                if not any(
                    directive.name.value == "deprecated" for directive in getattr(node, "directives", None) or ()
                ):
                    self.member(type_name, name)
        else:
            field, _, argument = member.removesuffix(")").partition("(")
            self.argument(type_name, field, argument) if argument else self.member(type_name, field)

    def close(self) -> None:
        """Add what the kept part cannot do without, until nothing is missing. There is always a root of queries."""
        for root in self._roots:
            for each in root.operation_types:
                if each.operation is OperationType.QUERY:
                    self.type(each.type.name.value)
        before = -1
        while before != (before := self._size()):
            for name in list(self._kept):
                self._complete(self._all[name])

    def definitions(self) -> Iterator[DefinitionNode]:
        for root in self._roots:
            operations = tuple(each for each in root.operation_types if each.type.name.value in self._kept)
            yield replace(root, operation_types=operations)
        for name in sorted(self._kept):
            yield self._cut(self._all[name])

    def _size(self) -> int:
        return sum(1 + sum(1 + len(arguments) for arguments in members.values()) for members in self._kept.values())

    def _complete(self, node: TypeDefinition) -> None:
        name = node.name.value
        if isinstance(node, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
            self._complete_fielded(node)
        elif isinstance(node, InputObjectTypeDefinitionNode):
            for field in node.fields or ():
                if _is_required(field) or field.name.value in self._kept[name]:
                    self.member(name, field.name.value)
                    self._complete_input(field)

    def _complete_fielded(self, node: Fielded) -> None:
        name = node.name.value
        for interface in node.interfaces or ():
            for field, arguments in self._kept.get(interface.name.value, {}).items():
                self.member(name, field)
                self._kept[name][field] |= arguments
        if not self._kept[name]:
            self.member(name, _plain_field(node, self._all))
        members = _members(node)
        for field, arguments in self._kept[name].items():
            definition = members[field]
            assert isinstance(definition, FieldDefinitionNode)
            self.type(_named(definition.type))
            for argument in definition.arguments or ():
                if _is_required(argument) or argument.name.value in arguments:
                    arguments.add(argument.name.value)
                    self._complete_input(argument)

    def _complete_input(self, node: InputValueDefinitionNode) -> None:
        """The type of an argument or an input field, and the enum value that it defaults to."""
        name = _named(node.type)
        self.type(name)
        if isinstance(node.default_value, EnumValueNode):
            self.member(name, node.default_value.value)

    def _cut(self, node: TypeDefinition) -> TypeDefinition:
        kept = self._kept[node.name.value]
        if isinstance(node, UnionTypeDefinitionNode):
            return replace(node, types=tuple(each for each in node.types or () if each.name.value in self._kept))
        if isinstance(node, EnumTypeDefinitionNode):
            return replace(node, values=tuple(each for each in node.values or () if each.name.value in kept))
        if isinstance(node, InputObjectTypeDefinitionNode):
            return replace(node, fields=tuple(each for each in node.fields or () if each.name.value in kept))
        if isinstance(node, ScalarTypeDefinitionNode):
            return node
        fields = tuple(
            replace(
                each, arguments=tuple(one for one in each.arguments or () if one.name.value in kept[each.name.value])
            )
            for each in node.fields or ()
            if each.name.value in kept
        )
        interfaces = tuple(each for each in node.interfaces or () if each.name.value in self._kept)
        return replace(node, fields=fields, interfaces=interfaces)


def _members(node: TypeDefinition) -> dict[str, FieldDefinitionNode | InputValueDefinitionNode | DefinitionNode]:
    found = node.values if isinstance(node, EnumTypeDefinitionNode) else getattr(node, "fields", None)
    return {each.name.value: each for each in found or ()}


def _plain_field(node: Fielded, types: dict[str, TypeDefinition]) -> str:
    """A field that a type may keep when none of its own is in use: `id`, or the first that needs nothing."""
    fields = {each.name.value: each for each in node.fields or ()}
    if "id" in fields:
        return "id"
    for name, each in fields.items():
        leaf = _named(each.type) in SPECIFIED or isinstance(
            types[_named(each.type)], ScalarTypeDefinitionNode | EnumTypeDefinitionNode
        )
        if leaf and not any(_is_required(argument) for argument in each.arguments or ()):
            return name
    return next(iter(fields))


def _named(node: TypeNode) -> str:
    while isinstance(node, NonNullTypeNode | ListTypeNode):
        node = node.type
    assert isinstance(node, NamedTypeNode)
    return node.name.value


def _is_required(node: InputValueDefinitionNode) -> bool:
    return isinstance(node.type, NonNullTypeNode) and node.default_value is None


def texts(paths: Iterable[Path]) -> list[str]:
    """The .graphql files among these paths and in these folders."""
    files = [file for path in paths for file in (sorted(path.glob("*.graphql")) if path.is_dir() else [path])]
    return [file.read_text(encoding="utf-8") for file in files]


def coordinates(text: str) -> list[str]:
    """The lines of a keep file; `#` opens a comment."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.prune_schema", description=__doc__.partition("\n")[0])
    parser.add_argument("schema", type=Path)
    parser.add_argument("operations", type=Path, nargs="+")
    parser.add_argument("--keep", type=Path, action="append", default=[])
    given = parser.parse_args(arguments)
    keep = [line for path in given.keep for line in coordinates(path.read_text(encoding="utf-8"))]
    try:
        sys.stdout.write(prune(given.schema.read_text(encoding="utf-8"), texts(given.operations), keep))
    except Mistake as mistake:
        sys.stderr.write(f"{mistake}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
