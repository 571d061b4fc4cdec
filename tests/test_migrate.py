"""Migrations: in order, once, whole or not at all, and never edited afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from infra.embedded import EmbeddedPostgres
from infra.migrate import MigrationRefused, migrate, migrations
from tests.conftest import Database

pytestmark = pytest.mark.store


def write(folder: Path, **files: str) -> Path:
    for name, sql in files.items():
        (folder / f"{name.removeprefix('n')}.sql").write_text(sql)
    return folder


@pytest.fixture
async def empty(server: EmbeddedPostgres) -> str:
    """A database in which nothing was ever migrated; its name is free again after the test."""
    admin = await asyncpg.connect(server.superuser_url())
    await admin.execute("DROP DATABASE IF EXISTS unmigrated WITH (FORCE)")
    await admin.close()
    return (await server.prepare("unmigrated")).owner_url


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        return {
            row["tablename"]
            for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE tablename ~ '^m_'")
        }
    finally:
        await connection.close()


async def test_files_run_in_order_and_once(empty: str, tmp_path: Path) -> None:
    folder = write(tmp_path, n0001_one="CREATE TABLE m_one ()", n0002_two="ALTER TABLE m_one RENAME TO m_two")
    said: list[str] = []
    assert await migrate(empty, said.append, folder) == ["0001_one.sql", "0002_two.sql"] == said
    assert await migrate(empty, said.append, folder) == []
    assert await tables(empty) == {"m_two"}


async def test_two_at_once_do_it_once(empty: str, tmp_path: Path) -> None:
    folder = write(tmp_path, n0001_one="CREATE TABLE m_one ()")
    done = await asyncio.gather(*(migrate(empty, folder=folder) for _ in range(4)))
    assert sorted(done) == [[], [], [], ["0001_one.sql"]]


async def test_a_changed_file_is_refused_by_name(empty: str, tmp_path: Path) -> None:
    folder = write(tmp_path, n0001_one="CREATE TABLE m_one ()")
    await migrate(empty, folder=folder)
    write(folder, n0001_one="CREATE TABLE m_one (a int)", n0002_two="CREATE TABLE m_two ()")
    with pytest.raises(MigrationRefused, match=r"0001_one\.sql was changed"):
        await migrate(empty, folder=folder)
    assert await tables(empty) == {"m_one"}


async def test_a_failing_file_leaves_nothing(empty: str, tmp_path: Path) -> None:
    folder = write(tmp_path, n0001_one="CREATE TABLE m_one ()", n0002_two="CREATE TABLE m_two (); SELECT 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty, folder=folder)
    assert await tables(empty) == {"m_one"}
    write(folder, n0002_two="CREATE TABLE m_two ()")
    assert await migrate(empty, folder=folder) == ["0002_two.sql"]


async def test_a_file_may_ask_for_no_transaction(empty: str, tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        n0001_one="CREATE TABLE m_one (a int)",
        n0002_two="-- no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS m_index ON m_one (a)",
    )
    assert await migrate(empty, folder=folder) == ["0001_one.sql", "0002_two.sql"]


async def test_two_at_once_do_also_what_waits_for_every_other_statement_once(empty: str, tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        n0001_one="CREATE TABLE m_one (a int)",
        n0002_two="-- no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS m_index ON m_one (a)",
    )
    done = await asyncio.gather(*(migrate(empty, folder=folder) for _ in range(4)))
    assert sorted(done) == [[], [], [], ["0001_one.sql", "0002_two.sql"]]


async def test_a_database_newer_than_the_program_is_refused(empty: str, tmp_path: Path) -> None:
    folder = write(tmp_path, n0001_one="CREATE TABLE m_one ()", n0002_two="CREATE TABLE m_two ()")
    await migrate(empty, folder=folder)
    (folder / "0002_two.sql").unlink()
    with pytest.raises(MigrationRefused, match=r"newer than this program: it has 0002_two\.sql"):
        await migrate(empty, folder=folder)


async def test_a_number_that_comes_late_is_refused(empty: str, tmp_path: Path) -> None:
    folder = write(tmp_path, n0002_two="CREATE TABLE m_two ()")
    await migrate(empty, folder=folder)
    write(folder, n0001_one="CREATE TABLE m_one ()")
    with pytest.raises(MigrationRefused, match=r"0001_one\.sql would run after 0002_two\.sql"):
        await migrate(empty, folder=folder)


def test_names_out_of_pattern_and_numbers_given_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MigrationRefused, match="not named"):
        migrations(write(tmp_path, n1_one=""))
    (tmp_path / "1_one.sql").unlink()
    with pytest.raises(MigrationRefused, match="share a number"):
        migrations(write(tmp_path, n0001_one="", n0001_two=""))


async def test_the_record_belongs_to_the_owner_and_views_to_the_application(database: Database) -> None:
    connection = await asyncpg.connect(database.superuser_url)
    owners = await connection.fetch(
        "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public' UNION SELECT 'functions: ' || r.rolname "
        "FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner WHERE p.pronamespace = 'public'::regnamespace"
    )
    assert {row[0] for row in owners} == {"biaogan_owner", "functions: biaogan_owner"}
    application = await asyncpg.connect(database.app_url)
    await application.execute("CREATE TABLE view.of_a_test (a int); DROP TABLE view.of_a_test")
    await connection.close()
    await application.close()
