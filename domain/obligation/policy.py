"""Which obligations there are, when each is due, and whether it has been answered: derived from what asks and answers.

An obligation is known by its kind and the position of the fact it arises from. Everything is judged as of an instant of
the business, so that a reminder or a lapse that is recorded late says what it would have said in time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final, get_args

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
from domain.cultivation.policy import End
from domain.ids import ApplicationId, ObjectionId, ObligationId, PanelId, ProgrammeId, SeatId, TrackId, UnitId
from domain.kernel import Code, Event
from domain.obligation.events import (
    ObligationExcused,
    ObligationFellOverdue,
    ObligationKind,
)
from domain.publicity.events import (
    ObjectionDismissed,
    ObjectionNotAdmitted,
    ObjectionReceived,
    ObjectionUpheld,
    ObjectionWithdrawn,
)
from domain.review.events import (
    ApplicationAdmitted,
    PanelConstituted,
    RecusalLifted,
    ReviewerRecused,
    ReviewerSeated,
    ReviewerUnseated,
    ScoreSheetFiled,
    ScoringExtended,
    ScoringOpened,
)
from domain.screening.events import (
    ApplicationRefiled,
    CorrectionExtended,
    CorrectionRequested,
    ScreeningRejected,
)

__all__ = [
    "ASKING",
    "CASE_DUTIES",
    "CASE_DUTY_FACTS",
    "CORRECTION_FACTS",
    "OBJECTION_DUTY_FACTS",
    "REMIND_BEFORE",
    "SCORING_FACTS",
    "TREATED",
    "AskingFact",
    "CaseDutyFact",
    "DutyFact",
    "Obligation",
    "Obligations",
    "obligation_id",
]

REMIND_BEFORE: Final = timedelta(days=1)
"""How long before it is due a reminder is issued by itself: when its last day begins."""

CorrectionFact = (
    CorrectionRequested | CorrectionExtended | ApplicationRefiled | ScreeningRejected | ApplicationWithdrawn
)
ObjectionDutyFact = ObjectionReceived | ObjectionNotAdmitted | ObjectionUpheld | ObjectionDismissed | ObjectionWithdrawn
ScoringFact = (
    PanelConstituted
    | ReviewerSeated
    | ReviewerUnseated
    | ScoringOpened
    | ScoringExtended
    | ApplicationAdmitted
    | ReviewerRecused
    | RecusalLifted
    | ScoreSheetFiled
)
AskingFact = TaskBookAsked | TaskBookReturned | ReportAsked | ReportReturned | RectificationOrdered
CaseDutyFact = (
    AskingFact | TaskBookFiled | ReportFiled | RectificationReported | AssessmentDecided | CaseSucceeded | End
)
Treated = ObligationFellOverdue | ObligationExcused
DutyFact = CorrectionFact | ObjectionDutyFact | ScoringFact | CaseDutyFact | Treated
CORRECTION_FACTS: Final[tuple[type[Event], ...]] = get_args(CorrectionFact)
"""What asks for the correction of an application and what answers it: all with its tag."""
OBJECTION_DUTY_FACTS: Final[tuple[type[Event], ...]] = get_args(ObjectionDutyFact)
"""What asks for the decision of an objection and what answers it: all with its tag."""
CASE_DUTY_FACTS: Final[tuple[type[Event], ...]] = get_args(CaseDutyFact)
"""What asks the unit of a case for its task book, a report or a rectification, and what answers it: all with the tag of
the application."""
SCORING_FACTS: Final[tuple[type[Event], ...]] = get_args(ScoringFact)
"""What asks a panel's reviewers for their sheets and what answers it: all with the tag of the panel."""
ASKING: Final[tuple[type[Event], ...]] = get_args(AskingFact)
"""Those of them that ask: each gives rise to an obligation of its own, a return as well."""
CASE_DUTIES: Final[tuple[ObligationKind, ...]] = ("task_book", "report", "rectification")
"""What the unit of a case may owe until the case ends."""
TREATED: Final[tuple[type[Event], ...]] = get_args(Treated)
"""What became of an obligation meanwhile: all with its tag."""


def obligation_id(kind: ObligationKind, position: int) -> ObligationId:
    """The id of an obligation: its kind and the position of the fact it arises from."""
    return ObligationId(f"{kind}-{position}")


@dataclass(slots=True, kw_only=True)
class Obligation:
    """One obligation: what is asked of whom, by when, and when it was answered."""

    obligation_id: ObligationId
    kind: ObligationKind
    programme_id: ProgrammeId
    unit_id: UnitId | None = None
    application_id: ApplicationId | None = None
    objection_id: ObjectionId | None = None
    panel_id: PanelId | None = None
    seat_id: SeatId | None = None
    matter: Code | None = None
    due_at: datetime | None = None
    last_day: date | None = None
    recused: set[ApplicationId] = field(default_factory=set)
    filed: set[ApplicationId] = field(default_factory=set)
    vacated: bool = False
    answered_at: datetime | None = None
    excused_at: datetime | None = None
    overdue: bool = False

    def named(self) -> Mapping[str, Any]:
        """What is recorded of whose obligation it is."""
        return {
            "obligation_id": self.obligation_id,
            "kind": self.kind,
            "programme_id": self.programme_id,
            "unit_id": self.unit_id,
            "application_id": self.application_id,
            "objection_id": self.objection_id,
            "panel_id": self.panel_id,
            "seat_id": self.seat_id,
            "matter": self.matter,
        }


@dataclass(slots=True)
class Obligations:
    """The obligations of one application, one objection or one panel, as far as they were read."""

    by_id: dict[ObligationId, Obligation] = field(default_factory=dict)
    programme_id: ProgrammeId | None = None
    scoring: tuple[datetime, date] | None = None
    admitted: set[ApplicationId] = field(default_factory=set)
    withdrawn: set[ApplicationId] = field(default_factory=set)
    tracks: set[tuple[ProgrammeId, TrackId]] = field(default_factory=set)
    """Whose applications a panel scores."""

    def take(self, body: DutyFact, at: datetime, position: int = 0) -> None:
        """Take in one event, effective at an instant."""
        if isinstance(body, CaseDutyFact):
            self._of_case(body, at, position)
            return
        match body:
            case ObligationExcused():
                self.by_id[body.obligation_id].excused_at = at
            case ObligationFellOverdue():
                self.by_id[body.obligation_id].overdue = True
            case CorrectionRequested() | CorrectionExtended() | ObjectionReceived():
                self._ask(body, position)
            case ApplicationWithdrawn():
                self._withdraw(body.application_id, at)
            case (
                ApplicationRefiled()
                | ScreeningRejected()
                | ObjectionNotAdmitted()
                | ObjectionUpheld()
                | ObjectionDismissed()
                | ObjectionWithdrawn()
            ):
                self._answer(at, "correction", "objection_decision")
            case _:
                self._score(body, at, position)

    def _waiting(self, *kinds: ObligationKind) -> list[Obligation]:
        return [each for each in self.by_id.values() if each.answered_at is None and each.kind in kinds]

    def _answer(self, at: datetime, *kinds: ObligationKind, matter: Code | None = None) -> None:
        for waiting in self._waiting(*kinds):
            if matter in {None, waiting.matter}:
                waiting.answered_at = at

    def _withdraw(self, application_id: ApplicationId, at: datetime) -> None:
        """What was withdrawn is neither corrected nor scored."""
        self.withdrawn.add(application_id)
        for waiting in self._waiting("correction"):
            if waiting.application_id == application_id:
                waiting.answered_at = at
        self._settle_all(at)

    def _arise(self, kind: ObligationKind, position: int, **whose: Any) -> None:  # noqa: ANN401 - Fields of Obligation.
        named = obligation_id(kind, position)
        self.by_id[named] = Obligation(obligation_id=named, kind=kind, **whose)

    def _ask(self, body: CorrectionRequested | CorrectionExtended | ObjectionReceived, position: int) -> None:
        match body:
            case CorrectionRequested():
                self._arise(
                    "correction", position, programme_id=body.programme_id, unit_id=body.unit_id,
                    application_id=body.application_id, due_at=body.closes_at, last_day=body.last_day,
                )  # fmt: skip
            case ObjectionReceived():
                # Where the rule states no time, nothing is due.
                if body.due_at is not None:
                    self._arise(
                        "objection_decision", position, programme_id=body.programme_id,
                        objection_id=body.objection_id, due_at=body.due_at, last_day=body.due_day,
                    )  # fmt: skip
            case _:
                self._put_off("correction", body.closes_at, body.last_day)

    def _put_off(self, kind: ObligationKind, due_at: datetime, last_day: date) -> None:
        for waiting in self._waiting(kind):
            waiting.due_at, waiting.last_day = due_at, last_day

    def _of_case(self, body: CaseDutyFact, at: datetime, position: int) -> None:
        """What the unit of a case owes: its task book, its reports, and what it was ordered to rectify."""
        match body:
            case TaskBookAsked() | TaskBookReturned():
                self._owe("task_book", body, position)
            case ReportAsked(report=matter) | ReportReturned(report=matter):
                self._owe("report", body, position, matter)
            case RectificationOrdered(assessment=matter):
                self._owe("rectification", body, position, matter)
            case TaskBookFiled():
                self._answer(at, "task_book")
            case ReportFiled(report=matter):
                self._answer(at, "report", matter=matter)
            case RectificationReported(assessment=matter) | AssessmentDecided(assessment=matter):
                self._answer(at, "rectification", matter=matter)
            case CaseSucceeded(successor_unit_id=successor_unit_id):
                for waiting in self._waiting(*CASE_DUTIES):
                    waiting.unit_id = UnitId(successor_unit_id)
            case _:
                self._answer(at, *CASE_DUTIES)

    def _owe(self, kind: ObligationKind, body: AskingFact, position: int, matter: Code | None = None) -> None:
        self._arise(
            kind, position, programme_id=body.programme_id, unit_id=body.unit_id, application_id=body.application_id,
            matter=matter, due_at=body.due_at, last_day=body.last_day,
        )  # fmt: skip

    def _score(self, body: ScoringFact, at: datetime, position: int) -> None:
        """What becomes of the sheets that the seats of a panel owe."""
        match body:
            case PanelConstituted(programme_id=programme_id):
                self.programme_id = programme_id
            case ScoringOpened() | ScoringExtended():
                self.scoring = body.closes_at, body.last_day
                self._put_off("score_sheets", *self.scoring)
            case ApplicationAdmitted(application_id=application_id):
                self.admitted.add(application_id)
                self.tracks.add((body.programme_id, body.track_id))
            case ReviewerSeated():
                self._seat(body, position)
            case _:
                self._of_seat(body)
        self._settle_all(at)

    def _seat(self, body: ReviewerSeated, position: int) -> None:
        due_at, last_day = self.scoring or (None, None)
        self._arise(
            "score_sheets", position, programme_id=self.programme_id, panel_id=body.panel_id, seat_id=body.seat_id,
            due_at=due_at, last_day=last_day,
        )  # fmt: skip

    def _of_seat(self, body: ReviewerUnseated | ReviewerRecused | RecusalLifted | ScoreSheetFiled) -> None:
        owing = [each for each in self.by_id.values() if each.seat_id == body.seat_id][-1]
        match body:
            case ReviewerUnseated():
                owing.vacated = True
            case ReviewerRecused(application_id=application_id):
                owing.recused.add(application_id)
            case RecusalLifted(application_id=application_id):
                owing.recused.discard(application_id)
            case _:
                owing.filed.add(body.application_id)

    def _settle_all(self, at: datetime) -> None:
        for owing in self.by_id.values():
            if owing.kind == "score_sheets":
                self._settle(owing, at)

    def _settle(self, owing: Obligation, at: datetime) -> None:
        """A seat owes a sheet on each application that it is not recused from; one that was vacated owes none."""
        left = self.admitted - self.withdrawn - owing.recused - owing.filed
        done = owing.vacated or (bool(self.admitted) and not left)
        if done and owing.answered_at is None:
            owing.answered_at = at
        elif not done:
            owing.answered_at = None
