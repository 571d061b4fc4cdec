"""What has been decided of the applications of a track, by which vote, and how it departs from the ranking.

A case is one application in the hands of committee and publicity. A decision that was reopened has decided nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, get_args

import msgspec

from domain.ids import ApplicationId, DecisionId, LeadApplicationId, UnitId
from domain.kernel import Event, Invalid, Refusal, Unknown
from domain.permission.policy import NOT_ON_RECORD
from domain.selection.events import (
    ApplicationDecided,
    ApplicationJoined,
    ApplicationSeparated,
    CommitteeDecided,
    DecisionReopened,
    Outcome,
    ReservePromoted,
    SelectionConfirmed,
    SelectionReversed,
    SelectionRuleDefined,
    SelectionStruck,
)

__all__ = [
    "CASE_FACTS",
    "DECISION_FACTS",
    "JOINING_FACTS",
    "WHOLE_BP",
    "Case",
    "CaseFact",
    "CaseState",
    "Choice",
    "DecisionFact",
    "JoiningFact",
    "MoreAttendThanEntitled",
    "NothingDecidedYet",
    "PartOfProject",
    "Projects",
    "QuorumNotReached",
    "TrackSelection",
    "Vote",
    "VoteNotCarried",
    "VotesDoNotAddUp",
    "departures",
    "in_order",
]

CaseFact = ApplicationDecided | ReservePromoted | SelectionStruck | SelectionConfirmed | SelectionReversed
CASE_FACTS: Final[tuple[type[Event], ...]] = get_args(CaseFact)
"""What becomes of one application: all with its tag, and with those of its programme and track."""
DecisionFact = CommitteeDecided | DecisionReopened | CaseFact
DECISION_FACTS: Final[tuple[type[Event], ...]] = get_args(DecisionFact)
"""What becomes of a track: all with the tags of programme and track."""

JoiningFact = ApplicationJoined | ApplicationSeparated
JOINING_FACTS: Final[tuple[type[Event], ...]] = get_args(JoiningFact)
"""What makes one project of several applications: all with the tags of the joined one, its unit, the lead and track."""

CaseState = Literal["unknown", "selected", "reserve", "not_selected", "struck", "confirmed", "reversed"]

WHOLE_BP: Final = 10_000
_AFTER: Final[Mapping[Outcome, int]] = {"selected": 0, "reserve": 1, "not_selected": 2}


class NothingDecidedYet(Unknown):
    """Nothing has been decided of application {application_id}, or its decision was reopened.
    zh: 申报 {application_id} 尚未决定,或其决定已重新开启。
    title: Nothing holds that was decided on it · 尚无现行有效的决定
    """


class PartOfProject(Refusal):
    """Application {application_id} is part of the joint project led by {lead_application_id}: separate it first.
    zh: 申报 {application_id} 属于由 {lead_application_id} 牵头的联合项目,须先行分立。
    title: It is part of a joint project · 属于联合项目
    """


class MoreAttendThanEntitled(Invalid):
    """{attending} attend, of {entitled} entitled.
    zh: 应到 {entitled} 人,实到却为 {attending} 人。
    title: More attend than are entitled · 实到多于应到
    """


class VotesDoNotAddUp(Invalid):
    """There are {votes} votes and abstentions of {attending} who attended.
    zh: 实到 {attending} 人,赞成、反对与弃权合计却为 {votes} 票。
    title: The votes do not add up · 票数合计不符
    """


class QuorumNotReached(Refusal):
    """{attending} of {entitled} attended; the quorum is {quorum_bp} basis points of those entitled.
    zh: 应到 {entitled} 人,实到 {attending} 人;法定出席比例为万分之 {quorum_bp}。
    title: The quorum was not reached · 未达法定出席
    """


class VoteNotCarried(Refusal):
    """{in_favour} of {counted} were in favour; the rule asks for {threshold_bp} basis points.
    zh: {counted} 票中赞成 {in_favour} 票;规则要求万分之 {threshold_bp}。
    title: The vote was not carried · 表决未获通过
    """


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to become of one application; those chosen alike stand in the order in which they are named."""

    application_id: ApplicationId
    outcome: Outcome


class Vote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who could vote, who attended, and how they voted."""

    entitled: Annotated[int, msgspec.Meta(ge=1)]
    attending: Annotated[int, msgspec.Meta(ge=0)]
    in_favour: Annotated[int, msgspec.Meta(ge=0)]
    against: Annotated[int, msgspec.Meta(ge=0)]
    abstaining: Annotated[int, msgspec.Meta(ge=0)]

    def require_carried(self, rule: SelectionRuleDefined) -> None:
        """Raise Invalid, QuorumNotReached or VoteNotCarried unless the vote stands under the rule."""
        if self.attending > self.entitled:
            raise MoreAttendThanEntitled(field="vote/attending", attending=self.attending, entitled=self.entitled)
        votes = self.in_favour + self.against + self.abstaining
        if votes != self.attending:
            raise VotesDoNotAddUp(field="vote", votes=votes, attending=self.attending)
        if self.attending * WHOLE_BP < rule.quorum_bp * self.entitled:
            raise QuorumNotReached(attending=self.attending, entitled=self.entitled, quorum_bp=rule.quorum_bp)
        counted = {
            "entitled": self.entitled,
            "attending": self.attending,
            "cast": self.in_favour + self.against,
        }[rule.threshold_of]
        reached, wanted = self.in_favour * WHOLE_BP, rule.threshold_bp * counted
        carried = reached > wanted if rule.more_than_threshold else reached >= wanted
        if not carried or not counted:
            raise VoteNotCarried(in_favour=self.in_favour, counted=counted, threshold_bp=rule.threshold_bp)


def in_order(choices: Sequence[Choice]) -> list[tuple[Choice, int]]:
    """The choices with their order among those chosen alike: selected, then reserves, then the others."""
    counted = dict.fromkeys(_AFTER, 0)
    placed = []
    for choice in sorted(choices, key=lambda each: _AFTER[each.outcome]):
        counted[choice.outcome] += 1
        placed.append((choice, counted[choice.outcome]))
    return placed


def departures(
    placed: Sequence[tuple[Choice, int]], ranks: Mapping[ApplicationId, int | None]
) -> frozenset[ApplicationId]:
    """Which of those chosen stand before one that was ranked better; a vetoed one ranks behind all others."""
    last = max((rank for rank in ranks.values() if rank is not None), default=0) + 1
    best_behind = last
    found = set()
    for choice, _ in reversed(placed):
        rank = ranks[choice.application_id] or last
        if rank > best_behind and choice.outcome != "not_selected":
            found.add(choice.application_id)
        best_behind = min(best_behind, rank)
    return frozenset(found)


@dataclass(slots=True)
class Projects:
    """Which applications were joined into the project of which other, as far as it was read."""

    joined: dict[ApplicationId, ApplicationJoined] = field(default_factory=dict)

    def take(self, body: JoiningFact) -> None:
        """Take in one event."""
        if isinstance(body, ApplicationJoined):
            self.joined[body.application_id] = body
        else:
            del self.joined[body.application_id]

    def lead_of(self, application_id: ApplicationId) -> LeadApplicationId | None:
        """The application that leads the project into which this one was joined; None where it was not."""
        body = self.joined.get(application_id)
        return None if body is None else body.lead_application_id

    def leads(self) -> frozenset[ApplicationId]:
        """The applications that lead a project of several."""
        return frozenset(ApplicationId(body.lead_application_id) for body in self.joined.values())

    def of_unit(self, unit_id: UnitId) -> frozenset[ApplicationId]:
        """The lead applications of the projects that a unit is a partner of."""
        found = (body.lead_application_id for body in self.joined.values() if body.unit_id == unit_id)
        return frozenset(ApplicationId(each) for each in found)

    def require_apart(self, application_id: ApplicationId) -> None:
        """Raise PartOfProject for one that was joined, and for one that others were joined to."""
        lead = self.lead_of(application_id) or (application_id if application_id in self.leads() else None)
        if lead is not None:
            raise PartOfProject(application_id=application_id, lead_application_id=lead)


@dataclass(slots=True)
class Case:
    """One application in the hands of the committee, as the record tells it so far."""

    decided: ApplicationDecided
    position: int
    """Of the decision, or of the promotion, that it stands by."""
    state: CaseState
    freed_by: ApplicationId | None = None
    confirmed_position: int = 0


@dataclass(slots=True)
class TrackSelection:
    """What has been decided in one track, or, where no more was read, of one application in it."""

    decision: CommitteeDecided | None = None
    cases: dict[ApplicationId, Case] = field(default_factory=dict)
    used: set[DecisionId] = field(default_factory=set)
    """Every decision that was spoken of, those reopened since included."""

    def take(self, body: DecisionFact, position: int = 0) -> None:
        """Take in one event of the track."""
        match body:
            case CommitteeDecided():
                self.decision = body
                self.used.add(body.decision_id)
            case DecisionReopened(decision_id=decision_id):
                self.decision = None
                self.cases = {key: case for key, case in self.cases.items() if case.decided.decision_id != decision_id}
            case ApplicationDecided():
                self.used.add(body.decision_id)
                self.cases[body.application_id] = Case(body, position, body.outcome)
            case ReservePromoted():
                self._promote(body, position)
            case _:
                self._end(body, position)

    def _promote(self, body: ReservePromoted, position: int) -> None:
        if body.application_id in self.cases:
            case = self.cases[body.application_id]
            case.state, case.position, case.freed_by = "selected", position, body.freed_by

    def _end(self, body: SelectionStruck | SelectionConfirmed | SelectionReversed, position: int) -> None:
        case = self.cases[body.application_id]
        match body:
            case SelectionStruck():
                case.state = "struck"
            case SelectionConfirmed():
                case.state, case.confirmed_position = "confirmed", position
            case _:
                case.state = "reversed"

    def state_of(self, application_id: ApplicationId) -> CaseState:
        """What has become of an application, for the permission table."""
        return self.cases[application_id].state if application_id in self.cases else NOT_ON_RECORD

    def case(self, application_id: ApplicationId) -> Case:
        """The case of an application. Raises NothingDecidedYet."""
        if application_id not in self.cases:
            raise NothingDecidedYet(application_id=application_id)
        return self.cases[application_id]

    def confirmed(self) -> list[ApplicationId]:
        """Whose selection is confirmed."""
        return sorted(key for key, case in self.cases.items() if case.state == "confirmed")

    def is_free(self, application_id: ApplicationId) -> bool:
        """Whether the place of an application was taken from it and given to nobody else yet."""
        case = self.cases.get(application_id)
        was_chosen = case is not None and (case.decided.outcome == "selected" or case.freed_by is not None)
        given = {each.freed_by for each in self.cases.values()}
        return was_chosen and case is not None and case.state in {"struck", "reversed"} and application_id not in given

    def next_reserve(self) -> ApplicationId | None:
        """The first of those reserves that are left."""
        left = [case for case in self.cases.values() if case.state == "reserve"]
        first = min(left, key=lambda case: case.decided.order, default=None)
        return None if first is None else first.decided.application_id
