"""What follows by itself from what has happened: the whole list on one page.

A row of ``AUTOMATIONS`` is a sentence, ``when_x_do_y``: the event it starts from, and one of three things that follow.

- ``Asks`` for a command at the front door, under the service identity ``automation``. It happens once, by its command
  id; it names the event as its cause and takes effect when the event did, however late the worker comes to it.
- ``Does`` something to our own tables. It is marked done in the same transaction, so it happens once.
- ``Sends`` something to others, at least once, under one idempotency key. A simulated institution sends nothing: what
  it would have sent is noted.

Where one event leads to several acts, ``each`` names the events that it is done for, one by one.

All of these are functions of what is recorded: asked again, they answer the same. They may raise a refusal, which is an
answer; whatever else they raise is a breakdown and is tried again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.kernel import Command, Event, Recorded
from infra.assembly import Assembly
from infra.clock import Institution
from infra.record import Item

if TYPE_CHECKING:
    from infra.subscription import Connection

__all__ = ["AUTOMATIONS", "Asked", "Asks", "Automation", "Does", "Each", "Sends", "Started"]


@dataclass(frozen=True, slots=True)
class Started:
    """One act: where, the event it starts from, the event it is done for, and the key it is known by, for ever."""

    institution: Institution
    recorded: Recorded
    about: Recorded
    key: UUID


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command is asked with: its fields, and the tag of what it is about."""

    values: Mapping[str, Any]
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Asks:
    """A command is asked for; ``asked`` says with what, and may look it up."""

    command: type[Command]
    asked: Callable[[Started, Assembly], Awaitable[Asked]]


@dataclass(frozen=True, slots=True)
class Does:
    """Something is done to our own tables, on a connection whose transaction also marks it done."""

    effect: Callable[[Started, Connection], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Sends:
    """Something is sent to others, who tell a repetition by the key."""

    send: Callable[[Started], Awaitable[None]]


def _every_one(_recorded: Recorded, past: Sequence[Recorded]) -> Iterable[Recorded]:
    return past


@dataclass(frozen=True, kw_only=True)
class Each:
    """The earlier events that something is done for, one by one: ``chosen`` among the past that the event names."""

    past: Callable[[Recorded], Sequence[Item]]
    chosen: Callable[[Recorded, Sequence[Recorded]], Iterable[Recorded]] = field(default=_every_one)


@dataclass(frozen=True, kw_only=True)
class Automation:
    """When this event, then that."""

    name: str
    en: str
    zh: str
    when: type[Event]
    then: Asks | Does | Sends
    each: Each | None = None


AUTOMATIONS: tuple[Automation, ...] = ()
