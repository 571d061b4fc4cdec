"""Designation: the titles that a programme has, and the register of those who hold them, held them or lost them."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec.structs import replace

from domain.designation.events import (
    TitleConferred,
    TitleDefined,
    TitleRenewed,
    TitleRestored,
    TitleRevoked,
)
from domain.designation.policy import DESIGNATION_FACTS, STATE_AFTER, DesignationState
from domain.ids import ApplicationId, DesignationId, DocumentId, MeasureId, ProgrammeId, TrackId, UnitId
from domain.kernel import Code, OfficialName, Recorded, office, public, subject
from projections.kernel import Column, Key, Table, View, columns, keyed
from projections.selection import PartnerUnit


class TitleRow(msgspec.Struct, frozen=True, kw_only=True):
    """A title of a programme, as it is defined.
    zh: 项目称号的设定。
    """

    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    title: Annotated[Code, public("Title", "称号")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    track_ids: Annotated[tuple[TrackId, ...], public("Tracks", "赛道")]
    validity_months: Annotated[int | None, public("Valid for months (none: not stated)", "有效月数(空为未载明)")]
    position: Annotated[int, public("Position", "位置")]


def _title(_row: TitleRow | None, recorded: Recorded, _key: Key) -> TitleRow:
    return TitleRow(**recorded.event.as_dict(), position=recorded.position)


TITLE = View(
    name="title",
    version=1,
    en="Titles of programmes",
    zh="项目称号",
    row=TitleRow,
    key=("programme_id", "title"),
    reads=(TitleDefined,),
    touches=keyed("programme_id", "title"),
    fold=_title,
    filters=("programme_id",),
)


class DesignationRow(msgspec.Struct, frozen=True, kw_only=True):
    """One title of one unit, from its conferring on.
    zh: 某单位的一项称号自命名以来的情况。
    """

    designation_id: Annotated[DesignationId, public("Designation", "命名")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    application_id: Annotated[ApplicationId, public("Application", "申报")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    title: Annotated[Code, public("Title", "称号")]
    state: Annotated[DesignationState, public("State", "状态")] = "held"
    conferred_on: Annotated[date, public("Conferred on", "命名日期")]
    valid_until: Annotated[date | None, public("Valid until (none: not stated)", "有效期至(空为未载明)")] = None
    lapses_at: Annotated[datetime | None, public("Lapses at", "失效时刻")] = None
    renewed_on: Annotated[date | None, public("Last renewed on", "最近续期日期")] = None
    revoked_on: Annotated[date | None, public("Revoked on", "撤销日期")] = None
    restored_on: Annotated[date | None, public("Restored on", "恢复日期")] = None
    ground: Annotated[Code | None, subject("Revoked for", "撤销理由")] = None
    measure_id: Annotated[MeasureId | None, subject("Measure", "措施")] = None
    decision_document_id: Annotated[DocumentId, subject("Last decision", "最近决定文件")]
    waits_to_lapse: Annotated[bool, office("Waits to lapse", "待失效")] = False


def _designation(row: DesignationRow | None, recorded: Recorded, _key: Key) -> DesignationRow | None:
    event = recorded.event
    if isinstance(event, TitleConferred):
        return DesignationRow(**event.as_dict(), waits_to_lapse=event.lapses_at is not None)
    if row is None:
        return None
    row = replace(row, state=STATE_AFTER[type(event)])
    match event:
        case TitleRenewed():
            row = replace(
                row, renewed_on=event.renewed_on, valid_until=event.valid_until, lapses_at=event.lapses_at,
                decision_document_id=event.decision_document_id,
            )  # fmt: skip
        case TitleRevoked():
            row = replace(
                row, revoked_on=event.revoked_on, restored_on=None, ground=event.ground, measure_id=event.measure_id,
                decision_document_id=event.decision_document_id,
            )  # fmt: skip
        case TitleRestored(restored_on=restored_on):
            row = replace(row, restored_on=restored_on, ground=None, measure_id=None)
    return replace(row, waits_to_lapse=row.state == "held" and row.lapses_at is not None)


DESIGNATION = View(
    name="designation",
    version=1,
    en="Register of designations",
    zh="命名登记",
    row=DesignationRow,
    key=("designation_id",),
    reads=DESIGNATION_FACTS,
    touches=keyed("designation_id"),
    fold=_designation,
    indexes=("lapses_at", "unit_id"),
    filters=("programme_id", "track_id", "unit_id", "title", "state", "waits_to_lapse"),
    sorts=("conferred_on", "lapses_at"),
    subject_units=("unit_id",),
)


class RegisterEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the public register, by the official names of programme, track, unit and title.
    zh: 公开命名登记的一行。
    """

    designation_id: Annotated[DesignationId, public("Designation", "命名")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    programme_zh: Annotated[OfficialName, public("Programme (Chinese)", "项目名称")]
    programme_en: Annotated[OfficialName, public("Programme (English)", "项目英文名称")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    unit_zh: Annotated[OfficialName, public("Unit (Chinese)", "单位名称")]
    unit_en: Annotated[OfficialName, public("Unit (English)", "单位英文名称")]
    title: Annotated[Code, public("Title", "称号")]
    title_zh: Annotated[OfficialName, public("Title (Chinese)", "称号名称")]
    title_en: Annotated[OfficialName, public("Title (English)", "称号英文名称")]
    state: Annotated[DesignationState, public("State", "状态")]
    conferred_on: Annotated[date, public("Conferred on", "命名日期")]
    valid_until: Annotated[date | None, public("Valid until (none: not stated)", "有效期至(空为未载明)")]
    renewed_on: Annotated[date | None, public("Last renewed on", "最近续期日期")]
    revoked_on: Annotated[date | None, public("Revoked on", "撤销日期")]
    restored_on: Annotated[date | None, public("Restored on", "恢复日期")]
    partners: Annotated[tuple[PartnerUnit, ...], public("Partner units", "联合承担单位")] = ()


def register_table(entries: tuple[RegisterEntry, ...]) -> Table:
    """The public register as a table of figures."""
    shown: tuple[Column, ...] = columns(RegisterEntry)
    return Table(
        name="designation_register",
        en="Register of designations",
        zh="命名登记",
        columns=shown,
        rows=[[getattr(line, column.name) for column in shown] for line in entries],
    )
