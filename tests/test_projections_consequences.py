"""What people see of titles, findings, measures and referrals: folded from facts, one row at a time."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.kernel import Event
from projections.accountability import ACCOUNTABILITY_RULE, FINDING, MEASURE, REFERRAL
from projections.designation import DESIGNATION, TITLE, RegisterEntry, register_table
from projections.evaluation import SECRETARY_DOSSIER, UNIT_DOSSIER
from projections.kernel import canonical_csv, fold_all
from projections.obligation import OBLIGATION
from tests.call import CALL
from tests.consequences import (
    DECIDED_ON,
    DUE_DAY,
    LATE_DAY,
    SETTLED_ON,
    amended,
    answered,
    appealed,
    circulated,
    conferred,
    conferred_for_two_years,
    dismissed,
    dropped,
    ended,
    found,
    given_up,
    lapsed,
    lifted,
    measured,
    notified,
    procedure,
    referred,
    renewed,
    restored,
    revoked,
    stated,
    title,
    upheld,
    waived,
)
from tests.consequences import (
    DESIGNATION as TITLED,
)
from tests.consequences import (
    FINDING as FOUND,
)
from tests.consequences import (
    MEASURE as MEASURED,
)
from tests.consequences import (
    TITLE as MODEL,
)
from tests.spec import at, given
from tests.test_evaluation import DOSSIER, OTHER, issued, its, line


def row(view: Any, key: str, *events: Event) -> Any:
    return fold_all(view, given(*events).log).get((key,))


# --- titles -----------------------------------------------------------------------------------------------------------


def test_a_title_stands_as_it_was_defined_last() -> None:
    (shown,) = fold_all(TITLE, given(title(), title(validity_months=24)).log).values()
    assert (shown.title, shown.validity_months, shown.position) == (MODEL, 24, 2)


@pytest.mark.parametrize(
    ("events", "state", "waits"),
    [
        ([conferred()], "held", False),
        ([conferred_for_two_years()], "held", True),
        ([conferred_for_two_years(), revoked()], "revoked", False),
        ([conferred_for_two_years(), revoked(), restored()], "held", True),
        ([conferred_for_two_years(), lapsed()], "lapsed", False),
    ],
)
def test_a_designation_is_held_revoked_or_lapsed(events: list[Event], state: str, waits: bool) -> None:
    shown = row(DESIGNATION, TITLED, *events)
    assert (shown.state, shown.waits_to_lapse) == (state, waits)


def test_a_designation_shows_its_days() -> None:
    shown = row(DESIGNATION, TITLED, conferred_for_two_years(), renewed(), revoked(measure_id=MEASURED))
    assert (shown.conferred_on, shown.renewed_on, shown.valid_until) == (LATE_DAY, date(2024, 6, 1), date(2026, 6, 30))
    assert (shown.revoked_on, shown.ground, shown.measure_id) == (DECIDED_ON, "accountability", MEASURED)
    back = row(DESIGNATION, TITLED, conferred(), revoked(), restored())
    assert (back.ground, back.restored_on) == (None, SETTLED_ON)
    assert row(DESIGNATION, TITLED, revoked()) is None


def test_the_register_as_a_table_has_a_line_for_each_designation() -> None:
    entry = RegisterEntry(
        designation_id=TITLED, programme_id=CALL, programme_zh="项目", programme_en="Programme", track_id="branch",  # type: ignore[arg-type]
        unit_id="BR-1", unit_zh="某支部", unit_en="Some branch", title=MODEL, title_zh="样板支部",  # type: ignore[arg-type]
        title_en="Model branch", state="held", conferred_on=LATE_DAY, valid_until=None, renewed_on=None,
        revoked_on=None, restored_on=None,
    )  # fmt: skip
    head, line = b"".join(canonical_csv(register_table((entry,)))).decode().splitlines()
    assert head.startswith("designation_id,")
    assert line.endswith(",held,2022-06-30,,,,,[]")


# --- findings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], "recorded"),
        ([notified()], "notified"),
        ([notified(), stated(), stated()], "stated"),
        ([notified(), waived()], "waived"),
        ([notified(), dropped()], "dropped"),
        ([notified(), stated(), measured()], "decided"),
        ([referred()], "recorded"),
    ],
)
def test_a_finding_goes_from_its_record_to_its_decision(events: list[Event], state: str) -> None:
    assert row(FINDING, FOUND, found(), *events).state == state


def test_a_finding_shows_what_was_said_and_what_followed() -> None:
    shown = row(FINDING, FOUND, found(), notified(), stated(), stated(), measured())
    assert len(shown.statement_document_ids) == 2
    assert (shown.last_day, shown.measure_ids) == (date(2022, 7, 5), (MEASURED,))
    assert row(FINDING, FOUND, found(), notified(), waived()).waiver_document_id
    assert row(FINDING, FOUND, notified()) is None


def test_the_rule_that_holds_is_the_one_defined_last() -> None:
    (shown,) = fold_all(ACCOUNTABILITY_RULE, given(procedure(), procedure(appeal_within_days=10)).log).values()
    assert (shown.appeal_within_days, shown.position) == (10, 2)


# --- measures ---------------------------------------------------------------------------------------------------------

ENDS = {"until_on": date(2024, 7, 5), "ends_at": at("2024-07-06 00:00")}


@pytest.mark.parametrize(
    ("events", "state", "waits", "outcome"),
    [
        ([], "decided", True, None),
        ([appealed()], "appealed", True, None),
        ([appealed(), dismissed()], "settled", True, "dismissed"),
        ([appealed(), given_up()], "settled", True, "withdrawn"),
        ([appealed(), upheld(), lifted()], "lifted", False, "lifted"),
        ([appealed(), upheld("amended"), amended()], "settled", False, "amended"),
        ([ended()], "ended", False, None),
        ([appealed(), ended()], "appealed", False, None),
        ([appealed(), ended(), upheld("amended"), amended(**ENDS)], "settled", True, "amended"),
    ],
)
def test_a_measure_goes_from_its_decision_to_its_end(
    events: list[Event],
    state: str,
    waits: bool,
    outcome: str | None,
) -> None:
    shown = row(MEASURE, MEASURED, measured(**ENDS), *events)
    assert (shown.state, shown.waits_to_end, shown.appeal_outcome) == (state, waits, outcome)


def test_a_measure_shows_its_circular_its_appeal_and_its_lifting() -> None:
    shown = row(MEASURE, MEASURED, measured("circular"), circulated(), appealed(), lifted("circular"))
    assert (shown.issued_on, shown.due_day, shown.lifted_for) == (DECIDED_ON, DUE_DAY, "appeal_upheld")
    assert row(MEASURE, MEASURED, appealed()) is None


def test_a_referral_shows_its_outcome() -> None:
    assert row(REFERRAL, MEASURED, referred()).outcome is None
    assert row(REFERRAL, MEASURED, referred(), answered()).outcome == "warning"
    assert row(REFERRAL, MEASURED, answered()) is None


# --- the obligation to decide an appeal -------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [upheld(), dismissed(), given_up()], ids=lambda body: type(body).__name__)
def test_an_appeal_is_an_obligation_until_it_is_decided(answer: Event) -> None:
    waiting = row(OBLIGATION, "appeal_decision-1", appealed())
    assert (waiting.state, waiting.measure_id, waiting.last_day) == ("waiting", MEASURED, DUE_DAY)
    assert row(OBLIGATION, "appeal_decision-1", appealed(), answer).state == "answered"
    assert fold_all(OBLIGATION, given(appealed(due_at=None, due_day=None), answer).log) == {}


# --- dossiers ---------------------------------------------------------------------------------------------------------


def test_a_dossier_is_shown_as_it_was_issued_and_says_what_took_its_place() -> None:
    first, second = issued(), issued(line(2, "outcome", "completed"), dossier_id=OTHER, follows=DOSSIER)
    shown = fold_all(UNIT_DOSSIER, given(first, second).log)
    assert (shown[DOSSIER,].next_dossier_id, shown[DOSSIER,].lines) == (OTHER, ())
    assert (shown[OTHER,].follows, shown[OTHER,].digest) == (DOSSIER, second.digest)
    assert fold_all(UNIT_DOSSIER, given(second).log).keys() == {(OTHER,)}


def test_a_secretary_s_dossier_is_shown_with_its_terms() -> None:
    shown = row(SECRETARY_DOSSIER, DOSSIER, its())
    assert [each.unit_id for each in shown.terms] == ["BR-1"]
