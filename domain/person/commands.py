"""What may be asked about persons, service identities and the offices they hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from domain.ids import AppointmentId, InstitutionId, PersonId, UnitId, tag
from domain.kernel import (
    Command,
    Event,
    Invalid,
    Refusal,
    SealedDetails,
    Selector,
    Unknown,
    any_event,
    asked,
    event,
    known,
    word,
)
from domain.permission.policy import ROLE_TITLES
from domain.person.events import (
    Appointed,
    AppointmentEnded,
    PersonDetailsReplaced,
    PersonRegistered,
    Role,
    Service,
    ServiceRegistered,
)
from domain.person.policy import PLACES, Appointments, PersonUnknown, check_details
from domain.privacy.events import PersonErased
from domain.privacy.policy import PersonAlreadyErased
from domain.unit.events import UnitRegistered
from domain.unit.policy import UNIT_ENDS, Tree, TreeFact

_ONE_DAY: Final = timedelta(days=1)


class PersonAlreadyRegistered(Refusal):
    """Person {person_id} has been registered before.
    zh: 人员 {person_id} 此前已登记。
    title: The person was registered before · 人员此前已登记
    """


class RoleNeedsUnit(Invalid):
    """The role {role} is held at a unit.
    zh: 角色“{role}”须在某一单位担任。
    title: The role is held at a unit · 该角色须在某一单位担任
    """


class RoleIsInstitutionWide(Invalid):
    """The role {role} is held at the whole institution, not at a unit.
    zh: 角色“{role}”在全机构范围担任,不限于单位。
    title: The role is held at the whole institution · 该角色在全机构范围担任
    """


class RoleNotForThisIdentity(Refusal):
    """The role {role} is not open to this identity: services act only as services, persons never do.
    zh: 该身份不得担任角色“{role}”:服务身份只以服务行事,个人不得以服务行事。
    title: The role is not open to this identity · 该身份不得担任此角色
    """


class LastDayBeforeFirst(Invalid):
    """The last day {last_day} lies before the first day {first_day}.
    zh: 截止日 {last_day} 早于起始日 {first_day}。
    title: The last day lies before the first · 截止日早于起始日
    """


class AppointmentAlreadyMade(Refusal):
    """Appointment {appointment_id} has been made before.
    zh: 任命 {appointment_id} 此前已作出。
    title: The appointment was made before · 任命此前已作出
    """


class AppointmentOverlaps(Refusal):
    """The same office is held on some of these days under appointment {appointment_id}.
    zh: 同一职务在部分日期已依任命 {appointment_id} 担任。
    title: The same office is held on some of these days · 部分日期已担任同一职务
    """


class AppointmentUnknown(Unknown):
    """Appointment {appointment_id} is not on record.
    zh: 没有任命 {appointment_id} 的记录。
    title: The appointment is not on record · 没有该任命的记录
    """


class AppointmentEndsEarlier(Refusal):
    """Appointment {appointment_id} already ends on {last_day}.
    zh: 任命 {appointment_id} 已于 {last_day} 截止。
    title: The appointment ends earlier · 任命已先行截止
    """


class EndsInThePast(Refusal):
    """An appointment is not ended back to {last_day}; {earliest} is the earliest last day today.
    zh: 任命不得追溯至 {last_day} 终止;今日最早可定 {earliest} 为截止日。
    title: An appointment does not end in the past · 任命不得追溯终止
    """


class LastAdministrator(Refusal):
    """After {last_day} nobody would be left who may appoint.
    zh: {last_day} 之后将无人有权任命。
    title: Nobody could appoint afterwards · 此后将无人有权任命
    """


class RegisterPerson(Command):
    """Register a person: name and contact are sealed in the vault, the record knows a pseudonym.
    zh: 登记人员:姓名与联系方式封存于保险库,记录中仅存化名编号。
    """

    person_id: PersonId = asked("Person", "人员")
    details: SealedDetails = asked("Name and contact", "姓名与联系方式")

    registered: bool = known(default=False)

    def consistency_boundary(self) -> Sequence[Selector]:
        return [Selector([PersonRegistered, ServiceRegistered], [tag(PersonId, self.person_id)])]

    @any_event(PersonRegistered, ServiceRegistered)
    def _(self) -> None:
        self.registered = True

    def execute(self) -> None:
        if self.registered:
            raise PersonAlreadyRegistered(person_id=self.person_id)
        check_details(self.details)
        self.trigger_event(PersonRegistered, person_id=self.person_id, commitment=self.details.commitment)


class ReplacePersonDetails(Command):
    """Replace a person's sealed name and contact.
    zh: 更换人员封存的姓名与联系方式。
    """

    person_id: PersonId = asked("Person", "人员")
    details: SealedDetails = asked("Name and contact", "姓名与联系方式")

    registered: bool = known(default=False)
    erased: bool = known(default=False)

    def consistency_boundary(self) -> Sequence[Selector]:
        return [Selector([PersonRegistered, PersonErased], [tag(PersonId, self.person_id)])]

    @event(PersonRegistered)
    def _(self) -> None:
        self.registered = True

    @event(PersonErased)
    def _(self) -> None:
        self.erased = True

    def execute(self) -> None:
        if not self.registered:
            raise PersonUnknown(person_id=self.person_id)
        if self.erased:
            raise PersonAlreadyErased(person_id=self.person_id)
        check_details(self.details)
        self.trigger_event(PersonDetailsReplaced, person_id=self.person_id, commitment=self.details.commitment)


class RegisterService(Command):
    """Register a service identity, which acts by schedule, automation or import.
    zh: 登记服务身份,按日程、自动规则或导入行事。
    """

    person_id: PersonId = asked("Service identity", "服务身份")
    service: Service = asked("Service", "服务")

    registered: bool = known(default=False)

    def consistency_boundary(self) -> Sequence[Selector]:
        return [Selector([PersonRegistered, ServiceRegistered], [tag(PersonId, self.person_id)])]

    @any_event(PersonRegistered, ServiceRegistered)
    def _(self) -> None:
        self.registered = True

    def execute(self) -> None:
        if self.registered:
            raise PersonAlreadyRegistered(person_id=self.person_id)
        self.trigger_event(ServiceRegistered, person_id=self.person_id, service=self.service)


class Appoint(Command):
    """Appoint a person to a role, at a unit or at the whole institution, from a day on.
    zh: 任命人员自某日起在某单位或全机构担任某角色。
    """

    appointment_id: AppointmentId = asked("Appointment", "任命")
    person_id: PersonId = asked("Person", "人员")
    role: Role = asked("Role", "角色")
    unit_id: UnitId | None = asked("Unit (none: the whole institution)", "单位(空为全机构)", default=None)
    first_day: date = asked("First day", "起始日")
    last_day: date | None = asked("Last day", "截止日", default=None)

    is_person: bool = known(default=False)
    is_service: bool = known(default=False)
    erased: bool = known(default=False)
    made: bool = known(default=False)
    appointments: Appointments = known(factory=Appointments)
    units: Tree = known(factory=Tree)

    def consistency_boundary(self) -> Sequence[Selector]:
        # Where no unit is named there is none to look for; the id of no unit finds none.
        unit = tag(UnitId, self.unit_id or "none")
        return [
            Selector([Appointed], [tag(AppointmentId, self.appointment_id)]),
            Selector(
                [PersonRegistered, ServiceRegistered, Appointed, AppointmentEnded, PersonErased],
                [tag(PersonId, self.person_id)],
            ),
            Selector([UnitRegistered, *UNIT_ENDS], [unit]),
        ]

    @event(PersonRegistered)
    def _(self) -> None:
        self.is_person = True

    @event(ServiceRegistered)
    def _(self) -> None:
        self.is_service = True

    @event(PersonErased)
    def _(self) -> None:
        self.erased = True

    @event(Appointed)
    def _(self, body: Appointed) -> None:
        self.made = self.made or body.appointment_id == self.appointment_id
        self.appointments.take(body)

    @event(AppointmentEnded)
    def _(self, body: AppointmentEnded) -> None:
        self.appointments.take(body)

    @any_event(UnitRegistered, *UNIT_ENDS)
    def _(self, body: TreeFact) -> None:
        self.units.take(body)

    def execute(self) -> None:
        if self.made:
            raise AppointmentAlreadyMade(appointment_id=self.appointment_id)
        if self.last_day is not None and self.last_day < self.first_day:
            raise LastDayBeforeFirst(field="last_day", first_day=self.first_day, last_day=self.last_day)
        self._require_person()
        self._require_place()
        for held in self.appointments:
            same = held.same_office(self.person_id, self.role, self.unit_id)
            if same and held.overlaps(self.first_day, self.last_day):
                raise AppointmentOverlaps(appointment_id=held.appointment_id)
        self.trigger_event(
            Appointed,
            appointment_id=self.appointment_id,
            person_id=self.person_id,
            role=self.role,
            institution_id=self.institution_id if self.unit_id is None else None,
            unit_id=self.unit_id,
            first_day=self.first_day,
            last_day=self.last_day,
        )

    def _require_person(self) -> None:
        if not (self.is_person or self.is_service):
            raise PersonUnknown(person_id=self.person_id)
        if self.erased:
            raise PersonAlreadyErased(person_id=self.person_id)
        if (self.role == "service") is not self.is_service:
            raise RoleNotForThisIdentity(role=word(self.role, ROLE_TITLES))

    def _require_place(self) -> None:
        if self.unit_id is None:
            if PLACES[self.role] == "unit":
                raise RoleNeedsUnit(field="unit_id", role=word(self.role, ROLE_TITLES))
            return
        if PLACES[self.role] == "institution":
            raise RoleIsInstitutionWide(field="unit_id", role=word(self.role, ROLE_TITLES))
        self.units.of(self.unit_id).require_living()


class EndAppointment(Command):
    """End an appointment; the day named is the last on which it holds, at the earliest the day before today.
    zh: 终止任命;所列日期为其最后有效日,最早为昨日。
    """

    appointment_id: AppointmentId = asked("Appointment", "任命")
    last_day: date = asked("Last day", "截止日")

    appointments: Appointments = known(factory=Appointments)

    @property
    def _is_administrator(self) -> bool:
        ending = self.appointments.by_id.get(self.appointment_id)
        return ending is not None and ending.role == "administrator"

    def consistency_boundary(self) -> Sequence[Selector]:
        types: list[type[Event]] = [Appointed, AppointmentEnded]
        boundary = [Selector(types, [tag(AppointmentId, self.appointment_id)])]
        if self._is_administrator:
            # Whether somebody remains who may appoint is said by the institution-wide appointments alone.
            boundary.append(Selector(types, [tag(InstitutionId, self.institution_id)]))
        return boundary

    @any_event(Appointed, AppointmentEnded)
    def _(self, body: Appointed | AppointmentEnded) -> None:
        self.appointments.take(body)

    def execute(self) -> None:
        ending = self.appointments.by_id.get(self.appointment_id)
        if ending is None:
            raise AppointmentUnknown(appointment_id=self.appointment_id)
        if ending.last_day is not None and ending.last_day <= self.last_day:
            raise AppointmentEndsEarlier(appointment_id=self.appointment_id, last_day=ending.last_day)
        # What was done until yesterday was done by right; only today and what follows can be taken back.
        earliest = self.today - _ONE_DAY
        if self.last_day < earliest:
            raise EndsInThePast(last_day=self.last_day, earliest=earliest)
        if self._is_administrator and not self._somebody_else_administers():
            raise LastAdministrator(last_day=self.last_day)
        self.trigger_event(
            AppointmentEnded,
            appointment_id=ending.appointment_id,
            person_id=ending.person_id,
            institution_id=self.institution_id if ending.unit_id is None else None,
            unit_id=ending.unit_id,
            last_day=self.last_day,
        )

    def _somebody_else_administers(self) -> bool:
        """Whether another administrator holds office on the day after, without an end."""
        others = (a for a in self.appointments.on(self.last_day + _ONE_DAY) if a.role == "administrator")
        return any(other.last_day is None and other.appointment_id != self.appointment_id for other in others)


COMMANDS: tuple[type[Command], ...] = (RegisterPerson, ReplacePersonDetails, RegisterService, Appoint, EndAppointment)
