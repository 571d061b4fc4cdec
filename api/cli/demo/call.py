"""Before the call and rows 1 to 5: the institution, the announcement, the places, the readings of what is damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from api.cli.demo import texts
from api.cli.demo.cast import PEOPLE, UNITS, person_id
from api.cli.demo.player import Player

__all__ = ["PROGRAMME", "announcement", "definition", "history", "quotas", "readings", "tree_and_people"]

PROGRAMME: Final = "benchmark-2020"
_AT: Final = f"/v1/programmes/{PROGRAMME}"
_PRESETS: Final = Path(__file__).resolve().parents[3] / "domain" / "programme" / "presets"


def definition() -> dict[str, Any]:
    """The call as data: the preset that the product ships."""
    found: dict[str, Any] = json.loads((_PRESETS / f"{PROGRAMME}.json").read_text(encoding="utf-8"))
    return found


def _notice() -> str:
    return (_PRESETS / f"{PROGRAMME}.zh.txt").read_text(encoding="utf-8")


# --- before the call -------------------------------------------------------------------------------------------------


def tree_and_people(p: Player) -> None:
    """The administrator registers people, enters the tree and appoints; everybody gets a token."""
    p.heading("0", "The institution: tree, people, offices, calendar", "机构准备:组织树、人员、任命、工作日历")
    for unit in UNITS:
        names = {"unit_id": unit.unit_id, "kind": unit.kind, "name_zh": unit.name_zh, "name_en": unit.name_en}
        more = {"parent_unit_id": unit.parent, "traits": list(unit.traits), "valid_on": unit.founded_on}
        p.act(f"unit-{unit.unit_id}", "administrator", "/v1/units", {**names, **more})
    for person in PEOPLE:
        details = {"person_id": person_id(person.code), "details": {"name": person.name}}
        p.act(f"person-{person.code}", "administrator", "/v1/people", details)
        office = {"person_id": person_id(person.code), "role": person.role, "unit_id": person.unit_id}
        days = {"appointment_id": f"a-{person.code}", "first_day": "2020-05-09"}
        p.act(f"appoint-{person.code}", "administrator", "/v1/appointments", {**office, **days})
        p.hand_token(person.code, f"{person.en} · {person.zh}", person_id(person.code))
    units, people = len(UNITS), len(PEOPLE)
    p.say(f"    {units} units, {people} people under pseudonyms · {units} 个单位,{people} 名人员(化名)")


def history(p: Player) -> None:
    """The office records what rules will read: founding days, an old incident, the calendar of the year."""
    source = p.deposit("source-foundations", "clerk", "evidence", texts.FOUNDATIONS)
    for unit in UNITS:
        body = {"founded_on": unit.founded_on, "valid_on": unit.founded_on, "source_document_id": source}
        p.act(f"founded-{unit.unit_id}", "clerk", f"/v1/units/{unit.unit_id}/foundation", body)
    report = p.deposit("source-incident", "clerk", "evidence", texts.INCIDENT)
    p.act(
        "incident",
        "clerk",
        "/v1/units/COL-E/incidents",
        {**texts.INCIDENT_FACT, "incident_id": "I-2018-1", "source_document_id": report},
        en="records an incident of 2018 at COL-E, with its source",
        zh="记录经济管理学院党总支 2018 年一起事件并附来源",
    )
    order = p.deposit("source-calendar", "clerk", "calendar", texts.CALENDAR)
    p.act(
        "calendar",
        "clerk",
        "/v1/calendars/2020/supply",
        {**texts.WORKING_DAYS, "source": "state_council", "source_document_id": order},
        en="files the working days of 2020 (9 May is a Saturday that is worked)",
        zh="备案 2020 年工作日历(5 月 9 日为周六调休上班)",
    )


# --- rows 1 to 3 -----------------------------------------------------------------------------------------------------


def announcement(p: Player) -> None:
    """Rows 1, 2 and 3 are one act: the call cites its basis, is kept as published, and pins its criteria."""
    p.heading(
        "2", "The call is announced, with its cited basis [1] and its criteria [3]", "发布通知,载明引用依据与标准目录"
    )
    notice = p.deposit(
        "notice",
        "clerk",
        "notice",
        _notice(),
        en="deposits the call as published, damage included",
        zh="存入通知原文(含残缺)",
    )
    body = {"notice_document_id": notice, "definition": definition()}
    for who, what in (
        ("administrator", "announces a programme · 发布项目"),
        ("nominator-COL-A", "announces a programme · 发布项目"),
    ):
        p.refused(f"no-announce-{who}", who, f"{_AT}/announce", body, kind="not-permitted", what=what)
    p.refused(
        "no-appoint-oneself",
        "clerk",
        "/v1/appointments",
        {"person_id": person_id("clerk"), "role": "head", "first_day": "2020-05-09"},
        kind="not-permitted",
        what="appoints himself head of the office · 自任负责人",
    )
    p.act("announce", "clerk", f"{_AT}/announce", body, en="announces the programme", zh="发布项目")


def quotas(p: Player) -> None:
    """Row 4: the office-units' committee may put forward two branches, each general branch one; colleges are open."""
    p.advance("clock-4", "administrator", "2020-05-11T09:00:00+08:00")
    p.heading("4", "Places are assigned", "分配推荐指标")
    path = f"{_AT}/tracks/branch/quotas"
    two, three = ({"nominator_unit_id": "OUC", "places": places, "basis": "notice"} for places in (2, 3))
    p.refused("no-quota-own", "nominator-OUC", path, three, kind="not-permitted", what="gives itself places · 自定指标")
    p.refused("no-quota-head", "head", path, two, kind="not-permitted", what="assigns places · 分配指标")
    p.refused(
        "no-quota-three",
        "clerk",
        path,
        three,
        kind="reason-missing",
        what="gives three without a reason · 无事由给三个",
    )
    for unit_id, places in (("OUC", 2), ("COL-A", 1), ("COL-B", 1), ("COL-C", 1), ("COL-D", 1), ("COL-E", 1)):
        body = {"nominator_unit_id": unit_id, "places": places, "basis": "notice"}
        p.act(
            f"quota-{unit_id}", "clerk", path, body, en=f"assigns {unit_id} {places}", zh=f"{unit_id} 推荐指标 {places}"
        )


def readings(p: Player) -> None:
    """Row 5: every damaged term is read, by whom and why is on record; only then can anything rest on it."""
    p.advance("clock-5", "administrator", "2020-05-12T10:00:00+08:00")
    p.heading("5", "Damaged and contradictory terms are interpreted", "对残缺、矛盾条款作出解释")
    _misreadings(p)
    for term in p.read("clerk", f"{_AT}/terms", limit=200)["items"]:
        if term["legibility"] in {"damaged", "contradictory"}:
            reading = texts.READINGS[term["term"]]
            why = p.deposit(f"why-{term['term']}", "clerk", "reason", reading.why)
            p.act(
                f"read-{term['term']}",
                "clerk",
                f"{_AT}/terms/{term['term']}/interpret",
                {"value": reading.value},
                reason=f"damaged_text; document={why}",
                en=f"reads “{term['as_published']}” as {reading.en}",
                zh=f"“{term['as_published']}”解释为 {reading.zh}",
            )
    p.act("window-open", "clerk", f"{_AT}/window/open", {}, en="opens the application window", zh="开启申报窗口")


def _misreadings(p: Player) -> None:
    """Who reads a term is the clerk, with a reason; and nothing rests on what nobody has read."""
    closes = {"value": {"type": "date", "day": "2020-05-31"}}
    path = f"{_AT}/terms/application_closes/interpret"
    p.refused(
        "no-read-nominator",
        "nominator-COL-B",
        path,
        closes,
        reason="reading",
        kind="not-permitted",
        what="reads it · 作解释",
    )
    p.refused(
        "no-read-reasonless",
        "clerk",
        path,
        closes,
        kind="reason-missing",
        what="reads it without a reason · 无事由作解释",
    )
    p.refused(
        "no-window-yet",
        "clerk",
        f"{_AT}/window/open",
        kind="term-not-interpreted",
        what="opens the window on an unread date · 据未解释的日期开启窗口",
    )
