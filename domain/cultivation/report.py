"""What may be asked of a report: file it, return it for completion, accept it; and of outreach: record it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, ClassVar

import msgspec

from domain.calendar.policy import end_of
from domain.cultivation.events import OutreachRecorded, ReportAccepted, ReportAsked, ReportFiled, ReportReturned
from domain.cultivation.policy import REPORT_FACTS, REPORT_TITLES, AboutRunningCase, Report, ReportFact
from domain.cultivation.task_book import ReturnedUntilPast
from domain.document.policy import RestsOnPapers
from domain.ids import ApplicationId, DocumentId, tag
from domain.kernel import Code, Invalid, Refusal, Selector, Unknown, any_event, asked, event, known, word


class ReportNotAsked(Unknown):
    """No report {report} was asked of case {application_id}.
    zh: 未曾要求项目 {application_id} 提交报告 {report}。
    title: The report was not asked for · 未曾要求该项报告
    """


class ReportInHand(Refusal):
    """Report {report} was filed and waits for the office.
    zh: 报告 {report} 已提交,尚待主管部门处理。
    title: The report waits for the office · 报告尚待主管部门处理
    """


class ReportSettled(Refusal):
    """Report {report} has been accepted.
    zh: 报告 {report} 已被接受。
    title: The report has been accepted · 报告已被接受
    """


class ReportNotFiled(Refusal):
    """Report {report} is not there to be looked at: it is {state}.
    zh: 报告 {report} 尚无可处理的提交,现为 {state}。
    title: There is no report to be looked at · 尚无可处理的报告
    """


class NegativeReach(Invalid):
    """Outreach reaches nobody less than nobody: {reach}.
    zh: 受众数量不得为负:{reach}。
    title: Outreach reaches nobody less than nobody · 受众数量不得为负
    """


class PublishedOutsidePeriod(Refusal):
    """Outreach of {published_on} lies before the case began, {first_day}, or after today, {today}.
    zh: {published_on} 的宣传早于项目起始日 {first_day} 或晚于今日 {today}。
    title: The outreach lies outside the period · 宣传日期不在期间之内
    """


class OutreachRecordedAlready(Refusal):
    """This outreach is on record already: channel {channel}, published on {published_on}.
    zh: 该项宣传已有记录:渠道 {channel},发布日期 {published_on}。
    title: The outreach is on record already · 该项宣传已有记录
    """


class AboutReport(AboutRunningCase):
    """What every command about a report of a case knows.
    zh: 关于项目报告的各项命令所共知。
    """

    report: Code = asked("Report", "报告")

    reports: dict[Code, Report] = known(factory=dict)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case, and its reports."""
        return [*super().consistency_boundary(), Selector(REPORT_FACTS, [tag(ApplicationId, self.application_id)])]

    @any_event(*REPORT_FACTS)
    def _(self, body: ReportFact) -> None:
        if isinstance(body, ReportAsked):
            self.reports[body.report] = Report(body)
        else:
            self.reports[body.report].take(body)

    def _require_asked(self) -> Report:
        """The report that was asked for."""
        if self.report not in self.reports:
            raise ReportNotAsked(report=self.report, application_id=self.application_id)
        return self.reports[self.report]

    def _require_filed(self) -> Report:
        """The report, filed and not dealt with yet."""
        one = self._require_asked()
        if one.state != "filed":
            raise ReportNotFiled(report=self.report, state=word(one.state, REPORT_TITLES))
        return one


class FileReport(RestsOnPapers, AboutReport):
    """File a report that was asked for, or one that was returned, completed; a late one is taken and is late.
    zh: 提交所要求的报告,或补充完善后重新提交被退回的报告;逾期者仍予收取,并记为逾期。
    """

    document_id: DocumentId = asked("Report (document)", "报告文件")

    def execute(self) -> None:
        named, one = self._fields(), self._require_asked()
        if one.state == "filed":
            raise ReportInHand(report=self.report)
        if one.state == "accepted":
            raise ReportSettled(report=self.report)
        self._require_papers()
        self.trigger_event(
            ReportFiled, **named, report=self.report, version=one.version + 1, document_id=self.document_id
        )


class ReturnReport(RestsOnPapers, AboutReport):
    """Return a filed report for completion, with an opinion, to be filed again by the end of a day.
    zh: 附意见退回报告,要求补充完善并于某日终了之前重新提交。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("opinion_document_id",)

    last_day: date = asked("Last day", "截止日")
    opinion_document_id: DocumentId = asked("Opinion", "意见")

    def execute(self) -> None:
        named, one = self._fields(), self._require_filed()
        self._require_papers()
        due_at = end_of(self.last_day, self.zone)
        if due_at <= self.now:
            raise ReturnedUntilPast(last_day=self.last_day)
        self.trigger_event(
            ReportReturned,
            **named,
            report=self.report,
            version=one.version,
            due_at=due_at,
            last_day=self.last_day,
            opinion_document_id=self.opinion_document_id,
        )


class AcceptReport(AboutReport):
    """Accept a filed report.
    zh: 接受所提交的报告。
    """

    def execute(self) -> None:
        named, one = self._fields(), self._require_filed()
        self.trigger_event(ReportAccepted, **named, report=self.report, version=one.version)


class RecordOutreach(RestsOnPapers, AboutRunningCase):
    """Record that results of a case were shown to others: through which channel, on which day, reaching how many.
    zh: 记录项目成果的宣传:渠道、日期与受众数量。
    """

    channel: Code = asked("Channel", "渠道")
    reach: Annotated[int, msgspec.Meta(ge=0)] = asked("Reached", "受众数量")
    published_on: date = asked("Published on", "发布日期")
    document_id: DocumentId = asked("Evidence", "佐证文件")

    recorded: frozenset[tuple[Code, date, DocumentId]] = known(frozenset())

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case, the evidence, and what was recorded on it before."""
        evidence = [tag(ApplicationId, self.application_id), tag(DocumentId, self.document_id)]
        return [*super().consistency_boundary(), Selector([OutreachRecorded], evidence)]

    @event(OutreachRecorded)
    def _(self, body: OutreachRecorded) -> None:
        self.recorded |= {(body.channel, body.published_on, body.document_id)}

    def execute(self) -> None:
        confirmed, named = self._require_case(), self._fields()
        if self.reach < 0:
            raise NegativeReach(field="reach", reach=self.reach)
        if not confirmed.first_day <= self.published_on <= self.today:
            raise PublishedOutsidePeriod(
                published_on=self.published_on, first_day=confirmed.first_day, today=self.today
            )
        self._require_papers()
        if (self.channel, self.published_on, self.document_id) in self.recorded:
            raise OutreachRecordedAlready(channel=self.channel, published_on=self.published_on)
        self.trigger_event(
            OutreachRecorded,
            **named,
            channel=self.channel,
            reach=self.reach,
            published_on=self.published_on,
            document_id=self.document_id,
        )
