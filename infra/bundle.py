"""A bag (BagIt, RFC 8493): a folder of files with their digests, that is there whole or not at all.

It is filled beside its place under another name and without the file by which a bag is known; only what was filled to
its end takes its place. What a killed process leaves behind is swept away by whoever fills the same bag next.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

__all__ = ["Bag", "BagThere", "BagUnwritable", "sources", "tree_digest"]

DECLARATION: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_UNFINISHED: Final = ".partial"
_LOCK: Final = "lock"
_PAYLOAD: Final = "data/"
_PIECE: Final = 1 << 20


class BagThere(Exception):
    """Something lies where the bag is to be; nothing of it was touched."""

    def __init__(self, target: Path) -> None:
        super().__init__(f"{target} is there already; name another place. 目标已存在,请另行指定。")


class BagUnwritable(Exception):
    """The bag cannot be written where it is to be: no such folder, no right, no room."""

    def __init__(self, target: Path, fault: OSError) -> None:
        why = fault.strerror or type(fault).__name__
        super().__init__(f"{target} cannot be written ({why}); nothing is left of it. 无法写入,未留下任何内容。")


class Bag:
    """A bag that is being filled; leaving it by an error, or never coming to its end, leaves no bag.

    Whatever writes raises BagUnwritable where the disk says no.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._folder = Path()
        self._lock: IO[bytes] | None = None
        self._manifests: dict[bool, IO[bytes]] = {}
        self.payload_bytes = 0
        self.payload_files = 0

    def __enter__(self) -> Self:
        if self._target.exists() or self._target.is_symlink():
            raise BagThere(self._target)
        with self._writing():
            _sweep(self._target)
            self._folder = Path(
                tempfile.mkdtemp(prefix=f".{self._target.name}.", suffix=_UNFINISHED, dir=self._target.parent)
            )
            try:
                self._lock = (self._folder / _LOCK).open("wb")
                fcntl.flock(self._lock, fcntl.LOCK_EX)
                for payload, name in ((True, "manifest-sha256.txt"), (False, "tagmanifest-sha256.txt")):
                    self._manifests[payload] = (self._folder / name).open("wb")
            except BaseException:
                self._leave()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        for manifest in self._manifests.values():
            with suppress(OSError):  # What did not fit on the disk is of a file that is gone.
                manifest.close()
        if self._lock is not None:
            self._lock.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except FileExistsError:
            raise  # Whoever fills the bag named a file twice.
        except OSError as fault:
            raise BagUnwritable(self._target, fault) from fault

    @contextmanager
    def file(self, path: str) -> Iterator[_Written]:
        """Write one file, below ``data/`` where it is payload. Left by an error it is not in the bag."""
        there = self._folder / path
        with self._writing():
            there.parent.mkdir(parents=True, exist_ok=True)
            file = there.open("xb")
        try:
            written = _Written(file, self._writing)
            yield written
            with self._writing():
                file.close()
        except BaseException:
            there.unlink(missing_ok=True)
            with suppress(OSError):
                file.close()
            raise
        is_payload = path.startswith(_PAYLOAD)
        if is_payload:
            self.payload_bytes += written.size
            self.payload_files += 1
        with self._writing():
            self._manifests[is_payload].write(f"{written.digest.hexdigest()}  {path}\n".encode())

    def write(self, path: str, content: bytes) -> None:
        """Write a short file whole."""
        with self.file(path) as file:
            file.write(content)

    def holds(self, path: str) -> bool:
        """Whether a file is in the bag already."""
        return (self._folder / path).exists()

    def finish(self, info: Mapping[str, str]) -> Path:
        """Write what makes it a bag, and put it in its place. Raises BagThere where somebody else was faster."""
        with self._writing():
            return self._finished(info)

    def _finished(self, info: Mapping[str, str]) -> Path:
        told = {**info, "Payload-Oxum": f"{self.payload_bytes}.{self.payload_files}"}
        self.write("bag-info.txt", "".join(f"{name}: {value}\n" for name, value in told.items()).encode())
        self._manifests[True].close()
        manifest = self._folder / "manifest-sha256.txt"
        self._manifests[False].write(f"{_file_digest(manifest)}  {manifest.name}\n".encode())
        self.write("bagit.txt", DECLARATION)
        self._manifests[False].close()
        for path in (manifest, self._folder / "tagmanifest-sha256.txt"):
            with path.open("rb") as file:
                os.fsync(file.fileno())
        (self._folder / _LOCK).unlink()
        self._folder.chmod(0o755)
        try:
            self._folder.rename(self._target)
        except OSError as fault:
            if self._target.exists():
                raise BagThere(self._target) from fault
            raise
        return self._target


class _Written:
    """A file that is written, and its digest so far."""

    def __init__(self, file: IO[bytes], writing: Callable[[], AbstractContextManager[None]]) -> None:
        self._file = file
        self._writing = writing
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, piece: bytes) -> None:
        """Write on."""
        with self._writing():
            self._file.write(piece)
        self.digest.update(piece)
        self.size += len(piece)


def _sweep(target: Path) -> None:
    """Remove what a dead process left of the same bag; what a living one holds locked is left alone."""
    for left in target.parent.glob(f".{target.name}.*{_UNFINISHED}"):
        try:
            with (left / _LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
        except (BlockingIOError, FileNotFoundError, NotADirectoryError):
            continue


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def sources(*folders: Path) -> dict[str, bytes]:
    """Every Python file of some folders, by its path from above them."""
    found = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            found[f"{folder.name}/{path.relative_to(folder).as_posix()}"] = path.read_bytes()
    return found


def tree_digest(files: Mapping[str, bytes]) -> str:
    """The digest of a tree of files: SHA-256 over a line of digest, two spaces and path for each, sorted by path."""
    lines = (f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in sorted(files.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
