"""A real programme, row by row, as its people would have played it from May 2020 to June 2022.

Row numbers are those of the programme's calendar: 1 cited basis, 2 announcement, 3 criteria, 4 quotas, 5 readings of
what is damaged, 6 self-checks, 7 resolutions, 8 filings, 9 the window closes by itself, 10 and 11 screening and a
correction, 12 and 13 the panel and a recusal, 14 and 15 sheets and ranking, 16 and 17 recommendation and decision, 18
to 24 the publicity with an objection, until four selections are confirmed by themselves; 25 the task books, 30 yearly
summaries and one that is late, 31 to 34 the midterm and a rectification, 38 a merger, 39 the erratum, 40 final reports,
41 to 43 the acceptance by its own panel and in public, 44 the completions. At each stage somebody tries what they must
not do.
"""

from __future__ import annotations

from typing import Final

from api.cli.demo.applications import closing, filings, preparation, resolutions
from api.cli.demo.assessing import (
    acceptance_review,
    acceptance_shown,
    accepted,
    completions,
    midterm,
    rectification,
    rectified,
)
from api.cli.demo.board import check, closed_publicity, objection, objection_decided, opened_publicity
from api.cli.demo.call import PROGRAMME, announcement, history, quotas, readings, tree_and_people
from api.cli.demo.cultivation import erratum, final_reports, merger, summaries, task_books
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
    task_books,
    summaries,
    midterm,
    rectification,
    rectified,
    merger,
    erratum,
    final_reports,
    acceptance_review,
    acceptance_shown,
    accepted,
    completions,
)


def play(p: Player) -> None:
    """Every row in order."""
    for row in ROWS:
        row(p)
