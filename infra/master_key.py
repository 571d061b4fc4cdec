"""The master key: the one secret that opens the vault, kept in a file outside the database and its backups.

The file holds one key a line in hexadecimal, the present one first; the lines below it are former keys, which still
open what they wrapped until ``Vault.rewrap`` has wrapped it anew. Then they go, and with them go old backups of the
database: what was erased since cannot be opened from a backup any more.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.sealing import KEY_BYTES

__all__ = ["KeyFileRefused", "MasterKeys", "ensure_key_file", "read_key_file", "replace_key_file"]

_LINE = re.compile(r"[0-9a-f]{64}")


class KeyFileRefused(Exception):
    """The key file cannot be used as it is; the sentence says why."""


def _name(key: bytes) -> bytes:
    return hashlib.sha256(b"biaogan master key\x00" + key).digest()[:8]


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """The present master key and the former ones; never printed."""

    present: bytes = field(repr=False)
    former: tuple[bytes, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if any(len(key) != KEY_BYTES for key in (self.present, *self.former)):
            raise ValueError(f"A master key has {KEY_BYTES} bytes.")

    @property
    def present_id(self) -> bytes:
        """The public name of the present key: a digest that stands beside what it wrapped."""
        return _name(self.present)

    def by_id(self) -> Mapping[bytes, bytes]:
        """Every key by its public name."""
        return {_name(key): key for key in (self.present, *self.former)}

    def rotated(self) -> MasterKeys:
        """Return a fresh present key, with all others behind it."""
        return MasterKeys(secrets.token_bytes(KEY_BYTES), (self.present, *self.former))

    def lines(self) -> str:
        """What the key file holds."""
        return "".join(f"{key.hex()}\n" for key in (self.present, *self.former))


def read_key_file(path: Path) -> MasterKeys:
    """Read the key file; one that others may read, or that holds anything but keys, is refused."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError as fault:
        raise KeyFileRefused(
            f"There is no key file {path}; without it nothing in the vault can be opened."
            " 没有密钥文件:保险库中的内容无法打开。"
        ) from fault
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if mode & 0o077:
            raise KeyFileRefused(
                f"Others may use the key file {path} (mode {mode:04o}); it must be 0600."
                " 他人可使用该密钥文件:其权限须为 0600。"
            )
        lines = file.read().split()
    if not lines or not all(_LINE.fullmatch(line) for line in lines):
        raise KeyFileRefused(
            f"The key file {path} must hold one key of 64 hexadecimal digits a line."
            " 密钥文件须每行一把 64 位十六进制密钥。"
        )
    keys = [bytes.fromhex(line) for line in lines]
    return MasterKeys(keys[0], tuple(keys[1:]))


def ensure_key_file(path: Path) -> MasterKeys:
    """Read the key file, making it first where there is none: whole or not at all, whoever else starts now."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        half = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            _write(half, MasterKeys(secrets.token_bytes(KEY_BYTES)))
            _link(half, path)
        finally:
            half.unlink(missing_ok=True)
    return read_key_file(path)


def replace_key_file(path: Path, keys: MasterKeys) -> None:
    """Put other keys into the file's place: whoever reads it sees the former file or this one, whole."""
    half = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write(half, keys)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
    _settle(path.parent)


def _write(path: Path, keys: MasterKeys) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(keys.lines())
        file.flush()
        os.fsync(file.fileno())


def _link(half: Path, path: Path) -> None:
    try:
        path.hardlink_to(half)
    except FileExistsError:
        # Another process was faster; its key is the key.
        return
    _settle(path.parent)


def _settle(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
