"""What the demonstration does on the machine itself and not over the wire: what an operator would do in a shell.

It opens the institution, as nobody can be let in before, gives its administrator the first token; and afterwards it
exports the log, recomputes its root and compares every view with a replay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path

from api.acts import Wiring
from api.callers import SCOPES
from api.cli.institution import Opening, open_institution
from api.cli.reaching import opened
from domain.lifecycle import CATALOGUE
from infra.embedded import Urls
from infra.line import Checked, check, line
from infra.replay import Difference, verify
from infra.settings import Settings
from projections import VIEWS

__all__ = ["differences", "export", "first_token", "open_simulated", "reached"]


def reached(settings: Settings) -> AbstractAsyncContextManager[Wiring]:
    """What the command line works with, on the database of the demonstration."""
    return opened(settings, Urls(owner_url="", app_url=settings.database_url or ""))


async def open_simulated(
    settings: Settings, names: Mapping[str, str], starts_at: str, administrator_id: str, name: str
) -> int:
    """Open a simulated institution, or find the one that was opened; returns the number of its log."""
    opening = Opening(
        **names,
        starts_at=datetime.fromisoformat(starts_at),
        administrator_id=administrator_id,
        details={"name": name},
    )
    async with reached(settings) as wiring:
        for there in await wiring.parts.clock.institutions():
            if there.institution_id == opening.institution_id:
                return there.log_id
        return (await open_institution(wiring, opening)).log_id


async def first_token(settings: Settings, log_id: int, person_id: str) -> str:
    """The administrator's token; all others are asked for over HTTP."""
    async with reached(settings) as wiring:
        return (await wiring.parts.tokens.create(log_id, person_id, tuple(SCOPES))).secret


async def export(settings: Settings, log_id: int, origin: str, path: Path) -> Checked:
    """Write the canonical lines of the log, then check the file as anybody can and recompute its root."""
    async with reached(settings) as wiring:
        store = await wiring.parts.stores(log_id)
        with path.open("wb") as file:
            async for page in store.rows():
                file.writelines(line(origin, row) + b"\n" for row in page)
    with path.open("rb") as file:
        return check(file)


async def differences(settings: Settings, log_id: int) -> Sequence[Difference]:
    """Fold everything from position 1 and compare with every live view."""
    async with reached(settings) as wiring:
        return await verify(wiring.parts.pool, VIEWS, CATALOGUE, log_id)
