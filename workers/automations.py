"""What follows by itself from what has happened: the whole list on one page.

A row of ``AUTOMATIONS`` is a sentence, ``when_x_do_y``: the event it starts from, and one of three things that follow.

- ``Asks`` for a command at the front door, under the service identity ``automation``. It happens once, by its command
  id; it names the event as its cause and takes effect when the event did, however late the worker comes to it. What
  ``Produces`` files does so with the files it has made.
- ``Does`` something to our own tables. It is marked done in the same transaction, so it happens once.
- ``Sends`` something to others, at least once, under one idempotency key. A simulated institution sends nothing: what
  it would have sent is noted.

Where one event leads to several acts, ``each`` names the events that it is done for, one by one.

All of these are functions of what is recorded: asked again, they answer the same. They may raise a refusal, which is an
answer; whatever else they raise is a breakdown and is tried again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import UUID

import msgspec

import domain
import projections
from domain.accountability.events import MeasureDecided, MeasureLifted, QuotaCutPassed
from domain.accountability.succession import PassQuotaCut
from domain.audit.certificate import CertifyReplay
from domain.audit.events import CertifiedView
from domain.cultivation.commands import BeginCultivation, SucceedCase
from domain.cultivation.events import CaseSucceeded
from domain.designation.commands import RestoreTitle, RevokeTitle
from domain.designation.events import TitleConferred, TitleRevoked
from domain.funding.events import LedgerOf, LedgerPublished, PeriodClosed
from domain.funding.publication import PublishInstitutionLedger, PublishLedger
from domain.ids import (
    ApplicationId,
    CalendarYear,
    DesignationId,
    InstitutionId,
    MeasureId,
    NominatorUnitId,
    ObjectionId,
    PanelId,
    PersonId,
    ProgrammeId,
    SuccessorUnitId,
    UnitId,
    tag,
)
from domain.kernel import Command, Event, Recorded
from domain.lifecycle import CATALOGUE
from domain.nomination.events import QuotaAssigned, QuotaPassed
from domain.nomination.succession import PassQuota
from domain.privacy.events import ObjectorErased, PersonErased
from domain.publicity.events import EntryPassed, ObjectionUpheld
from domain.review.events import Mark, ScoreSheetAmended, ScoreSheetFiled, ScoringClosed
from domain.review.sheet import OpenScoreSheet, SeatKeyDestroyed
from domain.selection.commands import ConfirmSelection, StrikeSelection
from domain.selection.events import SelectionConfirmed
from domain.unit.events import UnitMerged
from infra.assembly import Assembly
from infra.bundle import sources, tree_digest
from infra.clock import Institution
from infra.codes import seat_of
from infra.log import logger
from infra.record import Item
from infra.replay import replayed
from infra.side_by_side import side_by_side
from infra.vault import KeyDestroyed, erase
from projections import VIEWS
from projections.ledger import CLOSES, LEDGER_FACTS, awaited, covered, file_of, ledger_files, tables_together

if TYPE_CHECKING:
    from infra.subscription import Connection

__all__ = [
    "AUTOMATIONS",
    "CERTIFYING",
    "Asked",
    "Asks",
    "Automation",
    "Does",
    "Each",
    "Produces",
    "Sends",
    "Started",
    "Verifies",
]


_log = logger()
_SHOWN: Final = 50
"""As many differences of a replay are logged; the certificate counts them all."""


@dataclass(frozen=True, slots=True)
class Started:
    """One act: where, the event it starts from, the event it is done for, and the key it is known by, for ever."""

    institution: Institution
    recorded: Recorded
    about: Recorded
    key: UUID


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command is asked with: its fields, the tag of what it is about, and a reason where it needs one."""

    values: Mapping[str, Any]
    subject: str | None = None
    reason_code: str | None = None


@dataclass(frozen=True, slots=True)
class Asks:
    """A command is asked for; ``asked`` says with what, and may look it up."""

    command: type[Command]
    asked: Callable[[Started, Assembly], Awaitable[Asked]]


@dataclass(frozen=True, slots=True)
class Produces(Asks):
    """A command is asked for with what takes long to work out: files that are made, and kept, before it is asked.

    Made again, they are the same files; whoever dies in between leaves nothing that the record names.
    """


@dataclass(frozen=True, slots=True)
class Verifies(Asks):
    """A command is asked for with what comes of going through the whole record, which takes as long as it takes."""


@dataclass(frozen=True, slots=True)
class Does:
    """Something is done to our own tables, on a connection whose transaction also marks it done."""

    effect: Callable[[Started, Connection], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Sends:
    """Something is sent to others, who tell a repetition by the key."""

    send: Callable[[Started], Awaitable[None]]


def _every_one(_recorded: Recorded, past: Sequence[Recorded]) -> Iterable[Recorded]:
    return past


@dataclass(frozen=True, kw_only=True)
class Each:
    """The earlier events that something is done for, one by one: ``chosen`` among the past that the event names."""

    past: Callable[[Recorded], Sequence[Item]]
    chosen: Callable[[Recorded, Sequence[Recorded]], Iterable[Recorded]] = field(default=_every_one)


@dataclass(frozen=True, kw_only=True)
class Automation:
    """When this event, then that; without one, when a row of OPERATIONS says so, about the newest event by then."""

    name: str
    en: str
    zh: str
    when: type[Event] | None
    then: Asks | Does | Sends
    each: Each | None = None


# --- what they ask for -----------------------------------------------------------------------------------------------


def _sheets_of_panel(closed: Recorded) -> Sequence[Item]:
    panel = tag(PanelId, cast("ScoringClosed", closed.event).panel_id)
    return [Item((ScoreSheetFiled.TOPIC, ScoreSheetAmended.TOPIC), (panel,))]


def _standing_sheets(_closed: Recorded, past: Sequence[Recorded]) -> Iterable[Recorded]:
    """Of each seat on each application the sheet that was filed last."""
    standing: dict[tuple[str, str], Recorded] = {}
    for filed in past:
        sheet = cast("ScoreSheetFiled | ScoreSheetAmended", filed.event)
        standing[sheet.seat_id, sheet.application_id] = filed
    return sorted(standing.values(), key=lambda filed: filed.position)


async def _opened_sheet(started: Started, parts: Assembly) -> Asked:
    """The marks and the salt of a sheet, as the vault has them; a seat whose key was destroyed opens nothing."""
    sheet = cast("ScoreSheetFiled | ScoreSheetAmended", started.about.event)
    try:
        opened = await parts.vault.reveal(
            started.institution.log_id, seat_of(sheet.panel_id, sheet.seat_id), sheet.commitment
        )
    except KeyDestroyed:
        raise SeatKeyDestroyed(panel_id=sheet.panel_id, seat_id=sheet.seat_id) from None
    marks = msgspec.json.decode(opened.plaintext, type=dict[str, int])
    values = {
        "panel_id": sheet.panel_id,
        "seat_id": sheet.seat_id,
        "application_id": sheet.application_id,
        "filed_position": started.about.position,
        "salt": opened.salt.hex(),
        "marks": tuple(Mark(criterion, tenths) for criterion, tenths in sorted(marks.items())),
    }
    return Asked(values, tag(PanelId, sheet.panel_id))


async def _passed_entry(started: Started, _parts: Assembly) -> Asked:
    passed = cast("EntryPassed", started.recorded.event)
    values = {"application_id": passed.application_id, "publicity_id": passed.publicity_id}
    return Asked(values, tag(ApplicationId, passed.application_id))


async def _upheld_objection(started: Started, _parts: Assembly) -> Asked:
    application_id = cast("ObjectionUpheld", started.recorded.event).application_id
    ground = "objection_upheld"
    return Asked({"application_id": application_id, "ground": ground}, tag(ApplicationId, application_id), ground)


async def _confirmed_case(started: Started, _parts: Assembly) -> Asked:
    application_id = cast("SelectionConfirmed", started.recorded.event).application_id
    return Asked({"application_id": application_id}, tag(ApplicationId, application_id))


def _cases_of_unit(merged: Recorded) -> Sequence[Item]:
    unit_id = cast("UnitMerged", merged.event).unit_id
    return [
        Item((SelectionConfirmed.TOPIC,), (tag(UnitId, unit_id),)),
        Item((CaseSucceeded.TOPIC,), (tag(SuccessorUnitId, unit_id),)),
    ]


def _each_case(_merged: Recorded, past: Sequence[Recorded]) -> Iterable[Recorded]:
    """Of each case that the unit ever bore, the newest fact that says so."""
    borne = {cast("SelectionConfirmed | CaseSucceeded", each.event).application_id: each for each in past}
    return sorted(borne.values(), key=lambda each: each.position)


async def _case_of_merged_unit(started: Started, _parts: Assembly) -> Asked:
    application_id = cast("SelectionConfirmed | CaseSucceeded", started.about.event).application_id
    values = {"application_id": application_id, "ground": "merged"}
    return Asked(values, tag(ApplicationId, application_id))


def _quotas_of_unit(merged: Recorded) -> Sequence[Item]:
    unit = tag(NominatorUnitId, cast("UnitMerged", merged.event).unit_id)
    return [Item((QuotaAssigned.TOPIC,), (unit,)), Item((QuotaPassed.TOPIC,), (unit,))]


def _each_quota(_merged: Recorded, past: Sequence[Recorded]) -> Iterable[Recorded]:
    """Of each track in which the unit ever had places, the newest fact that says so."""
    had = {(event.programme_id, event.track_id): each for each in past for event in [cast("QuotaAssigned", each.event)]}
    return sorted(had.values(), key=lambda each: each.position)


async def _quota_of_merged_unit(started: Started, _parts: Assembly) -> Asked:
    had = cast("QuotaAssigned | QuotaPassed", started.about.event)
    values = {
        "programme_id": had.programme_id,
        "track_id": had.track_id,
        "nominator_unit_id": cast("UnitMerged", started.recorded.event).unit_id,
    }
    return Asked(values, tag(ProgrammeId, had.programme_id))


def _cuts_of_unit(merged: Recorded) -> Sequence[Item]:
    unit_id = cast("UnitMerged", merged.event).unit_id
    return [
        Item((MeasureDecided.TOPIC,), (tag(UnitId, unit_id),)),
        Item((QuotaCutPassed.TOPIC,), (tag(SuccessorUnitId, unit_id),)),
    ]


def _each_cut(_merged: Recorded, past: Sequence[Recorded]) -> Iterable[Recorded]:
    """Of each cut that the unit ever bore, the newest fact that says so."""
    bore = {
        event.measure_id: each
        for each in past
        for event in [cast("MeasureDecided | QuotaCutPassed", each.event)]
        if not isinstance(event, MeasureDecided) or event.kind == "quota_cut"
    }
    return sorted(bore.values(), key=lambda each: each.position)


async def _cut_of_merged_unit(started: Started, _parts: Assembly) -> Asked:
    bore = cast("MeasureDecided | QuotaCutPassed", started.about.event)
    unit_id = cast("UnitMerged", started.recorded.event).unit_id
    return Asked({"measure_id": bore.measure_id, "from_unit_id": unit_id}, tag(MeasureId, bore.measure_id))


def _merger_before(decided: Recorded) -> Sequence[Item]:
    """Whether the unit from whose quotas is cut had been merged before that was decided."""
    cut = cast("MeasureDecided", decided.event)
    if cut.kind != "quota_cut" or cut.unit_id is None:
        return []
    return [Item((UnitMerged.TOPIC,), (tag(UnitId, cut.unit_id),))]


async def _cut_of_unit_merged_before(started: Started, _parts: Assembly) -> Asked:
    cut = cast("MeasureDecided", started.recorded.event)
    return Asked({"measure_id": cut.measure_id, "from_unit_id": cut.unit_id}, tag(MeasureId, cut.measure_id))


def _title_in_question(decided: Recorded) -> Sequence[Item]:
    """The title that a measure is about, if it is about one."""
    designation_id = cast("MeasureDecided", decided.event).designation_id
    return [] if designation_id is None else [Item((TitleConferred.TOPIC,), (tag(DesignationId, designation_id),))]


def _revocation(lifted: Recorded) -> Sequence[Item]:
    """The revocation that a measure had led to, if it had."""
    return [Item((TitleRevoked.TOPIC,), (tag(MeasureId, cast("MeasureLifted", lifted.event).measure_id),))]


async def _revoked_title(started: Started, _parts: Assembly) -> Asked:
    decided = cast("MeasureDecided", started.recorded.event)
    values = {
        "designation_id": cast("TitleConferred", started.about.event).designation_id,
        "ground": decided.ground,
        "measure_id": decided.measure_id,
        "decision_document_id": decided.decision_document_id,
    }
    return Asked(values, tag(DesignationId, values["designation_id"]), "accountability")


async def _restored_title(started: Started, _parts: Assembly) -> Asked:
    revoked = cast("TitleRevoked", started.about.event)
    values = {"designation_id": revoked.designation_id, "measure_id": revoked.measure_id}
    return Asked(values, tag(DesignationId, revoked.designation_id))


async def _ledger_of_period(started: Started, parts: Assembly) -> Asked:
    """The files of a closed period, made from what the close covers and kept where they are served from."""
    closed, log_id = cast("PeriodClosed", started.recorded.event), started.institution.log_id
    store, programme = await parts.stores(log_id), tag(ProgrammeId, closed.programme_id)
    closes = await store.read([Item((PeriodClosed.TOPIC,), (programme,))], until=started.recorded.position - 1)
    topics = tuple(kind.TOPIC for kind in LEDGER_FACTS)
    earlier = [cast("PeriodClosed", each.event) for each in closes.events]
    period = covered(closed, earlier, started.institution.zone)
    told = store.told([Item(topics, (programme,))], closed.covers_position)
    made = await side_by_side(told, ledger_files(period))
    await parts.published.keep(log_id, (content for _, content in made))
    values = {
        "programme_id": closed.programme_id,
        "period": closed.period,
        "last_day": closed.last_day,
        "rules_version": closed.rules_version,
        "files": tuple(file for file, _ in made),
    }
    return Asked(values, programme)


def _closes_of_institution(published: Recorded) -> Sequence[Item]:
    """What tells which programmes the period waits for; a cycle is each programme's own."""
    is_shared = cast("LedgerPublished", published.event).period != "cycle"
    return [Item(tuple(kind.TOPIC for kind in CLOSES))] if is_shared else []


def _when_complete(published: Recorded, past: Sequence[Recorded]) -> Iterable[Recorded]:
    """The close of the ledger that was the last one awaited."""
    body = cast("LedgerPublished", published.event)
    if past and not awaited([*past, published], body.period, body.last_day):
        yield from (each for each in past if each.position == body.closed_position)


async def _ledger_of_institution(started: Started, parts: Assembly) -> Asked:
    """The ledgers of a period that the programmes have published, put together from the bytes that are kept."""
    body, log_id = cast("LedgerPublished", started.recorded.event), started.institution.log_id
    house = tag(InstitutionId, body.institution_id)
    year = Item((LedgerPublished.TOPIC,), (house, tag(CalendarYear, body.year)))
    page = await (await parts.stores(log_id)).read([year], until=started.recorded.position)
    published = [(each.position, cast("LedgerPublished", each.event)) for each in page.events]
    meant = [each for each in published if (each[1].period, each[1].last_day) == (body.period, body.last_day)]
    meant.sort(key=lambda each: each[1].programme_id)
    kept = [
        (each.programme_id, {file.name: await parts.published.read(log_id, file.digest) for file in each.files})
        for _, each in meant
    ]
    made = await asyncio.to_thread(lambda: [file_of(table) for table in tables_together(kept)])
    await parts.published.keep(log_id, (content for _, content in made))
    values = {
        "period": body.period,
        "last_day": body.last_day,
        "ledgers": tuple(LedgerOf(each.programme_id, position) for position, each in meant),
        "files": tuple(file for file, _ in made),
    }
    return Asked(values, house)


async def _certified_replay(started: Started, parts: Assembly) -> Asked:
    """What comes of folding every view anew from the record as it stands now; it is an alarm where anything differs."""
    log_id, began = started.institution.log_id, time.monotonic()
    found = await replayed(parts.pool, VIEWS, CATALOGUE, log_id)
    for difference in found.differences[:_SHOWN]:
        _log.error("replay.differs", log_id=log_id, **msgspec.structs.asdict(difference))
    rooms = (Path(str(room.__file__)).parent for room in (domain, projections))
    values = {
        "certified_position": found.position,
        "views": tuple(CertifiedView(**asdict(view)) for view in found.views),
        "rules_digest": tree_digest(sources(*rooms)),
        "duration_ms": round(1000 * (time.monotonic() - began)),
    }
    return Asked(values, tag(InstitutionId, started.institution.institution_id))


# --- what they do to our own tables ----------------------------------------------------------------------------------


async def _erased_person(started: Started, connection: Connection) -> None:
    erased = cast("PersonErased", started.recorded.event)
    await erase(connection, started.institution.log_id, tag(PersonId, erased.person_id))


async def _erased_objector(started: Started, connection: Connection) -> None:
    erased = cast("ObjectorErased", started.recorded.event)
    await erase(connection, started.institution.log_id, tag(ObjectionId, erased.objection_id))


CERTIFYING = Automation(
    name="when_night_has_come_certify_replay",
    en="When night has come, every view is folded anew and compared with its table, and what came of it is recorded",
    zh="夜间逐一重放视图并与其数据表核对,结果记录在案",
    when=None,
    then=Verifies(CertifyReplay, _certified_replay),
)

AUTOMATIONS: tuple[Automation, ...] = (
    Automation(
        name="when_scoring_closed_open_score_sheets",
        en="When scoring closed, every sheet that stands is opened, checked against its commitment",
        zh="评分截止后,逐一开启现行评分表,并与其承诺值核对",
        when=ScoringClosed,
        each=Each(past=_sheets_of_panel, chosen=_standing_sheets),
        then=Asks(OpenScoreSheet, _opened_sheet),
    ),
    Automation(
        name="when_objection_upheld_strike_selection",
        en="When an objection was upheld, its application is struck from what had been decided",
        zh="异议成立后,将该申报从已决定名单中除名",
        when=ObjectionUpheld,
        then=Asks(StrikeSelection, _upheld_objection),
    ),
    Automation(
        name="when_entry_passed_confirm_selection",
        en="When an entry passed its publicity, the selection is confirmed",
        zh="条目公示通过后,确认入选",
        when=EntryPassed,
        then=Asks(ConfirmSelection, _passed_entry),
    ),
    Automation(
        name="when_selection_confirmed_begin_cultivation",
        en="When a selection was confirmed, its cultivation begins and it is asked for what the programme requires",
        zh="入选确认后,开始培育创建,并按项目要求提出各项任务",
        when=SelectionConfirmed,
        then=Asks(BeginCultivation, _confirmed_case),
    ),
    Automation(
        name="when_unit_merged_succeed_case",
        en="When a unit was merged, each case that it bears passes to the unit that carries on",
        zh="单位合并后,其承担的各项目转由承接单位承担",
        when=UnitMerged,
        each=Each(past=_cases_of_unit, chosen=_each_case),
        then=Asks(SucceedCase, _case_of_merged_unit),
    ),
    Automation(
        name="when_unit_merged_pass_quota",
        en="When a unit was merged, its places, and what was filed on them, pass to the unit that carries on",
        zh="单位合并后,其在各赛道的推荐指标及已据此报送的申报转由承接单位承继",
        when=UnitMerged,
        each=Each(past=_quotas_of_unit, chosen=_each_quota),
        then=Asks(PassQuota, _quota_of_merged_unit),
    ),
    Automation(
        name="when_unit_merged_pass_quota_cut",
        en="When a unit was merged, each cut of its quota passes to the unit that carries on",
        zh="单位合并后,其各项核减指标措施转由承接单位承担",
        when=UnitMerged,
        each=Each(past=_cuts_of_unit, chosen=_each_cut),
        then=Asks(PassQuotaCut, _cut_of_merged_unit),
    ),
    Automation(
        name="when_measure_decided_pass_quota_cut",
        en="When a cut was decided against a unit that had been merged before, it passes to the unit that carries on",
        zh="对此前已合并的单位决定核减指标后,该措施转由承接单位承担",
        when=MeasureDecided,
        each=Each(past=_merger_before),
        then=Asks(PassQuotaCut, _cut_of_unit_merged_before),
    ),
    Automation(
        name="when_measure_decided_revoke_title",
        en="When a measure was decided that revokes a title, the title is revoked",
        zh="决定撤销称号的措施后,撤销该称号",
        when=MeasureDecided,
        each=Each(past=_title_in_question),
        then=Asks(RevokeTitle, _revoked_title),
    ),
    Automation(
        name="when_measure_lifted_restore_title",
        en="When a measure was lifted that had led to the revocation of a title, the title is given back",
        zh="导致称号撤销的措施解除后,恢复该称号",
        when=MeasureLifted,
        each=Each(past=_revocation),
        then=Asks(RestoreTitle, _restored_title),
    ),
    Automation(
        name="when_person_erased_destroy_key",
        en="When the erasure of a person was approved, their key is destroyed, and with it all that it sealed",
        zh="人员信息的删除获批后,销毁其密钥及由其封存的全部内容",
        when=PersonErased,
        then=Does(_erased_person),
    ),
    Automation(
        name="when_objector_erased_destroy_key",
        en="When an objector's erasure was approved, the objection's key is destroyed, and with it all that it sealed",
        zh="异议人信息的删除获批后,销毁该异议的密钥及由其封存的全部内容",
        when=ObjectorErased,
        then=Does(_erased_objector),
    ),
    Automation(
        name="when_period_closed_publish_ledger",
        en="When a period was closed, its ledger is published: the files that follow from what the close covers",
        zh="期间结账后,公布其账册:由结账所覆盖的记录得出的各文件",
        when=PeriodClosed,
        then=Produces(PublishLedger, _ledger_of_period),
    ),
    Automation(
        name="when_ledger_published_publish_that_of_institution",
        en="When the ledger of the last programme that a period waited for was published, that of the institution is",
        zh="某期间所待的最后一个项目账册公布后,公布机构汇总账册",
        when=LedgerPublished,
        each=Each(past=_closes_of_institution, chosen=_when_complete),
        then=Produces(PublishInstitutionLedger, _ledger_of_institution),
    ),
    CERTIFYING,
)
