"""Eligibility over HTTP: judged rule by rule, waived by a second person, its trace to be read."""

from __future__ import annotations

from api.routes import Act, Page, Row, Rows
from domain.eligibility.commands import JudgeEligibility, WaiveRule
from projections.eligibility import ELIGIBILITY

PAGE = Page(
    "eligibility",
    "Eligibility",
    "基本条件",
    (
        Act(path="/v1/applications/{application_id}/judge", command=JudgeEligibility),
        Act(path="/v1/applications/{application_id}/waive", command=WaiveRule),
        Rows(path="/v1/eligibility", view=ELIGIBILITY),
        Row(path="/v1/applications/{application_id}/eligibility", view=ELIGIBILITY, version_of="application"),
    ),
)
