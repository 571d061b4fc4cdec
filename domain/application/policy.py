"""What an application file holds and in which state it is, who stands by it, and whether its window is open.

A deadline is decided by the dates that were written into the record, never by whether somebody recorded that it passed.
What every command about an application knows, in whichever capability, is a class of this page.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar, Final, Literal, get_args

import msgspec
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
from domain.ids import ApplicationId, NominatorUnitId, ProgrammeId, TrackId, UnitId, tag
from domain.kernel import Command, Event, Refusal, Selector, Unknown, any_event, asked, called, event, known
from domain.nomination.events import MaterialsVetted, NominationDecided, NominationDeclined, NominationPassed
from domain.permission.policy import ANY_STATE, NOT_ON_RECORD, act_of, not_in_this_state
from domain.programme.events import TrackDefined
from domain.screening.events import (
    ApplicationRefiled,
    CorrectionExtended,
    CorrectionRequested,
    Part,
    ScreeningPassed,
    ScreeningRejected,
)
from domain.screening.policy import Correction
from domain.unit.policy import TREE_FACTS, Tree, TreeFact

__all__ = [
    "FILE_FACTS",
    "STATE_AFTER",
    "UNFILED",
    "WINDOW_FACTS",
    "AboutApplication",
    "AboutNomination",
    "ApplicationFile",
    "ApplicationState",
    "ApplicationUnknown",
    "FileFact",
    "Materials",
    "MaterialsChanged",
    "NominatorChanged",
    "NominatorMissing",
    "SeparationOfDuties",
    "Window",
    "WindowClosed",
    "WindowFact",
    "WindowNotOpen",
    "budget_total",
    "nominator_of",
    "of_track",
    "require_state",
    "state_after",
]

FileFact = (
    ApplicationStarted
    | FormSaved
    | SelfCheckSaved
    | BudgetSaved
    | ApplicationPrepared
    | NominationDecided
    | NominationDeclined
    | MaterialsVetted
    | ApplicationFiled
    | NominationPassed
    | PaperReceived
    | ApplicationWithdrawn
    | ScreeningPassed
    | ScreeningRejected
    | CorrectionRequested
    | CorrectionExtended
    | ApplicationRefiled
)
FILE_FACTS: Final[tuple[type[Event], ...]] = get_args(FileFact)
"""What an application file is made of: all with the tag of the application."""
WindowFact = ApplicationWindowOpened | ApplicationWindowExtended | ApplicationWindowClosed
WINDOW_FACTS: Final[tuple[type[Event], ...]] = get_args(WindowFact)
"""What says until when a programme takes applications: all with the tag of the programme."""

ApplicationState = Literal[
    "unknown",
    "started",
    "prepared",
    "decided",
    "vetted",
    "filed",
    "withdrawn",
    "returned",
    "corrected",
    "revetted",
    "screened",
    "rejected",
]

UNFILED: Final[frozenset[ApplicationState]] = frozenset({"started", "prepared", "decided", "vetted"})
"""Before it is filed; until then who puts it forward changes with the tree."""
STATE_AFTER: Final[Mapping[type[Event], ApplicationState]] = {
    ApplicationStarted: "started",
    # Whatever is saved anew must be declared complete, decided on and vetted anew.
    FormSaved: "started",
    SelfCheckSaved: "started",
    BudgetSaved: "started",
    ApplicationPrepared: "prepared",
    NominationDecided: "decided",
    # A unit that was declined may be decided on again: the materials stand as they were prepared.
    NominationDeclined: "prepared",
    MaterialsVetted: "vetted",
    ApplicationFiled: "filed",
    ApplicationWithdrawn: "withdrawn",
    ScreeningPassed: "screened",
    ScreeningRejected: "rejected",
    CorrectionRequested: "returned",
    ApplicationRefiled: "filed",
}

_IN_CORRECTION: Final[Mapping[ApplicationState, ApplicationState]] = {
    # The decision to put the unit forward named no materials, and stands; what is vetted is these materials.
    "started": "returned",
    "prepared": "corrected",
    "vetted": "revetted",
}
"""What the same act comes to once an application has been returned for correction."""


class ApplicationUnknown(Unknown):
    """Application {application_id} is not on record.
    zh: 没有申报 {application_id} 的记录。
    title: The application is not on record · 没有该申报的记录
    """


class NominatorMissing(Refusal):
    """Unit {unit_id} has no unit above it that could put it forward.
    zh: 单位 {unit_id} 没有可予推荐的上级单位。
    title: The unit has nobody to nominate it · 单位没有可予推荐的上级
    """


class SeparationOfDuties(Refusal):
    """Who has prepared the materials, or judged them, does not also do this: {act}.
    zh: 材料的准备者或判定者不得同时办理{act}。
    title: One hand does not do both · 不得由同一人办理
    """


class NominatorChanged(Refusal):
    """Unit {decided_by} decided on the nomination, and unit {nominator_unit_id} is to stand by it now: it decides anew.
    zh: 研究确定推荐的是单位 {decided_by},现应由单位 {nominator_unit_id} 推荐,须由其重新研究确定。
    title: Another unit is to nominate now · 推荐单位已变更
    """


class MaterialsChanged(Refusal):
    """What was vetted is {vetted_digest}; the materials are {materials_digest} now.
    zh: 所审核的材料摘要为 {vetted_digest},现有材料摘要为 {materials_digest}。
    title: The materials changed since they were vetted · 材料自审核后已改动
    """


class WindowNotOpen(Refusal):
    """The application window of programme {programme_id} has not been opened.
    zh: 项目 {programme_id} 的申报窗口尚未开启。
    title: The application window is not open yet · 申报窗口尚未开启
    """


class WindowClosed(Refusal):
    """The application window is over: its last day was {last_day}, it closed at {closes_at}.
    zh: 申报窗口已截止:截止日为 {last_day},截止时刻为 {closes_at}。
    title: The application window is closed · 申报窗口已截止
    """


def state_after(state: ApplicationState, kind: type[Event]) -> ApplicationState:
    """The state of an application in this state once an event of this kind has happened to it."""
    after = STATE_AFTER.get(kind, state)
    return _IN_CORRECTION.get(after, after) if state in _IN_CORRECTION.values() else after


class Materials(msgspec.Struct, frozen=True):
    """What is vetted and filed, in the form whose bytes are digested."""

    application_id: str
    form: FormSaved | None
    self_checks: tuple[SelfCheckSaved, ...]
    budget: tuple[BudgetLine, ...]

    def changed_since(self, earlier: Materials) -> tuple[Part, ...]:
        """The parts that stand otherwise than in earlier materials, as far as the record can tell.

        Of the form: each field that is answered and was not, or was and is not; and the form as a whole if its texts
        were saved anew, since they are sealed as one document that does not say which of them differ. A self-check that
        was saved anew is another one. The lines of the budget are compared.
        """
        changed = {Part("form_field", code) for code in self._answered() ^ earlier._answered()}
        if self.form != earlier.form:
            changed.add(Part("form"))
        changed |= {Part("self_check", saved.catalogue) for saved in {*self.self_checks} ^ {*earlier.self_checks}}
        if self.budget != earlier.budget:
            changed.add(Part("budget"))
        return tuple(sorted(changed, key=lambda part: (part.kind, part.code or "")))

    def _answered(self) -> set[str]:
        return set() if self.form is None else set(self.form.answered)


@dataclass(slots=True)
class ApplicationFile:
    """One application as the record tells it so far."""

    started: ApplicationStarted | None = None
    state: ApplicationState = NOT_ON_RECORD
    form: FormSaved | None = None
    self_checks: dict[str, SelfCheckSaved] = field(default_factory=dict)
    budget: tuple[BudgetLine, ...] = ()
    decided: NominationDecided | None = None
    vetted_digest: str | None = None
    declined: bool = False
    filed: ApplicationFiled | None = None
    materials_filed: Materials | None = None
    """The materials as they were filed, or filed again, last."""
    correction: Correction = field(default_factory=Correction)
    paper_received: bool = False
    checked: dict[str, int] = field(default_factory=dict)
    """The position of each self-check by catalogue."""
    hands: dict[str, str] = field(default_factory=dict)
    """By part of the materials, and for their declaration, whose hand it is."""

    def take(self, body: FileFact, by: str = "", position: int = 0) -> None:
        """Take in one event of this application."""
        self.state = state_after(self.state, type(body))
        match body:
            case ApplicationStarted():
                self.started = body
            case FormSaved() | SelfCheckSaved() | BudgetSaved():
                self._save(body, by, position)
            case ApplicationPrepared():
                self.hands["declaration"], self.declined = by, False
            case NominationDecided():
                self.decided, self.vetted_digest, self.declined = body, None, False
            case NominationDeclined():
                self.decided, self.vetted_digest, self.declined = None, None, True
            case MaterialsVetted(materials_digest=materials_digest):
                self.vetted_digest = materials_digest
            case ApplicationFiled():
                self.filed, self.materials_filed = body, self.materials
            case NominationPassed(successor_unit_id=successor):
                self._pass(successor)
            case PaperReceived():
                self.paper_received = True
            case _:
                self._screen(body)

    def _pass(self, successor: NominatorUnitId) -> None:
        """The unit that carries on stands by what was filed, and by what was decided, as if by its own acts."""
        self.filed = self.filed and replace(self.filed, nominator_unit_id=successor)
        self.decided = self.decided and replace(self.decided, nominator_unit_id=successor)

    def _screen(self, body: FileFact) -> None:
        match body:
            case CorrectionRequested() | CorrectionExtended():
                self.correction.take(body)
            case ApplicationRefiled():
                self.materials_filed = self.materials

    def _save(self, body: FormSaved | SelfCheckSaved | BudgetSaved, by: str, position: int) -> None:
        match body:
            case FormSaved():
                self.form, self.hands["form"] = body, by
            case SelfCheckSaved(catalogue=catalogue):
                self.self_checks[catalogue], self.checked[catalogue] = body, position
                self.hands[f"self_check:{catalogue}"] = by
            case _:
                self.budget, self.hands["budget"] = body.lines, by
        self.vetted_digest = None
        if self.filed is None:
            self.decided = None

    @property
    def materials(self) -> Materials:
        """The materials as they stand: form, self-checks by catalogue, and budget lines."""
        application_id = "" if self.started is None else self.started.application_id
        checks = tuple(self.self_checks[code] for code in sorted(self.self_checks))
        return Materials(application_id, self.form, checks, self.budget)

    @property
    def digest(self) -> str:
        """The SHA-256 of the materials: of their canonical JSON."""
        return hashlib.sha256(msgspec.json.encode(self.materials, order="sorted")).hexdigest()

    def changed_since_filed(self) -> tuple[Part, ...]:
        """The parts that stand otherwise than they were filed last; none where nothing was filed."""
        return () if self.materials_filed is None else self.materials.changed_since(self.materials_filed)

    def rated(self) -> Mapping[str, tuple[SelfCheckItem, ...]]:
        """The self-check's items by catalogue."""
        return {code: saved.items for code, saved in self.self_checks.items()}

    def require_decided_by(self, nominator_unit_id: str) -> None:
        """Raise NominatorChanged if another unit decided on the nomination than stands by it now."""
        decided_by = None if self.decided is None else self.decided.nominator_unit_id
        if decided_by != nominator_unit_id:
            raise NominatorChanged(decided_by=decided_by, nominator_unit_id=nominator_unit_id)

    def require_materials(self, vetted_digest: str | None) -> None:
        """Raise MaterialsChanged unless this is the digest of the materials as they stand."""
        if vetted_digest != self.digest:
            raise MaterialsChanged(vetted_digest=vetted_digest, materials_digest=self.digest)

    def require_other_hand(self, person_id: str, command: type[Command]) -> None:
        """Raise SeparationOfDuties if this person's hand is in the materials as they stand."""
        if person_id in self.hands.values():
            raise SeparationOfDuties(act=called(command))


def require_state(command: Command) -> None:
    """Raise NotInThisState unless the permission table has this command in this state, for whomever."""
    states = {state for row in act_of(type(command)).permissions for state in row.states}
    if ANY_STATE not in states and command.state not in states:
        raise not_in_this_state(command, states)


def nominator_of(unit_id: str, track: TrackDefined | None, tree: Tree, day: date) -> NominatorUnitId | None:
    """Who puts a unit forward on a day: the unit above it, or the unit itself where the track lets it decide."""
    if track is None:
        return None
    if track.self_nomination:
        return NominatorUnitId(unit_id)
    parent: UnitId | None = tree.parent(unit_id, day)
    return None if parent is None else NominatorUnitId(parent)


@dataclass(slots=True)
class Window:
    """The application window of one programme, as the record tells it so far."""

    programme_id: str = ""
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    last_day: date | None = None
    closed: bool = False

    def take(self, body: WindowFact) -> None:
        """Take in one event of the window; a later end replaces an earlier one."""
        if isinstance(body, ApplicationWindowOpened):
            self.opens_at = body.opens_at
        self.closes_at, self.last_day = body.closes_at, body.last_day
        self.closed = isinstance(body, ApplicationWindowClosed)

    def is_over(self, now: datetime) -> bool:
        """Whether what is received at this instant comes too late; not so while nothing says when that is."""
        return self.closes_at is not None and now >= self.closes_at

    def require_not_over(self, now: datetime) -> None:
        """Raise WindowClosed for what is received too late."""
        if self.is_over(now):
            raise WindowClosed(last_day=self.last_day, closes_at=self.closes_at)

    def require_open(self, programme_id: str, now: datetime) -> None:
        """Raise WindowNotOpen, or WindowClosed, unless what is received at this instant is in time."""
        if self.opens_at is None or now < self.opens_at:
            raise WindowNotOpen(programme_id=programme_id)
        self.require_not_over(now)


def budget_total(lines: Iterable[BudgetLine]) -> int:
    """The sum of a budget, in fen."""
    return sum(line.amount_fen for line in lines)


class AboutApplication(Command):
    """What every command about an application knows: the file, and whose it is.
    zh: 关于申报的各项命令所共知:申报材料及其所属单位。
    """

    application_id: ApplicationId = asked("Application", "申报")

    file: ApplicationFile = known(factory=ApplicationFile)

    @property
    def state(self) -> str:
        """The state of the application, for the permission table."""
        return self.file.state

    @property
    def unit_id(self) -> UnitId | None:
        """The unit that applies, once the file has been read."""
        return None if self.file.started is None else self.file.started.unit_id

    def consistency_boundary(self) -> Sequence[Selector]:
        """The file."""
        return [Selector(FILE_FACTS, [tag(ApplicationId, self.application_id)])]

    @any_event(*FILE_FACTS)
    def _(self, body: FileFact, by: str, position: int) -> None:
        self.file.take(body, by, position)

    def _require_started(self) -> ApplicationStarted:
        """The application, in a state in which the permission table has this command."""
        if self.file.started is None:
            raise ApplicationUnknown(application_id=self.application_id)
        require_state(self)
        return self.file.started


class AboutNomination(AboutApplication):
    """What every command of the unit that stands by an application knows: the track, and where the units stand.
    zh: 推荐单位的各项命令所共知:赛道及各单位在组织树中的位置。
    """

    UNIT_KINDS: ClassVar[tuple[type[Event], ...]] = TREE_FACTS

    track: TrackDefined | None = known()
    tree: Tree = known(factory=Tree)

    @property
    def nominator_unit_id(self) -> NominatorUnitId | None:
        """Who puts the application forward: the unit that filed it or carries on for it, else whoever would today."""
        if self.file.filed is not None:
            return self.file.filed.nominator_unit_id
        return None if self.unit_id is None else nominator_of(self.unit_id, self.track, self.tree, self.today)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The file; the track it applies in; the unit and, as they become known, those above it."""
        boundary = list(super().consistency_boundary())
        if (started := self.file.started) is not None:
            boundary.append(Selector([TrackDefined], of_track(started.programme_id, started.track_id)))
            units = self.tree.upward(started.unit_id)
            boundary += [Selector(self.UNIT_KINDS, [tag(UnitId, unit)]) for unit in units]
        return boundary

    @event(TrackDefined)
    def _(self, body: TrackDefined) -> None:
        self.track = body

    @any_event(*TREE_FACTS)
    def _(self, body: TreeFact, position: int) -> None:
        self.tree.take(body, position)

    def _require_nominator(self, unit_id: UnitId) -> tuple[NominatorUnitId, TrackDefined]:
        """Who puts the application forward, and in which track; both units live."""
        self.tree.of(unit_id).require_living()
        nominator = self.nominator_unit_id
        if nominator is None or self.track is None:
            raise NominatorMissing(unit_id=unit_id)
        self.tree.of(nominator).require_living()
        return nominator, self.track


def of_track(programme_id: ProgrammeId, track_id: TrackId) -> list[str]:
    """The tags of one track of one programme."""
    return [tag(ProgrammeId, programme_id), tag(TrackId, track_id)]
