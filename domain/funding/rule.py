"""What may be asked about the rule of a programme's money."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import msgspec

from domain.funding.case import Rules
from domain.funding.events import (
    CarryOver,
    ChosenGate,
    FundingRuleDefined,
    MatchingBase,
    MoneyFlow,
    PeriodClosed,
    PeriodKind,
    SpendingCategory,
)
from domain.funding.policy import BASE_TITLES, Closings
from domain.ids import ProgrammeId, tag
from domain.kernel import Command, Event, Invalid, Refusal, Selector, any_event, asked, event, known, word
from domain.programme.events import FormDefined, ProgrammeAnnounced, RatioValue
from domain.programme.policy import (
    MATCHING_RATIO,
    TERM_FACTS,
    ProgrammeUnknown,
    TermFact,
    TermNotInterpreted,
    Terms,
)
from domain.selection.policy import WHOLE_BP

_COMMON_YEAR = 2001
"""A cut-off is a day of every year."""


class CategoryMissing(Invalid):
    """A rule of money names at least one category.
    zh: 经费规则须至少列明一个支出类别。
    """


class CategoryTwice(Invalid):
    """Category {category} is named twice.
    zh: 支出类别 {category} 重复列出。
    title: A category is named twice · 支出类别重复列出
    """


class CategoryNotOnForm(Invalid):
    """No form of the programme has the budget category {category}.
    zh: 项目的各表单均未列有预算类别 {category}。
    title: No form has the category · 表单未列该预算类别
    """


class CategoryCapWider(Invalid):
    """The form caps category {category} at {form_bp} basis points of the budget.
    zh: 表单规定类别 {category} 不得超过预算的万分之 {form_bp}。
    title: The form caps the category lower · 表单规定的类别上限更低
    """


class ShareImpossible(Invalid):
    """{share_bp} basis points are no share of a budget.
    zh: 万分之 {share_bp} 不成其为预算的比例。
    title: No share of a budget · 不成其为预算比例
    """


class NoDayOfEveryYear(Invalid):
    """Day {day} of month {month} is not a day of every year.
    zh: {month} 月 {day} 日并非每年都有。
    title: Not a day of every year · 并非每年都有的日期
    """


class DaysImpossible(Invalid):
    """Nothing falls due after {days} days.
    zh: 不能以 {days} 日为期限。
    title: No number of days · 不能以此为期限
    """


class CycleWithoutMonths(Invalid):
    """The cycle ends on {cycle_ends_on}, but no month is closed by the clock; a cycle follows its last month.
    zh: 建设周期至 {cycle_ends_on},但各月并不自动结账;周期账随其最末月份之后结账。
    title: A cycle follows its months · 周期账随月份结账
    """


class RatioWithoutBase(Invalid):
    """Matching at {ratio_bp} basis points needs something it is owed on; the rule says {base}.
    zh: 万分之 {ratio_bp} 的配套须有基数;规则载明的基数为 {base}。
    title: A ratio needs a base · 配套比例须有基数
    """


class RatioBelowCall(Refusal):
    """The call asks for matching of {stated_bp} basis points at least; the rule has {ratio_bp}.
    zh: 通知要求配套不低于万分之 {stated_bp},规则为万分之 {ratio_bp}。
    title: The ratio is below that of the call · 配套比例低于通知要求
    """


class DefineFundingRule(Command):
    """Define the rule of a programme's money; defined anew, it holds for what follows.
    zh: 设定项目经费规则;再次设定者,适用于此后的事项。
    """

    programme_id: ProgrammeId = asked("Programme", "项目")
    money_flow: MoneyFlow = asked("Flow of money", "拨付方式")
    carry_over: CarryOver = asked("Left at the year's end", "年末结余处理")
    cutoff_month: Annotated[int, msgspec.Meta(ge=1, le=12)] = asked(
        "Cut-off of the year (month)", "年度截止(月)", default=12
    )
    cutoff_day: Annotated[int, msgspec.Meta(ge=1, le=31)] = asked(
        "Cut-off of the year (day)", "年度截止(日)", default=31
    )
    matching_base: MatchingBase = asked("Matching is owed on", "配套基数")
    matching_ratio_bp: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = asked(
        "Matching ratio at least", "配套最低比例"
    )
    categories: tuple[SpendingCategory, ...] = asked("Categories", "支出类别")
    budget_binds: bool = asked("The binding budget binds by category", "任务书预算按类别约束")
    payment_expires_after_days: Annotated[int, msgspec.Meta(ge=1, le=366)] = asked(
        "A pending payment expires after days", "待付款项失效天数"
    )
    gates: tuple[ChosenGate, ...] = asked("Gates", "拨付条件")
    close_months_after_days: Annotated[int, msgspec.Meta(ge=0, le=366)] | None = asked(
        "Months are closed after days (none: by hand)", "月末若干日后结账(空为人工结账)", default=None
    )
    cycle_ends_on: date | None = asked(
        "Cycle closed from (none: by hand)", "周期账自该日起结(空为人工结账)", default=None
    )
    closes_confirmed: bool = asked("A second person confirms each close", "结账须另一人确认", default=False)

    announced: bool = known(default=False)
    terms: Terms = known(factory=Terms)
    forms: dict[str, FormDefined] = known(factory=dict)
    rules: Rules = known(factory=Rules)
    closings: Closings = known(factory=Closings)

    def consistency_boundary(self) -> Sequence[Selector]:
        kinds: tuple[type[Event], ...] = (
            ProgrammeAnnounced,
            FormDefined,
            FundingRuleDefined,
            PeriodClosed,
            *TERM_FACTS,
        )
        return [Selector(kinds, [tag(ProgrammeId, self.programme_id)])]

    @event(ProgrammeAnnounced)
    def _(self) -> None:
        self.announced = True

    @any_event(*TERM_FACTS)
    def _(self, body: TermFact, position: int) -> None:
        self.terms.take(body, position)

    @event(FormDefined)
    def _(self, body: FormDefined) -> None:
        self.forms[body.form] = body

    @event(FundingRuleDefined)
    def _(self, body: FundingRuleDefined, at: datetime, position: int) -> None:
        self.rules.take(body, at, position)

    @event(PeriodClosed)
    def _(self, period: PeriodKind, last_day: date) -> None:
        self.closings.take(period, last_day)

    def execute(self) -> None:
        if not self.announced:
            raise ProgrammeUnknown(programme_id=self.programme_id)
        self._require_figures()
        self._require_categories()
        self._require_ratio()
        defined = FundingRuleDefined(
            programme_id=self.programme_id,
            money_flow=self.money_flow,
            carry_over=self.carry_over,
            cutoff_month=self.cutoff_month,
            cutoff_day=self.cutoff_day,
            matching_base=self.matching_base,
            matching_ratio_bp=self.matching_ratio_bp,
            categories=self.categories,
            budget_binds=self.budget_binds,
            payment_expires_after_days=self.payment_expires_after_days,
            gates=tuple(sorted(set(self.gates))),
            close_months_after_days=self.close_months_after_days,
            cycle_ends_on=self.cycle_ends_on,
            closes_confirmed=self.closes_confirmed,
            **self._next_close(),
        )
        held = self.rules.on(self.effective_at)
        # Which month is closed next has moved on since; that alone is no other rule.
        upcoming = {"next_close_on": defined.next_close_on, "next_close_at": defined.next_close_at}
        if held is None or defined != msgspec.structs.replace(held[1], **upcoming):
            self.trigger_event(FundingRuleDefined, **defined.as_dict())

    def _next_close(self) -> dict[str, Any]:
        """The month after the last one that is closed; where none is, that of the day from which the rule holds."""
        first = self.effective_at.astimezone(self.zone).date().replace(day=1) - timedelta(days=1)
        return self.closings.next_close(self.close_months_after_days, self.closings.through or first, self.zone)

    def _require_figures(self) -> None:
        try:
            date(_COMMON_YEAR, self.cutoff_month, self.cutoff_day)
        except ValueError:
            raise NoDayOfEveryYear(field="cutoff_day", month=self.cutoff_month, day=self.cutoff_day) from None
        if self.payment_expires_after_days < 1:
            raise DaysImpossible(field="payment_expires_after_days", days=self.payment_expires_after_days)
        if self.close_months_after_days is not None and self.close_months_after_days < 0:
            raise DaysImpossible(field="close_months_after_days", days=self.close_months_after_days)
        if self.cycle_ends_on is not None and self.close_months_after_days is None:
            raise CycleWithoutMonths(field="cycle_ends_on", cycle_ends_on=self.cycle_ends_on)
        if (self.matching_ratio_bp > 0) is not (self.matching_base != "none"):
            raise RatioWithoutBase(
                field="matching_ratio_bp", ratio_bp=self.matching_ratio_bp, base=word(self.matching_base, BASE_TITLES)
            )

    def _require_categories(self) -> None:
        on_forms = {each.code: each for form in self.forms.values() for each in form.budget_categories}
        named = [each.category for each in self.categories]
        if not named:
            raise CategoryMissing(field="categories")
        for each in self.categories:
            if named.count(each.category) > 1:
                raise CategoryTwice(field="categories", category=each.category)
            if each.category not in on_forms:
                raise CategoryNotOnForm(field="categories", category=each.category)
            share, capped = each.share_at_most_bp, on_forms[each.category].share_at_most_bp
            if share is not None and not 0 < share <= WHOLE_BP:
                raise ShareImpossible(field="categories", share_bp=share)
            if capped is not None and (share is None or share > capped):
                raise CategoryCapWider(field="categories", category=each.category, form_bp=capped)

    def _require_ratio(self) -> None:
        """The rule asks for no less matching than the call does."""
        term = self.terms.by_code.get(MATCHING_RATIO)
        if term is None:
            return
        if term.value is None:
            raise TermNotInterpreted(term=MATCHING_RATIO)
        if isinstance(term.value, RatioValue) and term.value.ratio_bp > self.matching_ratio_bp:
            raise RatioBelowCall(stated_bp=term.value.ratio_bp, ratio_bp=self.matching_ratio_bp)
