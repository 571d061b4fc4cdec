"""The real call, a small organisation tree and one application, as events: the past that the specs of a call share."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec

from domain.application.events import (
    ApplicationFiled,
    ApplicationPrepared,
    ApplicationStarted,
    ApplicationWindowOpened,
    ApplicationWithdrawn,
    BudgetLine,
    BudgetSaved,
    FormSaved,
    SelfCheckItem,
    SelfCheckSaved,
)
from domain.application.policy import ApplicationFile
from domain.document.events import DocumentDeposited
from domain.eligibility.events import EligibilityJudged, Finding
from domain.ids import ApplicationId, DocumentId, NominatorUnitId, ParentUnitId, ProgrammeId, TrackId, UnitId
from domain.kernel import Event
from domain.nomination.events import MaterialsVetted, NominationDecided, NominationDeclined, QuotaAssigned
from domain.programme.events import DateValue, ProgrammeAnnounced, TermInterpreted
from domain.programme.shape import Definition, digest, policies
from domain.screening.events import (
    ApplicationRefiled,
    CorrectionExtended,
    CorrectionRequested,
    Part,
    ScreeningPassed,
    ScreeningRejected,
)
from domain.unit.events import UnitFoundationRecorded, UnitMoved, UnitRegistered
from tests.spec import INSTITUTION, Past, at, given

PRESETS = Path(__file__).resolve().parent.parent / "domain" / "programme" / "presets"
REAL = msgspec.json.decode((PRESETS / "benchmark-2020.json").read_bytes(), type=Definition)
CALL = ProgrammeId("benchmark-2020")
COLLEGE_TRACK, BRANCH_TRACK = TrackId("college"), TrackId("branch")

OFFICE, TOP, COLLEGE, OTHER, BRANCH, SIBLING = (UnitId(u) for u in ("PBO", "PC", "COL", "COL-2", "BR", "BR-2"))
COMMITTEE = NominatorUnitId(COLLEGE)
MINE, THEIRS = ApplicationId("A-1"), ApplicationId("A-2")
NOTICE, PAPER, ANSWERS = DocumentId("a" * 64), DocumentId("b" * 64), DocumentId("c" * 64)
HAND, CHAIR, CLERK, HEAD = (f"00000000-0000-0000-0000-00000000001{n}" for n in range(4))
ISSUED = at("2020-05-09 16:36")
CLOSES = at("2020-06-01 00:00")
REGISTERED = date(2015, 1, 1)
YEARS = (2020, 2021)


def unit(unit_id: str, kind: str, parent: str | None = None, *traits: str, on: date = REGISTERED) -> UnitRegistered:
    return UnitRegistered(
        unit_id=UnitId(unit_id),
        institution_id=INSTITUTION,
        kind=kind,
        name_zh="某单位",
        name_en=f"Unit {unit_id}",
        parent_unit_id=None if parent is None else ParentUnitId(parent),
        traits=traits,
        valid_on=on,
    )


def moved(unit_id: str, parent: str | None, on: date = date(2020, 5, 18)) -> UnitMoved:
    above = None if parent is None else ParentUnitId(parent)
    return UnitMoved(unit_id=UnitId(unit_id), parent_unit_id=above, valid_on=on, source_document_id=PAPER)


def founded(unit_id: str, day: date = date(2015, 1, 1)) -> UnitFoundationRecorded:
    return UnitFoundationRecorded(
        unit_id=UnitId(unit_id), founded_on=day, valid_on=REGISTERED, source_document_id=PAPER
    )


def deposited(document_id: str, kind: Any = "resolution", text_digest: str | None = None) -> DocumentDeposited:
    return DocumentDeposited(
        document_id=DocumentId(document_id),
        kind=kind,
        media_type="text/plain",
        size_bytes=9,
        text_digest=text_digest,
    )


UNITS: tuple[Event, ...] = (
    unit(TOP, "party_committee"),
    unit(OFFICE, "office", TOP),
    unit(COLLEGE, "general_branch", TOP, "enrolling"),
    unit(OTHER, "general_branch", TOP, "enrolling"),
    unit(BRANCH, "branch", COLLEGE),
    unit(SIBLING, "branch", COLLEGE),
    founded(COLLEGE),
    founded(BRANCH),
    deposited(PAPER),
    deposited(NOTICE, "notice", "9" * 64),
)


def announced(definition: Definition = REAL) -> ProgrammeAnnounced:
    return ProgrammeAnnounced(
        programme_id=CALL,
        institution_id=INSTITUTION,
        name_zh=definition.name_zh,
        name_en=definition.name_en,
        office_unit_id=OFFICE,
        issued_at=definition.issued_at,
        notice_document_id=NOTICE,
        notice_digest="9" * 64,
        definition_digest=digest(definition),
        schema_version=1,
        cited=definition.cited,
    )


def defined(definition: Definition = REAL) -> list[Event]:
    return [kind(**fields) for kind, fields in policies(definition, CALL)]


def interpreted(term: str = "application_closes", value: Any = None) -> TermInterpreted:
    return TermInterpreted(programme_id=CALL, term=term, value=value or DateValue(day=date(2020, 5, 31)))


def window_opened(**changes: Any) -> ApplicationWindowOpened:
    fields = {"opens_at": at("2020-05-12 10:00"), "closes_at": CLOSES, "last_day": date(2020, 5, 31), **changes}
    return ApplicationWindowOpened(**{"programme_id": CALL, "rule": "until_day", "term_position": 99, **fields})


def assigned(places: int = 1, nominator: str = COLLEGE, track: TrackId = BRANCH_TRACK) -> QuotaAssigned:
    return QuotaAssigned(
        programme_id=CALL,
        track_id=track,
        nominator_unit_id=NominatorUnitId(nominator),
        places=places,
        basis="notice",
    )


def started(
    application: str = MINE, unit_id: str = BRANCH, track: TrackId = BRANCH_TRACK, nominator: str = COLLEGE
) -> ApplicationStarted:
    return ApplicationStarted(
        application_id=ApplicationId(application),
        programme_id=CALL,
        track_id=track,
        unit_id=UnitId(unit_id),
        nominator_unit_id=NominatorUnitId(nominator),
    )


def form_saved(*left_out: str, unit_id: str = BRANCH) -> FormSaved:
    answered = tuple(entry.code for entry in REAL.forms[0].fields if entry.code not in left_out)
    return FormSaved(
        application_id=MINE,
        unit_id=UnitId(unit_id),
        form="application_form",
        answered=answered,
        document_id=ANSWERS,
    )


def rated(catalogue: str, **ratings: Any) -> tuple[SelfCheckItem, ...]:
    pinned = next(each for each in REAL.catalogues if each.catalogue == catalogue)
    return tuple(SelfCheckItem(c.code, ratings.get(c.code, "met")) for c in pinned.criteria)


def self_check_saved(
    catalogue: str = "seven_strengths", unit_id: str = BRANCH, items: tuple[SelfCheckItem, ...] | None = None
) -> SelfCheckSaved:
    return SelfCheckSaved(
        application_id=MINE,
        unit_id=UnitId(unit_id),
        catalogue=catalogue,
        version=1,
        items=rated(catalogue) if items is None else items,
        document_id=ANSWERS,
    )


def line(year: int = 2020, fen: int = 500_000, category: str = "training") -> BudgetLine:
    return BudgetLine(category=category, year=year, amount_fen=fen)


def budget_saved(*lines: BudgetLine, unit_id: str = BRANCH) -> BudgetSaved:
    return BudgetSaved(application_id=MINE, unit_id=UnitId(unit_id), lines=lines or (line(), line(2021)))


SAVED: tuple[Any, ...] = (form_saved(), self_check_saved(), budget_saved())


def digest_of(*events: Any) -> str:
    file = ApplicationFile()
    for event in events:
        file.take(event)
    return file.digest


DIGEST = digest_of(started(), *SAVED)
CORRECTED = budget_saved(line(2020, 400_000), line(2021, 600_000))
CORRECTED_DIGEST = digest_of(started(), *SAVED, CORRECTED)


def prepared(materials_digest: str = DIGEST) -> ApplicationPrepared:
    return ApplicationPrepared(application_id=MINE, unit_id=BRANCH, materials_digest=materials_digest)


def decided(nominator: str = COLLEGE, rank: int | None = None) -> NominationDecided:
    return NominationDecided(
        application_id=MINE,
        programme_id=CALL,
        track_id=BRANCH_TRACK,
        unit_id=BRANCH,
        nominator_unit_id=NominatorUnitId(nominator),
        resolution_document_id=PAPER,
        rank=rank,
    )


def declined() -> NominationDeclined:
    return NominationDeclined(
        application_id=MINE, unit_id=BRANCH, nominator_unit_id=COMMITTEE, resolution_document_id=PAPER
    )


def vetted(materials_digest: str = DIGEST) -> MaterialsVetted:
    return MaterialsVetted(
        application_id=MINE, unit_id=BRANCH, nominator_unit_id=COMMITTEE, materials_digest=materials_digest
    )


def filed(
    application: str = MINE, unit_id: str = BRANCH, track: TrackId = BRANCH_TRACK, nominator: str = COLLEGE
) -> ApplicationFiled:
    return ApplicationFiled(
        application_id=ApplicationId(application),
        programme_id=CALL,
        track_id=track,
        unit_id=UnitId(unit_id),
        nominator_unit_id=NominatorUnitId(nominator),
        materials_digest=DIGEST,
    )


def withdrawn(
    application: str = MINE, unit_id: str = BRANCH, nominator: str | None = None, track: TrackId = BRANCH_TRACK
) -> ApplicationWithdrawn:
    return ApplicationWithdrawn(
        application_id=ApplicationId(application),
        programme_id=CALL,
        track_id=track,
        unit_id=UnitId(unit_id),
        nominator_unit_id=None if nominator is None else NominatorUnitId(nominator),
    )


CORRECT_BY, CORRECTION_DAY = at("2020-06-06 00:00"), date(2020, 6, 5)
BUDGET, FORM = Part("budget"), Part("form")


def form_field(code: str) -> Part:
    return Part("form_field", code)


def screened(application: str = MINE, unit_id: str = BRANCH) -> ScreeningPassed:
    return ScreeningPassed(
        application_id=ApplicationId(application), programme_id=CALL, track_id=BRANCH_TRACK, unit_id=UnitId(unit_id)
    )


def rejected(application: str = MINE, unit_id: str = BRANCH, nominator: str = COLLEGE) -> ScreeningRejected:
    return ScreeningRejected(
        application_id=ApplicationId(application),
        programme_id=CALL,
        track_id=BRANCH_TRACK,
        unit_id=UnitId(unit_id),
        nominator_unit_id=NominatorUnitId(nominator),
        opinion_document_id=PAPER,
    )


def returned(
    application: str = MINE, unit_id: str = BRANCH, parts: tuple[Part, ...] = (BUDGET,), day: date = CORRECTION_DAY
) -> CorrectionRequested:
    return CorrectionRequested(
        application_id=ApplicationId(application),
        programme_id=CALL,
        track_id=BRANCH_TRACK,
        unit_id=UnitId(unit_id),
        nominator_unit_id=COMMITTEE,
        parts=parts,
        closes_at=at(f"{day + timedelta(days=1)} 00:00"),
        last_day=day,
        opinion_document_id=PAPER,
    )


def given_more_time(day: date = date(2020, 6, 8), application: str = MINE, unit_id: str = BRANCH) -> CorrectionExtended:
    return CorrectionExtended(
        application_id=ApplicationId(application),
        unit_id=UnitId(unit_id),
        closes_at=at(f"{day + timedelta(days=1)} 00:00"),
        last_day=day,
    )


def refiled(
    application: str = MINE,
    unit_id: str = BRANCH,
    requested: tuple[Part, ...] = (BUDGET,),
    unrequested: tuple[Part, ...] = (),
    materials_digest: str | None = None,
) -> ApplicationRefiled:
    return ApplicationRefiled(
        application_id=ApplicationId(application),
        programme_id=CALL,
        track_id=BRANCH_TRACK,
        unit_id=UnitId(unit_id),
        nominator_unit_id=COMMITTEE,
        materials_digest=materials_digest or CORRECTED_DIGEST,
        requested=requested,
        unrequested=unrequested,
    )


def finding(rule: str = "established_three_years", outcome: Any = "met", severity: Any = "waivable") -> Finding:
    return Finding(rule=rule, rule_position=1, severity=severity, as_of=date(2020, 5, 31), outcome=outcome)


def judged(*findings: Finding, verdict: Any = "eligible") -> EligibilityJudged:
    return EligibilityJudged(
        application_id=MINE,
        programme_id=CALL,
        track_id=BRANCH_TRACK,
        unit_id=BRANCH,
        verdict=verdict,
        findings=findings or (finding(),),
    )


def the_call() -> Past:
    """The call has been announced, and its deadline read as the end of May."""
    return given(*UNITS, announced(), *defined(), interpreted())


def the_start(*changes: Event) -> Past:
    """Beside that, the window is open, the college has one place, and the branch has started to prepare."""
    return the_call().and_(window_opened(), assigned(), *changes).and_(started(), by=HAND)


def the_file(*changes: Event) -> Past:
    """Beside that, the branch has saved everything that is asked for."""
    return the_start(*changes).and_(*SAVED, by=HAND)


def the_vetted(*changes: Event) -> Past:
    """Beside that, it is prepared, decided on, vetted and judged: nothing is left but to file it."""
    past = the_file(*changes).and_(prepared(), by=HAND).and_(decided(), vetted(), by=CHAIR)
    return past.and_(judged(), by=CLERK)


def the_filed(*changes: Event) -> Past:
    """Beside that, it is filed."""
    return the_vetted(*changes).and_(filed(), by=CHAIR)


def the_screened() -> Past:
    """Beside that, the office has passed it."""
    return the_filed().and_(screened(), by=CLERK)


def the_returned(*parts: Part) -> Past:
    """What was filed is returned for the correction of these parts, or of the budget."""
    return the_filed().and_(returned(parts=parts or (BUDGET,)), by=CLERK)


def the_revetted(*saved: Event, parts: tuple[Part, ...] = (BUDGET,)) -> Past:
    """The parts are saved anew, or a better budget is; it is declared complete and vetted: it can be filed again."""
    changed = saved or (CORRECTED,)
    digest = digest_of(started(), *SAVED, *changed)
    past = the_returned(*parts).and_(*changed, prepared(digest), by=HAND)
    return past.and_(vetted(digest), by=CHAIR)
