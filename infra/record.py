"""The words of the log: what is asked of it, what it answers, and what may be written at all."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn
from uuid import UUID

import msgspec

from domain.kernel import Envelope, Event, Recorded, encode, tags_of

if TYPE_CHECKING:
    from infra.overlay import Overlay

__all__ = [
    "Accepted",
    "Check",
    "Conflict",
    "Fact",
    "Item",
    "KeyReused",
    "Known",
    "Outcome",
    "Overloaded",
    "Page",
    "Proposal",
    "Receipt",
    "Repeated",
    "Stale",
    "Unwritable",
    "event_id",
    "matches",
    "refuse_unwritable",
]

SEPARATOR: Final = "\x1f"
LARGEST_INTEGER: Final = 2**53 - 1
_DIGITS: Final = 17  # Of the largest integer, with its sign.


class Item(msgspec.Struct, frozen=True):
    """One line of a query: events of any of these types that carry all of these tags; an empty side is open.

    Where several tags are named, the first one is searched and the others are compared, so the rarest stands first.
    """

    types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def matches(item: Item, kind: str, tags: Collection[str]) -> bool:
    """Whether an event of this type and these tags is meant by a query item."""
    return (not item.types or kind in item.types) and all(tag in tags for tag in item.tags)


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """An event to be recorded: its stored name, sorted tags, exact bytes and the digests of documents it speaks of."""

    type: str
    data: bytes
    tags: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    body: Event | None = None

    @classmethod
    def of(cls, body: Event, documents: Iterable[str] = ()) -> Fact:
        """Turn a decided event into what is stored; its tags follow from its ids."""
        return cls(
            type=type(body).TOPIC,
            data=encode(body),
            tags=tuple(tags_of(body)),
            documents=tuple(sorted(set(documents))),
            body=body,
        )


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """One command's events and the condition under which they may be written, all or none.

    ``items`` and ``after`` are the condition: no event that any item means may stand after that position; no items,
    no condition. ``seen`` is the overlay the command was decided on, if it was; it stands for ``after``. ``if_match``
    is the caller's own: no event with that tag after that position. ``receipt`` is handed back to a repetition.
    """

    request_hash: bytes
    facts: tuple[Fact, ...]
    envelope: Envelope
    items: tuple[Item, ...] = ()
    after: int = 0
    seen: Overlay | None = None
    if_match: tuple[str, int] | None = None
    receipt: bytes = b""

    @property
    def command_id(self) -> UUID:
        """Identify the command, for as long as the log lives."""
        return self.envelope.command_id


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Where an accepted command stands in the log; ``recorded_at`` is its first event's."""

    command_id: UUID
    request_hash: bytes
    first_position: int
    last_position: int
    recorded_at: datetime
    receipt: bytes


class Accepted(msgspec.Struct, frozen=True):
    """The command's events are recorded."""

    receipt: Receipt


class Repeated(msgspec.Struct, frozen=True):
    """The same request was accepted before; this is its first receipt."""

    receipt: Receipt


class KeyReused(msgspec.Struct, frozen=True):
    """Another request was accepted under this command id."""

    receipt: Receipt


class Conflict(msgspec.Struct, frozen=True):
    """Something that the command had to know was recorded meanwhile: decide again, on a fresh command."""


class Stale(msgspec.Struct, frozen=True):
    """The resource is newer than the caller's version; up to a hundred missed positions, oldest first."""

    missed: tuple[int, ...]


Outcome = Accepted | Repeated | KeyReused | Conflict | Stale


class Overloaded(Exception):
    """The queue of the log is full; nothing was written and nothing will be."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"The log takes no more commands for now; retry after {retry_after} s.")
        self.retry_after = retry_after


class Unwritable(ValueError):
    """These bytes would not be the same for everyone who reads them, so they are not written."""


class Page(msgspec.Struct, frozen=True):
    """Events in order, and the head of the log in the same snapshot."""

    events: list[Recorded]
    head: int


class Check(msgspec.Struct, frozen=True):
    """A scalar question asked in a decision's snapshot; ``{0}``, ``{1}`` … in the SQL stand for its arguments."""

    sql: str
    arguments: tuple[Any, ...] = ()


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What one statement told a decision: events, head, the command's earlier receipt, answers to extra questions."""

    events: list[Recorded]
    head: int
    receipt: Receipt | None = None
    answers: tuple[Any, ...] = ()


def event_id(command_id: UUID, index: int) -> UUID:
    """Name the n-th event of a command: uuid5, so that a resent command makes the same events."""
    return UUID(bytes=hashlib.sha1(command_id.bytes + b"%d" % index, usedforsecurity=False).digest()[:16], version=5)


# A number that is a float or may be too large, anywhere a number may stand; inside a string it is a false alarm.
_SUSPICIOUS = re.compile(rb"[:\[,]-?\d+(?:[.eE]|\d{15})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def refuse_unwritable(fact: Fact) -> None:
    """Refuse an event whose bytes are not canonical JSON of the restricted profile, before anything is written.

    The profile: one object, keys sorted, no insignificant space, no floats, integers below 2^53, text in NFC without
    lone surrogates. What a struct encodes is sorted and compact already; foreign bytes are encoded anew and compared.
    """
    data = fact.data
    if fact.body is None or _SUSPICIOUS.search(data):
        _refuse_uncanonical(data)
    if not data.isascii() and not unicodedata.is_normalized("NFC", data.decode("utf-8")):
        raise Unwritable(f"{fact.type}: text must be in Unicode normal form C.")
    if not fact.type or _CONTROL.search(fact.type):
        raise Unwritable("An event needs a stored name.")
    if list(fact.tags) != sorted(set(fact.tags)) or list(fact.documents) != sorted(set(fact.documents)):
        raise Unwritable(f"{fact.type}: tags and digests must be sorted, each once.")
    words = "".join(fact.tags + fact.documents)
    if "" in fact.tags or "" in fact.documents or not _is_plain(words):
        raise Unwritable(f"{fact.type}: a tag or digest must be text in normal form C without control characters.")


def _is_plain(text: str) -> bool:
    if text.isascii():
        return text.isprintable()
    return _CONTROL.search(text) is None and unicodedata.is_normalized("NFC", text) and _is_encodable(text)


def _is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _refuse_uncanonical(data: bytes) -> None:
    def refuse(text: str) -> NoReturn:
        raise Unwritable(f"{text[:20]} is no whole number below 2^53.")

    def whole(text: str) -> int:
        if len(text) > _DIGITS or abs(int(text)) > LARGEST_INTEGER:
            refuse(text)
        return int(text)

    try:
        body = json.loads(data.decode("utf-8"), parse_float=refuse, parse_constant=refuse, parse_int=whole)
        again = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except (UnicodeError, json.JSONDecodeError) as error:
        raise Unwritable(f"Not canonical JSON: {error}") from error
    if not isinstance(body, dict) or again != data:
        raise Unwritable("Not the canonical bytes of one JSON object.")
