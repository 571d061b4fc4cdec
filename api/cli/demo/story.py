"""The first two thirds of a real programme, row by row, as its people would have played it in May and June 2020.

Row numbers are those of the programme's calendar: 1 cited basis, 2 announcement, 3 criteria, 4 quotas, 5 readings of
what is damaged, 6 self-checks, 7 resolutions, 8 filings, 9 the window closes by itself, 10 and 11 screening and a
correction, 12 and 13 the panel and a recusal, 14 and 15 sheets and ranking, 16 and 17 recommendation and decision, 18
to 24 the publicity with an objection, until four selections are confirmed by themselves. At each stage somebody tries
what they must not do.
"""

from __future__ import annotations

from typing import Final

from api.cli.demo.applications import closing, filings, preparation, resolutions
from api.cli.demo.board import check, closed_publicity, objection, objection_decided, opened_publicity
from api.cli.demo.call import PROGRAMME, announcement, history, quotas, readings, tree_and_people
from api.cli.demo.judging import committee, panel, ranking, recommendation, recusal, scoring, screening
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
    screening,
    panel,
    recusal,
    scoring,
    ranking,
    recommendation,
    committee,
    check,
    opened_publicity,
    objection,
    objection_decided,
    closed_publicity,
)


def play(p: Player) -> None:
    """Every row in order."""
    for row in ROWS:
        row(p)
