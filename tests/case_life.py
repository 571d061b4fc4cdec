"""One recorded life that knows every event type: a college, a branch that merges, a programme, four applications."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from msgspec.structs import replace

from domain.application.events import (
    ApplicationFiled,
    ApplicationPrepared,
    ApplicationStarted,
    ApplicationWindowClosed,
    ApplicationWindowExtended,
    ApplicationWindowOpened,
    ApplicationWithdrawn,
    BudgetLine,
    BudgetSaved,
    FormSaved,
    PaperReceived,
    SelfCheckItem,
    SelfCheckSaved,
)
from domain.assessment.events import (
    AssessmentDecided,
    AssessmentDefined,
    AssessmentOutcome,
    CaseClosedWithoutCompletion,
    CaseCompleted,
    CaseExtended,
    RectificationAccepted,
    RectificationOrdered,
    RectificationRejected,
    RectificationReported,
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
    SigningKeyAnnounced,
    SigningKeyEnded,
)
from domain.calendar.events import WorkingDaysSupplied
from domain.cultivation.events import (
    BudgetItem,
    CaseSucceeded,
    CultivationBegun,
    CultivationStopped,
    DueOn,
    DueWithin,
    Milestone,
    OutreachRecorded,
    ReportAccepted,
    ReportAsked,
    ReportFiled,
    ReportRequired,
    ReportReturned,
    TaskBookAsked,
    TaskBookFiled,
    TaskBookRequired,
    TaskBookReturned,
    TaskBookSigned,
)
from domain.document.events import DocumentDeposited
from domain.eligibility.events import EligibilityJudged, Finding, RuleOutcome, RuleWaived, Verdict
from domain.evaluation.events import SecretaryDossierIssued, UnitDossierIssued
from domain.funding.events import InstitutionLedgerPublished, LedgerConfirmed, LedgerFile, LedgerOf, LedgerPublished
from domain.ids import (
    ApplicationId,
    AppointmentId,
    AuditFindingId,
    CalendarYear,
    DecisionId,
    DocumentId,
    DossierId,
    EngagementId,
    ErasureId,
    FindingId,
    HoldId,
    IncidentId,
    InstitutionId,
    LeadApplicationId,
    MeasureId,
    NominatorUnitId,
    ObjectionId,
    PanelId,
    ParentUnitId,
    PersonId,
    ProgrammeId,
    ProposerId,
    PublicityId,
    SuccessorUnitId,
    TrackId,
    UnitId,
)
from domain.institution.events import ClockAdvanced, InstitutionOpened
from domain.kernel import Event, Recorded
from domain.nomination.events import (
    MaterialsVetted,
    NominationDecided,
    NominationDeclined,
    NominationPassed,
    PlanRecorded,
    QuotaAssigned,
    QuotaPassed,
)
from domain.obligation.events import ObligationExcused, ObligationFellOverdue, ObligationReminded
from domain.obligation.policy import obligation_id
from domain.permission.events import AccessDayRecorded
from domain.person.events import (
    Appointed,
    AppointmentEnded,
    PersonDetailsReplaced,
    PersonRegistered,
    ServiceRegistered,
)
from domain.privacy.events import (
    ErasureDeclined,
    ErasureProposed,
    ObjectorErased,
    ObjectorErasureDeclined,
    ObjectorErasureProposed,
    PersonErased,
    RetentionDefined,
)
from domain.programme.events import (
    AmountValue,
    BudgetCategory,
    CataloguePinned,
    Criterion,
    DateValue,
    EligibilityRuleDefined,
    ErratumRecorded,
    FormDefined,
    FormField,
    FoundedAtLeast,
    Places,
    ProgrammeAnnounced,
    QuotaByKind,
    RuleSeverity,
    TermInterpreted,
    TermPublished,
    TrackDefined,
)
from domain.publicity.events import (
    EntryPassed,
    ObjectionAdmitted,
    ObjectionDismissed,
    ObjectionInvestigated,
    ObjectionNotAdmitted,
    ObjectionReceived,
    ObjectionUpheld,
    ObjectionWithdrawn,
    PostingWithdrawn,
    PublicityApproved,
    PublicityClosed,
    PublicityExtended,
    PublicityOpened,
    PublicityPrepared,
    PublicityRuleDefined,
    PublicityTakenDown,
    ShownEntry,
)
from domain.review.events import StageDefined
from domain.screening.events import (
    ApplicationRefiled,
    CorrectionExtended,
    CorrectionRequested,
    Part,
    ScreeningPassed,
    ScreeningRejected,
)
from domain.selection.events import (
    ApplicationDecided,
    ApplicationJoined,
    ApplicationRecommended,
    ApplicationSeparated,
    CommitteeDecided,
    DecisionReopened,
    Outcome,
    ReservePromoted,
    SelectionConfirmed,
    SelectionReversed,
    SelectionRuleDefined,
    SelectionStruck,
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
from tests import consequences as after
from tests.money_life import money
from tests.review_life import review
from tests.spec import NOON, at, recorded

HOUSE = InstitutionId("UNI")
COLLEGE, OTHER_COLLEGE = UnitId("COL-A"), UnitId("COL-B")
BRANCH, NEIGHBOUR, SUCCESSOR = UnitId("BR-1"), UnitId("BR-2"), UnitId("BR-9")
CALL, BRANCHES = ProgrammeId("P-2020"), TrackId("branch")
MINE, THEIRS, DECLINED = ApplicationId("A-1"), ApplicationId("A-2"), ApplicationId("A-3")
REJECTED = ApplicationId("A-4")
ADA, BEN = (PersonId(f"00000000-0000-0000-0000-00000000000{n}") for n in "ab")
PAPER = DocumentId("d" * 64)
DIGEST, LATER_DIGEST = "1" * 64, "2" * 64
DAY = date(2020, 5, 11)
NOMINATOR = NominatorUnitId(COLLEGE)
CORRECT_BY, LONGER = at("2020-06-06 00:00"), at("2020-06-09 00:00")
OPENS, CLOSES, LATER = at("2020-05-11 00:00"), at("2020-06-01 00:00"), at("2020-06-03 00:00")


def unit(unit_id: UnitId, parent: UnitId | None = None, *, day: date = date(2015, 1, 1)) -> UnitRegistered:
    return UnitRegistered(
        unit_id=unit_id,
        institution_id=HOUSE,
        kind="branch" if parent else "general_branch",
        name_zh="支部",
        name_en="Branch",
        parent_unit_id=None if parent is None else ParentUnitId(parent),
        traits=("student",),
        valid_on=day,
    )


def started(application: ApplicationId = MINE, unit_id: UnitId = BRANCH) -> ApplicationStarted:
    return ApplicationStarted(
        application_id=application, programme_id=CALL, track_id=BRANCHES, unit_id=unit_id, nominator_unit_id=NOMINATOR
    )


def form_saved(application: ApplicationId = MINE, unit_id: UnitId = BRANCH) -> FormSaved:
    return FormSaved(
        application_id=application, unit_id=unit_id, form="branch_form", answered=("goals",), document_id=PAPER
    )


def self_check(catalogue: str = "seven") -> SelfCheckSaved:
    return SelfCheckSaved(
        application_id=MINE,
        unit_id=BRANCH,
        catalogue=catalogue,
        version=1,
        items=(SelfCheckItem(criterion="c1", rating="met"),),
        document_id=PAPER,
    )


def prepared(application: ApplicationId = MINE, unit_id: UnitId = BRANCH, digest: str = DIGEST) -> ApplicationPrepared:
    return ApplicationPrepared(application_id=application, unit_id=unit_id, materials_digest=digest)


def decided(application: ApplicationId = MINE, unit_id: UnitId = BRANCH, rank: int | None = 1) -> NominationDecided:
    return NominationDecided(
        application_id=application,
        programme_id=CALL,
        track_id=BRANCHES,
        unit_id=unit_id,
        nominator_unit_id=NOMINATOR,
        resolution_document_id=PAPER,
        rank=rank,
    )


def declined(application: ApplicationId = MINE, unit_id: UnitId = BRANCH) -> NominationDeclined:
    return NominationDeclined(
        application_id=application, unit_id=unit_id, nominator_unit_id=NOMINATOR, resolution_document_id=PAPER
    )


def vetted(application: ApplicationId = MINE, unit_id: UnitId = BRANCH, digest: str = DIGEST) -> MaterialsVetted:
    return MaterialsVetted(
        application_id=application, unit_id=unit_id, nominator_unit_id=NOMINATOR, materials_digest=digest
    )


def filed(application: ApplicationId = MINE, unit_id: UnitId = BRANCH) -> ApplicationFiled:
    return ApplicationFiled(
        application_id=application,
        programme_id=CALL,
        track_id=BRANCHES,
        unit_id=unit_id,
        nominator_unit_id=NOMINATOR,
        materials_digest=DIGEST,
    )


def withdrawn(
    application: ApplicationId = MINE, unit_id: UnitId = BRANCH, nominator: NominatorUnitId | None = None
) -> ApplicationWithdrawn:
    return ApplicationWithdrawn(
        application_id=application, programme_id=CALL, track_id=BRANCHES, unit_id=unit_id, nominator_unit_id=nominator
    )


def screened(application: ApplicationId = MINE) -> ScreeningPassed:
    return ScreeningPassed(application_id=application, programme_id=CALL, track_id=BRANCHES, unit_id=BRANCH)


def rejected(application: ApplicationId = MINE, unit_id: UnitId = BRANCH) -> ScreeningRejected:
    return ScreeningRejected(
        application_id=application,
        programme_id=CALL,
        track_id=BRANCHES,
        unit_id=unit_id,
        nominator_unit_id=NOMINATOR,
        opinion_document_id=PAPER,
    )


def returned(*parts: Part) -> CorrectionRequested:
    return CorrectionRequested(
        application_id=MINE,
        programme_id=CALL,
        track_id=BRANCHES,
        unit_id=BRANCH,
        nominator_unit_id=NOMINATOR,
        parts=parts or (Part("budget"),),
        closes_at=CORRECT_BY,
        last_day=date(2020, 6, 5),
        opinion_document_id=PAPER,
    )


def given_more_time() -> CorrectionExtended:
    return CorrectionExtended(application_id=MINE, unit_id=BRANCH, closes_at=LONGER, last_day=date(2020, 6, 8))


def refiled(*unrequested: Part, digest: str = LATER_DIGEST) -> ApplicationRefiled:
    return ApplicationRefiled(
        application_id=MINE,
        programme_id=CALL,
        track_id=BRANCHES,
        unit_id=BRANCH,
        nominator_unit_id=NOMINATOR,
        materials_digest=digest,
        requested=(Part("budget"),),
        unrequested=unrequested,
    )


def finding(
    outcome: RuleOutcome = "not_met", *, rule: str = "three_years", severity: RuleSeverity = "waivable"
) -> Finding:
    return Finding(rule=rule, rule_position=7, severity=severity, as_of=DAY, outcome=outcome, evidence=(3,))


def judged(*findings: Finding, verdict: Verdict = "waivable", application: ApplicationId = MINE) -> EligibilityJudged:
    return EligibilityJudged(
        application_id=application,
        programme_id=CALL,
        track_id=BRANCHES,
        unit_id=BRANCH,
        verdict=verdict,
        findings=findings or (finding(), finding("met", rule="conduct", severity="hard")),
    )


def waived(position: int, application: ApplicationId = MINE) -> RuleWaived:
    return RuleWaived(application_id=application, unit_id=BRANCH, rule="three_years", judged_at_position=position)


def term(code: str = "application_closes", value: DateValue | AmountValue | None = None) -> TermPublished:
    return TermPublished(
        programme_id=CALL,
        term=code,
        kind="amount" if isinstance(value, AmountValue) else "date",
        clause="三",
        as_published="5前",
        legibility="clear" if value else "damaged",
        value=value,
    )


def interpreted(code: str = "application_closes") -> TermInterpreted:
    return TermInterpreted(programme_id=CALL, term=code, value=DateValue(day=date(2020, 5, 31)))


def erratum(code: str = "application_closes") -> ErratumRecorded:
    return ErratumRecorded(
        programme_id=CALL, term=code, value=DateValue(day=date(2020, 6, 1)), erratum_document_id=PAPER
    )


def window_opened() -> ApplicationWindowOpened:
    return ApplicationWindowOpened(
        programme_id=CALL,
        opens_at=OPENS,
        closes_at=CLOSES,
        last_day=date(2020, 5, 31),
        rule="until_day",
        term_position=30,
    )


def window_extended() -> ApplicationWindowExtended:
    return ApplicationWindowExtended(programme_id=CALL, closes_at=LATER, last_day=date(2020, 6, 2))


def window_closed() -> ApplicationWindowClosed:
    return ApplicationWindowClosed(programme_id=CALL, closes_at=LATER, last_day=date(2020, 6, 2))


def quota(places: int = 2) -> QuotaAssigned:
    return QuotaAssigned(
        programme_id=CALL, track_id=BRANCHES, nominator_unit_id=NOMINATOR, places=places, basis="definition"
    )


def passed_on() -> list[Event]:
    """A place of the nominating unit, and what was filed on it, passed to another."""
    about: dict[str, Any] = {
        "programme_id": CALL, "track_id": BRANCHES, "nominator_unit_id": NOMINATOR,
        "successor_unit_id": NominatorUnitId(OTHER_COLLEGE),
    }  # fmt: skip
    return [
        QuotaPassed(**about, places=1, ground="split"),
        NominationPassed(**about, application_id=MINE, unit_id=BRANCH),
    ]


def moved(unit_id: UnitId = BRANCH, parent: UnitId = OTHER_COLLEGE, day: date = DAY) -> UnitMoved:
    return UnitMoved(unit_id=unit_id, parent_unit_id=ParentUnitId(parent), valid_on=day, source_document_id=PAPER)


def merged(unit_id: UnitId = BRANCH, successor: UnitId = SUCCESSOR, day: date = DAY) -> UnitMerged:
    return UnitMerged(
        unit_id=unit_id, successor_unit_id=SuccessorUnitId(successor), valid_on=day, source_document_id=PAPER
    )


def renamed(name: str, day: date = DAY) -> UnitRenamed:
    return UnitRenamed(unit_id=BRANCH, name_zh=name, name_en=name, valid_on=day, source_document_id=PAPER)


def founded(day: date = date(2018, 1, 1), *, since: date = DAY) -> UnitFoundationRecorded:
    return UnitFoundationRecorded(unit_id=BRANCH, founded_on=day, valid_on=since, source_document_id=PAPER)


def traits(*found: str, day: date = DAY) -> UnitTraitsRecorded:
    return UnitTraitsRecorded(unit_id=BRANCH, traits=found, valid_on=day, source_document_id=PAPER)


def incident() -> IncidentRecorded:
    return IncidentRecorded(
        incident_id=IncidentId("I-1"),
        unit_id=BRANCH,
        kind="discipline",
        severity="major",
        scope="member",
        occurred_on=date(2019, 3, 1),
        valid_on=date(2019, 3, 1),
        source_document_id=PAPER,
    )


def incident_withdrawn() -> IncidentWithdrawn:
    return IncidentWithdrawn(incident_id=IncidentId("I-1"), unit_id=BRANCH, valid_on=DAY, source_document_id=PAPER)


def institution() -> list[Event]:
    return [
        InstitutionOpened(
            institution_id=HOUSE,
            name_zh="大学",
            name_en="University",
            time_zone="Asia/Shanghai",
            clock="simulated",
            starts_at=at("2020-05-09 16:36"),
        ),
        ClockAdvanced(institution_id=HOUSE, to=at("2020-05-11 09:00")),
        AccessDayRecorded(institution_id=HOUSE, year=CalendarYear(2020), day=date(2020, 5, 9), lines=3, root="3" * 64),
        PersonRegistered(person_id=ADA, commitment="4" * 64),
        PersonDetailsReplaced(person_id=ADA, commitment="5" * 64),
        ServiceRegistered(person_id=BEN, service="schedule"),
        Appointed(
            appointment_id=AppointmentId("AP-1"),
            person_id=ADA,
            role="nominator",
            unit_id=COLLEGE,
            first_day=DAY,
        ),
        AppointmentEnded(appointment_id=AppointmentId("AP-1"), person_id=ADA, last_day=date(2020, 12, 31)),
        WorkingDaysSupplied(
            institution_id=HOUSE,
            year=CalendarYear(2020),
            days_off=(date(2020, 6, 25),),
            days_worked=(date(2020, 6, 28),),
            source="published",
        ),
        DocumentDeposited(
            document_id=PAPER, kind="resolution", media_type="application/pdf", size_bytes=9, owner_unit_id=COLLEGE
        ),
    ]


def units() -> list[Event]:
    return [
        unit(COLLEGE),
        unit(OTHER_COLLEGE),
        unit(BRANCH, COLLEGE),
        unit(NEIGHBOUR, COLLEGE),
        unit(SUCCESSOR, COLLEGE),
        renamed("第一支部"),
    ]


def facts() -> list[Event]:
    return [
        founded(),
        traits("staff"),
        incident(),
        incident_withdrawn(),
        HonourRecorded(
            unit_id=BRANCH,
            honour="advanced",
            level="institution",
            awarded_on=date(2019, 7, 1),
            valid_on=date(2019, 7, 1),
            source_document_id=PAPER,
        ),
        EarlierOutcomeRecorded(
            unit_id=BRANCH,
            programme="earlier",
            outcome="passed",
            decided_on=date(2018, 7, 1),
            valid_on=date(2018, 7, 1),
            source_document_id=PAPER,
        ),
        EarlierTitleRecorded(
            unit_id=BRANCH,
            title="model",
            level="provincial",
            conferred_on=date(2018, 7, 1),
            last_day=date(2021, 7, 1),
            valid_on=date(2018, 7, 1),
            source_document_id=PAPER,
        ),
    ]


def programme() -> list[Event]:
    return [
        ProgrammeAnnounced(
            programme_id=CALL,
            institution_id=HOUSE,
            office_unit_id=OTHER_COLLEGE,
            issued_at=at("2020-05-09 16:36"),
            notice_document_id=PAPER,
            notice_digest="6" * 64,
            definition_digest="7" * 64,
            schema_version=1,
            name_zh="名称",
            name_en="Name",
        ),
        term(),
        term("amount", AmountValue(amount_fen=1_000_000)),
        CataloguePinned(
            programme_id=CALL,
            catalogue="seven",
            version=1,
            level="branch",
            criteria=(Criterion(code="c1", name_zh="名称", name_en="Name"),),
            name_zh="名称",
            name_en="Name",
        ),
        FormDefined(
            programme_id=CALL,
            form="branch_form",
            fields=(FormField(code="goals", name_zh="名称", name_en="Name"),),
            budget_categories=(BudgetCategory(code="books", name_zh="名称", name_en="Name"),),
            name_zh="名称",
            name_en="Name",
        ),
        TrackDefined(
            programme_id=CALL,
            track_id=BRANCHES,
            subject_kinds=("branch",),
            places=Places(target=3),
            nomination="quota",
            quotas=(QuotaByKind(nominator_kind="general_branch", at_most=1),),
            catalogues=("seven",),
            form="branch_form",
            funded_years=(2020, 2021),
            name_zh="名称",
            name_en="Name",
        ),
        EligibilityRuleDefined(
            programme_id=CALL,
            track_id=BRANCHES,
            rule="three_years",
            clause="二",
            severity="waivable",
            test=FoundedAtLeast(years=3),
            name_zh="名称",
            name_en="Name",
        ),
        interpreted(),
        erratum(),
        term("cycle_ends"),
        erratum("cycle_ends"),
    ]


def materials() -> list[Event]:
    return [
        form_saved(),
        self_check(),
        BudgetSaved(
            application_id=MINE,
            unit_id=BRANCH,
            lines=(
                BudgetLine(category="books", year=2020, amount_fen=600_000),
                BudgetLine(category="books", year=2021, amount_fen=400_000),
            ),
        ),
    ]


def screening() -> list[Event]:
    """What comes of the one that was filed, and of another one."""
    return [
        returned(),
        given_more_time(),
        materials()[-1],
        prepared(digest=LATER_DIGEST),
        judged(),
        vetted(digest=LATER_DIGEST),
        refiled(),
        screened(),
        started(REJECTED, NEIGHBOUR),
        filed(REJECTED, NEIGHBOUR),
        rejected(REJECTED, NEIGHBOUR),
    ]


def applications(first: int) -> list[Event]:
    """What follows when its first event is recorded at this position."""
    events: list[Event] = [
        quota(),
        PlanRecorded(programme_id=CALL, nominator_unit_id=NOMINATOR, document_ids=(PAPER,)),
        window_opened(),
        window_extended(),
        started(),
        *(event for saved in materials() for event in (saved, prepared())),
        *(event for fact in facts() for event in (judged(), fact)),
        judged(),
    ]
    return [
        *events,
        waived(first + len(events) - 1),
        decided(),
        vetted(),
        filed(),
        *passed_on(),
        PaperReceived(application_id=MINE, unit_id=BRANCH, received_on=date(2020, 5, 30)),
        *screening(),
        *review(CALL, BRANCHES, {MINE: BRANCH, THEIRS: NEIGHBOUR}),
        started(THEIRS, NEIGHBOUR),
        form_saved(THEIRS, NEIGHBOUR),
        prepared(THEIRS, NEIGHBOUR),
        form_saved(THEIRS, NEIGHBOUR),
        prepared(THEIRS, NEIGHBOUR),
        declined(THEIRS, NEIGHBOUR),
        decided(THEIRS, NEIGHBOUR),
        vetted(THEIRS, NEIGHBOUR),
        filed(THEIRS, NEIGHBOUR),
        withdrawn(THEIRS, NEIGHBOUR, NOMINATOR),
        started(ApplicationId("A-4"), NEIGHBOUR),
        started(DECLINED, NEIGHBOUR),
        prepared(DECLINED, NEIGHBOUR),
        moved(NEIGHBOUR),
        traits("student", day=date(2020, 5, 20)),
        window_closed(),
        merged(),
        merged(OTHER_COLLEGE, COLLEGE),
        UnitDissolved(unit_id=SUCCESSOR, valid_on=DAY, source_document_id=PAPER),
    ]


# --- from the ranking to the closed publicity -------------------------------------------------------------------------

PANEL, DECISION, PUBLICITY = PanelId("PANEL-1"), DecisionId("D-1"), PublicityId("PUB-1")
OBJECTIONS = tuple(ObjectionId(f"OBJ-{n}") for n in range(1, 7))
SHOWN_FROM, SHOWN_UNTIL = at("2020-06-22 09:00"), at("2020-06-30 00:00")
SHOWN_LAST = date(2020, 6, 29)
STOPPED, CLOSED, REVERSED = (ApplicationId(f"A-{end}") for end in ("STOPPED", "CLOSED", "REVERSED"))
JOINED = ((ApplicationId("A-5"), SUCCESSOR, STOPPED), (ApplicationId("A-6"), NEIGHBOUR, MINE))
_CASE: dict[str, Any] = {"application_id": MINE, "programme_id": CALL, "track_id": BRANCHES, "unit_id": BRANCH}


def _of(body: dict[str, Any], application: ApplicationId, unit_id: UnitId) -> dict[str, Any]:
    return body | {"application_id": application, "unit_id": unit_id}


def selection() -> list[Event]:
    second, third = (_of(_CASE, one, NEIGHBOUR) for one in (THEIRS, DECLINED))
    decided_by: dict[str, Any] = {"decision_id": DECISION}

    def recommended(body: dict[str, Any], outcome: Outcome, order: int) -> ApplicationRecommended:
        return ApplicationRecommended(**body, panel_id=PANEL, ranking_position=9, outcome=outcome, order=order)

    def settled(body: dict[str, Any], outcome: Outcome, order: int) -> ApplicationDecided:
        return ApplicationDecided(**decided_by, **body, outcome=outcome, order=order)

    vote: dict[str, Any] = {"entitled": 9, "attending": 8, "in_favour": 7, "against": 1, "abstaining": 0}
    committee = CommitteeDecided(
        **decided_by, programme_id=CALL, track_id=BRANCHES, rule_position=9, selected=2, places=3,
        resolution_document_id=PAPER, **vote,
    )  # fmt: skip
    return [
        SelectionRuleDefined(programme_id=CALL, quorum_bp=6_667, threshold_bp=5_000, threshold_of="entitled"),
        recommended(_CASE, "selected", 1),
        recommended(second, "selected", 2),
        recommended(third, "reserve", 1),
        ApplicationJoined(**second, lead_application_id=LeadApplicationId(MINE)),
        ApplicationSeparated(**second, lead_application_id=LeadApplicationId(MINE)),
        *(
            ApplicationJoined(**_of(_CASE, one, unit_id), lead_application_id=LeadApplicationId(lead))
            for one, unit_id, lead in JOINED
        ),
        committee,
        settled(_CASE, "selected", 1),
        DecisionReopened(**decided_by, programme_id=CALL, track_id=BRANCHES),
        settled(_CASE, "selected", 1),
        settled(second, "selected", 2),
        settled(third, "reserve", 1),
        SelectionStruck(**decided_by, **second, ground="withdrawn"),
        ReservePromoted(**decided_by, **third, freed_by=THEIRS),
    ]


def publicity() -> list[Event]:
    about: dict[str, Any] = {"publicity_id": PUBLICITY, "programme_id": CALL}
    shown: dict[str, Any] = {
        "matter": "selection", "list_position": 9, "list_digest": DIGEST,
        "entries": (ShownEntry(application_id=MINE, track_id=BRANCHES, unit_id=BRANCH, order=1),),
    }  # fmt: skip
    rule: dict[str, Any] = {"window_days": 5, "day_rule": "working", "count_first_day": True}
    how: dict[str, Any] = {"identities": ("named",), "channels": ("written",)}

    def opened(**changes: Any) -> PublicityOpened:
        return PublicityOpened(
            **(about | shown | changes), **rule, **how, opens_at=SHOWN_FROM, closes_at=SHOWN_UNTIL, last_day=SHOWN_LAST
        )

    promoted = (ShownEntry(application_id=DECLINED, track_id=BRANCHES, unit_id=NEIGHBOUR, order=1),)
    second = PublicityId("PUB-2")

    end: dict[str, Any] = {"closes_at": SHOWN_UNTIL + timedelta(days=1), "last_day": SHOWN_LAST + timedelta(days=1)}
    return [
        PublicityRuleDefined(programme_id=CALL, matter="selection", **rule, **how, decide_within_days=5),
        PublicityPrepared(**about, **shown, rule_position=9),
        PublicityApproved(**about, list_digest=DIGEST, checks=("secrecy", "personal_data")),
        opened(),
        *objections(),
        PublicityExtended(**about, **end),
        PublicityClosed(**about, **end),
        EntryPassed(**about, matter="selection", application_id=MINE, track_id=BRANCHES, unit_id=BRANCH),
        SelectionConfirmed(
            **_CASE, decision_id=DECISION, publicity_id=PUBLICITY, first_day=date(2020, 6, 30),
            last_day=date(2022, 6, 30),
        ),
        *cultivation(),
        opened(publicity_id=second, entries=promoted),
        PublicityTakenDown(publicity_id=second, programme_id=CALL),
        replace(withdrawn(), application_id=DECLINED, unit_id=NEIGHBOUR),
        PublicityTakenDown(**about),
        PostingWithdrawn(**about),
        SelectionReversed(
            **_CASE, decision_id=DECISION, hanging_positions=(9,), resolution_document_id=PAPER
        ),
    ]  # fmt: skip


def cultivation() -> list[Event]:
    """What becomes of four confirmed cases: one goes through everything, the others end in every other way."""
    due, last = at("2021-05-11 00:00"), date(2021, 5, 10)
    by: dict[str, Any] = {"due_at": due, "last_day": last}
    mine, other, third, last_one = _CASE, *(_of(_CASE, one, NEIGHBOUR) for one in (STOPPED, CLOSED, REVERSED))
    confirmed = [
        SelectionConfirmed(
            **each, decision_id=DECISION, publicity_id=PUBLICITY, first_day=date(2020, 6, 30),
            last_day=date(2022, 6, 30),
        )
        for each in (other, third, last_one)
    ]  # fmt: skip
    tracks: dict[str, Any] = {"programme_id": CALL, "track_ids": (BRANCHES,)}
    names: dict[str, Any] = {"name_zh": "某项", "name_en": "One"}
    items = (BudgetItem(year=2020, category="training", amount_fen=1_000_000),)
    book = TaskBookFiled(
        **mine, version=1, document_id=PAPER, road_map_document_id=PAPER,
        milestones=(Milestone(code="kick_off", due_on=last),), responsible_ids=(PersonId(ADA),), budget=items,
    )  # fmt: skip
    filed = ReportFiled(**mine, report="summary", version=1, document_id=PAPER)
    outcomes = (AssessmentOutcome("to_rectify", "限期整改", "To be rectified", ("rectify", "hold_funds"), 92),)
    about: dict[str, Any] = {**mine, "assessment": "midterm"}
    decided = AssessmentDecided(
        **about, kind="midterm", round=1, outcome="to_rectify", effects=("rectify", "hold_funds"),
        decision_document_id=PAPER,
    )  # fmt: skip
    ordered = RectificationOrdered(**about, **by, holds_funds=True, order_document_id=PAPER)
    reported = RectificationReported(**about, document_id=PAPER)
    opinion: dict[str, Any] = {**about, "opinion_document_id": PAPER}
    return [
        *confirmed,
        TaskBookRequired(**tracks, due=DueWithin(10)),
        ReportRequired(**tracks, **names, report="summary", due=DueOn(last), year=2020),
        *(CultivationBegun(**each, first_day=date(2020, 6, 30)) for each in (mine, other, third)),
        *(TaskBookAsked(**each, **by) for each in (mine, other, third, last_one)),
        *(ReportAsked(**each, report="summary", year=2020, **by) for each in (mine, other)),
        ReportAsked(**mine, report="results", **by),
        book,
        TaskBookReturned(**mine, version=1, **by, opinion_document_id=PAPER),
        replace(book, version=2),
        TaskBookSigned(**mine, version=2, budget=items, signed_on=date(2020, 7, 2)),
        filed,
        ReportReturned(**mine, report="summary", version=1, **by, opinion_document_id=PAPER),
        replace(filed, version=2),
        ReportAccepted(**mine, report="summary", version=2),
        OutreachRecorded(**mine, channel="campus_media", reach=9, published_on=date(2020, 9, 1), document_id=PAPER),
        StageDefined(
            **tracks, **names, stage="half_way", order=9, criteria=(), aggregation="mean", minimum_sheets=1
        ),
        AssessmentDefined(
            **tracks, **names, assessment="half_way", order=9, kind="midterm", stage="half_way", outcomes=outcomes
        ),
        AssessmentDefined(**tracks, **names, assessment="midterm", order=1, kind="midterm", outcomes=outcomes),
        decided,
        ordered,
        reported,
        RectificationRejected(**opinion),
        ordered,
        replace(decided, round=2),
        ordered,
        CaseSucceeded(**mine, successor_unit_id=SuccessorUnitId(SUCCESSOR), ground="decided"),
        replace(reported, unit_id=SUCCESSOR),
        RectificationAccepted(**opinion),
        CaseExtended(**about, last_day=date(2023, 6, 30)),
        UnitMerged(
            unit_id=SUCCESSOR, successor_unit_id=SuccessorUnitId(OTHER_COLLEGE), valid_on=DAY, source_document_id=PAPER
        ),
        UnitSplit(
            unit_id=SUCCESSOR, successor_unit_ids=(SuccessorUnitId(OTHER_COLLEGE), SuccessorUnitId(COLLEGE)),
            valid_on=DAY, source_document_id=PAPER,
        ),
        UnitDissolved(unit_id=SUCCESSOR, valid_on=DAY, source_document_id=PAPER),
        CaseCompleted(**mine, completed_on=date(2022, 6, 30), early=True),
        CultivationStopped(**other, ground="unit_dissolved", decision_document_id=PAPER),
        SelectionReversed(
            **last_one, decision_id=DECISION, hanging_positions=(9,), resolution_document_id=PAPER
        ),
        CaseClosedWithoutCompletion(**third, closed_on=date(2022, 6, 30), ground="not_met"),
    ]  # fmt: skip


def objections() -> list[Event]:
    abouts: list[dict[str, Any]] = [
        {"objection_id": one, "publicity_id": PUBLICITY, "application_id": MINE} for one in OBJECTIONS
    ]
    first, second, third, fourth, fifth, sixth = abouts

    def received(about: dict[str, Any], due: date | None) -> ObjectionReceived:
        return ObjectionReceived(
            **about, programme_id=CALL, identity="named", channel="written", commitment="8" * 64,
            statement_document_id=PAPER, due_at=None if due is None else SHOWN_UNTIL, due_day=due,
        )  # fmt: skip

    return [
        *(received(about, SHOWN_LAST) for about in (first, second, third, fourth, sixth)),
        received(fifth, None),
        ObjectionAdmitted(**first),
        ObjectionInvestigated(**first, findings_document_id=PAPER),
        ObjectionDismissed(**first),
        ObjectionUpheld(**second),
        ObjectionNotAdmitted(**third, ground="late"),
        ObjectionWithdrawn(**fourth),
    ]


def minded(events: Sequence[Event]) -> list[Event]:
    """The same from the first position on, with what becomes of an obligation that nobody answers in time."""
    found: list[Event] = []
    for event in events:
        if isinstance(event, ScreeningRejected | ApplicationWithdrawn):
            found.append(returned_again(event))
        found.append(event)
        if isinstance(event, CorrectionRequested):
            found += _unanswered(event, len(found))
        if isinstance(event, ObjectionReceived) and event.objection_id == OBJECTIONS[-1]:
            owed: dict[str, Any] = {
                "obligation_id": obligation_id("objection_decision", len(found)), "kind": "objection_decision",
                "programme_id": CALL, "objection_id": event.objection_id,
            }  # fmt: skip
            found += [ObligationReminded(**owed, due_at=SHOWN_UNTIL, last_day=SHOWN_LAST), ObligationExcused(**owed)]
    return found


def returned_again(event: ScreeningRejected | ApplicationWithdrawn) -> CorrectionRequested:
    """What was asked of an application that was rejected, or withdrawn, instead of being corrected."""
    return replace(returned(), application_id=event.application_id, unit_id=event.unit_id)


def _unanswered(event: CorrectionRequested, position: int) -> list[Event]:
    owed: dict[str, Any] = {
        "obligation_id": obligation_id("correction", position), "kind": "correction", "programme_id": CALL,
        "application_id": event.application_id, "unit_id": event.unit_id, "due_at": event.closes_at,
        "last_day": event.last_day,
    }  # fmt: skip
    return [ObligationReminded(**owed), ObligationFellOverdue(**owed)]


def named_and_held_to_account() -> list[Event]:
    """A title in every state, a finding heard in every way, measures that end in every way, and the year's dossiers."""
    case: dict[str, Any] = {"application_id": ApplicationId("A-9"), "programme_id": CALL, "unit_id": SUCCESSOR}
    titled = {**case, "track_id": BRANCHES}
    facts: list[Event] = [
        after.title(programme_id=CALL, track_ids=(BRANCHES,)),
        *(each(**titled) for each in (
            after.conferred_for_two_years, after.renewed, after.revoked, after.restored, after.lapsed,
        )),
        after.procedure(programme_id=CALL),
        *(each(**case) for each in (after.found, after.notified, after.stated)),
        after.measured("bar", **case, until_on=date(2024, 7, 5), ends_at=at("2024-07-06 00:00")),
        *(each(**case) for each in (after.appealed, after.upheld, after.amended, after.ended, after.lifted)),
        after.measured("circular", **case, measure_id=MeasureId("M-2")),
    ]  # fmt: skip
    second: dict[str, Any] = {**case, "measure_id": MeasureId("M-2")}
    facts += [each(**second) for each in (after.circulated, after.appealed, after.dismissed)]
    third: dict[str, Any] = {**case, "measure_id": MeasureId("M-3")}
    reminded = ObligationReminded(
        obligation_id=obligation_id("appeal_decision", 9), kind="appeal_decision", programme_id=CALL,
        measure_id=MeasureId("M-3"), due_at=after.DUE_AT, last_day=after.DUE_DAY,
    )  # fmt: skip
    facts += [after.measured("interview", **third), after.appealed(**third), reminded, after.given_up(**third)]
    other: dict[str, Any] = {**case, "finding_id": FindingId("F-2")}
    facts += [after.found(**other), after.notified(**other), after.waived(**other), after.dropped(**other)]
    fourth: dict[str, Any] = {**case, "measure_id": MeasureId("M-4")}
    facts += [after.referred(**fourth), after.answered(**fourth)]
    fifth: dict[str, Any] = {**case, "measure_id": MeasureId("M-5")}
    facts += [after.measured("quota_cut", **fifth, places=2), after.cut_passed(**fifth)]
    # One is heard when everything else is over.
    heard: dict[str, Any] = {**case, "finding_id": FindingId("F-3")}
    facts += [after.found(**heard), after.notified(**heard)]
    dossier: dict[str, Any] = {
        "year": 2022, "uses": ("commendation",), "lines": (), "fact_positions": (), "digest": "5" * 64,
    }  # fmt: skip
    return [
        *facts,
        UnitDossierIssued(dossier_id=DossierId("DO-1"), unit_id=SUCCESSOR, **dossier),
        UnitDossierIssued(dossier_id=DossierId("DO-2"), unit_id=SUCCESSOR, **dossier, follows=DossierId("DO-1")),
        SecretaryDossierIssued(dossier_id=DossierId("DO-3"), person_id=PersonId(BEN), terms=(), **dossier),
    ]


def ledgers(closed_position: int) -> list[Event]:
    """The ledger of the month that was closed last: published, confirmed, and put together for the institution."""
    month: dict[str, Any] = {"institution_id": HOUSE, "period": "month", "last_day": date(2020, 7, 31)}
    files: dict[str, Any] = {"files": (LedgerFile("trial_balance", DIGEST, 9),)}
    published_position = closed_position + 1
    return [
        LedgerPublished(
            **month, **files, programme_id=CALL, year=CalendarYear(2020), closed_position=closed_position,
            covers_position=1, rules_version=1, rules_digest=DIGEST, to_be_confirmed=True,
        ),
        LedgerConfirmed(**month, programme_id=CALL, published_position=published_position),
        InstitutionLedgerPublished(
            **month, **files, year=CalendarYear(2020), ledgers=(LedgerOf(CALL, published_position),)
        ),
    ]  # fmt: skip


def audited() -> list[Event]:
    """An auditor from outside, what was found and answered, and what must not be erased meanwhile."""
    engaged: dict[str, Any] = {"engagement_id": EngagementId("E-1"), "person_id": PersonId(BEN)}
    found: dict[str, Any] = {"audit_finding_id": AuditFindingId("AF-1"), "engagement_id": EngagementId("E-1")}
    days: dict[str, Any] = {"first_day": date(2022, 9, 1), "last_day": date(2022, 9, 30)}
    hours: dict[str, Any] = {"opens_at": at("2022-09-01 00:00"), "ends_at": at("2022-10-01 00:00")}
    hold: dict[str, Any] = {"hold_id": HoldId("H-1"), "person_id": PersonId(BEN), "order_document_id": PAPER}
    return [
        EngagementOpened(**engaged, programme_ids=(CALL,), **days, **hours, commission_document_id=PAPER),
        AuditFindingRecorded(
            **found, gravity="shortcoming", application_id=ApplicationId("A-9"), statement_document_id=PAPER
        ),
        AuditFindingAnswered(**found, answer_document_id=PAPER),
        AuditFindingClosed(**found, conclusion="settled"),
        EngagementEnded(**engaged, ground="term"),
        ReplayCertified(
            institution_id=HOUSE,
            year=CalendarYear(2022),
            certified_position=9,
            views=(CertifiedView(view="roster", version=1, versions=4, digest="7" * 64, differences=0),),
            digest="8" * 64,
            rules_digest="9" * 64,
            differences=0,
            duration_ms=1200,
        ),
        LegalHoldPlaced(**hold, ground="litigation"),
        LegalHoldLifted(**hold),
    ]


def forgotten() -> list[Event]:
    """How long what is kept of persons is kept; one erasure declined, another approved."""
    basis: dict[str, Any] = {"basis_document_id": PAPER, "clause": "article_47"}
    of_ben: dict[str, Any] = {"person_id": PersonId(BEN)}
    of_objector: dict[str, Any] = {"objection_id": ObjectionId("OBJ-1")}
    first, second, third, fourth = (ErasureId(f"E-{number}") for number in range(1, 5))
    letter = DocumentId("9" * 64)
    return [
        DocumentDeposited(
            document_id=letter, kind="other", media_type="text/plain", size_bytes=9, key_person_id=PersonId(BEN)
        ),
        RetentionDefined(institution_id=HOUSE, retention_years=3, first_day=DAY, **basis),
        ErasureProposed(erasure_id=first, **of_ben, **basis),
        ErasureDeclined(erasure_id=first, **of_ben),
        ErasureProposed(erasure_id=second, **of_ben, **basis),
        PersonErased(
            erasure_id=second,
            **of_ben,
            **basis,
            proposed_by=ProposerId(ADA),
            commitments=("a" * 64,),
            document_ids=(letter,),
        ),
        ObjectorErasureProposed(erasure_id=third, **of_objector, **basis),
        ObjectorErasureDeclined(erasure_id=third, **of_objector),
        ObjectorErasureProposed(erasure_id=fourth, **of_objector, **basis),
        ObjectorErased(
            erasure_id=fourth,
            **of_objector,
            **basis,
            proposed_by=ProposerId(ADA),
            commitments=(),
            statement_document_ids=(PAPER,),
        ),
    ]


def rekeyed() -> list[Event]:
    """A new key signs checkpoints, first beside the former one and then alone."""
    return [
        SigningKeyAnnounced(institution_id=HOUSE, public_key="8" * 64, former_public_key="7" * 64),
        SigningKeyEnded(institution_id=HOUSE, public_key="7" * 64),
    ]


def life() -> list[Recorded]:
    """The whole of it, as the log would hold it: an hour between one event and the next."""
    before = [*institution(), *units(), *programme()]
    facts = minded([*before, *applications(len(before) + 1), *selection(), *publicity()])
    facts += money(_CASE, PAPER, len(facts) + 1)
    facts += ledgers(len(facts))
    # Whoever bears the case bears its money.
    facts.append(CaseSucceeded(**_CASE, successor_unit_id=SuccessorUnitId(OTHER_COLLEGE), ground="decided"))
    return as_recorded([*facts, *named_and_held_to_account(), *audited(), *forgotten(), *rekeyed()])


def as_recorded(events: Sequence[Event], *, by: str = ADA, first: int = 1) -> list[Recorded]:
    """Events at successive positions, an hour apart, by one person."""
    return [recorded(first + n, event, by=by, when=NOON + timedelta(hours=first + n)) for n, event in enumerate(events)]
