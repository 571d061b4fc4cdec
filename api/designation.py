"""Designation over HTTP: titles, who is given one, and the register that anybody may read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Final

from api.acts import Wiring, institution_named
from api.answers import Stream
from api.partners import Partners, beside, partners_of
from api.problems import FormatUnknown
from api.publicity import answered_publicly, wants_json
from api.register import Register, register_page
from api.requests import Headers, Parameters
from api.routes import Act, AnyRequest, AnyResponse, Own, Page, Parameter, Row, Rows
from domain.designation.commands import ConferTitle, DefineTitle, LapseTitle, RenewTitle, RestoreTitle, RevokeTitle
from domain.kernel import Command
from infra.clock import Institution
from projections.designation import DESIGNATION, TITLE, DesignationRow, RegisterEntry, register_table
from projections.kernel import canonical_csv
from projections.organisation import ORGANISATION
from projections.programme import PROGRAMME

BY_SCHEDULE: tuple[type[Command], ...] = (LapseTitle,)
"""What only the schedule asks for."""

_CSV: Final = "text/csv"
_FORMATS: Final = frozenset({"json", "html", "csv"})


async def _entry(wiring: Wiring, log_id: int, row: DesignationRow, partners: Partners) -> RegisterEntry:
    programme = (await wiring.views.get(log_id, PROGRAMME, (row.programme_id,))).row
    unit = (await wiring.views.get(log_id, ORGANISATION, (row.unit_id,))).row
    title = (await wiring.views.get(log_id, TITLE, (row.programme_id, row.title))).row
    return RegisterEntry(
        designation_id=row.designation_id,
        programme_id=row.programme_id,
        programme_zh=programme.name_zh if programme else row.programme_id,
        programme_en=programme.name_en if programme else row.programme_id,
        track_id=row.track_id,
        unit_id=row.unit_id,
        unit_zh=unit.name_zh if unit else row.unit_id,
        unit_en=unit.name_en if unit else row.unit_id,
        title=row.title,
        title_zh=title.name_zh if title else row.title,
        title_en=title.name_en if title else row.title,
        state=row.state,
        conferred_on=row.conferred_on,
        valid_until=row.valid_until,
        renewed_on=row.renewed_on,
        revoked_on=row.revoked_on,
        restored_on=row.restored_on,
        partners=beside(partners, row.application_id, row.unit_id),
    )


async def _entries(wiring: Wiring, institution: Institution) -> tuple[tuple[RegisterEntry, ...], int]:
    """Every line of the register, the newest first, and the position that all of them reflect."""
    found: list[RegisterEntry] = []
    partners = await partners_of(wiring, institution.log_id)
    cursor: str | None = None
    while True:
        page = await wiring.views.list(institution.log_id, DESIGNATION, sort="-conferred_on", cursor=cursor)
        found += [await _entry(wiring, institution.log_id, row, partners) for row in page.rows]
        cursor = page.next
        if cursor is None:
            return tuple(found), page.position


async def _register(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    headers = Headers(request.scope["headers"])
    parameters = Parameters(request.scope["query_string"], ("format",))
    asked = parameters.text("format")
    if asked is not None and asked not in _FORMATS:
        raise FormatUnknown(known=", ".join(sorted(_FORMATS)))
    institution = await institution_named(wiring, request)
    head = await wiring.roots.of(institution.log_id, institution.institution_id)
    entries, position = await _entries(wiring, institution)
    if asked == "csv" or (asked is None and headers.all("Accept").startswith(_CSV)):
        return _as_csv(entries, position, institution)
    register = Register(
        institution_id=institution.institution_id, items=entries, log_size=head[0], log_root=head[1],
        simulated=institution.simulated,
    )  # fmt: skip
    as_json = wants_json(headers, parameters)
    return answered_publicly(register, register_page(register), position, headers, as_json=as_json)


def _as_csv(entries: tuple[RegisterEntry, ...], position: int, institution: Institution) -> AnyResponse:
    name = "designations-simulated" if institution.simulated else "designations"
    fields = {
        "X-Position": str(position),
        "Content-Disposition": f'attachment; filename="{name}.csv"',
        "Vary": "Accept",
    }
    return Stream(_streamed(canonical_csv(register_table(entries))), f"{_CSV}; charset=utf-8", fields)


async def _streamed(lines: Iterable[bytes]) -> AsyncIterator[bytes]:
    for line in lines:
        yield line


PAGE = Page(
    "designation",
    "Designation",
    "命名",
    (
        Act(path="/v1/programmes/{programme_id}/titles", command=DefineTitle),
        Act(
            path="/v1/applications/{application_id}/designations",
            command=ConferTitle,
            makes="designation_id",
            subject="designation_id",
        ),
        Act(path="/v1/designations/{designation_id}/renew", command=RenewTitle),
        Act(path="/v1/designations/{designation_id}/revoke", command=RevokeTitle),
        Act(path="/v1/designations/{designation_id}/restore", command=RestoreTitle),
        Rows(path="/v1/programmes/{programme_id}/titles", view=TITLE),
        Rows(path="/v1/designations", view=DESIGNATION),
        Row(path="/v1/designations/{designation_id}", view=DESIGNATION, version_of="designation"),
        Own(
            method="GET",
            path="/public/{institution_id}/designations",
            answer=_register,
            operation="public_designations",
            en="The register of designations, the newest first; a page for people, JSON or CSV.",
            zh="命名登记,最新者在前;供人阅读的页面、JSON 或 CSV。",
            parameters=(Parameter(name="format", en="html, json or csv", zh="html、json 或 csv"),),
            gives=("json", "csv", "html"),
            result=Register,
            public=True,
            refusals=(404, 406, 503),
        ),
    ),
)
