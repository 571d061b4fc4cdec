"""The application file: what a unit has prepared, who stood by it, and when it came in."""

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from domain.application.events import (
    ApplicationFiled,
    ApplicationPrepared,
    ApplicationStarted,
    ApplicationWithdrawn,
    BudgetLine,
    BudgetSaved,
    FormSaved,
    PaperReceived,
    SelfCheckItem,
    SelfCheckSaved,
)
from domain.application.policy import STATE_AFTER, UNFILED, ApplicationState, budget_total, state_after
from domain.ids import ApplicationId, DocumentId, NominatorUnitId, ProgrammeId, TrackId, UnitId
from domain.kernel import Code, Digest, Recorded, office, subject
from domain.nomination.events import MaterialsVetted, NominationDecided, NominationDeclined, NominationPassed
from domain.screening.events import ApplicationRefiled
from domain.unit.events import UnitMoved
from projections.kernel import Key, View, Where


class SelfCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The self-check against one catalogue, as last saved."""

    catalogue: Code
    version: int
    items: tuple[SelfCheckItem, ...]
    document_id: DocumentId
    position: int


class ApplicationRow(msgspec.Struct, frozen=True, kw_only=True):
    """One application file; the texts themselves are documents.
    zh: 一份申报材料的登记情况;正文均为文件。
    """

    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    nominator_unit_id: Annotated[NominatorUnitId, subject("Nominating unit", "推荐单位")]
    state: Annotated[ApplicationState, subject("State", "状态")]
    started_at: Annotated[datetime, subject("Started at", "开始时间")]
    form: Annotated[Code | None, subject("Form", "表单")] = None
    answered: Annotated[tuple[Code, ...], subject("Fields answered", "已填栏目")] = ()
    form_document_id: Annotated[DocumentId | None, subject("Answers", "内容文件")] = None
    self_checks: Annotated[tuple[SelfCheck, ...], subject("Self-checks by catalogue", "逐项自查")] = ()
    budget: Annotated[tuple[BudgetLine, ...], subject("Budget lines", "预算明细")] = ()
    total_fen: Annotated[int | None, subject("Budget total (fen)", "预算合计(分)")] = None
    prepared_digest: Annotated[Digest | None, subject("Materials prepared (digest)", "齐备材料摘要")] = None
    prepared_at: Annotated[datetime | None, subject("Prepared at", "齐备时间")] = None
    prepared_by: Annotated[str | None, office("Prepared by", "准备人")] = None
    resolution_document_id: Annotated[DocumentId | None, subject("Resolution", "会议决议")] = None
    rank: Annotated[int | None, subject("Rank", "排序")] = None
    decided_at: Annotated[datetime | None, subject("Decided at", "研究确定时间")] = None
    decided_by: Annotated[str | None, office("Decided by", "研究确定人")] = None
    declined_at: Annotated[datetime | None, subject("Declined at", "不予推荐时间")] = None
    declined_by: Annotated[str | None, office("Declined by", "不予推荐人")] = None
    vetted_digest: Annotated[Digest | None, subject("Materials vetted (digest)", "审核材料摘要")] = None
    vetted_at: Annotated[datetime | None, subject("Vetted at", "审核把关时间")] = None
    vetted_by: Annotated[str | None, office("Vetted by", "审核把关人")] = None
    filed_digest: Annotated[Digest | None, subject("Materials filed (digest)", "报送材料摘要")] = None
    filed_at: Annotated[datetime | None, subject("Filed at", "报送时间")] = None
    filed_by: Annotated[str | None, office("Filed by", "报送人")] = None
    refiled_digest: Annotated[Digest | None, subject("Materials filed again (digest)", "再次报送材料摘要")] = None
    refiled_at: Annotated[datetime | None, subject("Filed again at", "再次报送时间")] = None
    refiled_by: Annotated[str | None, office("Filed again by", "再次报送人")] = None
    paper_received_on: Annotated[date | None, subject("Paper received on", "纸质收到日期")] = None
    withdrawn_at: Annotated[datetime | None, subject("Withdrawn at", "撤回时间")] = None
    withdrawn_by: Annotated[str | None, office("Withdrawn by", "撤回人")] = None


def nominator_after(event: UnitMoved, unit_id: str, nominator: NominatorUnitId, state: str) -> NominatorUnitId:
    """Who is to put an application forward after its unit moved: the unit above it, until the application is filed.

    A unit that decides for itself goes on doing so; at the top there is nobody who could.
    """
    if event.parent_unit_id is None or nominator == unit_id or state not in UNFILED:
        return nominator
    return NominatorUnitId(event.parent_unit_id)


def _touches(recorded: Recorded) -> list[Key | Where]:
    if isinstance(event := recorded.event, UnitMoved):
        return [Where("unit_id", event.unit_id)]
    return [(event.as_dict()["application_id"],)]


def _checked(before: tuple[SelfCheck, ...], event: SelfCheckSaved, position: int) -> tuple[SelfCheck, ...]:
    """One per catalogue, by its name; saved anew, it replaces the earlier one."""
    check = SelfCheck(
        catalogue=event.catalogue,
        version=event.version,
        items=event.items,
        document_id=event.document_id,
        position=position,
    )
    others = (other for other in before if other.catalogue != check.catalogue)
    return tuple(sorted((*others, check), key=lambda each: each.catalogue))


def _lapsed(row: ApplicationRow) -> ApplicationRow:
    """What was declared complete and vetted was other material than this; before it was filed, so was what was decided.

    The decision to put an application forward named no materials, and stands once it was filed on it.
    """
    row = row if row.filed_at else _undecided(row)
    return _cleared(row, "prepared_digest", "prepared_at", "prepared_by", "vetted_digest", "vetted_at", "vetted_by")


def _undecided(row: ApplicationRow) -> ApplicationRow:
    row = _cleared(row, "resolution_document_id", "rank", "decided_at", "decided_by")
    return _cleared(row, "vetted_digest", "vetted_at", "vetted_by")


def _cleared(row: ApplicationRow, *names: str) -> ApplicationRow:
    nothing: dict[str, Any] = dict.fromkeys(names)
    return replace(row, **nothing)


def _materials(row: ApplicationRow, recorded: Recorded) -> ApplicationRow:
    match recorded.event:
        case FormSaved() as event:
            return replace(_lapsed(row), form=event.form, answered=event.answered, form_document_id=event.document_id)
        case SelfCheckSaved() as event:
            return replace(_lapsed(row), self_checks=_checked(row.self_checks, event, recorded.position))
        case BudgetSaved(lines=lines):
            return replace(_lapsed(row), budget=lines, total_fen=budget_total(lines))
        case PaperReceived(received_on=day):
            return replace(row, paper_received_on=day)
    return row


def _act(row: ApplicationRow, recorded: Recorded) -> ApplicationRow:
    by, at = recorded.envelope.actor_id, recorded.envelope.effective_at
    match recorded.event:
        case ApplicationPrepared(materials_digest=digest):
            prepared = replace(row, prepared_digest=digest, prepared_at=at, prepared_by=by)
            row = replace(prepared, declined_at=None, declined_by=None)
        case NominationDecided() as event:
            decided = replace(_undecided(row), decided_at=at, decided_by=by, rank=event.rank)
            named = replace(decided, nominator_unit_id=event.nominator_unit_id, declined_at=None, declined_by=None)
            row = replace(named, resolution_document_id=event.resolution_document_id)
        case NominationDeclined() as event:
            declined = replace(_undecided(row), declined_at=at, declined_by=by)
            row = replace(declined, resolution_document_id=event.resolution_document_id)
        case MaterialsVetted(materials_digest=digest):
            row = replace(row, vetted_digest=digest, vetted_at=at, vetted_by=by)
        case ApplicationFiled(materials_digest=digest, nominator_unit_id=nominator):
            row = replace(row, filed_digest=digest, filed_at=at, filed_by=by, nominator_unit_id=nominator)
        case NominationPassed(successor_unit_id=successor):
            row = replace(row, nominator_unit_id=successor)
        case ApplicationRefiled(materials_digest=digest):
            row = replace(row, refiled_digest=digest, refiled_at=at, refiled_by=by)
        case ApplicationWithdrawn():
            row = replace(row, withdrawn_at=at, withdrawn_by=by)
    return row


def _fold(row: ApplicationRow | None, recorded: Recorded, _key: Key) -> ApplicationRow | None:
    event = recorded.event
    if isinstance(event, ApplicationStarted):
        return ApplicationRow(**event.as_dict(), state="started", started_at=recorded.envelope.effective_at)
    if row is None:
        return None
    if isinstance(event, UnitMoved):
        nominator = nominator_after(event, row.unit_id, row.nominator_unit_id, row.state)
        return row if nominator == row.nominator_unit_id else replace(row, nominator_unit_id=nominator)
    row = replace(row, state=state_after(row.state, type(event)))
    return _act(_materials(row, recorded), recorded)


APPLICATION = View(
    name="application",
    version=3,
    en="Application files",
    zh="申报材料",
    row=ApplicationRow,
    key=("application_id",),
    reads=(*STATE_AFTER, NominationPassed, PaperReceived, UnitMoved),
    touches=_touches,
    fold=_fold,
    indexes=("unit_id",),
    filters=("programme_id", "track_id", "unit_id", "nominator_unit_id", "state"),
    subject_units=("unit_id", "nominator_unit_id"),
)
