"""What may be asked of the money of a programme: the whole list; each subject has a page of its own."""

from __future__ import annotations

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
from domain.funding.publication import ConfirmLedger, PublishInstitutionLedger, PublishLedger
from domain.funding.recovery import OrderRecovery, RecordRecovery, ReturnFunds
from domain.funding.rule import DefineFundingRule
from domain.funding.spending import AccountForExpenditure, DisallowExpenditure
from domain.funding.yearend import CarryForward, LapseFunds
from domain.kernel import Command

COMMANDS: tuple[type[Command], ...] = (
    DefineFundingRule,
    RecordAppropriation,
    AdjustAppropriation,
    ReturnUnallocated,
    CarryUnallocatedForward,
    LapseUnallocated,
    AllocateFunds,
    CommitFunds,
    RequestPayment,
    ApprovePayment,
    PostPayment,
    FailPayment,
    ExpirePayment,
    AccountForExpenditure,
    DisallowExpenditure,
    FreezeFunds,
    ReleaseFunds,
    ReturnAuthority,
    ReturnFunds,
    OrderRecovery,
    RecordRecovery,
    CarryForward,
    LapseFunds,
    ReverseEntry,
    RecordHigherAward,
    PledgeMatching,
    RecordMatching,
    ClosePeriod,
    PublishLedger,
    ConfirmLedger,
    PublishInstitutionLedger,
)
