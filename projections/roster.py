"""The roster: which application is in which state, and what became of it, per programme and track.

What panel and committee said is the office's. Its subject reads what everybody reads once a list hangs on the board:
that it is shown, has passed, is confirmed or was reversed.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from domain.application.events import (
    ApplicationFiled,
    ApplicationPrepared,
    ApplicationStarted,
    ApplicationWithdrawn,
    BudgetSaved,
    FormSaved,
    PaperReceived,
    SelfCheckSaved,
)
from domain.application.policy import STATE_AFTER, ApplicationState, state_after
from domain.eligibility.events import EligibilityJudged, RuleWaived
from domain.ids import (
    ApplicationId,
    DecisionId,
    NominatorUnitId,
    PanelId,
    ProgrammeId,
    PublicityId,
    SuccessorUnitId,
    TrackId,
    UnitId,
)
from domain.kernel import Code, Recorded, office, subject
from domain.nomination.events import NominationDecided, NominationDeclined, NominationPassed
from domain.publicity.events import EntryPassed, PublicityOpened, PublicityTakenDown
from domain.review.events import ApplicationRanked
from domain.screening.events import ApplicationRefiled, CorrectionExtended, CorrectionRequested, ScreeningRejected
from domain.selection.events import (
    ApplicationDecided,
    ApplicationJoined,
    ApplicationRecommended,
    ApplicationSeparated,
    DecisionReopened,
    ReservePromoted,
    SelectionConfirmed,
    SelectionReversed,
    SelectionStruck,
)
from domain.selection.events import Outcome as Recommendation
from domain.unit.events import UnitMerged, UnitMoved
from projections.application import nominator_after
from projections.eligibility import Standing, TracedFinding, to_waive
from projections.kernel import Key, Table, View, Where, columns

Outcome = Literal["recommended", "selected", "reserve", "not_selected", "confirmed", "struck", "reversed"]
Publicised = Literal["shown", "passed", "confirmed", "reversed"]
RosterStanding = Standing | Literal["unjudged"]


class RosterRow(msgspec.Struct, frozen=True, kw_only=True):
    """One application on the roster.
    zh: 名册中的一项申报。
    """

    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    successor_unit_id: Annotated[SuccessorUnitId | None, subject("Successor", "承接单位")] = None
    nominator_unit_id: Annotated[NominatorUnitId, subject("Nominating unit", "推荐单位")]
    rank: Annotated[int | None, subject("Rank", "排序")] = None
    state: Annotated[ApplicationState, subject("State", "状态")]
    standing: Annotated[RosterStanding, subject("Eligibility", "基本条件")] = "unjudged"
    to_waive: Annotated[tuple[Code, ...], subject("Rules to be waived", "待豁免条件")] = ()
    started_at: Annotated[datetime, subject("Started at", "开始时间")]
    declined_at: Annotated[datetime | None, subject("Declined at", "不予推荐时间")] = None
    filed_at: Annotated[datetime | None, subject("Filed at", "报送时间")] = None
    correct_until: Annotated[date | None, subject("To be corrected until", "补正截止日")] = None
    refiled_at: Annotated[datetime | None, subject("Filed again at", "再次报送时间")] = None
    paper_received_on: Annotated[date | None, subject("Paper received on", "纸质收到日期")] = None
    publicised: Annotated[Publicised | None, subject("In publicity", "公示情况")] = None
    publicity_id: Annotated[PublicityId | None, subject("Publicity", "公示")] = None
    ranked_by: Annotated[PanelId | None, office("Ranked by panel", "排名评审组")] = None
    review_rank: Annotated[int | None, office("Rank in the review", "评审名次")] = None
    recommended: Annotated[Recommendation | None, office("Recommended as", "推荐结论")] = None
    joined_to: Annotated[ApplicationId | None, office("Joined to", "并入的牵头申报")] = None
    outcome: Annotated[Outcome | None, office("Outcome", "遴选结果")] = None
    outcome_order: Annotated[int | None, office("Order among those decided alike", "同类结论次序")] = None
    decision_id: Annotated[DecisionId | None, office("Decision", "决定")] = None


def _touches(recorded: Recorded) -> list[Key | Where]:
    event = recorded.event
    if isinstance(event, UnitMerged):
        return [Where("unit_id", event.unit_id), Where("successor_unit_id", event.unit_id)]
    if isinstance(event, UnitMoved):
        return [Where("unit_id", event.unit_id)]
    if isinstance(event, PublicityOpened):
        return [(entry.application_id,) for entry in event.entries]
    if isinstance(event, PublicityTakenDown):
        return [Where("publicity_id", event.publicity_id)]
    if isinstance(event, DecisionReopened):
        return [Where("decision_id", event.decision_id)]
    return [(event.as_dict()["application_id"],)]


def _judged(row: RosterRow, event: EligibilityJudged) -> RosterRow:
    findings = tuple(TracedFinding(**msgspec.structs.asdict(finding)) for finding in event.findings)
    return replace(row, standing=event.verdict, to_waive=to_waive(findings))


def _waived(row: RosterRow, event: RuleWaived) -> RosterRow:
    left = tuple(rule for rule in row.to_waive if rule != event.rule)
    standing: RosterStanding = "waived" if row.standing == "waivable" and not left else row.standing
    return replace(row, to_waive=left, standing=standing)


def _nominated(row: RosterRow, recorded: Recorded) -> RosterRow:
    """What the nominating unit has said of the materials as they stand; saved anew, it has said nothing of them."""
    match recorded.event:
        case FormSaved() | SelfCheckSaved() | BudgetSaved() if row.filed_at is None:
            row = replace(row, rank=None)
        case ApplicationPrepared():
            row = replace(row, declined_at=None)
        case NominationDecided(rank=rank, nominator_unit_id=nominator):
            row = replace(row, rank=rank, nominator_unit_id=nominator, declined_at=None)
        case NominationDeclined():
            row = replace(row, rank=None, declined_at=recorded.envelope.effective_at)
        case ApplicationFiled(nominator_unit_id=nominator):
            row = replace(row, filed_at=recorded.envelope.effective_at, nominator_unit_id=nominator)
        case NominationPassed(successor_unit_id=nominator):
            row = replace(row, nominator_unit_id=nominator)
    return row


def _screened(row: RosterRow, recorded: Recorded) -> RosterRow:
    """Until when it is to be corrected, and when it came back; nothing of that once it is filed again or settled."""
    match recorded.event:
        case CorrectionRequested(last_day=last_day) | CorrectionExtended(last_day=last_day):
            return replace(row, correct_until=last_day)
        case ApplicationRefiled():
            return replace(row, correct_until=None, refiled_at=recorded.envelope.effective_at)
        case ScreeningRejected() | ApplicationWithdrawn():
            return replace(row, correct_until=None)
    return row


def _selected(row: RosterRow, recorded: Recorded) -> RosterRow:
    """What the panel said of it, and what the committee; a decision that was reopened has decided nothing."""
    match recorded.event:
        case ApplicationRanked(panel_id=panel_id, rank=rank):
            row = replace(row, ranked_by=panel_id, review_rank=rank)
        case ApplicationRecommended(outcome=recommended):
            row = replace(row, recommended=recommended, outcome="recommended")
        case ApplicationJoined(lead_application_id=lead):
            row = replace(row, joined_to=ApplicationId(lead))
        case ApplicationSeparated():
            row = replace(row, joined_to=None)
        case ApplicationDecided(outcome=outcome, order=order, decision_id=decision_id):
            row = replace(row, outcome=outcome, outcome_order=order, decision_id=decision_id)
        case DecisionReopened():
            row = replace(row, outcome="recommended", outcome_order=None, decision_id=None)
        case ReservePromoted():
            row = replace(row, outcome="selected", outcome_order=None)
        case SelectionStruck():
            row = replace(row, outcome="struck")
    return row


def _publicised(row: RosterRow, recorded: Recorded) -> RosterRow:
    """What everybody can know of it: from the board, and from what was confirmed and reversed in public."""
    match recorded.event:
        case PublicityOpened(publicity_id=publicity_id):
            return replace(row, publicised="shown", publicity_id=publicity_id)
        case PublicityTakenDown():
            return replace(row, publicised=None, publicity_id=None)
        case EntryPassed():
            return replace(row, publicised="passed")
        case SelectionConfirmed():
            return replace(row, publicised="confirmed", outcome="confirmed")
        case SelectionReversed():
            return replace(row, publicised="reversed", outcome="reversed")
    return row


def _changed(row: RosterRow, recorded: Recorded) -> RosterRow:
    match recorded.event:
        case EligibilityJudged() as event:
            return _judged(row, event)
        case RuleWaived() as event:
            return _waived(row, event)
        case PaperReceived(received_on=day):
            return replace(row, paper_received_on=day)
        case UnitMerged(successor_unit_id=successor):
            return replace(row, successor_unit_id=successor)
        case UnitMoved() as event:
            return replace(row, nominator_unit_id=nominator_after(event, row.unit_id, row.nominator_unit_id, row.state))
    row = _publicised(_selected(_screened(_nominated(row, recorded), recorded), recorded), recorded)
    return replace(row, state=state_after(row.state, type(recorded.event)))


def _fold(row: RosterRow | None, recorded: Recorded, _key: Key) -> RosterRow | None:
    if isinstance(event := recorded.event, ApplicationStarted):
        return RosterRow(**event.as_dict(), state="started", started_at=recorded.envelope.effective_at)
    if row is None:
        return None
    changed = _changed(row, recorded)
    return row if changed == row else changed


ROSTER = View(
    name="roster",
    version=5,
    en="Roster",
    zh="名册",
    row=RosterRow,
    key=("application_id",),
    reads=(
        *STATE_AFTER,
        NominationPassed,
        CorrectionExtended,
        PaperReceived,
        EligibilityJudged,
        RuleWaived,
        UnitMerged,
        UnitMoved,
        ApplicationRanked,
        ApplicationRecommended,
        ApplicationJoined,
        ApplicationSeparated,
        ApplicationDecided,
        DecisionReopened,
        ReservePromoted,
        SelectionStruck,
        PublicityOpened,
        PublicityTakenDown,
        EntryPassed,
        SelectionConfirmed,
        SelectionReversed,
    ),
    touches=_touches,
    fold=_fold,
    indexes=("unit_id", "successor_unit_id", "decision_id", "publicity_id"),
    filters=(
        "programme_id",
        "track_id",
        "unit_id",
        "nominator_unit_id",
        "state",
        "standing",
        "publicised",
        "outcome",
        "decision_id",
        "joined_to",
    ),
    sorts=("filed_at", "started_at", "review_rank"),
    effective=True,
    subject_units=("unit_id", "nominator_unit_id"),
    is_open=lambda _: False,
)


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many applications of a track are in a state."""

    track_id: str
    state: ApplicationState
    applications: int


def totals(rows: Iterable[RosterRow]) -> list[Count]:
    """How many applications are in which state, per track."""
    counted = Counter((str(row.track_id), row.state) for row in rows)
    return [Count(track_id=track, state=state, applications=n) for (track, state), n in sorted(counted.items())]


def in_order(rows: Iterable[RosterRow]) -> list[RosterRow]:
    """The roster as it is read: by programme and track, then by nominating unit and its rank, then by unit."""
    return sorted(
        rows,
        key=lambda row: (
            row.programme_id,
            row.track_id,
            row.nominator_unit_id,
            row.rank is None,
            row.rank or 0,
            row.unit_id,
            row.application_id,
        ),
    )


def roster_table(rows: Sequence[RosterRow], audiences: frozenset[str]) -> Table:
    """The roster as a table for readers of these audiences."""
    shown = [column for column in columns(RosterRow) if column.audience in audiences]
    return Table(
        name="roster",
        en="Roster",
        zh="名册",
        columns=shown,
        rows=[[getattr(row, column.name) for column in shown] for row in in_order(rows)],
    )
