"""What if the sheets had been brought together otherwise: other weights, another aggregation, without a reviewer.

A supposition binds nothing and is recorded nowhere: the very function that ranks is asked once more, and what comes of
it is told beside the ranking as it stands, application by application, with who crosses the line of the places.
"""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from domain.ids import ApplicationId, SeatId, UnitId
from domain.kernel import Code
from domain.review.events import Aggregation, StageDefined
from domain.review.policy import Ranking
from projections.scoreboard import SheetRow

__all__ = ["Move", "Supposition", "moves", "remaining", "supposed"]


class Supposition(msgspec.Struct, frozen=True, kw_only=True):
    """What is supposed to be otherwise; what is left out stays as it is."""

    aggregation: Aggregation | None = None
    trim: int | None = None
    weights_bp: Mapping[Code, int] = {}
    without: frozenset[SeatId] = frozenset()


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One application: its rank as it stands and as supposed, and whether it crosses the line of the places.
    zh: 一份申报:现有名次与假设名次,以及是否越过名额线。
    """

    application_id: ApplicationId
    unit_id: UnitId
    rank: int | None
    supposed_rank: int | None
    moved_up: int | None
    within: bool
    supposed_within: bool

    @property
    def crosses(self) -> bool:
        """Whether it would be chosen and is not, or is and would not."""
        return self.within is not self.supposed_within


def supposed(stage: StageDefined, supposition: Supposition) -> StageDefined:
    """The stage as supposed; whether it is one that could be defined is for the rules of a stage to say."""
    criteria = tuple(
        replace(each, weight_bp=supposition.weights_bp.get(each.code, each.weight_bp)) for each in stage.criteria
    )
    return replace(
        stage,
        criteria=criteria,
        aggregation=supposition.aggregation or stage.aggregation,
        trim=stage.trim if supposition.trim is None else supposition.trim,
    )


def remaining(sheets: Iterable[SheetRow], supposition: Supposition) -> list[SheetRow]:
    """The sheets that are left without the reviewers supposed away."""
    return [sheet for sheet in sheets if sheet.seat_id not in supposition.without]


def moves(standing: Ranking, then: Ranking, places: int | None) -> list[Move]:
    """Each application of the ranking as it stands, in its order, beside its supposed rank."""
    found = []
    for placing in standing.placings:
        other = then.of(placing.application_id)
        rank = None if other is None else other.rank
        known = placing.rank is not None and rank is not None
        found.append(
            Move(
                application_id=placing.application_id,
                unit_id=placing.unit_id,
                rank=placing.rank,
                supposed_rank=rank,
                moved_up=(placing.rank or 0) - (rank or 0) if known else None,
                within=_within(placing.rank, places),
                supposed_within=_within(rank, places),
            )
        )
    return found


def _within(rank: int | None, places: int | None) -> bool:
    return rank is not None and (places is None or rank <= places)
