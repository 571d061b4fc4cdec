"""Reading a view: which rows, as of when, in which form, and which fields of each row the caller may see.

A row whose key the caller may not see is not there. A row is left out, too, where a field that is filtered or sorted by
is not the caller's to see: otherwise the filter would tell it.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import msgspec

from api.acts import Wiring, address_of
from api.answers import Response, Stream
from api.callers import Reader
from api.problems import FormatUnknown, NotFound, ParameterInvalid
from api.requests import Headers, Parameters, etag_matches
from api.routes import AnyRequest, AnyResponse, Row, Rows, path_fields
from domain.ids import TAG_KINDS, ApplicationId
from domain.kernel import Audience, redact, tags_of
from domain.permission.audiences import EVERYBODY
from infra.view_query import BadQuery
from infra.view_query import Page as PageOfRows
from projections.kernel import Table, View, canonical_csv, columns

__all__ = [
    "Times",
    "answer_row",
    "answer_rows",
    "csv_response",
    "finished",
    "redacted",
    "refuse_beyond_head",
    "times",
    "wants_csv",
]

LIMIT: Final = 200
_USUAL: Final = 50
TIMES: Final = ("min_position", "at_position", "as_of", "effective_on")
_APPLICATION: Final = TAG_KINDS[ApplicationId]
_CSV: Final = "text/csv; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Times:
    """As of when a view is read: seen up to at least, as it stood at, and what was true on."""

    min_position: int
    at_position: int | None
    effective_on: date | None


async def times(wiring: Wiring, reader: Reader, parameters: Parameters, *, effective: bool) -> Times:
    """Read the parameters of time; a time that the view cannot answer is refused, never passed over."""
    if not parameters:
        return Times(0, None, None)
    at, as_of = parameters.whole("at_position"), parameters.instant("as_of")
    day = parameters.day("effective_on")
    if at is not None and as_of is not None:
        raise ParameterInvalid(parameter="as_of", rule="not together with at_position")
    if day is not None and not effective:
        raise ParameterInvalid(parameter="effective_on", rule="this view is not read by effective day")
    wanted = parameters.whole("min_position") or 0
    await refuse_beyond_head(wiring, reader, "min_position", wanted)
    await refuse_beyond_head(wiring, reader, "at_position", at or 0)
    if as_of is not None:
        at = await wiring.views.position_as_of(reader.caller.log_id, as_of)
    return Times(max(wanted, at or 0), at, day)


async def refuse_beyond_head(wiring: Wiring, reader: Reader, name: str, position: int) -> None:
    """Refuse a position that nothing has been recorded at yet: no waiting would bring it."""
    if position > reader.position:
        head = await (await wiring.parts.stores(reader.caller.log_id)).head()
        if position > head:
            raise ParameterInvalid(parameter=name, rule=f"not beyond the head, {head}")


# --- which fields ----------------------------------------------------------------------------------------------------


def units_of(view: View[Any], row: msgspec.Struct) -> tuple[str, ...]:
    """The units that a row is about."""
    return tuple(unit for name in view.subject_units if (unit := getattr(row, name)))


def _named_by(row: msgspec.Struct) -> list[str]:
    """The applications that a row names, alone or in a list."""
    return [name for kind, _, name in (each.partition(":") for each in tags_of(row)) if kind == _APPLICATION]


def _audiences(reader: Reader, view: View[Any], row: msgspec.Struct) -> frozenset[Audience]:
    if getattr(row, "person_id", None) == reader.caller.person_id:
        # What is on record about oneself is one's own to read.
        return frozenset({"public", "subject", "office"})
    opened = reader.audiences(units_of(view, row), _named_by(row) if reader.barred else ())
    if view.is_open is not None and opened <= EVERYBODY and not view.is_open(row):
        return frozenset()
    return opened


def redacted(reader: Reader, view: View[Any], row: msgspec.Struct, needed: Sequence[str] = ()) -> dict[str, Any] | None:
    """The fields of a row that the caller may see, or None where the row is not theirs to know of."""
    seen = redact(row, _audiences(reader, view, row))
    return seen if all(name in seen for name in (*view.key, *needed)) else None


def widest(reader: Reader) -> frozenset[Audience]:
    """What the caller reads of the rows that concern the caller's own units."""
    return reader.audiences(held.unit_id for held in reader.held if held.unit_id)


def _asked_of(view: View[Any], needed: tuple[str, ...]) -> frozenset[str]:
    """The audiences that a reader must belong to, to know of a row: those of its key and of the fields needed."""
    return frozenset(column.audience for column in columns(view.row) if column.name in (*view.key, *needed))


# --- one row ---------------------------------------------------------------------------------------------------------


async def answer_row(wiring: Wiring, route: Row, request: AnyRequest) -> AnyResponse:
    """Show one row, with its version as ETag."""
    headers = Headers(request.scope["headers"])
    caller = await wiring.callers.reading(headers, address_of(request))
    parameters = Parameters(request.scope["query_string"], TIMES)
    reader = await wiring.callers.reader(caller, parameters.whole("min_position") or 0)
    view, log_id = route.view, reader.caller.log_id
    key = _key(route, request)
    when = await times(wiring, reader, parameters, effective=view.effective)
    try:
        found = await wiring.views.get(
            log_id,
            view.name,
            key,
            at_position=when.at_position,
            effective_on=when.effective_on,
            min_position=when.min_position,
            version_of=f"{route.version_of}:{key[-1]}",
        )
    except BadQuery as bad:
        raise _nothing_or(bad, view.key) from None
    shown = None if found.row is None else redacted(reader, view, found.row)
    if shown is None:
        raise NotFound
    # The version stands for the body where everybody reads all of it, and it was not changed by another's event.
    is_exact = route.is_public and 0 < found.since <= found.version
    return finished(shown, found.position, headers, f'"{found.version}"', is_exact=is_exact)


def _nothing_or(bad: BadQuery, in_path: Collection[str]) -> Exception:
    """What cannot be a value of a field is, in a path, the id of nothing."""
    return NotFound() if bad.field in in_path else bad


def _key(route: Row, request: AnyRequest) -> tuple[Any, ...]:
    try:
        return msgspec.structs.astuple(msgspec.convert(request.path_params, route.key, strict=False))
    except msgspec.ValidationError:
        raise NotFound from None


def finished(
    value: object, position: int, headers: Headers, etag: str | None = None, *, is_exact: bool = True
) -> AnyResponse:
    """An answer in JSON with its ETag and the position it reflects, or the word that the caller has it already.

    It is sent whole where its ETag is not ``is_exact``: equal ones may then stand for different bodies.
    """
    body = msgspec.json.encode(value)
    etag = etag or f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    fields = {"ETag": etag, "X-Position": str(position), "Vary": "Authorization, Accept"}
    if is_exact and etag_matches(headers, etag):
        return Response(b"", status_code=304, headers=fields)
    return Response(body, headers=fields)


# --- many rows -------------------------------------------------------------------------------------------------------


def wants_csv(headers: Headers, parameters: Parameters) -> bool:
    """Whether the caller wants CSV rather than JSON: by parameter, or by the first of the two that Accept names."""
    asked = parameters.text("format")
    if asked is not None:
        if asked not in {"json", "csv"}:
            raise FormatUnknown(known="json, csv")
        return asked == "csv"
    accepted = [part.split(";")[0].strip().lower() for part in headers.all("Accept").split(",") if part.strip()]
    for kind in accepted:
        if kind in {"application/json", "application/*", "*/*"}:
            return False
        if kind in {"text/csv", "text/*"}:
            return True
    if accepted:
        raise FormatUnknown(known="application/json, text/csv")
    return False


@dataclass(frozen=True)
class _Listing:
    """A list that was asked for, as the engine is asked for it."""

    view: View[Any]
    filters: Mapping[str, Any]
    sort: str
    when: Times

    @property
    def needed(self) -> tuple[str, ...]:
        """The fields that a reader must be allowed to see to be shown a row at all."""
        return (*self.filters, *((self.sort.removeprefix("-"),) if self.sort else ()))


async def answer_rows(wiring: Wiring, route: Rows, request: AnyRequest) -> AnyResponse:
    """List rows: a page of JSON, or the whole list as CSV."""
    headers, view = Headers(request.scope["headers"]), route.view
    caller = await wiring.callers.reading(headers, address_of(request))
    in_path = path_fields(route.path)
    filters = [name for name in view.filters if name not in in_path]
    parameters = Parameters(request.scope["query_string"], (*filters, *TIMES, "sort", "limit", "cursor", "format"))
    reader = await wiring.callers.reader(caller, parameters.whole("min_position") or 0)
    csv = wants_csv(headers, parameters)
    when = await times(wiring, reader, parameters, effective=view.effective)
    listing = _Listing(view, _filters(route, request, parameters, filters), _sort(view, parameters), when)
    limit = parameters.whole("limit", 1, LIMIT)
    try:
        if csv:
            return await _csv(wiring, reader, listing)
        page = await _page(wiring, reader, listing, limit or _USUAL, parameters.text("cursor"))
    except BadQuery as bad:
        raise _nothing_or(bad, in_path) from None
    shown = _shown(reader, listing, page.rows)
    body: dict[str, Any] = {"items": shown, "next": page.next, "position": page.position}
    if reader.institution.simulated:
        body["simulated"] = True
    return finished(body, page.position, headers)


def _filters(route: Rows, request: AnyRequest, parameters: Parameters, names: Iterable[str]) -> dict[str, Any]:
    found = {name: parameters.typed(name, route.types[name]) for name in names if name in parameters}
    for name in path_fields(route.path):
        try:
            found[name] = msgspec.convert(request.path_params[name], route.types[name], strict=False)
        except msgspec.ValidationError:
            raise NotFound from None
    return found


def _sort(view: View[Any], parameters: Parameters) -> str:
    asked = parameters.text("sort")
    if asked is None:
        return ""
    if asked.removeprefix("-") not in view.sorts:
        raise ParameterInvalid(parameter="sort", rule=f"one of {', '.join(view.sorts) or 'none'}, or with - before it")
    return asked


async def _page(wiring: Wiring, reader: Reader, listing: _Listing, limit: int, cursor: str | None) -> PageOfRows:
    when, view, log_id, filters = listing.when, listing.view, reader.caller.log_id, dict(listing.filters)
    asked = _asked_of(view, listing.needed)
    if not asked <= widest(reader):
        # Such rows can be shown to this caller only where they are about the caller.
        if "person_id" not in view.row.__struct_fields__ or filters.get("person_id", reader.caller.person_id) != (
            reader.caller.person_id
        ):
            return PageOfRows((), None, max(reader.position, when.min_position))
        filters["person_id"] = reader.caller.person_id
    return await wiring.views.list(
        log_id,
        view.name,
        filters=filters,
        sort=listing.sort,
        cursor=cursor,
        limit=limit,
        at_position=when.at_position,
        effective_on=when.effective_on,
        min_position=when.min_position,
        visible=None
        if asked <= reader.audiences() and not reader.barred and (view.is_open is None or reader.in_office)
        else lambda row: redacted(reader, view, row, listing.needed) is not None,
    )


def _shown(reader: Reader, listing: _Listing, rows: Iterable[msgspec.Struct]) -> list[dict[str, Any]]:
    seen = (redacted(reader, listing.view, row, listing.needed) for row in rows)
    return [row for row in seen if row is not None]


async def _csv(wiring: Wiring, reader: Reader, listing: _Listing) -> AnyResponse:
    """The whole list as the canonical bytes that are hashed, page by page as it stood at one position."""
    first = await _page(wiring, reader, listing, LIMIT, None)
    pinned = _Listing(
        listing.view,
        listing.filters,
        listing.sort,
        Times(first.position, listing.when.at_position or first.position, listing.when.effective_on),
    )
    opened = widest(reader)
    shown = [column for column in columns(listing.view.row) if column.audience in opened]

    async def lines() -> AsyncIterator[bytes]:
        page, is_first = first, True
        while True:
            rows = [[row.get(column.name) for column in shown] for row in _shown(reader, listing, page.rows)]
            table = Table(name=listing.view.name, en=listing.view.en, zh=listing.view.zh, columns=shown, rows=rows)
            for number, line in enumerate(canonical_csv(table)):
                if is_first or number:
                    yield line
            if page.next is None:
                return
            page, is_first = await _page(wiring, reader, pinned, LIMIT, page.next), False

    return csv_response(lines(), listing.view.name, first.position, reader)


def csv_response(lines: AsyncIterator[bytes], name: str, position: int, reader: Reader) -> AnyResponse:
    """A table of figures as a file."""
    simulated = reader.institution.simulated
    fields = {
        "X-Position": str(position),
        "Content-Disposition": f'attachment; filename="{name}{"-simulated" if simulated else ""}.csv"',
        "Vary": "Authorization, Accept",
    }
    return Stream(lines, _CSV, fields)
