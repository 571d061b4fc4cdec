"""Processes for the kill tests, on the automations of the allotment: ``python -m tests.carrying dispatcher|worker``.

Settings come from the environment, as those of the product's own processes do, and so does the address of whoever is
told something: what is sent counts as sent when that one says so.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import closing
from dataclasses import replace

from infra.assembly import Stores, open_pool
from infra.broker import open_broker
from infra.leash import hold_fork
from infra.log import configure
from infra.settings import load
from tests.automating import FLOOD, FLOOD_HELD_UP, NOTE, NOTE_HELD_UP, allotment_work
from tests.viewing import CATALOGUE, PlotDug
from workers.actors import ACTORS, prepare
from workers.automations import Automation, Sends, Started
from workers.dispatcher import Dispatcher, to_broker
from workers.worker import run

LISTENER = "LISTENER"
"""Where somebody listens: the name of a variable of the environment, whose value is a port."""


async def _tell(started: Started) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(os.environ[LISTENER]))
    with closing(writer):
        writer.write(f"{started.key}\n".encode())
        if not await reader.readline():
            raise ConnectionResetError


TELL = Automation(
    name="when_plot_dug_tell_somebody",
    en="When a plot was dug, somebody is told",
    zh="地块开垦后告知他人",
    when=PlotDug,
    then=Sends(_tell),
)
AUTOMATIONS = (FLOOD, NOTE, TELL, NOTE_HELD_UP, FLOOD_HELD_UP)
HASTY = tuple(replace(actor, limit_seconds=min(actor.limit_seconds, 15.0)) for actor in ACTORS)
"""The actors of the table, but for one that leaves a dead worker's rows alone for a minute."""


def start() -> None:
    """What dramatiq calls in the process that works."""
    settings = load()
    configure("worker", settings.log_level, sys.stderr)
    hold_fork()
    prepare(
        settings, lambda: allotment_work(settings.database_url or "", settings.key_file, AUTOMATIONS, "worker"), HASTY
    )


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
