"""One real PostgreSQL for the whole run, and a fresh copy of a migrated database for every test that asks."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from infra.binaries import Binaries, find_binaries
from infra.embedded import APP_ROLE, OWNER_ROLE, EmbeddedPostgres
from infra.embedded_broker import EmbeddedValkey
from infra.migrate import migrate

MAJOR_VARIABLE = "BIAOGAN_TEST_POSTGRES"
_TEMPLATE = "template_biaogan"
_numbers = itertools.count(1)

# The clusters of a test run are thrown away with it, so a crash of the machine may cost them.
_THROWAWAY = {"fsync": "off", "full_page_writes": "off", "max_connections": "200"}


@dataclass(frozen=True)
class Database:
    """A migrated database of one test."""

    name: str
    owner_url: str
    app_url: str
    superuser_url: str


MakeDatabase = Callable[[], Awaitable[Database]]


def chosen_binaries() -> Binaries:
    found = sorted(find_binaries(), key=lambda binaries: binaries.major, reverse=True)
    wanted = os.environ.get(MAJOR_VARIABLE)
    matching = [binaries for binaries in found if wanted is None or str(binaries.major) == wanted]
    if not matching:
        there = ", ".join(str(binaries.major) for binaries in found) or "none"
        raise pytest.UsageError(f"{MAJOR_VARIABLE}={wanted}: no such PostgreSQL here (found: {there}).")
    return matching[0]


def pytest_report_header() -> str:
    binaries = chosen_binaries()
    return f"PostgreSQL {binaries.version} ({binaries.source})"


def open_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder that the server's account may pass through; pytest's own folders are closed to it."""
    folder = tempfile.TemporaryDirectory(prefix="biaogan-test-")
    Path(folder.name).chmod(0o711)
    return folder


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres]:
    """The one server of this run; a test that restarts or kills a server starts its own."""
    with open_folder() as folder, EmbeddedPostgres(Path(folder) / "pg", chosen_binaries(), _THROWAWAY) as running:
        yield running


@pytest.fixture(scope="session")
def broker() -> Iterator[EmbeddedValkey]:
    """The one broker of this run; a test that flushes or kills a broker starts its own."""
    with open_folder() as folder, EmbeddedValkey(Path(folder) / "broker") as running:
        yield running


@pytest_asyncio.fixture(scope="session")
async def template(server: EmbeddedPostgres) -> str:
    urls = await server.prepare(_TEMPLATE)
    await migrate(urls.owner_url)
    return _TEMPLATE


@pytest_asyncio.fixture
async def new_database(server: EmbeddedPostgres, template: str) -> AsyncIterator[MakeDatabase]:
    """A maker of databases, for tests that need more than one; all are dropped afterwards."""
    made: list[str] = []
    admin = await asyncpg.connect(server.superuser_url())

    async def make() -> Database:
        name = f"test_{next(_numbers)}"
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER_ROLE}")
        await admin.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
        await admin.execute(f"GRANT CONNECT ON DATABASE {name} TO {APP_ROLE}")
        made.append(name)
        urls = server.urls(name)
        return Database(name, urls.owner_url, urls.app_url, server.superuser_url(name))

    try:
        yield make
    finally:
        for name in made:
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@pytest_asyncio.fixture
async def database(new_database: MakeDatabase) -> Database:
    """A fresh migrated database."""
    return await new_database()


@pytest_asyncio.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool]:
    """Connections of the application's role: what the product itself may do, and no more."""
    async with asyncpg.create_pool(database.app_url, min_size=1, max_size=10) as connections:
        yield connections


@pytest_asyncio.fixture
async def superuser(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A connection that may do anything, for the attacks an administrator could try."""
    connection = await asyncpg.connect(database.superuser_url)
    try:
        yield connection
    finally:
        await connection.close()
