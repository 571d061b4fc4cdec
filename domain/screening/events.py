"""What can have happened at the screening of an application."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from domain.ids import ApplicationId, DocumentId, NominatorUnitId, ProgrammeId, TrackId, UnitId
from domain.kernel import Code, Digest, Event, subject

PartKind = Literal["form", "form_field", "self_check", "budget"]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, order=True):
    """A part of the materials: a field of the form or the self-check against a catalogue, by its code; or, without
    one, the budget, or the form as a whole, whose texts are sealed as one document.
    """

    kind: PartKind
    code: Code | None = None


class ScreeningPassed(Event):
    """The office screened an application and passed it on to review.
    zh: 主管部门初审通过该申报,转入评审。
    """

    TOPIC = "screening.passed.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]


class ScreeningRejected(Event):
    """The office screened an application and rejected it; its place goes back to the nominating unit's quota.
    zh: 主管部门初审不予通过该申报;其指标退还推荐单位。
    """

    TOPIC = "screening.rejected.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    nominator_unit_id: Annotated[NominatorUnitId, subject("Nominating unit", "推荐单位")]
    opinion_document_id: Annotated[DocumentId, subject("Opinion", "初审意见")]


class CorrectionRequested(Event):
    """The office returned an application for the correction of these parts, to be filed again before it closes.
    zh: 主管部门退回申报,要求补正所列部分,并于截止前重新报送。
    """

    TOPIC = "screening.correction_requested.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    nominator_unit_id: Annotated[NominatorUnitId, subject("Nominating unit", "推荐单位")]
    parts: Annotated[tuple[Part, ...], subject("Parts to be corrected", "须补正部分")]
    closes_at: Annotated[datetime, subject("Closes at", "截止时刻")]
    last_day: Annotated[date, subject("Last day", "截止日")]
    opinion_document_id: Annotated[DocumentId, subject("Opinion", "初审意见")]


class CorrectionExtended(Event):
    """The time to correct an application was extended.
    zh: 补正期限延长。
    """

    TOPIC = "screening.correction_extended.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    closes_at: Annotated[datetime, subject("Closes at", "截止时刻")]
    last_day: Annotated[date, subject("Last day", "截止日")]


class ApplicationRefiled(Event):
    """The nominating unit filed a corrected application again; what was changed unasked is told apart.
    zh: 推荐单位重新报送补正后的申报;未经要求的改动分别列明。
    """

    TOPIC = "screening.application_refiled.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    nominator_unit_id: Annotated[NominatorUnitId, subject("Nominating unit", "推荐单位")]
    materials_digest: Annotated[Digest, subject("Digest of the materials", "材料摘要")]
    requested: Annotated[tuple[Part, ...], subject("Changed as asked", "按要求改动")]
    unrequested: Annotated[tuple[Part, ...], subject("Changed unasked", "未经要求改动")]
