"""Obligations and deadlines: what is asked of whom by when; reminded, answered, overdue or excused.

A row keeps what its reviewer has to score, since a fold sees no second row. It is told by scoring that opens or, of
whoever comes later, by the fact that the reviewer joined it.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Final, Literal, cast

import msgspec
from msgspec.structs import replace

from domain.application.events import ApplicationWithdrawn
from domain.assessment.events import AssessmentDecided, RectificationOrdered, RectificationReported
from domain.cultivation.events import (
    CaseSucceeded,
    ReportAsked,
    ReportFiled,
    ReportReturned,
    TaskBookAsked,
    TaskBookFiled,
    TaskBookReturned,
)
from domain.ids import ApplicationId, ObjectionId, ObligationId, PanelId, ProgrammeId, SeatId, UnitId
from domain.kernel import Code, Event, Recorded, office, subject
from domain.obligation.events import ObligationExcused, ObligationFellOverdue, ObligationKind, ObligationReminded
from domain.obligation.policy import (
    ASKING,
    CASE_DUTIES,
    CASE_DUTY_FACTS,
    CORRECTION_FACTS,
    OBJECTION_DUTY_FACTS,
    REMIND_BEFORE,
    SCORING_FACTS,
    AskingFact,
    obligation_id,
)
from domain.publicity.events import ObjectionReceived
from domain.review.events import (
    ApplicationAdmitted,
    PanelConstituted,
    RecusalLifted,
    ReviewerJoinedScoring,
    ReviewerRecused,
    ReviewerSeated,
    ReviewerUnseated,
    ScoreSheetFiled,
    ScoringExtended,
    ScoringOpened,
)
from domain.screening.events import CorrectionExtended, CorrectionRequested
from projections.kernel import Key, View, Where
from projections.task import Waiting, waiting_as

ObligationState = Literal["dormant", "waiting", "answered", "overdue", "excused"]


class ObligationRow(msgspec.Struct, frozen=True, kw_only=True):
    """One obligation: whose, due when, and what became of it.
    zh: 一项义务:义务人、期限及履行情况。
    """

    obligation_id: Annotated[ObligationId, subject("Obligation", "义务")]
    kind: Annotated[ObligationKind, subject("Kind", "类别")]
    state: Annotated[ObligationState, subject("State", "状态")] = "waiting"
    reminds: Annotated[bool, office("Waits to be reminded", "待催办")] = True
    waits: Annotated[bool, office("Waits for its deadline", "待届满")] = True
    programme_id: Annotated[ProgrammeId | None, subject("Programme", "项目")] = None
    unit_id: Annotated[UnitId | None, subject("Unit", "单位")] = None
    application_id: Annotated[ApplicationId | None, subject("Application", "申报")] = None
    objection_id: Annotated[ObjectionId | None, office("Objection", "异议")] = None
    panel_id: Annotated[PanelId | None, office("Panel", "评审组")] = None
    seat_id: Annotated[SeatId | None, office("Seat", "席位")] = None
    seat: Annotated[str | None, office("Panel and seat", "评审组与席位")] = None
    matter: Annotated[Code | None, subject("Which report or assessment", "何项报告或评估")] = None
    admitted: Annotated[tuple[ApplicationId, ...], office("To be scored", "应评申报")] = ()
    withdrawn: Annotated[tuple[ApplicationId, ...], office("Withdrawn since", "其后撤回")] = ()
    recused: Annotated[tuple[ApplicationId, ...], office("Recused from", "应回避申报")] = ()
    vacated: Annotated[bool, office("Seat vacated", "席位已空出")] = False
    filed: Annotated[tuple[ApplicationId, ...], office("Sheets filed", "已评申报")] = ()
    asked_at: Annotated[datetime | None, subject("Asked at", "提出时间")] = None
    remind_at: Annotated[datetime | None, subject("Reminder at", "催办时间")] = None
    due_at: Annotated[datetime | None, subject("Due before", "截止时刻")] = None
    last_day: Annotated[date | None, subject("Last day", "截止日")] = None
    reminded: Annotated[int, subject("Times reminded", "催办次数")] = 0
    reminded_at: Annotated[datetime | None, subject("Last reminded at", "最近催办时间")] = None
    answered_at: Annotated[datetime | None, subject("Answered at", "履行时间")] = None


_ARISES: Final[Mapping[type[Event], ObligationKind]] = {
    CorrectionRequested: "correction",
    ObjectionReceived: "objection_decision",
    ReviewerSeated: "score_sheets",
    TaskBookAsked: "task_book",
    TaskBookReturned: "task_book",
    ReportAsked: "report",
    ReportReturned: "report",
    RectificationOrdered: "rectification",
}
_MATTER: Final[Mapping[type[Event], tuple[ObligationKind, str]]] = {
    TaskBookFiled: ("task_book", ""),
    ReportFiled: ("report", "report"),
    RectificationReported: ("rectification", "assessment"),
    AssessmentDecided: ("rectification", "assessment"),
}
"""What answers a duty of a case: of which kind, and the field that says which one."""

# --- what an event touches -------------------------------------------------------------------------------------------


def _touches(recorded: Recorded) -> list[Key | Where]:
    event = recorded.event
    arising = _ARISES.get(type(event))
    if arising is not None:
        states_no_time = isinstance(event, ObjectionReceived) and event.due_at is None
        return [] if states_no_time else [(obligation_id(arising, recorded.position),)]
    if isinstance(event, ObligationReminded | ObligationFellOverdue | ObligationExcused):
        return [(event.obligation_id,)]
    if isinstance(event, ApplicationWithdrawn):
        return [Where("programme_id", event.programme_id)]
    if isinstance(event, ReviewerJoinedScoring | ReviewerUnseated | ReviewerRecused | RecusalLifted | ScoreSheetFiled):
        return [Where("seat", f"{event.panel_id}/{event.seat_id}")]
    body = event.as_dict()
    index = next(name for name in ("panel_id", "objection_id", "application_id") if name in body)
    return [Where(index, body[index])]


# --- how an obligation changes ---------------------------------------------------------------------------------------


def _arisen(recorded: Recorded, key: Key) -> ObligationRow | None:
    match recorded.event:
        case CorrectionRequested() as event:
            row = ObligationRow(
                obligation_id=ObligationId(str(key[0])), kind="correction", programme_id=event.programme_id,
                unit_id=event.unit_id, application_id=event.application_id,
            )  # fmt: skip
            return _due(row, event.closes_at, event.last_day, recorded)
        case ObjectionReceived(due_at=datetime() as due_at, due_day=date() as due_day) as event:
            row = ObligationRow(
                obligation_id=ObligationId(str(key[0])), kind="objection_decision", programme_id=event.programme_id,
                objection_id=event.objection_id,
            )  # fmt: skip
            return _due(row, due_at, due_day, recorded)
        case ReviewerSeated(panel_id=panel_id, seat_id=seat_id):
            return ObligationRow(
                obligation_id=ObligationId(str(key[0])), kind="score_sheets", state="dormant", reminds=False,
                waits=False, panel_id=panel_id, seat_id=seat_id, seat=f"{panel_id}/{seat_id}",
            )  # fmt: skip
        case event if isinstance(event, ASKING):
            return _owed(cast("AskingFact", event), recorded, key)
    return None


def _owed(event: AskingFact, recorded: Recorded, key: Key) -> ObligationRow:
    """What the unit of a case owes from now on."""
    body = event.as_dict()
    row = ObligationRow(
        obligation_id=ObligationId(str(key[0])), kind=_ARISES[type(event)], programme_id=event.programme_id,
        unit_id=event.unit_id, application_id=event.application_id, matter=body.get("report", body.get("assessment")),
    )  # fmt: skip
    return _due(row, event.due_at, event.last_day, recorded)


def _of_case(row: ObligationRow, recorded: Recorded) -> ObligationRow:
    """What becomes of a duty of a case: answered by its own fact or by the case's end, handed on with the case."""
    event = recorded.event
    if row.kind not in CASE_DUTIES or row.answered_at is not None:
        return row
    if isinstance(event, CaseSucceeded):
        return replace(row, unit_id=UnitId(event.successor_unit_id))
    kind, named = _MATTER.get(type(event), (row.kind, ""))
    if kind == row.kind and (not named or event.as_dict()[named] == row.matter):
        return _answered(row, recorded.envelope.effective_at)
    return row


def _due(row: ObligationRow, due_at: datetime, last_day: date, recorded: Recorded) -> ObligationRow:
    """Due by this instant, or put off to it; what is answered or excused stays so.

    What is asked for on its last day is reminded of at once: before that there was nothing to remind of.
    """
    at = recorded.envelope.effective_at
    remind_at = max(due_at - REMIND_BEFORE, at)
    row = replace(row, due_at=due_at, last_day=last_day, remind_at=remind_at, asked_at=row.asked_at or at)
    if row.state in {"answered", "excused"}:
        return replace(row, reminds=False, waits=False)
    return replace(row, state="waiting", reminds=True, waits=True)


def _answered(row: ObligationRow, at: datetime) -> ObligationRow:
    """What was overdue stays recorded as such; it is asked for no more."""
    if row.answered_at is not None or row.state == "excused":
        return row
    state: ObligationState = "overdue" if row.state == "overdue" else "answered"
    return replace(_missed(row, at), state=state, answered_at=at)


def _missed(row: ObligationRow, at: datetime) -> ObligationRow:
    """What ends at an instant is reminded of no more, and not late, but for what had been due by then already.

    That is still recorded, by a scheduler that comes late, as of the instant when it was due.
    """
    reminds = row.reminds and row.remind_at is not None and row.remind_at < at
    return replace(row, reminds=reminds, waits=row.waits and row.due_at is not None and row.due_at < at)


def _treated(row: ObligationRow, recorded: Recorded) -> ObligationRow:
    at = recorded.envelope.effective_at
    match recorded.event:
        case ObligationReminded():
            reminded_at = at if row.reminded_at is None else max(at, row.reminded_at)
            return replace(row, reminds=_missed(row, at).reminds, reminded=row.reminded + 1, reminded_at=reminded_at)
        case ObligationFellOverdue():
            state: ObligationState = "excused" if row.state == "excused" else "overdue"
            return replace(row, state=state, reminds=False, waits=False)
    return replace(_missed(row, at), state="excused")


def _scored(row: ObligationRow, recorded: Recorded) -> ObligationRow:
    at = recorded.envelope.effective_at
    match recorded.event:
        case ScoringOpened(programme_id=programme_id, closes_at=closes_at, last_day=last_day):
            row = _due(replace(row, programme_id=programme_id), closes_at, last_day, recorded)
        case ReviewerJoinedScoring() as event:
            row = replace(row, programme_id=event.programme_id, admitted=event.application_ids)
            row = _due(row, event.closes_at, event.last_day, recorded)
        case ScoringExtended(closes_at=closes_at, last_day=last_day):
            row = _due(row, closes_at, last_day, recorded)
        case ApplicationWithdrawn(application_id=application_id):
            row = replace(row, withdrawn=_with(row.withdrawn, application_id))
        case ReviewerUnseated():
            row = replace(row, vacated=True)
        case ApplicationAdmitted(application_id=application_id):
            row = replace(row, admitted=_with(row.admitted, application_id))
        case ReviewerRecused(application_id=application_id):
            row = replace(row, recused=_with(row.recused, application_id))
        case RecusalLifted(application_id=application_id):
            row = replace(row, recused=tuple(each for each in row.recused if each != application_id))
        case ScoreSheetFiled(application_id=application_id):
            row = replace(row, filed=_with(row.filed, application_id))
    return _settled(row, at)


def _settled(row: ObligationRow, at: datetime) -> ObligationRow:
    """A seat owes a sheet on each application that it is not recused from; one that was vacated owes none."""
    left = set(row.admitted) - set(row.withdrawn) - set(row.recused) - set(row.filed)
    if row.state == "excused" or not (row.vacated or (row.due_at and row.admitted)):
        return row
    if row.vacated or not left:
        return _answered(row, at)
    if row.state == "answered":
        return replace(row, state="waiting", reminds=True, waits=True, answered_at=None)
    return row


def _with(named: tuple[ApplicationId, ...], application_id: ApplicationId) -> tuple[ApplicationId, ...]:
    return tuple(sorted({*named, application_id}))


def _fold(row: ObligationRow | None, recorded: Recorded, key: Key) -> ObligationRow | None:
    event = recorded.event
    if row is None:
        return _arisen(recorded, key)
    after = row
    if isinstance(event, ObligationReminded | ObligationFellOverdue | ObligationExcused):
        after = _treated(row, recorded)
    elif row.kind == "score_sheets":
        after = _scored(row, recorded)
    elif row.kind in CASE_DUTIES:
        after = _of_case(row, recorded)
    elif isinstance(event, CorrectionExtended):
        after = row if row.answered_at else _due(row, event.closes_at, event.last_day, recorded)
    elif isinstance(event, ApplicationWithdrawn) and event.application_id != row.application_id:
        after = row
    elif not isinstance(event, CorrectionRequested | ObjectionReceived):
        after = _answered(row, recorded.envelope.effective_at)
    return row if after == row else after


OBLIGATION = View(
    name="obligation",
    version=3,
    en="Obligations and deadlines",
    zh="义务与期限",
    row=ObligationRow,
    key=("obligation_id",),
    reads=(
        *CORRECTION_FACTS,
        *CASE_DUTY_FACTS,
        *OBJECTION_DUTY_FACTS,
        *(kind for kind in SCORING_FACTS if kind is not PanelConstituted),
        ReviewerJoinedScoring,
        ObligationReminded,
        ObligationFellOverdue,
        ObligationExcused,
    ),
    touches=_touches,
    fold=_fold,
    indexes=("programme_id", "application_id", "objection_id", "panel_id", "seat"),
    filters=("state", "kind", "reminds", "waits", "programme_id", "unit_id", "seat"),
    sorts=("remind_at", "due_at"),
    subject_units=("unit_id",),
    is_open=lambda _: False,
)


def waiting_at(rows: Iterable[ObligationRow]) -> list[Waiting]:
    """What waits for whoever holds a seat: the sheets that it owes, and whether it was reminded of them."""
    return [
        waiting_as(
            "score", "reviewer", str(row.panel_id), row.asked_at, programme_id=str(row.programme_id),
            due=(row.due_at, row.last_day), reminded_at=row.reminded_at,
        )
        for row in rows
        if row.asked_at is not None and row.state == "waiting"
    ]  # fmt: skip
