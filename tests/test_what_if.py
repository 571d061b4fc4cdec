"""What-if: the very ranking, asked once more; suppositions move ranks, cross the line, and bind nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.problems import ParameterInvalid
from api.requests import Parameters
from api.what_if import PARAMETERS, answered, read
from domain.ids import ApplicationId, PanelId, ProgrammeId, SeatId, TrackId, UnitId
from domain.review.events import ApplicationAdmitted, Mark, ScoreCriterion, StageDefined
from domain.review.policy import Ranking, Sheet, rank
from projections.scoreboard import SheetRow
from projections.what_if import Supposition, moves, remaining, supposed

A, B, C = (ApplicationId(f"A-{letter}") for letter in "abc")


def stage(**changes: Any) -> StageDefined:
    leaf: dict[str, Any] = {"weight_bp": 5_000, "lowest_tenths": 0, "highest_tenths": 1_000}
    defined = StageDefined(
        programme_id=ProgrammeId("P"), stage="experts", order=1, name_zh="评审", name_en="Experts",
        track_ids=(TrackId("T"),), aggregation="mean", minimum_sheets=1,
        criteria=tuple(ScoreCriterion(code=code, name_zh="项", name_en="Item", **leaf) for code in ("deeds", "plan")),
    )  # fmt: skip
    return msgspec.structs.replace(defined, **changes)


@dataclass
class Given:
    """Sheets of three seats on three applications: deeds and plan, in tenths."""

    sheets: dict[tuple[str, ApplicationId], tuple[int, int]]

    def ranking(self, of: StageDefined, without: frozenset[str] = frozenset(), places: int | None = 1) -> Ranking:
        admitted = [
            ApplicationAdmitted(
                panel_id=PanelId("N"), application_id=each, programme_id=ProgrammeId("P"), track_id=TrackId("T"),
                unit_id=UnitId(f"U-{each}"),
            )
            for each in (A, B, C)
        ]  # fmt: skip
        opened = [
            Sheet(SeatId(seat), each, f"{n:064x}", (Mark("deeds", deeds), Mark("plan", plan)), n)
            for n, ((seat, each), (deeds, plan)) in enumerate(self.sheets.items(), 1)
            if seat not in without
        ]
        return rank(of, admitted, opened, {}, {}, places=places)


GIVEN = Given(
    {
        ("R1", A): (900, 500), ("R1", B): (600, 850), ("R1", C): (500, 500),
        ("R2", A): (900, 500), ("R2", B): (600, 850), ("R2", C): (500, 500),
        ("R3", A): (200, 200), ("R3", B): (600, 850), ("R3", C): (500, 500),
    }
)  # fmt: skip


def test_other_weights_move_ranks_and_tell_who_crosses_the_line() -> None:
    weights = Supposition(weights_bp={"deeds": 9_000, "plan": 1_000}, without=frozenset({SeatId("R3")}))
    then = GIVEN.ranking(supposed(stage(), weights), frozenset({"R3"}))
    told = {move.application_id: move for move in moves(GIVEN.ranking(stage()), then, 1)}
    assert (told[B].rank, told[B].supposed_rank, told[B].moved_up, told[B].crosses) == (1, 2, -1, True)
    assert (told[A].rank, told[A].supposed_rank, told[A].moved_up, told[A].crosses) == (2, 1, 1, True)
    assert (told[C].moved_up, told[C].crosses) == (0, False)


def test_what_has_no_rank_moves_nowhere() -> None:
    strict = stage(minimum_sheets=3)
    then = GIVEN.ranking(strict, frozenset({"R3"}))
    told = moves(GIVEN.ranking(strict), then, None)
    assert [(move.supposed_rank, move.moved_up, move.within, move.supposed_within) for move in told] == [
        (None, None, True, False)
    ] * 3


@given(st.integers(0, 10_000))
def test_supposing_what_is_so_moves_nobody(places: int) -> None:
    same = Supposition(aggregation="mean", trim=0, weights_bp={"deeds": 5_000}, without=frozenset())
    assert supposed(stage(), same) == stage()
    told = moves(GIVEN.ranking(stage()), GIVEN.ranking(supposed(stage(), same)), places)
    assert not any(move.crosses or move.moved_up for move in told)


def test_the_sheets_of_a_reviewer_supposed_away_are_left_out() -> None:
    rows = [
        SheetRow(**dict.fromkeys(SheetRow.__struct_fields__) | {"seat_id": SeatId(seat)})  # type: ignore[arg-type]
        for seat in ("R1", "R2")
    ]
    assert remaining(rows, Supposition(without=frozenset({SeatId("R1")}))) == rows[1:]


def asked(query: str) -> Parameters:
    return Parameters(query.encode(), tuple(parameter.name for parameter in PARAMETERS))


def test_a_question_says_what_is_supposed() -> None:
    supposition, changed = read(asked("aggregation=median&weights=deeds:2000,plan:8000&without=R1,R3"), stage())
    assert supposition.without == {"R1", "R3"}
    assert (changed.aggregation, [each.weight_bp for each in changed.criteria]) == ("median", [2_000, 8_000])


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("aggregation=best", "aggregation"),
        ("trim=-1", "trim"),
        ("aggregation=trimmed_mean&trim=3", "trim"),
        ("weights=deeds", "weights"),
        ("weights=other:10", "weights"),
        ("weights=deeds:10,deeds:20", "weights"),
        ("weights=deeds:1,plan:2", "weights"),
    ],
)
def test_a_supposition_that_no_stage_could_be_is_refused(query: str, parameter: str) -> None:
    with pytest.raises(ParameterInvalid) as refused:
        read(asked(query), stage())
    assert refused.value.because["parameter"] == parameter


def test_the_answer_leaves_out_what_its_reader_is_recused_from() -> None:
    standing = GIVEN.ranking(stage())
    told = read(asked("aggregation=median"), stage())
    answer = answered(
        PanelId("N"),
        TrackId("T"),
        told,
        (standing, GIVEN.ranking(told[1])),
        places=1,
        barred=frozenset({B}),
        position=9,
    )
    assert {move.application_id for move in answer.moves} == {A, C}
    assert answer.crossing == ()
    assert not answer.binding
