"""Evaluation over HTTP: dossiers are issued, and read by the office and by whom they are about."""

from __future__ import annotations

from api.routes import Act, Page, Row, Rows
from domain.evaluation.commands import IssueSecretaryDossier, IssueUnitDossier
from projections.evaluation import SECRETARY_DOSSIER, UNIT_DOSSIER

PAGE = Page(
    "evaluation",
    "Evaluation",
    "述职评议与两优一先",
    (
        Act(
            path="/v1/units/{unit_id}/dossiers",
            command=IssueUnitDossier,
            makes="dossier_id",
            subject="dossier_id",
        ),
        Act(
            path="/v1/people/{person_id}/dossiers",
            command=IssueSecretaryDossier,
            makes="dossier_id",
            subject="dossier_id",
        ),
        Rows(path="/v1/unit-dossiers", view=UNIT_DOSSIER),
        Row(path="/v1/unit-dossiers/{dossier_id}", view=UNIT_DOSSIER, version_of="dossier"),
        Rows(path="/v1/secretary-dossiers", view=SECRETARY_DOSSIER),
        Row(path="/v1/secretary-dossiers/{dossier_id}", view=SECRETARY_DOSSIER, version_of="dossier"),
    ),
)
