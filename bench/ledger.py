"""The ledger: balances, statements and lines of an account beside a scan of all postings; a workbook; a close.

``python -m bench.ledger [--rounds 5] [--seconds 1] [--postings 1000000] [--only TITLE] [--json FILE]``; a close over a
million events: ``--postings 2000000 --rounds 1 --only close --no-views``, which leaves out whatever reads the views.

One programme of a thousand cases, a tenth of whose postings are on one account. The postings stand twice: in the
product's account book, as it is read over HTTP, and in a narrow table of their own, which is scanned. The facts are not
those of a lawful history: what is measured is reading. Workbook and close run in a process each, for its memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import uuid4
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from bench import compare, scene
from bench.compare import Comparison, Contender, Goal, Measured
from domain.funding.events import ExpenditureAccounted, FundsAllocated, GateHeld, PeriodClosed
from domain.funding.period import ClosePeriod
from domain.funding.policy import RULES_VERSION
from domain.ids import ApplicationId, CalendarYear, DocumentId, ProgrammeId, TrackId, UnitId, tag
from domain.institution.events import ClockAdvanced
from domain.kernel import Event, replay
from domain.lifecycle import CATALOGUE
from infra.assembly import open_pool
from infra.clock import Clock
from infra.event_store import EventStore
from infra.export.spreadsheet import Cover, as_workbook
from infra.paged_past import PAGE, PagedPast
from infra.record import Accepted, Fact, Item, Proposal
from infra.side_by_side import side_by_side
from infra.turnover import FIRST, LAST, Place, Turnover, Turnovers
from infra.view_batch import PLANS
from infra.view_build import build, live
from infra.view_tables import SCHEMA, quoted
from infra.views import Views
from projections.account_book import ACCOUNT_BOOK, AccountLineRow
from projections.kernel import Table, columns
from projections.ledger import LEDGER_FACTS, Covered, ledger_files

SCAN, RAW = "sequential scan of all postings", "trial balance from the postings"
BALANCES, AS_OF = "trial balance from the account book", "balance of an account by a day"
MONTH, NEWEST, ONE = "month statement of that account", "its newest 50 lines", "select 1"
DECODE, CLOSE = "fetch and decode, add up nothing", "a close: read, post, add up, digest"
PUBLISH = "its ledger: every file, with its digest"
SMALL_BOOK, YEAR_BOOK = "workbook of a tenth of the lines", "workbook of a year's lines"
ZONE = ZoneInfo("Asia/Shanghai")
PROGRAMME, CASES, HOT = ProgrammeId("LEDGER"), 1_000, "B200:budget:2020"
YEAR, YEAR_ENDS = CalendarYear(2020), date(2020, 12, 31)
STARTS_AT, SECONDS_OF_YEAR = datetime(2020, 1, 1, tzinfo=UTC), 365 * 86_400
JULY, AUGUST = datetime(2020, 6, 30, 16, tzinfo=UTC), datetime(2020, 7, 31, 16, tzinfo=UTC)
_PER_COMMAND = 100


def facts(postings: int) -> Iterator[tuple[datetime, Event]]:
    """Two postings each: every fifth fact is on the account that everything is allocated from."""
    paper = DocumentId("a" * 64)
    for number in range(postings // 2):
        at = STARTS_AT + timedelta(seconds=number * SECONDS_OF_YEAR // max(1, postings // 2))
        case: dict[str, Any] = {
            "application_id": ApplicationId(f"A-{number % CASES}"), "programme_id": PROGRAMME,
            "track_id": TrackId("branch"), "unit_id": UnitId(f"BR-{number % CASES}"), "source": "budget", "year": YEAR,
            "amount_fen": 100 + number % 977,
        }  # fmt: skip
        if number % 5 == 0:
            yield at, FundsAllocated(
                **case, rule_position=1, gates=(GateHeld("case_running", 1),), carry_over="decide",
                cutoff_at=LAST, cutoff_on=date(2020, 12, 20),
            )  # fmt: skip
        else:
            yield at, ExpenditureAccounted(**case, category="training", evidence_document_id=paper, rule_position=1)


async def fill(store: EventStore, postings: int) -> int:
    """Record the facts, so many at a time, and return the head."""
    batch: list[Event] = []
    waiting = []

    async def record(at: datetime) -> None:
        envelope = msgspec.structs.replace(scene.envelope(uuid4()), effective_at=at)
        waiting.append(store.enqueue(Proposal(request_hash=b"", facts=tuple(map(Fact.of, batch)), envelope=envelope)))
        batch.clear()
        if len(waiting) >= 50:
            await settle()

    async def settle() -> None:
        for outcome in await asyncio.gather(*waiting):
            if not isinstance(outcome, Accepted):
                raise TypeError("a fact was not accepted")
        waiting.clear()

    last = STARTS_AT
    for at, event in facts(postings):
        last = at
        batch.append(event)
        if len(batch) == _PER_COMMAND:
            await record(at)
    if batch:
        await record(last)
    await settle()
    return await store.head()


def reader(pool: asyncpg.Pool[asyncpg.Record]) -> Turnovers:
    async def stores(log_id: int) -> EventStore:
        return EventStore(pool, log_id, CATALOGUE)

    views = Views(pool, [ACCOUNT_BOOK], Clock(pool, CATALOGUE, ClockAdvanced), stores)
    return Turnovers(views, ACCOUNT_BOOK, "programme_id", "account")


# --- reading ----------------------------------------------------------------------------------------------------------


@dataclass
class Reading:
    """What is asked of the account book, and of the postings as they lie in a table of their own."""

    pool: asyncpg.Pool[asyncpg.Record]
    log_id: int
    turnovers: Turnovers

    async def scan(self) -> None:
        await self.pool.fetchrow("SELECT sum(debit_fen), sum(credit_fen) FROM bench_posting")

    async def raw(self) -> None:
        await self.pool.fetch(
            "SELECT account, sum(debit_fen)::bigint, sum(credit_fen)::bigint FROM bench_posting GROUP BY account"
        )

    async def balances(self) -> None:
        await self.turnovers.accounts(self.log_id, PROGRAMME)

    async def as_of(self) -> None:
        await self.turnovers.sums(self.log_id, PROGRAMME, HOT, Place(AUGUST))

    async def month(self) -> None:
        """All of it at once, as a file is made of it: a page over HTTP is shorter."""
        page = await self._lines(Place(JULY), Place(AUGUST), 1_000_000)
        if page.before == page.after:
            raise RuntimeError("nothing happened in that month")

    async def newest(self) -> None:
        if len((await self._lines(Place(FIRST), Place(LAST), 50, newest_first=True)).lines) != 50:
            raise RuntimeError("there are no 50 lines")

    async def one(self) -> None:
        await self.pool.fetchval("SELECT 1")

    async def _lines(self, since: Place, until: Place, limit: int, *, newest_first: bool = False) -> Turnover:
        return await self.turnovers.lines(self.log_id, PROGRAMME, HOT, since, until, limit, newest_first=newest_first)

    def tables(self, postings: int) -> list[Comparison]:
        def contender(name: str, once: Callable[[], Awaitable[None]]) -> Contender:
            return Contender(name, lambda seconds: compare.clients(1, seconds, lambda _: once()))

        return [
            Comparison(
                f"Reading a ledger of {postings:,} postings", SCAN,
                [
                    contender(SCAN, self.scan), contender(RAW, self.raw), contender(BALANCES, self.balances),
                    contender(AS_OF, self.as_of), contender(MONTH, self.month),
                ],
                [Goal(RAW, SCAN, 1 / 2), Goal(BALANCES, SCAN, 1 / 0.1), Goal(AS_OF, SCAN, 1 / 0.03),
                 Goal(MONTH, SCAN, 1 / 0.35)],
            ),
            Comparison(
                f"The newest lines of {postings // 10:,}", ONE,
                [contender(ONE, self.one), contender(NEWEST, self.newest)],
                [Goal(NEWEST, ONE, 1 / 3)],
            ),
        ]  # fmt: skip


async def postings_apart(superuser_url: str, app_pool: asyncpg.Pool[asyncpg.Record]) -> None:
    """The postings in a narrow table of their own, accounts by number, as a ledger that keeps nothing else has them."""
    relation = (await live(app_pool))[ACCOUNT_BOOK.name].relation
    connection = await asyncpg.connect(superuser_url)
    try:
        await connection.execute(
            "CREATE TABLE bench_posting AS SELECT dense_rank() OVER (ORDER BY account)::integer AS account, at, "
            "position, line::smallint AS line, debit_fen, credit_fen "
            f"FROM {SCHEMA}.{quoted(relation)} WHERE grain = 'line' ORDER BY at, position, line; "
            "GRANT SELECT ON bench_posting TO PUBLIC"
        )
        await connection.execute("VACUUM ANALYZE bench_posting")
        await connection.execute(f"VACUUM ANALYZE {SCHEMA}.{quoted(relation)}")
    finally:
        await connection.close()


# --- in a process each ------------------------------------------------------------------------------------------------


async def workbook(pool: asyncpg.Pool[asyncpg.Record], log_id: int, lines: int) -> int:
    """Lines of the account as a workbook, page by page as over HTTP; returns how many there were."""
    turnovers, written = reader(pool), 0

    async def pages() -> AsyncIterator[list[list[object]]]:
        nonlocal written
        since: Place | None = Place(FIRST)
        while since is not None and written < lines:
            page = await turnovers.lines(log_id, PROGRAMME, HOT, since, Place(LAST), min(2_000, lines - written))
            yield [
                [line.position, line.line, line.at, line.fact, line.other, line.debit_fen, line.credit_fen,
                 line.debited_fen - line.credited_fen]
                for line in page.lines
            ]  # fmt: skip
            written, since = written + len(page.lines), page.next

    table = Table(name="account", en="Account", zh="账户明细", columns=columns(AccountLineRow), rows=())
    with await as_workbook(table, pages(), Cover(language="en", zone=ZONE, lines=[])):
        return written


async def decode(store: EventStore, head: int) -> int:
    return sum([len(page) async for page in store.pages(0, head)])


async def close(store: EventStore, head: int) -> int:
    """A close as the front door takes its past into it, page by page, and has it decided."""
    pages = PagedPast(closing(), lambda _: False)
    items = [Item(tuple(map(topic_of, each.types)), tuple(each.tags)) for each in pages.boundary]
    while True:
        known = await store.read_for_decision(items, uuid4(), limit=PAGE, after=pages.position)
        if len(known.events) < PAGE:
            break
        pages.take(known.events, store.unanswered(known.events))
    command = cast("ClosePeriod", pages.begun())
    replay(command, known.events)
    command.announced = True  # That there is such a programme is on no record here.
    command.execute()
    (closed,) = command.collect_events()
    if cast("PeriodClosed", closed.decision).covers_position != head:
        raise RuntimeError("the close covers something else")
    return head


def topic_of(kind: Any) -> str:  # noqa: ANN401 - A type of event, as a selector names it.
    return str(kind.TOPIC)


def closing() -> ClosePeriod:
    """The close of the year, asked for after it."""
    command = ClosePeriod(programme_id=PROGRAMME, period="year", last_day=YEAR_ENDS)
    command.now = command.effective_at = datetime(2021, 1, 5, tzinfo=UTC)
    command.zone = ZONE
    return command


async def publish(store: EventStore, head: int) -> int:
    """The files of the ledger of the year, as a worker makes them."""
    told = store.told([Item(tuple(kind.TOPIC for kind in LEDGER_FACTS), (tag(ProgrammeId, PROGRAMME),))], head)
    period = Covered("year", head, None, YEAR_ENDS, ZONE, RULES_VERSION)
    files = await side_by_side(told, ledger_files(period))
    if not all(file.size for file, _ in files):
        raise RuntimeError("a file is empty")
    return head


async def alone(what: str, url: str, log_id: int, size: int) -> bool:
    """Do one thing in this process, and say how many were done, in how long, and the most memory that it took."""
    async with open_pool(url, name="bench", plans=PLANS) as pool, EventStore(pool, log_id, CATALOGUE) as store:
        runs: dict[str, Callable[[], Awaitable[int]]] = {
            "workbook": lambda: workbook(pool, log_id, size),
            "decode": lambda: decode(store, size),
            "close": lambda: close(store, size),
            "publish": lambda: publish(store, size),
        }
        began = time.perf_counter()
        done = await runs[what]()
        took = time.perf_counter() - began
    print(msgspec.json.encode([done, took, _peak_mb()]).decode())
    return True


def _peak_mb() -> float:
    """The most memory this process ever had. Not as getrusage tells it: there a child begins with its parent's."""
    told = Path("/proc/self/status").read_text()
    return int(re.findall(r"^VmHWM:\s+(\d+) kB$", told, re.MULTILINE)[0]) / 1024


def in_a_process(what: str, url: str, log_id: int, size: int) -> Callable[[float], Awaitable[Measured]]:
    async def run(_seconds: float) -> Measured:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.ledger", "--alone", what, url, str(log_id), str(size),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        told, _ = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"{what} failed")
        done, took, peak = msgspec.json.decode(told)
        return Measured(done, took, [], {"peak_mb": peak})

    return run


def in_processes(url: str, log_id: int, head: int, lines: int) -> tuple[Comparison, Comparison]:
    alone_with = functools.partial(in_a_process, url=url, log_id=log_id)
    return (
        Comparison(
            f"A workbook of {lines:,} lines", SMALL_BOOK,
            [
                Contender(SMALL_BOOK, alone_with("workbook", size=lines // 10)),
                Contender(YEAR_BOOK, alone_with("workbook", size=lines)),
            ],
        ),
        Comparison(
            f"A close over {head:,} events", DECODE,
            [
                Contender(DECODE, alone_with("decode", size=head)),
                Contender(CLOSE, alone_with("close", size=head)),
                Contender(PUBLISH, alone_with("publish", size=head)),
            ],
        ),
    )  # fmt: skip


async def main() -> bool:
    parser = compare.arguments(__doc__ or "")
    parser.add_argument("--postings", type=int, default=1_000_000, help="at least 10,000")
    parser.add_argument("--no-views", action="store_true", help="build no account book: only what reads the record")
    parser.add_argument("--alone", nargs=4, metavar=("WHAT", "URL", "LOG", "SIZE"), help="do one thing, to be measured")
    asked = parser.parse_args()
    if asked.alone:
        what, url, log_id, size = asked.alone
        return await alone(what, url, int(log_id), int(size))
    async with contextlib.AsyncExitStack() as stack:
        running = stack.enter_context(scene.server())
        pool = await stack.enter_async_context(scene.pool_on(running, "ledger", PLANS))
        log_id = await pool.fetchval("SELECT open_log('LEDGER', 'real')")
        store = await stack.enter_async_context(EventStore(pool, log_id, CATALOGUE))
        head = await fill(store, asked.postings)
        of_views, of_record = in_processes(running.urls("ledger").app_url, log_id, head, asked.postings // 10)
        tables = [of_record]
        if not asked.no_views:
            began = time.perf_counter()
            await build(pool, [ACCOUNT_BOOK], CATALOGUE)
            print(f"The account book of {head:,} events was built in {time.perf_counter() - began:.0f} s.", flush=True)
            await postings_apart(running.superuser_url("ledger"), pool)
            tables = [*Reading(pool, log_id, reader(pool)).tables(asked.postings), of_views, of_record]
        met = await compare.play(tables, asked, {"postings": asked.postings, "postgres": scene.binaries().version})
        for table in tables:
            for name in (SMALL_BOOK, YEAR_BOOK, DECODE, CLOSE, PUBLISH):
                if peaks := [measured[name].notes["peak_mb"] for measured in table.rounds if name in measured]:
                    print(f"{name}: at most {max(peaks):.0f} MB")
        return met


if __name__ == "__main__":
    sys.exit(scene.run(main()))
