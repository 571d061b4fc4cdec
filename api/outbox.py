"""What works behind the record, for those who look after it: the outbox, its dead, who is how far behind, last runs."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from api.acts import Wiring, address_of, json_response
from api.callers import Reader
from api.problems import NotFound, ParameterInvalid
from api.requests import Headers, Parameters
from api.routes import AnyRequest, AnyResponse, Own, Page, Parameter
from infra.checkpoints import Checkpoints
from infra.outbox import CONSUMER, LARGEST_PAGE, STATES, Outbox, OutboxRetry, OutboxRow, OutboxStanding, State
from infra.runs import Run, Runs, ScheduleState
from infra.subscription import Checkpoint

_USUAL: Final = 50
_OPERATORS: Final = ("administrator", "auditor")
_KEY_RULE: Final = "the key of a row"


class OutboxPage(msgspec.Struct, frozen=True):
    """Rows, the newest first; go on after ``next``, where there is one."""

    items: tuple[OutboxRow, ...]
    next: UUID | None


class OutboxEntry(msgspec.Struct, frozen=True):
    """One row, and why it was taken up again, if it was."""

    row: OutboxRow
    retries: tuple[OutboxRetry, ...]


class Follower(msgspec.Struct, frozen=True):
    """Somebody who follows the record, and how far behind its head."""

    follower: str
    position: int
    behind: int
    healthy: bool


class Lag(msgspec.Struct, frozen=True):
    """Who has come how far: views and dispatcher, the outbox, the scheduler."""

    head: int
    followers: tuple[Follower, ...]
    outbox: tuple[OutboxStanding, ...]
    schedule: ScheduleState | None
    read_at: datetime


class LastRuns(msgspec.Struct, frozen=True):
    """What the schedule has asked for, the newest first."""

    items: tuple[Run, ...]


async def _operator(wiring: Wiring, request: AnyRequest) -> Reader:
    """Whoever looks after the machinery, or audits it; to others there is none."""
    reader = await wiring.callers.reader(
        await wiring.callers.reading(Headers(request.scope["headers"]), address_of(request))
    )
    if not any(reader.holds(role) for role in _OPERATORS):
        raise NotFound
    return reader


def _key(name: str, text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError:
        raise ParameterInvalid(parameter=name, rule=_KEY_RULE) from None


def _state(text: str | None) -> tuple[State, ...]:
    if text is None:
        return STATES
    found = tuple(state for state in STATES if state == text)
    if not found:
        raise ParameterInvalid(parameter="state", rule=f"one of {', '.join(STATES)}")
    return found


async def _rows(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    reader = await _operator(wiring, request)
    parameters = Parameters(request.scope["query_string"], ("state", "automation", "cursor", "limit"))
    states, automation = _state(parameters.text("state")), parameters.text("automation")
    if automation is not None and not automation.isprintable():
        raise ParameterInvalid(parameter="automation", rule="the name of an automation")
    after = _key("cursor", parameters.text("cursor"))
    limit = parameters.whole("limit", 1, LARGEST_PAGE) or _USUAL
    outbox = Outbox(wiring.parts.pool)
    found = await outbox.list(reader.caller.log_id, states, automation, after=after, limit=limit + 1)
    more = found[limit - 1].key if len(found) > limit else None
    return json_response(OutboxPage(tuple(found[:limit]), more))


async def _row(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    reader = await _operator(wiring, request)
    Parameters(request.scope["query_string"], ())
    try:
        key = UUID(request.path_params["key"])
    except ValueError:
        raise NotFound from None
    found = await Outbox(wiring.parts.pool).show(reader.caller.log_id, key)
    if found is None:
        raise NotFound
    return json_response(OutboxEntry(*found))


async def _lag(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    reader = await _operator(wiring, request)
    Parameters(request.scope["query_string"], ())
    pool, log_id = wiring.parts.pool, reader.caller.log_id
    async with pool.acquire() as connection:
        dispatched = await Checkpoint(log_id, CONSUMER).position(connection)
    views = [each for each in await wiring.views.standing() if each.log_id == log_id]
    outbox = await Outbox(pool).standing(log_id)
    schedule = await Runs(pool).state(log_id)
    checkpoints = Checkpoints(pool, wiring.parts.stores)
    newest = await checkpoints.newest(log_id)
    sealed = {"tree": await checkpoints.size(log_id), "signed": newest[0].size if newest else 0}
    # The head comes last, so that nobody seems to be ahead of it.
    head = await (await wiring.parts.stores(log_id)).head()
    followers = [
        Follower("dispatcher", dispatched, head - dispatched, healthy=True),
        *(Follower(name, size, head - size, healthy=size <= head) for name, size in sealed.items()),
        *(Follower(f"view {each.view}", each.position, head - each.position, each.healthy) for each in views),
    ]
    return json_response(Lag(head, tuple(followers), tuple(outbox), schedule, await wiring.parts.clock.server_time()))


async def _runs(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    reader = await _operator(wiring, request)
    parameters = Parameters(request.scope["query_string"], ("limit",))
    limit = parameters.whole("limit", 1, LARGEST_PAGE) or _USUAL
    return json_response(LastRuns(tuple(await Runs(wiring.parts.pool).last(reader.caller.log_id, limit))))


_LIMIT: Final = Parameter(
    name="limit", en=f"At most so many (1 to {LARGEST_PAGE})", zh=f"至多条数(1 至 {LARGEST_PAGE})", type=int
)

PAGE = Page(
    "outbox",
    "What works behind the record",
    "后台运行",
    (
        Own(
            method="GET",
            path="/v1/outbox",
            answer=_rows,
            operation="list_outbox",
            en="What automations have to do and what became of it, the newest first; for administrators and auditors.",
            zh="各自动化事项及其结果,最新者在前;限管理员与审计人员。",
            parameters=(
                Parameter(name="state", en=f"One of {', '.join(STATES)}", zh="状态"),
                Parameter(name="automation", en="Of this automation", zh="该自动化规则的"),
                Parameter(name="cursor", en="After the row of this key", zh="自该键之后"),
                _LIMIT,
            ),
            result=OutboxPage,
            refusals=(404,),
        ),
        Own(
            method="GET",
            path="/v1/outbox/{key}",
            answer=_row,
            operation="read_outbox",
            en="One of them, and why it was taken up again, if it was.",
            zh="其中一项,及其重新办理的事由(如有)。",
            result=OutboxEntry,
            refusals=(404,),
        ),
        Own(
            method="GET",
            path="/v1/lag",
            answer=_lag,
            operation="read_lag",
            en="How far behind the record views, automations and schedule are; for administrators and auditors.",
            zh="视图、分发、自动化与定时任务落后于记录的程度;限管理员与审计人员。",
            result=Lag,
            refusals=(404,),
        ),
        Own(
            method="GET",
            path="/v1/runs",
            answer=_runs,
            operation="list_runs",
            en="What the schedule has asked for, the newest first; for administrators and auditors.",
            zh="定时任务近期运行,最新者在前;限管理员与审计人员。",
            parameters=(_LIMIT,),
            result=LastRuns,
            refusals=(404,),
        ),
    ),
)
