"""What can have happened to an obligation between the fact that asks for it and the fact that does it."""

from datetime import date, datetime
from typing import Annotated, Literal

from domain.ids import ApplicationId, ObjectionId, ObligationId, PanelId, ProgrammeId, SeatId, UnitId
from domain.kernel import Code, Event, office, subject

ObligationKind = Literal["correction", "score_sheets", "objection_decision", "task_book", "report", "rectification"]


class ObligationReminded(Event):
    """A reminder of an obligation was issued to the inbox of whoever bears it.
    zh: 向义务人待办发出催办提醒。
    """

    TOPIC = "obligation.reminded.v1"
    obligation_id: Annotated[ObligationId, subject("Obligation", "义务")]
    kind: Annotated[ObligationKind, subject("Kind", "类别")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    unit_id: Annotated[UnitId | None, subject("Unit", "单位")] = None
    application_id: Annotated[ApplicationId | None, subject("Application", "申报")] = None
    objection_id: Annotated[ObjectionId | None, office("Objection", "异议")] = None
    panel_id: Annotated[PanelId | None, office("Panel", "评审组")] = None
    seat_id: Annotated[SeatId | None, office("Seat", "席位")] = None
    matter: Annotated[Code | None, subject("Which report or assessment", "何项报告或评估")] = None
    due_at: Annotated[datetime, subject("Due before", "截止时刻")]
    last_day: Annotated[date, subject("Last day", "截止日")]


class ObligationFellOverdue(Event):
    """An obligation fell overdue: its deadline passed and nothing had answered it.
    zh: 义务逾期:截止时刻已过而尚未履行。
    """

    TOPIC = "obligation.fell_overdue.v1"
    obligation_id: Annotated[ObligationId, subject("Obligation", "义务")]
    kind: Annotated[ObligationKind, subject("Kind", "类别")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    unit_id: Annotated[UnitId | None, subject("Unit", "单位")] = None
    application_id: Annotated[ApplicationId | None, subject("Application", "申报")] = None
    objection_id: Annotated[ObjectionId | None, office("Objection", "异议")] = None
    panel_id: Annotated[PanelId | None, office("Panel", "评审组")] = None
    seat_id: Annotated[SeatId | None, office("Seat", "席位")] = None
    matter: Annotated[Code | None, subject("Which report or assessment", "何项报告或评估")] = None
    due_at: Annotated[datetime, subject("Due before", "截止时刻")]
    last_day: Annotated[date, subject("Last day", "截止日")]


class ObligationExcused(Event):
    """An obligation was excused, with a reason: it is no longer asked for, and its being overdue counts against nobody.
    zh: 义务附事由获免:不再要求履行,其逾期亦不作不利评价。
    """

    TOPIC = "obligation.excused.v1"
    obligation_id: Annotated[ObligationId, subject("Obligation", "义务")]
    kind: Annotated[ObligationKind, subject("Kind", "类别")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    unit_id: Annotated[UnitId | None, subject("Unit", "单位")] = None
    application_id: Annotated[ApplicationId | None, subject("Application", "申报")] = None
    objection_id: Annotated[ObjectionId | None, office("Objection", "异议")] = None
    panel_id: Annotated[PanelId | None, office("Panel", "评审组")] = None
    seat_id: Annotated[SeatId | None, office("Seat", "席位")] = None
    matter: Annotated[Code | None, subject("Which report or assessment", "何项报告或评估")] = None
