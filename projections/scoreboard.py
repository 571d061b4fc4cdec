"""Sheets as they were filed, opened and left out; the applications before a panel; and their ranking, explained.

Until scoring is over a row of a sheet says that it was filed, and nothing of what it gives. An opening is checked here
against what was committed to, whoever recorded it. Ranks are computed from rows at read time, by the very function that
the record's own rankings were computed with.
"""

from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from domain.application.events import ApplicationWithdrawn
from domain.ids import ApplicationId, DocumentId, PanelId, ProgrammeId, SeatId, TrackId, UnitId
from domain.kernel import Code, Digest, Recorded, office, restricted
from domain.review.events import (
    ApplicationAdmitted,
    ApplicationRanked,
    Mark,
    RecusalBasis,
    RecusalLifted,
    ReviewerRecused,
    ScoreSheetAmended,
    ScoreSheetExcluded,
    ScoreSheetFiled,
    ScoreSheetOpened,
    StageDefined,
)
from domain.review.policy import Cause, LeftOut, Placing, Ranking, Sheet, SheetKey, proves, rank, total_of
from projections.kernel import Key, View, Where, keyed

FORGED = "forged"
"""Why a sheet is left out whose opening does not prove what was committed to."""

# --- sheets ----------------------------------------------------------------------------------------------------------


class SheetRow(msgspec.Struct, frozen=True, kw_only=True):
    """What there is between a seat and an application: a sheet, a recusal, or both.
    zh: 某席位与某申报之间的评分表或回避情况。
    """

    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    seat_id: Annotated[SeatId, office("Seat", "席位")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]
    filed_at: Annotated[datetime | None, office("Filed at", "提交时间")] = None
    filed_position: Annotated[int | None, office("Filed (position)", "提交位置")] = None
    commitment: Annotated[Digest | None, office("Commitment to the marks", "分数承诺值")] = None
    opinion_document_id: Annotated[DocumentId | None, restricted("Opinion", "评审意见")] = None
    amended: Annotated[int, office("Times amended", "修改次数")] = 0
    recused: Annotated[bool, office("Recused", "回避")] = False
    recusal_basis: Annotated[RecusalBasis | None, office("Basis of the recusal", "回避依据")] = None
    interest: Annotated[Code | None, office("Interest", "利害关系")] = None
    recusal_position: Annotated[int | None, office("Recused (position)", "回避位置")] = None
    opened_position: Annotated[int | None, office("Opened (position)", "开启位置")] = None
    salt: Annotated[Digest | None, office("Salt", "盐值")] = None
    marks: Annotated[tuple[Mark, ...], office("Marks", "分数")] = ()
    sound: Annotated[bool | None, office("Proves its commitment", "与承诺相符")] = None
    excluded_position: Annotated[int | None, office("Excluded (position)", "排除位置")] = None
    excluded_reason: Annotated[Code | None, office("Excluded for", "排除事由")] = None


def _sheet(row: SheetRow | None, recorded: Recorded, key: Key) -> SheetRow | None:
    panel_id, seat_id, application_id = (str(part) for part in key)
    row = row or SheetRow(
        panel_id=PanelId(panel_id), seat_id=SeatId(seat_id), application_id=ApplicationId(application_id)
    )
    position = recorded.position
    match recorded.event:
        case ScoreSheetFiled(commitment=commitment, opinion_document_id=opinion):
            at = recorded.envelope.effective_at
            return replace(
                row, filed_at=at, filed_position=position, commitment=commitment, opinion_document_id=opinion
            )
        case ScoreSheetAmended(commitment=commitment, opinion_document_id=opinion):
            amended = replace(row, filed_position=position, commitment=commitment, amended=row.amended + 1)
            return replace(amended, opinion_document_id=opinion)
        case ReviewerRecused(basis=basis, interest=interest):
            return replace(row, recused=True, recusal_basis=basis, interest=interest, recusal_position=position)
        case RecusalLifted():
            return replace(row, recused=False, recusal_basis=None, interest=None, recusal_position=None)
        case ScoreSheetOpened(salt=salt, marks=marks):
            sound = proves(salt, marks, row.commitment)
            return replace(row, opened_position=position, salt=salt, marks=marks, sound=sound)
    return replace(row, excluded_position=position, excluded_reason=recorded.envelope.reason_code)


SCORE_SHEET = View(
    name="score_sheet",
    version=1,
    en="Score sheets and recusals",
    zh="评分表与回避",
    row=SheetRow,
    key=("panel_id", "seat_id", "application_id"),
    reads=(
        ScoreSheetFiled,
        ScoreSheetAmended,
        ReviewerRecused,
        RecusalLifted,
        ScoreSheetOpened,
        ScoreSheetExcluded,
    ),
    touches=keyed("panel_id", "seat_id", "application_id"),
    fold=_sheet,
    filters=("panel_id", "seat_id", "application_id", "sound"),
)

# --- applications before a panel -------------------------------------------------------------------------------------


class AdmissionRow(msgspec.Struct, frozen=True, kw_only=True):
    """An application before a panel, and its place in the latest ranking on record.
    zh: 列入评审的申报及其在最近一次排名中的名次。
    """

    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    track_id: Annotated[TrackId, office("Track", "赛道")]
    unit_id: Annotated[UnitId, office("Unit", "单位")]
    nominator_rank: Annotated[int | None, office("Rank by the nominating unit", "推荐单位排序")] = None
    withdrawn: Annotated[bool, office("Withdrawn", "已撤回")] = False
    rank: Annotated[int | None, office("Rank (none: not placed)", "名次(空为未予排名)")] = None
    score_numerator: Annotated[int | None, office("Score (numerator)", "得分(分子)")] = None
    score_denominator: Annotated[int | None, office("Score (denominator)", "得分(分母)")] = None
    sheets: Annotated[int | None, office("Sheets counted", "计入评分表数")] = None
    advances: Annotated[bool | None, office("Advances", "入围")] = None
    ranked_position: Annotated[int | None, office("Ranked (position)", "排名位置")] = None


def _touches(recorded: Recorded) -> list[Key | Where]:
    event = recorded.event
    if isinstance(event, ApplicationWithdrawn):
        return [Where("application_id", event.application_id)]
    fields = event.as_dict()
    return [(fields["panel_id"], fields["application_id"])]


def _admission(row: AdmissionRow | None, recorded: Recorded, _key: Key) -> AdmissionRow | None:
    match recorded.event:
        case ApplicationAdmitted() as event:
            return AdmissionRow(**event.as_dict())
        case ApplicationRanked() as event if row is not None:
            return replace(
                row,
                rank=event.rank,
                score_numerator=event.score_numerator,
                score_denominator=event.score_denominator,
                sheets=event.sheets,
                advances=event.advances,
                ranked_position=recorded.position,
            )
        case ApplicationWithdrawn() if row is not None:
            return replace(row, withdrawn=True)
    return row


ADMISSION = View(
    name="admission",
    version=1,
    en="Applications before panels",
    zh="列入评审的申报",
    row=AdmissionRow,
    key=("panel_id", "application_id"),
    reads=(ApplicationAdmitted, ApplicationRanked, ApplicationWithdrawn),
    touches=_touches,
    fold=_admission,
    indexes=("application_id",),
    filters=("panel_id", "programme_id", "track_id", "application_id", "advances"),
    sorts=("rank",),
)

# --- the scoreboard --------------------------------------------------------------------------------------------------

SheetState = Literal["none", "sealed", "opened", "recused", "excluded", "forged"]


class Exact(msgspec.Struct, frozen=True):
    """An exact fraction."""

    numerator: int
    denominator: int

    @classmethod
    def of(cls, value: Fraction) -> "Exact":
        """A fraction as it is shown."""
        return cls(value.numerator, value.denominator)


class BoardSheet(msgspec.Struct, frozen=True, kw_only=True):
    """One seat's sheet on an application: whether there is one and, once it is open, what it gives, in points."""

    seat_id: SeatId
    state: SheetState
    total: Exact | None = None
    marks: tuple[Mark, ...] = ()
    opinion_document_id: DocumentId | None = None


class BoardLine(msgspec.Struct, frozen=True, kw_only=True):
    """One application with the sheets of all seats."""

    application_id: ApplicationId
    track_id: TrackId
    unit_id: UnitId
    sheets: tuple[BoardSheet, ...]


def state_of(sheet: SheetRow) -> SheetState:
    """How a sheet stands; a recusal hides whatever there is."""
    if sheet.recused:
        return "recused"
    if sheet.opened_position is None:
        return "none" if sheet.filed_position is None else "sealed"
    if not sheet.sound:
        return "forged"
    return "opened" if sheet.excluded_position is None else "excluded"


def scoreboard(
    stage: StageDefined, admissions: Iterable[AdmissionRow], sheets: Iterable[SheetRow]
) -> tuple[BoardLine, ...]:
    """Every application before a panel with what each seat gave, as far as that is open; of a recused seat, nothing."""
    on_application: dict[str, list[SheetRow]] = {}
    for sheet in sheets:
        on_application.setdefault(sheet.application_id, []).append(sheet)
    return tuple(
        BoardLine(
            application_id=each.application_id,
            track_id=each.track_id,
            unit_id=each.unit_id,
            sheets=tuple(
                _shown(stage, sheet)
                for sheet in sorted(on_application.get(each.application_id, ()), key=lambda sheet: sheet.seat_id)
            ),
        )
        for each in sorted(admissions, key=lambda each: each.application_id)
        if not each.withdrawn
    )


def _shown(stage: StageDefined, sheet: SheetRow) -> BoardSheet:
    state = state_of(sheet)
    if state not in {"opened", "excluded"}:
        return BoardSheet(seat_id=sheet.seat_id, state=state)
    total = total_of(stage, {mark.criterion: mark.tenths for mark in sheet.marks})
    return BoardSheet(
        seat_id=sheet.seat_id,
        state=state,
        total=Exact.of(total),
        marks=sheet.marks,
        opinion_document_id=sheet.opinion_document_id,
    )


# --- the ranking, explained ------------------------------------------------------------------------------------------


def ranking_of(
    stage: StageDefined, admissions: Iterable[AdmissionRow], sheets: Iterable[SheetRow], places: int | None = None
) -> Ranking:
    """The ranking of a track by its rows: the same that the record has, as long as nothing has changed since."""
    names = ApplicationAdmitted.__struct_fields__
    admitted = [
        ApplicationAdmitted(**{name: getattr(each, name) for name in names})
        for each in admissions
        if not each.withdrawn
    ]
    opened: list[Sheet] = []
    excluded: dict[SheetKey, Cause] = {}
    recused: dict[SheetKey, Cause] = {}
    for sheet in sheets:
        key = (sheet.seat_id, sheet.application_id)
        if sheet.opened_position is not None and sheet.salt is not None:
            opened.append(Sheet(*key, sheet.salt, sheet.marks, sheet.opened_position))
            if not sheet.sound:
                excluded[key] = Cause(sheet.opened_position, FORGED)
        if sheet.excluded_position is not None:
            excluded[key] = Cause(sheet.excluded_position, sheet.excluded_reason or "")
        if sheet.recused and sheet.recusal_position is not None:
            recused[key] = Cause(sheet.recusal_position, sheet.interest or "")
    return rank(stage, admitted, opened, excluded, recused, places=places)


class ExplainedSheet(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet that counts: where it was opened, what it gives in points, and whether the aggregation rests on it."""

    seat_id: SeatId
    position: int
    marks: tuple[Mark, ...]
    total: Exact
    kept: bool
    place: Exact | None
    of_sheets: int | None


class ExplainedGap(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet that does not count: why, by which fact, and where it was opened if it was."""

    seat_id: SeatId
    why: str
    cause_position: int
    code: str
    position: int | None


class ExplainedCriterion(msgspec.Struct, frozen=True, kw_only=True):
    """What one criterion gives to the score, in points."""

    criterion: Code
    weight_bp: int
    mean: Exact
    points: Exact


class ExplainedTie(msgspec.Struct, frozen=True, kw_only=True):
    """A link of the tie-break chain that was asked: its value, and whether the application then stood alone."""

    by: str
    criterion: Code | None
    value: Exact | str | None
    parted: bool


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why an application stands where it stands: every input with its position, and every step from there."""

    application_id: ApplicationId
    unit_id: UnitId
    rank: int | None
    unplaced: str | None
    vetoed_by: Code | None
    score: Exact
    advances: bool
    counted: tuple[ExplainedSheet, ...]
    left_out: tuple[ExplainedGap, ...]
    contributions: tuple[ExplainedCriterion, ...]
    tie_breaks: tuple[ExplainedTie, ...]


def explained(placing: Placing) -> Explanation:
    """One placing, as data."""
    return Explanation(
        application_id=placing.application_id,
        unit_id=placing.unit_id,
        rank=placing.rank,
        unplaced=placing.unplaced,
        vetoed_by=placing.vetoed_by,
        score=Exact.of(placing.score),
        advances=placing.advances,
        counted=tuple(
            ExplainedSheet(
                seat_id=sheet.seat_id,
                position=sheet.position,
                marks=sheet.marks,
                total=Exact.of(sheet.total),
                kept=sheet.kept,
                place=None if sheet.place is None else Exact.of(sheet.place),
                of_sheets=sheet.of_sheets,
            )
            for sheet in placing.counted
        ),
        left_out=tuple(map(_gap, placing.left_out)),
        contributions=tuple(
            ExplainedCriterion(
                criterion=each.criterion,
                weight_bp=each.weight_bp,
                mean=Exact.of(each.mean),
                points=Exact.of(each.points),
            )
            for each in placing.contributions
        ),
        tie_breaks=tuple(
            ExplainedTie(
                by=each.by,
                criterion=each.criterion,
                value=Exact.of(each.value) if isinstance(each.value, Fraction) else each.value,
                parted=each.parted,
            )
            for each in placing.tie_breaks
        ),
    )


def _gap(left_out: LeftOut) -> ExplainedGap:
    return ExplainedGap(
        seat_id=left_out.seat_id,
        why=left_out.why,
        cause_position=left_out.cause.position,
        code=left_out.cause.code,
        position=left_out.position,
    )
