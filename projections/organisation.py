"""The organisation tree, and what is on record about a unit from before or outside this record."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec.structs import replace

from domain.ids import DocumentId, IncidentId, InstitutionId, SuccessorUnitId, UnitId
from domain.kernel import Code, Event, OfficialName, Recorded, office, public, subject
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
from projections.kernel import Key, View, Where, keyed

# --- the tree --------------------------------------------------------------------------------------------------------

UnitStatus = Literal["live", "merged", "split", "dissolved"]


class Dated(msgspec.Struct, frozen=True):
    """Something that counts from a day on, until something later replaces it."""

    since: date


class DatedName(Dated, frozen=True):
    """A name and the day from which it counts."""

    name_zh: OfficialName
    name_en: OfficialName


class DatedParent(Dated, frozen=True):
    """A parent (none: at the top) and the day from which the unit is under it."""

    parent_unit_id: str


class DatedTraits(Dated, frozen=True):
    """The traits and the day from which they count."""

    traits: tuple[Code, ...]


class DatedFoundation(Dated, frozen=True):
    """The day of foundation and the day from which that finding counts."""

    founded_on: date


D = TypeVar("D", bound=Dated)


class UnitRow(msgspec.Struct, frozen=True, kw_only=True):
    """One unit of the organisation tree: where it belongs, since when, and what became of it.
    zh: 组织树中的一个单位:隶属、起始与存续情况。
    """

    unit_id: Annotated[UnitId, public("Unit", "单位")]
    institution_id: Annotated[InstitutionId, public("Institution", "机构")]
    kind: Annotated[Code, public("Kind", "类别")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    traits: Annotated[tuple[Code, ...], public("Traits", "属性")]
    parent_unit_id: Annotated[str, public("Parent (empty: top)", "上级单位(空为顶层)")]
    parent_since: Annotated[date, public("Under this parent since", "隶属起始日")]
    since: Annotated[date, public("Since", "起始日")]
    founded_on: Annotated[date | None, public("Founded on", "成立日期")] = None
    status: Annotated[UnitStatus, public("Status", "状态")] = "live"
    ended_on: Annotated[date | None, public("Ended on", "终止日")] = None
    successor_unit_id: Annotated[SuccessorUnitId | None, public("Successor", "承接单位")] = None
    successor_unit_ids: Annotated[tuple[SuccessorUnitId, ...], public("Successors of a split", "拆分后的承接单位")] = ()
    names: Annotated[tuple[DatedName, ...], public("Names, dated", "历次名称")]
    parents: Annotated[tuple[DatedParent, ...], public("Parents, dated", "历次隶属")]
    trait_sets: Annotated[tuple[DatedTraits, ...], public("Traits, dated", "历次属性")]
    foundations: Annotated[tuple[DatedFoundation, ...], public("Foundation, dated", "历次成立记录")] = ()


def _with(dated: tuple[D, ...], entry: D) -> tuple[D, ...]:
    """Ordered by the day from which each counts; of the same day, as recorded."""
    return tuple(sorted((*dated, entry), key=lambda other: other.since))


def _current(row: UnitRow) -> UnitRow:
    """Of two facts that replace one another, the one that counts from the later day holds."""
    return replace(
        row,
        name_zh=row.names[-1].name_zh,
        name_en=row.names[-1].name_en,
        parent_unit_id=row.parents[-1].parent_unit_id,
        parent_since=row.parents[-1].since,
        traits=row.trait_sets[-1].traits,
        founded_on=row.foundations[-1].founded_on if row.foundations else None,
    )


def _registered(event: UnitRegistered) -> UnitRow:
    day, parent = event.valid_on, event.parent_unit_id or ""
    return UnitRow(
        unit_id=event.unit_id,
        institution_id=event.institution_id,
        kind=event.kind,
        name_zh=event.name_zh,
        name_en=event.name_en,
        traits=event.traits,
        parent_unit_id=parent,
        parent_since=day,
        since=day,
        names=(DatedName(day, event.name_zh, event.name_en),),
        parents=(DatedParent(day, parent),),
        trait_sets=(DatedTraits(day, event.traits),),
    )


def _changed(row: UnitRow, event: Event) -> UnitRow:
    match event:
        case UnitFoundationRecorded(founded_on=founded_on, valid_on=day):
            row = replace(row, foundations=_with(row.foundations, DatedFoundation(day, founded_on)))
        case UnitMoved(parent_unit_id=parent, valid_on=day):
            row = replace(row, parents=_with(row.parents, DatedParent(day, parent or "")))
        case UnitRenamed(name_zh=name_zh, name_en=name_en, valid_on=day):
            row = replace(row, names=_with(row.names, DatedName(day, name_zh, name_en)))
        case UnitTraitsRecorded(traits=traits, valid_on=day):
            row = replace(row, trait_sets=_with(row.trait_sets, DatedTraits(day, traits)))
        case UnitMerged(successor_unit_id=successor, valid_on=day):
            row = replace(row, status="merged", ended_on=day, successor_unit_id=successor)
        case UnitSplit(successor_unit_ids=successors, valid_on=day):
            row = replace(row, status="split", ended_on=day, successor_unit_ids=successors)
        case UnitDissolved(valid_on=day):
            row = replace(row, status="dissolved", ended_on=day)
    return _current(row)


def _unit(row: UnitRow | None, recorded: Recorded, _key: Key) -> UnitRow | None:
    if isinstance(recorded.event, UnitRegistered):
        return _registered(recorded.event)
    return None if row is None else _changed(row, recorded.event)


def as_on(row: UnitRow, day: date) -> UnitRow | None:
    """The unit as it stood on a day by what is on record; None before it was in the tree."""
    if day < row.since:
        return None
    ended = row.ended_on is not None and row.ended_on <= day
    return _current(
        replace(
            row,
            names=tuple(entry for entry in row.names if entry.since <= day),
            parents=tuple(entry for entry in row.parents if entry.since <= day),
            trait_sets=tuple(entry for entry in row.trait_sets if entry.since <= day),
            foundations=tuple(entry for entry in row.foundations if entry.since <= day),
            status=row.status if ended else "live",
            ended_on=row.ended_on if ended else None,
            successor_unit_id=row.successor_unit_id if ended else None,
            successor_unit_ids=row.successor_unit_ids if ended else (),
        )
    )


ORGANISATION = View(
    name="organisation",
    version=2,
    en="Organisation tree",
    zh="组织树",
    row=UnitRow,
    key=("unit_id",),
    reads=(
        UnitRegistered,
        UnitFoundationRecorded,
        UnitMoved,
        UnitRenamed,
        UnitTraitsRecorded,
        UnitMerged,
        UnitSplit,
        UnitDissolved,
    ),
    touches=keyed("unit_id"),
    fold=_unit,
    indexes=("parent_unit_id",),
    filters=("parent_unit_id", "kind", "status"),
    sorts=("name_zh", "since"),
    effective=True,
    as_on=as_on,
)


def ancestors(rows: Iterable[UnitRow], unit_id: str) -> list[UnitRow]:
    """The parents above a unit, nearest first."""
    by_id = {str(row.unit_id): row for row in rows}
    found: list[UnitRow] = []
    row = by_id.get(unit_id)
    while row is not None and (row := by_id.get(row.parent_unit_id)) is not None and row not in found:
        found.append(row)
    return found


# --- facts -----------------------------------------------------------------------------------------------------------

FactKind = Literal["incident", "honour", "earlier_outcome", "earlier_title"]


class UnitFactRow(msgspec.Struct, frozen=True, kw_only=True):
    """One fact about a unit that rules read: an incident, an honour, an earlier outcome or title.
    zh: 供规则使用的单位事实:事件、荣誉、既往结果或称号。
    """

    position: Annotated[int, subject("Position", "位置")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    fact: Annotated[FactKind, subject("Fact", "事实")]
    code: Annotated[Code, subject("Code", "代码")]
    outcome: Annotated[Code | None, subject("Outcome", "结果")] = None
    incident_id: Annotated[IncidentId | None, office("Incident", "事件")] = None
    severity: Annotated[Severity | None, subject("Severity", "程度")] = None
    scope: Annotated[IncidentScope | None, subject("Scope", "范围")] = None
    level: Annotated[Level | None, subject("Level", "级别")] = None
    happened_on: Annotated[date, subject("Happened on", "发生日期")]
    last_day: Annotated[date | None, subject("Last day", "有效期末日")] = None
    valid_on: Annotated[date, subject("Counts from", "起算日")]
    source_document_id: Annotated[DocumentId, office("Source document", "来源文件")]
    recorded_by: Annotated[str, office("Recorded by", "记录人")]
    withdrawn: Annotated[bool, subject("Withdrawn", "已撤回")] = False
    withdrawn_on: Annotated[date | None, subject("Withdrawn on", "撤回日期")] = None
    withdrawn_at: Annotated[datetime | None, subject("Withdrawn at", "撤回时间")] = None
    withdrawn_by: Annotated[str | None, office("Withdrawn by", "撤回人")] = None
    withdrawal_document_id: Annotated[DocumentId | None, office("Source of the withdrawal", "撤回依据文件")] = None
    withdrawal_position: Annotated[int | None, subject("Withdrawn (position)", "撤回位置")] = None


def _fact_touches(recorded: Recorded) -> list[Key | Where]:
    if isinstance(event := recorded.event, IncidentWithdrawn):
        return [Where("incident_id", event.incident_id)]
    return [(recorded.position,)]


def _new_fact(recorded: Recorded) -> UnitFactRow | None:
    event = recorded.event
    found: dict[str, object]
    match event:
        case IncidentRecorded():
            found = {
                "fact": "incident",
                "code": event.kind,
                "incident_id": event.incident_id,
                "severity": event.severity,
                "scope": event.scope,
                "happened_on": event.occurred_on,
            }
        case HonourRecorded():
            found = {"fact": "honour", "code": event.honour, "level": event.level, "happened_on": event.awarded_on}
        case EarlierOutcomeRecorded():
            found = {
                "fact": "earlier_outcome",
                "code": event.programme,
                "outcome": event.outcome,
                "happened_on": event.decided_on,
            }
        case EarlierTitleRecorded():
            found = {
                "fact": "earlier_title",
                "code": event.title,
                "level": event.level,
                "happened_on": event.conferred_on,
                "last_day": event.last_day,
            }
        case _:
            return None
    same = {name: getattr(event, name) for name in ("unit_id", "valid_on", "source_document_id")}
    return UnitFactRow(**{**same, **found}, position=recorded.position, recorded_by=recorded.envelope.actor_id)


def _fact(row: UnitFactRow | None, recorded: Recorded, _key: Key) -> UnitFactRow | None:
    if not isinstance(event := recorded.event, IncidentWithdrawn):
        return _new_fact(recorded)
    if row is None:
        return None
    return replace(
        row,
        withdrawn=True,
        withdrawn_on=event.valid_on,
        withdrawn_at=recorded.envelope.effective_at,
        withdrawn_by=recorded.envelope.actor_id,
        withdrawal_document_id=event.source_document_id,
        withdrawal_position=recorded.position,
    )


UNIT_FACT = View(
    name="unit_fact",
    version=1,
    en="Facts about units",
    zh="单位事实",
    row=UnitFactRow,
    key=("position",),
    reads=(IncidentRecorded, IncidentWithdrawn, HonourRecorded, EarlierOutcomeRecorded, EarlierTitleRecorded),
    touches=_fact_touches,
    fold=_fact,
    indexes=("incident_id", "unit_id"),
    filters=("unit_id", "fact", "withdrawn"),
    sorts=("happened_on",),
    subject_units=("unit_id",),
)
