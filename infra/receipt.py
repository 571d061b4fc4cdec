"""Receipts (C2SP tlog-proof): that one line stands in a signed log, for whoever has the line and the log's key.

Nothing else is needed to check one: no server, and no trust in whoever handed it over.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from infra.line import leaf
from infra.note import Checkpoint, NoteRefused, Verifier, opened
from infra.tree import HASH, proves_inclusion

__all__ = ["Receipt", "ReceiptRefused"]

_VERSION: Final = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,15})")


class ReceiptRefused(Exception):
    """This is no receipt, or it does not prove what it is said to; the sentence says which."""


@dataclass(frozen=True)
class Receipt:
    """The index of a leaf, its path to the root of a checkpoint, and the signed checkpoint."""

    index: int
    path: tuple[bytes, ...]
    note: str

    @property
    def position(self) -> int:
        """The position whose line this is about."""
        return self.index + 1

    def __str__(self) -> str:
        """The receipt as it is handed out."""
        hashes = "".join(f"{base64.b64encode(each).decode()}\n" for each in self.path)
        return f"{_VERSION}\nindex {self.index}\n{hashes}\n{self.note}"

    @classmethod
    def parse(cls, text: str) -> Receipt:
        """Read a receipt. Raises ReceiptRefused."""
        head, gap, note = text.partition("\n\n")
        version, *lines = head.split("\n")
        if not gap or version != _VERSION or not lines:
            raise ReceiptRefused(f"this is no receipt: it does not begin with {_VERSION} and an index")
        index = _INDEX.fullmatch(lines[0])
        if index is None:
            raise ReceiptRefused("this is no receipt: its second line names no index")
        return cls(int(index[1]), tuple(_hash(line) for line in lines[1:]), note)

    def proves(self, canonical: bytes, verifier: Verifier) -> Checkpoint:
        """The checkpoint under which the line stands. Raises ReceiptRefused where it does not, or is not signed."""
        try:
            text, _ = opened(self.note, [verifier])
            checkpoint = Checkpoint.parse(text)
        except NoteRefused as refused:
            raise ReceiptRefused(f"its checkpoint does not hold: {refused}") from None
        if checkpoint.origin != verifier.name:
            raise ReceiptRefused(f"its checkpoint is of {checkpoint.origin}, the key of {verifier.name}")
        if not proves_inclusion(leaf(canonical), self.index, self.path, checkpoint.size, checkpoint.root):
            raise ReceiptRefused(f"the line does not stand at position {self.position} under this checkpoint")
        return checkpoint


def _hash(line: str) -> bytes:
    try:
        found = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != HASH:
        raise ReceiptRefused(f"this is no receipt: a line of its path is not {HASH} bytes in base64")
    return found
