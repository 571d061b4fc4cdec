"""A confirmed selection is reversed while its case runs; whatever was built on it since is named in the record.

Nothing of it is undone by the reversal. It ends the case: nothing more is asked of it and no more money is released for
it. What it was given is ordered back by the commands of funding, and its place may be given to a reserve. A case that
has ended already is not unmade: what it was found to be is answered for by accountability, and its title is revoked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from domain.accountability.events import MeasureDecided
from domain.assessment.events import AssessmentDecided, CaseExtended
from domain.cultivation.events import ReportAccepted, TaskBookSigned
from domain.cultivation.policy import ENDS, STATE_AFTER, End
from domain.designation.policy import DESIGNATION_FACTS, DesignationFact, Designations
from domain.document.policy import RestsOnPapers
from domain.funding.policy import CASE_MONEY_FACTS
from domain.ids import ApplicationId, DocumentId, tag
from domain.kernel import Event, Refusal, Selector, any_event, asked, known, word
from domain.permission.policy import STATE_TITLES
from domain.selection.case import AboutCase
from domain.selection.events import SelectionReversed

HANGING: Final[tuple[type[Event], ...]] = (
    TaskBookSigned,
    ReportAccepted,
    AssessmentDecided,
    CaseExtended,
    MeasureDecided,
    *CASE_MONEY_FACTS,
)
"""What is built on a confirmed selection: what was promised, delivered, found, decided and paid; all with its tag."""
_ENDED: Final[tuple[type[Event], ...]] = tuple(kind for kind in ENDS if kind is not SelectionReversed)


class CaseHasEnded(Refusal):
    """The case of application {application_id} is {state} (position {position}); titles held on it: {held}.
    zh: 申报 {application_id} 的项目{state}(位置 {position});据此持有的称号:{held} 项。
    title: The case has ended; what it left is answered for otherwise · 项目已终结,应另循追责程序
    """


class ReverseSelection(RestsOnPapers, AboutCase):
    """Reverse a confirmed selection by a resolution of the committee, while its case runs.

    Every fact that hangs on it is named: the signed task book, what was delivered and found, and all of its money.
    zh: 依委员会决议撤销已确认且尚未终结的入选;据此形成的任务书、成果、认定及全部经费一并载明。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("resolution_document_id",)

    resolution_document_id: DocumentId = asked("Resolution", "会议决议")

    hanging: tuple[int, ...] = known(())
    ended: tuple[End, int] | None = known()
    designations: Designations = known(factory=Designations)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The case, how it ended, everything that hangs on it, its titles, and the resolution."""
        case = tag(ApplicationId, self.application_id)
        return [
            *super().consistency_boundary(),
            Selector([*_ENDED, *HANGING, *DESIGNATION_FACTS], [case]),
        ]

    @any_event(*HANGING)
    def _(self, position: int) -> None:
        self.hanging += (position,)

    @any_event(*_ENDED)
    def _(self, body: End, position: int) -> None:
        self.ended = body, position

    @any_event(*DESIGNATION_FACTS)
    def _(self, body: DesignationFact, position: int) -> None:
        self.designations.take(body, position)

    def execute(self) -> None:
        case = self._require_case()
        self._require_running()
        self._require_papers()
        self.trigger_event(
            SelectionReversed,
            application_id=self.application_id,
            programme_id=case.decided.programme_id,
            track_id=case.decided.track_id,
            unit_id=case.decided.unit_id,
            decision_id=case.decided.decision_id,
            hanging_positions=(case.confirmed_position, *self.hanging),
            resolution_document_id=self.resolution_document_id,
        )

    def _require_running(self) -> None:
        """Raise CaseHasEnded, with how and what it holds, once the case runs no more."""
        if self.ended is None:
            return
        body, position = self.ended
        raise CaseHasEnded(
            application_id=self.application_id,
            state=word(STATE_AFTER[type(body)], STATE_TITLES),
            position=position,
            held=sum(each.state == "held" for each in self.designations.by_id.values()),
        )
