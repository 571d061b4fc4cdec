"""The statements of a programme's money over HTTP: as tables, explained cell by cell, and compared at two positions.

Whoever reads what is the office's reads them; to everybody else they are not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from api.acts import Wiring, address_of
from api.callers import Reader
from api.problems import NotFound, ParameterInvalid
from api.reads import (
    MOMENTS,
    File,
    Form,
    Said,
    answer_file,
    finished,
    moment,
    refuse_beyond_head,
    times,
    wanted_form,
)
from api.requests import TIMES, Headers, Parameters
from api.routes import AnyRequest, AnyResponse, Own, Parameter
from domain.funding.policy import RULES_VERSION, RULES_VERSIONS
from domain.ids import ProgrammeId, tag
from domain.kernel import Event, Recorded
from domain.programme.events import ProgrammeAnnounced
from domain.selection.events import SelectionConfirmed
from infra.export.spreadsheet import Chart
from infra.record import Item
from projections.budget_execution import BUDGET_EXECUTION
from projections.execution_over_time import execution_over_time
from projections.kernel import Table, page_digest
from projections.statement import (
    DENOMINATORS,
    STATEMENT_FACTS,
    CellUnknown,
    Differing,
    Period,
    Statement,
    Told,
    amount_of,
)
from projections.statements import STATEMENTS

__all__ = ["ROUTES"]

_SELECTING: Final = ("first_day", "year", "last_year", "denominator", "rules_version")
_LAST_YEAR: Final = 9999
_PAGE: Final = 1_000
T = TypeVar("T")


# --- what is answered -------------------------------------------------------------------------------------------------


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """A column of a statement: its name and its title in both languages."""

    name: str
    en: str
    zh: str


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that there is: its columns, and those that name a row, in order."""

    statement: str
    en: str
    zh: str
    columns: tuple[Heading, ...]
    row_named_by: tuple[str, ...]


class Catalogued(msgspec.Struct, frozen=True, kw_only=True):
    """Every statement there is of a programme."""

    programme_id: str
    statements: tuple[Described, ...]
    simulated: bool = False


class Selected(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for: a state of knowledge, the days and the fiscal years that are counted."""

    position: int
    effective_on: date | None
    first_day: date | None
    year: int | None
    last_year: int | None
    denominator: str
    rules_version: int


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """A statement, with the SHA-256 of its canonical CSV; ``row`` names a row where a cell is to be explained."""

    programme_id: str
    statement: str
    en: str
    zh: str
    selected: Selected
    digest: str
    columns: tuple[Heading, ...]
    rows: tuple[dict[str, Any], ...]
    simulated: bool = False


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What one fact told of a cell: an amount that it added, or what has stood there since.

    ``line`` is that of the journal at the position; 0 where the fact itself says it.
    """

    position: int
    line: int
    type: str
    effective_on: date
    recorded_at: datetime
    column: str
    adds_fen: int | None = None
    fills: Any = None


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """Where a cell comes from: the columns it is made of, and every line of them, in the order of the record."""

    programme_id: str
    statement: str
    selected: Selected
    row: str
    column: str
    value: Any
    made_of: tuple[str, ...]
    lines: tuple[Line, ...]
    simulated: bool = False


class DifferingCell(msgspec.Struct, frozen=True, kw_only=True):
    """A cell that two states of knowledge tell differently, and what was told of it in between."""

    row: str
    column: str
    before: Any
    after: Any
    lines: tuple[Line, ...]


class Responsible(msgspec.Struct, frozen=True, kw_only=True):
    """An event that a difference comes from."""

    position: int
    type: str
    effective_on: date
    recorded_at: datetime
    amount_fen: int | None
    cells: int


class Differences(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement tells differently at two moments of the record, and exactly the events that it comes from.

    Each moment is told as the position it is, beside the instant where it was asked for by one.
    """

    programme_id: str
    statement: str
    from_position: int
    from_as_of: datetime | None
    to_position: int
    to_as_of: datetime | None
    selected: Selected
    cells: tuple[DifferingCell, ...]
    events: tuple[Responsible, ...]
    simulated: bool = False


# --- what is asked ----------------------------------------------------------------------------------------------------


class _Asked(NamedTuple):
    """A statement that was asked for, with the facts it is made of."""

    reader: Reader
    headers: Headers
    parameters: Parameters
    programme_id: str
    statement: Statement
    facts: Sequence[Recorded]
    period: Period
    position: int


@dataclass(frozen=True, slots=True)
class _Facts:
    """What was known of a programme at a position."""

    of_money: Sequence[Recorded]
    since: date | None
    until: date | None
    position: int


async def _opened(wiring: Wiring, request: AnyRequest, *known: str) -> tuple[Reader, Headers, Parameters]:
    headers = Headers(request.scope["headers"])
    caller = await wiring.callers.reading(headers, address_of(request))
    parameters = Parameters(request.scope["query_string"], known)
    return await wiring.callers.reader(caller, parameters.whole("min_position") or 0), headers, parameters


async def _known(wiring: Wiring, reader: Reader, programme_id: str, at_position: int | None) -> _Facts:
    """Everything about the money of a programme, up to a position; raises NotFound where the caller knows of none."""
    kinds: tuple[type[Event], ...] = (ProgrammeAnnounced, SelectionConfirmed, *STATEMENT_FACTS)
    store = await wiring.parts.stores(reader.caller.log_id)
    topics = tuple(kind.TOPIC for kind in kinds)
    page = await store.read([Item(topics, (tag(ProgrammeId, programme_id),))], until=at_position)
    if not page.events or not reader.reads_for_office(tag(ProgrammeId, programme_id)):
        raise NotFound
    terms = [each.event for each in page.events if isinstance(each.event, SelectionConfirmed)]
    return _Facts(
        [each for each in page.events if isinstance(each.event, STATEMENT_FACTS)],
        min((each.first_day for each in terms), default=None),
        max((each.last_day for each in terms if each.last_day is not None), default=None),
        page.head if at_position is None else at_position,
    )


def _statement(request: AnyRequest) -> Statement:
    found = STATEMENTS.get(request.path_params["statement"])
    if found is None:
        raise NotFound
    return found


def _period(reader: Reader, parameters: Parameters, effective_on: date | None, facts: _Facts) -> Period:
    first_day = parameters.day("first_day")
    if first_day is not None and effective_on is not None and first_day > effective_on:
        raise ParameterInvalid(parameter="first_day", rule=f"not beyond {effective_on}")
    year = parameters.whole("year", 1, _LAST_YEAR)
    last_year = parameters.whole("last_year", 1, _LAST_YEAR)
    if year is None and last_year is not None:
        raise ParameterInvalid(parameter="last_year", rule="only together with year")
    if year is not None and last_year is not None and last_year < year:
        raise ParameterInvalid(parameter="last_year", rule=f"{year} at least")
    in_cycle = (facts.since, facts.until) if year is None else (None, None)
    return Period(
        zone=reader.institution.zone,
        first_day=first_day,
        last_day=effective_on,
        first_year=year,
        last_year=last_year or year,
        since=in_cycle[0],
        until=in_cycle[1],
        denominator=_one_of(parameters, "denominator", DENOMINATORS),
        rules_version=_rules_version(parameters),
    )


def _rules_version(parameters: Parameters) -> int:
    """The version of the posting rules that was asked for, or the one that holds."""
    found = parameters.whole("rules_version", 1, max(RULES_VERSIONS))
    return RULES_VERSION if found is None else found


def _one_of(parameters: Parameters, name: str, known: Sequence[T]) -> T:
    """A parameter that is one of a few words, the first of them where it is not given."""
    text = parameters.text(name)
    for each in known:
        if text is None or each == text:
            return each
    raise ParameterInvalid(parameter=name, rule=f"one of {', '.join(map(str, known))}")


async def _asked(wiring: Wiring, request: AnyRequest, *more: str) -> _Asked:
    reader, headers, parameters = await _opened(wiring, request, *TIMES, *_SELECTING, *more)
    statement = _statement(request)
    when = await times(wiring, reader, parameters, effective=True)
    programme_id = request.path_params["programme_id"]
    facts = await _known(wiring, reader, programme_id, when.at_position)
    period = _period(reader, parameters, when.effective_on, facts)
    return _Asked(reader, headers, parameters, programme_id, statement, facts.of_money, period, facts.position)


def _selected(period: Period, position: int) -> Selected:
    return Selected(
        position=position,
        effective_on=period.last_day,
        first_day=period.first_day,
        year=period.first_year,
        last_year=period.last_year,
        denominator=period.denominator,
        rules_version=period.rules_version,
    )


def _headings(statement: Statement) -> tuple[Heading, ...]:
    return tuple(Heading(name=each.name, en=each.en, zh=each.zh) for each in statement.columns)


# --- answers ----------------------------------------------------------------------------------------------------------


async def _statements(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """What statements there are of a programme."""
    reader, headers, parameters = await _opened(wiring, request, "min_position")
    when = await times(wiring, reader, parameters, effective=False)
    programme_id = request.path_params["programme_id"]
    facts = await _known(wiring, reader, programme_id, when.at_position)
    found = Catalogued(
        programme_id=programme_id,
        statements=tuple(
            Described(
                statement=each.code, en=each.en, zh=each.zh, columns=_headings(each), row_named_by=each.key,
            )
            for each in STATEMENTS.values()
        ),
        simulated=reader.institution.simulated,
    )  # fmt: skip
    return finished(found, facts.position, headers)


async def _chart(asked: _Asked, form: Form) -> Chart | None:
    """What a workbook draws beside the rows: of the budget execution, how it came to be."""
    if form != "xlsx" or asked.statement is not BUDGET_EXECUTION:
        return None
    return Chart(table=await asyncio.to_thread(execution_over_time, asked.facts, asked.period))


async def _read(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """One statement, as JSON or as a file."""
    asked = await _asked(wiring, request, "format")
    form = wanted_form(asked.headers, asked.parameters)
    # A long history is added up beside the loop: others are answered meanwhile.
    table = await asyncio.to_thread(asked.statement.table, asked.facts, asked.period)
    if form != "json":
        file = File(form, asked.position, asked.period.last_day, asked.headers, _on_cover(asked))
        return await answer_file(asked.reader, table, _pages(table), file, await _chart(asked, form))
    names = [column.name for column in table.columns]
    found = Stated(
        programme_id=asked.programme_id,
        statement=asked.statement.code,
        en=asked.statement.en,
        zh=asked.statement.zh,
        selected=_selected(asked.period, asked.position),
        digest=page_digest(table),
        columns=_headings(asked.statement),
        rows=tuple({"row": asked.statement.name_of(row)} | dict(zip(names, row, strict=True)) for row in table.rows),
        simulated=asked.reader.institution.simulated,
    )
    return finished(found, asked.position, asked.headers)


async def _pages(table: Table) -> AsyncIterator[Sequence[Sequence[object]]]:
    for start in range(0, len(table.rows), _PAGE):
        yield table.rows[start : start + _PAGE]


def _on_cover(asked: _Asked) -> tuple[Said, ...]:
    """What a workbook says of the programme and of what is counted."""
    period = asked.period
    said: list[Said] = [("Programme", "项目", asked.programme_id)]
    if period.first_day is not None:
        said.append(("From the day", "起始日", period.first_day))
    if period.first_year is not None:
        years = f"{period.first_year}" + ("" if period.last_year == period.first_year else f"-{period.last_year}")
        said.append(("Fiscal years", "财政年度", years))
    said.append(("Rate measured by", "执行率分母", period.denominator))
    said.append(("Posting rules", "记账规则版本", period.rules_version))
    return tuple(said)


async def _explain(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """Where one cell comes from."""
    asked = await _asked(wiring, request, "row", "column")
    row, column = _said(asked, "row"), _said(asked, "column")
    names = asked.statement.row.__struct_fields__
    if column not in names:
        raise ParameterInvalid(parameter="column", rule=f"one of {', '.join(names)}")
    try:
        value, made_of, told = await asyncio.to_thread(asked.statement.explain, asked.facts, asked.period, row, column)
    except CellUnknown:
        raise ParameterInvalid(parameter="row", rule="the name of a row of this statement") from None
    found = Explained(
        programme_id=asked.programme_id,
        statement=asked.statement.code,
        selected=_selected(asked.period, asked.position),
        row=row,
        column=column,
        value=value,
        made_of=made_of,
        lines=_lines(asked.period, told),
        simulated=asked.reader.institution.simulated,
    )
    return finished(found, asked.position, asked.headers)


def _said(asked: _Asked, name: str) -> str:
    text = asked.parameters.text(name)
    if text is None:
        raise ParameterInvalid(parameter=name, rule="must be given")
    return text


def _lines(period: Period, told: Sequence[Told]) -> tuple[Line, ...]:
    return tuple(
        Line(
            position=each.fact.position,
            line=each.line,
            type=each.fact.type,
            effective_on=period.day(each.fact),
            recorded_at=each.fact.recorded_at,
            column=each.column,
            adds_fen=each.value if each.is_added else None,
            fills=None if each.is_added else each.value,
        )
        for each in told
    )


async def _difference(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """What a statement tells differently at two moments of the record."""
    reader, headers, parameters = await _opened(wiring, request, *MOMENTS, "min_position", "effective_on", *_SELECTING)
    statement = _statement(request)
    await refuse_beyond_head(wiring, reader, "min_position", parameters.whole("min_position") or 0)
    earlier, later = [await moment(wiring, reader, parameters, name) for name in ("from", "to")]
    if earlier is None:
        raise ParameterInvalid(parameter="from_position", rule="one of from_position, from_as_of")
    programme_id = request.path_params["programme_id"]
    facts = await _known(wiring, reader, programme_id, later)
    if earlier > facts.position:
        raise ParameterInvalid(parameter="from_position", rule=f"not beyond {facts.position}")
    period = _period(reader, parameters, parameters.day("effective_on"), facts)
    cells = await asyncio.to_thread(statement.difference, facts.of_money, period, earlier)
    found = Differences(
        programme_id=programme_id,
        statement=statement.code,
        from_position=earlier,
        from_as_of=parameters.instant("from_as_of"),
        to_position=facts.position,
        to_as_of=parameters.instant("to_as_of"),
        selected=_selected(period, facts.position),
        cells=tuple(
            DifferingCell(
                row=each.row, column=each.column, before=each.before, after=each.after, lines=_lines(period, each.told)
            )
            for each in cells
        ),
        events=_responsible(period, cells),
        simulated=reader.institution.simulated,
    )
    return finished(found, facts.position, headers)


def _responsible(period: Period, cells: Sequence[Differing]) -> tuple[Responsible, ...]:
    """Every event that touches a differing cell, in the order of the record."""
    touched: dict[int, tuple[Recorded, set[tuple[str, str]]]] = {}
    for cell in cells:
        for each in cell.told:
            _, found = touched.setdefault(each.fact.position, (each.fact, set()))
            found.add((cell.row, cell.column))
    return tuple(
        Responsible(
            position=position,
            type=fact.type,
            effective_on=period.day(fact),
            recorded_at=fact.recorded_at,
            amount_fen=amount_of(fact, period),
            cells=len(found),
        )
        for position, (fact, found) in sorted(touched.items())
    )


_AT: Final = (
    Parameter(name="min_position", en="At least at this position", zh="至少反映至该位置", type=int),
    Parameter(name="at_position", en="As it stood there", zh="该位置时的状态", type=int),
    Parameter(name="as_of", en="As recorded by then", zh="截至此刻的记录"),
)
_COUNTED: Final = (
    Parameter(name="effective_on", en="What took effect up to that day", zh="截至该日生效的事实"),
    Parameter(name="first_day", en="What moved from that day on; balances count from the beginning",
              zh="自该日起的发生额;余额自始计算"),
    Parameter(name="year", en="Authority of this fiscal year alone", zh="仅该财政年度的额度", type=int),
    Parameter(name="last_year", en="Or of all fiscal years up to this one, what is carried between them left out",
              zh="或至该财政年度为止的各年度,年度间结转予以抵销", type=int),
    Parameter(name="denominator", en="What the execution rate is measured by: allocated or approved",
              zh="执行率的分母:allocated(下达)或 approved(批复)"),
    Parameter(name="rules_version", en="By this version of the posting rules; those that hold, where not given",
              zh="按该版本记账规则过账;不给出则按现行版本", type=int),
)  # fmt: skip
_PATH: Final = "/v1/programmes/{programme_id}/statements"
_REFUSED: Final = (404, 503)

ROUTES: Final[tuple[Own, ...]] = (
    Own(
        method="GET",
        path=_PATH,
        answer=_statements,
        operation="list_statements",
        en="The statements there are of a programme's money, with their columns.",
        zh="项目经费的各种报表及其栏目。",
        parameters=_AT[:1],
        result=Catalogued,
        refusals=_REFUSED,
    ),
    Own(
        method="GET",
        path=f"{_PATH}/{{statement}}",
        answer=_read,
        operation="read_statement",
        en="A statement as it was known at a position, of what took effect up to a day; also as CSV and workbook.",
        zh="某位置所知、截至某日生效的报表;亦提供 CSV 与工作簿。",
        parameters=(
            *_AT,
            *_COUNTED,
            Parameter(name="format", en="json, csv, excel_csv or xlsx, instead of Accept",
                      zh="json、csv、excel_csv 或 xlsx,代替 Accept"),
        ),
        result=Stated,
        gives=("json", "csv", "xlsx"),
        refusals=(404, 406, 503),
    ),
    Own(
        method="GET",
        path=f"{_PATH}/{{statement}}/explain",
        answer=_explain,
        operation="explain_statement",
        en="Where a cell of a statement comes from: every line of the journal that adds to it, or fact that fills it.",
        zh="报表某单元格的来源:逐条列出计入该格的分录或填入该格的事实。",
        parameters=(
            Parameter(name="row", en="The name of the row, as the statement has it", zh="行名,见报表",
                      required=True),
            Parameter(name="column", en="The name of the column", zh="栏名", required=True),
            *_AT,
            *_COUNTED,
        ),
        result=Explained,
        refusals=_REFUSED,
    ),
    Own(
        method="GET",
        path=f"{_PATH}/{{statement}}/difference",
        answer=_difference,
        operation="compare_statement",
        en="What a statement tells differently at two moments of the record, and exactly the events it comes from.",
        zh="同一报表在记录的两个时点的差异,以及造成差异的全部事件。",
        parameters=(
            Parameter(name="from_position", en="What was known there", zh="该位置所知",
                      type=int),
            Parameter(name="from_as_of", en="Or by this instant", zh="或该时刻所知"),
            Parameter(name="to_position", en="And there; the newest, if it is not said", zh="及该位置所知,默认为最新",
                      type=int),
            Parameter(name="to_as_of", en="Or by this instant", zh="或该时刻所知"),
            _AT[0],
            *_COUNTED,
        ),
        result=Differences,
        refusals=_REFUSED,
    ),
)  # fmt: skip
