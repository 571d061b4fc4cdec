"""Who reads what: the audiences that an office opens, as data. What names no audience is the office's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from domain.kernel import Audience
from domain.person.events import Role
from domain.person.policy import Appointment

__all__ = ["AT_UNIT", "ENGAGED", "ENGAGED_SEALED", "EVERYBODY", "INSTITUTION_WIDE", "audiences", "audiences_engaged"]

EVERYBODY: Final[frozenset[Audience]] = frozenset({"public"})
_OFFICE: Final[frozenset[Audience]] = frozenset({"public", "subject", "office"})

INSTITUTION_WIDE: Final[Mapping[Role, frozenset[Audience]]] = {
    "administrator": _OFFICE,
    "clerk": _OFFICE,
    "head": _OFFICE,
    "finance": _OFFICE,
    "supervisor": _OFFICE,
    "auditor": _OFFICE,
    "service": _OFFICE,
}
"""What a role opens that is held at the whole institution; a role that is not named opens nothing more."""
AT_UNIT: Final[frozenset[Role]] = frozenset({"nominator", "applicant", "secretary", "finance", "supervisor"})
"""Roles that, held at a unit, read what concerns that unit as its own."""

ENGAGED: Final[frozenset[Audience]] = _OFFICE
"""What an audit engagement opens of what it covers."""
ENGAGED_SEALED: Final[frozenset[Audience]] = ENGAGED | {"panel", "restricted"}
"""What it opens with sealed material: also what is the panel's alone, and what the office does not read."""


def audiences_engaged(*, covered: bool, sealed: bool) -> frozenset[Audience]:
    """Which fields of something an auditor reads whose engagement runs."""
    if not covered:
        return EVERYBODY
    return ENGAGED_SEALED if sealed else ENGAGED


def audiences(held: Iterable[Appointment], units: Iterable[str]) -> frozenset[Audience]:
    """Which fields of a row about these units somebody reads who holds these offices today."""
    concerned = frozenset(units)
    opened: set[Audience] = set(EVERYBODY)
    for appointment in held:
        if appointment.unit_id is None:
            opened |= INSTITUTION_WIDE.get(appointment.role, EVERYBODY)
        elif appointment.role in AT_UNIT and appointment.unit_id in concerned:
            opened.add("subject")
    return frozenset(opened)
