"""Obligations as people see them: the rows say what the rules say, in whatever order the facts come."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from domain.ids import ObligationId
from domain.kernel import Event, Recorded
from domain.obligation.events import ObligationFellOverdue, ObligationReminded
from domain.obligation.policy import CORRECTION_FACTS, SCORING_FACTS, Obligations
from projections.kernel import fold_all
from projections.obligation import OBLIGATION, ObligationRow, waiting_at
from tests.call import CALL, MINE, THEIRS, withdrawn
from tests.panel import (
    ADMITTED,
    ENDS,
    LAST_DAY,
    ONE,
    OPENS,
    PANEL,
    TWO,
    constituted,
    extended,
    filed,
    joined,
    lifted,
    recused,
    scoring,
    seated,
    unseated,
)
from tests.spec import recorded
from tests.test_obligation import BEFORE, DUE, asked, put_off, raised

STEP = timedelta(minutes=1)
DAY = timedelta(days=1)


def past(*events: Event) -> list[Recorded]:
    return [recorded(n, event, when=OPENS + n * STEP) for n, event in enumerate(events, 1)]


def rows(*events: Event) -> dict[str | None, ObligationRow]:
    """The rows of a panel by seat, or the one row of another matter."""
    return {row.seat_id: row for row in fold_all(OBLIGATION, past(*events)).values()}


def of_seat(seat: str, *events: Event) -> ObligationRow:
    return rows(*events)[seat]


BEGUN = (constituted(), seated(ONE), scoring(), *ADMITTED)
LATE = (*BEGUN, seated(TWO), joined(TWO))


def test_who_joined_scoring_is_due_and_reminded_like_the_others() -> None:
    first, late = of_seat(ONE, *LATE), of_seat(TWO, *LATE)
    same = ("state", "due_at", "last_day", "remind_at", "reminds", "waits", "programme_id", "admitted")
    assert [getattr(late, name) for name in same] == [getattr(first, name) for name in same]
    assert (late.due_at, late.last_day, late.remind_at) == (ENDS, LAST_DAY, ENDS - DAY)
    assert of_seat(TWO, *LATE, filed(TWO), recused(TWO, THEIRS)).state == "answered"
    longer = of_seat(TWO, *LATE, extended(ENDS + DAY, date(2020, 6, 13)))
    assert (longer.due_at, longer.remind_at) == (ENDS + DAY, ENDS)


def test_who_was_seated_before_it_was_recorded_who_joins_has_no_date_until_an_extension() -> None:
    before = of_seat(TWO, *BEGUN, seated(TWO))
    assert (before.state, before.due_at) == ("dormant", None)


def test_what_is_asked_for_on_its_last_day_is_reminded_of_at_once() -> None:
    soon = OPENS + 7 * STEP
    events = (*BEGUN[:2], scoring(soon + 60 * STEP, LAST_DAY), *ADMITTED, seated(TWO), joined(TWO, closes_at=soon))
    assert [of_seat(seat, *events).remind_at for seat in (ONE, TWO)] == [OPENS + 3 * STEP, OPENS + 7 * STEP]
    (row,) = fold_all(OBLIGATION, [recorded(1, asked(), when=DUE - STEP)]).values()
    assert row.remind_at == DUE - STEP
    (row,) = fold_all(OBLIGATION, [recorded(1, raised(), when=BEFORE)]).values()
    assert row.remind_at == DUE - DAY


def test_what_a_seat_owes_waits_in_its_inbox_and_says_when_it_was_reminded_of() -> None:
    def waiting(*events: Event) -> list[tuple[Any, ...]]:
        found = waiting_at(row for row in fold_all(OBLIGATION, past(*events)).values() if row.seat_id == TWO)
        return [(task.task, task.subject_id, task.due_at, task.reminded_at, task.since) for task in found]

    reminded = ObligationReminded(
        obligation_id=ObligationId("score_sheets-6"), kind="score_sheets", programme_id=CALL, due_at=ENDS,
        last_day=LAST_DAY,
    )  # fmt: skip
    joined_at = OPENS + 7 * STEP
    assert waiting(*LATE) == [("score", PANEL, ENDS, None, joined_at)]
    assert waiting(*LATE, reminded) == [("score", PANEL, ENDS, OPENS + 8 * STEP, joined_at)]
    assert waiting(*LATE, filed(TWO), filed(TWO, THEIRS)) == []
    assert waiting(constituted(), seated(TWO)) == []
    overdue = ObligationFellOverdue(**reminded.as_dict())
    assert waiting(*LATE, overdue) == []


def test_nothing_is_owed_on_what_was_withdrawn() -> None:
    assert of_seat(ONE, *BEGUN, withdrawn()).state == "waiting"
    assert of_seat(ONE, *BEGUN, filed(ONE, THEIRS), withdrawn()).state == "answered"


def test_a_vacated_seat_owes_nothing_whatever_comes_after() -> None:
    gone = of_seat(ONE, *BEGUN, unseated(ONE), extended(ENDS + DAY, date(2020, 6, 13)), withdrawn())
    assert (gone.state, gone.reminds, gone.waits) == ("answered", False, False)
    assert of_seat(ONE, constituted(), seated(ONE), unseated(ONE)).state == "answered"


def test_a_withdrawal_ends_the_correction_of_its_own_application_only() -> None:
    def states(*events: Event) -> dict[Any, str]:
        return {row.application_id: row.state for row in fold_all(OBLIGATION, past(*events)).values()}

    found = states(asked(), asked(THEIRS), raised(), withdrawn())
    assert found == {MINE: "answered", THEIRS: "waiting", None: "waiting"}
    assert rows(asked(), put_off())[None].due_at == put_off().closes_at


BEFORE_OPENING: tuple[Event, ...] = (
    recused(ONE, MINE),
    recused(ONE, THEIRS),
    lifted(ONE, MINE),
    unseated(ONE),
)
AFTER_OPENING: tuple[Event, ...] = (
    *BEFORE_OPENING,
    extended(ENDS + DAY, date(2020, 6, 13)),
    filed(ONE, MINE),
    filed(ONE, THEIRS),
    filed(TWO, MINE),
    filed(TWO, THEIRS),
    withdrawn(),
    withdrawn(THEIRS),
)


@pytest.mark.parametrize("comes_late", [False, True])
@drawn(
    before=st.lists(st.sampled_from(BEFORE_OPENING), max_size=4),
    after=st.lists(st.sampled_from(AFTER_OPENING), max_size=9),
)
def test_the_rows_say_what_the_rules_say(*, comes_late: bool, before: list[Event], after: list[Event]) -> None:
    second = (seated(TWO), joined(TWO)) if comes_late else ()
    seats = (seated(ONE),) if comes_late else (seated(ONE), seated(TWO))
    events = past(constituted(), *seats, *before, scoring(), *ADMITTED, *second, *after)
    rules = Obligations()
    for each in events:
        # That somebody joined tells the rules nothing that they do not know from the panel.
        if isinstance(each.event, (*SCORING_FACTS, *CORRECTION_FACTS)):
            rules.take(each.event, each.envelope.effective_at, each.position)  # type: ignore[arg-type]
    shown = {row.obligation_id: row for row in fold_all(OBLIGATION, events).values()}
    assert shown.keys() == rules.by_id.keys()
    for named, owed in rules.by_id.items():
        row = shown[named]
        assert row.state == ("waiting" if owed.answered_at is None else "answered")
        assert row.waits == (owed.answered_at is None)
        assert row.due_at == owed.due_at or row.state == "answered"
