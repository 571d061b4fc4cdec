"""The API process: ``python -m api``."""

from __future__ import annotations

import sys

import uvicorn

from api.app import application
from infra.log import configure
from infra.master_key import KeyFileRefused, ensure_key_file
from infra.settings import SettingsRefused, load

_DRAIN_SECONDS = 10


def main() -> int:
    """Serve until told to stop."""
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
    server = uvicorn.Server(
        uvicorn.Config(
            application(settings.database_url, lambda: keys),
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http="httptools",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            # Nobody else's word is taken for where a request comes from.
            proxy_headers=False,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
    )
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
