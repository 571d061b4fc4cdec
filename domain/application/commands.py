"""What may be asked of applications: start one, file it in time, take it back. Window and materials have own pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from domain.accountability.events import QuotaCutPassed
from domain.accountability.policy import MEASURE_FACTS
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
    NominatorMissing,
    Window,
    WindowFact,
    nominator_of,
    of_track,
)
from domain.application.window import CloseApplicationWindow, ExtendApplicationWindow, OpenApplicationWindow
from domain.eligibility.policy import AboutEndorsed
from domain.ids import (
    ApplicationId,
    DecisionId,
    LeadApplicationId,
    MeasureId,
    NominatorUnitId,
    ProgrammeId,
    SuccessorUnitId,
    TrackId,
    UnitId,
    tag,
)
from domain.kernel import Command, Event, Refusal, Selector, any_event, asked, event, known
from domain.nomination.events import NominationPassed, QuotaAssigned, QuotaPassed
from domain.nomination.policy import QUOTA_FACTS, QuotaUse
from domain.programme.events import TrackDefined
from domain.programme.policy import TrackUnknown
from domain.screening.events import ScreeningRejected
from domain.selection.events import ApplicationDecided, DecisionReopened
from domain.selection.policy import JOINING_FACTS, JoiningFact, Projects
from domain.unit.events import UnitMerged, UnitSplit
from domain.unit.policy import TREE_FACTS, Tree, TreeFact


class ApplicationAlreadyStarted(Refusal):
    """Application {application_id} has been started before.
    zh: 申报 {application_id} 此前已开始。
    title: The application was started before · 申报此前已开始
    """


class OneApplicationOnly(Refusal):
    """Unit {unit_id} has an application in track {track_id} already: {application_id}.
    zh: 单位 {unit_id} 在赛道 {track_id} 已有申报 {application_id}。
    title: The unit has an application in this track · 单位在该赛道已有申报
    """


class UnitKindDoesNotFit(Refusal):
    """Track {track_id} is not for units of the kind {unit_kind}.
    zh: 赛道 {track_id} 不面向 {unit_kind} 类单位。
    title: The track is not open to units of this kind · 该赛道不面向此类单位
    """


class PaperAlreadyReceived(Refusal):
    """The paper copy of application {application_id} has been recorded before.
    zh: 申报 {application_id} 的纸质材料此前已登记。
    title: The paper copy is on record · 纸质材料此前已登记
    """


class ReceivedInFuture(Refusal):
    """The day {received_on} lies after today, {today}.
    zh: 收到日期 {received_on} 晚于今日 {today}。
    title: It was not received yet · 收到日期尚未到来
    """


class DecidedOnAlready(Refusal):
    """The committee has decided on application {application_id}: it is no longer withdrawn, but struck by decision.
    zh: 委员会已就申报 {application_id} 作出决定:不能再撤回,只能经决定除名。
    title: The committee has decided on it · 委员会已就该申报作出决定
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
        own: list[type[Event]] = [ApplicationStarted, ApplicationWithdrawn, ScreeningRejected]
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

    @any_event(ApplicationWithdrawn, ScreeningRejected)
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


class FileApplication(AboutEndorsed):
    """File an application with the office, in time, as it was vetted; it uses a place of the nominating unit's quota.
    zh: 在截止之前按审核所定材料向主管部门报送申报;占用推荐单位一个推荐指标。
    """

    window: Window = known(factory=Window)
    quota: QuotaUse = known(factory=QuotaUse)

    def consistency_boundary(self) -> Sequence[Selector]:
        boundary = list(super().consistency_boundary())
        if (started := self.file.started) is not None:
            boundary.append(Selector(WINDOW_FACTS, [tag(ProgrammeId, started.programme_id)]))
            # Until it is known who nominates, the id of no unit finds nothing.
            nominator = tag(NominatorUnitId, self.nominator_unit_id or "none")
            boundary.append(Selector(QUOTA_FACTS, [*of_track(started.programme_id, started.track_id), nominator]))
            boundary += self._cuts(self.nominator_unit_id or "none")
        return boundary

    @any_event(*WINDOW_FACTS)
    def _(self, body: WindowFact) -> None:
        self.window.take(body)

    @any_event(UnitMerged, UnitSplit)
    def _(self, body: UnitMerged | UnitSplit, position: int) -> None:
        """Who else was merged or split into the nominating unit is no matter of the judgement."""
        self.tree.take(body, position)
        if body.unit_id in self.tree.upward(self.unit_id or "none"):
            self.newest_fact = position

    @any_event(QuotaAssigned, QuotaPassed)
    def _(self, body: QuotaAssigned | QuotaPassed) -> None:
        self.quota.take(body)

    @any_event(NominationPassed, ApplicationFiled, ApplicationWithdrawn, ScreeningRejected)
    def _(
        self,
        body: NominationPassed | ApplicationFiled | ApplicationWithdrawn | ScreeningRejected,
        by: str,
        position: int,
    ) -> None:
        if body.application_id == self.application_id:
            self.file.take(body, by, position)
        else:
            self.quota.take(body)

    def execute(self) -> None:
        started = self._require_started()
        self.window.require_open(started.programme_id, self.now)
        nominator, track = self._require_nominator(started.unit_id)
        self._require_endorsed(nominator)
        measures = self.consequences.measures
        measures.require_passed(self.tree.predecessors(nominator), self.today)
        self.quota.require_place(track, nominator, measures.places_cut(nominator, self.today))
        self.trigger_event(
            ApplicationFiled,
            application_id=self.application_id,
            programme_id=started.programme_id,
            track_id=started.track_id,
            unit_id=started.unit_id,
            nominator_unit_id=nominator,
            materials_digest=self.file.digest,
        )

    def _cuts(self, nominator_unit_id: str) -> list[Selector]:
        """What is cut from the nominating unit, decided against it or passed to it, and what units before it bear."""
        successor = tag(SuccessorUnitId, nominator_unit_id)
        before = self.tree.predecessors(nominator_unit_id)
        return [
            *(Selector(MEASURE_FACTS, [tag(UnitId, unit_id)]) for unit_id in (nominator_unit_id, *before)),
            Selector([QuotaCutPassed], [successor]),
            *(
                Selector([UnitMerged, UnitSplit], [tag(SuccessorUnitId, unit_id)])
                for unit_id in (nominator_unit_id, *before)
            ),
            *(Selector(MEASURE_FACTS, [tag(MeasureId, one)]) for one in sorted(self.consequences.measures.passed)),
        ]


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
    """Withdraw an application not yet decided on; a place that it used goes back to the unit that filed it.

    One that is part of a joint project is separated first.
    zh: 在作出遴选决定之前撤回申报;已报送者,其指标退还报送的推荐单位。属于联合项目者须先行分立。
    """

    decision_id: DecisionId | None = known()
    decided: bool = known(default=False)
    projects: Projects = known(factory=Projects)

    @property
    def nominator_unit_id(self) -> NominatorUnitId | None:
        """Who filed it, and so may take it back."""
        return None if self.file.filed is None else self.file.filed.nominator_unit_id

    def consistency_boundary(self) -> Sequence[Selector]:
        """The file, whether the committee has decided on it and not reopened, and whether it is part of a project."""
        decision = tag(DecisionId, self.decision_id or "none")
        return [
            *super().consistency_boundary(),
            Selector([ApplicationDecided], [tag(ApplicationId, self.application_id)]),
            Selector([DecisionReopened], [decision]),
            Selector(JOINING_FACTS, [tag(ApplicationId, self.application_id)]),
            Selector(JOINING_FACTS, [tag(LeadApplicationId, self.application_id)]),
        ]

    @event(ApplicationDecided)
    def _(self, decision_id: DecisionId) -> None:
        self.decision_id, self.decided = decision_id, True

    @event(DecisionReopened)
    def _(self) -> None:
        self.decided = False

    @any_event(*JOINING_FACTS)
    def _(self, body: JoiningFact) -> None:
        self.projects.take(body)

    def execute(self) -> None:
        started = self._require_started()
        if self.decided:
            raise DecidedOnAlready(application_id=self.application_id)
        self.projects.require_apart(self.application_id)
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
