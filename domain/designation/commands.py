"""What may be asked of designation: define a title, confer, renew, revoke and restore it, note that it lapsed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, ClassVar

import msgspec

from domain.accountability.policy import MEASURE_FACTS, MeasureFact, Measures
from domain.application.policy import require_state
from domain.assessment.events import AssessmentDecided, CaseClosedWithoutCompletion, CaseCompleted
from domain.calendar.policy import PeriodOfNoDays, end_of
from domain.cultivation.events import CaseSucceeded
from domain.designation.events import (
    TitleConferred,
    TitleDefined,
    TitleLapsed,
    TitleRenewed,
    TitleRestored,
    TitleRevoked,
)
from domain.designation.policy import DESIGNATION_FACTS, Designation, DesignationFact, Designations, months_after
from domain.document.policy import RestsOnPapers
from domain.ids import ApplicationId, DesignationId, DocumentId, MeasureId, ProgrammeId, TrackId, UnitId, tag
from domain.kernel import (
    Code,
    Command,
    Invalid,
    OfficialName,
    Refusal,
    Selector,
    Unknown,
    any_event,
    asked,
    event,
    known,
    word,
)
from domain.permission.policy import STATE_TITLES
from domain.programme.events import ProgrammeAnnounced, TrackDefined
from domain.programme.policy import ProgrammeUnknown, TrackUnknown
from domain.selection.events import SelectionReversed


class TitleWithoutTracks(Invalid):
    """A title is for at least one track.
    zh: 称号至少适用于一个赛道。
    title: A title is for a track · 称号须适用于赛道
    """


class TitleUnknown(Unknown):
    """Programme {programme_id} has no title {title}.
    zh: 项目 {programme_id} 未设称号 {title}。
    title: The programme has no such title · 项目未设该称号
    """


class TitleNotOfTrack(Refusal):
    """The title {title} is not for cases of track {track_id}.
    zh: 称号 {title} 不适用于赛道 {track_id} 的案卷。
    title: The title is not for this track · 称号不适用于该赛道
    """


class DesignationIdUsed(Refusal):
    """The designation {designation_id} is on record already.
    zh: 命名 {designation_id} 已有记录。
    title: The id of the designation is used · 命名编号已被使用
    """


class CaseNotCompleted(Refusal):
    """Case {application_id} has not been completed: only then can a title be conferred.
    zh: 案卷 {application_id} 尚未结项:结项后方可命名。
    title: The case has not been completed · 项目尚未结项
    """


class CaseFailed(Refusal):
    """Case {application_id} was closed without completion on {closed_on}: it gets no title.
    zh: 案卷 {application_id} 已于 {closed_on} 不予结项而终结:不予命名。
    title: The case was closed without completion · 项目不予结项而终结
    """


class OutcomeBearsNoTitle(Refusal):
    """The outcome of case {application_id}, {outcome}, is none on which a title can be conferred.
    zh: 案卷 {application_id} 的结论 {outcome} 不可据以命名。
    title: The outcome bears no title · 结论不可据以命名
    """


class TitleAlreadyConferred(Refusal):
    """The title {title} has been conferred on this case as designation {designation_id}, which is {state}.
    zh: 称号 {title} 已授予该案卷,命名 {designation_id} 现为 {state}。
    title: The title has been conferred · 称号已授予
    """


class TitleHasNoEnd(Refusal):
    """The title {title} has no end that is stated: there is nothing to renew and nothing to lapse.
    zh: 称号 {title} 未载明有效期:无须续期,亦不失效。
    title: The title has no end · 称号未载明有效期
    """


class TitleOver(Refusal):
    """The title was valid until {valid_until}: what is over is not renewed.
    zh: 该称号有效期至 {valid_until}:已届满者不予续期。
    title: The title is over · 称号已届满
    """


class TitleStillValid(Refusal):
    """The title is valid until {valid_until}.
    zh: 该称号有效期至 {valid_until},尚未届满。
    title: The title is still valid · 称号尚在有效期内
    """


class MeasureAsksOtherwise(Refusal):
    """No measure {measure_id} that stands asks for designation {designation_id} to be revoked.
    zh: 没有现行有效的措施 {measure_id} 要求撤销命名 {designation_id}。
    title: No measure asks for this revocation · 没有措施要求撤销该命名
    """


class NotRevokedByThat(Refusal):
    """Designation {designation_id} was not revoked by measure {measure_id}.
    zh: 命名 {designation_id} 并非因措施 {measure_id} 而撤销。
    title: The title was not revoked by that measure · 称号并非因该措施撤销
    """


class MeasureNotLifted(Refusal):
    """Measure {measure_id} has not been lifted: the title stays revoked.
    zh: 措施 {measure_id} 尚未解除:称号仍为撤销。
    title: The measure has not been lifted · 措施尚未解除
    """


class DefineTitle(Command):
    """Define a title of a programme: its names, its tracks, and how long it is valid, or that this is not stated.
    zh: 设定项目称号:名称、适用赛道及有效期,或未载明。
    """

    programme_id: ProgrammeId = asked("Programme", "项目")
    title: Code = asked("Title", "称号")
    name_zh: OfficialName = asked("Name (Chinese)", "中文名称")
    name_en: OfficialName = asked("Name (English)", "英文名称")
    track_ids: tuple[TrackId, ...] = asked("Tracks", "赛道")
    validity_months: Annotated[int, msgspec.Meta(ge=1, le=1200)] | None = asked(
        "Valid for months (none: not stated)", "有效月数(空为未载明)", default=None
    )

    announced: bool = known(default=False)
    tracks: frozenset[TrackId] = known(frozenset())
    defined: TitleDefined | None = known()

    def consistency_boundary(self) -> Sequence[Selector]:
        return [Selector([ProgrammeAnnounced, TrackDefined, TitleDefined], [tag(ProgrammeId, self.programme_id)])]

    @event(ProgrammeAnnounced)
    def _(self) -> None:
        self.announced = True

    @event(TrackDefined)
    def _(self, track_id: TrackId) -> None:
        self.tracks |= {track_id}

    @event(TitleDefined)
    def _(self, body: TitleDefined) -> None:
        if body.title == self.title:
            self.defined = body

    def execute(self) -> None:
        if not self.announced:
            raise ProgrammeUnknown(programme_id=self.programme_id)
        if not self.track_ids:
            raise TitleWithoutTracks(field="track_ids")
        for track_id in self.track_ids:
            if track_id not in self.tracks:
                raise TrackUnknown(programme_id=self.programme_id, track_id=track_id)
        if self.validity_months is not None and self.validity_months < 1:
            raise PeriodOfNoDays(field="validity_months", length=self.validity_months)
        defined = TitleDefined(
            programme_id=self.programme_id,
            title=self.title,
            name_zh=self.name_zh,
            name_en=self.name_en,
            track_ids=tuple(sorted(set(self.track_ids))),
            validity_months=self.validity_months,
        )
        if defined != self.defined:
            self.trigger_event(TitleDefined, **defined.as_dict())


class ConferTitle(RestsOnPapers):
    """Confer a title on a completed case whose outcome allows it, by a decision; nobody who failed gets one.
    zh: 依决定对结论允许命名的已结项案卷予以命名;未达标者不予命名。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("decision_document_id",)

    designation_id: DesignationId = asked("Designation", "命名")
    application_id: ApplicationId = asked("Application", "申报")
    title: Code = asked("Title", "称号")
    decision_document_id: DocumentId = asked("Decision", "决定文件")

    completed: CaseCompleted | None = known()
    closed: CaseClosedWithoutCompletion | None = known()
    outcome: AssessmentDecided | None = known()
    unit_id: UnitId | None = known()
    defined: TitleDefined | None = known()
    designations: Designations = known(factory=Designations)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The end of the case and its titles; whether the id is taken; the decision; the titles of its programme."""
        case = tag(ApplicationId, self.application_id)
        programme = tag(ProgrammeId, "none" if self.completed is None else self.completed.programme_id)
        return [
            Selector(
                [AssessmentDecided, CaseCompleted, CaseClosedWithoutCompletion, CaseSucceeded, SelectionReversed],
                [case],
            ),
            Selector(DESIGNATION_FACTS, [case]),
            Selector([TitleConferred], [tag(DesignationId, self.designation_id)]),
            *self._of_papers(),
            Selector([TitleDefined], [programme]),
        ]

    @event(AssessmentDecided)
    def _(self, body: AssessmentDecided) -> None:
        if body.kind == "acceptance":
            self.outcome = body

    @event(CaseCompleted)
    def _(self, body: CaseCompleted) -> None:
        self.completed, self.unit_id = body, body.unit_id

    @event(CaseClosedWithoutCompletion)
    def _(self, body: CaseClosedWithoutCompletion) -> None:
        self.closed = body

    @event(CaseSucceeded)
    def _(self, body: CaseSucceeded) -> None:
        self.unit_id = UnitId(body.successor_unit_id)

    @event(SelectionReversed)
    def _(self) -> None:
        self.completed = None

    @any_event(*DESIGNATION_FACTS)
    def _(self, body: DesignationFact, position: int) -> None:
        self.designations.take(body, position)

    @event(TitleDefined)
    def _(self, body: TitleDefined) -> None:
        if body.title == self.title:
            self.defined = body

    def execute(self) -> None:
        if self.designation_id in self.designations.by_id:
            raise DesignationIdUsed(designation_id=self.designation_id)
        completed, unit_id = self._require_completed()
        defined = self._require_title(completed)
        self._require_papers()
        conferred_on = self.effective_at.astimezone(self.zone).date()
        months = defined.validity_months
        valid_until = None if months is None else months_after(conferred_on, months)
        self.trigger_event(
            TitleConferred,
            designation_id=self.designation_id,
            application_id=self.application_id,
            programme_id=completed.programme_id,
            track_id=completed.track_id,
            unit_id=unit_id,
            title=self.title,
            conferred_on=conferred_on,
            valid_until=valid_until,
            lapses_at=None if valid_until is None else end_of(valid_until, self.zone),
            decision_document_id=self.decision_document_id,
        )

    def _require_completed(self) -> tuple[CaseCompleted, UnitId]:
        """The completed case and the unit that bears it, its outcome being one on which a title can be conferred."""
        if self.closed is not None:
            raise CaseFailed(application_id=self.application_id, closed_on=self.closed.closed_on)
        if self.completed is None or self.unit_id is None or self.outcome is None:
            raise CaseNotCompleted(application_id=self.application_id)
        if "title" not in self.outcome.effects:
            raise OutcomeBearsNoTitle(application_id=self.application_id, outcome=self.outcome.outcome)
        return self.completed, self.unit_id

    def _require_title(self, completed: CaseCompleted) -> TitleDefined:
        if self.defined is None:
            raise TitleUnknown(programme_id=completed.programme_id, title=self.title)
        if completed.track_id not in self.defined.track_ids:
            raise TitleNotOfTrack(title=self.title, track_id=completed.track_id)
        for designation_id, one in self.designations.by_id.items():
            if one.conferred.title == self.title and one.state != "lapsed":
                raise TitleAlreadyConferred(
                    title=self.title, designation_id=designation_id, state=word(one.state, STATE_TITLES)
                )
        return self.defined


class AboutDesignation(Command):
    """What every command about a title that was conferred knows.
    zh: 关于已授予称号的各项命令所共知。
    """

    designation_id: DesignationId = asked("Designation", "命名")

    designations: Designations = known(factory=Designations)

    @property
    def state(self) -> str:
        """The state of the designation, for the permission table."""
        return self.designations.state_of(self.designation_id)

    @property
    def effective_day(self) -> date:
        """The institution's day on which it takes effect."""
        return self.effective_at.astimezone(self.zone).date()

    def consistency_boundary(self) -> Sequence[Selector]:
        """The designation, and what became of it."""
        return [Selector(DESIGNATION_FACTS, [tag(DesignationId, self.designation_id)])]

    @any_event(*DESIGNATION_FACTS)
    def _(self, body: DesignationFact, position: int) -> None:
        self.designations.take(body, position)

    def _require_designation(self) -> Designation:
        """The designation, in a state in which the permission table has this command."""
        one = self.designations.require(self.designation_id)
        require_state(self)
        return one


class RenewTitle(RestsOnPapers, AboutDesignation):
    """Renew a title that has an end and is not over, by a decision, for as long again as its definition says now.
    zh: 依决定对有期限且未届满的称号续期,期限依现行设定。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("decision_document_id",)

    decision_document_id: DocumentId = asked("Decision", "决定文件")

    months: dict[str, int | None] = known(factory=dict)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The designation, how its title is defined, and the decision."""
        one = self.designations.by_id.get(self.designation_id)
        boundary = [
            *super().consistency_boundary(),
        ]
        if one is not None:
            boundary.append(Selector([TitleDefined], [tag(ProgrammeId, one.conferred.programme_id)]))
        return boundary

    @event(TitleDefined)
    def _(self, body: TitleDefined) -> None:
        self.months[body.title] = body.validity_months

    def execute(self) -> None:
        one = self._require_designation()
        title = one.conferred.title
        months, ends = self.months.get(title), one.valid_until
        if months is None or ends is None:
            raise TitleHasNoEnd(title=title)
        if self.effective_day > ends:
            raise TitleOver(valid_until=ends)
        self._require_papers()
        valid_until = months_after(ends, months)
        self.trigger_event(
            TitleRenewed,
            **one.named(),
            renewed_on=self.effective_day,
            valid_until=valid_until,
            lapses_at=end_of(valid_until, self.zone),
            decision_document_id=self.decision_document_id,
        )


class AboutMeasuredDesignation(AboutDesignation):
    """What a command knows about a title and the measure of accountability that touches it.
    zh: 涉及追责措施的称号命令所共知。
    """

    measures: Measures = known(factory=Measures)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The designation, and the measure; of what is not named, the id of none finds nothing."""
        measure = getattr(self, "measure_id", None) or "none"
        return [*super().consistency_boundary(), Selector(MEASURE_FACTS, [tag(MeasureId, measure)])]

    @any_event(*MEASURE_FACTS)
    def _(self, body: MeasureFact, by: str, position: int) -> None:
        self.measures.take(body, by, position)


class RevokeTitle(RestsOnPapers, AboutMeasuredDesignation):
    """Revoke a title by a decision, on a ground; or because a measure of accountability that stands asks for it.
    zh: 依决定并附理由撤销称号;或依现行有效的追责措施撤销。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("decision_document_id",)

    ground: Code = asked("Ground", "理由")
    measure_id: MeasureId | None = asked("Measure", "措施", default=None)
    decision_document_id: DocumentId = asked("Decision", "决定文件")

    def execute(self) -> None:
        one = self._require_designation()
        if self.measure_id is not None:
            self._require_measure(self.measure_id)
        self._require_papers()
        self.trigger_event(
            TitleRevoked,
            **one.named(),
            revoked_on=self.effective_day,
            ground=self.ground,
            measure_id=self.measure_id,
            decision_document_id=self.decision_document_id,
        )

    def _require_measure(self, measure_id: MeasureId) -> None:
        one = self.measures.by_id.get(measure_id)
        if one is None or one.lifted_on is not None or one.decided.designation_id != self.designation_id:
            raise MeasureAsksOtherwise(measure_id=measure_id, designation_id=self.designation_id)


class RestoreTitle(AboutMeasuredDesignation):
    """Give a title back, the measure by which it was revoked having been lifted.
    zh: 撤销称号的措施解除后,恢复称号。
    """

    measure_id: MeasureId = asked("Measure", "措施")

    def execute(self) -> None:
        one = self._require_designation()
        if one.revoked is None or one.revoked.measure_id != self.measure_id:
            raise NotRevokedByThat(designation_id=self.designation_id, measure_id=self.measure_id)
        if self.measures.require(self.measure_id).lifted_on is None:
            raise MeasureNotLifted(measure_id=self.measure_id)
        self.trigger_event(TitleRestored, **one.named(), restored_on=self.effective_day, measure_id=self.measure_id)


class LapseTitle(AboutDesignation):
    """Note that a title lapsed at the end of its validity.
    zh: 记录称号有效期届满失效。
    """

    def execute(self) -> None:
        one = self._require_designation()
        valid_until = one.valid_until
        if valid_until is None:
            raise TitleHasNoEnd(title=one.conferred.title)
        if self.effective_at < end_of(valid_until, self.zone):
            raise TitleStillValid(valid_until=valid_until)
        self.trigger_event(TitleLapsed, **one.named(), valid_until=valid_until)


COMMANDS: tuple[type[Command], ...] = (
    DefineTitle,
    ConferTitle,
    RenewTitle,
    RevokeTitle,
    RestoreTitle,
    LapseTitle,
)
