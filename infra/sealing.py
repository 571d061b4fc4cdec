"""Sealing and opening bytes: pure functions over keys, no storage.

Everything is AES-256-GCM. The associated data names the purpose and the place (log, subject, kind, …), so that a sealed
thing moved elsewhere does not open. Short things are sealed whole; documents are sealed piece by piece, in the STREAM
construction: the nonce of a piece is its number and whether it is the last, so pieces cannot be swapped, repeated or
cut off. The ciphertext of a document begins with a header that commits to its key; without it one could craft a
ciphertext that opens to two different texts under two keys, and its digest would prove neither.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = [
    "HEADER_BYTES",
    "KEY_BYTES",
    "PIECE_BYTES",
    "SALT_BYTES",
    "TAG_BYTES",
    "Damaged",
    "PieceOpener",
    "PieceSealer",
    "Truncated",
    "bound",
    "commitment",
    "open_pieces",
    "pad",
    "seal",
    "unpad",
    "unseal",
]

KEY_BYTES = 32
SALT_BYTES = 32
TAG_BYTES = 16
# A sealed piece and its tag stay below 256 KiB, the largest row of a document.
PIECE_BYTES = 255 * 1024

_NONCE_BYTES = 12
_PADDED_TO = 256
_LENGTH_BYTES = 4
_MAGIC = b"BGD1"
HEADER_BYTES = len(_MAGIC) + hashlib.sha256().digest_size


class Damaged(Exception):
    """What was sealed does not open: altered, moved, or sealed under another key."""


class Truncated(Exception):
    """There are fewer bytes than there must be."""


def bound(purpose: str, log_id: int, *place: str | int) -> bytes:
    """Name a purpose and a place as associated data; two different ones never give the same bytes."""
    return json.dumps(["biaogan", purpose, log_id, *place], ensure_ascii=True, separators=(",", ":")).encode()


def commitment(salt: bytes, plaintext: bytes) -> bytes:
    """Commit to a text without telling it; the salt has a fixed length, so the two cannot be shifted."""
    return hashlib.sha256(salt + plaintext).digest()


def seal(key: bytes, plaintext: bytes, place: bytes) -> bytes:
    """Seal a short thing under a fresh random nonce."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, place)


def unseal(key: bytes, sealed: bytes, place: bytes) -> bytes:
    """Open what ``seal`` made, or raise Damaged."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place)
    except (InvalidTag, ValueError) as fault:
        raise Damaged("A sealed envelope does not open.") from fault


def pad(plaintext: bytes) -> bytes:
    """Bring a text to a multiple of 256 bytes: the length of a ciphertext must not tell a score or a short name."""
    framed = len(plaintext).to_bytes(_LENGTH_BYTES, "big") + plaintext
    return framed + bytes(-len(framed) % _PADDED_TO)


def unpad(padded: bytes) -> bytes:
    """Undo ``pad``."""
    length = int.from_bytes(padded[:_LENGTH_BYTES], "big")
    return padded[_LENGTH_BYTES : _LENGTH_BYTES + length]


def _header(key: bytes, place: bytes) -> bytes:
    return _MAGIC + hmac.digest(key, b"biaogan document key\x00" + place, "sha256")


def _nonce(number: int, *, last: bool) -> bytes:
    # The key is used for this one document only, so a counter is a safe nonce.
    return number.to_bytes(_NONCE_BYTES - 1, "big") + bytes([last])


class PieceSealer:
    """Seals one document from its first piece to its last."""

    def __init__(self, key: bytes, place: bytes, piece_bytes: int = PIECE_BYTES) -> None:
        self.header = _header(key, place)
        self._cipher = AESGCM(key)
        self._place = place
        self._piece_bytes = piece_bytes
        self._number = 0
        self._ended = False

    def seal(self, piece: bytes, *, last: bool) -> bytes:
        """Seal the next piece; every piece but the last is full, and the last is not empty."""
        full = len(piece) == self._piece_bytes
        if self._ended or not piece or len(piece) > self._piece_bytes or not (full or last):
            raise ValueError("Pieces are full up to the last one, and nothing follows it.")
        sealed = self._cipher.encrypt(_nonce(self._number, last=last), piece, self._place)
        self._number += 1
        self._ended = last
        return sealed


class PieceOpener:
    """Opens one document from its first piece to its last."""

    def __init__(self, key: bytes, place: bytes, header: bytes, piece_bytes: int = PIECE_BYTES) -> None:
        if not hmac.compare_digest(header, _header(key, place)):
            raise (
                Truncated("The header is cut.")
                if len(header) < HEADER_BYTES
                else Damaged("The header is not this key's.")
            )
        self._cipher = AESGCM(key)
        self._place = place
        self._sealed_bytes = piece_bytes + TAG_BYTES
        self._number = 0

    def open(self, sealed: bytes, *, last: bool) -> bytes:
        """Open the next piece, or raise Damaged; raise Truncated where the last one is not the last that was sealed."""
        if len(sealed) > self._sealed_bytes or (len(sealed) < self._sealed_bytes and not last):
            raise Damaged(f"Piece {self._number} has a wrong length.")
        number, self._number = self._number, self._number + 1
        opened = self._decrypt(sealed, number, last=last)
        if opened is not None:
            return opened
        if last and self._decrypt(sealed, number, last=False) is not None:
            raise Truncated(f"Pieces after number {number} are missing.")
        raise Damaged(f"Piece {number} does not open.")

    def _decrypt(self, sealed: bytes, number: int, *, last: bool) -> bytes | None:
        try:
            return self._cipher.decrypt(_nonce(number, last=last), sealed, self._place)
        except (InvalidTag, ValueError):
            return None


def open_pieces(
    key: bytes, place: bytes, ciphertext: Iterable[bytes], piece_bytes: int = PIECE_BYTES
) -> Iterator[bytes]:
    """Open header and pieces in order: what a reader of an exported ciphertext does."""
    pieces = iter(ciphertext)
    opener = PieceOpener(key, place, next(pieces, b""), piece_bytes)
    held = next(pieces, None)
    if held is None:
        raise Truncated("There is no piece at all.")
    for following in pieces:
        yield opener.open(held, last=False)
        held = following
    yield opener.open(held, last=True)
