"""What can have happened to the eligibility of an application."""

from datetime import date
from typing import Annotated, Literal

import msgspec

from domain.ids import ApplicationId, ProgrammeId, TrackId, UnitId
from domain.kernel import Code, Event, office, subject

RuleOutcome = Literal["met", "not_met", "not_applicable", "unknown"]
Verdict = Literal["eligible", "waivable", "ineligible"]


class Finding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one rule found: its position, its date, its outcome, and the positions of the facts it rests on."""

    rule: Code
    rule_position: int
    severity: Literal["hard", "waivable"]
    as_of: date
    outcome: RuleOutcome
    evidence: tuple[int, ...] = ()


class EligibilityJudged(Event):
    """The eligibility of an application was judged rule by rule; a later judgement replaces this one.
    zh: 对申报逐项判定是否符合基本条件;以后一次判定为准。
    """

    TOPIC = "eligibility.judged.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    verdict: Annotated[Verdict, subject("Verdict", "判定结论")]
    findings: Annotated[tuple[Finding, ...], subject("Findings", "逐项结果")]


class RuleWaived(Event):
    """A rule that the application does not meet was waived, once, by a second person with a reason.
    zh: 由第二人附事由豁免该申报未满足的一项条件,仅此一次。
    """

    TOPIC = "eligibility.rule_waived.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    rule: Annotated[Code, subject("Rule", "规则")]
    judged_at_position: Annotated[int, office("Judgement (position)", "判定位置")]
