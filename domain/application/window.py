"""The application window: opened on a term of the call, extended by a person, closed by its date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from domain.application.events import (
    ApplicationWindowClosed,
    ApplicationWindowExtended,
    ApplicationWindowOpened,
    WindowRule,
)
from domain.application.policy import WINDOW_FACTS, Window, WindowClosed, WindowFact, WindowNotOpen
from domain.calendar.events import WorkingDaysSupplied
from domain.calendar.policy import Deadline, WorkingDays, end_of
from domain.ids import CalendarYear, InstitutionId, ProgrammeId, tag
from domain.kernel import Command, Refusal, Selector, any_event, asked, event, known
from domain.programme.events import (
    CountValue,
    DateValue,
    ErratumRecorded,
    MomentValue,
    TermInterpreted,
    TermPublished,
)
from domain.programme.policy import (
    TERM_FACTS,
    WINDOW_TERMS,
    WINDOW_WORKING_DAYS,
    ProgrammeUnknown,
    Term,
    TermNotInterpreted,
    Terms,
)


class WindowAlreadyOpened(Refusal):
    """The application window of programme {programme_id} has been opened before; it closes at {closes_at}.
    zh: 项目 {programme_id} 的申报窗口此前已开启,截止时刻为 {closes_at}。
    title: The application window was opened before · 申报窗口此前已开启
    """


class WindowWouldBeOver(Refusal):
    """By the call the window is over already: its last day is {last_day}.
    zh: 依通知该窗口已过截止日 {last_day}。
    title: By the call the window is over already · 依通知申报窗口已过截止日
    """


class WindowAlreadyClosed(Refusal):
    """The closing of the application window has been recorded: it closed at {closes_at}.
    zh: 申报窗口的关闭已有记录:截止时刻为 {closes_at}。
    title: The closing of the window is on record · 申报窗口的关闭已有记录
    """


class WindowStillOpen(Refusal):
    """The application window is open until {closes_at}.
    zh: 申报窗口至 {closes_at} 方截止。
    title: The application window is still open · 申报窗口尚未截止
    """


class NotAnExtension(Refusal):
    """The window is open until {last_day} already.
    zh: 申报窗口本已开放至 {last_day}。
    title: The window is open at least that long · 申报窗口本已开放至该日
    """


class AboutWindow(Command):
    """What every command about an application window knows.
    zh: 关于申报窗口的各项命令所共知。
    """

    programme_id: ProgrammeId = asked("Programme", "项目")

    window: Window = known(factory=Window)

    def consistency_boundary(self) -> Sequence[Selector]:
        """Everything that was recorded of the window."""
        return [Selector(WINDOW_FACTS, [tag(ProgrammeId, self.programme_id)])]

    @any_event(*WINDOW_FACTS)
    def _(self, body: WindowFact) -> None:
        self.window.take(body)

    def _require_window(self) -> tuple[datetime, date]:
        """When the window closes, and its last day."""
        closes_at, last_day = self.window.closes_at, self.window.last_day
        if closes_at is None or last_day is None:
            raise WindowNotOpen(programme_id=self.programme_id)
        return closes_at, last_day


class OpenApplicationWindow(AboutWindow):
    """Open the application window, now and until the end that the call sets; a length is counted from the next day.
    zh: 即时开启申报窗口,至通知所定截止为止;以天数计者自次日起算。
    """

    terms: Terms = known(factory=Terms)
    calendar: WorkingDays = known(factory=WorkingDays)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The window, the terms it rests on, and the calendars of this year and the next."""
        house = tag(InstitutionId, self.institution_id)
        years = (self.today.year, self.today.year + 1)
        return [
            *super().consistency_boundary(),
            Selector(TERM_FACTS, [tag(ProgrammeId, self.programme_id)]),
            *(Selector([WorkingDaysSupplied], [house, tag(CalendarYear, year)]) for year in years),
        ]

    @any_event(*TERM_FACTS)
    def _(self, body: TermPublished | TermInterpreted | ErratumRecorded, position: int) -> None:
        self.terms.take(body, position)

    @event(WorkingDaysSupplied)
    def _(self, body: WorkingDaysSupplied, position: int) -> None:
        self.calendar.take(body, position)

    def execute(self) -> None:
        if not self.terms.by_code:
            raise ProgrammeUnknown(programme_id=self.programme_id)
        if self.window.closes_at is not None:
            raise WindowAlreadyOpened(programme_id=self.programme_id, closes_at=self.window.closes_at)
        term = next(self.terms[code] for code in WINDOW_TERMS if code in self.terms.by_code)
        rule, end = self._end(term)
        if end.closes_at <= self.now:
            raise WindowWouldBeOver(last_day=end.last_day)
        self.trigger_event(
            ApplicationWindowOpened,
            programme_id=self.programme_id,
            opens_at=self.now,
            closes_at=end.closes_at,
            last_day=end.last_day,
            rule=rule,
            term_position=term.position,
            calendar_position=end.calendar_position,
        )

    def _end(self, term: Term) -> tuple[WindowRule, Deadline]:
        match term.value:
            case DateValue(day=day):
                return "until_day", Deadline(day, end_of(day, self.zone), None)
            case MomentValue(day=day, hour=hour, minute=minute):
                moment = datetime.combine(day, time(hour, minute), self.zone)
                return "until_moment", Deadline(day, moment.astimezone(UTC), None)
            case CountValue(count=length):
                return self._counted(length, working=term.published.term == WINDOW_WORKING_DAYS)
        raise TermNotInterpreted(term=term.published.term)

    def _counted(self, length: int, *, working: bool) -> tuple[WindowRule, Deadline]:
        if working:
            return "working_days", self.calendar.deadline(
                self.today, length, "working", self.zone, count_first_day=False
            )
        return "calendar_days", self.calendar.deadline(self.today, length, "calendar", self.zone, count_first_day=False)


class ExtendApplicationWindow(AboutWindow):
    """Extend an application window that is not over yet to a later last day.
    zh: 将尚未截止的申报窗口延长至更晚的截止日。
    """

    last_day: date = asked("Last day", "截止日")

    def execute(self) -> None:
        closes_at, last_day = self._require_window()
        if self.now >= closes_at:
            raise WindowClosed(last_day=last_day, closes_at=closes_at)
        later = end_of(self.last_day, self.zone)
        if later <= closes_at:
            raise NotAnExtension(last_day=last_day)
        self.trigger_event(
            ApplicationWindowExtended, programme_id=self.programme_id, closes_at=later, last_day=self.last_day
        )


class CloseApplicationWindow(AboutWindow):
    """Record that an application window is over; what comes late is refused whether this was recorded or not.
    zh: 记录申报窗口已截止;逾期与否不取决于是否已作此记录。
    """

    def execute(self) -> None:
        closes_at, last_day = self._require_window()
        if self.window.closed:
            raise WindowAlreadyClosed(closes_at=closes_at)
        if self.now < closes_at:
            raise WindowStillOpen(closes_at=closes_at)
        # Whoever records it, and however late, the window closed at the instant that was written.
        self.effective_at = closes_at
        self.trigger_event(
            ApplicationWindowClosed, programme_id=self.programme_id, closes_at=closes_at, last_day=last_day
        )
