"""Who holds a title on a day: by the days that were written down, whether or not somebody recorded that it lapsed."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal, get_args

from domain.designation.events import TitleConferred, TitleLapsed, TitleRenewed, TitleRestored, TitleRevoked
from domain.ids import DesignationId
from domain.kernel import Event, Unknown
from domain.permission.policy import NOT_ON_RECORD

__all__ = [
    "DESIGNATION_FACTS",
    "STATE_AFTER",
    "Designation",
    "DesignationFact",
    "DesignationState",
    "DesignationUnknown",
    "Designations",
    "months_after",
]

DesignationFact = TitleConferred | TitleRenewed | TitleRevoked | TitleRestored | TitleLapsed
DESIGNATION_FACTS: Final[tuple[type[Event], ...]] = get_args(DesignationFact)
"""What becomes of a title that was conferred: all with the tags of designation, case, programme, track and unit."""

DesignationState = Literal["unknown", "held", "revoked", "lapsed"]
STATE_AFTER: Final[Mapping[type[Event], DesignationState]] = {
    TitleConferred: "held",
    TitleRenewed: "held",
    TitleRevoked: "revoked",
    TitleRestored: "held",
    TitleLapsed: "lapsed",
}
_MONTHS: Final = 12


class DesignationUnknown(Unknown):
    """Designation {designation_id} is not on record.
    zh: 没有命名 {designation_id} 的记录。
    title: No such designation · 没有该命名
    """


def months_after(day: date, months: int) -> date:
    """The last day of so many months from a day: the same day of that month or, where there is none, its last.

    So counts article 202 of the Civil Code: 到期月的对应日为期间的最后一日;没有对应日的,月末日为期间的最后一日.
    """
    year, month = divmod(day.year * _MONTHS + day.month - 1 + months, _MONTHS)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


@dataclass(slots=True)
class Designation:
    """One title of one unit, as the record tells it so far."""

    conferred: TitleConferred
    positions: tuple[int, ...]
    state: DesignationState = "held"
    ends: list[tuple[date, date | None]] = field(default_factory=list)
    """From which day on which last day holds."""
    away: list[tuple[date, date | None]] = field(default_factory=list)
    """From which day to before which day it was revoked."""
    revoked: TitleRevoked | None = None

    @property
    def valid_until(self) -> date | None:
        """Its last day; None where none was stated."""
        return self.ends[-1][1]

    def take(self, body: DesignationFact, position: int) -> None:
        """Take in what became of it."""
        self.state = STATE_AFTER[type(body)]
        self.positions += (position,)
        match body:
            case TitleRenewed(renewed_on=renewed_on, valid_until=valid_until):
                self.ends.append((renewed_on, valid_until))
            case TitleRevoked(revoked_on=revoked_on):
                self.revoked = body
                self.away.append((revoked_on, None))
            case TitleRestored(restored_on=restored_on):
                self.revoked = None
                self.away[-1] = (self.away[-1][0], restored_on)

    def is_held_on(self, day: date) -> bool:
        """Whether the title is held on a day: conferred, not over, and not revoked."""
        if day < self.conferred.conferred_on:
            return False
        last = [until for since, until in self.ends if since <= day][-1]
        is_away = any(since <= day and (before is None or day < before) for since, before in self.away)
        return not is_away and (last is None or day <= last)

    def named(self) -> Mapping[str, Any]:
        """What every event of it repeats."""
        conferred = self.conferred
        return {
            "designation_id": conferred.designation_id,
            "application_id": conferred.application_id,
            "programme_id": conferred.programme_id,
            "track_id": conferred.track_id,
            "unit_id": conferred.unit_id,
            "title": conferred.title,
        }


@dataclass(slots=True)
class Designations:
    """The titles of a case or of a unit, as far as they were read."""

    by_id: dict[DesignationId, Designation] = field(default_factory=dict)

    def take(self, body: DesignationFact, position: int = 0) -> None:
        """Take in one event."""
        if isinstance(body, TitleConferred):
            ends = [(body.conferred_on, body.valid_until)]
            self.by_id[body.designation_id] = Designation(body, (position,), ends=ends)
        else:
            self.by_id[body.designation_id].take(body, position)

    def state_of(self, designation_id: DesignationId) -> DesignationState:
        """What has become of a title, for the permission table."""
        return self.by_id[designation_id].state if designation_id in self.by_id else NOT_ON_RECORD

    def require(self, designation_id: DesignationId) -> Designation:
        """A designation. Raises DesignationUnknown."""
        if designation_id not in self.by_id:
            raise DesignationUnknown(designation_id=designation_id)
        return self.by_id[designation_id]

    def held_on(self, day: date) -> tuple[Designation, ...]:
        """Those that are held on a day."""
        return tuple(each for each in self.by_id.values() if each.is_held_on(day))
