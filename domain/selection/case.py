"""What every command about the selection of a track knows, and what every one about one decided application does."""

from __future__ import annotations

from collections.abc import Sequence

from domain.application.events import ApplicationWithdrawn
from domain.application.policy import of_track, require_state
from domain.ids import ApplicationId, DecisionId, ProgrammeId, TrackId, tag
from domain.kernel import Command, Event, Refusal, Selector, any_event, asked, event, known
from domain.programme.events import TrackDefined
from domain.programme.policy import TrackUnknown
from domain.selection.events import DecisionReopened
from domain.selection.policy import (
    CASE_FACTS,
    DECISION_FACTS,
    JOINING_FACTS,
    Case,
    CaseFact,
    Choice,
    DecisionFact,
    JoiningFact,
    Projects,
    TrackSelection,
)


class VetoedNotChosen(Refusal):
    """Application {application_id} was vetoed in the review.
    zh: 申报 {application_id} 在评审中被否决。
    title: A vetoed application is not chosen · 被否决的申报不得入选
    """


class WithdrawnNotChosen(Refusal):
    """Application {application_id} has been withdrawn.
    zh: 申报 {application_id} 已撤回。
    title: A withdrawn application is not chosen · 已撤回的申报不得入选
    """


class AlreadyDecided(Refusal):
    """Track {track_id} has been decided on before: {decision_id}.
    zh: 赛道 {track_id} 此前已有决定:{decision_id}。
    title: The track has a decision · 该赛道此前已有决定
    """


class AboutTrack(Command):
    """What every command about the selection of a track knows: places, decisions, joint projects, and who withdrew.
    zh: 关于赛道遴选的各项命令所共知:名额、已作决定、联合项目及撤回情况。
    """

    programme_id: ProgrammeId = asked("Programme", "项目")
    track_id: TrackId = asked("Track", "赛道")

    track: TrackDefined | None = known()
    selection: TrackSelection = known(factory=TrackSelection)
    projects: Projects = known(factory=Projects)
    withdrawn: frozenset[ApplicationId] = known(frozenset())

    def consistency_boundary(self) -> Sequence[Selector]:
        """The track, and everything that was decided in it."""
        kinds: list[type[Event]] = [TrackDefined, *DECISION_FACTS, *JOINING_FACTS, ApplicationWithdrawn]
        return [Selector(kinds, of_track(self.programme_id, self.track_id))]

    @event(TrackDefined)
    def _(self, body: TrackDefined) -> None:
        self.track = body

    @any_event(*DECISION_FACTS)
    def _(self, body: DecisionFact, position: int) -> None:
        self.selection.take(body, position)

    @any_event(*JOINING_FACTS)
    def _(self, body: JoiningFact) -> None:
        self.projects.take(body)

    @event(ApplicationWithdrawn)
    def _(self, application_id: ApplicationId) -> None:
        self.withdrawn |= {application_id}

    def _require_track(self) -> TrackDefined:
        if self.track is None:
            raise TrackUnknown(programme_id=self.programme_id, track_id=self.track_id)
        return self.track

    def _require_undecided(self) -> None:
        if self.selection.decision is not None:
            raise AlreadyDecided(track_id=self.track_id, decision_id=self.selection.decision.decision_id)

    def _require_none_withdrawn(self, choices: Sequence[Choice]) -> None:
        for choice in choices:
            if choice.application_id in self.withdrawn and choice.outcome != "not_selected":
                raise WithdrawnNotChosen(application_id=choice.application_id)


class AboutCase(Command):
    """What every command about one decided application knows.
    zh: 关于某份已决定申报的各项命令所共知。
    """

    application_id: ApplicationId = asked("Application", "申报")

    selection: TrackSelection = known(factory=TrackSelection)

    @property
    def state(self) -> str:
        """What has become of the application, for the permission table."""
        return self.selection.state_of(self.application_id)

    def consistency_boundary(self) -> Sequence[Selector]:
        """What was decided of the application, and whether that decision was reopened."""
        return [
            Selector(CASE_FACTS, [tag(ApplicationId, self.application_id)]),
            *(Selector([DecisionReopened], [tag(DecisionId, used)]) for used in sorted(self.selection.used)),
        ]

    @any_event(*CASE_FACTS, DecisionReopened)
    def _(self, body: CaseFact | DecisionReopened, position: int) -> None:
        self.selection.take(body, position)

    def _require_case(self) -> Case:
        """The case, in a state in which the permission table has this command."""
        case = self.selection.case(self.application_id)
        require_state(self)
        return case
