"""The publicity of an acceptance: the cases that are to be completed, or were placed by the panel of an acceptance."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from domain.ids import ApplicationId, CalendarYear, PanelId, PublicityId, UnitId
from domain.kernel import Event
from domain.publicity.commands import (
    ListOutdated,
    NothingToShow,
    NotToBeShown,
    OpenPublicity,
    PreparePublicity,
    PublicityRuleMissing,
)
from domain.publicity.events import (
    EntryPassed,
    PublicityApproved,
    PublicityPrepared,
    PublicityRuleDefined,
    ShownEntry,
)
from domain.publicity.policy import digest_of
from domain.review.events import RankingRecorded
from tests.call import BRANCH_TRACK, CALL, COLLEGE_TRACK
from tests.committee import (
    FIRST,
    PUBLICITY,
    SECOND,
    branch,
    confirmed,
    decision,
    ranked,
    struck,
    the_decision,
    turned_back,
)
from tests.running import (
    AFTER,
    DEFERRED,
    MET,
    NOT_MET,
    acceptance,
    book_filed,
    completed,
    judged,
    midterm,
    ordered,
    stopped,
    succeeded,
    the_running,
)
from tests.spec import ANOTHER, INSTITUTION, Past, at
from tests.test_publicity import calendar

PANEL, SITE = PanelId("PANEL-9"), "site_visit"
THIRD = ApplicationId("A-3")
CASES = (FIRST, SECOND, THIRD)
OPENS = at("2022-06-20 09:00")


def rule(matter: Any = "acceptance") -> PublicityRuleDefined:
    return PublicityRuleDefined(
        programme_id=CALL, matter=matter, window_days=5, day_rule="working", count_first_day=True,
        identities=("named",), channels=("written",),
    )  # fmt: skip


def found(application_id: ApplicationId, rank: int | None) -> Event:
    return replace(ranked(application_id, rank), panel_id=PANEL)


def recorded(stage: str = SITE) -> RankingRecorded:
    return RankingRecorded(
        panel_id=PANEL, programme_id=CALL, stage=stage, track_id=BRANCH_TRACK, stage_position=1, applications=3,
        sheets=9, digest="9" * 64,
    )  # fmt: skip


def the_accepting(*events: Event) -> Past:
    """Three cases run, acceptance rests on a stage of its own and is publicised."""
    return the_running().and_(confirmed(SECOND), confirmed(THIRD), rule(), acceptance(stage=SITE), *events)


RANKS = (found(FIRST, 2), found(SECOND, 1), found(THIRD, None), recorded())


def of(application_id: ApplicationId, event: Any) -> Any:
    return replace(event, application_id=application_id, unit_id=branch(application_id))


def prepare(*only: ApplicationId, **changes: Any) -> PreparePublicity:
    fields: dict[str, Any] = {
        "publicity_id": PUBLICITY, "programme_id": CALL, "track_ids": (BRANCH_TRACK,), "matter": "acceptance",
        "application_ids": only or None,
    }  # fmt: skip
    return PreparePublicity(**(fields | changes))


def position(past: Past, kind: str) -> int:
    return max(r.position for r in past.log if r.type == kind)


def prepared(past: Past, *shown: ApplicationId, by: int, units: tuple[str, ...] = ()) -> PublicityPrepared:
    bearers = units or tuple(branch(each) for each in shown)
    entries = tuple(
        ShownEntry(application_id=each, track_id=BRANCH_TRACK, unit_id=UnitId(bearer), order=n)
        for n, (each, bearer) in enumerate(zip(shown, bearers, strict=True), start=1)
    )
    return PublicityPrepared(
        publicity_id=PUBLICITY, programme_id=CALL, matter="acceptance", entries=entries, list_digest=digest_of(entries),
        rule_position=position(past, "publicity.rule_defined.v1"), list_position=by,
    )  # fmt: skip


def test_until_it_is_decided_those_placed_by_the_panel_are_shown_best_first() -> None:
    past = the_accepting(*RANKS)
    second = len(past.log) - 2
    past.when(prepare()).then(prepared(past, SECOND, FIRST, by=second))
    past.when(prepare(FIRST)).then(prepared(past, FIRST, by=second - 1))
    past.when(prepare(FIRST, THIRD)).refused(NotToBeShown, application_id=THIRD, matter="acceptance")


def test_once_it_is_decided_those_to_be_completed_are_shown() -> None:
    past = the_accepting(*RANKS, judged(MET), of(SECOND, judged(NOT_MET)), of(THIRD, judged(MET)))
    # The one that the panel did not place comes last.
    past.when(prepare()).then(prepared(past, FIRST, THIRD, by=len(past.log)))
    the_accepting(judged(DEFERRED)).when(prepare()).refused(NothingToShow)


def test_what_was_decided_otherwise_after_it_was_shown_is_shown_anew() -> None:
    past = the_accepting(*RANKS, passed(), judged(MET))
    past.when(prepare(FIRST)).refused(NothingToShow)
    again = the_accepting(*RANKS, passed(), judged(DEFERRED), judged(MET))
    again.when(prepare(FIRST)).then(prepared(again, FIRST, by=len(again.log)))


def test_a_case_is_shown_with_whoever_bears_it_and_not_once_it_has_ended_or_passed() -> None:
    handed = the_accepting(*RANKS, succeeded())
    handed.when(prepare(FIRST)).then(prepared(handed, FIRST, by=len(handed.log) - 4, units=(AFTER,)))
    for end in (stopped(), completed(), turned_back(), passed()):
        the_accepting(*RANKS, end).when(prepare(FIRST)).refused(NothingToShow)
    selected = the_accepting(*RANKS, passed("selection"))
    selected.when(prepare(FIRST)).then(prepared(selected, FIRST, by=len(selected.log) - 4))


def passed(matter: Any = "acceptance", application_id: ApplicationId = FIRST) -> EntryPassed:
    return EntryPassed(
        publicity_id=PublicityId("PUB-0"), programme_id=CALL, matter=matter, application_id=application_id,
        track_id=BRANCH_TRACK, unit_id=branch(application_id),
    )  # fmt: skip


def test_only_the_panel_of_an_acceptance_places_anybody() -> None:
    other = (found(FIRST, 1), recorded("expert_review"))
    the_accepting(*other).when(prepare()).refused(NothingToShow)
    the_accepting(recorded()).when(prepare()).refused(NothingToShow)
    the_accepting(midterm(stage="half_way"), found(FIRST, 1), recorded("half_way"), judged()).when(prepare()).refused(
        NothingToShow
    )
    stranger = the_accepting(found(ApplicationId("A-4"), 1), recorded())
    stranger.when(prepare()).refused(NothingToShow)


def test_acceptance_has_a_rule_and_tracks_of_its_own() -> None:
    the_running().and_(rule("selection"), acceptance(), judged(MET)).when(prepare()).refused(
        PublicityRuleMissing, matter="acceptance"
    )
    the_accepting(*RANKS).when(prepare(track_ids=(COLLEGE_TRACK,))).refused(NothingToShow)
    elsewhere: tuple[Any, ...] = (decision()[1], confirmed())
    college = (replace(each, application_id=ApplicationId("A-9"), track_id=COLLEGE_TRACK) for each in elsewhere)
    both = the_accepting(*college, *RANKS)
    listed = prepared(both, SECOND, FIRST, by=len(both.log) - 2)
    both.when(prepare(track_ids=(BRANCH_TRACK, COLLEGE_TRACK))).then(listed)


def test_a_selection_is_shown_as_a_whole() -> None:
    past = the_decision().and_(rule("selection"))
    past.when(prepare(FIRST, matter="selection")).refused(NotToBeShown, application_id=FIRST, matter="selection")


def the_approved(*events: Event) -> Past:
    past = the_accepting(*RANKS, replace(calendar(INSTITUTION), year=CalendarYear(2022), days_off=(), days_worked=()))
    years = replace(calendar(INSTITUTION), year=CalendarYear(2023), days_off=(), days_worked=())
    listed = prepared(past, FIRST, by=len(past.log) - 4)
    approved = PublicityApproved(
        publicity_id=PUBLICITY, programme_id=CALL, list_digest=listed.list_digest, checks=("secrecy", "personal_data")
    )
    return past.and_(years, listed, by=ANOTHER).and_(approved, *events)


def test_what_was_prepared_is_opened_while_it_still_may_be_shown() -> None:
    open_it = OpenPublicity(publicity_id=PUBLICITY)
    asked = the_approved().when(open_it, now=OPENS)
    assert asked._refusal() is None
    # Others may be shown as well by now; those that were prepared are what is shown.
    more = the_approved(of(THIRD, judged(MET)))
    assert more.when(open_it, now=OPENS)._refusal() is None
    for change in (judged(NOT_MET), stopped(), succeeded()):
        the_approved(change).when(open_it, now=OPENS).refused(ListOutdated)


@pytest.mark.parametrize("command", [prepare(), OpenPublicity(publicity_id=PUBLICITY)], ids=["prepare", "open"])
def test_another_outcome_meanwhile_is_a_race(command: Any) -> None:
    asked = the_approved().when(command, now=OPENS)
    asked.meanwhile(judged(NOT_MET), found(FIRST, 3), recorded(), stopped(), succeeded(), acceptance()).is_raced()
    asked.meanwhile(ordered(), book_filed(), replace(struck(), track_id=COLLEGE_TRACK)).is_undisturbed()
