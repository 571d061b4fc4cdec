"""What happens at which time: the whole list on one page.

A row of ``SCHEDULE`` follows the institution's clock: the rows of a view that wait, the field that says when each is
due, and the command that is asked for then. A row of ``OPERATIONS`` follows real time by a cron expression in the
institution's zone. Both ask at the front door under the service identity ``schedule``, with a command id that follows
from the due key, so that a late or doubled scheduler yields the same event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.accountability.measure import EndMeasure
from domain.application.window import CloseApplicationWindow
from domain.audit.engagement import EndEngagement
from domain.audit.events import ReplayCertified
from domain.designation.commands import LapseTitle
from domain.funding.payment import ExpirePayment
from domain.funding.period import ClosePeriod
from domain.funding.yearend import CarryForward, LapseFunds
from domain.ids import (
    ApplicationId,
    DesignationId,
    EngagementId,
    MeasureId,
    ObligationId,
    PanelId,
    PaymentId,
    ProgrammeId,
    PublicityId,
    tag,
)
from domain.kernel import Command, Event
from domain.obligation.commands import MarkObligationOverdue, RemindOfObligation
from domain.permission.commands import RecordAccessDay
from domain.publicity.commands import ClosePublicity
from domain.review.scoring import CloseScoring
from projections.accountability import MEASURE
from projections.audit import ENGAGEMENT
from projections.designation import DESIGNATION
from projections.funding import BALANCE, CLOSING, PAYMENT, BalanceRow
from projections.kernel import View
from projections.obligation import OBLIGATION, ObligationRow
from projections.panel import PANEL
from projections.publicity import PUBLICITY
from projections.window import WINDOW
from workers.automations import CERTIFYING

__all__ = ["OPERATIONS", "SCHEDULE", "AccessDay", "ByNight", "Operation", "WhenDue"]


@dataclass(frozen=True, kw_only=True)
class WhenDue:
    """When a waiting row of a view is due, a command is asked for.

    ``waiting`` filters the rows, ``due_at`` names the field with the instant, ``subject`` gives the tag of what the
    command is about, ``part`` what tells several rows of one subject apart, and ``values`` its fields.
    """

    rule: str
    en: str
    zh: str
    view: View[Any]
    waiting: Mapping[str, Any]
    due_at: str
    command: type[Command]
    subject: Callable[[Any], str]
    values: Callable[[Any], dict[str, Any]]
    part: Callable[[Any], str] = lambda _: ""

    def instant(self, row: object) -> datetime:
        """When a row is due."""
        instant: datetime = getattr(row, self.due_at)
        return instant

    def key(self, row: object) -> str:
        """What one firing is known by: the subject and its due instant, which an extension makes another one."""
        return f"{self.subject(row)}{self.part(row)}@{self.instant(row).isoformat()}"


@dataclass(frozen=True, kw_only=True)
class AccessDay:
    """The root of each closed day of the access journal is recorded; a day without lines records nothing."""

    rule: str
    en: str
    zh: str
    cron: str
    command: type[Command]


@dataclass(frozen=True, kw_only=True)
class ByNight:
    """An automation is started about the newest event; where there was none but these since the last time, it is not.

    What takes long is not the scheduler's to wait for: a worker carries it out.
    """

    rule: str
    en: str
    zh: str
    cron: str
    automation: str
    but_for: tuple[type[Event], ...]


Operation = AccessDay | ByNight
"""What happens by real time."""


def _whose(row: ObligationRow) -> dict[str, Any]:
    """An obligation is asked about by what it is about."""
    return {
        "obligation_id": row.obligation_id,
        "application_id": row.application_id,
        "objection_id": row.objection_id,
        "panel_id": row.panel_id,
        "measure_id": row.measure_id,
    }


def _line(row: BalanceRow) -> str:
    """A case has money of several sources and years, and each line has an end of its own."""
    return f"/{row.source}/{row.year}"


def _money(row: BalanceRow) -> dict[str, Any]:
    return {"application_id": row.application_id, "source": row.source, "year": row.year}


SCHEDULE: tuple[WhenDue, ...] = (
    WhenDue(
        rule="close_application_windows",
        en="Close application windows at the instant written when they were opened or extended",
        zh="按开启或延长时载明的时刻关闭申报窗口",
        view=WINDOW,
        waiting={"closed": False},
        due_at="closes_at",
        command=CloseApplicationWindow,
        subject=lambda row: tag(ProgrammeId, row.programme_id),
        values=lambda row: {"programme_id": row.programme_id},
    ),
    WhenDue(
        rule="close_scoring",
        en="Close scoring at the instant written when it was opened or extended",
        zh="按开启或延长时载明的时刻截止评分",
        view=PANEL,
        waiting={"state": "scoring"},
        due_at="closes_at",
        command=CloseScoring,
        subject=lambda row: tag(PanelId, row.panel_id),
        values=lambda row: {"panel_id": row.panel_id},
    ),
    WhenDue(
        rule="close_publicities",
        en="Close publicities at the instant written when they were opened or extended",
        zh="按开启或延长时载明的时刻截止公示",
        view=PUBLICITY,
        waiting={"waits_to_close": True},
        due_at="closes_at",
        command=ClosePublicity,
        subject=lambda row: tag(PublicityId, row.publicity_id),
        values=lambda row: {"publicity_id": row.publicity_id},
    ),
    WhenDue(
        rule="expire_payments",
        en="Let payments expire that nothing resolved by the instant written when they were requested",
        zh="按申请时载明的时刻使未办结的拨付失效",
        view=PAYMENT,
        waiting={"waits_to_expire": True},
        due_at="expires_at",
        command=ExpirePayment,
        subject=lambda row: tag(PaymentId, row.payment_id),
        values=lambda row: {"application_id": row.application_id, "payment_id": row.payment_id},
    ),
    WhenDue(
        rule="close_months",
        en="Close a month of a programme's books so many days after its end as the rule says",
        zh="按规则于月末若干日后结该月账",
        view=CLOSING,
        waiting={"waits": True},
        due_at="next_close_at",
        command=ClosePeriod,
        subject=lambda row: tag(ProgrammeId, row.programme_id),
        values=lambda row: {"programme_id": row.programme_id, "period": "month", "last_day": row.next_close_on},
    ),
    WhenDue(
        rule="close_quarters",
        en="Close a quarter of a programme's books once its last month is closed",
        zh="季度最末月份结账后结该季账",
        view=CLOSING,
        waiting={"quarter_waits": True},
        due_at="quarter_at",
        command=ClosePeriod,
        subject=lambda row: tag(ProgrammeId, row.programme_id),
        part=lambda row: f"/{row.quarter_on}",
        values=lambda row: {"programme_id": row.programme_id, "period": "quarter", "last_day": row.quarter_on},
    ),
    WhenDue(
        rule="close_years",
        en="Close a fiscal year of a programme's books once its last month is closed",
        zh="财政年度最末月份结账后结该年账",
        view=CLOSING,
        waiting={"year_waits": True},
        due_at="year_at",
        command=ClosePeriod,
        subject=lambda row: tag(ProgrammeId, row.programme_id),
        part=lambda row: f"/{row.year_on}",
        values=lambda row: {"programme_id": row.programme_id, "period": "year", "last_day": row.year_on},
    ),
    WhenDue(
        rule="close_cycles",
        en="Close the cycle with the first month from its end on at which all is accounted for or came back",
        zh="自建设周期截止起,于全部核销或收回的首个月份结账后结周期账",
        view=CLOSING,
        waiting={"cycle_waits": True},
        due_at="cycle_at",
        command=ClosePeriod,
        subject=lambda row: tag(ProgrammeId, row.programme_id),
        part=lambda row: f"/{row.cycle_on}",
        values=lambda row: {"programme_id": row.programme_id, "period": "cycle", "last_day": row.cycle_on},
    ),
    WhenDue(
        rule="carry_funds_forward",
        en="Carry what is left of a case's money forward when its year is cut off, where the rule says so",
        zh="规则规定结转者,于年度截止时结转项目结余",
        view=BALANCE,
        waiting={"carries": True},
        due_at="cutoff_at",
        command=CarryForward,
        subject=lambda row: tag(ApplicationId, row.application_id),
        part=_line,
        values=_money,
    ),
    WhenDue(
        rule="lapse_funds",
        en="Let what a case was not paid lapse when its year is cut off, where the rule says so",
        zh="规则规定失效者,于年度截止时收回项目尚未拨付的额度",
        view=BALANCE,
        waiting={"lapses": True},
        due_at="cutoff_at",
        command=LapseFunds,
        subject=lambda row: tag(ApplicationId, row.application_id),
        part=_line,
        values=_money,
    ),
    WhenDue(
        rule="lapse_titles",
        en="Note titles that lapsed at the end of their validity",
        zh="记录有效期届满失效的称号",
        view=DESIGNATION,
        waiting={"waits_to_lapse": True},
        due_at="lapses_at",
        command=LapseTitle,
        subject=lambda row: tag(DesignationId, row.designation_id),
        values=lambda row: {"designation_id": row.designation_id},
    ),
    WhenDue(
        rule="end_measures",
        en="Note measures of accountability that ended by their term",
        zh="记录期满终止的追责措施",
        view=MEASURE,
        waiting={"waits_to_end": True},
        due_at="ends_at",
        command=EndMeasure,
        subject=lambda row: tag(MeasureId, row.measure_id),
        values=lambda row: {"measure_id": row.measure_id},
    ),
    WhenDue(
        rule="end_engagements",
        en="End audit engagements when their last day is over",
        zh="末日届满时终止审计委托",
        view=ENGAGEMENT,
        waiting={"waits_to_end": True},
        due_at="ends_at",
        command=EndEngagement,
        subject=lambda row: tag(EngagementId, row.engagement_id),
        values=lambda row: {"engagement_id": row.engagement_id},
    ),
    WhenDue(
        rule="remind_of_obligations",
        en="Remind of obligations when their last day begins",
        zh="义务最后一日开始时催办",
        view=OBLIGATION,
        waiting={"reminds": True},
        due_at="remind_at",
        command=RemindOfObligation,
        subject=lambda row: tag(ObligationId, row.obligation_id),
        values=_whose,
    ),
    WhenDue(
        rule="mark_obligations_overdue",
        en="Note obligations that nothing answered by their deadline",
        zh="记录届满而未履行的义务",
        view=OBLIGATION,
        waiting={"waits": True},
        due_at="due_at",
        command=MarkObligationOverdue,
        subject=lambda row: tag(ObligationId, row.obligation_id),
        values=_whose,
    ),
)

OPERATIONS: tuple[Operation, ...] = (
    AccessDay(
        rule="record_access_day",
        en="Record the root of yesterday's lines of the access journal",
        zh="记录访问日志前一日的根摘要",
        cron="5 0 * * *",
        command=RecordAccessDay,
    ),
    ByNight(
        rule="certify_replay",
        en="Fold every view anew, compare it with its table, and record what came of it",
        zh="逐一重放视图并与其数据表核对,记录结果",
        cron="30 2 * * *",
        automation=CERTIFYING.name,
        but_for=(ReplayCertified,),
    ),
)
