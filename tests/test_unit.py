"""Units and their tree: registered, moved, merged, dissolved; and what the office records of them."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from domain.document.events import DocumentDeposited
from domain.document.policy import DocumentUnknown
from domain.ids import DocumentId, IncidentId, ParentUnitId, SuccessorUnitId, UnitId
from domain.kernel import Command, Event
from domain.unit.commands import (
    AlreadyOnRecord,
    BeforeRegistration,
    DissolveUnit,
    HappenedAfterwards,
    IncidentAlreadyRecorded,
    IncidentAlreadyWithdrawn,
    IncidentUnknown,
    MergedIntoItself,
    MergeUnit,
    MoveUnit,
    NotYetValid,
    OutOfOrder,
    ParentUnitGone,
    ParentUnitUnknown,
    RecordEarlierOutcome,
    RecordEarlierTitle,
    RecordFoundation,
    RecordHonour,
    RecordIncident,
    RecordTraits,
    RegisterUnit,
    RenameUnit,
    SplitIntoItself,
    SplitUnit,
    SuccessorGone,
    SuccessorsNotNamed,
    SuccessorUnknown,
    TitleEndsBeforeItBegins,
    TraitTwice,
    UnitAboveItself,
    UnitAlreadyRegistered,
    UnitHasChildren,
    WithdrawIncident,
)
from domain.unit.events import (
    EarlierOutcomeRecorded,
    EarlierTitleRecorded,
    HonourRecorded,
    IncidentRecorded,
    IncidentWithdrawn,
    UnitDissolved,
    UnitFoundationRecorded,
    UnitMerged,
    UnitMoved,
    UnitRegistered,
    UnitRenamed,
    UnitSplit,
    UnitTraitsRecorded,
)
from domain.unit.policy import UnitGone, UnitUnknown
from tests.spec import INSTITUTION, Past, given

SOURCE = DocumentId("d" * 64)
OTHER_SOURCE = DocumentId("e" * 64)
TODAY = date(2020, 5, 20)
DAY = timedelta(days=1)
START = date(2020, 1, 1)
SOURCED: dict[str, Any] = {"valid_on": TODAY, "source_document_id": SOURCE}

deposited = DocumentDeposited(document_id=SOURCE, kind="basis", media_type="application/pdf", size_bytes=9)


def unit(unit_id: str, parent: str | None = None, **changes: Any) -> UnitRegistered:
    fields: dict[str, Any] = {
        "institution_id": INSTITUTION,
        "kind": "branch",
        "name_zh": "某支部",
        "name_en": f"Branch {unit_id}",
        "valid_on": START,
        "parent_unit_id": None if parent is None else ParentUnitId(parent),
        **changes,
    }
    return UnitRegistered(unit_id=UnitId(unit_id), **fields)


def moved(unit_id: str, parent: str | None, valid_on: date = TODAY) -> UnitMoved:
    parent_id = None if parent is None else ParentUnitId(parent)
    return UnitMoved(unit_id=UnitId(unit_id), parent_unit_id=parent_id, valid_on=valid_on, source_document_id=SOURCE)


def merged(unit_id: str, successor: str, valid_on: date = TODAY) -> UnitMerged:
    return UnitMerged(
        unit_id=UnitId(unit_id),
        successor_unit_id=SuccessorUnitId(successor),
        valid_on=valid_on,
        source_document_id=SOURCE,
    )


def dissolved(unit_id: str, valid_on: date = TODAY) -> UnitDissolved:
    return UnitDissolved(unit_id=UnitId(unit_id), valid_on=valid_on, source_document_id=SOURCE)


def apart(unit_id: str, *successors: str, valid_on: date = TODAY) -> UnitSplit:
    named = tuple(SuccessorUnitId(each) for each in successors)
    return UnitSplit(unit_id=UnitId(unit_id), successor_unit_ids=named, valid_on=valid_on, source_document_id=SOURCE)


def move(unit_id: str, parent: str | None, valid_on: date = TODAY) -> MoveUnit:
    parent_id = None if parent is None else ParentUnitId(parent)
    return MoveUnit(unit_id=UnitId(unit_id), parent_unit_id=parent_id, valid_on=valid_on, source_document_id=SOURCE)


def merge(unit_id: str, successor: str, valid_on: date = TODAY) -> MergeUnit:
    return MergeUnit(
        unit_id=UnitId(unit_id),
        successor_unit_id=SuccessorUnitId(successor),
        valid_on=valid_on,
        source_document_id=SOURCE,
    )


def split(unit_id: str, *successors: str, valid_on: date = TODAY) -> SplitUnit:
    named = tuple(SuccessorUnitId(each) for each in successors)
    return SplitUnit(unit_id=UnitId(unit_id), successor_unit_ids=named, valid_on=valid_on, source_document_id=SOURCE)


def dissolve(unit_id: str, valid_on: date = TODAY) -> DissolveUnit:
    return DissolveUnit(unit_id=UnitId(unit_id), valid_on=valid_on, source_document_id=SOURCE)


def register(unit_id: str = "B", parent: str | None = "A", **changes: Any) -> RegisterUnit:
    fields: dict[str, Any] = {
        "kind": "branch",
        "name_zh": "某支部",
        "name_en": f"Branch {unit_id}",
        "valid_on": START,
        "parent_unit_id": None if parent is None else ParentUnitId(parent),
        **changes,
    }
    return RegisterUnit(unit_id=UnitId(unit_id), **fields)


# --- the tree --------------------------------------------------------------------------------------------------------


def test_a_unit_is_entered_at_the_top_or_under_a_parent_once() -> None:
    past = given().when(register("A", None)).then(unit("A"))
    past = past.when(register(traits=("student", "enrolling"))).then(unit("B", "A", traits=("enrolling", "student")))
    past.when(register()).refused(UnitAlreadyRegistered, unit_id="B")
    past.and_(dissolved("B")).when(register()).refused(UnitAlreadyRegistered, unit_id="B")


def test_the_parent_is_in_the_tree_by_that_day_and_not_gone() -> None:
    given().when(register()).refused(ParentUnitUnknown, parent_unit_id="A", valid_on=START)
    given(unit("A", valid_on=TODAY)).when(register()).refused(ParentUnitUnknown)
    given(unit("A"), dissolved("A")).when(register()).refused(ParentUnitGone, parent_unit_id="A", gone_on=TODAY)
    given().when(register("B", "B")).refused(UnitAboveItself, unit_id="B", parent_unit_id="B")


def test_a_unit_is_entered_once_it_is_there_with_each_trait_once() -> None:
    given(unit("A")).when(register(valid_on=TODAY + DAY)).refused(NotYetValid, valid_on=TODAY + DAY, today=TODAY)
    given(unit("A")).when(register(traits=("student", "student"))).refused(TraitTwice, trait="student")


def test_entering_races_with_the_same_unit_and_its_parent_only() -> None:
    asked = given(unit("A")).when(register())
    asked.meanwhile(unit("B"), dissolved("A"), merged("A", "C"), moved("A", "C")).is_raced()
    asked.meanwhile(unit("C", "A"), dissolved("C"), renamed("A"), incident("A")).is_undisturbed()
    given().when(register("A", None)).meanwhile(unit("C")).is_undisturbed()


def test_a_unit_comes_under_another_parent_or_to_the_top() -> None:
    past = given(deposited, unit("A"), unit("C"), unit("B", "A"))
    past.when(move("B", "C")).then(moved("B", "C")).when(move("B", None)).then(moved("B", None))
    past.when(move("B", "A")).then()
    given(deposited, unit("A")).when(move("A", None)).then()


def test_a_move_needs_a_living_unit_a_living_parent_and_order() -> None:
    past = given(deposited, unit("A"), unit("B"))
    past.when(move("X", "A")).refused(UnitUnknown, unit_id="X")
    past.when(move("B", "X")).refused(ParentUnitUnknown, parent_unit_id="X")
    past.and_(dissolved("A")).when(move("B", "A")).refused(ParentUnitGone)
    past.and_(moved("B", "A", TODAY)).when(move("B", None, TODAY - DAY)).refused(
        OutOfOrder, valid_on=TODAY - DAY, latest=TODAY
    )


def test_nobody_stands_above_themselves() -> None:
    past = given(deposited, unit("A"), unit("B", "A"), unit("C", "B"))
    for parent in ("A", "B", "C"):
        past.when(move("A", parent)).refused(UnitAboveItself, unit_id="A", parent_unit_id=parent)
    past.and_(moved("C", None)).when(move("A", "C")).then(moved("A", "C"))


def test_nobody_stands_above_themselves_on_any_day_since() -> None:
    """C leaves A today only: yesterday A cannot have come under it; and A was never under what came under it later."""
    left_today = given(deposited, unit("A"), unit("C", "A"), moved("C", None, TODAY))
    left_today.when(move("A", "C", TODAY - DAY)).refused(UnitAboveItself)
    joined_today = given(deposited, unit("A"), unit("C"), unit("D"), moved("C", "D", TODAY), moved("D", "A", TODAY))
    joined_today.when(move("A", "C", TODAY - 9 * DAY)).refused(UnitAboveItself)
    crossed = given(deposited, unit("A"), unit("C", "D"), unit("D"), moved("C", None, TODAY), moved("D", "A", TODAY))
    crossed.when(move("A", "C", TODAY - 9 * DAY)).then(moved("A", "C", TODAY - 9 * DAY))


def test_a_move_races_with_every_ancestor_of_the_new_parent() -> None:
    asked = given(deposited, unit("A"), unit("B", "A"), unit("C", "B"), unit("D")).when(move("D", "C"))
    asked.meanwhile(moved("A", "D"), moved("B", None), merged("C", "B"), dissolved("D")).is_raced()
    asked.meanwhile(unit("E", "D"), moved("E", "A"), renamed("C"), incident("D")).is_undisturbed()


def test_a_unit_is_merged_into_a_living_successor() -> None:
    past = given(deposited, unit("A"), unit("B"), unit("C"))
    once = past.when(merge("A", "B")).then(merged("A", "B"))
    once.when(merge("A", "C")).refused(UnitGone, unit_id="A", gone_on=TODAY)
    once.when(merge("C", "A")).refused(SuccessorGone, successor_unit_id="A", gone_on=TODAY)
    past.when(merge("A", "A")).refused(MergedIntoItself, unit_id="A")
    past.when(merge("A", "X")).refused(SuccessorUnknown, successor_unit_id="X", valid_on=TODAY)
    past.and_(unit("D", valid_on=TODAY)).when(merge("A", "D", TODAY - DAY)).refused(SuccessorUnknown)


def test_a_unit_is_split_into_living_successors() -> None:
    past = given(unit("A"), unit("B"), unit("C"), deposited)
    once = past.when(split("A", "B", "C")).then(apart("A", "B", "C"))
    once.when(split("A", "B", "C")).refused(UnitGone, unit_id="A", gone_on=TODAY)
    once.when(merge("C", "A")).refused(SuccessorGone, successor_unit_id="A", gone_on=TODAY)
    for named in ((), ("B",), ("B", "B")):
        past.when(split("A", *named)).refused(SuccessorsNotNamed, field="successor_unit_ids")
    past.when(split("A", "B", "A")).refused(SplitIntoItself, unit_id="A")
    past.when(split("A", "B", "X")).refused(SuccessorUnknown, successor_unit_id="X", valid_on=TODAY)
    past.and_(dissolved("C")).when(split("A", "B", "C")).refused(SuccessorGone, successor_unit_id="C", gone_on=TODAY)
    asked = past.when(split("A", "B", "C"))
    asked.meanwhile(dissolved("B"), merged("C", "B"), apart("C", "A", "B"), unit("D", "A")).is_raced()
    asked.meanwhile(dissolved("D"), renamed("B"), incident("A")).is_undisturbed()


@pytest.mark.parametrize(
    "end", [lambda u: merge(u, "Z"), lambda u: split(u, "Z", "Y"), dissolve], ids=["merged", "split", "dissolved"]
)
def test_a_unit_with_others_under_it_does_not_end(end: Callable[..., Command]) -> None:
    past = given(deposited, unit("Z"), unit("Y"), unit("A"), unit("B", "A"), unit("C", "A"), unit("D"), moved("D", "A"))
    past.when(end("A")).refused(UnitHasChildren, unit_id="A", children="B, C, D")
    gone = past.and_(moved("B", "Z"), dissolved("C"), merged("D", "Z"))
    assert gone.when(end("A"))._refusal() is None


def test_a_unit_does_not_end_before_the_last_under_it_left() -> None:
    past = given(deposited, unit("A"), unit("B", "A"), unit("C"), moved("B", "C", TODAY))
    past.when(dissolve("A", TODAY - DAY)).refused(UnitHasChildren, children="B")
    past.when(dissolve("A", TODAY)).then(dissolved("A", TODAY))
    past.when(dissolve("B", TODAY - DAY)).refused(OutOfOrder, latest=TODAY)


def test_ending_races_with_whoever_comes_goes_or_carries_on() -> None:
    past = given(deposited, unit("Z"), unit("A"), unit("B", "A"), moved("B", None))
    for asked in (past.when(merge("A", "Z")), past.when(dissolve("A"))):
        asked.meanwhile(unit("C", "A"), moved("C", "A"), moved("B", "A"), moved("A", "Z"), dissolved("A")).is_raced()
        asked.meanwhile(unit("C", "B"), moved("C", "Z"), dissolved("C"), renamed("A"), incident("A")).is_undisturbed()
    past.when(merge("A", "Z")).meanwhile(dissolved("Z"), merged("Z", "B")).is_raced()
    past.when(dissolve("A")).meanwhile(dissolved("Z")).is_undisturbed()
    into_former_child = past.when(merge("A", "B"))
    into_former_child.meanwhile(dissolved("B")).is_raced()
    into_former_child.then(merged("A", "B"))


# --- what is recorded of a unit --------------------------------------------------------------------------------------


def renamed(unit_id: str = "A", name: str = "New", **changes: Any) -> UnitRenamed:
    return UnitRenamed(unit_id=UnitId(unit_id), name_zh="新名", name_en=name, **{**SOURCED, **changes})


def rename(name: str = "New", **changes: Any) -> RenameUnit:
    return RenameUnit(unit_id=UnitId("A"), name_zh="新名", name_en=name, **{**SOURCED, **changes})


def founded(founded_on: date = date(2016, 9, 1), unit_id: str = "A", **changes: Any) -> UnitFoundationRecorded:
    return UnitFoundationRecorded(unit_id=UnitId(unit_id), founded_on=founded_on, **{**SOURCED, **changes})


def found(founded_on: date = date(2016, 9, 1), **changes: Any) -> RecordFoundation:
    return RecordFoundation(unit_id=UnitId("A"), founded_on=founded_on, **{**SOURCED, **changes})


def described(*traits: str, unit_id: str = "A", **changes: Any) -> UnitTraitsRecorded:
    return UnitTraitsRecorded(unit_id=UnitId(unit_id), traits=traits, **{**SOURCED, **changes})


def describe(*traits: str, **changes: Any) -> RecordTraits:
    return RecordTraits(unit_id=UnitId("A"), traits=traits, **{**SOURCED, **changes})


INCIDENT: dict[str, Any] = {"kind": "ideology", "severity": "major", "scope": "unit", "occurred_on": date(2019, 3, 1)}


def incident(unit_id: str = "A", number: str = "I-1", **changes: Any) -> IncidentRecorded:
    fields = {**INCIDENT, **SOURCED, **changes}
    return IncidentRecorded(incident_id=IncidentId(number), unit_id=UnitId(unit_id), **fields)


def record_incident(**changes: Any) -> RecordIncident:
    return RecordIncident(incident_id=IncidentId("I-1"), unit_id=UnitId("A"), **{**INCIDENT, **SOURCED, **changes})


def withdrawn(number: str = "I-1", unit_id: str = "A", **changes: Any) -> IncidentWithdrawn:
    fields = {**SOURCED, **changes}
    return IncidentWithdrawn(incident_id=IncidentId(number), unit_id=UnitId(unit_id), **fields)


def withdraw(**changes: Any) -> WithdrawIncident:
    return WithdrawIncident(incident_id=IncidentId("I-1"), **{**SOURCED, **changes})


HONOUR: dict[str, Any] = {"honour": "advanced_branch", "level": "institution", "awarded_on": date(2018, 7, 1)}
OUTCOME: dict[str, Any] = {"programme": "pilot-2017", "outcome": "passed", "decided_on": date(2018, 7, 1)}
TITLE: dict[str, Any] = {"title": "model_branch", "level": "provincial", "conferred_on": date(2018, 7, 1)}


def honoured(unit_id: str = "A", **changes: Any) -> HonourRecorded:
    return HonourRecorded(unit_id=UnitId(unit_id), **{**HONOUR, **SOURCED, **changes})


def honour(**changes: Any) -> RecordHonour:
    return RecordHonour(unit_id=UnitId("A"), **{**HONOUR, **SOURCED, **changes})


def concluded(unit_id: str = "A", **changes: Any) -> EarlierOutcomeRecorded:
    return EarlierOutcomeRecorded(unit_id=UnitId(unit_id), **{**OUTCOME, **SOURCED, **changes})


def conclude(**changes: Any) -> RecordEarlierOutcome:
    return RecordEarlierOutcome(unit_id=UnitId("A"), **{**OUTCOME, **SOURCED, **changes})


def titled(unit_id: str = "A", **changes: Any) -> EarlierTitleRecorded:
    return EarlierTitleRecorded(unit_id=UnitId(unit_id), **{**TITLE, **SOURCED, **changes})


def give_title(**changes: Any) -> RecordEarlierTitle:
    return RecordEarlierTitle(unit_id=UnitId("A"), **{**TITLE, **SOURCED, **changes})


ALIVE = given(deposited, unit("A"), unit("B"), unit("C"))

ON_SOURCE: list[tuple[str, Callable[..., Command], Callable[..., Event]]] = [
    ("foundation", found, founded),
    ("name", rename, renamed),
    ("traits", lambda **changes: describe("student", **changes), lambda **changes: described("student", **changes)),
    ("incident", record_incident, incident),
    ("honour", honour, honoured),
    ("outcome", conclude, concluded),
    ("title", give_title, titled),
]
on_source = pytest.mark.parametrize(("command", "event"), [row[1:] for row in ON_SOURCE], ids=[r[0] for r in ON_SOURCE])
TREE_COMMANDS: list[tuple[str, Callable[..., Command]]] = [
    ("move", lambda **c: move("A", "B", **c)),
    ("merge", lambda **c: merge("A", "B", **c)),
    ("split", lambda **c: split("A", "B", "C", **c)),
    ("dissolve", lambda **c: dissolve("A", **c)),
]
everything = pytest.mark.parametrize(
    "command", [row[1] for row in ON_SOURCE] + [row[1] for row in TREE_COMMANDS],
    ids=[row[0] for row in ON_SOURCE] + [row[0] for row in TREE_COMMANDS],
)  # fmt: skip


@on_source
def test_the_office_records_a_fact_with_its_source(
    command: Callable[..., Command], event: Callable[..., Event]
) -> None:
    ALIVE.when(command()).then(event())


@everything
def test_a_fact_needs_a_living_unit_a_source_and_its_day(command: Callable[..., Command]) -> None:
    given(deposited, unit("B")).when(command()).refused(UnitUnknown, unit_id="A")
    given(unit("A"), unit("B"), unit("C")).when(command()).refused(DocumentUnknown, document_id=SOURCE)
    assert ALIVE.when(command(valid_on=START))._refusal() is None, "the first day is one of its days"
    ALIVE.when(command(valid_on=START - DAY)).refused(BeforeRegistration, valid_on=START - DAY, registered_on=START)
    ALIVE.when(command(valid_on=TODAY + DAY)).refused(NotYetValid, valid_on=TODAY + DAY, today=TODAY)


@everything
@pytest.mark.parametrize(
    "end", [merged("A", "B"), apart("A", "B", "C"), dissolved("A")], ids=["merged", "split", "dissolved"]
)
def test_a_unit_that_is_gone_may_do_nothing_more(command: Callable[..., Command], end: Event) -> None:
    ALIVE.and_(end).when(command()).refused(UnitGone, unit_id="A", gone_on=TODAY)


@on_source
def test_a_fact_races_with_its_unit_and_its_source_only(
    command: Callable[..., Command], event: Callable[..., Event]
) -> None:
    asked = ALIVE.when(command())
    asked.meanwhile(event(), merged("A", "B"), dissolved("A"), moved("A", "B"), deposited).is_raced()
    others = [row[2]() for row in ON_SOURCE if row[2] is not event]
    elsewhere = event(unit_id="B") if event is not incident else incident("B", "I-2")
    neighbours = [unit("C", "A"), dissolved("B"), msgspec.structs.replace(deposited, document_id=OTHER_SOURCE)]
    asked.meanwhile(elsewhere, *others, *neighbours).is_undisturbed()


def test_what_replaces_an_earlier_record_comes_in_order_and_changes_something() -> None:
    for command, event, same in (
        (found(date(2017, 1, 1), valid_on=TODAY - DAY), founded(), found()),
        (rename("Newer", valid_on=TODAY - DAY), renamed(), rename()),
        (describe("staff", valid_on=TODAY - DAY), described("student"), describe("student")),
    ):
        ALIVE.and_(event).when(command).refused(OutOfOrder, valid_on=TODAY - DAY, latest=TODAY)
        ALIVE.and_(event).when(same).then()


def test_a_later_record_replaces() -> None:
    ALIVE.and_(founded()).when(found(date(2017, 1, 1))).then(founded(date(2017, 1, 1)))
    ALIVE.and_(renamed()).when(rename("Newer")).then(renamed(name="Newer"))
    ALIVE.and_(described("student")).when(describe()).then(described())
    ALIVE.when(rename("Branch A")).then(renamed(name="Branch A"))


def test_traits_are_named_once_and_kept_in_order() -> None:
    ALIVE.when(describe("student", "enrolling")).then(described("enrolling", "student"))
    ALIVE.when(describe("student", "student")).refused(TraitTwice, trait="student")


@pytest.mark.parametrize(
    "command",
    [
        found(TODAY + DAY),
        record_incident(occurred_on=TODAY + DAY),
        honour(awarded_on=TODAY + DAY),
        conclude(decided_on=TODAY + DAY),
        give_title(conferred_on=TODAY + DAY),
    ],
    ids=["foundation", "incident", "honour", "outcome", "title"],
)
def test_nothing_counts_before_it_happened(command: Command) -> None:
    ALIVE.when(command).refused(HappenedAfterwards, happened_on=TODAY + DAY, valid_on=TODAY)


@pytest.mark.parametrize(
    "command",
    [
        found(TODAY),
        record_incident(occurred_on=TODAY),
        honour(awarded_on=TODAY),
        conclude(decided_on=TODAY),
        give_title(conferred_on=TODAY),
    ],
    ids=["foundation", "incident", "honour", "outcome", "title"],
)
def test_what_happens_today_counts_from_today(command: Command) -> None:
    assert ALIVE.when(command)._refusal() is None


@pytest.mark.parametrize(
    ("event", "command", "other", "another"),
    [
        (honoured(), honour(), honour(level="provincial"), honoured(level="provincial")),
        (concluded(), conclude(), conclude(outcome="failed"), concluded(outcome="failed")),
        (titled(), give_title(), give_title(title="pioneer"), titled(title="pioneer")),
    ],
    ids=["honour", "outcome", "title"],
)
def test_the_same_is_recorded_once(event: Event, command: Command, other: Command, another: Event) -> None:
    ALIVE.and_(event).when(command).refused(AlreadyOnRecord, unit_id="A", day=date(2018, 7, 1))
    ALIVE.and_(event).when(other).then(another)


def test_a_title_ends_no_earlier_than_it_begins() -> None:
    ALIVE.when(give_title(last_day=date(2018, 6, 30))).refused(TitleEndsBeforeItBegins)
    ALIVE.when(give_title(last_day=date(2018, 7, 1))).then(titled(last_day=date(2018, 7, 1)))


def test_an_incident_is_recorded_once_and_withdrawn_once() -> None:
    past = ALIVE.when(record_incident()).then(incident())
    past.when(record_incident(kind="safety")).refused(IncidentAlreadyRecorded, incident_id="I-1")
    after = past.when(withdraw(), reason="not_upheld").then(withdrawn())
    after.when(withdraw()).refused(IncidentAlreadyWithdrawn, incident_id="I-1")
    given(deposited).when(withdraw()).refused(IncidentUnknown, incident_id="I-1")


def test_an_incident_is_withdrawn_from_a_source_in_order_even_of_a_unit_that_is_gone() -> None:
    recorded = given(unit("A"), incident(valid_on=TODAY - DAY))
    recorded.when(withdraw()).refused(DocumentUnknown)
    sourced = recorded.and_(deposited, dissolved("A"))
    sourced.when(withdraw(valid_on=TODAY + DAY)).refused(NotYetValid)
    sourced.when(withdraw(valid_on=TODAY - 2 * DAY)).refused(OutOfOrder, latest=TODAY - DAY)
    sourced.when(withdraw()).then(withdrawn())


def test_withdrawing_races_with_the_same_incident_only() -> None:
    asked = given(deposited, incident()).when(withdraw())
    asked.meanwhile(withdrawn(), incident(), deposited).is_raced()
    asked.meanwhile(withdrawn("I-2"), incident("A", "I-2"), dissolved("A")).is_undisturbed()


# --- whatever is asked, the tree stays a tree ------------------------------------------------------------------------

FEW = st.sampled_from("ABCDE")


@drawn(
    st.lists(
        st.tuples(st.sampled_from(["move", "merge", "split", "dissolve"]), FEW, FEW, st.integers(0, 6)), max_size=14
    )
)
def test_after_any_moves_and_ends_no_unit_stands_above_itself_or_under_one_that_is_gone(
    asked: list[tuple[str, str, str, int]],
) -> None:
    past = given(deposited, *(unit(name) for name in "ABCDE"))
    for act, subject, other, days in asked:
        valid_on = TODAY - days * DAY
        commands = {
            "move": move(subject, other, valid_on),
            "merge": merge(subject, other, valid_on),
            "split": split(subject, other, "A", valid_on=valid_on),
            "dissolve": dissolve(subject, valid_on),
        }
        past = _accepted(past, commands[act])
    for days in range(8):
        _is_a_tree(past, TODAY - days * DAY)


def _accepted(past: Past, command: Command) -> Past:
    asked = past.when(command)
    if asked._refusal() is not None:
        return past
    return past.and_(*(tagged.decision for tagged in asked.command.collect_events()))


def _is_a_tree(past: Past, day: date) -> None:
    """Walked by hand over the raw events, not by the policy that the rules use."""
    parents: dict[str, str | None] = {}
    gone: set[str] = set()
    known = [r.event for r in past.log if getattr(r.event, "valid_on", TODAY + DAY) <= day]
    for event in sorted(known, key=lambda e: e.valid_on):  # type: ignore[attr-defined]
        if isinstance(event, UnitRegistered | UnitMoved):
            parents[event.unit_id] = event.parent_unit_id
        elif isinstance(event, UnitMerged | UnitSplit | UnitDissolved):
            gone.add(event.unit_id)
    for name, parent in parents.items():
        path, above = [name], parent
        while above is not None:
            assert above not in path, (day, path, above)
            assert above not in gone or name in gone, (day, name, above)
            path.append(above)
            above = parents[above]
