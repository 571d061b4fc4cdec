"""The signer: it says how long a log is and what its root is, and never says anything that does not go on from before.

It keeps outside the database what it signed last, on disk before anybody sees the signature. A tree that is shorter
than that, or another one, is not signed, whoever has the database in hand: a record that was set back or written anew
shows. Where its memory is lost, what it signed before and the database still holds is the least that it goes on from.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.checkpoints import Checkpoints, SealedLog
from infra.master_key import MasterKeys, ensure_key_file, read_key_file
from infra.note import Checkpoint, NoteRefused, Signer, Verifier, opened, signed
from infra.places import private_file
from infra.tree import proves_consistency

__all__ = ["KEY_FILE", "NEXT_KEY_FILE", "KeyFile", "Memory", "MemoryRefused", "NotSigned", "Signing", "signer_of"]

KEY_FILE: Final = "signer.key"
NEXT_KEY_FILE: Final = "next.key"
"""A key that is announced and does not sign yet."""
_MEMORY: Final = "signed.json"
_ROOT_HEX: Final = 64
SIMULATED: Final = "simulated"
"""The line that tells a checkpoint of a rehearsal from a real one."""


class NotSigned(Exception):
    """A tree does not go on from what was signed last; the sentence says how."""


class MemoryRefused(Exception):
    """What the signer remembers cannot be used; the sentence says why and what to do."""


class Memory:
    """What was signed last of each origin: size and root, in a file that one signer at a time has in hand."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _MEMORY
        self._lock: IO[bytes] = private_file(folder / "lock")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise MemoryRefused(f"Another signer has {folder} in hand. 另一签名进程正使用该目录。") from None
        try:
            self._last = self._read()
        except MemoryRefused:
            self._lock.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def last(self, origin: str) -> tuple[int, bytes] | None:
        """Size and root that were signed last, or None."""
        return self._last.get(origin)

    def remember(self, origin: str, size: int, root: bytes) -> None:
        """Remember it, for good: afterwards it is on disk."""
        last = {**self._last, origin: (size, root)}
        text = json.dumps({key: {"size": n, "root": r.hex()} for key, (n, r) in sorted(last.items())}, indent=1)
        fresh = self._path.with_name(f"{_MEMORY}.new")
        fresh.unlink(missing_ok=True)
        with private_file(fresh) as file:
            file.write(text.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._last = last

    def _read(self) -> dict[str, tuple[int, bytes]]:
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        try:
            return {origin: self._entry(entry) for origin, entry in json.loads(text).items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            raise MemoryRefused(
                f"{self._path} is damaged; restore it, and sign nothing before. 文件已损坏,恢复之前不得签名。"
            ) from None

    @staticmethod
    def _entry(entry: dict[str, Any]) -> tuple[int, bytes]:
        size, root = entry["size"], entry["root"]
        if type(size) is not int or size <= 0 or len(root) != _ROOT_HEX:
            raise ValueError
        return size, bytes.fromhex(root)


def signer_of(origin: str, key: bytes) -> Signer:
    """The signer that a key of the key file is under the name of a log."""
    return Signer(origin, Ed25519PrivateKey.from_private_bytes(key))


class KeyFile:
    """The signer's key file, read anew when another one has taken its place: a rotation needs no restart."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._keys = ensure_key_file(path)

    def keys(self) -> MasterKeys:
        """The keys as they stand by now. Raises KeyFileRefused."""
        status = self._path.stat()
        if (status.st_ino, status.st_mtime_ns) != self._seen:
            self._keys = read_key_file(self._path)
            self._seen = status.st_ino, status.st_mtime_ns
        return self._keys


@dataclass(frozen=True)
class Signing:
    """The signer's keys, the present one first, and its memory."""

    keys: MasterKeys
    memory: Memory

    def signers(self, origin: str) -> list[Signer]:
        """Its keys under the name of a log: former ones sign beside the present one until they are taken away."""
        return [signer_of(origin, key) for key in (self.keys.present, *self.keys.former)]

    def is_beyond(self, log: SealedLog) -> bool:
        """Whether more was signed than the log has: nothing is to be signed then, but it is to be said."""
        last = self.memory.last(log.origin)
        return last is not None and last[0] > log.size

    async def sign(self, checkpoints: Checkpoints, log: SealedLog) -> None:
        """Sign the tree of a log as it stands, where it goes on from what was signed last. Raises NotSigned."""
        signers = self.signers(log.origin)
        tree = checkpoints.tree(log.log_id)
        try:
            root = await tree.root(log.size)
            last = self.memory.last(log.origin) or await self._signed_before(checkpoints, log, signers)
            if last is not None:
                size, before = last
                if log.size < size:
                    raise NotSigned(f"{log.origin} has {log.size} leaves, and {size} were signed.")
                path = await tree.consistency(size, log.size)
                if not proves_consistency(size, before, path, log.size, root):
                    raise NotSigned(f"{log.origin} does not go on from the {size} leaves that were signed.")
        except ValueError as fault:
            raise NotSigned(f"The tree of {log.origin} is damaged: {fault}") from None
        self.memory.remember(log.origin, log.size, root)
        text = Checkpoint(log.origin, log.size, root, (SIMULATED,) if log.simulated else ()).text()
        vkeys = [str(signer.verifier) for signer in signers]
        await checkpoints.keep(log.log_id, log.size, signed(text, signers), vkeys)

    async def _signed_before(
        self, checkpoints: Checkpoints, log: SealedLog, signers: Sequence[Signer]
    ) -> tuple[int, bytes] | None:
        """What the database still holds of what these keys signed."""
        known: list[Verifier] = [signer.verifier for signer in signers]
        for newest in await checkpoints.newest(log.log_id):
            try:
                text, _ = opened(newest.note, known)
                found = Checkpoint.parse(text)
            except NoteRefused:
                raise NotSigned(
                    f"{log.origin} has a checkpoint of {newest.size} leaves that these keys did not sign."
                ) from None
            return found.size, found.root
        return None
