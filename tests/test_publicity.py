"""Publicity: a pinned list is shown for a counted time, objections are heard, and only what is clear of them passes."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from domain.calendar.events import WorkingDaysSupplied
from domain.calendar.policy import CalendarMissing, PeriodOfNoDays
from domain.document.policy import DocumentUnknown
from domain.ids import (
    ApplicationId,
    CalendarYear,
    DocumentId,
    InstitutionId,
    ObjectionId,
    ProgrammeId,
    PublicityId,
    TrackId,
)
from domain.kernel import Command, Event, Invalid, SealedAnswers, SealedDetails
from domain.permission.policy import NotInThisState
from domain.person.policy import DetailNotKept, NameMissing
from domain.programme.policy import ProgrammeUnknown, TrackUnknown
from domain.publicity.commands import (
    AlreadyShown,
    ApprovePublicity,
    ChecksMissing,
    ClosePublicity,
    DefinePublicityRule,
    ExtendPublicity,
    ListOutdated,
    NamedTwice,
    NoneNamed,
    NothingToShow,
    NotLater,
    OpenPublicity,
    OtherList,
    PreparePublicity,
    PublicityAlreadyPrepared,
    PublicityRuleMissing,
    PublicityStillOpen,
    TakeDownPublicity,
    WithdrawPosting,
)
from domain.publicity.events import (
    ObjectionAdmitted,
    ObjectionDismissed,
    ObjectionInvestigated,
    ObjectionNotAdmitted,
    ObjectionUpheld,
    ObjectionWithdrawn,
    PostingWithdrawn,
    PublicityApproved,
    PublicityExtended,
    PublicityOpened,
    PublicityPrepared,
    PublicityRuleDefined,
    PublicityTakenDown,
    ShownEntry,
)
from domain.publicity.objection import (
    AdmitObjection,
    AnonymousNamesNobody,
    ChannelNotAllowed,
    DismissObjection,
    IdentityNotAllowed,
    InvestigateObjection,
    ObjectionAlreadyReceived,
    ReceiveObjection,
    RefuseObjection,
    StatementMissing,
    UpholdObjection,
    WithdrawObjection,
)
from domain.publicity.policy import (
    NotShown,
    ObjectionUnknown,
    Publicity,
    PublicityNotOpen,
    PublicityOver,
    PublicityUnknown,
    SecondPersonMissing,
    digest_of,
)
from tests.call import ANSWERS, BRANCH_TRACK, CALL, COLLEGE_TRACK, PAPER, the_call, withdrawn
from tests.committee import (
    CLOSES,
    FIRST,
    FOURTH,
    LAST_DAY,
    OBJECTION,
    OPENS,
    PUBLICITY,
    SECOND,
    THIRD,
    choices,
    closed,
    confirmed,
    decision,
    entries,
    objection,
    passed,
    promoted,
    reopened,
    shown,
    struck,
    the_decision,
)
from tests.spec import ANOTHER, INSTITUTION, SOMEBODY, Past, at

DURING, AFTER = at("2020-06-23 10:00"), CLOSES
OTHER = PublicityId("PUB-2")
LATER = date(2020, 7, 3)


def calendar(house: str = INSTITUTION, year: int = 2020) -> WorkingDaysSupplied:
    return WorkingDaysSupplied(
        institution_id=InstitutionId(house), year=CalendarYear(year), source="published",
        days_off=(date(2020, 6, 25), date(2020, 6, 26)), days_worked=(date(2020, 6, 28),),
    )  # fmt: skip


# --- the rule ---------------------------------------------------------------------------------------------------------


def rule(**changes: Any) -> PublicityRuleDefined:
    defined = PublicityRuleDefined(
        programme_id=CALL, matter="selection", window_days=5, day_rule="working", count_first_day=True,
        identities=("named", "confidential", "anonymous"), channels=("written", "oral"), decide_within_days=5,
    )  # fmt: skip
    return msgspec.structs.replace(defined, **changes)


def define(**changes: Any) -> DefinePublicityRule:
    return DefinePublicityRule(**(rule().as_dict() | changes))


def test_a_rule_is_defined_per_matter_and_defined_anew() -> None:
    past = the_call().when(define()).then(rule()).when(define(matter="acceptance")).then(rule(matter="acceptance"))
    past.when(define(window_days=3)).then(rule(window_days=3))
    past.when(define()).then()
    past.when(define(decide_within_days=None)).then(rule(decide_within_days=None))


def test_a_rule_is_for_a_programme_that_was_announced() -> None:
    the_call().when(define(programme_id=ProgrammeId("other"))).refused(ProgrammeUnknown)


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("window_days", 0, PeriodOfNoDays),
        ("decide_within_days", 0, PeriodOfNoDays),
        ("identities", (), NoneNamed),
        ("channels", (), NoneNamed),
        ("channels", ("oral", "oral"), NamedTwice),
    ],
)
def test_a_rule_says_something(field: str, value: Any, fault: type[Invalid]) -> None:
    the_call().when(define(**{field: value})).refused(fault, field=field)


def test_one_day_is_enough_and_decisions_may_be_without_a_day() -> None:
    the_call().when(define(window_days=1)).then(rule(window_days=1))
    the_call().when(define(decide_within_days=1)).then(rule(decide_within_days=1))
    the_call().when(define(decide_within_days=None)).then(rule(decide_within_days=None))


def test_another_rule_meanwhile_is_a_race() -> None:
    the_call().when(define()).meanwhile(rule(window_days=1)).is_raced()
    the_call().when(define()).meanwhile(rule(programme_id=ProgrammeId("other")), shown()).is_undisturbed()


# --- prepared and approved --------------------------------------------------------------------------------------------


def the_ruled(*more: Event) -> Past:
    return the_decision().and_(calendar(), rule(), *more)


def position_of(past: Past, topic: str, application_id: ApplicationId | None = None) -> int:
    return max(
        r.position
        for r in past.log
        if r.type == topic and application_id in (None, getattr(r.event, "application_id", None))
    )


def prepared(past: Past, *applications: ApplicationId, **changes: Any) -> PublicityPrepared:
    listed = entries(*applications)
    found = [
        r.position
        for r in past.log
        if r.type in {"selection.application_decided.v1", "selection.reserve_promoted.v1"}
        and getattr(r.event, "application_id", None) in {entry.application_id for entry in listed}
    ]
    body = PublicityPrepared(
        publicity_id=PUBLICITY, programme_id=CALL, matter="selection", list_position=max(found), entries=listed,
        rule_position=position_of(past, "publicity.rule_defined.v1"), list_digest=digest_of(listed),
    )  # fmt: skip
    return msgspec.structs.replace(body, **changes)


def prepare(**changes: Any) -> PreparePublicity:
    fields: dict[str, Any] = {"publicity_id": PUBLICITY, "programme_id": CALL, "track_ids": (BRANCH_TRACK,)}
    return PreparePublicity(**(fields | changes))


def test_what_is_selected_is_prepared_pinned_to_its_position_and_digest() -> None:
    past = the_ruled()
    past.when(prepare()).then(prepared(past))


def test_what_was_struck_withdrawn_or_confirmed_is_not_shown() -> None:
    past = the_ruled(struck(FIRST), withdrawn(SECOND))
    past.when(prepare()).then(prepared(past, THIRD))
    past = the_ruled(passed(FIRST), confirmed(FIRST))
    past.when(prepare(publicity_id=OTHER)).then(prepared(past, SECOND, THIRD, publicity_id=OTHER))


def test_what_has_passed_already_is_not_shown_again_unless_it_was_decided_on_anew() -> None:
    past = the_ruled(shown(), closed(), passed(FIRST))
    past.when(prepare(publicity_id=OTHER)).then(prepared(past, SECOND, THIRD, publicity_id=OTHER))
    past = past.and_(reopened(), *decision())
    past.when(prepare(publicity_id=OTHER)).then(prepared(past, publicity_id=OTHER))


def test_a_promoted_reserve_comes_last() -> None:
    past = the_ruled(struck(FIRST), promoted(FOURTH, FIRST))
    past.when(prepare()).then(prepared(past, SECOND, THIRD, FOURTH))


def test_promoted_reserves_come_in_the_order_in_which_they_were_promoted() -> None:
    past = the_decision(choices("selected", "selected", "reserve", "reserve")).and_(calendar(), rule())
    past = past.and_(struck(FIRST), struck(SECOND), promoted(FOURTH, FIRST), promoted(THIRD, SECOND))
    past.when(prepare()).then(prepared(past, FOURTH, THIRD))


def test_the_id_of_another_programme_s_publicity_is_taken() -> None:
    there = msgspec.structs.replace(prepared(the_ruled()), programme_id=ProgrammeId("other"))
    the_ruled(there).when(prepare()).refused(PublicityAlreadyPrepared, publicity_id=PUBLICITY)
    the_ruled().when(prepare()).meanwhile(there).is_raced()


def test_a_publicity_may_follow_another() -> None:
    past = the_ruled()
    past.when(prepare(follows=OTHER)).refused(PublicityUnknown, publicity_id=OTHER)
    past = past.and_(prepared(past, publicity_id=OTHER))
    past.when(prepare(follows=OTHER)).then(prepared(past, follows=OTHER))


def test_tracks_are_those_of_the_programme_each_once() -> None:
    the_ruled().when(prepare(track_ids=(TrackId("none"),))).refused(TrackUnknown, track_id="none")
    the_ruled().when(prepare(track_ids=())).refused(NoneNamed, field="track_ids")
    the_ruled().when(prepare(track_ids=(BRANCH_TRACK, BRANCH_TRACK))).refused(NamedTwice, field="track_ids")


def test_nothing_is_prepared_twice_without_a_rule_or_without_anything_to_show() -> None:
    past = the_ruled()
    past.and_(prepared(past)).when(prepare()).refused(PublicityAlreadyPrepared)
    the_decision().and_(rule(matter="acceptance")).when(prepare()).refused(PublicityRuleMissing, matter="selection")
    the_ruled().when(prepare(track_ids=(COLLEGE_TRACK,))).refused(NothingToShow)
    the_ruled(reopened()).when(prepare()).refused(NothingToShow)


def test_what_is_on_the_wall_is_not_prepared_again() -> None:
    past = the_ruled()
    running = past.and_(prepared(past, publicity_id=OTHER), shown(publicity_id=OTHER))
    running.when(prepare()).refused(AlreadyShown, application_id=FIRST, publicity_id=OTHER)
    down = running.and_(PublicityTakenDown(publicity_id=OTHER, programme_id=CALL))
    down.when(prepare()).then(prepared(down))
    others = past.and_(prepared(past, FOURTH, publicity_id=OTHER), shown(FOURTH, publicity_id=OTHER))
    others.when(prepare()).then(prepared(others))


def test_another_decision_or_publicity_meanwhile_is_a_race() -> None:
    asked = the_ruled().when(prepare())
    asked.meanwhile(struck(), promoted(), shown(), rule(window_days=1), withdrawn(FIRST), passed()).is_raced()
    elsewhere = msgspec.structs.replace(struck(), track_id=COLLEGE_TRACK)
    asked.meanwhile(elsewhere, objection()).is_undisturbed()


def the_prepared(*more: Event) -> Past:
    past = the_ruled()
    return past.and_(prepared(past), *more)


DIGEST = digest_of(entries())


def approve(**changes: Any) -> ApprovePublicity:
    fields: dict[str, Any] = {"publicity_id": PUBLICITY, "list_digest": DIGEST, "checks": ("secrecy", "personal_data")}
    return ApprovePublicity(**(fields | changes))


def approved() -> PublicityApproved:
    return PublicityApproved(
        publicity_id=PUBLICITY, programme_id=CALL, list_digest=DIGEST, checks=("secrecy", "personal_data")
    )


def test_a_second_person_approves_what_was_checked() -> None:
    the_prepared().when(approve(), by=ANOTHER).then(approved())
    the_prepared().when(approve(), by=SOMEBODY).refused(SecondPersonMissing, act="ApprovePublicity")


def test_both_checks_are_made_on_exactly_that_list() -> None:
    the_prepared().when(approve(checks=("secrecy",)), by=ANOTHER).refused(ChecksMissing, missing="personal_data")
    other = approve(list_digest="0" * 64)
    the_prepared().when(other, by=ANOTHER).refused(OtherList, checked_digest="0" * 64, prepared_digest=DIGEST)


def test_only_what_was_prepared_is_approved_once() -> None:
    the_ruled().when(approve(), by=ANOTHER).refused(PublicityUnknown, publicity_id=PUBLICITY)
    the_prepared(approved()).when(approve(), by=ANOTHER).refused(NotInThisState, state="approved")
    the_prepared().when(approve(), by=ANOTHER).meanwhile(approved()).is_raced()
    the_prepared().when(approve(), by=ANOTHER).meanwhile(shown(publicity_id=OTHER), struck()).is_undisturbed()


# --- opened -----------------------------------------------------------------------------------------------------------


def the_approved(*more: Event) -> Past:
    return the_prepared(approved(), *more)


def opened(past: Past, **changes: Any) -> PublicityOpened:
    pinned = {
        "list_position": prepared(past).list_position,
        "calendar_position": position_of(past, "calendar.working_days_supplied.v1"),
    }
    return shown(**(pinned | changes))


def test_five_working_days_from_monday_22_june_end_on_monday_29_june() -> None:
    past = the_approved()
    past.when(OpenPublicity(publicity_id=PUBLICITY), now=OPENS).then(opened(past))


def test_not_counting_the_first_day_they_end_a_day_later() -> None:
    past = the_ruled(rule(count_first_day=False))
    past = past.and_(prepared(past), approved())
    later = {"closes_at": at("2020-07-01 00:00"), "last_day": date(2020, 6, 30), "count_first_day": False}
    past.when(OpenPublicity(publicity_id=PUBLICITY), now=OPENS).then(opened(past, **later))


def test_the_rule_that_held_when_it_was_prepared_holds() -> None:
    past = the_approved(rule(window_days=1), rule(matter="acceptance", window_days=2))
    past.when(OpenPublicity(publicity_id=PUBLICITY), now=OPENS).then(opened(past))


def test_calendar_days_need_no_calendar_and_working_days_do() -> None:
    past = the_decision().and_(rule())
    past = past.and_(prepared(past), approved())
    past.when(OpenPublicity(publicity_id=PUBLICITY), now=OPENS).refused(CalendarMissing, year=2020)
    past = the_decision().and_(rule(day_rule="calendar"))
    past = past.and_(prepared(past), approved())
    days = {"day_rule": "calendar", "closes_at": at("2020-06-27 00:00"), "last_day": date(2020, 6, 26)}
    expected = opened(past.and_(calendar()), calendar_position=None, **days)
    past.when(OpenPublicity(publicity_id=PUBLICITY), now=OPENS).then(expected)


NEW_YEAR: dict[str, Any] = {
    "opens_at": at("2020-12-28 09:00"), "closes_at": at("2021-01-02 00:00"), "last_day": date(2021, 1, 1),
}  # fmt: skip


def test_over_the_new_year_days_are_counted_on_both_calendars() -> None:
    opening = OpenPublicity(publicity_id=PUBLICITY)
    the_approved().when(opening, now=NEW_YEAR["opens_at"]).refused(CalendarMissing, year=2021)
    past = the_decision().and_(calendar(), calendar(year=2021), rule())
    past = past.and_(prepared(past), approved())
    past = past.when(opening, now=NEW_YEAR["opens_at"]).then(opened(past, **NEW_YEAR))
    due = {"due_at": at("2021-01-07 00:00"), "due_day": date(2021, 1, 6)}
    past.when(receive(), now=at("2020-12-30 10:00")).then(received(**due))


@pytest.mark.parametrize(
    "changed", [[struck(FIRST)], [withdrawn(FIRST)], [reopened()], [struck(FIRST), promoted(FOURTH, FIRST)]]
)
def test_a_list_that_is_no_longer_what_is_decided_is_not_shown(changed: list[Event]) -> None:
    past = the_approved(*changed)
    past.when(OpenPublicity(publicity_id=PUBLICITY), now=OPENS).refused(ListOutdated, prepared_digest=DIGEST)


def test_an_entry_is_shown_by_one_publicity_at_a_time() -> None:
    past = the_ruled()
    past = past.and_(prepared(past), approved(), prepared(past, publicity_id=OTHER), shown(publicity_id=OTHER))
    past.when(OpenPublicity(publicity_id=PUBLICITY), now=OPENS).refused(AlreadyShown, publicity_id=OTHER)
    down = past.and_(PublicityTakenDown(publicity_id=OTHER, programme_id=CALL))
    down.when(OpenPublicity(publicity_id=PUBLICITY), now=OPENS).then(opened(down))
    over = past.and_(closed(OTHER))
    over.when(OpenPublicity(publicity_id=PUBLICITY), now=OPENS).then(opened(over))


def test_what_passed_elsewhere_meanwhile_is_not_shown_again() -> None:
    over = the_approved(passed(FIRST))
    over.when(OpenPublicity(publicity_id=PUBLICITY), now=OPENS).refused(ListOutdated)


def test_only_what_was_approved_is_opened_once() -> None:
    the_ruled().when(OpenPublicity(publicity_id=PUBLICITY)).refused(PublicityUnknown)
    the_prepared().when(OpenPublicity(publicity_id=PUBLICITY)).refused(NotInThisState, state="prepared")
    the_approved(shown()).when(OpenPublicity(publicity_id=PUBLICITY)).refused(NotInThisState, state="open")


def test_whatever_an_opening_rests_on_is_a_race_when_it_changes() -> None:
    asked = the_approved().when(OpenPublicity(publicity_id=PUBLICITY), now=OPENS)
    changes = (shown(), struck(), calendar(), rule(), shown(publicity_id=OTHER), passed(), withdrawn(FIRST))
    asked.meanwhile(*changes).is_raced()
    elsewhere = msgspec.structs.replace(struck(), track_id=COLLEGE_TRACK)
    asked.meanwhile(elsewhere, calendar("other"), calendar(year=2019), objection()).is_undisturbed()


# --- extended, taken down, closed, withdrawn --------------------------------------------------------------------------


def the_opened(*more: Event) -> Past:
    return the_approved(shown(), *more)


def extended() -> PublicityExtended:
    return PublicityExtended(
        publicity_id=PUBLICITY, programme_id=CALL, closes_at=at("2020-07-04 00:00"), last_day=LATER
    )


def taken_down() -> PublicityTakenDown:
    return PublicityTakenDown(publicity_id=PUBLICITY, programme_id=CALL)


def test_a_running_publicity_is_extended_and_only_to_later() -> None:
    extend = ExtendPublicity(publicity_id=PUBLICITY, last_day=LATER)
    the_opened().when(extend, now=DURING).then(extended())
    same = ExtendPublicity(publicity_id=PUBLICITY, last_day=LAST_DAY)
    the_opened().when(same, now=DURING).refused(NotLater, last_day=LAST_DAY)
    the_opened().when(extend, now=AFTER).refused(PublicityOver, closes_at=CLOSES, last_day=LAST_DAY)
    the_approved().when(extend, now=DURING).refused(NotInThisState, state="approved")
    the_opened().when(extend, now=DURING).meanwhile(extended(), taken_down(), closed()).is_raced()
    the_opened().when(extend, now=DURING).meanwhile(objection(), closed(OTHER)).is_undisturbed()


def test_a_running_publicity_is_taken_down() -> None:
    take_down = TakeDownPublicity(publicity_id=PUBLICITY)
    the_opened().when(take_down, now=DURING).then(taken_down())
    the_opened().when(take_down, now=AFTER).refused(PublicityOver)
    the_opened(taken_down()).when(take_down, now=DURING).refused(NotInThisState, state="taken_down")
    the_opened().when(take_down, now=DURING).meanwhile(closed()).is_raced()
    the_opened().when(take_down, now=DURING).meanwhile(closed(OTHER)).is_undisturbed()


def test_at_its_instant_a_publicity_closes_and_every_entry_without_objection_passes() -> None:
    close = ClosePublicity(publicity_id=PUBLICITY)
    the_opened().when(close, now=AFTER).then(closed(), passed(FIRST), passed(SECOND), passed(THIRD))
    the_opened().when(close, now=DURING).refused(PublicityStillOpen, closes_at=CLOSES)
    the_opened(extended()).when(close, now=AFTER).refused(PublicityStillOpen)


def test_only_the_entry_objected_to_is_held_up() -> None:
    close = ClosePublicity(publicity_id=PUBLICITY)
    the_opened(objection(SECOND)).when(close, now=AFTER).then(closed(), passed(FIRST), passed(THIRD))
    for follows, passes in ((admitted(), False), (not_admitted(), True), (upheld(), False), (dismissed(), True)):
        past = the_opened(objection(FIRST), follows)
        held = [passed(FIRST)] if passes else []
        past.when(close, now=AFTER).then(closed(), *held, passed(SECOND), passed(THIRD))


def test_what_was_struck_or_withdrawn_meanwhile_does_not_pass() -> None:
    past = the_opened(struck(FIRST), withdrawn(SECOND))
    past.when(ClosePublicity(publicity_id=PUBLICITY), now=AFTER).then(closed(), passed(THIRD))


LATE = at("2020-07-02 10:00")


def test_recorded_late_it_closes_as_of_its_instant_by_what_was_so_then() -> None:
    close = ClosePublicity(publicity_id=PUBLICITY)
    past = the_opened(objection(FIRST), admitted(), investigated())
    for since in (dismissed(), taken_back(), not_admitted(), upheld()):
        late = past.and_(since, when=LATE).when(close, now=LATE)
        late.then(closed(), passed(SECOND), passed(THIRD))
        assert late.command.effective_at == CLOSES
        # Decided in the last moment, it was decided; at the instant of the end, it was not.
        just = past.and_(since, when=CLOSES - timedelta(microseconds=1)).when(close, now=LATE)
        just.then(closed(), *([] if since == upheld() else [passed(FIRST)]), passed(SECOND), passed(THIRD))
        past.and_(since, when=CLOSES).when(close, now=LATE).then(closed(), passed(SECOND), passed(THIRD))


def test_what_has_passed_by_its_objection_does_not_pass_again_when_the_closing_is_recorded() -> None:
    past = the_objection(admitted(), investigated())
    decided = past.when(DismissObjection(objection_id=OBJECTION), by=ANOTHER, now=LATE).then(dismissed(), passed(FIRST))
    decided.when(ClosePublicity(publicity_id=PUBLICITY), now=LATE).then(closed(), passed(SECOND), passed(THIRD))
    first = the_opened(passed(FIRST)).when(ClosePublicity(publicity_id=PUBLICITY), now=LATE)
    first.then(closed(), passed(SECOND), passed(THIRD))


def test_only_an_open_publicity_closes() -> None:
    close = ClosePublicity(publicity_id=PUBLICITY)
    the_approved().when(close, now=AFTER).refused(NotInThisState, state="approved")
    the_opened(closed()).when(close, now=AFTER).refused(NotInThisState, state="closed")
    the_ruled().when(close, now=AFTER).refused(PublicityUnknown)


def test_an_objection_before_the_closing_is_recorded_is_a_race() -> None:
    asked = the_opened().when(ClosePublicity(publicity_id=PUBLICITY), now=AFTER)
    asked.meanwhile(objection(), extended(), taken_down(), struck(SECOND), withdrawn(FIRST)).is_raced()
    asked.meanwhile(struck(FOURTH), shown(FOURTH, publicity_id=OTHER), rule()).is_undisturbed()


def test_a_publicity_that_follows_changes_nothing_of_the_one_before() -> None:
    follower = msgspec.structs.replace(prepared(the_ruled()), publicity_id=OTHER, follows=PUBLICITY, entries=())
    running = the_opened(objection(FIRST), admitted(), investigated()).and_(follower, by=ANOTHER)
    running.when(ExtendPublicity(publicity_id=PUBLICITY, last_day=LATER), now=DURING).then(extended())
    running.when(ClosePublicity(publicity_id=PUBLICITY), now=AFTER).then(closed(), passed(SECOND), passed(THIRD))
    second = receive(objection_id=ObjectionId("OBJ-2"))
    running.when(second, now=DURING).then(received(objection_id=ObjectionId("OBJ-2")))
    over = running.and_(closed(), passed(SECOND), passed(THIRD))
    dismiss = DismissObjection(objection_id=OBJECTION)
    over.when(dismiss, by=ANOTHER, now=LATE).then(dismissed(), passed(FIRST))
    withdraw = WithdrawPosting(publicity_id=PUBLICITY)
    over.when(withdraw).then(PostingWithdrawn(publicity_id=PUBLICITY, programme_id=CALL))


def test_a_posting_is_withdrawn_after_its_time() -> None:
    withdraw = WithdrawPosting(publicity_id=PUBLICITY)
    gone = PostingWithdrawn(publicity_id=PUBLICITY, programme_id=CALL)
    the_opened(closed()).when(withdraw).then(gone)
    the_opened(taken_down()).when(withdraw).then(gone)
    the_opened().when(withdraw).refused(NotInThisState, state="open")
    the_opened(closed()).when(withdraw).meanwhile(gone).is_raced()
    the_opened(closed()).when(withdraw).meanwhile(closed(OTHER), objection()).is_undisturbed()


# --- objections -------------------------------------------------------------------------------------------------------

DETAILS = SealedDetails(commitment="8" * 64, fields=frozenset({"name", "phone"}))
NOTHING = SealedDetails(commitment="8" * 64, fields=frozenset())
STATEMENT = SealedAnswers(document_id=PAPER, characters={"statement": 12})
ABOUT: dict[str, Any] = {"objection_id": OBJECTION, "publicity_id": PUBLICITY, "application_id": FIRST}


def admitted(**changes: Any) -> ObjectionAdmitted:
    return ObjectionAdmitted(**(ABOUT | changes))


def not_admitted() -> ObjectionNotAdmitted:
    return ObjectionNotAdmitted(**ABOUT, ground="not_about_this_list")


def investigated() -> ObjectionInvestigated:
    return ObjectionInvestigated(**ABOUT, findings_document_id=PAPER)


def upheld() -> ObjectionUpheld:
    return ObjectionUpheld(**ABOUT)


def dismissed() -> ObjectionDismissed:
    return ObjectionDismissed(**ABOUT)


def taken_back() -> ObjectionWithdrawn:
    return ObjectionWithdrawn(**ABOUT)


def receive(**changes: Any) -> ReceiveObjection:
    fields: dict[str, Any] = {
        **ABOUT,
        "identity": "named",
        "channel": "written",
        "objector": DETAILS,
        "statement": STATEMENT,
    }
    return ReceiveObjection(**(fields | changes))


def received(**changes: Any) -> Any:
    due = {"due_at": at("2020-07-02 00:00"), "due_day": date(2020, 7, 1)}
    return msgspec.structs.replace(objection(), **(due | changes))


def test_an_objection_is_received_sealed_and_due_in_five_working_days() -> None:
    the_opened().when(receive(), now=DURING).then(received())


def test_where_no_time_is_stated_it_is_due_on_no_day() -> None:
    past = the_ruled(rule(decide_within_days=None))
    past = past.and_(prepared(past), approved(), shown())
    past.when(receive(), now=DURING).then(received(due_at=None, due_day=None))


def test_who_objects_anonymously_gives_no_name_and_who_does_not_gives_one() -> None:
    anonymous = receive(identity="anonymous", objector=NOTHING)
    the_opened().when(anonymous, now=DURING).then(received(identity="anonymous", commitment=None))
    the_opened().when(receive(identity="anonymous"), now=DURING).refused(AnonymousNamesNobody, field="objector")
    the_opened().when(receive(objector=NOTHING), now=DURING).refused(NameMissing, field="objector")
    everything = SealedDetails(commitment="8" * 64, fields=frozenset({"name", "phone", "email", "unit"}))
    the_opened().when(receive(objector=everything), now=DURING).then(received())
    more = SealedDetails(commitment="8" * 64, fields=frozenset({"name", "shoe_size"}))
    the_opened().when(receive(objector=more), now=DURING).refused(DetailNotKept, field="objector")


@pytest.mark.parametrize("characters", [{}, {"statement": 0}, {"statement": 3, "more": 1}])
def test_an_objection_says_something_and_nothing_beside(characters: dict[str, int]) -> None:
    said = SealedAnswers(document_id=PAPER, characters=characters)
    the_opened().when(receive(statement=said), now=DURING).refused(StatementMissing, field="statement")


def test_identity_and_channel_are_those_of_the_rule() -> None:
    the_opened().when(receive(identity="stamped"), now=DURING).refused(IdentityNotAllowed, identity="stamped")
    the_opened().when(receive(channel="rumour"), now=DURING).refused(ChannelNotAllowed, channel="rumour")


def test_an_objection_is_in_time_against_what_is_shown_and_received_once() -> None:
    the_opened().when(receive(), now=AFTER).refused(PublicityOver, closes_at=CLOSES)
    the_approved().when(receive(), now=DURING).refused(PublicityNotOpen, state="approved")
    the_opened(taken_down()).when(receive(), now=DURING).refused(PublicityNotOpen, state="taken_down")
    the_ruled().when(receive(), now=DURING).refused(PublicityUnknown)
    the_opened().when(receive(application_id=FOURTH), now=DURING).refused(NotShown, application_id=FOURTH)
    the_opened(objection()).when(receive(), now=DURING).refused(ObjectionAlreadyReceived)


def test_what_an_objection_rests_on_is_a_race_when_it_changes() -> None:
    asked = the_opened().when(receive(), now=DURING)
    asked.meanwhile(taken_down(), closed(), extended(), objection(), calendar(), rule()).is_raced()
    asked.meanwhile(objection(SECOND, ObjectionId("OBJ-2")), closed(OTHER), calendar("other")).is_undisturbed()
    asked.meanwhile(calendar(year=2019)).is_undisturbed()


def test_nothing_is_shown_by_a_publicity_of_which_nothing_is_known() -> None:
    with pytest.raises(NotShown):
        Publicity().entry(FIRST)


def the_objection(*more: Event, by: str = SOMEBODY) -> Past:
    return the_opened(received()).and_(*more, by=by)


def test_an_objection_is_admitted_or_not() -> None:
    the_objection().when(AdmitObjection(objection_id=OBJECTION)).then(admitted())
    refuse = RefuseObjection(objection_id=OBJECTION, ground="not_about_this_list")
    the_objection().when(refuse).then(not_admitted())
    the_objection(admitted()).when(refuse).refused(NotInThisState, state="admitted")
    the_objection(admitted()).when(AdmitObjection(objection_id=OBJECTION)).refused(NotInThisState)
    the_opened().when(refuse).refused(ObjectionUnknown, objection_id=OBJECTION)


def test_an_admitted_objection_is_investigated_and_may_be_again() -> None:
    look = InvestigateObjection(objection_id=OBJECTION, findings_document_id=PAPER)
    the_objection(admitted()).when(look).then(investigated())
    the_objection(admitted(), investigated()).when(look).then(investigated())
    the_objection().when(look).refused(NotInThisState, state="received")
    nowhere = InvestigateObjection(objection_id=OBJECTION, findings_document_id=DocumentId(ANSWERS))
    the_objection(admitted()).when(nowhere).refused(DocumentUnknown, document_id=ANSWERS)


@pytest.mark.parametrize(("decide", "outcome"), [(UpholdObjection, upheld), (DismissObjection, dismissed)])
def test_another_person_than_who_investigated_decides(decide: Any, outcome: Any) -> None:
    past = the_objection(admitted()).and_(investigated(), by=ANOTHER)
    past.when(decide(objection_id=OBJECTION), by=SOMEBODY).then(outcome())
    past.when(decide(objection_id=OBJECTION), by=ANOTHER).refused(SecondPersonMissing)
    the_objection(admitted()).when(decide(objection_id=OBJECTION)).refused(NotInThisState)


def test_an_open_objection_is_withdrawn() -> None:
    back = WithdrawObjection(objection_id=OBJECTION)
    the_objection().when(back).then(taken_back())
    the_objection(admitted(), investigated()).when(back).then(taken_back())
    the_objection(taken_back()).when(back).refused(NotInThisState, state="withdrawn")


def after_closing(*more: Event) -> Past:
    return the_objection(admitted(), investigated(), closed(), passed(SECOND), passed(THIRD), *more)


def test_decided_after_the_closing_the_last_objection_lets_its_entry_pass() -> None:
    dismiss = DismissObjection(objection_id=OBJECTION)
    after_closing().when(dismiss, by=ANOTHER).then(dismissed(), passed(FIRST))
    withdrawn_posting = PostingWithdrawn(publicity_id=PUBLICITY, programme_id=CALL)
    after_closing(withdrawn_posting).when(dismiss, by=ANOTHER).then(dismissed(), passed(FIRST))
    after_closing().when(WithdrawObjection(objection_id=OBJECTION)).then(taken_back(), passed(FIRST))
    after_closing().when(UpholdObjection(objection_id=OBJECTION), by=ANOTHER).then(upheld())


def test_over_is_over_whether_or_not_the_closing_was_recorded() -> None:
    past = the_objection(admitted(), investigated())
    dismiss, uphold = DismissObjection(objection_id=OBJECTION), UpholdObjection(objection_id=OBJECTION)
    past.when(dismiss, by=ANOTHER, now=CLOSES).then(dismissed(), passed(FIRST))
    past.when(dismiss, by=ANOTHER, now=CLOSES - timedelta(microseconds=1)).then(dismissed())
    past.and_(extended()).when(dismiss, by=ANOTHER, now=CLOSES).then(dismissed())
    past.when(uphold, by=ANOTHER, now=CLOSES).then(upheld())
    past.and_(taken_down()).when(dismiss, by=ANOTHER, now=CLOSES).then(dismissed())


def test_another_open_or_upheld_objection_still_holds_it_up() -> None:
    second = ObjectionId("OBJ-2")
    dismiss = DismissObjection(objection_id=OBJECTION)
    past = after_closing(objection(FIRST, second))
    past.when(dismiss, by=ANOTHER).then(dismissed())
    after_closing(objection(SECOND, second)).when(dismiss, by=ANOTHER).then(dismissed(), passed(FIRST))
    upheld_too = msgspec.structs.replace(upheld(), objection_id=second)
    past.and_(upheld_too).when(dismiss, by=ANOTHER).then(dismissed())


def test_what_is_gone_passed_already_or_was_taken_down_does_not_pass() -> None:
    dismiss = DismissObjection(objection_id=OBJECTION)
    after_closing(struck(FIRST)).when(dismiss, by=ANOTHER).then(dismissed())
    after_closing(withdrawn(FIRST)).when(dismiss, by=ANOTHER).then(dismissed())
    after_closing(passed(FIRST)).when(dismiss, by=ANOTHER).then(dismissed())
    gone = PostingWithdrawn(publicity_id=PUBLICITY, programme_id=CALL)
    past = the_objection(admitted(), investigated(), taken_down(), gone)
    past.when(dismiss, by=ANOTHER).then(dismissed())


@pytest.mark.parametrize(
    "command",
    [
        AdmitObjection(objection_id=OBJECTION),
        RefuseObjection(objection_id=OBJECTION, ground="late"),
        WithdrawObjection(objection_id=OBJECTION),
        UpholdObjection(objection_id=OBJECTION),
        DismissObjection(objection_id=OBJECTION),
        InvestigateObjection(objection_id=OBJECTION, findings_document_id=PAPER),
    ],
    ids=lambda command: type(command).__name__,
)
def test_closing_and_other_objections_to_the_entry_are_a_race_for_every_act_on_one(command: Command) -> None:
    asked = the_objection().when(command)
    second = objection(FIRST, ObjectionId("OBJ-2"))
    asked.meanwhile(admitted(), closed(), taken_down(), passed(FIRST), second, struck(FIRST)).is_raced()
    in_another = msgspec.structs.replace(objection(FIRST, ObjectionId("OBJ-4")), publicity_id=OTHER)
    elsewhere: list[Event] = [objection(SECOND, ObjectionId("OBJ-3")), struck(SECOND), closed(OTHER), rule()]
    asked.meanwhile(*elsewhere, in_another).is_undisturbed()


def test_the_digest_of_a_list_names_its_entries_in_their_order() -> None:
    one, two = entries(FIRST, SECOND)
    assert digest_of([one, two]) != digest_of([two, one])
    again = [ShownEntry(**msgspec.structs.asdict(each)) for each in (one, two)]
    assert digest_of([one, two]) == digest_of(again)
