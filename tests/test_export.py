"""Tables as files for spreadsheets, read back by a reader that is not ours."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import tempfile
import zipfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from infra.export import spreadsheet
from infra.export.spreadsheet import Chart, Cover, Language, TooLargeForWorkbook, as_workbook, chunks, for_excel
from projections.kernel import Column, Table, canonical_csv, page_digest

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOSTILE = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+86 0851",
    "-2",
    "@SUM(A1)",
    "\tx",
    "0012",
    "6222020200112233445",
    "1e5",
    "2020-05-31",
    "http://example.org/",
    "first\nsecond",
    'a "quoted", text',
    "𠮷野𪚥 · 党总支",
    "_x0041_",
    " leading and trailing ",
]
Rows = Sequence[Sequence[object]]


def table(*names: str) -> Table:
    shown = [Column(name=name, en=name.title(), zh=f"栏{name}", audience="public", type=str) for name in names]
    return Table(name="list", en="List", zh="列表", columns=shown, rows=())


async def paged(*pages: Rows) -> AsyncIterator[Rows]:
    for page in pages:
        yield page


def cover(language: Language = "en") -> Cover:
    return Cover(language=language, zone=SHANGHAI, lines=[("Table", "List")])


def workbook(shown: Table, *pages: Rows, language: Language = "en", chart: Chart | None = None) -> bytes:
    async def made() -> bytes:
        file = await as_workbook(shown, paged(*pages), cover(language), chart)
        return b"".join([chunk async for chunk in chunks(file)])

    return asyncio.run(made())


def cells(data: bytes, sheet: str = "Data") -> list[list[Any]]:
    found = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_name(sheet)
    return found.to_python(skip_empty_area=False)


def excel(shown: Table, *pages: Rows, language: Language = "en") -> list[list[str]]:
    async def made() -> bytes:
        return b"".join([chunk async for chunk in for_excel(shown, paged(*pages), language)])

    data = asyncio.run(made())
    assert data.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_texts_that_a_spreadsheet_would_take_for_something_else_are_read_back_as_they_are() -> None:
    data = workbook(table("text"), [[text] for text in HOSTILE])
    assert cells(data)[1:] == [[text] for text in HOSTILE]
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        for name in parts.namelist():
            assert b"<f>" not in parts.read(name)
            assert b"<hyperlink" not in parts.read(name)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40), min_size=1, max_size=20))
def test_any_text_is_read_back_as_it_is(texts: list[str]) -> None:
    read = cells(workbook(table("text", "mark"), [[text, "."] for text in texts]))[1:]
    assert read == [[text, "."] for text in texts]


def test_numbers_days_and_instants_are_what_they_are_and_instants_are_told_in_the_zone() -> None:
    row = [25_000_00, True, date(2020, 6, 30), datetime(2020, 6, 30, 16, 0, 0, 123_000, UTC), None, ("a", "b")]
    ((_, *_), read) = cells(workbook(table(*"abcdef"), [row]))
    assert read == [2_500_000, True, date(2020, 6, 30), datetime(2020, 7, 1, 0, 0, 0, 123_000), "", '["a","b"]']  # noqa: DTZ001


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2**53, "9007199254740992"),
        (-(2**60), "-1152921504606846976"),
        (date(1900, 2, 28), "1900-02-28"),
        (date(1870, 1, 1), "1870-01-01"),
        (datetime(1870, 1, 1, tzinfo=UTC), "1870-01-01T00:00:00.000000Z"),
        (datetime(9999, 12, 31, 23, tzinfo=UTC), "9999-12-31T23:00:00.000000Z"),
    ],
)
def test_what_a_spreadsheet_cannot_count_is_written_as_text(value: object, text: str) -> None:
    assert cells(workbook(table("value"), [[value]]))[1] == [text]


def test_the_cover_names_the_digest_of_the_canonical_csv_whatever_the_pages() -> None:
    shown = table("a", "b")
    rows = [["x", 1], ["y", 2], ["z", 3]]
    digest = hashlib.sha256(b"".join(canonical_csv(replace(shown, rows=rows)))).hexdigest()
    for pages in ([rows], [rows[:1], rows[1:]], [rows, []]):
        on_cover = cells(workbook(shown, *pages), "Cover")
        assert on_cover == [["Table", "List"], ["Rows", 3], ["SHA-256 of the canonical CSV", digest]]


def test_titles_and_sheets_are_told_in_the_language_asked_for() -> None:
    assert cells(workbook(table("a"), [["x"]], language="zh"), "数据") == [["栏a"], ["x"]]
    assert cells(workbook(table("a"), [["x"]], language="zh"), "封面")[1][0] == "行数"
    assert excel(table("a"), [["x"]], language="zh") == [["栏a"], ["x"]]


def test_the_same_table_has_the_same_bytes() -> None:
    rows = [[text, 1, date(2020, 1, 1)] for text in HOSTILE]
    assert workbook(table(*"abc"), rows) == workbook(table(*"abc"), rows[:3], rows[3:])


def money(name: str, en: str, zh: str) -> Column:
    return Column(name=f"{name}_fen", en=en, zh=zh, audience="office", type=int)


AMOUNTS = replace(table("case"), columns=[*table("case").columns, money("spent", "Spent (fen)", "已核销(分)")])


@given(st.lists(st.integers(-(10**17), 10**17) | st.none(), min_size=1, max_size=20))
def test_any_amount_is_read_back_in_yuan_to_the_fen(amounts: list[int | None]) -> None:
    """In a workbook as a number that can be added up; beyond fifteen digits, which it would round, as a text."""
    rows = [["x", amount] for amount in amounts]
    (_, title), *read = cells(workbook(AMOUNTS, rows))
    assert title == "Spent (yuan)"
    for amount, (_, cell) in zip(amounts, read, strict=True):
        assert isinstance(cell, str) is (amount is None or abs(amount) >= 10**15)
        assert (cell == "") if amount is None else round(Decimal(str(cell)) * 100) == amount
    (_, title), *lines = excel(AMOUNTS, rows, language="zh")
    assert title == "已核销(元)"
    for amount, (_, text) in zip(amounts, lines, strict=True):
        assert (text == "") if amount is None else (Decimal(text) * 100 == amount and text[-3] == ".")
    assert cells(workbook(AMOUNTS, rows), "Cover")[-1][1] == page_digest(replace(AMOUNTS, rows=rows))


def test_money_has_its_yuan_in_the_title_where_that_named_no_unit() -> None:
    shown = replace(AMOUNTS, columns=[money("spent", "Spent", "已核销")])
    assert cells(workbook(shown, [[-5]])) == [["Spent (yuan)"], [-0.05]]
    assert excel(shown, [[-5]], language="zh") == [["已核销(元)"], ["-0.05"]]


def figures(*rows: Sequence[object]) -> Chart:
    shown = [
        Column(name="by", en="By", zh="截至", audience="office", type=date),
        *(money(name, f"{name} (fen)", f"{name}(分)") for name in ("=Paid", "Spent")),
    ]
    return Chart(table=Table(name="over_time", en="Over time", zh="执行进度", columns=shown, rows=rows))


def test_a_chart_has_a_sheet_of_its_own_with_typed_figures_and_a_line_for_each() -> None:
    chart = figures((date(2020, 7, 31), 0, -5), (date(2020, 8, 31), 2_500_000, 7), (date(2020, 9, 30), None, 2**53))
    data = workbook(table("a"), [["x"]], chart=chart)
    assert CalamineWorkbook.from_filelike(io.BytesIO(data)).sheet_names == ["Cover", "Over time", "Data"]
    assert cells(data, "Over time") == [
        ["By", "=Paid (yuan)", "Spent (yuan)"],
        [date(2020, 7, 31), 0, -0.05],
        [date(2020, 8, 31), 25_000, 0.07],
        [date(2020, 9, 30), "", "90071992547409.92"],
    ]
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        drawn = parts.read("xl/charts/chart1.xml").decode()
    assert drawn.count("<c:ser>") == 2
    assert drawn.count("'Over time'!$A$2:$A$4") == 2
    assert "'Over time'!$C$2:$C$4" in drawn
    assert data == workbook(table("a"), [["x"]], chart=chart)
    plain = workbook(table("a"), [["x"]])
    assert cells(data, "Cover") == cells(plain, "Cover")
    assert CalamineWorkbook.from_filelike(io.BytesIO(plain)).sheet_names == ["Cover", "Data"]


def test_a_chart_of_nothing_has_its_titles_and_no_lines() -> None:
    data = workbook(table("a"), [["x"]], language="zh", chart=figures())
    assert cells(data, "执行进度") == [["截至", "=Paid(元)", "Spent(元)"]]
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        assert not [name for name in parts.namelist() if "chart" in name]


def test_a_table_without_rows_has_its_titles() -> None:
    assert cells(workbook(table("a", "b"))) == [["A", "B"]]
    assert excel(table("a", "b")) == [["A", "B"]]


def test_in_a_csv_for_excel_no_text_begins_like_a_formula_and_the_rest_is_as_it_is() -> None:
    read = [
        row[0] for row in excel(table("text"), [[text] for text in HOSTILE[:9]], [[text] for text in HOSTILE[9:]])[1:]
    ]
    for text, again in zip(HOSTILE, read, strict=True):
        assert again in {text, f"'{text}"}
        assert not again.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert excel(table("n"), [[-2]])[1] == ["-2"]


def test_in_the_canonical_csv_every_text_is_read_back_as_it_is() -> None:
    shown = replace(table("text", "mark"), rows=[[text, "."] for text in HOSTILE])
    text = b"".join(canonical_csv(shown)).decode()
    assert list(csv.reader(io.StringIO(text, newline="")))[1:] == [[text, "."] for text in HOSTILE]


def test_what_no_spreadsheet_holds_is_refused_and_leaves_no_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(TooLargeForWorkbook, match="characters"):
        workbook(table("a"), [["x"]], [["y" * 32_768]])
    monkeypatch.setattr(spreadsheet, "_ROWS_AT_MOST", 2)
    assert len(cells(workbook(table("a"), [["x"], ["y"]]))) == 3
    with pytest.raises(TooLargeForWorkbook, match="rows"):
        workbook(table("a"), [["x"], ["y"]], [["z"]])
    assert list(tmp_path.iterdir()) == []
