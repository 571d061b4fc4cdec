"""What can have happened in the review of a programme's applications."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from domain.ids import ApplicationId, DocumentId, PanelId, ProgrammeId, SeatId, TrackId, UnitId
from domain.kernel import Code, Digest, Event, OfficialName, office, public, restricted

Aggregation = Literal["mean", "trimmed_mean", "median", "rank_mean"]
TieBreakBy = Literal["criterion", "median", "highest_sheet", "nominator_rank", "lot"]
RecusalBasis = Literal["declared", "imposed", "own_unit"]


class ScoreCriterion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One node of a score form. A leaf is marked, in tenths of a point within its range and step; a node that others
    name as their parent only groups them and has no range. The weight of a leaf is its weight in the whole.
    """

    code: Code
    name_zh: OfficialName
    name_en: OfficialName
    parent: Code | None = None
    weight_bp: int | None = None
    lowest_tenths: int | None = None
    highest_tenths: int | None = None
    step_tenths: int = 1


class ShareRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How large a share of one reviewer's sheets in a track may, and must, have a total of at least so much.

    "Excellent for at most half": ``at_least_tenths=900, share_at_most_bp=5000``. "At least 15 % below excellent" is the
    same rule with ``share_at_most_bp=8500``.
    """

    rule: Code
    at_least_tenths: int
    share_at_least_bp: int = 0
    share_at_most_bp: int = 10_000


class Veto(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An application whose mean on a criterion lies below so much is not placed, whatever its other marks."""

    criterion: Code
    mean_below_tenths: int


class TieBreak(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One link of the chain that parts equal scores; ``criterion`` names the one whose mean decides."""

    by: TieBreakBy
    criterion: Code | None = None


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a sheet gives on one criterion, in tenths of a point."""

    criterion: Code
    tenths: int


class StageDefined(Event):
    """A stage of the review was defined: its form, constraints, aggregation and tie-breaks. Defined anew, the later one
    holds for panels constituted afterwards.
    zh: 评审阶段设定:评分表、限制条件、合成方法与同分处理。再次设定者,适用于此后组成的评审组。
    """

    TOPIC = "review.stage_defined.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    stage: Annotated[Code, public("Stage", "阶段")]
    order: Annotated[int, public("Order", "次序")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    track_ids: Annotated[tuple[TrackId, ...], public("Tracks", "赛道")]
    criteria: Annotated[tuple[ScoreCriterion, ...], public("Score form", "评分表")]
    total_at_least_tenths: Annotated[
        int | None, public("Lowest total of a sheet (tenths)", "单表总分下限(十分之一分)")
    ] = None
    total_at_most_tenths: Annotated[
        int | None, public("Highest total of a sheet (tenths)", "单表总分上限(十分之一分)")
    ] = None
    share_rules: Annotated[tuple[ShareRule, ...], public("Rules over a reviewer's sheets", "整组评分限制")] = ()
    vetoes: Annotated[tuple[Veto, ...], public("Vetoes", "一票否决")] = ()
    aggregation: Annotated[Aggregation, public("Aggregation", "合成方法")]
    trim: Annotated[int, public("Sheets left out at each end", "两端各去除份数")] = 0
    minimum_sheets: Annotated[int, public("Sheets at least", "最少评分表数")]
    tie_breaks: Annotated[tuple[TieBreak, ...], public("Tie-breaks in order", "同分处理顺序")] = ()
    advance_bp: Annotated[int | None, public("Advance, of the places (none: all)", "入围比例(占名额,空为全部)")] = None


class PanelConstituted(Event):
    """A panel was constituted for a stage and some of its tracks, pinned to the stage as defined at a position.
    zh: 评审组组成:负责某阶段的若干赛道,以某位置所设定的阶段规则为准。
    """

    TOPIC = "review.panel_constituted.v1"
    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    stage: Annotated[Code, office("Stage", "阶段")]
    stage_position: Annotated[int, office("Stage (position)", "阶段规则位置")]
    track_ids: Annotated[tuple[TrackId, ...], office("Tracks", "赛道")]


class ReviewerSeated(Event):
    """A reviewer took a seat of the panel, known by its code; who it is lies in the vault under this commitment.
    zh: 评审专家入组,以席位代码为名;其身份封存于保险库,并以承诺值对应。
    """

    TOPIC = "review.reviewer_seated.v1"
    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    seat_id: Annotated[SeatId, office("Seat", "席位")]
    commitment: Annotated[Digest, restricted("Commitment to the identity", "身份承诺值")]


class ReviewerJoinedScoring(Event):
    """A reviewer took a seat while scoring was open: what the panel scores is the reviewer's to score by then, too.
    zh: 评审专家于评分期间入组:评审组应评的申报,该专家亦应在所载时刻之前评分。
    """

    TOPIC = "review.reviewer_joined_scoring.v1"
    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    seat_id: Annotated[SeatId, office("Seat", "席位")]
    closes_at: Annotated[datetime, office("Closes at", "截止时刻")]
    last_day: Annotated[date, office("Last day", "截止日")]
    application_ids: Annotated[tuple[ApplicationId, ...], office("To be scored", "应评申报")]


class ReviewerUnseated(Event):
    """A seat of the panel was vacated; nothing more is read or filed from it.
    zh: 席位空出;此后不得再由该席位查阅或评分。
    """

    TOPIC = "review.reviewer_unseated.v1"
    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    seat_id: Annotated[SeatId, office("Seat", "席位")]


class SeatIdentityOpened(Event):
    """The link between a seat and its person was opened to the one who asked, with a reason.
    zh: 应附事由的请求,席位与人员的对应关系向请求人开启。
    """

    TOPIC = "review.seat_identity_opened.v1"
    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    seat_id: Annotated[SeatId, office("Seat", "席位")]


class ReviewerRecused(Event):
    """A reviewer is recused from an application: declared, imposed, or since it is of the reviewer's own unit.
    zh: 评审专家回避某申报:自行申明、依职权决定,或因属其本单位。
    """

    TOPIC = "review.reviewer_recused.v1"
    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    seat_id: Annotated[SeatId, office("Seat", "席位")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]
    basis: Annotated[RecusalBasis, office("Basis", "依据")]
    interest: Annotated[Code, office("Interest", "利害关系")]


class RecusalLifted(Event):
    """A recusal was lifted; what the seat had filed on the application before counts again.
    zh: 回避解除;该席位此前就该申报所评的评分表重新计入。
    """

    TOPIC = "review.recusal_lifted.v1"
    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    seat_id: Annotated[SeatId, office("Seat", "席位")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]


class ScoringOpened(Event):
    """Scoring was opened until the stated instant.
    zh: 评分开启,至所载时刻截止。
    """

    TOPIC = "review.scoring_opened.v1"
    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    opens_at: Annotated[datetime, office("Opens at", "开启时间")]
    closes_at: Annotated[datetime, office("Closes at", "截止时刻")]
    last_day: Annotated[date, office("Last day", "截止日")]


class ApplicationAdmitted(Event):
    """An application is among those that the panel scores: fixed when scoring was opened.
    zh: 某申报列入评审组评分范围,于评分开启时确定。
    """

    TOPIC = "review.application_admitted.v1"
    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    track_id: Annotated[TrackId, office("Track", "赛道")]
    unit_id: Annotated[UnitId, office("Unit", "单位")]
    nominator_rank: Annotated[int | None, office("Rank by the nominating unit", "推荐单位排序")] = None


class ScoringExtended(Event):
    """Scoring was extended.
    zh: 评分期限延长。
    """

    TOPIC = "review.scoring_extended.v1"
    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    closes_at: Annotated[datetime, office("Closes at", "截止时刻")]
    last_day: Annotated[date, office("Last day", "截止日")]


class ScoreSheetFiled(Event):
    """A score sheet was filed, sealed: only a commitment to its marks is recorded.
    zh: 评分表封存提交:仅记录对分数的承诺值。
    """

    TOPIC = "review.score_sheet_filed.v1"
    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    seat_id: Annotated[SeatId, office("Seat", "席位")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]
    commitment: Annotated[Digest, office("Commitment to the marks", "分数承诺值")]
    opinion_document_id: Annotated[DocumentId, restricted("Opinion", "评审意见")]


class ScoreSheetAmended(Event):
    """Before closing, a filed sheet was replaced by another, with a reason.
    zh: 截止之前,附事由以新表替换已提交的评分表。
    """

    TOPIC = "review.score_sheet_amended.v1"
    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    seat_id: Annotated[SeatId, office("Seat", "席位")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]
    commitment: Annotated[Digest, office("Commitment to the marks", "分数承诺值")]
    opinion_document_id: Annotated[DocumentId, restricted("Opinion", "评审意见")]


class ScoringClosed(Event):
    """Scoring closed, as of the instant written when it was opened or extended.
    zh: 评分按开启或延长时载明的时刻截止。
    """

    TOPIC = "review.scoring_closed.v1"
    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    closes_at: Annotated[datetime, office("Closes at", "截止时刻")]
    last_day: Annotated[date, office("Last day", "截止日")]


class ScoreSheetOpened(Event):
    """After closing, a sheet was opened: its marks in clear, with the salt that proves them against the commitment
    (SHA-256 of the salt's 32 bytes and the canonical JSON object of tenths by criterion).
    zh: 截止之后评分表开启:公开分数及可据以核对承诺值的盐值(盐值 32 字节与分数规范 JSON 之 SHA-256)。
    """

    TOPIC = "review.score_sheet_opened.v1"
    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    seat_id: Annotated[SeatId, office("Seat", "席位")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]
    track_id: Annotated[TrackId, office("Track", "赛道")]
    filed_position: Annotated[int, office("Filed (position)", "提交位置")]
    salt: Annotated[Digest, office("Salt", "盐值")]
    marks: Annotated[tuple[Mark, ...], office("Marks", "分数")]


class ScoreSheetExcluded(Event):
    """After closing, a sheet was excluded from the ranking, with a reason.
    zh: 截止之后,附事由将某评分表排除于排名之外。
    """

    TOPIC = "review.score_sheet_excluded.v1"
    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    seat_id: Annotated[SeatId, office("Seat", "席位")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]
    track_id: Annotated[TrackId, office("Track", "赛道")]


class ApplicationRanked(Event):
    """An application was ranked: its score as an exact fraction of points, and its place among those of its track.
    zh: 某申报排名:以精确分数表示的得分,及其在赛道中的名次。
    """

    TOPIC = "review.application_ranked.v1"
    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    track_id: Annotated[TrackId, office("Track", "赛道")]
    unit_id: Annotated[UnitId, office("Unit", "单位")]
    rank: Annotated[int | None, office("Rank (none: not placed)", "名次(空为未予排名)")]
    score_numerator: Annotated[int, office("Score (numerator)", "得分(分子)")]
    score_denominator: Annotated[int, office("Score (denominator)", "得分(分母)")]
    sheets: Annotated[int, office("Sheets counted", "计入评分表数")]
    advances: Annotated[bool, office("Advances", "入围")]


class RankingRecorded(Event):
    """The ranking of a track was recorded: computed from the opened sheets under the pinned stage, named by its digest.
    zh: 某赛道排名记录在案:依所固定的阶段规则由已开启的评分表算得,并以摘要指明。
    """

    TOPIC = "review.ranking_recorded.v1"
    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    stage: Annotated[Code, office("Stage", "阶段")]
    track_id: Annotated[TrackId, office("Track", "赛道")]
    stage_position: Annotated[int, office("Stage (position)", "阶段规则位置")]
    applications: Annotated[int, office("Applications", "申报数")]
    sheets: Annotated[int, office("Sheets counted", "计入评分表数")]
    digest: Annotated[Digest, office("Digest of the ranking", "排名摘要")]
