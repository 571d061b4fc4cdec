"""The dramatiq actors, one table; ``dramatiq workers.actors:start`` gives them to the broker.

An actor is told in which log, for which automation, there are rows to be taken up. How often a row is tried, and when
it is dead, is written here and kept in the table; the queue itself tries nothing again.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import dramatiq

from domain.institution.events import ClockAdvanced
from domain.kernel import Refusal
from domain.lifecycle import CATALOGUE
from domain.permission import policy as law
from infra.assembly import assemble, open_pool
from infra.broker import Opened, hint, in_loop, open_broker
from infra.leash import hold_fork
from infra.log import configure
from infra.master_key import read_key_file
from infra.processes import beating
from infra.settings import Settings, SettingsRefused, load
from workers.automations import AUTOMATIONS, Asks, Automation, Does, Produces, Sends, Verifies
from workers.process import database
from workers.work import NAME, THREADS, Actor, Work

__all__ = ["ACTORS", "actor_of", "declare", "prepare", "start", "working"]

# One connection for each thread, and as many for the logs that the front door keeps open.
_CONNECTIONS: Final = 2 * THREADS

ACTORS: Final[tuple[Actor, ...]] = (
    Actor(
        name="ask",
        en="Ask for commands at the front door",
        zh="经统一入口提出命令",
        carries_out=Asks,
        batch=50,
        attempts=10,
        first_wait_seconds=0.5,
        longest_wait_seconds=60.0,
        limit_seconds=15.0,
    ),
    Actor(
        name="do",
        en="Do something to our own tables, marked done in the same transaction",
        zh="处理本系统数据表,并在同一事务内标记完成",
        carries_out=Does,
        batch=100,
        attempts=10,
        first_wait_seconds=0.5,
        longest_wait_seconds=60.0,
        limit_seconds=15.0,
    ),
    Actor(
        name="send",
        en="Send something to others, at least once under one key",
        zh="对外发送,以同一幂等键至少一次",
        carries_out=Sends,
        batch=10,
        attempts=20,
        first_wait_seconds=2.0,
        longest_wait_seconds=3600.0,
        limit_seconds=60.0,
        interrupted=True,
    ),
    Actor(
        name="produce",
        en="Make files, keep them, and ask for the command that records them",
        zh="制作并保存文件,再提出予以记录的命令",
        carries_out=Produces,
        batch=1,
        attempts=10,
        first_wait_seconds=0.5,
        longest_wait_seconds=60.0,
        limit_seconds=180.0,
        longest_seconds=3600.0,
    ),
    Actor(
        name="verify",
        en="Go through the whole record, and ask for the command that records what came of it",
        zh="通查全部记录,再提出予以记录结果的命令",
        carries_out=Verifies,
        batch=1,
        attempts=3,
        first_wait_seconds=60.0,
        longest_wait_seconds=600.0,
        limit_seconds=3600.0,
        interrupted=True,
    ),
)


def actor_of(automation: Automation, actors: Sequence[Actor] = ACTORS) -> Actor:
    """Who carries out an automation."""
    return next(actor for actor in actors if type(automation.then) is actor.carries_out)


def declare(broker: dramatiq.Broker, work: Callable[[], Work], actors: Sequence[Actor] = ACTORS) -> None:
    """Give the actors of the table to a broker; ``work`` is asked for when a message has come."""
    for actor in actors:
        dramatiq.actor(
            actor_name=actor.name,
            queue_name=actor.name,
            broker=broker,
            max_retries=0,
            throws=(Refusal,),
            time_limit=1000 * actor.message_seconds,
            notify_shutdown=actor.interrupted,
        )(_carry_out(broker, work, actor))


def _carry_out(broker: dramatiq.Broker, work: Callable[[], Work], actor: Actor) -> Callable[[int, str], None]:
    def carry_out(log_id: int, automation: str) -> None:
        if in_loop(work().share(actor, log_id, automation)):
            broker.enqueue(hint(actor.name, log_id, automation))

    return carry_out


@asynccontextmanager
async def working(settings: Settings, automations: Sequence[Automation] = AUTOMATIONS) -> AsyncIterator[Work]:
    """What actors work with, on a pool of the loop that this is opened in."""
    database_url, keys = database(settings), read_key_file(settings.key_file)
    async with (
        open_pool(database_url, name=NAME, size=_CONNECTIONS) as pool,
        assemble(pool, keys, catalogue=CATALOGUE, law=law, advanced=ClockAdvanced) as parts,
        beating(pool, NAME),
    ):
        yield Work(parts, automations)


def start() -> None:
    """Make the broker of the settings, with the actors on it: what dramatiq calls in each process that works."""
    settings = load()
    configure(NAME, settings.log_level, sys.stderr)
    hold_fork(signal.SIGKILL)
    prepare(settings, lambda: working(settings))


def prepare(
    settings: Settings, opening: Callable[[], AbstractAsyncContextManager[Work]], actors: Sequence[Actor] = ACTORS
) -> dramatiq.Broker:
    """Make the broker of the settings the one that dramatiq works with, and give it what actors work with."""
    if settings.broker_url is None:
        raise SettingsRefused(
            "BIAOGAN_BROKER_URL is not set, so nobody tells the worker what to do."
            " 未设置 BIAOGAN_BROKER_URL,办理进程收不到任务。"
        )
    opened = Opened(opening)
    broker = open_broker(settings.broker_url, opened)
    declare(broker, lambda: opened.it, actors)
    dramatiq.set_broker(broker)
    return broker
