"""Nomination over HTTP: places of nominating units, their plans, and what they decide about those they put forward."""

from __future__ import annotations

from api.routes import Act, Page, Rows
from domain.nomination.commands import AssignQuota, DecideNomination, DeclineNomination, RecordPlan, VetMaterials
from domain.nomination.succession import PassQuota
from projections.nomination import CUTS, PLAN, QUOTA

PAGE = Page(
    "nomination",
    "Nomination",
    "推荐",
    (
        Act(path="/v1/programmes/{programme_id}/tracks/{track_id}/quotas", command=AssignQuota, subject="programme_id"),
        Act(
            path="/v1/programmes/{programme_id}/tracks/{track_id}/quotas/{nominator_unit_id}/pass",
            command=PassQuota,
            subject="programme_id",
        ),
        Act(path="/v1/programmes/{programme_id}/plans/{nominator_unit_id}", command=RecordPlan, subject="programme_id"),
        Act(path="/v1/applications/{application_id}/decide", command=DecideNomination),
        Act(path="/v1/applications/{application_id}/decline", command=DeclineNomination),
        Act(path="/v1/applications/{application_id}/vet", command=VetMaterials),
        Rows(path="/v1/programmes/{programme_id}/quotas", view=QUOTA, beside=CUTS),
        Rows(path="/v1/programmes/{programme_id}/plans", view=PLAN),
    ),
)
