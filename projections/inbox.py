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
from domain.kernel import Code, Event, Recorded, office, subject
from domain.nomination.events import NominationDecided, NominationDeclined, NominationPassed
from domain.obligation.events import ObligationKind, ObligationReminded
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
from projections.task import TASKS, ApplicationTask, CaseTask, Waiting, in_order, waiting_as
from projections.window import WindowRow

Matter = Literal["application", "judgement", "waiver", "term", "paper", "case"]
NEXT: Final[Mapping[ApplicationState, ApplicationTask]] = {
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
_OF_CASE: Final[Mapping[type[Event], CaseTask | None]] = {
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
    PaymentRequested: "approve_payment",
    PaymentApproved: "post_payment",
    PaymentPosted: None,
    PaymentFailed: None,
    PaymentExpired: None,
}
"""What a fact of a case leads to: the task that waits after it, or none."""
_DUTIES: Final[Mapping[ObligationKind, str]] = {
    "task_book": "task_book",
    "report": "report/",
    "rectification": "assessment/",
}
"""Which matter of a case a duty is about, before its code."""
_OF_MONEY: Final[frozenset[ApplicationTask | CaseTask]] = frozenset({"approve_payment", "post_payment"})
_BY_ANOTHER: Final[Mapping[CaseTask, str]] = {"sign_task_book": "task_book", "approve_payment": "payment"}
"""Tasks that are not for whoever did what comes before them."""
_UNDATED: Final[frozenset[ApplicationTask | CaseTask]] = _OF_MONEY | frozenset(
    {"receive_paper", "screen", "sign_task_book", "accept_report", "order_rectification", "check_rectification"}
)
_OWN_WORK: Final[frozenset[ApplicationTask | CaseTask]] = frozenset({"prepare", "correct"})
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
    task: Annotated[ApplicationTask | CaseTask, subject("Task", "待办")]
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
    reminded_at: Annotated[datetime | None, subject("Reminded at", "催办时间")] = None
    rules: Annotated[tuple[Code, ...], office("Rules to be waived", "待豁免条件")] = ()


# --- what an event touches -------------------------------------------------------------------------------------------


def _application_touches(event: Event, application_id: str) -> list[Key | Where]:
    match event:
        case ApplicationFiled():
            return [Where("application_id", application_id), ("paper", application_id)]
        case ApplicationRefiled() | ScreeningRejected() | ApplicationWithdrawn():
            return [Where("application_id", application_id)]
        case PaperReceived():
            return [("paper", application_id)]
        case RuleWaived():
            return [("waiver", application_id)]
    return [(matter, application_id) for matter in ("application", "judgement", "waiver")]


def _case_touches(event: Event, application_id: str) -> list[Key | Where]:
    if type(event) in _OF_CASE:
        return [("case", f"{application_id}/{_about(event)}")]
    return [Where("application_id", application_id)]


def _touches(recorded: Recorded) -> list[Key | Where]:
    match recorded.event:
        case TermPublished() | TermInterpreted() | ErratumRecorded() as event:
            return [("term", f"{event.programme_id}/{event.term}")]
        case ObligationReminded(application_id=application_id, kind=kind, matter=matter) if kind in _DUTIES:
            return [("case", f"{application_id}/{_DUTIES[kind]}{matter or ''}")]
        case ObligationReminded(application_id=application_id):
            return [] if application_id is None else [Where("application_id", application_id)]
        case NominationPassed(application_id=application_id):
            return [Where("application_id", application_id)]
        case event if isinstance(event, (*FACTS, UnitMerged)):
            unit_id = event.as_dict()["unit_id"]
            return [Where("applicant_unit_id", unit_id), Where("nominator_unit_id", unit_id)]
    of_case = isinstance(recorded.event, (*_OF_CASE, CaseSucceeded, *ENDS))
    touches = _case_touches if of_case else _application_touches
    return touches(recorded.event, recorded.event.as_dict()["application_id"])


def _about(event: Event) -> str:
    """Which matter of a case a fact is about: its task book, a report, an assessment, or a payment."""
    body = event.as_dict()
    named = {"report": "report", "assessment": "assessment", "payment_id": "payment"}
    return next((f"{matter}/{body[name]}" for name, matter in named.items() if name in body), "task_book")


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


def _opened(event: ApplicationStarted, recorded: Recorded, matter: Matter, task: ApplicationTask) -> InboxRow:
    return InboxRow(
        matter=matter,
        subject_id=event.application_id,
        task=task,
        role=TASKS[task][0][0],
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


def _asked(row: InboxRow, state: ApplicationState) -> ApplicationTask:
    """What comes next; what another unit decided on is decided anew by the one that stands by it now."""
    is_of_another = state in _ENDORSED and row.decided_unit_id != row.nominator_unit_id
    return "decide" if is_of_another else NEXT[state]


def _given(row: InboxRow, task: ApplicationTask, at: datetime) -> InboxRow:
    role = TASKS[task][0][0]
    unit_id = {"applicant": row.applicant_unit_id, "nominator": row.nominator_unit_id}.get(role, "")
    return replace(row, task=task, role=role, unit_id=unit_id, since=row.since if task == row.task else at)


def _placed(row: InboxRow, nominator_unit_id: str) -> InboxRow:
    unit_id = nominator_unit_id if row.role == "nominator" else row.unit_id
    return replace(row, nominator_unit_id=nominator_unit_id, unit_id=unit_id)


def _passed(row: InboxRow, event: NominationPassed) -> InboxRow:
    """The unit that carries on stands by what was filed, and by what was decided, as if by its own acts."""
    if row.nominator_unit_id != event.nominator_unit_id:
        return row
    decided = event.successor_unit_id if row.decided_unit_id else row.decided_unit_id
    return replace(_placed(row, event.successor_unit_id), decided_unit_id=decided)


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
    """Until when a returned application is to be corrected, and when that was last reminded of."""
    match event:
        case CorrectionRequested() | CorrectionExtended():
            return replace(row, closes_at=event.closes_at, last_day=event.last_day)
        case ApplicationRefiled():
            return replace(row, closes_at=None, last_day=None, reminded_at=None)
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


def _waiver(row: InboxRow | None, recorded: Recorded) -> InboxRow | None:
    """Which rules wait to be waived, by the latest judgement; the row goes on with its application, as a judgement."""
    event = recorded.event
    if isinstance(event, ApplicationStarted):
        return replace(_opened(event, recorded, "waiver", "waive"), waiting=False)
    if row is None or isinstance(event, ScreeningPassed | ScreeningRejected | ApplicationWithdrawn):
        return None
    row = _dated(_moved(row, recorded), event)
    row = replace(row, state=state_after(row.state or "unknown", type(event)))
    match event:
        case EligibilityJudged(findings=findings):
            rules = tuple(finding.rule for finding in findings if _asks_waiver(finding))
            hands = (Hand("judgement", recorded.envelope.actor_id),)
            row = replace(row, rules=rules, hands=hands, since=recorded.envelope.effective_at)
        case RuleWaived(rule=rule):
            row = replace(row, rules=tuple(each for each in row.rules if each != rule))
        case ApplicationFiled() | ApplicationRefiled():
            row = replace(row, rules=())
    return replace(row, waiting=bool(row.rules))


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
        # What is on its way to the bank is resolved also after the end.
        return row if row is not None and row.task in _OF_MONEY else None
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


def _waits(task: CaseTask, recorded: Recorded, key: Key) -> InboxRow:
    """Whoever filed a task book does not also sign it, nor does whoever asked for a payment approve it."""
    body, role = recorded.event.as_dict(), TASKS[task][0][0]
    done = _BY_ANOTHER.get(task)
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
        hands=() if done is None else (Hand(done, recorded.envelope.actor_id),),
        closes_at=body.get("due_at", body.get("expires_at")),
        last_day=body.get("last_day"),
    )


def _fold(row: InboxRow | None, recorded: Recorded, key: Key) -> InboxRow | None:
    if isinstance(event := recorded.event, ObligationReminded):
        after = _reminded(row, event, recorded.envelope.effective_at)
    elif isinstance(event, NominationPassed):
        after = None if row is None else _passed(row, event)
    elif key[0] == "case":
        after = _case(row, recorded, key)
    else:
        after = _turned(row, recorded, key)
    return row if after == row else after


def _reminded(row: InboxRow | None, event: ObligationReminded, at: datetime) -> InboxRow | None:
    # What is not dated by the correction, such as a paper copy, is not what was reminded of; nor is a duty of a case.
    if row is None or row.closes_at is None or (row.matter == "case") != (event.kind in _DUTIES):
        return row
    return replace(row, reminded_at=at)


def _turned(row: InboxRow | None, recorded: Recorded, key: Key) -> InboxRow | None:
    match key[0]:
        case "term":
            return _term(recorded, key)
        case "application":
            return _application(row, recorded)
        case "judgement":
            return _judgement(row, recorded)
        case "waiver":
            return _waiver(row, recorded)
    return _paper(row, recorded)


INBOX = View(
    name="inbox",
    version=6,
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
        ObligationReminded,
        *FACTS,
        UnitMerged,
        NominationPassed,
        *_OF_CASE,
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


def waiting_for(
    rows: Iterable[InboxRow], windows: Mapping[ProgrammeId, WindowRow], person_id: str | None = None
) -> list[Waiting]:
    """The tasks of these rows that wait now and that this person may do; the most urgent first.

    A paper copy and a screening have no date of their own. What a correction asks for is due before that closes;
    everything else is due before the window closes.
    """
    found = (
        task
        for row in rows
        if row.waiting and (person_id is None or _may(row, person_id)) and not _is_over(row, windows)
        for task in _shown(row, windows.get(ProgrammeId(row.programme_id)))
    )
    return in_order(found)


def _is_over(row: InboxRow, windows: Mapping[ProgrammeId, WindowRow]) -> bool:
    """Whether nothing can come of it any more: what leads up to a filing ends with the window.

    What was filed goes on, to its screening or its correction.
    """
    window = windows.get(ProgrammeId(row.programme_id))
    leads_up = row.matter in {"application", "judgement", "waiver"} and row.state not in _FILED
    return window is not None and window.closed and leads_up


def _may(row: InboxRow, person_id: str) -> bool:
    return row.task in _OWN_WORK or all(hand.person_id != person_id for hand in row.hands)


def _shown(row: InboxRow, window: WindowRow | None) -> list[Waiting]:
    """One task; of waivers one for each rule."""
    about = [f"{row.subject_id}/{rule}" for rule in row.rules] if row.matter == "waiver" else [row.subject_id]
    return [
        waiting_as(
            row.task, row.role, subject_id, row.since, unit_id=row.unit_id, programme_id=row.programme_id,
            track_id=row.track_id, application_id=row.application_id, due=_due(row, window),
            reminded_at=row.reminded_at,
        )
        for subject_id in about
    ]  # fmt: skip


def _due(row: InboxRow, window: WindowRow | None) -> tuple[datetime | None, date | None]:
    if row.closes_at is not None:
        return row.closes_at, row.last_day
    if window is None or row.task in _UNDATED:
        return None, None
    return window.closes_at, window.last_day
