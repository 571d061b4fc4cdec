"""The stage of the measurements: a durable server of our own, a log on it, and commands of a realistic size."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

import asyncpg
import uvloop

from bench.compare import Measured
from domain.ids import ApplicationId, ProgrammeId, UnitId
from domain.kernel import Catalogue, Envelope, Event, public
from infra.assembly import open_pool
from infra.binaries import Binaries, find_binaries
from infra.embedded import EmbeddedPostgres
from infra.event_store import EventStore
from infra.migrate import migrate
from infra.record import Fact, Proposal


class Measure(Event):
    """An application was moved, for the measurement.
    zh: 测量用:申报被移动。
    """

    TOPIC = "bench.measured.v1"
    application_id: Annotated[ApplicationId, public("Application", "申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    amount_fen: Annotated[int, public("Amount", "金额")]
    step: Annotated[str, public("Step", "步骤")]


CATALOGUE = Catalogue([Measure])
WHEN = datetime(2020, 6, 1, 8, 0, tzinfo=UTC)
_numbers = itertools.count(os.getpid() * 1_000_003)  # Processes of one measurement write about different things.


def envelope(command_id: UUID | None = None) -> Envelope:
    command_id = command_id or uuid4()
    return Envelope(
        actor_id="8a3f2f6e-5f0a-4f43-9f7d-0c6f6f1f2a11",
        actor_kind="person",
        authority="appointment:office-1",
        command_id=command_id,
        correlation_id=command_id,
        received_at=WHEN,
        effective_at=WHEN,
    )


def fact(application: str, programme: str = "P-2020", unit: str | None = None) -> Fact:
    body = Measure(
        application_id=ApplicationId(application),
        programme_id=ProgrammeId(programme),
        unit_id=UnitId(unit or f"U-{next(_numbers) % 5000}"),
        amount_fen=20_000_000,
        step="handed_in",
    )
    return Fact.of(body)


def command(application: str | None = None) -> Proposal:
    """One command of one event with three tags."""
    number = next(_numbers)
    name = application or f"A-{number % 50_000}"
    return Proposal(request_hash=b"\x5a" * 32, facts=(fact(name, f"P-{number % 977}"),), envelope=envelope())


def binaries() -> Binaries:
    return max(find_binaries(), key=lambda found: found.major)


@contextlib.contextmanager
def server() -> Iterator[EmbeddedPostgres]:
    """A server with the product's own durable settings."""
    with tempfile.TemporaryDirectory(prefix="biaogan-bench-") as folder:
        Path(folder).chmod(0o711)
        with EmbeddedPostgres(Path(folder) / "pg", binaries(), {"max_connections": "200"}) as running:
            yield running


@contextlib.asynccontextmanager
async def pool_on(
    running: EmbeddedPostgres, name: str, plans: Mapping[str, str] | None = None
) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    """The product's own pool, on a database made for it."""
    urls = await running.prepare(name)
    await migrate(urls.owner_url)
    async with open_pool(urls.app_url, name="bench", plans=plans) as pool:
        yield pool


@contextlib.asynccontextmanager
async def log_on(pool: asyncpg.Pool[asyncpg.Record], origin: str = "BENCH") -> AsyncIterator[EventStore]:
    log_id = await pool.fetchval("SELECT open_log($1, 'real')", origin)
    async with EventStore(pool, log_id, CATALOGUE) as store:
        yield store


async def execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def run(main: Awaitable[bool]) -> int:
    async def go() -> bool:
        return await main

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return 0 if runner.run(go()) else 1


# --- pgbench ----------------------------------------------------------------------------------------------------------


def pgbench_program() -> str | None:
    beside = binaries().bin_dir / "pgbench"
    return str(beside) if beside.exists() else shutil.which("pgbench")


async def pgbench(url: str, script: str, clients: int, seconds: float) -> Measured:
    """Let pgbench run a script, and take its rate without connecting and its latencies from its own log."""
    program = pgbench_program()
    if program is None:
        raise RuntimeError("There is no pgbench here.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.sql"
        path.write_text(script)
        process = await asyncio.create_subprocess_exec(
            program, "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(max(1, round(seconds))),
            "-f", str(path), "-l", "--log-prefix", str(Path(folder) / "log"), url,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=folder,
        )  # fmt: skip
        out, err = await process.communicate()
        tps = re.search(r"tps = ([\d.]+) \(without", out.decode())
        if process.returncode or tps is None:
            raise RuntimeError(err.decode() or out.decode())
        latencies = _logged(Path(folder))
    return Measured(len(latencies), len(latencies) / float(tps[1]), latencies)


def _logged(folder: Path) -> list[float]:
    return [int(line.split()[2]) / 1000 for log in folder.glob("log.*") for line in log.read_text().splitlines()]
