"""How far the assessments of a case have come: what was decided in which round, and what was rectified."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, get_args

from domain.assessment.events import (
    AssessmentDecided,
    AssessmentDefined,
    AssessmentKind,
    AssessmentOutcome,
    CaseExtended,
    Effect,
    RectificationAccepted,
    RectificationOrdered,
    RectificationRejected,
    RectificationReported,
)
from domain.kernel import Code, Event

__all__ = [
    "ASSESSED_FACTS",
    "EFFECT_TITLES",
    "KIND_TITLES",
    "RECTIFICATION_TITLES",
    "Assessed",
    "AssessedFact",
    "Assessments",
    "RectificationState",
    "clashing",
    "is_against_completion",
]

AssessedFact = (
    AssessmentDecided
    | RectificationOrdered
    | RectificationReported
    | RectificationAccepted
    | RectificationRejected
    | CaseExtended
)
ASSESSED_FACTS: Final[tuple[type[Event], ...]] = get_args(AssessedFact)
"""What becomes of the assessments of a case: all with the tag of the application."""

RectificationState = Literal["none", "ordered", "reported", "accepted", "rejected"]

KIND_TITLES: Final[dict[AssessmentKind, tuple[str, str]]] = {
    "midterm": ("midterm", "中期评估"),
    "acceptance": ("acceptance", "验收"),
}
EFFECT_TITLES: Final[dict[Effect, tuple[str, str]]] = {
    "continue": ("continue", "继续培育创建"),
    "rectify": ("rectify", "限期整改"),
    "hold_funds": ("hold funds", "暂缓拨款"),
    "stop_funds": ("stop funds", "停止拨款"),
    "complete": ("completion", "结项"),
    "no_completion": ("closing without completion", "不予结项"),
    "title": ("title", "命名"),
    "extend": ("extension", "延期"),
    "defer": ("deferral", "暂缓通过"),
}
RECTIFICATION_TITLES: Final[dict[RectificationState, tuple[str, str]]] = {
    "none": ("not ordered", "未责令整改"),
    "ordered": ("ordered", "已责令整改"),
    "reported": ("reported", "已报告整改"),
    "accepted": ("accepted", "复查已通过"),
    "rejected": ("rejected", "复查未通过"),
}
_FINAL: Final[frozenset[Effect]] = frozenset({"complete", "no_completion", "title"})
_AGAIN: Final[frozenset[Effect]] = frozenset({"rectify", "extend", "defer"})
"""After an outcome with one of these the assessment is decided in another round."""


def clashing(outcome: AssessmentOutcome, kind: str) -> tuple[Effect, ...]:
    """The effects of an outcome that cannot stand together or alone, or not in an assessment of this kind.

    What is held waits for a rectification, or another round: where neither follows, nothing would ever release it.
    """
    effects = set(outcome.effects)
    ends = effects & _FINAL
    if kind == "midterm" and ends:
        found = ends
    elif {"complete", "no_completion"} <= effects:
        found = {"complete", "no_completion"}
    elif "title" in effects and "complete" not in effects:
        found = {"title"}
    elif ends and effects & (_AGAIN | {"continue"}):
        found = effects & (_AGAIN | {"continue"})
    elif len(effects & _AGAIN) > 1:
        found = effects & _AGAIN
    elif "hold_funds" in effects and not effects & (_AGAIN | _FINAL):
        found = {"hold_funds"}
    else:
        found = set()
    return tuple(sorted(found))


def is_against_completion(body: AssessmentDecided) -> bool:
    """Whether an acceptance was decided that does not lead to completion: what was shown before is shown anew."""
    return body.kind == "acceptance" and "complete" not in body.effects


@dataclass(slots=True)
class Assessed:
    """One assessment of one case."""

    definition: AssessmentDefined | None = None
    """As it stood when the first round was decided, or stands while none was."""
    decided: AssessmentDecided | None = None
    rectification: RectificationState = "none"
    orders: int = 0
    due_at: datetime | None = None
    extended: bool = False
    """Since the last round."""

    def take(self, body: AssessedFact) -> None:
        """Take in one event of this assessment."""
        match body:
            case AssessmentDecided():
                self.decided, self.extended, self.rectification, self.due_at = body, False, "none", None
            case RectificationOrdered(due_at=due_at):
                self.rectification, self.due_at = "ordered", due_at
                self.orders += 1
            case RectificationReported():
                self.rectification = "reported"
            case RectificationAccepted():
                self.rectification = "accepted"
            case RectificationRejected():
                self.rectification = "rejected"
            case _:
                self.extended = True

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What the last round led to; nothing before the first."""
        return () if self.decided is None else self.decided.effects

    @property
    def rounds(self) -> int:
        """How many rounds were decided."""
        return 0 if self.decided is None else self.decided.round

    def outcome(self, code: Code) -> AssessmentOutcome | None:
        """The outcome of this name, if the definition has it."""
        outcomes = () if self.definition is None else self.definition.outcomes
        return next((each for each in outcomes if each.code == code), None)

    def is_rectifying(self) -> bool:
        """Whether a rectification was ordered that nobody has looked at yet."""
        return self.rectification in {"ordered", "reported"}

    def may_be_decided(self, now: datetime) -> bool:
        """Whether a round is open: the first, or another one after what the last one led to was done or not done."""
        if self.decided is None or "defer" in self.effects:
            return True
        if "extend" in self.effects:
            return self.extended
        if "rectify" in self.effects:
            unreported = self.rectification == "ordered" and self.due_at is not None and now >= self.due_at
            return unreported or self.rectification in {"accepted", "rejected"}
        return False


@dataclass(slots=True)
class Assessments:
    """The assessments of one case, as far as they were read."""

    by_code: dict[Code, Assessed] = field(default_factory=dict)

    def define(self, body: AssessmentDefined) -> None:
        """Take in a definition; of what has been decided in a round, the one before it holds."""
        one = self.by_code.setdefault(body.assessment, Assessed())
        if one.decided is None:
            one.definition = body

    def take(self, body: AssessedFact) -> None:
        """Take in one event of the case."""
        self.by_code.setdefault(body.assessment, Assessed()).take(body)

    def of(self, assessment: Code) -> Assessed:
        """How far one assessment has come."""
        return self.by_code.get(assessment, Assessed())

    def acceptances(self) -> Iterator[Assessed]:
        """Those that decide about the end of the case, in their order."""
        found = [each for each in self.by_code.values() if each.definition and each.definition.kind == "acceptance"]
        yield from sorted(found, key=_order)

    def final_effects(self) -> tuple[Effect, ...]:
        """What the last acceptance that was decided led to."""
        decided = [each.effects for each in self.acceptances() if each.decided is not None]
        return decided[-1] if decided else ()

    def rectifying(self) -> Code | None:
        """The first assessment whose rectification nobody has looked at yet."""
        return next((code for code, each in self.by_code.items() if each.is_rectifying()), None)


def _order(assessed: Assessed) -> int:
    return 0 if assessed.definition is None else assessed.definition.order
