"""The inbox: what waits for whom, at which unit, and by when.

A row appears when an act becomes somebody's turn and disappears when it was done or is no longer asked for. When it is
due follows from the correction that runs, or else, at read time, from the window of its programme.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec.structs import replace

from domain.application.events import (
    ApplicationFiled,
    ApplicationPrepared,
    ApplicationStarted,
    ApplicationWithdrawn,
    BudgetSaved,
    FormSaved,
    PaperReceived,
    SelfCheckSaved,
)
from domain.application.policy import STATE_AFTER, ApplicationState, state_after
from domain.assessment.events import (
    AssessmentDecided,
    RectificationAccepted,
    RectificationOrdered,
    RectificationRejected,
    RectificationReported,
)
from domain.cultivation.events import (
    CaseSucceeded,
    ReportAccepted,
    ReportAsked,
    ReportFiled,
    ReportReturned,
    TaskBookAsked,
    TaskBookFiled,
    TaskBookReturned,
    TaskBookSigned,
)
from domain.cultivation.policy import ENDS
from domain.eligibility.events import EligibilityJudged, Finding, RuleWaived
from domain.eligibility.policy import FAILING, JUDGED_FACTS
from domain.funding.events import (
    PaymentApproved,
    PaymentExpired,
    PaymentFailed,
    PaymentPosted,
    PaymentRequested,
)
from domain.ids import ProgrammeId
from domain.kernel import Event, Recorded, office, subject
from domain.nomination.events import NominationDecided, NominationDeclined
from domain.person.events import Role
from domain.programme.events import ErratumRecorded, TermInterpreted, TermPublished
from domain.screening.events import (
    ApplicationRefiled,
    CorrectionExtended,
    CorrectionRequested,
    ScreeningPassed,
    ScreeningRejected,
)
from domain.unit.events import UnitMerged, UnitMoved, UnitRegistered
from domain.unit.policy import UNIT_ENDS
from projections.kernel import Key, View, Where
from projections.window import WindowRow

Matter = Literal["application", "judgement", "waiver", "term", "paper", "case", "payment"]
Task = Literal[
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

TASKS: Final[Mapping[Task, tuple[Role, str, str]]] = {
    "prepare": ("applicant", "Prepare the application", "准备申报材料"),
    "decide": ("nominator", "Decide on the nomination", "研究确定推荐"),
    "vet": ("nominator", "Vet the materials", "审核把关材料"),
    "file": ("nominator", "File the application", "报送申报"),
    "judge": ("clerk", "Judge eligibility", "判定基本条件"),
    "waive": ("head", "Decide on a waiver", "决定是否豁免"),
    "interpret": ("clerk", "Interpret a term of the call", "解释通知条款"),
    "receive_paper": ("clerk", "Record the paper copy", "登记纸质材料"),
    "screen": ("clerk", "Screen the application", "初审申报"),
    "correct": ("applicant", "Correct the application", "补正申报材料"),
    "revet": ("nominator", "Vet the corrected materials", "审核把关补正材料"),
    "refile": ("nominator", "File the corrected application again", "重新报送补正后的申报"),
    "file_task_book": ("applicant", "File the task book", "提交任务书"),
    "sign_task_book": ("head", "Sign or return the task book", "签署或退回任务书"),
    "file_report": ("applicant", "File the report", "提交报告"),
    "accept_report": ("clerk", "Accept or return the report", "接受或退回报告"),
    "order_rectification": ("head", "Order a rectification", "责令整改"),
    "report_rectification": ("applicant", "Report the rectification", "报告整改情况"),
    "check_rectification": ("head", "Check the rectification", "复查整改"),
    "approve_payment": ("head", "Approve the payment", "批准拨付"),
    "post_payment": ("finance", "Post what the bank paid", "登记银行付款"),
}
"""Each task: the role it waits for, and its name in both languages."""

NEXT: Final[Mapping[ApplicationState, Task]] = {
    "started": "prepare",
    "prepared": "decide",
    "decided": "vet",
    "vetted": "file",
    "filed": "screen",
    "returned": "correct",
    "corrected": "revet",
    "revetted": "refile",
}
_ENDORSED: Final[frozenset[ApplicationState]] = frozenset({"decided", "vetted"})
_OF_CASE: Final[Mapping[type[Event], Task | None]] = {
    TaskBookAsked: "file_task_book",
    TaskBookFiled: "sign_task_book",
    TaskBookReturned: "file_task_book",
    TaskBookSigned: None,
    ReportAsked: "file_report",
    ReportFiled: "accept_report",
    ReportReturned: "file_report",
    ReportAccepted: None,
    RectificationOrdered: "report_rectification",
    RectificationReported: "check_rectification",
    RectificationAccepted: None,
    RectificationRejected: "order_rectification",
    AssessmentDecided: "order_rectification",
}
"""What a fact of a case leads to: the task that waits after it, or none."""
_OF_PAYMENT: Final[Mapping[type[Event], Task | None]] = {
    PaymentRequested: "approve_payment",
    PaymentApproved: "post_payment",
    PaymentPosted: None,
    PaymentFailed: None,
    PaymentExpired: None,
}
"""What a fact of a payment leads to."""
_UNDATED: Final[frozenset[Task]] = frozenset(
    {"receive_paper", "screen", "sign_task_book", "accept_report", "order_rectification", "check_rectification"}
)
_OWN_WORK: Final[frozenset[Task]] = frozenset({"prepare", "correct"})
"""What whoever has a hand in the materials may do, and does."""
_FILED: Final[frozenset[ApplicationState | None]] = frozenset({"filed", "returned", "corrected", "revetted"})
_TO_BE_JUDGED: Final[frozenset[ApplicationState | None]] = frozenset(
    {"prepared", "decided", "vetted", "corrected", "revetted"}
)
_BEGIN_OR_END: Final[frozenset[type[Event]]] = frozenset({UnitRegistered, *UNIT_ENDS})
FACTS: Final[tuple[type[Event], ...]] = tuple(kind for kind in JUDGED_FACTS if kind not in _BEGIN_OR_END)
"""Facts about a unit, or about the one that puts it forward, after which an application is to be judged anew.

A judgement also rests on units further above, and on terms of the call. A row does not know of those: filing is refused
as outdated all the same, and says on which fact."""


class Hand(msgspec.Struct, frozen=True):
    """Whose hand is in a part of a matter: who prepared it does not also decide on it."""

    part: str
    person_id: str


class InboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """One matter and the act it waits for.
    zh: 一件事项及其待办。
    """

    matter: Annotated[Matter, subject("Matter", "事项")]
    subject_id: Annotated[str, subject("About", "对象")]
    task: Annotated[Task, subject("Task", "待办")]
    waiting: Annotated[bool, subject("Waiting", "待办中")] = True
    role: Annotated[Role, subject("Role", "角色")]
    unit_id: Annotated[str, subject("At unit (empty: the office)", "所在单位(空为主管部门)")] = ""
    programme_id: Annotated[str, subject("Programme", "项目")]
    track_id: Annotated[str, subject("Track", "赛道")] = ""
    application_id: Annotated[str, subject("Application", "申报")] = ""
    applicant_unit_id: Annotated[str, subject("Applicant", "申报单位")] = ""
    nominator_unit_id: Annotated[str, subject("Nominating unit", "推荐单位")] = ""
    state: Annotated[ApplicationState | None, subject("State of the application", "申报状态")] = None
    decided_unit_id: Annotated[str, subject("Decided by unit", "研究确定单位")] = ""
    since: Annotated[datetime, subject("Since", "起始时间")]
    judged: Annotated[bool, subject("Judged on what stands", "已据现状判定")] = False
    hands: Annotated[tuple[Hand, ...], office("Whose hands are in it", "经手人")] = ()
    closes_at: Annotated[datetime | None, subject("To be done before", "截止时刻")] = None
    last_day: Annotated[date | None, subject("Last day", "截止日")] = None


# --- what an event touches -------------------------------------------------------------------------------------------


def _application_touches(event: Event, application_id: str) -> list[Key | Where]:
    match event:
        case ApplicationFiled():
            return [Where("application_id", application_id), ("paper", application_id)]
        case ApplicationRefiled() | ScreeningRejected() | ApplicationWithdrawn():
            return [Where("application_id", application_id)]
        case PaperReceived():
            return [("paper", application_id)]
        case EligibilityJudged(findings=findings):
            waivers: list[Key | Where] = [("waiver", f"{application_id}/{finding.rule}") for finding in findings]
            return [("judgement", application_id), *waivers]
        case RuleWaived(rule=rule):
            return [("waiver", f"{application_id}/{rule}")]
    return [("application", application_id), ("judgement", application_id)]


def _touches(recorded: Recorded) -> list[Key | Where]:
    match recorded.event:
        case TermPublished() | TermInterpreted() | ErratumRecorded() as event:
            return [("term", f"{event.programme_id}/{event.term}")]
        case event if isinstance(event, (*FACTS, UnitMerged)):
            unit_id = event.as_dict()["unit_id"]
            return [Where("applicant_unit_id", unit_id), Where("nominator_unit_id", unit_id)]
    application_id = recorded.event.as_dict()["application_id"]
    if isinstance(recorded.event, (CaseSucceeded, *ENDS)):
        return [Where("application_id", application_id)]
    if type(recorded.event) in _OF_PAYMENT:
        return [("payment", recorded.event.as_dict()["payment_id"])]
    if type(recorded.event) in _OF_CASE:
        return [("case", f"{application_id}/{_about(recorded.event)}")]
    return _application_touches(recorded.event, application_id)


def _about(event: Event) -> str:
    """Which matter of a case a fact is about: its task book, a report, or an assessment."""
    body = event.as_dict()
    return next((f"{name}/{body[name]}" for name in ("report", "assessment") if name in body), "task_book")


# --- how a matter changes --------------------------------------------------------------------------------------------


def _term(recorded: Recorded, key: Key) -> InboxRow | None:
    """A term waits for an interpretation as long as it has no value."""
    if not isinstance(event := recorded.event, TermPublished) or event.value is not None:
        return None
    return InboxRow(
        matter="term",
        subject_id=str(key[1]),
        task="interpret",
        role="clerk",
        programme_id=event.programme_id,
        since=recorded.envelope.effective_at,
    )


def _opened(event: ApplicationStarted, recorded: Recorded, matter: Matter, task: Task) -> InboxRow:
    return InboxRow(
        matter=matter,
        subject_id=event.application_id,
        task=task,
        role=TASKS[task][0],
        programme_id=event.programme_id,
        track_id=event.track_id,
        application_id=event.application_id,
        applicant_unit_id=event.unit_id,
        nominator_unit_id=event.nominator_unit_id,
        state="started",
        since=recorded.envelope.effective_at,
    )


def _turn(row: InboxRow, state: ApplicationState, at: datetime) -> InboxRow | None:
    """Whose turn it is in a state; nobody's once the application is withdrawn, or its screening is over."""
    if state not in NEXT:
        return None
    return replace(_given(row, _asked(row, state), at), state=state)


def _asked(row: InboxRow, state: ApplicationState) -> Task:
    """What comes next; what another unit decided on is decided anew by the one that stands by it now."""
    is_of_another = state in _ENDORSED and row.decided_unit_id != row.nominator_unit_id
    return "decide" if is_of_another else NEXT[state]


def _given(row: InboxRow, task: Task, at: datetime) -> InboxRow:
    role = TASKS[task][0]
    unit_id = {"applicant": row.applicant_unit_id, "nominator": row.nominator_unit_id}.get(role, "")
    return replace(row, task=task, role=role, unit_id=unit_id, since=row.since if task == row.task else at)


def _placed(row: InboxRow, nominator_unit_id: str) -> InboxRow:
    unit_id = nominator_unit_id if row.role == "nominator" else row.unit_id
    return replace(row, nominator_unit_id=nominator_unit_id, unit_id=unit_id)


def _decides_for_itself(row: InboxRow) -> bool:
    return row.nominator_unit_id == row.applicant_unit_id


def _handled(row: InboxRow, recorded: Recorded) -> InboxRow:
    """Of each part of the materials, and of their declaration, the latest hand counts."""
    match recorded.event:
        case FormSaved():
            part = "form"
        case SelfCheckSaved(catalogue=catalogue):
            part = f"self_check:{catalogue}"
        case BudgetSaved():
            part = "budget"
        case ApplicationPrepared():
            part = "declaration"
        case _:
            return row
    others = (hand for hand in row.hands if hand.part != part)
    hands = sorted((*others, Hand(part, recorded.envelope.actor_id)), key=lambda hand: hand.part)
    return replace(row, hands=tuple(hands))


def _moved(row: InboxRow, recorded: Recorded) -> InboxRow:
    """Who puts an application forward changes with the tree until it is filed, unless the unit decides for itself."""
    if row.state in _FILED:
        return row
    match recorded.event:
        case UnitMoved(unit_id=row.applicant_unit_id, parent_unit_id=str(parent)) if not _decides_for_itself(row):
            row = _placed(row, parent)
        case UnitMerged(unit_id=unit_id, successor_unit_id=successor) if row.nominator_unit_id == unit_id:
            row = _placed(row, successor)
    if row.matter == "application" and row.state in _ENDORSED:
        return _given(row, _asked(row, row.state), recorded.envelope.effective_at)
    return row


def _dated(row: InboxRow, event: Event) -> InboxRow:
    """Until when a returned application is to be corrected."""
    match event:
        case CorrectionRequested() | CorrectionExtended():
            return replace(row, closes_at=event.closes_at, last_day=event.last_day)
        case ApplicationRefiled():
            return replace(row, closes_at=None, last_day=None)
    return row


def _application(row: InboxRow | None, recorded: Recorded) -> InboxRow | None:
    event, at = recorded.event, recorded.envelope.effective_at
    if isinstance(event, ApplicationStarted):
        return _turn(_opened(event, recorded, "application", "prepare"), "started", at)
    if row is None:
        return None
    row = _dated(row, event)
    if type(event) not in STATE_AFTER:
        return _moved(row, recorded)
    if isinstance(event, NominationDeclined):
        # Its nominator has spoken: the next move, to improve the materials or to withdraw, is the unit's.
        return replace(_given(row, "prepare", at), state=STATE_AFTER[NominationDeclined])
    if isinstance(event, NominationDecided):
        row = replace(row, decided_unit_id=event.nominator_unit_id)
    if isinstance(event, NominationDecided | ApplicationFiled):
        row = replace(row, nominator_unit_id=event.nominator_unit_id)
    return _turn(_handled(row, recorded), state_after(row.state or "unknown", type(event)), at)


def _judgement(row: InboxRow | None, recorded: Recorded) -> InboxRow | None:
    """A judgement is asked for once the materials are complete, and again when what it rests on changed.

    Filed, an application is judged no more; but the row goes on with it, since it may be returned for correction.
    """
    event = recorded.event
    if isinstance(event, ApplicationStarted):
        return replace(_opened(event, recorded, "judgement", "judge"), waiting=False)
    if row is None or isinstance(event, ScreeningPassed | ScreeningRejected | ApplicationWithdrawn):
        return None
    row = _dated(_moved(row, recorded), event)
    row = replace(row, state=state_after(row.state or "unknown", type(event)))
    if isinstance(event, EligibilityJudged):
        row = replace(row, judged=True)
    elif isinstance(event, (SelfCheckSaved, *FACTS)):
        row = replace(row, judged=False)
    waiting = row.state in _TO_BE_JUDGED and not row.judged
    since = recorded.envelope.effective_at if waiting and not row.waiting else row.since
    return replace(row, waiting=waiting, since=since)


def _asks_waiver(finding: Finding) -> bool:
    return finding.severity == "waivable" and finding.outcome in FAILING


def _waiver(row: InboxRow | None, recorded: Recorded, key: Key) -> InboxRow | None:
    event = recorded.event
    if isinstance(event, RuleWaived | ApplicationFiled | ApplicationRefiled | ScreeningRejected | ApplicationWithdrawn):
        return None
    if not isinstance(event, EligibilityJudged):
        return None if row is None else _moved(row, recorded)
    rule = str(key[1]).removeprefix(f"{event.application_id}/")
    if not any(finding.rule == rule and _asks_waiver(finding) for finding in event.findings):
        return None
    return InboxRow(
        matter="waiver",
        subject_id=str(key[1]),
        task="waive",
        role="head",
        programme_id=event.programme_id,
        track_id=event.track_id,
        application_id=event.application_id,
        applicant_unit_id=event.unit_id,
        since=recorded.envelope.effective_at,
        hands=(Hand("judgement", recorded.envelope.actor_id),),
    )


def _paper(row: InboxRow | None, recorded: Recorded) -> InboxRow | None:
    event = recorded.event
    if isinstance(event, ApplicationFiled):
        return InboxRow(
            matter="paper",
            subject_id=event.application_id,
            task="receive_paper",
            role="clerk",
            programme_id=event.programme_id,
            track_id=event.track_id,
            application_id=event.application_id,
            applicant_unit_id=event.unit_id,
            nominator_unit_id=event.nominator_unit_id,
            state="filed",
            since=recorded.envelope.effective_at,
        )
    if row is None or isinstance(event, PaperReceived | ScreeningRejected | ApplicationWithdrawn):
        return None
    return _moved(row, recorded)


def _case(row: InboxRow | None, recorded: Recorded, key: Key) -> InboxRow | None:
    """What the unit of a case, or the office, is to do next about a task book, a report or an assessment."""
    event = recorded.event
    if isinstance(event, ENDS):
        return None
    if isinstance(event, CaseSucceeded):
        return None if row is None else _carried_on(row, event.successor_unit_id)
    if type(event) not in _OF_CASE:
        return row
    task = _OF_CASE[type(event)]
    if isinstance(event, AssessmentDecided) and "rectify" not in event.effects:
        task = None
    return None if task is None else _waits(task, recorded, key)


def _carried_on(row: InboxRow, successor: str) -> InboxRow:
    unit_id = successor if row.role == "applicant" else row.unit_id
    return replace(row, applicant_unit_id=successor, unit_id=unit_id)


def _waits(task: Task, recorded: Recorded, key: Key) -> InboxRow:
    """Whoever filed a task book does not also sign it."""
    body, role = recorded.event.as_dict(), TASKS[task][0]
    filed = task == "sign_task_book"
    return InboxRow(
        matter="case",
        subject_id=str(key[1]),
        task=task,
        role=role,
        unit_id=body["unit_id"] if role == "applicant" else "",
        programme_id=body["programme_id"],
        track_id=body["track_id"],
        application_id=body["application_id"],
        applicant_unit_id=body["unit_id"],
        since=recorded.envelope.effective_at,
        hands=(Hand("task_book", recorded.envelope.actor_id),) if filed else (),
        closes_at=body.get("due_at"),
        last_day=body.get("last_day"),
    )


def _payment(row: InboxRow | None, recorded: Recorded, key: Key) -> InboxRow | None:
    """A payment waits for a second person, and then for what the bank did; each time until it expires."""
    event = recorded.event
    if isinstance(event, CaseSucceeded):
        return None if row is None else _carried_on(row, event.successor_unit_id)
    if type(event) not in _OF_PAYMENT:
        return row
    task = _OF_PAYMENT[type(event)]
    if task is None:
        return None
    body = recorded.event.as_dict()
    # An approval repeats no deadline: the one of the request goes on.
    closes_at, last_day = (None, None) if row is None else (row.closes_at, row.last_day)
    hands: tuple[Hand, ...] = ()
    if isinstance(event, PaymentRequested):
        closes_at, last_day = event.expires_at, event.last_day
        hands = (Hand("payment", recorded.envelope.actor_id),)
    return InboxRow(
        matter="payment",
        subject_id=str(key[1]),
        task=task,
        role=TASKS[task][0],
        programme_id=body["programme_id"],
        track_id=body["track_id"],
        application_id=body["application_id"],
        applicant_unit_id=body["unit_id"],
        since=recorded.envelope.effective_at,
        hands=hands,
        closes_at=closes_at,
        last_day=last_day,
    )


def _fold(row: InboxRow | None, recorded: Recorded, key: Key) -> InboxRow | None:
    after = _turned(row, recorded, key)
    return row if after == row else after


def _turned(row: InboxRow | None, recorded: Recorded, key: Key) -> InboxRow | None:
    match key[0]:
        case "term":
            return _term(recorded, key)
        case "application":
            return _application(row, recorded)
        case "judgement":
            return _judgement(row, recorded)
        case "waiver":
            return _waiver(row, recorded, key)
        case "case" | "payment" as matter:
            return (_case if matter == "case" else _payment)(row, recorded, key)
    return _paper(row, recorded)


INBOX = View(
    name="inbox",
    version=4,
    en="Inbox",
    zh="待办",
    row=InboxRow,
    key=("matter", "subject_id"),
    reads=(
        TermPublished,
        TermInterpreted,
        ErratumRecorded,
        *STATE_AFTER,
        CorrectionExtended,
        PaperReceived,
        EligibilityJudged,
        RuleWaived,
        *FACTS,
        UnitMerged,
        *_OF_CASE,
        *_OF_PAYMENT,
        CaseSucceeded,
        *ENDS,
    ),
    touches=_touches,
    fold=_fold,
    indexes=("application_id", "applicant_unit_id", "nominator_unit_id", "unit_id"),
    filters=("waiting", "role", "unit_id", "task", "programme_id", "application_id"),
    sorts=("since",),
    subject_units=("unit_id", "applicant_unit_id", "nominator_unit_id"),
)

# --- what a caller is shown ------------------------------------------------------------------------------------------


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
    application_id: Annotated[str, subject("Application", "申报")]
    since: Annotated[datetime, subject("Since", "起始时间")]
    due_at: Annotated[datetime | None, subject("Due before", "截止时刻")]
    last_day: Annotated[date | None, subject("Last day", "截止日")]


def waiting_for(
    rows: Iterable[InboxRow], windows: Mapping[ProgrammeId, WindowRow], person_id: str | None = None
) -> list[Waiting]:
    """The tasks of these rows that wait now and that this person may do; the most urgent first.

    A paper copy and a screening have no date of their own, nor has a waiver that came up after the window closed. What
    a correction asks for is due before that closes; everything else is due before the window closes.
    """
    found = [
        _shown(row, windows.get(ProgrammeId(row.programme_id)))
        for row in rows
        if row.waiting and (person_id is None or _may(row, person_id)) and not _is_over(row, windows)
    ]
    return sorted(found, key=lambda task: (task.due_at is None, task.due_at or task.since, task.since, task.subject_id))


def _is_over(row: InboxRow, windows: Mapping[ProgrammeId, WindowRow]) -> bool:
    """Whether nothing can come of it any more: what leads up to a filing ends with the window.

    What was filed goes on, to its screening or its correction; a waiver stays, whose row does not know which it is for.
    """
    window = windows.get(ProgrammeId(row.programme_id))
    leads_up = row.matter in {"application", "judgement"} and row.state not in _FILED
    return window is not None and window.closed and leads_up


def _may(row: InboxRow, person_id: str) -> bool:
    return row.task in _OWN_WORK or all(hand.person_id != person_id for hand in row.hands)


def _shown(row: InboxRow, window: WindowRow | None) -> Waiting:
    due_at, last_day = _due(row, window)
    _, en, zh = TASKS[row.task]
    return Waiting(
        task=row.task,
        en=en,
        zh=zh,
        subject_id=row.subject_id,
        role=row.role,
        unit_id=row.unit_id,
        programme_id=row.programme_id,
        application_id=row.application_id,
        since=row.since,
        due_at=due_at,
        last_day=last_day,
    )


def _due(row: InboxRow, window: WindowRow | None) -> tuple[datetime | None, date | None]:
    if row.closes_at is not None:
        return row.closes_at, row.last_day
    if window is None or row.task in _UNDATED:
        return None, None
    if row.matter == "waiver" and row.since >= window.closes_at:
        # Asked for while its application is corrected, which its row does not know.
        return None, None
    return window.closes_at, window.last_day
