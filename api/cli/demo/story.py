"""A real programme, row by row, as its people would have played it from May 2020 to December 2022.

Row numbers are those of the programme's calendar: 1 cited basis, 2 announcement, 3 criteria, 4 quotas, 5 readings of
what is damaged, 6 self-checks, 7 resolutions, 8 filings, 9 the window closes by itself, 10 and 11 screening and a
correction, 12 and 13 the panel and a recusal, 14 and 15 sheets and ranking, 16 and 17 recommendation and decision, 18
to 24 the publicity with an objection, until four selections are confirmed by themselves; 25 the task books, 26 to 29
the money of the first year, 30 yearly summaries and one that is late, 31 the midterm, 32 a rectification while which
money is frozen, 33 and 34 the money of the second year, 35 and 36 a grant and its matching, 38 a merger, 39 the
erratum, 40 final reports, 41 to 43 the acceptance by its own panel and in public, 44 the completions and the titles, 45
a circular and a referral, 46 an appeal and the end of the failed case, 47 what is recovered, 48 the books are closed,
49 the dossiers. At each year's end rows 27 to 29 come again. At each stage somebody tries what they must not do. A row
that does not apply is named with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from api.cli.demo.consequences import appeal, appeal_decided, circular, dossiers, titles
from api.cli.demo.cultivation import erratum, final_reports, merger, summaries, task_books
from api.cli.demo.judging import committee, panel, ranking, recommendation, recusal, scoring, screening
from api.cli.demo.money import (
    allotted_2020,
    allotted_2021,
    allotted_once_rectified,
    appropriated,
    awarded,
    books_closed,
    carried_2020,
    carried_2021,
    claimed,
    cut_off_2020,
    cut_off_2021,
    frozen,
    last_year,
    matched,
    returned,
    second_year,
    spent_2020,
    spent_2021,
    spent_2022,
    third_year,
)
from api.cli.demo.player import Player

__all__ = ["NOT_PLAYED", "PROGRAMME", "ROWS", "play"]

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
    appropriated,
    allotted_2020,
    spent_2020,
    cut_off_2020,
    carried_2020,
    second_year,
    summaries,
    midterm,
    rectification,
    frozen,
    allotted_2021,
    rectified,
    allotted_once_rectified,
    awarded,
    matched,
    spent_2021,
    cut_off_2021,
    carried_2021,
    third_year,
    merger,
    erratum,
    spent_2022,
    final_reports,
    acceptance_review,
    acceptance_shown,
    accepted,
    completions,
    titles,
    circular,
    appeal,
    returned,
    appeal_decided,
    claimed,
    books_closed,
    dossiers,
    last_year,
)
NOT_PLAYED: Final[Mapping[str, tuple[str, str]]] = {
    "37": (
        "a new version of the privacy policy: there is no act for it, as no policy is kept and nobody agrees to one",
        "隐私政策换版:无此项操作,本系统不保存政策版本,亦不征求同意",
    ),
    "50": (
        "the records are archived: there is no act for it, as the record is kept whole and no term of keeping is set",
        "归档:无此项操作,全部记录均予留存,未设定保管期限",
    ),
}
"""Rows of the calendar that do not apply to the product as it is: why not, in both languages."""


def play(p: Player) -> None:
    """Every row in order; at the end, which are not played, and why."""
    for row in ROWS:
        row(p)
    p.say("\nNot played · 未演示")
    for number, (en, zh) in NOT_PLAYED.items():
        p.say(f"    [{number}] {en}\n         {zh}")
