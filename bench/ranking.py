"""A panel of five on 500 applications: 2,500 sheets filed, opened by the automation, ranked; and the ranking read.

``python -m bench.ranking [--rounds 5] [--seconds 1] [--applications 500] [--only TITLE] [--json FILE]``

Commands go through the front door in this process, so many in flight at a time; openings are those of the product's own
automation, from the outbox. Each round has a panel of its own. The ranking is read over HTTP from a server process, and
stands beside the bare query of the same rows, decoded and written as JSON.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote
from uuid import NAMESPACE_OID, uuid4, uuid5

import httpx
import msgspec

from api.acts import Wiring
from api.app import wired
from api.cli.institution import Opening, open_institution
from bench import compare, scene
from bench.compare import Comparison, Contender, Measured
from bench.http import Stage, serving
from domain.application.events import ApplicationStarted
from domain.ids import (
    ApplicationId,
    DocumentId,
    InstitutionId,
    NominatorUnitId,
    PersonId,
    ProgrammeId,
    TrackId,
    UnitId,
    tag,
)
from domain.institution.commands import AdvanceClock
from domain.kernel import Command, Event
from domain.lifecycle import CATALOGUE
from domain.person.commands import Appoint, RegisterPerson
from domain.programme.events import Places, ProgrammeAnnounced, TrackDefined
from domain.review.events import ScoreCriterion, ScoringClosed, TieBreak
from domain.review.ranking import RankApplications
from domain.review.scoring import CloseScoring, OpenScoring
from domain.review.seat import SeatReviewer
from domain.review.sheet import FileScoreSheet
from domain.review.stage import ConstitutePanel, DefineStage
from domain.screening.events import ScreeningPassed
from domain.unit.events import UnitRegistered
from infra.assembly import Assembly
from infra.front_door import Ask, Caller, FrontDoor, Preview, Reason, Receipt
from infra.master_key import ensure_key_file
from infra.migrate import migrate
from infra.projector import Projector
from infra.record import Accepted, Fact, Proposal
from infra.view_build import live
from infra.view_query import LARGEST_PAGE
from infra.view_tables import SCHEMA, Shape, quoted
from projections import VIEWS
from projections.kernel import View
from projections.scoreboard import ADMISSION, SCORE_SHEET
from workers.actors import actor_of
from workers.automations import AUTOMATIONS
from workers.dispatcher import Dispatcher
from workers.work import THREADS, Work

FILED, OPENED, RANKED = "sheets filed", "sheets opened by the automation", "ranking recorded"
STEPS = (FILED, OPENED, RANKED)
BARE_ROWS, ROWS = "bare query of the 500 rows", "the rows by rank, over HTTP"
BARE_SHEETS, EXPLAINED = "bare query of rows and sheets", "the explained ranking, over HTTP"
STARTS_AT = datetime(2020, 5, 9, 8, 36, tzinfo=UTC)
CLOSES_AT = STARTS_AT + timedelta(days=1)
CALL, TRACK, PANEL, STAGE = ProgrammeId("CALL"), TrackId("branch"), "PANEL", "experts"
SEATS = tuple(f"R{n}" for n in range(1, 6))
IN_FLIGHT = 64
CRITERIA = (("foundations", 400), ("practices", 400), ("goals", 200))
_numbers = itertools.count(1)


class TimedDoor:
    """A front door with a watch beside it: what each command took, by its name."""

    def __init__(self, door: FrontDoor) -> None:
        self._door = door
        self.command_id = door.command_id
        self.took: dict[str, list[float]] = {}

    async def ask(self, ask: Ask) -> Receipt | Preview:
        began = time.perf_counter()
        answer = await self._door.ask(ask)
        self.took.setdefault(ask.command.__name__, []).append((time.perf_counter() - began) * 1000)
        return answer


@dataclass
class Panel:
    """An institution of its own with a panel that scores."""

    wiring: Wiring
    applications: int
    log_id: int = 0
    origin: str = field(default_factory=lambda: f"BENCH-{next(_numbers)}")
    people: dict[str, Caller] = field(default_factory=dict)
    keys: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.door = TimedDoor(self.wiring.parts.door)
        self.parts: Assembly = replace(self.wiring.parts, door=cast("FrontDoor", self.door))

    async def ask(
        self,
        who: str,
        command: type[Command],
        reason: str | None = None,
        subject: str | None = None,
        **values: Any,  # noqa: ANN401 - Fields of that command.
    ) -> Receipt:
        asked = Ask(
            caller=self.people[who],
            command=command,
            values=values,
            idempotency_key=f"k-{next(self.keys)}",
            subject=subject or f"panel:{PANEL}",
            reason=Reason(reason) if reason else None,
        )
        return cast("Receipt", await self.door.ask(asked))

    async def furnish(self) -> None:
        administrator = str(uuid5(NAMESPACE_OID, self.origin))
        opening = Opening(
            institution_id=self.origin, name_zh="示例大学", name_en="Example University", starts_at=STARTS_AT,
            administrator_id=administrator, details={"name": "管理员"},
        )  # fmt: skip
        self.log_id = (await open_institution(self.wiring, opening)).log_id
        self.people["administrator"] = Caller(
            log_id=self.log_id, person_id=administrator, scopes=frozenset({"act", "clock"})
        )
        for who, role in (("clerk", "clerk"), ("head", "head"), *((seat, "reviewer") for seat in SEATS)):
            await self._appoint(who, role)
        await self._record(self._call())
        for first in range(0, self.applications, 100):
            numbers = range(first, min(self.applications, first + 100))
            await self._record(event for number in numbers for event in self._screened(number))
        await self._constitute()

    async def _appoint(self, who: str, role: str) -> None:
        person_id = str(uuid4())
        person, details = tag(PersonId, person_id), {"name": "某人"}
        await self.ask("administrator", RegisterPerson, subject=person, person_id=person_id, details=details)
        appointment: dict[str, Any] = {"appointment_id": f"a-{who}", "first_day": STARTS_AT.date(), "unit_id": None}
        await self.ask("administrator", Appoint, subject=person, person_id=person_id, role=role, **appointment)
        self.people[who] = Caller(log_id=self.log_id, person_id=person_id)

    async def _record(self, events: Iterable[Event]) -> None:
        """What comes before the review, as it would stand on record."""
        proposal = Proposal(request_hash=b"", facts=tuple(map(Fact.of, events)), envelope=scene.envelope())
        if not isinstance(await (await self.parts.stores(self.log_id)).append(proposal), Accepted):
            raise TypeError("what comes before the review is not accepted")

    def _call(self) -> list[Event]:
        house, office = InstitutionId(self.origin), UnitId("OFFICE")
        names: dict[str, Any] = {"name_zh": "样板支部", "name_en": "Model branches"}
        return [
            UnitRegistered(unit_id=office, institution_id=house, kind="office", valid_on=date(2015, 1, 1), **names),
            ProgrammeAnnounced(
                programme_id=CALL, institution_id=house, office_unit_id=office, issued_at=STARTS_AT,
                notice_document_id=DocumentId("a" * 64), notice_digest="9" * 64, definition_digest="8" * 64,
                schema_version=1, **names,
            ),
            TrackDefined(
                programme_id=CALL, track_id=TRACK, subject_kinds=("branch",), places=Places(target=50),
                nomination="open", form="form", **names,
            ),
        ]  # fmt: skip

    def _screened(self, number: int) -> list[Event]:
        case: dict[str, Any] = {
            "application_id": ApplicationId(f"A-{number}"), "programme_id": CALL, "track_id": TRACK,
            "unit_id": UnitId(f"BR-{number}"),
        }  # fmt: skip
        registered = UnitRegistered(
            unit_id=case["unit_id"], institution_id=InstitutionId(self.origin), kind="branch", name_zh="支部",
            name_en="Branch", valid_on=date(2015, 1, 1),
        )  # fmt: skip
        started = ApplicationStarted(**case, nominator_unit_id=NominatorUnitId("OFFICE"))
        return [registered, started, ScreeningPassed(**case)]

    async def _constitute(self) -> None:
        criteria = tuple(
            ScoreCriterion(
                code=code, name_zh=code, name_en=code, weight_bp=10_000, lowest_tenths=0, highest_tenths=highest,
                step_tenths=5,
            )
            for code, highest in CRITERIA
        )  # fmt: skip
        await self.ask(
            "head", DefineStage, "call_is_silent", programme_id=CALL, stage=STAGE, order=1, name_zh="专家评审",
            name_en="Experts", track_ids=(TRACK,), criteria=criteria, total_at_least_tenths=None,
            total_at_most_tenths=None, aggregation="trimmed_mean", trim=1, minimum_sheets=4,
            tie_breaks=(TieBreak(by="criterion", criterion="foundations"), TieBreak(by="lot")),
        )  # fmt: skip
        await self.ask("clerk", ConstitutePanel, panel_id=PANEL, programme_id=CALL, stage=STAGE, track_ids=(TRACK,))
        for seat in SEATS:
            who = self.people[seat].person_id
            await self.ask("clerk", SeatReviewer, panel_id=PANEL, seat_id=seat, reviewer=who)
        await self.ask("clerk", OpenScoring, panel_id=PANEL, closes_at=CLOSES_AT)

    # --- what is measured --------------------------------------------------------------------------------------------

    async def filed(self) -> Measured:
        sheets = ((seat, number) for number in range(self.applications) for seat in SEATS)

        async def client() -> None:
            for seat, number in sheets:
                marks = {code: (number * 7 + ord(seat[1]) * 13) % (highest // 5) * 5 for code, highest in CRITERIA}
                about = {"panel_id": PANEL, "application_id": f"A-{number}"}
                await self.ask(seat, FileScoreSheet, **about, marks=marks, opinion={"opinion": "材料完整,做法具体。"})

        began = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(IN_FLIGHT)))
        return self._measured("FileScoreSheet", time.perf_counter() - began)

    async def opened(self) -> Measured:
        await self.ask("administrator", AdvanceClock, subject="", to=CLOSES_AT)
        await self.ask("clerk", CloseScoring, panel_id=PANEL)
        (opening,) = (each for each in AUTOMATIONS if each.when is ScoringClosed)
        actor, work = actor_of(opening), Work(self.parts, AUTOMATIONS)

        async def hand(*_: object) -> None:
            return

        async def thread() -> None:
            while await work.share(actor, self.log_id, opening.name):
                pass

        began = time.perf_counter()
        await Dispatcher(self.parts.pool, self.parts.stores, AUTOMATIONS, hand).catch_up(self.log_id, self.origin)
        await work.batch(actor, self.log_id, opening.name)  # One row becomes one for each sheet.
        await asyncio.gather(*(thread() for _ in range(THREADS)))
        return self._measured("OpenScoreSheet", time.perf_counter() - began)

    async def ranked(self) -> Measured:
        began = time.perf_counter()
        await self.ask("clerk", RankApplications, panel_id=PANEL, track_id=TRACK)
        return self._measured("RankApplications", time.perf_counter() - began)

    def _measured(self, command: str, seconds: float) -> Measured:
        took = self.door.took[command]
        wanted = 1 if command == "RankApplications" else self.applications * len(SEATS)
        if len(took) != wanted:
            raise RuntimeError(f"{command} was recorded {len(took)} times, not {wanted}")
        return Measured(len(took), seconds, took, {"slowest_ms": max(took)})


# --- the tables ------------------------------------------------------------------------------------------------------


class Rounds:
    """Gives what a panel did, step by step; whoever asks for a step again gets that of a new panel."""

    def __init__(self, wiring: Wiring, applications: int) -> None:
        self._wiring, self._applications = wiring, applications
        self._measured: dict[str, Measured] = {}
        self.panel: Panel | None = None

    def step(self, name: str) -> Callable[[float], Awaitable[Measured]]:
        async def run(_seconds: float) -> Measured:
            if name not in self._measured:
                await self._play()
            return self._measured.pop(name)

        return run

    async def _play(self) -> None:
        self.panel = panel = Panel(self._wiring, self._applications)
        await panel.furnish()
        self._measured = {FILED: await panel.filed(), OPENED: await panel.opened(), RANKED: await panel.ranked()}

    async def last(self) -> Panel:
        """A panel that is ranked."""
        if self.panel is None:
            await self._play()
        return cast("Panel", self.panel)


@dataclass
class Reading:
    """Reads a ranking from a server, and the rows of views as they stand: asked for, decoded, written as JSON."""

    rounds: Rounds
    wiring: Wiring
    http: httpx.AsyncClient
    panel: Panel | None = None

    async def one_after_another(self, once: Callable[[], Awaitable[None]], seconds: float) -> Measured:
        panel = await self.rounds.last()
        if panel is not self.panel:
            self.panel = panel
            pool = self.wiring.parts.pool
            await Projector(pool, VIEWS, CATALOGUE).catch_up()
            clerk = panel.people["clerk"].person_id
            token = await self.wiring.parts.tokens.create(panel.log_id, clerk, ("read",))
            self.http.headers["Authorization"] = f"Bearer {token.secret}"
            await once()
        return await compare.clients(1, seconds, lambda _: once())

    async def bare_rows(self) -> None:
        await self._rows(ADMISSION, "rank")

    async def bare_sheets(self) -> None:
        await self._rows(ADMISSION, "application_id")
        await self._rows(SCORE_SHEET, "seat_id, application_id")

    async def rows(self) -> None:
        """Page after page."""
        shown, path = 0, f"applications?sort=rank&limit={LARGEST_PAGE}"
        page = await self._read(path)
        while (shown := shown + len(page["items"])) and page["next"]:
            page = await self._read(f"{path}&cursor={quote(page['next'])}")
        self._expect(shown)

    async def explained(self) -> None:
        self._expect(len((await self._read(f"tracks/{TRACK}/ranking"))["placings"]))

    async def _rows(self, view: View[Any], order: str) -> None:
        shape, pool = Shape(view), self.wiring.parts.pool
        relation = (await live(pool))[view.name].relation
        sql = (
            f"SELECT {shape.columns} FROM {SCHEMA}.{quoted(relation)} t"
            f" WHERE log_id = $1 AND to_position IS NULL AND panel_id = $2 ORDER BY {order}"
        )
        records = await pool.fetch(sql, cast("Panel", self.panel).log_id, PANEL)
        msgspec.json.encode([shape.decode(tuple(record)) for record in records])

    async def _read(self, path: str) -> dict[str, Any]:
        answer = await self.http.get(f"/v1/panels/{PANEL}/{path}")
        answer.raise_for_status()
        found: dict[str, Any] = msgspec.json.decode(answer.content)
        return found

    def _expect(self, shown: int) -> None:
        if shown != cast("Panel", self.panel).applications:
            raise RuntimeError(f"{shown} places are shown of {cast('Panel', self.panel).applications}")

    def tables(self) -> list[Comparison]:
        def contender(name: str, once: Callable[[], Awaitable[None]]) -> Contender:
            return Contender(name, functools.partial(self.one_after_another, once))

        return [
            Comparison(
                "A ranking, read as rows", BARE_ROWS,
                [contender(BARE_ROWS, self.bare_rows), contender(ROWS, self.rows)],
            ),
            Comparison(
                "A ranking, computed and explained", BARE_SHEETS,
                [contender(BARE_SHEETS, self.bare_sheets), contender(EXPLAINED, self.explained)],
            ),
        ]  # fmt: skip


async def main() -> bool:
    parser = compare.arguments(__doc__ or "")
    parser.add_argument("--applications", type=int, default=500)
    asked = parser.parse_args()
    async with AsyncExitStack() as stack:
        running = stack.enter_context(scene.server())
        key_file = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "vault.key"
        urls = await running.prepare("ranking")
        await migrate(urls.owner_url)
        wiring = await stack.enter_async_context(wired(urls.app_url, ensure_key_file(key_file), pool_size=16))
        server = await stack.enter_async_context(
            serving(Stage(urls.app_url, running.superuser_url("ranking"), key_file), "product")
        )
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=60)
        )
        rounds = Rounds(wiring, asked.applications)
        judged = Comparison(
            f"A panel of {len(SEATS)} on {asked.applications} applications", FILED,
            [Contender(name, rounds.step(name)) for name in STEPS],
        )  # fmt: skip
        settings: dict[str, object] = {
            "applications": asked.applications,
            "in flight": IN_FLIGHT,
            "postgres": scene.binaries().version,
        }
        met = await compare.play([judged, *Reading(rounds, wiring, http).tables()], asked, settings)
        for name in STEPS if judged.rounds else ():
            slowest = max(measured[name].notes["slowest_ms"] for measured in judged.rounds)
            print(f"{name}: the slowest command took {slowest:.0f} ms")
        return met


if __name__ == "__main__":
    sys.exit(scene.run(main()))
