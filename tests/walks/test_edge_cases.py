"""Ten cases from real notices on which a naive model fails, each walked over HTTP against the running product."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from tests.walks.cycle import AT, SHOWN_FROM, TRACK, Cycle, definition
from tests.walks.desk import CALL, DEFINITION
from tests.walks.judging import PANEL, PUBLICITY_RULE, STAGE

pytestmark = pytest.mark.slow


async def test_1_more_or_fewer_are_chosen_than_there_are_places(cycle: Cycle) -> None:
    c = cycle
    await c.announced(places={"target": 2, "minimum": 1, "maximum": 4})
    await c.recommended(*("selected",) * 5)
    five, four = ("selected",) * 5, (*("selected",) * 4, "reserve")
    too_many = await c.house.refused("head", f"{TRACK}/decisions", await c.decision("D-1", *five), "quality")
    assert too_many == {"type": "places-exceeded", "selected": 5, "at_most": 4}
    more = await c.decision("D-1", *four)
    assert (await c.house.refused("head", f"{TRACK}/decisions", more))["type"] == "reason-missing"
    await c.act("head", f"{TRACK}/decisions", more, "quality")
    await c.act("head", f"{TRACK}/decisions/D-1/reopen", reason="budget_cut")
    fewer = await c.decision("D-2", "selected", *("not_selected",) * 4)
    await c.act("head", f"{TRACK}/decisions", fewer, "budget_cut")
    decided = {row["decision_id"]: (row["selected"], row["places"]) for row in await c.rows("/v1/decisions")}
    assert decided == {"D-1": (4, 2), "D-2": (1, 2)}
    chosen = await c.rows("/v1/selections", state="selected")
    assert [row["application_id"] for row in chosen] == [c.application(1)]


async def test_2_a_notice_that_contradicts_itself_is_kept_as_printed_and_read_as_decided(cycle: Cycle) -> None:
    house = cycle.house
    final = {
        "term": "final_documents_due", "kind": "date", "clause": "四", "as_published": "2021年5月",
        "legibility": "contradictory", "value": {"type": "date", "day": "2021-05-31"},
    }  # fmt: skip
    ends = {
        "term": "cycle_ends", "kind": "date", "clause": "四", "as_published": "2022年6月", "legibility": "clear",
        "value": {"type": "date", "day": "2022-06-30"},
    }  # fmt: skip
    days = {"term": "days", "kind": "count", "clause": "三", "as_published": "57天", "legibility": "damaged"}
    await house.furnish({**DEFINITION, "terms": [*DEFINITION["terms"], final, ends, days]})
    path = f"{AT}/terms"

    async def read(term: str) -> dict[str, Any]:
        return next(row for row in await cycle.rows(path) if row["term"] == term)

    printed = await read("final_documents_due")
    assert (printed["as_published"], printed["legibility"], printed["value"]["day"]) == (
        "2021年5月", "contradictory", "2021-05-31",
    )  # fmt: skip
    later = {"value": {"type": "date", "day": "2022-05-31"}}
    await house.act("clerk", f"{path}/final_documents_due/interpret", later, reason="year_misprinted")
    await house.act("clerk", f"{path}/days/interpret", {"value": {"type": "count", "count": 5}}, reason="digit_added")
    clear = await house.refused("clerk", f"{path}/cycle_ends/interpret", later, "rather_later")
    assert clear["type"] == "term-is-clear"
    erratum = {"value": {"type": "date", "day": "2022-12-31"}, "erratum_document_id": await cycle.paper("clerk")}
    await house.act("head", f"{path}/cycle_ends/correct", erratum)
    read_as = {term: await read(term) for term in ("application_closes", "final_documents_due", "days", "cycle_ends")}
    assert {term: (row["as_published"], row["value"]) for term, row in read_as.items()} == {
        "application_closes": ("5前", {"type": "date", "day": "2020-05-31"}),
        "final_documents_due": ("2021年5月", later["value"]),
        "days": ("57天", {"type": "count", "count": 5}),
        "cycle_ends": ("2022年6月", erratum["value"]),
    }


async def test_3_working_days_are_counted_as_the_state_published_them(cycle: Cycle) -> None:
    c = cycle
    days = {
        "term": "application_window_working_days", "kind": "count", "clause": "三", "as_published": "15个工作日",
        "legibility": "clear", "value": {"type": "count", "count": 15},
    }  # fmt: skip
    await c.announced()
    # Opened on a Saturday that was worked, the window counts from the Monday after.
    other = {**DEFINITION, "terms": [days]}
    notice = await c.paper("clerk", "notice")
    await c.act("clerk", "/v1/programmes/OTHER/announce", {"notice_document_id": notice, "definition": other})
    await c.act("clerk", "/v1/programmes/OTHER/window/open")
    windows = {row["programme_id"]: row for row in await c.rows("/v1/windows")}
    assert (windows["OTHER"]["rule"], windows["OTHER"]["last_day"]) == ("working_days", "2020-05-29")
    outcomes = ("selected",)
    await c.recommended(*outcomes)
    await c.act("head", f"{TRACK}/decisions", await c.decision("D-1", *outcomes), "one_only")
    await c.act("head", f"{AT}/publicity-rules", PUBLICITY_RULE, "call_is_silent")
    await c.until(SHOWN_FROM)
    # Monday to Monday: 25 and 26 June were a festival, Sunday the 28th was worked.
    working = await c.shown("WORKING")
    assert (working["last_day"], working["closes_at"]) == ("2020-06-29", "2020-06-29T16:00:00Z")
    await c.until("2020-06-24T09:00:00+08:00")
    await c.act("head", "/v1/publicities/WORKING/take-down", reason="wrong_rule")
    calendar = PUBLICITY_RULE | {"day_rule": "calendar"}
    await c.act("head", f"{AT}/publicity-rules", calendar, "decided_anew")
    # Five calendar days from the Wednesday end on that Sunday.
    again = await c.shown("CALENDAR", follows="WORKING")
    assert (again["last_day"], again["closes_at"]) == ("2020-06-28", "2020-06-28T16:00:00Z")
    await c.until("2020-06-29T00:00:00+08:00")
    (row,) = await c.rows("/v1/selected")
    assert (row["publicity_id"], row["first_day"]) == ("CALENDAR", "2020-06-29")


async def test_4_several_applications_become_one_project_that_goes_by_its_lead(cycle: Cycle) -> None:
    c, house = cycle, cycle.house
    lead, partner, third = (c.application(n) for n in (1, 2, 3))
    await c.announced(places={"target": 2, "maximum": 2})
    outcomes = ("selected", "selected", "selected")
    await c.recommended(*outcomes)
    three = await house.refused("head", f"{TRACK}/decisions", await c.decision("D-1", *outcomes), "quality")
    assert three == {"type": "places-exceeded", "selected": 3, "at_most": 2}
    project = {"lead_application_id": lead, "application_ids": [partner]}
    await c.act("head", f"{TRACK}/join", project, "same_building")
    apart = await house.refused("committee", f"/v1/applications/{partner}/withdraw", reason="rather_not")
    assert apart == {"type": "part-of-project", "application_id": partner, "lead_application_id": lead}
    assert (await house.send("hand-BR-2", "GET", "/v1/partners")).json()["items"] == []
    await c.act("head", f"{TRACK}/decisions", await c.decision("D-1", "selected", "joined", "selected"))
    (told,) = await c.rows("/v1/decisions")
    assert (told["selected"], told["places"]) == (2, 2)
    await c.pass_publicity()
    public = f"{house.urls[0]}/public/{house.institution_id}"
    posted = (await house.http.get(f"{public}/publicities/SHOWN")).json()
    named = [(each["unit_id"], [one["unit_id"] for one in each["partners"]]) for each in posted["entries"]]
    assert named == [("BR-1", ["BR-2"]), ("BR-3", [])]
    page = (await house.http.get(f"{public}/publicities/SHOWN", headers={"Accept": "text/html"})).text
    assert "BR-1、BR-2<br>BR-1, BR-2" in page
    (row,) = await c.rows("/v1/partners", "hand-BR-2")
    assert (row["application_id"], row["unit_id"]) == (lead, "BR-2")
    assert [row["application_id"] for row in await c.rows("/v1/cases")] == [lead, third]
    # One task book, one account of money: the case of the lead. The partner reads it whole, and has none of its own.
    await c.allocated(_1=500_000)
    assert (await c.balance(1))["allocated_fen"] == 500_000
    unknown = await house.refused("clerk", f"/v1/cases/{partner}/funds/allocate", c.funds(1))
    assert unknown["type"] == "case-unknown"
    entries = (await house.read("hand-BR-2", f"/v1/applications/{lead}/case-file"))["entries"]
    assert "funding.allocated.v1" in {entry["type"] for entry in entries}
    assert (await house.send("hand-BR-3", "GET", f"/v1/applications/{lead}/case-file")).status_code == 404
    # One title, in which every unit is named.
    await accepted(c, lead, "excellent")
    await c.act("head", f"/v1/cases/{lead}/complete", reason="early")
    await c.act("head", f"{AT}/titles", TITLE, "naming")
    conferred = {"designation_id": "T-1", "title": "model", "decision_document_id": await c.paper()}
    await c.act("head", f"/v1/applications/{lead}/designations", conferred)
    await c.rows("/v1/designations")
    (entry,) = (await house.http.get(f"{public}/designations?format=json")).json()["items"]
    assert (entry["unit_id"], [one["unit_id"] for one in entry["partners"]]) == ("BR-1", ["BR-2"])
    # A bar that is decided about the project reaches each of its units, and nobody else.
    await c.procedure()
    about = {"application_id": lead, "concerned": "unit", "unit_id": "BR-1"}
    await c.measure("bar", about, kind="bar", from_on="2020-06-30")
    asked = [no_bar("unit"), rule("titled", {"type": "holds_title", "titles": ["model"]})]
    await next_call(c, asked)
    found = {n: await judged(c, n) for n in (1, 2, 3)}
    assert found == {
        1: {"no_bar": "not_met", "titled": "met"},
        2: {"no_bar": "not_met", "titled": "met"},
        3: {"no_bar": "met", "titled": "not_met"},
    }


OUTCOMES = [
    {"code": code, "name_zh": zh, "name_en": code, "effects": effects}
    for code, zh, effects in (
        ("excellent", "优秀", ["complete", "title"]),
        ("passed", "合格", ["complete"]),
        ("deferred", "暂缓通过", ["extend"]),
        ("failed", "不合格", ["no_completion"]),
    )
]
ACCEPTANCE = {
    "order": 1, "name_zh": "验收", "name_en": "Acceptance", "track_ids": ["branch"], "kind": "acceptance",
    "outcomes": OUTCOMES,
}  # fmt: skip
TITLE = {"title": "model", "name_zh": "样板支部", "name_en": "Model branch", "track_ids": ["branch"]}


async def accepted(c: Cycle, application_id: str, outcome: str) -> None:
    """What the acceptance found of a case."""
    if not await c.rows(f"{AT}/assessments"):
        await c.act("head", f"{AT}/assessments/acceptance", ACCEPTANCE, "call_is_silent")
    decided = {"outcome": outcome, "decision_document_id": await c.paper()}
    await c.act("head", f"/v1/cases/{application_id}/assessments/acceptance/decide", decided)


async def test_5_who_passed_need_not_be_named_and_one_passes_later_in_the_list_of_others(cycle: Cycle) -> None:
    c, house = cycle, cycle.house
    await c.confirmed("selected", "selected")
    passed, late = c.application(1), c.application(2)
    await c.until("2021-04-01T09:00:00+08:00")
    await c.act("head", f"{AT}/titles", TITLE, "naming")
    await accepted(c, passed, "passed")
    await c.act("head", f"/v1/cases/{passed}/complete")
    title = {"title": "model", "decision_document_id": await c.paper()}
    no = await house.refused("head", f"/v1/applications/{passed}/designations", title | {"designation_id": "T-1"})
    assert no["type"] == "outcome-bears-no-title"
    await accepted(c, late, "deferred")
    early = await house.refused("head", f"/v1/cases/{late}/complete")
    assert early["type"] == "not-accepted"
    extended = {"last_day": "2021-12-31"}
    await c.act("head", f"/v1/cases/{late}/assessments/acceptance/extend", extended, "second_acceptance")
    # Its batch has ended by then: this one is accepted, completed and named with the next.
    await c.until("2022-01-10T09:00:00+08:00")
    await accepted(c, late, "excellent")
    await c.act("head", f"/v1/cases/{late}/complete")
    await c.act("head", f"/v1/applications/{late}/designations", title | {"designation_id": "T-2"})
    cases = {
        row["application_id"]: (row["state"], row["last_day"], row["ended_on"]) for row in await c.rows("/v1/cases")
    }
    assert cases == {
        passed: ("completed", "2021-03-31", "2021-04-01"),
        late: ("completed", "2021-12-31", "2022-01-10"),
    }
    rounds = await c.rows("/v1/assessments")
    assert {(row["application_id"], row["round"], row["outcome"]) for row in rounds} == {
        (passed, 1, "passed"), (late, 2, "excellent"),
    }  # fmt: skip
    await c.rows("/v1/designations")
    register = await house.http.get(f"{house.urls[0]}/public/{house.institution_id}/designations?format=json")
    assert [(each["unit_id"], each["conferred_on"]) for each in register.json()["items"]] == [("BR-2", "2022-01-10")]


async def test_6_money_dies_with_its_fiscal_year_while_the_cycle_goes_on(cycle: Cycle) -> None:
    c, house = cycle, cycle.house
    await c.confirmed("selected")
    await c.allocated(_1=1_000_000)
    case = f"/v1/cases/{c.application(1)}"
    await c.act("clerk", f"{case}/funds/commit", c.funds(600_000))
    await c.pay(case, "P-1", 250_000)
    await c.until("2020-12-20T18:00:00+08:00")
    await c.act("clerk", f"{case}/funds/commit", c.funds(50_000))
    await c.until("2020-12-21T09:00:00+08:00")
    (running,) = await c.rows("/v1/cases")
    assert (running["state"], running["last_day"]) == ("running", "2021-03-31")
    left = await c.balance(1)
    # What remains of the grant is not what may still be spent.
    assert (left["allocated_fen"], left["committed_fen"], left["paid_out_fen"]) == (350_000, 400_000, 250_000)
    dead = {"type": "year-cut-off", "source": "budget", "year": 2020, "cutoff_on": "2020-12-20"}
    for path, body in (("funds/commit", c.funds(1)), ("payments", c.funds(1, payment_id="P-2"))):
        refused = await house.refused("clerk", f"{case}/{path}", body)
        assert {name: refused[name] for name in (*dead, "asked_fen")} == dead | {"asked_fen": 1}
    # No carry-over: what is left goes back, and the next year has what is appropriated for it.
    await c.act("head", f"{case}/funds/lapse", {"source": "budget", "year": 2020}, "no_carry_over")
    lapsed = await c.balance(1)
    assert (lapsed["allocated_fen"], lapsed["paid_out_fen"]) == (0, 250_000)
    await c.until("2021-01-05T09:00:00+08:00")
    approval = {"document_id": await c.paper("finance", "evidence")}
    await c.act("finance", f"{AT}/funds/appropriate", c.funds(1_000_000, year=2021) | approval)
    await c.act("clerk", f"{case}/funds/allocate", c.funds(300_000, year=2021))
    (new,) = await c.rows("/v1/balances", application_id=c.application(1), year=2021)
    assert (new["allocated_fen"], new["paid_out_fen"]) == (300_000, 0)


def rule(code: str, test: dict[str, Any], **more: Any) -> dict[str, Any]:
    named = {"rule": code, "name_zh": "条件", "name_en": "Condition", "clause": "二"}
    return {**named, "severity": "hard", "test": test, **more}


def no_bar(*reach: str) -> dict[str, Any]:
    return rule("no_bar", {"type": "no_bar", "reach": reach})


async def next_call(c: Cycle, eligibility: list[dict[str, Any]]) -> None:
    """Another call of the same institution, with rules of eligibility of its own, whose window is open."""
    announced = definition(eligibility=eligibility)
    notice = await c.paper("clerk", "notice")
    await c.act("clerk", "/v1/programmes/NEXT/announce", {"notice_document_id": notice, "definition": announced})
    value = {"value": {"type": "date", "day": "2020-12-31"}}
    await c.act("clerk", "/v1/programmes/NEXT/terms/application_closes/interpret", value, "damaged")
    await c.act("clerk", "/v1/programmes/NEXT/window/open")


async def judged(c: Cycle, number: int, unit_id: str | None = None) -> dict[str, str]:
    """What the rules of the next call find of a branch."""
    unit, application_id = unit_id or f"BR-{number}", f"NEXT-{number}"
    who = "hand" if unit == "BR-0" else f"hand-{unit}"
    body = {"application_id": application_id, "programme_id": "NEXT", "track_id": "branch", "unit_id": unit}
    await c.act(who, "/v1/applications", body)
    receipt = await c.act("clerk", f"/v1/applications/{application_id}/judge")
    row = await c.house.read("clerk", f"/v1/applications/{application_id}/eligibility", min_position=receipt["version"])
    return {finding["rule"]: finding["outcome"] for finding in row["findings"]}


async def test_7_consequences_hit_others_than_who_failed(cycle: Cycle) -> None:
    c, house = cycle, cycle.house
    await c.announced()
    await house.unit("UNIV", "general_branch", "PC")
    await house.unit("DEPT", "general_branch", "UNIV")
    for unit_id, parent in (("BR-1", "COL"), ("BR-2", "COL"), ("BR-3", "DEPT")):
        await house.unit(unit_id, "branch", parent)
        await house.person(f"hand-{unit_id}", "applicant", unit_id)
    await house.person("adviser", "adviser", "BR-2")
    await c.procedure()
    college, person = {"concerned": "parent", "unit_id": "COL"}, {"concerned": "adviser"}
    await c.measure("cut", college, kind="quota_cut", from_on="2020-05-09", places=1)
    await c.measure("ban", person | {"person_id": house.people["adviser"]}, kind="bar", from_on="2020-05-09")
    await c.measure("univ", {"concerned": "parent", "unit_id": "UNIV"}, kind="bar", from_on="2020-05-09")
    await next_call(c, [no_bar("unit", "parent", "ancestors", "adviser")])
    found = {n: (await judged(c, n))["no_bar"] for n in (1, 2, 3)}
    assert found == {1: "met", 2: "not_met", 3: "not_met"}
    trace = await house.read("clerk", "/v1/applications/NEXT-3/eligibility")
    (finding,) = trace["findings"]
    evidence = await house.feed("accountability.measure_decided.v1")
    assert finding["evidence"] == [each["position"] for each in evidence if each["body"]["unit_id"] == "UNIV"]
    # The parent has one place less: shown beside what was assigned, and refused with figures at the filing.
    places = {"nominator_unit_id": "COL", "places": 1, "basis": "call"}
    await c.act("clerk", "/v1/programmes/NEXT/tracks/branch/quotas", places, "agreed")
    (quota,) = await c.rows("/v1/programmes/NEXT/quotas", "clerk")
    assert (quota["places"], quota["cut"], quota["cut_by"], quota["usable"]) == (1, 1, ["M-cut"], 0)
    at = "/v1/applications/NEXT-1"
    seen = await house.send("hand-BR-1", "GET", at)
    saved = await house.act(
        "hand-BR-1", f"{at}/form", {"answers": {"goals": "目标"}}, headers={"If-Match": seen.headers["ETag"]}
    )
    prepared = await house.act("hand-BR-1", f"{at}/prepare", headers={"If-Match": f'"{saved["version"]}"'})
    resolution = await house.deposit("committee", "resolution", "会议决议", "COL")
    await c.act("committee", f"{at}/decide", {"resolution_document_id": resolution})
    row = await house.read("committee", at, min_position=prepared["version"])
    await c.act("committee", f"{at}/vet", {"materials_digest": row["prepared_digest"]})
    cut = await house.refused("committee", f"{at}/file")
    assert cut == {"type": "quota-cut", "places": 1, "cut": 1, "used": 0}


async def test_8_spent_money_is_clawed_back_and_a_hold_is_lifted_again(cycle: Cycle) -> None:
    c, house = cycle, cycle.house
    await c.confirmed("selected")
    await c.allocated(_1=1_000_000)
    case = f"/v1/cases/{c.application(1)}"
    await c.act("clerk", f"{case}/funds/commit", c.funds(900_000))
    await c.pay(case, "P-1", 500_000)
    evidence = await c.paper("clerk", "evidence")
    spent = c.funds(450_000, category="training", evidence_document_id=evidence)
    await c.act("clerk", f"{case}/funds/account", spent)
    # Stopped until it is put right, then paid again.
    held = c.funds(400_000, stage="committed")
    await c.act("head", f"{case}/funds/freeze", held | {"ground": "audit"}, "audit")
    stopped = await house.refused("clerk", f"{case}/payments", c.funds(100_000, payment_id="P-2"))
    assert (stopped["type"], stopped["gate"], stopped["asked_fen"]) == ("gate-closed", "no_freeze", 100_000)
    await c.act("head", f"{case}/funds/release", held, "put_right")
    await c.pay(case, "P-2", 100_000)
    # 1,500.00 is with the unit unspent; 4,000.00 of what was spent is to come back beside it.
    order = {"ground": "misused", "decision_document_id": await c.paper()}
    used = c.funds(400_000, stage="accounted_for", category="training", recovery_id="R-1")
    much = await house.refused("head", f"{case}/recoveries", used | order | {"amount_fen": 450_001}, "decided")
    assert (much["type"], much["there_fen"], much["asked_fen"]) == ("stage-exceeded", 450_000, 450_001)
    await c.act("head", f"{case}/recoveries", used | order, "decided")
    claimed = await c.balance(1)
    assert (claimed["accounted_for_fen"], claimed["claimed_fen"], claimed["recovered_fen"]) == (50_000, 400_000, 0)
    for number, fen in enumerate((300_000, 100_000), 1):
        bank = {"amount_fen": fen, "bank_reference": f"BACK-{number}"}
        await c.act("finance", f"{case}/recoveries/R-1/receive", bank)
    over = {"amount_fen": 1, "bank_reference": "BACK-3"}
    nothing = await house.refused("finance", f"{case}/recoveries/R-1/receive", over)
    assert (nothing["type"], nothing["there_fen"]) == ("stage-exceeded", 0)
    back = await c.balance(1)
    # Of 6,000.00 that were paid, 4,000.00 came back: less is disbursed, net, than had been spent.
    assert (back["claimed_fen"], back["recovered_fen"], back["paid_out_fen"], back["accounted_for_fen"]) == (
        0, 400_000, 150_000, 50_000,
    )  # fmt: skip
    (row,) = await c.rows("/v1/recoveries")
    assert (row["claimed_fen"], row["received_fen"], row["outstanding"]) == (400_000, 400_000, False)
    # Reversed in the end, the selection names every movement of its money, and no more goes out.
    at = f"/v1/applications/{c.application(1)}/reverse"
    facts = (await house.read("auditor", "/v1/events", limit=1000, tag=f"application:{c.application(1)}"))["items"]
    moved = [each["position"] for each in facts if each["type"].startswith(("funding.", "selection.confirmed."))]
    await c.act("head", at, {"resolution_document_id": await c.paper()}, "misused")
    (chosen,) = await c.rows("/v1/selections", state="reversed")
    assert (chosen["hung"], len(moved)) == (moved, 15)
    ended = await house.refused("clerk", f"{case}/payments", c.funds(1, payment_id="P-3"))
    assert (ended["type"], ended["gate"]) == ("gate-closed", "case_running")


async def test_9_one_track_has_other_rules_for_each_kind_of_unit(cycle: Cycle) -> None:
    c, house = cycle, cycle.house
    young, old = ({"type": "founded_at_least", "years": years} for years in (2, 3))
    await c.announced(
        quotas=[
            {"nominator_kind": "general_branch", "at_most": 1},
            {"nominator_kind": "general_branch", "nominator_trait": "large", "at_most": 3},
        ],
        eligibility=[
            rule("three_years", old, not_for_traits=["student"]),
            rule("two_years", young, for_traits=["student"]),
        ],
    )
    source = {"source_document_id": await c.paper("clerk", "evidence")}
    founded = ("2017-05-09", "2018-05-09", "2016-01-01", "2018-05-09", "2018-05-10")
    students = {"BR-2", "BR-5"}

    async def described(unit_id: str) -> None:
        day = founded[int(unit_id[3:]) - 1]
        await c.act("clerk", f"/v1/units/{unit_id}/foundation", {"founded_on": day, "valid_on": day, **source})
        if unit_id in students:
            traits = {"traits": ["student"], "valid_on": "2018-06-01", **source}
            await c.act("clerk", f"/v1/units/{unit_id}/traits", traits)

    # Who puts forward has places by its own kind as well.
    quotas, three = f"{TRACK}/quotas", {"nominator_unit_id": "COL", "places": 3, "basis": "call"}
    assert (await house.refused("clerk", quotas, three))["type"] == "reason-missing"
    await c.act("clerk", "/v1/units/COL/traits", {"traits": ["large"], "valid_on": "2019-01-01", **source})
    await c.act("clerk", quotas, three)
    for number in (4, 5):
        await house.unit(f"BR-{number}", "branch", "COL")
        await house.person(f"hand-BR-{number}", "applicant", f"BR-{number}")
        await described(f"BR-{number}")
        body = {"application_id": c.application(number), "programme_id": CALL, "track_id": "branch"}
        await c.act(f"hand-BR-{number}", "/v1/applications", body | {"unit_id": f"BR-{number}"})
        await c.act("clerk", f"/v1/applications/{c.application(number)}/judge")
    await c.recommended(*("selected",) * 3, described=described)
    found = {
        row["unit_id"]: [finding["outcome"] for finding in row["findings"]] for row in await c.rows("/v1/eligibility")
    }
    assert found == {
        "BR-1": ["met", "not_applicable"],
        "BR-2": ["not_applicable", "met"],
        "BR-3": ["met", "not_applicable"],
        "BR-4": ["not_met", "not_applicable"],
        "BR-5": ["not_applicable", "not_met"],
    }
    await c.act("head", f"{TRACK}/decisions", await c.decision("D-1", *("selected",) * 3))
    await c.pass_publicity()
    await c.allocated(_1=5_000_000, _2=4_000_000, _3=1_000_000)
    balances = [row for row in await c.rows("/v1/balances", programme_id=CALL) if row["whose"] != "programme"]
    given = {row["application_id"]: row["allocated_fen"] for row in balances}
    assert given == {c.application(1): 5_000_000, c.application(2): 4_000_000, c.application(3): 1_000_000}
    over = await house.refused("clerk", f"/v1/cases/{c.application(3)}/funds/allocate", c.funds(2_000_000))
    assert (over["type"], over["stage"], over["there_fen"], over["asked_fen"]) == (
        "stage-exceeded", "unallocated", 0, 2_000_000,
    )  # fmt: skip


async def test_10_a_sheet_may_be_valid_and_the_set_of_them_not(cycle: Cycle) -> None:
    c, house = cycle, cycle.house
    (work,) = STAGE["criteria"]
    integers = work | {"lowest_tenths": 800, "step_tenths": 10}
    half = {"rule": "excellent_half", "at_least_tenths": 900, "share_at_most_bp": 5_000}
    spread = {"rule": "not_all_top", "at_least_tenths": 850, "share_at_most_bp": 8_500}
    veto = {"criterion": "work", "mean_below_tenths": 820}
    given = {
        "R1": (950, 940, 920, 810),
        "R2": (930, 910, 860, 820),
        "R3": (980, 870, 840),
    }  # fmt: skip
    await c.announced()
    await c.scored(
        4, seats=tuple(given), marks=lambda seat, n: given[seat][n - 1], recused={("R3", 4)},
        criteria=[integers], share_rules=[half, spread], vetoes=[veto], minimum_sheets=2,
    )  # fmt: skip
    amend = f"{c.sheet_of(1)}/amend"
    for tenths in (945, 790):
        odd = await house.refused("R1", amend, c.marked(tenths), "misread")
        assert (odd["type"], odd["lowest"], odd["highest"], odd["step"]) == ("mark-out-of-range", 800, 1_000, 10)
    barred = await house.refused("R3", c.sheet_of(4), c.marked(900))
    assert barred == {"type": "recused-from", "seat_id": "R3", "application_id": c.application(4)}
    await c.until("2020-06-12T18:30:00+08:00")
    rank = f"/v1/panels/{PANEL}/tracks/branch/rank"
    broken = await house.refused("clerk", rank)
    assert broken == {
        "type": "share-rule-broken", "seat_id": "R1", "rule": "excellent_half", "reaching": 3, "sheets": 4,
        "at_least_bp": 0, "at_most_bp": 5_000,
    }  # fmt: skip
    # Two of that seat's sheets are left out; of the two that stand one is excellent.
    for number in (2, 3):
        path = f"/v1/panels/{PANEL}/seats/R1/applications/{c.application(number)}/exclude"
        await c.act("head", path, reason="set_invalid")
    await c.act("clerk", rank)
    head = (await house.read("auditor", "/v1/events", limit=1))["head"]
    ranking = await house.read("auditor", f"/v1/panels/{PANEL}/tracks/branch/ranking", min_position=head)
    counted = {
        1: [given[seat][0] for seat in given],
        2: [given["R2"][1], given["R3"][1]],
        3: [given["R2"][2], given["R3"][2]],
        4: [given["R1"][3], given["R2"][3]],
    }
    placed = {each["application_id"]: each for each in ranking["placings"]}
    for number, marks in counted.items():
        score = placed[c.application(number)]["score"]
        assert Fraction(score["numerator"], score["denominator"]) == Fraction(sum(marks), 10 * len(marks)), number
    assert [(each["rank"], len(each["counted"]), each["vetoed_by"]) for each in ranking["placings"]] == [
        (1, 3, None), (2, 2, None), (3, 2, None), (None, 2, "work"),
    ]  # fmt: skip
    gaps = [[(gap["seat_id"], gap["why"]) for gap in each["left_out"]] for each in ranking["placings"]]
    assert gaps == [[], [("R1", "excluded")], [("R1", "excluded")], [("R3", "recused")]]
    assert ranking["digest"] == ranking["recorded_digest"]


async def test_also_who_nominates_is_merged_and_split_while_the_window_is_open(cycle: Cycle) -> None:
    """Its places, what it has filed on them and what is cut from them go on; there are never more than there were."""
    c, house = cycle, cycle.house
    await c.announced()
    await house.places(2)
    for unit_id in ("COL-2", "COL-3", "COL-4"):
        await house.unit(unit_id, "general_branch", "PC")
        await house.person(f"of-{unit_id}", "nominator", unit_id)
    places = {"nominator_unit_id": "COL-2", "places": 1, "basis": "call"}
    await c.act("clerk", f"{TRACK}/quotas", places)
    (filed,) = await house.branches(1)
    assert (await house.file(filed)).status_code == 201
    await c.procedure()
    against = {"concerned": "parent", "unit_id": "COL"}
    await c.measure("cut", against, kind="quota_cut", from_on="2020-05-09", places=1)
    at = {"valid_on": "2020-05-09", "source_document_id": await c.paper("clerk", "evidence")}

    async def moved(to: str) -> None:
        for unit_id in ("BR-0", "BR-1"):
            await c.act("administrator", f"/v1/units/{unit_id}/move", at | {"parent_unit_id": to})

    async def quotas() -> dict[str, tuple[Any, ...]]:
        rows = await c.rows(f"{AT}/quotas", "clerk")
        figures = ("places", "places_passed", "filed", "filed_passed", "cut", "usable", "free")
        return {row["nominator_unit_id"]: tuple(row[name] for name in figures) for row in rows}

    await moved("COL-2")
    await c.act("administrator", "/v1/units/COL/merge", at | {"successor_unit_id": "COL-2"})
    # Nobody has to ask: the merger passes them.
    await c.until("2020-05-12T09:00:00+08:00")
    assert await quotas() == {"COL": (0, -2, 1, -1, 0, 0, 0), "COL-2": (3, 2, 0, 1, 1, 2, 1)}
    (cut,) = await c.rows("/v1/measures", kind="quota_cut")
    assert (cut["unit_id"], cut["borne"]) == ("COL", [{"unit_id": "COL-2", "places": 1}])
    assert (await house.read("of-COL-2", f"/v1/applications/{filed}"))["nominator_unit_id"] == "COL-2"
    # A split says nothing of who has which place: the head does, and until then the parts have none.
    await moved("COL-4")
    await c.act("administrator", "/v1/units/COL-2/split", at | {"successor_unit_ids": ["COL-3", "COL-4"]})
    await c.until("2020-05-12T10:00:00+08:00")
    assert "COL-3" not in await quotas()
    passing = f"{TRACK}/quotas/COL-2/pass"
    unsaid = await house.refused("head", passing)
    assert unsaid == {
        "type": "shares-missing", "nominator_unit_id": "COL-2", "places": 3, "successors": "COL-3, COL-4",
    }  # fmt: skip
    shares = [
        {"successor_unit_id": "COL-3", "places": 2},
        {"successor_unit_id": "COL-4", "places": 2, "application_ids": [filed]},
    ]
    more = await house.refused("head", passing, {"shares": shares})
    assert (more["type"], more["shared"], more["places"]) == ("shares-exceed-places", 4, 3)
    shares[0]["places"] = 1
    await c.act("head", passing, {"shares": shares})
    parts = {"from_unit_id": "COL-2", "shares": [{"successor_unit_id": "COL-4", "places": 1}]}
    await c.act("head", "/v1/measures/M-cut/pass", parts)
    assert await quotas() == {
        "COL": (0, -2, 1, -1, 0, 0, 0),
        "COL-2": (0, -1, 0, 0, 0, 0, 0),
        "COL-3": (1, 1, 0, 0, 0, 1, 1),
        "COL-4": (2, 2, 0, 1, 1, 1, 0),
    }
    # Whoever carries on may take back what the unit before filed; the place is its own again.
    await c.act("of-COL-4", f"/v1/applications/{filed}/withdraw", reason="given_up")
    assert (await quotas())["COL-4"][-1] == 1
