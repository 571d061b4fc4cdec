"""What waits about a finding and an appeal: for whom, from when and until when, and when it is gone."""

from __future__ import annotations

from datetime import datetime

import pytest

from domain.ids import ObligationId
from domain.kernel import Event
from domain.obligation.events import ObligationReminded
from projections.hearing import HEARING, HearingRow, waiting_to_be_heard
from projections.kernel import fold_all
from tests.call import CALL
from tests.case_life import ADA, BEN, as_recorded
from tests.consequences import (
    APPEAL_UNTIL,
    DUE_AT,
    DUE_DAY,
    FINDING,
    HEARD_UNTIL,
    HEARING_CLOSES,
    MEASURE,
    SECRETARY_ALONE,
    appealed,
    dismissed,
    dropped,
    ended,
    found,
    given_up,
    lifted,
    measured,
    notified,
    referred,
    stated,
    upheld,
    waived,
)


def rows(*events: Event) -> dict[str, HearingRow]:
    """What waits after these events, by task."""
    return {row.task: row for row in fold_all(HEARING, as_recorded(events)).values() if row.waiting}


def tasks(*events: Event, by: str = BEN) -> dict[str, tuple[str, str]]:
    """The tasks after these events, all of them Ada's, that this person may do: role and unit."""
    shown = waiting_to_be_heard(fold_all(HEARING, as_recorded(events, by=ADA)).values(), by)
    return {task.task: (task.role, task.unit_id) for task in shown}


HEARD = [found(), notified(), stated()]


def test_a_finding_waits_to_be_notified_then_heard_and_decided_then_for_nothing() -> None:
    assert tasks(found()) == {"notify_finding": ("clerk", "")}
    assert tasks(found(), notified()) == {"decide_measure": ("head", ""), "make_statement": ("secretary", "BR-1")}
    assert tasks(*HEARD) == {"decide_measure": ("head", "")}
    assert tasks(*HEARD, stated()) == {"decide_measure": ("head", "")}
    assert tasks(found(), notified(), waived()) == {"decide_measure": ("head", "")}
    assert tasks(*HEARD, measured()) == {}
    assert tasks(*HEARD, measured(), measured(measure_id="M-2")) == {}
    for until in (1, 2, 3):
        assert fold_all(HEARING, as_recorded([*HEARD[:until], dropped()])) == {}


def test_a_finding_is_decided_at_once_when_heard_and_else_only_when_the_time_for_a_statement_is_over() -> None:
    asked = rows(found(), notified())
    assert asked["decide_measure"].opens_at == HEARING_CLOSES
    statement = asked["make_statement"]
    assert (statement.due_at, statement.last_day) == (HEARING_CLOSES, HEARD_UNTIL)
    for heard in (stated(), waived()):
        assert rows(found(), notified(), heard)["decide_measure"].opens_at is None


def test_a_person_is_heard_without_the_inbox_of_a_unit() -> None:
    alone = SECRETARY_ALONE
    assert tasks(found(concerned="leader", **alone), notified(**alone)) == {"decide_measure": ("head", "")}


def test_whoever_recorded_a_finding_may_notify_it_and_is_not_asked_to_decide_on_it() -> None:
    assert tasks(found(), by=ADA) == {"notify_finding": ("clerk", "")}
    assert tasks(*HEARD, by=ADA) == {}
    assert tasks(found(), notified(), by=ADA) == {"make_statement": ("secretary", "BR-1")}


@pytest.mark.parametrize("settled", [upheld(), dismissed(), given_up()], ids=["upheld", "dismissed", "withdrawn"])
def test_an_appeal_waits_for_another_than_who_decided_until_it_is_settled(settled: Event) -> None:
    assert tasks(*HEARD, measured(), appealed()) == {"decide_appeal": ("head", "")}
    assert tasks(*HEARD, measured(), appealed(), by=ADA) == {}
    appeal = rows(*HEARD, measured(), appealed())["decide_appeal"]
    assert (appeal.subject_id, appeal.due_at, appeal.last_day) == (MEASURE, DUE_AT, DUE_DAY)
    assert appeal.last_day != APPEAL_UNTIL
    assert fold_all(HEARING, as_recorded([*HEARD, measured(), appealed(), settled])) == {}


def test_what_ends_or_is_referred_asks_for_nothing() -> None:
    assert HEARING.topics.isdisjoint({referred().TOPIC, ended().TOPIC, lifted().TOPIC})


def test_an_appeal_shows_when_it_was_last_reminded_of() -> None:
    def reminded(measure_id: object = MEASURE) -> ObligationReminded:
        return ObligationReminded(
            obligation_id=ObligationId("appeal_decision-9"), kind="appeal_decision", programme_id=CALL,
            measure_id=measure_id, due_at=DUE_AT, last_day=DUE_DAY,  # type: ignore[arg-type]
        )  # fmt: skip

    def shown(*events: Event) -> datetime | None:
        return rows(*HEARD, measured(), appealed(), *events)["decide_appeal"].reminded_at

    assert shown() is None
    assert shown(reminded()) == as_recorded([*HEARD, measured(), appealed(), reminded()])[-1].envelope.effective_at
    assert shown(reminded(None)) is shown(reminded("M-9")) is None
    assert rows(*HEARD, reminded(FINDING)).keys() == {"decide_measure"}


def test_a_task_waits_since_it_came_up_and_a_second_statement_does_not_begin_it_anew() -> None:
    past = as_recorded([*HEARD, stated()])
    since = [fold_all(HEARING, past[:n])["finding", FINDING].since for n in range(1, 5)]
    recorded, told = past[0].envelope.effective_at, past[1].envelope.effective_at
    assert since == [recorded, told, told, told]
