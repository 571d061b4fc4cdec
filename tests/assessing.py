"""A midterm that falls short: held for rectification, and accepted."""

from __future__ import annotations

from datetime import date
from typing import Any

from domain.assessment.events import AssessmentDecided, RectificationAccepted, RectificationOrdered
from domain.kernel import Event
from tests.call import PAPER
from tests.spec import at


def held(case: dict[str, Any]) -> list[Event]:
    decided = AssessmentDecided(
        **case, assessment="midterm", kind="midterm", round=1, outcome="rectify", effects=("rectify", "hold_funds"),
        decision_document_id=PAPER,
    )  # fmt: skip
    ordered = RectificationOrdered(
        **case, assessment="midterm", due_at=at("2021-09-19 00:00"), last_day=date(2021, 9, 18), holds_funds=True,
        order_document_id=PAPER,
    )  # fmt: skip
    return [decided, ordered]


def released_from_hold(case: dict[str, Any]) -> list[Event]:
    return [RectificationAccepted(**case, assessment="midterm", opinion_document_id=PAPER)]
