"""What is served side by side: the product, a bare ASGI application, and a plain route of its web framework.

``python -m bench.http_apps KIND DATABASE_URL LOG_ID KEY_FILE PORT [PROFILE]``
"""

from __future__ import annotations

import cProfile
import hashlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec
import uvicorn
from litestar import Litestar, Response, get

from api.app import application
from domain.ids import InstitutionId, UnitId
from domain.kernel import Envelope
from domain.lifecycle import CATALOGUE
from domain.permission.policy import STANDING
from domain.unit.events import UnitRegistered
from domain.unit.policy import TREE_FACTS
from infra.assembly import open_pool
from infra.event_store import EventStore
from infra.log import configure
from infra.master_key import ensure_key_file
from infra.record import Accepted, Check, Fact, Item, Proposal
from infra.tokens import STILL_VALID
from infra.view_batch import CONSUMERS
from infra.view_build import live
from infra.view_tables import SCHEMA, Shape, quoted
from projections.organisation import ORGANISATION

ORIGIN: Final = "BENCH"
ADMINISTRATOR: Final = "8a3f2f6e-5f0a-4f43-9f7d-0c6f6f1f2a11"
_TREE: Final = tuple(sorted(kind.TOPIC for kind in TREE_FACTS))
_STANDING: Final = tuple(kind.TOPIC for kind in STANDING)
_NAMES: Final = UUID("6b1f6c1e-3c52-5d0e-9d53-9a1d5f0b7a11")
_JSON: Final = [(b"content-type", b"application/json")]

# One row as it stands, with the position that it reflects: what a read by key tells, asked for one key alone.
_BY_KEY: Final = """
SELECT (SELECT v.relation FROM view.live v WHERE v.name = $2) AS live,
       coalesce((SELECT c.position FROM checkpoint c WHERE c.log_id = $1 AND c.consumer = $3), 0) AS reached, r.*
FROM (SELECT 1) AS always LEFT JOIN LATERAL (
    SELECT {columns} FROM {table} t WHERE t.log_id = $1 AND t.unit_id = $4
    ORDER BY t.from_position DESC LIMIT 1
) AS r ON true
"""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Any, Any], Awaitable[None]]


class Body(msgspec.Struct, frozen=True):
    unit_id: UnitId
    kind: str
    name_zh: str
    name_en: str
    valid_on: date


class Bare:
    """No framework, no law, no checks of its own: the same reading, the same append, the same row, and nothing else."""

    def __init__(self, url: str, log_id: int) -> None:
        self._url, self._log_id = url, log_id
        self._stack = AsyncExitStack()
        self._decode = msgspec.json.Decoder(Body).decode
        self._shape = Shape(ORGANISATION)

    async def open(self) -> None:
        self._pool = await self._stack.enter_async_context(open_pool(self._url, name="bare"))
        self._store = await self._stack.enter_async_context(EventStore(self._pool, self._log_id, CATALOGUE))
        relation = (await live(self._pool))[ORGANISATION.name].relation
        sql = _BY_KEY.format(columns=self._shape.columns, table=f"{SCHEMA}.{quoted(relation)}")
        self._asked = (sql, self._log_id, ORGANISATION.name, CONSUMERS + relation)

    async def close(self) -> None:
        await self._stack.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for work, answer in ((self.open, "startup"), (self.close, "shutdown")):
                await receive()
                await work()
                await send({"type": f"lifespan.{answer}.complete"})
            return
        if scope["method"] == "POST":
            status, body = 201, await self._register(dict(scope["headers"]), (await receive())["body"])
        else:
            status, body = 200, await self.row(scope["path"].rpartition("/")[2])
        length = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": _JSON + length})
        await send({"type": "http.response.body", "body": body})

    async def row(self, unit_id: str) -> bytes:
        record = await self._pool.fetchrow(*self._asked, unit_id)
        if record is None:
            raise LookupError(unit_id)
        return msgspec.json.encode(self._shape.decode(tuple(record)[2:]))

    async def _register(self, headers: dict[bytes, bytes], data: bytes) -> bytes:
        asked = self._decode(data)
        token = hashlib.sha256(headers[b"authorization"][7:]).digest()
        command_id = uuid5(_NAMES, headers[b"idempotency-key"].decode())
        items = (Item(_TREE, (f"unit:{asked.unit_id}",)), Item(_STANDING, (f"person:{ADMINISTRATOR}",)))
        checks = (Check("select clock_timestamp()"), Check(STILL_VALID, (token,)))
        known = await self._store.read_for_decision(items, command_id, checks)
        now = known.answers[0]
        envelope = Envelope(
            actor_id=ADMINISTRATOR, actor_kind="person", authority="founding-administrator", command_id=command_id,
            correlation_id=command_id, received_at=now, effective_at=now,
        )  # fmt: skip
        event = UnitRegistered(
            unit_id=asked.unit_id, institution_id=InstitutionId(ORIGIN), kind=asked.kind, name_zh=asked.name_zh,
            name_en=asked.name_en, parent_unit_id=None, traits=(), valid_on=asked.valid_on,
        )  # fmt: skip
        proposal = Proposal(
            request_hash=hashlib.sha256(data).digest(),
            facts=(Fact.of(event),),
            envelope=envelope,
            items=items,
            seen=self._store.overlay(items, known),
        )
        outcome = await self._store.append(proposal)
        if not isinstance(outcome, Accepted):
            raise TypeError(outcome)
        return msgspec.json.encode(outcome.receipt)


def framework(url: str, log_id: int) -> Litestar:
    """One route of the framework that the product uses, doing the bare application's query."""
    bare = Bare(url, log_id)

    @asynccontextmanager
    async def opened(_: Litestar) -> AsyncIterator[None]:
        await bare.open()
        yield
        await bare.close()

    @get("/v1/units/{unit_id:str}")
    async def row(unit_id: str) -> Response[bytes]:
        return Response(await bare.row(unit_id), media_type="application/json")

    return Litestar([row], lifespan=[opened], openapi_config=None, logging_config=None)


def served(kind: str, url: str, log_id: int, key_file: Path) -> Application:
    kinds: dict[str, Callable[[], Application]] = {
        "product": lambda: application(url, lambda: ensure_key_file(key_file)),
        "bare": lambda: Bare(url, log_id),
        "framework": lambda: framework(url, log_id),
    }
    return kinds[kind]()


class Watched:
    """An application under a profiler, from its first request on: how it starts is another question."""

    def __init__(self, inside: Application) -> None:
        self.inside = inside
        # By the processor's time, since others may be at work on this machine.
        self.profiler = cProfile.Profile(time.thread_time)
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._begun:
            self._begun = True
            self.profiler.enable()
        await self.inside(scope, receive, send)


def main() -> None:
    kind, url, log_id, key_file, port, *profile = sys.argv[1:]
    configure("api", "INFO")
    app = Watched(served(kind, url, int(log_id), Path(key_file)))
    # As `python -m api` serves.
    config = uvicorn.Config(
        app if profile else app.inside, port=int(port), loop="uvloop", http="httptools", lifespan="on", log_config=None,
        access_log=False, server_header=False, proxy_headers=False,
    )  # fmt: skip
    # The server raises the signal that stopped it once more, when it is done.
    signal.signal(signal.SIGTERM, lambda *_: None)
    uvicorn.Server(config).run()
    if profile:
        app.profiler.dump_stats(profile[0])


if __name__ == "__main__":
    main()
