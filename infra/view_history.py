"""Earlier versions of the rows of a view: of everything with some value, and of what some events changed."""

# ruff: noqa: S608 - Names come from declared views and are quoted, values are parameters.

from __future__ import annotations

from typing import Any

from infra.view_tables import SCHEMA, Shape, quoted

__all__ = ["begun_at", "ended_at", "within"]


def within(shape: Shape[Any], relation: str, name: str) -> str:
    """The versions with a value of a field ($2) that stood somewhere from a position ($3) to a later one ($4), by key.

    Two searches, since rows that stand and versions that ended lie in indexes of their own.
    """
    key = ", ".join(quoted(part) for part in shape.view.key)
    chosen = (
        f"SELECT from_position, to_position, {shape.columns} FROM {SCHEMA}.{quoted(relation)} "
        f"WHERE log_id = $1 AND {quoted(name)} = $2::{shape.by_name[name].sql} AND from_position <= $4"
    )
    return f"({chosen} AND to_position IS NULL) UNION ALL ({chosen} AND to_position > $3) ORDER BY {key}, from_position"


def ended_at(shape: Shape[Any], relation: str) -> str:
    """The versions that ended at some positions ($2)."""
    return (
        f"SELECT to_position, {shape.columns} FROM {SCHEMA}.{quoted(relation)} "
        "WHERE log_id = $1 AND to_position = ANY ($2::bigint[]) AND to_position IS NOT NULL"
    )


def begun_at(shape: Shape[Any], relation: str) -> str:
    """The versions of some keys that began at some positions: arrays of the key's parts, and of the positions."""
    arrays = ", ".join(f"${n}::{field.sql}[]" for n, field in enumerate(shape.key, 2))
    names = ", ".join(f"k{n}" for n in range(len(shape.key)))
    same = " AND ".join(f"t.{quoted(field.name)} = k.k{n}" for n, field in enumerate(shape.key))
    columns = ", ".join(f"began.{quoted(field.name)}" for field in shape.fields)
    return (
        f"SELECT began.from_position, {columns} FROM unnest({arrays}, ${len(shape.key) + 2}::bigint[]) "
        f"AS k({names}, begun), LATERAL (SELECT t.* FROM {SCHEMA}.{quoted(relation)} t "
        f"WHERE t.log_id = $1 AND {same} AND t.from_position = k.begun LIMIT 1) began"
    )
