"""``biaogan events``: the lines of the log, their root, and the check of an export that needs no server."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Final

import rich_click as click

from api.cli.openings import Openings
from api.cli.reaching import chosen, database, opened, run
from api.cli.speaking import FOUND, USAGE, Progress, Stop, answer, as_json
from infra.line import Root, check, leaf, line
from infra.settings import load

__all__ = ["events"]

_SHOWN: Final = 20
_institution = click.option("--institution", "institution_id", help="Which, where there are several. · 机构编号。")


@click.group()
def events() -> None:
    """The record, line by line. · 记录逐行。"""


@events.command()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Else standard output. · 输出文件。"
)
@_institution
def export(output: Path | None, institution_id: str | None) -> None:
    """Write the canonical lines of the log. · 导出日志各行。"""
    settings = load()
    try:
        file = None if output is None else output.open("wb")
    except OSError as fault:
        raise Stop(f"{output} cannot be written ({fault.strerror}). 无法写入该文件。", USAGE) from None
    with file or nullcontext(sys.stdout.buffer) as lines, database(settings) as urls:
        progress = Progress("export")

        async def work(file: IO[bytes]) -> None:
            async with opened(settings, urls) as wiring:
                found = await chosen(wiring, institution_id)
                store = await wiring.parts.stores(found.log_id)
                head, done = await store.head(), 0
                async for page in store.rows(until=head):
                    file.writelines(line(found.institution_id, row) + b"\n" for row in page)
                    done += len(page)
                    progress(done, head)
            progress.end()

        run(work(lines))


@events.command("root")
@_institution
@as_json
def root_(*, institution_id: str | None, as_json: bool) -> None:
    """Print the log's name, its size and its root (RFC 6962), a line each. · 打印日志名称、规模与根摘要,各占一行。"""
    settings = load()
    with database(settings) as urls:
        progress = Progress("root")

        async def work() -> tuple[str, Root]:
            async with opened(settings, urls) as wiring:
                found = await chosen(wiring, institution_id)
                store, root = await wiring.parts.stores(found.log_id), Root()
                head = await store.head()
                async for page in store.rows(until=head):
                    for row in page:
                        root.add(leaf(line(found.institution_id, row)))
                    progress(root.size, head)
                progress.end()
                return found.institution_id, root

        log, root = run(work())
    digest = root.digest().hex()
    answer({"log": log, "size": root.size, "root": digest}, (log, str(root.size), digest), as_json=as_json)


@events.command("check")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@as_json
def check_(*, file: Path, as_json: bool) -> None:
    """Check an export without any server: log, size, root, sheets, every finding. · 离线校验导出文件并重算根摘要。

    A sheet that was opened must be what was committed to when it was filed. That the end of an export was cut off shows
    only against a size and root that were kept elsewhere.
    """
    with file.open("rb") as lines:
        found = check(lines, Openings())
    digest = found.root.digest().hex()
    told = {"log": found.log, "size": found.root.size, "root": digest, "findings": found.findings}
    answer(told, (found.log or "–", str(found.root.size), digest, *found.findings[:_SHOWN]), as_json=as_json)
    if found.findings:
        raise Stop(f"{file}: {len(found.findings)} findings. 共 {len(found.findings)} 处问题。", FOUND)
