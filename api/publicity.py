"""Publicity over HTTP: what the office prepares and shows, objections, and the board that anybody may read."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from api.acts import Wiring, address_of, institution_named, json_response
from api.answers import Response
from api.board import Board, Posted, PostedEntry, board_page, posting_page
from api.pages import PAGE_POLICY
from api.partners import beside, partners_of
from api.privacy import is_erased
from api.problems import DetailsErased, NotFound
from api.reads import finished
from api.requests import Headers, Parameters
from api.routes import Act, AnyRequest, AnyResponse, Own, Page, Row, Rows
from domain.ids import ObjectionId, tag
from domain.permission.audiences import EVERYBODY
from domain.person.events import Role
from domain.publicity.commands import (
    ApprovePublicity,
    ClosePublicity,
    DefinePublicityRule,
    ExtendPublicity,
    OpenPublicity,
    PreparePublicity,
    TakeDownPublicity,
    WithdrawPosting,
)
from domain.publicity.objection import (
    AdmitObjection,
    DismissObjection,
    InvestigateObjection,
    ReceiveObjection,
    RefuseObjection,
    UpholdObjection,
    WithdrawObjection,
)
from infra.clock import Institution
from infra.views import shown
from projections.organisation import ORGANISATION
from projections.programme import PROGRAMME, TRACK
from projections.publicity import OBJECTION, POSTING, PUBLICITY, PUBLICITY_RULE, PostingRow

__all__ = ["PAGE", "answered_publicly", "wants_json"]

_HTML: Final = "text/html"
READ_OBJECTORS: Final[tuple[Role, ...]] = ("clerk", "supervisor", "head")
"""Who receives, investigates and answers objections, all at the whole institution: they may reach whoever objected."""


# --- the board --------------------------------------------------------------------------------------------------------


async def _posted(wiring: Wiring, institution: Institution, row: PostingRow, head: tuple[int, str]) -> Posted:
    log_id = institution.log_id
    programme = (await wiring.views.get(log_id, PROGRAMME, (row.programme_id,))).row
    partners = await partners_of(wiring, log_id, programme_id=row.programme_id)
    entries = []
    for entry in row.entries:
        unit = (await wiring.views.get(log_id, ORGANISATION, (entry.unit_id,))).row
        track = (await wiring.views.get(log_id, TRACK, (row.programme_id, entry.track_id))).row
        entries.append(
            PostedEntry(
                application_id=entry.application_id,
                unit_id=entry.unit_id,
                unit_zh=unit.name_zh if unit else entry.unit_id,
                unit_en=unit.name_en if unit else entry.unit_id,
                track_id=entry.track_id,
                track_zh=track.name_zh if track else entry.track_id,
                track_en=track.name_en if track else entry.track_id,
                order=entry.order,
                passed=entry.application_id in row.passed,
                partners=beside(partners, entry.application_id, entry.unit_id),
            )
        )
    seen = shown(POSTING, row, EVERYBODY)
    fields = {name: seen[name] for name in Posted.__struct_fields__ if name in seen and name != "entries"}
    zone = institution.zone
    fields["opens_at"], fields["closes_at"] = row.opens_at.astimezone(zone), row.closes_at.astimezone(zone)
    return Posted(
        **fields,
        entries=tuple(entries),
        programme_zh=programme.name_zh if programme else row.programme_id,
        programme_en=programme.name_en if programme else row.programme_id,
        log_size=head[0],
        log_root=head[1],
        simulated=institution.simulated,
    )


def wants_json(headers: Headers, parameters: Parameters) -> bool:
    """Whether JSON is wanted rather than the page: by parameter, or because nothing says that a page is."""
    asked = parameters.text("format")
    return asked == "json" or (asked is None and _HTML not in headers.all("Accept"))


def answered_publicly(value: Any, page: str, position: int, headers: Headers, *, as_json: bool) -> AnyResponse:  # noqa: ANN401
    """What anybody may read, as JSON or as the page that shows it."""
    if as_json:
        return finished(value, position, headers)
    policy = {"Content-Security-Policy": PAGE_POLICY, "X-Position": str(position), "Vary": "Accept"}
    return Response(page.encode(), media_type=_HTML, headers=policy)


async def _board(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    headers = Headers(request.scope["headers"])
    parameters = Parameters(request.scope["query_string"], ("format",))
    institution = await institution_named(wiring, request)
    head = await wiring.roots.of(institution.log_id, institution.institution_id)
    page = await wiring.views.list(institution.log_id, POSTING, sort="-closes_at")
    items = tuple([await _posted(wiring, institution, row, head) for row in page.rows])
    board = Board(
        institution_id=institution.institution_id, items=items, log_size=head[0], log_root=head[1],
        simulated=institution.simulated,
    )  # fmt: skip
    as_json = wants_json(headers, parameters)
    return answered_publicly(board, board_page(board), page.position, headers, as_json=as_json)


async def _posting(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    headers = Headers(request.scope["headers"])
    parameters = Parameters(request.scope["query_string"], ("format",))
    institution = await institution_named(wiring, request)
    found = await wiring.views.get(institution.log_id, POSTING, (request.path_params["publicity_id"],))
    if found.row is None:
        raise NotFound
    head = await wiring.roots.of(institution.log_id, institution.institution_id)
    posted = await _posted(wiring, institution, found.row, head)
    as_json = wants_json(headers, parameters)
    return answered_publicly(posted, posting_page(posted), found.position, headers, as_json=as_json)


# --- objectors --------------------------------------------------------------------------------------------------------


class Objector(msgspec.Struct, frozen=True):
    """Who raised an objection, opened for this reader: a name and contacts."""

    objection_id: str
    objector: dict[str, str]


async def _objector(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """Open who raised an objection, for whoever handles it; every reading is journalled first."""
    caller = await wiring.callers.reading(Headers(request.scope["headers"]), address_of(request))
    Parameters(request.scope["query_string"], ())
    reader = await wiring.callers.reader(caller)
    objection_id = request.path_params["objection_id"]
    row = (await wiring.views.get(caller.log_id, OBJECTION, (objection_id,))).row
    handles = any(reader.holds(role) for role in READ_OBJECTORS)
    if row is None or not handles or row.application_id in reader.barred:
        raise NotFound
    subject = tag(ObjectionId, objection_id)
    if await is_erased(wiring, caller.log_id, subject):
        raise DetailsErased
    sealed = await wiring.parts.vault.open_(caller.log_id, subject, "objector")
    await wiring.parts.access.record(
        caller.log_id,
        actor_id=caller.person_id,
        token_id=caller.token_id,
        act="GET /v1/objections/{objection_id}/objector",
        what=subject,
        outcome="read",
    )
    details: Any = msgspec.json.decode(sealed, type=dict[str, str])
    return json_response(Objector(objection_id, details), headers={"Cache-Control": "no-store"})


PAGE = Page(
    "publicity",
    "Publicity and objections",
    "公示与异议",
    (
        Act(path="/v1/programmes/{programme_id}/publicity-rules", command=DefinePublicityRule),
        Act(path="/v1/publicities", command=PreparePublicity, makes="publicity_id"),
        Act(path="/v1/publicities/{publicity_id}/approve", command=ApprovePublicity),
        Act(path="/v1/publicities/{publicity_id}/open", command=OpenPublicity),
        Act(path="/v1/publicities/{publicity_id}/extend", command=ExtendPublicity),
        Act(path="/v1/publicities/{publicity_id}/take-down", command=TakeDownPublicity),
        Act(path="/v1/publicities/{publicity_id}/close", command=ClosePublicity),
        Act(path="/v1/publicities/{publicity_id}/withdraw-posting", command=WithdrawPosting),
        Act(
            path="/v1/publicities/{publicity_id}/objections",
            command=ReceiveObjection,
            makes="objection_id",
            subject="objection_id",
        ),
        Act(path="/v1/objections/{objection_id}/admit", command=AdmitObjection),
        Act(path="/v1/objections/{objection_id}/refuse", command=RefuseObjection),
        Act(path="/v1/objections/{objection_id}/investigate", command=InvestigateObjection),
        Act(path="/v1/objections/{objection_id}/uphold", command=UpholdObjection),
        Act(path="/v1/objections/{objection_id}/dismiss", command=DismissObjection),
        Act(path="/v1/objections/{objection_id}/withdraw", command=WithdrawObjection),
        Rows(path="/v1/programmes/{programme_id}/publicity-rules", view=PUBLICITY_RULE),
        Rows(path="/v1/publicities", view=PUBLICITY),
        Row(path="/v1/publicities/{publicity_id}", view=PUBLICITY, version_of="publicity"),
        Rows(path="/v1/postings", view=POSTING),
        Row(path="/v1/postings/{publicity_id}", view=POSTING, version_of="publicity"),
        Rows(path="/v1/objections", view=OBJECTION),
        Row(path="/v1/objections/{objection_id}", view=OBJECTION, version_of="objection"),
        Own(
            method="GET",
            path="/v1/objections/{objection_id}/objector",
            answer=_objector,
            operation="read_objector",
            en="Who raised an objection, for those who handle it; each reading is journalled. An anonymous one: 404.",
            zh="异议人姓名与联系方式,仅经办人员可读;每次读取均记入访问日志。匿名异议为 404。",
            result=Objector,
            refusals=(404, 410),
        ),
        Own(
            method="GET",
            path="/public/{institution_id}/publicities",
            answer=_board,
            operation="public_board",
            en="Everything on the institution's publicity board; a page for people, or JSON.",
            zh="机构公示栏全部内容;供人阅读的页面或 JSON。",
            gives=("json", "html"),
            result=Board,
            public=True,
            refusals=(404, 503),
        ),
        Own(
            method="GET",
            path="/public/{institution_id}/publicities/{publicity_id}",
            answer=_posting,
            operation="public_posting",
            en="One list on the board, its window, how to object, size and root of the log; a page, or JSON.",
            zh="公示栏中的一份名单、期限、异议方式及日志规模与根摘要;页面或 JSON。",
            gives=("json", "html"),
            result=Posted,
            public=True,
            refusals=(404, 503),
        ),
    ),
)
