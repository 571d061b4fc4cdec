"""What may be asked about the ledger of a closed period: publish its files, and confirm them as a second person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from domain.funding.case import Rules
from domain.funding.events import (
    FundingRuleDefined,
    InstitutionLedgerPublished,
    LedgerConfirmed,
    LedgerFile,
    LedgerOf,
    LedgerPublished,
    PeriodClosed,
    PeriodKind,
)
from domain.funding.policy import PERIOD_TITLES, rules_digest
from domain.ids import CalendarYear, InstitutionId, ProgrammeId, tag
from domain.kernel import Command, Refusal, Selector, Unknown, asked, event, known, word

__all__ = [
    "TRIAL_BALANCE",
    "ConfirmLedger",
    "ConfirmationNotAsked",
    "ConfirmedByCloser",
    "LedgerConfirmedBefore",
    "LedgerDiffers",
    "LedgerUnknown",
    "LedgersDiffer",
    "PeriodNotClosed",
    "PublishInstitutionLedger",
    "PublishLedger",
]

TRIAL_BALANCE: Final = "trial_balance"
"""The file whose digest the close has recorded already."""
_WIDEST: Final = 20_000
"""A year of an institution is seventeen periods of each of its programmes."""


class PeriodNotClosed(Refusal):
    """The {period} that ends on {last_day} is not closed.
    zh: 截至 {last_day} 的 {period} 账尚未结账。
    title: The period is not closed · 期间尚未结账
    """


class LedgerDiffers(Refusal):
    """File {file} has the digest {found_digest}; on record is {recorded_digest}.
    zh: 文件 {file} 的摘要为 {found_digest},而记录在案者为 {recorded_digest}。
    title: The ledger differs from what is on record · 账册与记录不一致
    """


class LedgerUnknown(Unknown):
    """No ledger of the {period} that ends on {last_day} is published.
    zh: 截至 {last_day} 的 {period} 账册尚未公布。
    title: No such ledger is published · 未公布该账册
    """


class ConfirmationNotAsked(Refusal):
    """The rule that held when the {period} to {last_day} was closed asks for no confirmation.
    zh: 截至 {last_day} 的 {period} 结账时所适用的规则不要求确认。
    title: No confirmation is asked for · 不要求确认
    """


class ConfirmedByCloser(Refusal):
    """Whoever closed the {period} to {last_day}, at position {position}, does not confirm it too.
    zh: 截至 {last_day} 的 {period} 账由本人结账(位置 {position}),须由另一人确认。
    title: A second person confirms · 须由另一人确认
    """


class LedgerConfirmedBefore(Refusal):
    """The ledger of the {period} to {last_day} was confirmed at position {position}.
    zh: 截至 {last_day} 的 {period} 账册已于位置 {position} 确认。
    title: The ledger is confirmed already · 账册已确认
    """


class LedgersDiffer(Refusal):
    """Of the {period} to {last_day} {published} ledgers are published; {listed} were put together.
    zh: 截至 {last_day} 的 {period} 已公布 {published} 份账册,所汇总者为 {listed} 份。
    title: Other ledgers are published · 已公布的账册有所不同
    """


class AboutLedger(Command):
    """What every command about the ledger of a period knows: its close, and what was published of it.
    zh: 关于账册的各项命令所共知:结账情况与已公布内容。
    """

    programme_id: ProgrammeId = asked("Programme", "项目")
    period: PeriodKind = asked("Period", "期间类别")
    last_day: date = asked("Last day", "截止日")

    closed: PeriodClosed | None = known()
    closed_position: int = known(0)
    closed_by: str = known("")
    closed_at: datetime | None = known()
    published: LedgerPublished | None = known()
    published_position: int = known(0)

    def consistency_boundary(self) -> Sequence[Selector]:
        return [Selector([PeriodClosed, LedgerPublished], [tag(ProgrammeId, self.programme_id)])]

    @event(PeriodClosed)
    def _(self, body: PeriodClosed, position: int, by: str, at: datetime) -> None:
        if self._is_meant(body):
            self.closed, self.closed_position, self.closed_by, self.closed_at = body, position, by, at

    @event(LedgerPublished)
    def _(self, body: LedgerPublished, position: int) -> None:
        if self._is_meant(body):
            self.published, self.published_position = body, position

    def _is_meant(self, body: PeriodClosed | LedgerPublished | LedgerConfirmed) -> bool:
        return (body.period, body.last_day) == (self.period, self.last_day)

    def _named(self) -> dict[str, object]:
        return {"period": word(self.period, PERIOD_TITLES), "last_day": self.last_day}


class PublishLedger(AboutLedger):
    """Publish the ledger of a closed period: the files that were computed from what the close covers.
    zh: 公布已结账期间的账册:依结账所覆盖的记录算出的各文件。

    Published again, it is the same files or a refusal that names the one that differs.
    """

    rules_version: int = asked("Version of the posting rules", "过账规则版本")
    files: tuple[LedgerFile, ...] = asked("Files", "文件")

    rules: Rules = known(factory=Rules)

    def consistency_boundary(self) -> Sequence[Selector]:
        return [*super().consistency_boundary(), Selector([FundingRuleDefined], [tag(ProgrammeId, self.programme_id)])]

    @event(FundingRuleDefined)
    def _(self, body: FundingRuleDefined, at: datetime, position: int) -> None:
        self.rules.take(body, at, position)

    def execute(self) -> None:
        if self.closed is None or self.closed_at is None:
            raise PeriodNotClosed(**self._named())
        found = _digests(self.files)
        _require_same({TRIAL_BALANCE: self.closed.trial_balance_digest}, {TRIAL_BALANCE: found.get(TRIAL_BALANCE, "")})
        if self.published is not None:
            _require_same(_digests(self.published.files), found)
            return
        rule = self.rules.on(self.closed_at)
        self.trigger_event(
            LedgerPublished,
            institution_id=self.institution_id,
            programme_id=self.programme_id,
            period=self.period,
            last_day=self.last_day,
            year=CalendarYear(self.last_day.year),
            closed_position=self.closed_position,
            covers_position=self.closed.covers_position,
            rules_version=self.rules_version,
            rules_digest=rules_digest(self.rules_version),
            files=self.files,
            to_be_confirmed=rule is not None and rule[1].closes_confirmed,
        )


def _require_same(recorded: dict[str, str], found: dict[str, str]) -> None:
    for name in sorted(recorded.keys() | found.keys()):
        if recorded.get(name) != found.get(name):
            raise LedgerDiffers(file=name, recorded_digest=recorded.get(name, ""), found_digest=found.get(name, ""))


class ConfirmLedger(AboutLedger):
    """Confirm the ledger of a period as it was published, being another person than closed it.
    zh: 确认所公布的某期间账册;结账人本人不得确认。
    """

    confirmed_position: int = known(0)

    def consistency_boundary(self) -> Sequence[Selector]:
        return [*super().consistency_boundary(), Selector([LedgerConfirmed], [tag(ProgrammeId, self.programme_id)])]

    @event(LedgerConfirmed)
    def _(self, body: LedgerConfirmed, position: int) -> None:
        if self._is_meant(body):
            self.confirmed_position = position

    def execute(self) -> None:
        if self.published is None:
            raise LedgerUnknown(**self._named())
        if not self.published.to_be_confirmed:
            raise ConfirmationNotAsked(**self._named())
        if self.confirmed_position:
            raise LedgerConfirmedBefore(**self._named(), position=self.confirmed_position)
        if self.by == self.closed_by:
            raise ConfirmedByCloser(**self._named(), position=self.closed_position)
        self.trigger_event(
            LedgerConfirmed,
            institution_id=self.institution_id,
            programme_id=self.programme_id,
            period=self.period,
            last_day=self.last_day,
            published_position=self.published_position,
        )


class PublishInstitutionLedger(Command):
    """Publish the ledger of a period over all programmes of the institution, put together from what each published.
    zh: 公布机构某期间的汇总账册:由各项目所公布的账册汇总而成。

    Of the same ledgers it is the same files or a refusal that names the one; where a programme has joined, it is new.
    """

    READS_AT_MOST = _WIDEST

    period: PeriodKind = asked("Period", "期间类别")
    last_day: date = asked("Last day", "截止日")
    ledgers: tuple[LedgerOf, ...] = asked("Ledgers", "所汇总账册")
    files: tuple[LedgerFile, ...] = asked("Files", "文件")

    single: dict[ProgrammeId, int] = known(factory=dict)
    published: InstitutionLedgerPublished | None = known()

    def consistency_boundary(self) -> Sequence[Selector]:
        """Whatever was published in the year: by each programme, and for the institution."""
        year = [tag(InstitutionId, self.institution_id), tag(CalendarYear, self.last_day.year)]
        return [Selector([LedgerPublished, InstitutionLedgerPublished], year)]

    @event(LedgerPublished)
    def _(self, body: LedgerPublished, position: int) -> None:
        if (body.period, body.last_day) == (self.period, self.last_day):
            self.single[body.programme_id] = position

    @event(InstitutionLedgerPublished)
    def _(self, body: InstitutionLedgerPublished) -> None:
        if (body.period, body.last_day) == (self.period, self.last_day):
            self.published = body

    def execute(self) -> None:
        if {each.programme_id: each.published_position for each in self.ledgers} != self.single or not self.single:
            raise LedgersDiffer(
                period=word(self.period, PERIOD_TITLES),
                last_day=self.last_day,
                published=len(self.single),
                listed=len(self.ledgers),
            )
        if self.published is not None and self.published.ledgers == self.ledgers:
            _require_same(_digests(self.published.files), _digests(self.files))
            return
        self.trigger_event(
            InstitutionLedgerPublished,
            institution_id=self.institution_id,
            period=self.period,
            last_day=self.last_day,
            year=CalendarYear(self.last_day.year),
            ledgers=self.ledgers,
            files=self.files,
        )


def _digests(files: tuple[LedgerFile, ...]) -> dict[str, str]:
    return {file.name: file.digest for file in files}
