from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import asyncpg
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from infra.access import AccessDay, AccessJournal, LinesLost
from tests.dying import Dying
from tests.vaulting import OPEN_LOGS

pytestmark = pytest.mark.store

SHANGHAI = ZoneInfo("Asia/Shanghai")
PERSON = "0b9d1a1e-8f0e-4a3c-9c1b-2f6f0d8e7a11"


@pytest_asyncio.fixture(autouse=True)
async def logs(superuser: asyncpg.Connection) -> None:
    await superuser.execute(OPEN_LOGS)


@pytest.fixture
def journal(pool: asyncpg.Pool) -> AccessJournal:
    return AccessJournal(pool)


async def note(journal: AccessJournal, what: str, log_id: int = 1, outcome: str = "not-permitted") -> None:
    await journal.record(log_id, actor_id=PERSON, token_id=uuid4(), act="ReadDocument", what=what, outcome=outcome)


async def today(pool: asyncpg.Pool) -> date:
    now: datetime = await pool.fetchval("SELECT now()")
    return now.astimezone(SHANGHAI).date()


async def lines(journal: AccessJournal, day: date, log_id: int = 1) -> list[bytes]:
    return [line async for line in journal.lines(log_id, day, SHANGHAI)]


async def shift(superuser: asyncpg.Connection, by: str) -> None:
    """Let what was written so far have happened earlier."""
    await superuser.execute("ALTER TABLE access DISABLE TRIGGER USER")
    await superuser.execute(f"UPDATE access SET at = at - interval '{by}', filed_at = filed_at - interval '{by}'")
    await superuser.execute("ALTER TABLE access ENABLE TRIGGER USER")


def tree(leaves: list[bytes]) -> bytes:
    """RFC 6962 as its section 2.1 says it, recursively."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + tree(leaves[:half]) + tree(leaves[half:])).digest()


async def test_a_line_is_durable_when_record_returns(journal: AccessJournal, pool: asyncpg.Pool) -> None:
    await note(journal, "/v1/documents/{id} document:1")
    (line,) = await lines(journal, await today(pool))
    words = json.loads(line)
    assert line == json.dumps(words, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert (words["log"], words["seq"], words["actor_id"]) == ("institution-one", 1, PERSON)
    assert (words["act"], words["outcome"]) == ("ReadDocument", "not-permitted")
    columns = await pool.fetch("SELECT column_name FROM information_schema.columns WHERE table_name = 'access'")
    assert {row["column_name"] for row in columns} - {"log_id"} == set(words) - {"log", "line_version"}
    await journal.close()


async def test_lines_are_dense_in_each_log_whoever_writes_them(pool: asyncpg.Pool) -> None:
    journals = [AccessJournal(pool) for _ in range(3)]
    await asyncio.gather(*(note(journals[n % 3], f"what:{n}", log_id=1 + n % 2) for n in range(300)))
    for log_id in (1, 2):
        written = [json.loads(line) for line in await lines(journals[0], await today(pool), log_id)]
        assert [words["seq"] for words in written] == list(range(1, 151))
        assert {words["what"] for words in written} == {f"what:{n}" for n in range(300) if 1 + n % 2 == log_id}
    for journal in journals:
        await journal.close()


async def test_lines_that_wait_together_are_written_together(pool: asyncpg.Pool) -> None:
    journal = AccessJournal(pool)
    await asyncio.gather(*(note(journal, f"what:{n}") for n in range(400)))
    statements = await pool.fetchval("SELECT count(DISTINCT xmin::text) FROM access")
    assert statements <= 4
    await journal.close()


async def test_when_too_many_wait_the_next_caller_waits_and_none_is_lost(pool: asyncpg.Pool) -> None:
    journal = AccessJournal(pool, waiting=2)
    await asyncio.gather(*(note(journal, f"what:{n}") for n in range(50)))
    assert await pool.fetchval("SELECT count(*) FROM access") == 50
    await journal.close()


async def test_closing_writes_what_still_waits_and_then_nothing_is_taken(pool: asyncpg.Pool) -> None:
    journal = AccessJournal(pool)
    waiting = [asyncio.create_task(note(journal, f"what:{n}")) for n in range(20)]
    await asyncio.sleep(0)
    await journal.close()
    await asyncio.gather(*waiting)
    assert await pool.fetchval("SELECT count(*) FROM access") == 20
    with pytest.raises(LinesLost):
        await note(journal, "too late")


async def test_a_caller_that_goes_away_does_not_take_its_line_along(pool: asyncpg.Pool, journal: AccessJournal) -> None:
    impatient = asyncio.create_task(note(journal, "gone"))
    await asyncio.sleep(0)
    impatient.cancel()
    await note(journal, "stays")
    assert [json.loads(line)["what"] for line in await lines(journal, await today(pool))] == ["gone", "stays"]
    await journal.close()


async def test_a_database_that_goes_and_comes_back_costs_no_line(
    pool: asyncpg.Pool, journal: AccessJournal, superuser: asyncpg.Connection
) -> None:
    await superuser.execute("ALTER FUNCTION append_access RENAME TO away")
    waiting = [asyncio.create_task(note(journal, f"what:{n}")) for n in range(5)]
    with capture_logs() as logged:
        async with asyncio.timeout(20):
            while not logged:  # noqa: ASYNC110 - What is logged tells nobody.
                await asyncio.sleep(0.01)
    assert not any(task.done() for task in waiting)
    assert {entry["event"] for entry in logged} == {"access journal waits for the database"}
    await superuser.execute("ALTER FUNCTION away RENAME TO append_access")
    await asyncio.gather(*waiting)
    assert await pool.fetchval("SELECT count(*) FROM access") == 5
    await journal.close()


async def test_a_database_that_stays_away_is_an_error_and_not_silence(
    journal: AccessJournal, superuser: asyncpg.Connection
) -> None:
    await superuser.execute("ALTER FUNCTION append_access RENAME TO away")
    waiting = [asyncio.create_task(note(journal, f"what:{n}")) for n in range(5)]
    await asyncio.sleep(0)
    with pytest.raises(LinesLost):
        await journal.close(timedelta(milliseconds=100))
    for outcome in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(outcome, LinesLost)


async def test_who_still_waits_to_wait_when_it_is_closed_hears_of_it_too(
    pool: asyncpg.Pool, superuser: asyncpg.Connection
) -> None:
    journal = AccessJournal(pool, waiting=1)
    await superuser.execute("ALTER FUNCTION append_access RENAME TO away")
    waiting = [asyncio.create_task(note(journal, f"what:{n}")) for n in range(5)]
    await asyncio.sleep(0)
    with pytest.raises(LinesLost):
        await journal.close(timedelta(milliseconds=100))
    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {LinesLost}


async def test_it_is_closed_also_where_the_connection_dies_at_that_instant(pool: asyncpg.Pool) -> None:
    dying = Dying(pool, "append_access")
    journal = AccessJournal(dying.pool)
    waiting = asyncio.create_task(note(journal, "what"))
    async with asyncio.timeout(20):
        await dying.asked.wait()
        with pytest.raises(LinesLost):
            await journal.close(timedelta(milliseconds=100))
        with pytest.raises(LinesLost):
            await waiting


async def test_a_batch_sent_again_after_a_lost_answer_adds_nothing(pool: asyncpg.Pool, journal: AccessJournal) -> None:
    batch = [
        1, [timedelta(0)] * 2, [PERSON] * 2, [None, uuid4()], ["a"] * 2, ["w"] * 2, ["o"] * 2, [b"n" * 16, b"m" * 16]
    ]  # fmt: skip
    for _ in range(2):
        await pool.fetchval("SELECT append_access($1, $2, $3, $4, $5, $6, $7, $8)", *batch)
    await note(journal, "next")
    assert [json.loads(line)["seq"] for line in await lines(journal, await today(pool))] == [1, 2, 3]
    await journal.close()


async def test_a_line_that_cannot_be_written_is_its_own_caller_s_error_only(
    pool: asyncpg.Pool, journal: AccessJournal
) -> None:
    outcomes = await asyncio.gather(
        note(journal, "one"), note(journal, "two", log_id=99), note(journal, "three"), return_exceptions=True
    )
    assert outcomes[0] is None
    assert isinstance(outcomes[1], asyncpg.ForeignKeyViolationError)
    assert outcomes[2] is None
    assert await pool.fetchval("SELECT count(*) FROM access") == 2
    await journal.close()


@pytest.mark.parametrize(
    ("sent", "written"),
    [("line\nfeed\x00", "line\ufffdfeed\ufffd"), ("x" * 600, "x" * 500), ("\ud800", "\ufffd"), ("e\u0301", "\u00e9")],
)
async def test_what_a_hostile_caller_sends_is_written_plainly(
    pool: asyncpg.Pool, journal: AccessJournal, sent: str, written: str
) -> None:
    await note(journal, sent)
    (line,) = await lines(journal, await today(pool))
    assert json.loads(line)["what"] == written
    await journal.close()


# --- days -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8, 13])
async def test_the_root_of_a_day_is_rfc_6962_over_its_lines(
    pool: asyncpg.Pool, journal: AccessJournal, superuser: asyncpg.Connection, count: int
) -> None:
    await asyncio.gather(*(note(journal, f"what:{n}") for n in range(count)), note(journal, "neighbour", log_id=2))
    await shift(superuser, "1 day")
    await note(journal, "of today")
    yesterday = await today(pool) - timedelta(days=1)
    closed = await journal.close_day(1, yesterday, SHANGHAI)
    assert closed == AccessDay(yesterday, count, tree(await lines(journal, yesterday)).hex())
    assert closed == await journal.close_day(1, yesterday, SHANGHAI)
    await journal.close()


async def test_a_line_that_comes_after_its_day_was_closed_is_filed_later_with_its_true_time(
    pool: asyncpg.Pool, journal: AccessJournal, superuser: asyncpg.Connection
) -> None:
    await note(journal, "in time")
    await shift(superuser, "1 day")
    day = await today(pool)
    closed = await journal.close_day(1, day - timedelta(days=1), SHANGHAI)
    await pool.fetchval(
        "SELECT append_access(1, ARRAY[interval '1 day'], ARRAY['p'], ARRAY[NULL::uuid], '{a}', '{late}', '{o}', $1)",
        [b"n" * 16],
    )
    assert await journal.root(1, day - timedelta(days=1), SHANGHAI) == closed
    (late,) = await lines(journal, day)
    assert json.loads(late)["at"] < json.loads(late)["filed_at"]
    await journal.close()


async def test_a_day_that_is_not_over_cannot_be_closed(pool: asyncpg.Pool, journal: AccessJournal) -> None:
    with pytest.raises(asyncpg.PostgresError, match="when it is over"):
        await journal.close_day(1, await today(pool), SHANGHAI)


async def test_days_are_those_of_the_zone(
    pool: asyncpg.Pool, journal: AccessJournal, superuser: asyncpg.Connection
) -> None:
    await note(journal, "at four in the afternoon of the day before, in Greenwich")
    await superuser.execute("ALTER TABLE access DISABLE TRIGGER USER")
    await superuser.execute("UPDATE access SET at = $1, filed_at = $1", datetime(2026, 3, 1, 16, 0, tzinfo=UTC))
    assert len(await lines(journal, date(2026, 3, 2))) == 1
    assert await lines(journal, date(2026, 3, 1)) == []
    assert len([line async for line in journal.lines(1, date(2026, 3, 1), UTC)]) == 1
    await journal.close()


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE access SET outcome = 'permitted' WHERE seq = 2",
        "DELETE FROM access WHERE seq = 2",
        "DELETE FROM access WHERE seq = 3",
        "UPDATE access SET seq = 9 - seq",
    ],
)
async def test_whatever_is_done_to_a_closed_day_changes_its_root(
    pool: asyncpg.Pool, journal: AccessJournal, superuser: asyncpg.Connection, attack: str
) -> None:
    for number in range(3):
        await note(journal, f"what:{number}")
    await shift(superuser, "1 day")
    yesterday = await today(pool) - timedelta(days=1)
    closed = await journal.close_day(1, yesterday, SHANGHAI)
    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        await superuser.execute(attack)
    await superuser.execute("ALTER TABLE access DISABLE TRIGGER USER")
    await superuser.execute(attack)
    assert (await journal.root(1, yesterday, SHANGHAI)).root != closed.root
    await journal.close()


async def test_the_application_itself_can_only_append(pool: asyncpg.Pool, journal: AccessJournal) -> None:
    await note(journal, "stays")
    for statement in (
        "UPDATE access SET outcome = ''", "DELETE FROM access", "TRUNCATE access", "DELETE FROM access_closed",
        "INSERT INTO access_closed VALUES (1, now())", "INSERT INTO access SELECT * FROM access",
    ):  # fmt: skip
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)
    await journal.close()
