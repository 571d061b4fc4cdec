"""Selection over HTTP: the rule, the recommendation, the committee's decision, and what becomes of each case."""

from __future__ import annotations

from api.routes import Act, Page, Row, Rows
from domain.selection.commands import (
    ConfirmSelection,
    DecideSelection,
    DefineSelectionRule,
    PromoteReserve,
    RecommendApplications,
    ReopenDecision,
    StrikeSelection,
)
from domain.selection.joining import JoinApplications, SeparateApplications
from domain.selection.reversal import ReverseSelection
from projections.selection import DECISION, PARTNER, SELECTED, SELECTION, SELECTION_RULE

_TRACK = "/v1/programmes/{programme_id}/tracks/{track_id}"

PAGE = Page(
    "selection",
    "Selection",
    "遴选",
    (
        Act(path="/v1/programmes/{programme_id}/selection-rule", command=DefineSelectionRule),
        Act(path=f"{_TRACK}/recommend", command=RecommendApplications, subject="programme_id"),
        Act(path=f"{_TRACK}/join", command=JoinApplications, subject="programme_id"),
        Act(path=f"{_TRACK}/separate", command=SeparateApplications, subject="programme_id"),
        Act(path=f"{_TRACK}/decisions", command=DecideSelection, makes="decision_id", subject="decision_id"),
        Act(path=f"{_TRACK}/decisions/{{decision_id}}/reopen", command=ReopenDecision),
        Act(path="/v1/applications/{application_id}/strike", command=StrikeSelection),
        Act(path="/v1/applications/{application_id}/promote", command=PromoteReserve),
        Act(path="/v1/applications/{application_id}/confirm", command=ConfirmSelection),
        Act(path="/v1/applications/{application_id}/reverse", command=ReverseSelection),
        Row(path="/v1/programmes/{programme_id}/selection-rule", view=SELECTION_RULE, version_of="programme"),
        Rows(path="/v1/decisions", view=DECISION),
        Row(path="/v1/decisions/{decision_id}", view=DECISION, version_of="decision"),
        Rows(path="/v1/selections", view=SELECTION),
        Row(path="/v1/selections/{application_id}", view=SELECTION, version_of="application"),
        Rows(path="/v1/selected", view=SELECTED),
        Rows(path="/v1/partners", view=PARTNER),
    ),
)
