"""Rows 31, 32, 34 and 41 to 44: the midterm, a rectification, the acceptance with its panel and publicity, the ends."""

from __future__ import annotations

from typing import Any, Final

from api.cli.demo.call import PROGRAMME
from api.cli.demo.cast import INSTITUTION, person_id
from api.cli.demo.cultivation import SELECTED
from api.cli.demo.player import Player

__all__ = [
    "ACCEPTANCE_PUBLICITY",
    "acceptance_review",
    "acceptance_shown",
    "accepted",
    "completions",
    "midterm",
    "rectification",
    "rectified",
]

ACCEPTANCE_PUBLICITY: Final = "acceptance-2022"
PANEL: Final = "acceptance-2022"
_AT: Final = f"/v1/programmes/{PROGRAMME}"
_PANEL: Final = f"/v1/panels/{PANEL}"
_SEATS: Final = ("A1", "A2", "A3")
_TO_RECTIFY: Final = "BR-3"
_TRACKS: Final = ("college", "branch")
_WHY: Final = "通知要求中期评估与验收而未载明办法与结论,现参照同类项目设定(示例)。"
_MIDTERM: Final[dict[str, Any]] = {
    "order": 1, "name_zh": "中期评估", "name_en": "Midterm", "track_ids": _TRACKS, "kind": "midterm",
    "outcomes": [
        {"code": "passed", "name_zh": "合格", "name_en": "Passed", "effects": ["continue"]},
        {
            "code": "to_rectify", "name_zh": "限期整改", "name_en": "To be rectified",
            "effects": ["rectify", "hold_funds"], "rectify_within_days": 92,
        },
        {"code": "failed", "name_zh": "不合格", "name_en": "Failed", "effects": ["stop_funds"]},
    ],
}  # fmt: skip
_ACCEPTANCE: Final[dict[str, Any]] = {
    "order": 2, "name_zh": "验收", "name_en": "Acceptance", "track_ids": _TRACKS, "kind": "acceptance",
    "stage": "acceptance_review",
    "outcomes": [
        {"code": "met", "name_zh": "达标", "name_en": "Met", "effects": ["complete", "title"]},
        {"code": "not_met", "name_zh": "不达标", "name_en": "Not met", "effects": ["no_completion", "stop_funds"]},
    ],
}  # fmt: skip
_STAGE: Final[dict[str, Any]] = {
    "order": 2, "name_zh": "验收评审", "name_en": "Acceptance review", "track_ids": _TRACKS,
    "criteria": [
        {
            "code": code, "name_zh": zh, "name_en": en, "weight_bp": 10_000, "lowest_tenths": 0,
            "highest_tenths": highest, "step_tenths": 5,
        }
        for code, zh, en, highest in (
            ("documents", "材料", "Documents", 300),
            ("talk", "访谈", "Talk", 200),
            ("site", "现场", "Site visit", 500),
        )
    ],
    "aggregation": "mean", "minimum_sheets": 3,
    "tie_breaks": [{"by": "criterion", "criterion": "site"}, {"by": "lot"}],
}  # fmt: skip
_SCORES: Final = {"COL-A": (280, 180, 460), "BR-1": (285, 185, 470), "BR-2": (270, 180, 440), "BR-3": (180, 120, 250)}
_RULE: Final[dict[str, Any]] = {
    "matter": "acceptance", "window_days": 5, "day_rule": "working", "count_first_day": True,
    "identities": ["named", "stamped", "confidential"], "channels": ["written", "oral"], "decide_within_days": 5,
}  # fmt: skip
_WORKING_DAYS_2022: Final[dict[str, Any]] = {
    "days_off": [
        *("2022-01-03", "2022-01-31", "2022-02-01", "2022-02-02", "2022-02-03", "2022-02-04", "2022-04-04"),
        *("2022-04-05", "2022-05-02", "2022-05-03", "2022-05-04", "2022-06-03", "2022-09-12", "2022-10-03"),
        *("2022-10-04", "2022-10-05", "2022-10-06", "2022-10-07"),
    ],
    "days_worked": [
        *("2022-01-29", "2022-01-30", "2022-04-02", "2022-04-24", "2022-05-07", "2022-10-08", "2022-10-09"),
    ],
    "source": "state_council",
}  # fmt: skip


def _case(unit_id: str) -> str:
    return f"/v1/cases/2020-{unit_id}"


def _decide(p: Player, assessment: str, unit_id: str, body: dict[str, str]) -> None:
    outcome = body["outcome"]
    p.act(
        f"{assessment}-{unit_id}", "head", f"{_case(unit_id)}/assessments/{assessment}/decide", body,
        en=f"{unit_id}: {outcome}", zh=f"{unit_id} 结论:{outcome}",
    )  # fmt: skip


# --- halfway ---------------------------------------------------------------------------------------------------------


def midterm(p: Player) -> None:
    """Row 31: what the call leaves open is defined; three pass, BR-3 is to rectify."""
    p.advance("clock-31", "administrator", "2021-06-15T10:00:00+08:00")
    p.heading("31", "The midterm: three pass, BR-3 is to rectify", "中期评估:三个合格,BR-3 限期整改")
    path = f"{_AT}/assessments/midterm"
    p.refused(
        "no-midterm-reasonless", "head", path, _MIDTERM, kind="reason-missing",
        what="defines the midterm without a reason · 无事由设定中期评估",
    )  # fmt: skip
    odd = {"code": "odd", "name_zh": "其他", "name_en": "Odd", "effects": ["complete"]}
    p.refused(
        "no-midterm-complete", "head", path, _MIDTERM | {"outcomes": [odd]}, reason="call_is_silent",
        kind="effects-clash", what="lets a midterm complete a case · 中期评估即予结项",
    )  # fmt: skip
    why = p.deposit("why-assessments", "head", "reason", _WHY)
    p.act("define-midterm", "head", path, _MIDTERM, reason=f"call_is_silent; document={why}")
    paper = p.deposit("midterm-minutes", "head", "resolution", "中期评估会议纪要(示例)。")
    p.refused(
        "no-midterm-clerk", "clerk", f"{_case('BR-1')}/assessments/midterm/decide",
        {"outcome": "passed", "decision_document_id": paper}, kind="not-permitted",
        what="decides alone · 擅自作出结论",
    )  # fmt: skip
    for a in SELECTED:
        outcome = "to_rectify" if a.unit_id == _TO_RECTIFY else "passed"
        _decide(p, "midterm", a.unit_id, {"outcome": outcome, "decision_document_id": paper})


def rectification(p: Player) -> None:
    """Row 32: BR-3 is ordered to rectify within three months."""
    p.advance("clock-32", "administrator", "2021-06-18T10:00:00+08:00")
    p.heading("32", "BR-3 is ordered to rectify by 18 September", "责令 BR-3 于 9 月 18 日前完成整改")
    at = f"{_case(_TO_RECTIFY)}/assessments/midterm/rectification"
    paper = p.deposit("rectification-order", "head", "other", "整改通知书(示例):限三个月内整改并报告。")
    p.refused(
        "no-rectify-passed", "head", f"{_case('BR-1')}/assessments/midterm/rectification/order",
        {"order_document_id": paper}, kind="nothing-to-rectify", what="orders BR-1, which passed · 责令合格者整改",
    )  # fmt: skip
    p.refused(
        "no-rectify-long", "head", f"{at}/order", {"order_document_id": paper, "last_day": "2021-09-19"},
        kind="rectified-too-late", what="gives a day too many · 期限多出一日",
    )  # fmt: skip
    p.refused(
        "no-report-early", "hand-BR-3", f"{at}/report", {"document_id": paper}, kind="no-rectification-ordered",
        what="reports before it was ordered · 未责令即报告整改",
    )  # fmt: skip
    p.act(
        "order-rectification", "head", f"{at}/order", {"order_document_id": paper},
        en="orders it within the 92 days that are defined", zh="依设定的 92 日限期责令整改",
    )  # fmt: skip


def rectified(p: Player) -> None:
    """Row 34: BR-3 reports in time, and the head accepts it."""
    p.advance("clock-34", "administrator", "2021-09-16T10:00:00+08:00")
    p.heading("34", "The rectification is reported, checked and accepted", "报告整改,复查通过")
    at = f"{_case(_TO_RECTIFY)}/assessments/midterm/rectification"
    opinion = p.deposit("rectification-opinion", "head", "other", "整改复查意见(示例):予以通过。")
    p.refused(
        "no-accept-unreported", "head", f"{at}/accept", {"opinion_document_id": opinion},
        kind="rectification-not-reported", what="accepts what was not reported · 未报告即通过",
    )  # fmt: skip
    report = p.deposit("rectification-report", "hand-BR-3", "other", "BR-3 整改报告(示例)。", owner="BR-3")
    p.act("report-rectification", "hand-BR-3", f"{at}/report", {"document_id": report}, en="reports", zh="报告整改")
    p.refused(
        "no-accept-own", "hand-BR-3", f"{at}/accept", {"opinion_document_id": opinion}, kind="not-permitted",
        what="accepts its own · 自行通过",
    )  # fmt: skip
    p.refused(
        "no-report-twice", "hand-BR-3", f"{at}/report", {"document_id": report}, kind="no-rectification-ordered",
        what="reports again · 重复报告",
    )  # fmt: skip
    p.act("accept-rectification", "head", f"{at}/accept", {"opinion_document_id": opinion}, en="accepts", zh="复查通过")


# --- the acceptance --------------------------------------------------------------------------------------------------


def acceptance_review(p: Player) -> None:
    """Row 41: a panel of its own scores the running cases on a form of its own."""
    p.advance("clock-41", "administrator", "2022-06-13T09:00:00+08:00")
    p.heading("41", "The acceptance is reviewed by its own panel", "验收评审组评审")
    reason = f"call_is_silent; document={p.documents['why-assessments']}"
    p.act("stage-acceptance", "head", f"{_AT}/stages/acceptance_review/define", _STAGE, reason=reason)
    taken = _ACCEPTANCE | {"stage": "expert_review"}
    p.refused(
        "no-stage-taken", "head", f"{_AT}/assessments/acceptance", taken, reason="call_is_silent",
        kind="stage-in-use", what="takes the stage of the selection · 占用遴选的评审阶段",
    )  # fmt: skip
    p.act(
        "define-acceptance", "head", f"{_AT}/assessments/acceptance", _ACCEPTANCE, reason=reason,
        en="defines the acceptance and what each outcome leads to", zh="设定验收及各结论的效果",
    )  # fmt: skip
    body = {"panel_id": PANEL, "programme_id": PROGRAMME, "stage": "acceptance_review", "track_ids": _TRACKS}
    p.act("panel-acceptance", "clerk", "/v1/panels", body)
    reviewers = [f"reviewer-R{n}" for n in (1, 2, 3)]
    for seat, reviewer in zip(_SEATS, reviewers, strict=True):
        p.act(f"seat-{seat}", "clerk", f"{_PANEL}/seats", {"seat_id": seat, "reviewer": person_id(reviewer)})
    closes = {"closes_at": "2022-06-17T18:00:00+08:00"}
    p.refused(
        "no-open-scoring-head", "head", f"{_PANEL}/scoring/open", closes, kind="not-permitted",
        what="opens scoring himself · 自行开启评分",
    )  # fmt: skip
    p.act(
        "open-acceptance", "clerk", f"{_PANEL}/scoring/open", closes,
        en="opens scoring of the four running cases until 17 June", zh="开启对四个项目的评分,至 6 月 17 日",
    )  # fmt: skip
    p.refused(
        "no-sheet-reserve", "reviewer-R1", f"{_PANEL}/applications/2020-BR-4/sheet", _sheet("COL-A", 0),
        kind="not-before-panel", what="scores the reserve · 对候补评分",
    )  # fmt: skip
    for n, reviewer in enumerate(reviewers):
        for a in SELECTED:
            path = f"{_PANEL}/applications/{a.application_id}/sheet"
            p.act(f"acceptance-sheet-{n}-{a.unit_id}", reviewer, path, _sheet(a.unit_id, 5 * (n - 1)))
    p.advance("clock-41-closed", "administrator", "2022-06-17T18:30:00+08:00")
    for track in _TRACKS:
        p.act(f"rank-acceptance-{track}", "clerk", f"{_PANEL}/tracks/{track}/rank", {})
        for placing in p.read("clerk", f"{_PANEL}/tracks/{track}/ranking")["placings"]:
            p.say(f"    {placing['rank'] or '–':>2}  {placing['application_id']}")


def _sheet(unit_id: str, lean: int) -> dict[str, Any]:
    marks = {code: mean + lean for code, mean in zip(("documents", "talk", "site"), _SCORES[unit_id], strict=True)}
    return {"marks": marks, "opinion": {"opinion": f"{unit_id} 建设任务完成情况评价(示例)。"}}


def acceptance_shown(p: Player) -> None:
    """Row 42: whom the panel placed and the office proposes is shown for five working days, 20 to 24 June."""
    p.advance("clock-42", "administrator", "2022-06-20T09:00:00+08:00")
    p.heading("42", "The proposed acceptances are shown to everybody", "拟通过验收名单公示")
    p.act("calendar-2022", "clerk", "/v1/calendars/2022/supply", _WORKING_DAYS_2022)
    body = {
        "publicity_id": ACCEPTANCE_PUBLICITY, "programme_id": PROGRAMME, "track_ids": _TRACKS, "matter": "acceptance",
        "application_ids": [a.application_id for a in SELECTED if a.unit_id != _TO_RECTIFY],
    }  # fmt: skip
    p.refused(
        "no-acceptance-ruleless", "clerk", "/v1/publicities", body, kind="publicity-rule-missing",
        what="shows it without a rule · 无规则即公示",
    )  # fmt: skip
    reason = f"call_is_silent; document={p.documents['why-publicity-rule']}"
    p.act("rule-acceptance", "head", f"{_AT}/publicity-rules", _RULE, reason=reason)
    shown = f"/v1/publicities/{ACCEPTANCE_PUBLICITY}"
    named = body["application_ids"]
    p.refused(
        "no-show-reserve", "clerk", "/v1/publicities", body | {"application_ids": [*named, "2020-BR-4"]},
        kind="not-to-be-shown", what="shows the reserve as accepted · 将候补列入",
    )  # fmt: skip
    p.act("prepare-acceptance", "clerk", "/v1/publicities", body, en="prepares the list of three", zh="拟定三项名单")
    approval = {"list_digest": p.read("head", shown)["list_digest"], "checks": ["secrecy", "personal_data"]}
    p.refused(
        "no-approve-acceptance", "clerk", f"{shown}/approve", approval, kind="not-permitted",
        what="approves what he prepared · 自拟自批",
    )  # fmt: skip
    p.act("approve-acceptance", "head", f"{shown}/approve", approval)
    p.act("open-acceptance-publicity", "clerk", f"{shown}/open", {}, en="posts the list", zh="张贴名单")
    posted = p.read_public(
        "posted-acceptance", f"/public/{INSTITUTION['institution_id']}/publicities/{ACCEPTANCE_PUBLICITY}"
    )
    p.say(f"    {len(posted['entries'])} entries until {posted['last_day']} · 截止 {posted['last_day']}")
    p.advance("clock-42-closed", "administrator", "2022-06-25T09:00:00+08:00")
    p.act("withdraw-acceptance", "clerk", f"{shown}/withdraw-posting", {}, en="takes the list down", zh="撤下名单")


def accepted(p: Player) -> None:
    """Row 43: the outcome of each case is decided on the ranking; BR-3 does not meet it."""
    p.advance("clock-43", "administrator", "2022-06-28T10:00:00+08:00")
    p.heading("43", "The acceptance is decided: three met, BR-3 not", "验收结论:三个达标,BR-3 不达标")
    paper = p.deposit("acceptance-minutes", "head", "resolution", "验收评定会议纪要(示例)。")
    p.refused(
        "no-decide-unranked", "head", f"{_case('BR-1')}/assessments/acceptance/decide",
        {"outcome": "met", "decision_document_id": paper}, kind="ranking-not-named",
        what="decides without the panel's ranking · 不据评审组排名即作结论",
    )  # fmt: skip
    p.refused(
        "no-complete-early", "head", f"{_case('BR-1')}/complete", {}, kind="not-accepted",
        what="completes a case before its acceptance · 验收之前结项",
    )  # fmt: skip
    for a in SELECTED:
        outcome = "not_met" if a.unit_id == _TO_RECTIFY else "met"
        body = {"outcome": outcome, "decision_document_id": paper, "panel_id": PANEL}
        _decide(p, "acceptance", a.unit_id, body)
    p.refused(
        "no-decide-twice", "head", f"{_case(_TO_RECTIFY)}/assessments/acceptance/decide",
        {"outcome": "met", "decision_document_id": paper, "panel_id": PANEL}, kind="assessment-settled",
        what="turns BR-3's outcome round · 更改 BR-3 的结论",
    )  # fmt: skip


def completions(p: Player) -> None:
    """Row 44: three cases are completed on their last day; BR-3's cannot be."""
    p.advance("clock-44", "administrator", "2022-06-30T10:00:00+08:00")
    p.heading("44", "Three cases are completed", "三个项目结项")
    p.refused(
        "no-complete-BR-3", "head", f"{_case(_TO_RECTIFY)}/complete", {}, kind="not-accepted",
        what="completes BR-3 · 对 BR-3 结项",
    )  # fmt: skip
    p.refused(
        "no-complete-clerk", "clerk", f"{_case('BR-1')}/complete", {}, kind="not-permitted",
        what="completes a case · 擅自结项",
    )  # fmt: skip
    p.refused(
        "no-close-met", "head", f"{_case('BR-1')}/close", {"ground": "not_met"}, reason="mistaken",
        kind="not-accepted", what="closes BR-1 without completion · 对达标者不予结项",
    )  # fmt: skip
    for a in SELECTED:
        if a.unit_id != _TO_RECTIFY:
            p.act(
                f"complete-{a.unit_id}", "head", f"{_case(a.unit_id)}/complete", {},
                en=f"completes the case of {a.unit_id}", zh=f"{a.unit_id} 项目结项",
            )  # fmt: skip
