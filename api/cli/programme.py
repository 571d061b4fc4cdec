"""``biaogan programme``: a definition is checked here, announced at the running server, and shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import rich_click as click

from api.cli.reaching import in_path, remote
from api.cli.speaking import FOUND, USAGE, Found, Stop, answer, as_json, at_server, say
from api.programme import all_findings
from domain.programme.definition import schema

__all__ = ["programme"]

_file = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))


def read_definition(file: Path) -> Any:  # noqa: ANN401 - JSON of any shape, until it is checked.
    """A definition as it lies in a file."""
    try:
        # Some editors put a mark before the first character.
        document = json.loads(
            file.read_text(encoding="utf-8-sig"), object_pairs_hook=_each_once, parse_constant=_no_number
        )
        json.dumps(document, ensure_ascii=False).encode()  # Half a character can be written down, but never sent.
    except (ValueError, RecursionError) as fault:
        told = "nested too deeply" if isinstance(fault, RecursionError) else fault
        raise Stop(f"{file} is no JSON: {told}. 文件不是 UTF-8 编码的 JSON。", FOUND) from None
    return document


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for at, (name, _) in enumerate(pairs) if any(name == before for before, _ in pairs[:at]))
        raise ValueError(f"the key {twice} stands twice in one object")
    return found


def lines_of(found: list[dict[str, Any]]) -> list[str]:
    """Findings for a person to read."""
    return [
        f"{one['path'] or '/'}: {one['rule']}: {one['en']} {one['zh']}"
        f" (value · 值: {json.dumps(one['value'], ensure_ascii=False)})"
        for one in found
    ]


def _shown(value: dict[str, Any] | None) -> str:
    """A value as a person reads it; none is one that still waits for somebody to interpret it."""
    match value:
        case None:
            shown = "–"
        case {"type": "date", "day": day}:
            shown = day
        case {"type": "moment", "day": day, "hour": hour, "minute": minute}:
            shown = f"{day} {hour:02}:{minute:02}"
        case {"type": "amount", "amount_fen": fen}:
            shown = f"{fen // 100:,}.{fen % 100:02} yuan · 元"
        case {"type": "ratio", "ratio_bp": points}:
            shown = f"{points} bp · 基点"
        case {"type": "count", "count": count}:
            shown = str(count)
        case _:
            shown = "lawfully not stated · 依法未载明"
    return shown


@click.group()
def programme() -> None:
    """Programmes and their definitions. · 项目与项目定义。"""


@programme.command()
@_file
@as_json
def validate(*, file: Path, as_json: bool) -> None:
    """Check a definition: every finding at once, with path, value and rule. · 校验项目定义。"""
    found = all_findings(read_definition(file))
    if found:
        answer({"findings": found}, lines_of(found), as_json=as_json)
        raise Found(f"{file}: {len(found)} findings. 共 {len(found)} 处问题。")
    answer({"findings": []}, (f"{file}: no findings. 没有问题。",), as_json=as_json)


@programme.command("schema")
@as_json
def schema_(*, as_json: bool) -> None:
    """Print the JSON Schema of a definition. · 打印项目定义的 JSON Schema。"""
    found = schema()
    answer(found, (json.dumps(found, ensure_ascii=False, indent=2),), as_json=as_json)


@programme.command()
@_file
@click.option("--id", "programme_id", required=True, help="Id of the programme. · 项目编号。")
@click.option(
    "--notice",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The text as published; deposited first. · 通知原文文件。",
)
@click.option("--notice-document", help="Or the id of a deposited notice. · 或已存入的通知编号。")
@at_server
@as_json
def load(
    *,
    file: Path,
    programme_id: str,
    notice: Path | None,
    notice_document: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Announce a programme from its definition and the text as published. · 依定义与通知原文发布项目。"""
    definition = read_definition(file)
    found = all_findings(definition)
    if found:
        raise Stop(
            f"{file}: {len(found)} findings; the first: · 共 {len(found)} 处问题,首处:{lines_of(found)[0]}",
            FOUND,
            {"findings": found},
        )
    if (notice is None) == (notice_document is None):
        raise Stop(
            "Give the text as published: either --notice FILE or --notice-document ID. 请提供通知原文或其文件编号。",
            USAGE,
        )
    server = remote(url, token_file)
    if notice is not None:
        deposited = server.post("/v1/documents?kind=notice", notice.read_bytes(), content_type="text/plain")
        notice_document = deposited["location"].rpartition("/")[2]
        say(f"deposited {notice} as {notice_document} · 已存入通知原文")
    body = {"notice_document_id": notice_document, "definition": definition}
    receipt = server.post(f"/v1/programmes/{in_path(programme_id)}/announce", body)
    # Whoever looks next finds it: the answer waits until the view has it.
    server.get(f"/v1/programmes/{in_path(programme_id)}?min_position={receipt['version']}")
    lines = [f"{programme_id}: {len(receipt['events'])} events, at position {receipt['version']} · 已发布"]
    answer(receipt, lines, as_json=as_json)


@programme.command()
@click.argument("programme_id")
@at_server
@as_json
def show(*, programme_id: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show a programme as it stands: its terms with value and source. · 显示项目与其条款现值。"""
    server = remote(url, token_file)
    at = f"/v1/programmes/{in_path(programme_id)}"
    row = server.get(at)
    terms = server.get(f"{at}/terms?limit=200")["items"]
    lines = [f"{row.get('name_zh')} · {row.get('name_en')}"]
    lines += [
        f"  {term['term']:32} {term.get('legibility')!s:14} {term.get('as_published') or '–'!s}"
        f" → {_shown(term.get('value'))} ({term.get('standing')})"
        for term in terms
    ]
    answer({"programme": row, "terms": terms}, lines, as_json=as_json)
