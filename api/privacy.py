"""Privacy over HTTP: how long what is kept of persons and objectors must be kept, and its erasure by two."""

from __future__ import annotations

from api.acts import Wiring
from api.routes import Act, Page, Row, Rows
from domain.privacy.commands import ApproveErasure, DeclineErasure, DefineRetention, ProposeErasure
from domain.privacy.events import ObjectorErased, PersonErased
from infra.record import Item
from projections.privacy import ERASURE, RETENTION

__all__ = ["PAGE", "is_erased"]


async def is_erased(wiring: Wiring, log_id: int, subject: str) -> bool:
    """Whether the record says that what was kept of a person or an objector is erased, also where its key still is."""
    store = await wiring.parts.stores(log_id)
    found = await store.read([Item(types=(PersonErased.TOPIC, ObjectorErased.TOPIC), tags=(subject,))])
    return bool(found.events)


PAGE = Page(
    "privacy",
    "Privacy",
    "个人信息保护",
    (
        Act(path="/v1/retentions", command=DefineRetention),
        Rows(path="/v1/retentions", view=RETENTION),
        Act(path="/v1/erasures", command=ProposeErasure, makes="erasure_id"),
        Act(path="/v1/erasures/{erasure_id}/approve", command=ApproveErasure),
        Act(path="/v1/erasures/{erasure_id}/decline", command=DeclineErasure),
        Rows(path="/v1/erasures", view=ERASURE),
        Row(path="/v1/erasures/{erasure_id}", view=ERASURE, version_of="erasure"),
    ),
)
