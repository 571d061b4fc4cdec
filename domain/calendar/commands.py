"""What may be asked of the working-day calendar."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar

from domain.calendar.events import WorkingDaysSupplied
from domain.calendar.policy import check_year
from domain.document.policy import RestsOnPapers
from domain.ids import CalendarYear, DocumentId, InstitutionId, tag
from domain.kernel import Code, Command, Selector, asked, event, known


class SupplyWorkingDays(RestsOnPapers):
    """File the working days of a year: weekdays that are off and weekend days that are worked.
    zh: 备案某年度的工作日历:放假的平日与上班的周末。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("source_document_id",)

    year: CalendarYear = asked("Year", "年度")
    days_off: tuple[date, ...] = asked("Weekdays off", "放假的平日")
    days_worked: tuple[date, ...] = asked("Weekend days worked", "上班的周末")
    source: Code = asked("Source", "来源")
    source_document_id: DocumentId | None = asked("Source document", "来源文件", default=None)

    filed: WorkingDaysSupplied | None = known()

    def consistency_boundary(self) -> Sequence[Selector]:
        year = [tag(InstitutionId, self.institution_id), tag(CalendarYear, self.year)]
        return [Selector([WorkingDaysSupplied], year), *self._of_papers()]

    @event(WorkingDaysSupplied)
    def _(self, body: WorkingDaysSupplied) -> None:
        self.filed = body

    def execute(self) -> None:
        check_year(self.year, self.days_off, self.days_worked)
        self._require_papers()
        supplied = WorkingDaysSupplied(
            institution_id=self.institution_id,
            year=self.year,
            days_off=tuple(sorted(self.days_off)),
            days_worked=tuple(sorted(self.days_worked)),
            source=self.source,
            source_document_id=self.source_document_id,
        )
        if supplied != self.filed:
            self.trigger_event(WorkingDaysSupplied, **supplied.as_dict())


COMMANDS: tuple[type[Command], ...] = (SupplyWorkingDays,)
