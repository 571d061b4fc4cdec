"""The API process: ``python -m api``; with ``--fd N`` it listens at the socket that its parent holds as file N."""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys

import uvicorn

from api.app import application
from api.protocol import served
from infra.assembly import DatabaseAway, reach
from infra.log import configure
from infra.master_key import KeyFileRefused, ensure_key_file
from infra.settings import SettingsRefused, load

_DRAIN_SECONDS = 10


def main() -> int:
    """Serve until told to stop."""
    asked = argparse.ArgumentParser(prog="python -m api", description="Serve the HTTP API.")
    asked.add_argument("--fd", type=int, help="a socket that is bound already, by its number")
    fd: int | None = asked.parse_args().fd
    try:
        settings = load()
        keys = ensure_key_file(settings.key_file)
    except (SettingsRefused, KeyFileRefused) as refused:
        sys.stderr.write(f"{refused}\n")
        return 2
    if settings.database_url is None:
        sys.stderr.write("BIAOGAN_DATABASE_URL is not set; `biaogan serve` sets it for what it starts.\n")
        return 2
    configure("api", settings.log_level)
    try:
        asyncio.run(reach(settings.database_url))
    except DatabaseAway as away:
        sys.stderr.write(f"{away}\n")
        return 1
    server = uvicorn.Server(
        served(
            application(settings.database_url, lambda: keys),
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
    )
    server.run(None if fd is None else [socket.socket(fileno=fd)])
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
