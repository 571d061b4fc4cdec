"""Where our files lie on a machine, and who may pass to them."""

from __future__ import annotations

import os
import pwd
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

STATE_VARIABLE = "BIAOGAN_STATE_DIR"
SERVER_ACCOUNT = "nobody"  # Exists everywhere; PostgreSQL refuses to run as root, and we add no user to a machine.


class PlaceRefused(Exception):
    """A folder cannot be used; the sentence names it and what to do."""


def state_dir(env: Mapping[str, str] = os.environ) -> Path:
    """Return where a machine keeps what must survive: the setting, else the system's or the user's usual folder."""
    if chosen := env.get(STATE_VARIABLE):
        return Path(chosen).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/biaogan")
    if data_home := env.get("XDG_DATA_HOME"):
        return Path(data_home).absolute() / "biaogan"
    return _home(env) / ".local" / "share" / "biaogan"


def _home(env: Mapping[str, str]) -> Path:
    if home := env.get("HOME"):
        return Path(home).absolute()
    try:
        return Path(pwd.getpwuid(os.geteuid()).pw_dir)
    except KeyError:
        raise PlaceRefused(
            f"User {os.geteuid()} has no home; set {STATE_VARIABLE} to a folder of its own."
            f" 该用户没有主目录:请设置 {STATE_VARIABLE}。"
        ) from None


def runtime_dir(env: Mapping[str, str] = os.environ) -> Path:
    """Return a short folder for sockets, ours alone to write."""
    if os.geteuid() == 0:
        folder, mode = Path("/run/biaogan"), 0o711
    elif runtime := env.get("XDG_RUNTIME_DIR"):
        folder, mode = Path(runtime) / "biaogan", 0o700
    else:
        folder, mode = Path(tempfile.gettempdir()) / f"biaogan-{os.geteuid()}", 0o700
    make_folders(folder, mode)
    # In a folder that everyone may write, someone else may have been there first.
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) != mode:
        raise PlaceRefused(
            f"{folder} is not a folder of ours with mode {mode:o}; remove it or set {STATE_VARIABLE}."
            f" 该目录不是本程序所建:请移除,或设置 {STATE_VARIABLE}。"
        )
    return folder


def make_folders(folder: Path, mode: int) -> None:
    """Make a folder and what is missing above it with this mode, whatever the umask; what exists is left as it is."""
    try:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
            path.chmod(mode)
    except OSError as fault:
        raise PlaceRefused(
            f"{folder} cannot be made ({fault.strerror}); set {STATE_VARIABLE} to a folder of your own."
            f" 无法建立该文件夹,请将 {STATE_VARIABLE} 设为自有文件夹。"
        ) from None


def make_own_folders(folder: Path) -> None:
    """Make a folder that is ours alone; where the server runs as another account, that one may pass through."""
    make_folders(folder, 0o711 if Account.of_server().is_another else 0o700)


def private_file(path: Path) -> IO[bytes]:
    """Open a file for appending that others may not even read: with reading alone they could hold its lock."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "ab")


@dataclass(frozen=True, slots=True)
class Account:
    """Who an embedded server runs as: ourselves, or nobody where we are root."""

    uid: int
    gid: int

    @classmethod
    def of_server(cls) -> Account:
        """Find the account."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        entry = pwd.getpwnam(SERVER_ACCOUNT)
        return cls(entry.pw_uid, entry.pw_gid)

    @property
    def is_another(self) -> bool:
        """Whether it is not ourselves."""
        return self.uid != os.geteuid()

    def change(self) -> tuple[int, int, list[int]] | tuple[None, None, None]:
        """User, group and further groups that a child takes on; nothing where it stays what we are."""
        return (self.uid, self.gid, []) if self.is_another else (None, None, None)

    def blocked_at(self, path: Path) -> Path | None:
        """Name the first folder on the way to this path that the account may not enter."""
        for folder in reversed(path.resolve().parents):
            status = folder.stat()
            if status.st_uid == self.uid:
                allowed = status.st_mode & stat.S_IXUSR
            elif status.st_gid == self.gid:
                allowed = status.st_mode & stat.S_IXGRP
            else:
                allowed = status.st_mode & stat.S_IXOTH
            if not allowed:
                return folder
        return None

    def own(self, folder: Path) -> Path:
        """Make a folder that this account alone can use."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.is_another:
            os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)
        return folder
