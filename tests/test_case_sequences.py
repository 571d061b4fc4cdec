"""Whatever becomes of a case and of its units: no title for a failed one, one end, and a line of bearers without a gap.

Judged from the record alone, by reading it with other eyes than the rules do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from hypothesis import given as drawn
from hypothesis import settings

from domain.assessment.decision import (
    AcceptRectification,
    CloseCase,
    CompleteCase,
    DecideAssessment,
    ExtendCase,
    OrderRectification,
    RejectRectification,
    ReportRectification,
)
from domain.assessment.events import (
    AssessmentDecided,
    AssessmentOutcome,
    CaseClosedWithoutCompletion,
    CaseCompleted,
    CaseExtended,
    RectificationOrdered,
    RectificationReported,
)
from domain.cultivation.events import CaseSucceeded, CultivationStopped
from domain.cultivation.succession import StopCultivation, SucceedCase
from domain.designation.commands import ConferTitle, LapseTitle, RenewTitle, RevokeTitle
from domain.designation.events import TitleConferred, TitleLapsed, TitleRenewed, TitleRevoked
from domain.ids import DesignationId, SuccessorUnitId, UnitId
from domain.kernel import Recorded
from domain.unit.commands import DissolveUnit, MergeUnit, SplitUnit
from domain.unit.events import UnitDissolved, UnitMerged, UnitRegistered, UnitSplit
from tests.call import COLLEGE, PAPER, unit
from tests.committee import FIRST, branch
from tests.consequences import TITLE, title
from tests.running import acceptance, midterm, the_running
from tests.spec import at
from tests.test_sequences import DRAWS, Draws, Play, at_random, pick

UNITS = ("BR-1", "BR-9", "BR-10", "BR-11", "BR-12")
ASSESSMENTS = ("midterm", "acceptance", "acceptance", "acceptance")
OUTCOMES = {
    "midterm": ("passed", "to_rectify"),
    "acceptance": ("met", "adequate", "not_met", "more_time", "again", "deferred"),
}
ADEQUATE = AssessmentOutcome("adequate", "合格", "Adequate", ("complete",))
ENDS = (CaseCompleted, CaseClosedWithoutCompletion, CultivationStopped)
FAR = date(2022, 6, 30)


@dataclass
class Case(Play):
    """One confirmed case, the units that may bear it, and whatever is asked of them."""

    counted: int = 0

    def decide(self, a: int, b: int) -> None:
        assessment = ASSESSMENTS[a]
        outcomes = OUTCOMES[assessment]
        outcome = outcomes[(a + 4 * b) % len(outcomes)]
        self.ask(
            DecideAssessment(
                application_id=FIRST, assessment=assessment, outcome=outcome, decision_document_id=PAPER
            )
        )  # fmt: skip

    def order(self, a: int, b: int) -> None:
        day = self.now.date() + timedelta(days=1 + b)
        self.ask(
            OrderRectification(
                application_id=FIRST, assessment=ASSESSMENTS[a], order_document_id=PAPER, last_day=day
            )
        )  # fmt: skip

    def report(self, a: int, _: int) -> None:
        self.ask(ReportRectification(application_id=FIRST, assessment=ASSESSMENTS[a], document_id=PAPER))

    def check(self, a: int, b: int) -> None:
        kind = AcceptRectification if b else RejectRectification
        self.ask(kind(application_id=FIRST, assessment=ASSESSMENTS[a], opinion_document_id=PAPER))

    def extend(self, a: int, b: int) -> None:
        until = FAR + timedelta(days=100 * (a + 1))
        self.ask(ExtendCase(application_id=FIRST, assessment=ASSESSMENTS[b], last_day=until))

    def complete(self, _: int, b: int) -> None:
        self.ask(CompleteCase(application_id=FIRST), reason="all_done" if b else None)

    def close(self, _a: int, _b: int) -> None:
        self.ask(CloseCase(application_id=FIRST, ground="not_met"))

    def stop(self, a: int, b: int) -> None:
        if a == b == 0:
            self.ask(StopCultivation(application_id=FIRST, ground="unit_dissolved", decision_document_id=PAPER))

    def confer(self, _a: int, _b: int) -> None:
        self.counted += 1
        self.ask(
            ConferTitle(
                designation_id=DesignationId(f"T-{self.counted}"), application_id=FIRST, title=TITLE,
                decision_document_id=PAPER,
            )
        )  # fmt: skip

    def renew(self, a: int, _: int) -> None:
        if (one := pick(self.of(TitleConferred), a)) is not None:
            self.ask(RenewTitle(designation_id=one.designation_id, decision_document_id=PAPER))

    def revoke(self, a: int, b: int) -> None:
        if (one := pick(self.of(TitleConferred), a)) is not None and b == 0:
            self.ask(RevokeTitle(designation_id=one.designation_id, ground="found_out", decision_document_id=PAPER))

    def lapse(self, a: int, _: int) -> None:
        if (one := pick(self.of(TitleConferred), a)) is not None:
            self.ask(LapseTitle(designation_id=one.designation_id))

    def merge(self, a: int, b: int) -> None:
        self._end(MergeUnit, a, successor_unit_id=SuccessorUnitId(self._another(a, b)))

    def split(self, a: int, b: int) -> None:
        heirs = (SuccessorUnitId(self._another(a, b)), SuccessorUnitId(self._another(a, b + 1)))
        self._end(SplitUnit, a, successor_unit_ids=heirs)

    def dissolve(self, a: int, b: int) -> None:
        if b == 0:
            self._end(DissolveUnit, a)

    def succeed(self, a: int, b: int) -> None:
        ground: Any = ("merged", "split", "dissolved", "decided")[a]
        heir = None if b == 0 else SuccessorUnitId(UNITS[(a + b) % len(UNITS)])
        command = SucceedCase(application_id=FIRST, ground=ground, successor_unit_id=heir)
        self.ask(command, reason="secretary_left" if ground == "decided" else None)

    def later(self, a: int, b: int) -> None:
        self.now += timedelta(days=(1, 20, 90, 400)[a], hours=b)

    def _another(self, a: int, b: int) -> str:
        return UNITS[(a + 1 + b % 4) % len(UNITS)]

    def _end(self, kind: Any, a: int, **more: Any) -> None:
        today = self.now.date()
        self.ask(kind(unit_id=UnitId(UNITS[a]), valid_on=today, source_document_id=PAPER, **more))


STEPS = (
    Case.decide, Case.decide, Case.decide, Case.order, Case.report, Case.check, Case.extend, Case.complete,
    Case.complete, Case.close, Case.stop, Case.confer, Case.confer, Case.renew, Case.revoke, Case.lapse, Case.merge,
    Case.split, Case.dissolve, Case.succeed, Case.succeed, Case.later, Case.later,
)  # fmt: skip


def played(draws: Draws) -> Case:
    past = the_running().and_(
        midterm(),
        acceptance(outcomes=(*acceptance().outcomes, ADEQUATE)),
        title(validity_months=1),
        *(unit(name, "branch", COLLEGE) for name in UNITS[3:]),
    )
    play = Case(past, at("2021-03-01 09:00"))
    for step, a, b in draws:
        STEPS[step % len(STEPS)](play, a, b)
    return play


def check_ends(log: Sequence[Recorded]) -> None:
    """A case ends once, as its last acceptance led to, and after that nothing is asked of it."""
    effects: tuple[str, ...] = ()
    over = False
    for entry in log:
        match entry.event:
            case AssessmentDecided(kind="acceptance") as decided:
                effects = decided.effects
        if isinstance(entry.event, (*ENDS, AssessmentDecided, CaseExtended, RectificationOrdered, CaseSucceeded)):
            assert not over, "something became of a case that was over"
        match entry.event:
            case CaseCompleted():
                assert "complete" in effects
            case CaseClosedWithoutCompletion():
                assert "no_completion" in effects
        over = over or isinstance(entry.event, ENDS)


def check_titles(log: Sequence[Recorded]) -> None:
    """Only a completed case whose outcome says so is named, one title at a time, and never past its end."""
    completed, held = False, set[str]()
    effects: tuple[str, ...] = ()
    until: dict[str, date | None] = {}
    for entry in log:
        match entry.event:
            case AssessmentDecided(kind="acceptance") as decided:
                effects = decided.effects
            case CaseCompleted():
                completed = True
            case TitleConferred(designation_id=one, valid_until=last):
                assert completed
                assert "title" in effects
                assert not held, "a title was held already"
                held.add(one)
                until[one] = last
            case TitleRenewed(designation_id=one, valid_until=last) as renewed:
                before = until[one]
                assert before is not None
                assert renewed.renewed_on <= before < last
                until[one] = last
            case TitleRevoked(designation_id=one):
                # Revoked for good: it is neither held nor conferred again while that stands.
                assert one in held
            case TitleLapsed(designation_id=one, valid_until=last):
                assert until[one] == last < entry.envelope.effective_at.date() + timedelta(days=1)
                held.discard(one)


def check_bearers(log: Sequence[Recorded]) -> None:
    """Each bearer follows the one before, was alive when it took over, and by a merger or a split is its heir."""
    bearer: str = branch(FIRST)
    became: dict[str, tuple[str, ...]] = {}
    alive: set[str] = {entry.event.unit_id for entry in log if isinstance(entry.event, UnitRegistered)}

    def ends_of(unit_id: str) -> set[str]:
        heirs = became.get(unit_id)
        return {unit_id} if heirs is None else {end for heir in heirs for end in ends_of(heir)}

    for entry in log:
        match entry.event:
            case UnitMerged(unit_id=gone, successor_unit_id=heir):
                became[gone] = (heir,)
                alive.discard(gone)
            case UnitSplit(unit_id=gone, successor_unit_ids=heirs):
                became[gone] = heirs
                alive.discard(gone)
            case UnitDissolved(unit_id=gone):
                alive.discard(gone)
            case CaseSucceeded(unit_id=before, successor_unit_id=after, ground=ground):
                assert before == bearer
                assert str(after) != bearer
                assert after in alive
                if ground in {"merged", "split"}:
                    assert after in ends_of(before)
                bearer = after
            case event if getattr(event, "application_id", None) == FIRST and isinstance(
                event, AssessmentDecided | RectificationReported | CaseExtended | CaseCompleted
            ):
                assert event.unit_id == bearer


def judged(draws: Draws) -> set[type]:
    log = played(draws).past.log
    check_ends(log)
    check_titles(log)
    check_bearers(log)
    return {type(entry.event) for entry in log}


@settings(max_examples=150, deadline=None)
@drawn(DRAWS)
def test_no_sequence_names_a_failed_case_ends_one_twice_or_loses_who_bears_it(draws: Draws) -> None:
    judged(draws)


def test_long_sequences_of_a_case_reach_what_they_are_to_judge() -> None:
    reached = {kind for seed in range(100) for kind in judged(at_random(seed))}
    assert reached >= {
        AssessmentDecided, CaseCompleted, CaseClosedWithoutCompletion, CultivationStopped, CaseExtended,
        TitleConferred, TitleRenewed, TitleRevoked, TitleLapsed, CaseSucceeded, UnitMerged, UnitSplit, UnitDissolved,
    }  # fmt: skip
