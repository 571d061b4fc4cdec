"""The library's own contract suite against our store, called by name: a plain subclass would collect nothing."""

from __future__ import annotations

import asyncio

import pytest
from eventsourcing.dcb.api import DCBEvent
from eventsourcing.dcb.tests import DCBRecorderTestCase
from eventsourcing.persistence import IntegrityError

from tests.conftest import Database
from tests.logs import Recorder, plant, recorders

pytestmark = pytest.mark.store


class Contract(DCBRecorderTestCase):
    """The suite, as an object that pytest does not collect."""

    __test__ = False

    def all_of_it(self, recorder: Recorder) -> None:
        self._test_append_read(recorder, recorder.read().head or 0)
        self._test_append_subscribe(recorder, recorder.read().head or 0)


def fill(recorder: Recorder) -> None:
    """Events that every query of the suite would find, if it saw them."""
    for tag in ("tagX", "tagA", "tagB", "tagC", "tagD"):
        for kind in ("type1", "type2", "type3"):
            recorder.append([DCBEvent(kind, b"data", [tag]), DCBEvent(kind, b"data", [tag, "tagA"])])


def test_an_empty_log_beside_a_filled_one(database: Database) -> None:
    with recorders(database.app_url, "I-1", "I-2") as (mine, other):
        fill(other)
        before = other.read().head
        Contract().all_of_it(mine)
        assert other.read().head == before


def test_a_filled_log_beside_another(database: Database) -> None:
    with recorders(database.app_url, "I-1", "I-2") as (mine, other):
        for recorder in (mine, other):
            fill(recorder)
            Contract().all_of_it(recorder)
        Contract().all_of_it(mine)


FAULTS = {
    "conditions are not looked at": ("IF append.head > ANY (c_after) THEN", "IF false THEN"),
    "only the first tag counts": ("AND (p.rest = ''", "AND (true"),
    "positions have holes": ("append.head + e.place,", "append.head + e.place + 1,"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_store_with_a_fault_fails(database: Database, fault: str) -> None:
    asyncio.run(plant(database.superuser_url, *FAULTS[fault]))
    with recorders(database.app_url, "I-1") as (mine,), pytest.raises((AssertionError, IntegrityError)):
        Contract().all_of_it(mine)
