"""Legal holds: what must not be erased while they stand."""

from datetime import date
from typing import Any

import pytest

from domain.application.events import ApplicationStarted
from domain.application.policy import ApplicationUnknown
from domain.audit.events import LegalHoldLifted, LegalHoldPlaced
from domain.audit.hold import (
    HoldIdUsed,
    HoldNotAboutOneSubject,
    LegalHoldUnknown,
    LiftLegalHold,
    PlaceLegalHold,
)
from domain.audit.policy import Holds
from domain.document.events import DocumentDeposited
from domain.document.policy import DocumentUnknown
from domain.ids import ApplicationId, DocumentId, HoldId, NominatorUnitId, PersonId, ProgrammeId, TrackId, UnitId
from domain.person.events import PersonRegistered
from domain.person.policy import PersonUnknown
from domain.unit.events import UnitRegistered
from domain.unit.policy import UnitUnknown
from tests.spec import INSTITUTION, given

HOLD, OTHER = HoldId("H-1"), HoldId("H-2")
LI = PersonId("00000000-0000-0000-0000-00000000000a")
WANG = PersonId("00000000-0000-0000-0000-00000000000b")
BRANCH, CASE, CALL = UnitId("BR-1"), ApplicationId("A-1"), ProgrammeId("CALL")
ORDER, RELEASE = DocumentId("d" * 64), DocumentId("e" * 64)


def paper(document_id: DocumentId) -> DocumentDeposited:
    return DocumentDeposited(document_id=document_id, kind="evidence", media_type="application/pdf", size_bytes=9)


order, release = paper(ORDER), paper(RELEASE)
li, wang = (PersonRegistered(person_id=each, commitment="a" * 64) for each in (LI, WANG))
branch = UnitRegistered(
    unit_id=BRANCH,
    institution_id=INSTITUTION,
    kind="branch",
    name_zh="某支部",
    name_en="A Branch",
    valid_on=date(2020, 1, 1),
)
started = ApplicationStarted(
    application_id=CASE,
    programme_id=CALL,
    track_id=TrackId("branch"),
    unit_id=BRANCH,
    nominator_unit_id=NominatorUnitId("COL"),
)
SUBJECTS: tuple[dict[str, Any], ...] = ({"person_id": LI}, {"unit_id": BRANCH}, {"application_id": CASE})


def place(hold_id: HoldId = HOLD, **subject: Any) -> PlaceLegalHold:
    return PlaceLegalHold(hold_id=hold_id, order_document_id=ORDER, ground="litigation", **subject)


def lift(hold_id: HoldId = HOLD) -> LiftLegalHold:
    return LiftLegalHold(hold_id=hold_id, order_document_id=RELEASE)


def placed(hold_id: HoldId = HOLD, **subject: Any) -> LegalHoldPlaced:
    return LegalHoldPlaced(hold_id=hold_id, order_document_id=ORDER, ground="litigation", **subject)


def lifted(hold_id: HoldId = HOLD, **subject: Any) -> LegalHoldLifted:
    return LegalHoldLifted(hold_id=hold_id, order_document_id=RELEASE, **subject)


@pytest.mark.parametrize("about", SUBJECTS, ids=lambda about: next(iter(about)))
def test_a_hold_is_placed_on_one_subject_and_lifted_by_another_document(about: dict[str, Any]) -> None:
    past = given(li, branch, started, order, release)
    past.when(place(**about)).then(placed(**about)).when(lift(), reason="settled").then(lifted(**about))


def test_a_hold_has_one_subject_that_is_on_record_and_rests_on_a_document() -> None:
    past = given(li, branch, order)
    past.when(place()).refused(HoldNotAboutOneSubject, named=0)
    past.when(place(person_id=LI, unit_id=BRANCH)).refused(HoldNotAboutOneSubject, named=2)
    past.when(place(person_id=WANG)).refused(PersonUnknown, person_id=WANG)
    past.when(place(unit_id=UnitId("BR-9"))).refused(UnitUnknown, unit_id="BR-9")
    past.when(place(application_id=CASE)).refused(ApplicationUnknown, application_id=CASE)
    given(li).when(place(person_id=LI)).refused(DocumentUnknown, document_id=ORDER)


def test_a_hold_is_placed_once_and_several_may_stand_on_one_subject() -> None:
    past = given(li, wang, order).and_(placed(person_id=LI))
    past.when(place(person_id=WANG)).refused(HoldIdUsed, hold_id=HOLD)
    past.when(place(OTHER, person_id=LI)).then(placed(OTHER, person_id=LI))


def test_only_a_hold_that_is_on_record_is_lifted_and_by_a_document() -> None:
    given(li, order, release).when(lift()).refused(LegalHoldUnknown, hold_id=HOLD)
    given(li, order, placed(person_id=LI)).when(lift()).refused(DocumentUnknown, document_id=RELEASE)
    assert given(placed(person_id=LI)).when(lift()).command.state == "placed"
    assert given(placed(person_id=LI), lifted(person_id=LI)).when(lift()).command.state == "lifted"


def test_the_same_hold_meanwhile_is_a_race_and_another_is_not() -> None:
    past = given(li, order, release)
    past.when(place(person_id=LI)).meanwhile(placed(person_id=LI), li, order).is_raced()
    past.when(place(person_id=LI)).meanwhile(placed(OTHER, person_id=LI), wang, branch, release).is_undisturbed()
    asked = past.and_(placed(person_id=LI)).when(lift())
    asked.meanwhile(lifted(person_id=LI)).is_raced()
    asked.meanwhile(placed(OTHER, person_id=LI), lifted(OTHER, person_id=LI)).is_undisturbed()


def test_holds_stand_until_they_are_lifted() -> None:
    holds = Holds()
    for fact in (placed(person_id=LI), placed(OTHER, unit_id=BRANCH), lifted(person_id=LI)):
        holds.take(fact)
    assert list(holds.standing) == [OTHER]
