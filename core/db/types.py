"""Column types and shorthands for tables. The same values come back from SQLite and PostgreSQL."""

import json
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING


class Id(sa.types.TypeDecorator[str]):
    """32 hexadecimal digits; PostgreSQL's uuid (16 bytes) there, plain text on SQLite."""

    impl = sa.String(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.Uuid() if dialect.name == "postgresql" else sa.String(32))

    def bind_processor(self, dialect: Dialect) -> Any:
        return _to_uuid if dialect.name == "postgresql" else None

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return _to_hex if dialect.name == "postgresql" else None


def _to_uuid(value: str | None) -> UUID | None:
    return UUID(value) if value is not None else None


def _to_hex(value: UUID | None) -> str | None:
    return value.hex if value is not None else None


class Instant(sa.types.TypeDecorator[datetime]):
    """An aware UTC datetime with microseconds. Naive values raise: a time without a zone is a bug."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        return _utc if dialect.name == "postgresql" else _to_text

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return _in_utc if dialect.name == "postgresql" else _from_text


def _utc(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError("a naive datetime was about to be stored")
    return value.astimezone(UTC)


def _in_utc(value: datetime | None) -> datetime | None:
    return value.astimezone(UTC) if value is not None else None


def _to_text(value: datetime | None) -> str | None:
    """As SQLAlchemy writes a DateTime on SQLite: a fixed width, so that texts sort as their times do."""
    in_utc = _utc(value)
    return in_utc.isoformat(" ", "microseconds")[:26] if in_utc is not None else None  # without its +00:00


def _from_text(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value + "+00:00") if value is not None else None


class ListOf(sa.types.TypeDecorator[list[str]]):
    """Several ids or texts as one value: PostgreSQL's array, JSON on SQLite. For `one_of`."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, *, ids: bool) -> None:
        super().__init__()
        self.ids = ids

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name != "postgresql":
            return dialect.type_descriptor(sa.Text())
        return dialect.type_descriptor(sa.ARRAY(sa.Uuid() if self.ids else sa.Text()))

    def bind_processor(self, dialect: Dialect) -> Any:
        if dialect.name != "postgresql":
            return json.dumps
        return _to_uuids if self.ids else list


def _to_uuids(values: list[str]) -> list[UUID]:
    return [UUID(value) for value in values]


class _OneOf(FunctionElement[bool]):
    type = sa.Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        return self  # SQLAlchemy would add "= 1" on SQLite, which then uses no index


@compiles(_OneOf, "postgresql")
def _any_of_array(element: Any, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY({values})"


@compiles(_OneOf, "sqlite")
def _in_json(element: Any, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608  (both are compiled parameters)


def one_of(column: Any, name: str) -> sa.ColumnElement[bool]:
    """Whether a column has one of the values given as the list `name`: IN, in a statement that is the same for any length."""
    return _OneOf(column, sa.bindparam(name, type_=ListOf(ids=isinstance(column.type, Id))))


Json = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def key() -> Any:
    """A part of the primary key that is one of our ids."""
    return Field(primary_key=True, sa_type=Id)


def ref(*, nullable: bool = False) -> Any:
    """An id that points to another row; the foreign key stands in __table_args__, since it begins with the merchant."""
    return Field(default=None, sa_type=Id, nullable=True) if nullable else Field(sa_type=Id)


def instant(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_type=Instant, nullable=True) if nullable else Field(sa_type=Instant)


def big(default: int | None = None, *, nullable: bool = False) -> Any:
    """A 64-bit whole number: points, minor units, counters."""
    if nullable:
        return Field(default=None, sa_type=sa.BigInteger, nullable=True)
    return Field(sa_type=sa.BigInteger) if default is None else Field(default=default, sa_type=sa.BigInteger)


def json_field(*, nullable: bool = False) -> Any:
    """Reassign, never mutate: changes inside the value are not seen."""
    return Field(default=None, sa_type=cast(Any, Json), nullable=True) if nullable else Field(sa_type=cast(Any, Json))


def table(model: type[SQLModel]) -> sa.Table:
    """The Core table of a model, for statements on hot paths."""
    return cast(sa.Table, model.__table__)  # type: ignore[attr-defined]


def points_to(columns: list[str], target: str, target_columns: list[str] | None = None) -> sa.ForeignKeyConstraint:
    """A composite foreign key that begins with merchant_id: no row of one merchant can point into another's."""
    names = target_columns or columns
    return sa.ForeignKeyConstraint(["merchant_id", *columns], [f"{target}.{name}" for name in ("merchant_id", *names)])
