"""Reading a view: which rows, as of when, in which form, and which fields of each row the caller may see.

A row whose key the caller may not see is not there. A row is left out, too, where a field that is filtered or sorted by
is not the caller's to see: otherwise the filter would tell it.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, Literal

import msgspec

from api.acts import Wiring, address_of
from api.answers import Response, Stream
from api.callers import Reader
from api.problems import FormatUnknown, NotFound, ParameterInvalid, TooLargeForFormat
from api.requests import TIMES, Headers, Parameters, etag_matches, language
from api.routes import AnyRequest, AnyResponse, Row, Rows, path_fields
from domain.ids import TAG_KINDS, ApplicationId
from domain.kernel import Audience, redact, tags_of
from domain.permission.audiences import EVERYBODY, audiences_engaged
from infra.export.spreadsheet import XLSX, Chart, Cover, Language, TooLargeForWorkbook, as_workbook, chunks, for_excel
from infra.view_query import LARGEST_READ, BadQuery
from infra.view_query import Page as PageOfRows
from projections.kernel import Beside, Table, View, canonical_csv, columns

__all__ = [
    "FORMS",
    "LIMIT",
    "File",
    "FileForm",
    "Form",
    "Said",
    "Times",
    "all_rows",
    "answer_file",
    "answer_row",
    "answer_rows",
    "cover_of",
    "finished",
    "redacted",
    "refuse_beyond_head",
    "times",
    "wanted_form",
]

LIMIT: Final = 200
_USUAL: Final = 50
_APPLICATION: Final = TAG_KINDS[ApplicationId]
_CSV: Final = "text/csv; charset=utf-8"

FileForm = Literal["csv", "excel_csv", "xlsx"]
Said = tuple[str, str, object]
"""A line of a cover: the label in English and in Chinese, and the value."""
Form = Literal["json"] | FileForm
FORMS: Final[tuple[Form, ...]] = ("json", "csv", "excel_csv", "xlsx")
"""What ``format`` may say: pages of JSON, the canonical CSV, a CSV for Excel, a workbook."""
_BY_MEDIA_TYPE: Final[dict[str, Form]] = {
    "application/json": "json",
    "application/*": "json",
    "*/*": "json",
    "text/csv": "csv",
    "text/*": "csv",
    XLSX: "xlsx",
}


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


MOMENTS: Final = ("from_position", "from_as_of", "to_position", "to_as_of")
"""How a comparison is told which two moments it is of."""


async def moment(wiring: Wiring, reader: Reader, parameters: Parameters, name: str) -> int | None:
    """One of the two moments of a comparison, given by its position or as an instant."""
    at, as_of = parameters.whole(f"{name}_position"), parameters.instant(f"{name}_as_of")
    if at is not None and as_of is not None:
        raise ParameterInvalid(parameter=f"{name}_as_of", rule=f"not together with {name}_position")
    if as_of is not None:
        return await wiring.views.position_as_of(reader.caller.log_id, as_of)
    if at is not None:
        await refuse_beyond_head(wiring, reader, f"{name}_position", at)
    return at


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
    tags = tags_of(row) if reader.grant is not None else ()
    opened = reader.audiences(units_of(view, row), _named_by(row) if reader.barred else (), tags)
    if view.is_open is not None and opened <= EVERYBODY and not view.is_open(row):
        return frozenset()
    return opened


def redacted(reader: Reader, view: View[Any], row: msgspec.Struct, needed: Sequence[str] = ()) -> dict[str, Any] | None:
    """The fields of a row that the caller may see, or None where the row is not theirs to know of."""
    seen = redact(row, _audiences(reader, view, row))
    return seen if all(name in seen for name in (*view.key, *needed)) else None


def widest(reader: Reader) -> frozenset[Audience]:
    """What the caller reads of the rows that concern the caller's own units, or that the engagement covers."""
    if reader.grant is not None:
        return audiences_engaged(covered=True, sealed=reader.grant.sealed)
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


async def all_rows(
    wiring: Wiring, log_id: int, view: str, filters: dict[str, Any], when: Times
) -> tuple[list[Any], int]:
    """Every row of a view that passes the filters, and the position they reflect."""
    rows: list[Any] = []
    cursor: str | None = None
    while True:
        page = await wiring.views.list(
            log_id,
            view,
            filters=filters,
            cursor=cursor,
            limit=LARGEST_READ,
            at_position=when.at_position,
            min_position=when.min_position,
        )
        rows += page.rows
        if page.next is None:
            return rows, page.position
        cursor = page.next


# --- many rows -------------------------------------------------------------------------------------------------------


def wanted_form(headers: Headers, parameters: Parameters, beside: tuple[str, ...] = ()) -> Form:
    """In which form the caller wants rows: by parameter, or by the first of the forms that Accept names.

    ``beside`` are other forms that this address gives, to be named where the one that is wanted is none.
    """
    asked = parameters.text("format")
    if asked is not None:
        for form in FORMS:
            if form == asked:
                return form
        raise FormatUnknown(known=", ".join((*FORMS, *beside)))
    accepted = [part.split(";")[0].strip().lower() for part in headers.all("Accept").split(",") if part.strip()]
    for kind in accepted:
        if kind in _BY_MEDIA_TYPE:
            return _BY_MEDIA_TYPE[kind]
    if accepted:
        raise FormatUnknown(known=f"application/json, text/csv, {XLSX}")
    return "json"


@dataclass(frozen=True)
class _Listing:
    """A list that was asked for, as the engine is asked for it."""

    view: View[Any]
    filters: Mapping[str, Any]
    sort: str
    when: Times
    beside: Beside[Any] | None = None
    others: Sequence[Any] = ()
    """The rows that are shown beside."""
    day: date = date.max
    """The institution's day when it was as it is shown."""

    @property
    def row(self) -> type[msgspec.Struct]:
        """What a row is shown as."""
        return self.view.row if self.beside is None else self.beside.row

    def line(self, row: msgspec.Struct) -> msgspec.Struct:
        """A row with what is shown beside it."""
        return row if self.beside is None else self.beside.shown(row, self.others, self.day)

    @property
    def needed(self) -> tuple[str, ...]:
        """The fields that a reader must be allowed to see to be shown a row at all."""
        return (*self.filters, *((self.sort.removeprefix("-"),) if self.sort else ()))


async def answer_rows(wiring: Wiring, route: Rows, request: AnyRequest) -> AnyResponse:
    """List rows: a page of JSON, or the whole list as a file."""
    headers, view = Headers(request.scope["headers"]), route.view
    caller = await wiring.callers.reading(headers, address_of(request))
    in_path = path_fields(route.path)
    filters = [name for name in view.filters if name not in in_path]
    parameters = Parameters(request.scope["query_string"], (*filters, *TIMES, "sort", "limit", "cursor", "format"))
    reader = await wiring.callers.reader(caller, parameters.whole("min_position") or 0)
    form = wanted_form(headers, parameters)
    when = await times(wiring, reader, parameters, effective=view.effective)
    listing = _Listing(view, _filters(route, request, parameters, filters), _sort(view, parameters), when)
    if route.beside is not None:
        others, _ = await all_rows(wiring, caller.log_id, route.beside.view.name, dict(route.beside.filters), when)
        listing = replace(listing, beside=route.beside, others=others, day=await _day(wiring, reader, when))
    limit = parameters.whole("limit", 1, LIMIT)
    try:
        if form != "json":
            return await _file(wiring, reader, listing, form, headers)
        page = await _page(wiring, reader, listing, limit or _USUAL, parameters.text("cursor"))
    except BadQuery as bad:
        raise _nothing_or(bad, in_path) from None
    shown = _shown(reader, listing, page.rows)
    body: dict[str, Any] = {"items": shown, "next": page.next, "position": page.position}
    if reader.institution.simulated:
        body["simulated"] = True
    return finished(body, page.position, headers)


async def _day(wiring: Wiring, reader: Reader, when: Times) -> date:
    """The institution's day now or, where a position is asked for, when that was recorded."""
    now = reader.now
    if when.at_position:
        recorded = await (await wiring.parts.stores(reader.caller.log_id)).at([when.at_position])
        now = recorded[when.at_position].envelope.received_at
    return now.astimezone(reader.institution.zone).date()


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
    seen = (redacted(reader, listing.view, listing.line(row), listing.needed) for row in rows)
    return [row for row in seen if row is not None]


async def _file(wiring: Wiring, reader: Reader, listing: _Listing, form: FileForm, headers: Headers) -> AnyResponse:
    """The whole list, page by page as it stood at one position."""
    first = await _page(wiring, reader, listing, LIMIT, None)
    pinned = replace(
        listing, when=Times(first.position, listing.when.at_position or first.position, listing.when.effective_on)
    )
    opened = widest(reader)
    shown = [column for column in columns(listing.row) if column.audience in opened]

    async def pages() -> AsyncIterator[list[list[object]]]:
        page = first
        while True:
            yield [[row.get(column.name) for column in shown] for row in _shown(reader, listing, page.rows)]
            if page.next is None:
                return
            page = await _page(wiring, reader, pinned, LIMIT, page.next)

    table = Table(name=listing.view.name, en=listing.view.en, zh=listing.view.zh, columns=shown, rows=())
    asked = File(form, first.position, listing.when.effective_on, headers)
    return await answer_file(reader, table, pages(), asked)


# --- a table as a file -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class File:
    """How a table is wanted: the form, the position and day that it reflects, and what the request says besides.

    ``said`` is what a workbook says of it on its cover, too.
    """

    form: FileForm
    position: int
    effective_on: date | None
    headers: Headers
    said: tuple[Said, ...] = ()


async def answer_file(
    reader: Reader,
    table: Table,
    pages: AsyncIterator[Sequence[Sequence[object]]],
    asked: File,
    chart: Chart | None = None,
) -> AnyResponse:
    """A table of figures as a file: the canonical bytes that are hashed, or what a spreadsheet opens.

    Where it is a workbook, a ``chart`` stands in it beside the rows.
    """
    simulated = reader.institution.simulated
    suffix = "xlsx" if asked.form == "xlsx" else "csv"
    fields = {
        "X-Position": str(asked.position),
        "Content-Disposition": f'attachment; filename="{table.name}{"-simulated" if simulated else ""}.{suffix}"',
        "Vary": "Authorization, Accept" if asked.form == "csv" else "Authorization, Accept, Accept-Language",
    }
    spoken: Language = "zh" if language(asked.headers.all("Accept-Language")) == "zh" else "en"
    if asked.form == "csv":
        return Stream(_canonical(table, pages), _CSV, fields)
    if asked.form == "excel_csv":
        return Stream(for_excel(table, pages, spoken), _CSV, fields)
    try:
        workbook = await as_workbook(table, pages, cover_of(reader, table, asked, spoken), chart)
    except TooLargeForWorkbook as too_large:
        raise TooLargeForFormat(format="xlsx", rule=str(too_large), known="csv, excel_csv, json") from None
    return Stream(chunks(workbook), XLSX, fields, packs=False)


async def _canonical(table: Table, pages: AsyncIterator[Sequence[Sequence[object]]]) -> AsyncIterator[bytes]:
    yield next(canonical_csv(table))
    async for rows in pages:
        _, *lines = canonical_csv(replace(table, rows=rows))
        yield b"".join(lines)


_COVER: Final = {
    "en": ("Table", "Institution", "Reflects position", "True on", "Times are those of", "Simulated"),
    "zh": ("表名", "机构", "反映至位置", "事实日期", "时间所用时区", "模拟"),
}
_YES: Final = {"en": "Yes: a simulated institution, not a real one", "zh": "是:模拟机构,并非真实机构"}


def cover_of(reader: Reader, table: Table, asked: File, spoken: Language) -> Cover:
    """What a workbook says of itself."""
    of_table, of_institution, of_position, of_day, of_zone, of_simulated = _COVER[spoken]
    institution = reader.institution
    lines: list[tuple[str, object]] = [
        (of_table, table.zh if spoken == "zh" else table.en),
        (of_institution, institution.institution_id),
        (of_position, asked.position),
    ]
    if asked.effective_on is not None:
        lines.append((of_day, asked.effective_on))
    lines += [(zh if spoken == "zh" else en, value) for en, zh, value in asked.said]
    lines.append((of_zone, str(institution.zone)))
    if institution.simulated:
        lines.append((of_simulated, _YES[spoken]))
    return Cover(language=spoken, zone=institution.zone, lines=lines)
