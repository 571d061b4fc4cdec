"""What waits for the office from the closed scoring to the withdrawn posting: it appears, and goes when it is done."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from domain.application.events import ApplicationWithdrawn
from domain.ids import ApplicationId, DocumentId, ObjectionId, ObligationId, PublicityId, TrackId
from domain.kernel import Event, Recorded
from domain.obligation.events import ObligationReminded
from domain.person.events import Role
from domain.publicity.events import (
    ObjectionAdmitted,
    ObjectionDismissed,
    ObjectionInvestigated,
    ObjectionNotAdmitted,
    ObjectionUpheld,
    ObjectionWithdrawn,
    PostingWithdrawn,
    PublicityApproved,
    PublicityPrepared,
    PublicityTakenDown,
)
from domain.publicity.policy import digest_of
from projections.judging import JUDGING, waiting_in_office
from projections.kernel import fold_all
from tests.call import BRANCH_TRACK, CALL, COLLEGE_TRACK
from tests.committee import (
    APPLICATIONS,
    CLOSES,
    FIRST,
    FOURTH,
    LAST_DAY,
    OBJECTION,
    PUBLICITY,
    SECOND,
    THIRD,
    branch,
    choices,
    closed,
    confirmed,
    decision,
    entries,
    objection,
    passed,
    promoted,
    ranking,
    recommendation,
    reopened,
    shown,
    struck,
    turned_back,
)
from tests.panel import PANEL, admitted, constituted, scoring, stage
from tests.panel import closed as scoring_closed
from tests.panel import ranking as panel_ranking
from tests.running import midterm
from tests.spec import NOON, SOMEBODY, recorded

ELSE, THIRD_PERSON = "p-else", "p-third"
TRACK = f"{CALL}/{BRANCH_TRACK}"
OTHER = PublicityId("PUB-2")
HEAD, CLERK, SUPERVISOR = "head", "clerk", "supervisor"
OFFICE: tuple[Role, ...] = ("head", "clerk", "supervisor")


def past(*events: Told) -> list[Recorded]:
    """The events an hour apart; one that is paired with a person was that person's."""
    log = []
    for n, each in enumerate(events, 1):
        event, by = each if isinstance(each, tuple) else (each, SOMEBODY)
        log.append(recorded(n, event, by=by, when=NOON + timedelta(hours=n)))
    return log


Told = Event | tuple[Event, str]


def tasks(
    *events: Told,
    roles: Collection[Role] = OFFICE,
    by: str = ELSE,
    barred: Collection[ApplicationId] = (),
) -> dict[str, str]:
    """What waits, about what, for somebody who holds these offices."""
    found = waiting_in_office(fold_all(JUDGING, past(*events)).values(), roles, by, barred)
    return {task.task: task.subject_id for task in found}


def prepared(*applications: ApplicationId, publicity_id: PublicityId = PUBLICITY) -> PublicityPrepared:
    listed = entries(*applications)
    return PublicityPrepared(
        publicity_id=publicity_id, programme_id=CALL, matter="selection", rule_position=1, list_position=2,
        list_digest=digest_of(listed), entries=listed,
    )  # fmt: skip


def approved(publicity_id: PublicityId = PUBLICITY) -> PublicityApproved:
    return PublicityApproved(
        publicity_id=publicity_id, programme_id=CALL, list_digest="1" * 64, checks=("secrecy", "personal_data")
    )


def taken_down(publicity_id: PublicityId = PUBLICITY) -> PublicityTakenDown:
    return PublicityTakenDown(publicity_id=publicity_id, programme_id=CALL)


def off_the_board() -> PostingWithdrawn:
    return PostingWithdrawn(publicity_id=PUBLICITY, programme_id=CALL)


def withdrawn(application: ApplicationId, track: TrackId = BRANCH_TRACK) -> ApplicationWithdrawn:
    return ApplicationWithdrawn(
        application_id=application, programme_id=CALL, track_id=track, unit_id=branch(application)
    )


# --- ranking, recommendation, decision --------------------------------------------------------------------------------

SCORED = (constituted(), scoring(), admitted(), scoring_closed())


def test_a_panel_that_has_scored_waits_for_its_ranking() -> None:
    assert tasks(*SCORED[:3]) == {}
    assert tasks(*SCORED) == {"rank": PANEL}
    assert tasks(*SCORED, roles=["head"]) == {}
    assert tasks(*SCORED, panel_ranking()) == {"recommend": TRACK}


def test_a_panel_of_two_tracks_waits_until_both_are_ranked() -> None:
    both = (constituted(), scoring(), admitted(), admitted(ApplicationId("A-9"), track=COLLEGE_TRACK), scoring_closed())
    assert tasks(*both, panel_ranking())["rank"] == PANEL


def test_a_ranking_waits_to_be_recommended_on_and_that_to_be_decided_on() -> None:
    assert tasks(*ranking()) == {"recommend": TRACK}
    assert tasks(*ranking(), roles=["head", "supervisor"]) == {}
    assert tasks(*ranking(), *recommendation()) == {"decide_selection": TRACK}
    assert tasks(*ranking(), *recommendation(), roles=["clerk"]) == {}
    assert tasks(*ranking(), *recommendation(), *ranking()) == {"decide_selection": TRACK}
    assert tasks(*ranking(), *recommendation(), *decision()) == {"prepare_publicity": TRACK}
    assert tasks(*ranking(), *recommendation(), *decision(), *ranking()) == {"prepare_publicity": TRACK}


def test_an_earlier_stage_s_ranking_recommends_nobody() -> None:
    first, last = stage("expert_review", order=1), stage("interview", order=2)
    assert tasks(first, last, *ranking()) == {}
    assert tasks(last, first, *ranking()) == {}
    assert tasks(first, *ranking()) == {"recommend": TRACK}
    elsewhere = stage("interview", order=2, track_ids=(COLLEGE_TRACK,))
    assert tasks(first, elsewhere, *ranking()) == {"recommend": TRACK}
    # Defined anew without the track, the later stage is not one that the track goes through.
    assert tasks(first, last, elsewhere, *ranking()) == {"recommend": TRACK}


def test_a_decision_that_was_reopened_waits_to_be_taken_anew_and_nothing_is_left_of_it() -> None:
    decided = (*ranking(), *recommendation(), *decision())
    assert tasks(*decided, reopened()) == {"decide_selection": TRACK}
    assert tasks(*decided, prepared(), reopened()) == {"decide_selection": TRACK}
    assert tasks(*decided, struck(), reopened()) == {"decide_selection": TRACK}
    assert tasks(*decided, reopened(), *decision()) == {"prepare_publicity": TRACK}


def test_a_decision_of_another_track_is_no_business_of_this_one() -> None:
    other = reopened()
    elsewhere = type(other)(**(other.as_dict() | {"track_id": COLLEGE_TRACK}))
    assert tasks(*ranking(), *recommendation(), *decision(), elsewhere) == {"prepare_publicity": TRACK}


# --- publicity --------------------------------------------------------------------------------------------------------

DECIDED = decision()


def test_a_publicity_is_prepared_approved_by_another_opened_and_its_posting_withdrawn_at_last() -> None:
    made: tuple[Told, ...] = (*DECIDED, (prepared(), SOMEBODY))
    assert tasks(*made, by=ELSE) == {"approve_publicity": PUBLICITY}
    assert tasks(*made, by=SOMEBODY) == {}
    assert tasks(*made, roles=["clerk"]) == {}
    assert tasks(*made, approved(), by=SOMEBODY) == {"open_publicity": PUBLICITY}
    assert tasks(*made, approved(), roles=["supervisor"]) == {}
    on_the_wall = (*made, approved(), shown())
    assert tasks(*on_the_wall) == {}
    over = (*on_the_wall, closed(), passed(), confirmed())
    assert tasks(*over) == {"withdraw_posting": PUBLICITY}
    assert tasks(*over, roles=["head"]) == {}
    assert tasks(*over, off_the_board()) == {}


def test_where_nobody_is_selected_there_is_nothing_to_show() -> None:
    assert tasks(*decision(choices("reserve", "reserve", "not_selected", "not_selected"))) == {}


@pytest.mark.parametrize("until", [1, 2])
@pytest.mark.parametrize("change", [struck(), withdrawn(SECOND), reopened()], ids=lambda change: change.TOPIC)
def test_a_list_that_is_outdated_is_neither_approved_nor_opened_any_more(change: Event, until: int) -> None:
    made = (prepared(), approved())[:until]
    assert tasks(*DECIDED, *made)
    found = tasks(*DECIDED, *made, change)
    assert not {"approve_publicity", "open_publicity"} & found.keys()
    assert ("prepare_publicity" in found) == (change != reopened())


def test_an_outdated_list_that_is_approved_all_the_same_is_not_to_be_opened() -> None:
    assert "open_publicity" not in tasks(*DECIDED, prepared(), struck(), approved())


def test_a_list_that_another_list_replaced_is_not_to_be_approved() -> None:
    twice = (*DECIDED, prepared(), prepared(publicity_id=OTHER))
    assert tasks(*twice) == {"approve_publicity": OTHER}
    assert tasks(*twice, approved(OTHER), shown(publicity_id=OTHER)) == {}


def test_what_does_not_concern_the_list_leaves_it_be() -> None:
    made = (*DECIDED, prepared())
    assert tasks(*made, struck(FOURTH)) == {"approve_publicity": PUBLICITY}
    assert tasks(*made, withdrawn(ApplicationId("A-77"))) == {"approve_publicity": PUBLICITY}


def test_what_was_taken_down_is_to_be_shown_anew_unless_it_was_struck() -> None:
    down = (*DECIDED, prepared(), approved(), shown(), taken_down())
    assert tasks(*down) == {"withdraw_posting": PUBLICITY, "prepare_publicity": TRACK}
    again = (*down, prepared(publicity_id=OTHER))
    assert tasks(*again) == {"withdraw_posting": PUBLICITY, "approve_publicity": OTHER}
    gone = (*DECIDED, shown(FIRST), struck(FIRST), taken_down())
    rest = tasks(*gone, shown(SECOND, THIRD, publicity_id=OTHER))
    assert "prepare_publicity" not in rest
    assert "prepare_publicity" not in tasks(*DECIDED, shown(), closed())


# --- reserves ---------------------------------------------------------------------------------------------------------


def test_a_place_that_fell_free_waits_for_a_reserve() -> None:
    on_the_wall = (*DECIDED, shown(), closed())
    assert "promote_reserve" not in tasks(*on_the_wall)
    assert tasks(*on_the_wall, struck())["promote_reserve"] == TRACK
    assert "promote_reserve" not in tasks(*on_the_wall, struck(), roles=["clerk"])
    assert tasks(*on_the_wall, confirmed(), turned_back())["promote_reserve"] == TRACK
    done = tasks(*on_the_wall, struck(), promoted())
    assert "promote_reserve" not in done
    assert done["prepare_publicity"] == TRACK


@pytest.mark.parametrize("gone", [(struck(FOURTH),), (withdrawn(FOURTH),), (withdrawn(FOURTH), struck(FOURTH))])
def test_without_a_reserve_left_nothing_waits_and_a_reserve_leaves_no_place(gone: tuple[Event, ...]) -> None:
    assert "promote_reserve" not in tasks(*DECIDED, struck(), *gone)
    assert "promote_reserve" not in tasks(*DECIDED, *gone, struck())
    two = decision(choices("selected", "selected", "reserve", "reserve"))
    assert "promote_reserve" not in tasks(*two, *gone)


def test_who_was_promoted_leaves_a_place_when_struck() -> None:
    two = decision(choices("selected", "selected", "reserve", "reserve"))
    once = (*two, struck(), promoted(THIRD))
    assert "promote_reserve" not in tasks(*once)
    assert "promote_reserve" in tasks(*once, struck(THIRD))


# --- objections -------------------------------------------------------------------------------------------------------

ABOUT: dict[str, Any] = {"objection_id": OBJECTION, "publicity_id": PUBLICITY, "application_id": FIRST}


def test_an_objection_is_admitted_investigated_by_one_and_decided_by_another() -> None:
    received, admitted_one = objection(), ObjectionAdmitted(**ABOUT)
    found = ObjectionInvestigated(**ABOUT, findings_document_id=DocumentId("f" * 64))
    for role in OFFICE:
        assert tasks(received, roles=[role]) == {"admit_objection": OBJECTION}
    assert tasks(received, roles=["auditor"]) == {}
    assert tasks(received, admitted_one) == {"investigate_objection": OBJECTION}
    assert tasks(received, admitted_one, roles=["head", "clerk"]) == {}
    decided: tuple[Told, ...] = (received, admitted_one, (found, THIRD_PERSON))
    assert tasks(*decided, roles=["head"]) == {"decide_objection": OBJECTION}
    assert tasks(*decided, by=THIRD_PERSON) == {}
    for answer in (ObjectionUpheld, ObjectionDismissed, ObjectionWithdrawn):
        assert tasks(*decided, answer(**ABOUT)) == {}
    assert tasks(received, ObjectionNotAdmitted(**ABOUT, ground="late")) == {}


def test_an_objection_is_due_by_its_day_and_says_when_it_was_reminded_of() -> None:
    body = objection().as_dict() | {"due_at": CLOSES, "due_day": LAST_DAY}
    dated = type(objection())(**body)
    mind = ObligationReminded(
        obligation_id=ObligationId("objection_decision-1"), kind="objection_decision", programme_id=CALL,
        objection_id=OBJECTION, due_at=CLOSES, last_day=LAST_DAY,
    )  # fmt: skip
    of_another = ObligationReminded(
        obligation_id=ObligationId("correction-1"), kind="correction", programme_id=CALL, due_at=CLOSES,
        last_day=LAST_DAY,
    )  # fmt: skip

    def one(*events: Event) -> tuple[datetime | None, date | None, datetime | None, str]:
        (task,) = waiting_in_office(fold_all(JUDGING, past(*events)).values(), ["clerk"], ELSE)
        return task.due_at, task.last_day, task.reminded_at, task.application_id

    assert one(dated) == (CLOSES, LAST_DAY, None, FIRST)
    assert one(dated, of_another) == (CLOSES, LAST_DAY, None, FIRST)
    assert one(dated, mind) == (CLOSES, LAST_DAY, NOON + timedelta(hours=2), FIRST)


# --- who is recused ---------------------------------------------------------------------------------------------------


def test_what_somebody_is_recused_from_waits_for_others() -> None:
    assert tasks(objection(), barred={FIRST}) == {}
    assert tasks(objection(SECOND, ObjectionId("OBJ-2")), barred={FIRST}) == {"admit_objection": "OBJ-2"}
    assert tasks(*DECIDED, prepared(), barred={FIRST}) == {}
    assert tasks(*DECIDED, prepared(SECOND), barred={FIRST})["approve_publicity"] == PUBLICITY
    assert tasks(*DECIDED, barred={FIRST}) == {"prepare_publicity": TRACK}
    assert tasks(*DECIDED, barred=APPLICATIONS) == {}
    assert "promote_reserve" not in tasks(*DECIDED, struck(), barred={FIRST})
    assert "promote_reserve" not in tasks(*DECIDED, struck(), barred={FOURTH})
    assert "promote_reserve" in tasks(*DECIDED, struck(), barred={SECOND})


def test_a_task_waits_since_it_came_up_whatever_happens_beside_it() -> None:
    events = (*ranking(), *recommendation())
    rows = [fold_all(JUDGING, past(*events[:n])) for n in range(5, 10)]
    since = [each["track", TRACK].since for each in rows]
    assert since == [NOON + timedelta(hours=n) for n in (5, 6, 6, 6, 6)]


def test_the_ranking_of_an_assessments_panel_waits_for_no_recommendation() -> None:
    visits = stage("site_visit", order=2)
    serves = midterm(stage="site_visit")
    assert tasks(stage(), visits, panel_ranking()) == {}, "another stage is to follow"
    assert tasks(stage(), visits, serves, panel_ranking()) == {"recommend": TRACK}
    assert tasks(stage(), visits, serves, visits, panel_ranking()) == {"recommend": TRACK}
    assert tasks(stage(), visits, serves, panel_ranking(name="site_visit")) == {}
    assert tasks(stage(), midterm(), panel_ranking()) == {"recommend": TRACK}
