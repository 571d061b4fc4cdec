"""API tokens: 32 random bytes of which only the SHA-256 is stored; scoped, expiring, revocable.

What a token *is* (institution, person, scopes) never changes; whether it is *valid* may change at any moment. So the
identity may be remembered by this process, the validity hardly:

- ``authenticate`` asks the database, always; one query, the same work whether or not there is such a token.
- ``recall`` is for reads: it may rely on an answer that is at most one second old.
- ``presume`` is for commands: it gives the remembered identity of whatever age, and the statement that reads for the
  decision must contain ``STILL_VALID``. So no write ever rests on a revoked token, and none pays a query of its own.

An answer may be lost on the wire, and with it a secret that nobody knows. So a token notes when it was first used, and
until then whoever asked for it gets another secret in its place by asking again; the one before opens nothing.

Tokens live by the database's clock: also in an institution whose own clock is simulated.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4, uuid5
from weakref import WeakValueDictionary

import asyncpg

__all__ = ["RECALLED_SECONDS", "STILL_VALID", "Created", "GivenBefore", "Identity", "Token", "Tokens"]

RECALLED_SECONDS: Final = 1.0
_PREFIX: Final = "bg_"
_SECRET_BYTES: Final = 32
_REMEMBERED: Final = 10_000

# Named in one place, so that no statement forgets a condition. A token that works once is good for its exchange only.
_ALIVE: Final = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"
_AUTHENTICATE: Final = f"""
SELECT log_id, token_id, person_id, scopes, engagement_id, used_at FROM token
WHERE hash = $1 AND NOT once AND {_ALIVE}
"""  # noqa: S608 - a constant of this module
# The row is locked: of a first use and of another secret in its place, each finds what the other has done.
_FIRST_USE: Final = f"""
UPDATE token SET used_at = coalesce(used_at, now()) WHERE hash = $1 AND NOT once AND {_ALIVE}
RETURNING log_id, token_id, person_id, scopes, engagement_id
"""  # noqa: S608 - see above
STILL_VALID: Final = f"SELECT EXISTS (SELECT FROM token WHERE hash = {{0}} AND NOT once AND {_ALIVE})"  # noqa: S608 - see above
"""The question that a decision's statement asks beside its own: is the token, by its hash, valid at this moment?"""
_CREATE: Final = """
INSERT INTO token (log_id, token_id, hash, person_id, scopes, once, expires_at, engagement_id)
VALUES ($1, $2, $3, $4, $5, $6, now() + $7::interval, $8)
"""
# Spending and creating are one statement: of two who exchange at the same time one finds nothing to spend.
_EXCHANGE: Final = f"""
WITH spent AS (
    UPDATE token SET used_at = now() WHERE hash = $1 AND once AND used_at IS NULL AND {_ALIVE}
    RETURNING log_id, person_id, scopes, engagement_id
)
INSERT INTO token (log_id, token_id, hash, person_id, scopes, once, expires_at, engagement_id)
SELECT log_id, $2, $3, person_id, scopes, false, now() + $4::interval, engagement_id FROM spent RETURNING token_id
"""  # noqa: S608 - see above
_ONCE: Final = f"SELECT log_id, token_id FROM token WHERE hash = $1 AND once AND {_ALIVE}"  # noqa: S608 - see above
_ASKED: Final = """
SELECT person_id, scopes, once, expires_at - created_at AS lifetime, engagement_id FROM token
WHERE log_id = $1 AND token_id = $2
"""
_RENEW: Final = f"""
UPDATE token SET hash = $3 WHERE log_id = $1 AND token_id = $2 AND used_at IS NULL AND {_ALIVE} RETURNING token_id
"""  # noqa: S608 - see above
_LIST: Final = """
SELECT token_id, person_id, scopes, once, created_at, expires_at, revoked_at, used_at, engagement_id FROM token
WHERE log_id = $1 AND person_id = coalesce($2, person_id) ORDER BY created_at, token_id
"""
_REVOKE: Final = "UPDATE token SET revoked_at = now() WHERE log_id = $1 AND token_id = $2 AND revoked_at IS NULL"


class GivenBefore(Exception):
    """There is a token of this id already: one for another request, or one whose secret is not replaced any more."""

    def __init__(self, token_id: UUID, *, for_another: bool = False) -> None:
        super().__init__(str(token_id))
        self.token_id = token_id
        self.for_another = for_another


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a token speaks for; the hash is for ``STILL_VALID`` and is never printed.

    A token bound to an audit engagement opens what that opens, and nothing else.
    """

    log_id: int
    token_id: UUID
    person_id: str
    scopes: frozenset[str]
    hash: bytes = field(repr=False)
    engagement_id: str | None = None


@dataclass(frozen=True, slots=True)
class Created:
    """A new token, or an unused one with another secret; the secret exists here only, and only now."""

    token_id: UUID
    secret: str = field(repr=False)
    renewed: bool = False


@dataclass(frozen=True, slots=True)
class Token:
    """What a list of tokens shows: everything but the secret, which is not known."""

    token_id: UUID
    person_id: str
    scopes: tuple[str, ...]
    once: bool
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None
    engagement_id: str | None = None


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def _new_secret() -> str:
    return _PREFIX + secrets.token_urlsafe(_SECRET_BYTES)


class Tokens:
    """Creates, recognises and revokes tokens."""

    def __init__(
        self, pool: asyncpg.Pool, seconds: Callable[[], float] = time.monotonic, remembered: int = _REMEMBERED
    ) -> None:
        self._pool = pool
        self._most = remembered
        self._seconds = seconds
        self._remembered: OrderedDict[bytes, tuple[Identity, float]] = OrderedDict()
        self._turns: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    async def create(
        self,
        log_id: int,
        person_id: str,
        scopes: Iterable[str],
        *,
        lifetime: timedelta | None = None,
        once: bool = False,
        token_id: UUID | None = None,
        engagement_id: str | None = None,
    ) -> Created:
        """Create a token; one that works ``once`` can be exchanged for an ordinary one and do nothing else.

        Asked for again by its id, an unused token gets another secret. Raises GivenBefore where it was used, revoked or
        outlived, or was made for another request.
        """
        created = Created(token_id or uuid4(), _new_secret())
        ordered = sorted(set(scopes))
        wanted = person_id, ordered, once, lifetime, engagement_id
        try:
            await self._pool.execute(_CREATE, log_id, created.token_id, _hash(created.secret), *wanted)
        except asyncpg.UniqueViolationError:
            there = await self._pool.fetchrow(_ASKED, log_id, created.token_id)
            if there is None or tuple(there) != wanted:
                raise GivenBefore(created.token_id, for_another=True) from None
            return await self._renewed(log_id, created)
        return created

    async def exchange(self, secret: str, *, key: str, lifetime: timedelta | None = None) -> Created | None:
        """Spend a token that works once for an ordinary one of the same person and scopes; None if there is none.

        Exchanged again under the same key, the ordinary one gets another secret as long as it is unused; GivenBefore is
        raised where it is not. Under another key a spent token is nobody's.
        """
        once = await self._pool.fetchrow(_ONCE, _hash(secret))
        if once is None:
            return None
        created = Created(uuid5(once["token_id"], key), _new_secret())
        hashes = _hash(secret), created.token_id, _hash(created.secret)
        if await self._pool.fetchval(_EXCHANGE, *hashes, lifetime):
            return created
        if await self._pool.fetchrow(_ASKED, once["log_id"], created.token_id) is None:
            return None
        return await self._renewed(once["log_id"], created)

    async def _renewed(self, log_id: int, created: Created) -> Created:
        """Put another secret in the place of one that was never used; raises GivenBefore."""
        if await self._pool.fetchval(_RENEW, log_id, created.token_id, _hash(created.secret)) is None:
            raise GivenBefore(created.token_id)
        return replace(created, renewed=True)

    async def list(self, log_id: int, person_id: str | None = None) -> tuple[Token, ...]:
        """List every token of an institution, or of one person, the oldest first."""
        rows = await self._pool.fetch(_LIST, log_id, person_id)
        return tuple(Token(**{**row, "scopes": tuple(row["scopes"])}) for row in rows)

    async def revoke(self, log_id: int, token_id: UUID) -> bool:
        """Revoke a token for ever; false where there was none to revoke."""
        return await self._pool.execute(_REVOKE, log_id, token_id) == "UPDATE 1"

    async def authenticate(self, secret: str) -> Identity | None:
        """Ask the database who presents this secret."""
        hashed, asked_at = _hash(secret), self._seconds()
        row = await self._pool.fetchrow(_AUTHENTICATE, hashed)
        if row is not None and row["used_at"] is None:
            row = await self._pool.fetchrow(_FIRST_USE, hashed)
        if row is None:
            self._remembered.pop(hashed, None)
            return None
        scopes = frozenset(row["scopes"])
        identity = Identity(row["log_id"], row["token_id"], row["person_id"], scopes, hashed, row["engagement_id"])
        # Dated from before the question: the answer may have been on its way for a while.
        self._remembered[hashed] = identity, asked_at
        self._remembered.move_to_end(hashed)
        if len(self._remembered) > self._most:
            self._remembered.popitem(last=False)
        return identity

    async def recall(self, secret: str) -> Identity | None:
        """Say who presents this secret, by an answer of the database that is at most a second old; for reads only."""
        hashed = _hash(secret)
        if (known := self._recent(hashed)) is not None:
            return known
        # Who asks at the same time shares one answer.
        async with self._turns.setdefault(hashed, asyncio.Lock()):
            return self._recent(hashed) or await self.authenticate(secret)

    def _recent(self, hashed: bytes) -> Identity | None:
        known = self._remembered.get(hashed)
        return known[0] if known is not None and self._seconds() - known[1] <= RECALLED_SECONDS else None

    async def presume(self, secret: str) -> Identity | None:
        """Say whose secret this is or was; only for callers whose next statement contains ``STILL_VALID``."""
        known = self._remembered.get(_hash(secret))
        return known[0] if known is not None else await self.authenticate(secret)
