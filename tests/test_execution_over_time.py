"""Budget execution over time: each month's end is what the statement says on that day."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any

from projections.budget_execution import BUDGET_EXECUTION
from projections.execution_over_time import execution_over_time
from projections.statement import STATEMENT_FACTS, Period
from tests.test_funding_posting import ZONE
from tests.test_funding_story import STORY

FACTS = [each for each in STORY.past.log if isinstance(each.event, STATEMENT_FACTS)]
SUMS = {
    "approved_fen": ("approved_fen", "adjusted_fen", "pledged_fen"),
    "allocated_fen": ("allocated_fen",),
    "paid_out_fen": ("paid_out_fen",),
    "accounted_for_fen": ("accounted_for_fen",),
    "recovered_fen": ("recovered_fen",),
}


def points(**period: Any) -> list[dict[str, Any]]:
    table = execution_over_time(FACTS, Period(zone=ZONE, **period))
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def stated(day: date, **period: Any) -> dict[str, int]:
    table = BUDGET_EXECUTION.table(FACTS, Period(zone=ZONE, last_day=day, **period))
    names = [column.name for column in table.columns]
    rows: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in table.rows]
    whole = [row for row in rows if row["level"] == "programme"]
    return {name: sum(row[each] for row in whole for each in columns) for name, columns in SUMS.items()}


def test_each_month_ends_with_what_the_statement_of_that_day_says() -> None:
    years: list[dict[str, Any]] = [{}, {"first_year": 2021, "last_year": 2021}]
    for year in years:
        found = points(**year)
        assert len(found) > 5
        for point in found:
            by = point.pop("by")
            assert point == stated(by, **year), by


def test_no_month_is_left_out_and_the_last_ends_with_the_last_day() -> None:
    ends = [point["by"] for point in points()]
    assert all((later - day).days in range(28, 32) for day, later in itertools.pairwise(ends))
    last = date(2021, 3, 10)
    (*_, point) = points(last_day=last, first_day=last - timedelta(days=3))
    assert point.pop("by") <= last
    assert point == stated(last)


def test_where_nothing_happened_there_is_no_month() -> None:
    assert execution_over_time([], Period(zone=ZONE)).rows == []
