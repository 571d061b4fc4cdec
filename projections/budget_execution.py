"""Budget execution 预算执行表: what was approved of each source, what became of it, and how far that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Annotated, Final, Literal

import msgspec
from msgspec.structs import replace

from domain.cultivation.events import CaseSucceeded
from domain.funding.events import AccountCode, Source
from domain.ids import ApplicationId, TrackId, UnitId
from domain.kernel import Recorded, office
from projections.kernel import Key
from projections.statement import Denominator, Period, Side, Statement, Told, adds, blank, fills, sides

__all__ = ["BUDGET_EXECUTION"]

Level = Literal["programme", "track", "case"]
_BP: Final = 10_000


class ExecutionRow(msgspec.Struct, frozen=True, kw_only=True):
    """The money of one source: of the programme, of one of its tracks, or of one case.
    zh: 某来源经费的执行情况:项目整体、某赛道或某个案。

    What stands at a stage stands there at the end; everything else is what moved in the days that are asked for. The
    balance is the sum of the stages. On the level of the programme it is also what was there before, with what was
    approved, pledged, carried in and adjusted, less what was accounted for, recovered, given back and carried forward.
    """

    source: Annotated[Source, office("Source", "来源")]
    track_id: Annotated[TrackId | None, office("Track", "赛道")] = None
    application_id: Annotated[ApplicationId | None, office("Application", "申报")] = None
    level: Annotated[Level, office("Level", "层级")] = "programme"
    unit_id: Annotated[UnitId | None, office("Unit", "单位")] = None
    opening_fen: Annotated[int, office("There before (fen)", "期初余额(分)")] = 0
    approved_fen: Annotated[int, office("Approved (fen)", "预算批复(分)")] = 0
    pledged_fen: Annotated[int, office("Matching pledged (fen)", "配套承诺(分)")] = 0
    carried_in_fen: Annotated[int, office("Carried in (fen)", "上年结转(分)")] = 0
    carried_in_cases_fen: Annotated[int, office("Of it to cases (fen)", "其中项目结转(分)")] = 0
    adjusted_fen: Annotated[int, office("Adjusted (fen)", "预算调整(分)")] = 0
    allocated_fen: Annotated[int, office("Allocated in all (fen)", "累计下达(分)")] = 0
    unallocated_fen: Annotated[int, office("Stage: unallocated (fen)", "环节余额:未分配(分)")] = 0
    uncommitted_fen: Annotated[int, office("Stage: allocated (fen)", "环节余额:已下达(分)")] = 0
    committed_fen: Annotated[int, office("Stage: committed (fen)", "环节余额:已承诺(分)")] = 0
    in_transit_fen: Annotated[int, office("Stage: in transit (fen)", "环节余额:拨付在途(分)")] = 0
    held_fen: Annotated[int, office("Stage: paid out (fen)", "环节余额:已拨付未核销(分)")] = 0
    frozen_fen: Annotated[int, office("Stage: frozen (fen)", "环节余额:冻结(分)")] = 0
    paid_out_fen: Annotated[int, office("Paid out in all (fen)", "累计拨付(分)")] = 0
    accounted_for_fen: Annotated[int, office("Accounted for (fen)", "已核销(分)")] = 0
    rate_bp: Annotated[int | None, office("Execution rate (0.01 %)", "执行率(万分之一)")] = None
    rate_remainder: Annotated[int | None, office("Remainder of the rate", "执行率余数")] = None
    time_bp: Annotated[int | None, office("Time progress (0.01 %)", "时间进度(万分之一)")] = None
    time_remainder: Annotated[int | None, office("Remainder of the time", "时间进度余数")] = None
    recovered_fen: Annotated[int, office("Recovered (fen)", "已收回(分)")] = 0
    given_back_fen: Annotated[int, office("Given back unallocated (fen)", "未分配退回(分)")] = 0
    carried_forward_fen: Annotated[int, office("Carried forward (fen)", "结转下年(分)")] = 0
    balance_fen: Annotated[int, office("Balance (fen)", "余额(分)")] = 0


_STANDING: Final[Mapping[AccountCode, str]] = {
    "B200": "unallocated_fen",
    "B210": "uncommitted_fen",
    "B220": "committed_fen",
    "B225": "in_transit_fen",
    "B230": "held_fen",
    "B240": "frozen_fen",
}
_MOVED: Final[Mapping[AccountCode, str]] = {
    "B100": "approved_fen",
    "B120": "pledged_fen",
    "B130": "adjusted_fen",
    "B235": "accounted_for_fen",
}
_RESOURCES: Final = frozenset(("B100", "B110", "B120", "B130"))
_CARRIED: Final = frozenset(("B110", "B260"))
_SPENT: Final = frozenset(("B230", "B235"))
_MEASURE: Final[Mapping[Denominator, tuple[str, ...]]] = {
    "allocated": ("allocated_fen", "carried_in_cases_fen"),
    "approved": ("approved_fen", "pledged_fen", "carried_in_fen", "adjusted_fen"),
}


def _moved(side: Side, *, carries: bool) -> Iterator[tuple[str, int]]:
    """What one side of an entry moves; ``carries`` unless the year it is carried from or into is counted as well."""
    code, amount = side.account.code, side.amount_fen
    signed = -amount if code in _RESOURCES else amount
    if code in _MOVED:
        yield _MOVED[code], signed
    if code == "B250":
        yield "recovered_fen" if side.account.origin is None else "given_back_fen", signed
    if (code, side.other.code) == ("B210", "B200"):
        yield "allocated_fen", signed
    if code in _SPENT and side.other.code == "B225":
        yield "paid_out_fen", signed
    if carries and code in _CARRIED:
        yield "carried_in_fen" if code == "B110" else "carried_forward_fen", signed
        if code == "B110" and side.account.application_id is not None:
            yield "carried_in_cases_fen", signed


def _cells(side: Side, *, within: bool, carries: bool) -> Iterator[tuple[str, int]]:
    standing = _STANDING.get(side.account.code)
    if standing is not None:
        yield standing, side.amount_fen
        if not within:
            yield "opening_fen", side.amount_fen
    if within:
        yield from _moved(side, carries=carries)


def _says(facts: Iterable[Recorded], period: Period) -> Iterator[Told]:
    tracks: dict[str, str | None] = {}
    units: dict[str, dict[Key, str]] = {}
    for fact in period.known(facts):
        if isinstance(fact.event, CaseSucceeded):
            for key in units.get(fact.event.application_id, {}):
                yield from fills(key, fact, unit_id=fact.event.successor_unit_id)
            continue
        posted = sides(fact, period)
        found = [side for side in posted if period.covers(side.account.year)]
        # What is carried from one year that is counted into another is neither carried in nor carried forward.
        years = {side.account.year for side in posted if side.account.code in _CARRIED}
        carries, within = not all(period.covers(year) for year in years), period.is_within(fact)
        for side in found:
            case = side.account.application_id
            if case is not None:
                tracks.setdefault(case, getattr(fact.event, "track_id", None))
            levels = [blank(side.account.source, None, None)]
            if case is not None:
                levels += [blank(side.account.source, tracks[case], each) for each in (None, case)]
            for column, amount in _cells(side, within=within, carries=carries):
                for key in levels:
                    yield adds(key, column, amount, fact, side.line)
                    if case is not None and key[2]:
                        yield from _unit(key, fact, units.setdefault(case, {}))


def _unit(key: Key, fact: Recorded, known: dict[Key, str]) -> Iterator[Told]:
    """Whose a case is: as the first fact about its money has it, and whoever succeeded since."""
    unit = getattr(fact.event, "unit_id", None)
    if key not in known and unit is not None:
        known[key] = unit
        yield from fills(key, fact, unit_id=unit)


def _share(part: int, whole: int) -> tuple[int | None, int | None]:
    """A share in hundredths of a per cent, rounded down, and the remainder of that division."""
    return divmod(part * _BP, whole) if whole > 0 else (None, None)


def _time(period: Period) -> tuple[int | None, int | None]:
    since = period.since or (None if period.first_year is None else date(period.first_year, 1, 1))
    until = period.until or (None if period.last_year is None else date(period.last_year, 12, 31))
    if period.last_day is None or since is None or until is None:
        return None, None
    day = timedelta(days=1)
    reached = min(max(period.last_day, since - day), until)
    return _share((reached - since + day).days, (until - since + day).days)


def _complete(row: ExecutionRow, period: Period) -> ExecutionRow:
    level: Level = "case" if row.application_id else "track" if row.track_id else "programme"
    rate: tuple[int | None, int | None] = (None, None)
    if period.first_day is None:
        whole = sum(getattr(row, column) for column in _MEASURE[period.denominator])
        rate = _share(row.accounted_for_fen, whole)
    time = _time(period)
    return replace(
        row, level=level, rate_bp=rate[0], rate_remainder=rate[1], time_bp=time[0], time_remainder=time[1],
        balance_fen=sum(getattr(row, column) for column in _STANDING.values()),
    )  # fmt: skip


def _derived(period: Period) -> Mapping[str, tuple[str, ...]]:
    rate = ("accounted_for_fen", *_MEASURE[period.denominator])
    return {
        "balance_fen": tuple(_STANDING.values()),
        "rate_bp": rate,
        "rate_remainder": rate,
        "time_bp": (),
        "time_remainder": (),
        "level": (),
    }


BUDGET_EXECUTION: Final = Statement(
    code="budget_execution",
    en="Budget execution",
    zh="预算执行表",
    row=ExecutionRow,
    key=("source", "track_id", "application_id"),
    says=_says,
    complete=_complete,
    derived=_derived,
)
