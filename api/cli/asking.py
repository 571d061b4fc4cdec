"""``biaogan api``: any request to the running server, and the schema that tells what can be asked."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import rich_click as click

from api.app import schema_bytes
from api.cli.reaching import remote
from api.cli.speaking import USAGE, Stop, answer, as_json, at_server, plain

__all__ = ["api"]


@click.group()
def api() -> None:
    """The HTTP API. · 接口。"""


@api.command()
@as_json
def openapi(*, as_json: bool) -> None:
    """Print the schema of the HTTP API (OpenAPI 3.1). · 打印接口模式。"""
    if as_json:
        answer(msgspec.Raw(schema_bytes()), (), as_json=True)
    else:
        sys.stdout.buffer.write(schema_bytes())


@api.command()
@click.argument("path")
@at_server
@as_json
def get(*, path: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Read a view, as in /v1/units?limit=5. · 读取视图。"""
    _show(remote(url, token_file).get(_path(path)), as_json=as_json)


@api.command()
@click.argument("path")
@click.argument("body", default="{}")
@click.option("--key", help="Idempotency-Key; a fresh one if none is given. · 幂等键。")
@click.option("--reason", help="code; document=id · 事由。")
@click.option("--if-match", help="The version that was read. · 所读版本。")
@click.option("--effective-on", help="The earlier day on which it became true. · 更早的生效日。")
@at_server
@as_json
def post(
    *, path: str, body: str, url: str | None, token_file: Path | None, as_json: bool, **headers: str | None
) -> None:
    """Ask for a command, as in /v1/units, with its BODY in JSON. · 提出命令。"""
    names = {"key": "Idempotency-Key", "reason": "Reason", "if_match": "If-Match", "effective_on": "Effective-On"}
    given = {names[name]: value for name, value in headers.items() if value is not None}
    sent = {name: plain(value) for name, value in given.items()}
    _show(remote(url, token_file).post(_path(path), body.encode(), headers=sent), as_json=as_json)


def _path(path: str) -> str:
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
        raise Stop(f"{path} is no path of the server; it begins with / as in /v1/units. 不是服务路径。", USAGE)
    return path


def _show(found: Any, *, as_json: bool) -> None:  # noqa: ANN401 - JSON of any shape.
    answer(found, (json.dumps(found, ensure_ascii=False, indent=2),), as_json=as_json)
