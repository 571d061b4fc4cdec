"""What the people of the story write: invented, short, and plausible. Every text becomes a sealed document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

__all__ = [
    "CALENDAR",
    "COMMITTEE",
    "CORRECTION",
    "CRITERIA",
    "FINDINGS",
    "FOUNDATIONS",
    "INCIDENT",
    "INCIDENT_FACT",
    "LEANINGS",
    "OBJECTION",
    "OUTCOMES",
    "PUBLICITY_RULE",
    "READINGS",
    "SCORES",
    "SELECTION_RULE",
    "STAGE",
    "STATES",
    "THREE_YEARS",
    "TOO_FEW",
    "TOO_LITTLE",
    "TWO_YEARS",
    "VERDICTS",
    "VOTE",
    "WAIVER",
    "WHY_PUBLICITY_RULE",
    "WHY_SELECTION_RULE",
    "WHY_STAGE",
    "WORKING_DAYS",
    "Reading",
    "answer",
    "opinion",
    "plan",
    "resolution",
    "self_check",
]

FOUNDATIONS: Final = "各级党组织成立批复文件摘录(示例):列明各单位批准成立日期,供判定申报基本条件时查考。"
INCIDENT: Final = "关于经济管理学院 2018 年一起实验室安全事故的调查报告(示例)。"
CALENDAR: Final = "国务院办公厅关于 2020 年部分节假日安排的通知(含春节假期延长),据此备案工作日历。"
WAIVER: Final = "教务处党支部由 2013 年成立的原教务教研党支部调整设立,组织生活连续,同意豁免成立满三年的一般要求。"

INCIDENT_FACT: Final = {
    "kind": "safety",
    "severity": "major",
    "scope": "unit",
    "occurred_on": "2018-11-20",
    "valid_on": "2018-11-20",
}
WORKING_DAYS: Final = {
    "days_off": [
        *("2020-01-01", "2020-01-24", "2020-01-27", "2020-01-28", "2020-01-29", "2020-01-30", "2020-01-31"),
        *("2020-04-06", "2020-05-01", "2020-05-04", "2020-05-05", "2020-06-25", "2020-06-26"),
        *("2020-10-01", "2020-10-02", "2020-10-05", "2020-10-06", "2020-10-07", "2020-10-08"),
    ],
    "days_worked": ["2020-01-19", "2020-04-26", "2020-05-09", "2020-06-28", "2020-09-27", "2020-10-10"],
}
THREE_YEARS: Final = {"rule": "established_three_years"}
TWO_YEARS: Final = {"rule": "established_two_years"}
VERDICTS: Final = {"eligible": "符合", "waivable": "可豁免", "ineligible": "不符合", "waived": "已豁免"}
OUTCOMES: Final = {"met": "符合", "not_met": "不符合", "not_applicable": "不适用", "unknown": "无从判定"}
STATES: Final = {
    "started": "准备中",
    "prepared": "材料齐备",
    "decided": "已研究确定",
    "vetted": "已审核把关",
    "filed": "已报送",
    "screened": "初审通过",
}
TITLE_STATES: Final = {"held": "持有", "revoked": "已撤销", "lapsed": "已失效"}


@dataclass(frozen=True, slots=True)
class Reading:
    """How a damaged term is read: its value, what that is in words, and why."""

    value: dict[str, Any]
    en: str
    zh: str
    why: str


def _day(day: str, why: str) -> Reading:
    return Reading({"type": "date", "day": day}, day, day, why)


_LOST_YEAR: Final = "原文“年”字脱落,按两年周期自 2020 年 6 月起至 2022 年 6 月止理解。"
_CYCLE: Final = "原文所列日期与“以两年为周期”矛盾:周期止于 2022 年 6 月,终期材料与结果应在同年;待更正确认。"

READINGS: Final[dict[str, Reading]] = {
    "application_closes": _day("2020-05-31", "原文“5前”脱字;评审须于六月底前完成,读作 5 月底前,当日 24 时截止。"),
    "review_ends": _day("2020-06-30", _LOST_YEAR),
    "cycle_begins": _day("2020-06-30", _LOST_YEAR + "建设自名单确定之日即六月底起算。"),
    "cycle_ends": _day("2022-06-30", _LOST_YEAR),
    "midterm_assessment": _day("2021-06-30", _LOST_YEAR),
    "annual_summary_due": _day("2021-05-10", _LOST_YEAR + "“月初”读作 10 日以前。"),
    "consolidation_begins": _day("2021-06-01", _LOST_YEAR),
    "consolidation_ends": _day("2022-06-30", _LOST_YEAR),
    "acceptance_ends": _day("2022-06-30", _LOST_YEAR),
    "final_documents_due": _day("2022-05-31", _CYCLE),
    "results_published": _day("2022-06-30", _CYCLE),
    "college_annual_amount": Reading(
        {"type": "amount", "amount_fen": 2_500_000},
        "25,000 yuan a year",
        "每年 2.5 万元",
        "原文“2.5”脱“万元”,与下一项“1 万元”同列,读作每年 2.5 万元。",
    ),
    "matching_ratio": Reading(
        {"type": "ratio", "ratio_bp": 10_000}, "1 to 1", "1:1", "原文“11”脱比号,读作不低于 1:1。"
    ),
}


def plan(unit_id: str) -> str:
    """A committee's plan of the first step."""
    return f"{unit_id} 对标争先创建方案(示例):问题清单、责任清单、创建目标、任务书、路线图、时间表与责任人。"


def resolution(unit_id: str) -> str:
    """A committee's resolution on one application."""
    return f"会议决议(示例):经集体研究,同意推荐 {unit_id} 申报,并对申报书与自查报告审核把关。"


def answer(unit_id: str, field: str) -> str:
    """What a unit writes into one field of its form."""
    return f"{unit_id}:{field}(示例文本)。坚持问题导向,按两年周期分年度推进,责任到人,成果可检验、可推广。"


def self_check(unit_id: str, criterion: str) -> str:
    """What a unit writes about one criterion."""
    return f"{unit_id}:对照“{criterion}”逐项自查(示例文本),制度健全、台账完备、成效明显。"


# --- from screening to the closed publicity --------------------------------------------------------------------------

CORRECTION: Final = "经初审,该支部经费预算仅列第一年度,请补全第二年度各项预算后重新审核报送。"
WHY_STAGE: Final = "通知仅要求组织有关部门及专家评选,未载明评分办法,现参照同类项目设定评分表与合成方法。"
WHY_SELECTION_RULE: Final = "依党委议事规则:三分之二以上委员到会方能举行,赞成票超过应到会委员半数为通过。"
WHY_PUBLICITY_RULE: Final = "通知要求全校范围内公示但未载明时限,参照同类项目定为五个工作日。"
COMMITTEE: Final = "党委会会议纪要摘录(示例):审议标杆学院与样板支部建设名单,表决通过。"
FINDINGS: Final = "经查阅支部台账、访谈当事人,异议所称情况查无实据(示例)。"

CRITERIA: Final = ("foundations", "practices", "goals")
STAGE: Final[dict[str, Any]] = {
    "order": 1,
    "name_zh": "专家评审",
    "name_en": "Expert review",
    "track_ids": ["college", "branch"],
    "criteria": [
        {
            "code": code,
            "name_zh": zh,
            "name_en": en,
            "weight_bp": 10_000,
            "lowest_tenths": 0,
            "highest_tenths": highest,
            "step_tenths": 5,
        }
        for code, zh, en, highest in (
            ("foundations", "工作基础", "Foundations", 400),
            ("practices", "做法与特色", "Practices and features", 400),
            ("goals", "目标与计划", "Goals and plan", 200),
        )
    ],
    "aggregation": "trimmed_mean",
    "trim": 1,
    "minimum_sheets": 4,
    "tie_breaks": [{"by": "criterion", "criterion": "foundations"}, {"by": "lot"}],
}
SCORES: Final = {
    "COL-A": (360, 350, 180),
    "BR-1": (370, 360, 180),
    "BR-2": (350, 350, 170),
    "BR-3": (340, 340, 160),
    "BR-4": (310, 320, 150),
}
"""What a reviewer without leanings gives, in tenths of a point, by criterion."""
LEANINGS: Final = {"R1": 0, "R2": 5, "R3": -5, "R4": 10, "R5": -10}

SELECTION_RULE: Final = {
    "quorum_bp": 6_667,
    "threshold_bp": 5_000,
    "threshold_of": "entitled",
    "more_than_threshold": True,
}
VOTE: Final = {"entitled": 9, "attending": 8, "in_favour": 7, "against": 0, "abstaining": 1}
TOO_FEW: Final = {"entitled": 9, "attending": 5, "in_favour": 5, "against": 0, "abstaining": 0}
TOO_LITTLE: Final = {"entitled": 9, "attending": 8, "in_favour": 4, "against": 2, "abstaining": 2}

PUBLICITY_RULE: Final = {
    "matter": "selection",
    "window_days": 5,
    "day_rule": "working",
    "count_first_day": True,
    "identities": ["named", "stamped", "confidential"],
    "channels": ["written", "oral"],
    "decide_within_days": 5,
}
OBJECTION: Final = {
    "identity": "confidential",
    "channel": "written",
    "objector": {"name": "异议人示例", "phone": "13800000000"},
    "statement": {"statement": "反映该支部一次组织生活记录不实(示例)。"},
}


def opinion(unit_id: str) -> str:
    """What a reviewer writes of an application."""
    return f"{unit_id} 申报材料完整,做法具体,建议进一步凝练特色(示例)。"
