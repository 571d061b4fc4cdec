"""What follows from a case: its outcome and its end, a title, a finding and its hearing, a measure and its appeal."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from domain.accountability.events import (
    AccountabilityRuleDefined,
    AppealDismissed,
    AppealLodged,
    AppealUpheld,
    AppealWithdrawn,
    CircularIssued,
    FindingDropped,
    FindingNotified,
    FindingRecorded,
    HearingWaived,
    MatterReferred,
    MeasureAmended,
    MeasureDecided,
    MeasureEnded,
    MeasureLifted,
    QuotaCutPassed,
    ReferralOutcomeNotified,
    StatementReceived,
)
from domain.assessment.events import AssessmentDecided, CaseClosedWithoutCompletion, CaseCompleted
from domain.cultivation.events import CaseSucceeded
from domain.designation.events import (
    TitleConferred,
    TitleDefined,
    TitleLapsed,
    TitleRenewed,
    TitleRestored,
    TitleRevoked,
)
from domain.ids import ApplicationId, DesignationId, DocumentId, FindingId, MeasureId, PersonId, SuccessorUnitId, UnitId
from domain.kernel import Event
from domain.person.events import PersonRegistered
from tests.call import BRANCH_TRACK, CALL, CLERK, HEAD, PAPER, the_call, unit
from tests.committee import FIRST, branch, confirmed, rule
from tests.spec import Past, at

SECRETARY = PersonId("00000000-0000-0000-0000-000000000020")
OTHER_HEAD = "00000000-0000-0000-0000-000000000021"
EVIDENCE, UNSEEN = PAPER, DocumentId("f" * 64)
FINDING, MEASURE, DESIGNATION = FindingId("F-1"), MeasureId("M-1"), DesignationId("T-1")
TITLE = "model_branch"
LATE = at("2022-06-30 10:00")
LATE_DAY = date(2022, 6, 30)
HEARD_UNTIL, HEARING_CLOSES = date(2022, 7, 5), at("2022-07-06 00:00")
DECIDES = at("2022-07-06 09:00")
DECIDED_ON = date(2022, 7, 6)
APPEAL_UNTIL, APPEAL_CLOSES = date(2022, 7, 21), at("2022-07-22 00:00")
APPEALS = at("2022-07-12 10:00")
APPEALED_ON = date(2022, 7, 12)
SETTLES = at("2022-08-08 10:00")
SETTLED_ON = date(2022, 8, 8)
DUE_DAY, DUE_AT = date(2022, 8, 11), at("2022-08-12 00:00")


def case(application_id: ApplicationId = FIRST) -> dict[str, Any]:
    return {
        "application_id": application_id, "programme_id": CALL, "track_id": BRANCH_TRACK,
        "unit_id": branch(application_id),
    }  # fmt: skip


# --- the end of a case ------------------------------------------------------------------------------------------------


def assessed(*effects: Any, outcome: str = "passed", **changes: Any) -> AssessmentDecided:
    fields = {"assessment": "acceptance", "kind": "acceptance", "round": 1, "decision_document_id": PAPER}
    return AssessmentDecided(**(case() | fields | {"outcome": outcome, "effects": effects} | changes))


def completed(**changes: Any) -> CaseCompleted:
    return CaseCompleted(**(case() | {"completed_on": LATE_DAY, "early": False} | changes))


def failed(**changes: Any) -> CaseClosedWithoutCompletion:
    return CaseClosedWithoutCompletion(**(case() | {"closed_on": LATE_DAY, "ground": "not_met"} | changes))


def succeeded(successor: str, **changes: Any) -> CaseSucceeded:
    fields = {"successor_unit_id": SuccessorUnitId(successor), "ground": "merged"}
    return CaseSucceeded(**(case() | fields | changes))


# --- titles -----------------------------------------------------------------------------------------------------------


def title(**changes: Any) -> TitleDefined:
    defined = TitleDefined(
        programme_id=CALL,
        title=TITLE,
        name_zh="校级党建工作样板支部",
        name_en="Model branch",
        track_ids=(BRANCH_TRACK,),
    )
    return msgspec.structs.replace(defined, **changes)


def _titled(fields: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {**case(), "designation_id": DESIGNATION, "title": TITLE, **fields, **changes}


def conferred(**changes: Any) -> TitleConferred:
    return TitleConferred(**_titled({"conferred_on": LATE_DAY, "decision_document_id": PAPER}, changes))


def conferred_for_two_years(**changes: Any) -> TitleConferred:
    return conferred(valid_until=date(2024, 6, 30), lapses_at=at("2024-07-01 00:00"), **changes)


def renewed(**changes: Any) -> TitleRenewed:
    fields = {
        "renewed_on": date(2024, 6, 1), "valid_until": date(2026, 6, 30), "lapses_at": at("2026-07-01 00:00"),
        "decision_document_id": PAPER,
    }  # fmt: skip
    return TitleRenewed(**_titled(fields, changes))


def revoked(**changes: Any) -> TitleRevoked:
    fields = {"revoked_on": DECIDED_ON, "ground": "accountability", "decision_document_id": PAPER}
    return TitleRevoked(**_titled(fields, changes))


def restored(**changes: Any) -> TitleRestored:
    return TitleRestored(**_titled({"restored_on": SETTLED_ON, "measure_id": MEASURE}, changes))


def lapsed(**changes: Any) -> TitleLapsed:
    return TitleLapsed(**_titled({"valid_until": date(2024, 6, 30)}, changes))


def the_completed(*effects: Any) -> Past:
    """The first case has been completed, on an outcome with these effects (a title may be conferred on it)."""
    past = the_call().and_(confirmed(), title())
    return past.and_(assessed(*(effects or ("complete", "title"))), completed(), when=LATE)


# --- a finding and its hearing ----------------------------------------------------------------------------------------


def procedure(**changes: Any) -> AccountabilityRuleDefined:
    defined = AccountabilityRuleDefined(
        programme_id=CALL, day_rule="calendar", statement_within_days=5, appeal_within_days=15, decide_within_days=30
    )
    return msgspec.structs.replace(defined, **changes)


def against(application_id: ApplicationId | None = FIRST, unit_id: str | None = "BR-1", person_id: Any = None) -> Any:
    return {
        "programme_id": CALL, "application_id": application_id, "person_id": person_id,
        "unit_id": None if unit_id is None else UnitId(unit_id),
    }  # fmt: skip


SECRETARY_ALONE = against(None, None, SECRETARY)


def found(**changes: Any) -> FindingRecorded:
    fields = {"finding_id": FINDING, "concerned": "unit", "ground": "not_met", "evidence_document_ids": (EVIDENCE,)}
    return FindingRecorded(**(against() | fields | changes))


def notified(**changes: Any) -> FindingNotified:
    fields = {
        "finding_id": FINDING, "notice_document_id": PAPER, "closes_at": HEARING_CLOSES, "last_day": HEARD_UNTIL,
    }  # fmt: skip
    return FindingNotified(**(against() | fields | changes))


def stated(**changes: Any) -> StatementReceived:
    return StatementReceived(**(against() | {"finding_id": FINDING, "statement_document_id": PAPER} | changes))


def waived(**changes: Any) -> HearingWaived:
    return HearingWaived(**(against() | {"finding_id": FINDING, "waiver_document_id": PAPER} | changes))


def dropped(**changes: Any) -> FindingDropped:
    return FindingDropped(**(against() | {"finding_id": FINDING} | changes))


# --- a measure and its appeal -----------------------------------------------------------------------------------------


def _measure(fields: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {**against(), "measure_id": MEASURE, **fields, **changes}


def measured(kind: Any = "bar", **changes: Any) -> MeasureDecided:
    fields = {
        "finding_id": FINDING, "concerned": "unit", "kind": kind, "ground": "not_met", "from_on": DECIDED_ON,
        "appeal_closes_at": APPEAL_CLOSES, "appeal_last_day": APPEAL_UNTIL, "rule_position": 0,
        "decision_document_id": PAPER,
    }  # fmt: skip
    return MeasureDecided(**_measure(fields, changes))


def circulated(**changes: Any) -> CircularIssued:
    return CircularIssued(**_measure({"issued_on": DECIDED_ON, "circular_document_id": PAPER}, changes))


def appealed(**changes: Any) -> AppealLodged:
    fields = {
        "appeal_document_id": PAPER, "lodged_on": APPEALED_ON, "suspends": False, "due_at": DUE_AT, "due_day": DUE_DAY,
    }  # fmt: skip
    return AppealLodged(**_measure(fields, changes))


def upheld(result: Any = "lifted", **changes: Any) -> AppealUpheld:
    fields = {"result": result, "settled_on": SETTLED_ON, "decision_document_id": PAPER}
    return AppealUpheld(**_measure(fields, changes))


def dismissed(**changes: Any) -> AppealDismissed:
    return AppealDismissed(**_measure({"settled_on": SETTLED_ON, "decision_document_id": PAPER}, changes))


def given_up(**changes: Any) -> AppealWithdrawn:
    return AppealWithdrawn(**_measure({"settled_on": SETTLED_ON}, changes))


def amended(kind: Any = "bar", **changes: Any) -> MeasureAmended:
    return MeasureAmended(**_measure({"kind": kind, "amended_on": SETTLED_ON}, changes))


def lifted(kind: Any = "bar", **changes: Any) -> MeasureLifted:
    fields = {"kind": kind, "lifted_on": SETTLED_ON, "ground": "appeal_upheld", "decision_document_id": PAPER}
    return MeasureLifted(**_measure(fields, changes))


def ended(kind: Any = "bar", until_on: date = date(2024, 7, 5), **changes: Any) -> MeasureEnded:
    return MeasureEnded(**_measure({"kind": kind, "until_on": until_on}, changes))


def cut_passed(**changes: Any) -> QuotaCutPassed:
    fields = {"from_unit_id": UnitId("BR-1"), "successor_unit_id": SuccessorUnitId("BR-7"), "places": 2}
    return QuotaCutPassed(**_measure(fields, changes))


def referred(**changes: Any) -> MatterReferred:
    fields = {
        "finding_id": FINDING, "referred_to": "discipline_commission", "referred_on": DECIDED_ON,
        "decision_document_id": PAPER,
    }  # fmt: skip
    return MatterReferred(**_measure(fields, changes))


def answered(**changes: Any) -> ReferralOutcomeNotified:
    fields = {"outcome": "warning", "notified_on": SETTLED_ON, "outcome_document_id": PAPER}
    return ReferralOutcomeNotified(**_measure(fields, changes))


def the_rules(**changes: Any) -> Past:
    """The case was confirmed; how hearings, appeals and committees go is defined; the secretary is known."""
    person = PersonRegistered(person_id=SECRETARY, commitment="7" * 64)
    return the_call().and_(confirmed(), unit("BR-1", "branch", "COL"), person, rule(), procedure(**changes))


def rule_at(past: Past) -> int:
    return max(r.position for r in past.log if isinstance(r.event, AccountabilityRuleDefined))


def the_finding(**changes: Any) -> Past:
    """Beside that, the clerk recorded a finding against the unit of the case."""
    return the_rules().and_(found(**changes), by=CLERK, when=LATE)


def the_hearing(*heard: Event, **changes: Any) -> Past:
    """Beside that, its unit was notified and heard."""
    return the_finding(**changes).and_(notified(), *(heard or (stated(),)), by=CLERK, when=LATE)


def the_measure(kind: Any = "bar", *later: Event, **changes: Any) -> Past:
    """Beside that, the head decided a measure."""
    past = the_hearing()
    decided = measured(kind, rule_position=rule_at(past), **changes)
    return past.and_(decided, by=HEAD, when=DECIDES).and_(*later, when=APPEALS)


def the_appeal(kind: Any = "bar", *later: Event, **changes: Any) -> Past:
    """Beside that, an appeal was lodged."""
    return the_measure(kind, **changes).and_(appealed(), when=APPEALS).and_(*later, when=SETTLES)
