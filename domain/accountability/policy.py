"""How far a finding has come, and whether a measure is in force on a day: what eligibility, quotas and money ask.

A measure holds from its first day to its last, as they stood on the day that is asked about: amended on appeal, its new
figures hold from the day of the amendment; lifted, it holds no longer from that day on; and while an appeal runs that
suspends it, it does not hold. What was recorded about its end decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar, Final, Literal, get_args

import msgspec

from domain.accountability.events import (
    AppealDismissed,
    AppealLodged,
    AppealUpheld,
    AppealWithdrawn,
    Concerned,
    FindingDropped,
    FindingNotified,
    FindingRecorded,
    HearingWaived,
    MatterReferred,
    MeasureAmended,
    MeasureDecided,
    MeasureEnded,
    MeasureKind,
    MeasureLifted,
    QuotaCutPassed,
    ReferralOutcomeNotified,
    StatementReceived,
)
from domain.document.policy import RestsOnPapers
from domain.ids import DocumentId, FindingId, MeasureId, tag
from domain.kernel import Command, Event, Refusal, Selector, Unknown, any_event, asked, event, known
from domain.permission.policy import NOT_ON_RECORD

__all__ = [
    "CONCERNED_TITLES",
    "FINDING_FACTS",
    "FINDING_STATE_AFTER",
    "MEASURE_FACTS",
    "MEASURE_TITLES",
    "REFERRAL_FACTS",
    "AboutFinding",
    "AccountabilityRuleMissing",
    "ConcludingFinding",
    "CutNotPassed",
    "CutShare",
    "Finding",
    "FindingFact",
    "FindingState",
    "FindingUnknown",
    "Measure",
    "MeasureFact",
    "MeasureIdUsed",
    "MeasureState",
    "MeasureUnknown",
    "Measures",
    "shares_after",
    "shares_of",
    "shortened",
]

FindingFact = FindingRecorded | FindingNotified | StatementReceived | HearingWaived | FindingDropped | MeasureDecided
FINDING_FACTS: Final[tuple[type[Event], ...]] = get_args(FindingFact)
"""What becomes of a finding: all with its tag. A referral changes nothing of it: it is not to be told."""

FindingState = Literal["unknown", "recorded", "notified", "stated", "waived", "decided", "dropped"]
FINDING_STATE_AFTER: Final[Mapping[type[Event], FindingState]] = {
    FindingRecorded: "recorded",
    FindingNotified: "notified",
    StatementReceived: "stated",
    HearingWaived: "waived",
    FindingDropped: "dropped",
    MeasureDecided: "decided",
}

MeasureFact = (
    MeasureDecided
    | AppealLodged
    | AppealUpheld
    | AppealDismissed
    | AppealWithdrawn
    | MeasureAmended
    | MeasureLifted
    | MeasureEnded
    | QuotaCutPassed
)
MEASURE_FACTS: Final[tuple[type[Event], ...]] = get_args(MeasureFact)
"""What becomes of a measure: all with the tags of the measure and of whom it hits."""
REFERRAL_FACTS: Final = (MatterReferred, ReferralOutcomeNotified)
"""What becomes of a referral: both with its tag."""

CONCERNED_TITLES: Final[dict[Concerned, tuple[str, str]]] = {
    "unit": ("unit", "单位"),
    "parent": ("parent", "上级单位"),
    "leader": ("leader", "书记"),
    "adviser": ("adviser", "指导教师"),
}
MEASURE_TITLES: Final[dict[MeasureKind, tuple[str, str]]] = {
    "circular": ("circular", "通报"),
    "interview": ("interview", "约谈"),
    "rectification": ("rectification", "限期整改"),
    "stop_money": ("stop of money", "停拨经费"),
    "recover_money": ("recovery of money", "追回经费"),
    "bar": ("bar", "限制申报"),
    "quota_cut": ("cut of the quota", "核减指标"),
    "title_revocation": ("revocation of a title", "撤销称号"),
}
MeasureState = Literal["unknown", "decided", "appealed", "settled", "ended", "lifted"]


class FindingUnknown(Unknown):
    """Finding {finding_id} is not on record.
    zh: 没有问题认定 {finding_id} 的记录。
    title: No such finding · 没有该问题认定
    """


class AccountabilityRuleMissing(Refusal):
    """No rule says how programme {programme_id} hears and decides.
    zh: 项目 {programme_id} 尚未设定追责规则。
    title: No accountability rule · 尚未设定追责规则
    """


class MeasureUnknown(Unknown):
    """Measure {measure_id} is not on record.
    zh: 没有措施 {measure_id} 的记录。
    title: No such measure · 没有该措施
    """


class CutNotPassed(Refusal):
    """Of measure {measure_id} unit {from_unit_id} still bears a cut of {places} places; that passes on first.
    zh: 措施 {measure_id} 核减的 {places} 个指标仍记于单位 {from_unit_id} 名下,须先确定由何单位承继。
    title: A cut has not passed to the successors yet · 核减指标尚未承继
    """


class MeasureIdUsed(Refusal):
    """The measure {measure_id} is on record already.
    zh: 措施 {measure_id} 已有记录。
    title: The id of the measure is used · 措施编号已被使用
    """


@dataclass(slots=True)
class Finding:
    """One finding, as the record tells it so far."""

    recorded: FindingRecorded | None = None
    recorded_by: str = ""
    state: FindingState = NOT_ON_RECORD
    closes_at: datetime | None = None
    last_day: date | None = None

    def take(self, body: FindingFact, by: str = "") -> None:
        """Take in one event of this finding."""
        self.state = FINDING_STATE_AFTER[type(body)]
        match body:
            case FindingRecorded():
                self.recorded, self.recorded_by = body, by
            case FindingNotified(closes_at=closes_at, last_day=last_day):
                self.closes_at, self.last_day = closes_at, last_day

    def may_still_state(self, now: datetime) -> bool:
        """Whether whom it is against was notified, has said nothing, and still has time to."""
        return self.state == "notified" and self.closes_at is not None and now < self.closes_at

    def named(self) -> Mapping[str, Any]:
        """What the steps of the hearing repeat."""
        recorded = self.recorded
        return {} if recorded is None else {
            "finding_id": recorded.finding_id,
            "programme_id": recorded.programme_id,
            "application_id": recorded.application_id,
            "unit_id": recorded.unit_id,
            "person_id": recorded.person_id,
        }  # fmt: skip


class CutShare(msgspec.Struct, frozen=True):
    """How many places a cut takes from the quotas of one unit."""

    unit_id: str
    places: int


def shares_of(decided: MeasureDecided) -> tuple[CutShare, ...]:
    """Of a cut as it was decided: the unit that it was decided against bears all of it."""
    if decided.places is None or decided.unit_id is None:
        return ()
    return (CutShare(decided.unit_id, decided.places),)


def shares_after(shares: Sequence[CutShare], passed: QuotaCutPassed) -> tuple[CutShare, ...]:
    """What each bears once a part passed on; whoever bore none so far comes last."""
    borne = {share.unit_id: share.places for share in shares}
    borne[passed.from_unit_id] = borne.get(passed.from_unit_id, 0) - passed.places
    borne[passed.successor_unit_id] = borne.get(passed.successor_unit_id, 0) + passed.places
    return tuple(CutShare(unit_id, places) for unit_id, places in borne.items() if places)


def shortened(shares: Sequence[CutShare], places: int) -> tuple[CutShare, ...]:
    """What each bears of a cut that was reduced on appeal: the last is relieved first."""
    left, found = places, []
    for share in shares:
        found.append(CutShare(share.unit_id, min(share.places, left)))
        left -= found[-1].places
    return tuple(share for share in found if share.places)


@dataclass(slots=True)
class Measure:
    """One measure, as the record tells it so far."""

    decided: MeasureDecided
    position: int
    by: str = ""
    terms: list[tuple[date, MeasureDecided | MeasureAmended, int]] = field(default_factory=list)
    """From which day on which event says its figures, and where that stands."""
    suspended: list[tuple[date, date | None]] = field(default_factory=list)
    is_appealed: bool = False
    was_appealed: bool = False
    is_ended: bool = False
    lifted_on: date | None = None
    borne: list[tuple[date, tuple[CutShare, ...]]] = field(default_factory=list)
    """Of a cut of the quota: from which day on how much of it each unit bears; of others none."""

    @property
    def state(self) -> MeasureState:
        """What has become of it, for the permission table."""
        if self.lifted_on is not None:
            return "lifted"
        if self.is_appealed:
            return "appealed"
        if self.is_ended:
            return "ended"
        return "settled" if self.was_appealed else "decided"

    @property
    def shares(self) -> tuple[CutShare, ...]:
        """Of a cut of the quota: how much of it each unit bears now."""
        return self.borne[-1][1]

    @property
    def standing(self) -> MeasureDecided | MeasureAmended:
        """What says its figures now."""
        return self.terms[-1][1]

    def take(self, body: MeasureFact, position: int) -> None:
        """Take in what became of it."""
        match body:
            case AppealLodged(lodged_on=lodged_on, suspends=suspends):
                self.is_appealed = self.was_appealed = True
                if suspends:
                    self.suspended.append((lodged_on, None))
            case AppealUpheld() | AppealDismissed() | AppealWithdrawn():
                self.is_appealed = False
                self.suspended = [(since, until or body.settled_on) for since, until in self.suspended]
            case MeasureAmended(amended_on=amended_on, places=places):
                self.terms.append((amended_on, body, position))
                self.is_ended = False
                self.borne.append((amended_on, shortened(self.shares, places or 0)))
            case MeasureLifted(lifted_on=lifted_on):
                self.lifted_on = lifted_on
            case QuotaCutPassed():
                self.borne[-1] = (self.borne[-1][0], shares_after(self.shares, body))
            case _:
                self.is_ended = True

    def holds_on(self, day: date) -> MeasureDecided | MeasureAmended | None:
        """What says the figures that hold on a day, or None where the measure is not in force on it."""
        if day < self.decided.from_on or (self.lifted_on is not None and self.lifted_on <= day):
            return None
        if any(since <= day and (until is None or day < until) for since, until in self.suspended):
            return None
        known = [said for since, said, _ in self.terms if since <= day]
        last = known[-1].until_on
        return known[-1] if last is None or day <= last else None

    def shares_on(self, day: date) -> tuple[CutShare, ...]:
        """Of a cut of the quota that is in force on a day: how much of it each unit bears on it."""
        return [shares for since, shares in self.borne if since <= day][-1]

    def positions_on(self, day: date) -> tuple[int, ...]:
        """Where the facts stand that say so."""
        return (self.position, *(position for since, _, position in self.terms[1:] if since <= day))

    def named(self) -> Mapping[str, Any]:
        """What every event of it repeats."""
        decided = self.decided
        return {
            "measure_id": decided.measure_id,
            "programme_id": decided.programme_id,
            "application_id": decided.application_id,
            "unit_id": decided.unit_id,
            "person_id": decided.person_id,
        }


@dataclass(slots=True)
class Measures:
    """The measures that were read: one, or those that hit a unit or a person."""

    by_id: dict[MeasureId, Measure] = field(default_factory=dict)
    passed: set[MeasureId] = field(default_factory=set)
    """Those that passed from one unit to another."""

    def take(self, body: MeasureFact, by: str = "", position: int = 0) -> None:
        """Take in one event."""
        if isinstance(body, MeasureDecided):
            self.by_id[body.measure_id] = Measure(
                body, position, by, [(body.from_on, body, position)], borne=[(body.from_on, shares_of(body))]
            )
            return
        if isinstance(body, QuotaCutPassed):
            self.passed.add(body.measure_id)
        if body.measure_id in self.by_id:
            # Of a cut that passed to a unit its passing is read first, and by its name the rest.
            self.by_id[body.measure_id].take(body, position)

    def state_of(self, measure_id: MeasureId) -> MeasureState:
        """What has become of a measure, for the permission table."""
        return self.by_id[measure_id].state if measure_id in self.by_id else NOT_ON_RECORD

    def require(self, measure_id: MeasureId) -> Measure:
        """A measure. Raises MeasureUnknown."""
        if measure_id not in self.by_id:
            raise MeasureUnknown(measure_id=measure_id)
        return self.by_id[measure_id]

    def is_bar(self, measure_id: MeasureId) -> bool:
        """Whether it is a bar, as far as is known yet."""
        return measure_id in self.by_id and self.by_id[measure_id].decided.kind == "bar"

    def in_force(self, kind: MeasureKind, day: date) -> Iterator[Measure]:
        """Those of a kind that are in force on a day."""
        return (each for each in self.by_id.values() if each.decided.kind == kind and each.holds_on(day) is not None)

    def require_passed(self, predecessors: Iterable[str], day: date) -> None:
        """Raise CutNotPassed while a unit that is no more bears a cut that is in force on a day."""
        gone = frozenset(predecessors)
        for each in self.in_force("quota_cut", day):
            for share in each.shares:
                if share.unit_id in gone:
                    raise CutNotPassed(
                        measure_id=each.decided.measure_id, from_unit_id=share.unit_id, places=share.places
                    )

    def places_cut(self, unit_id: str, day: date) -> int:
        """How many places are cut from the quotas of a unit on a day."""
        return sum(
            share.places
            for each in self.in_force("quota_cut", day)
            for share in each.shares_on(day)
            if share.unit_id == unit_id
        )


class AboutFinding(Command):
    """What every command about a finding knows.
    zh: 关于问题认定的各项命令所共知。
    """

    finding_id: FindingId = asked("Finding", "问题认定")

    finding: Finding = known(factory=Finding)

    @property
    def state(self) -> str:
        """The state of the finding, for the permission table."""
        return self.finding.state

    def consistency_boundary(self) -> Sequence[Selector]:
        """The finding, and what became of it."""
        return [Selector(FINDING_FACTS, [tag(FindingId, self.finding_id)])]

    @any_event(*FINDING_FACTS)
    def _(self, body: FindingFact, by: str) -> None:
        self.finding.take(body, by)

    def _require_recorded(self) -> FindingRecorded:
        """The finding as it was recorded. Raises FindingUnknown."""
        if self.finding.recorded is None:
            raise FindingUnknown(finding_id=self.finding_id)
        return self.finding.recorded


class ConcludingFinding(RestsOnPapers, AboutFinding):
    """What a command knows that concludes something from a finding by a decision: a measure, or a referral.
    zh: 依决定文件就问题认定作出处理的命令所共知:措施或移送。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("decision_document_id",)

    measure_id: MeasureId = asked("Measure", "措施")
    decision_document_id: DocumentId = asked("Decision", "决定文件")

    taken: bool = known(default=False)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The finding, whether the id is taken, and the decision."""
        return [
            *super().consistency_boundary(),
            Selector([MeasureDecided, MatterReferred], [tag(MeasureId, self.measure_id)]),
        ]

    @event(MeasureDecided)
    def _(self, body: MeasureDecided, by: str) -> None:
        self.taken = self.taken or body.measure_id == self.measure_id
        if body.finding_id == self.finding_id:
            self.finding.take(body, by)

    @event(MatterReferred)
    def _(self) -> None:
        self.taken = True
