"""Persons by pseudonym, and the offices they hold."""

from datetime import date, timedelta
from typing import Any, cast

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from domain.ids import AppointmentId, DocumentId, PersonId, SuccessorUnitId, UnitId
from domain.kernel import SealedDetails
from domain.person.commands import (
    Appoint,
    AppointmentAlreadyMade,
    AppointmentEndsEarlier,
    AppointmentOverlaps,
    AppointmentUnknown,
    EndAppointment,
    EndsInThePast,
    LastAdministrator,
    LastDayBeforeFirst,
    PersonAlreadyRegistered,
    RegisterPerson,
    RegisterService,
    ReplacePersonDetails,
    RoleIsInstitutionWide,
    RoleNeedsUnit,
    RoleNotForThisIdentity,
)
from domain.person.events import (
    Appointed,
    AppointmentEnded,
    PersonDetailsReplaced,
    PersonRegistered,
    ServiceRegistered,
)
from domain.person.policy import Appointments, DetailNotKept, NameMissing, PersonUnknown
from domain.unit.events import UnitDissolved, UnitMerged, UnitRegistered
from domain.unit.policy import UnitGone, UnitUnknown
from tests.spec import INSTITUTION, given

LI = PersonId("00000000-0000-0000-0000-00000000000a")
WANG = PersonId("00000000-0000-0000-0000-00000000000b")
BOT = PersonId("00000000-0000-0000-0000-00000000000c")
SEALED = SealedDetails(commitment="a" * 64, fields=frozenset({"name"}))
TODAY = date(2020, 5, 20)
DAY = timedelta(days=1)

registered = PersonRegistered(person_id=LI, commitment="a" * 64)
service = ServiceRegistered(person_id=BOT, service="import")
unit = UnitRegistered(
    unit_id=UnitId("COL-A"),
    institution_id=INSTITUTION,
    kind="general_branch",
    name_zh="某学院",
    name_en="A College",
    valid_on=date(2020, 1, 1),
)
merged = UnitMerged(
    unit_id=UnitId("COL-A"),
    successor_unit_id=SuccessorUnitId("COL-B"),
    valid_on=TODAY,
    source_document_id=DocumentId("d" * 64),
)
dissolved = UnitDissolved(
    unit_id=UnitId("COL-A"),
    valid_on=TODAY,
    source_document_id=DocumentId("d" * 64),
)


def appointed(number: str = "A1", **changes: Any) -> Appointed:
    fields: dict[str, Any] = {"role": "clerk", "first_day": TODAY, "person_id": LI, **changes}
    if fields.get("unit_id") is None:
        fields["institution_id"] = INSTITUTION
    return Appointed(appointment_id=AppointmentId(number), **fields)


def ended(number: str = "A1", last_day: date = TODAY, **changes: Any) -> AppointmentEnded:
    fields: dict[str, Any] = {"person_id": LI, **changes}
    if fields.get("unit_id") is None:
        fields["institution_id"] = INSTITUTION
    return AppointmentEnded(appointment_id=AppointmentId(number), last_day=last_day, **fields)


def appoint(number: str = "A1", **changes: Any) -> Appoint:
    fields: dict[str, Any] = {"role": "clerk", "first_day": TODAY, "person_id": LI, **changes}
    return Appoint(appointment_id=AppointmentId(number), **fields)


def end(number: str = "A1", last_day: date = TODAY) -> EndAppointment:
    return EndAppointment(appointment_id=AppointmentId(number), last_day=last_day)


# --- registering -----------------------------------------------------------------------------------------------------


def test_a_person_is_registered_by_a_commitment_once() -> None:
    command = RegisterPerson(person_id=LI, details=SEALED)
    past = given().when(command).then(registered)
    past.when(command).refused(PersonAlreadyRegistered, person_id=LI)
    given(service).when(RegisterPerson(person_id=BOT, details=SEALED)).refused(PersonAlreadyRegistered)
    given().when(RegisterPerson(person_id=LI, details=SealedDetails("b" * 64, frozenset()))).refused(
        NameMissing, field="details"
    )


def test_registering_races_only_with_the_same_pseudonym() -> None:
    asked = given().when(RegisterPerson(person_id=LI, details=SEALED))
    asked.meanwhile(registered, ServiceRegistered(person_id=LI, service="import")).is_raced()
    asked.meanwhile(PersonRegistered(person_id=WANG, commitment="a" * 64), service).is_undisturbed()


def test_details_of_a_registered_person_are_replaced() -> None:
    command = ReplacePersonDetails(person_id=LI, details=SealedDetails("b" * 64, frozenset({"name", "email"})))
    given(registered).when(command).then(PersonDetailsReplaced(person_id=LI, commitment="b" * 64))
    given().when(command).refused(PersonUnknown, person_id=LI)
    bad = ReplacePersonDetails(person_id=LI, details=SealedDetails("b" * 64, frozenset({"name", "birthday"})))
    given(registered).when(bad).refused(DetailNotKept, field="details", kept="email, name, phone")
    asked = given(registered).when(command)
    asked.meanwhile(registered).is_raced()
    asked.meanwhile(PersonDetailsReplaced(person_id=LI, commitment="c" * 64), appointed()).is_undisturbed()


def test_a_service_identity_is_registered_once() -> None:
    command = RegisterService(person_id=BOT, service="import")
    past = given().when(command).then(service)
    past.when(command).refused(PersonAlreadyRegistered, person_id=BOT)
    given(registered).when(RegisterService(person_id=LI, service="import")).refused(PersonAlreadyRegistered)
    given().when(command).meanwhile(service).is_raced()
    given().when(command).meanwhile(registered).is_undisturbed()


# --- appointing ------------------------------------------------------------------------------------------------------


def test_a_person_is_appointed_at_the_whole_institution_or_at_a_unit() -> None:
    past = given(registered, unit).when(appoint()).then(appointed())
    last = date(2022, 6, 30)
    past.when(appoint("A2", role="applicant", unit_id=UnitId("COL-A"), last_day=last)).then(
        appointed("A2", role="applicant", unit_id=UnitId("COL-A"), last_day=last)
    )


def test_only_the_registered_are_appointed_and_services_only_as_services() -> None:
    given().when(appoint()).refused(PersonUnknown, person_id=LI)
    given(service).when(appoint(person_id=BOT)).refused(RoleNotForThisIdentity, role="clerk")
    given(registered).when(appoint(role="service")).refused(RoleNotForThisIdentity, role="service")
    given(service).when(appoint(person_id=BOT, role="service")).then(appointed(person_id=BOT, role="service"))


def test_a_role_is_held_where_it_belongs() -> None:
    past = given(registered, unit)
    past.when(appoint(role="nominator")).refused(RoleNeedsUnit, role="nominator")
    past.when(appoint(role="administrator", unit_id=UnitId("COL-A"))).refused(RoleIsInstitutionWide)
    past.when(appoint(role="reviewer")).then(appointed(role="reviewer"))
    past.when(appoint(role="reviewer", unit_id=UnitId("COL-A"))).then(
        appointed(role="reviewer", unit_id=UnitId("COL-A"))
    )


def test_nobody_is_appointed_at_a_unit_that_is_unknown_or_gone() -> None:
    at_unit = appoint(role="applicant", unit_id=UnitId("COL-A"))
    given(registered).when(at_unit).refused(UnitUnknown, unit_id="COL-A")
    for end_of_unit in (merged, dissolved):
        given(registered, unit, end_of_unit).when(at_unit).refused(UnitGone, unit_id="COL-A", gone_on=TODAY)
        given(registered, unit).when(at_unit).meanwhile(end_of_unit).is_raced()


def test_an_appointment_has_its_own_id_and_ends_after_it_begins() -> None:
    elsewhere = appointed(person_id=WANG)
    given(registered, elsewhere).when(appoint()).refused(AppointmentAlreadyMade, appointment_id="A1")
    given(registered).when(appoint(last_day=TODAY - DAY)).refused(
        LastDayBeforeFirst, first_day=TODAY, last_day=TODAY - DAY
    )


@pytest.mark.parametrize(
    ("first", "last", "free"),
    [
        (TODAY + 10 * DAY, None, True),
        (TODAY + 9 * DAY, None, False),
        (TODAY - 5 * DAY, TODAY - DAY, True),
        (TODAY - 5 * DAY, TODAY, False),
        (TODAY - 5 * DAY, None, False),
    ],
)
def test_the_same_office_is_not_held_twice_on_a_day(first: date, last: date | None, free: bool) -> None:
    past = given(registered, appointed(last_day=TODAY + 20 * DAY), ended(last_day=TODAY + 9 * DAY))
    asked = past.when(appoint("A2", first_day=first, last_day=last))
    if free:
        asked.then(appointed("A2", first_day=first, last_day=last))
    else:
        asked.refused(AppointmentOverlaps, appointment_id="A1")


def test_an_office_that_was_ended_before_it_began_was_never_held() -> None:
    called_off = given(registered, appointed(first_day=TODAY + 12 * DAY), ended(last_day=TODAY - DAY))
    for first, last in ((TODAY - 9 * DAY, None), (TODAY - DAY, TODAY + 20 * DAY), (TODAY + 12 * DAY, None)):
        called_off.when(appoint("A2", first_day=first, last_day=last)).then(
            appointed("A2", first_day=first, last_day=last)
        )


def test_another_role_or_another_unit_is_another_office() -> None:
    past = given(registered, unit, appointed(), appointed("A2", role="applicant", unit_id=UnitId("COL-B")))
    past.when(appoint("A3", role="head")).then(appointed("A3", role="head"))
    past.when(appoint("A3", role="applicant", unit_id=UnitId("COL-A"))).then(
        appointed("A3", role="applicant", unit_id=UnitId("COL-A"))
    )
    past.when(appoint("A3")).refused(AppointmentOverlaps, appointment_id="A1")


def test_appointing_races_with_the_same_person_and_the_same_id_only() -> None:
    asked = given(registered).when(appoint())
    asked.meanwhile(appointed("A9"), ended("A9"), appointed("A1", person_id=WANG)).is_raced()
    asked.meanwhile(appointed("A9", person_id=WANG), ended("A9", person_id=WANG), unit, service).is_undisturbed()


# --- ending ----------------------------------------------------------------------------------------------------------


def test_an_appointment_ends_today_later_or_as_of_yesterday() -> None:
    for last_day in (TODAY - DAY, TODAY, TODAY + 30 * DAY):
        given(registered, appointed()).when(end(last_day=last_day)).then(ended(last_day=last_day))
    at_unit = appointed(role="applicant", unit_id=UnitId("COL-A"))
    given(at_unit).when(end()).then(ended(unit_id=UnitId("COL-A")))


def test_what_was_done_by_right_is_not_undone() -> None:
    given(appointed(first_day=date(2020, 1, 1))).when(end(last_day=TODAY - 2 * DAY)).refused(
        EndsInThePast, last_day=TODAY - 2 * DAY, earliest=TODAY - DAY
    )


def test_an_ending_only_shortens() -> None:
    past = given(appointed(last_day=TODAY + DAY))
    past.when(end(last_day=TODAY + DAY)).refused(AppointmentEndsEarlier, last_day=TODAY + DAY)
    past.when(end(last_day=TODAY)).then(ended()).when(end(last_day=TODAY)).refused(AppointmentEndsEarlier)
    given().when(end()).refused(AppointmentUnknown, appointment_id="A1")


def administrator(number: str, person_id: PersonId = WANG, **changes: Any) -> Appointed:
    return appointed(number, role="administrator", person_id=person_id, **changes)


def test_somebody_always_remains_who_may_appoint() -> None:
    last = given(administrator("A1", LI), appointed("A5", person_id=WANG))
    last.when(end()).refused(LastAdministrator, last_day=TODAY)
    last.and_(administrator("A2")).when(end()).then(ended())
    last.and_(administrator("A2"), ended("A2", TODAY + DAY, person_id=WANG)).when(end()).refused(LastAdministrator)
    last.and_(administrator("A2", last_day=TODAY + 9 * DAY)).when(end()).refused(LastAdministrator)
    last.and_(administrator("A2", first_day=TODAY + DAY)).when(end()).then(ended())
    last.and_(administrator("A2", first_day=TODAY + 2 * DAY)).when(end()).refused(LastAdministrator)


def test_two_administrators_cannot_end_each_other_at_once_and_others_do_not_disturb() -> None:
    both = given(administrator("A1", LI), administrator("A2"))
    both.when(end()).meanwhile(ended("A2", person_id=WANG)).is_raced()
    at_unit = ended("A7", person_id=WANG, unit_id=UnitId("COL-A"))
    both.when(end()).meanwhile(at_unit).is_undisturbed()
    clerk = given(appointed(), administrator("A2")).when(end())
    clerk.meanwhile(ended("A1")).is_raced()
    clerk.meanwhile(ended("A2", person_id=WANG), appointed("A8")).is_undisturbed()


@drawn(st.data())
def test_after_any_endings_an_administrator_is_left_for_ever(data: st.DataObject) -> None:
    past = given(administrator("A0", LI))
    for n in range(1, data.draw(st.integers(1, 4)) + 1):
        first = TODAY + data.draw(st.integers(-3, 3)) * DAY
        length = data.draw(st.none() | st.integers(0, 9))
        last_day = None if length is None else first + length * DAY
        past = past.and_(administrator(f"A{n}", first_day=first, last_day=last_day))
    for _ in range(6):
        number = f"A{data.draw(st.integers(0, 4))}"
        asked = past.when(end(number, TODAY + data.draw(st.integers(-1, 9)) * DAY))
        if asked._refusal() is None:
            past = past.and_(*(tagged.decision for tagged in asked.command.collect_events()))
    left = Appointments()
    for recorded in past.log:
        left.take(cast("Appointed | AppointmentEnded", recorded.event))
    for days in range(40):
        assert any(a.role == "administrator" for a in left.on(TODAY + days * DAY)), days


def test_an_ending_of_what_was_not_read_says_nothing() -> None:
    appointments = Appointments()
    appointments.take(ended())
    assert list(appointments) == []
