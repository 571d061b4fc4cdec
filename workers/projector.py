"""The process that keeps the views up with the record: ``python -m workers.projector``."""

from __future__ import annotations

import asyncio
import signal
import sys

import uvloop

from domain.lifecycle import CATALOGUE
from infra.assembly import open_pool
from infra.log import configure, leaves, logger
from infra.processes import beating
from infra.projector import Projector
from infra.settings import Settings, SettingsRefused, load
from infra.view_batch import PLANS
from projections import VIEWS

NAME = "projector"
_CONNECTIONS = 8

_log = logger()


async def project(settings: Settings) -> None:
    """Follow every log of the database until this process is told to stop."""
    if settings.database_url is None:
        raise SettingsRefused(
            "BIAOGAN_DATABASE_URL is not set; `biaogan serve` starts this process with it."
            " 未设置 BIAOGAN_DATABASE_URL;`biaogan serve` 会为本进程设置。"
        )
    async with open_pool(settings.database_url, name=NAME, size=_CONNECTIONS, plans=PLANS) as pool:
        work = asyncio.create_task(Projector(pool, VIEWS, CATALOGUE).run(), name=NAME)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, work.cancel)
        async with beating(pool, NAME):
            # Being told to stop is the ordinary end; an error of the work itself is raised.
            await asyncio.wait([work])
        if not work.cancelled():
            work.result()


def main() -> int:
    """Run until told to stop; answer by exit code."""
    try:
        settings = load()
        configure(NAME, settings.log_level)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(project(settings))
    except SettingsRefused as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except ExceptionGroup as faults:
        # By kind and place; a traceback would repeat what people wrote.
        for fault in leaves(faults):
            _log.critical("projector.broke", exc_info=fault)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
