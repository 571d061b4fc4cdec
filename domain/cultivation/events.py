"""What can have happened to a case between its selection and its end."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from domain.ids import ApplicationId, DocumentId, PersonId, ProgrammeId, SuccessorUnitId, TrackId, UnitId
from domain.kernel import Code, Event, OfficialName, public, subject

SuccessionGround = Literal["merged", "split", "dissolved", "decided"]


class DueOn(msgspec.Struct, frozen=True, tag="on", forbid_unknown_fields=True):
    """Due by the end of a day."""

    day: date


class DueByTerm(msgspec.Struct, frozen=True, tag="by_term", forbid_unknown_fields=True):
    """Due by the end of the day that a term of the call names, as the term stands when it is asked for."""

    term: Code


class DueWithin(msgspec.Struct, frozen=True, tag="within", forbid_unknown_fields=True):
    """Due so many calendar days after the first day of the case's cultivation."""

    days: int


Due = DueOn | DueByTerm | DueWithin


class Milestone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step of the task book, by its code, and the day by which it is to be reached."""

    code: Code
    due_on: date


class BudgetItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the binding budget allows in one year and one category, in fen."""

    year: int
    category: Code
    amount_fen: int


# --- what the programme requires --------------------------------------------------------------------------------------


class TaskBookRequired(Event):
    """The programme requires a task book of each case of these tracks, by this time. Defined anew, the later one holds
    for cases that begin afterwards.
    zh: 项目要求所列赛道的每个项目按期提交任务书。再次设定者,适用于此后开始的项目。
    """

    TOPIC = "cultivation.task_book_required.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_ids: Annotated[tuple[TrackId, ...], public("Tracks", "赛道")]
    due: Annotated[Due, public("Due", "期限")]


class ReportRequired(Event):
    """The programme requires a report of each case of these tracks, by this time. Defined anew, the later one holds for
    cases that are asked for it afterwards.
    zh: 项目要求所列赛道的每个项目按期提交某项报告。再次设定者,适用于此后被要求提交者。
    """

    TOPIC = "cultivation.report_required.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    report: Annotated[Code, public("Report", "报告")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    track_ids: Annotated[tuple[TrackId, ...], public("Tracks", "赛道")]
    due: Annotated[Due, public("Due", "期限")]
    year: Annotated[int | None, public("Year reported on", "报告年度")] = None


class CultivationBegun(Event):
    """The cultivation of a selected case began; what the programme requires is asked of it from now on.
    zh: 入选项目的培育创建开始;项目的各项要求自此适用。
    """

    TOPIC = "cultivation.begun.v1"
    application_id: Annotated[ApplicationId, public("Application", "申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    first_day: Annotated[date, public("First day", "起始日")]
    last_day: Annotated[date | None, public("Last day (none: not stated)", "截止日(空为未载明)")] = None


class TaskBookAsked(Event):
    """The unit of a case was asked for its task book by this time.
    zh: 要求项目单位按期提交任务书。
    """

    TOPIC = "cultivation.task_book_asked.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    due_at: Annotated[datetime, subject("Due before", "截止时刻")]
    last_day: Annotated[date, subject("Last day", "截止日")]


class ReportAsked(Event):
    """The unit of a case was asked for a report by this time.
    zh: 要求项目单位按期提交某项报告。
    """

    TOPIC = "cultivation.report_asked.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    report: Annotated[Code, subject("Report", "报告")]
    year: Annotated[int | None, subject("Year reported on", "报告年度")] = None
    due_at: Annotated[datetime, subject("Due before", "截止时刻")]
    last_day: Annotated[date, subject("Last day", "截止日")]


# --- the task book ----------------------------------------------------------------------------------------------------


class TaskBookFiled(Event):
    """The unit filed a version of its task book: milestones, responsible persons, road map, and the budget.
    zh: 单位提交任务书的某一版本:节点、责任人、路线图与预算。
    """

    TOPIC = "cultivation.task_book_filed.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    version: Annotated[int, subject("Version", "版本")]
    document_id: Annotated[DocumentId, subject("Task book", "任务书")]
    road_map_document_id: Annotated[DocumentId, subject("Road map", "路线图")]
    milestones: Annotated[tuple[Milestone, ...], subject("Milestones", "节点")]
    responsible_ids: Annotated[tuple[PersonId, ...], subject("Responsible persons", "责任人")]
    budget: Annotated[tuple[BudgetItem, ...], subject("Budget", "预算")] = ()


class TaskBookReturned(Event):
    """The office returned a version of the task book, to be filed again by this time.
    zh: 主管部门退回任务书的某一版本,限期重新提交。
    """

    TOPIC = "cultivation.task_book_returned.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    version: Annotated[int, subject("Version", "版本")]
    due_at: Annotated[datetime, subject("Due before", "截止时刻")]
    last_day: Annotated[date, subject("Last day", "截止日")]
    opinion_document_id: Annotated[DocumentId, subject("Opinion", "意见")]


class TaskBookSigned(Event):
    """The office signed a version of the task book: its budget binds from now on.
    zh: 主管部门签署任务书的某一版本:其预算自此具有约束力。
    """

    TOPIC = "cultivation.task_book_signed.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    version: Annotated[int, subject("Version", "版本")]
    budget: Annotated[tuple[BudgetItem, ...], subject("Budget", "预算")] = ()
    signed_on: Annotated[date, subject("Signed on", "签署日期")]


# --- reports and outreach ---------------------------------------------------------------------------------------------


class ReportFiled(Event):
    """The unit filed a report that had been asked for.
    zh: 单位提交所要求的报告。
    """

    TOPIC = "cultivation.report_filed.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    report: Annotated[Code, subject("Report", "报告")]
    version: Annotated[int, subject("Version", "版本")]
    document_id: Annotated[DocumentId, subject("Report (document)", "报告文件")]


class ReportReturned(Event):
    """The office returned a report for completion, to be filed again by this time.
    zh: 主管部门退回报告,限期补充完善后重新提交。
    """

    TOPIC = "cultivation.report_returned.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    report: Annotated[Code, subject("Report", "报告")]
    version: Annotated[int, subject("Version", "版本")]
    due_at: Annotated[datetime, subject("Due before", "截止时刻")]
    last_day: Annotated[date, subject("Last day", "截止日")]
    opinion_document_id: Annotated[DocumentId, subject("Opinion", "意见")]


class ReportAccepted(Event):
    """The office accepted a report.
    zh: 主管部门接受报告。
    """

    TOPIC = "cultivation.report_accepted.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    report: Annotated[Code, subject("Report", "报告")]
    version: Annotated[int, subject("Version", "版本")]


class OutreachRecorded(Event):
    """Outreach of a case was recorded: through which channel, on which day, and how many it reached.
    zh: 记录项目的宣传情况:渠道、日期与受众数量。
    """

    TOPIC = "cultivation.outreach_recorded.v1"
    application_id: Annotated[ApplicationId, public("Application", "申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    channel: Annotated[Code, public("Channel", "渠道")]
    reach: Annotated[int, public("Reached", "受众数量")]
    published_on: Annotated[date, public("Published on", "发布日期")]
    document_id: Annotated[DocumentId, subject("Evidence", "佐证文件")]


# --- what becomes of a case -------------------------------------------------------------------------------------------


class CaseSucceeded(Event):
    """A case passed from its unit to a successor, with all that is asked of it.
    zh: 项目由原单位转由承接单位承担,其各项义务一并承继。
    """

    TOPIC = "cultivation.case_succeeded.v1"
    application_id: Annotated[ApplicationId, public("Application", "申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit before", "原单位")]
    successor_unit_id: Annotated[SuccessorUnitId, public("Successor", "承接单位")]
    ground: Annotated[SuccessionGround, public("Ground", "理由")]


class CultivationStopped(Event):
    """The cultivation of a case was stopped before its time; nothing more is asked of it.
    zh: 项目的培育创建提前终止;不再对其提出要求。
    """

    TOPIC = "cultivation.stopped.v1"
    application_id: Annotated[ApplicationId, public("Application", "申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    ground: Annotated[Code, public("Ground", "理由")]
    decision_document_id: Annotated[DocumentId, subject("Decision", "决定文件")]
