"""What can have happened to a programme."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from domain.ids import DocumentId, InstitutionId, ProgrammeId, TrackId, UnitId
from domain.kernel import Code, Digest, Event, OfficialName, Quotation, public

Legibility = Literal["clear", "damaged", "contradictory", "not_stated"]
RuleSeverity = Literal["hard", "waivable"]
NominationMode = Literal["quota", "open"]
TermKind = Literal["date", "amount", "ratio", "count"]
"""What a term says, whether its characters are legible or not: a day or a moment of a day is a ``date``."""


class DateValue(msgspec.Struct, frozen=True, tag="date", forbid_unknown_fields=True):
    """A day, the whole of it included."""

    day: date


class MomentValue(msgspec.Struct, frozen=True, tag="moment", forbid_unknown_fields=True):
    """A moment of a day, by the clock of the institution's zone: what comes at it is too late."""

    day: date
    hour: int
    minute: int = 0


class AmountValue(msgspec.Struct, frozen=True, tag="amount", forbid_unknown_fields=True):
    """An amount of money in fen."""

    amount_fen: int


class RatioValue(msgspec.Struct, frozen=True, tag="ratio", forbid_unknown_fields=True):
    """A ratio in basis points: 1:1 is 10,000."""

    ratio_bp: int


class CountValue(msgspec.Struct, frozen=True, tag="count", forbid_unknown_fields=True):
    """A number of things, or of months, days, years, as the term says."""

    count: int


class NotStated(msgspec.Struct, frozen=True, tag="not_stated", forbid_unknown_fields=True):
    """The call says nothing, and that is a lawful value."""


TermValue = DateValue | MomentValue | AmountValue | RatioValue | CountValue | NotStated


class CitedBasis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An earlier document the call rests on: its number and year as printed."""

    number: Quotation
    year: int | None = None


class Places(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many are to be chosen; fewer or more than the target needs a reason, beyond the bounds is refused."""

    target: int
    minimum: int | None = None
    maximum: int | None = None


class QuotaByKind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many a nominating unit of a kind (and, where named, with a trait) may put forward; none: not stated."""

    nominator_kind: Code
    nominator_trait: Code | None = None
    at_most: int | None = None


class Unbounded(msgspec.Struct, frozen=True, tag="unbounded", forbid_unknown_fields=True):
    """However long ago: the call says only that it has not occurred."""


class RollingYears(msgspec.Struct, frozen=True, tag="rolling_years", forbid_unknown_fields=True):
    """Within so many years before the rule's date."""

    years: int


class SinceDay(msgspec.Struct, frozen=True, tag="since", forbid_unknown_fields=True):
    """Since a day, that day included."""

    day: date


LookBack = Unbounded | RollingYears | SinceDay
Reach = Literal["unit", "parent", "ancestors", "institution"]
BarReach = Literal["unit", "parent", "ancestors", "leader", "adviser"]
"""Whose bar counts: the unit's own, its parent's or that of any unit above it, its secretary's, its advisers'."""


class FoundedAtLeast(msgspec.Struct, frozen=True, tag="founded_at_least", forbid_unknown_fields=True):
    """The unit was founded at least so many years before the rule's date."""

    years: int


class NoIncident(msgspec.Struct, frozen=True, tag="no_incident", forbid_unknown_fields=True):
    """No incident of these kinds, of at least this severity, in these scopes, within the reach and look-back."""

    kinds: tuple[Code, ...]
    at_least: Literal["minor", "prominent", "major"]
    scopes: tuple[Literal["unit", "member", "staff"], ...]
    reach: tuple[Reach, ...] = ("unit",)
    look_back: LookBack = Unbounded()


class HasTrait(msgspec.Struct, frozen=True, tag="has_trait", forbid_unknown_fields=True):
    """The unit has the trait."""

    trait: Code


class HoldsHonour(msgspec.Struct, frozen=True, tag="holds_honour", forbid_unknown_fields=True):
    """The unit was awarded one of these honours within the look-back."""

    honours: tuple[Code, ...]
    look_back: LookBack = Unbounded()


class HoldsTitle(msgspec.Struct, frozen=True, tag="holds_title", forbid_unknown_fields=True):
    """The unit holds one of these titles, still valid on the rule's date."""

    titles: tuple[Code, ...]


class NoEarlierOutcome(msgspec.Struct, frozen=True, tag="no_earlier_outcome", forbid_unknown_fields=True):
    """The unit has none of these outcomes of earlier programmes within the look-back."""

    outcomes: tuple[Code, ...]
    look_back: LookBack = Unbounded()


class SelfCheckMet(msgspec.Struct, frozen=True, tag="self_check_met", forbid_unknown_fields=True):
    """The self-check rates every criterion of the catalogue as met, but for so many at most."""

    catalogue: Code
    unmet_at_most: int = 0


class NoBar(msgspec.Struct, frozen=True, tag="no_bar", forbid_unknown_fields=True):
    """No bar is in force on the rule's date against those within the reach."""

    reach: tuple[BarReach, ...] = ("unit", "parent", "leader", "adviser")


LeafTest = FoundedAtLeast | NoIncident | HasTrait | HoldsHonour | HoldsTitle | NoEarlierOutcome | SelfCheckMet | NoBar


class AnyOf(msgspec.Struct, frozen=True, tag="any_of", forbid_unknown_fields=True):
    """At least one of the tests holds."""

    tests: tuple[LeafTest, ...]


class AllOf(msgspec.Struct, frozen=True, tag="all_of", forbid_unknown_fields=True):
    """Each of the tests holds."""

    tests: tuple[LeafTest, ...]


Test = (
    FoundedAtLeast
    | NoIncident
    | HasTrait
    | HoldsHonour
    | HoldsTitle
    | NoEarlierOutcome
    | SelfCheckMet
    | NoBar
    | AnyOf
    | AllOf
)


class Criterion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One criterion of a catalogue, by its official name."""

    code: Code
    name_zh: OfficialName
    name_en: OfficialName


class FormField(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One field of an application form; its text is a document, never in the record."""

    code: Code
    name_zh: OfficialName
    name_en: OfficialName
    required: bool = True
    characters_at_most: int = 5000


class BudgetCategory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One category of the budget; a share of the whole may be capped, in basis points."""

    code: Code
    name_zh: OfficialName
    name_en: OfficialName
    share_at_most_bp: int | None = None


class ProgrammeAnnounced(Event):
    """A programme was announced by a call, whose text as published is a document.
    zh: 项目经通知发布;通知原文存为文件。
    """

    TOPIC = "programme.announced.v1"
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
    cited: Annotated[tuple[CitedBasis, ...], public("Cited basis", "引用依据")] = ()


class TermPublished(Event):
    """The call published a term; its characters are kept as printed, beside their value where they are legible.
    zh: 通知载明一项条款;保留原样文字,可辨读者并列其值。
    """

    TOPIC = "programme.term_published.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    term: Annotated[Code, public("Term", "条款")]
    kind: Annotated[TermKind, public("Kind of value", "值的类别")]
    clause: Annotated[Quotation, public("Clause", "条目")]
    as_published: Annotated[Quotation | None, public("As published", "原文")]
    legibility: Annotated[Legibility, public("Legibility", "可辨程度")]
    value: Annotated[TermValue | None, public("Value", "值")] = None


class TermInterpreted(Event):
    """A damaged, contradictory or missing term of the call was given a value, with a reason.
    zh: 对通知中残缺、矛盾或未载明的条款作出解释并附事由。
    """

    TOPIC = "programme.term_interpreted.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    term: Annotated[Code, public("Term", "条款")]
    value: Annotated[TermValue, public("Value", "值")]


class ErratumRecorded(Event):
    """The issuer corrected a term of the call; the text as published stays beside it.
    zh: 发布者更正通知条款;原文并存。
    """

    TOPIC = "programme.erratum_recorded.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    term: Annotated[Code, public("Term", "条款")]
    value: Annotated[TermValue, public("Value", "值")]
    erratum_document_id: Annotated[DocumentId, public("Erratum", "更正文件")]


class TrackDefined(Event):
    """A track of the programme was defined: who may be chosen, for how many places, put forward by whom.
    zh: 项目赛道设定:对象、名额与推荐方式。
    """

    TOPIC = "programme.track_defined.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    subject_kinds: Annotated[tuple[Code, ...], public("Kinds of units", "单位类别")]
    places: Annotated[Places, public("Places", "名额")]
    nomination: Annotated[NominationMode, public("Nomination", "推荐方式")]
    self_nomination: Annotated[bool, public("A unit decides for itself", "单位自行研究确定")] = False
    quotas: Annotated[tuple[QuotaByKind, ...], public("Quotas", "推荐指标")] = ()
    catalogues: Annotated[tuple[Code, ...], public("Criteria catalogues", "标准目录")] = ()
    form: Annotated[Code, public("Application form", "申报书")]
    funded_years: Annotated[tuple[int, ...], public("Budget years", "预算年度")] = ()
    annual_amount_term: Annotated[Code | None, public("Term of the yearly amount", "年度经费条款")] = None


class EligibilityRuleDefined(Event):
    """A rule of eligibility was defined: what is tested, on which date, and whether it can be waived.
    zh: 申报条件设定:检验内容、判定日期及可否豁免。
    """

    TOPIC = "programme.eligibility_rule_defined.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    rule: Annotated[Code, public("Rule", "规则")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    clause: Annotated[Quotation, public("Clause", "条目")]
    severity: Annotated[RuleSeverity, public("Severity", "刚性")]
    test: Annotated[Test, public("Test", "检验")]
    for_traits: Annotated[tuple[Code, ...], public("Only units with one of these traits", "仅适用属性")] = ()
    not_for_traits: Annotated[tuple[Code, ...], public("Not units with one of these traits", "不适用属性")] = ()
    as_of_term: Annotated[Code | None, public("Judged as of (none: that day)", "判定日(空为当日)")] = None


class CataloguePinned(Event):
    """A version of a criteria catalogue was pinned to the programme.
    zh: 标准目录的某一版本固定于本项目。
    """

    TOPIC = "programme.catalogue_pinned.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    catalogue: Annotated[Code, public("Catalogue", "标准目录")]
    version: Annotated[int, public("Version", "版本")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    level: Annotated[Code, public("Level", "层级")]
    criteria: Annotated[tuple[Criterion, ...], public("Criteria", "标准")]


class FormDefined(Event):
    """An application form was defined: its fields and the categories of its budget.
    zh: 申报书设定:栏目与预算类别。
    """

    TOPIC = "programme.form_defined.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    form: Annotated[Code, public("Form", "表单")]
    name_zh: Annotated[OfficialName, public("Name (Chinese)", "中文名称")]
    name_en: Annotated[OfficialName, public("Name (English)", "英文名称")]
    fields: Annotated[tuple[FormField, ...], public("Fields", "栏目")]
    budget_categories: Annotated[tuple[BudgetCategory, ...], public("Budget categories", "预算类别")] = ()
