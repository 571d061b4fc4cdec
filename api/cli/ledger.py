"""``biaogan ledger``: the statements of a programme's money, where each figure comes from, and whether all agree."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import rich_click as click

from api.cli.reaching import Remote, remote
from api.cli.reconciling import at_programme, query, reconciled, shown
from api.cli.speaking import USAGE, Found, Progress, Stop, answer, as_json, at_server, plain

__all__ = ["ledger"]

_FORMATS: Final = ("csv", "excel_csv", "xlsx", "json", "beancount", "hledger")
_BOOKS: Final = {"beancount": "books.beancount", "hledger": "books.journal"}
_SUFFIXES: Final = {"csv": "csv", "excel_csv": "excel.csv", "xlsx": "xlsx", "json": "json"}
_MANIFEST: Final = "ledger.json"
_PERIODS: Final = ("month", "quarter", "year", "cycle")
F = TypeVar("F", bound=Callable[..., Any])

_programme = click.argument("programme_id")
_day = click.DateTime(formats=["%Y-%m-%d"])


def _days(function: F) -> F:
    """The options that say what is counted: of which days and fiscal years."""
    for option in reversed(
        (
            click.option("--effective-on", type=_day, help="What took effect up to that day. · 截至该日生效。"),
            click.option("--first-day", type=_day, help="What moved from that day on. · 自该日起发生。"),
            click.option("--year", type=click.IntRange(1, 9999), help="One fiscal year's authority. · 财政年度。"),
            click.option("--last-year", type=click.IntRange(1, 9999), help="Or of years up to it. · 至该年度止。"),
            click.option("--denominator", type=click.Choice(["allocated", "approved"]),
                         help="What a rate is measured by. · 执行率分母。"),
        )
    ):  # fmt: skip
        function = option(function)
    return function


def _when(function: F) -> F:
    """These, and the options that say what was known."""
    function = click.option("--as-of", help="As recorded by then, as in 2021-01-01T00:00:00Z. · 截至此刻的记录。")(
        _days(function)
    )
    return click.option("--at-position", type=click.IntRange(0), help="As it was known there. · 该位置所知。")(function)


@click.group()
def ledger() -> None:
    """The books of a programme's money, and its statements. · 项目经费账簿与报表。"""


# --- reading ----------------------------------------------------------------------------------------------------------


@ledger.command()
@_programme
@click.argument("statement", required=False)
@_when
@at_server
@as_json
def statement(
    *,
    programme_id: str,
    statement: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
    **when: Any,  # noqa: ANN401 - What _when declares.
) -> None:
    """Show a statement, or which there are if none is named. · 显示报表;未指明时列出全部报表。"""
    server = remote(url, token_file)
    if statement is None:
        found = server.get(at_programme(programme_id, "statements"))
        lines = [f"{each['statement']:20} {each['en']} · {each['zh']}" for each in found["statements"]]
    else:
        found = server.get(at_programme(programme_id, "statements", statement) + query(**when))
        lines = list(_told(found))
    answer(found, lines, as_json=as_json)


def _told(found: Mapping[str, Any]) -> Iterator[str]:
    """A statement for a person to read: what it counts, then every row with the cells in which something stands."""
    yield f"{found['en']} · {found['zh']}"
    yield f"  {_counted(found['selected'])}"
    yield f"  sha256 {found['digest']}"
    for row in found["rows"]:
        yield ""
        yield row["row"]
        for each in found["columns"]:
            value = row[each["name"]]
            if value not in (None, "", 0):
                en, zh = each["en"].removesuffix(" (fen)"), each["zh"].removesuffix("(分)")
                yield f"  {en} · {zh}: {shown(each['name'], value)}"


def _counted(selected: Mapping[str, Any]) -> str:
    told = [f"position · 位置 {selected['position']}"]
    told += [
        f"{label} {selected[name]}"
        for name, label in (
            ("first_day", "from · 自"), ("effective_on", "up to · 至"), ("year", "fiscal year · 财政年度"),
            ("last_year", "up to the fiscal year · 至财政年度"),
        )
        if selected[name] is not None
    ]  # fmt: skip
    return ", ".join(told)


@ledger.command()
@_programme
@click.argument("statement")
@click.argument("row")
@click.argument("column")
@_when
@at_server
@as_json
def explain(
    *,
    programme_id: str,
    statement: str,
    row: str,
    column: str,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
    **when: Any,  # noqa: ANN401 - What _when declares.
) -> None:
    """Show where a cell comes from, line by line of the journal. · 逐条说明某单元格的来源。

    ROW and COLUMN are named as `ledger statement --json` has them, such as budget/branch/BR-1 and recovered_fen.
    """
    asked = at_programme(programme_id, "statements", statement, "explain") + query(row=row, column=column, **when)
    found = remote(url, token_file).get(asked)
    lines = [f"{found['row']} {found['column']}: {shown(column, found['value'])}", f"  {_counted(found['selected'])}"]
    for line in found["lines"]:
        added = line["adds_fen"] is not None
        told = shown("_fen", line["adds_fen"]) if added else f"= {line['fills']}"
        at = f"{line['position']}:{line['line']}"
        of = "" if len(found["made_of"]) == 1 else f" [{line['column']}]"
        lines.append(f"  {at:>10}  {line['effective_on']}  {told:>16}  {line['type']}{of}")
    answer(found, lines, as_json=as_json)


@ledger.command()
@_programme
@click.argument("statement")
@click.argument("from_moment")
@click.argument("to_moment", required=False)
@_days
@at_server
@as_json
def difference(
    *,
    programme_id: str,
    statement: str,
    from_moment: str,
    to_moment: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
    **when: Any,  # noqa: ANN401 - What _days declares.
) -> None:
    """Show what a statement says differently at two moments, and why. · 比较报表在两个位置或时刻的差异及其原因。"""
    between = _moment("from", from_moment) | ({} if to_moment is None else _moment("to", to_moment))
    found = remote(url, token_file).get(
        at_programme(programme_id, "statements", statement, "difference") + query(**between, **when)
    )
    lines = [f"{statement}: {found['from_position']} → {found['to_position']}, {len(found['cells'])} cells · 格"]
    lines += [
        f"  {cell['row']} {cell['column']}: {shown(cell['column'], cell['before'])} →"
        f" {shown(cell['column'], cell['after'])}  ({', '.join(_positions(cell['lines']))})"
        for cell in found["cells"]
    ]
    lines += [
        f"{event['position']:>8}  {event['effective_on']}  {shown('_fen', event['amount_fen']):>16}  {event['type']}"
        for event in found["events"]
    ]
    answer(found, lines, as_json=as_json)


def _moment(name: str, told: str) -> dict[str, str]:
    """One of two moments as a parameter: digits are a position, anything else is an instant."""
    return {f"{name}_{'position' if told.isdecimal() else 'as_of'}": told}


def _positions(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(line["position"]) for line in lines))


# --- exporting --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _File:
    """One file of an export: its name, and where the server has it."""

    name: str
    path: str


def _files(programme_id: str, codes: Sequence[str], formats: Sequence[str], when: Mapping[str, Any]) -> Iterator[_File]:
    for code in codes:
        for form in formats:
            if form in _SUFFIXES:
                at = at_programme(programme_id, "statements", code)
                yield _File(f"{code}.{_SUFFIXES[form]}", at + query(**when, format=form))
    for form in formats:
        if form in _BOOKS:
            known = {name: when.get(name) for name in ("at_position", "effective_on")}
            yield _File(_BOOKS[form], at_programme(programme_id, "books") + query(**known, format=form))


@ledger.command()
@_programme
@click.argument("statements", nargs=-1)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for the files. · 输出目录。",
)
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(_FORMATS),
    help="May be repeated; all if none. · 格式,可重复,默认全部。",
)
@_when
@at_server
@as_json
def export(
    *,
    programme_id: str,
    statements: tuple[str, ...],
    output: Path,
    formats: tuple[str, ...],
    url: str | None,
    token_file: Path | None,
    as_json: bool,
    **when: Any,  # noqa: ANN401 - What _when declares.
) -> None:
    """Write statements and books to a folder, all as known at one position. · 将报表与账簿导出至目录。

    The books for beancount and hledger hold every entry up to the day, whatever fiscal year is asked for.
    """
    server = remote(url, token_file)
    catalogue = server.get(at_programme(programme_id, "statements"))
    codes = statements or tuple(each["statement"] for each in catalogue["statements"])
    first = server.get(at_programme(programme_id, "statements", codes[0]) + query(**when))
    # Whatever is recorded meanwhile is left for another export: the files tell of one state of knowledge.
    pinned = when | {"as_of": None, "at_position": first["selected"]["position"]}
    files = list(_files(programme_id, codes, formats or _FORMATS, pinned))
    digests = _written(server, files, output)
    manifest = {
        "programme_id": programme_id,
        "selected": first["selected"],
        "simulated": catalogue.get("simulated", False),
        "sha256": digests,
    }
    _put(output / _MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=2).encode() + b"\n")
    lines = [f"{digest}  {output / name}" for name, digest in digests.items()]
    answer({"folder": str(output), **manifest}, lines, as_json=as_json)


def _written(server: Remote, files: Sequence[_File], folder: Path) -> dict[str, str]:
    """Fetch every file into its place, and say its SHA-256; a file is there whole or not at all."""
    progress = Progress("export · 导出")
    digests = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A folder without its list is one whose export was not finished.
        (folder / _MANIFEST).unlink(missing_ok=True)
        for done, file in enumerate(files, start=1):
            under_way = folder / f".{file.name}.part"
            try:
                with under_way.open("w+b") as into:
                    server.save(file.path, into)
                    into.seek(0)
                    digests[file.name] = hashlib.file_digest(into, "sha256").hexdigest()
                under_way.replace(folder / file.name)
            finally:
                under_way.unlink(missing_ok=True)
            progress(done, len(files))
    except OSError as fault:
        raise _unwritable(folder, fault) from None
    finally:
        progress.end()
    return digests


def _put(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as fault:
        raise _unwritable(path, fault) from None


def _unwritable(path: Path, fault: OSError) -> Stop:
    return Stop(f"{path} cannot be written ({fault.strerror}). 无法写入。", USAGE)


# --- closing ----------------------------------------------------------------------------------------------------------


@ledger.command()
@_programme
@click.argument("period", type=click.Choice(_PERIODS))
@click.argument("last_day", type=_day)
@click.option("--reason", help="code; document=id · 事由。")
@click.option("--key", help="Idempotency-Key; a fresh one if none is given. · 幂等键。")
@at_server
@as_json
def close(
    *,
    programme_id: str,
    period: str,
    last_day: datetime,
    reason: str | None,
    key: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Close a period of the books; nothing takes effect in it any more. · 结账;此后该期间不再记账。"""
    day = last_day.date().isoformat()
    sent = {name: plain(value) for name, value in (("Reason", reason), ("Idempotency-Key", key)) if value is not None}
    path = at_programme(programme_id, "funds", "close-period")
    receipt = remote(url, token_file).post(path, {"period": period, "last_day": day}, headers=sent)
    told = f"{programme_id}: {period} up to {day} closed at position {receipt['version']} · 已结账"
    answer(receipt, [told], as_json=as_json)


# --- reconciling ------------------------------------------------------------------------------------------------------


@ledger.command()
@_programme
@at_server
@as_json
def reconcile(*, programme_id: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Hold both books, the balances that are shown, closed periods and published files together. · 账账核对。

    Exit code 1 where anything differs; it is named.
    """
    progress = Progress("reconcile · 核对")
    try:
        found = reconciled(remote(url, token_file), programme_id, progress)
    finally:
        progress.end()
    if found.differences:
        answer(found, found.differences, as_json=as_json)
        count = len(found.differences)
        raise Found(f"{programme_id}: {count} differences. 共 {count} 处不符。")
    counted = f"{found.sums} sums of both books, the balances, {found.closed_periods} closed periods"
    agree = f"{counted} and {found.published_ledgers} published ledgers agree at position {found.position}"
    answer(found, [f"{programme_id}: {agree} · 核对相符"], as_json=as_json)
