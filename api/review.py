"""The review over HTTP: stages and panels for the office, the own seat for a reviewer, boards and rankings afterwards.

From the own seat a reviewer lists and reads what is before the panel, and files; never what the seat is recused from,
and nobody else's sheet. The office sees who has filed, by code, and marks once they are open.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from api import what_if
from api.acts import Wiring, address_of, json_response
from api.callers import Reader, Seat
from api.problems import NotFound
from api.reads import Times, all_rows, finished, refuse_beyond_head
from api.requests import Headers, Parameters
from api.routes import Act, AnyRequest, AnyResponse, Own, Page, Parameter, Row, Rows
from api.seats import admissions_of, material_of, seat_before
from domain.application.events import BudgetLine
from domain.ids import ApplicationId, DocumentId, PanelId, SeatId, TrackId, UnitId, tag
from domain.review.events import (
    ReviewerSeated,
    ScoreSheetAmended,
    ScoreSheetFiled,
    SeatIdentityOpened,
    StageDefined,
)
from domain.review.ranking import RankApplications
from domain.review.recusal import DeclareInterest, ImposeRecusal, LiftRecusal
from domain.review.scoring import CloseScoring, ExtendScoring, OpenScoring
from domain.review.seat import OpenSeatIdentity, SeatReviewer, UnseatReviewer
from domain.review.sheet import AmendScoreSheet, ExcludeScoreSheet, FileScoreSheet
from domain.review.stage import ConstitutePanel, DefineStage
from infra.codes import seat_of
from infra.record import Item
from projections.application import ApplicationRow, SelfCheck
from projections.panel import PANEL, SEAT, STAGE, Board, PanelRow, SeatRow, StageRow, board
from projections.programme import TRACK
from projections.scoreboard import (
    ADMISSION,
    SCORE_SHEET,
    AdmissionRow,
    BoardLine,
    Explanation,
    SheetRow,
    explained,
    ranking_of,
    scoreboard,
)
from projections.what_if import remaining

_FILED: Final = (ScoreSheetFiled.TOPIC, ScoreSheetAmended.TOPIC)
_MIN: Final = Parameter(name="min_position", en="Wait until it is seen", zh="等到可见此位置", type=int)


class OwnSeat(msgspec.Struct, frozen=True, kw_only=True):
    """A seat of the caller: of which panel, and until when it scores."""

    panel_id: PanelId
    seat_id: SeatId
    held: bool
    programme_id: str
    stage: str
    state: str
    closes_at: datetime | None


class OwnSeats(msgspec.Struct, frozen=True):
    """The caller's seats."""

    items: tuple[OwnSeat, ...]
    position: int


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """An application that the caller may score, and whether a sheet of the caller's stands on it."""

    application_id: ApplicationId
    track_id: TrackId
    unit_id: UnitId
    filed_at: datetime | None
    filed_position: int | None


class Assignments(msgspec.Struct, frozen=True):
    """What is before the caller's seat of a panel, but for what the seat is recused from."""

    seat_id: SeatId
    items: tuple[Assignment, ...]
    position: int


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """What an application consists of, for whoever scores it; its texts are documents."""

    application_id: ApplicationId
    track_id: TrackId
    unit_id: UnitId
    form: str | None
    answered: tuple[str, ...]
    form_document_id: DocumentId | None
    self_checks: tuple[SelfCheck, ...]
    budget: tuple[BudgetLine, ...]
    total_fen: int | None


class OwnSheet(msgspec.Struct, frozen=True, kw_only=True):
    """The caller's own sheet on an application, as it stands."""

    application_id: ApplicationId
    filed_position: int
    marks: dict[str, int]
    opinion_document_id: DocumentId


class Identity(msgspec.Struct, frozen=True):
    """Who sits on a seat, for whoever had it opened."""

    panel_id: str
    seat_id: str
    person_id: str


class Scoreboard(msgspec.Struct, frozen=True):
    """Every application before a panel, with the sheets of all seats as far as they are open."""

    lines: tuple[BoardLine, ...]
    position: int


class ExplainedRanking(msgspec.Struct, frozen=True, kw_only=True):
    """The ranking of a track by its sheets as they stand, each place explained, beside the digest on record."""

    panel_id: PanelId
    track_id: TrackId
    stage_position: int
    placings: tuple[Explanation, ...]
    digest: str
    recorded_digest: str | None
    position: int


def _query(request: AnyRequest, *more: str) -> Parameters:
    return Parameters(request.scope["query_string"], ("min_position", *more))


async def _reader(wiring: Wiring, request: AnyRequest, *more: str) -> tuple[Reader, int]:
    """The caller, and the position that is to be seen at least."""
    headers = Headers(request.scope["headers"])
    caller = await wiring.callers.reading(headers, address_of(request))
    wanted = _query(request, *more).whole("min_position") or 0
    reader = await wiring.callers.reader(caller, wanted)
    await refuse_beyond_head(wiring, reader, "min_position", wanted)
    return reader, wanted


def _answer(request: AnyRequest, value: object, position: int) -> AnyResponse:
    return finished(value, position, Headers(request.scope["headers"]))


# --- from the own seat -----------------------------------------------------------------------------------------------


async def _seats(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """The seats that the caller holds or held."""
    reader, wanted = await _reader(wiring, request)
    found: list[OwnSeat] = []
    position = max(wanted, reader.position)
    for seat in reader.seats:
        row, position = await _panel(wiring, reader, seat.panel_id, wanted)
        found.append(
            OwnSeat(
                panel_id=seat.panel_id,
                seat_id=seat.seat_id,
                held=seat.held,
                programme_id=row.programme_id,
                stage=row.stage,
                state=row.state,
                closes_at=row.closes_at,
            )
        )
    return _answer(request, OwnSeats(tuple(found), position), position)


def _own_seat(reader: Reader, panel_id: str) -> Seat:
    """The caller's seat of a panel, if it is held; to everybody else there is nothing here."""
    seat = reader.seat_of(panel_id)
    if seat is None or not seat.held:
        raise NotFound
    return seat


async def _assignments(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """What the caller may score from the own seat, and what was filed from it already."""
    reader, _ = await _reader(wiring, request)
    seat = _own_seat(reader, request.path_params["panel_id"])
    filed = {each.application_id: (at, position) for each, at, position in await _own_sheets(wiring, reader, seat)}
    admitted = await admissions_of(wiring, reader, tag(PanelId, seat.panel_id))
    items = []
    for each in sorted(admitted, key=lambda each: each.application_id):
        at, position = filed.get(each.application_id, (None, None))
        items.append(
            Assignment(
                application_id=each.application_id,
                track_id=each.track_id,
                unit_id=each.unit_id,
                filed_at=at,
                filed_position=position,
            )
        )
    return _answer(request, Assignments(seat.seat_id, tuple(items), reader.position), reader.position)


async def _own_sheets(
    wiring: Wiring, reader: Reader, seat: Seat, *tags: str
) -> list[tuple[ScoreSheetFiled | ScoreSheetAmended, datetime, int]]:
    """What was filed from a seat, each with when and where; the later ones last."""
    store = await wiring.parts.stores(reader.caller.log_id)
    wanted = (*tags, tag(SeatId, seat.seat_id), tag(PanelId, seat.panel_id))
    return [
        (recorded.event, recorded.envelope.effective_at, recorded.position)
        for recorded in (await store.read([Item(_FILED, wanted)])).events
        if isinstance(recorded.event, ScoreSheetFiled | ScoreSheetAmended)
    ]


async def _materials(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """The materials of an application that the caller may score."""
    reader, _ = await _reader(wiring, request)
    panel_id, application_id = request.path_params["panel_id"], request.path_params["application_id"]
    seat = await seat_before(wiring, reader, application_id, panel_id)
    row = None if seat is None else await material_of(wiring, reader, application_id)
    if seat is None or row is None:
        raise NotFound
    await _journal(wiring, reader, seat, "GET /v1/panels/{panel_id}/applications/{application_id}/materials", row)
    return _answer(request, _material(row), reader.position)


def _material(row: ApplicationRow) -> Material:
    return Material(**{name: getattr(row, name) for name in Material.__struct_fields__})


async def _journal(wiring: Wiring, reader: Reader, seat: Seat, act: str, about: ApplicationRow | OwnSheet) -> None:
    """Put a reading from a seat into the access journal: by its code, and with no token, which would name a person."""
    await wiring.parts.access.record(
        reader.caller.log_id,
        actor_id=seat.code,
        token_id=None,
        act=act,
        what=tag(ApplicationId, about.application_id),
        outcome="read",
    )


async def _sheet(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """The caller's own sheet on an application, opened for its author alone."""
    reader, _ = await _reader(wiring, request)
    seat = _own_seat(reader, request.path_params["panel_id"])
    application_id = request.path_params["application_id"]
    found = await _own_sheets(wiring, reader, seat, tag(ApplicationId, application_id))
    if not found or application_id in reader.barred:
        raise NotFound
    sheet, _, position = found[-1]
    subject = seat_of(seat.panel_id, seat.seat_id)
    opened = await wiring.parts.vault.reveal(reader.caller.log_id, subject, sheet.commitment)
    own = OwnSheet(
        application_id=sheet.application_id,
        filed_position=position,
        marks=msgspec.json.decode(opened.plaintext, type=dict[str, int]),
        opinion_document_id=sheet.opinion_document_id,
    )
    await _journal(wiring, reader, seat, "GET /v1/panels/{panel_id}/applications/{application_id}/sheet", own)
    return json_response(own, headers={"Cache-Control": "no-store"})


# --- for the office --------------------------------------------------------------------------------------------------


async def _panel(wiring: Wiring, reader: Reader, panel_id: str, wanted: int) -> tuple[PanelRow, int]:
    found = await wiring.views.get(reader.caller.log_id, PANEL, (panel_id,), min_position=wanted)
    if found.row is None:
        raise NotFound
    return found.row, found.position


async def _office_panel(wiring: Wiring, request: AnyRequest, *more: str) -> tuple[Reader, PanelRow, int]:
    """A panel, for a reader of the office."""
    reader, wanted = await _reader(wiring, request, *more)
    panel_id = request.path_params["panel_id"]
    if not reader.reads_for_office(tag(PanelId, panel_id)):
        raise NotFound
    row, position = await _panel(wiring, reader, panel_id, wanted)
    return reader, row, position


async def _rows(
    wiring: Wiring, reader: Reader, panel: PanelRow, position: int
) -> tuple[list[AdmissionRow], list[SheetRow]]:
    """The applications and the sheets of a panel, without those of applications that the reader is recused from."""
    log_id, of_panel = reader.caller.log_id, {"panel_id": panel.panel_id}
    admissions, _ = await all_rows(wiring, log_id, ADMISSION.name, of_panel, Times(position, None, None))
    sheets, _ = await all_rows(wiring, log_id, SCORE_SHEET.name, of_panel, Times(position, None, None))
    return _unbarred(reader, admissions), _unbarred(reader, sheets)


def _unbarred(reader: Reader, rows: Iterable[Any]) -> list[Any]:
    return [row for row in rows if row.application_id not in reader.barred]


async def _stage_of(wiring: Wiring, reader: Reader, panel: PanelRow) -> StageDefined:
    """The stage that a panel is pinned to, as it was defined there."""
    key = (panel.programme_id, panel.stage)
    found = await wiring.views.get(reader.caller.log_id, STAGE, key, at_position=panel.stage_position)
    row: StageRow = found.row
    return row.as_defined()


async def _board(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """A panel at a glance: its seats by code, and how far each has come."""
    reader, panel, position = await _office_panel(wiring, request)
    seats: list[SeatRow]
    seats, _ = await all_rows(
        wiring, reader.caller.log_id, SEAT.name, {"panel_id": panel.panel_id}, Times(position, None, None)
    )
    admissions, sheets = await _rows(wiring, reader, panel, position)
    return _answer(request, board(panel, seats, sheets, admissions), position)


async def _scoreboard(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """Every application before a panel, with what each seat gave as far as it is open."""
    reader, panel, position = await _office_panel(wiring, request)
    admissions, sheets = await _rows(wiring, reader, panel, position)
    lines = scoreboard(await _stage_of(wiring, reader, panel), admissions, sheets)
    return _answer(request, Scoreboard(lines, position), position)


async def _scored(
    wiring: Wiring, request: AnyRequest, reader: Reader, panel: PanelRow, position: int
) -> tuple[TrackId, list[AdmissionRow], list[SheetRow], int | None]:
    """A track of a panel whose scoring is over: its applications, the panel's sheets, and the track's places."""
    track_id = request.path_params["track_id"]
    if track_id not in panel.track_ids or panel.state != "scored":
        raise NotFound
    log_id = reader.caller.log_id
    of_track = {"panel_id": panel.panel_id, "track_id": track_id}
    admissions, _ = await all_rows(wiring, log_id, ADMISSION.name, of_track, Times(position, None, None))
    sheets, _ = await all_rows(
        wiring, log_id, SCORE_SHEET.name, {"panel_id": panel.panel_id}, Times(position, None, None)
    )
    track = (await wiring.views.get(log_id, TRACK, (panel.programme_id, track_id))).row
    return TrackId(track_id), admissions, sheets, None if track is None else track.places.target


async def _what_if(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """What would come of other weights, another aggregation, or without a reviewer; it binds nothing."""
    names = tuple(parameter.name for parameter in what_if.PARAMETERS)
    reader, panel, position = await _office_panel(wiring, request, *names)
    track_id, admissions, sheets, places = await _scored(wiring, request, reader, panel, position)
    parameters, stage = _query(request, *names), await _stage_of(wiring, reader, panel)
    told = what_if.read(parameters, stage)
    asked = parameters.whole("places", 1)
    places = asked or places
    standing = ranking_of(stage, admissions, sheets, places)
    then = ranking_of(told[1], admissions, remaining(sheets, told[0]), places)
    answer = what_if.answered(
        panel.panel_id,
        track_id,
        told,
        (standing, then),
        places=places,
        barred=frozenset(reader.barred),
        position=position,
    )
    return _answer(request, answer, position)


async def _ranking(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """The ranking of a track by its sheets as they stand, each place explained."""
    reader, panel, position = await _office_panel(wiring, request)
    track_id, admissions, sheets, places = await _scored(wiring, request, reader, panel, position)
    ranking = ranking_of(await _stage_of(wiring, reader, panel), admissions, sheets, places)
    recorded = (each.digest for each in panel.rankings if each.track_id == track_id)
    told = ExplainedRanking(
        panel_id=panel.panel_id,
        track_id=track_id,
        stage_position=panel.stage_position,
        # Everybody's sheets count for the places, whoever reads; what the reader is recused from is not shown.
        placings=tuple(map(explained, _unbarred(reader, ranking.placings))),
        digest=ranking.digest,
        recorded_digest=next(recorded, None),
        position=position,
    )
    return _answer(request, told, position)


async def _identity(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """Who sits on a seat: for whoever had it opened, as an act with a reason, and only while head of the office."""
    reader, _ = await _reader(wiring, request)
    panel_id, seat_id = request.path_params["panel_id"], request.path_params["seat_id"]
    store = await wiring.parts.stores(reader.caller.log_id)
    types = (ReviewerSeated.TOPIC, SeatIdentityOpened.TOPIC)
    past = (await store.read([Item(types, (tag(SeatId, seat_id), tag(PanelId, panel_id)))])).events
    asked = any(
        isinstance(r.event, SeatIdentityOpened) and r.envelope.actor_id == reader.caller.person_id for r in past
    )
    seated = next((r.event for r in past if isinstance(r.event, ReviewerSeated)), None)
    if not asked or seated is None or not reader.holds("head"):
        raise NotFound
    subject = seat_of(panel_id, seat_id)
    opened = await wiring.parts.vault.reveal(reader.caller.log_id, subject, seated.commitment)
    await wiring.parts.access.record(
        reader.caller.log_id,
        actor_id=reader.caller.person_id,
        token_id=reader.caller.token_id,
        act="GET /v1/panels/{panel_id}/seats/{seat_id}/identity",
        what=subject,
        outcome="read",
    )
    who: dict[str, str] = msgspec.json.decode(opened.plaintext, type=dict[str, str])
    return json_response(Identity(panel_id, seat_id, who["person_id"]), headers={"Cache-Control": "no-store"})


def _own(path: str, answer: Any, operation: str, titles: tuple[str, str], result: Any, **more: Any) -> Own:  # noqa: ANN401
    return Own(
        method="GET",
        path=path,
        answer=answer,
        operation=operation,
        en=titles[0],
        zh=titles[1],
        result=result,
        **{"refusals": (404, 503), "parameters": (_MIN,), **more},
    )


_SEAT: Final = "/v1/panels/{panel_id}/seats/{seat_id}"
_OWN: Final = "/v1/panels/{panel_id}/applications/{application_id}"

PAGE = Page(
    "review",
    "Review",
    "评审",
    (
        Act(path="/v1/programmes/{programme_id}/stages/{stage}/define", command=DefineStage),
        Act(path="/v1/panels", command=ConstitutePanel, makes="panel_id"),
        Act(path="/v1/panels/{panel_id}/seats", command=SeatReviewer, makes="seat_id"),
        Act(path=f"{_SEAT}/vacate", command=UnseatReviewer, subject="panel_id"),
        Act(path=f"{_SEAT}/open-identity", command=OpenSeatIdentity, subject="panel_id"),
        Act(path=f"{_SEAT}/applications/{{application_id}}/recuse", command=ImposeRecusal),
        Act(path=f"{_SEAT}/applications/{{application_id}}/lift-recusal", command=LiftRecusal),
        Act(path=f"{_SEAT}/applications/{{application_id}}/exclude", command=ExcludeScoreSheet),
        Act(path="/v1/panels/{panel_id}/scoring/open", command=OpenScoring),
        Act(path="/v1/panels/{panel_id}/scoring/extend", command=ExtendScoring),
        Act(path="/v1/panels/{panel_id}/scoring/close", command=CloseScoring),
        Act(path=f"{_OWN}/declare-interest", command=DeclareInterest),
        Act(path=f"{_OWN}/sheet", command=FileScoreSheet),
        Act(path=f"{_OWN}/sheet/amend", command=AmendScoreSheet),
        Act(path="/v1/panels/{panel_id}/tracks/{track_id}/rank", command=RankApplications, subject="panel_id"),
        Rows(path="/v1/programmes/{programme_id}/stages", view=STAGE),
        Row(path="/v1/programmes/{programme_id}/stages/{stage}", view=STAGE, version_of="programme"),
        Rows(path="/v1/panels", view=PANEL),
        Row(path="/v1/panels/{panel_id}", view=PANEL, version_of="panel"),
        Rows(path="/v1/panels/{panel_id}/seats", view=SEAT),
        Rows(path="/v1/panels/{panel_id}/applications", view=ADMISSION),
        Rows(path="/v1/panels/{panel_id}/sheets", view=SCORE_SHEET),
        _own(
            "/v1/seats",
            _seats,
            "read_own_seats",
            ("The seats of panels that the caller holds or held.", "调用者现任与曾任的评审席位。"),
            OwnSeats,
        ),
        _own(
            "/v1/panels/{panel_id}/assignments",
            _assignments,
            "read_assignments",
            (
                "What the caller may score from the own seat; nothing that the seat is recused from.",
                "调用者席位可评的申报,不含须回避者。",
            ),
            Assignments,
        ),
        _own(
            f"{_OWN}/materials",
            _materials,
            "read_materials_to_score",
            (
                "The materials of an application that the caller may score; each reading is journalled by code.",
                "调用者可评申报的材料;每次读取以席位代码记入访问日志。",
            ),
            Material,
        ),
        _own(
            f"{_OWN}/sheet",
            _sheet,
            "read_own_sheet",
            (
                "The caller's own sheet; nobody else is shown it before it is opened.",
                "调用者本人的评分表;开启之前不向他人显示。",
            ),
            OwnSheet,
            refusals=(404, 410, 503),
        ),
        _own(
            "/v1/panels/{panel_id}/board",
            _board,
            "read_panel_board",
            ("A panel at a glance: seats by code, and how far each has come.", "评审组概览:席位代码及各席位进度。"),
            Board,
        ),
        _own(
            "/v1/panels/{panel_id}/scoreboard",
            _scoreboard,
            "read_scoreboard",
            (
                "Every application with what each seat gave, as far as sheets are open.",
                "各申报及各席位评分,以已开启的评分表为限。",
            ),
            Scoreboard,
        ),
        _own(
            "/v1/panels/{panel_id}/tracks/{track_id}/ranking",
            _ranking,
            "read_ranking",
            (
                "The ranking by the sheets as they stand, each place explained with its inputs and their positions.",
                "依现有评分表的排名,逐项说明依据及其位置。",
            ),
            ExplainedRanking,
        ),
        _own(
            "/v1/panels/{panel_id}/tracks/{track_id}/what-if",
            _what_if,
            "what_if",
            (
                "What would come of other weights, another aggregation, or without a reviewer; it binds nothing.",
                "假设改变权重、合成方法或剔除某席位时的结果;不具任何约束力。",
            ),
            what_if.WhatIf,
            parameters=(_MIN, *what_if.PARAMETERS),
        ),
        _own(
            f"{_SEAT}/identity",
            _identity,
            "read_seat_identity",
            (
                "Who sits there, for the head who had it opened; each reading is journalled.",
                "席位人员身份,仅向申请开启的负责人显示;每次读取均记入访问日志。",
            ),
            Identity,
            refusals=(404, 410, 503),
        ),
    ),
)
