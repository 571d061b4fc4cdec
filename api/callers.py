"""Who calls, and what they may see: tokens at the door, offices from the record, failures counted.

A command rests on a token that is checked in the statement that decides it. A read may rely on what was known at most a
second ago, unless it asks to see a later position.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NoReturn, cast
from weakref import WeakValueDictionary

from api.doorstep import ASKED, SIMULATED
from api.problems import NotLoggedIn, TooManyFailures
from api.requests import Headers, bearer
from domain.audit.policy import ENGAGEMENT_FACTS, Engagement, EngagementFact, Grant, belonging
from domain.ids import ApplicationId, EngagementId, PanelId, SeatId, UnitId, tag
from domain.kernel import Audience, Denied, Event, word
from domain.permission import policy
from domain.permission.audiences import audiences, audiences_engaged
from domain.person.events import Role
from domain.person.policy import Appointment
from domain.review.events import RecusalLifted, ReviewerRecused, ReviewerUnseated
from domain.review.panel import RECUSAL_FACTS, SEAT_FACTS, Recusals
from infra.asking import SCOPES, Caller, ScopeMissing
from infra.assembly import Assembly
from infra.clock import Institution
from infra.event_store import EventStore
from infra.record import Item
from infra.tokens import Identity

__all__ = ["FAILED_LOGINS", "SCOPES", "Callers", "Failures", "Reader", "Seat"]

FAILED_LOGINS: Final = 20
"""How many failed logins of one address are answered in a minute."""
_WINDOW_SECONDS: Final = 60.0
_ADDRESSES: Final = 10_000
_REMEMBERED: Final = 2_000
_FRESH_SECONDS: Final = 1.0


class EngagementOver(Denied):
    """Engagement {engagement_id} has not begun, or is over: nothing is read under it.
    zh: 审计委托 {engagement_id} 尚未开始或已终止,不得依其读取。
    title: The engagement does not run · 审计委托不在存续期
    """


class Failures:
    """Counts failed logins per address; who has succeeded lately is let through all the same."""

    def __init__(self, limit: int = FAILED_LOGINS, seconds: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._seconds = limit, seconds
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()
        self._good: OrderedDict[bytes, None] = OrderedDict()

    def refuse_excess(self, address: str, secret: str) -> None:
        """Refuse an address that has failed too often, before anything is looked up for it."""
        failed = self._failed.get(address)
        if failed is None:
            return
        now = self._seconds()
        while failed and failed[0] <= now - _WINDOW_SECONDS:
            failed.popleft()
        if len(failed) >= self._limit and _digest(secret) not in self._good:
            raise TooManyFailures(retry_after=max(1, round(failed[0] + _WINDOW_SECONDS - now)))

    def failed(self, address: str) -> None:
        """Note a failure."""
        times = self._failed.setdefault(address, deque(maxlen=self._limit))
        times.append(self._seconds())
        self._failed.move_to_end(address)
        if len(self._failed) > _ADDRESSES:
            self._failed.popitem(last=False)

    def succeeded(self, secret: str) -> None:
        """Note a success."""
        digest = _digest(secret)
        self._good[digest] = None
        self._good.move_to_end(digest)
        if len(self._good) > _ADDRESSES:
            self._good.popitem(last=False)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class Seat:
    """A seat of a panel that the caller holds, or held; in what is written it stands in the caller's place."""

    panel_id: PanelId
    seat_id: SeatId
    held: bool

    @property
    def code(self) -> str:
        """Whom the caller acts and reads as from this seat."""
        return f"{self.panel_id}/{self.seat_id}"


@dataclass(frozen=True, slots=True)
class Reader:
    """A caller with the offices held today, and the seats: what decides which fields are shown.

    ``barred`` are the applications that the caller is recused from. A recusal wins over every office but one at a unit:
    whoever applies reads the own unit's application all the same. Under an audit engagement, ``grant`` is all that the
    caller reads by.
    """

    caller: Caller
    institution: Institution
    now: datetime
    held: tuple[Appointment, ...]
    position: int
    read_at: float
    seats: tuple[Seat, ...] = ()
    barred: frozenset[ApplicationId] = frozenset()
    grant: Grant | None = None

    def audiences(
        self, units: Iterable[str] = (), about: Iterable[str] = (), tags: Iterable[str] = ()
    ) -> frozenset[Audience]:
        """Which fields of something about these units and applications, and with these tags, this caller reads."""
        if self.grant is not None:
            named = {*tags, *(tag(UnitId, each) for each in units), *(tag(ApplicationId, each) for each in about)}
            return audiences_engaged(covered=self.grant.covers(named), sealed=self.grant.sealed)
        if self.barred and not self.barred.isdisjoint(about):
            return audiences((office for office in self.held if office.unit_id is not None), units)
        return audiences(self.held, units)

    @property
    def in_office(self) -> bool:
        """Whether the caller reads what is the office's, whatever it is about."""
        return "office" in self.audiences()

    @property
    def opens_sealed(self) -> bool:
        """Whether sealed texts are the caller's to read where the office reads them: not under every engagement."""
        return self.grant is None or self.grant.sealed

    def reads_for_office(self, *tags: str) -> bool:
        """Whether the caller reads what is the office's of something with these tags."""
        return "office" in self.audiences(tags=tags)

    def seat_of(self, panel_id: str) -> Seat | None:
        """The caller's seat of a panel, vacated or not."""
        return next((seat for seat in self.seats if seat.panel_id == panel_id), None)

    def holds(self, role: Role, unit_id: str | None = None) -> bool:
        """Whether the caller holds a role today, at a unit or at the whole institution."""
        return any(a.role == role and a.unit_id == unit_id for a in self.held)


_Who = tuple[int, str, str | None]


def _who(caller: Caller) -> _Who:
    """What is read of a caller's offices is the same for all of the caller's tokens but those of an engagement."""
    return caller.log_id, caller.person_id, caller.engagement_id


def _topics(kinds: Iterable[type]) -> tuple[str, ...]:
    return tuple(cast("type[Event]", kind).TOPIC for kind in kinds)


class Callers:
    """Recognises callers."""

    def __init__(
        self, parts: Assembly, failed_logins: int = FAILED_LOGINS, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._parts = parts
        self._seconds = seconds
        self.failures = Failures(failed_logins, seconds)
        self._readers: OrderedDict[_Who, Reader] = OrderedDict()
        self._turns: WeakValueDictionary[_Who, asyncio.Lock] = WeakValueDictionary()

    async def acting(self, headers: Headers, address: str, scope: str = "act") -> Caller:
        """Say who asks for a command; whether the token still holds is decided with the command."""
        return await self._caller(headers, address, scope, self._parts.tokens.presume)

    async def reading(self, headers: Headers, address: str) -> Caller:
        """Say who reads, before anything else of the request is looked at; under an engagement it is journalled."""
        caller = await self._caller(headers, address, "read", self._parts.tokens.recall)
        if caller.engagement_id is not None:
            await self._journal_engaged(caller, "asked")
            await self.reader(caller)
        return caller

    async def present(self, headers: Headers, address: str, scope: str) -> Reader:
        """Say who asks for what is not on record, such as a token: token and offices as they stand this instant."""
        caller = await self._caller(headers, address, scope, self._parts.tokens.authenticate)
        return await self._read(caller)

    async def reader(self, caller: Caller, after: int = 0) -> Reader:
        """The caller with offices as they stood at most a second ago, and not before position ``after``."""
        key = _who(caller)
        if (known := self._recent(caller, after)) is not None:
            return known
        # Who asks at the same time shares one answer, where it is new enough.
        async with self._turns.setdefault(key, asyncio.Lock()):
            if (known := self._recent(caller, after)) is not None:
                return known
            found = await self._read(caller)
            self._readers[key] = found
            self._readers.move_to_end(key)
            if len(self._readers) > _REMEMBERED:
                self._readers.popitem(last=False)
            return found

    def _recent(self, caller: Caller, after: int) -> Reader | None:
        """What was read of the caller's offices at most a second ago and not before position ``after``."""
        known = self._readers.get(_who(caller))
        # A recusal holds from the moment it is recorded, so who has a seat is looked up at every reading.
        if known is None or known.seats or self._seconds() - known.read_at >= _FRESH_SECONDS or known.position < after:
            return None
        return replace(known, caller=caller)

    async def _read(self, caller: Caller) -> Reader:
        read_at = self._seconds()
        institution = await self._parts.clock.institution(caller.log_id)
        now = await self._parts.clock.now(caller.log_id)
        standing = policy.standing(caller.person_id)
        types = tuple(kind.TOPIC for kind in policy.STANDING)
        store = await self._parts.stores(caller.log_id)
        if caller.engagement_id is not None:
            grant, position = await self._granted(caller, store, now)
            return Reader(caller, institution, now, (), position, read_at, grant=grant)
        page = await store.read([Item(types, tuple(standing.tags))])
        offices = policy.appointments_of(page.events)
        # Only who is, or was, a reviewer can hold a seat; nobody else pays for looking.
        once = any(office.role == "reviewer" for office in offices)
        seats, barred = await self._sits(caller, store) if once else ((), frozenset())
        held = offices.on(institution.day(now))
        return Reader(caller, institution, now, held, page.head, read_at, seats, barred)

    async def _granted(self, caller: Caller, store: EventStore, now: datetime) -> tuple[Grant, int]:
        """What the engagement of the token opens now, and the position it is read at. Raises EngagementOver."""
        of_engagement = (tag(EngagementId, caller.engagement_id),)
        page = await store.read([Item(_topics(ENGAGEMENT_FACTS), of_engagement)])
        engagement = Engagement()
        for recorded in page.events:
            engagement.take(cast("EngagementFact", recorded.event))
        if engagement.authority(caller.person_id, now) is None:
            await self._journal_engaged(caller, EngagementOver.kind)
            raise EngagementOver(engagement_id=caller.engagement_id)
        within: set[str] = set()
        if items := [Item(_topics(each.types), tuple(each.tags)) for each in engagement.belongings()]:
            page = await store.read(items)
            within = {each for recorded in page.events for each in belonging(recorded.tags)}
        return cast("Grant", engagement.grant(now, within)), page.head

    async def _journal_engaged(self, caller: Caller, outcome: str) -> None:
        """Put what is asked under an engagement into the access journal, durably, before anything of it is answered."""
        await self._parts.access.record(
            caller.log_id,
            actor_id=caller.person_id,
            token_id=caller.token_id,
            act=tag(EngagementId, caller.engagement_id),
            what=ASKED.get(),
            outcome=outcome,
        )

    async def _sits(self, caller: Caller, store: EventStore) -> tuple[tuple[Seat, ...], frozenset[ApplicationId]]:
        """The caller's seats, and what they are recused from, as the record has it."""
        codes = await self._parts.codes.held_by(caller.log_id, caller.person_id)
        types = tuple(kind.TOPIC for kind in (*SEAT_FACTS, *RECUSAL_FACTS))
        items = [Item(types, (tag(SeatId, seat), tag(PanelId, panel))) for panel, seat in codes]
        vacated: set[tuple[str, str]] = set()
        recusals: dict[tuple[str, str], Recusals] = {code: Recusals() for code in codes}
        for recorded in (await store.read(items)).events if items else ():
            match recorded.event:
                case ReviewerUnseated(panel_id=panel_id, seat_id=seat_id):
                    vacated.add((panel_id, seat_id))
                case ReviewerRecused() | RecusalLifted() as body:
                    recusals[body.panel_id, body.seat_id].take(body, recorded.position)
        seats = tuple(Seat(PanelId(panel), SeatId(seat), (panel, seat) not in vacated) for panel, seat in codes)
        return seats, frozenset(key[1] for each in recusals.values() for key in each.standing)

    async def _caller(
        self, headers: Headers, address: str, scope: str, find: Callable[[str], Awaitable[Identity | None]]
    ) -> Caller:
        secret = bearer(headers)
        self.failures.refuse_excess(address, secret)
        identity = await find(secret)
        if identity is None:
            self.failures.failed(address)
            raise NotLoggedIn
        self.failures.succeeded(secret)
        caller = Caller(
            log_id=identity.log_id,
            person_id=identity.person_id,
            scopes=identity.scopes,
            token_id=identity.token_id,
            token_hash=identity.hash,
            engagement_id=identity.engagement_id,
        )
        SIMULATED.set((await self._parts.clock.institution(caller.log_id)).simulated)
        if scope not in caller.scopes:
            await self._refuse_scope(secret, caller, scope)
        return caller

    async def _refuse_scope(self, secret: str, caller: Caller, scope: str) -> NoReturn:
        """Refuse a token that is good, but not for this; the journal keeps it, as every refusal of permission."""
        if await self._parts.tokens.authenticate(secret) is None:
            raise NotLoggedIn
        await self._parts.access.record(
            caller.log_id,
            actor_id=caller.person_id,
            token_id=caller.token_id,
            act=f"scope:{scope}",
            what="",
            outcome=ScopeMissing.kind,
        )
        raise ScopeMissing(scope=word(scope, SCOPES))
