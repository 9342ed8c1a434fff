"""Statements of the hot path, on the driver's own cursor.

SQLAlchemy builds a statement once and says how its values are converted; running it then costs what the driver costs. What is
run here is a constant of its module: each is kept, prepared, for the life of the process. Decision record 9 says why.
"""

import re
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

Statement = sa.Select[*tuple[Any, ...]] | sa.Insert | sa.Update
Values = Mapping[str, Any]
Ask = tuple[Statement, Values]
AT_ONCE = 100  # PostgreSQL takes at most 1,664 columns and 65,535 values in one statement
_NAMED, _PLACE = re.compile(r"%\((\w+)\)s"), re.compile(r"\$(\d+)")


@dataclass(frozen=True, slots=True)
class Done:
    """`rows`: what a statement gave, as named tuples. `count`: how many rows a write touched."""

    rows: Sequence[Any]
    count: int


def rows(session: Session, statement: Statement, values: Values) -> Sequence[Any]:
    """Run one statement; its rows as named tuples."""
    return _run(session.connection(), statement, values).rows


def first(session: Session, statement: Statement, values: Values) -> Any:
    """The first row, or None."""
    found = _run(session.connection(), statement, values).rows
    return found[0] if found else None


def change(session: Session, statement: Statement, values: Values) -> int:
    """Run one write; how many rows it touched."""
    return _run(session.connection(), statement, values).count


def together(session: Session, asks: Sequence[Ask]) -> list[Done]:
    """Run statements in their order, without waiting for the answers in between: two trips to PostgreSQL, however many.

    The last one goes by itself. What ends a pipeline of psycopg leaves the server without its clock for who sits idle in a
    transaction (a flush behind the sync), and a process that froze there would keep its locks for good.
    """
    connection = session.connection()
    if connection.dialect.name != "postgresql" or len(asks) < 3:
        return [_run(connection, statement, values) for statement, values in asks]
    dialect, raw = connection.dialect, _raw(connection)
    prepared = [(_prepared(dialect, statement, values), values) for statement, values in asks[:-1]]
    cursors = []
    try:
        with raw.pipeline():
            for ready, values in prepared:
                cursors.append(_execute(dialect, raw, ready.text, ready.bind(values)))
    except dialect.dbapi.Error as error:  # type: ignore[union-attr]
        _fail(connection, raw, error, f"{len(asks) - 1} statements together")
    done = [ready.done(cursor) for cursor, (ready, _) in zip(cursors, prepared, strict=True)]
    return [*done, _run(connection, *asks[-1])]


def change_at_once(session: Session, asks: Sequence[Ask]) -> list[int]:
    """Run writes, each to rows that no other of them touches; how many rows each one touched.

    PostgreSQL takes them as one statement, which costs it and the driver less than several in one trip.
    """
    connection = session.connection()
    if connection.dialect.name != "postgresql":
        return [_run(connection, statement, values).count for statement, values in asks]
    portions = (asks[start : start + AT_ONCE] for start in range(0, len(asks), AT_ONCE))
    return [touched for portion in portions for touched in _change_portion(connection, portion)]


def _change_portion(connection: sa.Connection, asks: Sequence[Ask]) -> list[int]:
    if len(asks) == 1:
        return [_run(connection, *asks[0]).count]
    dialect, raw = connection.dialect, _raw(connection)
    prepared = [_prepared(dialect, statement, values) for statement, values in asks]
    text = _joined(tuple(ready.text for ready in prepared))
    bound = [value for ready, (_, values) in zip(prepared, asks, strict=True) for value in ready.bind(values)]
    try:
        return list(_execute(dialect, raw, text, bound).fetchone())
    except dialect.dbapi.Error as error:  # type: ignore[union-attr]
        _fail(connection, raw, error, text)


@lru_cache(maxsize=200)
def _joined(texts: tuple[str, ...]) -> str:
    """PostgreSQL's one statement for several writes. Foreign keys are checked at its end; between portions order matters."""
    parts, taken = [], 0
    for place, text in enumerate(texts):
        own = {int(found) for found in _PLACE.findall(text)}
        moved = _PLACE.sub(lambda found, by=taken: f"${int(found[1]) + by}", text)  # type: ignore[misc]
        parts.append(f"w{place} AS ({moved} RETURNING 1)")
        taken += len(own)
    counts = [f"(SELECT count(*) FROM w{place})" for place in range(len(texts))]  # noqa: S608  (numbers)
    return f"WITH {', '.join(parts)} SELECT {', '.join(counts)}"


def _run(connection: sa.Connection, statement: Statement, values: Values) -> Done:
    dialect, raw = connection.dialect, _raw(connection)
    ready = _prepared(dialect, statement, values)
    try:
        return ready.done(_execute(dialect, raw, ready.text, ready.bind(values)))
    except dialect.dbapi.Error as error:  # type: ignore[union-attr]
        _fail(connection, raw, error, ready.text)


def _fail(connection: sa.Connection, raw: Any, error: Exception, text: str) -> NoReturn:
    """The error that SQLAlchemy would have raised, without the values, which are people's data."""
    dialect = connection.dialect
    base: Any = dialect.dbapi.Error  # type: ignore[union-attr]
    lost = dialect.is_disconnect(error, raw, None)  # type: ignore[arg-type]
    if lost:
        # As SQLAlchemy does it: what rests in the pool was lost along with this one, so it is opened anew.
        connection.engine.pool._invalidate(connection.connection, error)
        connection.invalidate(error)
    raise DBAPIError.instance(
        text, None, error, base, hide_parameters=True, connection_invalidated=lost, dialect=dialect
    ) from error


def _execute(dialect: Dialect, raw: Any, text: str, values: list[Any]) -> Any:
    """The one place where a statement goes to the driver. PostgreSQL's raw cursor counts places as the server does."""
    cursor = dialect.dbapi.RawCursor(raw) if dialect.name == "postgresql" else raw.cursor()  # type: ignore[union-attr]
    cursor.execute(text, values)
    return cursor


def _raw(connection: sa.Connection) -> Any:
    return connection.connection.dbapi_connection


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A statement in an engine's own words, and the conversions of its values and columns."""

    text: str
    bind: Callable[[Values], list[Any]]
    make: Callable[[Sequence[Any]], Any] | None

    def done(self, cursor: Any) -> Done:
        if self.make is None:
            return Done((), cursor.rowcount)
        return Done([self.make(row) for row in cursor.fetchall()], cursor.rowcount)


# By engine, statement and the columns of an insert; never by values, so it is as long as the program is.
_KEPT: dict[tuple[str, Statement, tuple[str, ...]], _Prepared] = {}


def _prepared(dialect: Dialect, statement: Statement, values: Values) -> _Prepared:
    # An insert writes the columns that it is given values for.
    key = (dialect.name, statement, tuple(values) if isinstance(statement, sa.Insert) else ())
    ready = _KEPT.get(key)
    if ready is None:
        ready = _KEPT[key] = _prepare(dialect, *key[1:])
    return ready


def _prepare(dialect: Dialect, statement: Statement, columns: tuple[str, ...]) -> _Prepared:
    compiled: Any = statement.compile(dialect=dialect, column_keys=list(columns) or None)
    if compiled.post_compile_params:
        raise TypeError("A list of unknown length cannot be prepared: take a list as JSON, or SQLAlchemy's own execute")
    parameters = {name: parameter for parameter, name in compiled.bind_names.items()}
    into = {name: _processor(parameter.type, dialect, "bind") for name, parameter in parameters.items()}
    constants = {name: parameter.value for name, parameter in parameters.items() if not parameter.required}
    constants |= {column.key: column.default.arg for column in compiled.insert_prefetch}  # columns that were not named
    text, places = compiled.string, compiled.positiontup
    if places is None:  # PostgreSQL
        numbers = {name: f"${place}" for place, name in enumerate(parameters, 1)}
        text = _NAMED.sub(lambda found: numbers[found[1]], text).replace("%%", "%")
        places = list(parameters)
    return _Prepared(
        text,
        _binder(places, into, constants),
        _maker(list(statement.selected_columns), dialect) if isinstance(statement, sa.Select) else None,
    )


def _processor(type_: sa.types.TypeEngine[Any], dialect: Dialect, way: str) -> Callable[[Any], Any] | None:
    own = type_.dialect_impl(dialect)
    return own.bind_processor(dialect) if way == "bind" else own.result_processor(dialect, None)


def _binder(places: list[str], into: dict[str, Any], constants: dict[str, Any]) -> Callable[[Values], list[Any]]:
    """From named values to the driver's, in the order of their places."""
    steps = [(name, into[name]) for name in places]

    def bind(values: Values) -> list[Any]:
        return [values[name] if convert is None else convert(values[name]) for name, convert in steps]

    return (lambda values: bind({**constants, **values})) if constants else bind


def _maker(columns: list[Any], dialect: Dialect) -> Callable[[Sequence[Any]], Any]:
    """From what the driver gives to a named tuple of our own values."""
    row: Any = namedtuple("Row", [column.key for column in columns])  # type: ignore[misc]
    converts = [_processor(column.type, dialect, "result") for column in columns]
    if not any(converts):
        return row._make

    def make(values: Sequence[Any]) -> Any:
        return row._make([v if convert is None else convert(v) for convert, v in zip(converts, values, strict=True)])

    return make
