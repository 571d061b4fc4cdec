"""Succession of a cut of the quota: it takes places from whoever carries on, and as many as it took before."""

from __future__ import annotations

from datetime import date
from typing import Any

from domain.accountability.appeal import Amendment
from domain.accountability.events import QuotaCutPassed
from domain.accountability.measure import NoSuchFigure
from domain.accountability.policy import CutNotPassed, CutShare, MeasureFact, Measures, MeasureUnknown
from domain.accountability.succession import (
    CutBorne,
    CutNotBorne,
    CutSharesDiffer,
    CutSharesMissing,
    CutShareTwice,
    CutUnitStands,
    PassQuotaCut,
)
from domain.application.commands import FileApplication
from domain.eligibility.policy import EligibilityOutdated
from domain.ids import MeasureId, ProgrammeId, SuccessorUnitId, UnitId
from domain.nomination.policy import QuotaCut
from domain.permission.policy import NotInThisState
from domain.unit.policy import NotTheSuccessor, UnitGone, UnitUnknown
from tests.call import CHAIR, COLLEGE, MINE, OTHER, assigned, filed, judged, moved, the_vetted, unit
from tests.consequences import MEASURE, SETTLED_ON, amended, lifted, measured, the_appeal, the_measure, upheld
from tests.consequences import cut_passed as of_one_cut
from tests.spec import Past
from tests.test_accountability import settles, uphold
from tests.test_unit import apart, dissolved, merged

FIRST, SECOND, THIRD = "BR-1", "BR-7", "BR-8"


def cut_passed(places: int = 2, to: str = SECOND, before: str = FIRST, **changes: Any) -> QuotaCutPassed:
    fields: dict[str, Any] = {"from_unit_id": before, "successor_unit_id": to, "places": places}
    return of_one_cut(**(fields | changes))


def pass_cut(*shares: tuple[str, int], before: str = FIRST, measure: MeasureId = MEASURE) -> PassQuotaCut:
    borne = tuple(CutBorne(SuccessorUnitId(to), places) for to, places in shares)
    return PassQuotaCut(measure_id=measure, from_unit_id=UnitId(before), shares=borne)


def the_cut(*later: Any) -> Past:
    """Two places are cut from the quotas of a unit, and there are two others that might carry on."""
    units = (unit(each, "general_branch", "PC") for each in (SECOND, THIRD))
    return the_measure("quota_cut", places=2).and_(*units, *later)


def test_a_cut_passes_whole_to_whom_the_unit_was_merged_into() -> None:
    the_cut(merged(FIRST, SECOND)).when(pass_cut()).then(cut_passed())
    the_cut(merged(FIRST, SECOND), merged(SECOND, THIRD)).when(pass_cut()).then(cut_passed(to=THIRD))
    on = the_cut(merged(FIRST, SECOND), cut_passed(), merged(SECOND, THIRD))
    on.when(pass_cut(before=SECOND)).then(cut_passed(to=THIRD, before=SECOND))
    on.when(pass_cut()).refused(CutNotBorne, unit_id=FIRST, measure_id=MEASURE)


def test_after_a_split_a_cut_is_divided_to_the_last_place() -> None:
    split = the_cut(apart(FIRST, SECOND, THIRD))
    split.when(pass_cut()).refused(CutSharesMissing, places=2, unit_id=FIRST, successors=f"{SECOND}, {THIRD}")
    split.when(pass_cut((SECOND, 1), (THIRD, 1))).then(cut_passed(1), cut_passed(1, THIRD))
    split.when(pass_cut((SECOND, 2))).then(cut_passed())
    for shared in (1, 3):
        split.when(pass_cut((SECOND, shared))).refused(CutSharesDiffer, shared=shared, places=2, unit_id=FIRST)
    split.when(pass_cut((SECOND, -1), (THIRD, 3))).refused(NoSuchFigure, figure=-1)
    split.when(pass_cut((SECOND, 1), (SECOND, 1))).refused(CutShareTwice, successor_unit_id=SECOND)
    split.when(pass_cut((COLLEGE, 2))).refused(NotTheSuccessor, successor_unit_id=COLLEGE)


def test_the_cut_of_a_dissolved_unit_passes_to_whom_the_head_names() -> None:
    gone = the_cut(dissolved(FIRST))
    gone.when(pass_cut()).refused(CutSharesMissing, successors="-")
    gone.when(pass_cut((THIRD, 2))).then(cut_passed(to=THIRD))
    gone.and_(dissolved(THIRD)).when(pass_cut((THIRD, 2))).refused(UnitGone)
    gone.when(pass_cut(("NOBODY", 2))).refused(UnitUnknown)


def test_a_cut_that_runs_passes_from_a_unit_that_is_no_more() -> None:
    the_cut().when(pass_cut()).refused(CutUnitStands, unit_id=FIRST)
    the_measure("bar").and_(dissolved(FIRST)).when(pass_cut()).refused(CutNotBorne)
    the_cut(merged(FIRST, SECOND)).when(pass_cut(measure=MeasureId("M-9"))).refused(MeasureUnknown)
    the_cut(lifted("quota_cut"), merged(FIRST, SECOND)).when(pass_cut()).refused(NotInThisState, state="lifted")


def test_passing_a_cut_races_with_what_becomes_of_it_and_of_the_units_only() -> None:
    asked = the_cut(merged(FIRST, SECOND)).when(pass_cut())
    asked.meanwhile(lifted("quota_cut"), cut_passed(), merged(SECOND, THIRD)).is_raced()
    asked.meanwhile(measured("quota_cut", places=1, measure_id=MeasureId("M-9")), dissolved(THIRD)).is_undisturbed()


def test_a_divided_cut_that_is_reduced_on_appeal_relieves_the_last_first() -> None:
    past = the_appeal("quota_cut", places=3).and_(cut_passed(1), cut_passed(2, THIRD))
    less = amended("quota_cut", places=2)
    settles(past, uphold(amended=Amendment(places=2))).then(upheld("amended"), less)
    taken = Measures()
    facts: list[MeasureFact] = [measured("quota_cut", places=3), cut_passed(1), cut_passed(2, THIRD), less]
    for position, fact in enumerate(facts, 1):
        taken.take(fact, position=position)
    assert taken.require(MEASURE).shares == (CutShare(SECOND, 1), CutShare(THIRD, 1))
    before = date(2022, 7, 10)
    cut = [[taken.places_cut(each, day) for each in (FIRST, SECOND, THIRD)] for day in (before, SETTLED_ON)]
    assert cut == [[0, 1, 2], [0, 1, 1]]


# --- what the successor files ----------------------------------------------------------------------------------------

FILE = FileApplication(application_id=MINE)
HELD: dict[str, Any] = {"unit_id": OTHER, "places": 1, "from_on": date(2020, 5, 10), "concerned": "parent"}


def test_the_successor_files_nothing_until_the_cut_of_the_unit_before_has_passed() -> None:
    """Neither after a merger nor after a split, and not by way of a second one."""
    cut = measured("quota_cut", **HELD)
    passed_on = cut_passed(1, COLLEGE, OTHER, unit_id=OTHER)
    open_yet: dict[str, Any] = {"measure_id": MEASURE, "from_unit_id": OTHER, "places": 1}
    for end in (merged(OTHER, COLLEGE), apart(OTHER, COLLEGE, "COL-3")):
        past = the_vetted(cut).and_(end)
        past.when(FILE, by=CHAIR).refused(CutNotPassed, **open_yet)
        past.and_(passed_on).when(FILE, by=CHAIR).refused(QuotaCut, places=1, cut=1, used=0)
        past.and_(assigned(2), passed_on).when(FILE, by=CHAIR).then(filed())
        past.and_(lifted("quota_cut", unit_id=OTHER, lifted_on=date(2020, 5, 15))).when(FILE, by=CHAIR).then(filed())
    twice = the_vetted(cut, unit("COL-3", "general_branch", "PC")).and_(
        merged(OTHER, "COL-3"), merged("COL-3", COLLEGE)
    )
    twice.when(FILE, by=CHAIR).refused(CutNotPassed, **open_yet)
    from_the_dissolved = the_vetted(cut).and_(dissolved(OTHER), passed_on)
    from_the_dissolved.when(FILE, by=CHAIR).refused(QuotaCut)


def test_a_filing_races_with_the_cuts_of_whoever_its_nominator_carries_on_for() -> None:
    asked = the_vetted().and_(merged(OTHER, COLLEGE)).when(FILE, by=CHAIR)
    asked.meanwhile(measured("quota_cut", **HELD), cut_passed(1, COLLEGE, OTHER), merged("COL-3", OTHER)).is_raced()
    elsewhere = measured("quota_cut", **(HELD | {"unit_id": "COL-3"}), programme_id=ProgrammeId("NEXT"))
    asked.meanwhile(elsewhere, merged("COL-3", "COL-4")).is_undisturbed()


def test_that_another_was_merged_into_the_nominator_does_not_outdate_a_judgement() -> None:
    the_vetted().and_(merged(OTHER, COLLEGE)).when(FILE, by=CHAIR).then(filed())
    own = the_vetted(moved("BR", OTHER), moved("BR", COLLEGE)).and_(merged(OTHER, COLLEGE))
    own.when(FILE, by=CHAIR).refused(EligibilityOutdated)
    own.and_(judged()).when(FILE, by=CHAIR).then(filed())
