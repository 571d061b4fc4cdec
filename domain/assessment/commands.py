"""What may be asked of assessment: its definition, the outcome of a case, rectification, more time, and the end."""

from __future__ import annotations

from domain.assessment.decision import (
    AcceptRectification,
    CloseCase,
    CompleteCase,
    DecideAssessment,
    ExtendCase,
    OrderRectification,
    RejectRectification,
    ReportRectification,
)
from domain.assessment.definition import DefineAssessment
from domain.kernel import Command

__all__ = [
    "COMMANDS",
    "AcceptRectification",
    "CloseCase",
    "CompleteCase",
    "DecideAssessment",
    "DefineAssessment",
    "ExtendCase",
    "OrderRectification",
    "RejectRectification",
    "ReportRectification",
]

COMMANDS: tuple[type[Command], ...] = (
    DefineAssessment,
    DecideAssessment,
    OrderRectification,
    ReportRectification,
    AcceptRectification,
    RejectRectification,
    ExtendCase,
    CompleteCase,
    CloseCase,
)
