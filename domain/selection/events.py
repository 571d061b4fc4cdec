"""What can have happened between the ranking and the confirmed selection."""

from datetime import date
from typing import Annotated, Literal

from domain.ids import (
    ApplicationId,
    DecisionId,
    DocumentId,
    LeadApplicationId,
    PanelId,
    ProgrammeId,
    PublicityId,
    TrackId,
    UnitId,
)
from domain.kernel import Code, Event, office, public, subject

Outcome = Literal["selected", "reserve", "not_selected"]
VoteBase = Literal["entitled", "attending", "cast"]


class SelectionRuleDefined(Event):
    """The rule by which the committee decides was defined. Defined anew, the later one holds for later decisions.
    zh: 委员会决定规则设定。再次设定者,适用于此后的决定。
    """

    TOPIC = "selection.rule_defined.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    quorum_bp: Annotated[int, public("Quorum, of those entitled", "法定出席比例")]
    threshold_bp: Annotated[int, public("Votes in favour, at least", "赞成票最低比例")]
    threshold_of: Annotated[VoteBase, public("Counted of", "计票基数")]
    more_than_threshold: Annotated[bool, public("More than that share", "须超过该比例")] = False


class ApplicationRecommended(Event):
    """The panel's recommendation on one application; in which order, and whether it departs from the ranking.
    zh: 评审组对某申报的推荐意见;排列次序及是否偏离排名。
    """

    TOPIC = "selection.application_recommended.v1"
    application_id: Annotated[ApplicationId, office("Application", "申报")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    track_id: Annotated[TrackId, office("Track", "赛道")]
    unit_id: Annotated[UnitId, office("Unit", "单位")]
    panel_id: Annotated[PanelId, office("Panel", "评审组")]
    ranking_position: Annotated[int, office("Ranking (position)", "排名位置")]
    outcome: Annotated[Outcome, office("Recommended as", "推荐结论")]
    order: Annotated[int, office("Order", "次序")]
    departs_from_ranking: Annotated[bool, office("Departs from the ranking", "偏离排名")] = False


class ApplicationJoined(Event):
    """An application was joined into the project of another before the track was decided: one project, several units.
    zh: 赛道作出决定之前,将某申报并入另一申报的项目:一个项目,多个单位。
    """

    TOPIC = "selection.application_joined.v1"
    application_id: Annotated[ApplicationId, office("Application", "申报")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    track_id: Annotated[TrackId, office("Track", "赛道")]
    unit_id: Annotated[UnitId, office("Unit", "单位")]
    lead_application_id: Annotated[LeadApplicationId, office("Lead application", "牵头申报")]


class ApplicationSeparated(Event):
    """An application that had been joined was separated again before the track was decided.
    zh: 赛道作出决定之前,将已并入的申报重新分立。
    """

    TOPIC = "selection.application_separated.v1"
    application_id: Annotated[ApplicationId, office("Application", "申报")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    track_id: Annotated[TrackId, office("Track", "赛道")]
    unit_id: Annotated[UnitId, office("Unit", "单位")]
    lead_application_id: Annotated[LeadApplicationId, office("Lead application", "牵头申报")]


class CommitteeDecided(Event):
    """The committee decided on a track: attendance and vote under the rule, with its resolution.
    zh: 委员会就某赛道作出决定:依规则的出席与表决情况及会议决议。
    """

    TOPIC = "selection.committee_decided.v1"
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


class ApplicationDecided(Event):
    """The committee's decision on one application; it binds once its publicity has passed.
    zh: 委员会对某申报的决定;公示通过后方生效。
    """

    TOPIC = "selection.application_decided.v1"
    decision_id: Annotated[DecisionId, office("Decision", "决定")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    track_id: Annotated[TrackId, office("Track", "赛道")]
    unit_id: Annotated[UnitId, office("Unit", "单位")]
    outcome: Annotated[Outcome, office("Outcome", "结论")]
    order: Annotated[int, office("Order", "次序")]


class ReservePromoted(Event):
    """A reserve was promoted to a place that fell free.
    zh: 候补递补至空出的名额。
    """

    TOPIC = "selection.reserve_promoted.v1"
    decision_id: Annotated[DecisionId, office("Decision", "决定")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    track_id: Annotated[TrackId, office("Track", "赛道")]
    unit_id: Annotated[UnitId, office("Unit", "单位")]
    freed_by: Annotated[ApplicationId, office("In the place of", "所递补申报")]


class SelectionStruck(Event):
    """An application was struck from what had been decided, and its place fell free.
    zh: 某申报从已决定名单中除名,名额空出。
    """

    TOPIC = "selection.struck.v1"
    decision_id: Annotated[DecisionId, office("Decision", "决定")]
    application_id: Annotated[ApplicationId, office("Application", "申报")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    track_id: Annotated[TrackId, office("Track", "赛道")]
    unit_id: Annotated[UnitId, office("Unit", "单位")]
    ground: Annotated[Code, office("Ground", "理由")]


class DecisionReopened(Event):
    """A decision was reopened, nothing of it being confirmed: the committee decides anew.
    zh: 决定重新开启(其内容均未确认):由委员会重新决定。
    """

    TOPIC = "selection.decision_reopened.v1"
    decision_id: Annotated[DecisionId, office("Decision", "决定")]
    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    track_id: Annotated[TrackId, office("Track", "赛道")]


class SelectionConfirmed(Event):
    """A selection was confirmed after its publicity had passed; the period of cultivation is stated.
    zh: 公示通过后确认入选,并载明培育创建期。
    """

    TOPIC = "selection.confirmed.v1"
    application_id: Annotated[ApplicationId, public("Application", "申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    decision_id: Annotated[DecisionId, public("Decision", "决定")]
    publicity_id: Annotated[PublicityId, public("Publicity", "公示")]
    first_day: Annotated[date, public("First day", "起始日")]
    last_day: Annotated[date | None, public("Last day (none: not stated)", "截止日(空为未载明)")] = None


class SelectionReversed(Event):
    """A confirmed selection was reversed, by decision of the committee; what hung on it is named.
    zh: 已确认的入选经委员会决定撤销;列明其所关联事项。
    """

    TOPIC = "selection.reversed.v1"
    application_id: Annotated[ApplicationId, public("Application", "申报")]
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    decision_id: Annotated[DecisionId, public("Decision", "决定")]
    hanging_positions: Annotated[tuple[int, ...], subject("What hung on it (positions)", "所关联事项(位置)")]
    resolution_document_id: Annotated[DocumentId, subject("Resolution", "会议决议")]
