"""``biaogan audit rotate-key``: a new key is announced under the old one, signs beside it, and then in its place."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import rich_click as click

from api.acts import Wiring
from api.cli.reaching import database, opened, run
from api.cli.speaking import UNREACHABLE, Stop, answer, as_json
from domain.audit.events import SigningKeyAnnounced
from domain.audit.signing_key import AnnounceSigningKey, EndSigningKey
from domain.ids import InstitutionId, tag
from domain.kernel import Command
from infra.checkpoints import Checkpoints, Signed
from infra.clock import Institution
from infra.front_door import Ask, Caller, Receipt, service_id
from infra.master_key import KeyFileRefused, MasterKeys, ensure_key_file, read_key_file, replace_key_file
from infra.note import NoteRefused, Verifier
from infra.note import opened as opened_note
from infra.settings import load
from infra.signing import KEY_FILE, NEXT_KEY_FILE, signer_of

__all__ = ["announced_key", "rotate_key"]

_PATIENCE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.1
_NONE_TO_END: Final = "Only one key signs: there is none to end. 仅有一个签名密钥,无可终止。"
_TWO_SIGN: Final = (
    "Two keys sign already: first end the former one with --end. 已有两个密钥签名,请先终止旧密钥(--end)。"
)


def announced_key(line: bytes) -> str | None:
    """The public key, as a vkey, that an exported line announces, or None where it is about something else."""
    found = json.loads(line)
    if found.get("type") != SigningKeyAnnounced.TOPIC:
        return None
    return str(Verifier(found["log"], bytes.fromhex(found["data"]["public_key"])))


@dataclass(frozen=True)
class _Rotation:
    """One step of a rotation, in every log of the installation: they are all signed with the same key."""

    wiring: Wiring
    present: bytes
    former: bytes

    async def announce(self) -> dict[str, int]:
        """Have the new key announced in every log; gives the positions."""
        values = {"public_key": _public(self.present), "former_public_key": _public(self.former)}
        return await self._ask(AnnounceSigningKey, values)

    async def end(self) -> dict[str, int]:
        """Have the former key ended in every log; gives the positions."""
        return await self._ask(EndSigningKey, {"public_key": _public(self.former)})

    async def _ask(self, command: type[Command], values: Mapping[str, Any]) -> dict[str, int]:
        positions = {}
        for institution in await self.wiring.parts.clock.institutions():
            door = self.wiring.parts.door
            receipt = await door.ask(
                Ask(
                    caller=_service(institution),
                    command=command,
                    values=values,
                    subject=tag(InstitutionId, institution.institution_id),
                    # The same step, taken again after it broke off, is the same request.
                    command_id=door.command_id(institution, command.__name__, values["public_key"]),
                )
            )
            if not isinstance(receipt, Receipt):
                raise TypeError("a rotation is never a dry run")
            positions[institution.institution_id] = receipt.version
        return positions

    async def until_signed(self, positions: Mapping[str, int], by: bytes) -> None:
        """Wait until a checkpoint that a key has signed covers each of these positions."""
        checkpoints = Checkpoints(self.wiring.parts.pool, self.wiring.parts.stores)
        deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        for institution in await self.wiring.parts.clock.institutions():
            verifier, wanted = _verifier(institution.institution_id, by), positions[institution.institution_id]
            while not _covers(await checkpoints.newest(institution.log_id), wanted, verifier):
                if asyncio.get_running_loop().time() > deadline:
                    raise Stop(
                        f"Within {_PATIENCE_SECONDS:g} s nothing was signed with {verifier}; does the signer run, with"
                        " this folder? Then ask again: nothing is lost. 签名进程尚未签名;待其运行后重试即可。",
                        UNREACHABLE,
                    )
                await asyncio.sleep(_LOOK_SECONDS)


def _service(institution: Institution) -> Caller:
    person_id = service_id(institution.institution_id, "schedule")
    return Caller(log_id=institution.log_id, person_id=person_id, kind="schedule")


def _verifier(origin: str, key: bytes) -> Verifier:
    return signer_of(origin, key).verifier


def _public(key: bytes) -> str:
    return _verifier("any", key).public.hex()


def _covers(newest: Sequence[Signed], position: int, verifier: Verifier) -> bool:
    """Whether the newest checkpoint reaches a position and bears the signature of a key."""
    if not newest or newest[0].size < position:
        return False
    try:
        opened_note(newest[0].note, [verifier])
    except NoteRefused:
        return False
    return True


@click.command("rotate-key")
@click.option("--end", is_flag=True, help="End the former key, once both have signed for a while. · 终止旧公钥。")
@as_json
def rotate_key(*, end: bool, as_json: bool) -> None:
    """Give the signer a new key, announced under its present one; later, with --end, end the former. · 更换签名密钥。

    Run it where the signer's folder lies, while the product runs. A step that broke off is simply asked for again.
    """
    settings = load()
    folder = settings.signer_dir
    try:
        keys = read_key_file(folder / KEY_FILE)
    except KeyFileRefused as refused:
        raise Stop(str(refused)) from None
    if end is not bool(keys.former):
        raise Stop(_NONE_TO_END if end else _TWO_SIGN)
    with database(settings) as urls:

        async def work() -> tuple[dict[str, int], dict[str, str]]:
            async with opened(settings, urls) as wiring:
                positions = await (_ended(wiring, folder, keys) if end else _begun(wiring, folder, keys))
                present = read_key_file(folder / KEY_FILE).present
                return positions, {origin: str(_verifier(origin, present)) for origin in positions}

        positions, vkeys = run(work())
    told = "ended at position" if end else "announced at position"
    zh = "旧公钥终止于位置" if end else "新公钥公告于位置"
    lines = [
        f"{origin}  {told} {position} · {zh} {position}\n  {vkeys[origin]}" for origin, position in positions.items()
    ]
    answer({"ended" if end else "announced": positions, "vkeys": vkeys}, lines, as_json=as_json)


async def _begun(wiring: Wiring, folder: Path, keys: MasterKeys) -> dict[str, int]:
    """Announce a new key, and let it sign once the present one has signed that."""
    fresh = ensure_key_file(folder / NEXT_KEY_FILE).present
    if fresh == keys.present:
        # An earlier rotation died just after its key had begun to sign.
        (folder / NEXT_KEY_FILE).unlink()
        fresh = ensure_key_file(folder / NEXT_KEY_FILE).present
    rotation = _Rotation(wiring, fresh, keys.present)
    positions = await rotation.announce()
    await rotation.until_signed(positions, by=keys.present)
    replace_key_file(folder / KEY_FILE, MasterKeys(fresh, (keys.present,)))
    (folder / NEXT_KEY_FILE).unlink()
    return positions


async def _ended(wiring: Wiring, folder: Path, keys: MasterKeys) -> dict[str, int]:
    """End the former key, and take it away once both have signed that."""
    former, *older = keys.former
    rotation = _Rotation(wiring, keys.present, former)
    # A log that was opened meanwhile has nothing announced yet; both keys sign it.
    await rotation.announce()
    positions = await rotation.end()
    for key in (former, keys.present):
        await rotation.until_signed(positions, by=key)
    replace_key_file(folder / KEY_FILE, MasterKeys(keys.present, tuple(older)))
    return positions
