"""Counting working days over the calendars that were filed; nothing is known of a year that was not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Literal

from domain.calendar.events import WorkingDaysSupplied
from domain.institution.policy import LAST_YEAR
from domain.kernel import Invalid, Refusal

__all__ = [
    "BeyondCalendar",
    "CalendarMissing",
    "DayOfAnotherYear",
    "DayTwice",
    "DayUnit",
    "Deadline",
    "OffAnyway",
    "PeriodOfNoDays",
    "WorkedAnyway",
    "WorkingDays",
    "check_year",
    "days_after",
    "end_of",
]

DayUnit = Literal["working", "calendar"]

_ONE_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5


class CalendarMissing(Refusal):
    """The working days of {year} have not been filed.
    zh: {year} 年度的工作日历尚未备案。
    title: The working days of the year are not filed · 该年度工作日历尚未备案
    """


class BeyondCalendar(Invalid):
    """Days are counted up to the year {last_year}; the day that comes {days} days after {day} lies beyond.
    zh: 历法止于 {last_year} 年,{day} 之后第 {days} 日超出其范围。
    title: The day lies beyond the calendar · 日期超出历法范围
    """


class DayOfAnotherYear(Invalid):
    """The day {day} is none of the year {year}.
    zh: {day} 不属于 {year} 年度。
    title: The day is of another year · 日期不属于该年度
    """


class OffAnyway(Invalid):
    """The day {day} is at a weekend: it is off without being named.
    zh: {day} 为周末,无须列明即为放假。
    title: The day is off anyway · 该日本为周末
    """


class WorkedAnyway(Invalid):
    """The day {day} is a weekday: it is worked without being named.
    zh: {day} 为平日,无须列明即为上班。
    title: The day is worked anyway · 该日本为平日
    """


class DayTwice(Invalid):
    """The day {day} is named twice.
    zh: {day} 重复列出。
    title: A day is named twice · 日期重复列出
    """


class PeriodOfNoDays(Invalid):
    """A period of {length} days has no last day.
    zh: {length} 天的期间没有截止日。
    title: A period has at least one day · 期间至少一天
    """


@dataclass(frozen=True, slots=True)
class Deadline:
    """The last day of a period and the instant at which it is over: in time is what is received before it."""

    last_day: date
    closes_at: datetime
    calendar_position: int | None
    """The newest of the filed calendars it was counted by; None where no calendar was needed."""


def days_after(day: date, days: int) -> date:
    """The day that comes so many days after another. Raises BeyondCalendar."""
    if days > (date(LAST_YEAR, 12, 31) - day).days:
        raise BeyondCalendar(last_year=LAST_YEAR, days=days, day=day)
    return day + timedelta(days=days)


def end_of(day: date, zone: tzinfo) -> datetime:
    """The instant at which a day is over: the next local midnight, exclusive, in UTC. Raises BeyondCalendar."""
    return datetime.combine(days_after(day, 1), time(), zone).astimezone(UTC)


def check_year(year: int, days_off: Sequence[date], days_worked: Sequence[date]) -> None:
    """Raise an Invalid unless these are weekdays off and weekend days worked of that year, each named once."""
    for name, days, weekend in (("days_off", days_off, False), ("days_worked", days_worked, True)):
        seen: set[date] = set()
        for day in days:
            if day.year != year:
                raise DayOfAnotherYear(field=name, day=day, year=year)
            if (day.weekday() >= _SATURDAY) is not weekend:
                raise (WorkedAnyway if weekend else OffAnyway)(field=name, day=day)
            if day in seen:
                raise DayTwice(field=name, day=day)
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

        Raises CalendarMissing where working days of a year are needed that was not filed, PeriodOfNoDays, and
        BeyondCalendar. A first day that is counted but not worked counts as no working day.
        """
        if length < 1:
            raise PeriodOfNoDays(field="length", length=length)
        day = start if count_first_day else start + _ONE_DAY
        if unit == "calendar":
            last_day = days_after(day, length - 1)
            return Deadline(last_day, end_of(last_day, zone), None)
        positions = {self._year(day).position}
        counted = 0
        while True:
            counted += self.is_working_day(day)
            positions.add(self._year(day).position)
            if counted == length:
                return Deadline(day, end_of(day, zone), max(positions))
            day += _ONE_DAY
