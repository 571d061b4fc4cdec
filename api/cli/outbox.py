"""``biaogan outbox``: what automations have to do, what is dead, and having it taken up again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import rich_click as click

from api.cli.reaching import chosen, database, opened, run
from api.cli.speaking import FOUND, USAGE, Stop, answer, as_json
from api.requests import REASON_CODE
from infra.outbox import LARGEST_PAGE, STATES, Outbox, OutboxRetry, OutboxRow, State
from infra.settings import load

__all__ = ["outbox"]

_LONGEST_REASON: Final = 64
_institution = click.option("--institution", "institution_id", help="Which, where there are several. · 机构编号。")


@click.group()
def outbox() -> None:
    """What automations have to do. · 自动化事项。"""


@outbox.command("list")
@click.option(
    "--state", "states", multiple=True, type=click.Choice(STATES), help="May be repeated; all if none. · 状态。"
)
@click.option("--automation", help="Only of this one. · 仅该规则。")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, LARGEST_PAGE), help="At most. · 至多。")
@_institution
@as_json
def list_(
    *, states: tuple[State, ...], automation: str | None, limit: int, institution_id: str | None, as_json: bool
) -> None:
    """List rows, the newest first. · 列出事项。"""
    settings = load()
    with database(settings) as urls:

        async def work() -> Sequence[OutboxRow]:
            async with opened(settings, urls) as wiring:
                log_id = (await chosen(wiring, institution_id)).log_id
                return await Outbox(wiring.parts.pool).list(log_id, states or STATES, automation, limit=limit)

        found = run(work())
    answer(found, [_line(row) for row in found], as_json=as_json)


@outbox.command()
@click.argument("key", type=click.UUID)
@_institution
@as_json
def show(*, key: UUID, institution_id: str | None, as_json: bool) -> None:
    """Show one row, and why it was taken up again, if it was. · 显示一项。"""
    settings = load()
    with database(settings) as urls:

        async def work() -> tuple[OutboxRow, tuple[OutboxRetry, ...]] | None:
            async with opened(settings, urls) as wiring:
                return await Outbox(wiring.parts.pool).show((await chosen(wiring, institution_id)).log_id, key)

        found = run(work())
    if found is None:
        raise Stop(f"There is no row {key}. 没有此事项。", FOUND)
    row, retries = found
    lines = [
        _line(row),
        *(f"  taken up again · 重新办理 {each.at:%Y-%m-%d %H:%M}: {each.reason_code}" for each in retries),
    ]
    answer({"row": row, "retries": retries}, lines, as_json=as_json)


@outbox.command()
@click.argument("key", type=click.UUID)
@click.option("--reason", required=True, help="Why, as a short code such as mail_server_mended. · 事由代码。")
@_institution
@as_json
def retry(*, key: UUID, reason: str, institution_id: str | None, as_json: bool) -> None:
    """Have a dead row taken up again. · 重新办理已失败事项。"""
    if not re.fullmatch(REASON_CODE, reason) or len(reason) > _LONGEST_REASON:
        raise Stop(
            "A reason is a short code: lower-case words and digits joined by _ or -."
            " 事由须为短代码:以 _ 或 - 连接的小写字母与数字。",
            USAGE,
        )
    settings = load()
    with database(settings) as urls:

        async def work() -> bool:
            async with opened(settings, urls) as wiring:
                log_id = (await chosen(wiring, institution_id)).log_id
                return await Outbox(wiring.parts.pool).retry(log_id, key, reason)

        taken_up = run(work())
    if not taken_up:
        raise Stop(f"There is no dead row {key}. 没有此失败事项。", FOUND)
    answer({"key": key, "state": "pending"}, (f"{key} is taken up again. 已重新办理。",), as_json=as_json)


def _line(row: OutboxRow) -> str:
    about = f"#{row.position}" if row.about == row.position else f"#{row.position} for #{row.about}"
    return f"{row.key}  {row.automation}  {about}  {_state(row)}"


def _state(row: OutboxRow) -> str:
    match row.state:
        case "done":
            return "done · 已办结" if row.recorded is None else f"done, recorded at · 已办结,记录于 #{row.recorded}"
        case "refused":
            return f"refused · 被拒绝: {row.refusal}"
        case "dead":
            return f"dead after {row.attempts} attempts · 尝试 {row.attempts} 次后失败: {row.fault}"
        case _:
            tried = f" ({row.attempts} ×: {row.fault or 'under way · 办理中'})" if row.attempts else ""
            return f"pending · 待办{tried}"
