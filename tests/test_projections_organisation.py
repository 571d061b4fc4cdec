"""The organisation tree with dated parents, and the facts on record about a unit."""

from datetime import date

from domain.ids import SuccessorUnitId
from domain.kernel import Event
from domain.unit.events import UnitDissolved, UnitSplit
from projections.kernel import Register, fold_all, fold_on
from projections.organisation import ORGANISATION, UNIT_FACT, UnitRow, ancestors, as_on
from tests.case_life import (
    ADA,
    BRANCH,
    COLLEGE,
    OTHER_COLLEGE,
    PAPER,
    SUCCESSOR,
    as_recorded,
    facts,
    founded,
    incident,
    incident_withdrawn,
    merged,
    moved,
    renamed,
    traits,
    unit,
)
from tests.spec import at

TREE = [unit(COLLEGE), unit(OTHER_COLLEGE), unit(BRANCH, COLLEGE), unit(SUCCESSOR, COLLEGE)]
EARLIER, LATER = date(2019, 1, 1), date(2020, 1, 1)


def branch(*events: Event) -> UnitRow:
    return fold_all(ORGANISATION, as_recorded([*TREE, *events]))[BRANCH,]


def test_a_unit_stands_under_its_parent_since_a_day() -> None:
    row = branch()
    assert (row.parent_unit_id, row.parent_since, row.status) == (COLLEGE, date(2015, 1, 1), "live")
    assert fold_all(ORGANISATION, as_recorded(TREE))[COLLEGE,].parent_unit_id == ""


def test_a_moved_unit_leaves_the_index_of_its_old_parent() -> None:
    register = Register(ORGANISATION)
    for recorded in as_recorded([*TREE, moved()]):
        register.apply(recorded)
    assert [row.unit_id for row in register.rows.values() if row.parent_unit_id == OTHER_COLLEGE] == [BRANCH]


def test_of_two_names_the_one_that_counts_from_the_later_day_holds_whenever_it_was_recorded() -> None:
    assert branch(renamed("新", LATER), renamed("旧", EARLIER)).name_zh == "新"
    assert branch(renamed("旧", EARLIER), renamed("新", LATER)).name_zh == "新"


def test_of_two_traits_recorded_for_one_day_the_one_recorded_later_holds() -> None:
    assert branch(traits("staff", day=LATER), traits("mixed", day=LATER)).traits == ("mixed",)


def test_the_day_of_foundation_may_be_found_anew() -> None:
    assert branch().founded_on is None
    assert branch(founded(date(2018, 1, 1)), founded(date(2017, 1, 1))).founded_on == date(2017, 1, 1)


def test_a_unit_can_be_read_as_it_stood_on_a_day() -> None:
    row = branch(moved(day=LATER), renamed("新", LATER), merged(day=date(2021, 1, 1)))
    before = as_on(row, date(2019, 12, 31))
    after = as_on(row, LATER)
    assert before is not None
    assert (before.parent_unit_id, before.name_zh, before.status) == (COLLEGE, "支部", "live")
    assert before.successor_unit_id is None
    assert after is not None
    assert (after.parent_unit_id, after.name_zh, after.status) == (OTHER_COLLEGE, "新", "live")
    assert as_on(row, date(2021, 1, 1)) == row
    assert as_on(row, date(2014, 12, 31)) is None


def test_a_merged_unit_shows_its_successor_and_a_dissolved_one_none_and_a_split_one_several() -> None:
    row = branch(merged(day=LATER))
    assert (row.status, str(row.successor_unit_id), row.ended_on) == ("merged", SUCCESSOR, LATER)
    row = branch(UnitDissolved(unit_id=BRANCH, valid_on=LATER, source_document_id=PAPER))
    assert (row.status, row.successor_unit_id, row.ended_on) == ("dissolved", None, LATER)
    into = (SuccessorUnitId("S-1"), SuccessorUnitId("S-2"))
    row = branch(UnitSplit(unit_id=BRANCH, successor_unit_ids=into, valid_on=LATER, source_document_id=PAPER))
    assert (row.status, row.successor_unit_ids, row.ended_on) == ("split", into, LATER)
    before = as_on(row, date(2019, 12, 31))
    assert before is not None
    assert (before.status, before.successor_unit_ids) == ("live", ())


def test_ancestors_are_nearest_first_and_a_circle_ends() -> None:
    rows = fold_all(ORGANISATION, as_recorded([*TREE, moved(COLLEGE, OTHER_COLLEGE)])).values()
    assert [row.unit_id for row in ancestors(rows, BRANCH)] == [COLLEGE, OTHER_COLLEGE]
    assert ancestors(rows, "nobody") == []
    circle = fold_all(ORGANISATION, as_recorded([*TREE, moved(COLLEGE, BRANCH)])).values()
    assert [row.unit_id for row in ancestors(circle, BRANCH)] == [COLLEGE, BRANCH]


def test_each_fact_about_a_unit_is_a_row_of_its_kind() -> None:
    rows = fold_all(UNIT_FACT, as_recorded(facts())).values()
    assert {row.fact: row.code for row in rows} == {
        "incident": "discipline",
        "honour": "advanced",
        "earlier_outcome": "earlier",
        "earlier_title": "model",
    }
    assert {row.recorded_by for row in rows} == {ADA}


def test_a_withdrawn_incident_counts_no_longer_and_stays_readable() -> None:
    (row,) = fold_all(UNIT_FACT, as_recorded([incident(), incident_withdrawn()])).values()
    assert row.withdrawn
    assert (row.withdrawn_by, row.withdrawal_position, row.withdrawal_document_id) == (ADA, 2, PAPER)
    assert (row.code, row.severity, row.position) == ("discipline", "major", 1)


def test_the_tree_of_a_day_follows_the_days_of_its_facts_not_those_of_their_recording() -> None:
    """Recorded in May 2020, a unit registered as of 2015 and moved as of 2020 stood under its old parent in 2019."""
    past = as_recorded([*TREE, moved(day=LATER)])
    rows = fold_on(ORGANISATION, past, date(2019, 6, 1), at("2019-06-02 00:00"))
    assert rows[BRANCH,].parent_unit_id == COLLEGE
    assert fold_on(ORGANISATION, past, LATER, at("2020-01-02 00:00"))[BRANCH,].parent_unit_id == OTHER_COLLEGE
    assert fold_on(ORGANISATION, past, date(2014, 1, 1), at("2014-01-02 00:00")) == {}
