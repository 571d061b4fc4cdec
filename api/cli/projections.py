"""``biaogan replay`` and ``biaogan projections``: whether the views say what the log says, and building them anew."""

from __future__ import annotations

from typing import Final

import rich_click as click

from api.cli.reaching import chosen, database, opened, run
from api.cli.speaking import USAGE, Found, Progress, Stop, answer, as_json
from domain.lifecycle import CATALOGUE
from infra.replay import Replayed, ViewPace, replayed
from infra.settings import load
from infra.view_build import build
from infra.views import Standing
from projections import VIEWS

__all__ = ["projections", "replay"]

_SHOWN: Final = 50
_KINDS: Final = {
    "missing": "missing · 缺少",
    "extra": "extra · 多余",
    "changed": "changed · 不同",
    "not_built": "not built · 未建立",
    "not_folded": "not folded · 无法折叠",
}
_institution = click.option("--institution", "institution_id", help="Which, where there are several. · 机构编号。")


@click.group()
def replay() -> None:
    """Replay of the log. · 重放。"""


@replay.command("verify")
@_institution
@as_json
def verify_(*, institution_id: str | None, as_json: bool) -> None:
    """Fold everything from position 1 and compare it with every live view, with the pace of each. · 重放核对视图。

    Exit 1 names the rows that differ. · 有差异时退出码为 1,并列出相应行。
    """
    settings = load()
    with database(settings) as urls:
        progress = Progress("replay")

        async def work() -> Replayed:
            async with opened(settings, urls) as wiring:
                log_id = (await chosen(wiring, institution_id)).log_id
                return await replayed(wiring.parts.pool, VIEWS, CATALOGUE, log_id, progress)

        told = run(work())
        progress.end()
    found = told.differences
    paces = [_pace(pace) for pace in told.paces]
    lines = [
        f"{one.view} {'/'.join(map(str, one.key))}: {_KINDS[one.kind]} {one.column or ''} #{one.position}".rstrip()
        for one in found[:_SHOWN]
    ]
    summary = [f"{len(VIEWS)} views · 个视图, {len(found)} differences · 处差异"]
    body = {"views": len(VIEWS), "position": told.position, "differences": found, "paces": told.paces}
    answer(body, [*paces, *lines, *summary], as_json=as_json)
    if found:
        raise Found(f"{len(found)} differences. 共 {len(found)} 处差异。")


def _pace(pace: ViewPace) -> str:
    rate = "-" if pace.events_per_second is None else f"{pace.events_per_second:,}"
    return f"{pace.view:24} {pace.events:>10,} events · 事件 {rate:>12} /s"


@click.group()
def projections() -> None:
    """The views. · 视图。"""


@projections.command()
@as_json
def status(*, as_json: bool) -> None:
    """Where every view stands in every log. · 各视图进度。"""
    settings = load()
    with database(settings) as urls:

        async def work() -> tuple[Standing, ...]:
            async with opened(settings, urls) as wiring:
                return await wiring.views.standing()

        found = run(work())
    lines = [f"{one.view:16} log {one.log_id}  {one.position}/{one.head}  {_health(one)}" for one in found]
    answer(found, lines, as_json=as_json)
    if not all(one.healthy for one in found):
        raise Found("Not every view is healthy. 有视图不正常。")


def _health(one: Standing) -> str:
    if one.relation is None:
        return "not built · 未建立"
    return "ok · 正常" if one.stopped_at is None else f"stopped at · 停于 {one.stopped_at}: {one.kind}"


@projections.command()
@click.argument("names", nargs=-1)
@as_json
def rebuild(*, names: tuple[str, ...], as_json: bool) -> None:
    """Build views anew beside those that are read, and switch; all of them where none is named. · 重建视图。"""
    known = {view.name for view in VIEWS}
    if unknown := set(names) - known:
        raise Stop(
            f"There is no view {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}. 没有该视图。", USAGE
        )
    settings = load()
    with database(settings) as urls:
        progress = Progress("rebuild")

        async def work() -> list[str]:
            async with opened(settings, urls) as wiring:
                return await build(
                    wiring.parts.pool,
                    VIEWS,
                    CATALOGUE,
                    again=set(names) or known,
                    report=lambda _what, done, of: progress(done, of),
                )

        switched = run(work())
        progress.end()
    answer({"switched": switched}, (f"switched · 已切换: {', '.join(switched) or '–'}",), as_json=as_json)
