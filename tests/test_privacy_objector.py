"""Who objects is no registered person: what is kept of them goes by the same command, by the hands of two."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from domain.document.policy import DocumentUnknown
from domain.ids import (
    ApplicationId,
    DocumentId,
    ErasureId,
    ObjectionId,
    PersonId,
    ProposerId,
    PublicityId,
    UnitId,
)
from domain.permission.policy import NotInThisState
from domain.privacy.commands import (
    ApproveErasure,
    DeclineErasure,
    ErasureApprovedByProposer,
    ErasureAwaited,
    ErasureIdUsed,
    ErasureNotOfOneSubject,
    ProposeErasure,
)
from domain.privacy.events import ObjectorErased, ObjectorErasureDeclined, ObjectorErasureProposed
from domain.privacy.policy import (
    HeldBack,
    ObjectionNotAnswered,
    ObjectorAlreadyErased,
    ObjectorRetentionRuns,
    RetentionMissing,
)
from domain.publicity.events import (
    ObjectionAdmitted,
    ObjectionDismissed,
    ObjectionInvestigated,
    ObjectionNotAdmitted,
    ObjectionReceived,
    ObjectionUpheld,
    ObjectionWithdrawn,
)
from domain.publicity.policy import ObjectionUnknown
from tests.call import CALL
from tests.spec import ANOTHER, SOMEBODY, Past, at, given
from tests.test_privacy import BRANCH, CASE, LATER, LAW, hold, law, lifted, retention, started
from tests.test_privacy import proposed as person_proposed

OBJECTION, OTHER_OBJECTION = ObjectionId("OBJ-1"), ObjectionId("OBJ-2")
ERASURE, OTHER = ErasureId("E-1"), ErasureId("E-2")
STATEMENT, FINDINGS = DocumentId("5" * 64), DocumentId("6" * 64)
ABOUT: dict[str, Any] = {"objection_id": OBJECTION, "publicity_id": PublicityId("PUB-1"), "application_id": CASE}
BASIS: dict[str, Any] = {"basis_document_id": LAW, "clause": "law_47"}
LAST_DAY = date(2023, 5, 20)
"""Three years after the objection was answered."""


def received(**changes: Any) -> ObjectionReceived:
    fields: dict[str, Any] = {
        **ABOUT,
        "programme_id": CALL,
        "identity": "named",
        "channel": "written",
        "commitment": "8" * 64,
        "statement_document_id": STATEMENT,
    }
    return ObjectionReceived(**(fields | changes))


admitted, dismissed = ObjectionAdmitted(**ABOUT), ObjectionDismissed(**ABOUT)
investigated = ObjectionInvestigated(**ABOUT, findings_document_id=FINDINGS)
proposed = ObjectorErasureProposed(erasure_id=ERASURE, objection_id=OBJECTION, **BASIS)
declined = ObjectorErasureDeclined(erasure_id=ERASURE, objection_id=OBJECTION)
gone = ObjectorErased(
    erasure_id=ERASURE,
    objection_id=OBJECTION,
    **BASIS,
    proposed_by=ProposerId(SOMEBODY),
    commitments=("8" * 64,),
    statement_document_ids=(STATEMENT,),
)
BEFORE = (law, retention(), started, received(), admitted, investigated, dismissed)


def propose(erasure_id: ErasureId = ERASURE, **changes: Any) -> ProposeErasure:
    return ProposeErasure(**{"erasure_id": erasure_id, "objection_id": OBJECTION, **BASIS, **changes})


def approve() -> ApproveErasure:
    return ApproveErasure(erasure_id=ERASURE)


def test_it_is_proposed_by_one_and_approved_by_another_and_names_the_very_digests() -> None:
    past = given(*BEFORE).when(propose(), now=LATER).then(proposed)
    past.when(approve(), by=ANOTHER, now=LATER).then(gone)
    past.when(approve(), now=LATER).refused(ErasureApprovedByProposer, erasure_id=ERASURE)


def test_of_an_anonymous_objector_the_statement_goes_and_no_name_was_there() -> None:
    unnamed = received(identity="anonymous", commitment=None)
    past = given(law, retention(), started, unnamed, ObjectionWithdrawn(**ABOUT), proposed)
    past.when(approve(), by=ANOTHER, now=LATER).then(replace(gone, commitments=()))


def test_an_erasure_has_one_subject() -> None:
    past = given(*BEFORE)
    past.when(propose(objection_id=None), now=LATER).refused(ErasureNotOfOneSubject, field="person_id", named=0)
    both = propose(person_id=PersonId(ANOTHER))
    past.when(both, now=LATER).refused(ErasureNotOfOneSubject, field="person_id", named=2)


@pytest.mark.parametrize(
    "answers",
    [
        (ObjectionNotAdmitted(**ABOUT, ground="not_about_this_list"),),
        (admitted, investigated, ObjectionUpheld(**ABOUT)),
        (admitted, investigated, dismissed),
        (ObjectionWithdrawn(**ABOUT),),
    ],
    ids=lambda answers: type(answers[-1]).__name__,
)
def test_whoever_objected_is_kept_until_the_answer_and_the_retention_after_it(answers: tuple[Any, ...]) -> None:
    past = given(law, retention(), started, received())
    past.when(propose(), now=LATER).refused(ObjectionNotAnswered, objection_id=OBJECTION)
    answered = past.and_(*answers)
    answered.when(propose(), now=at("2023-05-20 23:59")).refused(
        ObjectorRetentionRuns, objection_id=OBJECTION, last_day=LAST_DAY
    )
    answered.when(propose(), now=at("2023-05-21 00:00")).then(proposed)


def test_without_a_rule_or_an_objection_nothing_is_erased() -> None:
    given(law, started, received(), ObjectionWithdrawn(**ABOUT)).when(propose(), now=LATER).refused(RetentionMissing)
    given(*BEFORE).when(propose(objection_id=OTHER_OBJECTION), now=LATER).refused(
        ObjectionUnknown, objection_id=OTHER_OBJECTION
    )


def test_its_basis_is_on_record_and_the_statement_is_none() -> None:
    for paper in (DocumentId("f" * 64), STATEMENT):
        asked = given(*BEFORE).when(propose(basis_document_id=paper), now=LATER)
        asked.refused(DocumentUnknown, document_id=paper)


def test_it_is_proposed_once_and_not_again_while_it_waits_or_after_it_is_done() -> None:
    past = given(*BEFORE, proposed)
    past.when(propose(), now=LATER).refused(ErasureIdUsed, erasure_id=ERASURE)
    past.when(propose(OTHER), now=LATER).refused(ErasureAwaited, erasure_id=ERASURE)
    past.and_(gone).when(propose(OTHER), now=LATER).refused(ObjectorAlreadyErased, objection_id=OBJECTION)
    again = ObjectorErasureProposed(erasure_id=OTHER, objection_id=OBJECTION, **BASIS)
    past.and_(declined).when(propose(OTHER), now=LATER).then(again)
    given(*BEFORE, person_proposed).when(propose(OTHER), now=LATER).then(again)


def test_a_proposal_is_declined_and_then_is_not_approved() -> None:
    command = DeclineErasure(erasure_id=ERASURE)
    past = given(*BEFORE, proposed).when(command, by=ANOTHER, now=LATER, reason="disputed").then(declined)
    past.when(approve(), by=ANOTHER, now=LATER).refused(NotInThisState, state="declined")


@pytest.mark.parametrize("about", [{"unit_id": BRANCH}, {"application_id": CASE}], ids=str)
def test_a_legal_hold_stops_it_at_either_step_until_it_is_lifted(about: dict[str, Any]) -> None:
    held: Past = given(*BEFORE, hold(**about))
    held.when(propose(), now=LATER).refused(HeldBack, hold_id="H-1")
    meanwhile = given(*BEFORE, proposed, hold(**about))
    meanwhile.when(approve(), by=ANOTHER, now=LATER).refused(HeldBack, hold_id="H-1")
    meanwhile.and_(lifted(**about)).when(approve(), by=ANOTHER, now=LATER).then(gone)


def test_whatever_becomes_of_the_objection_meanwhile_is_a_race_and_another_objection_is_not() -> None:
    other: dict[str, Any] = {"objection_id": OTHER_OBJECTION}
    for asked in (
        given(*BEFORE).when(propose(), now=LATER),
        given(*BEFORE, proposed).when(approve(), by=ANOTHER, now=LATER),
    ):
        asked.meanwhile(hold(unit_id=BRANCH), hold(application_id=CASE), retention(9), proposed, gone).is_raced()
        asked.meanwhile(
            received(**other),
            ObjectionAdmitted(**(ABOUT | other)),
            hold(unit_id=UnitId("BR-2")),
            hold(application_id=ApplicationId("A-2")),
        ).is_undisturbed()
