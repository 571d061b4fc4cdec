"""What every command about money knows: whose it is, its ledger, the open period, the rule, and the gates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, get_args

import msgspec

from domain.accountability.events import MeasureKind
from domain.accountability.policy import MEASURE_FACTS, MeasureFact, Measures
from domain.assessment.events import (
    AssessmentDecided,
    CaseClosedWithoutCompletion,
    CaseCompleted,
    RectificationAccepted,
    RectificationOrdered,
)
from domain.cultivation.events import BudgetItem, CaseSucceeded, CultivationStopped, TaskBookSigned
from domain.cultivation.policy import CaseUnknown
from domain.funding.events import (
    CaseMoney,
    EntryReversed,
    FundingRuleDefined,
    FundsFrozen,
    Gate,
    GateHeld,
    MatchingReceived,
    PeriodClosed,
    PeriodKind,
    PoolMoney,
    Source,
)
from domain.funding.policy import (
    BANK_FACTS,
    CASE_MONEY_FACTS,
    GATE_TITLES,
    POOL_FACTS,
    POOL_ONLY_FACTS,
    POOLED,
    RULES_VERSION,
    SOURCE_TITLES,
    CaseMoneyFact,
    Closings,
    Ledger,
    PoolFact,
    PoolOnlyFact,
    post,
)
from domain.ids import ApplicationId, BankReference, CalendarYear, ObjectionId, ProgrammeId, UnitId, tag
from domain.kernel import Code, Command, Event, Invalid, Refusal, Selector, any_event, asked, event, known, word
from domain.permission.policy import NOT_ON_RECORD
from domain.programme.events import ProgrammeAnnounced
from domain.programme.policy import ProgrammeUnknown
from domain.publicity.events import ObjectionReceived
from domain.publicity.policy import OBJECTION_FACTS, ObjectionFact, Objections
from domain.selection.events import SelectionConfirmed, SelectionReversed
from domain.selection.policy import WHOLE_BP

Amount = Annotated[int, msgspec.Meta(ge=1, le=10**15)]

EndFact = SelectionReversed | CultivationStopped | CaseCompleted | CaseClosedWithoutCompletion
AssessmentFact = AssessmentDecided | RectificationOrdered | RectificationAccepted
GateFact = EndFact | AssessmentFact | TaskBookSigned | ObjectionFact | MeasureFact
_GATE_FACTS: Final[tuple[type[Event], ...]] = (
    *get_args(EndFact),
    *get_args(AssessmentFact),
    TaskBookSigned,
    *OBJECTION_FACTS,
    *MEASURE_FACTS,
)
"""What opens and closes the gates of a case: all with its tag."""
_STOPPING: Final[Mapping[MeasureKind, bool]] = {"stop_money": True, "bar": False}
"""Measures that stop the money of the case they are about, and whether also where they hit the unit as a whole."""
_FAILING: Final = frozenset(("stop_funds", "no_completion"))
NOTHING: Final = "none"
"""The id of nothing: of what a command does not need, nothing is found."""

BearerState = Literal["unknown", "confirmed"]


class AmountNotPositive(Invalid):
    """{amount_fen} fen is no amount of money.
    zh: {amount_fen} 分不成其为金额。
    title: No amount of money · 不成其为金额
    """


class PeriodIsClosed(Refusal):
    """The books are closed up to {closed_through}; {effective_on} lies in a closed period.
    zh: 账簿已结至 {closed_through},{effective_on} 属于已结账期间。
    title: The period is closed · 期间已结账
    """


class NotOfClosedPeriod(Invalid):
    """{occurred_on} lies in no closed period; the books are closed up to {closed_through}.
    zh: {occurred_on} 不属于已结账期间;账簿已结至 {closed_through}。
    title: The day lies in no closed period · 日期不属于已结账期间
    """


class BankReferenceUsed(Refusal):
    """The bank reference {bank_reference} was used at position {position} already; {asked_fen} fen were asked.
    zh: 银行流水号 {bank_reference} 已用于位置 {position} 的记录;所请金额 {asked_fen} 分。
    title: The bank reference was used · 银行流水号已使用
    """


class FundingRuleMissing(Refusal):
    """No rule of the money of programme {programme_id} held on {effective_on}.
    zh: 项目 {programme_id} 于 {effective_on} 尚无有效的经费规则。
    title: No rule of the money · 尚无有效的经费规则
    """


class YearCutOff(Refusal):
    """The {source} money of {year} was cut off after {cutoff_on}; {asked_fen} fen were asked on {effective_on}.
    zh: {year} 年度来源 {source} 的经费于 {cutoff_on} 截止;{effective_on} 所请金额 {asked_fen} 分。
    title: The year was cut off · 年度经费已截止
    """


class SourceOfOneCase(Invalid):
    """Source {source} belongs to one case and not to the programme as a whole.
    zh: 来源 {source} 属于个案,不属于项目整体。
    title: The source belongs to one case · 来源属于个案
    """


class SourceOfProgramme(Invalid):
    """What is unallocated of source {source} belongs to the programme as a whole and not to one case.
    zh: 来源 {source} 的未分配经费属于项目整体,不属于个案。
    title: The source belongs to the programme · 来源属于项目整体
    """


class GateClosed(Refusal):
    """Money needs that {gate}, and that does not hold (position {position}); {asked_fen} fen were asked.
    zh: 拨付条件 {gate} 不具备(位置 {position});所请金额 {asked_fen} 分。
    title: A gate is closed · 拨付条件不具备
    """


class MatchingNotReached(Refusal):
    """Of the matching that is owed, {needed_fen} fen, there are {there_fen}; {asked_fen} fen were asked.
    zh: 应配套 {needed_fen} 分,已到账 {there_fen} 分;所请金额 {asked_fen} 分。
    title: The matching is not reached · 配套未达比例
    """


def require_positive(name: str, amount_fen: int) -> None:
    """Raise AmountNotPositive for what is no amount of money."""
    if amount_fen < 1:
        raise AmountNotPositive(field=name, amount_fen=amount_fen)


def share_of(whole_fen: int, ratio_bp: int) -> int:
    """A ratio of an amount; a part of a fen counts as a whole one, since the ratio is the least."""
    return -(-whole_fen * ratio_bp // WHOLE_BP)


@dataclass(slots=True)
class Rules:
    """The rules of a programme's money, each with the day from which it holds."""

    defined: list[tuple[datetime, int, FundingRuleDefined]] = field(default_factory=list)

    def take(self, body: FundingRuleDefined, at: datetime, position: int) -> None:
        """Take in one event."""
        self.defined.append((at, position, body))

    def on(self, at: datetime) -> tuple[int, FundingRuleDefined] | None:
        """The rule that holds at an instant, and its position: of those defined by then the one recorded last."""
        held = [(position, body) for since, position, body in self.defined if since <= at]
        return held[-1] if held else None


def cutoff_on(rule: FundingRuleDefined, year: int) -> date:
    """The last day on which the money of a year can be used."""
    return date(year, rule.cutoff_month, rule.cutoff_day)


# --- the programme ----------------------------------------------------------------------------------------------------


class AboutMoney(Command):
    """What every command about money knows: its ledger, and up to when the books are closed.
    zh: 关于经费的各项命令所共知:分类账及账簿结账日。
    """

    occurred_on: date | None = asked("Occurred on (in a closed period)", "原发生日(已结账期间)", default=None)

    ledger: Ledger = known(factory=Ledger)
    closings: Closings = known(factory=Closings)

    @property
    def effective_on(self) -> date:
        """The institution's day from which the command takes effect."""
        return self.effective_at.astimezone(self.zone).date()

    @event(PeriodClosed)
    def _(self, period: PeriodKind, last_day: date) -> None:
        self.closings.take(period, last_day)

    def _require_open_period(self) -> None:
        """Raise PeriodIsClosed, or NotOfClosedPeriod where a fact is called late that is not."""
        closed = self.closings.through
        if closed is not None and self.effective_on <= closed:
            raise PeriodIsClosed(closed_through=closed, effective_on=self.effective_on)
        if self.occurred_on is not None and (closed is None or self.occurred_on > closed):
            raise NotOfClosedPeriod(field="occurred_on", occurred_on=self.occurred_on, closed_through=closed)

    def _record(self, *decided: CaseMoney | PoolMoney | EntryReversed) -> None:
        """Record what moves money, if the books bear it."""
        entries = [entry for body in decided for entry in post(RULES_VERSION, body)]  # type: ignore[arg-type]
        self.ledger.books.require(entries, self.effective_at)
        for body in decided:
            self.trigger_event(type(body), **body.as_dict())


class AboutPool(AboutMoney):
    """What every command about the unallocated money of a programme knows.
    zh: 关于项目未分配经费的各项命令所共知。
    """

    programme_id: ProgrammeId = asked("Programme", "项目")
    source: Source = asked("Source", "来源")
    year: CalendarYear = asked("Fiscal year", "财政年度")
    amount_fen: Amount = asked("Amount (fen)", "金额(分)")

    announced: bool = known(default=False)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The programme, up to when its books are closed, and what moved the unallocated money of the year."""
        programme = tag(ProgrammeId, self.programme_id)
        return [
            Selector([ProgrammeAnnounced, PeriodClosed], [programme]),
            Selector(POOL_FACTS, [programme, tag(CalendarYear, self.year)]),
        ]

    @event(ProgrammeAnnounced)
    def _(self) -> None:
        self.announced = True

    @any_event(*POOL_FACTS)
    def _(self, body: PoolFact, at: datetime, position: int) -> None:
        self.ledger.take(body, at, position)

    def _fields(self) -> dict[str, Any]:
        """What every event about unallocated money says, in an open period."""
        if not self.announced:
            raise ProgrammeUnknown(programme_id=self.programme_id)
        require_positive("amount_fen", self.amount_fen)
        if self.source not in POOLED:
            raise SourceOfOneCase(field="source", source=word(self.source, SOURCE_TITLES))
        self._require_open_period()
        return {
            "programme_id": self.programme_id,
            "source": self.source,
            "year": self.year,
            "amount_fen": self.amount_fen,
            "occurred_on": self.occurred_on,
        }


# --- the case ---------------------------------------------------------------------------------------------------------


class AboutCase(AboutMoney):
    """What every command about the money of a case knows: who bears it, and what became of its money.
    zh: 关于项目经费的各项命令所共知:承担单位及经费情况。
    """

    application_id: ApplicationId = asked("Application", "申报")

    confirmed: SelectionConfirmed | None = known()
    confirmed_position: int = known(0)
    successor: UnitId | None = known()
    elsewhere: dict[int, CaseMoneyFact] = known(factory=dict)

    @property
    def state(self) -> BearerState:
        """Whether there is such a case, for the permission table."""
        return NOT_ON_RECORD if self.confirmed is None else "confirmed"

    @property
    def unit_id(self) -> UnitId | None:
        """The unit that bears the case now, once that is known."""
        return self.successor or (None if self.confirmed is None else self.confirmed.unit_id)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case, its money and, once its programme is known, up to when the books are closed."""
        case = tag(ApplicationId, self.application_id)
        programme = NOTHING if self.confirmed is None else self.confirmed.programme_id
        return [
            Selector([SelectionConfirmed, CaseSucceeded], [case]),
            Selector(CASE_MONEY_FACTS, [case]),
            Selector([PeriodClosed], [tag(ProgrammeId, programme)]),
        ]

    @event(SelectionConfirmed)
    def _(self, body: SelectionConfirmed, position: int) -> None:
        self.confirmed, self.confirmed_position = body, position

    @event(CaseSucceeded)
    def _(self, body: CaseSucceeded) -> None:
        self.successor = UnitId(body.successor_unit_id)

    @any_event(*CASE_MONEY_FACTS)
    def _(self, body: CaseMoneyFact, at: datetime, position: int, by: str) -> None:
        if body.application_id in {None, self.application_id}:
            self.ledger.take(body, at, position, by)
        else:
            # Of another case: it has drawn on the same appropriation, or uses an id that is asked about.
            self.ledger.books.take(post(RULES_VERSION, body), at)
            self.elsewhere[position] = body

    def _case(self) -> dict[str, Any]:
        """What every event of the case says of it, in an open period."""
        if self.confirmed is None:
            raise CaseUnknown(application_id=self.application_id)
        self._require_open_period()
        return {
            "application_id": self.application_id,
            "programme_id": self.confirmed.programme_id,
            "track_id": self.confirmed.track_id,
            "unit_id": self.unit_id,
            "occurred_on": self.occurred_on,
        }

    def _require_not_cut_off(self, source: Source, year: CalendarYear, asked_fen: int) -> None:
        """Raise YearCutOff where the money of the year can no longer be used."""
        found = self.ledger.cutoffs.get((source, year))
        if found is not None and self.effective_at >= found[0]:
            raise YearCutOff(
                source=word(source, SOURCE_TITLES),
                year=year,
                cutoff_on=found[1],
                asked_fen=asked_fen,
                effective_on=self.effective_on,
            )


class AboutCaseMoney(AboutCase):
    """What every command about an amount of a case knows, of one source and fiscal year.
    zh: 关于项目某来源、某财政年度经费的各项命令所共知。
    """

    source: Source = asked("Source", "来源")
    year: CalendarYear = asked("Fiscal year", "财政年度")
    amount_fen: Amount = asked("Amount (fen)", "金额(分)")

    def _fields(self) -> dict[str, Any]:
        """What every event about an amount of the case says."""
        case = self._case()
        require_positive("amount_fen", self.amount_fen)
        return case | {"source": self.source, "year": self.year, "amount_fen": self.amount_fen}


class DrawsOnPool(AboutCaseMoney):
    """What a command of a case knows that may draw on the programme's unallocated money, or give back to it.
    zh: 可能动用或退回项目未分配经费的命令所知。
    """

    @property
    def draws_on_pool(self) -> bool:
        """Whether it moves what is unallocated of a source that belongs to the programme."""
        return self.source in POOLED

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case and, where it draws on it, the unallocated money of the year."""
        programme = NOTHING if self.confirmed is None or not self.draws_on_pool else self.confirmed.programme_id
        pool = [tag(ProgrammeId, programme), tag(CalendarYear, self.year)]
        return [*super().consistency_boundary(), Selector(POOL_FACTS, pool)]

    @any_event(*POOL_ONLY_FACTS)
    def _(self, body: PoolOnlyFact, at: datetime, position: int) -> None:
        self.ledger.take(body, at, position)


class ByBank(AboutCase):
    """What a command knows that records a movement on the bank account: where its reference was used.
    zh: 登记银行收付的命令所知:银行流水号的使用情况。
    """

    bank_reference: BankReference = asked("Bank reference", "银行流水号")

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case, and whatever used the bank reference."""
        used = Selector(BANK_FACTS, [tag(BankReference, self.bank_reference)])
        return [*super().consistency_boundary(), used]

    def _require_unused(self, asked_fen: int) -> None:
        """Raise BankReferenceUsed for a movement that is on record and was not reversed."""
        facts = sorted((self.ledger.facts | self.elsewhere).items())
        standing = 0
        for position, body in facts:
            if getattr(body, "bank_reference", None) == self.bank_reference:
                standing = 0 if isinstance(body, EntryReversed) else position
        if standing:
            raise BankReferenceUsed(bank_reference=self.bank_reference, position=standing, asked_fen=asked_fen)


# --- rules and gates --------------------------------------------------------------------------------------------------


def _put(found: dict[Code, int], assessment: Code, position: int, *, holds: bool) -> None:
    found.pop(assessment, None)
    if holds:
        found[assessment] = position


@dataclass(slots=True)
class Standing:
    """How a case stands, as far as its money depends on it; each with the position of the fact that says so."""

    ended: int = 0
    signed: int = 0
    budget: tuple[BudgetItem, ...] = ()
    decided: int = 0
    failing: dict[Code, int] = field(default_factory=dict)
    """The assessments whose last round stops the money, each with its position."""
    held: dict[Code, int] = field(default_factory=dict)
    """The assessments whose last round holds it, until they are decided anew or their rectification is accepted."""
    objections: Objections = field(default_factory=Objections)
    received: dict[ObjectionId, int] = field(default_factory=dict)
    measures: Measures = field(default_factory=Measures)

    def take(self, body: GateFact, position: int) -> None:
        """Take in one event of the case."""
        match body:
            case TaskBookSigned(budget=budget):
                self.signed, self.budget = position, budget
            case AssessmentDecided() | RectificationOrdered() | RectificationAccepted():
                self._assess(body, position)
            case SelectionReversed() | CultivationStopped() | CaseCompleted() | CaseClosedWithoutCompletion():
                self.ended = position
            case _:
                self._hear(body, position)

    def _assess(self, body: AssessmentFact, position: int) -> None:
        """What one assessment says of the money; another one does not take it back."""
        match body:
            case AssessmentDecided(assessment=assessment, effects=effects):
                self.decided = position
                _put(self.failing, assessment, position, holds=bool(_FAILING & set(effects)))
                _put(self.held, assessment, position, holds="hold_funds" in effects)
            case RectificationOrdered(assessment=assessment, holds_funds=True):
                self.held[assessment] = position
            case RectificationAccepted(assessment=assessment):
                self.held.pop(assessment, None)

    def _hear(self, body: ObjectionFact | MeasureFact, position: int) -> None:
        if isinstance(body, MeasureFact):
            self.measures.take(body, position=position)
            return
        self.objections.take(body)
        if isinstance(body, ObjectionReceived):
            self.received[body.objection_id] = position

    def closed(self, application_id: ApplicationId, *days: date) -> Iterator[tuple[Gate, int, int]]:
        """Each gate that a fact closes on any of the days, or 0; and the fact it rests on while it is open, or 0."""
        objection = self.objections.first_open()
        yield "case_running", self.ended, 0
        yield "assessment_not_failed", max(self.failing.values(), default=0), self.decided
        yield "no_open_objection", 0 if objection is None else self.received[objection], 0
        yield "not_stopped", self._stopped_by(application_id, days), 0

    def _stopped_by(self, application_id: ApplicationId, days: Sequence[date]) -> int:
        """The position of a measure in force that stops the money of the case, or of its unit as a whole."""
        stopping = (
            measure.position
            for day in days
            for kind, whole_unit in _STOPPING.items()
            for measure in self.measures.in_force(kind, day)
            if measure.decided.application_id in ({None, application_id} if whole_unit else {application_id})
        )
        return next(stopping, 0)


class Ruled(AboutCase):
    """What a command knows that depends on the rule of the programme's money.
    zh: 取决于项目经费规则的命令所知。
    """

    rules: Rules = known(factory=Rules)
    standing: Standing = known(factory=Standing)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case, and the rules of its programme."""
        programme = NOTHING if self.confirmed is None else self.confirmed.programme_id
        return [*super().consistency_boundary(), Selector([FundingRuleDefined], [tag(ProgrammeId, programme)])]

    @event(FundingRuleDefined)
    def _(self, body: FundingRuleDefined, at: datetime, position: int) -> None:
        self.rules.take(body, at, position)

    def _require_rule(self, programme_id: ProgrammeId) -> tuple[int, FundingRuleDefined]:
        """The rule that holds when the command takes effect, and its position."""
        return require_rule(self.rules, programme_id, self.effective_at, self.effective_on)


def require_rule(
    rules: Rules, programme_id: ProgrammeId, at: datetime, effective_on: date
) -> tuple[int, FundingRuleDefined]:
    """The rule that holds at an instant, and its position. Raises FundingRuleMissing."""
    found = rules.on(at)
    if found is None:
        raise FundingRuleMissing(programme_id=programme_id, effective_on=effective_on)
    return found


class Gated(Ruled):
    """What a command knows that money is released by: everything that opens and closes the gates of the case.
    zh: 据以放款的命令所知:项目各项拨付条件的开闭。
    """

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case, its rule, and what opens and closes its gates: of the case and, by measures, of its unit."""
        return [
            *super().consistency_boundary(),
            Selector(_GATE_FACTS, [tag(ApplicationId, self.application_id)]),
            Selector(MEASURE_FACTS, [tag(UnitId, self.unit_id or NOTHING)]),
        ]

    @any_event(*_GATE_FACTS)
    def _(self, body: GateFact, position: int) -> None:
        self.standing.take(body, position)

    def _require_gates(
        self, rule: FundingRuleDefined, source: Source, asked_fen: int, more_fen: int = 0
    ) -> tuple[GateHeld, ...]:
        """Every gate that was looked at, with what it rests on. Raises GateClosed, or MatchingNotReached.

        ``more_fen`` is what the command itself would allocate.
        """
        standing = self.standing
        held = [GateHeld("case_running", self.confirmed_position)]
        # A measure that stops the money today stops also what is entered for an earlier day.
        for gate, closed, resting in standing.closed(self.application_id, self.effective_on, self.today):
            if closed:
                raise GateClosed(gate=word(gate, GATE_TITLES), position=closed, asked_fen=asked_fen)
            if gate != "case_running":
                held.append(GateHeld(gate, resting))
        if frozen := max(standing.held.values(), default=0) or self._frozen():
            raise GateClosed(gate=word("no_freeze", GATE_TITLES), position=frozen, asked_fen=asked_fen)
        held.append(GateHeld("no_freeze", 0))
        if "task_book_signed" in rule.gates:
            if not standing.signed:
                raise GateClosed(gate=word("task_book_signed", GATE_TITLES), position=0, asked_fen=asked_fen)
            held.append(GateHeld("task_book_signed", standing.signed))
        if "matching_reached" in rule.gates:
            held.append(GateHeld("matching_reached", self._require_matching(rule, source, asked_fen, more_fen)))
        return tuple(held)

    def _frozen(self) -> int:
        """The position of the newest freeze, while anything of the case is frozen."""
        if not self.ledger.books.total("B240", application_id=self.application_id):
            return 0
        return max(position for position, body in self.ledger.facts.items() if isinstance(body, FundsFrozen))

    def _require_matching(self, rule: FundingRuleDefined, source: Source, asked_fen: int, more_fen: int) -> int:
        """The position of the matching that came in last; 0 where none is owed. Raises MatchingNotReached."""
        books = self.ledger.books
        if rule.matching_base == "higher_award" and source == "upper_grant":
            needed = self.ledger.matching_due()
        elif rule.matching_base == "allocation" and source in POOLED:
            allocated = sum(books.allocated.get((self.application_id, each), 0) for each in sorted(POOLED))
            needed = share_of(allocated + more_fen, rule.matching_ratio_bp)
        else:
            return 0
        there = self.ledger.matching_received(self.application_id)
        if there < needed:
            raise MatchingNotReached(needed_fen=needed, there_fen=there, asked_fen=asked_fen)
        came_in = (position for position, body in self.ledger.facts.items() if isinstance(body, MatchingReceived))
        return max(came_in, default=0)
