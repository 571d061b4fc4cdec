"""Reviewers at the front door: what is written names a code and never a person; marks stand nowhere before closing."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from domain.ids import PersonId
from domain.institution.commands import AdvanceClock
from domain.kernel import Denied, SealedAnswers, SealedIdentity, SealedSheet
from domain.permission.policy import NotInThisState, NotPermitted
from domain.person.commands import Appoint, EndAppointment
from domain.review.events import Mark
from domain.review.panel import SeatVacated
from domain.review.policy import proves
from domain.review.ranking import RankApplications, SheetsStillSealed
from domain.review.recusal import DeclareInterest, ImposeRecusal
from domain.review.scoring import OpenScoring, ScoringOver
from domain.review.seat import NotAReviewer, ReviewerSeatedBefore, SeatReviewer, SeatTaken, UnseatReviewer
from domain.review.sheet import (
    AmendScoreSheet,
    FileScoreSheet,
    OfOwnUnit,
    OpeningForged,
    OpenScoreSheet,
    RecusedFrom,
    SheetAlreadyFiled,
)
from infra.asking import BoundaryTooWide, CodeMissing, ReasonDocumentNamesPerson
from infra.codes import seat_of
from infra.front_door import Ask, OtherRequest, Preview, Raced, Reason
from infra.master_key import ensure_key_file
from infra.vault import NothingSealed
from tests.conftest import Database
from tests.office import OPENED_AT, Office, open_office, parts_of
from tests.reviewing import CLOSES_AT, PANEL, Review, a_review
from tests.vaulting import everything

pytestmark = pytest.mark.store


@pytest_asyncio.fixture
async def review(database: Database) -> AsyncIterator[Review]:
    async with parts_of(database.app_url) as parts:
        await open_office(parts, "OTHER")
        yield await a_review(await open_office(parts))


async def test_a_reviewer_acts_under_the_code_of_the_seat_in_everything_that_is_written(
    review: Review, superuser: asyncpg.Connection
) -> None:
    await review.open_scoring()
    receipt = await review.file("S-1", "A-1")
    (filed,) = await review.events("review.score_sheet_filed.v1")
    envelope = filed.envelope
    assert (envelope.actor_id, envelope.authority, envelope.actor_kind) == ("P-1/S-1", "P-1/S-1", "person")
    assert envelope.correlation_id == envelope.command_id == receipt.command_id
    assert envelope.on_behalf_of_id is None
    # The command's id follows from the code: whoever knows all persons cannot find by it whose act it was.
    door, institution = review.office.parts.door, await review.office.parts.clock.institution(review.office.log_id)
    keys = [f"key-{n}" for n in range(60)]
    people = [caller.person_id for caller in review.reviewers.values()]
    assert receipt.command_id in {door.command_id(institution, "P-1/S-1", key) for key in keys}
    assert receipt.command_id not in {door.command_id(institution, who, key) for who in people for key in keys}
    sealed = await superuser.fetch("SELECT subject_id FROM envelope WHERE kind = 'sheet'")
    documents = await superuser.fetch("SELECT subject_id FROM document WHERE kind = 'opinion'")
    assert {row["subject_id"] for row in (*sealed, *documents)} == {seat_of(PANEL, "S-1")}


async def test_a_repeated_sheet_gets_the_same_receipt_and_another_one_under_its_key_is_refused(review: Review) -> None:
    await review.open_scoring()
    first = await review.file("S-1", "A-1", key="mine")
    assert await review.file("S-1", "A-1", key="mine") == first
    with pytest.raises(OtherRequest):
        await review.file("S-1", "A-1", plan=805, key="mine")
    assert len(await review.events("review.score_sheet_filed.v1")) == 1


async def test_twins_of_one_sheet_are_filed_once(review: Review) -> None:
    await review.open_scoring()
    receipts = await asyncio.gather(*(review.file("S-1", "A-1", key="twin") for _ in range(8)))
    assert len(set(receipts)) == 1
    many = [review.file(seat, application) for seat in ("S-2", "S-3") for application in ("A-1", "A-2", "A-3")]
    assert len({receipt.version for receipt in await asyncio.gather(*many)}) == 6


async def test_a_refused_sheet_leaves_nothing(review: Review, superuser: asyncpg.Connection) -> None:
    await review.open_scoring()
    await review.file("S-1", "A-1")
    before = await everything(superuser)
    with pytest.raises(SheetAlreadyFiled):
        await review.file("S-1", "A-1", plan=995)
    assert await everything(superuser) == before


async def test_who_has_no_seat_of_the_panel_is_denied_and_whoever_has_is_journalled_by_code(
    review: Review, superuser: asyncpg.Connection
) -> None:
    await review.open_scoring()
    review.reviewers["stranger"] = await review.office.somebody("reviewer")
    with pytest.raises(CodeMissing):
        await review.file("stranger", "A-1")
    seated = review.reviewers["S-1"]
    await review.office.ask(
        review.office.administrator,
        EndAppointment,
        appointment_id=f"a-{seated.person_id}",
        last_day=OPENED_AT.date() - timedelta(days=1),
    )
    review.reviewers["S-1"] = replace(seated, token_id=uuid4())
    with pytest.raises(NotPermitted):
        await review.file("S-1", "A-1")
    lines = await superuser.fetch("SELECT actor_id, token_id, act, what, outcome FROM access ORDER BY seq")
    assert [tuple(line) for line in lines] == [
        (review.reviewers["stranger"].person_id, None, "FileScoreSheet", "panel:P-1", "code-missing"),
        ("P-1/S-1", None, "FileScoreSheet", "panel:P-1", "not-permitted"),
    ]


async def test_a_reason_under_a_code_comes_without_a_document_that_names_who_deposited_it(review: Review) -> None:
    await review.open_scoring()
    await review.file("S-1", "A-1")
    reviewer = review.reviewers["S-1"]
    document_id = await review.office.deposit(reviewer, "reason")
    values = {
        "panel_id": PANEL,
        "application_id": "A-1",
        "marks": {"plan": 700, "deeds": 900},
        "opinion": {"opinion": "改"},
    }
    asked = Ask(caller=reviewer, command=AmendScoreSheet, values=values, idempotency_key="k")
    with pytest.raises(ReasonDocumentNamesPerson):
        await review.office.parts.door.ask(replace(asked, reason=Reason("misread", document_id)))
    await review.office.parts.door.ask(replace(asked, reason=Reason("misread")))
    (amended,) = await review.events("review.score_sheet_amended.v1")
    assert amended.envelope.reason_code == "misread"


async def test_an_office_at_the_applicants_unit_bars_scoring_from_the_day_it_is_held(review: Review) -> None:
    await review.open_scoring()
    reviewer = review.reviewers["S-1"]
    await review.office.ask(
        review.office.administrator,
        Appoint,
        appointment_id="own",
        person_id=reviewer.person_id,
        role="applicant",
        unit_id="BR-1",
        first_day=OPENED_AT.date(),
    )
    with pytest.raises(OfOwnUnit):
        await review.file("S-1", "A-1")
    await review.file("S-1", "A-2")


async def test_who_is_seated_is_recused_at_once_from_what_is_of_an_own_unit(review: Review) -> None:
    person = await review.office.somebody("reviewer")
    await review.office.ask(
        review.office.administrator,
        Appoint,
        appointment_id="own",
        person_id=person.person_id,
        role="nominator",
        unit_id="BR-2",
        first_day=OPENED_AT.date(),
    )
    await review.seat("S-4", person)
    recused = (await review.events("review.reviewer_recused.v1"))[-1].event
    assert (recused.seat_id, recused.application_id, recused.basis) == ("S-4", "A-2", "own_unit")
    await review.open_scoring()
    with pytest.raises(RecusedFrom):
        await review.file("S-4", "A-2")


async def test_recused_and_unseated_reviewers_are_refused_whatever_their_role(review: Review) -> None:
    await review.open_scoring()
    declared = {"panel_id": PANEL, "application_id": "A-1", "interest": "colleague"}
    await review.ask(review.reviewers["S-1"], DeclareInterest, **declared)
    with pytest.raises(RecusedFrom):
        await review.file("S-1", "A-1")
    await review.ask(review.head, ImposeRecusal, seat_id="S-2", reason="complaint", **declared)
    with pytest.raises(RecusedFrom):
        await review.file("S-2", "A-1")
    await review.ask(review.head, UnseatReviewer, panel_id=PANEL, seat_id="S-3", reason="ill")
    with pytest.raises(SeatVacated):
        await review.file("S-3", "A-2")


async def test_a_person_takes_one_seat_of_a_panel_whoever_asks_at_the_same_time(review: Review) -> None:
    person = await review.office.somebody("reviewer")
    asked = {"panel_id": PANEL, "reviewer": person.person_id}
    answers = await asyncio.gather(
        *(review.ask(review.clerk, SeatReviewer, seat_id=f"T-{n}", **asked) for n in range(6)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert len(refused) == 5
    assert all(isinstance(answer, ReviewerSeatedBefore | Raced) for answer in refused), refused
    with pytest.raises(ReviewerSeatedBefore):
        await review.ask(review.clerk, SeatReviewer, seat_id="T-9", **asked)
    with pytest.raises(SeatTaken):
        await review.seat("S-1", await review.office.somebody("reviewer"))
    with pytest.raises(NotAReviewer):
        await review.seat("T-8", await review.office.somebody("clerk"))
    # In another panel the same person may sit, and under another code.
    found = await review.office.parts.codes.held_by(review.office.log_id, person.person_id)
    assert len(found) == 1


async def test_seating_the_same_again_gets_the_same_receipt(review: Review, superuser: asyncpg.Connection) -> None:
    person = await review.office.somebody("reviewer")
    asked = {"panel_id": PANEL, "seat_id": "S-8", "reviewer": person.person_id, "key": "seat-8"}
    first = await review.ask(review.clerk, SeatReviewer, **asked)
    before = await everything(superuser)
    assert await review.ask(review.clerk, SeatReviewer, **asked) == first
    assert await everything(superuser) == before
    with pytest.raises(OtherRequest):
        await review.ask(review.clerk, SeatReviewer, **{**asked, "reviewer": review.clerk.person_id})


async def test_a_dry_run_of_a_seat_or_a_sheet_writes_nothing(review: Review, superuser: asyncpg.Connection) -> None:
    await review.open_scoring()
    person = await review.office.somebody("reviewer")
    before = await everything(superuser)
    seat = {"panel_id": PANEL, "seat_id": "S-8", "reviewer": person.person_id}
    sheet = {"panel_id": PANEL, "application_id": "A-1", "marks": {"plan": 700, "deeds": 900}}
    asked: list[tuple[Any, Any, dict[str, Any]]] = [
        (review.clerk, SeatReviewer, seat),
        (review.reviewers["S-1"], FileScoreSheet, {**sheet, "opinion": {"opinion": "好"}}),
    ]
    for caller, command, values in asked:
        ask = Ask(caller=caller, command=command, values=values, idempotency_key="dry", dry_run=True)
        preview = await review.office.parts.door.ask(ask)
        assert isinstance(preview, Preview)
        told = msgspec.json.encode([event for _, event in preview.events])
        assert person.person_id.encode() not in told
        assert b"700" not in told
    again = Ask(
        caller=review.clerk,
        command=SeatReviewer,
        values={**seat, "reviewer": review.reviewers["S-1"].person_id},
        idempotency_key="dry",
        dry_run=True,
    )
    with pytest.raises(ReviewerSeatedBefore):
        await review.office.parts.door.ask(again)
    assert await everything(superuser) == before


async def test_a_sheet_comes_too_late_by_the_instant_that_was_written(review: Review) -> None:
    await review.open_scoring()
    await review.office.ask(review.office.administrator, AdvanceClock, to=CLOSES_AT)
    with pytest.raises(ScoringOver):
        await review.file("S-1", "A-1")
    await review.close()
    with pytest.raises(NotInThisState):
        await review.file("S-1", "A-1")


async def test_a_new_master_key_keeps_reviewers_in_their_seats(
    database: Database, tmp_path: Path, superuser: asyncpg.Connection
) -> None:
    key_file = tmp_path / "vault.key"
    async with parts_of(database.app_url, key_file=key_file) as parts:
        review = await a_review(await open_office(parts))
        await review.open_scoring()
        await review.file("S-1", "A-1")
    key_file.write_text(ensure_key_file(key_file).rotated().lines())
    async with parts_of(database.app_url, key_file=key_file) as parts:
        await parts.vault.rewrap()
    key_file.write_text(key_file.read_text().splitlines()[0] + "\n")
    async with parts_of(database.app_url, key_file=key_file) as parts:
        office = Office(parts, "UNI", review.office.log_id, review.office.administrator)
        later = Review(office, review.clerk, review.head, review.reviewers)
        with pytest.raises(SheetAlreadyFiled):
            await later.file("S-1", "A-1", key="after-1")
        await later.file("S-1", "A-2", key="after-2")
        assert (await later.events("review.score_sheet_filed.v1"))[-1].envelope.actor_id == "P-1/S-1"


async def test_a_boundary_beyond_what_its_command_may_hold_is_refused_by_name(
    review: Review, monkeypatch: pytest.MonkeyPatch
) -> None:
    await review.open_scoring()
    monkeypatch.setattr(FileScoreSheet, "READS_AT_MOST", 5)
    with pytest.raises(BoundaryTooWide) as refused:
        await review.file("S-1", "A-1")
    assert refused.value.because == {"command": "FileScoreSheet", "at_most": 5}
    assert review.office.parts.door.widest["FileScoreSheet"] > 5
    assert review.office.parts.door.widest["OpenScoring"] < OpenScoring.READS_AT_MOST


async def test_two_institutions_have_seats_of_equal_names_and_never_share_them(review: Review) -> None:
    with pytest.raises(Denied):
        await review.office.ask(
            replace(review.reviewers["S-1"], log_id=review.office.log_id - 1),
            DeclareInterest,
            panel_id=PANEL,
            application_id="A-1",
            interest="kin",
        )


async def test_who_sits_there_is_sealed_under_the_seat(review: Review) -> None:
    (seated, *_) = await review.events("review.reviewer_seated.v1")
    opened = await review.office.parts.vault.reveal(
        review.office.log_id, seat_of(PANEL, "S-1"), seated.event.commitment
    )
    assert msgspec.json.decode(opened.plaintext) == {"person_id": review.reviewers["S-1"].person_id}
    with pytest.raises(NothingSealed):
        await review.office.parts.vault.open_(review.office.log_id, seat_of(PANEL, "S-9"), "identity")


async def test_a_guess_at_marks_or_at_a_person_is_not_confirmed_by_the_hash_of_a_request(
    review: Review, superuser: asyncpg.Connection
) -> None:
    await review.open_scoring()
    await review.file("S-1", "A-1", plan=735)
    (filed,) = await review.events("review.score_sheet_filed.v1")
    (seated, *_) = await review.events("review.reviewer_seated.v1")
    known = {row["request_hash"] for row in await superuser.fetch("SELECT request_hash FROM command")}
    sheet: dict[str, Any] = {"panel_id": PANEL, "application_id": "A-1"}
    sheet["opinion"] = SealedAnswers(document_id=filed.event.opinion_document_id, characters={"opinion": 2})
    seat: dict[str, Any] = {"panel_id": PANEL, "seat_id": "S-1"}
    told = filed.event.commitment, seated.event.commitment

    def hashed(command: str, values: dict[str, Any]) -> bytes:
        whole = (command, values, None, None, None, None)
        return hashlib.sha256(msgspec.json.encode(whole, order="sorted")).digest()

    # The hash is computed rightly, from what is public: with the commitment in their place both are found ...
    assert hashed("FileScoreSheet", {**sheet, "marks": told[0]}) in known
    assert hashed("SeatReviewer", {**seat, "reviewer": told[1]}) in known
    # ... and with the right guess neither is.
    marks = {"plan": 735, "deeds": 900}
    guesses = [
        hashed("FileScoreSheet", {**sheet, "marks": marks}),
        hashed("FileScoreSheet", {**sheet, "marks": SealedSheet(told[0], marks)}),
        hashed("SeatReviewer", {**seat, "reviewer": review.reviewers["S-1"].person_id}),
        hashed(
            "SeatReviewer", {**seat, "reviewer": SealedIdentity(told[1], PersonId(review.reviewers["S-1"].person_id))}
        ),
    ]
    assert not known & set(guesses)


# --- opening ---------------------------------------------------------------------------------------------------------


async def test_after_closing_every_sheet_that_stands_is_opened_once_and_matches_its_commitment(review: Review) -> None:
    await review.open_scoring()
    for number, seat in enumerate(review.reviewers):
        await review.file(seat, "A-1", plan=700 + 5 * number)
    await review.ask(
        review.reviewers["S-1"],
        AmendScoreSheet,
        panel_id=PANEL,
        application_id="A-1",
        marks={"plan": 1_000, "deeds": 950},
        opinion={"opinion": "改"},
        reason="misread",
    )
    await review.close()
    first = await review.open_sheets()
    assert await review.open_sheets() == first
    assert len(first) == 3
    opened = {r.event.seat_id: r for r in await review.events("review.score_sheet_opened.v1")}
    assert {seat: r.envelope.actor_kind for seat, r in opened.items()} == dict.fromkeys(review.reviewers, "automation")
    assert {mark.criterion: mark.tenths for mark in opened["S-1"].event.marks} == {"plan": 1_000, "deeds": 950}
    by_position = {r.position: r.event for r in await review.events()}
    for each in opened.values():
        filed = by_position[each.event.filed_position]
        assert filed.seat_id == each.event.seat_id
        assert proves(each.event.salt, each.event.marks, filed.commitment)


async def test_only_the_automation_opens_sheets_and_a_forged_one_is_refused(review: Review) -> None:
    await review.open_scoring()
    await review.file("S-1", "A-1")
    await review.close()
    ((_, opening),) = await review.openings()
    for caller in (review.clerk, review.head):
        with pytest.raises(NotPermitted):
            await review.ask(caller, OpenScoreSheet, **opening.values)
    forged = {**opening.values, "marks": (Mark("deeds", 1_000), Mark("plan", 1_000))}
    with pytest.raises(OpeningForged):
        await review.ask(review.automation, OpenScoreSheet, **forged)


async def test_a_sheet_whose_seat_was_forgotten_stays_sealed_and_no_ranking_passes_over_it(
    review: Review, superuser: asyncpg.Connection
) -> None:
    await review.open_scoring()
    await review.file("S-1", "A-1")
    await review.file("S-2", "A-1")
    await review.close()
    # As it was of old: the key alone is gone.
    await superuser.execute(
        "UPDATE subject_key SET wrapped = NULL, master_id = NULL, destroyed_at = now() WHERE subject_id = $1",
        seat_of(PANEL, "S-1"),
    )
    assert len(await review.open_sheets()) == 1
    assert [answer.because for answer in review.destroyed] == [{"panel_id": PANEL, "seat_id": "S-1"}]
    with pytest.raises(SheetsStillSealed) as refused:
        await review.ask(review.clerk, RankApplications, panel_id=PANEL, track_id="branch", reason="few")
    assert refused.value.because == {"sealed": 1, "filed": 2}


async def test_a_ranking_is_recorded_by_the_clerk_and_follows_from_the_opened_sheets(review: Review) -> None:
    await review.open_scoring()
    for seat, application in itertools.product(review.reviewers, ("A-1", "A-2", "A-3")):
        await review.file(seat, application, plan=100 * int(application[-1]))
    await review.close()
    await review.open_sheets()
    receipt = await review.ask(review.clerk, RankApplications, panel_id=PANEL, track_id="branch")
    assert [event.type for event in receipt.events] == [
        *["review.application_ranked.v1"] * 3,
        "review.ranking_recorded.v1",
    ]
    ranks = {r.event.application_id: r.event.rank for r in await review.events("review.application_ranked.v1")}
    assert ranks == {"A-3": 1, "A-2": 2, "A-1": 3}
