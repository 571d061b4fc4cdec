"""Whatever is asked for in whatever order: what must never be on record is not, judged from the record alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from domain.application.events import ApplicationWithdrawn
from domain.ids import ApplicationId, DecisionId, ObjectionId, PublicityId, SeatId
from domain.kernel import Command, Recorded, Refusal, SealedAnswers, SealedDetails
from domain.publicity.commands import (
    ApprovePublicity,
    ClosePublicity,
    ExtendPublicity,
    OpenPublicity,
    PreparePublicity,
    TakeDownPublicity,
)
from domain.publicity.events import (
    EntryPassed,
    ObjectionAdmitted,
    ObjectionInvestigated,
    ObjectionReceived,
    ObjectionUpheld,
    PublicityApproved,
    PublicityClosed,
    PublicityExtended,
    PublicityOpened,
    PublicityPrepared,
    PublicityTakenDown,
)
from domain.publicity.objection import (
    AdmitObjection,
    DismissObjection,
    InvestigateObjection,
    ReceiveObjection,
    RefuseObjection,
    UpholdObjection,
    WithdrawObjection,
)
from domain.publicity.policy import OBJECTION_FACTS
from domain.review.events import (
    ApplicationRanked,
    Mark,
    RankingRecorded,
    RecusalLifted,
    ReviewerRecused,
    ScoreSheetAmended,
    ScoreSheetExcluded,
    ScoreSheetFiled,
    ScoreSheetOpened,
)
from domain.review.ranking import RankApplications
from domain.review.recusal import DeclareInterest, ImposeRecusal, LiftRecusal
from domain.review.scoring import CloseScoring
from domain.review.sheet import AmendScoreSheet, ExcludeScoreSheet, FileScoreSheet, OpenScoreSheet
from domain.selection.commands import (
    ConfirmSelection,
    DecideSelection,
    PromoteReserve,
    ReopenDecision,
    StrikeSelection,
)
from domain.selection.events import (
    ApplicationDecided,
    ApplicationJoined,
    ApplicationSeparated,
    CommitteeDecided,
    DecisionReopened,
    ReservePromoted,
    SelectionConfirmed,
    SelectionReversed,
    SelectionStruck,
)
from domain.selection.joining import JoinApplications, SeparateApplications
from domain.selection.policy import Choice, Projects
from domain.selection.reversal import ReverseSelection
from tests.call import BRANCH_TRACK, CALL, HEAD, PAPER, deposited, withdrawn
from tests.committee import APPLICATIONS, RESOLUTION, VOTE, branch, the_recommendation
from tests.panel import (
    AFTER,
    ENDS,
    OPINION,
    PANEL,
    SCORES,
    SEATS,
    code,
    marks,
    salt_of,
    sealed,
    the_scoring,
)
from tests.spec import Past, at
from tests.test_publicity import calendar
from tests.test_publicity import rule as publicity_rule

PLACES = 3
DAY = timedelta(days=1)
ADA, BEN = "p-ada", "p-ben"
Draws = Sequence[tuple[int, int, int]]
DRAWS = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 3), st.integers(0, 3)), min_size=10, max_size=40)


def at_random(seed: int) -> Draws:
    """A long sequence in which every step is as likely as any other."""
    chance = random.Random(seed)
    return [(chance.randrange(100), chance.randrange(4), chance.randrange(4)) for _ in range(60)]


@dataclass
class Play:
    """A past that grows by whatever is not refused."""

    past: Past
    now: datetime
    reasons: dict[int, str | None] = field(default_factory=dict)

    def ask(self, command: Command, by: str = HEAD, reason: str | None = None) -> bool:
        """Ask as the door does; whether it was recorded."""
        asked = self.past.when(command, by=by, now=self.now, reason=reason)
        try:
            asked.command.execute()
        except Refusal:
            return False
        decided = [tagged.decision for tagged in asked.command.collect_events()]
        for n, _ in enumerate(decided, len(self.past.log) + 1):
            self.reasons[n] = reason
        self.past = self.past.and_(*decided, by=by, when=self.now)
        return True

    def of(self, *kinds: type) -> list[Any]:
        """Everything of these kinds on record."""
        return [entry.event for entry in self.past.log if isinstance(entry.event, kinds)]


def pick(found: Sequence[Any], number: int) -> Any:
    """One of those, or none where there are none; the newest first."""
    return found[-1 - number % len(found)] if found else None


# --- from the decision to the confirmation ----------------------------------------------------------------------------

OUTCOMES = (
    ("selected", "selected", "selected", "reserve"),
    ("selected", "selected", "selected", "selected"),
    ("selected", "selected", "reserve", "reserve"),
    ("selected", "reserve", "reserve", "not_selected"),
)


@dataclass
class Committee(Play):
    """Committee, publicity and objections."""

    counted: int = 0

    def new(self, prefix: str) -> str:
        self.counted += 1
        return f"{prefix}-{self.counted}"

    def joined(self) -> Projects:
        """Who is joined to whom now."""
        projects = Projects()
        for body in self.of(ApplicationJoined, ApplicationSeparated):
            projects.take(body)
        return projects

    def join(self, a: int, b: int) -> None:
        where: dict[str, Any] = {"programme_id": CALL, "track_id": BRANCH_TRACK}
        lead, one = APPLICATIONS[a], APPLICATIONS[b]
        self.ask(JoinApplications(**where, lead_application_id=lead, application_ids=(one,)), reason="together")

    def separate(self, a: int, b: int) -> None:
        if b:
            where: dict[str, Any] = {"programme_id": CALL, "track_id": BRANCH_TRACK}
            self.ask(SeparateApplications(**where, application_ids=(APPLICATIONS[a],)), reason="apart")

    def decide(self, a: int, b: int) -> None:
        """Sometimes on those that were joined as well, which is refused."""
        left_out = set(self.joined().joined) if b < 3 else set()
        paired = [each for each in zip(APPLICATIONS, OUTCOMES[a], strict=True) if each[0] not in left_out]
        choices = tuple(Choice(one, outcome) for one, outcome in paired)  # type: ignore[arg-type]
        command = DecideSelection(
            programme_id=CALL, track_id=BRANCH_TRACK, decision_id=DecisionId(self.new("D")), vote=VOTE,
            choices=choices, resolution_document_id=RESOLUTION,
        )  # fmt: skip
        self.ask(command, reason="further_place" if b else None)

    def reopen(self, a: int, _: int) -> None:
        if (made := pick(self.of(CommitteeDecided), a)) is not None:
            self.ask(ReopenDecision(programme_id=CALL, track_id=BRANCH_TRACK, decision_id=made.decision_id))

    def show(self, a: int, b: int) -> None:
        """Prepare, approve and open; sometimes by one person, sometimes only as far as it is approved."""
        publicity_id = PublicityId(self.new("PUB"))
        if not self.ask(PreparePublicity(publicity_id=publicity_id, programme_id=CALL, track_ids=(BRANCH_TRACK,)), ADA):
            return
        digest = self.of(PublicityPrepared)[-1].list_digest
        approve = ApprovePublicity(publicity_id=publicity_id, list_digest=digest, checks=("secrecy", "personal_data"))
        self.ask(approve, ADA if a == 0 else BEN)
        if b:
            self.ask(OpenPublicity(publicity_id=publicity_id), ADA)

    def open_late(self, a: int, _: int) -> None:
        if (prepared := pick(self.of(PublicityPrepared), a)) is not None:
            self.ask(OpenPublicity(publicity_id=prepared.publicity_id), ADA)

    def extend(self, a: int, b: int) -> None:
        if (opened := pick(self.of(PublicityOpened), a)) is not None:
            self.ask(ExtendPublicity(publicity_id=opened.publicity_id, last_day=(self.now + (b - 1) * DAY).date()))

    def take_down(self, a: int, _: int) -> None:
        if (opened := pick(self.of(PublicityOpened), a)) is not None:
            self.ask(TakeDownPublicity(publicity_id=opened.publicity_id))

    def wait(self, a: int, _: int) -> None:
        self.now += a * DAY

    def close(self, a: int, b: int) -> None:
        """Close what may be closed; sometimes once its end has come."""
        for opened in self.of(PublicityOpened):
            self.now += (3 if b else 0) * DAY
            self.ask(ClosePublicity(publicity_id=opened.publicity_id))
            if not a:
                break

    def object(self, a: int, b: int) -> None:
        if (opened := pick(self.of(PublicityOpened), b)) is not None:
            command = ReceiveObjection(
                objection_id=ObjectionId(self.new("OBJ")), publicity_id=opened.publicity_id,
                application_id=APPLICATIONS[a], identity="anonymous", channel="oral",
                objector=SealedDetails(fields=frozenset(), commitment="7" * 64),
                statement=SealedAnswers(document_id=PAPER, characters={"statement": 9}),
            )  # fmt: skip
            self.ask(command, ADA)

    def answer(self, a: int, b: int) -> None:
        """One step on with an objection, whichever was asked for."""
        received = pick(self.of(ObjectionReceived), a)
        if received is None:
            return
        about: dict[str, Any] = {"objection_id": received.objection_id}
        if b == 3:
            self.ask(WithdrawObjection(**about))
            return
        self.ask(AdmitObjection(**about) if b else RefuseObjection(**about, ground="late"))
        self.ask(InvestigateObjection(**about, findings_document_id=PAPER), ADA)
        if b:
            self.ask(UpholdObjection(**about) if b == 1 else DismissObjection(**about), ADA if a == 3 else BEN)

    def admit(self, a: int, b: int) -> None:
        if (received := pick(self.of(ObjectionReceived), a)) is not None and b:
            self.ask(AdmitObjection(objection_id=received.objection_id))

    def strike(self, a: int, _: int) -> None:
        self.ask(StrikeSelection(application_id=APPLICATIONS[a], ground="withdrawn"))

    def promote(self, a: int, b: int) -> None:
        for freed_by in APPLICATIONS:
            self.ask(PromoteReserve(application_id=APPLICATIONS[a], freed_by=freed_by), reason="passed" if b else None)

    def confirm(self, _: int, __: int) -> None:
        """Whatever could be confirmed by anything that was ever shown."""
        for opened in self.of(PublicityOpened):
            for one in APPLICATIONS:
                self.ask(ConfirmSelection(application_id=one, publicity_id=opened.publicity_id))

    def turn_back(self, a: int, _: int) -> None:
        self.ask(ReverseSelection(application_id=APPLICATIONS[a], resolution_document_id=RESOLUTION))

    def withdraw(self, a: int, b: int) -> None:
        gone = {each.application_id for each in self.of(ApplicationWithdrawn)}
        part = {*self.joined().joined, *self.joined().leads()}
        if not b and APPLICATIONS[a] not in gone | part:
            self.past = self.past.and_(withdrawn(APPLICATIONS[a], branch(APPLICATIONS[a])), when=self.now)


STEPS: tuple[Callable[[Committee, int, int], None], ...] = (
    Committee.decide,
    Committee.decide,
    Committee.show,
    Committee.show,
    Committee.show,
    Committee.object,
    Committee.object,
    Committee.object,
    Committee.answer,
    Committee.answer,
    Committee.answer,
    Committee.admit,
    Committee.close,
    Committee.close,
    Committee.confirm,
    Committee.confirm,
    Committee.wait,
    Committee.reopen,
    Committee.open_late,
    Committee.extend,
    Committee.take_down,
    Committee.strike,
    Committee.promote,
    Committee.turn_back,
    Committee.withdraw,
    Committee.join,
    Committee.separate,
)


def played(draws: Draws) -> Committee:
    past = the_recommendation().and_(
        deposited(PAPER), calendar(), publicity_rule(window_days=2, day_rule="calendar"), when=at("2020-06-15 09:00")
    )
    play = Committee(past, at("2020-06-16 09:00"))
    for step, a, b in draws:
        STEPS[step % len(STEPS)](play, a, b)
    return play


def before(log: Sequence[Recorded], position: int, *kinds: type) -> list[Any]:
    return [entry.event for entry in log[: position - 1] if isinstance(entry.event, kinds)]


def open_objections(log: Sequence[Recorded], position: int, application_id: ApplicationId) -> set[ObjectionId]:
    """Those against an application whose latest fact is that they were received, admitted or investigated."""
    latest = {
        event.objection_id: event
        for event in before(log, position, *OBJECTION_FACTS)
        if event.application_id == application_id
    }
    still = (ObjectionReceived, ObjectionAdmitted, ObjectionInvestigated)
    return {key for key, event in latest.items() if isinstance(event, still)}


def ends_at(log: Sequence[Recorded], position: int, publicity_id: PublicityId) -> datetime:
    """When the window of a publicity ends, by what had been written of it by then."""
    written = before(log, position, PublicityOpened, PublicityExtended)
    end: datetime = [event.closes_at for event in written if event.publicity_id == publicity_id][-1]
    return end


def check_confirmations(log: Sequence[Recorded]) -> None:
    for entry in log:
        if not isinstance(entry.event, SelectionConfirmed):
            continue
        body, position = entry.event, entry.position
        (opened,) = (e for e in before(log, position, PublicityOpened) if e.publicity_id == body.publicity_id)
        assert body.application_id in {shown.application_id for shown in opened.entries}
        # It is over at the instant that was written, whether or not that has been recorded by then.
        assert entry.envelope.effective_at >= ends_at(log, position, body.publicity_id), "its window was open"
        down = {e.publicity_id for e in before(log, position, PublicityTakenDown)}
        assert body.publicity_id not in down
        assert open_objections(log, position, body.application_id) == set(), "an objection was open"
        decided = [n for n, e in enumerate(log, 1) if n < position and _puts_in(e, body.application_id)][-1]
        upheld = [e.event for e in log[decided:position] if isinstance(e.event, ObjectionUpheld)]
        assert body.application_id not in {event.application_id for event in upheld}, "an objection had been upheld"
        gone = {e.application_id for e in before(log, position, ApplicationWithdrawn)}
        assert body.application_id not in gone


def _puts_in(entry: Recorded, application_id: ApplicationId) -> bool:
    event = entry.event
    return isinstance(event, ApplicationDecided | ReservePromoted) and event.application_id == application_id


def check_places(play: Committee) -> None:
    """At no time are more in than the places, unless the committee said why; nobody is promoted to a place not free."""
    inside: set[ApplicationId] = set()
    allowed = PLACES
    for entry in play.past.log:
        match entry.event:
            case CommitteeDecided(selected=selected):
                if selected != PLACES:
                    assert play.reasons[entry.position] is not None
                allowed = max(PLACES, selected)
            case ApplicationDecided(application_id=application_id, outcome="selected"):
                inside.add(application_id)
            case ReservePromoted(application_id=application_id):
                inside.add(application_id)
            case SelectionStruck(application_id=application_id) | SelectionReversed(application_id=application_id):
                inside.discard(application_id)
            case DecisionReopened():
                inside.clear()
        assert len(inside) <= allowed


def check_projects(log: Sequence[Recorded]) -> None:
    """Who is joined leads nobody, is decided on nowhere and becomes no case; nobody is joined once it is decided."""
    projects, decided = Projects(), False
    for entry in log:
        match entry.event:
            case ApplicationJoined() | ApplicationSeparated() as body:
                assert not decided
                projects.take(body)
                assert projects.leads().isdisjoint(projects.joined)
            case CommitteeDecided():
                decided = True
            case DecisionReopened():
                decided = False
            case ApplicationDecided(application_id=one) | SelectionConfirmed(application_id=one):
                assert one not in projects.joined


def check_publicities(log: Sequence[Recorded]) -> None:
    """A second person, one wall at a time, and nothing passes that is objected to or before its end."""
    by: dict[tuple[type, str], str] = {}
    on_the_wall: dict[PublicityId, set[ApplicationId]] = {}
    for entry in log:
        event = entry.event
        match event:
            case PublicityPrepared() | PublicityApproved():
                by[type(event), event.publicity_id] = entry.envelope.actor_id
            case PublicityOpened(publicity_id=publicity_id):
                assert by[PublicityPrepared, publicity_id] != by[PublicityApproved, publicity_id]
                listed = {shown.application_id for shown in event.entries}
                assert all(listed.isdisjoint(shown) for shown in on_the_wall.values())
                on_the_wall[publicity_id] = listed
            case PublicityClosed(publicity_id=publicity_id) | PublicityTakenDown(publicity_id=publicity_id):
                on_the_wall.pop(publicity_id)
            case EntryPassed(publicity_id=publicity_id, application_id=application_id):
                assert entry.envelope.effective_at >= ends_at(log, entry.position, publicity_id)
                of_it = [e for e in before(log, entry.position, *OBJECTION_FACTS) if e.publicity_id == publicity_id]
                ids = {e.objection_id for e in of_it}
                assert not ids & open_objections(log, entry.position, application_id)


@settings(max_examples=150, deadline=None)
@drawn(DRAWS)
def test_no_sequence_confirms_in_an_open_window_or_objection_nor_awards_above_places_without_a_reason(
    draws: Draws,
) -> None:
    check_committee(draws)


def check_committee(draws: Draws) -> set[type]:
    """What came of it, once it was judged."""
    play = played(draws)
    check_confirmations(play.past.log)
    check_places(play)
    check_projects(play.past.log)
    check_publicities(play.past.log)
    return {type(entry.event) for entry in play.past.log}


# --- scoring ----------------------------------------------------------------------------------------------------------


@dataclass
class Panel(Play):
    """Three seats, two applications, and whatever is asked of them."""

    def file(self, a: int, b: int) -> None:
        seat, one = SEATS[a % 3], self.applications[b % 2]
        sheet: dict[str, Any] = {"panel_id": PANEL, "application_id": one, "opinion": OPINION}
        given = sealed(100 * (a + 1), 50 * (b + 1), seat, one)
        if not self.ask(FileScoreSheet(**sheet, marks=given), code(seat)):
            self.ask(AmendScoreSheet(**sheet, marks=given), code(seat), reason="misread")

    @property
    def applications(self) -> tuple[ApplicationId, ...]:
        return ApplicationId("A-1"), ApplicationId("A-2")

    def recuse(self, a: int, b: int) -> None:
        about: dict[str, Any] = {"panel_id": PANEL, "application_id": self.applications[b % 2], "interest": "kin"}
        if b < 2:
            self.ask(DeclareInterest(**about), code(SEATS[a % 3]))
        else:
            self.ask(ImposeRecusal(**about, seat_id=SEATS[a % 3]), reason="kin")

    def lift(self, a: int, b: int) -> None:
        self.ask(LiftRecusal(panel_id=PANEL, seat_id=SEATS[a % 3], application_id=self.applications[b % 2]))

    def over(self, _: int, __: int) -> None:
        self.now = AFTER
        self.ask(CloseScoring(panel_id=PANEL))
        standing: dict[tuple[SeatId, ApplicationId], int] = {}
        for entry in self.past.log:
            if isinstance(entry.event, ScoreSheetFiled | ScoreSheetAmended):
                standing[entry.event.seat_id, entry.event.application_id] = entry.position
        for (seat, one), position in standing.items():
            a, b = SEATS.index(seat), self.applications.index(one)
            for plan, deeds in ((100 * (n + 1), 50 * (m + 1)) for n in (a, a + 3) for m in (b, b + 2)):
                command = OpenScoreSheet(
                    panel_id=PANEL, seat_id=seat, application_id=one, filed_position=position,
                    salt=salt_of(seat, one),
                    marks=tuple(Mark(name, tenths) for name, tenths in marks(plan, deeds).items()),
                )  # fmt: skip
                self.ask(command)

    def exclude(self, a: int, b: int) -> None:
        self.ask(ExcludeScoreSheet(panel_id=PANEL, seat_id=SEATS[a % 3], application_id=self.applications[b % 2]))

    def rank(self, _: int, __: int) -> None:
        self.ask(RankApplications(panel_id=PANEL, track_id=BRANCH_TRACK), reason="absent")


PANEL_STEPS: tuple[Callable[[Panel, int, int], None], ...] = (
    Panel.file,
    Panel.file,
    Panel.file,
    Panel.recuse,
    Panel.lift,
    Panel.over,
    Panel.exclude,
    Panel.rank,
    Panel.rank,
)


@settings(max_examples=150, deadline=None)
@drawn(DRAWS)
def test_no_sequence_counts_a_sheet_that_is_recused_or_excluded_or_was_filed_late(
    draws: Draws,
) -> None:
    check_panel(draws)


def check_panel(draws: Draws) -> set[type]:
    """What came of it, once it was judged."""
    play = Panel(the_scoring(), SCORES)
    for step, a, b in draws:
        PANEL_STEPS[step % len(PANEL_STEPS)](play, a, b)
    recused: set[tuple[SeatId, ApplicationId]] = set()
    out: set[tuple[SeatId, ApplicationId]] = set()
    shown: dict[tuple[SeatId, ApplicationId], int] = {}
    for entry in play.past.log:
        match entry.event:
            case ReviewerRecused(seat_id=seat, application_id=one):
                recused.add((seat, one))
            case RecusalLifted(seat_id=seat, application_id=one):
                recused.discard((seat, one))
            case ScoreSheetExcluded(seat_id=seat, application_id=one):
                out.add((seat, one))
            case ScoreSheetOpened(seat_id=seat, application_id=one) as opened:
                # A mark on plan weighs 4,000 and one on deeds 6,000 in 10,000: in hundredths of a tenth.
                tenths = {mark.criterion: mark.tenths for mark in opened.marks}
                shown[seat, one] = 4 * tenths["plan"] + 6 * tenths["deeds"]
            case (
                ScoreSheetFiled(seat_id=seat, application_id=one) | ScoreSheetAmended(seat_id=seat, application_id=one)
            ):
                assert (seat, one) not in recused
                assert entry.envelope.effective_at < ENDS
            case ApplicationRanked(application_id=one) as ranked:
                counted = [value for key, value in shown.items() if key[1] == one and key not in recused | out]
                assert ranked.sheets == len(counted)
                # In points: ten tenths, and the weights are of ten.
                mean = Fraction(sum(counted), 100 * len(counted)) if counted else 0
                assert Fraction(ranked.score_numerator, ranked.score_denominator) == mean
    return {type(entry.event) for entry in play.past.log}


def test_long_sequences_reach_what_they_are_to_judge() -> None:
    """Properties that never get as far as a confirmation or a ranking would judge nothing."""
    reached = {kind for seed in range(60) for kind in check_committee(at_random(seed)) | check_panel(at_random(seed))}
    assert reached >= {
        CommitteeDecided, SelectionConfirmed, EntryPassed, ReservePromoted, SelectionStruck, SelectionReversed,
        DecisionReopened, PublicityTakenDown, PublicityExtended, ObjectionUpheld, RankingRecorded, ReviewerRecused,
        RecusalLifted, ScoreSheetExcluded, ApplicationJoined, ApplicationSeparated,
    }  # fmt: skip
