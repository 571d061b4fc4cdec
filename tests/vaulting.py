"""What the tests of vault, documents, tokens and access journal share: logs, and commands that the record knows."""

from __future__ import annotations

import os
from uuid import UUID, uuid4

import asyncpg

from domain.kernel import Event
from domain.privacy.events import PersonErased
from infra.vault import erase

OPEN_LOGS = (
    "INSERT INTO log (log_id, origin, clock) VALUES (1, 'institution-one', 'real'), (2, 'institution-two', 'real')"
)
COMMAND = """
INSERT INTO command (log_id, command_id, request_hash, first_position, last_position, recorded_at, receipt)
VALUES ($1, $2, '', $3, $3, now(), '')
"""
EVENT = """
INSERT INTO event (log_id, position, event_id, type, tags, data, documents, actor_id, actor_kind, authority, command_id,
                   correlation_id, received_at, effective_at, recorded_at, line_version, nonce)
VALUES ($1, $2, gen_random_uuid(), 'thing.named.v1', '{}', $3, '{}', 'p', 'person', '', $4,
        $4, now(), now(), now(), 1, $5)
"""


async def accept(superuser: asyncpg.Connection, log_id: int, command_id: UUID, *named: str) -> int:
    """Put an accepted command into the record whose one event names these commitments and ids."""
    async with superuser.transaction():
        head = await superuser.fetchval("SELECT coalesce(max(position), 0) FROM event WHERE log_id = $1", log_id)
        data = ('{"named":[' + ",".join(f'"{one}"' for one in named) + "]}").encode()
        await superuser.execute(EVENT, log_id, head + 1, data, command_id, os.urandom(16))
        await superuser.execute(COMMAND, log_id, command_id, head + 1)
    position: int = head + 1
    return position


async def say_erased(
    superuser: asyncpg.Connection, log_id: int, subject_id: str, by: type[Event] = PersonErased
) -> None:
    """Put into the record that what is kept of a subject is erased, by a fact of some kind."""
    position = await accept(superuser, log_id, uuid4())
    await superuser.execute(
        "INSERT INTO event_tag (log_id, tag, type, position) VALUES ($1, $2, $3, $4)",
        log_id,
        subject_id,
        by.TOPIC,
        position,
    )


async def forget(superuser: asyncpg.Connection, log_id: int, subject_id: str) -> None:
    """Erase a subject, on record and in the vault."""
    await say_erased(superuser, log_id, subject_id)
    await erase(superuser, log_id, subject_id)


async def everything(superuser: asyncpg.Connection) -> dict[str, str]:
    """Every row of every table in the database, as text; binary columns come as hexadecimal."""
    tables = await superuser.fetch(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables "
        "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    return {
        table["name"]: "\n".join(
            row["t"] for row in await superuser.fetch(f"SELECT x::text AS t FROM {table['name']} x")
        )
        for table in tables
    }
