"""What may be asked of cultivation: requirements, the task book, reports and outreach, and who carries a case on."""

from __future__ import annotations

from domain.cultivation.report import AcceptReport, FileReport, RecordOutreach, ReturnReport
from domain.cultivation.requirement import BeginCultivation, RequireReport, RequireTaskBook
from domain.cultivation.succession import StopCultivation, SucceedCase
from domain.cultivation.task_book import FileTaskBook, ReturnTaskBook, SignTaskBook
from domain.kernel import Command

__all__ = [
    "COMMANDS",
    "AcceptReport",
    "BeginCultivation",
    "FileReport",
    "FileTaskBook",
    "RecordOutreach",
    "RequireReport",
    "RequireTaskBook",
    "ReturnReport",
    "ReturnTaskBook",
    "SignTaskBook",
    "StopCultivation",
    "SucceedCase",
]

COMMANDS: tuple[type[Command], ...] = (
    RequireTaskBook,
    RequireReport,
    BeginCultivation,
    FileTaskBook,
    ReturnTaskBook,
    SignTaskBook,
    FileReport,
    ReturnReport,
    AcceptReport,
    RecordOutreach,
    SucceedCase,
    StopCultivation,
)
