"""What is asked of a list, checked and turned into one statement; and the cursor that continues it."""

# ruff: noqa: S608, ANN401 - Names come from declared views and are quoted, values are parameters of any type.

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import msgspec

from infra.event_store import VERSION_OF
from infra.view_batch import CONSUMERS
from infra.view_tables import SCHEMA, BadQuery, Field, Shape, quoted
from projections.kernel import Key

__all__ = [
    "LARGEST_PAGE",
    "LARGEST_READ",
    "Asked",
    "AtLeast",
    "AtMost",
    "BadQuery",
    "Cursor",
    "Page",
    "continued",
    "paged",
    "question",
    "selected",
]

LARGEST_PAGE: Final = 200
"""As many rows as a person is shown at once."""
LARGEST_READ: Final = 5_000
"""As many as a program takes at once that computes something from them."""
_OF_THIS_LIST: Final = "a cursor that a page of this list gave"


@dataclass(frozen=True)
class AtMost:
    """A filter: this value or one before it."""

    value: Any


@dataclass(frozen=True)
class AtLeast:
    """A filter: this value or one after it."""

    value: Any


@dataclass(frozen=True)
class Page:
    """Rows in order, the cursor of the next page if there is one, and the position that all of them reflect."""

    rows: Sequence[Any]
    next: str | None
    position: int


@dataclass(frozen=True)
class Asked:
    """A checked question: filters as (field, operator, values), the field to sort by, how many."""

    log_id: int
    filters: tuple[tuple[Field, str, Any], ...]
    sort: Field | None
    descending: bool
    limit: int
    digest: str

    @classmethod
    def of(
        cls,
        shape: Shape[Any],
        log_id: int,
        *,
        filters: Mapping[str, Any],
        sort: str,
        limit: int,
        effective_on: date | None = None,
    ) -> Asked:
        """Check what is asked against what the view declares; text is taken for values of the fields' types."""
        if not 1 <= limit <= LARGEST_READ:
            raise BadQuery("limit", f"a whole number from 1 to {LARGEST_READ}")
        column = sort.removeprefix("-")
        if column and column not in (*shape.view.sorts, *shape.view.key):
            raise BadQuery("sort", "a field that this view sorts by")
        checked = []
        for name in sorted(filters):
            if name not in (*shape.view.filters, *shape.view.indexes, *shape.view.key, *shape.view.sorts):
                raise BadQuery(name, "a field that this view filters by")
            checked.append(_filter(shape.by_name[name], filters[name]))
        told = [[field.name, operator, values] for field, operator, values in checked]
        question = msgspec.json.encode([log_id, shape.view.name, told, sort, effective_on])
        digest = hashlib.sha256(question).hexdigest()[:16]
        return cls(
            log_id, tuple(checked), shape.by_name[column] if column else None, sort.startswith("-"), limit, digest
        )


def _filter(field: Field, wanted: Any) -> tuple[Field, str, Any]:
    match wanted:
        case AtMost(value):
            return field, "<=", field.value_of(value)
        case AtLeast(value):
            return field, ">=", field.value_of(value)
        case list() | tuple() | set() | frozenset():
            return field, "=", sorted(field.value_of(value) for value in wanted)
        case None:
            return field, "=", None
        case _:
            return field, "=", [field.value_of(wanted)]


@dataclass(frozen=True)
class Cursor:
    """Where a page ended: at which position of the log, after which sort value and key.

    It is opaque but not secret: it names a place in a list that its holder may read anyhow, and is refused for any
    other question than its own.
    """

    position: int
    value: Any
    key: Key

    @classmethod
    def read(cls, shape: Shape[Any], asked: Asked, text: str | None) -> Cursor | None:
        """Read a cursor that was given out for this very question; raises BadQuery."""
        if text is None:
            return None
        try:
            raw = base64.urlsafe_b64decode(text.encode("ascii"))
            digest, position, value, key = msgspec.json.decode(raw, type=tuple[str, int, Any, list[Any]])
        except (UnicodeEncodeError, binascii.Error, msgspec.MsgspecError, ValueError):
            raise BadQuery("cursor", _OF_THIS_LIST) from None
        if digest != asked.digest:
            raise BadQuery("cursor", "a cursor of this very question, filters and sort included")
        if asked.sort is not None and value is not None:
            value = asked.sort.value_of(value)
        if position < 0 or position >= 2**63:
            raise BadQuery("cursor", _OF_THIS_LIST)
        return cls(position, value, shape.key_from(key))

    def text(self, asked: Asked) -> str:
        """The cursor as it is given out."""
        raw = msgspec.json.encode([asked.digest, self.position, self.value, self.key])
        return base64.urlsafe_b64encode(raw).decode("ascii")


def paged(shape: Shape[Any], asked: Asked, rows: Sequence[Any], position: int) -> Page:
    """A page of the rows found, which are one more than wanted where there is a next page."""
    if len(rows) <= asked.limit:
        return Page(rows, None, position)
    kept = rows[: asked.limit]
    last = kept[-1]
    value = getattr(last, asked.sort.name) if asked.sort is not None else None
    return Page(kept, Cursor(position, value, shape.view.key_of(last)).text(asked), position)


# --- as SQL ----------------------------------------------------------------------------------------------------------

_STANDS: Final = (
    "SELECT (SELECT v.relation FROM view.live v WHERE v.name = $2) AS live, "
    "coalesce((SELECT c.position FROM checkpoint c WHERE c.log_id = $1 AND c.consumer = $3), 0) AS reached"
)
_REACHED: Final = f"SELECT q.*, r.* FROM ({_STANDS}) AS q LEFT JOIN LATERAL ({{rows}}) AS r ON true"


class _Arguments:
    """The parameters of a statement, numbered as they come."""

    def __init__(self, shape: Shape[Any], relation: str, log_id: int) -> None:
        self.values: list[Any] = [log_id, shape.view.name, CONSUMERS + relation]

    def add(self, value: Any, sql: str) -> str:
        self.values.append(value)
        return f"${len(self.values)}::{sql}"


def selected(shape: Shape[Any], relation: str) -> str:
    """The statement that finds rows by their keys, in the order of the keys, each with a tag's version by then.

    $1 is the log, $2 the view, $3 its consumer; then come arrays with an element for each row: of each part of the key,
    of the tags, and of the positions at which the rows stood, or null for the rows that stand.
    """
    types = [*(field.sql for field in shape.key), "text", "bigint"]
    # As the results of subqueries: of an array itself the planner would look at the length, and plan every time anew.
    arrays = ", ".join(f"(SELECT ${n}::{sql}[])" for n, sql in enumerate(types, 4))
    parts = [f"part{n}" for n, _ in enumerate(shape.key)]
    same = " AND ".join(f"t.{quoted(field.name)} = k.{part}" for field, part in zip(shape.key, parts, strict=True))
    # The newest version that had begun by then; it is the row, unless it had ended.
    rows = (
        f"SELECT from_position, {shape.columns} FROM (SELECT t.* FROM {SCHEMA}.{quoted(relation)} t "
        f"WHERE t.log_id = $1 AND {same} AND t.from_position <= k.until ORDER BY t.from_position DESC LIMIT 1) newest "
        "WHERE (newest.to_position <= k.until) IS NOT TRUE"
    )
    return (
        f"SELECT q.live, q.reached, version.position AS version, r.* FROM ({_STANDS} OFFSET 0) AS q, "
        f"LATERAL (SELECT *, coalesce(at, q.reached) AS until FROM unnest({arrays}) WITH ORDINALITY "
        f"AS k({', '.join(parts)}, tag, at, place)) AS k LEFT JOIN LATERAL ({rows}) AS r ON true, "
        f"LATERAL ({VERSION_OF.format(tag='k.tag', until='k.until')}) AS version(position) ORDER BY k.place"
    )


def question(
    shape: Shape[Any], relation: str, asked: Asked, after: Cursor | None, at_position: int | None
) -> tuple[str, list[Any]]:
    """The statement that finds a page of rows and one more."""
    arguments = _Arguments(shape, relation, asked.log_id)
    conditions = [_condition(arguments, *each) for each in asked.filters]
    if after is not None:
        conditions.append(_beyond(shape, arguments, asked, after))
    order = _order(shape, asked)
    limit = arguments.add(asked.limit + 1, "integer")
    chosen = f"SELECT t.from_position, {shape.columns} FROM {SCHEMA}.{quoted(relation)} t WHERE t.log_id = $1"
    rest = "".join(f" AND {condition}" for condition in conditions) + f" ORDER BY {order} LIMIT {limit}"
    if at_position is None:
        rows = f"{chosen} AND t.to_position IS NULL{rest}"
    else:
        # Two searches, since rows that stand and versions that ended lie in indexes of their own.
        at = arguments.add(at_position, "bigint")
        began = f"{chosen} AND t.from_position <= {at}"
        rows = (
            f"SELECT * FROM (({began} AND t.to_position IS NULL{rest}) UNION ALL "
            f"({began} AND t.to_position > {at}{rest})) AS t ORDER BY {order} LIMIT {limit}"
        )
    return _REACHED.format(rows=rows) + f" ORDER BY {order.replace('t.', 'r.')}", arguments.values


def _condition(arguments: _Arguments, field: Field, operator: str, values: Any) -> str:
    name = f"t.{quoted(field.name)}"
    if values is None:
        return f"{name} IS NULL"
    if operator == "=" and len(values) == 1:
        return f"{name} = {arguments.add(values[0], field.sql)}"
    if operator == "=":
        return f"{name} = ANY ({arguments.add(values, field.sql + '[]')})"
    return f"{name} {operator} {arguments.add(values, field.sql)}"


def _order(shape: Shape[Any], asked: Asked) -> str:
    """Rows without a value come last in either direction; the key decides between equals."""
    direction = " DESC" if asked.descending else ""
    order = [f"t.{quoted(name)}{direction}" for name in shape.view.key]
    if asked.sort is not None:
        last = " NULLS LAST" if asked.descending and asked.sort.nullable else ""
        order.insert(0, f"t.{quoted(asked.sort.name)}{direction}{last}")
    return ", ".join(order)


def _beyond(shape: Shape[Any], arguments: _Arguments, asked: Asked, after: Cursor) -> str:
    sign = "<" if asked.descending else ">"
    names = ", ".join(f"t.{quoted(field.name)}" for field in shape.key)
    values = ", ".join(arguments.add(value, field.sql) for field, value in zip(shape.key, after.key, strict=True))
    later = f"({names}) {sign} ({values})"
    if asked.sort is None:
        return later
    name = f"t.{quoted(asked.sort.name)}"
    if after.value is None:
        return f"({name} IS NULL AND {later})"
    value = arguments.add(after.value, asked.sort.sql)
    if not asked.sort.nullable:
        return f"({name}, {names}) {sign} ({value}, {values})"
    return f"({name} {sign} {value} OR ({name} = {value} AND {later}) OR {name} IS NULL)"


# --- in memory -------------------------------------------------------------------------------------------------------


def continued(shape: Shape[Any], asked: Asked, after: Cursor | None, rows: Iterable[Any]) -> list[Any]:
    """The same question asked of rows in memory: filtered, in order, from the cursor on, one more than wanted."""
    found = [row for row in rows if all(_fits(row, *each) for each in asked.filters)]
    found.sort(key=shape.view.key_of, reverse=asked.descending)
    if asked.sort is not None:
        name = asked.sort.name
        empty = [row for row in found if getattr(row, name) is None]
        found = [row for row in found if getattr(row, name) is not None]
        found.sort(key=lambda row: getattr(row, name), reverse=asked.descending)
        found += empty
    if after is not None:
        found = [row for row in found if _is_beyond(shape, asked, after, row)]
    return found[: asked.limit + 1]


def _fits(row: Any, field: Field, operator: str, values: Any) -> bool:
    value = getattr(row, field.name)
    if values is None or value is None:
        return value is None and values is None
    if operator == "=":
        return value in values
    return bool(value <= values if operator == "<=" else value >= values)


def _is_beyond(shape: Shape[Any], asked: Asked, after: Cursor, row: Any) -> bool:
    value = getattr(row, asked.sort.name) if asked.sort is not None else None
    key = shape.view.key_of(row)
    if value == after.value:
        return key < after.key if asked.descending else key > after.key
    if value is None or after.value is None:
        return value is None
    return bool(value < after.value if asked.descending else value > after.value)
