"""Several applications become one project before their track is decided, and are apart again where that was amiss."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from domain.application.commands import WithdrawApplication
from domain.eligibility.commands import JudgeEligibility
from domain.evaluation.commands import IssueSecretaryDossier
from domain.evaluation.events import SecretaryDossierIssued, UnitDossierIssued
from domain.funding.events import FundsFrozen
from domain.ids import ApplicationId, AppointmentId, LeadApplicationId, ProgrammeId, UnitId
from domain.kernel import Event
from domain.permission.policy import ReasonMissing
from domain.person.events import Appointed, PersonRegistered
from domain.programme.events import HoldsTitle, NoBar, NoEarlierOutcome, Test
from domain.programme.policy import TrackUnknown
from domain.selection.case import AlreadyDecided, VetoedNotChosen, WithdrawnNotChosen
from domain.selection.commands import DecideSelection, NotTheRankedOnes, PlacesExceeded
from domain.selection.events import ApplicationJoined, ApplicationSeparated, CommitteeDecided
from domain.selection.joining import JoinApplications, NobodyToJoin, NotJoined, NotRecommended, SeparateApplications
from domain.selection.policy import Choice, PartOfProject
from projections.kernel import View, fold_all
from projections.roster import ROSTER
from projections.selection import PARTNER, SELECTION
from tests.call import (
    BRANCH,
    BRANCH_TRACK,
    CALL,
    CLERK,
    COLLEGE_TRACK,
    MINE,
    started,
    the_file,
    the_filed,
    unit,
    withdrawn,
)
from tests.committee import (
    APPLICATIONS,
    DECISION,
    FIRST,
    FOURTH,
    RESOLUTION,
    SECOND,
    THIRD,
    VOTE,
    branch,
    choices,
    confirmed,
    decision,
    ranked,
    recommendation,
    reopened,
    shown,
    the_decision,
    the_ranking,
    the_recommendation,
)
from tests.consequences import SECRETARY, against, assessed, completed, conferred, measured
from tests.running import merged
from tests.spec import Past, at, given
from tests.test_eligibility_consequences import asks, judged_in
from tests.test_evaluation import BOTH, DOSSIER, IN_2022, MONEY, OVERDUE, issue
from tests.test_selection import bounded

WHERE: dict[str, Any] = {"programme_id": CALL, "track_id": BRANCH_TRACK}


def join(*joined: ApplicationId, lead: ApplicationId = FIRST) -> JoinApplications:
    return JoinApplications(**WHERE, lead_application_id=lead, application_ids=joined)


def separate(*joined: ApplicationId) -> SeparateApplications:
    return SeparateApplications(**WHERE, application_ids=joined)


def _body(application_id: ApplicationId, lead: ApplicationId) -> dict[str, Any]:
    named = {"application_id": application_id, "unit_id": branch(application_id)}
    return WHERE | named | {"lead_application_id": LeadApplicationId(lead)}


def joined(application_id: ApplicationId = FOURTH, lead: ApplicationId = FIRST, **changes: Any) -> ApplicationJoined:
    return ApplicationJoined(**(_body(application_id, lead) | changes))


def separated(application_id: ApplicationId = FOURTH, lead: ApplicationId = FIRST) -> ApplicationSeparated:
    return ApplicationSeparated(**_body(application_id, lead))


# --- joined -----------------------------------------------------------------------------------------------------------


def test_applications_are_joined_to_the_one_that_leads_their_project() -> None:
    past = the_recommendation()
    past.when(join(FOURTH), reason="same_building").then(joined(FOURTH))
    past.when(join(THIRD, FOURTH), reason="same_building").then(joined(THIRD), joined(FOURTH))
    past.and_(joined(FOURTH)).when(join(THIRD), reason="one_more").then(joined(THIRD))


@pytest.mark.parametrize(
    ("named", "amiss"), [((), ""), ((FIRST,), FIRST), ((FOURTH, FOURTH), FOURTH)], ids=["none", "itself", "twice"]
)
def test_a_project_is_made_of_its_lead_and_of_others(named: tuple[ApplicationId, ...], amiss: str) -> None:
    the_recommendation().when(join(*named), reason="r").refused(NobodyToJoin, amiss=amiss)


def test_only_what_was_recommended_and_neither_vetoed_nor_withdrawn_is_part_of_a_project() -> None:
    the_ranking().when(join(FOURTH), reason="r").refused(NotRecommended, application_id=FIRST)
    unknown = ApplicationId("A-9")
    the_recommendation().when(join(unknown), reason="r").refused(NotRecommended, application_id=unknown)
    vetoed = the_ranking((1, 2, 3, None)).and_(*recommendation(choices(*("selected",) * 3, "not_selected")))
    vetoed.when(join(FOURTH), reason="r").refused(VetoedNotChosen, application_id=FOURTH)
    vetoed.and_(ranked(FOURTH, 4)).when(join(FOURTH), reason="r").then(joined())
    for gone in (FIRST, FOURTH):
        past = the_recommendation().and_(withdrawn(gone))
        past.when(join(FOURTH), reason="r").refused(WithdrawnNotChosen, application_id=gone)


def test_who_is_joined_leads_nobody_and_is_joined_once() -> None:
    past = the_recommendation().and_(joined(FOURTH, FIRST))
    past.when(join(FOURTH, lead=SECOND), reason="r").refused(PartOfProject, lead_application_id=FIRST)
    past.when(join(FIRST, lead=SECOND), reason="r").refused(PartOfProject, application_id=FIRST)
    past.when(join(SECOND, lead=FOURTH), reason="r").refused(PartOfProject, application_id=FOURTH)


def test_what_is_decided_is_neither_joined_nor_separated_until_it_is_reopened() -> None:
    the_decision().when(join(FOURTH), reason="r").refused(AlreadyDecided, decision_id=DECISION)
    the_decision().and_(joined()).when(separate(FOURTH), reason="r").refused(AlreadyDecided)
    the_decision().and_(reopened()).when(join(FOURTH), reason="r").then(joined())
    elsewhere = JoinApplications(
        programme_id=ProgrammeId("none"), track_id=BRANCH_TRACK, lead_application_id=FIRST, application_ids=(FOURTH,)
    )
    the_recommendation().when(elsewhere, reason="r").refused(TrackUnknown)
    away = SeparateApplications(programme_id=ProgrammeId("none"), track_id=BRANCH_TRACK, application_ids=(FOURTH,))
    the_recommendation().when(away, reason="r").refused(TrackUnknown)


def test_what_was_joined_is_separated_again_and_may_be_joined_to_another() -> None:
    past = the_recommendation().and_(joined(THIRD), joined(FOURTH))
    past.when(separate(FOURTH, THIRD, FOURTH), reason="r").then(separated(FOURTH), separated(THIRD))
    past.and_(separated(FOURTH)).when(join(FOURTH, lead=SECOND), reason="r").then(joined(FOURTH, SECOND))
    for alone in (FIRST, SECOND):
        past.when(separate(alone), reason="r").refused(NotJoined, application_id=alone)


def test_what_changes_a_project_meanwhile_is_a_race_and_another_track_is_not() -> None:
    for command in (join(FOURTH), separate(THIRD)):
        asked = the_recommendation().and_(joined(THIRD)).when(command, reason="r")
        asked.meanwhile(joined(SECOND), separated(THIRD), *decision(), withdrawn(FOURTH)).is_raced()
        elsewhere = [msgspec.structs.replace(each, track_id=COLLEGE_TRACK) for each in (joined(), *decision())]
        asked.meanwhile(*elsewhere).is_undisturbed()
    asked = the_recommendation().when(join(FOURTH), reason="r")
    asked.meanwhile(*recommendation(), ranked(FOURTH, None)).is_raced()


# --- decided ----------------------------------------------------------------------------------------------------------


def decide(*picked: Choice) -> DecideSelection:
    return DecideSelection(**WHERE, decision_id=DECISION, vote=VOTE, choices=picked, resolution_document_id=RESOLUTION)


def test_a_joint_project_goes_by_its_lead_and_takes_one_place() -> None:
    picked = choices("selected", "selected", "selected", order=(FIRST, SECOND, THIRD))
    past = the_recommendation().and_(joined(FOURTH, FIRST))
    past.when(decide(*picked)).then(*decision(picked, rule_position=past.log[-2].position))
    named = choices("selected", "selected", "selected", "selected")
    past.when(decide(*named)).refused(PartOfProject, application_id=FOURTH, lead_application_id=FIRST)
    past.when(decide(*picked[:2])).refused(NotTheRankedOnes, amiss=THIRD)


def test_four_units_take_two_places_of_a_track_that_has_no_more() -> None:
    four = choices("selected", "selected", "selected", "selected")
    past = bounded(the_recommendation(four), 1, 2)
    past.when(decide(*four), reason="r").refused(PlacesExceeded, selected=4, at_most=2)
    two = choices("selected", "selected", order=(FIRST, THIRD))
    decided = past.and_(joined(SECOND, FIRST), joined(FOURTH, THIRD)).when(decide(*two), reason="two_of_three").command
    decided.execute()
    (told, *cases) = (tagged.decision for tagged in decided.collect_events())
    assert isinstance(told, CommitteeDecided)
    assert (told.selected, told.places, len(cases)) == (2, 3, 2)


def test_joining_alone_departs_from_no_recommendation_and_another_order_does() -> None:
    as_recommended = choices("selected", "selected", "reserve", order=(SECOND, THIRD, FOURTH))
    past = bounded(the_recommendation(), 1, 3).and_(joined(FIRST, SECOND))
    past.when(decide(*as_recommended), reason="two_of_three").then(
        *decision(as_recommended, rule_position=_rule_at(past))
    )
    turned = choices("selected", "selected", "selected", order=(THIRD, SECOND, FOURTH))
    past.when(decide(*turned)).refused(ReasonMissing)


def _rule_at(past: Past) -> int:
    return max(r.position for r in past.log if r.type == "selection.rule_defined.v1")


def test_a_joining_meanwhile_is_a_race_for_the_decision() -> None:
    asked = the_recommendation().and_(joined(THIRD)).when(decide(*choices()))
    asked.meanwhile(joined(FOURTH), separated(THIRD)).is_raced()


def test_what_is_part_of_a_project_is_separated_before_it_is_withdrawn() -> None:
    command = WithdrawApplication(application_id=MINE)
    for project, lead in ((joined(MINE, SECOND), SECOND), (joined(SECOND, MINE), MINE)):
        past = the_filed().and_(project)
        past.when(command, reason="r").refused(PartOfProject, application_id=MINE, lead_application_id=lead)
        the_filed().when(command, reason="r").meanwhile(project).is_raced()
    the_filed().when(command, reason="r").meanwhile(joined(THIRD, SECOND)).is_undisturbed()


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_the_lists_say_who_was_joined_to_whom_until_it_is_separated() -> None:
    files = the_ranking().and_(*(started(each, branch(each)) for each in APPLICATIONS)).and_(*recommendation())
    views: tuple[View[Any], ...] = (ROSTER, SELECTION)
    for view in views:
        assert fold_all(view, files.and_(joined()).log)[FOURTH,].joined_to == FIRST
        assert fold_all(view, files.and_(joined(), separated()).log)[FOURTH,].joined_to is None


def test_partners_are_known_once_their_project_was_shown_or_confirmed_and_follow_a_merger() -> None:
    def row(*events: Event) -> Any:
        return fold_all(PARTNER, the_recommendation().and_(joined(), *events).log).get((FOURTH,))

    assert PARTNER.is_open is not None
    assert (row().application_id, row().unit_id, PARTNER.is_open(row())) == (FIRST, "BR-4", False)
    assert row(separated()) is None
    for told, known in (
        (shown(FIRST), True),
        (confirmed(FIRST), True),
        (shown(SECOND), False),
        (confirmed(SECOND), False),
    ):
        assert PARTNER.is_open(row(told)) is known
    after = row(confirmed(FIRST), merged("BR-4", "BR-9"))
    assert (after.unit_id, after.joined_unit_id, after.known) == ("BR-9", "BR-4", True)


# --- what follows the units of a project ------------------------------------------------------------------------------

THEN = at("2018-06-30 10:00")
LEAD, OTHERS = ApplicationId("OLD-1"), ApplicationId("OLD-2")
OLD = ProgrammeId("call-of-2018")
OF_LEAD: dict[str, Any] = {"application_id": LEAD, "programme_id": OLD, "unit_id": UnitId("BR-LEAD")}
TOGETHER = joined(OTHERS, LEAD, programme_id=OLD, unit_id=BRANCH)
HELD = HoldsTitle(titles=("model_branch",))
NOT_FAILED = NoEarlierOutcome(outcomes=("not_met",))
NO_BAR = NoBar(reach=("unit",))


def bar(**changes: Any) -> Event:
    about = against(LEAD, "BR-LEAD") | {"programme_id": OLD}
    return measured("bar", from_on=at("2018-07-01 00:00").date(), **(about | changes))


@pytest.mark.parametrize(
    ("test", "fact", "alone", "together"),
    [
        (HELD, conferred(**OF_LEAD, conferred_on=THEN.date()), "not_met", "met"),
        (NOT_FAILED, assessed("no_completion", outcome="not_met", **OF_LEAD), "met", "not_met"),
        (NO_BAR, bar(), "met", "not_met"),
        (NO_BAR, bar(application_id=None), "met", "met"),
        (NO_BAR, bar(concerned="parent"), "met", "met"),
    ],
    ids=["a title", "an outcome", "a bar", "a bar of the leading unit itself", "a bar of its parent"],
)
def test_what_a_project_came_to_follows_each_of_its_units(test: Test, fact: Event, alone: str, together: str) -> None:
    def outcome(*facts: Event) -> str:
        past = the_file().and_(asks(test)).and_(*facts, when=THEN)
        return next(found.outcome for found in judged_in(past).findings if found.rule == "asked")

    assert outcome(fact) == alone
    assert outcome(TOGETHER, fact) == together
    assert outcome(TOGETHER, separated_old(), fact) == alone


def separated_old() -> Event:
    return ApplicationSeparated(**TOGETHER.as_dict())


def test_a_bar_of_a_project_meanwhile_is_a_race_for_its_partners() -> None:
    past = the_file().and_(asks(NO_BAR)).and_(TOGETHER, when=THEN)
    asked = past.when(JudgeEligibility(application_id=MINE), by=CLERK)
    asked.meanwhile(bar()).is_raced()
    asked.meanwhile(conferred(**OF_LEAD), bar(application_id=ApplicationId("OLD-9"))).is_undisturbed()


# --- the dossiers of its units ----------------------------------------------------------------------------------------

OF_FIRST = joined(SECOND, FIRST)
FROZEN = FundsFrozen(**MONEY, stage="allocated", ground="rectification")
CAME_TO = (assessed("complete", "title"), completed(), conferred())
LEADS_ALONE = (measured("circular"), FROZEN, OVERDUE)


def dossier_of(unit_id: str, *facts: Event) -> list[tuple[str, str]]:
    """The lines of a unit's dossier of 2022: area and what it was."""
    houses = [unit(each, "branch", "COL") for each in ("BR-1", "BR-2", "BR-3")]
    past = given(*houses).and_(*facts, when=IN_2022)
    command = past.when(issue(unit_id=UnitId(unit_id)), now=at("2023-02-01 10:00")).command
    command.execute()
    (body,) = (tagged.decision for tagged in command.collect_events())
    assert isinstance(body, UnitDossierIssued)
    return [(line.area, line.what) for line in body.lines]


def test_outcome_and_title_of_a_project_are_told_of_each_of_its_units_and_its_money_of_the_one_that_leads() -> None:
    both = [("outcome", "acceptance"), ("outcome", "completed"), ("title", "conferred")]
    facts = (OF_FIRST, *CAME_TO, *LEADS_ALONE)
    assert dossier_of("BR-2", *facts) == both
    assert dossier_of("BR-3", *facts) == []
    assert dossier_of("BR-1", *facts)[:3] == both
    assert len(dossier_of("BR-1", *facts)) > len(both)
    assert dossier_of("BR-2", OF_FIRST, separated(SECOND, FIRST), *CAME_TO) == []


def test_the_secretary_of_a_partner_is_told_what_the_project_came_to() -> None:
    office = Appointed(
        appointment_id=AppointmentId("a-9"), person_id=SECRETARY, role="secretary", unit_id=UnitId("BR-2"),
        first_day=date(2020, 1, 1),
    )  # fmt: skip
    person = PersonRegistered(person_id=SECRETARY, commitment="7" * 64)
    past = given(person, office).and_(OF_FIRST, *CAME_TO, when=IN_2022)
    asked = IssueSecretaryDossier(dossier_id=DOSSIER, person_id=SECRETARY, year=2022, uses=BOTH)
    command = past.when(asked, now=at("2023-02-01 10:00")).command
    command.execute()
    (body,) = (tagged.decision for tagged in command.collect_events())
    assert isinstance(body, SecretaryDossierIssued)
    assert [line.what for line in body.lines] == ["acceptance", "completed", "conferred"]


def test_what_a_project_comes_to_meanwhile_is_a_race_for_the_dossiers_of_its_partners() -> None:
    past = given(unit("BR-2", "branch", "COL")).and_(OF_FIRST, when=IN_2022)
    asked = past.when(issue(unit_id=UnitId("BR-2")), now=at("2023-02-01 10:00"))
    asked.meanwhile(*CAME_TO, separated(SECOND, FIRST)).is_raced()
    asked.meanwhile(measured("circular"), FROZEN).is_undisturbed()
