"""The database killed outright under sealer and signer, and they beside it: all is sealed, without a gap or a fork."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.checkpoints import Checkpoints
from infra.embedded import EmbeddedPostgres
from infra.event_store import EventStore, open_log
from infra.line import Root, leaf, line
from infra.master_key import read_key_file
from infra.migrate import migrate
from infra.note import Checkpoint, Signer, opened
from infra.signing import KEY_FILE
from infra.tree import proves_consistency
from infra.writer import LOST
from tests.conftest import chosen_binaries, open_folder
from tests.killing import AT_LEAST, WRITERS
from tests.logs import CATALOGUE
from tests.scheduling import eventually

pytestmark = [pytest.mark.slow, pytest.mark.store, pytest.mark.timeout(240)]

ORIGIN = "office-1"
ROOT = Path(__file__).resolve().parent.parent
ROUNDS: tuple[tuple[str, ...], ...] = (
    ("database",),
    ("sealer", "database"),
    ("signer", "database"),
    ("database", "sealer", "signer"),
    ("database",),
)
"""Who is killed at once, again and again, each time after something more was signed."""
WRITING_SECONDS = 60.0
"""As long as writers write where nobody tells them to end sooner; the test does, once the rounds are over."""
AWAY = (asyncpg.PostgresError, *LOST)


@dataclass
class House:
    """A durable server of this test alone, with a sealer, a signer and a writer at work on it."""

    server: EmbeddedPostgres
    folder: Path
    url: str
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        env = {
            **{key: value for key, value in os.environ.items() if not key.startswith("BIAOGAN_")},
            "BIAOGAN_DATABASE_URL": self.url,
            "BIAOGAN_STATE_DIR": str(self.folder),
        }
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", f"workers.{name}"], env=env, cwd=ROOT, stdout=log, stderr=log
            )

    def supervise(self) -> None:
        """Start anew what was killed, or ended by itself since the database had left in plain sight."""
        for name, process in list(self.running.items()):
            if process.poll() is not None:
                self.start(name)

    def kill(self, *names: str) -> None:
        """All of them at the same moment, as when the power fails; the database comes back by itself."""
        for name in names:
            pid = cast("int", self.server.pid) if name == "database" else self.running[name].pid
            os.kill(pid, signal.SIGKILL)
        for name in names:
            if name == "database":
                self.server.stop()
                self.server.start()
            else:
                self.running[name].wait()


@pytest.fixture
def house() -> Iterator[House]:
    with open_folder() as folder, EmbeddedPostgres(Path(folder) / "pg", chosen_binaries()) as server:
        found = House(server, Path(folder), server.urls("sealing").app_url)
        yield found
        for process in found.running.values():
            process.kill()
            process.wait()


async def notes_of(checkpoints: Checkpoints, log_id: int) -> set[str]:
    """Every signed note that the database holds."""
    return {each.note for each in await checkpoints.newest(log_id, 10_000)}


async def more_than(house: House, checkpoints: Checkpoints, log_id: int, before: set[str]) -> set[str]:
    """What is signed by now, once that is more than before; nothing while the database is away."""
    house.supervise()
    try:
        now = await notes_of(checkpoints, log_id)
    except AWAY:
        return set()
    return now if now - before else set()


async def all_sealed(house: House, store: EventStore, checkpoints: Checkpoints) -> int:
    """How many events there are, once each of them is signed."""
    house.supervise()
    try:
        head = await store.head()
        return head if await checkpoints.covering(store.log_id, head) is not None else 0
    except AWAY:
        return 0


async def root_of_lines(store: EventStore, head: int) -> bytes:
    """The root over every line of the log, hashed anew."""
    root = Root()
    async for page in store.rows(until=head):
        for row in page:
            root.add(leaf(line(ORIGIN, row)))
    return root.digest()


def read(notes: set[str], folder: Path) -> list[Checkpoint]:
    """What the notes say, under the key of the signer that was killed; the smallest first."""
    secret = read_key_file(folder / "signer" / KEY_FILE).present
    key = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(secret)).verifier
    return sorted((Checkpoint.parse(opened(note, [key])[0]) for note in notes), key=lambda each: each.size)


async def test_a_database_killed_under_sealer_and_signer_leaves_no_gap_and_no_fork(house: House) -> None:
    urls = await house.server.prepare("sealing")
    await migrate(urls.owner_url)
    async with asyncpg.create_pool(urls.app_url, min_size=0, max_size=4, command_timeout=20) as pool:
        log_id = await open_log(pool, ORIGIN, "simulated")

        async def the_store(_: int) -> EventStore:
            return store

        store = EventStore(pool, log_id, CATALOGUE)
        checkpoints = Checkpoints(pool, the_store)
        told = house.folder / "told"
        argv = [sys.executable, "-m", "tests.killing", urls.app_url, str(log_id), "w", str(WRITING_SECONDS), str(told)]
        writer = subprocess.Popen(argv, cwd=ROOT)  # noqa: ASYNC220 - It is ended below.
        try:
            kept = await _troubled(house, checkpoints, log_id)
            assert writer.poll() is None, "events were appended all the while"
        finally:
            writer.kill()
            writer.wait()

        head = await eventually(partial(all_sealed, house, store, checkpoints), "all of it is signed")
        acknowledged = [int(row.split()[2]) for row in told.read_text().splitlines()]
        assert len(acknowledged) > WRITERS * AT_LEAST
        assert max(acknowledged) <= head
        held = await notes_of(checkpoints, log_id)
        assert kept <= held, "no signature that somebody has seen is missing afterwards"
        signed = read(held, house.folder)
        newest = signed[-1]
        assert (newest.size, newest.root) == (head, await root_of_lines(store, head))
        assert len(signed) > 2 * len(ROUNDS)
        tree = checkpoints.tree(log_id)
        for earlier, later in itertools.pairwise(signed):
            path = await tree.consistency(earlier.size, later.size)
            assert proves_consistency(earlier.size, earlier.root, path, later.size, later.root)
        await store.close()


async def _troubled(house: House, checkpoints: Checkpoints, log_id: int) -> set[str]:
    """Every note that somebody outside took down between one blow and the next."""
    house.start("sealer")
    house.start("signer")
    kept: set[str] = set()
    for victims in ROUNDS:
        for _ in range(2):
            kept |= await eventually(partial(more_than, house, checkpoints, log_id, kept), "more is signed")
        house.kill(*victims)
    return kept
