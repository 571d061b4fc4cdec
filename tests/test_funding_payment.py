"""Payments: requested, approved by a second person while the gates hold, and resolved once."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.cultivation.policy import CaseUnknown
from domain.funding.case import AmountNotPositive, BankReferenceUsed, GateClosed, YearCutOff
from domain.funding.events import (
    EntryReversed,
    FundsFrozen,
    FundsReturned,
    PaymentExpired,
    PaymentFailed,
    PaymentRequested,
    SpendingCategory,
)
from domain.funding.payment import (
    ApprovePayment,
    EvidenceMissing,
    ExpirePayment,
    FailPayment,
    NothingReimbursed,
    PaymentIdUsed,
    PaymentNotOverYet,
    PaymentNotPending,
    PaymentOver,
    PaymentUnknown,
    PaymentWasPosted,
    PostPayment,
    RequestPayment,
)
from domain.funding.policy import RULES_VERSION, StageExceeded, mirrored, post
from domain.funding.spending import CategoryCapExceeded
from domain.ids import ApplicationId, BankReference, PaymentId
from domain.publicity.policy import SecondPersonMissing
from tests.call import PAPER
from tests.committee import FIRST, SECOND, objection
from tests.money import (
    BANK,
    CUT,
    EXPIRES,
    EXPIRES_ON,
    LATER,
    NEXT,
    PAYMENT,
    START,
    about,
    amount,
    approved,
    books,
    case,
    closed,
    committed,
    decided,
    posted,
    requested,
    rule,
    the_approval,
    the_commitment,
    the_payment,
    the_request,
)
from tests.spec import ANOTHER, SOMEBODY, at

WHICH: dict[str, Any] = {"application_id": FIRST, "payment_id": PAYMENT}


def request(fen: int = 1_000_000, **changes: Any) -> RequestPayment:
    return RequestPayment(**(about(fen) | {"payment_id": PAYMENT} | changes))


def post_it(fen: int = 1_000_000, **changes: Any) -> PostPayment:
    return PostPayment(**(WHICH | {"amount_fen": fen, "bank_reference": BANK} | changes))


def frozen() -> FundsFrozen:
    return FundsFrozen(**case(), **amount(1), stage="committed", ground="audit")


# --- request ----------------------------------------------------------------------------------------------------------


def test_committed_money_is_requested_and_counts_as_gone() -> None:
    past = the_commitment()
    after = past.when(request(), now=LATER).then(requested(past))
    assert books(after).total("B225", payment_id=PAYMENT) == 1_000_000
    after.when(request(1, payment_id=PaymentId("PAY-2")), now=LATER).refused(
        StageExceeded, stage="committed", account="B220", there_fen=0, asked_fen=1
    )


def test_two_requests_of_the_same_money_race() -> None:
    past = the_commitment()
    asked = past.when(request(), now=LATER)
    other = requested(past, payment_id=PaymentId("PAY-2"))
    asked.meanwhile(other, frozen(), objection(), decided("stop_funds"), rule(), closed()).is_raced()
    elsewhere = requested(past, **case(SECOND), payment_id=PaymentId("PAY-3"))
    asked.meanwhile(elsewhere, committed(**case(SECOND)), objection(SECOND)).is_undisturbed()


def test_a_payment_has_an_id_of_its_own_also_among_other_cases() -> None:
    past = the_request(400_000)
    past.when(request(1), now=LATER).refused(PaymentIdUsed, payment_id="PAY-1")
    other = the_commitment()
    taken = other.and_(requested(other, **case(SECOND)), when=LATER)
    taken.when(request(), now=LATER).refused(PaymentIdUsed, payment_id="PAY-1")
    other.when(request(), now=LATER).meanwhile(requested(other, **case(SECOND))).is_raced()


def test_what_is_asked_for_is_an_amount_of_a_case_in_its_year_while_the_gates_hold() -> None:
    past = the_commitment()
    past.when(request(0), now=LATER).refused(AmountNotPositive)
    past.when(request(application_id=ApplicationId("A-9")), now=LATER).refused(CaseUnknown)
    past.when(request(), now=CUT).refused(YearCutOff, asked_fen=1_000_000)
    past.and_(objection()).when(request(), now=LATER).refused(GateClosed, gate="no_open_objection")
    past.and_(frozen(), when=LATER).when(request(), now=LATER).refused(GateClosed, gate="no_freeze")
    past.and_(decided("stop_funds")).when(request(), now=LATER).refused(GateClosed, gate="assessment_not_failed")


@pytest.mark.parametrize("more", [{"category": "training"}, {"evidence_document_id": PAPER}])
def test_what_is_paid_in_advance_has_no_evidence_yet(more: Any) -> None:
    the_commitment().when(request(**more), now=LATER).refused(NothingReimbursed, asked_fen=1_000_000)


# --- where money reimburses ------------------------------------------------------------------------------------------


SPENT: dict[str, Any] = {"category": "training", "evidence_document_id": PAPER}


def test_what_is_reimbursed_is_accounted_for_when_it_is_paid() -> None:
    past = the_commitment(money_flow="reimburse")
    asked = requested(past, money_flow="reimburse", **SPENT)
    past = past.when(request(**SPENT), now=LATER).then(asked)
    past = past.and_(approved(past), by=ANOTHER, when=LATER)
    paid = posted(money_flow="reimburse", category="training")
    past = past.when(post_it(), now=NEXT).then(paid)
    assert books(past).total("B235", category="training") == 1_000_000
    assert books(past).total("B230") == 0


@pytest.mark.parametrize("missing", ["category", "evidence_document_id"])
def test_what_is_reimbursed_names_category_and_evidence(missing: str) -> None:
    past = the_commitment(money_flow="reimburse")
    past.when(request(**(SPENT | {missing: None})), now=LATER).refused(EvidenceMissing, asked_fen=1_000_000)


def test_what_is_pending_counts_against_the_cap() -> None:
    categories = (SpendingCategory("training"), SpendingCategory("other", 1_000))
    past = the_commitment(money_flow="reimburse", categories=categories)
    other: dict[str, Any] = SPENT | {"category": "other"}
    past = past.and_(requested(past, 150_000, money_flow="reimburse", **other), when=LATER)
    more = request(50_001, payment_id=PaymentId("PAY-2"), **other)
    past.when(more, now=LATER).refused(CategoryCapExceeded, cap_fen=200_000, spent_fen=150_000, asked_fen=50_001)


# --- approval ---------------------------------------------------------------------------------------------------------


def test_a_second_person_approves() -> None:
    past = the_request()
    past.when(ApprovePayment(**WHICH), now=LATER, by=ANOTHER).then(approved(past))
    past.when(ApprovePayment(**WHICH), now=LATER, by=SOMEBODY).refused(SecondPersonMissing, act="ApprovePayment")


def test_the_gates_hold_when_it_is_approved_as_well() -> None:
    past = the_request()
    later: dict[str, Any] = {"now": LATER, "by": ANOTHER}
    past.and_(frozen(), when=LATER).when(ApprovePayment(**WHICH), **later).refused(GateClosed, gate="no_freeze")
    past.and_(objection()).when(ApprovePayment(**WHICH), **later).refused(GateClosed, asked_fen=1_000_000)


def test_what_is_over_is_not_approved() -> None:
    past = the_request()
    past.when(ApprovePayment(**WHICH), now=EXPIRES, by=ANOTHER).refused(
        PaymentOver, there_fen=1_000_000, last_day=EXPIRES_ON, expires_at=EXPIRES
    )


def test_a_freeze_and_an_approval_race() -> None:
    asked = the_request().when(ApprovePayment(**WHICH), now=LATER, by=ANOTHER)
    asked.meanwhile(frozen(), objection(), decided("stop_funds"), closed()).is_raced()
    asked.meanwhile(frozen_elsewhere(), objection(SECOND)).is_undisturbed()


def frozen_elsewhere() -> FundsFrozen:
    return FundsFrozen(**case(SECOND), **amount(1), stage="committed", ground="audit")


# --- posting ----------------------------------------------------------------------------------------------------------


def test_the_bank_has_paid() -> None:
    past = the_approval().when(post_it(), now=NEXT).then(posted())
    assert books(past).total("B230", application_id=FIRST) == 1_000_000
    assert books(past).total("F5501") == 1_000_000
    assert books(past).total("F1002") == 4_500_000


def test_what_the_bank_did_not_pay_is_committed_again() -> None:
    past = the_approval().when(post_it(400_000), now=NEXT).then(posted(400_000, unpaid_fen=600_000))
    held = books(past)
    assert (held.total("B225"), held.total("B230"), held.total("B220")) == (0, 400_000, 600_000)


def test_the_bank_has_paid_no_more_than_was_pending() -> None:
    the_approval().when(post_it(1_000_001), now=NEXT).refused(
        StageExceeded, stage="in_transit", account="B225", there_fen=1_000_000, asked_fen=1_000_001
    )
    the_approval().when(post_it(0), now=NEXT).refused(AmountNotPositive)


def test_a_bank_reference_is_used_once_in_the_whole_institution() -> None:
    past = the_approval()
    elsewhere = FundsReturned(**case(SECOND), **amount(1), bank_reference=BANK)
    used = past.and_(elsewhere, when=LATER)
    used.when(post_it(), now=NEXT).refused(
        BankReferenceUsed, bank_reference=BANK, position=len(used.log), asked_fen=1_000_000
    )
    past.when(post_it(), now=NEXT).meanwhile(elsewhere).is_raced()
    other = FundsReturned(**case(SECOND), **amount(1), bank_reference=BankReference("OTHER"))
    past.when(post_it(), now=NEXT).meanwhile(other, rule(), objection()).is_undisturbed()


def test_a_bank_reference_is_free_again_once_its_entry_was_reversed() -> None:
    past = the_approval()
    past = past.and_(FundsReturned(**case(SECOND), **amount(1), bank_reference=BANK), when=LATER)
    undone = EntryReversed(
        **case(SECOND), reversed_position=len(past.log), rules_version=1, entries=(), bank_reference=BANK
    )
    past.and_(undone, when=LATER).when(post_it(), now=NEXT).then(posted())


# --- the end of a payment --------------------------------------------------------------------------------------------


def failed() -> PaymentFailed:
    return PaymentFailed(**case(), **amount(), payment_id=PAYMENT, ground="returned_by_bank")


def expired() -> PaymentExpired:
    return PaymentExpired(**case(), **amount(), payment_id=PAYMENT)


@pytest.mark.parametrize("past", [the_request(), the_approval()], ids=["requested", "approved"])
def test_a_pending_payment_fails_and_the_money_is_committed_again(past: Any) -> None:
    after = past.when(FailPayment(**WHICH, ground="returned_by_bank"), now=NEXT).then(failed())
    assert (books(after).total("B225"), books(after).total("B220")) == (0, 1_000_000)


@pytest.mark.parametrize("past", [the_request(), the_approval()], ids=["requested", "approved"])
def test_a_payment_that_nothing_resolved_expires_at_its_instant(past: Any) -> None:
    past.when(ExpirePayment(**WHICH), now=at("2020-08-05 23:59")).refused(
        PaymentNotOverYet, there_fen=1_000_000, expires_at=EXPIRES
    )
    after = past.when(ExpirePayment(**WHICH), now=at("2020-08-07 10:00"), effective=EXPIRES).then(expired())
    assert (books(after).total("B225"), books(after).total("B220")) == (0, 1_000_000)


def test_what_the_bank_did_in_time_is_posted_late_and_what_it_did_too_late_is_not() -> None:
    late = at("2020-08-07 10:00")
    the_approval().when(post_it(), now=late, effective=at("2020-08-05 10:00")).then(posted())
    the_approval().when(post_it(), now=late).refused(PaymentOver, last_day=date(2020, 8, 5))


def test_what_was_posted_wrongly_in_time_is_posted_anew_however_late_it_was_noticed() -> None:
    wrong = the_approval().and_(posted(), when=NEXT)
    late = at("2020-10-12 10:00")
    undone = EntryReversed(
        **case(), reversed_position=len(wrong.log), rules_version=RULES_VERSION, bank_reference=BANK,
        entries=mirrored(post(RULES_VERSION, posted())),
    )  # fmt: skip
    past = wrong.and_(undone, when=late)
    past.when(ExpirePayment(**WHICH), now=late).refused(PaymentWasPosted, payment_id="PAY-1", there_fen=1_000_000)
    past.when(post_it(400_000), now=late).then(posted(400_000, unpaid_fen=600_000))
    past.when(FailPayment(**WHICH, ground="returned_by_bank"), now=late).then(failed())


@pytest.mark.parametrize("end", [posted(), failed(), expired()], ids=lambda body: type(body).__name__)
def test_a_payment_is_resolved_once(end: Any) -> None:
    past = the_approval().and_(end, when=NEXT)
    state = {"PaymentPosted": "posted", "PaymentFailed": "failed", "PaymentExpired": "expired"}[type(end).__name__]
    for command in (post_it(bank_reference=BankReference("B2")), FailPayment(**WHICH, ground="late"),
                    ExpirePayment(**WHICH), ApprovePayment(**WHICH)):  # fmt: skip
        past.when(command, now=NEXT, effective=EXPIRES, by=ANOTHER).refused(
            PaymentNotPending, state=state, there_fen=1_000_000
        )


@pytest.mark.parametrize("command", [ApprovePayment(**WHICH), FailPayment(**WHICH, ground="late")])
def test_nothing_becomes_of_a_payment_on_a_day_before_it_is_requested(command: Any) -> None:
    the_request().when(command, now=NEXT, effective=START, by=ANOTHER).refused(
        StageExceeded, stage="in_transit", there_fen=0, asked_fen=1_000_000
    )


def test_a_payment_is_posted_once_it_is_approved_and_approved_once() -> None:
    the_request().when(post_it(), now=NEXT).refused(PaymentNotPending, state="requested", needed="approved")
    the_approval().when(ApprovePayment(**WHICH), now=NEXT, by=ANOTHER).refused(PaymentNotPending, state="approved")


@pytest.mark.parametrize(
    "command", [ApprovePayment(**WHICH), post_it(), FailPayment(**WHICH, ground="late"), ExpirePayment(**WHICH)],
    ids=lambda command: type(command).__name__,
)  # fmt: skip
def test_a_payment_is_one_of_the_case(command: Any) -> None:
    the_commitment().when(command, now=NEXT).refused(PaymentUnknown, application_id=FIRST, payment_id=PAYMENT)


@pytest.mark.parametrize(
    "command", [post_it(), FailPayment(**WHICH, ground="late"), ExpirePayment(**WHICH)],
    ids=lambda command: type(command).__name__,
)  # fmt: skip
def test_what_resolves_a_payment_races_with_what_else_does(command: Any) -> None:
    past = the_approval()
    past.when(command, now=NEXT).meanwhile(posted(), failed(), expired(), closed()).is_raced()
    elsewhere = requested(past, **case(SECOND), payment_id=PaymentId("PAY-2"))
    past.when(command, now=NEXT).meanwhile(elsewhere).is_undisturbed()


def test_a_payment_says_by_when_it_must_be_resolved() -> None:
    body = next(each.event for each in the_payment().log if isinstance(each.event, PaymentRequested))
    assert (body.last_day, body.expires_at) == (EXPIRES_ON, EXPIRES)
