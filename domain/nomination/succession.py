"""What may be asked of the places of a nominating unit that is no more: they pass to the unit that carries on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec

from domain.application.policy import ApplicationUnknown, of_track
from domain.ids import ApplicationId, NominatorUnitId, ProgrammeId, TrackId, tag
from domain.kernel import Command, Invalid, Refusal, Selector, any_event, asked, known
from domain.nomination.events import NominationPassed, QuotaGround, QuotaPassed
from domain.nomination.policy import QUOTA_FACTS, QuotaFact, QuotaUse
from domain.unit.events import UnitDissolved, UnitMerged, UnitSplit
from domain.unit.policy import TREE_FACTS, Lineage, NotTheSuccessor, TreeFact, UnitEnd

_GROUNDS: Final[dict[type[UnitEnd], QuotaGround]] = {
    UnitMerged: "merged",
    UnitSplit: "split",
    UnitDissolved: "dissolved",
}


class NominatorStands(Refusal):
    """Unit {nominator_unit_id} was neither merged nor split nor dissolved: its places stay its own.
    zh: 单位 {nominator_unit_id} 并未合并、拆分或撤销,其推荐指标不发生承继。
    title: The nominating unit stands · 推荐单位并无变动
    """


class NoPlacesToPass(Refusal):
    """Unit {nominator_unit_id} has no places in track {track_id} that could pass to another.
    zh: 单位 {nominator_unit_id} 在赛道 {track_id} 没有可供承继的推荐指标。
    title: There are no places to pass · 没有可供承继的推荐指标
    """


class SharesMissing(Refusal):
    """The {places} places of unit {nominator_unit_id} are to be divided by naming shares; these carry on: {successors}.
    zh: 单位 {nominator_unit_id} 的 {places} 个推荐指标须列明如何分配;承接单位为:{successors}。
    title: The shares are to be named · 须列明分配份额
    """


class ShareTwice(Invalid):
    """Unit {successor_unit_id} is given two shares.
    zh: 单位 {successor_unit_id} 的份额重复列出。
    title: A unit is given two shares · 份额重复列出
    """


class SharesExceedPlaces(Refusal):
    """The shares come to {shared} places; unit {nominator_unit_id} has {places}.
    zh: 各份额合计 {shared} 个指标,而单位 {nominator_unit_id} 仅有 {places} 个。
    title: More places are shared than there are · 分配份额超过原有指标
    """


class ShareBelowUse(Refusal):
    """A share of {places} places is given to unit {successor_unit_id} with {used} applications that were filed.
    zh: 单位 {successor_unit_id} 所得份额为 {places} 个指标,而随附已报送的申报 {used} 份。
    title: A share is smaller than what was filed on it · 份额少于已报送数
    """


class NominationNotShared(Refusal):
    """Application {application_id} was filed on these places; exactly one share is to take it on.
    zh: 申报 {application_id} 系占用该指标报送,须且仅须由一个份额承继。
    title: One share takes on each application filed · 每份已报送申报由一个份额承继
    """


class QuotaShare(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many places a unit that carries on is given, and which of the applications that were filed on them."""

    successor_unit_id: NominatorUnitId
    places: Annotated[int, msgspec.Meta(ge=0)]
    application_ids: tuple[ApplicationId, ...] = ()


class PassQuota(Command):
    """Pass the places of a nominating unit that is no more, with what was filed on them: whole to the one that carries
    on, after a split or a dissolution as the head divides them.
    zh: 推荐单位不复存在的,其推荐指标及已据此报送的申报一并承继:合并者全部转入承接单位,拆分、撤销者由负责人确定。
    """

    programme_id: ProgrammeId = asked("Programme", "项目")
    track_id: TrackId = asked("Track", "赛道")
    nominator_unit_id: NominatorUnitId = asked("Unit before", "原推荐单位")
    shares: tuple[QuotaShare, ...] = asked("Shares (none: whole, to the one that carries on)", "份额", default=())

    quota: QuotaUse = known(factory=QuotaUse)
    lineage: Lineage = known(factory=Lineage)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The places and what was filed on them, and what became of the unit and of those named."""
        nominator = tag(NominatorUnitId, self.nominator_unit_id)
        return [
            Selector(QUOTA_FACTS, [*of_track(self.programme_id, self.track_id), nominator]),
            *self.lineage.boundary(self.nominator_unit_id, *(share.successor_unit_id for share in self.shares)),
        ]

    @any_event(*QUOTA_FACTS)
    def _(self, body: QuotaFact) -> None:
        self.quota.take(body)

    @any_event(*TREE_FACTS)
    def _(self, body: TreeFact) -> None:
        self.lineage.take(body)

    def execute(self) -> None:
        gone = self.lineage.tree.of(self.nominator_unit_id).gone
        if gone is None:
            raise NominatorStands(nominator_unit_id=self.nominator_unit_id)
        if not self._places() and not self.quota.used(self.nominator_unit_id):
            raise NoPlacesToPass(nominator_unit_id=self.nominator_unit_id, track_id=self.track_id)
        for share in self._shares():
            self.lineage.tree.of(share.successor_unit_id).require_living()
            self._pass(share, _GROUNDS[type(gone)])

    def _places(self) -> int:
        return self.quota.places.get(self.nominator_unit_id, 0)

    def _shares(self) -> tuple[QuotaShare, ...]:
        """Who is given what: all of it to the only one that carries on, unless the shares are named."""
        heirs, places = self.lineage.living_heirs(self.nominator_unit_id), self._places()
        if not self.shares:
            if len(heirs) != 1:
                raise SharesMissing(
                    nominator_unit_id=self.nominator_unit_id, places=places, successors=", ".join(heirs) or "-"
                )
            return (QuotaShare(NominatorUnitId(heirs[0]), places, tuple(self.quota.live(self.nominator_unit_id))),)
        named = [share.successor_unit_id for share in self.shares]
        for successor in named:
            if named.count(successor) > 1:
                raise ShareTwice(field="shares", successor_unit_id=successor)
            if heirs and successor not in {str(heir) for heir in heirs}:
                raise NotTheSuccessor(
                    successor_unit_id=successor, unit_id=self.nominator_unit_id, successors=", ".join(heirs)
                )
        self._require_shared(places)
        return self.shares

    def _require_shared(self, places: int) -> None:
        """No more places than there are, and each application that was filed on them once."""
        shared, live = sum(share.places for share in self.shares), self.quota.live(self.nominator_unit_id)
        if shared > places:
            raise SharesExceedPlaces(shared=shared, nominator_unit_id=self.nominator_unit_id, places=places)
        taken_on = [application for share in self.shares for application in share.application_ids]
        for application in taken_on:
            if application not in live:
                raise ApplicationUnknown(application_id=application)
        for application in live:
            if taken_on.count(application) != 1:
                raise NominationNotShared(application_id=application)
        for share in self.shares:
            if share.places < len(share.application_ids):
                raise ShareBelowUse(
                    places=share.places, successor_unit_id=share.successor_unit_id, used=len(share.application_ids)
                )

    def _pass(self, share: QuotaShare, ground: QuotaGround) -> None:
        about: dict[str, Any] = {
            "programme_id": self.programme_id,
            "track_id": self.track_id,
            "nominator_unit_id": self.nominator_unit_id,
            "successor_unit_id": share.successor_unit_id,
        }
        self.trigger_event(QuotaPassed, **about, places=share.places, ground=ground)
        for application in share.application_ids:
            _, applicant = self.quota.filed[application]
            self.trigger_event(NominationPassed, **about, application_id=application, unit_id=applicant)
