"""What may be asked of accountability: a rule, a finding and its hearing.

Measures, appeals and referrals have pages of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Final

import msgspec

from domain.accountability.appeal import DismissAppeal, LodgeAppeal, UpholdAppeal, WithdrawAppeal
from domain.accountability.events import (
    AccountabilityRuleDefined,
    Concerned,
    DayRule,
    FindingDropped,
    FindingNotified,
    FindingRecorded,
    HearingWaived,
    MeasureKind,
    StatementReceived,
)
from domain.accountability.measure import DecideMeasure, EndMeasure, IssueCircular, LiftMeasure
from domain.accountability.policy import CONCERNED_TITLES, AboutFinding, AccountabilityRuleMissing
from domain.accountability.referral import NotifyReferralOutcome, ReferMatter
from domain.accountability.succession import PassQuotaCut
from domain.application.policy import require_state
from domain.calendar.events import WorkingDaysSupplied
from domain.calendar.policy import PeriodOfNoDays, WorkingDays
from domain.cultivation.policy import CaseUnknown
from domain.document.policy import RestsOnPapers
from domain.ids import (
    ApplicationId,
    CalendarYear,
    DocumentId,
    FindingId,
    InstitutionId,
    PersonId,
    ProgrammeId,
    UnitId,
    tag,
)
from domain.kernel import Code, Command, Invalid, Refusal, Selector, asked, event, known, word
from domain.person.events import PersonRegistered
from domain.person.policy import PersonUnknown
from domain.programme.events import ProgrammeAnnounced
from domain.programme.policy import ProgrammeUnknown
from domain.selection.events import SelectionConfirmed
from domain.unit.events import UnitRegistered
from domain.unit.policy import UnitUnknown

_PERSONS: Final[frozenset[Concerned]] = frozenset({"leader", "adviser"})


class FindingAlreadyRecorded(Refusal):
    """Finding {finding_id} has been recorded before.
    zh: 问题认定 {finding_id} 此前已有记录。
    title: The finding is on record · 问题认定已有记录
    """


class ConcernedAmiss(Invalid):
    """A finding against a {concerned} names whom it is against, a unit or a person, and not both.
    zh: 针对 {concerned} 的问题认定须且仅须列明单位或个人之一。
    title: A finding names a unit or a person · 问题认定须列明单位或个人之一
    """


class FindingWithoutEvidence(Invalid):
    """A finding rests on at least one document of evidence.
    zh: 问题认定至少须有一份证据文件。
    title: A finding rests on evidence · 问题认定须有证据
    """


class FindingEvidenceTwice(Invalid):
    """Document {document_id} is named twice as evidence.
    zh: 证据文件 {document_id} 重复列出。
    title: Evidence is named twice · 证据重复列出
    """


class DefineAccountabilityRule(Command):
    """Define how long hearings and appeals take and which measures only a committee decides; it holds from then on.
    zh: 设定听取陈述与申诉的期限及须由集体决定的措施;自此适用。
    """

    programme_id: ProgrammeId = asked("Programme", "项目")
    day_rule: DayRule = asked("Kind of days", "日期类别")
    statement_within_days: Annotated[int, msgspec.Meta(ge=1)] = asked("Statements within days", "陈述天数")
    appeal_within_days: Annotated[int, msgspec.Meta(ge=1)] | None = asked(
        "Appeals within days (none: not stated)", "申诉天数(空为未载明)", default=None
    )
    decide_within_days: Annotated[int, msgspec.Meta(ge=1)] | None = asked(
        "Appeals decided within days (none: not stated)", "申诉办理天数(空为未载明)", default=None
    )
    by_committee: tuple[MeasureKind, ...] = asked("Only a committee decides", "须由集体决定", default=())

    announced: bool = known(default=False)
    rule: AccountabilityRuleDefined | None = known()

    def consistency_boundary(self) -> Sequence[Selector]:
        return [Selector([ProgrammeAnnounced, AccountabilityRuleDefined], [tag(ProgrammeId, self.programme_id)])]

    @event(ProgrammeAnnounced)
    def _(self) -> None:
        self.announced = True

    @event(AccountabilityRuleDefined)
    def _(self, body: AccountabilityRuleDefined) -> None:
        self.rule = body

    def execute(self) -> None:
        if not self.announced:
            raise ProgrammeUnknown(programme_id=self.programme_id)
        for name in ("statement_within_days", "appeal_within_days", "decide_within_days"):
            days = getattr(self, name)
            if days is not None and days < 1:
                raise PeriodOfNoDays(field=name, length=days)
        defined = AccountabilityRuleDefined(
            programme_id=self.programme_id,
            day_rule=self.day_rule,
            statement_within_days=self.statement_within_days,
            appeal_within_days=self.appeal_within_days,
            decide_within_days=self.decide_within_days,
            by_committee=tuple(sorted(set(self.by_committee))),
        )
        if defined != self.rule:
            self.trigger_event(AccountabilityRuleDefined, **defined.as_dict())


class RecordFinding(RestsOnPapers):
    """Record a finding against a unit, its parent, its secretary or an adviser, with its evidence.
    zh: 记录针对单位、其上级、书记或指导教师的问题认定及证据。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("evidence_document_ids",)

    finding_id: FindingId = asked("Finding", "问题认定")
    programme_id: ProgrammeId = asked("Programme", "项目")
    application_id: ApplicationId | None = asked("Application", "申报", default=None)
    concerned: Concerned = asked("Against", "针对")
    unit_id: UnitId | None = asked("Unit", "单位", default=None)
    person_id: PersonId | None = asked("Person", "人员", default=None)
    ground: Code = asked("Ground", "理由")
    evidence_document_ids: tuple[DocumentId, ...] = asked("Evidence", "证据")

    announced: bool = known(default=False)
    taken: bool = known(default=False)
    cases: frozenset[tuple[str, str]] = known(frozenset())
    units: frozenset[str] = known(frozenset())
    persons: frozenset[str] = known(frozenset())

    def consistency_boundary(self) -> Sequence[Selector]:
        """The programme, the case, whom it is against, and the evidence; of what is not named, none finds nothing."""
        return [
            Selector([ProgrammeAnnounced], [tag(ProgrammeId, self.programme_id)]),
            Selector([FindingRecorded], [tag(FindingId, self.finding_id)]),
            Selector([SelectionConfirmed], [tag(ApplicationId, self.application_id or "none")]),
            Selector([UnitRegistered], [tag(UnitId, self.unit_id or "none")]),
            Selector([PersonRegistered], [tag(PersonId, self.person_id or "none")]),
            *self._of_papers(),
        ]

    @event(ProgrammeAnnounced)
    def _(self) -> None:
        self.announced = True

    @event(FindingRecorded)
    def _(self) -> None:
        self.taken = True

    @event(SelectionConfirmed)
    def _(self, application_id: ApplicationId, programme_id: ProgrammeId) -> None:
        self.cases |= {(application_id, programme_id)}

    @event(UnitRegistered)
    def _(self, unit_id: UnitId) -> None:
        self.units |= {unit_id}

    @event(PersonRegistered)
    def _(self, person_id: PersonId) -> None:
        self.persons |= {person_id}

    def execute(self) -> None:
        if not self.announced:
            raise ProgrammeUnknown(programme_id=self.programme_id)
        if self.taken:
            raise FindingAlreadyRecorded(finding_id=self.finding_id)
        self._require_concerned()
        if self.application_id is not None and (self.application_id, self.programme_id) not in self.cases:
            raise CaseUnknown(application_id=self.application_id)
        self._require_evidence()
        self.trigger_event(
            FindingRecorded,
            finding_id=self.finding_id,
            programme_id=self.programme_id,
            application_id=self.application_id,
            concerned=self.concerned,
            unit_id=self.unit_id,
            person_id=self.person_id,
            ground=self.ground,
            evidence_document_ids=self.evidence_document_ids,
        )

    def _require_concerned(self) -> None:
        """Exactly whom it is against is named, and is on record."""
        is_person = self.concerned in _PERSONS
        if (self.person_id is not None) is not is_person or (self.unit_id is not None) is is_person:
            raise ConcernedAmiss(field="concerned", concerned=word(self.concerned, CONCERNED_TITLES))
        if self.unit_id is not None and self.unit_id not in self.units:
            raise UnitUnknown(unit_id=self.unit_id)
        if self.person_id is not None and self.person_id not in self.persons:
            raise PersonUnknown(person_id=self.person_id)

    def _require_evidence(self) -> None:
        if not self.evidence_document_ids:
            raise FindingWithoutEvidence(field="evidence_document_ids")
        for document in self.evidence_document_ids:
            if self.evidence_document_ids.count(document) > 1:
                raise FindingEvidenceTwice(field="evidence_document_ids", document_id=document)
        self._require_papers()


class NotifyFinding(RestsOnPapers, AboutFinding):
    """Give whom a finding is against notice of it, and the time that the rule allows for a statement.
    zh: 向当事方告知问题认定,并依规则给予陈述时间。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("notice_document_id",)

    notice_document_id: DocumentId = asked("Notice", "告知书")

    rule: AccountabilityRuleDefined | None = known()
    calendar: WorkingDays = known(factory=WorkingDays)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The finding, the rule of its programme, the working days and the notice."""
        house, recorded = tag(InstitutionId, self.institution_id), self.finding.recorded
        years = (self.today.year, self.today.year + 1)
        boundary = [
            *super().consistency_boundary(),
            *(Selector([WorkingDaysSupplied], [house, tag(CalendarYear, year)]) for year in years),
        ]
        if recorded is not None:
            boundary.append(Selector([AccountabilityRuleDefined], [tag(ProgrammeId, recorded.programme_id)]))
        return boundary

    @event(AccountabilityRuleDefined)
    def _(self, body: AccountabilityRuleDefined) -> None:
        self.rule = body

    @event(WorkingDaysSupplied)
    def _(self, body: WorkingDaysSupplied, position: int) -> None:
        self.calendar.take(body, position)

    def execute(self) -> None:
        recorded = self._require_recorded()
        require_state(self)
        if self.rule is None:
            raise AccountabilityRuleMissing(programme_id=recorded.programme_id)
        self._require_papers()
        end = self.calendar.deadline(
            self.today, self.rule.statement_within_days, self.rule.day_rule, self.zone, count_first_day=False
        )
        self.trigger_event(
            FindingNotified,
            **self.finding.named(),
            notice_document_id=self.notice_document_id,
            closes_at=end.closes_at,
            last_day=end.last_day,
        )


class ReceiveStatement(RestsOnPapers, AboutFinding):
    """Receive a statement of whom the finding is against, before anything is decided.
    zh: 在作出决定之前收下当事方陈述。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("statement_document_id",)

    statement_document_id: DocumentId = asked("Statement", "陈述")

    @property
    def unit_id(self) -> UnitId | None:
        """The unit that it is against, whose hand may hand in the statement."""
        return None if self.finding.recorded is None else self.finding.recorded.unit_id

    def execute(self) -> None:
        self._require_recorded()
        require_state(self)
        self._require_papers()
        self.trigger_event(StatementReceived, **self.finding.named(), statement_document_id=self.statement_document_id)


class WaiveHearing(RestsOnPapers, AboutFinding):
    """Record that whom the finding is against waived the hearing, in writing.
    zh: 记录当事方书面放弃陈述。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("waiver_document_id",)

    waiver_document_id: DocumentId = asked("Waiver", "放弃书")

    def execute(self) -> None:
        self._require_recorded()
        require_state(self)
        self._require_papers()
        self.trigger_event(HearingWaived, **self.finding.named(), waiver_document_id=self.waiver_document_id)


class DropFinding(AboutFinding):
    """Drop a finding before any measure is decided on it, with a reason.
    zh: 在作出任何措施之前附事由撤销问题认定。
    """

    def execute(self) -> None:
        self._require_recorded()
        require_state(self)
        self.trigger_event(FindingDropped, **self.finding.named())


COMMANDS: tuple[type[Command], ...] = (
    DefineAccountabilityRule,
    RecordFinding,
    NotifyFinding,
    ReceiveStatement,
    WaiveHearing,
    DropFinding,
    ReferMatter,
    NotifyReferralOutcome,
    DecideMeasure,
    IssueCircular,
    LodgeAppeal,
    UpholdAppeal,
    DismissAppeal,
    WithdrawAppeal,
    LiftMeasure,
    EndMeasure,
    PassQuotaCut,
)
