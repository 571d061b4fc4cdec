"""What may be asked of privacy: how long something is kept, and its erasure by two who are not its subject."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, ClassVar

import msgspec

from domain.application.policy import require_state
from domain.document.events import DocumentDeposited
from domain.document.policy import DocumentUnknown, RestsOnPapers
from domain.ids import DocumentId, ErasureId, InstitutionId, PersonId, tag
from domain.kernel import Code, Command, Refusal, Selector, Unknown, any_event, asked, event, known
from domain.privacy.events import ErasureDeclined, ErasureProposed, PersonErased, RetentionDefined
from domain.privacy.policy import (
    ERASURE_FACTS,
    PERSON_FACTS,
    Erasure,
    ErasureFact,
    PersonAlreadyErased,
    PersonFact,
    PersonFile,
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


class ErasureAwaited(Refusal):
    """Erasure {erasure_id} of the same person has been proposed and is not decided.
    zh: 同一人员的删除事项 {erasure_id} 已提请,尚未决定。
    title: An erasure of the person awaits its decision · 该人员的删除事项尚待决定
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

    def _require_proposed(self) -> ErasureProposed:
        """What was proposed. Raises ErasureUnknown, or NotInThisState where it is decided."""
        if self.erasure.proposed is None:
            raise ErasureUnknown(erasure_id=self.erasure_id)
        require_state(self)
        return self.erasure.proposed


class ProposeErasure(Command):
    """Propose to erase what is kept of a person, on a legal basis; another approves it.
    zh: 依法律依据提请删除人员信息,由另一人批准。
    """

    erasure_id: ErasureId = asked("Erasure", "删除事项")
    person_id: PersonId = asked("Person", "人员")
    basis_document_id: DocumentId = asked("Legal basis", "依据文件")
    clause: Code = asked("Clause", "条款")

    taken: bool = known(default=False)
    of_the_person: dict[str, Erasure] = known(factory=dict)
    basis: DocumentDeposited | None = known()
    file: PersonFile = known(factory=PersonFile)

    def consistency_boundary(self) -> Sequence[Selector]:
        return [
            *self.file.boundary(self.person_id, self.institution_id),
            Selector(ERASURE_FACTS, [tag(ErasureId, self.erasure_id)]),
            Selector([DocumentDeposited], [tag(DocumentId, self.basis_document_id)]),
        ]

    @any_event(*ERASURE_FACTS)
    def _(self, body: ErasureFact, by: str) -> None:
        self.taken = self.taken or body.erasure_id == self.erasure_id
        if body.person_id == self.person_id:
            self.of_the_person.setdefault(body.erasure_id, Erasure()).take(body, by)

    @any_event(*PERSON_FACTS)
    def _(self, body: PersonFact, at: datetime) -> None:
        if isinstance(body, DocumentDeposited) and body.document_id == self.basis_document_id:
            self.basis = body
        else:
            self.file.take(body, at.astimezone(self.zone).date())

    def execute(self) -> None:
        if self.taken:
            raise ErasureIdUsed(erasure_id=self.erasure_id)
        for erasure_id, erasure in self.of_the_person.items():
            if erasure.state == "erased":
                raise PersonAlreadyErased(person_id=self.person_id)
            if erasure.state == "proposed":
                raise ErasureAwaited(erasure_id=erasure_id)
        if self.by == self.person_id:
            raise OwnErasure
        self.file.require_erasable(self.person_id, self.today)
        self._require_basis()
        self.trigger_event(
            ErasureProposed,
            erasure_id=self.erasure_id,
            person_id=self.person_id,
            basis_document_id=self.basis_document_id,
            clause=self.clause,
        )

    def _require_basis(self) -> None:
        if self.basis is None:
            raise DocumentUnknown(document_id=self.basis_document_id)
        if self.basis.key_person_id == self.person_id:
            raise BasisWouldBeErased(document_id=self.basis_document_id)


class ApproveErasure(AboutErasure):
    """Approve an erasure that another proposed: the person's key is destroyed, and nothing brings it back.
    zh: 批准他人提请的删除:销毁该人员的密钥,不可恢复。
    """

    file: PersonFile = known(factory=PersonFile)

    def consistency_boundary(self) -> Sequence[Selector]:
        proposed = self.erasure.proposed
        of_it = super().consistency_boundary()
        return of_it if proposed is None else [*of_it, *self.file.boundary(proposed.person_id, self.institution_id)]

    @any_event(*PERSON_FACTS)
    def _(self, body: PersonFact, at: datetime) -> None:
        self.file.take(body, at.astimezone(self.zone).date())

    def execute(self) -> None:
        proposed = self._require_proposed()
        if self.by == self.erasure.proposed_by:
            raise ErasureApprovedByProposer(erasure_id=self.erasure_id)
        if self.by == proposed.person_id:
            raise OwnErasure
        self.file.require_erasable(proposed.person_id, self.today)
        self.trigger_event(
            PersonErased,
            erasure_id=self.erasure_id,
            person_id=proposed.person_id,
            basis_document_id=proposed.basis_document_id,
            clause=proposed.clause,
            proposed_by=self.erasure.proposer,
            commitments=tuple(self.file.commitments),
            document_ids=tuple(self.file.document_ids),
        )


class DeclineErasure(AboutErasure):
    """Decline an erasure that was proposed.
    zh: 不批准提请的删除。
    """

    def execute(self) -> None:
        proposed = self._require_proposed()
        self.trigger_event(ErasureDeclined, erasure_id=self.erasure_id, person_id=proposed.person_id)


COMMANDS: tuple[type[Command], ...] = (DefineRetention, ProposeErasure, ApproveErasure, DeclineErasure)
