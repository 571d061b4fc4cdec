"""Retention and erasure: what is kept of a person goes when nothing requires it any more, by the hands of two."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.application.events import ApplicationStarted
from domain.audit.events import LegalHoldLifted, LegalHoldPlaced
from domain.document.commands import DepositDocument
from domain.document.events import DocumentDeposited
from domain.document.policy import DocumentUnknown
from domain.ids import (
    ApplicationId,
    AppointmentId,
    DocumentId,
    ErasureId,
    HoldId,
    NominatorUnitId,
    PersonId,
    ProgrammeId,
    ProposerId,
    TrackId,
    UnitId,
)
from domain.kernel import SealedDetails, replay
from domain.permission.policy import NotInThisState
from domain.person.commands import Appoint, ReplacePersonDetails
from domain.person.events import Appointed, AppointmentEnded, PersonDetailsReplaced, PersonRegistered
from domain.person.policy import PersonUnknown
from domain.privacy.commands import (
    ApproveErasure,
    BasisWouldBeErased,
    DeclineErasure,
    DefineRetention,
    ErasureApprovedByProposer,
    ErasureAwaited,
    ErasureIdUsed,
    ErasureUnknown,
    OwnErasure,
    ProposeErasure,
)
from domain.privacy.events import ErasureDeclined, ErasureProposed, PersonErased, RetentionDefined
from domain.privacy.policy import (
    HeldBack,
    PersonAlreadyErased,
    RetentionMissing,
    RetentionRuns,
    StillInOffice,
    retention_ends,
)
from tests.spec import ANOTHER, INSTITUTION, SOMEBODY, Past, given, recorded

LI = PersonId("00000000-0000-0000-0000-00000000000a")
WANG = PersonId("00000000-0000-0000-0000-00000000000b")
THIRD = "00000000-0000-0000-0000-000000000003"
BRANCH, CASE = UnitId("BR-1"), ApplicationId("A-1")
LAW, LETTER = DocumentId("d" * 64), DocumentId("e" * 64)
ERASURE, OTHER = ErasureId("E-1"), ErasureId("E-2")
LEFT = date(2020, 6, 30)
LATER = datetime(2024, 1, 9, 4, tzinfo=UTC)


def paper(document_id: DocumentId, **changes: Any) -> DocumentDeposited:
    fields: dict[str, Any] = {"kind": "evidence", "media_type": "application/pdf", "size_bytes": 9, **changes}
    return DocumentDeposited(document_id=document_id, **fields)


def retention(years: int = 3, first_day: date = date(2020, 1, 1)) -> RetentionDefined:
    return RetentionDefined(
        institution_id=INSTITUTION, retention_years=years, first_day=first_day, basis_document_id=LAW, clause="law_47"
    )


def hold(**about: Any) -> LegalHoldPlaced:
    return LegalHoldPlaced(hold_id=HoldId("H-1"), ground="litigation", order_document_id=LAW, **about)


def lifted(**about: Any) -> LegalHoldLifted:
    return LegalHoldLifted(hold_id=HoldId("H-1"), order_document_id=LAW, **about)


law = paper(LAW)
li = PersonRegistered(person_id=LI, commitment="a" * 64)
wang = PersonRegistered(person_id=WANG, commitment="c" * 64)
renamed = PersonDetailsReplaced(person_id=LI, commitment="b" * 64)
letter = paper(LETTER, key_person_id=LI)
served = Appointed(
    appointment_id=AppointmentId("P-1"), person_id=LI, role="applicant", unit_id=BRANCH, first_day=date(2020, 5, 20)
)
left = AppointmentEnded(appointment_id=AppointmentId("P-1"), person_id=LI, unit_id=BRANCH, last_day=LEFT)
started = ApplicationStarted(
    application_id=CASE,
    programme_id=ProgrammeId("CALL"),
    track_id=TrackId("branch"),
    unit_id=BRANCH,
    nominator_unit_id=NominatorUnitId("COL"),
)
proposed = ErasureProposed(erasure_id=ERASURE, person_id=LI, basis_document_id=LAW, clause="law_47")
declined = ErasureDeclined(erasure_id=ERASURE, person_id=LI)
gone = PersonErased(
    erasure_id=ERASURE,
    person_id=LI,
    basis_document_id=LAW,
    clause="law_47",
    proposed_by=ProposerId(SOMEBODY),
    commitments=("a" * 64, "b" * 64),
    document_ids=(LETTER,),
)
BEFORE = (law, retention(), li, renamed, letter, served, left, started)


def propose(erasure_id: ErasureId = ERASURE, **changes: Any) -> ProposeErasure:
    return ProposeErasure(
        **{"erasure_id": erasure_id, "person_id": LI, "basis_document_id": LAW, "clause": "law_47", **changes}
    )


def approve() -> ApproveErasure:
    return ApproveErasure(erasure_id=ERASURE)


# --- how long ---------------------------------------------------------------------------------------------------------


def test_the_head_defines_how_long_from_a_day_on_and_by_a_document() -> None:
    command = DefineRetention(retention_years=3, first_day=date(2020, 1, 1), basis_document_id=LAW, clause="law_47")
    past = given(law).when(command).then(retention())
    past.when(command).then()
    given().when(command).refused(DocumentUnknown, document_id=LAW)
    asked = given(law).when(command)
    asked.meanwhile(retention(5)).is_raced()
    asked.meanwhile(li, letter).is_undisturbed()


@drawn(st.dates(date(1950, 1, 1), date(2100, 12, 31)), st.integers(0, 100))
def test_a_retention_ends_on_the_same_day_of_a_later_year(last_day: date, years: int) -> None:
    ends = retention_ends(last_day, years)
    assert ends.year == last_day.year + years
    assert (ends.month, ends.day) in {(last_day.month, last_day.day), (3, 1)}
    assert (ends.month, ends.day) == (last_day.month, last_day.day) or (last_day.month, last_day.day) == (2, 29)


def test_where_the_later_year_has_no_leap_day_it_ends_on_the_day_after() -> None:
    assert retention_ends(date(2020, 2, 29), 1) == date(2021, 3, 1)
    assert retention_ends(date(2020, 2, 29), 4) == date(2024, 2, 29)


def test_it_is_kept_until_the_last_day_of_the_rule_that_is_in_force() -> None:
    past = given(*BEFORE)
    past.when(propose(), now=datetime(2023, 6, 30, 4, tzinfo=UTC)).refused(
        RetentionRuns, person_id=LI, last_day=date(2023, 6, 30)
    )
    past.when(propose(), now=datetime(2023, 7, 1, 4, tzinfo=UTC)).then(proposed)
    longer = past.and_(retention(10, date(2023, 1, 1)))
    longer.when(propose(), now=LATER).refused(RetentionRuns, last_day=date(2030, 6, 30))
    not_yet, no_more = retention(99, date(2025, 1, 1)), retention(50, date(2021, 1, 1))
    shorter = longer.and_(retention(3, date(2023, 1, 1)), not_yet, no_more)
    shorter.when(propose(), now=LATER).then(proposed)
    given(law, li).when(propose(), now=LATER).refused(RetentionMissing)


def test_who_never_held_an_office_is_kept_from_their_registration_on() -> None:
    past = given(law, retention(), wang)
    past.when(propose(person_id=WANG), now=datetime(2023, 5, 20, 4, tzinfo=UTC)).refused(
        RetentionRuns, last_day=date(2023, 5, 20)
    )


# --- proposed by one, approved by another ----------------------------------------------------------------------------


def test_an_erasure_is_proposed_by_one_and_approved_by_another_and_names_the_very_digests() -> None:
    past = given(*BEFORE).when(propose(), now=LATER).then(proposed)
    past.when(approve(), by=ANOTHER, now=LATER).then(gone)
    past.when(approve(), now=LATER).refused(ErasureApprovedByProposer, erasure_id=ERASURE)


def test_nobody_has_a_hand_in_their_own_erasure() -> None:
    given(*BEFORE).when(propose(), by=LI, now=LATER).refused(OwnErasure)
    given(*BEFORE, proposed).when(approve(), by=LI, now=LATER).refused(OwnErasure)


def test_an_erasure_is_proposed_once_and_not_again_while_it_waits_or_after_it_is_done() -> None:
    past = given(*BEFORE, wang, proposed)
    past.when(propose(person_id=WANG), now=LATER).refused(ErasureIdUsed, erasure_id=ERASURE)
    past.when(propose(OTHER), now=LATER).refused(ErasureAwaited, erasure_id=ERASURE)
    past.and_(gone).when(propose(OTHER), now=LATER).refused(PersonAlreadyErased, person_id=LI)
    again = past.and_(declined).when(propose(OTHER), now=LATER)
    again.then(ErasureProposed(erasure_id=OTHER, person_id=LI, basis_document_id=LAW, clause="law_47"))


def test_its_basis_is_on_record_and_outlives_it() -> None:
    past = given(*BEFORE)
    past.when(propose(basis_document_id=DocumentId("f" * 64)), now=LATER).refused(DocumentUnknown)
    past.when(propose(basis_document_id=LETTER), now=LATER).refused(BasisWouldBeErased, document_id=LETTER)
    past.when(propose(person_id=WANG), now=LATER).refused(PersonUnknown, person_id=WANG)


def test_a_proposal_is_declined_and_then_is_not_approved() -> None:
    past = given(*BEFORE, proposed)
    command = DeclineErasure(erasure_id=ERASURE)
    decided = past.when(command, by=ANOTHER, now=LATER, reason="disputed").then(declined)
    decided.when(approve(), by=ANOTHER, now=LATER).refused(NotInThisState)
    past.and_(gone).when(command, by=ANOTHER, now=LATER, reason="disputed").refused(NotInThisState)
    given().when(command, reason="disputed").refused(ErasureUnknown, erasure_id=ERASURE)
    given().when(approve()).refused(ErasureUnknown, erasure_id=ERASURE)
    asked = past.when(command, by=ANOTHER, now=LATER, reason="disputed")
    asked.meanwhile(gone).is_raced()
    asked.meanwhile(renamed, hold(person_id=LI)).is_undisturbed()


def test_what_was_declined_once_may_be_proposed_and_approved_anew() -> None:
    again = ErasureProposed(erasure_id=OTHER, person_id=LI, basis_document_id=LAW, clause="law_47")
    past = given(*BEFORE, proposed, declined).and_(again)
    past.when(ApproveErasure(erasure_id=OTHER), by=ANOTHER, now=LATER).then(replace(gone, erasure_id=OTHER))
    past.when(approve(), by=ANOTHER, now=LATER).refused(NotInThisState, state="declined")


# --- what stands against it ------------------------------------------------------------------------------------------


def test_the_office_of_whoever_asks_does_not_stand_against_it() -> None:
    clerk = Appointed(
        appointment_id=AppointmentId("P-2"),
        person_id=PersonId(SOMEBODY),
        role="clerk",
        institution_id=INSTITUTION,
        first_day=date(2020, 5, 20),
    )
    asked = given(*BEFORE).when(propose(), now=LATER)
    replay(asked.command, [recorded(99, clerk)])
    asked.then(proposed)


def test_who_is_in_office_is_not_erased() -> None:
    in_office = [each for each in BEFORE if each is not left]
    given(*in_office).when(propose(), now=LATER).refused(StillInOffice, appointment_id="P-1")
    until = AppointmentEnded(
        appointment_id=AppointmentId("P-1"), person_id=LI, unit_id=BRANCH, last_day=date(2024, 1, 9)
    )
    given(*in_office, until).when(propose(), now=LATER).refused(StillInOffice, appointment_id="P-1")


@pytest.mark.parametrize("about", [{"person_id": LI}, {"unit_id": BRANCH}, {"application_id": CASE}], ids=str)
def test_a_legal_hold_stops_it_at_either_step_until_it_is_lifted(about: dict[str, Any]) -> None:
    held: Past = given(*BEFORE, hold(**about))
    held.when(propose(), now=LATER).refused(HeldBack, hold_id="H-1")
    meanwhile = given(*BEFORE, proposed, hold(**about))
    meanwhile.when(approve(), by=ANOTHER, now=LATER).refused(HeldBack, hold_id="H-1")
    meanwhile.and_(lifted(**about)).when(approve(), by=ANOTHER, now=LATER).then(gone)


def test_whatever_becomes_of_the_person_meanwhile_is_a_race_and_another_person_is_not() -> None:
    mine = (renamed, letter, served, left, hold(person_id=LI), hold(unit_id=BRANCH), hold(application_id=CASE))
    strange = (
        wang,
        hold(person_id=WANG),
        hold(unit_id=UnitId("BR-2")),
        paper(DocumentId("f" * 64), key_person_id=WANG),
    )
    for asked in (
        given(*BEFORE).when(propose(), now=LATER),
        given(*BEFORE, proposed).when(approve(), by=ANOTHER, now=LATER),
    ):
        asked.meanwhile(*mine, retention(9), proposed, gone).is_raced()
        asked.meanwhile(*strange).is_undisturbed()


# --- afterwards ------------------------------------------------------------------------------------------------------


def test_of_who_was_erased_nothing_is_kept_anew() -> None:
    past = given(law, li, gone)
    details = SealedDetails(commitment="b" * 64, fields=frozenset({"name"}))
    replacing = past.when(ReplacePersonDetails(person_id=LI, details=details))
    replacing.refused(PersonAlreadyErased, person_id=LI)
    appointing = Appoint(appointment_id=AppointmentId("P-9"), person_id=LI, role="clerk", first_day=LEFT)
    past.when(appointing).refused(PersonAlreadyErased, person_id=LI)
    fields: dict[str, Any] = {"kind": "evidence", "media_type": "text/plain", "size_bytes": 1, "key_person_id": LI}
    past.when(DepositDocument(document_id=LETTER, **fields)).refused(PersonAlreadyErased, person_id=LI)
    for command in (
        ReplacePersonDetails(person_id=LI, details=details),
        appointing,
        DepositDocument(document_id=LETTER, **fields),
    ):
        given(law, li).when(command).meanwhile(gone).is_raced()


def test_the_third_who_is_neither_may_approve() -> None:
    given(*BEFORE, proposed).when(approve(), by=THIRD, now=LATER).then(gone)
