"""Table of contents: every event type, in the order of a case's life."""

from domain.application import events as application
from domain.calendar import events as calendar
from domain.document import events as document
from domain.eligibility import events as eligibility
from domain.institution import events as institution
from domain.kernel import Catalogue, Event
from domain.nomination import events as nomination
from domain.permission import events as permission
from domain.person import events as person
from domain.programme import events as programme
from domain.unit import events as unit

EVENTS: tuple[type[Event], ...] = (
    institution.InstitutionOpened,
    institution.ClockAdvanced,
    person.PersonRegistered,
    person.PersonDetailsReplaced,
    person.ServiceRegistered,
    person.Appointed,
    person.AppointmentEnded,
    permission.AccessDayRecorded,
    calendar.WorkingDaysSupplied,
    document.DocumentDeposited,
    unit.UnitRegistered,
    unit.UnitFoundationRecorded,
    unit.UnitMoved,
    unit.UnitRenamed,
    unit.UnitTraitsRecorded,
    unit.UnitMerged,
    unit.UnitDissolved,
    unit.IncidentRecorded,
    unit.IncidentWithdrawn,
    unit.HonourRecorded,
    unit.EarlierOutcomeRecorded,
    unit.EarlierTitleRecorded,
    programme.ProgrammeAnnounced,
    programme.TermPublished,
    programme.CataloguePinned,
    programme.FormDefined,
    programme.TrackDefined,
    programme.EligibilityRuleDefined,
    programme.TermInterpreted,
    programme.ErratumRecorded,
    nomination.QuotaAssigned,
    nomination.PlanRecorded,
    application.ApplicationWindowOpened,
    application.ApplicationWindowExtended,
    application.ApplicationStarted,
    application.FormSaved,
    application.SelfCheckSaved,
    application.BudgetSaved,
    application.ApplicationPrepared,
    eligibility.EligibilityJudged,
    eligibility.RuleWaived,
    nomination.NominationDecided,
    nomination.NominationDeclined,
    nomination.MaterialsVetted,
    application.ApplicationFiled,
    application.PaperReceived,
    application.ApplicationWithdrawn,
    application.ApplicationWindowClosed,
)

CATALOGUE = Catalogue(EVENTS)
