"""Places per nominating unit and track: assigned, used by filings, given back when withdrawn or rejected. And plans."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec.structs import replace

from domain.application.events import ApplicationFiled, ApplicationWithdrawn
from domain.ids import DocumentId, MeasureId, NominatorUnitId, ProgrammeId, TrackId
from domain.kernel import Code, Recorded, public, subject
from domain.nomination.events import NominationPassed, PlanRecorded, QuotaAssigned, QuotaPassed
from domain.nomination.policy import QUOTA_FACTS
from domain.screening.events import ScreeningRejected
from projections.accountability import MEASURE, MeasureRow, is_in_force
from projections.kernel import Beside, Key, View, keyed


class QuotaRow(msgspec.Struct, frozen=True, kw_only=True):
    """The places of one nominating unit in one track; none assigned where the track is open.
    zh: 推荐单位在某赛道的推荐指标;不设指标的赛道为空。
    """

    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    nominator_unit_id: Annotated[NominatorUnitId, public("Nominating unit", "推荐单位")]
    places: Annotated[int | None, public("Places", "指标数")] = None
    basis: Annotated[Code | None, public("Basis", "依据")] = None
    assigned_position: Annotated[int | None, public("Assigned (position)", "分配位置")] = None
    filed: Annotated[int, subject("Filed", "已报送")] = 0
    returned: Annotated[int, subject("Given back", "已退还")] = 0
    places_passed: Annotated[int, public("Places taken over (below zero: passed on)", "承继指标数(负数为转出)")] = 0
    filed_passed: Annotated[int, subject("Filed, taken over (below zero: passed on)", "承继已报送数(负数为转出)")] = 0

    @property
    def used(self) -> int:
        """Places in use: what was filed, here or by a unit before, and not withdrawn or rejected since."""
        return self.filed - self.returned + self.filed_passed

    @property
    def remaining(self) -> int | None:
        """Places still free; None where none were assigned."""
        return None if self.places is None else self.places - self.used


def _quota_touches(recorded: Recorded) -> list[Key]:
    match recorded.event:
        case (
            QuotaAssigned() | ApplicationFiled() | ScreeningRejected() | ApplicationWithdrawn(nominator_unit_id=str())
        ) as event:
            return [(event.programme_id, event.track_id, str(event.nominator_unit_id))]
        case QuotaPassed() | NominationPassed() as event:
            units = (event.nominator_unit_id, event.successor_unit_id)
            return [(event.programme_id, event.track_id, str(unit_id)) for unit_id in units]
    return []


def _quota(row: QuotaRow | None, recorded: Recorded, key: Key) -> QuotaRow | None:
    row = row or msgspec.convert(dict(zip(QUOTA.key, key, strict=True)), QuotaRow)
    match recorded.event:
        case QuotaAssigned(places=places, basis=basis):
            row = replace(row, places=places, basis=basis, assigned_position=recorded.position)
        case ApplicationFiled():
            row = replace(row, filed=row.filed + 1)
        case ApplicationWithdrawn() | ScreeningRejected():
            row = replace(row, returned=row.returned + 1)
        case QuotaPassed(successor_unit_id=successor, places=places):
            gained = places if successor == row.nominator_unit_id else -places
            row = replace(row, places=(row.places or 0) + gained, places_passed=row.places_passed + gained)
        case NominationPassed(successor_unit_id=successor):
            gained = 1 if successor == row.nominator_unit_id else -1
            row = replace(row, filed_passed=row.filed_passed + gained)
    return row


class QuotaLine(QuotaRow, frozen=True, kw_only=True):
    """The places of one nominating unit in one track, less what measures cut that are in force today.
    zh: 推荐单位在某赛道的推荐指标,扣除当日有效的核减措施。
    """

    cut: Annotated[int, subject("Cut by measures in force today", "当日有效措施核减数")] = 0
    cut_by: Annotated[tuple[MeasureId, ...], subject("Cut by measures", "核减措施")] = ()
    usable: Annotated[int | None, subject("Places less the cut", "核减后指标数")] = None
    free: Annotated[int | None, subject("Places still free", "剩余指标数")] = None


def less_cuts(row: QuotaRow, measures: Sequence[MeasureRow], today: date) -> QuotaLine:
    """The places with what is cut from them; never fewer than none, though more may be used than are left."""
    cuts = [
        (each.measure_id, share.places)
        for each in measures
        if is_in_force(each, today)
        for share in each.borne
        if share.unit_id == row.nominator_unit_id
    ]
    cut = sum(places for _, places in cuts)
    usable = None if row.places is None else max(0, row.places - cut)
    return QuotaLine(
        **msgspec.structs.asdict(row),
        cut=cut,
        cut_by=tuple(sorted(measure_id for measure_id, _ in cuts)),
        usable=usable,
        free=None if usable is None else max(0, usable - row.used),
    )


QUOTA = View(
    name="quota",
    version=3,
    en="Nomination places",
    zh="推荐指标",
    row=QuotaRow,
    key=("programme_id", "track_id", "nominator_unit_id"),
    reads=QUOTA_FACTS,
    touches=_quota_touches,
    fold=_quota,
    filters=("programme_id", "track_id", "nominator_unit_id"),
    subject_units=("nominator_unit_id",),
    # In an open track a row tells that something was filed.
    is_open=lambda row: row.places is not None,
)
CUTS = Beside(row=QuotaLine, view=MEASURE, filters={"kind": "quota_cut"}, shown=less_cuts)


class PlanRow(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of a nominating unit, as last recorded.
    zh: 推荐单位最近一次记录的创建方案。
    """

    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    nominator_unit_id: Annotated[NominatorUnitId, public("Nominating unit", "推荐单位")]
    document_ids: Annotated[tuple[DocumentId, ...], subject("Documents", "文件")]
    recorded_at: Annotated[datetime, subject("Recorded at", "记录时间")]
    position: Annotated[int, subject("Position", "位置")]


def _plan(_row: PlanRow | None, recorded: Recorded, _key: Key) -> PlanRow | None:
    return PlanRow(**recorded.event.as_dict(), recorded_at=recorded.envelope.effective_at, position=recorded.position)


PLAN = View(
    name="plan",
    version=1,
    en="Plans of nominating units",
    zh="创建方案",
    row=PlanRow,
    key=("programme_id", "nominator_unit_id"),
    reads=(PlanRecorded,),
    touches=keyed("programme_id", "nominator_unit_id"),
    fold=_plan,
    filters=("programme_id", "nominator_unit_id"),
    subject_units=("nominator_unit_id",),
)
