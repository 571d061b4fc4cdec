"""Persons by pseudonym and the offices they hold; names lie in the vault and never here."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec.structs import replace

from domain.ids import AppointmentId, PersonId
from domain.kernel import Recorded, office
from domain.person.events import (
    Appointed,
    AppointmentEnded,
    PersonDetailsReplaced,
    PersonRegistered,
    Role,
    Service,
    ServiceRegistered,
)
from domain.privacy.events import PersonErased
from projections.kernel import Key, View, keyed


class PersonRow(msgspec.Struct, frozen=True, kw_only=True):
    """A person by pseudonym, or a service identity.
    zh: 以化名编号登记的人员,或服务身份。
    """

    person_id: Annotated[PersonId, office("Person", "人员")]
    service: Annotated[Service | None, office("Service (none: a person)", "服务(空为人员)")]
    registered_at: Annotated[datetime, office("Registered at", "登记时间")]
    details_replaced_at: Annotated[datetime | None, office("Details replaced at", "信息更换时间")] = None
    erased_at: Annotated[datetime | None, office("Erased at (none: kept)", "删除时间(空为未删除)")] = None


def _person(row: PersonRow | None, recorded: Recorded, _key: Key) -> PersonRow | None:
    at = recorded.envelope.effective_at
    match recorded.event:
        case PersonRegistered(person_id=person_id):
            return PersonRow(person_id=person_id, service=None, registered_at=at)
        case ServiceRegistered(person_id=person_id, service=service):
            return PersonRow(person_id=person_id, service=service, registered_at=at)
        case PersonDetailsReplaced() if row is not None:
            return replace(row, details_replaced_at=at)
        case PersonErased() if row is not None:
            return replace(row, erased_at=at)
    return row


PERSON = View(
    name="person",
    version=2,
    en="Persons by pseudonym",
    zh="人员(化名编号)",
    row=PersonRow,
    key=("person_id",),
    reads=(PersonRegistered, ServiceRegistered, PersonDetailsReplaced, PersonErased),
    touches=keyed("person_id"),
    fold=_person,
    sorts=("registered_at",),
)


class AppointmentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One appointment: a role at a unit, or at the whole institution, for some days.
    zh: 一项任命:某人在某单位或全机构担任某角色的期间。
    """

    appointment_id: Annotated[AppointmentId, office("Appointment", "任命")]
    person_id: Annotated[PersonId, office("Person", "人员")]
    role: Annotated[Role, office("Role", "角色")]
    unit_id: Annotated[str, office("Unit (empty: the whole institution)", "单位(空为全机构)")]
    first_day: Annotated[date, office("First day", "起始日")]
    last_day: Annotated[date | None, office("Last day", "截止日")]
    ended: Annotated[bool, office("Ended by decision", "已决定终止")] = False
    appointed_by: Annotated[str, office("Appointed by", "任命人")]
    appointed_at: Annotated[datetime, office("Appointed at", "任命时间")]
    position: Annotated[int, office("Position", "位置")]

    def holds_on(self, day: date) -> bool:
        """Whether the appointment holds on a day; both days named are included."""
        return self.first_day <= day and (self.last_day is None or day <= self.last_day)


def _appointment(row: AppointmentRow | None, recorded: Recorded, _key: Key) -> AppointmentRow | None:
    match recorded.event:
        case Appointed() as event:
            return AppointmentRow(
                appointment_id=event.appointment_id,
                person_id=event.person_id,
                role=event.role,
                unit_id=event.unit_id or "",
                first_day=event.first_day,
                last_day=event.last_day,
                appointed_by=recorded.envelope.actor_id,
                appointed_at=recorded.envelope.effective_at,
                position=recorded.position,
            )
        case AppointmentEnded(last_day=last_day) if row is not None:
            return replace(row, last_day=last_day, ended=True)
    return row


APPOINTMENT = View(
    name="appointment",
    version=1,
    en="Appointments",
    zh="任命",
    row=AppointmentRow,
    key=("appointment_id",),
    reads=(Appointed, AppointmentEnded),
    touches=keyed("appointment_id"),
    fold=_appointment,
    indexes=("person_id", "unit_id"),
    filters=("person_id", "unit_id", "role"),
    sorts=("first_day",),
)


def holding(rows: Iterable[AppointmentRow], day: date) -> list[AppointmentRow]:
    """The appointments that hold on a day."""
    return [row for row in rows if row.holds_on(day)]
