"""What may be asked to correct the books: reverse what a fact posted, by its exact mirror and once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from domain.cultivation.events import CaseSucceeded
from domain.funding.allocation import MatchingNotReceived
from domain.funding.case import NOTHING, AboutMoney
from domain.funding.events import (
    Entry,
    EntryReversed,
    MatchingPledged,
    MatchingReceived,
    PaymentApproved,
    PaymentExpired,
    PaymentFailed,
    PaymentRequested,
    PeriodClosed,
)
from domain.funding.matching import MoreThanPledged, outstanding_pledge
from domain.funding.policy import (
    CASE_MONEY_FACTS,
    POOL_FACTS,
    POOL_ONLY_FACTS,
    RULES_VERSION,
    SOURCE_TITLES,
    MoneyFact,
    mirrored,
    post,
)
from domain.ids import ApplicationId, CalendarYear, ProgrammeId, UnitId, tag
from domain.kernel import Event, Refusal, Selector, Unknown, any_event, asked, event, known, sentences, word
from domain.programme.events import ProgrammeAnnounced
from domain.programme.policy import ProgrammeUnknown
from domain.selection.events import SelectionConfirmed

_WITH_A_LIFE: Final[tuple[type[Event], ...]] = (
    EntryReversed,
    PaymentRequested,
    PaymentApproved,
    PaymentFailed,
    PaymentExpired,
)
"""What has its own way to its end, or is a correction itself, which is corrected by entering it anew."""


class EntryUnknown(Unknown):
    """Nothing of this money stands at position {position}.
    zh: 位置 {position} 没有该经费的记录。
    title: No such entry of this money · 没有该经费的分录
    """


class ReversedAlready(Refusal):
    """What position {position} posted, {there_fen} fen, has been reversed already.
    zh: 位置 {position} 所过之账({there_fen} 分)已被冲销。
    title: The entry has been reversed · 所过之账已被冲销
    """


class NotReversible(Refusal):
    """What stands at position {position} is not reversed: {fact}.
    zh: 位置 {position} 的记录不予冲销:{fact}。
    title: The fact is not reversed · 该记录不予冲销
    """


class ReverseEntry(AboutMoney):
    """Reverse what a fact posted, by its exact mirror; where no case is named, a fact of the programme's own money.
    zh: 以完全相反的分录冲销某事实所过之账;未列项目者,冲销项目整体经费的记录。
    """

    programme_id: ProgrammeId = asked("Programme", "项目")
    application_id: ApplicationId | None = asked("Application", "申报", default=None)
    year: CalendarYear | None = asked("Fiscal year (where no case is named)", "财政年度(未列项目时)", default=None)
    position: int = asked("Position of what is reversed", "所冲销位置")

    announced: bool = known(default=False)
    confirmed: SelectionConfirmed | None = known()
    successor: UnitId | None = known()

    def consistency_boundary(self) -> Sequence[Selector]:
        """The programme, the case and its money, and the unallocated money of every year that the mirror moves."""
        programme, case = tag(ProgrammeId, self.programme_id), tag(ApplicationId, self.application_id or NOTHING)
        moved = (account for entry in self._posted() for account in (entry.debit, entry.credit))
        years = {account.year for account in moved if account.application_id is None}
        if self.application_id is None and self.year is not None:
            years.add(self.year)
        # Where no unallocated money is moved, that of no programme is read.
        pools = [[programme, tag(CalendarYear, year)] for year in sorted(years)] or [[tag(ProgrammeId, NOTHING)]]
        return [
            Selector([ProgrammeAnnounced, PeriodClosed], [programme]),
            Selector([SelectionConfirmed, CaseSucceeded], [programme, case]),
            Selector(CASE_MONEY_FACTS, [programme, case]),
            *(Selector(POOL_FACTS, pool) for pool in pools),
        ]

    @event(ProgrammeAnnounced)
    def _(self) -> None:
        self.announced = True

    @event(SelectionConfirmed)
    def _(self, body: SelectionConfirmed) -> None:
        self.confirmed = body

    @event(CaseSucceeded)
    def _(self, body: CaseSucceeded) -> None:
        self.successor = UnitId(body.successor_unit_id)

    @any_event(*POOL_ONLY_FACTS, *CASE_MONEY_FACTS)
    def _(self, body: MoneyFact, at: datetime, position: int) -> None:
        if getattr(body, "application_id", None) in {None, self.application_id}:
            self.ledger.take(body, at, position)
        else:
            self.ledger.books.take(post(RULES_VERSION, body), at)

    def execute(self) -> None:
        if not self.announced:
            raise ProgrammeUnknown(programme_id=self.programme_id)
        self._require_open_period()
        undone = self.ledger.facts.get(self.position)
        if undone is None or getattr(undone, "application_id", None) != self.application_id:
            raise EntryUnknown(position=self.position)
        if isinstance(undone, _WITH_A_LIFE):
            en, zh = sentences(type(undone))
            told = word(undone.TOPIC, {undone.TOPIC: (en.removesuffix("."), zh.removesuffix("。"))})
            raise NotReversible(position=self.position, fact=told)
        posted = self._posted()
        if self.position in self.ledger.reversed:
            raise ReversedAlready(position=self.position, there_fen=posted[0].amount_fen)
        self._require_not_received(undone)
        self._require_not_allocated(undone)
        confirmed = self.confirmed
        self._record(
            EntryReversed(
                programme_id=self.programme_id,
                application_id=self.application_id,
                track_id=None if confirmed is None else confirmed.track_id,
                unit_id=None if confirmed is None else self.successor or confirmed.unit_id,
                reversed_position=self.position,
                rules_version=RULES_VERSION,
                entries=mirrored(posted),
                bank_reference=getattr(undone, "bank_reference", None),
                occurred_on=self.occurred_on,
            )
        )

    def _posted(self) -> tuple[Entry, ...]:
        """What is to be reversed, once it has been read."""
        undone = self.ledger.facts.get(self.position)
        return () if undone is None else post(RULES_VERSION, undone)

    def _require_not_received(self, undone: MoneyFact) -> None:
        """Raise MoreThanPledged where money has come in on the pledge since: what came in is reversed first."""
        if not isinstance(undone, MatchingPledged):
            return
        there = outstanding_pledge(self.ledger.books, undone.application_id, undone.source)
        if there < undone.amount_fen:
            raise MoreThanPledged(
                source=word(undone.source, SOURCE_TITLES), there_fen=there, asked_fen=undone.amount_fen
            )

    def _require_not_allocated(self, undone: MoneyFact) -> None:
        """Raise MatchingNotReceived where money that came in by it has been allocated since."""
        if not isinstance(undone, MatchingReceived):
            return
        books, source = self.ledger.books, undone.source
        received = books.total("F4601", application_id=self.application_id, source=source)
        there = received - books.allocated.get((self.application_id, source), 0)
        if there < undone.amount_fen:
            raise MatchingNotReceived(source=word(source, SOURCE_TITLES), there_fen=there, asked_fen=undone.amount_fen)
