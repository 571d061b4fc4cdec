"""Which offices a person holds on which day: what every right rests on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, Literal

from domain.ids import AppointmentId, PersonId, UnitId
from domain.kernel import Invalid, SealedDetails, Unknown, words
from domain.person.events import Appointed, AppointmentEnded, Role

__all__ = [
    "DETAILS",
    "PLACES",
    "Appointment",
    "Appointments",
    "DetailNotKept",
    "NameMissing",
    "PersonUnknown",
    "check_details",
]

Place = Literal["institution", "unit", "either"]
PLACES: Final[dict[Role, Place]] = {
    "administrator": "institution",
    "clerk": "institution",
    "head": "institution",
    "nominator": "unit",
    "applicant": "unit",
    "reviewer": "either",
    "finance": "either",
    "supervisor": "either",
    "auditor": "institution",
    "service": "institution",
}
"""Where each role is held: at the whole institution, at one unit, or at either."""


DETAILS: Final = frozenset({"name", "phone", "email"})
"""What may be kept of a person: nothing that the office does not need to reach them."""
DETAIL_TITLES: Final[dict[str, tuple[str, str]]] = {
    "name": ("name", "姓名"),
    "phone": ("phone", "电话"),
    "email": ("e-mail", "电子邮箱"),
    "unit": ("unit", "单位"),
}
"""What is kept of persons, of those who object too."""


class PersonUnknown(Unknown):
    """Person {person_id} has not been registered.
    zh: 人员 {person_id} 尚未登记。
    title: The person has not been registered · 人员尚未登记
    """


class NameMissing(Invalid):
    """The details have no name.
    zh: 信息缺少姓名。
    """


class DetailNotKept(Invalid):
    """Nothing is kept of a person but: {kept}.
    zh: 人员信息仅保存:{kept}。
    title: Such a detail is not kept of a person · 不保存此类人员信息
    """


def check_details(details: SealedDetails) -> None:
    """Raise NameMissing, or DetailNotKept where there is more than a name and a contact."""
    if "name" not in details.fields:
        raise NameMissing(field="details")
    if not details.fields <= DETAILS:
        raise DetailNotKept(field="details", kept=words(sorted(DETAILS), DETAIL_TITLES))


@dataclass(frozen=True, slots=True)
class Appointment:
    """A role held at a unit, or at the whole institution, from a day to a day, both included."""

    appointment_id: AppointmentId
    person_id: PersonId
    role: Role
    unit_id: UnitId | None
    first_day: date
    last_day: date | None

    def holds_on(self, day: date) -> bool:
        """Whether the role is held on this day."""
        return self.first_day <= day and (self.last_day is None or day <= self.last_day)

    def overlaps(self, first_day: date, last_day: date | None) -> bool:
        """Whether there is a day both in this appointment and between these two."""
        if last_day is not None and last_day < self.first_day:
            return False
        # One that was ended before it began holds on no day at all.
        return self.last_day is None or max(first_day, self.first_day) <= self.last_day

    def same_office(self, person_id: str, role: Role, unit_id: UnitId | None) -> bool:
        """Whether it is the same role of the same person at the same place."""
        return (self.person_id, self.role, self.unit_id) == (person_id, role, unit_id)


@dataclass(slots=True)
class Appointments:
    """The appointments that have been recorded, as far as they were taken in."""

    by_id: dict[AppointmentId, Appointment] = field(default_factory=dict)

    def take(self, body: Appointed | AppointmentEnded) -> None:
        """Take in one event; an ending only ever shortens."""
        if isinstance(body, Appointed):
            self.by_id[body.appointment_id] = Appointment(
                body.appointment_id, body.person_id, body.role, body.unit_id, body.first_day, body.last_day
            )
        elif body.appointment_id in self.by_id:
            ended = self.by_id[body.appointment_id]
            self.by_id[body.appointment_id] = replace(ended, last_day=body.last_day)

    def __iter__(self) -> Iterator[Appointment]:
        return iter(self.by_id.values())

    def on(self, day: date) -> tuple[Appointment, ...]:
        """Those that hold on a day, in the order they were recorded."""
        return tuple(appointment for appointment in self if appointment.holds_on(day))

    def held(self, role: str, unit_id: str | None, day: date) -> Appointment | None:
        """The appointment by which a role is held on a day at exactly this unit, or (None) at the whole institution."""
        found = (a for a in self.on(day) if a.role == role and a.unit_id == unit_id)
        return next(found, None)
