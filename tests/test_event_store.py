"""The log: order, conditions, repetition, chaining, privileges; always beside a second log with equal ids."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Self, cast
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from domain.ids import UnitId
from infra import event_store, line
from infra.assembly import open_pool
from infra.event_store import EventStore, RecordNotOurs, open_log, refuse_owned_record
from infra.record import (
    Accepted,
    Check,
    Conflict,
    Fact,
    Item,
    KeyReused,
    Outcome,
    Overloaded,
    Repeated,
    Stale,
    Unwritable,
)
from infra.subscription import Checkpoint, CheckpointMoved
from tests.conftest import Database
from tests.logs import CATALOGUE, NOTED, Noted, about, envelope, foreign, noted, proposal, stored

pytestmark = pytest.mark.store

LOCK = 1651467887


@dataclass
class Logs:
    store: EventStore
    twin: EventStore  # The same log, as another process sees it.
    other: EventStore
    pool: asyncpg.Pool


@pytest.fixture
async def logs(database: Database) -> AsyncIterator[Logs]:
    """A log under test, and a neighbour that holds the same commands and must not change."""
    async with asyncpg.create_pool(database.app_url, min_size=2, max_size=16) as pool:
        mine, other = await open_log(pool, "I-1", "real"), await open_log(pool, "I-2", "real")
        async with (
            EventStore(pool, mine, CATALOGUE) as store,
            EventStore(pool, mine, CATALOGUE) as twin,
            EventStore(pool, other, CATALOGUE) as neighbour,
        ):
            for number in range(1, 6):
                await neighbour.append(proposal(noted("U-1"), noted("U-2"), command_id=UUID(int=number)))
            before = await stored(pool, other)
            yield Logs(store, twin, neighbour, pool)
            assert await stored(pool, other) == before


async def decide(store: EventStore, unit: str, most: int | None = None) -> Outcome | None:
    """Note something about a unit as a command does: read, take in what is pending, decide; None if refused."""
    while True:
        items = about(unit)
        known = await store.read_for_decision(items, uuid4())
        seen = store.overlay(items, known)
        count = len(known.events) + len(seen.events)
        if most is not None and count >= most:
            if await seen.settled():
                return None
            continue
        outcome = await store.enqueue(proposal(noted(unit, f"number {count + 1}"), items=items, seen=seen))
        if not isinstance(outcome, Conflict):
            return outcome


# --- repetition -------------------------------------------------------------------------------------------------------


async def test_a_repeated_command_gets_its_first_receipt(logs: Logs) -> None:
    asked = proposal(noted("U-1"), noted("U-2"), command_id=UUID(int=1), receipt=b'{"id":"A-1"}')
    first = await logs.store.append(asked)
    assert isinstance(first, Accepted)
    # What is decided the second time may differ: the request is the same, so the answer is the first one's.
    again = proposal(noted("U-9"), command_id=UUID(int=1), items=(Item(),), if_match=("unit:U-1", 0))
    for store in (logs.store, logs.twin):
        repeated = await store.append(again)
        assert isinstance(repeated, Repeated)
        assert msgspec.json.encode(repeated.receipt) == msgspec.json.encode(first.receipt)
    assert await logs.store.receipt(UUID(int=1)) == first.receipt
    assert await logs.store.head() == 2


async def test_a_key_used_for_another_request_is_refused(logs: Logs) -> None:
    await logs.store.append(proposal(command_id=UUID(int=1)))
    assert isinstance(await logs.store.append(proposal(command_id=UUID(int=1), request=b"another")), KeyReused)
    assert await logs.store.head() == 1


async def test_the_same_command_twice_at_once_is_written_once(logs: Logs) -> None:
    asked = proposal(command_id=UUID(int=1))
    outcomes = await asyncio.gather(*(store.append(asked) for store in (logs.store, logs.twin) for _ in range(8)))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Accepted"] + ["Repeated"] * 15
    assert (
        len({msgspec.json.encode(outcome.receipt) for outcome in outcomes if not isinstance(outcome, Conflict | Stale)})
        == 1
    )
    assert await logs.store.head() == 1


async def test_only_accepted_commands_are_remembered(logs: Logs) -> None:
    await logs.store.append(proposal())
    assert isinstance(await logs.store.append(proposal(command_id=UUID(int=1), items=(Item(),))), Conflict)
    assert await logs.store.receipt(UUID(int=1)) is None
    assert isinstance(await logs.store.append(proposal(command_id=UUID(int=1), items=(Item(),), after=1)), Accepted)


# --- conditions -------------------------------------------------------------------------------------------------------

CONDITIONS = [
    ((), False),
    ((Item(),), True),
    ((Item(NOTED),), True),
    ((Item(("other",)),), False),
    ((Item((), ("unit:U-1",)),), True),
    ((Item(NOTED, ("unit:U-1",)),), True),
    ((Item(NOTED, ("unit:U-1", "unit:U-1")),), True),
    ((Item((), ("unit:U-1", "unit:U-1")),), True),
    ((Item((), ("unit:U-1", "unit:U-2")),), False),
    ((Item(("pair",), ("a:1", "b:2")),), True),
    ((Item(("pair", "other"), ("b:2", "a:1")),), True),
    ((Item(("other",), ("b:2", "a:1")),), False),
    ((Item(("other",), ("a:1",)), Item(NOTED, ("unit:U-3",)), Item(("pair",), ("b:2",))), True),
    ((Item((), ("unit:U",)),), False),
    ((Item(("untagged",)),), True),
    ((Item(("untagged",), ("unit:U-1",)),), False),
]


@pytest.mark.parametrize(("items", "found"), CONDITIONS)
async def test_a_condition_means_what_the_same_query_reads(logs: Logs, items: tuple[Item, ...], *, found: bool) -> None:
    await logs.store.append(
        proposal(noted("U-1"), noted("U-2"), foreign("pair", ["a:1", "b:2"]), foreign("untagged", []))
    )
    if items:
        assert bool((await logs.store.read(items)).events) is found
        assert bool((await logs.store.read_for_decision(items, uuid4())).events) is found
    refused = isinstance(await logs.store.append(proposal(noted("U-7"), items=items)), Conflict)
    assert refused is found
    assert isinstance(await logs.twin.append(proposal(noted("U-7"), items=items, after=5)), Accepted)


async def test_if_match_names_what_was_missed_and_is_not_fooled_by_the_same_batch(logs: Logs) -> None:
    await logs.store.append(proposal(noted("U-1"), noted("U-2"), noted("U-1")))
    assert await logs.store.version("unit:U-1") == 3
    assert await logs.store.version("unit:none") == 0
    assert await logs.store.append(proposal(if_match=("unit:U-1", 0))) == Stale((1, 3))
    first, second = await asyncio.gather(*(logs.store.append(proposal(if_match=("unit:U-1", 3))) for _ in range(2)))
    assert isinstance(first, Accepted)
    assert second == Stale((4,))


async def test_every_kind_of_answer_stands_in_one_batch(logs: Logs) -> None:
    await logs.store.append(proposal(noted("U-1"), command_id=UUID(int=1)))
    asked = [
        proposal(noted("U-5")),
        proposal(noted("U-5"), if_match=("unit:U-1", 0)),
        proposal(noted("U-5"), items=about("U-1")),
        proposal(command_id=UUID(int=1)),
        proposal(noted("U-6"), if_match=("unit:U-1", 1)),
        proposal(command_id=UUID(int=1), request=b"another"),
        proposal(noted("U-5"), if_match=("unit:U-1", 0)),
    ]
    distinct = [*asked[:5], asked[6]]  # The same id twice waits for the next call.
    futures = [logs.store.enqueue(each) for each in distinct]
    answers = await asyncio.gather(*futures)
    assert [type(answer) for answer in answers] == [Accepted, Stale, Conflict, Repeated, Accepted, Stale]
    assert [answer.missed for answer in answers if isinstance(answer, Stale)] == [(1,), (1,)]
    assert isinstance(await logs.store.append(asked[5]), KeyReused)


async def test_a_refused_command_does_not_disturb_its_neighbours(logs: Logs) -> None:
    await logs.store.append(proposal(noted("U-1")))
    asked = [proposal(noted(f"U-{n}"), items=about("U-1") if n % 5 == 0 else ()) for n in range(2, 40)]
    outcomes = await asyncio.gather(*(logs.store.append(each) for each in asked))
    assert [isinstance(outcome, Conflict) for outcome in outcomes] == [bool(each.items) for each in asked]


async def test_an_unexpected_failure_hits_the_culprit_alone(logs: Logs) -> None:
    forbidden = foreign("institution.clock_advanced.v1", [])
    asked = [proposal(forbidden if n in (3, 17) else noted("U-1")) for n in range(30)]
    outcomes = await asyncio.gather(*(logs.store.append(each) for each in asked), return_exceptions=True)
    assert [n for n, outcome in enumerate(outcomes) if isinstance(outcome, asyncpg.PostgresError)] == [3, 17]
    assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 28
    assert await logs.store.head() == 28


# --- order and time ---------------------------------------------------------------------------------------------------


async def test_positions_are_dense_and_times_increase_whoever_writes(logs: Logs) -> None:
    await asyncio.gather(
        *(store.append(proposal(noted("U-1"), noted("U-2"))) for store in (logs.store, logs.twin) for _ in range(100))
    )
    events = (await logs.store.read()).events
    assert [event.position for event in events] == list(range(1, 401))
    times = [event.recorded_at for event in events]
    assert all(earlier < later for earlier, later in itertools.pairwise(times))
    assert all(a.envelope.command_id == b.envelope.command_id for a, b in zip(events[::2], events[1::2], strict=True))
    assert len({event.event_id for event in events}) == 400
    pages = [page async for page in logs.store.pages()]
    assert [event for page in pages for event in page] == events


async def test_what_is_recorded_is_what_was_proposed(logs: Logs) -> None:
    said = envelope(
        on_behalf_of_id="chief",
        cause=None,
        reason_code="late_paper",
        reason_document_id="ab" * 32,
        actor_kind="delegate",
    )
    body = Noted(unit_id="单位-1", note="五四红旗")  # type: ignore[arg-type]  # An id is a plain str at run time.
    fact = Fact.of(body, documents=["cd" * 32])
    await logs.store.append(msgspec.structs.replace(proposal(fact), envelope=said))
    (recorded,) = (await logs.store.read()).events
    assert (recorded.event, recorded.envelope, recorded.tags) == (body, said, ("unit:单位-1",))
    row = await logs.pool.fetchrow("SELECT * FROM event WHERE log_id = $1", logs.store.log_id)
    assert row is not None
    assert (row["data"], row["documents"], row["line_version"], len(row["nonce"])) == (fact.data, ["cd" * 32], 1, 16)


@pytest.mark.parametrize("size", [1, 2, 5])
async def test_each_command_of_a_batch_is_recorded_as_it_was_proposed_whatever_the_others_say(
    logs: Logs, size: int
) -> None:
    first = (await logs.store.append(proposal())).receipt.first_position  # type: ignore[union-attr]
    sayings: list[dict[str, Any]] = [
        {},
        {"on_behalf_of_id": "chief"},
        {"cause": first},
        {"reason_code": "late_paper", "reason_document_id": "ab" * 32},
    ]
    asked = []
    for n in range(size * len(sayings)):
        bodies = [Noted(unit_id=UnitId(f"U-{n}"), note=str(k)) for k in range(n % 2 + 1)]
        facts = [Fact.of(body, documents=["cd" * 32] * (n % 3 == 1)) for body in bodies]
        said = envelope(**sayings[n % len(sayings)])
        asked.append(msgspec.structs.replace(proposal(*facts, receipt=b"r" * (n % 2)), envelope=said))
    for start in range(0, len(asked), size):
        await asyncio.gather(*(logs.store.append(each) for each in asked[start : start + size]))
    events = (await logs.store.read(after=first)).events
    documents = await logs.pool.fetch(
        "SELECT documents FROM event WHERE log_id = $1 AND position > $2 ORDER BY position", logs.store.log_id, first
    )
    meant = [(fact.body, each.envelope, fact.documents) for each in asked for fact in each.facts]
    assert [
        (event.event, event.envelope, tuple(row["documents"])) for event, row in zip(events, documents, strict=True)
    ] == meant
    for each in asked:
        receipt = await logs.store.receipt(each.command_id)
        assert receipt is not None
        assert (receipt.receipt, receipt.request_hash) == (each.receipt, each.request_hash)


async def test_the_clock_of_a_real_institution_cannot_be_moved(logs: Logs) -> None:
    moved = foreign("institution.clock_advanced.v1", [])
    with pytest.raises(asyncpg.PostgresError, match="is real and cannot be moved"):
        await logs.store.append(proposal(moved))
    async with EventStore(logs.pool, await open_log(logs.pool, "I-3", "simulated"), CATALOGUE) as simulated:
        assert isinstance(await simulated.append(proposal(moved)), Accepted)


async def test_opening_a_log_again_finds_it_and_its_clock_is_for_ever(logs: Logs) -> None:
    assert await open_log(logs.pool, "I-1", "real") == logs.store.log_id
    with pytest.raises(asyncpg.PostgresError, match="has a real clock for ever"):
        await open_log(logs.pool, "I-1", "simulated")


# --- chaining ---------------------------------------------------------------------------------------------------------


async def test_64_rightful_commands_on_one_tag_are_64_acceptances(logs: Logs) -> None:
    outcomes = await asyncio.gather(*(decide(logs.store, "U-1") for _ in range(64)))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    notes = [event.event.note for event in (await logs.store.read()).events if isinstance(event.event, Noted)]
    assert notes == [f"number {n}" for n in range(1, 65)]


async def test_64_commands_for_one_place_are_one_acceptance_and_63_refusals(logs: Logs) -> None:
    outcomes = await asyncio.gather(*(decide(store, "U-1", 1) for store in (logs.store, logs.twin) for _ in range(32)))
    assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 1
    assert outcomes.count(None) == 63
    assert await logs.store.head() == 1


async def test_two_processes_on_one_tag_lose_nothing(logs: Logs) -> None:
    outcomes = await asyncio.gather(*(decide(store, "U-1") for store in (logs.store, logs.twin) for _ in range(32)))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    notes = [event.event.note for event in (await logs.store.read()).events if isinstance(event.event, Noted)]
    assert notes == [f"number {n}" for n in range(1, 65)]


async def test_followers_fall_with_their_forerunner(logs: Logs) -> None:
    items = about("U-1")
    known = await logs.store.read_for_decision(items, uuid4())
    await logs.twin.append(proposal(noted("U-1", "another process was faster")))
    answers = []
    seen = logs.store.overlay(items, known)
    for n in range(3):
        seen = logs.store.overlay(items, known)
        assert len(seen.events) == n
        answers.append(logs.store.enqueue(proposal(noted("U-1"), items=items, seen=seen)))
    bystander = logs.store.enqueue(proposal(noted("U-2")))
    refusal = logs.store.overlay(items, known)
    assert await refusal.settled() is False
    assert await asyncio.gather(*answers) == [Conflict()] * 3
    assert isinstance(await bystander, Accepted)
    assert await logs.store.head() == 2


async def test_an_overlay_shows_what_a_snapshot_does_not(logs: Logs) -> None:
    items = about("U-1")
    old = await logs.store.read_for_decision(items, uuid4())
    await logs.store.append(proposal(noted("U-1"), noted("U-2")))
    committed = logs.store.overlay(items, old)
    assert [event.position for event in committed.events] == [1]
    assert committed.events == (await logs.store.read(items)).events
    assert await committed.settled()
    # The condition rests on the overlay, so what this process has seen of itself is no conflict ...
    assert isinstance(await logs.store.append(proposal(noted("U-1"), items=items, seen=committed)), Accepted)
    # ... and what was enqueued between looking and asking is.
    late = logs.store.overlay(items, old)
    between = logs.store.enqueue(proposal(noted("U-1")))
    assert isinstance(await logs.store.append(proposal(noted("U-1"), items=items, seen=late)), Conflict)
    assert isinstance(await between, Accepted)
    fresh = await logs.store.read_for_decision(items, uuid4())
    assert logs.store.overlay(items, fresh).events == []


async def test_what_this_process_wrote_between_others_is_not_a_conflict_but_theirs_is(logs: Logs) -> None:
    items = about("U-1")
    known = await logs.store.read_for_decision(items, uuid4())
    await logs.store.append(proposal(noted("U-1")))
    await logs.twin.append(proposal(noted("U-2", "of another process, and not of our concern")))
    await logs.store.append(proposal(noted("U-1")))
    seen = logs.store.overlay(items, known)
    assert [event.position for event in seen.events] == [1, 3]
    assert not await seen.settled(), "a refusal must not rest on a past with gaps"
    assert isinstance(await logs.store.append(proposal(noted("U-3"), items=items, seen=seen)), Accepted)
    await logs.twin.append(proposal(noted("U-1")))
    seen = logs.store.overlay(items, known)
    assert isinstance(await logs.store.append(proposal(noted("U-3"), items=items, seen=seen)), Conflict)


async def test_long_chains_leave_nothing_behind(logs: Logs) -> None:
    for _ in range(30):
        await asyncio.gather(*(logs.store.append(proposal(noted("U-1"))) for _ in range(100)))
    items = about("U-1")
    old = msgspec.structs.replace(await logs.store.read_for_decision(items, uuid4()), head=10, events=[])
    assert logs.store.overlay(items, old).events == [], "what is out of sight is left to the condition"
    assert isinstance(
        await logs.store.append(proposal(noted("U-1"), items=items, seen=logs.store.overlay(items, old))), Conflict
    )
    recent = logs.store._recent
    assert len(recent._entries) <= 2200
    assert sum(map(len, recent._by_tag.values())) <= 2200


# --- trouble ----------------------------------------------------------------------------------------------------------


class Held:
    """The lock of a log, held by somebody else: whatever is sent waits."""

    def __init__(self, connection: asyncpg.Connection, log_id: int) -> None:
        self._connection = connection
        self._log_id = log_id

    async def __aenter__(self) -> Self:
        await self._connection.execute("SELECT pg_advisory_lock($1, $2)", LOCK, self._log_id)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.execute("SELECT pg_advisory_unlock($1, $2)", LOCK, self._log_id)

    async def waiting(self) -> int:
        """Return the process that waits for the lock, once there is one."""
        async with asyncio.timeout(20):
            while True:
                pid = await self._connection.fetchval(
                    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = "
                    "(SELECT oid FROM pg_database WHERE datname = current_database())"
                )
                if pid is not None:
                    return int(pid)


async def test_a_full_queue_says_when_to_come_back(logs: Logs, superuser: asyncpg.Connection) -> None:
    taken = []
    async with Held(superuser, logs.store.log_id) as held:
        taken.append(logs.store.enqueue(proposal()))
        await held.waiting()
        taken.extend(logs.store.enqueue(proposal()) for _ in range(4096))
        with pytest.raises(Overloaded) as refused:
            await logs.store.append(proposal())
        assert refused.value.retry_after >= 1
    outcomes = await asyncio.gather(*taken)
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert await logs.store.head() == len(taken)


async def test_a_lost_connection_is_replaced_and_nothing_is_written_twice(
    logs: Logs, superuser: asyncpg.Connection
) -> None:
    async with Held(superuser, logs.store.log_id) as held:
        first = logs.store.enqueue(proposal(command_id=UUID(int=1)))
        pid = await held.waiting()
        rest = [logs.store.enqueue(proposal()) for _ in range(9)]
        await superuser.execute("SELECT pg_terminate_backend($1)", pid)
        again = await held.waiting()
        while again == pid:
            again = await held.waiting()
    outcomes = await asyncio.gather(first, *rest)
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert await logs.store.head() == 10


async def test_a_caller_that_goes_away_stops_nothing(logs: Logs, superuser: asyncpg.Connection) -> None:
    async with Held(superuser, logs.store.log_id) as held:
        task = asyncio.create_task(logs.store.append(proposal(command_id=UUID(int=1))))
        await held.waiting()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert isinstance(await logs.store.append(proposal(command_id=UUID(int=1))), Repeated)


async def test_closing_writes_what_is_queued(logs: Logs) -> None:
    store = EventStore(logs.pool, logs.store.log_id, CATALOGUE)
    answers = [store.enqueue(proposal()) for _ in range(300)]
    await store.close()
    assert all(isinstance(answer.result(), Accepted) for answer in answers)
    with pytest.raises(RuntimeError, match="closed"):
        await store.append(proposal())


UNWRITABLE: dict[str, Fact] = {
    "a float": Fact(type="t", data=b'{"a":1.5}'),
    "a whole float": Fact(type="t", data=b'{"a":1e3}'),
    "a float in a struct": msgspec.structs.replace(noted("U-1"), data=b'{"a":[1,2.0]}'),
    "too large a number": msgspec.structs.replace(noted("U-1"), data=b'{"a":9007199254740992}'),
    "no number": Fact(type="t", data=b'{"a":NaN}'),
    "unsorted keys": Fact(type="t", data=b'{"b":1,"a":1}'),
    "space": Fact(type="t", data=b'{"a": 1}'),
    "a key twice": Fact(type="t", data=b'{"a":1,"a":1}'),
    "no object": Fact(type="t", data=b"[]"),
    "no JSON": Fact(type="t", data=b"data1"),
    "no UTF-8": Fact(type="t", data=b'{"a":"\xff"}'),
    "a lone surrogate": Fact(type="t", data=b'{"a":"\\ud800"}'),
    "text not in form C": noted("U-1", "e\u0301"),
    "no name": Fact(type="", data=b"{}"),
    "an empty tag": Fact(type="t", data=b"{}", tags=("",)),
    "a tag with a separator": Fact(type="t", data=b"{}", tags=("a\x1fb",)),
    "a tag with a zero": Fact(type="t", data=b"{}", tags=("a\x00b",)),
    "a tag not in form C": Fact(type="t", data=b"{}", tags=("e\u0301",)),
    "a tag with a lone surrogate": Fact(type="t", data=b"{}", tags=("\ud800",)),
    "unsorted tags": Fact(type="t", data=b"{}", tags=("b", "a")),
    "a tag twice": Fact(type="t", data=b"{}", tags=("a", "a")),
}


@pytest.mark.parametrize("what", UNWRITABLE)
async def test_what_not_everyone_would_read_alike_is_not_written(logs: Logs, what: str) -> None:
    with pytest.raises(Unwritable):
        await logs.store.append(proposal(UNWRITABLE[what]))
    assert await logs.store.head() == 0


async def test_figures_inside_text_are_not_numbers(logs: Logs) -> None:
    written = noted("U-1", 'a:1.5,[2e9 "x":9007199254740993')
    assert isinstance(await logs.store.append(proposal(written)), Accepted)


async def test_a_command_without_events_is_not_recorded(logs: Logs) -> None:
    with pytest.raises(ValueError, match="decides nothing"):
        await logs.store.append(msgspec.structs.replace(proposal(), facts=()))


# --- reading ----------------------------------------------------------------------------------------------------------


async def test_one_statement_tells_a_decision_everything(logs: Logs) -> None:
    await logs.store.append(proposal(noted("U-1"), noted("U-2"), command_id=UUID(int=1), receipt=b"r"))
    known = await logs.store.read_for_decision(
        about("U-1"), UUID(int=1), [Check("SELECT {0}::int + {1}::int", (1, 2)), Check("SELECT {0}::text", ("x",))]
    )
    assert [event.position for event in known.events] == [1]
    assert (known.head, known.answers) == (2, (3, "x"))
    assert known.receipt is not None
    assert (known.receipt.last_position, known.receipt.receipt, known.receipt.request_hash) == (2, b"r", b"request")
    nothing = await logs.store.read_for_decision((), uuid4())
    assert (nothing.events, nothing.head, nothing.receipt) == ([], 2, None)


async def test_reading_within_bounds(logs: Logs) -> None:
    for _ in range(5):
        await logs.store.append(proposal(noted("U-1"), noted("U-2")))

    async def positions(*items: Item, **bounds: Any) -> list[int]:
        return [event.position for event in (await logs.store.read(items, **bounds)).events]

    for item in (Item(NOTED, ("unit:U-1",)), Item((), ("unit:U-1",))):
        assert await positions(item) == [1, 3, 5, 7, 9]
        assert await positions(item, after=3, limit=2) == [5, 7]
        assert await positions(item, after=1, until=6) == [3, 5]
        assert await positions(item, limit=0) == []
    assert await positions(Item(NOTED), after=8) == [9, 10]
    assert await positions(Item(NOTED, ("unit:U-1",)), Item((), ("unit:U-2",)), limit=3) == [1, 2, 3]
    assert (await logs.store.read(about("none"))).head == 10


async def plan_kept(connection: asyncpg.Connection, logs: Logs, items: tuple[Item, ...]) -> str:
    """The plan that is made for a decision now, once the log has grown a good deal."""
    sql, arguments = event_store._question(items, (), ())
    types = ["int", "bigint", "bigint", "bigint", *["text[]"] * len(arguments), "uuid"]
    values = [str(logs.store.log_id), "0", "1000000000", "NULL"]
    values += ["ARRAY[" + ",".join(f"'{word}'" for word in words) + "]" for words in arguments] + [f"'{uuid4()}'"]
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    await connection.execute(f"PREPARE decision ({', '.join(types)}) AS {sql}")
    await connection.fetch(f"EXECUTE decision ({', '.join(values)})")
    await asyncio.gather(*(logs.store.append(proposal(noted(f"U-{n}"))) for n in range(3000)))
    return "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN EXECUTE decision ({', '.join(values)})"))


@pytest.mark.parametrize("items", [about("U-1"), (Item((), ("unit:U-1",)), Item(NOTED, ("unit:U-1", "unit:U-2")))])
async def test_a_plan_made_on_an_empty_log_still_uses_the_index_on_a_full_one(
    logs: Logs, superuser: asyncpg.Connection, items: tuple[Item, ...]
) -> None:
    plan = await plan_kept(superuser, logs, items)
    assert "event_tag_pkey" in plan
    assert "Seq Scan on event" not in plan, plan


async def test_a_plan_made_on_a_small_log_still_uses_the_index_on_a_full_one(
    logs: Logs, superuser: asyncpg.Connection, database: Database
) -> None:
    await superuser.execute("ALTER TABLE event SET (autovacuum_enabled = off)")
    await superuser.execute("ALTER TABLE event_tag SET (autovacuum_enabled = off)")
    await superuser.execute("ANALYZE")
    async with open_pool(database.app_url, name="test") as pool, pool.acquire() as connection:
        plan = await plan_kept(cast("asyncpg.Connection", connection), logs, about("U-1"))
    assert "using event_tag_pkey" in plan, plan
    assert not re.search("(Seq|Bitmap Heap) Scan", plan), plan


async def test_a_boundary_is_planned_for_once_and_not_at_every_reading(logs: Logs, database: Database) -> None:
    async with asyncpg.create_pool(database.app_url, min_size=1, max_size=1) as pool:
        store = EventStore(pool, logs.store.log_id, CATALOGUE, keeps=False)
        for number in range(20):
            items = (*about(f"U-{number}"), Item(NOTED, ("unit:U-1", "unit:U-2")), Item((), (f"unit:U-{number}",)))
            await store.read_for_decision(items, uuid4())
        plans = await pool.fetch("SELECT custom_plans, generic_plans FROM pg_prepared_statements ORDER BY prepare_time")
    # The server compares a plan for what is asked with a plan for anything five times before it keeps the second.
    assert (5, 15) in [tuple(row) for row in plans]


# --- following --------------------------------------------------------------------------------------------------------


async def follow(store: EventStore, count: int, *, after: int = 0, items: tuple[Item, ...] = ()) -> list[int]:
    seen: list[int] = []
    async with asyncio.timeout(30):
        async for event in store.subscribe(after, items):
            seen.append(event.position)
            if len(seen) == count:
                break
    return seen


async def test_a_reader_sees_everything_once_and_in_order_whoever_writes(logs: Logs) -> None:
    readers = [asyncio.create_task(follow(store, 200)) for store in (logs.store, logs.twin)]
    for _ in range(10):
        await asyncio.gather(*(store.append(proposal()) for store in (logs.store, logs.twin) for _ in range(10)))
    assert await asyncio.gather(*readers) == [list(range(1, 201))] * 2


async def test_a_reader_of_some_events_is_not_held_up_by_the_others(logs: Logs) -> None:
    reader = asyncio.create_task(follow(logs.twin, 3, items=about("U-2")))
    for _ in range(3):
        await asyncio.gather(*(logs.store.append(proposal(noted("U-1"))) for _ in range(1200)))
        await logs.store.append(proposal(noted("U-2")))
    assert await reader == [1201, 2402, 3603]


async def test_another_process_is_woken_before_it_polls(logs: Logs) -> None:
    logs.twin.signal.poll_seconds = 3600.0  # Only a wake-up helps, and each must come.
    for n in range(20):
        reader = asyncio.create_task(follow(logs.twin, 1, after=n))
        await logs.twin.signal._listen()
        await logs.store.append(proposal())
        assert await reader == [n + 1]


async def test_a_reader_that_hears_nothing_polls(logs: Logs, superuser: asyncpg.Connection) -> None:
    reader = asyncio.create_task(follow(logs.twin, 2))
    await logs.store.append(proposal())
    await superuser.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    )
    await logs.store.append(proposal())
    assert await reader == [1, 2]


async def test_a_store_closes_though_its_listening_connection_has_just_died(logs: Logs) -> None:
    store = EventStore(logs.pool, logs.store.log_id, CATALOGUE)
    await store.signal._listen()
    store.signal._listener.terminate()
    await store.close()


async def test_a_checkpoint_moves_once_and_with_the_work(logs: Logs) -> None:
    checkpoint = Checkpoint(logs.store.log_id, "reader")
    async with logs.pool.acquire() as connection, logs.pool.acquire() as rival:
        assert await checkpoint.position(connection) == 0
        await checkpoint.move(connection, 0, 5)
        with pytest.raises(CheckpointMoved):
            await checkpoint.move(rival, 0, 6)
        with pytest.raises(CheckpointMoved):
            await checkpoint.move(rival, 4, 6)
        undone = connection.transaction()
        await undone.start()
        await checkpoint.move(connection, 5, 9)
        await undone.rollback()
        assert await checkpoint.position(rival) == 5
        with pytest.raises(CheckpointMoved):
            await Checkpoint(logs.store.log_id, "never moved").move(rival, 3, 4)
        assert await Checkpoint(logs.other.log_id, "reader").position(rival) == 0


# --- who may ----------------------------------------------------------------------------------------------------------

FORBIDDEN = [
    "UPDATE event SET type = 'x'",
    "DELETE FROM event",
    "TRUNCATE event",
    "INSERT INTO event_tag VALUES (1, 'a', 'b', 1)",
    "DELETE FROM event_tag",
    "UPDATE command SET request_hash = ''",
    "DELETE FROM command",
    "UPDATE log SET clock = 'simulated'",
    "INSERT INTO log VALUES (9, 'x', 'real')",
    "ALTER TABLE event DISABLE TRIGGER append_only",
    "DROP TRIGGER append_only ON event",
    "CREATE TRIGGER mine BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "ALTER TABLE event OWNER TO biaogan_app",
    "CREATE OR REPLACE FUNCTION public.types_of(in_log integer, in_tag text) RETURNS SETOF text LANGUAGE sql AS ''",
    "CREATE TABLE public.mine ()",
    "SET ROLE biaogan_owner",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_application_can_only_append(logs: Logs, statement: str) -> None:
    await logs.store.append(proposal())
    before = await stored(logs.pool, logs.store.log_id)
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.InvalidParameterValueError)):
        await logs.pool.execute(statement)
    assert await stored(logs.pool, logs.store.log_id) == before


@pytest.mark.parametrize("table", ["log", "event", "event_tag", "command"])
async def test_not_even_the_owner_changes_the_record_by_mistake(logs: Logs, database: Database, table: str) -> None:
    await logs.store.append(proposal())
    owner = await asyncpg.connect(database.owner_url)
    try:
        for statement in (f"UPDATE {table} SET log_id = log_id", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
            with pytest.raises(asyncpg.PostgresError, match="append-only"):
                await owner.execute(statement)
    finally:
        await owner.close()


async def test_starting_is_refused_where_the_application_could_rewrite_the_record(
    database: Database, pool: asyncpg.Pool
) -> None:
    await refuse_owned_record(pool)
    for url in (database.owner_url, database.superuser_url):
        async with asyncpg.create_pool(url, min_size=1, max_size=1) as strong:
            with pytest.raises(RecordNotOurs, match="connect as biaogan_app"):
                await refuse_owned_record(strong)


# --- tampering --------------------------------------------------------------------------------------------------------

TAMPERING = {
    "edited": 'UPDATE event SET data = \'{"note":"y","unit_id":"U-1"}\' WHERE log_id = $1 AND position = 7',
    "deleted": "DELETE FROM event WHERE log_id = $1 AND position = 7",
    "cut": "DELETE FROM event WHERE log_id = $1 AND position > 18",
    "swapped": "UPDATE event SET position = 115 - position WHERE log_id = $1 AND position IN (7, 8)",
    "back-dated": "UPDATE event SET effective_at = effective_at - interval '1 day' WHERE log_id = $1 AND position = 7",
    "tags changed": "UPDATE event SET tags = '{unit:U-2}' WHERE log_id = $1 AND position = 7",
}


@pytest.mark.parametrize("how", TAMPERING)
async def test_tampering_as_superuser_changes_the_root(logs: Logs, superuser: asyncpg.Connection, how: str) -> None:
    async def root() -> tuple[int, bytes]:
        found = line.root_of([line.line("I-1", row) async for page in logs.store.rows() for row in page])
        return found.size, found.digest()

    for n in range(20):
        await logs.store.append(proposal(noted("U-1", f"note {n}")))
    printed = await root()
    assert printed == await root()
    await superuser.execute("ALTER TABLE event DISABLE TRIGGER append_only")
    await superuser.execute(TAMPERING[how], logs.store.log_id)
    await superuser.execute("UPDATE event SET position = position - 100 WHERE position > 100")
    assert await root() != printed
