"""What can have happened to an application and to the window it is filed in."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from domain.ids import ApplicationId, DocumentId, NominatorUnitId, ProgrammeId, TrackId, UnitId
from domain.kernel import Code, Digest, Event, public, subject

WindowRule = Literal["until_day", "until_moment", "working_days", "calendar_days"]
Rating = Literal["met", "partly_met", "not_met"]


class BudgetLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked for in one category and one year of the cycle, in fen."""

    category: Code
    year: int
    amount_fen: int


class SelfCheckItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the unit rates itself on one criterion."""

    criterion: Code
    rating: Rating


class ApplicationWindowOpened(Event):
    """The application window of a programme was opened; in time is what is received before it closes.
    zh: 项目申报窗口开启;截止时刻之前收到者为按时。
    """

    TOPIC = "application.window_opened.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    opens_at: Annotated[datetime, public("Opens at", "开启时间")]
    closes_at: Annotated[datetime, public("Closes at", "截止时刻")]
    last_day: Annotated[date, public("Last day", "截止日")]
    rule: Annotated[WindowRule, public("Rule", "计算规则")]
    term_position: Annotated[int, public("Term (position)", "条款位置")]
    calendar_position: Annotated[int | None, public("Calendar (position)", "日历位置")] = None


class ApplicationWindowExtended(Event):
    """The application window of a programme was extended.
    zh: 项目申报窗口延长。
    """

    TOPIC = "application.window_extended.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    closes_at: Annotated[datetime, public("Closes at", "截止时刻")]
    last_day: Annotated[date, public("Last day", "截止日")]


class ApplicationWindowClosed(Event):
    """The application window of a programme closed, as of the instant written when it was opened or extended.
    zh: 项目申报窗口按开启或延长时载明的时刻关闭。
    """

    TOPIC = "application.window_closed.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    closes_at: Annotated[datetime, public("Closes at", "截止时刻")]
    last_day: Annotated[date, public("Last day", "截止日")]


class ApplicationStarted(Event):
    """A unit started to prepare an application in a track; named beside it is who is to put it forward as things stand.
    zh: 单位开始准备某赛道的申报;并列当时应由其推荐的单位。
    """

    TOPIC = "application.started.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    nominator_unit_id: Annotated[NominatorUnitId, subject("Nominating unit", "推荐单位")]


class FormSaved(Event):
    """The application form was saved: which fields are answered, and the document that holds the answers.
    zh: 申报书已保存:所填栏目及存放内容的文件。
    """

    TOPIC = "application.form_saved.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    form: Annotated[Code, subject("Form", "表单")]
    answered: Annotated[tuple[Code, ...], subject("Fields answered", "已填栏目")]
    document_id: Annotated[DocumentId, subject("Answers", "内容文件")]


class SelfCheckSaved(Event):
    """The self-check was saved, item by item against a pinned catalogue.
    zh: 自查报告已保存,逐项对照固定版本的标准目录。
    """

    TOPIC = "application.self_check_saved.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    catalogue: Annotated[Code, subject("Catalogue", "标准目录")]
    version: Annotated[int, subject("Version", "版本")]
    items: Annotated[tuple[SelfCheckItem, ...], subject("Items", "逐项自评")]
    document_id: Annotated[DocumentId, subject("Report", "报告文件")]


class BudgetSaved(Event):
    """The budget was saved, line by line in fen; its total follows from its lines.
    zh: 经费预算已保存,逐行以分计;合计由各行得出。
    """

    TOPIC = "application.budget_saved.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    lines: Annotated[tuple[BudgetLine, ...], subject("Lines", "预算明细")]


class ApplicationPrepared(Event):
    """The unit declared its materials complete: exactly those with this digest.
    zh: 单位声明材料齐备,以此摘要所指者为限。
    """

    TOPIC = "application.prepared.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    materials_digest: Annotated[Digest, subject("Digest of the materials", "材料摘要")]


class ApplicationFiled(Event):
    """The nominating unit filed the application with the office; a place of its quota is used.
    zh: 推荐单位向主管部门报送申报;占用其一个推荐指标。
    """

    TOPIC = "application.filed.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    nominator_unit_id: Annotated[NominatorUnitId, subject("Nominating unit", "推荐单位")]
    materials_digest: Annotated[Digest, subject("Digest of the materials", "材料摘要")]


class PaperReceived(Event):
    """The office received the paper copy of a filed application on this day.
    zh: 主管部门于该日收到申报的纸质材料。
    """

    TOPIC = "application.paper_received.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    received_on: Annotated[date, subject("Received on", "收到日期")]


class ApplicationWithdrawn(Event):
    """The application was withdrawn; where it had been filed, the place goes back to the nominating unit's quota.
    zh: 申报撤回;已报送者,其指标退还推荐单位。
    """

    TOPIC = "application.withdrawn.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    nominator_unit_id: Annotated[NominatorUnitId | None, subject("Nominating unit (filed)", "推荐单位(已报送)")] = None
