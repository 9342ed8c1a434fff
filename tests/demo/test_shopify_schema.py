"""The pruned Admin schema: no more than the vendor's own, in both versions, and enough for every operation of ours."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    is_required_argument,
    is_required_input_field,
    validate_schema,
)

from demo.shopify.schema import FILE, FORMATS, admin_schema
from tests.contract.operations import operations_of, problems, schema_from
from tools.prune_schema import coordinates, prune, texts

VERSIONS = ("2026-07", "2026-10")
HERE = Path(__file__).resolve().parents[2]


@cache
def full(folder: Path, version: str) -> GraphQLSchema:
    return schema_from((folder / "shopify" / f"admin-{version}.graphql").read_text())


def strange(ours: GraphQLSchema, theirs: GraphQLSchema) -> Iterator[str]:
    """What the pruned schema says otherwise than the whole one."""
    for name, kept in ours.type_map.items():
        if name.startswith("__"):
            continue
        whole = theirs.type_map.get(name)
        if type(whole) is not type(kept):
            yield f"{name} is {type(whole).__name__}"
        elif isinstance(kept, GraphQLObjectType | GraphQLInterfaceType):
            yield from _fields(name, kept, whole)
        elif isinstance(kept, GraphQLInputObjectType):
            yield from _inputs(name, kept, whole)
        elif isinstance(kept, GraphQLEnumType) and isinstance(whole, GraphQLEnumType):
            yield from (f"{name}.{value}" for value in kept.values.keys() - whole.values.keys())
        elif isinstance(kept, GraphQLUnionType) and isinstance(whole, GraphQLUnionType):
            known = {member.name for member in whole.types}
            yield from (f"{name}: {member.name}" for member in kept.types if member.name not in known)


def _fields(name: str, kept: GraphQLObjectType | GraphQLInterfaceType, whole: GraphQLNamedType | None) -> Iterator[str]:
    assert isinstance(whole, GraphQLObjectType | GraphQLInterfaceType)
    yield from (
        f"{name} implements {each.name}"
        for each in kept.interfaces
        if each.name not in {one.name for one in whole.interfaces}
    )
    for field_name, field in kept.fields.items():
        theirs = whole.fields.get(field_name)
        if theirs is None or str(theirs.type) != str(field.type):
            yield f"{name}.{field_name}: {field.type}"
            continue
        for argument_name, argument in field.args.items():
            other = theirs.args.get(argument_name)
            if other is None or str(other.type) != str(argument.type):
                yield f"{name}.{field_name}({argument_name}: {argument.type})"
        missing = theirs.args.keys() - field.args.keys()
        yield from (f"{name}.{field_name} lacks {each}" for each in missing if is_required_argument(theirs.args[each]))


def _inputs(name: str, kept: GraphQLInputObjectType, whole: GraphQLNamedType | None) -> Iterator[str]:
    assert isinstance(whole, GraphQLInputObjectType)
    if kept.is_one_of != whole.is_one_of:
        yield f"{name} @oneOf"
    for field_name, field in kept.fields.items():
        theirs = whole.fields.get(field_name)
        if theirs is None or str(theirs.type) != str(field.type):
            yield f"{name}.{field_name}: {field.type}"
    missing = whole.fields.keys() - kept.fields.keys()
    yield from (f"{name} lacks {each}" for each in missing if is_required_input_field(whole.fields[each]))


@pytest.mark.parametrize("version", VERSIONS)
def test_everything_in_the_pruned_schema_stands_so_in_the_vendors(contracts_dir: Path, version: str) -> None:
    assert list(strange(admin_schema(), full(contracts_dir, version))) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("displayFinancialStatus: OrderDisplayFinancialStatus", "displayFinancialStatus: String"), "Order.displayFin"),
        (("customer(id: ID!): Customer", "customer(id: String!): Customer"), "QueryRoot.customer(id: String!)"),
        (("  TAKEN\n", "  TAKEN\n  STOLEN\n"), "DiscountErrorCode.STOLEN"),
        (("  creditAmount: MoneyInput!\n", ""), "StoreCreditAccountCreditInput lacks creditAmount"),
        (("order(id: ID!): Order", "order: Order"), "QueryRoot.order lacks id"),
        (("input DiscountContextInput @oneOf", "input DiscountContextInput"), "DiscountContextInput @oneOf"),
    ],
)
def test_a_difference_is_found(contracts_dir: Path, change: tuple[str, str], expected: str) -> None:
    text = FILE.read_text()
    assert change[0] in text

    found = list(strange(schema_from(text.replace(*change)), full(contracts_dir, "2026-10")))

    assert any(line.startswith(expected) for line in found), found


def test_the_file_is_what_the_tool_makes_of_the_operations_and_the_list(contracts_dir: Path) -> None:
    """Else run: python -m tools.prune_schema <admin-2026-10.graphql> connectors/shopify/operations --keep demo/shopify/kept.txt"""
    whole = (contracts_dir / "shopify" / "admin-2026-10.graphql").read_text()
    operations = texts([HERE / "connectors" / "shopify" / "operations"])

    assert prune(whole, operations, coordinates(FILE.with_name("kept.txt").read_text())) == FILE.read_text()


def test_every_operation_of_the_connector_runs_on_it() -> None:
    assert problems(operations_of("shopify"), admin_schema()) == []


def test_it_is_a_sound_schema_whose_scalars_are_all_checked() -> None:
    # The vendor's default values of enum arguments make validate_schema stumble elsewhere, not in what is left here.
    assert validate_schema(schema_from(FILE.read_text())) == []
    custom = {name for name, kind in admin_schema().type_map.items() if "scalar" in type(kind).__name__.lower()}
    assert custom - set(FORMATS) == {"ID", "String", "Int", "Float", "Boolean"}


@pytest.mark.parametrize(
    ("scalar", "good", "bad"),
    [
        ("Decimal", "12.1", "12,10"),
        ("DateTime", "2026-11-22T22:43:00Z", "2026-11-22 22:43"),
        ("UnsignedInt64", "56010000000000001", "-1"),
        ("URL", "https://a.example/", "//a.example"),
        ("Date", "2026-11-22", "22.11.2026"),
    ],
)
def test_an_answer_in_a_wrong_format_is_an_error_not_an_answer(scalar: str, good: str, bad: str) -> None:
    write: Callable[[object], object] = admin_schema().type_map[scalar].coerce_output_value  # type: ignore[attr-defined]

    assert write(good) == good
    with pytest.raises(Exception, match="wrote"):
        write(bad)
    with pytest.raises(Exception, match="wrote"):
        write(12)
