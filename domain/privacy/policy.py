"""What is kept of a person, and whether anything still requires it to be kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal, get_args

from domain.application.events import ApplicationStarted
from domain.audit.events import LegalHoldLifted, LegalHoldPlaced
from domain.audit.policy import HOLD_FACTS, Holds
from domain.document.events import DocumentDeposited
from domain.ids import ApplicationId, DocumentId, InstitutionId, PersonId, ProposerId, UnitId, tag
from domain.kernel import Event, Refusal, Selector
from domain.permission.policy import NOT_ON_RECORD
from domain.person.events import Appointed, AppointmentEnded, PersonDetailsReplaced, PersonRegistered
from domain.person.policy import Appointment, Appointments, PersonUnknown
from domain.privacy.events import ErasureDeclined, ErasureProposed, PersonErased, RetentionDefined

__all__ = [
    "ERASURE_FACTS",
    "PERSON_FACTS",
    "Erasure",
    "ErasureFact",
    "ErasureState",
    "HeldBack",
    "PersonAlreadyErased",
    "PersonFact",
    "PersonFile",
    "RetentionMissing",
    "RetentionRuns",
    "StillInOffice",
    "retention_ends",
]

ErasureFact = ErasureProposed | ErasureDeclined | PersonErased
ERASURE_FACTS: Final[tuple[type[Event], ...]] = get_args(ErasureFact)
"""What becomes of an erasure: all with its tag and that of the person."""
ErasureState = Literal["unknown", "proposed", "declined", "erased"]
PersonFact = (
    PersonRegistered
    | PersonDetailsReplaced
    | Appointed
    | AppointmentEnded
    | DocumentDeposited
    | ApplicationStarted
    | LegalHoldPlaced
    | LegalHoldLifted
    | RetentionDefined
)
PERSON_FACTS: Final[tuple[type[Event], ...]] = get_args(PersonFact)
"""What says what is kept of a person, and how long it must be."""
_OF_THE_PERSON: Final[tuple[type[Event], ...]] = (
    PersonRegistered,
    PersonDetailsReplaced,
    Appointed,
    AppointmentEnded,
    DocumentDeposited,
    *HOLD_FACTS,
    *ERASURE_FACTS,
)
_NOBODY: Final = ("none",)


class PersonAlreadyErased(Refusal):
    """What was kept of person {person_id} has been erased.
    zh: 人员 {person_id} 的信息已删除。
    title: What was kept of the person has been erased · 人员信息已删除
    """


class StillInOffice(Refusal):
    """Appointment {appointment_id} is not over; what is kept of somebody in office is not erased.
    zh: 任命 {appointment_id} 尚未终止;在任人员的信息不予删除。
    title: The person is still in office · 该人员尚在任
    """


class RetentionMissing(Refusal):
    """The institution has not defined how long what is kept of persons must be kept.
    zh: 本机构尚未设定人员信息的保存年限。
    title: No retention is defined · 尚未设定保存年限
    """


class RetentionRuns(Refusal):
    """What is kept of person {person_id} must be kept until {last_day}.
    zh: 人员 {person_id} 的信息须保存至 {last_day}。
    title: The statutory retention has not ended · 法定保存期限未届满
    """


class HeldBack(Refusal):
    """Legal hold {hold_id} stands; nothing that it covers is erased.
    zh: 法定保全 {hold_id} 存续期间,所涉内容不得删除。
    title: A legal hold stands · 法定保全存续
    """


def retention_ends(last_day: date, years: int) -> date:
    """The last day of a retention: so many years after a day; where that year has no 29 February, on 1 March."""
    try:
        return last_day.replace(year=last_day.year + years)
    except ValueError:
        return date(last_day.year + years, 3, 1)


@dataclass(slots=True)
class Erasure:
    """One erasure: what was proposed, by whom, and what became of it."""

    proposed: ErasureProposed | None = None
    proposed_by: str = ""
    state: ErasureState = NOT_ON_RECORD

    def take(self, body: ErasureFact, by: str) -> None:
        """Take in what happened to it."""
        match body:
            case ErasureProposed():
                self.proposed, self.proposed_by, self.state = body, by, "proposed"
            case ErasureDeclined():
                self.state = "declined"
            case _:
                self.state = "erased"

    @property
    def proposer(self) -> ProposerId:
        """Who proposed it, as the fact of its approval names them."""
        return ProposerId(self.proposed_by)


@dataclass(slots=True)
class PersonFile:
    """What is kept of one person, and everything that may require it to be kept."""

    registered_on: date | None = None
    commitments: list[str] = field(default_factory=list)
    document_ids: list[DocumentId] = field(default_factory=list)
    appointments: Appointments = field(default_factory=Appointments)
    applications: set[ApplicationId] = field(default_factory=set)
    holds: Holds = field(default_factory=Holds)
    retentions: list[RetentionDefined] = field(default_factory=list)

    def take(self, body: PersonFact, day: date) -> None:
        """Take in one fact, which happened on a day."""
        match body:
            case PersonRegistered():
                self.registered_on = day
                self.commitments.append(body.commitment)
            case PersonDetailsReplaced():
                self.commitments.append(body.commitment)
            case Appointed() | AppointmentEnded():
                self.appointments.take(body)
            case DocumentDeposited():
                self.document_ids.append(body.document_id)
            case ApplicationStarted():
                self.applications.add(body.application_id)
            case LegalHoldPlaced() | LegalHoldLifted():
                self.holds.take(body)
            case _:
                self.retentions.append(body)

    def boundary(self, person_id: PersonId, institution_id: InstitutionId) -> Sequence[Selector]:
        """The person, the rule of the institution, and the holds on units they served and on what these applied for."""
        units = sorted({held.unit_id for held in self._offices(person_id) if held.unit_id is not None})
        return [
            Selector(_OF_THE_PERSON, [tag(PersonId, person_id)]),
            Selector([RetentionDefined], [tag(InstitutionId, institution_id)]),
            *(Selector([ApplicationStarted, *HOLD_FACTS], [tag(UnitId, unit)]) for unit in units or _NOBODY),
            *(Selector(HOLD_FACTS, [tag(ApplicationId, each)]) for each in sorted(self.applications)),
        ]

    def require_erasable(self, person_id: PersonId, today: date) -> None:
        """Raise what still stands against destroying all of it: unknown, in office, kept by law, or held."""
        if self.registered_on is None:
            raise PersonUnknown(person_id=person_id)
        offices = self._offices(person_id)
        _require_out_of_office(offices, today)
        until = retention_ends(_last_day(self.registered_on, offices), self._retention(today).retention_years)
        if today <= until:
            raise RetentionRuns(person_id=person_id, last_day=until)
        for hold_id in self.holds.standing:
            raise HeldBack(hold_id=hold_id)

    def _offices(self, person_id: PersonId) -> tuple[Appointment, ...]:
        """Those of the person; a command also learns by which office it is asked for."""
        return tuple(held for held in self.appointments if held.person_id == person_id)

    def _retention(self, today: date) -> RetentionDefined:
        """The rule in force: the one that began last and, of those of the same day, was defined last."""
        begun = [rule for rule in self.retentions if rule.first_day <= today]
        if not begun:
            raise RetentionMissing
        return max(enumerate(begun), key=lambda numbered: (numbered[1].first_day, numbered[0]))[1]


def _require_out_of_office(offices: Iterable[Appointment], today: date) -> None:
    for held in offices:
        if held.last_day is None or held.last_day >= today:
            raise StillInOffice(appointment_id=held.appointment_id)


def _last_day(registered_on: date, offices: Iterable[Appointment]) -> date:
    """The last day in office; of whom nothing was ever asked, the day of their registration."""
    return max((registered_on, *(held.last_day for held in offices if held.last_day is not None)))
