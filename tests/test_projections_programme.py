"""Views of a programme: the text as published, what was made of it, and the policies with their positions."""

from datetime import date

from domain.kernel import Event
from domain.programme.events import DateValue
from projections.kernel import fold_all
from projections.programme import CATALOGUE, FORM, PROGRAMME, RULE, TERM, TRACK, TermRow
from projections.window import WINDOW, due
from tests.case_life import (
    ADA,
    BRANCHES,
    CALL,
    CLOSES,
    LATER,
    PAPER,
    as_recorded,
    erratum,
    interpreted,
    programme,
    term,
    window_closed,
    window_extended,
    window_opened,
)

CLOSING = "application_closes"
MAY, JUNE = DateValue(day=date(2020, 5, 31)), DateValue(day=date(2020, 6, 1))


def closing(*events: Event) -> TermRow:
    return fold_all(TERM, as_recorded(events))[CALL, CLOSING]


def test_a_damaged_term_has_no_value_until_it_is_interpreted() -> None:
    row = closing(term())
    assert (row.as_published, row.legibility, row.standing, row.value) == ("5前", "damaged", "open", None)


def test_an_interpretation_stands_beside_the_text_with_who_and_when() -> None:
    row = closing(term(), interpreted())
    assert (row.standing, row.value, row.value_position) == ("interpreted", MAY, 2)
    assert (row.as_published, row.published_value, row.published_position) == ("5前", None, 1)
    assert row.interpreted_by == ADA
    assert row.interpreted_at is not None


def test_an_erratum_holds_over_an_interpretation_and_leaves_it_readable() -> None:
    row = closing(term(), interpreted(), erratum())
    assert (row.standing, row.value, row.value_position) == ("corrected", JUNE, 3)
    assert (row.interpreted_value, row.erratum_value, row.erratum_document_id) == (MAY, JUNE, PAPER)


def test_an_interpretation_after_an_erratum_does_not_hold_over_it() -> None:
    assert closing(term(), erratum(), interpreted()).value == JUNE


def test_a_legible_term_holds_as_published() -> None:
    row = closing(term(value=MAY))
    assert (row.standing, row.value, row.value_position) == ("published", MAY, 1)


def test_terms_of_one_call_do_not_mix() -> None:
    rows = fold_all(TERM, as_recorded([term(), term("results"), interpreted("results")]))
    assert rows[CALL, CLOSING].value is None
    assert rows[CALL, "results"].value == MAY


def test_a_programme_names_the_position_of_each_of_its_policies() -> None:
    past = as_recorded(programme())
    row = fold_all(PROGRAMME, past)[CALL,]
    named = [(policy.kind, policy.code, policy.position) for policy in row.policies]
    assert named == [
        ("term", CLOSING, 9),
        ("term", "amount", 3),
        ("catalogue", "seven", 4),
        ("form", "branch_form", 5),
        ("track", BRANCHES, 6),
        ("rule", f"{BRANCHES}/three_years", 7),
        ("term", "cycle_ends", 11),
    ]


def test_a_programme_shows_the_state_of_its_window() -> None:
    events = [*programme(), window_opened(), window_extended(), window_closed()]
    announced = len(programme())
    seen = [fold_all(PROGRAMME, as_recorded(events[: announced + n]))[CALL,] for n in range(4)]
    assert [row.window for row in seen] == ["none", "open", "open", "closed"]
    assert [row.closes_at for row in seen] == [None, CLOSES, LATER, LATER]


def test_track_rule_catalogue_and_form_are_rows_with_their_position() -> None:
    past = as_recorded(programme())
    assert fold_all(TRACK, past)[CALL, BRANCHES].funded_years == (2020, 2021)
    assert fold_all(RULE, past)[CALL, BRANCHES, "three_years"].severity == "waivable"
    assert fold_all(CATALOGUE, past)[CALL, "seven"].position == 4
    assert fold_all(FORM, past)[CALL, "branch_form"].fields[0].code == "goals"


def test_a_window_is_due_from_the_instant_it_closes_and_not_after_it_is_closed() -> None:
    opened = list(fold_all(WINDOW, as_recorded([window_opened()])).values())
    assert due(opened, CLOSES) == opened
    assert due(opened, CLOSES.replace(year=2019)) == []
    closed = fold_all(WINDOW, as_recorded([window_opened(), window_closed()])).values()
    assert due(closed, LATER) == []


def test_an_extension_moves_the_closing_and_keeps_what_was_opened() -> None:
    row = fold_all(WINDOW, as_recorded([window_opened(), window_extended()]))[CALL,]
    assert (row.closes_at, row.last_day, row.extended) == (LATER, date(2020, 6, 2), 1)
    assert due([row], CLOSES) == []
    assert (row.position, row.term_position) == (1, 30)
