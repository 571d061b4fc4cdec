from __future__ import annotations

import asyncio
import base64
import json
import os
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from infra.master_key import KeyFileRefused, MasterKeys, ensure_key_file, read_key_file
from infra.sealing import Damaged, commitment, pad, unpad
from infra.staging import Attempt, Staging, Swept
from infra.vault import KeyDestroyed, MasterKeyMissing, NothingSealed, Vault, erase, prepare
from tests.vaulting import OPEN_LOGS, accept, everything, forget, say_erased

pytestmark = pytest.mark.store

PERSON = "person:0b9d1a1e-8f0e-4a3c-9c1b-2f6f0d8e7a11"
OTHER = "person:5c0c2b6e-3d0b-4f53-8a51-0d3c6a1be2f4"
NAME = json.dumps({"name": "李四", "phone": "13800000000"}, ensure_ascii=False).encode()
AT_ONCE = timedelta(0)
EMPTY = {"public.subject_key": "", "public.staging": "", "public.envelope": "", "public.document": ""}


@pytest_asyncio.fixture
async def logs(superuser: asyncpg.Connection) -> None:
    await superuser.execute(OPEN_LOGS)


@pytest.fixture
def master() -> MasterKeys:
    return MasterKeys(os.urandom(32))


@pytest.fixture
def vault(pool: asyncpg.Pool, master: MasterKeys, logs: None) -> Vault:
    return Vault(pool, master)


@pytest.fixture
def staging(pool: asyncpg.Pool) -> Staging:
    return Staging(pool)


@pytest_asyncio.fixture
async def neighbour(vault: Vault, staging: Staging, superuser: asyncpg.Connection) -> AsyncIterator[None]:
    """The second institution seals under equal ids; nothing of it may show, nor change."""
    await register(vault, staging, superuser, log_id=2, text=b"neighbour")
    yield
    assert await vault.open_(2, PERSON, "person") == b"neighbour"


async def register(
    vault: Vault,
    staging: Staging,
    superuser: asyncpg.Connection,
    *,
    log_id: int = 1,
    person: str = PERSON,
    text: bytes = NAME,
    command_id: UUID | None = None,
) -> str:
    """What the front door does, from staging to settling."""
    command_id = command_id or uuid4()
    async with staging.attempt(log_id, command_id) as attempt:
        (sealed,) = await vault.stage(attempt, prepare(log_id, person, "person", text))
        attempt.submitted()
        await accept(superuser, log_id, command_id, sealed.commitment)
        attempt.accepted()
    return sealed.commitment


async def left(superuser: asyncpg.Connection) -> dict[str, str]:
    rows = await everything(superuser)
    return {table: rows[table] for table in EMPTY}


# --- an accepted command ----------------------------------------------------------------------------------------------


async def test_what_was_sealed_opens_and_proves_its_commitment(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection, neighbour: None
) -> None:
    committed = await register(vault, staging, superuser)
    assert await vault.open_(1, PERSON, "person") == NAME
    opened = await vault.reveal(1, PERSON, committed)
    assert (opened.plaintext, opened.position) == (NAME, 1)
    assert commitment(opened.salt, opened.plaintext).hex() == committed
    assert (await left(superuser))["public.staging"] == ""


async def test_the_same_text_twice_has_two_commitments(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection
) -> None:
    assert await register(vault, staging, superuser) != await register(vault, staging, superuser)


async def test_the_newest_envelope_opens_and_an_earlier_one_as_of_its_position(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection, neighbour: None
) -> None:
    await register(vault, staging, superuser, text=b"old name")
    await register(vault, staging, superuser, text=b"new name")
    assert await vault.open_(1, PERSON, "person") == b"new name"
    assert await vault.open_(1, PERSON, "person", at_position=1) == b"old name"
    with pytest.raises(NothingSealed):
        await vault.open_(1, PERSON, "person", at_position=0)


async def test_many_open_in_one_read_and_the_unknown_and_forgotten_are_absent(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection, neighbour: None
) -> None:
    forgotten = f"person:{uuid4()}"
    await register(vault, staging, superuser, text=b"one")
    await register(vault, staging, superuser, person=OTHER, text=b"two")
    await register(vault, staging, superuser, person=forgotten, text=b"three")
    await forget(superuser, 1, forgotten)
    opened = await vault.open_many(1, [PERSON, OTHER, forgotten, str(uuid4())], "person")
    assert opened == {PERSON: b"one", OTHER: b"two"}


async def test_several_envelopes_of_one_command_are_staged_together(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection
) -> None:
    command_id = uuid4()
    async with staging.attempt(1, command_id) as attempt:
        sealed = await vault.stage(attempt, prepare(1, PERSON, "code", b"A"), prepare(1, OTHER, "code", b"B"))
        await accept(superuser, 1, command_id, *(one.commitment for one in sealed))
        attempt.accepted()
    assert await vault.open_many(1, [PERSON, OTHER], "code") == {PERSON: b"A", OTHER: b"B"}


# --- a refused command leaves nothing ---------------------------------------------------------------------------------


async def test_preparing_writes_nothing(superuser: asyncpg.Connection) -> None:
    prepare(1, PERSON, "person", NAME)
    assert await left(superuser) == EMPTY


async def test_a_refused_command_leaves_nothing(vault: Vault, staging: Staging, superuser: asyncpg.Connection) -> None:
    async with staging.attempt(1, uuid4()) as attempt:
        await vault.stage(attempt, prepare(1, PERSON, "person", NAME))
        attempt.submitted()
        attempt.refused()
    assert await left(superuser) == EMPTY


async def test_a_request_that_breaks_before_it_is_submitted_leaves_nothing(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection
) -> None:
    async def breaking() -> None:
        async with staging.attempt(1, uuid4()) as attempt:
            await vault.stage(attempt, prepare(1, PERSON, "person", NAME))
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await breaking()
    assert await left(superuser) == EMPTY


async def test_a_cancelled_request_leaves_nothing(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection
) -> None:
    staged = asyncio.Event()

    async def request() -> None:
        async with staging.attempt(1, uuid4()) as attempt:
            await vault.stage(attempt, prepare(1, PERSON, "person", NAME))
            staged.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(request())
    await staged.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await left(superuser) == EMPTY


async def test_a_refused_replacement_leaves_the_earlier_name_and_its_key(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection
) -> None:
    await register(vault, staging, superuser, text=b"stays")
    before = await left(superuser)
    async with staging.attempt(1, uuid4()) as attempt:
        await vault.stage(attempt, prepare(1, PERSON, "person", b"refused"))
        attempt.refused()
    assert await left(superuser) == before
    assert await vault.open_(1, PERSON, "person") == b"stays"


async def test_what_is_staged_cannot_be_read(vault: Vault, staging: Staging) -> None:
    async with staging.attempt(1, uuid4()) as attempt:
        (sealed,) = await vault.stage(attempt, prepare(1, PERSON, "person", NAME))
        with pytest.raises(NothingSealed):
            await vault.open_(1, PERSON, "person")
        with pytest.raises(NothingSealed):
            await vault.reveal(1, PERSON, sealed.commitment)
        assert await vault.open_many(1, [PERSON], "person") == {}


# --- crash points -----------------------------------------------------------------------------------------------------


async def test_dead_between_staging_and_append_is_swept_after_the_grace_only(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection, neighbour: None
) -> None:
    await vault.stage(Attempt(1, uuid4()), prepare(1, PERSON, "person", NAME))
    before = await left(superuser)
    assert await staging.sweep() == Swept(kept=0, removed=0)
    assert await left(superuser) == before
    assert await staging.sweep(AT_ONCE) == Swept(kept=0, removed=1)
    assert f"(1,{PERSON}" not in (await left(superuser))["public.subject_key"]
    with pytest.raises(NothingSealed):
        await vault.key(1, PERSON)


async def test_an_attempt_that_enters_while_the_sweep_comes_by_is_spared(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection
) -> None:
    await vault.stage(Attempt(1, uuid4()), prepare(1, PERSON, "person", NAME))
    await superuser.execute("UPDATE staging SET staged_at = now() - interval '2 hours'")
    async with superuser.transaction():
        await superuser.execute("UPDATE staging SET staged_at = now()")
        sweep = asyncio.create_task(staging.sweep())
        done, _ = await asyncio.wait([sweep], timeout=0.3)
        assert not done
    assert await sweep == Swept(kept=0, removed=0)


async def test_dead_between_append_and_settling_loses_no_name_at_any_moment(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection
) -> None:
    command_id = uuid4()
    (sealed,) = await vault.stage(Attempt(1, command_id), prepare(1, PERSON, "person", NAME))
    await accept(superuser, 1, command_id, sealed.commitment)
    assert await vault.open_(1, PERSON, "person") == NAME
    assert await staging.sweep(AT_ONCE) == Swept(kept=1, removed=0)
    assert await vault.open_(1, PERSON, "person") == NAME
    assert await staging.sweep(AT_ONCE) == Swept(kept=0, removed=0)


async def test_an_outcome_nobody_knows_is_left_to_the_sweep(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection
) -> None:
    command_id = uuid4()

    async def cut_off() -> str:
        async with staging.attempt(1, command_id) as attempt:
            (sealed,) = await vault.stage(attempt, prepare(1, PERSON, "person", NAME))
            attempt.submitted()
            await accept(superuser, 1, command_id, sealed.commitment)
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await cut_off()
    assert await vault.open_(1, PERSON, "person") == NAME
    assert await staging.sweep(AT_ONCE) == Swept(kept=1, removed=0)


async def test_a_retry_after_a_crash_takes_over_what_lies_there(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection
) -> None:
    command_id = uuid4()
    (first,) = await vault.stage(Attempt(1, command_id), prepare(1, PERSON, "person", NAME))
    async with staging.attempt(1, command_id) as attempt:
        (again,) = await vault.stage(attempt, prepare(1, PERSON, "person", NAME))
        await accept(superuser, 1, command_id, again.commitment)
        attempt.accepted()
    assert again == first
    assert await vault.open_(1, PERSON, "person") == NAME


async def test_a_retry_after_acceptance_gets_the_same_commitment_and_adds_nothing(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection
) -> None:
    command_id = uuid4()
    committed = await register(vault, staging, superuser, command_id=command_id)
    before = await left(superuser)
    async with staging.attempt(1, command_id) as attempt:
        (again,) = await vault.stage(attempt, prepare(1, PERSON, "person", NAME))
        attempt.accepted()
    assert again.commitment == committed
    assert await left(superuser) == before


async def test_two_attempts_at_once_and_the_refused_one_takes_nothing_from_the_accepted_one(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection
) -> None:
    command_id = uuid4()
    async with staging.attempt(1, command_id) as slow:
        (held,) = await vault.stage(slow, prepare(1, PERSON, "person", NAME))
        async with staging.attempt(1, command_id) as quick:
            await vault.stage(quick, prepare(1, PERSON, "person", NAME))
            quick.refused()
        slow.submitted()
        await accept(superuser, 1, command_id, held.commitment)
        slow.accepted()
    assert await vault.open_(1, PERSON, "person") == NAME
    assert (await left(superuser))["public.staging"] == ""


async def test_the_same_key_with_another_text_is_another_commitment_and_never_shows(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection
) -> None:
    command_id = uuid4()
    committed = await register(vault, staging, superuser, command_id=command_id)
    async with staging.attempt(1, command_id) as attempt:
        other, _ = await vault.stage(
            attempt, prepare(1, PERSON, "person", b"another"), prepare(1, OTHER, "person", b"x")
        )
        attempt.submitted()
        attempt.refused()
    assert other.commitment != committed
    assert await vault.open_many(1, [PERSON, OTHER], "person") == {PERSON: NAME}
    assert "another" not in str(await left(superuser))
    assert OTHER not in (await left(superuser))["public.subject_key"]


async def test_sixteen_commands_on_one_new_subject_agree_on_its_key(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    async def one(number: int) -> None:
        async with staging.attempt(1, uuid4()) as attempt:
            (sealed,) = await vault.stage(attempt, prepare(1, PERSON, f"kind-{number}", b"%d" % number))
            if number % 2:
                attempt.refused()
                return
            async with lock:
                await accept(superuser, 1, attempt.command_id, sealed.commitment)
            attempt.accepted()

    lock = asyncio.Lock()
    await asyncio.gather(*(one(number) for number in range(16)))
    for number in range(0, 16, 2):
        assert await vault.open_(1, PERSON, f"kind-{number}") == b"%d" % number
    assert await pool.fetchval("SELECT count(*) FROM envelope") == 8


async def test_the_database_itself_refuses_to_lose_or_alter_what_the_record_names(
    vault: Vault, pool: asyncpg.Pool, superuser: asyncpg.Connection
) -> None:
    command_id = uuid4()
    (sealed,) = await vault.stage(Attempt(1, command_id), prepare(1, PERSON, "person", NAME))
    with pytest.raises(asyncpg.PostgresError, match="gives it a position"):
        await pool.execute("UPDATE envelope SET position = 1")
    await accept(superuser, 1, command_id, sealed.commitment)
    with pytest.raises(asyncpg.PostgresError, match="The record names this row"):
        await pool.execute("DELETE FROM envelope")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute("UPDATE envelope SET sealed = ''")
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await pool.execute("DELETE FROM subject_key")
    for statement in ("TRUNCATE envelope CASCADE", "TRUNCATE subject_key CASCADE"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)


# --- secrecy, erasure, keys -------------------------------------------------------------------------------------------


async def test_nothing_plain_lies_in_any_table(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection, master: MasterKeys
) -> None:
    marker = "标记-marker-7f3a"
    await register(vault, staging, superuser, text=json.dumps({"name": marker}, ensure_ascii=False).encode())
    dump = "\n".join((await everything(superuser)).values())
    assert PERSON in dump
    for form in (marker, marker.encode().hex(), base64.b64encode(marker.encode()).decode()[:-4], master.present.hex()):
        assert form.lower() not in dump.lower()


async def test_the_length_of_a_short_text_does_not_show(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await register(vault, staging, superuser, text=b"7")
    await register(vault, staging, superuser, text=b"100, with a remark")
    assert await pool.fetchval("SELECT count(DISTINCT length(sealed)) FROM envelope") == 1


@given(st.binary(max_size=1_000))
def test_padding_gives_back_every_text(text: bytes) -> None:
    assert unpad(pad(text)) == text
    assert len(pad(text)) % 256 == 0


async def test_a_destroyed_key_opens_nothing_and_seals_nothing_any_more(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection, pool: asyncpg.Pool, neighbour: None
) -> None:
    committed = await register(vault, staging, superuser)
    await forget(superuser, 1, PERSON)
    with pytest.raises(KeyDestroyed):
        await vault.open_(1, PERSON, "person")
    with pytest.raises(KeyDestroyed):
        await vault.reveal(1, PERSON, committed)
    with pytest.raises(KeyDestroyed):
        async with staging.attempt(1, uuid4()) as attempt:
            await vault.stage(attempt, prepare(1, PERSON, "person", b"again"))
    with pytest.raises(asyncpg.PostgresError, match="destroyed"):
        await pool.execute("UPDATE subject_key SET wrapped = '', master_id = '12345678' WHERE log_id = 1")
    assert (await left(superuser))["public.staging"] == ""


async def test_nothing_is_destroyed_that_the_record_does_not_say_is_erased(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection, pool: asyncpg.Pool
) -> None:
    await register(vault, staging, superuser)
    before = await left(superuser)
    async with pool.acquire() as connection:
        with pytest.raises(asyncpg.PostgresError, match="does not say"):
            await erase(connection, 1, PERSON)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("UPDATE subject_key SET wrapped = NULL, master_id = NULL, destroyed_at = now()")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("UPDATE envelope SET sealed = ''")
        with pytest.raises(asyncpg.PostgresError, match="names this row"):
            await superuser.execute("UPDATE envelope SET sealed = ''")
    assert await left(superuser) == before
    assert await vault.open_(1, PERSON, "person") == NAME


async def test_what_was_sealed_and_what_was_staged_goes_with_the_key_and_again_does_no_harm(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection, pool: asyncpg.Pool, neighbour: None
) -> None:
    await register(vault, staging, superuser)
    await register(vault, staging, superuser, person=OTHER)
    await vault.stage(Attempt(1, uuid4()), prepare(1, PERSON, "person", b"staged"))
    await say_erased(superuser, 1, PERSON)
    async with pool.acquire() as connection:
        await erase(connection, 1, PERSON)
        once = await left(superuser)
        await erase(connection, 1, PERSON)
    assert await left(superuser) == once
    kept = await superuser.fetch("SELECT sealed FROM envelope WHERE log_id = 1 AND subject_id = $1", PERSON)
    assert [row["sealed"] for row in kept] == [b""]
    assert await vault.open_(1, OTHER, "person") == NAME
    assert await staging.sweep(AT_ONCE) == Swept(kept=0, removed=0)


@pytest.mark.parametrize("column", ["subject_id", "kind", "command_id", "envelope_id", "log_id"])
async def test_an_envelope_moved_elsewhere_does_not_open(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection, column: str
) -> None:
    elsewhere = {"subject_id": OTHER, "kind": "code", "log_id": 2}
    await register(vault, staging, superuser, person=OTHER)
    await register(vault, staging, superuser, log_id=2, text=b"neighbour")
    await register(vault, staging, superuser)
    value = elsewhere.get(column, uuid4())
    await superuser.execute("ALTER TABLE envelope DISABLE TRIGGER USER")
    await superuser.execute("DELETE FROM envelope WHERE NOT (log_id = 1 AND subject_id = $1)", PERSON)
    await superuser.execute(f"UPDATE envelope SET {column} = $1 WHERE log_id = 1 AND subject_id = $2", value, PERSON)
    place = {"log_id": 1, "subject_id": PERSON, "kind": "person"} | {
        name: at for name, at in elsewhere.items() if name == column
    }
    with pytest.raises(Damaged):
        await vault.open_(place["log_id"], place["subject_id"], place["kind"])  # type: ignore[arg-type]


async def test_a_flipped_bit_or_a_swapped_key_is_noticed(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection
) -> None:
    await register(vault, staging, superuser)
    await register(vault, staging, superuser, person=OTHER)
    await superuser.execute("ALTER TABLE envelope DISABLE TRIGGER USER")
    await superuser.execute("UPDATE envelope SET sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1)")
    with pytest.raises(Damaged):
        await vault.open_(1, PERSON, "person")
    await superuser.execute(
        "UPDATE subject_key SET wrapped = (SELECT wrapped FROM subject_key WHERE subject_id = $1)", OTHER
    )
    with pytest.raises(Damaged):
        await vault.key(1, PERSON)


async def test_rewrapping_makes_the_former_master_key_and_old_backups_worthless(
    vault: Vault, staging: Staging, superuser: asyncpg.Connection, pool: asyncpg.Pool, master: MasterKeys
) -> None:
    await register(vault, staging, superuser)
    await register(vault, staging, superuser, person=OTHER, text=b"two")
    rotated = master.rotated()
    during = Vault(pool, rotated)
    assert await during.open_(1, PERSON, "person") == NAME
    await register(during, staging, superuser, person=str(uuid4()))
    assert await during.rewrap() == 2
    assert await during.rewrap() == 0
    after = Vault(pool, replace(rotated, former=()))
    await after.refuse_missing_master()
    assert await after.open_many(1, [PERSON, OTHER], "person") == {PERSON: NAME, OTHER: b"two"}
    with pytest.raises(MasterKeyMissing):
        await vault.open_(1, PERSON, "person")
    with pytest.raises(MasterKeyMissing, match=rotated.present_id.hex()):
        await vault.refuse_missing_master()


async def test_a_key_file_is_made_once_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "vault.key"
    made = await asyncio.gather(*(asyncio.to_thread(ensure_key_file, path) for _ in range(8)))
    assert len(set(made)) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["vault.key"]
    assert made[0].present.hex() not in repr(made[0])
    path.write_text(made[0].rotated().lines())
    assert read_key_file(path).former == (made[0].present,)


def test_a_key_file_that_is_open_empty_damaged_or_missing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    with pytest.raises(KeyFileRefused, match="no key file"):
        read_key_file(path)
    for content in ("", "abc\n", "ü" * 64):
        path.write_text(content)
        path.chmod(0o600)
        with pytest.raises(KeyFileRefused, match="64 hexadecimal"):
            ensure_key_file(path)
    path.chmod(0o640)
    with pytest.raises(KeyFileRefused, match="0600"):
        read_key_file(path)
