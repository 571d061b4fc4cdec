"""A ranked track in the hands of its committee: four branches for three places, their ranking, decisions, publicity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec

from domain.ids import (
    ApplicationId,
    DecisionId,
    DocumentId,
    ObjectionId,
    PanelId,
    PublicityId,
    UnitId,
)
from domain.kernel import Event
from domain.publicity.events import (
    EntryPassed,
    ObjectionReceived,
    PublicityClosed,
    PublicityOpened,
    ShownEntry,
)
from domain.publicity.policy import digest_of
from domain.review.events import ApplicationRanked, RankingRecorded
from domain.selection.events import (
    ApplicationDecided,
    ApplicationRecommended,
    CommitteeDecided,
    DecisionReopened,
    Outcome,
    ReservePromoted,
    SelectionConfirmed,
    SelectionReversed,
    SelectionRuleDefined,
    SelectionStruck,
)
from domain.selection.policy import Choice, Vote
from tests.call import BRANCH_TRACK, CALL, PAPER, deposited, the_call
from tests.spec import Past, at

FIRST, SECOND, THIRD, FOURTH = (ApplicationId(f"A-{n}") for n in (1, 2, 3, 4))
APPLICATIONS = (FIRST, SECOND, THIRD, FOURTH)
PANEL, DECISION = PanelId("PANEL-1"), DecisionId("D-1")
PUBLICITY, OBJECTION = PublicityId("PUB-1"), ObjectionId("OBJ-1")
RESOLUTION = DocumentId("e" * 64)
VOTE = Vote(entitled=9, attending=8, in_favour=7, against=1, abstaining=0)
OPENS, CLOSES, LAST_DAY = at("2020-06-22 09:00"), at("2020-06-30 00:00"), date(2020, 6, 29)
AS_RANKED: tuple[Outcome, ...] = ("selected", "selected", "selected", "reserve")


def branch(application_id: ApplicationId) -> UnitId:
    return UnitId(f"BR-{application_id[2:]}")


def ranked(application_id: ApplicationId, rank: int | None) -> ApplicationRanked:
    return ApplicationRanked(
        panel_id=PANEL, application_id=application_id, programme_id=CALL, track_id=BRANCH_TRACK,
        unit_id=branch(application_id), rank=rank, score_numerator=90, score_denominator=1, sheets=5, advances=True,
    )  # fmt: skip


def ranking(ranks: Sequence[int | None] = (1, 2, 3, 4)) -> list[Event]:
    recorded = RankingRecorded(
        panel_id=PANEL, programme_id=CALL, stage="expert_review", track_id=BRANCH_TRACK, stage_position=40,
        applications=len(ranks), sheets=5 * len(ranks), digest="9" * 64,
    )  # fmt: skip
    return [*(ranked(one, rank) for one, rank in zip(APPLICATIONS, ranks, strict=True)), recorded]


def rule(**changes: Any) -> SelectionRuleDefined:
    defined = SelectionRuleDefined(
        programme_id=CALL, quorum_bp=6_667, threshold_bp=5_000, threshold_of="entitled", more_than_threshold=True
    )
    return msgspec.structs.replace(defined, **changes)


def choices(*outcomes: Outcome, order: Sequence[ApplicationId] = APPLICATIONS) -> tuple[Choice, ...]:
    return tuple(Choice(one, outcome) for one, outcome in zip(order, outcomes or AS_RANKED, strict=True))


def orders(picked: Sequence[Choice]) -> list[tuple[Choice, int]]:
    alike: dict[Outcome, int] = {}
    found = []
    for wanted in ("selected", "reserve", "not_selected"):
        for choice in picked:
            if choice.outcome == wanted:
                alike[choice.outcome] = alike.get(choice.outcome, 0) + 1
                found.append((choice, alike[choice.outcome]))
    return found


def recommendation(
    picked: Sequence[Choice] = choices(), position: int = 0, departing: Sequence[ApplicationId] = ()
) -> list[Event]:
    return [
        ApplicationRecommended(
            application_id=choice.application_id, programme_id=CALL, track_id=BRANCH_TRACK,
            unit_id=branch(choice.application_id), panel_id=PANEL, ranking_position=position, outcome=choice.outcome,
            order=order, departs_from_ranking=choice.application_id in departing,
        )
        for choice, order in orders(picked)
    ]  # fmt: skip


def decision(
    picked: Sequence[Choice] = choices(), decision_id: DecisionId = DECISION, vote: Vote = VOTE, rule_position: int = 0
) -> list[Event]:
    head = CommitteeDecided(
        decision_id=decision_id, programme_id=CALL, track_id=BRANCH_TRACK, rule_position=rule_position,
        selected=sum(choice.outcome == "selected" for choice in picked), places=3, resolution_document_id=RESOLUTION,
        **msgspec.structs.asdict(vote),
    )  # fmt: skip
    return [
        head,
        *(
            ApplicationDecided(
                decision_id=decision_id, application_id=choice.application_id, programme_id=CALL,
                track_id=BRANCH_TRACK, unit_id=branch(choice.application_id), outcome=choice.outcome, order=order,
            )
            for choice, order in orders(picked)
        ),
    ]  # fmt: skip


def _case(application_id: ApplicationId) -> dict[str, Any]:
    return {
        "application_id": application_id, "programme_id": CALL, "track_id": BRANCH_TRACK,
        "unit_id": branch(application_id), "decision_id": DECISION,
    }  # fmt: skip


def struck(application_id: ApplicationId = FIRST, ground: str = "objection_upheld") -> SelectionStruck:
    return SelectionStruck(**_case(application_id), ground=ground)


def promoted(application_id: ApplicationId = FOURTH, freed_by: ApplicationId = FIRST) -> ReservePromoted:
    return ReservePromoted(**_case(application_id), freed_by=freed_by)


def confirmed(application_id: ApplicationId = FIRST, last_day: date | None = None) -> SelectionConfirmed:
    return SelectionConfirmed(
        **_case(application_id), publicity_id=PUBLICITY, first_day=date(2020, 6, 30), last_day=last_day
    )


def turned_back(application_id: ApplicationId = FIRST, position: int = 0) -> SelectionReversed:
    return SelectionReversed(**_case(application_id), hanging_positions=(position,), resolution_document_id=RESOLUTION)


def reopened(decision_id: DecisionId = DECISION) -> DecisionReopened:
    return DecisionReopened(decision_id=decision_id, programme_id=CALL, track_id=BRANCH_TRACK)


def entries(*shown: ApplicationId) -> tuple[ShownEntry, ...]:
    return tuple(
        ShownEntry(application_id=one, track_id=BRANCH_TRACK, unit_id=branch(one), order=n)
        for n, one in enumerate(shown or APPLICATIONS[:3], start=1)
    )


def shown(*applications: ApplicationId, publicity_id: PublicityId = PUBLICITY, **changes: Any) -> PublicityOpened:
    listed = entries(*applications)
    opened = PublicityOpened(
        publicity_id=publicity_id, programme_id=CALL, matter="selection", list_position=50,
        list_digest=digest_of(listed), entries=listed, opens_at=OPENS, closes_at=CLOSES, last_day=LAST_DAY,
        window_days=5, day_rule="working", count_first_day=True, calendar_position=1,
        identities=("named", "confidential", "anonymous"), channels=("written", "oral"),
    )  # fmt: skip
    return msgspec.structs.replace(opened, **changes)


def closed(publicity_id: PublicityId = PUBLICITY) -> PublicityClosed:
    return PublicityClosed(publicity_id=publicity_id, programme_id=CALL, closes_at=CLOSES, last_day=LAST_DAY)


def passed(application_id: ApplicationId = FIRST) -> EntryPassed:
    return EntryPassed(
        publicity_id=PUBLICITY, programme_id=CALL, matter="selection", application_id=application_id,
        track_id=BRANCH_TRACK, unit_id=branch(application_id),
    )  # fmt: skip


def objection(application_id: ApplicationId = FIRST, objection_id: ObjectionId = OBJECTION) -> ObjectionReceived:
    return ObjectionReceived(
        objection_id=objection_id, publicity_id=PUBLICITY, programme_id=CALL, application_id=application_id,
        identity="named", channel="written", commitment="8" * 64, statement_document_id=PAPER,
    )  # fmt: skip


def resolution() -> Event:
    return deposited(RESOLUTION)


def the_ranking(ranks: Sequence[int | None] = (1, 2, 3, 4)) -> Past:
    return the_call().and_(resolution(), *ranking(ranks))


def the_recommendation(picked: Sequence[Choice] = choices()) -> Past:
    return the_ranking().and_(*recommendation(picked), rule())


def the_decision(picked: Sequence[Choice] = choices()) -> Past:
    past = the_recommendation(picked)
    return past.and_(*decision(picked, rule_position=len(past.log)))
