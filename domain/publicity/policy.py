"""What is shown in a publicity and by which digest it is known, whether its window is open, and which objections are.

What every command about a publicity or an objection knows is a class of this page.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal, get_args

import msgspec

from domain.ids import ApplicationId, ObjectionId, PublicityId
from domain.kernel import Event, Refusal, Unknown, word
from domain.permission.policy import NOT_ON_RECORD, STATE_TITLES
from domain.publicity.events import (
    Check,
    EntryPassed,
    Matter,
    ObjectionAdmitted,
    ObjectionDismissed,
    ObjectionInvestigated,
    ObjectionNotAdmitted,
    ObjectionReceived,
    ObjectionUpheld,
    ObjectionWithdrawn,
    ObjectorIdentity,
    PostingWithdrawn,
    PublicityApproved,
    PublicityClosed,
    PublicityExtended,
    PublicityOpened,
    PublicityPrepared,
    PublicityTakenDown,
    ShownEntry,
)

__all__ = [
    "CHECK_TITLES",
    "IDENTITY_TITLES",
    "MATTER_TITLES",
    "OBJECTION_FACTS",
    "OBJECTION_STATE_AFTER",
    "PUBLICITY_FACTS",
    "STATE_AFTER",
    "NotShown",
    "Objection",
    "ObjectionFact",
    "ObjectionState",
    "ObjectionUnknown",
    "Objections",
    "Publicity",
    "PublicityFact",
    "PublicityNotOpen",
    "PublicityOver",
    "PublicityState",
    "PublicityUnknown",
    "SecondPersonMissing",
    "digest_of",
]

PublicityFact = (
    PublicityPrepared
    | PublicityApproved
    | PublicityOpened
    | PublicityExtended
    | PublicityTakenDown
    | PublicityClosed
    | EntryPassed
    | PostingWithdrawn
)
PUBLICITY_FACTS: Final[tuple[type[Event], ...]] = get_args(PublicityFact)
"""What becomes of a publicity: all with its tag and that of its programme."""

PublicityState = Literal["unknown", "prepared", "approved", "open", "closed", "taken_down", "withdrawn"]
STATE_AFTER: Final[Mapping[type[Event], PublicityState]] = {
    PublicityPrepared: "prepared",
    PublicityApproved: "approved",
    PublicityOpened: "open",
    PublicityTakenDown: "taken_down",
    PublicityClosed: "closed",
    PostingWithdrawn: "withdrawn",
}

ObjectionFact = (
    ObjectionReceived
    | ObjectionAdmitted
    | ObjectionNotAdmitted
    | ObjectionInvestigated
    | ObjectionUpheld
    | ObjectionDismissed
    | ObjectionWithdrawn
)
OBJECTION_FACTS: Final[tuple[type[Event], ...]] = get_args(ObjectionFact)
"""What becomes of an objection: all with the tags of objection, publicity and application."""

ObjectionState = Literal[
    "unknown", "received", "admitted", "not_admitted", "investigated", "upheld", "dismissed", "withdrawn"
]
MATTER_TITLES: Final[dict[Matter, tuple[str, str]]] = {
    "selection": ("selection", "遴选"),
    "acceptance": ("acceptance", "验收"),
}
IDENTITY_TITLES: Final[dict[ObjectorIdentity, tuple[str, str]]] = {
    "named": ("named", "实名"),
    "stamped": ("stamped by an organisation", "单位盖章"),
    "confidential": ("confidential", "保密"),
    "anonymous": ("anonymous", "匿名"),
}
CHECK_TITLES: Final[dict[Check, tuple[str, str]]] = {
    "secrecy": ("secrecy", "保密审查"),
    "personal_data": ("personal data", "个人信息审查"),
}
OBJECTION_STATE_AFTER: Final[Mapping[type[Event], ObjectionState]] = {
    ObjectionReceived: "received",
    ObjectionAdmitted: "admitted",
    ObjectionNotAdmitted: "not_admitted",
    ObjectionInvestigated: "investigated",
    ObjectionUpheld: "upheld",
    ObjectionDismissed: "dismissed",
    ObjectionWithdrawn: "withdrawn",
}
_OPEN: Final[frozenset[ObjectionState]] = frozenset({"received", "admitted", "investigated"})


class PublicityUnknown(Unknown):
    """Publicity {publicity_id} is not on record.
    zh: 没有公示 {publicity_id} 的记录。
    title: The publicity is not on record · 没有该公示的记录
    """


class ObjectionUnknown(Unknown):
    """Objection {objection_id} is not on record.
    zh: 没有异议 {objection_id} 的记录。
    title: The objection is not on record · 没有该异议的记录
    """


class PublicityNotOpen(Refusal):
    """Publicity {publicity_id} is not open; it is {state}.
    zh: 公示 {publicity_id} 未在开启状态,现为“{state}”。
    title: The publicity is not open · 公示未在开启状态
    """


class PublicityOver(Refusal):
    """The publicity is over: its last day was {last_day}, it closed at {closes_at}.
    zh: 公示已截止:截止日为 {last_day},截止时刻为 {closes_at}。
    title: The publicity is over · 公示已截止
    """


class NotShown(Refusal):
    """Publicity {publicity_id} does not show application {application_id}.
    zh: 公示 {publicity_id} 未列申报 {application_id}。
    title: The publicity does not show the application · 公示未列该申报
    """


class SecondPersonMissing(Refusal):
    """Whoever did the act before this one does not also do this: {act}.
    zh: 前一环节的办理人不得同时办理{act}。
    title: A second person is needed · 须由另一人办理
    """


def digest_of(entries: Iterable[ShownEntry]) -> str:
    """The SHA-256 of a list: of the canonical JSON of its entries, in the order in which they are shown."""
    return hashlib.sha256(msgspec.json.encode(tuple(entries), order="sorted")).hexdigest()


@dataclass(slots=True)
class Publicity:
    """One publicity, as the record tells it so far."""

    prepared: PublicityPrepared | None = None
    prepared_by: str = ""
    state: PublicityState = NOT_ON_RECORD
    closes_at: datetime | None = None
    last_day: date | None = None
    closed: bool = False
    passed: frozenset[ApplicationId] = frozenset()

    def take(self, body: PublicityFact, by: str = "") -> None:
        """Take in one event; one that publishes this list anew carries its tag and is another publicity."""
        if self.prepared is not None and body.publicity_id != self.prepared.publicity_id:
            return
        self.state = STATE_AFTER.get(type(body), self.state)
        match body:
            case PublicityPrepared():
                self.prepared, self.prepared_by = body, by
            case PublicityOpened() | PublicityExtended():
                self.closes_at, self.last_day = body.closes_at, body.last_day
            case PublicityClosed():
                self.closed = True
            case EntryPassed(application_id=application_id):
                self.passed |= {application_id}

    def require_prepared(self, publicity_id: PublicityId) -> PublicityPrepared:
        """What was prepared. Raises PublicityUnknown."""
        if self.prepared is None:
            raise PublicityUnknown(publicity_id=publicity_id)
        return self.prepared

    def entry(self, application_id: ApplicationId) -> ShownEntry:
        """The entry of an application. Raises NotShown."""
        prepared = self.prepared
        shown = () if prepared is None else prepared.entries
        found = next((entry for entry in shown if entry.application_id == application_id), None)
        if prepared is None or found is None:
            raise NotShown(
                publicity_id="" if prepared is None else prepared.publicity_id, application_id=application_id
            )
        return found

    def passing(self, application_id: ApplicationId) -> EntryPassed:
        """What is recorded of an entry that passed."""
        entry = self.entry(application_id)
        prepared = self.require_prepared(PublicityId(""))
        return EntryPassed(
            publicity_id=prepared.publicity_id,
            programme_id=prepared.programme_id,
            matter=prepared.matter,
            application_id=application_id,
            track_id=entry.track_id,
            unit_id=entry.unit_id,
        )

    def require_open(self, publicity_id: PublicityId) -> tuple[datetime, date]:
        """When it closes, and its last day. Raises PublicityNotOpen."""
        if self.closes_at is None or self.last_day is None or self.state != "open":
            raise PublicityNotOpen(publicity_id=publicity_id, state=word(self.state, STATE_TITLES))
        return self.closes_at, self.last_day

    def is_over(self, now: datetime) -> bool:
        """Whether its time has run out, recorded or not; one that was taken down never comes to its end."""
        return self.closed or (self.state == "open" and self.closes_at is not None and now >= self.closes_at)

    def require_running(self, publicity_id: PublicityId, now: datetime) -> tuple[datetime, date]:
        """When it closes, and its last day. Raises PublicityNotOpen, or PublicityOver for what is received too late."""
        closes_at, last_day = self.require_open(publicity_id)
        if now >= closes_at:
            raise PublicityOver(last_day=last_day, closes_at=closes_at)
        return closes_at, last_day


@dataclass(slots=True)
class Objection:
    """One objection, as the record tells it so far."""

    received: ObjectionReceived
    state: ObjectionState = "received"
    investigated_by: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it still waits for its answer."""
        return self.state in _OPEN


@dataclass(slots=True)
class Objections:
    """The objections against an entry, or against a whole publicity, as far as they were read."""

    by_id: dict[ObjectionId, Objection] = field(default_factory=dict)

    def take(self, body: ObjectionFact, by: str = "") -> None:
        """Take in one event."""
        if isinstance(body, ObjectionReceived):
            self.by_id[body.objection_id] = Objection(body)
            return
        one = self.by_id[body.objection_id]
        one.state = OBJECTION_STATE_AFTER[type(body)]
        if isinstance(body, ObjectionInvestigated):
            one.investigated_by = by

    def state_of(self, objection_id: ObjectionId) -> ObjectionState:
        """What has become of an objection, for the permission table."""
        return self.by_id[objection_id].state if objection_id in self.by_id else NOT_ON_RECORD

    def first_open(self) -> ObjectionId | None:
        """The first objection that is still open."""
        return next((objection_id for objection_id, each in self.by_id.items() if each.is_open), None)

    def is_clear(self, application_id: ApplicationId) -> bool:
        """Whether no objection against an application is open or was upheld."""
        against = (each for each in self.by_id.values() if each.received.application_id == application_id)
        return not any(each.is_open or each.state == "upheld" for each in against)
