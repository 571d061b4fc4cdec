"""What may be asked of eligibility: a judgement over the history, and a second person's waiver."""

from __future__ import annotations

from collections.abc import Sequence

from domain.application.events import ApplicationStarted
from domain.application.policy import AboutApplication, SeparationOfDuties, of_track
from domain.eligibility.events import EligibilityJudged, Finding, RuleWaived
from domain.eligibility.policy import (
    FAILING,
    JUDGED_FACTS,
    OUTCOME_TITLES,
    Judgement,
    NotJudged,
    Question,
    judge,
    verdict_of,
)
from domain.ids import ApplicationId, ProgrammeId, UnitId, tag
from domain.kernel import Code, Command, Refusal, Selector, Unknown, any_event, asked, called, event, known, word
from domain.programme.events import EligibilityRuleDefined, ErratumRecorded, TermInterpreted, TermPublished
from domain.programme.policy import TERM_FACTS, Terms
from domain.unit.policy import Tree, UnitFact


class RuleUnknown(Unknown):
    """The latest judgement has no rule {rule}.
    zh: 最近一次判定中没有条件 {rule}。
    title: The latest judgement has no such rule · 最近一次判定中没有该条件
    """


class RuleNotWaivable(Refusal):
    """The rule {rule} is hard: nobody can waive it.
    zh: 条件 {rule} 为刚性条件,不得豁免。
    title: The rule cannot be waived · 刚性条件不得豁免
    """


class NothingToWaive(Refusal):
    """The rule {rule} is {outcome}: there is nothing to waive.
    zh: 条件 {rule} 的判定结果为 {outcome},无需豁免。
    title: There is nothing to waive · 无需豁免
    """


class RuleAlreadyWaived(Refusal):
    """The rule {rule} has been waived before.
    zh: 条件 {rule} 此前已豁免。
    title: The rule was waived before · 该条件此前已豁免
    """


class JudgeEligibility(AboutApplication):
    """Judge the eligibility of an application, rule by rule, from what is on record of its unit and those above it.
    zh: 依据单位及其各级上级的在案事实,逐项判定申报是否符合基本条件。
    """

    rules: tuple[tuple[int, EligibilityRuleDefined], ...] = known(())
    terms: Terms = known(factory=Terms)
    tree: Tree = known(factory=Tree)
    judgement: Judgement = known(factory=Judgement)
    newest_fact: int = known(0)

    def consistency_boundary(self) -> Sequence[Selector]:
        judged = Selector([EligibilityJudged, RuleWaived], [tag(ApplicationId, self.application_id)])
        boundary = [*super().consistency_boundary(), judged]
        if (started := self.file.started) is not None:
            boundary.append(Selector([EligibilityRuleDefined], of_track(started.programme_id, started.track_id)))
            boundary.append(Selector(TERM_FACTS, [tag(ProgrammeId, started.programme_id)]))
            units = self.tree.upward(started.unit_id)
            boundary += [Selector(JUDGED_FACTS, [tag(UnitId, unit)]) for unit in units]
        return boundary

    @event(EligibilityRuleDefined)
    def _(self, body: EligibilityRuleDefined, position: int) -> None:
        self.rules += ((position, body),)

    @any_event(*TERM_FACTS)
    def _(self, body: TermPublished | TermInterpreted | ErratumRecorded, position: int) -> None:
        self.terms.take(body, position)

    @any_event(*JUDGED_FACTS)
    def _(self, body: UnitFact, position: int) -> None:
        self.tree.take(body, position)
        self.newest_fact = position

    @any_event(EligibilityJudged, RuleWaived)
    def _(self, body: EligibilityJudged | RuleWaived, by: str, position: int) -> None:
        self.judgement.take(body, by, position)

    def execute(self) -> None:
        started = self._require_started()
        self.tree.of(started.unit_id).require_living()
        findings = self._findings(started)
        if self._stands(findings):
            return
        self.trigger_event(
            EligibilityJudged,
            application_id=self.application_id,
            programme_id=started.programme_id,
            track_id=started.track_id,
            unit_id=started.unit_id,
            verdict=verdict_of(findings),
            findings=findings,
        )

    def _findings(self, started: ApplicationStarted) -> tuple[Finding, ...]:
        dated = [
            (position, rule, self.today if rule.as_of_term is None else self.terms.day(rule.as_of_term))
            for position, rule in self.rules
        ]
        question = Question(
            unit_id=started.unit_id,
            tree=self.tree,
            rated=self.file.rated(),
            checked=self.file.checked,
        )
        return judge(dated, question)

    def _stands(self, findings: tuple[Finding, ...]) -> bool:
        """Whether the latest judgement found the same on the same facts: repeating it would undo its waivers.

        A rule that is judged as of the day finds the same as long as its outcome and its evidence are the same.
        """
        last = self.judgement
        if last.judged is None or _without_days(last.judged.findings) != _without_days(findings):
            return False
        as_of = {rule.as_of_term for _, rule in self.rules if rule.as_of_term is not None}
        readings = (position for term in as_of for position in self.terms[term].positions)
        newest = max(self.newest_fact, *self.file.checked.values(), *readings, 0)
        return newest < last.position


def _without_days(findings: tuple[Finding, ...]) -> list[tuple[object, ...]]:
    return [(each.rule, each.rule_position, each.severity, each.outcome, each.evidence) for each in findings]


class WaiveRule(AboutApplication):
    """Waive a rule that the latest judgement found not met and that can be waived, as a second person, with a reason.
    zh: 由第二人附事由豁免最近一次判定中未满足且可豁免的一项条件。
    """

    rule: Code = asked("Rule", "规则")

    judgement: Judgement = known(factory=Judgement)

    def consistency_boundary(self) -> Sequence[Selector]:
        judged = Selector([EligibilityJudged, RuleWaived], [tag(ApplicationId, self.application_id)])
        return [*super().consistency_boundary(), judged]

    @any_event(EligibilityJudged, RuleWaived)
    def _(self, body: EligibilityJudged | RuleWaived, by: str, position: int) -> None:
        self.judgement.take(body, by, position)

    def execute(self) -> None:
        started = self._require_started()
        judged = self.judgement.judged
        if judged is None:
            raise NotJudged(application_id=self.application_id)
        self._require_waivable(judged)
        if self.by == self.judgement.by:
            raise SeparationOfDuties(act=called(type(self)))
        self.file.require_other_hand(self.by, type(self))
        self.trigger_event(
            RuleWaived,
            application_id=self.application_id,
            unit_id=started.unit_id,
            rule=self.rule,
            judged_at_position=self.judgement.position,
        )

    def _require_waivable(self, judged: EligibilityJudged) -> None:
        finding = next((finding for finding in judged.findings if finding.rule == self.rule), None)
        if finding is None:
            raise RuleUnknown(rule=self.rule)
        if finding.outcome not in FAILING:
            raise NothingToWaive(rule=self.rule, outcome=word(finding.outcome, OUTCOME_TITLES))
        if finding.severity == "hard":
            raise RuleNotWaivable(rule=self.rule)
        if self.rule in self.judgement.waived:
            raise RuleAlreadyWaived(rule=self.rule)


COMMANDS: tuple[type[Command], ...] = (JudgeEligibility, WaiveRule)
