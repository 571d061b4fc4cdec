"""What may be asked of the order of review: define a stage, constitute a panel for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from domain.ids import PanelId, ProgrammeId, TrackId, tag
from domain.kernel import Code, Command, Invalid, OfficialName, Refusal, Selector, Unknown, asked, event, known
from domain.programme.events import ProgrammeAnnounced, TrackDefined
from domain.programme.policy import ProgrammeUnknown, TrackUnknown
from domain.review.events import (
    Aggregation,
    PanelConstituted,
    ScoreCriterion,
    ShareRule,
    StageDefined,
    TieBreak,
    Veto,
)
from domain.review.form import faults_of, rule_called
from domain.review.panel import of_panel

_Count = Annotated[int, msgspec.Meta(ge=0)]


class StageFaulty(Invalid):
    """The stage has {count} faults; the first breaks the rule “{rule}” at {path}.
    zh: 评审阶段有 {count} 处不符;首处在 {path},不符合规则“{rule}”。
    title: The stage has faults · 评审阶段有不符之处
    """


class StageOrderTaken(Refusal):
    """Stage {stage} is number {order} for track {track_id} already.
    zh: 赛道 {track_id} 的第 {order} 阶段已是 {stage}。
    title: Another stage has this order · 该次序已有评审阶段
    """


class PanelAlreadyConstituted(Refusal):
    """Panel {panel_id} has been constituted before.
    zh: 评审组 {panel_id} 此前已组成。
    title: The panel was constituted before · 评审组此前已组成
    """


class StageUnknown(Unknown):
    """Programme {programme_id} has no stage {stage}.
    zh: 项目 {programme_id} 没有评审阶段 {stage}。
    title: The programme has no such stage · 项目没有该评审阶段
    """


class TracksNotNamed(Invalid):
    """A panel sits for at least one track, and names each once.
    zh: 评审组至少负责一个赛道,且不得重复。
    """


class TrackNotInStage(Invalid):
    """Track {track_id} is not among those of stage {stage}.
    zh: 赛道 {track_id} 不在评审阶段 {stage} 的赛道之列。
    title: The stage does not have this track · 赛道不在该评审阶段之列
    """


class TrackHasPanel(Refusal):
    """Track {track_id} has a panel in stage {stage} already: {panel_id}.
    zh: 赛道 {track_id} 在评审阶段 {stage} 已有评审组 {panel_id}。
    title: The track has a panel in this stage · 该赛道在本阶段已有评审组
    """


class DefineStage(Command):
    """Define a stage of the review; defined anew, it holds for panels that are constituted afterwards.
    zh: 设定评审阶段;再次设定者,适用于此后组成的评审组。
    """

    programme_id: ProgrammeId = asked("Programme", "项目")
    stage: Code = asked("Stage", "阶段")
    order: _Count = asked("Order", "次序")
    name_zh: OfficialName = asked("Name (Chinese)", "中文名称")
    name_en: OfficialName = asked("Name (English)", "英文名称")
    track_ids: tuple[TrackId, ...] = asked("Tracks", "赛道")
    criteria: tuple[ScoreCriterion, ...] = asked("Score form", "评分表")
    total_at_least_tenths: int | None = asked(
        "Lowest total of a sheet (tenths)", "单表总分下限(十分之一分)", default=None
    )
    total_at_most_tenths: int | None = asked(
        "Highest total of a sheet (tenths)", "单表总分上限(十分之一分)", default=None
    )
    share_rules: tuple[ShareRule, ...] = asked("Rules over a reviewer's sheets", "整组评分限制", default=())
    vetoes: tuple[Veto, ...] = asked("Vetoes", "一票否决", default=())
    aggregation: Aggregation = asked("Aggregation", "合成方法")
    trim: _Count = asked("Sheets left out at each end", "两端各去除份数", default=0)
    minimum_sheets: _Count = asked("Sheets at least", "最少评分表数")
    tie_breaks: tuple[TieBreak, ...] = asked("Tie-breaks in order", "同分处理顺序", default=())
    advance_bp: int | None = asked("Advance, of the places (none: all)", "入围比例(占名额,空为全部)", default=None)

    announced: bool = known(default=False)
    tracks: frozenset[TrackId] = known(frozenset())
    defined: dict[Code, StageDefined] = known(factory=dict)

    def consistency_boundary(self) -> Sequence[Selector]:
        return [Selector([ProgrammeAnnounced, TrackDefined, StageDefined], [tag(ProgrammeId, self.programme_id)])]

    @event(ProgrammeAnnounced)
    def _(self) -> None:
        self.announced = True

    @event(TrackDefined)
    def _(self, track_id: TrackId) -> None:
        self.tracks |= {track_id}

    @event(StageDefined)
    def _(self, body: StageDefined) -> None:
        self.defined[body.stage] = body

    def execute(self) -> None:
        if not self.announced:
            raise ProgrammeUnknown(programme_id=self.programme_id)
        fields = {name: getattr(self, name) for name in StageDefined.__struct_fields__}
        stage = StageDefined(**fields)
        if faults := faults_of(stage):
            path, rule = faults[0].path, rule_called(faults[0].rule)
            raise StageFaulty(count=len(faults), field=path, path=path, rule=rule)
        self._check_tracks(stage)
        if stage != self.defined.get(self.stage):
            self.trigger_event(StageDefined, **fields)

    def _check_tracks(self, stage: StageDefined) -> None:
        for track_id in stage.track_ids:
            if track_id not in self.tracks:
                raise TrackUnknown(programme_id=self.programme_id, track_id=track_id)
            for other in self.defined.values():
                same = other.order == stage.order and track_id in other.track_ids
                if same and other.stage != stage.stage:
                    raise StageOrderTaken(stage=other.stage, order=other.order, track_id=track_id)


class ConstitutePanel(Command):
    """Constitute a panel for a stage and some of its tracks; it is pinned to the stage as it is defined now.
    zh: 组成评审组,负责某评审阶段的若干赛道,并以该阶段现行规则为准。
    """

    panel_id: PanelId = asked("Panel", "评审组")
    programme_id: ProgrammeId = asked("Programme", "项目")
    stage: Code = asked("Stage", "阶段")
    track_ids: tuple[TrackId, ...] = asked("Tracks", "赛道")

    taken: bool = known(default=False)
    defined: StageDefined | None = known()
    stage_position: int = known(0)
    others: tuple[PanelConstituted, ...] = known(())

    def consistency_boundary(self) -> Sequence[Selector]:
        programme = [tag(ProgrammeId, self.programme_id)]
        return [
            Selector([PanelConstituted], of_panel(self.panel_id)),
            Selector([StageDefined, PanelConstituted], programme),
        ]

    @event(StageDefined)
    def _(self, body: StageDefined, position: int) -> None:
        if body.stage == self.stage:
            self.defined, self.stage_position = body, position

    @event(PanelConstituted)
    def _(self, body: PanelConstituted) -> None:
        self.taken = self.taken or body.panel_id == self.panel_id
        self.others += (body,)

    def execute(self) -> None:
        if self.taken:
            raise PanelAlreadyConstituted(panel_id=self.panel_id)
        if self.defined is None:
            raise StageUnknown(programme_id=self.programme_id, stage=self.stage)
        self._check_tracks(self.defined)
        self.trigger_event(
            PanelConstituted,
            panel_id=self.panel_id,
            programme_id=self.programme_id,
            stage=self.stage,
            stage_position=self.stage_position,
            track_ids=self.track_ids,
        )

    def _check_tracks(self, stage: StageDefined) -> None:
        if not self.track_ids or len(set(self.track_ids)) < len(self.track_ids):
            raise TracksNotNamed(field="track_ids")
        for track_id in self.track_ids:
            if track_id not in stage.track_ids:
                raise TrackNotInStage(field="track_ids", track_id=track_id, stage=self.stage)
        for other in self.others:
            shared = sorted(set(self.track_ids) & set(other.track_ids))
            if other.stage == self.stage and shared:
                raise TrackHasPanel(track_id=shared[0], stage=self.stage, panel_id=other.panel_id)
