"""Rows 6 to 9: what units prepare, the office judges, committees decide, vet and file, until the window closes."""

from __future__ import annotations

from typing import Final

from api.cli.demo import texts
from api.cli.demo.call import PROGRAMME, definition
from api.cli.demo.cast import APPLICANTS, Applicant
from api.cli.demo.player import Player

__all__ = ["closing", "filings", "preparation", "resolutions"]

_AT: Final = f"/v1/programmes/{PROGRAMME}"


# --- rows 6 and 7 ----------------------------------------------------------------------------------------------------


def preparation(p: Player) -> None:
    """Row 6: parents record their plans; the units write forms, budgets and self-checks, item by item."""
    p.advance("clock-6", "administrator", "2020-05-20T09:30:00+08:00")
    p.heading(
        "6",
        "Plans of the committees, forms, budgets and self-checks of the units",
        "制定方案、填写申报书、预算与自查报告",
    )
    for unit_id in ("OUC", "COL-A", "COL-B", "COL-C", "COL-D", "COL-E"):
        who = f"nominator-{unit_id}"
        plan = p.deposit(f"plan-{unit_id}-text", who, "plan", texts.plan(unit_id), owner=unit_id)
        body = {"document_ids": [plan]}
        p.act(f"plan-{unit_id}", who, f"{_AT}/plans/{unit_id}", body)
    for applicant in APPLICANTS:
        with p.aside(when=applicant.aside):
            _start(p, applicant)
    first = APPLICANTS[1]
    at = f"/v1/applications/{first.application_id}"
    p.refused(
        "no-save-other",
        "hand-BR-2",
        f"{at}/budget",
        {"lines": []},
        draft=first.application_id,
        kind="not-permitted",
        what="writes into the application of BR-1 · 改写 BR-1 的申报",
    )
    p.refused(
        "no-save-office", "clerk", f"{at}/budget", {"lines": []}, draft=first.application_id, kind="not-permitted",
        what="fills in a form for a branch · 代支部填报",
    )  # fmt: skip
    p.refused(
        "no-prepare-early", first.hand, f"{at}/prepare", {}, draft=first.application_id, kind="form-incomplete",
        what="declares complete what is not · 材料未齐即声明齐备",
    )  # fmt: skip
    for applicant in APPLICANTS:
        with p.aside(when=applicant.aside):
            _prepare(p, applicant)


def _start(p: Player, a: Applicant) -> None:
    body = {"application_id": a.application_id, "programme_id": PROGRAMME, "track_id": a.track, "unit_id": a.unit_id}
    p.act(f"start-{a.unit_id}", a.hand, "/v1/applications", body, draft=a.application_id)


def _prepare(p: Player, a: Applicant) -> None:
    """Form, self-check against every criterion of the catalogue, budget; then the declaration that all is there."""
    at, call = f"/v1/applications/{a.application_id}", definition()
    track = next(track for track in call["tracks"] if track["track_id"] == a.track)
    form = next(form for form in call["forms"] if form["form"] == track["form"])
    answers = {entry["code"]: texts.answer(a.unit_id, entry["name_zh"]) for entry in form["fields"]}
    p.act(f"form-{a.unit_id}", a.hand, f"{at}/form", {"answers": answers}, draft=a.application_id)
    for code in track["catalogues"]:
        catalogue = next(each for each in call["catalogues"] if each["catalogue"] == code)
        body = {
            "catalogue": code,
            "items": [{"criterion": criterion["code"], "rating": "met"} for criterion in catalogue["criteria"]],
            "report": {each["code"]: texts.self_check(a.unit_id, each["name_zh"]) for each in catalogue["criteria"]},
        }
        p.act(f"self-check-{a.unit_id}-{code}", a.hand, f"{at}/self-check", body, draft=a.application_id)
    categories, years = [each["code"] for each in form["budget_categories"]], track["funded_years"]
    lines = [
        {"category": categories[category], "year": years[year], "amount_fen": yuan * 100}
        for category, year, yuan in a.budget_yuan
    ]
    p.act(f"budget-{a.unit_id}", a.hand, f"{at}/budget", {"lines": lines}, draft=a.application_id)
    p.act(
        f"prepare-{a.unit_id}", a.hand, f"{at}/prepare", {}, draft=a.application_id,
        en=f"form, self-check and budget of {a.unit_id} are complete", zh=f"{a.unit_id} 申报书、自查报告、预算齐备",
    )  # fmt: skip


def resolutions(p: Player) -> None:
    """Row 7: the office judges, one rule is waived by a second person; each committee decides, then vets."""
    p.advance("clock-7", "administrator", "2020-05-25T14:00:00+08:00")
    p.heading("7", "Eligibility is judged; the committees decide and vet", "判定基本条件;研究确定、审核把关")
    for a in APPLICANTS:
        with p.aside(when=a.aside):
            p.act(f"judge-{a.unit_id}", "clerk", f"/v1/applications/{a.application_id}/judge", {})
        verdict = p.read("clerk", f"/v1/applications/{a.application_id}/eligibility")["verdict"]
        p.say(f"    · {a.unit_id}: {verdict} · {texts.VERDICTS[verdict]}")
    _waivers(p)
    college, branch = APPLICANTS[0], APPLICANTS[1]
    resolution = p.deposit(
        "resolution-college", college.nominator, "resolution", texts.resolution("COL-A"), owner="COL-A"
    )
    body = {"resolution_document_id": resolution}
    at_branch, at_college = (f"/v1/applications/{a.application_id}" for a in (branch, college))
    p.refused(
        "no-decide-own",
        branch.hand,
        f"{at_branch}/decide",
        body,
        kind="not-permitted",
        what="decides for itself · 自行研究确定",
    )
    p.refused(
        "no-decide-other", college.nominator, f"{at_branch}/decide", body, kind="not-permitted",
        what="decides for another college's branch · 为其他学院支部研究确定",
    )  # fmt: skip
    p.refused(
        "no-vet-first", college.nominator, f"{at_college}/vet", {"materials_digest": "0" * 64},
        kind="not-in-this-state", what="vets before deciding · 未研究确定先审核",
    )  # fmt: skip
    for a in APPLICANTS:
        with p.aside(when=a.aside):
            _endorse(p, a)


def _waivers(p: Player) -> None:
    """“Usually three years” can be waived, once, by another person than who judged; “must” cannot."""
    young, younger = (f"/v1/applications/{a.application_id}/waive" for a in (APPLICANTS[3], APPLICANTS[6]))
    why = p.deposit("why-waiver", "head", "reason", texts.WAIVER)
    reason = f"merged_from_older_branch; document={why}"
    p.refused(
        "no-waive-clerk",
        "clerk",
        young,
        texts.THREE_YEARS,
        reason=reason,
        kind="not-permitted",
        what="waives what he judged · 自判自免",
    )
    p.refused(
        "no-waive-hard", "head", younger, texts.TWO_YEARS, reason=reason, kind="rule-not-waivable",
        what="waives a rule that says must · 豁免刚性条件",
    )  # fmt: skip
    p.act(
        "waive", "head", young, texts.THREE_YEARS, reason=reason,
        en="waives “usually three years” for BR-3, with a reason", zh="附事由豁免 BR-3“一般应满三年”",
    )  # fmt: skip
    p.refused(
        "no-waive-twice",
        "head",
        young,
        texts.THREE_YEARS,
        reason=reason,
        kind="rule-already-waived",
        what="waives it again · 重复豁免",
    )


def _endorse(p: Player, a: Applicant) -> None:
    at = f"/v1/applications/{a.application_id}"
    resolution = p.deposit(
        f"resolution-{a.unit_id}", a.nominator, "resolution", texts.resolution(a.unit_id), owner=a.nominator_unit_id
    )
    p.act(f"decide-{a.unit_id}", a.nominator, f"{at}/decide", {"resolution_document_id": resolution})
    digest = p.first_read(f"digest-{a.unit_id}", a.nominator, at, "prepared_digest")
    p.act(
        f"vet-{a.unit_id}", a.nominator, f"{at}/vet", {"materials_digest": digest},
        en=f"decided and vetted {a.unit_id}", zh=f"研究确定并审核把关 {a.unit_id}",
    )  # fmt: skip


# --- rows 8 and 9 ----------------------------------------------------------------------------------------------------


def filings(p: Player) -> None:
    """Row 8: five are filed. One too many, one too young, and one under a parent with an incident are refused."""
    p.advance("clock-8", "administrator", "2020-05-29T15:00:00+08:00")
    p.heading("8", "The committees file; paper is received apart", "报送申报;纸质材料另行收到")
    first, (third, young, under) = APPLICANTS[1], APPLICANTS[5:]
    p.refused(
        "no-file-own", first.hand, f"/v1/applications/{first.application_id}/file", {}, kind="not-permitted",
        what="files its own application · 自行报送",
    )  # fmt: skip
    for a in APPLICANTS[:5]:
        p.act(
            f"file-{a.unit_id}", a.nominator, f"/v1/applications/{a.application_id}/file", {},
            en=f"files {a.unit_id}", zh=f"报送 {a.unit_id}",
        )  # fmt: skip
    for a, kind, what in (
        (third, "quota-exhausted", "files a third branch on two places · 两个指标报送第三个支部"),
        (young, "not-eligible", "files a student branch younger than two years · 报送成立不满两年的学生支部"),
        (under, "not-eligible", "files a branch under a parent with an incident · 报送上级发生过事件的支部"),
    ):
        p.refused(
            f"no-file-{a.unit_id}", a.nominator, f"/v1/applications/{a.application_id}/file", {}, kind=kind, what=what
        )
    for a in (*APPLICANTS[:2], *APPLICANTS[3:5]):
        _paper(p, a, "2020-05-29")
    p.advance("clock-8-paper", "administrator", "2020-05-30T10:00:00+08:00")
    _paper(p, APPLICANTS[2], "2020-05-30")


def _paper(p: Player, a: Applicant, day: str) -> None:
    p.act(
        f"paper-{a.unit_id}", "clerk", f"/v1/applications/{a.application_id}/paper", {"received_on": day},
        en=f"has the paper of {a.unit_id} since {day}", zh=f"{day} 收到 {a.unit_id} 纸质材料",
    )  # fmt: skip


def closing(p: Player) -> None:
    """Row 9: nobody closes the window here; the scheduler does, at the instant written when it was opened."""
    p.heading("9", "The window closes by itself", "申报窗口自行关闭")
    p.refused(
        "no-extend-clerk", "clerk", f"{_AT}/window/extend", {"last_day": "2020-06-05"}, reason="late",
        kind="not-permitted", what="extends it · 延长窗口",
    )  # fmt: skip
    p.refused(
        "no-extend-reasonless", "head", f"{_AT}/window/extend", {"last_day": "2020-06-05"}, kind="reason-missing",
        what="extends it without a reason · 无事由延长",
    )  # fmt: skip
    p.advance("clock-9", "administrator", "2020-06-01T09:00:00+08:00")
    window = p.read("clerk", f"{_AT}/window")
    if window["closed"]:
        p.say(
            f"    ✓ scheduler · 调度进程: closed the application window, its last day was {window['last_day']}"
            f" · 申报窗口已关闭,截止日为 {window['last_day']}"
        )
    late = APPLICANTS[5]
    p.refused(
        "no-file-late", late.nominator, f"/v1/applications/{late.application_id}/file", {}, kind="window-closed",
        what="files after the deadline · 截止后报送",
    )  # fmt: skip
    body = {"application_id": "2020-late", "programme_id": PROGRAMME, "track_id": "branch", "unit_id": "BR-1"}
    p.refused(
        "no-start-late", "hand-BR-1", "/v1/applications", body, kind="window-closed",
        what="starts an application after the deadline · 截止后另起申报",
    )  # fmt: skip
