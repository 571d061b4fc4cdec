"""The review in the life of a case: a panel of two codes scores two applications; one reviewer is recused meanwhile."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any

from domain.ids import ApplicationId, DocumentId, PanelId, ProgrammeId, SeatId, TrackId, UnitId
from domain.kernel import Event
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
    SeatIdentityOpened,
    StageDefined,
    TieBreak,
)
from domain.review.policy import sheet_bytes
from tests.spec import at

PANEL = PanelId("P-1")
FIRST, SECOND, THIRD = (SeatId(f"S-{n}") for n in (1, 2, 3))
OPINION = DocumentId("9" * 64)
ENDS, LATER_END = at("2020-06-12 18:00"), at("2020-06-13 18:00")


def commitment(seat: str, application: str, tenths: int) -> str:
    return hashlib.sha256(bytes.fromhex(salt(seat, application)) + sheet_bytes({"deeds": tenths})).hexdigest()


def salt(seat: str, application: str) -> str:
    return hashlib.sha256(f"{seat}/{application}".encode()).hexdigest()


def sheet(
    seat: SeatId, application: ApplicationId, tenths: int, kind: Any = ScoreSheetFiled
) -> ScoreSheetFiled | ScoreSheetAmended:
    filed: ScoreSheetFiled | ScoreSheetAmended = kind(
        panel_id=PANEL,
        seat_id=seat,
        application_id=application,
        commitment=commitment(seat, application, tenths),
        opinion_document_id=OPINION,
    )
    return filed


def opened(seat: SeatId, application: ApplicationId, tenths: int, track: TrackId) -> ScoreSheetOpened:
    return ScoreSheetOpened(
        panel_id=PANEL,
        seat_id=seat,
        application_id=application,
        track_id=track,
        filed_position=1,
        salt=salt(seat, application),
        marks=(Mark("deeds", tenths),),
    )


def stage(programme: ProgrammeId, track: TrackId, **changes: Any) -> StageDefined:
    fields: dict[str, Any] = {"minimum_sheets": 1, "tie_breaks": (TieBreak("lot"),), **changes}
    return StageDefined(
        programme_id=programme,
        stage="experts",
        order=1,
        name_zh="专家评审",
        name_en="Experts",
        track_ids=(track,),
        criteria=(ScoreCriterion("deeds", "事迹", "Deeds", weight_bp=10_000, lowest_tenths=0, highest_tenths=1_000),),
        aggregation="mean",
        **fields,
    )


def review(programme: ProgrammeId, track: TrackId, applications: Mapping[ApplicationId, UnitId]) -> list[Event]:
    """From the stage to the recorded ranking."""
    mine, theirs = applications
    about: dict[str, Any] = {"panel_id": PANEL, "programme_id": programme}
    between: dict[str, Any] = {"panel_id": PANEL, "seat_id": SECOND, "application_id": mine}
    end: dict[str, Any] = {"closes_at": ENDS, "last_day": date(2020, 6, 12)}
    later: dict[str, Any] = {"closes_at": LATER_END, "last_day": date(2020, 6, 13)}
    return [
        stage(programme, track),
        stage(programme, track, trim=0, advance_bp=12_000),
        PanelConstituted(**about, stage="experts", stage_position=1, track_ids=(track,)),
        ReviewerSeated(panel_id=PANEL, seat_id=FIRST, commitment="3" * 64),
        ReviewerSeated(panel_id=PANEL, seat_id=SECOND, commitment="4" * 64),
        ScoringOpened(**about, opens_at=at("2020-06-10 09:00"), **end),
        *(
            ApplicationAdmitted(**about, application_id=application, track_id=track, unit_id=unit)
            for application, unit in applications.items()
        ),
        ReviewerSeated(panel_id=PANEL, seat_id=THIRD, commitment="6" * 64),
        ReviewerJoinedScoring(**about, seat_id=THIRD, **end, application_ids=(mine, theirs)),
        sheet(FIRST, mine, 800),
        sheet(SECOND, mine, 700),
        sheet(FIRST, theirs, 600),
        ReviewerRecused(**between, basis="declared", interest="colleague"),
        RecusalLifted(**between),
        ReviewerRecused(**between, basis="imposed", interest="kin"),
        sheet(FIRST, mine, 900, ScoreSheetAmended),
        ScoringExtended(**about, **later),
        ScoringClosed(**about, **later),
        opened(FIRST, mine, 900, track),
        opened(SECOND, mine, 700, track),
        opened(FIRST, theirs, 600, track),
        ScoreSheetExcluded(panel_id=PANEL, seat_id=FIRST, application_id=theirs, track_id=track),
        *(
            ApplicationRanked(
                **about,
                application_id=application,
                track_id=track,
                unit_id=unit,
                rank=1 if application == mine else None,
                score_numerator=90,
                score_denominator=1,
                sheets=1 if application == mine else 0,
                advances=application == mine,
            )
            for application, unit in applications.items()
        ),
        RankingRecorded(
            **about,
            stage="experts",
            track_id=track,
            stage_position=2,
            applications=2,
            sheets=1,
            digest="5" * 64,
        ),
        SeatIdentityOpened(panel_id=PANEL, seat_id=SECOND),
        ReviewerUnseated(panel_id=PANEL, seat_id=SECOND),
    ]
