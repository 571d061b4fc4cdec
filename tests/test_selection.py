"""Selection: a panel recommends, a committee decides by its rule, and only what passed its publicity is confirmed."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from domain.document.policy import DocumentUnknown
from domain.ids import ApplicationId, DecisionId, PanelId, ProgrammeId, PublicityId, TrackId
from domain.kernel import Event
from domain.permission.policy import NotInThisState, ReasonMissing
from domain.programme.events import DateValue, Places, TrackDefined
from domain.programme.policy import ProgrammeUnknown, TrackUnknown
from domain.publicity.events import (
    ObjectionAdmitted,
    ObjectionDismissed,
    ObjectionInvestigated,
    ObjectionNotAdmitted,
    ObjectionUpheld,
    ObjectionWithdrawn,
    PublicityTakenDown,
)
from domain.selection.case import AlreadyDecided, VetoedNotChosen, WithdrawnNotChosen
from domain.selection.commands import (
    ConfirmSelection,
    DecideSelection,
    DecisionIdUsed,
    DecisionUnknown,
    DefineSelectionRule,
    NoPlaceFree,
    NoShare,
    NotPassedPublicity,
    NotRankedYet,
    NotRecommendedYet,
    NotTheRankedOnes,
    ObjectionStillOpen,
    ObjectionWasUpheld,
    PlacesExceeded,
    PlacesNotFilled,
    PromoteReserve,
    PublicityStands,
    RecommendApplications,
    ReopenDecision,
    SelectionRuleMissing,
    SelectionStands,
    StrikeSelection,
)
from domain.selection.policy import (
    Choice,
    MoreAttendThanEntitled,
    NothingDecidedYet,
    QuorumNotReached,
    Vote,
    VoteNotCarried,
    VotesDoNotAddUp,
    departures,
    in_order,
)
from tests.call import ANSWERS, BRANCH_TRACK, CALL, COLLEGE_TRACK, PAPER, interpreted, the_call, withdrawn
from tests.committee import (
    APPLICATIONS,
    DECISION,
    FIRST,
    FOURTH,
    OBJECTION,
    PANEL,
    PUBLICITY,
    RESOLUTION,
    SECOND,
    THIRD,
    VOTE,
    choices,
    closed,
    confirmed,
    decision,
    objection,
    passed,
    promoted,
    ranking,
    recommendation,
    reopened,
    resolution,
    rule,
    shown,
    struck,
    the_decision,
    the_ranking,
    the_recommendation,
    turned_back,
)
from tests.spec import Past, at

SWAPPED = choices(order=(SECOND, FIRST, THIRD, FOURTH))
LEAP = choices("selected", "selected", "not_selected", "selected")
ABOUT = {"publicity_id": PUBLICITY, "application_id": FIRST}
NEXT_DAY = at("2020-06-30 00:00")


# --- the rule ---------------------------------------------------------------------------------------------------------


def define(**changes: Any) -> DefineSelectionRule:
    return DefineSelectionRule(**(rule().as_dict() | changes))


def test_a_rule_is_defined_and_defined_anew() -> None:
    the_call().when(define()).then(rule()).when(define(quorum_bp=5_000)).then(rule(quorum_bp=5_000))


def test_the_same_rule_again_changes_nothing() -> None:
    the_call().and_(rule()).when(define()).then()


def test_a_rule_is_for_a_programme_that_was_announced() -> None:
    the_call().when(define(programme_id=ProgrammeId("other"))).refused(ProgrammeUnknown, programme_id="other")


@pytest.mark.parametrize("field", ["quorum_bp", "threshold_bp"])
def test_a_share_lies_between_nothing_and_the_whole(field: str) -> None:
    the_call().when(define(**{field: 10_001})).refused(NoShare, field=field)
    the_call().when(define(**{field: -1})).refused(NoShare, field=field)


def test_another_rule_meanwhile_is_a_race_and_another_programme_is_not() -> None:
    the_call().when(define()).meanwhile(rule(quorum_bp=1)).is_raced()
    the_call().when(define()).meanwhile(rule(programme_id=ProgrammeId("other"))).is_undisturbed()


# --- the recommendation -----------------------------------------------------------------------------------------------


def recommend(*picked: Choice, **changes: Any) -> RecommendApplications:
    fields: dict[str, Any] = {
        "programme_id": CALL,
        "track_id": BRANCH_TRACK,
        "panel_id": PANEL,
        "choices": picked or choices(),
    }
    return RecommendApplications(**(fields | changes))


def test_the_panel_recommends_in_the_order_of_the_ranking() -> None:
    past = the_ranking()
    past.when(recommend()).then(*recommendation(position=len(past.log)))


def test_a_later_ranking_holds_and_may_be_recommended_on_anew() -> None:
    past = the_recommendation().and_(*ranking((2, 1, 3, 4)))
    past.when(recommend(*SWAPPED)).then(*recommendation(SWAPPED, position=len(past.log)))


def test_whoever_departs_from_the_ranking_says_why() -> None:
    past = the_ranking()
    for picked, departing in ((SWAPPED, [SECOND]), (LEAP, [FOURTH])):
        past.when(recommend(*picked)).refused(ReasonMissing, command="RecommendApplications")
        past.when(recommend(*picked), reason="regional_balance").then(
            *recommendation(picked, len(past.log), departing=departing)
        )


def test_the_order_in_which_the_others_are_named_departs_from_nothing() -> None:
    turned = choices("selected", "selected", "not_selected", "not_selected", order=(FIRST, SECOND, FOURTH, THIRD))
    past = the_ranking()
    past.when(recommend(*turned)).then(*recommendation(turned, position=len(past.log)))


def test_equals_may_be_named_in_either_order() -> None:
    past = the_ranking((1, 1, 3, 4))
    past.when(recommend(*SWAPPED)).then(*recommendation(SWAPPED, position=len(past.log)))


def test_nothing_is_recommended_without_a_ranking() -> None:
    the_call().when(recommend()).refused(NotRankedYet, panel_id=PANEL)
    the_call().when(recommend(track_id=TrackId("none"))).refused(TrackUnknown)


def test_what_another_panel_ranked_in_the_track_is_its_own_matter() -> None:
    elsewhere = [msgspec.structs.replace(each, panel_id=PanelId("PANEL-9")) for each in ranking((4, 3, 2, 1))]
    the_call().and_(*elsewhere).when(recommend()).refused(NotRankedYet, panel_id=PANEL)
    past = the_ranking().and_(*elsewhere)
    past.when(recommend()).then(*recommendation(position=_ranking_at(the_ranking())))
    past.when(recommend()).meanwhile(*elsewhere).is_undisturbed()


@pytest.mark.parametrize(
    ("picked", "amiss"),
    [
        (choices()[:3], "A-4"),
        ((*choices(), Choice(ApplicationId("A-9"), "reserve")), "A-9"),
        ((*choices(), Choice(FIRST, "reserve")), "A-1"),
    ],
    ids=["one missing", "one too many", "one twice"],
)
def test_each_of_those_ranked_is_named_once(picked: tuple[Choice, ...], amiss: str) -> None:
    the_ranking().when(recommend(*picked)).refused(NotTheRankedOnes, amiss=amiss)


def test_a_vetoed_application_is_not_chosen() -> None:
    past = the_ranking((1, 2, 3, None))
    past.when(recommend()).refused(VetoedNotChosen, application_id=FOURTH)
    left_out = choices("selected", "selected", "selected", "not_selected")
    past.when(recommend(*left_out)).then(*recommendation(left_out, position=len(past.log)))


def test_a_withdrawn_application_is_not_chosen() -> None:
    past = the_ranking().and_(withdrawn(FOURTH))
    past.when(recommend()).refused(WithdrawnNotChosen, application_id=FOURTH)


def test_what_was_decided_is_not_recommended_on() -> None:
    the_decision().when(recommend()).refused(AlreadyDecided, decision_id=DECISION)
    past = the_decision().and_(reopened())
    past.when(recommend()).then(*recommendation(position=_ranking_at(past)))


def _ranking_at(past: Past) -> int:
    return max(r.position for r in past.log if r.type == "review.ranking_recorded.v1")


def test_another_ranking_a_decision_or_a_withdrawal_meanwhile_is_a_race() -> None:
    asked = the_ranking().when(recommend())
    asked.meanwhile(*ranking(), *decision(), withdrawn(FIRST)).is_raced()


def test_another_track_does_not_disturb_a_recommendation() -> None:
    elsewhere = [msgspec.structs.replace(each, track_id=COLLEGE_TRACK) for each in (*ranking(), *decision())]
    the_ranking().when(recommend()).meanwhile(*elsewhere).is_undisturbed()


@examples(st.permutations(range(1, 7)))
def test_departing_is_standing_before_one_that_was_ranked_better(order: list[int]) -> None:
    ids = [ApplicationId(f"X-{rank}") for rank in order]
    placed = in_order([Choice(each, "selected") for each in ids])
    ranks = dict(zip(ids, order, strict=True))
    expected = {a for i, a in enumerate(ids) if any(ranks[b] < ranks[a] for b in ids[i + 1 :])}
    assert departures(placed, ranks) == expected


# --- the decision -----------------------------------------------------------------------------------------------------


def decide(*picked: Choice, **changes: Any) -> DecideSelection:
    fields: dict[str, Any] = {
        "programme_id": CALL, "track_id": BRANCH_TRACK, "decision_id": DECISION, "vote": VOTE,
        "choices": picked or choices(), "resolution_document_id": RESOLUTION,
    }  # fmt: skip
    return DecideSelection(**(fields | changes))


def test_the_committee_decides_as_recommended() -> None:
    past = the_recommendation()
    past.when(decide()).then(*decision(rule_position=len(past.log)))


def test_other_than_recommended_needs_a_reason() -> None:
    past = the_recommendation()
    for picked in (SWAPPED, LEAP):
        past.when(decide(*picked)).refused(ReasonMissing, command="DecideSelection")
        past.when(decide(*picked), reason="committee_judgement").then(*decision(picked, rule_position=len(past.log)))


def test_the_order_of_those_left_out_says_nothing() -> None:
    left = choices("selected", "selected", "not_selected", "not_selected")
    past = the_recommendation(left)
    turned = choices("selected", "selected", "not_selected", "not_selected", order=(FIRST, SECOND, FOURTH, THIRD))
    past.when(decide(*turned), reason="two_only").then(*decision(turned, rule_position=len(past.log)))


@pytest.mark.parametrize(
    "picked",
    [choices("selected", "selected", "reserve", "reserve"), choices("selected", "selected", "selected", "selected")],
    ids=["two of three places", "four on three places"],
)
def test_more_or_fewer_than_the_places_needs_a_reason(picked: tuple[Choice, ...]) -> None:
    past = the_recommendation(picked)
    past.when(decide(*picked)).refused(ReasonMissing)
    past.when(decide(*picked), reason="quality").then(*decision(picked, rule_position=len(past.log)))


def bounded(past: Past, minimum: int, maximum: int) -> Past:
    (track,) = (r.event for r in past.log if isinstance(r.event, TrackDefined) and r.event.track_id == BRANCH_TRACK)
    return past.and_(msgspec.structs.replace(track, places=Places(target=3, minimum=minimum, maximum=maximum)))


def test_beyond_the_bounds_of_the_call_it_is_refused_whatever_the_reason() -> None:
    too_many = choices("selected", "selected", "selected", "selected")
    past = bounded(the_recommendation(too_many), 2, 3)
    past.when(decide(*too_many), reason="quality").refused(PlacesExceeded, selected=4, at_most=3)
    too_few = choices("selected", "reserve", "reserve", "reserve")
    past = bounded(the_recommendation(too_few), 2, 3)
    past.when(decide(*too_few), reason="quality").refused(PlacesNotFilled, selected=1, at_least=2)


@pytest.mark.parametrize(("minimum", "maximum"), [(3, 3), (2, 4)], ids=["just at both bounds", "between them"])
def test_within_the_bounds_of_the_call_it_is_decided(minimum: int, maximum: int) -> None:
    past = bounded(the_recommendation(), minimum, maximum)
    past.when(decide()).then(*decision(rule_position=_rule_at(past)))


def test_the_id_of_any_earlier_decision_is_used() -> None:
    later = DecisionId("D-2")
    past = the_decision().and_(reopened(), *decision(decision_id=later), reopened(later))
    for used in (DECISION, later):
        past.when(decide(decision_id=used)).refused(DecisionIdUsed, decision_id=used)


def vote(attending: int, in_favour: int, against: int = 0) -> Vote:
    left = attending - in_favour - against
    return Vote(entitled=9, attending=attending, in_favour=in_favour, against=against, abstaining=left)


def test_without_its_quorum_the_committee_decides_nothing() -> None:
    refused = the_recommendation().when(decide(vote=vote(6, 6)))
    refused.refused(QuorumNotReached, attending=6, entitled=9, quorum_bp=6_667)


def test_with_just_its_quorum_the_committee_decides() -> None:
    past = the_recommendation().and_(rule(quorum_bp=7_500))
    cast = Vote(entitled=8, attending=6, in_favour=6, against=0, abstaining=0)
    past.when(decide(vote=cast)).then(*decision(vote=cast, rule_position=len(past.log)))
    short = Vote(entitled=8, attending=5, in_favour=5, against=0, abstaining=0)
    past.when(decide(vote=short)).refused(QuorumNotReached, attending=5, entitled=8, quorum_bp=7_500)


@pytest.mark.parametrize(
    ("changes", "cast", "carried"),
    [
        ({}, vote(9, 4), False),
        ({}, vote(9, 5), True),
        ({"threshold_of": "attending"}, vote(8, 4), False),
        ({"threshold_of": "attending", "more_than_threshold": False}, vote(8, 4), True),
        ({"threshold_of": "cast"}, vote(8, 3, 3), False),
        ({"threshold_of": "cast"}, vote(8, 3, 2), True),
        ({"threshold_of": "cast", "threshold_bp": 0, "more_than_threshold": False}, vote(8, 0), False),
        ({"threshold_bp": 6_667, "more_than_threshold": False}, vote(9, 6), False),
        ({"threshold_bp": 6_666, "more_than_threshold": False}, vote(9, 6), True),
    ],
)
def test_a_vote_is_carried_by_the_rules_majority(changes: dict[str, Any], cast: Vote, *, carried: bool) -> None:
    past = the_recommendation().and_(rule(**changes))
    asked = past.when(decide(vote=cast))
    if carried:
        asked.then(*decision(vote=cast, rule_position=len(past.log)))
    else:
        asked.refused(VoteNotCarried, in_favour=cast.in_favour)


def test_votes_add_up() -> None:
    past = the_recommendation()
    past.when(decide(vote=msgspec.structs.replace(VOTE, abstaining=1))).refused(VotesDoNotAddUp, field="vote")
    past.when(decide(vote=msgspec.structs.replace(VOTE, attending=10))).refused(
        MoreAttendThanEntitled, field="vote/attending"
    )


def test_nothing_is_decided_without_recommendation_rule_resolution_or_track() -> None:
    the_ranking().and_(rule()).when(decide()).refused(NotRecommendedYet, track_id=BRANCH_TRACK)
    the_ranking().and_(*recommendation()).when(decide()).refused(SelectionRuleMissing, programme_id=CALL)
    the_recommendation().when(decide(resolution_document_id=ANSWERS)).refused(DocumentUnknown, document_id=ANSWERS)
    the_call().when(decide(track_id=TrackId("none"))).refused(TrackUnknown)


def test_a_track_is_decided_on_once_until_it_is_reopened() -> None:
    the_decision().when(decide(decision_id=DecisionId("D-2"))).refused(AlreadyDecided, decision_id=DECISION)
    past = the_decision().and_(reopened())
    past.when(decide()).refused(DecisionIdUsed, decision_id=DECISION)
    again = past.when(decide(decision_id=DecisionId("D-2")))
    again.then(*decision(decision_id=DecisionId("D-2"), rule_position=_rule_at(past)))


def _rule_at(past: Past) -> int:
    return max(r.position for r in past.log if r.type == "selection.rule_defined.v1")


def test_a_decision_of_another_track_uses_up_its_name() -> None:
    elsewhere = msgspec.structs.replace(decision()[0], track_id=COLLEGE_TRACK)
    the_recommendation().and_(elsewhere).when(decide()).refused(DecisionIdUsed, decision_id=DECISION)


def test_those_recommended_are_decided_on_each_once_and_none_that_withdrew() -> None:
    the_recommendation().when(decide(*choices()[:3])).refused(NotTheRankedOnes, amiss="A-4")
    the_recommendation().and_(withdrawn(FIRST)).when(decide()).refused(WithdrawnNotChosen, application_id=FIRST)


def test_whatever_a_decision_rests_on_is_a_race_when_it_changes() -> None:
    asked = the_recommendation().when(decide())
    other = decision(decision_id=DecisionId("D-9"))
    asked.meanwhile(*recommendation(SWAPPED), rule(quorum_bp=1), *other, withdrawn(SECOND), resolution()).is_raced()


def test_neighbours_do_not_disturb_a_decision() -> None:
    elsewhere: list[Event] = [
        msgspec.structs.replace(each, track_id=COLLEGE_TRACK)
        for each in (*recommendation(), *decision(decision_id=DecisionId("D-9")))
    ]
    the_recommendation().when(decide()).meanwhile(*elsewhere, *ranking(), shown()).is_undisturbed()


# --- reopened ---------------------------------------------------------------------------------------------------------


def reopen(**changes: Any) -> ReopenDecision:
    return ReopenDecision(**({"programme_id": CALL, "track_id": BRANCH_TRACK, "decision_id": DECISION} | changes))


def test_a_decision_is_reopened() -> None:
    the_decision().when(reopen()).then(reopened())


def test_only_the_decision_that_stands_is_reopened() -> None:
    the_recommendation().when(reopen()).refused(DecisionUnknown, decision_id=DECISION)
    the_decision().and_(reopened()).when(reopen()).refused(DecisionUnknown)
    the_decision().when(reopen(decision_id=DecisionId("D-9"))).refused(DecisionUnknown, decision_id="D-9")
    the_decision().when(reopen(track_id=TrackId("none"))).refused(TrackUnknown)


def test_what_hangs_on_a_decision_is_named() -> None:
    past = the_decision().and_(confirmed(SECOND), confirmed(FIRST))
    past.when(reopen()).refused(SelectionStands, confirmed="A-1, A-2")


def test_a_decision_that_is_shown_is_not_reopened_before_it_was_taken_down() -> None:
    past = the_decision().and_(shown())
    past.when(reopen()).refused(PublicityStands, publicity_id=PUBLICITY)
    past.and_(PublicityTakenDown(publicity_id=PUBLICITY, programme_id=CALL)).when(reopen()).then(reopened())
    past.and_(closed()).when(reopen()).then(reopened())


def test_a_publicity_of_others_does_not_hold_up_reopening() -> None:
    the_decision().and_(shown(ApplicationId("A-9"))).when(reopen()).then(reopened())


def test_a_confirmation_or_a_publicity_meanwhile_is_a_race() -> None:
    the_decision().when(reopen()).meanwhile(confirmed(), shown(), closed()).is_raced()
    elsewhere = msgspec.structs.replace(confirmed(), track_id=COLLEGE_TRACK)
    the_decision().when(reopen()).meanwhile(elsewhere, passed()).is_undisturbed()


# --- struck, promoted -------------------------------------------------------------------------------------------------


def strike(application_id: ApplicationId = FIRST) -> StrikeSelection:
    return StrikeSelection(application_id=application_id, ground="objection_upheld")


def test_a_selected_one_or_a_reserve_is_struck() -> None:
    the_decision().when(strike()).then(struck())
    the_decision().when(strike(FOURTH)).then(struck(FOURTH))


def test_only_what_stands_and_is_not_confirmed_is_struck() -> None:
    the_ranking().when(strike()).refused(NothingDecidedYet, application_id=FIRST)
    the_decision().and_(reopened()).when(strike()).refused(NothingDecidedYet)
    the_decision().and_(confirmed()).when(strike()).refused(NotInThisState, state="confirmed")
    the_decision().and_(struck(), promoted()).when(strike()).refused(NotInThisState, state="struck")


def test_what_becomes_of_another_application_does_not_disturb() -> None:
    asked = the_decision().when(strike())
    asked.meanwhile(confirmed(), struck(), turned_back(), promoted(), reopened()).is_raced()
    the_decision().when(strike()).meanwhile(confirmed(SECOND), struck(THIRD), passed()).is_undisturbed()


def promote(application_id: ApplicationId = FOURTH, freed_by: ApplicationId = FIRST) -> PromoteReserve:
    return PromoteReserve(application_id=application_id, freed_by=freed_by)


def test_a_reserve_is_promoted_to_the_place_that_fell_free() -> None:
    the_decision().and_(struck()).when(promote()).then(promoted())
    the_decision().and_(confirmed(), turned_back()).when(promote()).then(promoted())


def test_a_place_is_given_once_and_only_when_it_is_free() -> None:
    the_decision().when(promote()).refused(NoPlaceFree, freed_by=FIRST)
    two = choices("selected", "selected", "reserve", "reserve")
    past = the_decision(two).and_(struck(), promoted(THIRD))
    past.when(promote()).refused(NoPlaceFree, freed_by=FIRST)
    the_decision(two).and_(struck(FOURTH)).when(promote(THIRD, FOURTH)).refused(NoPlaceFree, freed_by=FOURTH)
    the_decision().and_(struck()).when(promote(freed_by=ApplicationId("A-9"))).refused(NoPlaceFree)


def test_the_place_of_one_that_was_promoted_can_fall_free_again() -> None:
    two = choices("selected", "selected", "reserve", "reserve")
    past = the_decision(two).and_(struck(), promoted(THIRD), struck(THIRD))
    past.when(promote(FOURTH, THIRD)).then(promoted(FOURTH, THIRD))


def test_reserves_come_in_their_order_unless_somebody_says_why_not() -> None:
    two = choices("selected", "selected", "reserve", "reserve")
    past = the_decision(two).and_(struck())
    past.when(promote()).refused(ReasonMissing, command="PromoteReserve")
    past.when(promote(), reason="first_declined").then(promoted())
    past.when(promote(THIRD)).then(promoted(THIRD))


def test_only_a_reserve_that_did_not_withdraw_is_promoted() -> None:
    the_decision().and_(struck()).when(promote(SECOND)).refused(NotInThisState, state="selected")
    the_ranking().when(promote()).refused(NothingDecidedYet)
    the_decision().and_(struck(), withdrawn(FOURTH)).when(promote()).refused(WithdrawnNotChosen)


def test_a_promotion_of_another_to_the_same_place_is_a_race() -> None:
    two = choices("selected", "selected", "reserve", "reserve")
    asked = the_decision(two).and_(struck()).when(promote(), reason="first_declined")
    asked.meanwhile(promoted(THIRD), struck(SECOND), decision()[0], withdrawn(FOURTH)).is_raced()
    elsewhere = msgspec.structs.replace(struck(ApplicationId("B-1")), track_id=COLLEGE_TRACK)
    asked.meanwhile(elsewhere, passed(), withdrawn(THIRD)).is_undisturbed()


# --- confirmed, reversed ----------------------------------------------------------------------------------------------


def confirm(application_id: ApplicationId = FIRST, publicity_id: PublicityId = PUBLICITY) -> ConfirmSelection:
    return ConfirmSelection(application_id=application_id, publicity_id=publicity_id)


def the_passed(*applications: ApplicationId) -> Past:
    return the_decision().and_(shown(), closed(), *map(passed, applications or APPLICATIONS[:3]))


def test_what_passed_its_publicity_is_confirmed_from_that_day() -> None:
    the_passed().when(confirm(), now=NEXT_DAY).then(confirmed())


def test_the_period_ends_where_the_call_was_read_to_end_it() -> None:
    ends = date(2022, 6, 30)
    past = the_passed().and_(interpreted("cycle_ends", DateValue(day=ends)))
    past.when(confirm(), now=NEXT_DAY).then(confirmed(last_day=ends))


def test_nothing_is_confirmed_before_its_publicity_has_passed() -> None:
    the_decision().when(confirm()).refused(NotPassedPublicity, application_id=FIRST, publicity_id=PUBLICITY)
    the_decision().and_(shown()).when(confirm()).refused(NotPassedPublicity)
    the_passed(SECOND).when(confirm()).refused(NotPassedPublicity)
    the_passed().when(confirm(publicity_id=PublicityId("PUB-9"))).refused(NotPassedPublicity)


def test_what_passed_before_it_was_decided_on_anew_passes_again() -> None:
    again = decision(decision_id=DecisionId("D-2"))
    the_passed().and_(reopened(), *again).when(confirm()).refused(NotPassedPublicity)
    the_passed().and_(reopened()).when(confirm()).refused(NothingDecidedYet)


def test_a_promoted_reserve_passes_a_publicity_of_its_own() -> None:
    past = the_passed().and_(passed(FOURTH), struck(), promoted())
    past.when(confirm(FOURTH)).refused(NotPassedPublicity)
    past.and_(passed(FOURTH)).when(confirm(FOURTH), now=NEXT_DAY).then(confirmed(FOURTH))


@pytest.mark.parametrize(
    ("follows", "is_open"),
    [
        ([], True),
        ([ObjectionAdmitted], True),
        ([ObjectionAdmitted, ObjectionInvestigated], True),
        ([ObjectionNotAdmitted], False),
        ([ObjectionAdmitted, ObjectionInvestigated, ObjectionDismissed], False),
        ([ObjectionWithdrawn], False),
    ],
)
def test_nothing_is_confirmed_while_an_objection_is_open(follows: list[Any], *, is_open: bool) -> None:
    about: dict[str, Any] = {"objection_id": OBJECTION, **ABOUT}
    more: dict[Any, dict[str, Any]] = {
        ObjectionNotAdmitted: {"ground": "late"},
        ObjectionInvestigated: {"findings_document_id": PAPER},
    }
    past = the_passed().and_(objection(), *(kind(**about, **more.get(kind, {})) for kind in follows))
    asked = past.when(confirm(), now=NEXT_DAY)
    if is_open:
        asked.refused(ObjectionStillOpen, objection_id=OBJECTION, application_id=FIRST)
    else:
        asked.then(confirmed())


def test_what_was_objected_to_with_success_since_it_was_decided_on_is_not_confirmed_by_another_publicity() -> None:
    upheld = ObjectionUpheld(objection_id=OBJECTION, publicity_id=PUBLICITY, application_id=FIRST)
    past = the_passed().and_(objection(), upheld)
    past.when(confirm(), now=NEXT_DAY).refused(ObjectionWasUpheld, objection_id=OBJECTION, application_id=FIRST)
    # The committee that decides anew knows of it.
    anew = past.and_(reopened(), *decision(decision_id=DecisionId("D-2")), shown(), closed(), passed())
    confirmed_anew = type(confirmed())(**(confirmed().as_dict() | {"decision_id": "D-2"}))
    anew.when(confirm(), now=NEXT_DAY).then(confirmed_anew)


def test_an_objection_against_another_does_not_hold_it_up() -> None:
    the_passed().and_(objection(SECOND)).when(confirm(), now=NEXT_DAY).then(confirmed())


def test_only_a_selected_one_that_did_not_withdraw_is_confirmed() -> None:
    the_passed().and_(withdrawn(FIRST)).when(confirm()).refused(WithdrawnNotChosen)
    the_passed().and_(struck()).when(confirm()).refused(NotInThisState, state="struck")
    the_passed().and_(confirmed()).when(confirm()).refused(NotInThisState, state="confirmed")
    the_decision().and_(passed(FOURTH)).when(confirm(FOURTH)).refused(NotInThisState, state="reserve")


def test_an_objection_or_a_reopening_meanwhile_is_a_race() -> None:
    asked = the_passed().when(confirm())
    asked.meanwhile(objection(), reopened(), struck(), passed(), withdrawn(FIRST), interpreted()).is_raced()
    asked.meanwhile(objection(SECOND), struck(SECOND), passed(SECOND), confirmed(SECOND)).is_undisturbed()
