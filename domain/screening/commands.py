"""What may be asked at screening: pass, reject, return for correction, extend that; and file again what was corrected.

Whose hand is in the materials neither screens them nor files them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import ClassVar, cast

from domain.application.events import ApplicationFiled
from domain.application.policy import AboutApplication, of_track
from domain.calendar.policy import end_of
from domain.document.policy import RestsOnPapers
from domain.eligibility.policy import AboutEndorsed
from domain.ids import DocumentId, ProgrammeId, tag
from domain.kernel import Command, Invalid, Refusal, Selector, any_event, asked, known
from domain.programme.events import FormDefined, TrackDefined
from domain.programme.policy import Material
from domain.screening.events import (
    ApplicationRefiled,
    CorrectionExtended,
    CorrectionRequested,
    Part,
    ScreeningPassed,
    ScreeningRejected,
)
from domain.screening.policy import CorrectionStillOpen, named


class NoPartNamed(Invalid):
    """A correction names at least one part.
    zh: 补正须至少指明一个部分。
    """


class PartTwice(Invalid):
    """Part {part} is named twice.
    zh: 部分 {part} 重复列出。
    title: A part is named twice · 部分重复列出
    """


class PartNotAsked(Invalid):
    """Track {track_id} asks for no such part: {part}.
    zh: 赛道 {track_id} 没有要求该部分:{part}。
    title: The track asks for no such part · 赛道没有要求该部分
    """


class CorrectionWouldBeOver(Refusal):
    """The last day {last_day} is over already.
    zh: 截止日 {last_day} 已过。
    title: The last day to correct is over already · 补正截止日已过
    """


class NothingCorrected(Refusal):
    """Nothing was changed of what was to be corrected: {parts}.
    zh: 要求补正的部分均未改动:{parts}。
    title: Nothing was changed of what was to be corrected · 要求补正的部分均未改动
    """


class AboutScreening(AboutApplication):
    """What every command of the office that screens an application knows.
    zh: 主管部门初审的各项命令所共知。
    """

    def _require_screened_by_another(self) -> ApplicationFiled:
        """The filing, in a state that allows the act, by another hand than is in the materials."""
        self._require_started()
        self.file.require_other_hand(self.by, type(self))
        # There is no way into a state of screening but by a filing.
        return cast("ApplicationFiled", self.file.filed)


class PassScreening(AboutScreening):
    """Pass an application, as it was filed last, on to review.
    zh: 初审通过最近一次报送的申报,转入评审。
    """

    def execute(self) -> None:
        filed = self._require_screened_by_another()
        self.trigger_event(
            ScreeningPassed,
            application_id=self.application_id,
            programme_id=filed.programme_id,
            track_id=filed.track_id,
            unit_id=filed.unit_id,
        )


class AboutOpinion(RestsOnPapers, AboutScreening):
    """What a command knows that tells the unit the office's opinion, as a document.
    zh: 以文件告知初审意见的命令所共知。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("opinion_document_id",)

    opinion_document_id: DocumentId = asked("Opinion", "初审意见")


class RejectAtScreening(AboutOpinion):
    """Reject an application; its place goes back to the unit that filed it. Returned, it may be corrected until then.
    zh: 初审不予通过某申报,其指标退还报送的推荐单位;已退回补正者,期限届满之前不得为之。
    """

    def execute(self) -> None:
        filed = self._require_screened_by_another()
        self._require_papers()
        correction = self.file.correction
        if self.state != "filed" and not correction.is_over(self.now):
            raise CorrectionStillOpen(last_day=correction.last_day, closes_at=correction.closes_at)
        self.trigger_event(
            ScreeningRejected,
            application_id=self.application_id,
            programme_id=filed.programme_id,
            track_id=filed.track_id,
            unit_id=filed.unit_id,
            nominator_unit_id=filed.nominator_unit_id,
            opinion_document_id=self.opinion_document_id,
        )


class RequestCorrection(AboutOpinion):
    """Return an application for the correction of these parts, to be filed again by the end of a day.
    zh: 退回申报,要求补正所列部分,并于某日终了之前重新报送。
    """

    parts: tuple[Part, ...] = asked("Parts to be corrected", "须补正部分")
    last_day: date = asked("Last day", "截止日")

    material: Material = known(factory=Material)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The file, the opinion, and what the track asks for."""
        boundary = list(super().consistency_boundary())
        if (started := self.file.started) is not None:
            boundary.append(Selector([TrackDefined], of_track(started.programme_id, started.track_id)))
            boundary.append(Selector([FormDefined], [tag(ProgrammeId, started.programme_id)]))
        return boundary

    @any_event(TrackDefined, FormDefined)
    def _(self, body: TrackDefined | FormDefined) -> None:
        self.material.take(body)

    def execute(self) -> None:
        filed = self._require_screened_by_another()
        self._require_parts(self.material.tracks[filed.track_id])
        self._require_papers()
        closes_at = end_of(self.last_day, self.zone)
        if closes_at <= self.now:
            raise CorrectionWouldBeOver(last_day=self.last_day)
        self.trigger_event(
            CorrectionRequested,
            application_id=self.application_id,
            programme_id=filed.programme_id,
            track_id=filed.track_id,
            unit_id=filed.unit_id,
            nominator_unit_id=filed.nominator_unit_id,
            parts=self.parts,
            closes_at=closes_at,
            last_day=self.last_day,
            opinion_document_id=self.opinion_document_id,
        )

    def _require_parts(self, track: TrackDefined) -> None:
        """At least one part is named, each once, and each is one that the track asks for."""
        there = {
            Part("form"),
            *(Part("form_field", entry.code) for entry in self.material.forms[track.form].fields),
            *(Part("self_check", catalogue) for catalogue in track.catalogues),
            *((Part("budget"),) if track.funded_years else ()),
        }
        if not self.parts:
            raise NoPartNamed(field="parts")
        for part in self.parts:
            if part not in there:
                raise PartNotAsked(field="parts", track_id=track.track_id, part=named([part]))
            if self.parts.count(part) > 1:
                raise PartTwice(field="parts", part=named([part]))


class ExtendCorrection(AboutScreening):
    """Give more time to correct an application, while there is some left.
    zh: 在补正期限届满之前予以延长。
    """

    last_day: date = asked("Last day", "截止日")

    def execute(self) -> None:
        filed = self._require_screened_by_another()
        closes_at = end_of(self.last_day, self.zone)
        self.file.correction.require_open(self.now)
        self.file.correction.require_extended_by(closes_at)
        self.trigger_event(
            CorrectionExtended,
            application_id=self.application_id,
            unit_id=filed.unit_id,
            closes_at=closes_at,
            last_day=self.last_day,
        )


class RefileApplication(AboutEndorsed):
    """File a corrected application again, in time, as it was vetted anew; what was changed unasked is told apart.
    zh: 在补正期限内按重新审核所定材料再次报送申报;未经要求的改动分别列明。
    """

    def execute(self) -> None:
        started = self._require_started()
        self.file.correction.require_open(self.now)
        nominator, _ = self._require_nominator(started.unit_id)
        self._require_endorsed(nominator)
        changed, correction = self.file.changed_since_filed(), self.file.correction
        requested = tuple(part for part in changed if correction.asked_for(part))
        if not requested:
            raise NothingCorrected(parts=named(correction.parts))
        self.trigger_event(
            ApplicationRefiled,
            application_id=self.application_id,
            programme_id=started.programme_id,
            track_id=started.track_id,
            unit_id=started.unit_id,
            nominator_unit_id=nominator,
            materials_digest=self.file.digest,
            requested=requested,
            unrequested=tuple(part for part in changed if part not in requested),
        )


COMMANDS: tuple[type[Command], ...] = (
    PassScreening,
    RejectAtScreening,
    RequestCorrection,
    ExtendCorrection,
    RefileApplication,
)
