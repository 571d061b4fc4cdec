"""One served office for each module of these tests; tests tell their subjects apart by ids of their own."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest
import pytest_asyncio

from infra.embedded import APP_ROLE, OWNER_ROLE, EmbeddedPostgres
from tests.conftest import Database
from tests.over_http.serving import Served, serving

_numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="module")
async def shared_database(server: EmbeddedPostgres, template: str) -> AsyncIterator[Database]:
    name = f"served_{next(_numbers)}"
    admin = await asyncpg.connect(server.superuser_url())
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER_ROLE}")
        await admin.execute(f"GRANT CONNECT ON DATABASE {name} TO {APP_ROLE}")
        urls = server.urls(name)
        yield Database(name, urls.owner_url, urls.app_url, server.superuser_url(name))
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await admin.close()


@pytest_asyncio.fixture(scope="module")
async def served(shared_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with serving(shared_database, tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest_asyncio.fixture
async def attacker(shared_database: Database, served: Served) -> AsyncIterator[asyncpg.Connection]:
    """A connection that sees every table, to look at what a request has left behind."""
    connection = await asyncpg.connect(shared_database.superuser_url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
def new_id() -> Callable[[str], str]:
    """A maker of ids that no other test of the run uses."""
    return lambda prefix: f"{prefix}-{next(_numbers)}"
