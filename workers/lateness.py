"""Sealing that is late is told in the log: sealer and signer watch each other, so that neither falls silent unheard."""

from __future__ import annotations

import asyncio
from typing import Final, Literal

import asyncpg

from infra.checkpoints import LATE_SECONDS, Checkpoints
from infra.log import logger
from infra.writer import LOST, heed_cancellation

__all__ = ["tell_when_late"]

_LOOK_SECONDS: Final = 5.0
_AWAY: Final = (asyncpg.PostgresError, *LOST)

_log = logger()


async def tell_when_late(
    checkpoints: Checkpoints,
    follower: Literal["tree", "signed"],
    *,
    look_seconds: float = _LOOK_SECONDS,
    late_seconds: float = LATE_SECONDS,
) -> None:
    """Say once, as an error, where a log is behind for longer than it may be, and once when it has caught up."""
    late: set[int] = set()
    while True:
        try:
            for lag in await checkpoints.lags():
                if lag.follower != follower:
                    continue
                named = {"log_id": lag.log_id, "follower": follower, "events": lag.events}
                if lag.seconds > late_seconds and lag.log_id not in late:
                    late.add(lag.log_id)
                    _log.error("sealing.late", **named, seconds=round(lag.seconds))
                elif lag.events == 0 and lag.log_id in late:
                    late.discard(lag.log_id)
                    _log.info("sealing.caught_up", **named)
        except _AWAY:
            heed_cancellation()
            _log.warning("sealing.unwatched", exc_info=True)
        await asyncio.sleep(look_seconds)
