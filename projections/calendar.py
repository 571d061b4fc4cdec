"""The working-day calendar, year by year, as the office filed it."""

from datetime import date, datetime
from typing import Annotated

import msgspec

from domain.calendar.events import WorkingDaysSupplied
from domain.ids import CalendarYear, DocumentId, InstitutionId
from domain.kernel import Code, Recorded, public
from projections.kernel import Key, View, keyed


class CalendarRow(msgspec.Struct, frozen=True, kw_only=True):
    """The working days of one year, as last filed.
    zh: 某年度最近一次备案的工作日历。
    """

    institution_id: Annotated[InstitutionId, public("Institution", "机构")]
    year: Annotated[CalendarYear, public("Year", "年度")]
    days_off: Annotated[tuple[date, ...], public("Weekdays off", "放假的平日")]
    days_worked: Annotated[tuple[date, ...], public("Weekend days worked", "上班的周末")]
    source: Annotated[Code, public("Source", "来源")]
    source_document_id: Annotated[DocumentId | None, public("Source document", "来源文件")]
    supplied_at: Annotated[datetime, public("Filed at", "备案时间")]
    position: Annotated[int, public("Position", "位置")]


def _fold(_row: CalendarRow | None, recorded: Recorded, _key: Key) -> CalendarRow | None:
    return CalendarRow(
        **recorded.event.as_dict(), supplied_at=recorded.envelope.effective_at, position=recorded.position
    )


CALENDAR = View(
    name="calendar",
    version=1,
    en="Working-day calendar",
    zh="工作日历",
    row=CalendarRow,
    key=("year",),
    reads=(WorkingDaysSupplied,),
    touches=keyed("year"),
    fold=_fold,
    sorts=("year",),
)
