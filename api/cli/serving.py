"""``biaogan serve``: the whole product on this machine; on its first start it opens an institution."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_OID, uuid5

import rich_click as click

from api.cli.institution import Opened, Opening, instant, open_institution
from api.cli.reaching import RUNNING, opened
from api.cli.serve import Product, log_file, product
from api.cli.speaking import as_json, program, say
from infra.embedded import Urls
from infra.log import configure
from infra.places import make_own_folders, private_file
from infra.settings import Settings, load

__all__ = ["serve"]

TOKEN_FILE: Final = "administrator.token"  # noqa: S105 - A file's name.
_LOOK_SECONDS: Final = 0.05


@click.command()
@click.option(
    "--institution", "institution_id", default="main", show_default=True, help="Opened first. · 首次开立编号。"
)
@click.option("--name-zh", default="本机构", show_default=True, help="Its name in Chinese. · 中文名称。")
@click.option("--name-en", default="This institution", show_default=True, help="Its name in English. · 英文名称。")
@click.option("--simulated-from", "starts_at", metavar="INSTANT", help="Open a rehearsal instead. · 演练时钟起点。")
@as_json
def serve(*, institution_id: str, name_zh: str, name_en: str, starts_at: str | None, as_json: bool) -> None:
    """Run database, broker and every process until Ctrl-C. · 运行全部进程。

    Where no institution is open yet, one is opened with these names, for ever, and the token that lets its
    administrator in once is written to a file that only you can read.
    """
    settings = load()
    opening = Opening(
        institution_id=institution_id,
        name_zh=name_zh,
        name_en=name_en,
        starts_at=None if starts_at is None else instant(starts_at),
        administrator_id=str(uuid5(NAMESPACE_OID, f"biaogan administrator of {institution_id}")),
        details={"name": "Administrator · 管理员"},
    )
    make_own_folders(settings.state_dir)
    # Ctrl-C and SIGTERM are the orderly end of a server.
    with _log(settings), suppress(KeyboardInterrupt), product(settings, say) as running, _written_down(running):
        _let_in(running, opening)
        say(f"{running.url}  (Ctrl-C stops; data in {settings.state_dir} · Ctrl-C 停止)")
        if as_json:
            print(json.dumps({"url": running.url, "state_dir": str(settings.state_dir)}), flush=True)
        while True:
            running.tend()
            time.sleep(_LOOK_SECONDS)
    say("stopped · 已停止")


@contextmanager
def _log(settings: Settings) -> Iterator[None]:
    """Send this process's own lines to where those of its children go: the terminal is for what a person reads."""
    with TextIOWrapper(private_file(log_file(settings)), encoding="utf-8") as log:
        configure("serve", settings.log_level, log)
        yield


@contextmanager
def _written_down(running: Product) -> Iterator[None]:
    """Say where the product is to be found, to commands of the same user on this machine."""
    path = running.settings.state_dir / RUNNING
    told = {"pid": os.getpid(), "url": running.url, "database_url": running.settings.database_url}
    _write_private(path, json.dumps(told) + "\n")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with private_file(path) as file:
        file.write(text.encode())


def _let_in(running: Product, opening: Opening) -> None:
    """Open the first institution where there is none, and keep its token for the person who started us."""

    async def work() -> Opened | None:
        urls = Urls(owner_url="", app_url=running.settings.database_url or "")
        async with opened(running.settings, urls) as wiring:
            if await wiring.parts.clock.institutions():
                return None
            return await open_institution(wiring, opening)

    found = asyncio.run(work())
    if found is not None:
        path = running.settings.state_dir / TOKEN_FILE
        _write_private(path, found.token + "\n")
        say(f"institution {found.institution_id} opened; its administrator's first token lies in {path} · 已开立机构")
        say(f"it works once; exchange it: {program()} token exchange --token-file {path} · 该令牌只能换取一次")
