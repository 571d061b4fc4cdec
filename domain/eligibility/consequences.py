"""What earlier programmes of the institution left behind: titles, outcomes, bars, and who answered for a unit when.

It is read beside the facts of units, where a rule asks for it and no further, and counts as of the rule's day. What a
joint project came to follows each of its units: those that were joined to it as well as the one that led it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, cast

from domain.accountability.policy import MEASURE_FACTS, Measure, MeasureFact, Measures
from domain.assessment.events import AssessmentDecided
from domain.designation.events import TitleConferred
from domain.designation.policy import DESIGNATION_FACTS, DesignationFact, Designations
from domain.ids import ApplicationId, AppointmentId, PersonId, UnitId, tag
from domain.kernel import Event, Selector
from domain.permission.policy import STANDING
from domain.person.events import Appointed, AppointmentEnded, Role
from domain.person.policy import Appointments
from domain.programme.events import AllOf, AnyOf, BarReach, HoldsTitle, LeafTest, NoBar, NoEarlierOutcome, Test
from domain.selection.policy import JOINING_FACTS, JoiningFact, Projects
from domain.unit.policy import UnitOnDay

__all__ = ["ANSWERING", "CONSEQUENCE_FACTS", "ConsequenceFact", "Consequences", "leaves"]

ConsequenceFact = DesignationFact | AssessmentDecided | MeasureFact | JoiningFact | Appointed | AppointmentEnded
CONSEQUENCE_FACTS: Final[tuple[type[Event], ...]] = (
    *DESIGNATION_FACTS,
    AssessmentDecided,
    *MEASURE_FACTS,
    *JOINING_FACTS,
    *STANDING,
)
"""What earlier programmes left behind for a unit, and who answers for it; read where a rule asks for it."""
ANSWERING: Final[Mapping[BarReach, Role]] = {"leader": "secretary", "adviser": "adviser"}
"""Of a reach that is a person: the role held at the unit."""


def leaves(test: Test) -> tuple[LeafTest, ...]:
    """The single tests that a test is made of."""
    return test.tests if isinstance(test, AnyOf | AllOf) else (test,)


@dataclass(slots=True)
class Consequences:
    """What earlier programmes left behind for a unit and for those above it, as far as a rule asks for it."""

    designations: Designations = field(default_factory=Designations)
    outcomes: dict[tuple[str, str], list[tuple[date, AssessmentDecided, int]]] = field(default_factory=dict)
    """What was decided of each case in each of its assessments, in the order it was recorded."""
    measures: Measures = field(default_factory=Measures)
    projects: Projects = field(default_factory=Projects)
    """The joint projects of others that the unit is a partner of."""
    offices: Appointments = field(default_factory=Appointments)
    appointed_at: dict[AppointmentId, int] = field(default_factory=dict)
    newest: dict[type[LeafTest], int] = field(default_factory=dict)
    """Where the newest fact stands that a test of a kind may rest on."""

    def take(self, body: ConsequenceFact, day: date, position: int = 0) -> None:
        """Take in one event, effective on a day; what no rule can rest on is passed over."""
        match body:
            case Appointed() | AppointmentEnded():
                self._take_office(body, position)
            case _ if isinstance(body, JOINING_FACTS):
                self.projects.take(cast("JoiningFact", body))
            case AssessmentDecided():
                decided = self.outcomes.setdefault((body.application_id, body.assessment), [])
                decided.append((day, body, position))
                self.newest[NoEarlierOutcome] = position
            case _ if isinstance(body, DESIGNATION_FACTS):
                self.designations.take(cast("DesignationFact", body), position)
                self.newest[HoldsTitle] = position
            case _:
                measured = cast("MeasureFact", body)
                self.measures.take(measured, position=position)
                if self.measures.is_bar(measured.measure_id):
                    self.newest[NoBar] = position

    def _take_office(self, body: Appointed | AppointmentEnded, position: int) -> None:
        """Those who answer for a unit. Whoever asks has offices too, which are no matter here."""
        if isinstance(body, Appointed) and body.role in ANSWERING.values():
            self.appointed_at[body.appointment_id] = position
        if body.appointment_id in self.appointed_at:
            self.offices.take(body)
            self.newest[NoBar] = position

    def newest_for(self, tests: Iterable[LeafTest]) -> int:
        """Where the newest fact stands that one of these tests may rest on."""
        return max((self.newest.get(type(test), 0) for test in tests), default=0)

    def selectors(self, tests: Collection[LeafTest], units: Sequence[UnitId]) -> list[Selector]:
        """Which past the tests ask for, of a unit (the first) and of those above it; of what none asks, of none.

        It grows by the persons who answer for the unit, and by the joint projects it is a partner of, as they become
        known.
        """
        reach = {reach for test in tests if isinstance(test, NoBar) for reach in test.reach}
        asks = {type(test) for test in tests}
        unit, nobody = tag(UnitId, units[0]), tag(UnitId, "none")
        barred = [tag(UnitId, each) for each in units[:1] if "unit" in reach]
        barred += [tag(UnitId, each) for each in units[1:] if reach & {"parent", "ancestors"}]
        persons = sorted({tag(PersonId, office.person_id) for office in self.offices})
        joint = [tag(ApplicationId, lead) for lead in sorted(self.projects.of_unit(units[0]))]
        barred += joint if "unit" in reach else []
        asks_of_projects = bool({HoldsTitle, NoEarlierOutcome} & asks) or "unit" in reach
        return [
            Selector(JOINING_FACTS, [unit if asks_of_projects else nobody]),
            *(Selector(DESIGNATION_FACTS, [whose if HoldsTitle in asks else nobody]) for whose in (unit, *joint)),
            *(
                Selector([AssessmentDecided], [whose if NoEarlierOutcome in asks else nobody])
                for whose in (unit, *joint)
            ),
            Selector(STANDING, [unit if reach & set(ANSWERING) else nobody]),
            *(Selector(MEASURE_FACTS, [whom]) for whom in (*barred, *persons) or (nobody,)),
        ]

    def _is_of(self, unit_id: UnitId, body: TitleConferred | AssessmentDecided) -> bool:
        """Whether it is the unit's own, or of a joint project that the unit is a partner of."""
        return body.unit_id == unit_id or body.application_id in self.projects.of_unit(unit_id)

    def titles_on(self, unit: UnitOnDay, titles: Collection[str]) -> list[int]:
        """Where the facts stand by which a unit holds one of these titles on its day."""
        held = self.designations.held_on(unit.day)
        mine = [one for one in held if self._is_of(unit.unit_id, one.conferred) and one.conferred.title in titles]
        return [position for one in mine for position in one.positions]

    def outcomes_on(self, unit: UnitOnDay, outcomes: Collection[str], since: date) -> list[int]:
        """Where it stands that one of these was what was last decided of a case of the unit by its day."""
        found = []
        for decided in self.outcomes.values():
            by_then = [each for each in decided if each[0] <= unit.day]
            if by_then:
                day, body, position = by_then[-1]
                if body.outcome in outcomes and day >= since and self._is_of(unit.unit_id, body):
                    found.append(position)
        return found

    def holders_on(self, role: Role, unit: UnitOnDay) -> dict[str, int]:
        """Who holds a role at a unit on its day, and where the appointment stands."""
        held = [office for office in self.offices.on(unit.day) if (office.role, office.unit_id) == (role, unit.unit_id)]
        return {office.person_id: self.appointed_at[office.appointment_id] for office in held}

    def bars_on(self, day: date, whom: str, against: str | None) -> list[int]:
        """Where the facts stand by which a unit or a person is barred on a day, in a role or in any."""
        bars: Iterator[Measure] = self.measures.in_force("bar", day)
        joint = self.projects.of_unit(UnitId(whom))
        return [
            position
            for bar in bars
            if (
                whom in (bar.decided.unit_id, bar.decided.person_id)
                or (bar.decided.application_id in joint and bar.decided.concerned == "unit")
            )
            and against in (None, bar.decided.concerned)
            for position in bar.positions_on(day)
        ]
