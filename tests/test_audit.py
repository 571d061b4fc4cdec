"""Engagements of auditors, what they find, and legal holds: what must not be erased while they stand."""

from datetime import date
from typing import Any

import pytest

from domain.application.events import ApplicationStarted
from domain.application.policy import ApplicationUnknown
from domain.audit.certificate import CertifiedAlready, CertifyReplay, NothingReplayed, digest_of
from domain.audit.engagement import (
    AuditorHoldsOffice,
    EndEngagement,
    EngagementIdUsed,
    EngagementOfNoDays,
    EngagementUnknown,
    OpenEngagement,
)
from domain.audit.events import (
    AuditFindingAnswered,
    AuditFindingClosed,
    AuditFindingRecorded,
    CertifiedView,
    EngagementEnded,
    EngagementOpened,
    LegalHoldLifted,
    LegalHoldPlaced,
    ReplayCertified,
)
from domain.audit.finding import (
    AnswerAuditFinding,
    AnsweredByCloser,
    AuditFindingIdUsed,
    AuditFindingUnknown,
    AuditTextMissing,
    CloseAuditFinding,
    NoSuchPosition,
    OutsideEngagement,
    RecordAuditFinding,
)
from domain.audit.hold import (
    HoldIdUsed,
    HoldNotAboutOneSubject,
    LegalHoldUnknown,
    LiftLegalHold,
    PlaceLegalHold,
)
from domain.audit.policy import Engagement, Holds, belonging
from domain.document.events import DocumentDeposited
from domain.document.policy import DocumentUnknown
from domain.ids import (
    ApplicationId,
    AppointmentId,
    AuditFindingId,
    CalendarYear,
    DocumentId,
    EngagementId,
    HoldId,
    NominatorUnitId,
    PersonId,
    ProgrammeId,
    TrackId,
    UnitId,
)
from domain.kernel import SealedAnswers
from domain.person.events import Appointed, AppointmentEnded, PersonRegistered
from domain.person.policy import PersonUnknown
from domain.programme.events import ProgrammeAnnounced
from domain.programme.policy import ProgrammeUnknown
from domain.unit.events import UnitRegistered
from domain.unit.policy import UnitUnknown
from tests.spec import INSTITUTION, Past, at, given

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


# --- engagements ------------------------------------------------------------------------------------------------------

ENGAGED, AF = EngagementId("E-1"), AuditFindingId("AF-1")
AUDITOR = PersonId("00000000-0000-0000-0000-00000000000c")
auditor = PersonRegistered(person_id=AUDITOR, commitment="a" * 64)
announced = ProgrammeAnnounced(
    programme_id=CALL,
    institution_id=INSTITUTION,
    name_zh="某通知",
    name_en="A call",
    issued_at=at("2020-05-09 16:36"),
    notice_document_id=ORDER,
    notice_digest="a" * 64,
    office_unit_id=UnitId("OFFICE"),
    schema_version=1,
    definition_digest="a" * 64,
)
FIRST, LAST = date(2020, 5, 20), date(2020, 6, 19)
DURING, AFTER = at("2020-06-19 23:59"), at("2020-06-20 00:00")


def engage(**changes: Any) -> OpenEngagement:
    asked: dict[str, Any] = {
        "engagement_id": ENGAGED, "person_id": AUDITOR, "first_day": FIRST, "last_day": LAST,
        "commission_document_id": ORDER,
    }  # fmt: skip
    return OpenEngagement(**(asked | changes))


def engaged(**changes: Any) -> EngagementOpened:
    fields: dict[str, Any] = {
        "engagement_id": ENGAGED, "person_id": AUDITOR, "first_day": FIRST, "last_day": LAST,
        "opens_at": at("2020-05-20 00:00"), "ends_at": at("2020-06-20 00:00"), "commission_document_id": ORDER,
    }  # fmt: skip
    return EngagementOpened(**(fields | changes))


def ended(ground: Any = "decision") -> EngagementEnded:
    return EngagementEnded(engagement_id=ENGAGED, person_id=AUDITOR, ground=ground)


def appointed(**changes: Any) -> Appointed:
    fields: dict[str, Any] = {
        "appointment_id": AppointmentId("A-1"), "person_id": AUDITOR, "role": "auditor", "institution_id": INSTITUTION,
        "unit_id": None, "first_day": date(2020, 1, 1),
    }  # fmt: skip
    return Appointed(**(fields | changes))


def the_house() -> Past:
    return given(auditor, announced, branch, order)


def test_an_auditor_is_engaged_from_a_day_to_a_day_over_programmes_and_units_or_the_whole() -> None:
    the_house().when(engage()).then(engaged())
    scope: dict[str, Any] = {"programme_ids": (CALL,), "unit_ids": (BRANCH,), "sealed": True}
    twice = {**scope, "programme_ids": (CALL, CALL)}
    the_house().when(engage(**twice)).then(engaged(**scope)).when(engage()).refused(EngagementIdUsed)


def test_who_is_engaged_and_over_what_is_on_record_and_a_document_commissions_it() -> None:
    the_house().when(engage(person_id=WANG)).refused(PersonUnknown, person_id=WANG)
    the_house().when(engage(programme_ids=(ProgrammeId("none-such"),))).refused(ProgrammeUnknown)
    the_house().when(engage(unit_ids=(UnitId("BR-9"),))).refused(UnitUnknown, unit_id="BR-9")
    given(auditor).when(engage()).refused(DocumentUnknown, document_id=ORDER)


def test_an_engagement_has_a_day_left() -> None:
    the_house().when(engage(last_day=date(2020, 5, 19))).refused(EngagementOfNoDays, today=FIRST)
    the_house().when(engage(first_day=date(2020, 6, 20))).refused(EngagementOfNoDays, last_day=LAST)
    the_house().when(engage(last_day=FIRST)).then(engaged(last_day=FIRST, ends_at=at("2020-05-21 00:00")))


def test_who_holds_an_office_here_is_no_auditor_from_outside() -> None:
    the_house().and_(appointed()).when(engage()).refused(AuditorHoldsOffice, person_id=AUDITOR)
    over = AppointmentEnded(appointment_id=AppointmentId("A-1"), person_id=AUDITOR, last_day=date(2020, 5, 19))
    the_house().and_(appointed(), over).when(engage()).then(engaged())
    the_house().and_(appointed(person_id=LI)).when(engage()).then(engaged())


def test_an_engagement_ends_by_decision_or_by_its_term() -> None:
    past = the_house().and_(engaged())
    past.when(end(), now=DURING).then(ended())
    past.when(end(), now=AFTER).then(ended("term"))
    the_house().when(end()).refused(EngagementUnknown, engagement_id=ENGAGED)
    assert past.and_(ended()).when(end()).command.state == "disengaged"


def test_what_an_engagement_rests_on_meanwhile_is_a_race_and_another_is_not() -> None:
    asked = the_house().when(engage(programme_ids=(CALL,), unit_ids=(BRANCH,)))
    asked.meanwhile(engaged(), appointed(), auditor, announced, branch, order).is_raced()
    asked.meanwhile(engaged(engagement_id=EngagementId("E-2"), person_id=LI), li, started, release).is_undisturbed()
    ending = the_house().and_(engaged()).when(end())
    ending.meanwhile(ended()).is_raced()
    ending.meanwhile(engaged(engagement_id=EngagementId("E-2")), appointed()).is_undisturbed()


def end() -> EndEngagement:
    return EndEngagement(engagement_id=ENGAGED)


def test_an_engagement_is_an_authority_for_its_auditor_while_it_runs() -> None:
    running = Engagement()
    assert running.grant(DURING) is None
    assert running.belongings() == []
    running.take(engaged(programme_ids=(CALL,), unit_ids=(BRANCH,)))
    assert running.authority(AUDITOR, DURING) == "engagement:E-1"
    assert running.authority(LI, DURING) is None
    assert running.authority(AUDITOR, at("2020-05-19 23:59")) is None
    assert running.authority(AUDITOR, AFTER) is None
    named = [tuple(each.tags) for each in running.belongings()]
    assert named == [("programme:CALL",), ("unit:BR-1",), ("successor-unit:BR-1",)]
    grant = running.grant(DURING, belonging(["application:A-1", "panel:P-1", "seat:S-1"]))
    assert grant is not None
    for tag in ("programme:CALL", "unit:BR-1", "nominator-unit:BR-1", "engagement:E-1", "application:A-1", "panel:P-1"):
        assert grant.covers([tag]), tag
    for tag in ("programme:OTHER", "unit:BR-2", "seat:S-1", "application:A-2", "engagement:E-2"):
        assert not grant.covers([tag]), tag
    running.take(ended())
    assert running.grant(DURING) is None
    whole = Engagement()
    whole.take(engaged())
    everything = whole.grant(DURING)
    assert everything is not None
    assert everything.covers([])


# --- findings ---------------------------------------------------------------------------------------------------------

NOTE, REPLY = DocumentId("8" * 64), DocumentId("9" * 64)
ANSWERER = "00000000-0000-0000-0000-0000000000aa"


def text(document_id: DocumentId = NOTE, **characters: int) -> SealedAnswers:
    return SealedAnswers(document_id, characters or {"text": 12})


def record(**changes: Any) -> RecordAuditFinding:
    asked: dict[str, Any] = {
        "engagement_id": ENGAGED, "audit_finding_id": AF, "gravity": "shortcoming", "text": text(),
    }  # fmt: skip
    return RecordAuditFinding(**(asked | changes))


def found(**changes: Any) -> AuditFindingRecorded:
    fields: dict[str, Any] = {
        "engagement_id": ENGAGED, "audit_finding_id": AF, "gravity": "shortcoming", "statement_document_id": NOTE,
    }  # fmt: skip
    return AuditFindingRecorded(**(fields | changes))


def reply(**changes: Any) -> AnswerAuditFinding:
    asked: dict[str, Any] = {"engagement_id": ENGAGED, "audit_finding_id": AF, "text": text(REPLY)}
    return AnswerAuditFinding(**(asked | changes))


def replied() -> AuditFindingAnswered:
    return AuditFindingAnswered(engagement_id=ENGAGED, audit_finding_id=AF, answer_document_id=REPLY)


def conclude(**changes: Any) -> CloseAuditFinding:
    asked: dict[str, Any] = {"engagement_id": ENGAGED, "audit_finding_id": AF, "conclusion": "settled"}
    return CloseAuditFinding(**(asked | changes))


def concluded() -> AuditFindingClosed:
    return AuditFindingClosed(engagement_id=ENGAGED, audit_finding_id=AF, conclusion="settled")


def test_the_auditor_records_the_office_answers_and_the_auditor_closes() -> None:
    past = the_house().and_(engaged())
    past = past.when(record(fact_positions=(3, 1, 3)), by=AUDITOR).then(found(fact_positions=(1, 3)))
    past = past.when(reply(), by=ANSWERER).then(replied()).when(reply(), by=ANSWERER).then(replied())
    past.when(conclude(), by=AUDITOR).then(concluded())


def test_a_finding_concerns_what_is_part_of_the_engagement() -> None:
    about_call = the_house().and_(started, engaged(programme_ids=(CALL,)))
    about_call.when(record(application_id=CASE)).then(found(application_id=CASE))
    about_call.when(record(programme_id=CALL)).then(found(programme_id=CALL))
    about_call.when(record(unit_id=BRANCH)).refused(OutsideEngagement, about=BRANCH)
    about_call.when(record(application_id=ApplicationId("A-9"))).refused(ApplicationUnknown)
    about_unit = the_house().and_(started, engaged(unit_ids=(BRANCH,)))
    about_unit.when(record(application_id=CASE, unit_id=BRANCH)).then(found(application_id=CASE, unit_id=BRANCH))
    about_unit.when(record(programme_id=CALL)).refused(OutsideEngagement, about=CALL)
    elsewhere = the_house().and_(started, engaged(unit_ids=(UnitId("BR-2"),)))
    elsewhere.when(record(application_id=CASE)).refused(OutsideEngagement, about=CASE)


def test_a_finding_is_recorded_once_on_facts_of_the_record_and_says_something() -> None:
    past = the_house().and_(engaged())
    past.and_(found()).when(record()).refused(AuditFindingIdUsed, audit_finding_id=AF)
    past.when(record(fact_positions=(0, 4))).refused(NoSuchPosition, position=0)
    past.when(record(text=text(text=0))).refused(AuditTextMissing)
    past.and_(found()).when(reply(text=text(remark=3))).refused(AuditTextMissing)
    the_house().when(record()).refused(EngagementUnknown, engagement_id=ENGAGED)


def test_only_a_finding_of_that_engagement_is_answered_and_closed() -> None:
    past = the_house().and_(engaged(), found())
    other: dict[str, Any] = {"engagement_id": EngagementId("E-2")}
    past.when(reply(**other)).refused(AuditFindingUnknown, engagement_id="E-2")
    past.when(conclude(**other)).refused(AuditFindingUnknown, engagement_id="E-2")
    the_house().when(reply()).refused(AuditFindingUnknown, audit_finding_id=AF)


def test_who_answered_does_not_close() -> None:
    past = the_house().and_(engaged(), found()).and_(replied(), by=ANSWERER)
    past.when(conclude(), by=ANSWERER).refused(AnsweredByCloser, audit_finding_id=AF)


def test_the_state_of_a_finding_and_the_authority_of_its_auditor() -> None:
    past = the_house().and_(engaged())
    assert past.when(record(), by=AUDITOR).command.state == "engaged"
    assert past.when(reply()).command.state == "unknown"
    states = [past.and_(*facts).when(conclude()).command.state for facts in ([found()], [found(), replied()])]
    assert states == ["recorded", "answered"]
    asked = past.and_(found(), replied(), concluded()).when(conclude(), by=AUDITOR).command
    assert asked.state == "concluded"
    assert isinstance(asked, CloseAuditFinding)
    assert asked.engaged == "engagement:E-1"
    late = past.when(record(), by=AUDITOR, now=AFTER).command
    assert isinstance(late, RecordAuditFinding)
    assert late.engaged is None


def test_the_same_finding_or_the_end_meanwhile_is_a_race_and_another_is_not() -> None:
    past = the_house().and_(engaged())
    past.when(record(application_id=CASE)).meanwhile(found(), ended(), started).is_raced()
    other = found(audit_finding_id=AuditFindingId("AF-2"))
    past.when(record()).meanwhile(other, started, order).is_undisturbed()
    with_finding = past.and_(found(), replied())
    for asked in (with_finding.when(reply()), with_finding.when(conclude(), by=AUDITOR)):
        asked.meanwhile(replied(), concluded(), ended()).is_raced()
        asked.meanwhile(other, started).is_undisturbed()


# --- certificates of replay -------------------------------------------------------------------------------------------

SEEN = (
    CertifiedView(view="roster", version=3, versions=12, digest="1" * 64, differences=0),
    CertifiedView(view="journal", version=1, versions=7, digest="2" * 64, differences=2),
)


def certify(position: int = 90, **changes: Any) -> CertifyReplay:
    asked: dict[str, Any] = {
        "certified_position": position, "views": SEEN, "rules_digest": "3" * 64, "duration_ms": 1200,
    }  # fmt: skip
    return CertifyReplay(**(asked | changes))


def certified(position: int = 90, year: int = 2020) -> ReplayCertified:
    return ReplayCertified(
        institution_id=INSTITUTION, year=CalendarYear(year), certified_position=position, views=SEEN,
        digest=digest_of(SEEN), rules_digest="3" * 64, differences=2, duration_ms=1200,
    )  # fmt: skip


def test_what_came_of_a_replay_is_recorded_differences_included() -> None:
    given().when(certify()).then(certified()).when(certify(91)).then(certified(91))
    assert digest_of(SEEN) != digest_of(SEEN[:1])


def test_a_replay_that_says_nothing_newer_or_nothing_is_not_certified() -> None:
    given(certified()).when(certify()).refused(CertifiedAlready, certified_position=90, last=90)
    given(certified()).when(certify(89)).refused(CertifiedAlready, last=90)
    given().when(certify(views=())).refused(NothingReplayed)
    given().when(certify(views=(*SEEN, SEEN[0]))).refused(NothingReplayed)


def test_another_certificate_of_the_year_meanwhile_is_a_race_and_one_of_another_year_is_not() -> None:
    given().when(certify()).meanwhile(certified(91)).is_raced()
    given().when(certify()).meanwhile(certified(91, year=2019), li, engaged()).is_undisturbed()
