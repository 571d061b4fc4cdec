"""What earlier programmes left behind is seen by the next one, as of its dates: titles, outcomes, bars, quota cuts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from domain.accountability.events import MeasureDecided
from domain.eligibility.commands import JudgeEligibility
from domain.eligibility.events import EligibilityJudged, Finding
from domain.eligibility.policy import EligibilityOutdated
from domain.ids import AppointmentId, MeasureId, PersonId, ProgrammeId, UnitId
from domain.kernel import Event
from domain.nomination.policy import QuotaCut, QuotaExhausted
from domain.person.events import Appointed, AppointmentEnded
from domain.programme.events import (
    AllOf,
    AnyOf,
    EligibilityRuleDefined,
    FoundedAtLeast,
    HoldsTitle,
    NoBar,
    NoEarlierOutcome,
    RollingYears,
    Test,
)
from tests.call import (
    BRANCH,
    BRANCH_TRACK,
    CALL,
    CHAIR,
    CLERK,
    COLLEGE,
    HAND,
    MINE,
    SIBLING,
    THEIRS,
    TOP,
    assigned,
    decided,
    filed,
    prepared,
    the_file,
    the_vetted,
    vetted,
)
from tests.consequences import (
    SECRETARY,
    amended,
    appealed,
    assessed,
    conferred,
    lapsed,
    lifted,
    measured,
    renewed,
    revoked,
)
from tests.spec import Past, at
from tests.test_application import FILE

BEFORE = ProgrammeId("call-of-2018")
JUDGE = JudgeEligibility(application_id=MINE)
AS_OF, THEN = date(2020, 5, 31), at("2018-06-30 10:00")
ADVISER = PersonId("00000000-0000-0000-0000-000000000022")
SOMEONE = PersonId("00000000-0000-0000-0000-000000000023")


def asks(test: Test, as_of: str | None = "application_closes", severity: Any = "hard") -> EligibilityRuleDefined:
    return EligibilityRuleDefined(
        programme_id=CALL, track_id=BRANCH_TRACK, rule="asked", name_zh="条件", name_en="Rule", clause="二",
        severity=severity, test=test, as_of_term=as_of,
    )  # fmt: skip


def finding_of(test: Test, *facts: Event, when: datetime = THEN, **more: Any) -> Finding:
    """What the asked rule finds of the branch, these facts having been recorded of earlier programmes."""
    past = the_file().and_(asks(test, **more)).and_(*facts, when=when)
    return next(each for each in judged_in(past).findings if each.rule == "asked")


def judged_in(past: Past) -> EligibilityJudged:
    command = past.when(JUDGE, by=CLERK).command
    command.execute()
    (body,) = (tagged.decision for tagged in command.collect_events())
    assert isinstance(body, EligibilityJudged)
    return body


# --- titles -----------------------------------------------------------------------------------------------------------

OF_BRANCH: dict[str, Any] = {"unit_id": BRANCH, "programme_id": BEFORE}
HELD = HoldsTitle(titles=("model_branch",))


def title(until: date | None = None, **changes: Any) -> Event:
    return conferred(**OF_BRANCH, conferred_on=date(2018, 6, 30), valid_until=until, **changes)


def test_a_title_that_was_conferred_here_is_seen_by_the_next_programme() -> None:
    assert finding_of(HELD).outcome == "not_met"
    found = finding_of(HELD, title())
    assert found.outcome == "met"
    assert len(found.evidence) == 1


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        ([title(AS_OF)], "met"),
        ([title(date(2020, 5, 30))], "not_met"),
        ([title(date(2020, 5, 30)), renewed(**OF_BRANCH, renewed_on=date(2020, 5, 1))], "met"),
        ([title(), revoked(**OF_BRANCH, revoked_on=AS_OF)], "not_met"),
        ([title(), revoked(**OF_BRANCH, revoked_on=date(2020, 6, 1))], "met"),
        ([title(date(2020, 5, 30)), lapsed(**OF_BRANCH)], "not_met"),
        ([title(title="another")], "not_met"),
        ([conferred(programme_id=BEFORE, unit_id=SIBLING, conferred_on=date(2018, 6, 30))], "not_met"),
        ([conferred(**OF_BRANCH, conferred_on=date(2020, 6, 1))], "not_met"),
    ],
)
def test_a_title_counts_as_of_the_rule_s_date(facts: list[Event], outcome: str) -> None:
    assert finding_of(HELD, *facts).outcome == outcome


# --- outcomes ---------------------------------------------------------------------------------------------------------

NOT_FAILED = NoEarlierOutcome(outcomes=("not_met",), look_back=RollingYears(years=3))


def outcome_of(outcome: str = "not_met", **changes: Any) -> Event:
    return assessed("no_completion", outcome=outcome, **OF_BRANCH, **changes)


def test_an_outcome_of_an_earlier_programme_is_seen_within_the_look_back() -> None:
    found = finding_of(NOT_FAILED, outcome_of())
    assert (found.outcome, len(found.evidence)) == ("not_met", 1)
    assert finding_of(NOT_FAILED).outcome == "met"
    assert finding_of(NOT_FAILED, outcome_of("met")).outcome == "met"
    assert finding_of(NOT_FAILED, outcome_of(), when=at("2017-05-30 10:00")).outcome == "met"
    assert finding_of(NOT_FAILED, outcome_of(), when=at("2020-06-01 00:00")).outcome == "met"


def test_what_was_decided_last_of_a_case_by_that_day_counts() -> None:
    first, second = outcome_of(), outcome_of("met", round=2)
    assert finding_of(NOT_FAILED, first, second).outcome == "met"
    assert finding_of(NOT_FAILED, second, outcome_of(round=3)).outcome == "not_met"
    past = the_file().and_(asks(NOT_FAILED)).and_(first, when=at("2018-06-30 10:00"))
    past = past.and_(second, when=at("2020-06-02 10:00"))
    (found,) = (each for each in judged_in(past).findings if each.rule == "asked")
    assert found.outcome == "not_met"


# --- bars -------------------------------------------------------------------------------------------------------------


def bar(unit_id: str | None = BRANCH, *, concerned: Any = "unit", person: Any = None, **changes: Any) -> MeasureDecided:
    fields: dict[str, Any] = {
        "programme_id": BEFORE, "application_id": None, "unit_id": None if unit_id is None else UnitId(unit_id),
        "person_id": person, "concerned": concerned, "from_on": date(2018, 7, 1),
    }  # fmt: skip
    return measured("bar", **(fields | changes))


def of_bar(body: MeasureDecided) -> dict[str, Any]:
    return {
        "programme_id": BEFORE, "application_id": None, "unit_id": body.unit_id, "person_id": body.person_id,
    }  # fmt: skip


def office(role: Any, person: PersonId = SECRETARY, first_day: date = date(2018, 1, 1), **changes: Any) -> Appointed:
    fields: dict[str, Any] = {
        "appointment_id": AppointmentId(f"a-{role}-{person[-2:]}"), "person_id": person, "role": role,
        "unit_id": BRANCH, "first_day": first_day,
    }  # fmt: skip
    return Appointed(**(fields | changes))


def ended_office(role: Any, last_day: date) -> AppointmentEnded:
    return AppointmentEnded(
        appointment_id=AppointmentId(f"a-{role}-{SECRETARY[-2:]}"), person_id=SECRETARY, unit_id=BRANCH,
        last_day=last_day,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        ([], "met"),
        ([bar()], "not_met"),
        ([bar(until_on=AS_OF)], "not_met"),
        ([bar(until_on=date(2020, 5, 30))], "met"),
        ([bar(from_on=date(2020, 6, 1))], "met"),
        ([bar(), lifted(**of_bar(bar()), lifted_on=AS_OF)], "met"),
        ([bar(), lifted(**of_bar(bar()), lifted_on=date(2020, 6, 1))], "not_met"),
        ([bar(), appealed(**of_bar(bar()), lodged_on=date(2018, 7, 5), suspends=True)], "met"),
        ([bar(), appealed(**of_bar(bar()), lodged_on=date(2018, 7, 5))], "not_met"),
        ([bar(SIBLING)], "met"),
        ([bar(COLLEGE, concerned="parent")], "met"),
        ([measured("circular", **of_bar(bar()), from_on=date(2018, 7, 1))], "met"),
    ],
)
def test_a_bar_of_the_unit_counts_as_of_the_rule_s_date(facts: list[Event], outcome: str) -> None:
    assert finding_of(NoBar(reach=("unit",)), *facts).outcome == outcome


@pytest.mark.parametrize(
    ("reach", "barred", "outcome"),
    [
        ("parent", bar(COLLEGE, concerned="parent"), "not_met"),
        ("parent", bar(COLLEGE), "met"),
        ("parent", bar(TOP, concerned="parent"), "met"),
        ("ancestors", bar(TOP, concerned="parent"), "not_met"),
        ("parent", bar(), "met"),
    ],
)
def test_a_parent_that_is_barred_as_a_parent_bars_what_stands_under_it(
    reach: Any, barred: MeasureDecided, outcome: str
) -> None:
    assert finding_of(NoBar(reach=(reach,)), barred).outcome == outcome


LEADER = NoBar(reach=("leader",))


def test_a_secretary_who_is_barred_bars_the_unit_of_that_day() -> None:
    barred = bar(None, concerned="leader", person=SECRETARY)
    found = finding_of(LEADER, office("secretary"), barred)
    assert (found.outcome, len(found.evidence)) == ("not_met", 2)
    assert finding_of(LEADER, office("secretary"), bar(None, concerned="adviser", person=SECRETARY)).outcome == "met"
    replaced = [office("secretary"), ended_office("secretary", date(2019, 1, 1)), office("secretary", SOMEONE)]
    assert finding_of(LEADER, *replaced, barred).outcome == "met"
    assert finding_of(LEADER, office("secretary"), ended_office("secretary", AS_OF), barred).outcome == "not_met"


def test_who_the_secretary_is_must_be_on_record() -> None:
    assert finding_of(LEADER).outcome == "unknown"
    assert finding_of(LEADER, office("applicant")).outcome == "unknown"
    assert finding_of(NoBar(), bar()).outcome == "not_met"
    assert finding_of(NoBar(), office("secretary")).outcome == "met"


def test_an_adviser_who_is_barred_bars_the_unit_and_a_unit_need_not_have_one() -> None:
    test = NoBar(reach=("adviser",))
    assert finding_of(test).outcome == "met"
    barred = bar(None, concerned="adviser", person=ADVISER)
    assert finding_of(test, office("adviser", ADVISER), barred).outcome == "not_met"
    elsewhere = office("adviser", ADVISER, unit_id=SIBLING)
    assert finding_of(test, elsewhere, barred).outcome == "met"


def test_a_bar_that_was_amended_counts_as_amended_and_names_both_facts() -> None:
    shorter = amended(**of_bar(bar()), amended_on=date(2018, 8, 1), until_on=date(2019, 1, 1))
    assert finding_of(NoBar(reach=("unit",)), bar(), shorter).outcome == "met"
    longer = amended(**of_bar(bar()), amended_on=date(2018, 8, 1), until_on=date(2021, 1, 1))
    assert len(finding_of(NoBar(reach=("unit",)), bar(until_on=date(2019, 1, 1)), longer).evidence) == 2


def test_tests_may_stand_inside_others() -> None:
    either = AnyOf(tests=(HELD, NoBar(reach=("unit",))))
    assert finding_of(either, bar()).outcome == "not_met"
    assert finding_of(either, bar(), title()).outcome == "met"
    assert finding_of(AllOf(tests=(HELD, NOT_FAILED)), title(), outcome_of()).outcome == "not_met"


# --- what a judgement rests on ----------------------------------------------------------------------------------------


FOUNDED = FoundedAtLeast(years=1)


def the_judged(test: Test, *facts: Event) -> Past:
    past = the_file(asks(test)).and_(*facts).and_(prepared(), by=HAND).and_(decided(), vetted(), by=CHAIR)
    return past.and_(judged_in(past), by=CLERK)


@pytest.mark.parametrize(
    ("test", "fact"),
    [
        (AnyOf(tests=(HELD, NOT_FAILED)), title()),
        (NOT_FAILED, outcome_of("met")),
        (NoBar(reach=("unit",)), bar(until_on=date(2019, 1, 1))),
        (NoBar(reach=("parent",)), bar(COLLEGE)),
        (NoBar(reach=("adviser",)), office("adviser", ADVISER)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_consequence_that_is_recorded_later_outdates_the_judgement(test: Test, fact: Event) -> None:
    past = the_judged(test)
    past.when(FILE, by=CHAIR).then(filed())
    past.when(JUDGE, by=CLERK).then()
    past.when(FILE, by=CHAIR).meanwhile(fact).is_raced()
    past.when(JUDGE, by=CLERK).meanwhile(fact).is_raced()
    later = past.and_(fact)
    later.when(FILE, by=CHAIR).refused(EligibilityOutdated, fact_position=len(later.log))


def test_what_no_rule_asks_for_neither_outdates_nor_disturbs() -> None:
    past = the_judged(FOUNDED)
    others: list[Event] = [title(), outcome_of(), bar(), office("secretary"), bar(COLLEGE, concerned="parent")]
    past.when(JUDGE, by=CLERK).meanwhile(*others).is_undisturbed()
    past.and_(*others).when(FILE, by=CHAIR).then(filed())


def test_a_bar_of_somebody_who_answers_for_another_unit_does_not_disturb() -> None:
    past = the_judged(NoBar(), office("secretary"))
    past.when(JUDGE, by=CLERK).meanwhile(bar(None, concerned="leader", person=SECRETARY)).is_raced()
    past.when(JUDGE, by=CLERK).meanwhile(bar(None, concerned="leader", person=SOMEONE), bar(SIBLING)).is_undisturbed()


# --- quota cuts -------------------------------------------------------------------------------------------------------


def cut(places: int = 1, unit_id: str = COLLEGE, **changes: Any) -> MeasureDecided:
    fields: dict[str, Any] = {
        "programme_id": BEFORE, "application_id": None, "unit_id": UnitId(unit_id), "concerned": "parent",
        "measure_id": MeasureId("M-7"), "from_on": date(2020, 1, 1), "until_on": date(2020, 12, 31), "places": places,
    }  # fmt: skip
    return measured("quota_cut", **(fields | changes))


def test_places_that_are_cut_are_not_there_for_the_next_programme() -> None:
    the_vetted(cut()).when(FILE, by=CHAIR).refused(QuotaCut, places=1, cut=1, used=0)
    the_vetted(assigned(2), cut()).when(FILE, by=CHAIR).then(filed())
    used = the_vetted(assigned(2), cut()).and_(filed(THEIRS, SIBLING))
    used.when(FILE, by=CHAIR).refused(QuotaCut, places=2, cut=1, used=1)
    none_left = the_vetted(cut()).and_(filed(THEIRS, SIBLING))
    none_left.when(FILE, by=CHAIR).refused(QuotaExhausted, places=1, used=1)


@pytest.mark.parametrize(
    "measure",
    [
        cut(until_on=date(2020, 5, 19)),
        cut(from_on=date(2020, 5, 21)),
        cut(unit_id=SIBLING),
        bar(COLLEGE, concerned="parent"),
    ],
    ids=["over", "not yet", "of another unit", "of another kind"],
)
def test_places_are_cut_while_the_measure_is_in_force_and_of_that_unit(measure: MeasureDecided) -> None:
    the_vetted(measure).when(FILE, by=CHAIR).then(filed())


def test_a_cut_that_was_lifted_is_gone() -> None:
    gone = lifted("quota_cut", **of_bar(cut()), measure_id=MeasureId("M-7"), lifted_on=date(2020, 5, 20))
    the_vetted(cut(), gone).when(FILE, by=CHAIR).then(filed())


def test_a_cut_meanwhile_is_a_race_and_that_of_another_unit_is_not() -> None:
    the_vetted().when(FILE, by=CHAIR).meanwhile(cut()).is_raced()
    the_vetted().when(FILE, by=CHAIR).meanwhile(cut(unit_id=SIBLING)).is_undisturbed()
