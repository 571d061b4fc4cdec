"""What every process of this room does beside its work: settings, log, signals, heartbeat, exit code."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

import asyncpg
import uvloop

from infra.assembly import DatabaseAway, reach
from infra.log import configure, leaves, logger
from infra.master_key import KeyFileRefused
from infra.processes import beating
from infra.settings import Settings, SettingsRefused, load
from infra.signing import MemoryRefused

__all__ = ["answered", "broker_and_database", "database", "served", "together", "until_told"]

_REFUSED: Final = (SettingsRefused, KeyFileRefused, MemoryRefused)
"""What an operator has to mend before the process can start; each says what."""

_log = logger()


def database(settings: Settings) -> str:
    """The database's URL. Raises SettingsRefused where none is set."""
    if settings.database_url is None:
        raise SettingsRefused(
            "BIAOGAN_DATABASE_URL is not set; `biaogan serve` starts this process with it."
            " 未设置 BIAOGAN_DATABASE_URL;`biaogan serve` 会为本进程设置。"
        )
    return settings.database_url


def broker_and_database(settings: Settings) -> tuple[str, str]:
    """The URLs of the broker and of the database. Raises SettingsRefused where one is not set."""
    if settings.database_url is None or settings.broker_url is None:
        raise SettingsRefused(
            "BIAOGAN_DATABASE_URL and BIAOGAN_BROKER_URL are needed; `biaogan serve` sets both."
            " 须设置 BIAOGAN_DATABASE_URL 与 BIAOGAN_BROKER_URL;`biaogan serve` 会一并设置。"
        )
    return settings.broker_url, settings.database_url


async def until_told(pool: asyncpg.Pool[asyncpg.Record], name: str, work: Coroutine[Any, Any, None]) -> None:
    """Work, with a heartbeat, until the process is told to stop, which is the ordinary end; raises what work raises."""
    task = asyncio.create_task(work, name=name)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    async with beating(pool, name):
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()


async def together(*works: Coroutine[Any, Any, None]) -> None:
    """Several works of one process; where one breaks, all end, and an ExceptionGroup says how."""
    async with asyncio.TaskGroup() as tasks:
        for work in works:
            tasks.create_task(work)


def served(name: str, work: Callable[[Settings], Coroutine[Any, Any, None]]) -> int:
    """Run a process on an event loop of its own, and answer by exit code."""

    def run(settings: Settings) -> int:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work(settings))
        return 0

    return answered(name, run)


def answered(name: str, run: Callable[[Settings], int]) -> int:
    """Run a process with the settings of its environment, and answer by exit code.

    That is what ``run`` gives, 2 where the process cannot start, or 1 where the database is away or its work broke.
    """
    try:
        settings = load()
        configure(name, settings.log_level)
        if settings.database_url is not None:
            asyncio.run(reach(settings.database_url))
        return run(settings)
    except _REFUSED as refused:
        sys.stderr.write(f"{refused}\n")
        return 2
    except DatabaseAway as away:
        sys.stderr.write(f"{away}\n")
        return 1
    except ExceptionGroup as faults:
        # By kind and place; a traceback would repeat what people wrote.
        for fault in leaves(faults):
            _log.critical(f"{name}.broke", exc_info=fault)
        return 1
