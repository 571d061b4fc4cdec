"""What was spent, and what comes back: accounted for, disallowed, frozen, returned, recovered, carried on, reversed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.document.policy import DocumentUnknown
from domain.funding.allocation import MatchingNotReceived
from domain.funding.appropriation import OtherCarryOver, YearNotCutOff
from domain.funding.case import AmountNotPositive, BankReferenceUsed, SourceOfProgramme, YearCutOff
from domain.funding.correction import EntryUnknown, NotReversible, ReversedAlready, ReverseEntry
from domain.funding.events import (
    AuthorityReturned,
    CarriedForward,
    EntryReversed,
    ExpenditureAccounted,
    ExpenditureDisallowed,
    FundsFrozen,
    FundsLapsed,
    FundsReleased,
    FundsReturned,
    HigherAwardRecorded,
    MatchingPledged,
    MatchingReceived,
    PaymentPosted,
    RecoveryOrdered,
    RecoveryReceived,
    UnallocatedCarried,
)
from domain.funding.hold import FreezeFunds, OriginMissing, ReleaseFunds, ReturnAuthority
from domain.funding.matching import (
    MoreThanPledged,
    PledgeMatching,
    RecordHigherAward,
    RecordMatching,
    SourceNotMatching,
)
from domain.funding.payment import PostPayment
from domain.funding.policy import RULES_VERSION, StageExceeded, mirrored, post
from domain.funding.recovery import (
    CategoryOfAccounted,
    OrderRecovery,
    RecordRecovery,
    RecoveryIdUsed,
    RecoveryUnknown,
    ReturnFunds,
)
from domain.funding.spending import (
    AccountForExpenditure,
    BudgetNotBinding,
    CategoryCapExceeded,
    CategoryNotAllowed,
    DisallowExpenditure,
)
from domain.funding.yearend import CarryForward, LapseFunds, NothingLeft, StageMissing
from domain.ids import BankReference, DocumentId, RecoveryId
from domain.kernel import Command
from domain.programme.policy import ProgrammeUnknown
from tests.call import CALL, PAPER
from tests.committee import FIRST, SECOND
from tests.money import (
    BANK,
    CUT,
    CUT_ON,
    LATER,
    NEXT,
    PAYMENT,
    START,
    Y20,
    Y21,
    about,
    allocated,
    amount,
    appropriated,
    books,
    case,
    closed,
    committed,
    position,
    posted,
    requested,
    rule,
    signed,
    succeeded,
    the_allocation,
    the_appropriation,
    the_commitment,
    the_payment,
)
from tests.spec import Past, at

SOON = at("2020-09-01 10:00")
AFTER = at("2020-12-25 10:00")
NEXT_CUT, NEXT_CUT_ON = at("2021-12-21 00:00"), date(2021, 12, 20)
RECOVERY = RecoveryId("REC-1")
UNSEEN = DocumentId("f" * 64)
YEAR: dict[str, Any] = {"application_id": FIRST, "source": "budget", "year": Y20}


def account_for(fen: int = 300_000, category: str = "training", **changes: Any) -> AccountForExpenditure:
    return AccountForExpenditure(**(about(fen) | {"category": category, "evidence_document_id": PAPER} | changes))


def accounted(past: Past, fen: int = 300_000, category: str = "training", **changes: Any) -> ExpenditureAccounted:
    fields: dict[str, Any] = {
        "category": category,
        "evidence_document_id": PAPER,
        "rule_position": position(past, type(rule())),
    }
    return ExpenditureAccounted(**(case() | amount(fen) | fields | changes))


def the_expenditure(fen: int = 300_000, **changes: Any) -> Past:
    past = the_payment(**changes)
    return past.and_(accounted(past, fen), when=SOON)


# --- accounted for ----------------------------------------------------------------------------------------------------


def test_paid_money_is_accounted_for_with_its_evidence() -> None:
    past = the_payment()
    after = past.when(account_for(), now=SOON).then(accounted(past))
    assert (books(after).total("B230"), books(after).total("B235")) == (700_000, 300_000)
    after.when(account_for(700_001), now=SOON).refused(
        StageExceeded, stage="paid_out", account="B230", there_fen=700_000, asked_fen=700_001
    )


def test_the_spending_rules_name_the_categories() -> None:
    the_payment().when(account_for(category="yacht"), now=SOON).refused(
        CategoryNotAllowed, category="yacht", asked_fen=300_000, known="other, training"
    )


def test_the_evidence_was_deposited() -> None:
    the_payment().when(account_for(evidence_document_id=UNSEEN), now=SOON).refused(DocumentUnknown, document_id=UNSEEN)


def test_a_category_is_capped_at_a_share_of_the_binding_budget() -> None:
    past = the_payment()
    past = past.and_(accounted(past, 150_000, "other"), when=SOON)
    past.when(account_for(50_001, "other"), now=SOON).refused(
        CategoryCapExceeded, category="other", cap_fen=200_000, spent_fen=150_000, asked_fen=50_001
    )
    past.when(account_for(50_000, "other"), now=SOON).then(accounted(past, 50_000, "other"))


def test_where_the_budget_binds_no_category_takes_more_than_it() -> None:
    past = the_payment(budget_binds=True, categories=rule().categories)
    past.when(account_for(200_001, "other"), now=SOON).refused(CategoryCapExceeded, cap_fen=200_000)
    unbound = the_payment(budget_binds=True, categories=(rule().categories[0],))
    unbound.when(account_for(1_000_000), now=SOON).then(accounted(unbound, 1_000_000))


def test_without_a_signed_budget_nothing_that_is_capped_is_accounted_for() -> None:
    past = the_payment()
    unsigned = Past([each for each in past.log if not isinstance(each.event, type(signed()))])
    unsigned.when(account_for(1, "other"), now=SOON).refused(BudgetNotBinding, application_id=FIRST, asked_fen=1)
    unsigned.when(account_for(1), now=SOON).then(accounted(unsigned, 1))


def test_other_money_does_not_count_against_the_caps_of_the_programmes() -> None:
    past = the_match()
    for kind in (allocated(past, 500_000, source="school_match"), committed(500_000, source="school_match")):
        past = past.and_(kind, when=LATER)
    past = past.and_(*by_bank(past, 500_000), when=LATER)
    match = account_for(400_000, "other", source="school_match")
    past.when(match, now=SOON).then(accounted(past, 400_000, "other", source="school_match"))


def test_nothing_of_a_year_is_accounted_for_once_it_is_cut_off() -> None:
    the_payment().when(account_for(), now=CUT).refused(YearCutOff, year=2020, asked_fen=300_000)
    the_payment().when(account_for(0), now=SOON).refused(AmountNotPositive)


def test_an_expenditure_races_with_the_case_alone() -> None:
    past = the_payment()
    asked = past.when(account_for(), now=SOON)
    asked.meanwhile(accounted(past), signed(), rule(), closed(), succeeded()).is_raced()
    asked.meanwhile(accounted(past, **case(SECOND)), signed(SECOND), appropriated()).is_undisturbed()


def test_what_is_disallowed_is_in_the_hands_of_the_unit_again() -> None:
    disallow = DisallowExpenditure(**about(100_000), category="training", ground="no_evidence")
    disallowed = ExpenditureDisallowed(**case(), **amount(100_000), category="training", ground="no_evidence")
    past = the_expenditure().when(disallow, now=SOON).then(disallowed)
    assert (books(past).total("B230"), books(past).total("B235")) == (800_000, 200_000)
    past.when(DisallowExpenditure(**about(200_001), category="training", ground="x"), now=SOON).refused(
        StageExceeded, stage="accounted_for", account="B235", there_fen=200_000, asked_fen=200_001
    )
    past.when(DisallowExpenditure(**about(1), category="other", ground="x"), now=SOON).refused(
        StageExceeded, there_fen=0
    )
    asked = the_expenditure().when(disallow, now=SOON)
    asked.meanwhile(disallowed).is_raced()
    asked.meanwhile(rule(), signed()).is_undisturbed()


# --- frozen and released ----------------------------------------------------------------------------------------------


def freeze(fen: int = 400_000, stage: Any = "allocated", **changes: Any) -> FreezeFunds:
    return FreezeFunds(**(about(fen) | {"stage": stage, "ground": "rectification"} | changes))


def frozen(fen: int = 400_000, stage: Any = "allocated", **changes: Any) -> FundsFrozen:
    return FundsFrozen(**(case() | amount(fen) | {"stage": stage, "ground": "rectification"} | changes))


def release(fen: int = 400_000, stage: Any = "allocated", **changes: Any) -> ReleaseFunds:
    return ReleaseFunds(**(about(fen) | {"stage": stage} | changes))


def released(fen: int = 400_000, stage: Any = "allocated", **changes: Any) -> FundsReleased:
    return FundsReleased(**(case() | amount(fen) | {"stage": stage} | changes))


@pytest.mark.parametrize(
    ("past", "stage", "account"),
    [(the_appropriation(), "unallocated", "B200"), (the_allocation(), "allocated", "B210"),
     (the_commitment(), "committed", "B220")],
    ids=["unallocated", "allocated", "committed"],
)  # fmt: skip
def test_money_is_frozen_where_it_is_and_released_to_where_it_came_from(past: Past, stage: Any, account: Any) -> None:
    before = books(past).total(account)
    held = past.when(freeze(stage=stage), now=SOON).then(frozen(stage=stage))
    assert books(held).total("B240", application_id=FIRST, origin=stage) == 400_000
    assert books(held).total(account) == before - 400_000
    held.when(freeze(before - 399_999, stage), now=SOON).refused(
        StageExceeded, stage=stage, account=account, there_fen=before - 400_000, asked_fen=before - 399_999
    )
    free = held.when(release(stage=stage), now=AFTER).then(released(stage=stage))
    assert (books(free).total("B240"), books(free).total(account)) == (0, before)
    for other in {"unallocated", "allocated", "committed"} - {stage}:
        held.when(release(stage=other), now=AFTER).refused(StageExceeded, stage="frozen", there_fen=0)
    held.when(release(400_001, stage), now=AFTER).refused(StageExceeded, there_fen=400_000, asked_fen=400_001)


def test_what_is_frozen_at_the_office_is_not_allocated_to_another() -> None:
    past = the_appropriation(1_000_000).and_(frozen(stage="unallocated"), when=START)
    asked = past.when(freeze(600_001, "unallocated", application_id=SECOND), now=LATER)
    asked.refused(StageExceeded, stage="unallocated", there_fen=600_000, asked_fen=600_001)


def test_a_freeze_at_the_office_races_with_allocations_and_one_at_the_case_does_not() -> None:
    past = the_allocation()
    other = allocated(past, application_id=SECOND)
    past.when(freeze(stage="unallocated"), now=LATER).meanwhile(other, appropriated()).is_raced()
    past.when(freeze(), now=LATER).meanwhile(committed(), closed()).is_raced()
    past.when(freeze(), now=LATER).meanwhile(other, appropriated(), committed(**case(SECOND))).is_undisturbed()
    held = past.and_(frozen(), when=LATER)
    held.when(release(), now=LATER).meanwhile(released(), closed()).is_raced()
    held.when(release(), now=LATER).meanwhile(other, released(**case(SECOND))).is_undisturbed()


# --- authority returned ---------------------------------------------------------------------------------------------


def give_back(fen: int = 400_000, stage: Any = "allocated", **changes: Any) -> ReturnAuthority:
    return ReturnAuthority(**(about(fen) | {"stage": stage} | changes))


def given_back(fen: int = 400_000, stage: Any = "allocated", **changes: Any) -> AuthorityReturned:
    return AuthorityReturned(**(case() | amount(fen) | {"stage": stage} | changes))


def test_authority_that_was_not_paid_is_returned() -> None:
    past = the_allocation().when(give_back(), now=SOON).then(given_back())
    assert books(past).total("B250", origin=None) == 400_000
    past.when(give_back(600_001), now=SOON).refused(
        StageExceeded, stage="allocated", there_fen=600_000, asked_fen=600_001
    )


def test_what_was_frozen_before_it_was_allocated_is_shown_apart_when_it_is_returned() -> None:
    past = the_appropriation().and_(frozen(stage="unallocated"), when=START)
    back: dict[str, Any] = {"stage": "frozen", "origin": "unallocated"}
    after = past.when(give_back(**back), now=SOON).then(given_back(**back))
    assert books(after).total("B250", origin="unallocated") == 400_000
    held = the_allocation().and_(frozen(), when=LATER)
    own: dict[str, Any] = {"stage": "frozen", "origin": "allocated"}
    assert books(held.when(give_back(**own), now=SOON).then(given_back(**own))).total("B250", origin=None) == 400_000


def test_what_is_returned_frozen_names_where_it_was_frozen() -> None:
    past = the_allocation()
    past.when(give_back(stage="frozen"), now=SOON).refused(OriginMissing, field="origin", asked_fen=400_000)
    past.when(give_back(origin="allocated"), now=SOON).refused(OriginMissing, asked_fen=400_000)


def test_what_is_unallocated_of_the_programme_is_not_the_cases_to_return() -> None:
    the_allocation().when(give_back(stage="unallocated"), now=SOON).refused(SourceOfProgramme, source="budget")
    match: dict[str, Any] = {"stage": "unallocated", "source": "school_match"}
    the_match().when(give_back(**match), now=SOON).then(given_back(**match))


def test_a_return_of_authority_races_with_the_case_alone() -> None:
    past = the_allocation()
    past.when(give_back(), now=SOON).meanwhile(committed(), given_back(), closed()).is_raced()
    past.when(give_back(), now=SOON).meanwhile(given_back(**case(SECOND)), appropriated()).is_undisturbed()


# --- returned and recovered -----------------------------------------------------------------------------------------


def give_money_back(fen: int = 700_000, bank: str = "R1") -> ReturnFunds:
    return ReturnFunds(**about(fen), bank_reference=BankReference(bank))


def returned(fen: int = 700_000, bank: str = "R1", **changes: Any) -> FundsReturned:
    return FundsReturned(**(case() | amount(fen) | {"bank_reference": BankReference(bank)} | changes))


def test_what_was_not_spent_comes_back() -> None:
    past = the_expenditure().when(give_money_back(), now=AFTER).then(returned())
    held = books(past)
    assert (held.total("B230"), held.total("B250"), held.total("F5501")) == (0, 700_000, 300_000)
    the_expenditure().when(give_money_back(700_001), now=AFTER).refused(
        StageExceeded, stage="paid_out", there_fen=700_000, asked_fen=700_001
    )
    past.when(give_money_back(1), now=AFTER).refused(BankReferenceUsed, position=len(past.log), asked_fen=1)
    asked = the_expenditure().when(give_money_back(), now=AFTER)
    asked.meanwhile(returned(), returned(1, **case(SECOND)), closed()).is_raced()
    asked.meanwhile(returned(1, "R2", **case(SECOND)), rule()).is_undisturbed()


def order(fen: int = 200_000, stage: Any = "paid_out", **changes: Any) -> OrderRecovery:
    fields: dict[str, Any] = {
        "recovery_id": RECOVERY,
        "stage": stage,
        "ground": "failed",
        "decision_document_id": PAPER,
    }
    return OrderRecovery(**(about(fen) | fields | changes))


def ordered(fen: int = 200_000, stage: Any = "paid_out", **changes: Any) -> RecoveryOrdered:
    fields: dict[str, Any] = {
        "recovery_id": RECOVERY,
        "stage": stage,
        "ground": "failed",
        "decision_document_id": PAPER,
    }
    return RecoveryOrdered(**(case() | amount(fen) | fields | changes))


def receive(fen: int = 200_000, bank: str = "R1") -> RecordRecovery:
    return RecordRecovery(
        application_id=FIRST, recovery_id=RECOVERY, amount_fen=fen, bank_reference=BankReference(bank)
    )


def received(fen: int = 200_000, bank: str = "R1") -> RecoveryReceived:
    return RecoveryReceived(**case(), **amount(fen), recovery_id=RECOVERY, bank_reference=BankReference(bank))


def test_what_is_claimed_back_is_used_for_nothing_else() -> None:
    past = the_expenditure().when(order(), now=AFTER).then(ordered())
    assert books(past).total("F1218", recovery_id=RECOVERY) == 200_000
    for command in (account_for(500_001), give_money_back(500_001)):
        past.when(command, now=SOON).refused(StageExceeded, stage="paid_out", there_fen=500_000, asked_fen=500_001)
    again = order(500_001, recovery_id=RecoveryId("REC-2"))
    past.when(again, now=AFTER).refused(StageExceeded, stage="paid_out", there_fen=500_000, asked_fen=500_001)


def test_money_already_accounted_for_is_recovered_too() -> None:
    spent: dict[str, Any] = {"stage": "accounted_for", "category": "training"}
    past = the_expenditure().when(order(250_000, **spent), now=AFTER).then(ordered(250_000, **spent))
    held = books(past)
    assert (held.total("B230"), held.total("B235"), held.total("F1218")) == (950_000, 50_000, 250_000)
    part = past.when(receive(100_000), now=AFTER).then(received(100_000))
    rest = part.when(receive(150_000, "R2"), now=AFTER).then(received(150_000, "R2"))
    held = books(rest)
    assert (held.total("F1218"), held.total("B250"), held.total("B230")) == (0, 250_000, 700_000)
    rest.when(receive(1, "R3"), now=AFTER).refused(
        StageExceeded, stage="recovery_receivable", account="F1218", there_fen=0, asked_fen=1
    )
    past.when(order(50_001, recovery_id=RecoveryId("REC-2"), **spent), now=AFTER).refused(
        StageExceeded, stage="accounted_for", there_fen=50_000, asked_fen=50_001
    )


def test_an_order_names_what_it_is_about_once_and_its_decision() -> None:
    past = the_expenditure()
    past.when(order(category="training"), now=AFTER).refused(CategoryOfAccounted, asked_fen=200_000)
    past.when(order(stage="accounted_for"), now=AFTER).refused(CategoryOfAccounted, field="category")
    past.when(order(decision_document_id=UNSEEN), now=AFTER).refused(DocumentUnknown, document_id=UNSEEN)
    own = past.and_(ordered(1), when=SOON)
    own.when(order(), now=AFTER).refused(RecoveryIdUsed, recovery_id=RECOVERY)
    elsewhere = past.and_(ordered(1, **case(SECOND)), when=SOON)
    elsewhere.when(order(), now=AFTER).refused(RecoveryIdUsed, recovery_id=RECOVERY)


def test_what_comes_in_was_ordered_and_not_struck_since() -> None:
    the_expenditure().when(receive(), now=AFTER).refused(RecoveryUnknown, application_id=FIRST, recovery_id=RECOVERY)
    past = the_expenditure().and_(ordered(), when=SOON)
    past.when(receive(0), now=AFTER).refused(AmountNotPositive)
    undone = past.and_(reversed_(past), when=SOON)
    undone.when(receive(), now=AFTER).refused(RecoveryUnknown)
    used = past.and_(returned(1, "R1"), when=SOON)
    used.when(receive(), now=AFTER).refused(BankReferenceUsed, asked_fen=200_000)


def test_orders_and_receipts_race_with_the_case_alone() -> None:
    past = the_expenditure().and_(ordered(), when=SOON)
    other = order(recovery_id=RecoveryId("REC-2"))
    taken = ordered(1, recovery_id=RecoveryId("REC-2"), **case(SECOND))
    past.when(other, now=AFTER).meanwhile(returned(), taken, closed()).is_raced()
    past.when(other, now=AFTER).meanwhile(ordered(1, **case(SECOND)), rule()).is_undisturbed()
    past.when(receive(), now=AFTER).meanwhile(received(), returned(1, "R1", **case(SECOND))).is_raced()
    past.when(receive(), now=AFTER).meanwhile(ordered(1, **case(SECOND)), rule()).is_undisturbed()


# --- the end of a year ------------------------------------------------------------------------------------------------


def carry(**changes: Any) -> CarryForward:
    return CarryForward(**(YEAR | changes))


def carried(fen: int = 700_000, stage: Any = "paid_out", **changes: Any) -> CarriedForward:
    fields: dict[str, Any] = {
        "stage": stage,
        "to_year": Y21,
        "carry_over": "decide",
        "cutoff_at": NEXT_CUT,
        "cutoff_on": NEXT_CUT_ON,
    }
    return CarriedForward(**(case() | amount(fen) | fields | changes))


def lapse(**changes: Any) -> LapseFunds:
    return LapseFunds(**(YEAR | changes))


def test_what_is_left_goes_into_the_next_year_to_the_stage_it_left() -> None:
    past = the_expenditure().when(carry(), now=AFTER).then(carried())
    held = books(past)
    assert held.total("B260", year=2020) == held.total("B230", year=2021) == held.total("B110", year=2021) == 700_000
    assert held.allocated == {(FIRST, "budget"): 1_000_000}
    used = past.when(account_for(700_000, year=Y21), now=at("2021-03-01 10:00"))
    used.then(accounted(past, 700_000, year=Y21))
    past.when(account_for(1, year=Y21), now=NEXT_CUT).refused(YearCutOff, year=2021, cutoff_on=NEXT_CUT_ON)


def test_every_stage_is_carried_as_it_stands_and_what_is_claimed_stays() -> None:
    past = the_payment(600_000).and_(ordered(), when=SOON)
    past.when(carry(), now=AFTER).then(carried(400_000, "committed"), carried(400_000))


def test_part_of_it_is_carried_from_a_stage_that_is_named() -> None:
    past = the_expenditure()
    past.when(carry(stage="paid_out", amount_fen=100_000), now=AFTER).then(carried(100_000))
    past.when(carry(stage="paid_out", amount_fen=700_001), now=AFTER).refused(
        StageExceeded, stage="paid_out", there_fen=700_000, asked_fen=700_001
    )
    past.when(carry(amount_fen=1), now=AFTER).refused(StageMissing, field="stage", asked_fen=1)
    past.when(carry(stage="paid_out", amount_fen=0), now=AFTER).refused(AmountNotPositive)
    past.when(carry(stage="unallocated", amount_fen=1), now=AFTER).refused(SourceOfProgramme, source="budget")


def test_unspent_authority_is_carried_from_every_stage() -> None:
    past = the_allocation().and_(committed(400_000), when=LATER)
    past.when(carry(), now=AFTER).then(carried(600_000, "allocated"), carried(400_000, "committed"))
    past.when(carry(stage="committed"), now=AFTER).then(carried(400_000, "committed"))


def test_a_source_of_its_own_is_carried_unallocated_as_well() -> None:
    past = the_match()
    whole = carried(2_000_000, "unallocated", source="school_match")
    past.when(carry(source="school_match"), now=AFTER).then(whole)


def test_the_year_ends_when_it_is_cut_off_and_as_the_rule_says() -> None:
    before = at("2020-12-20 23:59")
    the_expenditure().when(carry(), now=before).refused(YearNotCutOff, year=2020, cutoff_on=CUT_ON, effective_on=CUT_ON)
    the_expenditure(carry_over="lapse").when(carry(), now=AFTER).refused(OtherCarryOver, carry_over="lapse")
    the_allocation(carry_over="carry").when(lapse(), now=AFTER).refused(OtherCarryOver, carry_over="carry")
    the_allocation().when(lapse(), now=before).refused(YearNotCutOff)


def test_where_nothing_is_left_nothing_is_carried_or_lapses() -> None:
    past = the_expenditure().and_(returned(), when=SOON)
    past.when(carry(), now=AFTER).refused(NothingLeft, source="budget", year=2020, there_fen=0)
    past.when(carry(stage="committed"), now=AFTER).refused(NothingLeft, stages="committed")
    past.when(lapse(), now=AFTER).refused(NothingLeft, there_fen=0)


def test_authority_lapses_and_what_was_paid_does_not() -> None:
    past = the_commitment(1_000_000).and_(appropriated(), when=START)
    past = past.and_(allocated(past, 200_000), when=LATER)

    def lapsed(fen: int, stage: Any) -> FundsLapsed:
        return FundsLapsed(**case(), **amount(fen), stage=stage)

    after = past.when(lapse(), now=AFTER).then(lapsed(200_000, "allocated"), lapsed(1_000_000, "committed"))
    held = books(after)
    assert (held.total("B250", origin=None), held.total("B210"), held.total("B220")) == (1_200_000, 0, 0)
    the_payment().when(lapse(), now=AFTER).refused(NothingLeft)
    match = the_match().when(lapse(source="school_match"), now=AFTER)
    match.then(FundsLapsed(**case(), **amount(2_000_000, source="school_match"), stage="unallocated"))


@pytest.mark.parametrize("command", [carry(), lapse()], ids=lambda command: type(command).__name__)
def test_the_end_of_a_year_races_with_the_case_alone(command: Command) -> None:
    past = the_commitment()
    past.when(command, now=AFTER).meanwhile(committed(), rule(), closed(), carried()).is_raced()
    past.when(command, now=AFTER).meanwhile(carried(**case(SECOND)), appropriated()).is_undisturbed()


# --- reversal ---------------------------------------------------------------------------------------------------------


def reverse(at_position: int, **changes: Any) -> ReverseEntry:
    fields: dict[str, Any] = {"programme_id": CALL, "application_id": FIRST, "position": at_position}
    return ReverseEntry(**(fields | changes))


def reversed_(past: Past, at_position: int | None = None, **changes: Any) -> EntryReversed:
    where = at_position or len(past.log)
    undone: Any = past.log[where - 1].event
    fields = case() | {
        "reversed_position": where, "rules_version": RULES_VERSION, "entries": mirrored(post(RULES_VERSION, undone)),
        "bank_reference": getattr(undone, "bank_reference", None),
    }  # fmt: skip
    return EntryReversed(**(fields | changes))


@pytest.mark.parametrize(
    "past",
    [the_allocation(), the_commitment(), the_payment(), the_expenditure(),
     the_expenditure().and_(returned(), when=SOON), the_expenditure().and_(ordered(), when=SOON),
     the_allocation().and_(frozen(), when=LATER), the_expenditure().and_(carried(), when=AFTER)],
    ids=lambda past: type(past.log[-1].event).__name__,
)  # fmt: skip
def test_what_was_posted_is_reversed_by_its_mirror_once(past: Past) -> None:
    before = books(Past(past.log[:-1])).balances()
    undone = past.when(reverse(len(past.log)), now=at("2021-01-05 10:00")).then(reversed_(past))
    assert books(undone).balances() == before
    undone.when(reverse(len(past.log)), now=at("2021-01-06 10:00")).refused(
        ReversedAlready, position=len(past.log), there_fen=past.log[-1].event.as_dict()["amount_fen"]
    )
    undone.when(reverse(len(undone.log)), now=at("2021-01-06 10:00")).refused(
        NotReversible, position=len(undone.log), fact="funding.entry_reversed.v1"
    )


def test_an_appropriation_is_reversed_without_naming_a_case() -> None:
    past = the_appropriation()
    none: dict[str, Any] = {"application_id": None, "track_id": None, "unit_id": None}
    pool = reverse(len(past.log), application_id=None, year=Y20)
    undone = past.when(pool, now=LATER).then(reversed_(past, **none))
    assert books(undone).balances() == []
    used = the_allocation()
    appropriation = position(used, type(appropriated()))
    used.when(reverse(appropriation, application_id=None, year=Y20), now=LATER).refused(
        StageExceeded, stage="unallocated", there_fen=4_500_000, asked_fen=5_500_000
    )


def test_only_what_stands_there_is_reversed() -> None:
    past = the_payment()
    past.when(reverse(999), now=SOON).refused(EntryUnknown, position=999)
    appropriation = position(past, type(appropriated()))
    past.when(reverse(appropriation), now=SOON).refused(EntryUnknown, position=appropriation)
    past.when(reverse(len(past.log), application_id=SECOND), now=SOON).refused(EntryUnknown)
    past.when(reverse(appropriation, application_id=None), now=SOON).refused(EntryUnknown)
    past.when(reverse(1, programme_id="other"), now=SOON).refused(ProgrammeUnknown)
    for kind in ("funding.payment_requested.v1", "funding.payment_approved.v1"):
        where = next(each.position for each in past.log if each.type == kind)
        past.when(reverse(where), now=SOON).refused(NotReversible, position=where, fact=kind)


def test_what_was_used_since_is_not_reversed() -> None:
    past = the_commitment()
    where = position(past, type(allocated(past)))
    past.when(reverse(where), now=SOON).refused(StageExceeded, stage="allocated", there_fen=0, asked_fen=1_000_000)


def test_a_payment_posted_wrongly_is_posted_again() -> None:
    past = the_payment()
    past = past.and_(reversed_(past), when=NEXT)
    right = PostPayment(application_id=FIRST, payment_id=PAYMENT, amount_fen=1_000_000, bank_reference=BANK)
    past.when(right, now=SOON, effective=NEXT).then(posted())


def test_a_carried_year_is_reversed_in_both_years() -> None:
    past = the_appropriation()
    past = past.and_(UnallocatedCarried(programme_id=CALL, **amount(), to_year=Y21), when=AFTER)
    pool = reverse(len(past.log), application_id=None, year=Y20)
    asked = past.when(pool, now=at("2021-01-05 10:00"))
    asked.meanwhile(allocated(past, year=Y21, application_id=SECOND)).is_raced()
    none: dict[str, Any] = {"application_id": None, "track_id": None, "unit_id": None}
    undone = asked.then(reversed_(past, **none))
    assert books(undone).total("B110") == 0


def test_matching_that_was_allocated_stays() -> None:
    past = the_match()
    where = len(past.log)
    past.when(reverse(where), now=SOON).then(reversed_(past))
    used = past.and_(allocated(past, 1, source="school_match"), when=LATER)
    used.when(reverse(where), now=SOON).refused(
        MatchingNotReceived, source="school_match", there_fen=1_999_999, asked_fen=2_000_000
    )


def test_a_pledge_on_which_money_came_in_stays() -> None:
    past = the_appropriation().and_(award(), pledged(), when=START)
    where = len(past.log)
    past.when(reverse(where), now=SOON).then(reversed_(past))
    paid = past.and_(came_in(), when=LATER)
    paid.when(reverse(where), now=SOON).refused(
        MoreThanPledged, source="school_match", there_fen=0, asked_fen=2_000_000
    )
    undone = paid.and_(reversed_(paid), when=SOON)
    undone.when(reverse(where), now=SOON).then(reversed_(undone, where))


def test_a_reversal_races_with_the_case_and_where_it_moves_it_with_the_unallocated_money() -> None:
    past = the_expenditure()
    asked = past.when(reverse(len(past.log)), now=SOON)
    asked.meanwhile(returned(), closed()).is_raced()
    asked.meanwhile(appropriated(), allocated(past, application_id=SECOND)).is_undisturbed()
    whole = the_allocation()
    whole.when(reverse(len(whole.log)), now=SOON).meanwhile(allocated(past, application_id=SECOND)).is_raced()


def test_a_successor_bears_the_reversal() -> None:
    past = the_expenditure()
    where = len(past.log)
    past = past.and_(succeeded())
    past.when(reverse(where), now=SOON).then(reversed_(past, where, unit_id="BR-9"))


# --- matching ---------------------------------------------------------------------------------------------------------


def award(fen: int = 2_000_000, owed: int | None = None) -> HigherAwardRecorded:
    return HigherAwardRecorded(
        **case(), **amount(fen, source="upper_grant"), level="provincial",
        matching_due_fen=fen if owed is None else owed, document_id=PAPER,
    )  # fmt: skip


def pledged(fen: int = 2_000_000) -> MatchingPledged:
    return MatchingPledged(**case(), **amount(fen, source="school_match"), document_id=PAPER)


def came_in(fen: int = 2_000_000, bank: str = "M1") -> MatchingReceived:
    return MatchingReceived(**case(), **amount(fen, source="school_match"), bank_reference=BankReference(bank))


def the_match() -> Past:
    return the_appropriation().and_(award(), pledged(), came_in(), when=START)


def by_bank(past: Past, fen: int) -> list[Any]:
    from_match = amount(fen, source="school_match")
    paid = PaymentPosted(
        **case(), **from_match, payment_id=PAYMENT, money_flow="advance", unpaid_fen=0, bank_reference=BANK
    )
    return [requested(past, fen, source="school_match"), paid]


def test_a_higher_award_brings_its_own_money_and_what_is_owed_to_it() -> None:
    record = RecordHigherAward(
        application_id=FIRST, year=Y20, level="provincial", amount_fen=2_000_000, document_id=PAPER
    )
    past = the_appropriation().when(record, now=START).then(award())
    assert books(past).total("B200", source="upper_grant", application_id=FIRST) == 2_000_000
    assert books(past).total("B200", source="budget") == 5_500_000
    odd = the_appropriation(matching_ratio_bp=10_001).when(record, now=START)
    odd.then(award(owed=2_000_200))
    base = the_appropriation(matching_base="allocation").when(record, now=START)
    base.then(award(owed=0))


def test_an_award_is_an_amount_and_rests_on_a_document() -> None:
    fields: dict[str, Any] = {"application_id": FIRST, "year": Y20, "level": "provincial", "document_id": PAPER}
    past = the_appropriation()
    past.when(RecordHigherAward(**fields, amount_fen=0), now=START).refused(AmountNotPositive)
    unseen = RecordHigherAward(**(fields | {"document_id": UNSEEN}), amount_fen=1)
    past.when(unseen, now=START).refused(DocumentUnknown, document_id=UNSEEN)
    asked = past.when(RecordHigherAward(**fields, amount_fen=1), now=START)
    asked.meanwhile(rule(), award(), closed()).is_raced()
    asked.meanwhile(appropriated(), committed(**case(SECOND))).is_undisturbed()


def test_matching_is_pledged_from_a_source_of_its_own() -> None:
    def pledge(fen: int = 2_000_000, **changes: Any) -> PledgeMatching:
        return PledgeMatching(**(about(fen) | {"source": "school_match", "document_id": PAPER} | changes))

    past = the_appropriation().and_(award(), when=START)
    after = past.when(pledge(), now=START).then(pledged())
    assert books(after).total("B120", source="school_match") == 2_000_000
    past.when(pledge(source="budget"), now=START).refused(SourceNotMatching, source="budget", asked_fen=2_000_000)
    past.when(pledge(document_id=UNSEEN), now=START).refused(DocumentUnknown, document_id=UNSEEN)
    past.when(pledge(), now=START).meanwhile(pledged(), closed()).is_raced()
    past.when(pledge(), now=START).meanwhile(rule(), appropriated()).is_undisturbed()


def test_no_more_matching_comes_in_than_was_pledged() -> None:
    def record(fen: int = 2_000_000, bank: str = "M1", source: Any = "school_match") -> RecordMatching:
        return RecordMatching(**(about(fen) | {"source": source}), bank_reference=BankReference(bank))

    past = the_appropriation().and_(award(), pledged(), when=START)
    after = past.when(record(), now=START).then(came_in())
    came = {name: books(after).total(name, source="school_match") for name in ("F1002", "F4601")}
    assert came == {"F1002": 2_000_000, "F4601": 2_000_000}
    after.when(record(1, "M2"), now=START).refused(MoreThanPledged, source="school_match", there_fen=0, asked_fen=1)
    past.when(record(source="upper_grant"), now=START).refused(SourceNotMatching, source="upper_grant")
    part = past.and_(came_in(1), when=START)
    part.when(record(1), now=START).refused(BankReferenceUsed, position=len(part.log))
    past.when(record(), now=START).meanwhile(came_in(), returned(1, "M1", **case(SECOND))).is_raced()
    past.when(record(), now=START).meanwhile(returned(1, "R2", **case(SECOND)), rule()).is_undisturbed()
