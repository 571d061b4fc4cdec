"""What may be asked of a ranking: compute it from the opened sheets under the pinned stage, and record it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from domain.application.events import ApplicationWithdrawn
from domain.application.policy import of_track
from domain.ids import ApplicationId, PanelId, ProgrammeId, SeatId, TrackId, tag
from domain.kernel import Invalid, Refusal, Selector, any_event, asked, event, known
from domain.programme.events import TrackDefined
from domain.review.events import (
    ApplicationAdmitted,
    ApplicationRanked,
    RankingRecorded,
    ScoreSheetAmended,
    ScoreSheetExcluded,
    ScoreSheetFiled,
    ScoreSheetOpened,
    StageDefined,
)
from domain.review.panel import RECUSAL_FACTS, AboutPanel, RecusalFact, Recusals, of_panel
from domain.review.policy import Cause, Ranking, Sheet, SheetKey, as_recorded, proves, rank
from domain.review.sheet import FILED_FACTS


class TrackNotOfPanel(Invalid):
    """Panel {panel_id} does not sit for track {track_id}.
    zh: 评审组 {panel_id} 不负责赛道 {track_id}。
    title: The panel does not sit for this track · 评审组不负责该赛道
    """


class SheetsStillSealed(Refusal):
    """{sealed} of {filed} sheets are not open yet.
    zh: {filed} 份评分表中尚有 {sealed} 份未开启。
    title: Some sheets are not open yet · 尚有评分表未开启
    """


class OpenedForged(Refusal):
    """What was opened as the sheet of seat {seat_id} on application {application_id} is not what was committed to.
    zh: 作为席位 {seat_id} 对申报 {application_id} 的评分表所开启者,与其承诺不符。
    title: What was opened is not what was committed to · 所开启的评分表与其承诺不符
    """


class ShareRuleBroken(Refusal):
    """Seat {seat_id} breaks {rule}: {reaching} of {sheets} sheets; {at_least_bp} to {at_most_bp} in 10,000 may.
    zh: 席位 {seat_id} 不符合 {rule}:{sheets} 份中有 {reaching} 份;允许万分之 {at_least_bp} 至 {at_most_bp}。
    title: A seat breaks a rule of shares · 席位不符合比例规则
    """


class TooFewSheets(Refusal):
    """Application {application_id} has {sheets} of {minimum} sheets; with a reason it is left without a rank.
    zh: 申报 {application_id} 有 {sheets} 份评分表,至少须 {minimum} 份;附事由方可不予排名。
    title: An application has too few sheets · 申报的评分表份数不足
    """


class RankApplications(AboutPanel):
    """Rank the applications of a track by the opened sheets; ranked anew after a change, the later ranking holds.
    zh: 依已开启的评分表对某赛道的申报排名;情况变化后再次排名者,以后者为准。
    """

    READS_AT_MOST: ClassVar[int] = 20_000

    track_id: TrackId = asked("Track", "赛道")

    track: TrackDefined | None = known()
    admitted: dict[ApplicationId, ApplicationAdmitted] = known(factory=dict)
    commitments: dict[SheetKey, str] = known(factory=dict)
    opened: dict[SheetKey, Sheet] = known(factory=dict)
    excluded: dict[SheetKey, Cause] = known(factory=dict)
    recusals: Recusals = known(factory=Recusals)
    recorded: RankingRecorded | None = known()

    def consistency_boundary(self) -> Sequence[Selector]:
        panel, here = tag(PanelId, self.panel_id), tag(TrackId, self.track_id)
        boundary = list(super().consistency_boundary())
        # The many come with the last step: whatever a step reads, the next one reads again.
        if (constituted := self.panel.constituted) is not None:
            track = of_track(constituted.programme_id, self.track_id)
            boundary.append(Selector([*FILED_FACTS, *RECUSAL_FACTS], of_panel(self.panel_id)))
            boundary.append(
                Selector([ApplicationAdmitted, ScoreSheetOpened, ScoreSheetExcluded, RankingRecorded], [panel, here])
            )
            boundary.append(Selector([StageDefined], [tag(ProgrammeId, constituted.programme_id)]))
            boundary.append(Selector([TrackDefined, ApplicationWithdrawn], track))
        return boundary

    @event(StageDefined)
    def _(self, body: StageDefined) -> None:
        self.panel.take(body)

    @event(TrackDefined)
    def _(self, body: TrackDefined) -> None:
        self.track = body

    @event(ApplicationAdmitted)
    def _(self, body: ApplicationAdmitted) -> None:
        self.admitted[body.application_id] = body

    @event(ApplicationWithdrawn)
    def _(self, application_id: ApplicationId) -> None:
        self.admitted.pop(application_id, None)

    @any_event(*FILED_FACTS)
    def _(self, body: ScoreSheetFiled | ScoreSheetAmended) -> None:
        self.commitments[body.seat_id, body.application_id] = body.commitment

    @event(ScoreSheetOpened)
    def _(self, body: ScoreSheetOpened, position: int) -> None:
        self.opened[body.seat_id, body.application_id] = Sheet.of(body, position)

    @event(ScoreSheetExcluded)
    def _(self, seat_id: SeatId, application_id: ApplicationId, position: int) -> None:
        self.excluded[seat_id, application_id] = Cause(position)

    @any_event(*RECUSAL_FACTS)
    def _(self, body: RecusalFact, position: int) -> None:
        self.recusals.take(body, position)

    @event(RankingRecorded)
    def _(self, body: RankingRecorded) -> None:
        self.recorded = body

    def execute(self) -> None:
        constituted = self._require_panel()
        if self.track_id not in constituted.track_ids:
            raise TrackNotOfPanel(field="track_id", panel_id=self.panel_id, track_id=self.track_id)
        self._require_openings()
        ranking = self._rank()
        self._check(ranking)
        if self.recorded is not None and self.recorded.digest == ranking.digest:
            return
        for placing in ranking.placings:
            score = as_recorded(placing.score)
            self.trigger_event(
                ApplicationRanked,
                panel_id=self.panel_id,
                application_id=placing.application_id,
                programme_id=constituted.programme_id,
                track_id=self.track_id,
                unit_id=placing.unit_id,
                rank=placing.rank,
                score_numerator=score.numerator,
                score_denominator=score.denominator,
                sheets=placing.sheets,
                advances=placing.advances,
            )
        self.trigger_event(
            RankingRecorded,
            panel_id=self.panel_id,
            programme_id=constituted.programme_id,
            stage=constituted.stage,
            track_id=self.track_id,
            stage_position=constituted.stage_position,
            applications=len(ranking.placings),
            sheets=ranking.sheets,
            digest=ranking.digest,
        )

    def _require_openings(self) -> None:
        """Every sheet that was filed on an application of the track is open, and is what was committed to."""
        filed = {key: value for key, value in self.commitments.items() if key[1] in self.admitted}
        sealed = filed.keys() - self.opened.keys()
        if sealed:
            raise SheetsStillSealed(sealed=len(sealed), filed=len(filed))
        for key, sheet in self.opened.items():
            if not proves(sheet.salt, sheet.marks, self.commitments.get(key)):
                raise OpenedForged(seat_id=key[0], application_id=key[1])

    def _rank(self) -> Ranking:
        recused = {key: Cause(position, body.interest) for key, (body, position) in self.recusals.standing.items()}
        places = None if self.track is None else self.track.places.target
        return rank(
            self.panel.stage, self.admitted.values(), self.opened.values(), self.excluded, recused, places=places
        )

    def _check(self, ranking: Ranking) -> None:
        for breach in ranking.breaches:
            raise ShareRuleBroken(
                seat_id=breach.seat_id,
                rule=breach.rule,
                sheets=breach.sheets,
                reaching=breach.reaching,
                at_least_bp=breach.share_at_least_bp,
                at_most_bp=breach.share_at_most_bp,
            )
        for placing in ranking.placings:
            if placing.unplaced == "too_few_sheets" and self.reason_code is None:
                minimum = self.panel.stage.minimum_sheets
                raise TooFewSheets(application_id=placing.application_id, sheets=placing.sheets, minimum=minimum)
