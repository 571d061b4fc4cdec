"""The product as an office runs it: on the database that is named, on the next free port, gone when it is killed."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from infra.embedded import EmbeddedPostgres
from tests.conftest import open_folder
from tests.test_demo import Machine
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def machine() -> Iterator[Machine]:
    with open_folder() as folder:
        prepared = Machine(Path(folder))
        yield prepared
        prepared.clear()


async def test_on_a_database_of_somebody_s_own_it_starts_none_and_leaves_nothing_when_it_is_killed(
    server: EmbeddedPostgres, machine: Machine
) -> None:
    urls = await server.prepare("external")
    named = {"BIAOGAN_DATABASE_URL": urls.app_url, "BIAOGAN_OWNER_URL": urls.owner_url}
    with socket.create_server(("127.0.0.1", machine.port)):
        serving = machine.start(command="serve", **named)
        until(lambda: "Ctrl-C" in machine.said() or serving.poll() is not None, "it is up", 90)
    said = machine.said()
    assert f"port {machine.port} is taken" in said
    assert "BIAOGAN_DATABASE_URL" in said
    assert not (machine.state / "postgres").exists(), "no database of our own"
    url = re.search(r"http://[0-9.]+:\d+", said)
    assert url is not None
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{url[0]}/readyz")).status_code == 200
    superuser = await asyncpg.connect(server.superuser_url("external"))
    try:
        assert await superuser.fetchval("SELECT origin FROM log") == "main"
        owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        assert [row["tableowner"] for row in await superuser.fetch(owners)] == ["biaogan_owner"]
    finally:
        await superuser.close()
    assert len(machine.running()) > 3, "the tree is there to be killed"
    serving.kill()
    serving.wait()
    until(lambda: not machine.running(), "nothing of the tree is left", 30)


async def test_without_the_owner_s_address_an_empty_database_is_refused_with_what_mends_it(
    server: EmbeddedPostgres, machine: Machine
) -> None:
    urls = await server.prepare("external_empty")
    for address, mends in ((urls.app_url, "BIAOGAN_OWNER_URL"), ("postgresql://x@127.0.0.1:1/x", "does not answer")):
        serving = machine.start(command="serve", BIAOGAN_DATABASE_URL=address)
        assert serving.wait(60) == 3
        assert mends in machine.said().splitlines()[-1]
        assert "Traceback" not in machine.said()
        assert "starting api" not in machine.said(), "nothing is started that could only crash"
