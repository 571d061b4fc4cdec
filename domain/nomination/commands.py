"""What may be asked of nomination: places are assigned, a plan is made, and a unit stands by what it puts forward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Final

import msgspec

from domain.application.events import ApplicationPrepared
from domain.application.policy import STATE_AFTER, AboutNomination, of_track
from domain.document.policy import RestsOnPapers
from domain.ids import DocumentId, NominatorUnitId, ProgrammeId, TrackId, UnitId, tag
from domain.kernel import (
    Code,
    Command,
    Digest,
    Event,
    Invalid,
    Refusal,
    Selector,
    any_event,
    asked,
    called,
    event,
    known,
)
from domain.nomination.events import (
    MaterialsVetted,
    NominationDecided,
    NominationDeclined,
    PlanRecorded,
    QuotaAssigned,
)
from domain.nomination.policy import QUOTA_FACTS, QuotaFact, QuotaUse
from domain.nomination.succession import PassQuota
from domain.permission.policy import ReasonMissing
from domain.programme.events import ProgrammeAnnounced, TrackDefined
from domain.programme.policy import ProgrammeUnknown, TrackUnknown, quota_for
from domain.unit.events import UnitTraitsRecorded
from domain.unit.policy import TREE_FACTS, Tree, TreeFact

_KIND_FACTS: Final[tuple[type[Event], ...]] = (*TREE_FACTS, UnitTraitsRecorded)
_ENDORSED: Final = frozenset({STATE_AFTER[NominationDecided], STATE_AFTER[MaterialsVetted]})


class NominationIsOpen(Refusal):
    """Track {track_id} is open: there are no places to assign.
    zh: 赛道 {track_id} 不设推荐指标,无需分配。
    title: The track has no quota · 该赛道不设推荐指标
    """


class NotANominator(Refusal):
    """The call names no quota for a unit of the kind {unit_kind} in track {track_id}.
    zh: 通知未给予 {unit_kind} 类单位赛道 {track_id} 的推荐指标。
    title: The call gives no places to units of this kind · 通知未给予此类单位推荐指标
    """


class QuotaBelowUse(Refusal):
    """The quota cannot become {places}: {used} applications have been filed on it.
    zh: 推荐指标不能改为 {places}:已据此报送 {used} 份申报。
    title: More places are used than that · 已用指标多于此数
    """


class PlacesBelowZero(Invalid):
    """There are no {places} places.
    zh: 推荐指标不能为 {places}。
    title: Places are not negative · 推荐指标不能为负
    """


class PlanWithoutDocuments(Invalid):
    """A plan has at least one document.
    zh: 创建方案至少须有一份文件。
    """


class DocumentTwice(Invalid):
    """Document {document_id} is named twice.
    zh: 文件 {document_id} 重复列出。
    title: A document is named twice · 文件重复列出
    """


class RankBelowOne(Invalid):
    """Ranks begin at one; {rank} is none.
    zh: 排序自一起,{rank} 不成其为排序。
    title: A rank begins at one · 排序自一起
    """


class AlreadyDeclined(Refusal):
    """The nomination of application {application_id} has been declined, and nothing was decided since.
    zh: 申报 {application_id} 已决定不予推荐,此后未再研究。
    title: The nomination was declined before · 此前已决定不予推荐
    """


class AssignQuota(Command):
    """Assign a nominating unit its places in a track; more than the call says, or where it is silent, needs a reason.
    zh: 向推荐单位分配某赛道的推荐指标;超出通知所载或通知未载明的,须附事由。
    """

    programme_id: ProgrammeId = asked("Programme", "项目")
    track_id: TrackId = asked("Track", "赛道")
    nominator_unit_id: NominatorUnitId = asked("Nominating unit", "推荐单位")
    places: Annotated[int, msgspec.Meta(ge=0)] = asked("Places", "指标数")
    basis: Code = asked("Basis", "依据")

    track: TrackDefined | None = known()
    quota: QuotaUse = known(factory=QuotaUse)
    tree: Tree = known(factory=Tree)

    def consistency_boundary(self) -> Sequence[Selector]:
        track = of_track(self.programme_id, self.track_id)
        return [
            Selector([TrackDefined], track),
            Selector(QUOTA_FACTS, [*track, tag(NominatorUnitId, self.nominator_unit_id)]),
            Selector(_KIND_FACTS, [tag(UnitId, self.nominator_unit_id)]),
        ]

    @event(TrackDefined)
    def _(self, body: TrackDefined) -> None:
        self.track = body

    @any_event(*QUOTA_FACTS)
    def _(self, body: QuotaFact) -> None:
        self.quota.take(body)

    @any_event(*_KIND_FACTS)
    def _(self, body: TreeFact | UnitTraitsRecorded) -> None:
        self.tree.take(body)

    def execute(self) -> None:
        track = self.track
        if track is None:
            raise TrackUnknown(programme_id=self.programme_id, track_id=self.track_id)
        if track.nomination == "open":
            raise NominationIsOpen(track_id=self.track_id)
        if self.places < 0:
            raise PlacesBelowZero(field="places", places=self.places)
        at_most = self._at_most(track)
        if (at_most is None or self.places > at_most) and self.reason_code is None:
            raise ReasonMissing(command=called(type(self)))
        used = self.quota.used(self.nominator_unit_id)
        if self.places < used:
            raise QuotaBelowUse(places=self.places, used=used)
        assigned = QuotaAssigned(
            programme_id=self.programme_id,
            track_id=self.track_id,
            nominator_unit_id=self.nominator_unit_id,
            places=self.places,
            basis=self.basis,
        )
        standing, unit = self.quota, self.nominator_unit_id
        if (assigned, self.places) != (standing.assigned.get(unit), standing.places.get(unit)):
            self.trigger_event(QuotaAssigned, **assigned.as_dict())

    def _at_most(self, track: TrackDefined) -> int | None:
        """How many the call allows a unit like this one today, or None where it does not say."""
        history = self.tree.of(self.nominator_unit_id)
        kind = history.require_living().kind
        unit = history.on(self.today)
        line = quota_for(track, kind, unit.traits if unit else frozenset())
        if line is None:
            raise NotANominator(unit_kind=kind, track_id=self.track_id)
        return line.at_most


class RecordPlan(RestsOnPapers):
    """Record a nominating unit's own plan of the first step; recorded anew, it replaces the earlier one.
    zh: 记录推荐单位的创建方案;再次记录以后者为准。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("document_ids",)

    programme_id: ProgrammeId = asked("Programme", "项目")
    nominator_unit_id: NominatorUnitId = asked("Nominating unit", "推荐单位")
    document_ids: tuple[DocumentId, ...] = asked("Documents", "文件")

    announced: bool = known(default=False)
    plan: PlanRecorded | None = known()
    tree: Tree = known(factory=Tree)

    def consistency_boundary(self) -> Sequence[Selector]:
        programme = tag(ProgrammeId, self.programme_id)
        return [
            Selector([ProgrammeAnnounced], [programme]),
            Selector([PlanRecorded], [programme, tag(NominatorUnitId, self.nominator_unit_id)]),
            Selector(TREE_FACTS, [tag(UnitId, self.nominator_unit_id)]),
            *self._of_papers(),
        ]

    @event(ProgrammeAnnounced)
    def _(self) -> None:
        self.announced = True

    @event(PlanRecorded)
    def _(self, body: PlanRecorded) -> None:
        self.plan = body

    @any_event(*TREE_FACTS)
    def _(self, body: TreeFact) -> None:
        self.tree.take(body)

    def execute(self) -> None:
        if not self.announced:
            raise ProgrammeUnknown(programme_id=self.programme_id)
        self.tree.of(self.nominator_unit_id).require_living()
        if not self.document_ids:
            raise PlanWithoutDocuments(field="document_ids")
        for document in self.document_ids:
            if self.document_ids.count(document) > 1:
                raise DocumentTwice(field="document_ids", document_id=document)
        self._require_papers()
        plan = PlanRecorded(
            programme_id=self.programme_id,
            nominator_unit_id=self.nominator_unit_id,
            document_ids=self.document_ids,
        )
        if plan != self.plan:
            self.trigger_event(PlanRecorded, **plan.as_dict())


class AboutResolution(RestsOnPapers, AboutNomination):
    """What a command knows that rests on the nominating unit's resolution.
    zh: 以推荐单位会议决议为据的命令所共知。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("resolution_document_id",)

    resolution_document_id: DocumentId = asked("Resolution", "会议决议")


class DecideNomination(AboutResolution):
    """Decide, after deliberation, to put an application forward (研究确定); it uses no place of the quota.
    zh: 研究确定推荐某申报;此时尚不占用推荐指标。
    """

    rank: Annotated[int, msgspec.Meta(ge=1)] | None = asked("Rank", "排序", default=None)

    @property
    def state(self) -> str:
        """As prepared, too, where the unit that decided is no longer the one to stand by it: that one decides anew."""
        stands, decided = super().state, self.file.decided
        if stands not in _ENDORSED or decided is None or decided.nominator_unit_id == self.nominator_unit_id:
            return stands
        return STATE_AFTER[ApplicationPrepared]

    def execute(self) -> None:
        started = self._require_started()
        nominator, _ = self._require_nominator(started.unit_id)
        self._require_papers()
        if self.rank is not None and self.rank < 1:
            raise RankBelowOne(field="rank", rank=self.rank)
        self.file.require_other_hand(self.by, type(self))
        self.trigger_event(
            NominationDecided,
            application_id=self.application_id,
            programme_id=started.programme_id,
            track_id=started.track_id,
            unit_id=started.unit_id,
            nominator_unit_id=nominator,
            resolution_document_id=self.resolution_document_id,
            rank=self.rank,
        )


class DeclineNomination(AboutResolution):
    """Decide, after deliberation, not to put an application forward; its materials stay as they were prepared.
    zh: 研究决定不予推荐某申报;其材料保持原样。
    """

    def execute(self) -> None:
        started = self._require_started()
        nominator, _ = self._require_nominator(started.unit_id)
        if self.file.declined:
            raise AlreadyDeclined(application_id=self.application_id)
        self._require_papers()
        self.file.require_other_hand(self.by, type(self))
        self.trigger_event(
            NominationDeclined,
            application_id=self.application_id,
            unit_id=started.unit_id,
            nominator_unit_id=nominator,
            resolution_document_id=self.resolution_document_id,
        )


class VetMaterials(AboutNomination):
    """Vet the materials of an application that is to be put forward (审核把关): exactly those with this digest.
    zh: 对已研究确定推荐的申报审核把关,以此摘要所指材料为限。
    """

    materials_digest: Digest = asked("Digest of the materials", "材料摘要")

    def execute(self) -> None:
        started = self._require_started()
        nominator, _ = self._require_nominator(started.unit_id)
        self.file.require_decided_by(nominator)
        self.file.require_other_hand(self.by, type(self))
        self.file.require_materials(self.materials_digest)
        self.trigger_event(
            MaterialsVetted,
            application_id=self.application_id,
            unit_id=started.unit_id,
            nominator_unit_id=nominator,
            materials_digest=self.materials_digest,
        )


COMMANDS: tuple[type[Command], ...] = (
    AssignQuota,
    PassQuota,
    RecordPlan,
    DecideNomination,
    DeclineNomination,
    VetMaterials,
)
