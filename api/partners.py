"""The partners of a joint project, by the official names of their units: read wherever the project is named."""

from __future__ import annotations

from api.acts import Wiring
from api.reads import Times, all_rows
from projections.organisation import ORGANISATION
from projections.selection import PARTNER, PartnerUnit


async def partners_of(wiring: Wiring, log_id: int, application_id: str, lead_unit_id: str) -> tuple[PartnerUnit, ...]:
    """The units that were joined to the application that leads a project, each once and beside the one that leads it.

    There are none where it stands alone, or where all of them have become the unit that leads it.
    """
    rows, _ = await all_rows(wiring, log_id, PARTNER.name, {"application_id": application_id}, Times(0, None, None))
    found = []
    for unit_id in dict.fromkeys(row.unit_id for row in rows if row.unit_id != lead_unit_id):
        unit = (await wiring.views.get(log_id, ORGANISATION, (unit_id,))).row
        found.append(PartnerUnit(unit_id, unit.name_zh if unit else unit_id, unit.name_en if unit else unit_id))
    return tuple(found)
