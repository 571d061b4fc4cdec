"""What may be asked about money that is held: freeze it where it is, release it to where it came from, return it."""

from __future__ import annotations

from domain.funding.case import AboutCaseMoney, DrawsOnPool, SourceOfProgramme
from domain.funding.events import AuthorityReturned, FundsFrozen, FundsReleased, HeldStage, ReturnedStage
from domain.funding.policy import (
    POOLED,
    SOURCE_TITLES,
)
from domain.kernel import Code, Invalid, asked, word


class OriginMissing(Invalid):
    """What is frozen is returned with the stage it was frozen at, and nothing else is; {asked_fen} fen were asked.
    zh: 退还冻结额度须(且仅此时须)列明其冻结时所在环节;所请金额 {asked_fen} 分。
    title: The stage of frozen money is missing · 缺少冻结时所在环节
    """


class FreezeFunds(DrawsOnPool):
    """Freeze money of a case at its stage; before it is allocated, at the office.
    zh: 于其所在环节冻结项目经费;尚未下达者冻结于主管部门。
    """

    stage: HeldStage = asked("Stage", "环节")
    ground: Code = asked("Ground", "理由")

    @property
    def draws_on_pool(self) -> bool:
        """Whether what is frozen is still unallocated."""
        return self.stage == "unallocated" and self.source in POOLED

    def execute(self) -> None:
        self._record(FundsFrozen(**self._fields(), stage=self.stage, ground=self.ground))


class ReleaseFunds(AboutCaseMoney):
    """Release frozen money of a case to the stage it came from.
    zh: 将项目冻结经费解冻,退回原环节。
    """

    stage: HeldStage = asked("Stage", "环节")

    def execute(self) -> None:
        self._record(FundsReleased(**self._fields(), stage=self.stage))


class ReturnAuthority(AboutCaseMoney):
    """Return authority of a case that was not paid: allocated, frozen, or of a source given to the case alone.
    zh: 退还项目尚未拨付的额度:已下达、冻结,或专属该项目来源的未分配额度。
    """

    stage: ReturnedStage = asked("Stage", "环节")
    origin: HeldStage | None = asked("Frozen at", "冻结时所在环节", default=None)

    def execute(self) -> None:
        fields = self._fields()
        if (self.origin is None) is (self.stage == "frozen"):
            raise OriginMissing(field="origin", asked_fen=self.amount_fen)
        if self.stage == "unallocated" and self.source in POOLED:
            raise SourceOfProgramme(field="source", source=word(self.source, SOURCE_TITLES))
        self._record(AuthorityReturned(**fields, stage=self.stage, origin=self.origin))
