"""Eligibility: each rule over the dated facts of the unit and of those above it, as of its day; some can be waived."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import msgspec
import pytest

from domain.application.policy import ApplicationUnknown, SeparationOfDuties
from domain.eligibility.commands import (
    JudgeEligibility,
    NothingToWaive,
    RuleAlreadyWaived,
    RuleNotWaivable,
    RuleUnknown,
    WaiveRule,
)
from domain.eligibility.events import EligibilityJudged, Finding, RuleOutcome, RuleWaived
from domain.eligibility.policy import Judgement, NotEligible, NotJudged, Question, judge, verdict_of, years_before
from domain.ids import IncidentId, UnitId
from domain.kernel import Event
from domain.permission.policy import NotInThisState
from domain.programme.events import (
    AllOf,
    AnyOf,
    DateValue,
    EligibilityRuleDefined,
    ErratumRecorded,
    FoundedAtLeast,
    HasTrait,
    HoldsHonour,
    HoldsTitle,
    LeafTest,
    NoEarlierOutcome,
    NoIncident,
    RollingYears,
    SelfCheckMet,
    SinceDay,
    Test,
    Unbounded,
)
from domain.programme.policy import TermNotInterpreted
from domain.unit.events import (
    EarlierOutcomeRecorded,
    EarlierTitleRecorded,
    HonourRecorded,
    IncidentRecorded,
    IncidentWithdrawn,
    UnitRenamed,
)
from domain.unit.policy import Tree, UnitGone
from tests.call import (
    BRANCH,
    BRANCH_TRACK,
    CALL,
    CLERK,
    COLLEGE,
    HAND,
    HEAD,
    MINE,
    OTHER,
    PAPER,
    TOP,
    UNITS,
    announced,
    assigned,
    defined,
    finding,
    founded,
    interpreted,
    judged,
    moved,
    rated,
    self_check_saved,
    started,
    the_call,
    the_file,
    the_start,
    unit,
    window_opened,
    withdrawn,
)
from tests.spec import Past, at, given
from tests.test_unit import dissolved

TODAY = date(2020, 5, 20)
FOUNDED_2018 = founded(BRANCH, date(2018, 4, 1))


def incident(
    unit_id: str = BRANCH,
    *,
    kind: str = "safety",
    severity: Any = "major",
    scope: Any = "unit",
    on: date = date(2018, 11, 20),
) -> IncidentRecorded:
    return IncidentRecorded(
        incident_id=IncidentId(f"I-{unit_id}"),
        unit_id=UnitId(unit_id),
        kind=kind,
        severity=severity,
        scope=scope,
        occurred_on=on,
        valid_on=on,
        source_document_id=PAPER,
    )


# --- single tests, on a small tree -----------------------------------------------------------------------------------

LIVES = (unit(TOP, "party_committee"), unit(COLLEGE, "general_branch", TOP), unit(BRANCH, "branch", COLLEGE, "staff"))


def find(test: Test, *facts: Event, day: date = TODAY, rated_items: Any = None, **rule: Any) -> Finding:
    tree = Tree()
    for position, fact in enumerate((*LIVES, *facts), start=1):
        tree.take(fact, position)  # type: ignore[arg-type]  # Every fact here is a unit's.
    defined_rule = EligibilityRuleDefined(
        programme_id=CALL,
        track_id=BRANCH_TRACK,
        rule="tested",
        name_zh="条件",
        name_en="Rule",
        clause="二",
        severity="hard",
        test=test,
        **rule,
    )
    checked = {} if rated_items is None else {"seven_strengths": 50}
    items = {} if rated_items is None else {"seven_strengths": rated_items}
    question = Question(unit_id=BRANCH, tree=tree, rated=items, checked=checked)
    (found,) = judge([(40, defined_rule, day)], question)
    assert (found.rule, found.rule_position, found.as_of) == ("tested", 40, day)
    return found


def outcome(test: Test, *facts: Event, **changes: Any) -> tuple[RuleOutcome, tuple[int, ...]]:
    found = find(test, *facts, **changes)
    return found.outcome, found.evidence


def test_established_for_years_counts_to_the_day() -> None:
    three = FoundedAtLeast(years=3)
    assert outcome(three, founded(BRANCH, date(2017, 5, 20))) == ("met", (4,))
    assert outcome(three, founded(BRANCH, date(2017, 5, 21))) == ("not_met", (4,))


def test_a_foundation_that_nobody_recorded_is_unknown() -> None:
    assert outcome(FoundedAtLeast(years=3)) == ("unknown", ())


def test_a_unit_that_was_not_in_the_tree_yet_is_unknown() -> None:
    assert outcome(HasTrait(trait="staff"), day=date(2014, 12, 31)) == ("unknown", ())


def test_years_before_the_29th_of_february() -> None:
    assert years_before(date(2020, 2, 29), 3) == date(2017, 2, 28)
    assert years_before(date(2020, 2, 29), 4) == date(2016, 2, 29)


def test_a_trait_rests_on_what_described_the_unit() -> None:
    assert outcome(HasTrait(trait="staff")) == ("met", (3,))
    assert outcome(HasTrait(trait="student")) == ("not_met", (3,))


def no_incident(**changes: Any) -> NoIncident:
    return NoIncident(**{"kinds": ("safety",), "at_least": "prominent", "scopes": ("unit",), **changes})


@pytest.mark.parametrize(
    ("facts", "test", "expected"),
    [
        ([], no_incident(), ("met", ())),
        ([incident()], no_incident(), ("not_met", (4,))),
        ([incident(kind="law")], no_incident(), ("met", ())),
        ([incident(severity="minor")], no_incident(), ("met", ())),
        ([incident(severity="prominent")], no_incident(), ("not_met", (4,))),
        ([incident(severity="prominent")], no_incident(at_least="major"), ("met", ())),
        ([incident(scope="staff")], no_incident(), ("met", ())),
        ([incident(scope="staff")], no_incident(scopes=("member", "staff")), ("not_met", (4,))),
        ([incident(COLLEGE)], no_incident(), ("met", ())),
        ([incident(COLLEGE)], no_incident(reach=("unit", "parent")), ("not_met", (4,))),
        ([incident(COLLEGE), incident(BRANCH)], no_incident(reach=("unit", "parent")), ("not_met", (4, 5))),
        ([incident(BRANCH)], no_incident(reach=("parent",)), ("met", ())),
        ([incident(TOP)], no_incident(reach=("unit", "parent")), ("met", ())),
        ([incident(TOP)], no_incident(reach=("ancestors",)), ("not_met", (4,))),
        ([incident(on=date(1990, 1, 1))], no_incident(look_back=Unbounded()), ("not_met", (4,))),
        ([incident(on=date(2017, 5, 19))], no_incident(look_back=RollingYears(years=3)), ("met", ())),
        ([incident(on=date(2017, 5, 20))], no_incident(look_back=RollingYears(years=3)), ("not_met", (4,))),
        ([incident(on=date(2017, 12, 31))], no_incident(look_back=SinceDay(day=date(2018, 1, 1))), ("met", ())),
        ([incident(on=date(2018, 1, 1))], no_incident(look_back=SinceDay(day=date(2018, 1, 1))), ("not_met", (4,))),
        ([incident(on=date(2020, 5, 21))], no_incident(), ("met", ())),
    ],
)
def test_incidents_count_by_kind_severity_scope_reach_and_look_back(
    facts: list[Event], test: NoIncident, expected: object
) -> None:
    assert outcome(test, *facts) == expected


def test_a_withdrawn_incident_counts_no_longer() -> None:
    gone = IncidentWithdrawn(
        incident_id=IncidentId(f"I-{BRANCH}"), unit_id=BRANCH, valid_on=TODAY, source_document_id=PAPER
    )
    assert outcome(no_incident(), incident(), gone) == ("met", ())


def test_a_parent_counts_as_of_the_rule_s_day() -> None:
    reach = no_incident(reach=("parent",))
    facts = [unit(OTHER, "general_branch", TOP), moved(BRANCH, OTHER, date(2020, 5, 1)), incident(COLLEGE)]
    assert outcome(reach, *facts) == ("met", ())
    assert outcome(reach, *facts, day=date(2020, 4, 30)) == ("not_met", (6,))


def test_a_parent_that_was_not_read_has_no_incidents() -> None:
    assert outcome(no_incident(reach=("ancestors",)), moved(TOP, "BEYOND", date(2020, 1, 1))) == ("met", ())


def honour(name: str = "advanced_branch", on: date = date(2019, 7, 1)) -> HonourRecorded:
    return HonourRecorded(
        unit_id=BRANCH, honour=name, level="institution", awarded_on=on, valid_on=on, source_document_id=PAPER
    )


def title(last_day: date | None) -> EarlierTitleRecorded:
    return EarlierTitleRecorded(
        unit_id=BRANCH,
        title="model_branch",
        level="provincial",
        conferred_on=date(2018, 1, 1),
        last_day=last_day,
        valid_on=date(2018, 1, 1),
        source_document_id=PAPER,
    )


def earlier(name: str = "revoked", on: date = date(2019, 1, 1)) -> EarlierOutcomeRecorded:
    return EarlierOutcomeRecorded(
        unit_id=BRANCH, programme="earlier", outcome=name, decided_on=on, valid_on=on, source_document_id=PAPER
    )


def test_honours_titles_and_earlier_outcomes_count_within_their_time() -> None:
    honoured = HoldsHonour(honours=("advanced_branch",), look_back=RollingYears(years=3))
    assert outcome(honoured, honour()) == ("met", (4,))
    assert outcome(honoured, honour("another")) == ("not_met", ())
    assert outcome(honoured, honour(on=date(2017, 5, 20))) == ("met", (4,))
    assert outcome(honoured, honour(on=date(2017, 5, 19))) == ("not_met", ())
    titled = HoldsTitle(titles=("model_branch",))
    assert outcome(titled, title(None)) == ("met", (4,))
    assert outcome(titled, title(date(2020, 5, 20))) == ("met", (4,))
    assert outcome(titled, title(date(2020, 5, 19))) == ("not_met", ())
    clean = NoEarlierOutcome(outcomes=("revoked",), look_back=SinceDay(day=date(2018, 1, 1)))
    assert outcome(clean, earlier()) == ("not_met", (4,))
    assert outcome(clean, earlier("completed")) == ("met", ())
    assert outcome(clean, earlier(on=date(2018, 1, 1))) == ("not_met", (4,))
    assert outcome(clean, earlier(on=date(2017, 12, 31))) == ("met", ())


def test_a_self_check_is_met_but_for_what_is_allowed() -> None:
    strict = SelfCheckMet(catalogue="seven_strengths")
    assert outcome(strict) == ("unknown", ())
    assert outcome(strict, rated_items=rated("seven_strengths")) == ("met", (50,))
    partly = rated("seven_strengths", managing_members="partly_met")
    assert outcome(strict, rated_items=partly) == ("not_met", (50,))
    assert outcome(SelfCheckMet(catalogue="seven_strengths", unmet_at_most=1), rated_items=partly) == ("met", (50,))


MET, UNMET, OPEN = HasTrait(trait="staff"), HasTrait(trait="student"), FoundedAtLeast(years=1)


@pytest.mark.parametrize(
    ("tests", "any_of", "all_of"),
    [
        ((MET, UNMET), "met", "not_met"),
        ((MET, OPEN), "met", "unknown"),
        ((UNMET, OPEN), "unknown", "not_met"),
        ((UNMET, UNMET), "not_met", "not_met"),
        ((MET, MET), "met", "met"),
        ((UNMET, MET, OPEN), "met", "not_met"),
    ],
)
def test_several_tests_are_weighed_with_what_is_not_known(
    tests: tuple[LeafTest, ...], any_of: str, all_of: str
) -> None:
    assert find(AnyOf(tests=tests)).outcome == any_of
    assert find(AllOf(tests=tests)).outcome == all_of


def test_a_rule_applies_to_its_units_only() -> None:
    assert outcome(OPEN, for_traits=("student",)) == ("not_applicable", (3,))
    assert outcome(OPEN, not_for_traits=("staff", "other")) == ("not_applicable", (3,))
    assert outcome(OPEN, for_traits=("staff",)) == ("unknown", (3,))
    assert outcome(OPEN, not_for_traits=("student",)) == ("unknown", (3,))


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ([], "eligible"),
        ([finding(), finding(outcome="not_applicable", severity="hard")], "eligible"),
        ([finding(outcome="not_met")], "waivable"),
        ([finding(outcome="unknown")], "waivable"),
        ([finding(outcome="not_met"), finding(outcome="unknown", severity="hard")], "ineligible"),
    ],
)
def test_what_is_hard_decides_and_what_is_unknown_counts_as_not_met(findings: list[Finding], verdict: str) -> None:
    assert verdict_of(findings) == verdict


# --- judged ----------------------------------------------------------------------------------------------------------

JUDGE = JudgeEligibility(application_id=MINE)


def judgement_of(past: Past, **how: Any) -> EligibilityJudged:
    """What a judgement would record."""
    command = past.when(JUDGE, **{"by": CLERK, **how}).command
    command.execute()
    (body,) = (tagged.decision for tagged in command.collect_events())
    assert isinstance(body, EligibilityJudged)
    return body


def outcomes(found: Iterable[Finding]) -> dict[str, str]:
    return {each.rule: each.outcome for each in found}


def test_a_branch_of_three_years_without_blemish_is_eligible() -> None:
    body = judgement_of(the_file())
    assert (body.verdict, body.unit_id, body.track_id) == ("eligible", BRANCH, BRANCH_TRACK)
    assert outcomes(body.findings) == {
        "established_three_years": "met",
        "established_two_years": "not_applicable",
        "seven_strengths": "met",
        "no_prominent_problem": "met",
        "no_major_incident": "met",
        "conduct_members": "met",
        "conduct_staff": "met",
    }


def test_a_younger_branch_is_waivable_as_of_the_deadline() -> None:
    body = judgement_of(the_file(FOUNDED_2018))
    assert body.verdict == "waivable"
    first = body.findings[0]
    assert (first.rule, first.outcome, first.severity) == ("established_three_years", "not_met", "waivable")
    assert first.as_of == date(2020, 5, 31)


def test_a_student_branch_under_two_years_is_ineligible_for_good() -> None:
    student = unit("BR-6", "branch", COLLEGE, "student_branch")
    past = the_call().and_(student, founded("BR-6", date(2018, 10, 1)), started(unit_id="BR-6"))
    body = judgement_of(past)
    assert body.verdict == "ineligible"
    assert outcomes(body.findings)["established_two_years"] == "not_met"
    assert outcomes(body.findings)["established_three_years"] == "not_applicable"
    assert outcomes(body.findings)["seven_strengths"] == "unknown"


def test_an_incident_of_the_parent_blocks() -> None:
    body = judgement_of(the_file(incident(COLLEGE)))
    assert body.verdict == "ineligible"
    blocked = next(each for each in body.findings if each.rule == "no_major_incident")
    assert blocked.outcome == "not_met"
    past = the_file(incident(COLLEGE)).log
    assert [past[position - 1].event for position in blocked.evidence] == [incident(COLLEGE)]


def test_an_erratum_of_the_deadline_moves_the_day_of_judgement() -> None:
    later = ErratumRecorded(
        programme_id=CALL,
        term="application_closes",
        value=DateValue(day=date(2021, 4, 1)),
        erratum_document_id=PAPER,
    )
    body = judgement_of(the_file(FOUNDED_2018, later))
    assert (body.verdict, body.findings[0].as_of) == ("eligible", date(2021, 4, 1))


def test_nothing_is_judged_by_a_term_without_a_value() -> None:
    past = given(*UNITS, announced(), *defined()).and_(started(), by=HAND)
    past.when(JUDGE, by=CLERK).refused(TermNotInterpreted, term="application_closes")


def test_the_same_judgement_on_the_same_facts_is_not_repeated() -> None:
    past = the_file()
    body = judgement_of(past)
    again = past.and_(body, by=CLERK)
    again.when(JUDGE, by=CLERK).then()
    newer = again.and_(founded(BRANCH))
    assert judgement_of(newer).findings != body.findings
    unrelated = again.and_(incident(TOP))
    assert judgement_of(unrelated).findings == body.findings


def test_a_day_that_passes_changes_no_judgement_and_undoes_no_waiver() -> None:
    past = the_file(FOUNDED_2018)
    past = past.and_(judgement_of(past), by=CLERK)
    past.and_(waiver(past), by=HEAD).when(JUDGE, by=CLERK, now=at("2020-05-27 09:00")).then()


def test_a_day_that_passes_may_make_met_what_was_not() -> None:
    """Nothing was recorded since, and the incident of 2018 lies two years back by now."""
    recently = no_incident(kinds=("safety",), look_back=RollingYears(years=2))
    rule = msgspec.structs.replace(
        next(event for event in defined() if isinstance(event, EligibilityRuleDefined) and event.as_of_term is None),
        track_id=BRANCH_TRACK,
        rule="recent",
        test=recently,
    )
    past = the_file(rule, incident(on=date(2018, 5, 21)))
    first, later = judgement_of(past), at("2020-05-22 09:00")
    again = past.and_(first, by=CLERK)
    assert outcomes(first.findings)["recent"] == "not_met"
    again.when(JUDGE, by=CLERK, now=at("2020-05-21 23:59")).then()
    assert outcomes(judgement_of(again, now=later).findings)["recent"] == "met"


def test_an_application_is_judged_until_it_is_filed_and_while_its_unit_lives() -> None:
    the_file().and_(withdrawn()).when(JUDGE, by=CLERK).refused(NotInThisState, state="withdrawn")
    the_file().and_(dissolved(BRANCH)).when(JUDGE, by=CLERK).refused(UnitGone)
    the_call().when(JUDGE, by=CLERK).refused(ApplicationUnknown)


def test_a_judgement_races_with_every_fact_that_it_rests_on_and_no_other() -> None:
    asked = the_file().when(JUDGE, by=CLERK)
    asked.meanwhile(
        incident(), incident(COLLEGE), incident(TOP), honour(), self_check_saved(), interpreted(), judged()
    ).is_raced()
    renamed = UnitRenamed(unit_id=BRANCH, name_zh="新", name_en="New", valid_on=TODAY, source_document_id=PAPER)
    asked.meanwhile(incident(OTHER), renamed, started("A-2", "BR-2"), assigned(), window_opened()).is_undisturbed()


# --- waived ----------------------------------------------------------------------------------------------------------


def waive(rule: str = "established_three_years") -> WaiveRule:
    return WaiveRule(application_id=MINE, rule=rule)


def the_judged(*findings: Finding) -> Past:
    short = finding(outcome="not_met")
    return the_file().and_(judged(*(findings or (short,)), verdict="waivable"), by=CLERK)


def waiver(past: Past) -> RuleWaived:
    return RuleWaived(
        application_id=MINE, unit_id=BRANCH, rule="established_three_years", judged_at_position=len(past.log)
    )


def test_a_second_person_waives_a_rule_of_the_latest_judgement_once() -> None:
    past = the_judged()
    waived = past.when(waive(), by=HEAD, reason="merged_from_older_branch").then(waiver(past))
    waived.when(waive(), by=HEAD, reason="again").refused(RuleAlreadyWaived, rule="established_three_years")


def test_what_is_unknown_can_be_waived_too() -> None:
    past = the_judged(finding(outcome="unknown"))
    past.when(waive(), by=HEAD).then(waiver(past))


def test_a_new_judgement_asks_for_a_new_waiver() -> None:
    past = the_judged()
    past = past.and_(waiver(past), judged(finding(outcome="not_met"), verdict="waivable"), by=CLERK)
    past.when(waive(), by=HEAD).then(waiver(past))


def test_neither_who_judged_nor_who_prepared_waives() -> None:
    the_judged().when(waive(), by=CLERK).refused(SeparationOfDuties, act="WaiveRule")
    the_judged().when(waive(), by=HAND).refused(SeparationOfDuties, act="WaiveRule")


def test_only_what_is_not_met_and_not_hard_is_waived() -> None:
    the_judged(finding()).when(waive(), by=HEAD).refused(NothingToWaive, outcome="met")
    hard = finding(outcome="not_met", severity="hard")
    the_judged(hard).when(waive(), by=HEAD).refused(RuleNotWaivable, rule="established_three_years")
    the_judged().when(waive("no_such_rule"), by=HEAD).refused(RuleUnknown, rule="no_such_rule")
    the_file().when(waive(), by=HEAD).refused(NotJudged, application_id=MINE)


def test_a_waiver_races_with_a_judgement_and_another_waiver() -> None:
    past = the_judged()
    asked = past.when(waive(), by=HEAD)
    asked.meanwhile(judged(), waiver(past), withdrawn()).is_raced()
    elsewhere = msgspec.structs.replace(judged(), application_id="A-2")
    asked.meanwhile(elsewhere, incident(), interpreted()).is_undisturbed()
    the_start().and_(withdrawn()).when(waive(), by=HEAD).refused(NotInThisState)


def test_a_judgement_says_what_is_still_open() -> None:
    latest = Judgement()
    assert latest.open_rules() == ()
    with pytest.raises(NotJudged):
        latest.require_eligible(MINE)
    latest.take(judged(finding(outcome="not_met"), verdict="waivable"), CLERK, 7)
    with pytest.raises(NotEligible, match="established_three_years"):
        latest.require_eligible(MINE)
    stale = RuleWaived(application_id=MINE, unit_id=BRANCH, rule="established_three_years", judged_at_position=6)
    latest.take(stale, HEAD, 8)
    assert latest.open_rules() == ("established_three_years",)
    latest.take(msgspec.structs.replace(stale, judged_at_position=7), HEAD, 9)
    latest.require_eligible(MINE)
