"""Processes for the kill tests, on the automations of the allotment: ``python -m tests.carrying dispatcher|worker``.

Settings come from the environment, as those of the product's own processes do.
"""

from __future__ import annotations

import asyncio
import sys

from infra.assembly import Stores, open_pool
from infra.broker import open_broker
from infra.leash import hold_fork
from infra.log import configure
from infra.settings import load
from tests.automating import FLOOD, NOTE, NOTE_HELD_UP, allotment_work
from tests.viewing import CATALOGUE
from workers.actors import prepare
from workers.dispatcher import Dispatcher, to_broker
from workers.worker import run

AUTOMATIONS = (FLOOD, NOTE, NOTE_HELD_UP)


def start() -> None:
    """What dramatiq calls in the process that works."""
    settings = load()
    configure("worker", settings.log_level, sys.stderr)
    hold_fork()
    prepare(settings, lambda: allotment_work(settings.database_url or "", settings.key_file, AUTOMATIONS, "worker"))


async def dispatch() -> None:
    settings = load()
    configure("dispatcher", settings.log_level)
    async with open_pool(settings.database_url or "", name="dispatcher", size=8) as pool:
        hand = to_broker(open_broker(settings.broker_url or ""))
        await Dispatcher(pool, Stores(pool, CATALOGUE), AUTOMATIONS, hand).run()


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        sys.exit(run("tests.carrying:start"))
    asyncio.run(dispatch())
