"""What may be asked of an audit; each matter has a page of its own."""

from __future__ import annotations

from domain.audit.hold import LiftLegalHold, PlaceLegalHold
from domain.kernel import Command

COMMANDS: tuple[type[Command], ...] = (PlaceLegalHold, LiftLegalHold)
