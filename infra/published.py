"""Files that were published: kept by the digest of their bytes, handed out unchanged, never removed.

Which files were published is a matter of the record, which names their digests; here are the bytes alone. Who dies
between keeping a file and recording it leaves bytes that nothing names, and that a second attempt finds there already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

import asyncpg

__all__ = ["FileDamaged", "FileMissing", "PublishedFiles", "digest_of"]

_KEEP: Final = """
INSERT INTO published_file (log_id, digest, bytes) SELECT $1, f.* FROM unnest($2::text[], $3::bytea[]) AS f
ON CONFLICT DO NOTHING
"""
_READ: Final = "SELECT bytes FROM published_file WHERE log_id = $1 AND digest = $2"


class FileMissing(Exception):
    """No file of this digest is kept."""


class FileDamaged(Exception):
    """The bytes that are kept are not those of the digest."""


def digest_of(content: bytes) -> str:
    """The SHA-256 of some bytes, in lower-case hexadecimal."""
    return hashlib.sha256(content).hexdigest()


class PublishedFiles:
    """Keeps files of any log of one database, and hands them out."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    async def keep(self, log_id: int, contents: Iterable[bytes]) -> None:
        """Keep files, each by its digest; one that is there already stays as it is."""
        by_digest = {digest_of(content): content for content in contents}
        await self._pool.execute(_KEEP, log_id, list(by_digest), list(by_digest.values()))

    async def read(self, log_id: int, digest: str) -> bytes:
        """The bytes of a digest. Raises FileMissing, or FileDamaged where somebody changed them in the table."""
        content: bytes | None = await self._pool.fetchval(_READ, log_id, digest)
        if content is None:
            raise FileMissing(digest)
        if digest_of(content) != digest:
            raise FileDamaged(digest)
        return content
