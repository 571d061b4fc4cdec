"""Which cases the publicity of an acceptance may show: those accepted, or until then placed by its panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, get_args

from domain.assessment.events import AssessmentDecided, AssessmentDefined
from domain.cultivation.events import CaseSucceeded
from domain.cultivation.policy import End
from domain.ids import ApplicationId, PanelId, TrackId, UnitId
from domain.kernel import Code, Event
from domain.review.events import ApplicationRanked, RankingRecorded
from domain.selection.events import SelectionConfirmed, SelectionReversed

__all__ = ["ACCEPTANCE_FACTS", "AcceptanceFact", "Acceptances"]

_Own = AssessmentDecided | CaseSucceeded | ApplicationRanked | RankingRecorded | End
AcceptanceFact = AssessmentDefined | _Own
ACCEPTANCE_FACTS: Final[tuple[type[Event], ...]] = tuple(kind for kind in get_args(_Own) if kind != SelectionReversed)
"""What says which cases of a track may be shown, beside their selection: all with the tags of programme and track."""


@dataclass(slots=True)
class _Standing:
    """How one case stands: who bears it, how it was ranked, and what its last acceptance leads to."""

    unit_id: UnitId
    track_id: TrackId
    ranked: tuple[int, int] | None = None
    """Its rank by the panel of an acceptance, and the position of that; none while it is not placed."""
    decided: tuple[bool, int] | None = None
    """Whether it is to be completed, and the position of that decision."""


@dataclass(slots=True)
class Acceptances:
    """The cases of some tracks on their way through the acceptance, as far as they were read."""

    cases: dict[ApplicationId, _Standing] = field(default_factory=dict)
    stages: dict[Code, Code | None] = field(default_factory=dict)
    """The stage of review of each assessment that is an acceptance."""
    ranked: dict[PanelId, dict[ApplicationId, tuple[int | None, int]]] = field(default_factory=dict)

    def confirm(self, body: SelectionConfirmed) -> None:
        """Take in a case."""
        self.cases[body.application_id] = _Standing(body.unit_id, body.track_id)

    def reverse(self, application_id: ApplicationId) -> None:
        """Take in that a case is no more."""
        self.cases.pop(application_id, None)

    def take(self, body: AcceptanceFact, position: int) -> None:
        """Take in one event."""
        match body:
            case AssessmentDefined():
                self._define(body)
            case ApplicationRanked(panel_id=panel_id):
                self.ranked.setdefault(panel_id, {})[body.application_id] = (body.rank, position)
            case RankingRecorded():
                self._rank(body)
            case CaseSucceeded(application_id=application_id):
                self.cases[application_id].unit_id = UnitId(body.successor_unit_id)
            case AssessmentDecided():
                self._decide(body, position)
            case _:
                self.reverse(body.application_id)

    def _define(self, body: AssessmentDefined) -> None:
        self.stages.pop(body.assessment, None)
        if body.kind == "acceptance":
            self.stages[body.assessment] = body.stage

    def _decide(self, body: AssessmentDecided, position: int) -> None:
        if body.kind == "acceptance":
            self.cases[body.application_id].decided = ("complete" in body.effects, position)

    def _rank(self, body: RankingRecorded) -> None:
        """What the panel of an acceptance found; a later ranking replaces an earlier one."""
        if body.stage not in self.stages.values():
            return
        for application_id, (rank, position) in self.ranked.get(body.panel_id, {}).items():
            if application_id in self.cases:
                self.cases[application_id].ranked = None if rank is None else (rank, position)

    def shown(self, track_id: TrackId) -> Sequence[tuple[ApplicationId, UnitId, int]]:
        """Those of a track that may be shown, best ranked first, each with its unit and what put it there."""
        found = []
        for application_id, case in self.cases.items():
            if case.track_id != track_id:
                continue
            rank = case.ranked[0] if case.ranked else len(self.cases) + 1
            if case.decided is not None and case.decided[0]:
                found.append((rank, application_id, case.unit_id, case.decided[1]))
            elif case.decided is None and case.ranked is not None:
                found.append((rank, application_id, case.unit_id, case.ranked[1]))
        return [(application_id, unit_id, position) for _, application_id, unit_id, position in sorted(found)]
