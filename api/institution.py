"""The institution over HTTP: what it is, what time it is there, and its access journal's days."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from api.acts import Wiring, address_of, json_of, json_response
from api.bodies import decode
from api.requests import Headers, Parameters, idempotency_key
from api.routes import AnyRequest, AnyResponse, Own, Page, Rows
from infra.advance import Advanced
from projections.institution import ACCESS_DAY, INSTITUTION


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a simulated clock is to be moved, and whether to wait for what falls due on the way."""

    to: Annotated[datetime, msgspec.Meta(tz=True, title="To", extra_json_schema={"x-title-zh": "拨至"})]
    unattended: Annotated[bool, msgspec.Meta(title="Unattended", extra_json_schema={"x-title-zh": "无人值守"})] = False


class Me(msgspec.Struct, frozen=True):
    """The caller: who, where, which offices today, and the institution's time."""

    person_id: str
    institution_id: str
    simulated: bool
    now: datetime
    today: str
    scopes: tuple[str, ...]
    appointments: tuple[dict[str, Any], ...]


async def _advance(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    headers = Headers(request.scope["headers"])
    caller = await wiring.callers.acting(headers, address_of(request), "clock")
    Parameters(request.scope["query_string"], ())
    idempotency_key(headers)
    move = decode(await json_of(request, headers), Move)
    advanced = await wiring.advance(caller, move.to, unattended=move.unattended)
    return json_response(advanced)


async def _me(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    caller = await wiring.callers.reading(Headers(request.scope["headers"]), address_of(request))
    Parameters(request.scope["query_string"], ())
    reader = await wiring.callers.reader(caller)
    institution = reader.institution
    return json_response(
        Me(
            person_id=reader.caller.person_id,
            institution_id=institution.institution_id,
            simulated=institution.simulated,
            now=reader.now,
            today=institution.day(reader.now).isoformat(),
            scopes=tuple(sorted(reader.caller.scopes)),
            appointments=tuple(
                {
                    "appointment_id": held.appointment_id,
                    "role": held.role,
                    "unit_id": held.unit_id,
                    "first_day": held.first_day,
                    "last_day": held.last_day,
                }
                for held in reader.held
            ),
        )
    )


PAGE = Page(
    "institution",
    "Institution and clock",
    "机构与时钟",
    (
        Own(
            method="GET",
            path="/v1/me",
            answer=_me,
            operation="read_me",
            en="Who the caller is, which offices are held today, and the institution's time.",
            zh="调用者身份、当日职务及机构时间。",
            result=Me,
        ),
        Own(
            method="POST",
            path="/v1/clock/advance",
            answer=_advance,
            operation="AdvanceClock",
            en="Move the simulated clock forward, letting what is due happen first; unknown where the clock is real.",
            zh="向前拨动模拟时钟,先完成途中到期事项;真实时钟的机构没有此项。",
            body=Move,
            result=Advanced,
            refusals=(404, 409, 413, 415, 422, 503),
        ),
        Rows(path="/v1/institution", view=INSTITUTION),
        Rows(path="/v1/access-days", view=ACCESS_DAY),
    ),
)
