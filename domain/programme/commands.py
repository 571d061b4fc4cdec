"""What may be asked of a programme: announce its call, read what is damaged in it, correct it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from domain.application.events import ApplicationWindowOpened
from domain.document.events import DocumentDeposited
from domain.document.policy import KIND_TITLES, DocumentUnknown, RestsOnPapers
from domain.ids import DocumentId, ProgrammeId, UnitId, tag
from domain.kernel import Code, Command, Invalid, Refusal, Selector, Word, any_event, asked, event, known, word
from domain.programme.definition import Definition, digest, findings, policies
from domain.programme.events import (
    ErratumRecorded,
    ProgrammeAnnounced,
    TermInterpreted,
    TermPublished,
    TermValue,
)
from domain.programme.policy import (
    LEGIBILITY_TITLES,
    TERM_FACTS,
    TERM_KIND_TITLES,
    ProgrammeUnknown,
    Term,
    Terms,
    fits,
)
from domain.unit.policy import TREE_FACTS, Tree, TreeFact


class ProgrammeAlreadyAnnounced(Refusal):
    """Programme {programme_id} has been announced before; what a call got wrong is corrected by an erratum.
    zh: 项目 {programme_id} 此前已发布;通知有误者以更正处理。
    title: The programme was announced before · 项目此前已发布
    """


class DefinitionFaulty(Invalid):
    """The definition has {count} faults; the first breaks the rule “{rule}” at {path}.
    zh: 项目定义有 {count} 处不符;首处在 {path},不符合规则“{rule}”。
    title: The definition has faults · 项目定义有不符之处
    """


class NotTheNotice(Refusal):
    """Document {document_id} is a {document_kind}; the text of a call is deposited as a notice, with its digest.
    zh: 文件 {document_id} 的类别为“{document_kind}”;通知原文须以通知类别存入并附摘要。
    title: The document is no notice · 该文件不是通知原文
    """


class IssuedInFuture(Refusal):
    """The call is issued at {issued_at}, which has not come yet.
    zh: 通知的发布时间 {issued_at} 尚未到来。
    title: The call is not issued yet · 通知尚未发布
    """


class TermIsClear(Refusal):
    """The term {term} is clear as published: only an erratum can change it.
    zh: 条款 {term} 原文清晰,只能以更正变更。
    title: The term is clear as published · 条款原文清晰
    """


class TermAlreadyCorrected(Refusal):
    """The term {term} has been corrected by its issuer: nothing is left to interpret.
    zh: 条款 {term} 已由发布者更正,无需解释。
    title: The term was corrected by its issuer · 条款已由发布者更正
    """


class TermInUse(Refusal):
    """The application window was opened on the term {term} as it stood; its interpretation is settled.
    zh: 申报窗口已依条款 {term} 当时的取值开启,其解释不再变更。
    title: The term has been acted on · 该条款已据以行事
    """


class ValueDoesNotFit(Invalid):
    """The value does not fit the term {term}, which is a {value_kind} and {legibility} as published.
    zh: 取值与条款 {term} 不符:其类别为 {value_kind},原文可辨程度为 {legibility}。
    title: The value does not fit the term · 取值与条款不符
    """


class AnnounceProgramme(Command):
    """Announce a programme by its call: the text as published is a document, each of its policies becomes a fact.
    zh: 依通知发布项目:原文存为文件,其各项规定逐一载入记录。
    """

    programme_id: ProgrammeId = asked("Programme", "项目")
    notice_document_id: DocumentId = asked("Text as published", "通知原文")
    definition: Definition = asked("Definition", "项目定义")

    announced: bool = known(default=False)
    notice: DocumentDeposited | None = known()
    offices: Tree = known(factory=Tree)

    def consistency_boundary(self) -> Sequence[Selector]:
        return [
            Selector([ProgrammeAnnounced], [tag(ProgrammeId, self.programme_id)]),
            Selector([DocumentDeposited], [tag(DocumentId, self.notice_document_id)]),
            Selector(TREE_FACTS, [tag(UnitId, self.definition.office_unit_id)]),
        ]

    @event(ProgrammeAnnounced)
    def _(self) -> None:
        self.announced = True

    @event(DocumentDeposited)
    def _(self, body: DocumentDeposited) -> None:
        self.notice = body

    @any_event(*TREE_FACTS)
    def _(self, body: TreeFact) -> None:
        self.offices.take(body)

    def execute(self) -> None:
        definition = self.definition
        if self.announced:
            raise ProgrammeAlreadyAnnounced(programme_id=self.programme_id)
        if faults := findings(definition):
            first = faults[0]
            rule = Word(first.rule, first.en.rstrip("."), first.zh.rstrip("。"))
            raise DefinitionFaulty(count=len(faults), field="definition", rule=rule, path=first.path)
        if definition.issued_at > self.now:
            raise IssuedInFuture(issued_at=definition.issued_at)
        notice_digest = self._notice_digest()
        self.offices.of(definition.office_unit_id).require_living()
        self.trigger_event(
            ProgrammeAnnounced,
            programme_id=self.programme_id,
            institution_id=self.institution_id,
            name_zh=definition.name_zh,
            name_en=definition.name_en,
            office_unit_id=UnitId(definition.office_unit_id),
            issued_at=definition.issued_at,
            notice_document_id=self.notice_document_id,
            notice_digest=notice_digest,
            definition_digest=digest(definition),
            schema_version=definition.schema_version,
            cited=definition.cited,
        )
        for kind, fields in policies(definition, self.programme_id):
            self.trigger_event(kind, **fields)

    def _notice_digest(self) -> str:
        if self.notice is None:
            raise DocumentUnknown(document_id=self.notice_document_id)
        if self.notice.kind != "notice" or self.notice.text_digest is None:
            raise NotTheNotice(document_id=self.notice_document_id, document_kind=word(self.notice.kind, KIND_TITLES))
        return self.notice.text_digest


class AboutTerm(Command):
    """What every command about a term of a call knows.
    zh: 关于通知条款的各项命令所共知。
    """

    programme_id: ProgrammeId = asked("Programme", "项目")
    term: Code = asked("Term", "条款")
    value: TermValue = asked("Value", "值")

    terms: Terms = known(factory=Terms)

    def consistency_boundary(self) -> Sequence[Selector]:
        return [Selector(TERM_FACTS, [tag(ProgrammeId, self.programme_id)])]

    @any_event(*TERM_FACTS)
    def _(self, body: TermPublished | TermInterpreted | ErratumRecorded, position: int) -> None:
        self.terms.take(body, position)

    def _require_fitting(self) -> Term:
        """The term, for which the value fits. Whatever was announced has terms."""
        if not self.terms.by_code:
            raise ProgrammeUnknown(programme_id=self.programme_id)
        term = self.terms[self.term]
        published = term.published
        if not fits(published.kind, published.legibility, self.value):
            raise ValueDoesNotFit(
                field="value",
                term=self.term,
                value_kind=word(published.kind, TERM_KIND_TITLES),
                legibility=word(published.legibility, LEGIBILITY_TITLES),
            )
        return term


class InterpretTerm(AboutTerm):
    """Give a damaged, contradictory or missing term of the call a value, with a reason.
    zh: 对通知中残缺、矛盾或未载明的条款作出解释并附事由。
    """

    windows: frozenset[int] = known(frozenset())

    def consistency_boundary(self) -> Sequence[Selector]:
        window = Selector([ApplicationWindowOpened], [tag(ProgrammeId, self.programme_id)])
        return [*super().consistency_boundary(), window]

    @event(ApplicationWindowOpened)
    def _(self, term_position: int) -> None:
        self.windows |= {term_position}

    def execute(self) -> None:
        term = self._require_fitting()
        if term.published.legibility == "clear":
            raise TermIsClear(term=self.term)
        if term.corrected is not None:
            raise TermAlreadyCorrected(term=self.term)
        if self.windows & term.positions:
            raise TermInUse(term=self.term)
        if term.interpreted != self.value:
            self.trigger_event(TermInterpreted, programme_id=self.programme_id, term=self.term, value=self.value)


class RecordErratum(RestsOnPapers, AboutTerm):
    """Record that the issuer corrected a term of the call; it moves no date that was set on the term before.
    zh: 记录发布者对通知条款的更正;此前据该条款确定的日期不因此变动。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("erratum_document_id",)

    erratum_document_id: DocumentId = asked("Erratum", "更正文件")

    def execute(self) -> None:
        term = self._require_fitting()
        self._require_papers()
        if term.corrected != self.value:
            self.trigger_event(
                ErratumRecorded,
                programme_id=self.programme_id,
                term=self.term,
                value=self.value,
                erratum_document_id=self.erratum_document_id,
            )


COMMANDS: tuple[type[Command], ...] = (AnnounceProgramme, InterpretTerm, RecordErratum)
