"""What may be asked of the working-day calendar."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from domain.calendar.events import WorkingDaysSupplied
from domain.calendar.policy import check_year
from domain.document.events import DocumentDeposited
from domain.document.policy import DocumentUnknown
from domain.ids import CalendarYear, DocumentId, InstitutionId, tag
from domain.kernel import Code, Command, Selector, asked, event, known


class SupplyWorkingDays(Command):
    """File the working days of a year: weekdays that are off and weekend days that are worked.
    zh: 备案某年度的工作日历:放假的平日与上班的周末。
    """

    year: CalendarYear = asked("Year", "年度")
    days_off: tuple[date, ...] = asked("Weekdays off", "放假的平日")
    days_worked: tuple[date, ...] = asked("Weekend days worked", "上班的周末")
    source: Code = asked("Source", "来源")
    source_document_id: DocumentId | None = asked("Source document", "来源文件", default=None)

    filed: WorkingDaysSupplied | None = known()
    deposited: bool = known(default=False)

    def consistency_boundary(self) -> Sequence[Selector]:
        year = [tag(InstitutionId, self.institution_id), tag(CalendarYear, self.year)]
        # Without a source document there is none to look for; the id of no document finds none.
        document = tag(DocumentId, self.source_document_id or "none")
        return [Selector([WorkingDaysSupplied], year), Selector([DocumentDeposited], [document])]

    @event(WorkingDaysSupplied)
    def _(self, body: WorkingDaysSupplied) -> None:
        self.filed = body

    @event(DocumentDeposited)
    def _(self) -> None:
        self.deposited = True

    def execute(self) -> None:
        check_year(self.year, self.days_off, self.days_worked)
        if self.source_document_id is not None and not self.deposited:
            raise DocumentUnknown(document_id=self.source_document_id)
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
