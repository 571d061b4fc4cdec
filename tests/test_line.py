"""Lines, leaves and roots: golden bytes, an independent tree, and what the check of an export must find."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.event_store import COLUMNS
from infra.line import KEYS, Root, check, leaf, line, root_of

CONTRACTS = Path(__file__).with_name("contracts")
LINES = CONTRACTS / "lines.v1.jsonl"
ROOTS = CONTRACTS / "roots.v1.json"
EMPTY_ROOT = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def row(position: int, **other: Any) -> dict[str, Any]:
    """A row as the database gives it, every column different from every other."""
    return {
        "position": position,
        "event_id": UUID(int=1000 + position),
        "type": "test.noted.v1",
        "tags": ["programme:P-2020", "unit:单位-1"],
        "data": '{"note":"五四红旗\\n\\"团支部\\"","unit_id":"单位-1"}'.encode(),
        "documents": ["ab" * 32],
        "actor_id": "clerk-1",
        "actor_kind": "person",
        "authority": "appointment:1",
        "on_behalf_of_id": None,
        "command_id": UUID(int=5000 + position),
        "cause": None,
        "correlation_id": UUID(int=7000 + position),
        "received_at": datetime(2020, 5, 9, 8, 36, tzinfo=UTC),
        "effective_at": datetime(2020, 5, 9, 8, 36, 0, 1, tzinfo=UTC),
        "recorded_at": datetime(2020, 5, 9, 8, 36, 1, position, tzinfo=UTC),
        "reason_code": None,
        "reason_document_id": None,
        "line_version": 1,
        "nonce": bytes(range(position, position + 16)),
        **other,
    }


def golden_rows() -> list[dict[str, Any]]:
    """The rows behind the golden lines; new ones are added at the end, these never change."""
    return [
        row(1),
        row(2, tags=[], documents=[], data=b"{}"),
        row(3, cause=1, on_behalf_of_id="person-2", reason_code="late_paper", reason_document_id="cd" * 32),
        row(4, data='{"n":9007199254740991,"s":"\\u0001\u2028\U0001f600"}'.encode()),
        row(5, actor_kind="schedule", received_at=datetime(2020, 5, 9, 16, 36, tzinfo=timezone(timedelta(hours=8)))),
    ]


def test_golden_lines_are_these_bytes() -> None:
    assert [line("机构-1", each) + b"\n" for each in golden_rows()] == LINES.read_bytes().splitlines(keepends=True)


def test_golden_roots_of_numbered_leaves_and_of_the_golden_lines() -> None:
    golden = json.loads(ROOTS.read_text())
    root = Root()
    for size in range(131):
        assert root.digest().hex() == golden["numbers"][str(size)]
        root.add(leaf(b"%d" % size))
    assert root_of(line("机构-1", each) for each in golden_rows()).digest().hex() == golden["lines"]


def recursive(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, as it is written there."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + recursive(leaves[:k]) + recursive(leaves[k:])).digest()


def test_roots_of_sizes_0_to_130_are_those_of_the_rfc() -> None:
    leaves = [b"leaf %d" % n for n in range(131)]
    for size in range(131):
        assert root_of(leaves[:size]).digest() == recursive(leaves[:size])
    assert Root().digest().hex() == EMPTY_ROOT


def test_a_line_is_the_canonical_json_of_everything_in_the_row() -> None:
    for each in golden_rows():
        written = line("机构-1", each)
        body = json.loads(written)
        assert json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() == written
        assert tuple(body) == KEYS == tuple(sorted(KEYS))
        assert body["data"] == json.loads(each["data"])
        assert each["data"] in written
        assert base64.b64decode(body["nonce"]) == each["nonce"]


TIMES = ("received_at", "effective_at", "recorded_at")


def spelt_out(log: str, given: dict[str, Any]) -> bytes:
    """The line of a row by the standard library's encoder, value by value."""
    body = {name: str(value) if isinstance(value, UUID) else value for name, value in given.items()}
    body |= {name: given[name].astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z" for name in TIMES}
    body |= {"log": log, "nonce": base64.b64encode(given["nonce"]).decode(), "data": json.loads(given["data"])}
    return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
CLOCKS = st.sampled_from([0, 1, 10, 500_000, 999_999]) | st.integers(0, 999_999)
INSTANTS = st.builds(
    lambda instant, fraction: instant.replace(microsecond=fraction),
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001 - Bounds are bare.
    CLOCKS,
)
ANY_ROW = st.fixed_dictionaries(
    {
        "position": st.integers(1, 2**53 - 1),
        "cause": st.none() | st.integers(1, 2**53 - 1),
        "line_version": st.just(1),
        "nonce": st.binary(min_size=16, max_size=16),
        "data": st.dictionaries(TEXTS, TEXTS | st.integers(-(2**53) + 1, 2**53 - 1), max_size=3).map(
            lambda body: json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
        ),
        **dict.fromkeys(("event_id", "command_id", "correlation_id"), st.uuids()),
        **dict.fromkeys(("type", "actor_id", "actor_kind", "authority"), TEXTS),
        **dict.fromkeys(("on_behalf_of_id", "reason_code", "reason_document_id"), st.none() | TEXTS),
        **dict.fromkeys(("tags", "documents"), st.lists(TEXTS, max_size=3)),
        **dict.fromkeys(TIMES, INSTANTS),
    }
)


@given(TEXTS, ANY_ROW)
def test_a_line_is_what_the_standard_library_spells_out_value_by_value(log: str, given: dict[str, Any]) -> None:
    assert set(given) == set(COLUMNS)
    assert line(log, given) == spelt_out(log, given)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/St_Johns"])
async def test_times_that_come_as_text_make_the_same_line(pool: asyncpg.Pool, zone: str) -> None:
    """Whole and broken seconds with zeros at their end or without, in the session's zone whatever it is."""
    start = datetime(2020, 5, 9, 8, 36, tzinfo=UTC)
    instants = [start + timedelta(microseconds=n) for n in (0, 1, 10, 100, 1_000, 10_000, 100_000, 123_450, 999_999)]
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(f"SET LOCAL TimeZone = '{zone}'")
        texts = await connection.fetchval("SELECT array(SELECT unnest($1::timestamptz[])::text)", instants)
    texts += ["infinity", "-infinity"]
    instants += [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)]
    lines = [line("I", row(1, **dict.fromkeys(TIMES, text))) for text in texts]
    assert lines == [spelt_out("I", row(1, **dict.fromkeys(TIMES, instant))) for instant in instants]


@pytest.mark.parametrize("text", ["10000-01-01 00:00:00+00", "10000-01-01 00:00:00.5+00", "09.05.2020 08:36:00 UTC"])
def test_a_time_that_is_no_instant_of_the_calendar_makes_no_line(text: str) -> None:
    with pytest.raises(ValueError, match="isoformat"):
        line("I", row(1, recorded_at=text))


async def test_every_column_of_the_row_is_in_the_line(pool: asyncpg.Pool) -> None:
    columns = await pool.fetch("SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'event'")
    names = {column["name"] for column in columns}
    assert names - {"log_id"} == set(KEYS) - {"log"}, "a column without a key would escape every later check"
    assert names - {"log_id"} == set(COLUMNS)


CHANGED: dict[str, Any] = {
    "position": 2,
    "event_id": UUID(int=1),
    "type": "test.other.v1",
    "tags": ["unit:U-2"],
    "data": b'{"note":"y"}',
    "documents": [],
    "actor_id": "clerk-2",
    "actor_kind": "import",
    "authority": "appointment:2",
    "on_behalf_of_id": "person-3",
    "command_id": UUID(int=2),
    "cause": 1,
    "correlation_id": UUID(int=3),
    "received_at": datetime(2020, 5, 9, 8, 37, tzinfo=UTC),
    "effective_at": datetime(2020, 5, 9, 8, 37, tzinfo=UTC),
    "recorded_at": datetime(2020, 5, 9, 8, 37, tzinfo=UTC),
    "reason_code": "late_paper",
    "reason_document_id": "ee" * 32,
    "line_version": 2,
    "nonce": bytes(16),
}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_change_of_any_column_changes_the_leaf(column: str) -> None:
    assert leaf(line("I", {**row(1), column: CHANGED[column]})) != leaf(line("I", row(1)))


# --- the check of an export -------------------------------------------------------------------------------------------


def export(rows: list[dict[str, Any]], log: str = "I") -> list[bytes]:
    return [line(log, each) + b"\n" for each in rows]


def test_a_sound_export_has_no_findings() -> None:
    checked = check(LINES.read_bytes().splitlines(keepends=True))
    assert checked.findings == []
    assert (checked.log, checked.root.size) == ("机构-1", 5)
    assert checked.root.digest().hex() == json.loads(ROOTS.read_text())["lines"]


def test_a_gap_is_told_once_and_an_empty_export_is_none() -> None:
    lines = export([row(number) for number in range(1, 8)])
    assert check(lines[:2] + lines[4:]).findings == ["line 3: position 5 where 3 belongs · 第 3 行:位置为 5,此处应为 3"]
    assert check([]).findings == [
        "there is no line; a log begins with the opening of its institution · 文件无任何行;日志以机构开立为首行"
    ]
    assert check([b"[" * 100_000 + b"]" * 100_000 + b"\n"]).findings == [
        "line 1: is no JSON (nested too deeply) · 第 1 行:不是 JSON(嵌套过深)"
    ]


ROWS = [row(1), row(2), row(3)]
DAMAGE: dict[str, tuple[Callable[[], list[bytes]], str]] = {
    "row deleted": (lambda: export([ROWS[0], ROWS[2]]), "line 2: position 3 where 2 belongs"),
    "rows swapped": (lambda: export([ROWS[1], ROWS[0], ROWS[2]]), "line 1: position 2 where 1 belongs"),
    "event id twice": (lambda: export([row(1), row(2, event_id=row(1)["event_id"])]), "repeats the event id"),
    "command torn": (
        lambda: export([row(1), row(2), row(3, command_id=row(1)["command_id"])]),
        "line 3: position 3 belongs to command",
    ),
    "clock moved back": (
        lambda: export([row(1), row(2, recorded_at=row(1)["recorded_at"])]),
        "line 2: position 2 was recorded no later",
    ),
    "line of another log": (lambda: [*export(ROWS[:1]), *export(ROWS[1:2], "J")], "line 2: belongs to another log"),
    "cause after effect": (lambda: export([row(1, cause=1)]), "names a cause that comes after it"),
    "other encoding": (lambda: [export(ROWS)[0].replace(b'","', b'", "', 1)], "is not in canonical form"),
    "escaped text": (
        lambda: [export([row(1, actor_id="é")])[0].replace("é".encode(), b"\\u00e9")],
        "is not in canonical form",
    ),
    "text not in form C": (lambda: export([row(1, actor_id="e\u0301")]), "has text outside normal form C"),
    "key twice": (
        lambda: [export(ROWS)[0].replace(b'{"actor_id"', b'{"actor_id":"x","actor_id"')],
        "a key stands twice",
    ),
    "key missing": (lambda: [export(ROWS)[0].replace(b',"cause":null', b"")], "has other keys"),
    "a float": (lambda: export([row(1, data=b'{"n":1.0}')]), "1.0 is no whole number"),
    "too large a number": (lambda: export([row(1, data=b'{"n":9007199254740992}')]), "is no whole number"),
    "a huge number": (lambda: export([row(1, data=b'{"n":' + b"9" * 5000 + b"}")]), "is no whole number"),
    "short nonce": (lambda: export([row(1, nonce=b"short")]), "nonce not in the form"),
    "tags unsorted": (lambda: export([row(1, tags=["b", "a"])]), "tags not in the form"),
    "no JSON": (lambda: [b"{\n"], "is no JSON"),
    "no UTF-8": (lambda: [b"\xff\n"], "is no JSON"),
    "half a line": (lambda: [export(ROWS)[0][:-1]], "is cut off"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found_and_named(name: str) -> None:
    damaged, expected = DAMAGE[name]
    assert any(expected in finding for finding in check(damaged()).findings), check(damaged()).findings


def test_the_check_goes_on_after_a_fault_and_its_root_covers_every_line() -> None:
    lines = export(ROWS)
    lines[1] = b"nonsense\n"
    checked = check(lines)
    assert checked.root.size == 3
    assert len(checked.findings) == 1


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_incremental_root_is_the_recursive_one(leaves: list[bytes]) -> None:
    assert root_of(leaves).digest() == recursive(leaves)


def test_the_check_needs_the_standard_library_alone() -> None:
    source = Path(check.__code__.co_filename).read_text()
    imported = {text.split()[1].split(".")[0] for text in source.splitlines() if text.startswith(("import ", "from "))}
    assert imported <= {"__future__", *sys.stdlib_module_names}
