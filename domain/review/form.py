"""The score form of a stage, and the named rules that a stage keeps; all faults are found at once, each with its path.

A definition of a programme and the command that defines a stage ask the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from domain.kernel import Word
from domain.review.events import ScoreCriterion, StageDefined

__all__ = ["STAGE_RULES", "StageFault", "StageRule", "bounds", "faults_of", "leaves", "rule_called"]

_WHOLE_BP: Final = 10_000
Faults = Iterator[tuple[str, Any]]


class StageRule(msgspec.Struct, frozen=True):
    """A named rule: its sentence in both languages, and what looks for its faults (path and value of each)."""

    name: str
    en: str
    zh: str
    faults: Callable[[StageDefined], Faults]


class StageFault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault of a stage: where it stands (a JSON pointer), what stands there, and which rule it breaks."""

    path: str
    value: Any
    rule: str


def leaves(criteria: Sequence[ScoreCriterion]) -> tuple[ScoreCriterion, ...]:
    """The criteria that are marked: those that no other names as its parent."""
    parents = {criterion.parent for criterion in criteria}
    return tuple(criterion for criterion in criteria if criterion.code not in parents)


def _repeated(path: str, values: Iterable[Any]) -> Faults:
    seen: set[Any] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield path.format(index), value
        seen.add(value)


def _codes_once(s: StageDefined) -> Faults:
    yield from _repeated("/criteria/{}/code", (criterion.code for criterion in s.criteria))
    yield from _repeated("/track_ids/{}", s.track_ids)
    yield from _repeated("/share_rules/{}/rule", (rule.rule for rule in s.share_rules))
    yield from _repeated("/vetoes/{}/criterion", (veto.criterion for veto in s.vetoes))
    yield from _repeated("/tie_breaks/{}", s.tie_breaks)


def _something_marked(s: StageDefined) -> Faults:
    if not s.criteria:
        yield "/criteria", None
    if not s.track_ids:
        yield "/track_ids", None


def _parents_stand_before(s: StageDefined) -> Faults:
    """Named before its children, a parent is known, and none stands above itself."""
    before: set[str] = set()
    for i, criterion in enumerate(s.criteria):
        if criterion.parent is not None and criterion.parent not in before:
            yield f"/criteria/{i}/parent", criterion.parent
        before.add(criterion.code)


def _leaves_are_marked(s: StageDefined) -> Faults:
    marked = {leaf.code for leaf in leaves(s.criteria)}
    for i, criterion in enumerate(s.criteria):
        figures = (criterion.weight_bp, criterion.lowest_tenths, criterion.highest_tenths)
        if (None in figures) if criterion.code in marked else (figures != (None, None, None)):
            yield f"/criteria/{i}", criterion.code


def _ranges_in_steps(s: StageDefined) -> Faults:
    for i, criterion in enumerate(s.criteria):
        lowest, highest, step = criterion.lowest_tenths, criterion.highest_tenths, criterion.step_tenths
        if step < 1:
            yield f"/criteria/{i}/step_tenths", step
        elif lowest is not None and highest is not None and (not 0 <= lowest < highest or (highest - lowest) % step):
            yield f"/criteria/{i}/highest_tenths", highest


def _weights_whole(s: StageDefined) -> Faults:
    """The weights share one whole, or every criterion counts in full and points are simply added."""
    weights = [leaf.weight_bp or 0 for leaf in leaves(s.criteria)]
    shared = sum(weights) == _WHOLE_BP and all(weight > 0 for weight in weights)
    if weights and not shared and any(weight != _WHOLE_BP for weight in weights):
        yield "/criteria", sum(weights)


def _reach(s: StageDefined) -> tuple[int, int]:
    """The lowest and the highest total that the form can give, in tenths times basis points."""
    form = leaves(s.criteria)
    lowest = sum((leaf.weight_bp or 0) * (leaf.lowest_tenths or 0) for leaf in form)
    return lowest, sum((leaf.weight_bp or 0) * (leaf.highest_tenths or 0) for leaf in form)


def bounds(stage: StageDefined) -> tuple[int, int]:
    """Between which figures the total of a sheet lies, in tenths: as the stage says, or as far as its form reaches."""
    lowest, highest = _reach(stage)
    at_least, at_most = stage.total_at_least_tenths, stage.total_at_most_tenths
    return (
        lowest // _WHOLE_BP if at_least is None else at_least,
        -(-highest // _WHOLE_BP) if at_most is None else at_most,
    )


def _totals_in_reach(s: StageDefined) -> Faults:
    lowest, highest = _reach(s)
    at_least, at_most = s.total_at_least_tenths, s.total_at_most_tenths
    if at_least is not None and at_least * _WHOLE_BP > highest:
        yield "/total_at_least_tenths", at_least
    if at_most is not None and at_most * _WHOLE_BP < lowest:
        yield "/total_at_most_tenths", at_most
    if at_least is not None and at_most is not None and at_least > at_most:
        yield "/total_at_most_tenths", at_most
    for i, rule in enumerate(s.share_rules):
        if not lowest <= rule.at_least_tenths * _WHOLE_BP <= highest:
            yield f"/share_rules/{i}/at_least_tenths", rule.at_least_tenths


def _shares_between(s: StageDefined) -> Faults:
    for i, rule in enumerate(s.share_rules):
        if not 0 <= rule.share_at_least_bp <= rule.share_at_most_bp <= _WHOLE_BP:
            yield f"/share_rules/{i}/share_at_most_bp", rule.share_at_most_bp


def _criteria_known(s: StageDefined) -> Faults:
    """Vetoes and tie-breaks look at criteria that are marked."""
    marked = {leaf.code for leaf in leaves(s.criteria)}
    for i, veto in enumerate(s.vetoes):
        if veto.criterion not in marked:
            yield f"/vetoes/{i}/criterion", veto.criterion
    for i, link in enumerate(s.tie_breaks):
        if link.criterion not in (marked if link.by == "criterion" else {None}):
            yield f"/tie_breaks/{i}/criterion", link.criterion


def _lot_last(s: StageDefined) -> Faults:
    for i, link in enumerate(s.tie_breaks[:-1]):
        if link.by == "lot":
            yield f"/tie_breaks/{i}/by", link.by


def _trim_leaves_something(s: StageDefined) -> Faults:
    if (s.trim > 0) is not (s.aggregation == "trimmed_mean") or s.trim < 0:
        yield "/trim", s.trim
    if s.minimum_sheets < max(1, 2 * s.trim + 1):
        yield "/minimum_sheets", s.minimum_sheets


def _in_order(s: StageDefined) -> Faults:
    if s.order < 1:
        yield "/order", s.order
    if s.advance_bp is not None and s.advance_bp < 1:
        yield "/advance_bp", s.advance_bp


STAGE_RULES: Final[tuple[StageRule, ...]] = (
    StageRule("stage-codes-once", "A code stands once in its list.", "同一列表内代码不得重复。", _codes_once),
    StageRule(
        "stage-marks-something",
        "A stage has at least one criterion and one track.",
        "评审阶段至少有一项评分标准和一个赛道。",
        _something_marked,
    ),
    StageRule(
        "parents-stand-before",
        "A criterion's parent stands before it in the list.",
        "上级标准须列于其下级之前。",
        _parents_stand_before,
    ),
    StageRule(
        "leaves-are-marked",
        "A criterion without others below it has a weight and a range; one that groups others has neither.",
        "无下级的标准须有权重与分值范围;仅作归类的标准均不设。",
        _leaves_are_marked,
    ),
    StageRule(
        "ranges-in-steps",
        "A range runs upward from zero or more, in whole steps.",
        "分值范围自零或以上递增,且为步长的整数倍。",
        _ranges_in_steps,
    ),
    StageRule(
        "weights-whole",
        "The weights are above zero and add up to 10,000 basis points, or each of them is 10,000.",
        "各权重大于零且合计为 10,000(万分比),或逐项均为 10,000。",
        _weights_whole,
    ),
    StageRule(
        "totals-in-reach",
        "Bounds of the total do not cross and lie where the form's totals can lie.",
        "总分上下限不得交叉,且须在评分表可达范围之内。",
        _totals_in_reach,
    ),
    StageRule(
        "shares-between",
        "A share lies between nothing and the whole, and its lower bound does not exceed its upper one.",
        "比例介于零与全部之间,且下限不超过上限。",
        _shares_between,
    ),
    StageRule(
        "stage-criteria-known",
        "A veto names a criterion that is marked; a tie-break does exactly where it goes by a criterion.",
        "一票否决须指明计分标准;同分处理仅在按标准比较时指明之。",
        _criteria_known,
    ),
    StageRule("lot-last", "Nothing comes after the lot.", "抽签之后不得再列其他同分处理。", _lot_last),
    StageRule(
        "trim-leaves-something",
        "Sheets are left out at the ends of a trimmed mean only, and at least one is left of the fewest there may be.",
        "仅截尾均值去除两端评分表,且按最少份数去除后至少余一份。",
        _trim_leaves_something,
    ),
    StageRule(
        "stage-figures-positive",
        "The order of a stage and the share that advances are above zero.",
        "阶段次序与入围比例均大于零。",
        _in_order,
    ),
)


def faults_of(stage: StageDefined) -> tuple[StageFault, ...]:
    """Every fault of a stage, rule by rule."""
    return tuple(
        StageFault(path=path, value=value, rule=rule.name) for rule in STAGE_RULES for path, value in rule.faults(stage)
    )


def rule_called(name: str) -> Word:
    """A rule of stages by its name, and its sentence."""
    (rule,) = (each for each in STAGE_RULES if each.name == name)
    return Word(name, rule.en.rstrip("."), rule.zh.rstrip("。"))
