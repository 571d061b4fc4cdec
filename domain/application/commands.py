"""What may be asked of applications: start one, file it in time, take it back. Window and materials have own pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar, Final

from domain.application.events import (
    ApplicationFiled,
    ApplicationStarted,
    ApplicationWithdrawn,
    PaperReceived,
)
from domain.application.materials import PrepareApplication, SaveBudget, SaveForm, SaveSelfCheck
from domain.application.policy import (
    WINDOW_FACTS,
    AboutApplication,
    AboutNomination,
    NominatorMissing,
    Window,
    WindowFact,
    nominator_of,
    of_track,
)
from domain.application.window import CloseApplicationWindow, ExtendApplicationWindow, OpenApplicationWindow
from domain.eligibility.events import EligibilityJudged, RuleWaived
from domain.eligibility.policy import JUDGED_FACTS, Judgement
from domain.ids import ApplicationId, NominatorUnitId, ProgrammeId, TrackId, UnitId, tag
from domain.kernel import Command, Event, Refusal, Selector, any_event, asked, event, known
from domain.nomination.events import QuotaAssigned
from domain.nomination.policy import QUOTA_FACTS, QuotaUse
from domain.programme.events import EligibilityRuleDefined, ErratumRecorded, TermInterpreted, TrackDefined
from domain.programme.policy import TrackUnknown
from domain.unit.policy import TREE_FACTS, Tree, TreeFact, UnitFact

_READINGS: Final = (TermInterpreted, ErratumRecorded)


class ApplicationAlreadyStarted(Refusal):
    """Application {application_id} has been started before.
    zh: 申报 {application_id} 此前已开始。
    """


class OneApplicationOnly(Refusal):
    """Unit {unit_id} has an application in track {track_id} already: {application_id}.
    zh: 单位 {unit_id} 在赛道 {track_id} 已有申报 {application_id}。
    """


class UnitKindDoesNotFit(Refusal):
    """Track {track_id} is not for units of the kind {unit_kind}.
    zh: 赛道 {track_id} 不面向 {unit_kind} 类单位。
    """


class EligibilityOutdated(Refusal):
    """Eligibility was judged at position {judged_position}; a fact that it rests on was recorded at {fact_position}.
    zh: 基本条件判定于位置 {judged_position};其所依据的事实于位置 {fact_position} 又有记录,须重新判定。
    """


class PaperAlreadyReceived(Refusal):
    """The paper copy of application {application_id} has been recorded before.
    zh: 申报 {application_id} 的纸质材料此前已登记。
    """


class ReceivedInFuture(Refusal):
    """The day {received_on} lies after today, {today}.
    zh: 收到日期 {received_on} 晚于今日 {today}。
    """


class StartApplication(Command):
    """Start to prepare an application in a track; this may be done before the window opens, and not once it is over.
    zh: 开始准备某赛道的申报;窗口开启之前即可准备,截止之后不可。
    """

    application_id: ApplicationId = asked("Application", "申报")
    programme_id: ProgrammeId = asked("Programme", "项目")
    track_id: TrackId = asked("Track", "赛道")
    unit_id: UnitId = asked("Unit", "单位")

    taken: bool = known(default=False)
    live: tuple[ApplicationId, ...] = known(())
    track: TrackDefined | None = known()
    window: Window = known(factory=Window)
    tree: Tree = known(factory=Tree)

    def consistency_boundary(self) -> Sequence[Selector]:
        track = of_track(self.programme_id, self.track_id)
        own: list[type[Event]] = [ApplicationStarted, ApplicationWithdrawn]
        return [
            Selector([TrackDefined], track),
            Selector(WINDOW_FACTS, [tag(ProgrammeId, self.programme_id)]),
            Selector(own, [tag(ApplicationId, self.application_id)]),
            Selector(own, [*track, tag(UnitId, self.unit_id)]),
            *(Selector(TREE_FACTS, [tag(UnitId, unit)]) for unit in self.tree.upward(self.unit_id)),
        ]

    @event(TrackDefined)
    def _(self, body: TrackDefined) -> None:
        self.track = body

    @any_event(*WINDOW_FACTS)
    def _(self, body: WindowFact) -> None:
        self.window.take(body)

    @event(ApplicationStarted)
    def _(self, application_id: ApplicationId) -> None:
        self.taken = self.taken or application_id == self.application_id
        self.live += (application_id,)

    @event(ApplicationWithdrawn)
    def _(self, application_id: ApplicationId) -> None:
        self.live = tuple(live for live in self.live if live != application_id)

    @any_event(*TREE_FACTS)
    def _(self, body: TreeFact) -> None:
        self.tree.take(body)

    def execute(self) -> None:
        track = self.track
        if track is None:
            raise TrackUnknown(programme_id=self.programme_id, track_id=self.track_id)
        if self.taken:
            raise ApplicationAlreadyStarted(application_id=self.application_id)
        self.window.require_not_over(self.now)
        kind = self.tree.of(self.unit_id).require_living().kind
        if kind not in track.subject_kinds:
            raise UnitKindDoesNotFit(track_id=self.track_id, unit_kind=kind)
        if self.live:
            raise OneApplicationOnly(unit_id=self.unit_id, track_id=self.track_id, application_id=self.live[0])
        nominator = nominator_of(self.unit_id, track, self.tree, self.today)
        if nominator is None:
            raise NominatorMissing(unit_id=self.unit_id)
        self.trigger_event(
            ApplicationStarted,
            application_id=self.application_id,
            programme_id=self.programme_id,
            track_id=self.track_id,
            unit_id=self.unit_id,
            nominator_unit_id=nominator,
        )


class FileApplication(AboutNomination):
    """File an application with the office, in time, as it was vetted; it uses a place of the nominating unit's quota.
    zh: 在截止之前按审核所定材料向主管部门报送申报;占用推荐单位一个推荐指标。
    """

    UNIT_KINDS: ClassVar[tuple[type[Event], ...]] = JUDGED_FACTS

    window: Window = known(factory=Window)
    quota: QuotaUse = known(factory=QuotaUse)
    judgement: Judgement = known(factory=Judgement)
    as_of_terms: frozenset[str] = known(frozenset())
    read_at: dict[str, int] = known(factory=dict)
    newest_fact: int = known(0)

    def consistency_boundary(self) -> Sequence[Selector]:
        boundary = [
            *super().consistency_boundary(),
            Selector([EligibilityJudged, RuleWaived], [tag(ApplicationId, self.application_id)]),
        ]
        if (started := self.file.started) is not None:
            track, programme = of_track(started.programme_id, started.track_id), tag(ProgrammeId, started.programme_id)
            boundary += [
                Selector(WINDOW_FACTS, [programme]),
                Selector([EligibilityRuleDefined], track),
                Selector(_READINGS, [programme]),
            ]
            # Until it is known who nominates, the id of no unit finds nothing.
            nominator = tag(NominatorUnitId, self.nominator_unit_id or "none")
            boundary.append(Selector(QUOTA_FACTS, [*track, nominator]))
        return boundary

    @any_event(*WINDOW_FACTS)
    def _(self, body: WindowFact) -> None:
        self.window.take(body)

    @event(QuotaAssigned)
    def _(self, body: QuotaAssigned) -> None:
        self.quota.take(body)

    @any_event(ApplicationFiled, ApplicationWithdrawn)
    def _(self, body: ApplicationFiled | ApplicationWithdrawn, by: str, position: int) -> None:
        if body.application_id == self.application_id:
            self.file.take(body, by, position)
        else:
            self.quota.take(body)

    @any_event(EligibilityJudged, RuleWaived)
    def _(self, body: EligibilityJudged | RuleWaived, by: str, position: int) -> None:
        self.judgement.take(body, by, position)

    @event(EligibilityRuleDefined)
    def _(self, as_of_term: str | None) -> None:
        self.as_of_terms |= {as_of_term or ""}

    @any_event(*_READINGS)
    def _(self, term: str, position: int) -> None:
        self.read_at[term] = position

    @any_event(*JUDGED_FACTS)
    def _(self, body: UnitFact, position: int) -> None:
        self.tree.take(body, position)
        self.newest_fact = position

    def execute(self) -> None:
        started = self._require_started()
        self.window.require_open(started.programme_id, self.now)
        nominator, track = self._require_nominator(started.unit_id)
        self.file.require_decided_by(nominator)
        self.file.require_materials(self.file.vetted_digest)
        self.file.require_other_hand(self.by, type(self).__name__)
        self._require_judged_on_what_stands()
        self.quota.require_place(track, nominator)
        self.trigger_event(
            ApplicationFiled,
            application_id=self.application_id,
            programme_id=started.programme_id,
            track_id=started.track_id,
            unit_id=started.unit_id,
            nominator_unit_id=nominator,
            materials_digest=self.file.digest,
        )

    def _require_judged_on_what_stands(self) -> None:
        """The latest judgement is in favour, waivers counted, and nothing that it rests on has changed since."""
        self.judgement.require_eligible(self.application_id)
        readings = (position for term, position in self.read_at.items() if term in self.as_of_terms)
        newest = max(self.newest_fact, *self.file.checked.values(), *readings, 0)
        if newest > self.judgement.position:
            raise EligibilityOutdated(judged_position=self.judgement.position, fact_position=newest)


class RecordPaperReceipt(AboutApplication):
    """Record the day on which the office received the paper copy of a filed application.
    zh: 登记主管部门收到已报送申报之纸质材料的日期。
    """

    received_on: date = asked("Received on", "收到日期")

    def execute(self) -> None:
        started = self._require_started()
        if self.file.paper_received:
            raise PaperAlreadyReceived(application_id=self.application_id)
        if self.received_on > self.today:
            raise ReceivedInFuture(received_on=self.received_on, today=self.today)
        self.trigger_event(
            PaperReceived,
            application_id=self.application_id,
            unit_id=started.unit_id,
            received_on=self.received_on,
        )


class WithdrawApplication(AboutApplication):
    """Withdraw an application; where it had been filed, its place goes back to the unit that filed it.
    zh: 撤回申报;已报送者,其指标退还报送的推荐单位。
    """

    @property
    def nominator_unit_id(self) -> NominatorUnitId | None:
        """Who filed it, and so may take it back."""
        return None if self.file.filed is None else self.file.filed.nominator_unit_id

    def execute(self) -> None:
        started = self._require_started()
        self.trigger_event(
            ApplicationWithdrawn,
            application_id=self.application_id,
            programme_id=started.programme_id,
            track_id=started.track_id,
            unit_id=started.unit_id,
            nominator_unit_id=self.nominator_unit_id,
        )


COMMANDS: tuple[type[Command], ...] = (
    OpenApplicationWindow,
    ExtendApplicationWindow,
    CloseApplicationWindow,
    StartApplication,
    SaveForm,
    SaveSelfCheck,
    SaveBudget,
    PrepareApplication,
    FileApplication,
    RecordPaperReceipt,
    WithdrawApplication,
)
