"""Selection: by which rule, what was recommended and decided of every application, the vote, and what is confirmed."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec.structs import replace

from domain.ids import ApplicationId, DecisionId, DocumentId, PanelId, ProgrammeId, PublicityId, TrackId, UnitId
from domain.kernel import Code, Recorded, office, public
from domain.publicity.events import PublicityOpened
from domain.selection.events import (
    ApplicationDecided,
    ApplicationJoined,
    ApplicationRecommended,
    ApplicationSeparated,
    CommitteeDecided,
    DecisionReopened,
    Outcome,
    ReservePromoted,
    SelectionConfirmed,
    SelectionReversed,
    SelectionRuleDefined,
    SelectionStruck,
    VoteBase,
)
from domain.selection.policy import JOINING_FACTS, CaseState
from domain.unit.events import UnitMerged
from projections.kernel import Key, View, Where, keyed

# --- the rule ---------------------------------------------------------------------------------------------------------


class SelectionRuleRow(msgspec.Struct, frozen=True, kw_only=True):
    """The rule by which the committee of a programme decides.
    zh: 项目委员会的决定规则。
    """

    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    quorum_bp: Annotated[int, public("Quorum, of those entitled", "法定出席比例")]
    threshold_bp: Annotated[int, public("Votes in favour, at least", "赞成票最低比例")]
    threshold_of: Annotated[VoteBase, public("Counted of", "计票基数")]
    more_than_threshold: Annotated[bool, public("More than that share", "须超过该比例")]
    position: Annotated[int, public("Position", "位置")]


def _rule(_row: SelectionRuleRow | None, recorded: Recorded, _key: Key) -> SelectionRuleRow:
    return SelectionRuleRow(**recorded.event.as_dict(), position=recorded.position)


SELECTION_RULE = View(
    name="selection_rule",
    version=1,
    en="Selection rules",
    zh="遴选决定规则",
    row=SelectionRuleRow,
    key=("programme_id",),
    reads=(SelectionRuleDefined,),
    touches=keyed("programme_id"),
    fold=_rule,
)


# --- decisions --------------------------------------------------------------------------------------------------------


class DecisionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A decision of the committee on a track: who attended, how they voted, and whether it was reopened.
    zh: 委员会就某赛道作出的决定:出席、表决及是否已重新开启。
    """

    decision_id: Annotated[DecisionId, office("Decision", "决定")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    track_id: Annotated[TrackId, office("Track", "赛道")]
    rule_position: Annotated[int, office("Rule (position)", "规则位置")]
    entitled: Annotated[int, office("Entitled to vote", "应到")]
    attending: Annotated[int, office("Attending", "实到")]
    in_favour: Annotated[int, office("In favour", "赞成")]
    against: Annotated[int, office("Against", "反对")]
    abstaining: Annotated[int, office("Abstaining", "弃权")]
    selected: Annotated[int, office("Selected", "入选数")]
    places: Annotated[int, office("Places", "名额")]
    resolution_document_id: Annotated[DocumentId, office("Resolution", "会议决议")]
    decided_at: Annotated[datetime, office("Decided at", "决定时间")]
    decided_by: Annotated[str, office("Recorded by", "登记人")]
    decided_reason: Annotated[Code | None, office("Reason", "事由")]
    reopened_at: Annotated[datetime | None, office("Reopened at", "重新开启时间")] = None
    position: Annotated[int, office("Position", "位置")]


def _decision(row: DecisionRow | None, recorded: Recorded, _key: Key) -> DecisionRow | None:
    envelope = recorded.envelope
    match recorded.event:
        case CommitteeDecided() as event:
            return DecisionRow(
                **event.as_dict(), decided_at=envelope.effective_at, decided_by=envelope.actor_id,
                decided_reason=envelope.reason_code, position=recorded.position,
            )  # fmt: skip
        case DecisionReopened() if row is not None:
            return replace(row, reopened_at=envelope.effective_at)
    return row


DECISION = View(
    name="decision",
    version=1,
    en="Decisions of the committee",
    zh="委员会决定",
    row=DecisionRow,
    key=("decision_id",),
    reads=(CommitteeDecided, DecisionReopened),
    touches=keyed("decision_id"),
    fold=_decision,
    filters=("programme_id", "track_id"),
)


# --- one application --------------------------------------------------------------------------------------------------


class SelectionRow(msgspec.Struct, frozen=True, kw_only=True):
    """What was recommended, decided and confirmed of one application; reserves stand in their order.
    zh: 某申报的推荐、决定与确认情况;候补依次序排列。
    """

    application_id: Annotated[ApplicationId, office("Application", "申报")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    track_id: Annotated[TrackId, office("Track", "赛道")]
    unit_id: Annotated[UnitId, office("Unit", "单位")]
    panel_id: Annotated[PanelId | None, office("Panel", "评审组")] = None
    ranking_position: Annotated[int | None, office("Ranking (position)", "排名位置")] = None
    recommended: Annotated[Outcome | None, office("Recommended as", "推荐结论")] = None
    recommended_order: Annotated[int | None, office("Order recommended", "推荐次序")] = None
    departs_from_ranking: Annotated[bool, office("Departs from the ranking", "偏离排名")] = False
    recommended_reason: Annotated[Code | None, office("Reason of the recommendation", "推荐事由")] = None
    joined_to: Annotated[ApplicationId | None, office("Joined to", "并入的牵头申报")] = None
    decision_id: Annotated[DecisionId | None, office("Decision", "决定")] = None
    state: Annotated[CaseState, office("State", "状态")] = "unknown"
    order: Annotated[int | None, office("Order", "次序")] = None
    promoted_for: Annotated[ApplicationId | None, office("Promoted in the place of", "所递补申报")] = None
    ground: Annotated[Code | None, office("Struck for", "除名理由")] = None
    publicity_id: Annotated[PublicityId | None, office("Publicity", "公示")] = None
    first_day: Annotated[date | None, office("First day", "起始日")] = None
    last_day: Annotated[date | None, office("Last day", "截止日")] = None
    hung: Annotated[tuple[int, ...], office("What hung on it when reversed (positions)", "撤销时所关联事项(位置)")] = ()
    changed_at: Annotated[datetime, office("Changed at", "变更时间")]


def _selection_touches(recorded: Recorded) -> list[Key | Where]:
    match recorded.event:
        case DecisionReopened(decision_id=decision_id):
            return [Where("decision_id", decision_id)]
    return [(recorded.event.as_dict()["application_id"],)]


def _whose(recorded: Recorded) -> SelectionRow:
    body = recorded.event.as_dict()
    named = {name: body[name] for name in ("application_id", "programme_id", "track_id", "unit_id")}
    return SelectionRow(**named, changed_at=recorded.envelope.effective_at)


def _decided(row: SelectionRow, recorded: Recorded) -> SelectionRow:
    match recorded.event:
        case ApplicationRecommended() as event:
            return replace(
                row, panel_id=event.panel_id, ranking_position=event.ranking_position, recommended=event.outcome,
                recommended_order=event.order, departs_from_ranking=event.departs_from_ranking,
                recommended_reason=recorded.envelope.reason_code,
            )  # fmt: skip
        case ApplicationJoined(lead_application_id=lead):
            return replace(row, joined_to=ApplicationId(lead))
        case ApplicationSeparated():
            return replace(row, joined_to=None)
        case ApplicationDecided(decision_id=decision_id, outcome=outcome, order=order):
            return replace(
                row, decision_id=decision_id, state=outcome, order=order, promoted_for=None, ground=None,
                publicity_id=None, first_day=None, last_day=None, hung=(),
            )  # fmt: skip
        case DecisionReopened():
            return replace(row, decision_id=None, state="unknown", order=None, promoted_for=None, ground=None)
    return _settled(row, recorded)


def _settled(row: SelectionRow, recorded: Recorded) -> SelectionRow:
    match recorded.event:
        case ReservePromoted(freed_by=freed_by):
            return replace(row, state="selected", promoted_for=freed_by)
        case SelectionStruck(ground=ground):
            return replace(row, state="struck", ground=ground)
        case SelectionConfirmed(publicity_id=publicity_id, first_day=first_day, last_day=last_day):
            return replace(row, state="confirmed", publicity_id=publicity_id, first_day=first_day, last_day=last_day)
        case SelectionReversed(hanging_positions=hung):
            return replace(row, state="reversed", hung=hung)
    return row


def _selection(row: SelectionRow | None, recorded: Recorded, _key: Key) -> SelectionRow | None:
    if row is None and isinstance(recorded.event, DecisionReopened):
        return None
    before = row or _whose(recorded)
    after = _decided(before, recorded)
    return row if after == row else replace(after, changed_at=recorded.envelope.effective_at)


SELECTION = View(
    name="selection",
    version=2,
    en="Selection",
    zh="遴选",
    row=SelectionRow,
    key=("application_id",),
    reads=(
        ApplicationRecommended,
        *JOINING_FACTS,
        ApplicationDecided,
        DecisionReopened,
        ReservePromoted,
        SelectionStruck,
        SelectionConfirmed,
        SelectionReversed,
    ),
    touches=_selection_touches,
    fold=_selection,
    indexes=("decision_id",),
    filters=("programme_id", "track_id", "unit_id", "state", "decision_id", "joined_to"),
    sorts=("order",),
)


# --- what is confirmed ------------------------------------------------------------------------------------------------


class SelectedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A confirmed selection: public, since its publicity has passed.
    zh: 已确认的入选:公示已通过,对外公开。
    """

    application_id: Annotated[ApplicationId, public("Application", "申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    decision_id: Annotated[DecisionId, public("Decision", "决定")]
    publicity_id: Annotated[PublicityId, public("Publicity", "公示")]
    first_day: Annotated[date, public("First day", "起始日")]
    last_day: Annotated[date | None, public("Last day (none: not stated)", "截止日(空为未载明)")]
    reversed_at: Annotated[datetime | None, public("Reversed at", "撤销时间")] = None
    position: Annotated[int, public("Position", "位置")]


def _selected(row: SelectedRow | None, recorded: Recorded, _key: Key) -> SelectedRow | None:
    match recorded.event:
        case SelectionConfirmed() as event:
            return SelectedRow(**event.as_dict(), position=recorded.position)
        case SelectionReversed() if row is not None:
            return replace(row, reversed_at=recorded.envelope.effective_at)
    return row


SELECTED = View(
    name="selected",
    version=1,
    en="Confirmed selections",
    zh="入选名单",
    row=SelectedRow,
    key=("application_id",),
    reads=(SelectionConfirmed, SelectionReversed),
    touches=keyed("application_id"),
    fold=_selected,
    filters=("programme_id", "track_id", "unit_id"),
    effective=True,
)


# --- joint projects ---------------------------------------------------------------------------------------------------


class PartnerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A partner of a joint project: the application that was joined to the one that leads it, and its unit.
    zh: 联合项目的参与单位:并入牵头申报的申报及其单位。
    """

    joined_application_id: Annotated[ApplicationId, public("Joined application", "并入的申报")]
    application_id: Annotated[ApplicationId, public("Lead application", "牵头申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    joined_unit_id: Annotated[UnitId, public("Unit when joined", "并入时单位")]
    joined_at: Annotated[datetime, office("Joined at", "并入时间")]
    reason: Annotated[Code | None, office("Reason", "事由")] = None
    known: Annotated[bool, public("Shown to everybody", "已公开")] = False


def _partner_touches(recorded: Recorded) -> list[Key | Where]:
    match recorded.event:
        case ApplicationJoined() | ApplicationSeparated() as event:
            return [(event.application_id,)]
        case UnitMerged(unit_id=unit_id):
            return [Where("unit_id", unit_id)]
        case PublicityOpened(entries=entries):
            return [Where("application_id", entry.application_id) for entry in entries]
    return [Where("application_id", recorded.event.as_dict()["application_id"])]


def _partner(row: PartnerRow | None, recorded: Recorded, _key: Key) -> PartnerRow | None:
    match recorded.event:
        case ApplicationJoined() as event:
            return PartnerRow(
                joined_application_id=event.application_id, application_id=ApplicationId(event.lead_application_id),
                programme_id=event.programme_id, track_id=event.track_id, unit_id=event.unit_id,
                joined_unit_id=event.unit_id, joined_at=recorded.envelope.effective_at,
                reason=recorded.envelope.reason_code,
            )  # fmt: skip
        case ApplicationSeparated():
            return None
        case UnitMerged(successor_unit_id=successor) if row is not None:
            return replace(row, unit_id=UnitId(successor))
    return row if row is None or row.known else replace(row, known=True)


PARTNER = View(
    name="partner",
    version=1,
    en="Partners of joint projects",
    zh="联合项目参与单位",
    row=PartnerRow,
    key=("joined_application_id",),
    reads=(ApplicationJoined, ApplicationSeparated, PublicityOpened, SelectionConfirmed, UnitMerged),
    touches=_partner_touches,
    fold=_partner,
    indexes=("application_id", "unit_id"),
    filters=("programme_id", "track_id", "application_id", "unit_id"),
    # Who is joined to whom is the office's until a list with the project hangs on the board.
    is_open=lambda row: row.known,
)


class PartnerUnit(msgspec.Struct, frozen=True):
    """A partner unit, by its official names."""

    unit_id: str
    unit_zh: str
    unit_en: str


def named_units(unit_zh: str, unit_en: str, partners: Iterable[PartnerUnit]) -> list[tuple[str, str]]:
    """Every unit of a project, in Chinese and English; the one that leads it comes first."""
    return [(unit_zh, unit_en), *((each.unit_zh, each.unit_en) for each in partners)]
