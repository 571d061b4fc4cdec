"""The tables of views, made from what a view declares: typed columns from its row, keys, indexes for filters and sorts.

A row of a table is one version of a row of the view, true from one position to before another; the version that still
stands has no end. Text sorts by its code points (COLLATE "C"), as in memory. What no plain column holds is jsonb.
"""

# ruff: noqa: S608, ANN401 - Names come from declared views and are quoted, values are parameters of any type.

from __future__ import annotations

import operator
import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic

import msgspec
from msgspec import inspect

from projections.kernel import Key, Row, View

if TYPE_CHECKING:
    from infra.subscription import Connection

__all__ = ["SCHEMA", "BadQuery", "Field", "Shape", "quoted"]

SCHEMA: Final = "view"
OWN_COLUMNS: Final = ("log_id", "from_position", "to_position")

_PLAIN: Final[dict[type[inspect.Type], str]] = {
    inspect.IntType: "bigint",
    inspect.StrType: "text",
    inspect.BoolType: "boolean",
    inspect.DateType: "date",
    inspect.DateTimeType: "timestamptz",
}
_JSON: Final = "jsonb"
# What a column takes, each in a struct of its own: of those the library keeps in mind how they are read.
_VALUES: Final[dict[str, type[msgspec.Struct]]] = {
    sql: msgspec.defstruct("Value", [("value", kind)], array_like=True)
    for sql, kind in {
        "bigint": Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
        "text": Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")],
        "boolean": bool,
        "date": date,
        "timestamptz": Annotated[datetime, msgspec.Meta(tz=True)],
    }.items()
}


class BadQuery(ValueError):
    """A filter, sort, limit, key or cursor that a view does not take; ``field`` names it, ``rule`` what it breaks."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field} breaks the rule {rule}.")
        self.field = field
        self.rule = rule


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Field:
    """One field of a row struct as a column."""

    name: str
    type: Any
    sql: str
    nullable: bool

    @property
    def json(self) -> bool:
        """Whether the column holds JSON text rather than a value of its own type."""
        return self.sql == _JSON

    @property
    def identity(self) -> Any:
        """The type of the field without its annotations: a typed id, or whatever it is."""
        kind = self.type
        while typing.get_origin(kind) is typing.Annotated:
            kind = typing.get_args(kind)[0]
        return kind

    def value_of(self, value: Any) -> Any:
        """A value for this column, read from text where it is not one yet; raises BadQuery."""
        if self.json:
            raise BadQuery(self.name, "a field that can be compared")
        try:
            return msgspec.convert((value,), _VALUES[self.sql], strict=False).value  # type: ignore[attr-defined]
        except msgspec.ValidationError:
            raise BadQuery(self.name, "a value of the field it filters by") from None

    @property
    def definition(self) -> str:
        """The column in CREATE TABLE."""
        collate = ' COLLATE "C"' if self.sql == "text" else ""
        return f"{quoted(self.name)} {self.sql}{collate}{'' if self.nullable else ' NOT NULL'}"


def _field(info: msgspec.structs.FieldInfo) -> Field:
    kind = inspect.type_info(info.type)
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    choices = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    values = {_plain(choice) for choice in choices if not isinstance(choice, inspect.NoneType)}
    nullable = any(isinstance(choice, inspect.NoneType) for choice in choices)
    return Field(info.name, info.type, values.pop() if len(values) == 1 else _JSON, nullable)


def _plain(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.Metadata):
        return _plain(kind.type)
    if isinstance(kind, inspect.LiteralType):
        return "text" if all(isinstance(value, str) for value in kind.values) else "bigint"
    return _PLAIN.get(type(kind), _JSON)


class Shape(Generic[Row]):
    """How the rows of one view lie in a table, with the SQL to make, fill and read it."""

    def __init__(self, view: View[Row]) -> None:
        self.view = view
        self.fields = tuple(_field(info) for info in msgspec.structs.fields(view.row))
        self.by_name = {field.name: field for field in self.fields}
        if clash := set(OWN_COLUMNS) & set(self.by_name):
            raise TypeError(f"view {view.name} has fields named like columns of every view: {sorted(clash)}")
        names = [field.name for field in self.fields]
        self._get: Callable[[Row], Any] = operator.attrgetter(*names)
        self._single = len(names) == 1
        self._json = [(i, msgspec.json.Decoder(f.type).decode) for i, f in enumerate(self.fields) if f.json]
        self._names = tuple(names)
        self.key = tuple(self.by_name[name] for name in view.key)
        if unfit := [field.name for field in self.key if field.nullable or field.json]:
            raise TypeError(f"view {view.name} has key fields that may be empty or are no plain value: {unfit}")

    def key_from(self, key: Sequence[Any]) -> Key:
        """A key whose parts may be text; raises BadQuery."""
        if len(key) != len(self.key):
            raise BadQuery("key", f"a key of {len(self.key)} parts")
        return tuple(field.value_of(part) for field, part in zip(self.key, key, strict=True))

    @cached_property
    def signature(self) -> str:
        """Columns, types and key: what a reader must agree on with the table it reads."""
        columns = ", ".join(f"{field.name} {field.sql}{'?' if field.nullable else ''}" for field in self.fields)
        return f"{columns}; key {', '.join(self.view.key)}"

    # --- rows and values ---------------------------------------------------------------------------------------------

    def encode(self, row: Row) -> Sequence[Any]:
        """The values of a row's columns, in order."""
        values: Sequence[Any] = (self._get(row),) if self._single else self._get(row)
        if self._json:
            values = list(values)
            for index, _ in self._json:
                if values[index] is not None:
                    values[index] = msgspec.json.encode(values[index], order="sorted").decode()
        return values

    def decode(self, values: Sequence[Any]) -> Row:
        """The row of which these are the values, in order; exactly what was encoded."""
        if self._json:
            values = list(values)
            for index, decode in self._json:
                if values[index] is not None:
                    values[index] = decode(values[index])
        return self.view.row(**dict(zip(self._names, values, strict=True)))

    def undecodable(self, values: Sequence[Any]) -> str | None:
        """The first column whose JSON is no value of its field, if there is one."""
        for index, decode in self._json:
            try:
                if values[index] is not None:
                    decode(values[index])
            except (msgspec.ValidationError, msgspec.DecodeError):
                return self._names[index]
        return None

    # --- SQL ---------------------------------------------------------------------------------------------------------

    @cached_property
    def columns(self) -> str:
        """The row's columns, as SELECT lists them."""
        return ", ".join(quoted(name) for name in self._names)

    @cached_property
    def all_columns(self) -> list[str]:
        """Every column of the table, in the order in which versions are written."""
        return ["log_id", *self._names, "from_position", "to_position"]

    @property
    def plain_relation(self) -> str:
        """The name of the first table of this version of the view."""
        return f"{self.view.name}_v{self.view.version}"

    def create(self, relation: str) -> str:
        """The statement that makes a table, without indexes."""
        columns = ", ".join(field.definition for field in self.fields)
        return (
            f"CREATE TABLE {SCHEMA}.{quoted(relation)} (log_id integer NOT NULL, {columns}, "
            "from_position bigint NOT NULL, to_position bigint, CHECK (to_position > from_position))"
        )

    def indexes(self, relation: str) -> list[str]:
        """The statements that make its indexes: versions by key, rows that stand, each filter and sort, what ended."""
        on, key = f"ON {SCHEMA}.{quoted(relation)}", ", ".join(quoted(name) for name in self.view.key)
        view = self.view
        others = dict.fromkeys((*view.indexes, *view.filters, *view.sorts))
        return [
            f"ALTER TABLE {SCHEMA}.{quoted(relation)} ADD PRIMARY KEY (log_id, {key}, from_position)",
            f"CREATE UNIQUE INDEX {on} (log_id, {key}) WHERE to_position IS NULL",
            f"CREATE INDEX {on} (log_id, to_position) WHERE to_position IS NOT NULL",
            *(
                f"CREATE INDEX {on} (log_id, {quoted(name)}, {key}) WHERE to_position IS NULL"
                for name in others
                if name != view.key[0]
            ),
        ]

    def _keys(self, first: int) -> str:
        return ", ".join(f"${n}::{field.sql}[]" for n, field in enumerate(self.key, first))

    @cached_property
    def _same_key(self) -> str:
        return " AND ".join(f"t.{quoted(field.name)} = k.k{n}" for n, field in enumerate(self.key))

    @cached_property
    def _key_aliases(self) -> str:
        return ", ".join(f"k{n}" for n in range(len(self.key)))

    # Until a table has statistics the planner takes every index for equally good. So a search by key names its newest
    # version, which only the primary key can find, and a search by index asks for that index's own order.

    # Statements are parts of larger ones: $1 is the log, ``first`` the number of their own first parameter.

    def by_keys(self, relation: str, first: int) -> str:
        """The standing rows of some keys: one array for each part of the key."""
        return (
            f"SELECT {self.columns} FROM unnest({self._keys(first)}) AS k({self._key_aliases}), LATERAL ("
            f"SELECT t.* FROM {SCHEMA}.{quoted(relation)} t WHERE t.log_id = $1 AND {self._same_key} "
            "ORDER BY t.from_position DESC LIMIT 1) newest WHERE newest.to_position IS NULL"
        )

    def by_index(self, relation: str, name: str, first: int) -> str:
        """The standing rows with some values of an indexed field."""
        key = ", ".join(f"t.{quoted(part)}" for part in self.view.key)
        return (
            f"SELECT {self.columns} FROM unnest(${first}::{self.by_name[name].sql}[]) AS wanted(value), LATERAL ("
            f"SELECT t.* FROM {SCHEMA}.{quoted(relation)} t "
            f"WHERE t.log_id = $1 AND t.{quoted(name)} = wanted.value AND t.to_position IS NULL "
            f"ORDER BY t.log_id, t.{quoted(name)}, {key} OFFSET 0) found"
        )

    def end(self, relation: str, first: int, after: str) -> str:
        """End standing versions: arrays of the key's parts, and at which position each ended."""
        table = f"{SCHEMA}.{quoted(relation)}"
        return (
            f"UPDATE {table} t SET to_position = f.ended FROM ("
            f"SELECT newest.place, k.ended FROM {after}unnest({self._keys(first)}, ${first + len(self.key)}::bigint[]) "
            f"AS k({self._key_aliases}, ended), LATERAL (SELECT t.ctid AS place FROM {table} t "
            f"WHERE t.log_id = $1 AND {self._same_key} ORDER BY t.from_position DESC LIMIT 1) newest OFFSET 0"
            ") f WHERE t.ctid = f.place"
        )

    def insert(self, relation: str, first: int, after: str) -> str:
        """Write versions: one array for each column, from and to last."""
        types = [*(field.sql for field in self.fields), "bigint", "bigint"]
        arrays = ", ".join(f"${n}::{sql}[]" for n, sql in enumerate(types, first))
        names = ", ".join(quoted(name) for name in self.all_columns)
        into = f"INSERT INTO {SCHEMA}.{quoted(relation)} ({names})"
        return f"{into} SELECT $1, began.* FROM {after}unnest({arrays}) AS began"

    # --- writing -----------------------------------------------------------------------------------------------------

    async def copy(
        self, connection: Connection, relation: str, log_id: int, versions: Iterable[tuple[Row, int, int | None]]
    ) -> None:
        """Write many versions at once into a table that is not read yet."""
        records = ((log_id, *self.encode(row), begun, ended) for row, begun, ended in versions)
        await connection.copy_records_to_table(relation, schema_name=SCHEMA, columns=self.all_columns, records=records)
