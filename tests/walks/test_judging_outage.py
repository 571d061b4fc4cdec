"""A programme is judged undisturbed, and with processes killed over every deadline: nothing comes out otherwise."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio

from domain.document.events import DocumentDeposited
from domain.kernel import Recorded
from infra.embedded import EmbeddedPostgres
from tests.conftest import open_folder
from tests.office import parts_of
from tests.walks.desk import PATIENCE_SECONDS, Desk, desk
from tests.walks.judging import PANEL, Judging, Meanwhile, outcomes
from tests.walks.running import Product, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
HERE = "UNI"
STANDING = ("api", "projector")
PINNED = {"list_digest", "definition_digest", "text_digest"}
"""Digests of what is the same in every life."""


# --- a history, without what differs from life to life ---------------------------------------------------------------


@dataclass
class History:
    """What is recorded in one life: each event is known by what it says and by what it refers to, not by its place."""

    events: Sequence[Recorded]
    labels: dict[int, str] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for recorded in self.events:
            label = sha256(repr(self._told(recorded)).encode()).hexdigest()[:12]
            self.labels[recorded.position] = label
            if isinstance(recorded.event, DocumentDeposited):
                self.documents[recorded.event.document_id] = label

    def _told(self, recorded: Recorded) -> tuple[Any, ...]:
        who = recorded.envelope
        return (
            recorded.type,
            self.without_places(msgspec.to_builtins(recorded.event)),
            tuple(sorted(self.without_places(tag) for tag in recorded.tags)),
            (who.actor_id, who.actor_kind, who.authority, who.reason_code),
            who.effective_at.isoformat(),
            None if who.cause is None else self.labels[who.cause],
        )

    def told(self) -> Counter[tuple[Any, ...]]:
        """Everything but the movements of the clock, as often as it is recorded."""
        kept = (each for each in self.events if each.type != "institution.clock_advanced.v1")
        return Counter(_frozen(self._told(recorded)) for recorded in kept)

    def without_places(self, value: Any, name: str = "") -> Any:
        """Positions and documents become what stands there; salts go, and whatever depends on one."""
        match value:
            case Mapping():
                return {key: self.without_places(each, key) for key, each in value.items() if not _is_generated(key)}
            case list() | tuple():
                return [self.without_places(each, name) for each in value]
            case int() if name.endswith(("position", "positions")):
                return self.labels.get(value, value)
            case str() if name == "obligation_id" or value.startswith("obligation:"):
                kind, _, position = value.rpartition("-")
                return f"{kind}-{self.labels[int(position)]}"
            case str() if name.endswith("document_id") or value.startswith("document:"):
                return self.documents.get(value.removeprefix("document:"), "sealed")
        return value


def _is_generated(name: str) -> bool:
    return name in {"salt", "commitment", "version"} or (name.endswith("digest") and name not in PINNED)


def _frozen(value: Any) -> Any:
    match value:
        case Mapping():
            return tuple((key, _frozen(each)) for key, each in sorted(value.items()))
        case list() | tuple():
            return tuple(_frozen(each) for each in value)
    return value


@dataclass
class Life:
    """One life: what was recorded, what is read of it, what was refused, and what was recorded late."""

    history: History
    read: dict[str, Any]
    refused: list[tuple[str, int]]

    def late(self, kind: str) -> list[str]:
        """The types of events of schedule or automation that were recorded after the instant they hold for."""
        envelopes = ((each.type, each.envelope) for each in self.history.events)
        return [name for name, one in envelopes if one.actor_kind == kind and one.received_at > one.effective_at]

    def by(self, kind: str) -> list[str]:
        return [each.type for each in self.history.events if each.envelope.actor_kind == kind]


# --- two ways for time to pass ---------------------------------------------------------------------------------------


@dataclass
class Weather:
    """Lets time pass; what is ``away`` is killed over each deadline and comes back when it is past."""

    product: Product
    house: Desk
    away: Sequence[str] = ()

    async def __call__(self, to: str, meanwhile: Meanwhile) -> None:
        for process in dict.fromkeys(self.away):
            self.product.kill(process)
        await self._advance(to, unattended=bool(self.away))
        await meanwhile()
        await asyncio.gather(*(self.product.start(process) for process in self.away))
        # The advance waits until all that was due has been done, and all that follows from it.
        await self._advance((datetime.fromisoformat(to) + timedelta(seconds=1)).isoformat(), unattended=False)

    async def _advance(self, to: str, *, unattended: bool) -> None:
        """Send it again where somebody needs longer to come back than the clock is patient."""
        body = {"to": to, "unattended": unattended}
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        answer = await self.house.send("administrator", "POST", "/v1/clock/advance", json=body)
        while answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            assert asyncio.get_running_loop().time() < deadline, answer.text
            answer = await self.house.send("administrator", "POST", "/v1/clock/advance", json=body)
        assert answer.is_success, answer.text


async def lived(server: EmbeddedPostgres, template: str, folder: Path, away: Sequence[str] = ()) -> Life:
    """Play the whole of it on a database of its own; ``away`` names each process as often as it runs."""
    processes = [*STANDING, *(away or ()), *({"dispatcher", "worker", "scheduler"} - set(away))]
    async with (
        running(server, template, folder, processes) as product,
        desk(product.settings, product.urls, HERE) as house,
    ):
        judging = Judging(house, Weather(product, house, away))
        await judging.play()
        async with parts_of(str(product.settings.database_url), key_file=product.settings.key_file) as parts:
            history = History((await (await parts.stores(house.log_id)).read()).events)
        head = history.events[-1].position
        read: dict[str, Any] = {}
        for path, query in outcomes():
            rows = (await house.read("auditor", path, min_position=head, **query))["items"]
            read[path] = sorted((_frozen(history.without_places(row)) for row in rows), key=repr)
        ranking = await house.read("auditor", f"/v1/panels/{PANEL}/tracks/branch/ranking", min_position=head)
        read["ranking"] = [(each["application_id"], each["rank"], each["score"]) for each in ranking["placings"]]
        return Life(history, read, judging.refused)


@pytest_asyncio.fixture(scope="module")
async def undisturbed(server: EmbeddedPostgres, template: str) -> AsyncIterator[Life]:
    with open_folder() as folder:
        yield await lived(server, template, Path(folder))


def test_undisturbed_everything_that_is_due_is_recorded_in_time(undisturbed: Life) -> None:
    assert (undisturbed.late("schedule"), undisturbed.late("automation")) == ([], [])
    assert Counter(undisturbed.by("schedule")) == {
        "application.window_closed.v1": 1,
        "obligation.reminded.v1": 5,
        "obligation.fell_overdue.v1": 3,
        "review.scoring_closed.v1": 1,
        "publicity.closed.v1": 2,
        "publicity.entry_passed.v1": 2,
    }
    assert Counter(undisturbed.by("automation")) == {
        "review.score_sheet_opened.v1": 10,
        "selection.struck.v1": 1,
        "selection.confirmed.v1": 3,
        "cultivation.begun.v1": 3,
    }
    assert set(undisturbed.history.told().values()) == {1}, "each thing once"


EVERYBODY = ("scheduler", "dispatcher", "worker")


@pytest.mark.parametrize(
    "away",
    [("scheduler",), ("dispatcher",), ("worker",), EVERYBODY * 2],
    ids=("scheduler", "dispatcher", "worker", "everybody, doubled"),
)
async def test_with_processes_killed_over_every_deadline_nothing_comes_out_otherwise(
    server: EmbeddedPostgres, template: str, undisturbed: Life, away: Sequence[str]
) -> None:
    with open_folder() as folder:
        disturbed = await lived(server, template, Path(folder), away)
    was, came = undisturbed.history.told(), disturbed.history.told()
    missing, new = list(was - came), list(came - was)
    assert (missing, new) == ([], [])
    assert disturbed.read == undisturbed.read
    assert disturbed.refused == undisturbed.refused
    # Jumping past the deadlines, the scheduler is late in any case.
    assert Counter(disturbed.late("schedule")) == Counter(undisturbed.by("schedule"))
