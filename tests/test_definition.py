"""A definition: its shape as a published schema, its named rules, and the two calls that ship with the product."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from domain.programme.definition import RULES, SHAPE, Definition, digest, findings, policies, schema
from domain.programme.events import EligibilityRuleDefined, NoIncident, TermPublished, TrackDefined, Unbounded
from domain.review.events import StageDefined
from tests.call import PRESETS, REAL
from tests.panel import stage
from tests.test_review import FAULTS as STAGE_FAULTS

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "docs" / "programme-definition.schema.json"
Document = dict[str, Any]


def real() -> Document:
    document: Document = json.loads((PRESETS / "benchmark-2020.json").read_text(encoding="utf-8"))
    return document


def broken(edit: Callable[[Document], object]) -> Document:
    document = real()
    edit(document)
    return document


def rules_of(document: Document) -> list[tuple[str, str]]:
    return [(finding.rule, finding.path) for finding in findings(document)]


# --- the shape -------------------------------------------------------------------------------------------------------


def test_the_published_schema_is_that_of_the_code() -> None:
    written = json.dumps(schema(), ensure_ascii=False, indent=2) + "\n"
    assert SCHEMA.read_text(encoding="utf-8") == written, f"write schema() to {SCHEMA.name}, indented by two"


def test_the_schema_is_one_and_knows_every_field() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert all(part.get("additionalProperties") is False for part in schema()["$defs"].values() if "properties" in part)


@pytest.mark.parametrize("preset", sorted(PRESETS.glob("*.json")), ids=lambda path: path.stem)
def test_every_preset_keeps_the_schema_and_the_named_rules(preset: Path) -> None:
    document = json.loads(preset.read_text(encoding="utf-8"))
    jsonschema.validate(document, schema(), cls=jsonschema.Draft202012Validator)
    assert findings(document) == []
    assert findings(msgspec.convert(document, Definition)) == []


def test_what_has_not_the_shape_is_said_to_have_that_fault_alone() -> None:
    (only,) = findings({"schema_version": 2})
    assert only.rule == SHAPE
    assert only.zh


# --- the named rules, each seen red ----------------------------------------------------------------------------------


def set_at(*path: Any, to: Any) -> Callable[[Document], None]:
    def edit(document: Document) -> None:
        inner: Any = document
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = to

    return edit


def twice(*path: Any) -> Callable[[Document], None]:
    def edit(document: Document) -> None:
        inner: Any = document
        for step in path:
            inner = inner[step]
        inner.append(inner[0])

    return edit


def a_stage(changes: dict[str, Any]) -> Document:
    defined: Document = json.loads(msgspec.json.encode(stage(**changes)))
    del defined["programme_id"]
    return defined


def with_stages(*changes: dict[str, Any]) -> Callable[[Document], None]:
    """A definition with these stages, each a sound one but for its changes."""
    return set_at("stages", to=[a_stage(each) for each in changes])


BRANCH = ("tracks", 1)
RULE = ("tracks", 0, "eligibility", 0)
ROLLING = {"type": "rolling_years", "years": 0}
INCIDENT = {"type": "no_incident", "kinds": ["law"], "at_least": "minor", "scopes": ["unit"]}

RED: list[tuple[str, str, Callable[[Document], None]]] = [
    ("codes-once", "/terms/19/term", twice("terms")),
    ("codes-once", "/catalogues/2/catalogue", twice("catalogues")),
    ("codes-once", "/catalogues/0/criteria/5/code", twice("catalogues", 0, "criteria")),
    ("codes-once", "/forms/1/form", twice("forms")),
    ("codes-once", "/forms/0/fields/6/code", twice("forms", 0, "fields")),
    ("codes-once", "/forms/0/budget_categories/7/code", twice("forms", 0, "budget_categories")),
    ("codes-once", "/tracks/2/track_id", twice("tracks")),
    ("codes-once", "/tracks/0/eligibility/7/rule", twice("tracks", 0, "eligibility")),
    ("codes-once", "/tracks/0/catalogues/2", twice("tracks", 0, "catalogues")),
    ("codes-once", "/tracks/0/funded_years/2", twice("tracks", 0, "funded_years")),
    ("codes-once", "/tracks/1/quotas/3", twice("tracks", 1, "quotas")),
    ("form-defined", "/tracks/0/form", set_at("tracks", 0, "form", to="nowhere")),
    ("catalogue-pinned", "/tracks/1/catalogues/1", set_at(*BRANCH, "catalogues", to=["seven_strengths", "nowhere"])),
    ("self-check-asked", "/tracks/1/eligibility/2/test/catalogue", set_at(*BRANCH, "catalogues", to=[])),
    ("term-published", "/tracks/0/annual_amount_term", set_at("tracks", 0, "annual_amount_term", to="nowhere")),
    ("term-published", "/tracks/0/eligibility/0/as_of_term", set_at(*RULE, "as_of_term", to="nowhere")),
    (
        "term-of-its-kind",
        "/tracks/0/annual_amount_term",
        set_at("tracks", 0, "annual_amount_term", to="application_closes"),
    ),
    ("term-of-its-kind", "/terms/1/kind", set_at("terms", 1, "kind", to="count")),
    ("value-fits", "/terms/0/value", set_at("terms", 0, "value", to={"type": "ratio", "ratio_bp": 1})),
    ("value-as-legible", "/terms/0/value", set_at("terms", 0, "value", to=None)),
    ("value-as-legible", "/terms/1/value", set_at("terms", 1, "value", to={"type": "date", "day": "2020-05-31"})),
    ("value-as-legible", "/terms/3/value", set_at("terms", 3, "value", to={"type": "count", "count": 5})),
    ("text-as-published", "/terms/1/as_published", set_at("terms", 1, "as_published", to=None)),
    ("text-as-published", "/terms/3/as_published", set_at("terms", 3, "as_published", to="5天")),
    ("one-window", "/terms", set_at("terms", 1, "term", to="another_deadline")),
    ("places-bounded", "/tracks/0/places", set_at("tracks", 0, "places", to={"target": 1, "minimum": 2})),
    ("places-bounded", "/tracks/0/places", set_at("tracks", 0, "places", to={"target": 3, "maximum": 2})),
    ("places-bounded", "/tracks/0/places", set_at("tracks", 0, "places", to={"target": 3, "minimum": -1})),
    ("quota-by-quota", "/tracks/1/quotas", set_at(*BRANCH, "nomination", to="open")),
    ("quota-by-quota", "/tracks/1/quotas", set_at(*BRANCH, "quotas", to=[])),
    ("quota-not-negative", "/tracks/1/quotas/0/at_most", set_at(*BRANCH, "quotas", 0, "at_most", to=-1)),
    (
        "shares-possible",
        "/forms/0/budget_categories/0/share_at_most_bp",
        set_at("forms", 0, "budget_categories", 0, "share_at_most_bp", to=10_001),
    ),
    (
        "shares-possible",
        "/forms/0/budget_categories",
        set_at(
            *("forms", 0, "budget_categories"),
            to=[{"code": "a", "name_zh": "甲", "name_en": "A", "share_at_most_bp": 9_999}],
        ),
    ),
    ("budget-where-funded", "/tracks/0/funded_years", set_at("tracks", 0, "funded_years", to=[])),
    (
        "field-has-room",
        "/forms/0/fields/0/characters_at_most",
        set_at("forms", 0, "fields", 0, "characters_at_most", to=0),
    ),
    (
        "reach-readable",
        "/tracks/0/eligibility/0/test/reach/0",
        set_at(*RULE, "test", to={**INCIDENT, "reach": ["institution"]}),
    ),
    ("test-complete", "/tracks/0/eligibility/0/test/kinds", set_at(*RULE, "test", to={**INCIDENT, "kinds": []})),
    ("test-complete", "/tracks/0/eligibility/0/test/scopes", set_at(*RULE, "test", to={**INCIDENT, "scopes": []})),
    ("test-complete", "/tracks/0/eligibility/0/test/reach", set_at(*RULE, "test", to={**INCIDENT, "reach": []})),
    (
        "test-complete",
        "/tracks/0/eligibility/0/test/honours",
        set_at(*RULE, "test", to={"type": "holds_honour", "honours": []}),
    ),
    (
        "test-complete",
        "/tracks/0/eligibility/0/test/titles",
        set_at(*RULE, "test", to={"type": "holds_title", "titles": []}),
    ),
    (
        "test-complete",
        "/tracks/0/eligibility/0/test/outcomes",
        set_at(*RULE, "test", to={"type": "no_earlier_outcome", "outcomes": []}),
    ),
    ("test-complete", "/tracks/0/eligibility/0/test/tests", set_at(*RULE, "test", to={"type": "all_of", "tests": []})),
    (
        "years-positive",
        "/tracks/0/eligibility/0/test/tests/0/years",
        set_at(*RULE, "test", to={"type": "any_of", "tests": [{"type": "founded_at_least", "years": 0}]}),
    ),
    (
        "years-positive",
        "/tracks/0/eligibility/0/test/look_back/years",
        set_at(*RULE, "test", to={**INCIDENT, "look_back": ROLLING}),
    ),
    (
        "years-positive",
        "/tracks/0/eligibility/2/test/unmet_at_most",
        set_at("tracks", 0, "eligibility", 2, "test", "unmet_at_most", to=-1),
    ),
    (
        "traits-apart",
        "/tracks/1/eligibility/0/not_for_traits",
        set_at(*BRANCH, "eligibility", 0, "for_traits", to=["student_branch"]),
    ),
    ("plain", "/name_en", set_at("name_en", to="Cafe\u0301")),
    ("plain", "/tracks/0/funded_years/1", set_at("tracks", 0, "funded_years", 1, to=2**53)),
    ("plain", "/tracks/0/places/target", set_at("tracks", 0, "places", "target", to=-(2**53))),
    ("codes-once", "/stages/1/stage", with_stages({}, {"order": 2})),
    ("stage-track-known", "/stages/0/track_ids/1", with_stages({"track_ids": ("branch", "nowhere")})),
    ("stages-in-turn", "/stages/1/order", with_stages({}, {"name": "meeting"})),
    # What every stage keeps is shown broken where the stage is the matter; here it is found inside a definition.
    *((rule, f"/stages/0{path}", with_stages(changes)) for rule, path, changes in STAGE_FAULTS),
]


@pytest.mark.parametrize(("rule", "path", "edit"), RED, ids=[f"{rule}:{path}" for rule, path, _ in RED])
def test_a_broken_rule_is_named_with_its_path(rule: str, path: str, edit: Callable[[Document], None]) -> None:
    assert (rule, path) in rules_of(broken(edit))


def test_every_named_rule_is_seen_red_and_speaks_both_languages() -> None:
    assert {rule for rule, _, _ in RED} == {rule.name for rule in RULES}
    assert all(rule.en.endswith(".") and rule.zh.endswith("。") for rule in RULES)


def test_all_faults_are_found_at_once() -> None:
    document = real()
    for _, _, edit in (RED[11], RED[24], RED[30]):
        edit(document)
    assert {rule for rule, _ in rules_of(document)} >= {"form-defined", "one-window", "quota-not-negative"}


# --- the real call ---------------------------------------------------------------------------------------------------


def test_the_real_call_keeps_its_damage() -> None:
    printed = {term.term: (term.as_published, term.legibility) for term in REAL.terms}
    assert printed["application_closes"] == ("5前", "damaged")
    assert printed["college_annual_amount"] == ("2.5", "damaged")
    assert printed["matching_ratio"] == ("11", "damaged")
    assert printed["review_ends"] == ("20206月底前", "damaged")
    assert printed["cycle_begins"] == printed["cycle_ends"] == ("20206-20226月", "damaged")
    assert printed["midterm_assessment"] == ("20216月", "damaged")
    assert printed["annual_summary_due"] == ("20215月初", "damaged")
    assert printed["final_documents_due"] == ("20215月底前", "contradictory")
    assert printed["consolidation_begins"] == ("20216-20226月", "damaged")
    assert printed["results_published"] == ("20216月", "contradictory")
    assert REAL.cited[0].number == "贵理工党发〔201849)"


def test_every_characters_quoted_stand_in_the_text_as_published() -> None:
    text = (PRESETS / "benchmark-2020.zh.txt").read_text(encoding="utf-8")
    quoted = [term.as_published for term in REAL.terms if term.as_published] + [basis.number for basis in REAL.cited]
    assert [each for each in quoted if each not in text] == []
    assert text.splitlines()[1].startswith("2020-05-09 16:36")


def test_the_real_call_has_its_places_its_quotas_and_no_look_back() -> None:
    college, branch = REAL.tracks
    assert (college.places.target, branch.places.target) == (1, 3)
    assert (college.nomination, college.self_nomination, branch.nomination) == ("open", True, "quota")
    assert [(q.nominator_kind, q.nominator_trait, q.at_most) for q in branch.quotas] == [
        ("party_committee", "office_units", 2),
        ("general_branch", None, 1),
        ("party_committee", None, None),
    ]
    tests = [rule.test for track in REAL.tracks for rule in track.eligibility if isinstance(rule.test, NoIncident)]
    assert tests
    assert all(test.look_back == Unbounded() for test in tests)
    assert [len(catalogue.criteria) for catalogue in REAL.catalogues] == [5, 7]


def test_each_policy_becomes_a_fact_of_its_own() -> None:
    facts = list(policies(REAL, "P"))
    assert sum(kind is TermPublished for kind, _ in facts) == len(REAL.terms)
    assert sum(kind is TrackDefined for kind, _ in facts) == 2
    assert sum(kind is EligibilityRuleDefined for kind, _ in facts) == 14
    assert all(fields["programme_id"] == "P" for _, fields in facts)
    assert StageDefined not in {kind for kind, _ in facts}


def test_a_stage_that_a_call_states_becomes_a_fact_and_one_it_does_not_changes_no_digest() -> None:
    document = broken(with_stages({}, {"name": "meeting", "order": 2}))
    jsonschema.validate(document, schema(), cls=jsonschema.Draft202012Validator)
    assert findings(document) == []
    stated = msgspec.convert(document, Definition)
    facts = [kind(**fields) for kind, fields in policies(stated, "benchmark-2020") if kind is StageDefined]
    assert facts == [stage(), stage("meeting", order=2)]
    assert digest(stated) != digest(REAL)
    # The digests on record were taken before a definition could state any.
    said = {name: value for name, value in msgspec.structs.asdict(REAL).items() if name != "stages"}
    assert digest(REAL) == hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()


def test_the_digest_names_what_a_definition_says_not_how_it_is_written() -> None:
    document = real()
    document["tracks"][0]["quotas"] = []
    rewritten = msgspec.convert(dict(reversed(document.items())), Definition)
    assert digest(rewritten) == digest(REAL)
    assert digest(msgspec.structs.replace(REAL, name_en="Another")) != digest(REAL)
