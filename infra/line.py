"""The canonical line of an event, its leaf, and the root over all of them; the standard library alone.

A line is the JSON of a whole row: keys sorted, no insignificant space, times in RFC 3339 UTC with microseconds, binary
as base64, and ``data`` as the very bytes that were stored. A leaf is SHA-256(0x00 ‖ line), the tree is RFC 6962's.
Positions are dense, so the leaf of position n has index n − 1. An export is these lines, each ended by a line feed.
"""

from __future__ import annotations

import binascii
import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from json.encoder import encode_basestring
from operator import itemgetter
from typing import Any, Final, NamedTuple, NoReturn, Protocol

__all__ = ["KEYS", "Checked", "Root", "Row", "Wrong", "check", "instant", "leaf", "line", "root_of"]

VERSION: Final = 1
KEYS: Final = (
    "actor_id", "actor_kind", "authority", "cause", "command_id", "correlation_id", "data", "documents", "effective_at",
    "event_id", "line_version", "log", "nonce", "on_behalf_of_id", "position", "reason_code", "reason_document_id",
    "received_at", "recorded_at", "tags", "type",
)  # fmt: skip
_LARGEST: Final = 2**53 - 1
_DIGITS: Final = 17
_OF_ROW: Final = itemgetter(*(key for key in KEYS if key != "log"))
_ENDLESS: Final = {"infinity": datetime.max.replace(tzinfo=UTC), "-infinity": datetime.min.replace(tzinfo=UTC)}
_PADDING: Final = {len("2020-05-09 08:36:00+00"): ".000000"} | {
    len("2020-05-09 08:36:00.1+00") + digits: "0" * (5 - digits) for digits in range(6)
}
"""What PostgreSQL leaves out of a time in UTC, by the length of what it writes: its zeros at the end."""


class Row(Protocol):
    """A row of the record, its columns by name."""

    def __getitem__(self, column: str, /) -> Any:  # noqa: ANN401 - Columns are of many types.
        """Return a column."""


# --- writing ---------------------------------------------------------------------------------------------------------


def line(log: str, row: Row) -> bytes:
    """Return the canonical line of a row of the log of this origin, without a line feed.

    Its times are instants, or what PostgreSQL writes for them where the time zone of the session is UTC.
    """
    (
        actor_id, actor_kind, authority, cause, command_id, correlation_id, data, documents, effective_at, event_id,
        line_version, nonce, on_behalf_of_id, position, reason_code, reason_document_id, received_at, recorded_at, tags,
        kind,
    ) = _OF_ROW(row)  # fmt: skip
    head = (
        f'{{"actor_id":{encode_basestring(actor_id)},"actor_kind":{encode_basestring(actor_kind)},'
        f'"authority":{encode_basestring(authority)},"cause":{"null" if cause is None else cause},'
        f'"command_id":"{command_id}","correlation_id":"{correlation_id}","data":'
    )
    tail = (
        f',"documents":{_texts(documents)},"effective_at":{_time(effective_at)},"event_id":"{event_id}",'
        f'"line_version":{line_version},"log":{encode_basestring(log)},'
        f'"nonce":"{binascii.b2a_base64(nonce, newline=False).decode()}","on_behalf_of_id":{_text(on_behalf_of_id)},'
        f'"position":{position},"reason_code":{_text(reason_code)},"reason_document_id":{_text(reason_document_id)},'
        f'"received_at":{_time(received_at)},"recorded_at":{_time(recorded_at)},"tags":{_texts(tags)},'
        f'"type":{encode_basestring(kind)}}}'
    )
    return head.encode() + bytes(data) + tail.encode()


def instant(text: str) -> datetime:
    """Return the instant that PostgreSQL writes so, of what has no end the end of the calendar. Raises ValueError."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        if text in _ENDLESS:
            return _ENDLESS[text]
        raise


def _text(value: str | None) -> str:
    return "null" if value is None else encode_basestring(value)


def _texts(values: Sequence[str]) -> str:
    return "[" + ",".join(map(encode_basestring, values)) + "]"


def _time(value: datetime | str) -> str:
    if isinstance(value, str):
        padding = _PADDING.get(len(value))
        if padding is not None and value[10] == " " and value.endswith("+00"):
            return f'"{value[:10]}T{value[11:-3]}{padding}Z"'
        value = instant(value)
    text = value.astimezone(UTC).isoformat(timespec="microseconds")
    return f'"{text[:-6]}Z"'


# --- hashing ---------------------------------------------------------------------------------------------------------


def leaf(canonical: bytes) -> bytes:
    """Return the leaf hash of a line."""
    return hashlib.sha256(b"\x00" + canonical).digest()


class Root:
    """The RFC 6962 root of leaves that come one by one, in memory that grows with the logarithm of their number."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []  # Roots of the full subtrees, the largest first: one per bit of the size.

    def add(self, leaf_hash: bytes) -> None:
        """Take in the next leaf."""
        joined, size = leaf_hash, self.size
        while size & 1:
            joined = _node(self._peaks.pop(), joined)
            size >>= 1
        self._peaks.append(joined)
        self.size += 1

    def digest(self) -> bytes:
        """Return the root over everything taken in so far."""
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        joined = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            joined = _node(peak, joined)
        return joined


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(lines: Iterable[bytes]) -> Root:
    """Return the root over lines."""
    root = Root()
    for canonical in lines:
        root.add(leaf(canonical))
    return root


# --- checking --------------------------------------------------------------------------------------------------------


@dataclass
class Checked:
    """What an export was found to be: its log, size, root and every fault, by line number."""

    log: str | None = None
    root: Root = field(default_factory=Root)
    findings: list[str] = field(default_factory=list)


class Wrong(NamedTuple):
    """What is wrong with a line, in both languages."""

    en: str
    zh: str


def _nothing(_: Mapping[str, Any]) -> Iterable[Wrong]:
    return ()


def check(export: Iterable[bytes], also: Callable[[Mapping[str, Any]], Iterable[Wrong]] = _nothing) -> Checked:
    """Check an export line by line (an open binary file will do) and recompute its root. It never stops at a fault.

    ``also`` is shown every line that is one, in order, and names what it finds wrong with what the lines say.
    """
    checked = Checked()
    seen = _Seen()
    for number, raw in enumerate(export, 1):
        canonical = raw.removesuffix(b"\n")
        checked.root.add(leaf(canonical))
        seen.wanted += 1
        if canonical is raw:
            checked.findings.append(_finding(number, Wrong("is cut off, it has no line feed", "被截断,缺少换行符")))
        try:
            body = _parse(canonical)
        except _Fault as fault:
            checked.findings.append(_finding(number, fault.wrong))
            continue
        if checked.log is None:
            checked.log = body["log"]
        checked.findings.extend(_finding(number, wrong) for wrong in seen.faults(checked.log, body))
        checked.findings.extend(_finding(number, wrong) for wrong in also(body))
    if not checked.root.size:
        checked.findings.append(
            "there is no line; a log begins with the opening of its institution · 文件无任何行;日志以机构开立为首行"
        )
    return checked


def _finding(number: int, wrong: Wrong) -> str:
    return f"line {number}: {wrong.en} · 第 {number} 行:{wrong.zh}"


class _Fault(Exception):
    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.wrong = Wrong(en, zh)


def _refuse(text: str) -> NoReturn:
    raise _Fault(f"{text[:20]} is no whole number below 2^53", f"{text[:20]} 不是小于 2^53 的整数")


def _integer(text: str) -> int:
    if len(text) > _DIGITS or abs(int(text)) > _LARGEST:
        _refuse(text)
    return int(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Fault("a key stands twice", "键重复")
    return found


def _parse(canonical: bytes) -> dict[str, Any]:
    try:
        body = json.loads(
            canonical.decode(), object_pairs_hook=_once, parse_int=_integer, parse_float=_refuse, parse_constant=_refuse
        )
        again = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    except ValueError as error:
        raise _Fault(f"is no JSON ({error})", f"不是 JSON({error})") from error
    except RecursionError as error:
        raise _Fault("is no JSON (nested too deeply)", "不是 JSON(嵌套过深)") from error
    if again != canonical or not isinstance(body, dict):
        raise _Fault("is not in canonical form", "不是规范形式")
    if not canonical.isascii() and not unicodedata.is_normalized("NFC", canonical.decode()):
        raise _Fault("has text outside normal form C", "含有非 NFC 规范化的文字")
    if tuple(body) != KEYS:
        others = sorted(set(body) ^ set(KEYS))
        raise _Fault(f"has other keys than a line of version {VERSION}: {others}", f"键与第 {VERSION} 版不符:{others}")
    wrong = [key for key, fits in _SHAPES.items() if not fits(body[key])]
    if wrong:
        named = ", ".join(wrong)
        raise _Fault(f"{named} not in the form of version {VERSION}", f"{named} 不符合第 {VERSION} 版的形式")
    return body


_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_NONCE = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_text_or_none(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_uuid(value: object) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _is_time(value: object) -> bool:
    return isinstance(value, str) and _TIME.fullmatch(value) is not None


def _is_position(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_sorted_set(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value)) and value == sorted(set(value))


_SHAPES: Final = {
    **dict.fromkeys(("actor_id", "actor_kind", "authority", "log", "type"), _is_text),
    **dict.fromkeys(("on_behalf_of_id", "reason_code", "reason_document_id"), _is_text_or_none),
    **dict.fromkeys(("command_id", "correlation_id", "event_id"), _is_uuid),
    **dict.fromkeys(("effective_at", "received_at", "recorded_at"), _is_time),
    **dict.fromkeys(("documents", "tags"), _is_sorted_set),
    "cause": lambda value: value is None or _is_position(value),
    "data": lambda value: isinstance(value, dict),
    "line_version": lambda value: value is not True and value == VERSION,
    "nonce": lambda value: _is_text(value) and _NONCE.fullmatch(value) is not None,
    "position": _is_position,
}


class _Seen:
    """What the lines before have shown, as far as later ones must agree with it."""

    def __init__(self) -> None:
        self._ids: set[bytes] = set()
        self._commands: set[bytes] = set()
        self._command = b""
        self._recorded_at = ""
        self.wanted = 0
        """The position that belongs here: of a gap only its end is told, not every line behind it."""

    def faults(self, log: str | None, body: dict[str, Any]) -> Iterator[Wrong]:
        position = body["position"]
        if body["log"] != log:
            yield Wrong(f"belongs to another log ({body['log']})", f"属于另一日志({body['log']})")
        if position != self.wanted:
            yield Wrong(f"position {position} where {self.wanted} belongs", f"位置为 {position},此处应为 {self.wanted}")
        self.wanted = position
        if body["cause"] is not None and body["cause"] >= position:
            yield Wrong(f"position {position} names a cause that comes after it", f"位置 {position} 所载原因在其之后")
        event_id = bytes.fromhex(body["event_id"].replace("-", ""))
        if event_id in self._ids:
            again = body["event_id"]
            yield Wrong(f"position {position} repeats the event id {again}", f"位置 {position} 重复事件编号 {again}")
        self._ids.add(event_id)
        command = bytes.fromhex(body["command_id"].replace("-", ""))
        if command != self._command and command in self._commands:
            over = body["command_id"]
            yield Wrong(
                f"position {position} belongs to command {over}, which was over",
                f"位置 {position} 属于命令 {over},而该命令此前已结束",
            )
        self._command = command
        self._commands.add(command)
        # All times have one form, so their order is that of their characters.
        if body["recorded_at"] <= self._recorded_at:
            yield Wrong(
                f"position {position} was recorded no later than the one before",
                f"位置 {position} 的记录时间不晚于前一位置",
            )
        self._recorded_at = body["recorded_at"]
