"""Periodic ledgers over HTTP: what was published of a closed period, its files in every form, and whether they hold."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, cast, get_args

import msgspec

from api.acts import Wiring, address_of
from api.answers import Response
from api.books import BOOK_FORMS, BooksOf, books_text
from api.callers import Reader
from api.problems import FormatUnknown, NotFound
from api.reads import File, answer_file, cover_of, finished
from api.requests import Headers, Parameters, etag_matches, language
from api.routes import Act, AnyRequest, AnyResponse, Own, Parameter, Route, Rows
from domain.funding.events import LedgerFile, PeriodClosed, PeriodKind
from domain.funding.publication import ConfirmLedger
from domain.ids import ProgrammeId, tag
from infra.export.spreadsheet import Chart, Language, TooLargeForWorkbook, as_workbook, for_excel
from infra.published import FileDamaged, FileMissing
from infra.record import Item
from infra.side_by_side import side_by_side
from projections.budget_execution import BUDGET_EXECUTION
from projections.execution_over_time import OVER_TIME
from projections.kernel import Table
from projections.ledger import (
    INSTITUTION_LEDGER,
    LEDGER,
    LEDGER_FACTS,
    InstitutionLedgerRow,
    LedgerRow,
    covered,
    ledger_files,
    table_from,
)

__all__ = ["ROUTES"]

_FORMS: Final = ("csv", "excel_csv", "xlsx", "json")
_CSV: Final = "text/csv; charset=utf-8"
_ZIP: Final = "application/zip"
_FIRST_DAY_OF_ZIP: Final = (1980, 1, 1, 0, 0, 0)
"""An archive says when a file was made; these say no other time than the earliest there is."""


class LedgerTable(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a ledger, its rows with their fields named, and the digest of its canonical CSV."""

    programme_id: str | None = None
    period: PeriodKind
    last_day: date
    name: str
    covers_position: int
    digest: str
    rows: tuple[dict[str, Any], ...]
    simulated: bool = False


class FileVerified(msgspec.Struct, frozen=True, kw_only=True):
    """One file: the digest on record, that of the bytes that are kept, and that of what follows from the log now.

    ``kept_digest`` is empty where no bytes are kept, or others than those of the digest; ``recomputed_digest`` is empty
    where nothing of this name follows from the log.
    """

    name: str
    recorded_digest: str
    kept_digest: str
    recomputed_digest: str
    holds: bool


class LedgerVerified(msgspec.Struct, frozen=True, kw_only=True):
    """Whether every file of a ledger is what the record says: as it is kept, and as it follows from the log anew."""

    programme_id: str
    period: PeriodKind
    last_day: date
    covers_position: int
    holds: bool
    files: tuple[FileVerified, ...]
    simulated: bool = False


@dataclass(frozen=True)
class _Asked:
    """A ledger that was asked for, by somebody of the office."""

    reader: Reader
    row: LedgerRow | InstitutionLedgerRow
    position: int
    headers: Headers
    parameters: Parameters

    @property
    def programme_id(self) -> str | None:
        """Whose ledger it is; the institution's own is no programme's."""
        return self.row.programme_id if isinstance(self.row, LedgerRow) else None

    @property
    def covers(self) -> int:
        """Up to which position it tells of the record."""
        return self.row.covers_position if isinstance(self.row, LedgerRow) else self.row.published_position

    @property
    def name(self) -> str:
        """What its files are called by."""
        return f"{self.programme_id or self.reader.institution.institution_id}-{self.row.period}-{self.row.last_day}"

    @property
    def of_programme(self) -> LedgerRow:
        """The ledger of a programme. Raises NotFound where it is the institution's."""
        if isinstance(self.row, LedgerRow):
            return self.row
        raise NotFound

    def file(self, name: str) -> LedgerFile:
        """A published file by its name. Raises NotFound."""
        for file in self.row.files:
            if file.name == name:
                return file
        raise NotFound


async def _asked(wiring: Wiring, request: AnyRequest, *names: str) -> _Asked:
    headers = Headers(request.scope["headers"])
    caller = await wiring.callers.reading(headers, address_of(request))
    parameters = Parameters(request.scope["query_string"], ("min_position", *names))
    since = parameters.whole("min_position") or 0
    reader = await wiring.callers.reader(caller, since)
    path = request.path_params
    whose = path.get("programme_id")
    if not (reader.in_office if whose is None else reader.reads_for_office(tag(ProgrammeId, whose))):
        raise NotFound
    if path["period"] not in get_args(PeriodKind):
        raise NotFound
    view = INSTITUTION_LEDGER if whose is None else LEDGER
    key = (*(() if whose is None else (whose,)), path["period"], _day(path["last_day"]))
    found = await wiring.views.get(reader.caller.log_id, view.name, key, min_position=since)
    if found.row is None:
        raise NotFound
    return _Asked(reader, found.row, found.position, headers, parameters)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        # What is no day is the last day of nothing.
        raise NotFound from None


async def _ledger(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """What is on record of a ledger."""
    asked = await _asked(wiring, request)
    return finished(_on_record(asked), asked.position, asked.headers)


def _on_record(asked: _Asked) -> dict[str, Any]:
    body = msgspec.structs.asdict(asked.row)
    return body | {"simulated": True} if asked.reader.institution.simulated else body


# --- its files --------------------------------------------------------------------------------------------------------


async def _file(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """A file of a ledger: the published bytes, or another form of the same rows."""
    asked = await _asked(wiring, request, "format")
    form = asked.parameters.text("format") or "csv"
    if form not in _FORMS:
        raise FormatUnknown(known=", ".join(_FORMS))
    file = asked.file(request.path_params["name"])
    content = await wiring.parts.published.read(asked.reader.caller.log_id, file.digest)
    if form == "csv":
        return _as_published(asked, file, content)
    table = await asyncio.to_thread(table_from, file.name, content)
    if form == "json":
        return finished(_told(asked, file, table), asked.covers, asked.headers)
    wanted = File("xlsx" if form == "xlsx" else "excel_csv", asked.covers, asked.row.last_day, asked.headers)
    chart = await _chart(wiring, asked, table) if form == "xlsx" else None
    return await answer_file(asked.reader, table, _at_once(table.rows), wanted, chart)


async def _chart(wiring: Wiring, asked: _Asked, table: Table) -> Chart | None:
    """What a workbook of the budget execution draws beside the rows, where the ledger tells how it came to be."""
    drawn = next((file for file in asked.row.files if file.name == OVER_TIME), None)
    if drawn is None or table.name != BUDGET_EXECUTION.code or asked.programme_id is None:
        return None
    content = await wiring.parts.published.read(asked.reader.caller.log_id, drawn.digest)
    return Chart(table=await asyncio.to_thread(table_from, drawn.name, content))


def _as_published(asked: _Asked, file: LedgerFile, content: bytes) -> AnyResponse:
    etag = f'"{file.digest}"'
    simulated = "-simulated" if asked.reader.institution.simulated else ""
    name = f"{asked.name}-{file.name}{simulated}.csv"
    fields = {
        "ETag": etag,
        "X-Position": str(asked.covers),
        "Content-Disposition": f'attachment; filename="{name}"',
        "Vary": "Authorization, Accept",
    }
    if etag_matches(asked.headers, etag):
        return Response(b"", status_code=304, headers=fields)
    return Response(content, headers=fields, media_type=_CSV)


def _told(asked: _Asked, file: LedgerFile, table: Table) -> LedgerTable:
    row, names = asked.row, [column.name for column in table.columns]
    return LedgerTable(
        programme_id=asked.programme_id,
        period=row.period,
        last_day=row.last_day,
        name=file.name,
        covers_position=asked.covers,
        digest=file.digest,
        rows=tuple(dict(zip(names, cells, strict=True)) for cells in table.rows),
        simulated=asked.reader.institution.simulated,
    )


async def _at_once(rows: Sequence[Sequence[object]]) -> AsyncIterator[Sequence[Sequence[object]]]:
    yield rows


# --- all of them at once ----------------------------------------------------------------------------------------------


async def _archive(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """Everything of a ledger in one archive: each file in each form, the books as journals, and what is on record."""
    asked = await _asked(wiring, request)
    row, log_id, reader = asked.of_programme, asked.reader.caller.log_id, asked.reader
    if not row.files:
        raise NotFound
    spoken: Language = "zh" if language(asked.headers.all("Accept-Language")) == "zh" else "en"
    found = {"ledger.json": msgspec.json.format(msgspec.json.encode(_on_record(asked)), indent=2)}
    for file in row.files:
        content = await wiring.parts.published.read(log_id, file.digest)
        async for suffix, made in _forms(wiring, asked, file, content, spoken):
            found[f"{file.name}.{suffix}"] = made
    store = await wiring.parts.stores(log_id)
    facts = (await store.read(_money_of(tag(ProgrammeId, row.programme_id)), until=row.covers_position)).events
    books = BooksOf(row.programme_id, row.covers_position, row.last_day, spoken, row.rules_version)
    for form, suffix in BOOK_FORMS.items():
        found[f"books.{suffix}"] = books_text(form, reader, books, facts).encode()
    simulated = "-simulated" if reader.institution.simulated else ""
    fields = {
        "X-Position": str(asked.position),
        "Content-Disposition": f'attachment; filename="{asked.name}{simulated}.zip"',
        "Vary": "Authorization, Accept-Language",
    }
    return Response(await asyncio.to_thread(_zipped, found), headers=fields, media_type=_ZIP)


async def _forms(
    wiring: Wiring, asked: _Asked, file: LedgerFile, content: bytes, spoken: Language
) -> AsyncIterator[tuple[str, bytes]]:
    table, row = await asyncio.to_thread(table_from, file.name, content), asked.row
    yield "csv", content
    yield "excel.csv", b"".join([chunk async for chunk in for_excel(table, _at_once(table.rows), spoken)])
    yield "json", msgspec.json.format(msgspec.json.encode(_told(asked, file, table)), indent=2)
    wanted = File("xlsx", asked.covers, row.last_day, asked.headers)
    try:
        cover, chart = cover_of(asked.reader, table, wanted, spoken), await _chart(wiring, asked, table)
        workbook = await as_workbook(table, _at_once(table.rows), cover, chart)
    except TooLargeForWorkbook:
        # The other forms hold it.
        return
    with workbook:
        yield "xlsx", workbook.read()


def _zipped(files: Mapping[str, bytes]) -> bytes:
    """Files as an archive that has the same bytes whenever it is made."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _FIRST_DAY_OF_ZIP), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


# --- whether they hold ------------------------------------------------------------------------------------------------


async def _verification(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """Compute a ledger anew from what its close covers, look at the bytes that are kept, and compare both."""
    asked = await _asked(wiring, request)
    row, log_id = asked.of_programme, asked.reader.caller.log_id
    store, programme = await wiring.parts.stores(log_id), tag(ProgrammeId, row.programme_id)
    closes = await store.read([Item((PeriodClosed.TOPIC,), (programme,))], until=row.closed_position)
    *earlier, closed = (cast("PeriodClosed", each.event) for each in closes.events)
    period = covered(closed, earlier, asked.reader.institution.zone)
    made = await side_by_side(store.told(_money_of(programme), row.covers_position), ledger_files(period))
    recomputed = {file.name: file.digest for file, _ in made}
    kept = {file.name: await _kept(wiring, log_id, file.digest) for file in row.files}
    recorded = {file.name: file.digest for file in row.files}
    # A name that only the recomputation has came into this program after the ledger was published.
    files = tuple(_compared(name, recorded[name], kept[name], recomputed.get(name, "")) for name in recorded)
    found = LedgerVerified(
        programme_id=row.programme_id,
        period=row.period,
        last_day=row.last_day,
        covers_position=row.covers_position,
        holds=bool(files) and all(file.holds for file in files),
        files=files,
        simulated=asked.reader.institution.simulated,
    )
    return finished(found, asked.position, asked.headers)


def _money_of(programme: str) -> Sequence[Item]:
    """What a ledger of a programme, by its tag, is computed from."""
    return [Item(tuple(kind.TOPIC for kind in LEDGER_FACTS), (programme,))]


async def _kept(wiring: Wiring, log_id: int, digest: str) -> str:
    try:
        await wiring.parts.published.read(log_id, digest)
    except (FileMissing, FileDamaged):
        return ""
    return digest


def _compared(name: str, recorded: str, kept: str, recomputed: str) -> FileVerified:
    return FileVerified(
        name=name,
        recorded_digest=recorded,
        kept_digest=kept,
        recomputed_digest=recomputed,
        holds=recorded == kept == recomputed,
    )


# --- the table --------------------------------------------------------------------------------------------------------

_LEDGERS: Final = "/v1/programmes/{programme_id}/ledgers"
_ONE: Final = f"{_LEDGERS}/{{period}}/{{last_day}}"
_OF_INSTITUTION: Final = "/v1/ledgers"
_MIN_POSITION: Final = Parameter(
    name="min_position", en="At least at this position", zh="至少反映至该位置", type=int
)  # fmt: skip

_FORMAT: Final = Parameter(
    name="format", en="csv (the default), excel_csv, xlsx or json", zh="csv(默认)、excel_csv、xlsx 或 json"
)  # fmt: skip

ROUTES: Final[tuple[Route, ...]] = (
    Act(path=f"{_ONE}/confirm", command=ConfirmLedger, subject="programme_id"),
    Rows(path=_LEDGERS, view=LEDGER),
    Own(
        method="GET",
        path=_ONE,
        answer=_ledger,
        operation="read_ledger",
        en="The ledger of a closed period: its state, and the name, digest and size of each file.",
        zh="已结账期间的账册:状态,以及各文件的名称、摘要与大小。",
        parameters=(_MIN_POSITION,),
        result=LedgerRow,
        refusals=(404, 503),
    ),
    Own(
        method="GET",
        path=f"{_ONE}/files/{{name}}",
        answer=_file,
        operation="read_ledger_file",
        en="A file of a ledger: the published bytes, whose SHA-256 is its digest, or the same rows in another form.",
        zh="账册的一个文件:所公布的原字节(其 SHA-256 即摘要),或以其他格式给出的相同各行。",
        parameters=(
            _MIN_POSITION,
            _FORMAT,
        ),
        gives=("csv", "xlsx", "json"),
        result=LedgerTable,
        refusals=(404, 406, 503),
    ),
    Rows(path=_OF_INSTITUTION, view=INSTITUTION_LEDGER),
    Own(
        method="GET",
        path=f"{_OF_INSTITUTION}/{{period}}/{{last_day}}",
        answer=_ledger,
        operation="read_institution_ledger",
        en="The ledger of a period over all programmes of the institution: from which ledgers, and its files.",
        zh="机构全部项目某期间的汇总账册:所汇总的账册及各文件。",
        parameters=(_MIN_POSITION,),
        result=InstitutionLedgerRow,
        refusals=(404, 503),
    ),
    Own(
        method="GET",
        path=f"{_OF_INSTITUTION}/{{period}}/{{last_day}}/files/{{name}}",
        answer=_file,
        operation="read_institution_ledger_file",
        en="A file over all programmes: the published bytes, or the same rows in another form.",
        zh="全部项目的汇总文件:所公布的原字节,或以其他格式给出的相同各行。",
        parameters=(_MIN_POSITION, _FORMAT),
        gives=("csv", "xlsx", "json"),
        result=LedgerTable,
        refusals=(404, 406, 503),
    ),
    Own(
        method="GET",
        path=f"{_ONE}/archive",
        answer=_archive,
        operation="read_ledger_archive",
        en="A whole ledger as a ZIP archive: each file as CSV, Excel CSV, JSON and XLSX, the books for other programs.",
        zh="整套账册的 ZIP 归档:各文件的 CSV、Excel CSV、JSON 与 XLSX,以及供其他程序使用的账簿。",
        parameters=(_MIN_POSITION,),
        gives=("bytes",),
        refusals=(404, 503),
    ),
    Own(
        method="GET",
        path=f"{_ONE}/verification",
        answer=_verification,
        operation="verify_ledger",
        en="Whether each file of a ledger is what was recorded: as it is kept, and computed anew from the log.",
        zh="账册各文件是否与记录一致:所存原字节,以及由日志重新算出者。",
        parameters=(_MIN_POSITION,),
        result=LedgerVerified,
        refusals=(404, 503),
    ),
)  # fmt: skip
"""A part of the capability of funding, with a page of its own."""
