"""What may be asked about the money of a programme that is not allocated to any case."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from domain.calendar.policy import end_of
from domain.document.policy import RestsOnPapers
from domain.funding.case import AboutPool, Rules, cutoff_on, require_rule
from domain.funding.events import (
    AppropriationAdjusted,
    AppropriationRecorded,
    FundingRuleDefined,
    UnallocatedCarried,
    UnallocatedLapsed,
    UnallocatedReturned,
)
from domain.funding.policy import CARRY_TITLES
from domain.ids import CalendarYear, DocumentId, ProgrammeId, tag
from domain.kernel import Refusal, Selector, asked, event, known, word


class YearNotCutOff(Refusal):
    """The money of {year} can be used until {cutoff_on}; {effective_on} is no later.
    zh: {year} 年度经费可用至 {cutoff_on},{effective_on} 尚未截止。
    title: The year is not cut off yet · 年度尚未截止
    """


class OtherCarryOver(Refusal):
    """The rule of the programme's money says of what is left at the year's end: {carry_over}.
    zh: 项目经费规则对年末结余的规定为:{carry_over}。
    title: The rule says otherwise of what is left · 规则对结余另有规定
    """


class ByApproval(RestsOnPapers, AboutPool):
    """What a command about an appropriation knows, which rests on an approval.
    zh: 关于预算批复、以批复文件为据的命令所知。
    """

    document_id: DocumentId = asked("Approval", "批复文件")


class RecordAppropriation(ByApproval):
    """Record the appropriation of a fiscal year, by its source.
    zh: 登记某财政年度的预算批复(按来源)。
    """

    def execute(self) -> None:
        fields = self._fields()
        self._require_papers()
        self._record(AppropriationRecorded(**fields, document_id=self.document_id))


class AdjustAppropriation(ByApproval):
    """Raise or lower the appropriation of a fiscal year; what is allocated already cannot be taken away so.
    zh: 追加或追减某财政年度的预算;已下达者不得以此减少。
    """

    raised: bool = asked("Raised (else lowered)", "追加(否则为追减)")

    def execute(self) -> None:
        fields = self._fields()
        self._require_papers()
        self._record(AppropriationAdjusted(**fields, raised=self.raised, document_id=self.document_id))


class ReturnUnallocated(AboutPool):
    """Return authority that is allocated to no case.
    zh: 退还未分配的预算额度。
    """

    def execute(self) -> None:
        self._record(UnallocatedReturned(**self._fields()))


class AtYearsEnd(AboutPool):
    """What a command about the year's end knows: what the rule says of what is left.
    zh: 关于年末处理的命令所知:规则对结余的规定。
    """

    rules: Rules = known(factory=Rules)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The unallocated money of the year, and the rules of the programme."""
        rules = Selector([FundingRuleDefined], [tag(ProgrammeId, self.programme_id)])
        return [*super().consistency_boundary(), rules]

    @event(FundingRuleDefined)
    def _(self, body: FundingRuleDefined, at: datetime, position: int) -> None:
        self.rules.take(body, at, position)

    def _require_over(self, against: str) -> None:
        """Raise YearNotCutOff, or OtherCarryOver where the rule says the opposite."""
        _, rule = require_rule(self.rules, self.programme_id, self.effective_at, self.effective_on)
        last = cutoff_on(rule, self.year)
        if self.effective_at < end_of(last, self.zone):
            raise YearNotCutOff(year=self.year, cutoff_on=last, effective_on=self.effective_on)
        if rule.carry_over == against:
            raise OtherCarryOver(carry_over=word(rule.carry_over, CARRY_TITLES))


class CarryUnallocatedForward(AtYearsEnd):
    """Carry authority that is allocated to no case into the next fiscal year.
    zh: 将未分配的预算额度结转下一财政年度。
    """

    def execute(self) -> None:
        fields = self._fields()
        self._require_over("lapse")
        self._record(UnallocatedCarried(**fields, to_year=CalendarYear(self.year + 1)))


class LapseUnallocated(AtYearsEnd):
    """Let authority that is allocated to no case lapse at the end of its year.
    zh: 未分配的预算额度于年末失效收回。
    """

    def execute(self) -> None:
        fields = self._fields()
        self._require_over("carry")
        self._record(UnallocatedLapsed(**fields))
