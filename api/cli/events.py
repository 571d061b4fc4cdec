"""``biaogan events``: the lines of the log, their root, and the check of an export that needs no server."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any, Final

import rich_click as click

from api.cli.openings import Openings
from api.cli.reaching import chosen, database, opened, run
from api.cli.speaking import USAGE, Found, Progress, Stop, answer, as_json, say
from infra.clock import Institution
from infra.line import Root, check, leaf, line
from infra.settings import load

__all__ = ["events"]

_SHOWN: Final = 20
SIMULATED: Final = "simulated: nothing of it ever happened · 演练,并非真实"
_institution = click.option("--institution", "institution_id", help="Which, where there are several. · 机构编号。")


@click.group()
def events() -> None:
    """The record, line by line. · 记录逐行。"""


@events.command()
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Else standard output. · 输出文件。"
)
@_institution
@as_json
def export(*, output: Path | None, institution_id: str | None, as_json: bool) -> None:
    """Write the canonical lines of the log; with --json, tell of the file that was written. · 导出日志各行。"""
    settings = load()
    if as_json and output is None:
        raise Stop("With --json the lines need a file of their own: give -o. 请以 -o 指定文件。", USAGE)
    try:
        file = None if output is None else output.open("wb")
    except OSError as fault:
        raise Stop(f"{output} cannot be written ({fault.strerror}). 无法写入该文件。", USAGE) from None
    with file or nullcontext(sys.stdout.buffer) as lines, database(settings) as urls:
        progress = Progress("export")

        async def work(file: IO[bytes]) -> tuple[Institution, Root]:
            async with opened(settings, urls) as wiring:
                found = await chosen(wiring, institution_id)
                store, root = await wiring.parts.stores(found.log_id), Root()
                head = await store.head()
                async for page in store.rows(until=head):
                    for row in page:
                        canonical = line(found.institution_id, row)
                        root.add(leaf(canonical))
                        file.write(canonical + b"\n")
                    progress(root.size, head)
            progress.end()
            return found, root

        found, root = run(work(lines))
    told = _told(found.institution_id, root, simulated=found.simulated)
    if as_json:
        answer({"file": str(output), **told}, (), as_json=True)
    else:
        say(f"{found.institution_id}: {root.size} lines · 行, root · 根摘要 {told['root']}")
        if found.simulated:
            say(SIMULATED)


@events.command("root")
@_institution
@as_json
def root_(*, institution_id: str | None, as_json: bool) -> None:
    """Print the log's name, its size and its root (RFC 6962), a line each. · 打印日志名称、规模与根摘要,各占一行。

    A fourth line says so where the institution is simulated.
    """
    settings = load()
    with database(settings) as urls:
        progress = Progress("root")

        async def work() -> tuple[Institution, Root]:
            async with opened(settings, urls) as wiring:
                found = await chosen(wiring, institution_id)
                store, root = await wiring.parts.stores(found.log_id), Root()
                head = await store.head()
                async for page in store.rows(until=head):
                    for row in page:
                        root.add(leaf(line(found.institution_id, row)))
                    progress(root.size, head)
                progress.end()
                return found, root

        found, root = run(work())
    told = _told(found.institution_id, root, simulated=found.simulated)
    answer(told, _lines(told), as_json=as_json)


def _told(log: str | None, root: Root, *, simulated: bool) -> dict[str, Any]:
    """What pins a log down, and whether anything of it ever happened."""
    return {"log": log, "size": root.size, "root": root.digest().hex(), "simulated": simulated}


def _lines(told: Mapping[str, Any]) -> tuple[str, ...]:
    return (told["log"] or "–", str(told["size"]), told["root"], *((SIMULATED,) if told["simulated"] else ()))


@events.command("check")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@as_json
def check_(*, file: Path, as_json: bool) -> None:
    """Check an export without any server: log, size, root, sheets, every finding. · 离线校验导出文件并重算根摘要。

    A sheet that was opened must be what was committed to when it was filed. That the end of an export was cut off shows
    only against a size and root that were kept elsewhere.
    """
    openings = Openings()
    with file.open("rb") as lines:
        found = check(lines, openings)
    told = _told(found.log, found.root, simulated=openings.simulated)
    shown = (*_lines(told), *found.findings[:_SHOWN])
    answer({**told, "findings": found.findings}, shown, as_json=as_json)
    if found.findings:
        raise Found(f"{file}: {len(found.findings)} findings. 共 {len(found.findings)} 处问题。")
