"""Trails and what differs between two moments: of one application, unit, person, programme, panel or payment.

A trail is every recorded fact about its subject, in order, each as its reader may see it: who, by what right, when,
why, by which clause, on which earlier facts it rests and, asked for, what it changed. It is read page by page and sent
as it is read, up to the position that the first page reflects. Then and now are two positions of the same views that
everybody reads; each difference names the event by which a field came to be as it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, Final, Literal

import msgspec

from api.acts import Wiring, address_of
from api.answers import Stream
from api.callers import Reader
from api.problems import NotFound, ParameterInvalid
from api.reads import (
    MOMENTS,
    File,
    FileForm,
    answer_file,
    finished,
    moment,
    redacted,
    times,
    wanted_form,
)
from api.record import READ_AT, applications_of, tags_seen, units_of
from api.requests import TIMES, Headers, Parameters
from api.routes import AnyRequest, AnyResponse, Own, Page, Parameter
from domain.ids import (
    ApplicationId,
    LeadApplicationId,
    NominatorUnitId,
    PanelId,
    ParentUnitId,
    PaymentId,
    PersonId,
    ProgrammeId,
    SuccessorUnitId,
    UnitId,
    tag,
)
from domain.kernel import Audience, Recorded, redact
from domain.lifecycle import CATALOGUE
from domain.selection.events import SelectionConfirmed
from domain.selection.policy import JoiningFact, Projects
from infra.event_store import EventStore
from infra.record import Item
from projections import VIEWS
from projections.application import APPLICATION
from projections.case_file import Entry, case_file_table, entry, rests_on
from projections.difference import Changed, Difference, changed, differences
from projections.kernel import Table, View, columns

_PAGE: Final = 500
_MOST: Final = 1000
_USUAL: Final = 200
_JSON_LINES: Final = "application/jsonl"
_FILTERS: Final = ("type", "actor", "from_day", "to_day", "from_position", "to_position", "changes")
ExportForm = FileForm | Literal["jsonl"]
TrailForm = Literal["json"] | ExportForm
"""As a reader asks for a trail: what every list is given as, or JSON lines."""


class Trail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stretch of a trail; go on after ``next_after`` where there is more."""

    subject: str
    entries: tuple[Entry, ...]
    position: int
    next_after: int | None = None
    simulated: bool = False


class CaseFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every fact of one case, in order."""

    application_id: str
    entries: tuple[Entry, ...]
    position: int
    simulated: bool = False


@dataclass(frozen=True)
class _Subject:
    """What a trail is about: the field of the path, the tags under which its facts are found, and what it is called."""

    field: str
    kinds: tuple[Any, ...]
    path: str
    en: str
    zh: str

    def items(self, name: str, types: tuple[str, ...]) -> list[Item]:
        """The query that finds the facts."""
        return [Item(types, (tag(kind, name),)) for kind in self.kinds]


_COMPARED: Final = frozenset({"application_id", "unit_id", "programme_id"})
"""Of what two moments are compared."""
_OF_UNIT: Final = (UnitId, ParentUnitId, SuccessorUnitId, NominatorUnitId)
_CASE: Final = _Subject(
    "application_id",
    (ApplicationId, LeadApplicationId),
    "/v1/applications/{application_id}",
    "an application",
    "一项申报",
)
_SUBJECTS: Final = (
    _Subject("unit_id", _OF_UNIT, "/v1/units/{unit_id}", "a unit", "一个单位"),
    _Subject("person_id", (PersonId,), "/v1/people/{person_id}", "a person, under their pseudonym", "一名人员(假名)"),
    _Subject("programme_id", (ProgrammeId,), "/v1/programmes/{programme_id}", "a programme", "一个项目"),
    _Subject("panel_id", (PanelId,), "/v1/panels/{panel_id}", "a panel", "一个评审组"),
    _Subject("payment_id", (PaymentId,), "/v1/payments/{payment_id}", "a payment", "一笔拨付"),
)


# --- what was asked ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Wanted:
    """Which facts of a trail are wanted, and whether with what they changed."""

    types: tuple[str, ...]
    actor: str | None
    from_day: date | None
    to_day: date | None
    after: int
    to_position: int | None
    changes: bool

    def takes(self, recorded: Recorded, seen: Mapping[str, Any], day: date) -> bool:
        """Whether a fact is wanted, of whose envelope so much is seen, and which took effect on that day."""
        return (
            (not self.types or recorded.type in self.types)
            and recorded.position > self.after
            and (self.to_position is None or recorded.position <= self.to_position)
            and (self.actor is None or seen.get("actor_id") == self.actor)
            and (self.from_day is None or day >= self.from_day)
            and (self.to_day is None or day <= self.to_day)
        )


def _wanted(parameters: Parameters) -> _Wanted:
    kinds = parameters.text("type")
    types = tuple(kinds.split(",")) if kinds else ()
    if not set(types) <= CATALOGUE.by_name.keys():
        raise ParameterInvalid(parameter="type", rule="the stored name of an event")
    since, until = parameters.whole("from_position", 1), parameters.whole("to_position", 1)
    from_day, to_day = parameters.day("from_day"), parameters.day("to_day")
    # Ends before it begins: nothing would be found, and that would be taken for nothing having happened.
    if since is not None and until is not None and until < since:
        raise ParameterInvalid(parameter="to_position", rule=f"{since} at least")
    if from_day is not None and to_day is not None and to_day < from_day:
        raise ParameterInvalid(parameter="to_day", rule=f"{from_day} at least")
    return _Wanted(
        types=types,
        actor=parameters.text("actor"),
        from_day=from_day,
        to_day=to_day,
        after=max(parameters.whole("after") or 0, 0 if since is None else since - 1),
        to_position=until,
        changes=parameters.flag("changes"),
    )


def _form(headers: Headers, parameters: Parameters) -> TrailForm:
    return "jsonl" if parameters.text("format") == "jsonl" else wanted_form(headers, parameters, beside=("jsonl",))


# --- what is told of a fact -------------------------------------------------------------------------------------------

Opened = Callable[[Recorded], frozenset[Audience]]


@dataclass(frozen=True)
class _Teller:
    """Tells facts to a reader: what is seen of each, by which clause, and what it changed."""

    wiring: Wiring
    reader: Reader
    store: EventStore
    opened: Opened
    wanted: _Wanted

    async def told(self, facts: Sequence[Recorded]) -> list[Entry]:
        """Those of the facts that are wanted and of which something is the reader's to see, in order."""
        seen: list[tuple[Recorded, frozenset[Audience]]] = []
        for recorded in facts:
            audiences = self.opened(recorded)
            day = self.reader.institution.day(recorded.envelope.effective_at)
            # A fact of which nothing is the reader's to see is not the reader's to know of, as in the feed.
            if redact(recorded.event, audiences) and self.wanted.takes(
                recorded, redact(recorded.envelope, audiences), day
            ):
                seen.append((recorded, audiences))
        cited = {position for recorded, audiences in seen for position in rests_on(recorded, audiences)}
        clauses = _clauses(await self.store.at(cited)) if cited else {}
        changes = await self._changes([recorded for recorded, _ in seen]) if self.wanted.changes else {}
        return [
            entry(recorded, audiences, clauses=clauses, changes=changes.get(recorded.position, ()))
            for recorded, audiences in seen
        ]

    async def _changes(self, facts: Sequence[Recorded]) -> dict[int, list[Changed]]:
        """What these facts changed in the views, field by field, by their positions."""
        found: dict[int, list[Changed]] = {}
        for view in VIEWS:
            if reads := [recorded for recorded in facts if recorded.type in view.topics]:
                by_fact = await self.wiring.views.changed(self.reader.caller.log_id, view, reads)
                for position, rows in by_fact.items():
                    for before, after in rows:
                        found.setdefault(position, []).extend(changed(view, before, after, self.seen(view)))
        return found

    def seen(self, view: View[Any]) -> Callable[[Any], dict[str, Any] | None]:
        """What of a row of a view is seen."""
        return partial(redacted, self.reader, view)


def _clauses(facts: Mapping[int, Recorded]) -> dict[int, str]:
    """The clauses that facts quote, by their positions: a call is public."""
    found = {position: redact(recorded.event, frozenset({"public"})) for position, recorded in facts.items()}
    return {position: seen["clause"] for position, seen in found.items() if seen.get("clause")}


# --- trails -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Reading:
    """One trail as it is read: whose, by whom, and up to where."""

    subject: _Subject
    name: str
    teller: _Teller
    head: int

    async def is_known(self, facts: Sequence[Recorded]) -> bool:
        """Whether any fact about the subject is the reader's to know of; ``facts`` are the first ones."""
        while True:
            if any(redact(recorded.event, self.teller.opened(recorded)) for recorded in facts):
                return True
            if len(facts) < _PAGE:
                return False
            facts = await self._facts((), facts[-1].position, self.head)

    async def pages(self) -> AsyncIterator[list[Entry]]:
        """What is wanted of the trail, page by page."""
        wanted = self.teller.wanted
        until = self.head if wanted.to_position is None else min(self.head, wanted.to_position)
        reached = wanted.after
        while True:
            facts = await self._facts(wanted.types, reached, until)
            yield await self.teller.told(facts)
            if len(facts) < _PAGE:
                return
            reached = facts[-1].position

    async def _facts(self, types: tuple[str, ...], after: int, until: int) -> Sequence[Recorded]:
        return (await self.teller.store.read(self.subject.items(self.name, types), after, until, _PAGE)).events


async def _trail(subject: _Subject, wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """The facts about a subject, each as its reader may see it."""
    headers = Headers(request.scope["headers"])
    caller = await wiring.callers.reading(headers, address_of(request))
    parameters = Parameters(request.scope["query_string"], (*TIMES[:3], *_FILTERS, "after", "limit", "format"))
    reader = await wiring.callers.reader(caller, parameters.whole("min_position") or 0)
    form, wanted = _form(headers, parameters), _wanted(parameters)
    limit = parameters.whole("limit", 1, _MOST) or _USUAL
    when = await times(wiring, reader, parameters, effective=False)
    name, store = request.path_params[subject.field], await wiring.parts.stores(reader.caller.log_id)
    tags = {tag(kind, name) for kind in subject.kinds}

    def opened(recorded: Recorded) -> frozenset[Audience]:
        audiences = reader.audiences(units_of(recorded), applications_of(recorded), recorded.tags)
        # That a fact is about the subject is not told to whom it does not show.
        return audiences if not tags.isdisjoint(tags_seen(recorded, audiences)) else frozenset()

    # Whether there is anything at all is asked without the filters, so that nothing wanted is not nothing there.
    first = await store.read(subject.items(name, ()), until=when.at_position, limit=_PAGE)
    head = first.head if when.at_position is None else when.at_position
    reading = _Reading(subject, name, _Teller(wiring, reader, store, opened, wanted), head)
    if not await reading.is_known(first.events):
        raise NotFound
    if form != "json":
        return await _exported(reader, reading.pages(), form, head, headers, changes=wanted.changes)
    return await _page_of(reading, limit, headers)


async def _page_of(reading: _Reading, limit: int, headers: Headers) -> AnyResponse:
    """As many entries as are wanted at once; what may follow them is begun after the last one."""
    found: list[Entry] = []
    async for page in reading.pages():
        found += page
        if len(found) > limit:
            break
    trail = Trail(
        subject=tag(reading.subject.kinds[0], reading.name),
        entries=tuple(found[:limit]),
        position=reading.head,
        next_after=found[limit - 1].position if len(found) > limit else None,
        simulated=reading.teller.reader.institution.simulated,
    )
    return finished(trail, reading.head, headers)


async def _exported(
    reader: Reader,
    pages: AsyncIterator[Sequence[Entry]],
    form: ExportForm,
    head: int,
    headers: Headers,
    *,
    changes: bool,
    audiences: frozenset[Audience] | None = None,
) -> AnyResponse:
    """A trail as a file, sent as it is read."""
    shown = case_file_table((), reader.audiences() if audiences is None else audiences, changes=changes)
    if form == "jsonl":
        return _json_lines(reader, shown.name, pages, head)
    rows = ([[getattr(each, column.name) for column in shown.columns] for each in page] async for page in pages)
    return await answer_file(reader, shown, rows, File(form, head, None, headers))


def _json_lines(reader: Reader, name: str, pages: AsyncIterator[Sequence[msgspec.Struct]], head: int) -> AnyResponse:
    """Each on a line of its own."""

    async def lines() -> AsyncIterator[bytes]:
        async for page in pages:
            yield b"".join(msgspec.json.encode(each) + b"\n" for each in page)

    marked = "-simulated" if reader.institution.simulated else ""
    disposition = f'attachment; filename="{name}{marked}.jsonl"'
    fields = {"X-Position": str(head), "Content-Disposition": disposition, "Vary": "Authorization, Accept"}
    return Stream(lines(), _JSON_LINES, fields)


# --- the case file ----------------------------------------------------------------------------------------------------


async def _case_file(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """Every fact about one application, each as its reader may see it."""
    headers = Headers(request.scope["headers"])
    caller = await wiring.callers.reading(headers, address_of(request))
    parameters = Parameters(request.scope["query_string"], (*TIMES[:3], *_FILTERS, "format"))
    reader = await wiring.callers.reader(caller, parameters.whole("min_position") or 0)
    form, wanted = _form(headers, parameters), _wanted(parameters)
    when = await times(wiring, reader, parameters, effective=False)
    application_id = request.path_params["application_id"]
    store = await wiring.parts.stores(reader.caller.log_id)
    page = await store.read(_CASE.items(application_id, ()), until=when.at_position)
    if not page.events:
        raise NotFound
    # Whoever stands on either side of the case reads it whole as its subject.
    units = _bearers(application_id, page.events)
    audiences: frozenset[Audience] = reader.audiences(units, (application_id,))
    if "subject" not in audiences:
        audiences = await _as_its_nominator(wiring, reader, application_id, when.min_position)
    teller = _Teller(wiring, reader, store, lambda _: audiences, wanted)
    found = await teller.told(page.events)
    position = page.head if when.at_position is None else when.at_position
    if form != "json":
        changes = wanted.changes
        pages = _at_once(found)
        return await _exported(reader, pages, form, position, headers, changes=changes, audiences=audiences)
    file = CaseFile(
        application_id=application_id,
        entries=tuple(found),
        position=position,
        simulated=reader.institution.simulated,
    )
    return finished(file, position, headers)


def _bearers(application_id: str, events: Sequence[Recorded]) -> set[str]:
    """The units on either side of a case, by the facts that are about it alone: a list on the board names others too.

    The partners of a joint project are among them once it is confirmed.
    """
    projects = Projects()
    own = [recorded for recorded in events if getattr(recorded.event, "application_id", None) == application_id]
    for recorded in events:
        if isinstance(recorded.event, JoiningFact):
            projects.take(recorded.event)
    units = {unit for recorded in own if not isinstance(recorded.event, JoiningFact) for unit in units_of(recorded)}
    if any(isinstance(recorded.event, SelectionConfirmed) for recorded in own):
        units |= {joined.unit_id for joined in projects.joined.values()}
    return units


async def _as_its_nominator(
    wiring: Wiring, reader: Reader, application_id: str, min_position: int
) -> frozenset[Audience]:
    """What is read by the unit that is to put an application forward now, and has had no part in it yet."""
    found = await wiring.views.get(reader.caller.log_id, APPLICATION, (application_id,), min_position=min_position)
    audiences = reader.audiences(() if found.row is None else (found.row.nominator_unit_id,), (application_id,))
    if "subject" not in audiences:
        raise NotFound
    return audiences


async def _at_once(found: Sequence[Entry]) -> AsyncIterator[Sequence[Entry]]:
    yield found


# --- then and now -----------------------------------------------------------------------------------------------------


class Differences(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What differs between two positions, each field with the position of its cause; the causes beside them."""

    subject: str
    from_position: int
    to_position: int
    items: tuple[Difference, ...]
    causes: tuple[Entry, ...]
    position: int
    simulated: bool = False


async def _differences(subject: _Subject, wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """What differs in the views about a subject between two moments, with the events by which it came to be."""
    headers = Headers(request.scope["headers"])
    caller = await wiring.callers.reading(headers, address_of(request))
    parameters = Parameters(request.scope["query_string"], (*MOMENTS, "format"))
    reader, form = await wiring.callers.reader(caller), _form(headers, parameters)
    then, now = [await moment(wiring, reader, parameters, name) for name in ("from", "to")]
    if then is None:
        raise ParameterInvalid(parameter="from_position", rule="one of from_position, from_as_of")
    store = await wiring.parts.stores(reader.caller.log_id)
    now = await store.head() if now is None else now
    if now < then:
        raise ParameterInvalid(parameter="to_position", rule=f"{then} at least")
    name = request.path_params[subject.field]
    found, is_known = await _found(wiring, reader, subject, name, (then, now))
    if not is_known:
        raise NotFound
    if form != "json":
        return await _differences_exported(reader, found, form, now, headers)

    def opened(recorded: Recorded) -> frozenset[Audience]:
        return reader.audiences(units_of(recorded), applications_of(recorded), recorded.tags)

    facts = await store.at(each.position for each in found)
    teller = _Teller(wiring, reader, store, opened, _wanted(Parameters(b"", ())))
    told = Differences(
        subject=tag(subject.kinds[0], name),
        from_position=then,
        to_position=now,
        items=tuple(found),
        causes=tuple(await teller.told([facts[position] for position in sorted(facts)])),
        position=now,
        simulated=reader.institution.simulated,
    )
    return finished(told, now, headers)


async def _found(
    wiring: Wiring, reader: Reader, subject: _Subject, name: str, span: tuple[int, int]
) -> tuple[list[Difference], bool]:
    """The differences in all views that have the subject, and whether any of it is the reader's to know of."""
    found: list[Difference] = []
    is_known, (then, now) = False, span
    for view in VIEWS:
        if subject.field not in view.row.__struct_fields__:
            continue
        versions = await wiring.views.versions(reader.caller.log_id, view, subject.field, name, then=then, now=now)
        seen = partial(redacted, reader, view, needed=(subject.field,))
        is_known = is_known or any(seen(version.row) is not None for version in versions)
        found += differences(view, versions, then, now, seen)
    return found, is_known


async def _differences_exported(
    reader: Reader, found: Sequence[Difference], form: ExportForm, now: int, headers: Headers
) -> AnyResponse:
    shown = columns(Difference)
    table = Table(name="differences", en="Differences", zh="差异", columns=shown, rows=())

    async def pages() -> AsyncIterator[Sequence[Difference]]:
        yield found

    if form == "jsonl":
        return _json_lines(reader, table.name, pages(), now)
    rows = ([[getattr(each, column.name) for column in shown] for each in page] async for page in pages())
    return await answer_file(reader, table, rows, File(form, now, None, headers))


# --- the routes -------------------------------------------------------------------------------------------------------

_FORMAT: Final = Parameter(
    name="format",
    en="json, csv, excel_csv, xlsx or jsonl, instead of Accept",
    zh="json、csv、excel_csv、xlsx 或 jsonl,代替 Accept",
)
_FILTERED: Final = (
    Parameter(name="type", en="Stored names of events, with commas between", zh="事件存储名,以逗号分隔"),
    Parameter(name="actor", en="Recorded by", zh="行为人"),
    Parameter(name="from_day", en="Took effect on this day or later", zh="生效日不早于"),
    Parameter(name="to_day", en="Took effect on this day or earlier", zh="生效日不晚于"),
    Parameter(name="from_position", en="At this position or later", zh="位置不早于", type=int),
    Parameter(name="to_position", en="At this position or earlier", zh="位置不晚于", type=int),
    Parameter(name="changes", en="With what each fact changed in the views", zh="附各事实对视图的改动", type=bool),
    _FORMAT,
)
_PAGED: Final = (
    Parameter(name="after", en="After this position", zh="此位置之后", type=int),
    Parameter(name="limit", en="At most so many (1 to 1000)", zh="至多条数(1 至 1000)", type=int),
)
_MOMENTS: Final = (
    Parameter(name="from_position", en="Then, as a position", zh="前一时点(位置)", type=int),
    Parameter(name="from_as_of", en="Then, as an instant", zh="前一时点(时刻)"),
    Parameter(
        name="to_position",
        en="Now, as a position (neither given: the head)",
        zh="后一时点(位置;均未给为最新)",
        type=int,
    ),
    Parameter(name="to_as_of", en="Now, as an instant", zh="后一时点(时刻)"),
    _FORMAT,
)


def _trail_route(subject: _Subject) -> Own:
    return Own(
        method="GET",
        path=f"{subject.path}/trail",
        answer=partial(_trail, subject),
        operation=f"read_trail_of_{subject.field.removesuffix('_id')}",
        en=f"Every fact about {subject.en}: who, by what right, when, why, by which clause, and what it changed.",
        zh=f"{subject.zh}的全部事实:何人、何权限、何时、因何、依何条款及其改动。",
        parameters=(*READ_AT, *_FILTERED, *_PAGED),
        result=Trail,
        gives=("json", "csv", "xlsx"),
        refusals=(404, 406, 503),
    )


def _differences_route(subject: _Subject) -> Own:
    return Own(
        method="GET",
        path=f"{subject.path}/differences",
        answer=partial(_differences, subject),
        operation=f"compare_{subject.field.removesuffix('_id')}",
        en=f"What differs about {subject.en} between two moments, field by field, with the event that caused it.",
        zh=f"{subject.zh}在两个时点之间的差异,逐栏列出并附起因事件。",
        parameters=_MOMENTS,
        result=Differences,
        gives=("json", "csv", "xlsx"),
        refusals=(404, 406, 503),
    )


PAGE = Page(
    "trail",
    "Trails, then and now",
    "轨迹与今昔对比",
    (
        Own(
            method="GET",
            path="/v1/applications/{application_id}/case-file",
            answer=_case_file,
            operation="read_case_file",
            en="Every fact about one application, with who, when, by what right and why.",
            zh="一项申报的全部事实:何人、何时、依何权限、因何事由。",
            parameters=(*READ_AT, *_FILTERED),
            result=CaseFile,
            gives=("json", "csv", "xlsx"),
            refusals=(404, 406, 503),
        ),
        *(_trail_route(subject) for subject in _SUBJECTS),
        *(_differences_route(subject) for subject in (_CASE, *_SUBJECTS) if subject.field in _COMPARED),
    ),
)
