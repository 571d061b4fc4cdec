"""A programme as people read it: the call's terms with their damage and value, tracks, rules, catalogues, forms."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from domain.application.events import ApplicationWindowClosed, ApplicationWindowExtended, ApplicationWindowOpened
from domain.ids import DocumentId, InstitutionId, ProgrammeId, TrackId, UnitId
from domain.kernel import Code, Digest, Event, OfficialName, Quotation, Recorded, office, public
from domain.programme.events import (
    BudgetCategory,
    CataloguePinned,
    CitedBasis,
    Criterion,
    EligibilityRuleDefined,
    ErratumRecorded,
    FormDefined,
    FormField,
    Legibility,
    NominationMode,
    Places,
    ProgrammeAnnounced,
    QuotaByKind,
    RuleSeverity,
    TermInterpreted,
    TermKind,
    TermPublished,
    TermValue,
    Test,
    TrackDefined,
)
from domain.programme.policy import Source, Term
from projections.kernel import Key, View, keyed

# --- the programme as a whole ----------------------------------------------------------------------------------------

WindowState = Literal["none", "open", "closed"]
PolicyKind = Literal["term", "track", "rule", "catalogue", "form"]


class Policy(msgspec.Struct, frozen=True):
    """One policy of a programme and the position of the event that settles it now; later facts name that position."""

    kind: PolicyKind
    code: str
    position: int


class ProgrammeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One programme: its call, its window and where each of its policies stands in the record.
    zh: 项目:通知、申报窗口及各项规定在记录中的位置。
    """

    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    institution_id: Annotated[InstitutionId, public("Institution", "机构")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    office_unit_id: Annotated[UnitId, public("Office in charge", "主管部门")]
    issued_at: Annotated[datetime, public("Issued at", "发布时间")]
    notice_document_id: Annotated[DocumentId, public("Text as published", "通知原文")]
    notice_digest: Annotated[Digest, public("Digest of the text as published", "通知原文摘要")]
    definition_digest: Annotated[Digest, public("Digest of the definition", "项目定义摘要")]
    schema_version: Annotated[int, public("Version of the definition's schema", "项目定义模式版本")]
    cited: Annotated[tuple[CitedBasis, ...], public("Cited basis", "引用依据")]
    position: Annotated[int, public("Position", "位置")]
    policies: Annotated[tuple[Policy, ...], public("Policies (positions)", "各项规定(位置)")] = ()
    window: Annotated[WindowState, public("Application window", "申报窗口")] = "none"
    last_day: Annotated[date | None, public("Last day", "截止日")] = None
    closes_at: Annotated[datetime | None, public("Closes at", "截止时刻")] = None


def _policy(event: Event, position: int) -> Policy | None:
    match event:
        case TermPublished(term=code) | TermInterpreted(term=code) | ErratumRecorded(term=code):
            return Policy("term", code, position)
        case TrackDefined(track_id=code):
            return Policy("track", code, position)
        case EligibilityRuleDefined(track_id=track_id, rule=rule):
            return Policy("rule", f"{track_id}/{rule}", position)
        case CataloguePinned(catalogue=code):
            return Policy("catalogue", code, position)
        case FormDefined(form=code):
            return Policy("form", code, position)
    return None


def _with_policy(policies: Sequence[Policy], policy: Policy) -> tuple[Policy, ...]:
    """A policy settled anew keeps its place in the list and takes its later position."""
    if any((old.kind, old.code) == (policy.kind, policy.code) for old in policies):
        return tuple(policy if (old.kind, old.code) == (policy.kind, policy.code) else old for old in policies)
    return (*policies, policy)


def _programme(row: ProgrammeRow | None, recorded: Recorded, _key: Key) -> ProgrammeRow | None:
    event = recorded.event
    if isinstance(event, ProgrammeAnnounced):
        return ProgrammeRow(**event.as_dict(), position=recorded.position)
    if row is None:
        return None
    if (policy := _policy(event, recorded.position)) is not None:
        return replace(row, policies=_with_policy(row.policies, policy))
    match event:
        case ApplicationWindowOpened() | ApplicationWindowExtended():
            return replace(row, window="open", last_day=event.last_day, closes_at=event.closes_at)
        case ApplicationWindowClosed():
            return replace(row, window="closed", last_day=event.last_day, closes_at=event.closes_at)
    return row


PROGRAMME = View(
    name="programme",
    version=1,
    en="Programmes",
    zh="项目",
    row=ProgrammeRow,
    key=("programme_id",),
    reads=(
        ProgrammeAnnounced,
        TermPublished,
        TermInterpreted,
        ErratumRecorded,
        TrackDefined,
        EligibilityRuleDefined,
        CataloguePinned,
        FormDefined,
        ApplicationWindowOpened,
        ApplicationWindowExtended,
        ApplicationWindowClosed,
    ),
    touches=keyed("programme_id"),
    fold=_programme,
    filters=("window",),
    sorts=("issued_at",),
)

# --- its terms -------------------------------------------------------------------------------------------------------

Standing = Source | Literal["open"]


class TermRow(msgspec.Struct, frozen=True, kw_only=True):
    """One term of a call: as published, as interpreted, as corrected, and the value that holds.
    zh: 通知的一项条款:原文、解释、更正与现行值。
    """

    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    term: Annotated[Code, public("Term", "条款")]
    kind: Annotated[TermKind, public("Kind of value", "值的类别")]
    clause: Annotated[Quotation, public("Clause", "条目")]
    as_published: Annotated[Quotation | None, public("As published", "原文")]
    legibility: Annotated[Legibility, public("Legibility", "可辨程度")]
    standing: Annotated[Standing, public("Value rests on", "现行值依据")]
    value: Annotated[TermValue | None, public("Value that holds", "现行值")]
    value_position: Annotated[int | None, public("Value that holds (position)", "现行值位置")]
    published_value: Annotated[TermValue | None, public("Value as published", "原文所载值")]
    published_position: Annotated[int, public("Published (position)", "发布位置")]
    interpreted_value: Annotated[TermValue | None, public("Value as interpreted", "解释值")] = None
    interpreted_position: Annotated[int | None, public("Interpreted (position)", "解释位置")] = None
    interpreted_at: Annotated[datetime | None, public("Interpreted at", "解释时间")] = None
    interpreted_by: Annotated[str | None, office("Interpreted by", "解释人")] = None
    interpretation_reason: Annotated[str | None, office("Reason of the interpretation", "解释事由")] = None
    interpretation_document_id: Annotated[str | None, office("Reason document", "事由文件")] = None
    erratum_value: Annotated[TermValue | None, public("Value as corrected", "更正值")] = None
    erratum_position: Annotated[int | None, public("Corrected (position)", "更正位置")] = None
    erratum_at: Annotated[datetime | None, public("Corrected at", "更正时间")] = None
    erratum_document_id: Annotated[DocumentId | None, public("Erratum", "更正文件")] = None


def _interpreted(row: TermRow, event: TermInterpreted, recorded: Recorded) -> TermRow:
    envelope = recorded.envelope
    return replace(
        row,
        interpreted_value=event.value,
        interpreted_position=recorded.position,
        interpreted_at=envelope.effective_at,
        interpreted_by=envelope.actor_id,
        interpretation_reason=envelope.reason_code,
        interpretation_document_id=envelope.reason_document_id,
    )


def _corrected(row: TermRow, event: ErratumRecorded, recorded: Recorded) -> TermRow:
    return replace(
        row,
        erratum_value=event.value,
        erratum_position=recorded.position,
        erratum_at=recorded.envelope.effective_at,
        erratum_document_id=event.erratum_document_id,
    )


def _settled(row: TermRow) -> TermRow:
    """The value that holds, by the same arithmetic as the rules."""
    published = TermPublished(
        programme_id=row.programme_id,
        term=row.term,
        kind=row.kind,
        clause=row.clause,
        as_published=row.as_published,
        legibility=row.legibility,
        value=row.published_value,
    )
    term = Term(
        published,
        row.published_position,
        interpreted=row.interpreted_value,
        interpreted_position=row.interpreted_position or 0,
        corrected=row.erratum_value,
        corrected_position=row.erratum_position or 0,
    )
    if term.value is None:
        return row
    return replace(row, standing=term.source, value=term.value, value_position=term.position)


def _term(row: TermRow | None, recorded: Recorded, _key: Key) -> TermRow | None:
    match recorded.event:
        case TermPublished() as event:
            body = event.as_dict()
            row = TermRow(
                published_value=body.pop("value"),
                published_position=recorded.position,
                standing="open",
                value=None,
                value_position=None,
                **body,
            )
        case TermInterpreted() as event if row is not None:
            row = _interpreted(row, event, recorded)
        case ErratumRecorded() as event if row is not None:
            row = _corrected(row, event, recorded)
    return None if row is None else _settled(row)


TERM = View(
    name="term",
    version=1,
    en="Terms of a call",
    zh="通知条款",
    row=TermRow,
    key=("programme_id", "term"),
    reads=(TermPublished, TermInterpreted, ErratumRecorded),
    touches=keyed("programme_id", "term"),
    fold=_term,
    filters=("programme_id", "standing", "legibility"),
)

# --- what it defines: each policy is an event of its own, and a row of its own ---------------------------------------


class TrackRow(msgspec.Struct, frozen=True, kw_only=True):
    """A track of a programme.
    zh: 项目赛道。
    """

    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    subject_kinds: Annotated[tuple[Code, ...], public("Kinds of units", "单位类别")]
    places: Annotated[Places, public("Places", "名额")]
    nomination: Annotated[NominationMode, public("Nomination", "推荐方式")]
    self_nomination: Annotated[bool, public("A unit decides for itself", "单位自行研究确定")]
    quotas: Annotated[tuple[QuotaByKind, ...], public("Quotas", "推荐指标")]
    catalogues: Annotated[tuple[Code, ...], public("Criteria catalogues", "标准目录")]
    form: Annotated[Code, public("Application form", "申报书")]
    funded_years: Annotated[tuple[int, ...], public("Budget years", "预算年度")]
    annual_amount_term: Annotated[Code | None, public("Term of the yearly amount", "年度经费条款")]
    position: Annotated[int, public("Position", "位置")]


class RuleRow(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of eligibility of a track.
    zh: 赛道的一项申报条件。
    """

    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    rule: Annotated[Code, public("Rule", "规则")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    clause: Annotated[Quotation, public("Clause", "条目")]
    severity: Annotated[RuleSeverity, public("Severity", "刚性")]
    test: Annotated[Test, public("Test", "检验")]
    for_traits: Annotated[tuple[Code, ...], public("Only units with one of these traits", "仅适用属性")]
    not_for_traits: Annotated[tuple[Code, ...], public("Not units with one of these traits", "不适用属性")]
    as_of_term: Annotated[Code | None, public("Judged as of (none: the day of judgement)", "判定日(空为判定当日)")]
    position: Annotated[int, public("Position", "位置")]


class CatalogueRow(msgspec.Struct, frozen=True, kw_only=True):
    """A criteria catalogue in the version pinned to a programme.
    zh: 固定于项目的标准目录版本。
    """

    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    catalogue: Annotated[Code, public("Catalogue", "标准目录")]
    version: Annotated[int, public("Version", "版本")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    level: Annotated[Code, public("Level", "层级")]
    criteria: Annotated[tuple[Criterion, ...], public("Criteria", "标准")]
    position: Annotated[int, public("Position", "位置")]


class FormRow(msgspec.Struct, frozen=True, kw_only=True):
    """An application form: its fields and its budget categories.
    zh: 申报书表单:栏目与预算类别。
    """

    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    form: Annotated[Code, public("Form", "表单")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    fields: Annotated[tuple[FormField, ...], public("Fields", "栏目")]
    budget_categories: Annotated[tuple[BudgetCategory, ...], public("Budget categories", "预算类别")]
    position: Annotated[int, public("Position", "位置")]


def _track(_row: TrackRow | None, recorded: Recorded, _key: Key) -> TrackRow | None:
    return TrackRow(**recorded.event.as_dict(), position=recorded.position)


def _rule(_row: RuleRow | None, recorded: Recorded, _key: Key) -> RuleRow | None:
    return RuleRow(**recorded.event.as_dict(), position=recorded.position)


def _catalogue(_row: CatalogueRow | None, recorded: Recorded, _key: Key) -> CatalogueRow | None:
    return CatalogueRow(**recorded.event.as_dict(), position=recorded.position)


def _form(_row: FormRow | None, recorded: Recorded, _key: Key) -> FormRow | None:
    return FormRow(**recorded.event.as_dict(), position=recorded.position)


TRACK = View(
    name="track",
    version=1,
    en="Tracks",
    zh="赛道",
    row=TrackRow,
    key=("programme_id", "track_id"),
    reads=(TrackDefined,),
    touches=keyed("programme_id", "track_id"),
    fold=_track,
    filters=("programme_id",),
)
RULE = View(
    name="rule",
    version=1,
    en="Rules of eligibility",
    zh="申报条件",
    row=RuleRow,
    key=("programme_id", "track_id", "rule"),
    reads=(EligibilityRuleDefined,),
    touches=keyed("programme_id", "track_id", "rule"),
    fold=_rule,
    filters=("programme_id", "track_id", "severity"),
)
CATALOGUE = View(
    name="catalogue",
    version=1,
    en="Criteria catalogues",
    zh="标准目录",
    row=CatalogueRow,
    key=("programme_id", "catalogue"),
    reads=(CataloguePinned,),
    touches=keyed("programme_id", "catalogue"),
    fold=_catalogue,
    filters=("programme_id",),
)
FORM = View(
    name="form",
    version=1,
    en="Application forms",
    zh="申报书表单",
    row=FormRow,
    key=("programme_id", "form"),
    reads=(FormDefined,),
    touches=keyed("programme_id", "form"),
    fold=_form,
    filters=("programme_id",),
)
