"""The one table of the product's processes: `serve`, the compose file and their healthchecks all read it."""

from __future__ import annotations

import asyncio
import http.client
import socket
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import asyncpg

from infra.log import logger
from infra.settings import Settings, SettingsRefused, load
from infra.writer import LOST, heed_cancellation

_BEAT_SECONDS = 5.0
_FRESH_SECONDS = 30.0
_FORGOTTEN_DAYS = 1
_ANSWER_SECONDS = 5.0
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - translated, not listened on.
_OK = 200
_AWAY = (asyncpg.PostgresError, *LOST)

_log = logger()


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the product."""

    name: str
    arguments: tuple[str, ...]
    """What follows the interpreter."""
    health: Literal["http", "heartbeat"]

    def argv(self, interpreter: str = sys.executable) -> list[str]:
        """Return the whole command."""
        return [interpreter, *self.arguments]


PROCESSES: tuple[Process, ...] = (
    Process("api", ("-m", "api"), health="http"),
    Process("projector", ("-m", "workers.projector"), health="heartbeat"),
    Process("dispatcher", ("-m", "workers.dispatcher"), health="heartbeat"),
    Process("worker", ("-m", "workers.worker"), health="heartbeat"),
    Process("scheduler", ("-m", "workers.scheduler"), health="heartbeat"),
    Process("sealer", ("-m", "workers.sealer"), health="heartbeat"),
    Process("signer", ("-m", "workers.signer"), health="heartbeat"),
)


def named(name: str) -> Process:
    """Find a process in the table."""
    for process in PROCESSES:
        if process.name == name:
            return process
    raise LookupError(f"There is no process {name!r}; there are {', '.join(each.name for each in PROCESSES)}.")


def _instance(name: str) -> uuid.UUID:
    # One per process and machine, computed alike by the process and by whoever asks after it from beside it.
    return uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.{socket.gethostname()}")


async def beat(pool: asyncpg.Pool[asyncpg.Record], name: str) -> None:
    """Record once that the process lives, by the database's own time."""
    await pool.execute(
        "INSERT INTO heartbeat (process, instance, at) VALUES ($1, $2, clock_timestamp())"
        " ON CONFLICT (process, instance) DO UPDATE SET at = excluded.at",
        name,
        _instance(name),
    )


async def forget_the_dead(pool: asyncpg.Pool[asyncpg.Record]) -> None:
    """Remove the beats of machines that are gone."""
    await pool.execute(
        "DELETE FROM heartbeat WHERE at < clock_timestamp() - make_interval(days => $1)", _FORGOTTEN_DAYS
    )


@asynccontextmanager
async def beating(pool: asyncpg.Pool[asyncpg.Record], name: str, every: float = _BEAT_SECONDS) -> AsyncIterator[None]:
    """Beat for as long as the block runs; a database that is away is waited for."""

    async def keep_on() -> None:
        while True:
            try:
                await beat(pool, name)
            except _AWAY:
                heed_cancellation()
                _log.warning("heartbeat.missed", exc_info=True)
            await asyncio.sleep(every)

    await forget_the_dead(pool)
    task = asyncio.create_task(keep_on())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def is_healthy(process: Process, settings: Settings) -> bool:
    """Say whether the process on this machine answers, or has beaten lately."""
    if process.health == "http":
        host = _EVERY_ADDRESS.get(settings.host, settings.host)
        authority = f"[{host}]" if ":" in host else host
        return await asyncio.to_thread(_answers, f"http://{authority}:{settings.port}/readyz")
    if settings.database_url is None:
        raise SettingsRefused(
            "BIAOGAN_DATABASE_URL is not set, so there is nowhere to look for a heartbeat."
            " 未设置 BIAOGAN_DATABASE_URL,无从查看心跳。"
        )
    try:
        return await _has_beaten(process.name, settings.database_url)
    except _AWAY:
        return False


async def _has_beaten(name: str, database_url: str) -> bool:
    connection = await asyncpg.connect(database_url, timeout=_ANSWER_SECONDS)
    try:
        fresh = await connection.fetchval(
            "SELECT at > clock_timestamp() - make_interval(secs => $3) FROM heartbeat"
            " WHERE process = $1 AND instance = $2",
            name,
            _instance(name),
            _FRESH_SECONDS,
        )
    finally:
        await connection.close()
    return fresh is True


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310 - always http, made above.
            return bool(answer.status == _OK)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError):
        # Also what is no HTTP is no health: a port that nobody listens at may even answer with the question itself.
        return False


async def until_healthy(process: Process, settings: Settings, seconds: float) -> bool:
    """Wait for a process to become healthy, up to a bound; say whether it did."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await is_healthy(process, settings):
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


def main(arguments: list[str]) -> int:
    """Answer `health NAME` by exit code, as container engines ask."""
    usage = "usage: python -m infra.processes health NAME"
    try:
        match arguments:
            case ["health", name]:
                return 0 if asyncio.run(is_healthy(named(name), load())) else 1
            case _:
                sys.stderr.write(usage + "\n")
    except (LookupError, SettingsRefused) as error:
        sys.stderr.write(f"{error}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
