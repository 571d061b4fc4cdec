"""When scoring closed, every sheet that stands is opened: what the automation asks for, and with what.

=== For ``workers/automations.py`` ===================================================================================
``when_scoring_closed_open_score_sheets`` is one row of the list: WHEN ``ScoringClosed`` is recorded, THEN for each
sheet that stands ask for ``OpenScoreSheet``, under the service identity ``automation``.

| field          | comes from                                                                              |
|----------------|-----------------------------------------------------------------------------------------|
| panel_id       | the event                                                                               |
| seat_id        | the newest ``ScoreSheetFiled`` or ``ScoreSheetAmended`` of that seat on that application |
| application_id | the same                                                                                |
| filed_position | the position of the same                                                                |
| salt, marks    | the vault: ``reveal(log_id, "seat:<panel>/<seat>", commitment)``                         |

The subject is the panel. What one firing is known by is ``key``: the position of the filing that is opened, so that a
doubled or repeated worker opens each sheet once; the cause is the position of ``ScoringClosed``. After it nothing is
filed any more, so the list is the same whenever it is made. A sheet whose seat's key was destroyed cannot be opened and
is left out: the ranking then refuses and says how many are still sealed.
======================================================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from domain.ids import PanelId, tag
from domain.kernel import Command, Recorded
from domain.review.events import Mark, ScoreSheetAmended, ScoreSheetFiled, ScoringClosed
from domain.review.policy import SheetKey
from domain.review.sheet import OpenScoreSheet
from infra.assembly import Assembly
from infra.codes import seat_of
from infra.record import Item
from infra.vault import KeyDestroyed

__all__ = ["RULE", "WHEN", "Opening", "when_scoring_closed_open_score_sheets"]

RULE: Final = "when_scoring_closed_open_score_sheets"
WHEN: Final = ScoringClosed
_FILED: Final = (ScoreSheetFiled.TOPIC, ScoreSheetAmended.TOPIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One command that follows: what is asked for, about what, and by which key one firing is known."""

    command: type[Command]
    subject: str
    values: dict[str, Any]
    key: str


async def when_scoring_closed_open_score_sheets(parts: Assembly, log_id: int, closed: Recorded) -> list[Opening]:
    """What follows from the closing of a panel's scoring, in the order in which the sheets were filed."""
    event = closed.event
    if not isinstance(event, ScoringClosed):
        return []
    panel = tag(PanelId, event.panel_id)
    store = await parts.stores(log_id)
    standing: dict[SheetKey, tuple[int, str]] = {}
    for filed in (await store.read([Item(_FILED, (panel,))])).events:
        sheet = filed.event
        if isinstance(sheet, ScoreSheetFiled | ScoreSheetAmended):
            standing[sheet.seat_id, sheet.application_id] = filed.position, sheet.commitment
    found: list[Opening] = []
    for (seat_id, application_id), (position, commitment) in sorted(standing.items(), key=lambda each: each[1]):
        try:
            opened = await parts.vault.reveal(log_id, seat_of(event.panel_id, seat_id), commitment)
        except KeyDestroyed:
            continue
        marks = msgspec.json.decode(opened.plaintext, type=dict[str, int])
        values = {
            "panel_id": event.panel_id,
            "seat_id": seat_id,
            "application_id": application_id,
            "filed_position": position,
            "salt": opened.salt.hex(),
            "marks": tuple(Mark(criterion, tenths) for criterion, tenths in sorted(marks.items())),
        }
        found.append(Opening(command=OpenScoreSheet, subject=panel, values=values, key=str(position)))
    return found
