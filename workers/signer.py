"""The process that signs checkpoints: ``python -m workers.signer``.

It has a key and a memory of its own, in a folder that nobody else needs: no other process, no backup of the database.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Final

import asyncpg

from domain.lifecycle import CATALOGUE
from infra.assembly import Stores, open_pool
from infra.checkpoints import Checkpoints
from infra.log import logger
from infra.places import make_folders
from infra.settings import Settings
from infra.signing import KEY_FILE, KeyFile, Memory, NotSigned, Signing
from infra.writer import LOST, heed_cancellation
from workers.lateness import tell_when_late
from workers.process import database, served, together, until_told

__all__ = ["main", "sign_for_ever"]

NAME: Final = "signer"
_CONNECTIONS: Final = 2
_LOOK_SECONDS: Final = 0.2
_AWAY: Final = (asyncpg.PostgresError, *LOST)

_log = logger()


async def sign_for_ever(
    signing_now: Callable[[], Signing], checkpoints: Checkpoints, look_seconds: float = _LOOK_SECONDS
) -> None:
    """Sign every tree that has grown, with the keys there are by then; a database that is away is waited for."""
    told: dict[str, str] = {}
    while True:
        signing = signing_now()
        try:
            for log in await checkpoints.logs():
                if log.size > log.signed or signing.is_beyond(log):
                    try:
                        await signing.sign(checkpoints, log)
                    except NotSigned as fault:
                        if told.get(log.origin) != str(fault):
                            _log.critical("signer.refuses", log_id=log.log_id, why=str(fault))
                        told[log.origin] = str(fault)
                    else:
                        told.pop(log.origin, None)
        except _AWAY:
            heed_cancellation()
            _log.warning("signer.waits", exc_info=True)
        await asyncio.sleep(look_seconds)


async def sign(settings: Settings) -> None:
    """Sign until this process is told to stop."""
    database_url = database(settings)
    make_folders(settings.signer_dir, 0o700)
    key_file = KeyFile(settings.signer_dir / KEY_FILE)
    with Memory(settings.signer_dir) as memory:
        async with open_pool(database_url, name=NAME, size=_CONNECTIONS) as pool, Stores(pool, CATALOGUE) as stores:
            checkpoints = Checkpoints(pool, stores)
            signing = sign_for_ever(lambda: Signing(key_file.keys(), memory), checkpoints)
            await until_told(pool, NAME, together(signing, tell_when_late(checkpoints, "tree")))


def main() -> int:
    """Run until told to stop; answer by exit code."""
    return served(NAME, sign)


if __name__ == "__main__":
    sys.exit(main())
