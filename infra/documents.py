"""Documents: streamed in, sealed on the way, streamed out; never whole in memory, never plain in the database.

Every document has a key of its own, sealed under its subject's key, so that destroying the subject's key destroys its
documents; their pieces go with it. The **ciphertext** is a header, which commits to the key, and sealed pieces of 255
KiB (``infra/sealing.py``); the document's id is the SHA-256 of the ciphertext. Hence nothing can be guessed from an id,
the same text sent in twice has two ids, and an id still proves a copy of the ciphertext that nobody can open any more.

An upload is written piece by piece under an ``upload_id`` while it comes in, without holding a connection. Only its
last step gives it an id. What fails, or is cut off by its sender, is removed at once; what dies with the process, by
the sweep of ``infra/staging.py``, whose rule holds here too: a document is readable exactly when an event of its
command names it.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from infra.content import ContentProbe, NotAllowed
from infra.sealing import KEY_BYTES, PIECE_BYTES, Damaged, PieceOpener, PieceSealer, Truncated, bound, seal, unseal
from infra.staging import Attempt, drop_unused_keys, enter
from infra.vault import Vault

__all__ = [
    "LIMIT_BYTES",
    "Description",
    "Documents",
    "EmptyDocument",
    "NoSuchDocument",
    "NotAllowed",
    "Received",
    "TooLarge",
    "Truncated",
]

LIMIT_BYTES: Final = 20 * 1024 * 1024

_BEGIN = "INSERT INTO document (log_id, upload_id, subject_id, kind, command_id) VALUES ($1, $2, $3, $4, $5)"
_PIECE = "INSERT INTO document_chunk (log_id, upload_id, seq, bytes) VALUES ($1, $2, $3, $4)"
_FINISH = """
UPDATE document SET document_id = $3, media_type = $4, size = $5, pieces = $6, sealed_key = $7
WHERE log_id = $1 AND upload_id = $2
"""
_FORGET = "DELETE FROM document WHERE log_id = $1 AND upload_id = $2"
_THERE = """
SELECT document_id, subject_id, kind, media_type, size, sealed_key FROM document
WHERE log_id = $1 AND command_id = $2 AND subject_id = $3 AND kind = $4 AND document_id IS NOT NULL
"""
_NAMED = """
SELECT upload_id, document_id, subject_id, kind, media_type, size, pieces, sealed_key FROM document
WHERE log_id = $1 AND document_id = $2 AND coalesce(position, named_at(log_id, command_id, document_id)) IS NOT NULL
"""
_KEY_PLACE = ("document_id", "subject_id", "kind", "media_type", "size")
_READ_PIECE = "SELECT bytes FROM document_chunk WHERE log_id = $1 AND upload_id = $2 AND seq = $3"


class TooLarge(Exception):
    """There are more bytes than are taken in."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"A document has at most {limit} bytes.")
        self.limit = limit


class EmptyDocument(Exception):
    """There is not one byte."""


class NoSuchDocument(Exception):
    """The record names no such document."""


@dataclass(frozen=True, slots=True)
class Received:
    """What came in, as its event says it; the digest of the text only where the text is public."""

    document_id: str
    kind: str
    media_type: str
    size: int
    plaintext_digest: str | None


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of a document without opening it."""

    document_id: str
    subject_id: str
    kind: str
    media_type: str
    size: int


@dataclass(slots=True)
class _Upload:
    """An upload on its way: where it goes, what has passed, and what is not yet a full piece."""

    subject_id: str
    kind: str
    sealer: PieceSealer
    key: bytes = field(repr=False)
    probe: ContentProbe
    upload_id: UUID
    ciphertext: hashlib._Hash = field(default_factory=hashlib.sha256)
    plaintext: hashlib._Hash = field(default_factory=hashlib.sha256)
    size: int = 0
    pieces: int = 0
    held: bytearray = field(default_factory=bytearray, repr=False)


class Documents:
    """Takes documents in and hands them out."""

    def __init__(self, pool: asyncpg.Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    # --- in -----------------------------------------------------------------------------------------------------------

    async def receive(
        self,
        attempt: Attempt,
        subject_id: str,
        kind: str,
        chunks: AsyncIterator[bytes],
        *,
        declared_media_type: str | None = None,
        announced_size: int | None = None,
        limit: int = LIMIT_BYTES,
        public: bool = False,
    ) -> Received:
        """Seal a stream as one document of a command; its event must carry the id returned.

        Raises TooLarge, EmptyDocument, NotAllowed, Truncated (fewer bytes than announced) and KeyDestroyed; whatever it
        raises, and also when it is cancelled, nothing of the upload stays.
        """
        if announced_size is not None and announced_size > limit:
            raise TooLarge(limit)
        upload = await self._begin(attempt, subject_id, kind, declared_media_type)
        try:
            async for chunk in chunks:
                await self._take(attempt.log_id, upload, chunk, limit)
            media_type = _judge(upload, announced_size)
            await self._write(attempt.log_id, upload, bytes(upload.held), last=True)
            document_id = await self._finish(attempt, upload, media_type)
        except BaseException:
            await asyncio.shield(self._forget(attempt.log_id, upload))
            raise
        digest = upload.plaintext.hexdigest() if public else None
        return Received(document_id, kind, media_type, upload.size, digest)

    async def receive_bytes(
        self, attempt: Attempt, subject_id: str, kind: str, content: bytes, *, media_type: str = "text/plain"
    ) -> Received:
        """Seal a short text that is whole already: the answers of a form, a reason."""

        async def one() -> AsyncIterator[bytes]:
            yield content

        return await self.receive(attempt, subject_id, kind, one(), declared_media_type=media_type)

    async def _begin(self, attempt: Attempt, subject_id: str, kind: str, declared: str | None) -> _Upload:
        key, upload_id = secrets.token_bytes(KEY_BYTES), uuid4()
        sealer = PieceSealer(key, bound("document piece", attempt.log_id, subject_id, kind))
        upload = _Upload(subject_id, kind, sealer, key, ContentProbe(declared), upload_id)
        async with self._pool.acquire() as connection, connection.transaction():
            await enter(connection, attempt)
            await self._vault.ensure_key(connection, attempt.log_id, subject_id)
            await connection.execute(_BEGIN, attempt.log_id, upload_id, subject_id, kind, attempt.command_id)
            await connection.execute(_PIECE, attempt.log_id, upload_id, 0, sealer.header)
        upload.ciphertext.update(sealer.header)
        return upload

    async def _take(self, log_id: int, upload: _Upload, chunk: bytes, limit: int) -> None:
        upload.size += len(chunk)
        if upload.size > limit:
            raise TooLarge(limit)
        upload.probe.feed(chunk)
        upload.plaintext.update(chunk)
        upload.held += chunk
        # One full piece is always held back: it may turn out to be the last one.
        while len(upload.held) > PIECE_BYTES:
            await self._write(log_id, upload, bytes(upload.held[:PIECE_BYTES]), last=False)
            del upload.held[:PIECE_BYTES]

    async def _write(self, log_id: int, upload: _Upload, piece: bytes, *, last: bool) -> None:
        sealed = upload.sealer.seal(piece, last=last)
        upload.ciphertext.update(sealed)
        upload.pieces += 1
        await self._pool.execute(_PIECE, log_id, upload.upload_id, upload.pieces, sealed)

    async def _finish(self, attempt: Attempt, upload: _Upload, media_type: str) -> str:
        log_id, document_id = attempt.log_id, upload.ciphertext.hexdigest()
        async with self._pool.acquire() as connection, connection.transaction():
            await enter(connection, attempt)
            subject_key = await self._vault.ensure_key(connection, log_id, upload.subject_id)
            there = await connection.fetch(_THERE, log_id, attempt.command_id, upload.subject_id, upload.kind)
            for row in there:
                # An earlier attempt of this command brought the same text: its document stands, this one goes.
                if _open_key(subject_key, log_id, row)[1] == upload.plaintext.digest():
                    await connection.execute(_FORGET, log_id, upload.upload_id)
                    earlier: str = row["document_id"]
                    return earlier
            place = bound("document key", log_id, document_id, upload.subject_id, upload.kind, media_type, upload.size)
            sealed_key = seal(subject_key, upload.key + upload.plaintext.digest(), place)
            found = await connection.execute(
                _FINISH, log_id, upload.upload_id, document_id, media_type, upload.size, upload.pieces, sealed_key
            )
            if found != "UPDATE 1":
                raise Truncated("The upload took so long that it was swept away.")
        return document_id

    async def _forget(self, log_id: int, upload: _Upload) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(_FORGET, log_id, upload.upload_id)
            await drop_unused_keys(connection, log_id, [upload.subject_id])

    # --- out ----------------------------------------------------------------------------------------------------------

    async def describe(self, log_id: int, document_id: str) -> Description:
        """Say what a document is, without opening it."""
        row = await self._named(log_id, document_id)
        return Description(document_id, row["subject_id"], row["kind"], row["media_type"], row["size"])

    async def stream(self, log_id: int, document_id: str) -> AsyncIterator[bytes]:
        """Open a document piece by piece; the last piece comes only when the whole ciphertext has proved its id."""
        row = await self._named(log_id, document_id)
        key, plaintext_digest = _open_key(await self._vault.key(log_id, row["subject_id"]), log_id, row)
        pieces = self._pieces(log_id, row)
        header = await anext(pieces)
        opener = PieceOpener(key, bound("document piece", log_id, row["subject_id"], row["kind"]), header)
        ciphertext, plaintext = hashlib.sha256(header), hashlib.sha256()
        number = 0
        async for sealed in pieces:
            number += 1
            last = number == row["pieces"]
            piece = opener.open(sealed, last=last)
            ciphertext.update(sealed)
            plaintext.update(piece)
            if last and (ciphertext.hexdigest() != document_id or plaintext.digest() != plaintext_digest):
                raise Damaged(f"Document {document_id} is not what its id says.")
            yield piece

    async def read(self, log_id: int, document_id: str) -> bytes:
        """Open a short document whole."""
        return b"".join([piece async for piece in self.stream(log_id, document_id)])

    async def ciphertext(self, log_id: int, document_id: str) -> AsyncIterator[bytes]:
        """Hand out the ciphertext for a bundle. Raises Truncated where it was erased: only its id is left then."""
        async for piece in self._pieces(log_id, await self._named(log_id, document_id)):
            yield piece

    async def _named(self, log_id: int, document_id: str) -> asyncpg.Record:
        row = await self._pool.fetchrow(_NAMED, log_id, document_id)
        if row is None:
            raise NoSuchDocument(f"The record names no document {document_id}.")
        return row

    async def _pieces(self, log_id: int, row: asyncpg.Record) -> AsyncIterator[bytes]:
        # One query a piece instead of a cursor: a slow reader must not hold a connection and a transaction open.
        for seq in range(row["pieces"] + 1):
            piece: bytes | None = await self._pool.fetchval(_READ_PIECE, log_id, row["upload_id"], seq)
            if piece is None:
                raise Truncated(f"Piece {seq} of document {row['document_id']} is missing.")
            yield piece


def _judge(upload: _Upload, announced_size: int | None) -> str:
    if upload.size == 0:
        raise EmptyDocument("A document has at least one byte.")
    if announced_size is not None and upload.size < announced_size:
        raise Truncated(f"{announced_size} bytes were announced, {upload.size} came.")
    return upload.probe.media_type()


def _open_key(subject_key: bytes, log_id: int, row: asyncpg.Record) -> tuple[bytes, bytes]:
    place = bound("document key", log_id, *(row[name] for name in _KEY_PLACE))
    opened = unseal(subject_key, row["sealed_key"], place)
    return opened[:KEY_BYTES], opened[KEY_BYTES:]
