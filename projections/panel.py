"""Stages of the review, panels and their seats, known by code; how far each seat has come is counted at read time."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from domain.ids import ApplicationId, PanelId, ProgrammeId, SeatId, TrackId
from domain.kernel import Code, Digest, Event, OfficialName, Recorded, office, public
from domain.review.events import (
    Aggregation,
    ApplicationAdmitted,
    PanelConstituted,
    RankingRecorded,
    ReviewerSeated,
    ReviewerUnseated,
    ScoreCriterion,
    ScoringClosed,
    ScoringExtended,
    ScoringOpened,
    SeatIdentityOpened,
    ShareRule,
    StageDefined,
    TieBreak,
    Veto,
)
from projections.kernel import Key, View, keyed
from projections.scoreboard import AdmissionRow, SheetRow

# --- stages ----------------------------------------------------------------------------------------------------------


class StageRow(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of the review as it is defined now; a panel keeps to what it was when the panel was constituted.
    zh: 评审阶段的现行规则;评审组以其组成时的规则为准。
    """

    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    stage: Annotated[Code, public("Stage", "阶段")]
    order: Annotated[int, public("Order", "次序")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    track_ids: Annotated[tuple[TrackId, ...], public("Tracks", "赛道")]
    criteria: Annotated[tuple[ScoreCriterion, ...], public("Score form", "评分表")]
    total_at_least_tenths: Annotated[int | None, public("Lowest total (tenths)", "单表总分下限(十分之一分)")]
    total_at_most_tenths: Annotated[int | None, public("Highest total (tenths)", "单表总分上限(十分之一分)")]
    share_rules: Annotated[tuple[ShareRule, ...], public("Rules over a reviewer's sheets", "整组评分限制")]
    vetoes: Annotated[tuple[Veto, ...], public("Vetoes", "一票否决")]
    aggregation: Annotated[Aggregation, public("Aggregation", "合成方法")]
    trim: Annotated[int, public("Sheets left out at each end", "两端各去除份数")]
    minimum_sheets: Annotated[int, public("Sheets at least", "最少评分表数")]
    tie_breaks: Annotated[tuple[TieBreak, ...], public("Tie-breaks in order", "同分处理顺序")]
    advance_bp: Annotated[int | None, public("Advance, of the places (none: all)", "入围比例(占名额,空为全部)")]
    defined_at: Annotated[datetime, public("Defined at", "设定时间")]
    position: Annotated[int, public("Position", "位置")]

    def as_defined(self) -> StageDefined:
        """The stage as the rules know it."""
        return StageDefined(**{name: getattr(self, name) for name in StageDefined.__struct_fields__})


def _stage(row: StageRow | None, recorded: Recorded, _key: Key) -> StageRow | None:
    at, position = recorded.envelope.effective_at, recorded.position
    stage = StageRow(**recorded.event.as_dict(), defined_at=at, position=position)
    return row if row is not None and row.position > position else stage


STAGE = View(
    name="stage",
    version=1,
    en="Stages of the review",
    zh="评审阶段",
    row=StageRow,
    key=("programme_id", "stage"),
    reads=(StageDefined,),
    touches=keyed("programme_id", "stage"),
    fold=_stage,
    filters=("programme_id", "stage"),
    sorts=("order",),
)

# --- panels ----------------------------------------------------------------------------------------------------------

State = Literal["constituted", "scoring", "scored"]


class RankedTrack(msgspec.Struct, frozen=True, kw_only=True):
    """The latest recorded ranking of a track."""

    track_id: TrackId
    applications: int
    sheets: int
    digest: Digest
    position: int


class PanelRow(msgspec.Struct, frozen=True, kw_only=True):
    """A panel: what it judges, until when it scores, and what it has ranked.
    zh: 评审组:评审范围、评分期限及排名情况。
    """

    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    stage: Annotated[Code, office("Stage", "阶段")]
    stage_position: Annotated[int, office("Stage (position)", "阶段规则位置")]
    track_ids: Annotated[tuple[TrackId, ...], office("Tracks", "赛道")]
    state: Annotated[State, office("State", "状态")] = "constituted"
    seats: Annotated[int, office("Seats given", "已授席位数")] = 0
    vacated: Annotated[int, office("Seats vacated", "已空席位数")] = 0
    applications: Annotated[int, office("Applications", "申报数")] = 0
    opens_at: Annotated[datetime | None, office("Scoring opened at", "评分开启时间")] = None
    closes_at: Annotated[datetime | None, office("Scoring closes at", "评分截止时刻")] = None
    last_day: Annotated[date | None, office("Last day", "截止日")] = None
    extended: Annotated[int, office("Times extended", "延长次数")] = 0
    rankings: Annotated[tuple[RankedTrack, ...], office("Recorded rankings", "已记录排名")] = ()


def _ranked(row: PanelRow, event: RankingRecorded, position: int) -> PanelRow:
    others = (each for each in row.rankings if each.track_id != event.track_id)
    latest = RankedTrack(
        track_id=event.track_id,
        applications=event.applications,
        sheets=event.sheets,
        digest=event.digest,
        position=position,
    )
    return replace(row, rankings=tuple(sorted((*others, latest), key=lambda each: each.track_id)))


def _counted(row: PanelRow, event: Event, position: int) -> PanelRow:
    match event:
        case ReviewerSeated():
            return replace(row, seats=row.seats + 1)
        case ReviewerUnseated():
            return replace(row, vacated=row.vacated + 1)
        case RankingRecorded():
            return _ranked(row, event, position)
    return replace(row, applications=row.applications + 1)


def _panel(row: PanelRow | None, recorded: Recorded, _key: Key) -> PanelRow | None:
    event = recorded.event
    if isinstance(event, PanelConstituted):
        return PanelRow(**event.as_dict())
    if row is None:
        return None
    match event:
        case ScoringOpened(opens_at=opens_at, closes_at=closes_at, last_day=last_day):
            return replace(row, state="scoring", opens_at=opens_at, closes_at=closes_at, last_day=last_day)
        case ScoringExtended(closes_at=closes_at, last_day=last_day):
            return replace(row, closes_at=closes_at, last_day=last_day, extended=row.extended + 1)
        case ScoringClosed():
            return replace(row, state="scored")
    return _counted(row, event, recorded.position)


PANEL = View(
    name="panel",
    version=1,
    en="Panels",
    zh="评审组",
    row=PanelRow,
    key=("panel_id",),
    reads=(
        PanelConstituted,
        ReviewerSeated,
        ReviewerUnseated,
        ScoringOpened,
        ApplicationAdmitted,
        ScoringExtended,
        ScoringClosed,
        RankingRecorded,
    ),
    touches=keyed("panel_id"),
    fold=_panel,
    filters=("programme_id", "stage", "state"),
    sorts=("closes_at",),
)

# --- seats -----------------------------------------------------------------------------------------------------------


class SeatRow(msgspec.Struct, frozen=True, kw_only=True):
    """One seat of a panel, by its code; who sits there is in the vault.
    zh: 评审组的一个席位,以代码为名;其身份封存于保险库。
    """

    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    seat_id: Annotated[SeatId, office("Seat", "席位")]
    seated_at: Annotated[datetime, office("Given at", "授予时间")]
    vacated_at: Annotated[datetime | None, office("Vacated at", "空出时间")] = None
    identity_opened: Annotated[int, office("Times its identity was opened", "身份开启次数")] = 0


def _seat(row: SeatRow | None, recorded: Recorded, _key: Key) -> SeatRow | None:
    event, at = recorded.event, recorded.envelope.effective_at
    if isinstance(event, ReviewerSeated):
        return SeatRow(panel_id=event.panel_id, seat_id=event.seat_id, seated_at=at)
    if row is None:
        return None
    if isinstance(event, ReviewerUnseated):
        return replace(row, vacated_at=at)
    return replace(row, identity_opened=row.identity_opened + 1)


SEAT = View(
    name="seat",
    version=1,
    en="Seats of panels",
    zh="评审席位",
    row=SeatRow,
    key=("panel_id", "seat_id"),
    reads=(ReviewerSeated, ReviewerUnseated, SeatIdentityOpened),
    touches=keyed("panel_id", "seat_id"),
    fold=_seat,
    filters=("panel_id",),
)

# --- the board -------------------------------------------------------------------------------------------------------


class SeatProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far one seat has come: of the applications it may score, on how many it has filed.

    What it is recused from counts neither as due nor as filed.
    """

    seat_id: SeatId
    held: bool
    recused: int
    due: int
    filed: int
    opened: int


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """A panel at a glance: its state, its seats by code, and how far each has come."""

    panel: PanelRow
    seats: tuple[SeatProgress, ...]
    filed: int
    opened: int


def board(
    panel: PanelRow, seats: Iterable[SeatRow], sheets: Iterable[SheetRow], admissions: Iterable[AdmissionRow]
) -> Board:
    """A panel with its seats as they have come by now."""
    admitted = {each.application_id for each in admissions if not each.withdrawn}
    of_seat: dict[SeatId, list[SheetRow]] = {}
    for sheet in sheets:
        of_seat.setdefault(sheet.seat_id, []).append(sheet)
    lines = tuple(
        _progress(seat, of_seat.get(seat.seat_id, ()), admitted)
        for seat in sorted(seats, key=lambda each: each.seat_id)
    )
    return Board(
        panel=panel, seats=lines, filed=sum(line.filed for line in lines), opened=sum(line.opened for line in lines)
    )


def _progress(seat: SeatRow, sheets: Iterable[SheetRow], admitted: set[ApplicationId]) -> SeatProgress:
    own = list(sheets)
    recused = {sheet.application_id for sheet in own if sheet.recused}
    counted = [sheet for sheet in own if sheet.application_id in admitted and not sheet.recused]
    return SeatProgress(
        seat_id=seat.seat_id,
        held=seat.vacated_at is None,
        recused=len(recused),
        due=len(admitted - recused) if seat.vacated_at is None else 0,
        filed=sum(sheet.filed_position is not None for sheet in counted),
        opened=sum(sheet.opened_position is not None for sheet in counted),
    )
