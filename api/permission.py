"""Who may: the published permission table, and tokens."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, cast
from uuid import UUID, uuid5

import msgspec

from api.acts import Wiring, address_of, json_of, json_response
from api.bodies import decode
from api.callers import SCOPES, Reader
from api.problems import BodyInvalid, NotFound, NotLoggedIn
from api.requests import Headers, Parameters, bearer, idempotency_key
from api.routes import AnyRequest, AnyResponse, Own, Page, Parameter
from domain.audit.engagement import EngagementUnknown
from domain.audit.policy import ENGAGEMENT_FACTS, Engagement, EngagementFact
from domain.ids import CODED, PSEUDONYM, EngagementId, PersonId, tag
from domain.kernel import word
from domain.permission.audiences import AT_UNIT, ENGAGED, ENGAGED_SEALED, EVERYBODY, INSTITUTION_WIDE
from domain.permission.policy import ACTS, BESIDE_ROLES, ROLE_TITLES, STATE_TITLES, NotPermitted
from domain.person.events import PersonRegistered, ServiceRegistered
from domain.person.policy import PersonUnknown
from infra.record import Item

_DAYS: Final = 3650
_USUAL_DAYS: Final = 90
_ACTS: Final = {"CreateToken": ("CreateToken", "“创建令牌”"), "RevokeToken": ("RevokeToken", "“撤销令牌”")}
_Coded = Annotated[str, msgspec.Meta(pattern=CODED)]
_REGISTERED: Final = (PersonRegistered.TOPIC, ServiceRegistered.TOPIC)


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom a token is for, what it opens, and how long it lives."""

    person_id: Annotated[str, msgspec.Meta(pattern=PSEUDONYM, title="Person")]
    scopes: Annotated[tuple[str, ...], msgspec.Meta(title="Scopes", min_length=1, max_length=len(SCOPES))] = (
        "read",
        "act",
    )
    days: Annotated[int, msgspec.Meta(ge=1, le=_DAYS, title="Days until it expires")] = _USUAL_DAYS
    engagement_id: Annotated[_Coded | None, msgspec.Meta(title="Engagement that it is bound to")] = None


class GivenToken(msgspec.Struct, frozen=True):
    """A new token; its secret is shown here only, and only now."""

    token_id: UUID
    token: str


class TokenLine(msgspec.Struct, frozen=True):
    """One token, without its secret, which nobody knows."""

    token_id: UUID
    person_id: str
    scopes: tuple[str, ...]
    once: bool
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None
    engagement_id: str | None = None


class TokenList(msgspec.Struct, frozen=True):
    """The tokens of the institution, the oldest first."""

    items: tuple[TokenLine, ...]


class Revoked(msgspec.Struct, frozen=True):
    """A token that is worth nothing any more."""

    token_id: UUID
    revoked: bool = True


async def _permissions(_: Wiring, request: AnyRequest) -> AnyResponse:
    Parameters(request.scope["query_string"], ())
    return json_response(permission_table())


def permission_table() -> dict[str, Any]:
    """The law of the door as data: roles, states, commands, audiences, scopes."""
    return {
        "roles": [{"role": role, "en": en, "zh": zh} for role, (en, zh) in ROLE_TITLES.items()],
        "beside_roles": [{"role": role, "en": en, "zh": zh} for role, (en, zh) in BESIDE_ROLES.items()],
        "states": [{"state": state, "en": en, "zh": zh} for state, (en, zh) in STATE_TITLES.items()],
        "commands": [
            {
                "command": act.command,
                "needs_reason": act.needs_reason,
                "backdatable": act.backdatable,
                "permissions": [{"role": p.role, "at": p.at, "states": p.states} for p in act.permissions],
            }
            for act in ACTS
        ],
        "audiences": {
            "everybody": sorted(EVERYBODY),
            "institution_wide": {role: sorted(opened) for role, opened in INSTITUTION_WIDE.items()},
            "subject_at_own_unit": sorted(AT_UNIT),
            "engaged": sorted(ENGAGED),
            "engaged_with_sealed_material": sorted(ENGAGED_SEALED),
        },
        "scopes": [{"scope": scope, "en": en, "zh": zh} for scope, (en, zh) in SCOPES.items()],
    }


async def _administrator(wiring: Wiring, request: AnyRequest, headers: Headers, act: str) -> Reader:
    """The caller, who must be an administrator today; a refusal is journalled as the front door's are."""
    reader = await wiring.callers.present(headers, address_of(request), "act")
    if not reader.holds("administrator"):
        await _journal(wiring, reader, act, "", "not-permitted")
        raise NotPermitted(command=word(act, _ACTS))
    return reader


async def _journal(wiring: Wiring, reader: Reader, act: str, what: str, outcome: str) -> None:
    caller = reader.caller
    await wiring.parts.access.record(
        caller.log_id, actor_id=caller.person_id, token_id=caller.token_id, act=act, what=what, outcome=outcome
    )


async def _create(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    headers = Headers(request.scope["headers"])
    reader = await _administrator(wiring, request, headers, "CreateToken")
    Parameters(request.scope["query_string"], ())
    caller, institution = reader.caller, reader.institution
    asked_by = wiring.parts.door.command_id(institution, caller.person_id, idempotency_key(headers))
    asked: NewToken = decode(await json_of(request, headers), NewToken)
    unknown_scope(asked.scopes)
    await refuse_stranger(wiring, reader.caller.log_id, asked.person_id)
    if asked.engagement_id is not None:
        await _refuse_unengaged(wiring, reader.caller.log_id, asked.person_id, asked.engagement_id)
    created = await wiring.parts.tokens.create(
        caller.log_id,
        asked.person_id,
        asked.scopes,
        lifetime=timedelta(days=asked.days),
        token_id=uuid5(asked_by, "token"),
        engagement_id=asked.engagement_id,
    )
    outcome = "renewed" if created.renewed else "created"
    await _journal(wiring, reader, "CreateToken", f"token:{created.token_id}", outcome)
    return json_response(GivenToken(created.token_id, created.secret), 201, {"Cache-Control": "no-store"})


async def refuse_stranger(wiring: Wiring, log_id: int, person_id: str) -> None:
    """Refuse a token for somebody who is not on record: nobody could say later whose acts those were."""
    store = await wiring.parts.stores(log_id)
    page = await store.read([Item(_REGISTERED, (tag(PersonId, person_id),))], limit=1)
    if not page.events:
        raise PersonUnknown(person_id=person_id)


async def _refuse_unengaged(wiring: Wiring, log_id: int, person_id: str, engagement_id: str) -> None:
    """Refuse to bind a token to an engagement that is not that person's, or is over."""
    store = await wiring.parts.stores(log_id)
    types = tuple(kind.TOPIC for kind in ENGAGEMENT_FACTS)
    page = await store.read([Item(types, (tag(EngagementId, engagement_id),))])
    engagement = Engagement()
    for recorded in page.events:
        engagement.take(cast("EngagementFact", recorded.event))
    opened = engagement.opened
    if opened is None or engagement.ended or opened.person_id != person_id:
        raise EngagementUnknown(engagement_id=engagement_id)


def unknown_scope(scopes: tuple[str, ...]) -> None:
    """Refuse a scope that nothing asks for."""
    if not set(scopes) <= set(SCOPES):
        raise BodyInvalid(
            pointer="/scopes",
            rule=f"each one of {', '.join(SCOPES)}",
            errors=[{"pointer": "/scopes", "detail": f"each one of {', '.join(SCOPES)}"}],
        )


async def _exchange(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """Spend a token that works once for an ordinary one; sent again, it gives another secret while that is unused."""
    headers = Headers(request.scope["headers"])
    Parameters(request.scope["query_string"], ())
    secret = bearer(headers)
    key = idempotency_key(headers)
    wiring.callers.failures.refuse_excess(address_of(request), secret)
    created = await wiring.parts.tokens.exchange(secret, key=key, lifetime=timedelta(days=_USUAL_DAYS))
    if created is None:
        wiring.callers.failures.failed(address_of(request))
        raise NotLoggedIn
    return json_response(GivenToken(created.token_id, created.secret), 201, {"Cache-Control": "no-store"})


async def _list(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    headers = Headers(request.scope["headers"])
    reader = await wiring.callers.reader(await wiring.callers.reading(headers, address_of(request)))
    parameters = Parameters(request.scope["query_string"], ("person_id",))
    if not reader.holds("administrator"):
        raise NotFound
    tokens = await wiring.parts.tokens.list(reader.caller.log_id, parameters.text("person_id"))
    lines = tuple(TokenLine(**{name: getattr(t, name) for name in TokenLine.__struct_fields__}) for t in tokens)
    return json_response(TokenList(lines))


async def _revoke(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    headers = Headers(request.scope["headers"])
    reader = await _administrator(wiring, request, headers, "RevokeToken")
    Parameters(request.scope["query_string"], ())
    idempotency_key(headers)
    try:
        token_id = UUID(request.path_params["token_id"])
    except ValueError:
        raise NotFound from None
    if not await wiring.parts.tokens.revoke(reader.caller.log_id, token_id):
        raise NotFound
    await _journal(wiring, reader, "RevokeToken", f"token:{token_id}", "revoked")
    return json_response(Revoked(token_id))


PAGE = Page(
    "permission",
    "Permissions and tokens",
    "权限与令牌",
    (
        Own(
            method="GET",
            path="/v1/permissions",
            answer=_permissions,
            operation="read_permissions",
            en="The permission table: which role may ask for which command, at which unit, in which state.",
            zh="权限表:何角色在何单位、何状态下可提出何命令。",
            public=True,
        ),
        Own(
            method="POST",
            path="/v1/tokens/exchange",
            answer=_exchange,
            operation="ExchangeToken",
            en="Spend a token that works once, given as bearer, for an ordinary one. Sent again with its key, "
            "since the answer was lost, it gives another secret in place of one that was never used.",
            zh="以一次性令牌(置于 Authorization)换取普通令牌。回答遗失时以同一键重发,未曾使用者换发新密文。",
            result=GivenToken,
            status=201,
            refusals=(409,),
        ),
        Own(
            method="POST",
            path="/v1/tokens",
            answer=_create,
            operation="CreateToken",
            en="Create a token for a person; for administrators. Sent again with its key, since the answer was lost, "
            "it gives another secret in place of one that was never used.",
            zh="为人员创建令牌;仅限管理员。回答遗失时以同一键重发,未曾使用者换发新密文。",
            body=NewToken,
            result=GivenToken,
            status=201,
            refusals=(404, 409, 413, 415, 422),
        ),
        Own(
            method="GET",
            path="/v1/tokens",
            answer=_list,
            operation="list_tokens",
            en="The tokens of the institution, without their secrets; for administrators.",
            zh="本机构令牌清单(不含密文);仅限管理员。",
            parameters=(Parameter(name="person_id", en="Of this person", zh="该人员的"),),
            result=TokenList,
            refusals=(404,),
        ),
        Own(
            method="POST",
            path="/v1/tokens/{token_id}/revoke",
            answer=_revoke,
            operation="RevokeToken",
            en="Revoke a token for ever; for administrators.",
            zh="永久撤销令牌;仅限管理员。",
            result=Revoked,
            refusals=(404,),
        ),
    ),
)
