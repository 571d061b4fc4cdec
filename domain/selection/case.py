"""What every command about one decided application knows."""

from __future__ import annotations

from collections.abc import Sequence

from domain.application.policy import require_state
from domain.ids import ApplicationId, DecisionId, tag
from domain.kernel import Command, Selector, any_event, asked, known
from domain.selection.events import DecisionReopened
from domain.selection.policy import CASE_FACTS, Case, CaseFact, TrackSelection


class AboutCase(Command):
    """What every command about one decided application knows.
    zh: 关于某份已决定申报的各项命令所共知。
    """

    application_id: ApplicationId = asked("Application", "申报")

    selection: TrackSelection = known(factory=TrackSelection)

    @property
    def state(self) -> str:
        """What has become of the application, for the permission table."""
        return self.selection.state_of(self.application_id)

    def consistency_boundary(self) -> Sequence[Selector]:
        """What was decided of the application, and whether that decision was reopened."""
        return [
            Selector(CASE_FACTS, [tag(ApplicationId, self.application_id)]),
            *(Selector([DecisionReopened], [tag(DecisionId, used)]) for used in sorted(self.selection.used)),
        ]

    @any_event(*CASE_FACTS, DecisionReopened)
    def _(self, body: CaseFact | DecisionReopened, position: int) -> None:
        self.selection.take(body, position)

    def _require_case(self) -> Case:
        """The case, in a state in which the permission table has this command."""
        case = self.selection.case(self.application_id)
        require_state(self)
        return case
