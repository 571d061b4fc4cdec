"""Applications: prepared part by part, known by the digest of all parts, and filed in time or not at all."""

from datetime import date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from domain.application.commands import (
    ApplicationAlreadyStarted,
    DecidedOnAlready,
    FileApplication,
    OneApplicationOnly,
    PaperAlreadyReceived,
    ReceivedInFuture,
    RecordPaperReceipt,
    StartApplication,
    UnitKindDoesNotFit,
    WithdrawApplication,
)
from domain.application.events import (
    ApplicationPrepared,
    ApplicationWindowClosed,
    ApplicationWindowExtended,
    BudgetLine,
    FormSaved,
    PaperReceived,
    SelfCheckItem,
)
from domain.application.materials import (
    BudgetExceedsAmount,
    BudgetMissing,
    CatalogueNotAsked,
    CriterionTwice,
    CriterionUnknown,
    FieldTooLong,
    FieldUnknown,
    FormIncomplete,
    NothingRated,
    PrepareApplication,
    SaveBudget,
    SaveForm,
    SaveSelfCheck,
    SelfCheckIncomplete,
    TextsApartFromRatings,
)
from domain.application.policy import (
    ApplicationUnknown,
    MaterialsChanged,
    NominatorChanged,
    NominatorMissing,
    SeparationOfDuties,
    WindowClosed,
    WindowNotOpen,
)
from domain.application.window import (
    CloseApplicationWindow,
    ExtendApplicationWindow,
    NotAnExtension,
    OpenApplicationWindow,
    WindowAlreadyClosed,
    WindowAlreadyOpened,
    WindowStillOpen,
    WindowWouldBeOver,
)
from domain.calendar.events import WorkingDaysSupplied
from domain.calendar.policy import BeyondCalendar, CalendarMissing
from domain.eligibility.events import RuleWaived
from domain.eligibility.policy import EligibilityOutdated, NotEligible, NotJudged
from domain.ids import ApplicationId, CalendarYear, DecisionId, InstitutionId, ProgrammeId, TrackId, UnitId
from domain.kernel import Command, Event, Invalid, SealedAnswers
from domain.nomination.policy import QuotaExhausted, QuotaNotAssigned
from domain.permission.policy import NotInThisState
from domain.programme.events import (
    AmountValue,
    BudgetCategory,
    CountValue,
    DateValue,
    ErratumRecorded,
    FormDefined,
    MomentValue,
    NotStated,
    TermPublished,
    TermValue,
    TrackDefined,
)
from domain.programme.policy import (
    AmountNotAboveZero,
    CategoryUnknown,
    LineTwice,
    ProgrammeUnknown,
    ShareExceeded,
    TermNotInterpreted,
    TrackUnknown,
    YearNotFunded,
    check_lines,
)
from domain.selection.events import ApplicationDecided, DecisionReopened
from domain.unit.policy import UnitGone, UnitUnknown
from tests.call import (
    ANSWERS,
    BRANCH,
    BRANCH_TRACK,
    CALL,
    CHAIR,
    CLERK,
    CLOSES,
    COLLEGE,
    COLLEGE_TRACK,
    COMMITTEE,
    DIGEST,
    HAND,
    HEAD,
    MINE,
    OTHER,
    REAL,
    SAVED,
    SIBLING,
    THEIRS,
    UNITS,
    announced,
    assigned,
    budget_saved,
    decided,
    defined,
    digest_of,
    filed,
    finding,
    form_saved,
    founded,
    interpreted,
    judged,
    line,
    moved,
    prepared,
    rated,
    refiled,
    rejected,
    returned,
    self_check_saved,
    started,
    the_call,
    the_file,
    the_filed,
    the_returned,
    the_revetted,
    the_screened,
    the_start,
    the_vetted,
    unit,
    vetted,
    window_opened,
    withdrawn,
)
from tests.spec import INSTITUTION, Past, at, given
from tests.test_eligibility import incident
from tests.test_unit import dissolved

LAST_DAY = date(2020, 5, 31)
LAST_MOMENT = CLOSES - timedelta(microseconds=1)

# --- the window ------------------------------------------------------------------------------------------------------

OPEN = OpenApplicationWindow(programme_id=CALL)
CLOSE = CloseApplicationWindow(programme_id=CALL)
OPENED_AT = at("2020-05-12 10:00")


def extend(day: date) -> ExtendApplicationWindow:
    return ExtendApplicationWindow(programme_id=CALL, last_day=day)


def closed(closes_at: datetime = CLOSES, last_day: date = LAST_DAY) -> ApplicationWindowClosed:
    return ApplicationWindowClosed(programme_id=CALL, closes_at=closes_at, last_day=last_day)


def extended(day: date = date(2020, 6, 5), closes_at: datetime | None = None) -> ApplicationWindowExtended:
    return ApplicationWindowExtended(programme_id=CALL, closes_at=closes_at or at("2020-06-06 00:00"), last_day=day)


def calendar(year: int = 2020) -> WorkingDaysSupplied:
    return WorkingDaysSupplied(
        institution_id=INSTITUTION,
        year=CalendarYear(year),
        days_off=(date(year, 6, 25), date(year, 6, 26)) if year == 2020 else (),
        days_worked=(date(2020, 6, 28),) if year == 2020 else (),
        source="published",
    )


def call_with(term: str, kind: Any, value: TermValue | None) -> Past:
    """A call whose only term says until when applications are taken."""
    published = TermPublished(
        programme_id=CALL,
        term=term,
        kind=kind,
        clause="三",
        as_published="期限",
        legibility="clear" if value else "damaged",
        value=value,
    )
    return given(announced(), published)


def test_a_window_opens_on_the_interpreted_day_and_closes_at_the_midnight_after_it() -> None:
    past = the_call()
    asked = past.when(OPEN, now=OPENED_AT)
    asked.then(window_opened(term_position=len(past.log)))


def test_a_window_rests_on_an_erratum_where_there_is_one() -> None:
    erratum = ErratumRecorded(
        programme_id=CALL,
        term="application_closes",
        value=DateValue(day=date(2020, 6, 2)),
        erratum_document_id=ANSWERS,
    )
    past = the_call().and_(erratum)
    expected = window_opened(closes_at=at("2020-06-03 00:00"), last_day=date(2020, 6, 2), term_position=len(past.log))
    past.when(OPEN, now=OPENED_AT).then(expected)


def test_a_window_does_not_open_on_a_term_without_a_value() -> None:
    given(*UNITS, announced(), *defined()).when(OPEN).refused(TermNotInterpreted, term="application_closes")
    call_with("application_closes", "date", NotStated()).when(OPEN).refused(TermNotInterpreted)
    given(*UNITS).when(OPEN).refused(ProgrammeUnknown, programme_id=CALL)


def test_a_window_may_close_at_a_moment_of_its_last_day() -> None:
    past = call_with("application_closes", "date", MomentValue(day=LAST_DAY, hour=17, minute=30))
    expected = window_opened(closes_at=at("2020-05-31 17:30"), rule="until_moment", term_position=2)
    past.when(OPEN, now=OPENED_AT).then(expected)


def test_a_window_of_days_is_counted_from_the_next_day() -> None:
    past = call_with("application_window_calendar_days", "count", CountValue(count=10))
    expected = window_opened(
        closes_at=at("2020-05-23 00:00"), last_day=date(2020, 5, 22), rule="calendar_days", term_position=2
    )
    past.when(OPEN, now=OPENED_AT).then(expected)


def test_a_window_that_would_end_beyond_every_calendar_is_not_opened() -> None:
    past = call_with("application_window_calendar_days", "count", CountValue(count=100_000))
    past.when(OPEN, now=OPENED_AT).refused(BeyondCalendar, days=99_999, last_year=2200)


def test_a_window_of_working_days_is_counted_by_the_calendars_that_were_filed() -> None:
    past = call_with("application_window_working_days", "count", CountValue(count=5))
    opens_at = at("2020-06-22 09:00")
    past.when(OPEN, now=opens_at).refused(CalendarMissing, year=2020)
    expected = window_opened(
        opens_at=opens_at,
        closes_at=at("2020-07-01 00:00"),
        last_day=date(2020, 6, 30),
        rule="working_days",
        term_position=2,
        calendar_position=3,
    )
    past.and_(calendar()).when(OPEN, now=opens_at).then(expected)
    over_new_year = past.and_(calendar(), calendar(2021)).when(OPEN, now=at("2020-12-30 09:00"))
    over_new_year.then(
        window_opened(
            opens_at=at("2020-12-30 09:00"),
            closes_at=at("2021-01-07 00:00"),
            last_day=date(2021, 1, 6),
            rule="working_days",
            term_position=2,
            calendar_position=4,
        )
    )


def test_a_window_opens_once_and_not_after_its_end() -> None:
    the_call().and_(window_opened()).when(OPEN).refused(WindowAlreadyOpened, closes_at=CLOSES)
    the_call().when(OPEN, now=CLOSES).refused(WindowWouldBeOver, last_day=LAST_DAY)
    past = the_call()
    past.when(OPEN, now=LAST_MOMENT).then(window_opened(opens_at=LAST_MOMENT, term_position=len(past.log)))


def test_opening_races_with_readings_of_the_term_and_calendars_of_its_years() -> None:
    asked = the_call().when(OPEN)
    asked.meanwhile(interpreted(), window_opened(), calendar(), calendar(2021)).is_raced()
    elsewhere = msgspec.structs.replace(window_opened(), programme_id=ProgrammeId("another"))
    asked.meanwhile(elsewhere, calendar(2022), filed(), announced()).is_undisturbed()
    asked.meanwhile(msgspec.structs.replace(calendar(), institution_id=InstitutionId("OTHER"))).is_undisturbed()


def test_a_window_is_extended_to_a_later_day_only_and_before_it_is_over() -> None:
    past = the_call().and_(window_opened())
    past.when(extend(date(2020, 6, 5))).then(extended())
    past.when(extend(LAST_DAY)).refused(NotAnExtension, last_day=LAST_DAY)
    past.when(extend(date(2020, 6, 5)), now=LAST_MOMENT).then(extended())
    past.when(extend(date(2020, 6, 5)), now=CLOSES).refused(WindowClosed, closes_at=CLOSES)
    the_call().when(extend(date(2020, 6, 5))).refused(WindowNotOpen, programme_id=CALL)


def test_closing_states_the_instant_that_was_written_before() -> None:
    past = the_call().and_(window_opened())
    past.when(CLOSE, now=CLOSES, effective=CLOSES).then(closed())
    by_hand = past.when(CLOSE, by=CLERK, now=CLOSES + timedelta(days=7))
    by_hand.then(closed())
    assert by_hand.command.effective_at == CLOSES, "whoever records it, and when, it closed at that instant"
    late = past.when(CLOSE, now=CLOSES + timedelta(days=7), effective=CLOSES)
    late.then(closed()).when(CLOSE, now=CLOSES + timedelta(days=8)).refused(WindowAlreadyClosed, closes_at=CLOSES)


def test_a_window_is_closed_neither_early_nor_before_it_was_opened() -> None:
    the_call().and_(window_opened()).when(CLOSE, now=LAST_MOMENT).refused(WindowStillOpen, closes_at=CLOSES)
    the_call().when(CLOSE, now=CLOSES).refused(WindowNotOpen)
    later = the_call().and_(window_opened(), extended())
    later.when(CLOSE, now=CLOSES).refused(WindowStillOpen)
    later.when(CLOSE, now=at("2020-06-06 00:00")).then(closed(at("2020-06-06 00:00"), date(2020, 6, 5)))


@pytest.mark.parametrize("command", [extend(date(2020, 6, 5)), CLOSE], ids=lambda c: type(c).__name__)
def test_a_window_s_acts_race_with_its_own_and_no_other(command: Command) -> None:
    asked = the_call().and_(window_opened()).when(command)
    asked.meanwhile(window_opened(), extended(), closed()).is_raced()
    elsewhere = msgspec.structs.replace(extended(), programme_id=ProgrammeId("another"))
    asked.meanwhile(elsewhere, interpreted(), filed()).is_undisturbed()


# --- started ---------------------------------------------------------------------------------------------------------


def start(application: str = MINE, unit_id: str = BRANCH, track: str = BRANCH_TRACK) -> StartApplication:
    return StartApplication(
        application_id=ApplicationId(application),
        programme_id=CALL,
        track_id=TrackId(track),
        unit_id=UnitId(unit_id),
    )


def test_a_unit_may_prepare_before_the_window_opens_and_while_it_is_open() -> None:
    the_call().when(start()).then(started())
    the_call().and_(window_opened()).when(start(), now=LAST_MOMENT).then(started())
    the_call().and_(window_opened()).when(start(), now=CLOSES).refused(WindowClosed, last_day=LAST_DAY)


def test_the_nominating_unit_is_named_as_things_stand() -> None:
    the_call().and_(moved(BRANCH, OTHER)).when(start()).then(started(nominator=OTHER))
    the_call().and_(moved(BRANCH, None)).when(start()).refused(NominatorMissing, unit_id=BRANCH)
    own = started(unit_id=COLLEGE, track=COLLEGE_TRACK)
    the_call().when(start(unit_id=COLLEGE, track=COLLEGE_TRACK)).then(own)


def test_an_application_is_for_units_of_the_track_s_kinds() -> None:
    the_call().when(start(unit_id=COLLEGE)).refused(UnitKindDoesNotFit, unit_kind="general_branch")
    the_call().when(start(track="nowhere")).refused(TrackUnknown, track_id="nowhere")
    the_call().when(start(unit_id="NOBODY")).refused(UnitUnknown)
    the_call().and_(dissolved(BRANCH)).when(start()).refused(UnitGone)


def test_one_application_of_a_unit_and_track_is_alive() -> None:
    the_start().when(start()).refused(ApplicationAlreadyStarted, application_id=MINE)
    the_start().when(start(THEIRS)).refused(OneApplicationOnly, application_id=MINE)
    the_start().and_(withdrawn()).when(start(THEIRS)).then(started(THEIRS))
    the_start().and_(rejected()).when(start(THEIRS)).then(started(THEIRS))
    the_start().and_(withdrawn()).when(start()).refused(ApplicationAlreadyStarted)
    the_start().and_(withdrawn(), started(THEIRS), withdrawn(THEIRS)).when(start()).refused(ApplicationAlreadyStarted)
    the_start().when(start(MINE, SIBLING)).refused(ApplicationAlreadyStarted, application_id=MINE)
    the_start().when(start(THEIRS, SIBLING)).then(started(THEIRS, SIBLING))


def test_starting_races_with_another_start_of_this_unit_and_track_only() -> None:
    asked = the_call().when(start())
    asked.meanwhile(started(), started(THEIRS), window_opened(), dissolved(BRANCH), dissolved(COLLEGE)).is_raced()
    asked.meanwhile(started(MINE, SIBLING, COLLEGE_TRACK)).is_raced()
    asked.meanwhile(withdrawn(THEIRS), rejected(THEIRS)).is_raced()
    asked.meanwhile(
        started(THEIRS, SIBLING), started(THEIRS, track=COLLEGE_TRACK), dissolved(OTHER), filed(), interpreted()
    ).is_undisturbed()


# --- the parts -------------------------------------------------------------------------------------------------------


def save_form(**characters: int) -> SaveForm:
    return SaveForm(application_id=MINE, answers=SealedAnswers(ANSWERS, characters))


FULL = {entry.code: 10 for entry in REAL.forms[0].fields}


def test_a_form_is_saved_complete_or_not_in_the_order_of_its_fields() -> None:
    the_start().when(save_form(**dict(reversed(FULL.items()))), by=HAND).then(form_saved())
    rest = [code for code in FULL if code != "goals"]
    the_start().when(save_form(goals=5000, practices=0), by=HAND).then(form_saved(*rest))


def test_a_form_has_its_fields_and_no_more_room_than_they_say() -> None:
    the_start().when(save_form(secret=1)).refused(FieldUnknown, code="secret", form="application_form")
    the_start().when(save_form(goals=5001)).refused(FieldTooLong, code="goals", characters_at_most=5000)


def self_check(
    *items: SelfCheckItem, catalogue: str = "seven_strengths", report: dict[str, int] | None = None
) -> SaveSelfCheck:
    texts = {item.criterion: 10 for item in items} if report is None else report
    return SaveSelfCheck(application_id=MINE, catalogue=catalogue, items=items, report=SealedAnswers(ANSWERS, texts))


ALL_SEVEN = rated("seven_strengths")


def test_a_self_check_is_saved_item_by_item_each_with_its_text() -> None:
    the_start().when(self_check(*ALL_SEVEN), by=HAND).then(self_check_saved())
    partly = (SelfCheckItem("serving_people", "partly_met"),)
    the_start().when(self_check(*partly), by=HAND).then(self_check_saved(items=partly))


def test_a_self_check_keeps_to_the_catalogue_that_is_asked_for() -> None:
    one = ALL_SEVEN[0]
    the_start().when(self_check(one, catalogue="five_in_place")).refused(CatalogueNotAsked, catalogue="five_in_place")
    stray = SelfCheckItem("no_such", "met")
    the_start().when(self_check(stray)).refused(CriterionUnknown, code="no_such")
    the_start().when(self_check(one, report={one.criterion: 1, "no_such": 1})).refused(CriterionUnknown)
    the_start().when(self_check()).refused(NothingRated, field="items")
    the_start().when(self_check(one, one)).refused(CriterionTwice, code=one.criterion)
    silent = self_check(one, report={one.criterion: 0})
    the_start().when(silent).refused(TextsApartFromRatings, rated=one.criterion, written="")
    the_start().when(self_check(one, report={ALL_SEVEN[1].criterion: 1})).refused(TextsApartFromRatings)


def save_budget(*lines: BudgetLine) -> SaveBudget:
    return SaveBudget(application_id=MINE, lines=lines)


def test_a_budget_is_saved_line_by_line_within_what_the_call_grants() -> None:
    lines = (line(2020, 1_000_000), line(2021, 1_000_000))
    the_start().when(save_budget(line(fen=1)), by=HAND).then(budget_saved(line(fen=1)))
    past = the_start().when(save_budget(*lines), by=HAND).then(budget_saved(*lines))
    past.when(save_budget(*lines), by=HAND).then()
    over = (line(2020, 1_000_001), line(2021, 1_000_000))
    the_start().when(save_budget(*over)).refused(BudgetExceedsAmount, total_fen=2_000_001, at_most_fen=2_000_000)


def test_an_amount_that_is_not_read_yet_caps_no_budget_until_it_is() -> None:
    past = the_call().and_(started(unit_id=COLLEGE, track=COLLEGE_TRACK), by=HAND)
    large = line(2020, 10_000_000)
    past.when(save_budget(large)).then(budget_saved(large, unit_id=COLLEGE))
    read = past.and_(interpreted("college_annual_amount", AmountValue(amount_fen=2_500_000)))
    read.when(save_budget(large)).refused(BudgetExceedsAmount, at_most_fen=5_000_000)


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [
        ([line(category="no_such")], CategoryUnknown),
        ([line(2022)], YearNotFunded),
        ([line(fen=0)], AmountNotAboveZero),
        ([line(fen=-1)], AmountNotAboveZero),
        ([line(), line()], LineTwice),
        ([line(2020), line(2021), line(2021)], LineTwice),
    ],
)
def test_a_budget_line_is_of_a_category_a_year_and_an_amount(lines: list[BudgetLine], refusal: type[Invalid]) -> None:
    the_start().when(save_budget(*lines)).refused(refusal, field="lines")


def test_a_share_of_the_budget_may_be_capped() -> None:
    form = FormDefined(
        programme_id=CALL,
        form="f",
        name_zh="表",
        name_en="Form",
        fields=(),
        budget_categories=(
            BudgetCategory("main", "主要", "Main"),
            BudgetCategory("other", "其他", "Other", share_at_most_bp=1000),
        ),
    )
    track = next(e for e in defined() if isinstance(e, TrackDefined) and e.track_id == BRANCH_TRACK)
    check_lines([line(category="main", fen=900), line(category="other", fen=100)], form, track)
    past = the_start(form, msgspec.structs.replace(track, form="f"))
    too_much = save_budget(line(category="main", fen=900), line(category="other", fen=101))
    past.when(too_much).refused(ShareExceeded, category="other", amount_fen=101, total_fen=1001, share_at_most_bp=1000)


def test_a_track_without_a_yearly_amount_caps_none() -> None:
    track = next(e for e in defined() if isinstance(e, TrackDefined) and e.track_id == BRANCH_TRACK)
    free = msgspec.structs.replace(track, annual_amount_term=None)
    past = the_start(free)
    large = line(2020, 10_000_000)
    past.when(save_budget(large), by=HAND).then(budget_saved(large))


SAVES: list[Command] = [save_form(**FULL), self_check(*ALL_SEVEN), save_budget(line())]


@pytest.mark.parametrize("command", SAVES, ids=lambda c: type(c).__name__)
def test_whatever_is_saved_anew_must_be_prepared_anew(command: Command) -> None:
    past = the_vetted()
    asked = past.when(command, by=HAND)
    assert asked.command.state == "vetted"
    asked.command.execute()
    assert asked.command.state == "started"


@pytest.mark.parametrize("command", SAVES, ids=lambda c: type(c).__name__)
def test_nothing_is_saved_once_it_was_filed_or_withdrawn_or_never_started(command: Command) -> None:
    the_vetted().and_(filed()).when(command, by=HAND).refused(NotInThisState, state="filed")
    the_screened().when(command, by=HAND).refused(NotInThisState, state="screened")
    the_filed().and_(rejected()).when(command, by=HAND).refused(NotInThisState, state="rejected")
    the_start().and_(withdrawn()).when(command, by=HAND).refused(NotInThisState, state="withdrawn")
    the_call().when(command, by=HAND).refused(ApplicationUnknown, application_id=MINE)


@pytest.mark.parametrize("command", SAVES, ids=lambda c: type(c).__name__)
def test_saving_races_with_acts_on_this_application_only(command: Command) -> None:
    asked = the_start().when(command, by=HAND)
    asked.meanwhile(form_saved(), prepared(), withdrawn()).is_raced()
    asked.meanwhile(started(THEIRS, SIBLING), filed(THEIRS, SIBLING), window_opened(), judged()).is_undisturbed()


# --- prepared --------------------------------------------------------------------------------------------------------

PREPARE = PrepareApplication(application_id=MINE)


def test_what_is_complete_is_prepared_under_the_digest_of_all_its_parts() -> None:
    the_file().when(PREPARE, by=HAND).then(prepared())


def test_the_digest_is_that_of_the_parts_whatever_their_order_and_of_nothing_else() -> None:
    assert digest_of(started(), *reversed(SAVED)) == DIGEST
    assert digest_of(started(), *SAVED, prepared(), decided(), vetted()) == DIGEST
    others = (
        digest_of(started(), form_saved("goals"), *SAVED[1:]),
        digest_of(started(), SAVED[0], self_check_saved(items=ALL_SEVEN[:1]), SAVED[2]),
        digest_of(started(), *SAVED[:2], budget_saved(line(2020, 1))),
        digest_of(started(THEIRS), *SAVED),
        digest_of(),
    )
    assert len({DIGEST, *others}) == 6


@pytest.mark.parametrize(
    ("parts", "refusal", "because"),
    [
        ([], FormIncomplete, {}),
        ([form_saved("goals"), *SAVED[1:]], FormIncomplete, {"missing": "goals"}),
        ([SAVED[0], SAVED[2]], SelfCheckIncomplete, {"catalogue": "seven_strengths"}),
        (
            [SAVED[0], self_check_saved(items=ALL_SEVEN[1:]), SAVED[2]],
            SelfCheckIncomplete,
            {"missing": "educating_members"},
        ),
        ([SAVED[0], SAVED[1]], BudgetMissing, {}),
        ([*SAVED[:2], budget_saved(line(2020, 2_000_001))], BudgetExceedsAmount, {"total_fen": 2_000_001}),
    ],
)
def test_what_is_missing_is_named(parts: list[Event], refusal: Any, because: dict[str, object]) -> None:
    the_start().and_(*parts, by=HAND).when(PREPARE, by=HAND).refused(refusal, **because)


def test_a_form_that_asks_for_nothing_must_still_be_saved() -> None:
    optional = tuple(msgspec.structs.replace(entry, required=False) for entry in REAL.forms[0].fields)
    free = msgspec.structs.replace(REAL, forms=(msgspec.structs.replace(REAL.forms[0], fields=optional),))
    past = given(*UNITS, announced(), *defined(free)).and_(started(), *SAVED[1:], by=HAND)
    past.when(PREPARE, by=HAND).refused(FormIncomplete)
    nothing = FormSaved(application_id=MINE, unit_id=BRANCH, form="application_form", answered=(), document_id=ANSWERS)
    expected = ApplicationPrepared(
        application_id=MINE, unit_id=BRANCH, materials_digest=digest_of(started(), nothing, *SAVED[1:])
    )
    past.and_(nothing, by=HAND).when(PREPARE, by=HAND).then(expected)


def test_a_track_without_budget_years_asks_for_no_budget() -> None:
    track = next(e for e in defined() if isinstance(e, TrackDefined) and e.track_id == BRANCH_TRACK)
    free = msgspec.structs.replace(track, funded_years=())
    past = the_start(free).and_(*SAVED[:2], by=HAND)
    past.when(PREPARE, by=HAND).then(prepared(digest_of(started(), *SAVED[:2])))


def test_only_a_living_unit_prepares_and_only_once() -> None:
    the_file(dissolved(BRANCH)).when(PREPARE, by=HAND).refused(UnitGone)
    the_file().and_(prepared(), by=HAND).when(PREPARE, by=HAND).refused(NotInThisState, state="prepared")
    the_call().when(PREPARE, by=HAND).refused(ApplicationUnknown)


def test_preparing_races_with_a_save_and_an_end_of_the_unit() -> None:
    asked = the_file().when(PREPARE, by=HAND)
    asked.meanwhile(form_saved(), interpreted(), dissolved(BRANCH), withdrawn()).is_raced()
    asked.meanwhile(dissolved(COLLEGE), filed(THEIRS, SIBLING), judged(), window_opened()).is_undisturbed()


# --- filed -----------------------------------------------------------------------------------------------------------

FILE = FileApplication(application_id=MINE)
LATER = at("2020-05-29 15:00")


def test_the_nominating_unit_files_in_time_what_it_vetted() -> None:
    the_vetted().when(FILE, by=CHAIR, now=LATER).then(filed())


def test_in_time_is_what_is_received_before_the_instant_written() -> None:
    the_vetted().when(FILE, by=CHAIR, now=LAST_MOMENT).then(filed())
    the_vetted().when(FILE, by=CHAIR, now=CLOSES).refused(WindowClosed, closes_at=CLOSES, last_day=LAST_DAY)
    the_vetted().and_(extended()).when(FILE, by=CHAIR, now=CLOSES).then(filed())
    the_vetted().and_(closed()).when(FILE, by=CHAIR, now=CLOSES).refused(WindowClosed)


def test_nothing_is_filed_before_the_window_opens() -> None:
    early = the_vetted().when(FILE, by=CHAIR, now=OPENED_AT - timedelta(seconds=1))
    early.refused(WindowNotOpen, programme_id=CALL)
    the_vetted().when(FILE, by=CHAIR, now=OPENED_AT).then(filed())
    unopened = Past([fact for fact in the_vetted().log if fact.event != window_opened()])
    unopened.when(FILE, by=CHAIR).refused(WindowNotOpen)


def test_what_was_changed_after_vetting_is_not_filed() -> None:
    past = the_vetted().and_(form_saved("goals"), by=HAND)
    past.when(FILE, by=CHAIR).refused(NotInThisState, state="started")
    other = the_file().and_(prepared(), by=HAND).and_(decided(), vetted("0" * 64), by=CHAIR).and_(judged(), by=CLERK)
    other.when(FILE, by=CHAIR).refused(MaterialsChanged, vetted_digest="0" * 64)


def test_who_prepared_does_not_file() -> None:
    the_vetted().when(FILE, by=HAND).refused(SeparationOfDuties, act="FileApplication")


def test_who_decided_files() -> None:
    the_vetted().and_(moved(BRANCH, OTHER)).when(FILE, by=CHAIR).refused(NominatorChanged, decided_by=COLLEGE)
    the_vetted().and_(moved(BRANCH, None)).when(FILE, by=CHAIR).refused(NominatorMissing)
    the_vetted().and_(dissolved(COLLEGE)).when(FILE, by=CHAIR).refused(UnitGone)


def test_quota_is_used_by_filings_of_this_nominator_and_track_and_given_back_by_withdrawals() -> None:
    used = the_vetted(filed(THEIRS, SIBLING))
    used.when(FILE, by=CHAIR).refused(QuotaExhausted, places=1, used=1)
    the_vetted(filed(THEIRS, SIBLING), withdrawn(THEIRS, SIBLING, COLLEGE)).when(FILE, by=CHAIR).then(filed())
    the_vetted(filed(THEIRS, SIBLING), assigned(2)).when(FILE, by=CHAIR).then(filed())
    the_vetted(filed(THEIRS, SIBLING), rejected(THEIRS, SIBLING)).when(FILE, by=CHAIR).then(filed())
    the_vetted(filed(THEIRS, SIBLING, nominator=OTHER)).when(FILE, by=CHAIR).then(filed())
    the_vetted(filed(THEIRS, SIBLING, track=COLLEGE_TRACK)).when(FILE, by=CHAIR).then(filed())


def test_a_nominating_unit_without_assigned_places_files_none_where_there_is_a_quota() -> None:
    without = Past([fact for fact in the_vetted().log if fact.event != assigned()])
    without.when(FILE, by=CHAIR).refused(QuotaNotAssigned, nominator_unit_id=COLLEGE, track_id=BRANCH_TRACK)


def test_only_what_is_judged_eligible_or_waived_is_filed() -> None:
    unjudged = Past(the_vetted().log[:-1])
    unjudged.when(FILE, by=CHAIR).refused(NotJudged, application_id=MINE)
    short = finding(outcome="not_met")
    past = unjudged.and_(judged(short, finding("conduct", severity="hard"), verdict="waivable"), by=CLERK)
    past.when(FILE, by=CHAIR).refused(NotEligible, rules="established_three_years")
    waived = RuleWaived(
        application_id=MINE, unit_id=BRANCH, rule="established_three_years", judged_at_position=len(past.log)
    )
    past.and_(waived, by=HEAD).when(FILE, by=CHAIR).then(filed())


@pytest.mark.parametrize(
    "fact", [incident(), incident(COLLEGE), incident("PC"), founded(BRANCH), interpreted()], ids=lambda f: f.TOPIC
)
def test_a_judgement_older_than_a_fact_it_rests_on_is_outdated(fact: Event) -> None:
    past = the_vetted()
    position = len(past.log)
    past.and_(fact).when(FILE, by=CHAIR).refused(
        EligibilityOutdated, judged_position=position, fact_position=position + 1
    )


def test_a_self_check_after_the_judgement_outdates_it() -> None:
    past = the_start().and_(judged(), by=CLERK).and_(*SAVED, prepared(), by=HAND).and_(decided(), vetted(), by=CHAIR)
    past.when(FILE, by=CHAIR).refused(EligibilityOutdated)


def test_what_a_judgement_does_not_rest_on_does_not_outdate_it() -> None:
    amount = interpreted("college_annual_amount", AmountValue(amount_fen=2_500_000))
    the_vetted().and_(incident(OTHER), amount).when(FILE, by=CHAIR).then(filed())


def test_acts_come_in_their_order_and_about_what_is_on_record() -> None:
    the_file().when(FILE, by=CHAIR).refused(NotInThisState, state="started")
    the_vetted().and_(filed()).when(FILE, by=CHAIR).refused(NotInThisState, state="filed")
    the_vetted().and_(filed(), rejected()).when(FILE, by=CHAIR).refused(NotInThisState, state="rejected")
    the_call().when(FILE, by=CHAIR).refused(ApplicationUnknown)


def test_a_filing_races_with_another_of_the_same_nominator_and_track_and_with_what_it_rests_on() -> None:
    asked = the_vetted().when(FILE, by=CHAIR)
    asked.meanwhile(
        filed(THEIRS, SIBLING),
        withdrawn(THEIRS, SIBLING, COLLEGE),
        rejected(THEIRS, SIBLING),
        assigned(),
        extended(),
        judged(),
        incident(COLLEGE),
        interpreted(),
        form_saved(),
    ).is_raced()


def test_a_filing_is_not_disturbed_by_other_tracks_nominators_and_units() -> None:
    asked = the_vetted().when(FILE, by=CHAIR)
    asked.meanwhile(
        filed(THEIRS, SIBLING, track=COLLEGE_TRACK),
        filed(THEIRS, SIBLING, nominator=OTHER),
        withdrawn(THEIRS, SIBLING),
        rejected(THEIRS, SIBLING, OTHER),
        returned(THEIRS, SIBLING),
        refiled(THEIRS, SIBLING),
        assigned(nominator=OTHER),
        incident(OTHER),
        incident(SIBLING),
        started(THEIRS, SIBLING),
        unit("NEW", "branch", COLLEGE),
    ).is_undisturbed()


# --- paper, withdrawal -----------------------------------------------------------------------------------------------


def paper(day: date = date(2020, 5, 20)) -> RecordPaperReceipt:
    return RecordPaperReceipt(application_id=MINE, received_on=day)


RECEIVED = PaperReceived(application_id=MINE, unit_id=BRANCH, received_on=date(2020, 5, 20))


def test_the_paper_copy_of_what_was_filed_is_recorded_once() -> None:
    past = the_vetted().and_(filed()).when(paper(), by=CLERK).then(RECEIVED)
    past.when(paper(), by=CLERK).refused(PaperAlreadyReceived, application_id=MINE)
    the_vetted().when(paper(), by=CLERK).refused(NotInThisState, state="vetted")
    the_vetted().and_(filed()).when(paper(date(2020, 5, 21))).refused(ReceivedInFuture, today=date(2020, 5, 20))
    the_call().when(paper(), by=CLERK).refused(ApplicationUnknown)


WITHDRAW = WithdrawApplication(application_id=MINE)


def test_a_withdrawal_before_filing_names_no_nominating_unit_and_one_after_it_gives_the_place_back() -> None:
    before = the_file().when(WITHDRAW, by=HAND)
    assert isinstance(before.command, WithdrawApplication)
    assert before.command.unit_id == BRANCH
    assert before.command.nominator_unit_id is None
    before.then(withdrawn())
    after = the_vetted().and_(filed()).and_(moved(BRANCH, OTHER)).when(WITHDRAW, by=CHAIR)
    assert isinstance(after.command, WithdrawApplication)
    assert after.command.nominator_unit_id == COMMITTEE
    after.then(withdrawn(nominator=COLLEGE))


def test_an_application_is_withdrawn_once() -> None:
    the_file().and_(withdrawn()).when(WITHDRAW, by=HAND).refused(NotInThisState, state="withdrawn")
    the_call().when(WITHDRAW, by=HAND).refused(ApplicationUnknown)


@pytest.mark.parametrize(
    "past", [the_filed(), the_returned(), the_revetted(), the_screened()], ids=lambda past: past.log[-1].type
)
def test_what_was_filed_is_withdrawn_until_the_committee_decides_on_it(past: Past) -> None:
    past.when(paper(), by=CLERK).then(RECEIVED)
    past.when(WITHDRAW, by=CHAIR).then(withdrawn(nominator=COLLEGE))
    decided_on = past.and_(outcome())
    decided_on.when(WITHDRAW, by=CHAIR).refused(DecidedOnAlready, application_id=MINE)
    reopened = DecisionReopened(decision_id=DecisionId("D-1"), programme_id=CALL, track_id=BRANCH_TRACK)
    decided_on.and_(reopened).when(WITHDRAW, by=CHAIR).then(withdrawn(nominator=COLLEGE))
    decided_on.and_(reopened, outcome("D-2")).when(WITHDRAW, by=CHAIR).refused(DecidedOnAlready)
    past.when(WITHDRAW, by=CHAIR).meanwhile(outcome()).is_raced()
    past.when(WITHDRAW, by=CHAIR).meanwhile(outcome(application=THEIRS), reopened).is_undisturbed()
    decided_on.when(WITHDRAW, by=CHAIR).meanwhile(reopened).is_raced()


def outcome(decision: str = "D-1", application: str = MINE) -> ApplicationDecided:
    return ApplicationDecided(
        decision_id=DecisionId(decision),
        application_id=ApplicationId(application),
        programme_id=CALL,
        track_id=BRANCH_TRACK,
        unit_id=BRANCH,
        outcome="selected",
        order=1,
    )


@pytest.mark.parametrize("command", [paper(), WITHDRAW], ids=lambda c: type(c).__name__)
def test_acts_on_a_file_race_with_acts_on_the_same_file_only(command: Command) -> None:
    asked = the_vetted().and_(filed()).when(command, by=CLERK)
    asked.meanwhile(withdrawn(nominator=COLLEGE), RECEIVED).is_raced()
    asked.meanwhile(withdrawn(THEIRS, SIBLING, COLLEGE), filed(THEIRS, SIBLING), closed(), judged()).is_undisturbed()
