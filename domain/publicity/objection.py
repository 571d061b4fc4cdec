"""Objections: received in time, admitted or not, investigated, upheld or dismissed, withdrawn; against one entry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, ClassVar

from domain.application.events import ApplicationWithdrawn
from domain.application.policy import require_state
from domain.calendar.events import WorkingDaysSupplied
from domain.calendar.policy import WorkingDays
from domain.document.policy import RestsOnPapers
from domain.ids import (
    ApplicationId,
    CalendarYear,
    DocumentId,
    InstitutionId,
    ObjectionId,
    ProgrammeId,
    PublicityId,
    tag,
)
from domain.kernel import (
    Code,
    Command,
    Event,
    Invalid,
    Refusal,
    SealedAnswers,
    SealedDetails,
    Selector,
    any_event,
    asked,
    called,
    event,
    known,
    word,
    words,
)
from domain.person.policy import DETAIL_TITLES, DetailNotKept, NameMissing
from domain.publicity.events import (
    EntryPassed,
    ObjectionAdmitted,
    ObjectionDismissed,
    ObjectionInvestigated,
    ObjectionNotAdmitted,
    ObjectionReceived,
    ObjectionUpheld,
    ObjectionWithdrawn,
    ObjectorIdentity,
    PublicityRuleDefined,
)
from domain.publicity.policy import (
    IDENTITY_TITLES,
    OBJECTION_FACTS,
    PUBLICITY_FACTS,
    Objection,
    ObjectionFact,
    Objections,
    ObjectionUnknown,
    Publicity,
    PublicityFact,
    SecondPersonMissing,
)
from domain.selection.events import SelectionStruck

_DETAILS = frozenset({"name", "phone", "email", "unit"})


class ObjectionAlreadyReceived(Refusal):
    """Objection {objection_id} has been received before.
    zh: 异议 {objection_id} 此前已收到。
    title: The objection was received before · 异议此前已收到
    """


class IdentityNotAllowed(Refusal):
    """An objection may not be {identity}; the rule allows: {allowed}.
    zh: 异议不得以“{identity}”形式提出;规则允许:{allowed}。
    title: Objections are not taken in this form · 不得以该形式提出异议
    """


class ChannelNotAllowed(Refusal):
    """An objection is not received by the channel {channel}; the rule names: {allowed}.
    zh: 异议不得经 {channel} 渠道提出;规则列明:{allowed}。
    title: Objections are not taken by this channel · 不得经该渠道提出异议
    """


class AnonymousNamesNobody(Invalid):
    """An anonymous objector gives no name and no contact.
    zh: 匿名异议不得附姓名与联系方式。
    """


class StatementMissing(Invalid):
    """An objection says something, under the one name statement.
    zh: 异议须有内容,且仅以 statement 为名。
    """


class ReceiveObjection(Command):
    """Receive an objection against one entry of a publicity that is not over; who objects is sealed, and what is said.
    zh: 收下针对未截止公示某一条目的异议;异议人身份与内容均予封存。
    """

    objection_id: ObjectionId = asked("Objection", "异议")
    publicity_id: PublicityId = asked("Publicity", "公示")
    application_id: ApplicationId = asked("Application", "申报")
    identity: ObjectorIdentity = asked("Objector", "异议人身份形式")
    channel: Code = asked("Channel", "渠道")
    objector: SealedDetails = asked("Name and contact (none of an anonymous one)", "姓名与联系方式(匿名者为空)")
    statement: SealedAnswers = asked("Statement", "异议内容")

    publicity: Publicity = known(factory=Publicity)
    rules: dict[int, PublicityRuleDefined] = known(factory=dict)
    calendar: WorkingDays = known(factory=WorkingDays)
    taken: bool = known(default=False)

    @property
    def state(self) -> str:
        """The state of the publicity."""
        return self.publicity.state

    def consistency_boundary(self) -> Sequence[Selector]:
        house = tag(InstitutionId, self.institution_id)
        years = (self.today.year, self.today.year + 1)
        boundary = [
            Selector(PUBLICITY_FACTS, [tag(PublicityId, self.publicity_id)]),
            Selector([ObjectionReceived], [tag(ObjectionId, self.objection_id)]),
            *(Selector([WorkingDaysSupplied], [house, tag(CalendarYear, year)]) for year in years),
        ]
        if (prepared := self.publicity.prepared) is not None:
            boundary.append(Selector([PublicityRuleDefined], [tag(ProgrammeId, prepared.programme_id)]))
        return boundary

    @any_event(*PUBLICITY_FACTS)
    def _(self, body: PublicityFact, by: str) -> None:
        self.publicity.take(body, by)

    @event(ObjectionReceived)
    def _(self) -> None:
        self.taken = True

    @event(PublicityRuleDefined)
    def _(self, body: PublicityRuleDefined, position: int) -> None:
        self.rules[position] = body

    @event(WorkingDaysSupplied)
    def _(self, body: WorkingDaysSupplied, position: int) -> None:
        self.calendar.take(body, position)

    def execute(self) -> None:
        prepared = self.publicity.require_prepared(self.publicity_id)
        if self.taken:
            raise ObjectionAlreadyReceived(objection_id=self.objection_id)
        self.publicity.require_running(self.publicity_id, self.now)
        self.publicity.entry(self.application_id)
        rule = self.rules[prepared.rule_position]
        if self.identity not in rule.identities:
            allowed = words(rule.identities, IDENTITY_TITLES)
            raise IdentityNotAllowed(identity=word(self.identity, IDENTITY_TITLES), allowed=allowed)
        if self.channel not in rule.channels:
            raise ChannelNotAllowed(channel=self.channel, allowed=", ".join(rule.channels))
        self._check_texts()
        due_at, due_day = self._due(rule)
        self.trigger_event(
            ObjectionReceived,
            objection_id=self.objection_id,
            publicity_id=self.publicity_id,
            programme_id=prepared.programme_id,
            application_id=self.application_id,
            identity=self.identity,
            channel=self.channel,
            commitment=None if self.identity == "anonymous" else self.objector.commitment,
            statement_document_id=self.statement.document_id,
            due_at=due_at,
            due_day=due_day,
        )

    def _check_texts(self) -> None:
        """Who objects by name gives it, who does not gives nothing; and something is said."""
        if self.identity == "anonymous":
            if self.objector.fields:
                raise AnonymousNamesNobody(field="objector")
        elif "name" not in self.objector.fields:
            raise NameMissing(field="objector")
        elif not self.objector.fields <= _DETAILS:
            raise DetailNotKept(field="objector", kept=words(sorted(_DETAILS), DETAIL_TITLES))
        if set(self.statement.characters) != {"statement"} or not self.statement.characters["statement"]:
            raise StatementMissing(field="statement")

    def _due(self, rule: PublicityRuleDefined) -> tuple[datetime | None, date | None]:
        """By when it is to be decided, counted from the next day, where the rule says so."""
        if rule.decide_within_days is None:
            return None, None
        end = self.calendar.deadline(
            self.today, rule.decide_within_days, rule.day_rule, self.zone, count_first_day=False
        )
        return end.closes_at, end.last_day


class AboutObjection(Command):
    """What every command about an objection knows: the publicity it is against, and the other objections to it.
    zh: 关于异议的各项命令所共知:所针对的公示及其他异议。
    """

    objection_id: ObjectionId = asked("Objection", "异议")

    publicity: Publicity = known(factory=Publicity)
    objections: Objections = known(factory=Objections)
    gone: frozenset[ApplicationId] = known(frozenset())

    @property
    def state(self) -> str:
        """The state of the objection, for the permission table."""
        return self.objections.state_of(self.objection_id)

    def consistency_boundary(self) -> Sequence[Selector]:
        """The objection; once it is known, its publicity, all objections to the entry, and whether that is gone."""
        boundary = [Selector(OBJECTION_FACTS, [tag(ObjectionId, self.objection_id)])]
        if (one := self.objections.by_id.get(self.objection_id)) is not None:
            publicity = tag(PublicityId, one.received.publicity_id)
            application = tag(ApplicationId, one.received.application_id)
            boundary += [
                Selector(PUBLICITY_FACTS, [publicity]),
                Selector(OBJECTION_FACTS, [publicity, application]),
                Selector([SelectionStruck, ApplicationWithdrawn], [application]),
            ]
        return boundary

    @any_event(*OBJECTION_FACTS)
    def _(self, body: ObjectionFact, by: str) -> None:
        self.objections.take(body, by)

    @any_event(*PUBLICITY_FACTS)
    def _(self, body: PublicityFact, by: str) -> None:
        self.publicity.take(body, by)

    @any_event(SelectionStruck, ApplicationWithdrawn)
    def _(self, application_id: ApplicationId) -> None:
        self.gone |= {application_id}

    def _require_received(self) -> Objection:
        """The objection, in a state in which the permission table has this command."""
        one = self.objections.by_id.get(self.objection_id)
        if one is None:
            raise ObjectionUnknown(objection_id=self.objection_id)
        require_state(self)
        return one

    def _record(self, kind: type[Event], **more: Any) -> None:  # noqa: ANN401 - Fields of that event.
        """Record what becomes of the objection; if it was the last to hold its entry up, also that the entry passed."""
        received = self.objections.by_id[self.objection_id].received
        application_id = received.application_id
        self.trigger_event(
            kind,
            objection_id=self.objection_id,
            publicity_id=received.publicity_id,
            application_id=application_id,
            **more,
        )
        # Once the time is over, whether or not that was recorded: the closing passes what was clear by then.
        waits = self.publicity.is_over(self.now) and application_id not in self.gone | self.publicity.passed
        if waits and self.objections.is_clear(application_id):
            self.trigger_event(EntryPassed, **self.publicity.passing(application_id).as_dict())


class AdmitObjection(AboutObjection):
    """Admit an objection: it is investigated.
    zh: 受理异议,予以调查。
    """

    def execute(self) -> None:
        self._require_received()
        self._record(ObjectionAdmitted)


class RefuseObjection(AboutObjection):
    """Do not admit an objection.
    zh: 不予受理异议。
    """

    ground: Code = asked("Ground", "理由")

    def execute(self) -> None:
        self._require_received()
        self._record(ObjectionNotAdmitted, ground=self.ground)


class InvestigateObjection(RestsOnPapers, AboutObjection):
    """Record the findings of the investigation; recorded anew, the later ones hold.
    zh: 记录调查结果;再次记录以后者为准。
    """

    PAPERS: ClassVar[tuple[str, ...]] = ("findings_document_id",)

    findings_document_id: DocumentId = asked("Findings", "调查报告")

    def execute(self) -> None:
        self._require_received()
        self._require_papers()
        self._record(ObjectionInvestigated, findings_document_id=self.findings_document_id)


class UpholdObjection(AboutObjection):
    """Uphold an investigated objection: its entry does not pass. Whoever investigated does not also decide.
    zh: 认定经调查的异议成立:该条目不予通过。调查人不得同时作出决定。
    """

    def execute(self) -> None:
        one = self._require_received()
        _require_second_person(self, one)
        self._record(ObjectionUpheld)


class DismissObjection(AboutObjection):
    """Dismiss an investigated objection. Whoever investigated does not also decide.
    zh: 驳回经调查的异议。调查人不得同时作出决定。
    """

    def execute(self) -> None:
        one = self._require_received()
        _require_second_person(self, one)
        self._record(ObjectionDismissed)


class WithdrawObjection(AboutObjection):
    """Record that an objection was withdrawn by whoever had raised it.
    zh: 记录异议由提出者撤回。
    """

    def execute(self) -> None:
        self._require_received()
        self._record(ObjectionWithdrawn)


def _require_second_person(command: AboutObjection, one: Objection) -> None:
    if command.by == one.investigated_by:
        raise SecondPersonMissing(act=called(type(command)))
