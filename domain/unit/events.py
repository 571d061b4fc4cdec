"""What can have happened to a unit."""

from datetime import date
from typing import Annotated, Literal

from domain.ids import DocumentId, IncidentId, InstitutionId, ParentUnitId, SuccessorUnitId, UnitId
from domain.kernel import Code, Event, OfficialName, office, public, subject

Severity = Literal["minor", "prominent", "major"]
IncidentScope = Literal["unit", "member", "staff"]
Level = Literal["unit", "institution", "provincial", "national"]


class UnitRegistered(Event):
    """A unit was entered into the organisation tree.
    zh: 单位录入组织树。
    """

    TOPIC = "unit.registered.v1"
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    institution_id: Annotated[InstitutionId, public("Institution", "机构")]
    kind: Annotated[Code, public("Kind", "类别")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    parent_unit_id: Annotated[ParentUnitId | None, public("Parent", "上级单位")] = None
    traits: Annotated[tuple[Code, ...], public("Traits", "属性")] = ()
    valid_on: Annotated[date, public("Valid from", "生效日")]


class UnitFoundationRecorded(Event):
    """The day on which a unit was founded was recorded from a source.
    zh: 依据来源文件记录单位成立日期。
    """

    TOPIC = "unit.foundation_recorded.v1"
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    founded_on: Annotated[date, public("Founded on", "成立日期")]
    valid_on: Annotated[date, public("Valid from", "生效日")]
    source_document_id: Annotated[DocumentId, office("Source document", "来源文件")]


class UnitMoved(Event):
    """A unit came under another parent.
    zh: 单位改隶新的上级。
    """

    TOPIC = "unit.moved.v1"
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    parent_unit_id: Annotated[ParentUnitId | None, public("Parent", "上级单位")]
    valid_on: Annotated[date, public("Valid from", "生效日")]
    source_document_id: Annotated[DocumentId, office("Source document", "来源文件")]


class UnitRenamed(Event):
    """A unit took another name.
    zh: 单位更名。
    """

    TOPIC = "unit.renamed.v1"
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    valid_on: Annotated[date, public("Valid from", "生效日")]
    source_document_id: Annotated[DocumentId, office("Source document", "来源文件")]


class UnitTraitsRecorded(Event):
    """The traits of a unit were recorded anew: they replace the earlier ones.
    zh: 单位属性重新记录,取代原有属性。
    """

    TOPIC = "unit.traits_recorded.v1"
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    traits: Annotated[tuple[Code, ...], public("Traits", "属性")]
    valid_on: Annotated[date, public("Valid from", "生效日")]
    source_document_id: Annotated[DocumentId, office("Source document", "来源文件")]


class UnitMerged(Event):
    """A unit was merged into a successor, which carries on what it had begun.
    zh: 单位并入承接单位,由其承继未了事项。
    """

    TOPIC = "unit.merged.v1"
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    successor_unit_id: Annotated[SuccessorUnitId, public("Successor", "承接单位")]
    valid_on: Annotated[date, public("Valid from", "生效日")]
    source_document_id: Annotated[DocumentId, office("Source document", "来源文件")]


class UnitSplit(Event):
    """A unit was split into successors, and ended; which of them carries on what it had begun is decided case by case.
    zh: 单位拆分为若干承接单位,原单位终止;其未了事项由何者承继,逐项决定。
    """

    TOPIC = "unit.split.v1"
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    successor_unit_ids: Annotated[tuple[SuccessorUnitId, ...], public("Successors", "承接单位")]
    valid_on: Annotated[date, public("Valid from", "生效日")]
    source_document_id: Annotated[DocumentId, office("Source document", "来源文件")]


class UnitDissolved(Event):
    """A unit was dissolved without a successor.
    zh: 单位撤销,无承接单位。
    """

    TOPIC = "unit.dissolved.v1"
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    valid_on: Annotated[date, public("Valid from", "生效日")]
    source_document_id: Annotated[DocumentId, office("Source document", "来源文件")]


class IncidentRecorded(Event):
    """An incident at a unit was recorded: its kind, severity, scope and day.
    zh: 记录单位发生的事件:类别、程度、范围与日期。
    """

    TOPIC = "unit.incident_recorded.v1"
    incident_id: Annotated[IncidentId, office("Incident", "事件")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    kind: Annotated[Code, subject("Kind", "类别")]
    severity: Annotated[Severity, subject("Severity", "程度")]
    scope: Annotated[IncidentScope, subject("Scope", "范围")]
    occurred_on: Annotated[date, subject("Occurred on", "发生日期")]
    valid_on: Annotated[date, subject("Counts from", "起算日")]
    source_document_id: Annotated[DocumentId, office("Source document", "来源文件")]


class IncidentWithdrawn(Event):
    """The record of an incident was withdrawn: it counts no longer, and stays readable.
    zh: 事件记录撤回:不再计入,但仍可查阅。
    """

    TOPIC = "unit.incident_withdrawn.v1"
    incident_id: Annotated[IncidentId, office("Incident", "事件")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    valid_on: Annotated[date, subject("Valid from", "生效日")]
    source_document_id: Annotated[DocumentId, office("Source document", "来源文件")]


class HonourRecorded(Event):
    """An honour of a unit was recorded from a source.
    zh: 依据来源文件记录单位荣誉。
    """

    TOPIC = "unit.honour_recorded.v1"
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    honour: Annotated[Code, public("Honour", "荣誉")]
    level: Annotated[Level, public("Level", "级别")]
    awarded_on: Annotated[date, public("Awarded on", "授予日期")]
    valid_on: Annotated[date, public("Valid from", "生效日")]
    source_document_id: Annotated[DocumentId, office("Source document", "来源文件")]


class EarlierOutcomeRecorded(Event):
    """The outcome of a unit in an earlier programme outside this record was recorded.
    zh: 记录单位在本系统之外的既往项目结果。
    """

    TOPIC = "unit.earlier_outcome_recorded.v1"
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    programme: Annotated[Code, public("Earlier programme", "既往项目")]
    outcome: Annotated[Code, public("Outcome", "结果")]
    decided_on: Annotated[date, public("Decided on", "认定日期")]
    valid_on: Annotated[date, public("Valid from", "生效日")]
    source_document_id: Annotated[DocumentId, office("Source document", "来源文件")]


class EarlierTitleRecorded(Event):
    """A title that a unit holds from outside this record was recorded.
    zh: 记录单位在本系统之外获得的称号。
    """

    TOPIC = "unit.earlier_title_recorded.v1"
    unit_id: Annotated[UnitId, public("Unit", "单位")]
    title: Annotated[Code, public("Title", "称号")]
    level: Annotated[Level, public("Level", "级别")]
    conferred_on: Annotated[date, public("Conferred on", "授予日期")]
    last_day: Annotated[date | None, public("Last day", "有效期末日")] = None
    valid_on: Annotated[date, public("Valid from", "生效日")]
    source_document_id: Annotated[DocumentId, office("Source document", "来源文件")]
