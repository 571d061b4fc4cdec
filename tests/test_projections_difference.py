"""Then and now: what differs is what differs between two folds, and each cause is where the field became what it is."""

import random
from typing import Any

import msgspec
import pytest

from domain.kernel import AUDIENCES, Audience, redact
from projections import VIEWS
from projections.difference import changed, differences
from projections.kernel import History, Key, Register, Version, View, fold_all
from tests.case_life import life

LIFE = life()
EVERYTHING = frozenset(AUDIENCES)
EVERY = pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)


def seen(row: msgspec.Struct) -> dict[str, Any]:
    return redact(row, EVERYTHING)


def versions(view: View[Any]) -> list[Version[Any]]:
    """Every version of every row, by key."""
    history = History(view)
    for recorded in LIFE:
        history.take(recorded)
    found = [Version(*version) for version in history.versions()]
    return sorted(found, key=lambda version: (view.key_of(version.row), version.begun))


def between(found: list[Version[Any]], then: int, now: int) -> list[Version[Any]]:
    return [each for each in found if each.begun <= now and (each.ended is None or each.ended > then)]


def stood(view: View[Any]) -> list[dict[Key, Any]]:
    """The rows after each prefix of the life, the empty one first."""
    register, found = Register(view), [dict[Key, Any]()]
    for recorded in LIFE:
        changes = register.apply(recorded)
        found.append(dict(register.rows) if changes else found[-1])
    return found


def values(rows: dict[Key, Any]) -> dict[tuple[Key, str], Any]:
    return {(key, name): value for key, row in rows.items() for name, value in seen(row).items()}


@EVERY
def test_what_differs_is_the_difference_of_two_folds_and_has_its_cause(view: View[Any]) -> None:
    at, every, drawn = stood(view), versions(view), random.Random(view.name)
    assert at[-1] == fold_all(view, LIFE)
    for then, now in [(0, len(LIFE)), *(sorted(drawn.sample(range(len(LIFE) + 1), 2)) for _ in range(10))]:
        found = list(differences(view, between(every, then, now), then, now, seen))
        before, after = values(at[then]), values(at[now])
        expected = {field: (before.get(field), after.get(field)) for field in before.keys() | after.keys()}
        told = {(each.key, each.field): (each.before, each.after) for each in found}
        assert told == {field: pair for field, pair in expected.items() if pair[0] != pair[1]}
        for each in found:
            assert then < each.position <= now
            stands, stood_before = at[each.position].get(each.key), at[each.position - 1].get(each.key)
            assert getattr(stands, each.field, None) == each.after
            assert getattr(stood_before, each.field, None) != each.after


@EVERY
def test_what_an_event_changed_in_a_row_is_told_field_by_field(view: View[Any]) -> None:
    register = Register(view)
    for recorded in LIFE:
        for change in register.apply(recorded):
            told = list(changed(view, change.before, change.after, seen))
            assert told
            for each in told:
                assert (each.view, each.key) == (view.name, change.key)
                assert each.before == (None if change.before is None else getattr(change.before, each.field))
                assert each.after == (None if change.after is None else getattr(change.after, each.field))


def test_of_what_a_reader_may_not_see_nothing_is_told() -> None:
    public: frozenset[Audience] = frozenset({"public"})
    (view,) = (each for each in VIEWS if each.name == "person")
    found = versions(view)
    told = list(differences(view, found, 0, len(LIFE), lambda row: redact(row, public)))
    assert {each.field for each in told} == set()
    assert list(differences(view, found, 0, len(LIFE), lambda _: None)) == []
    assert list(changed(view, None, found[0].row, lambda _: None)) == []
