"""What may be asked to give a case its money: allocate it when the gates hold, commit it to a purpose."""

from __future__ import annotations

from domain.calendar.policy import end_of
from domain.funding.case import AboutCaseMoney, DrawsOnPool, Gated, YearCutOff, cutoff_on
from domain.funding.events import FundsAllocated, FundsCommitted
from domain.funding.policy import (
    MATCHING,
    SOURCE_TITLES,
)
from domain.kernel import Refusal, word


class MatchingNotReceived(Refusal):
    """Of the {source} money {there_fen} fen have come in that are not allocated; {asked_fen} fen were asked.
    zh: 来源 {source} 已到账且未下达的为 {there_fen} 分;所需 {asked_fen} 分。
    title: Matching has not come in · 配套尚未到账
    """


class AllocateFunds(Gated, DrawsOnPool):
    """Allocate money to a case: no more than is unallocated, and only while every gate holds.
    zh: 向项目下达经费:不超过未分配额度,且各项拨付条件均已具备。
    """

    def execute(self) -> None:
        fields = self._fields()
        position, rule = self._require_rule(fields["programme_id"])
        last = cutoff_on(rule, self.year)
        cutoff_at = end_of(last, self.zone)
        if self.effective_at >= cutoff_at:
            raise YearCutOff(
                source=word(self.source, SOURCE_TITLES), year=self.year, cutoff_on=last, asked_fen=self.amount_fen,
                effective_on=self.effective_on,
            )  # fmt: skip
        gates = self._require_gates(rule, self.source, self.amount_fen, self.amount_fen)
        self._require_received()
        self._record(
            FundsAllocated(
                **fields, rule_position=position, gates=gates, carry_over=rule.carry_over, cutoff_at=cutoff_at,
                cutoff_on=last,
            )
        )  # fmt: skip

    def _require_received(self) -> None:
        """Raise MatchingNotReceived for matching money that was pledged and has not come in."""
        if self.source not in MATCHING:
            return
        books = self.ledger.books
        received = books.total("F4601", application_id=self.application_id, source=self.source)
        there = received - books.allocated.get((self.application_id, self.source), 0)
        if there < self.amount_fen:
            raise MatchingNotReceived(
                source=word(self.source, SOURCE_TITLES), there_fen=there, asked_fen=self.amount_fen
            )


class CommitFunds(AboutCaseMoney):
    """Commit allocated money of a case.
    zh: 承诺使用项目已下达的经费。
    """

    def execute(self) -> None:
        fields = self._fields()
        self._require_not_cut_off(self.source, self.year, self.amount_fen)
        self._record(FundsCommitted(**fields))
