"""What may be asked of an institution."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec

from domain.ids import AppointmentId, InstitutionId, PersonId, tag
from domain.institution.events import ClockAdvanced, ClockKind, InstitutionOpened
from domain.institution.policy import SimulatedClock, require_in_calendar
from domain.kernel import (
    Command,
    Invalid,
    OfficialName,
    Refusal,
    SealedDetails,
    Selector,
    Unknown,
    any_event,
    asked,
    event,
    known,
)
from domain.person.events import Appointed, PersonRegistered, Role, Service, ServiceRegistered
from domain.person.policy import check_details

TimeZone = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]+(?:/[A-Za-z0-9_+-]+)*$", max_length=64)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class InstitutionAlreadyOpen(Refusal):
    """Institution {institution_id} has been opened before.
    zh: 机构 {institution_id} 此前已开立。
    title: The institution is open already · 机构此前已开立
    """


class StartsAtMissing(Invalid):
    """A simulated clock needs the instant it starts at.
    zh: 模拟时钟须载明起点。
    """


class StartsAtNotTaken(Invalid):
    """A real clock takes no start: it is the database server's.
    zh: 真实时钟以数据库服务器为准,不设起点。
    """


class IdentityNotDistinct(Invalid):
    """The administrator and the services are four identities, no two of them the same.
    zh: 管理员与各服务身份应为四个互不相同的身份。
    """


class ClockIsReal(Unknown):
    """The institution has no simulated clock: its time is real and moves by itself.
    zh: 本机构没有模拟时钟:其时间真实,自行流逝。
    """


class ClockMovesForward(Refusal):
    """The clock stands at {stands_at} and moves forward only, not to {to}.
    zh: 时钟现为 {stands_at},只能向前拨动,不能拨至 {to}。
    title: A clock moves only forward · 时钟只能向前拨动
    """


class OpenInstitution(Command):
    """Open an institution in an empty log, with its first administrator and its three service identities.
    zh: 在空日志中开立机构,并设首任管理员与三个服务身份。
    """

    institution_id: InstitutionId = asked("Institution", "机构")
    name_zh: OfficialName = asked("Name (Chinese)", "中文名称")
    name_en: OfficialName = asked("Name (English)", "英文名称")
    time_zone: TimeZone = asked("Time zone", "时区", default="Asia/Shanghai")
    clock: ClockKind = asked("Clock", "时钟", default="real")
    starts_at: Instant | None = asked("Clock starts at", "时钟起点", default=None)
    administrator_id: PersonId = asked("First administrator", "首任管理员")
    details: SealedDetails = asked("Name and contact of the administrator", "管理员姓名与联系方式")
    schedule_id: PersonId = asked("Service identity of the schedule", "日程服务身份")
    automation_id: PersonId = asked("Service identity of automations", "自动规则服务身份")
    import_id: PersonId = asked("Service identity of imports", "导入服务身份")

    open: bool = known(default=False)

    @property
    def state(self) -> str:
        return "open" if self.open else "unopened"

    def consistency_boundary(self) -> Sequence[Selector]:
        return [Selector([InstitutionOpened], [tag(InstitutionId, self.institution_id)])]

    @event(InstitutionOpened)
    def _(self) -> None:
        self.open = True

    def execute(self) -> None:
        if self.open:
            raise InstitutionAlreadyOpen(institution_id=self.institution_id)
        self._check()
        self.trigger_event(
            InstitutionOpened,
            institution_id=self.institution_id,
            name_zh=self.name_zh,
            name_en=self.name_en,
            time_zone=self.time_zone,
            clock=self.clock,
            starts_at=self.starts_at,
        )
        self.trigger_event(PersonRegistered, person_id=self.administrator_id, commitment=self.details.commitment)
        self._appoint("founding-administrator", self.administrator_id, "administrator")
        services: tuple[tuple[PersonId, Service], ...] = (
            (self.schedule_id, "schedule"),
            (self.automation_id, "automation"),
            (self.import_id, "import"),
        )
        for person_id, service in services:
            self.trigger_event(ServiceRegistered, person_id=person_id, service=service)
            self._appoint(f"founding-{service}", person_id, "service")

    def _check(self) -> None:
        if self.clock == "simulated" and self.starts_at is None:
            raise StartsAtMissing(field="starts_at")
        if self.clock == "real" and self.starts_at is not None:
            raise StartsAtNotTaken(field="starts_at")
        if self.starts_at is not None:
            require_in_calendar("starts_at", self.starts_at)
        if len({self.administrator_id, self.schedule_id, self.automation_id, self.import_id}) < 4:  # noqa: PLR2004
            raise IdentityNotDistinct(field="administrator_id")
        check_details(self.details)

    def _appoint(self, appointment_id: str, person_id: PersonId, role: Role) -> None:
        """Appoint from the institution's first day on; these ids are unique because a log is opened once."""
        self.trigger_event(
            Appointed,
            appointment_id=AppointmentId(appointment_id),
            person_id=person_id,
            role=role,
            institution_id=self.institution_id,
            first_day=(self.starts_at or self.now).astimezone(self.zone).date(),
        )


class AdvanceClock(Command):
    """Move the simulated clock of an institution forward; unattended, nothing that falls due on the way is waited for.
    zh: 将机构的模拟时钟向前拨动;无人值守时,不等待途中到期的事项。
    """

    to: Instant = asked("To", "拨至")
    unattended: bool = asked("Unattended", "无人值守", default=False)

    clock: SimulatedClock = known(factory=SimulatedClock)

    def consistency_boundary(self) -> Sequence[Selector]:
        return [Selector([InstitutionOpened, ClockAdvanced], [tag(InstitutionId, self.institution_id)])]

    @any_event(InstitutionOpened, ClockAdvanced)
    def _(self, body: InstitutionOpened | ClockAdvanced) -> None:
        self.clock.take(body)

    def execute(self) -> None:
        if self.clock.stands_at is None:
            raise ClockIsReal
        if self.to <= self.clock.stands_at:
            raise ClockMovesForward(stands_at=self.clock.stands_at, to=self.to)
        require_in_calendar("to", self.to)
        self.trigger_event(ClockAdvanced, institution_id=self.institution_id, to=self.to, unattended=self.unattended)


COMMANDS: tuple[type[Command], ...] = (OpenInstitution, AdvanceClock)
