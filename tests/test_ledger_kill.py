"""Scheduler, worker, dispatcher, projector and database killed during closes: one close, one ledger, the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, cast

import asyncpg
import pytest

from domain.funding.events import InstitutionLedgerPublished, LedgerPublished, PeriodClosed
from domain.kernel import Event, encode
from infra.embedded import EmbeddedPostgres
from infra.embedded_broker import EmbeddedValkey
from infra.migrate import migrate
from infra.outbox import Outbox
from infra.writer import LOST
from tests.conftest import Database, chosen_binaries, open_folder
from tests.money import the_appropriation
from tests.office import open_office, parts_of
from tests.scheduling import Furnished, eventually, furnish, projecting, scheduling
from tests.spec import at
from tests.test_funding_by_time import month, record

pytestmark = [pytest.mark.slow, pytest.mark.store, pytest.mark.timeout(240)]
ROOT = Path(__file__).resolve().parent.parent
MODULES = {
    "projector": "workers.projector",
    "dispatcher": "workers.dispatcher",
    "worker": "tests.closing",
    "scheduler": "workers.scheduler",
}
STAFF = ("projector-1", "dispatcher-1", "worker-1", "worker-2", "scheduler-1", "scheduler-2")
TROUBLES = ("worker-1", "scheduler-1", "backends", "dispatcher-1", "database", "projector-1")
DAYS = [f"{month}-20" for month in ("2020-08", "2020-10", "2021-01", "2021-04", "2021-07", "2021-10")]
"""Each time something more is due: a month at least, now and then a quarter, a year or the cycle."""
CLOSES = 18 + 6 + 2 + 1
"""The months, quarters and years from July 2020 on, and the cycle."""
KINDS: tuple[type[Event], ...] = (PeriodClosed, LedgerPublished, InstitutionLedgerPublished)
EVENTS = 3 * CLOSES - 1
"""Each is closed and published, and all but the cycle is published for the institution, too."""
AWAY = (asyncpg.PostgresError, *LOST)


@dataclass
class House:
    """Processes of the product, two that schedule and two that work, around a server and a broker of their own."""

    server: EmbeddedPostgres
    broker: EmbeddedValkey
    key_file: Path
    url: str
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        env = {
            **{key: value for key, value in os.environ.items() if not key.startswith("BIAOGAN_")},
            "BIAOGAN_DATABASE_URL": self.url,
            "BIAOGAN_BROKER_URL": self.broker.url,
            "BIAOGAN_STATE_DIR": str(self.key_file.parent),
            "BIAOGAN_KEY_FILE": str(self.key_file),
        }
        argv = [sys.executable, "-m", MODULES[name.partition("-")[0]]]
        with (self.key_file.parent / "house.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                argv, env=env, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def supervise(self) -> None:
        """Start anew what ended by itself: a process that the database has left ends in plain sight."""
        for name, process in list(self.running.items()):
            if process.poll() is not None:
                self.start(name)

    async def trouble(self, what: str) -> None:
        if what == "database":
            os.kill(cast("int", self.server.pid), 9)
            self.server.stop()
            self.server.start()
        elif what == "backends":
            admin = await asyncpg.connect(self.server.superuser_url("closing"))
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name IN"
                " ('biaogan worker', 'biaogan scheduler', 'biaogan dispatcher', 'biaogan projector')"
            )
            await admin.close()
        else:
            self.kill(what)
            self.start(what)


@pytest.fixture
def house() -> Iterator[House]:
    with open_folder() as folder, ExitStack() as stack:
        server = stack.enter_context(EmbeddedPostgres(Path(folder) / "pg", chosen_binaries()))
        broker = stack.enter_context(EmbeddedValkey(Path(folder) / "broker"))
        found = House(server, broker, Path(folder) / "vault.key", server.urls("closing").app_url)
        yield found
        for name in list(found.running):
            found.kill(name)


@asynccontextmanager
async def furnished(url: str, key_file: Path) -> AsyncIterator[Furnished]:
    """An office with money of which nothing is closed yet."""
    past = the_appropriation(
        close_months_after_days=10, cycle_ends_on=date(2021, 6, 30), **month("2020-07-31", "2020-08-11")
    )
    async with parts_of(url, key_file=key_file) as parts:
        here = await furnish(await open_office(parts))
        await record(here, past)
        yield here


def told(closed: list[Any]) -> list[tuple[Any, ...]]:
    return sorted((each.event.last_day, each.event.period, each.envelope.effective_at, encode(each.event))
                  for each in closed)  # fmt: skip


def files_of(published: list[Any]) -> dict[tuple[Any, ...], Any]:
    found = {(each.event.period, each.event.last_day): each.event.files for each in published}
    assert len(found) == len(published), "no ledger twice"
    return found


async def kept(here: Furnished, files: dict[tuple[Any, ...], Any]) -> dict[str, bytes]:
    parts, log_id = here.office.parts, here.office.log_id
    return {file.digest: await parts.published.read(log_id, file.digest) for each in files.values() for file in each}


async def test_whatever_is_killed_each_period_has_one_close_and_one_ledger(
    house: House, database: Database, tmp_path: Path
) -> None:
    async with furnished(database.app_url, tmp_path / "vault.key") as calm, projecting(calm.office.parts):
        await calm.jump(at("2022-01-20 09:00"))
        async with scheduling(calm.office.parts):
            await eventually(partial(is_done, calm), "every ledger of an undisturbed run")
        undisturbed = told(await calm.events(PeriodClosed))
        expected = files_of(await calm.events(LedgerPublished))
        bytes_ = await kept(calm, expected)
        together = files_of(await calm.events(InstitutionLedgerPublished))

    urls = await house.server.prepare("closing")
    await migrate(urls.owner_url)
    async with furnished(urls.app_url, house.key_file) as here:
        for name in STAFF:
            house.start(name)
        for trouble, day in zip(TROUBLES, DAYS, strict=True):
            before = await done_in(here)
            await here.jump(at(f"{day} 09:00"))
            await eventually(partial(is_more, house, here, before), "something is closed or published")
            await house.trouble(trouble)
            await eventually(partial(done_in, here), "the database answers")
            house.supervise()
        await here.jump(at("2022-01-20 09:00"))
        await eventually(partial(is_all, house, here), "every ledger, whatever was killed", 120)
        assert told(await here.events(PeriodClosed)) == undisturbed
        assert files_of(await here.events(InstitutionLedgerPublished)) == together
        published = await here.events(LedgerPublished)
        found = files_of(published)
        assert found == expected
        assert await kept(here, found) == bytes_
        assert {each.envelope.actor_kind for each in published} == {"automation"}
        await eventually(partial(is_settled, here), "no task is left that was handed to somebody killed")


async def done_in(here: Furnished) -> int:
    """How much is closed and published; nothing that can be told while the database is away."""
    try:
        return 1 + sum([len(await here.events(kind)) for kind in KINDS])
    except AWAY:
        return 0


async def is_settled(here: Furnished) -> bool:
    """A worker killed between its ledger and the word that it is done leaves a task, which somebody else ends."""
    rows = await Outbox(here.office.parts.pool).list(here.office.log_id, limit=1000)
    return {row.state for row in rows if row.automation == "when_period_closed_publish_ledger"} == {"done"}


async def is_more(house: House, here: Furnished, before: int) -> bool:
    house.supervise()
    return await done_in(here) > before


async def is_done(here: Furnished) -> bool:
    return await done_in(here) > EVENTS


async def is_all(house: House, here: Furnished) -> bool:
    house.supervise()
    return await is_done(here)
