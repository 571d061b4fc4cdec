"""``biaogan api``: any request to the running server, and the schema that tells what can be asked."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import rich_click as click

from api.app import schema_bytes
from api.cli.reaching import remote
from api.cli.speaking import USAGE, Stop, at_server, plain

__all__ = ["api"]


@click.group()
def api() -> None:
    """The HTTP API. · 接口。"""


@api.command()
def openapi() -> None:
    """Print the schema of the HTTP API (OpenAPI 3.1). · 打印接口模式。"""
    sys.stdout.buffer.write(schema_bytes())


@api.command()
@click.argument("path")
@at_server
def get(*, path: str, url: str | None, token_file: Path | None) -> None:
    """Read a view, as in /v1/units?limit=5. · 读取视图。"""
    _show(remote(url, token_file).get(_path(path)))


@api.command()
@click.argument("path")
@click.argument("body", default="{}")
@click.option("--key", help="Idempotency-Key; a fresh one if none is given. · 幂等键。")
@click.option("--reason", help="code; document=id · 事由。")
@click.option("--if-match", help="The version that was read. · 所读版本。")
@click.option("--effective-on", help="The earlier day on which it became true. · 更早的生效日。")
@at_server
def post(*, path: str, body: str, url: str | None, token_file: Path | None, **headers: str | None) -> None:
    """Ask for a command, as in /v1/units, with its BODY in JSON. · 提出命令。"""
    names = {"key": "Idempotency-Key", "reason": "Reason", "if_match": "If-Match", "effective_on": "Effective-On"}
    given = {names[name]: value for name, value in headers.items() if value is not None}
    sent = {name: plain(value) for name, value in given.items()}
    _show(remote(url, token_file).post(_path(path), body.encode(), headers=sent))


def _path(path: str) -> str:
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
        raise Stop(f"{path} is no path of the server; it begins with / as in /v1/units. 不是服务路径。", USAGE)
    return path


def _show(answer: Any) -> None:  # noqa: ANN401 - JSON of any shape.
    print(json.dumps(answer, ensure_ascii=False, indent=2))
