"""What the documentation says of the code is what the code says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from api.event_catalogue import page
from api.programme import all_findings
from domain.lifecycle import EVENTS
from domain.programme.definition import RULES, Definition, findings
from domain.programme.events import LeafTest, Test

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "programme-definition.md"


def test_the_event_catalogue_is_as_the_code_makes_it() -> None:
    written = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m api.cli.event_catalogue > docs/events.md"


def test_the_event_catalogue_has_every_event_and_every_field() -> None:
    text = page()
    for event in EVENTS:
        section = text.partition(f"### `{event.TOPIC}`")[2].partition("\n### ")[0]
        for field in msgspec.structs.fields(event):
            assert f"| `{field.name}` |" in section, f"{event.TOPIC}.{field.name}"


def test_the_guide_names_every_part_and_every_test_of_a_definition() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    tests = {kind.__struct_config__.tag for kind in (*LeafTest.__args__, *Test.__args__)}
    assert {f"`{tag}`" for tag in tests if f"`{tag}`" not in text} == set()
    parts = [field.name for field in msgspec.structs.fields(Definition)]
    missing = [name for name in parts if f"`{name}`" not in text and name not in {"name_zh", "name_en", "illustrative"}]
    assert not missing


def test_the_terms_that_the_guide_shows_are_terms() -> None:
    blocks = re.findall(r"```json\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    terms = [json.loads(text) for block in blocks for text in re.split(r"\n(?=\{)", block.strip())]
    assert len(terms) >= 3
    preset = json.loads((ROOT / "domain/programme/presets/benchmark-2020.json").read_text(encoding="utf-8"))
    assert [term for term in terms if term not in preset["terms"]] == []
    assert findings(preset) == []


def test_the_definition_that_the_guide_shows_is_one_and_every_named_rule_is_told() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    (whole,) = re.findall(r"```json whole\n(.*?)```", text, re.DOTALL)
    assert all_findings(json.loads(whole)) == []
    assert [rule.name for rule in RULES if f"| `{rule.name}` | {rule.en} |" not in text] == []


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert [link for link in targets if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", ["judging.md", "applicant.md"])
def test_every_path_that_a_guide_names_is_one_of_the_api(page: str) -> None:
    """Whoever follows a guide finds what it names; what is elided (…/withdraw) ends a path of the API."""
    routes = json.loads((ROOT / "api" / "openapi.json").read_text(encoding="utf-8"))["paths"]
    known = {(method.upper(), path) for path, methods in routes.items() for method in methods}
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    named = re.findall(r"`(GET|POST) (/v1/[^`?]+)`?(?:\?[^`]*`)?(?: \(`(/[a-z-]+)`\))?", text)
    assert len(named) > 10
    for method, path, other in named:
        assert (method, path) in known, (method, path)
        if other:
            assert (method, f"{path.rpartition('/')[0]}{other}") in known, (path, other)
    for tail in re.findall(r"`…(/[a-z-]+)`", text):
        assert any(path.endswith(tail) for _, path in known), tail


@pytest.mark.parametrize(("page", "below"), [("cultivation.md", 8), ("assessment.md", 6), ("ledgers.md", 0)])
def test_every_path_that_a_guide_to_cases_names_is_one_of_the_api(page: str, below: int) -> None:
    """Whole paths, and those that begin below a case; what stands in braces is called shorter than in the API."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    routes = json.loads((ROOT / "api" / "openapi.json").read_text(encoding="utf-8"))["paths"]
    paths = {path.replace("_id}", "}") for path in routes}
    whole = re.findall(r"`(?:GET|POST) (/v1/[^`?]+)", text)
    tails = re.findall(r"`…?(/[a-z{][^`?]*)`", text)
    assert len(tails) >= below
    for path in whole:
        assert path.replace("_id}", "}") in paths, path
    for tail in tails:
        assert any(path.endswith(tail.replace("_id}", "}")) for path in paths), tail


def test_the_readme_names_each_command_in_both_spellings() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in ("demo", "test", "serve", "rules"):
        assert f"`make {command}`" in text
        assert f"`python3 infra/bootstrap.py {command}`" in text
