"""A panel as the record tells it, what commands about one know, and who sits on it under which code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import ClassVar, Final, Literal, cast, get_args

from domain.application.policy import require_state
from domain.ids import ApplicationId, PanelId, SeatId, TrackId, tag
from domain.kernel import (
    Code,
    Command,
    Event,
    Refusal,
    Selector,
    Unknown,
    any_event,
    asked,
    known,
)
from domain.permission.policy import NOT_ON_RECORD
from domain.review.events import (
    PanelConstituted,
    RecusalLifted,
    ReviewerRecused,
    ReviewerSeated,
    ReviewerUnseated,
    ScoringClosed,
    ScoringExtended,
    ScoringOpened,
    StageDefined,
)

PanelFact = PanelConstituted | ScoringOpened | ScoringExtended | ScoringClosed
PANEL_FACTS: Final[tuple[type[Event], ...]] = get_args(PanelFact)
"""What says which panel it is and until when it scores: all with the tag of the panel."""
SeatFact = ReviewerSeated | ReviewerUnseated
SEAT_FACTS: Final[tuple[type[Event], ...]] = get_args(SeatFact)
"""Who sits on a panel, by code: all with the tags of panel and seat."""
RecusalFact = ReviewerRecused | RecusalLifted
RECUSAL_FACTS: Final[tuple[type[Event], ...]] = get_args(RecusalFact)
"""Who is recused from what: all with the tags of panel, seat and application."""

PanelState = Literal["unknown", "constituted", "scoring", "scored"]


class PanelUnknown(Unknown):
    """Panel {panel_id} is not on record.
    zh: 没有评审组 {panel_id} 的记录。
    title: The panel is not on record · 没有该评审组的记录
    """


class SeatUnknown(Unknown):
    """Panel {panel_id} has no seat {seat_id}.
    zh: 评审组 {panel_id} 没有席位 {seat_id}。
    title: The panel has no such seat · 评审组没有该席位
    """


class SeatVacated(Refusal):
    """Seat {seat_id} of panel {panel_id} was vacated.
    zh: 评审组 {panel_id} 的席位 {seat_id} 已空出。
    title: The seat was vacated · 席位已空出
    """


@dataclass(slots=True)
class Panel:
    """One panel: the stage it is pinned to, its seats, and until when it scores."""

    constituted: PanelConstituted | None = None
    defined: dict[Code, StageDefined] = field(default_factory=dict)
    """The stages of the programme as they stood when the panel was constituted."""
    seats: dict[SeatId, bool] = field(default_factory=dict)
    """Whether somebody still sits there."""
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    last_day: date | None = None
    closed: bool = False

    def take(self, body: PanelFact | SeatFact | StageDefined) -> None:
        """Take in one event; a stage that is defined once the panel stands is not the panel's."""
        match body:
            case StageDefined():
                self._define(body)
            case PanelConstituted():
                self.constituted = body
            case ReviewerSeated(seat_id=seat_id):
                self.seats[seat_id] = True
            case ReviewerUnseated(seat_id=seat_id):
                self.seats[seat_id] = False
            case _:
                if isinstance(body, ScoringOpened):
                    self.opens_at = body.opens_at
                self.closes_at, self.last_day = body.closes_at, body.last_day
                self.closed = isinstance(body, ScoringClosed)

    def _define(self, body: StageDefined) -> None:
        if self.constituted is None:
            self.defined[body.stage] = body

    @property
    def state(self) -> PanelState:
        """The state of the panel, for the permission table."""
        if self.constituted is None:
            return NOT_ON_RECORD
        if self.opens_at is None:
            return "constituted"
        return "scored" if self.closed else "scoring"

    @property
    def stage(self) -> StageDefined:
        """The stage that the panel is pinned to; of a panel on record it is known once the stages were read."""
        return self.defined[cast("PanelConstituted", self.constituted).stage]

    @property
    def end(self) -> tuple[datetime, date]:
        """When scoring closes, and its last day; known once it was opened."""
        return cast("datetime", self.closes_at), cast("date", self.last_day)

    def earlier_stage(self, track_id: TrackId) -> Code | None:
        """The stage before the panel's own that a track goes through, or None where it is the first."""
        order = self.stage.order
        earlier = [each for each in self.defined.values() if each.order < order and track_id in each.track_ids]
        return max(earlier, key=lambda each: each.order).stage if earlier else None

    def require_seat(self, panel_id: PanelId, seat_id: SeatId) -> None:
        """Raise SeatUnknown unless the seat was ever given."""
        if seat_id not in self.seats:
            raise SeatUnknown(panel_id=panel_id, seat_id=seat_id)

    def require_seated(self, panel_id: PanelId, seat_id: SeatId) -> None:
        """Raise SeatUnknown or SeatVacated unless somebody sits there."""
        self.require_seat(panel_id, seat_id)
        if not self.seats[seat_id]:
            raise SeatVacated(panel_id=panel_id, seat_id=seat_id)


@dataclass(slots=True)
class Recusals:
    """Who is recused from what, as far as it was read."""

    standing: dict[tuple[SeatId, ApplicationId], tuple[ReviewerRecused, int]] = field(default_factory=dict)

    def take(self, body: RecusalFact, position: int = 0) -> None:
        """Take in one event."""
        key = (body.seat_id, body.application_id)
        if isinstance(body, ReviewerRecused):
            self.standing[key] = (body, position)
        else:
            self.standing.pop(key, None)

    def of(self, seat_id: SeatId, application_id: ApplicationId) -> ReviewerRecused | None:
        """What recuses a seat from an application, if it is recused."""
        found = self.standing.get((seat_id, application_id))
        return None if found is None else found[0]


def of_panel(panel_id: PanelId) -> list[str]:
    """The tags of a panel."""
    return [tag(PanelId, panel_id)]


def of_seat(panel_id: PanelId, seat_id: SeatId) -> list[str]:
    """The tags of one seat of one panel."""
    return [tag(SeatId, seat_id), tag(PanelId, panel_id)]


def of_recusal(panel_id: PanelId, seat_id: SeatId, application_id: ApplicationId) -> list[str]:
    """The tags of what concerns one seat and one application."""
    return [tag(ApplicationId, application_id), *of_seat(panel_id, seat_id)]


class AboutPanel(Command):
    """What every command about a panel knows.
    zh: 关于评审组的各项命令所共知。
    """

    panel_id: PanelId = asked("Panel", "评审组")

    panel: Panel = known(factory=Panel)

    @property
    def state(self) -> str:
        """The state of the panel, for the permission table."""
        return self.panel.state

    def consistency_boundary(self) -> Sequence[Selector]:
        """Which panel it is, and until when it scores."""
        return [Selector(PANEL_FACTS, of_panel(self.panel_id))]

    @any_event(*PANEL_FACTS)
    def _(self, body: PanelFact) -> None:
        self.panel.take(body)

    def _require_panel(self) -> PanelConstituted:
        """The panel, in a state in which the permission table has this command."""
        if self.panel.constituted is None:
            raise PanelUnknown(panel_id=self.panel_id)
        require_state(self)
        return self.panel.constituted


class AboutSeat(AboutPanel):
    """What every command of the office about one seat knows.
    zh: 主管部门关于某一席位的各项命令所共知。
    """

    seat_id: SeatId = asked("Seat", "席位")

    def consistency_boundary(self) -> Sequence[Selector]:
        """The panel, and the seat."""
        return [*super().consistency_boundary(), Selector(SEAT_FACTS, of_seat(self.panel_id, self.seat_id))]

    @any_event(*SEAT_FACTS)
    def _(self, body: SeatFact) -> None:
        self.panel.take(body)


class AboutOwnSeat(AboutPanel):
    """What every command knows that a reviewer asks for from the own seat, under its code.
    zh: 评审专家以席位代码提出的各项命令所共知。
    """

    CODED: ClassVar[tuple[str, ...]] = ("panel_id",)

    @property
    def seat_id(self) -> SeatId:
        """The seat whose code it is asked under."""
        return SeatId(self.by.rpartition("/")[2])

    def consistency_boundary(self) -> Sequence[Selector]:
        """The panel, and the seat."""
        return [*super().consistency_boundary(), Selector(SEAT_FACTS, of_seat(self.panel_id, self.seat_id))]

    @any_event(*SEAT_FACTS)
    def _(self, body: SeatFact) -> None:
        self.panel.take(body)


class AboutRecusals(AboutPanel):
    """What every command knows that depends on who is recused from an application.
    zh: 取决于回避情况的各项命令所共知。
    """

    application_id: ApplicationId = asked("Application", "申报")

    recusals: Recusals = known(factory=Recusals)

    @any_event(*RECUSAL_FACTS)
    def _(self, body: RecusalFact, position: int) -> None:
        self.recusals.take(body, position)
