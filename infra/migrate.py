"""Numbered SQL files bring a database of the owner's role up to date; each file runs once and is never edited again.

Files are named ``NNNN_name.sql`` and run in order, one transaction each. A file whose first line is
``-- no-transaction`` holds one statement that PostgreSQL refuses inside one, such as ``CREATE INDEX CONCURRENTLY``; it
is written so that running it again after a crash does no harm.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg

__all__ = ["Migration", "MigrationRefused", "migrate", "migrations"]

SQL_FOLDER = Path(__file__).with_name("sql")
APP_ROLE = "biaogan_app"
_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_NO_TRANSACTION = "-- no-transaction"
_LOCK = 0x62676D67  # Any number will do, as long as every release takes the same one.
_OLDEST = 150_000
_LOOK_AGAIN_SECONDS = 0.05

_TABLE = """
CREATE TABLE IF NOT EXISTS migration (
    name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""


class MigrationRefused(Exception):
    """The database cannot be migrated as it stands; the sentence names what mends it."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Identify the file's content; line ends do not count, since a checkout may change them."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def in_transaction(self) -> bool:
        """Whether the file runs as one transaction."""
        return not self.sql.startswith(_NO_TRANSACTION)


def migrations(folder: Path = SQL_FOLDER) -> list[Migration]:
    """Read every numbered file in order; a name out of pattern or a number given twice is refused."""
    found: dict[str, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise MigrationRefused(f"{path.name} is not named NNNN_name.sql. 迁移文件名不合规则。")
        if match[1] in found:
            raise MigrationRefused(f"{path.name} and {found[match[1]].name} share a number. 两个迁移文件编号相同。")
        found[match[1]] = Migration(path.name, path.read_text(encoding="utf-8"))
    return list(found.values())


async def migrate(
    owner_url: str, report: Callable[[str], None] = lambda _: None, folder: Path = SQL_FOLDER
) -> list[str]:
    """Apply what is missing and return the names of the files applied; two callers at once do it once."""
    known = migrations(folder)
    connection = await asyncpg.connect(owner_url)
    try:
        # Asked for again and again: who waited inside a statement would be waited for by CREATE INDEX CONCURRENTLY.
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110 - See above.
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        await _look_around(connection)
        await connection.execute(_TABLE)
        applied = {row["name"]: row["sha256"] for row in await connection.fetch("SELECT name, sha256 FROM migration")}
        _refuse_changed(known, applied)
        missing = [migration for migration in known if migration.name not in applied]
        for migration in missing:
            report(migration.name)
            await _apply(connection, migration)
        return [migration.name for migration in missing]
    finally:
        # Closing gives the lock back, whatever happened.
        await connection.close()


async def _look_around(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    if await connection.fetchval("SELECT current_setting('server_version_num')::int") < _OLDEST:
        raise MigrationRefused("PostgreSQL 15 or newer is needed. 需要 PostgreSQL 15 或更新版本。")
    if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", APP_ROLE):
        raise MigrationRefused(
            f"The application's role is missing: CREATE ROLE {APP_ROLE} LOGIN, with a password."
            f" 缺少应用程序的角色:请以口令建立 {APP_ROLE}。"
        )


def _refuse_changed(known: list[Migration], applied: Mapping[str, str]) -> None:
    for migration in known:
        if applied.get(migration.name, migration.sha256) != migration.sha256:
            raise MigrationRefused(
                f"{migration.name} was changed after it was applied; restore it and add a file."
                " 迁移文件在应用之后被改动:请恢复原文件,另增新文件。"
            )
    names = {migration.name for migration in known}
    unknown = sorted(set(applied) - names)
    if unknown:
        raise MigrationRefused(
            f"The database is newer than this program: it has {', '.join(unknown)}. 数据库比本程序更新。"
        )
    newest = max(applied, default="")
    late = [migration.name for migration in known if migration.name not in applied and migration.name < newest]
    if late:
        raise MigrationRefused(
            f"{', '.join(late)} would run after {newest}; give it a higher number. 迁移编号过低,请改用更大的编号。"
        )


async def _apply(connection: asyncpg.Connection[asyncpg.Record], migration: Migration) -> None:
    if not migration.in_transaction:
        await connection.execute(migration.sql)
        await _remember(connection, migration)
        return
    async with connection.transaction():
        await connection.execute(migration.sql)
        await _remember(connection, migration)


async def _remember(connection: asyncpg.Connection[asyncpg.Record], migration: Migration) -> None:
    await connection.execute("INSERT INTO migration (name, sha256) VALUES ($1, $2)", migration.name, migration.sha256)
