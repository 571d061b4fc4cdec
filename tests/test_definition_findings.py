"""Findings of a definition's shape as a person needs them: at the place that is wrong, saying what belongs there."""

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from api.programme import all_findings
from tests.call import PRESETS

Document = dict[str, Any]
TEST = ("tracks", 0, "eligibility", 0, "test")
AT_TEST = "/tracks/0/eligibility/0/test"
TITLE_ONE = {"type": "holds_title", "titles": [1]}
DAY = "/terms/0/value/day"


def put(*path: Any, to: Any) -> Callable[[Document], None]:
    def edit(document: Document) -> None:
        inner: Any = document
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = to

    return edit


WRONG: list[tuple[str, str, str, Callable[[Document], None]]] = [
    (f"{AT_TEST}/years", "shape-required", "years is missing", put(*TEST, to={"type": "founded_at_least"})),
    (f"{AT_TEST}/year", "shape-additionalProperties", "no field", put(*TEST, to={"type": "has_trait", "year": 2})),
    (f"{AT_TEST}/type", "shape-enum", "founded_at_least, has_trait", put(*TEST, to={"type": "founded", "years": 2})),
    (f"{AT_TEST}/type", "shape-required", "type is missing", put(*TEST, to={"years": 2})),
    (AT_TEST, "shape-type", "an object", put(*TEST, to="three years")),
    (
        f"{AT_TEST}/tests/1/titles/0",
        "shape-type",
        "text",
        put(*TEST, to={"type": "any_of", "tests": [{"type": "has_trait", "trait": "a"}, TITLE_ONE]}),
    ),
    (
        f"{AT_TEST}/look_back/type",
        "shape-enum",
        "rolling_years, since, unbounded",
        put(*TEST, to={"type": "holds_honour", "honours": ["a"], "look_back": {"type": "ever"}}),
    ),
    (DAY, "shape-format", "a day, as in", put("terms", 0, "value", to={"type": "date", "day": "2020-5-1"})),
    (DAY, "shape-format", "a day, as in", put("terms", 0, "value", to={"type": "date", "day": "20200501"})),
    ("/terms/0/value", "shape-type", "an object", put("terms", 0, "value", to=20)),
    ("/terms/0/kind", "shape-enum", "amount, count, date, ratio", put("terms", 0, "kind", to="money")),
    ("/issued_at", "shape-format", "with its offset", put("issued_at", to="2020-05-09")),
    ("/issued_at", "shape-format", "with its offset", put("issued_at", to="2020-05-09T16:36:00")),
    ("/tracks/0/subject_kinds", "shape-minItems", "at least 1", put("tracks", 0, "subject_kinds", to=[])),
    ("/catalogues/0/version", "shape-minimum", "at least 1", put("catalogues", 0, "version", to=0)),
    ("/terms/0/term", "shape-pattern", "written like", put("terms", 0, "term", to="截止")),
    ("/terms/0/term", "shape-maxLength", "at most 64", put("terms", 0, "term", to="a" * 65)),
    ("/illustrative", "shape-type", "true or false", put("illustrative", to="no")),
    ("/name_en", "plain", "normal form C", put("name_en", to="Cafe\u0301")),
    ("/tracks/0/places/target", "plain", "2^53", put("tracks", 0, "places", to={"target": 2**53, "maximum": 2**60})),
]  # fmt: skip


@pytest.mark.parametrize(("path", "rule", "told", "edit"), WRONG, ids=[f"{rule}:{path}" for path, rule, _, _ in WRONG])
def test_a_finding_stands_where_it_is_and_says_what_belongs_there(
    path: str, rule: str, told: str, edit: Callable[[Document], None]
) -> None:
    document = json.loads((PRESETS / "benchmark-2020.json").read_text(encoding="utf-8"))
    edit(document)
    found = [finding for finding in all_findings(document) if (finding["path"], finding["rule"]) == (path, rule)]
    assert len(found) == 1, all_findings(document)
    assert told in found[0]["en"]
    assert re.search(r"[\u4e00-\u9fff]", found[0]["zh"])


def test_every_fault_of_the_shape_is_found_at_once() -> None:
    document = json.loads((PRESETS / "benchmark-2020.json").read_text(encoding="utf-8"))
    edits = [(path, edit) for path, rule, _, edit in WRONG if rule.startswith("shape-") and path.count("/") <= 2]
    for _, edit in edits:
        whole = copy.deepcopy(document)
        edit(document)
        assert whole != document
    assert {path for path, _ in edits} <= {finding["path"] for finding in all_findings(document)}
