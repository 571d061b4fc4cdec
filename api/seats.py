"""What a reviewer may read from a seat: the applications before the panel, but for those the seat is recused from.

Seats, recusals and admissions are asked of the record itself, so that a recusal holds for the very next reading and
waits for no view. An office at the applicant's unit bars from a seat what it opens to the unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from api.acts import Wiring
from api.callers import Reader, Seat
from domain.ids import ApplicationId, PanelId, SeatId, tag
from domain.kernel import Recorded
from domain.review.events import ApplicationAdmitted, ScoreSheetAmended, ScoreSheetFiled, ScoreSheetOpened
from infra.record import Item
from projections.application import APPLICATION, ApplicationRow

__all__ = ["admissions_of", "material_of", "material_read_as", "opinion_read_as", "seat_before"]


async def admissions_of(wiring: Wiring, reader: Reader, *tags: str) -> list[ApplicationAdmitted]:
    """The applications with these tags that were admitted to panels, without those the reader is recused from."""
    store = await wiring.parts.stores(reader.caller.log_id)
    found = (await store.read([Item((ApplicationAdmitted.TOPIC,), tags)])).events
    events = (recorded.event for recorded in found)
    own = {office.unit_id for office in reader.held}
    return [
        event
        for event in events
        if isinstance(event, ApplicationAdmitted)
        and event.application_id not in reader.barred
        and event.unit_id not in own
    ]


async def seat_before(wiring: Wiring, reader: Reader, application_id: str, panel_id: str | None = None) -> Seat | None:
    """The seat from which the reader may read an application now: held, of a panel that it is before, not recused."""
    held = {seat.panel_id: seat for seat in reader.seats if seat.held and panel_id in (None, seat.panel_id)}
    if not held:
        return None
    admitted = await admissions_of(wiring, reader, tag(ApplicationId, application_id))
    return next((held[each.panel_id] for each in admitted if each.panel_id in held), None)


async def material_of(wiring: Wiring, reader: Reader, application_id: str) -> ApplicationRow | None:
    """The materials of an application as they stand."""
    found = await wiring.views.get(reader.caller.log_id, APPLICATION, (application_id,))
    row: ApplicationRow | None = found.row
    return row


async def material_read_as(wiring: Wiring, reader: Reader, document_id: str, applications: Iterable[str]) -> str | None:
    """The code under which a reader may read a document of an application's materials, or None."""
    for application_id in sorted(applications) if reader.seats else ():
        seat = await seat_before(wiring, reader, application_id)
        row = None if seat is None else await material_of(wiring, reader, application_id)
        if seat is not None and row is not None:
            texts = {row.form_document_id, *(check.document_id for check in row.self_checks)}
            if document_id in texts:
                return seat.code
    return None


async def opinion_read_as(wiring: Wiring, reader: Reader, naming: Sequence[Recorded]) -> str | None:
    """Whom a reader reads an opinion as: its author by code, the office once its sheet was opened; else None."""
    for recorded in naming:
        sheet = recorded.event
        if not isinstance(sheet, ScoreSheetFiled | ScoreSheetAmended) or sheet.application_id in reader.barred:
            continue
        own = reader.seat_of(sheet.panel_id)
        if own is not None and own.held and own.seat_id == sheet.seat_id:
            return own.code
        opens = reader.opens_sealed and reader.reads_for_office(tag(ApplicationId, sheet.application_id))
        if opens and await _was_opened(wiring, reader, sheet, recorded.position):
            return reader.caller.person_id
    return None


async def _was_opened(
    wiring: Wiring, reader: Reader, sheet: ScoreSheetFiled | ScoreSheetAmended, filed_position: int
) -> bool:
    """Whether exactly this sheet was opened; one that was amended before closing stays sealed."""
    store = await wiring.parts.stores(reader.caller.log_id)
    tags = tag(ApplicationId, sheet.application_id), tag(SeatId, sheet.seat_id), tag(PanelId, sheet.panel_id)
    found = (await store.read([Item((ScoreSheetOpened.TOPIC,), tags)])).events
    return any(isinstance(r.event, ScoreSheetOpened) and r.event.filed_position == filed_position for r in found)
