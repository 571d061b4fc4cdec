"""What may be asked of the seats of a panel: give one, vacate one, learn who sits there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from domain.application.events import ApplicationWithdrawn
from domain.application.policy import of_track
from domain.ids import ApplicationId, PersonId, ProgrammeId, SeatId, TrackId, UnitId, tag
from domain.kernel import Refusal, SealedIdentity, Selector, any_event, asked, event, known
from domain.person.events import Appointed, AppointmentEnded, PersonRegistered
from domain.person.policy import Appointments
from domain.review.events import (
    ApplicationAdmitted,
    ReviewerJoinedScoring,
    ReviewerRecused,
    ReviewerSeated,
    ReviewerUnseated,
    SeatIdentityOpened,
)
from domain.review.panel import SEAT_FACTS, AboutPanel, AboutSeat, SeatFact, of_panel
from domain.screening.events import ScreeningPassed

_OWN_UNIT: Final = "own_unit"


class SeatTaken(Refusal):
    """Seat {seat_id} of panel {panel_id} was given before; a code stays with whom it was given to.
    zh: 评审组 {panel_id} 的席位 {seat_id} 此前已授予;席位代码不得转授。
    title: The seat was given before · 席位此前已授予
    """


class ReviewerSeatedBefore(Refusal):
    """The person named has, or had, a seat of panel {panel_id}; nobody has two.
    zh: 所指人员在评审组 {panel_id} 已有或曾有席位;一人不得有两席。
    title: The person has or had a seat on the panel · 所指人员在该评审组已有或曾有席位
    """


class NotAReviewer(Refusal):
    """The person named is not registered, or holds no office of a reviewer today.
    zh: 所指人员未登记,或当日未任评审专家。
    """


class SeatReviewer(AboutPanel):
    """Give a reviewer a seat of the panel; who it is is sealed, and whatever is of an own unit is recused at once.
    zh: 授予评审专家席位;其身份封存,属其本单位的申报即时回避。
    """

    GIVES_CODE: ClassVar[tuple[str, ...]] = ("panel_id", "seat_id")

    seat_id: SeatId = asked("Seat", "席位")
    reviewer: SealedIdentity = asked("Reviewer", "评审专家")

    registered: bool = known(default=False)
    appointments: Appointments = known(factory=Appointments)
    before: dict[ApplicationId, TrackId] = known(factory=dict)
    admitted: frozenset[ApplicationId] = known(frozenset())
    withdrawn: frozenset[ApplicationId] = known(frozenset())

    @property
    def own_units(self) -> tuple[UnitId, ...]:
        """The units at which the reviewer holds any office today."""
        return tuple(sorted({held.unit_id for held in self.appointments.on(self.today) if held.unit_id is not None}))

    def consistency_boundary(self) -> Sequence[Selector]:
        person = tag(PersonId, self.reviewer.person_id)
        boundary = [
            *super().consistency_boundary(),
            Selector([*SEAT_FACTS, ApplicationAdmitted], of_panel(self.panel_id)),
            Selector([PersonRegistered, Appointed, AppointmentEnded], [person]),
        ]
        if (constituted := self.panel.constituted) is not None:
            # Where the reviewer holds no office at a unit there is none to look for; the id of no unit finds nothing.
            for unit in self.own_units or (UnitId("none"),):
                screened = [tag(UnitId, unit), tag(ProgrammeId, constituted.programme_id)]
                boundary.append(Selector([ScreeningPassed], screened))
            boundary += [
                Selector([ApplicationWithdrawn], of_track(constituted.programme_id, track_id))
                for track_id in constituted.track_ids
            ]
        return boundary

    @any_event(*SEAT_FACTS)
    def _(self, body: SeatFact) -> None:
        self.panel.take(body)

    @event(PersonRegistered)
    def _(self) -> None:
        self.registered = True

    @any_event(Appointed, AppointmentEnded)
    def _(self, body: Appointed | AppointmentEnded) -> None:
        self.appointments.take(body)

    @event(ScreeningPassed)
    def _(self, application_id: ApplicationId, track_id: TrackId) -> None:
        self.before[application_id] = track_id

    @event(ApplicationAdmitted)
    def _(self, application_id: ApplicationId) -> None:
        self.admitted |= {application_id}

    @event(ApplicationWithdrawn)
    def _(self, application_id: ApplicationId) -> None:
        self.withdrawn |= {application_id}

    def execute(self) -> None:
        constituted = self._require_panel()
        if self.seat_id in self.panel.seats:
            raise SeatTaken(panel_id=self.panel_id, seat_id=self.seat_id)
        if self.reviewer.coded_before:
            raise ReviewerSeatedBefore(panel_id=self.panel_id)
        if not self.registered or self.appointments.held("reviewer", None, self.today) is None:
            raise NotAReviewer
        self.trigger_event(
            ReviewerSeated, panel_id=self.panel_id, seat_id=self.seat_id, commitment=self.reviewer.commitment
        )
        self._join_scoring(constituted.programme_id)
        for application_id in sorted(self.before):
            if self.before[application_id] not in constituted.track_ids:
                continue
            self.trigger_event(
                ReviewerRecused,
                panel_id=self.panel_id,
                seat_id=self.seat_id,
                application_id=application_id,
                basis="own_unit",
                interest=_OWN_UNIT,
            )

    def _join_scoring(self, programme_id: ProgrammeId) -> None:
        """Whoever comes while the others score has the same to score by the same instant."""
        if self.state != "scoring":
            return
        closes_at, last_day = self.panel.end
        if self.now < closes_at:
            self.trigger_event(
                ReviewerJoinedScoring,
                panel_id=self.panel_id,
                programme_id=programme_id,
                seat_id=self.seat_id,
                closes_at=closes_at,
                last_day=last_day,
                application_ids=tuple(sorted(self.admitted - self.withdrawn)),
            )


class UnseatReviewer(AboutSeat):
    """Vacate a seat: nothing more is read or filed from it; what was filed before stays.
    zh: 空出席位:此后不得再由该席位查阅或评分;此前所评保留。
    """

    def execute(self) -> None:
        self._require_panel()
        self.panel.require_seated(self.panel_id, self.seat_id)
        self.trigger_event(ReviewerUnseated, panel_id=self.panel_id, seat_id=self.seat_id)


class OpenSeatIdentity(AboutSeat):
    """Have the link between a seat and its person opened to oneself, with a reason.
    zh: 附事由请求向本人开启某席位与人员的对应关系。
    """

    def execute(self) -> None:
        self._require_panel()
        self.panel.require_seat(self.panel_id, self.seat_id)
        self.trigger_event(SeatIdentityOpened, panel_id=self.panel_id, seat_id=self.seat_id)
