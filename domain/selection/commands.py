"""What may be asked of selection: a rule, a recommendation, a decision, and what becomes of it afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, ClassVar, Final

import msgspec

from domain.application.events import ApplicationWithdrawn
from domain.application.policy import of_track
from domain.document.policy import RestsOnPapers
from domain.ids import (
    ApplicationId,
    DecisionId,
    DocumentId,
    ObjectionId,
    PanelId,
    ProgrammeId,
    PublicityId,
    tag,
)
from domain.kernel import Code, Command, Event, Invalid, Refusal, Selector, any_event, asked, called, event, known
from domain.permission.policy import ReasonMissing
from domain.programme.events import (
    ErratumRecorded,
    ProgrammeAnnounced,
    TermInterpreted,
    TermPublished,
    TrackDefined,
)
from domain.programme.policy import CYCLE_ENDS, TERM_FACTS, ProgrammeUnknown, Terms, day_of
from domain.publicity.events import (
    EntryPassed,
    ObjectionUpheld,
    PublicityClosed,
    PublicityOpened,
    PublicityTakenDown,
)
from domain.publicity.policy import OBJECTION_FACTS, ObjectionFact, Objections
from domain.review.events import ApplicationRanked, RankingRecorded
from domain.selection.case import AboutCase, AboutTrack, VetoedNotChosen, WithdrawnNotChosen
from domain.selection.events import (
    ApplicationDecided,
    ApplicationRecommended,
    CommitteeDecided,
    DecisionReopened,
    ReservePromoted,
    SelectionConfirmed,
    SelectionRuleDefined,
    SelectionStruck,
    VoteBase,
)
from domain.selection.joining import JoinApplications, SeparateApplications
from domain.selection.policy import (
    DECISION_FACTS,
    WHOLE_BP,
    Choice,
    Vote,
    departures,
    in_order,
)
from domain.selection.reversal import ReverseSelection

_SHOWN: Final[tuple[type[Event], ...]] = (PublicityOpened, PublicityClosed, PublicityTakenDown)


class NoShare(Invalid):
    """{share_bp} basis points are no share of a whole.
    zh: 万分之 {share_bp} 不成其为比例。
    title: That is no share · 不成其为比例
    """


class NotRankedYet(Refusal):
    """Panel {panel_id} has recorded no ranking of track {track_id}.
    zh: 评审组 {panel_id} 尚未就赛道 {track_id} 记录排名。
    title: The panel has not ranked the track yet · 评审组尚未记录该赛道的排名
    """


class NotTheRankedOnes(Invalid):
    """Each of those ranked is named once, and nobody else; these are missing, too many or named twice: {amiss}.
    zh: 须逐一列明已排名的申报且不得另列;下列申报缺漏、多余或重复:{amiss}。
    title: Each ranked application is named, each once · 须逐一列明已排名的申报
    """


class NotRecommendedYet(Refusal):
    """Nothing has been recommended in track {track_id}.
    zh: 赛道 {track_id} 尚无推荐意见。
    title: There is no recommendation yet · 尚无推荐意见
    """


class SelectionRuleMissing(Refusal):
    """No rule says how the committee of programme {programme_id} decides.
    zh: 项目 {programme_id} 尚未设定委员会决定规则。
    title: No selection rule is defined · 尚未设定委员会决定规则
    """


class DecisionIdUsed(Refusal):
    """The decision {decision_id} is on record already.
    zh: 决定 {decision_id} 已有记录。
    title: The decision is on record · 该决定已有记录
    """


class PlacesExceeded(Refusal):
    """{selected} are selected; the call allows {at_most} in this track.
    zh: 入选 {selected} 个;通知规定该赛道至多 {at_most} 个。
    title: More are selected than the call allows · 入选多于通知上限
    """


class PlacesNotFilled(Refusal):
    """{selected} are selected; the call asks for at least {at_least} in this track.
    zh: 入选 {selected} 个;通知规定该赛道至少 {at_least} 个。
    title: Fewer are selected than the call asks for · 入选少于通知下限
    """


class DecisionUnknown(Refusal):
    """Track {track_id} has no decision {decision_id} that stands.
    zh: 赛道 {track_id} 没有现行有效的决定 {decision_id}。
    title: No such decision holds · 没有该项现行有效的决定
    """


class SelectionStands(Refusal):
    """The decision cannot be reopened: confirmed by now are {confirmed}.
    zh: 决定不能重新开启:下列入选已确认:{confirmed}。
    title: Some of it is confirmed · 部分入选已确认
    """


class PublicityStands(Refusal):
    """The decision cannot be reopened while the publicity {publicity_id} shows what it decided.
    zh: 公示 {publicity_id} 正在展示该决定的内容,决定不能重新开启。
    title: A publicity shows what was decided · 该决定的内容正在公示
    """


class NoPlaceFree(Refusal):
    """The place of application {freed_by} is not free.
    zh: 申报 {freed_by} 的名额并未空出。
    title: No place fell free there · 名额并未空出
    """


class NotPassedPublicity(Refusal):
    """Application {application_id} has not passed its publicity {publicity_id} since it was decided on.
    zh: 申报 {application_id} 自作出决定以来尚未通过公示 {publicity_id}。
    title: It has not passed its publicity since it was decided · 作出决定以来尚未通过公示
    """


class ObjectionStillOpen(Refusal):
    """Objection {objection_id} against application {application_id} is still open.
    zh: 针对申报 {application_id} 的异议 {objection_id} 尚未办结。
    title: An objection is still open · 异议尚未办结
    """


class ObjectionWasUpheld(Refusal):
    """Objection {objection_id} against application {application_id} was upheld since that was decided on.
    zh: 自申报 {application_id} 作出决定以来,针对其的异议 {objection_id} 已认定成立。
    title: An objection was upheld since it was decided on · 作出决定以来异议已成立
    """


# --- the rule ---------------------------------------------------------------------------------------------------------


class DefineSelectionRule(Command):
    """Define by which quorum and majority the committee decides; defined anew, it holds for later decisions.
    zh: 设定委员会决定所需的出席与表决比例;再次设定者,适用于此后的决定。
    """

    programme_id: ProgrammeId = asked("Programme", "项目")
    quorum_bp: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = asked("Quorum, of those entitled", "法定出席比例")
    threshold_bp: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = asked("Votes in favour, at least", "赞成票最低比例")
    threshold_of: VoteBase = asked("Counted of", "计票基数")
    more_than_threshold: bool = asked("More than that share", "须超过该比例", default=False)

    announced: bool = known(default=False)
    rule: SelectionRuleDefined | None = known()

    def consistency_boundary(self) -> Sequence[Selector]:
        return [Selector([ProgrammeAnnounced, SelectionRuleDefined], [tag(ProgrammeId, self.programme_id)])]

    @event(ProgrammeAnnounced)
    def _(self) -> None:
        self.announced = True

    @event(SelectionRuleDefined)
    def _(self, body: SelectionRuleDefined) -> None:
        self.rule = body

    def execute(self) -> None:
        if not self.announced:
            raise ProgrammeUnknown(programme_id=self.programme_id)
        for name, share in (("quorum_bp", self.quorum_bp), ("threshold_bp", self.threshold_bp)):
            if not 0 <= share <= WHOLE_BP:
                raise NoShare(field=name, share_bp=share)
        defined = SelectionRuleDefined(
            programme_id=self.programme_id,
            quorum_bp=self.quorum_bp,
            threshold_bp=self.threshold_bp,
            threshold_of=self.threshold_of,
            more_than_threshold=self.more_than_threshold,
        )
        if defined != self.rule:
            self.trigger_event(SelectionRuleDefined, **defined.as_dict())


# --- recommendation and decision --------------------------------------------------------------------------------------


def _require_each_once(choices: Sequence[Choice], known_ones: frozenset[ApplicationId]) -> None:
    named = [choice.application_id for choice in choices]
    amiss = (set(named) ^ known_ones) | {each for each in named if named.count(each) > 1}
    if amiss:
        raise NotTheRankedOnes(field="choices", amiss=", ".join(sorted(amiss)))


class RecommendApplications(AboutTrack):
    """Record what the panel recommends of every application it ranked; whoever departs from the ranking says why.
    zh: 记录评审组对所排名的全部申报的推荐意见;偏离排名者须附事由。
    """

    panel_id: PanelId = asked("Panel", "评审组")
    choices: tuple[Choice, ...] = asked("Recommendations in order", "推荐意见(按次序)")

    ranked: dict[ApplicationId, ApplicationRanked] = known(factory=dict)
    ranking_position: int = known(0)

    def consistency_boundary(self) -> Sequence[Selector]:
        ranking = [*of_track(self.programme_id, self.track_id), tag(PanelId, self.panel_id)]
        return [*super().consistency_boundary(), Selector([ApplicationRanked, RankingRecorded], ranking)]

    @event(ApplicationRanked)
    def _(self, body: ApplicationRanked) -> None:
        self.ranked[body.application_id] = body

    @event(RankingRecorded)
    def _(self, position: int) -> None:
        self.ranking_position = position

    def execute(self) -> None:
        self._require_track()
        self._require_undecided()
        if not self.ranking_position:
            raise NotRankedYet(panel_id=self.panel_id, track_id=self.track_id)
        _require_each_once(self.choices, frozenset(self.ranked))
        self._require_none_withdrawn(self.choices)
        for choice in self.choices:
            if self.ranked[choice.application_id].rank is None and choice.outcome != "not_selected":
                raise VetoedNotChosen(application_id=choice.application_id)
        placed = in_order(self.choices)
        departing = departures(placed, {key: body.rank for key, body in self.ranked.items()})
        if departing and self.reason_code is None:
            raise ReasonMissing(field="Reason", command=called(type(self)))
        for choice, order in placed:
            ranked = self.ranked[choice.application_id]
            self.trigger_event(
                ApplicationRecommended,
                application_id=choice.application_id,
                programme_id=self.programme_id,
                track_id=self.track_id,
                unit_id=ranked.unit_id,
                panel_id=self.panel_id,
                ranking_position=self.ranking_position,
                outcome=choice.outcome,
                order=order,
                departs_from_ranking=choice.application_id in departing,
            )


class DecideSelection(RestsOnPapers, AboutTrack):
    """Record the committee's decision on a track: attendance, vote, and what is to become of every application.

    More or fewer than the places, or other than recommended, needs a reason; beyond the call's bounds it is refused.
    A joint project goes by the application that leads it, and takes one place.
    zh: 记录委员会就某赛道的决定:出席、表决及各份申报的结论;异于名额或推荐意见须附事由,超出上下限不予受理。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("resolution_document_id",)

    decision_id: DecisionId = asked("Decision", "决定")
    vote: Vote = asked("Vote", "表决")
    choices: tuple[Choice, ...] = asked("Decisions in order", "结论(按次序)")
    resolution_document_id: DocumentId = asked("Resolution", "会议决议")

    rule: SelectionRuleDefined | None = known()
    rule_position: int = known(0)
    recommended: dict[ApplicationId, ApplicationRecommended] = known(factory=dict)
    taken: bool = known(default=False)

    def consistency_boundary(self) -> Sequence[Selector]:
        return [
            *super().consistency_boundary(),
            Selector([ApplicationRecommended], of_track(self.programme_id, self.track_id)),
            Selector([SelectionRuleDefined], [tag(ProgrammeId, self.programme_id)]),
            Selector([CommitteeDecided], [tag(DecisionId, self.decision_id)]),
        ]

    @event(CommitteeDecided)
    def _(self, body: CommitteeDecided, position: int) -> None:
        self.taken = self.taken or body.decision_id == self.decision_id
        if (body.programme_id, body.track_id) == (self.programme_id, self.track_id):
            self.selection.take(body, position)

    @event(ApplicationRecommended)
    def _(self, body: ApplicationRecommended) -> None:
        self.recommended[body.application_id] = body

    @event(SelectionRuleDefined)
    def _(self, body: SelectionRuleDefined, position: int) -> None:
        self.rule, self.rule_position = body, position

    def execute(self) -> None:
        track = self._require_track()
        if self.taken:
            raise DecisionIdUsed(decision_id=self.decision_id)
        self._require_undecided()
        if not self.recommended:
            raise NotRecommendedYet(track_id=self.track_id)
        if self.rule is None:
            raise SelectionRuleMissing(programme_id=self.programme_id)
        self._require_papers()
        self.vote.require_carried(self.rule)
        for choice in self.choices:
            if self.projects.lead_of(choice.application_id) is not None:
                self.projects.require_apart(choice.application_id)
        _require_each_once(self.choices, frozenset(self.recommended) - set(self.projects.joined))
        self._require_none_withdrawn(self.choices)
        selected = sum(choice.outcome == "selected" for choice in self.choices)
        self._require_places(track, selected)
        placed = in_order(self.choices)
        if (selected != track.places.target or self._differs(placed)) and self.reason_code is None:
            raise ReasonMissing(field="Reason", command=called(type(self)))
        self.trigger_event(
            CommitteeDecided,
            decision_id=self.decision_id,
            programme_id=self.programme_id,
            track_id=self.track_id,
            rule_position=self.rule_position,
            selected=selected,
            places=track.places.target,
            resolution_document_id=self.resolution_document_id,
            **msgspec.structs.asdict(self.vote),
        )
        for choice, order in placed:
            self.trigger_event(
                ApplicationDecided,
                decision_id=self.decision_id,
                application_id=choice.application_id,
                programme_id=self.programme_id,
                track_id=self.track_id,
                unit_id=self.recommended[choice.application_id].unit_id,
                outcome=choice.outcome,
                order=order,
            )

    def _require_places(self, track: TrackDefined, selected: int) -> None:
        if track.places.maximum is not None and selected > track.places.maximum:
            raise PlacesExceeded(selected=selected, at_most=track.places.maximum)
        if track.places.minimum is not None and selected < track.places.minimum:
            raise PlacesNotFilled(selected=selected, at_least=track.places.minimum)

    def _differs(self, placed: Sequence[tuple[Choice, int]]) -> bool:
        """Whether anybody was recommended otherwise; the order of those left out says nothing."""
        recommended = self._recommended_orders()
        for choice, order in placed:
            if choice.outcome != self.recommended[choice.application_id].outcome:
                return True
            if choice.outcome != "not_selected" and order != recommended[choice.application_id]:
                return True
        return False

    def _recommended_orders(self) -> Mapping[ApplicationId, int]:
        """The order that was recommended, among those recommended alike that were not joined to another."""
        in_turn = sorted(self.recommended.values(), key=lambda body: body.order)
        left = [Choice(body.application_id, body.outcome) for body in in_turn]
        apart = [choice for choice in left if self.projects.lead_of(choice.application_id) is None]
        return {choice.application_id: order for choice, order in in_order(apart)}


class ReopenDecision(AboutTrack):
    """Reopen a decision of which nothing is confirmed and nothing is shown: the committee decides anew.
    zh: 重新开启尚无确认、亦未在公示中的决定:由委员会重新决定。
    """

    decision_id: DecisionId = asked("Decision", "决定")

    showing: dict[PublicityId, frozenset[ApplicationId]] = known(factory=dict)

    def consistency_boundary(self) -> Sequence[Selector]:
        return [*super().consistency_boundary(), Selector(_SHOWN, [tag(ProgrammeId, self.programme_id)])]

    @event(PublicityOpened)
    def _(self, body: PublicityOpened) -> None:
        self.showing[body.publicity_id] = frozenset(entry.application_id for entry in body.entries)

    @any_event(PublicityClosed, PublicityTakenDown)
    def _(self, publicity_id: PublicityId) -> None:
        self.showing.pop(publicity_id, None)

    def execute(self) -> None:
        self._require_track()
        if self.selection.decision is None or self.selection.decision.decision_id != self.decision_id:
            raise DecisionUnknown(track_id=self.track_id, decision_id=self.decision_id)
        if confirmed := self.selection.confirmed():
            raise SelectionStands(confirmed=", ".join(confirmed))
        for publicity_id, shown in self.showing.items():
            if shown & set(self.selection.cases):
                raise PublicityStands(publicity_id=publicity_id)
        self.trigger_event(
            DecisionReopened, decision_id=self.decision_id, programme_id=self.programme_id, track_id=self.track_id
        )


# --- one application --------------------------------------------------------------------------------------------------


class StrikeSelection(AboutCase):
    """Strike an application from what was decided, before it is confirmed; its place falls free.
    zh: 在确认之前将某申报从已决定名单中除名,名额空出。
    """

    ground: Code = asked("Ground", "理由")

    def execute(self) -> None:
        decided = self._require_case().decided
        self.trigger_event(
            SelectionStruck,
            decision_id=decided.decision_id,
            application_id=self.application_id,
            programme_id=decided.programme_id,
            track_id=decided.track_id,
            unit_id=decided.unit_id,
            ground=self.ground,
        )


class PromoteReserve(AboutCase):
    """Promote a reserve to a place that fell free; whoever passes over a reserve before it says why.
    zh: 将候补递补至空出的名额;越过在前候补者须附事由。
    """

    freed_by: ApplicationId = asked("In the place of", "所递补申报")

    withdrawn: bool = known(default=False)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case, once it is known everything that was decided in its track, and whether it was withdrawn."""
        boundary = list(super().consistency_boundary())
        boundary.append(Selector([ApplicationWithdrawn], [tag(ApplicationId, self.application_id)]))
        case = self.selection.cases.get(self.application_id)
        if case is not None:
            boundary.append(Selector(DECISION_FACTS, of_track(case.decided.programme_id, case.decided.track_id)))
        return boundary

    @event(CommitteeDecided)
    def _(self, body: CommitteeDecided, position: int) -> None:
        self.selection.take(body, position)

    @event(ApplicationWithdrawn)
    def _(self) -> None:
        self.withdrawn = True

    def execute(self) -> None:
        decided = self._require_case().decided
        if self.withdrawn:
            raise WithdrawnNotChosen(application_id=self.application_id)
        if not self.selection.is_free(self.freed_by):
            raise NoPlaceFree(freed_by=self.freed_by)
        if self.selection.next_reserve() != self.application_id and self.reason_code is None:
            raise ReasonMissing(field="Reason", command=called(type(self)))
        self.trigger_event(
            ReservePromoted,
            decision_id=decided.decision_id,
            application_id=self.application_id,
            programme_id=decided.programme_id,
            track_id=decided.track_id,
            unit_id=decided.unit_id,
            freed_by=self.freed_by,
        )


class ConfirmSelection(AboutCase):
    """Confirm the selection of an application that passed its publicity since it was decided on.
    zh: 确认自作出决定以来已通过公示的入选申报。
    """

    publicity_id: PublicityId = asked("Publicity", "公示")

    objections: Objections = known(factory=Objections)
    upheld: dict[ObjectionId, int] = known(factory=dict)
    passed_position: int = known(0)
    withdrawn: bool = known(default=False)
    terms: Terms = known(factory=Terms)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case, its publicity and every objection against it, whether it was withdrawn, and how long it runs."""
        application = tag(ApplicationId, self.application_id)
        boundary = list(super().consistency_boundary())
        boundary += [
            Selector([EntryPassed], [application, tag(PublicityId, self.publicity_id)]),
            Selector([*OBJECTION_FACTS, ApplicationWithdrawn], [application]),
        ]
        case = self.selection.cases.get(self.application_id)
        if case is not None:
            boundary.append(Selector(TERM_FACTS, [tag(ProgrammeId, case.decided.programme_id)]))
        return boundary

    @event(EntryPassed)
    def _(self, position: int) -> None:
        self.passed_position = position

    @any_event(*OBJECTION_FACTS)
    def _(self, body: ObjectionFact, position: int) -> None:
        self.objections.take(body)
        if isinstance(body, ObjectionUpheld):
            self.upheld[body.objection_id] = position

    @event(ApplicationWithdrawn)
    def _(self) -> None:
        self.withdrawn = True

    @any_event(*TERM_FACTS)
    def _(self, body: TermPublished | TermInterpreted | ErratumRecorded, position: int) -> None:
        self.terms.take(body, position)

    def execute(self) -> None:
        case = self._require_case()
        if self.withdrawn:
            raise WithdrawnNotChosen(application_id=self.application_id)
        if self.passed_position < case.position:
            raise NotPassedPublicity(application_id=self.application_id, publicity_id=self.publicity_id)
        if (standing := self.objections.first_open()) is not None:
            raise ObjectionStillOpen(application_id=self.application_id, objection_id=standing)
        for objection_id, position in self.upheld.items():
            # It may have been upheld in a publicity that was taken down, and what strikes for it is still to come.
            if position > case.position:
                raise ObjectionWasUpheld(application_id=self.application_id, objection_id=objection_id)
        self.trigger_event(
            SelectionConfirmed,
            application_id=self.application_id,
            programme_id=case.decided.programme_id,
            track_id=case.decided.track_id,
            unit_id=case.decided.unit_id,
            decision_id=case.decided.decision_id,
            publicity_id=self.publicity_id,
            first_day=self.effective_at.astimezone(self.zone).date(),
            last_day=self._last_day(),
        )

    def _last_day(self) -> date | None:
        """The end of the cycle, where the call or its reading says when that is."""
        value = self.terms.value(CYCLE_ENDS)
        return None if value is None else day_of(value)


COMMANDS: tuple[type[Command], ...] = (
    DefineSelectionRule,
    RecommendApplications,
    JoinApplications,
    SeparateApplications,
    DecideSelection,
    ReopenDecision,
    StrikeSelection,
    PromoteReserve,
    ConfirmSelection,
    ReverseSelection,
)
