"""Given, when, then: specs that read as sentences of the regulation, on a small in-memory log of recorded events.

``given(*past).when(command).then(*events)`` / ``.refused(QuotaExhausted, places=1, used=1)``; and for the width of a
boundary ``.meanwhile(event).is_raced()`` (the race must be refused) or ``.is_undisturbed()`` (a neighbour must not
disturb). Whoever is among ``LISTENERS`` hears each of them, once it holds: ``python -m tests.prose`` prints them.
"""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args, get_origin, get_type_hints
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from domain.ids import InstitutionId
from domain.kernel import (
    Command,
    Envelope,
    Event,
    Recorded,
    Refusal,
    Selector,
    Word,
    asked_fields,
    matches,
    reading,
    tags_of,
    taken_in,
)
from domain.lifecycle import EVENTS
from domain.permission.policy import ROLE_TITLES, STATE_TITLES, TABLE

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2020, 5, 20, 4, tzinfo=UTC)
INSTITUTION = InstitutionId("UNI")
SOMEBODY = "00000000-0000-0000-0000-000000000001"
ANOTHER = "00000000-0000-0000-0000-000000000002"


@dataclass(frozen=True)
class Scene:
    """One sentence of the regulation, played: on which past, what was asked for, and what came of it."""

    past: tuple[Recorded, ...]
    command: Command
    outcome: Literal["decided", "refused", "raced", "undisturbed"]
    events: tuple[Event, ...] = ()
    refusal: Refusal | None = None


LISTENERS: list[Callable[[Scene], None]] = []


_CALLED_FREELY = {"assessment", "category", "criterion", "known", "used_by"}
"""Figures whose codes a programme makes itself."""


@functools.cache
def _codes() -> frozenset[str]:
    """What only a program reads: names of commands, states, roles, and every label that an event enumerates."""
    found = {row.command for row in TABLE} | set(STATE_TITLES) | set(ROLE_TITLES)
    todo: list[Any] = [hint for event in EVENTS for hint in get_type_hints(event).values()]
    while todo:
        kind = todo.pop()
        if get_origin(kind) is Literal:
            found |= set(get_args(kind))
        else:
            todo += get_args(kind)
    return frozenset(found)


def untold(refusal: Refusal) -> list[str]:
    """The codes that a refusal tells a Chinese reader as they are; an id or a criterion may well be called like one."""
    shown = {name for name in re.findall(r"\{(\w+)\}", refusal.zh) if not name.endswith("_id")}
    figures = {
        name: refusal.because[name] for name in shown - {"assessment", "category", "criterion", "known", "used_by"}
    }
    plain = [value for value in figures.values() if isinstance(value, str) and not isinstance(value, Word)]
    return [code for value in plain for code in value.split(", ") if code in _codes()]


def _tell(scene: Scene) -> None:
    for listener in LISTENERS:
        listener(scene)


def at(text: str) -> datetime:
    """An instant given as the local time of Shanghai: ``at("2020-05-29 10:00")``."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


def recorded(position: int, event: Event, *, by: str = SOMEBODY, when: datetime = NOON) -> Recorded:
    """One event as the log would hold it."""
    envelope = Envelope(
        actor_id=by,
        actor_kind="person",
        authority="spec",
        command_id=UUID(int=position),
        correlation_id=UUID(int=position),
        received_at=when,
        effective_at=when,
    )
    return Recorded(
        position=position,
        event_id=uuid4(),
        type=event.TOPIC,
        tags=tuple(tags_of(event)),
        event=event,
        envelope=envelope,
        recorded_at=when,
    )


class Past:
    """What had been recorded, in order."""

    def __init__(self, log: list[Recorded]) -> None:
        self.log = log

    def and_(self, *events: Event, by: str = SOMEBODY, when: datetime = NOON) -> Past:
        """Further events, by somebody else or at another time."""
        first = len(self.log) + 1
        return Past(self.log + [recorded(first + i, event, by=by, when=when) for i, event in enumerate(events)])

    def when(
        self,
        command: Command,
        *,
        by: str = SOMEBODY,
        now: datetime = NOON,
        effective: datetime | None = None,
        reason: str | None = None,
        units: Iterable[str] = (),
    ) -> Asked:
        """A command is asked for, through a door that knows who, when and why."""

        def fresh() -> Command:
            another = copy.deepcopy(command)
            another.by, another.now, another.effective_at, another.zone = by, now, effective or now, SHANGHAI
            another.reason_code, another.by_units = reason, frozenset(units)
            if "institution_id" not in {field.name for field in asked_fields(type(another))}:
                another.institution_id = INSTITUTION
            return another

        steps = reading(fresh)
        boundary = next(steps)
        while True:
            past = [r for r in self.log if matches(boundary, r.type, r.tags)]
            try:
                boundary = steps.send(past)
            except StopIteration as done:
                return Asked(self, done.value, boundary)


class Asked:
    """A command that has taken in its past and is about to decide."""

    def __init__(self, past: Past, command: Command, boundary: Sequence[Selector]) -> None:
        self.past, self.command, self.boundary = past, command, boundary
        read = {kind for item in boundary for kind in item.types}
        taken = set(taken_in(type(command)))
        # Of a subject that is not on record nothing is known that could widen the boundary.
        complete = read < taken if command.state == "unknown" else read == taken
        assert complete or read == taken, f"{type(command).__name__} reads other types than it takes in"
        assert all(item.types and item.tags for item in boundary), "a selector names types and tags"

    def then(self, *events: Event) -> Past:
        """Exactly these events are recorded, in this order; returns the longer past."""
        self.command.execute()
        decided = [tagged.decision for tagged in self.command.collect_events()]
        assert decided == list(events), decided
        _tell(Scene(tuple(self.past.log), self.command, "decided", events))
        return self.past.and_(*events, by=self.command.by, when=self.command.effective_at)

    def refused(self, kind: type[Refusal], **because: object) -> Refusal:
        """It is refused with this name and (at least) these figures, and decides nothing."""
        refusal = self._refusal()
        if refusal is None:
            raise AssertionError(f"not refused as {kind.__name__}; decided {self.command.new_decisions}")
        assert type(refusal) is kind, f"refused as {type(refusal).__name__}: {refusal}"
        figures = {name: refusal.because.get(name) for name in because}
        assert figures == because, refusal.because
        assert refusal.sentence("zh") != refusal.sentence("en")
        assert not untold(refusal), f"a Chinese reader is told {untold(refusal)}"
        _tell(Scene(tuple(self.past.log), self.command, "refused", refusal=refusal))
        return refusal

    def _refusal(self) -> Refusal | None:
        try:
            self.command.execute()
        except Refusal as refusal:
            return refusal
        return None

    def meanwhile(self, *events: Event) -> Meanwhile:
        """Between its reading and its writing, somebody else recorded these."""
        return Meanwhile(self, events)


class Meanwhile:
    """What a neighbour did while the command was deciding."""

    def __init__(self, asked: Asked, events: tuple[Event, ...]) -> None:
        self.asked, self.events = asked, events
        self.hits = [matches(asked.boundary, event.TOPIC, tags_of(event)) for event in events]

    def is_raced(self) -> None:
        """Each of them lies within the boundary: the command must decide again."""
        assert all(self.hits), self.hits
        _tell(Scene(tuple(self.asked.past.log), self.asked.command, "raced", self.events))

    def is_undisturbed(self) -> None:
        """None of them lies within the boundary."""
        assert not any(self.hits), self.hits
        _tell(Scene(tuple(self.asked.past.log), self.asked.command, "undisturbed", self.events))


def given(*events: Event, by: str = SOMEBODY, when: datetime = NOON) -> Past:
    """A past of these events, recorded by somebody at noon."""
    return Past([]).and_(*events, by=by, when=when)
