"""Documents over HTTP: streamed in and sealed on the way, streamed out to those who may read them."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final

import msgspec

from api.acts import RESOURCES, Wiring, address_of, respond
from api.answers import Stream
from api.callers import Reader
from api.problems import DocumentErased, HeaderInvalid, NotFound, ParameterInvalid
from api.requests import Headers, Parameters, idempotency_key, reason, whole
from api.routes import AnyRequest, AnyResponse, Own, Page, Parameter, Row, Rows
from api.seats import material_read_as, opinion_read_as
from domain.document.commands import DepositDocument
from domain.document.events import DocumentDeposited, DocumentKind
from domain.document.policy import PUBLIC_KINDS
from domain.ids import CODED, PSEUDONYM, ApplicationId, DocumentId, InstitutionId, PersonId, UnitId, tag
from domain.kernel import Audience, Event, Recorded, identifiers, redact
from domain.privacy.events import ObjectorErased, PersonErased
from domain.review.events import ScoreSheetAmended, ScoreSheetFiled
from infra.documents import LIMIT_BYTES, Received
from infra.front_door import Ask, Caller
from infra.record import Item
from infra.staging import Attempt
from projections.document import DOCUMENT

_KINDS: Final[tuple[str, ...]] = typing.get_args(DocumentKind)
_UNIT = Annotated[str, msgspec.Meta(pattern=CODED)]
_PERSON = Annotated[str, msgspec.Meta(pattern=PSEUDONYM)]
_PARAMETERS: Final = (
    Parameter(name="kind", en="Kind", zh="类别", type=DocumentKind, required=True),
    Parameter(name="owner_unit_id", en="Owning unit", zh="所属单位", type=_UNIT),
    Parameter(name="key_person_id", en="Person whose key seals it", zh="以其密钥封存的人员", type=_PERSON),
    Parameter(name="dry_run", en="Record nothing", zh="仅试算", type=bool),
)


async def _deposit(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """Take a document in, seal it on the way, and put it on record; what is refused leaves nothing."""
    headers = Headers(request.scope["headers"])
    caller = await wiring.callers.acting(headers, address_of(request))
    parameters = Parameters(request.scope["query_string"], tuple(p.name for p in _PARAMETERS))
    kind = parameters.text("kind")
    if kind not in _KINDS:
        raise ParameterInvalid(parameter="kind", rule=f"one of {', '.join(_KINDS)}")
    owner = parameters.typed("owner_unit_id", _UNIT)
    person = parameters.typed("key_person_id", _PERSON)
    door, parts = wiring.parts.door, wiring.parts
    institution = await parts.clock.institution(caller.log_id)
    command_id = door.command_id(institution, caller.person_id, idempotency_key(headers))
    sealed_under = (
        tag(PersonId, person)
        if person
        else tag(UnitId, owner)
        if owner
        else tag(InstitutionId, institution.institution_id)
    )
    async with parts.staging.attempt(caller.log_id, command_id) as attempt:
        received = await _receive(wiring, request, attempt, sealed_under=sealed_under, kind=kind)
        ask = Ask(
            caller=caller,
            command=DepositDocument,
            values={
                "document_id": received.document_id,
                "kind": kind,
                "media_type": received.media_type,
                "size_bytes": received.size,
                "owner_unit_id": owner,
                "key_person_id": person,
                "text_digest": received.plaintext_digest,
            },
            idempotency_key=idempotency_key(headers),
            subject=tag(DocumentId, received.document_id),
            reason=reason(headers),
            dry_run=parameters.flag("dry_run"),
            attempt=attempt,
        )
        receipt = await door.ask(ask)
    location = RESOURCES["document"].format(received.document_id)
    return respond(receipt, simulated=institution.simulated, location=location)


async def _receive(wiring: Wiring, request: AnyRequest, attempt: Attempt, *, sealed_under: str, kind: str) -> Received:
    headers = Headers(request.scope["headers"])
    announced = headers.get("Content-Length")
    try:
        size = None if announced is None else whole("Content-Length", announced, 0, 2**53 - 1)
    except ParameterInvalid:
        raise HeaderInvalid(header="Content-Length", rule="a whole number") from None
    return await wiring.parts.documents.receive(
        attempt,
        sealed_under,
        kind,
        request.stream(),
        declared_media_type=(headers.get("Content-Type") or "").split(";")[0].strip().lower() or None,
        announced_size=size,
        limit=LIMIT_BYTES,
        public=kind in PUBLIC_KINDS,
    )


# --- out -------------------------------------------------------------------------------------------------------------


async def _content(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """Stream a document to a reader who may have it; a sealed one is journalled before its first byte leaves."""
    caller = await wiring.callers.reading(Headers(request.scope["headers"]), address_of(request))
    wanted = Parameters(request.scope["query_string"], ("min_position",)).whole("min_position") or 0
    reader = await wiring.callers.reader(caller, wanted)
    document_id = request.path_params["document_id"]
    store = await wiring.parts.stores(caller.log_id)
    naming = (await store.read([Item(tags=(tag(DocumentId, document_id),))])).events
    reads_as = await _reads_as(wiring, reader, document_id, naming)
    if reads_as is None:
        raise NotFound
    if _is_erased(document_id, naming):
        raise DocumentErased
    described = await wiring.parts.documents.describe(caller.log_id, document_id)
    if described.kind not in PUBLIC_KINDS:
        await journal_reading(wiring, caller, document_id, reads_as)
    return Stream(
        wiring.parts.documents.stream(caller.log_id, document_id),
        media_type=described.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{document_id[:16]}"',
            "Cache-Control": "private, no-store",
            "X-Position": str(naming[-1].position),
        },
        packs=False,
    )


def _is_erased(document_id: str, naming: Iterable[Recorded]) -> bool:
    """Whether an erasure names a document, also where its key is only about to go."""
    return any(document_id in _erased_by(each.event) for each in naming)


def _erased_by(event: Event) -> tuple[DocumentId, ...]:
    """The documents that an event erases."""
    match event:
        case PersonErased(document_ids=documents) | ObjectorErased(statement_document_ids=documents):
            return documents
        case _:
            return ()


async def journal_reading(wiring: Wiring, caller: Caller, document_id: str, reads_as: str) -> None:
    """Put a reading of a sealed document into the access journal, durably; beside a code stands no token."""
    await wiring.parts.access.record(
        caller.log_id,
        actor_id=reads_as,
        token_id=caller.token_id if reads_as == caller.person_id else None,
        act="GET /v1/documents/{document_id}",
        what=tag(DocumentId, document_id),
        outcome="read",
    )


async def _reads_as(wiring: Wiring, reader: Reader, document_id: str, naming: Sequence[Recorded]) -> str | None:
    """Whom a reader reads a document as: oneself, or from a seat its code; None where it may not be read."""
    if any(isinstance(recorded.event, ScoreSheetFiled | ScoreSheetAmended) for recorded in naming):
        return await opinion_read_as(wiring, reader, naming)
    if await _may_read(wiring, reader, document_id, naming):
        return reader.caller.person_id
    return await material_read_as(wiring, reader, document_id, _applications_of(naming))


def _applications_of(naming: Iterable[Recorded]) -> frozenset[str]:
    """The applications that events are about."""
    prefix = tag(ApplicationId, "")
    return frozenset(each.removeprefix(prefix) for r in naming for each in r.tags if each.startswith(prefix))


async def _may_read(wiring: Wiring, reader: Reader, document_id: str, naming: Sequence[Recorded]) -> bool:
    """Whether an event names this document in a field that this reader may see, or its deposit opens it."""
    about = _applications_of(naming)
    named_with = {each for recorded in naming for each in recorded.tags}
    if naming and reader.opens_sealed and "office" in reader.audiences(about=about, tags=named_with):
        return True
    for recorded in naming:
        event = recorded.event
        if isinstance(event, DocumentDeposited) and event.document_id == document_id:
            if event.kind in PUBLIC_KINDS or recorded.envelope.actor_id == reader.caller.person_id:
                return True
            if event.owner_unit_id is not None and "subject" in reader.audiences((event.owner_unit_id,), about):
                return True
        elif document_id in _ids_seen(event, await _opened(wiring, reader, recorded, about)):
            return True
    return False


async def _opened(wiring: Wiring, reader: Reader, recorded: Recorded, about: frozenset[str]) -> frozenset[Audience]:
    """Which fields of an event this reader sees."""
    return reader.audiences(await _units_of(wiring, reader, recorded.event), about, recorded.tags)


async def _units_of(wiring: Wiring, reader: Reader, event: Event) -> tuple[str, ...]:
    """The units an event is about: those it names, and those its application stands between."""
    named = event.as_dict()
    units = [str(named[name]) for name in ("unit_id", "nominator_unit_id") if named.get(name)]
    if named.get("application_id"):
        found = await wiring.views.get(reader.caller.log_id, "application", (named["application_id"],))
        if found.row is not None:
            units += [found.row.unit_id, found.row.nominator_unit_id]
    return tuple(units)


def _ids_seen(event: Event, audiences: frozenset[Audience]) -> set[Any]:
    """The ids in those fields of an event that readers of these audiences see."""
    seen = redact(event, audiences)
    found: set[Any] = set()
    for name in identifiers(type(event)):
        value = seen.get(name)
        found |= set(value) if isinstance(value, tuple) else {value}
    return found


PAGE = Page(
    "document",
    "Documents",
    "文件",
    (
        Own(
            method="POST",
            path="/v1/documents",
            answer=_deposit,
            operation="DepositDocument",
            en="Deposit a document: its bytes are the body, sealed on the way in; at most 20 MB.",
            zh="存入文件:请求体即文件字节,接收时即封存;最大 20 MB。",
            parameters=_PARAMETERS,
            body=bytes,
            body_media_type="*/*",
            status=201,
            body_limit=None,
            foresees=True,
            refusals=(404, 409, 413, 415, 422),
        ),
        Rows(path="/v1/documents", view=DOCUMENT),
        Row(path="/v1/documents/{document_id}/entry", view=DOCUMENT, version_of="document"),
        Own(
            method="GET",
            path="/v1/documents/{document_id}",
            answer=_content,
            operation="read_document_content",
            en="The bytes of a document, for those who may read it; reading a sealed one is journalled.",
            zh="文件字节,仅限可读者;读取密封文件记入访问日志。",
            parameters=(Parameter(name="min_position", en="Not before position", zh="不早于位置", type=int),),
            gives=("bytes",),
            refusals=(404, 410),
        ),
    ),
)
