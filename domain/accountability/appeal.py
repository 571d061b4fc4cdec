"""Appeals: lodged in time, upheld or dismissed by another person than who decided, or withdrawn.

An appeal does not make a measure heavier than it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, ClassVar

import msgspec

from domain.accountability.events import (
    AccountabilityRuleDefined,
    AppealDismissed,
    AppealLodged,
    AppealUpheld,
    AppealWithdrawn,
    MeasureAmended,
    MeasureKind,
)
from domain.accountability.measure import FIGURES, AboutMeasure, SettlingMeasure, require_figures
from domain.accountability.policy import Measure
from domain.calendar.events import WorkingDaysSupplied
from domain.calendar.policy import WorkingDays, end_of
from domain.document.policy import RestsOnPapers
from domain.ids import CalendarYear, DocumentId, InstitutionId, ProgrammeId, tag
from domain.kernel import Refusal, Selector, asked, event, known, word


class AppealTooLate(Refusal):
    """Appeals were possible until {last_day}; they closed at {closes_at}.
    zh: 申诉截止日为 {last_day},已于 {closes_at} 截止。
    title: The appeal comes too late · 申诉逾期
    """


class AppealedBefore(Refusal):
    """Measure {measure_id} has been appealed before; an appeal is decided once.
    zh: 措施 {measure_id} 此前已申诉;申诉一次为限。
    title: The measure has been appealed before · 措施此前已申诉
    """


class NothingAmended(Refusal):
    """The amendment says what measure {measure_id} says already.
    zh: 变更内容与措施 {measure_id} 现行内容相同。
    title: Nothing would be amended · 变更内容与现行相同
    """


class AmendedToWorse(Refusal):
    """An appeal makes no measure heavier: {figure} is {standing} and would be {asked}.
    zh: 申诉不得加重措施:{figure} 现为 {standing},所请变更为 {asked}。
    title: An appeal makes no measure heavier · 申诉不得加重措施
    """


class Amendment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The figures that a measure has after an appeal; what its kind has not is left out."""

    until_on: date | None = None
    places: Annotated[int, msgspec.Meta(ge=1)] | None = None
    amount_fen: Annotated[int, msgspec.Meta(ge=1)] | None = None


class LodgeAppeal(RestsOnPapers, AboutMeasure):
    """Lodge an appeal against a measure, in time; it suspends the measure only where the decision said so.
    zh: 按期对措施提出申诉;除决定载明者外,不停止执行。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("appeal_document_id",)

    appeal_document_id: DocumentId = asked("Appeal", "申诉书")

    rules: dict[int, AccountabilityRuleDefined] = known(factory=dict)
    calendar: WorkingDays = known(factory=WorkingDays)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The measure, the rules of its programme, the calendar and the appeal."""
        house, one = tag(InstitutionId, self.institution_id), self.measures.by_id.get(self.measure_id)
        years = (self.today.year, self.today.year + 1)
        boundary = [
            *super().consistency_boundary(),
            *(Selector([WorkingDaysSupplied], [house, tag(CalendarYear, year)]) for year in years),
        ]
        if one is not None:
            boundary.append(Selector([AccountabilityRuleDefined], [tag(ProgrammeId, one.decided.programme_id)]))
        return boundary

    @event(AccountabilityRuleDefined)
    def _(self, body: AccountabilityRuleDefined, position: int) -> None:
        self.rules[position] = body

    @event(WorkingDaysSupplied)
    def _(self, body: WorkingDaysSupplied, position: int) -> None:
        self.calendar.take(body, position)

    def execute(self) -> None:
        one = self._require_measure()
        decided = one.decided
        if one.was_appealed:
            raise AppealedBefore(measure_id=self.measure_id)
        if decided.appeal_closes_at is not None and self.now >= decided.appeal_closes_at:
            raise AppealTooLate(last_day=decided.appeal_last_day, closes_at=decided.appeal_closes_at)
        self._require_papers()
        due_at, due_day = self._due(self.rules[decided.rule_position])
        self.trigger_event(
            AppealLodged,
            **one.named(),
            appeal_document_id=self.appeal_document_id,
            lodged_on=self.effective_day,
            suspends=decided.appeal_suspends,
            due_at=due_at,
            due_day=due_day,
        )

    def _due(self, rule: AccountabilityRuleDefined) -> tuple[datetime | None, date | None]:
        """By when it is to be decided, counted from the next day, where the rule says so."""
        if rule.decide_within_days is None:
            return None, None
        end = self.calendar.deadline(
            self.today, rule.decide_within_days, rule.day_rule, self.zone, count_first_day=False
        )
        return end.closes_at, end.last_day


class UpholdAppeal(SettlingMeasure):
    """Uphold an appeal: the measure is lifted or, where new figures are given, amended; by another than who decided it.
    zh: 认定申诉成立:解除措施,或依所列新内容变更;原决定人不得办理。
    """

    amended: Amendment | None = asked("Amended to (none: lifted)", "变更为(空为解除)", default=None)

    def execute(self) -> None:
        one = self._require_decision()
        self._require_other_person(one)
        if self.amended is not None:
            self._require_amendment(one, self.amended)
        self.trigger_event(
            AppealUpheld,
            **one.named(),
            result="lifted" if self.amended is None else "amended",
            settled_on=self.effective_day,
            decision_document_id=self.decision_document_id,
        )
        if self.amended is None:
            self._lift(one, "appeal_upheld")
            return
        until_on = self.amended.until_on
        self.trigger_event(
            MeasureAmended,
            **one.named(),
            kind=one.decided.kind,
            amended_on=self.effective_day,
            ends_at=None if until_on is None else end_of(until_on, self.zone),
            **msgspec.structs.asdict(self.amended),
        )

    def _require_amendment(self, one: Measure, amended: Amendment) -> None:
        figures = msgspec.structs.asdict(amended)
        require_figures(one.decided.kind, figures, one.decided.from_on)
        if all(getattr(one.standing, name) == value for name, value in figures.items()):
            raise NothingAmended(measure_id=self.measure_id)
        for name, value in figures.items():
            standing = getattr(one.standing, name)
            if _is_worse(one.decided.kind, standing, value):
                raise AmendedToWorse(
                    field=f"amended/{name}", figure=word(name, FIGURES), standing=standing, asked=value
                )


class DismissAppeal(SettlingMeasure):
    """Dismiss an appeal: the measure stands. Whoever decided the measure does not also decide the appeal.
    zh: 驳回申诉:维持原措施。原决定人不得办理申诉。
    """

    def execute(self) -> None:
        one = self._require_decision()
        self._require_other_person(one)
        self.trigger_event(
            AppealDismissed,
            **one.named(),
            settled_on=self.effective_day,
            decision_document_id=self.decision_document_id,
        )


class WithdrawAppeal(AboutMeasure):
    """Record that an appeal was withdrawn by whoever had lodged it: the measure stands.
    zh: 记录申诉人撤回申诉:维持原措施。
    """

    def execute(self) -> None:
        one = self._require_measure()
        self.trigger_event(AppealWithdrawn, **one.named(), settled_on=self.effective_day)


def _is_worse(kind: MeasureKind, standing: date | int | None, asked: date | int | None) -> bool:
    """Whether a figure weighs heavier than the one that stands; a term without an end weighs most."""
    if standing is None or standing == asked:
        return False
    if asked is None:
        return True
    # Of a term in which something is to be mended, less weighs more.
    return (_weight(asked) < _weight(standing)) is (kind == "rectification")


def _weight(figure: date | int) -> int:
    return figure.toordinal() if isinstance(figure, date) else figure
