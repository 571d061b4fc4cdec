"""The application window of each programme; the schedule looks here for windows that are due to close."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec.structs import replace

from domain.application.events import (
    ApplicationWindowClosed,
    ApplicationWindowExtended,
    ApplicationWindowOpened,
    WindowRule,
)
from domain.ids import ProgrammeId
from domain.kernel import Recorded, public
from projections.kernel import Key, View, keyed


class WindowRow(msgspec.Struct, frozen=True, kw_only=True):
    """One application window; in time is what is received before it closes.
    zh: 申报窗口;截止时刻之前收到者为按时。
    """

    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    opens_at: Annotated[datetime, public("Opens at", "开启时间")]
    closes_at: Annotated[datetime, public("Closes at", "截止时刻")]
    last_day: Annotated[date, public("Last day", "截止日")]
    rule: Annotated[WindowRule, public("Rule", "计算规则")]
    term_position: Annotated[int, public("Term (position)", "条款位置")]
    calendar_position: Annotated[int | None, public("Calendar (position)", "日历位置")]
    extended: Annotated[int, public("Times extended", "延长次数")] = 0
    closed: Annotated[bool, public("Closed", "已关闭")] = False
    position: Annotated[int, public("Opened (position)", "开启位置")]


def _fold(row: WindowRow | None, recorded: Recorded, _key: Key) -> WindowRow | None:
    match recorded.event:
        case ApplicationWindowOpened() as event:
            return WindowRow(**event.as_dict(), position=recorded.position)
        case ApplicationWindowExtended(closes_at=closes_at, last_day=last_day) if row is not None:
            return replace(row, closes_at=closes_at, last_day=last_day, extended=row.extended + 1, closed=False)
        case ApplicationWindowClosed() if row is not None:
            return replace(row, closed=True)
    return row


WINDOW = View(
    name="window",
    version=1,
    en="Application windows",
    zh="申报窗口",
    row=WindowRow,
    key=("programme_id",),
    reads=(ApplicationWindowOpened, ApplicationWindowExtended, ApplicationWindowClosed),
    touches=keyed("programme_id"),
    fold=_fold,
    indexes=("closes_at",),
    filters=("closed",),
    sorts=("closes_at",),
)


def due(rows: Iterable[WindowRow], now: datetime) -> list[WindowRow]:
    """The windows that are due to close, earliest first."""
    return sorted((row for row in rows if not row.closed and row.closes_at <= now), key=lambda row: row.closes_at)
