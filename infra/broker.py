"""The queue between dispatcher and workers: dramatiq on Valkey or Redis, or in memory for tests.

A message says in which log, for which automation, there are rows to be taken up; it carries nothing else and is trusted
with nothing. Retries lie in the table, not here: a message that fails is dropped, and the dispatcher sends another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Final, Generic, TypeVar, cast

import redis
from dramatiq import Broker, Message, Middleware, Worker
from dramatiq.asyncio import get_event_loop_thread, set_event_loop_thread
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.errors import BrokerError
from dramatiq.middleware import AsyncIO, MiddlewareError, Retries, ShutdownNotifications, TimeLimit
from redis.backoff import NoBackoff
from redis.retry import Retry

from infra.log import logger

__all__ = ["AWAY", "HEARTBEAT_SECONDS", "Opened", "hint", "in_loop", "open_broker"]

AWAY: Final = (redis.RedisError, BrokerError, OSError)
"""What a broker that is out of reach is known by."""
HEARTBEAT_SECONDS: Final = 15
_NAMESPACE: Final = "biaogan"
_ALWAYS: Final = 1_000_000
_ANSWER_SECONDS: Final = 5.0
_DROPPED_MESSAGES_MS: Final = 3_600_000
_LOOK_AT_LIMITS_MS: Final = 500
_CLOSE_SECONDS: Final = 5.0
T = TypeVar("T")

_log = logger()


def open_broker(url: str, *middleware: Middleware) -> Broker:
    """The broker of an address; it is connected to when first used. ``middleware`` comes after what it has of its own.

    Messages of a worker that died are given to another after the heartbeat's time: every command looks for them.
    """
    chain = [TimeLimit(interval=_LOOK_AT_LIMITS_MS), ShutdownNotifications(), Retries(max_retries=0), AsyncIO()]
    if url.startswith("stub://"):
        return StubBroker([*chain, *middleware])
    pool = redis.ConnectionPool.from_url(
        url,
        socket_timeout=_ANSWER_SECONDS,
        socket_connect_timeout=_ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )
    made: Broker = cast("Any", RedisBroker)(
        client=redis.Redis(connection_pool=pool),
        middleware=[*chain, *middleware],
        namespace=_NAMESPACE,
        heartbeat_timeout=1000 * HEARTBEAT_SECONDS,
        maintenance_chance=_ALWAYS,
        dead_message_ttl=_DROPPED_MESSAGES_MS,
    )
    return made


def hint(actor: str, log_id: int, automation: str) -> Message[None]:
    """Say to an actor where there are rows to be taken up; each actor has a queue of its name."""
    return Message(queue_name=actor, actor_name=actor, args=(log_id, automation), kwargs={}, options={})


class Opened(Middleware, Generic[T]):
    """What actors work with, opened in the worker's own event loop and closed there; stands after ``AsyncIO``.

    A worker that cannot have it does not start: it would take messages and do nothing with them.
    """

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._opening = opening
        self._stack = AsyncExitStack()
        self._it: T | None = None

    @property
    def it(self) -> T:
        """What was opened."""
        if self._it is None:
            raise RuntimeError("The worker has not been started.")
        return self._it

    def before_worker_boot(self, _broker: Broker, _worker: Worker) -> None:
        """Open it, or keep the worker from starting."""
        try:
            self._it = in_loop(self._stack.enter_async_context(self._opening()))
        except Exception as error:  # noqa: BLE001 - Whatever it is, it is told and the worker does not start.
            _log.critical("worker.cannot_start", exc_info=error)
            # The loop's thread would keep the process alive without a worker in it.
            thread = get_event_loop_thread()
            if thread is not None:
                cast("Any", thread).stop()
                set_event_loop_thread(None)
            raise MiddlewareError(type(error).__name__) from None

    def after_worker_shutdown(self, _broker: Broker, _worker: Worker) -> None:
        """Close it. What is still at work has had its time; its rows are taken up by others."""
        self._it = None
        in_loop(self._close())

    async def _close(self) -> None:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await self._stack.aclose()


def in_loop(work: Coroutine[Any, Any, T]) -> T:
    """Let the worker's event loop do something, and wait for it; actors live in threads beside it."""
    thread = get_event_loop_thread()
    if thread is None:
        work.close()
        raise RuntimeError("The worker has not been started.")
    return thread.run_coroutine(work)
