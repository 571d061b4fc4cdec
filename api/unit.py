"""The organisation tree over HTTP, and what is on record about its units."""

from __future__ import annotations

from api.routes import Act, Page, Row, Rows
from domain.unit.commands import (
    DissolveUnit,
    MergeUnit,
    MoveUnit,
    RecordEarlierOutcome,
    RecordEarlierTitle,
    RecordFoundation,
    RecordHonour,
    RecordIncident,
    RecordTraits,
    RegisterUnit,
    RenameUnit,
    SplitUnit,
    WithdrawIncident,
)
from projections.organisation import ORGANISATION, UNIT_FACT

PAGE = Page(
    "unit",
    "Organisation tree",
    "组织树",
    (
        Act(path="/v1/units", command=RegisterUnit, makes="unit_id"),
        Act(path="/v1/units/{unit_id}/foundation", command=RecordFoundation),
        Act(path="/v1/units/{unit_id}/move", command=MoveUnit),
        Act(path="/v1/units/{unit_id}/rename", command=RenameUnit),
        Act(path="/v1/units/{unit_id}/traits", command=RecordTraits),
        Act(path="/v1/units/{unit_id}/merge", command=MergeUnit),
        Act(path="/v1/units/{unit_id}/split", command=SplitUnit),
        Act(path="/v1/units/{unit_id}/dissolve", command=DissolveUnit),
        Act(path="/v1/units/{unit_id}/incidents", command=RecordIncident, makes="incident_id", subject="unit_id"),
        Act(path="/v1/incidents/{incident_id}/withdraw", command=WithdrawIncident),
        Act(path="/v1/units/{unit_id}/honours", command=RecordHonour),
        Act(path="/v1/units/{unit_id}/earlier-outcomes", command=RecordEarlierOutcome),
        Act(path="/v1/units/{unit_id}/earlier-titles", command=RecordEarlierTitle),
        Rows(path="/v1/units", view=ORGANISATION),
        Row(path="/v1/units/{unit_id}", view=ORGANISATION, version_of="unit"),
        Rows(path="/v1/units/{unit_id}/facts", view=UNIT_FACT),
    ),
)
