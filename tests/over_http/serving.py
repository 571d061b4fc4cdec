"""The API over real HTTP: a server on a port of this machine, a projector beside it, an office that is open."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from api.app import application
from api.protocol import served
from domain.institution.events import ClockAdvanced
from domain.lifecycle import CATALOGUE
from domain.permission import policy
from infra.assembly import Assembly, assemble, open_pool
from infra.front_door import Caller
from infra.master_key import ensure_key_file
from infra.projector import Projector
from infra.views import Views
from projections import VIEWS
from tests.conftest import Database
from tests.office import Office, open_office

ALL_SCOPES = ("read", "act", "backdate", "clock")


@dataclass
class Served:
    """A running API and its office; tokens are made for whoever is to ask.

    Whatever is recorded for the office is asked for in the other institution as well, with the same ids: whatever of it
    showed here would be seen by the test that goes on.
    """

    http: httpx.AsyncClient
    office: Office
    other: Office
    other_clerk: Caller
    parts: Assembly
    views: Views
    mirrored: int = 0
    _tokens: dict[tuple[int, str], str] = field(default_factory=dict)
    _keys: itertools.count[int] = field(default_factory=itertools.count)

    async def token(self, caller: Caller, scopes: tuple[str, ...] = ALL_SCOPES) -> str:
        key = (caller.log_id, caller.person_id)
        if key not in self._tokens or scopes != ALL_SCOPES:
            made = await self.parts.tokens.create(caller.log_id, caller.person_id, scopes)
            if scopes != ALL_SCOPES:
                return made.secret
            self._tokens[key] = made.secret
        return self._tokens[key]

    async def post(
        self,
        caller: Caller,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        only_here: bool = False,
    ) -> httpx.Response:
        answer = await self._send(caller, path, body, {"Idempotency-Key": key or self._key(), **(headers or {})})
        if answer.status_code == 201 and caller.log_id == self.office.log_id and not only_here:
            await self._same_in_the_other(path, body, headers or {})
        return answer

    def _key(self) -> str:
        return f"http-{next(self._keys)}"

    async def _send(self, caller: Caller, path: str, body: Any, headers: Mapping[str, str]) -> httpx.Response:
        sent = {"Authorization": f"Bearer {await self.token(caller)}", **headers}
        if isinstance(body, bytes):
            return await self.http.post(path, content=body, headers=sent)
        return await self.http.post(path, json={} if body is None else body, headers=sent)

    async def _same_in_the_other(self, path: str, body: Any, headers: Mapping[str, str]) -> None:
        """Ask for the same in the other institution, as whoever may; where it lacks what this rests on, it says no."""
        if path.startswith(("/v1/tokens", "/v1/clock")):
            return
        for caller in (self.other.administrator, self.other_clerk):
            answer = await self._send(caller, path, body, {**headers, "Idempotency-Key": self._key()})
            self.mirrored += answer.status_code == 201
            if answer.status_code != 403:
                return

    async def get(
        self, caller: Caller, path: str, headers: Mapping[str, str] | None = None, **query: Any
    ) -> httpx.Response:
        # What a test has just recorded it wants to read; who waits for nobody asks ``http`` itself.
        await self.views.until(caller.log_id, await (await self.parts.stores(caller.log_id)).head())
        sent = {"Authorization": f"Bearer {await self.token(caller)}", **(headers or {})}
        return await self.http.get(path, params=query or None, headers=sent)


@asynccontextmanager
async def serving(database: Database, folder: Path, *, simulated: bool = True) -> AsyncIterator[Served]:
    """Serve a database in which two institutions are open, the second with equal ids to show that nothing mixes."""
    keys = ensure_key_file(folder / "vault.key")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(served(application(database.app_url, lambda: keys, failed_logins=100_000), port=port))
    async with (
        open_pool(database.app_url, name="test") as pool,
        assemble(pool, keys, catalogue=CATALOGUE, law=policy, advanced=ClockAdvanced) as parts,
    ):
        other = await open_office(parts, "OTHER", simulated=simulated)
        other_clerk = await other.somebody("clerk")
        office = await open_office(parts, simulated=simulated)
        work = [
            asyncio.create_task(Projector(pool, VIEWS, CATALOGUE).run()),
            asyncio.create_task(server.serve()),
        ]
        try:
            async with asyncio.timeout(30):
                while not server.started:
                    assert not work[1].done(), "the server did not start"
                    await asyncio.sleep(0.01)
            # As in the walks: no connection is kept for as long as the server keeps an idle one.
            limits = httpx.Limits(keepalive_expiry=2)
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, limits=limits) as http:
                yield Served(
                    http, office, other, other_clerk, parts, Views(pool, VIEWS, parts.clock, parts.stores, 30.0)
                )
        finally:
            server.should_exit = True
            work[0].cancel()
            await asyncio.gather(*work, return_exceptions=True)
