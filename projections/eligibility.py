"""The eligibility trace: what each rule found, on which facts, and what was waived by whom and why."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from domain.eligibility.events import EligibilityJudged, RuleOutcome, RuleWaived, Verdict
from domain.eligibility.policy import FAILING
from domain.ids import ApplicationId, ProgrammeId, TrackId, UnitId
from domain.kernel import Code, Recorded, office, subject
from domain.programme.events import RuleSeverity
from projections.kernel import Column, Key, Table, View, keyed
from projections.programme import RuleRow

Standing = Literal["eligible", "waived", "waivable", "ineligible"]
"""waived: every rule that is not met, and can be, was waived; waivable: at least one of them still waits."""


class TracedFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule found, and whether it was waived since."""

    rule: Code
    rule_position: int
    severity: RuleSeverity
    as_of: date
    outcome: RuleOutcome
    evidence: tuple[int, ...] = ()
    waived: bool = False
    waived_position: int | None = None


class Waiver(msgspec.Struct, frozen=True, kw_only=True):
    """Who waived a rule, when and why."""

    rule: Code
    by: str
    at: datetime
    reason_code: str | None
    reason_document_id: str | None
    position: int


class EligibilityRow(msgspec.Struct, frozen=True, kw_only=True):
    """The latest judgement of one application, rule by rule.
    zh: 某申报最近一次逐项判定。
    """

    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    verdict: Annotated[Verdict, subject("Verdict", "判定结论")]
    standing: Annotated[Standing, subject("Standing after waivers", "豁免后结论")]
    findings: Annotated[tuple[TracedFinding, ...], subject("Findings", "逐项结果")]
    waivers: Annotated[tuple[Waiver, ...], office("Waivers", "豁免")] = ()
    judged_at: Annotated[datetime, subject("Judged at", "判定时间")]
    judged_by: Annotated[str, office("Judged by", "判定人")]
    position: Annotated[int, subject("Judged (position)", "判定位置")]


def to_waive(findings: tuple[TracedFinding, ...]) -> tuple[str, ...]:
    """The rules that are not met, can be waived and have not been."""
    return tuple(
        finding.rule
        for finding in findings
        if finding.severity == "waivable" and finding.outcome in FAILING and not finding.waived
    )


def _judged(event: EligibilityJudged, recorded: Recorded) -> EligibilityRow:
    findings = tuple(TracedFinding(**msgspec.structs.asdict(finding)) for finding in event.findings)
    return EligibilityRow(
        **{**event.as_dict(), "findings": findings},
        standing=event.verdict,
        judged_at=recorded.envelope.effective_at,
        judged_by=recorded.envelope.actor_id,
        position=recorded.position,
    )


def _waived(row: EligibilityRow, event: RuleWaived, recorded: Recorded) -> EligibilityRow:
    envelope = recorded.envelope
    findings = tuple(
        replace(finding, waived=True, waived_position=recorded.position) if finding.rule == event.rule else finding
        for finding in row.findings
    )
    waiver = Waiver(
        rule=event.rule,
        by=envelope.actor_id,
        at=envelope.effective_at,
        reason_code=envelope.reason_code,
        reason_document_id=envelope.reason_document_id,
        position=recorded.position,
    )
    standing: Standing = "waived" if row.verdict == "waivable" and not to_waive(findings) else row.standing
    return replace(row, findings=findings, waivers=(*row.waivers, waiver), standing=standing)


def _fold(row: EligibilityRow | None, recorded: Recorded, _key: Key) -> EligibilityRow | None:
    match recorded.event:
        case EligibilityJudged() as event:
            return _judged(event, recorded)
        case RuleWaived() as event if row is not None and event.judged_at_position == row.position:
            return _waived(row, event, recorded)
    return row


ELIGIBILITY = View(
    name="eligibility",
    version=1,
    en="Eligibility traces",
    zh="基本条件判定",
    row=EligibilityRow,
    key=("application_id",),
    reads=(EligibilityJudged, RuleWaived),
    touches=keyed("application_id"),
    fold=_fold,
    filters=("programme_id", "track_id", "unit_id", "verdict", "standing"),
    subject_units=("unit_id",),
)

_TRACE = (
    Column("rule", "Rule", "规则", "subject", str),
    Column("name_zh", "Name (Chinese)", "中文名称", "public", str),
    Column("name_en", "Name (English)", "英文名称", "public", str),
    Column("clause", "Clause", "条目", "public", str),
    Column("severity", "Severity", "刚性", "subject", str),
    Column("as_of", "Judged as of", "判定日", "subject", date),
    Column("outcome", "Outcome", "结果", "subject", str),
    Column("evidence", "Rests on (positions)", "依据(位置)", "subject", tuple),
    Column("rule_position", "Rule (position)", "规则位置", "subject", int),
    Column("waived", "Waived", "已豁免", "subject", bool),
    Column("waived_at", "Waived at", "豁免时间", "office", datetime),
    Column("waived_by", "Waived by", "豁免人", "office", str),
    Column("reason_code", "Reason", "事由", "office", str),
)


def trace_table(row: EligibilityRow, rules: Mapping[str, RuleRow], audiences: frozenset[str]) -> Table:
    """The trace of one application as a table; ``rules`` are the rules of its track by code."""
    waivers = {waiver.rule: waiver for waiver in row.waivers}
    lines = []
    for finding in row.findings:
        rule, waiver = rules.get(finding.rule), waivers.get(finding.rule)
        line = {
            **msgspec.structs.asdict(finding),
            "name_zh": rule and rule.name_zh,
            "name_en": rule and rule.name_en,
            "clause": rule and rule.clause,
            "waived_at": waiver and waiver.at,
            "waived_by": waiver and waiver.by,
            "reason_code": waiver and waiver.reason_code,
        }
        lines.append(line)
    shown = [column for column in _TRACE if column.audience in audiences]
    return Table(
        name="eligibility_trace",
        en="Eligibility, rule by rule",
        zh="基本条件逐项判定",
        columns=shown,
        rows=[[line[column.name] for column in shown] for line in lines],
        meta={"application_id": row.application_id, "position": row.position},
    )
