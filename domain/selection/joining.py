"""Several applications become one project before their track is decided, under the one that leads it; and apart again.

From then on the project goes by its lead application: it is decided on, takes one place, is shown, confirmed, funded,
assessed and named once, and answers as one. The units of the joined ones are its partners: each is named wherever the
project is, and what the project is found to be follows each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from domain.application.policy import of_track
from domain.ids import ApplicationId, LeadApplicationId, PanelId
from domain.kernel import Invalid, Refusal, Selector, asked, event, known
from domain.review.events import ApplicationRanked
from domain.selection.case import AboutTrack, VetoedNotChosen, WithdrawnNotChosen
from domain.selection.events import ApplicationJoined, ApplicationRecommended, ApplicationSeparated

Several = Annotated[tuple[ApplicationId, ...], msgspec.Meta(min_length=1)]


class NotRecommended(Refusal):
    """Application {application_id} has not been recommended in track {track_id}.
    zh: 申报 {application_id} 在赛道 {track_id} 尚无推荐意见。
    title: Nothing was recommended on it · 该申报尚无推荐意见
    """


class NobodyToJoin(Invalid):
    """A project is made of its lead and of at least one other; named twice, or naming itself: {amiss}.
    zh: 联合项目由牵头申报与至少一份其他申报组成;重复列明或列明自身者:{amiss}。
    title: A project is made of a lead and of others · 联合项目须有牵头申报与其他申报
    """


class NotJoined(Refusal):
    """Application {application_id} is joined to no other.
    zh: 申报 {application_id} 未并入任何项目。
    title: The application stands alone · 该申报未并入其他项目
    """


class JoinApplications(AboutTrack):
    """Join applications into the project of one that leads it, after the recommendation and before the decision.
    zh: 在推荐之后、决定之前,将若干申报并入牵头申报的项目。
    """

    lead_application_id: ApplicationId = asked("Lead application", "牵头申报")
    application_ids: Several = asked("Applications to be joined", "并入的申报")

    recommended: dict[ApplicationId, ApplicationRecommended] = known(factory=dict)
    vetoed: set[tuple[PanelId, ApplicationId]] = known(factory=set)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The track with everything decided in it, what was recommended, and who was vetoed."""
        judged = Selector([ApplicationRecommended, ApplicationRanked], of_track(self.programme_id, self.track_id))
        return [*super().consistency_boundary(), judged]

    @event(ApplicationRanked)
    def _(self, body: ApplicationRanked) -> None:
        ranked = body.panel_id, body.application_id
        self.vetoed = self.vetoed | {ranked} if body.rank is None else self.vetoed - {ranked}

    @event(ApplicationRecommended)
    def _(self, body: ApplicationRecommended) -> None:
        self.recommended[body.application_id] = body

    def execute(self) -> None:
        self._require_track()
        self._require_undecided()
        named = (self.lead_application_id, *self.application_ids)
        amiss = sorted({each for each in named if named.count(each) > 1})
        if amiss or not self.application_ids:
            raise NobodyToJoin(field="application_ids", amiss=", ".join(amiss))
        for application_id in named:
            self._require_choosable(application_id)
        self._require_none_elsewhere()
        for application_id in self.application_ids:
            self.trigger_event(
                ApplicationJoined,
                application_id=application_id,
                programme_id=self.programme_id,
                track_id=self.track_id,
                unit_id=self.recommended[application_id].unit_id,
                lead_application_id=LeadApplicationId(self.lead_application_id),
            )

    def _require_choosable(self, application_id: ApplicationId) -> None:
        """It was recommended in one way or the other, was not vetoed, and was not withdrawn."""
        if application_id not in self.recommended:
            raise NotRecommended(application_id=application_id, track_id=self.track_id)
        if (self.recommended[application_id].panel_id, application_id) in self.vetoed:
            raise VetoedNotChosen(application_id=application_id)
        if application_id in self.withdrawn:
            raise WithdrawnNotChosen(application_id=application_id)

    def _require_none_elsewhere(self) -> None:
        """Who is joined leads nobody and is joined to nobody; who leads is joined to nobody, and may lead others."""
        for application_id in self.application_ids:
            self.projects.require_apart(application_id)
        if self.projects.lead_of(self.lead_application_id) is not None:
            self.projects.require_apart(self.lead_application_id)


class SeparateApplications(AboutTrack):
    """Separate applications that were joined, before the track is decided: each goes by itself again.
    zh: 在作出决定之前,将已并入的申报重新分立,各自单独处理。
    """

    application_ids: Several = asked("Applications to be separated", "分立的申报")

    def execute(self) -> None:
        self._require_track()
        self._require_undecided()
        for application_id in dict.fromkeys(self.application_ids):
            joined = self.projects.joined.get(application_id)
            if joined is None:
                raise NotJoined(application_id=application_id)
            self.trigger_event(ApplicationSeparated, **joined.as_dict())
