"""Cultivation: cases and where they stand, what is required of them, task books, reports and outreach."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec.structs import replace

from domain.assessment.events import CaseClosedWithoutCompletion, CaseCompleted, CaseExtended
from domain.cultivation.events import (
    BudgetItem,
    CaseSucceeded,
    CultivationBegun,
    CultivationStopped,
    Due,
    Milestone,
    OutreachRecorded,
    ReportAccepted,
    ReportAsked,
    ReportFiled,
    ReportRequired,
    ReportReturned,
    TaskBookFiled,
    TaskBookRequired,
    TaskBookReturned,
    TaskBookSigned,
)
from domain.cultivation.policy import CASE_FACTS, STATE_AFTER, ReportState, RunningState, TaskBookState
from domain.ids import ApplicationId, DocumentId, PersonId, ProgrammeId, TrackId, UnitId
from domain.kernel import Code, OfficialName, Recorded, office, public, subject
from domain.selection.events import SelectionConfirmed
from domain.unit.events import UnitDissolved, UnitMerged, UnitSplit
from domain.unit.policy import UNIT_ENDS
from projections.kernel import Key, View, Where

# --- cases ------------------------------------------------------------------------------------------------------------

BearerStatus = Literal["live", "merged", "split", "dissolved"]
_ENDED: Final[Mapping[type, BearerStatus]] = {UnitMerged: "merged", UnitSplit: "split", UnitDissolved: "dissolved"}
_BOOK: Final[Mapping[type, TaskBookState]] = {
    TaskBookFiled: "filed",
    TaskBookReturned: "returned",
    TaskBookSigned: "signed",
}


class CaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """One case: the unit that bears it, its period, how far its task book has come, and how it ended.
    zh: 一个项目:承担单位、培育创建期、任务书进展及终结情况。
    """

    application_id: Annotated[ApplicationId, public("Application", "申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    unit_status: Annotated[BearerStatus, public("Status of the unit", "单位状态")] = "live"
    borne_before: Annotated[tuple[UnitId, ...], public("Units before", "历任单位")] = ()
    state: Annotated[RunningState, public("State", "状态")] = "running"
    first_day: Annotated[date, public("First day", "起始日")]
    last_day: Annotated[date | None, public("Last day (none: not stated)", "截止日(空为未载明)")]
    begun: Annotated[bool, public("Cultivation begun", "培育创建已开始")] = False
    extended: Annotated[int, public("Times extended", "延期次数")] = 0
    task_book: Annotated[TaskBookState, subject("Task book", "任务书")] = "missing"
    signed_version: Annotated[int | None, subject("Version signed", "已签署版本")] = None
    ended_at: Annotated[datetime | None, public("Ended at", "终结时间")] = None
    ended_on: Annotated[date | None, public("Completed, or closed, on", "结项或终结日期")] = None
    ground: Annotated[Code | None, public("Ground of its end", "终结理由")] = None
    early: Annotated[bool, public("Before its last day", "提前结项")] = False
    position: Annotated[int, public("Position", "位置")]


def _case_touches(recorded: Recorded) -> list[Key | Where]:
    body = recorded.event.as_dict()
    return [(body["application_id"],)] if "application_id" in body else [Where("unit_id", body["unit_id"])]


def _case_ended(row: CaseRow, recorded: Recorded) -> CaseRow:
    event = recorded.event
    row = replace(row, state=STATE_AFTER[type(event)], ended_at=recorded.envelope.effective_at)
    match event:
        case CaseCompleted(completed_on=day, early=early):
            return replace(row, ended_on=day, early=early)
        case CaseClosedWithoutCompletion(closed_on=day, ground=ground):
            return replace(row, ended_on=day, ground=ground)
        case CultivationStopped(ground=ground):
            return replace(row, ground=ground)
    return row


def _case_went_on(row: CaseRow, recorded: Recorded) -> CaseRow:
    match recorded.event:
        case CultivationBegun():
            return replace(row, begun=True)
        case CaseSucceeded(unit_id=before, successor_unit_id=successor):
            borne = (*row.borne_before, before)
            return replace(row, unit_id=UnitId(successor), unit_status="live", borne_before=borne)
        case CaseExtended(last_day=last_day):
            return replace(row, last_day=last_day, extended=row.extended + 1)
        case TaskBookSigned(version=version):
            row = replace(row, signed_version=version)
    kind = type(recorded.event)
    return replace(row, task_book=_BOOK.get(kind, row.task_book), unit_status=_ENDED.get(kind, row.unit_status))


def _case(row: CaseRow | None, recorded: Recorded, _key: Key) -> CaseRow | None:
    if isinstance(event := recorded.event, SelectionConfirmed):
        return CaseRow(
            application_id=event.application_id, programme_id=event.programme_id, track_id=event.track_id,
            unit_id=event.unit_id, first_day=event.first_day, last_day=event.last_day, position=recorded.position,
        )  # fmt: skip
    if row is None:
        return None
    after = _case_ended(row, recorded) if type(event) in STATE_AFTER else _case_went_on(row, recorded)
    return row if after == row else after


CASE = View(
    name="case",
    version=1,
    en="Cases under cultivation",
    zh="培育创建项目",
    row=CaseRow,
    key=("application_id",),
    reads=(*CASE_FACTS, *_BOOK, *UNIT_ENDS),
    touches=_case_touches,
    fold=_case,
    indexes=("unit_id",),
    filters=("programme_id", "track_id", "unit_id", "unit_status", "state", "task_book"),
    sorts=("first_day", "last_day"),
    effective=True,
    subject_units=("unit_id",),
    is_open=lambda _: True,
)


# --- what is required -------------------------------------------------------------------------------------------------


class RequirementRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a programme requires of its cases: a task book, or a report by its code, and by when.
    zh: 项目对入选者的要求:任务书或某项报告,及其期限。
    """

    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    requirement: Annotated[str, public("Requirement (task book, or a report)", "要求(任务书或报告)")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    track_ids: Annotated[tuple[TrackId, ...], public("Tracks", "赛道")]
    due: Annotated[Due, public("Due", "期限")]
    year: Annotated[int | None, public("Year reported on", "报告年度")] = None
    position: Annotated[int, public("Position", "位置")]


TASK_BOOK_REQUIREMENT: Final = "task-book"


def _requirement_touches(recorded: Recorded) -> list[Key | Where]:
    body = recorded.event.as_dict()
    return [(body["programme_id"], body.get("report", TASK_BOOK_REQUIREMENT))]


def _requirement(_row: RequirementRow | None, recorded: Recorded, key: Key) -> RequirementRow:
    body = {"name_zh": "任务书", "name_en": "Task book", **recorded.event.as_dict()}
    body.pop("report", None)
    return RequirementRow(**body, requirement=str(key[1]), position=recorded.position)


REQUIREMENT = View(
    name="requirement",
    version=1,
    en="What is required of cases",
    zh="培育创建要求",
    row=RequirementRow,
    key=("programme_id", "requirement"),
    reads=(TaskBookRequired, ReportRequired),
    touches=_requirement_touches,
    fold=_requirement,
    filters=("programme_id",),
)


# --- task books -------------------------------------------------------------------------------------------------------


class TaskBookRow(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a task book, and what became of it.
    zh: 任务书的一个版本及其处理情况。
    """

    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    version: Annotated[int, subject("Version", "版本")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    state: Annotated[TaskBookState, subject("State", "状态")] = "filed"
    document_id: Annotated[DocumentId, subject("Task book", "任务书")]
    road_map_document_id: Annotated[DocumentId, subject("Road map", "路线图")]
    milestones: Annotated[tuple[Milestone, ...], subject("Milestones", "节点")]
    responsible_ids: Annotated[tuple[PersonId, ...], office("Responsible persons", "责任人")]
    budget: Annotated[tuple[BudgetItem, ...], subject("Budget", "预算")]
    filed_at: Annotated[datetime, subject("Filed at", "提交时间")]
    filed_reason: Annotated[Code | None, office("Reason of the amendment", "修订事由")]
    opinion_document_id: Annotated[DocumentId | None, subject("Opinion", "意见")] = None
    last_day: Annotated[date | None, subject("To be filed again by", "重新提交截止日")] = None
    signed_on: Annotated[date | None, subject("Signed on", "签署日期")] = None


def _task_book_touches(recorded: Recorded) -> list[Key | Where]:
    match recorded.event:
        case CaseSucceeded(application_id=application_id):
            return [Where("application_id", application_id)]
    body = recorded.event.as_dict()
    return [(body["application_id"], body["version"])]


def _task_book(row: TaskBookRow | None, recorded: Recorded, _key: Key) -> TaskBookRow | None:
    event, envelope = recorded.event, recorded.envelope
    if isinstance(event, TaskBookFiled):
        return TaskBookRow(**event.as_dict(), filed_at=envelope.effective_at, filed_reason=envelope.reason_code)
    if row is None:
        return None
    match event:
        case TaskBookReturned(opinion_document_id=opinion, last_day=last_day):
            return replace(row, state="returned", opinion_document_id=opinion, last_day=last_day)
        case TaskBookSigned(signed_on=signed_on):
            return replace(row, state="signed", signed_on=signed_on)
        case CaseSucceeded(successor_unit_id=successor):
            return replace(row, unit_id=UnitId(successor))
    return row


TASK_BOOK = View(
    name="task_book",
    version=1,
    en="Task books",
    zh="任务书",
    row=TaskBookRow,
    key=("application_id", "version"),
    reads=(TaskBookFiled, TaskBookReturned, TaskBookSigned, CaseSucceeded),
    touches=_task_book_touches,
    fold=_task_book,
    indexes=("application_id",),
    filters=("application_id", "programme_id", "track_id", "unit_id", "state"),
    sorts=("filed_at",),
    subject_units=("unit_id",),
    is_open=lambda _: False,
)


# --- reports ----------------------------------------------------------------------------------------------------------


class ReportRow(msgspec.Struct, frozen=True, kw_only=True):
    """One report that was asked of a case: due when, filed in time or late, and what became of it.
    zh: 要求项目提交的一项报告:期限、是否按时提交及处理情况。
    """

    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    report: Annotated[Code, subject("Report", "报告")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    year: Annotated[int | None, subject("Year reported on", "报告年度")] = None
    state: Annotated[ReportState, subject("State", "状态")] = "asked"
    due_at: Annotated[datetime, subject("Due before", "截止时刻")]
    last_day: Annotated[date, subject("Last day", "截止日")]
    version: Annotated[int, subject("Version", "版本")] = 0
    document_id: Annotated[DocumentId | None, subject("Report (document)", "报告文件")] = None
    filed_at: Annotated[datetime | None, subject("Filed at", "提交时间")] = None
    late: Annotated[bool, subject("Filed late, once at least", "曾逾期提交")] = False
    opinion_document_id: Annotated[DocumentId | None, subject("Opinion", "意见")] = None
    accepted_at: Annotated[datetime | None, subject("Accepted at", "接受时间")] = None


def _report_touches(recorded: Recorded) -> list[Key | Where]:
    match recorded.event:
        case CaseSucceeded(application_id=application_id):
            return [Where("application_id", application_id)]
    body = recorded.event.as_dict()
    return [(body["application_id"], body["report"])]


def _report(row: ReportRow | None, recorded: Recorded, _key: Key) -> ReportRow | None:
    event = recorded.event
    if isinstance(event, ReportAsked):
        return ReportRow(**event.as_dict())
    return None if row is None else _report_went_on(row, recorded)


def _report_went_on(row: ReportRow, recorded: Recorded) -> ReportRow:
    at = recorded.envelope.effective_at
    match recorded.event:
        case ReportFiled(version=version, document_id=document_id):
            late = row.late or at >= row.due_at
            return replace(row, state="filed", version=version, document_id=document_id, filed_at=at, late=late)
        case ReportReturned(due_at=due_at, last_day=last_day, opinion_document_id=opinion):
            return replace(row, state="returned", due_at=due_at, last_day=last_day, opinion_document_id=opinion)
        case ReportAccepted():
            return replace(row, state="accepted", accepted_at=at)
        case CaseSucceeded(successor_unit_id=successor):
            return replace(row, unit_id=UnitId(successor))
    return row


REPORT = View(
    name="report",
    version=1,
    en="Reports of cases",
    zh="项目报告",
    row=ReportRow,
    key=("application_id", "report"),
    reads=(ReportAsked, ReportFiled, ReportReturned, ReportAccepted, CaseSucceeded),
    touches=_report_touches,
    fold=_report,
    indexes=("application_id",),
    filters=("application_id", "programme_id", "track_id", "unit_id", "report", "state", "late"),
    sorts=("due_at", "filed_at"),
    subject_units=("unit_id",),
    is_open=lambda _: False,
)


# --- outreach ---------------------------------------------------------------------------------------------------------


class OutreachRow(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of outreach of a case: channel, day, and how many it reached.
    zh: 一项宣传:渠道、日期与受众数量。
    """

    position: Annotated[int, public("Position", "位置")]
    application_id: Annotated[ApplicationId, public("Application", "申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    channel: Annotated[Code, public("Channel", "渠道")]
    reach: Annotated[int, public("Reached", "受众数量")]
    published_on: Annotated[date, public("Published on", "发布日期")]
    document_id: Annotated[DocumentId, subject("Evidence", "佐证文件")]


def _outreach(_row: OutreachRow | None, recorded: Recorded, _key: Key) -> OutreachRow:
    return OutreachRow(**recorded.event.as_dict(), position=recorded.position)


OUTREACH = View(
    name="outreach",
    version=1,
    en="Outreach",
    zh="宣传",
    row=OutreachRow,
    key=("position",),
    reads=(OutreachRecorded,),
    touches=lambda recorded: [(recorded.position,)],
    fold=_outreach,
    filters=("application_id", "programme_id", "track_id", "unit_id", "channel"),
    sorts=("published_on", "reach"),
    subject_units=("unit_id",),
)
