"""The time of a simulated institution, as its own past tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.institution.events import ClockAdvanced, InstitutionOpened
from domain.kernel import Invalid

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2200
"""What an institution's calendar can hold; beyond it days can no longer be counted."""


class InstantOutOfCalendar(Invalid):
    """The instant {instant} lies outside the years {first_year} to {last_year}.
    zh: 时刻 {instant} 不在 {first_year} 年至 {last_year} 年之间。
    title: The instant lies beyond the calendar · 时刻超出历法范围
    """


def require_in_calendar(field: str, instant: datetime) -> None:
    """Refuse an instant that no calendar of an institution reaches: once a clock stood there, it could not go back."""
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise InstantOutOfCalendar(field=field, instant=instant, first_year=FIRST_YEAR, last_year=LAST_YEAR)


@dataclass(slots=True)
class SimulatedClock:
    """Where the simulated clock of an institution stands; None where its clock is real or it is not open."""

    stands_at: datetime | None = None

    def take(self, body: InstitutionOpened | ClockAdvanced) -> None:
        """Take in the opening, or one advance."""
        self.stands_at = body.starts_at if isinstance(body, InstitutionOpened) else body.to
