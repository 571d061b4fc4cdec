"""Nomination: places are assigned and used by filings alone; a unit decides, then vets, and stands by what it files."""

from datetime import date
from typing import Any

import msgspec
import pytest

from domain.application.policy import (
    ApplicationUnknown,
    MaterialsChanged,
    NominatorChanged,
    NominatorMissing,
    SeparationOfDuties,
    nominator_of,
)
from domain.document.policy import DocumentUnknown
from domain.ids import DocumentId, NominatorUnitId, ProgrammeId, TrackId
from domain.kernel import Command, Event
from domain.nomination.commands import (
    AlreadyDeclined,
    AssignQuota,
    DecideNomination,
    DeclineNomination,
    DocumentTwice,
    NominationIsOpen,
    NotANominator,
    PlacesBelowZero,
    PlanWithoutDocuments,
    QuotaBelowUse,
    RankBelowOne,
    RecordPlan,
    VetMaterials,
)
from domain.nomination.events import NominationDecided, PlanRecorded
from domain.nomination.policy import QuotaExhausted, QuotaNotAssigned, QuotaUse
from domain.permission.policy import NotInThisState, ReasonMissing
from domain.programme.events import TrackDefined
from domain.programme.policy import ProgrammeUnknown, TrackUnknown
from domain.unit.events import UnitTraitsRecorded
from domain.unit.policy import Tree, UnitGone, UnitUnknown
from tests.call import (
    BRANCH,
    BRANCH_TRACK,
    CALL,
    CHAIR,
    COLLEGE,
    COLLEGE_TRACK,
    COMMITTEE,
    DIGEST,
    HAND,
    MINE,
    OTHER,
    PAPER,
    SAVED,
    announced,
    assigned,
    budget_saved,
    decided,
    declined,
    defined,
    deposited,
    filed,
    form_saved,
    line,
    moved,
    prepared,
    refiled,
    rejected,
    returned,
    started,
    the_call,
    the_file,
    the_start,
    unit,
    vetted,
    withdrawn,
)
from tests.spec import Past
from tests.test_unit import dissolved

TRACKS = {event.track_id: event for event in defined() if isinstance(event, TrackDefined)}


def assign(places: int = 1, nominator: str = COLLEGE, track: TrackId = BRANCH_TRACK) -> AssignQuota:
    return AssignQuota(
        programme_id=CALL,
        track_id=track,
        nominator_unit_id=NominatorUnitId(nominator),
        places=places,
        basis="notice",
    )


# --- places ----------------------------------------------------------------------------------------------------------


def test_a_general_branch_is_assigned_the_one_place_that_the_call_gives_it() -> None:
    the_call().when(assign()).then(assigned())
    the_call().when(assign(0)).then(assigned(0))


def test_the_office_units_committee_is_assigned_two() -> None:
    past = the_call().and_(unit("OUC", "party_committee", "PC", "office_units"))
    past.when(assign(2, "OUC")).then(assigned(2, "OUC"))


def test_more_than_the_call_says_needs_a_reason() -> None:
    the_call().when(assign(2)).refused(ReasonMissing, command="AssignQuota")
    the_call().when(assign(2), reason="enlarged").then(assigned(2))


def test_a_quota_that_the_call_does_not_state_needs_a_reason() -> None:
    the_call().when(assign(1, "PC")).refused(ReasonMissing)
    the_call().when(assign(1, "PC"), reason="not_stated").then(assigned(1, "PC"))


def test_traits_are_those_of_the_day() -> None:
    past = the_call().and_(unit("OUC", "party_committee", "PC"))
    past.when(assign(2, "OUC")).refused(ReasonMissing)
    described = UnitTraitsRecorded(
        unit_id=unit("OUC", "x").unit_id,
        traits=("office_units",),
        valid_on=date(2020, 5, 1),
        source_document_id=PAPER,
    )
    past.and_(described).when(assign(2, "OUC")).then(assigned(2, "OUC"))


def test_a_unit_that_enters_the_tree_tomorrow_has_no_traits_today() -> None:
    past = the_call().and_(unit("OUC", "party_committee", "PC", "office_units", on=date(2020, 5, 21)))
    past.when(assign(2, "OUC")).refused(ReasonMissing)


def test_a_unit_of_a_kind_that_the_call_does_not_name_gets_none() -> None:
    the_call().when(assign(1, BRANCH)).refused(NotANominator, unit_kind="branch")


def test_an_open_track_has_no_places_to_assign() -> None:
    the_call().when(assign(track=COLLEGE_TRACK)).refused(NominationIsOpen, track_id="college")
    the_call().when(assign(track=TrackId("nowhere"))).refused(TrackUnknown, track_id="nowhere")


def test_places_are_not_negative_and_not_fewer_than_are_used() -> None:
    the_call().when(assign(-1)).refused(PlacesBelowZero, places=-1)
    used = the_call().and_(assigned(), filed("A-9", "BR-9"))
    used.when(assign(0)).refused(QuotaBelowUse, places=0, used=1)
    used.and_(withdrawn("A-9", "BR-9", COLLEGE)).when(assign(0)).then(assigned(0))
    used.and_(returned("A-9", "BR-9"), refiled("A-9", "BR-9")).when(assign(0)).refused(QuotaBelowUse, used=1)
    used.and_(rejected("A-9", "BR-9")).when(assign(0)).then(assigned(0))


def test_the_same_quota_again_is_nothing() -> None:
    the_call().and_(assigned()).when(assign()).then()


def test_a_nominating_unit_is_on_record_and_lives() -> None:
    the_call().when(assign(nominator="NOBODY")).refused(UnitUnknown)
    the_call().and_(dissolved(OTHER)).when(assign(nominator=OTHER)).refused(UnitGone)


def test_an_assignment_races_with_what_counts_for_this_unit_and_track_only() -> None:
    asked = the_call().when(assign())
    asked.meanwhile(assigned(), filed("A-9"), withdrawn("A-9", nominator=COLLEGE), dissolved(COLLEGE)).is_raced()
    asked.meanwhile(rejected("A-9")).is_raced()
    asked.meanwhile(
        assigned(nominator=OTHER),
        filed("A-9", nominator=OTHER),
        filed("A-9", track=COLLEGE_TRACK),
        withdrawn("A-9"),
        rejected("A-9", nominator=OTHER),
        returned("A-9"),
        decided(),
        dissolved(OTHER),
    ).is_undisturbed()


def test_use_is_filings_less_withdrawals_and_rejections_and_never_decisions() -> None:
    use, track = QuotaUse(), TRACKS[BRANCH_TRACK]
    with pytest.raises(QuotaNotAssigned):
        use.require_place(track, COLLEGE)
    use.take(assigned(1))
    use.require_place(track, COLLEGE)
    use.take(filed())
    with pytest.raises(QuotaExhausted, match="All 1 places are used: 1"):
        use.require_place(track, COLLEGE)
    use.take(withdrawn(nominator=COLLEGE))
    use.require_place(track, COLLEGE)
    assert use.used(COLLEGE) == 0
    use.take(filed("A-9"))
    assert use.used(COLLEGE) == 1
    use.take(rejected("A-9"))
    assert use.used(COLLEGE) == 0
    QuotaUse().require_place(TRACKS[COLLEGE_TRACK], COLLEGE)


# --- the plan --------------------------------------------------------------------------------------------------------


def plan(*documents: str, programme: str = CALL, nominator: str = COLLEGE) -> RecordPlan:
    return RecordPlan(
        programme_id=ProgrammeId(programme),
        nominator_unit_id=NominatorUnitId(nominator),
        document_ids=tuple(DocumentId(document) for document in documents),
    )


def planned(*documents: DocumentId) -> PlanRecorded:
    return PlanRecorded(programme_id=CALL, nominator_unit_id=COMMITTEE, document_ids=documents)


def test_a_plan_is_recorded_and_the_same_again_is_nothing() -> None:
    past = the_call().when(plan(PAPER)).then(planned(PAPER))
    past.when(plan(PAPER)).then()
    another = DocumentId("e" * 64)
    past.and_(deposited(another)).when(plan(another)).then(planned(another))


def test_a_plan_names_documents_that_were_deposited_each_once() -> None:
    the_call().when(plan()).refused(PlanWithoutDocuments)
    the_call().when(plan(PAPER, PAPER)).refused(DocumentTwice, document_id=PAPER)
    the_call().when(plan(PAPER, "e" * 64)).refused(DocumentUnknown, document_id="e" * 64)


def test_a_plan_is_a_living_unit_s_for_a_programme_there_is() -> None:
    the_call().when(plan(PAPER, programme="another")).refused(ProgrammeUnknown, programme_id="another")
    the_call().and_(dissolved(COLLEGE)).when(plan(PAPER)).refused(UnitGone)


def test_plans_of_others_do_not_disturb() -> None:
    asked = the_call().when(plan(PAPER))
    asked.meanwhile(planned(PAPER), dissolved(COLLEGE), deposited(PAPER), announced()).is_raced()
    others = msgspec.structs.replace(planned(PAPER), nominator_unit_id=NominatorUnitId(OTHER))
    elsewhere = msgspec.structs.replace(planned(PAPER), programme_id=ProgrammeId("another"))
    asked.meanwhile(others, elsewhere, dissolved(OTHER), deposited("f" * 64)).is_undisturbed()


# --- decided, declined, vetted ---------------------------------------------------------------------------------------


def decide(**changes: Any) -> DecideNomination:
    return DecideNomination(**{"application_id": MINE, "resolution_document_id": PAPER, **changes})


def decline(**changes: Any) -> DeclineNomination:
    return DeclineNomination(**{"application_id": MINE, "resolution_document_id": PAPER, **changes})


def vet(materials_digest: str = DIGEST) -> VetMaterials:
    return VetMaterials(application_id=MINE, materials_digest=materials_digest)


def the_prepared(*changes: Event) -> Past:
    return the_file(*changes).and_(prepared(), by=HAND)


def the_decided(*changes: Event) -> Past:
    return the_prepared(*changes).and_(decided(), by=CHAIR)


def test_the_parent_decides_and_then_vets_exactly_these_materials() -> None:
    past = the_prepared().when(decide(rank=1), by=CHAIR).then(decided(rank=1))
    past.when(vet(), by=CHAIR).then(vetted())


def test_a_decision_uses_no_place() -> None:
    the_prepared(assigned(0)).when(decide(), by=CHAIR).then(decided())


def test_what_is_declined_may_be_decided_on_again() -> None:
    past = the_prepared().when(decline(), by=CHAIR).then(declined())
    past.when(decline(), by=CHAIR).refused(AlreadyDeclined, application_id=MINE)
    past.when(decide(), by=CHAIR).then(decided()).when(decline(), by=CHAIR).then(declined())


def test_what_was_vetted_may_still_be_declined_and_has_then_to_be_decided_on_anew() -> None:
    past = the_decided().and_(vetted(), by=CHAIR).when(decline(), by=CHAIR).then(declined())
    past.when(vet(), by=CHAIR).refused(NotInThisState, state="prepared")


@pytest.mark.parametrize("command", [decide(), decline()], ids=lambda c: type(c).__name__)
def test_who_prepared_the_materials_neither_decides_nor_declines(command: Command) -> None:
    the_prepared().when(command, by=HAND).refused(SeparationOfDuties, act=type(command).__name__)


@pytest.mark.parametrize("part", SAVED, ids=lambda part: part.TOPIC)
def test_whose_hand_is_in_any_part_does_not_vet(part: Event) -> None:
    rest = [other for other in SAVED if other is not part]
    past = the_start().and_(*rest, by=HAND).and_(part, by=CHAIR).and_(prepared(), by=HAND)
    past.and_(decided(), by="another").when(vet(), by=CHAIR).refused(SeparationOfDuties, act="VetMaterials")


def test_a_part_written_anew_by_another_hand_frees_the_first() -> None:
    past = the_start().and_(form_saved(), by=CHAIR).and_(*SAVED, prepared(), by=HAND)
    past.when(decide(), by=CHAIR).then(decided())


@pytest.mark.parametrize("command", [decide(), decline()], ids=lambda c: type(c).__name__)
def test_a_resolution_is_deposited(command: Any) -> None:
    command = type(command)(application_id=MINE, resolution_document_id=DocumentId("e" * 64))
    the_prepared().when(command, by=CHAIR).refused(DocumentUnknown, document_id="e" * 64)


def test_a_rank_begins_at_one() -> None:
    the_prepared().when(decide(rank=0), by=CHAIR).refused(RankBelowOne, rank=0)


def test_vetting_names_the_materials_as_they_stand() -> None:
    the_decided().when(vet("0" * 64), by=CHAIR).refused(
        MaterialsChanged, vetted_digest="0" * 64, materials_digest=DIGEST
    )


@pytest.mark.parametrize(
    ("past", "command", "state"),
    [
        (the_file(), decide(), "started"),
        (the_file(), decline(), "started"),
        (the_prepared(), vet(), "prepared"),
        (the_decided(), decide(), "decided"),
        (the_decided().and_(budget_saved(line()), by=HAND), vet(), "started"),
        (the_decided().and_(withdrawn()), vet(), "withdrawn"),
    ],
)
def test_acts_come_in_their_order(past: Past, command: Command, state: str) -> None:
    past.when(command, by=CHAIR).refused(NotInThisState, state=state)


@pytest.mark.parametrize("command", [decide(), decline(), vet()], ids=lambda c: type(c).__name__)
def test_nothing_is_decided_about_an_application_that_is_not_on_record(command: Command) -> None:
    asked = the_call().when(command, by=CHAIR)
    assert asked.command.state == "unknown"
    asked.refused(ApplicationUnknown, application_id=MINE)


def test_the_unit_above_today_stands_by_it() -> None:
    past = the_prepared().and_(moved(BRANCH, OTHER))
    past.when(decide(), by=CHAIR).then(decided(OTHER))
    moved_after = the_decided().and_(moved(BRANCH, OTHER))
    moved_after.when(vet(), by=CHAIR).refused(NominatorChanged, decided_by=COLLEGE, nominator_unit_id=OTHER)


def test_what_another_unit_decided_and_vetted_is_decided_anew_by_the_unit_that_stands_by_it_now() -> None:
    for past in (the_decided(), the_decided().and_(vetted(), by=CHAIR)):
        past.when(decide(), by=CHAIR).refused(NotInThisState)
        left = past.and_(moved(BRANCH, OTHER))
        again = left.when(decide(), by=CHAIR).then(decided(OTHER))
        again.when(decide(), by=CHAIR).refused(NotInThisState, state="decided")
        again.when(vet(), by=CHAIR).then(msgspec.structs.replace(vetted(), nominator_unit_id=NominatorUnitId(OTHER)))
        past.and_(moved(BRANCH, None)).when(decide(), by=CHAIR).refused(NominatorMissing)
    filed_before = the_decided().and_(vetted(), filed(), by=CHAIR).and_(moved(BRANCH, OTHER))
    filed_before.when(decide(), by=CHAIR).refused(NotInThisState, state="filed")
    the_decided().and_(withdrawn(), moved(BRANCH, OTHER)).when(decide(), by=CHAIR).refused(NotInThisState)


def test_both_units_live_and_one_is_above_the_other() -> None:
    the_prepared().and_(dissolved(BRANCH)).when(decide(), by=CHAIR).refused(UnitGone, unit_id=BRANCH)
    the_prepared().and_(dissolved(COLLEGE)).when(decide(), by=CHAIR).refused(UnitGone, unit_id=COLLEGE)
    the_prepared().and_(moved(BRANCH, None)).when(decide(), by=CHAIR).refused(NominatorMissing, unit_id=BRANCH)


def test_a_college_decides_for_itself_in_two_acts() -> None:
    college = the_call().and_(started(unit_id=COLLEGE, track=COLLEGE_TRACK), by=HAND)
    own = college.and_(
        msgspec.structs.replace(prepared(), unit_id=COLLEGE),
        by=HAND,
    )
    asked = own.when(decide(), by=CHAIR)
    assert isinstance(asked.command, DecideNomination)
    assert asked.command.nominator_unit_id == COMMITTEE
    expected = msgspec.structs.replace(decided(), unit_id=COLLEGE, track_id=COLLEGE_TRACK)
    assert isinstance(expected, NominationDecided)
    asked.then(expected)


def test_who_nominates_is_known_once_the_track_is() -> None:
    assert nominator_of(BRANCH, None, Tree(), date(2020, 5, 20)) is None


@pytest.mark.parametrize("command", [decide(), decline(), vet()], ids=lambda c: type(c).__name__)
def test_only_this_application_and_the_units_above_it_disturb(command: Command) -> None:
    asked = the_decided().when(command, by=CHAIR)
    asked.meanwhile(form_saved(), withdrawn(), dissolved(BRANCH), moved(COLLEGE, None), dissolved("PC")).is_raced()
    asked.meanwhile(
        started("A-2", "BR-2"), filed("A-2", "BR-2"), assigned(), dissolved(OTHER), dissolved("BR-2")
    ).is_undisturbed()
