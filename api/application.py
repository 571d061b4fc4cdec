"""Applications over HTTP: the window they are filed in, the drafts a unit prepares, the filing, the roster."""

from __future__ import annotations

from api.routes import Act, Page, Row, Rows
from domain.application.commands import (
    FileApplication,
    RecordPaperReceipt,
    StartApplication,
    WithdrawApplication,
)
from domain.application.materials import PrepareApplication, SaveBudget, SaveForm, SaveSelfCheck
from domain.application.window import CloseApplicationWindow, ExtendApplicationWindow, OpenApplicationWindow
from projections.application import APPLICATION
from projections.roster import ROSTER
from projections.window import WINDOW

PAGE = Page(
    "application",
    "Applications",
    "申报",
    (
        Act(path="/v1/programmes/{programme_id}/window/open", command=OpenApplicationWindow),
        Act(path="/v1/programmes/{programme_id}/window/extend", command=ExtendApplicationWindow),
        Act(path="/v1/programmes/{programme_id}/window/close", command=CloseApplicationWindow),
        Act(path="/v1/applications", command=StartApplication, makes="application_id"),
        Act(path="/v1/applications/{application_id}/form", command=SaveForm, edits_draft=True),
        Act(path="/v1/applications/{application_id}/self-check", command=SaveSelfCheck, edits_draft=True),
        Act(path="/v1/applications/{application_id}/budget", command=SaveBudget, edits_draft=True),
        Act(path="/v1/applications/{application_id}/prepare", command=PrepareApplication),
        Act(path="/v1/applications/{application_id}/file", command=FileApplication),
        Act(path="/v1/applications/{application_id}/paper", command=RecordPaperReceipt),
        Act(path="/v1/applications/{application_id}/withdraw", command=WithdrawApplication),
        Rows(path="/v1/applications", view=APPLICATION),
        Row(path="/v1/applications/{application_id}", view=APPLICATION, version_of="application"),
        Rows(path="/v1/roster", view=ROSTER),
        Row(path="/v1/roster/{application_id}", view=ROSTER, version_of="application"),
        Rows(path="/v1/windows", view=WINDOW),
        Row(path="/v1/programmes/{programme_id}/window", view=WINDOW, version_of="programme"),
    ),
)
