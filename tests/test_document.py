"""Putting a document on record."""

from datetime import date
from typing import Any

import pytest

from domain.document.commands import DepositDocument, DocumentAlreadyDeposited, TextIsSealed
from domain.document.events import DocumentDeposited
from domain.ids import DocumentId, PersonId, SuccessorUnitId, UnitId
from domain.person.events import PersonRegistered
from domain.person.policy import PersonUnknown
from domain.unit.events import UnitDissolved, UnitMerged, UnitMoved, UnitRegistered, UnitSplit
from domain.unit.policy import UnitGone, UnitUnknown
from tests.spec import INSTITUTION, given

ID = DocumentId("d" * 64)
OTHER = DocumentId("e" * 64)
LI = PersonId("00000000-0000-0000-0000-00000000000a")
COLLEGE = UnitId("COL-A")
PLAIN: dict[str, Any] = {"kind": "evidence", "media_type": "application/pdf", "size_bytes": 1200}

unit = UnitRegistered(
    unit_id=COLLEGE,
    institution_id=INSTITUTION,
    kind="general_branch",
    name_zh="某学院",
    name_en="A College",
    valid_on=date(2020, 1, 1),
)
dissolved = UnitDissolved(unit_id=COLLEGE, valid_on=date(2020, 5, 1), source_document_id=OTHER)
apart = UnitSplit(
    unit_id=COLLEGE,
    successor_unit_ids=(SuccessorUnitId("S-1"), SuccessorUnitId("S-2")),
    valid_on=date(2020, 5, 1),
    source_document_id=OTHER,
)
merged = UnitMerged(
    unit_id=COLLEGE, successor_unit_id=SuccessorUnitId("COL-B"), valid_on=date(2020, 5, 1), source_document_id=OTHER
)
person = PersonRegistered(person_id=LI, commitment="a" * 64)


def deposit(**changes: Any) -> DepositDocument:
    return DepositDocument(document_id=ID, **{**PLAIN, **changes})


def deposited(document_id: DocumentId = ID, **changes: Any) -> DocumentDeposited:
    return DocumentDeposited(document_id=document_id, **{**PLAIN, **changes})


def test_a_document_is_put_on_record_once() -> None:
    given().when(deposit()).then(deposited()).when(deposit(kind="other")).refused(
        DocumentAlreadyDeposited, document_id=ID
    )
    given().when(deposit()).meanwhile(deposited()).is_raced()
    given().when(deposit()).meanwhile(deposited(OTHER), unit, person).is_undisturbed()


def test_it_may_belong_to_a_living_unit_and_be_sealed_for_a_registered_person() -> None:
    given(unit, person).when(deposit(owner_unit_id=COLLEGE, key_person_id=LI)).then(
        deposited(owner_unit_id=COLLEGE, key_person_id=LI)
    )
    given().when(deposit(owner_unit_id=COLLEGE)).refused(UnitUnknown, unit_id="COL-A")
    given().when(deposit(key_person_id=LI)).refused(PersonUnknown, person_id=LI)


@pytest.mark.parametrize("end", [dissolved, merged, apart], ids=["dissolved", "merged", "split"])
def test_a_unit_that_is_gone_owns_nothing_new(end: UnitDissolved | UnitMerged | UnitSplit) -> None:
    owned = deposit(owner_unit_id=COLLEGE)
    given(unit, end).when(owned).refused(UnitGone, unit_id="COL-A", gone_on=date(2020, 5, 1))
    asked = given(unit).when(owned)
    asked.meanwhile(end).is_raced()
    moved = UnitMoved(unit_id=COLLEGE, parent_unit_id=None, valid_on=date(2020, 5, 2), source_document_id=OTHER)
    asked.meanwhile(person, moved).is_undisturbed()


def test_the_key_person_is_read_with_it() -> None:
    given(person).when(deposit(key_person_id=LI)).meanwhile(person).is_raced()


def test_only_a_published_text_has_its_digest_on_record() -> None:
    given().when(deposit(kind="notice", text_digest="a" * 64)).then(deposited(kind="notice", text_digest="a" * 64))
    given().when(deposit(text_digest="a" * 64)).refused(TextIsSealed, document_kind="evidence", field="text_digest")
