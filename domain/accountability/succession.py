"""What may be asked of a cut of the quota whose unit is no more: it passes to the unit that carries on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from domain.accountability.events import QuotaCutPassed
from domain.accountability.measure import AboutMeasure, NoSuchFigure
from domain.ids import SuccessorUnitId, UnitId
from domain.kernel import Invalid, Refusal, Selector, any_event, asked, known
from domain.unit.policy import TREE_FACTS, Lineage, NotTheSuccessor, TreeFact


class CutNotBorne(Refusal):
    """Unit {unit_id} bears nothing of measure {measure_id}.
    zh: 单位 {unit_id} 未承担措施 {measure_id} 的任何核减。
    title: Nothing is cut from the unit · 该单位并未被核减指标
    """


class CutUnitStands(Refusal):
    """Unit {unit_id} was neither merged nor split nor dissolved: what is cut stays cut from its own places.
    zh: 单位 {unit_id} 并未合并、拆分或撤销,核减仍由其自身承担。
    title: The unit whose places are cut stands · 被核减指标的单位并无变动
    """


class CutSharesMissing(Refusal):
    """The cut of {places} places of unit {unit_id} is to be divided by naming shares; these carry on: {successors}.
    zh: 单位 {unit_id} 被核减的 {places} 个指标须列明如何分担;承接单位为:{successors}。
    title: The shares of the cut are to be named · 须列明核减份额
    """


class CutShareTwice(Invalid):
    """Unit {successor_unit_id} is given two shares of the cut.
    zh: 单位 {successor_unit_id} 的核减份额重复列出。
    title: A unit is given two shares of the cut · 核减份额重复列出
    """


class CutSharesDiffer(Refusal):
    """The shares come to {shared} places; {places} are cut from unit {unit_id}, no more and no fewer.
    zh: 各份额合计 {shared} 个指标,而单位 {unit_id} 被核减 {places} 个,不得增减。
    title: The shares do not come to the cut · 份额合计与核减数不符
    """


class CutBorne(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many places of a cut a unit that carries on bears."""

    successor_unit_id: SuccessorUnitId
    places: Annotated[int, msgspec.Meta(ge=1)]


class PassQuotaCut(AboutMeasure):
    """Pass a cut of the quota from a unit that is no more: whole to the one that carries on, after a split or a
    dissolution as the head divides it.
    zh: 单位不复存在的,其核减指标措施一并承继:合并者全部转入承接单位,拆分、撤销者由主管部门负责人确定分担。
    """

    from_unit_id: UnitId = asked("Unit before", "原单位")
    shares: tuple[CutBorne, ...] = asked("Shares (none: whole, to the one that carries on)", "份额", default=())

    lineage: Lineage = known(factory=Lineage)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The measure, and what became of the unit and of those named."""
        return [
            *super().consistency_boundary(),
            *self.lineage.boundary(self.from_unit_id, *(share.successor_unit_id for share in self.shares)),
        ]

    @any_event(*TREE_FACTS)
    def _(self, body: TreeFact) -> None:
        self.lineage.take(body)

    def execute(self) -> None:
        one = self._require_measure()
        borne = next((share.places for share in one.shares if share.unit_id == self.from_unit_id), 0)
        if not borne:
            raise CutNotBorne(unit_id=self.from_unit_id, measure_id=self.measure_id)
        if self.lineage.tree.of(self.from_unit_id).gone is None:
            raise CutUnitStands(unit_id=self.from_unit_id)
        for share in self._shares(borne):
            self.lineage.tree.of(share.successor_unit_id).require_living()
            self.trigger_event(
                QuotaCutPassed,
                **one.named(),
                from_unit_id=self.from_unit_id,
                successor_unit_id=share.successor_unit_id,
                places=share.places,
            )

    def _shares(self, places: int) -> tuple[CutBorne, ...]:
        """Who bears what: all of it the only one that carries on, unless the shares are named."""
        heirs = self.lineage.living_heirs(self.from_unit_id)
        if not self.shares:
            if len(heirs) != 1:
                raise CutSharesMissing(places=places, unit_id=self.from_unit_id, successors=", ".join(heirs) or "-")
            return (CutBorne(heirs[0], places),)
        named = [share.successor_unit_id for share in self.shares]
        for successor in named:
            if named.count(successor) > 1:
                raise CutShareTwice(field="shares", successor_unit_id=successor)
            if heirs and successor not in heirs:
                raise NotTheSuccessor(
                    successor_unit_id=successor, unit_id=self.from_unit_id, successors=", ".join(heirs)
                )
        for share in self.shares:
            if share.places < 1:
                raise NoSuchFigure(field="shares", figure=share.places)
        shared = sum(share.places for share in self.shares)
        if shared != places:
            raise CutSharesDiffer(shared=shared, places=places, unit_id=self.from_unit_id)
        return self.shares
