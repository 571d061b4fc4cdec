"""What may be asked of the definition of an assessment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import msgspec

from domain.assessment.events import AssessmentDefined, AssessmentKind, AssessmentOutcome
from domain.assessment.policy import EFFECT_TITLES, KIND_TITLES, clashing
from domain.ids import ProgrammeId, TrackId, tag
from domain.kernel import (
    Code,
    Command,
    Event,
    Invalid,
    OfficialName,
    Refusal,
    Selector,
    Unknown,
    Word,
    asked,
    event,
    field_called,
    known,
    word,
    words,
)
from domain.programme.events import ProgrammeAnnounced, TrackDefined
from domain.programme.policy import ProgrammeUnknown, TrackUnknown
from domain.review.events import PanelConstituted, StageDefined

_Count = Annotated[int, msgspec.Meta(ge=0)]
_AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]


class AssessesNoTrack(Invalid):
    """An assessment names at least one track, and each once.
    zh: 评估须至少列明一个赛道,且不得重复。
    """


class AssessmentOrderTaken(Refusal):
    """Assessment {assessment} is number {order} for track {track_id} already.
    zh: 赛道 {track_id} 的第 {order} 项评估已是 {assessment}。
    title: The order of the assessment is taken · 评估次序已被占用
    """


class AssessmentStageUnknown(Unknown):
    """Track {track_id} goes through no stage {stage} of the review.
    zh: 赛道 {track_id} 没有评审阶段 {stage}。
    title: The track has no such stage · 赛道没有该评审阶段
    """


class StageInUse(Refusal):
    """Stage {stage} is that of another assessment, or has a panel already: {used_by}.
    zh: 评审阶段 {stage} 已用于其他评估,或已组成评审组:{used_by}。
    title: The stage is in use · 评审阶段已被占用
    """


class NoOutcome(Invalid):
    """An assessment has at least one outcome.
    zh: 评估须至少有一种结论。
    """


class OutcomeTwice(Invalid):
    """Outcome {outcome} is named twice.
    zh: 结论 {outcome} 重复列出。
    title: An outcome is named twice · 结论重复列出
    """


class OutcomeWithoutEffect(Invalid):
    """Outcome {outcome} leads to nothing, or names an effect twice.
    zh: 结论 {outcome} 未列明效果,或效果重复。
    title: An outcome leads to nothing, or twice to the same · 结论未列明效果或效果重复
    """


class EffectsClash(Invalid):
    """Effects of outcome {outcome} do not go together, or not with an assessment of kind {kind}: {effects}.
    zh: 结论 {outcome} 的效果不能并存,或与 {kind} 类评估不符:{effects}。
    title: The effects do not go together · 效果不能并存
    """


class LimitOfNothing(Invalid):
    """The limit {limit} is at least one, and stands only where there is something to limit.
    zh: 上限 {limit} 至少为一,且仅在有所限制时列明。
    title: A limit is at least one and limits something · 上限至少为一且须有所限制
    """


class DefineAssessment(Command):
    """Define an assessment: its stage of review, its outcomes and what each leads to; defined anew, it holds for cases
    of which it has decided nothing yet.
    zh: 设定评估:评审阶段、结论及各结论的效果;再次设定者,适用于尚未据以作出决定的项目。
    """

    programme_id: ProgrammeId = asked("Programme", "项目")
    assessment: Code = asked("Assessment", "评估")
    order: _Count = asked("Order", "次序")
    name_zh: OfficialName = asked("Name (Chinese)", "中文名称")
    name_en: OfficialName = asked("Name (English)", "英文名称")
    track_ids: tuple[TrackId, ...] = asked("Tracks", "赛道")
    kind: AssessmentKind = asked("Kind", "类别")
    stage: Code | None = asked("Stage of review (none: no panel)", "评审阶段(空为不设评审组)", default=None)
    outcomes: tuple[AssessmentOutcome, ...] = asked("Outcomes", "结论")
    rounds_at_most: _AtLeastOne | None = asked(
        "Rounds at most (none: not stated)", "轮次上限(空为未载明)", default=None
    )
    extend_at_most_days: _AtLeastOne | None = asked(
        "Extended by at most (days; none: not stated)", "延期上限(日,空为未载明)", default=None
    )

    announced: bool = known(default=False)
    tracks: frozenset[TrackId] = known(frozenset())
    stages: dict[Code, StageDefined] = known(factory=dict)
    panels: tuple[PanelConstituted, ...] = known(())
    defined: dict[Code, AssessmentDefined] = known(factory=dict)

    def consistency_boundary(self) -> Sequence[Selector]:
        kinds: list[type[Event]] = [ProgrammeAnnounced, TrackDefined, StageDefined, PanelConstituted, AssessmentDefined]
        return [Selector(kinds, [tag(ProgrammeId, self.programme_id)])]

    @event(ProgrammeAnnounced)
    def _(self) -> None:
        self.announced = True

    @event(TrackDefined)
    def _(self, track_id: TrackId) -> None:
        self.tracks |= {track_id}

    @event(StageDefined)
    def _(self, body: StageDefined) -> None:
        self.stages[body.stage] = body

    @event(PanelConstituted)
    def _(self, body: PanelConstituted) -> None:
        self.panels += (body,)

    @event(AssessmentDefined)
    def _(self, body: AssessmentDefined) -> None:
        self.defined[body.assessment] = body

    def execute(self) -> None:
        if not self.announced:
            raise ProgrammeUnknown(programme_id=self.programme_id)
        self._require_tracks()
        if self.stage is not None:
            self._require_stage(self.stage)
        self._require_outcomes()
        self._require_limits()
        fields = {name: getattr(self, name) for name in AssessmentDefined.__struct_fields__}
        if AssessmentDefined(**fields) != self.defined.get(self.assessment):
            self.trigger_event(AssessmentDefined, **fields)

    def _require_tracks(self) -> None:
        if not self.track_ids or len(set(self.track_ids)) < len(self.track_ids):
            raise AssessesNoTrack(field="track_ids")
        for track_id in self.track_ids:
            if track_id not in self.tracks:
                raise TrackUnknown(programme_id=self.programme_id, track_id=track_id)
            for other in self.defined.values():
                same = other.order == self.order and track_id in other.track_ids
                if same and other.assessment != self.assessment:
                    raise AssessmentOrderTaken(assessment=other.assessment, order=self.order, track_id=track_id)

    def _require_stage(self, stage: Code) -> None:
        """The stage is one of each track, and serves this assessment alone: its panels score cases."""
        tracks = self.stages[stage].track_ids if stage in self.stages else ()
        for track_id in self.track_ids:
            if track_id not in tracks:
                raise AssessmentStageUnknown(track_id=track_id, stage=stage)
        before = self.defined.get(self.assessment)
        others = [each.assessment for each in self.defined.values() if each.stage == stage and each != before]
        panels = [each.panel_id for each in self.panels if each.stage == stage]
        own = before is not None and before.stage == stage
        if used := others or ([] if own else panels):
            raise StageInUse(stage=stage, used_by=", ".join(used))

    def _require_outcomes(self) -> None:
        if not self.outcomes:
            raise NoOutcome(field="outcomes")
        named = Counter(outcome.code for outcome in self.outcomes)
        for outcome in self.outcomes:
            if named[outcome.code] > 1:
                raise OutcomeTwice(field="outcomes", outcome=outcome.code)
            if not outcome.effects or len(set(outcome.effects)) < len(outcome.effects):
                raise OutcomeWithoutEffect(field="outcomes", outcome=outcome.code)
            if clash := clashing(outcome, self.kind):
                raise EffectsClash(
                    field="outcomes",
                    outcome=outcome.code,
                    kind=word(self.kind, KIND_TITLES),
                    effects=words(clash, EFFECT_TITLES),
                )

    def _require_limits(self) -> None:
        for outcome in self.outcomes:
            days = outcome.rectify_within_days
            if days is not None and (days < 1 or "rectify" not in outcome.effects):
                raise LimitOfNothing(
                    field="outcomes", limit=Word("rectify_within_days", "rectify_within_days", "整改期限")
                )
        for name, limit in (
            ("rounds_at_most", self.rounds_at_most),
            ("extend_at_most_days", self.extend_at_most_days),
        ):
            if limit is not None and limit < 1:
                raise LimitOfNothing(field=name, limit=field_called(type(self), name))
