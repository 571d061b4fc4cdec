"""Any sequence of appends and reads, ours beside the library's in-memory recorder: both must always say the same."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from eventsourcing.dcb.api import DCBAppendCondition, DCBEvent, DCBQuery, DCBQueryItem, DCBSequencedEvent
from eventsourcing.dcb.popo import InMemoryDCBRecorder
from eventsourcing.persistence import IntegrityError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from infra.event_store import EventStore, open_log
from infra.record import Accepted, Conflict, Item, KeyReused, Known, Outcome, Proposal, Repeated, Stale
from tests.conftest import Database
from tests.logs import CATALOGUE, Foreign, Recorder, envelope, foreign, items_of, plant, recorders

pytestmark = pytest.mark.store

TYPES = st.sampled_from(["a", "b", "c"])
TAGS = st.sampled_from(["t:1", "t:2", "t:3", "t"])
EVENTS = st.lists(
    st.builds(DCBEvent, type=TYPES, data=st.binary(max_size=4), tags=st.lists(TAGS, max_size=3)), min_size=1, max_size=3
)
# Every shape: with and without types and tags, several of each, the same one twice, several items, none at all.
QUERIES = st.builds(
    DCBQuery,
    items=st.lists(
        st.builds(DCBQueryItem, types=st.lists(TYPES, max_size=2), tags=st.lists(TAGS, max_size=3)), max_size=3
    ),
)
BACK = st.integers(min_value=-1, max_value=6)
_origins = (f"machine-{n}" for n in itertools.count(1))


class Machine(RuleBasedStateMachine):
    """Our store and the oracle, driven alike. All examples share a database, so every log stands beside filled ones."""

    store: Recorder  # Set by the test: machines are made by hypothesis, without arguments.

    @initialize()
    def begin(self) -> None:
        loop, pool = self.store.loop, self.store.store._pool
        self.log = EventStore(pool, loop.run(open_log(pool, next(_origins), "real")), CATALOGUE)
        self.mine = Recorder(self.log, loop)
        self.oracle = InMemoryDCBRecorder()
        self.accepted: dict[UUID, tuple[Proposal, Accepted]] = {}
        self.ids = (UUID(int=n) for n in itertools.count(1))  # The same ones in every log.
        self.snapshots: list[tuple[DCBQuery, Known]] = []

    def teardown(self) -> None:
        if hasattr(self, "log"):
            self.mine.loop.run(self.log.close())

    @property
    def head(self) -> int:
        return self.oracle.read().head or 0

    def expected(self, events: list[DCBEvent], condition: DCBAppendCondition | None) -> int | None:
        tidy = [DCBEvent(event.type, event.data, sorted(set(event.tags))) for event in events]
        try:
            return self.oracle.append(tidy, condition)
        except IntegrityError:
            return None

    def proposal(self, events: list[DCBEvent], **other: Any) -> Proposal:
        facts = tuple(foreign(event.type, event.tags, event.data) for event in events)
        return Proposal(request_hash=b"r", facts=facts, envelope=envelope(next(self.ids)), **other)

    def remember(self, proposal: Proposal, outcome: Outcome, expected: int | None) -> None:
        if expected is None:
            assert outcome == Conflict()
            return
        assert isinstance(outcome, Accepted)
        assert outcome.receipt.last_position == expected
        assert outcome.receipt.first_position == expected - len(proposal.facts) + 1
        self.accepted[proposal.command_id] = (proposal, outcome)

    @rule(events=EVENTS)
    def append(self, events: list[DCBEvent]) -> None:
        proposal = self.proposal(events)
        self.remember(proposal, self.mine.submit(proposal), self.expected(events, None))

    @rule(events=EVENTS, query=QUERIES, back=BACK | st.none())
    def append_on_condition(self, events: list[DCBEvent], query: DCBQuery, back: int | None) -> None:
        after = None if back is None else max(0, self.head - back)
        expected = self.expected(events, DCBAppendCondition(query, after))
        proposal = self.proposal(events, items=items_of(query) or (Item(),), after=after or 0)
        self.remember(proposal, self.mine.submit(proposal), expected)

    @rule(batch=st.lists(st.tuples(EVENTS, QUERIES, BACK), min_size=2, max_size=5))
    def append_together(self, batch: list[tuple[list[DCBEvent], DCBQuery, int]]) -> None:
        """Commands that wait for the same call are judged as if they came one after another."""
        head = self.head
        proposals = [
            self.proposal(events, items=items_of(query) or (Item(),), after=max(0, head - back))
            for events, query, back in batch
        ]
        expected = [
            self.expected(events, DCBAppendCondition(query, max(0, head - back))) for events, query, back in batch
        ]
        for proposal, outcome, wanted in zip(
            proposals, self.mine.loop.run(self.at_once(proposals)), expected, strict=True
        ):
            self.remember(proposal, outcome, wanted)

    async def at_once(self, proposals: list[Proposal]) -> list[Outcome]:
        futures = [self.log.enqueue(proposal) for proposal in proposals]
        return [await future for future in futures]

    @rule(query=QUERIES)
    def look(self, query: DCBQuery) -> None:
        items = items_of(query) or (Item(),)
        self.snapshots.append((query, self.mine.loop.run(self.log.read_for_decision(items, UUID(int=0)))))

    @rule(chain=st.lists(st.tuples(EVENTS, st.integers(min_value=0, max_value=9)), min_size=1, max_size=4))
    def append_in_a_chain(self, chain: list[tuple[list[DCBEvent], int]]) -> None:
        """Decided on old snapshots, each sees everything its forerunners decided, and none conflicts."""
        if not self.snapshots:
            return
        chosen = [(events, *self.snapshots[n % len(self.snapshots)]) for events, n in chain]
        before = self.head
        proposals, outcomes = self.mine.loop.run(self.chained(chosen))
        assert [type(outcome) for outcome in outcomes] == [Accepted] * len(chain)
        for proposal, outcome, (events, _) in zip(proposals, outcomes, chain, strict=True):
            self.remember(proposal, outcome, self.expected(events, None))
        assert before < self.head

    async def chained(
        self, chosen: list[tuple[list[DCBEvent], DCBQuery, Known]]
    ) -> tuple[list[Proposal], list[Outcome]]:
        proposals, futures = [], []
        decided = list(self.oracle.events)
        position = self.head
        for events, query, known in chosen:
            items = items_of(query) or (Item(),)
            seen = self.log.overlay(items, known)
            wanted = [
                (event.event.type, event.event.data)
                for event in decided
                if not query.items
                or any(
                    (not item.types or event.event.type in item.types) and set(item.tags) <= set(event.event.tags)
                    for item in query.items
                )
            ]
            found = [*known.events, *seen.events]
            assert [
                (each.type, bytes.fromhex(each.event.hex)) for each in found if isinstance(each.event, Foreign)
            ] == wanted
            proposals.append(self.proposal(events, items=items, seen=seen))
            futures.append(self.log.enqueue(proposals[-1]))
            for event in events:
                position += 1
                decided.append(DCBSequencedEvent(event, position))
        return proposals, [await future for future in futures]

    @rule(pick=st.integers(min_value=0), events=EVENTS)
    def repeat(self, pick: int, events: list[DCBEvent]) -> None:
        if not self.accepted:
            return
        first, outcome = self.accepted[sorted(self.accepted)[pick % len(self.accepted)]]
        facts = tuple(foreign(event.type, event.tags, event.data) for event in events)
        again = Proposal(request_hash=b"r", facts=facts, envelope=first.envelope, items=(Item(),))
        assert self.mine.submit(again) == Repeated(outcome.receipt)
        other = Proposal(request_hash=b"other", facts=facts, envelope=first.envelope)
        assert isinstance(self.mine.submit(other), KeyReused)

    @rule(events=EVENTS, tag=TAGS, back=BACK)
    def append_if_match(self, events: list[DCBEvent], tag: str, back: int) -> None:
        after = max(0, self.head - back)
        missed = tuple(e.position for e in self.oracle.read(DCBQuery([DCBQueryItem(tags=[tag])]), after=after))
        proposal = self.proposal(events, if_match=(tag, after))
        outcome = self.mine.submit(proposal)
        if missed:
            assert outcome == Stale(missed)
        else:
            self.remember(proposal, outcome, self.expected(events, None))

    @rule(query=QUERIES, back=BACK | st.none(), limit=st.integers(min_value=0, max_value=5) | st.none())
    def read(self, query: DCBQuery, back: int | None, limit: int | None) -> None:
        after = None if back is None else max(0, self.head - back)
        ours, theirs = (log.read(query, after=after, limit=limit) for log in (self.mine, self.oracle))
        assert list(ours) == list(theirs)
        assert ours.head == theirs.head

    @rule(tag=TAGS)
    def version(self, tag: str) -> None:
        positions = [event.position for event in self.oracle.read(DCBQuery([DCBQueryItem(tags=[tag])]))]
        assert self.mine.loop.run(self.log.version(tag)) == max(positions, default=0)

    @invariant()
    def both_hold_the_same(self) -> None:
        if hasattr(self, "oracle"):
            assert list(self.mine.read()) == list(self.oracle.read())


@pytest.fixture
def shared(database: Database) -> Iterator[Recorder]:
    with recorders(database.app_url, "machine") as (recorder,):
        yield recorder


def play(
    recorder: Recorder, examples: int, phases: tuple[Phase, ...] = tuple(Phase), *, derandomize: bool = False
) -> None:
    Machine.store = recorder
    quick = settings(
        max_examples=examples,
        stateful_step_count=25,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=phases,
        derandomize=derandomize,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Machine, settings=quick)


@pytest.mark.timeout(600)
def test_our_store_and_the_oracle_agree(shared: Recorder) -> None:
    play(shared, 100)


FAULTS = {
    "an event at the limit counts as later": ("t.position > c_after[p.command]", "t.position >= c_after[p.command]"),
    "If-Match looks at one type only": (
        "LATERAL types_of(in_log, m.tag) AS kind(type)",
        "(VALUES ('a')) AS kind(type)",
    ),
    "a known command is not looked at": ("AND k.command_id = ANY (c_id)", "AND false"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_machine_finds_a_planted_fault(database: Database, shared: Recorder, fault: str) -> None:
    asyncio.run(plant(database.superuser_url, *FAULTS[fault]))
    with pytest.raises((AssertionError, asyncpg.PostgresError, ExceptionGroup)):
        # That it is found is enough: the smallest example is not asked for, and the same ones are played every time.
        play(shared, 200, (Phase.generate,), derandomize=True)
