"""The application file, its eligibility, the roster and the places of a nominating unit."""

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from domain.application.events import PaperReceived
from domain.application.policy import ApplicationFile, FileFact
from domain.ids import MeasureId, NominatorUnitId, PublicityId, UnitId
from domain.kernel import AUDIENCES, Event, redact
from domain.nomination.events import PlanRecorded
from domain.publicity.events import PublicityTakenDown
from projections.accountability import MEASURE
from projections.application import APPLICATION, ApplicationRow
from projections.eligibility import ELIGIBILITY, EligibilityRow, trace_table
from projections.kernel import Register, canonical_csv, fold_all, fold_on
from projections.nomination import PLAN, QUOTA, QuotaRow, less_cuts
from projections.programme import RULE
from projections.roster import ROSTER, RosterRow, in_order, roster_table, totals
from tests import committee, consequences
from tests.call import BRANCH_TRACK
from tests.case_life import (
    ADA,
    BEN,
    BRANCH,
    BRANCHES,
    CALL,
    COLLEGE,
    DIGEST,
    LATER_DIGEST,
    MINE,
    NEIGHBOUR,
    NOMINATOR,
    OTHER_COLLEGE,
    PAPER,
    SUCCESSOR,
    THEIRS,
    as_recorded,
    decided,
    declined,
    filed,
    finding,
    form_saved,
    given_more_time,
    judged,
    life,
    materials,
    merged,
    moved,
    prepared,
    programme,
    quota,
    refiled,
    rejected,
    returned,
    screened,
    self_check,
    started,
    vetted,
    waived,
    withdrawn,
)
from tests.spec import at, recorded

ALL = frozenset(AUDIENCES)


def file(*events: Event) -> ApplicationRow:
    return fold_all(APPLICATION, as_recorded(events))[MINE,]


def on_roster(*events: Event) -> RosterRow:
    return fold_all(ROSTER, as_recorded(events))[MINE,]


def trace(*events: Event) -> EligibilityRow:
    return fold_all(ELIGIBILITY, as_recorded(events))[MINE,]


def places(*events: Event) -> QuotaRow:
    return fold_all(QUOTA, as_recorded(events))[CALL, BRANCHES, NOMINATOR]


# --- whose it is to put forward ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [file, on_roster], ids=["file", "roster"])
def test_who_puts_an_application_forward_follows_the_tree_until_it_is_filed(row: Any) -> None:
    """The unit above it now must be able to read what it is to decide on."""
    assert row(started(), prepared(), moved()).nominator_unit_id == OTHER_COLLEGE
    assert row(started(), prepared(), moved(NEIGHBOUR)).nominator_unit_id == COLLEGE
    assert row(started(), prepared(), decided(), vetted(), filed(), moved()).nominator_unit_id == COLLEGE
    assert row(started(), withdrawn(), moved()).nominator_unit_id == COLLEGE
    own = replace(started(), nominator_unit_id=NominatorUnitId(BRANCH))
    assert row(own, prepared(), moved()).nominator_unit_id == BRANCH
    to_the_top = replace(moved(), parent_unit_id=None)
    assert row(started(), prepared(), to_the_top).nominator_unit_id == COLLEGE, "nobody else may, so nothing is told"


def test_what_was_vetted_before_it_was_decided_anew_was_vetted_by_another() -> None:
    anew = replace(decided(), nominator_unit_id=NominatorUnitId(OTHER_COLLEGE))
    found = file(started(), *materials(), prepared(), decided(), vetted(), moved(), anew)
    assert str(found.nominator_unit_id) == OTHER_COLLEGE
    assert (found.vetted_digest, found.vetted_by) == (None, None)


# --- the file --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], "started"),
        ([prepared()], "prepared"),
        ([prepared(), form_saved()], "started"),
        ([prepared(), decided()], "decided"),
        ([prepared(), declined()], "prepared"),
        ([prepared(), decided(), vetted()], "vetted"),
        ([prepared(), decided(), vetted(), filed()], "filed"),
        ([prepared(), decided(), vetted(), form_saved()], "started"),
        ([withdrawn()], "withdrawn"),
        ([prepared(), judged()], "prepared"),
        ([filed(), screened()], "screened"),
        ([filed(), rejected()], "rejected"),
        ([filed(), returned()], "returned"),
        ([filed(), returned(), given_more_time()], "returned"),
        ([filed(), returned(), form_saved()], "returned"),
        ([filed(), returned(), prepared()], "corrected"),
        ([filed(), returned(), prepared(), form_saved()], "returned"),
        ([filed(), returned(), prepared(), vetted()], "revetted"),
        ([filed(), returned(), prepared(), vetted(), refiled()], "filed"),
        ([filed(), returned(), prepared(), vetted(), refiled(), prepared()], "prepared"),
        ([filed(), returned(), rejected()], "rejected"),
        ([filed(), returned(), withdrawn()], "withdrawn"),
    ],
)
def test_file_and_roster_agree_on_the_state(events: list[Event], state: str) -> None:
    assert file(started(), *events).state == state
    assert on_roster(started(), *events).state == state


def test_the_file_holds_what_was_answered_rated_and_asked_for_but_no_text() -> None:
    row = file(started(), *materials())
    assert (row.form, row.answered, row.form_document_id) == ("branch_form", ("goals",), PAPER)
    assert [(check.catalogue, check.version, len(check.items)) for check in row.self_checks] == [("seven", 1, 1)]
    assert len(row.budget) == 2


def test_each_catalogue_has_its_own_self_check_and_a_later_one_replaces_it() -> None:
    row = file(started(), self_check("seven"), self_check("five"), self_check("seven"))
    assert [(check.catalogue, check.position) for check in row.self_checks] == [("five", 3), ("seven", 4)]


def test_the_budget_total_is_the_sum_of_its_lines_and_unknown_without_any() -> None:
    assert file(started()).total_fen is None
    assert file(started(), *materials()).total_fen == 1_000_000


def test_each_act_is_kept_with_who_and_when() -> None:
    acts = [prepared(), decided(), vetted(), filed()]
    past = as_recorded([started()])
    past += [recorded(2 + n, act, by=BEN if n else ADA, when=past[0].recorded_at) for n, act in enumerate(acts)]
    row = fold_all(APPLICATION, past)[MINE,]
    assert (row.prepared_by, row.decided_by, row.vetted_by, row.filed_by) == (ADA, BEN, BEN, BEN)
    assert row.filed_at == past[-1].envelope.effective_at
    assert (row.prepared_digest, row.vetted_digest, row.filed_digest) == (DIGEST, DIGEST, DIGEST)
    assert (row.rank, row.resolution_document_id) == (1, PAPER)


def test_what_was_decided_and_vetted_lapses_when_the_materials_change() -> None:
    stood_by = [started(), prepared(), decided(), vetted()]
    row = file(*stood_by, form_saved())
    lapsed = (row.prepared_digest, row.decided_at, row.rank, row.resolution_document_id, row.vetted_digest)
    assert lapsed == (None,) * 5
    assert on_roster(*stood_by).rank == 1
    assert on_roster(*stood_by, form_saved()).rank is None
    row = file(*stood_by, form_saved(), prepared(digest=LATER_DIGEST))
    assert (row.prepared_digest, row.vetted_digest) == (LATER_DIGEST, None)


def test_in_a_correction_the_vetting_lapses_and_the_decision_stands() -> None:
    course = [started(), prepared(), decided(), vetted(), filed(), returned()]
    assert file(*course).vetted_digest == DIGEST
    row = file(*course, form_saved())
    assert (row.prepared_digest, row.prepared_at, row.vetted_digest, row.vetted_by) == (None,) * 4
    assert (row.decided_at, row.decided_by, row.rank, row.resolution_document_id) == (
        file(*course).decided_at,
        ADA,
        1,
        PAPER,
    )
    assert on_roster(*course, form_saved()).rank == 1


def test_what_was_filed_again_stands_beside_what_was_filed() -> None:
    course = [started(), prepared(), decided(), vetted(), filed(), returned(), prepared(), vetted()]
    row = file(*course, refiled())
    assert (row.filed_digest, row.refiled_digest, row.refiled_by) == (DIGEST, LATER_DIGEST, ADA)
    assert row.filed_at is not None
    assert row.refiled_at is not None
    assert row.filed_at < row.refiled_at
    assert file(*course).refiled_at is None
    assert on_roster(*course, refiled()).refiled_at == row.refiled_at


def test_the_roster_says_until_when_an_application_is_to_be_corrected() -> None:
    course = [started(), prepared(), filed()]
    assert on_roster(*course).correct_until is None
    assert on_roster(*course, returned()).correct_until == date(2020, 6, 5)
    assert on_roster(*course, returned(), given_more_time()).correct_until == date(2020, 6, 8)
    for end in (refiled(), rejected(), withdrawn(nominator=NOMINATOR)):
        assert on_roster(*course, returned(), end).correct_until is None


def test_materials_declared_complete_anew_are_not_yet_declined() -> None:
    events = [started(), prepared(), declined(), form_saved(), prepared()]
    assert file(*events).declined_at is None
    assert on_roster(*events).declined_at is None


def test_the_file_and_the_rules_agree_on_the_state_after_every_event() -> None:
    past = [recorded for recorded in life() if f"application:{MINE}" in recorded.tags]
    known, seen = ApplicationFile(), Register(APPLICATION)
    for fact in past:
        seen.apply(fact)
        if isinstance(fact.event, FileFact):
            known.take(fact.event, fact.envelope.actor_id, fact.position)
        assert seen.rows[MINE,].state == known.state
        assert seen.rows[MINE,].vetted_digest == known.vetted_digest
        assert (seen.rows[MINE,].decided_at is None) == (known.decided is None)


def test_a_decision_after_a_refusal_replaces_it_and_the_other_way_round() -> None:
    row = file(started(), prepared(), decided(), declined())
    assert row.declined_at
    assert (row.decided_at, row.decided_by, row.rank) == (None, None, None)
    row = file(started(), prepared(), declined(), decided())
    assert row.decided_at
    assert (row.declined_at, row.declined_by) == (None, None)


def test_paper_and_electronic_receipt_are_kept_apart() -> None:
    paper = PaperReceived(application_id=MINE, unit_id=BRANCH, received_on=date(2020, 6, 2))
    for row in (file(started(), filed(), paper), on_roster(started(), filed(), paper)):
        assert row.paper_received_on == date(2020, 6, 2)
        assert row.filed_at is not None
        assert row.filed_at.date() != row.paper_received_on


def test_a_withdrawn_application_stays_on_file_and_on_the_roster() -> None:
    row = file(started(), prepared(), decided(), vetted(), filed(), withdrawn(nominator=NOMINATOR))
    assert (row.state, row.withdrawn_by) == ("withdrawn", ADA)
    assert row.filed_digest == DIGEST


# --- eligibility -----------------------------------------------------------------------------------------------------


def test_a_waiver_is_shown_at_its_rule_with_who_and_when() -> None:
    row = trace(started(), judged(), waived(2))
    assert (row.verdict, row.standing, row.position) == ("waivable", "waived", 2)
    shown = {found.rule: found.waived for found in row.findings}
    assert shown == {"three_years": True, "conduct": False}
    assert [(waiver.rule, waiver.by, waiver.position) for waiver in row.waivers] == [("three_years", ADA, 3)]


def test_an_application_waits_until_every_waivable_rule_is_waived() -> None:
    two = judged(finding(), finding("unknown", rule="honour"))
    row = trace(started(), two, waived(2))
    assert row.standing == "waivable"
    assert on_roster(started(), two, waived(2)).standing == "waivable"
    assert on_roster(started(), two, waived(2)).to_waive == ("honour",)


def test_a_waiver_never_makes_an_ineligible_unit_eligible() -> None:
    hard = judged(finding(), finding(rule="conduct", severity="hard"), verdict="ineligible")
    assert trace(started(), hard, waived(2)).standing == "ineligible"
    assert on_roster(started(), hard, waived(2)).standing == "ineligible"


def test_a_later_judgement_replaces_the_earlier_one() -> None:
    row = trace(started(), judged(), judged(finding("met"), verdict="eligible"))
    assert (row.verdict, row.position, len(row.findings)) == ("eligible", 3, 1)
    assert on_roster(started(), judged(), judged(finding("met"), verdict="eligible")).to_waive == ()


def test_the_trace_is_a_table_with_the_rules_names_and_without_the_offices_columns_for_others() -> None:
    past = as_recorded([*programme(), started(), judged(), waived(len(programme()) + 2)])
    row = fold_all(ELIGIBILITY, past)[MINE,]
    rules = {rule.rule: rule for rule in fold_all(RULE, past).values()}
    table = trace_table(row, rules, ALL)
    first = dict(zip([column.name for column in table.columns], table.rows[0], strict=True))
    assert (first["clause"], first["outcome"], first["waived"], first["waived_by"]) == ("二", "not_met", True, ADA)
    theirs = trace_table(row, rules, frozenset(("public", "subject")))
    assert ADA.encode() not in b"".join(canonical_csv(theirs))
    assert "waived" in [column.name for column in theirs.columns]


# --- the roster ------------------------------------------------------------------------------------------------------


def test_the_rows_of_a_merged_unit_show_who_carries_on() -> None:
    begun = [started(), started(THEIRS, NEIGHBOUR)]
    rows = fold_all(ROSTER, as_recorded([*begun, merged()]))
    assert str(rows[MINE,].successor_unit_id) == SUCCESSOR
    assert rows[THEIRS,].successor_unit_id is None
    rows = fold_all(ROSTER, as_recorded([*begun, merged(), merged(SUCCESSOR, OTHER_COLLEGE)]))
    assert str(rows[MINE,].successor_unit_id) == OTHER_COLLEGE
    assert rows[MINE,].unit_id == BRANCH


def test_the_roster_counts_states_per_track() -> None:
    rows = fold_all(ROSTER, as_recorded([started(), started(THEIRS, NEIGHBOUR), filed()])).values()
    assert [(count.track_id, count.state, count.applications) for count in totals(rows)] == [
        (BRANCHES, "filed", 1),
        (BRANCHES, "started", 1),
    ]


def test_the_roster_is_read_by_nominator_and_rank_with_the_unranked_last() -> None:
    events = [started(), started(THEIRS, NEIGHBOUR), decided(rank=None), decided(THEIRS, NEIGHBOUR, rank=2)]
    rows = list(fold_all(ROSTER, as_recorded(events)).values())
    assert [row.application_id for row in in_order(rows)] == [THEIRS, MINE]


def test_a_roster_is_public_only_through_its_publicity() -> None:
    assert roster_table([on_roster(started(), judged())], frozenset(("public",))).columns == []
    assert len(roster_table([on_roster(started())], ALL).columns) == len(RosterRow.__struct_fields__)


def test_a_roster_row_says_when_a_nominator_declined() -> None:
    assert on_roster(started(), prepared(), declined()).declined_at
    assert on_roster(started(), prepared(), declined(), decided()).declined_at is None


# --- places ----------------------------------------------------------------------------------------------------------


def test_only_a_filing_uses_a_place_and_its_withdrawal_gives_it_back() -> None:
    row = places(quota(2), started(), prepared(), decided())
    assert (row.places, row.used, row.remaining) == (2, 0, 2)
    row = places(quota(2), started(), filed())
    assert (row.used, row.remaining) == (1, 1)
    row = places(quota(2), started(), filed(), withdrawn(nominator=NOMINATOR))
    assert (row.filed, row.returned, row.used, row.remaining) == (1, 1, 0, 2)


def test_a_rejection_gives_the_place_back_and_a_correction_does_not() -> None:
    row = places(quota(2), started(), filed(), returned(), refiled())
    assert (row.filed, row.returned, row.used, row.remaining) == (1, 0, 1, 1)
    row = places(quota(2), started(), filed(), returned(), refiled(), rejected())
    assert (row.filed, row.returned, row.used, row.remaining) == (1, 1, 0, 2)


def test_withdrawing_what_was_never_filed_touches_no_places() -> None:
    register = Register(QUOTA)
    changes = [register.apply(recorded) for recorded in as_recorded([quota(2), withdrawn()])]
    assert [len(touched) for touched in changes] == [1, 0]


@pytest.mark.parametrize(
    ("later", "today", "cut"),
    [
        ((), date(2022, 7, 5), 0),
        ((), date(2022, 7, 6), 2),
        ((), date(2024, 7, 5), 2),
        ((), date(2024, 7, 6), 0),
        ((consequences.appealed(),), date(2022, 8, 1), 2),
        ((consequences.appealed(suspends=True),), date(2022, 8, 1), 0),
        ((consequences.amended("quota_cut", places=1),), date(2022, 8, 8), 1),
        ((consequences.lifted("quota_cut"),), date(2022, 8, 7), 2),
        ((consequences.lifted("quota_cut"),), date(2022, 8, 8), 0),
    ],
)
def test_a_cut_is_shown_beside_the_places_while_its_measure_is_in_force(
    later: tuple[Event, ...], today: date, cut: int
) -> None:
    suspends = any(getattr(event, "suspends", False) for event in later)
    decided_ = consequences.measured(
        "quota_cut", unit_id=UnitId(COLLEGE), places=2, until_on=date(2024, 7, 5), appeal_suspends=suspends
    )
    elsewhere = consequences.measured("quota_cut", measure_id=MeasureId("M-9"), unit_id=UnitId(BRANCH), places=5)
    measures = list(fold_all(MEASURE, as_recorded([decided_, elsewhere, *later])).values())
    line = less_cuts(places(quota(2), filed()), measures, today)
    left = max(0, 2 - cut)
    assert (line.places, line.cut, line.usable, line.free) == (2, cut, left, max(0, left - 1))
    assert line.cut_by == (("M-1",) if cut else ())


def test_in_an_open_track_a_cut_leaves_no_number_of_places() -> None:
    line = less_cuts(places(filed()), [], date(2022, 8, 1))
    assert (line.cut, line.usable, line.free) == (0, None, None)


def test_places_assigned_anew_keep_their_use() -> None:
    row = places(quota(2), filed(), quota(1))
    assert (row.places, row.used, row.remaining, row.assigned_position) == (1, 1, 0, 3)


def test_an_open_track_counts_filings_without_places() -> None:
    row = places(filed())
    assert (row.places, row.used, row.remaining) == (None, 1, None)
    assert QUOTA.is_open is not None
    assert [QUOTA.is_open(row), QUOTA.is_open(places(quota(0), filed()))] == [False, True]


def test_a_plan_recorded_anew_replaces_the_earlier_one() -> None:
    plans = [PlanRecorded(programme_id=CALL, nominator_unit_id=NOMINATOR, document_ids=(PAPER,) * n) for n in (1, 2)]
    row = fold_all(PLAN, as_recorded(plans))[CALL, COLLEGE]
    assert (len(row.document_ids), row.position) == (2, 2)


def test_the_roster_of_a_day_follows_the_effective_times_and_not_the_order_of_recording() -> None:
    begun, acted = at("2020-05-11 09:00"), at("2020-05-12 09:00")
    past = [recorded(1, prepared(), when=acted), recorded(2, started(), when=begun)]
    rows = [fold_on(ROSTER, past, day, at(f"{day + timedelta(days=1)} 00:00")) for day in (begun.date(), acted.date())]
    assert [row[MINE,].state for row in rows] == ["started", "prepared"]
    assert fold_on(ROSTER, past, date(2020, 5, 10), at("2020-05-11 00:00")) == {}
    assert fold_on(ROSTER, past, date(2020, 5, 10), begun) == {}


# --- what became of it ------------------------------------------------------------------------------------------------


def on_the_committees_roster(*events: Event) -> dict[str, RosterRow]:
    begun = [replace(started(), application_id=one, track_id=BRANCH_TRACK) for one in committee.APPLICATIONS]
    rows = fold_all(ROSTER, as_recorded([*begun, *events])).values()
    return {row.application_id: row for row in sorted(rows, key=lambda row: row.application_id)}


def outcomes(*events: Event) -> list[str | None]:
    return [row.outcome for row in on_the_committees_roster(*events).values()]


RANKED = (*committee.ranking(), *committee.recommendation())
DECIDED = (*RANKED, *committee.decision())


def test_the_roster_says_what_became_of_an_application_with_its_rank_and_the_decision() -> None:
    assert outcomes() == [None] * 4
    assert outcomes(*committee.ranking()) == [None] * 4
    assert outcomes(*RANKED) == ["recommended"] * 4
    assert outcomes(*DECIDED) == ["selected", "selected", "selected", "reserve"]
    second = on_the_committees_roster(*DECIDED)[committee.SECOND]
    assert (second.review_rank, second.ranked_by, second.recommended) == (2, committee.PANEL, "selected")
    assert (second.outcome_order, second.decision_id) == (2, committee.DECISION)
    left_out = (*RANKED, *committee.decision(committee.choices("selected", "selected", "selected", "not_selected")))
    assert outcomes(*left_out)[3] == "not_selected"
    assert outcomes(*DECIDED, committee.confirmed())[0] == "confirmed"
    gone = (*DECIDED, committee.struck(), committee.promoted())
    assert outcomes(*gone) == ["struck", "selected", "selected", "selected"]
    assert on_the_committees_roster(*gone)[committee.FOURTH].outcome_order is None
    assert outcomes(*DECIDED, committee.confirmed(), committee.turned_back())[0] == "reversed"


def test_what_was_reopened_is_recommended_and_no_more() -> None:
    rows = on_the_committees_roster(*DECIDED, committee.reopened())
    assert {row.outcome for row in rows.values()} == {"recommended"}
    assert {(row.decision_id, row.outcome_order) for row in rows.values()} == {(None, None)}
    assert rows[committee.FOURTH].recommended == "reserve"


def publicised(*events: Event) -> list[str | None]:
    """What the subject of each application reads of it."""
    rows = on_the_committees_roster(*events).values()
    return [redact(row, frozenset({"public", "subject"}))["publicised"] for row in rows]


def test_its_subject_learns_of_it_when_everybody_does() -> None:
    assert publicised(*DECIDED) == [None] * 4
    assert publicised(*DECIDED, committee.shown()) == ["shown"] * 3 + [None]
    down = PublicityTakenDown(publicity_id=committee.PUBLICITY, programme_id=CALL)
    assert publicised(*DECIDED, committee.shown(), down) == [None] * 4
    other = replace(down, publicity_id=PublicityId("PUB-2"))
    assert publicised(*DECIDED, committee.shown(), other) == ["shown"] * 3 + [None]
    over = (*DECIDED, committee.shown(), committee.closed(), committee.passed())
    assert publicised(*over) == ["passed", "shown", "shown", None]
    assert publicised(*over, committee.confirmed())[0] == "confirmed"
    assert publicised(*over, committee.confirmed(), committee.turned_back())[0] == "reversed"
    # That it was struck, or is in the hands of the committee again, is not said in public.
    assert publicised(*over, committee.struck(committee.SECOND), committee.reopened())[1] == "shown"


def test_before_it_is_shown_its_subject_reads_nothing_of_panel_or_committee() -> None:
    told = redact(on_the_committees_roster(*DECIDED)[committee.FIRST], frozenset({"public", "subject"}))
    assert not {"ranked_by", "review_rank", "recommended", "outcome", "outcome_order", "decision_id"} & told.keys()


def test_as_of_a_day_the_roster_says_what_was_so_then() -> None:
    begun = replace(started(), application_id=committee.FIRST, track_id=BRANCH_TRACK)
    past = [
        recorded(n, event, when=at(day))
        for n, (event, day) in enumerate(
            [
                (begun, "2020-05-20 09:00"),
                (committee.ranked(committee.FIRST, 1), "2020-06-15 09:00"),
                (committee.recommendation()[0], "2020-06-16 09:00"),
                (committee.decision()[1], "2020-06-18 09:00"),
                (committee.shown(), "2020-06-22 09:00"),
                (committee.confirmed(), "2020-06-30 09:00"),
            ],
            1,
        )
    ]

    def on(day: int) -> tuple[str | None, str | None]:
        row = fold_on(ROSTER, past, date(2020, 6, day), at(f"2020-06-{day + 1} 00:00"))[committee.FIRST,]
        return row.outcome, row.publicised

    assert [on(day) for day in (15, 16, 18, 22)] == [
        (None, None),
        ("recommended", None),
        ("selected", None),
        ("selected", "shown"),
    ]
