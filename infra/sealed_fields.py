"""What a command asks for that must not stand in the clear: sealed before it decides, and what it is handed instead.

The kind of a field says what is done with it. Texts become a document, details and marks an envelope of the vault, an
identity an envelope and a code. The command learns a commitment or an id, and as much of the content as it must judge;
its events carry the commitment or the id alone. In the hash of the request, too, these stand for what was sealed.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from domain.ids import DocumentId, PersonId
from domain.kernel import Command, SealedAnswers, SealedDetails, SealedIdentity, SealedSheet, asked_fields
from infra.asking import Ask
from infra.codes import Codes, seat_of
from infra.documents import Documents
from infra.staging import Attempt
from infra.vault import Vault, prepare

__all__ = ["IDENTITY", "SHEET", "Sealed", "Sealer", "as_hashed", "matter_of", "sealed_fields"]

Sealed = SealedAnswers | SealedDetails | SealedIdentity | SealedSheet
IDENTITY: Final = "identity"
SHEET: Final = "sheet"
"""Kinds of envelopes: who holds a code, and what was marked from a seat."""
_NOTHING: Final = "0" * 64
"""What a dry run, which seals nothing, has for an id or a commitment."""


@functools.cache
def sealed_fields(command: type[Command]) -> Mapping[str, type[Sealed]]:
    """The fields of a command that are sealed, with their kinds."""
    hints = typing.get_type_hints(command)
    return {f.name: hints[f.name] for f in asked_fields(command) if hints[f.name] in typing.get_args(Sealed)}


def as_hashed(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a request as its hash is taken: a commitment in place of what it commits to.

    A hash that stands in the record must not let anybody who guesses a person, or marks, find the guess confirmed.
    """
    return {
        name: value.commitment if isinstance(value, SealedIdentity | SealedSheet) else value
        for name, value in values.items()
    }


def matter_of(ask: Ask) -> str | None:
    """The matter in which a command is asked under a code, or None where it is asked as oneself."""
    names = ask.command.CODED
    return "/".join(str(ask.values[name]) for name in names) if names else None


def _given(ask: Ask) -> tuple[str, str]:
    """The matter in which a command gives a code, and the code."""
    *matter, code = (str(ask.values[name]) for name in ask.command.GIVES_CODE)
    return "/".join(matter), code


@dataclass(frozen=True, kw_only=True)
class Sealer:
    """Seals the fields of a request."""

    vault: Vault
    documents: Documents
    codes: Codes

    async def seal(self, ask: Ask, attempt: Attempt, name: str, code: str | None) -> Sealed:
        """Seal one field under its subject's key; ``code`` is what the caller acts under, where that is a code."""
        kind, value, subject = sealed_fields(ask.command)[name], ask.values[name], _subject(ask, code)
        match kind:
            case _ if kind is SealedIdentity:
                return await self._identity(ask, attempt, subject, value)
            case _ if kind is SealedSheet:
                commitment = await self._envelope(attempt, subject, SHEET, value)
                return SealedSheet(commitment=commitment, marks=value)
            case _ if kind is SealedDetails:
                commitment = await self._envelope(attempt, subject, name, value)
                return SealedDetails(commitment=commitment, fields=frozenset(value))
        plaintext = msgspec.json.encode(value, order="sorted")
        received = await self.documents.receive_bytes(attempt, subject, name, plaintext, media_type="application/json")
        return _answers(received.document_id, value)

    async def stand_in(self, ask: Ask, name: str) -> Sealed:
        """What a dry run is decided on: nothing is sealed."""
        kind, value = sealed_fields(ask.command)[name], ask.values[name]
        match kind:
            case _ if kind is SealedIdentity:
                held = await self.codes.find(ask.caller.log_id, _given(ask)[0], value)
                return SealedIdentity(_NOTHING, PersonId(value), coded_before=held is not None)
            case _ if kind is SealedSheet:
                return SealedSheet(commitment=_NOTHING, marks=value)
            case _ if kind is SealedDetails:
                return SealedDetails(commitment=_NOTHING, fields=frozenset(value))
        return _answers(_NOTHING, value)

    async def _identity(self, ask: Ask, attempt: Attempt, subject: str, person_id: str) -> SealedIdentity:
        commitment = await self._envelope(attempt, subject, IDENTITY, {"person_id": person_id})
        given = await self.codes.give(attempt, *_given(ask), person_id, commitment)
        return SealedIdentity(commitment, PersonId(person_id), coded_before=not given)

    async def _envelope(self, attempt: Attempt, subject: str, kind: str, value: object) -> str:
        prepared = prepare(attempt.log_id, subject, kind, msgspec.json.encode(value, order="sorted"))
        (sealed,) = await self.vault.stage(attempt, prepared)
        return sealed.commitment


def _answers(document_id: str, texts: Mapping[str, str]) -> SealedAnswers:
    characters = {code: len(text) for code, text in texts.items()}
    return SealedAnswers(document_id=DocumentId(document_id), characters=characters)


def _subject(ask: Ask, code: str | None) -> str:
    """Under whose key a request is sealed: that of the seat it comes from or gives, else of whom it is about."""
    matter = matter_of(ask)
    if matter is not None and code is not None:
        return seat_of(matter, code)
    if ask.command.GIVES_CODE:
        return seat_of(*_given(ask))
    subject = ask.sealed_under or ask.subject
    if not subject:
        raise ValueError(f"{ask.command.__name__} seals texts, so its request names whose they are")
    return subject
