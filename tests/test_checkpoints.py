"""Trees and signed checkpoints on a real database: what grows, what is signed, and what is never signed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import asyncpg
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs

from infra.checkpoints import AnotherSealer, Checkpoints, SealedLog
from infra.event_store import EventStore, open_log
from infra.line import Root, leaf, line
from infra.master_key import MasterKeys, read_key_file
from infra.note import Checkpoint, Signer, opened, signed
from infra.receipt import Receipt, ReceiptRefused
from infra.signing import Memory, MemoryRefused, NotSigned, Signing
from infra.tree import proves_consistency
from tests.conftest import Database
from tests.logs import CATALOGUE, noted, proposal
from tests.scheduling import eventually
from workers import sealer, signer
from workers.lateness import tell_when_late

pytestmark = pytest.mark.store

ORIGIN = "office-1"
KEYS = MasterKeys(b"\x01" * 32)
ROOT = Path(__file__).resolve().parent.parent


class Log:
    """A log, its tree, and a signer with a memory of its own."""

    def __init__(self, store: EventStore, folder: Path, superuser: asyncpg.Connection, pool: asyncpg.Pool) -> None:
        self.store, self.folder, self.superuser = store, folder, superuser

        async def the_store(_: int) -> EventStore:
            return store

        self.checkpoints = Checkpoints(pool, the_store)
        self.keys = KEYS

    async def write(self, events: int) -> None:
        facts = [noted("U-1", f"note {n}") for n in range(events)]
        for start in range(0, events, 100):
            await self.store.append(proposal(*facts[start : start + 100]))

    async def standing(self) -> SealedLog:
        (found,) = await self.checkpoints.logs()
        return found

    async def grow(self) -> int:
        return await self.checkpoints.grow(await self.standing())

    async def sign(self) -> Checkpoint:
        with Memory(self.folder) as memory:
            await Signing(self.keys, memory).sign(self.checkpoints, await self.standing())
        return await self.newest()

    async def seal(self) -> Checkpoint:
        await self.grow()
        return await self.sign()

    async def newest(self) -> Checkpoint:
        (found,) = await self.checkpoints.newest(self.store.log_id)
        return self.open(found.note)

    def open(self, note: str) -> Checkpoint:
        with Memory(self.folder) as memory:
            verifier = Signing(self.keys, memory).signers(ORIGIN)[0].verifier
        text, _ = opened(note, [verifier])
        return Checkpoint.parse(text)

    async def lines(self) -> list[bytes]:
        return [line(ORIGIN, row) async for page in self.store.rows(until=await self.store.head()) for row in page]

    async def printed_root(self) -> bytes:
        """The root as ``events root`` prints it, over the lines themselves."""
        root = Root()
        for each in await self.lines():
            root.add(leaf(each))
        return root.digest()

    async def set_back(self, size: int) -> None:
        """What somebody does who restores an old database."""
        for table, column in (("event", "position"), ("event_tag", "position"), ("signed_checkpoint", "size")):
            await self.superuser.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
            await self.superuser.execute(f"DELETE FROM {table} WHERE {column} > $1", size)
            await self.superuser.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")
        await self.superuser.execute("TRUNCATE tile, tree")

    async def receipt(self, position: int) -> Receipt:
        found = await self.checkpoints.covering(self.store.log_id, position)
        assert found is not None
        path = await self.checkpoints.tree(self.store.log_id).inclusion(position - 1, found.size)
        return Receipt.parse(str(Receipt(position - 1, tuple(path), found.note)))


@pytest_asyncio.fixture
async def log(pool: asyncpg.Pool, superuser: asyncpg.Connection, tmp_path: Path) -> AsyncIterator[Log]:
    store = EventStore(pool, await open_log(pool, ORIGIN, "simulated"), CATALOGUE)
    yield Log(store, tmp_path, superuser, pool)
    await store.close()


# --- growing and signing ---------------------------------------------------------------------------------------------


async def test_what_is_signed_is_the_root_over_the_lines_and_goes_on_from_what_was_signed_before(log: Log) -> None:
    signed_before: list[Checkpoint] = []
    for events in (1, 299, 5, 1_000):
        await log.write(events)
        checkpoint = await log.seal()
        assert (checkpoint.origin, checkpoint.size) == (ORIGIN, await log.store.head())
        assert checkpoint.root == await log.printed_root()
        assert checkpoint.extension == ("simulated",)
        signed_before.append(checkpoint)
    tree, newest = log.checkpoints.tree(log.store.log_id), signed_before[-1]
    for each in signed_before:
        path = await tree.consistency(each.size, newest.size)
        assert proves_consistency(each.size, each.root, path, newest.size, newest.root)


async def test_a_tree_that_several_grow_while_it_is_written_to_is_the_tree_over_the_lines(log: Log) -> None:
    async def grow_again_and_again() -> int:
        moved = 0
        for _ in range(30):
            try:
                await log.grow()
            except AnotherSealer:
                moved += 1
            await asyncio.sleep(0)
        return moved

    await asyncio.gather(log.write(3_000), *(grow_again_and_again() for _ in range(3)))
    assert await log.grow() == 3_000
    assert (await log.sign()).root == await log.printed_root()


async def test_whoever_grows_a_tree_that_was_moved_on_meanwhile_changes_nothing(log: Log) -> None:
    await log.write(300)
    before = await log.standing()
    await log.grow()
    tiles = await log.superuser.fetch("SELECT * FROM tile ORDER BY level, number")
    await log.write(10)
    with pytest.raises(AnotherSealer):
        await log.checkpoints.grow(before)
    assert await log.superuser.fetch("SELECT * FROM tile ORDER BY level, number") == tiles
    assert (await log.seal()).root == await log.printed_root()


async def test_an_unsigned_end_has_no_receipt_yet(log: Log) -> None:
    await log.write(3)
    await log.seal()
    await log.write(1)
    assert await log.checkpoints.covering(log.store.log_id, 4) is None
    assert (await log.receipt(3)).position == 3


async def test_every_receipt_proves_its_line_and_no_other(log: Log) -> None:
    await log.write(40)
    await log.seal()
    await log.write(290)
    await log.seal()
    lines = await log.lines()
    verifier = log_signer().verifier
    for position in (1, 2, 39, 40, 41, 256, 257, 330):
        receipt = await log.receipt(position)
        assert receipt.proves(lines[position - 1], verifier).size == (40 if position <= 40 else 330)
        with pytest.raises(ReceiptRefused, match=f"position {position}"):
            receipt.proves(lines[position - 2], verifier)


def log_signer() -> Signer:
    return Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(KEYS.present))


async def test_an_event_that_is_edited_in_the_database_no_longer_fits_its_receipt(log: Log) -> None:
    await log.write(5)
    await log.seal()
    receipt = await log.receipt(3)
    await log.superuser.execute("ALTER TABLE event DISABLE TRIGGER ALL")
    await log.superuser.execute(
        "UPDATE event SET data = convert_to(replace(convert_from(data, 'UTF8'), 'note 2', 'note 9'), 'UTF8')"
        " WHERE position = 3"
    )
    await log.superuser.execute("ALTER TABLE event ENABLE TRIGGER ALL")
    with pytest.raises(ReceiptRefused, match="does not stand at position 3"):
        receipt.proves((await log.lines())[2], log_signer().verifier)


# --- what is never signed --------------------------------------------------------------------------------------------


async def test_a_record_that_was_set_back_is_not_signed(log: Log) -> None:
    await log.write(10)
    await log.seal()
    await log.set_back(6)
    await log.grow()
    with pytest.raises(NotSigned, match="6 leaves, and 10 were signed"):
        await log.sign()


async def test_a_record_that_was_set_back_and_written_anew_is_not_signed(log: Log, pool: asyncpg.Pool) -> None:
    await log.write(10)
    await log.seal()
    await log.set_back(6)
    again = EventStore(pool, log.store.log_id, CATALOGUE)
    await again.append(proposal(*(noted("U-2", f"another {n}") for n in range(20))))
    # Before it is judged: what is not given back would keep a failure waiting.
    await again.close()
    await log.grow()
    with pytest.raises(NotSigned, match="does not go on from the 10 leaves"):
        await log.sign()


async def test_a_tree_that_was_tampered_with_is_not_signed(log: Log) -> None:
    await log.write(300)
    await log.seal()
    await log.write(5)
    await log.grow()
    await log.superuser.execute(
        "UPDATE tile SET hashes = overlay(hashes placing '\\xff'::bytea from 1) WHERE number = 0"
    )
    with pytest.raises(NotSigned, match="does not go on"):
        await log.sign()
    await log.superuser.execute("DELETE FROM tile WHERE level = 0 AND number = 1")
    with pytest.raises(NotSigned, match="damaged"):
        await log.sign()


async def test_a_signer_that_died_between_memory_and_database_signs_the_same_again(log: Log) -> None:
    await log.write(7)
    await log.grow()
    with Memory(log.folder) as memory:
        memory.remember(ORIGIN, 7, await log.checkpoints.tree(log.store.log_id).root(7))
    assert (await log.sign()).size == 7


async def test_a_signer_that_lost_its_memory_goes_on_from_what_the_database_still_holds(log: Log) -> None:
    await log.write(10)
    await log.seal()
    (log.folder / "signed.json").unlink()
    await log.write(2)
    assert (await log.seal()).size == 12
    (log.folder / "signed.json").unlink()
    await log.superuser.execute("UPDATE tile SET hashes = overlay(hashes placing '\\xff'::bytea from 1)")
    await log.write(1)
    await log.grow()
    with pytest.raises(NotSigned, match="does not go on from the 12 leaves"):
        await log.sign()


async def test_a_signer_without_memory_signs_nothing_beside_anothers_checkpoint(log: Log) -> None:
    await log.write(3)
    await log.grow()
    foreign = signed(Checkpoint(ORIGIN, 2, bytes(32)).text(), [Signer.fresh(ORIGIN)])
    await log.superuser.execute(
        "INSERT INTO signed_checkpoint (log_id, size, note) VALUES ($1, 2, $2)", log.store.log_id, foreign
    )
    with pytest.raises(NotSigned, match="these keys did not sign"):
        await log.sign()


async def test_the_application_cannot_change_what_was_signed(log: Log, pool: asyncpg.Pool) -> None:
    await log.write(3)
    await log.seal()
    for change in (
        "UPDATE signed_checkpoint SET note = ''",
        "DELETE FROM signed_checkpoint",
        "TRUNCATE signed_checkpoint",
        "DELETE FROM tile",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(change)


async def test_after_a_rotation_both_keys_sign_until_the_former_one_is_taken_away(log: Log) -> None:
    await log.write(3)
    await log.seal()
    former = log_signer().verifier
    log.keys = MasterKeys(b"\x02" * 32, (KEYS.present,))
    await log.write(1)
    both = await log.seal()
    (newest,) = await log.checkpoints.newest(log.store.log_id)
    assert opened(newest.note, [former])[1] == (former,)
    assert [present for _, present in await log.checkpoints.verifiers(log.store.log_id)] == [False, True]
    log.keys = MasterKeys(b"\x02" * 32)
    await log.write(1)
    alone = await log.seal()
    assert (both.size, alone.size) == (4, 5)


def test_one_signer_at_a_time_has_a_memory_in_hand(tmp_path: Path) -> None:
    with Memory(tmp_path), pytest.raises(MemoryRefused, match="in hand"):
        Memory(tmp_path)
    with Memory(tmp_path) as memory:
        memory.remember(ORIGIN, 3, bytes(32))
    with Memory(tmp_path) as memory:
        assert memory.last(ORIGIN) == (3, bytes(32))
        assert memory.last("another") is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"a": 1}', '{"a": {"size": 0, "root": "00"}}', '{"a": {"size": 1, "root": "00"}}']
)
def test_a_memory_that_is_damaged_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "signed.json").write_text(text)
    with pytest.raises(MemoryRefused, match="damaged"):
        Memory(tmp_path)


async def noted_in(logged: list[Any]) -> bool:
    return bool(logged)


# --- the processes ---------------------------------------------------------------------------------------------------


async def test_the_signer_says_what_it_refuses_once_and_goes_on_when_it_is_mended(log: Log) -> None:
    await log.write(10)
    await log.seal()
    await log.superuser.execute("UPDATE tree SET size = 6")
    with capture_logs() as logged, Memory(log.folder) as memory:
        work = asyncio.create_task(signer.sign_for_ever(lambda: Signing(KEYS, memory), log.checkpoints, 0.001))
        await eventually(lambda: noted_in(logged), "the refusal is logged")
        await log.superuser.execute("UPDATE tree SET size = 10")
        await log.write(1)
        await log.grow()
        await eventually(lambda: log.checkpoints.covering(log.store.log_id, 11), "it signs again")
        work.cancel()
        await asyncio.wait([work])
    assert [entry["event"] for entry in logged] == ["signer.refuses"]


@pytest.mark.parametrize("follower", ["tree", "signed"])
async def test_sealing_that_is_late_is_told_once_and_that_it_has_caught_up(
    log: Log, follower: Literal["tree", "signed"]
) -> None:
    await log.write(4)
    with capture_logs() as logged:
        work = asyncio.create_task(tell_when_late(log.checkpoints, follower, look_seconds=0.001, late_seconds=0.05))
        await eventually(lambda: noted_in(logged), "it is said to be late")
        await log.seal()
        await eventually(lambda: said(logged, "sealing.caught_up"), "it is said to have caught up")
        work.cancel()
        await asyncio.wait([work])
    assert [(entry["event"], entry["events"], entry["follower"]) for entry in logged] == [
        ("sealing.late", 4, follower),
        ("sealing.caught_up", 0, follower),
    ]


async def test_a_lag_counts_events_and_the_age_of_the_oldest(log: Log) -> None:
    await log.write(3)
    await log.seal()
    assert [(each.follower, each.events, each.seconds) for each in await log.checkpoints.lags()] == [
        ("signed", 0, 0.0),
        ("tree", 0, 0.0),
    ]
    await log.write(2)
    await log.grow()
    unsigned, tree = await log.checkpoints.lags()
    assert (unsigned.events, tree.events, tree.seconds) == (2, 0, 0.0)
    assert 0 < unsigned.seconds < 60


async def said(logged: list[Any], event: str) -> bool:
    return any(entry["event"] == event for entry in logged)


@pytest.mark.slow
async def test_killed_again_and_again_they_leave_no_gap_and_no_fork(log: Log, database: Database) -> None:
    folder = log.folder / "state"
    folder.mkdir()
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("BIAOGAN_")},
        "BIAOGAN_DATABASE_URL": database.app_url,
        "BIAOGAN_STATE_DIR": str(folder),
    }

    async def started(name: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"workers.{name}", cwd=ROOT, env=env,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

    async def killing(name: str) -> None:
        for _ in range(4):
            process = await started(name)
            await asyncio.sleep(1.5)
            process.send_signal(signal.SIGKILL)
            await process.wait()

    async def writing() -> None:
        for _ in range(60):
            await log.write(50)
            await asyncio.sleep(0.1)

    async def cutting() -> None:
        """The database ends their connections under their hands."""
        for _ in range(20):
            await log.superuser.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = $1 AND application_name IN ('biaogan sealer', 'biaogan signer')",
                database.name,
            )
            await asyncio.sleep(0.3)

    await asyncio.gather(writing(), killing("sealer"), killing("sealer"), killing("signer"), cutting())
    head = await log.store.head()
    last = [await started("sealer"), await started("signer")]
    try:
        await eventually(lambda: log.checkpoints.covering(log.store.log_id, head), "all of it is signed")
    finally:
        for process in last:
            process.terminate()
            assert await process.wait() == 0
    notes = [each.note for each in await log.checkpoints.newest(log.store.log_id, 10_000)]
    log.keys = read_key_file(folder / "signer" / "signer.key")
    checkpoints = [log.open(note) for note in notes]
    newest, tree = checkpoints[0], log.checkpoints.tree(log.store.log_id)
    assert newest.root == await log.printed_root()
    for each in checkpoints:
        path = await tree.consistency(each.size, newest.size)
        assert proves_consistency(each.size, each.root, path, newest.size, newest.root)


async def test_the_sealer_waits_for_a_database_that_is_away(log: Log) -> None:
    await log.write(3)
    await log.superuser.execute("ALTER TABLE tree RENAME TO away")
    work = asyncio.create_task(sealer.grow_for_ever(log.checkpoints, 0.01))
    await asyncio.sleep(0.1)
    assert not work.done()
    await log.superuser.execute("ALTER TABLE away RENAME TO tree")
    await eventually(lambda: log.checkpoints.size(log.store.log_id), "the tree has grown")
    work.cancel()
    await asyncio.wait([work])
