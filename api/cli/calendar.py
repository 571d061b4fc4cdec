"""``biaogan calendar load``: the published working days of a year, proposed for a person to file."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import chinese_calendar
import rich_click as click

from api.cli.reaching import remote
from api.cli.speaking import Stop, answer, as_json
from domain.institution.policy import FIRST_YEAR, LAST_YEAR

__all__ = ["calendar", "proposal"]

_SATURDAY: Final = 5
_SOURCE: Final = "state-council-notice"


def proposal(year: int) -> dict[str, Any]:
    """The body that files the working days of a year as the State Council published them."""
    day, off, worked = date(year, 1, 1), [], []
    try:
        while day.year == year:
            is_working = chinese_calendar.is_workday(day)
            if is_working and day.weekday() >= _SATURDAY:
                worked.append(day)
            elif not is_working and day.weekday() < _SATURDAY:
                off.append(day)
            day += timedelta(days=1)
    except NotImplementedError:
        raise Stop(
            f"The published working days of {year} are not known here; file them from their notice."
            " 此处没有该年的放假安排,请依通知备案。"
        ) from None
    return {"days_off": off, "days_worked": worked, "source": _SOURCE}


@click.group()
def calendar() -> None:
    """The working-day calendar. · 工作日历。"""


@calendar.command()
@click.argument("year", type=click.IntRange(FIRST_YEAR, LAST_YEAR))
@click.option("--file", "is_filed", is_flag=True, help="File it at the running server, as the token's holder. · 备案。")
@click.option("--url", help="The server; else BIAOGAN_URL. · 服务地址。")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Else BIAOGAN_TOKEN. · 令牌文件。",
)
@as_json
def load(
    *,
    year: int,
    is_filed: bool,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Propose the published working days of a year; with --file, file them. · 提出某年工作日历,--file 即备案。"""
    body = proposal(year)
    off, worked = body["days_off"], body["days_worked"]
    lines = [
        f"{year}: {len(off)} weekdays off · 平日放假, {len(worked)} weekend days worked · 周末上班",
        f"off · 放假     {' '.join(f'{day:%m-%d}' for day in off)}",
        f"worked · 上班  {' '.join(f'{day:%m-%d}' for day in worked)}",
    ]
    if not is_filed:
        answer(body, lines, as_json=as_json)
        return
    receipt = remote(url, token_file).post(f"/v1/calendars/{year}/supply", body)
    answer(receipt, [*lines, f"filed at position · 备案于位置 {receipt['version']}"], as_json=as_json)
