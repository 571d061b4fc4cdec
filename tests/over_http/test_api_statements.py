"""The statements over HTTP: the money of the real programme, read, explained, compared, and refused by name."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
import pytest_asyncio
from python_calamine import CalamineWorkbook

from domain.ids import ApplicationId
from domain.selection.events import SelectionConfirmed
from infra.front_door import Caller
from infra.record import Accepted, Fact, Proposal
from projections.statement import STATEMENT_FACTS, Period
from projections.statements import STATEMENTS
from tests.call import CALL
from tests.over_http.serving import Served
from tests.test_funding_story import STORY, yuan
from tests.viewing import envelope

PATH = f"/v1/programmes/{CALL}/statements"
EXECUTION = f"{PATH}/budget_execution"
OK = 200


@dataclass
class Accountant:
    """Whoever reads the statements; the whole life of the programme is on record, each fact on its own day."""

    served: Served
    finance: Caller
    outsider: Caller
    head: int
    at: dict[int, int]
    """Where each fact of the story stands here."""

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.served.get(self.finance, path, **query)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    async def rows(self, path: str, **query: Any) -> dict[str, dict[str, Any]]:
        return {row["row"]: row for row in (await self.get(path, **query))["rows"]}

    async def built(self, path: str) -> None:
        """Wait until the view of a list is there, as on a machine that has much to do it may not be yet."""
        for _ in range(600):
            if (await self.served.get(self.finance, path)).status_code == OK:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{path} was not built within a minute")

    async def refused(self, path: str, **query: Any) -> tuple[int, dict[str, Any]]:
        answer = await self.served.get(self.finance, path, **query)
        return answer.status_code, answer.json().get("because", {})


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def accountant(served: Served) -> AsyncIterator[Accountant]:
    store, at = await served.parts.stores(served.office.log_id), {}
    for told in STORY.past.log:
        facts = (Fact.of(told.event),)
        outcome = await store.append(Proposal(request_hash=b"", facts=facts, envelope=told.envelope))
        assert isinstance(outcome, Accepted)
        at[told.position] = await store.head()
    head = await store.head()
    outsider = await served.office.somebody("reviewer")
    yield Accountant(served, await served.office.somebody("finance"), outsider, head, at)


async def test_every_statement_there_is_is_named_with_its_columns(accountant: Accountant) -> None:
    found = (await accountant.get(PATH))["statements"]
    assert [each["statement"] for each in found] == list(STATEMENTS)
    for each in found:
        read = await accountant.get(f"{PATH}/{each['statement']}")
        assert (read["en"], read["zh"], read["columns"]) == (each["en"], each["zh"], each["columns"])
        assert set(each["row_named_by"]) <= {column["name"] for column in each["columns"]}


async def test_the_cycle_is_executed_as_its_table_says(accountant: Accountant) -> None:
    row = (await accountant.rows(EXECUTION))["budget"]
    assert (row["allocated_fen"], row["accounted_for_fen"]) == (yuan(110_000), yuan(105_330))
    assert row["recovered_fen"] == yuan(4_670)


async def test_the_years_add_up_to_the_cycle_without_what_is_carried(accountant: Accountant) -> None:
    years = [(await accountant.rows(EXECUTION, year=year))["budget"] for year in (2020, 2021, 2022)]
    cycle = (await accountant.rows(EXECUTION, year=2020, last_year=2022))["budget"]
    for column in ("allocated_fen", "accounted_for_fen", "recovered_fen", "paid_out_fen", "approved_fen"):
        assert sum(row[column] for row in years) == cycle[column]
    assert [row["carried_forward_fen"] for row in years] == [yuan(1_550), yuan(26_150), 0]
    assert (cycle["carried_forward_fen"], cycle["carried_in_fen"]) == (0, 0)


async def test_a_statement_has_two_coordinates(accountant: Accountant) -> None:
    """What was true on a day, and what was known at a position: the same day is told otherwise later."""
    early = (await accountant.rows(EXECUTION, effective_on="2020-12-31"))["budget"]
    assert (early["accounted_for_fen"], early["carried_forward_fen"]) == (yuan(51_850), 0)
    assert early["balance_fen"] == yuan(1_550)
    spent = next(told.position for told in STORY.past.log if told.type == "funding.expenditure_accounted.v1")
    before = (await accountant.rows(EXECUTION, at_position=accountant.at[spent] - 1))["budget"]
    assert (before["accounted_for_fen"], before["held_fen"]) == (0, yuan(55_000))
    lately = (await accountant.rows(EXECUTION, first_day="2022-01-01", effective_on="2022-07-31"))["budget"]
    assert (lately["opening_fen"], lately["accounted_for_fen"], lately["rate_bp"]) == (
        yuan(26_150), yuan(23_080), None,
    )  # fmt: skip


@pytest.mark.parametrize("code", ["budget_execution", "trial_balance", "payments"])
async def test_what_was_known_at_a_position_is_what_the_facts_up_to_it_say(accountant: Accountant, code: str) -> None:
    statement, zone = STATEMENTS[code], ZoneInfo("Asia/Shanghai")
    for told in STORY.past.log[50::17]:
        known = [each for each in STORY.past.log[: told.position] if isinstance(each.event, STATEMENT_FACTS)]
        table = statement.table(known, Period(zone=zone))
        read = await accountant.get(f"{PATH}/{code}", at_position=accountant.at[told.position])
        for wanted, row in zip(table.rows, read["rows"], strict=True):
            there = dict(zip(statement.row.__struct_fields__, wanted, strict=True))
            amounts = {name: value for name, value in there.items() if name.endswith(("_fen", "_bp", "_id", "state"))}
            assert {name: row[name] for name in amounts} == amounts


async def test_time_progresses_in_the_year_and_in_the_cycle(accountant: Accountant) -> None:
    half = (await accountant.rows(EXECUTION, year=2021, effective_on="2021-06-30"))["budget"]
    assert half["time_bp"] == 181 * 10_000 // 365
    whole = (await accountant.rows(EXECUTION, effective_on="2021-06-30"))["budget"]
    assert whole["time_bp"] is None, "the story's call does not say when the cycle ends"


async def test_a_cell_is_explained_by_the_journal(accountant: Accountant) -> None:
    query = {"row": "budget/branch/BR-3", "column": "recovered_fen"}
    found = await accountant.get(f"{EXECUTION}/explain", **query)
    assert found["value"] == sum(line["adds_fen"] for line in found["lines"]) == yuan(4_300)
    await accountant.built("/v1/journal")
    journal = (await accountant.get("/v1/journal", application_id="BR-3", limit=200))["items"]
    entries = {(row["position"], row["line"]): row for row in journal}
    for line in found["lines"]:
        entry = entries[line["position"], line["line"]]
        assert (entry["debit"], entry["amount_fen"], entry["fact"]) == ("B250", line["adds_fen"], line["type"])
    unit = await accountant.get(f"{EXECUTION}/explain", row="budget/branch/BR-2", column="unit_id")
    assert [line["fills"] for line in unit["lines"]] == ["BR-2", "BR-9"]


async def test_two_positions_differ_by_the_events_in_between(accountant: Accountant) -> None:
    returned = [told for told in STORY.past.log if told.type == "funding.returned.v1"]
    first = accountant.at[returned[-2].position]
    query = {"from_position": first - 1, "to_position": first}
    found = await accountant.get(f"{EXECUTION}/difference", **query)
    assert [event["position"] for event in found["events"]] == [first]
    (event,) = found["events"]
    assert (event["type"], event["effective_on"], event["amount_fen"]) == (
        "funding.returned.v1", "2022-07-15", yuan(250),
    )  # fmt: skip
    cells = {(cell["row"], cell["column"]): cell for cell in found["cells"]}
    cell = cells["budget/college/COL-A", "recovered_fen"]
    assert (cell["before"], cell["after"]) == (0, yuan(250))
    assert event["cells"] == len(cells)
    earlier = await accountant.get(f"{EXECUTION}/difference", **query, effective_on="2022-07-14")
    assert (earlier["cells"], earlier["events"]) == ([], [])
    assert (found["from_position"], found["to_position"]) == (first - 1, first)
    assert found["from_as_of"] is found["to_as_of"] is None
    # By the clock, the answer says which positions the two moments are.
    moments = {"from_as_of": "2020-01-01T00:00:00+08:00", "to_as_of": "2199-01-01T00:00:00+08:00"}
    by_clock = await accountant.get(f"{EXECUTION}/difference", **moments)
    ends = {"from_position": 0, "to_position": by_clock["to_position"]}
    assert by_clock["from_position"] == 0 < accountant.head <= by_clock["to_position"]
    assert [datetime.fromisoformat(by_clock[name]) for name in moments] == [
        datetime.fromisoformat(told) for told in moments.values()
    ]
    assert by_clock["cells"] == (await accountant.get(f"{EXECUTION}/difference", **ends))["cells"]
    early, late = [await accountant.rows(EXECUTION, at_position=at) for at in (first - 1, first)]
    for row, column in cells:
        assert (early[row][column], late[row][column]) == (cells[row, column]["before"], cells[row, column]["after"])


@pytest.mark.parametrize("code", STATEMENTS)
async def test_a_statement_is_the_same_in_every_form(accountant: Accountant, code: str) -> None:
    read = await accountant.get(f"{PATH}/{code}", at_position=accountant.head)
    files = {
        form: (await accountant.served.get(accountant.finance, f"{PATH}/{code}", format=form)).content
        for form in ("csv", "excel_csv", "xlsx")
    }
    assert sha256(files["csv"]).hexdigest() == read["digest"]
    again = (await accountant.served.get(accountant.finance, f"{PATH}/{code}", format="xlsx")).content
    assert again == files["xlsx"]
    book = CalamineWorkbook.from_filelike(io.BytesIO(files["xlsx"]))
    cover, data = (book.get_sheet_by_name(name).to_python() for name in ("Cover", "Data"))
    assert ["SHA-256 of the canonical CSV", read["digest"]] in cover
    assert ["Programme", CALL] in cover
    assert [list(row)[:1] for row in data[1:]] == [[row[read["columns"][0]["name"]]] for row in read["rows"]]
    assert data[0] == [column["en"].replace("(fen)", "(yuan)") for column in read["columns"]]
    columns = {column["name"]: at for at, column in enumerate(read["columns"]) if column["name"].endswith("_fen")}
    for line, row in zip(data[1:], read["rows"], strict=True):
        shown: list[Any] = list(line)
        assert {name: round(shown[at] * 100) for name, at in columns.items()} == {name: row[name] for name in columns}
    drawn = ["Execution over time"] if code == "budget_execution" else []
    assert book.sheet_names == ["Cover", *drawn, "Data"]
    if drawn:
        (*_, last) = book.get_sheet_by_name(*drawn).to_python()
        whole = [row for row in read["rows"] if row["level"] == "programme"]
        assert last[2:] == [
            sum(row[name] for row in whole) / 100
            for name in ("allocated_fen", "paid_out_fen", "accounted_for_fen", "recovered_fen")
        ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"effective_on": "2020-02-30"}, "effective_on"),
        ({"year": "last"}, "year"),
        ({"year": 0}, "year"),
        ({"last_year": 2021}, "last_year"),
        ({"year": 2021, "last_year": 2020}, "last_year"),
        ({"first_day": "2021-01-01", "effective_on": "2020-12-31"}, "first_day"),
        ({"denominator": "hope"}, "denominator"),
        ({"at_position": 10**9}, "at_position"),
        ({"at_position": 3, "as_of": "2021-01-01T00:00:00Z"}, "as_of"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_name(
    accountant: Accountant, query: dict[str, Any], field: str
) -> None:
    for path in (EXECUTION, f"{EXECUTION}/explain"):
        more = {"row": "budget", "column": "balance_fen"} if path.endswith("explain") else {}
        status, because = await accountant.refused(path, **query, **more)
        assert (status, because["parameter"]) == (400, field)
        assert because["rule"]


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("explain", {"column": "balance_fen"}, "row"),
        ("explain", {"row": "budget"}, "column"),
        ("explain", {"row": "budget", "column": "luck"}, "column"),
        ("explain", {"row": "lottery", "column": "balance_fen"}, "row"),
        ("difference", {}, "from_position"),
        ("difference", {"from_position": 10**9}, "from_position"),
        ("difference", {"from_position": 1, "to_position": 10**9}, "to_position"),
        ("difference", {"from_position": 5, "to_position": 4}, "from_position"),
        ("difference", {"from_position": 1, "effective_on": "tomorrow"}, "effective_on"),
        ("difference", {"from_position": 1, "from_as_of": "2020-07-01T00:00:00Z"}, "from_as_of"),
        ("difference", {"from_as_of": "yesterday"}, "from_as_of"),
    ],
)
async def test_what_cannot_be_explained_or_compared_is_refused_by_name(
    accountant: Accountant, path: str, query: dict[str, Any], field: str
) -> None:
    if "to_position" in query and query["from_position"] == 5:
        query = {"from_position": accountant.head, "to_position": accountant.head - 1}
    status, because = await accountant.refused(f"{EXECUTION}/{path}", **query)
    assert (status, because["parameter"]) == (400, field)


async def test_a_parameter_that_is_not_known_or_a_form_that_is_not_there_is_refused(accountant: Accountant) -> None:
    assert (await accountant.refused(EXECUTION, fiscal_year=2020))[0] == 400
    assert (await accountant.refused(EXECUTION, format="pdf"))[0] == 406


async def test_statements_are_the_offices(accountant: Accountant) -> None:
    paths = [
        PATH,
        EXECUTION,
        f"{EXECUTION}/explain?row=budget&column=balance_fen",
        f"{EXECUTION}/difference?from_position=1",
    ]
    for path in paths:
        assert (await accountant.served.get(accountant.outsider, path)).status_code == 404
        elsewhere = path.replace(CALL, "NONE")
        assert (await accountant.served.get(accountant.finance, elsewhere)).status_code == 404
    for path in (f"{PATH}/nothing", f"{PATH}/nothing/explain?row=a&column=b", f"{PATH}/nothing/difference"):
        assert (await accountant.served.get(accountant.finance, path)).status_code == 404


async def test_time_progresses_in_the_cycle_that_the_call_states(accountant: Accountant) -> None:
    """A programme of which no money moved yet has a cycle all the same; what is not there has no rows."""
    store = await accountant.served.parts.stores(accountant.served.office.log_id)
    chosen = next(told.event for told in STORY.past.log if isinstance(told.event, SelectionConfirmed))
    stated = msgspec.structs.replace(
        chosen, application_id=ApplicationId("BR-7"), first_day=date(2020, 6, 29), last_day=date(2022, 6, 29)
    )
    outcome = await store.append(Proposal(request_hash=b"", facts=(Fact.of(stated),), envelope=envelope()))
    assert isinstance(outcome, Accepted)
    row = (await accountant.rows(EXECUTION, effective_on="2021-06-29"))["budget"]
    assert (row["time_bp"], row["time_remainder"]) == divmod(366 * 10_000, 731)
    known = (await accountant.rows(EXECUTION, effective_on="2021-06-29", at_position=accountant.head))["budget"]
    assert known["time_bp"] is None


async def test_what_moves_no_money_is_no_part_of_a_statement(accountant: Accountant) -> None:
    """Every position that any cell comes from is one of a fact about money, or of a succession."""
    positions = {accountant.at[told.position] for told in STORY.past.log if isinstance(told.event, STATEMENT_FACTS)}
    found = await accountant.get(f"{PATH}/turnover/difference", from_position=0)
    assert {event["position"] for event in found["events"]} <= positions
