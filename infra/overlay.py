"""What this process has decided and a reader's snapshot may not show yet.

A command is decided on what the database showed it *and* on the events that this process decided since: pending, in
flight, or committed a moment ago. So commands that share a tag are decided one after another and may stand in one
batch, each seeing its forerunners' events. A forerunner that is not accepted takes its followers with it.
"""

from __future__ import annotations

import asyncio
import enum
import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from domain.kernel import Catalogue, Recorded
from infra.record import Item, Known, Outcome, Proposal, event_id, matches

__all__ = ["Entry", "Overlay", "Recent", "State"]

KEPT: Final = 2048  # Settled commands kept in sight: more than commit while any reader waits for its answer.
_MICROSECOND: Final = timedelta(microseconds=1)
_NOTHING: Final[deque[tuple[Entry, int]]] = deque()


class State(enum.Enum):
    """How far a proposal has come."""

    QUEUED = enum.auto()
    SENT = enum.auto()
    ACCEPTED = enum.auto()
    FAILED = enum.auto()


class Entry:
    """One proposal on its way."""

    __slots__ = (
        "_exact",
        "events",
        "first",
        "forerunners",
        "future",
        "last",
        "number",
        "proposal",
        "settled",
        "state",
    )

    def __init__(
        self, proposal: Proposal, number: int, events: list[Recorded], future: asyncio.Future[Outcome]
    ) -> None:
        self.proposal = proposal
        self.number = number
        self.events = events
        self.future = future
        self.forerunners: tuple[Entry, ...] = ()
        self.state = State.QUEUED
        self.first = self.last = 0
        self.settled: asyncio.Event | None = None
        self._exact = False

    @property
    def chained(self) -> bool:
        """Whether it was decided on all that this process had decided before it."""
        seen = self.proposal.seen
        return seen is not None and seen.number == self.number - 1

    @property
    def open(self) -> bool:
        """Whether the log's answer is still to come."""
        return self.state is State.QUEUED or self.state is State.SENT

    def accept(self, first: int, last: int) -> None:
        """Take the positions the log gave."""
        self.first, self.last = first, last
        self._close(State.ACCEPTED)

    def fail(self) -> None:
        """Take note that nothing was written."""
        self._close(State.FAILED)

    def _close(self, state: State) -> None:
        self.state = state
        # Followers hold their forerunners; without this a busy tag would keep every one of its commands in memory.
        self.forerunners = ()
        if self.proposal.seen is not None:
            self.proposal.seen.release()
        if self.settled is not None:
            self.settled.set()

    def as_recorded(self, recorded_at: datetime) -> None:
        """Replace provisional positions and times of an accepted proposal by those of the log, once somebody looks."""
        if self._exact:
            return
        self.events = [
            msgspec.structs.replace(event, position=self.first + n, recorded_at=recorded_at + n * _MICROSECOND)
            for n, event in enumerate(self.events)
        ]
        self._exact = True


class Overlay:
    """The events a decision must take in after those it has read, and the proof of having done so.

    ``forerunners`` are the open proposals it rests on, without those that fall with another of them anyway.

    Positions of events still pending are provisional (they follow the head, as if nobody else wrote). A refusal that
    rests on this overlay is final only after ``await settled()`` says so: otherwise read and decide again. A command
    that uses positions of what it reads does the same.
    """

    __slots__ = ("_last", "_recent", "events", "forerunners", "head", "number")

    def __init__(
        self,
        recent: Recent | None,
        head: int,
        number: int,
        events: list[Recorded],
        *,
        forerunners: tuple[Entry, ...] = (),
        last: int = 0,
    ) -> None:
        self._recent = recent
        self._last = last
        self.head = head
        self.number = number
        self.events = events
        self.forerunners = forerunners

    def release(self) -> None:
        """Let go of what was seen; its proposal has its answer."""
        self.events = []
        self.forerunners = ()

    async def settled(self) -> bool:
        """Wait for the forerunners; True if all were accepted and nobody else wrote in between."""
        if self._recent is None:
            return True
        for entry in self.forerunners:
            if entry.open:
                entry.settled = entry.settled or asyncio.Event()
                await entry.settled.wait()
        if any(entry.state is not State.ACCEPTED for entry in self.forerunners):
            return False
        return self._recent.ours(self.head, max(self._last, *(entry.last for entry in self.forerunners), 0))


def _nearest(item: Item, found: list[tuple[Entry, int]]) -> Iterator[Entry]:
    """Name the open forerunners of an item, newest first, up to one that asked the same and so rests on the rest."""
    for entry, _ in reversed(found):
        if not entry.open:
            return  # What was enqueued before it is settled too.
        yield entry
        if entry.chained and item in entry.proposal.items:
            return


class Recent:
    """This process's proposals, oldest first: all that are open, and the latest that were settled."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._entries: deque[Entry] = deque()
        self._by_tag: dict[str, deque[tuple[Entry, int]]] = {}
        self._ranges: deque[list[int]] = deque()  # Positions we wrote, as [first, last], joined where they touch.
        self._recorded_at: dict[int, datetime] = {}
        self._forgotten = 0  # Last position of ours that is out of sight.
        self._provisional = 0
        self.number = 0
        self.newest = 0  # Last position we wrote.

    # --- growing ----------------------------------------------------------------------------------------------------

    def add(self, proposal: Proposal, future: asyncio.Future[Outcome]) -> Entry:
        """Take in a new proposal: from now on every overlay shows its events."""
        self.number += 1
        if not self._entries or not self._entries[-1].open:
            self._provisional = 0
        known = proposal.seen.head if proposal.seen else proposal.after
        self._provisional = max(self._provisional, self.newest, known)
        events = [self._provisionally(proposal, n) for n in range(len(proposal.facts))]
        self._provisional += len(events)
        entry = Entry(proposal, self.number, events, future)
        if proposal.seen is not None:
            entry.forerunners = proposal.seen.forerunners
        self._entries.append(entry)
        for n, event in enumerate(events):
            for tag in event.tags:
                self._by_tag.setdefault(tag, deque()).append((entry, n))
        return entry

    def _provisionally(self, proposal: Proposal, n: int) -> Recorded:
        fact = proposal.facts[n]
        return Recorded(
            position=self._provisional + n + 1,
            event_id=event_id(proposal.command_id, n),
            type=fact.type,
            tags=fact.tags,
            event=fact.body if fact.body is not None else self._catalogue.decode(fact.type, fact.data),
            envelope=proposal.envelope,
            recorded_at=proposal.envelope.received_at,
        )

    def accepted(self, entry: Entry, first: int, last: int, recorded_at: datetime) -> None:
        """Take note of where a proposal was written."""
        entry.accept(first, last)
        self._recorded_at[entry.number] = recorded_at
        self.newest = max(self.newest, last)
        if self._ranges and first == self._ranges[-1][1] + 1:
            self._ranges[-1][1] = last
        else:
            self._ranges.append([first, last])

    def forget(self) -> None:
        """Let go of the oldest settled proposals beyond the number that is kept."""
        while len(self._entries) > KEPT and not self._entries[0].open:
            entry = self._entries.popleft()
            self._recorded_at.pop(entry.number, None)
            for event in entry.events:
                for tag in event.tags:
                    line = self._by_tag[tag]
                    line.popleft()
                    if not line:
                        del self._by_tag[tag]
            self._forgotten = max(self._forgotten, entry.last)
        while self._ranges and self._ranges[0][1] <= self._forgotten:
            self._ranges.popleft()

    # --- looking ----------------------------------------------------------------------------------------------------

    def overlay(self, items: Iterable[Item], known: Known) -> Overlay:
        """Show what was decided here and is not among the known events; no await may follow before ``enqueue``."""
        if known.head < self._forgotten:
            # Some of what came between is out of sight: decision and condition stand on the snapshot alone.
            return Overlay(None, known.head, -1, [])
        hits = [(item, found) for item in items if (found := self._hits(item, known.head))]
        if not hits:
            return Overlay(self, known.head, self.number, [])
        pairs = hits[0][1]
        if len(hits) > 1:
            merged = {(entry.number, n): (entry, n) for _, found in hits for entry, n in found}
            pairs = [merged[key] for key in sorted(merged)]
        for entry, _ in pairs:
            if entry.state is not State.ACCEPTED:
                break
            entry.as_recorded(self._recorded_at[entry.number])
        # A batch may be committed and read before its answer reaches us; then its events are known already.
        read = {event.event_id for event in known.events}
        events = [entry.events[n] for entry, n in pairs]
        if read:
            events = [event for event in events if event.event_id not in read]
        forerunners = dict.fromkeys(entry for item, found in hits for entry in _nearest(item, found))
        last = max(entry.last for entry, _ in pairs)
        return Overlay(self, known.head, self.number, events, forerunners=tuple(forerunners), last=last)

    def _hits(self, item: Item, head: int) -> list[tuple[Entry, int]]:
        """Return what an item means beyond a head, oldest first."""
        types, tags = item.types, item.tags
        line: deque[tuple[Entry, int]]
        if tags:
            line = min((self._by_tag.get(tag, _NOTHING) for tag in tags), key=len)
        else:
            line = deque((entry, n) for entry in self._entries for n in range(len(entry.events)))
        found = []
        for pair in reversed(line):
            entry, n = pair
            if entry.state is State.ACCEPTED:
                if entry.last <= head:
                    break  # Everything before it was written before it.
            elif entry.state is State.FAILED:
                continue
            event = entry.events[n]
            if (not types or event.type in types) and (len(tags) == 1 or matches(item, event.type, event.tags)):
                found.append(pair)
        found.reverse()
        return found

    def unanswered(self, events: Sequence[Recorded]) -> list[Recorded]:
        """Those of some recorded events whose proposals are open: committed, and read before the answer was."""
        pending = {event.event_id for entry in self._entries if entry.open for event in entry.events}
        return [event for event in events if event.event_id in pending]

    def ours(self, after: int, until: int) -> bool:
        """Whether every position after one and up to another was written by this process, as far as it remembers."""
        if until <= after:
            return True
        for first, last in reversed(self._ranges):
            if first <= after + 1:
                return until <= last
        return False

    def condition(self, entry: Entry) -> tuple[int, str]:
        """From where on, and except for which positions (a multirange), a command's condition must still hold."""
        seen = entry.proposal.seen
        if seen is None:
            return entry.proposal.after, ""
        if not entry.chained:
            return seen.head, ""  # Others were let in between looking and enqueueing: nothing is taken as seen.
        if self.ours(seen.head, self.newest):
            return max(seen.head, self.newest), ""
        later = itertools.takewhile(lambda written: written[1] > seen.head, reversed(self._ranges))
        return seen.head, "{" + ",".join(f"[{first},{last}]" for first, last in later) + "}"
