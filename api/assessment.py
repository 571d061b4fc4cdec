"""Assessment over HTTP: how it is defined, its outcomes, rectification, more time, and the end of a case."""

from __future__ import annotations

from api.routes import Act, Page, Row, Rows
from domain.assessment.commands import (
    AcceptRectification,
    CloseCase,
    CompleteCase,
    DecideAssessment,
    DefineAssessment,
    ExtendCase,
    OrderRectification,
    RejectRectification,
    ReportRectification,
)
from projections.assessment import ASSESSED, ASSESSMENT

_CASE = "/v1/cases/{application_id}"
_ONE = f"{_CASE}/assessments/{{assessment}}"
_OF_PROGRAMME = "/v1/programmes/{programme_id}/assessments"

PAGE = Page(
    "assessment",
    "Assessment",
    "中期评估与验收",
    (
        Act(path=f"{_OF_PROGRAMME}/{{assessment}}", command=DefineAssessment, subject="programme_id"),
        Act(path=f"{_ONE}/decide", command=DecideAssessment, subject="application_id"),
        Act(path=f"{_ONE}/rectification/order", command=OrderRectification, subject="application_id"),
        Act(path=f"{_ONE}/rectification/report", command=ReportRectification, subject="application_id"),
        Act(path=f"{_ONE}/rectification/accept", command=AcceptRectification, subject="application_id"),
        Act(path=f"{_ONE}/rectification/reject", command=RejectRectification, subject="application_id"),
        Act(path=f"{_ONE}/extend", command=ExtendCase, subject="application_id"),
        Act(path=f"{_CASE}/complete", command=CompleteCase),
        Act(path=f"{_CASE}/close", command=CloseCase),
        Rows(path=_OF_PROGRAMME, view=ASSESSMENT),
        Row(path=f"{_OF_PROGRAMME}/{{assessment}}", view=ASSESSMENT, version_of="programme"),
        Rows(path="/v1/assessments", view=ASSESSED),
        Row(path="/v1/assessments/{application_id}/{assessment}", view=ASSESSED, version_of="application"),
    ),
)
