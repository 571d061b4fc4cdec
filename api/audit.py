"""Audit over HTTP: legal holds."""

from __future__ import annotations

from api.routes import Act, Page, Row, Rows
from domain.audit.hold import LiftLegalHold, PlaceLegalHold
from projections.audit import LEGAL_HOLD

PAGE = Page(
    "audit",
    "Audit",
    "审计",
    (
        Act(path="/v1/legal-holds", command=PlaceLegalHold, makes="hold_id"),
        Act(path="/v1/legal-holds/{hold_id}/lift", command=LiftLegalHold),
        Rows(path="/v1/legal-holds", view=LEGAL_HOLD),
        Row(path="/v1/legal-holds/{hold_id}", view=LEGAL_HOLD, version_of="legal-hold"),
    ),
)
