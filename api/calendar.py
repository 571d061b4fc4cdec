"""The working-day calendar over HTTP."""

from __future__ import annotations

from api.routes import Act, Page, Row, Rows
from domain.calendar.commands import SupplyWorkingDays
from projections.calendar import CALENDAR

PAGE = Page(
    "calendar",
    "Working-day calendar",
    "工作日历",
    (
        Act(path="/v1/calendars/{year}/supply", command=SupplyWorkingDays),
        Rows(path="/v1/calendars", view=CALENDAR),
        Row(path="/v1/calendars/{year}", view=CALENDAR, version_of="calendar-year"),
    ),
)
