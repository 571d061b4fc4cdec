"""Programmes: announced once by one call, read where the call is damaged, corrected by its issuer."""

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from domain.document.policy import DocumentUnknown
from domain.ids import DocumentId, ProgrammeId, UnitId
from domain.kernel import Invalid
from domain.programme.commands import (
    AnnounceProgramme,
    DefinitionFaulty,
    InterpretTerm,
    IssuedInFuture,
    NotTheNotice,
    ProgrammeAlreadyAnnounced,
    RecordErratum,
    TermAlreadyCorrected,
    TermInUse,
    TermIsClear,
    ValueDoesNotFit,
)
from domain.programme.events import (
    AmountValue,
    CountValue,
    DateValue,
    ErratumRecorded,
    MomentValue,
    NotStated,
    QuotaByKind,
    RatioValue,
    TermPublished,
    TermValue,
    TrackDefined,
)
from domain.programme.policy import (
    Material,
    ProgrammeUnknown,
    TermNotInterpreted,
    Terms,
    TermUnknown,
    day_of,
    fits,
    quota_for,
)
from domain.unit.policy import UnitGone, UnitUnknown
from tests.call import (
    CALL,
    ISSUED,
    NOTICE,
    PAPER,
    REAL,
    UNITS,
    announced,
    defined,
    deposited,
    interpreted,
    the_call,
    unit,
    window_opened,
)
from tests.spec import given
from tests.test_unit import dissolved

DEADLINE = DateValue(day=date(2020, 5, 31))


def announce(**changes: Any) -> AnnounceProgramme:
    fields: dict[str, Any] = {"programme_id": CALL, "notice_document_id": NOTICE, "definition": REAL, **changes}
    return AnnounceProgramme(**fields)


def interpret(term: str = "application_closes", value: TermValue = DEADLINE) -> InterpretTerm:
    return InterpretTerm(programme_id=CALL, term=term, value=value)


def correct(term: str = "final_documents_due", value: TermValue = DEADLINE) -> RecordErratum:
    return RecordErratum(programme_id=CALL, term=term, value=value, erratum_document_id=PAPER)


def erratum(term: str = "final_documents_due", value: TermValue = DEADLINE) -> ErratumRecorded:
    return ErratumRecorded(programme_id=CALL, term=term, value=value, erratum_document_id=PAPER)


# --- announced -------------------------------------------------------------------------------------------------------


def test_a_call_is_announced_with_each_of_its_policies_a_fact() -> None:
    given(*UNITS).when(announce()).then(announced(), *defined())


def test_a_call_may_be_announced_the_moment_it_is_issued_and_not_before() -> None:
    given(*UNITS).when(announce(), now=ISSUED).then(announced(), *defined())
    given(*UNITS).when(announce(), now=ISSUED - timedelta(seconds=1)).refused(IssuedInFuture, issued_at=ISSUED)


def test_a_programme_is_announced_once() -> None:
    the_call().when(announce()).refused(ProgrammeAlreadyAnnounced, programme_id=CALL)
    given(*UNITS).when(announce()).meanwhile(announced()).is_raced()
    other = msgspec.structs.replace(announced(), programme_id=ProgrammeId("another"))
    given(*UNITS).when(announce()).meanwhile(other, *defined()).is_undisturbed()


def test_a_faulty_definition_is_refused_with_its_first_fault() -> None:
    faulty = msgspec.structs.replace(REAL, terms=())
    given(*UNITS).when(announce(definition=faulty)).refused(DefinitionFaulty, rule="term-published", count=6)


def test_the_text_as_published_is_deposited_as_a_notice() -> None:
    given(*UNITS).when(announce(notice_document_id=DocumentId("f" * 64))).refused(DocumentUnknown)
    given(*UNITS).when(announce(notice_document_id=PAPER)).refused(NotTheNotice, document_kind="resolution")
    without_digest = deposited("e" * 64, "notice")
    past = given(*UNITS, without_digest)
    past.when(announce(notice_document_id=without_digest.document_id)).refused(NotTheNotice)


def test_the_office_in_charge_is_a_living_unit() -> None:
    documents = [event for event in UNITS if isinstance(event, type(deposited(PAPER)))]
    given(*documents).when(announce()).refused(UnitUnknown, unit_id="PBO")
    given(*UNITS, dissolved("PBO")).when(announce()).refused(UnitGone)
    given(*UNITS).when(announce()).meanwhile(dissolved("PBO")).is_raced()
    given(*UNITS).when(announce()).meanwhile(dissolved("COL")).is_undisturbed()


# --- interpreted -----------------------------------------------------------------------------------------------------

PLAIN = given(*UNITS, announced(), *defined())


def test_a_damaged_term_is_given_a_value() -> None:
    PLAIN.when(interpret()).then(interpreted())


def test_a_contradictory_term_and_one_not_stated_are_given_a_value() -> None:
    day = DateValue(day=date(2022, 5, 31))
    PLAIN.when(interpret("final_documents_due", day)).then(interpreted("final_documents_due", day))
    days = CountValue(count=5)
    PLAIN.when(interpret("publicity_days", days)).then(interpreted("publicity_days", days))
    PLAIN.when(interpret("publicity_days", NotStated())).then(interpreted("publicity_days", NotStated()))


def test_a_later_interpretation_replaces_an_earlier_one_and_the_same_again_is_nothing() -> None:
    past = PLAIN.and_(interpreted())
    moment = MomentValue(day=date(2020, 5, 31), hour=17)
    past.when(interpret(value=moment)).then(interpreted(value=moment))
    past.when(interpret()).then()


def test_a_clear_term_is_changed_by_an_erratum_only() -> None:
    amount = AmountValue(amount_fen=2_000_000)
    PLAIN.when(interpret("branch_annual_amount", amount)).refused(TermIsClear, term="branch_annual_amount")
    PLAIN.when(correct("branch_annual_amount", amount)).then(erratum("branch_annual_amount", amount))


def test_a_corrected_term_is_not_interpreted() -> None:
    PLAIN.and_(erratum()).when(interpret("final_documents_due")).refused(TermAlreadyCorrected)


def test_an_interpretation_that_a_window_was_opened_on_is_settled() -> None:
    past = PLAIN.and_(interpreted())
    position = len(past.log)
    past = past.and_(window_opened(term_position=position))
    past.when(interpret(value=DateValue(day=date(2020, 6, 5)))).refused(TermInUse, term="application_closes")
    amount = AmountValue(amount_fen=2_500_000)
    past.when(interpret("college_annual_amount", amount)).then(interpreted("college_annual_amount", amount))
    PLAIN.when(interpret()).meanwhile(window_opened()).is_raced()


def test_an_interpretation_races_with_others_of_its_programme_only() -> None:
    PLAIN.when(interpret()).meanwhile(interpreted(), erratum()).is_raced()
    elsewhere = msgspec.structs.replace(interpreted(), programme_id=ProgrammeId("another"))
    PLAIN.when(interpret()).meanwhile(elsewhere, announced()).is_undisturbed()


@pytest.mark.parametrize(
    ("term", "value"),
    [
        ("application_closes", AmountValue(amount_fen=5)),
        ("application_closes", NotStated()),
        ("application_closes", MomentValue(day=date(2020, 5, 31), hour=24)),
        ("application_closes", MomentValue(day=date(2020, 5, 31), hour=9, minute=60)),
        ("college_annual_amount", AmountValue(amount_fen=-1)),
        ("matching_ratio", RatioValue(ratio_bp=-1)),
        ("publicity_days", CountValue(count=-1)),
    ],
)
def test_a_value_fits_its_term(term: str, value: TermValue) -> None:
    refused = PLAIN.when(interpret(term, value)).refused(ValueDoesNotFit, term=term)
    assert isinstance(refused, Invalid)


def test_what_is_not_there_is_not_interpreted() -> None:
    given(*UNITS).when(interpret()).refused(ProgrammeUnknown, programme_id=CALL)
    PLAIN.when(interpret("no_such_term")).refused(TermUnknown, term="no_such_term")


# --- corrected -------------------------------------------------------------------------------------------------------


def test_an_erratum_rests_on_a_document_and_the_same_again_is_nothing() -> None:
    PLAIN.when(correct()).then(erratum())
    PLAIN.and_(erratum()).when(correct()).then()
    given(announced(), *defined()).when(correct()).refused(DocumentUnknown, document_id=PAPER)


def test_an_erratum_may_correct_a_term_that_a_window_was_opened_on() -> None:
    past = PLAIN.and_(interpreted())
    past = past.and_(window_opened(term_position=len(past.log)))
    past.when(correct("application_closes")).then(erratum("application_closes"))


def test_an_erratum_fits_its_term_and_races_with_others_only() -> None:
    PLAIN.when(correct(value=CountValue(count=1))).refused(ValueDoesNotFit)
    PLAIN.when(correct()).meanwhile(interpreted(), erratum(), deposited(PAPER)).is_raced()
    PLAIN.when(correct()).meanwhile(window_opened(), unit("X", "branch")).is_undisturbed()


# --- the value that holds --------------------------------------------------------------------------------------------


def published(term: str, value: TermValue | None = None) -> TermPublished:
    return TermPublished(
        programme_id=CALL,
        term=term,
        kind="date",
        clause="三",
        as_published="5前",
        legibility="clear" if value else "damaged",
        value=value,
    )


def test_an_erratum_holds_before_an_interpretation_and_that_before_the_text() -> None:
    terms = Terms()
    terms.take(published("t", DateValue(day=date(2020, 1, 1))), 1)
    assert (terms["t"].source, terms["t"].position) == ("published", 1)
    terms.take(interpreted("t"), 2)
    assert (terms["t"].source, terms["t"].position, terms.day("t")) == ("interpreted", 2, date(2020, 5, 31))
    terms.take(erratum("t", DateValue(day=date(2020, 6, 1))), 3)
    assert (terms["t"].source, terms["t"].position, terms.day("t")) == ("corrected", 3, date(2020, 6, 1))
    terms.take(interpreted("t"), 4)
    assert terms.value("t") == DateValue(day=date(2020, 6, 1))
    assert terms["t"].positions == {1, 2, 3, 4}


def test_nothing_is_known_of_a_term_that_was_not_published_or_has_no_value() -> None:
    terms = Terms()
    terms.take(interpreted("t"), 1)
    assert terms.value("t") is None
    with pytest.raises(TermUnknown):
        terms.day("t")
    terms.take(published("t"), 2)
    with pytest.raises(TermNotInterpreted):
        terms.day("t")


def test_the_day_of_a_value_is_that_of_a_date_or_a_moment() -> None:
    assert day_of(MomentValue(day=date(2020, 5, 31), hour=17)) == date(2020, 5, 31)
    assert day_of(CountValue(count=5)) is None
    assert fits("date", "clear", MomentValue(day=date(2020, 5, 31), hour=17))
    assert not fits("count", "clear", RatioValue(ratio_bp=1))


def test_the_line_that_names_a_trait_holds_before_the_general_one() -> None:
    track = next(event for event in defined() if isinstance(event, TrackDefined) and event.track_id == "branch")
    office_units = QuotaByKind(nominator_kind="party_committee", nominator_trait="office_units", at_most=2)
    assert quota_for(track, "party_committee", frozenset({"office_units"})) == office_units
    assert quota_for(track, "party_committee", frozenset({"other"})) == QuotaByKind(nominator_kind="party_committee")
    assert quota_for(track, "branch", frozenset()) is None


def test_what_a_track_asks_for_is_gathered_from_its_definition() -> None:
    material = Material()
    for event in defined():
        material.take(event)  # type: ignore[arg-type]  # What is no part of the material is passed over.
    assert set(material.tracks) == {"college", "branch"}
    assert set(material.forms) == {"application_form"}
    assert set(material.catalogues) == {"five_in_place", "seven_strengths"}
    assert UnitId(REAL.office_unit_id) == "PBO"
