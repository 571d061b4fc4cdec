"""A request for a command: headers, path and body into an ``Ask``, its receipt into the answer. One way for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec

from api.answers import JSON, Response
from api.bodies import decode
from api.callers import Callers
from api.problems import MediaTypeUnknown, NotFound, VersionRequired
from api.requests import (
    Headers,
    Parameters,
    effective_on,
    idempotency_key,
    if_match,
    on_behalf_of,
    reason,
)
from api.routes import Act, AnyRequest, AnyResponse
from domain.kernel import encode
from infra.advance import Advance
from infra.assembly import Assembly
from infra.clock import Institution
from infra.front_door import Ask, Caller, Preview, Receipt, RecordedRef
from infra.roots import Roots
from infra.views import Views

__all__ = [
    "JSON",
    "Foreseen",
    "Recording",
    "Wiring",
    "address_of",
    "answer_act",
    "institution_named",
    "json_response",
    "respond",
]


class Recording(msgspec.Struct, frozen=True, omit_defaults=True):
    """The receipt of a command: what was recorded, where the resource stands now, and where it is read."""

    command_id: UUID
    events: tuple[RecordedRef, ...]
    version: int
    location: str | None = None
    simulated: bool = False


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a dry run: what would be recorded; nothing was."""

    command_id: UUID
    events: tuple[dict[str, Any], ...]
    dry_run: bool
    simulated: bool = False


@dataclass(frozen=True)
class Wiring:
    """What every answer is made with."""

    parts: Assembly
    callers: Callers
    views: Views
    advance: Advance
    roots: Roots


def address_of(request: AnyRequest) -> str:
    """The address a request comes from, for counting failures."""
    client = request.scope.get("client")
    return client[0] if client else ""


async def institution_named(wiring: Wiring, request: AnyRequest) -> Institution:
    """The institution that a public address names; there is no token to tell."""
    for institution in await wiring.parts.clock.institutions():
        if institution.institution_id == request.path_params["institution_id"]:
            return institution
    raise NotFound


def json_response(value: object, status: int = 200, headers: dict[str, str] | None = None) -> AnyResponse:
    """An answer in JSON, encoded as it stands."""
    return Response(msgspec.json.encode(value), status_code=status, headers=headers, media_type=JSON)


def respond(receipt: Receipt | Preview, *, simulated: bool, location: str | None = None) -> AnyResponse:
    """The answer to a command: its receipt, the same bytes for a request sent again; or what a dry run foresees."""
    if isinstance(receipt, Preview):
        events = tuple({"type": name, "body": msgspec.Raw(encode(body))} for name, body in receipt.events)
        return json_response(Foreseen(command_id=receipt.command_id, events=events, dry_run=True, simulated=simulated))
    headers = {"ETag": f'"{receipt.version}"', "X-Position": str(receipt.version)}
    if location is not None:
        headers["Location"] = location
    recording = Recording(receipt.command_id, receipt.events, receipt.version, location, simulated)
    return json_response(recording, 201, headers)


async def answer_act(wiring: Wiring, act: Act, request: AnyRequest) -> AnyResponse:
    """Ask for the command of a route."""
    headers = Headers(request.scope["headers"])
    caller = await wiring.callers.acting(headers, address_of(request))
    parameters = Parameters(request.scope["query_string"], ("dry_run",))
    key, version = idempotency_key(headers), if_match(headers)
    if version is None and act.edits_draft:
        raise VersionRequired
    institution = await wiring.parts.clock.institution(caller.log_id)
    values = await _values(act, request, headers)
    if act.makes is not None and values.get(act.makes) is None:
        values[act.makes] = made_id(wiring, institution, caller, key, act.makes)
    subject = act.about
    ask = Ask(
        caller=caller,
        command=act.command,
        values=values,
        idempotency_key=key,
        subject=f"{subject[1]}:{values[subject[0]]}" if subject else None,
        if_match=version,
        effective_on=effective_on(headers),
        on_behalf_of=on_behalf_of(headers),
        reason=reason(headers),
        dry_run=parameters.flag("dry_run"),
    )
    receipt = await wiring.parts.door.ask(ask)
    location = RESOURCES[subject[1]].format(values[subject[0]]) if subject and subject[1] in RESOURCES else None
    return respond(receipt, simulated=institution.simulated, location=location)


RESOURCES: Final = {
    "application": "/v1/applications/{}",
    "appointment": "/v1/appointments/{}",
    "audit-finding": "/v1/audit-findings/{}",
    "calendar-year": "/v1/calendars/{}",
    "decision": "/v1/decisions/{}",
    "designation": "/v1/designations/{}",
    "document": "/v1/documents/{}",
    "engagement": "/v1/audit-engagements/{}",
    "erasure": "/v1/erasures/{}",
    "finding": "/v1/findings/{}",
    "legal-hold": "/v1/legal-holds/{}",
    "measure": "/v1/measures/{}",
    "objection": "/v1/objections/{}",
    "obligation": "/v1/obligations/{}",
    "panel": "/v1/panels/{}",
    "payment": "/v1/payments/{}",
    "person": "/v1/people/{}",
    "programme": "/v1/programmes/{}",
    "publicity": "/v1/publicities/{}",
    "recovery": "/v1/recoveries/{}",
    "unit": "/v1/units/{}",
}
"""Where the resource of a tag is read."""


async def _values(act: Act, request: AnyRequest, headers: Headers) -> dict[str, Any]:
    try:
        values = {
            name: msgspec.convert(request.path_params[name], kind, strict=False)
            for name, kind in act.path_types.items()
        }
    except msgspec.ValidationError:
        # An id that can be nobody's is the id of nothing.
        raise NotFound from None
    data = await json_of(request, headers)
    if act.check is not None:
        act.check(data)
    given = decode(data, act.body)
    return values | {name: getattr(given, name) for name in act.body.__struct_fields__}


async def json_of(request: AnyRequest, headers: Headers) -> bytes:
    """The body of a request, which must say that it is JSON if there is any."""
    data = await request.body()
    if data and (headers.get("Content-Type") or "").split(";")[0].strip().lower() != JSON:
        raise MediaTypeUnknown(known=JSON)
    return data


def made_id(wiring: Wiring, institution: Any, caller: Caller, key: str, name: str) -> str:  # noqa: ANN401
    """An id that the door makes: the same for a request sent again."""
    return str(uuid5(wiring.parts.door.command_id(institution, caller.person_id, key), name))
