"""The product for walks: its processes on a database of their own, and beside every institution another one."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from infra.embedded import EmbeddedPostgres
from tests.conftest import open_folder
from tests.walks.cycle import Cycle
from tests.walks.desk import Desk, desk
from tests.walks.running import Product, running

_numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="session")
async def product(server: EmbeddedPostgres, template: str) -> AsyncIterator[Product]:
    """Two API processes and one of every other; the other institution has the same ids and a life of its own."""
    with open_folder() as folder:
        processes = ("api", "api", "projector", "dispatcher", "worker", "scheduler")
        async with (
            running(server, template, Path(folder), processes) as product,
            desk(product.settings, product.urls, "OTHER") as other,
        ):
            await other.places(1)
            (application_id,) = await other.branches(1)
            assert (await other.file(application_id)).status_code == 201
            yield product


@pytest_asyncio.fixture
async def house(product: Product) -> AsyncIterator[Desk]:
    """A furnished institution of this test's own."""
    async with desk(product.settings, product.urls, f"UNI-{next(_numbers)}") as opened:
        yield opened


@pytest_asyncio.fixture
async def cycle(product: Product) -> AsyncIterator[Cycle]:
    """An institution of this test's own, whose call is still to be announced."""
    async with desk(product.settings, product.urls, f"EDGE-{next(_numbers)}", furnished=False) as opened:
        yield Cycle(opened)
