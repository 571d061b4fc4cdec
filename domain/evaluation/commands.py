"""What may be asked of evaluation: issue the dossier of a unit, or of a secretary, for a year."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Final

import msgspec

from domain.evaluation.events import SecretaryDossierIssued, SecretaryTerm, UnitDossierIssued, Use
from domain.evaluation.policy import (
    DOSSIER_FACTS,
    DUTY_FACTS,
    PERSONAL_FACTS,
    PROJECT_FACTS,
    DossierFact,
    YearFacts,
    digest_of_lines,
    of_unit,
)
from domain.ids import ApplicationId, DossierId, PersonId, UnitId, tag
from domain.kernel import Command, Event, Invalid, Refusal, Selector, any_event, asked, event, known
from domain.permission.policy import STANDING
from domain.person.events import Appointed, AppointmentEnded, PersonRegistered
from domain.person.policy import Appointments, PersonUnknown
from domain.selection.policy import JOINING_FACTS, JoiningFact
from domain.unit.events import UnitRegistered
from domain.unit.policy import UnitUnknown

_ISSUED: Final[tuple[type[Event], ...]] = (UnitDossierIssued, SecretaryDossierIssued)


class DossierIdUsed(Refusal):
    """The dossier {dossier_id} is on record already.
    zh: 档案 {dossier_id} 已有记录。
    title: The id of the dossier is used · 档案编号已被使用
    """


class YearNotBegun(Refusal):
    """The year {year} has not begun.
    zh: {year} 年度尚未开始。
    title: The year has not begun · 该年度尚未开始
    """


class UsesMissing(Invalid):
    """A dossier says at least one thing that it may be used for.
    zh: 档案须至少列明一项用途。
    title: A dossier has a use · 档案须列明用途
    """


class NoSecretaryThatYear(Refusal):
    """Person {person_id} was secretary of no unit in {year}, by what is on record.
    zh: 依在案记录,人员 {person_id} 在 {year} 年度未任任何单位书记。
    title: Secretary of no unit in that year · 该年度未任书记
    """


class AboutYear(Command):
    """What every command that issues a dossier knows: the facts of the year, and which dossiers were issued before.
    zh: 出具档案的各项命令所共知:年度事实及此前出具的档案。
    """

    dossier_id: DossierId = asked("Dossier", "档案")
    year: Annotated[int, msgspec.Meta(ge=1900, le=9999)] = asked("Year", "年度")
    uses: tuple[Use, ...] = asked("May be used for", "用途")

    facts: YearFacts | None = known()
    taken: bool = known(default=False)

    @property
    def read(self) -> YearFacts:
        """The facts of the year, as far as they were read."""
        if self.facts is None:
            self.facts = YearFacts(self.year)
        return self.facts

    @any_event(*DOSSIER_FACTS)
    def _(self, body: DossierFact, at: datetime, position: int) -> None:
        self.read.take(body, at, at.astimezone(self.zone).date(), position)

    @any_event(*JOINING_FACTS)
    def _(self, body: JoiningFact) -> None:
        self.read.projects.take(body)

    def _of_projects(self, units: Sequence[UnitId]) -> list[Selector]:
        """Of which joint projects of others these units are partners and, once that is known, what they came to."""
        leads = sorted({tag(ApplicationId, lead) for unit in units for lead in self.read.projects.of_unit(unit)})
        return [
            *(Selector(JOINING_FACTS, [tag(UnitId, unit)]) for unit in units),
            *(Selector(PROJECT_FACTS, [lead]) for lead in leads),
        ]

    def _of_cases(self) -> list[Selector]:
        """What was asked of the cases that are known, whichever unit bore them then; of none while none is known."""
        cases = sorted(tag(ApplicationId, each) for each in self.read.applications) or [tag(ApplicationId, "none")]
        return [Selector(DUTY_FACTS, [case]) for case in cases]

    def _require_issuable(self) -> tuple[Use, ...]:
        """What it may be used for, each once. Raises a refusal unless a dossier of this year may be issued."""
        if self.taken:
            raise DossierIdUsed(dossier_id=self.dossier_id)
        if self.year > self.today.year:
            raise YearNotBegun(year=self.year)
        if not self.uses:
            raise UsesMissing(field="uses")
        return tuple(sorted(set(self.uses)))


class IssueUnitDossier(AboutYear):
    """Issue the dossier of a unit for a year; the same facts for the same uses are not issued again.
    zh: 出具单位年度档案;相同事实与用途不重复出具。
    """

    unit_id: UnitId = asked("Unit", "单位")

    registered: bool = known(default=False)
    last: UnitDossierIssued | None = known()

    def consistency_boundary(self) -> Sequence[Selector]:
        """The unit and its facts, its joint projects, what was asked of its cases, and the dossiers before."""
        unit = tag(UnitId, self.unit_id)
        return [
            Selector([UnitRegistered, *DOSSIER_FACTS, UnitDossierIssued], [unit]),
            Selector(_ISSUED, [tag(DossierId, self.dossier_id)]),
            *self._of_projects([self.unit_id]),
            *self._of_cases(),
        ]

    @event(UnitRegistered)
    def _(self) -> None:
        self.registered = True

    @event(UnitDossierIssued)
    def _(self, body: UnitDossierIssued) -> None:
        self.taken = self.taken or body.dossier_id == self.dossier_id
        if (body.unit_id, body.year) == (self.unit_id, self.year):
            self.last = body

    @event(SecretaryDossierIssued)
    def _(self) -> None:
        self.taken = True

    def execute(self) -> None:
        if not self.registered:
            raise UnitUnknown(unit_id=self.unit_id)
        uses = self._require_issuable()
        lines = self.read.lines(of_unit(self.unit_id))
        digest, last = digest_of_lines(lines), self.last
        if last is not None and (last.digest, last.uses) == (digest, uses):
            return
        self.trigger_event(
            UnitDossierIssued,
            dossier_id=self.dossier_id,
            unit_id=self.unit_id,
            year=self.year,
            uses=uses,
            lines=lines,
            fact_positions=tuple(line.position for line in lines),
            digest=digest,
            follows=None if last is None else last.dossier_id,
        )


class IssueSecretaryDossier(AboutYear):
    """Issue the dossier of a secretary for a year: facts of the units while the person answered for them, and own ones.
    zh: 出具书记年度档案:任职期间所在单位的事实及其本人的事实。
    """

    person_id: PersonId = asked("Person", "人员")

    registered: bool = known(default=False)
    offices: Appointments = known(factory=Appointments)
    last: SecretaryDossierIssued | None = known()

    def consistency_boundary(self) -> Sequence[Selector]:
        """The person, the offices, own measures and dossiers; the facts of the units, as they become known."""
        person = tag(PersonId, self.person_id)
        units = sorted({term.unit_id for term in self._terms()}) or [UnitId("none")]
        return [
            Selector([PersonRegistered, *STANDING, *PERSONAL_FACTS, SecretaryDossierIssued], [person]),
            Selector(_ISSUED, [tag(DossierId, self.dossier_id)]),
            *(Selector(DOSSIER_FACTS, [tag(UnitId, unit)]) for unit in units),
            *self._of_projects(units),
            *self._of_cases(),
        ]

    @event(PersonRegistered)
    def _(self) -> None:
        self.registered = True

    @any_event(*STANDING)
    def _(self, body: Appointed | AppointmentEnded) -> None:
        if body.person_id == self.person_id:
            self.offices.take(body)

    @event(SecretaryDossierIssued)
    def _(self, body: SecretaryDossierIssued) -> None:
        self.taken = self.taken or body.dossier_id == self.dossier_id
        if (body.person_id, body.year) == (self.person_id, self.year):
            self.last = body

    @event(UnitDossierIssued)
    def _(self) -> None:
        self.taken = True

    def execute(self) -> None:
        if not self.registered:
            raise PersonUnknown(person_id=self.person_id)
        uses = self._require_issuable()
        terms = self._terms()
        if not terms:
            raise NoSecretaryThatYear(person_id=self.person_id, year=self.year)
        lines = self.read.lines(self._is_meant)
        digest, last = digest_of_lines(lines), self.last
        if last is not None and (last.digest, last.uses, last.terms) == (digest, uses, terms):
            return
        self.trigger_event(
            SecretaryDossierIssued,
            dossier_id=self.dossier_id,
            person_id=self.person_id,
            year=self.year,
            uses=uses,
            terms=terms,
            lines=lines,
            fact_positions=tuple(line.position for line in lines),
            digest=digest,
            follows=None if last is None else last.dossier_id,
        )

    def _terms(self) -> tuple[SecretaryTerm, ...]:
        """Of which units the person was secretary, from when to when within the year."""
        first, last = date(self.year, 1, 1), date(self.year, 12, 31)
        terms = [
            SecretaryTerm(
                unit_id=UnitId(str(office.unit_id)),
                first_day=max(office.first_day, first),
                last_day=min(office.last_day or last, last),
            )
            for office in self.offices
            if office.role == "secretary" and office.overlaps(first, last) and office.first_day <= last
        ]
        return tuple(sorted(terms, key=lambda term: (term.first_day, term.unit_id)))

    def _is_meant(self, whom: str, day: date) -> bool:
        answered = any(t.unit_id == whom and t.first_day <= day <= t.last_day for t in self._terms())
        return answered or whom == self.person_id


COMMANDS: tuple[type[Command], ...] = (IssueUnitDossier, IssueSecretaryDossier)
