"""How many places of its quota a nominating unit has used: filings less what was withdrawn or rejected at screening.

Nothing else counts: filed again after a correction, an application keeps its place; and a decision to put one forward
uses none: until it is filed it may be withdrawn, declined or never come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, get_args

from domain.application.events import ApplicationFiled, ApplicationWithdrawn
from domain.kernel import Event, Refusal
from domain.nomination.events import QuotaAssigned
from domain.programme.events import TrackDefined
from domain.screening.events import ScreeningRejected

__all__ = ["QUOTA_FACTS", "QuotaExhausted", "QuotaFact", "QuotaNotAssigned", "QuotaUse"]

QuotaFact = QuotaAssigned | ApplicationFiled | ApplicationWithdrawn | ScreeningRejected
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


@dataclass(slots=True)
class QuotaUse:
    """The quota of one nominating unit in one track of one programme."""

    assigned: QuotaAssigned | None = None
    filed: int = 0
    returned: int = 0

    def take(self, body: QuotaFact) -> None:
        """Take in one event of this programme, track and nominating unit."""
        match body:
            case QuotaAssigned():
                self.assigned = body
            case ApplicationFiled():
                self.filed += 1
            case _:
                # One withdrawn before it was filed names no nominating unit, and so is not among these.
                self.returned += 1

    @property
    def used(self) -> int:
        """Places that are in use."""
        return self.filed - self.returned

    def require_place(self, track: TrackDefined, nominator_unit_id: str) -> None:
        """Raise QuotaNotAssigned or QuotaExhausted unless one more application may be filed."""
        if track.nomination == "open":
            return
        if self.assigned is None:
            raise QuotaNotAssigned(nominator_unit_id=nominator_unit_id, track_id=track.track_id)
        if self.used >= self.assigned.places:
            raise QuotaExhausted(places=self.assigned.places, used=self.used)
