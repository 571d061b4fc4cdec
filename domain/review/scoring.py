"""What may be asked of the time in which a panel scores: open it, extend it, record that it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import ClassVar, Final

from domain.application.events import ApplicationWithdrawn
from domain.assessment.events import AssessmentDefined
from domain.cultivation.policy import CASE_FACTS, CaseFact, RunningCase
from domain.ids import ApplicationId, PanelId, ProgrammeId, TrackId, UnitId, tag
from domain.kernel import Code, Event, Refusal, Selector, any_event, asked, event, known
from domain.nomination.events import NominationDecided
from domain.review.events import (
    ApplicationAdmitted,
    ApplicationRanked,
    RankingRecorded,
    ScoringClosed,
    ScoringExtended,
    ScoringOpened,
    StageDefined,
)
from domain.review.panel import SEAT_FACTS, AboutPanel, SeatFact, of_panel
from domain.screening.events import ScreeningPassed

_CandidateFact = ScreeningPassed | ApplicationWithdrawn | NominationDecided | ApplicationRanked | RankingRecorded
_CANDIDATE_FACTS: Final[tuple[type[Event], ...]] = (
    ScreeningPassed,
    ApplicationWithdrawn,
    NominationDecided,
    ApplicationRanked,
    RankingRecorded,
)
_MICROSECOND: Final = timedelta(microseconds=1)


class TooFewSeats(Refusal):
    """Panel {panel_id} has {seats} seats; each application needs {minimum} sheets at least.
    zh: 评审组 {panel_id} 有 {seats} 个席位;每项申报至少须有 {minimum} 份评分表。
    title: The panel has too few seats · 评审组席位不足
    """


class NothingToScore(Refusal):
    """No application of its tracks has come as far as panel {panel_id}.
    zh: 评审组 {panel_id} 所负责的赛道尚无进入本阶段的申报。
    title: There is nothing to score yet · 尚无可评分的申报
    """


class EarlierStageNotRanked(Refusal):
    """Track {track_id} has no recorded ranking of the earlier stage {stage}.
    zh: 赛道 {track_id} 的前一评审阶段 {stage} 尚无排名记录。
    title: The stage before has no ranking · 前一评审阶段尚无排名
    """


class ScoringWouldBeOver(Refusal):
    """Scoring would be over at once: it would close at {closes_at}.
    zh: 评分将随即截止:截止时刻为 {closes_at}。
    title: Scoring would be over at once · 评分将随即截止
    """


class ScoringOver(Refusal):
    """Scoring is over: it closed at {closes_at}.
    zh: 评分已于 {closes_at} 截止。
    title: Scoring is over · 评分已截止
    """


class ScoringStillOpen(Refusal):
    """Scoring is open until {closes_at}.
    zh: 评分至 {closes_at} 方截止。
    title: Scoring is still open · 评分尚未截止
    """


class NotALaterEnd(Refusal):
    """Scoring is open until {closes_at} already.
    zh: 评分本已开放至 {closes_at}。
    title: Scoring was open at least that long · 评分本已开放至该时刻
    """


@dataclass(slots=True)
class Candidates:
    """The applications of a panel's tracks: which were passed on, which advanced in which stage, and their ranks; and
    which of them are cases by now.
    """

    screened: dict[ApplicationId, ScreeningPassed] = field(default_factory=dict)
    withdrawn: set[ApplicationId] = field(default_factory=set)
    nominator_ranks: dict[ApplicationId, int | None] = field(default_factory=dict)
    ranked: dict[PanelId, dict[ApplicationId, ApplicationRanked]] = field(default_factory=dict)
    ranked_by: dict[tuple[Code, TrackId], PanelId] = field(default_factory=dict)
    assessments: dict[Code, AssessmentDefined] = field(default_factory=dict)
    cases: dict[ApplicationId, RunningCase] = field(default_factory=dict)

    def define(self, body: AssessmentDefined) -> None:
        """Take in an assessment; a stage that serves one has cases for its candidates, and not applications."""
        self.assessments[body.assessment] = body

    def case(self, body: CaseFact) -> None:
        """Take in what became of a case."""
        self.cases.setdefault(body.application_id, RunningCase()).take(body)

    def assessed(self, stage: Code) -> AssessmentDefined | None:
        """The assessment that a stage serves, if it serves one."""
        return next((each for each in self.assessments.values() if each.stage == stage), None)

    def running(self, assessment: AssessmentDefined, track_id: TrackId) -> Mapping[ApplicationId, UnitId]:
        """The running cases of a track, each with the unit that bears it now, where the assessment is for the track."""
        return {
            application_id: case.unit_id
            for application_id, case in sorted(self.cases.items())
            if case.state == "running" and case.unit_id is not None and case.confirmed is not None
            if case.confirmed.track_id == track_id and track_id in assessment.track_ids
        }

    def take(self, body: _CandidateFact) -> None:
        """Take in one event; a later ranking replaces an earlier one."""
        match body:
            case ScreeningPassed(application_id=application_id):
                self.screened[application_id] = body
            case ApplicationWithdrawn(application_id=application_id):
                self.withdrawn.add(application_id)
            case NominationDecided(application_id=application_id, rank=rank):
                self.nominator_ranks[application_id] = rank
            case ApplicationRanked(panel_id=panel_id, application_id=application_id):
                self.ranked.setdefault(panel_id, {})[application_id] = body
            case _:
                self.ranked_by[body.stage, body.track_id] = body.panel_id

    def of_track(self, track_id: TrackId, earlier: Code | None) -> Mapping[ApplicationId, UnitId]:
        """Those of a track that have come through the earlier stage, or through screening where there is none."""
        if earlier is None:
            found = {key: passed.unit_id for key, passed in self.screened.items() if passed.track_id == track_id}
        else:
            panel_id = self.ranked_by.get((earlier, track_id))
            if panel_id is None:
                raise EarlierStageNotRanked(track_id=track_id, stage=earlier)
            ranked = self.ranked[panel_id].values()
            found = {
                each.application_id: each.unit_id for each in ranked if each.track_id == track_id and each.advances
            }
        return {key: unit_id for key, unit_id in sorted(found.items()) if key not in self.withdrawn}


def _last_day(command: AboutPanel, closes_at: datetime) -> date:
    """The last day on which a sheet is in time."""
    return (closes_at - _MICROSECOND).astimezone(command.zone).date()


class OpenScoring(AboutPanel):
    """Open scoring until an instant; what has come as far as the panel's stage by now is what it scores: applications,
    or the running cases where the stage serves an assessment.
    zh: 开启评分至某时刻;此时已进入本阶段的申报即为评分范围;该阶段服务于评估者,以培育创建期内的项目为评分范围。
    """

    READS_AT_MOST: ClassVar[int] = 20_000

    closes_at: datetime = asked("Closes at", "截止时刻")

    candidates: Candidates = known(factory=Candidates)

    def consistency_boundary(self) -> Sequence[Selector]:
        boundary = [*super().consistency_boundary(), Selector(SEAT_FACTS, of_panel(self.panel_id))]
        if (constituted := self.panel.constituted) is not None:
            programme = tag(ProgrammeId, constituted.programme_id)
            boundary.append(Selector([StageDefined, AssessmentDefined], [programme]))
            boundary += [
                Selector([*_CANDIDATE_FACTS, *CASE_FACTS], [programme, tag(TrackId, track_id)])
                for track_id in constituted.track_ids
            ]
        return boundary

    @any_event(*SEAT_FACTS)
    def _(self, body: SeatFact) -> None:
        self.panel.take(body)

    @event(StageDefined)
    def _(self, body: StageDefined) -> None:
        self.panel.take(body)

    @event(AssessmentDefined)
    def _(self, body: AssessmentDefined) -> None:
        self.candidates.define(body)

    @any_event(*CASE_FACTS)
    def _(self, body: CaseFact) -> None:
        self.candidates.case(body)

    @any_event(*_CANDIDATE_FACTS)
    def _(self, body: _CandidateFact) -> None:
        self.candidates.take(body)

    def execute(self) -> None:
        constituted = self._require_panel()
        if self.closes_at <= self.now:
            raise ScoringWouldBeOver(closes_at=self.closes_at)
        self._require_seats()
        admitted = [
            ApplicationAdmitted(
                panel_id=self.panel_id,
                application_id=application_id,
                programme_id=constituted.programme_id,
                track_id=track_id,
                unit_id=unit_id,
                nominator_rank=self.candidates.nominator_ranks.get(application_id),
            )
            for track_id in constituted.track_ids
            for application_id, unit_id in self._come_so_far(track_id).items()
        ]
        if not admitted:
            raise NothingToScore(panel_id=self.panel_id)
        self.trigger_event(
            ScoringOpened,
            panel_id=self.panel_id,
            programme_id=constituted.programme_id,
            opens_at=self.now,
            closes_at=self.closes_at,
            last_day=_last_day(self, self.closes_at),
        )
        for each in admitted:
            self.trigger_event(ApplicationAdmitted, **each.as_dict())

    def _come_so_far(self, track_id: TrackId) -> Mapping[ApplicationId, UnitId]:
        assessment = self.candidates.assessed(self.panel.stage.stage)
        if assessment is not None:
            return self.candidates.running(assessment, track_id)
        return self.candidates.of_track(track_id, self.panel.earlier_stage(track_id))

    def _require_seats(self) -> None:
        seats, minimum = sum(self.panel.seats.values()), self.panel.stage.minimum_sheets
        if seats < minimum:
            raise TooFewSeats(panel_id=self.panel_id, seats=seats, minimum=minimum)


class AboutScoring(AboutPanel):
    """What every command about a panel's time to score knows.
    zh: 关于评分期限的各项命令所共知。
    """

    def _require_scoring(self) -> tuple[ProgrammeId, datetime, date]:
        """Whose programme it is, when scoring closes, and its last day."""
        constituted = self._require_panel()
        return constituted.programme_id, *self.panel.end


class ExtendScoring(AboutScoring):
    """Extend scoring that is not over yet to a later instant.
    zh: 将尚未截止的评分延长至更晚的时刻。
    """

    closes_at: datetime = asked("Closes at", "截止时刻")

    def execute(self) -> None:
        programme_id, closes_at, _ = self._require_scoring()
        if self.now >= closes_at:
            raise ScoringOver(closes_at=closes_at)
        if self.closes_at <= closes_at:
            raise NotALaterEnd(closes_at=closes_at)
        self.trigger_event(
            ScoringExtended,
            panel_id=self.panel_id,
            programme_id=programme_id,
            closes_at=self.closes_at,
            last_day=_last_day(self, self.closes_at),
        )


class CloseScoring(AboutScoring):
    """Record that scoring is over; what comes late is refused whether this was recorded or not.
    zh: 记录评分已截止;逾期与否不取决于是否已作此记录。
    """

    def execute(self) -> None:
        programme_id, closes_at, last_day = self._require_scoring()
        if self.now < closes_at:
            raise ScoringStillOpen(closes_at=closes_at)
        # Whoever records it, and however late, scoring closed at the instant that was written.
        self.effective_at = closes_at
        self.trigger_event(
            ScoringClosed, panel_id=self.panel_id, programme_id=programme_id, closes_at=closes_at, last_day=last_day
        )
