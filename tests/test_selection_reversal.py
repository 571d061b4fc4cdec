"""A confirmed selection is reversed while its case runs, and names what was promised, delivered, found and paid."""

from __future__ import annotations

from typing import Any

import pytest

from domain.document.policy import DocumentUnknown
from domain.ids import DesignationId
from domain.kernel import Event, word
from domain.permission.policy import STATE_TITLES, NotInThisState
from domain.selection.events import SelectionReversed
from domain.selection.policy import NothingDecidedYet
from domain.selection.reversal import CaseHasEnded, ReverseSelection
from tests.call import ANSWERS
from tests.committee import (
    FIRST,
    RESOLUTION,
    SECOND,
    closed,
    confirmed,
    objection,
    passed,
    ranked,
    reopened,
    resolution,
    shown,
    the_decision,
    the_ranking,
    turned_back,
)
from tests.consequences import assessed, completed, conferred, failed, measured, revoked
from tests.money import allocated, signed, the_programme
from tests.running import begun, extended, stopped
from tests.spec import Past

MONEY = allocated(the_programme())


def the_passed() -> Past:
    return the_decision().and_(shown(), closed(), passed(FIRST), passed(SECOND))


def turn_back(**changes: Any) -> ReverseSelection:
    return ReverseSelection(**({"application_id": FIRST, "resolution_document_id": RESOLUTION} | changes))


def test_a_confirmed_selection_is_reversed_and_says_what_hung_on_it() -> None:
    past = the_passed().and_(confirmed())
    past.when(turn_back()).then(turned_back(position=len(past.log)))


def test_only_a_confirmed_selection_is_reversed_and_by_a_resolution_on_record() -> None:
    the_passed().when(turn_back()).refused(NotInThisState, state="selected")
    the_ranking().when(turn_back()).refused(NothingDecidedYet)
    past = the_passed().and_(confirmed())
    past.when(turn_back(resolution_document_id=ANSWERS)).refused(DocumentUnknown, document_id=ANSWERS)


def test_a_reversal_names_what_was_promised_delivered_found_and_paid_since() -> None:
    past = the_passed().and_(confirmed())
    start = len(past.log)
    hanging = [signed(), MONEY, extended(), assessed("hold_funds"), measured("stop_money")]
    past = past.and_(*hanging, begun(), signed(SECOND), measured("bar", application_id=None))
    named = turned_back().as_dict() | {"hanging_positions": tuple(range(start, start + len(hanging) + 1))}
    past.when(turn_back()).then(SelectionReversed(**named))


@pytest.mark.parametrize(
    ("end", "state"),
    [(stopped(), "stopped"), (completed(), "completed"), (failed(), "not_completed")],
    ids=["stopped", "completed", "not completed"],
)
def test_a_case_that_has_ended_is_not_unmade(end: Event, state: str) -> None:
    past = the_passed().and_(confirmed(), end)
    past.when(turn_back()).refused(
        CaseHasEnded, application_id=FIRST, state=word(state, STATE_TITLES), position=len(past.log), held=0
    )


def test_the_refusal_says_how_many_titles_are_held_on_the_case() -> None:
    past = the_passed().and_(confirmed(), completed(), conferred(), conferred(designation_id=DesignationId("T-2")))
    past.when(turn_back()).refused(CaseHasEnded, held=2)
    past.and_(revoked()).when(turn_back()).refused(CaseHasEnded, held=1)


def test_a_reversal_meanwhile_is_a_race() -> None:
    asked = the_passed().and_(confirmed()).when(turn_back())
    asked.meanwhile(turned_back(), resolution(), reopened(), signed(), MONEY, completed()).is_raced()
    asked.meanwhile(signed(SECOND), measured("bar", application_id=None)).is_undisturbed()
    asked.meanwhile(turned_back(SECOND), ranked(FIRST, 1), objection()).is_undisturbed()
