"""The working-day calendar: what is filed, and how days are counted over it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import assume
from hypothesis import given as drawn
from hypothesis import strategies as st

from domain.calendar.commands import SupplyWorkingDays
from domain.calendar.events import WorkingDaysSupplied
from domain.calendar.policy import (
    BeyondCalendar,
    CalendarMissing,
    DayOfAnotherYear,
    DayTwice,
    Deadline,
    OffAnyway,
    PeriodOfNoDays,
    WorkedAnyway,
    WorkingDays,
    end_of,
)
from domain.document.events import DocumentDeposited
from domain.document.policy import DocumentUnknown
from domain.ids import CalendarYear, DocumentId, InstitutionId
from domain.kernel import Invalid
from tests.spec import INSTITUTION, SHANGHAI, at, given

DAY = timedelta(days=1)
SOURCE = DocumentId("d" * 64)
DRAGON_BOAT = (date(2020, 6, 25), date(2020, 6, 26))
SUNDAY = date(2020, 6, 28)
deposited = DocumentDeposited(document_id=SOURCE, kind="calendar", media_type="application/pdf", size_bytes=9)


def supplied(year: int = 2020, **changes: Any) -> WorkingDaysSupplied:
    fields: dict[str, Any] = {"days_off": (), "days_worked": (), "source": "state_council", **changes}
    return WorkingDaysSupplied(institution_id=INSTITUTION, year=CalendarYear(year), **fields)


def supply(year: int = 2020, **changes: Any) -> SupplyWorkingDays:
    fields: dict[str, Any] = {"days_off": (), "days_worked": (), "source": "state_council", **changes}
    return SupplyWorkingDays(year=CalendarYear(year), **fields)


def calendar(*years: WorkingDaysSupplied) -> WorkingDays:
    days = WorkingDays()
    for position, year in enumerate(years, start=41):
        days.take(year, position)
    return days


JUNE = calendar(supplied(days_off=DRAGON_BOAT, days_worked=(SUNDAY,)))


# --- filing ----------------------------------------------------------------------------------------------------------


def test_a_year_is_filed_in_order_and_filed_anew() -> None:
    past = given().when(supply(days_off=DRAGON_BOAT[::-1], days_worked=(SUNDAY,)))
    first = past.then(supplied(days_off=DRAGON_BOAT, days_worked=(SUNDAY,)))
    first.when(supply(days_off=DRAGON_BOAT)).then(supplied(days_off=DRAGON_BOAT))


def test_the_same_year_again_changes_nothing() -> None:
    given(supplied(days_off=DRAGON_BOAT)).when(supply(days_off=DRAGON_BOAT[::-1])).then()


def test_a_source_document_is_deposited_first() -> None:
    command = supply(source_document_id=SOURCE)
    given(deposited).when(command).then(supplied(source_document_id=SOURCE))
    given().when(command).refused(DocumentUnknown, document_id=SOURCE)
    given().when(command).meanwhile(deposited).is_raced()
    given().when(supply()).meanwhile(deposited).is_undisturbed()


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"days_off": (date(2021, 6, 25),)}, DayOfAnotherYear),
        ({"days_off": (SUNDAY,)}, OffAnyway),
        ({"days_worked": (DRAGON_BOAT[0],)}, WorkedAnyway),
        ({"days_worked": (date(2021, 6, 26),)}, DayOfAnotherYear),
        ({"days_off": (DRAGON_BOAT[0], DRAGON_BOAT[0])}, DayTwice),
        ({"days_worked": (SUNDAY, SUNDAY)}, DayTwice),
    ],
)
def test_days_off_are_weekdays_and_days_worked_weekend_days_of_that_year(changes: Any, refusal: type[Invalid]) -> None:
    ((field, days),) = changes.items()
    given().when(supply(**changes)).refused(refusal, field=field, day=days[-1])


def test_filing_races_with_the_same_year_of_the_same_institution() -> None:
    asked = given().when(supply())
    asked.meanwhile(supplied()).is_raced()
    elsewhere = msgspec.structs.replace(supplied(), institution_id=InstitutionId("OTHER"))
    asked.meanwhile(supplied(2021), elsewhere).is_undisturbed()


# --- counting --------------------------------------------------------------------------------------------------------


def test_weekdays_off_and_weekend_days_worked_change_places() -> None:
    assert not JUNE.is_working_day(DRAGON_BOAT[0])
    assert JUNE.is_working_day(SUNDAY)
    assert JUNE.is_working_day(date(2020, 6, 24))
    assert not JUNE.is_working_day(date(2020, 6, 27))


@pytest.mark.parametrize(
    ("start", "count_first_day", "last_day"),
    [
        (date(2020, 6, 22), True, date(2020, 6, 29)),
        (date(2020, 6, 22), False, date(2020, 6, 30)),
        (date(2020, 6, 27), True, date(2020, 7, 3) - DAY),
        (date(2020, 6, 27), False, date(2020, 7, 3) - DAY),
    ],
)
def test_five_working_days_over_the_dragon_boat_festival(start: date, count_first_day: bool, last_day: date) -> None:
    found = JUNE.deadline(start, 5, "working", SHANGHAI, count_first_day=count_first_day)
    assert found == Deadline(last_day, end_of(last_day, SHANGHAI), 41)


def test_a_day_is_over_at_the_next_local_midnight() -> None:
    assert end_of(date(2020, 6, 29), SHANGHAI) == at("2020-06-30 00:00") == datetime(2020, 6, 29, 16, tzinfo=UTC)


def test_calendar_days_need_no_calendar() -> None:
    none = calendar()
    last = date(2020, 6, 26)
    assert none.deadline(date(2020, 6, 22), 5, "calendar", SHANGHAI, count_first_day=True).last_day == last
    found = none.deadline(date(2020, 6, 22), 5, "calendar", SHANGHAI, count_first_day=False)
    assert found == Deadline(last + DAY, end_of(last + DAY, SHANGHAI), None)


def test_an_unknown_year_is_not_guessed() -> None:
    with pytest.raises(CalendarMissing) as missing:
        JUNE.deadline(date(2020, 12, 30), 5, "working", SHANGHAI, count_first_day=True)
    assert missing.value.because == {"year": 2021}
    with pytest.raises(CalendarMissing):
        JUNE.is_working_day(date(2019, 12, 31))


def test_a_period_over_new_year_quotes_the_newest_calendar_and_a_refiled_year_replaces() -> None:
    both = calendar(supplied(2021, days_off=(date(2021, 1, 1),)), supplied(2020))
    found = both.deadline(date(2020, 12, 30), 3, "working", SHANGHAI, count_first_day=True)
    assert found == Deadline(date(2021, 1, 4), end_of(date(2021, 1, 4), SHANGHAI), 42)
    refiled = calendar(supplied(2021, days_off=(date(2021, 1, 1),)), supplied(2020), supplied(2021))
    assert refiled.deadline(date(2020, 12, 30), 3, "working", SHANGHAI, count_first_day=True) == Deadline(
        date(2021, 1, 1), end_of(date(2021, 1, 1), SHANGHAI), 43
    )


@pytest.mark.parametrize("length", [0, -3])
def test_a_period_has_at_least_one_day(length: int) -> None:
    with pytest.raises(PeriodOfNoDays):
        JUNE.deadline(date(2020, 6, 22), length, "calendar", SHANGHAI, count_first_day=True)


def test_days_are_counted_as_far_as_the_calendar_goes() -> None:
    last = date(2200, 12, 30)
    counted = JUNE.deadline(last, 1, "calendar", SHANGHAI, count_first_day=True)
    assert counted == Deadline(last, at("2200-12-31 00:00"), None)
    for start, length in ((last, 2), (date(2020, 6, 22), 10**9), (date.max, 1)):
        with pytest.raises(BeyondCalendar) as refused:
            JUNE.deadline(start, length, "calendar", SHANGHAI, count_first_day=True)
        assert refused.value.because["last_year"] == 2200


ALL_2020 = [date(2020, 1, 1) + n * DAY for n in range(366)]


@st.composite
def years(draw: st.DrawFn) -> WorkingDays:
    odd = draw(st.sets(st.sampled_from(ALL_2020), max_size=60))
    off = tuple(sorted(d for d in odd if d.weekday() < 5))
    worked = tuple(sorted(d for d in odd if d.weekday() >= 5))
    given().when(supply(days_off=off, days_worked=worked)).then(supplied(days_off=off, days_worked=worked))
    return calendar(supplied(days_off=off, days_worked=worked))


@drawn(years(), st.sampled_from(ALL_2020[:150]), st.integers(1, 40), st.booleans())
def test_a_period_holds_exactly_so_many_working_days_and_ends_on_one(
    days: WorkingDays, start: date, length: int, count_first_day: bool
) -> None:
    found = days.deadline(start, length, "working", SHANGHAI, count_first_day=count_first_day)
    first = start if count_first_day else start + DAY
    within = [first + n * DAY for n in range((found.last_day - first).days + 1)]
    assert sum(days.is_working_day(day) for day in within) == length
    assert days.is_working_day(found.last_day)
    assert found.closes_at.astimezone(SHANGHAI).date() == found.last_day + DAY


@drawn(years(), st.sampled_from(ALL_2020[:150]), st.integers(1, 40))
def test_not_counting_a_worked_first_day_takes_one_working_day_more(
    days: WorkingDays, start: date, length: int
) -> None:
    counted = days.deadline(start, length + 1, "working", SHANGHAI, count_first_day=True)
    not_counted = days.deadline(start, length, "working", SHANGHAI, count_first_day=False)
    assume(days.is_working_day(start))
    assert counted.last_day == not_counted.last_day
