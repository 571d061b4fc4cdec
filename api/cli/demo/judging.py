"""Rows 10 to 17: screening and a correction, the panel, sealed sheets, the ranking, the committee's decision."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from api.cli.demo import texts
from api.cli.demo.call import PROGRAMME, definition
from api.cli.demo.cast import APPLICANTS, BUDGET_OF_BRANCH, REVIEWERS, Applicant, person_id
from api.cli.demo.player import Player

__all__ = ["PANEL", "committee", "panel", "ranking", "recommendation", "recusal", "scoring", "screening"]

PANEL: Final = "expert-2020"
_AT: Final = f"/v1/programmes/{PROGRAMME}"
_PANEL: Final = f"/v1/panels/{PANEL}"
_FILED: Final = APPLICANTS[:5]
_BRANCHES: Final = _FILED[1:]
_RECUSED: Final = ("R4", "COL-A")


# --- rows 10 and 11 --------------------------------------------------------------------------------------------------


def screening(p: Player) -> None:
    """Row 10: BR-3 is returned, its budget is not whole. Row 11: it is filed again in time, and all five pass."""
    p.advance("clock-10", "administrator", "2020-06-03T09:00:00+08:00")
    p.heading("10", "The office screens; one application is returned for correction", "初审;退回一份申报补正")
    whole, faulty = _FILED[1], _FILED[3]
    at_whole, at = (f"/v1/applications/{a.application_id}" for a in (whole, faulty))
    opinion = p.deposit("opinion-BR-3", "clerk", "other", texts.CORRECTION)
    correction = {"parts": [{"kind": "budget"}], "last_day": "2020-06-05", "opinion_document_id": opinion}
    p.refused(
        "no-screen-nominator", whole.nominator, f"{at_whole}/screening/pass", {}, kind="not-permitted",
        what="passes what it put forward · 自行通过初审",
    )  # fmt: skip
    p.refused(
        "no-reject-clerk", "clerk", f"{at}/screening/reject", {"opinion_document_id": opinion},
        reason="budget_incomplete", kind="not-permitted", what="rejects it alone · 擅自不予通过",
    )  # fmt: skip
    p.refused(
        "no-save-filed", whole.hand, f"{at_whole}/budget", {"lines": []}, draft=whole.application_id,
        kind="not-in-this-state", what="changes what was filed · 报送后自行改动",
    )  # fmt: skip
    p.act(
        "return-BR-3", "clerk", f"{at}/correction/request", correction, reason="budget_incomplete",
        en="returns BR-3: its budget leaves out a year; to be corrected by 5 June",
        zh="退回 BR-3:预算缺一个年度,6 月 5 日前补正",
    )  # fmt: skip
    p.advance("clock-11", "administrator", "2020-06-05T10:00:00+08:00")
    p.heading("11", "It is corrected, vetted anew and filed again; five pass", "补正、重新审核并报送;五份通过初审")
    p.refused(
        "no-pass-returned", "clerk", f"{at}/screening/pass", {}, kind="not-in-this-state",
        what="passes what he has returned · 补正期间通过初审",
    )  # fmt: skip
    p.refused(
        "no-extend-correction", "head", f"{at}/correction/extend", {"last_day": "2020-06-09"}, kind="reason-missing",
        what="gives more time without a reason · 无事由延长补正",
    )  # fmt: skip
    _correct(p, faulty)
    for a in _FILED:
        p.act(
            f"pass-{a.unit_id}", "clerk", f"/v1/applications/{a.application_id}/screening/pass", {},
            en=f"passes {a.unit_id}", zh=f"{a.unit_id} 初审通过",
        )  # fmt: skip


def _correct(p: Player, a: Applicant) -> None:
    at = f"/v1/applications/{a.application_id}"
    track = next(track for track in definition()["tracks"] if track["track_id"] == a.track)
    form = next(form for form in definition()["forms"] if form["form"] == track["form"])
    categories, years = [each["code"] for each in form["budget_categories"]], track["funded_years"]
    lines = [
        {"category": categories[category], "year": years[year], "amount_fen": yuan * 100}
        for category, year, yuan in BUDGET_OF_BRANCH
    ]
    # A reminder came on the last day; whoever works on the draft has seen it.
    p.read(a.hand, at)
    p.versions[a.application_id] = p.head
    p.act("correct-BR-3", a.hand, f"{at}/budget", {"lines": lines}, draft=a.application_id)
    p.act(
        "prepare-BR-3-again", a.hand, f"{at}/prepare", {}, draft=a.application_id,
        en="completes the budget of BR-3", zh="补全 BR-3 预算",
    )  # fmt: skip
    p.refused(
        "no-refile-unvetted", a.nominator, f"{at}/refile", {}, kind="not-in-this-state",
        what="files it again unvetted · 未经审核即重新报送",
    )  # fmt: skip
    digest = p.first_read(f"digest-{a.unit_id}-again", a.nominator, at, "prepared_digest")
    p.act("vet-BR-3-again", a.nominator, f"{at}/vet", {"materials_digest": digest})
    p.act(
        "refile-BR-3", a.nominator, f"{at}/refile", {},
        en="vets BR-3 anew and files it again", zh="重新审核把关并报送 BR-3",
    )  # fmt: skip


# --- rows 12 and 13 --------------------------------------------------------------------------------------------------


def panel(p: Player) -> None:
    """Row 12: what the call leaves open is decided by the head; five reviewers take seats under codes."""
    p.advance("clock-12", "administrator", "2020-06-08T09:00:00+08:00")
    p.heading("12", "A panel is constituted; its reviewers are known by codes", "组成评审组;评审专家以代码为名")
    stage = f"{_AT}/stages/expert_review/define"
    p.refused(
        "no-stage-reasonless", "head", stage, texts.STAGE, kind="reason-missing",
        what="defines the stage without a reason · 无事由设定评审阶段",
    )  # fmt: skip
    why = p.deposit("why-stage", "head", "reason", texts.WHY_STAGE)
    p.act(
        "stage", "head", stage, texts.STAGE, reason=f"call_is_silent; document={why}",
        en="defines how experts score, since the call leaves it open", zh="通知未载明评分办法,由负责人设定",
    )  # fmt: skip
    body = {"panel_id": PANEL, "programme_id": PROGRAMME, "stage": "expert_review", "track_ids": ["college", "branch"]}
    p.refused(
        "no-panel-nominator", "nominator-OUC", "/v1/panels", body, kind="not-permitted",
        what="constitutes the panel · 组成评审组",
    )  # fmt: skip
    p.act("panel", "clerk", "/v1/panels", body, en="constitutes the panel", zh="组成评审组")
    for code in REVIEWERS:
        seat = {"seat_id": code, "reviewer": person_id(f"reviewer-{code}")}
        p.act(f"seat-{code}", "clerk", f"{_PANEL}/seats", seat, en=f"seats a reviewer as {code}", zh=f"专家入席 {code}")
    p.refused(
        "no-identity", "head", f"{_PANEL}/seats/R1/open-identity", {}, kind="reason-missing",
        what="looks who R1 is, without a reason · 无事由查看 R1 身份",
    )  # fmt: skip


def recusal(p: Player) -> None:
    """Row 13: R4 declares an interest in COL-A, and from then on sees nothing of it."""
    p.advance("clock-13", "administrator", "2020-06-09T09:00:00+08:00")
    p.heading("13", "R4 declares an interest in COL-A", "R4 申明与 COL-A 存在利害关系")
    code, unit_id = _RECUSED
    mine = f"{_PANEL}/applications/2020-{unit_id}"
    interest = {"interest": "former_colleague"}
    p.refused(
        "no-declare-clerk", "clerk", f"{mine}/declare-interest", interest, kind="code-missing",
        what="declares it for him · 代为申明",
    )  # fmt: skip
    p.act(
        "declare", f"reviewer-{code}", f"{mine}/declare-interest", interest,
        en="declares to have worked there", zh="申明曾在该单位工作",
    )  # fmt: skip
    p.refused(
        "no-declare-twice", f"reviewer-{code}", f"{mine}/declare-interest", interest, kind="already-recused",
        what="declares it again · 重复申明",
    )  # fmt: skip
    p.refused(
        "no-lift-clerk", "clerk", f"{_PANEL}/seats/{code}/applications/2020-{unit_id}/lift-recusal", {},
        reason="needed", kind="not-permitted", what="lifts the recusal · 解除回避",
    )  # fmt: skip


# --- rows 14 and 15 --------------------------------------------------------------------------------------------------


def _sheet(code: str, unit_id: str) -> dict[str, Any]:
    """What a reviewer gives, in tenths of a point; the story's own numbers."""
    means, lean = texts.SCORES[unit_id], texts.LEANINGS[code]
    marks = {criterion: mean + lean for criterion, mean in zip(texts.CRITERIA, means, strict=True)}
    return {"marks": marks, "opinion": {"opinion": texts.opinion(unit_id)}}


def scoring(p: Player) -> None:
    """Row 14: sheets are filed sealed; COL-A gets one fewer, and one is amended before closing, with a reason."""
    p.advance("clock-14", "administrator", "2020-06-10T09:00:00+08:00")
    p.heading("14", "Sheets are filed, sealed until closing", "提交评分表,截止前封存")
    p.act(
        "open-scoring", "clerk", f"{_PANEL}/scoring/open", {"closes_at": "2020-06-12T18:00:00+08:00"},
        en="opens scoring until 12 June, 18:00", zh="开启评分,至 6 月 12 日 18 时",
    )  # fmt: skip
    at = f"{_PANEL}/applications"
    p.refused(
        "no-sheet-clerk", "clerk", f"{at}/2020-BR-1/sheet", _sheet("R1", "BR-1"), kind="code-missing",
        what="files a sheet · 代填评分表",
    )  # fmt: skip
    p.refused(
        "no-sheet-recused", "reviewer-R4", f"{at}/2020-COL-A/sheet", _sheet("R4", "COL-A"), kind="recused-from",
        what="scores what he is recused from · 对应回避的申报评分",
    )  # fmt: skip
    wild = _sheet("R1", "BR-1")
    wild["marks"]["goals"] = 999
    p.refused(
        "no-sheet-range", "reviewer-R1", f"{at}/2020-BR-1/sheet", wild, kind="mark-out-of-range",
        what="gives more than the form has · 超出评分表分值",
    )  # fmt: skip
    filed = 0
    for code in REVIEWERS:
        for a in _FILED:
            if (code, a.unit_id) != _RECUSED:
                path = f"{at}/{a.application_id}/sheet"
                p.act(f"sheet-{code}-{a.unit_id}", f"reviewer-{code}", path, _sheet(code, a.unit_id))
                filed += 1
    p.say(f"    {filed} sheets filed; their marks are nowhere in the record · 已提交 {filed} 份,分数未见于任何记录")
    again = _sheet("R2", "BR-4")
    again["marks"]["goals"] -= 5
    p.refused(
        "no-amend-reasonless", "reviewer-R2", f"{at}/2020-BR-4/sheet/amend", again, kind="reason-missing",
        what="amends a sheet without a reason · 无事由更改评分表",
    )  # fmt: skip
    p.act(
        "amend", "reviewer-R2", f"{at}/2020-BR-4/sheet/amend", again, reason="misread_goals",
        en="amends his sheet on BR-4, with a reason", zh="附事由更改对 BR-4 的评分表",
    )  # fmt: skip


def ranking(p: Player) -> None:
    """Row 15: scoring closes by itself, every sheet is opened and checked, and both tracks are ranked."""
    p.heading("15", "Scoring closes by itself; sheets are opened and ranked", "评分自行截止;开启评分表并排名")
    p.refused(
        "no-rank-open", "clerk", f"{_PANEL}/tracks/branch/rank", {}, kind="not-in-this-state",
        what="ranks before closing · 截止前排名",
    )  # fmt: skip
    p.advance("clock-15", "administrator", "2020-06-12T18:30:00+08:00")
    p.refused(
        "no-sheet-late", "reviewer-R2", f"{_PANEL}/applications/2020-BR-4/sheet/amend", _sheet("R2", "BR-4"),
        reason="late", kind="not-in-this-state", what="amends after closing · 截止后更改",
    )  # fmt: skip
    p.refused(
        "no-rank-head", "head", f"{_PANEL}/tracks/branch/rank", {}, kind="not-permitted",
        what="ranks them himself · 自行排名",
    )  # fmt: skip
    for track in ("college", "branch"):
        p.act(f"rank-{track}", "clerk", f"{_PANEL}/tracks/{track}/rank", {})
        for placing in p.read("clerk", f"{_PANEL}/tracks/{track}/ranking")["placings"]:
            p.say(
                f"    {placing['rank'] or '–':>2}  {placing['application_id']:<12} {_points(placing['score']):>7}"
                f"  {len(placing['counted'])} sheets · 份评分表"
            )


def _points(score: dict[str, int]) -> str:
    hundredths = round(Fraction(score["numerator"], score["denominator"]) * 100)
    return f"{hundredths // 100}.{hundredths % 100:02}"


# --- rows 16 and 17 --------------------------------------------------------------------------------------------------


def _choices(*outcomes: str) -> list[dict[str, str]]:
    return [
        {"application_id": a.application_id, "outcome": outcome} for a, outcome in zip(_BRANCHES, outcomes, strict=True)
    ]


def recommendation(p: Player) -> None:
    """Row 16: one college and three branches are recommended as ranked, BR-4 as reserve."""
    p.advance("clock-16", "administrator", "2020-06-16T10:00:00+08:00")
    p.heading("16", "The panel recommends 1 and 3, BR-4 as reserve", "评审组推荐 1 个学院、3 个支部,BR-4 候补")
    path = f"{_AT}/tracks/branch/recommend"
    as_ranked = {"panel_id": PANEL, "choices": _choices("selected", "selected", "selected", "reserve")}
    leap = {"panel_id": PANEL, "choices": _choices("selected", "selected", "reserve", "selected")}
    p.refused(
        "no-recommend-leap", "clerk", path, leap, kind="reason-missing",
        what="puts BR-4 before BR-3 without a reason · 无事由将 BR-4 置于 BR-3 之前",
    )  # fmt: skip
    p.refused(
        "no-recommend-part", "clerk", path, as_ranked | {"choices": as_ranked["choices"][:3]},
        kind="not-the-ranked-ones", what="leaves BR-4 out · 遗漏 BR-4",
    )  # fmt: skip
    p.refused(
        "no-recommend-nominator", "nominator-OUC", path, as_ranked, kind="not-permitted",
        what="recommends its own · 自行推荐入选",
    )  # fmt: skip
    college = [{"application_id": _FILED[0].application_id, "outcome": "selected"}]
    p.act("recommend-college", "clerk", f"{_AT}/tracks/college/recommend", {"panel_id": PANEL, "choices": college})
    p.act(
        "recommend-branch", "clerk", path, as_ranked,
        en="records the panel's recommendation, as ranked", zh="记录评审组推荐意见,与排名一致",
    )  # fmt: skip


def committee(p: Player) -> None:
    """Row 17: the committee decides on both tracks; without its quorum or its majority it decides nothing."""
    p.advance("clock-17", "administrator", "2020-06-18T15:00:00+08:00")
    p.heading("17", "The committee decides by vote", "党委会表决决定")
    why = p.deposit("why-selection-rule", "head", "reason", texts.WHY_SELECTION_RULE)
    p.act(
        "selection-rule", "head", f"{_AT}/selection-rule", texts.SELECTION_RULE,
        reason=f"house_rules; document={why}",
    )  # fmt: skip
    resolution = p.deposit("resolution-committee", "head", "resolution", texts.COMMITTEE)
    path = f"{_AT}/tracks/branch/decisions"
    body: dict[str, Any] = {
        "decision_id": "2020-branch",
        "vote": texts.VOTE,
        "choices": _choices("selected", "selected", "selected", "reserve"),
        "resolution_document_id": resolution,
    }
    p.refused(
        "no-quorum", "head", path, body | {"vote": texts.TOO_FEW}, kind="quorum-not-reached",
        what="decides with five of nine · 应到九人实到五人即作决定",
    )  # fmt: skip
    p.refused(
        "no-majority", "head", path, body | {"vote": texts.TOO_LITTLE}, kind="vote-not-carried",
        what="decides with four votes of nine · 九人中四票赞成即作决定",
    )  # fmt: skip
    p.refused(
        "no-decide-clerk", "clerk", path, body, kind="not-permitted", what="decides for the committee · 代党委会决定"
    )
    p.act(
        "decide-branch", "head", path, body,
        en="records the decision: 8 of 9 attended, 7 in favour", zh="记录决定:应到 9 人,实到 8 人,赞成 7 票",
    )  # fmt: skip
    college = {
        **body,
        "decision_id": "2020-college",
        "choices": [{"application_id": _FILED[0].application_id, "outcome": "selected"}],
    }
    p.act("decide-college", "head", f"{_AT}/tracks/college/decisions", college)
