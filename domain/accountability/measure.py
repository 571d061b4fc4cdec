"""Measures: decided by the competent body, published where they are a circular, lifted, ended by their term."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Final

import msgspec

from domain.accountability.events import (
    AccountabilityRuleDefined,
    CircularIssued,
    FindingRecorded,
    MeasureDecided,
    MeasureEnded,
    MeasureKind,
    MeasureLifted,
)
from domain.accountability.policy import (
    MEASURE_FACTS,
    MEASURE_TITLES,
    AccountabilityRuleMissing,
    ConcludingFinding,
    Measure,
    MeasureFact,
    MeasureIdUsed,
    Measures,
)
from domain.application.policy import require_state
from domain.calendar.events import WorkingDaysSupplied
from domain.calendar.policy import WorkingDays, end_of
from domain.designation.policy import DESIGNATION_FACTS, DesignationFact, Designations
from domain.document.policy import RestsOnPapers
from domain.ids import (
    CalendarYear,
    DesignationId,
    DocumentId,
    InstitutionId,
    MeasureId,
    ProgrammeId,
    UnitId,
    tag,
)
from domain.kernel import Code, Command, Invalid, Refusal, Selector, any_event, asked, called, event, known, word
from domain.permission.policy import STATE_TITLES
from domain.publicity.policy import SecondPersonMissing
from domain.selection.events import SelectionRuleDefined
from domain.selection.policy import Vote

FIGURES: Final[dict[str, tuple[str, str]]] = {
    "until_on": ("until_on", "截止日"),
    "places": ("places", "核减指标数"),
    "amount_fen": ("amount_fen", "金额"),
    "designation_id": ("designation_id", "命名"),
    "application_id": ("application_id", "申报"),
    "unit_id": ("unit_id", "单位"),
}
"""What a measure may have beside its kind and its first day, and what each is called."""
_NEEDS: Final[Mapping[MeasureKind, frozenset[str]]] = {
    "circular": frozenset(),
    "interview": frozenset(),
    "rectification": frozenset({"until_on"}),
    "stop_money": frozenset({"application_id"}),
    "recover_money": frozenset({"application_id", "amount_fen"}),
    "bar": frozenset(),
    "quota_cut": frozenset({"unit_id", "places"}),
    "title_revocation": frozenset({"application_id", "designation_id"}),
}
"""What each kind of measure cannot be without."""
_WITH_END: Final[frozenset[MeasureKind]] = frozenset({"rectification", "stop_money", "bar", "quota_cut"})
_ALWAYS: Final = frozenset({"application_id", "unit_id"})
"""What comes from the finding, and so may be there for any kind."""
_SUSPENDABLE: Final[frozenset[MeasureKind]] = _WITH_END | {"recover_money"}


class HearingStillOpen(Refusal):
    """Whom the finding is against may make a statement until {last_day}; nothing is decided before {closes_at}.
    zh: 当事方可陈述至 {last_day};{closes_at} 之前不作决定。
    title: The hearing is still open · 陈述期未满
    """


class MeasureLacks(Invalid):
    """A measure of the kind {measure_kind} needs {lacks}.
    zh: {measure_kind} 类措施须有 {lacks}。
    title: A measure lacks a figure · 措施缺少必要内容
    """


class MeasureHasNo(Invalid):
    """A measure of the kind {measure_kind} has no {named}.
    zh: {measure_kind} 类措施不应有 {named}。
    title: A measure has no such figure · 措施不应有该项内容
    """


class NoSuchFigure(Invalid):
    """{figure} is no number of places and no amount.
    zh: {figure} 不成其为指标数或金额。
    title: No number of places and no amount · 不成其为指标数或金额
    """


class MeasureRetroactive(Refusal):
    """A measure decided on {decided_on} does not hold from {from_on}.
    zh: {decided_on} 决定的措施不得自 {from_on} 起生效。
    title: A measure does not hold retroactively · 措施不得溯及既往
    """


class MeasureNotAtOnce(Refusal):
    """A measure of the kind {measure_kind} takes effect on the day of its decision, {decided_on}.
    zh: {measure_kind} 类措施于决定当日 {decided_on} 生效。
    title: The measure takes effect at once · 措施须即时生效
    """


class MeasureEndsBeforeItBegins(Invalid):
    """The last day {until_on} is before the first day {from_on}.
    zh: 截止日 {until_on} 早于起始日 {from_on}。
    title: The measure ends before it begins · 措施截止早于起始
    """


class NothingToSuspend(Invalid):
    """An appeal cannot suspend a measure of the kind {measure_kind}: once done, it is done.
    zh: {measure_kind} 类措施一经执行即告完成,申诉不能停止其执行。
    title: An appeal cannot suspend this measure · 申诉不能停止该措施执行
    """


class VoteMissing(Refusal):
    """Measures of the kind {measure_kind} are decided by a committee: its attendance and vote are missing.
    zh: {measure_kind} 类措施须由集体决定:缺少出席与表决情况。
    title: The vote of the committee is missing · 缺少集体表决情况
    """


class CommitteeRuleMissing(Refusal):
    """No rule says by which vote the committee of programme {programme_id} decides.
    zh: 项目 {programme_id} 尚未设定委员会表决规则。
    title: No rule for the vote of the committee · 尚未设定委员会表决规则
    """


class DesignationOfAnotherCase(Refusal):
    """Designation {designation_id} was not conferred on case {application_id}.
    zh: 命名 {designation_id} 并非授予案卷 {application_id}。
    title: The title was conferred on another case · 称号授予另一项目
    """


class TitleNotHeld(Refusal):
    """The title of designation {designation_id} is {state}.
    zh: 命名 {designation_id} 的称号现为 {state}。
    title: The title is not held · 称号并未持有
    """


class NotACircular(Refusal):
    """Measure {measure_id} is a {measure_kind} and no circular.
    zh: 措施 {measure_id} 的类别为 {measure_kind},并非通报。
    title: The measure is no circular · 措施并非通报
    """


class CircularAlreadyIssued(Refusal):
    """The circular of measure {measure_id} has been issued.
    zh: 措施 {measure_id} 的通报已印发。
    title: The circular has been issued · 通报已印发
    """


class MeasureHasNoEnd(Refusal):
    """Measure {measure_id} has no last day: it holds until it is lifted.
    zh: 措施 {measure_id} 未定截止日:至解除为止。
    title: The measure has no last day · 措施未定截止日
    """


class MeasureStillRuns(Refusal):
    """Measure {measure_id} runs until {until_on}; it ends at {ends_at}.
    zh: 措施 {measure_id} 的截止日为 {until_on},于 {ends_at} 终止。
    title: The measure still runs · 措施尚未期满
    """


class MeasureEndedAlready(Refusal):
    """It has been recorded that measure {measure_id} ended.
    zh: 措施 {measure_id} 的终止此前已记录。
    title: The measure has ended · 措施终止此前已记录
    """


def require_figures(kind: MeasureKind, figures: Mapping[str, Any], from_on: date) -> None:
    """Exactly what the kind needs is there, nothing that it has not, and each is a possible figure."""
    for name, value in figures.items():
        if value is None and name in _NEEDS[kind]:
            raise MeasureLacks(field=name, measure_kind=word(kind, MEASURE_TITLES), lacks=word(name, FIGURES))
        may_have = _NEEDS[kind] | _ALWAYS | ({"until_on"} if kind in _WITH_END else frozenset())
        if value is not None and name not in may_have:
            raise MeasureHasNo(field=name, measure_kind=word(kind, MEASURE_TITLES), named=word(name, FIGURES))
        if isinstance(value, int) and value < 1:
            raise NoSuchFigure(field=name, figure=value)
    until_on = figures.get("until_on")
    if until_on is not None and until_on < from_on:
        raise MeasureEndsBeforeItBegins(field="until_on", until_on=until_on, from_on=from_on)


# --- the decision -----------------------------------------------------------------------------------------------------


class DecideMeasure(ConcludingFinding):
    """Decide a measure after the hearing, by the competent body. Whoever recorded the finding does not also decide.
    zh: 听取陈述后由有权机构决定一项措施。记录问题认定者不得同时作出决定。
    """

    kind: MeasureKind = asked("Kind", "类别")
    from_on: date = asked("From", "起始日")
    until_on: date | None = asked("Until (none: until lifted)", "截止日(空为至解除)", default=None)
    places: Annotated[int, msgspec.Meta(ge=1)] | None = asked("Places cut", "核减指标数", default=None)
    amount_fen: Annotated[int, msgspec.Meta(ge=1)] | None = asked("Amount (fen)", "金额(分)", default=None)
    designation_id: DesignationId | None = asked("Designation", "命名", default=None)
    appeal_suspends: bool = asked("An appeal suspends it", "申诉期间停止执行", default=False)
    vote: Vote | None = asked("Vote (of a committee)", "表决(集体决定)", default=None)

    rule: AccountabilityRuleDefined | None = known()
    rule_position: int = known(0)
    committee: SelectionRuleDefined | None = known()
    designations: Designations = known(factory=Designations)
    calendar: WorkingDays = known(factory=WorkingDays)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The finding and the decision, the rules of its programme, the title it may be about, and the calendar."""
        house, recorded = tag(InstitutionId, self.institution_id), self.finding.recorded
        years = (self.today.year, self.today.year + 1)
        boundary = [
            *super().consistency_boundary(),
            Selector(DESIGNATION_FACTS, [tag(DesignationId, self.designation_id or "none")]),
            *(Selector([WorkingDaysSupplied], [house, tag(CalendarYear, year)]) for year in years),
        ]
        if recorded is not None:
            programme = tag(ProgrammeId, recorded.programme_id)
            boundary.append(Selector([AccountabilityRuleDefined, SelectionRuleDefined], [programme]))
        return boundary

    @event(AccountabilityRuleDefined)
    def _(self, body: AccountabilityRuleDefined, position: int) -> None:
        self.rule, self.rule_position = body, position

    @event(SelectionRuleDefined)
    def _(self, body: SelectionRuleDefined) -> None:
        self.committee = body

    @any_event(*DESIGNATION_FACTS)
    def _(self, body: DesignationFact, position: int) -> None:
        self.designations.take(body, position)

    @event(WorkingDaysSupplied)
    def _(self, body: WorkingDaysSupplied, position: int) -> None:
        self.calendar.take(body, position)

    def execute(self) -> None:
        recorded = self._require_recorded()
        require_state(self)
        self._require_heard()
        if self.taken:
            raise MeasureIdUsed(measure_id=self.measure_id)
        if self.by == self.finding.recorded_by:
            raise SecondPersonMissing(act=called(type(self)))
        if self.rule is None:
            raise AccountabilityRuleMissing(programme_id=recorded.programme_id)
        self._require_papers()
        self._require_body(self.rule, recorded)
        self._require_content(recorded)
        closes_at, last_day = self._appeal_until(self.rule)
        votes = {} if self.vote is None else msgspec.structs.asdict(self.vote)
        self.trigger_event(
            MeasureDecided,
            **self.finding.named(),
            measure_id=self.measure_id,
            concerned=recorded.concerned,
            kind=self.kind,
            ground=recorded.ground,
            from_on=self.from_on,
            until_on=self.until_on,
            ends_at=None if self.until_on is None else end_of(self.until_on, self.zone),
            places=self.places,
            amount_fen=self.amount_fen,
            designation_id=self.designation_id,
            appeal_suspends=self.appeal_suspends,
            appeal_closes_at=closes_at,
            appeal_last_day=last_day,
            rule_position=self.rule_position,
            decision_document_id=self.decision_document_id,
            **votes,
        )

    def _require_heard(self) -> None:
        finding = self.finding
        if finding.may_still_state(self.now):
            raise HearingStillOpen(last_day=finding.last_day, closes_at=finding.closes_at)

    def _require_body(self, rule: AccountabilityRuleDefined, recorded: FindingRecorded) -> None:
        """A committee decides where the rule says so, and by its vote wherever it does."""
        if self.vote is None:
            if self.kind in rule.by_committee:
                raise VoteMissing(measure_kind=word(self.kind, MEASURE_TITLES))
            return
        if self.committee is None:
            raise CommitteeRuleMissing(programme_id=recorded.programme_id)
        self.vote.require_carried(self.committee)

    def _require_content(self, recorded: FindingRecorded) -> None:
        figures = {name: getattr(self if hasattr(self, name) else recorded, name) for name in FIGURES}
        require_figures(self.kind, figures, self.from_on)
        decided_on = self.effective_at.astimezone(self.zone).date()
        if self.from_on < decided_on:
            raise MeasureRetroactive(from_on=self.from_on, decided_on=decided_on)
        if self.appeal_suspends and self.kind not in _SUSPENDABLE:
            raise NothingToSuspend(field="appeal_suspends", measure_kind=word(self.kind, MEASURE_TITLES))
        if self.kind == "title_revocation":
            self._require_title(recorded, decided_on)

    def _require_title(self, recorded: FindingRecorded, decided_on: date) -> None:
        """What is to be revoked was conferred on this case and is held; it is revoked at once."""
        if self.from_on != decided_on:
            raise MeasureNotAtOnce(measure_kind=word(self.kind, MEASURE_TITLES), decided_on=decided_on)
        designation_id = DesignationId(str(self.designation_id))
        one = self.designations.require(designation_id)
        if one.conferred.application_id != recorded.application_id:
            raise DesignationOfAnotherCase(designation_id=designation_id, application_id=recorded.application_id)
        if one.state != "held":
            raise TitleNotHeld(designation_id=designation_id, state=word(one.state, STATE_TITLES))

    def _appeal_until(self, rule: AccountabilityRuleDefined) -> tuple[datetime | None, date | None]:
        """Until when it may be appealed, counted from the next day, where the rule says so."""
        if rule.appeal_within_days is None:
            return None, None
        end = self.calendar.deadline(
            self.today, rule.appeal_within_days, rule.day_rule, self.zone, count_first_day=False
        )
        return end.closes_at, end.last_day


# --- what becomes of a measure ----------------------------------------------------------------------------------------


class AboutMeasure(Command):
    """What every command about a measure knows.
    zh: 关于措施的各项命令所共知。
    """

    measure_id: MeasureId = asked("Measure", "措施")

    measures: Measures = known(factory=Measures)

    @property
    def state(self) -> str:
        """The state of the measure, for the permission table."""
        return self.measures.state_of(self.measure_id)

    @property
    def unit_id(self) -> UnitId | None:
        """The unit that it hits, whose hand may appeal."""
        one = self.measures.by_id.get(self.measure_id)
        return None if one is None else one.decided.unit_id

    @property
    def effective_day(self) -> date:
        """The institution's day on which it takes effect."""
        return self.effective_at.astimezone(self.zone).date()

    def consistency_boundary(self) -> Sequence[Selector]:
        """The measure, and what became of it."""
        return [Selector(MEASURE_FACTS, [tag(MeasureId, self.measure_id)])]

    @any_event(*MEASURE_FACTS)
    def _(self, body: MeasureFact, by: str, position: int) -> None:
        self.measures.take(body, by, position)

    def _require_measure(self) -> Measure:
        """The measure, in a state in which the permission table has this command."""
        one = self.measures.require(self.measure_id)
        require_state(self)
        return one


class IssueCircular(RestsOnPapers, AboutMeasure):
    """Issue the circular that was decided (通报).
    zh: 印发所决定的通报。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("circular_document_id",)

    circular_document_id: DocumentId = asked("Circular", "通报")

    issued: bool = known(default=False)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The measure, whether its circular was issued, and the circular."""
        return [
            *super().consistency_boundary(),
            Selector([CircularIssued], [tag(MeasureId, self.measure_id)]),
        ]

    @event(CircularIssued)
    def _(self) -> None:
        self.issued = True

    def execute(self) -> None:
        one = self._require_measure()
        if one.decided.kind != "circular":
            raise NotACircular(measure_id=self.measure_id, measure_kind=word(one.decided.kind, MEASURE_TITLES))
        if self.issued:
            raise CircularAlreadyIssued(measure_id=self.measure_id)
        self._require_papers()
        self.trigger_event(
            CircularIssued,
            **one.named(),
            issued_on=self.effective_day,
            circular_document_id=self.circular_document_id,
        )


class SettlingMeasure(RestsOnPapers, AboutMeasure):
    """What a command knows that decides about a measure by a document.
    zh: 依决定文件处理措施的命令所共知。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("decision_document_id",)

    decision_document_id: DocumentId = asked("Decision", "决定文件")

    def _require_decision(self) -> Measure:
        """The measure, and the document by which something is decided of it."""
        one = self._require_measure()
        self._require_papers()
        return one

    def _require_other_person(self, one: Measure) -> None:
        if self.by == one.by:
            raise SecondPersonMissing(act=called(type(self)))

    def _lift(self, one: Measure, ground: str) -> None:
        self.trigger_event(
            MeasureLifted,
            **one.named(),
            kind=one.decided.kind,
            lifted_on=self.effective_day,
            ground=ground,
            decision_document_id=self.decision_document_id,
        )


class LiftMeasure(SettlingMeasure):
    """Lift a measure before its end, by a decision; it has no effect from that day on.
    zh: 依决定提前解除措施;自该日起不再有效。
    """

    ground: Code = asked("Ground", "理由")

    def execute(self) -> None:
        self._lift(self._require_decision(), self.ground)


class EndMeasure(AboutMeasure):
    """Note that a measure ended by its term.
    zh: 记录措施期满终止。
    """

    def execute(self) -> None:
        one = self._require_measure()
        standing = one.standing
        if standing.until_on is None or standing.ends_at is None:
            raise MeasureHasNoEnd(measure_id=self.measure_id)
        if one.is_ended:
            raise MeasureEndedAlready(measure_id=self.measure_id)
        if self.effective_at < standing.ends_at:
            raise MeasureStillRuns(measure_id=self.measure_id, until_on=standing.until_on, ends_at=standing.ends_at)
        self.trigger_event(MeasureEnded, **one.named(), kind=one.decided.kind, until_on=standing.until_on)
