"""Trails, then and now, and reading as of a position, over HTTP, of a life in which every kind of event happened."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import AsyncIterator, Iterable
from typing import Any
from zipfile import ZipFile

import msgspec
import pytest
import pytest_asyncio

from domain.institution.events import ClockAdvanced, InstitutionOpened
from domain.kernel import Audience, Recorded, redact
from infra.front_door import Caller
from infra.record import Accepted, Fact, Proposal
from projections import VIEWS
from projections.kernel import View, fold_all
from tests.case_life import BEN, CALL, MINE, life
from tests.over_http.serving import Served
from tests.viewing import envelope

OFFICE: frozenset[Audience] = frozenset(("public", "subject", "office"))
CASE, UNIT, PANEL, PAYMENT = "A-9", "BR-1", "PANEL", "PAY-1"


class Lived:
    """An office in whose log a whole life stands."""

    served: Served
    clerk: Caller
    stranger: Caller
    log: list[Recorded]

    async def get(self, path: str, who: Caller | None = None, **query: Any) -> Any:
        answer = await self.served.get(who or self.clerk, path, **query)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    async def status(self, path: str, who: Caller | None = None, **query: Any) -> tuple[int, dict[str, Any]]:
        answer = await self.served.get(who or self.clerk, path, **query)
        return answer.status_code, answer.json()

    def told(self, *tags: str) -> list[Recorded]:
        """The facts with any of these tags of which the office sees something."""
        return [r for r in self.log if not {*tags}.isdisjoint(r.tags) and redact(r.event, OFFICE)]

    @property
    def subjects(self) -> dict[str, list[str]]:
        """Each trail, and the tags under which its facts stand: of each kind the subject that most is said of."""
        kinds = {
            "units": ("unit", "parent-unit", "successor-unit", "nominator-unit"), "people": ("person",),
            "programmes": ("programme",), "panels": ("panel",), "payments": ("payment",),
        }  # fmt: skip
        found = {}
        for path, of in kinds.items():
            named = [tag.partition(":")[2] for r in self.log for tag in r.tags if tag.partition(":")[0] == of[0]]
            most = max(sorted(set(named)), key=named.count)
            found[f"/v1/{path}/{most}/trail"] = [f"{kind}:{most}" for kind in of]
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def office(served: Served) -> AsyncIterator[Lived]:
    made = Lived()
    made.served, made.clerk = served, await served.office.somebody("clerk")
    named = {"name_zh": "他处", "name_en": "Elsewhere", "valid_on": "2012-01-01"}
    nowhere = {"unit_id": "NOWHERE", "kind": "branch", **named}
    await served.post(served.office.administrator, "/v1/units", nowhere)
    made.stranger = await served.office.somebody("applicant", "NOWHERE")
    store = await served.parts.stores(served.office.log_id)
    facts = [r.event for r in life() if not isinstance(r.event, InstitutionOpened | ClockAdvanced)]
    for first in range(0, len(facts), 7):
        some = tuple(Fact.of(event) for event in facts[first : first + 7])
        outcome = await store.append(Proposal(request_hash=b"", facts=some, envelope=envelope()))
        assert isinstance(outcome, Accepted)
    made.log = (await store.read()).events
    await served.views.until(served.office.log_id, made.log[-1].position)
    yield made


# --- trails -----------------------------------------------------------------------------------------------------------


async def test_a_trail_tells_every_fact_about_its_subject_in_order(office: Lived) -> None:
    for path, tags in office.subjects.items():
        trail = await office.get(path, limit=1000)
        assert [each["position"] for each in trail["entries"]] == [r.position for r in office.told(*tags)], path
        assert trail["subject"] == tags[0]
        for each in trail["entries"]:
            assert {"actor_id", "authority", "effective_at", "received_at", "recorded_at", "en", "zh"} <= set(each)


async def test_a_trail_is_read_on_page_by_page_and_as_of_an_earlier_position(office: Lived) -> None:
    path, tags = next(iter(office.subjects.items()))
    expected, found = [r.position for r in office.told(*tags)], list[int]()
    page: dict[str, Any] = {"next_after": 0}
    while "next_after" in page:
        page = await office.get(path, limit=3, after=page["next_after"])
        assert len(page["entries"]) <= 3
        found += [each["position"] for each in page["entries"]]
    assert found == expected
    middle = expected[len(expected) // 2]
    earlier = await office.get(path, at_position=middle, limit=1000)
    assert [each["position"] for each in earlier["entries"]] == [p for p in expected if p <= middle]
    assert earlier["position"] == middle


async def test_a_trail_is_filtered_by_type_actor_day_and_position(office: Lived) -> None:
    path = f"/v1/programmes/{CALL}/trail"
    told = office.told(f"programme:{CALL}")
    kind = told[len(told) // 2].type
    ours = [r.position for r in told if r.type == kind]

    async def positions(**query: Any) -> list[int]:
        return [each["position"] for each in (await office.get(path, limit=1000, **query))["entries"]]

    assert await positions(type=kind) == ours
    assert await positions(type=f"{kind},person.registered.v1") == ours
    assert await positions(from_position=ours[0], to_position=ours[0]) == ours[:1]
    assert await positions(actor=told[0].envelope.actor_id) == [
        r.position for r in told if r.envelope.actor_id == told[0].envelope.actor_id
    ]
    assert await positions(actor="nobody") == []
    assert await positions(to_day="2020-01-01") == []
    assert len(await positions(from_day="2020-01-01", to_day="2030-01-01")) == len(told)
    for name, value in (
        ("type", "no.such.v1"),
        ("from_day", "soon"),
        ("changes", "maybe"),
        ("effective_on", "2020-05-09"),
    ):
        status, refusal = await office.status(f"{path}?{name}={value}")
        assert status == 400, name
        assert name in json.dumps(refusal), name


async def test_a_trail_that_would_end_before_it_begins_is_refused_and_not_told_as_empty(office: Lived) -> None:
    path = f"/v1/programmes/{CALL}/trail"
    for query, because in (
        ("from_position=9&to_position=3", {"parameter": "to_position", "rule": "9 at least"}),
        ("from_day=2020-05-09&to_day=2020-05-08", {"parameter": "to_day", "rule": "2020-05-09 at least"}),
    ):
        status, refusal = await office.status(f"{path}?{query}")
        assert (status, refusal["because"]) == (400, because)
        told = await office.served.get(office.clerk, f"{path}?{query}", headers={"Accept-Language": "zh"})
        assert told.json()["detail"].endswith(f"至少 {because['rule'].split()[0]}。")


async def test_whoever_wants_a_trail_in_no_form_there_is_hears_of_all_there_are(office: Lived) -> None:
    status, refusal = await office.status(f"/v1/programmes/{CALL}/trail?format=pdf")
    assert (status, refusal["because"]["known"]) == (406, "json, csv, excel_csv, xlsx, jsonl")


async def test_a_trail_is_exported_whole_in_every_form(office: Lived) -> None:
    path, tags = next(iter(office.subjects.items()))
    expected = [str(r.position) for r in office.told(*tags)]
    lines = await office.served.get(office.clerk, path, format="jsonl")
    assert lines.headers["Content-Type"] == "application/jsonl"
    assert [str(json.loads(line)["position"]) for line in lines.text.splitlines()] == expected
    text = (await office.served.get(office.clerk, path, format="csv", changes="true")).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["position"] for row in rows] == expected
    assert any(json.loads(row["changes"]) for row in rows)
    workbook = await office.served.get(office.clerk, path, format="xlsx")
    with ZipFile(io.BytesIO(workbook.content)) as book:
        assert any("sheet2" in name for name in book.namelist())
    case = await office.served.get(office.clerk, f"/v1/applications/{MINE}/case-file", format="jsonl")
    positions = [json.loads(line)["position"] for line in case.text.splitlines()]
    own = office.told(f"application:{MINE}", f"lead-application:{MINE}")
    assert positions == [r.position for r in own]


async def test_what_a_fact_changed_is_told_as_the_views_have_it(office: Lived) -> None:
    file = await office.get(f"/v1/applications/{CASE}/case-file", changes="true")
    by_name = {view.name: view for view in VIEWS}
    told = [(entry["position"], change) for entry in file["entries"] for change in entry["changes"]]
    assert len({change["view"] for _, change in told}) > 5
    for position, change in random.Random(7).sample(told, 40):
        view, key = by_name[change["view"]], change["key"]
        for at, value in ((position - 1, change["before"]), (position, change["after"])):
            found = await office.served.views.get(office.served.office.log_id, view, key, at_position=at)
            stood = None if found.row is None else getattr(found.row, change["field"])
            assert as_json(stood) == value, (position, change)


def as_json(value: object) -> Any:
    return json.loads(msgspec.json.encode(value))


async def test_a_fact_names_the_facts_it_rests_on_and_the_clause_they_quote(office: Lived) -> None:
    trail = await office.get(f"/v1/programmes/{CALL}/trail", limit=1000)
    by_position = {each["position"]: each for each in trail["entries"]}
    quoted = [each for each in by_position.values() if each.get("clause")]
    assert quoted
    assert all(each["body"].get("clause", each["clause"]) == each["clause"] for each in quoted)
    resting = [each for each in by_position.values() if each["rests_on"]]
    assert resting


async def test_a_trail_is_redacted_for_its_reader_and_unknown_to_whom_it_tells_nothing(office: Lived) -> None:
    assert (await office.status(f"/v1/people/{BEN}/trail", office.stranger))[0] == 404
    assert (await office.status("/v1/units/NONE-SUCH/trail"))[0] == 404
    for path, tags in office.subjects.items():
        status, trail = await office.status(path, office.stranger, limit=1000)
        told = [each["position"] for each in trail["entries"]] if status == 200 else []
        assert bool(told) == (status == 200)
        feeds = [await office.get("/v1/events", office.stranger, tag=tag, limit=1000) for tag in tags]
        assert {each["position"] for feed in feeds for each in feed["items"]} == set(told), path
    programme = await office.get(f"/v1/programmes/{CALL}/trail", office.stranger, limit=1000)
    assert programme["entries"], "a call is everybody's"
    assert all(each.get("actor_id") is None and each["body"] for each in programme["entries"])
    everything = await office.get(f"/v1/programmes/{CALL}/trail", limit=1000)
    assert len(programme["entries"]) < len(everything["entries"])
    seen = {change["field"] for each in programme["entries"] for change in each["changes"]}
    assert "recorded_by" not in seen


# --- as of ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
async def test_as_of_any_position_every_view_is_the_replay_of_the_prefix(office: Lived, view: View[Any]) -> None:
    log_id = office.served.office.log_id
    reading = [r.position for r in office.log if r.type in view.topics]
    chosen = {0, office.log[-1].position, *random.Random(view.name).sample(reading, min(4, len(reading)))}
    for position in sorted({p for at in chosen for p in (at, max(0, at - 1))}):
        expected = fold_all(view, office.log[:position])
        page = await office.served.views.list(log_id, view, at_position=position, limit=5_000)
        assert {view.key_of(row): row for row in page.rows} == expected, position
        assert page.next is None


# --- then and now -----------------------------------------------------------------------------------------------------


async def differing(office: Lived, field: str, name: str, then: int, now: int) -> dict[tuple[str, str, str], Any]:
    """The difference of two reads of every view as of the two positions, as the office sees it."""
    fields: dict[tuple[str, str, str], list[Any]] = {}
    for view in VIEWS:
        for side, position in enumerate((then, now)) if field in view.row.__struct_fields__ else ():
            page = await office.served.views.list(office.served.office.log_id, view, at_position=position, limit=5_000)
            for row in about(page.rows, field, name):
                for column, value in redact(row, OFFICE).items():
                    at = (view.name, json.dumps(as_json(view.key_of(row))), column)
                    fields.setdefault(at, [None, None])[side] = as_json(value)
    return {at: values for at, values in fields.items() if values[0] != values[1]}


def about(rows: Iterable[Any], field: str, name: str) -> list[Any]:
    # What the office may not know of at all is left out; its fields are the restricted ones.
    return [row for row in rows if getattr(row, field) == name and field in redact(row, OFFICE)]


@pytest.mark.parametrize(
    ("path", "field", "name"),
    [("applications", "application_id", CASE), ("units", "unit_id", UNIT), ("programmes", "programme_id", CALL)],
)
async def test_then_and_now_is_the_difference_of_the_two_reads(office: Lived, path: str, field: str, name: str) -> None:
    about_it = [r.position for r in office.told(f"{field.removesuffix('_id')}:{name}")]
    for then, now in ((about_it[0] - 1, about_it[-1]), (about_it[len(about_it) // 3], about_it[len(about_it) // 2])):
        told = await office.get(f"/v1/{path}/{name}/differences", from_position=then, to_position=now)
        found = {(d["view"], json.dumps(d["key"]), d["field"]): [d["before"], d["after"]] for d in told["items"]}
        assert found == await differing(office, field, name, then, now)
        causes = {cause["position"] for cause in told["causes"]}
        assert {item["position"] for item in told["items"]} >= causes
        assert all(then < item["position"] <= now for item in told["items"])
        assert causes


async def test_moments_are_positions_or_instants_and_in_order(office: Lived) -> None:
    path = f"/v1/applications/{CASE}/differences"
    whole = await office.get(path, from_position=0)
    assert whole["to_position"] == (await office.get("/v1/events", limit=1))["head"]
    since = await office.get(path, from_as_of="2020-05-09T08:00:00Z", to_as_of="2030-01-01T00:00:00Z")
    assert since["to_position"] == whole["to_position"]
    for query, named in (
        ({}, "from_position"),
        ({"from_position": 9, "to_position": 4}, "to_position"),
        ({"from_position": 9, "from_as_of": "2020-05-09T08:00:00Z"}, "from_as_of"),
        ({"from_position": 10**9}, "from_position"),
        ({"from_position": 1, "at_position": 3}, "at_position"),
    ):
        status, refusal = await office.status(path, **query)
        assert status == 400, query
        assert named in json.dumps(refusal), (query, refusal)
    assert (await office.status("/v1/applications/NONE/differences", from_position=0))[0] == 404
    assert (await office.status("/v1/units/BR-1/differences", office.stranger, from_position=0))[0] in {200, 404}
    lines = await office.served.get(office.clerk, path, from_position=0, format="jsonl")
    assert len(lines.text.splitlines()) == len(whole["items"])
    text = (await office.served.get(office.clerk, path, from_position=0, format="csv")).text
    assert len(list(csv.DictReader(io.StringIO(text)))) == len(whole["items"])
