"""What may be asked of recusals: declare an interest, impose a recusal, lift one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from domain.ids import ApplicationId, PanelId, SeatId, TrackId, tag
from domain.kernel import Code, Refusal, Selector, Unknown, asked, event, known
from domain.review.events import ApplicationAdmitted, RecusalBasis, RecusalLifted, ReviewerRecused
from domain.review.panel import RECUSAL_FACTS, AboutOwnSeat, AboutRecusals, AboutSeat, of_recusal
from domain.screening.events import ScreeningPassed


class NotBeforePanel(Unknown):
    """Application {application_id} is not before panel {panel_id}.
    zh: 申报 {application_id} 不在评审组 {panel_id} 的评审范围内。
    title: The application is not before the panel · 申报不在评审组评审范围内
    """


class AlreadyRecused(Refusal):
    """Seat {seat_id} is recused from application {application_id} already.
    zh: 席位 {seat_id} 已回避申报 {application_id}。
    title: The seat is recused already · 席位已回避该申报
    """


class NotRecused(Refusal):
    """Seat {seat_id} is not recused from application {application_id}.
    zh: 席位 {seat_id} 未回避申报 {application_id}。
    title: The seat is not recused · 席位未回避该申报
    """


class OwnUnitStands(Refusal):
    """The recusal of seat {seat_id} from application {application_id} of its own unit is not lifted.
    zh: 席位 {seat_id} 因本单位而对申报 {application_id} 的回避不得解除。
    title: A recusal from the own unit stands · 因本单位的回避不得解除
    """


def _matter(panel_id: PanelId, seat_id: SeatId, application_id: ApplicationId) -> Iterable[Selector]:
    """Whether a seat is recused from an application, and whether the application is the panel's."""
    application = tag(ApplicationId, application_id)
    yield Selector(RECUSAL_FACTS, of_recusal(panel_id, seat_id, application_id))
    yield Selector([ScreeningPassed], [application])
    yield Selector([ApplicationAdmitted], [application, tag(PanelId, panel_id)])


class AboutRecusing(AboutRecusals):
    """What every command knows by which a reviewer is recused.
    zh: 使评审专家回避的各项命令所共知。
    """

    screened_in: frozenset[TrackId] = known(frozenset())
    admitted: bool = known(default=False)

    @event(ScreeningPassed)
    def _(self, track_id: TrackId) -> None:
        self.screened_in |= {track_id}

    @event(ApplicationAdmitted)
    def _(self) -> None:
        self.admitted = True

    def _recuse(self, seat_id: SeatId, basis: RecusalBasis, interest: Code) -> None:
        panel = self._require_panel()
        self.panel.require_seated(self.panel_id, seat_id)
        # Which applications are the panel's is settled when scoring opens; until then, all that were passed on to it.
        awaited = self.panel.opens_at is None and self.screened_in & set(panel.track_ids)
        if not self.admitted and not awaited:
            raise NotBeforePanel(application_id=self.application_id, panel_id=self.panel_id)
        if self.recusals.of(seat_id, self.application_id) is not None:
            raise AlreadyRecused(seat_id=seat_id, application_id=self.application_id)
        self.trigger_event(
            ReviewerRecused,
            panel_id=self.panel_id,
            seat_id=seat_id,
            application_id=self.application_id,
            basis=basis,
            interest=interest,
        )


class DeclareInterest(AboutRecusing, AboutOwnSeat):
    """Declare an interest in an application: from this moment on the reviewer is recused from it.
    zh: 申明与某申报的利害关系:即时起回避该申报。
    """

    interest: Code = asked("Interest", "利害关系")

    def consistency_boundary(self) -> Sequence[Selector]:
        return [*super().consistency_boundary(), *_matter(self.panel_id, self.seat_id, self.application_id)]

    def execute(self) -> None:
        self._recuse(self.seat_id, "declared", self.interest)


class ImposeRecusal(AboutRecusing, AboutSeat):
    """Recuse a reviewer from an application, with a reason: from this moment on nothing of the seat counts for it.
    zh: 附事由决定评审专家回避某申报:即时起该席位就该申报所评不计。
    """

    interest: Code = asked("Interest", "利害关系")

    def consistency_boundary(self) -> Sequence[Selector]:
        return [*super().consistency_boundary(), *_matter(self.panel_id, self.seat_id, self.application_id)]

    def execute(self) -> None:
        self._recuse(self.seat_id, "imposed", self.interest)


class LiftRecusal(AboutRecusals, AboutSeat):
    """Lift a recusal, with a reason; one from an application of the reviewer's own unit stands.
    zh: 附事由解除回避;因本单位而回避者不得解除。
    """

    def consistency_boundary(self) -> Sequence[Selector]:
        recusal = of_recusal(self.panel_id, self.seat_id, self.application_id)
        return [*super().consistency_boundary(), Selector(RECUSAL_FACTS, recusal)]

    def execute(self) -> None:
        self._require_panel()
        standing = self.recusals.of(self.seat_id, self.application_id)
        if standing is None:
            raise NotRecused(seat_id=self.seat_id, application_id=self.application_id)
        if standing.basis == "own_unit":
            raise OwnUnitStands(seat_id=self.seat_id, application_id=self.application_id)
        self.trigger_event(
            RecusalLifted, panel_id=self.panel_id, seat_id=self.seat_id, application_id=self.application_id
        )
