"""What may be asked of a case whose unit is no more, or that is to end before its time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from domain.cultivation.events import CaseSucceeded, CultivationStopped, SuccessionGround
from domain.cultivation.policy import GROUND_TITLES, AboutRunningCase
from domain.document.policy import RestsOnPapers
from domain.ids import DocumentId, SuccessorUnitId, UnitId
from domain.kernel import Code, Event, Refusal, Selector, any_event, asked, called, known, word
from domain.permission.policy import ReasonMissing
from domain.unit.events import UnitDissolved, UnitMerged, UnitSplit
from domain.unit.policy import TREE_FACTS, Lineage, NotTheSuccessor, TreeFact

_ENDED_BY: Final[Mapping[SuccessionGround, type[Event]]] = {
    "merged": UnitMerged,
    "split": UnitSplit,
    "dissolved": UnitDissolved,
}


class UnitStands(Refusal):
    """Unit {unit_id} was not {ground}.
    zh: 单位 {unit_id} 并未发生 {ground}。
    title: Nothing of that kind became of the unit · 单位并未发生该项变动
    """


class SuccessorNotNamed(Refusal):
    """Who carries on case {application_id} is to be named.
    zh: 须列明项目 {application_id} 由何单位承继。
    title: The successor is to be named · 须列明承接单位
    """


class BorneByItAlready(Refusal):
    """Case {application_id} is borne by unit {unit_id} already.
    zh: 项目 {application_id} 本已由单位 {unit_id} 承担。
    title: The case is borne by that unit already · 该单位本已承担此项目
    """


class SucceedCase(AboutRunningCase):
    """Pass a case to the unit that carries it on: after a merger by itself, after a split, a dissolution or by decision
    as the head says.
    zh: 将项目转由承接单位承担:合并者自动承继;拆分、撤销或另有决定者,由主管部门负责人确定。
    """

    ground: SuccessionGround = asked("Ground", "理由")
    successor_unit_id: SuccessorUnitId | None = asked("Successor (none: by the merger)", "承接单位", default=None)

    lineage: Lineage = known(factory=Lineage)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case; once it is known, what became of its unit, and whether the successor lives."""
        boundary = list(super().consistency_boundary())
        if (unit_id := self.case.unit_id) is not None:
            boundary += self.lineage.boundary(unit_id, self.successor_unit_id)
        return boundary

    @any_event(*TREE_FACTS)
    def _(self, body: TreeFact) -> None:
        self.lineage.take(body)

    def execute(self) -> None:
        named = self._fields()
        successor = self._successor(named["unit_id"])
        if str(successor) == named["unit_id"]:
            raise BorneByItAlready(application_id=self.application_id, unit_id=successor)
        self.lineage.tree.of(successor).require_living()
        self.trigger_event(CaseSucceeded, **named, successor_unit_id=successor, ground=self.ground)

    def _successor(self, unit_id: UnitId) -> SuccessorUnitId:
        """Who carries on, on this ground; a decision needs a reason of its own, the others have theirs on record."""
        if self.ground == "decided":
            if self.reason_code is None:
                raise ReasonMissing(field="Reason", command=called(type(self)))
            return self._named()
        gone = self.lineage.tree.of(unit_id).gone
        if gone is None or not isinstance(gone, _ENDED_BY[self.ground]):
            raise UnitStands(unit_id=unit_id, ground=word(self.ground, GROUND_TITLES))
        heirs = self.lineage.heirs(unit_id)
        if len(heirs) == 1 and self.successor_unit_id is None:
            return heirs[0]
        named = self._named()
        if heirs and named not in heirs:
            raise NotTheSuccessor(successor_unit_id=named, unit_id=unit_id, successors=", ".join(heirs))
        return named

    def _named(self) -> SuccessorUnitId:
        if self.successor_unit_id is None:
            raise SuccessorNotNamed(application_id=self.application_id)
        return self.successor_unit_id


class StopCultivation(RestsOnPapers, AboutRunningCase):
    """Stop the cultivation of a case before its time, by a decision: nothing more is asked of it.
    zh: 依决定提前终止项目的培育创建:不再对其提出要求。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("decision_document_id",)

    ground: Code = asked("Ground", "理由")
    decision_document_id: DocumentId = asked("Decision", "决定文件")

    def execute(self) -> None:
        named = self._fields()
        self._require_papers()
        self.trigger_event(
            CultivationStopped, **named, ground=self.ground, decision_document_id=self.decision_document_id
        )
