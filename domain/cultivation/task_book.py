"""What may be asked of a task book: file a version, return it, sign it. Once signed, a later version amends it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import ClassVar

from domain.application.policy import of_track
from domain.calendar.policy import end_of
from domain.cultivation.events import BudgetItem, Milestone, TaskBookFiled, TaskBookReturned, TaskBookSigned
from domain.cultivation.policy import (
    TASK_BOOK_FACTS,
    AboutRunningCase,
    TaskBook,
    TaskBookFact,
    budget_of_year,
)
from domain.document.policy import RestsOnPapers
from domain.ids import ApplicationId, DocumentId, PersonId, ProgrammeId, tag
from domain.kernel import Invalid, Refusal, Selector, any_event, asked, called, event, known
from domain.permission.policy import ReasonMissing
from domain.person.events import PersonRegistered
from domain.person.policy import PersonUnknown
from domain.programme.events import (
    AmountValue,
    ErratumRecorded,
    FormDefined,
    TermInterpreted,
    TermPublished,
    TrackDefined,
)
from domain.programme.policy import TERM_FACTS, Material, TermNotInterpreted, Terms, check_lines
from domain.publicity.policy import SecondPersonMissing
from domain.selection.events import SelectionConfirmed


class NoMilestone(Invalid):
    """A task book names at least one milestone.
    zh: 任务书须至少列明一个节点。
    """


class MilestoneTwice(Invalid):
    """Milestone {code} is named twice.
    zh: 节点 {code} 重复列出。
    title: A milestone is named twice · 节点重复列出
    """


class MilestoneOutsidePeriod(Invalid):
    """Milestone {code} on {due_on} lies outside the case's period, {first_day} to {last_day}.
    zh: 节点 {code}({due_on})不在项目的培育创建期 {first_day} 至 {last_day} 之内。
    title: A milestone lies outside the period · 节点不在培育创建期内
    """


class NobodyResponsible(Invalid):
    """A task book names at least one responsible person, and each once.
    zh: 任务书须至少列明一名责任人,且不得重复。
    """


class NothingBudgeted(Refusal):
    """Track {track_id} is funded: the task book budgets something in each of its years; year {year} has nothing.
    zh: 赛道 {track_id} 给予经费:任务书须编列各年度预算;{year} 年度尚无预算。
    title: A funded year has no budget · 给予经费的年度尚无预算
    """


class YearExceedsAmount(Refusal):
    """The budget of year {year} comes to {total_fen} fen; the call grants {at_most_fen} fen a year.
    zh: {year} 年度预算合计 {total_fen} 分;通知规定每年 {at_most_fen} 分。
    title: The budget of a year exceeds what is granted · 年度预算超出规定数额
    """


class TaskBookUnsigned(Refusal):
    """Version {version} of the task book waits to be signed or returned.
    zh: 任务书第 {version} 版尚待签署或退回。
    title: A version of the task book waits to be signed · 任务书尚有版本待签署
    """


class NoTaskBookFiled(Refusal):
    """Version {version} of the task book is not what waits to be signed.
    zh: 待签署的并非任务书第 {version} 版。
    title: Not the version that waits to be signed · 并非待签署的版本
    """


class ReturnedUntilPast(Refusal):
    """The last day {last_day} is over already.
    zh: 截止日 {last_day} 已过。
    title: The day to file again is over · 重新提交的截止日已过
    """


class FileTaskBook(RestsOnPapers, AboutRunningCase):
    """File the task book, or an amendment of a signed one, which needs a reason: milestones, responsible persons, road
    map, and a budget within the yearly amount of the track.
    zh: 提交任务书;修订已签署者须附事由:节点、责任人、路线图,以及不超过赛道年度经费的预算。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("document_id", "road_map_document_id")

    document_id: DocumentId = asked("Task book", "任务书")
    road_map_document_id: DocumentId = asked("Road map", "路线图")
    milestones: tuple[Milestone, ...] = asked("Milestones", "节点")
    responsible_ids: tuple[PersonId, ...] = asked("Responsible persons", "责任人")
    budget: tuple[BudgetItem, ...] = asked("Budget", "预算", default=())

    task_book: TaskBook = known(factory=TaskBook)
    registered: frozenset[PersonId] = known(frozenset())
    material: Material = known(factory=Material)
    terms: Terms = known(factory=Terms)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case, its task book, the documents and persons; once it is known, what its track asks and grants."""
        boundary = [
            *super().consistency_boundary(),
            Selector(TASK_BOOK_FACTS, [tag(ApplicationId, self.application_id)]),
            *(Selector([PersonRegistered], [tag(PersonId, each)]) for each in self._named()),
        ]
        if (confirmed := self.case.confirmed) is not None:
            boundary.append(Selector([TrackDefined], of_track(confirmed.programme_id, confirmed.track_id)))
            boundary.append(Selector([FormDefined, *TERM_FACTS], [tag(ProgrammeId, confirmed.programme_id)]))
        return boundary

    @any_event(*TASK_BOOK_FACTS)
    def _(self, body: TaskBookFact, by: str) -> None:
        self.task_book.take(body, by)

    @event(PersonRegistered)
    def _(self, person_id: PersonId) -> None:
        self.registered |= {person_id}

    @any_event(TrackDefined, FormDefined)
    def _(self, body: TrackDefined | FormDefined) -> None:
        self.material.take(body)

    @any_event(*TERM_FACTS)
    def _(self, body: TermPublished | TermInterpreted | ErratumRecorded, position: int) -> None:
        self.terms.take(body, position)

    def execute(self) -> None:
        confirmed, before = self._require_case(), self.task_book
        if before.state == "filed" and before.filed is not None:
            raise TaskBookUnsigned(version=before.filed.version)
        if before.signed is not None and self.reason_code is None:
            raise ReasonMissing(field="Reason", command=called(type(self)))
        self._require_milestones(confirmed)
        self._require_responsible()
        self._require_papers()
        self._require_budget(self.material.tracks[confirmed.track_id])
        self.trigger_event(
            TaskBookFiled,
            **self._fields(),
            version=1 if before.filed is None else before.filed.version + 1,
            document_id=self.document_id,
            road_map_document_id=self.road_map_document_id,
            milestones=self.milestones,
            responsible_ids=self.responsible_ids,
            budget=self.budget,
        )

    def _named(self) -> Sequence[PersonId]:
        # Where nobody is named there is nobody to look for; the id of nobody finds none.
        return tuple(dict.fromkeys(self.responsible_ids)) or (PersonId("none"),)

    def _require_milestones(self, confirmed: SelectionConfirmed) -> None:
        """At least one, each once, each within the period of the case as far as that is stated."""
        if not self.milestones:
            raise NoMilestone(field="milestones")
        first_day, last_day = confirmed.first_day, self.case.last_day
        named = Counter(milestone.code for milestone in self.milestones)
        for milestone in self.milestones:
            if named[milestone.code] > 1:
                raise MilestoneTwice(field="milestones", code=milestone.code)
            if milestone.due_on < first_day or (last_day is not None and milestone.due_on > last_day):
                raise MilestoneOutsidePeriod(
                    field="milestones", code=milestone.code, due_on=milestone.due_on, first_day=first_day,
                    last_day=last_day,
                )  # fmt: skip

    def _require_responsible(self) -> None:
        if not self.responsible_ids or len(set(self.responsible_ids)) < len(self.responsible_ids):
            raise NobodyResponsible(field="responsible_ids")
        for person_id in self.responsible_ids:
            if person_id not in self.registered:
                raise PersonUnknown(person_id=person_id)

    def _require_budget(self, track: TrackDefined) -> None:
        """Each line is one of the application form; each funded year has some, and no more than the call grants."""
        check_lines(self.budget, self.material.forms[track.form], track, field="budget")
        term = track.annual_amount_term
        value = None if term is None else self.terms[term].value
        if term is not None and value is None:
            raise TermNotInterpreted(term=term)
        for year in track.funded_years:
            total = budget_of_year(self.budget, year)
            if not total:
                raise NothingBudgeted(track_id=track.track_id, year=year)
            if isinstance(value, AmountValue) and total > value.amount_fen:
                raise YearExceedsAmount(year=year, total_fen=total, at_most_fen=value.amount_fen)


class AboutTaskBook(AboutRunningCase):
    """What the office's commands about a filed task book know.
    zh: 主管部门关于已提交任务书的命令所共知。
    """

    version: int = asked("Version", "版本")

    task_book: TaskBook = known(factory=TaskBook)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case, and its task book."""
        return [
            *super().consistency_boundary(),
            Selector(TASK_BOOK_FACTS, [tag(ApplicationId, self.application_id)]),
        ]

    @any_event(*TASK_BOOK_FACTS)
    def _(self, body: TaskBookFact, by: str) -> None:
        self.task_book.take(body, by)

    def _require_filed(self) -> TaskBookFiled:
        """The version that waits, which is the one named."""
        filed = self.task_book.filed
        if filed is None or self.task_book.state != "filed" or filed.version != self.version:
            raise NoTaskBookFiled(version=self.version)
        return filed


class ReturnTaskBook(RestsOnPapers, AboutTaskBook):
    """Return the filed version of a task book, with an opinion, to be filed again by the end of a day.
    zh: 附意见退回所提交的任务书,并要求于某日终了之前重新提交。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("opinion_document_id",)

    last_day: date = asked("Last day", "截止日")
    opinion_document_id: DocumentId = asked("Opinion", "意见")

    def execute(self) -> None:
        named = self._fields()
        self._require_filed()
        self._require_papers()
        due_at = end_of(self.last_day, self.zone)
        if due_at <= self.now:
            raise ReturnedUntilPast(last_day=self.last_day)
        self.trigger_event(
            TaskBookReturned,
            **named,
            version=self.version,
            due_at=due_at,
            last_day=self.last_day,
            opinion_document_id=self.opinion_document_id,
        )


class SignTaskBook(AboutTaskBook):
    """Sign the filed version of a task book, by another person than filed it: its budget binds from now on.
    zh: 由提交人以外的人签署所提交的任务书:其预算自此具有约束力。
    """

    def execute(self) -> None:
        named, filed = self._fields(), self._require_filed()
        if self.by == self.task_book.filed_by:
            raise SecondPersonMissing(act=called(type(self)))
        self.trigger_event(
            TaskBookSigned,
            **named,
            version=self.version,
            budget=filed.budget,
            signed_on=self.effective_at.astimezone(self.zone).date(),
        )
