"""What may be asked about engagements: open one for an auditor from outside, end it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import ClassVar, Final

from domain.audit.events import EngagementEnded, EngagementOpened
from domain.audit.policy import ENGAGEMENT_FACTS, Engagement, EngagementFact
from domain.calendar.policy import end_of
from domain.document.policy import RestsOnPapers
from domain.ids import DocumentId, EngagementId, PersonId, ProgrammeId, UnitId, tag
from domain.kernel import Command, Invalid, Refusal, Selector, Unknown, any_event, asked, event, known
from domain.permission.policy import STANDING
from domain.person.events import Appointed, AppointmentEnded, PersonRegistered
from domain.person.policy import Appointments, PersonUnknown
from domain.programme.events import ProgrammeAnnounced
from domain.programme.policy import ProgrammeUnknown
from domain.unit.events import UnitRegistered
from domain.unit.policy import UnitUnknown

_DAY: Final = timedelta(days=1)


class EngagementIdUsed(Refusal):
    """Engagement {engagement_id} is on record already.
    zh: 审计委托 {engagement_id} 已有记录。
    title: The id of the engagement is used · 审计委托编号已被使用
    """


class EngagementUnknown(Unknown):
    """Engagement {engagement_id} is not on record.
    zh: 没有审计委托 {engagement_id} 的记录。
    title: The engagement is not on record · 没有该审计委托的记录
    """


class EngagementOfNoDays(Invalid):
    """An engagement from {first_day} to {last_day} would have no day left: today is {today}.
    zh: 自 {first_day} 至 {last_day} 的审计委托没有剩余日期:当日为 {today}。
    title: The engagement would have no day · 审计委托没有可用日期
    """


class AuditorHoldsOffice(Refusal):
    """Person {person_id} holds an office of the institution during these days, and so is no auditor from outside.
    zh: 人员 {person_id} 在此期间任本机构职务,不得作为外部审计人员。
    title: The auditor holds an office here · 审计人员任本机构职务
    """


class AboutEngagement(Command):
    """What every command about an engagement knows: whether it runs, and whose it is.
    zh: 关于审计委托的各项命令所共知:是否存续及审计人员。
    """

    engagement_id: EngagementId = asked("Engagement", "审计委托")

    engagement: Engagement = known(factory=Engagement)

    @property
    def state(self) -> str:
        """Whether it is open, was ended, or never was."""
        return self.engagement.state

    @property
    def engaged(self) -> str | None:
        """The authority of the caller, where the engagement is the caller's and runs."""
        return self.engagement.authority(self.by, self.now)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The engagement."""
        return [Selector(ENGAGEMENT_FACTS, [tag(EngagementId, self.engagement_id)])]

    @any_event(*ENGAGEMENT_FACTS)
    def _(self, body: EngagementFact) -> None:
        self.engagement.take(body)


class OpenEngagement(RestsOnPapers):
    """Engage an auditor from outside: read-only, from a day to a day, with a scope, with or without sealed material.
    zh: 委托外部审计人员:只读,自某日至某日,限定范围,含或不含封存材料。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("commission_document_id",)

    engagement_id: EngagementId = asked("Engagement", "审计委托")
    person_id: PersonId = asked("Auditor", "审计人员")
    programme_ids: tuple[ProgrammeId, ...] = asked("Programmes (nor units: all)", "项目(与单位均空为全部)", default=())
    unit_ids: tuple[UnitId, ...] = asked("Units", "单位", default=())
    sealed: bool = asked("Sealed material too", "含封存材料", default=False)
    first_day: date = asked("First day", "首日")
    last_day: date = asked("Last day", "末日")
    commission_document_id: DocumentId = asked("Commission", "委托文件")

    taken: bool = known(default=False)
    registered: frozenset[str] = known(frozenset())
    offices: Appointments = known(factory=Appointments)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The id, the auditor and the offices held, what the scope names, and the commission."""
        return [
            Selector([EngagementOpened], [tag(EngagementId, self.engagement_id)]),
            Selector([PersonRegistered, *STANDING], [tag(PersonId, self.person_id)]),
            *(Selector([ProgrammeAnnounced], [tag(ProgrammeId, each)]) for each in self.programme_ids or ("none",)),
            *(Selector([UnitRegistered], [tag(UnitId, each)]) for each in self.unit_ids or ("none",)),
            *self._of_papers(),
        ]

    @event(EngagementOpened)
    def _(self) -> None:
        self.taken = True

    @event(PersonRegistered)
    def _(self, person_id: PersonId) -> None:
        self.registered |= {person_id}

    @any_event(*STANDING)
    def _(self, body: Appointed | AppointmentEnded) -> None:
        self.offices.take(body)

    @event(ProgrammeAnnounced)
    def _(self, programme_id: ProgrammeId) -> None:
        self.registered |= {programme_id}

    @event(UnitRegistered)
    def _(self, unit_id: UnitId) -> None:
        self.registered |= {unit_id}

    def execute(self) -> None:
        if self.taken:
            raise EngagementIdUsed(engagement_id=self.engagement_id)
        if self.last_day < max(self.first_day, self.today):
            raise EngagementOfNoDays(
                field="last_day", first_day=self.first_day, last_day=self.last_day, today=self.today
            )
        self._require_known()
        held = (office for office in self.offices if office.person_id == self.person_id)
        if any(office.overlaps(self.first_day, self.last_day) for office in held):
            raise AuditorHoldsOffice(person_id=self.person_id)
        self.trigger_event(
            EngagementOpened,
            engagement_id=self.engagement_id,
            person_id=self.person_id,
            programme_ids=tuple(sorted(set(self.programme_ids))),
            unit_ids=tuple(sorted(set(self.unit_ids))),
            sealed=self.sealed,
            first_day=self.first_day,
            last_day=self.last_day,
            opens_at=end_of(self.first_day - _DAY, self.zone),
            ends_at=end_of(self.last_day, self.zone),
            commission_document_id=self.commission_document_id,
        )

    def _require_known(self) -> None:
        if self.person_id not in self.registered:
            raise PersonUnknown(person_id=self.person_id)
        for programme_id in self.programme_ids:
            if programme_id not in self.registered:
                raise ProgrammeUnknown(programme_id=programme_id)
        for unit_id in self.unit_ids:
            if unit_id not in self.registered:
                raise UnitUnknown(unit_id=unit_id)
        self._require_papers()


class EndEngagement(AboutEngagement):
    """End an engagement: by decision, or because its last day is over.
    zh: 终止审计委托:依决定,或因末日已过。
    """

    def execute(self) -> None:
        opened = self.engagement.opened
        if opened is None:
            raise EngagementUnknown(engagement_id=self.engagement_id)
        self.trigger_event(
            EngagementEnded,
            engagement_id=self.engagement_id,
            person_id=opened.person_id,
            ground="term" if self.effective_at >= opened.ends_at else "decision",
        )
