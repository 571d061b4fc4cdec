"""Every route there is: the tables of the capabilities, in the order of a case's life, and what belongs to none."""

from __future__ import annotations

from typing import Final

from api import (
    accountability,
    application,
    assessment,
    audit,
    calendar,
    checkpoint,
    cultivation,
    designation,
    document,
    eligibility,
    evaluation,
    funding,
    institution,
    nomination,
    obligation,
    outbox,
    permission,
    person,
    privacy,
    programme,
    publicity,
    record,
    review,
    screening,
    selection,
    surroundings,
    trail,
    unit,
)
from api.routes import Page
from domain.audit.signing_key import AnnounceSigningKey, EndSigningKey
from domain.kernel import Command
from domain.permission.commands import COMMANDS as AT_THE_DOOR
from domain.review.sheet import OpenScoreSheet

__all__ = ["PAGES", "WITHOUT_A_ROUTE"]

WITHOUT_A_ROUTE: Final[tuple[type[Command], ...]] = (
    *AT_THE_DOOR,
    *funding.BY_SCHEDULE,
    *designation.BY_SCHEDULE,
    *accountability.BY_SCHEDULE,
    *obligation.BY_SCHEDULE,
    *audit.BY_SCHEDULE,
    OpenScoreSheet,
    AnnounceSigningKey,
    EndSigningKey,
)
"""What only schedule, automations and the rotation of keys ask for; its refusals have their pages all the same."""

PAGES: Final[tuple[Page, ...]] = (
    institution.PAGE,
    person.PAGE,
    permission.PAGE,
    calendar.PAGE,
    document.PAGE,
    unit.PAGE,
    programme.PAGE,
    nomination.PAGE,
    application.PAGE,
    eligibility.PAGE,
    screening.PAGE,
    review.PAGE,
    selection.PAGE,
    publicity.PAGE,
    cultivation.PAGE,
    assessment.PAGE,
    funding.PAGE,
    designation.PAGE,
    accountability.PAGE,
    evaluation.PAGE,
    obligation.PAGE,
    audit.PAGE,
    privacy.PAGE,
    record.PAGE,
    trail.PAGE,
    checkpoint.PAGE,
    outbox.PAGE,
    surroundings.PAGE,
)
