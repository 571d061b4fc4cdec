"""A programme with its money: the rule, the appropriation, two confirmed cases with signed task books."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec

from domain.assessment.events import AssessmentDecided, RectificationAccepted, RectificationOrdered
from domain.cultivation.events import BudgetItem, CaseSucceeded, TaskBookSigned
from domain.funding.events import (
    AppropriationRecorded,
    FundingRuleDefined,
    FundsAllocated,
    FundsCommitted,
    Gate,
    GateHeld,
    PaymentApproved,
    PaymentPosted,
    PaymentRequested,
    PeriodClosed,
    SpendingCategory,
)
from domain.funding.policy import RULES_VERSION, Books, Ledger, post
from domain.ids import ApplicationId, BankReference, CalendarYear, PaymentId, SuccessorUnitId
from domain.kernel import Command
from domain.programme.events import RatioValue
from tests.call import BRANCH_TRACK, CALL, PAPER, announced, defined, deposited, interpreted
from tests.committee import FIRST, SECOND, branch, confirmed
from tests.spec import ANOTHER, Past, at, given

Y20, Y21, Y22 = (CalendarYear(year) for year in (2020, 2021, 2022))
START, LATER, NEXT = at("2020-07-03 10:00"), at("2020-07-06 10:00"), at("2020-07-08 10:00")
CUT, CUT_ON = at("2020-12-21 00:00"), date(2020, 12, 20)
EXPIRES, EXPIRES_ON = at("2020-08-06 00:00"), date(2020, 8, 5)
RATIO = RatioValue(ratio_bp=10_000)
PAYMENT, BANK = PaymentId("PAY-1"), BankReference("2020070800001")
BUDGET = (
    BudgetItem(2020, "training", 600_000),
    BudgetItem(2020, "other", 400_000),
    BudgetItem(2021, "training", 10**6),
)


def rule(**changes: Any) -> FundingRuleDefined:
    defined_rule = FundingRuleDefined(
        programme_id=CALL, money_flow="advance", carry_over="decide", cutoff_month=12, cutoff_day=20,
        matching_base="higher_award", matching_ratio_bp=10_000,
        categories=(SpendingCategory("training"), SpendingCategory("other", 1_000)), budget_binds=False,
        payment_expires_after_days=30, gates=("matching_reached", "task_book_signed"),
    )  # fmt: skip
    return msgspec.structs.replace(defined_rule, **changes)


def asked_of(defined_rule: FundingRuleDefined) -> dict[str, Any]:
    """What a rule is asked for with: all of it, but for the month that is closed next."""
    return {name: value for name, value in defined_rule.as_dict().items() if not name.startswith("next_close")}


def case(application_id: ApplicationId = FIRST) -> dict[str, Any]:
    return {
        "application_id": application_id, "programme_id": CALL, "track_id": BRANCH_TRACK,
        "unit_id": branch(application_id),
    }  # fmt: skip


def amount(fen: int = 1_000_000, year: int = 2020, source: Any = "budget") -> dict[str, Any]:
    return {"source": source, "year": CalendarYear(year), "amount_fen": fen}


def about(fen: int = 1_000_000, application_id: ApplicationId = FIRST, **changes: Any) -> dict[str, Any]:
    """What a command about an amount of a case is asked with."""
    return {"application_id": application_id, **amount(fen)} | changes


def appropriated(fen: int = 5_500_000, year: int = 2020, **changes: Any) -> AppropriationRecorded:
    return AppropriationRecorded(**({"programme_id": CALL, "document_id": PAPER} | amount(fen, year) | changes))


def signed(application_id: ApplicationId = FIRST) -> TaskBookSigned:
    return TaskBookSigned(**case(application_id), version=1, budget=BUDGET, signed_on=date(2020, 7, 2))


def decided(*effects: Any, application_id: ApplicationId = FIRST, assessment: str = "midterm") -> AssessmentDecided:
    return AssessmentDecided(
        **case(application_id), assessment=assessment, kind="midterm", round=1, outcome="outcome", effects=effects,
        decision_document_id=PAPER,
    )  # fmt: skip


def rectify(holds_funds: bool = True) -> RectificationOrdered:
    return RectificationOrdered(
        **case(), assessment="midterm", due_at=at("2021-09-19 00:00"), last_day=date(2021, 9, 18),
        holds_funds=holds_funds, order_document_id=PAPER,
    )  # fmt: skip


def rectified() -> RectificationAccepted:
    return RectificationAccepted(**case(), assessment="midterm", opinion_document_id=PAPER)


def succeeded(application_id: ApplicationId = FIRST) -> CaseSucceeded:
    return CaseSucceeded(**case(application_id), successor_unit_id=SuccessorUnitId("BR-9"), ground="merged")


def the_programme(**changes: Any) -> Past:
    """The call, read, with the rule of its money; two cases confirmed and signed."""
    ratio = interpreted("matching_ratio", RATIO)
    past = given(announced(), *defined(), ratio, deposited(PAPER), when=at("2020-05-12 10:00"))
    return past.and_(
        rule(**changes), confirmed(FIRST), confirmed(SECOND), signed(FIRST), signed(SECOND), when=at("2020-07-02 10:00")
    )


def position(past: Past, kind: type, application_id: ApplicationId | None = None) -> int:
    """Where the newest fact of a kind stands."""
    found = [
        each.position
        for each in past.log
        if isinstance(each.event, kind) and application_id in {None, getattr(each.event, "application_id", None)}
    ]
    return found[-1]


def gates(past: Past, application_id: ApplicationId = FIRST, **positions: int) -> tuple[GateHeld, ...]:
    """The trace of gates that hold because of these facts."""
    rests: dict[Gate, int] = {
        "case_running": position(past, type(confirmed()), application_id),
        "assessment_not_failed": 0,
        "no_open_objection": 0,
        "not_stopped": 0,
        "no_freeze": 0,
        "task_book_signed": position(past, TaskBookSigned, application_id),
        "matching_reached": 0,
    }
    return tuple(GateHeld(gate, positions.get(gate, found)) for gate, found in rests.items())


def allocated(
    past: Past, fen: int = 1_000_000, application_id: ApplicationId = FIRST, **changes: Any
) -> FundsAllocated:
    fields = case(application_id) | amount(fen) | {
        "rule_position": position(past, FundingRuleDefined), "gates": gates(past, application_id),
        "carry_over": "decide", "cutoff_at": CUT, "cutoff_on": CUT_ON,
    }  # fmt: skip
    return FundsAllocated(**(fields | changes))


def the_appropriation(fen: int = 5_500_000, **changes: Any) -> Past:
    return the_programme(**changes).and_(appropriated(fen), when=START)


def the_allocation(fen: int = 1_000_000, **changes: Any) -> Past:
    past = the_appropriation(**changes)
    return past.and_(allocated(past, fen), when=LATER)


def committed(fen: int = 1_000_000, **changes: Any) -> FundsCommitted:
    return FundsCommitted(**(case() | amount(fen) | changes))


def the_commitment(fen: int = 1_000_000, **changes: Any) -> Past:
    return the_allocation(fen, **changes).and_(committed(fen), when=LATER)


def requested(past: Past, fen: int = 1_000_000, **changes: Any) -> PaymentRequested:
    fields = case() | amount(fen) | {
        "payment_id": PAYMENT, "money_flow": "advance", "rule_position": position(past, FundingRuleDefined),
        "gates": gates(past), "expires_at": EXPIRES, "last_day": EXPIRES_ON,
    }  # fmt: skip
    return PaymentRequested(**(fields | changes))


def the_request(fen: int = 1_000_000, **changes: Any) -> Past:
    past = the_commitment(**changes)
    return past.and_(requested(past, fen), when=LATER)


def approved(past: Past, fen: int = 1_000_000, **changes: Any) -> PaymentApproved:
    return PaymentApproved(**(case() | amount(fen) | {"payment_id": PAYMENT, "gates": gates(past)} | changes))


def the_approval(fen: int = 1_000_000, **changes: Any) -> Past:
    past = the_request(fen, **changes)
    return past.and_(approved(past, fen), by=ANOTHER, when=LATER)


def posted(fen: int = 1_000_000, **changes: Any) -> PaymentPosted:
    fields: dict[str, Any] = {"payment_id": PAYMENT, "money_flow": "advance", "unpaid_fen": 0, "bank_reference": BANK}
    return PaymentPosted(**(case() | amount(fen) | fields | changes))


def the_payment(fen: int = 1_000_000, **changes: Any) -> Past:
    """Ten thousand yuan in the hands of the unit."""
    return the_approval(fen, **changes).and_(posted(fen), when=NEXT)


def closed(last_day: date = date(2020, 7, 31), **changes: Any) -> PeriodClosed:
    fields: dict[str, Any] = {
        "programme_id": CALL, "period": "month", "last_day": last_day, "covers_position": 1, "entries": 1,
        "rules_version": 1, "trial_balance_digest": "d" * 64,
    }  # fmt: skip
    return PeriodClosed(**(fields | changes))


def done(past: Past, command: Command, when: datetime, **who: Any) -> Past:
    """A command is carried out, whatever it decides."""
    asked = past.when(command, now=when, **who)
    asked.command.execute()
    events = [tagged.decision for tagged in asked.command.collect_events()]
    return past.and_(*events, by=asked.command.by, when=asked.command.effective_at)


def books(past: Past) -> Books:
    """The books of everything that was recorded."""
    found = Books()
    for each in past.log:
        if each.event.TOPIC.startswith("funding.") and not isinstance(each.event, FundingRuleDefined | PeriodClosed):
            found.take(post(RULES_VERSION, each.event), each.envelope.effective_at)  # type: ignore[arg-type]
    return found


def ledger(past: Past, application_id: ApplicationId = FIRST) -> Ledger:
    """The ledger of one case."""
    found = Ledger()
    for each in past.log:
        if getattr(each.event, "application_id", None) == application_id and each.event.TOPIC.startswith("funding."):
            found.take(each.event, each.envelope.effective_at, each.position)  # type: ignore[arg-type]
    return found
