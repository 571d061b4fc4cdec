"""The partners of joint projects, by the official names of their units: read wherever a project is named in public."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.acts import Wiring
from api.reads import Times, all_rows
from projections.organisation import ORGANISATION
from projections.selection import PARTNER, PartnerUnit

Partners = Mapping[str, tuple[PartnerUnit, ...]]
"""By the application that leads the project."""


async def partners_of(wiring: Wiring, log_id: int, **filters: Any) -> Partners:  # noqa: ANN401 - Fields of the view.
    """The units that were joined to each application that leads a project, each unit once."""
    rows, _ = await all_rows(wiring, log_id, PARTNER.name, filters, Times(0, None, None))
    found: dict[str, dict[str, PartnerUnit]] = {}
    for row in rows:
        unit = (await wiring.views.get(log_id, ORGANISATION, (row.unit_id,))).row
        names = (unit.name_zh, unit.name_en) if unit else (row.unit_id, row.unit_id)
        found.setdefault(row.application_id, {})[row.unit_id] = PartnerUnit(row.unit_id, *names)
    return {lead: tuple(units.values()) for lead, units in found.items()}


def beside(partners: Partners, application_id: str, lead_unit_id: str) -> tuple[PartnerUnit, ...]:
    """The partners of one project beside the unit that leads it, which one of them may have become."""
    return tuple(each for each in partners.get(application_id, ()) if each.unit_id != lead_unit_id)
