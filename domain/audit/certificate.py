"""What may be asked about replay: put on record what came of one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec

from domain.audit.events import CertifiedView, ReplayCertified
from domain.ids import CalendarYear, InstitutionId, tag
from domain.kernel import Command, Digest, Invalid, Refusal, Selector, asked, event, known


class CertifiedAlready(Refusal):
    """A replay up to position {last} has been certified; one up to {certified_position} says nothing newer.
    zh: 截至位置 {last} 的重放已有证明;截至 {certified_position} 的重放并无新内容。
    title: A later replay is certified already · 已有更新的重放证明
    """


class NothingReplayed(Invalid):
    """A certificate speaks of at least one view, and of each once.
    zh: 重放证明至少涉及一个视图,且每个视图仅列一次。
    """


def digest_of(views: Iterable[CertifiedView]) -> str:
    """The digest over all views of a replay: SHA-256 over a line of name, version and digest for each, in order."""
    lines = "".join(f"{each.view} {each.version} {each.digest}\n" for each in views)
    return hashlib.sha256(lines.encode()).hexdigest()


class CertifyReplay(Command):
    """Put on record what came of folding all views anew, differences included.
    zh: 将全部视图的重放结果(含差异)记录在案。
    """

    certified_position: Annotated[int, msgspec.Meta(ge=1)] = asked("Up to (position)", "截至位置")
    views: tuple[CertifiedView, ...] = asked("Views", "视图")
    rules_digest: Digest = asked("Digest of the rules", "规则摘要")
    duration_ms: Annotated[int, msgspec.Meta(ge=0)] = asked("Duration (milliseconds)", "用时(毫秒)")

    last: int = known(0)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The certificates of the year."""
        year = tag(CalendarYear, self.today.year)
        return [Selector([ReplayCertified], [tag(InstitutionId, self.institution_id), year])]

    @event(ReplayCertified)
    def _(self, certified_position: int) -> None:
        self.last = max(self.last, certified_position)

    def execute(self) -> None:
        named = [each.view for each in self.views]
        if not named or len(set(named)) != len(named):
            raise NothingReplayed(field="views")
        if self.certified_position <= self.last:
            raise CertifiedAlready(certified_position=self.certified_position, last=self.last)
        self.trigger_event(
            ReplayCertified,
            institution_id=self.institution_id,
            year=CalendarYear(self.today.year),
            certified_position=self.certified_position,
            views=self.views,
            digest=digest_of(self.views),
            rules_digest=self.rules_digest,
            differences=sum(each.differences for each in self.views),
            duration_ms=self.duration_ms,
        )
