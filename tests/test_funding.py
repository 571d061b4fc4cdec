"""Funding: the rule, the programme's own money, and what is given to a case while its gates hold."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from domain.assessment.events import CaseClosedWithoutCompletion, CaseCompleted
from domain.cultivation.events import CultivationStopped
from domain.cultivation.policy import CaseUnknown
from domain.document.policy import DocumentUnknown
from domain.funding.allocation import AllocateFunds, CommitFunds, MatchingNotReceived
from domain.funding.appropriation import (
    AdjustAppropriation,
    CarryUnallocatedForward,
    LapseUnallocated,
    OtherCarryOver,
    RecordAppropriation,
    ReturnUnallocated,
    YearNotCutOff,
)
from domain.funding.case import (
    AmountNotPositive,
    FundingRuleMissing,
    GateClosed,
    MatchingNotReached,
    SourceOfOneCase,
    YearCutOff,
)
from domain.funding.events import (
    AppropriationAdjusted,
    FundsFrozen,
    GateHeld,
    HigherAwardRecorded,
    MatchingPledged,
    MatchingReceived,
    SpendingCategory,
    UnallocatedCarried,
    UnallocatedLapsed,
    UnallocatedReturned,
)
from domain.funding.policy import StageExceeded
from domain.funding.rule import (
    CategoryCapWider,
    CategoryMissing,
    CategoryNotOnForm,
    CategoryTwice,
    CycleWithoutMonths,
    DaysImpossible,
    DefineFundingRule,
    NoDayOfEveryYear,
    RatioBelowCall,
    RatioWithoutBase,
    ShareImpossible,
)
from domain.ids import ApplicationId, BankReference, ProgrammeId, UnitId
from domain.kernel import Event
from domain.programme.events import NotStated
from domain.programme.policy import ProgrammeUnknown, TermNotInterpreted
from domain.publicity.events import ObjectionDismissed
from tests.call import CALL, PAPER, announced, defined, deposited, interpreted
from tests.committee import FIRST, OBJECTION, PUBLICITY, SECOND, objection, turned_back
from tests.consequences import lifted, measured
from tests.money import (
    CUT,
    CUT_ON,
    LATER,
    RATIO,
    START,
    Y21,
    about,
    allocated,
    amount,
    appropriated,
    asked_of,
    books,
    case,
    closed,
    committed,
    decided,
    done,
    gates,
    position,
    rectified,
    rectify,
    rule,
    signed,
    succeeded,
    the_allocation,
    the_appropriation,
    the_programme,
)
from tests.spec import Past, at, given

EARLY, AFTER = at("2020-07-01 10:00"), at("2020-12-25 10:00")
OTHER = ProgrammeId("other")


# --- the rule ---------------------------------------------------------------------------------------------------------


def define(**changes: Any) -> DefineFundingRule:
    return DefineFundingRule(**(asked_of(rule()) | changes))


def the_read_call(*changes: Event) -> Past:
    return given(announced(), *defined(), interpreted("matching_ratio", RATIO), *changes)


def test_a_rule_is_defined_and_defined_anew_for_what_follows() -> None:
    past = the_read_call().when(define()).then(rule())
    past.when(define(carry_over="carry")).then(rule(carry_over="carry"))


def test_months_are_closed_by_the_clock_where_the_rule_says_when() -> None:
    july = {"next_close_on": date(2020, 7, 31), "next_close_at": at("2020-08-11 00:00")}
    past = (
        the_read_call()
        .when(define(close_months_after_days=10), now=START)
        .then(rule(close_months_after_days=10, **july))
    )
    past.when(define(close_months_after_days=10), now=at("2020-09-01 09:00")).then()
    december = {"next_close_on": date(2020, 12, 31), "next_close_at": at("2021-01-01 00:00")}
    closed_november = past.and_(closed(date(2020, 11, 30)))
    closed_november.when(define(close_months_after_days=0), now=AFTER).then(rule(close_months_after_days=0, **december))
    past.when(define(close_months_after_days=-1)).refused(DaysImpossible, field="close_months_after_days", days=-1)


def test_a_cycle_is_closed_by_the_clock_only_where_its_months_are() -> None:
    ends = date(2022, 9, 30)
    the_programme().when(define(cycle_ends_on=ends), now=START).refused(CycleWithoutMonths, cycle_ends_on=ends)
    asked = define(cycle_ends_on=ends, close_months_after_days=3, closes_confirmed=True)
    past = done(the_programme(), asked, START)
    body: Any = past.log[-1].event
    assert (body.cycle_ends_on, body.closes_confirmed) == (ends, True)


def test_the_same_rule_again_changes_nothing() -> None:
    the_read_call(rule()).when(define(gates=("task_book_signed", "matching_reached"))).then()


def test_a_rule_is_for_a_programme_that_was_announced() -> None:
    the_read_call().when(define(programme_id=OTHER)).refused(ProgrammeUnknown, programme_id="other")


def test_the_year_is_cut_off_on_a_day_of_every_year() -> None:
    leap = define(cutoff_month=2, cutoff_day=29)
    the_read_call().when(leap).refused(NoDayOfEveryYear, field="cutoff_day", month=2, day=29)


def test_a_payment_expires_after_some_days() -> None:
    never = define(payment_expires_after_days=0)
    the_read_call().when(never).refused(DaysImpossible, field="payment_expires_after_days", days=0)


@pytest.mark.parametrize(("base", "ratio"), [("none", 10_000), ("higher_award", 0)])
def test_a_ratio_is_of_something_and_something_is_owed_in_a_ratio(base: str, ratio: int) -> None:
    half = define(matching_base=base, matching_ratio_bp=ratio)
    the_read_call().when(half).refused(RatioWithoutBase, field="matching_ratio_bp", ratio_bp=ratio, base=base)


def test_matching_is_no_less_than_the_call_asks_for() -> None:
    less = define(matching_ratio_bp=9_999)
    the_read_call().when(less).refused(RatioBelowCall, stated_bp=10_000, ratio_bp=9_999)
    none = define(matching_base="none", matching_ratio_bp=0)
    the_read_call().when(none).refused(RatioBelowCall, stated_bp=10_000, ratio_bp=0)
    more = define(matching_ratio_bp=15_000)
    the_read_call().when(more).then(rule(matching_ratio_bp=15_000))


def test_a_damaged_ratio_is_read_before_a_rule_rests_on_it() -> None:
    unread = given(announced(), *defined())
    unread.when(define()).refused(TermNotInterpreted, term="matching_ratio")


def test_where_the_call_says_nothing_of_matching_the_rule_may_ask_for_none() -> None:
    none = rule(matching_base="none", matching_ratio_bp=0)
    silent = the_read_call(interpreted("matching_ratio", NotStated()))
    silent.when(define(matching_base="none", matching_ratio_bp=0)).then(none)
    unsaid = given(announced(), *(each for each in defined() if getattr(each, "term", "") != "matching_ratio"))
    unsaid.when(define(matching_base="none", matching_ratio_bp=0)).then(none)


def test_categories_are_those_of_the_forms_each_once() -> None:
    past = the_read_call()
    past.when(define(categories=())).refused(CategoryMissing, field="categories")
    twice = (SpendingCategory("other"), SpendingCategory("other", 1))
    past.when(define(categories=twice)).refused(CategoryTwice, category="other")
    past.when(define(categories=(SpendingCategory("yacht"),))).refused(CategoryNotOnForm, category="yacht")


@pytest.mark.parametrize("share", [0, 10_001])
def test_a_cap_is_a_share_of_the_budget(share: int) -> None:
    capped = define(categories=(SpendingCategory("other", share),))
    the_read_call().when(capped).refused(ShareImpossible, field="categories", share_bp=share)


@pytest.mark.parametrize("share", [None, 2_001])
def test_a_cap_of_the_form_is_not_widened(share: int | None) -> None:
    form = next(each for each in defined() if hasattr(each, "budget_categories"))
    categories = tuple(
        msgspec.structs.replace(each, share_at_most_bp=2_000 if each.code == "other" else None)
        for each in form.budget_categories
    )
    past = the_read_call(msgspec.structs.replace(form, budget_categories=categories))
    wider = define(categories=(SpendingCategory("other", share),))
    past.when(wider).refused(CategoryCapWider, category="other", form_bp=2_000)
    narrow = (SpendingCategory("other", 2_000),)
    past.when(define(categories=narrow)).then(rule(categories=narrow))


def test_another_rule_or_reading_meanwhile_is_a_race_and_another_programme_is_not() -> None:
    asked = the_read_call().when(define())
    asked.meanwhile(rule(carry_over="lapse"), closed(), interpreted("matching_ratio", RATIO)).is_raced()
    asked.meanwhile(rule(programme_id=OTHER), appropriated()).is_undisturbed()


# --- the programme's own money ----------------------------------------------------------------------------------------


def pool(fen: int = 1_000_000, **changes: Any) -> dict[str, Any]:
    return {"programme_id": CALL, **amount(fen)} | changes


def test_an_appropriation_is_recorded_by_source_and_year() -> None:
    appropriate = RecordAppropriation(**pool(5_500_000), document_id=PAPER)
    past = the_programme().when(appropriate, now=START).then(appropriated())
    assert books(past).total("B100", source="budget", year=2020) == 5_500_000
    assert books(past).total("B200", source="budget", year=2020) == 5_500_000


@pytest.mark.parametrize(
    "command",
    [
        RecordAppropriation(**pool(), document_id=PAPER),
        AdjustAppropriation(**pool(), document_id=PAPER, raised=True),
        ReturnUnallocated(**pool()),
        CarryUnallocatedForward(**pool()),
        LapseUnallocated(**pool()),
    ],
    ids=lambda command: type(command).__name__,
)
class TestEveryCommandAboutUnallocatedMoney:
    def changed(self, command: Any, **changes: Any) -> Any:
        return type(command)(**{name: getattr(command, name) for name in ASKED[type(command)]} | changes)

    def test_names_a_programme_an_amount_and_a_source_of_the_programme(self, command: Any) -> None:
        past = the_appropriation()
        unknown = self.changed(command, programme_id=OTHER)
        past.when(unknown, now=AFTER).refused(ProgrammeUnknown, programme_id="other")
        for fen in (0, -1):
            nothing = self.changed(command, amount_fen=fen)
            past.when(nothing, now=AFTER).refused(AmountNotPositive, field="amount_fen", amount_fen=fen)
        matching = self.changed(command, source="school_match")
        past.when(matching, now=AFTER).refused(SourceOfOneCase, source="school_match")

    def test_is_raced_by_what_draws_on_the_same_year_and_by_a_close(self, command: Any) -> None:
        past = the_appropriation()
        asked = past.when(command, now=AFTER)
        asked.meanwhile(allocated(past, application_id=SECOND), appropriated(), closed()).is_raced()
        elsewhere = appropriated(programme_id=OTHER)
        asked.meanwhile(appropriated(year=2021), elsewhere, committed()).is_undisturbed()


ASKED: dict[Any, tuple[str, ...]] = {
    RecordAppropriation: (*pool(), "document_id"),
    AdjustAppropriation: (*pool(), "document_id", "raised"),
    ReturnUnallocated: tuple(pool()),
    CarryUnallocatedForward: tuple(pool()),
    LapseUnallocated: tuple(pool()),
}


@pytest.mark.parametrize("command", [RecordAppropriation, AdjustAppropriation])
def test_an_approval_was_deposited(command: Any) -> None:
    more: dict[str, Any] = {"raised": True} if command is AdjustAppropriation else {}
    unseen = command(**pool(), document_id="f" * 64, **more)
    the_programme().when(unseen, now=START).refused(DocumentUnknown, document_id="f" * 64)


def test_an_appropriation_is_raised_and_lowered_down_to_what_is_unallocated() -> None:
    past = the_allocation()

    def adjust(fen: int, raised: bool) -> AdjustAppropriation:
        return AdjustAppropriation(**pool(fen), document_id=PAPER, raised=raised)

    def adjusted(fen: int, raised: bool) -> AppropriationAdjusted:
        return AppropriationAdjusted(**pool(fen), document_id=PAPER, raised=raised)

    lowered = past.when(adjust(4_500_000, False), now=AFTER).then(adjusted(4_500_000, False))
    assert books(lowered).total("B130") == -4_500_000
    assert books(lowered).total("B200") == 0
    raised = past.when(adjust(100, True), now=AFTER).then(adjusted(100, True))
    assert books(raised).total("B200") == 4_500_100
    too_much = past.when(adjust(4_500_001, False), now=AFTER)
    too_much.refused(StageExceeded, stage="unallocated", account="B200", there_fen=4_500_000, asked_fen=4_500_001)


def test_what_is_allocated_to_no_case_is_returned_and_shown_apart() -> None:
    past = the_appropriation().when(ReturnUnallocated(**pool()), now=AFTER).then(UnallocatedReturned(**pool()))
    assert books(past).total("B250", origin="unallocated") == 1_000_000
    too_much = ReturnUnallocated(**pool(4_500_001))
    past.when(too_much, now=AFTER).refused(StageExceeded, there_fen=4_500_000, asked_fen=4_500_001)


def test_what_is_left_unallocated_is_carried_forward_once_the_year_is_cut_off() -> None:
    carry = CarryUnallocatedForward(**pool())
    the_appropriation().when(carry, now=at("2020-12-20 23:59")).refused(
        YearNotCutOff, year=2020, cutoff_on=CUT_ON, effective_on=CUT_ON
    )
    past = the_appropriation().when(carry, now=CUT).then(UnallocatedCarried(**pool(), to_year=Y21))
    assert books(past).total("B200", year=2021) == books(past).total("B110", year=2021) == 1_000_000
    assert books(past).total("B260", year=2020) == 1_000_000
    the_appropriation(carry_over="lapse").when(carry, now=CUT).refused(OtherCarryOver, carry_over="lapse")
    too_much = CarryUnallocatedForward(**pool(6_000_000))
    the_appropriation().when(too_much, now=CUT).refused(StageExceeded, there_fen=5_500_000, asked_fen=6_000_000)


def test_what_is_left_unallocated_lapses_where_the_rule_says_so() -> None:
    lapse = LapseUnallocated(**pool())
    past = the_appropriation(carry_over="lapse").when(lapse, now=CUT).then(UnallocatedLapsed(**pool()))
    assert books(past).total("B250", origin="unallocated") == 1_000_000
    the_appropriation(carry_over="carry").when(lapse, now=CUT).refused(OtherCarryOver, carry_over="carry")
    the_appropriation().when(lapse, now=START).refused(YearNotCutOff)


@pytest.mark.parametrize("command", [CarryUnallocatedForward, LapseUnallocated])
def test_without_a_rule_no_year_ends(command: Any) -> None:
    past = given(announced(), *defined(), deposited(PAPER), appropriated())
    past.when(command(**pool()), now=CUT).refused(FundingRuleMissing, programme_id=CALL)


# --- allocation -------------------------------------------------------------------------------------------------------


def allocate(fen: int = 1_000_000, **changes: Any) -> AllocateFunds:
    return AllocateFunds(**about(fen, **changes))


def test_money_is_allocated_while_every_gate_holds_and_the_trace_is_recorded() -> None:
    past = the_appropriation()
    after = past.when(allocate(), now=LATER).then(allocated(past))
    assert books(after).total("B200") == 4_500_000
    assert books(after).total("B210", application_id=FIRST) == 1_000_000
    trace = {held.gate: held.position for held in allocated(past).gates}
    assert trace["task_book_signed"] == position(past, type(signed()), FIRST)
    assert len(trace) == 7


def test_no_more_is_allocated_than_was_appropriated() -> None:
    past = the_appropriation(2_500_000)
    past = past.and_(allocated(past, application_id=SECOND), when=LATER)
    past.when(allocate(1_500_001), now=LATER).refused(
        StageExceeded, stage="unallocated", account="B200", source="budget", year=2020, there_fen=1_500_000,
        asked_fen=1_500_001,
    )  # fmt: skip
    dues = allocate(source="dues")
    past.when(dues, now=LATER).refused(StageExceeded, source="dues", there_fen=0, asked_fen=1_000_000)
    next_year = allocate(year=2021)
    past.when(next_year, now=LATER).refused(StageExceeded, year=2021, there_fen=0)


def test_money_is_not_allocated_from_before_it_was_appropriated() -> None:
    past = the_appropriation()
    past.when(allocate(), now=LATER, effective=at("2020-07-02 12:00")).refused(StageExceeded, there_fen=0)


def test_an_earlier_day_does_not_take_what_was_used_since() -> None:
    past = the_appropriation(1_000_000)
    past = past.and_(allocated(past, application_id=SECOND), when=LATER)
    between = at("2020-07-04 10:00")
    past.when(allocate(1), now=AFTER, effective=between).refused(StageExceeded, there_fen=0, asked_fen=1)


def test_two_allocations_of_the_same_money_race_and_another_year_does_not() -> None:
    past = the_appropriation()
    asked = past.when(allocate(), now=LATER)
    asked.meanwhile(allocated(past, application_id=SECOND), rule(), closed(), decided("stop_funds")).is_raced()
    asked.meanwhile(objection(), turned_back(), succeeded(), signed()).is_raced()
    other_year = allocated(past, application_id=SECOND, year=Y21)
    asked.meanwhile(other_year, decided("continue", application_id=SECOND), committed(**case(SECOND))).is_undisturbed()


def test_a_source_of_its_own_does_not_touch_the_programmes_money() -> None:
    past = the_appropriation()
    asked = past.when(allocate(source="upper_grant"), now=LATER)
    asked.meanwhile(appropriated(), allocated(past, application_id=SECOND)).is_undisturbed()


def test_money_goes_to_a_confirmed_case_under_a_rule_in_an_amount() -> None:
    past = the_appropriation()
    nobody = allocate(application_id=ApplicationId("A-9"))
    past.when(nobody, now=LATER).refused(CaseUnknown, application_id="A-9")
    past.when(allocate(0), now=LATER).refused(AmountNotPositive, amount_fen=0)
    past.when(allocate(), now=LATER, effective=EARLY).refused(FundingRuleMissing, effective_on=date(2020, 7, 1))


def test_a_year_that_is_cut_off_gives_nothing_more() -> None:
    past = the_appropriation()
    past.when(allocate(), now=CUT).refused(
        YearCutOff, source="budget", year=2020, cutoff_on=CUT_ON, asked_fen=1_000_000, effective_on=date(2020, 12, 21)
    )
    past.when(allocate(), now=at("2020-12-20 23:59")).then(allocated(past))


def test_the_successor_bears_the_money() -> None:
    past = the_appropriation().and_(succeeded())
    past.when(allocate(), now=LATER).then(allocated(past, unit_id=UnitId("BR-9")))


def unsigned() -> Past:
    signing = type(signed())
    return Past([each for each in the_appropriation().log if not isinstance(each.event, signing)])


def test_no_money_before_the_task_book_is_signed() -> None:
    unsigned().when(allocate(), now=LATER).refused(GateClosed, gate="task_book_signed", position=0, asked_fen=1_000_000)


def test_a_programme_without_task_books_asks_for_none() -> None:
    past = unsigned().and_(rule(gates=()), when=START)
    trace = tuple(held for held in gates_without_signing(past) if held.gate != "task_book_signed")
    past.when(allocate(), now=LATER).then(allocated_with(past, trace))


def gates_without_signing(past: Past) -> tuple[GateHeld, ...]:
    running = position(past, type(case_confirmed()), FIRST)
    return (
        GateHeld("case_running", running), GateHeld("assessment_not_failed", 0), GateHeld("no_open_objection", 0),
        GateHeld("not_stopped", 0), GateHeld("no_freeze", 0),
    )  # fmt: skip


def case_confirmed() -> Any:
    return next(each.event for each in the_programme().log if type(each.event).__name__ == "SelectionConfirmed")


def allocated_with(past: Past, trace: tuple[GateHeld, ...], **changes: Any) -> Any:
    signing = the_appropriation()
    return allocated(signing, gates=trace, rule_position=position(past, type(rule())), **changes)


@pytest.mark.parametrize(
    "end",
    [
        turned_back(),
        CultivationStopped(**case(), ground="withdrawn", decision_document_id=PAPER),
        CaseCompleted(**case(), completed_on=date(2022, 6, 30), early=False),
        CaseClosedWithoutCompletion(**case(), closed_on=date(2022, 6, 30), ground="failed"),
    ],
    ids=lambda body: type(body).__name__,
)
def test_no_money_to_a_case_that_has_ended(end: Event) -> None:
    past = the_appropriation().and_(end)
    past.when(allocate(), now=LATER).refused(GateClosed, gate="case_running", position=len(past.log))


@pytest.mark.parametrize("effects", [("stop_funds",), ("no_completion",)])
def test_no_money_to_a_case_that_failed_until_another_decision(effects: tuple[str, ...]) -> None:
    past = the_appropriation().and_(decided(*effects))
    past.when(allocate(), now=LATER).refused(GateClosed, gate="assessment_not_failed", position=len(past.log))
    again = past.and_(decided("continue"))
    trace = gates(again, assessment_not_failed=len(again.log))
    again.when(allocate(), now=LATER).then(allocated(again, gates=trace))


def test_no_money_while_an_objection_is_open() -> None:
    past = the_appropriation().and_(objection())
    past.when(allocate(), now=LATER).refused(GateClosed, gate="no_open_objection", position=len(past.log))
    whose: dict[str, Any] = {"objection_id": OBJECTION, "publicity_id": PUBLICITY, "application_id": FIRST}
    settled = past.and_(ObjectionDismissed(**whose))
    settled.when(allocate(), now=LATER).then(allocated(settled))


def test_no_money_while_it_is_held_for_rectification() -> None:
    past = the_appropriation().and_(decided("rectify", "hold_funds"))
    past.when(allocate(), now=LATER).refused(GateClosed, gate="no_freeze", position=len(past.log))
    ordered = the_appropriation().and_(rectify())
    ordered.when(allocate(), now=LATER).refused(GateClosed, gate="no_freeze", position=len(ordered.log))
    accepted = ordered.and_(rectified())
    accepted.when(allocate(), now=LATER).then(allocated(accepted))
    free = the_appropriation().and_(rectify(holds_funds=False))
    free.when(allocate(), now=LATER).then(allocated(free))


def test_what_one_assessment_stops_or_holds_another_does_not_release() -> None:
    for effects, gate in ((("stop_funds",), "assessment_not_failed"), (("rectify", "hold_funds"), "no_freeze")):
        past = the_appropriation().and_(decided(*effects))
        other = past.and_(decided("continue", assessment="spot_check"))
        other.when(allocate(), now=LATER).refused(GateClosed, gate=gate, position=len(past.log))
    of_another = msgspec.structs.replace(rectified(), assessment="spot_check")
    still = the_appropriation().and_(rectify(), of_another)
    still.when(allocate(), now=LATER).refused(GateClosed, gate="no_freeze", position=len(still.log) - 1)


def test_no_money_while_any_of_it_is_frozen() -> None:
    past = the_allocation().and_(FundsFrozen(**case(), **amount(1), stage="allocated", ground="audit"), when=LATER)
    past.when(allocate(), now=LATER).refused(GateClosed, gate="no_freeze", position=len(past.log))


# --- measures of accountability ---------------------------------------------------------------------------------------

SINCE: dict[str, Any] = {"from_on": date(2020, 7, 1)}


@pytest.mark.parametrize(
    "measure",
    [measured("stop_money", **SINCE), measured("bar", **SINCE), measured("stop_money", **SINCE, application_id=None)],
    ids=["money stopped", "case barred", "money of the unit stopped"],
)
def test_no_money_while_a_measure_stops_it(measure: Event) -> None:
    past = the_appropriation().and_(measure)
    past.when(allocate(), now=LATER).refused(GateClosed, gate="not_stopped", position=len(past.log))
    told = measure.as_dict()
    ended = past.and_(lifted(told["kind"], lifted_on=date(2020, 7, 5), application_id=told["application_id"]))
    ended.when(allocate(), now=LATER).then(allocated(ended))


@pytest.mark.parametrize(
    "measure",
    [
        measured("stop_money", **SINCE, application_id=SECOND),
        measured("bar", **SINCE, application_id=None),
        measured("circular", **SINCE),
        measured("stop_money", from_on=date(2020, 8, 1)),
        measured("stop_money", **SINCE, until_on=date(2020, 7, 5)),
    ],
    ids=["another case", "the unit barred later on", "only a circular", "not yet", "no longer"],
)
def test_a_measure_that_is_about_something_else_or_another_time_stops_nothing(measure: Event) -> None:
    past = the_appropriation().and_(measure)
    past.when(allocate(), now=LATER).then(allocated(past))


def test_an_earlier_day_is_no_way_around_a_measure_nor_is_today_around_one_that_has_ended() -> None:
    past = the_appropriation().and_(measured("stop_money", from_on=date(2020, 7, 6)))
    past.when(allocate(), now=LATER, effective=START).refused(GateClosed, gate="not_stopped", position=len(past.log))
    over = the_appropriation().and_(measured("stop_money", **SINCE, until_on=date(2020, 7, 5)))
    over.when(allocate(), now=LATER, effective=START).refused(GateClosed, gate="not_stopped", position=len(over.log))


def test_a_measure_against_the_case_or_its_unit_is_a_race_and_one_against_others_is_not() -> None:
    past = the_appropriation()
    elsewhere = measured("stop_money", application_id=SECOND, unit_id=UnitId("BR-2"))
    own = measured("stop_money", unit_id=None)
    past.when(allocate(), now=LATER).meanwhile(own, measured("stop_money", application_id=None)).is_raced()
    past.when(allocate(), now=LATER).meanwhile(elsewhere).is_undisturbed()
    borne = past.and_(succeeded())
    borne.when(allocate(), now=LATER).meanwhile(measured("stop_money", unit_id=UnitId("BR-9"))).is_raced()


# --- matching -------------------------------------------------------------------------------------------------------


def award(fen: int = 2_000_000) -> HigherAwardRecorded:
    return HigherAwardRecorded(
        **case(), **amount(fen, source="upper_grant"), level="provincial", matching_due_fen=fen, document_id=PAPER
    )


def pledge(fen: int = 2_000_000) -> MatchingPledged:
    return MatchingPledged(**case(), **amount(fen, source="school_match"), document_id=PAPER)


def receipt(fen: int = 2_000_000) -> MatchingReceived:
    return MatchingReceived(**case(), **amount(fen, source="school_match"), bank_reference=BankReference("M1"))


def test_a_grant_is_released_once_it_is_matched() -> None:
    past = the_appropriation().and_(award(), pledge(), receipt(1_999_999), when=START)
    grant = allocate(2_000_000, source="upper_grant")
    past.when(grant, now=LATER).refused(
        MatchingNotReached, needed_fen=2_000_000, there_fen=1_999_999, asked_fen=2_000_000
    )
    enough = past.and_(receipt(1), when=START)
    trace = gates(enough, matching_reached=len(enough.log))
    enough.when(grant, now=LATER).then(allocated(enough, 2_000_000, source="upper_grant", gates=trace))


def test_the_programmes_own_money_does_not_wait_for_the_matching_of_a_grant() -> None:
    past = the_appropriation().and_(award(), when=START)
    past.when(allocate(), now=LATER).then(allocated(past))


def test_where_each_allocation_is_matched_the_ratio_counts_what_is_asked() -> None:
    past = the_appropriation(matching_base="allocation", matching_ratio_bp=15_000).and_(
        pledge(), receipt(1_500_000), when=START
    )
    past.when(allocate(1_000_001), now=LATER).refused(
        MatchingNotReached, needed_fen=1_500_002, there_fen=1_500_000, asked_fen=1_000_001
    )
    trace = gates(past, matching_reached=len(past.log))
    after = past.when(allocate(), now=LATER).then(allocated(past, gates=trace))
    after.when(allocate(1), now=LATER).refused(MatchingNotReached, needed_fen=1_500_002, there_fen=1_500_000)


def test_matching_money_is_allocated_as_far_as_it_came_in() -> None:
    past = the_appropriation().and_(award(), pledge(), receipt(1_200_000), when=START)
    match = allocate(1_200_000, source="school_match")
    after = past.when(match, now=LATER).then(allocated(past, 1_200_000, source="school_match"))
    after.when(allocate(1, source="school_match"), now=LATER).refused(
        MatchingNotReceived, source="school_match", there_fen=0, asked_fen=1
    )


# --- commitment -------------------------------------------------------------------------------------------------------


def test_allocated_money_is_committed() -> None:
    past = the_allocation().when(CommitFunds(**about()), now=LATER).then(committed())
    assert books(past).total("B220") == 1_000_000
    past.when(CommitFunds(**about(1)), now=LATER).refused(
        StageExceeded, stage="allocated", account="B210", there_fen=0, asked_fen=1
    )


def test_nothing_is_committed_after_the_cut_off() -> None:
    the_allocation().when(CommitFunds(**about()), now=CUT).refused(YearCutOff, cutoff_on=CUT_ON, asked_fen=1_000_000)


def test_a_commitment_is_raced_by_the_case_alone() -> None:
    past = the_allocation()
    asked = past.when(CommitFunds(**about()), now=LATER)
    asked.meanwhile(committed(), closed(), succeeded()).is_raced()
    neighbour = committed(**case(SECOND))
    asked.meanwhile(neighbour, appropriated(), allocated(past, application_id=SECOND), rule()).is_undisturbed()


def test_a_case_that_is_not_on_record_commits_nothing() -> None:
    nobody = CommitFunds(**about(application_id=ApplicationId("A-9")))
    the_allocation().when(nobody, now=LATER).refused(CaseUnknown, application_id="A-9")
