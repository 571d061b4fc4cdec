"""The screening of a filed application: where it stands, and what each correction asked for and brought."""

from datetime import date

import pytest

from domain.kernel import Event
from domain.screening.events import Part
from projections.kernel import fold_all
from projections.screening import SCREENING, ScreeningRow
from tests.case_life import (
    ADA,
    BRANCH,
    CORRECT_BY,
    DIGEST,
    LATER_DIGEST,
    LONGER,
    MINE,
    NOMINATOR,
    PAPER,
    as_recorded,
    filed,
    given_more_time,
    prepared,
    refiled,
    rejected,
    returned,
    screened,
    started,
    withdrawn,
)

BUDGET, FORM, GOALS = Part("budget"), Part("form"), Part("form_field", "goals")


def row(*events: Event) -> ScreeningRow:
    return fold_all(SCREENING, as_recorded([filed(), *events]))[MINE,]


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], "waiting"),
        ([returned()], "returned"),
        ([returned(), given_more_time(), prepared()], "returned"),
        ([returned(), refiled()], "waiting"),
        ([returned(), refiled(), returned()], "returned"),
        ([screened()], "passed"),
        ([rejected()], "rejected"),
        ([returned(), rejected()], "rejected"),
        ([withdrawn(nominator=NOMINATOR)], "withdrawn"),
        ([screened(), withdrawn(nominator=NOMINATOR)], "withdrawn"),
    ],
)
def test_an_application_is_screened_from_its_filing_on(events: list[Event], state: str) -> None:
    assert row(*events).state == state


def test_what_was_never_filed_is_not_screened() -> None:
    assert fold_all(SCREENING, as_recorded([started(), prepared(), withdrawn()])) == {}


def test_a_correction_says_what_is_asked_for_until_when_and_in_which_document() -> None:
    found = row(returned(GOALS, BUDGET))
    (asked,) = found.rounds
    assert (asked.parts, asked.opinion_document_id) == ((GOALS, BUDGET), PAPER)
    assert (asked.closes_at, asked.last_day, asked.position) == (CORRECT_BY, date(2020, 6, 5), 2)
    assert (found.closes_at, found.last_day, found.opinion_document_id) == (CORRECT_BY, date(2020, 6, 5), PAPER)
    longer = row(returned(GOALS, BUDGET), given_more_time())
    assert (longer.closes_at, longer.last_day) == (LONGER, date(2020, 6, 8))
    assert (longer.rounds[0].closes_at, longer.rounds[0].parts) == (LONGER, (GOALS, BUDGET))


def test_what_comes_back_is_told_apart_by_whether_it_was_asked_for() -> None:
    found = row(returned(), refiled(FORM))
    (answered,) = found.rounds
    assert (answered.requested, answered.unrequested) == ((BUDGET,), (FORM,))
    assert (answered.materials_digest, answered.refiled_position) == (LATER_DIGEST, 3)
    assert found.changed_unasked
    assert (found.materials_digest, found.closes_at, found.last_day) == (LATER_DIGEST, None, None)
    assert row(returned()).materials_digest == DIGEST
    assert not row(returned(), refiled()).changed_unasked


def test_each_round_is_kept() -> None:
    found = row(returned(), refiled(FORM), returned(GOALS), given_more_time(), refiled(digest="3" * 64))
    assert [asked.parts for asked in found.rounds] == [(BUDGET,), (GOALS,)]
    assert [asked.unrequested for asked in found.rounds] == [(FORM,), ()]
    assert [asked.closes_at for asked in found.rounds] == [CORRECT_BY, LONGER]
    assert not found.changed_unasked


def test_how_it_ended_is_kept_with_who_and_when() -> None:
    for end in (screened(), rejected(), withdrawn(nominator=NOMINATOR)):
        found = row(returned(), end)
        assert (found.settled_by, found.closes_at, found.last_day) == (ADA, None, None)
        assert found.settled_at is not None
    assert row(returned()).settled_at is None
    assert row(rejected()).opinion_document_id == PAPER
    assert row(screened()).opinion_document_id is None
    assert row(screened()).unit_id == BRANCH
