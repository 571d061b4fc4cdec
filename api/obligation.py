"""Obligations over HTTP: what is asked of whom by when, reminders, and what was excused."""

from __future__ import annotations

from api.routes import Act, Page, Row, Rows
from domain.kernel import Command
from domain.obligation.commands import ExcuseObligation, MarkObligationOverdue, RemindOfObligation
from projections.obligation import OBLIGATION

BY_SCHEDULE: tuple[type[Command], ...] = (MarkObligationOverdue,)
"""What only the schedule asks for."""

PAGE = Page(
    "obligation",
    "Obligations and deadlines",
    "义务与期限",
    (
        Act(path="/v1/obligations/{obligation_id}/remind", command=RemindOfObligation),
        Act(path="/v1/obligations/{obligation_id}/excuse", command=ExcuseObligation),
        Rows(path="/v1/obligations", view=OBLIGATION),
        Row(path="/v1/obligations/{obligation_id}", view=OBLIGATION, version_of="obligation"),
    ),
)
