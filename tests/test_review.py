"""Review: stages and panels, seats known by code, recusals, and the time in which a panel scores."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from domain.ids import ApplicationId, AppointmentId, PersonId, ProgrammeId, SeatId, TrackId, UnitId
from domain.kernel import SealedIdentity
from domain.permission.policy import NotInThisState
from domain.person.events import Appointed, AppointmentEnded, PersonRegistered, Role
from domain.programme.policy import ProgrammeUnknown, TrackUnknown
from domain.review.commands import COMMANDS
from domain.review.events import (
    ScoreCriterion,
    SeatIdentityOpened,
    ShareRule,
    StageDefined,
    TieBreak,
    Veto,
)
from domain.review.panel import PanelUnknown, SeatUnknown, SeatVacated
from domain.review.policy import STAGE_RULES, faults_of
from domain.review.recusal import (
    AlreadyRecused,
    DeclareInterest,
    ImposeRecusal,
    LiftRecusal,
    NotBeforePanel,
    NotRecused,
    OwnUnitStands,
)
from domain.review.scoring import (
    CloseScoring,
    EarlierStageNotRanked,
    ExtendScoring,
    NotALaterEnd,
    NothingToScore,
    OpenScoring,
    ScoringOver,
    ScoringStillOpen,
    ScoringWouldBeOver,
    TooFewSeats,
)
from domain.review.seat import (
    NotAReviewer,
    OpenSeatIdentity,
    ReviewerSeatedBefore,
    SeatReviewer,
    SeatTaken,
    UnseatReviewer,
)
from domain.review.stage import (
    ConstitutePanel,
    DefineStage,
    PanelAlreadyConstituted,
    StageFaulty,
    StageOrderTaken,
    StageUnknown,
    TrackHasPanel,
    TrackNotInStage,
    TracksNotNamed,
)
from tests.call import (
    BRANCH,
    BRANCH_TRACK,
    CALL,
    COLLEGE_TRACK,
    HEAD,
    MINE,
    SIBLING,
    THEIRS,
    decided,
    the_call,
)
from tests.panel import (
    ADMITTED,
    AFTER,
    ENDS,
    FORM,
    LAST_DAY,
    ONE,
    OPENS,
    OTHER_PANEL,
    PANEL,
    SEATS,
    TWO,
    admitted,
    closed,
    code,
    constituted,
    criterion,
    extended,
    gone,
    joined,
    lifted,
    ranked,
    ranking,
    recused,
    scoring,
    screened,
    seated,
    stage,
    the_panel,
    the_scoring,
    the_stage,
    unseated,
)
from tests.spec import INSTITUTION, Past, at, given

ELSEWHERE = ProgrammeId("another-call")
LI, WANG = (PersonId(f"00000000-0000-0000-0000-0000000000{n}") for n in ("a1", "a2"))
FOUR = SeatId("S-4")
THIRD, LATE = ApplicationId("A-3"), ApplicationId("A-9")

# --- stages ----------------------------------------------------------------------------------------------------------


def define(**changes: Any) -> DefineStage:
    fields = {name: getattr(stage(**changes), name) for name in StageDefined.__struct_fields__}
    return DefineStage(**fields)


def test_a_stage_is_defined_for_tracks_of_the_call() -> None:
    the_call().when(define(), by=HEAD).then(stage())


def test_a_stage_defined_anew_is_a_later_fact_and_the_same_again_is_none() -> None:
    past = the_stage()
    past.when(define(minimum_sheets=3)).then(stage(minimum_sheets=3))
    past.when(define()).then()


def test_a_stage_of_a_programme_or_track_that_is_not_there_is_refused() -> None:
    given().when(define()).refused(ProgrammeUnknown, programme_id=CALL)
    asked = the_call().when(define(track_ids=(TrackId("none"),)))
    asked.refused(TrackUnknown, programme_id=CALL, track_id="none")


def test_two_stages_of_one_track_do_not_share_their_number() -> None:
    past = the_stage()
    past.when(define(name="committee")).refused(StageOrderTaken, stage="experts", order=1, track_id=BRANCH_TRACK)
    past.when(define(name="committee", order=2)).then(stage("committee", order=2))
    elsewhere = stage("colleges", track_ids=(COLLEGE_TRACK,))
    past.when(define(name="colleges", track_ids=(COLLEGE_TRACK,))).then(elsewhere)


def test_a_stage_is_defined_on_what_there_is_of_its_programme_and_of_no_other() -> None:
    asked = the_call().when(define())
    asked.meanwhile(stage()).is_raced()
    asked.meanwhile(msgspec.structs.replace(stage(), programme_id=ELSEWHERE), constituted()).is_undisturbed()


def form(**plan: Any) -> dict[str, Any]:
    """The form with another first criterion."""
    weight = plan.pop("weight_bp", 4_000)
    return {"criteria": (FORM[0], criterion("plan", weight, parent="work", **plan), FORM[2])}


GROUP, PLAN, DEEDS = FORM
FAULTS: list[tuple[str, str, dict[str, Any]]] = [
    ("stage-codes-once", "/criteria/1/code", {"criteria": (criterion("plan"), criterion("plan"))}),
    ("stage-codes-once", "/track_ids/1", {"track_ids": (BRANCH_TRACK, BRANCH_TRACK)}),
    ("stage-codes-once", "/tie_breaks/1", {"tie_breaks": (TieBreak("median"), TieBreak("median"))}),
    ("stage-marks-something", "/criteria", {"criteria": (), "tie_breaks": ()}),
    ("stage-marks-something", "/track_ids", {"track_ids": ()}),
    ("parents-stand-before", "/criteria/0/parent", {"criteria": (PLAN, GROUP, DEEDS)}),
    ("leaves-are-marked", "/criteria/0", {"criteria": (*FORM[:1],)}),
    ("leaves-are-marked", "/criteria/0", {"criteria": (criterion("work"), *FORM[1:])}),
    ("ranges-in-steps", "/criteria/1/step_tenths", form(step_tenths=0)),
    ("ranges-in-steps", "/criteria/1/highest_tenths", form(step_tenths=7)),
    ("ranges-in-steps", "/criteria/1/highest_tenths", form(lowest_tenths=-5)),
    ("weights-whole", "/criteria", form(weight_bp=4_001)),
    ("weights-whole", "/criteria", {"criteria": (criterion("plan", 0), criterion("deeds", 10_000))}),
    ("totals-in-reach", "/total_at_least_tenths", {"total_at_least_tenths": 1_001}),
    ("totals-in-reach", "/total_at_most_tenths", {"total_at_most_tenths": -1}),
    ("totals-in-reach", "/total_at_most_tenths", {"total_at_least_tenths": 800, "total_at_most_tenths": 700}),
    ("totals-in-reach", "/share_rules/0/at_least_tenths", {"share_rules": (ShareRule("excellent", 1_001),)}),
    ("shares-between", "/share_rules/0/share_at_most_bp", {"share_rules": (ShareRule("top", 900, 5_001, 5_000),)}),
    ("stage-criteria-known", "/vetoes/0/criterion", {"vetoes": (Veto("work", 600),)}),
    ("stage-criteria-known", "/tie_breaks/0/criterion", {"tie_breaks": (TieBreak("criterion"),)}),
    ("stage-criteria-known", "/tie_breaks/0/criterion", {"tie_breaks": (TieBreak("median", "plan"),)}),
    ("lot-last", "/tie_breaks/0/by", {"tie_breaks": (TieBreak("lot"), TieBreak("median"))}),
    ("trim-leaves-something", "/trim", {"trim": 1}),
    ("trim-leaves-something", "/trim", {"aggregation": "trimmed_mean"}),
    ("trim-leaves-something", "/minimum_sheets", {"aggregation": "trimmed_mean", "trim": 1}),
    ("trim-leaves-something", "/minimum_sheets", {"minimum_sheets": 0}),
    ("stage-figures-positive", "/order", {"order": 0}),
    ("stage-figures-positive", "/advance_bp", {"advance_bp": 0}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "path", "changes"), FAULTS, ids=[f"{rule}-{n}" for n, (rule, *_) in enumerate(FAULTS)]
)
def test_a_form_that_breaks_a_named_rule_is_refused_with_its_place(
    rule: str, path: str, changes: dict[str, Any]
) -> None:
    found = faults_of(stage(**changes))
    assert (rule, path) in {(fault.rule, fault.path) for fault in found}
    the_call().when(define(**changes)).refused(StageFaulty, count=len(found), rule=found[0].rule, path=found[0].path)


def test_every_named_rule_is_seen_broken_and_none_by_a_sound_stage() -> None:
    assert {rule for rule, *_ in FAULTS} == {rule.name for rule in STAGE_RULES}
    assert all(rule.en.endswith(".") and rule.zh.endswith("。") for rule in STAGE_RULES)
    added = (criterion("plan", 10_000, highest_tenths=400), criterion("deeds", 10_000, highest_tenths=600))
    sound = [
        stage(),
        stage(criteria=added, total_at_least_tenths=800, total_at_most_tenths=1_000),
        stage(aggregation="trimmed_mean", trim=1, minimum_sheets=3, advance_bp=12_000),
        stage(share_rules=(ShareRule("excellent", 900, 0, 5_000),), vetoes=(Veto("plan", 600),)),
    ]
    assert [faults_of(each) for each in sound] == [()] * len(sound)


# --- panels ----------------------------------------------------------------------------------------------------------

PANEL_OF_BRANCHES = ConstitutePanel(panel_id=PANEL, programme_id=CALL, stage="experts", track_ids=(BRANCH_TRACK,))


def test_a_panel_is_pinned_to_the_stage_as_it_is_defined_now() -> None:
    past = the_stage(stage(minimum_sheets=3))
    past.when(PANEL_OF_BRANCHES).then(constituted(position=len(past.log)))


def test_a_panel_is_constituted_once_for_tracks_of_its_stage_that_have_none_yet() -> None:
    past = the_stage()
    past.and_(constituted()).when(PANEL_OF_BRANCHES).refused(PanelAlreadyConstituted, panel_id=PANEL)
    taken = past.and_(constituted(OTHER_PANEL)).when(PANEL_OF_BRANCHES)
    taken.refused(TrackHasPanel, track_id=BRANCH_TRACK, stage="experts", panel_id=OTHER_PANEL)
    later = past.and_(stage("committee", order=2), constituted(OTHER_PANEL, 9, "committee"))
    later.when(PANEL_OF_BRANCHES).then(constituted(position=len(the_stage().log)))
    the_call().when(PANEL_OF_BRANCHES).refused(StageUnknown, programme_id=CALL, stage="experts")


@pytest.mark.parametrize("tracks", [(), (BRANCH_TRACK, BRANCH_TRACK)])
def test_a_panel_names_its_tracks_once(tracks: tuple[TrackId, ...]) -> None:
    asked = ConstitutePanel(panel_id=PANEL, programme_id=CALL, stage="experts", track_ids=tracks)
    the_stage().when(asked).refused(TracksNotNamed)


def test_a_panel_does_not_sit_for_a_track_outside_its_stage() -> None:
    asked = ConstitutePanel(panel_id=PANEL, programme_id=CALL, stage="experts", track_ids=(COLLEGE_TRACK,))
    the_stage().when(asked).refused(TrackNotInStage, track_id=COLLEGE_TRACK, stage="experts")


def test_constituting_races_with_the_stage_and_with_other_panels_only() -> None:
    asked = the_stage().when(PANEL_OF_BRANCHES)
    asked.meanwhile(stage(minimum_sheets=3), constituted(OTHER_PANEL)).is_raced()
    asked.meanwhile(seated(panel=OTHER_PANEL), screened()).is_undisturbed()


# --- seats -----------------------------------------------------------------------------------------------------------


def appointed(person: PersonId, role: Role, unit_id: UnitId | None = None, number: str = "A-1") -> Appointed:
    return Appointed(
        appointment_id=AppointmentId(number),
        person_id=person,
        role=role,
        institution_id=None if unit_id else INSTITUTION,
        unit_id=unit_id,
        first_day=date(2020, 5, 1),
    )


def a_reviewer(*offices: Appointed) -> Past:
    """A panel, and somebody who is registered and an expert."""
    return the_panel(PersonRegistered(person_id=LI, commitment="4" * 64), appointed(LI, "reviewer"), *offices)


def seat(seat_id: SeatId = FOUR, **changes: Any) -> SeatReviewer:
    sealed = SealedIdentity(commitment="6" * 64, person_id=LI, **changes)
    return SeatReviewer(panel_id=PANEL, seat_id=seat_id, reviewer=sealed)


def test_a_reviewer_takes_a_seat_and_nothing_that_is_recorded_names_a_person() -> None:
    longer = a_reviewer().when(seat()).then(seated(FOUR, commitment="6" * 64))
    assert all(LI not in repr(entry.event) for entry in longer.log[-1:])


def test_whatever_is_of_an_own_unit_is_recused_at_once() -> None:
    own = a_reviewer(appointed(LI, "applicant", BRANCH, "A-2"), appointed(LI, "nominator", UnitId("X"), "A-3"))
    own.when(seat()).then(seated(FOUR, commitment="6" * 64), recused(FOUR, MINE, basis="own_unit", interest="own_unit"))
    former = own.and_(
        AppointmentEnded(appointment_id=AppointmentId("A-2"), person_id=LI, unit_id=BRANCH, last_day=date(2020, 5, 2))
    )
    former.when(seat()).then(seated(FOUR, commitment="6" * 64))


def test_what_is_of_an_own_unit_in_a_track_of_another_panel_is_not_this_panels() -> None:
    other_track = screened(MINE, SIBLING, COLLEGE_TRACK)
    past = a_reviewer(appointed(LI, "applicant", SIBLING, "A-2")).and_(other_track)
    past.when(seat()).then(
        seated(FOUR, commitment="6" * 64), recused(FOUR, THEIRS, basis="own_unit", interest="own_unit")
    )


def test_a_seat_is_given_once_and_to_whom_has_had_none() -> None:
    a_reviewer().when(seat(ONE)).refused(SeatTaken, panel_id=PANEL, seat_id=ONE)
    a_reviewer().and_(unseated()).when(seat(ONE)).refused(SeatTaken, seat_id=ONE)
    refusal = a_reviewer().when(seat(coded_before=True)).refused(ReviewerSeatedBefore, panel_id=PANEL)
    assert LI not in str(refusal)


def test_only_somebody_who_is_an_expert_today_takes_a_seat() -> None:
    the_panel(PersonRegistered(person_id=LI, commitment="4" * 64)).when(seat()).refused(NotAReviewer)
    the_panel(appointed(LI, "reviewer")).when(seat()).refused(NotAReviewer)
    at_a_unit = the_panel(PersonRegistered(person_id=LI, commitment="4" * 64), appointed(LI, "reviewer", BRANCH))
    at_a_unit.when(seat()).refused(NotAReviewer)
    ended = AppointmentEnded(
        appointment_id=AppointmentId("A-1"), person_id=LI, institution_id=INSTITUTION, last_day=date(2020, 5, 19)
    )
    a_reviewer().and_(ended).when(seat()).refused(NotAReviewer)


def test_seats_are_given_until_scoring_is_over_and_on_a_panel_that_is_there() -> None:
    reviewer = (PersonRegistered(person_id=LI, commitment="4" * 64), appointed(LI, "reviewer"))
    the_panel(*reviewer).when(seat()).then(seated(FOUR, commitment="6" * 64))
    the_scoring(closed(), *reviewer).when(seat()).refused(NotInThisState, state="scored")
    given(*reviewer).when(seat()).refused(PanelUnknown, panel_id=PANEL)


def test_who_takes_a_seat_while_scoring_is_open_has_the_same_to_score_by_the_same_instant() -> None:
    late = (PersonRegistered(person_id=LI, commitment="4" * 64), appointed(LI, "reviewer"))
    taken = seated(FOUR, commitment="6" * 64)
    the_scoring(*late).when(seat()).then(taken, joined(FOUR, MINE, THEIRS))
    longer = (extended(at("2020-06-14 18:00"), date(2020, 6, 14)), gone())
    later = joined(FOUR, THEIRS, closes_at=at("2020-06-14 18:00"), last_day=date(2020, 6, 14))
    the_scoring(*longer, *late).when(seat()).then(taken, later)
    own = the_scoring(*late, appointed(LI, "applicant", BRANCH, "A-2")).when(seat())
    own.then(taken, joined(FOUR), recused(FOUR, MINE, basis="own_unit", interest="own_unit"))
    over = the_scoring(*late).when(seat(), now=ENDS)
    over.then(taken)


def test_seating_races_with_the_panel_its_seats_the_offices_and_own_applications() -> None:
    asked = a_reviewer(appointed(LI, "applicant", BRANCH, "A-2")).when(seat())
    asked.meanwhile(scoring(), seated(FOUR), unseated(), screened(), appointed(LI, "finance")).is_raced()
    asked.meanwhile(admitted(), extended(AFTER, LAST_DAY), gone()).is_raced()
    asked.meanwhile(screened(THEIRS, SIBLING), appointed(WANG, "reviewer"), seated(panel=OTHER_PANEL)).is_undisturbed()


VACATE = UnseatReviewer(panel_id=PANEL, seat_id=ONE)


def test_a_seat_is_vacated_once() -> None:
    longer = the_panel().when(VACATE, reason="ill").then(unseated())
    longer.when(VACATE).refused(SeatVacated, panel_id=PANEL, seat_id=ONE)
    the_panel().when(UnseatReviewer(panel_id=PANEL, seat_id=FOUR)).refused(SeatUnknown, seat_id=FOUR)
    given().when(VACATE).refused(PanelUnknown)


def test_vacating_races_with_its_own_seat_only() -> None:
    asked = the_panel().when(VACATE)
    asked.meanwhile(unseated(), closed()).is_raced()
    asked.meanwhile(unseated(TWO), recused(), seated(ONE, OTHER_PANEL)).is_undisturbed()


LEARN = OpenSeatIdentity(panel_id=PANEL, seat_id=ONE)


def test_who_sits_there_is_opened_as_an_act_of_its_own_also_of_a_seat_that_was_vacated() -> None:
    shown = SeatIdentityOpened(panel_id=PANEL, seat_id=ONE)
    the_panel().when(LEARN, by=HEAD, reason="complaint").then(shown)
    the_panel(unseated()).when(LEARN, reason="complaint").then(shown)
    the_panel().when(OpenSeatIdentity(panel_id=PANEL, seat_id=FOUR)).refused(SeatUnknown)
    given().when(LEARN).refused(PanelUnknown)
    asked = the_panel().when(LEARN)
    asked.meanwhile(unseated()).is_raced()
    asked.meanwhile(unseated(TWO), recused()).is_undisturbed()


# --- recusals --------------------------------------------------------------------------------------------------------


def declare(application: ApplicationId = MINE) -> DeclareInterest:
    return DeclareInterest(panel_id=PANEL, application_id=application, interest="colleague")


def impose(seat_id: SeatId = ONE) -> ImposeRecusal:
    return ImposeRecusal(panel_id=PANEL, seat_id=seat_id, application_id=MINE, interest="kin")


def test_a_reviewer_declares_an_interest_under_the_code_of_the_seat() -> None:
    the_panel().when(declare(), by=code()).then(recused())
    the_scoring().when(declare(), by=code(TWO)).then(recused(TWO))
    the_scoring(closed()).when(declare(), by=code()).then(recused())


def test_the_head_imposes_a_recusal() -> None:
    the_scoring().when(impose(), by=HEAD, reason="complaint").then(recused(basis="imposed", interest="kin"))


def test_only_what_is_before_the_panel_is_recused_from() -> None:
    the_panel().when(declare(LATE), by=code()).refused(NotBeforePanel, application_id=LATE, panel_id=PANEL)
    elsewhere = the_panel(screened(MINE, BRANCH, COLLEGE_TRACK))
    elsewhere.when(declare(), by=code()).then(recused())
    late = the_scoring().and_(screened(LATE, UnitId("BR-9")))
    late.when(declare(LATE), by=code()).refused(NotBeforePanel)
    other = the_stage(constituted(), seated(), screened(MINE, BRANCH, COLLEGE_TRACK))
    other.when(declare(), by=code()).refused(NotBeforePanel)


def test_nobody_is_recused_twice_or_from_a_seat_that_is_not_held() -> None:
    the_scoring(recused()).when(declare(), by=code()).refused(AlreadyRecused, seat_id=ONE, application_id=MINE)
    the_scoring(recused()).when(impose()).refused(AlreadyRecused)
    the_scoring(recused(), lifted()).when(declare(), by=code()).then(recused())
    the_scoring(unseated()).when(declare(), by=code()).refused(SeatVacated)
    the_scoring().when(impose(FOUR)).refused(SeatUnknown, seat_id=FOUR)
    given().when(declare(), by=code()).refused(PanelUnknown)
    given().when(impose()).refused(PanelUnknown)


def test_recusing_races_with_the_same_seat_and_application_only() -> None:
    for asked in (the_scoring().when(declare(), by=code()), the_scoring().when(impose())):
        asked.meanwhile(recused(), lifted(), unseated(), admitted(), screened(), closed()).is_raced()
        asked.meanwhile(recused(TWO), recused(ONE, THEIRS), unseated(TWO), screened(THEIRS)).is_undisturbed()


LIFT = LiftRecusal(panel_id=PANEL, seat_id=ONE, application_id=MINE)


def test_a_recusal_is_lifted_unless_it_is_from_an_own_unit() -> None:
    the_scoring(recused()).when(LIFT, by=HEAD, reason="mistaken").then(lifted())
    own = the_scoring(recused(basis="own_unit")).when(LIFT)
    own.refused(OwnUnitStands, seat_id=ONE, application_id=MINE)
    the_scoring().when(LIFT).refused(NotRecused, seat_id=ONE, application_id=MINE)
    the_scoring(recused(), lifted()).when(LIFT).refused(NotRecused)
    given().when(LIFT).refused(PanelUnknown)
    asked = the_scoring(recused()).when(LIFT)
    asked.meanwhile(lifted(), recused()).is_raced()
    asked.meanwhile(lifted(TWO), recused(ONE, THEIRS)).is_undisturbed()


# --- the time to score -----------------------------------------------------------------------------------------------

OPEN = OpenScoring(panel_id=PANEL, closes_at=ENDS)
CLOSE = CloseScoring(panel_id=PANEL)


def extend(closes_at: Any) -> ExtendScoring:
    return ExtendScoring(panel_id=PANEL, closes_at=closes_at)


def test_scoring_opens_on_all_that_were_screened_with_their_ranks_and_without_the_withdrawn() -> None:
    past = the_panel(decided(rank=2), screened(THIRD, UnitId("BR-3")), gone(THIRD))
    past.when(OPEN, now=OPENS).then(scoring(), admitted(rank=2), admitted(THEIRS, SIBLING))


def test_a_later_stage_scores_what_advanced_in_the_one_before() -> None:
    first, second = stage(), stage("committee", order=2)
    before = the_call().and_(first, second, screened(), screened(THEIRS, SIBLING))
    panel = before.and_(constituted(name="committee"), *map(seated, SEATS))
    panel.when(OPEN, now=OPENS).refused(EarlierStageNotRanked, track_id=BRANCH_TRACK, stage="experts")
    results = (
        ranked(panel=OTHER_PANEL, advances=True),
        ranked(THEIRS, SIBLING, 2, panel=OTHER_PANEL, advances=True),
        ranking(OTHER_PANEL),
        ranked(THEIRS, SIBLING, 2, panel=OTHER_PANEL, advances=False),
        ranking(OTHER_PANEL),
    )
    panel.and_(*results).when(OPEN, now=OPENS).then(scoring(), admitted())


def test_scoring_does_not_open_on_nothing_with_too_few_seats_or_when_it_would_be_over() -> None:
    the_panel().when(OPEN, now=ENDS).refused(ScoringWouldBeOver, closes_at=ENDS)
    few = the_panel(unseated(), unseated(TWO)).when(OPEN, now=OPENS)
    few.refused(TooFewSeats, panel_id=PANEL, seats=1, minimum=2)
    the_panel(gone(), gone(THEIRS, SIBLING)).when(OPEN, now=OPENS).refused(NothingToScore, panel_id=PANEL)
    the_scoring().when(OPEN, now=OPENS).refused(NotInThisState, state="scoring")
    given().when(OPEN, now=OPENS).refused(PanelUnknown)


def test_the_last_day_is_the_one_before_a_midnight() -> None:
    midnight = at("2020-06-13 00:00")
    asked = the_panel().when(OpenScoring(panel_id=PANEL, closes_at=midnight), now=OPENS)
    asked.then(scoring(midnight), *ADMITTED)


def test_opening_races_with_what_comes_as_far_and_with_seats_and_no_other_track() -> None:
    asked = the_panel().when(OPEN, now=OPENS)
    asked.meanwhile(screened(), gone(), decided(), unseated(), ranked(), ranking(), scoring()).is_raced()
    asked.meanwhile(screened(MINE, BRANCH, COLLEGE_TRACK), recused(), seated(panel=OTHER_PANEL)).is_undisturbed()


def test_scoring_is_extended_while_it_lasts_and_to_a_later_end() -> None:
    later = at("2020-06-13 12:00")
    the_scoring().when(extend(later), now=OPENS, reason="ill").then(extended(later, date(2020, 6, 13)))
    the_scoring().when(extend(ENDS), now=OPENS).refused(NotALaterEnd, closes_at=ENDS)
    the_scoring().when(extend(later), now=ENDS).refused(ScoringOver, closes_at=ENDS)
    the_panel().when(extend(later), now=OPENS).refused(NotInThisState, state="constituted")
    given().when(extend(later)).refused(PanelUnknown)
    asked = the_scoring().when(extend(later), now=OPENS)
    asked.meanwhile(closed(), extended(later, LAST_DAY)).is_raced()
    asked.meanwhile(recused(), unseated(), admitted()).is_undisturbed()


def test_scoring_is_closed_by_its_date_and_once() -> None:
    longer = the_scoring().when(CLOSE, now=AFTER, effective=ENDS).then(closed())
    longer.when(CLOSE, now=AFTER).refused(NotInThisState, state="scored")
    the_scoring().when(CLOSE, now=OPENS).refused(ScoringStillOpen, closes_at=ENDS)
    later = at("2020-06-13 12:00")
    moved = the_scoring(extended(later, date(2020, 6, 13)))
    moved.when(CLOSE, now=AFTER).refused(ScoringStillOpen, closes_at=later)
    moved.when(CLOSE, now=later).then(closed(later, date(2020, 6, 13)))
    given().when(CLOSE).refused(PanelUnknown)
    asked = the_scoring().when(CLOSE, now=AFTER)
    asked.then(closed())
    assert asked.command.effective_at == ENDS, "whoever records it, and however late"
    asked.meanwhile(extended(later, LAST_DAY), closed()).is_raced()
    asked.meanwhile(recused(), unseated(), admitted()).is_undisturbed()


def test_a_group_may_stand_in_a_group() -> None:
    inner = ScoreCriterion(code="inner", name_zh="内", name_en="Inner", parent="work")
    assert faults_of(stage(criteria=(GROUP, inner, criterion("plan", 4_000, parent="inner"), DEEDS))) == ()


def test_reviewers_act_under_codes_and_nobody_else_does() -> None:
    coded = {command.__name__ for command in COMMANDS if command.CODED}
    assert coded == {"DeclareInterest", "FileScoreSheet", "AmendScoreSheet"}
    assert all(command.CODED == ("panel_id",) for command in COMMANDS if command.CODED)
    assert [command for command in COMMANDS if command.GIVES_CODE] == [SeatReviewer]
