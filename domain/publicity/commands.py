"""What may be asked of a publicity: prepare, check, open, extend, take down, close. Objections have their own page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Annotated

import msgspec

from domain.application.events import ApplicationWithdrawn
from domain.application.policy import of_track, require_state
from domain.assessment.events import AssessmentDecided, AssessmentDefined
from domain.assessment.policy import is_against_completion
from domain.calendar.events import WorkingDaysSupplied
from domain.calendar.policy import PeriodOfNoDays, WorkingDays, end_of
from domain.ids import ApplicationId, CalendarYear, InstitutionId, ProgrammeId, PublicityId, TrackId, tag
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
    field_called,
    known,
    word,
    words,
)
from domain.programme.events import ProgrammeAnnounced, TrackDefined
from domain.programme.policy import ProgrammeUnknown, TrackUnknown
from domain.publicity.acceptance import ACCEPTANCE_FACTS, AcceptanceFact, Acceptances
from domain.publicity.events import (
    Check,
    DayRule,
    EntryPassed,
    Matter,
    ObjectorIdentity,
    PostingWithdrawn,
    PublicityApproved,
    PublicityClosed,
    PublicityExtended,
    PublicityOpened,
    PublicityPrepared,
    PublicityRuleDefined,
    PublicityTakenDown,
    ShownEntry,
)
from domain.publicity.objection import (
    AdmitObjection,
    DismissObjection,
    InvestigateObjection,
    ReceiveObjection,
    RefuseObjection,
    UpholdObjection,
    WithdrawObjection,
)
from domain.publicity.policy import (
    CHECK_TITLES,
    IDENTITY_TITLES,
    MATTER_TITLES,
    OBJECTION_FACTS,
    PUBLICITY_FACTS,
    ObjectionFact,
    Objections,
    Publicity,
    PublicityFact,
    PublicityUnknown,
    SecondPersonMissing,
    digest_of,
)
from domain.selection.events import SelectionConfirmed, SelectionReversed, SelectionStruck
from domain.selection.policy import DECISION_FACTS, DecisionFact, TrackSelection

_CHECKS: frozenset[Check] = frozenset({"secrecy", "personal_data"})


class PublicityRuleMissing(Refusal):
    """No rule says how the {matter} of programme {programme_id} is publicised.
    zh: 项目 {programme_id} 尚未设定{matter}的公示规则。
    title: No publicity rule is defined · 尚未设定公示规则
    """


class NoneNamed(Invalid):
    """At least one is named in {field}.
    zh: {field}须至少列明一项。
    title: At least one must be named · 须至少列明一项
    """


class NamedTwice(Invalid):
    """{twice} is named twice in {field}.
    zh: {field}中 {twice} 重复列出。
    title: Something is named twice · 重复列出
    """


class PublicityAlreadyPrepared(Refusal):
    """Publicity {publicity_id} has been prepared before.
    zh: 公示 {publicity_id} 此前已拟定。
    title: The publicity was prepared before · 公示此前已拟定
    """


class NothingToShow(Refusal):
    """Nothing is selected in these tracks that has not passed a publicity since.
    zh: 所列赛道中没有已入选且尚未通过公示的申报。
    """


class NotToBeShown(Refusal):
    """Application {application_id} is not among those that may be shown as {matter}.
    zh: 申报 {application_id} 不在可作 {matter} 公示之列。
    title: Not among those that may be shown · 不在可公示之列
    """


class AlreadyShown(Refusal):
    """Application {application_id} is shown by the publicity {publicity_id} already.
    zh: 申报 {application_id} 已列入公示 {publicity_id}。
    title: It is shown by a publicity · 申报已列入公示
    """


class ListOutdated(Refusal):
    """What was prepared has the digest {prepared_digest}; what is decided now has {digest}.
    zh: 拟定名单的摘要为 {prepared_digest},现有决定的名单摘要为 {digest}。
    title: The list is no longer what was decided · 拟定名单已与现有决定不符
    """


class OtherList(Refusal):
    """What was checked has the digest {checked_digest}; what was prepared has {prepared_digest}.
    zh: 所审查名单的摘要为 {checked_digest},拟定名单的摘要为 {prepared_digest}。
    title: Another list was prepared · 所审查的并非拟定名单
    """


class ChecksMissing(Refusal):
    """These checks are missing: {missing}.
    zh: 尚缺审查事项:{missing}。
    title: Some checks are missing · 尚缺审查事项
    """


class NotLater(Refusal):
    """The publicity runs until {last_day} already.
    zh: 公示本已持续至 {last_day}。
    title: The publicity lasted at least that long · 公示本已持续至该日
    """


class PublicityStillOpen(Refusal):
    """The publicity is open until {closes_at}.
    zh: 公示至 {closes_at} 方截止。
    title: The publicity is still open · 公示尚未截止
    """


def _require_each_once(command: type[Command], name: str, named: Sequence[str]) -> None:
    field = field_called(command, name)
    if not named:
        raise NoneNamed(field=field)
    for each in named:
        if named.count(each) > 1:
            raise NamedTwice(field=field, twice=words([each], IDENTITY_TITLES))


# --- the rule ---------------------------------------------------------------------------------------------------------


class DefinePublicityRule(Command):
    """Define how a matter is publicised and objected to; defined anew, it holds for publicities prepared afterwards.
    zh: 设定某事项的公示与异议规则;再次设定者,适用于此后拟定的公示。
    """

    programme_id: ProgrammeId = asked("Programme", "项目")
    matter: Matter = asked("Matter", "事项")
    window_days: Annotated[int, msgspec.Meta(ge=1, le=366)] = asked("Length in days", "公示天数")
    day_rule: DayRule = asked("Kind of days", "日期类别")
    count_first_day: bool = asked("The first day counts", "首日计入")
    identities: tuple[ObjectorIdentity, ...] = asked("Objectors may be", "异议人身份形式")
    channels: tuple[Code, ...] = asked("Channels of objection", "异议渠道")
    decide_within_days: Annotated[int, msgspec.Meta(ge=1, le=366)] | None = asked(
        "Objections decided within days (none: not stated)", "异议办理天数(空为未载明)", default=None
    )

    announced: bool = known(default=False)
    rules: dict[Matter, PublicityRuleDefined] = known(factory=dict)

    def consistency_boundary(self) -> Sequence[Selector]:
        return [Selector([ProgrammeAnnounced, PublicityRuleDefined], [tag(ProgrammeId, self.programme_id)])]

    @event(ProgrammeAnnounced)
    def _(self) -> None:
        self.announced = True

    @event(PublicityRuleDefined)
    def _(self, body: PublicityRuleDefined) -> None:
        self.rules[body.matter] = body

    def execute(self) -> None:
        if not self.announced:
            raise ProgrammeUnknown(programme_id=self.programme_id)
        for name, days in (("window_days", self.window_days), ("decide_within_days", self.decide_within_days)):
            if days is not None and days < 1:
                raise PeriodOfNoDays(field=name, length=days)
        for name, named in (("identities", self.identities), ("channels", self.channels)):
            _require_each_once(type(self), name, named)
        defined = PublicityRuleDefined(
            programme_id=self.programme_id,
            matter=self.matter,
            window_days=self.window_days,
            day_rule=self.day_rule,
            count_first_day=self.count_first_day,
            identities=self.identities,
            channels=self.channels,
            decide_within_days=self.decide_within_days,
        )
        if defined != self.rules.get(self.matter):
            self.trigger_event(PublicityRuleDefined, **defined.as_dict())


# --- what is shown ----------------------------------------------------------------------------------------------------


class AboutList(Command):
    """What is to be shown: those selected in some tracks, or their cases that were accepted, that have not passed a
    publicity of that matter since.
    zh: 拟公示内容:所列赛道中已入选者或已通过验收的项目,且此后尚未通过该事项公示者。
    """

    selections: dict[TrackId, TrackSelection] = known(factory=dict)
    passed_at: dict[ApplicationId, int] = known(factory=dict)
    withdrawn: frozenset[ApplicationId] = known(frozenset())
    acceptances: Acceptances = known(factory=Acceptances)
    accepted: frozenset[ApplicationId] = known(frozenset())
    """Whose acceptance has passed its publicity, and was not decided otherwise since."""

    @any_event(*DECISION_FACTS)
    def _(self, body: DecisionFact, track_id: TrackId, position: int) -> None:
        self.selections.setdefault(track_id, TrackSelection()).take(body, position)
        match body:
            case SelectionConfirmed():
                self.acceptances.confirm(body)
            case SelectionReversed(application_id=application_id):
                self.acceptances.reverse(application_id)

    @any_event(AssessmentDefined, *ACCEPTANCE_FACTS)
    def _(self, body: AcceptanceFact, position: int) -> None:
        self.acceptances.take(body, position)
        if isinstance(body, AssessmentDecided) and is_against_completion(body):
            self.accepted -= {body.application_id}

    @event(ApplicationWithdrawn)
    def _(self, application_id: ApplicationId) -> None:
        self.withdrawn |= {application_id}

    def _of_tracks(self, programme_id: ProgrammeId, track_ids: Sequence[TrackId], matter: Matter) -> Iterator[Selector]:
        kinds: tuple[type[Event], ...] = (*DECISION_FACTS, EntryPassed, ApplicationWithdrawn)
        # Where no track is named, or nothing of that matter is shown, the id of none finds nothing.
        named, none = track_ids or (TrackId("none"),), matter != "acceptance"
        yield from (Selector(kinds, of_track(programme_id, track_id)) for track_id in named)
        yield Selector([AssessmentDefined], [tag(ProgrammeId, ProgrammeId("none") if none else programme_id)])
        for track_id in (TrackId("none"),) if none else named:
            yield Selector(ACCEPTANCE_FACTS, of_track(programme_id, track_id))

    def _listed(
        self, matter: Matter, track_ids: Sequence[TrackId], only: Sequence[ApplicationId] | None
    ) -> tuple[tuple[ShownEntry, ...], int]:
        """The entries in their order, of all or only of these, and the position of the newest fact for one."""
        if matter == "selection":
            return self._entries(track_ids)
        shown: list[ShownEntry] = []
        newest = 0
        for track_id in track_ids:
            cases = [
                case
                for case in self.acceptances.shown(track_id)
                if case[0] not in self.accepted and (only is None or case[0] in only)
            ]
            newest = max([newest, *(position for _, _, position in cases)])
            shown += [
                ShownEntry(application_id=application_id, track_id=track_id, unit_id=unit_id, order=n)
                for n, (application_id, unit_id, _) in enumerate(cases, start=1)
            ]
        return tuple(shown), newest

    def _pass(self, body: EntryPassed, position: int) -> None:
        self.passed_at[body.application_id] = position
        if body.matter == "acceptance":
            self.accepted |= {body.application_id}

    def _entries(self, track_ids: Sequence[TrackId]) -> tuple[tuple[ShownEntry, ...], int]:
        """The entries in their order, and the position of the newest fact that put one of them there."""
        shown, newest = [], 0
        for track_id in track_ids:
            cases = self.selections.get(track_id, TrackSelection()).cases.values()
            chosen = [
                case
                for case in cases
                if case.state == "selected"
                and case.decided.application_id not in self.withdrawn
                and self.passed_at.get(case.decided.application_id, 0) < case.position
            ]
            # Those promoted come after those selected at once, in the order in which they were promoted.
            chosen.sort(key=lambda case: (case.freed_by is not None, case.position, case.decided.order))
            newest = max([newest, *(case.position for case in chosen)])
            shown += [
                ShownEntry(
                    application_id=case.decided.application_id, track_id=track_id, unit_id=case.decided.unit_id, order=n
                )
                for n, case in enumerate(chosen, start=1)
            ]
        return tuple(shown), newest


class PreparePublicity(AboutList):
    """Prepare the publicity of what was selected in these tracks and has not passed one since; or of their cases that
    were accepted, or placed by the panel of an acceptance that is not decided yet: of all, or of those named.
    zh: 就所列赛道中已入选且此后尚未通过公示者拟定公示;或就已通过验收、或验收评审组已排名而尚无结论的项目拟定公示。
    """

    publicity_id: PublicityId = asked("Publicity", "公示")
    programme_id: ProgrammeId = asked("Programme", "项目")
    track_ids: tuple[TrackId, ...] = asked("Tracks", "赛道")
    follows: PublicityId | None = asked("Publishes anew", "重新公示对象", default=None)
    matter: Matter = asked("Matter", "事项", default="selection")
    application_ids: tuple[ApplicationId, ...] | None = asked(
        "Only these (of an acceptance; none: all)", "仅限所列(验收公示,空为全部)", default=None
    )

    tracks: frozenset[TrackId] = known(frozenset())
    rule_position: int = known(0)
    publicities: dict[PublicityId, Publicity] = known(factory=dict)

    def consistency_boundary(self) -> Sequence[Selector]:
        programme = tag(ProgrammeId, self.programme_id)
        return [
            Selector([TrackDefined, PublicityRuleDefined, *PUBLICITY_FACTS], [programme]),
            *self._of_tracks(self.programme_id, self.track_ids, self.matter),
            Selector([PublicityPrepared], [tag(PublicityId, self.publicity_id)]),
        ]

    @event(TrackDefined)
    def _(self, track_id: TrackId) -> None:
        self.tracks |= {track_id}

    @event(PublicityRuleDefined)
    def _(self, matter: Matter, position: int) -> None:
        if matter == self.matter:
            self.rule_position = position

    @any_event(*PUBLICITY_FACTS)
    def _(self, body: PublicityFact, by: str, position: int) -> None:
        self.publicities.setdefault(body.publicity_id, Publicity()).take(body, by)
        if isinstance(body, EntryPassed):
            self._pass(body, position)

    def execute(self) -> None:
        for track_id in self.track_ids:
            if track_id not in self.tracks:
                raise TrackUnknown(programme_id=self.programme_id, track_id=track_id)
        _require_each_once(type(self), "track_ids", self.track_ids)
        if self.publicity_id in self.publicities:
            raise PublicityAlreadyPrepared(publicity_id=self.publicity_id)
        if not self.rule_position:
            raise PublicityRuleMissing(matter=word(self.matter, MATTER_TITLES), programme_id=self.programme_id)
        if self.follows is not None and self.follows not in self.publicities:
            raise PublicityUnknown(publicity_id=self.follows)
        entries, list_position = self._listed(self.matter, self.track_ids, self.application_ids)
        if not entries:
            raise NothingToShow
        self._require_named(entries)
        self._require_shown_nowhere(entries)
        self.trigger_event(
            PublicityPrepared,
            publicity_id=self.publicity_id,
            programme_id=self.programme_id,
            matter=self.matter,
            rule_position=self.rule_position,
            list_position=list_position,
            list_digest=digest_of(entries),
            entries=entries,
            follows=self.follows,
        )

    def _require_named(self, entries: Sequence[ShownEntry]) -> None:
        """A selection is shown as a whole; of an acceptance those named are all among those that may be shown."""
        shown = set() if self.matter == "selection" else {entry.application_id for entry in entries}
        for application_id in self.application_ids or ():
            if application_id not in shown:
                raise NotToBeShown(application_id=application_id, matter=word(self.matter, MATTER_TITLES))

    def _require_shown_nowhere(self, entries: Sequence[ShownEntry]) -> None:
        for publicity_id, publicity in self.publicities.items():
            # One that was only prepared or approved may be superseded; what is on the wall may not be shown twice.
            prepared = publicity.prepared
            if prepared is None or publicity.state != "open":
                continue
            shown = {entry.application_id for entry in prepared.entries}
            for entry in entries:
                if entry.application_id in shown:
                    raise AlreadyShown(application_id=entry.application_id, publicity_id=publicity_id)


class AboutPublicity(Command):
    """What every command about a publicity knows.
    zh: 关于公示的各项命令所共知。
    """

    publicity_id: PublicityId = asked("Publicity", "公示")

    publicity: Publicity = known(factory=Publicity)

    @property
    def state(self) -> str:
        """The state of the publicity, for the permission table."""
        return self.publicity.state

    def consistency_boundary(self) -> Sequence[Selector]:
        """Everything that became of the publicity."""
        return [Selector(PUBLICITY_FACTS, [tag(PublicityId, self.publicity_id)])]

    @any_event(*PUBLICITY_FACTS)
    def _(self, body: PublicityFact, by: str) -> None:
        self.publicity.take(body, by)

    def _require_prepared(self) -> PublicityPrepared:
        """What was prepared, in a state in which the permission table has this command."""
        prepared = self.publicity.require_prepared(self.publicity_id)
        require_state(self)
        return prepared


class ApprovePublicity(AboutPublicity):
    """Approve exactly the prepared list, having checked it for secrecy and personal data; by a second person.
    zh: 由另一人作保密审查与个人信息审查后,批准所拟定的名单。
    """

    list_digest: Digest = asked("Digest of the list that was checked", "所审查名单的摘要")
    checks: tuple[Check, ...] = asked("Checks", "审查事项")

    def execute(self) -> None:
        prepared = self._require_prepared()
        if self.by == self.publicity.prepared_by:
            raise SecondPersonMissing(act=called(type(self)))
        if self.list_digest != prepared.list_digest:
            raise OtherList(checked_digest=self.list_digest, prepared_digest=prepared.list_digest)
        if missing := sorted(_CHECKS - set(self.checks)):
            raise ChecksMissing(missing=words(missing, CHECK_TITLES))
        self.trigger_event(
            PublicityApproved,
            publicity_id=self.publicity_id,
            programme_id=prepared.programme_id,
            list_digest=prepared.list_digest,
            checks=self.checks,
        )


class OpenPublicity(AboutList):
    """Open an approved publicity now; its end is counted on the filed calendar and written down.

    A person opens it, never a schedule: what is posted must be seen to hang.
    zh: 即时开启已获批准的公示;其截止依备案日历计算并载明。公示由人开启,不由日程开启。
    """

    publicity_id: PublicityId = asked("Publicity", "公示")

    publicity: Publicity = known(factory=Publicity)
    rules: dict[int, PublicityRuleDefined] = known(factory=dict)
    calendar: WorkingDays = known(factory=WorkingDays)
    showing: dict[ApplicationId, PublicityId] = known(factory=dict)

    @property
    def state(self) -> str:
        """The state of the publicity, for the permission table."""
        return self.publicity.state

    def consistency_boundary(self) -> Sequence[Selector]:
        house = tag(InstitutionId, self.institution_id)
        years = (self.today.year, self.today.year + 1)
        boundary = [
            Selector(PUBLICITY_FACTS, [tag(PublicityId, self.publicity_id)]),
            *(Selector([WorkingDaysSupplied], [house, tag(CalendarYear, year)]) for year in years),
        ]
        if (prepared := self.publicity.prepared) is not None:
            programme = tag(ProgrammeId, prepared.programme_id)
            boundary.append(Selector([PublicityRuleDefined, *PUBLICITY_FACTS], [programme]))
            boundary += self._of_tracks(prepared.programme_id, _tracks_of(prepared), prepared.matter)
        return boundary

    @any_event(*PUBLICITY_FACTS)
    def _(self, body: PublicityFact, by: str, position: int) -> None:
        if body.publicity_id == self.publicity_id:
            self.publicity.take(body, by)
        match body:
            case EntryPassed():
                self._pass(body, position)
            case PublicityOpened():
                self.showing |= {entry.application_id: body.publicity_id for entry in body.entries}
            case PublicityClosed() | PublicityTakenDown():
                self.showing = {key: where for key, where in self.showing.items() if where != body.publicity_id}

    @event(PublicityRuleDefined)
    def _(self, body: PublicityRuleDefined, position: int) -> None:
        self.rules[position] = body

    @event(WorkingDaysSupplied)
    def _(self, body: WorkingDaysSupplied, position: int) -> None:
        self.calendar.take(body, position)

    def execute(self) -> None:
        prepared = self.publicity.require_prepared(self.publicity_id)
        require_state(self)
        self._require_still_decided(prepared)
        rule = self.rules[prepared.rule_position]
        end = self.calendar.deadline(
            self.today, rule.window_days, rule.day_rule, self.zone, count_first_day=rule.count_first_day
        )
        self.trigger_event(
            PublicityOpened,
            publicity_id=self.publicity_id,
            programme_id=prepared.programme_id,
            matter=prepared.matter,
            list_position=prepared.list_position,
            list_digest=prepared.list_digest,
            entries=prepared.entries,
            opens_at=self.now,
            closes_at=end.closes_at,
            last_day=end.last_day,
            window_days=rule.window_days,
            day_rule=rule.day_rule,
            count_first_day=rule.count_first_day,
            calendar_position=end.calendar_position,
            identities=rule.identities,
            channels=rule.channels,
        )

    def _require_still_decided(self, prepared: PublicityPrepared) -> None:
        shown = tuple(entry.application_id for entry in prepared.entries)
        digest = digest_of(self._listed(prepared.matter, _tracks_of(prepared), shown)[0])
        if digest != prepared.list_digest:
            raise ListOutdated(prepared_digest=prepared.list_digest, digest=digest)
        for entry in prepared.entries:
            if entry.application_id in self.showing:
                shown_by = self.showing[entry.application_id]
                raise AlreadyShown(application_id=entry.application_id, publicity_id=shown_by)


def _tracks_of(prepared: PublicityPrepared) -> tuple[TrackId, ...]:
    return tuple(dict.fromkeys(entry.track_id for entry in prepared.entries))


# --- the window -------------------------------------------------------------------------------------------------------


class ExtendPublicity(AboutPublicity):
    """Extend a publicity that is not over yet to a later last day.
    zh: 将尚未截止的公示延长至更晚的截止日。
    """

    last_day: date = asked("Last day", "截止日")

    def execute(self) -> None:
        prepared = self._require_prepared()
        closes_at, last_day = self.publicity.require_running(self.publicity_id, self.now)
        later = end_of(self.last_day, self.zone)
        if later <= closes_at:
            raise NotLater(last_day=last_day)
        self.trigger_event(
            PublicityExtended,
            publicity_id=self.publicity_id,
            programme_id=prepared.programme_id,
            closes_at=later,
            last_day=self.last_day,
        )


class TakeDownPublicity(AboutPublicity):
    """Take a publicity down before it is over; nothing of it passes.
    zh: 在截止之前撤下公示;其内容均不视为通过。
    """

    def execute(self) -> None:
        prepared = self._require_prepared()
        self.publicity.require_running(self.publicity_id, self.now)
        self.trigger_event(PublicityTakenDown, publicity_id=self.publicity_id, programme_id=prepared.programme_id)


class ClosePublicity(AboutPublicity):
    """Record that a publicity is over, and which entries passed it: those without an open or upheld objection then.

    However late it is recorded, it is judged by what was so when the time was over; an objection that was decided since
    has let its entry pass by itself.
    zh: 记录公示已截止及届时通过公示的条目:当时无未决或成立的异议者。无论何时记录,均以截止时刻为准。
    """

    objections: Objections = known(factory=Objections)
    answers: tuple[tuple[datetime, ObjectionFact], ...] = known(())
    gone: frozenset[ApplicationId] = known(frozenset())

    def consistency_boundary(self) -> Sequence[Selector]:
        """The publicity, all objections against it, and whether an entry was struck or withdrawn meanwhile."""
        prepared = self.publicity.prepared
        entries = () if prepared is None else prepared.entries
        return [
            *super().consistency_boundary(),
            Selector(OBJECTION_FACTS, [tag(PublicityId, self.publicity_id)]),
            *(
                Selector([SelectionStruck, ApplicationWithdrawn], [tag(ApplicationId, e.application_id)])
                for e in entries
            ),
        ]

    @any_event(*OBJECTION_FACTS)
    def _(self, body: ObjectionFact, at: datetime) -> None:
        self.answers += ((at, body),)

    @any_event(SelectionStruck, ApplicationWithdrawn)
    def _(self, application_id: ApplicationId) -> None:
        self.gone |= {application_id}

    def execute(self) -> None:
        prepared = self._require_prepared()
        closes_at, last_day = self.publicity.require_open(self.publicity_id)
        if self.now < closes_at:
            raise PublicityStillOpen(closes_at=closes_at)
        # Whoever records it, and however late, the publicity closed at the instant that was written.
        self.effective_at = closes_at
        for at, body in self.answers:
            if at < closes_at:
                self.objections.take(body)
        self.trigger_event(
            PublicityClosed,
            publicity_id=self.publicity_id,
            programme_id=prepared.programme_id,
            closes_at=closes_at,
            last_day=last_day,
        )
        for entry in prepared.entries:
            waits = entry.application_id not in self.gone | self.publicity.passed
            if waits and self.objections.is_clear(entry.application_id):
                self.trigger_event(EntryPassed, **self.publicity.passing(entry.application_id).as_dict())


class WithdrawPosting(AboutPublicity):
    """Record that the posting of a closed publicity was withdrawn.
    zh: 记录已截止公示的张贴内容已撤下。
    """

    def execute(self) -> None:
        prepared = self._require_prepared()
        self.trigger_event(PostingWithdrawn, publicity_id=self.publicity_id, programme_id=prepared.programme_id)


COMMANDS: tuple[type[Command], ...] = (
    DefinePublicityRule,
    PreparePublicity,
    ApprovePublicity,
    OpenPublicity,
    ExtendPublicity,
    TakeDownPublicity,
    ClosePublicity,
    WithdrawPosting,
    ReceiveObjection,
    AdmitObjection,
    RefuseObjection,
    InvestigateObjection,
    UpholdObjection,
    DismissObjection,
    WithdrawObjection,
)
