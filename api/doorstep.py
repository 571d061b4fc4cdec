"""What happens to every request alike, known route or not: its id, its log line, its figures, its safe headers."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any, Final

import asyncpg
import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from infra.checkpoints import lags
from infra.log import during, logger, request_id

__all__ = ["ASKED", "REQUEST_ID", "ROUTE", "SIMULATED", "Doorstep", "Figures"]

ROUTE: Final = "biaogan.route"
REQUEST_ID: Final = "biaogan.request_id"
"""Where a matched route leaves its template in the scope, and where its id stands; addresses are never logged."""
SIMULATED: Final[ContextVar[bool]] = ContextVar("simulated", default=False)
"""Whether the institution that a request turned out to be for lives by a simulated clock; every answer says so."""
ASKED: Final[ContextVar[str]] = ContextVar("asked", default="")
"""What a request asks for, by method, path and query, for the journal of an audit engagement."""
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_STARTS: Final = re.compile(rb"content-security-policy|cache-control", re.IGNORECASE)
_SAFE: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_POLICY: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
_PRIVATE: Final = (b"cache-control", b"private, no-cache")

_HEADS: Final = "SELECT l.log_id, coalesce(max(e.position), 0) AS head FROM log l LEFT JOIN LATERAL ("
_HEADS_REST: Final = (
    "SELECT position FROM event WHERE log_id = l.log_id ORDER BY position DESC LIMIT 1) e ON true GROUP BY 1"
)
_CHECKPOINTS: Final = "SELECT log_id, consumer, position FROM checkpoint"
_OPEN_ROWS: Final = (
    "SELECT log_id, automation, state, count(*) AS rows, extract(epoch FROM now() - min(entered_at))::float8 AS age"
    " FROM outbox WHERE state IN ('pending', 'dead') GROUP BY 1, 2, 3"
)

_CERTIFIED: Final = """
SELECT l.log_id, convert_from(e.data, 'UTF8')::jsonb AS told FROM log l CROSS JOIN LATERAL (
    SELECT t.position FROM event_tag t
    WHERE t.log_id = l.log_id AND t.tag = 'institution:' || l.origin AND t.type = 'audit.replay_certified.v1'
    ORDER BY t.position DESC LIMIT 1
) newest JOIN event e ON e.log_id = l.log_id AND e.position = newest.position
"""


class Figures:
    """What the product counts about itself, by route templates and positions, never by content."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "biaogan_http_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "biaogan_http_request_seconds", "Time to answer", ["method", "route"], registry=self.registry
        )
        self.boundary = Histogram(
            "biaogan_boundary_events",
            "Events that a command was decided on",
            ["command"],
            buckets=(10, 50, 100, 500, 2_000, 10_000),
            registry=self.registry,
        )
        self.head = Gauge("biaogan_log_head", "Newest position of a log", ["log"], registry=self.registry)
        self.lag = Gauge(
            "biaogan_consumer_lag",
            "Positions a consumer is behind the head",
            ["log", "consumer"],
            registry=self.registry,
        )
        self.unsealed = Gauge(
            "biaogan_sealing_lag_seconds",
            "Age of the oldest event that is not in the tree, or not signed, yet",
            ["log", "consumer"],
            registry=self.registry,
        )
        self.widest = Gauge(
            "biaogan_boundary_events_max", "Events in a command's widest boundary", ["command"], registry=self.registry
        )
        self.certified = Gauge(
            "biaogan_replay_certified_position", "Up to where the last replay went", ["log"], registry=self.registry
        )
        self.differences = Gauge(
            "biaogan_replay_differences", "Differences that the last replay found", ["log"], registry=self.registry
        )
        self.outbox = Gauge(
            "biaogan_outbox_rows",
            "Rows of the outbox that wait, or are dead",
            ["log", "automation", "state"],
            registry=self.registry,
        )
        self.oldest = Gauge(
            "biaogan_outbox_oldest_seconds",
            "Age of the oldest row of the outbox that waits, or is dead",
            ["log", "automation", "state"],
            registry=self.registry,
        )
        self._of: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        kept = self._of.get((method, route, status))
        if kept is None:
            labelled = self.requests.labels(method, route, str(status)), self.seconds.labels(method, route)
            kept = self._of[method, route, status] = labelled
        requests, times = kept
        requests.inc()
        times.observe(seconds)

    def read(self, command: str, events: int) -> None:
        """Count what a command was decided on."""
        self.boundary.labels(command).observe(events)

    async def text(self, pool: asyncpg.Pool[asyncpg.Record], widest: Mapping[str, int]) -> bytes:
        """Everything in the exposition format: heads, lags, the outbox as they stand, and the widest boundaries."""
        for command, events in widest.items():
            self.widest.labels(command).set(events)
        heads = {row["log_id"]: row["head"] for row in await pool.fetch(_HEADS + _HEADS_REST)}
        self.head.clear()
        self.lag.clear()
        for log_id, head in heads.items():
            self.head.labels(str(log_id)).set(head)
        for row in await pool.fetch(_CHECKPOINTS):
            lag = heads.get(row["log_id"], 0) - row["position"]
            self.lag.labels(str(row["log_id"]), row["consumer"]).set(lag)
        self.unsealed.clear()
        for each in await lags(pool):
            self.lag.labels(str(each.log_id), each.follower).set(each.events)
            self.unsealed.labels(str(each.log_id), each.follower).set(each.seconds)
        for row in await pool.fetch(_CERTIFIED):
            told = msgspec.json.decode(row["told"])
            self.certified.labels(str(row["log_id"])).set(told["certified_position"])
            self.differences.labels(str(row["log_id"])).set(told["differences"])
        self.outbox.clear()
        self.oldest.clear()
        for row in await pool.fetch(_OPEN_ROWS):
            names = (str(row["log_id"]), row["automation"], row["state"])
            self.outbox.labels(*names).set(row["rows"])
            self.oldest.labels(*names).set(row["age"])
        return generate_latest(self.registry)


class Doorstep:
    """Wraps the whole application."""

    def __init__(self, inside: Application, figures: Figures) -> None:
        self._inside = inside
        self._figures = figures
        # Bound once and not for every line, so the log is to be configured by then.
        self._log = logger().bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request in, or the start and end of the process."""
        if scope["type"] != "http":
            await self._inside(scope, receive, send)
            return
        offered = next((v.decode("latin-1") for n, v in scope["headers"] if n.lower() == b"x-request-id"), None)
        identity = scope[REQUEST_ID] = request_id(offered)
        status, began = 500, time.perf_counter()
        SIMULATED.set(False)
        ASKED.set(_asked(scope))

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_added(message.get("headers", ()), identity)]
            await send(message)

        with during(request_id=identity):
            try:
                await self._inside(scope, receive, sending)
            finally:
                self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        route = scope.get(ROUTE, "none")
        self._figures.answered(method, route, status, seconds)
        self._log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))


def _asked(scope: Scope) -> str:
    query: bytes = scope["query_string"]
    return f"{scope['method']} {scope['path']}{'?' if query else ''}{query.decode('latin-1')}"


def _added(headers: Iterable[tuple[bytes, bytes]], identity: str) -> list[tuple[bytes, bytes]]:
    there = {match.group().lower() for name, _ in headers if (match := _STARTS.fullmatch(name))}
    kept = [pair for pair in (_POLICY, _PRIVATE) if pair[0] not in there]
    marked = [(b"x-simulated", b"true")] if SIMULATED.get() else []
    return [*_SAFE, *kept, *marked, (b"x-request-id", identity.encode("latin-1"))]
