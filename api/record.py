"""The record as its reader may see it: the feed of events, and what waits for the caller."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from api.acts import Wiring, address_of
from api.callers import Reader
from api.problems import ParameterInvalid
from api.reads import all_rows, finished, times
from api.requests import TIMES, Headers, Parameters
from api.routes import AnyRequest, AnyResponse, Own, Page, Parameter
from domain.kernel import Audience, Recorded, identifiers, redact
from domain.lifecycle import CATALOGUE
from infra.record import Item
from projections.hearing import HEARING, HearingRow, waiting_to_be_heard
from projections.inbox import INBOX, InboxRow, waiting_for
from projections.judging import JUDGING, waiting_in_office
from projections.ledger import LEDGER, waiting_to_be_confirmed
from projections.obligation import OBLIGATION, waiting_at
from projections.task import Waiting, in_order
from projections.window import WINDOW

_MOST: Final = 1000
_USUAL: Final = 100
_AFTER: Final = Parameter(name="after", en="After this position", zh="此位置之后", type=int)


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded event, as its reader may see it."""

    position: int
    type: str
    tags: tuple[str, ...]
    body: dict[str, Any]
    envelope: dict[str, Any]
    recorded_at: str


class Feed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stretch of the record; go on after ``next_after``, also where nothing was found yet."""

    items: tuple[Fact, ...]
    next_after: int
    head: int
    simulated: bool = False


class Inbox(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What waits for the caller, the most urgent first."""

    items: tuple[Waiting, ...]
    position: int
    simulated: bool = False


# --- the feed --------------------------------------------------------------------------------------------------------


async def _events(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """A stretch of the record from a position on, filtered by type and tag, redacted for its reader."""
    headers = Headers(request.scope["headers"])
    reader = await wiring.callers.reader(await wiring.callers.reading(headers, address_of(request)))
    parameters = Parameters(request.scope["query_string"], ("after", "limit", "type", "tag"))
    after, limit = parameters.whole("after") or 0, parameters.whole("limit", 1, _MOST) or _USUAL
    kind, wanted = parameters.text("type"), parameters.text("tag")
    kinds = tuple(kind.split(",")) if kind else ()
    if not set(kinds) <= CATALOGUE.by_name.keys():
        raise ParameterInvalid(parameter="type", rule="the stored name of an event")
    if wanted is not None and not wanted.isprintable():
        raise ParameterInvalid(parameter="tag", rule="kind:id")
    items = [Item(kinds, (wanted,) if wanted else ())] if kinds or wanted else []
    store = await wiring.parts.stores(reader.caller.log_id)
    # What the reader may not see counts for nothing: neither for the limit nor for the place to go on at.
    facts: list[Fact] = []
    at_once, reached = limit if reader.in_office else _MOST, after
    while True:
        page = await store.read(items, after=reached, limit=at_once)
        facts += (fact for recorded in page.events if (fact := _fact(reader, recorded, wanted)))
        if len(facts) >= limit or len(page.events) < at_once:
            break
        reached = page.events[-1].position
    feed = Feed(
        items=tuple(facts[:limit]),
        next_after=facts[limit - 1].position if len(facts) >= limit else max(after, page.head),
        head=page.head,
        simulated=reader.institution.simulated,
    )
    return finished(feed, page.head, headers)


def _fact(reader: Reader, recorded: Recorded, wanted: str | None) -> Fact | None:
    """An event as this reader may see it; None where nothing of it, or the tag that was asked for, is theirs to see."""
    audiences = reader.audiences(units_of(recorded), applications_of(recorded), recorded.tags)
    body = redact(recorded.event, audiences)
    if not body:
        return None
    tags = tags_seen(recorded, audiences)
    if wanted is not None and wanted not in tags:
        return None
    return Fact(
        position=recorded.position,
        type=recorded.type,
        tags=tags,
        body=body,
        envelope=redact(recorded.envelope, audiences),
        recorded_at=recorded.recorded_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
    )


def units_of(recorded: Recorded) -> tuple[str, ...]:
    """The units that a fact is about, and those that put forward."""
    return tuple(value.partition(":")[2] for value in recorded.tags if value.startswith(("unit:", "nominator-unit:")))


def applications_of(recorded: Recorded) -> tuple[str, ...]:
    """The applications that a fact is about."""
    return tuple(value.partition(":")[2] for value in recorded.tags if value.startswith("application:"))


def tags_seen(recorded: Recorded, audiences: frozenset[Audience]) -> tuple[str, ...]:
    """The tags of a fact whose id stands in a field that is seen; all of them for the office."""
    if "office" in audiences:
        return recorded.tags
    body = redact(recorded.event, audiences)
    seen: set[str] = set()
    for name in identifiers(type(recorded.event)):
        value = body.get(name)
        seen |= {str(each) for each in value} if isinstance(value, tuple) else {str(value)}
    return tuple(each for each in recorded.tags if each.partition(":")[2] in seen)


# --- the inbox -------------------------------------------------------------------------------------------------------


async def _inbox(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """What waits, or waited at an earlier position, for the offices that the caller holds today."""
    headers = Headers(request.scope["headers"])
    caller = await wiring.callers.reading(headers, address_of(request))
    parameters = Parameters(request.scope["query_string"], TIMES[:3])
    reader = await wiring.callers.reader(caller, parameters.whole("min_position") or 0)
    when = await times(wiring, reader, parameters, effective=False)
    log_id = reader.caller.log_id
    rows: list[InboxRow] = []
    heard: list[HearingRow] = []
    waiting: list[Waiting] = []
    position = when.min_position if when.at_position is None else when.at_position
    for held in reader.held:
        filters = {"waiting": True, "role": held.role, "unit_id": held.unit_id or ""}
        found, position = await all_rows(wiring, log_id, INBOX.name, filters, when)
        # What somebody is recused from waits for others of the office.
        rows += (row for row in found if held.unit_id or row.application_id not in reader.barred)
        found, position = await all_rows(wiring, log_id, HEARING.name, filters, when)
        heard += (row for row in found if held.unit_id or row.application_id not in reader.barred)
    windows, _ = await all_rows(wiring, log_id, WINDOW.name, {}, when) if rows else ([], position)
    waiting += waiting_for(rows, {window.programme_id: window for window in windows}, reader.caller.person_id)
    waiting += waiting_to_be_heard(heard, reader.caller.person_id)
    if roles := [held.role for held in reader.held if held.unit_id is None]:
        judging, position = await all_rows(wiring, log_id, JUDGING.name, {"waiting": True}, when)
        waiting += waiting_in_office(judging, roles, reader.caller.person_id, reader.barred)
        ledgers, position = await all_rows(wiring, log_id, LEDGER.name, {"awaits_confirmation": True}, when)
        waiting += waiting_to_be_confirmed(ledgers, roles, reader.caller.person_id)
    for seat in (each for each in reader.seats if each.held):
        owed, position = await all_rows(wiring, log_id, OBLIGATION.name, {"seat": seat.code}, when)
        waiting += waiting_at(owed)
    inbox = Inbox(items=tuple(in_order(waiting)), position=position, simulated=reader.institution.simulated)
    return finished(inbox, position, headers)


READ_AT: Final = (
    Parameter(name="min_position", en="Wait until it is seen", zh="等到可见此位置", type=int),
    Parameter(name="at_position", en="As it stood there", zh="该位置时的状态", type=int),
    Parameter(name="as_of", en="As recorded by then", zh="截至此刻的记录"),
)

PAGE = Page(
    "record",
    "The record",
    "记录",
    (
        Own(
            method="GET",
            path="/v1/events",
            answer=_events,
            operation="read_events",
            en="The feed of events from a position on, redacted for its reader; ask again after next_after.",
            zh="自某位置起的事件流,按读者可见范围脱敏;以 next_after 续读。",
            parameters=(
                _AFTER,
                Parameter(name="limit", en="At most so many (1 to 1000)", zh="至多条数(1 至 1000)", type=int),
                Parameter(name="type", en="Stored names of events, with commas between", zh="事件存储名,以逗号分隔"),
                Parameter(name="tag", en="kind:id", zh="标签(kind:id)"),
            ),
            result=Feed,
        ),
        Own(
            method="GET",
            path="/v1/inbox",
            answer=_inbox,
            operation="read_inbox",
            en="What waits for the offices that the caller holds today, the most urgent first.",
            zh="调用者当日职务的待办,最紧急者在前。",
            parameters=READ_AT,
            result=Inbox,
            refusals=(503,),
        ),
    ),
)
