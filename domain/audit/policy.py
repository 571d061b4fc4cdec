"""Which legal holds stand: what erasure asks before it destroys a key."""

from __future__ import annotations

from typing import Final, Literal, get_args

from domain.audit.events import LegalHoldLifted, LegalHoldPlaced
from domain.kernel import Event

__all__ = ["HOLD_FACTS", "HoldFact", "HoldState", "Holds"]

HoldFact = LegalHoldPlaced | LegalHoldLifted
HOLD_FACTS: Final[tuple[type[Event], ...]] = get_args(HoldFact)
"""What says whether a hold stands: both with the tags of the hold and of whom or what it is about."""
HoldState = Literal["placed", "lifted"]


class Holds:
    """The legal holds that a past speaks of, as far as they stand."""

    def __init__(self) -> None:
        self.standing: dict[str, LegalHoldPlaced] = {}

    def take(self, body: HoldFact) -> None:
        """Take in that one was placed, or lifted."""
        match body:
            case LegalHoldPlaced():
                self.standing[body.hold_id] = body
            case LegalHoldLifted():
                self.standing.pop(body.hold_id, None)
