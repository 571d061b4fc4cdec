"""A panel behind the front door: a call with screened applications, three reviewers with their tokens' persons, a head.

What comes before the review is written into the record as it would stand there; everything of the review is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from domain.application.events import ApplicationStarted, FormSaved
from domain.ids import DocumentId, InstitutionId, NominatorUnitId, PanelId, TrackId, UnitId
from domain.institution.commands import AdvanceClock
from domain.kernel import Envelope, Event, Refusal
from domain.programme.events import Places, ProgrammeAnnounced, TrackDefined
from domain.review.events import StageDefined
from domain.review.scoring import CloseScoring, OpenScoring
from domain.review.seat import SeatReviewer
from domain.review.sheet import FileScoreSheet, OpenScoreSheet, SeatKeyDestroyed
from domain.review.stage import ConstitutePanel, DefineStage
from domain.screening.events import ScreeningPassed
from domain.unit.events import UnitRegistered
from infra.front_door import Ask, Caller, Receipt, service_id
from infra.outbox import key_of
from infra.record import Accepted, Fact, Proposal
from tests.call import BRANCH_TRACK, CALL
from tests.office import OPENED_AT, Office
from tests.panel import stage
from workers.automations import AUTOMATIONS, Asked, Asks, Started

OPENING = next(each for each in AUTOMATIONS if each.name == "when_scoring_closed_open_score_sheets")

CLOSES_AT = OPENED_AT + timedelta(days=3)
PANEL = "P-1"
APPLICATIONS: Mapping[str, str] = {"A-1": "BR-1", "A-2": "BR-2", "A-3": "BR-3"}
"""Each application and its unit."""


@dataclass
class Review:
    """An office with a panel, and the persons behind its seats."""

    office: Office
    clerk: Caller
    head: Caller
    reviewers: dict[str, Caller] = field(default_factory=dict)
    destroyed: list[SeatKeyDestroyed] = field(default_factory=list)
    """What the automation answered about seats that were forgotten."""
    automation: Caller = field(init=False)

    def __post_init__(self) -> None:
        identity = service_id(self.office.institution_id, "automation")
        self.automation = Caller(log_id=self.office.log_id, person_id=identity, kind="automation")

    async def ask(self, caller: Caller, command: Any, **values: Any) -> Receipt:
        return await self.office.ask(caller, command, subject=f"panel:{values.get('panel_id', PANEL)}", **values)

    async def seat(self, seat_id: str, person: Caller | None = None, panel_id: str = PANEL) -> Caller:
        person = person or await self.office.somebody("reviewer")
        await self.ask(self.clerk, SeatReviewer, panel_id=panel_id, seat_id=seat_id, reviewer=person.person_id)
        self.reviewers[seat_id] = person
        return person

    async def open_scoring(self, panel_id: str = PANEL) -> Receipt:
        return await self.ask(self.clerk, OpenScoring, panel_id=panel_id, closes_at=CLOSES_AT)

    async def file(self, seat_id: str, application_id: str, plan: int = 800, deeds: int = 900, **more: Any) -> Receipt:
        return await self.ask(
            self.reviewers[seat_id],
            FileScoreSheet,
            panel_id=PANEL,
            application_id=application_id,
            marks={"plan": plan, "deeds": deeds},
            opinion={"opinion": "扎实"},
            **more,
        )

    async def close(self) -> Receipt:
        await self.office.ask(self.office.administrator, AdvanceClock, to=CLOSES_AT + timedelta(minutes=1))
        return await self.ask(self.clerk, CloseScoring, panel_id=PANEL)

    async def openings(self) -> list[tuple[Started, Asked]]:
        """What the automation would ask for once scoring is over, sheet by sheet."""
        (closed,) = await self.events("review.scoring_closed.v1")
        parts, log_id = self.office.parts, self.office.log_id
        institution = await parts.clock.institution(log_id)
        assert OPENING.each is not None
        assert isinstance(OPENING.then, Asks)
        past = (await (await parts.stores(log_id)).read(OPENING.each.past(closed), until=closed.position)).events
        found = []
        for filed in OPENING.each.chosen(closed, past):
            key = key_of(institution.institution_id, OPENING.name, closed.position, filed.position)
            started = Started(institution, closed, filed, key)
            try:
                found.append((started, await OPENING.then.asked(started, parts)))
            except SeatKeyDestroyed as destroyed:
                self.destroyed.append(destroyed)
        return found

    async def open_sheets(self, refused: list[Refusal] | None = None) -> list[Receipt]:
        """Ask for it, as the automation does; a refusal is raised where nobody keeps it."""
        receipts = []
        for started, asked in await self.openings():
            ask = Ask(
                caller=self.automation,
                command=OpenScoreSheet,
                values=asked.values,
                subject=asked.subject,
                command_id=started.key,
                cause=started.recorded.position,
            )
            try:
                receipt = await self.office.parts.door.ask(ask)
            except Refusal as refusal:
                if refused is None:
                    raise
                refused.append(refusal)
                continue
            assert isinstance(receipt, Receipt)
            receipts.append(receipt)
        return receipts

    async def events(self, *types: str) -> list[Any]:
        """Everything of these types on record, in order."""
        store = await self.office.parts.stores(self.office.log_id)
        return [r for r in (await store.read()).events if not types or r.type in types]


async def write(office: Office, *events: Event) -> None:
    """Put facts on record as they would stand there, had their commands been asked for."""
    store = await office.parts.stores(office.log_id)
    command_id, now = uuid4(), await office.parts.clock.now(office.log_id)
    envelope = Envelope(
        actor_id="scene",
        actor_kind="import",
        authority="scene",
        command_id=command_id,
        correlation_id=command_id,
        received_at=now,
        effective_at=now,
    )
    facts = tuple(Fact.of(event, documents_of(event)) for event in events)
    outcome = await store.append(Proposal(request_hash=b"", facts=facts, envelope=envelope))
    assert isinstance(outcome, Accepted)


def documents_of(event: Event) -> Sequence[str]:
    return [event.document_id] if isinstance(event, FormSaved) else []


def unit(office: Office, unit_id: str) -> UnitRegistered:
    return UnitRegistered(
        unit_id=UnitId(unit_id),
        institution_id=InstitutionId(office.institution_id),
        kind="branch",
        name_zh="某支部",
        name_en="Branch",
        valid_on=OPENED_AT.date(),
    )


def screened(application_id: str, unit_id: str, track_id: TrackId = BRANCH_TRACK) -> list[Event]:
    about: dict[str, Any] = {"application_id": application_id, "programme_id": CALL, "track_id": track_id}
    return [
        ApplicationStarted(**about, unit_id=UnitId(unit_id), nominator_unit_id=NominatorUnitId("COL")),
        ScreeningPassed(**about, unit_id=UnitId(unit_id)),
    ]


async def a_review(office: Office, *, seats: Sequence[str] = ("S-1", "S-2", "S-3"), **changes: Any) -> Review:
    """A panel that is constituted, and reviewers who sit on it."""
    clerk, head = await office.somebody("clerk"), await office.somebody("head")
    await write(
        office,
        *(unit(office, unit_id) for unit_id in ("COL", *APPLICATIONS.values())),
        ProgrammeAnnounced(
            programme_id=CALL,
            institution_id=InstitutionId(office.institution_id),
            name_zh="样板支部",
            name_en="Model branches",
            office_unit_id=UnitId("COL"),
            issued_at=datetime(2020, 5, 9, tzinfo=UTC),
            notice_document_id=DocumentId("a" * 64),
            notice_digest="9" * 64,
            definition_digest="8" * 64,
            schema_version=1,
        ),
        TrackDefined(
            programme_id=CALL,
            track_id=BRANCH_TRACK,
            name_zh="支部",
            name_en="Branches",
            subject_kinds=("branch",),
            places=Places(target=2),
            nomination="open",
            form="form",
        ),
        *(event for pair in APPLICATIONS.items() for event in screened(*pair)),
    )
    review = Review(office, clerk, head)
    defined = stage(**changes)
    fields = {name: getattr(defined, name) for name in StageDefined.__struct_fields__}
    await office.ask(head, DefineStage, reason="the_call_is_silent", **fields)
    await review.ask(
        clerk,
        ConstitutePanel,
        panel_id=PanelId(PANEL),
        programme_id=CALL,
        stage="experts",
        track_ids=(BRANCH_TRACK,),
    )
    for seat_id in seats:
        await review.seat(seat_id)
    return review
