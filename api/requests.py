"""What a request carries beside its body: headers and parameters, each read strictly or refused by name.

Nothing is guessed: a parameter that a route does not know is refused, so that a misspelt ``as_of`` never answers "now".
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

import msgspec
from litestar import Litestar

from api.doorstep import Receive, Scope
from api.problems import (
    BODY_LIMIT,
    BodyIncomplete,
    HeaderInvalid,
    HeaderMissing,
    NotLoggedIn,
    ParameterInvalid,
    ParameterUnknown,
    TooLargeHere,
)
from domain.ids import PSEUDONYM, SHA256_HEX
from infra.front_door import Reason

__all__ = [
    "REASON_CODE",
    "TIMES",
    "Headers",
    "Parameters",
    "Request",
    "bearer",
    "effective_on",
    "etag_matches",
    "idempotency_key",
    "if_match",
    "language",
    "on_behalf_of",
    "reason",
    "whole",
]

KEY_RULE: Final = "1 to 200 visible ASCII characters"
_KEY: Final = re.compile(r"[!-~]{1,200}")
_VERSION: Final = re.compile(r'"(?P<quoted>[0-9]{1,15})"|(?P<bare>[0-9]{1,15})')
REASON_CODE: Final = r"[a-z0-9]+(?:[_-][a-z0-9]+)*"
_REASON: Final = re.compile(rf"(?P<code>{REASON_CODE})(?:\s*;\s*document=(?P<document>[0-9a-f]{{64}}))?")
_CODE_LENGTH: Final = 64
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_WHOLE: Final = re.compile(r"\d{1,15}")
_QUALITY: Final = re.compile(r"\s*([A-Za-z*]{1,8})[A-Za-z0-9-]*\s*(?:;\s*q\s*=\s*([01](?:\.\d{1,3})?))?\s*")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in; its body is read when it is asked for, and no further than the route's limit."""

    scope: Scope
    receive: Receive
    limit: int | None = BODY_LIMIT

    @property
    def path_params(self) -> dict[str, str]:
        """What stands in the path, by the names between its braces."""
        found: dict[str, str] = self.scope["path_params"]
        return found

    @property
    def app(self) -> Litestar:
        """The application that was asked."""
        found: Litestar = self.scope["litestar_app"]
        return found

    async def stream(self) -> AsyncIterator[bytes]:
        """The body, piece by piece; raises BodyIncomplete where the caller goes before its end."""
        size, more = 0, True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise BodyIncomplete
            size += len(message["body"])
            if self.limit is not None and size > self.limit:
                raise TooLargeHere(limit=self.limit)
            more = message.get("more_body", False)
            yield message["body"]

    async def body(self) -> bytes:
        """The whole body."""
        return b"".join([piece async for piece in self.stream()])


class Headers:
    """The headers of a request; one that comes twice where it may come once is refused."""

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in raw:
            self._values.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))

    def get(self, name: str) -> str | None:
        """The one value of a header, or None."""
        values = self._values.get(name.lower())
        if values is None:
            return None
        if len(values) > 1:
            raise HeaderInvalid(header=name, rule="at most once")
        return values[0].strip()

    def all(self, name: str) -> str:
        """Every value of a header that may be repeated, joined as HTTP joins them."""
        return ", ".join(self._values.get(name.lower(), ()))


def language(accept: str) -> str:
    """``zh`` or ``en``, whichever the caller likes better; English where neither is named."""
    best, chosen = 0.0, "en"
    for part in accept.split(","):
        match = _QUALITY.fullmatch(part)
        if match and match[1].lower() in {"zh", "en"} and float(match[2] or 1) > best:
            best, chosen = float(match[2] or 1), match[1].lower()
    return chosen


def bearer(headers: Headers) -> str:
    """The token of the caller."""
    scheme, _, secret = (headers.get("Authorization") or "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise NotLoggedIn
    return secret.strip()


def idempotency_key(headers: Headers) -> str:
    """The key under which a request may be sent again and is done once."""
    key = headers.get("Idempotency-Key")
    if key is None:
        raise HeaderMissing(header="Idempotency-Key")
    if not _KEY.fullmatch(key):
        raise HeaderInvalid(header="Idempotency-Key", rule=KEY_RULE)
    return key


def if_match(headers: Headers) -> int | None:
    """The version that the caller has read, as the ETag gave it."""
    text = headers.get("If-Match")
    if text is None:
        return None
    match = _VERSION.fullmatch(text)
    if match is None:
        raise HeaderInvalid(header="If-Match", rule='one version, as in "123"')
    return int(match["quoted"] or match["bare"])


def effective_on(headers: Headers) -> date | None:
    """The earlier day on which what is recorded became true."""
    text = headers.get("Effective-On")
    if text is None:
        return None
    try:
        return _day(text)
    except ValueError:
        raise HeaderInvalid(header="Effective-On", rule="a day, as in 2020-05-09") from None


def on_behalf_of(headers: Headers) -> str | None:
    """The person for whom the caller acts."""
    text = headers.get("On-Behalf-Of")
    if text is not None and not re.fullmatch(PSEUDONYM, text):
        raise HeaderInvalid(header="On-Behalf-Of", rule="the id of a person")
    return text


def reason(headers: Headers) -> Reason | None:
    """Why: a code, and the document that says more."""
    text = headers.get("Reason")
    if text is None:
        return None
    match = _REASON.fullmatch(text)
    if match is None or len(match["code"]) > _CODE_LENGTH:
        raise HeaderInvalid(header="Reason", rule=f"code; document=id, the id like {SHA256_HEX}")
    return Reason(match["code"], match["document"])


def etag_matches(headers: Headers, etag: str) -> bool:
    """Whether the caller has this very answer already (If-None-Match)."""
    offered = [part.strip().removeprefix("W/") for part in headers.all("If-None-Match").split(",")]
    return "*" in offered or etag.removeprefix("W/") in offered


# --- parameters ------------------------------------------------------------------------------------------------------


def whole(name: str, text: str, low: int, high: int) -> int:
    """A whole number within bounds."""
    if not _WHOLE.fullmatch(text) or not text.isascii() or not low <= int(text) <= high:
        raise ParameterInvalid(parameter=name, rule=f"a whole number from {low} to {high}")
    return int(text)


def _day(text: str) -> date:
    if not _DAY.fullmatch(text) or not text.isascii():
        raise ValueError
    day = date.fromisoformat(text)
    if not date.min < day < date.max:
        raise ValueError  # The calendar ends there: such a day has no midnight before or after it.
    return day


TIMES: Final = ("min_position", "at_position", "as_of", "effective_on")
"""Where a read says which moment it means: of all that is not known somewhere, these names alone are said back."""
_UNSAID: Final = "…"


class Parameters:
    """The query of a request: every parameter known, and given once."""

    def __init__(self, query: bytes, known: Collection[str]) -> None:
        self._values: dict[str, str] = {}
        if not query:
            return
        try:
            pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50)
        except (UnicodeError, ValueError):
            raise ParameterInvalid(parameter="query", rule="percent-encoded UTF-8") from None
        for name, value in pairs:
            if name not in known:
                # What was sent is not said back: it may be a name or a text that stands nowhere else.
                said = name if name in TIMES else _UNSAID
                raise ParameterUnknown(parameter=said, known=", ".join(sorted(known)) or "none")
            if name in self._values:
                raise ParameterInvalid(parameter=name, rule="at most once")
            self._values[name] = value

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str | None:
        """A parameter as it was sent."""
        return self._values.get(name)

    def whole(self, name: str, low: int = 0, high: int = 2**53 - 1) -> int | None:
        """A parameter that is a whole number."""
        text = self._values.get(name)
        return None if text is None else whole(name, text, low, high)

    def flag(self, name: str) -> bool:
        """A parameter that is true or false, false where it is not given."""
        text = self._values.get(name, "false")
        if text not in {"true", "false"}:
            raise ParameterInvalid(parameter=name, rule="true or false")
        return text == "true"

    def day(self, name: str) -> date | None:
        """A parameter that is a day."""
        text = self._values.get(name)
        try:
            return None if text is None else _day(text)
        except ValueError:
            raise ParameterInvalid(parameter=name, rule="a day, as in 2020-05-09") from None

    def instant(self, name: str) -> datetime | None:
        """A parameter that is an instant with its offset."""
        text = self._values.get(name)
        if text is None:
            return None
        try:
            # A plus sign that was not percent-encoded arrives as a space; no instant has a space of its own.
            found: datetime = msgspec.convert(text.replace(" ", "+"), Annotated[datetime, msgspec.Meta(tz=True)])
            return found.astimezone(UTC)
        except (msgspec.ValidationError, OverflowError):
            raise ParameterInvalid(parameter=name, rule="an instant with its offset (RFC 3339)") from None

    def typed(self, name: str, kind: Any) -> Any:  # noqa: ANN401 - The type is the route's.
        """A parameter of any plain type of a row: text, number, day, true or false."""
        text = self._values.get(name)
        if text is None:
            return None
        try:
            return msgspec.convert(text, kind, strict=False)
        except msgspec.ValidationError:
            raise ParameterInvalid(parameter=name, rule="a value of the field it filters by") from None
