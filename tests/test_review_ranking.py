"""Ranking: exact, explained, the same in any order of sheets, and blind to what is recused or excluded."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from domain.ids import ApplicationId, SeatId, UnitId
from domain.permission.policy import NotInThisState
from domain.programme.events import Places, TrackDefined
from domain.review.events import (
    Aggregation,
    ApplicationAdmitted,
    ApplicationRanked,
    Mark,
    RankingRecorded,
    ScoreSheetAmended,
    ShareRule,
    StageDefined,
    TieBreak,
    Veto,
)
from domain.review.panel import PanelUnknown
from domain.review.policy import Breach, Cause, Ranking, Sheet, SheetKey, as_recorded, rank, total_of
from domain.review.ranking import (
    OpenedForged,
    RankApplications,
    ShareRuleBroken,
    SheetsStillSealed,
    TooFewSheets,
    TrackNotOfPanel,
)
from tests.call import BRANCH, BRANCH_TRACK, CALL, COLLEGE_TRACK, MINE, SIBLING, THEIRS
from tests.panel import (
    AFTER,
    ONE,
    OTHER_PANEL,
    PANEL,
    THREE,
    TWO,
    admitted,
    closed,
    criterion,
    excluded,
    filed,
    gone,
    lifted,
    opened,
    ranked,
    ranking,
    recused,
    salt_of,
    seated,
    stage,
    the_scored,
    the_scoring,
    unseated,
)
from tests.spec import Past, given

A, B, C, D = (ApplicationId(letter) for letter in "ABCD")
NOBODY: Mapping[SheetKey, Cause] = {}


def points(*leaves: str, **changes: Any) -> StageDefined:
    """A stage whose criteria are simply added, each in steps of a tenth from 0 to 100 points."""
    form = tuple(criterion(leaf, 10_000, step_tenths=1) for leaf in leaves or ("c",))
    return stage(**{"criteria": form, "minimum_sheets": 1, "tie_breaks": (), **changes})


def sheet(seat: str, application: str, *tenths: int, leaves: tuple[str, ...] = ("c", "d", "e")) -> Sheet:
    found = tuple(Mark(leaf, value) for leaf, value in zip(leaves, tenths, strict=False))
    return Sheet(SeatId(seat), ApplicationId(application), salt_of(seat, application), found, 1)


def sheets(**by_application: tuple[int, ...]) -> list[Sheet]:
    """One criterion; the first figure is what seat S-0 gave, the second what S-1 gave, and so on."""
    return [sheet(f"S-{n}", name, given_) for name, row in by_application.items() for n, given_ in enumerate(row)]


def candidates(*names: str, **ranks: int | None) -> list[ApplicationAdmitted]:
    wanted = (*names, *ranks)
    return [admitted(ApplicationId(name), UnitId(f"U-{name}"), ranks.get(name)) for name in wanted]


def ranks(found: Ranking) -> dict[str, int | None]:
    return {placing.application_id: placing.rank for placing in found.placings}


def score(found: Ranking, application: str) -> Fraction:
    placing = found.of(application)
    assert placing
    return placing.score


def ranked_by(defined: StageDefined, *opened_: Sheet, **ranks_: int | None) -> Ranking:
    names = sorted({each.application_id for each in opened_} - set(ranks_))
    return rank(defined, candidates(*names, **ranks_), opened_, NOBODY, NOBODY)


# --- figures, worked out by hand -------------------------------------------------------------------------------------


def test_a_total_is_the_weighted_sum_of_marks_in_points() -> None:
    assert (
        total_of(stage(), {"plan": 800, "deeds": 900})
        == Fraction(80) * Fraction(4, 10) + Fraction(90) * Fraction(6, 10)
        == 86
    )
    assert total_of(points("c", "d"), {"c": 400, "d": 455}) == Fraction(855, 10)


@pytest.mark.parametrize(
    ("aggregation", "trim", "expected"),
    [("mean", 0, Fraction(70 + 80 + 99 + 80, 4)), ("trimmed_mean", 1, Fraction(80)), ("median", 0, Fraction(80))],
)
def test_scores_of_one_application(aggregation: Aggregation, trim: int, expected: Fraction) -> None:
    found = ranked_by(points(aggregation=aggregation, trim=trim), *sheets(A=(700, 800, 990, 800)))
    assert score(found, A) == expected


def test_a_median_of_an_even_number_is_the_mean_of_the_middle_two() -> None:
    assert score(ranked_by(points(aggregation="median"), *sheets(A=(700, 811, 800, 990))), A) == Fraction(811 + 800, 20)


def test_a_mean_of_places_compares_each_reviewer_with_nobody_but_the_same_one() -> None:
    """S-0 is lenient and S-1 harsh; S-2 gives one total twice, and both share the places 1 and 2."""
    given_ = sheets(A=(950, 500, 800), B=(940, 700, 800), C=(930, 600, 700))
    found = ranked_by(points(aggregation="rank_mean"), *given_)
    expected = {
        A: (Fraction(1, 3) + Fraction(3, 3) + Fraction(3, 2) / 3) / 3,
        B: (Fraction(2, 3) + Fraction(1, 3) + Fraction(3, 2) / 3) / 3,
        C: (Fraction(3, 3) + Fraction(2, 3) + Fraction(3, 3)) / 3,
    }
    assert {name: score(found, name) for name in (A, B, C)} == expected
    assert ranks(found) == {B: 1, A: 2, C: 3}


def test_a_place_is_scaled_by_how_many_its_reviewer_scored() -> None:
    given_ = [*sheets(A=(900, 900), B=(800,), C=(700,))]
    found = ranked_by(points(aggregation="rank_mean"), *given_)
    assert score(found, A) == (Fraction(1, 3) + Fraction(1, 1)) / 2
    placing = found.of(A)
    assert placing
    assert [(each.place, each.of_sheets) for each in placing.counted] == [(Fraction(1), 3), (Fraction(1), 1)]


def test_contributions_add_up_to_the_score_and_name_each_criterions_mean() -> None:
    for aggregation, trim in (("mean", 0), ("trimmed_mean", 1), ("median", 0)):
        marks_ = [(800, 900), (700, 850), (905, 650), (600, 700)]
        opened_ = [sheet(f"S-{n}", A, *pair, leaves=("plan", "deeds")) for n, pair in enumerate(marks_)]
        found = ranked_by(stage(aggregation=aggregation, trim=trim, minimum_sheets=3), *opened_)
        placing = found.of(A)
        assert placing
        assert sum(each.points for each in placing.contributions) == placing.score
        assert [each.weight_bp for each in placing.contributions] == [4_000, 6_000]
        kept = [each for each in placing.counted if each.kept]
        assert len(kept) == {"mean": 4, "trimmed_mean": 2, "median": 2}[aggregation]
        plan = Fraction(
            sum(mark.tenths for each in kept for mark in each.marks if mark.criterion == "plan"), 10 * len(kept)
        )
        assert placing.contributions[0].mean == plan


# --- what is not placed ----------------------------------------------------------------------------------------------


def test_with_fewer_sheets_than_the_minimum_an_application_has_no_rank() -> None:
    found = ranked_by(points(minimum_sheets=2), *sheets(A=(700, 800), B=(990,)), C=None)
    assert ranks(found) == {A: 1, B: None, C: None}
    assert [placing.unplaced for placing in found.placings] == [None, "too_few_sheets", "too_few_sheets"]
    assert score(found, C) == 0


def test_what_a_trim_would_leave_nothing_of_has_too_few_sheets() -> None:
    found = ranked_by(points(aggregation="trimmed_mean", trim=2, minimum_sheets=1), *sheets(A=(1, 2, 3, 4)))
    assert ranks(found) == {A: None}


def test_a_veto_looks_at_the_mean_of_a_criterion_whatever_the_other_marks() -> None:
    defined = points("c", "d", vetoes=(Veto("d", 600), Veto("c", 100)))
    found = ranked_by(defined, sheet("S-0", A, 1_000, 590), sheet("S-1", A, 1_000, 609), sheet("S-0", B, 100, 600))
    assert ranks(found) == {B: 1, A: None}
    placing = found.of(A)
    assert placing
    assert (placing.unplaced, placing.vetoed_by) == ("vetoed", "d")
    assert placing.advances is False


def test_recused_and_excluded_sheets_are_left_out_and_told_why() -> None:
    opened_ = sheets(A=(1_000, 500, 600), B=(550, 550, 550))
    excluded_ = {(SeatId("S-0"), A): Cause(71, "copied")}
    recused_ = {(SeatId("S-1"), A): Cause(72, "kin"), (SeatId("S-9"), B): Cause(73, "own_unit")}
    found = rank(points(), candidates(A, B), opened_, excluded_, recused_)
    assert score(found, A) == 60
    (first, second) = found.placings
    assert [(each.seat_id, each.why, each.cause.code, each.position) for each in first.left_out] == [
        ("S-0", "excluded", "copied", 1),
        ("S-1", "recused", "kin", 1),
    ]
    assert [(each.seat_id, each.why, each.position) for each in second.left_out] == [("S-9", "recused", None)]
    assert found.sheets == 4


def test_a_recused_reviewers_places_are_counted_without_the_recused_sheet() -> None:
    opened_ = sheets(A=(900, 800), B=(800, 900), C=(700, 700))
    found = rank(points(aggregation="rank_mean"), candidates(A, B, C), opened_, NOBODY, {(SeatId("S-0"), A): Cause(9)})
    assert score(found, B) == (Fraction(1, 2) + Fraction(1, 3)) / 2
    assert score(found, A) == Fraction(2, 3)


def test_sheets_on_what_is_not_admitted_count_for_nothing() -> None:
    found = rank(points(aggregation="rank_mean"), candidates(A), sheets(A=(700,), B=(900,), C=(600,)), NOBODY, NOBODY)
    assert score(found, A) == 1


# --- ties ------------------------------------------------------------------------------------------------------------


def test_equal_to_the_end_two_share_a_rank_and_the_next_one_is_skipped() -> None:
    found = ranked_by(points(), *sheets(A=(900,), B=(800,), C=(800,), D=(700,)))
    assert ranks(found) == {A: 1, B: 2, C: 2, D: 4}
    assert found.of(A).tie_breaks == ()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("link", "opened_", "better"),
    [
        (TieBreak("criterion", "d"), [sheet("S-0", A, 400, 500), sheet("S-0", B, 300, 600)], B),
        (TieBreak("median"), sheets(A=(500, 600, 1_000), B=(600, 700, 800)), B),
        (TieBreak("highest_sheet"), sheets(A=(500, 600, 1_000), B=(600, 700, 800)), A),
    ],
)
def test_each_link_of_the_chain_parts_equal_scores(link: TieBreak, opened_: list[Sheet], better: str) -> None:
    leaves = ("c", "d") if link.by == "criterion" else ("c",)
    plain = ranked_by(points(*leaves), *opened_)
    assert list(ranks(plain).values()) == [1, 1]
    found = ranked_by(points(*leaves, tie_breaks=(link,)), *opened_)
    assert ranks(found)[better] == 1
    assert sorted(value or 0 for value in ranks(found).values()) == [1, 2]
    assert [broken.parted for broken in found.placings[0].tie_breaks] == [True]


def test_who_was_put_forward_first_comes_before_others_and_who_has_no_rank_after_them() -> None:
    chain = (TieBreak("nominator_rank"),)
    found = ranked_by(points(tie_breaks=chain), *sheets(A=(800,), B=(800,), C=(800,)), A=2, B=None, C=1)
    assert ranks(found) == {C: 1, A: 2, B: 3}


def test_a_chain_is_asked_link_by_link_until_an_application_stands_alone() -> None:
    chain = (TieBreak("highest_sheet"), TieBreak("nominator_rank"))
    found = ranked_by(points(tie_breaks=chain), *sheets(A=(700, 900), B=(800, 800), C=(800, 800)), A=None, B=2, C=1)
    assert ranks(found) == {A: 1, C: 2, B: 3}
    told = {p.application_id: [(t.by, t.value, t.parted) for t in p.tie_breaks] for p in found.placings}
    assert told[A] == [("highest_sheet", Fraction(90), True)]
    assert told[C] == [("highest_sheet", Fraction(80), False), ("nominator_rank", Fraction(1), True)]


def test_a_lot_is_drawn_from_the_salts_of_all_opened_sheets_also_of_those_left_out() -> None:
    opened_ = sheets(A=(800, 800), B=(800, 800), C=(800, 800))
    salts = b"".join(sorted(bytes.fromhex(each.salt) for each in opened_))
    lots = {name: hashlib.sha256(salts + name.encode()).hexdigest() for name in (A, B, C)}
    defined = points(tie_breaks=(TieBreak("lot"),))
    found = ranked_by(defined, *opened_)
    assert [placing.application_id for placing in found.placings] == sorted(lots, key=lots.__getitem__)
    assert found.placings[0].tie_breaks[-1].value == min(lots.values())
    left_out = rank(defined, candidates(A, B, C), opened_, {(SeatId("S-0"), A): Cause(7)}, NOBODY)
    withdrawn = rank(defined, candidates(A, B), opened_, NOBODY, NOBODY)
    for again in (left_out, withdrawn):
        drawn_ = {placing.application_id: placing.tie_breaks[-1].value for placing in again.placings}
        assert drawn_ == {name: lots[name] for name in drawn_}


# --- the shortlist and rules over a set ------------------------------------------------------------------------------


def test_a_share_of_the_places_advances_rounded_up_and_equals_at_the_line_together() -> None:
    opened_ = sheets(A=(900,), B=(800,), C=(800,), D=(700,))

    def advancing(advance_bp: int | None, places: int | None) -> list[str]:
        found = rank(points(advance_bp=advance_bp), candidates(A, B, C, D), opened_, NOBODY, NOBODY, places=places)
        return [placing.application_id for placing in found.placings if placing.advances]

    assert advancing(12_000, 1) == [A, B, C]
    assert advancing(10_000, 1) == [A]
    assert advancing(None, 1) == advancing(12_000, None) == [A, B, C, D]


def test_a_reviewers_set_of_sheets_is_judged_against_the_shares_of_the_stage() -> None:
    excellent, below = ShareRule("excellent", 900, 0, 5_000), ShareRule("spread", 900, 2_500, 10_000)
    opened_ = sheets(A=(900, 700), B=(950, 700), C=(899, 700))
    found = ranked_by(points(share_rules=(excellent, below)), *opened_)
    assert found.breaches == (
        Breach(SeatId("S-0"), "excellent", 3, 2, 0, 5_000),
        Breach(SeatId("S-1"), "spread", 3, 0, 2_500, 10_000),
    )
    half = ranked_by(points(share_rules=(excellent,)), *sheets(A=(900,), B=(899,)))
    assert half.breaches == ()


# --- properties ------------------------------------------------------------------------------------------------------

AGGREGATIONS: tuple[Aggregation, ...] = ("mean", "trimmed_mean", "median", "rank_mean")
LINKS = (TieBreak("criterion", "c"), TieBreak("median"), TieBreak("highest_sheet"), TieBreak("nominator_rank"))


Track = tuple[StageDefined, list[ApplicationAdmitted], list[Sheet], set[SheetKey], set[SheetKey]]
"""A stage, who is admitted, what was opened, and which of it is excluded or recused."""


@st.composite
def tracks(
    draw: st.DrawFn,
) -> tuple[StageDefined, list[ApplicationAdmitted], list[Sheet], set[SheetKey], set[SheetKey]]:
    names = [ApplicationId(f"A-{n}") for n in range(draw(st.integers(1, 6)))]
    seats = [SeatId(f"S-{n}") for n in range(draw(st.integers(1, 5)))]
    aggregation = draw(st.sampled_from(AGGREGATIONS))
    chain = tuple(draw(st.permutations(LINKS)))[: draw(st.integers(0, 4))]
    ends = (TieBreak("lot"),) if draw(st.booleans()) else ()
    defined = points(
        "c",
        "d",
        aggregation=aggregation,
        trim=1 if aggregation == "trimmed_mean" else 0,
        minimum_sheets=draw(st.integers(1, 3)),
        tie_breaks=(*chain, *ends),
        advance_bp=draw(st.none() | st.integers(1, 20_000)),
        share_rules=(ShareRule("excellent", 1_500, 0, draw(st.integers(0, 10_000))),),
        vetoes=(Veto("d", draw(st.integers(0, 700))),),
    )
    keys = [(seat, name) for seat in seats for name in names]
    filed_ = [key for key in keys if draw(st.integers(0, 9))]
    # Few different marks, so that there are ties enough.
    opened_ = [sheet(*key, *(draw(st.sampled_from((600, 700, 701, 900))) for _ in "cd")) for key in filed_]
    left_out = [{key for key in keys if not draw(st.integers(0, 5))} for _ in range(2)]
    ranks_ = {name: draw(st.none() | st.integers(1, 3)) for name in names}
    return defined, candidates(**ranks_), opened_, left_out[0], left_out[1]


def of(track: Track, seed: int | None = None) -> Ranking:
    defined, wanted, opened_, excluded_, recused_ = track
    wanted, opened_ = list(wanted), list(opened_)
    if seed is not None:
        random.Random(seed).shuffle(wanted)
        random.Random(seed + 1).shuffle(opened_)
    return rank(
        defined, wanted, opened_, {key: Cause(1) for key in excluded_}, {key: Cause(2) for key in recused_}, places=3
    )


@drawn(tracks(), st.integers(0, 99))
def test_a_ranking_does_not_depend_on_the_order_of_sheets_nor_on_how_often_it_is_computed(
    track: Any, seed: int
) -> None:
    assert of(track) == of(track) == of(track, seed)
    assert of(track).digest == of(track, seed).digest


@drawn(tracks())
def test_a_ranking_never_counts_a_recused_or_excluded_sheet(track: Track) -> None:
    defined, wanted, opened_, excluded_, recused_ = track
    found = of(track)
    out = excluded_ | recused_
    for placing in found.placings:
        assert not {(each.seat_id, placing.application_id) for each in placing.counted} & out
        assert {(each.seat_id, placing.application_id) for each in placing.left_out} == {
            key for key in out if key[1] == placing.application_id
        }
    # But for lots, which all salts are drawn for, it is the ranking of a world in which those were never filed.
    plain = msgspec.structs.replace(defined, tie_breaks=tuple(t for t in defined.tie_breaks if t.by != "lot"))
    with_them = of((plain, wanted, opened_, excluded_, recused_))
    without = rank(plain, wanted, [each for each in opened_ if each.key not in out], NOBODY, NOBODY, places=3)
    assert ranks(with_them) == ranks(without)
    assert with_them.digest == without.digest
    assert with_them.breaches == without.breaches


@drawn(tracks())
def test_every_application_is_placed_once_by_the_marks_of_whoever_may_score_it(track: Track) -> None:
    defined, wanted, _, _, _ = track
    found = of(track)
    assert sorted(placing.application_id for placing in found.placings) == sorted(w.application_id for w in wanted)
    placed = [placing for placing in found.placings if placing.rank is not None]
    lower = defined.aggregation == "rank_mean"
    assert [p.score for p in placed] == sorted((p.score for p in placed), reverse=not lower)
    for number, placing in enumerate(placed):
        assert placing.rank == 1 + sum((other.rank or 0) < (placing.rank or 0) for other in placed)
        assert placing.rank <= number + 1
        assert placing.advances is (found.shortlist is None or placing.rank <= found.shortlist)
    if any(link.by == "lot" for link in defined.tie_breaks):
        assert len({placing.rank for placing in placed}) == len(placed)
    for placing in set(found.placings) - set(placed):
        assert placing.unplaced
        assert not placing.advances


def test_a_score_beyond_what_a_record_can_hold_is_the_nearest_fraction_within_a_billionth() -> None:
    exact = sum((Fraction(1, n) for n in (491, 487, 479, 467, 463, 461, 457)), Fraction())
    recorded_ = as_recorded(exact)
    assert exact.denominator > 2**53 >= max(recorded_.numerator, recorded_.denominator)
    assert abs(exact - recorded_) < Fraction(1, 10**9)
    assert as_recorded(Fraction(86, 7)) == Fraction(86, 7)


# --- the command -----------------------------------------------------------------------------------------------------

RANK = RankApplications(panel_id=PANEL, track_id=BRANCH_TRACK)


def facts(past: Past, **asked: Any) -> list[Any]:
    """What ranking decides on a past."""
    about = past.when(RANK, now=AFTER, **asked)
    about.command.execute()
    return [tagged.decision for tagged in about.command.collect_events()]


def digest_of(*placed: tuple[str, int | None, int, int, int]) -> str:
    """The digest as anybody can compute it from the record."""
    names = ("application_id", "rank", "score_numerator", "score_denominator", "sheets")
    entries = [dict(zip(names, row, strict=True)) | {"advances": row[1] is not None} for row in sorted(placed)]
    return hashlib.sha256(msgspec.json.encode(entries, order="sorted")).hexdigest()


def test_a_ranking_records_every_application_and_then_itself_by_its_digest() -> None:
    past = the_scored()
    (mine, theirs, whole) = facts(past)
    # 86, 76 and 93 points; 66, 71 and 70 points.
    assert isinstance(mine, ApplicationRanked)
    assert (mine.application_id, mine.rank, Fraction(mine.score_numerator, mine.score_denominator)) == (
        MINE,
        1,
        Fraction(255, 3),
    )
    assert (theirs.application_id, theirs.rank, theirs.sheets) == (THEIRS, 2, 3)
    assert (theirs.score_numerator, theirs.score_denominator) == (69, 1)
    assert isinstance(whole, RankingRecorded)
    assert (whole.applications, whole.sheets, whole.stage) == (2, 6, "experts")
    assert whole.digest == digest_of((MINE, 1, 85, 1, 3), (THEIRS, 2, 69, 1, 3))
    # Ranked again on the same, there is nothing new; after a change there is.
    again = past.when(RANK, now=AFTER).then(mine, theirs, whole)
    assert facts(again) == []
    assert len(facts(again.and_(excluded()))) == 3


def test_what_is_recused_excluded_or_withdrawn_is_not_counted() -> None:
    mine, _, whole = facts(the_scored(recused(), excluded(TWO, THEIRS)))
    assert (mine.sheets, Fraction(mine.score_numerator, mine.score_denominator)) == (2, Fraction(169, 2))
    assert whole.sheets == 4
    again, _, _ = facts(the_scored(recused(), lifted()))
    assert again.sheets == 3
    only, whole = facts(the_scored(gone(THEIRS, SIBLING)))
    assert (only.application_id, whole.applications) == (MINE, 1)


def test_an_amended_sheet_is_ranked_as_it_was_amended() -> None:
    past = the_scoring(filed(), filed(kind=ScoreSheetAmended, plan=900), filed(TWO), closed())
    position = len(past.log)
    shown = (opened(plan=900, filed_position=position - 2), opened(TWO, filed_position=position - 1))
    mine, _, _ = facts(past.and_(*shown), reason="absent")
    assert Fraction(mine.score_numerator, mine.score_denominator) == Fraction(90 + 86, 2)


def test_nothing_is_ranked_before_every_sheet_is_open() -> None:
    past = the_scoring(filed(), filed(TWO), closed())
    past.when(RANK, now=AFTER).refused(SheetsStillSealed, sealed=2, filed=2)
    past.and_(opened()).when(RANK, now=AFTER).refused(SheetsStillSealed, sealed=1, filed=2)
    the_scoring(filed()).when(RANK, now=AFTER).refused(NotInThisState, state="scoring")
    given().when(RANK, now=AFTER).refused(PanelUnknown)


def test_a_forged_opening_is_found_by_whoever_folds() -> None:
    past = the_scoring(filed(), closed(), opened(plan=1_000))
    past.when(RANK, now=AFTER).refused(OpenedForged, seat_id=ONE, application_id=MINE)
    never_filed = the_scored(opened(SeatId("S-9")))
    never_filed.when(RANK, now=AFTER).refused(OpenedForged, seat_id="S-9", application_id=MINE)


def test_a_panel_ranks_its_own_tracks() -> None:
    asked = the_scored().when(RankApplications(panel_id=PANEL, track_id=COLLEGE_TRACK), now=AFTER)
    asked.refused(TrackNotOfPanel, panel_id=PANEL, track_id=COLLEGE_TRACK)


def test_a_set_of_sheets_that_breaks_a_rule_is_refused_until_sheets_of_it_are_excluded() -> None:
    defined = stage(share_rules=(ShareRule("excellent", 860, 0, 4_000),), minimum_sheets=1)
    past = the_scored(defined=defined)
    figures = {"seat_id": ONE, "rule": "excellent", "sheets": 2, "reaching": 1, "at_least_bp": 0, "at_most_bp": 4_000}
    past.when(RANK, now=AFTER).refused(ShareRuleBroken, **figures)
    assert facts(past.and_(excluded(), excluded(THREE)))[-1].sheets == 4


def test_too_few_sheets_need_a_reason_and_then_leave_the_application_without_a_rank() -> None:
    past = the_scored(recused(), excluded(TWO))
    past.when(RANK, now=AFTER).refused(TooFewSheets, application_id=MINE, sheets=1, minimum=2)
    theirs, mine, _ = facts(past, reason="absent")
    assert (theirs.rank, mine.rank, mine.sheets, mine.advances) == (1, None, 1, False)


def test_what_advances_is_counted_of_the_places_of_the_track() -> None:
    places = TrackDefined(
        programme_id=CALL,
        track_id=BRANCH_TRACK,
        name_zh="赛道",
        name_en="Track",
        subject_kinds=("branch",),
        places=Places(target=1),
        nomination="open",
        form="form",
    )
    first, second, _ = facts(the_scored(places, defined=stage(advance_bp=10_000)))
    assert (first.advances, second.advances) == (True, False)


def test_a_stage_that_is_defined_anew_does_not_change_the_panels() -> None:
    later = stage(aggregation="median", criteria=(criterion("plan", 10_000),))
    assert facts(the_scored(later)) == facts(the_scored())


def test_a_ranking_races_with_all_that_it_counts_and_with_nothing_else() -> None:
    asked = the_scored().when(RANK, now=AFTER)
    counted = (filed(), opened(), excluded(), recused(), lifted(), admitted(), gone(), ranking(), stage(), closed())
    asked.meanwhile(*counted).is_raced()
    other_track = admitted(MINE, BRANCH, None, PANEL, COLLEGE_TRACK)
    others = (other_track, opened(track=COLLEGE_TRACK), ranked(), unseated(), seated(), ranking(OTHER_PANEL))
    asked.meanwhile(*others).is_undisturbed()


def test_500_applications_by_5_reviewers_stay_within_what_a_ranking_may_read() -> None:
    names = [ApplicationId(f"A-{n}") for n in range(500)]
    seats = [SeatId(f"S-{n}") for n in range(5)]
    filed_ = [filed(seat, name, drawn_mark(seat, name), 900) for name in names for seat in seats]
    past = the_scoring(*map(seated, seats), *(admitted(name, UnitId(name)) for name in names), *filed_, closed()).and_(
        *(opened(seat, name, drawn_mark(seat, name), 900) for name in names for seat in seats)
    )
    asked = past.when(RANK, now=AFTER)
    asked.command.execute()
    decided = asked.command.collect_events()
    read = len([r for r in past.log if r.type.startswith("review.")])
    assert 2_000 < read <= RankApplications.READS_AT_MOST
    assert len(decided) == 501


def drawn_mark(seat: str, application: str) -> int:
    return 5 * (int(salt_of(seat, application)[:8], 16) % 200)
