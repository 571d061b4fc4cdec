"""The inbox: each turn appears for the right role at the right unit, and disappears when it was taken."""

from datetime import date, datetime, timedelta

import pytest
from msgspec.structs import replace

from domain.application.events import ApplicationStarted, PaperReceived
from domain.eligibility.commands import JudgeEligibility
from domain.ids import NominatorUnitId, ObligationId
from domain.kernel import Event
from domain.obligation.events import ObligationReminded
from domain.programme.events import EligibilityRuleDefined
from projections.inbox import INBOX, InboxRow, waiting_for
from projections.kernel import fold_all
from projections.task import TASKS
from projections.window import WINDOW
from tests.case_life import (
    ADA,
    BEN,
    BRANCH,
    BRANCHES,
    CALL,
    CLOSES,
    COLLEGE,
    CORRECT_BY,
    LONGER,
    MINE,
    NEIGHBOUR,
    NOMINATOR,
    OTHER_COLLEGE,
    THEIRS,
    as_recorded,
    decided,
    declined,
    erratum,
    facts,
    filed,
    finding,
    form_saved,
    given_more_time,
    incident,
    interpreted,
    judged,
    merged,
    moved,
    prepared,
    programme,
    refiled,
    rejected,
    returned,
    screened,
    self_check,
    started,
    term,
    traits,
    units,
    vetted,
    waived,
    window_closed,
    window_extended,
    window_opened,
    withdrawn,
)
from tests.spec import given, recorded


def reminded() -> ObligationReminded:
    return ObligationReminded(
        obligation_id=ObligationId("correction-8"), kind="correction", programme_id=CALL, unit_id=BRANCH,
        application_id=MINE, due_at=CORRECT_BY, last_day=date(2020, 6, 5),
    )  # fmt: skip


PAPER_COPY = PaperReceived(application_id=MINE, unit_id=BRANCH, received_on=date(2020, 5, 30))


def waiting(*events: Event) -> dict[str, tuple[str, str]]:
    """What waits after these events: task, and for whom at which unit."""
    rows = fold_all(INBOX, as_recorded(events)).values()
    return {row.task: (row.role, row.unit_id) for row in rows if row.waiting}


def row_of(matter: str, subject_id: str, *events: Event) -> InboxRow:
    return fold_all(INBOX, as_recorded(events))[matter, subject_id]


@pytest.mark.parametrize(
    ("events", "task", "role", "unit_id"),
    [
        ([], "prepare", "applicant", BRANCH),
        ([prepared()], "decide", "nominator", COLLEGE),
        ([prepared(), decided()], "vet", "nominator", COLLEGE),
        ([prepared(), decided(), vetted()], "file", "nominator", COLLEGE),
        ([prepared(), declined()], "prepare", "applicant", BRANCH),
        ([prepared(), decided(), vetted(), form_saved()], "prepare", "applicant", BRANCH),
    ],
)
def test_the_turn_goes_from_the_unit_to_its_nominator_and_back(
    events: list[Event], task: str, role: str, unit_id: str
) -> None:
    found = waiting(started(), *events)
    assert {name: where for name, where in found.items() if name != "judge"} == {task: (role, unit_id)}


def test_a_decision_after_declining_goes_on_to_vetting() -> None:
    assert "vet" in waiting(started(), prepared(), declined(), decided())


def test_after_filing_only_the_paper_copy_and_the_screening_wait_and_then_nothing() -> None:
    done = [started(), prepared(), judged(), decided(), vetted(), filed()]
    assert waiting(*done) == {"receive_paper": ("clerk", ""), "screen": ("clerk", "")}
    assert waiting(*done, PAPER_COPY) == {"screen": ("clerk", "")}
    assert waiting(*done, screened()) == {"receive_paper": ("clerk", "")}
    assert fold_all(INBOX, as_recorded([*done, PAPER_COPY, screened()])) == {}
    assert fold_all(INBOX, as_recorded([*done, screened(), PAPER_COPY])) == {}
    assert fold_all(INBOX, as_recorded([*done, rejected()])) == {}


DONE = [started(), prepared(), judged(), decided(), vetted(), filed(), PAPER_COPY]


@pytest.mark.parametrize(
    ("events", "task", "role", "unit_id"),
    [
        ([], "correct", "applicant", BRANCH),
        ([form_saved()], "correct", "applicant", BRANCH),
        ([prepared()], "revet", "nominator", COLLEGE),
        ([prepared(), vetted()], "refile", "nominator", COLLEGE),
        ([prepared(), vetted(), form_saved()], "correct", "applicant", BRANCH),
        ([prepared(), vetted(), refiled()], "screen", "clerk", ""),
    ],
)
def test_the_turn_of_a_returned_application_goes_the_same_way_again(
    events: list[Event], task: str, role: str, unit_id: str
) -> None:
    assert waiting(*DONE, returned(), *events) == {task: (role, unit_id)}


@pytest.mark.parametrize("until", range(1, 5))
def test_a_rejection_or_a_withdrawal_in_a_correction_leaves_nothing_waiting(until: int) -> None:
    course = [returned(), incident(), prepared(), judged()][:until]
    for end in (rejected(), withdrawn(nominator=NOMINATOR)):
        assert fold_all(INBOX, as_recorded([*DONE, *course, end])) == {}


def test_a_fact_that_was_recorded_since_the_filing_is_judged_once_the_correction_is_complete() -> None:
    assert "judge" not in waiting(*DONE, incident())
    assert "judge" not in waiting(*DONE, incident(), returned())
    assert waiting(*DONE, incident(), returned(), prepared())["judge"] == ("clerk", "")
    assert "judge" not in waiting(*DONE, returned(), prepared())
    assert "judge" not in waiting(*DONE, incident(), returned(), prepared(), judged(), vetted())
    assert "judge" not in waiting(*DONE, returned(), prepared(), vetted(), incident(), refiled())


def test_a_waiver_asked_for_in_a_correction_goes_with_it() -> None:
    course = [*DONE, returned(), judged()]
    assert waiting(*course)["waive"] == ("head", "")
    assert "waive" not in waiting(*course, waived(len(course)))
    assert "waive" not in waiting(*course, prepared(), vetted(), refiled())


def test_what_a_correction_asks_for_is_due_when_it_closes() -> None:
    def due(*events: Event) -> dict[str, datetime | None]:
        past = as_recorded([window_opened(), *DONE, incident(), returned(), *events])
        windows = {row.programme_id: row for row in fold_all(WINDOW, past).values()}
        return {task.task: task.due_at for task in waiting_for(fold_all(INBOX, past).values(), windows)}

    assert due() == {"correct": CORRECT_BY}
    assert due(prepared()) == {"revet": CORRECT_BY, "judge": CORRECT_BY}
    assert due(prepared(), given_more_time()) == {"revet": LONGER, "judge": LONGER}
    assert due(prepared(), vetted(), refiled()) == {"screen": None}
    assert row_of("application", MINE, *DONE, returned()).last_day == date(2020, 6, 5)


@pytest.mark.parametrize("at", [CLOSES - timedelta(seconds=1), CLOSES])
def test_a_waiver_waits_no_longer_once_its_application_can_be_filed_no_more(at: datetime) -> None:
    def asked(*events: Event) -> list[tuple[str, datetime | None]]:
        past = [*as_recorded([window_opened(), started()]), recorded(3, judged(), when=at)]
        past += [recorded(n, event, when=max(at, CLOSES)) for n, event in enumerate(events, 4)]
        windows = {row.programme_id: row for row in fold_all(WINDOW, past).values()}
        rows = fold_all(INBOX, past).values()
        return [(task.task, task.due_at) for task in waiting_for(rows, windows) if task.task == "waive"]

    assert asked() == [("waive", CLOSES)]
    assert asked(window_closed()) == []
    assert asked(window_closed(), window_extended()) == [("waive", window_extended().closes_at)]
    assert asked(prepared(), decided(), vetted(), window_closed(), judged()) == []
    assert asked(filed(), window_closed()) == []


def test_a_waiver_asked_for_in_a_correction_waits_until_that_closes_whatever_the_window() -> None:
    past = as_recorded([window_opened(), *DONE, window_closed(), returned(), judged()])
    windows = {row.programme_id: row for row in fold_all(WINDOW, past).values()}
    tasks = waiting_for(fold_all(INBOX, past).values(), windows)
    assert [(each.due_at, each.last_day) for each in tasks if each.task == "waive"] == [(CORRECT_BY, date(2020, 6, 5))]


def test_a_reminder_of_a_correction_is_shown_with_what_is_to_be_corrected_until_it_is_filed_again() -> None:
    def shown(*events: Event) -> dict[str, datetime | None]:
        tasks = waiting_for(fold_all(INBOX, as_recorded([*DONE, returned(), *events])).values(), {})
        return {task.task: task.reminded_at for task in tasks}

    at = as_recorded([*DONE, returned(), reminded()])[-1].envelope.effective_at
    assert shown() == {"correct": None}
    assert shown(reminded()) == {"correct": at}
    assert shown(reminded(), prepared()) == {"revet": at}
    assert shown(reminded(), prepared(), vetted(), refiled(), returned()) == {"correct": None}
    assert shown(replace(reminded(), application_id=None)) == {"correct": None}
    assert shown(replace(reminded(), application_id=THEIRS)) == {"correct": None}
    paper = [event for event in DONE if event is not PAPER_COPY]
    rows = fold_all(INBOX, as_recorded([*paper, returned(), reminded()]))
    assert rows["paper", MINE].reminded_at is None


def test_whose_hand_is_in_the_materials_may_correct_them_but_is_shown_nothing_else() -> None:
    def shown(person_id: str, *events: Event) -> set[str]:
        rows = fold_all(INBOX, as_recorded([*DONE, *events], by=ADA)).values()
        return {task.task for task in waiting_for(rows, {}, person_id)}

    assert shown(ADA) == set()
    assert shown(BEN) == {"screen"}
    assert shown(ADA, returned()) == {"correct"}
    assert shown(ADA, returned(), prepared()) == set()
    assert shown(BEN, returned(), prepared()) == {"revet"}


def test_the_unit_that_filed_keeps_its_turn_when_the_branch_moves() -> None:
    assert waiting(*DONE, moved(), returned(), prepared())["revet"] == ("nominator", COLLEGE)
    assert waiting(*DONE, returned(), prepared(), moved())["revet"] == ("nominator", COLLEGE)
    assert waiting(started(), prepared(), moved(), decided(), vetted(), filed(), returned(), prepared())["revet"] == (
        "nominator",
        COLLEGE,
    )


@pytest.mark.parametrize("until", range(1, 7))
def test_a_withdrawal_leaves_nothing_waiting(until: int) -> None:
    done = [started(), prepared(), judged(), decided(), vetted(), filed()][:until]
    assert fold_all(INBOX, as_recorded([*done, withdrawn()])) == {}


def test_a_withdrawal_leaves_the_neighbours_turn() -> None:
    events = [started(), prepared(), judged(), started(THEIRS, NEIGHBOUR), withdrawn()]
    assert waiting(*events) == {"prepare": ("applicant", NEIGHBOUR)}


def test_a_judgement_is_asked_for_once_the_materials_are_complete() -> None:
    assert "judge" not in waiting(started())
    assert waiting(started(), prepared())["judge"] == ("clerk", "")
    assert "judge" not in waiting(started(), prepared(), judged())
    assert "judge" not in waiting(started(), prepared(), form_saved())
    assert "judge" not in waiting(started(), prepared(), judged(), form_saved(), prepared())
    assert "judge" not in waiting(started(), prepared(), judged(), self_check())
    assert "judge" in waiting(started(), prepared(), judged(), self_check(), prepared())
    assert "judge" not in waiting(started(), judged(), prepared())


@pytest.mark.parametrize(
    ("newer", "counts"),
    [(self_check(), True), (traits("student"), True), (interpreted("closes"), True), (erratum("cycle_ends"), False)],
)
def test_a_judgement_finding_the_same_is_recorded_where_something_it_rests_on_is_newer(
    newer: Event, *, counts: bool
) -> None:
    """Filing refuses a judgement older than what it rests on, so whoever is asked to judge again must be able to."""
    dated = replace(next(event for event in programme() if isinstance(event, EligibilityRuleDefined)), rule="dated")
    rules = [term("closes"), interpreted("closes"), replace(dated, as_of_term="closes")]
    before = given(*units(), *programme(), *rules, started())
    first = before.when(JudgeEligibility(application_id=MINE))
    first.command.execute()
    (found,) = [tagged.decision for tagged in first.command.collect_events()]
    before.and_(found).when(JudgeEligibility(application_id=MINE)).then()
    before.and_(found, newer).when(JudgeEligibility(application_id=MINE)).then(*[found] * counts)


@pytest.mark.parametrize("fact", facts(), ids=lambda fact: fact.TOPIC)
def test_a_newer_fact_about_the_unit_asks_for_another_judgement(fact: Event) -> None:
    assert "judge" in waiting(started(), prepared(), judged(), fact)
    assert "judge" not in waiting(started(), fact)
    assert "judge" not in waiting(
        started(THEIRS, NEIGHBOUR), prepared(THEIRS, NEIGHBOUR), judged(application=THEIRS), fact
    )


def test_a_second_fact_does_not_make_the_wait_begin_anew() -> None:
    once = [started(), prepared(), judged(), incident()]
    assert row_of("judgement", MINE, *once).since == row_of("judgement", MINE, *once, incident()).since


def test_each_waivable_rule_that_is_not_met_waits_for_the_head_until_waived() -> None:
    two = judged(finding(), finding("unknown", rule="honour"), finding(rule="conduct", severity="hard"))
    tasks = waiting_for(fold_all(INBOX, as_recorded([started(), two])).values(), {})
    assert {each.subject_id for each in tasks if each.task == "waive"} == {f"{MINE}/three_years", f"{MINE}/honour"}
    one = waiting_for(fold_all(INBOX, as_recorded([started(), two, waived(2)])).values(), {})
    assert [each.subject_id for each in one if each.task == "waive"] == [f"{MINE}/honour"]
    assert waiting(started(), judged())["waive"] == ("head", "")
    assert "waive" not in waiting(started(), judged(), waived(2))


def test_a_rule_met_at_a_later_judgement_waits_no_longer() -> None:
    assert "waive" not in waiting(started(), judged(), judged(finding("met"), verdict="eligible"))


def test_a_term_without_a_value_waits_for_an_interpretation() -> None:
    assert waiting(term()) == {"interpret": ("clerk", "")}
    assert waiting(term(), interpreted()) == {}
    assert waiting(term(), erratum()) == {}
    assert waiting(term(), term("results"), interpreted()) == {"interpret": ("clerk", "")}


def test_the_turn_moves_with_the_unit_to_its_new_parent() -> None:
    assert waiting(started(), prepared(), moved())["decide"] == ("nominator", OTHER_COLLEGE)
    assert waiting(started(), moved(), prepared())["decide"] == ("nominator", OTHER_COLLEGE)
    assert waiting(started(), moved())["prepare"] == ("applicant", BRANCH)
    assert waiting(started(), prepared(), moved(NEIGHBOUR))["decide"] == ("nominator", COLLEGE)


@pytest.mark.parametrize("endorsed", [[decided()], [decided(), vetted()]], ids=["decided", "vetted"])
def test_what_another_unit_decided_waits_to_be_decided_anew(endorsed: list[Event]) -> None:
    past = [started(), prepared(), *endorsed]
    assert waiting(*past, moved())["decide"] == ("nominator", OTHER_COLLEGE)
    assert not {"vet", "file"} & waiting(*past, moved()).keys()
    anew = replace(decided(), nominator_unit_id=NominatorUnitId(OTHER_COLLEGE))
    assert waiting(*past, moved(), anew)["vet"] == ("nominator", OTHER_COLLEGE)
    back = waiting(*past, moved(), moved(parent=COLLEGE))
    assert back.keys() & {"decide", "vet", "file"} == {"file" if len(endorsed) == 2 else "vet"}
    assert "decide" not in waiting(*past, moved(NEIGHBOUR))


def test_what_was_declined_stays_the_unit_s_turn_when_it_moves() -> None:
    assert waiting(started(), prepared(), decided(), declined(), moved())["prepare"] == ("applicant", BRANCH)


def test_the_turn_of_a_merged_nominator_goes_to_its_successor() -> None:
    assert waiting(started(), prepared(), merged(COLLEGE, OTHER_COLLEGE))["decide"] == ("nominator", OTHER_COLLEGE)
    assert waiting(started(), prepared(), merged(BRANCH, NEIGHBOUR))["decide"] == ("nominator", COLLEGE)


def test_a_unit_that_decides_for_itself_keeps_its_turn_when_it_moves() -> None:
    own = ApplicationStarted(
        application_id=MINE,
        programme_id=CALL,
        track_id=BRANCHES,
        unit_id=BRANCH,
        nominator_unit_id=NominatorUnitId(BRANCH),
    )
    assert waiting(own, prepared(), moved())["decide"] == ("nominator", BRANCH)


def test_a_task_is_due_when_the_window_of_its_programme_closes() -> None:
    past = as_recorded([term(), started(), prepared(), window_opened()])
    windows = {row.programme_id: row for row in fold_all(WINDOW, past).values()}
    tasks = waiting_for(fold_all(INBOX, past).values(), windows)
    assert {task.task for task in tasks} == {"interpret", "decide", "judge"}
    assert {task.due_at for task in tasks} == {CLOSES}
    assert all(task.due_at is None for task in waiting_for(fold_all(INBOX, past).values(), {}))


def test_what_leads_up_to_a_filing_waits_no_longer_once_the_window_is_closed() -> None:
    past = [term(), window_opened(), started(), prepared(), judged(), started(THEIRS, NEIGHBOUR), filed()]
    for events, expected in (
        (past, {"interpret", "prepare", "receive_paper", "screen"}),
        ([*past, window_closed()], {"interpret", "receive_paper", "screen"}),
    ):
        rows = as_recorded(events)
        windows = {row.programme_id: row for row in fold_all(WINDOW, rows).values()}
        assert {task.task for task in waiting_for(fold_all(INBOX, rows).values(), windows)} == expected


def test_a_paper_copy_and_a_screening_have_no_date_of_their_own_and_come_last() -> None:
    past = as_recorded([window_opened(), started(), filed(), started(THEIRS, NEIGHBOUR)])
    windows = {row.programme_id: row for row in fold_all(WINDOW, past).values()}
    tasks = waiting_for(fold_all(INBOX, past).values(), windows)
    assert (tasks[0].task, tasks[0].due_at) == ("prepare", CLOSES)
    assert {(task.task, task.due_at) for task in tasks[1:]} == {("receive_paper", None), ("screen", None)}


def test_who_prepared_is_not_shown_the_decision_and_who_judged_not_the_waiver() -> None:
    rows = fold_all(INBOX, as_recorded([started(), prepared(), judged()], by=ADA)).values()
    assert {task.task for task in waiting_for(rows, {}, ADA)} == set()
    assert {task.task for task in waiting_for(rows, {}, BEN)} == {"decide", "waive"}


def test_whoever_has_a_hand_in_the_materials_is_not_shown_the_decision() -> None:
    past = as_recorded([started(), self_check(), prepared()], by=BEN)
    past[1] = recorded(2, self_check(), by=ADA)
    rows = fold_all(INBOX, past).values()
    assert {task.task for task in waiting_for(rows, {}, ADA)} == {"judge"}
    past.append(recorded(4, self_check(), by=BEN))
    past.append(recorded(5, prepared(), by=BEN))
    rows = fold_all(INBOX, past).values()
    assert {task.task for task in waiting_for(rows, {}, ADA)} == {"judge", "decide"}


def test_who_prepared_may_still_prepare_again() -> None:
    rows = fold_all(INBOX, as_recorded([started(), prepared(), form_saved()], by=ADA)).values()
    assert {task.task for task in waiting_for(rows, {}, ADA)} == {"prepare"}


def test_every_task_is_named_in_both_languages() -> None:
    for _, en, zh in TASKS.values():
        assert en.isascii()
        assert not zh.isascii()


def test_a_turn_waits_since_it_came_up_whatever_happens_beside_it() -> None:
    past = as_recorded([started(), form_saved(), prepared(), incident()])
    since = [fold_all(INBOX, past[:n])["application", MINE].since for n in range(1, 5)]
    begun, complete = past[0].envelope.effective_at, past[2].envelope.effective_at
    assert since == [begun, begun, complete, complete]
