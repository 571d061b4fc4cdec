"""What servers of our own on this machine have in common: a folder, a lock on it, a place for a socket, an end."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from infra.places import SERVER_ACCOUNT, STATE_VARIABLE, Account, make_own_folders, private_file, runtime_dir

__all__ = [
    "POLL_SECONDS",
    "EmbeddedError",
    "command_line",
    "end",
    "make_data_dir",
    "make_run_dir",
    "plain_environment",
    "send",
    "take_lock",
]

POLL_SECONDS = 0.01
_LOCK_SECONDS = 5.0  # Long enough for the one before us to finish stopping, short enough for a person to wait.
_STOP_SECONDS = 30.0
# Linux allows 108 bytes for a socket's address, macOS 104, both with the closing zero.
_LONGEST_SOCKET_PATH = 103
# Commas separate folders for the server and hosts for clients; what is not of these letters would need quoting in both.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")
_HAS_PROC = Path("/proc/self/cmdline").exists()


class EmbeddedError(Exception):
    """An embedded server cannot start or stop; the sentence says why and what to do."""


def make_data_dir(data_dir: Path, inside: Path, account: Account, server: str) -> None:
    """Make the folder of a server, and make sure that its account can reach what is its own inside."""
    make_own_folders(data_dir)
    blocked = account.blocked_at(inside) if account.is_another else None
    if blocked is not None:
        raise EmbeddedError(
            f"{server} never runs as root; it runs as '{SERVER_ACCOUNT}' here, which cannot enter {blocked}. "
            f"Set {STATE_VARIABLE} to a folder that others may enter, such as /var/lib/biaogan."
            f" 该服务不以 root 运行;其账户 {SERVER_ACCOUNT} 无法进入此目录:请将 {STATE_VARIABLE} 设为他人可进入的目录。"
        )


def take_lock(data_dir: Path) -> IO[bytes]:
    """Hold the folder for as long as the file that is returned is open."""
    # The kernel gives this lock free when its holder dies, however it dies, so whoever holds it is alive.
    lock = private_file(data_dir / "lock")
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                lock.close()
                raise EmbeddedError(
                    f"{data_dir} is in use by another running biaogan. 该数据目录正由另一进程使用。"
                ) from None
            time.sleep(POLL_SECONDS)
        else:
            return lock


def make_run_dir(data_dir: Path, socket_name: str, account: Account) -> Path:
    """Make the folder of the socket: beside the data where the address of a socket allows it."""
    near = data_dir / "run"
    if _PLAIN_PATH.fullmatch(str(near)) and len(str(near / socket_name).encode()) <= _LONGEST_SOCKET_PATH:
        return account.own(near)
    return account.own(runtime_dir() / hashlib.sha256(str(data_dir).encode()).hexdigest()[:16])


def plain_environment() -> dict[str, str]:
    """What a server is told of its surroundings: nothing of a person's environment shapes it."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def command_line(pid: int) -> str:
    """The arguments of a process; empty where there is none, or only a zombie."""
    if _HAS_PROC:
        try:
            # Empty for a zombie, which is what lets us tell it from a server.
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return ""
    listed = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], check=False, capture_output=True, text=True)  # noqa: S607
    return listed.stdout


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # It ended between our look and our signal, which is what we wanted.


def end(child: subprocess.Popen[bytes], signals: Sequence[signal.Signals]) -> None:
    """End a server by one signal after another, the kernel's last."""
    for number in (*signals, signal.SIGKILL):
        if child.poll() is not None:
            return
        send(child.pid, number)
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
