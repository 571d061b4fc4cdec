"""Score sheets: sealed until scoring is over, checked by their bounds, opened against what was committed to."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from domain.ids import ApplicationId, SeatId, UnitId
from domain.kernel import Invalid, SealedAnswers, SealedSheet
from domain.permission.policy import NotInThisState
from domain.review.events import Mark, ScoreSheetAmended
from domain.review.panel import PanelUnknown, SeatUnknown, SeatVacated
from domain.review.policy import proves
from domain.review.recusal import NotBeforePanel
from domain.review.scoring import ScoringOver
from domain.review.sheet import (
    AmendScoreSheet,
    CriteriaNotMarked,
    CriterionNotInForm,
    ExcludeScoreSheet,
    FileScoreSheet,
    MarkOutOfRange,
    NoLongerApplied,
    NotTheStandingSheet,
    OfOwnUnit,
    OpeningForged,
    OpenScoreSheet,
    OpinionMissing,
    OpinionOnNothing,
    RecusedFrom,
    SheetAlreadyExcluded,
    SheetAlreadyFiled,
    SheetAlreadyOpened,
    SheetNotFiled,
    SheetNotOpened,
    TotalOutOfBounds,
)
from tests.call import BRANCH, HEAD, MINE, SIBLING, THEIRS
from tests.panel import (
    AFTER,
    ENDS,
    ONE,
    OPINION,
    OTHER_PANEL,
    PANEL,
    SCORES,
    TWO,
    WORDS,
    admitted,
    closed,
    code,
    excluded,
    extended,
    filed,
    gone,
    lifted,
    marks,
    opened,
    recused,
    salt_of,
    sealed,
    seated,
    stage,
    the_panel,
    the_scored,
    the_scoring,
    unseated,
)
from tests.spec import at, given

# --- filing ----------------------------------------------------------------------------------------------------------


def file(
    marked: SealedSheet | None = None, opinion: SealedAnswers = OPINION, application: ApplicationId = MINE
) -> FileScoreSheet:
    return FileScoreSheet(panel_id=PANEL, application_id=application, marks=marked or sealed(), opinion=opinion)


def amend(plan: int = 850) -> AmendScoreSheet:
    return AmendScoreSheet(panel_id=PANEL, application_id=MINE, marks=sealed(plan), opinion=OPINION)


AMENDED = filed(plan=850, kind=ScoreSheetAmended)


def test_a_sheet_is_filed_by_code_and_its_event_holds_a_commitment_and_no_mark() -> None:
    longer = the_scoring().when(file(), by=code(), now=SCORES).then(filed())
    (entry,) = longer.log[-1:]
    assert entry.envelope.actor_id == "P-1/S-1"
    assert not {"800", "900"} & set(repr(entry.event).replace(",", " ").split())
    assert {tag.partition(":")[0] for tag in entry.tags} == {"panel", "seat", "application", "document"}


def test_a_sheet_is_in_time_before_the_instant_that_was_written_whether_closed_or_not() -> None:
    the_scoring().when(file(), by=code(), now=ENDS).refused(ScoringOver, closes_at=ENDS)
    later = at("2020-06-13 12:00")
    the_scoring(extended(later, date(2020, 6, 13))).when(file(), by=code(), now=ENDS).then(filed())
    the_scoring(closed()).when(file(), by=code(), now=SCORES).refused(NotInThisState, state="scored")
    the_panel().when(file(), by=code(), now=SCORES).refused(NotInThisState, state="constituted")
    given().when(file(), by=code()).refused(PanelUnknown)


def test_only_a_seat_that_is_held_files_and_only_on_what_is_before_the_panel() -> None:
    the_scoring().when(file(), by=code(SeatId("S-9")), now=SCORES).refused(SeatUnknown, seat_id="S-9")
    the_scoring(unseated()).when(file(), by=code(), now=SCORES).refused(SeatVacated, seat_id=ONE)
    nothing = file(application=ApplicationId("A-9"))
    the_scoring().when(nothing, by=code(), now=SCORES).refused(NotBeforePanel, application_id="A-9", panel_id=PANEL)
    the_scoring(gone()).when(file(), by=code(), now=SCORES).refused(NoLongerApplied, application_id=MINE)


def test_who_is_recused_does_not_score_and_may_again_once_it_is_lifted() -> None:
    past = the_scoring(recused())
    past.when(file(), by=code(), now=SCORES).refused(RecusedFrom, seat_id=ONE, application_id=MINE)
    past.when(file(sealed(seat=TWO)), by=code(TWO), now=SCORES).then(filed(TWO))
    past.and_(lifted()).when(file(), by=code(), now=SCORES).then(filed())
    past.and_(lifted(), filed(), recused()).when(amend(), by=code(), now=SCORES).refused(RecusedFrom)


def test_an_applicants_unit_never_reviews_itself() -> None:
    own = the_scoring().when(file(), by=code(), now=SCORES, units=(UnitId("X"), BRANCH))
    own.refused(OfOwnUnit, application_id=MINE)
    the_scoring().when(file(), by=code(), now=SCORES, units=(SIBLING,)).then(filed())


def test_a_sheet_is_filed_once_and_amended_in_time() -> None:
    the_scoring(filed()).when(file(), by=code(), now=SCORES).refused(SheetAlreadyFiled, seat_id=ONE)
    the_scoring(filed()).when(amend(), by=code(), now=SCORES, reason="misread").then(AMENDED)
    the_scoring(filed(), AMENDED).when(amend(), by=code(), now=SCORES).then(AMENDED)
    the_scoring().when(amend(), by=code(), now=SCORES).refused(SheetNotFiled, seat_id=ONE, application_id=MINE)
    the_scoring(filed()).when(amend(), by=code(), now=ENDS).refused(ScoringOver)


def test_filing_races_with_what_is_between_this_seat_and_this_application() -> None:
    for asked in (
        the_scoring().when(file(), by=code(), now=SCORES),
        the_scoring(filed()).when(amend(), by=code(), now=SCORES),
    ):
        mine = (filed(), AMENDED, recused(), lifted(), unseated(), admitted(), gone(), closed())
        asked.meanwhile(*mine, extended(ENDS, date(2020, 6, 12)), stage()).is_raced()
        others = (filed(TWO), filed(ONE, THEIRS), recused(TWO), unseated(TWO), seated(ONE, OTHER_PANEL))
        asked.meanwhile(*others, admitted(THEIRS, SIBLING), gone(THEIRS, SIBLING)).is_undisturbed()


# --- what a sheet must be --------------------------------------------------------------------------------------------


def sheet(**marked: int) -> SealedSheet:
    return SealedSheet(commitment="0" * 64, marks=marked)


BOUNDED = stage(total_at_least_tenths=600, total_at_most_tenths=900)
BAD: list[tuple[SealedSheet, type[Invalid], dict[str, Any]]] = [
    (sheet(plan=800), CriteriaNotMarked, {"missing": "deeds"}),
    (sheet(plan=800, deeds=900, work=5), CriterionNotInForm, {"known": "plan, deeds"}),
    (sheet(plan=1_005, deeds=900), MarkOutOfRange, {"criterion": "plan", "lowest": 0, "highest": 1_000, "step": 5}),
    (sheet(plan=-5, deeds=900), MarkOutOfRange, {"criterion": "plan"}),
    (sheet(plan=801, deeds=900), MarkOutOfRange, {"criterion": "plan"}),
    (sheet(plan=595, deeds=600), TotalOutOfBounds, {"at_least": 600, "at_most": 900}),
    (sheet(plan=905, deeds=900), TotalOutOfBounds, {"at_least": 600, "at_most": 900}),
]


@pytest.mark.parametrize(("marked", "kind", "because"), BAD)
def test_a_sheet_out_of_bounds_is_refused_by_its_bounds_and_never_by_its_marks(
    marked: SealedSheet, kind: type[Invalid], because: dict[str, Any]
) -> None:
    refusal = the_scoring(defined=BOUNDED).when(file(marked), by=code(), now=SCORES).refused(kind, **because)
    told = repr(refusal.because) + refusal.sentence("en") + refusal.sentence("zh")
    assert not [tenths for tenths in marked.marks.values() if str(tenths) in told and tenths not in {5, 600, 900}]


def test_the_bounds_of_a_total_are_still_within_it() -> None:
    past = the_scoring(defined=BOUNDED)
    for marked in (sheet(plan=600, deeds=600), sheet(plan=900, deeds=900)):
        sealed_so = msgspec.structs.replace(filed(), commitment=marked.commitment)
        past.when(file(marked), by=code(), now=SCORES).then(sealed_so)


@pytest.mark.parametrize("characters", [{}, {"opinion": 0}, {"plan": 9}])
def test_a_sheet_comes_with_an_opinion(characters: dict[str, int]) -> None:
    words = SealedAnswers(document_id=WORDS, characters=characters)
    the_scoring().when(file(opinion=words), by=code(), now=SCORES).refused(OpinionMissing)


def test_an_opinion_is_on_the_whole_or_on_a_criterion() -> None:
    words = SealedAnswers(document_id=WORDS, characters={"opinion": 9, "work": 3, "style": 2})
    the_scoring().when(file(opinion=words), by=code(), now=SCORES).refused(
        OpinionOnNothing, known="opinion, work, plan, deeds"
    )


# --- opening ---------------------------------------------------------------------------------------------------------


def the_closed(*before: Any) -> Any:
    """Scoring is over, and one sheet was filed; its position is the last but one."""
    return the_scoring(*before, filed(), closed())


def opening(position: int, plan: int = 800, deeds: int = 900, salt: str | None = None) -> OpenScoreSheet:
    return OpenScoreSheet(
        panel_id=PANEL,
        seat_id=ONE,
        application_id=MINE,
        filed_position=position,
        salt=salt or salt_of(ONE, MINE),
        marks=tuple(Mark(name, tenths) for name, tenths in reversed(marks(plan, deeds).items())),
    )


def test_a_sheet_is_opened_against_its_commitment() -> None:
    past = the_closed()
    at_position = len(past.log) - 1
    longer = past.when(opening(at_position), now=AFTER).then(opened(filed_position=at_position))
    longer.when(opening(at_position), now=AFTER).refused(SheetAlreadyOpened, seat_id=ONE, application_id=MINE)


@pytest.mark.parametrize("forged", [{"plan": 805}, {"salt": "f" * 64}])
def test_a_forged_opening_is_refused(forged: dict[str, Any]) -> None:
    past = the_closed()
    refusal = past.when(opening(len(past.log) - 1, **forged), now=AFTER).refused(OpeningForged, seat_id=ONE)
    assert "805" not in str(refusal)


def test_a_criterion_that_is_marked_twice_proves_nothing() -> None:
    twice = (Mark("plan", 0), Mark("plan", 800), Mark("deeds", 900))
    assert proves(salt_of(ONE, MINE), twice[1:], filed().commitment)
    assert not proves(salt_of(ONE, MINE), twice, filed().commitment)
    assert not proves(salt_of(ONE, MINE), twice[1:], None)


def test_what_is_opened_is_the_sheet_that_stands_and_only_once_scoring_is_over() -> None:
    past = the_scoring(filed(), AMENDED, closed())
    last = len(past.log) - 1
    refusal = past.when(opening(last - 1), now=AFTER)
    refusal.refused(NotTheStandingSheet, seat_id=ONE, application_id=MINE, filed_position=last)
    past.when(opening(last, plan=850), now=AFTER).then(opened(plan=850, filed_position=last))
    the_scoring(closed()).when(opening(1), now=AFTER).refused(SheetNotFiled, seat_id=ONE, application_id=MINE)
    the_scoring(filed()).when(opening(1), now=AFTER).refused(NotInThisState, state="scoring")
    given().when(opening(1)).refused(PanelUnknown)


def test_opening_races_with_the_same_sheet_only() -> None:
    past = the_closed()
    asked = past.when(opening(len(past.log) - 1), now=AFTER)
    asked.meanwhile(opened(), filed(), AMENDED, admitted(), unseated(), closed()).is_raced()
    asked.meanwhile(opened(TWO), opened(ONE, THEIRS), recused(), excluded(), gone()).is_undisturbed()


# --- excluding -------------------------------------------------------------------------------------------------------

EXCLUDE = ExcludeScoreSheet(panel_id=PANEL, seat_id=ONE, application_id=MINE)


def test_an_opened_sheet_is_excluded_once_with_a_reason() -> None:
    longer = the_scored().when(EXCLUDE, by=HEAD, reason="copied").then(excluded())
    longer.when(EXCLUDE).refused(SheetAlreadyExcluded, seat_id=ONE, application_id=MINE)
    the_closed().when(EXCLUDE).refused(SheetNotOpened, seat_id=ONE, application_id=MINE)
    the_scoring(filed()).when(EXCLUDE).refused(NotInThisState, state="scoring")
    given().when(EXCLUDE).refused(PanelUnknown)


def test_excluding_races_with_the_same_sheet_only() -> None:
    asked = the_scored().when(EXCLUDE)
    asked.meanwhile(excluded(), opened(), unseated()).is_raced()
    asked.meanwhile(excluded(TWO), excluded(ONE, THEIRS), recused()).is_undisturbed()
