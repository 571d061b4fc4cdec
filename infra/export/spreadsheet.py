"""Tables as files for spreadsheets: a workbook (XLSX, ISO/IEC 29500) and a CSV that Excel opens as it is meant.

Whatever stands in a cell is data. In a workbook a text is written as a text, so that nothing in it is taken for a
formula, a number, a day or an address, and leading zeros stay. A CSV has no such word for it: there a text that a
spreadsheet would take for a formula begins with an apostrophe (OWASP, CSV injection).

Both are read by people, so amounts, which are whole fen everywhere else, are yuan with two decimals here: numbers that
can be added up. What is hashed is the canonical CSV, in fen.

A workbook of the same table on the same cover has the same bytes. It is written page by page to a file of its own, in
memory that does not grow with it.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from typing import BinaryIO, Final, Literal

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from projections.kernel import Column, Table, canonical_csv, cell

__all__ = ["XLSX", "Chart", "Cover", "Language", "TooLargeForWorkbook", "as_workbook", "chunks", "for_excel"]

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Language = Literal["en", "zh"]
Page = Sequence[Sequence[object]]

_ROWS_AT_MOST: Final = 1_048_575
_CHARACTERS_AT_MOST: Final = 32_767
_EXACT: Final = 2**53
_FEN_EXACT: Final = 10**15
"""A spreadsheet keeps fifteen digits of a number."""
_FIRST_DAY: Final = date(1900, 3, 1)
"""Before it, spreadsheets disagree about which day a number is: 1900 was no leap year, and one of them has it so."""
_SAME_FOR_ALL: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - A file says when it was made, without a zone.
_CHUNK: Final = 1 << 16
_WIDEST: Final = 60
_RISKY: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_BOM: Final = b"\xef\xbb\xbf"


class TooLargeForWorkbook(Exception):
    """A table that no spreadsheet holds: too many rows, or a text of too many characters."""


@dataclass(frozen=True, kw_only=True)
class Cover:
    """What stands on the first sheet: labels and values, in order, before the digest of the rows and their number."""

    language: Language
    zone: tzinfo
    lines: Sequence[tuple[str, object]]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A sheet of its own with figures over time, as a line for each column after the first, which says when."""

    table: Table


_FEN: Final[dict[Language, tuple[str, str]]] = {"en": (" (fen)", " (yuan)"), "zh": ("(分)", "(元)")}


def _title(column: Column, language: Language) -> str:
    title = column.zh if language == "zh" else column.en
    fen, yuan = _FEN[language]
    return title.removesuffix(fen) + yuan if column.is_money else title


# --- CSV for Excel ---------------------------------------------------------------------------------------------------


def _shown(value: object, column: Column) -> object:
    """A cell as its reader wants it: an amount in yuan, and no text that a spreadsheet would take for a formula."""
    if column.is_money and isinstance(value, int):
        return _in_yuan(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(_RISKY) else value


def _in_yuan(amount_fen: int) -> str:
    """An amount in yuan with two decimals, exactly, without separators."""
    yuan, fen = divmod(abs(amount_fen), 100)
    return f"{'-' if amount_fen < 0 else ''}{yuan}.{fen:02d}"


async def for_excel(table: Table, pages: AsyncIterable[Page], language: Language) -> AsyncIterator[bytes]:
    """Lines with a byte order mark, titles in one language, amounts in yuan, and no text that is a formula."""
    titled = [replace(column, name=_title(column, language)) for column in table.columns]
    yield _BOM + next(canonical_csv(replace(table, columns=titled, rows=())))
    async for rows in pages:
        shown = [[_shown(*each) for each in zip(row, table.columns, strict=True)] for row in rows]
        _, *lines = canonical_csv(replace(table, columns=titled, rows=shown))
        yield b"".join(lines)


# --- workbooks -------------------------------------------------------------------------------------------------------


class _Workbook:
    """A workbook that is being written: a cover, a sheet with a chart where there is one, and one with the rows."""

    def __init__(self, file: BinaryIO, folder: str, table: Table, cover: Cover, chart: Chart | None) -> None:
        self._table, self._cover = table, cover
        self._book = xlsxwriter.Workbook(
            file,
            {
                "constant_memory": True,
                "tmpdir": folder,
                "strings_to_formulas": False,
                "strings_to_numbers": False,
                "strings_to_urls": False,
            },
        )
        name = table.zh if cover.language == "zh" else table.en
        self._book.set_properties({"title": name, "created": _SAME_FOR_ALL})
        self._bold = self._book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._yuan = self._book.add_format({"num_format": "#,##0.00"})
        self._instant = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        self._front = self._book.add_worksheet("封面" if cover.language == "zh" else "Cover")
        if chart is not None:
            self._draw(chart.table)
        self._sheet = self._book.add_worksheet("数据" if cover.language == "zh" else "Data")
        self._next = 1
        self._digest = hashlib.sha256(next(canonical_csv(replace(table, rows=()))))
        self._head()

    def _head(self) -> None:
        self._titles(self._sheet, self._table)

    def _titles(self, sheet: Worksheet, table: Table) -> None:
        for at, column in enumerate(table.columns):
            title = _title(column, self._cover.language)
            sheet.set_column(at, at, min(_WIDEST, max(12, 2 * len(title))))
            sheet.write_string(0, at, title, self._bold)
        sheet.freeze_panes(1, 0)

    def _draw(self, figures: Table) -> None:
        """A sheet with figures over time, typed like all others, and beside them the lines they make."""
        name = figures.zh if self._cover.language == "zh" else figures.en
        sheet = self._book.add_worksheet(name)
        self._titles(sheet, figures)
        for at, row in enumerate(figures.rows, start=1):
            self._row(sheet, at, figures, row)
        if not figures.rows:
            return
        last, lines = len(figures.rows), self._book.add_chart({"type": "line"})
        for column in range(1, len(figures.columns)):
            lines.add_series(
                {
                    "name": [name, 0, column],
                    "categories": [name, 1, 0, last, 0],
                    "values": [name, 1, column, last, column],
                }
            )
        lines.set_title({"name": name, "overlay": False})
        lines.set_x_axis({"date_axis": True, "num_format": "yyyy-mm"})
        lines.set_y_axis({"num_format": "#,##0.00"})
        lines.set_legend({"position": "bottom"})
        lines.set_size({"width": 960, "height": 480})
        sheet.insert_chart(1, len(figures.columns) + 1, lines)

    def write(self, rows: Page) -> None:
        """Write the next rows."""
        _, *lines = canonical_csv(replace(self._table, rows=rows))
        for line in lines:
            self._digest.update(line)
        for row in rows:
            if self._next > _ROWS_AT_MOST:
                raise TooLargeForWorkbook(f"more than {_ROWS_AT_MOST} rows")
            self._row(self._sheet, self._next, self._table, row)
            self._next += 1

    def _row(self, sheet: Worksheet, at: int, table: Table, row: Sequence[object]) -> None:
        for place, (column, value) in enumerate(zip(table.columns, row, strict=True)):
            if column.is_money and isinstance(value, int):
                self._amount(sheet, at, place, value)
            else:
                self._cell(sheet, at, place, value)

    def _amount(self, sheet: Worksheet, row: int, column: int, amount_fen: int) -> None:
        """An amount in yuan as a number, as long as a spreadsheet keeps all its digits."""
        if abs(amount_fen) < _FEN_EXACT:
            sheet.write_number(row, column, amount_fen / 100, self._yuan)
        else:
            sheet.write_string(row, column, _in_yuan(amount_fen))

    def _cell(self, sheet: Worksheet, row: int, column: int, value: object) -> None:
        match value:
            case None:
                return
            case bool():
                sheet.write_boolean(row, column, value)
            case int() if abs(value) < _EXACT:
                sheet.write_number(row, column, value)
            case datetime() if value.date() > _FIRST_DAY and value.year < date.max.year:
                local = value.astimezone(self._cover.zone).replace(tzinfo=None)
                sheet.write_datetime(row, column, local, self._instant)
            case date() if not isinstance(value, datetime) and value >= _FIRST_DAY:
                sheet.write_datetime(row, column, value, self._day)
            case _:
                text = cell(value)
                if len(text) > _CHARACTERS_AT_MOST:
                    raise TooLargeForWorkbook(f"a text of more than {_CHARACTERS_AT_MOST} characters")
                sheet.write_string(row, column, text)

    def close(self) -> None:
        """Write the cover, whose digest is known by now, and the file."""
        labels = {"en": ("Rows", "SHA-256 of the canonical CSV"), "zh": ("行数", "规范 CSV 的 SHA-256")}
        rows, digest = labels[self._cover.language]
        counted = ((rows, self._next - 1), (digest, self._digest.hexdigest()))
        self._front.set_column(0, 0, 32)
        self._front.set_column(1, 1, 72)
        for at, (label, value) in enumerate((*self._cover.lines, *counted)):
            self._front.write_string(at, 0, label, self._bold)
            self._cell(self._front, at, 1, value)
        if self._table.columns:
            self._sheet.autofilter(0, 0, self._next - 1, len(self._table.columns) - 1)
        self._front.activate()
        self._book.close()

    def discard(self) -> None:
        """Give up: let go of the files in which the library keeps the rows until it is closed."""
        for sheet in self._book.worksheets():
            sheet.row_data_fh.close()


async def as_workbook(table: Table, pages: AsyncIterable[Page], cover: Cover, chart: Chart | None = None) -> BinaryIO:
    """A table as a workbook, in a file of its own that is gone once closed; ``pages`` are its rows in order.

    The digest on its cover is that of the table; a ``chart`` beside it shows figures of its own.

    Raises TooLargeForWorkbook.
    """
    file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - Whoever reads it closes it.
    try:
        with tempfile.TemporaryDirectory(prefix="biaogan-workbook-") as folder:
            await _fill(_Workbook(file, folder, table, cover, chart), pages)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


async def _fill(book: _Workbook, pages: AsyncIterable[Page]) -> None:
    try:
        async for rows in pages:
            await asyncio.to_thread(book.write, rows)
        await asyncio.to_thread(book.close)
    except BaseException:
        book.discard()
        raise


async def chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    """The bytes of a file, some at a time; afterwards it is closed, also where nobody reads it to its end."""
    with file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk
