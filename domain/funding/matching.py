"""What may be asked about a grant of a higher level and the matching that it calls for: each a source of its own."""

from __future__ import annotations

from domain.document.policy import RestsOnPapers
from domain.funding.case import AboutCase, AboutCaseMoney, Amount, ByBank, Ruled, require_positive, share_of
from domain.funding.events import HigherAwardRecorded, MatchingPledged, MatchingReceived, Source
from domain.funding.policy import (
    MATCHING,
    SOURCE_TITLES,
    Books,
)
from domain.ids import ApplicationId, CalendarYear, DocumentId
from domain.kernel import Code, Invalid, Refusal, asked, word


class SourceNotMatching(Invalid):
    """Source {source} is no matching money; {asked_fen} fen were asked.
    zh: 来源 {source} 不是配套经费;所请金额 {asked_fen} 分。
    title: The source is no matching money · 来源不是配套经费
    """


class MoreThanPledged(Refusal):
    """Of the {source} matching {there_fen} fen are pledged that have not come in; {asked_fen} fen were asked.
    zh: 来源 {source} 已承诺而未到账的配套为 {there_fen} 分;所请金额 {asked_fen} 分。
    title: More than was pledged · 超出已承诺的配套
    """


class ByDocument(RestsOnPapers, AboutCase):
    """What a command knows about the money of a case that rests on a document.
    zh: 关于项目经费、以文件为据的命令所知。
    """

    document_id: DocumentId = asked("Document", "依据文件")


class RecordHigherAward(Ruled, ByDocument):
    """Record that a case was chosen at a higher level, and the grant it came with; what is to match it follows.
    zh: 登记项目获上级立项及其专项资助;应配套金额随之确定。
    """

    year: CalendarYear = asked("Fiscal year", "财政年度")
    level: Code = asked("Level", "层级")
    amount_fen: Amount = asked("Grant (fen)", "资助金额(分)")

    def execute(self) -> None:
        case = self._case()
        require_positive("amount_fen", self.amount_fen)
        self._require_papers()
        _, rule = self._require_rule(case["programme_id"])
        owed = share_of(self.amount_fen, rule.matching_ratio_bp) if rule.matching_base == "higher_award" else 0
        self._record(
            HigherAwardRecorded(
                **case, source="upper_grant", year=self.year, amount_fen=self.amount_fen, level=self.level,
                matching_due_fen=owed, document_id=self.document_id,
            )
        )  # fmt: skip


def outstanding_pledge(books: Books, application_id: ApplicationId, source: Source) -> int:
    """What was pledged to a case from a source and has not come in, in fen."""
    whose = {"application_id": application_id, "source": source}
    return books.total("B120", **whose) - books.total("F4601", **whose)


def _require_matching(source: Source, asked_fen: int) -> None:
    if source not in MATCHING:
        raise SourceNotMatching(field="source", source=word(source, SOURCE_TITLES), asked_fen=asked_fen)


class PledgeMatching(ByDocument, AboutCaseMoney):
    """Record a pledge of matching money to a case.
    zh: 登记就某项目承诺的配套经费。
    """

    def execute(self) -> None:
        fields = self._fields()
        _require_matching(self.source, self.amount_fen)
        self._require_papers()
        self._record(MatchingPledged(**fields, document_id=self.document_id))


class RecordMatching(ByBank, AboutCaseMoney):
    """Record that pledged matching money came in; no more than was pledged.
    zh: 登记承诺的配套经费到账;不超过所承诺金额。
    """

    def execute(self) -> None:
        fields = self._fields()
        _require_matching(self.source, self.amount_fen)
        there = outstanding_pledge(self.ledger.books, self.application_id, self.source)
        if there < self.amount_fen:
            raise MoreThanPledged(source=word(self.source, SOURCE_TITLES), there_fen=there, asked_fen=self.amount_fen)
        self._require_unused(self.amount_fen)
        self._record(MatchingReceived(**fields, bank_reference=self.bank_reference))
