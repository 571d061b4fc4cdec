"""What may be asked about an obligation: remind of it, note that it fell overdue, excuse it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from domain.application.events import ApplicationWithdrawn
from domain.application.policy import of_track
from domain.ids import ApplicationId, ObjectionId, ObligationId, PanelId, tag
from domain.kernel import Command, Event, Invalid, Refusal, Selector, Unknown, any_event, asked, known
from domain.obligation.events import ObligationExcused, ObligationFellOverdue, ObligationReminded
from domain.obligation.policy import (
    CASE_DUTY_FACTS,
    CORRECTION_FACTS,
    OBJECTION_DUTY_FACTS,
    SCORING_FACTS,
    TREATED,
    DutyFact,
    Obligation,
    Obligations,
)


class ObligationUnknown(Unknown):
    """Obligation {obligation_id} is not on record.
    zh: 没有义务 {obligation_id} 的记录。
    title: The obligation is not on record · 没有该义务的记录
    """


class NotAboutOneMatter(Invalid):
    """Obligation {obligation_id} is named with its application, its objection or its panel, and with one of them only.
    zh: 义务 {obligation_id} 须连同其申报、异议或评审组之一(且仅其一)列明。
    title: An obligation is about one matter · 义务须就一事列明
    """


class NotDueYet(Refusal):
    """Obligation {obligation_id} is due before {due_at}.
    zh: 义务 {obligation_id} 的截止时刻为 {due_at},尚未届满。
    title: The obligation is not due yet · 义务尚未到期
    """


class AnsweredAlready(Refusal):
    """Obligation {obligation_id} has been answered, or nothing is asked any more.
    zh: 义务 {obligation_id} 已履行或已无须履行。
    title: The obligation is answered or no longer asked for · 义务已履行或已无须履行
    """


class ExcusedAlready(Refusal):
    """Obligation {obligation_id} has been excused.
    zh: 义务 {obligation_id} 已获免。
    title: The obligation was excused · 义务已获免
    """


class OverdueAlready(Refusal):
    """It has been recorded that obligation {obligation_id} fell overdue.
    zh: 义务 {obligation_id} 的逾期此前已记录。
    title: It was noted as overdue before · 逾期此前已记录
    """


class AboutObligation(Command):
    """What every command about an obligation knows: what asks for it and what answers it, as of the business instant.
    zh: 关于义务的各项命令所共知:截至业务时刻,要求与履行该义务的事实。
    """

    obligation_id: ObligationId = asked("Obligation", "义务")
    application_id: ApplicationId | None = asked(
        "Application (of a correction, or of a case)", "申报(补正或项目义务)", default=None
    )
    objection_id: ObjectionId | None = asked("Objection (of a decision)", "异议(办理)", default=None)
    panel_id: PanelId | None = asked("Panel (of score sheets)", "评审组(评分表)", default=None)

    obligations: Obligations = known(factory=Obligations)

    def consistency_boundary(self) -> Sequence[Selector]:
        """What asks and answers, and the tracks of a panel; of what is not named, the id of none finds nothing."""
        return [
            Selector([*CORRECTION_FACTS, *CASE_DUTY_FACTS], [tag(ApplicationId, self.application_id or "none")]),
            Selector(OBJECTION_DUTY_FACTS, [tag(ObjectionId, self.objection_id or "none")]),
            Selector(SCORING_FACTS, [tag(PanelId, self.panel_id or "none")]),
            Selector(TREATED, [tag(ObligationId, self.obligation_id)]),
            *(
                Selector([ApplicationWithdrawn], of_track(programme_id, track_id))
                for programme_id, track_id in sorted(self.obligations.tracks)
            ),
        ]

    @any_event(*CORRECTION_FACTS, *CASE_DUTY_FACTS, *OBJECTION_DUTY_FACTS, *SCORING_FACTS, *TREATED)
    def _(self, body: DutyFact, at: datetime, position: int) -> None:
        # Asked for late, it is judged by what was so in time.
        if at <= self.effective_at:
            self.obligations.take(body, at, position)

    def _require_standing(self) -> tuple[Obligation, datetime, date]:
        """The obligation, its deadline and last day, unless it was answered or excused by then."""
        if sum(named is not None for named in (self.application_id, self.objection_id, self.panel_id)) != 1:
            raise NotAboutOneMatter(field="obligation_id", obligation_id=self.obligation_id)
        one = self.obligations.by_id.get(self.obligation_id)
        if one is None or one.due_at is None or one.last_day is None:
            raise ObligationUnknown(obligation_id=self.obligation_id)
        if one.answered_at is not None:
            raise AnsweredAlready(obligation_id=self.obligation_id)
        if one.excused_at is not None:
            raise ExcusedAlready(obligation_id=self.obligation_id)
        return one, one.due_at, one.last_day

    def _record(self, kind: type[Event], one: Obligation, **more: Any) -> None:  # noqa: ANN401 - Fields of that event.
        self.trigger_event(kind, **one.named(), **more)


class RemindOfObligation(AboutObligation):
    """Issue a reminder of an obligation to the inbox of whoever bears it.
    zh: 向义务人待办发出催办提醒。
    """

    def execute(self) -> None:
        one, due_at, last_day = self._require_standing()
        if one.overdue or self.effective_at >= due_at:
            raise OverdueAlready(obligation_id=self.obligation_id)
        self._record(ObligationReminded, one, due_at=due_at, last_day=last_day)


class MarkObligationOverdue(AboutObligation):
    """Note that an obligation fell overdue: nothing had answered it when its deadline passed.
    zh: 记录义务逾期:截止时刻已过而尚未履行。
    """

    def execute(self) -> None:
        one, due_at, last_day = self._require_standing()
        if one.overdue:
            raise OverdueAlready(obligation_id=self.obligation_id)
        if self.effective_at < due_at:
            raise NotDueYet(obligation_id=self.obligation_id, due_at=due_at)
        self._record(ObligationFellOverdue, one, due_at=due_at, last_day=last_day)


class ExcuseObligation(AboutObligation):
    """Excuse an obligation that was not answered: it is no longer asked for, and counts against nobody.
    zh: 免除尚未履行的义务:不再要求,亦不作不利评价。
    """

    def execute(self) -> None:
        one, _, _ = self._require_standing()
        self._record(ObligationExcused, one)


COMMANDS: tuple[type[Command], ...] = (RemindOfObligation, MarkObligationOverdue, ExcuseObligation)
