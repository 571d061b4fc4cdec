"""Succession of places: whole to whom a unit was merged into, divided after a split, and never more than there were."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.application.commands import FileApplication, WithdrawApplication
from domain.application.policy import ApplicationUnknown, NominatorChanged
from domain.ids import ApplicationId, NominatorUnitId, UnitId
from domain.kernel import Event
from domain.nomination.commands import AssignQuota, QuotaBelowUse, VetMaterials
from domain.nomination.events import NominationPassed, QuotaGround, QuotaPassed
from domain.nomination.policy import QuotaExhausted, QuotaUse
from domain.nomination.succession import (
    NominationNotShared,
    NominatorStands,
    NoPlacesToPass,
    PassQuota,
    QuotaShare,
    ShareBelowUse,
    SharesExceedPlaces,
    SharesMissing,
    ShareTwice,
)
from domain.permission.policy import ReasonMissing
from domain.screening.commands import RejectAtScreening
from domain.unit.policy import NotTheSuccessor, UnitGone, UnitUnknown
from tests.call import (
    BRANCH,
    BRANCH_TRACK,
    CALL,
    CHAIR,
    CLERK,
    CLOSES,
    COLLEGE,
    COLLEGE_TRACK,
    CORRECTED,
    CORRECTED_DIGEST,
    HAND,
    HEAD,
    MINE,
    OTHER,
    PAPER,
    SAVED,
    SIBLING,
    THEIRS,
    assigned,
    decided,
    filed,
    judged,
    moved,
    prepared,
    rejected,
    returned,
    started,
    the_call,
    the_filed,
    the_vetted,
    unit,
    vetted,
    window_opened,
    withdrawn,
)
from tests.spec import Past
from tests.test_unit import apart, dissolved, merged

THIRD = UnitId("COL-3")


def passed(
    places: int = 1, to: str = OTHER, before: str = COLLEGE, ground: QuotaGround = "merged", track: Any = BRANCH_TRACK
) -> QuotaPassed:
    return QuotaPassed(
        programme_id=CALL,
        track_id=track,
        nominator_unit_id=NominatorUnitId(before),
        successor_unit_id=NominatorUnitId(to),
        places=places,
        ground=ground,
    )


def taken_on(
    application: str = MINE, unit_id: str = BRANCH, to: str = OTHER, before: str = COLLEGE
) -> NominationPassed:
    return NominationPassed(
        application_id=ApplicationId(application),
        programme_id=CALL,
        track_id=BRANCH_TRACK,
        unit_id=UnitId(unit_id),
        nominator_unit_id=NominatorUnitId(before),
        successor_unit_id=NominatorUnitId(to),
    )


def pass_quota(*shares: QuotaShare, before: str = COLLEGE) -> PassQuota:
    return PassQuota(programme_id=CALL, track_id=BRANCH_TRACK, nominator_unit_id=NominatorUnitId(before), shares=shares)


def share(to: str, places: int, *applications: str) -> QuotaShare:
    return QuotaShare(NominatorUnitId(to), places, tuple(ApplicationId(each) for each in applications))


def the_merged() -> Past:
    """The college had one place and has filed on it; it was merged into the other, which has a place of its own."""
    return the_filed(unit(THIRD, "general_branch", "PC"), assigned(nominator=OTHER)).and_(
        moved(BRANCH, OTHER), moved(SIBLING, OTHER), merged(COLLEGE, OTHER)
    )


def the_split() -> Past:
    """The college had three places and has filed on one; it was split into two others, one of which took its branch."""
    past = the_filed(unit(THIRD, "general_branch", "PC"), assigned(3))
    return past.and_(moved(BRANCH, OTHER), moved(SIBLING, THIRD), apart(COLLEGE, OTHER, THIRD))


def test_places_pass_whole_to_whom_the_unit_was_merged_into_and_so_does_what_was_filed() -> None:
    the_merged().when(pass_quota()).then(passed(), taken_on())
    the_merged().and_(merged(OTHER, THIRD)).when(pass_quota()).then(passed(to=THIRD), taken_on(to=THIRD))
    the_merged().when(pass_quota(share(OTHER, 1, MINE))).then(passed(), taken_on())
    the_call().and_(window_opened(), assigned(2), merged(COLLEGE, OTHER)).when(pass_quota()).then(passed(2))


def test_places_pass_once() -> None:
    gone = the_merged().and_(passed(), taken_on())
    gone.when(pass_quota()).refused(NoPlacesToPass, nominator_unit_id=COLLEGE, track_id=BRANCH_TRACK)
    the_call().and_(merged(COLLEGE, OTHER)).when(pass_quota()).refused(NoPlacesToPass)


def test_the_places_of_a_unit_that_stands_stay_its_own() -> None:
    the_filed().when(pass_quota()).refused(NominatorStands, nominator_unit_id=COLLEGE)


def test_what_was_filed_passes_when_the_window_is_over_too() -> None:
    """Until the committee decides, somebody must stand by it: correct it, or take it back."""
    the_merged().when(pass_quota(), now=CLOSES).then(passed(), taken_on())


def test_after_a_split_the_places_are_divided_by_naming_shares() -> None:
    the_split().when(pass_quota()).refused(SharesMissing, places=3, successors=f"{OTHER}, {THIRD}")
    asked = the_split().when(pass_quota(share(OTHER, 2, MINE), share(THIRD, 1)))
    asked.then(passed(2, ground="split"), taken_on(), passed(1, THIRD, ground="split"))
    the_split().when(pass_quota(share(OTHER, 1, MINE))).then(passed(1, ground="split"), taken_on())
    one_left = the_split().and_(dissolved(THIRD))
    one_left.when(pass_quota()).then(passed(3, ground="split"), taken_on())


def test_never_more_places_are_shared_than_there_are() -> None:
    asked = the_split().when(pass_quota(share(OTHER, 2, MINE), share(THIRD, 2)))
    asked.refused(SharesExceedPlaces, shared=4, places=3, nominator_unit_id=COLLEGE)


def test_each_application_that_was_filed_is_taken_on_by_one_share_that_has_a_place_for_it() -> None:
    the_split().when(pass_quota(share(OTHER, 2), share(THIRD, 1))).refused(NominationNotShared, application_id=MINE)
    twice = pass_quota(share(OTHER, 1, MINE), share(THIRD, 1, MINE))
    the_split().when(twice).refused(NominationNotShared, application_id=MINE)
    the_split().when(pass_quota(share(OTHER, 1, MINE, THEIRS))).refused(ApplicationUnknown, application_id=THEIRS)
    none = pass_quota(share(OTHER, 0, MINE), share(THIRD, 3))
    the_split().when(none).refused(ShareBelowUse, places=0, used=1, successor_unit_id=OTHER)
    given_back = the_split().and_(withdrawn(nominator=COLLEGE))
    given_back.when(pass_quota(share(OTHER, 0), share(THIRD, 3))).then(
        passed(0, ground="split"), passed(3, THIRD, ground="split")
    )


def test_only_living_successors_are_given_a_share_each_once() -> None:
    the_split().when(pass_quota(share("PC", 1, MINE))).refused(NotTheSuccessor, successor_unit_id="PC")
    the_split().when(pass_quota(share(OTHER, 1, MINE), share(OTHER, 1))).refused(ShareTwice, successor_unit_id=OTHER)


def test_the_places_of_a_dissolved_unit_pass_to_whom_the_head_names() -> None:
    past = the_filed(unit(THIRD, "general_branch", "PC")).and_(
        moved(BRANCH, OTHER), moved(SIBLING, OTHER), dissolved(COLLEGE)
    )
    past.when(pass_quota()).refused(SharesMissing, places=1, successors="-")
    past.when(pass_quota(share(THIRD, 1, MINE))).then(passed(1, THIRD, ground="dissolved"), taken_on(to=THIRD))
    past.when(pass_quota(share("NOBODY", 1, MINE))).refused(UnitUnknown)
    past.and_(dissolved(THIRD)).when(pass_quota(share(THIRD, 1, MINE))).refused(UnitGone)


def test_passing_races_with_what_is_filed_and_assigned_and_with_the_end_of_the_successor_only() -> None:
    asked = the_merged().when(pass_quota())
    asked.meanwhile(
        passed(), taken_on(), withdrawn(nominator=COLLEGE), rejected(), assigned(2), merged(OTHER, THIRD)
    ).is_raced()
    asked.meanwhile(assigned(nominator=THIRD), passed(track=COLLEGE_TRACK), judged(), dissolved(THIRD)).is_undisturbed()


# --- what the successor has then -------------------------------------------------------------------------------------


def the_other_vetted(places: int) -> Past:
    """The first college filed one and was merged into the other, which has so many places and one more to file."""
    past = the_call().and_(window_opened(), assigned(), assigned(places, OTHER), moved(BRANCH, OTHER)).and_(started())
    past = past.and_(filed(THEIRS, SIBLING), moved(SIBLING, OTHER), merged(COLLEGE, OTHER))
    return past.and_(*SAVED, prepared(), by=HAND).and_(decided(OTHER), vetted(), by=CHAIR).and_(judged(), by=CLERK)


def test_what_the_unit_before_filed_is_used_at_the_successor() -> None:
    file = FileApplication(application_id=MINE)
    mine = filed(nominator=OTHER)
    full = the_other_vetted(0)
    full.and_(passed(), taken_on(THEIRS, SIBLING)).when(file, by=CHAIR).refused(QuotaExhausted, places=1, used=1)
    one_more = the_other_vetted(1).and_(passed(), taken_on(THEIRS, SIBLING))
    one_more.when(file, by=CHAIR).then(mine)
    given_back = full.and_(passed(), taken_on(THEIRS, SIBLING), withdrawn(THEIRS, SIBLING, OTHER))
    given_back.when(file, by=CHAIR).then(mine)
    asked = full.when(file, by=CHAIR)
    asked.meanwhile(passed(), taken_on(THEIRS, SIBLING)).is_raced()
    asked.meanwhile(passed(to=THIRD), taken_on(THEIRS, SIBLING, to=THIRD)).is_undisturbed()


def test_places_that_passed_before_the_application_was_started_count_alike() -> None:
    file = FileApplication(application_id=MINE)
    past = the_call().and_(window_opened(), assigned(nominator=THIRD), merged(THIRD, OTHER), passed(before=THIRD))
    past = past.and_(moved(BRANCH, OTHER), started(), *SAVED, prepared(), by=HAND)
    past = past.and_(decided(OTHER), vetted(), by=CHAIR).and_(judged(), by=CLERK)
    past.when(file, by=CHAIR).then(filed(nominator=OTHER))


def test_places_are_assigned_anew_to_the_successor_as_to_any_unit() -> None:
    past = the_merged().and_(passed(), taken_on())

    def assign(places: int) -> AssignQuota:
        return AssignQuota(
            programme_id=CALL,
            track_id=BRANCH_TRACK,
            nominator_unit_id=NominatorUnitId(OTHER),
            places=places,
            basis="notice",
        )

    past.when(assign(0)).refused(QuotaBelowUse, places=0, used=1)
    # What was assigned before is no longer what the unit has: assigned again, it is a fact.
    past.when(assign(1)).then(assigned(nominator=OTHER))
    past.when(assign(2)).refused(ReasonMissing)


def test_who_carries_on_stands_by_what_was_filed() -> None:
    """It takes it back, vets its correction, or has it rejected; the place that is given back is its own."""
    past = the_merged().and_(passed(), taken_on())
    withdrawal = past.when(WithdrawApplication(application_id=MINE), by=CHAIR)
    assert withdrawal.command.nominator_unit_id == OTHER  # type: ignore[attr-defined]  # Of this command.
    withdrawal.then(withdrawn(nominator=OTHER))
    corrected = past.and_(returned(), when=CLOSES).and_(CORRECTED, prepared(CORRECTED_DIGEST), by=HAND)
    vet = VetMaterials(application_id=MINE, materials_digest=CORRECTED_DIGEST)
    corrected.when(vet, by=CHAIR, now=CLOSES).then(
        msgspec.structs.replace(vetted(CORRECTED_DIGEST), nominator_unit_id=NominatorUnitId(OTHER))
    )
    reject = RejectAtScreening(application_id=MINE, opinion_document_id=PAPER)
    past.when(reject, by=HEAD).then(rejected(nominator=OTHER))
    the_vetted().and_(moved(BRANCH, OTHER)).when(FileApplication(application_id=MINE), by=CHAIR).refused(
        NominatorChanged, decided_by=COLLEGE
    )


@for_all(st.lists(st.sampled_from([COLLEGE, OTHER, THIRD]), unique=True, min_size=2), st.data())
def test_in_every_line_of_mergers_places_and_use_are_the_same_before_and_after(line: list[str], data: Any) -> None:
    had = {each: data.draw(st.integers(0, 5)) for each in line}
    used = {each: data.draw(st.integers(0, had[each])) for each in line}
    facts: list[Event] = []
    for each in line:
        facts += [assigned(had[each], each), *(filed(f"{each}-{n}", nominator=each) for n in range(used[each]))]
    past = the_call().and_(window_opened(), unit(THIRD, "general_branch", "PC"), *facts)
    for before, to in pairwise(line):
        past = past.and_(merged(before, to))
        asked = past.when(pass_quota(before=before))
        use = past_use(past, before)
        if not use.places.get(before) and not use.used(before):
            asked.refused(NoPlacesToPass)
            continue
        asked.command.execute()
        past = past.and_(*(each.decision for each in asked.command.collect_events()))
    found = [(past_use(past, each).places.get(each, 0), past_use(past, each).used(each)) for each in line]
    assert found == [(0, 0)] * (len(line) - 1) + [(sum(had.values()), sum(used.values()))]


def past_use(past: Past, nominator: str) -> QuotaUse:
    """What a unit has and has used, as every command that asks reads it."""
    asked = past.when(pass_quota(before=nominator)).command
    assert isinstance(asked, PassQuota)
    return asked.quota
