"""Backups: the whole of a database but what can be made again, in one consistent view, with a manifest to check it by.

A backup is a folder: ``database.dump``, written by PostgreSQL's own ``pg_dump``, and ``manifest.json``, which says how
large the file is and its SHA-256, and of every log its size and its root over the very lines that the dump holds. What
is taken is data alone: the schema comes from the migrations of the program, and views are built again from the record.
The master key and the signer's folder are never in it: with them an old backup would open what was erased since, and
let a past be written anew.

Restoring fills an empty database in one transaction, and computes every root once more.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import msgspec

from infra.binaries import find_binaries
from infra.event_store import COLUMNS
from infra.line import Root, leaf, line
from infra.master_key import MasterKeys
from infra.migrate import migrations

__all__ = ["BackupRefused", "LogState", "Manifest", "RestoredOtherwise", "back_up", "read_manifest", "restore"]

DUMP: Final = "database.dump"
MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
_MADE_AGAIN: Final = ("migration", "checkpoint", "heartbeat", "schedule_state")
"""Where readers stand and who lives: it follows from the rest. A dispatcher that begins anew enters no row twice."""
_PAGE: Final = 1000
_CHUNK: Final = 1 << 20
_LOGS: Final = """
SELECT log_id, origin, (SELECT coalesce(max(position), 0) FROM event WHERE event.log_id = log.log_id) AS size,
       (SELECT note FROM signed_checkpoint s WHERE s.log_id = log.log_id ORDER BY size DESC LIMIT 1) AS checkpoint
FROM log ORDER BY log_id
"""
_ROWS: Final = f"SELECT {', '.join(COLUMNS)} FROM event WHERE log_id = $1 ORDER BY position"  # noqa: S608 - constants.
_MASTERS: Final = "SELECT DISTINCT master_id FROM subject_key WHERE wrapped IS NOT NULL ORDER BY master_id"

Report = Callable[[int, int], None]
"""Hears how many events of how many were looked at."""


class BackupRefused(Exception):
    """A backup cannot be made or taken; the sentence says why and what to do. Nothing was written."""


class RestoredOtherwise(Exception):
    """What was restored is not what the manifest says; the sentence names the logs. Do not use this database."""


class LogState(msgspec.Struct, frozen=True, kw_only=True):
    """A log as it was backed up: how many lines it has, their root, and the newest checkpoint that was signed."""

    log_id: int
    origin: str
    size: int
    root: str
    checkpoint: str | None


class DumpFile(msgspec.Struct, frozen=True, kw_only=True):
    """The file of a backup."""

    name: str
    size_bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself."""

    format: Annotated[int, msgspec.Meta(ge=FORMAT, le=FORMAT)]
    made_at: datetime
    postgres_version: str
    migrations: dict[str, str]
    master_keys: tuple[str, ...]
    """The public names of the master keys without which nothing sealed in it opens."""
    logs: tuple[LogState, ...]
    dump: DumpFile


# --- out -------------------------------------------------------------------------------------------------------------


async def back_up(database_url: str, folder: Path, report: Report) -> Manifest:
    """Write a backup into a folder that does not exist yet: whole, or not at all. Raises BackupRefused."""
    with _whole_or_not(folder) as half:
        manifest = await _taken(database_url, half, report)
        (half / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
    return manifest


@contextmanager
def _whole_or_not(folder: Path) -> Iterator[Path]:
    """A folder beside the one that is wanted, which takes its place once all of it is on disk."""
    if folder.exists():
        raise BackupRefused(f"{folder} exists already; a backup is never written over. 该位置已存在,备份不覆盖旧文件。")
    half = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        half.mkdir(mode=0o700, parents=True)
        yield half
        _settle(half)
        half.rename(folder)
        _settle(folder.parent)
    except OSError as fault:
        raise BackupRefused(f"{folder} cannot be written ({fault.strerror}). 无法写入该位置。") from None
    finally:
        shutil.rmtree(half, ignore_errors=True)


async def _taken(database_url: str, folder: Path, report: Report) -> Manifest:
    async with _connected(database_url) as connection:
        version = connection.get_server_version()
        pg_dump = _program("pg_dump", version.major)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            # Whatever is written meanwhile, program and roots see the same.
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            made_at = await connection.fetchval("SELECT clock_timestamp()")
            left_out = (f"--exclude-table=public.{name}" for name in _MADE_AGAIN)
            dumping = asyncio.create_task(
                _run(
                    pg_dump, database_url, "--format=custom", "--data-only", "--schema=public", *left_out,
                    f"--snapshot={snapshot}", f"--file={folder / DUMP}",
                )
            )  # fmt: skip
            try:
                logs = await _states(connection, report)
                masters = [row["master_id"].hex() for row in await connection.fetch(_MASTERS)]
            finally:
                # Also where that broke: the program leaves nothing running behind.
                await asyncio.wait([dumping])
            dumping.result()
    return Manifest(
        format=FORMAT,
        made_at=made_at,
        postgres_version=f"{version.major}.{version.minor}",
        migrations=_schema(),
        master_keys=tuple(masters),
        logs=logs,
        dump=await asyncio.to_thread(_described, folder / DUMP),
    )


async def _states(connection: asyncpg.Connection[asyncpg.Record], report: Report) -> tuple[LogState, ...]:
    """Size and root of every log, over the lines as an export writes them."""
    logs = await connection.fetch(_LOGS)
    seen, total = 0, sum(log["size"] for log in logs)
    states: list[LogState] = []
    for log in logs:
        root = Root()
        async for row in connection.cursor(_ROWS, log["log_id"], prefetch=_PAGE):
            root.add(leaf(line(log["origin"], row)))
            seen += 1
            if seen % _PAGE == 0:
                report(seen, total)
        states.append(
            LogState(
                log_id=log["log_id"],
                origin=log["origin"],
                size=root.size,
                root=root.digest().hex(),
                checkpoint=log["checkpoint"],
            )
        )
    report(seen, total)
    return tuple(states)


# --- in --------------------------------------------------------------------------------------------------------------


def read_manifest(folder: Path) -> Manifest:
    """Read what a backup says of itself, and hold its file against it. Raises BackupRefused."""
    try:
        text = (folder / MANIFEST).read_bytes()
    except OSError as fault:
        raise BackupRefused(f"{folder} is no backup: {MANIFEST}: {fault.strerror}. 不是备份文件夹。") from None
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as fault:
        raise BackupRefused(f"{folder / MANIFEST} is damaged or of another version: {fault}. 清单损坏。") from None
    try:
        found = _described(folder / DUMP)
    except OSError as fault:
        raise BackupRefused(f"{folder / DUMP} is missing ({fault.strerror}). 备份文件缺失。") from None
    if found != manifest.dump:
        raise BackupRefused(f"{folder / DUMP} is damaged: it is not what {MANIFEST} says. 备份文件损坏。")
    return manifest


async def restore(owner_url: str, database_url: str, folder: Path, keys: MasterKeys, report: Report) -> Manifest:
    """Fill an empty, migrated database from a backup in one transaction, and compare every size and root.

    Raises BackupRefused, and then nothing was written; RestoredOtherwise where what was written is something else.
    """
    manifest = await asyncio.to_thread(read_manifest, folder)
    if manifest.migrations != _schema():
        raise BackupRefused(
            "The backup was made by another version of this program; restore it with that one, then migrate."
            " 该备份由另一版本生成:请以原版本恢复,再行迁移。"
        )
    if missing := set(manifest.master_keys) - {name.hex() for name in keys.by_id()}:
        raise BackupRefused(
            f"The key file lacks the master keys {', '.join(sorted(missing))}; restore it first, from where it is kept"
            " apart. 密钥文件缺少上述主密钥,请先恢复密钥文件。"
        )
    async with _connected(owner_url) as connection:
        await _refuse_unready(connection)
        pg_restore = _program("pg_restore", connection.get_server_version().major)
    options = ("--data-only", "--single-transaction", "--exit-on-error", "--no-owner")
    await _run(pg_restore, owner_url, *options, str(folder / DUMP))
    async with _connected(database_url) as connection, connection.transaction(readonly=True):
        states = await _states(connection, report)
    if states != manifest.logs:
        before = {each.origin: each for each in manifest.logs}
        wrong = [each.origin for each in states if before.pop(each.origin, None) != each]
        raise RestoredOtherwise(
            f"These logs are not what the manifest says: {', '.join([*wrong, *before])}; drop this database."
            " 上述日志与清单不符,请弃用该数据库。"
        )
    return manifest


async def _refuse_unready(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    if not await connection.fetchval("SELECT to_regclass('public.log') IS NOT NULL"):
        raise BackupRefused("The database has no tables yet; run `biaogan migrate` first. 数据库尚未迁移。")
    if await connection.fetchval("SELECT EXISTS (SELECT FROM log)"):
        raise BackupRefused(
            "The database is not empty; a backup is restored into an empty one only. 数据库非空,只能恢复到空数据库。"
        )


# --- PostgreSQL's own programs ---------------------------------------------------------------------------------------


def _program(name: str, major: int) -> Path:
    """The program of the server's own version, or of the nearest later one. Raises BackupRefused."""
    found = {each.major: each.bin_dir / name for each in reversed(find_binaries()) if (each.bin_dir / name).exists()}
    later = [version for version in sorted(found) if version >= major]
    if not later:
        raise BackupRefused(
            f"There is no {name} of PostgreSQL {major} or newer on this machine; install postgresql-client-{major}."
            f" 本机没有可用的 {name},请安装相应版本的 PostgreSQL 客户端。"
        )
    return found[later[0]]


async def _run(program: Path, database_url: str, *arguments: str) -> None:
    address, password = _apart(database_url)
    process = await asyncio.create_subprocess_exec(
        program,
        f"--dbname={address}",
        "--no-password",
        *arguments,
        env={**os.environ, **password},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, told = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        # The program's own words, the values of rows cut off: they name tables and what is amiss.
        said = re.sub(r"(?s)\n(DETAIL|CONTEXT|COPY|LINE).*", "", told.decode(errors="replace")).strip()
        raise BackupRefused(f"{program.name} ended with {process.returncode}: {said} 程序未能完成。")


def _apart(database_url: str) -> tuple[str, Mapping[str, str]]:
    """An address that may stand in the list of processes, and the password beside it."""
    parts = urlsplit(database_url)
    if parts.password is None:
        return database_url, {}
    user = quote(parts.username or "", safe="")
    netloc = f"{user}@{parts.netloc.rpartition('@')[2]}"
    return urlunsplit(parts._replace(netloc=netloc)), {"PGPASSWORD": parts.password}


@asynccontextmanager
async def _connected(database_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(database_url, server_settings={"timezone": "UTC"})
    try:
        yield connection
    finally:
        await connection.close()


# --- files -----------------------------------------------------------------------------------------------------------


def _schema() -> dict[str, str]:
    return {each.name: each.sha256 for each in migrations()}


def _described(path: Path) -> DumpFile:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return DumpFile(name=path.name, size_bytes=size, sha256=digest.hexdigest())


def _settle(folder: Path) -> None:
    """See to it that a folder and its files are on disk."""
    for path in (*(each for each in folder.iterdir() if each.name in (DUMP, MANIFEST)), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
