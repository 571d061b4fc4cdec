"""What a programme requires of its cases: a task book and reports, each by a day; and how that is asked of each case.

A requirement is defined for a programme and asked of each case by a fact of its own, so that whose it is, and by when,
is written down once and moves with nothing that is said of the call afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar

from domain.calendar.policy import end_of
from domain.cultivation.events import (
    CaseSucceeded,
    CultivationBegun,
    Due,
    DueWithin,
    ReportAsked,
    ReportRequired,
    TaskBookAsked,
    TaskBookRequired,
)
from domain.cultivation.policy import ENDS, AboutRunningCase, CaseFields, End, due_day
from domain.ids import ApplicationId, ProgrammeId, TrackId, UnitId, tag
from domain.kernel import Code, Command, Invalid, OfficialName, Refusal, Selector, any_event, asked, event, known
from domain.programme.events import (
    ErratumRecorded,
    ProgrammeAnnounced,
    TermInterpreted,
    TermPublished,
    TrackDefined,
)
from domain.programme.policy import TERM_FACTS, ProgrammeUnknown, Terms, TrackUnknown
from domain.unit.policy import TREE_FACTS, Lineage, TreeFact


class RequiredOfNoTrack(Invalid):
    """What is required names at least one track, and each once.
    zh: 要求须至少列明一个赛道,且不得重复。
    """


class DueWithinNoDays(Invalid):
    """Something is due within at least one day, not within {days}.
    zh: 期限至少为一日,不能为 {days} 日。
    title: A time is at least one day · 期限至少一日
    """


class DueAlready(Refusal):
    """It would be due at once: its last day {last_day} is over.
    zh: 期限随即届满:截止日 {last_day} 已过。
    title: It would be due at once · 期限随即届满
    """


class BegunAlready(Refusal):
    """The cultivation of case {application_id} has begun before.
    zh: 项目 {application_id} 的培育创建此前已开始。
    title: The cultivation has begun before · 培育创建此前已开始
    """


@dataclass(slots=True)
class _Cases:
    """The cases of a programme that have begun and still run, and what was asked of them."""

    running: dict[ApplicationId, CultivationBegun] = field(default_factory=dict)
    units: dict[ApplicationId, UnitId] = field(default_factory=dict)
    task_books: set[ApplicationId] = field(default_factory=set)
    reports: set[tuple[ApplicationId, Code]] = field(default_factory=set)

    def take(self, body: CultivationBegun | CaseSucceeded | TaskBookAsked | ReportAsked | End) -> None:
        """Take in one event of the programme's cases."""
        match body:
            case CultivationBegun():
                self.running[body.application_id] = body
                self.units[body.application_id] = body.unit_id
            case CaseSucceeded():
                self.units[body.application_id] = UnitId(body.successor_unit_id)
            case TaskBookAsked():
                self.task_books.add(body.application_id)
            case ReportAsked():
                self.reports.add((body.application_id, body.report))
            case _:
                self.running.pop(body.application_id, None)

    def of_tracks(self, track_ids: Sequence[TrackId]) -> Iterator[tuple[CaseFields, date]]:
        """Those of some tracks, and the first day of each."""
        for begun in self.running.values():
            if begun.track_id in track_ids:
                named: CaseFields = {
                    "application_id": begun.application_id,
                    "programme_id": begun.programme_id,
                    "track_id": begun.track_id,
                    "unit_id": self.units[begun.application_id],
                }
                yield named, begun.first_day


class AboutRequirement(Command):
    """What every command knows that says what a programme requires: its tracks and terms, and its running cases.
    zh: 设定项目要求的各项命令所共知:项目的赛道、条款及在培育创建期内的项目。
    """

    READS_AT_MOST: ClassVar[int] = 20_000

    programme_id: ProgrammeId = asked("Programme", "项目")
    track_ids: tuple[TrackId, ...] = asked("Tracks", "赛道")
    due: Due = asked("Due", "期限")

    announced: bool = known(default=False)
    tracks: frozenset[TrackId] = known(frozenset())
    terms: Terms = known(factory=Terms)
    cases: _Cases = known(factory=_Cases)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The definition, and every case that has begun."""
        programme = [tag(ProgrammeId, self.programme_id)]
        return [
            Selector([ProgrammeAnnounced, TrackDefined, *TERM_FACTS], programme),
            Selector([CultivationBegun, CaseSucceeded, *ENDS], programme),
        ]

    @event(ProgrammeAnnounced)
    def _(self) -> None:
        self.announced = True

    @event(TrackDefined)
    def _(self, track_id: TrackId) -> None:
        self.tracks |= {track_id}

    @any_event(*TERM_FACTS)
    def _(self, body: TermPublished | TermInterpreted | ErratumRecorded, position: int) -> None:
        self.terms.take(body, position)

    @any_event(CultivationBegun, CaseSucceeded, *ENDS)
    def _(self, body: CultivationBegun | CaseSucceeded | End) -> None:
        self.cases.take(body)

    def _require_definition(self) -> None:
        """Raise unless the programme has these tracks, and the time is one that can be read now."""
        if not self.announced:
            raise ProgrammeUnknown(programme_id=self.programme_id)
        if not self.track_ids or len(set(self.track_ids)) < len(self.track_ids):
            raise RequiredOfNoTrack(field="track_ids")
        for track_id in self.track_ids:
            if track_id not in self.tracks:
                raise TrackUnknown(programme_id=self.programme_id, track_id=track_id)
        if isinstance(self.due, DueWithin) and self.due.days < 1:
            raise DueWithinNoDays(field="due", days=self.due.days)
        if not isinstance(self.due, DueWithin):
            self._require_left(due_day(self.due, self.terms, self.today))

    def _require_left(self, last_day: date) -> None:
        if end_of(last_day, self.zone) <= self.now:
            raise DueAlready(last_day=last_day)


class RequireTaskBook(AboutRequirement):
    """Require a task book of the cases of these tracks; those that run and were not asked for one are asked now.
    zh: 要求所列赛道的项目提交任务书;已在培育创建期内且尚未被要求者,即行要求。
    """

    required: TaskBookRequired | None = known()

    def consistency_boundary(self) -> Sequence[Selector]:
        programme = [tag(ProgrammeId, self.programme_id)]
        return [*super().consistency_boundary(), Selector([TaskBookRequired, TaskBookAsked], programme)]

    @event(TaskBookRequired)
    def _(self, body: TaskBookRequired) -> None:
        self.required = body

    @event(TaskBookAsked)
    def _(self, body: TaskBookAsked) -> None:
        self.cases.take(body)

    def execute(self) -> None:
        self._require_definition()
        required = TaskBookRequired(programme_id=self.programme_id, track_ids=self.track_ids, due=self.due)
        if required == self.required:
            return
        self.trigger_event(TaskBookRequired, **required.as_dict())
        for named, first_day in self.cases.of_tracks(self.track_ids):
            if named["application_id"] in self.cases.task_books:
                continue
            last_day = due_day(self.due, self.terms, first_day)
            self._require_left(last_day)
            self.trigger_event(TaskBookAsked, **named, due_at=end_of(last_day, self.zone), last_day=last_day)


class RequireReport(AboutRequirement):
    """Require a report of the cases of these tracks; those that run and were not asked for it are asked now.
    zh: 要求所列赛道的项目提交某项报告;已在培育创建期内且尚未被要求者,即行要求。
    """

    report: Code = asked("Report", "报告")
    name_zh: OfficialName = asked("Name (Chinese)", "中文名称")
    name_en: OfficialName = asked("Name (English)", "英文名称")
    year: int | None = asked("Year reported on", "报告年度", default=None)

    required: dict[Code, ReportRequired] = known(factory=dict)

    def consistency_boundary(self) -> Sequence[Selector]:
        programme = [tag(ProgrammeId, self.programme_id)]
        return [*super().consistency_boundary(), Selector([ReportRequired, ReportAsked], programme)]

    @event(ReportRequired)
    def _(self, body: ReportRequired) -> None:
        self.required[body.report] = body

    @event(ReportAsked)
    def _(self, body: ReportAsked) -> None:
        self.cases.take(body)

    def execute(self) -> None:
        self._require_definition()
        required = ReportRequired(
            programme_id=self.programme_id,
            report=self.report,
            name_zh=self.name_zh,
            name_en=self.name_en,
            track_ids=self.track_ids,
            due=self.due,
            year=self.year,
        )
        if required == self.required.get(self.report):
            return
        self.trigger_event(ReportRequired, **required.as_dict())
        for named, first_day in self.cases.of_tracks(self.track_ids):
            if (named["application_id"], self.report) in self.cases.reports:
                continue
            last_day = due_day(self.due, self.terms, first_day)
            if last_day >= first_day:
                self._require_left(last_day)
                self.trigger_event(
                    ReportAsked, **named, report=self.report, year=self.year, due_at=end_of(last_day, self.zone),
                    last_day=last_day,
                )  # fmt: skip


class BeginCultivation(AboutRunningCase):
    """Begin the cultivation of a confirmed case: whatever the programme requires of its track is asked of it.

    Where its unit was merged meanwhile, the successor bears it from the start. What was due before the case began is
    not asked of it.
    zh: 开始已确认项目的培育创建:项目对其赛道的各项要求即行适用;其单位已被合并者,自始由承接单位承担。
    """

    task_book: TaskBookRequired | None = known()
    reports: dict[Code, ReportRequired] = known(factory=dict)
    terms: Terms = known(factory=Terms)
    lineage: Lineage = known(factory=Lineage)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case; once it is known, what its programme requires, the terms, and what became of its unit."""
        boundary = list(super().consistency_boundary())
        if (confirmed := self.case.confirmed) is not None:
            programme = [tag(ProgrammeId, confirmed.programme_id)]
            boundary.append(Selector([TaskBookRequired, ReportRequired, *TERM_FACTS], programme))
            boundary += self.lineage.boundary(self.case.unit_id)
        return boundary

    @event(TaskBookRequired)
    def _(self, body: TaskBookRequired) -> None:
        self.task_book = body

    @event(ReportRequired)
    def _(self, body: ReportRequired) -> None:
        self.reports[body.report] = body

    @any_event(*TERM_FACTS)
    def _(self, body: TermPublished | TermInterpreted | ErratumRecorded, position: int) -> None:
        self.terms.take(body, position)

    @any_event(*TREE_FACTS)
    def _(self, body: TreeFact) -> None:
        self.lineage.take(body)

    def execute(self) -> None:
        confirmed, named = self._require_case(), self._fields()
        if self.case.begun:
            raise BegunAlready(application_id=self.application_id)
        self.trigger_event(CultivationBegun, **named, first_day=confirmed.first_day, last_day=self.case.last_day)
        heirs = self.lineage.heirs(named["unit_id"])
        if len(heirs) == 1:
            self.trigger_event(CaseSucceeded, **named, successor_unit_id=heirs[0], ground="merged")
            named["unit_id"] = UnitId(heirs[0])
        required = self.task_book
        if required is not None and confirmed.track_id in required.track_ids:
            last_day = due_day(required.due, self.terms, confirmed.first_day)
            self.trigger_event(TaskBookAsked, **named, due_at=end_of(last_day, self.zone), last_day=last_day)
        for report in self.reports.values():
            last_day = due_day(report.due, self.terms, confirmed.first_day)
            if confirmed.track_id in report.track_ids and last_day >= confirmed.first_day:
                self.trigger_event(
                    ReportAsked, **named, report=report.report, year=report.year,
                    due_at=end_of(last_day, self.zone), last_day=last_day,
                )  # fmt: skip
