"""What is shown in a publicity, by which digest it is known, and which objections against it are open."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

import msgspec

from domain.ids import ApplicationId, ObjectionId
from domain.kernel import Event
from domain.publicity.events import (
    ObjectionAdmitted,
    ObjectionDismissed,
    ObjectionInvestigated,
    ObjectionNotAdmitted,
    ObjectionReceived,
    ObjectionUpheld,
    ObjectionWithdrawn,
    ShownEntry,
)

__all__ = ["OBJECTION_FACTS", "Objection", "ObjectionFact", "ObjectionState", "Objections", "digest_of"]

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
_STATE_AFTER: Final[dict[type[Event], ObjectionState]] = {
    ObjectionReceived: "received",
    ObjectionAdmitted: "admitted",
    ObjectionNotAdmitted: "not_admitted",
    ObjectionInvestigated: "investigated",
    ObjectionUpheld: "upheld",
    ObjectionDismissed: "dismissed",
    ObjectionWithdrawn: "withdrawn",
}
_OPEN: Final[frozenset[ObjectionState]] = frozenset({"received", "admitted", "investigated"})


def digest_of(entries: Iterable[ShownEntry]) -> str:
    """The SHA-256 of a list: of the canonical JSON of its entries, in the order in which they are shown."""
    return hashlib.sha256(msgspec.json.encode(tuple(entries), order="sorted")).hexdigest()


@dataclass(slots=True)
class Objection:
    """One objection, as the record tells it so far."""

    received: ObjectionReceived
    state: ObjectionState = "received"

    @property
    def is_open(self) -> bool:
        """Whether it still waits for its answer."""
        return self.state in _OPEN


@dataclass(slots=True)
class Objections:
    """The objections against an entry, or against a whole publicity, as far as they were read."""

    by_id: dict[ObjectionId, Objection] = field(default_factory=dict)

    def take(self, body: ObjectionFact) -> None:
        """Take in one event."""
        if isinstance(body, ObjectionReceived):
            self.by_id[body.objection_id] = Objection(body)
        else:
            self.by_id[body.objection_id].state = _STATE_AFTER[type(body)]

    def first_open(self, application_id: ApplicationId | None = None) -> ObjectionId | None:
        """The first objection that is still open, against one application or against any."""
        found = (
            objection_id
            for objection_id, each in self.by_id.items()
            if each.is_open and application_id in (None, each.received.application_id)
        )
        return next(found, None)

    def upheld(self, application_id: ApplicationId) -> bool:
        """Whether an objection against an application was upheld."""
        return any(
            each.state == "upheld" and each.received.application_id == application_id for each in self.by_id.values()
        )
