"""The parts that every process of the product is put together from, opened in order and closed in reverse.

What differs between processes is handed in by their composition roots: the catalogue of event types, the permission
table, the command that moves a simulated clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Self

import asyncpg

from domain.kernel import Catalogue, Event
from infra.access import AccessJournal
from infra.clock import Clock
from infra.codes import Codes
from infra.documents import Documents
from infra.event_store import EventStore, refuse_owned_record
from infra.front_door import FrontDoor, Law
from infra.master_key import MasterKeys
from infra.published import PublishedFiles
from infra.sealed_fields import Sealer
from infra.staging import Staging
from infra.tokens import Tokens
from infra.vault import Vault

__all__ = ["AWAY", "NOT_LET_IN", "Assembly", "DatabaseAway", "Stores", "assemble", "open_pool", "reach"]


AWAY: Final = (ConnectionError, TimeoutError, FileNotFoundError, asyncpg.CannotConnectNowError)
NOT_LET_IN: Final = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)
"""How a database that does not answer, or not to this role, is met by whoever asks for it first."""
_REACH_SECONDS: Final = 10.0


class DatabaseAway(Exception):
    """There is no database to begin with; the sentence says why."""


async def reach(database_url: str) -> None:
    """Connect once, before a process builds anything on a database. Raises DatabaseAway.

    Once it has begun, a process waits for a database that goes away.
    """
    try:
        connection = await asyncpg.connect(database_url, timeout=_REACH_SECONDS)
    except NOT_LET_IN:
        raise DatabaseAway(
            "The database does not let the role of BIAOGAN_DATABASE_URL in. 数据库不允许该角色登录。"
        ) from None
    except AWAY as fault:
        raise DatabaseAway(f"The database does not answer ({type(fault).__name__}). 数据库没有应答。") from None
    await connection.close()


class _Connection(asyncpg.Connection):
    """A connection whose session is never changed, so that giving it back needs no round trip to reset it."""

    def get_reset_query(self) -> str:
        """Say that there is nothing to reset."""
        return ""


_SETTINGS: Final = {
    "timezone": "UTC",
    "datestyle": "ISO",
    "jit": "off",
    # Statements are planned once. Where the table was small by then, a walk from end to end looked cheaper than an
    # index, and would be kept when the table is large.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
}


@asynccontextmanager
async def open_pool(
    database_url: str, *, name: str, size: int = 16, plans: Mapping[str, str] | None = None
) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    """Open the pool of the application's role; ``name`` is what the database server shows of this process.

    ``plans`` are settings of the planner, for a process whose statements need them.
    """
    pool = await asyncpg.create_pool(
        database_url,
        min_size=1,
        max_size=size,
        connection_class=_Connection,
        max_cacheable_statement_size=0,  # Without limit: what writes many views at once is long.
        server_settings={"application_name": f"biaogan {name}", **_SETTINGS, **(plans or {})},
    )
    async with pool:
        yield pool


class Stores:
    """The logs of a database as this process sees them, one store each, opened when first asked for."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], catalogue: Catalogue) -> None:
        self._pool = pool
        self._catalogue = catalogue
        self._stores: dict[int, EventStore] = {}

    async def __call__(self, log_id: int) -> EventStore:
        """The store of a log."""
        store = self._stores.get(log_id)
        if store is None:
            # Two connections each: whatever the number of logs, half of the pool is left to those who come and go.
            keeps = 4 * len(self._stores) < self._pool.get_max_size()
            store = self._stores[log_id] = EventStore(self._pool, log_id, self._catalogue, keeps=keeps)
        return store

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Write what is queued in every log and let go of the connections."""
        await asyncio.gather(*(store.close() for store in self._stores.values()))


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """One process's parts, put together."""

    pool: asyncpg.Pool[asyncpg.Record]
    clock: Clock
    stores: Stores
    staging: Staging
    vault: Vault
    documents: Documents
    published: PublishedFiles
    codes: Codes
    tokens: Tokens
    access: AccessJournal
    door: FrontDoor


@asynccontextmanager
async def assemble(
    pool: asyncpg.Pool[asyncpg.Record], keys: MasterKeys, *, catalogue: Catalogue, law: Law, advanced: type[Event]
) -> AsyncIterator[Assembly]:
    """Put the parts together on a pool of the application's role.

    Raises RecordNotOurs where that role owns the record, MasterKeyMissing where the key file is another database's.
    """
    await refuse_owned_record(pool)
    clock, stores, access = Clock(pool, catalogue, advanced), Stores(pool, catalogue), AccessJournal(pool)
    vault = Vault(pool, keys)
    await vault.refuse_missing_master()
    documents, codes, staging = Documents(pool, vault), Codes(pool, vault), Staging(pool)
    door = FrontDoor(
        clock=clock,
        store=stores,
        law=law,
        staging=staging,
        documents=documents,
        codes=codes,
        sealer=Sealer(vault=vault, documents=documents, codes=codes),
        access=access,
    )
    try:
        yield Assembly(
            pool=pool,
            clock=clock,
            stores=stores,
            staging=staging,
            vault=vault,
            documents=documents,
            published=PublishedFiles(pool),
            codes=codes,
            tokens=Tokens(pool),
            access=access,
            door=door,
        )
    finally:
        try:
            await stores.close()
        finally:
            await access.close()
