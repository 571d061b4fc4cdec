"""A worker for the kill test of the closes: ``python -m tests.closing``.

It is the product's own, but for leaving the rows of a worker that was killed alone for a shorter time.
"""

from __future__ import annotations

import signal
import sys
from dataclasses import replace

from infra.leash import hold_fork
from infra.log import configure
from infra.settings import load
from workers.actors import ACTORS, prepare, working
from workers.worker import run

LEASE_SECONDS = 4.0
IMPATIENT = tuple(replace(actor, limit_seconds=LEASE_SECONDS) for actor in ACTORS)


def start() -> None:
    """What dramatiq calls in the process that works."""
    settings = load()
    configure("worker", settings.log_level, sys.stderr)
    hold_fork(signal.SIGKILL)
    prepare(settings, lambda: working(settings), IMPATIENT)


if __name__ == "__main__":
    sys.exit(run("tests.closing:start"))
