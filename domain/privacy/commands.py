"""What may be asked of privacy: how long something is kept, and its erasure by two who are not its subject."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, ClassVar

import msgspec

from domain.application.policy import require_state
from domain.document.events import DocumentDeposited
from domain.document.policy import DocumentUnknown, RestsOnPapers
from domain.ids import DocumentId, ErasureId, InstitutionId, ObjectionId, PersonId, tag
from domain.kernel import Code, Command, Invalid, Refusal, Selector, Unknown, any_event, asked, event, known
from domain.privacy.events import (
    ErasureDeclined,
    ErasureProposed,
    ObjectorErased,
    ObjectorErasureDeclined,
    ObjectorErasureProposed,
    PersonErased,
    RetentionDefined,
)
from domain.privacy.policy import (
    ERASURE_FACTS,
    KEPT_FACTS,
    Erasure,
    ErasureFact,
    KeptFact,
    ObjectorAlreadyErased,
    ObjectorFile,
    PersonAlreadyErased,
    PersonFile,
    Proposed,
)


class ErasureUnknown(Unknown):
    """Erasure {erasure_id} is not on record.
    zh: 没有删除事项 {erasure_id} 的记录。
    title: The erasure is not on record · 没有该删除事项的记录
    """


class ErasureIdUsed(Refusal):
    """Erasure {erasure_id} is on record already.
    zh: 删除事项 {erasure_id} 已有记录。
    title: The id of the erasure is used · 删除事项编号已被使用
    """


class ErasureNotOfOneSubject(Invalid):
    """An erasure is of one person, or of whoever raised one objection; this one names {named}.
    zh: 删除事项须针对一名人员或一项异议的异议人;此处列明 {named} 项。
    title: An erasure has one subject · 删除事项须针对一个对象
    """


class ErasureAwaited(Refusal):
    """Erasure {erasure_id} of the same person or objector has been proposed and is not decided.
    zh: 同一人员或异议人的删除事项 {erasure_id} 已提请,尚未决定。
    title: An erasure of the same subject awaits its decision · 同一对象的删除事项尚待决定
    """


class OwnErasure(Refusal):
    """Nobody proposes or approves the erasure of what is kept of themselves.
    zh: 任何人不得提请或批准删除本人的信息。
    """


class ErasureApprovedByProposer(Refusal):
    """Whoever proposed erasure {erasure_id} does not approve it.
    zh: 删除事项 {erasure_id} 的提请人不得自行批准。
    title: Who proposed an erasure does not approve it · 提请人不得自行批准删除
    """


class BasisWouldBeErased(Refusal):
    """The basis, document {document_id}, is sealed under the very key that is to be destroyed.
    zh: 依据文件 {document_id} 由拟销毁的密钥封存。
    title: The basis would be erased too · 依据文件将一并删除
    """


class DefineRetention(RestsOnPapers):
    """Define how long what is kept of a person must be kept after their last day in office, from a day on.
    zh: 设定人员信息自其离任之日起的保存年限,自某日起适用。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("basis_document_id",)

    retention_years: Annotated[int, msgspec.Meta(ge=0, le=100)] = asked("Kept for years", "保存年数")
    first_day: date = asked("In force from", "起始日")
    basis_document_id: DocumentId = asked("Basis", "依据文件")
    clause: Code = asked("Clause", "条款")

    rule: RetentionDefined | None = known()

    def consistency_boundary(self) -> Sequence[Selector]:
        return [
            Selector([RetentionDefined], [tag(InstitutionId, self.institution_id)]),
            *self._of_papers(),
        ]

    @event(RetentionDefined)
    def _(self, body: RetentionDefined) -> None:
        self.rule = body

    def execute(self) -> None:
        self._require_papers()
        defined = RetentionDefined(
            institution_id=self.institution_id,
            retention_years=self.retention_years,
            first_day=self.first_day,
            basis_document_id=self.basis_document_id,
            clause=self.clause,
        )
        if defined != self.rule:
            self.trigger_event(RetentionDefined, **defined.as_dict())


class AboutErasure(Command):
    """What every command about an erasure knows of it.
    zh: 关于删除事项的各项命令所共知。
    """

    erasure_id: ErasureId = asked("Erasure", "删除事项")

    erasure: Erasure = known(factory=Erasure)

    @property
    def state(self) -> str:
        return self.erasure.state

    def consistency_boundary(self) -> Sequence[Selector]:
        return [Selector(ERASURE_FACTS, [tag(ErasureId, self.erasure_id)])]

    @any_event(*ERASURE_FACTS)
    def _(self, body: ErasureFact, by: str) -> None:
        if body.erasure_id == self.erasure_id:
            self.erasure.take(body, by)

    def _require_proposed(self) -> Proposed:
        """What was proposed. Raises ErasureUnknown, or NotInThisState where it is decided."""
        if self.erasure.proposed is None:
            raise ErasureUnknown(erasure_id=self.erasure_id)
        require_state(self)
        return self.erasure.proposed


class KnowsWhatIsKept(Command):
    """What both steps of an erasure know: what is kept of its subject, and what may require it to be kept.
    zh: 删除的两个步骤所共知:对象留存的内容及须予保存的事由。
    """

    person: PersonFile = known(factory=PersonFile)
    objector: ObjectorFile = known(factory=ObjectorFile)

    @any_event(*KEPT_FACTS)
    def _(self, body: KeptFact, at: datetime) -> None:
        self._take(body, at.astimezone(self.zone).date())

    def _take(self, body: KeptFact, day: date) -> None:
        self.person.take(body, day)
        self.objector.take(body, day)

    def _of_subject(self, person_id: PersonId | None, objection_id: ObjectionId | None) -> list[Selector]:
        """All that is kept of one of the two, and the rule; of the other, the id of none finds nothing."""
        return [
            Selector([RetentionDefined], [tag(InstitutionId, self.institution_id)]),
            *self.person.boundary(person_id or PersonId("none")),
            *self.objector.boundary(objection_id or ObjectionId("none")),
        ]


class ProposeErasure(KnowsWhatIsKept):
    """Propose to erase what is kept of a person, or of whoever raised an objection; another approves it.
    zh: 依法律依据提请删除人员或异议人的信息,由另一人批准。
    """

    erasure_id: ErasureId = asked("Erasure", "删除事项")
    person_id: PersonId | None = asked("Person", "人员", default=None)
    objection_id: ObjectionId | None = asked("Objection whose objector is erased", "异议人所提异议", default=None)
    basis_document_id: DocumentId = asked("Legal basis", "依据文件")
    clause: Code = asked("Clause", "条款")

    taken: bool = known(default=False)
    of_the_subject: dict[str, Erasure] = known(factory=dict)
    basis: DocumentDeposited | None = known()

    def consistency_boundary(self) -> Sequence[Selector]:
        return [
            Selector(ERASURE_FACTS, [tag(ErasureId, self.erasure_id)]),
            Selector([DocumentDeposited], [tag(DocumentId, self.basis_document_id)]),
            *self._of_subject(self.person_id, self.objection_id),
        ]

    @any_event(*ERASURE_FACTS)
    def _(self, body: ErasureFact, by: str) -> None:
        self.taken = self.taken or body.erasure_id == self.erasure_id
        if _subject_of(body) in (self.person_id, self.objection_id):
            self.of_the_subject.setdefault(body.erasure_id, Erasure()).take(body, by)

    def execute(self) -> None:
        if self.taken:
            raise ErasureIdUsed(erasure_id=self.erasure_id)
        named = sum(each is not None for each in (self.person_id, self.objection_id))
        if named != 1:
            raise ErasureNotOfOneSubject(field="person_id", named=named)
        for erasure_id, erasure in self.of_the_subject.items():
            if erasure.state == "proposed":
                raise ErasureAwaited(erasure_id=erasure_id)
        if self.person_id is not None:
            self._propose_person(self.person_id)
        if self.objection_id is not None:
            self._propose_objector(self.objection_id)

    def _take(self, body: KeptFact, day: date) -> None:
        if isinstance(body, DocumentDeposited) and body.document_id == self.basis_document_id:
            self.basis = body
        else:
            super()._take(body, day)

    def _propose_person(self, person_id: PersonId) -> None:
        if self._is_erased():
            raise PersonAlreadyErased(person_id=person_id)
        if self.by == person_id:
            raise OwnErasure
        self.person.require_erasable(person_id, self.today)
        self._require_basis(person_id)
        self.trigger_event(
            ErasureProposed,
            erasure_id=self.erasure_id,
            person_id=person_id,
            basis_document_id=self.basis_document_id,
            clause=self.clause,
        )

    def _propose_objector(self, objection_id: ObjectionId) -> None:
        if self._is_erased():
            raise ObjectorAlreadyErased(objection_id=objection_id)
        self.objector.require_erasable(objection_id, self.today)
        self._require_basis()
        self.trigger_event(
            ObjectorErasureProposed,
            erasure_id=self.erasure_id,
            objection_id=objection_id,
            basis_document_id=self.basis_document_id,
            clause=self.clause,
        )

    def _is_erased(self) -> bool:
        return any(erasure.state == "erased" for erasure in self.of_the_subject.values())

    def _require_basis(self, person_id: PersonId | None = None) -> None:
        """Raise unless the basis is on record and outlives the key; no statement of an objector is ever deposited."""
        if self.basis is None:
            raise DocumentUnknown(document_id=self.basis_document_id)
        if person_id is not None and self.basis.key_person_id == person_id:
            raise BasisWouldBeErased(document_id=self.basis_document_id)


class ApproveErasure(KnowsWhatIsKept, AboutErasure):
    """Approve an erasure that another proposed: the subject's key is destroyed, and nothing brings it back.
    zh: 批准他人提请的删除:销毁对象的密钥,不可恢复。
    """

    def consistency_boundary(self) -> Sequence[Selector]:
        of_it = super().consistency_boundary()
        match self.erasure.proposed:
            case ErasureProposed(person_id=person_id):
                return [*of_it, *self._of_subject(person_id, None)]
            case ObjectorErasureProposed(objection_id=objection_id):
                return [*of_it, *self._of_subject(None, objection_id)]
            case _:
                return of_it

    def execute(self) -> None:
        proposed = self._require_proposed()
        if self.by == self.erasure.proposed_by:
            raise ErasureApprovedByProposer(erasure_id=self.erasure_id)
        if isinstance(proposed, ErasureProposed):
            self._approve_person(proposed)
        else:
            self._approve_objector(proposed)

    def _approve_person(self, proposed: ErasureProposed) -> None:
        if self.by == proposed.person_id:
            raise OwnErasure
        self.person.require_erasable(proposed.person_id, self.today)
        self.trigger_event(
            PersonErased,
            **proposed.as_dict(),
            proposed_by=self.erasure.proposer,
            commitments=tuple(self.person.commitments),
            document_ids=tuple(self.person.document_ids),
        )

    def _approve_objector(self, proposed: ObjectorErasureProposed) -> None:
        self.objector.require_erasable(proposed.objection_id, self.today)
        self.trigger_event(
            ObjectorErased,
            **proposed.as_dict(),
            proposed_by=self.erasure.proposer,
            commitments=tuple(self.objector.commitments),
            statement_document_ids=tuple(self.objector.document_ids),
        )


class DeclineErasure(AboutErasure):
    """Decline an erasure that was proposed.
    zh: 不批准提请的删除。
    """

    def execute(self) -> None:
        proposed, erasure_id = self._require_proposed(), self.erasure_id
        if isinstance(proposed, ErasureProposed):
            self.trigger_event(ErasureDeclined, erasure_id=erasure_id, person_id=proposed.person_id)
        else:
            self.trigger_event(ObjectorErasureDeclined, erasure_id=erasure_id, objection_id=proposed.objection_id)


def _subject_of(body: ErasureFact) -> str:
    """Whose erasure a fact is about: the id of a person, or of an objection."""
    return body.person_id if isinstance(body, ErasureProposed | ErasureDeclined | PersonErased) else body.objection_id


COMMANDS: tuple[type[Command], ...] = (DefineRetention, ProposeErasure, ApproveErasure, DeclineErasure)
