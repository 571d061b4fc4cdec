"""What happens to the money of a programme in one recorded life: every kind of fact about it, at least once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from domain.funding.events import (
    AppropriationAdjusted,
    AppropriationRecorded,
    AuthorityReturned,
    CarriedForward,
    EntryReversed,
    ExpenditureAccounted,
    ExpenditureDisallowed,
    FundingRuleDefined,
    FundsAllocated,
    FundsCommitted,
    FundsFrozen,
    FundsLapsed,
    FundsReleased,
    FundsReturned,
    GateHeld,
    HigherAwardRecorded,
    InstitutionLedgerPublished,
    LedgerConfirmed,
    LedgerFile,
    LedgerOf,
    LedgerPublished,
    MatchingPledged,
    MatchingReceived,
    PaymentApproved,
    PaymentExpired,
    PaymentFailed,
    PaymentPosted,
    PaymentRequested,
    PeriodClosed,
    RecoveryOrdered,
    RecoveryReceived,
    SpendingCategory,
    UnallocatedCarried,
    UnallocatedLapsed,
    UnallocatedReturned,
)
from domain.funding.policy import mirrored, post
from domain.ids import BankReference, CalendarYear, DocumentId, InstitutionId, PaymentId, ProgrammeId, RecoveryId
from domain.kernel import Event
from tests.spec import at

CUT: dict[str, Any] = {"cutoff_at": at("2020-12-21 00:00"), "cutoff_on": date(2020, 12, 20)}
YEAR, NEXT = CalendarYear(2020), CalendarYear(2021)
EXPIRES: dict[str, Any] = {"expires_at": datetime(2020, 8, 5, 16, tzinfo=at("2020-08-06 00:00").tzinfo),
                           "last_day": date(2020, 8, 5)}  # fmt: skip


def money(case: dict[str, Any], paper: DocumentId, first: int) -> list[Event]:
    """All of it, of one case and its programme, when its first fact is recorded at this position."""
    programme_id: ProgrammeId = case["programme_id"]
    facts = [*_given(case, paper, programme_id), *_paid(case, paper), *_come_back(case, paper)]
    facts += _left(case, programme_id)
    return [*_corrected(facts, case, first), *_closed(programme_id)]


def _of(fen: int, source: str = "budget") -> dict[str, Any]:
    return {"source": source, "year": YEAR, "amount_fen": fen}


def _given(case: dict[str, Any], paper: DocumentId, programme_id: ProgrammeId) -> list[Event]:
    pool: dict[str, Any] = {"programme_id": programme_id}
    trace: dict[str, Any] = {"rule_position": 1, "gates": (GateHeld("case_running", 1),)}
    match = _of(500, "school_match")
    return [
        FundingRuleDefined(
            **pool, money_flow="advance", carry_over="carry", cutoff_month=12, cutoff_day=20,
            matching_base="higher_award", matching_ratio_bp=10_000, categories=(SpendingCategory("books"),),
            budget_binds=False, payment_expires_after_days=30, gates=("task_book_signed",),
        ),
        AppropriationRecorded(**pool, **_of(9_000), document_id=paper),
        AppropriationAdjusted(**pool, **_of(1_000), raised=True, document_id=paper),
        UnallocatedReturned(**pool, **_of(100)),
        HigherAwardRecorded(
            **case, **_of(500, "upper_grant"), level="provincial", matching_due_fen=500, document_id=paper
        ),
        MatchingPledged(**case, **match, document_id=paper),
        MatchingReceived(**case, **match, bank_reference=BankReference("M-1")),
        FundsAllocated(**case, **match, **trace, carry_over="lapse", **CUT),
        FundsAllocated(**case, **_of(5_000), **trace, carry_over="carry", **CUT),
        FundsCommitted(**case, **_of(4_000)),
    ]  # fmt: skip


def _payment(case: dict[str, Any], number: int, fen: int, *ends: Event) -> list[Event]:
    about: dict[str, Any] = {**case, **_of(fen), "payment_id": PaymentId(f"PAY-{number}")}
    gates = (GateHeld("case_running", 1),)
    return [
        PaymentRequested(**about, money_flow="advance", rule_position=1, gates=gates, **EXPIRES),
        PaymentApproved(**about, gates=gates),
        *ends,
    ]


def _paid(case: dict[str, Any], paper: DocumentId) -> list[Event]:
    def end(kind: Any, number: int, fen: int, **more: Any) -> Event:
        body: Event = kind(**case, **_of(fen), payment_id=PaymentId(f"PAY-{number}"), **more)
        return body

    bank = {"money_flow": "advance", "unpaid_fen": 0}
    spent: dict[str, Any] = {"category": "books"}
    return [
        *_payment(case, 1, 2_000, end(PaymentPosted, 1, 2_000, bank_reference=BankReference("P-1"), **bank)),
        *_payment(case, 2, 100, end(PaymentFailed, 2, 100, ground="bank")),
        *_payment(case, 3, 100, end(PaymentExpired, 3, 100)),
        ExpenditureAccounted(**case, **_of(1_500), **spent, evidence_document_id=paper, rule_position=1),
        ExpenditureDisallowed(**case, **_of(200), **spent, ground="audit"),
        *_payment(case, 4, 300, end(PaymentPosted, 4, 300, bank_reference=BankReference("P-4"), **bank)),
    ]


def _come_back(case: dict[str, Any], paper: DocumentId) -> list[Event]:
    claim: dict[str, Any] = {"recovery_id": RecoveryId("REC-1")}
    return [
        FundsFrozen(**case, **_of(400), stage="allocated", ground="audit"),
        FundsReleased(**case, **_of(300), stage="allocated"),
        AuthorityReturned(**case, **_of(100), stage="frozen", origin="allocated"),
        FundsReturned(**case, **_of(100), bank_reference=BankReference("R-1")),
        RecoveryOrdered(
            **case, **_of(300), **claim, stage="accounted_for", category="books", ground="audit",
            decision_document_id=paper,
        ),
        RecoveryReceived(**case, **_of(200), **claim, bank_reference=BankReference("R-2")),
    ]  # fmt: skip


def _left(case: dict[str, Any], programme_id: ProgrammeId) -> list[Event]:
    pool: dict[str, Any] = {"programme_id": programme_id}
    return [
        CarriedForward(**case, **_of(600), stage="paid_out", to_year=NEXT, carry_over="carry", **CUT),
        FundsLapsed(**case, **_of(100), stage="committed"),
        FundsLapsed(**case, **_of(500, "school_match"), stage="allocated"),
        UnallocatedCarried(**pool, **_of(200), to_year=NEXT),
        UnallocatedLapsed(**pool, **_of(50)),
    ]


def _corrected(facts: Sequence[Event], case: dict[str, Any], first: int) -> list[Event]:
    """The facts, and the reversal of a few of them: of the payment that was posted last, a receipt, an award."""
    undone: list[Event] = []
    for kind in (PaymentPosted, RecoveryReceived, HigherAwardRecorded):
        where = max(n for n, body in enumerate(facts) if isinstance(body, kind))
        body: Any = facts[where]
        undone.append(
            EntryReversed(
                **case, reversed_position=first + where, rules_version=1, entries=mirrored(post(1, body)),
                bank_reference=getattr(body, "bank_reference", None),
            )
        )  # fmt: skip
    return [*facts, *undone]


def _closed(programme_id: ProgrammeId) -> list[Event]:
    """July, closed, published and confirmed, and published for the institution."""
    month: dict[str, Any] = {"period": "month", "last_day": date(2020, 7, 31)}
    of = month | {"institution_id": InstitutionId("UNI")}
    files = (LedgerFile("trial_balance", "d" * 64, 100),)
    return [
        PeriodClosed(
            **month, programme_id=programme_id, covers_position=1, entries=1, rules_version=1,
            trial_balance_digest="d" * 64,
        ),
        LedgerPublished(
            **of, programme_id=programme_id, year=YEAR, closed_position=1, covers_position=1, rules_version=1,
            rules_digest="e" * 64, files=files, to_be_confirmed=True,
        ),
        LedgerConfirmed(**of, programme_id=programme_id, published_position=2),
        InstitutionLedgerPublished(**of, year=YEAR, ledgers=(LedgerOf(programme_id, 2),), files=files),
    ]  # fmt: skip
