"""A stage, a panel of three codes and two applications, as events: the past that the specs of the review share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from domain.application.events import ApplicationWithdrawn
from domain.ids import ApplicationId, DocumentId, PanelId, SeatId, TrackId, UnitId
from domain.kernel import Event, SealedAnswers, SealedSheet
from domain.review.events import (
    ApplicationAdmitted,
    ApplicationRanked,
    Mark,
    PanelConstituted,
    RankingRecorded,
    RecusalLifted,
    ReviewerJoinedScoring,
    ReviewerRecused,
    ReviewerSeated,
    ReviewerUnseated,
    ScoreCriterion,
    ScoreSheetAmended,
    ScoreSheetExcluded,
    ScoreSheetFiled,
    ScoreSheetOpened,
    ScoringClosed,
    ScoringExtended,
    ScoringOpened,
    StageDefined,
    TieBreak,
)
from domain.review.policy import sheet_bytes
from domain.screening.events import ScreeningPassed
from tests.call import BRANCH, BRANCH_TRACK, CALL, MINE, SIBLING, THEIRS, withdrawn
from tests.call import the_call as announced_call
from tests.spec import Past, at

PANEL, OTHER_PANEL = PanelId("P-1"), PanelId("P-2")
ONE, TWO, THREE = (SeatId(f"S-{n}") for n in (1, 2, 3))
SEATS = (ONE, TWO, THREE)
OPENS, SCORES, ENDS = at("2020-06-09 09:00"), at("2020-06-10 09:00"), at("2020-06-12 18:00")
AFTER = at("2020-06-12 18:01")
LAST_DAY = date(2020, 6, 12)
WORDS = DocumentId("e" * 64)


def code(seat: str = ONE, panel: str = PANEL) -> str:
    """Whom a reviewer acts as."""
    return f"{panel}/{seat}"


def criterion(name: str, weight_bp: int | None = 5_000, **changes: Any) -> ScoreCriterion:
    fields: dict[str, Any] = {"lowest_tenths": 0, "highest_tenths": 1_000, "step_tenths": 5, **changes}
    return ScoreCriterion(code=name, name_zh="标准", name_en=name, weight_bp=weight_bp, **fields)


FORM = (
    ScoreCriterion(code="work", name_zh="工作", name_en="Work"),
    criterion("plan", 4_000, parent="work"),
    criterion("deeds", 6_000, parent="work"),
)


def stage(name: str = "experts", **changes: Any) -> StageDefined:
    fields: dict[str, Any] = {
        "programme_id": CALL,
        "stage": name,
        "order": 1,
        "name_zh": "专家评审",
        "name_en": "Experts",
        "track_ids": (BRANCH_TRACK,),
        "criteria": FORM,
        "aggregation": "mean",
        "minimum_sheets": 2,
        "tie_breaks": (TieBreak(by="criterion", criterion="deeds"), TieBreak(by="lot")),
        **changes,
    }
    return StageDefined(**fields)


def constituted(panel: PanelId = PANEL, position: int = 1, name: str = "experts", *tracks: TrackId) -> PanelConstituted:
    return PanelConstituted(
        panel_id=panel, programme_id=CALL, stage=name, stage_position=position, track_ids=tracks or (BRANCH_TRACK,)
    )


def seated(seat: SeatId = ONE, panel: PanelId = PANEL, commitment: str = "5" * 64) -> ReviewerSeated:
    return ReviewerSeated(panel_id=panel, seat_id=seat, commitment=commitment)


def joined(
    seat: SeatId = ONE, *applications: ApplicationId, closes_at: datetime = ENDS, last_day: date = LAST_DAY
) -> ReviewerJoinedScoring:
    return ReviewerJoinedScoring(
        panel_id=PANEL,
        programme_id=CALL,
        seat_id=seat,
        closes_at=closes_at,
        last_day=last_day,
        application_ids=applications or (MINE, THEIRS),
    )


def unseated(seat: SeatId = ONE) -> ReviewerUnseated:
    return ReviewerUnseated(panel_id=PANEL, seat_id=seat)


def screened(
    application: ApplicationId = MINE, unit: UnitId = BRANCH, track: TrackId = BRANCH_TRACK
) -> ScreeningPassed:
    return ScreeningPassed(application_id=application, programme_id=CALL, track_id=track, unit_id=unit)


def scoring(closes_at: datetime = ENDS, last_day: date = LAST_DAY) -> ScoringOpened:
    return ScoringOpened(panel_id=PANEL, programme_id=CALL, opens_at=OPENS, closes_at=closes_at, last_day=last_day)


def extended(closes_at: datetime, last_day: date) -> ScoringExtended:
    return ScoringExtended(panel_id=PANEL, programme_id=CALL, closes_at=closes_at, last_day=last_day)


def closed(closes_at: datetime = ENDS, last_day: date = LAST_DAY) -> ScoringClosed:
    return ScoringClosed(panel_id=PANEL, programme_id=CALL, closes_at=closes_at, last_day=last_day)


def admitted(
    application: ApplicationId = MINE,
    unit: UnitId = BRANCH,
    rank: int | None = None,
    panel: PanelId = PANEL,
    track: TrackId = BRANCH_TRACK,
) -> ApplicationAdmitted:
    return ApplicationAdmitted(
        panel_id=panel,
        application_id=application,
        programme_id=CALL,
        track_id=track,
        unit_id=unit,
        nominator_rank=rank,
    )


def recused(
    seat: SeatId = ONE, application: ApplicationId = MINE, basis: Any = "declared", interest: str = "colleague"
) -> ReviewerRecused:
    return ReviewerRecused(panel_id=PANEL, seat_id=seat, application_id=application, basis=basis, interest=interest)


def lifted(seat: SeatId = ONE, application: ApplicationId = MINE) -> RecusalLifted:
    return RecusalLifted(panel_id=PANEL, seat_id=seat, application_id=application)


def salt_of(seat: str, application: str) -> str:
    """The salt of a sheet in the specs: one that follows from whose it is."""
    return hashlib.sha256(f"{seat} {application}".encode()).hexdigest()


def marks(plan: int, deeds: int) -> dict[str, int]:
    return {"plan": plan, "deeds": deeds}


def commitment(seat: str, application: str, given_marks: Mapping[str, int]) -> str:
    return hashlib.sha256(bytes.fromhex(salt_of(seat, application)) + sheet_bytes(given_marks)).hexdigest()


def sealed(plan: int = 800, deeds: int = 900, seat: SeatId = ONE, application: ApplicationId = MINE) -> SealedSheet:
    return SealedSheet(commitment=commitment(seat, application, marks(plan, deeds)), marks=marks(plan, deeds))


OPINION = SealedAnswers(document_id=WORDS, characters={"opinion": 12, "plan": 3})


def filed(
    seat: SeatId = ONE,
    application: ApplicationId = MINE,
    plan: int = 800,
    deeds: int = 900,
    kind: type[ScoreSheetFiled | ScoreSheetAmended] = ScoreSheetFiled,
) -> ScoreSheetFiled | ScoreSheetAmended:
    return kind(
        panel_id=PANEL,
        seat_id=seat,
        application_id=application,
        commitment=commitment(seat, application, marks(plan, deeds)),
        opinion_document_id=WORDS,
    )


def opened(
    seat: SeatId = ONE,
    application: ApplicationId = MINE,
    plan: int = 800,
    deeds: int = 900,
    *,
    filed_position: int = 1,
    track: TrackId = BRANCH_TRACK,
) -> ScoreSheetOpened:
    return ScoreSheetOpened(
        panel_id=PANEL,
        seat_id=seat,
        application_id=application,
        track_id=track,
        filed_position=filed_position,
        salt=salt_of(seat, application),
        marks=tuple(Mark(name, tenths) for name, tenths in sorted(marks(plan, deeds).items())),
    )


def excluded(seat: SeatId = ONE, application: ApplicationId = MINE) -> ScoreSheetExcluded:
    return ScoreSheetExcluded(panel_id=PANEL, seat_id=seat, application_id=application, track_id=BRANCH_TRACK)


def ranked(
    application: ApplicationId = MINE,
    unit: UnitId = BRANCH,
    place: int | None = 1,
    *,
    advances: bool = True,
    panel: PanelId = PANEL,
) -> ApplicationRanked:
    return ApplicationRanked(
        panel_id=panel,
        application_id=application,
        programme_id=CALL,
        track_id=BRANCH_TRACK,
        unit_id=unit,
        rank=place,
        score_numerator=86,
        score_denominator=1,
        sheets=3,
        advances=advances,
    )


def ranking(panel: PanelId = PANEL, name: str = "experts", digest: str = "7" * 64) -> RankingRecorded:
    return RankingRecorded(
        panel_id=panel,
        programme_id=CALL,
        stage=name,
        track_id=BRANCH_TRACK,
        stage_position=1,
        applications=2,
        sheets=6,
        digest=digest,
    )


def gone(application: ApplicationId = MINE, unit: UnitId = BRANCH) -> ApplicationWithdrawn:
    return withdrawn(application, unit)


def the_stage(*changes: Event) -> Past:
    """The call has been announced and a stage of experts defined."""
    return announced_call().and_(stage(), *changes)


def the_panel(*changes: Event, defined: StageDefined | None = None) -> Past:
    """A panel of three sits in that stage, and two applications were passed on to it."""
    past = announced_call().and_(defined or stage())
    return past.and_(constituted(position=len(past.log)), *map(seated, SEATS), *SCREENED, *changes)


SCREENED = (screened(), screened(THEIRS, SIBLING))
ADMITTED = (admitted(), admitted(THEIRS, SIBLING))


def the_scoring(*changes: Event, defined: StageDefined | None = None) -> Past:
    """Scoring is open on both applications."""
    return the_panel(scoring(), *ADMITTED, *changes, defined=defined)


SHEETS: Mapping[tuple[SeatId, ApplicationId], tuple[int, int]] = {
    (ONE, MINE): (800, 900),
    (TWO, MINE): (700, 800),
    (THREE, MINE): (900, 950),
    (ONE, THEIRS): (600, 700),
    (TWO, THEIRS): (650, 750),
    (THREE, THEIRS): (700, 700),
}


def the_scored(*changes: Event, defined: StageDefined | None = None) -> Past:
    """Everybody has filed on everything, scoring is over, and every sheet was opened."""
    past = the_scoring(*(filed(*key, *given_marks) for key, given_marks in SHEETS.items()), defined=defined)
    first = len(past.log) - len(SHEETS) + 1
    shown = (
        opened(*key, *given_marks, filed_position=first + n) for n, (key, given_marks) in enumerate(SHEETS.items())
    )
    return past.and_(closed(), *shown, *changes)
