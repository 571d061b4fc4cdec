"""A case after its selection: whether it still runs, which unit bears it, what is asked of it, what it has filed.

A case is a confirmed application, known by that id for its whole life. What every command about one knows, in whichever
capability, is a class of this page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, TypedDict, get_args

from domain.application.policy import require_state
from domain.assessment.events import CaseClosedWithoutCompletion, CaseCompleted, CaseExtended
from domain.calendar.policy import days_after
from domain.cultivation.events import (
    BudgetItem,
    CaseSucceeded,
    CultivationBegun,
    CultivationStopped,
    Due,
    DueByTerm,
    DueOn,
    ReportAccepted,
    ReportAsked,
    ReportFiled,
    ReportReturned,
    SuccessionGround,
    TaskBookAsked,
    TaskBookFiled,
    TaskBookReturned,
    TaskBookSigned,
)
from domain.ids import ApplicationId, ProgrammeId, TrackId, UnitId, tag
from domain.kernel import Command, Event, Selector, Unknown, any_event, asked, known
from domain.permission.policy import NOT_ON_RECORD
from domain.programme.policy import Terms
from domain.selection.events import SelectionConfirmed, SelectionReversed

__all__ = [
    "CASE_FACTS",
    "ENDS",
    "GROUND_TITLES",
    "REPORT_FACTS",
    "REPORT_TITLES",
    "STATE_AFTER",
    "TASK_BOOK_FACTS",
    "AboutRunningCase",
    "CaseFact",
    "CaseFields",
    "CaseUnknown",
    "End",
    "Report",
    "ReportFact",
    "ReportState",
    "RunningCase",
    "RunningState",
    "TaskBook",
    "TaskBookFact",
    "TaskBookState",
    "budget_of_year",
    "due_day",
]

End = SelectionReversed | CultivationStopped | CaseCompleted | CaseClosedWithoutCompletion
ENDS: Final[tuple[type[Event], ...]] = get_args(End)
"""After any of these a case runs no more, and nothing is asked of it."""
CaseFact = SelectionConfirmed | CultivationBegun | CaseSucceeded | CaseExtended | End
CASE_FACTS: Final[tuple[type[Event], ...]] = get_args(CaseFact)
"""What becomes of a case: all with the tags of application, programme, track and unit."""
TaskBookFact = TaskBookAsked | TaskBookFiled | TaskBookReturned | TaskBookSigned
TASK_BOOK_FACTS: Final[tuple[type[Event], ...]] = get_args(TaskBookFact)
"""What becomes of the task book of a case: all with the tag of the application."""
ReportFact = ReportAsked | ReportFiled | ReportReturned | ReportAccepted
REPORT_FACTS: Final[tuple[type[Event], ...]] = get_args(ReportFact)
"""What becomes of the reports of a case: all with the tag of the application."""

RunningState = Literal["unknown", "running", "reversed", "stopped", "completed", "not_completed"]
STATE_AFTER: Final[Mapping[type[Event], RunningState]] = {
    SelectionConfirmed: "running",
    SelectionReversed: "reversed",
    CultivationStopped: "stopped",
    CaseCompleted: "completed",
    CaseClosedWithoutCompletion: "not_completed",
}
TaskBookState = Literal["missing", "filed", "returned", "signed"]
ReportState = Literal["asked", "filed", "returned", "accepted"]


REPORT_TITLES: Final[dict[ReportState, tuple[str, str]]] = {
    "asked": ("asked for", "待提交"),
    "filed": ("filed", "已提交"),
    "returned": ("returned", "已退回"),
    "accepted": ("accepted", "已接受"),
}
GROUND_TITLES: Final[dict[SuccessionGround, tuple[str, str]]] = {
    "merged": ("merged", "合并"),
    "split": ("split", "拆分"),
    "dissolved": ("dissolved", "撤销"),
    "decided": ("decided on", "另行决定"),
}


class CaseUnknown(Unknown):
    """The selection of application {application_id} has not been confirmed: there is no such case.
    zh: 申报 {application_id} 的入选尚未确认,没有该项目。
    title: There is no such case · 没有该项目
    """


class CaseFields(TypedDict):
    """What every event of a case says of it."""

    application_id: ApplicationId
    programme_id: ProgrammeId
    track_id: TrackId
    unit_id: UnitId


@dataclass(slots=True)
class RunningCase:
    """One case, as the record tells it so far."""

    confirmed: SelectionConfirmed | None = None
    state: RunningState = NOT_ON_RECORD
    unit_id: UnitId | None = None
    """The unit that bears it now."""
    last_day: date | None = None
    begun: bool = False

    def take(self, body: CaseFact) -> None:
        """Take in one event of this case."""
        self.state = STATE_AFTER.get(type(body), self.state)
        match body:
            case SelectionConfirmed():
                self.confirmed, self.unit_id, self.last_day = body, body.unit_id, body.last_day
            case CultivationBegun():
                self.begun = True
            case CaseSucceeded(successor_unit_id=successor_unit_id):
                self.unit_id = UnitId(successor_unit_id)
            case CaseExtended(last_day=last_day):
                self.last_day = last_day

    def fields(self, confirmed: SelectionConfirmed) -> CaseFields:
        """What an event of the case says of it, as it stands."""
        return {
            "application_id": confirmed.application_id,
            "programme_id": confirmed.programme_id,
            "track_id": confirmed.track_id,
            "unit_id": self.unit_id or confirmed.unit_id,
        }


@dataclass(slots=True)
class TaskBook:
    """The task book of a case: which version was filed last, and which is signed."""

    filed: TaskBookFiled | None = None
    filed_by: str = ""
    signed: TaskBookSigned | None = None
    state: TaskBookState = "missing"

    def take(self, body: TaskBookFact, by: str = "") -> None:
        """Take in one event."""
        match body:
            case TaskBookFiled():
                self.filed, self.filed_by, self.state = body, by, "filed"
            case TaskBookReturned():
                self.state = "returned"
            case TaskBookSigned():
                self.signed, self.state = body, "signed"


@dataclass(slots=True)
class Report:
    """One report that was asked of a case."""

    asked: ReportAsked
    version: int = 0
    state: ReportState = "asked"

    def take(self, body: ReportFiled | ReportReturned | ReportAccepted) -> None:
        """Take in what became of it."""
        match body:
            case ReportFiled(version=version):
                self.version, self.state = version, "filed"
            case ReportReturned():
                self.state = "returned"
            case _:
                self.state = "accepted"


def due_day(due: Due, terms: Terms, first_day: date) -> date:
    """The last day on which something is in time.

    Raises TermUnknown, TermNotInterpreted while a term says none, and BeyondCalendar.
    """
    match due:
        case DueOn(day=day):
            return day
        case DueByTerm(term=term):
            return terms.day(term)
        case _:
            return days_after(first_day, due.days)


def budget_of_year(budget: Sequence[BudgetItem], year: int) -> int:
    """What a budget allows in one year, in fen."""
    return sum(item.amount_fen for item in budget if item.year == year)


# --- what commands about a case know ----------------------------------------------------------------------------------


class AboutRunningCase(Command):
    """What every command about a case knows: whether it runs, and which unit bears it.
    zh: 关于已入选项目的各项命令所共知:是否在培育创建期内,由何单位承担。
    """

    application_id: ApplicationId = asked("Application", "申报")

    case: RunningCase = known(factory=RunningCase)

    @property
    def state(self) -> str:
        """What has become of the case, for the permission table."""
        return self.case.state

    @property
    def unit_id(self) -> UnitId | None:
        """The unit that bears the case, once it has been read."""
        return self.case.unit_id

    def consistency_boundary(self) -> Sequence[Selector]:
        """What became of the case."""
        return [Selector(CASE_FACTS, [tag(ApplicationId, self.application_id)])]

    @any_event(*CASE_FACTS)
    def _(self, body: CaseFact) -> None:
        self.case.take(body)

    def _require_case(self) -> SelectionConfirmed:
        """The confirmed selection, the case being in a state in which the permission table has this command."""
        if self.case.confirmed is None:
            raise CaseUnknown(application_id=self.application_id)
        require_state(self)
        return self.case.confirmed

    def _fields(self) -> Any:  # noqa: ANN401 - Fields of whichever event.
        """What an event of the case says of it."""
        return self.case.fields(self._require_case())
