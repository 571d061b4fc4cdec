"""What may wait for somebody: every task by its name in both languages, and one of them as its bearer reads it."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Final, Literal

import msgspec

from domain.kernel import subject
from domain.person.events import Role

__all__ = [
    "TASKS",
    "ApplicationTask",
    "CaseTask",
    "HearingTask",
    "JudgingTask",
    "LedgerTask",
    "Task",
    "Waiting",
    "in_order",
    "waiting_as",
]

ApplicationTask = Literal[
    "prepare",
    "decide",
    "vet",
    "file",
    "judge",
    "waive",
    "interpret",
    "receive_paper",
    "screen",
    "correct",
    "revet",
    "refile",
]
JudgingTask = Literal[
    "rank",
    "recommend",
    "decide_selection",
    "prepare_publicity",
    "approve_publicity",
    "open_publicity",
    "withdraw_posting",
    "promote_reserve",
    "admit_objection",
    "investigate_objection",
    "decide_objection",
]
CaseTask = Literal[
    "file_task_book",
    "sign_task_book",
    "file_report",
    "accept_report",
    "order_rectification",
    "report_rectification",
    "check_rectification",
    "approve_payment",
    "post_payment",
]
HearingTask = Literal["notify_finding", "make_statement", "decide_measure", "decide_appeal"]
LedgerTask = Literal["confirm_ledger"]
Task = ApplicationTask | JudgingTask | CaseTask | HearingTask | LedgerTask | Literal["score"]

TASKS: Final[Mapping[Task, tuple[tuple[Role, ...], str, str]]] = {
    "prepare": (("applicant",), "Prepare the application", "准备申报材料"),
    "decide": (("nominator",), "Decide on the nomination", "研究确定推荐"),
    "vet": (("nominator",), "Vet the materials", "审核把关材料"),
    "file": (("nominator",), "File the application", "报送申报"),
    "judge": (("clerk",), "Judge eligibility", "判定基本条件"),
    "waive": (("head",), "Decide on a waiver", "决定是否豁免"),
    "interpret": (("clerk",), "Interpret a term of the call", "解释通知条款"),
    "receive_paper": (("clerk",), "Record the paper copy", "登记纸质材料"),
    "screen": (("clerk",), "Screen the application", "初审申报"),
    "correct": (("applicant",), "Correct the application", "补正申报材料"),
    "revet": (("nominator",), "Vet the corrected materials", "审核把关补正材料"),
    "refile": (("nominator",), "File the corrected application again", "重新报送补正后的申报"),
    "score": (("reviewer",), "Score what is before the panel", "就评审组所列申报评分"),
    "rank": (("clerk",), "Rank what the panel has scored", "对评审组已评申报排名"),
    "recommend": (("clerk",), "Record the panel's recommendation", "登记评审组推荐意见"),
    "decide_selection": (("head",), "Record the committee's decision", "登记委员会决定"),
    "prepare_publicity": (("clerk",), "Prepare the publicity", "拟定公示"),
    "approve_publicity": (("head",), "Check and approve the publicity", "审查并批准公示"),
    "open_publicity": (("clerk", "head"), "Open the publicity", "开启公示"),
    "withdraw_posting": (("clerk",), "Withdraw the posting", "撤下张贴内容"),
    "promote_reserve": (("head",), "Promote a reserve to the place that fell free", "将候补递补至空出的名额"),
    "admit_objection": (("clerk", "supervisor", "head"), "Admit the objection, or refuse to", "受理或不予受理异议"),
    "investigate_objection": (("supervisor",), "Investigate the objection", "调查异议"),
    "decide_objection": (("head",), "Uphold or dismiss the objection", "认定异议成立或予以驳回"),
    "file_task_book": (("applicant",), "File the task book", "提交任务书"),
    "sign_task_book": (("head",), "Sign or return the task book", "签署或退回任务书"),
    "file_report": (("applicant",), "File the report", "提交报告"),
    "accept_report": (("clerk",), "Accept or return the report", "接受或退回报告"),
    "order_rectification": (("head",), "Order a rectification", "责令整改"),
    "report_rectification": (("applicant",), "Report the rectification", "报告整改情况"),
    "check_rectification": (("head",), "Check the rectification", "复查整改"),
    "approve_payment": (("head",), "Approve the payment", "批准拨付"),
    "post_payment": (("finance",), "Post what the bank paid", "登记银行付款"),
    "confirm_ledger": (("head", "finance"), "Confirm the ledger of the period", "确认期间账册"),
    "notify_finding": (("clerk",), "Notify whom the finding is against", "向当事方告知问题认定"),
    "make_statement": (("secretary",), "Make a statement on the finding", "就问题认定作出陈述"),
    "decide_measure": (("head",), "Decide a measure, or drop the finding", "决定措施或撤销问题认定"),
    "decide_appeal": (("head",), "Uphold or dismiss the appeal", "认定申诉成立或予以驳回"),
}
"""Each task: the roles it waits for, and its name in both languages."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """One task as its bearer reads it.
    zh: 一项待办。
    """

    task: Annotated[Task, subject("Task", "待办")]
    en: Annotated[str, subject("What is asked", "待办(英文)")]
    zh: Annotated[str, subject("What is asked (Chinese)", "待办(中文)")]
    subject_id: Annotated[str, subject("About", "对象")]
    role: Annotated[Role, subject("Role", "角色")]
    unit_id: Annotated[str, subject("At unit (empty: the office)", "所在单位(空为主管部门)")]
    programme_id: Annotated[str, subject("Programme", "项目")]
    track_id: Annotated[str, subject("Track", "赛道")] = ""
    application_id: Annotated[str, subject("Application", "申报")]
    since: Annotated[datetime, subject("Since", "起始时间")]
    due_at: Annotated[datetime | None, subject("Due before", "截止时刻")]
    last_day: Annotated[date | None, subject("Last day", "截止日")]
    reminded_at: Annotated[datetime | None, subject("Reminded at", "催办时间")] = None
    opens_at: Annotated[datetime | None, subject("Not before", "不早于")] = None


def waiting_as(
    task: Task,
    role: Role,
    subject_id: str,
    since: datetime,
    *,
    unit_id: str = "",
    programme_id: str = "",
    track_id: str = "",
    application_id: str = "",
    due: tuple[datetime | None, date | None] = (None, None),
    reminded_at: datetime | None = None,
    opens_at: datetime | None = None,
) -> Waiting:
    """A task with its name in both languages."""
    _, en, zh = TASKS[task]
    return Waiting(
        task=task,
        en=en,
        zh=zh,
        subject_id=subject_id,
        role=role,
        unit_id=unit_id,
        programme_id=programme_id,
        track_id=track_id,
        application_id=application_id,
        since=since,
        due_at=due[0],
        last_day=due[1],
        reminded_at=reminded_at,
        opens_at=opens_at,
    )


def in_order(tasks: Iterable[Waiting]) -> list[Waiting]:
    """The most urgent first; what has no date comes last, the oldest first."""
    return sorted(tasks, key=lambda task: (task.due_at is None, task.due_at or task.since, task.since, task.subject_id))
