"""How many places of its quota a nominating unit has used: filings less what was withdrawn or rejected at screening.

Places and what was filed on them pass together from a unit that is no more to those that carry on: what they all have
and have used is the same before and after.

A measure of accountability may cut places from the quotas of a unit: what was assigned stays as it is, and the cut is
taken off it in every track while the measure is in force. Nothing else counts: filed again after a correction, an
application keeps its place; and a decision to put one forward uses none: until it is filed it may be withdrawn,
declined or never come.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, get_args

from domain.application.events import ApplicationFiled, ApplicationWithdrawn
from domain.ids import ApplicationId, UnitId
from domain.kernel import Event, Refusal
from domain.nomination.events import NominationPassed, QuotaAssigned, QuotaPassed
from domain.programme.events import TrackDefined
from domain.screening.events import ScreeningRejected

__all__ = ["QUOTA_FACTS", "QuotaCut", "QuotaExhausted", "QuotaFact", "QuotaNotAssigned", "QuotaUse"]

QuotaFact = QuotaAssigned | QuotaPassed | NominationPassed | ApplicationFiled | ApplicationWithdrawn | ScreeningRejected
QUOTA_FACTS: Final[tuple[type[Event], ...]] = get_args(QuotaFact)
"""What counts for the quota of a nominating unit: all with the tags of programme, track and nominating unit."""


class QuotaNotAssigned(Refusal):
    """Unit {nominator_unit_id} has not been assigned places in track {track_id}.
    zh: 单位 {nominator_unit_id} 在赛道 {track_id} 尚未获分配推荐指标。
    title: No quota was assigned · 尚未分配推荐指标
    """


class QuotaExhausted(Refusal):
    """All {places} places are used: {used} applications have been filed.
    zh: {places} 个推荐指标已用尽:已报送 {used} 份申报。
    title: The quota is used up · 推荐指标已用尽
    """


class QuotaCut(Refusal):
    """Of {places} places {cut} are cut by a measure of accountability; {used} applications have been filed.
    zh: {places} 个推荐指标因追责措施核减 {cut} 个;已报送 {used} 份申报。
    title: Places of the quota are cut · 推荐指标已核减
    """


@dataclass(slots=True)
class QuotaUse:
    """The quotas in one track of one programme, as far as they were read: whole of one nominating unit alone.

    Places and what was filed pass between units, so each is kept by the unit that has it.
    """

    assigned: dict[str, QuotaAssigned] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    """Places by unit: of none to which none were ever assigned or passed."""
    filed: dict[ApplicationId, tuple[str, UnitId]] = field(default_factory=dict)
    """What was filed and neither withdrawn nor rejected since: by which unit's place, and which unit applies."""

    def take(self, body: QuotaFact) -> None:
        """Take in one event of this programme and track."""
        match body:
            case QuotaAssigned(nominator_unit_id=nominator):
                self.assigned[nominator], self.places[nominator] = body, body.places
            case QuotaPassed(nominator_unit_id=before, successor_unit_id=successor):
                self.places[before] = self.places.get(before, 0) - body.places
                self.places[successor] = self.places.get(successor, 0) + body.places
            case ApplicationFiled(nominator_unit_id=nominator):
                self.filed[body.application_id] = nominator, body.unit_id
            case NominationPassed(successor_unit_id=successor):
                self.filed[body.application_id] = successor, body.unit_id
            case _:
                # One withdrawn before it was filed names no nominating unit, and so is not among these.
                self.filed.pop(body.application_id, None)

    def live(self, nominator_unit_id: str) -> dict[ApplicationId, UnitId]:
        """What was filed on the places of a unit and stands, by the unit that applies."""
        return {one: unit_id for one, (nominator, unit_id) in self.filed.items() if nominator == nominator_unit_id}

    def used(self, nominator_unit_id: str) -> int:
        """Places of a unit that are in use."""
        return len(self.live(nominator_unit_id))

    def require_place(self, track: TrackDefined, nominator_unit_id: str, cut: int = 0) -> None:
        """Raise QuotaNotAssigned, QuotaExhausted or QuotaCut unless one more application may be filed."""
        if track.nomination == "open":
            return
        places, used = self.places.get(nominator_unit_id), self.used(nominator_unit_id)
        if places is None:
            raise QuotaNotAssigned(nominator_unit_id=nominator_unit_id, track_id=track.track_id)
        if used >= places:
            raise QuotaExhausted(places=places, used=used)
        if used >= places - cut:
            raise QuotaCut(places=places, cut=cut, used=used)
