"""What waits about findings and appeals: to notify, to make a statement, to decide; gone when it is done or moot.

Whoever recorded a finding does not also decide on it, and whoever decided a measure does not decide its appeal. A
finding may be decided once it was heard or the hearing was waived, and else only when its time is over: until then its
row says from when. Referrals are not told here.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec.structs import replace

from domain.accountability.events import (
    AppealDismissed,
    AppealLodged,
    AppealUpheld,
    AppealWithdrawn,
    FindingDropped,
    FindingNotified,
    FindingRecorded,
    HearingWaived,
    MeasureDecided,
    StatementReceived,
)
from domain.kernel import Event, Recorded, office, subject
from domain.obligation.events import ObligationReminded
from domain.person.events import Role
from projections.kernel import Key, View
from projections.task import TASKS, HearingTask, Waiting, waiting_as

Matter = Literal["finding", "statement", "appeal"]
_TASK_AFTER: Final[Mapping[type[Event], Mapping[Matter, HearingTask | None]]] = {
    FindingRecorded: {"finding": "notify_finding"},
    FindingNotified: {"finding": "decide_measure", "statement": "make_statement"},
    StatementReceived: {"finding": "decide_measure", "statement": None},
    HearingWaived: {"finding": "decide_measure", "statement": None},
    FindingDropped: {"finding": None, "statement": None},
    MeasureDecided: {"finding": None, "statement": None},
    AppealLodged: {"appeal": "decide_appeal"},
    AppealUpheld: {"appeal": None},
    AppealDismissed: {"appeal": None},
    AppealWithdrawn: {"appeal": None},
}
"""What each fact makes of the matters that it names: the task that waits then, or none."""


class HearingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One finding, statement or appeal and the act it waits for.
    zh: 一项问题认定、陈述或申诉及其待办。
    """

    matter: Annotated[Matter, subject("Matter", "事项")]
    subject_id: Annotated[str, subject("About", "对象")]
    task: Annotated[HearingTask, subject("Task", "待办")]
    waiting: Annotated[bool, subject("Waiting", "待办中")] = True
    role: Annotated[Role, subject("Role", "角色")]
    unit_id: Annotated[str, subject("At unit (empty: the office)", "所在单位(空为主管部门)")] = ""
    programme_id: Annotated[str, subject("Programme", "项目")]
    application_id: Annotated[str, subject("Application", "申报")] = ""
    since: Annotated[datetime, subject("Since", "起始时间")]
    not_by: Annotated[str, office("Not by", "不得由其办理")] = ""
    opens_at: Annotated[datetime | None, subject("Not before", "不早于")] = None
    due_at: Annotated[datetime | None, subject("Due before", "截止时刻")] = None
    last_day: Annotated[date | None, subject("Last day", "截止日")] = None
    reminded_at: Annotated[datetime | None, subject("Reminded at", "催办时间")] = None


def _touches(recorded: Recorded) -> list[Key]:
    match recorded.event:
        case ObligationReminded(measure_id=measure_id):
            return [] if measure_id is None else [("appeal", measure_id)]
        case MeasureDecided(finding_id=finding_id, measure_id=measure_id):
            return [("finding", finding_id), ("statement", finding_id), ("appeal", measure_id)]
        case event:
            body = event.as_dict()
            about = body.get("finding_id") or body["measure_id"]
            return [(matter, about) for matter in _TASK_AFTER[type(event)]]


def _fold(row: HearingRow | None, recorded: Recorded, key: Key) -> HearingRow | None:
    match recorded.event:
        case ObligationReminded():
            return None if row is None else replace(row, reminded_at=recorded.envelope.effective_at)
        case MeasureDecided() if key[0] == "appeal":
            # Nothing waits yet: kept is who decided.
            return _begun(recorded, key, "decide_appeal", waiting=False)
        case FindingRecorded():
            return _begun(recorded, key, "notify_finding")
        case FindingNotified() if key[0] == "statement":
            return _of_unit(recorded, key)
        case event:
            return None if row is None else _next(row, event, recorded.envelope.effective_at)


def _begun(recorded: Recorded, key: Key, task: HearingTask, *, waiting: bool = True) -> HearingRow:
    """A matter of the office; whoever recorded what it begins with does not decide."""
    body = recorded.event.as_dict()
    return HearingRow(
        matter=key[0],  # type: ignore[arg-type]
        subject_id=str(key[1]),
        task=task,
        waiting=waiting,
        role=TASKS[task][0][0],
        programme_id=body["programme_id"],
        application_id=body["application_id"] or "",
        since=recorded.envelope.effective_at,
        not_by=recorded.envelope.actor_id,
    )


def _of_unit(recorded: Recorded, key: Key) -> HearingRow | None:
    """What the unit that a finding is against may say; a person is heard without an inbox of the unit's."""
    body = recorded.event.as_dict()
    if body["unit_id"] is None:
        return None
    row = _begun(recorded, key, "make_statement")
    return replace(row, unit_id=body["unit_id"], not_by="", due_at=body["closes_at"], last_day=body["last_day"])


def _next(row: HearingRow, event: Event, at: datetime) -> HearingRow | None:
    task = _TASK_AFTER[type(event)][row.matter]
    if task is None:
        return None
    since = row.since if row.waiting and task == row.task else at
    row = replace(row, task=task, waiting=True, role=TASKS[task][0][0], since=since, opens_at=None)
    match event:
        case FindingNotified(closes_at=closes_at):
            row = replace(row, opens_at=closes_at)
        case AppealLodged(due_at=due_at, due_day=due_day):
            row = replace(row, due_at=due_at, last_day=due_day)
    return row


HEARING = View(
    name="hearing",
    version=1,
    en="What waits about findings and appeals",
    zh="问题认定与申诉待办",
    row=HearingRow,
    key=("matter", "subject_id"),
    reads=(*_TASK_AFTER, ObligationReminded),
    touches=_touches,
    fold=_fold,
    filters=("waiting", "role", "unit_id"),
    subject_units=("unit_id",),
    is_open=lambda _: False,
)


def waiting_to_be_heard(rows: Iterable[HearingRow], person_id: str) -> list[Waiting]:
    """The tasks of these rows that wait and that this person may do."""
    return [
        waiting_as(
            row.task, row.role, row.subject_id, row.since, unit_id=row.unit_id, programme_id=row.programme_id,
            application_id=row.application_id, due=(row.due_at, row.last_day), reminded_at=row.reminded_at,
            opens_at=row.opens_at,
        )
        for row in rows
        if row.waiting and (row.task == "notify_finding" or row.not_by != person_id)
    ]  # fmt: skip
