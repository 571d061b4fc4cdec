"""Persons and their offices over HTTP; names are sealed on the way in and journalled on the way out."""

from __future__ import annotations

from typing import Any

import msgspec

from api.acts import Wiring, address_of, json_response
from api.privacy import is_erased
from api.problems import DetailsErased, NotFound
from api.requests import Headers, Parameters
from api.routes import Act, AnyRequest, AnyResponse, Own, Page, Row, Rows
from domain.ids import PersonId, tag
from domain.person.commands import Appoint, EndAppointment, RegisterPerson, RegisterService, ReplacePersonDetails
from projections.person import APPOINTMENT, PERSON


class Details(msgspec.Struct, frozen=True):
    """A person's sealed name and contact, opened for this reader."""

    person_id: str
    details: dict[str, str]


async def _details(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """Open a person's details for an administrator, or for the person; every reading is journalled first."""
    caller = await wiring.callers.reading(Headers(request.scope["headers"]), address_of(request))
    Parameters(request.scope["query_string"], ())
    reader = await wiring.callers.reader(caller)
    person_id = request.path_params["person_id"]
    if not reader.holds("administrator") and person_id != caller.person_id:
        raise NotFound
    if await is_erased(wiring, caller.log_id, tag(PersonId, person_id)):
        raise DetailsErased
    sealed = await wiring.parts.vault.open_(caller.log_id, tag(PersonId, person_id), "details")
    await wiring.parts.access.record(
        caller.log_id,
        actor_id=caller.person_id,
        token_id=caller.token_id,
        act="GET /v1/people/{person_id}/details",
        what=tag(PersonId, person_id),
        outcome="read",
    )
    details: Any = msgspec.json.decode(sealed, type=dict[str, str])
    return json_response(Details(person_id, details), headers={"Cache-Control": "no-store"})


PAGE = Page(
    "person",
    "Persons and offices",
    "人员与职务",
    (
        Act(path="/v1/people", command=RegisterPerson, makes="person_id"),
        Act(path="/v1/people/{person_id}/details", command=ReplacePersonDetails),
        Act(path="/v1/services", command=RegisterService, makes="person_id"),
        Act(path="/v1/appointments", command=Appoint, makes="appointment_id"),
        Act(path="/v1/appointments/{appointment_id}/end", command=EndAppointment),
        Rows(path="/v1/people", view=PERSON),
        Row(path="/v1/people/{person_id}", view=PERSON, version_of="person"),
        Own(
            method="GET",
            path="/v1/people/{person_id}/details",
            answer=_details,
            operation="read_person_details",
            en="A person's name and contact, for administrators and for the person; each reading is journalled.",
            zh="人员姓名与联系方式,仅管理员与本人可读;每次读取均记入访问日志。",
            result=Details,
            refusals=(404, 410),
        ),
        Rows(path="/v1/appointments", view=APPOINTMENT),
        Row(path="/v1/appointments/{appointment_id}", view=APPOINTMENT, version_of="appointment"),
    ),
)
