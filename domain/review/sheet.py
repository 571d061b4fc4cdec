"""What may be asked of score sheets: file one sealed, amend it in time, open it once scoring is over, exclude it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec

from domain.application.events import ApplicationWithdrawn
from domain.ids import ApplicationId, DocumentId, PanelId, ProgrammeId, tag
from domain.kernel import (
    Digest,
    Event,
    Invalid,
    Refusal,
    SealedAnswers,
    SealedSheet,
    Selector,
    Unknown,
    any_event,
    asked,
    event,
    known,
)
from domain.review.events import (
    ApplicationAdmitted,
    Mark,
    ScoreSheetAmended,
    ScoreSheetExcluded,
    ScoreSheetFiled,
    ScoreSheetOpened,
    StageDefined,
)
from domain.review.form import bounds
from domain.review.panel import RECUSAL_FACTS, AboutOwnSeat, AboutRecusals, AboutSeat, of_recusal
from domain.review.policy import leaves, proves, total_of
from domain.review.recusal import NotBeforePanel
from domain.review.scoring import ScoringOver

FILED_FACTS: Final[tuple[type[Event], ...]] = (ScoreSheetFiled, ScoreSheetAmended)
"""What says which sheet of a seat on an application stands: all with the tags of panel, seat and application."""
_OPINION: Final = "opinion"


class RecusedFrom(Refusal):
    """Seat {seat_id} is recused from application {application_id}.
    zh: 席位 {seat_id} 须回避申报 {application_id}。
    title: The seat is recused from the application · 席位须回避该申报
    """


class OfOwnUnit(Refusal):
    """Application {application_id} is of a unit at which its reviewer holds an office: that unit never reviews itself.
    zh: 申报 {application_id} 属评审专家任职的单位:申报单位不得自评。
    title: Nobody marks the own unit's application · 不得评审本单位的申报
    """


class NoLongerApplied(Refusal):
    """Application {application_id} was withdrawn.
    zh: 申报 {application_id} 已撤回。
    title: The application was withdrawn · 申报已撤回
    """


class SheetAlreadyFiled(Refusal):
    """Seat {seat_id} has filed a sheet on application {application_id}; until closing it can be amended.
    zh: 席位 {seat_id} 已提交对申报 {application_id} 的评分表;截止前可修改。
    title: The sheet was filed before · 评分表此前已提交
    """


class SheetNotFiled(Unknown):
    """Seat {seat_id} has filed no sheet on application {application_id}.
    zh: 席位 {seat_id} 未提交对申报 {application_id} 的评分表。
    title: No such sheet was filed · 未提交该评分表
    """


class CriteriaNotMarked(Invalid):
    """The sheet leaves out these criteria: {missing}.
    zh: 评分表缺少以下标准:{missing}。
    title: Some criteria are not marked · 尚有标准未评分
    """


class CriterionNotInForm(Invalid):
    """The sheet marks what is no criterion of the form; its criteria are: {known}.
    zh: 评分表含有非计分标准的项目;计分标准为:{known}。
    title: A criterion is not in the form · 含有非计分标准
    """


class MarkOutOfRange(Invalid):
    """A mark of criterion {criterion} lies between {lowest} and {highest} tenths, in steps of {step}.
    zh: 标准 {criterion} 的分数须在 {lowest} 至 {highest}(十分之一分)之间,步长为 {step}。
    title: A mark is out of range · 分数超出范围
    """


class TotalOutOfBounds(Invalid):
    """The total of a sheet lies between {at_least} and {at_most} tenths.
    zh: 单表总分须在 {at_least} 至 {at_most}(十分之一分)之间。
    title: The total is out of bounds · 总分超出范围
    """


class OpinionMissing(Invalid):
    """A sheet comes with an opinion on the application.
    zh: 评分表须附评审意见。
    """


class OpinionOnNothing(Invalid):
    """An opinion is on the application as a whole, or on a criterion of the form: {known}.
    zh: 意见须针对申报整体或评分表中的标准:{known}。
    title: The opinion is on nothing that is marked · 意见未针对计分标准
    """


class SheetAlreadyOpened(Refusal):
    """The sheet of seat {seat_id} on application {application_id} has been opened before.
    zh: 席位 {seat_id} 对申报 {application_id} 的评分表此前已开启。
    title: The sheet was opened before · 评分表此前已开启
    """


class NotTheStandingSheet(Refusal):
    """The sheet of seat {seat_id} on application {application_id} that stands was filed at {filed_position}.
    zh: 席位 {seat_id} 对申报 {application_id} 的有效评分表提交于位置 {filed_position}。
    title: Another sheet is the one that stands · 有效评分表为另一份
    """


class OpeningForged(Refusal):
    """These marks are not what seat {seat_id} committed to on application {application_id}.
    zh: 所示分数与席位 {seat_id} 对申报 {application_id} 的承诺不符。
    title: The marks are not those committed to · 所示分数与承诺不符
    """


class SeatKeyDestroyed(Refusal):
    """The key of seat {seat_id} of panel {panel_id} was destroyed: its sheets cannot be opened any more.
    zh: 评审组 {panel_id} 席位 {seat_id} 的密钥已销毁:其评分表无法再开启。
    title: The key of the seat was destroyed · 席位的密钥已销毁
    """


class SheetNotOpened(Refusal):
    """The sheet of seat {seat_id} on application {application_id} has not been opened.
    zh: 席位 {seat_id} 对申报 {application_id} 的评分表尚未开启。
    title: The sheet is not open yet · 评分表尚未开启
    """


class SheetAlreadyExcluded(Refusal):
    """The sheet of seat {seat_id} on application {application_id} has been excluded before.
    zh: 席位 {seat_id} 对申报 {application_id} 的评分表此前已排除。
    title: The sheet was excluded before · 评分表此前已排除
    """


def check_marks(stage: StageDefined, marks: Mapping[str, int]) -> None:
    """Raise an Invalid unless every criterion is marked within its range and step, and the total within its bounds.

    What it says names the form and its bounds, and repeats nothing of the sheet: a problem is no place for a mark.
    """
    form = {leaf.code: leaf for leaf in leaves(stage.criteria)}
    if not marks.keys() <= form.keys():
        raise CriterionNotInForm(field="marks", known=", ".join(form))
    if missing := sorted(form.keys() - marks.keys()):
        raise CriteriaNotMarked(field="marks", missing=", ".join(missing))
    for criterion, leaf in form.items():
        lowest, highest = leaf.lowest_tenths or 0, leaf.highest_tenths or 0
        if not lowest <= marks[criterion] <= highest or (marks[criterion] - lowest) % leaf.step_tenths:
            figures = {"lowest": lowest, "highest": highest, "step": leaf.step_tenths}
            raise MarkOutOfRange(field=f"marks/{criterion}", criterion=criterion, **figures)
    at_least, at_most = bounds(stage)
    if not at_least <= 10 * total_of(stage, marks) <= at_most:
        raise TotalOutOfBounds(field="marks", at_least=at_least, at_most=at_most)


def check_opinion(stage: StageDefined, characters: Mapping[str, int]) -> None:
    """Raise an Invalid unless there is an opinion, and nothing but it and opinions on criteria."""
    if not characters.get(_OPINION):
        raise OpinionMissing(field="opinion")
    known_codes = (_OPINION, *(criterion.code for criterion in stage.criteria))
    if not characters.keys() <= set(known_codes):
        raise OpinionOnNothing(field="opinion", known=", ".join(known_codes))


class AboutSheet(AboutRecusals, AboutOwnSeat):
    """What every command knows by which a reviewer scores an application, under the code of the seat.
    zh: 评审专家以席位代码评分的各项命令所共知。
    """

    marks: SealedSheet = asked("Marks by criterion (tenths)", "逐项分数(十分之一分)")
    opinion: SealedAnswers = asked("Opinion", "评审意见")

    admitted: ApplicationAdmitted | None = known()
    withdrawn: bool = known(default=False)
    filed: bool = known(default=False)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The panel with its stage, the seat, and what there is between this seat and this application."""
        application = tag(ApplicationId, self.application_id)
        boundary = [
            *super().consistency_boundary(),
            Selector([*RECUSAL_FACTS, *FILED_FACTS], of_recusal(self.panel_id, self.seat_id, self.application_id)),
            Selector([ApplicationAdmitted], [application, tag(PanelId, self.panel_id)]),
            Selector([ApplicationWithdrawn], [application]),
        ]
        if (constituted := self.panel.constituted) is not None:
            boundary.append(Selector([StageDefined], [tag(ProgrammeId, constituted.programme_id)]))
        return boundary

    @event(StageDefined)
    def _(self, body: StageDefined) -> None:
        self.panel.take(body)

    @event(ApplicationAdmitted)
    def _(self, body: ApplicationAdmitted) -> None:
        self.admitted = body

    @event(ApplicationWithdrawn)
    def _(self) -> None:
        self.withdrawn = True

    @any_event(*FILED_FACTS)
    def _(self) -> None:
        self.filed = True

    def _require_scoring(self) -> None:
        """In time, from a seat that is held, on an application of the panel that the seat may score."""
        self._require_panel()
        closes_at, _ = self.panel.end
        if self.now >= closes_at:
            raise ScoringOver(closes_at=closes_at)
        self.panel.require_seated(self.panel_id, self.seat_id)
        if self.admitted is None:
            raise NotBeforePanel(application_id=self.application_id, panel_id=self.panel_id)
        if self.withdrawn:
            raise NoLongerApplied(application_id=self.application_id)
        if self.recusals.of(self.seat_id, self.application_id) is not None:
            raise RecusedFrom(seat_id=self.seat_id, application_id=self.application_id)
        if self.admitted.unit_id in self.by_units:
            raise OfOwnUnit(application_id=self.application_id)

    def _sealed(self, kind: type[ScoreSheetFiled | ScoreSheetAmended]) -> None:
        """Record the sheet, by its commitment alone."""
        check_marks(self.panel.stage, self.marks.marks)
        check_opinion(self.panel.stage, self.opinion.characters)
        self.trigger_event(
            kind,
            panel_id=self.panel_id,
            seat_id=self.seat_id,
            application_id=self.application_id,
            commitment=self.marks.commitment,
            opinion_document_id=DocumentId(self.opinion.document_id),
        )


class FileScoreSheet(AboutSheet):
    """File a score sheet with an opinion, both sealed: until closing nobody is told more than that there is one.
    zh: 封存提交评分表及评审意见:截止之前仅知其已提交。
    """

    def execute(self) -> None:
        self._require_scoring()
        if self.filed:
            raise SheetAlreadyFiled(seat_id=self.seat_id, application_id=self.application_id)
        self._sealed(ScoreSheetFiled)


class AmendScoreSheet(AboutSheet):
    """Before closing, replace a filed sheet by another, with a reason; the earlier one stays sealed for ever.
    zh: 截止之前附事由以新表替换已提交的评分表;旧表永久封存。
    """

    def execute(self) -> None:
        self._require_scoring()
        if not self.filed:
            raise SheetNotFiled(seat_id=self.seat_id, application_id=self.application_id)
        self._sealed(ScoreSheetAmended)


class OpenScoreSheet(AboutSeat):
    """After closing, open a sheet: its marks and its salt in clear, which must prove what was committed to.
    zh: 截止之后开启评分表:公开分数与盐值,须与当时的承诺相符。
    """

    application_id: ApplicationId = asked("Application", "申报")
    filed_position: Annotated[int, msgspec.Meta(ge=1)] = asked("Filed (position)", "提交位置")
    salt: Digest = asked("Salt", "盐值")
    marks: tuple[Mark, ...] = asked("Marks", "分数")

    admitted: ApplicationAdmitted | None = known()
    standing: ScoreSheetFiled | ScoreSheetAmended | None = known()
    standing_position: int = known(0)
    opened: bool = known(default=False)

    def consistency_boundary(self) -> Sequence[Selector]:
        application = tag(ApplicationId, self.application_id)
        return [
            *super().consistency_boundary(),
            Selector([*FILED_FACTS, ScoreSheetOpened], of_recusal(self.panel_id, self.seat_id, self.application_id)),
            Selector([ApplicationAdmitted], [application, tag(PanelId, self.panel_id)]),
        ]

    @event(ApplicationAdmitted)
    def _(self, body: ApplicationAdmitted) -> None:
        self.admitted = body

    @any_event(*FILED_FACTS)
    def _(self, body: ScoreSheetFiled | ScoreSheetAmended, position: int) -> None:
        self.standing, self.standing_position = body, position

    @event(ScoreSheetOpened)
    def _(self) -> None:
        self.opened = True

    def execute(self) -> None:
        self._require_panel()
        whose = {"seat_id": self.seat_id, "application_id": self.application_id}
        if self.standing is None or self.admitted is None:
            raise SheetNotFiled(**whose)
        if self.opened:
            raise SheetAlreadyOpened(**whose)
        if self.filed_position != self.standing_position:
            raise NotTheStandingSheet(**whose, filed_position=self.standing_position)
        if not proves(self.salt, self.marks, self.standing.commitment):
            raise OpeningForged(**whose)
        self.trigger_event(
            ScoreSheetOpened,
            panel_id=self.panel_id,
            seat_id=self.seat_id,
            application_id=self.application_id,
            track_id=self.admitted.track_id,
            filed_position=self.filed_position,
            salt=self.salt,
            marks=tuple(sorted(self.marks, key=lambda mark: mark.criterion)),
        )


class ExcludeScoreSheet(AboutSeat):
    """After closing, exclude an opened sheet from the ranking, with a reason; it stays on record as it was opened.
    zh: 截止之后附事由将已开启的评分表排除于排名之外;其记录原样保留。
    """

    application_id: ApplicationId = asked("Application", "申报")

    opened: ScoreSheetOpened | None = known()
    excluded: bool = known(default=False)

    def consistency_boundary(self) -> Sequence[Selector]:
        sheet = of_recusal(self.panel_id, self.seat_id, self.application_id)
        return [*super().consistency_boundary(), Selector([ScoreSheetOpened, ScoreSheetExcluded], sheet)]

    @event(ScoreSheetOpened)
    def _(self, body: ScoreSheetOpened) -> None:
        self.opened = body

    @event(ScoreSheetExcluded)
    def _(self) -> None:
        self.excluded = True

    def execute(self) -> None:
        self._require_panel()
        whose = {"seat_id": self.seat_id, "application_id": self.application_id}
        if self.opened is None:
            raise SheetNotOpened(**whose)
        if self.excluded:
            raise SheetAlreadyExcluded(**whose)
        self.trigger_event(
            ScoreSheetExcluded,
            panel_id=self.panel_id,
            seat_id=self.seat_id,
            application_id=self.application_id,
            track_id=self.opened.track_id,
        )
