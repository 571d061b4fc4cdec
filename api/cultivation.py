"""Cultivation over HTTP: what is required, task books, reports, outreach, and who carries a case on."""

from __future__ import annotations

from api.routes import Act, Page, Row, Rows
from domain.cultivation.commands import (
    AcceptReport,
    BeginCultivation,
    FileReport,
    FileTaskBook,
    RecordOutreach,
    RequireReport,
    RequireTaskBook,
    ReturnReport,
    ReturnTaskBook,
    SignTaskBook,
    StopCultivation,
    SucceedCase,
)
from projections.cultivation import CASE, OUTREACH, REPORT, REQUIREMENT, TASK_BOOK

_CASE = "/v1/cases/{application_id}"
_PROGRAMME = "/v1/programmes/{programme_id}"

PAGE = Page(
    "cultivation",
    "Cultivation",
    "培育创建",
    (
        Act(path=f"{_PROGRAMME}/task-book", command=RequireTaskBook, subject="programme_id"),
        Act(path=f"{_PROGRAMME}/reports/{{report}}", command=RequireReport, subject="programme_id"),
        Act(path=f"{_CASE}/begin", command=BeginCultivation),
        Act(path=f"{_CASE}/task-books", command=FileTaskBook, subject="application_id"),
        Act(path=f"{_CASE}/task-books/{{version}}/return", command=ReturnTaskBook, subject="application_id"),
        Act(path=f"{_CASE}/task-books/{{version}}/sign", command=SignTaskBook, subject="application_id"),
        Act(path=f"{_CASE}/reports/{{report}}/file", command=FileReport, subject="application_id"),
        Act(path=f"{_CASE}/reports/{{report}}/return", command=ReturnReport, subject="application_id"),
        Act(path=f"{_CASE}/reports/{{report}}/accept", command=AcceptReport, subject="application_id"),
        Act(path=f"{_CASE}/outreach", command=RecordOutreach, subject="application_id"),
        Act(path=f"{_CASE}/succeed", command=SucceedCase, subject="application_id"),
        Act(path=f"{_CASE}/stop", command=StopCultivation, subject="application_id"),
        Rows(path=f"{_PROGRAMME}/requirements", view=REQUIREMENT),
        Rows(path="/v1/cases", view=CASE),
        Row(path="/v1/cases/{application_id}", view=CASE, version_of="application"),
        Rows(path="/v1/task-books", view=TASK_BOOK),
        Row(path="/v1/task-books/{application_id}/{version}", view=TASK_BOOK, version_of="application"),
        Rows(path="/v1/reports", view=REPORT),
        Row(path="/v1/reports/{application_id}/{report}", view=REPORT, version_of="application"),
        Rows(path="/v1/outreach", view=OUTREACH),
    ),
)
