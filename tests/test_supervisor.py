from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import asyncpg
import pytest

from infra.processes import PROCESSES, Process, beat, beating, is_healthy, named, until_healthy
from infra.settings import Settings, load
from infra.supervisor import Child, Supervisor
from tests.conftest import Database, open_folder
from tests.dying import Dying
from tests.waiting import is_running, until

ROOT = Path(__file__).resolve().parent.parent

# A child that says it lives, and writes its name on the way out.
POLITE = """
import os, pathlib, signal, sys
name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
def leave(*_):
    with (folder / "left").open("a") as file:
        file.write(name + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
(folder / name).write_text(str(os.getpid()))
while True:
    signal.pause()
"""

STUBBORN = """
import os, pathlib, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
(pathlib.Path(sys.argv[2]) / sys.argv[1]).write_text(str(os.getpid()))
while True:
    signal.pause()
"""

# A child with a child of its own, as a pool of forked workers has.
FORKING = """
import os, pathlib, signal, subprocess, sys
inner = subprocess.Popen(["sleep", "600"])
(pathlib.Path(sys.argv[2]) / "inner").write_text(str(inner.pid))
(pathlib.Path(sys.argv[2]) / sys.argv[1]).write_text(str(os.getpid()))
signal.pause()
"""

# A child that stops its own in its own way, and would be disturbed if somebody else did.
LEADING = """
import pathlib, signal, subprocess, sys
folder = pathlib.Path(sys.argv[2])
inner = "import pathlib, signal, sys; signal.signal(signal.SIGTERM, lambda *_: pathlib.Path(sys.argv[1]).touch());"
inner += "print(flush=True); [signal.pause() for _ in iter(int, 1)]"
started = subprocess.Popen([sys.executable, "-c", inner, str(folder / "told")], stdout=subprocess.PIPE)
started.stdout.readline()
def leave(*_):
    started.kill()
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
(folder / sys.argv[1]).write_text("1")
signal.pause()
"""

# The whole of a small installation: a database and two children, kept until told to stop.
INSTALLATION = f"""
import sys
from pathlib import Path
from infra.embedded import EmbeddedPostgres
from infra.supervisor import Child, Supervisor
from tests.conftest import chosen_binaries

folder = Path(sys.argv[1])
polite = {POLITE!r}
with EmbeddedPostgres(folder / "pg", chosen_binaries()) as server:
    (folder / "postgres").write_text(str(server.pid))
    children = [Child(name, [sys.executable, "-c", polite, name, str(folder)]) for name in ("api", "projector")]
    code = Supervisor(children).run()
sys.exit(code)
"""


def child(name: str, program: str, folder: Path) -> Child:
    return Child(name, [sys.executable, "-c", program, name, str(folder)])


def pid_of(name: str, folder: Path) -> int:
    until(lambda: (folder / name).exists() and (folder / name).read_text() != "", f"{name} says that it lives")
    return int((folder / name).read_text())


def installation(folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    argv = [sys.executable, "-c", INSTALLATION, str(folder)]
    parent = subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    return parent, [pid_of(name, folder) for name in ("postgres", "api", "projector")]


def test_killing_the_parent_leaves_no_process_of_the_tree() -> None:
    with open_folder() as name:
        parent, pids = installation(Path(name))
        assert all(is_running(pid) for pid in pids)
        with parent:
            parent.kill()
        until(lambda: not any(is_running(pid) for pid in pids), "every process of the tree ends")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_stops_all_in_order(number: signal.Signals) -> None:
    with open_folder() as name:
        parent, pids = installation(Path(name))
        with parent:
            parent.send_signal(number)
            parent.communicate(timeout=120)
        assert parent.returncode == 0
        assert (Path(name) / "left").read_text().split() == ["api", "projector"]
        assert not any(is_running(pid) for pid in pids)


def test_what_crashed_is_started_again(tmp_path: Path) -> None:
    with Supervisor([child("api", POLITE, tmp_path)], first_wait_seconds=0.01) as supervisor:
        first = pid_of("api", tmp_path)
        (tmp_path / "api").unlink()
        signal_and_wait(first)
        until(lambda: supervisor.tend() and (tmp_path / "api").exists(), "the child lives again")
        assert pid_of("api", tmp_path) == supervisor.pids["api"] != first


def signal_and_wait(pid: int) -> None:
    subprocess.run(["kill", "-9", str(pid)], check=True)
    until(lambda: not is_running(pid), "the child is dead")


def test_what_cannot_be_kept_ends_the_whole_with_an_exit_code(tmp_path: Path) -> None:
    failing = Child("projector", [sys.executable, "-c", "raise SystemExit(3)"])
    supervisor = Supervisor([child("api", POLITE, tmp_path), failing], first_wait_seconds=0.01)
    assert supervisor.run() == 1
    assert supervisor.pids == {}


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    supervisor = Supervisor([child("api", STUBBORN, tmp_path)], stop_seconds=0.2)
    with supervisor:
        pid = pid_of("api", tmp_path)
    assert not is_running(pid)


def test_what_a_child_started_is_told_to_stop_by_that_child_alone(tmp_path: Path) -> None:
    with Supervisor([child("worker", LEADING, tmp_path)]):
        pid_of("worker", tmp_path)
    assert not (tmp_path / "told").exists()


@pytest.mark.parametrize("how", ["stop", "crash"])
def test_what_a_child_started_goes_with_it(tmp_path: Path, how: str) -> None:
    with Supervisor([child("worker", FORKING, tmp_path)], first_wait_seconds=60) as supervisor:
        worker, inner = pid_of("worker", tmp_path), pid_of("inner", tmp_path)
        if how == "crash":
            signal_and_wait(worker)
            until(lambda: supervisor.tend() and not is_running(inner), "the inner process is gone")
    until(lambda: not is_running(inner), "the inner process is gone")


def test_a_command_that_does_not_exist_starts_nothing(tmp_path: Path) -> None:
    supervisor = Supervisor([child("api", POLITE, tmp_path), Child("projector", [str(tmp_path / "missing")])])
    with pytest.raises(FileNotFoundError):
        supervisor.start()
    assert supervisor.pids == {}


def test_children_may_write_to_one_file(tmp_path: Path) -> None:
    speaking = Child("api", [sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr)"])
    with Supervisor([speaking], output=tmp_path / "log"):
        until(lambda: len((tmp_path / "log").read_text().split()) == 2, "both lines are written")
    assert set((tmp_path / "log").read_text().split()) == {"out", "err"}


def settings_for(database: Database, **more: str) -> Settings:
    return load({"BIAOGAN_DATABASE_URL": database.app_url, **more})


def test_the_table_names_every_process_once() -> None:
    names = [process.name for process in PROCESSES]
    assert names == ["api", "projector", "dispatcher", "worker", "scheduler", "sealer", "signer"]
    assert named("projector").argv("python") == ["python", "-m", "workers.projector"]
    there = "api, projector, dispatcher, worker, scheduler, sealer, signer"
    with pytest.raises(LookupError, match=f"There is no process 'janitor'; there are {there}"):
        named("janitor")


@pytest.mark.store
async def test_a_process_is_healthy_while_it_beats(database: Database, pool: asyncpg.Pool[asyncpg.Record]) -> None:
    settings = settings_for(database)
    assert not await is_healthy(named("projector"), settings)
    async with beating(pool, "projector", every=0.01):
        assert await until_healthy(named("projector"), settings, seconds=20)
        assert not await is_healthy(named("scheduler"), settings), "one process's beat is not another's"
    await pool.execute("UPDATE heartbeat SET at = at - interval '31 seconds'")
    assert not await is_healthy(named("projector"), settings)


class _Dying:
    """A pool whose first connections die between two steps of the driver, which then says what it says."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool
        self._faults: list[Exception] = [
            asyncpg.InternalClientError(),
            asyncpg.InterfaceError("closed"),
            ConnectionResetError(),
        ]

    async def execute(self, sql: str, *arguments: Any) -> str:
        if self._faults and "INSERT" in sql:
            raise self._faults.pop(0)
        return await self._pool.execute(sql, *arguments)


@pytest.mark.store
async def test_a_beat_that_is_missed_is_not_the_last(database: Database, pool: asyncpg.Pool[asyncpg.Record]) -> None:
    dying = cast("asyncpg.Pool[asyncpg.Record]", _Dying(pool))
    async with beating(dying, "projector", every=0.01):
        assert await until_healthy(named("projector"), settings_for(database), seconds=20)


@pytest.mark.store
async def test_a_beat_stops_with_its_process_also_where_the_connection_dies_at_that_instant(
    pool: asyncpg.Pool[asyncpg.Record],
) -> None:
    dying = Dying(pool, "INSERT INTO heartbeat")
    async with asyncio.timeout(20):
        async with beating(dying.pool, "projector"):
            await dying.asked.wait()


@pytest.mark.store
async def test_beats_of_machines_long_gone_are_forgotten(pool: asyncpg.Pool[asyncpg.Record]) -> None:
    await beat(pool, "scheduler")
    await pool.execute("UPDATE heartbeat SET at = at - interval '2 days'")
    async with beating(pool, "projector"):
        assert await pool.fetchval("SELECT count(*) FROM heartbeat WHERE process = 'scheduler'") == 0


async def test_a_database_that_is_away_is_no_health(tmp_path: Path) -> None:
    settings = load({"BIAOGAN_DATABASE_URL": f"postgresql://biaogan_app@/biaogan?host={tmp_path}"})
    assert not await is_healthy(named("projector"), settings)


async def test_an_api_is_healthy_when_it_says_so(unused_tcp_port: int) -> None:
    process = Process("api", ("-m", "api"), health="http")
    settings = load({"BIAOGAN_PORT": str(unused_tcp_port), "BIAOGAN_HOST": "0.0.0.0"})
    assert not await is_healthy(process, settings)
    server = (
        "import http.server, sys\n"
        "class Answer(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200 if self.path == '/readyz' else 404); self.end_headers()\n"
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Answer).serve_forever()"
    )
    with Supervisor([Child("api", [sys.executable, "-c", server, str(unused_tcp_port)])]):
        assert await until_healthy(process, settings, seconds=60)


async def test_what_answers_but_speaks_no_http_is_no_health() -> None:
    process = Process("api", ("-m", "api"), health="http")

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(1000))
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert not await is_healthy(process, load({"BIAOGAN_PORT": str(port)}))


def test_health_is_asked_by_exit_code(database: Database) -> None:
    env = {"PATH": "/usr/bin:/bin", "BIAOGAN_DATABASE_URL": database.app_url}
    answers = {}
    for name in ("projector", "janitor"):
        argv = [sys.executable, "-m", "infra.processes", "health", name]
        answers[name] = subprocess.run(argv, cwd=ROOT, env=env, check=False, capture_output=True, text=True)
    assert (answers["projector"].returncode, answers["projector"].stderr) == (1, "")
    assert answers["janitor"].returncode == 2
    assert "There is no process 'janitor'" in answers["janitor"].stderr


def test_its_lines_say_who_ended_and_how(tmp_path: Path) -> None:
    script = (
        "import sys; from infra.log import configure; from infra.supervisor import Child, Supervisor\n"
        "configure('serve')\n"
        "failing = Child('api', [sys.executable, '-c', 'raise SystemExit(3)'])\n"
        "sys.exit(Supervisor([failing], first_wait_seconds=0.01).run())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=False, capture_output=True, text=True, timeout=60
    )
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert ended.returncode == 1
    assert [line["code"] for line in lines if line["event"] == "child.ended"] == [3] * 6
    assert {line["process"] for line in lines} == {"serve"}
