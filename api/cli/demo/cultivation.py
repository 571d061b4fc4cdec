"""Rows 25, 30 and 38 to 40: task books, summaries and one that is late, a merger, the erratum, the final reports."""

from __future__ import annotations

from typing import Any, Final

from api.cli.demo.call import PROGRAMME
from api.cli.demo.cast import APPLICANTS, Applicant, person_id
from api.cli.demo.player import Player

__all__ = [
    "SELECTED",
    "SUCCESSOR",
    "bearer",
    "erratum",
    "final_reports",
    "hand_of",
    "merger",
    "summaries",
    "task_books",
]

SELECTED: Final = APPLICANTS[:4]
SUCCESSOR: Final = "BR-8"
"""Carries on for BR-2 from 10 January 2022."""
_AT: Final = f"/v1/programmes/{PROGRAMME}"
_MERGED: Final = "BR-2"
_LATE: Final = "BR-3"
_WHY: Final = "通知未载明任务书与各项报告的提交办法,现按解释后的日期设定(示例)。"
_YEARS: Final = (2020, 2021)


def _case(a: Applicant) -> str:
    return f"/v1/cases/{a.application_id}"


def bearer(a: Applicant) -> str:
    """The unit that bears a case once the merger is over."""
    return SUCCESSOR if a.unit_id == _MERGED else a.unit_id


def hand_of(a: Applicant) -> str:
    """Whose hand it is then."""
    return f"hand-{bearer(a)}"


# --- row 25 ----------------------------------------------------------------------------------------------------------


def _required(p: Player) -> None:
    why = p.deposit("why-required", "head", "reason", _WHY)
    reason = f"call_is_silent; document={why}"
    tracks = ["college", "branch"]
    book = {"track_ids": tracks, "due": {"type": "within", "days": 10}}
    p.refused(
        "no-require-clerk", "clerk", f"{_AT}/task-book", book, reason="needed", kind="not-permitted",
        what="requires task books · 自行要求任务书",
    )  # fmt: skip
    p.act(
        "require-task-book", "head", f"{_AT}/task-book", book, reason=reason,
        en="requires a task book within ten days of the first day", zh="要求自起始日起十日内提交任务书",
    )  # fmt: skip
    for report, zh, en, year, term in (
        ("summary_2021", "年度总结", "Yearly summary", 2021, "annual_summary_due"),
        ("results_2022", "工作总结报告与培育创建成果", "Final report and results", 2022, "final_documents_due"),
    ):
        body = {
            "name_zh": zh, "name_en": en, "year": year, "track_ids": tracks, "due": {"type": "by_term", "term": term},
        }  # fmt: skip
        p.act(
            f"require-{report}", "head", f"{_AT}/reports/{report}", body, reason=reason,
            en=f"requires: {en}, by the term as it was read", zh=f"要求提交{zh},期限依条款解释",
        )  # fmt: skip


def _book(p: Player, a: Applicant) -> dict[str, Any]:
    """The task book of a unit: the whole of what the call grants, in two categories a year."""
    yuan = 25_000 if a.track == "college" else 10_000
    text = f"{a.unit_id} 任务书(示例):建设目标、任务分解、预期成果。"
    book = p.deposit(f"book-{a.unit_id}", a.hand, "plan", text, owner=a.unit_id)
    road_map = p.deposit(
        f"road-map-{a.unit_id}", a.hand, "plan", f"{a.unit_id} 路线图与时间表(示例)。", owner=a.unit_id
    )
    lines = [
        {"year": year, "category": category, "amount_fen": yuan * 50}
        for year in _YEARS
        for category in ("training", "activity")
    ]
    return {
        "document_id": book,
        "road_map_document_id": road_map,
        "responsible_ids": [person_id(a.hand)],
        "milestones": [
            {"code": "mechanism", "due_on": "2020-12-31"},
            {"code": "practice", "due_on": "2021-12-31"},
            {"code": "display", "due_on": "2022-05-31"},
        ],
        "budget": lines,
    }


def task_books(p: Player) -> None:
    """Row 25: what the programme requires is asked of each case; four task books are filed, and signed by the head."""
    p.advance("clock-25", "administrator", "2020-07-02T09:00:00+08:00")
    p.heading("25", "Task books are required, filed and signed", "要求、提交并签署任务书")
    _required(p)
    for a in SELECTED:
        body = _book(p, a)
        if a.unit_id == _LATE:
            over = [line | {"amount_fen": line["amount_fen"] + 1} for line in body["budget"]]
            p.refused(
                "no-book-over", a.hand, f"{_case(a)}/task-books", body | {"budget": over},
                kind="year-exceeds-amount", what="budgets a fen too much · 预算超出一分",
            )  # fmt: skip
        p.act(
            f"file-book-{a.unit_id}", a.hand, f"{_case(a)}/task-books", body,
            en=f"files the task book of {a.unit_id}", zh=f"提交 {a.unit_id} 任务书",
        )  # fmt: skip
    for who, kind in (("clerk", "not-permitted"), (SELECTED[0].hand, "not-permitted")):
        p.refused(
            f"no-sign-{who}", who, f"{_case(SELECTED[0])}/task-books/1/sign", {}, kind=kind,
            what="signs the task book · 签署任务书",
        )  # fmt: skip
    for a in SELECTED:
        p.act(
            f"sign-book-{a.unit_id}", "head", f"{_case(a)}/task-books/1/sign", {},
            en=f"signs the task book of {a.unit_id}: its budget binds", zh=f"签署 {a.unit_id} 任务书,预算具有约束力",
        )  # fmt: skip


# --- row 30 ----------------------------------------------------------------------------------------------------------


def _report(p: Player, a: Applicant, report: str, hand: str, owner: str) -> None:
    text = f"{owner}:{report} 报告(示例):任务完成情况、成效与经验。"
    document = p.deposit(f"{report}-{a.unit_id}", hand, "other", text, owner=owner)
    p.act(
        f"file-{report}-{a.unit_id}", hand, f"{_case(a)}/reports/{report}/file", {"document_id": document},
        en=f"files {report} of {owner}", zh=f"提交 {owner} 的 {report}",
    )  # fmt: skip


def summaries(p: Player) -> None:
    """Row 30: three summaries come in time, BR-3's does not: it is overdue by itself, filed late, and seen as late."""
    p.advance("clock-30", "administrator", "2021-05-10T10:00:00+08:00")
    p.heading("30", "Yearly summaries are filed; one is overdue", "提交年度总结;一份逾期")
    for a in SELECTED:
        if a.unit_id != _LATE:
            _report(p, a, "summary_2021", a.hand, a.unit_id)
    late, path = SELECTED[3], "/reports/summary_2021"
    p.refused(
        "no-accept-unfiled", "clerk", f"{_case(late)}{path}/accept", {}, kind="report-not-filed",
        what="accepts what was not filed · 未提交即接受",
    )  # fmt: skip
    p.refused(
        "no-file-other", SELECTED[1].hand, f"{_case(late)}{path}/file",
        {"document_id": p.documents[f"summary_2021-{SELECTED[1].unit_id}"]}, kind="not-permitted",
        what="files for another unit · 代他单位提交",
    )  # fmt: skip
    p.refused(
        "no-file-unasked", late.hand, f"{_case(late)}/reports/summary_2020/file",
        {"document_id": p.documents[f"book-{late.unit_id}"]}, kind="report-not-asked",
        what="files what nobody asked for · 提交未被要求的报告",
    )  # fmt: skip
    p.advance("clock-30-late", "administrator", "2021-05-12T10:00:00+08:00")
    owed = p.read("auditor", "/v1/obligations", state="overdue", kind="report", limit=200)["items"]
    p.say(f"    overdue · 逾期: {', '.join(row['unit_id'] for row in owed)}")
    _report(p, late, "summary_2021", late.hand, late.unit_id)
    for a in SELECTED:
        p.act(f"accept-summary-{a.unit_id}", "clerk", f"{_case(a)}{path}/accept", {})
    p.say("    ✓ all four are accepted, one of them as late · 四份均予接受,其中一份为逾期")


# --- rows 38 to 40 ---------------------------------------------------------------------------------------------------


def merger(p: Player) -> None:
    """Row 38: BR-2 is merged into a successor, and its case passes on by itself, with whatever is still owed."""
    p.advance("clock-38", "administrator", "2022-01-10T09:00:00+08:00")
    p.heading("38", "BR-2 is merged; its case passes on by itself", "BR-2 合并,其项目自行转由承接单位承担")
    names = {"name_zh": "土木工程本科生联合党支部", "name_en": "United Student Branch of Civil Engineering"}
    unit = {"unit_id": SUCCESSOR, "kind": "branch", "parent_unit_id": "COL-C", "traits": ["student_branch"]}
    p.act("unit-successor", "administrator", "/v1/units", {**unit, **names, "valid_on": "2022-01-10"})
    code = f"hand-{SUCCESSOR}"
    who = {"person_id": person_id(code), "details": {"name": "郭示范"}}
    p.act(f"person-{code}", "administrator", "/v1/people", who)
    office = {"person_id": person_id(code), "role": "applicant", "unit_id": SUCCESSOR}
    p.act(
        f"appoint-{code}", "administrator", "/v1/appointments",
        {**office, "appointment_id": f"a-{code}", "first_day": "2022-01-10"},
    )  # fmt: skip
    p.hand_token(code, f"hand of {SUCCESSOR} · {SUCCESSOR} 经办人", person_id(code))
    case = _case(next(a for a in SELECTED if a.unit_id == _MERGED))
    p.refused(
        "no-succeed-living", "head", f"{case}/succeed", {"ground": "merged", "successor_unit_id": SUCCESSOR},
        kind="unit-stands", what="hands the case on before the merger · 合并之前移交项目",
    )  # fmt: skip
    p.refused(
        "no-succeed-clerk", "clerk", f"{case}/succeed", {"ground": "decided", "successor_unit_id": SUCCESSOR},
        reason="tidier", kind="not-permitted", what="hands the case on · 移交项目",
    )  # fmt: skip
    p.refused(
        "no-file-successor", code, f"{case}/reports/results_2022/file", {"document_id": p.documents[f"book-{_MERGED}"]},
        kind="not-permitted", what="files for a case that it does not bear yet · 尚未承担即代为提交",
    )  # fmt: skip
    source = p.deposit("source-merger", "clerk", "evidence", "关于合并本科生党支部的批复(示例)。")
    body = {"successor_unit_id": SUCCESSOR, "valid_on": "2022-01-10", "source_document_id": source}
    p.act(
        "merge-BR-2", "administrator", f"/v1/units/{_MERGED}/merge", body,
        en=f"merges BR-2 into {SUCCESSOR}", zh=f"将 BR-2 并入 {SUCCESSOR}",
    )  # fmt: skip
    # The secretary goes on with the branch, and the year's dossier will follow the person.
    secretary = f"secretary-{_MERGED}"
    p.act(f"end-{secretary}", "administrator", f"/v1/appointments/a-{secretary}/end", {"last_day": "2022-01-09"})
    office = {"person_id": person_id(secretary), "role": "secretary", "unit_id": SUCCESSOR}
    p.act(
        f"appoint-{secretary}-{SUCCESSOR}", "administrator", "/v1/appointments",
        {**office, "appointment_id": f"a-{secretary}-{SUCCESSOR}", "first_day": "2022-01-10"},
    )  # fmt: skip
    p.advance("clock-38-after", "administrator", "2022-01-10T10:00:00+08:00")
    row = p.read("auditor", case)
    p.say(f"    {row['application_id']} is borne by {row['unit_id']} · 现由 {row['unit_id']} 承担")


def erratum(p: Player) -> None:
    """Row 39: the issuer corrects what was printed; it confirms the readings and moves no day that was asked."""
    p.advance("clock-39", "administrator", "2022-04-06T09:00:00+08:00")
    p.heading("39", "An erratum confirms two readings", "更正通知,印证两处解释")
    paper = p.deposit("erratum", "head", "notice", "更正:总结报告于 2022 年 5 月底前提交,2022 年 6 月公布结果。")
    for term, day in (("final_documents_due", "2022-05-31"), ("results_published", "2022-06-30")):
        body = {"value": {"type": "date", "day": day}, "erratum_document_id": paper}
        path = f"{_AT}/terms/{term}/correct"
        if term == "final_documents_due":
            for who in ("clerk", SELECTED[0].hand):
                p.refused(
                    f"no-erratum-{who}", who, path, body, kind="not-permitted", what="corrects the call · 更正通知"
                )
            p.refused(
                "no-erratum-term", "head", f"{_AT}/terms/nowhere/correct", body, kind="term-unknown",
                what="corrects what was never said · 更正未载明的条款",
            )  # fmt: skip
        p.act(f"erratum-{term}", "head", path, body, en=f"corrects {term} to {day}", zh=f"更正 {term} 为 {day}")


def final_reports(p: Player) -> None:
    """Row 40: four final reports; BR-2's is filed by whoever carries its case on."""
    p.advance("clock-40", "administrator", "2022-05-31T10:00:00+08:00")
    p.heading("40", "Final reports and results are filed", "提交工作总结报告与培育创建成果")
    merged = next(a for a in SELECTED if a.unit_id == _MERGED)
    p.refused(
        "no-file-before", merged.hand, f"{_case(merged)}/reports/results_2022/file",
        {"document_id": p.documents[f"book-{_MERGED}"]}, kind="not-permitted",
        what="files for a case that has passed on · 为已转出的项目提交",
    )  # fmt: skip
    p.refused(
        "no-file-clerk", "clerk", f"{_case(merged)}/reports/results_2022/file",
        {"document_id": p.documents[f"book-{_MERGED}"]}, kind="not-permitted",
        what="files for a unit · 代单位提交",
    )  # fmt: skip
    p.refused(
        "no-accept-results", "clerk", f"{_case(merged)}/reports/results_2022/accept", {}, kind="report-not-filed",
        what="accepts it before it is there · 未提交即接受",
    )  # fmt: skip
    for a in SELECTED:
        _report(p, a, "results_2022", hand_of(a), bearer(a))
    for a in SELECTED:
        p.act(f"accept-results-{a.unit_id}", "clerk", f"{_case(a)}/reports/results_2022/accept", {})
    p.say("    ✓ all four are accepted · 四份均予接受")
