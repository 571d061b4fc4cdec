"""``biaogan programme``: a definition is checked here, announced at the running server, and shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import rich_click as click

from api.cli.reaching import remote
from api.cli.speaking import FOUND, Stop, answer, as_json
from api.programme import all_findings
from domain.programme.definition import schema

__all__ = ["programme"]

_file = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
_url = click.option("--url", help="The server; else BIAOGAN_URL. · 服务地址。")
_token = click.option(
    "--token-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Else BIAOGAN_TOKEN."
)


def read_definition(file: Path) -> Any:  # noqa: ANN401 - JSON of any shape, until it is checked.
    """A definition as it lies in a file."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, ValueError) as fault:
        raise Stop(f"{file} is no JSON: {fault}.", FOUND) from None


def lines_of(found: list[dict[str, Any]]) -> list[str]:
    """Findings for a person to read."""
    return [f"{one['path'] or '/'}: {one['rule']}: {one['en']} {one['zh']} (value: {one['value']!r})" for one in found]


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
        if as_json:
            answer({"findings": found}, (), as_json=True)
        else:
            answer(None, lines_of(found), as_json=False)
        raise Stop(f"{file}: {len(found)} findings.", FOUND)
    answer({"findings": []}, (f"{file}: no findings.",), as_json=as_json)


@programme.command("schema")
def schema_() -> None:
    """Print the JSON Schema of a definition. · 打印项目定义的 JSON Schema。"""
    print(json.dumps(schema(), ensure_ascii=False, indent=2))


@programme.command()
@_file
@click.option("--id", "programme_id", required=True, help="Id of the programme. · 项目编号。")
@click.option(
    "--notice",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The text as published; deposited first. · 通知原文文件。",
)
@click.option("--notice-document", help="Or the id of a deposited notice. · 或已存入的通知编号。")
@_url
@_token
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
        raise Stop(f"{file}: {len(found)} findings; the first: {lines_of(found)[0]}", FOUND, {"findings": found})
    if (notice is None) == (notice_document is None):
        raise Stop("Give the text as published: either --notice FILE or --notice-document ID.")
    server = remote(url, token_file)
    if notice is not None:
        deposited = server.post("/v1/documents?kind=notice", notice.read_bytes(), content_type="text/plain")
        notice_document = deposited["location"].rpartition("/")[2]
    body = {"notice_document_id": notice_document, "definition": definition}
    receipt = server.post(f"/v1/programmes/{programme_id}/announce", body)
    lines = [f"{programme_id}: {len(receipt['events'])} events, at position {receipt['version']}"]
    answer(receipt, lines, as_json=as_json)


@programme.command()
@click.argument("programme_id")
@_url
@_token
@as_json
def show(*, programme_id: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show a programme as it stands: its terms with value and source. · 显示项目与其条款现值。"""
    server = remote(url, token_file)
    row = server.get(f"/v1/programmes/{programme_id}")
    terms = server.get(f"/v1/programmes/{programme_id}/terms?limit=200")["items"]
    lines = [f"{row.get('name_zh')} · {row.get('name_en')}"]
    lines += [
        f"  {term['term']:32} {term.get('legibility')!s:14} {term.get('as_published')!s:24} → {term.get('value')!s}"
        for term in terms
    ]
    answer({"programme": row, "terms": terms}, lines, as_json=as_json)
