"""What an auditor holds us to: signed checkpoints, and proofs of what stands under them.

Checkpoints are public: they tell how many events there are and the root over them, and nothing of any.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Final

import msgspec

from api.acts import Wiring, address_of, institution_named, json_response
from api.answers import Response
from api.callers import Reader
from api.problems import NotFound, NotSignedYet, ParameterInvalid
from api.reads import refuse_beyond_head
from api.requests import Headers, Parameters
from api.routes import AnyRequest, AnyResponse, Own, Page, Parameter
from infra.checkpoints import Checkpoints, Signed
from infra.receipt import Receipt

__all__ = ["PAGE"]

_LARGEST_PAGE: Final = 200
_USUAL: Final = 20
_TEXT: Final = "text/plain; charset=utf-8"


class SignedCheckpoint(msgspec.Struct, frozen=True):
    """A checkpoint: its size, when it was signed, and the signed note word by word."""

    size: int
    signed_at: datetime
    note: str


class VerifierKey(msgspec.Struct, frozen=True):
    """A public key in the vkey encoding of signed notes, and whether it signs at present."""

    vkey: str
    present: bool


class CheckpointKeys(msgspec.Struct, frozen=True):
    """Every key that signs or signed, the first one first."""

    items: tuple[VerifierKey, ...]


class CheckpointPage(msgspec.Struct, frozen=True):
    """The newest checkpoints, and the keys to verify them with; keep those elsewhere, from the first day on."""

    items: tuple[SignedCheckpoint, ...]
    verifiers: tuple[VerifierKey, ...]


class Consistency(msgspec.Struct, frozen=True):
    """That the log of the old size is the beginning of that of the new one: a path of RFC 6962 in base64."""

    old: int
    new: int
    path: tuple[str, ...]


class Inclusion(msgspec.Struct, frozen=True):
    """That a position stands in the log of a size: its path of RFC 6962 in base64, from below."""

    position: int
    size: int
    path: tuple[str, ...]


def _checkpoints(wiring: Wiring) -> Checkpoints:
    return Checkpoints(wiring.parts.pool, wiring.parts.stores)


def _encoded(path: list[bytes]) -> tuple[str, ...]:
    return tuple(base64.b64encode(each).decode() for each in path)


async def _reader(wiring: Wiring, request: AnyRequest) -> Reader:
    return await wiring.callers.reader(
        await wiring.callers.reading(Headers(request.scope["headers"]), address_of(request))
    )


async def _newest(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """The newest checkpoint of an institution, for anybody."""
    Parameters(request.scope["query_string"], ())
    found = await _checkpoints(wiring).newest((await institution_named(wiring, request)).log_id)
    if not found:
        raise NotSignedYet
    return Response(found[0].note.encode(), media_type=_TEXT, headers={"Cache-Control": "no-cache"})


async def _keys(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """The keys that sign an institution's checkpoints, for anybody."""
    Parameters(request.scope["query_string"], ())
    found = await _checkpoints(wiring).verifiers((await institution_named(wiring, request)).log_id)
    return json_response(CheckpointKeys(tuple(VerifierKey(vkey, present) for vkey, present in found)))


async def _list(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    reader = await _reader(wiring, request)
    parameters = Parameters(request.scope["query_string"], ("limit",))
    limit = parameters.whole("limit", 1, _LARGEST_PAGE) or _USUAL
    checkpoints = _checkpoints(wiring)
    found = await checkpoints.newest(reader.caller.log_id, limit)
    keys = await checkpoints.verifiers(reader.caller.log_id)
    items = tuple(SignedCheckpoint(each.size, each.signed_at, each.note) for each in found)
    return json_response(CheckpointPage(items, tuple(VerifierKey(*key) for key in keys)))


def _position(request: AnyRequest) -> int:
    text = request.path_params["position"]
    if not text.isascii() or not text.isdigit() or text.startswith("0") or len(text) > 15:  # noqa: PLR2004 - Below 2^53.
        raise NotFound
    return int(text)


async def _covering(wiring: Wiring, reader: Reader, size: int) -> Signed:
    """The first checkpoint of at least a size; one that is recorded and not signed yet will be in a moment."""
    found = await _checkpoints(wiring).covering(reader.caller.log_id, size)
    if found is None:
        if size > await (await wiring.parts.stores(reader.caller.log_id)).head():
            raise NotFound
        raise NotSignedYet
    return found


async def _receipt(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    reader = await _reader(wiring, request)
    Parameters(request.scope["query_string"], ())
    position = _position(request)
    signed = await _covering(wiring, reader, position)
    path = await _checkpoints(wiring).tree(reader.caller.log_id).inclusion(position - 1, signed.size)
    text = str(Receipt(position - 1, tuple(path), signed.note))
    name = f"{reader.institution.institution_id}-{position}.tlog-proof"
    return Response(text.encode(), media_type=_TEXT, headers={"Content-Disposition": f'attachment; filename="{name}"'})


async def _inclusion(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    reader = await _reader(wiring, request)
    parameters = Parameters(request.scope["query_string"], ("size",))
    position, size = _position(request), parameters.whole("size", 1)
    if size is None:
        size = (await _covering(wiring, reader, position)).size
    elif size < position:
        raise ParameterInvalid(parameter="size", rule=f"{position} at least")
    await _grown(wiring, reader, "size", size)
    path = await _checkpoints(wiring).tree(reader.caller.log_id).inclusion(position - 1, size)
    return json_response(Inclusion(position, size, _encoded(path)))


async def _consistency(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    reader = await _reader(wiring, request)
    parameters = Parameters(request.scope["query_string"], ("old", "new"))
    old, new = parameters.whole("old", 1), parameters.whole("new", 1)
    if old is None or new is None:
        raise ParameterInvalid(parameter="old" if old is None else "new", rule="a size of the log")
    if old > new:
        raise ParameterInvalid(parameter="old", rule=f"not beyond {new}")
    await _grown(wiring, reader, "new", new)
    path = await _checkpoints(wiring).tree(reader.caller.log_id).consistency(old, new)
    return json_response(Consistency(old, new, _encoded(path)))


async def _grown(wiring: Wiring, reader: Reader, name: str, size: int) -> None:
    """Refuse a size that the log does not have, and one that its tree does not have yet."""
    await refuse_beyond_head(wiring, reader, name, size)
    if size > await _checkpoints(wiring).size(reader.caller.log_id):
        raise NotSignedYet


PAGE = Page(
    "checkpoint",
    "Checkpoints and proofs",
    "检查点与证明",
    (
        Own(
            method="GET",
            path="/public/{institution_id}/checkpoint",
            answer=_newest,
            operation="public_checkpoint",
            en="The newest signed checkpoint: the log's name, its size and root (C2SP signed-note).",
            zh="最新签名检查点:日志名称、规模与根摘要(C2SP signed-note)。",
            gives=("text",),
            public=True,
            refusals=(404,),
        ),
        Own(
            method="GET",
            path="/public/{institution_id}/checkpoint-keys",
            answer=_keys,
            operation="public_checkpoint_keys",
            en="The public keys that sign checkpoints. Whoever wants to hold us to them keeps them elsewhere.",
            zh="签署检查点的公钥。欲据以核验者,应另行保存。",
            result=CheckpointKeys,
            public=True,
            refusals=(404,),
        ),
        Own(
            method="GET",
            path="/v1/audit/checkpoints",
            answer=_list,
            operation="list_checkpoints",
            en="The newest signed checkpoints, and the keys to verify them with.",
            zh="最近的签名检查点及其验证公钥。",
            parameters=(Parameter(name="limit", en="At most so many (1 to 200)", zh="至多条数(1 至 200)", type=int),),
            result=CheckpointPage,
        ),
        Own(
            method="GET",
            path="/v1/audit/receipts/{position}",
            answer=_receipt,
            operation="read_receipt",
            en="An offline proof that a position stands in the signed log (C2SP tlog-proof).",
            zh="某位置存在于已签名日志中的离线证明(C2SP tlog-proof)。",
            gives=("text",),
            refusals=(404,),
        ),
        Own(
            method="GET",
            path="/v1/audit/inclusion/{position}",
            answer=_inclusion,
            operation="read_inclusion",
            en="The path of a position to the root of a size, by default that of the first checkpoint that covers it.",
            zh="某位置至某一规模根摘要的路径;默认取首个涵盖该位置的检查点。",
            parameters=(Parameter(name="size", en="Size of the log", zh="日志规模", type=int),),
            result=Inclusion,
            refusals=(404,),
        ),
        Own(
            method="GET",
            path="/v1/audit/consistency",
            answer=_consistency,
            operation="read_consistency",
            en="The proof that the log of an old size is the beginning of that of a new one.",
            zh="旧规模日志为新规模日志开头部分的证明。",
            parameters=(
                Parameter(name="old", en="Old size", zh="旧规模", type=int, required=True),
                Parameter(name="new", en="New size", zh="新规模", type=int, required=True),
            ),
            result=Consistency,
            refusals=(404,),
        ),
    ),
)
