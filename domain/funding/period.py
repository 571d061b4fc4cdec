"""What may be asked about the periods of the books: close one, after which nothing takes effect in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from domain.funding.case import Rules
from domain.funding.events import FundingRuleDefined, PeriodClosed, PeriodKind, Source
from domain.funding.policy import (
    MONEY_FACTS,
    PERIOD_TITLES,
    RULES_VERSION,
    SOURCE_TITLES,
    Books,
    BooksBy,
    Closings,
    MoneyFact,
    is_last_day,
    rules_digest,
    trial_balance_digest,
)
from domain.ids import ProgrammeId, tag
from domain.kernel import Command, Event, Invalid, Refusal, Selector, any_event, asked, event, known, word
from domain.programme.events import ProgrammeAnnounced
from domain.programme.policy import ProgrammeUnknown


class PeriodNotOver(Refusal):
    """The period runs to {last_day}; it is {effective_on}.
    zh: 该期间至 {last_day};结账日为 {effective_on}。
    title: The period is not over · 期间尚未结束
    """


class PeriodEndsOtherwise(Invalid):
    """{last_day} is not the last day of a {period}.
    zh: {last_day} 不是 {period} 的最后一日。
    title: No last day of a period · 并非期间的最后一日
    """


class ClosedBefore(Refusal):
    """The last {period} that is closed ends on {closed_through}; asked was {last_day}.
    zh: 最近已结的 {period} 账至 {closed_through};所请结账日为 {last_day}。
    title: The books are closed that far · 账簿已结至该日
    """


class CycleNotSettled(Refusal):
    """Of source {source} {allocated_fen} fen were allocated; {accounted_fen} are accounted for, {recovered_fen} back.
    zh: 来源 {source} 已下达 {allocated_fen} 分,已核销 {accounted_fen} 分,已收回 {recovered_fen} 分,尚未结清。
    title: The cycle is not settled · 经费尚未结清
    """


class ClosePeriod(Command):
    """Close a period of the programme's books; a cycle only once what was allocated is accounted for or came back.
    zh: 项目账簿某期间结账;建设周期须待已下达经费全部核销或收回后方可结账。

    Months, quarters, years and the cycle are closed each in their own order: a quarter may be closed after its last
    month. What is closed stays as it was, since nothing takes effect on or before the last day of any of them.
    """

    READS_AT_MOST = None

    programme_id: ProgrammeId = asked("Programme", "项目")
    period: PeriodKind = asked("Period", "期间类别")
    last_day: date = asked("Last day", "截止日")

    announced: bool = known(default=False)
    closings: Closings = known(factory=Closings)
    rules: Rules = known(factory=Rules)
    added_up: BooksBy | None = known()

    def consistency_boundary(self) -> Sequence[Selector]:
        kinds: tuple[type[Event], ...] = (ProgrammeAnnounced, PeriodClosed, FundingRuleDefined, *MONEY_FACTS)
        return [Selector(kinds, [tag(ProgrammeId, self.programme_id)])]

    @event(ProgrammeAnnounced)
    def _(self) -> None:
        self.announced = True

    @event(PeriodClosed)
    def _(self, period: PeriodKind, last_day: date) -> None:
        self.closings.take(period, last_day)

    @event(FundingRuleDefined)
    def _(self, body: FundingRuleDefined, at: datetime, position: int) -> None:
        self.rules.take(body, at, position)

    @any_event(*MONEY_FACTS)
    def _(self, body: MoneyFact, at: datetime, position: int) -> None:
        self.added_up = self._books()
        self.added_up.take(position, at, body)

    def execute(self) -> None:
        if not self.announced:
            raise ProgrammeUnknown(programme_id=self.programme_id)
        self._require_period()
        found = self._books()
        books = found.books
        rule = self.rules.on(self.effective_at)
        after_days = None if rule is None else rule[1].close_months_after_days
        if self.period == "cycle":
            _require_settled(books)
        self.closings.take(self.period, self.last_day)
        if self.closings.is_over(books, self.last_day):
            after_days = None
        self.trigger_event(
            PeriodClosed,
            programme_id=self.programme_id,
            period=self.period,
            last_day=self.last_day,
            covers_position=found.newest,
            entries=found.entries,
            rules_version=found.rules_version,
            rules_digest=rules_digest(found.rules_version),
            trial_balance_digest=trial_balance_digest(books),
            **self.closings.next_close(after_days, self.last_day, self.zone),
        )

    def _books(self) -> BooksBy:
        """The books by the last day as far as they were read, by the rules that hold."""
        return self.added_up or BooksBy(self.last_day, self.zone, RULES_VERSION)

    def _require_period(self) -> None:
        last, effective_on = self.last_day, self.effective_at.astimezone(self.zone).date()
        if not is_last_day(self.period, last):
            raise PeriodEndsOtherwise(field="last_day", last_day=last, period=word(self.period, PERIOD_TITLES))
        if last >= effective_on:
            raise PeriodNotOver(last_day=last, effective_on=effective_on)
        closed = self.closings.last_days.get(self.period)
        if closed is not None and last <= closed:
            raise ClosedBefore(period=word(self.period, PERIOD_TITLES), closed_through=closed, last_day=last)


def _totals(books: Books) -> Iterator[tuple[Source, int, int, int]]:
    """Of every source what was allocated to cases, what is accounted for, and what came back from them."""
    for source in sorted({source for _, source in books.allocated}):
        allocated = sum(amount for (_, each), amount in books.allocated.items() if each == source)
        accounted = books.total("B235", source=source)
        # What had never been allocated is shown apart.
        recovered = books.total("B250", source=source, origin=None)
        yield source, allocated, accounted, recovered


def _require_settled(books: Books) -> None:
    for source, allocated, accounted, recovered in _totals(books):
        if allocated != accounted + recovered:
            raise CycleNotSettled(
                source=word(source, SOURCE_TITLES),
                allocated_fen=allocated,
                accounted_fen=accounted,
                recovered_fen=recovered,
            )
