"""Stages, panels, seats and sheets as people see them: nothing of a mark before closing, nothing of a recused sheet."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

import msgspec
import pytest

from domain.ids import ApplicationId
from domain.kernel import Event, Recorded
from domain.review.events import ScoreSheetAmended, SeatIdentityOpened
from domain.review.policy import Cause, Sheet, rank
from projections.kernel import fold_all
from projections.panel import PANEL, SEAT, STAGE, Board, PanelRow, board
from projections.scoreboard import (
    ADMISSION,
    FORGED,
    SCORE_SHEET,
    AdmissionRow,
    BoardSheet,
    Exact,
    SheetRow,
    explained,
    ranking_of,
    scoreboard,
    state_of,
)
from tests.call import BRANCH_TRACK, MINE, SIBLING, THEIRS
from tests.panel import (
    ADMITTED,
    ONE,
    SEATS,
    SHEETS,
    THREE,
    TWO,
    closed,
    constituted,
    excluded,
    extended,
    filed,
    gone,
    lifted,
    opened,
    ranked,
    ranking,
    recused,
    scoring,
    seated,
    stage,
    unseated,
)
from tests.panel import (
    PANEL as P_1,
)
from tests.spec import NOON, at, recorded

SITTING = (constituted(), *map(seated, SEATS), scoring(), *ADMITTED)


def past(*events: Event) -> list[Recorded]:
    return [recorded(n, event, when=NOON + timedelta(minutes=n)) for n, event in enumerate(events, 1)]


def sheets(*events: Event) -> list[SheetRow]:
    return list(fold_all(SCORE_SHEET, past(*events)).values())


def sheet(*events: Event) -> SheetRow:
    (row,) = sheets(*events)
    return row


def admissions(*events: Event) -> list[AdmissionRow]:
    return list(fold_all(ADMISSION, past(*events)).values())


# --- stages and panels -----------------------------------------------------------------------------------------------


def test_a_stage_is_shown_as_it_is_defined_now_and_is_known_to_the_rules_as_it_was() -> None:
    (row,) = fold_all(STAGE, past(stage(), stage(minimum_sheets=3))).values()
    assert (row.minimum_sheets, row.position) == (3, 2)
    assert row.as_defined() == stage(minimum_sheets=3)


def test_a_panel_shows_its_state_and_what_it_ranked_last() -> None:
    def panel(*events: Event) -> PanelRow:
        (row,) = fold_all(PANEL, past(*SITTING[:1], *events)).values()
        return row

    row = panel()
    assert (row.state, row.seats, row.applications, row.closes_at) == ("constituted", 0, 0, None)
    row = panel(*SITTING[1:], unseated(), extended(at("2020-06-13 12:00"), date(2020, 6, 13)))
    told = (row.state, row.seats, row.vacated, row.applications, row.extended)
    assert told == ("scoring", 3, 1, 2, 1)
    assert (row.closes_at, row.last_day) == (at("2020-06-13 12:00"), date(2020, 6, 13))
    row = panel(scoring(), closed(), ranking(), ranking(digest="8" * 64))
    assert row.state == "scored"
    assert [(each.track_id, each.digest, each.position) for each in row.rankings] == [(BRANCH_TRACK, "8" * 64, 5)]


def test_a_seat_is_known_by_its_code_and_says_how_often_its_identity_was_opened() -> None:
    looked = SeatIdentityOpened(panel_id=P_1, seat_id=ONE)
    rows = fold_all(SEAT, past(seated(), seated(TWO), looked, looked, unseated(TWO)))
    assert {seat: row.identity_opened for (_, seat), row in rows.items()} == {ONE: 2, TWO: 0}
    assert rows[P_1, TWO].vacated_at
    assert "commitment" not in type(rows[P_1, ONE]).__struct_fields__


# --- the board -------------------------------------------------------------------------------------------------------


def a_board(*events: Event) -> Board:
    every = past(*SITTING, *events)
    (panel,) = fold_all(PANEL, every).values()
    seats, admitted = fold_all(SEAT, every).values(), fold_all(ADMISSION, every).values()
    return board(panel, seats, fold_all(SCORE_SHEET, every).values(), admitted)


def counts(found: Board) -> dict[str, tuple[int, int, int]]:
    return {line.seat_id: (line.recused, line.due, line.filed) for line in found.seats}


def test_the_board_counts_what_each_seat_has_filed_of_what_is_due() -> None:
    found = a_board(filed(), filed(ONE, THEIRS), filed(TWO))
    assert counts(found) == {ONE: (0, 2, 2), TWO: (0, 2, 1), THREE: (0, 2, 0)}
    assert (found.filed, found.opened) == (3, 0)
    assert a_board(filed(), closed(), opened()).opened == 1


def test_what_is_recused_withdrawn_or_vacated_is_in_no_count() -> None:
    recusal = a_board(filed(), filed(ONE, THEIRS), recused())
    assert counts(recusal)[ONE] == (1, 1, 1)
    assert recusal.filed == 1
    assert counts(a_board(filed(), recused(), lifted()))[ONE] == (0, 2, 1)
    assert counts(a_board(filed(), gone()))[ONE] == (0, 1, 0)
    left = a_board(filed(), unseated())
    assert counts(left)[ONE] == (0, 0, 1)
    assert [line.held for line in left.seats] == [False, True, True]


# --- sheets ----------------------------------------------------------------------------------------------------------


def test_before_closing_a_sheet_shows_that_it_was_filed_and_no_mark() -> None:
    row = sheet(filed(), filed(kind=ScoreSheetAmended, plan=900))
    assert (row.filed_position, row.amended, row.marks, row.salt, row.sound) == (2, 1, (), None, None)
    assert row.filed_at
    assert state_of(row) == "sealed"
    (line,) = scoreboard(stage(), admissions(ADMITTED[0]), [row])
    assert line.sheets == (BoardSheet(seat_id=ONE, state="sealed"),)


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([recused()], "recused"),
        ([recused(), lifted()], "none"),
        ([filed(), recused()], "recused"),
        ([filed(), opened()], "opened"),
        ([filed(), opened(), excluded()], "excluded"),
        ([filed(), opened(plan=805)], "forged"),
        ([opened()], "forged"),
        ([filed(), opened(), recused()], "recused"),
    ],
)
def test_how_a_sheet_stands(events: list[Event], state: str) -> None:
    row = sheet(*events)
    assert state_of(row) == state
    (line,) = scoreboard(stage(), admissions(ADMITTED[0]), [row])
    shown = line.sheets[0]
    assert (shown.total is not None) is (state in {"opened", "excluded"})
    assert bool(shown.marks) is (state in {"opened", "excluded"})


def test_a_forged_opening_is_found_by_the_fold() -> None:
    assert sheet(filed(), opened()).sound is True
    assert sheet(filed(), opened(deeds=905)).sound is False
    tampered = msgspec.structs.replace(opened(), salt="f" * 64)
    assert sheet(filed(), tampered).sound is False
    assert sheet(filed(), filed(kind=ScoreSheetAmended, plan=700), opened()).sound is False


def test_an_excluded_sheet_keeps_its_reason_and_an_opened_one_its_total() -> None:
    events = past(filed(), opened(), excluded())
    why = msgspec.structs.replace(events[-1].envelope, reason_code="copied")
    events[-1] = msgspec.structs.replace(events[-1], envelope=why)
    (row,) = fold_all(SCORE_SHEET, events).values()
    assert (row.excluded_position, row.excluded_reason) == (3, "copied")
    (line,) = scoreboard(stage(), admissions(ADMITTED[0]), [row])
    assert line.sheets[0].total == Exact(86, 1)
    assert line.sheets[0].opinion_document_id == filed().opinion_document_id


def test_the_scoreboard_lists_what_is_before_the_panel_without_the_withdrawn() -> None:
    rows = sheets(*(filed(*key, *pair) for key, pair in SHEETS.items()))
    assert [line.application_id for line in scoreboard(stage(), admissions(*ADMITTED), rows)] == [MINE, THEIRS]
    left = scoreboard(stage(), admissions(*ADMITTED, gone(THEIRS, SIBLING)), rows)
    assert [(line.application_id, len(line.sheets)) for line in left] == [(MINE, 3)]


# --- the ranking -----------------------------------------------------------------------------------------------------

FILED = [filed(*key, *pair) for key, pair in SHEETS.items()]
OPENED = [opened(*key, *pair) for key, pair in SHEETS.items()]


def test_the_ranking_from_rows_is_the_one_from_events() -> None:
    every = [*FILED, *OPENED, recused(), excluded(TWO, THEIRS)]
    found = ranking_of(stage(), admissions(*ADMITTED), sheets(*every), places=1)
    openings = [Sheet.of(event, n) for n, event in enumerate(OPENED, len(FILED) + 1)]
    position = len(FILED) + len(OPENED)
    expected = rank(
        stage(),
        ADMITTED,
        openings,
        {(TWO, THEIRS): Cause(position + 2)},
        {(ONE, MINE): Cause(position + 1, "colleague")},
        places=1,
    )
    assert found == expected
    assert found.digest == expected.digest


def test_a_forged_sheet_is_left_out_and_said_to_be() -> None:
    found = ranking_of(stage(), admissions(ADMITTED[0]), sheets(filed(), opened(plan=995), filed(TWO), opened(TWO)))
    (placing,) = found.placings
    assert [(each.seat_id, each.cause.code) for each in placing.left_out] == [(ONE, FORGED)]
    assert placing.sheets == 1


def test_nothing_sealed_and_nothing_withdrawn_is_ranked() -> None:
    found = ranking_of(stage(), admissions(*ADMITTED, gone()), sheets(*FILED, *OPENED[:3]))
    assert [(placing.application_id, placing.sheets, placing.unplaced) for placing in found.placings] == [
        (THEIRS, 0, "too_few_sheets")
    ]


def test_the_explanation_is_data_with_positions_contributions_and_tie_breaks() -> None:
    same = [opened(seat, name, 800, 900) for seat in SEATS for name in (MINE, THEIRS)]
    filed_ = [filed(seat, name, 800, 900) for seat in SEATS for name in (MINE, THEIRS)]
    found = ranking_of(stage(aggregation="median"), admissions(*ADMITTED), sheets(*filed_, *same, recused(THREE, MINE)))
    told = {placing.application_id: explained(placing) for placing in found.placings}
    mine = told[MINE]
    assert (mine.score, mine.unplaced, mine.vetoed_by) == (Exact(86, 1), None, None)
    assert [(each.seat_id, each.position, each.total, each.kept) for each in mine.counted] == [
        (ONE, 7, Exact(86, 1), True),
        (TWO, 9, Exact(86, 1), True),
    ]
    assert [(gap.seat_id, gap.why, gap.code, gap.cause_position, gap.position) for gap in mine.left_out] == [
        (THREE, "recused", "colleague", 13, 11)
    ]
    assert [(each.criterion, each.mean, each.points) for each in mine.contributions] == [
        ("plan", Exact(80, 1), Exact(32, 1)),
        ("deeds", Exact(90, 1), Exact(54, 1)),
    ]
    assert [(tie.by, tie.parted) for tie in mine.tie_breaks] == [("criterion", False), ("lot", True)]
    assert mine.tie_breaks[0].value == Exact(90, 1)
    assert isinstance(mine.tie_breaks[1].value, str)
    assert msgspec.json.decode(msgspec.json.encode(mine), type=type(mine)) == mine


def test_places_are_told_where_places_are_compared() -> None:
    found = ranking_of(stage(aggregation="rank_mean"), admissions(*ADMITTED), sheets(*FILED, *OPENED))
    best = explained(found.placings[0])
    assert best.score == Exact.of(Fraction(1, 2))
    assert [(each.place, each.of_sheets) for each in best.counted] == [(Exact(1, 1), 2)] * 3


def test_an_admission_keeps_the_place_of_the_latest_ranking_on_record() -> None:
    rows = admissions(*ADMITTED, ranked(), ranked(THEIRS, SIBLING, 2, advances=False), ranked(place=3), gone())
    mine, theirs = sorted(rows, key=lambda row: row.application_id)
    assert (mine.rank, mine.ranked_position, mine.withdrawn) == (3, 5, True)
    assert (theirs.rank, theirs.advances, theirs.score_numerator, theirs.sheets) == (2, False, 86, 3)
    assert admissions(gone(ApplicationId("A-9")), ranked()) == []
