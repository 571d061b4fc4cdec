"""The vault: names, contacts, codes behind pseudonyms, sealed scores; everything that may have to be forgotten.

Each subject has a data key of its own (32 random bytes), wrapped by the master key, which lies in a file outside the
database. A text is sealed in an envelope under its subject's key, together with a salt of 32 random bytes; the event
that speaks of it carries only the **commitment**, SHA-256(salt, text), which tells nothing and yet fixes the text for
ever. Several facts that belong together, such as a person's name and contact, are one envelope.

**Erasure** destroys the subject's data key and empties its envelopes and documents, once the record says so: the
database itself looks it up, and lets nobody destroy a key otherwise. The pages of the tables that held them are
overwritten by PostgreSQL in its own time, and older backups still hold them: they are made worthless by rotating the
master key (``rewrap``) and destroying the former one.

What is staged, settled and swept, and why no name is lost or seen early: ``infra/staging.py``.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import asyncpg

from infra.master_key import MasterKeys
from infra.sealing import KEY_BYTES, SALT_BYTES, Damaged, bound, commitment, pad, seal, unpad, unseal
from infra.staging import Attempt, Connection, enter

__all__ = [
    "KeyDestroyed",
    "MasterKeyMissing",
    "NothingSealed",
    "Opened",
    "Prepared",
    "Sealed",
    "Vault",
    "erase",
    "prepare",
]

_NEW_KEY = """
INSERT INTO subject_key (log_id, subject_id, wrapped, master_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
_KEY = "SELECT wrapped, master_id FROM subject_key WHERE log_id = $1 AND subject_id = $2"
_KEYS = """
SELECT subject_id, wrapped, master_id FROM subject_key
WHERE log_id = $1 AND subject_id = ANY($2::text[]) AND wrapped IS NOT NULL
"""
_STAGED = """
SELECT envelope_id, subject_id, kind, command_id, sealed FROM envelope
WHERE log_id = $1 AND subject_id = $2 AND kind = $3 AND command_id = $4
"""
_STAGE = """
INSERT INTO envelope (log_id, envelope_id, subject_id, kind, command_id, commitment, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_NAMED = """
SELECT e.envelope_id, e.subject_id, e.kind, e.command_id, e.commitment, e.sealed, k.wrapped, k.master_id, n.position
FROM envelope e JOIN subject_key k ON k.log_id = e.log_id AND k.subject_id = e.subject_id,
LATERAL (SELECT coalesce(e.position, named_at(e.log_id, e.command_id, e.commitment)) AS position) n
WHERE e.log_id = $1 AND n.position IS NOT NULL
"""
_NEWEST = f"""
SELECT DISTINCT ON (subject_id) * FROM ({_NAMED} AND e.subject_id = ANY($2::text[]) AND e.kind = $3) AS named
WHERE position <= coalesce($4::bigint, position) ORDER BY subject_id, position DESC
"""  # noqa: S608 - constants of this module
_BY_COMMITMENT = f"{_NAMED} AND e.subject_id = $2 AND e.commitment = $3"
_FOREIGN = """
SELECT log_id, subject_id, wrapped, master_id FROM subject_key WHERE wrapped IS NOT NULL AND master_id <> $1
ORDER BY log_id, subject_id LIMIT $2 FOR UPDATE
"""
_WRAP = "UPDATE subject_key SET wrapped = $3, master_id = $4 WHERE log_id = $1 AND subject_id = $2"
_MASTERS = "SELECT DISTINCT master_id FROM subject_key WHERE wrapped IS NOT NULL"

_REWRAPPED_AT_ONCE = 500


class KeyDestroyed(Exception):
    """The subject's key was destroyed; what was sealed under it is gone, and nothing new is sealed under that name."""


class NothingSealed(Exception):
    """The record names no such envelope."""


class MasterKeyMissing(Exception):
    """A data key is wrapped by a master key that the key file does not hold."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A text with its salt and commitment, not written anywhere yet; never printed."""

    log_id: int
    subject_id: str
    kind: str
    plaintext: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    commitment: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a command may know of an envelope, and what its event must carry: the commitment."""

    envelope_id: UUID
    commitment: str


@dataclass(frozen=True, slots=True)
class Opened:
    """An envelope's text with the salt that proves its commitment; never printed."""

    plaintext: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    commitment: str
    position: int


async def erase(connection: Connection, log_id: int, subject_id: str) -> None:
    """Destroy for ever the key of a subject that the record says is erased, and what it sealed; may be repeated."""
    await connection.execute("SELECT erase_subject($1, $2)", log_id, subject_id)


def prepare(log_id: int, subject_id: str, kind: str, plaintext: bytes) -> Prepared:
    """Commit to a text without writing anything: enough for a dry run, and the first half of ``Vault.stage``."""
    salt = secrets.token_bytes(SALT_BYTES)
    return Prepared(log_id, subject_id, kind, plaintext, salt, commitment(salt, plaintext).hex())


class Vault:
    """Seals and opens envelopes; knows subjects and kinds by their ids only."""

    def __init__(self, pool: asyncpg.Pool, master: MasterKeys) -> None:
        self._pool = pool
        self._master = master

    # --- sealing ------------------------------------------------------------------------------------------------------

    async def stage(self, attempt: Attempt, *prepared: Prepared) -> tuple[Sealed, ...]:
        """Write the envelopes of one command; the commitments returned, not the prepared ones, go into its events."""
        if any(one.log_id != attempt.log_id for one in prepared):
            raise ValueError("An attempt stages in its own log only.")
        async with self._pool.acquire() as connection, connection.transaction():
            await enter(connection, attempt)
            # In one order everywhere, so that two commands on the same two subjects cannot wait for each other.
            subjects = sorted({one.subject_id for one in prepared})
            keys = {subject: await self.ensure_key(connection, attempt.log_id, subject) for subject in subjects}
            return tuple([await self._stage(connection, attempt, one, keys[one.subject_id]) for one in prepared])

    async def _stage(self, connection: Connection, attempt: Attempt, one: Prepared, key: bytes) -> Sealed:
        there = await connection.fetch(_STAGED, one.log_id, one.subject_id, one.kind, attempt.command_id)
        for row in there:
            plaintext, salt = _open(key, one.log_id, row)
            if plaintext == one.plaintext:
                return Sealed(row["envelope_id"], commitment(salt, plaintext).hex())
        envelope_id = uuid4()
        place = _place(one.log_id, one.subject_id, one.kind, attempt.command_id, envelope_id)
        sealed = seal(key, one.salt + pad(one.plaintext), place)
        await connection.execute(
            _STAGE, one.log_id, envelope_id, one.subject_id, one.kind, attempt.command_id, one.commitment, sealed
        )
        return Sealed(envelope_id, one.commitment)

    # --- opening ------------------------------------------------------------------------------------------------------

    async def open_(self, log_id: int, subject_id: str, kind: str, at_position: int | None = None) -> bytes:
        """Open the newest envelope of that kind that the record names, or the newest as of a position."""
        row = await self._pool.fetchrow(_NEWEST, log_id, [subject_id], kind, at_position)
        return self._opened(log_id, subject_id, row).plaintext

    async def open_many(
        self, log_id: int, subject_ids: Iterable[str], kind: str, at_position: int | None = None
    ) -> dict[str, bytes]:
        """Open the newest envelope of each subject in one read; who has none, or is forgotten, is absent."""
        rows = await self._pool.fetch(_NEWEST, log_id, list(subject_ids), kind, at_position)
        return {
            row["subject_id"]: self._opened(log_id, row["subject_id"], row).plaintext
            for row in rows
            if row["wrapped"] is not None
        }

    async def reveal(self, log_id: int, subject_id: str, committed: str) -> Opened:
        """Open exactly the envelope that an event committed to, with its salt: what is revealed can then be checked."""
        row = await self._pool.fetchrow(_BY_COMMITMENT, log_id, subject_id, committed)
        return self._opened(log_id, subject_id, row)

    def _opened(self, log_id: int, subject_id: str, row: asyncpg.Record | None) -> Opened:
        if row is None:
            raise NothingSealed(f"The record names no such envelope of {subject_id}.")
        plaintext, salt = _open(self._unwrap(log_id, subject_id, row), log_id, row)
        if commitment(salt, plaintext).hex() != row["commitment"]:
            raise Damaged("An envelope does not hold what its row says.")
        return Opened(plaintext, salt, row["commitment"], row["position"])

    # --- keys ---------------------------------------------------------------------------------------------------------

    async def ensure_key(self, connection: Connection, log_id: int, subject_id: str) -> bytes:
        """Return a subject's data key, making it where there is none; it stays until the transaction ends."""
        while True:
            row = await connection.fetchrow(f"{_KEY} FOR SHARE", log_id, subject_id)
            if row is not None:
                return self._unwrap(log_id, subject_id, row)
            # Either this inserts it, or another one did; a refused command may also have removed its own meanwhile.
            wrapped = self._wrap(secrets.token_bytes(KEY_BYTES), log_id, subject_id)
            await connection.execute(_NEW_KEY, log_id, subject_id, wrapped, self._master.present_id)

    async def key(self, log_id: int, subject_id: str) -> bytes:
        """Return a subject's data key for opening."""
        row = await self._pool.fetchrow(_KEY, log_id, subject_id)
        if row is None:
            raise NothingSealed(f"Nothing is sealed under {subject_id}.")
        return self._unwrap(log_id, subject_id, row)

    async def keys(self, log_id: int, subject_ids: Iterable[str]) -> dict[str, bytes]:
        """Return the data keys of subjects; who has none, or whose was destroyed, is absent."""
        rows = await self._pool.fetch(_KEYS, log_id, list(subject_ids))
        return {row["subject_id"]: self._unwrap(log_id, row["subject_id"], row) for row in rows}

    async def rewrap(self) -> int:
        """Wrap what a former master key still wraps under the present one; may be stopped and repeated."""
        count = 0
        while True:
            async with self._pool.acquire() as connection, connection.transaction():
                rows = await connection.fetch(_FOREIGN, self._master.present_id, _REWRAPPED_AT_ONCE)
                for row in rows:
                    log_id, subject_id = row["log_id"], row["subject_id"]
                    wrapped = self._wrap(self._unwrap(log_id, subject_id, row), log_id, subject_id)
                    await connection.execute(_WRAP, log_id, subject_id, wrapped, self._master.present_id)
            count += len(rows)
            if not rows:
                return count

    async def refuse_missing_master(self) -> None:
        """Refuse to start on a database whose keys the key file cannot open."""
        there = {row["master_id"] for row in await self._pool.fetch(_MASTERS)}
        missing = there - self._master.by_id().keys()
        if missing:
            names = ", ".join(sorted(name.hex() for name in missing))
            raise MasterKeyMissing(
                f"The key file lacks the master keys {names}, which wrap keys of this database."
                f" 密钥文件缺少主密钥 {names},本数据库的密钥由其封装。"
            )

    def _wrap(self, key: bytes, log_id: int, subject_id: str) -> bytes:
        return seal(self._master.present, key, bound("subject key", log_id, subject_id))

    def _unwrap(self, log_id: int, subject_id: str, row: asyncpg.Record) -> bytes:
        if row["wrapped"] is None:
            raise KeyDestroyed(f"The key of {subject_id} was destroyed.")
        master = self._master.by_id().get(row["master_id"])
        if master is None:
            raise MasterKeyMissing(
                f"The key file lacks the master key {row['master_id'].hex()}. 密钥文件缺少该主密钥。"
            )
        return unseal(master, row["wrapped"], bound("subject key", log_id, subject_id))


def _place(log_id: int, subject_id: str, kind: str, command_id: UUID, envelope_id: UUID) -> bytes:
    return bound("envelope", log_id, subject_id, kind, str(command_id), str(envelope_id))


def _open(key: bytes, log_id: int, row: asyncpg.Record) -> tuple[bytes, bytes]:
    place = _place(log_id, row["subject_id"], row["kind"], row["command_id"], row["envelope_id"])
    opened = unseal(key, row["sealed"], place)
    return unpad(opened[SALT_BYTES:]), opened[:SALT_BYTES]
