"""What is known of a unit on a day, with its evidence; who stands above it, and who carries on."""

from datetime import date, timedelta
from itertools import permutations

import pytest

from domain.ids import UnitId
from domain.unit.policy import TREE_FACTS, UNIT_FACTS, Tree, UnitFact, UnitHistory, UnitOnDay, UnitUnknown
from tests.test_unit import (
    DAY,
    START,
    TODAY,
    concluded,
    described,
    dissolved,
    founded,
    honoured,
    incident,
    merged,
    moved,
    renamed,
    titled,
    unit,
    withdrawn,
)


def history(*facts: UnitFact) -> UnitHistory:
    taken = UnitHistory(UnitId("A"))
    for position, body in enumerate(facts, start=11):
        taken.take(body, position)
    return taken


def tree(*facts: UnitFact) -> Tree:
    taken = Tree()
    for body in facts:
        taken.take(body)
    return taken


def on(day: date, *facts: UnitFact) -> UnitOnDay:
    return history(*facts).standing_on(day)


def test_a_unit_is_as_registered_until_something_changes() -> None:
    stands = on(START, unit("A", "B", kind="branch", traits=("student",)), renamed(), moved("A", "C"), described())
    assert (stands.kind, stands.parent_unit_id, stands.traits) == ("branch", UnitId("B"), frozenset({"student"}))
    assert stands.named.body.name_en == "Branch A"
    assert {stands.registered.position, stands.placed.position, stands.described.position} == {11}
    assert (stands.founded_on, stands.gone) == (None, None)
    assert not any((stands.incidents, stands.honours, stands.earlier_outcomes, stands.earlier_titles))


def test_each_part_quotes_the_fact_it_rests_on() -> None:
    facts = (unit("A"), renamed(), moved("A", "C"), described("staff"), founded(), honoured(), concluded(), titled())
    stands = on(TODAY, *facts, incident(), dissolved("A"))
    assert stands.named.position == 12
    assert (stands.placed.position, stands.parent_unit_id) == (13, "C")
    assert (stands.described.position, stands.traits) == (14, frozenset({"staff"}))
    assert stands.founded is not None
    assert (stands.founded.position, stands.founded_on) == (15, date(2016, 9, 1))
    assert [f.position for f in stands.honours] == [16]
    assert [f.position for f in stands.earlier_outcomes] == [17]
    assert [f.position for f in stands.earlier_titles] == [18]
    assert [f.position for f in stands.incidents] == [19]
    assert stands.gone is not None
    assert stands.gone.position == 20


def test_nothing_is_known_before_it_counts() -> None:
    facts = (unit("A"), renamed(), founded(), incident(), honoured(), merged("A", "B"))
    day_before = on(TODAY - DAY, *facts)
    assert day_before == on(TODAY - DAY, unit("A"))
    assert history(*facts).on(START - DAY) is None
    with pytest.raises(UnitUnknown):
        history(*facts).standing_on(START - DAY)


def test_the_later_day_holds_and_on_the_same_day_the_later_record() -> None:
    early, late = founded(date(2016, 1, 1), valid_on=TODAY - DAY), founded(date(2017, 1, 1), valid_on=TODAY)
    corrected = founded(date(2018, 1, 1), valid_on=TODAY)
    assert on(TODAY, unit("A"), late, early).founded_on == date(2017, 1, 1)
    assert on(TODAY, unit("A"), late, corrected).founded_on == date(2018, 1, 1)
    assert on(TODAY - DAY, unit("A"), late, early).founded_on == date(2016, 1, 1)


def test_facts_of_different_days_give_the_same_in_whatever_order_they_were_recorded() -> None:
    facts: list[UnitFact] = [
        unit("A"),
        moved("A", "B", TODAY - 3 * DAY),
        moved("A", "C", TODAY - DAY),
        renamed(valid_on=TODAY),
    ]
    for order in permutations(facts):
        stands = on(TODAY, *order)
        assert (stands.parent_unit_id, stands.named.body.name_en) == ("C", "New")


def test_a_withdrawn_incident_counts_until_its_withdrawal_does() -> None:
    facts = (unit("A"), incident(valid_on=START), incident("A", "I-2", valid_on=START), withdrawn(valid_on=TODAY))
    assert [f.body.incident_id for f in on(TODAY - DAY, *facts).incidents] == ["I-1", "I-2"]
    assert [f.body.incident_id for f in on(TODAY, *facts).incidents] == ["I-2"]


def test_a_title_is_in_force_until_its_last_day() -> None:
    facts = (unit("A"), titled(valid_on=START, last_day=TODAY), titled(valid_on=START, title="pioneer"))
    assert [f.body.title for f in on(TODAY, *facts).earlier_titles] == ["model_branch", "pioneer"]
    assert [f.body.title for f in on(TODAY + DAY, *facts).earlier_titles] == ["pioneer"]


def test_the_facts_a_boundary_names_are_those_a_history_takes_in() -> None:
    assert len(UNIT_FACTS) == len(set(UNIT_FACTS)) == 13
    assert set(TREE_FACTS) < set(UNIT_FACTS)


def test_ancestors_are_those_of_the_day() -> None:
    stands = tree(unit("A"), unit("B", "A"), unit("C", "B"), moved("B", "D", TODAY), unit("D"))
    assert stands.ancestors("C", START) == ("B", "A")
    assert stands.ancestors("C", TODAY) == ("B", "D")
    assert stands.parent("C", TODAY) == "B"
    assert stands.ancestors("A", TODAY) == ()
    assert stands.parent("B", START - DAY) is None
    assert stands.parent("X", TODAY) is None


def test_a_boundary_grows_along_everybody_who_was_ever_above() -> None:
    assert tree().upward("C") == ("C",)
    assert tree(unit("C", "B")).upward("C", "D") == ("C", "D", "B")
    assert set(tree(unit("C", "B"), moved("C", "D"), unit("B", "A"), moved("C", None)).upward("C")) == set("ABCD")


def test_a_damaged_past_with_a_circle_is_still_walked_to_an_end() -> None:
    circle = tree(unit("A", "B"), unit("B", "A"))
    assert circle.ancestors("A", TODAY) == ("B", "A")
    assert circle.upward("A") == ("A", "B")


def test_whoever_a_unit_was_merged_into_carries_on() -> None:
    line = tree(unit("A"), unit("B"), unit("C"), merged("A", "B"), merged("B", "C"), dissolved("D"))
    assert [line.successor(name) for name in "ABCDX"] == ["C", "C", "C", "D", "X"]


def test_children_are_the_living_units_below() -> None:
    stands = tree(
        unit("A"), unit("B", "A"), unit("C", "A"), dissolved("C", TODAY), moved("B", None, TODAY + timedelta(2))
    )
    assert stands.children_since("A", TODAY - DAY) == ("B", "C")
    assert stands.children_since("A", TODAY) == ("B",)
    assert stands.children_since("A", TODAY + timedelta(days=2)) == ()
