"""Opening an institution, and the clock of a rehearsal."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from domain.ids import AppointmentId, InstitutionId, PersonId
from domain.institution.commands import (
    AdvanceClock,
    ClockIsReal,
    ClockMovesForward,
    IdentityNotDistinct,
    InstitutionAlreadyOpen,
    OpenInstitution,
    StartsAtMissing,
    StartsAtNotTaken,
)
from domain.institution.events import ClockAdvanced, InstitutionOpened
from domain.institution.policy import InstantOutOfCalendar
from domain.kernel import Invalid, SealedDetails
from domain.person.events import Appointed, PersonRegistered, Role, ServiceRegistered
from domain.person.policy import DetailNotKept, NameMissing
from tests.spec import INSTITUTION, at, given

START = at("2020-05-09 16:36")
PEOPLE = [PersonId(f"00000000-0000-0000-0000-00000000000{n}") for n in range(1, 5)]
SEALED = SealedDetails(commitment="a" * 64, fields=frozenset({"name", "phone"}))


def opened(**changes: Any) -> InstitutionOpened:
    asked: dict[str, Any] = {"clock": "simulated", "starts_at": START, **changes}
    return InstitutionOpened(
        institution_id=INSTITUTION, name_zh="某大学", name_en="A University", time_zone="Asia/Shanghai", **asked
    )


def opening(**changes: Any) -> OpenInstitution:
    asked: dict[str, Any] = {
        "clock": "simulated",
        "starts_at": START,
        "administrator_id": PEOPLE[0],
        "schedule_id": PEOPLE[1],
        "automation_id": PEOPLE[2],
        "import_id": PEOPLE[3],
        "details": SEALED,
        **changes,
    }
    return OpenInstitution(institution_id=INSTITUTION, name_zh="某大学", name_en="A University", **asked)


def founding(name: str, person_id: PersonId, role: Role, first_day: date = date(2020, 5, 9)) -> Appointed:
    return Appointed(
        appointment_id=AppointmentId(f"founding-{name}"),
        person_id=person_id,
        role=role,
        institution_id=INSTITUTION,
        first_day=first_day,
    )


def test_an_institution_is_opened_with_its_first_administrator_and_three_services() -> None:
    given().when(opening()).then(
        opened(),
        PersonRegistered(person_id=PEOPLE[0], commitment="a" * 64),
        founding("administrator", PEOPLE[0], "administrator"),
        ServiceRegistered(person_id=PEOPLE[1], service="schedule"),
        founding("schedule", PEOPLE[1], "service"),
        ServiceRegistered(person_id=PEOPLE[2], service="automation"),
        founding("automation", PEOPLE[2], "service"),
        ServiceRegistered(person_id=PEOPLE[3], service="import"),
        founding("import", PEOPLE[3], "service"),
    )


def test_a_real_institution_appoints_from_the_day_of_the_request_in_its_own_zone() -> None:
    late = datetime(2020, 5, 20, 17, tzinfo=UTC)
    asked = given().when(opening(clock="real", starts_at=None), now=late)
    asked.command.execute()
    appointed = [t.decision for t in asked.command.collect_events() if isinstance(t.decision, Appointed)]
    assert {a.first_day for a in appointed} == {date(2020, 5, 21)}


def test_an_institution_is_opened_once() -> None:
    given(opened()).when(opening()).refused(InstitutionAlreadyOpen, institution_id=INSTITUTION)
    assert given().when(opening()).command.state == "unopened"
    assert given(opened()).when(opening()).command.state == "open"
    given().when(opening()).meanwhile(opened()).is_raced()
    another = msgspec.structs.replace(opened(), institution_id=InstitutionId("OTHER"))
    given().when(opening()).meanwhile(another).is_undisturbed()


def test_a_simulated_clock_needs_a_start_and_a_real_one_takes_none() -> None:
    given().when(opening(starts_at=None)).refused(StartsAtMissing, field="starts_at")
    given().when(opening(clock="real")).refused(StartsAtNotTaken, field="starts_at")


@pytest.mark.parametrize("year", [1, 1899, 2201, 9999])
def test_a_clock_stands_where_days_can_be_counted(year: int) -> None:
    beyond = datetime(year, 12, 31, 20, tzinfo=UTC)
    given().when(opening(starts_at=beyond)).refused(InstantOutOfCalendar, field="starts_at", instant=beyond)
    if beyond > START:
        given(opened()).when(AdvanceClock(to=beyond)).refused(InstantOutOfCalendar, field="to", instant=beyond)


@pytest.mark.parametrize("twice", ["schedule_id", "automation_id", "import_id"])
def test_the_four_identities_are_distinct(twice: str) -> None:
    given().when(opening(**{twice: PEOPLE[0]})).refused(IdentityNotDistinct)


@pytest.mark.parametrize(("fields", "refusal"), [({"phone"}, NameMissing), ({"name", "diary"}, DetailNotKept)])
def test_the_administrator_has_a_name_and_nothing_but_a_contact(fields: set[str], refusal: type[Invalid]) -> None:
    details = SealedDetails(commitment="a" * 64, fields=frozenset(fields))
    given().when(opening(details=details)).refused(refusal, field="details")


def advanced(to: str, *, unattended: bool = False) -> ClockAdvanced:
    return ClockAdvanced(institution_id=INSTITUTION, to=at(to), unattended=unattended)


def test_a_simulated_clock_moves_forward() -> None:
    past = given(opened()).when(AdvanceClock(to=at("2020-05-11 09:00"))).then(advanced("2020-05-11 09:00"))
    past.when(AdvanceClock(to=at("2020-05-20 09:00"), unattended=True)).then(
        advanced("2020-05-20 09:00", unattended=True)
    )


def test_a_simulated_clock_never_moves_back_or_stands_still() -> None:
    past = given(opened(), advanced("2020-05-11 09:00"))
    for to in ("2020-05-11 09:00", "2020-05-10 09:00"):
        past.when(AdvanceClock(to=at(to))).refused(ClockMovesForward, stands_at=at("2020-05-11 09:00"), to=at(to))
    given(opened()).when(AdvanceClock(to=START)).refused(ClockMovesForward, stands_at=START)


def test_a_real_clock_is_not_moved() -> None:
    move = AdvanceClock(to=at("2020-05-11 09:00"))
    given(opened(clock="real", starts_at=None)).when(move).refused(ClockIsReal)
    given().when(move).refused(ClockIsReal)


def test_two_advances_cross() -> None:
    asked = given(opened()).when(AdvanceClock(to=at("2020-05-11 09:00")))
    asked.meanwhile(advanced("2020-05-10 09:00")).is_raced()
    elsewhere = msgspec.structs.replace(advanced("2020-05-10 09:00"), institution_id=InstitutionId("OTHER"))
    asked.meanwhile(elsewhere, founding("import", PEOPLE[3], "service")).is_undisturbed()
