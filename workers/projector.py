"""The process that keeps the views up with the record: ``python -m workers.projector``."""

from __future__ import annotations

import sys

from domain.lifecycle import CATALOGUE
from infra.assembly import open_pool
from infra.projector import Projector
from infra.settings import Settings
from infra.view_batch import PLANS
from projections import VIEWS
from workers.process import database, served, until_told

NAME = "projector"
_CONNECTIONS = 8


async def project(settings: Settings) -> None:
    """Follow every log of the database until this process is told to stop."""
    async with open_pool(database(settings), name=NAME, size=_CONNECTIONS, plans=PLANS) as pool:
        await until_told(pool, NAME, Projector(pool, VIEWS, CATALOGUE).run())


def main() -> int:
    """Run until told to stop; answer by exit code."""
    return served(NAME, project)


if __name__ == "__main__":
    sys.exit(main())
