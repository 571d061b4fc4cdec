"""The stores of others, where they are installed: the eventsourcing library's recorder, UmaDB with its own server."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, cast
from uuid import UUID, uuid4

import msgspec
from eventsourcing.dcb.api import DCBAppendCondition, DCBEvent, DCBQuery, DCBQueryItem
from eventsourcing.domain import DomainEvent
from eventsourcing.persistence import DatetimeAsISO, IntegrityError, JSONTranscoder, Mapper, UUIDAsHex

from bench import scene
from bench.compare import Measured
from infra.record import Fact

EVENTSOURCING = "eventsourcing's DCB recorder"
NOTIFICATIONS = "eventsourcing's notifications, mapped"
UMADB = "UmaDB"
_STARTS_WITHIN_SECONDS = 10.0
_PAGE = 1000


def eventsourcing_is_here() -> bool:
    return importlib.util.find_spec("psycopg") is not None and importlib.util.find_spec("psycopg_pool") is not None


def umadb_is_here() -> bool:
    return importlib.util.find_spec("umadb") is not None


def threads(count: int, seconds: float, once: Callable[[int], None]) -> Measured:
    """Let a thread for every client do one thing after another for a while, and time each."""
    latencies: list[float] = []
    began = time.perf_counter()

    def client(number: int) -> None:
        before = time.perf_counter()
        while before < began + seconds:
            once(number)
            after = time.perf_counter()
            latencies.append((after - before) * 1000)
            before = after

    clients = [threading.Thread(target=client, args=(number,)) for number in range(count)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    return Measured(len(latencies), time.perf_counter() - began, latencies)


def _facts(count: int) -> Iterator[list[Fact]]:
    for start in range(0, count, _PAGE):
        yield [scene.command().facts[0] for _ in range(min(_PAGE, count - start))]


class Eventsourcing:
    """The library's PostgreSQL recorder with its tagged tables, a thread for every client."""

    def __init__(self, run_dir: Path, dbname: str, clients: int) -> None:
        from eventsourcing.dcb.postgres_tt import PostgresDCBRecorderTT  # noqa: PLC0415 - It needs psycopg.
        from eventsourcing.postgres import PostgresDatastore  # noqa: PLC0415 - As above.

        self._clients = clients
        self._store = PostgresDatastore(
            dbname, str(run_dir), "5432", "postgres", "", pool_size=clients, max_waiting=clients
        )
        self._recorder = PostgresDCBRecorderTT(self._store)
        self._recorder.create_table()
        self._recorder.read()  # Opens its pool; clients that open it together trip over one another.
        self._newest = 0

    async def run(self, seconds: float) -> Measured:
        return await asyncio.to_thread(threads, self._clients, seconds, lambda _: self._once())

    def fill(self, events: int) -> None:
        """Write so many events, to be replayed."""
        for facts in _facts(events):
            self._recorder.append([DCBEvent(fact.type, fact.data, list(fact.tags)) for fact in facts])

    def replay(self) -> Iterator[bytes]:
        """Every event's body, a page at a time."""
        after = 0
        while page := list(self._recorder.read(after=after, limit=_PAGE)):
            yield from (each.event.data for each in page)
            after = page[-1].position

    def close(self) -> None:
        self._store.close()

    def _once(self) -> None:
        fact = scene.command().facts[0]
        query = DCBQuery([DCBQueryItem([fact.type], list(fact.tags[:1]))])
        condition = DCBAppendCondition(query, self._newest)
        try:
            self._newest = self._recorder.append([DCBEvent(fact.type, fact.data, list(fact.tags))], condition)
        except IntegrityError:
            return  # A lost race counts for it as a win would: it did the work.


class Moved(DomainEvent):
    """What is measured, as an event of the library."""

    application_id: str
    programme_id: str
    unit_id: str
    amount_fen: int
    step: str


class Notifications:
    """The library's application recorder, whose notifications its mapper makes events of: how its users replay."""

    def __init__(self, run_dir: Path, dbname: str) -> None:
        from eventsourcing.postgres import (  # noqa: PLC0415 - It needs psycopg.
            PostgresApplicationRecorder,
            PostgresDatastore,
        )

        self._store = PostgresDatastore(dbname, str(run_dir), "5432", "postgres", "", pool_size=1, max_waiting=1)
        self._recorder = PostgresApplicationRecorder(self._store)
        self._recorder.create_table()
        transcoder = JSONTranscoder()
        for transcoding in (UUIDAsHex(), DatetimeAsISO()):
            transcoder.register(transcoding)
        self._mapper: Mapper[UUID] = Mapper(transcoder)

    def fill(self, events: int) -> None:
        """Write so many events, each the first of an aggregate of its own."""
        for facts in _facts(events):
            bodies = [msgspec.json.decode(fact.data) for fact in facts]
            moved = [
                Moved(originator_id=uuid4(), originator_version=1, timestamp=scene.WHEN, **body) for body in bodies
            ]
            self._recorder.insert_events([self._mapper.to_stored_event(one) for one in moved])

    def replay(self) -> Iterator[Moved]:
        """Every event, a page at a time."""
        start = 1
        while page := self._recorder.select_notifications(start, _PAGE):
            for notification in page:
                yield cast("Moved", self._mapper.to_domain_event(notification))
            start = page[-1].id + 1

    def close(self) -> None:
        self._store.close()


class UmaDB:
    """UmaDB's own server on a file of its own, a thread and a client for every writer."""

    def __init__(self, clients: int) -> None:
        self._uma: ModuleType = importlib.import_module("umadb")
        self._folder = tempfile.TemporaryDirectory(prefix="biaogan-bench-uma-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        self._server = subprocess.Popen(
            [
                *(sys.executable, "-c", "from umadb.umadb_server_cli import main; main()"),
                *("--listen", address, "--db-path", self._folder.name),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._count = clients
        self._newest: int | None = None
        self._clients = [self._connected(f"http://{address}") for _ in range(clients)]

    def _connected(self, url: str) -> Any:  # noqa: ANN401 - A class of a module that may not be there.
        until = time.perf_counter() + _STARTS_WITHIN_SECONDS
        while True:
            try:
                client = self._uma.Client(url)
                client.head()
            except self._uma.TransportError:
                if time.perf_counter() > until:
                    raise
                time.sleep(0.05)
            else:
                return client

    async def run(self, seconds: float) -> Measured:
        return await asyncio.to_thread(threads, self._count, seconds, self._once)

    def fill(self, events: int) -> None:
        """Write so many events, to be replayed."""
        for facts in _facts(events):
            self._clients[0].append([self._uma.Event(fact.type, fact.data, list(fact.tags)) for fact in facts])

    def replay(self) -> Iterator[bytes]:
        """Every event's body, streamed in the server's own batches."""
        return (each.event.data for each in self._clients[0].read())

    def close(self) -> None:
        self._clients.clear()
        self._server.terminate()
        self._server.wait()
        self._folder.cleanup()

    def _once(self, number: int) -> None:
        uma, client = self._uma, self._clients[number]
        fact = scene.command().facts[0]
        query = uma.Query([uma.QueryItem([fact.type], list(fact.tags[:1]))])
        event = uma.Event(fact.type, fact.data, list(fact.tags))
        try:
            self._newest = client.append([event], uma.AppendCondition(query, self._newest))
        except uma.IntegrityError:
            return  # As above.
