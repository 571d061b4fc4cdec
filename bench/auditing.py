"""An auditor at work: what a long read of the whole record costs those who write, and a case file as of a position.

``python -m bench.auditing [--rounds 5] [--seconds 1] [--events 200000] [--json FILE]``

The long read hashes every line from position 1 to one head, again and again, in a process of its own; writers append
as in ``bench.append``. The ratio is stated and has no goal. A case file of many facts is read over HTTP as it stands
now, and as of the position of its newest fact, on a record that went on: the same facts, so the same answer.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import httpx

from api.app import wired
from bench import append, compare, http, scene
from bench.compare import Comparison, Contender, Goal, Measured
from domain.cultivation.events import OutreachRecorded
from domain.ids import ApplicationId, DocumentId, ProgrammeId, TrackId, UnitId
from domain.kernel import Event
from domain.lifecycle import CATALOGUE
from infra.assembly import open_pool
from infra.event_store import EventStore
from infra.line import Root, leaf, line
from infra.master_key import ensure_key_file
from infra.migrate import migrate
from infra.projector import Projector
from infra.record import Fact, Proposal
from projections import VIEWS

ALONE, READ = "appending", "appending, a long audit read at work"
NOW, AS_OF = "case file now", "case file as of a position"
IN_FLIGHT, FACTS, OTHERS = 64, 200, 2_000
CASE = "A-1"


# --- a long read ------------------------------------------------------------------------------------------------------


async def read_on(url: str, log_id: int) -> None:
    """Read the whole record up to the head of the moment, hash it, and begin anew."""
    async with open_pool(url, name="bench") as pool, EventStore(pool, log_id, scene.CATALOGUE) as store:
        while True:
            root, head = Root(), await store.head()
            async for page in store.rows(until=head):
                for row in page:
                    root.add(leaf(line("BENCH", row)))
            if root.size != head:
                raise RuntimeError(f"a read of {head} events found {root.size}")


@contextmanager
def reading(url: str, log_id: int) -> Iterator[Popen[bytes]]:
    """The reader as a process of its own, stopped until somebody lets it go on."""
    process = Popen([sys.executable, "-m", "bench.auditing", "read", url, str(log_id)])
    process.send_signal(signal.SIGSTOP)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def appended(store: EventStore, reader: Popen[bytes], *, beside: bool) -> Callable[[float], Awaitable[Measured]]:
    async def run(seconds: float) -> Measured:
        reader.send_signal(signal.SIGCONT if beside else signal.SIGSTOP)
        try:
            return await append.spread(store, IN_FLIGHT, seconds)
        finally:
            reader.send_signal(signal.SIGSTOP)
            if reader.poll() is not None:
                raise RuntimeError("the reader broke off")

    return run


# --- a case file ------------------------------------------------------------------------------------------------------


def outreach(application_id: str, reach: int) -> Event:
    return OutreachRecorded(
        application_id=ApplicationId(application_id), programme_id=ProgrammeId("P"), track_id=TrackId("branch"),
        unit_id=UnitId("U-seed-1"), channel="campus_media", reach=reach, published_on=scene.WHEN.date(),
        document_id=DocumentId("d" * 64),
    )  # fmt: skip


async def filled(stage: http.Stage) -> int:
    """A case of many facts, and a record that goes on after it; gives the position of its newest fact."""
    async with wired(stage.url, ensure_key_file(stage.key_file)) as wiring:
        store = await wiring.parts.stores(stage.log_id)
        at = 0
        for application_id, count in ((CASE, FACTS), ("A-2", OTHERS)):
            for first in range(0, count, 100):
                facts = tuple(Fact.of(outreach(application_id, n)) for n in range(first, min(first + 100, count)))
                await store.append(Proposal(request_hash=b"", facts=facts, envelope=scene.envelope()))
            at = at or await store.head()
        await Projector(wiring.parts.pool, VIEWS, CATALOGUE).catch_up()
    return at


def read_case(client: httpx.AsyncClient, at: int | None) -> Callable[[float], Awaitable[Measured]]:
    query = {} if at is None else {"at_position": at}

    async def once(_: int) -> None:
        answer = await client.get(f"/v1/applications/{CASE}/case-file", params=query)
        if answer.status_code != 200 or len(answer.json()["entries"]) != FACTS:
            raise RuntimeError(f"{answer.status_code}: no case file of {FACTS} facts")

    async def run(seconds: float) -> Measured:
        return await compare.clients(1, seconds, once)

    return run


async def main() -> bool:
    parser = compare.arguments("An auditor at work")
    parser.add_argument("--events", type=int, default=200_000)
    asked = parser.parse_args()
    with scene.server() as running, tempfile.TemporaryDirectory() as folder:
        await migrate((await running.prepare("office")).owner_url)
        stage = http.Stage(running.urls("office").app_url, running.superuser_url("office"), Path(folder) / "vault.key")
        await stage.furnish()
        at = await filled(stage)
        async with scene.pool_on(running, "bench") as pool, scene.log_on(pool) as store:
            await append.fill(running.superuser_url("bench"), store.log_id, asked.events)
            log = scene.log_on(pool, "WRITTEN")
            bearer = {"Authorization": f"Bearer {stage.token}"}
            async with log as written, http.serving(stage, "product") as server:
                with reading(running.urls("bench").app_url, store.log_id) as reader:
                    address = f"http://127.0.0.1:{server.port}"
                    async with httpx.AsyncClient(base_url=address, headers=bearer) as client:
                        tables = [
                            Comparison(
                                f"{IN_FLIGHT} in flight beside a read of {asked.events:,} events",
                                ALONE,
                                [
                                    Contender(ALONE, appended(written, reader, beside=False)),
                                    Contender(READ, appended(written, reader, beside=True)),
                                ],
                            ),
                            Comparison(
                                f"a case file of {FACTS} facts over HTTP",
                                NOW,
                                [Contender(NOW, read_case(client, None)), Contender(AS_OF, read_case(client, at))],
                                [Goal(AS_OF, NOW, round(1 / 1.5, 3))],
                            ),
                        ]
                        return await compare.play(tables, asked, {"events": asked.events, "facts": FACTS})


if __name__ == "__main__":
    if sys.argv[1:2] == ["read"]:
        asyncio.run(read_on(sys.argv[2], int(sys.argv[3])))
    sys.exit(scene.run(main()))
