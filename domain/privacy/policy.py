"""What is kept of a person or of an objector, and whether anything still requires it to be kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal, NamedTuple, get_args

from domain.application.events import ApplicationStarted
from domain.audit.events import LegalHoldLifted, LegalHoldPlaced
from domain.audit.policy import HOLD_FACTS, Holds
from domain.document.events import DocumentDeposited
from domain.ids import ApplicationId, DocumentId, ObjectionId, PersonId, ProposerId, UnitId, tag
from domain.kernel import Event, Refusal, Selector
from domain.permission.policy import NOT_ON_RECORD
from domain.person.events import Appointed, AppointmentEnded, PersonDetailsReplaced, PersonRegistered
from domain.person.policy import Appointment, Appointments, PersonUnknown
from domain.privacy.events import (
    ErasureDeclined,
    ErasureProposed,
    ObjectorErased,
    ObjectorErasureDeclined,
    ObjectorErasureProposed,
    PersonErased,
    RetentionDefined,
)
from domain.publicity.events import ObjectionReceived
from domain.publicity.policy import OBJECTION_FACTS, ObjectionFact, Objections, ObjectionUnknown

__all__ = [
    "ERASURE_FACTS",
    "KEPT_FACTS",
    "SEALED",
    "Erasure",
    "ErasureFact",
    "ErasureState",
    "HeldBack",
    "KeptFact",
    "ObjectionNotAnswered",
    "ObjectorAlreadyErased",
    "ObjectorFile",
    "ObjectorRetentionRuns",
    "PersonAlreadyErased",
    "PersonFile",
    "Proposed",
    "RetentionMissing",
    "RetentionRuns",
    "Sealed",
    "StillInOffice",
    "retention_ends",
]

Proposed = ErasureProposed | ObjectorErasureProposed
"""An erasure that was proposed: of what is kept of a person, or of whoever raised an objection."""
ErasureFact = Proposed | ErasureDeclined | PersonErased | ObjectorErasureDeclined | ObjectorErased
ERASURE_FACTS: Final[tuple[type[Event], ...]] = get_args(ErasureFact)
"""What becomes of an erasure: all with its tag and that of the person or the objection."""
ErasureState = Literal["unknown", "proposed", "declined", "erased"]
PersonFact = PersonRegistered | PersonDetailsReplaced | Appointed | AppointmentEnded | DocumentDeposited
KeptFact = PersonFact | ObjectionFact | ApplicationStarted | LegalHoldPlaced | LegalHoldLifted | RetentionDefined
KEPT_FACTS: Final[tuple[type[Event], ...]] = get_args(KeptFact)
"""What says what is kept of a person or of an objector, and how long it must be."""
_OF_THE_PERSON: Final[tuple[type[Event], ...]] = (*get_args(PersonFact), *HOLD_FACTS, *ERASURE_FACTS)
_NOBODY: Final = ("none",)


class Sealed(NamedTuple):
    """What lies under the keys of one kind of subject: by which event it is erased, or by which law it is kept."""

    en: str
    zh: str
    erased_by: type[Event] | None = None
    kept_by: str = ""


_ARCHIVES: Final = "档案法第十三条、个人信息保护法第四十七条第二款"
"""What shows how an office did its work is archived; what a statute has kept is stored and protected, not erased."""
SEALED: Final[Mapping[str, Sealed]] = {
    "person": Sealed("name, contacts, own documents", "姓名、联系方式、本人文件", erased_by=PersonErased),
    "objection": Sealed("name and contacts of an objector, statement", "异议人姓名、联系方式与异议内容",
                        erased_by=ObjectorErased),
    "application": Sealed("form and self-check of a unit", "单位申报书与自查", kept_by=_ARCHIVES),
    "unit": Sealed("documents of a unit", "单位文件", kept_by=_ARCHIVES),
    "institution": Sealed("documents of the office", "主管部门文件", kept_by=_ARCHIVES),
    "seat": Sealed("marks and opinion from a seat, and whose pseudonym holds it", "席位评分、意见及持有人化名",
                   kept_by=_ARCHIVES),
    "matter": Sealed("a random key by which codes are found; no text", "用于查找代号的随机密钥,不含文字",
                     kept_by=_ARCHIVES),
    "audit-finding": Sealed("statement of an auditor, answer of the office", "审计问题与答复", kept_by=_ARCHIVES),
}  # fmt: skip
"""Every kind of subject whose key the vault holds. What is kept names persons by pseudonyms, which lead to nobody once
what lies under the person's own key is erased."""


class PersonAlreadyErased(Refusal):
    """What was kept of person {person_id} has been erased.
    zh: 人员 {person_id} 的信息已删除。
    title: What was kept of the person has been erased · 人员信息已删除
    """


class ObjectorAlreadyErased(Refusal):
    """What was kept of whoever raised objection {objection_id} has been erased.
    zh: 异议 {objection_id} 的异议人信息已删除。
    title: What was kept of the objector has been erased · 异议人信息已删除
    """


class ObjectionNotAnswered(Refusal):
    """Objection {objection_id} has not been answered; whoever raised it is still to be reached.
    zh: 异议 {objection_id} 尚未答复,仍须与异议人联系。
    title: The objection has not been answered · 异议尚未答复
    """


class ObjectorRetentionRuns(Refusal):
    """What is kept of whoever raised objection {objection_id} must be kept until {last_day}.
    zh: 异议 {objection_id} 的异议人信息须保存至 {last_day}。
    title: The statutory retention of the objection has not ended · 异议的法定保存期限未届满
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

    proposed: Proposed | None = None
    proposed_by: str = ""
    state: ErasureState = NOT_ON_RECORD

    def take(self, body: ErasureFact, by: str) -> None:
        """Take in what happened to it."""
        match body:
            case ErasureProposed() | ObjectorErasureProposed():
                self.proposed, self.proposed_by, self.state = body, by, "proposed"
            case ErasureDeclined() | ObjectorErasureDeclined():
                self.state = "declined"
            case _:
                self.state = "erased"

    @property
    def proposer(self) -> ProposerId:
        """Who proposed it, as the fact of its approval names them."""
        return ProposerId(self.proposed_by)


@dataclass(slots=True)
class Kept(ABC):
    """What is kept of somebody, and the holds and rules that may require it to be kept."""

    commitments: list[str] = field(default_factory=list)
    document_ids: list[DocumentId] = field(default_factory=list)
    applications: dict[ApplicationId, UnitId] = field(default_factory=dict)
    holds: Holds = field(default_factory=Holds)
    retentions: list[RetentionDefined] = field(default_factory=list)

    def take(self, body: KeptFact, day: date) -> None:
        """Take in one fact, which happened on a day; one that says nothing of them changes nothing."""
        match body:
            case ApplicationStarted():
                self.applications[body.application_id] = body.unit_id
            case LegalHoldPlaced() | LegalHoldLifted():
                self.holds.take(body)
            case RetentionDefined():
                self.retentions.append(body)
            case _:
                self._take_own(body, day)

    @abstractmethod
    def _take_own(self, body: PersonFact | ObjectionFact, day: date) -> None:
        """Take in what happened to them alone; of the other kind of subject it is nothing."""

    def _last_kept_day(self, last_day: date, today: date) -> date:
        """The last day of the retention that counts from a day. Raises RetentionMissing where no rule has begun.

        Of several rules the one that began last is in force and, of those of the same day, that defined last.
        """
        begun = [rule for rule in self.retentions if rule.first_day <= today]
        if not begun:
            raise RetentionMissing
        in_force = max(enumerate(begun), key=lambda numbered: (numbered[1].first_day, numbered[0]))[1]
        return retention_ends(last_day, in_force.retention_years)

    def _require_no_hold(self) -> None:
        for hold_id in self.holds.standing:
            raise HeldBack(hold_id=hold_id)


@dataclass(slots=True)
class PersonFile(Kept):
    """What is kept of one person, and everything that may require it to be kept."""

    registered_on: date | None = None
    appointments: Appointments = field(default_factory=Appointments)

    def _take_own(self, body: PersonFact | ObjectionFact, day: date) -> None:
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

    def boundary(self, person_id: PersonId) -> Sequence[Selector]:
        """The person, and the holds on units they served and on what these applied for."""
        units = sorted({held.unit_id for held in self._offices(person_id) if held.unit_id is not None})
        return [
            Selector(_OF_THE_PERSON, [tag(PersonId, person_id)]),
            *(Selector([ApplicationStarted, *HOLD_FACTS], [tag(UnitId, unit)]) for unit in units or _NOBODY),
            *(Selector(HOLD_FACTS, [tag(ApplicationId, each)]) for each in sorted(self.applications)),
        ]

    def require_erasable(self, person_id: PersonId, today: date) -> None:
        """Raise what still stands against destroying all of it: unknown, in office, kept by law, or held."""
        if self.registered_on is None:
            raise PersonUnknown(person_id=person_id)
        offices = self._offices(person_id)
        _require_out_of_office(offices, today)
        until = self._last_kept_day(_last_day(self.registered_on, offices), today)
        if today <= until:
            raise RetentionRuns(person_id=person_id, last_day=until)
        self._require_no_hold()

    def _offices(self, person_id: PersonId) -> tuple[Appointment, ...]:
        """Those of the person; a command also learns by which office it is asked for."""
        return tuple(held for held in self.appointments if held.person_id == person_id)


@dataclass(slots=True)
class ObjectorFile(Kept):
    """What is kept of whoever raised one objection, their statement too, and what may require it to be kept."""

    objections: Objections = field(default_factory=Objections)
    changed_on: date = date.min

    def _take_own(self, body: PersonFact | ObjectionFact, day: date) -> None:
        if isinstance(body, ObjectionReceived):
            self.commitments += [] if body.commitment is None else [body.commitment]
            self.document_ids.append(body.statement_document_id)
        if isinstance(body, ObjectionFact):
            self.objections.take(body)
            self.changed_on = day

    def boundary(self, objection_id: ObjectionId) -> Sequence[Selector]:
        """The objection, and the holds on the application that it is against and on the unit that applied."""
        one = self.objections.by_id.get(objection_id)
        cases = [] if one is None else [one.received.application_id]
        return [
            Selector([*OBJECTION_FACTS, *ERASURE_FACTS], [tag(ObjectionId, objection_id)]),
            *(Selector([ApplicationStarted, *HOLD_FACTS], [tag(ApplicationId, case)]) for case in cases),
            *(Selector(HOLD_FACTS, [tag(UnitId, unit)]) for unit in sorted(set(self.applications.values()))),
        ]

    def require_erasable(self, objection_id: ObjectionId, today: date) -> None:
        """Raise what still stands against destroying all of it: unknown, not answered, kept by law, or held."""
        one = self.objections.by_id.get(objection_id)
        if one is None:
            raise ObjectionUnknown(objection_id=objection_id)
        if one.is_open:
            raise ObjectionNotAnswered(objection_id=objection_id)
        until = self._last_kept_day(self.changed_on, today)
        if today <= until:
            raise ObjectorRetentionRuns(objection_id=objection_id, last_day=until)
        self._require_no_hold()


def _require_out_of_office(offices: Iterable[Appointment], today: date) -> None:
    for held in offices:
        if held.last_day is None or held.last_day >= today:
            raise StillInOffice(appointment_id=held.appointment_id)


def _last_day(registered_on: date, offices: Iterable[Appointment]) -> date:
    """The last day in office; of whom nothing was ever asked, the day of their registration."""
    return max((registered_on, *(held.last_day for held in offices if held.last_day is not None)))
