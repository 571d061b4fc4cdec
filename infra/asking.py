"""The words of the front door: who asks for what, what is answered, how it says no, and what it asks of the law."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec

from domain.kernel import ActorKind, Command, Denied, Event, Invalid, Recorded, Refusal, Selector, Unknown
from infra.clock import Institution
from infra.staging import Attempt

__all__ = [
    "SCOPES",
    "Act",
    "Ask",
    "BoundaryTooWide",
    "Caller",
    "CodeMissing",
    "DelegationMissing",
    "EffectiveBeforeCase",
    "EffectiveInFuture",
    "Law",
    "NotAuthenticated",
    "NotBackdatable",
    "NothingDecided",
    "OtherRequest",
    "Preview",
    "Raced",
    "Reason",
    "ReasonDocumentMissing",
    "ReasonDocumentNamesPerson",
    "ReasonDocumentUnknown",
    "Receipt",
    "RecordedRef",
    "ScopeMissing",
    "VersionAhead",
    "VersionPassed",
]


class NotAuthenticated(Exception):
    """The token is unknown, expired or revoked."""


class Raced(Exception):
    """The command lost its race against others again and again; it may be sent again as it is."""


class OtherRequest(Exception):
    """The idempotency key was used before, by this actor, for another request."""


class VersionPassed(Exception):
    """The resource is newer than the version the caller had read; ``missed`` are the positions since."""

    def __init__(self, missed: tuple[int, ...]) -> None:
        super().__init__(f"missed {list(missed)}")
        self.missed = missed


SCOPES: Final[dict[str, tuple[str, str]]] = {
    "read": ("Read what the holder's offices open", "读取持有人职务可见的内容"),
    "act": ("Ask for what the holder's offices permit", "提出持有人职务允许的命令"),
    "backdate": ("Record with an earlier effective day", "以更早的生效日记录"),
    "clock": ("Move a simulated clock", "拨动模拟时钟"),
}
"""What a token may open, and how that is told."""


class VersionAhead(Refusal):
    """The version given in If-Match, {given}, was never reached: the newest position is {head}.
    zh: If-Match 所给版本 {given} 从未达到:最新位置为 {head}。
    title: The version given was never reached · 所给版本从未达到
    """


class NotBackdatable(Refusal):
    """{command} takes no earlier effective day.
    zh: {command}不接受更早的生效日。
    title: It takes no earlier effective day · 不接受更早的生效日
    """


class ReasonDocumentMissing(Invalid):
    """An earlier effective day needs a reason with a document.
    zh: 更早的生效日须附事由及其文件。
    """


class ReasonDocumentNamesPerson(Invalid):
    """What is asked under a code takes a reason without a document: who deposited that is on record.
    zh: 以代码提出者,事由不得附文件:文件存入人记录在案。
    title: The reason takes no document here · 此处事由不得附文件
    """


class CodeMissing(Denied):
    """{command} is asked under a code, and the caller has none here.
    zh: {command}须以代码提出,而调用者在此没有代码。
    title: The caller has no code here · 调用者在此没有代码
    """


class BoundaryTooWide(Refusal):
    """{command} would have to know more than {at_most} events at once.
    zh: {command}须一次读取的事件超过 {at_most} 条。
    title: More would have to be read at once than may be · 须一次读取的事件过多
    """


class ReasonDocumentUnknown(Unknown):
    """The document of the reason, {document_id}, is not on record.
    zh: 没有事由文件 {document_id} 的记录。
    title: The document of the reason is not on record · 没有该事由文件的记录
    """


class EffectiveInFuture(Refusal):
    """The effective day {effective_on} lies after the institution's day {today}.
    zh: 生效日 {effective_on} 晚于机构当日 {today}。
    title: The effective day lies in the future · 生效日尚未到来
    """


class EffectiveBeforeCase(Refusal):
    """The effective day {effective_on} lies before the first fact of its subject, {first_day}.
    zh: 生效日 {effective_on} 早于其对象的首个事实 {first_day}。
    title: The effective day lies before its subject began · 生效日早于其对象的首个事实
    """


class ScopeMissing(Denied):
    """The token lacks the scope: {scope}.
    zh: 令牌缺少此项范围:{scope}。
    title: The token lacks a scope · 令牌缺少所需范围
    """


class DelegationMissing(Denied):
    """No recorded delegation lets the caller act on behalf of another.
    zh: 没有记录在案的委托允许代行。
    """


class NothingDecided(Refusal):
    """{command} would change nothing.
    zh: {command}不会带来任何变化。
    title: It would change nothing · 不会带来任何变化
    """


class Reason(msgspec.Struct, frozen=True):
    """Why: a code, and a document where there is one."""

    code: str
    document_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks. A person comes with a token; services of the product come without one.

    Who comes with a token bound to an audit engagement acts and reads by that alone, whatever offices they hold.
    """

    log_id: int
    person_id: str
    kind: ActorKind = "person"
    scopes: frozenset[str] = frozenset()
    token_id: UUID | None = None
    token_hash: bytes | None = None
    engagement_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request for one command, as it came in.

    ``values`` are the asked fields, decoded; texts to be sealed still in clear. ``subject`` is the tag of the resource
    whose version ``if_match`` names. ``command_id`` is given by schedules and automations, whose due key stands for the
    idempotency key; ``effective_at`` likewise is the due instant. ``attempt`` carries documents that were received
    for this command; ``sealed_under`` names whose key seals its texts, by default the subject's. ``founding`` is the
    institution that the one command on an empty log is to open.
    """

    caller: Caller
    command: type[Command]
    values: Mapping[str, Any]
    idempotency_key: str = ""
    subject: str | None = None
    if_match: int | None = None
    effective_on: date | None = None
    on_behalf_of: str | None = None
    reason: Reason | None = None
    dry_run: bool = False
    correlation_id: UUID | None = None
    cause: int | None = None
    command_id: UUID | None = None
    effective_at: datetime | None = None
    attempt: Attempt | None = None
    sealed_under: str | None = None
    founding: Institution | None = None


class RecordedRef(msgspec.Struct, frozen=True):
    """One event of a receipt."""

    position: int
    type: str
    recorded_at: datetime


class Receipt(msgspec.Struct, frozen=True):
    """What was recorded; ``version`` is the position that the resource now stands at."""

    command_id: UUID
    events: tuple[RecordedRef, ...]
    version: int


class Preview(msgspec.Struct, frozen=True):
    """What would be recorded: nothing was."""

    command_id: UUID
    events: tuple[tuple[str, Event], ...]


class Act(Protocol):
    """What the law asks of a command at the door."""

    @property
    def backdatable(self) -> bool:
        """Whether it takes an earlier effective day."""


class Law(Protocol):
    """The permission table, as the composition root hands it in: a module of the domain."""

    def standing(self, person_id: str) -> Selector:
        """Which past says what offices a person holds."""

    def is_standing(self, event: Event, person_id: str) -> bool:
        """Whether an event belongs to that past."""

    def appointments_of(self, past: Iterable[Recorded]) -> Any:  # noqa: ANN401 - Only the law reads them.
        """The offices that a past speaks of."""

    def authorise(self, command: Command, appointments: Any, today: date) -> str:  # noqa: ANN401 - See above.
        """The authority a command is given under: an appointment. Raises Denied, or a refusal of its state."""

    def units_of(self, appointments: Any, today: date) -> frozenset[str]:  # noqa: ANN401 - See above.
        """The units at which any of these offices is held today."""

    def require_reason(self, command: type[Command], reason_code: str | None) -> None:
        """Raises an Invalid where a command needs a reason and has none."""

    def act_of(self, command: type[Command]) -> Act:
        """What is asked of a command at the door."""
