"""The process that grows the tree over each log's leaves: ``python -m workers.sealer``.

It is never on the way of an append. Any number may run: whoever comes second finds the tree moved on.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final

import asyncpg

from domain.lifecycle import CATALOGUE
from infra.assembly import Stores, open_pool
from infra.checkpoints import AnotherSealer, Checkpoints
from infra.log import logger
from infra.settings import Settings
from infra.writer import LOST, heed_cancellation
from workers.lateness import tell_when_late
from workers.process import database, served, together, until_told

__all__ = ["grow_for_ever", "main"]

NAME: Final = "sealer"
_CONNECTIONS: Final = 4
_LOOK_SECONDS: Final = 0.2
_AWAY: Final = (asyncpg.PostgresError, *LOST)

_log = logger()


async def grow_for_ever(checkpoints: Checkpoints, look_seconds: float = _LOOK_SECONDS) -> None:
    """Grow every tree up to the head of its log, again and again; a database that is away is waited for."""
    while True:
        try:
            for log in await checkpoints.logs():
                try:
                    await checkpoints.grow(log)
                except AnotherSealer:
                    _log.debug("sealer.moved_on", log_id=log.log_id)
        except _AWAY:
            heed_cancellation()
            _log.warning("sealer.waits", exc_info=True)
        await asyncio.sleep(look_seconds)


async def seal(settings: Settings) -> None:
    """Keep the trees up with the record until this process is told to stop."""
    async with open_pool(database(settings), name=NAME, size=_CONNECTIONS) as pool, Stores(pool, CATALOGUE) as stores:
        checkpoints = Checkpoints(pool, stores)
        await until_told(pool, NAME, together(grow_for_ever(checkpoints), tell_when_late(checkpoints, "signed")))


def main() -> int:
    """Run until told to stop; answer by exit code."""
    return served(NAME, seal)


if __name__ == "__main__":
    sys.exit(main())
