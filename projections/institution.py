"""The institution: its name, its clock, and the days whose access journal is on record."""

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec.structs import replace

from domain.ids import CalendarYear, InstitutionId
from domain.institution.events import ClockAdvanced, ClockKind, InstitutionOpened
from domain.kernel import Digest, OfficialName, Recorded, office, public
from domain.permission.events import AccessDayRecorded
from projections.kernel import Key, View, keyed


class InstitutionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One institution and its clock.
    zh: 机构及其时钟。
    """

    institution_id: Annotated[InstitutionId, public("Institution", "机构")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    time_zone: Annotated[str, public("Time zone", "时区")]
    clock: Annotated[ClockKind, public("Clock", "时钟")]
    starts_at: Annotated[datetime | None, public("Clock starts at", "时钟起点")]
    clock_at: Annotated[datetime | None, public("Simulated clock stands at", "模拟时钟现为")]
    opened_at: Annotated[datetime, public("Opened at", "开立时间")]


def _institution(row: InstitutionRow | None, recorded: Recorded, _key: Key) -> InstitutionRow | None:
    match recorded.event:
        case InstitutionOpened() as event:
            return InstitutionRow(**event.as_dict(), clock_at=event.starts_at, opened_at=recorded.envelope.effective_at)
        case ClockAdvanced(to=to) if row is not None:
            return replace(row, clock_at=to)
    return row


INSTITUTION = View(
    name="institution",
    version=1,
    en="Institution",
    zh="机构",
    row=InstitutionRow,
    key=("institution_id",),
    reads=(InstitutionOpened, ClockAdvanced),
    touches=keyed("institution_id"),
    fold=_institution,
)


class AccessDayRow(msgspec.Struct, frozen=True, kw_only=True):
    """The root of one day's lines of the access journal.
    zh: 访问日志某日各行的根摘要。
    """

    institution_id: Annotated[InstitutionId, public("Institution", "机构")]
    year: Annotated[CalendarYear, public("Year", "年度")]
    day: Annotated[date, public("Day", "日期")]
    lines: Annotated[int, office("Lines", "行数")]
    root: Annotated[Digest, public("Root", "根摘要")]
    position: Annotated[int, public("Position", "位置")]


def _access_day(_row: AccessDayRow | None, recorded: Recorded, _key: Key) -> AccessDayRow | None:
    return AccessDayRow(**recorded.event.as_dict(), position=recorded.position)


ACCESS_DAY = View(
    name="access_day",
    version=1,
    en="Days of the access journal",
    zh="访问日志按日根摘要",
    row=AccessDayRow,
    key=("institution_id", "day"),
    reads=(AccessDayRecorded,),
    touches=keyed("institution_id", "day"),
    fold=_access_day,
    filters=("year",),
    sorts=("day",),
)
