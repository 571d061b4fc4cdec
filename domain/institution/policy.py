"""The time of a simulated institution, as its own past tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domain.institution.events import ClockAdvanced, InstitutionOpened


@dataclass(slots=True)
class SimulatedClock:
    """Where the simulated clock of an institution stands; None where its clock is real or it is not open."""

    stands_at: datetime | None = None

    def take(self, body: InstitutionOpened | ClockAdvanced) -> None:
        """Take in the opening, or one advance."""
        self.stands_at = body.starts_at if isinstance(body, InstitutionOpened) else body.to
