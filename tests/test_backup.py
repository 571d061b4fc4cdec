"""Backups of real databases: taken while they are written to, restored elsewhere, and refused where they must be."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from domain.lifecycle import CATALOGUE
from infra.assembly import Stores
from infra.backup import BackupRefused, Manifest, RestoredOtherwise, back_up, read_manifest, restore
from infra.checkpoints import Checkpoints, SealedLog
from infra.embedded import EmbeddedPostgres
from infra.event_store import EventStore, open_log
from infra.master_key import MasterKeys
from infra.projector import Projector
from infra.record import Fact, Proposal
from infra.replay import verify
from infra.signing import Memory, NotSigned, Signing
from infra.staging import Attempt
from infra.vault import Vault, prepare
from projections import VIEWS
from tests.case_life import life
from tests.conftest import Database, MakeDatabase
from tests.viewing import envelope

pytestmark = pytest.mark.store
LIFE = life()
KEYS = MasterKeys(b"\x05" * 32)
ROOT = Path(__file__).resolve().parent.parent


def unheard(_done: int, _of: int) -> None:
    """Nobody looks at how far it has come."""


@dataclass
class Kept:
    """A database with a life in it, and a signer that signs what there is."""

    database: Database
    store: EventStore
    pool: asyncpg.Pool
    folder: Path

    async def write(self, start: int, end: int) -> None:
        for recorded in LIFE[start:end]:
            written = envelope(recorded.envelope.effective_at)
            await self.store.append(Proposal(request_hash=b"", facts=(Fact.of(recorded.event),), envelope=written))

    async def back_up(self, name: str = "backup") -> Manifest:
        return await back_up(self.database.app_url, self.folder / name, unheard)

    async def seal(self, pool: asyncpg.Pool) -> int:
        """Grow the tree of a database and sign it with the one signer there is; gives the size that is signed then."""
        checkpoints = Checkpoints(pool, Stores(pool, CATALOGUE))
        await checkpoints.grow(await standing(checkpoints))
        with Memory(self.folder) as memory:
            await Signing(KEYS, memory).sign(checkpoints, await standing(checkpoints))
        return (await standing(checkpoints)).signed


async def standing(checkpoints: Checkpoints) -> SealedLog:
    (found,) = await checkpoints.logs()
    return found


@pytest_asyncio.fixture
async def kept(database: Database, pool: asyncpg.Pool, tmp_path: Path) -> AsyncIterator[Kept]:
    store = EventStore(pool, await open_log(pool, "UNI", "simulated"), CATALOGUE)
    yield Kept(database, store, pool, tmp_path)
    await store.close()


async def rows_of(url: str) -> dict[str, list[Any]]:
    """Every row of what a backup holds."""
    connection = await asyncpg.connect(url)
    try:
        names = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            " AND tablename NOT IN ('migration', 'checkpoint', 'heartbeat', 'schedule_state') ORDER BY 1"
        )
        return {
            name: await connection.fetch(f"SELECT t::text FROM {name} t ORDER BY 1") for name in (n[0] for n in names)
        }
    finally:
        await connection.close()


async def test_what_is_restored_is_what_was_there_and_its_views_follow_from_it(
    kept: Kept, new_database: MakeDatabase
) -> None:
    await kept.write(0, len(LIFE))
    await kept.seal(kept.pool)
    vault = Vault(kept.pool, KEYS)
    await vault.stage(Attempt(1, uuid4()), prepare(1, "person:somebody", "details", b"{}"))
    await Projector(kept.pool, VIEWS, CATALOGUE).catch_up()
    manifest = await kept.back_up()
    assert [(each.origin, each.size) for each in manifest.logs] == [("UNI", len(LIFE))]
    assert manifest.master_keys == (KEYS.present_id.hex(),)
    assert read_manifest(kept.folder / "backup") == manifest

    other = await new_database()
    assert await restore(other.owner_url, other.app_url, kept.folder / "backup", KEYS, unheard) == manifest
    assert await rows_of(other.superuser_url) == await rows_of(kept.database.superuser_url)
    async with asyncpg.create_pool(other.app_url) as pool:
        await Projector(pool, VIEWS, CATALOGUE).catch_up()
        assert await verify(pool, VIEWS, CATALOGUE, 1) == []
        assert await kept.seal(pool) == len(LIFE), "it goes on from what was signed"


async def test_an_older_backup_is_restored_and_never_signed(kept: Kept, new_database: MakeDatabase) -> None:
    await kept.write(0, 20)
    assert await kept.seal(kept.pool) == 20
    await kept.back_up()
    await kept.write(20, 30)
    assert await kept.seal(kept.pool) == 30
    other = await new_database()
    await restore(other.owner_url, other.app_url, kept.folder / "backup", KEYS, unheard)
    async with asyncpg.create_pool(other.app_url) as pool:
        with pytest.raises(NotSigned, match="20 leaves, and 30 were signed"):
            await kept.seal(pool)
        # Written to until it is as long, it is another past all the same.
        store = EventStore(pool, 1, CATALOGUE)
        await Kept(other, store, pool, kept.folder).write(25, 40)
        await store.close()
        with pytest.raises(NotSigned, match="does not go on from the 30 leaves"):
            await kept.seal(pool)


async def test_a_backup_of_what_is_written_to_is_of_one_moment(kept: Kept, new_database: MakeDatabase) -> None:
    await kept.write(0, 50)
    writing = asyncio.create_task(kept.write(50, len(LIFE)))
    manifest = await kept.back_up()
    await writing
    (log,) = manifest.logs
    assert 50 <= log.size <= len(LIFE)
    other = await new_database()
    assert await restore(other.owner_url, other.app_url, kept.folder / "backup", KEYS, unheard) == manifest


# --- what somebody does wrong -----------------------------------------------------------------------------------------


async def test_a_backup_is_not_written_over_another_nor_where_nothing_can_be(kept: Kept) -> None:
    await kept.write(0, 3)
    before = await kept.back_up()
    with pytest.raises(BackupRefused, match="exists already"):
        await kept.back_up()
    (kept.folder / "file").write_text("")
    with pytest.raises(BackupRefused, match="cannot be written"):
        await kept.back_up("file/backup")
    assert read_manifest(kept.folder / "backup") == before
    assert sorted(each.name for each in kept.folder.iterdir()) == ["backup", "file"]


async def test_a_backup_that_breaks_off_leaves_nothing(kept: Kept, superuser: asyncpg.Connection) -> None:
    await kept.write(0, 3)
    await superuser.execute("REVOKE SELECT ON rehearsed FROM biaogan_app")
    with pytest.raises(BackupRefused, match=r"pg_dump ended with 1: .*permission denied for table rehearsed"):
        await kept.back_up()
    assert list(kept.folder.iterdir()) == []


async def test_what_is_missing_or_damaged_or_of_another_version_is_refused_and_nothing_is_written(
    kept: Kept, new_database: MakeDatabase
) -> None:
    await kept.write(0, 40)
    vault = Vault(kept.pool, KEYS)
    await vault.stage(Attempt(1, uuid4()), prepare(1, "person:somebody", "details", b"{}"))
    await kept.back_up()
    other = await new_database()
    empty = await rows_of(other.superuser_url)
    folder = kept.folder / "backup"
    dump, manifest = folder / "database.dump", folder / "manifest.json"
    whole, said = dump.read_bytes(), json.loads(manifest.read_text())

    async def refused(sentence: str, place: Path = folder, keys: MasterKeys = KEYS) -> None:
        with pytest.raises(BackupRefused, match=sentence) as error:
            await restore(other.owner_url, other.app_url, place, keys, unheard)
        assert any("\u4e00" <= each <= "\u9fff" for each in str(error.value)), "it is told in Chinese too"
        assert await rows_of(other.superuser_url) == empty

    await refused("is no backup", kept.folder / "elsewhere")
    await refused("lacks the master keys", keys=MasterKeys(b"\x06" * 32))
    for at in (0, len(whole) // 2, len(whole) - 1):
        dump.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        await refused("is damaged")
    dump.unlink()
    await refused("is missing")
    cut = whole[: len(whole) * 2 // 3]
    dump.write_bytes(cut)
    await refused("is damaged")
    # Even where somebody makes the manifest fit, half a file fills no database.
    manifest.write_bytes(msgspec.json.encode({**said, "dump": fitting(dump)}))
    await refused("pg_restore ended with 1")
    dump.write_bytes(whole)
    manifest.write_bytes(msgspec.json.encode({**said, "migrations": {"0001_record.sql": "0"}}))
    await refused("another version")
    for text in ("", "{", "[]", json.dumps({**said, "format": 2})):
        manifest.write_text(text)
        await refused("damaged or of another version")


def fitting(dump: Path) -> dict[str, Any]:
    ran = subprocess.run(["sha256sum", dump], capture_output=True, text=True, check=True)
    return {"name": dump.name, "size_bytes": dump.stat().st_size, "sha256": ran.stdout.split()[0]}


async def test_only_an_empty_migrated_database_is_filled(kept: Kept, server: EmbeddedPostgres) -> None:
    await kept.write(0, 5)
    await kept.back_up()
    before = await rows_of(kept.database.superuser_url)
    with pytest.raises(BackupRefused, match="not empty"):
        await restore(kept.database.owner_url, kept.database.app_url, kept.folder / "backup", KEYS, unheard)
    assert await rows_of(kept.database.superuser_url) == before
    urls = await server.prepare("bare")
    with pytest.raises(BackupRefused, match="biaogan migrate"):
        await restore(urls.owner_url, urls.app_url, kept.folder / "backup", KEYS, unheard)


async def test_a_root_that_is_not_that_of_the_manifest_is_told(kept: Kept, new_database: MakeDatabase) -> None:
    await kept.write(0, 5)
    manifest = await kept.back_up()
    forged = msgspec.structs.replace(
        manifest, logs=tuple(msgspec.structs.replace(each, root="0" * 64) for each in manifest.logs)
    )
    (kept.folder / "backup" / "manifest.json").write_bytes(msgspec.json.encode(forged))
    other = await new_database()
    with pytest.raises(RestoredOtherwise, match="UNI"):
        await restore(other.owner_url, other.app_url, kept.folder / "backup", KEYS, unheard)


# --- on the command line ----------------------------------------------------------------------------------------------


async def test_a_person_backs_up_and_restores_and_is_told_what_is_wrong(kept: Kept, new_database: MakeDatabase) -> None:
    await kept.write(0, 12)
    folder = kept.folder / "state"
    folder.mkdir()
    (folder / "vault.key").write_text(KEYS.lines())
    (folder / "vault.key").chmod(0o600)

    def biaogan(database: Database, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith("BIAOGAN_")}
        env |= {"BIAOGAN_DATABASE_URL": database.app_url, "BIAOGAN_STATE_DIR": str(folder), **more}
        program = "import sys; from api.cli import main; sys.exit(main())"
        return subprocess.run(
            [sys.executable, "-c", program, *arguments], env=env, cwd=ROOT, capture_output=True, text=True, check=False
        )

    await Vault(kept.pool, KEYS).stage(Attempt(1, uuid4()), prepare(1, "person:somebody", "details", b"{}"))
    (folder / "vault.key").write_text(KEYS.rotated().lines())
    anew = biaogan(kept.database, "rewrap", "--json")
    assert (anew.returncode, json.loads(anew.stdout)) == (0, {"rewrapped": 1}), anew.stderr

    taken = biaogan(kept.database, "backup", str(kept.folder / "b"), "--json")
    assert taken.returncode == 0, taken.stderr
    assert "keep them apart" in taken.stderr
    (log,) = json.loads(taken.stdout)["logs"]
    assert log["size"] == 12
    again = biaogan(kept.database, "backup", str(kept.folder / "b"))
    assert (again.returncode, "已存在" in again.stderr) == (3, True)
    other = await new_database()
    assert biaogan(other, "restore", str(kept.folder / "b")).returncode == 3
    back = biaogan(other, "restore", str(kept.folder / "b"), BIAOGAN_OWNER_URL=other.owner_url)
    assert (back.returncode, log["root"] in back.stdout) == (0, True), back.stderr
    twice = biaogan(other, "restore", str(kept.folder / "b"), BIAOGAN_OWNER_URL=other.owner_url)
    assert (twice.returncode, "数据库非空" in twice.stderr) == (3, True)
