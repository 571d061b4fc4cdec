"""Views of the institution, its persons, its calendar and its documents."""

from datetime import date

from domain.calendar.events import WorkingDaysSupplied
from domain.document.events import DocumentDeposited
from domain.ids import AppointmentId, CalendarYear, DocumentId
from domain.kernel import Event
from domain.person.events import Appointed, AppointmentEnded
from projections.calendar import CALENDAR
from projections.document import DOCUMENT
from projections.institution import ACCESS_DAY, INSTITUTION
from projections.kernel import fold_all
from projections.person import APPOINTMENT, PERSON, AppointmentRow, holding
from tests.case_life import ADA, BEN, COLLEGE, HOUSE, PAPER, as_recorded, institution
from tests.spec import at

PAST = as_recorded(institution())


def appointment(*events: Event) -> AppointmentRow:
    (row,) = fold_all(APPOINTMENT, as_recorded(events)).values()
    return row


def test_a_simulated_clock_stands_where_it_was_last_moved_to() -> None:
    opened, moved = (fold_all(INSTITUTION, PAST[:n])[HOUSE,] for n in (1, 2))
    assert opened.clock_at == opened.starts_at == at("2020-05-09 16:36")
    assert moved.clock_at == at("2020-05-11 09:00")
    assert moved.starts_at == at("2020-05-09 16:36")


def test_each_recorded_day_of_the_access_journal_is_a_row() -> None:
    row = fold_all(ACCESS_DAY, PAST)[HOUSE, date(2020, 5, 9)]
    assert (row.lines, row.root, row.position) == (3, "3" * 64, 3)


def test_a_person_is_a_pseudonym_and_a_service_is_told_apart() -> None:
    rows = fold_all(PERSON, PAST)
    assert rows[ADA,].service is None
    assert rows[ADA,].details_replaced_at == PAST[4].envelope.effective_at
    assert rows[BEN,].service == "schedule"


def test_an_appointment_holds_on_its_first_and_its_last_day() -> None:
    row = appointment(
        Appointed(
            appointment_id=AppointmentId("AP"),
            person_id=ADA,
            role="nominator",
            unit_id=COLLEGE,
            first_day=date(2020, 5, 1),
            last_day=date(2020, 5, 31),
        )
    )
    days = [date(2020, 4, 30), date(2020, 5, 1), date(2020, 5, 31), date(2020, 6, 1)]
    assert [bool(holding([row], day)) for day in days] == [False, True, True, False]
    assert not row.ended


def test_an_ended_appointment_holds_until_the_day_named() -> None:
    begun = Appointed(
        appointment_id=AppointmentId("AP"),
        person_id=ADA,
        role="clerk",
        institution_id=HOUSE,
        first_day=date(2020, 5, 1),
    )
    ended = AppointmentEnded(
        appointment_id=AppointmentId("AP"), person_id=ADA, institution_id=HOUSE, last_day=date(2020, 5, 9)
    )
    assert appointment(begun).holds_on(date(2099, 1, 1))
    assert appointment(begun).unit_id == ""
    row = appointment(begun, ended)
    assert row.ended
    assert row.holds_on(date(2020, 5, 9))
    assert not row.holds_on(date(2020, 5, 10))


def test_a_calendar_filed_anew_replaces_the_years_row() -> None:
    first, second = (
        WorkingDaysSupplied(
            institution_id=HOUSE, year=CalendarYear(2020), days_off=(day,), days_worked=(), source="published"
        )
        for day in (date(2020, 6, 25), date(2020, 6, 26))
    )
    rows = fold_all(CALENDAR, as_recorded([first, second]))
    assert list(rows) == [(2020,)]
    assert rows[2020,].days_off == (date(2020, 6, 26),)
    assert rows[2020,].position == 2


def test_a_document_is_known_by_its_digest_and_its_owner() -> None:
    row = fold_all(DOCUMENT, PAST)[PAPER,]
    assert (row.kind, row.owner_unit_id, row.deposited_by) == ("resolution", COLLEGE, ADA)
    notice = DocumentDeposited(
        document_id=DocumentId("e" * 64), kind="notice", media_type="text/plain", size_bytes=9, text_digest="f" * 64
    )
    (public,) = fold_all(DOCUMENT, as_recorded([notice])).values()
    assert (public.owner_unit_id, public.text_digest) == ("", "f" * 64)
