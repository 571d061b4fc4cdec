"""What may be asked of the door's own books."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

import msgspec

from domain.ids import CalendarYear, InstitutionId, tag
from domain.kernel import Command, Digest, Refusal, Selector, asked, event, known
from domain.permission.events import AccessDayRecorded


class AccessDayAlreadyRecorded(Refusal):
    """The access journal of {day} has been recorded before.
    zh: {day} 的访问日志此前已记录。
    title: The access journal of that day is on record · 该日访问日志此前已记录
    """


class RecordAccessDay(Command):
    """Record the root of one day's lines of the access journal; a day without lines is not recorded.
    zh: 记录访问日志某日各行的根摘要;无记录之日不记。
    """

    day: date = asked("Day", "日期")
    lines: Annotated[int, msgspec.Meta(ge=1)] = asked("Lines", "行数")
    root: Digest = asked("Root", "根摘要")

    days: frozenset[date] = known(frozenset())

    def consistency_boundary(self) -> Sequence[Selector]:
        year = [tag(InstitutionId, self.institution_id), tag(CalendarYear, self.day.year)]
        return [Selector([AccessDayRecorded], year)]

    @event(AccessDayRecorded)
    def _(self, day: date) -> None:
        self.days |= {day}

    def execute(self) -> None:
        if self.day in self.days:
            raise AccessDayAlreadyRecorded(day=self.day)
        self.trigger_event(
            AccessDayRecorded,
            institution_id=self.institution_id,
            year=CalendarYear(self.day.year),
            day=self.day,
            lines=self.lines,
            root=self.root,
        )


COMMANDS: tuple[type[Command], ...] = (RecordAccessDay,)
