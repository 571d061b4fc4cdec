"""The process that grows the tree over each log's leaves: ``python -m workers.sealer``.

It is never on the way of an append. Any number may run: whoever comes second finds the tree moved on.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Final

import asyncpg
import uvloop

from domain.lifecycle import CATALOGUE
from infra.assembly import Stores, open_pool
from infra.checkpoints import AnotherSealer, Checkpoints
from infra.log import configure, logger
from infra.processes import beating
from infra.settings import Settings, SettingsRefused, load
from infra.writer import LOST, heed_cancellation

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
    if settings.database_url is None:
        raise SettingsRefused(
            "BIAOGAN_DATABASE_URL is not set; `biaogan serve` starts this process with it."
            " 未设置 BIAOGAN_DATABASE_URL;`biaogan serve` 会为本进程设置。"
        )
    async with open_pool(settings.database_url, name=NAME, size=_CONNECTIONS) as pool:
        stores = Stores(pool, CATALOGUE)
        work = asyncio.create_task(grow_for_ever(Checkpoints(pool, stores)), name=NAME)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, work.cancel)
        async with beating(pool, NAME):
            # Being told to stop is the ordinary end; an error of the work itself is raised.
            await asyncio.wait([work])
        await stores.close()
        if not work.cancelled():
            work.result()


def main() -> int:
    """Run until told to stop; answer by exit code."""
    try:
        settings = load()
        configure(NAME, settings.log_level)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(seal(settings))
    except SettingsRefused as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
