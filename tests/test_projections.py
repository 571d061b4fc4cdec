"""What holds of every view: it has titles, it folds purely, and every event it says it reads changes something."""

import json
import random
from datetime import date

import msgspec
import pytest

from domain.kernel import AUDIENCES, Event
from domain.lifecycle import EVENTS
from projections import VIEWS
from projections.kernel import Register, Table, View, canonical_csv, columns, fold_all
from tests.case_life import life

LIFE = life()
EVERY = pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
READING = [(view, kind) for view in VIEWS for kind in view.reads]


def test_the_life_knows_every_event_type() -> None:
    assert {type(recorded.event) for recorded in LIFE} == set(EVENTS)


def test_every_event_is_seen_in_some_view() -> None:
    assert {kind for _, kind in READING} == set(EVENTS)


def test_no_two_views_share_a_name() -> None:
    assert len({view.name for view in VIEWS}) == len(VIEWS)


@pytest.mark.parametrize(("view", "kind"), READING, ids=[f"{view.name}-{kind.TOPIC}" for view, kind in READING])
def test_every_event_a_view_reads_changes_it(view: View[msgspec.Struct], kind: type[Event]) -> None:
    register = Register(view)
    effects = []
    for recorded in LIFE:
        before = dict(register.rows)
        register.apply(recorded)
        if isinstance(recorded.event, kind):
            effects.append(register.rows != before)
    assert any(effects)


@EVERY
def test_a_view_has_rows_whose_keys_are_its_own(view: View[msgspec.Struct]) -> None:
    rows = fold_all(view, LIFE)
    assert rows
    assert all(view.key_of(row) == key for key, row in rows.items())


@EVERY
def test_every_column_has_titles_in_both_languages_and_an_audience(view: View[msgspec.Struct]) -> None:
    for column in columns(view.row):
        assert column.en
        assert any("一" <= character <= "鿿" for character in column.zh), column
        assert column.audience in AUDIENCES
    assert view.en
    assert view.zh
    assert "\n    zh: " in (view.row.__doc__ or "")


@EVERY
def test_a_row_survives_storage(view: View[msgspec.Struct]) -> None:
    for recorded_until in range(len(LIFE) + 1):
        for row in fold_all(view, LIFE[:recorded_until]).values():
            assert msgspec.json.decode(msgspec.json.encode(row), type=view.row) == row


@EVERY
def test_folding_twice_gives_the_same_and_changes_no_earlier_row(view: View[msgspec.Struct]) -> None:
    register = Register(view)
    snapshots = []
    for recorded in LIFE:
        register.apply(recorded)
        snapshots.append(dict(register.rows))
    assert snapshots[-1] == fold_all(view, LIFE)
    assert [fold_all(view, LIFE[: n + 1]) for n in range(len(LIFE))] == snapshots


@EVERY
def test_a_row_that_says_nothing_new_is_handed_back_as_it_was(view: View[msgspec.Struct]) -> None:
    """A version of a row is stored for each change, and only for a change."""
    register = Register(view)
    for recorded in LIFE:
        for _, before, after in register.apply(recorded):
            assert before != after


@pytest.mark.parametrize("view", [view for view in VIEWS if view.as_on], ids=lambda view: view.name)
def test_a_view_read_by_the_days_of_its_rows_stands_at_last_as_recorded(view: View[msgspec.Struct]) -> None:
    assert view.as_on
    assert view.effective
    for row in fold_all(view, LIFE).values():
        assert view.as_on(row, date.max) == row
        assert view.as_on(row, date.min) is None


@EVERY
def test_a_fold_bears_facts_in_any_order(view: View[msgspec.Struct]) -> None:
    """Read as of a day, facts come in the order in which they were true, which may not be the recorded one."""
    shuffled = list(LIFE)
    for seed in range(20):
        random.Random(seed).shuffle(shuffled)
        for row in fold_all(view, shuffled).values():
            assert isinstance(row, view.row)


@EVERY
def test_the_office_sees_rows_as_a_table_with_canonical_bytes(view: View[msgspec.Struct]) -> None:
    shown = columns(view.row)
    rows = [[getattr(row, column.name) for column in shown] for row in fold_all(view, LIFE).values()]
    table = Table(name=view.name, en=view.en, zh=view.zh, columns=shown, rows=rows)
    lines = b"".join(canonical_csv(table)).decode().split("\r\n")
    assert lines[0].split(",") == [column.name for column in shown]


WIDTH = {"public": 0, "subject": 1, "office": 2, "panel": 2, "restricted": 3}


@EVERY
def test_no_column_is_open_to_more_readers_than_the_fact_it_tells(view: View[msgspec.Struct]) -> None:
    """Whoever may not see a field of an event sees it in no view; a row that only such events made is not open."""
    for kind in view.reads:
        facts = {column.name: column.audience for column in columns(kind)}
        wider = [c.name for c in columns(view.row) if c.name in facts and WIDTH[c.audience] < WIDTH[facts[c.name]]]
        if wider:
            assert view.is_open is not None, f"{view.name} tells {wider} of {kind.TOPIC} to more than may read it there"
            alone = [recorded for recorded in LIFE if isinstance(recorded.event, kind)]
            assert not [row for row in fold_all(view, alone).values() if view.is_open(row)], (view.name, kind.TOPIC)


@EVERY
def test_the_reasons_and_acting_persons_are_the_offices(view: View[msgspec.Struct]) -> None:
    """Whoever acted, and why, is never shown to the public or to other units."""
    guarded = {column.name: column.audience for column in columns(view.row) if column.name.endswith(("_by", "_reason"))}
    assert set(guarded.values()) <= {"office"}


@EVERY
def test_what_the_public_may_read_names_no_person(view: View[msgspec.Struct]) -> None:
    open_to_all = [column.name for column in columns(view.row) if column.audience in {"public", "subject"}]
    for row in fold_all(view, LIFE).values():
        seen = json.loads(msgspec.json.encode({name: getattr(row, name) for name in open_to_all}))
        assert "00000000-0000-0000-0000-00000000000" not in json.dumps(seen)
