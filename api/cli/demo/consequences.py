"""Rows 44 to 46 and 49: titles, a circular and a referral, an appeal and the end of the failed case, the dossiers."""

from __future__ import annotations

from typing import Any, Final

from api.cli.demo.call import PROGRAMME
from api.cli.demo.cast import INSTITUTION, person_id
from api.cli.demo.cultivation import SELECTED, bearer
from api.cli.demo.player import Player

__all__ = ["FAILED", "REGISTER", "TITLED", "appeal", "appeal_decided", "circular", "dossiers", "titles"]

FAILED: Final = "BR-3"
"""Whose case did not meet the acceptance."""
TITLED: Final = tuple(a for a in SELECTED if a.unit_id != FAILED)
REGISTER: Final = f"/public/{INSTITUTION['institution_id']}/designations"
"""Where anybody reads who holds a title."""
_AT: Final = f"/v1/programmes/{PROGRAMME}"
_CASE: Final = f"2020-{FAILED}"
_TITLES: Final[dict[str, dict[str, Any]]] = {
    "college": {
        "title": "benchmark_college", "name_zh": "校级党建工作标杆学院",
        "name_en": "Benchmark college of Party-building (university level)", "track_ids": ["college"],
    },
    "branch": {
        "title": "model_branch", "name_zh": "校级党建工作样板支部",
        "name_en": "Model branch of Party-building (university level)", "track_ids": ["branch"],
    },
}  # fmt: skip
"""Without months: the call does not say how long a title is valid."""
_WHY_TITLES: Final = "通知载明对达标者予以命名,未载明称号有效期,故设定为未载明(示例)。"
_WHY_RULE: Final = "通知仅载明予以通报并追责,未载明陈述与申诉期限,现设定为陈述 5 日、申诉 15 日、30 日内答复(示例)。"
_RULE: Final[dict[str, Any]] = {
    "day_rule": "calendar", "statement_within_days": 5, "appeal_within_days": 15, "decide_within_days": 30,
}  # fmt: skip
_FINDING: Final = "F-2022-BR-3"
_MEASURE: Final = "M-2022-BR-3-circular"
_REFERRAL: Final = "M-2022-BR-3-referral"
_FOUND: Final = f"/v1/findings/{_FINDING}"
_DECIDED: Final = f"/v1/measures/{_MEASURE}"
_YEAR: Final = 2022
_USES: Final = ("secretary_evaluation", "commendation")


# --- row 44, its second half ------------------------------------------------------------------------------------------


def titles(p: Player) -> None:
    """Row 44: a title is a decision of its own; three are conferred, and the one whose case failed gets none."""
    p.heading("44", "Three titles are conferred, validity not stated", "授予三项称号,有效期未载明")
    why = p.deposit("why-titles", "head", "reason", _WHY_TITLES)
    paper = p.deposit("title-decision", "head", "resolution", "关于命名校级党建工作标杆学院、样板支部的决定(示例)。")
    p.refused(
        "no-title-clerk", "clerk", f"{_AT}/titles", _TITLES["branch"], reason="naming", kind="not-permitted",
        what="defines a title · 自行设定称号",
    )  # fmt: skip
    for title in _TITLES.values():
        p.act(
            f"title-{title['title']}", "head", f"{_AT}/titles", title, reason=f"call_is_silent; document={why}",
            en=f"defines the title “{title['name_en']}”, validity not stated",
            zh=f"设定称号“{title['name_zh']}”,有效期未载明",
        )  # fmt: skip
    amiss = {"designation_id": "T-amiss", "title": "model_branch", "decision_document_id": paper}
    of_passed, of_failed = (f"/v1/applications/{case}/designations" for case in ("2020-BR-1", _CASE))
    p.refused("no-confer-clerk", "clerk", of_passed, amiss, kind="not-permitted", what="confers a title · 擅自命名")
    p.refused(
        "no-confer-failed", "head", of_failed, amiss, kind="case-not-completed",
        what="names BR-3 · 命名未结项的 BR-3",
    )  # fmt: skip
    p.refused(
        "no-confer-track", "head", of_passed, amiss | {"title": "benchmark_college"}, kind="title-not-of-track",
        what="names a branch a college · 授予支部学院称号",
    )  # fmt: skip
    for a in TITLED:
        title = _TITLES[a.track]
        body = {
            "designation_id": f"T-2022-{bearer(a)}", "title": title["title"], "decision_document_id": paper,
        }  # fmt: skip
        p.act(
            f"confer-{a.unit_id}", "head", f"/v1/applications/{a.application_id}/designations", body,
            en=f"names {bearer(a)}: {title['name_en']}", zh=f"命名 {bearer(a)} 为{title['name_zh']}",
        )  # fmt: skip
    p.refused(
        "no-renew-endless", "head", f"/v1/designations/T-2022-{bearer(TITLED[0])}/renew",
        {"decision_document_id": paper}, kind="title-has-no-end", what="renews what has no end · 续期未载明期限的称号",
    )  # fmt: skip


# --- row 45 -----------------------------------------------------------------------------------------------------------


def circular(p: Player) -> None:
    """Row 45: BR-3 is heard, a circular names it, and the matter goes to the body that is competent for discipline."""
    p.advance("clock-45", "administrator", "2022-06-30T14:00:00+08:00")
    p.heading("45", "A circular on BR-3, and a referral", "对 BR-3 予以通报并移送")
    why = p.deposit("why-accountability", "head", "reason", _WHY_RULE)
    p.act(
        "accountability-rule", "head", f"{_AT}/accountability-rule", _RULE,
        reason=f"call_is_silent; document={why}",
        en="allows 5 days for a statement, 15 to appeal, 30 to decide an appeal",
        zh="设定陈述 5 日、申诉 15 日、申诉答复 30 日",
    )  # fmt: skip
    evidence = p.deposit("finding-evidence", "clerk", "evidence", "BR-3 验收不达标情况说明(示例)。")
    found = {
        "finding_id": _FINDING, "programme_id": PROGRAMME, "application_id": _CASE, "concerned": "unit",
        "unit_id": FAILED, "ground": "not_met", "evidence_document_ids": [evidence],
    }  # fmt: skip
    p.refused(
        "no-find-head", "head", "/v1/findings", found, kind="not-permitted",
        what="records the finding that he would decide on · 自行认定问题",
    )  # fmt: skip
    p.act("find-BR-3", "clerk", "/v1/findings", found, en="records the finding", zh="记录问题认定")
    notice = p.deposit("finding-notice", "clerk", "other", "问题告知书(示例):可在五日内陈述申辩。")
    p.act(
        "notify-BR-3", "clerk", f"{_FOUND}/notify", {"notice_document_id": notice},
        en="gives notice of it", zh="告知当事支部",
    )  # fmt: skip
    _measures(p)


def _measures(p: Player) -> None:
    """Nothing is decided before BR-3 has said what it has to say; whoever decides is another than who found."""
    decision = p.deposit("circular-decision", "head", "resolution", "关于对 BR-3 予以通报的决定(示例)。")
    measure = {
        "measure_id": _MEASURE, "kind": "circular", "from_on": "2022-06-30", "decision_document_id": decision,
    }  # fmt: skip
    p.refused(
        "no-measure-unheard", "head", f"{_FOUND}/measures", measure, kind="hearing-still-open",
        what="decides before BR-3 is heard · 未听取陈述即作决定",
    )  # fmt: skip
    statement = p.deposit(
        "statement-BR-3", f"hand-{FAILED}", "evidence", "BR-3 陈述申辩书(示例):人员调整影响进度。", owner=FAILED
    )
    body = {"statement_document_id": statement}
    p.refused(
        "no-statement-neighbour", "hand-BR-1", f"{_FOUND}/statements", body, kind="not-permitted",
        what="makes a statement for another unit · 代他单位陈述",
    )  # fmt: skip
    p.act("state-BR-3", f"hand-{FAILED}", f"{_FOUND}/statements", body, en="makes its statement", zh="提交陈述")
    p.refused(
        "no-circular-suspended", "head", f"{_FOUND}/measures", measure | {"appeal_suspends": True},
        kind="nothing-to-suspend", what="lets an appeal suspend a circular · 令申诉停止通报",
    )  # fmt: skip
    p.act("measure-BR-3", "head", f"{_FOUND}/measures", measure, en="decides on a circular", zh="决定予以通报")
    paper = p.deposit("circular", "head", "other", "通报(示例):BR-3 验收不达标。")
    p.act(
        "circular-BR-3", "head", f"{_DECIDED}/circular", {"circular_document_id": paper},
        en="issues the circular", zh="印发通报",
    )  # fmt: skip
    # The timeline names steps, and it tells nobody that anything was referred.
    order = p.deposit("letter-BR-3", "head", "resolution", "移送函(示例):请有权机构研究处理。")
    referral = {
        "measure_id": _REFERRAL, "referred_to": "discipline_commission", "decision_document_id": order,
    }  # fmt: skip
    p.refused(
        "no-refer-clerk", "clerk", f"{_FOUND}/refer", referral, kind="not-permitted",
        what="refers the matter · 擅自移送",
    )  # fmt: skip
    p.act(
        "refer-BR-3", "head", f"{_FOUND}/refer", referral,
        en="refers the question of discipline to its competent body; nothing of it is decided here",
        zh="将纪律问题移送有权机构,本系统不作处理",
    )  # fmt: skip


# --- row 46 -----------------------------------------------------------------------------------------------------------


def appeal(p: Player) -> None:
    """Row 46: BR-3 appeals within 15 days; the circular stands meanwhile, and 30 days run to decide."""
    p.advance("clock-46", "administrator", "2022-07-12T10:00:00+08:00")
    p.heading("46", "BR-3 appeals; the circular is not suspended", "BR-3 提出申诉,不停止执行")
    paper = p.deposit("appeal-BR-3", f"hand-{FAILED}", "evidence", "BR-3 申诉书(示例)。", owner=FAILED)
    body = {"appeal_document_id": paper}
    p.refused(
        "no-appeal-neighbour", "hand-BR-1", f"{_DECIDED}/appeal", body, kind="not-permitted",
        what="appeals for another unit · 代他单位申诉",
    )  # fmt: skip
    p.act("appeal-lodged", f"hand-{FAILED}", f"{_DECIDED}/appeal", body, en="appeals", zh="提出申诉")
    decision = p.deposit("appeal-decision", "head", "resolution", "申诉答复书(示例):维持通报。")
    p.refused(
        "no-dismiss-own", "head", f"{_DECIDED}/dismiss", {"decision_document_id": decision}, reason="stands",
        kind="second-person-missing", what="decides on the appeal against his own decision · 自决自复",
    )  # fmt: skip
    (duty,) = p.read("clerk", "/v1/obligations", kind="appeal_decision")["items"]
    until, state = p.first_read("appeal-until", "clerk", _DECIDED, "due_day"), duty["state"]
    p.say(f"    to be decided until {until}: {state} · 须于 {until} 前答复")


def appeal_decided(p: Player) -> None:
    """Row 46: the appeal is dismissed by another head; only now is BR-3's case closed, without completion."""
    p.advance("clock-46-decided", "administrator", "2022-08-08T10:00:00+08:00")
    p.heading("46", "The appeal is dismissed, and the failed case closed", "驳回申诉,未达标项目予以终结")
    decision = {"decision_document_id": p.documents["appeal-decision"]}
    p.refused(
        "no-dismiss-clerk", "clerk", f"{_DECIDED}/dismiss", decision, reason="stands", kind="not-permitted",
        what="decides on the appeal · 擅自答复申诉",
    )  # fmt: skip
    p.refused(
        "no-dismiss-reasonless", "second-head", f"{_DECIDED}/dismiss", decision, kind="reason-missing",
        what="dismisses it without a reason · 无事由驳回",
    )  # fmt: skip
    p.act(
        "dismiss-appeal", "second-head", f"{_DECIDED}/dismiss", decision, reason="facts_stand",
        en="dismisses the appeal within 30 days", zh="于 30 日内驳回申诉",
    )  # fmt: skip
    p.refused(
        "no-appeal-again", f"hand-{FAILED}", f"{_DECIDED}/appeal",
        {"appeal_document_id": p.documents["appeal-BR-3"]}, kind="not-in-this-state",
        what="appeals once more · 再次申诉",
    )  # fmt: skip
    close = {"ground": "not_met"}
    p.refused(
        "no-close-hand", f"hand-{FAILED}", f"/v1/cases/{_CASE}/close", close, reason="over", kind="not-permitted",
        what="closes its own case · 自行终结项目",
    )  # fmt: skip
    p.act(
        "close-BR-3", "head", f"/v1/cases/{_CASE}/close", close, reason="acceptance_not_met",
        en="closes the case of BR-3 without completion", zh="BR-3 项目不予结项,予以终结",
    )  # fmt: skip
    title = {
        "designation_id": "T-amiss", "title": "model_branch",
        "decision_document_id": p.documents["title-decision"],
    }  # fmt: skip
    p.refused(
        "no-confer-closed", "head", f"/v1/applications/{_CASE}/designations", title, kind="case-failed",
        what="names BR-3 after all · 对已终结的 BR-3 命名",
    )  # fmt: skip


# --- row 49 -----------------------------------------------------------------------------------------------------------


def dossiers(p: Player) -> None:
    """Row 49: what the year's facts say of four units and their secretaries; facts with their day, and no total."""
    p.advance("clock-49", "administrator", "2022-12-12T10:00:00+08:00")
    p.heading("49", "Dossiers of units and secretaries are issued", "出具单位与书记年度档案")
    body: dict[str, Any] = {"year": _YEAR, "uses": _USES}
    of_failed = f"/v1/units/{FAILED}/dossiers"
    amiss = body | {"dossier_id": "D-amiss"}
    p.refused(
        "no-dossier-secretary", f"secretary-{FAILED}", of_failed, amiss, kind="not-permitted",
        what="issues the dossier of his own unit · 自行出具本单位档案",
    )  # fmt: skip
    p.refused(
        "no-dossier-early", "clerk", of_failed, amiss | {"year": _YEAR + 1}, kind="year-not-begun",
        what="issues that of a year to come · 出具尚未开始的年度",
    )  # fmt: skip
    p.refused(
        "no-dossier-hand", "clerk", f"/v1/people/{person_id(f'hand-{FAILED}')}/dossiers", amiss,
        kind="no-secretary-that-year", what="issues a secretary's dossier of a hand · 为非书记出具书记档案",
    )  # fmt: skip
    for a in SELECTED:
        unit_id, secretary = bearer(a), f"secretary-{a.unit_id}"
        p.act(
            f"dossier-{unit_id}", "clerk", f"/v1/units/{unit_id}/dossiers", body | {"dossier_id": f"D-2022-{unit_id}"},
            en=f"issues the dossier of {unit_id}", zh=f"出具 {unit_id} 年度档案",
        )  # fmt: skip
        p.act(
            f"dossier-{secretary}", "head", f"/v1/people/{person_id(secretary)}/dossiers",
            body | {"dossier_id": f"D-2022-secretary-{unit_id}"},
            en=f"issues the dossier of the secretary of {unit_id}", zh=f"出具 {unit_id} 书记年度档案",
        )  # fmt: skip
