"""The money of the real programme, both tables of its two years, through the rules; and random histories besides."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.accountability.events import MeasureDecided, MeasureLifted
from domain.assessment.events import AssessmentDecided, RectificationAccepted
from domain.cultivation.events import BudgetItem, CaseSucceeded, TaskBookSigned
from domain.funding.allocation import AllocateFunds, CommitFunds
from domain.funding.appropriation import (
    AdjustAppropriation,
    CarryUnallocatedForward,
    RecordAppropriation,
    ReturnUnallocated,
)
from domain.funding.case import GateClosed
from domain.funding.correction import ReverseEntry
from domain.funding.events import (
    AuthorityReturned,
    EntryReversed,
    FundsAllocated,
    FundsFrozen,
    FundsReleased,
    FundsReturned,
    HeldStage,
    MatchingReceived,
    PaymentApproved,
    PaymentExpired,
    PaymentFailed,
    PaymentPosted,
    PaymentRequested,
    PeriodKind,
    RecoveryOrdered,
    RecoveryReceived,
    Source,
)
from domain.funding.hold import FreezeFunds, ReleaseFunds, ReturnAuthority
from domain.funding.matching import PledgeMatching, RecordHigherAward, RecordMatching
from domain.funding.payment import ApprovePayment, ExpirePayment, FailPayment, PostPayment, RequestPayment
from domain.funding.period import ClosePeriod
from domain.funding.policy import RESOURCES, RULES_VERSION, STAGES, Books, CaseMoneyFact, Ledger, MoneyFact, post
from domain.funding.recovery import OrderRecovery, RecordRecovery, ReturnFunds
from domain.funding.rule import DefineFundingRule
from domain.funding.spending import AccountForExpenditure, DisallowExpenditure
from domain.funding.yearend import CarryForward, LapseFunds
from domain.ids import (
    ApplicationId,
    BankReference,
    CalendarYear,
    ObjectionId,
    PaymentId,
    RecoveryId,
    SuccessorUnitId,
    UnitId,
)
from domain.kernel import Command, Event, Recorded, Refusal
from domain.publicity.events import ObjectionDismissed, ObjectionReceived
from domain.selection.events import SelectionConfirmed
from tests.assessing import held, released_from_hold
from tests.call import BRANCH_TRACK, CALL, COLLEGE_TRACK, PAPER, announced, defined, deposited, interpreted
from tests.committee import DECISION, FIRST, PUBLICITY, SECOND, branch, objection
from tests.consequences import lifted, measured
from tests.money import RATIO, amount, asked_of, decided, done, rule, the_programme
from tests.spec import ANOTHER, SOMEBODY, Past, at
from tests.spec import given as on_record

COL_A, BR_1, BR_2, BR_3 = CASES = tuple(ApplicationId(each) for each in ("COL-A", "BR-1", "BR-2", "BR-3"))
NUMBERS = itertools.count(1)


def yuan(sum_of_money: int) -> int:
    return sum_of_money * 100


def own(application_id: ApplicationId) -> dict[str, Any]:
    track = COLLEGE_TRACK if application_id == COL_A else BRANCH_TRACK
    return {
        "application_id": application_id, "programme_id": CALL, "track_id": track, "unit_id": UnitId(application_id)
    }  # fmt: skip


def day(text: str, clock: str = "10:00") -> datetime:
    return at(f"{text} {clock}")


class Office:
    """Plays the office and its finance officer; the books are looked at after every single fact."""

    def __init__(self) -> None:
        past = on_record(
            announced(), *defined(), interpreted("matching_ratio", RATIO), deposited(PAPER), when=day("2020-05-12")
        )
        for each in CASES:
            term: dict[str, Any] = {"decision_id": DECISION, "publicity_id": PUBLICITY, "first_day": date(2020, 6, 30)}
            past = past.and_(SelectionConfirmed(**own(each), **term), when=day("2020-06-30"))
            budget = (BudgetItem(2020, "training", yuan(25_000)), BudgetItem(2021, "training", yuan(25_000)))
            book = TaskBookSigned(**own(each), version=1, budget=budget, signed_on=date(2020, 7, 2))
            past = past.and_(book, when=day("2020-07-02"))
        self.past = past

    def do(self, command: Command, when: datetime, by: str = SOMEBODY) -> None:
        before = len(self.past.log)
        self.past = done(self.past, command, when, by=by)
        assert len(self.past.log) > before, command

    def funds(self, case: ApplicationId, sum_of_money: int, year: int, source: Source = "budget") -> dict[str, Any]:
        return {"application_id": case, **amount(yuan(sum_of_money), year, source)}

    def give(self, case: ApplicationId, sum_of_money: int, on: str, year: int, source: Source = "budget") -> None:
        """Allocated, committed, requested, approved and paid out in full within three days."""
        funds, first = self.funds(case, sum_of_money, year, source), day(on)
        payment: dict[str, Any] = {"application_id": case, "payment_id": PaymentId(f"PAY-{next(NUMBERS)}")}
        self.do(AllocateFunds(**funds), first)
        self.do(CommitFunds(**funds), first)
        self.do(RequestPayment(**funds, payment_id=payment["payment_id"]), first + timedelta(days=1))
        self.do(ApprovePayment(**payment), first + timedelta(days=1), by=ANOTHER)
        paid = PostPayment(**payment, amount_fen=yuan(sum_of_money), bank_reference=self.bank())
        self.do(paid, first + timedelta(days=2))

    def bank(self) -> BankReference:
        return BankReference(f"BANK-{next(NUMBERS)}")

    def spend(self, case: ApplicationId, sum_of_money: int, on: str, year: int, source: Source = "budget") -> None:
        funds = self.funds(case, sum_of_money, year, source)
        self.do(AccountForExpenditure(**funds, category="training", evidence_document_id=PAPER), day(on))

    def carry(self, case: ApplicationId, on: str, year: int) -> None:
        self.do(CarryForward(application_id=case, source="budget", year=CalendarYear(year)), day(on))

    def send_back(self, case: ApplicationId, sum_of_money: int, on: str, year: int) -> None:
        self.do(ReturnFunds(**self.funds(case, sum_of_money, year), bank_reference=self.bank()), day(on))

    def appropriate(self, sum_of_money: int, on: str, year: int) -> None:
        funds: dict[str, Any] = {"programme_id": CALL, **amount(yuan(sum_of_money), year)}
        self.do(RecordAppropriation(**funds, document_id=PAPER), day(on))


def the_first_year(office: Office) -> None:
    office.appropriate(55_000, "2020-07-03", 2020)
    for case, sum_of_money in zip(CASES, (25_000, 10_000, 10_000, 10_000), strict=True):
        office.give(case, sum_of_money, "2020-07-06", 2020)
    for case, sum_of_money in zip(CASES, (23_600, 9_850, 10_000, 8_400), strict=True):
        office.spend(case, sum_of_money, "2020-11-20", 2020)
    office.carry(COL_A, "2020-12-25", 2020)
    office.carry(BR_1, "2020-12-25", 2020)
    office.send_back(BR_3, 1_600, "2020-12-25", 2020)


def the_second_year(office: Office) -> None:
    office.appropriate(55_000, "2021-01-04", 2021)
    frozen = office.funds(BR_3, 10_000, 2021)
    office.past = office.past.and_(*held(own(BR_3)), when=day("2021-06-18", "09:00"))
    office.do(FreezeFunds(**frozen, stage="unallocated", ground="rectification"), day("2021-06-18"))
    for case, sum_of_money in zip(CASES, (25_000, 10_000, 10_000), strict=False):
        office.give(case, sum_of_money, "2021-07-05", 2021)
    barred = office.past.when(AllocateFunds(**frozen), now=day("2021-07-05"))
    barred.refused(GateClosed, gate="no_freeze", asked_fen=yuan(10_000))
    office.past = office.past.and_(*released_from_hold(own(BR_3)), when=day("2021-09-16", "09:00"))
    office.do(ReleaseFunds(**frozen, stage="unallocated"), day("2021-09-16"))
    office.give(BR_3, 10_000, "2021-09-16", 2021)
    for case, sum_of_money in zip(CASES, (14_900, 6_000, 6_500, 3_000), strict=True):
        office.spend(case, sum_of_money, "2021-11-20", 2021)
    for case in CASES:
        office.carry(case, "2021-12-24", 2021)


def the_match(office: Office) -> None:
    grant: dict[str, Any] = {"application_id": BR_1, "year": CalendarYear(2021), "level": "provincial"}
    award = RecordHigherAward(**grant, amount_fen=yuan(20_000), document_id=PAPER)
    office.do(award, day("2021-10-11"))
    match = office.funds(BR_1, 20_000, 2021, "school_match")
    office.do(PledgeMatching(**match, document_id=PAPER), day("2021-10-12"))
    office.do(RecordMatching(**match, bank_reference=office.bank()), day("2021-10-12"))
    for source in ("upper_grant", "school_match"):
        office.give(BR_1, 20_000, "2021-10-12", 2021, source)
        office.spend(BR_1, 20_000, "2021-11-25", 2021, source)


def the_end(office: Office) -> None:
    merged = CaseSucceeded(**own(BR_2), successor_unit_id=SuccessorUnitId("BR-9"), ground="merged")
    office.past = office.past.and_(merged, when=day("2022-01-10"))
    for case, sum_of_money in zip(CASES, (11_250, 4_030, 3_500, 4_300), strict=True):
        office.spend(case, sum_of_money, "2022-05-20", 2022)
    office.send_back(COL_A, 250, "2022-07-15", 2022)
    office.send_back(BR_1, 120, "2022-07-15", 2022)
    claim: dict[str, Any] = {"application_id": BR_3, "recovery_id": RecoveryId("REC-BR-3")}
    order: dict[str, Any] = {"stage": "paid_out", "ground": "not_completed", "decision_document_id": PAPER}
    funds = office.funds(BR_3, 2_700, 2022)
    office.do(OrderRecovery(**(funds | claim), **order), day("2022-08-10"))
    office.do(RecordRecovery(**claim, amount_fen=yuan(2_700), bank_reference=office.bank()), day("2022-09-15"))


def the_story() -> Office:
    office = Office()
    define = DefineFundingRule(**asked_of(rule()))
    office.do(define, day("2020-07-01"))
    the_first_year(office)
    the_second_year(office)
    the_match(office)
    the_end(office)
    return office


def prefixes(past: Past) -> Any:
    """The books after each fact that moves money."""
    found = Books()
    for each in past.log:
        if isinstance(each.event, MoneyFact):
            found.take(post(RULES_VERSION, each.event), each.envelope.effective_at)
            yield found


def look_at(found: Books) -> None:
    """No stage below zero; stages equal resources for each source and year; nothing claimed that is not paid out."""
    sides: dict[tuple[str, int], int] = {}
    for balance in found.balances():
        account = balance.account
        if account.code in STAGES or account.code == "F1218":
            assert balance.amount_fen > 0, balance
        if account.code in STAGES | RESOURCES:
            line = account.source, account.year
            signed = balance.amount_fen if account.code in STAGES else -balance.amount_fen
            sides[line] = sides.get(line, 0) + signed
    assert not any(sides.values()), sides
    assert sum(found.sums.values()) == 0


STORY = the_story()


def total(found: Books, code: Any, **which: Any) -> int:
    return found.total(code, source="budget", **which)


def test_the_books_of_the_story_balance_after_every_fact() -> None:
    seen = 0
    for found in prefixes(STORY.past):
        look_at(found)
        seen += 1
    assert seen > 80


def test_allocated_is_accounted_for_and_recovered() -> None:
    *_, found = prefixes(STORY.past)
    allocated = sum(fen for (_, source), fen in found.allocated.items() if source == "budget")
    assert allocated == yuan(110_000)
    assert total(found, "B235") == yuan(105_330)
    assert total(found, "B250", origin=None) == yuan(4_670)
    assert allocated == total(found, "B235") + total(found, "B250")


@pytest.mark.parametrize(
    ("case", "given_out", "spent", "back"),
    [(COL_A, 50_000, 49_750, 250), (BR_1, 20_000, 19_880, 120), (BR_2, 20_000, 20_000, 0),
     (BR_3, 20_000, 15_700, 4_300)],
)  # fmt: skip
def test_each_case_adds_up(case: ApplicationId, given_out: int, spent: int, back: int) -> None:
    *_, found = prefixes(STORY.past)
    assert found.allocated[case, "budget"] == yuan(given_out)
    assert total(found, "B235", application_id=case) == yuan(spent)
    assert total(found, "B250", application_id=case) == yuan(back)
    assert total(found, "B230", application_id=case) == 0


def test_what_was_carried_each_year_is_what_the_tables_say() -> None:
    *_, found = prefixes(STORY.past)
    for year, by_case in ((2020, (1_400, 150, 0, 0)), (2021, (11_500, 4_150, 3_500, 7_000))):
        for case, sum_of_money in zip(CASES, by_case, strict=True):
            assert total(found, "B260", application_id=case, year=year) == yuan(sum_of_money)
            assert total(found, "B110", application_id=case, year=year + 1) == yuan(sum_of_money)
    spent = [total(found, "B235", year=year) for year in (2020, 2021, 2022)]
    assert spent == [yuan(51_850), yuan(30_400), yuan(23_080)]


@pytest.mark.parametrize("source", ["upper_grant", "school_match"])
def test_the_matching_money_stands_apart(source: str) -> None:
    *_, found = prefixes(STORY.past)
    assert found.total("B235", source=source) == yuan(20_000)
    assert {account.application_id for account in found.sums if account.source == source} == {BR_1}


def test_the_years_and_the_cycle_of_the_story_are_closed() -> None:
    past = STORY.past
    closes: list[tuple[PeriodKind, date, datetime]] = [
        ("year", date(2020, 12, 31), day("2022-10-08")), ("year", date(2021, 12, 31), day("2022-10-08")),
        ("cycle", date(2022, 9, 30), day("2022-10-08")),
    ]  # fmt: skip
    for period, last_day, when in closes:
        past = done(past, ClosePeriod(programme_id=CALL, period=period, last_day=last_day), when)
    assert len(past.log) == len(STORY.past.log) + 3


# --- random legal histories -----------------------------------------------------------------------------------------

SOURCES: tuple[Source, ...] = ("budget", "budget", "budget", "school_match", "upper_grant")
HELD: tuple[HeldStage, ...] = ("unallocated", "allocated", "committed")
AMOUNTS = (1, 3, 7, 20, 30, 60, 500)
DAYS = (0, 0, 0, 1, 3, 12, 40)


def some_command(chance: random.Random, past: Past) -> Command:
    """Any command about money, with figures that are often lawful and often not."""
    case, fen = chance.choice((FIRST, SECOND)), chance.choice(AMOUNTS)
    year = CalendarYear(chance.choice((2020, 2020, 2021)))
    which: dict[str, Any] = {"application_id": case, "source": chance.choice(SOURCES), "year": year}
    funds = which | {"amount_fen": fen}
    pool: dict[str, Any] = {"programme_id": CALL, "source": "budget", "year": year, "amount_fen": fen}
    known = [each.event.payment_id for each in past.log if isinstance(each.event, PaymentRequested)]
    payment: dict[str, Any] = {"application_id": case, "payment_id": chance.choice(known)}
    orders = [each.event.recovery_id for each in past.log if isinstance(each.event, RecoveryOrdered)]
    claim: dict[str, Any] = {"recovery_id": chance.choice([*orders, RecoveryId("R0")])}
    bank: dict[str, Any] = {"bank_reference": BankReference(f"B{chance.randrange(200)}")}
    paper: dict[str, Any] = {"document_id": PAPER}
    spent: dict[str, Any] = {"category": "training", "evidence_document_id": PAPER}
    ordered: dict[str, Any] = {
        "recovery_id": RecoveryId(f"R{len(past.log)}"),
        "ground": "audit",
        "decision_document_id": PAPER,
    }
    frozen: dict[str, Any] = {"stage": chance.choice(HELD)}
    entry = chance.choice([each for each in past.log if isinstance(each.event, MoneyFact)])
    makers: list[Callable[[], Command]] = [
        lambda: RecordAppropriation(**pool, **paper),
        lambda: AdjustAppropriation(**pool, raised=chance.random() < 0.3, **paper),
        lambda: ReturnUnallocated(**pool),
        lambda: CarryUnallocatedForward(**pool),
        *(lambda: AllocateFunds(**funds), lambda: CommitFunds(**funds)) * 2,
        *(lambda: RequestPayment(**funds, payment_id=PaymentId(f"P{len(past.log)}")),) * 3,
        *(lambda: ApprovePayment(**payment), lambda: PostPayment(**payment, amount_fen=fen, **bank)) * 3,
        lambda: FailPayment(**payment, ground="bank"),
        lambda: ExpirePayment(**payment),
        *(lambda: AccountForExpenditure(**funds, **spent),) * 2,
        lambda: DisallowExpenditure(**funds, category="training", ground="audit"),
        lambda: FreezeFunds(**funds, **frozen, ground="audit"),
        *(lambda: ReleaseFunds(**funds, **frozen),) * 3,
        lambda: ReturnAuthority(**funds, stage=chance.choice(("allocated", "unallocated"))),
        lambda: ReturnAuthority(**funds, stage="frozen", origin=chance.choice(HELD)),
        lambda: ReturnFunds(**funds, **bank),
        lambda: OrderRecovery(**funds, **ordered, stage="paid_out"),
        lambda: OrderRecovery(**funds, **ordered, stage="accounted_for", category="training"),
        *(lambda: RecordRecovery(**claim, application_id=case, amount_fen=fen, **bank),) * 2,
        lambda: CarryForward(**which),
        lambda: LapseFunds(**which),
        lambda: RecordHigherAward(application_id=case, year=year, level="provincial", amount_fen=fen, **paper),
        lambda: PledgeMatching(**(funds | {"source": "school_match"}), **paper),
        lambda: RecordMatching(**(funds | {"source": "school_match"}), **bank),
        *(
            lambda: ReverseEntry(
                programme_id=CALL, application_id=getattr(entry.event, "application_id", None), year=year,
                position=entry.position,
            ),
        ) * 3,
    ]  # fmt: skip
    return chance.choice(makers)()


def opened() -> Past:
    """Money of both years at every stage of two cases, and of the matching of one, to begin with."""
    past, now = the_programme(), at("2020-07-03 10:00")
    grant: dict[str, Any] = {"application_id": FIRST, "year": CalendarYear(2020), "level": "provincial"}
    match: dict[str, Any] = {"application_id": FIRST, **amount(90, source="school_match")}
    opening: list[Command] = [
        *(RecordAppropriation(programme_id=CALL, **amount(300, year), document_id=PAPER) for year in (2020, 2021)),
        RecordHigherAward(**grant, amount_fen=60, document_id=PAPER),
        PledgeMatching(**match, document_id=PAPER),
        RecordMatching(**(match | {"amount_fen": 70}), bank_reference=BankReference("M")),
        AllocateFunds(**(match | {"amount_fen": 50})),
    ]
    for case, year in itertools.product((FIRST, SECOND), (2020, 2021)):
        funds: dict[str, Any] = {"application_id": case, "source": "budget", "year": CalendarYear(year)}
        payment: dict[str, Any] = {"application_id": case, "payment_id": PaymentId(f"{case}-{year}")}
        opening += [
            AllocateFunds(**funds, amount_fen=100),
            CommitFunds(**funds, amount_fen=80),
            RequestPayment(**funds, amount_fen=60, payment_id=payment["payment_id"]),
            ApprovePayment(**payment),
        ]
        if year == 2020:
            paid: dict[str, Any] = {"amount_fen": 60, "bank_reference": BankReference(f"{case}-{year}")}
            spent: dict[str, Any] = {"category": "training", "evidence_document_id": PAPER}
            opening += [PostPayment(**payment, **paid), AccountForExpenditure(**funds, amount_fen=30, **spent)]
    for command in opening:
        by = ANOTHER if isinstance(command, ApprovePayment) else SOMEBODY
        past = done(past, command, now, by=by)
    return past


BASE = opened()


def lawful(turn: Event, past: Past) -> Event | None:
    """What ends something comes after its beginning, and neither comes twice."""
    begins: dict[type[Event], type[Event]] = {ObjectionDismissed: ObjectionReceived, MeasureLifted: MeasureDecided}
    case = turn.as_dict()["application_id"]
    about = [type(each.event) for each in past.log if getattr(each.event, "application_id", None) == case]
    begun = begins.get(type(turn))
    if begun is not None:
        return turn if about.count(begun) > about.count(type(turn)) else None
    once = type(turn) in begins.values()
    return None if once and type(turn) in about else turn


HISTORIES = st.integers(min_value=0, max_value=2**64 - 1).map(random.Random)


def played(chance: random.Random, turn: Callable[[random.Random], Event] | None = None) -> Past:
    """Whatever of these commands is lawful, one after the other; some days apart, now and then with an earlier day."""
    past, now = BASE, at("2020-07-04 10:00")
    for _ in range(50):
        days = chance.choice(DAYS)
        now += timedelta(days=days)
        if turn is not None and chance.random() < 0.15 and (happened := lawful(turn(chance), past)):
            past = past.and_(happened, when=now)
        effective = now - timedelta(days=chance.randrange(days + 1)) if chance.random() < 0.3 else now
        asked = past.when(
            some_command(chance, past), now=now, effective=effective, by=chance.choice((SOMEBODY, ANOTHER))
        )
        try:
            asked.command.execute()
        except Refusal:
            continue
        decided = [tagged.decision for tagged in asked.command.collect_events()]
        past = past.and_(*decided, by=asked.command.by, when=effective)
    return past


@settings(max_examples=40, deadline=None)
@given(HISTORIES)
def test_over_any_lawful_history_no_stage_is_below_zero_and_the_books_balance(chance: random.Random) -> None:
    past = played(chance)
    for found in prefixes(past):
        look_at(found)
    by_day = Past(sorted(past.log, key=lambda each: (each.envelope.effective_at, each.position)))
    for found in prefixes(by_day):
        look_at(found)


@settings(max_examples=40, deadline=None)
@given(HISTORIES)
def test_over_any_lawful_history_a_payment_resolves_once_and_a_reference_and_a_reversal_are_used_once(
    chance: random.Random,
) -> None:
    past = played(chance)
    reversed_ = [each.event.reversed_position for each in past.log if isinstance(each.event, EntryReversed)]
    assert len(reversed_) == len(set(reversed_))
    standing = [each.event for each in past.log if each.position not in reversed_]
    bank = [
        body.bank_reference
        for body in standing
        if isinstance(body, PaymentPosted | FundsReturned | RecoveryReceived | MatchingReceived)
    ]
    assert len(bank) == len(set(bank))
    ends = [body.payment_id for body in standing if isinstance(body, PaymentPosted | PaymentFailed | PaymentExpired)]
    assert len(ends) == len(set(ends))
    requests = {body.payment_id: body.amount_fen for body in standing if isinstance(body, PaymentRequested)}
    paid = [body for body in standing if isinstance(body, PaymentPosted)]
    assert all(body.amount_fen + body.unpaid_fen == requests[body.payment_id] for body in paid)


@settings(max_examples=40, deadline=None)
@given(HISTORIES)
def test_over_any_lawful_history_what_is_posted_then_reversed_is_zero(chance: random.Random) -> None:
    past = played(chance)
    now = max(each.envelope.effective_at for each in past.log) + timedelta(days=1)
    last = [each for each in past.log if isinstance(each.event, MoneyFact)][-1]
    case = getattr(last.event, "application_id", None)
    year = getattr(last.event, "year", None)
    undo = ReverseEntry(programme_id=CALL, application_id=case, year=year, position=last.position)
    *_, before = prefixes(Past(past.log[: last.position - 1]))
    wanted = before.balances()
    asked = past.when(undo, now=now)
    try:
        asked.command.execute()
    except Refusal:
        return
    decided = [tagged.decision for tagged in asked.command.collect_events()]
    *_, after = prefixes(past.and_(*decided, when=now))
    assert after.balances() == wanted


def some_turn(chance: random.Random) -> Event:
    """What closes a gate of a case, or opens it again."""
    case = chance.choice((FIRST, SECOND))
    own_case: dict[str, Any] = {
        "application_id": case, "programme_id": CALL, "track_id": BRANCH_TRACK, "unit_id": branch(case)
    }  # fmt: skip
    whose: dict[str, Any] = {"objection_id": ObjectionId(f"OBJ-{case}"), "publicity_id": PUBLICITY}
    return chance.choice(
        [
            decided("stop_funds", application_id=case),
            decided("continue", application_id=case),
            decided("rectify", "hold_funds", application_id=case),
            decided("continue", application_id=case, assessment="spot_check"),
            RectificationAccepted(**own_case, assessment="midterm", opinion_document_id=PAPER),
            objection(case, whose["objection_id"]),
            ObjectionDismissed(**whose, application_id=case),
            measured("stop_money", application_id=case, unit_id=branch(case), from_on=date(2020, 1, 1)),
            lifted("stop_money", application_id=case, unit_id=branch(case), lifted_on=date(2020, 1, 2)),
        ]
    )


def barred(past: Sequence[Recorded], case: ApplicationId) -> set[str]:
    """Why a case may get no money, by the facts alone: each kind of fact is looked at in its own words."""
    closed: set[str] = set()
    frozen = 0
    for each in past:
        body: Any = each.event
        if getattr(body, "application_id", None) != case:
            continue
        match body:
            case AssessmentDecided(assessment="midterm", effects=effects):
                closed -= {"failed", "held"}
                closed |= {"failed"} if "stop_funds" in effects else set()
                closed |= {"held"} if "hold_funds" in effects else set()
            case RectificationAccepted():
                closed.discard("held")
            case ObjectionReceived():
                closed.add("objection")
            case ObjectionDismissed():
                closed.discard("objection")
            case MeasureDecided():
                closed.add("stopped")
            case MeasureLifted():
                closed.discard("stopped")
            case FundsFrozen() | FundsReleased() | AuthorityReturned() | EntryReversed():
                sides = [(line.debit, line.amount_fen) for line in post(RULES_VERSION, body)]
                sides += [(line.credit, -line.amount_fen) for line in post(RULES_VERSION, body)]
                frozen += sum(fen for account, fen in sides if account.code == "B240")
    return closed | ({"frozen"} if frozen else set())


@settings(max_examples=40, deadline=None)
@given(HISTORIES)
def test_over_any_lawful_history_no_money_goes_to_a_case_whose_gates_are_closed(chance: random.Random) -> None:
    past, known = played(chance, some_turn), set[str]()
    for n, each in enumerate(past.log[len(BASE.log) :], start=len(BASE.log)):
        body = each.event
        if isinstance(body, FundsAllocated | PaymentRequested | PaymentApproved):
            assert barred(past.log[:n], body.application_id) == set(), type(body).__name__
    for case in (FIRST, SECOND):
        known |= barred(past.log, case)
    assert known <= {"failed", "held", "objection", "stopped", "frozen"}


def test_the_ledger_of_a_case_is_that_of_the_whole() -> None:
    """What a command knows of a case is what the whole record says of it."""
    for case in CASES:
        own_books = Ledger()
        for each in STORY.past.log:
            if isinstance(each.event, CaseMoneyFact) and each.event.application_id == case:
                own_books.take(each.event, each.envelope.effective_at, each.position)
        *_, whole = prefixes(STORY.past)
        wanted = [each for each in whole.balances() if each.account.application_id == case]
        assert [each for each in own_books.books.balances() if each.account.application_id == case] == wanted


def test_no_allocation_of_the_story_lacks_its_trace() -> None:
    given_out = [each.event for each in STORY.past.log if isinstance(each.event, FundsAllocated)]
    assert len(given_out) == 10
    assert all(len(body.gates) == 7 for body in given_out)
