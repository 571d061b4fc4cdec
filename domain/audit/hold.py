"""What may be asked about legal holds: place one, lift it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from domain.application.events import ApplicationStarted
from domain.application.policy import ApplicationUnknown
from domain.audit.events import HoldGround, LegalHoldLifted, LegalHoldPlaced
from domain.audit.policy import HOLD_FACTS
from domain.document.policy import RestsOnPapers
from domain.ids import ApplicationId, DocumentId, HoldId, PersonId, UnitId, tag
from domain.kernel import Invalid, Refusal, Selector, Unknown, asked, event, known
from domain.permission.policy import NOT_ON_RECORD
from domain.person.events import PersonRegistered
from domain.person.policy import PersonUnknown
from domain.unit.events import UnitRegistered
from domain.unit.policy import UnitUnknown


class HoldIdUsed(Refusal):
    """Legal hold {hold_id} is on record already.
    zh: 法定保全 {hold_id} 已有记录。
    title: The id of the legal hold is used · 法定保全编号已被使用
    """


class LegalHoldUnknown(Unknown):
    """Legal hold {hold_id} is not on record.
    zh: 没有法定保全 {hold_id} 的记录。
    title: The legal hold is not on record · 没有该法定保全的记录
    """


class HoldNotAboutOneSubject(Invalid):
    """A legal hold is about one person, one unit or one application; this one names {named}.
    zh: 法定保全须针对一名人员、一个单位或一项申报;此处列明 {named} 项。
    title: A legal hold has one subject · 法定保全须针对一个对象
    """


class AboutHold(RestsOnPapers):
    """What both commands about a legal hold know: the hold as it stands, and the document it rests on.
    zh: 关于法定保全的各项命令所共知:保全现状及所依文件。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("order_document_id",)

    hold_id: HoldId = asked("Legal hold", "法定保全")
    order_document_id: DocumentId = asked("Order", "文件")

    placed: LegalHoldPlaced | None = known()
    lifted: bool = known(default=False)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The hold and the document."""
        return [
            Selector(HOLD_FACTS, [tag(HoldId, self.hold_id)]),
            *self._of_papers(),
        ]

    @event(LegalHoldPlaced)
    def _(self, body: LegalHoldPlaced) -> None:
        self.placed = body

    @event(LegalHoldLifted)
    def _(self) -> None:
        self.lifted = True

    def _require_order(self) -> None:
        self._require_papers()


class PlaceLegalHold(AboutHold):
    """Place a legal hold on a person, a unit or an application, so that nothing kept of it is erased.
    zh: 对人员、单位或申报设定法定保全,使其留存内容不被删除。
    """

    person_id: PersonId | None = asked("Person", "人员", default=None)
    unit_id: UnitId | None = asked("Unit", "单位", default=None)
    application_id: ApplicationId | None = asked("Application", "申报", default=None)
    ground: HoldGround = asked("Ground", "理由")

    registered: frozenset[str] = known(frozenset())

    def consistency_boundary(self) -> Sequence[Selector]:
        """The hold, the document, and whom or what it is about; of what is not named, the id of none finds nothing."""
        return [
            *super().consistency_boundary(),
            Selector([PersonRegistered], [tag(PersonId, self.person_id or "none")]),
            Selector([UnitRegistered], [tag(UnitId, self.unit_id or "none")]),
            Selector([ApplicationStarted], [tag(ApplicationId, self.application_id or "none")]),
        ]

    @event(PersonRegistered)
    def _(self, person_id: PersonId) -> None:
        self.registered |= {person_id}

    @event(UnitRegistered)
    def _(self, unit_id: UnitId) -> None:
        self.registered |= {unit_id}

    @event(ApplicationStarted)
    def _(self, application_id: ApplicationId) -> None:
        self.registered |= {application_id}

    def execute(self) -> None:
        if self.placed is not None:
            raise HoldIdUsed(hold_id=self.hold_id)
        named = sum(each is not None for each in (self.person_id, self.unit_id, self.application_id))
        if named != 1:
            raise HoldNotAboutOneSubject(field="person_id", named=named)
        self._require_subject()
        self._require_order()
        self.trigger_event(
            LegalHoldPlaced,
            hold_id=self.hold_id,
            person_id=self.person_id,
            unit_id=self.unit_id,
            application_id=self.application_id,
            ground=self.ground,
            order_document_id=self.order_document_id,
        )

    def _require_subject(self) -> None:
        if self.person_id is not None and self.person_id not in self.registered:
            raise PersonUnknown(person_id=self.person_id)
        if self.unit_id is not None and self.unit_id not in self.registered:
            raise UnitUnknown(unit_id=self.unit_id)
        if self.application_id is not None and self.application_id not in self.registered:
            raise ApplicationUnknown(application_id=self.application_id)


class LiftLegalHold(AboutHold):
    """Lift a legal hold that stands.
    zh: 解除存续中的法定保全。
    """

    @property
    def state(self) -> str:
        """Whether it stands, was lifted, or never was."""
        return NOT_ON_RECORD if self.placed is None else "lifted" if self.lifted else "placed"

    def execute(self) -> None:
        if self.placed is None:
            raise LegalHoldUnknown(hold_id=self.hold_id)
        self._require_order()
        self.trigger_event(
            LegalHoldLifted,
            hold_id=self.hold_id,
            person_id=self.placed.person_id,
            unit_id=self.placed.unit_id,
            application_id=self.placed.application_id,
            order_document_id=self.order_document_id,
        )
