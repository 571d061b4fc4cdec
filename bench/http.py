"""HTTP: the whole path of a command and one row by its key, against a bare application that does the same work.

``python -m bench.http [--rounds 5] [--seconds 1] [--connections 32] [--only TITLE] [--json FILE]``

One server process each, the load from another process. At the end a table says where a command's microseconds go.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import json
import os
import pstats
import signal
import socket
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from api.app import wired
from api.cli.institution import Opening, open_institution
from bench import compare, scene
from bench.append import SAME_ROWS, SAME_TABLES
from bench.compare import Comparison, Contender, Goal, Measured
from bench.http_apps import ADMINISTRATOR, ORIGIN
from bench.http_load import UNITS
from domain.ids import UnitId
from domain.lifecycle import CATALOGUE
from domain.unit.commands import RegisterUnit
from infra.front_door import Ask, Caller
from infra.master_key import ensure_key_file
from infra.migrate import migrate
from infra.projector import Projector
from projections import VIEWS

PRODUCT, BARE, FRAMEWORK = "biaogan", "bare ASGI, same read and append", "plain Litestar, the same query"
BARE_ROW, SAME = "bare ASGI, the same query", "pgbench, the same rows"
Run = Callable[[float], Awaitable[Measured]]
_runs = itertools.count(1)


@dataclass
class Stage:
    """A database with one institution, its administrator's token, and units to read."""

    url: str
    superuser_url: str
    key_file: Path
    log_id: int = 0
    token: str = ""

    async def furnish(self) -> None:
        opening = Opening(
            institution_id=ORIGIN, name_zh="示例大学", name_en="Example University", starts_at=None,
            administrator_id=ADMINISTRATOR, details={"name": "管理员"},
        )  # fmt: skip
        async with wired(self.url, ensure_key_file(self.key_file)) as wiring:
            self.log_id = (await open_institution(wiring, opening)).log_id
            self.token = (await wiring.parts.tokens.create(self.log_id, ADMINISTRATOR, ("act", "read"))).secret
            caller = Caller(log_id=self.log_id, person_id=ADMINISTRATOR)
            today = (await wiring.parts.clock.server_time()).date()
            unit = {"kind": "branch", "name_zh": "某支部", "name_en": "A branch", "valid_on": today.replace(year=2020)}
            asks = [
                Ask(
                    caller=caller,
                    command=RegisterUnit,
                    values={"unit_id": UnitId(f"U-seed-{n}"), **unit},
                    idempotency_key=f"seed-{n}",
                )
                for n in range(UNITS)
            ]
            await asyncio.gather(*(wiring.parts.door.ask(ask) for ask in asks))
            await Projector(wiring.parts.pool, VIEWS, CATALOGUE).catch_up()
        await scene.execute(self.superuser_url, SAME_TABLES)
        await scene.execute(self.superuser_url, "ANALYZE")


# --- servers and their load -------------------------------------------------------------------------------------------


@dataclass
class Server:
    port: int
    pid: int

    def worked(self) -> float:
        """Seconds of a processor that the server has used so far, where the system tells; a busy machine hides less."""
        stat = Path(f"/proc/{self.pid}/stat")
        if not stat.exists():
            return 0.0
        user, system = stat.read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def serving(stage: Stage, kind: str, profile: Path | None = None) -> AsyncIterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    more = [str(profile)] if profile else []
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.http_apps", kind, stage.url, str(stage.log_id), str(stage.key_file), str(port),
        *more, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await _until_it_answers(port, process)
        yield Server(port, process.pid)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def _until_it_answers(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(30):
        while True:
            if process.returncode is not None:
                raise RuntimeError("a server did not start")
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


async def loaded(stage: Stage, what: str, server: Server, connections: int, seconds: float) -> Measured:
    worked = server.worked()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.http_load", what, str(server.port), str(connections), str(seconds), stage.token,
        f"r{next(_runs)}", stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError("the load broke off")
    answer = json.loads(out)
    done = len(answer["latencies"])
    microseconds = (server.worked() - worked) * 1e6 / done
    return Measured(done, answer["seconds"], answer["latencies"], {"server_us": microseconds})


def work(comparison: Comparison) -> list[str]:
    """The processor time of each server, which other work on the machine disturbs least."""
    lines = []
    for contender in comparison.contenders:
        spent = [r[contender.name].notes.get("server_us", 0.0) for r in comparison.rounds]
        if any(spent):
            lines.append(
                f"  {contender.name:40}{statistics.median(spent):>6.0f} µs of the server's processor a request"
            )
    return lines


def tail(comparison: Comparison, name: str, over: str, at_most: float) -> bool:
    """Print and judge the ratio of two p99, which is no rate and so has no place among the goals of a table."""
    ratio = statistics.median(
        (r[name].percentile(0.99) or 0) / (r[over].percentile(0.99) or 1) for r in comparison.rounds
    )
    print(f"  {'met   ' if ratio <= at_most else 'MISSED'} p99 of {name} ≤ {at_most:g} × {over}: {ratio:.2f}")
    return ratio <= at_most


# --- where the time goes ----------------------------------------------------------------------------------------------

_PLACES = (
    ("/api/doorstep.py", "doorstep: id, headers, figures"),
    ("/infra/log.py", "the request's log line"),
    ("structlog", "the request's log line"),
    ("/logging/", "the request's log line"),
    ("prometheus", "doorstep: id, headers, figures"),
    ("/api/", "api: headers, body, answer"),
    ("litestar", "framework: routing, request, response"),
    ("uvicorn", "server: parsing and writing HTTP"),
    ("httptools", "server: parsing and writing HTTP"),
    ("/infra/front_door.py", "front door: authorise, decide"),
    ("/domain/", "front door: authorise, decide"),
    ("eventsourcing", "front door: authorise, decide"),
    ("/infra/event_store.py", "reading: statement, decoding"),
    ("/infra/writer.py", "appending: batches, overlay"),
    ("/infra/overlay.py", "appending: batches, overlay"),
    ("/infra/record.py", "appending: batches, overlay"),
    ("/infra/subscription.py", "appending: batches, overlay"),
    ("asyncpg", "driver of the database"),
    ("<frozen abc>", "driver of the database"),  # It asks of every element of an array whether it is one itself.
    ("/asyncio/", "event loop"),
    ("uvloop", "event loop"),
)


def where_it_goes(profile: Path, microseconds: float) -> str:
    """Each place's share of the processor, on the scale of a command when nobody watches."""
    shares: dict[str, float] = {}
    # mypy's stubs know no ``stats``; each entry is calls, own time and the same by caller.
    for (file, _, name), (_, _, own, _, callers) in pstats.Stats(str(profile)).stats.items():  # type: ignore[attr-defined]
        if "uvloop" in name and "run_" in name:
            continue  # What the loop itself does cannot be told from its waiting.
        parts = {place(caller[0]): figures[2] for caller, figures in callers.items()} if file == "~" else {}
        for where, seconds in (parts or {place(file): own}).items():
            shares[where] = shares.get(where, 0.0) + seconds
    whole = sum(shares.values())
    lines = ["\nwhere a command's microseconds go (profiled, scaled to the unwatched rate)"]
    for where, seconds in sorted(shares.items(), key=lambda share: -share[1]):
        lines.append(f"{where:44}{microseconds * seconds / whole:>8.0f} µs{seconds / whole:>7.0%}")
    return "\n".join(lines)


def place(file: str) -> str:
    return next((where for part, where in _PLACES if part in file), "the rest of the library")


# --- the tables -------------------------------------------------------------------------------------------------------


async def main() -> bool:
    parser = compare.arguments("HTTP side by side")
    parser.add_argument("--connections", type=int, default=32)
    asked = parser.parse_args()
    with scene.server() as running, tempfile.TemporaryDirectory() as folder:
        urls = await running.prepare("http")
        await migrate(urls.owner_url)
        stage = Stage(urls.app_url, running.superuser_url("http"), Path(folder) / "vault.key")
        await stage.furnish()
        async with AsyncExitStack() as stack:
            servers = {
                kind: await stack.enter_async_context(serving(stage, kind)) for kind in ("product", "bare", "framework")
            }
            tables = [commands(stage, servers, asked.connections), rows(stage, servers, asked.connections)]
            met = await compare.play(tables, asked, {"postgres": scene.binaries().version})
        for table in tables:
            if table.rounds:
                print("", table.title, *work(table), sep="\n")
                met &= tail(table, PRODUCT, table.reference, 1.5)
        if tables[0].rounds:
            await explain(stage, tables[0], asked.connections, Path(folder))
        return met


def commands(stage: Stage, servers: dict[str, Server], connections: int) -> Comparison:
    def post(kind: str) -> Run:
        return functools.partial(loaded, stage, "command", servers[kind], connections)

    contenders = [Contender(PRODUCT, post("product")), Contender(BARE, post("bare"))]
    goals = [Goal(PRODUCT, BARE, 0.6)]
    if scene.pgbench_program():
        pgbench = functools.partial(scene.pgbench, stage.superuser_url, SAME_ROWS, connections)
        contenders.append(Contender(SAME, pgbench))
        goals.append(Goal(PRODUCT, SAME, 0.15))
    return Comparison(f"POST, a command, {connections} connections", BARE, contenders, goals)


def rows(stage: Stage, servers: dict[str, Server], connections: int) -> Comparison:
    def fetch(kind: str) -> Run:
        return functools.partial(loaded, stage, "row", servers[kind], connections)

    contenders = [
        Contender(PRODUCT, fetch("product")),
        Contender(BARE_ROW, fetch("bare")),
        Contender(FRAMEWORK, fetch("framework")),
    ]
    return Comparison(
        f"GET, one row by its key, {connections} connections", BARE_ROW, contenders, [Goal(PRODUCT, BARE_ROW, 0.6)]
    )


async def explain(stage: Stage, table: Comparison, connections: int, folder: Path) -> None:
    rates = sorted(r[PRODUCT].rate for r in table.rounds)
    profile = folder / "profile"
    async with serving(stage, "product", profile) as server:
        await loaded(stage, "command", server, connections, 3)
    print(where_it_goes(profile, 1e6 / rates[len(rates) // 2]))


if __name__ == "__main__":
    sys.exit(scene.run(main()))
