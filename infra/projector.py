"""The projector: follows every log of the database and keeps the tables of all views up with it.

Each page of a log is read once and feeds every view. A batch is one transaction; checkpoints move by compare-and-set,
so any number of projectors may run, and whoever loses backs off. A view whose fold fails stops just before that event,
the others go on; a program with a mended fold tries again when it starts.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg

from domain.kernel import Catalogue
from infra.event_store import EventStore
from infra.log import logger
from infra.subscription import CheckpointMoved, hang_up
from infra.view_batch import BATCH, CONSUMERS, Feed, Stop, Unreadable, Unwritten, advance, read_on, stop_here
from infra.view_build import NotAsFolded, VersionNotRaised, build, live, sweep, wanted
from infra.view_tables import Shape
from infra.writer import LOST, heed_cancellation
from projections.kernel import View

__all__ = ["POLL_SECONDS", "Projector"]

POLL_SECONDS: Final = 0.5
_AWAY = (asyncpg.PostgresError, *LOST)
_UNBUILT = (NotAsFolded, Unreadable, Unwritten, asyncpg.DataError, TypeError, ValueError, OverflowError)
# Every log has a checkpoint for every table that is read, so that moving it is a mere update. The row that says which
# table is read is held meanwhile, or a switch could leave such a checkpoint behind for a table that is gone.
_OPEN = """
INSERT INTO checkpoint (log_id, consumer, position)
SELECT l.log_id, $2 || v.relation, 0 FROM log l, (
    SELECT v.relation FROM view.live v WHERE v.relation = ANY ($1::text[]) AND EXISTS (
        SELECT FROM log l WHERE NOT EXISTS (
            SELECT FROM checkpoint c WHERE c.log_id = l.log_id AND c.consumer = $2 || v.relation))
    ORDER BY v.name FOR SHARE OF v
) AS v
ON CONFLICT DO NOTHING
"""
_POSITIONS = "SELECT consumer, position FROM checkpoint WHERE log_id = $1 AND consumer = ANY ($2::text[])"

_log = logger()


@dataclass
class _Following:
    """How far this projector knows the views of one log to be."""

    store: EventStore
    grown: asyncio.Event = field(default_factory=asyncio.Event)
    positions: dict[Feed, int] | None = None
    stopped: set[Feed] = field(default_factory=set)
    careful: set[Feed] = field(default_factory=set)  # Their rows could not be stored: one event at a time.
    listened: bool = False


class Projector:
    """Keeps the views of all logs; ``views`` and ``catalogue`` are handed in, the engine knows none by name."""

    def __init__(
        self, pool: asyncpg.Pool[asyncpg.Record], views: Sequence[View[Any]], catalogue: Catalogue, batch: int = BATCH
    ) -> None:
        self.poll_seconds = POLL_SECONDS
        self._pool = pool
        self._batch = batch
        self._catalogue = catalogue
        self._shapes = {view.name: Shape(view) for view in views}
        self._feeds: tuple[Feed, ...] = ()
        self._logs: dict[int, _Following] = {}
        self._unbuildable: set[str] = set()
        self._listener: Any = None

    # --- for ever ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Follow every log, new ones included, until cancelled; a database that is away is waited for.

        Raises an ExceptionGroup of whatever is a fault of the program: a log that is followed no more would go unseen.
        """
        followed: set[int] = set()
        builder: asyncio.Task[None] | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    with _while_away("projector.waits"):
                        await self._look_around()
                        await self._listen()
                        if (builder is None or builder.done()) and await self._missing():
                            builder = tasks.create_task(self._build_in_the_background(), name="build of views")
                    for log_id, following in self._logs.items():
                        if log_id not in followed:
                            followed.add(log_id)
                            tasks.create_task(self._follow(following), name=f"views of log {log_id}")
                    if builder is None or builder.done():
                        await asyncio.sleep(self.poll_seconds)
                    else:
                        # What was built is followed at once.
                        await asyncio.wait([builder], timeout=self.poll_seconds)
        finally:
            await self._stop_listening()

    def wake(self, log_id: int) -> None:
        """Say that a log has grown, where the projector lives in the process that wrote."""
        if log_id in self._logs:
            self._logs[log_id].grown.set()

    async def _follow(self, following: _Following) -> None:
        while True:
            following.grown.clear()
            moved = False
            try:
                moved = await self._step(following)
            except CheckpointMoved:
                # Another projector is at it, or a table was switched: look again, but not in a race.
                following.positions = None
                await asyncio.sleep(self.poll_seconds)
                continue
            except _AWAY:
                heed_cancellation()
                following.positions = None
                _log.warning("projector.waits", log=following.store.log_id, exc_info=True)
            if not moved:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.poll_seconds):
                        await following.grown.wait()

    async def _build_in_the_background(self) -> None:
        with _while_away("projector.waits"):
            await self._build()

    # --- until there is nothing left to do ---------------------------------------------------------------------------

    async def catch_up(self, log_id: int | None = None) -> None:
        """Build what is missing and take in what is recorded; returns when every view stands at the head or stopped."""
        await self._look_around()
        if await self._missing():
            await self._build()
            await self._look_around()
        for known, following in self._logs.items():
            if log_id in (None, known):
                following.positions = None
                while await self._step_or_look_again(following):
                    pass

    async def _step_or_look_again(self, following: _Following) -> bool:
        try:
            return await self._step(following)
        except CheckpointMoved:
            following.positions = None
            await self._look_around()
            return True

    # --- what is there -----------------------------------------------------------------------------------------------

    async def _look_around(self) -> None:
        """Learn which tables are read and which logs there are."""
        there = await live(self._pool)
        feeds = tuple(
            Feed(shape, there[name].relation)
            for name, shape in self._shapes.items()
            if name in there and there[name].shape == shape.signature and there[name].version == shape.view.version
        )
        # Logs before checkpoints: a log that is opened in between waits for the next look instead of lacking them.
        logs = await self._pool.fetch("SELECT log_id FROM log ORDER BY log_id")
        await self._pool.execute(_OPEN, [feed.relation for feed in feeds], CONSUMERS)
        if {feed.relation for feed in feeds} != {feed.relation for feed in self._feeds}:
            self._feeds = feeds
            for following in self._logs.values():
                following.positions = None
                following.grown.set()
        for row in logs:
            if row["log_id"] not in self._logs:
                self._logs[row["log_id"]] = _Following(EventStore(self._pool, row["log_id"], self._catalogue))

    async def _missing(self) -> list[View[Any]]:
        there = await live(self._pool)
        found = []
        for name, shape in self._shapes.items():
            if name in self._unbuildable:
                continue
            try:
                if wanted(shape, there.get(name)):
                    found.append(shape.view)
            except VersionNotRaised:
                self._unbuildable.add(name)
                _log.error("view.version_not_raised", view=name)
        return found

    async def _build(self) -> None:
        """Build what is missing together; where that fails, each alone, so that one faulty view holds up no other."""
        missing = await self._missing()
        try:
            await build(self._pool, missing, self._catalogue)
        except _UNBUILT:
            _log.error("views.not_built", views=len(missing), exc_info=True)
            if len(missing) > 1:
                for view in missing:
                    await self._build_alone(view)
        # Another projector may have built them meanwhile, so what counts is what is missing still.
        for view in await self._missing():
            self._unbuildable.add(view.name)
            _log.error("view.not_built", view=view.name, version=view.version)
        await sweep(self._pool)

    async def _build_alone(self, view: View[Any]) -> None:
        try:
            await build(self._pool, [view], self._catalogue)
        except _UNBUILT:
            _log.error("view.not_built", view=view.name, exc_info=True)

    # --- one step ----------------------------------------------------------------------------------------------------

    async def _step(self, following: _Following) -> bool:
        """Move views on by a batch, those whose rows could not be stored last; whether there was anything."""
        positions = await self._positions(following)
        easy = {feed: position for feed, position in positions.items() if feed not in following.careful}
        if easy and await self._move(following, easy, self._batch):
            return True
        careful = {feed: position for feed, position in positions.items() if feed in following.careful}
        return bool(careful) and await self._move(following, careful, 1)

    async def _move(self, following: _Following, positions: dict[Feed, int], limit: int) -> bool:
        """Move the views that are furthest behind, up to where the next ones stand or by one batch."""
        at = min(positions.values())
        behind = [feed for feed, position in positions.items() if position == at]
        until = min((position for position in positions.values() if position > at), default=None)
        try:
            page = await read_on(following.store, at, until, limit)
        except Unreadable as error:
            for feed in behind:
                await self._stop(following, Stop(feed, error.position, error.kind))
            return True
        if not page:
            return False
        try:
            async with self._pool.acquire() as connection:
                stops = await advance(connection, following.store.log_id, behind, page, at)
        except Unwritten as error:
            if len(behind) > 1:
                # Each alone, so that one faulty view holds up no other.
                for feed in behind:
                    await self._move(following, {feed: at}, limit)
            elif limit == 1:
                await self._stop(following, Stop(behind[0], at + 1, error.kind))
            else:
                following.careful.update(behind)
            return True
        if following.positions is not None:  # Else other tables are read by now, and their positions asked for anew.
            following.positions.update(dict.fromkeys(behind, page[-1].position))
        for stop in stops:
            self._stopped(following, stop)
        return True

    async def _positions(self, following: _Following) -> dict[Feed, int]:
        while following.positions is None:
            feeds = self._feeds
            wanted = {feed.consumer: feed for feed in feeds if feed not in following.stopped}
            rows = await self._pool.fetch(_POSITIONS, following.store.log_id, list(wanted))
            if feeds is not self._feeds:
                continue  # Other tables are read by now: this was a question after those before them.
            found = {wanted[row["consumer"]]: row["position"] for row in rows}
            if len(found) < len(wanted):
                return found  # A table is being switched; what is kept must be whole.
            following.positions = found
        return following.positions

    async def _stop(self, following: _Following, stop: Stop) -> None:
        async with self._pool.acquire() as connection:
            await stop_here(connection, following.store.log_id, stop)
        self._stopped(following, stop)

    def _stopped(self, following: _Following, stop: Stop) -> None:
        following.stopped.add(stop.feed)
        if following.positions is not None:
            following.positions.pop(stop.feed, None)
        _log.error(
            "view.stopped",
            view=stop.feed.relation,
            log=following.store.log_id,
            position=stop.position,
            kind=stop.kind,
        )

    # --- wake-ups ----------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Hear of growth in other processes, by one connection for all logs; the poll stands behind it."""
        if self._listener is None or _is_gone(self._listener):
            await self._stop_listening()
            self._listener = await self._pool.acquire()
        for log_id, following in self._logs.items():
            if not following.listened:
                await self._listener.add_listener(f"biaogan_log_{log_id}", self._heard)
                following.listened = True

    def _heard(self, _connection: object, _pid: int, channel: str, _payload: object) -> None:
        self.wake(int(channel.rpartition("_")[2]))

    async def _stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        channels = [f"biaogan_log_{log_id}" for log_id, following in self._logs.items() if following.listened]
        for following in self._logs.values():
            following.listened = False
        if listener is not None:
            await hang_up(self._pool, listener, self._heard, channels)


def _is_gone(connection: Any) -> bool:  # noqa: ANN401 - A connection as the pool lends it.
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        # The pool took it back when the server ended it.
        return True


@contextlib.contextmanager
def _while_away(event: str) -> Iterator[None]:
    try:
        yield
    except _AWAY:
        heed_cancellation()
        _log.warning(event, exc_info=True)
