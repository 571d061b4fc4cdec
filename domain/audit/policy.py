"""Which legal holds stand, whether an engagement runs, and what it opens to its auditor.

An engagement covers what belongs to one of its programmes or is about one of its units; where neither is named, all
there is. Which fields of that its auditor reads is said with the other audiences.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, get_args

from domain.application.events import ApplicationStarted
from domain.audit.events import (
    AuditFindingAnswered,
    AuditFindingClosed,
    AuditFindingRecorded,
    EngagementEnded,
    EngagementOpened,
    LegalHoldLifted,
    LegalHoldPlaced,
)
from domain.cultivation.events import CaseSucceeded
from domain.ids import (
    ApplicationId,
    EngagementId,
    NominatorUnitId,
    PanelId,
    ProgrammeId,
    SuccessorUnitId,
    UnitId,
    tag,
)
from domain.kernel import Event, Selector
from domain.permission.policy import NOT_ON_RECORD
from domain.review.events import PanelConstituted

__all__ = [
    "AUDIT_FINDING_FACTS",
    "ENGAGEMENT_FACTS",
    "HOLD_FACTS",
    "AuditFinding",
    "AuditFindingFact",
    "AuditFindingState",
    "Engagement",
    "EngagementFact",
    "EngagementState",
    "Grant",
    "HoldFact",
    "HoldState",
    "Holds",
    "belonging",
]

HoldFact = LegalHoldPlaced | LegalHoldLifted
HOLD_FACTS: Final[tuple[type[Event], ...]] = get_args(HoldFact)
"""What says whether a hold stands: both with the tags of the hold and of whom or what it is about."""
EngagementFact = EngagementOpened | EngagementEnded
ENGAGEMENT_FACTS: Final[tuple[type[Event], ...]] = get_args(EngagementFact)
"""What says whether an engagement runs: both with its tag."""
AuditFindingFact = AuditFindingRecorded | AuditFindingAnswered | AuditFindingClosed
AUDIT_FINDING_FACTS: Final[tuple[type[Event], ...]] = get_args(AuditFindingFact)
"""What becomes of a finding of an audit: all with its tag and the engagement's."""
HoldState = Literal["placed", "lifted"]
EngagementState = Literal["engaged", "disengaged"]
AuditFindingState = Literal["recorded", "answered", "concluded"]


class Holds:
    """The legal holds that a past speaks of, as far as they stand."""

    def __init__(self) -> None:
        self.standing: dict[str, LegalHoldPlaced] = {}

    def take(self, body: HoldFact) -> None:
        """Take in that one was placed, or lifted."""
        if isinstance(body, LegalHoldPlaced):
            self.standing[body.hold_id] = body
        else:
            self.standing.pop(body.hold_id, None)


@dataclass(frozen=True, slots=True)
class Grant:
    """What an engagement that runs opens: everything that carries one of these tags, or everything there is."""

    engagement_id: EngagementId
    sealed: bool
    whole: bool
    tags: frozenset[str]

    def covers(self, tags: Iterable[str]) -> bool:
        """Whether what carries these tags is part of it."""
        return self.whole or not self.tags.isdisjoint(tags)


@dataclass(slots=True)
class Engagement:
    """An engagement, as far as it was recorded."""

    opened: EngagementOpened | None = None
    ended: bool = False

    def take(self, body: EngagementFact) -> None:
        """Take in that it was opened, or ended."""
        if isinstance(body, EngagementOpened):
            self.opened = body
        else:
            self.ended = True

    @property
    def state(self) -> str:
        """Its state, for the permission table."""
        return NOT_ON_RECORD if self.opened is None else "disengaged" if self.ended else "engaged"

    def running(self, now: datetime) -> EngagementOpened | None:
        """What was opened, where it runs at an instant."""
        opened = self.opened
        if opened is None or self.ended or not opened.opens_at <= now < opened.ends_at:
            return None
        return opened

    def authority(self, by: str, now: datetime) -> str | None:
        """The authority of its auditor at an instant: the engagement itself; None where it gives somebody none."""
        running = self.running(now)
        return tag(EngagementId, running.engagement_id) if running and running.person_id == by else None

    def grant(self, now: datetime, within: Iterable[str] = ()) -> Grant | None:
        """What it opens at an instant; ``within`` are the tags of what belongs to its programmes and units."""
        running = self.running(now)
        if running is None:
            return None
        own = {tag(EngagementId, running.engagement_id)}
        own |= {tag(ProgrammeId, each) for each in running.programme_ids}
        own |= {tag(kind, each) for each in running.unit_ids for kind in (UnitId, NominatorUnitId)}
        whole = not running.programme_ids and not running.unit_ids
        return Grant(running.engagement_id, running.sealed, whole, frozenset({*own, *within}))

    def belongings(self) -> list[Selector]:
        """Which past says what belongs to the programmes and units it names: their applications and panels."""
        if self.opened is None:
            return []
        programmes = [tag(ProgrammeId, each) for each in self.opened.programme_ids]
        units = [tag(UnitId, each) for each in self.opened.unit_ids]
        successors = [tag(SuccessorUnitId, each) for each in self.opened.unit_ids]
        return [
            *(Selector([ApplicationStarted, PanelConstituted], [each]) for each in programmes),
            *(Selector([ApplicationStarted], [each]) for each in units),
            *(Selector([CaseSucceeded], [each]) for each in successors),
        ]


def belonging(tags: Iterable[str]) -> set[str]:
    """The tags among those of such a past that name an application or a panel."""
    return {each for each in tags if each.startswith((tag(ApplicationId, ""), tag(PanelId, "")))}


@dataclass(slots=True)
class AuditFinding:
    """A finding of an audit, as far as it was recorded."""

    recorded: AuditFindingRecorded | None = None
    answered: bool = False
    closed: bool = False
    answerers: set[str] = field(default_factory=set)

    def take(self, body: AuditFindingFact, by: str) -> None:
        """Take in one fact, and who recorded it."""
        if isinstance(body, AuditFindingRecorded):
            self.recorded = body
        elif isinstance(body, AuditFindingAnswered):
            self.answered = True
            self.answerers.add(by)
        else:
            self.closed = True

    @property
    def state(self) -> str:
        """Its state, for the permission table."""
        if self.recorded is None:
            return NOT_ON_RECORD
        return "concluded" if self.closed else "answered" if self.answered else "recorded"
