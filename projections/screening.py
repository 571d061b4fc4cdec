"""Screening: what the office has decided on each filed application, and every correction that it asked for."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from domain.application.events import ApplicationFiled, ApplicationWithdrawn
from domain.ids import ApplicationId, DocumentId, NominatorUnitId, ProgrammeId, TrackId, UnitId
from domain.kernel import Digest, Recorded, office, subject
from domain.nomination.events import NominationPassed
from domain.screening.events import (
    ApplicationRefiled,
    CorrectionExtended,
    CorrectionRequested,
    Part,
    ScreeningPassed,
    ScreeningRejected,
)
from projections.kernel import Key, View, keyed

ScreeningState = Literal["waiting", "returned", "passed", "rejected", "withdrawn"]


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One correction: what was asked and until when; once it came back, what was changed as asked and what unasked."""

    parts: tuple[Part, ...]
    opinion_document_id: DocumentId
    requested_at: datetime
    closes_at: datetime
    last_day: date
    position: int
    refiled_at: datetime | None = None
    refiled_position: int | None = None
    materials_digest: Digest | None = None
    requested: tuple[Part, ...] = ()
    unrequested: tuple[Part, ...] = ()


class ScreeningRow(msgspec.Struct, frozen=True, kw_only=True):
    """One filed application at its screening.
    zh: 一项已报送申报的初审情况。
    """

    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    nominator_unit_id: Annotated[NominatorUnitId, subject("Nominating unit", "推荐单位")]
    state: Annotated[ScreeningState, subject("Screening", "初审")] = "waiting"
    materials_digest: Annotated[Digest, subject("Materials last filed (digest)", "最近报送材料摘要")]
    filed_at: Annotated[datetime, subject("Filed at", "报送时间")]
    rounds: Annotated[tuple[Round, ...], subject("Corrections", "补正")] = ()
    last_day: Annotated[date | None, subject("To be corrected until", "补正截止日")] = None
    closes_at: Annotated[datetime | None, subject("Correction closes at", "补正截止时刻")] = None
    changed_unasked: Annotated[bool, subject("Changed unasked at last", "最近有未经要求的改动")] = False
    opinion_document_id: Annotated[DocumentId | None, subject("Opinion", "初审意见")] = None
    settled_at: Annotated[datetime | None, subject("Settled at", "办结时间")] = None
    settled_by: Annotated[str | None, office("Settled by", "办结人")] = None


def _returned(row: ScreeningRow, event: CorrectionRequested, recorded: Recorded) -> ScreeningRow:
    asked = Round(
        parts=event.parts,
        opinion_document_id=event.opinion_document_id,
        requested_at=recorded.envelope.effective_at,
        closes_at=event.closes_at,
        last_day=event.last_day,
        position=recorded.position,
    )
    dated = replace(row, closes_at=event.closes_at, last_day=event.last_day)
    return replace(dated, state="returned", rounds=(*row.rounds, asked), opinion_document_id=event.opinion_document_id)


def _extended(row: ScreeningRow, event: CorrectionExtended) -> ScreeningRow:
    longer = [replace(last, closes_at=event.closes_at, last_day=event.last_day) for last in row.rounds[-1:]]
    return replace(row, rounds=(*row.rounds[:-1], *longer), closes_at=event.closes_at, last_day=event.last_day)


def _refiled(row: ScreeningRow, event: ApplicationRefiled, recorded: Recorded) -> ScreeningRow:
    answered = [
        replace(
            last,
            refiled_at=recorded.envelope.effective_at,
            refiled_position=recorded.position,
            materials_digest=event.materials_digest,
            requested=event.requested,
            unrequested=event.unrequested,
        )
        for last in row.rounds[-1:]
    ]
    row = replace(row, rounds=(*row.rounds[:-1], *answered), changed_unasked=bool(event.unrequested))
    return replace(row, state="waiting", materials_digest=event.materials_digest, closes_at=None, last_day=None)


def _settled(row: ScreeningRow, state: ScreeningState, recorded: Recorded) -> ScreeningRow:
    envelope = recorded.envelope
    row = replace(row, settled_at=envelope.effective_at, settled_by=envelope.actor_id)
    return replace(row, state=state, closes_at=None, last_day=None)


def _fold(row: ScreeningRow | None, recorded: Recorded, _key: Key) -> ScreeningRow | None:
    event = recorded.event
    if isinstance(event, ApplicationFiled):
        return ScreeningRow(**event.as_dict(), filed_at=recorded.envelope.effective_at)
    if row is None:
        return None
    match event:
        case CorrectionRequested():
            row = _returned(row, event, recorded)
        case CorrectionExtended():
            row = _extended(row, event)
        case ApplicationRefiled():
            row = _refiled(row, event, recorded)
        case ScreeningPassed():
            row = _settled(row, "passed", recorded)
        case ScreeningRejected(opinion_document_id=opinion):
            row = replace(_settled(row, "rejected", recorded), opinion_document_id=opinion)
        case ApplicationWithdrawn():
            row = _settled(row, "withdrawn", recorded)
        case NominationPassed(successor_unit_id=successor):
            row = replace(row, nominator_unit_id=successor)
    return row


SCREENING = View(
    name="screening",
    version=2,
    en="Screening",
    zh="初审",
    row=ScreeningRow,
    key=("application_id",),
    reads=(
        ApplicationFiled,
        NominationPassed,
        ApplicationWithdrawn,
        ScreeningPassed,
        ScreeningRejected,
        CorrectionRequested,
        CorrectionExtended,
        ApplicationRefiled,
    ),
    touches=keyed("application_id"),
    fold=_fold,
    filters=("programme_id", "track_id", "unit_id", "nominator_unit_id", "state", "changed_unasked"),
    sorts=("filed_at", "closes_at"),
    subject_units=("unit_id", "nominator_unit_id"),
)
