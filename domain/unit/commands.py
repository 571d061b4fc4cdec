"""What may be asked about units, their place in the tree and their dated facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar, Final

from domain.document.policy import RestsOnPapers
from domain.ids import DocumentId, IncidentId, ParentUnitId, SuccessorUnitId, UnitId, tag
from domain.kernel import (
    Code,
    Command,
    Invalid,
    OfficialName,
    Refusal,
    Selector,
    Unknown,
    any_event,
    asked,
    event,
    known,
)
from domain.unit.events import (
    EarlierOutcomeRecorded,
    EarlierTitleRecorded,
    HonourRecorded,
    IncidentRecorded,
    IncidentScope,
    IncidentWithdrawn,
    Level,
    Severity,
    UnitDissolved,
    UnitFoundationRecorded,
    UnitMerged,
    UnitMoved,
    UnitRegistered,
    UnitRenamed,
    UnitSplit,
    UnitTraitsRecorded,
)
from domain.unit.policy import TREE_FACTS, Tree, TreeFact, UnitFact, UnitOnDay

_PARTS: Final = 2
"""A split leaves at least so many."""


class UnitAlreadyRegistered(Refusal):
    """Unit {unit_id} is in the organisation tree already.
    zh: 单位 {unit_id} 已在组织树中。
    title: The unit is in the tree already · 单位已在组织树中
    """


class ParentUnitUnknown(Refusal):
    """The parent {parent_unit_id} is not in the organisation tree on {valid_on}.
    zh: {valid_on} 组织树中没有上级单位 {parent_unit_id}。
    title: The parent unit was not in the tree then · 其时组织树中没有该上级单位
    """


class ParentUnitGone(Refusal):
    """The parent {parent_unit_id} was merged, split or dissolved as of {gone_on}.
    zh: 上级单位 {parent_unit_id} 已于 {gone_on} 合并、拆分或撤销。
    title: The parent unit is no more · 上级单位已合并、拆分或撤销
    """


class UnitAboveItself(Refusal):
    """Under {parent_unit_id}, unit {unit_id} would stand above itself.
    zh: 单位 {unit_id} 若隶属 {parent_unit_id},将成为自身的上级。
    title: A unit is not above itself · 单位不能成为自身的上级
    """


class NotYetValid(Refusal):
    """A fact is recorded once it holds: {valid_on} lies after today, {today}.
    zh: 事实自生效后方可记录:{valid_on} 晚于今日 {today}。
    title: A fact is recorded once it holds · 事实自生效后方可记录
    """


class BeforeRegistration(Refusal):
    """The day {valid_on} lies before {registered_on}, from which the unit is in the tree.
    zh: {valid_on} 早于该单位录入组织树的生效日 {registered_on}。
    title: The day lies before the unit was registered · 该日早于单位录入组织树
    """


class OutOfOrder(Refusal):
    """The day {valid_on} lies before {latest}, from which the newest record of this kind holds.
    zh: {valid_on} 早于同类最新记录的生效日 {latest}。
    title: A later record of the same kind stands · 同类记录中已有生效更晚者
    """


class HappenedAfterwards(Refusal):
    """What happened on {happened_on} cannot count from {valid_on} already.
    zh: {happened_on} 发生之事不能自 {valid_on} 起计。
    title: What happened later cannot count from earlier · 事实不能早于其发生而起计
    """


class MergedIntoItself(Refusal):
    """Unit {unit_id} cannot be merged into itself.
    zh: 单位 {unit_id} 不能并入自身。
    title: A unit does not merge into itself · 单位不能并入自身
    """


class SuccessorsNotNamed(Invalid):
    """A split names at least two successors, and each once.
    zh: 拆分须列明至少两个承接单位,且不得重复。
    """


class SplitIntoItself(Refusal):
    """Unit {unit_id} cannot be among its own successors.
    zh: 单位 {unit_id} 不能列为自身的承接单位。
    title: A unit is none of its own successors · 单位不能列为自身的承接单位
    """


class SuccessorUnknown(Refusal):
    """The successor {successor_unit_id} is not in the organisation tree on {valid_on}.
    zh: {valid_on} 组织树中没有承接单位 {successor_unit_id}。
    title: The successor was not in the tree then · 其时组织树中没有该承接单位
    """


class SuccessorGone(Refusal):
    """The successor {successor_unit_id} was itself merged or dissolved as of {gone_on}.
    zh: 承接单位 {successor_unit_id} 已于 {gone_on} 合并或撤销。
    title: The successor is no more · 承接单位已合并或撤销
    """


class UnitHasChildren(Refusal):
    """Units are still under {unit_id}: {children}. Move them first.
    zh: 单位 {unit_id} 尚有下级单位:{children}。请先改隶。
    title: The unit still has units below it · 单位尚有下级单位
    """


class IncidentAlreadyRecorded(Refusal):
    """Incident {incident_id} has been recorded before.
    zh: 事件 {incident_id} 此前已记录。
    title: The incident was recorded before · 事件此前已记录
    """


class IncidentUnknown(Unknown):
    """Incident {incident_id} is not on record.
    zh: 没有事件 {incident_id} 的记录。
    title: The incident is not on record · 没有该事件的记录
    """


class IncidentAlreadyWithdrawn(Refusal):
    """The record of incident {incident_id} has been withdrawn before.
    zh: 事件 {incident_id} 的记录此前已撤回。
    title: The incident was withdrawn before · 事件记录此前已撤回
    """


class AlreadyOnRecord(Refusal):
    """Exactly this is on record already, for unit {unit_id} and {day}.
    zh: 单位 {unit_id} 于 {day} 的同一事项已有记录。
    title: The same fact is on record · 同一事项已有记录
    """


class TraitTwice(Invalid):
    """Trait {trait} is named twice.
    zh: 属性 {trait} 重复列出。
    title: A trait is named twice · 属性重复列出
    """


class TitleEndsBeforeItBegins(Invalid):
    """The title's last day {last_day} lies before {conferred_on}.
    zh: 称号有效期末日 {last_day} 早于授予日期 {conferred_on}。
    title: A title ends before it begins · 称号在授予之前即已期满
    """


def _sorted_traits(traits: tuple[str, ...]) -> tuple[str, ...]:
    for trait in traits:
        if traits.count(trait) > 1:
            raise TraitTwice(field="traits", trait=trait)
    return tuple(sorted(traits))


class AboutUnit(Command):
    """What every command about a unit knows: where the unit and those beside it stand in the tree.
    zh: 关于单位的各项命令所共知:该单位及相关单位在组织树中的位置。
    """

    unit_id: UnitId = asked("Unit", "单位")
    valid_on: date = asked("Valid from", "生效日")

    tree: Tree = known(factory=Tree)

    def consistency_boundary(self) -> Sequence[Selector]:
        return [Selector(TREE_FACTS, [tag(UnitId, self.unit_id)])]

    @any_event(*TREE_FACTS)
    def _(self, body: TreeFact) -> None:
        self.tree.take(body)

    def _require_living(self) -> UnitOnDay:
        """The unit as it stands on the day named. A unit that is gone takes nothing any more."""
        registered = self.tree.of(self.unit_id).require_living()
        if self.valid_on < registered.valid_on:
            raise BeforeRegistration(valid_on=self.valid_on, registered_on=registered.valid_on)
        self._require_valid()
        return self.tree.of(self.unit_id).standing_on(self.valid_on)

    def _require_valid(self) -> None:
        if self.valid_on > self.today:
            raise NotYetValid(valid_on=self.valid_on, today=self.today)

    def _require_order(self, *kinds: type[UnitFact]) -> None:
        """A fact that replaces another may not slip in before it: what has been judged by it would have been wrong."""
        latest = self.tree.of(self.unit_id).latest_valid_on(*kinds)
        if latest is not None and self.valid_on < latest:
            raise OutOfOrder(valid_on=self.valid_on, latest=latest)

    def _require_parent(self, parent_unit_id: str) -> None:
        parent = self.tree.of(parent_unit_id)
        if parent.on(self.valid_on) is None:
            raise ParentUnitUnknown(parent_unit_id=parent_unit_id, valid_on=self.valid_on)
        if parent.gone is not None:
            raise ParentUnitGone(parent_unit_id=parent_unit_id, gone_on=parent.gone.valid_on)


class AboutUnitWithSource(RestsOnPapers, AboutUnit):
    """A command about a unit that rests on a document.
    zh: 关于单位且以文件为依据的命令。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("source_document_id",)

    source_document_id: DocumentId = asked("Source document", "来源文件")

    def _require_happened(self, happened_on: date) -> None:
        """Check a fact from a source: the unit lives, the source is deposited, and it happened before it counts."""
        self._require_living()
        self._require_papers()
        if happened_on > self.valid_on:
            raise HappenedAfterwards(happened_on=happened_on, valid_on=self.valid_on)


class RegisterUnit(AboutUnit):
    """Enter a unit into the organisation tree, under a parent or at its top.
    zh: 将单位录入组织树,隶属某上级或居于顶层。
    """

    kind: Code = asked("Kind", "类别")
    name_zh: OfficialName = asked("Name (Chinese)", "中文名称")
    name_en: OfficialName = asked("Name (English)", "英文名称")
    parent_unit_id: ParentUnitId | None = asked("Parent", "上级单位", default=None)
    traits: tuple[Code, ...] = asked("Traits", "属性", default=())

    def consistency_boundary(self) -> Sequence[Selector]:
        units = [self.unit_id] if self.parent_unit_id is None else [self.unit_id, self.parent_unit_id]
        return [Selector(TREE_FACTS, [tag(UnitId, unit)]) for unit in units]

    def execute(self) -> None:
        if self.tree.of(self.unit_id).registered is not None:
            raise UnitAlreadyRegistered(unit_id=self.unit_id)
        self._require_valid()
        if str(self.parent_unit_id) == self.unit_id:
            raise UnitAboveItself(unit_id=self.unit_id, parent_unit_id=self.parent_unit_id)
        if self.parent_unit_id is not None:
            self._require_parent(self.parent_unit_id)
        self.trigger_event(
            UnitRegistered,
            unit_id=self.unit_id,
            institution_id=self.institution_id,
            kind=self.kind,
            name_zh=self.name_zh,
            name_en=self.name_en,
            parent_unit_id=self.parent_unit_id,
            traits=_sorted_traits(self.traits),
            valid_on=self.valid_on,
        )


class RecordFoundation(AboutUnitWithSource):
    """Record the day on which a unit was founded; recorded anew, the later record holds.
    zh: 记录单位成立日期;再次记录以后者为准。
    """

    founded_on: date = asked("Founded on", "成立日期")

    def consistency_boundary(self) -> Sequence[Selector]:
        return [*super().consistency_boundary(), Selector([UnitFoundationRecorded], [tag(UnitId, self.unit_id)])]

    @event(UnitFoundationRecorded)
    def _(self, body: UnitFoundationRecorded) -> None:
        self.tree.take(body)

    def execute(self) -> None:
        self._require_happened(self.founded_on)
        self._require_order(UnitFoundationRecorded)
        founded_on = self.tree.of(self.unit_id).standing_on(self.valid_on).founded_on
        if founded_on != self.founded_on:
            self.trigger_event(
                UnitFoundationRecorded,
                unit_id=self.unit_id,
                founded_on=self.founded_on,
                valid_on=self.valid_on,
                source_document_id=self.source_document_id,
            )


class MoveUnit(AboutUnitWithSource):
    """Bring a unit under another parent, or to the top of the tree.
    zh: 单位改隶新的上级,或升至顶层。
    """

    parent_unit_id: ParentUnitId | None = asked("Parent", "上级单位")

    def consistency_boundary(self) -> Sequence[Selector]:
        # It grows along the ancestors of the new parent: any of them may come under this unit meanwhile.
        above = () if self.parent_unit_id is None else self.tree.upward(self.parent_unit_id)
        ancestors = [Selector(TREE_FACTS, [tag(UnitId, unit)]) for unit in above if unit != self.unit_id]
        return [*super().consistency_boundary(), *ancestors]

    def execute(self) -> None:
        unit = self._require_living()
        self._require_papers()
        self._require_order(UnitMoved)
        if self.parent_unit_id is not None:
            self._require_parent(self.parent_unit_id)
            if self.tree.would_circle(self.unit_id, self.parent_unit_id, self.valid_on):
                raise UnitAboveItself(unit_id=self.unit_id, parent_unit_id=self.parent_unit_id)
        if unit.placed.body.parent_unit_id != self.parent_unit_id:
            self.trigger_event(
                UnitMoved,
                unit_id=self.unit_id,
                parent_unit_id=self.parent_unit_id,
                valid_on=self.valid_on,
                source_document_id=self.source_document_id,
            )


class RenameUnit(AboutUnitWithSource):
    """Record that a unit took another name.
    zh: 记录单位更名。
    """

    name_zh: OfficialName = asked("Name (Chinese)", "中文名称")
    name_en: OfficialName = asked("Name (English)", "英文名称")

    def consistency_boundary(self) -> Sequence[Selector]:
        return [*super().consistency_boundary(), Selector([UnitRenamed], [tag(UnitId, self.unit_id)])]

    @event(UnitRenamed)
    def _(self, body: UnitRenamed) -> None:
        self.tree.take(body)

    def execute(self) -> None:
        named = self._require_living().named.body
        self._require_papers()
        self._require_order(UnitRenamed)
        if (named.name_zh, named.name_en) != (self.name_zh, self.name_en):
            self.trigger_event(
                UnitRenamed,
                unit_id=self.unit_id,
                name_zh=self.name_zh,
                name_en=self.name_en,
                valid_on=self.valid_on,
                source_document_id=self.source_document_id,
            )


class RecordTraits(AboutUnitWithSource):
    """Record the traits of a unit anew; they replace the earlier ones.
    zh: 重新记录单位属性,取代原有属性。
    """

    traits: tuple[Code, ...] = asked("Traits", "属性")

    def consistency_boundary(self) -> Sequence[Selector]:
        return [*super().consistency_boundary(), Selector([UnitTraitsRecorded], [tag(UnitId, self.unit_id)])]

    @event(UnitTraitsRecorded)
    def _(self, body: UnitTraitsRecorded) -> None:
        self.tree.take(body)

    def execute(self) -> None:
        traits = _sorted_traits(self.traits)
        unit = self._require_living()
        self._require_papers()
        self._require_order(UnitTraitsRecorded)
        if unit.traits != set(traits):
            self.trigger_event(
                UnitTraitsRecorded,
                unit_id=self.unit_id,
                traits=traits,
                valid_on=self.valid_on,
                source_document_id=self.source_document_id,
            )


class EndsUnit(AboutUnitWithSource):
    """A command after which a unit is no more: nobody may be under it any longer.
    zh: 使单位不复存在的命令:其下不得再有下级单位。
    """

    def consistency_boundary(self) -> Sequence[Selector]:
        # Whoever was ever placed under the unit may have left since, so each of those is read as well.
        under = Selector([UnitRegistered, UnitMoved], [tag(ParentUnitId, self.unit_id)])
        others = [Selector(TREE_FACTS, [tag(UnitId, unit)]) for unit in self.tree.histories if unit != self.unit_id]
        return [*super().consistency_boundary(), under, *others]

    def _require_end(self) -> None:
        self._require_living()
        self._require_papers()
        self._require_order(UnitMoved)
        children = self.tree.children_since(self.unit_id, self.valid_on)
        if children:
            raise UnitHasChildren(unit_id=self.unit_id, children=", ".join(children))

    def _require_successor(self, successor_unit_id: SuccessorUnitId) -> None:
        successor = self.tree.of(successor_unit_id)
        if successor.on(self.valid_on) is None:
            raise SuccessorUnknown(successor_unit_id=successor_unit_id, valid_on=self.valid_on)
        if successor.gone is not None:
            raise SuccessorGone(successor_unit_id=successor_unit_id, gone_on=successor.gone.valid_on)


class MergeUnit(EndsUnit):
    """Merge a unit into a successor, which carries on what it had begun.
    zh: 单位并入承接单位,由其承继未了事项。
    """

    successor_unit_id: SuccessorUnitId = asked("Successor", "承接单位")

    def consistency_boundary(self) -> Sequence[Selector]:
        boundary = list(super().consistency_boundary())
        successor = Selector(TREE_FACTS, [tag(UnitId, self.successor_unit_id)])
        return boundary if successor in boundary else [*boundary, successor]

    def execute(self) -> None:
        if str(self.successor_unit_id) == self.unit_id:
            raise MergedIntoItself(unit_id=self.unit_id)
        self._require_end()
        self._require_successor(self.successor_unit_id)
        self.trigger_event(
            UnitMerged,
            unit_id=self.unit_id,
            successor_unit_id=self.successor_unit_id,
            valid_on=self.valid_on,
            source_document_id=self.source_document_id,
        )


class SplitUnit(EndsUnit):
    """Split a unit into at least two successors; which of them carries on what it had begun is decided case by case.
    zh: 将单位拆分为至少两个承接单位;其未了事项由何者承继,逐项决定。
    """

    successor_unit_ids: tuple[SuccessorUnitId, ...] = asked("Successors", "承接单位")

    def consistency_boundary(self) -> Sequence[Selector]:
        boundary = list(super().consistency_boundary())
        for successor_unit_id in self.successor_unit_ids:
            successor = Selector(TREE_FACTS, [tag(UnitId, successor_unit_id)])
            boundary += [] if successor in boundary else [successor]
        return boundary

    def execute(self) -> None:
        named = self.successor_unit_ids
        if len(named) < _PARTS or len(set(named)) < len(named):
            raise SuccessorsNotNamed(field="successor_unit_ids")
        if self.unit_id in {str(successor) for successor in named}:
            raise SplitIntoItself(unit_id=self.unit_id)
        self._require_end()
        for successor_unit_id in named:
            self._require_successor(successor_unit_id)
        self.trigger_event(
            UnitSplit,
            unit_id=self.unit_id,
            successor_unit_ids=named,
            valid_on=self.valid_on,
            source_document_id=self.source_document_id,
        )


class DissolveUnit(EndsUnit):
    """Dissolve a unit that has no successor.
    zh: 撤销单位,无承接单位。
    """

    def execute(self) -> None:
        self._require_end()
        self.trigger_event(
            UnitDissolved, unit_id=self.unit_id, valid_on=self.valid_on, source_document_id=self.source_document_id
        )


class RecordIncident(AboutUnitWithSource):
    """Record an incident at a unit: its kind, severity, scope and day.
    zh: 记录单位发生的事件:类别、程度、范围与日期。
    """

    incident_id: IncidentId = asked("Incident", "事件")
    kind: Code = asked("Kind", "类别")
    severity: Severity = asked("Severity", "程度")
    scope: IncidentScope = asked("Scope", "范围")
    occurred_on: date = asked("Occurred on", "发生日期")

    recorded: bool = known(default=False)

    def consistency_boundary(self) -> Sequence[Selector]:
        return [*super().consistency_boundary(), Selector([IncidentRecorded], [tag(IncidentId, self.incident_id)])]

    @event(IncidentRecorded)
    def _(self) -> None:
        self.recorded = True

    def execute(self) -> None:
        if self.recorded:
            raise IncidentAlreadyRecorded(incident_id=self.incident_id)
        self._require_happened(self.occurred_on)
        self.trigger_event(
            IncidentRecorded,
            incident_id=self.incident_id,
            unit_id=self.unit_id,
            kind=self.kind,
            severity=self.severity,
            scope=self.scope,
            occurred_on=self.occurred_on,
            valid_on=self.valid_on,
            source_document_id=self.source_document_id,
        )


class WithdrawIncident(RestsOnPapers):
    """Withdraw the record of an incident, with a reason: it counts no longer, and stays readable.
    zh: 附事由撤回事件记录:不再计入,但仍可查阅。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("source_document_id",)

    incident_id: IncidentId = asked("Incident", "事件")
    valid_on: date = asked("Valid from", "生效日")
    source_document_id: DocumentId = asked("Source document", "来源文件")

    incident: IncidentRecorded | None = known()
    withdrawn: bool = known(default=False)

    def consistency_boundary(self) -> Sequence[Selector]:
        return [
            Selector([IncidentRecorded, IncidentWithdrawn], [tag(IncidentId, self.incident_id)]),
            *self._of_papers(),
        ]

    @event(IncidentRecorded)
    def _(self, body: IncidentRecorded) -> None:
        self.incident = body

    @event(IncidentWithdrawn)
    def _(self) -> None:
        self.withdrawn = True

    def execute(self) -> None:
        # The unit need not live any more: a wrong record is put right whatever became of it.
        if self.incident is None:
            raise IncidentUnknown(incident_id=self.incident_id)
        if self.withdrawn:
            raise IncidentAlreadyWithdrawn(incident_id=self.incident_id)
        self._require_papers()
        if self.valid_on > self.today:
            raise NotYetValid(valid_on=self.valid_on, today=self.today)
        if self.valid_on < self.incident.valid_on:
            raise OutOfOrder(valid_on=self.valid_on, latest=self.incident.valid_on)
        self.trigger_event(
            IncidentWithdrawn,
            incident_id=self.incident_id,
            unit_id=self.incident.unit_id,
            valid_on=self.valid_on,
            source_document_id=self.source_document_id,
        )


class RecordHonour(AboutUnitWithSource):
    """Record an honour of a unit from a source.
    zh: 依据来源文件记录单位荣誉。
    """

    honour: Code = asked("Honour", "荣誉")
    level: Level = asked("Level", "级别")
    awarded_on: date = asked("Awarded on", "授予日期")

    on_record: frozenset[tuple[str, str, date]] = known(frozenset())

    def consistency_boundary(self) -> Sequence[Selector]:
        return [*super().consistency_boundary(), Selector([HonourRecorded], [tag(UnitId, self.unit_id)])]

    @event(HonourRecorded)
    def _(self, honour: str, level: str, awarded_on: date) -> None:
        self.on_record |= {(honour, level, awarded_on)}

    def execute(self) -> None:
        self._require_happened(self.awarded_on)
        if (self.honour, self.level, self.awarded_on) in self.on_record:
            raise AlreadyOnRecord(unit_id=self.unit_id, day=self.awarded_on)
        self.trigger_event(
            HonourRecorded,
            unit_id=self.unit_id,
            honour=self.honour,
            level=self.level,
            awarded_on=self.awarded_on,
            valid_on=self.valid_on,
            source_document_id=self.source_document_id,
        )


class RecordEarlierOutcome(AboutUnitWithSource):
    """Record the outcome of a unit in an earlier programme outside this record.
    zh: 记录单位在本系统之外的既往项目结果。
    """

    programme: Code = asked("Earlier programme", "既往项目")
    outcome: Code = asked("Outcome", "结果")
    decided_on: date = asked("Decided on", "认定日期")

    on_record: frozenset[tuple[str, str, date]] = known(frozenset())

    def consistency_boundary(self) -> Sequence[Selector]:
        return [*super().consistency_boundary(), Selector([EarlierOutcomeRecorded], [tag(UnitId, self.unit_id)])]

    @event(EarlierOutcomeRecorded)
    def _(self, programme: str, outcome: str, decided_on: date) -> None:
        self.on_record |= {(programme, outcome, decided_on)}

    def execute(self) -> None:
        self._require_happened(self.decided_on)
        if (self.programme, self.outcome, self.decided_on) in self.on_record:
            raise AlreadyOnRecord(unit_id=self.unit_id, day=self.decided_on)
        self.trigger_event(
            EarlierOutcomeRecorded,
            unit_id=self.unit_id,
            programme=self.programme,
            outcome=self.outcome,
            decided_on=self.decided_on,
            valid_on=self.valid_on,
            source_document_id=self.source_document_id,
        )


class RecordEarlierTitle(AboutUnitWithSource):
    """Record a title that a unit holds from outside this record.
    zh: 记录单位在本系统之外获得的称号。
    """

    title: Code = asked("Title", "称号")
    level: Level = asked("Level", "级别")
    conferred_on: date = asked("Conferred on", "授予日期")
    last_day: date | None = asked("Last day", "有效期末日", default=None)

    on_record: frozenset[tuple[str, str, date]] = known(frozenset())

    def consistency_boundary(self) -> Sequence[Selector]:
        return [*super().consistency_boundary(), Selector([EarlierTitleRecorded], [tag(UnitId, self.unit_id)])]

    @event(EarlierTitleRecorded)
    def _(self, title: str, level: str, conferred_on: date) -> None:
        self.on_record |= {(title, level, conferred_on)}

    def execute(self) -> None:
        self._require_happened(self.conferred_on)
        if self.last_day is not None and self.last_day < self.conferred_on:
            raise TitleEndsBeforeItBegins(
                field="last_day",
                last_day=self.last_day,
                conferred_on=self.conferred_on,
            )
        if (self.title, self.level, self.conferred_on) in self.on_record:
            raise AlreadyOnRecord(unit_id=self.unit_id, day=self.conferred_on)
        self.trigger_event(
            EarlierTitleRecorded,
            unit_id=self.unit_id,
            title=self.title,
            level=self.level,
            conferred_on=self.conferred_on,
            last_day=self.last_day,
            valid_on=self.valid_on,
            source_document_id=self.source_document_id,
        )


COMMANDS: tuple[type[Command], ...] = (
    RegisterUnit,
    RecordFoundation,
    MoveUnit,
    RenameUnit,
    RecordTraits,
    MergeUnit,
    SplitUnit,
    DissolveUnit,
    RecordIncident,
    WithdrawIncident,
    RecordHonour,
    RecordEarlierOutcome,
    RecordEarlierTitle,
)
