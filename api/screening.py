"""Screening over HTTP: the office passes, rejects or returns what was filed; committees file again what came back."""

from __future__ import annotations

from api.routes import Act, Page, Row, Rows
from domain.screening.commands import (
    ExtendCorrection,
    PassScreening,
    RefileApplication,
    RejectAtScreening,
    RequestCorrection,
)
from projections.screening import SCREENING

PAGE = Page(
    "screening",
    "Screening",
    "初审",
    (
        Act(path="/v1/applications/{application_id}/screening/pass", command=PassScreening),
        Act(path="/v1/applications/{application_id}/screening/reject", command=RejectAtScreening),
        Act(path="/v1/applications/{application_id}/correction/request", command=RequestCorrection),
        Act(path="/v1/applications/{application_id}/correction/extend", command=ExtendCorrection),
        Act(path="/v1/applications/{application_id}/refile", command=RefileApplication),
        Rows(path="/v1/screenings", view=SCREENING),
        Row(path="/v1/applications/{application_id}/screening", view=SCREENING, version_of="application"),
    ),
)
