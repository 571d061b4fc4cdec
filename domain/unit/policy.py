"""What is known of a unit on a day, and who stands above it: the arithmetic of the tree and of its dated facts.

A fact counts from its ``valid_on``; of two that replace one another, the later ``valid_on`` holds, and of two from the
same day the one recorded later. ``UnitHistory`` takes in whatever was read of one unit, ``Tree`` that of several.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Generic, TypeVar, cast, get_args

from domain.ids import SuccessorUnitId, UnitId, tag
from domain.kernel import Event, Refusal, Selector, Unknown
from domain.unit.events import (
    EarlierOutcomeRecorded,
    EarlierTitleRecorded,
    HonourRecorded,
    IncidentRecorded,
    IncidentWithdrawn,
    UnitDissolved,
    UnitFoundationRecorded,
    UnitMerged,
    UnitMoved,
    UnitRegistered,
    UnitRenamed,
    UnitSplit,
    UnitTraitsRecorded,
)

__all__ = [
    "TREE_FACTS",
    "UNIT_ENDS",
    "UNIT_FACTS",
    "Fact",
    "Lineage",
    "NotTheSuccessor",
    "Tree",
    "TreeFact",
    "UnitEnd",
    "UnitFact",
    "UnitGone",
    "UnitHistory",
    "UnitOnDay",
    "UnitUnknown",
]

UnitEnd = UnitMerged | UnitSplit | UnitDissolved
TreeFact = UnitRegistered | UnitMoved | UnitEnd
UnitFact = (
    TreeFact
    | UnitFoundationRecorded
    | UnitRenamed
    | UnitTraitsRecorded
    | IncidentRecorded
    | IncidentWithdrawn
    | HonourRecorded
    | EarlierOutcomeRecorded
    | EarlierTitleRecorded
)
UNIT_ENDS: Final[tuple[type[Event], ...]] = get_args(UnitEnd)
"""After any of these a unit is no more."""
TREE_FACTS: Final[tuple[type[Event], ...]] = get_args(TreeFact)
"""What says whether a unit lives and under whom: all with the tag of the unit."""
UNIT_FACTS: Final[tuple[type[Event], ...]] = get_args(UnitFact)
"""Everything a rule may read of a unit: all with the tag of the unit."""

B = TypeVar("B", bound=UnitFact)


class UnitUnknown(Unknown):
    """Unit {unit_id} is not in the organisation tree.
    zh: 组织树中没有单位 {unit_id}。
    title: The unit is not in the tree · 组织树中没有该单位
    """


class UnitGone(Refusal):
    """Unit {unit_id} was merged, split or dissolved as of {gone_on}.
    zh: 单位 {unit_id} 已于 {gone_on} 合并、拆分或撤销。
    title: The unit is no more · 单位已合并、拆分或撤销
    """


class NotTheSuccessor(Refusal):
    """Unit {successor_unit_id} does not carry on for unit {unit_id}; these do: {successors}.
    zh: 单位 {successor_unit_id} 并非单位 {unit_id} 的承接单位;承接单位为:{successors}。
    title: Not among the successors · 不在承接单位之列
    """


@dataclass(frozen=True, slots=True)
class Fact(Generic[B]):
    """One recorded fact and its position in the log, which is what a finding quotes as evidence."""

    body: B
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitOnDay:
    """A unit as it stands on a day, by what is on record; each part with its evidence."""

    unit_id: UnitId
    day: date
    registered: Fact[UnitRegistered]
    named: Fact[UnitRegistered] | Fact[UnitRenamed]
    placed: Fact[UnitRegistered] | Fact[UnitMoved]
    described: Fact[UnitRegistered] | Fact[UnitTraitsRecorded]
    founded: Fact[UnitFoundationRecorded] | None
    gone: Fact[UnitMerged] | Fact[UnitSplit] | Fact[UnitDissolved] | None
    incidents: tuple[Fact[IncidentRecorded], ...]
    """Those not withdrawn by this day."""
    honours: tuple[Fact[HonourRecorded], ...]
    earlier_outcomes: tuple[Fact[EarlierOutcomeRecorded], ...]
    earlier_titles: tuple[Fact[EarlierTitleRecorded], ...]
    """Those still in force on this day."""

    @property
    def kind(self) -> str:
        """What kind of unit it is; that never changes."""
        return self.registered.body.kind

    @property
    def parent_unit_id(self) -> UnitId | None:
        """The unit directly above it."""
        parent = self.placed.body.parent_unit_id
        return None if parent is None else UnitId(parent)

    @property
    def traits(self) -> frozenset[str]:
        """Its traits, all of them."""
        return frozenset(self.described.body.traits)

    @property
    def founded_on(self) -> date | None:
        """The day it was founded, or None where no source was recorded."""
        return None if self.founded is None else self.founded.body.founded_on


def _every(facts: Iterable[Fact[UnitFact]], kind: type[B]) -> tuple[Fact[B], ...]:
    return tuple(cast("Fact[B]", fact) for fact in facts if isinstance(fact.body, kind))


def _latest(facts: Iterable[Fact[UnitFact]], kind: type[B]) -> Fact[B] | None:
    found = _every(facts, kind)
    return found[-1] if found else None


@dataclass(slots=True)
class UnitHistory:
    """Everything that was read of one unit, in the order it was recorded."""

    unit_id: UnitId
    facts: list[Fact[UnitFact]] = field(default_factory=list)

    def take(self, body: UnitFact, position: int = 0) -> None:
        """Take in one event of this unit."""
        self.facts.append(Fact(body, position))

    @property
    def registered(self) -> UnitRegistered | None:
        """The unit's entry into the tree, whatever the day."""
        found = _latest(self.facts, UnitRegistered)
        return None if found is None else found.body

    @property
    def gone(self) -> UnitEnd | None:
        """What ended the unit, whatever the day."""
        ends = (fact.body for fact in self.facts if isinstance(fact.body, UnitEnd))
        return next(ends, None)

    def latest_valid_on(self, *kinds: type[UnitFact]) -> date | None:
        """From when the newest fact of these kinds counts."""
        return max((fact.body.valid_on for fact in self.facts if isinstance(fact.body, kinds)), default=None)

    def require_living(self) -> UnitRegistered:
        """The unit's entry into the tree. Raises UnitUnknown, or UnitGone."""
        registered, gone = self.registered, self.gone
        if registered is None:
            raise UnitUnknown(unit_id=self.unit_id)
        if gone is not None:
            raise UnitGone(unit_id=self.unit_id, gone_on=gone.valid_on)
        return registered

    def on(self, day: date) -> UnitOnDay | None:
        """The unit as it stands on a day, or None where it was not yet in the tree."""
        # Sorting is stable: facts that count from the same day stay in the order they were recorded.
        known = sorted((fact for fact in self.facts if fact.body.valid_on <= day), key=lambda fact: fact.body.valid_on)
        registered = _latest(known, UnitRegistered)
        if registered is None:
            return None
        withdrawn = {fact.body.incident_id for fact in _every(known, IncidentWithdrawn)}
        titles = _every(known, EarlierTitleRecorded)
        return UnitOnDay(
            unit_id=self.unit_id,
            day=day,
            registered=registered,
            named=_latest(known, UnitRenamed) or registered,
            placed=_latest(known, UnitMoved) or registered,
            described=_latest(known, UnitTraitsRecorded) or registered,
            founded=_latest(known, UnitFoundationRecorded),
            gone=_latest(known, UnitMerged) or _latest(known, UnitSplit) or _latest(known, UnitDissolved),
            incidents=tuple(f for f in _every(known, IncidentRecorded) if f.body.incident_id not in withdrawn),
            honours=_every(known, HonourRecorded),
            earlier_outcomes=_every(known, EarlierOutcomeRecorded),
            earlier_titles=tuple(f for f in titles if f.body.last_day is None or day <= f.body.last_day),
        )

    def standing_on(self, day: date) -> UnitOnDay:
        """The unit as it stands on a day. Raises UnitUnknown where it was not yet in the tree."""
        unit = self.on(day)
        if unit is None:
            raise UnitUnknown(unit_id=self.unit_id)
        return unit

    def days_since(self, since: date) -> list[date]:
        """A day and every later one on which something of the unit changed."""
        return sorted({since, *(fact.body.valid_on for fact in self.facts if fact.body.valid_on > since)})


@dataclass(slots=True)
class Tree:
    """Units and those above them, as far as they were read.

    A boundary that needs a unit's ancestors asks for the facts of ``upward(unit)`` and grows until no parent is left
    unread: see ``domain.kernel.reading``.
    """

    histories: dict[UnitId, UnitHistory] = field(default_factory=dict)

    def take(self, body: UnitFact, position: int = 0) -> None:
        """Take in one event of any unit."""
        self.histories.setdefault(body.unit_id, UnitHistory(body.unit_id)).take(body, position)

    def of(self, unit_id: str) -> UnitHistory:
        """The history of a unit; an empty one where nothing was read."""
        return self.histories.get(UnitId(unit_id)) or UnitHistory(UnitId(unit_id))

    def upward(self, *units: str) -> tuple[UnitId, ...]:
        """These units and every unit that was ever above one of them, as far as is known yet."""
        found: dict[UnitId, None] = {}
        todo = [UnitId(unit) for unit in units]
        while todo:
            unit_id = todo.pop(0)
            if unit_id in found:
                continue
            found[unit_id] = None
            placed = (f.body for f in self.of(unit_id).facts if isinstance(f.body, UnitRegistered | UnitMoved))
            todo += [UnitId(body.parent_unit_id) for body in placed if body.parent_unit_id is not None]
        return tuple(found)

    def parent(self, unit_id: str, day: date) -> UnitId | None:
        """The unit directly above another on a day, or None at a root or before its registration."""
        unit = self.of(unit_id).on(day)
        return None if unit is None else unit.parent_unit_id

    def ancestors(self, unit_id: str, day: date) -> tuple[UnitId, ...]:
        """All units above another on a day, the nearest first."""
        found: list[UnitId] = []
        above = self.parent(unit_id, day)
        while above is not None and above not in found:
            found.append(above)
            above = self.parent(above, day)
        return tuple(found)

    def would_circle(self, unit_id: str, parent_unit_id: str, since: date) -> bool:
        """Whether a unit would stand above itself, on that day or any later one, if it came under this parent."""
        days = {day for unit in self.upward(parent_unit_id) for day in self.of(unit).days_since(since)}
        return any(unit_id in (parent_unit_id, *self.ancestors(parent_unit_id, day)) for day in sorted(days))

    def children_since(self, unit_id: str, since: date) -> tuple[UnitId, ...]:
        """The living units directly under another on that day or any later one, among those that were read."""
        return tuple(
            child.unit_id
            for child in self.histories.values()
            for stands in [[child.on(day) for day in child.days_since(since)]]
            if any(unit and unit.gone is None and unit.parent_unit_id == unit_id for unit in stands)
        )

    def successor(self, unit_id: str) -> UnitId:
        """Who carries on for a unit: itself, or the last in the line of those it was merged into.

        A unit that was split has no one successor: who carries on is decided case by case.
        """
        gone = self.of(unit_id).gone
        return self.successor(gone.successor_unit_id) if isinstance(gone, UnitMerged) else UnitId(unit_id)

    def predecessors(self, unit_id: str) -> tuple[UnitId, ...]:
        """Every unit that was merged or split into another, and those before them, as far as is known yet."""
        found = [UnitId(unit_id)]
        for each in found:
            found += [UnitId(one) for one in self.histories if self._became(one, each) and one not in found]
        return tuple(found[1:])

    def _became(self, unit_id: UnitId, successor_unit_id: str) -> bool:
        match self.of(unit_id).gone:
            case UnitMerged(successor_unit_id=successor):
                return str(successor) == successor_unit_id
            case UnitSplit(successor_unit_ids=parts):
                return successor_unit_id in {str(part) for part in parts}
        return False


@dataclass(slots=True)
class Lineage:
    """What became of a unit and of those it was merged or split into, as far as it was read."""

    tree: Tree = field(default_factory=Tree)

    def take(self, body: TreeFact) -> None:
        """Take in one event."""
        self.tree.take(body)

    def line(self, unit_id: str) -> list[UnitId]:
        """A unit and each that it was merged or split into, and those in turn; it grows as they are read."""
        found = [UnitId(unit_id)]
        for each in found:
            found += [heir for heir in self._next(each) if heir not in found]
        return found

    def boundary(self, *units: str | None) -> list[Selector]:
        """What is to be read of these units and of their lines, each once."""
        read = dict.fromkeys(each for unit_id in units if unit_id is not None for each in self.line(unit_id))
        return [Selector(TREE_FACTS, [tag(UnitId, each)]) for each in read]

    def heirs(self, unit_id: str) -> tuple[SuccessorUnitId, ...]:
        """The ends of the lines of a unit that was merged or split; none of one that was not."""
        return tuple(SuccessorUnitId(each) for each in self.line(unit_id)[1:] if not self._next(each))

    def living_heirs(self, unit_id: str) -> tuple[SuccessorUnitId, ...]:
        """Those ends of its lines that live."""
        return tuple(each for each in self.heirs(unit_id) if self.tree.of(each).gone is None)

    def _next(self, unit_id: str) -> list[UnitId]:
        match self.tree.of(unit_id).gone:
            case UnitMerged(successor_unit_id=successor):
                return [UnitId(successor)]
            case UnitSplit(successor_unit_ids=parts):
                return [UnitId(part) for part in parts]
        return []
