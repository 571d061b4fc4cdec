"""The process that carries out what automations have to do: dramatiq's command line with our options.

``python -m workers.worker`` is ``dramatiq workers.actors:start`` with one process, so many threads, and a time to
finish in when told to stop. It may run as often as there is work for it.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Final, cast

from infra.master_key import read_key_file
from infra.settings import Settings
from workers.process import answered, broker_and_database
from workers.work import NAME, THREADS

_SHUTDOWN_MS: Final = 10_000
_IDLE_MS: Final = 100
"""How long an idle worker waits at most before it looks into its queues again."""


def main() -> int:
    """Run until told to stop; answer by exit code."""
    return answered(NAME, carry_out)


def carry_out(settings: Settings) -> int:
    """Carry out what is to be done. Raises SettingsRefused or KeyFileRefused."""
    broker_and_database(settings)
    read_key_file(settings.key_file)
    return run("workers.actors:start")


def run(start: str) -> int:
    """Let dramatiq start its process, which calls ``start`` and works until told to stop."""
    # The library reads this when it is imported, and has no option for it.
    os.environ.setdefault("dramatiq_worker_timeout", str(_IDLE_MS))
    from dramatiq import cli  # noqa: PLC0415 - See above.

    library = cast("Any", cli)
    options = ["--processes", "1", "--threads", str(THREADS), "--worker-shutdown-timeout", str(_SHUTDOWN_MS)]
    ended: int = library.main(library.make_argument_parser().parse_args([start, *options, "--skip-logging", "--path"]))
    return ended


if __name__ == "__main__":
    sys.exit(main())
