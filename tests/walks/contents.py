"""What a database holds of one institution, table by table, as its superuser sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import asyncpg

KEPT = ("event", "event_tag", "command", "envelope", "document", "document_chunk", "code", "staging", "subject_key")
"""What only an accepted command may change."""
SEALED = {("envelope", "sealed"), ("document_chunk", "bytes")}
SECONDS = 60.0


async def tables(connection: asyncpg.Connection) -> list[str]:
    """Every table of the product, those of the views included."""
    rows = await connection.fetch(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
        " WHERE schemaname IN ('public', 'view') ORDER BY 1"
    )
    return [row["name"] for row in rows]


async def caught_up(connection: asyncpg.Connection, log_id: int) -> int:
    """Wait until every view stands at the head; returns the head."""
    deadline = asyncio.get_running_loop().time() + SECONDS
    while True:
        head = await connection.fetchval("SELECT max(position) FROM event WHERE log_id = $1", log_id)
        # A view that has not begun with this log has no checkpoint in it yet.
        least = await connection.fetchval(
            "SELECT least((SELECT min(position) FROM checkpoint WHERE log_id = $1),"
            " (SELECT min(coalesce(c.position, 0)) FROM view.live v"
            " LEFT JOIN checkpoint c ON c.log_id = $1 AND c.consumer = 'view.' || v.relation))",
            log_id,
        )
        if least == head:
            return int(head)
        assert asyncio.get_running_loop().time() < deadline, f"a view stands at {least}, the log at {head}"
        await asyncio.sleep(0.02)


async def contents(connection: asyncpg.Connection, log_id: int) -> dict[str, str]:
    """A digest of every row that an institution has in the log, the vault, the documents and the views."""
    await caught_up(connection, log_id)
    names = [name for name in await tables(connection) if name.startswith("view.") or name[7:] in KEPT]
    found = {}
    for name in names:
        if name in {"view.live", "view.stopped"}:
            continue
        found[name] = await connection.fetchval(
            f"SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '')"
            f" FROM {name} t WHERE log_id = $1",
            log_id,
        )
    return found


async def holding(connection: asyncpg.Connection, marks: Iterable[str]) -> list[str]:
    """The tables in which one of these texts stands in clear, as text or as bytes."""
    found = []
    for name in await tables(connection):
        for mark in marks:
            hexed = mark.encode().hex()
            seen = await connection.fetchval(
                f"SELECT count(*) FROM {name} t WHERE strpos(t::text, $1) > 0 OR strpos(t::text, $2) > 0", mark, hexed
            )
            if seen:
                found.append(f"{name}: {mark}")
    return found
