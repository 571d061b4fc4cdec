"""Signed notes (C2SP signed-note) and what this product signs with them: checkpoints of a log (C2SP tlog-checkpoint).

A note is a text that ends in a line feed, an empty line, and a line for each signature: an em dash, the name of the
key, and in base64 the first four bytes of the key's hash and the signature (Ed25519, RFC 8032). Reading is strict: what
is not exactly such a note is none.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["Checkpoint", "NoteRefused", "Signer", "Verifier", "opened", "signed"]

_ED25519: Final = b"\x01"
_KEY_BYTES: Final = 32
_HASH_BYTES: Final = 4
_DASH: Final = "\u2014 "
_MOST_BYTES: Final = 1_000_000
_NAME = re.compile(r"[^\s+\x00-\x20\x7f]+")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_ROOT_BYTES: Final = 32


class NoteRefused(Exception):
    """What was given is no note, no checkpoint, or not signed by a known key; the sentence says which."""


def _key_hash(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:_HASH_BYTES]


def _decoded(text: str, what: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteRefused(f"{what} is not base64") from None
    if base64.b64encode(found).decode() != text:
        raise NoteRefused(f"{what} is not base64 as it is written")
    return found


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise NoteRefused("the name of a key has no space and no plus sign")
    return name


# --- keys ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verifier:
    """A public key with its name, as it is handed to whoever verifies."""

    name: str
    public: bytes

    @property
    def key_hash(self) -> bytes:
        """What a signature line names the key by."""
        return _key_hash(self.name, self.public)

    def __str__(self) -> str:
        """The key in the vkey encoding: name, hash and base64 of the algorithm's byte and the key."""
        return f"{self.name}+{self.key_hash.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Read a vkey. Raises NoteRefused."""
        name, _, rest = text.strip().partition("+")
        key_hash, _, encoded = rest.partition("+")
        key = _decoded(encoded, "the key")
        if key[:1] != _ED25519 or len(key) != 1 + _KEY_BYTES:
            raise NoteRefused("the key is not an Ed25519 key")
        found = cls(_named(name), key[1:])
        if key_hash != found.key_hash.hex():
            raise NoteRefused("the key is not the one that its hash names")
        return found

    def verifies(self, text: str, signature: bytes) -> bool:
        """Whether this key signed the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """A private key with its name; never printed."""

    name: str
    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def fresh(cls, name: str) -> Signer:
        """Make a key."""
        return cls(_named(name), Ed25519PrivateKey.generate())

    @classmethod
    def parse(cls, text: str) -> Signer:
        """Read a private key as ``secret`` wrote it. Raises NoteRefused, without a word of the key."""
        found = re.fullmatch(r"PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)", text.strip())
        if found is None:
            raise NoteRefused("this is no private key of a note")
        key = _decoded(found[3], "the private key")
        if key[:1] != _ED25519 or len(key) != 1 + _KEY_BYTES:
            raise NoteRefused("the private key is not an Ed25519 key")
        signer = cls(_named(found[1]), Ed25519PrivateKey.from_private_bytes(key[1:]))
        if signer.verifier.key_hash.hex() != found[2]:
            raise NoteRefused("the private key is not the one that its hash names")
        return signer

    def secret(self) -> str:
        """The private key in the encoding of Go's ``note``, for the file that only the signer reads."""
        raw = self.private.private_bytes(
            serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
        )
        return f"PRIVATE+KEY+{self.name}+{self.verifier.key_hash.hex()}+{base64.b64encode(_ED25519 + raw).decode()}"

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        public = self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return Verifier(self.name, public)

    def line(self, text: str) -> str:
        """The signature line of a text."""
        signature = self.verifier.key_hash + self.private.sign(text.encode())
        return f"{_DASH}{self.name} {base64.b64encode(signature).decode()}\n"


# --- notes -----------------------------------------------------------------------------------------------------------


def signed(text: str, signers: Iterable[Signer]) -> str:
    """A text as a note, signed by each."""
    if not text.endswith("\n") or text.endswith("\n\n") or _CONTROL.search(text):
        raise NoteRefused("a note's text ends in one line feed and has no control character")
    return text + "\n" + "".join(signer.line(text) for signer in signers)


def opened(note: str, known: Sequence[Verifier]) -> tuple[str, tuple[Verifier, ...]]:
    """The text of a note and whose signatures it bears, of the known keys.

    Signatures of unknown keys are passed over. Raises NoteRefused where it is no note, where a known key's signature
    does not hold, or where no known key signed.
    """
    if len(note.encode()) > _MOST_BYTES or _CONTROL.search(note):
        raise NoteRefused("this is no note: too long, or with a control character")
    head, gap, tail = note.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise NoteRefused("this is no note: its signatures are missing or cut off")
    text = head + "\n"
    holders: list[Verifier] = []
    for each in tail.removesuffix("\n").split("\n"):
        name, key_hash, signature = _signature(each)
        for verifier in known:
            if (verifier.name, verifier.key_hash) == (name, key_hash):
                if not verifier.verifies(text, signature):
                    raise NoteRefused(f"the signature of {name} does not hold")
                if verifier not in holders:
                    holders.append(verifier)
    if not holders:
        raise NoteRefused("no known key signed this note")
    return text, tuple(holders)


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, gap, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not gap or not _NAME.fullmatch(name):
        raise NoteRefused("this is no note: a line that is no signature stands among them")
    found = _decoded(encoded, "a signature")
    if len(found) <= _HASH_BYTES:
        raise NoteRefused("a signature is too short")
    return name, found[:_HASH_BYTES], found[_HASH_BYTES:]


# --- checkpoints -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Checkpoint:
    """What a log says of itself: its origin, how many leaves it has, and their root."""

    origin: str
    size: int
    root: bytes
    extension: tuple[str, ...] = ()

    def text(self) -> str:
        """The text that is signed."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extension)
        if any(not line or "\n" in line for line in lines):
            raise NoteRefused("no line of a checkpoint is empty or broken")
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read the text of a checkpoint. Raises NoteRefused."""
        lines = text.split("\n")
        if lines.pop() or len(lines) < 3 or not all(lines):  # noqa: PLR2004 - Origin, size and root.
            raise NoteRefused("a checkpoint has three lines at least, none of them empty")
        origin, size, root, *extension = lines
        if not _SIZE.fullmatch(size):
            raise NoteRefused("the size of a checkpoint is a whole number without leading zeros")
        decoded = _decoded(root, "the root")
        if len(decoded) != _ROOT_BYTES:
            raise NoteRefused(f"the root of a checkpoint has {_ROOT_BYTES} bytes")
        return cls(origin, int(size), decoded, tuple(extension))
