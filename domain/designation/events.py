"""What can have happened to a title and to those who hold it."""

from datetime import date, datetime
from typing import Annotated

from domain.ids import ApplicationId, DesignationId, DocumentId, MeasureId, ProgrammeId, TrackId, UnitId
from domain.kernel import Code, Event, OfficialName, public, subject


class TitleDefined(Event):
    """A title of a programme was defined; defined anew, it holds for what is conferred or renewed afterwards.
    zh: 项目称号设定。再次设定者,适用于此后的命名与续期。
    """

    TOPIC = "designation.title_defined.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    title: Annotated[Code, public("Title", "称号")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    track_ids: Annotated[tuple[TrackId, ...], public("Tracks", "赛道")]
    validity_months: Annotated[int | None, public("Valid for months (none: not stated)", "有效月数(空为未载明)")] = None


class TitleConferred(Event):
    """A title was conferred on the unit of a completed case, by a decision.
    zh: 经决定,对已结项案卷的单位予以命名。
    """

    TOPIC = "designation.title_conferred.v1"
    designation_id: Annotated[DesignationId, public("Designation", "命名")]
    application_id: Annotated[ApplicationId, public("Application", "申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    title: Annotated[Code, public("Title", "称号")]
    conferred_on: Annotated[date, public("Conferred on", "命名日期")]
    valid_until: Annotated[date | None, public("Valid until (none: not stated)", "有效期至(空为未载明)")] = None
    lapses_at: Annotated[datetime | None, public("Lapses at", "失效时刻")] = None
    decision_document_id: Annotated[DocumentId, subject("Decision", "决定文件")]


class TitleRenewed(Event):
    """A title that has an end was renewed, by a decision, to a later one.
    zh: 经决定,有期限的称号续期。
    """

    TOPIC = "designation.title_renewed.v1"
    designation_id: Annotated[DesignationId, public("Designation", "命名")]
    application_id: Annotated[ApplicationId, public("Application", "申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    title: Annotated[Code, public("Title", "称号")]
    renewed_on: Annotated[date, public("Renewed on", "续期日期")]
    valid_until: Annotated[date, public("Valid until", "有效期至")]
    lapses_at: Annotated[datetime, public("Lapses at", "失效时刻")]
    decision_document_id: Annotated[DocumentId, subject("Decision", "决定文件")]


class TitleRevoked(Event):
    """A title was revoked by a decision, on a ground; where a measure of accountability asked for it, that is named.
    zh: 经决定并附理由撤销称号;因追责措施撤销者,列明该措施。
    """

    TOPIC = "designation.title_revoked.v1"
    designation_id: Annotated[DesignationId, public("Designation", "命名")]
    application_id: Annotated[ApplicationId, public("Application", "申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    title: Annotated[Code, public("Title", "称号")]
    revoked_on: Annotated[date, public("Revoked on", "撤销日期")]
    ground: Annotated[Code, subject("Ground", "理由")]
    measure_id: Annotated[MeasureId | None, subject("Measure", "措施")] = None
    decision_document_id: Annotated[DocumentId, subject("Decision", "决定文件")]


class TitleRestored(Event):
    """A title was given back, the measure by which it was revoked having been lifted; its end stays what it was.
    zh: 撤销称号的措施已解除,称号恢复;其有效期不变。
    """

    TOPIC = "designation.title_restored.v1"
    designation_id: Annotated[DesignationId, public("Designation", "命名")]
    application_id: Annotated[ApplicationId, public("Application", "申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    title: Annotated[Code, public("Title", "称号")]
    restored_on: Annotated[date, public("Restored on", "恢复日期")]
    measure_id: Annotated[MeasureId, subject("Measure", "措施")]


class TitleLapsed(Event):
    """A title lapsed, as of the instant written when it was conferred or last renewed.
    zh: 称号按命名或最近一次续期时载明的时刻失效。
    """

    TOPIC = "designation.title_lapsed.v1"
    designation_id: Annotated[DesignationId, public("Designation", "命名")]
    application_id: Annotated[ApplicationId, public("Application", "申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    title: Annotated[Code, public("Title", "称号")]
    valid_until: Annotated[date, public("Valid until", "有效期至")]
