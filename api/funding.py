"""Funding over HTTP: the rule, the programme's money, each case's money, and the books that follow from them."""

from __future__ import annotations

from api.routes import Act, Page, Row, Rows
from domain.funding.allocation import AllocateFunds, CommitFunds
from domain.funding.appropriation import (
    AdjustAppropriation,
    CarryUnallocatedForward,
    LapseUnallocated,
    RecordAppropriation,
    ReturnUnallocated,
)
from domain.funding.correction import ReverseEntry
from domain.funding.hold import FreezeFunds, ReleaseFunds, ReturnAuthority
from domain.funding.matching import PledgeMatching, RecordHigherAward, RecordMatching
from domain.funding.payment import ApprovePayment, ExpirePayment, FailPayment, PostPayment, RequestPayment
from domain.funding.period import ClosePeriod
from domain.funding.recovery import OrderRecovery, RecordRecovery, ReturnFunds
from domain.funding.rule import DefineFundingRule
from domain.funding.spending import AccountForExpenditure, DisallowExpenditure
from domain.funding.yearend import CarryForward, LapseFunds
from domain.kernel import Command
from projections.funding import BALANCE, FUNDING_RULE, MATCHING_REGISTER, PAYMENT, PERIOD, RECOVERY
from projections.journal import JOURNAL

BY_SCHEDULE: tuple[type[Command], ...] = (ExpirePayment,)
"""What only the schedule asks for."""

_PROGRAMME = "/v1/programmes/{programme_id}"
_FUNDS = f"{_PROGRAMME}/funds"
_CASE = "/v1/cases/{application_id}/funds"
_PAYMENT = "/v1/cases/{application_id}/payments/{payment_id}"

PAGE = Page(
    "funding",
    "Funding and the books",
    "经费与账簿",
    (
        Act(path=f"{_PROGRAMME}/funding-rule", command=DefineFundingRule),
        Act(path=f"{_FUNDS}/appropriate", command=RecordAppropriation, subject="programme_id"),
        Act(path=f"{_FUNDS}/adjust", command=AdjustAppropriation, subject="programme_id"),
        Act(path=f"{_FUNDS}/return", command=ReturnUnallocated, subject="programme_id"),
        Act(path=f"{_FUNDS}/carry-forward", command=CarryUnallocatedForward, subject="programme_id"),
        Act(path=f"{_FUNDS}/lapse", command=LapseUnallocated, subject="programme_id"),
        Act(path=f"{_FUNDS}/reverse", command=ReverseEntry, subject="programme_id"),
        Act(path=f"{_FUNDS}/close-period", command=ClosePeriod, subject="programme_id"),
        Act(path=f"{_CASE}/allocate", command=AllocateFunds),
        Act(path=f"{_CASE}/commit", command=CommitFunds),
        Act(path="/v1/cases/{application_id}/payments", command=RequestPayment, makes="payment_id",
            subject="payment_id"),
        Act(path=f"{_PAYMENT}/approve", command=ApprovePayment),
        Act(path=f"{_PAYMENT}/post", command=PostPayment),
        Act(path=f"{_PAYMENT}/fail", command=FailPayment),
        Act(path=f"{_CASE}/account", command=AccountForExpenditure),
        Act(path=f"{_CASE}/disallow", command=DisallowExpenditure),
        Act(path=f"{_CASE}/freeze", command=FreezeFunds),
        Act(path=f"{_CASE}/release", command=ReleaseFunds),
        Act(path=f"{_CASE}/return-authority", command=ReturnAuthority),
        Act(path=f"{_CASE}/return", command=ReturnFunds),
        Act(path="/v1/cases/{application_id}/recoveries", command=OrderRecovery, makes="recovery_id",
            subject="recovery_id"),
        Act(path="/v1/cases/{application_id}/recoveries/{recovery_id}/receive", command=RecordRecovery),
        Act(path=f"{_CASE}/carry-forward", command=CarryForward),
        Act(path=f"{_CASE}/lapse", command=LapseFunds),
        Act(path="/v1/cases/{application_id}/higher-awards", command=RecordHigherAward),
        Act(path=f"{_CASE}/pledge-matching", command=PledgeMatching),
        Act(path=f"{_CASE}/receive-matching", command=RecordMatching),
        Row(path=f"{_PROGRAMME}/funding-rule", view=FUNDING_RULE, version_of="programme"),
        Rows(path="/v1/journal", view=JOURNAL),
        Rows(path="/v1/balances", view=BALANCE),
        Rows(path=_CASE, view=BALANCE),
        Rows(path="/v1/payments", view=PAYMENT),
        Row(path="/v1/payments/{payment_id}", view=PAYMENT, version_of="payment"),
        Rows(path="/v1/recoveries", view=RECOVERY),
        Row(path="/v1/recoveries/{recovery_id}", view=RECOVERY, version_of="recovery"),
        Rows(path="/v1/matching", view=MATCHING_REGISTER),
        Rows(path=f"{_PROGRAMME}/periods", view=PERIOD),
    ),
)  # fmt: skip
