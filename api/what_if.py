"""What-if over HTTP: a question with its suppositions as parameters; it is answered, and nothing is recorded."""

from __future__ import annotations

import re
import typing
from typing import Final

import msgspec

from api.problems import ParameterInvalid
from api.requests import Parameters
from api.routes import Parameter
from domain.ids import ApplicationId, PanelId, SeatId, TrackId
from domain.review.events import Aggregation, StageDefined
from domain.review.form import rule_called
from domain.review.policy import Ranking, faults_of, leaves
from projections.what_if import Move, Supposition, moves, supposed

__all__ = ["PARAMETERS", "WhatIf", "answered", "read"]

_AGGREGATIONS: Final[tuple[str, ...]] = typing.get_args(Aggregation)
_WEIGHT: Final = re.compile(r"([a-z0-9]+(?:[_-][a-z0-9]+)*):(\d{1,5})")
_TRIM_AT_MOST: Final = 1_000

PARAMETERS: Final = (
    Parameter(name="aggregation", en="Brought together by", zh="合成方法", type=Aggregation),
    Parameter(name="trim", en="Sheets left out at each end", zh="两端各去除份数", type=int),
    Parameter(name="weights", en="Weights, as code:basis points, …", zh="权重,如 code:基点,…"),
    Parameter(name="without", en="Without these seats, as R1,R2", zh="剔除席位,如 R1,R2"),
    Parameter(name="places", en="Places", zh="名额", type=int),
)


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """What would come of a supposition: nothing of it binds anybody, and nothing of it is recorded."""

    panel_id: PanelId
    track_id: TrackId
    aggregation: str
    trim: int
    weights_bp: dict[str, int]
    without: tuple[SeatId, ...]
    places: int | None
    moves: tuple[Move, ...]
    crossing: tuple[ApplicationId, ...]
    position: int
    binding: bool = False


def read(parameters: Parameters, stage: StageDefined) -> tuple[Supposition, StageDefined]:
    """The supposition that a request makes, and the stage that it comes to; raises ParameterInvalid."""
    aggregation = parameters.text("aggregation")
    if aggregation is not None and aggregation not in _AGGREGATIONS:
        raise ParameterInvalid(parameter="aggregation", rule=f"one of {', '.join(_AGGREGATIONS)}")
    supposition = Supposition(
        aggregation=typing.cast("Aggregation | None", aggregation),
        trim=parameters.whole("trim", 0, _TRIM_AT_MOST),
        weights_bp=_weights(parameters, stage),
        without=frozenset(SeatId(each) for each in (parameters.text("without") or "").split(",") if each),
    )
    changed = supposed(stage, supposition)
    for fault in faults_of(changed):
        raise ParameterInvalid(
            parameter="weights" if "criteria" in fault.path else "trim", rule=rule_called(fault.rule)
        )
    return supposition, changed


def _weights(parameters: Parameters, stage: StageDefined) -> dict[str, int]:
    text = parameters.text("weights")
    if text is None:
        return {}
    found: dict[str, int] = {}
    known = {leaf.code for leaf in leaves(stage.criteria)}
    for part in text.split(","):
        matched = _WEIGHT.fullmatch(part)
        if matched is None or matched[1] not in known or matched[1] in found:
            raise ParameterInvalid(
                parameter="weights", rule=f"code:basis points, each of these once at most: {', '.join(sorted(known))}"
            )
        found[matched[1]] = int(matched[2])
    return found


def answered(
    panel_id: PanelId,
    track_id: TrackId,
    told: tuple[Supposition, StageDefined],
    rankings: tuple[Ranking, Ranking],
    *,
    places: int | None,
    barred: frozenset[str],
    position: int,
) -> WhatIf:
    """The answer, without what its reader is recused from."""
    supposition, stage = told
    shown = tuple(move for move in moves(*rankings, places) if move.application_id not in barred)
    return WhatIf(
        panel_id=panel_id,
        track_id=track_id,
        aggregation=stage.aggregation,
        trim=stage.trim,
        weights_bp={leaf.code: leaf.weight_bp or 0 for leaf in leaves(stage.criteria)},
        without=tuple(sorted(supposition.without)),
        places=places,
        moves=shown,
        crossing=tuple(move.application_id for move in shown if move.crosses),
        position=position,
    )
