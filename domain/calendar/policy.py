"""Counting working days over the calendars that were filed; nothing is known of a year that was not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Literal

from domain.calendar.events import WorkingDaysSupplied
from domain.kernel import Invalid, Refusal

__all__ = ["CalendarMissing", "DayUnit", "Deadline", "InvalidCalendar", "WorkingDays", "check_year", "end_of"]

DayUnit = Literal["working", "calendar"]

_ONE_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5


class CalendarMissing(Refusal):
    """The working days of {year} have not been filed.
    zh: {year} 年度的工作日历尚未备案。
    """


class InvalidCalendar(Invalid):
    """Field {field} breaks the rule {rule}, on {day}.
    zh: 字段 {field} 在 {day} 不符合规则 {rule}。
    """


@dataclass(frozen=True, slots=True)
class Deadline:
    """The last day of a period and the instant at which it is over: in time is what is received before it."""

    last_day: date
    closes_at: datetime
    calendar_position: int | None
    """The newest of the filed calendars it was counted by; None where no calendar was needed."""


def end_of(day: date, zone: tzinfo) -> datetime:
    """The instant at which a day is over: the next local midnight, exclusive, in UTC."""
    return datetime.combine(day + _ONE_DAY, time(), zone).astimezone(UTC)


def check_year(year: int, days_off: Sequence[date], days_worked: Sequence[date]) -> None:
    """Raise InvalidCalendar unless these are weekdays off and weekend days worked of that year, each named once."""
    for name, days, weekend in (("days_off", days_off, False), ("days_worked", days_worked, True)):
        seen: set[date] = set()
        for day in days:
            if day.year != year:
                raise InvalidCalendar(field=name, rule="days of the year", day=day)
            if (day.weekday() >= _SATURDAY) is not weekend:
                raise InvalidCalendar(field=name, rule="weekend days" if weekend else "weekdays", day=day)
            if day in seen:
                raise InvalidCalendar(field=name, rule="each day once", day=day)
            seen.add(day)


@dataclass(frozen=True, slots=True)
class _Year:
    days_off: frozenset[date]
    days_worked: frozenset[date]
    position: int


@dataclass(slots=True)
class WorkingDays:
    """The calendars that were filed, as far as they were read; a year filed anew replaces the earlier one."""

    years: dict[int, _Year] = field(default_factory=dict)

    def take(self, body: WorkingDaysSupplied, position: int = 0) -> None:
        """Take in one filed year."""
        self.years[body.year] = _Year(frozenset(body.days_off), frozenset(body.days_worked), position)

    def _year(self, day: date) -> _Year:
        try:
            return self.years[day.year]
        except KeyError:
            raise CalendarMissing(year=day.year) from None

    def is_working_day(self, day: date) -> bool:
        """Whether a day is worked. Raises CalendarMissing for a year that was not filed."""
        year = self._year(day)
        return day in year.days_worked if day.weekday() >= _SATURDAY else day not in year.days_off

    def deadline(self, start: date, length: int, unit: DayUnit, zone: tzinfo, *, count_first_day: bool) -> Deadline:
        """Count so many days from a day on: the last of them, and when it is over.

        Raises CalendarMissing where working days of a year are needed that was not filed, and Invalid for a period of
        no days. A first day that is counted but not worked counts as no working day.
        """
        if length < 1:
            raise Invalid(field="length", rule="at least one day")
        day = start if count_first_day else start + _ONE_DAY
        if unit == "calendar":
            last_day = day + (length - 1) * _ONE_DAY
            return Deadline(last_day, end_of(last_day, zone), None)
        positions = {self._year(day).position}
        counted = 0
        while True:
            counted += self.is_working_day(day)
            positions.add(self._year(day).position)
            if counted == length:
                return Deadline(day, end_of(day, zone), max(positions))
            day += _ONE_DAY
