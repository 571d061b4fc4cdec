"""What can have happened to the working-day calendar."""

from datetime import date
from typing import Annotated

from domain.ids import CalendarYear, DocumentId, InstitutionId
from domain.kernel import Code, Event, public


class WorkingDaysSupplied(Event):
    """The working days of a year were filed: weekdays that are off, weekend days that are worked.
    zh: 某年度工作日历已备案:列明放假的平日与上班的周末。
    """

    TOPIC = "calendar.working_days_supplied.v1"
    institution_id: Annotated[InstitutionId, public("Institution", "机构")]
    year: Annotated[CalendarYear, public("Year", "年度")]
    days_off: Annotated[tuple[date, ...], public("Weekdays off", "放假的平日")]
    days_worked: Annotated[tuple[date, ...], public("Weekend days worked", "上班的周末")]
    source: Annotated[Code, public("Source", "来源")]
    source_document_id: Annotated[DocumentId | None, public("Source document", "来源文件")] = None
