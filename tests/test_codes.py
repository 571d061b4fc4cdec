"""Codes: found by whom they belong to and by nobody else, gone with their command, kept over a new master key."""

from __future__ import annotations

import hashlib
import hmac
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from infra.codes import CodePending, Codes, seat_of
from infra.master_key import MasterKeys
from infra.staging import Staging
from infra.vault import Vault, prepare
from tests.vaulting import OPEN_LOGS, accept, everything

pytestmark = pytest.mark.store

LI, WANG = "00000000-0000-0000-0000-0000000000a1", "00000000-0000-0000-0000-0000000000a2"
KEYS = MasterKeys(b"k" * 32)


@pytest_asyncio.fixture
async def log_id(superuser: asyncpg.Connection) -> int:
    await superuser.execute(OPEN_LOGS)
    return 1


class Seating:
    """Gives codes as the front door does: an envelope with who it is, and the code beside it."""

    def __init__(self, pool: asyncpg.Pool, superuser: asyncpg.Connection, keys: MasterKeys = KEYS) -> None:
        self.superuser = superuser
        self.vault = Vault(pool, keys)
        self.codes = Codes(pool, self.vault)
        self.staging = Staging(pool)

    async def seat(
        self, code: str, person_id: str, matter: str = "P-1", *, log_id: int = 1, recorded: bool = True
    ) -> bool:
        async with self.staging.attempt(log_id, uuid4()) as attempt:
            text = person_id.encode()
            (sealed,) = await self.vault.stage(attempt, prepare(log_id, seat_of(matter, code), "identity", text))
            given = await self.codes.give(attempt, matter, code, person_id, sealed.commitment)
            if recorded and given:
                await accept(self.superuser, log_id, attempt.command_id, sealed.commitment)
        return given


@pytest.fixture
def seating(pool: asyncpg.Pool, superuser: asyncpg.Connection, log_id: int) -> Seating:
    return Seating(pool, superuser)


async def test_a_code_is_found_by_matter_and_person(seating: Seating) -> None:
    assert await seating.seat("S-1", LI)
    assert await seating.seat("S-2", WANG)
    assert await seating.seat("S-7", LI, "P-2")
    assert await seating.codes.find(1, "P-1", LI) == "S-1"
    assert await seating.codes.find(1, "P-1", WANG) == "S-2"
    assert await seating.codes.find(1, "P-2", WANG) is None
    assert await seating.codes.find(1, "P-9", LI) is None
    assert await seating.codes.find(2, "P-1", LI) is None
    assert await seating.codes.held_by(1, LI) == (("P-1", "S-1"), ("P-2", "S-7"))
    assert await seating.codes.held_by(2, LI) == ()


async def test_nobody_has_two_codes_in_one_matter(seating: Seating) -> None:
    assert await seating.seat("S-1", LI)
    assert not await seating.seat("S-2", LI)
    assert await seating.codes.find(1, "P-1", LI) == "S-1"


async def test_a_code_counts_when_an_event_names_it_and_a_refused_command_leaves_nothing(seating: Seating) -> None:
    before = await everything(seating.superuser)
    async with seating.staging.attempt(1, uuid4()) as attempt:
        (sealed,) = await seating.vault.stage(attempt, prepare(1, seat_of("P-1", "S-1"), "identity", b"li"))
        assert await seating.codes.give(attempt, "P-1", "S-1", LI, sealed.commitment)
        assert await seating.codes.find(1, "P-1", LI) is None
        assert await seating.codes.held_by(1, LI) == ()
        with pytest.raises(CodePending):
            await seating.seat("S-2", LI)
        # The same command, sent again while its first attempt is on its way, rests on the same row.
        async with seating.staging.attempt(1, attempt.command_id) as again:
            assert await seating.codes.give(again, "P-1", "S-1", LI, sealed.commitment)
    assert await everything(seating.superuser) == before


async def test_what_died_on_the_way_is_swept_and_what_was_recorded_is_settled(
    seating: Seating, superuser: asyncpg.Connection
) -> None:
    dead, recorded = uuid4(), uuid4()
    for command_id, code, person_id in ((dead, "S-1", LI), (recorded, "S-2", WANG)):
        async with seating.staging.attempt(1, command_id) as attempt:
            (sealed,) = await seating.vault.stage(attempt, prepare(1, seat_of("P-1", code), "identity", b"x"))
            await seating.codes.give(attempt, "P-1", code, person_id, sealed.commitment)
            attempt.submitted()
        if command_id == recorded:
            await accept(superuser, 1, command_id, sealed.commitment)
    await superuser.execute("UPDATE staging SET staged_at = now() - interval '2 hours'")
    swept = await seating.staging.sweep()
    assert (swept.kept, swept.removed) == (2, 2)
    assert await superuser.fetchval("SELECT array_agg(code) FROM code WHERE position IS NOT NULL") == ["S-2"]
    assert await superuser.fetchval("SELECT count(*) FROM code") == 1


async def test_what_the_record_names_is_neither_altered_nor_removed(
    seating: Seating, superuser: asyncpg.Connection
) -> None:
    await seating.seat("S-1", LI)
    for statement in ("DELETE FROM code", "UPDATE code SET code = 'S-9'"):
        with pytest.raises(asyncpg.PostgresError, match="record names this row"):
            await superuser.execute(statement)


async def test_the_database_alone_does_not_tell_who_holds_a_code(
    seating: Seating, superuser: asyncpg.Connection
) -> None:
    await seating.seat("S-1", LI)
    await seating.seat("S-1", LI, "P-2")
    rows = await superuser.fetch("SELECT subject_id, blind FROM code")
    assert len({row["blind"] for row in rows}) == 2
    wrapped = await superuser.fetch("SELECT wrapped FROM subject_key")
    for row in rows:
        guesses = (LI, f"1/{row['subject_id']}/{LI}", f"P-1/{LI}")
        known = [KEYS.present_id, *(each["wrapped"] for each in wrapped)]
        assert row["blind"] not in {hashlib.sha256(guess.encode()).digest() for guess in guesses}
        assert row["blind"] not in {hmac.digest(key, g.encode(), "sha256") for key in known for g in guesses}
    whole = "".join((await everything(superuser)).values())
    assert not [form for form in (LI, LI.encode().hex()[:32], LI.replace("-", "")) if form in whole]


async def test_a_new_master_key_finds_the_codes_that_a_former_one_gave(
    seating: Seating, pool: asyncpg.Pool, superuser: asyncpg.Connection
) -> None:
    await seating.seat("S-1", LI)
    rotated = KEYS.rotated()
    between = Seating(pool, superuser, rotated)
    assert await between.codes.find(1, "P-1", LI) == "S-1"
    # Given once, before or after: the person is known under either key.
    assert not await between.seat("S-2", LI)
    await between.vault.rewrap()
    after = Seating(pool, superuser, MasterKeys(rotated.present))
    assert await after.codes.find(1, "P-1", LI) == "S-1"
    assert await after.codes.held_by(1, LI) == (("P-1", "S-1"),)
    assert not await after.seat("S-3", LI)
    assert await after.vault.open_(1, seat_of("P-1", "S-1"), "identity") == LI.encode()


async def test_with_the_key_of_a_matter_goes_the_way_from_persons_to_its_codes(seating: Seating) -> None:
    await seating.seat("S-1", LI)
    await seating.seat("S-1", LI, "P-2")
    await seating.superuser.execute(
        "UPDATE subject_key SET wrapped = NULL, master_id = NULL, destroyed_at = now() WHERE subject_id = 'matter:P-1'"
    )
    assert await seating.codes.find(1, "P-1", LI) is None
    assert await seating.codes.held_by(1, LI) == (("P-2", "S-1"),)
