"""Budget execution over time 预算执行进度: what was approved, allocated, paid out and accounted for by each month."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated, Final

import msgspec

from domain.funding.policy import month_after
from domain.kernel import Recorded, office
from projections.budget_execution import BUDGET_EXECUTION
from projections.kernel import Table, columns
from projections.statement import Period

__all__ = ["OVER_TIME", "execution_over_time"]


class ExecutionAtRow(msgspec.Struct, frozen=True, kw_only=True):
    """How far the money of all sources was by the end of a month.
    zh: 截至某月末全部来源经费的执行进度。
    """

    by: Annotated[date, office("By", "截至")]
    approved_fen: Annotated[int, office("Approved, adjusted, pledged (fen)", "批复、调整及配套承诺(分)")] = 0
    allocated_fen: Annotated[int, office("Allocated (fen)", "累计下达(分)")] = 0
    paid_out_fen: Annotated[int, office("Paid out (fen)", "累计拨付(分)")] = 0
    accounted_for_fen: Annotated[int, office("Accounted for (fen)", "已核销(分)")] = 0
    recovered_fen: Annotated[int, office("Recovered (fen)", "已收回(分)")] = 0


OVER_TIME: Final = "execution_over_time"
"""What the table is called."""
_COLUMNS: Final = {
    "approved_fen": "approved_fen",
    "adjusted_fen": "approved_fen",
    "pledged_fen": "approved_fen",
    "allocated_fen": "allocated_fen",
    "paid_out_fen": "paid_out_fen",
    "accounted_for_fen": "accounted_for_fen",
    "recovered_fen": "recovered_fen",
}


def execution_over_time(facts: Iterable[Recorded], period: Period) -> Table:
    """Month by month, from the first fact to the last day, in the figures of the budget execution."""
    moved: dict[date, dict[str, int]] = {}
    for told in BUDGET_EXECUTION.says(facts, replace(period, first_day=None)):
        if told.column in _COLUMNS and not any(told.key[1:]):
            month = moved.setdefault(_end_of_month(period.day(told.fact)), {})
            column = _COLUMNS[told.column]
            month[column] = month.get(column, 0) + told.value
    rows, sums = [], dict.fromkeys(set(_COLUMNS.values()), 0)
    for end in _months(moved):
        for column, amount in moved.get(end, {}).items():
            sums[column] += amount
        rows.append(ExecutionAtRow(by=min(end, period.last_day or end), **sums))
    return Table(
        name=OVER_TIME, en="Execution over time", zh="执行进度", columns=columns(ExecutionAtRow),
        rows=[msgspec.structs.astuple(row) for row in rows],
    )  # fmt: skip


def _end_of_month(day: date) -> date:
    return month_after(day.replace(day=1) - timedelta(days=1))


def _months(moved: Iterable[date]) -> Iterator[date]:
    """Every month's end from the first to the last, those without a fact between them as well."""
    ends = sorted(moved)
    if not ends:
        return
    end = ends[0]
    while end <= ends[-1]:
        yield end
        end = month_after(end)
