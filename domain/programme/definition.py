"""A programme as one document, and the named rules that such a document keeps.

What a shape cannot say (a rule that points at a term which is not there, shares of a budget that cannot add up) is said
here: all faults are found at once, each with its path, its value and the name of its rule.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from domain.ids import ProgrammeId
from domain.programme.events import AllOf, AnyOf, NoIncident, NotStated, RollingYears, SelfCheckMet, TermKind
from domain.programme.policy import KNOWN_TERMS, WINDOW_TERMS, fits
from domain.programme.shape import SCHEMA_VERSION, Definition, Track, digest, policies, schema
from domain.review.events import StageDefined
from domain.review.policy import STAGE_RULES, StageRule

__all__ = [
    "RULES",
    "SCHEMA_VERSION",
    "SHAPE",
    "Definition",
    "Finding",
    "Rule",
    "digest",
    "findings",
    "policies",
    "schema",
]

_WHOLE_BP: Final = 10_000
_LARGEST: Final = 2**53 - 1


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One fault of a document: where it stands (a JSON pointer), what stands there, and which rule it breaks."""

    path: str
    value: Any
    rule: str
    en: str
    zh: str


class Rule(msgspec.Struct, frozen=True):
    """A named rule: its sentence in both languages, and what looks for its faults (path and value of each)."""

    name: str
    en: str
    zh: str
    faults: Callable[[Definition], Iterator[tuple[str, Any]]]


Faults = Iterator[tuple[str, Any]]


def _repeated(path: str, codes: Iterable[Any]) -> Faults:
    seen: set[Any] = set()
    for index, code in enumerate(codes):
        if code in seen:
            yield path.format(index), code
        seen.add(code)


def _codes_once(d: Definition) -> Faults:
    yield from _repeated("/terms/{}/term", (t.term for t in d.terms))
    yield from _repeated("/catalogues/{}/catalogue", (c.catalogue for c in d.catalogues))
    yield from _repeated("/forms/{}/form", (f.form for f in d.forms))
    yield from _repeated("/tracks/{}/track_id", (t.track_id for t in d.tracks))
    yield from _repeated("/stages/{}/stage", (s.stage for s in d.stages))
    for i, catalogue in enumerate(d.catalogues):
        yield from _repeated(f"/catalogues/{i}/criteria/{{}}/code", (c.code for c in catalogue.criteria))
    for i, form in enumerate(d.forms):
        yield from _repeated(f"/forms/{i}/fields/{{}}/code", (f.code for f in form.fields))
        yield from _repeated(f"/forms/{i}/budget_categories/{{}}/code", (c.code for c in form.budget_categories))
    for i, track in enumerate(d.tracks):
        yield from _repeated(f"/tracks/{i}/eligibility/{{}}/rule", (r.rule for r in track.eligibility))
        yield from _repeated(f"/tracks/{i}/catalogues/{{}}", track.catalogues)
        yield from _repeated(f"/tracks/{i}/funded_years/{{}}", track.funded_years)
        yield from _repeated(f"/tracks/{i}/quotas/{{}}", ((q.nominator_kind, q.nominator_trait) for q in track.quotas))


def _forms_known(d: Definition) -> Faults:
    known = {form.form for form in d.forms}
    yield from ((f"/tracks/{i}/form", track.form) for i, track in enumerate(d.tracks) if track.form not in known)


def _catalogues_known(d: Definition) -> Faults:
    known = {catalogue.catalogue for catalogue in d.catalogues}
    for i, track in enumerate(d.tracks):
        for j, code in enumerate(track.catalogues):
            if code not in known:
                yield f"/tracks/{i}/catalogues/{j}", code


def _self_checks_asked(d: Definition) -> Faults:
    for track, path, test in _leaves(d):
        if isinstance(test, SelfCheckMet) and test.catalogue not in track.catalogues:
            yield f"{path}/catalogue", test.catalogue


def _leaves(d: Definition) -> Iterator[tuple[Track, str, Any]]:
    """Every single test with its track and its path, those inside any_of and all_of included."""
    for i, track in enumerate(d.tracks):
        for j, rule in enumerate(track.eligibility):
            path = f"/tracks/{i}/eligibility/{j}/test"
            if isinstance(rule.test, AnyOf | AllOf):
                yield from ((track, f"{path}/tests/{k}", leaf) for k, leaf in enumerate(rule.test.tests))
            else:
                yield track, path, rule.test


def _referenced(d: Definition) -> Iterator[tuple[str, str, TermKind]]:
    """Every place that names a term, and the kind of value it needs."""
    for i, track in enumerate(d.tracks):
        if track.annual_amount_term is not None:
            yield f"/tracks/{i}/annual_amount_term", track.annual_amount_term, "amount"
        for j, rule in enumerate(track.eligibility):
            if rule.as_of_term is not None:
                yield f"/tracks/{i}/eligibility/{j}/as_of_term", rule.as_of_term, "date"


def _terms_known(d: Definition) -> Faults:
    known = {term.term for term in d.terms}
    yield from ((path, code) for path, code, _ in _referenced(d) if code not in known)


def _terms_of_their_kind(d: Definition) -> Faults:
    kinds = {term.term: term.kind for term in d.terms}
    yield from ((path, code) for path, code, kind in _referenced(d) if kinds.get(code, kind) != kind)
    for i, term in enumerate(d.terms):
        if KNOWN_TERMS.get(term.term, term.kind) != term.kind:
            yield f"/terms/{i}/kind", term.kind


def _values_fit(d: Definition) -> Faults:
    for i, term in enumerate(d.terms):
        if term.value is not None and not fits(term.kind, term.legibility, term.value):
            yield f"/terms/{i}/value", msgspec.to_builtins(term.value)


def _values_legible(d: Definition) -> Faults:
    for i, term in enumerate(d.terms):
        # A contradictory term may show the value it prints: that it cannot be meant is what the mark is for.
        if {
            "clear": term.value is None,
            "damaged": term.value is not None,
            "not_stated": not isinstance(term.value, NotStated | None),
            "contradictory": False,
        }[term.legibility]:
            yield f"/terms/{i}/value", msgspec.to_builtins(term.value)


def _text_where_printed(d: Definition) -> Faults:
    for i, term in enumerate(d.terms):
        if (term.as_published is None) is not (term.legibility == "not_stated"):
            yield f"/terms/{i}/as_published", term.as_published


def _one_window(d: Definition) -> Faults:
    named = [term.term for term in d.terms if term.term in WINDOW_TERMS]
    if len(named) != 1:
        yield "/terms", named


def _places_bounded(d: Definition) -> Faults:
    for i, track in enumerate(d.tracks):
        low, high = track.places.minimum, track.places.maximum
        if not (low or 0) <= track.places.target <= (track.places.target if high is None else high) or (low or 0) < 0:
            yield f"/tracks/{i}/places", msgspec.to_builtins(track.places)


def _quotas_only_by_quota(d: Definition) -> Faults:
    for i, track in enumerate(d.tracks):
        if bool(track.quotas) is not (track.nomination == "quota"):
            yield f"/tracks/{i}/quotas", msgspec.to_builtins(track.quotas)


def _quotas_not_negative(d: Definition) -> Faults:
    for i, track in enumerate(d.tracks):
        for j, quota in enumerate(track.quotas):
            if quota.at_most is not None and quota.at_most < 0:
                yield f"/tracks/{i}/quotas/{j}/at_most", quota.at_most


def _shares_possible(d: Definition) -> Faults:
    for i, form in enumerate(d.forms):
        shares = [category.share_at_most_bp for category in form.budget_categories]
        for j, share in enumerate(shares):
            if share is not None and not 0 <= share <= _WHOLE_BP:
                yield f"/forms/{i}/budget_categories/{j}/share_at_most_bp", share
        if shares and None not in shares and sum(share or 0 for share in shares) < _WHOLE_BP:
            yield f"/forms/{i}/budget_categories", shares


def _funded_by_a_budget(d: Definition) -> Faults:
    categories = {form.form: bool(form.budget_categories) for form in d.forms}
    for i, track in enumerate(d.tracks):
        if bool(track.funded_years) is not categories.get(track.form, bool(track.funded_years)):
            yield f"/tracks/{i}/funded_years", list(track.funded_years)


def _fields_have_room(d: Definition) -> Faults:
    for i, form in enumerate(d.forms):
        for j, entry in enumerate(form.fields):
            if entry.characters_at_most < 1:
                yield f"/forms/{i}/fields/{j}/characters_at_most", entry.characters_at_most


def _reach_readable(d: Definition) -> Faults:
    for _, path, test in _leaves(d):
        if isinstance(test, NoIncident):
            yield from ((f"{path}/reach/{k}", reach) for k, reach in enumerate(test.reach) if reach == "institution")


def _tests_complete(d: Definition) -> Faults:
    for i, track in enumerate(d.tracks):
        for j, rule in enumerate(track.eligibility):
            if isinstance(rule.test, AnyOf | AllOf) and not rule.test.tests:
                yield f"/tracks/{i}/eligibility/{j}/test/tests", []
    for _, path, test in _leaves(d):
        plain: dict[str, Any] = msgspec.structs.asdict(test)
        yield from ((f"{path}/{name}", []) for name, value in plain.items() if value == ())


def _years_positive(d: Definition) -> Faults:
    for _, path, test in _leaves(d):
        if getattr(test, "years", 1) < 1:
            yield f"{path}/years", test.years
        look_back = getattr(test, "look_back", None)
        if isinstance(look_back, RollingYears) and look_back.years < 1:
            yield f"{path}/look_back/years", look_back.years
        if getattr(test, "unmet_at_most", 0) < 0:
            yield f"{path}/unmet_at_most", test.unmet_at_most


def _traits_apart(d: Definition) -> Faults:
    for i, track in enumerate(d.tracks):
        for j, rule in enumerate(track.eligibility):
            if both := sorted(set(rule.for_traits) & set(rule.not_for_traits)):
                yield f"/tracks/{i}/eligibility/{j}/not_for_traits", both


def _plain(d: Definition) -> Faults:
    yield from _unwritable("", msgspec.to_builtins(d))


def _unwritable(path: str, value: object) -> Faults:
    """Texts and numbers that the record does not take, since not every reader would read them alike."""
    match value:
        case dict():
            for name, inner in value.items():
                yield from _unwritable(f"{path}/{name}", inner)
        case list() | tuple():
            for index, inner in enumerate(value):
                yield from _unwritable(f"{path}/{index}", inner)
        case str() if not unicodedata.is_normalized("NFC", value):
            yield path, value
        case int() if abs(value) > _LARGEST:
            yield path, value


def _stage_tracks_known(d: Definition) -> Faults:
    known = {track.track_id for track in d.tracks}
    for i, stage in enumerate(d.stages):
        for j, track_id in enumerate(stage.track_ids):
            if track_id not in known:
                yield f"/stages/{i}/track_ids/{j}", track_id


def _stages_in_turn(d: Definition) -> Faults:
    taken: set[tuple[str, int]] = set()
    for i, stage in enumerate(d.stages):
        own = {(track_id, stage.order) for track_id in stage.track_ids}
        if taken & own:
            yield f"/stages/{i}/order", stage.order
        taken |= own


def _of_each_stage(rule: StageRule) -> Rule:
    """A rule that every stage keeps, also where it is defined later by a command, as a rule of the whole."""

    def faults(d: Definition) -> Faults:
        for i, stage in enumerate(d.stages):
            defined = StageDefined(programme_id=ProgrammeId(""), **msgspec.structs.asdict(stage))
            yield from ((f"/stages/{i}{path}", value) for path, value in rule.faults(defined))

    return Rule(rule.name, rule.en, rule.zh, faults)


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "plain",
        "Text is in Unicode normal form C, and numbers are below 2^53.",
        "文本须为 Unicode 规范形式 C,数字须小于 2^53。",
        _plain,
    ),
    Rule("codes-once", "Each code stands once in its list.", "同一列表内代码不得重复。", _codes_once),
    Rule("form-defined", "A track's form is among the forms.", "赛道所用表单须已设定。", _forms_known),
    Rule(
        "catalogue-pinned",
        "A track's catalogues are among the catalogues.",
        "赛道所用标准目录须已列明。",
        _catalogues_known,
    ),
    Rule(
        "self-check-asked",
        "A self-check that is tested is asked for by the track.",
        "作为条件的自查须为该赛道所要求。",
        _self_checks_asked,
    ),
    Rule(
        "term-published", "A term that something rests on is among the terms.", "所依据的条款须已列明。", _terms_known
    ),
    Rule(
        "term-of-its-kind",
        "A term has the kind of value that what rests on it needs.",
        "条款值的类别须与其用途相符。",
        _terms_of_their_kind,
    ),
    Rule(
        "value-fits",
        "A value is of its term's kind and within bounds.",
        "取值须与条款类别相符且在合理范围内。",
        _values_fit,
    ),
    Rule(
        "value-as-legible",
        "A clear term has a value; a damaged one, or one not stated, has none until it is interpreted.",
        "清晰条款须有取值;残缺或未载明的条款在解释之前不得有取值。",
        _values_legible,
    ),
    Rule(
        "text-as-published",
        "A term that is stated quotes its characters; one that is not stated quotes none.",
        "已载明的条款须引原文;未载明的不得引原文。",
        _text_where_printed,
    ),
    Rule(
        "one-window",
        "Exactly one term says until when applications are taken.",
        "须有且仅有一项条款载明申报截止。",
        _one_window,
    ),
    Rule(
        "places-bounded",
        "The target lies between minimum and maximum.",
        "目标名额须介于下限与上限之间。",
        _places_bounded,
    ),
    Rule(
        "quota-by-quota",
        "Quotas are given exactly where nomination is by quota.",
        "仅按指标推荐的赛道须且只须列明指标。",
        _quotas_only_by_quota,
    ),
    Rule("quota-not-negative", "A quota is not negative.", "推荐指标不得为负。", _quotas_not_negative),
    Rule(
        "shares-possible",
        "Shares lie between nothing and the whole, and can add up to the whole.",
        "比例上限须介于零与百分之百之间,且合计可达百分之百。",
        _shares_possible,
    ),
    Rule(
        "budget-where-funded",
        "A track has budget years exactly where its form has budget categories.",
        "表单列有预算类别的赛道须有预算年度,反之亦然。",
        _funded_by_a_budget,
    ),
    Rule("field-has-room", "A form field takes at least one character.", "表单栏目至少可填一字。", _fields_have_room),
    Rule(
        "reach-readable",
        "A rule reaches the unit, its parent or its ancestors; the whole institution is too much for one application.",
        "条件的适用范围为本单位、上级或各级上级;全机构范围无法随一份申报判读。",
        _reach_readable,
    ),
    Rule("test-complete", "A test names what it tests.", "检验须列明其对象。", _tests_complete),
    Rule(
        "years-positive",
        "Years are at least one, allowances not negative.",
        "年数至少为一,容许数不得为负。",
        _years_positive,
    ),
    Rule(
        "traits-apart",
        "No trait is both required and excluded.",
        "同一属性不得既为适用又为不适用。",
        _traits_apart,
    ),
    Rule(
        "stage-track-known", "A stage's tracks are among the tracks.", "评审阶段的赛道须已设定。", _stage_tracks_known
    ),
    Rule(
        "stages-in-turn",
        "No track has two stages of one number.",
        "同一赛道不得有两个次序相同的阶段。",
        _stages_in_turn,
    ),
    *(_of_each_stage(rule) for rule in STAGE_RULES),
)
"""Contradictory dates are no fault: a real call may print them, and says so by their legibility."""

SHAPE: Final = "shape"


def findings(document: Mapping[str, Any] | Definition) -> list[Finding]:
    """Every fault of a document. One that has not even the shape is said to have that fault alone.

    Where all faults of the shape are wanted, check it against ``schema()`` first.
    """
    try:
        definition = document if isinstance(document, Definition) else msgspec.convert(document, Definition)
    except msgspec.ValidationError as fault:
        return [Finding(path="", value=None, rule=SHAPE, en=f"{fault}.", zh=f"与模式不符:{fault}。")]
    return [
        Finding(path=path, value=value, rule=rule.name, en=rule.en, zh=rule.zh)
        for rule in RULES
        for path, value in rule.faults(definition)
    ]
