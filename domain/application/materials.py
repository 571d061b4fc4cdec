"""The materials (申报材料): form, self-check reports and budget, saved part by part until they are complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from domain.application.events import (
    ApplicationPrepared,
    BudgetLine,
    BudgetSaved,
    FormSaved,
    SelfCheckItem,
    SelfCheckSaved,
)
from domain.application.policy import AboutApplication, budget_total, of_track
from domain.ids import ProgrammeId, UnitId, tag
from domain.kernel import (
    Code,
    Event,
    Invalid,
    Refusal,
    SealedAnswers,
    Selector,
    any_event,
    asked,
    event,
    known,
)
from domain.programme.events import (
    AmountValue,
    CataloguePinned,
    ErratumRecorded,
    FormDefined,
    TermInterpreted,
    TermPublished,
    TrackDefined,
)
from domain.programme.policy import TERM_FACTS, Material, Terms, check_lines
from domain.unit.policy import TREE_FACTS, Tree, TreeFact


class FieldUnknown(Invalid):
    """The form {form} has no field {code}.
    zh: 表单 {form} 没有栏目 {code}。
    title: The form has no such field · 表单没有该栏目
    """


class FieldTooLong(Invalid):
    """Field {code} has {characters} characters; it takes {characters_at_most}.
    zh: 栏目 {code} 有 {characters} 字;至多 {characters_at_most} 字。
    title: A field is too long · 栏目超出字数
    """


class FormIncomplete(Refusal):
    """These fields of the application form are not answered: {missing}.
    zh: 申报书下列栏目尚未填写:{missing}。
    title: The form is incomplete · 申报书不完整
    """


class CatalogueNotAsked(Invalid):
    """Track {track_id} asks for no self-check against the catalogue {catalogue}.
    zh: 赛道 {track_id} 不要求对照标准目录 {catalogue} 自查。
    title: The track does not ask for this catalogue · 赛道不要求对照该目录
    """


class CriterionUnknown(Invalid):
    """The catalogue {catalogue} has no criterion {code}.
    zh: 标准目录 {catalogue} 没有标准 {code}。
    title: The catalogue has no such criterion · 目录没有该标准
    """


class NothingRated(Invalid):
    """The self-check rates no criterion.
    zh: 自查未评任何标准。
    """


class CriterionTwice(Invalid):
    """Criterion {code} is rated twice.
    zh: 标准 {code} 重复自评。
    title: A criterion is rated twice · 标准重复自评
    """


class TextsApartFromRatings(Invalid):
    """The self-check rates {rated}, and has texts for {written}.
    zh: 自查所评标准为 {rated},所附文字对应 {written}。
    title: Ratings and texts do not match · 自评与文字不对应
    """


class SelfCheckIncomplete(Refusal):
    """The self-check against {catalogue} leaves out: {missing}.
    zh: 对照 {catalogue} 的自查尚缺:{missing}。
    title: The self-check is incomplete · 自查不完整
    """


class BudgetMissing(Refusal):
    """The budget has no lines.
    zh: 经费预算尚未编制。
    """


class BudgetExceedsAmount(Refusal):
    """The budget comes to {total_fen} fen; the call grants {at_most_fen} fen over its years.
    zh: 预算合计 {total_fen} 分;通知各年度共给予 {at_most_fen} 分。
    title: The budget exceeds what the call gives · 预算超出通知给予的金额
    """


class AboutMaterials(AboutApplication):
    """What every command about materials knows: what the track asks for.
    zh: 关于申报材料的各项命令所共知:赛道的材料要求。
    """

    DEFINED: ClassVar[tuple[type[Event], ...]]

    material: Material = known(factory=Material)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The file, the track and the parts of the definition that this command checks against."""
        boundary = list(super().consistency_boundary())
        if (started := self.file.started) is not None:
            boundary.append(Selector([TrackDefined], of_track(started.programme_id, started.track_id)))
            boundary.append(Selector(self.DEFINED, [tag(ProgrammeId, started.programme_id)]))
        return boundary

    @event(TrackDefined)
    def _(self, body: TrackDefined) -> None:
        self.material.take(body)

    def _require_track(self) -> tuple[UnitId, TrackDefined]:
        """The unit that applies and the track it applies in."""
        started = self._require_started()
        return started.unit_id, self.material.tracks[started.track_id]


# --- the application form --------------------------------------------------------------------------------------------


class SaveForm(AboutMaterials):
    """Save the application form, complete or not; the texts are sealed as one document.
    zh: 保存申报书,不论是否填全;正文封存为一份文件。
    """

    DEFINED = (FormDefined,)

    answers: SealedAnswers = asked("Answers by field", "各栏目内容")

    @event(FormDefined)
    def _(self, body: FormDefined) -> None:
        self.material.take(body)

    def execute(self) -> None:
        unit_id, track = self._require_track()
        form = self.material.forms[track.form]
        self.trigger_event(
            FormSaved,
            application_id=self.application_id,
            unit_id=unit_id,
            form=form.form,
            answered=_answered(form, self.answers.characters),
            document_id=self.answers.document_id,
        )


def _answered(form: FormDefined, characters: Mapping[str, int]) -> tuple[str, ...]:
    """The fields that are answered, in the order of the form."""
    room = {entry.code: entry.characters_at_most for entry in form.fields}
    for code, length in characters.items():
        if code not in room:
            raise FieldUnknown(field=f"answers/{code}", form=form.form, code=code)
        if length > room[code]:
            raise FieldTooLong(field=f"answers/{code}", code=code, characters=length, characters_at_most=room[code])
    return tuple(code for code in room if characters.get(code, 0))


def check_form(form: FormDefined, saved: FormSaved | None) -> None:
    """Raise FormIncomplete unless every field that is required is answered."""
    answered = () if saved is None else saved.answered
    missing = [entry.code for entry in form.fields if entry.required and entry.code not in answered]
    if saved is None or missing:
        raise FormIncomplete(missing=", ".join(missing))


# --- the self-check --------------------------------------------------------------------------------------------------


class SaveSelfCheck(AboutMaterials):
    """Save the self-check against a catalogue, complete or not: a rating and a text for each criterion it speaks of.
    zh: 保存对照某标准目录的自查,不论是否写全:所涉每项标准均有自评与文字。
    """

    DEFINED = (CataloguePinned,)

    catalogue: Code = asked("Catalogue", "标准目录")
    items: tuple[SelfCheckItem, ...] = asked("Items", "逐项自评")
    report: SealedAnswers = asked("Report by criterion", "各项自查报告")

    @event(CataloguePinned)
    def _(self, body: CataloguePinned) -> None:
        self.material.take(body)

    def execute(self) -> None:
        unit_id, track = self._require_track()
        if self.catalogue not in track.catalogues:
            raise CatalogueNotAsked(field="catalogue", track_id=track.track_id, catalogue=self.catalogue)
        pinned = self.material.catalogues[self.catalogue]
        self._check_items(pinned)
        self.trigger_event(
            SelfCheckSaved,
            application_id=self.application_id,
            unit_id=unit_id,
            catalogue=self.catalogue,
            version=pinned.version,
            items=self.items,
            document_id=self.report.document_id,
        )

    def _check_items(self, pinned: CataloguePinned) -> None:
        known_codes = {criterion.code for criterion in pinned.criteria}
        rated = [item.criterion for item in self.items]
        for code in (*rated, *self.report.characters):
            if code not in known_codes:
                raise CriterionUnknown(field="items", catalogue=self.catalogue, code=code)
        if not rated:
            raise NothingRated(field="items")
        for code in rated:
            if rated.count(code) > 1:
                raise CriterionTwice(field="items", code=code)
        written = {code for code, length in self.report.characters.items() if length}
        if written != set(rated):
            raise TextsApartFromRatings(
                field="report", rated=", ".join(sorted(rated)), written=", ".join(sorted(written))
            )


def check_self_checks(track: TrackDefined, material: Material, saved: Mapping[str, SelfCheckSaved]) -> None:
    """Raise SelfCheckIncomplete unless every criterion of every catalogue that is asked for has been rated."""
    for catalogue in track.catalogues:
        rated = {item.criterion for item in saved[catalogue].items} if catalogue in saved else set()
        missing = [c.code for c in material.catalogues[catalogue].criteria if c.code not in rated]
        if missing:
            raise SelfCheckIncomplete(catalogue=catalogue, missing=", ".join(missing))


# --- the budget ------------------------------------------------------------------------------------------------------


class SaveBudget(AboutMaterials):
    """Save the budget, line by line: what is asked for in a category and a year.
    zh: 逐行保存经费预算:某类别某年度的申请额。
    """

    DEFINED = (FormDefined, *TERM_FACTS)

    lines: tuple[BudgetLine, ...] = asked("Lines", "预算明细")

    terms: Terms = known(factory=Terms)

    @event(FormDefined)
    def _(self, body: FormDefined) -> None:
        self.material.take(body)

    @any_event(*TERM_FACTS)
    def _(self, body: TermPublished | TermInterpreted | ErratumRecorded, position: int) -> None:
        self.terms.take(body, position)

    def execute(self) -> None:
        unit_id, track = self._require_track()
        check_lines(self.lines, self.material.forms[track.form], track)
        check_amount(self.lines, track, self.terms)
        if self.lines != self.file.budget:
            self.trigger_event(BudgetSaved, application_id=self.application_id, unit_id=unit_id, lines=self.lines)


def check_amount(lines: Sequence[BudgetLine], track: TrackDefined, terms: Terms) -> None:
    """Raise BudgetExceedsAmount where the call says what it grants a year, and the budget asks for more."""
    value = None if track.annual_amount_term is None else terms.value(track.annual_amount_term)
    total = budget_total(lines)
    if isinstance(value, AmountValue) and total > value.amount_fen * len(track.funded_years):
        raise BudgetExceedsAmount(total_fen=total, at_most_fen=value.amount_fen * len(track.funded_years))


# --- complete --------------------------------------------------------------------------------------------------------


class PrepareApplication(AboutMaterials):
    """Declare the materials complete: from now on they are known by the digest of all their parts.
    zh: 声明申报材料齐备:此后以其全部组成部分的摘要为准。
    """

    DEFINED = (FormDefined, CataloguePinned, *TERM_FACTS)

    terms: Terms = known(factory=Terms)
    tree: Tree = known(factory=Tree)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The file, everything that the track asks for, and whether the unit lives."""
        started = self.file.started
        unit = [] if started is None else [Selector(TREE_FACTS, [tag(UnitId, started.unit_id)])]
        return [*super().consistency_boundary(), *unit]

    @any_event(FormDefined, CataloguePinned)
    def _(self, body: FormDefined | CataloguePinned) -> None:
        self.material.take(body)

    @any_event(*TERM_FACTS)
    def _(self, body: TermPublished | TermInterpreted | ErratumRecorded, position: int) -> None:
        self.terms.take(body, position)

    @any_event(*TREE_FACTS)
    def _(self, body: TreeFact) -> None:
        self.tree.take(body)

    def execute(self) -> None:
        unit_id, track = self._require_track()
        self.tree.of(unit_id).require_living()
        check_form(self.material.forms[track.form], self.file.form)
        check_self_checks(track, self.material, self.file.self_checks)
        if track.funded_years and not self.file.budget:
            raise BudgetMissing
        check_amount(self.file.budget, track, self.terms)
        self.trigger_event(
            ApplicationPrepared,
            application_id=self.application_id,
            unit_id=unit_id,
            materials_digest=self.file.digest,
        )
