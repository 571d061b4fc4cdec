"""What a year's facts say: a pure function from what was recorded to the lines of a dossier.

Of an assessment what was decided last in the year counts. A report is in time or late by the instant that was written
when it was asked for. An overdue report that was excused is excused; a measure that an appeal lifted is no line at all,
nor is an entry of the books that was reversed. Outcome and title of a joint project are lines of each of its units;
what was asked of it, and its money, are those of the unit that leads it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, NamedTuple, cast, get_args

import msgspec

from domain.accountability.events import (
    AppealUpheld,
    MeasureAmended,
    MeasureDecided,
    MeasureLifted,
)
from domain.assessment.events import (
    AssessmentDecided,
    CaseClosedWithoutCompletion,
    CaseCompleted,
    RectificationOrdered,
    RectificationReported,
)
from domain.cultivation.events import (
    CultivationStopped,
    ReportAsked,
    ReportFiled,
    ReportReturned,
    TaskBookAsked,
    TaskBookFiled,
    TaskBookReturned,
)
from domain.designation.events import TitleConferred, TitleLapsed, TitleRenewed, TitleRestored, TitleRevoked
from domain.evaluation.events import Area, DossierLine
from domain.funding.events import (
    EntryReversed,
    ExpenditureDisallowed,
    FundsFrozen,
    FundsLapsed,
    FundsReleased,
    RecoveryOrdered,
    RecoveryReceived,
)
from domain.ids import ApplicationId, MeasureId, ObligationId, UnitId
from domain.kernel import Event
from domain.obligation.events import ObligationExcused, ObligationFellOverdue, ObligationKind
from domain.obligation.policy import obligation_id
from domain.selection.events import SelectionReversed
from domain.selection.policy import Projects

__all__ = [
    "DOSSIER_FACTS",
    "DUTY_FACTS",
    "PERSONAL_FACTS",
    "PROJECT_FACTS",
    "DossierFact",
    "YearFacts",
    "digest_of_lines",
    "of_unit",
]

Asking = TaskBookAsked | TaskBookReturned | ReportAsked | ReportReturned | RectificationOrdered
Answering = TaskBookFiled | ReportFiled | RectificationReported
Missing = ObligationFellOverdue | ObligationExcused
DutyFact = Asking | Answering | Missing
Plain = (
    CaseCompleted
    | CaseClosedWithoutCompletion
    | CultivationStopped
    | SelectionReversed
    | TitleConferred
    | TitleRenewed
    | TitleRevoked
    | TitleRestored
    | TitleLapsed
    | ExpenditureDisallowed
    | FundsFrozen
    | FundsReleased
    | RecoveryOrdered
    | RecoveryReceived
    | FundsLapsed
)
MeasuredFact = MeasureDecided | MeasureAmended | MeasureLifted | AppealUpheld
DossierFact = Plain | AssessmentDecided | DutyFact | MeasuredFact | EntryReversed
DUTY_FACTS: Final[tuple[type[Event], ...]] = get_args(DutyFact)
"""What was asked of a case and what answered it: all with its tag, whichever unit bore it."""
PERSONAL_FACTS: Final[tuple[type[Event], ...]] = get_args(MeasuredFact)
"""What concerns a person as such: all with the tag of the person."""
DOSSIER_FACTS: Final[tuple[type[Event], ...]] = get_args(DossierFact)
"""Everything that a dossier may tell of a unit: all with its tag."""
PROJECT_FACTS: Final[tuple[type[Event], ...]] = (
    AssessmentDecided,
    CaseCompleted,
    CaseClosedWithoutCompletion,
    CultivationStopped,
    SelectionReversed,
    TitleConferred,
    TitleRenewed,
    TitleRevoked,
    TitleRestored,
    TitleLapsed,
)
"""What a joint project came to: all with the tag of the application that leads it."""
_OF_EACH_UNIT: Final[frozenset[Area]] = frozenset({"outcome", "title"})
"""Areas that a joint project is told in of each of its units."""

_PLAIN: Final[Mapping[type[Event], tuple[Area, str, str | None]]] = {
    CaseCompleted: ("outcome", "completed", None),
    CaseClosedWithoutCompletion: ("outcome", "closed_without_completion", "ground"),
    CultivationStopped: ("outcome", "stopped", "ground"),
    SelectionReversed: ("outcome", "selection_reversed", None),
    TitleConferred: ("title", "conferred", "title"),
    TitleRenewed: ("title", "renewed", "title"),
    TitleRevoked: ("title", "revoked", "title"),
    TitleRestored: ("title", "restored", "title"),
    TitleLapsed: ("title", "lapsed", "title"),
    ExpenditureDisallowed: ("funds", "disallowed", "ground"),
    FundsFrozen: ("funds", "frozen", "ground"),
    FundsReleased: ("funds", "released", None),
    RecoveryOrdered: ("funds", "recovery_ordered", "ground"),
    RecoveryReceived: ("funds", "recovered", None),
    FundsLapsed: ("funds", "lapsed", None),
}
"""Of facts that are a line by themselves: the area, what it was, and the field that says of which matter."""
_DUTIES: Final[Mapping[type[Event], tuple[ObligationKind, str | None]]] = {
    TaskBookAsked: ("task_book", None),
    TaskBookReturned: ("task_book", None),
    TaskBookFiled: ("task_book", None),
    ReportAsked: ("report", "report"),
    ReportReturned: ("report", "report"),
    ReportFiled: ("report", "report"),
    RectificationOrdered: ("rectification", "assessment"),
    RectificationReported: ("rectification", "assessment"),
}
"""What asks for a paper of a case and what brings it: its kind, and the field that says which one."""


def digest_of_lines(lines: Iterable[DossierLine]) -> str:
    """The SHA-256 of a dossier: of the canonical JSON of its lines, in their order."""
    return hashlib.sha256(msgspec.json.encode(tuple(lines), order="sorted")).hexdigest()


class When(NamedTuple):
    """The instant at which a fact took effect, the day on which that lies, and where the fact stands."""

    at: datetime
    day: date
    position: int


class Told(NamedTuple):
    """What a fact is in a dossier: the area, what it was, and of which matter."""

    area: Area
    what: str
    matter: str | None = None


class Stood(NamedTuple):
    """A line, and the unit or person it is about."""

    whom: str | None
    line: DossierLine


class Asked(NamedTuple):
    """A paper that was asked of a case, and by when."""

    duty: tuple[ObligationKind, ApplicationId, str]
    due_at: datetime


def _stood(body: Any, told: Told, when: When) -> Stood:  # noqa: ANN401 - Whichever fact; all have these fields.
    line = DossierLine(
        area=told.area,
        what=told.what,
        matter=told.matter,
        on=when.day,
        programme_id=body.programme_id,
        application_id=body.application_id,
        amount_fen=getattr(body, "amount_fen", None),
        position=when.position,
    )
    return Stood(body.unit_id or getattr(body, "person_id", None), line)


@dataclass(slots=True)
class YearFacts:
    """The facts of a year, as far as they were read; what earlier years asked for is kept to be answered."""

    year: int
    plain: list[Stood] = field(default_factory=list)
    decided: dict[tuple[str, str], Stood] = field(default_factory=dict)
    """Of each case and assessment what was decided last in the year."""
    asked: dict[ObligationId, Asked] = field(default_factory=dict)
    duties: dict[ObligationId, Stood] = field(default_factory=dict)
    measures: list[tuple[MeasureId, Stood]] = field(default_factory=list)
    undone: set[MeasureId] = field(default_factory=set)
    """Measures that an appeal lifted."""
    reversed: set[int] = field(default_factory=set)
    """Where entries stand that were reversed."""
    applications: set[ApplicationId] = field(default_factory=set)
    projects: Projects = field(default_factory=Projects)
    """The joint projects of others that a unit is a partner of."""

    def take(self, body: DossierFact, at: datetime, day: date, position: int = 0) -> None:
        """Take in one event, effective at an instant, which lies on a day."""
        when = When(at, day, position)
        if body.application_id is not None:
            self.applications.add(body.application_id)
        match body:
            case AssessmentDecided():
                self._decide(body, when)
            case ObligationFellOverdue() | ObligationExcused():
                self._miss(body, when)
            case EntryReversed(reversed_position=reversed_position):
                self.reversed.add(reversed_position)
            case AppealUpheld(measure_id=measure_id, result=result):
                self.undone |= {measure_id} if result == "lifted" else set()
            case MeasureDecided() | MeasureAmended() | MeasureLifted():
                self._measure(body, when)
            case _ if type(body) in _DUTIES:
                self._duty(cast("Asking | Answering", body), when)
            case _:
                area, what, matter = _PLAIN[type(body)]
                self._stand(body, Told(area, what, None if matter is None else getattr(body, matter)), when)

    def _decide(self, body: AssessmentDecided, when: When) -> None:
        if when.day.year == self.year:
            stood = _stood(body, Told("outcome", body.kind, body.outcome), when)
            self.decided[body.application_id, body.assessment] = stood

    def _stand(self, body: DossierFact, told: Told, when: When) -> None:
        if when.day.year == self.year:
            self.plain.append(_stood(body, told, when))

    def _measure(self, body: MeasureDecided | MeasureAmended | MeasureLifted, when: When) -> None:
        match body:
            case MeasureDecided(kind=kind, ground=ground):
                told = Told("measure", kind, ground)
            case _:
                told = Told("measure", "amended" if isinstance(body, MeasureAmended) else "lifted", body.kind)
        if when.day.year == self.year:
            self.measures.append((body.measure_id, _stood(body, told, when)))

    def _duty(self, body: Asking | Answering, when: When) -> None:
        kind, named = _DUTIES[type(body)]
        duty = (kind, body.application_id, kind if named is None else getattr(body, named))
        if isinstance(body, Asking):
            self.asked[obligation_id(kind, when.position)] = Asked(duty, body.due_at)
            return
        for key in [key for key, asked in self.asked.items() if asked.duty == duty]:
            due_at = self.asked.pop(key).due_at
            # What comes after the year does not change what the year saw.
            if when.day.year <= self.year:
                is_excused = key in self.duties and self.duties[key].line.what == "excused"
                what = "in_time" if when.at < due_at else "excused" if is_excused else "late"
                self.duties[key] = _stood(body, Told("report", what, duty[2]), when)

    def _miss(self, body: Missing, when: When) -> None:
        """An overdue paper counts until it comes or is excused; an excuse takes it back in whichever year it is."""
        asked, is_excused = self.asked.get(body.obligation_id), isinstance(body, ObligationExcused)
        if asked is not None and (is_excused or when.day.year <= self.year):
            told = Told("report", "excused" if is_excused else "overdue", asked.duty[2])
            self.duties[body.obligation_id] = _stood(body, told, when)

    def lines(self, is_meant: Callable[[str, date], bool]) -> tuple[DossierLine, ...]:
        """The lines about those who are meant on the day of each, in the order in which their facts were recorded."""
        meant = (stood.line for stood in self._all() if any(is_meant(one, stood.line.on) for one in self._whom(stood)))
        return tuple(sorted(meant, key=lambda line: line.position))

    def _whom(self, stood: Stood) -> list[str]:
        """Whom a line is about: a unit or person, and the partners where it says what their project came to."""
        lead = stood.line.application_id if stood.line.area in _OF_EACH_UNIT else None
        partners = (body.unit_id for body in self.projects.joined.values() if str(body.lead_application_id) == lead)
        return [each for each in (stood.whom, *partners) if each is not None]

    def _all(self) -> Iterator[Stood]:
        yield from (stood for stood in self.plain if stood.line.position not in self.reversed)
        yield from self.decided.values()
        yield from (stood for stood in self.duties.values() if stood.line.on.year == self.year)
        yield from (stood for measure_id, stood in self.measures if measure_id not in self.undone)


def of_unit(unit_id: UnitId) -> Callable[[str, date], bool]:
    """Whom a dossier of a unit means: the unit, on whichever day."""
    return lambda whom, _: whom == unit_id
