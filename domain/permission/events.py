"""What can have happened at the door."""

from datetime import date
from typing import Annotated

from domain.ids import CalendarYear, InstitutionId
from domain.kernel import Digest, Event, office, public


class AccessDayRecorded(Event):
    """The root of one day's lines of the access journal was recorded (RFC 6962 over the lines, in order).
    zh: 访问日志某日各行的根摘要已记录。
    """

    TOPIC = "permission.access_day_recorded.v1"
    institution_id: Annotated[InstitutionId, public("Institution", "机构")]
    year: Annotated[CalendarYear, public("Year", "年度")]
    day: Annotated[date, public("Day", "日期")]
    lines: Annotated[int, office("Lines", "行数")]
    root: Annotated[Digest, public("Root", "根摘要")]
