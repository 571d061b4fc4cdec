"""What can have happened between a nominating unit and those it puts forward."""

from typing import Annotated, Literal

from domain.ids import ApplicationId, DocumentId, NominatorUnitId, ProgrammeId, TrackId, UnitId
from domain.kernel import Code, Digest, Event, public, subject

QuotaGround = Literal["merged", "split", "dissolved"]


class QuotaAssigned(Event):
    """A nominating unit was assigned its places in a track; assigned anew, the later figure holds.
    zh: 推荐单位获分配某赛道的推荐指标;再次分配以后者为准。
    """

    TOPIC = "nomination.quota_assigned.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    nominator_unit_id: Annotated[NominatorUnitId, public("Nominating unit", "推荐单位")]
    places: Annotated[int, public("Places", "指标数")]
    basis: Annotated[Code, public("Basis", "依据")]


class QuotaPassed(Event):
    """Places of a nominating unit that is no more passed to the unit that carries on; they are added to those it has.
    zh: 原推荐单位不复存在,其推荐指标转由承接单位承继,与承接单位自有指标合并计算。
    """

    TOPIC = "nomination.quota_passed.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    track_id: Annotated[TrackId, public("Track", "赛道")]
    nominator_unit_id: Annotated[NominatorUnitId, public("Unit before", "原推荐单位")]
    successor_unit_id: Annotated[NominatorUnitId, public("Successor", "承接单位")]
    places: Annotated[int, public("Places", "指标数")]
    ground: Annotated[QuotaGround, public("Ground", "理由")]


class NominationPassed(Event):
    """A nomination that had been filed passed to the unit that carries on: it stands by it now, and has used its place.
    zh: 已报送的推荐转由承接单位承继:由其继续推荐,所占指标计入该单位已用指标。
    """

    TOPIC = "nomination.passed.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    nominator_unit_id: Annotated[NominatorUnitId, subject("Unit before", "原推荐单位")]
    successor_unit_id: Annotated[NominatorUnitId, subject("Successor", "承接单位")]


class PlanRecorded(Event):
    """A nominating unit recorded its own plan of the first step: problem and responsibility lists, task book, road map.
    zh: 推荐单位记录其创建方案:问题清单、责任清单、任务书与路线图。
    """

    TOPIC = "nomination.plan_recorded.v1"
    programme_id: Annotated[ProgrammeId, public("Programme", "项目")]
    nominator_unit_id: Annotated[NominatorUnitId, public("Nominating unit", "推荐单位")]
    document_ids: Annotated[tuple[DocumentId, ...], subject("Documents", "文件")]


class NominationDecided(Event):
    """The nominating unit deliberated and decided to put the application forward (研究确定).
    zh: 推荐单位研究确定推荐该申报。
    """

    TOPIC = "nomination.decided.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    programme_id: Annotated[ProgrammeId, subject("Programme", "项目")]
    track_id: Annotated[TrackId, subject("Track", "赛道")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    nominator_unit_id: Annotated[NominatorUnitId, subject("Nominating unit", "推荐单位")]
    resolution_document_id: Annotated[DocumentId, subject("Resolution", "会议决议")]
    rank: Annotated[int | None, subject("Rank", "排序")] = None


class NominationDeclined(Event):
    """The nominating unit deliberated and decided not to put the application forward.
    zh: 推荐单位研究决定不予推荐该申报。
    """

    TOPIC = "nomination.declined.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    nominator_unit_id: Annotated[NominatorUnitId, subject("Nominating unit", "推荐单位")]
    resolution_document_id: Annotated[DocumentId, subject("Resolution", "会议决议")]


class MaterialsVetted(Event):
    """The nominating unit vetted the materials (审核把关): exactly those with this digest.
    zh: 推荐单位审核把关申报材料,以此摘要所指者为限。
    """

    TOPIC = "nomination.materials_vetted.v1"
    application_id: Annotated[ApplicationId, subject("Application", "申报")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    nominator_unit_id: Annotated[NominatorUnitId, subject("Nominating unit", "推荐单位")]
    materials_digest: Annotated[Digest, subject("Digest of the materials", "材料摘要")]
