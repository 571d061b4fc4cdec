"""The first third of a real programme, row by row, as its people would have played it in May 2020.

Row numbers are those of the programme's calendar: 1 cited basis, 2 announcement, 3 criteria, 4 quotas, 5 readings of
what is damaged, 6 self-checks, 7 resolutions, 8 filings, 9 the window closes by itself. At each stage somebody tries
what they must not do.
"""

from __future__ import annotations

from typing import Final

from api.cli.demo.applications import closing, filings, preparation, resolutions
from api.cli.demo.call import PROGRAMME, announcement, history, quotas, readings, tree_and_people
from api.cli.demo.player import Player

__all__ = ["PROGRAMME", "ROWS", "play"]

ROWS: Final = (
    tree_and_people,
    history,
    announcement,
    quotas,
    readings,
    preparation,
    resolutions,
    filings,
    closing,
)


def play(p: Player) -> None:
    """Every row in order."""
    for row in ROWS:
        row(p)
