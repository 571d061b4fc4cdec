"""What can have happened to an institution."""

from datetime import datetime
from typing import Annotated, Literal

from domain.ids import InstitutionId
from domain.kernel import Event, OfficialName, public

ClockKind = Literal["real", "simulated"]


class InstitutionOpened(Event):
    """The institution was opened: the first event of its log.
    zh: 机构开立:其日志的第一个事件。
    """

    TOPIC = "institution.opened.v1"
    institution_id: Annotated[InstitutionId, public("Institution", "机构")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    time_zone: Annotated[str, public("Time zone", "时区")]
    clock: Annotated[ClockKind, public("Clock", "时钟")]
    starts_at: Annotated[datetime | None, public("Clock starts at", "时钟起点")] = None


class ClockAdvanced(Event):
    """The simulated clock of the institution was moved forward.
    zh: 机构的模拟时钟向前拨动。
    """

    TOPIC = "institution.clock_advanced.v1"
    institution_id: Annotated[InstitutionId, public("Institution", "机构")]
    to: Annotated[datetime, public("To", "拨至")]
    unattended: Annotated[bool, public("Unattended", "无人值守")] = False
