"""Codes: under which a person acts in a matter where nobody is named, such as a seat of a panel.

Who holds which code is sealed in the vault, under the seat. To find a person's code without opening every envelope of
the matter, a row stands beside it under a **blind**: an HMAC-SHA-256 of matter and person under a key of the matter.
That key is random and lies among the keys of subjects, wrapped by the master key. So the database by itself tells
nothing to whoever knows the ids of all persons; a rotation of the master key carries it over like any other; and once
it is destroyed, nobody can be found in that matter any more.

A code counts exactly when an event names its commitment, as every sealed part does: see ``infra/staging.py``.
"""

from __future__ import annotations

import hmac
from typing import Final

import asyncpg

from infra.sealing import bound
from infra.staging import Attempt, Connection, enter
from infra.vault import KeyDestroyed, NothingSealed, Vault

__all__ = ["CodePending", "Codes", "seat_of"]

_NAMED: Final = "coalesce(position, named_at(log_id, command_id, commitment)) IS NOT NULL"
_FIND: Final = f"SELECT code FROM code WHERE log_id = $1 AND subject_id = $2 AND blind = $3 AND {_NAMED}"  # noqa: S608 - a constant of this module
_ALL: Final = f"SELECT subject_id, blind, code FROM code WHERE log_id = $1 AND {_NAMED} ORDER BY subject_id, code"  # noqa: S608 - see above
_GIVE: Final = """
INSERT INTO code (log_id, subject_id, blind, code, command_id, commitment) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (log_id, subject_id, blind) DO NOTHING
"""
_GIVEN: Final = f"""
SELECT command_id, {_NAMED} AS is_named FROM code WHERE log_id = $1 AND subject_id = $2 AND blind = $3
"""  # noqa: S608 - see above


class CodePending(Exception):
    """Another command, whose fate is not settled, is giving the same person a code in the same matter."""


def seat_of(matter: str, code: str) -> str:
    """The subject under which the vault keeps what belongs to a code: who holds it, and what was sealed from it."""
    return f"seat:{matter}/{code}"


def _subject(matter: str) -> str:
    return f"matter:{matter}"


def _blind(key: bytes, log_id: int, subject_id: str, person_id: str) -> bytes:
    return hmac.digest(key, bound("code", log_id, subject_id, person_id), "sha256")


class Codes:
    """Gives codes, and finds them; knows matters and persons by their ids only."""

    def __init__(self, pool: asyncpg.Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def find(self, log_id: int, matter: str, person_id: str) -> str | None:
        """The code that a person holds in a matter, if there is one on record."""
        subject_id = _subject(matter)
        try:
            key = await self._vault.key(log_id, subject_id)
        except (NothingSealed, KeyDestroyed):
            return None
        found: str | None = await self._pool.fetchval(
            _FIND, log_id, subject_id, _blind(key, log_id, subject_id, person_id)
        )
        return found

    async def held_by(self, log_id: int, person_id: str) -> tuple[tuple[str, str], ...]:
        """Every matter in which a person holds a code, with the code."""
        rows = await self._pool.fetch(_ALL, log_id)
        keys = await self._vault.keys(log_id, {row["subject_id"] for row in rows})
        blinds = {subject_id: _blind(key, log_id, subject_id, person_id) for subject_id, key in keys.items()}
        return tuple(
            (row["subject_id"].removeprefix(_subject("")), row["code"])
            for row in rows
            if row["blind"] == blinds.get(row["subject_id"])
        )

    async def give(self, attempt: Attempt, matter: str, code: str, person_id: str, commitment: str) -> bool:
        """Write the code of one command, whose event must carry the commitment; false where the person has one.

        Raises CodePending where another command is at it; nothing was written then.
        """
        log_id, subject_id = attempt.log_id, _subject(matter)
        async with self._pool.acquire() as connection, connection.transaction():
            await enter(connection, attempt)
            key = await self._vault.ensure_key(connection, log_id, subject_id)
            blind = _blind(key, log_id, subject_id, person_id)
            return await _give(connection, attempt, (subject_id, blind, code, commitment))


async def _give(connection: Connection, attempt: Attempt, row: tuple[str, bytes, str, str]) -> bool:
    subject_id, blind, code, commitment = row
    written = await connection.execute(_GIVE, attempt.log_id, subject_id, blind, code, attempt.command_id, commitment)
    if written == "INSERT 0 1":
        return True
    given = await connection.fetchrow(_GIVEN, attempt.log_id, subject_id, blind)
    if given is not None and given["command_id"] == attempt.command_id:
        return True  # An earlier attempt of this very command wrote it.
    if given is not None and given["is_named"]:
        return False
    raise CodePending
