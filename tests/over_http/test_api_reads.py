"""Views over HTTP: as of when, in which form, which fields for whom; and the feed, the case file, the inbox."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from python_calamine import CalamineWorkbook

from infra.export.spreadsheet import XLSX
from infra.front_door import Caller
from tests.over_http.serving import Served

NewId = Callable[[str], str]


async def registered(served: Served, unit_id: str, **more: Any) -> httpx.Response:
    body = {"unit_id": unit_id, "kind": "general_branch", "name_zh": "某总支", "name_en": "Branch", **more}
    answer = await served.post(served.office.administrator, "/v1/units", {"valid_on": "2016-09-01", **body})
    assert answer.status_code == 201, answer.text
    return answer


async def renamed(served: Served, unit_id: str, name: str, valid_on: str) -> int:
    document_id = await served.office.deposit(served.office.administrator)
    body = {"name_zh": name, "name_en": name, "valid_on": valid_on, "source_document_id": document_id}
    answer = await served.post(served.office.administrator, f"/v1/units/{unit_id}/rename", body)
    assert answer.status_code == 201, answer.text
    version: int = answer.json()["version"]
    return version


async def test_a_reader_sees_what_was_just_recorded(served: Served, new_id: NewId) -> None:
    unit_id = new_id("GB")
    version = (await registered(served, unit_id)).json()["version"]
    answer = await served.get(served.office.administrator, f"/v1/units/{unit_id}", min_position=version)
    assert answer.json()["name_en"] == "Branch"
    assert answer.headers["ETag"] == f'"{version}"'
    assert int(answer.headers["X-Position"]) >= version
    assert answer.headers["X-Simulated"] == "true"


async def test_the_version_of_a_row_is_that_of_the_position_it_reflects(served: Served, new_id: NewId) -> None:
    unit_id = new_id("GB")
    first = (await registered(served, unit_id)).json()["version"]
    second = await renamed(served, unit_id, "Later", "2018-09-01")
    administrator = served.office.administrator
    now = await served.get(administrator, f"/v1/units/{unit_id}", min_position=second)
    then = await served.get(administrator, f"/v1/units/{unit_id}", at_position=first)
    assert (now.json()["name_en"], now.headers["ETag"]) == ("Later", f'"{second}"')
    assert (then.json()["name_en"], then.headers["ETag"]) == ("Branch", f'"{first}"')
    before = await served.get(administrator, f"/v1/units/{unit_id}", at_position=first - 1)
    assert before.status_code == 404


async def test_facts_are_read_as_of_the_day_they_were_true(served: Served, new_id: NewId) -> None:
    unit_id = new_id("GB")
    await registered(served, unit_id)
    version = await renamed(served, unit_id, "Later", "2018-09-01")
    administrator, path = served.office.administrator, f"/v1/units/{unit_id}"
    early = await served.get(administrator, path, effective_on="2017-01-01", min_position=version)
    late = await served.get(administrator, path, effective_on="2019-01-01", min_position=version)
    assert (early.json()["name_en"], late.json()["name_en"]) == ("Branch", "Later")


async def test_an_answer_that_is_known_is_not_sent_again(served: Served, new_id: NewId) -> None:
    unit_id = new_id("GB")
    version = (await registered(served, unit_id)).json()["version"]
    administrator, path = served.office.administrator, f"/v1/units/{unit_id}"
    first = await served.get(administrator, path, min_position=version)
    again = await served.get(administrator, path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    page = await served.get(administrator, "/v1/units", min_position=version)
    same = await served.get(administrator, "/v1/units", headers={"If-None-Match": page.headers["ETag"]})
    assert same.status_code == 304


@pytest.mark.parametrize(
    ("path", "query", "parameter"),
    [
        # A name that nobody knows may be a text that stands nowhere else: it is not said back.
        ("/v1/units", {"as_off": "2020-01-01"}, "…"),
        ("/v1/units", {"as_of": "yesterday"}, "as_of"),
        ("/v1/units", {"as_of": "2020-01-01T00:00:00"}, "as_of"),
        ("/v1/units", {"as_of": "2020-01-01T00:00:00Z", "at_position": "1"}, "as_of"),
        ("/v1/units", {"at_position": "-1"}, "at_position"),
        ("/v1/units", {"at_position": "999999"}, "at_position"),
        ("/v1/units", {"min_position": "999999"}, "min_position"),
        ("/v1/units", {"limit": "0"}, "limit"),
        ("/v1/units", {"limit": "201"}, "limit"),
        ("/v1/units", {"sort": "traits"}, "sort"),
        ("/v1/units", {"cursor": "nonsense"}, "cursor"),
        ("/v1/units", {"status": "\x00"}, "status"),
        ("/v1/documents", {"effective_on": "2020-01-01"}, "effective_on"),
        ("/v1/units", {"effective_on": "2020-02-30"}, "effective_on"),
        ("/v1/units", {"effective_on": "0001-01-01"}, "effective_on"),
        ("/v1/units", {"effective_on": "9999-12-31"}, "effective_on"),
        ("/v1/events", {"type": "nothing.v1"}, "type"),
        ("/v1/events", {"limit": "1001"}, "limit"),
    ],
)
async def test_what_a_view_cannot_answer_is_refused_by_name(
    served: Served, path: str, query: dict[str, str], parameter: str
) -> None:
    answer = await served.http.get(
        path,
        params=query,
        headers={"Authorization": f"Bearer {await served.token(served.office.administrator)}"},
    )
    assert answer.status_code == 400, answer.text
    assert answer.json()["because"].get("parameter") == parameter


async def test_a_parameter_is_given_once(served: Served) -> None:
    answer = await served.get(served.office.administrator, "/v1/units?limit=1&limit=2")
    assert (answer.status_code, answer.json()["because"]["parameter"]) == (400, "limit")


async def test_a_list_goes_on_by_its_cursor_and_filters(served: Served, new_id: NewId) -> None:
    parent = new_id("PC")
    await registered(served, parent, kind="committee")
    children = [new_id("CH") for _ in range(5)]
    version = 0
    for child in children:
        version = (await registered(served, child, parent_unit_id=parent)).json()["version"]
    administrator, found, cursor = served.office.administrator, [], None
    while True:
        more: dict[str, Any] = {"cursor": cursor} if cursor else {}
        page = await served.get(
            administrator, "/v1/units", parent_unit_id=parent, limit=2, min_position=version, **more
        )
        found += [row["unit_id"] for row in page.json()["items"]]
        cursor = page.json()["next"]
        if cursor is None:
            break
    assert sorted(found) == sorted(children)
    assert page.json()["simulated"] is True


async def test_a_list_is_had_as_canonical_csv(served: Served, new_id: NewId) -> None:
    parent = new_id("PC")
    await registered(served, parent, kind="committee")
    version = (await registered(served, new_id("CH"), parent_unit_id=parent)).json()["version"]
    query = {"parent_unit_id": parent, "min_position": version}
    by_format = await served.get(served.office.administrator, "/v1/units", **query, format="csv")
    by_accept = await served.get(served.office.administrator, "/v1/units", headers={"Accept": "text/csv"}, **query)
    assert by_format.content == by_accept.content
    lines = by_format.content.split(b"\r\n")
    assert lines[0].startswith(b"unit_id,")
    assert len(lines) == 3
    assert "simulated" in by_format.headers["Content-Disposition"]
    other = await served.get(served.office.administrator, "/v1/units", headers={"Accept": "image/png"})
    assert (other.status_code, other.headers["Content-Type"]) == (406, "application/problem+json")


async def test_a_format_that_is_not_offered_is_answered_with_those_that_are(served: Served) -> None:
    administrator, offered = served.office.administrator, f"application/json, text/csv, {XLSX}"
    for language, told in (("en", "can be had as: "), ("zh", "可提供的格式:")):
        sent = {"Accept": "application/pdf", "Accept-Language": language}
        answer = await served.get(administrator, "/v1/units", headers=sent)
        assert (answer.status_code, answer.json()["type"]) == (406, "/problems/format-unknown")
        assert f"{told}{offered}" in answer.json()["detail"]
        assert answer.json()["because"] == {"known": offered}


async def test_a_list_is_had_as_a_workbook_and_as_csv_for_excel(served: Served, new_id: NewId) -> None:
    parent, name = new_id("PC"), "=HYPERLINK(0)总支"
    await registered(served, parent, kind="committee")
    version = (await registered(served, new_id("CH"), parent_unit_id=parent, name_zh=name)).json()["version"]
    query, reader = {"parent_unit_id": parent, "at_position": version}, served.office.administrator
    canonical = (await served.get(reader, "/v1/units", **query, format="csv")).content
    by_format = await served.get(reader, "/v1/units", headers={"Accept-Language": "zh"}, **query, format="xlsx")
    assert by_format.headers["Content-Type"] == XLSX
    assert by_format.headers["Content-Disposition"].endswith('-simulated.xlsx"')
    by_accept = await served.get(reader, "/v1/units", headers={"Accept": XLSX, "Accept-Language": "zh"}, **query)
    assert by_accept.content == by_format.content
    book = CalamineWorkbook.from_filelike(io.BytesIO(by_format.content))
    cover = {str(label): value for label, value in book.get_sheet_by_name("封面").to_python()}
    assert cover["规范 CSV 的 SHA-256"] == hashlib.sha256(canonical).hexdigest()
    assert (cover["反映至位置"], cover["行数"]) == (version, 1)
    assert "模拟" in cover
    titles, *rows = book.get_sheet_by_name("数据").to_python()
    assert "中文名称" in titles
    assert {row[titles.index("中文名称")] for row in rows} == {name}
    excel = await served.get(reader, "/v1/units", **query, format="excel_csv")
    assert excel.content.startswith(b"\xef\xbb\xbf")
    assert f"'{name}" in excel.content.decode("utf-8-sig")
    assert "Name (Chinese)" in excel.content.decode("utf-8-sig").splitlines()[0]
    unknown = await served.get(reader, "/v1/units", **query, format="pdf")
    assert unknown.status_code == 406
    assert "excel_csv, xlsx" in unknown.json()["detail"]


async def an_applicant(served: Served, unit_id: str) -> Caller:
    await registered(served, unit_id)
    return await served.office.somebody("applicant", unit_id)


async def test_each_reader_sees_the_fields_that_are_theirs(served: Served, new_id: NewId) -> None:
    mine, theirs = new_id("GB"), new_id("GB")
    applicant = await an_applicant(served, mine)
    await registered(served, theirs)
    clerk = await served.office.somebody("clerk")
    source = await served.office.deposit(clerk)
    incident = {
        "kind": "safety",
        "severity": "minor",
        "scope": "unit",
        "occurred_on": "2019-01-01",
        "valid_on": "2019-01-01",
        "source_document_id": source,
    }
    version = 0
    for unit_id in (mine, theirs):
        answer = await served.post(clerk, f"/v1/units/{unit_id}/incidents", incident)
        assert answer.status_code == 201, answer.text
        version = answer.json()["version"]
    seen = []
    for caller, unit_id in ((clerk, mine), (applicant, mine), (applicant, theirs)):
        page = await served.get(caller, f"/v1/units/{unit_id}/facts", min_position=version)
        seen.append(page.json()["items"])
    (office,), (own,), foreign = seen
    assert foreign == []
    assert office["source_document_id"] == source
    assert set(own) < set(office)
    assert own["code"] == "safety"
    table = await served.get(applicant, f"/v1/units/{mine}/facts", min_position=version, format="csv")
    assert b"source_document_id" not in table.content.splitlines()[0]
    assert source.encode() not in table.content


async def test_persons_are_the_offices_to_read_but_each_reads_what_is_their_own(served: Served, new_id: NewId) -> None:
    applicant = await an_applicant(served, new_id("GB"))
    everybody = await served.get(served.office.administrator, "/v1/appointments", limit=200)
    own = await served.get(applicant, "/v1/appointments")
    assert len(everybody.json()["items"]) > 1
    assert [row["person_id"] for row in own.json()["items"]] == [applicant.person_id]
    assert own.json()["next"] is None
    foreign = await served.get(applicant, f"/v1/people/{served.office.administrator.person_id}")
    nobody = await served.get(applicant, "/v1/people/00000000-0000-0000-0000-00000000dead")
    assert foreign.status_code == nobody.status_code == 404
    assert foreign.json()["type"] == nobody.json()["type"]


async def test_an_ended_appointment_opens_nothing_any_more(served: Served, new_id: NewId) -> None:
    clerk = await served.office.somebody("clerk")
    assert (await served.get(clerk, "/v1/people")).json()["items"]
    ended = await served.post(
        served.office.administrator, f"/v1/appointments/a-{clerk.person_id}/end", {"last_day": "2020-05-08"}
    )
    assert ended.status_code == 201, ended.text
    version = ended.json()["version"]
    after = await served.get(clerk, "/v1/people", min_position=version)
    assert [row["person_id"] for row in after.json()["items"]] == [clerk.person_id]


async def test_the_feed_is_resumed_filtered_and_redacted_for_its_reader(served: Served, new_id: NewId) -> None:
    unit_id = new_id("GB")
    applicant = await an_applicant(served, unit_id)
    administrator = served.office.administrator
    seen: list[int] = []
    after = 0
    while True:
        feed = (await served.get(administrator, "/v1/events", after=after, limit=7)).json()
        seen += [item["position"] for item in feed["items"]]
        after = feed["next_after"]
        if not feed["items"]:
            break
    assert seen == list(range(1, feed["head"] + 1))
    about = (await served.get(applicant, "/v1/events", tag=f"unit:{unit_id}")).json()["items"]
    assert [item["type"] for item in about] == ["unit.registered.v1"]
    assert "actor_id" not in about[0]["envelope"]
    hidden = (await served.get(applicant, "/v1/events", tag=f"person:{administrator.person_id}")).json()
    assert hidden["items"] == []
    persons = (await served.get(applicant, "/v1/events", type="person.registered.v1")).json()["items"]
    assert all(item["body"] == {} and item["tags"] == [] for item in persons)


async def test_a_case_that_is_not_there_and_one_that_is_not_ours_look_alike(served: Served, new_id: NewId) -> None:
    applicant = await an_applicant(served, new_id("GB"))
    answer = await served.get(applicant, "/v1/applications/A-none/case-file")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


async def test_the_caller_is_told_who_they_are_and_what_waits(served: Served, new_id: NewId) -> None:
    unit_id = new_id("GB")
    applicant = await an_applicant(served, unit_id)
    me = (await served.get(applicant, "/v1/me")).json()
    assert [(held["role"], held["unit_id"]) for held in me["appointments"]] == [("applicant", unit_id)]
    assert me["today"] == "2020-05-09"
    inbox = await served.get(applicant, "/v1/inbox")
    assert (inbox.status_code, inbox.json()["items"]) == (200, [])
