"""Prints the event catalogue as a page: ``python -m api.cli.event_catalogue > docs/events.md``."""

from __future__ import annotations

import sys

from api.event_catalogue import page

__all__: list[str] = []

if __name__ == "__main__":
    sys.stdout.write(page())
