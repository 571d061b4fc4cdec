"""The permission table: which role may ask for which command, at which unit, in which state of its subject.

A role is held by a recorded appointment, at the whole institution or at one unit; a right at a unit is never had by an
appointment elsewhere, above or below. The table is served as it stands here, and compared with a checked-in matrix.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final, Literal, cast

import msgspec

from domain.ids import PersonId, UnitId, tag
from domain.kernel import Command, Denied, Event, Invalid, Recorded, Refusal, Selector, called, word, words
from domain.person.events import Appointed, AppointmentEnded, Role
from domain.person.policy import Appointment, Appointments

__all__ = [
    "ACTS",
    "ANY_STATE",
    "BESIDE_ROLES",
    "FOUNDING",
    "NOT_ON_RECORD",
    "ROLE_TITLES",
    "STANDING",
    "STATE_TITLES",
    "TABLE",
    "Act",
    "Holder",
    "NotInThisState",
    "NotPermitted",
    "Permission",
    "ReasonMissing",
    "act_of",
    "appointments_of",
    "authorise",
    "is_standing",
    "not_in_this_state",
    "require_reason",
    "standing",
    "units_of",
]

Holder = Role | Literal["founder", "engaged"]
"""A role; or whoever opens an institution that does not exist yet; or the auditor of an engagement that runs."""
FOUNDING: Final = "founding"
"""The authority of the one command that no appointment can precede."""
ANY_STATE: Final = "any"
NOT_ON_RECORD: Final = "unknown"
"""The state of a subject that is not on record: the command itself says so, to those who may ask at all."""

ROLE_TITLES: Final[dict[Role, tuple[str, str]]] = {
    "administrator": ("Administrator", "系统管理员"),
    "clerk": ("Clerk of the office", "主管部门经办人"),
    "head": ("Head of the office", "主管部门负责人"),
    "nominator": ("Nominating unit's committee", "推荐单位党组织"),
    "applicant": ("Applicant unit's hand", "申报单位经办人"),
    "secretary": ("Secretary of a unit", "单位书记"),
    "adviser": ("Adviser of a unit", "单位指导教师"),
    "reviewer": ("Reviewer", "评审专家"),
    "finance": ("Finance officer", "财务人员"),
    "supervisor": ("Supervisor", "监督人员"),
    "auditor": ("Auditor", "审计人员"),
    "service": ("Service identity", "服务身份"),
}

BESIDE_ROLES: Final[dict[str, tuple[str, str]]] = {
    "founder": ("Whoever opens the institution", "机构开立人"),
    "engaged": ("Auditor of an engagement that runs", "存续审计委托的审计人员"),
}
"""Who may ask for something without any appointment."""

STATE_TITLES: Final[dict[str, tuple[str, str]]] = {
    ANY_STATE: ("any", "任何状态"),
    NOT_ON_RECORD: ("not on record", "没有记录"),
    # an institution
    "unopened": ("not opened", "尚未开立"),
    # an application, until it is filed
    "started": ("started", "准备中"),
    "prepared": ("prepared", "已备妥"),
    "decided": ("decided on", "已研究确定"),
    "vetted": ("vetted", "已审核"),
    # an application, from then on
    "filed": ("filed", "已报送"),
    "withdrawn": ("withdrawn", "已撤回"),
    "returned": ("returned for correction", "已退回补正"),
    "corrected": ("corrected", "已补正"),
    "revetted": ("vetted anew", "已重新审核"),
    "screened": ("screened", "初审已通过"),
    "rejected": ("rejected", "初审未通过"),
    # a panel
    "constituted": ("constituted", "已组成"),
    "scoring": ("scoring", "评分中"),
    "scored": ("scored", "评分已截止"),
    # an application that the committee decided on
    "selected": ("selected", "已入选"),
    "reserve": ("in reserve", "候补"),
    "not_selected": ("not selected", "未入选"),
    "struck": ("struck", "已除名"),
    "confirmed": ("confirmed", "已确认"),
    "reversed": ("reversed", "已撤销"),
    # a case
    "running": ("running", "培育创建中"),
    "stopped": ("stopped", "已终止"),
    "completed": ("completed", "已结项"),
    "not_completed": ("closed without completion", "未予结项"),
    # a publicity
    "approved": ("approved", "已批准"),
    "open": ("open", "已开启"),
    "closed": ("closed", "已截止"),
    "taken_down": ("taken down", "已提前撤下"),
    # an objection
    "received": ("received", "已收到"),
    "admitted": ("admitted", "已受理"),
    "not_admitted": ("not admitted", "不予受理"),
    "investigated": ("investigated", "已调查"),
    "upheld": ("upheld", "已成立"),
    "dismissed": ("dismissed", "已驳回"),
    # a designation
    "held": ("held", "有效"),
    "revoked": ("revoked", "已撤销称号"),
    "lapsed": ("lapsed", "已失效"),
    # a finding
    "recorded": ("recorded", "已记录"),
    "notified": ("notified", "已告知"),
    "stated": ("heard", "已陈述"),
    "waived": ("waived", "已放弃陈述"),
    "dropped": ("dropped", "已撤销认定"),
    # a measure
    "appealed": ("appealed", "申诉中"),
    "settled": ("settled on appeal", "申诉已办结"),
    "ended": ("ended by its term", "已期满"),
    "lifted": ("lifted", "已解除"),
    "referred": ("referred", "已移送"),
    # an audit engagement, and a finding of it
    "engaged": ("engaged", "委托存续"),
    "disengaged": ("engagement over", "委托已终止"),
    "answered": ("answered", "已答复"),
    "concluded": ("concluded", "已办结"),
    # an erasure
    "proposed": ("proposed", "已提请"),
    "declined": ("declined", "未获批准"),
    "erased": ("erased", "已删除"),
    # a legal hold
    "placed": ("placed", "存续中"),
}
"""What the states of subjects are called."""


class NotPermitted(Denied):
    """No appointment that the caller holds today permits {command}.
    zh: 当日所任职务均不允许执行{command}。
    title: No appointment permits this · 所任职务均不允许此项操作
    """


class NotInThisState(Refusal):
    """{command} is not possible while the state is {state}; it is in one of: {allowed}.
    zh: 当前状态为“{state}”,不能执行{command};允许的状态:{allowed}。
    title: Not possible in the present state · 当前状态不允许此项操作
    """


class ReasonMissing(Invalid):
    """{command} needs a reason.
    zh: {command}须附事由。
    title: A reason is needed · 须附事由
    """


class Permission(msgspec.Struct, frozen=True, kw_only=True):
    """One row: a role may ask for a command, in these states of its subject.

    ``at`` is empty where the role is held at the whole institution; else it is the attribute of the command that holds
    the unit at which the role must be held.
    """

    command: str
    role: Holder
    at: str = ""
    states: tuple[str, ...] = (ANY_STATE,)


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """What the law says of one command: who may ask, whether a reason is needed, whether it may take an earlier day."""

    command: str
    permissions: tuple[Permission, ...]
    needs_reason: bool = False
    backdatable: bool = False


class _Holder(msgspec.Struct, frozen=True):
    """Who may, until the row knows its command."""

    role: Holder
    at: str = ""
    states: tuple[str, ...] = (ANY_STATE,)


def _act(command: str, *holders: _Holder, needs_reason: bool = False, backdatable: bool = False) -> Act:
    rows = tuple(Permission(command=command, role=h.role, at=h.at, states=h.states) for h in holders)
    return Act(command=command, permissions=rows, needs_reason=needs_reason, backdatable=backdatable)


_ADMINISTRATOR = _Holder("administrator")
_CLERK = _Holder("clerk")
_HEAD = _Holder("head")
_FINANCE = _Holder("finance")
_SERVICE = _Holder("service")
_UNFILED = ("started", "prepared", "decided", "vetted")
_REVIEWING = ("constituted", "scoring", "scored")
_IN_CORRECTION = ("returned", "corrected", "revetted")
_HEARD = ("notified", "stated")
_OPEN = (*_UNFILED, *_IN_CORRECTION)
"""States in which the materials of an application may still change."""


def _nominator(*states: str) -> _Holder:
    return _Holder("nominator", "nominator_unit_id", states or (ANY_STATE,))


def _applicant(*states: str) -> _Holder:
    return _Holder("applicant", "unit_id", states or (ANY_STATE,))


ACTS: Final[tuple[Act, ...]] = (
    # institution
    _act("OpenInstitution", _Holder("founder", "", ("unopened",))),
    _act("AdvanceClock", _ADMINISTRATOR),
    # person
    _act("RegisterPerson", _ADMINISTRATOR),
    _act("ReplacePersonDetails", _ADMINISTRATOR),
    _act("RegisterService", _ADMINISTRATOR),
    _act("Appoint", _ADMINISTRATOR),
    _act("EndAppointment", _ADMINISTRATOR),
    # permission
    _act("RecordAccessDay", _SERVICE),
    # calendar
    _act("SupplyWorkingDays", _ADMINISTRATOR, _CLERK),
    # document
    _act(
        "DepositDocument",
        *(_Holder(role) for role in ("administrator", "clerk", "head", "reviewer", "finance", "supervisor", "auditor")),
        _SERVICE,
        *(
            _Holder(role, "owner_unit_id")
            for role in ("nominator", "applicant", "secretary", "reviewer", "finance", "supervisor")
        ),
    ),
    # unit
    _act("RegisterUnit", _ADMINISTRATOR, _CLERK, backdatable=True),
    _act("RecordFoundation", _CLERK, backdatable=True),
    _act("MoveUnit", _ADMINISTRATOR, backdatable=True),
    _act("RenameUnit", _ADMINISTRATOR, backdatable=True),
    _act("RecordTraits", _CLERK, backdatable=True),
    _act("MergeUnit", _ADMINISTRATOR, backdatable=True),
    _act("SplitUnit", _ADMINISTRATOR, backdatable=True),
    _act("DissolveUnit", _ADMINISTRATOR, backdatable=True),
    _act("RecordIncident", _CLERK, backdatable=True),
    _act("WithdrawIncident", _HEAD, needs_reason=True),
    _act("RecordHonour", _CLERK, backdatable=True),
    _act("RecordEarlierOutcome", _CLERK, backdatable=True),
    _act("RecordEarlierTitle", _CLERK, backdatable=True),
    # programme
    _act("AnnounceProgramme", _CLERK, _HEAD, backdatable=True),
    _act("InterpretTerm", _CLERK, needs_reason=True, backdatable=True),
    _act("RecordErratum", _HEAD, backdatable=True),
    # nomination
    _act("AssignQuota", _CLERK, backdatable=True),
    _act("PassQuota", _HEAD, _SERVICE),
    _act("RecordPlan", _nominator(), backdatable=True),
    _act("DecideNomination", _nominator("prepared")),
    _act("DeclineNomination", _nominator("prepared", "decided", "vetted")),
    _act("VetMaterials", _nominator("decided", "corrected")),
    # eligibility
    _act("JudgeEligibility", _Holder("clerk", "", _OPEN), _applicant(*_OPEN)),
    _act("WaiveRule", _Holder("head", "", _OPEN), needs_reason=True),
    # application
    _act("OpenApplicationWindow", _CLERK),
    _act("ExtendApplicationWindow", _HEAD, needs_reason=True),
    _act("CloseApplicationWindow", _CLERK, _SERVICE),
    _act("StartApplication", _applicant()),
    _act("SaveForm", _applicant(*_OPEN)),
    _act("SaveSelfCheck", _applicant(*_OPEN)),
    _act("SaveBudget", _applicant(*_OPEN)),
    _act("PrepareApplication", _applicant("started", "returned")),
    _act("FileApplication", _nominator("vetted")),
    _act("RecordPaperReceipt", _Holder("clerk", "", ("filed", *_IN_CORRECTION, "screened")), backdatable=True),
    _act(
        "WithdrawApplication",
        _applicant(*_UNFILED),
        _nominator("filed", *_IN_CORRECTION, "screened"),
        needs_reason=True,
    ),
    # screening
    _act("PassScreening", _Holder("clerk", "", ("filed",))),
    _act("RejectAtScreening", _Holder("head", "", ("filed", *_IN_CORRECTION)), needs_reason=True),
    _act("RequestCorrection", _Holder("clerk", "", ("filed",))),
    _act("ExtendCorrection", _Holder("head", "", _IN_CORRECTION), needs_reason=True),
    _act("RefileApplication", _nominator("revetted")),
    # review
    _act("DefineStage", _HEAD, needs_reason=True),
    _act("ConstitutePanel", _CLERK, _HEAD),
    _act("SeatReviewer", *(_Holder(role, "", ("constituted", "scoring")) for role in ("clerk", "head"))),
    _act("UnseatReviewer", _Holder("head", "", _REVIEWING), needs_reason=True),
    _act("OpenSeatIdentity", _Holder("head", "", _REVIEWING), needs_reason=True),
    _act("DeclareInterest", _Holder("reviewer", "", _REVIEWING)),
    _act("ImposeRecusal", _Holder("head", "", _REVIEWING), needs_reason=True),
    _act("LiftRecusal", _Holder("head", "", _REVIEWING), needs_reason=True),
    _act("OpenScoring", _Holder("clerk", "", ("constituted",))),
    _act("ExtendScoring", _Holder("head", "", ("scoring",)), needs_reason=True),
    _act("FileScoreSheet", _Holder("reviewer", "", ("scoring",))),
    _act("AmendScoreSheet", _Holder("reviewer", "", ("scoring",)), needs_reason=True),
    _act("CloseScoring", *(_Holder(role, "", ("scoring",)) for role in ("clerk", "service"))),
    _act("OpenScoreSheet", _Holder("service", "", ("scored",))),
    _act("ExcludeScoreSheet", _Holder("head", "", ("scored",)), needs_reason=True),
    _act("RankApplications", _Holder("clerk", "", ("scored",))),
    # selection
    _act("DefineSelectionRule", _HEAD, needs_reason=True),
    _act("RecommendApplications", _CLERK),
    _act("JoinApplications", _HEAD, needs_reason=True),
    _act("SeparateApplications", _HEAD, needs_reason=True),
    _act("DecideSelection", _HEAD),
    _act("ReopenDecision", _HEAD, needs_reason=True),
    _act(
        "StrikeSelection",
        *(_Holder(role, "", ("selected", "reserve")) for role in ("head", "service")),
        needs_reason=True,
    ),
    _act("PromoteReserve", _Holder("head", "", ("reserve",))),
    _act("ConfirmSelection", _Holder("head", "", ("selected",)), _Holder("service", "", ("selected",))),
    _act("ReverseSelection", _Holder("head", "", ("confirmed",)), needs_reason=True),
    # publicity
    _act("DefinePublicityRule", _HEAD, needs_reason=True),
    _act("PreparePublicity", _CLERK),
    _act("ApprovePublicity", _Holder("head", "", ("prepared",))),
    _act("OpenPublicity", _Holder("clerk", "", ("approved",)), _Holder("head", "", ("approved",))),
    _act("ExtendPublicity", _Holder("head", "", ("open",)), needs_reason=True),
    _act("TakeDownPublicity", _Holder("head", "", ("open",)), needs_reason=True),
    _act("ClosePublicity", _Holder("clerk", "", ("open",)), _Holder("service", "", ("open",))),
    _act("WithdrawPosting", _Holder("clerk", "", ("closed", "taken_down"))),
    _act("ReceiveObjection", _CLERK, _Holder("supervisor")),
    _act("AdmitObjection", _Holder("clerk", "", ("received",)), _Holder("supervisor", "", ("received",))),
    _act("RefuseObjection", _Holder("head", "", ("received",)), needs_reason=True),
    _act("InvestigateObjection", _Holder("supervisor", "", ("admitted", "investigated"))),
    _act("UpholdObjection", _Holder("head", "", ("investigated",)), needs_reason=True),
    _act("DismissObjection", _Holder("head", "", ("investigated",)), needs_reason=True),
    _act(
        "WithdrawObjection",
        *(_Holder(role, "", ("received", "admitted", "investigated")) for role in ("clerk", "supervisor")),
    ),
    # cultivation
    _act("RequireTaskBook", _HEAD, needs_reason=True),
    _act("RequireReport", _HEAD, needs_reason=True),
    _act("BeginCultivation", *(_Holder(role, "", ("running",)) for role in ("clerk", "service"))),
    _act("FileTaskBook", _applicant("running")),
    _act("ReturnTaskBook", *(_Holder(role, "", ("running",)) for role in ("clerk", "head"))),
    _act("SignTaskBook", _Holder("head", "", ("running",))),
    _act("FileReport", _applicant("running")),
    _act("ReturnReport", _Holder("clerk", "", ("running",))),
    _act("AcceptReport", _Holder("clerk", "", ("running",))),
    _act("RecordOutreach", _Holder("clerk", "", ("running", "completed")), _applicant("running", "completed")),
    _act("SucceedCase", *(_Holder(role, "", ("running",)) for role in ("head", "service"))),
    _act("StopCultivation", _Holder("head", "", ("running",)), needs_reason=True),
    # assessment
    _act("DefineAssessment", _HEAD, needs_reason=True),
    _act("DecideAssessment", _Holder("head", "", ("running",))),
    _act("OrderRectification", _Holder("head", "", ("running",))),
    _act("ReportRectification", _applicant("running")),
    _act("AcceptRectification", _Holder("head", "", ("running",))),
    _act("RejectRectification", _Holder("head", "", ("running",))),
    _act("ExtendCase", _Holder("head", "", ("running",)), needs_reason=True),
    _act("CompleteCase", _Holder("head", "", ("running",))),
    _act("CloseCase", _Holder("head", "", ("running",)), needs_reason=True),
    # funding
    _act("DefineFundingRule", _HEAD, needs_reason=True, backdatable=True),
    _act("RecordAppropriation", _FINANCE, backdatable=True),
    _act("AdjustAppropriation", _FINANCE, needs_reason=True, backdatable=True),
    _act("ReturnUnallocated", _FINANCE, needs_reason=True, backdatable=True),
    _act("CarryUnallocatedForward", _HEAD, needs_reason=True, backdatable=True),
    _act("LapseUnallocated", _HEAD, needs_reason=True, backdatable=True),
    _act("AllocateFunds", _CLERK, _HEAD, backdatable=True),
    _act("CommitFunds", _CLERK, _FINANCE, backdatable=True),
    _act("RequestPayment", _CLERK, _FINANCE, _applicant(), backdatable=True),
    _act("ApprovePayment", _HEAD, _FINANCE, backdatable=True),
    _act("PostPayment", _FINANCE, backdatable=True),
    _act("FailPayment", _FINANCE, needs_reason=True, backdatable=True),
    _act("ExpirePayment", _SERVICE),
    _act("AccountForExpenditure", _CLERK, _FINANCE, backdatable=True),
    _act("DisallowExpenditure", _HEAD, _FINANCE, needs_reason=True, backdatable=True),
    _act("FreezeFunds", _HEAD, needs_reason=True, backdatable=True),
    _act("ReleaseFunds", _HEAD, needs_reason=True, backdatable=True),
    _act("ReturnAuthority", _HEAD, needs_reason=True, backdatable=True),
    _act("ReturnFunds", _FINANCE, backdatable=True),
    _act("OrderRecovery", _HEAD, needs_reason=True, backdatable=True),
    _act("RecordRecovery", _FINANCE, backdatable=True),
    _act("CarryForward", _HEAD, _SERVICE, backdatable=True),
    _act("LapseFunds", _HEAD, _SERVICE, backdatable=True),
    _act("ReverseEntry", _FINANCE, needs_reason=True, backdatable=True),
    _act("RecordHigherAward", _CLERK, backdatable=True),
    _act("PledgeMatching", _CLERK, _HEAD, backdatable=True),
    _act("RecordMatching", _FINANCE, backdatable=True),
    _act("ClosePeriod", _FINANCE, _SERVICE),
    _act("PublishLedger", _SERVICE),
    _act("PublishInstitutionLedger", _SERVICE),
    _act("ConfirmLedger", _FINANCE, _HEAD),
    # designation
    _act("DefineTitle", _HEAD, needs_reason=True),
    _act("ConferTitle", _HEAD),
    _act("RenewTitle", _Holder("head", "", ("held",))),
    _act("RevokeTitle", *(_Holder(role, "", ("held",)) for role in ("head", "service")), needs_reason=True),
    _act("RestoreTitle", *(_Holder(role, "", ("revoked",)) for role in ("head", "service"))),
    _act("LapseTitle", _Holder("service", "", ("held",))),
    # accountability
    _act("DefineAccountabilityRule", _HEAD, needs_reason=True),
    _act("RecordFinding", _CLERK, _Holder("supervisor")),
    _act("NotifyFinding", _Holder("clerk", "", ("recorded",))),
    _act(
        "ReceiveStatement",
        *(_Holder(role, "", _HEARD) for role in ("clerk", "supervisor")),
        _applicant(*_HEARD),
        _Holder("secretary", "unit_id", _HEARD),
    ),
    _act("WaiveHearing", *(_Holder(role, "", ("notified",)) for role in ("clerk", "supervisor"))),
    _act("DropFinding", _Holder("head", "", ("recorded", *_HEARD, "waived")), needs_reason=True),
    _act("ReferMatter", _Holder("head", "", ("recorded", *_HEARD, "waived", "decided"))),
    _act("NotifyReferralOutcome", *(_Holder(role, "", ("referred",)) for role in ("head", "supervisor"))),
    _act("DecideMeasure", _Holder("head", "", (*_HEARD, "waived", "decided"))),
    _act("IssueCircular", *(_Holder(role, "", ("decided", "settled")) for role in ("clerk", "head"))),
    _act(
        "LodgeAppeal",
        *(_Holder(role, "", ("decided", "ended")) for role in ("clerk", "supervisor")),
        _applicant("decided", "ended"),
        _Holder("secretary", "unit_id", ("decided", "ended")),
    ),
    _act("UpholdAppeal", _Holder("head", "", ("appealed",)), needs_reason=True),
    _act("DismissAppeal", _Holder("head", "", ("appealed",)), needs_reason=True),
    _act("WithdrawAppeal", *(_Holder(role, "", ("appealed",)) for role in ("clerk", "supervisor"))),
    _act("LiftMeasure", _Holder("head", "", ("decided", "settled")), needs_reason=True),
    _act("EndMeasure", _Holder("service", "", ("decided", "appealed", "settled"))),
    _act("PassQuotaCut", *(_Holder(role, "", ("decided", "appealed", "settled")) for role in ("head", "service"))),
    # evaluation
    _act("IssueUnitDossier", _CLERK, _HEAD),
    _act("IssueSecretaryDossier", _CLERK, _HEAD),
    # obligation
    _act("RemindOfObligation", _CLERK, _SERVICE),
    _act("MarkObligationOverdue", _SERVICE),
    _act("ExcuseObligation", _HEAD, needs_reason=True),
    # audit
    _act("OpenEngagement", _HEAD),
    _act("EndEngagement", *(_Holder(role, "", ("engaged",)) for role in ("head", "service"))),
    _act("RecordAuditFinding", _Holder("engaged", "", ("engaged",))),
    _act("AnswerAuditFinding", *(_Holder(role, "", ("recorded", "answered")) for role in ("clerk", "head"))),
    _act("CloseAuditFinding", *(_Holder(role, "", ("answered",)) for role in ("engaged", "supervisor"))),
    _act("CertifyReplay", _SERVICE),
    _act("PlaceLegalHold", _HEAD, _Holder("supervisor")),
    _act("LiftLegalHold", _Holder("head", "", ("placed",)), needs_reason=True),
    _act("AnnounceSigningKey", _SERVICE),
    _act("EndSigningKey", _SERVICE),
    # privacy
    _act("DefineRetention", _HEAD),
    _act("ProposeErasure", _ADMINISTRATOR, _CLERK),
    _act("ApproveErasure", _Holder("head", "", ("proposed",))),
    _act("DeclineErasure", _Holder("head", "", ("proposed",)), needs_reason=True),
)

TABLE: Final[tuple[Permission, ...]] = tuple(row for act in ACTS for row in act.permissions)

_BY_COMMAND: Final[dict[str, Act]] = {act.command: act for act in ACTS}

STANDING: Final = (Appointed, AppointmentEnded)


def act_of(command: type[Command]) -> Act:
    """What the law says of a command."""
    return _BY_COMMAND[command.__name__]


def require_reason(command: type[Command], reason_code: str | None) -> None:
    """Raise ReasonMissing where the law asks for a reason and none is given."""
    if act_of(command).needs_reason and reason_code is None:
        raise ReasonMissing(field="Reason", command=called(command))


def standing(person_id: str) -> Selector:
    """Which past says what offices a person holds: read with every command of that person."""
    return Selector(types=STANDING, tags=[tag(PersonId, person_id)])


def is_standing(event: Event, person_id: str) -> bool:
    """Whether an event belongs to that past."""
    return isinstance(event, STANDING) and event.person_id == person_id


def appointments_of(past: Iterable[Recorded]) -> Appointments:
    """The appointments that a past speaks of; events of other kinds are passed over."""
    appointments = Appointments()
    for recorded in past:
        if isinstance(recorded.event, STANDING):
            appointments.take(recorded.event)
    return appointments


def units_of(appointments: Appointments, today: date) -> frozenset[str]:
    """The units at which any office is held today."""
    return frozenset(held.unit_id for held in appointments.on(today) if held.unit_id is not None)


def _held_for(row: Permission, command: Command, appointments: Appointments, today: date) -> Appointment | None:
    unit_id = cast("UnitId | None", getattr(command, row.at)) if row.at else None
    if row.at and not unit_id:
        # A unit that is not known is not the whole institution.
        return None
    return appointments.held(row.role, unit_id, today)


def _authority(row: Permission, command: Command, appointments: Appointments, today: date) -> str | None:
    """What the caller holds that the row asks for: an appointment, an engagement that runs, or the founding itself."""
    if row.role == "founder":
        return FOUNDING
    if row.role == "engaged":
        return cast("str | None", getattr(command, "engaged", None))
    appointment = _held_for(row, command, appointments, today)
    return None if appointment is None else appointment.appointment_id


def authorise(command: Command, appointments: Appointments, today: date) -> str:
    """The id of the appointment under which the caller may ask for this, ``today`` being the day of the request.

    An auditor's authority is the engagement, written as its tag. Raises NotPermitted, or NotInThisState where the role
    would do but the state of the subject does not.
    """
    allowed: set[str] = set()
    for row in act_of(type(command)).permissions:
        authority = _authority(row, command, appointments, today)
        if authority is None:
            continue
        if {ANY_STATE, command.state} & set(row.states) or command.state == NOT_ON_RECORD:
            return authority
        allowed.update(row.states)
    if not allowed:
        raise NotPermitted(command=called(type(command)))
    raise not_in_this_state(command, allowed)


def not_in_this_state(command: Command, allowed: Iterable[str]) -> NotInThisState:
    """The refusal of a command whose subject is in none of the states in which it may be asked for."""
    return NotInThisState(
        command=called(type(command)),
        state=word(command.state, STATE_TITLES),
        allowed=words(sorted(allowed), STATE_TITLES),
    )
