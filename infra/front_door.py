"""The only way in: authorise, read, decide, append, retry. HTTP, command line, schedule and automations call it.

One request is one command. The door reads what the command's boundary names together with the actor's appointments, the
head of the log and an earlier receipt in one statement; decides on a fresh command; and hands the events to the log on
condition that nothing of what was read has changed. A lost race is decided again, a refusal is an answer.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID, uuid5

import msgspec
from msgspec.structs import replace

from domain.ids import TAG_KINDS, DocumentId, InstitutionId
from domain.kernel import (
    Command,
    Denied,
    Envelope,
    Event,
    Recorded,
    Refusal,
    Selector,
    called,
    reading,
    replay,
    tags_of,
    takes_positions,
    word,
)
from infra.access import AccessJournal
from infra.asking import (
    SCOPES,
    Ask,
    BoundaryTooWide,
    Caller,
    CodeMissing,
    DelegationMissing,
    EffectiveBeforeCase,
    EffectiveInFuture,
    Law,
    NotAuthenticated,
    NotBackdatable,
    NothingDecided,
    OtherRequest,
    Preview,
    Raced,
    Reason,
    ReasonDocumentMissing,
    ReasonDocumentNamesPerson,
    ReasonDocumentUnknown,
    Receipt,
    RecordedRef,
    ScopeMissing,
    VersionAhead,
    VersionPassed,
)
from infra.clock import Clock, Institution, guess
from infra.codes import CodePending, Codes
from infra.documents import Documents, NoSuchDocument
from infra.event_store import EventStore
from infra.log import logger
from infra.overlay import Overlay
from infra.paged_past import PAGE, PagedPast
from infra.record import (
    Accepted,
    Check,
    Conflict,
    Fact,
    Item,
    KeyReused,
    Known,
    Outcome,
    Proposal,
    Repeated,
    Stale,
    refuse_unwritable,
)
from infra.record import Receipt as Standing
from infra.sealed_fields import Sealer, as_hashed, matter_of, sealed_fields
from infra.staging import Attempt, Staging
from infra.tokens import STILL_VALID

__all__ = [
    "Ask",
    "Caller",
    "FrontDoor",
    "Law",
    "NotAuthenticated",
    "OtherRequest",
    "Preview",
    "Raced",
    "Reason",
    "Receipt",
    "RecordedRef",
    "VersionAhead",
    "VersionPassed",
    "command_id",
    "service_id",
]

_LOGS: Final = UUID("6b1f6c1e-3c52-5d0e-9d53-9a1d5f0b7a11")
"""Namespace of command ids: fixed for ever, or a repeated request would be a new one."""
_MICROSECOND: Final = timedelta(microseconds=1)
_FAR: Final = 1 << 40
ATTEMPTS: Final = 32
"""How often a command that loses its race is decided again; each time somebody else's command was recorded instead."""
_WARN_FROM: Final = 4
"""A boundary that holds a quarter of what it may is worth a line in the log: 500 events, for most commands."""

_MISSED: Final = 100
"""A caller whose version has passed is told of some of what it missed; there may be a great deal."""

_log = logger()


@dataclass(frozen=True, slots=True)
class _Actor:
    """Who acts, as all that is written says it: a person or service by id, or whoever holds a code in a matter."""

    id: str
    code: str | None = None


@dataclass(slots=True)
class _Request:
    """One request on its way to a decision; ``now`` is set once, when the request was complete."""

    ask: Ask
    institution: Institution
    actor: _Actor
    command_id: UUID
    values: Mapping[str, Any]
    hash: bytes
    now: datetime | None = None
    pages: PagedPast | None = None

    def fresh(self) -> Command:
        """A command that knows what is asked, by whom and when, and nothing yet of the past."""
        return self.told(self.ask.command(**self.values))

    def told(self, command: Command) -> Command:
        """A command that has been told by whom and when it is asked."""
        # Until the first read has told the server's time, a boundary that depends on the day is only a guess, and is
        # asked again afterwards.
        now = self.now or guess()
        command.by, command.zone, command.now = self.actor.id, self.institution.zone, now
        command.by_units = frozenset()
        command.institution_id = InstitutionId(self.institution.institution_id)
        command.effective_at = self._effective_at(now)
        command.reason_code = self.ask.reason.code if self.ask.reason else None
        return command

    def _effective_at(self, now: datetime) -> datetime:
        ask = self.ask
        if ask.effective_at is not None:
            return ask.effective_at
        if ask.effective_on is None:
            return now
        today = self.institution.day(now)
        if ask.effective_on > today:
            raise EffectiveInFuture(effective_on=ask.effective_on, today=today)
        return now if ask.effective_on == today else self.institution.start_of(ask.effective_on)


@dataclass(slots=True)
class _Read:
    """A command that has taken in its past, and what that past was.

    ``begun`` gives a command that has taken in what lies before ``past``: nothing, unless that was read page by page;
    then ``kept`` is what the door itself asks of it.
    """

    command: Command
    past: list[Recorded]
    items: tuple[Item, ...]
    overlay: Overlay
    begun: Callable[[], Command]
    kept: list[Recorded] = field(default_factory=list)

    @property
    def recorded(self) -> list[Recorded]:
        """The past without what is pending."""
        return self.past[: len(self.past) - len(self.overlay.events)]


@dataclass(slots=True)
class _Decided:
    """A command that has decided, and everything its append rests on."""

    events: list[Event]
    envelope: Envelope
    items: tuple[Item, ...]
    overlay: Overlay


def _unheard(_command: str, _events: int) -> None:
    """Nobody counts."""


@dataclass(kw_only=True)
class FrontDoor:
    """Takes a request to its receipt, or to a refusal; ``counts`` hears how many events each decision read."""

    clock: Clock
    store: Callable[[int], Awaitable[EventStore]]
    law: Law
    staging: Staging
    documents: Documents
    codes: Codes
    sealer: Sealer
    access: AccessJournal
    counts: Callable[[str, int], None] = _unheard
    widest: dict[str, int] = field(default_factory=dict)
    """How many events the widest boundary of each command held, in this process."""

    async def ask(self, ask: Ask) -> Receipt | Preview:
        """Decide one command and record what it decides.

        Raises a Refusal, NotAuthenticated, Raced, OtherRequest, VersionPassed or Overloaded; then nothing was recorded
        or kept.
        """
        institution = ask.founding or await self.clock.institution(ask.caller.log_id)
        actor = _Actor(ask.caller.person_id)
        try:
            self._refuse_backdating(ask)
            actor = await self._actor(ask)
            await self._check_form(ask)
            command_id = ask.command_id or self.command_id(institution, actor.id, ask.idempotency_key)
            return await self._ask(ask, institution, actor, command_id)
        except Refusal as refusal:
            if isinstance(refusal, Denied):
                await self._journal(ask, actor, refusal)
            # A person reads the institution's clock on the wall, not that of Greenwich.
            refusal.told_in(institution.zone)
            raise

    def _refuse_backdating(self, ask: Ask) -> None:
        """What is judged by when it came takes no earlier day, whoever asks for it."""
        if ask.effective_on is not None and not self.law.act_of(ask.command).backdatable:
            raise NotBackdatable(command=called(ask.command))

    async def _actor(self, ask: Ask) -> _Actor:
        """Whose act it is: the caller's own or, in a matter where nobody is named, that of the caller's code."""
        matter = matter_of(ask)
        if matter is None:
            return _Actor(ask.caller.person_id)
        code = await self.codes.find(ask.caller.log_id, matter, ask.caller.person_id)
        if code is None:
            raise CodeMissing(command=called(ask.command))
        return _Actor(f"{matter}/{code}", code)

    def command_id(self, institution: Institution, actor_or_rule: str, key: str) -> UUID:
        """The id of a command: ``uuid5(institution, actor or rule, key)``, so a repeated request has the same."""
        return command_id(institution.institution_id, actor_or_rule, key)

    async def _check_form(self, ask: Ask) -> None:
        if ask.on_behalf_of is not None:
            raise DelegationMissing
        self.law.require_reason(ask.command, ask.reason.code if ask.reason else None)
        if ask.effective_on is not None:
            if "backdate" not in ask.caller.scopes:
                raise ScopeMissing(scope=word("backdate", SCOPES))
            if ask.reason is None or ask.reason.document_id is None:
                raise ReasonDocumentMissing(field="Reason", rule="code; document=<id>")
        if ask.reason is not None and ask.reason.document_id is not None:
            if ask.command.CODED:
                raise ReasonDocumentNamesPerson(field="Reason")
            try:
                await self.documents.describe(ask.caller.log_id, ask.reason.document_id)
            except NoSuchDocument:
                raise ReasonDocumentUnknown(document_id=ask.reason.document_id) from None

    async def _ask(self, ask: Ask, institution: Institution, actor: _Actor, command_id: UUID) -> Receipt | Preview:
        names = sealed_fields(ask.command)
        if not names:
            request = _request(ask, institution, actor, command_id, ask.values)
            return await self._settle(request, ask.attempt)
        if ask.dry_run:
            stand_ins = {name: await self.sealer.stand_in(ask, name) for name in names}
            return await self._settle(_request(ask, institution, actor, command_id, {**ask.values, **stand_ins}), None)
        async with self.staging.attempt(ask.caller.log_id, command_id) as attempt:
            try:
                seals = {name: await self.sealer.seal(ask, attempt, name, actor.code) for name in names}
            except CodePending:
                raise Raced(command_id) from None
            request = _request(ask, institution, actor, command_id, {**ask.values, **seals})
            return await self._settle(request, attempt)

    async def _settle(self, request: _Request, attempt: Attempt | None) -> Receipt | Preview:
        """Decide and append until it is recorded, refused, or has lost too many races."""
        ask, command_id = request.ask, request.command_id
        store = await self.store(ask.caller.log_id)
        lost = 0
        while lost < ATTEMPTS:
            decided = await self._decide(request, store)
            if isinstance(decided, Receipt):
                return decided
            if decided is None:
                continue
            proposal = _proposal(ask, decided, request.hash)
            if ask.dry_run:
                for fact in proposal.facts:
                    refuse_unwritable(fact)
                return Preview(command_id, tuple((event.TOPIC, event) for event in decided.events))
            # Nothing was awaited since the overlay was looked at: the chain of this process's commands rests on it.
            match await _append(store, proposal, attempt):
                case Accepted(receipt) | Repeated(receipt):
                    return _receipt(receipt)
                case Stale(missed):
                    raise VersionPassed(missed)
                case KeyReused():
                    raise OtherRequest(command_id)
                case Conflict():
                    lost += 1
        raise Raced(command_id)

    async def _decide(self, request: _Request, store: EventStore) -> _Decided | Receipt | None:
        """Read and decide once; None where what it was decided on has gone, and it must be decided again."""
        if request.ask.founding is not None:
            request.now = request.institution.starts_at
        elif request.institution.simulated:
            request.now = await self.clock.now(request.institution.log_id)
        read = await self._read(request, store)
        if isinstance(read, Receipt):
            return read
        if any(pending.envelope.command_id == request.command_id for pending in read.overlay.events):
            # The same request, sent twice at the same time: what the first one records is the answer to both.
            await read.overlay.settled()
            return None
        try:
            events, authority = self._execute(request, read.command, [*read.kept, *read.past])
            waits = takes_positions(type(read.command)) and self._quotes_pending_positions(request, read, events)
        except VersionPassed as passed:
            # What is only pending may never be recorded, and its position is not known yet.
            if recorded := tuple(position for position in passed.missed if position <= read.overlay.head):
                raise VersionPassed(recorded) from None
            await read.overlay.settled()
            return None
        except Refusal as refusal:
            final = await self._final(request, read, refusal)
            if final is None:
                return None
            raise final from None
        if waits:
            await read.overlay.settled()
            return None
        return _Decided(events, _envelope(request, authority, read.command), read.items, read.overlay)

    async def _final(self, request: _Request, read: _Read, refusal: Refusal) -> Refusal | None:
        """The refusal that is an answer; None where it rests on a forerunner that is not recorded after all."""
        standing = self._refusal_on_record(request, read) if read.overlay.events else None
        if standing is None and await read.overlay.settled():
            return refusal
        return standing

    def _refusal_on_record(self, request: _Request, read: _Read) -> Refusal | None:
        """The refusal that the record calls for by itself, whatever becomes of what is pending.

        It needs no waiting; where others write all the time, there would be no end of waiting.
        """
        command = read.begun()
        replay(command, read.recorded)
        if not {_item(selector) for selector in command.consistency_boundary()} <= set(read.items):
            return None
        try:
            self._execute(request, command, [*read.kept, *read.recorded])
        except Refusal as refusal:
            return refusal
        except VersionPassed:
            return None
        return None

    def _quotes_pending_positions(self, request: _Request, read: _Read, events: list[Event]) -> bool:
        """Whether what was decided would read otherwise if its pending forerunners were written further on.

        Their positions are provisional. Most commands that learn positions quote none of a pending event, and need not
        wait; which ones do is seen by deciding once more on the same events, moved.
        """
        if not any(forerunner.open for forerunner in read.overlay.forerunners):
            return False
        moved = [replace(pending, position=pending.position + _FAR) for pending in read.overlay.events]
        again = read.begun()
        replay(again, [*read.recorded, *moved])
        return self._execute(request, again, [*read.kept, *read.recorded, *moved])[0] != events

    async def _read(self, request: _Request, store: EventStore) -> _Read | Receipt:
        """Read the boundary until the command asks for no more, or find that it was accepted before."""
        standing = self.law.standing(request.ask.caller.person_id)
        at_most = request.ask.command.READS_AT_MOST
        if at_most is None:
            return await self._read_pages(request, store, standing)
        steps = reading(request.fresh)
        boundary = next(steps)
        while True:
            items = tuple(_item(selector) for selector in (*boundary, standing))
            known = await store.read_for_decision(
                items, request.command_id, _checks(request.ask.caller), limit=at_most + 1
            )
            if (receipt := _heeded(request, known)) is not None:
                return receipt
            overlay = store.overlay(items, known)
            past = [*known.events, *overlay.events]
            self._measure(request.ask.command, len(past), at_most)
            try:
                boundary = steps.send(past)
            except StopIteration as done:
                self.counts(request.ask.command.__name__, len(past))
                return _Read(done.value, past, items, overlay, request.fresh)

    async def _read_pages(self, request: _Request, store: EventStore, standing: Selector) -> _Read | Receipt:
        """Take in a boundary of any width page by page, or find that the command was accepted before.

        What is recorded never changes and positions have no gaps, so pages that were read one after another are what
        one reading of the last one's moment would have found. What was taken in stays so where the race is lost.
        """
        pages = request.pages = request.pages or PagedPast(request.fresh(), self._is_kept(request))
        items = tuple(_item(selector) for selector in (*pages.boundary, standing))
        while True:
            known = await store.read_for_decision(
                items, request.command_id, _checks(request.ask.caller), limit=PAGE, after=pages.position
            )
            if (receipt := _heeded(request, known)) is not None:
                return receipt
            if len(known.events) < PAGE:
                break
            pages.take(known.events, store.unanswered(known.events))
        overlay = store.overlay(items, replace(known, events=[*pages.unanswered, *known.events]))
        past = [*known.events, *overlay.events]
        self._measure(request.ask.command, pages.events + len(past), None)
        self.counts(request.ask.command.__name__, pages.events + len(past))
        read = _Read(request.fresh(), past, items, overlay, lambda: request.told(pages.begun()), pages.kept)
        read.command = read.begun()
        replay(read.command, past)
        pages.refuse_growth(read.command)
        return read

    def _is_kept(self, request: _Request) -> Callable[[Recorded], bool]:
        """Which events of a past that is read page by page the door itself asks about: offices, and versions missed."""
        ask = request.ask

        def is_kept(recorded: Recorded) -> bool:
            if ask.if_match is not None and recorded.position > ask.if_match and ask.subject in recorded.tags:
                return request.pages is not None and len(request.pages.kept) < _MISSED
            return self.law.is_standing(recorded.event, ask.caller.person_id)

        return is_kept

    def _measure(self, command: type[Command], events: int, at_most: int | None) -> None:
        """Note how wide a boundary is; one that is wider than its command allows is refused."""
        name = command.__name__
        wider = events > self.widest.get(name, 0)
        if wider:
            self.widest[name] = events
        if at_most is None:
            return
        if wider and events * _WARN_FROM >= at_most:
            _log.warning("boundary.wide", command=name, events=events, at_most=at_most)
        if events > at_most:
            raise BoundaryTooWide(command=called(command), at_most=at_most)

    def _execute(self, request: _Request, command: Command, past: Sequence[Recorded]) -> tuple[list[Event], str]:
        """Authorise and decide; nothing is awaited."""
        ask, institution = request.ask, request.institution
        by_office = ask.caller.engagement_id is None
        held = [r for r in past if by_office and self.law.is_standing(r.event, ask.caller.person_id)]
        appointments, today = self.law.appointments_of(held), institution.day(command.now)
        authority = self.law.authorise(command, appointments, today)
        if request.actor.code is not None:
            # The office it rests on was read and judged; to name the appointment would name the person.
            authority = request.actor.id
        command.by_units = self.law.units_of(appointments, today)
        if ask.subject is not None:
            of_subject = [recorded for recorded in past if ask.subject in recorded.tags]
            missed = tuple(r.position for r in of_subject if ask.if_match is not None and r.position > ask.if_match)
            if missed:
                raise VersionPassed(missed)
            if ask.effective_on is not None and of_subject:
                first_day = institution.day(min(recorded.envelope.effective_at for recorded in of_subject))
                if ask.effective_on < first_day:
                    raise EffectiveBeforeCase(effective_on=ask.effective_on, first_day=first_day)
        command.execute()
        events = [tagged.decision for tagged in command.collect_events()]
        if not events:
            raise NothingDecided(command=called(ask.command))
        return events, authority

    async def _journal(self, ask: Ask, actor: _Actor, denied: Denied) -> None:
        await self.access.record(
            ask.caller.log_id,
            actor_id=actor.id,
            # A token names its holder, so it does not stand beside a code.
            token_id=ask.caller.token_id if actor.code is None else None,
            act=ask.command.__name__,
            what=ask.subject or "",
            outcome=denied.kind,
        )


def _heeded(request: _Request, known: Known) -> Receipt | None:
    """The receipt of a command that was accepted before; and what a reading tells beside the past, taken note of."""
    if request.ask.caller.token_hash is not None and not known.answers[1]:
        raise NotAuthenticated
    if known.receipt is not None:
        if known.receipt.request_hash != request.hash:
            raise OtherRequest(request.command_id)
        return _receipt(known.receipt)
    if request.ask.if_match is not None and request.ask.if_match > known.head:
        raise VersionAhead(given=request.ask.if_match, head=known.head)
    request.now = request.now or known.answers[0].astimezone(UTC)
    return None


async def _append(store: EventStore, proposal: Proposal, attempt: Attempt | None) -> Outcome:
    if attempt is None:
        return await asyncio.shield(store.enqueue(proposal))
    answer = store.enqueue(proposal)  # What is not even queued, since too much is, leaves nothing behind.
    attempt.submitted()
    outcome = await asyncio.shield(answer)
    if isinstance(outcome, Accepted | Repeated):
        attempt.accepted()
    else:
        attempt.refused()
    return outcome


def _request(
    ask: Ask, institution: Institution, actor: _Actor, command_id: UUID, values: Mapping[str, Any]
) -> _Request:
    return _Request(ask, institution, actor, command_id, values, _request_hash(ask, values))


@functools.lru_cache(10_000)
def _namespace(institution_id: str, actor_or_rule: str) -> UUID:
    return uuid5(uuid5(_LOGS, institution_id), actor_or_rule)


def command_id(institution_id: str, actor_or_rule: str, key: str) -> UUID:
    """The id of a command: ``uuid5(institution, actor or rule, key)``."""
    return uuid5(_namespace(institution_id, actor_or_rule), key)


def service_id(institution_id: str, service: str) -> str:
    """The pseudonym under which a service of the product acts in an institution."""
    return str(uuid5(uuid5(_LOGS, institution_id), f"service:{service}"))


def _request_hash(ask: Ask, values: Mapping[str, Any]) -> bytes:
    """The request, not the events: after a lost race the same request may rightly decide otherwise.

    What was sealed stands in it by commitments, so that nobody can guess a name or a mark from a hash.
    """
    request = (ask.command.__name__, as_hashed(values), ask.effective_on, ask.on_behalf_of, ask.reason, ask.if_match)
    return hashlib.sha256(msgspec.json.encode(request, order="sorted")).digest()


@functools.cache
def _topics(types: tuple[type[Event], ...]) -> tuple[str, ...]:
    return tuple(sorted(kind.TOPIC for kind in types))


def _item(selector: Selector) -> Item:
    return Item(_topics(tuple(cast("Sequence[type[Event]]", selector.types))), tuple(selector.tags))


def _checks(caller: Caller) -> tuple[Check, ...]:
    time = Check("select clock_timestamp()")
    return (time,) if caller.token_hash is None else (time, Check(STILL_VALID, (caller.token_hash,)))


def _envelope(request: _Request, authority: str, command: Command) -> Envelope:
    ask, command_id = request.ask, request.command_id
    return Envelope(
        actor_id=request.actor.id,
        actor_kind=ask.caller.kind,
        authority=authority,
        command_id=command_id,
        cause=ask.cause,
        correlation_id=ask.correlation_id or command_id,
        received_at=command.now,
        effective_at=command.effective_at,
        reason_code=ask.reason.code if ask.reason else None,
        reason_document_id=ask.reason.document_id if ask.reason else None,
    )


def _proposal(ask: Ask, decided: _Decided, request_hash: bytes) -> Proposal:
    reason = [ask.reason.document_id] if ask.reason and ask.reason.document_id else []
    facts = tuple(Fact.of(event, [*_documents_of(event), *reason]) for event in decided.events)
    match_on = None if ask.if_match is None or ask.subject is None else (ask.subject, ask.if_match)
    return Proposal(
        request_hash=request_hash,
        facts=facts,
        envelope=decided.envelope,
        items=decided.items,
        seen=decided.overlay,
        if_match=match_on,
        receipt=msgspec.json.encode([fact.type for fact in facts]),
    )


def _documents_of(event: Event) -> list[str]:
    prefix = f"{TAG_KINDS[DocumentId]}:"
    return [tag.removeprefix(prefix) for tag in tags_of(event) if tag.startswith(prefix)]


def _receipt(recorded: Standing) -> Receipt:
    """The receipt of a command: the same, byte for byte, however often it is asked for."""
    types = msgspec.json.decode(recorded.receipt, type=list[str])
    return Receipt(
        command_id=recorded.command_id,
        events=tuple(
            RecordedRef(recorded.first_position + n, name, recorded.recorded_at + n * _MICROSECOND)
            for n, name in enumerate(types)
        ),
        version=recorded.last_position,
    )
