"""Screening: the office passes, rejects, or returns for correction; what comes back is told apart, and never late."""

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from domain.application.commands import FileApplication
from domain.application.materials import (
    BudgetMissing,
    FormIncomplete,
    PrepareApplication,
    SaveBudget,
    SaveForm,
    SaveSelfCheck,
)
from domain.application.policy import (
    ApplicationFile,
    ApplicationUnknown,
    Materials,
    MaterialsChanged,
    SeparationOfDuties,
)
from domain.document.policy import DocumentUnknown
from domain.eligibility.commands import JudgeEligibility, WaiveRule
from domain.eligibility.events import RuleWaived
from domain.eligibility.policy import EligibilityOutdated, NotEligible
from domain.ids import DocumentId
from domain.kernel import Command, Event, SealedAnswers
from domain.nomination.commands import DecideNomination, DeclineNomination, VetMaterials
from domain.permission.policy import NotInThisState
from domain.programme.events import TrackDefined
from domain.screening.commands import (
    CorrectionWouldBeOver,
    ExtendCorrection,
    NoPartNamed,
    NothingCorrected,
    PartNotAsked,
    PartTwice,
    PassScreening,
    RefileApplication,
    RejectAtScreening,
    RequestCorrection,
)
from domain.screening.events import Part
from domain.screening.policy import Correction, CorrectionNotExtended, CorrectionOver, CorrectionStillOpen, named
from domain.unit.policy import UnitGone
from tests.call import (
    BRANCH,
    BRANCH_TRACK,
    BUDGET,
    CHAIR,
    CLERK,
    COLLEGE,
    COMMITTEE,
    CORRECT_BY,
    CORRECTED,
    CORRECTED_DIGEST,
    CORRECTION_DAY,
    FORM,
    HAND,
    HEAD,
    MINE,
    OTHER,
    PAPER,
    SAVED,
    SIBLING,
    THEIRS,
    budget_saved,
    defined,
    deposited,
    digest_of,
    filed,
    finding,
    form_field,
    form_saved,
    founded,
    given_more_time,
    interpreted,
    judged,
    line,
    moved,
    prepared,
    rated,
    refiled,
    rejected,
    returned,
    screened,
    self_check_saved,
    started,
    the_call,
    the_file,
    the_filed,
    the_returned,
    the_revetted,
    the_screened,
    vetted,
    window_opened,
    withdrawn,
)
from tests.spec import NOON
from tests.test_eligibility import incident
from tests.test_unit import dissolved

LAST_MOMENT = CORRECT_BY - timedelta(microseconds=1)
ANOTHER_FORM = msgspec.structs.replace(form_saved(), document_id=DocumentId("d" * 64))
GOALS, SELF_CHECK = form_field("goals"), Part("self_check", "seven_strengths")

PASS = PassScreening(application_id=MINE)
REFILE = RefileApplication(application_id=MINE)


def reject(opinion: str = PAPER) -> RejectAtScreening:
    return RejectAtScreening(application_id=MINE, opinion_document_id=DocumentId(opinion))


def request(*parts: Part, day: date = CORRECTION_DAY, opinion: str = PAPER) -> RequestCorrection:
    return RequestCorrection(application_id=MINE, parts=parts, last_day=day, opinion_document_id=DocumentId(opinion))


def extend(day: date = date(2020, 6, 8)) -> ExtendCorrection:
    return ExtendCorrection(application_id=MINE, last_day=day)


OF_THE_OFFICE: list[Any] = [
    (the_filed, PASS),
    (the_filed, reject()),
    (the_filed, request(BUDGET)),
    (the_returned, extend()),
]
EVERY_ACT = [*OF_THE_OFFICE, (the_revetted, REFILE)]


def acts(of: list[Any] = EVERY_ACT) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("past", "command"), of, ids=[type(command).__name__ for _, command in of])


# --- whatever the act ------------------------------------------------------------------------------------------------


@acts()
def test_nothing_is_screened_that_is_not_on_record_or_was_never_filed_or_is_over(past: Any, command: Command) -> None:
    the_call().when(command, by=CLERK).refused(ApplicationUnknown, application_id=MINE)
    the_file().when(command, by=CLERK).refused(NotInThisState, state="started")
    past().and_(withdrawn(nominator=COLLEGE)).when(command, by=CLERK).refused(NotInThisState, state="withdrawn")
    past().and_(rejected()).when(command, by=CLERK).refused(NotInThisState, state="rejected")
    past().and_(screened()).when(command, by=CLERK).refused(NotInThisState, state="screened")


@acts()
def test_whose_hand_is_in_the_materials_neither_screens_them_nor_files_them_again(past: Any, command: Command) -> None:
    past().when(command, by=HAND).refused(SeparationOfDuties, act=type(command).__name__)


@acts()
def test_an_act_races_with_whatever_happens_to_this_application(past: Any, command: Command) -> None:
    asked = past().when(command, by=CLERK)
    asked.meanwhile(screened(), rejected(), returned(), given_more_time(), refiled()).is_raced()
    asked.meanwhile(withdrawn(nominator=COLLEGE), form_saved(), prepared(), vetted()).is_raced()


@acts()
def test_an_act_is_not_disturbed_by_another_application_of_the_same_committee(past: Any, command: Command) -> None:
    asked = past().when(command, by=CLERK)
    asked.meanwhile(
        started(THEIRS, SIBLING),
        filed(THEIRS, SIBLING),
        screened(THEIRS, SIBLING),
        rejected(THEIRS, SIBLING),
        returned(THEIRS, SIBLING),
        given_more_time(application=THEIRS, unit_id=SIBLING),
        refiled(THEIRS, SIBLING),
        withdrawn(THEIRS, SIBLING, COLLEGE),
        incident(SIBLING),
        window_opened(),
        deposited("f" * 64),
    ).is_undisturbed()


# --- passed, rejected ------------------------------------------------------------------------------------------------


def test_the_office_passes_what_was_filed_and_what_was_filed_again() -> None:
    the_filed().when(PASS, by=CLERK).then(screened())
    the_revetted().and_(refiled(), by=CHAIR).when(PASS, by=CLERK).then(screened())


def test_what_is_returned_is_not_passed_until_it_was_filed_again() -> None:
    the_returned().when(PASS, by=CLERK).refused(NotInThisState, state="returned")
    the_revetted().when(PASS, by=CLERK).refused(NotInThisState, state="revetted")


def test_a_rejection_names_the_unit_whose_place_it_gives_back_and_the_opinion() -> None:
    the_filed().when(reject(), by=HEAD).then(rejected())
    the_filed().and_(moved(BRANCH, OTHER)).when(reject(), by=HEAD).then(rejected())
    the_filed().when(reject("e" * 64), by=HEAD).refused(DocumentUnknown, document_id="e" * 64)


def test_what_is_returned_is_rejected_only_once_its_time_is_over() -> None:
    corrected = the_returned().and_(CORRECTED, prepared(CORRECTED_DIGEST), by=HAND)
    for past in (the_returned(), corrected, the_revetted()):
        past.when(reject(), by=HEAD, now=LAST_MOMENT).refused(CorrectionStillOpen, last_day=CORRECTION_DAY)
        past.when(reject(), by=HEAD, now=CORRECT_BY).then(rejected())
        longer = past.and_(given_more_time())
        longer.when(reject(), by=HEAD, now=CORRECT_BY).refused(CorrectionStillOpen, last_day=date(2020, 6, 8))
    the_revetted().and_(refiled(), by=CHAIR).when(reject(), by=HEAD).then(rejected())


@pytest.mark.parametrize("command", [reject(), request(BUDGET)], ids=lambda c: type(c).__name__)
def test_an_opinion_races_with_its_deposit(command: Command) -> None:
    the_filed().when(command, by=CLERK).meanwhile(deposited(PAPER)).is_raced()


# --- returned for correction -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [(BUDGET,), (FORM,), (GOALS,), (SELF_CHECK,), (SELF_CHECK, GOALS, BUDGET)], ids=named)
def test_an_application_is_returned_for_the_parts_that_its_track_asks_for(parts: tuple[Part, ...]) -> None:
    the_filed().when(request(*parts), by=CLERK).then(returned(parts=parts))


@pytest.mark.parametrize(
    "part",
    [
        form_field("no_such"),
        Part("form_field"),
        Part("form", "goals"),
        Part("budget", "training"),
        Part("self_check", "five_in_place"),
        Part("self_check"),
    ],
    ids=lambda part: named([part]),
)
def test_a_part_that_the_track_does_not_ask_for_is_not_corrected(part: Part) -> None:
    asked = the_filed().when(request(BUDGET, part), by=CLERK)
    asked.refused(PartNotAsked, field="parts", part=named([part]), track_id=BRANCH_TRACK)


def test_parts_are_named_each_once_and_at_least_one() -> None:
    the_filed().when(request(), by=CLERK).refused(NoPartNamed, field="parts")
    the_filed().when(request(BUDGET, GOALS, BUDGET), by=CLERK).refused(PartTwice, part="budget")
    the_filed().when(request(GOALS, GOALS), by=CLERK).refused(PartTwice, part="form_field:goals")


def test_a_track_without_budget_years_has_no_budget_to_correct() -> None:
    track = next(e for e in defined() if isinstance(e, TrackDefined) and e.track_id == BRANCH_TRACK)
    past = the_filed(msgspec.structs.replace(track, funded_years=()))
    past.when(request(BUDGET), by=CLERK).refused(PartNotAsked, part="budget")


def test_a_correction_has_at_least_the_rest_of_the_day() -> None:
    today = date(2020, 5, 20)
    the_filed().when(request(BUDGET, day=today), by=CLERK).then(returned(day=today))
    yesterday = today - timedelta(days=1)
    the_filed().when(request(BUDGET, day=yesterday), by=CLERK).refused(CorrectionWouldBeOver, last_day=yesterday)
    midnight = CORRECT_BY
    the_filed().when(request(BUDGET), by=CLERK, now=midnight).refused(CorrectionWouldBeOver)
    the_filed().when(request(BUDGET), by=CLERK, now=LAST_MOMENT).then(returned())


def test_the_opinion_is_a_document() -> None:
    the_filed().when(request(BUDGET, opinion="e" * 64), by=CLERK).refused(DocumentUnknown, document_id="e" * 64)


def test_what_was_filed_again_may_be_returned_again() -> None:
    again = the_revetted().and_(refiled(), by=CHAIR)
    again.when(request(GOALS), by=CLERK).then(returned(parts=(GOALS,)))
    the_returned().when(request(GOALS), by=CLERK).refused(NotInThisState, state="returned")


def test_a_request_races_with_what_its_track_asks_for_and_no_other() -> None:
    asked = the_filed().when(request(BUDGET), by=CLERK)
    tracks = [event for event in defined() if isinstance(event, TrackDefined)]
    asked.meanwhile(*(track for track in tracks if track.track_id == BRANCH_TRACK)).is_raced()
    asked.meanwhile(*(track for track in tracks if track.track_id != BRANCH_TRACK), interpreted()).is_undisturbed()


def test_more_time_is_given_while_there_is_some_and_to_a_later_day_only() -> None:
    the_returned().when(extend(), by=HEAD).then(given_more_time())
    the_revetted().when(extend(), by=HEAD, now=LAST_MOMENT).then(given_more_time())
    the_returned().when(extend(), by=HEAD, now=CORRECT_BY).refused(CorrectionOver, last_day=CORRECTION_DAY)
    for day in (CORRECTION_DAY, date(2020, 6, 4)):
        the_returned().when(extend(day), by=HEAD).refused(CorrectionNotExtended, last_day=CORRECTION_DAY)
    the_filed().when(extend(), by=HEAD).refused(NotInThisState, state="filed")


# --- corrected -------------------------------------------------------------------------------------------------------

SAVES: list[tuple[Command, Event]] = [
    (
        SaveForm(application_id=MINE, answers=SealedAnswers(PAPER, {"goals": 9})),
        msgspec.structs.replace(form_saved(), answered=("goals",), document_id=PAPER),
    ),
    (
        SaveSelfCheck(
            application_id=MINE,
            catalogue="seven_strengths",
            items=rated("seven_strengths")[:1],
            report=SealedAnswers(PAPER, {rated("seven_strengths")[0].criterion: 9}),
        ),
        msgspec.structs.replace(self_check_saved(items=rated("seven_strengths")[:1]), document_id=PAPER),
    ),
    (SaveBudget(application_id=MINE, lines=CORRECTED.lines), CORRECTED),
]


@pytest.mark.parametrize(("command", "saved"), SAVES, ids=lambda each: type(each).__name__)
def test_what_was_returned_is_saved_anew_part_by_part(command: Command, saved: Event) -> None:
    for past in (the_returned(), the_revetted(ANOTHER_FORM)):
        after = past.when(command, by=HAND).then(saved)
        assert after.when(PASS, by=CLERK).command.state == "returned"


def test_it_is_declared_complete_and_vetted_anew_but_not_decided_on_anew() -> None:
    past = the_returned().and_(CORRECTED, by=HAND)
    past = past.when(PrepareApplication(application_id=MINE), by=HAND).then(prepared(CORRECTED_DIGEST))
    assert past.when(PASS).command.state == "corrected"
    resolution: dict[str, Any] = {"application_id": MINE, "resolution_document_id": PAPER}
    for command in (DecideNomination(**resolution), DeclineNomination(**resolution)):
        past.when(command, by=CHAIR).refused(NotInThisState, state="corrected")
    vet = VetMaterials(application_id=MINE, materials_digest=CORRECTED_DIGEST)
    past.when(vet, by=HAND).refused(SeparationOfDuties, act="VetMaterials")
    past = past.when(vet, by=CHAIR).then(vetted(CORRECTED_DIGEST))
    past.when(REFILE, by=CHAIR).then(refiled())


def test_it_is_not_declared_complete_with_a_part_left_out() -> None:
    prepare = PrepareApplication(application_id=MINE)
    the_returned().and_(form_saved("goals"), by=HAND).when(prepare, by=HAND).refused(FormIncomplete, missing="goals")
    none_left = msgspec.structs.replace(CORRECTED, lines=())
    the_returned().and_(none_left, by=HAND).when(prepare, by=HAND).refused(BudgetMissing)


def test_the_same_acts_before_a_filing_come_to_other_states_than_in_a_correction() -> None:
    file = ApplicationFile()
    states = []
    for event in (started(), *SAVED, prepared(), vetted(), filed(), returned(), CORRECTED, prepared(), vetted()):
        file.take(event)
        states.append(file.state)
    assert states == [*["started"] * 4, "prepared", "vetted", "filed", "returned", "returned", "corrected", "revetted"]


# --- filed again -----------------------------------------------------------------------------------------------------


def test_the_committee_files_again_in_time_what_it_vetted_anew() -> None:
    the_revetted().when(REFILE, by=CHAIR).then(refiled())
    the_revetted().when(REFILE, by=CHAIR, now=LAST_MOMENT).then(refiled())


def test_what_comes_late_is_refused_by_the_dates_in_the_record() -> None:
    late = the_revetted().when(REFILE, by=CHAIR, now=CORRECT_BY)
    late.refused(CorrectionOver, last_day=CORRECTION_DAY, closes_at=CORRECT_BY)
    the_revetted().and_(given_more_time()).when(REFILE, by=CHAIR, now=CORRECT_BY).then(refiled())


def test_an_earlier_round_s_time_does_not_count_for_a_later_one() -> None:
    soon = date(2020, 5, 21)
    past = (
        the_revetted()
        .and_(given_more_time(), refiled(), returned(day=soon))
        .and_(budget_saved(line()), prepared(digest_of(started(), *SAVED, budget_saved(line()))), by=HAND)
    )
    past = past.and_(vetted(digest_of(started(), *SAVED, budget_saved(line()))), by=CHAIR)
    past.when(REFILE, by=CHAIR, now=CORRECT_BY).refused(CorrectionOver, last_day=soon)
    expected = refiled(materials_digest=digest_of(started(), *SAVED, budget_saved(line())))
    past.when(REFILE, by=CHAIR).then(expected)


def test_a_change_after_vetting_lapses_it() -> None:
    past = the_revetted().and_(ANOTHER_FORM, by=HAND)
    past.when(REFILE, by=CHAIR).refused(NotInThisState, state="returned")
    unvetted = past.and_(prepared("0" * 64), by=HAND)
    unvetted.when(REFILE, by=CHAIR).refused(NotInThisState, state="corrected")
    other = unvetted.and_(vetted(CORRECTED_DIGEST), by=CHAIR)
    other.when(REFILE, by=CHAIR).refused(MaterialsChanged, vetted_digest=CORRECTED_DIGEST)


def test_what_is_returned_is_filed_again_and_not_filed() -> None:
    the_revetted().when(FileApplication(application_id=MINE), by=CHAIR).refused(NotInThisState, state="revetted")
    the_returned().when(REFILE, by=CHAIR).refused(NotInThisState, state="returned")
    the_filed().when(REFILE, by=CHAIR).refused(NotInThisState, state="filed")


def test_a_place_once_used_is_used_no_second_time() -> None:
    full = the_revetted().and_(filed(THEIRS, SIBLING))
    full.when(REFILE, by=CHAIR).then(refiled())
    the_revetted().when(REFILE, by=CHAIR).meanwhile(filed(THEIRS, SIBLING)).is_undisturbed()


def test_the_unit_that_filed_stands_by_it_wherever_the_branch_has_moved_since() -> None:
    past = the_returned().and_(moved(BRANCH, OTHER), by=CLERK).and_(CORRECTED, prepared(CORRECTED_DIGEST), by=HAND)
    vet = past.when(VetMaterials(application_id=MINE, materials_digest=CORRECTED_DIGEST), by=CHAIR)
    assert isinstance(vet.command, VetMaterials)
    assert vet.command.nominator_unit_id == COMMITTEE
    past = vet.then(vetted(CORRECTED_DIGEST))
    past.when(REFILE, by=CHAIR).refused(EligibilityOutdated)
    past.and_(judged(), by=CLERK).when(REFILE, by=CHAIR).then(refiled())


def test_both_units_live() -> None:
    the_revetted().and_(dissolved(BRANCH)).when(REFILE, by=CHAIR).refused(UnitGone, unit_id=BRANCH)
    the_revetted().and_(dissolved(COLLEGE)).when(REFILE, by=CHAIR).refused(UnitGone, unit_id=COLLEGE)


@pytest.mark.parametrize(
    "fact", [incident(), incident(COLLEGE), incident("PC"), founded(BRANCH), interpreted()], ids=lambda f: f.TOPIC
)
def test_a_fact_since_the_judgement_asks_for_another_one(fact: Event) -> None:
    past = the_revetted().and_(fact)
    past.when(REFILE, by=CHAIR).refused(EligibilityOutdated, fact_position=len(past.log))
    past.and_(judged(), by=CLERK).when(REFILE, by=CHAIR).then(refiled())
    the_revetted().when(REFILE, by=CHAIR).meanwhile(fact, judged()).is_raced()


def test_a_self_check_that_was_corrected_is_judged_anew() -> None:
    past = the_revetted(self_check_saved(items=rated("seven_strengths", upholding="partly_met")), parts=(SELF_CHECK,))
    past.when(REFILE, by=CHAIR).refused(EligibilityOutdated)


def test_a_judgement_and_a_waiver_are_possible_again_while_it_is_corrected() -> None:
    for past in (the_returned(), the_revetted()):
        asked = past.and_(incident()).when(JudgeEligibility(application_id=MINE), by=CLERK)
        asked.command.execute()
        assert len(asked.command.new_decisions) == 1
        short = past.and_(judged(finding(outcome="not_met"), verdict="waivable"), by=CLERK)
        short.when(WaiveRule(application_id=MINE, rule="established_three_years"), by=HEAD).then(
            RuleWaived(
                application_id=MINE,
                unit_id=BRANCH,
                rule="established_three_years",
                judged_at_position=len(short.log),
            )
        )
    short = the_revetted().and_(judged(finding(outcome="not_met"), verdict="waivable"), by=CLERK)
    short.when(REFILE, by=CHAIR).refused(NotEligible, rules="established_three_years")
    for command in (JudgeEligibility(application_id=MINE), WaiveRule(application_id=MINE, rule="conduct")):
        the_filed().when(command, by=CLERK).refused(NotInThisState, state="filed")
        the_screened().when(command, by=CLERK).refused(NotInThisState, state="screened")


# --- asked and unasked -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "saved", "requested", "unrequested"),
    [
        ((BUDGET,), (CORRECTED,), (BUDGET,), ()),
        ((BUDGET,), (CORRECTED, ANOTHER_FORM), (BUDGET,), (FORM,)),
        ((GOALS,), (ANOTHER_FORM,), (FORM,), ()),
        ((FORM,), (ANOTHER_FORM,), (FORM,), ()),
        ((GOALS,), (ANOTHER_FORM, CORRECTED), (FORM,), (BUDGET,)),
        ((GOALS,), (form_saved("practices"),), (FORM,), (form_field("practices"),)),
        ((FORM,), (form_saved("practices"),), (FORM, form_field("practices")), ()),
        ((form_field("practices"),), (form_saved("practices"),), (FORM, form_field("practices")), ()),
        ((BUDGET,), (CORRECTED, form_saved("practices")), (BUDGET,), (FORM, form_field("practices"))),
        ((BUDGET, GOALS), (CORRECTED,), (BUDGET,), ()),
    ],
)
def test_what_was_changed_is_told_apart_by_whether_it_was_asked_for(
    asked: tuple[Part, ...], saved: tuple[Event, ...], requested: tuple[Part, ...], unrequested: tuple[Part, ...]
) -> None:
    digest = digest_of(started(), *SAVED, *saved)
    expected = refiled(requested=requested, unrequested=unrequested, materials_digest=digest)
    the_revetted(*saved, parts=asked).when(REFILE, by=CHAIR).then(expected)


def test_a_self_check_that_was_saved_anew_is_another_one() -> None:
    anew = msgspec.structs.replace(self_check_saved(), document_id=DocumentId("d" * 64))
    digest = digest_of(started(), *SAVED, anew)
    for asked, (requested, unrequested) in {
        (SELF_CHECK,): ((SELF_CHECK,), ()),
        (SELF_CHECK, BUDGET): ((SELF_CHECK,), ()),
    }.items():
        past = the_revetted(anew, parts=asked).and_(judged(), by=CLERK)
        expected = refiled(requested=requested, unrequested=unrequested, materials_digest=digest)
        past.when(REFILE, by=CHAIR).then(expected)


def test_nothing_is_filed_again_of_which_nothing_was_corrected() -> None:
    untouched = the_returned(BUDGET, GOALS).and_(prepared(), by=HAND).and_(vetted(), by=CHAIR)
    untouched.when(REFILE, by=CHAIR).refused(NothingCorrected, parts="budget, form_field:goals")
    the_revetted(ANOTHER_FORM).when(REFILE, by=CHAIR).refused(NothingCorrected, parts="budget")


def test_a_second_correction_is_compared_with_what_was_filed_again() -> None:
    past = the_revetted().and_(refiled(), by=CHAIR).and_(returned(parts=(GOALS,)), by=CLERK)
    digest = digest_of(started(), *SAVED, CORRECTED, ANOTHER_FORM)
    past = past.and_(ANOTHER_FORM, prepared(digest), by=HAND).and_(vetted(digest), by=CHAIR)
    past.when(REFILE, by=CHAIR).then(refiled(requested=(FORM,), materials_digest=digest))


def test_what_changed_is_what_the_record_can_tell() -> None:
    before, after = ApplicationFile(), ApplicationFile()
    for event in (started(), *SAVED):
        before.take(event)
        after.take(event)
    assert after.materials.changed_since(before.materials) == ()
    assert before.changed_since_filed() == ()
    empty = Materials(MINE, None, (), ())
    everything = before.materials.changed_since(empty)
    assert empty.changed_since(before.materials) == everything
    assert everything[:2] == (BUDGET, FORM)
    assert everything[-1] == SELF_CHECK
    assert {part.kind for part in everything[2:-1]} == {"form_field"}


def test_a_correction_is_over_by_its_dates_and_never_before_it_was_asked_for() -> None:
    correction = Correction()
    assert not correction.is_over(CORRECT_BY)
    correction.require_extended_by(NOON)
    correction.take(returned())
    assert (correction.is_over(LAST_MOMENT), correction.is_over(CORRECT_BY)) == (False, True)
    correction.take(given_more_time())
    assert (correction.parts, correction.is_over(CORRECT_BY)) == ((BUDGET,), False)
