"""Judging rules: each test over the dated facts of a unit and of those above it, as of the rule's day.

Pure: the same rules, facts and day give the same findings, each with the positions of the facts that it rests on. What
cannot be told from the record (a unit whose foundation nobody recorded) is ``unknown``, and counts as not met.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final

from domain.application.events import SelfCheckItem
from domain.application.policy import AboutNomination, of_track
from domain.eligibility.events import EligibilityJudged, Finding, RuleOutcome, RuleWaived, Verdict
from domain.ids import ApplicationId, ProgrammeId, UnitId, tag
from domain.kernel import Event, Refusal, Selector, any_event, event, known
from domain.programme.events import (
    AllOf,
    AnyOf,
    EligibilityRuleDefined,
    ErratumRecorded,
    FoundedAtLeast,
    HasTrait,
    HoldsHonour,
    HoldsTitle,
    LeafTest,
    LookBack,
    NoEarlierOutcome,
    NoIncident,
    Reach,
    RollingYears,
    SelfCheckMet,
    SinceDay,
    TermInterpreted,
)
from domain.unit.events import Severity, UnitRenamed
from domain.unit.policy import UNIT_FACTS, Tree, UnitFact, UnitOnDay

__all__ = [
    "FAILING",
    "JUDGED_FACTS",
    "AboutEndorsed",
    "EligibilityOutdated",
    "Judgement",
    "NotEligible",
    "NotJudged",
    "Question",
    "judge",
    "verdict_of",
    "years_before",
]

JUDGED_FACTS: Final[tuple[type[Event], ...]] = tuple(kind for kind in UNIT_FACTS if kind is not UnitRenamed)
"""The facts of a unit that a judgement may rest on: all but its names."""
FAILING: Final[frozenset[RuleOutcome]] = frozenset({"not_met", "unknown"})
OUTCOME_TITLES: Final[dict[RuleOutcome, tuple[str, str]]] = {
    "met": ("met", "满足"),
    "not_met": ("not met", "未满足"),
    "not_applicable": ("not applicable", "不适用"),
    "unknown": ("unknown", "无从判定"),
}
_READINGS: Final = (TermInterpreted, ErratumRecorded)
_WEIGHT: Final[Mapping[Severity, int]] = {"minor": 0, "prominent": 1, "major": 2}

OwnTest = FoundedAtLeast | HasTrait | HoldsHonour | HoldsTitle | NoEarlierOutcome
Answer = tuple[RuleOutcome, tuple[int, ...]]
"""An outcome and the positions of the facts it rests on."""


class NotJudged(Refusal):
    """The eligibility of application {application_id} has not been judged.
    zh: 申报 {application_id} 尚未判定是否符合基本条件。
    title: Eligibility has not been judged · 尚未判定是否符合基本条件
    """


class NotEligible(Refusal):
    """These rules are not met and not waived: {rules}.
    zh: 下列条件未满足且未获豁免:{rules}。
    title: The application is not eligible · 申报不符合基本条件
    """


class EligibilityOutdated(Refusal):
    """Eligibility was judged at position {judged_position}; a fact that it rests on was recorded at {fact_position}.
    zh: 基本条件判定于位置 {judged_position};其所依据的事实于位置 {fact_position} 又有记录,须重新判定。
    title: The judgement is out of date · 资格判定已过时
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Whose eligibility is judged, from what is on record of it, and on which day."""

    unit_id: UnitId
    tree: Tree
    rated: Mapping[str, Sequence[SelfCheckItem]]
    """The self-check's items by catalogue."""
    checked: Mapping[str, int]
    """The position of each self-check by catalogue."""


def years_before(day: date, years: int) -> date:
    """The same day so many years earlier; 29 February becomes the 28th where there is none."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def judge(rules: Iterable[tuple[int, EligibilityRuleDefined, date]], question: Question) -> tuple[Finding, ...]:
    """What each rule finds; a rule comes with its position and the day as of which it is judged."""
    return tuple(_find(position, rule, as_of, question) for position, rule, as_of in rules)


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """Eligible if every rule that applies is met, waivable if those that are not can all be waived, else ineligible."""
    failing = [finding for finding in findings if finding.outcome in FAILING]
    if any(finding.severity == "hard" for finding in failing):
        return "ineligible"
    return "waivable" if failing else "eligible"


def _find(position: int, rule: EligibilityRuleDefined, as_of: date, question: Question) -> Finding:
    outcome, evidence = _answer(rule, as_of, question)
    return Finding(
        rule=rule.rule,
        rule_position=position,
        severity=rule.severity,
        as_of=as_of,
        outcome=outcome,
        evidence=tuple(sorted(set(evidence))),
    )


def _answer(rule: EligibilityRuleDefined, as_of: date, question: Question) -> Answer:
    unit = question.tree.of(question.unit_id).on(as_of)
    if unit is None:
        return "unknown", ()
    described = (unit.described.position,) if rule.for_traits or rule.not_for_traits else ()
    wanted = not rule.for_traits or unit.traits & set(rule.for_traits)
    if not wanted or unit.traits & set(rule.not_for_traits):
        return "not_applicable", described
    test = rule.test
    if isinstance(test, AnyOf | AllOf):
        decisive: RuleOutcome = "met" if isinstance(test, AnyOf) else "not_met"
        outcome, evidence = _combined([_leaf(leaf, unit, question) for leaf in test.tests], decisive)
    else:
        outcome, evidence = _leaf(test, unit, question)
    return outcome, (*described, *evidence)


def _combined(answers: Sequence[Answer], decisive: RuleOutcome) -> Answer:
    """One decisive answer settles it; without one, what is not known leaves it open."""
    for outcome in (decisive, "unknown"):
        found = [evidence for answer, evidence in answers if answer == outcome]
        if found:
            return outcome, tuple(position for evidence in found for position in evidence)
    rest: RuleOutcome = "not_met" if decisive == "met" else "met"
    return rest, tuple(position for _, evidence in answers for position in evidence)


def _leaf(test: LeafTest, unit: UnitOnDay, question: Question) -> Answer:
    match test:
        case NoIncident():
            return _no_incident(test, unit, question.tree)
        case SelfCheckMet():
            return _self_check(test, question)
        case _:
            return _own(test, unit)


def _own(test: OwnTest, unit: UnitOnDay) -> Answer:
    """A test that looks at nothing but the unit's own facts."""
    match test:
        case FoundedAtLeast():
            return _founded(test, unit)
        case HasTrait(trait=trait):
            return _found((unit.described.position,), met=trait in unit.traits)
        case HoldsHonour(honours=honours, look_back=look_back):
            since = _since(look_back, unit.day)
            held = [h for h in unit.honours if h.body.honour in honours and h.body.awarded_on >= since]
            return _found([honour.position for honour in held], met=bool(held))
        case HoldsTitle(titles=titles):
            held_titles = [title.position for title in unit.earlier_titles if title.body.title in titles]
            return _found(held_titles, met=bool(held_titles))
        case _:
            outcomes, since = test.outcomes, _since(test.look_back, unit.day)
            had = [o for o in unit.earlier_outcomes if o.body.outcome in outcomes and o.body.decided_on >= since]
            return _found([outcome.position for outcome in had], met=not had)


def _found(evidence: Iterable[int], *, met: bool) -> Answer:
    return "met" if met else "not_met", tuple(evidence)


def _since(look_back: LookBack, as_of: date) -> date:
    match look_back:
        case RollingYears(years=years):
            return years_before(as_of, years)
        case SinceDay(day=day):
            return day
    return date.min


def _founded(test: FoundedAtLeast, unit: UnitOnDay) -> Answer:
    if unit.founded is None:
        return "unknown", ()
    met = unit.founded.body.founded_on <= years_before(unit.day, test.years)
    return _found((unit.founded.position,), met=met)


def _no_incident(test: NoIncident, unit: UnitOnDay, tree: Tree) -> Answer:
    since, least = _since(test.look_back, unit.day), _WEIGHT[test.at_least]
    counting = [
        incident.position
        for reached in _reached(test.reach, unit, tree)
        for incident in reached.incidents
        if incident.body.kind in test.kinds
        and incident.body.scope in test.scopes
        and _WEIGHT[incident.body.severity] >= least
        and incident.body.occurred_on >= since
    ]
    return _found(counting, met=not counting)


def _reached(reach: Sequence[Reach], unit: UnitOnDay, tree: Tree) -> list[UnitOnDay]:
    """The units whose incidents count: a definition that reaches the whole institution is not announced."""
    above = tree.ancestors(unit.unit_id, unit.day)
    units = {
        **({unit.unit_id: unit} if "unit" in reach else {}),
        **{u: tree.of(u).on(unit.day) for u in above if "ancestors" in reach},
        **{u: tree.of(u).on(unit.day) for u in above[:1] if "parent" in reach},
    }
    return [reached for reached in units.values() if reached is not None]


def _self_check(test: SelfCheckMet, question: Question) -> Answer:
    items = question.rated.get(test.catalogue)
    if items is None:
        return "unknown", ()
    unmet = sum(item.rating != "met" for item in items)
    return _found((question.checked[test.catalogue],), met=unmet <= test.unmet_at_most)


@dataclass(slots=True)
class Judgement:
    """The latest judgement of one application, and what was waived of it since."""

    judged: EligibilityJudged | None = None
    position: int = 0
    by: str = ""
    waived: frozenset[str] = frozenset()

    def take(self, body: EligibilityJudged | RuleWaived, by: str = "", position: int = 0) -> None:
        """Take in one event; a later judgement replaces the earlier one and what was waived of it."""
        if isinstance(body, EligibilityJudged):
            self.judged, self.by, self.position, self.waived = body, by, position, frozenset()
        elif body.judged_at_position == self.position:
            self.waived |= {body.rule}

    def open_rules(self) -> tuple[str, ...]:
        """The rules that are not met and not waived."""
        findings = () if self.judged is None else self.judged.findings
        return tuple(f.rule for f in findings if f.outcome in FAILING and f.rule not in self.waived)

    def require_eligible(self, application_id: str) -> None:
        """Raise NotJudged, or NotEligible while a rule is neither met nor waived."""
        if self.judged is None:
            raise NotJudged(application_id=application_id)
        if open_rules := self.open_rules():
            raise NotEligible(rules=", ".join(open_rules))


class AboutEndorsed(AboutNomination):
    """What a command knows that files what a unit stands by: the latest judgement, and what that rests on.
    zh: 报送推荐单位所担保申报的命令所共知:最近一次判定及其依据。
    """

    UNIT_KINDS: ClassVar[tuple[type[Event], ...]] = JUDGED_FACTS

    judgement: Judgement = known(factory=Judgement)
    as_of_terms: frozenset[str] = known(frozenset())
    read_at: dict[str, int] = known(factory=dict)
    newest_fact: int = known(0)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The file, the track and the units; the judgement; the rules it was made by, and how their terms were read."""
        boundary = [
            *super().consistency_boundary(),
            Selector([EligibilityJudged, RuleWaived], [tag(ApplicationId, self.application_id)]),
        ]
        if (started := self.file.started) is not None:
            boundary.append(Selector([EligibilityRuleDefined], of_track(started.programme_id, started.track_id)))
            boundary.append(Selector(_READINGS, [tag(ProgrammeId, started.programme_id)]))
        return boundary

    @any_event(EligibilityJudged, RuleWaived)
    def _(self, body: EligibilityJudged | RuleWaived, by: str, position: int) -> None:
        self.judgement.take(body, by, position)

    @event(EligibilityRuleDefined)
    def _(self, as_of_term: str | None) -> None:
        self.as_of_terms |= {as_of_term or ""}

    @any_event(*_READINGS)
    def _(self, term: str, position: int) -> None:
        self.read_at[term] = position

    @any_event(*JUDGED_FACTS)
    def _(self, body: UnitFact, position: int) -> None:
        self.tree.take(body, position)
        self.newest_fact = position

    def _require_endorsed(self, nominator_unit_id: str) -> None:
        """This unit decided and vetted exactly these materials, by other hands, and the judgement is in favour."""
        self.file.require_decided_by(nominator_unit_id)
        self.file.require_materials(self.file.vetted_digest)
        self.file.require_other_hand(self.by, type(self))
        self._require_judged_on_what_stands()

    def _require_judged_on_what_stands(self) -> None:
        """The latest judgement is in favour, waivers counted, and nothing that it rests on has changed since."""
        self.judgement.require_eligible(self.application_id)
        readings = (position for term, position in self.read_at.items() if term in self.as_of_terms)
        newest = max(self.newest_fact, *self.file.checked.values(), *readings, 0)
        if newest > self.judgement.position:
            raise EligibilityOutdated(judged_position=self.judgement.position, fact_position=newest)
