"""What may be asked when a fiscal year is cut off: carry what is left of a case's money forward, or let it lapse."""

from __future__ import annotations

from domain.calendar.policy import end_of
from domain.funding.appropriation import OtherCarryOver, YearNotCutOff
from domain.funding.case import Amount, Ruled, SourceOfProgramme, cutoff_on, require_positive
from domain.funding.events import Account, CarriedForward, FundingRuleDefined, FundsLapsed, HeldStage, LeftStage, Source
from domain.funding.policy import (
    CARRY_TITLES,
    POOLED,
    SOURCE_TITLES,
    STAGE_ACCOUNTS,
    STAGE_TITLES,
)
from domain.ids import CalendarYear
from domain.kernel import Invalid, Refusal, asked, word, words


class NothingLeft(Refusal):
    """Nothing is left of the {source} money of {year} at {stages}: there are {there_fen} fen.
    zh: {year} 年度来源 {source} 的经费在环节 {stages} 已无结余:现有 {there_fen} 分。
    title: Nothing is left · 已无结余
    """


class StageMissing(Invalid):
    """An amount, {asked_fen} fen, is carried from a stage that is named.
    zh: 结转部分金额({asked_fen} 分)须列明环节。
    title: The stage of the amount is missing · 缺少金额所在环节
    """


class AboutYearsEnd(Ruled):
    """What every command about the end of a case's year knows.
    zh: 关于项目年末处理的各项命令所共知。
    """

    source: Source = asked("Source", "来源")
    year: CalendarYear = asked("Fiscal year", "财政年度")

    def _require_over(self, rule: FundingRuleDefined, against: str) -> None:
        """Raise YearNotCutOff, or OtherCarryOver where the rule says the opposite."""
        known_cutoff = self.ledger.cutoffs.get((self.source, self.year))
        last = cutoff_on(rule, self.year) if known_cutoff is None else known_cutoff[1]
        if self.effective_at < end_of(last, self.zone):
            raise YearNotCutOff(year=self.year, cutoff_on=last, effective_on=self.effective_on)
        if rule.carry_over == against:
            raise OtherCarryOver(carry_over=word(rule.carry_over, CARRY_TITLES))

    def _there(self, stage: HeldStage | LeftStage) -> int:
        """What can be taken from a stage of the case; what belongs to the programme is not the case's."""
        if stage == "unallocated" and self.source in POOLED:
            return 0
        account = Account(
            code=STAGE_ACCOUNTS[stage], source=self.source, year=self.year, application_id=self.application_id
        )
        return self.ledger.books.there(account, self.effective_at)


_LEFT: tuple[LeftStage, ...] = ("unallocated", "allocated", "committed", "paid_out")
_LAPSING: tuple[HeldStage, ...] = ("unallocated", "allocated", "committed")


class CarryForward(AboutYearsEnd):
    """Carry what is left of a case's money into the next year: everything, or an amount at one stage.
    zh: 将项目结余结转下一年度:全部结余,或某环节的部分金额。
    """

    stage: LeftStage | None = asked("Stage (none: all)", "环节(空为全部)", default=None)
    amount_fen: Amount | None = asked("Amount (fen; none: all)", "金额(分,空为全部)", default=None)

    def execute(self) -> None:
        case = self._case()
        _, rule = self._require_rule(case["programme_id"])
        self._require_over(rule, "lapse")
        next_year = CalendarYear(self.year + 1)
        last = cutoff_on(rule, next_year)
        self._record(
            *(
                CarriedForward(
                    **case, source=self.source, year=self.year, amount_fen=amount, stage=stage, to_year=next_year,
                    carry_over=rule.carry_over, cutoff_at=end_of(last, self.zone), cutoff_on=last,
                )
                for stage, amount in self._left()
            )
        )  # fmt: skip

    def _left(self) -> list[tuple[LeftStage, int]]:
        """What is carried, by stage."""
        if self.amount_fen is not None:
            require_positive("amount_fen", self.amount_fen)
            if self.stage is None:
                raise StageMissing(field="stage", asked_fen=self.amount_fen)
            if self.stage == "unallocated" and self.source in POOLED:
                raise SourceOfProgramme(field="source", source=word(self.source, SOURCE_TITLES))
            return [(self.stage, self.amount_fen)]
        stages = _LEFT if self.stage is None else (self.stage,)
        left = [(stage, there) for stage in stages if (there := self._there(stage)) > 0]
        if not left:
            raise NothingLeft(
                source=word(self.source, SOURCE_TITLES), year=self.year, stages=words(stages, STAGE_TITLES), there_fen=0
            )
        return left


class LapseFunds(AboutYearsEnd):
    """Let the authority of a case that was not paid lapse; what was paid is returned or recovered.
    zh: 项目尚未拨付的额度失效收回;已拨付者须退回或追缴。
    """

    def execute(self) -> None:
        case = self._case()
        _, rule = self._require_rule(case["programme_id"])
        self._require_over(rule, "carry")
        left = [(stage, there) for stage in _LAPSING if (there := self._there(stage)) > 0]
        if not left:
            raise NothingLeft(
                source=word(self.source, SOURCE_TITLES),
                year=self.year,
                stages=words(_LAPSING, STAGE_TITLES),
                there_fen=0,
            )
        self._record(
            *(
                FundsLapsed(**case, source=self.source, year=self.year, amount_fen=there, stage=stage)
                for stage, there in left
            )
        )
