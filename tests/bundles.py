"""Bundles to judge: an office with a programme's money behind it in a real database, sealed, signed and exported."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.app import wired
from api.cli.bundle.export import Exported, export
from api.cli.bundle.verify import verify
from domain.cultivation.events import TaskBookFiled, TaskBookSigned
from domain.funding.events import PeriodKind
from domain.funding.period import ClosePeriod
from domain.kernel import Envelope, Event
from domain.lifecycle import CATALOGUE
from infra.assembly import Assembly
from infra.checkpoints import Checkpoints
from infra.embedded import APP_ROLE, OWNER_ROLE, EmbeddedPostgres
from infra.master_key import MasterKeys, ensure_key_file
from infra.note import Signer
from infra.record import Accepted, Fact, Proposal
from infra.signing import Memory, Signing
from infra.view_build import build
from projections import VIEWS
from tests.call import CALL, PAPER
from tests.conftest import Database
from tests.money import done
from tests.office import Office, open_office, parts_of
from tests.spec import ANOTHER, NOON, SOMEBODY, Past, at

ORIGIN: Final = "UNI"
SIGNER: Final = MasterKeys(b"\x07" * 32)
CLOSES: Final[tuple[tuple[PeriodKind, date], ...]] = (
    ("year", date(2020, 12, 31)),
    ("year", date(2021, 12, 31)),
    ("cycle", date(2022, 9, 30)),
)
Report = dict[str, Any]


def vkey(keys: MasterKeys = SIGNER) -> str:
    """The key that an auditor was given on the first day."""
    return str(Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(keys.present)).verifier)


@asynccontextmanager
async def database_like(server: EmbeddedPostgres, template: str) -> AsyncIterator[Database]:
    """A copy of a database that nobody is connected to."""
    name = f"bundle_{next(_numbers)}"
    admin = await asyncpg.connect(server.superuser_url())
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER_ROLE}")
        await admin.execute(f"GRANT CONNECT ON DATABASE {name} TO {APP_ROLE}")
        urls = server.urls(name)
        yield Database(name, urls.owner_url, urls.app_url, server.superuser_url(name))
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


_numbers = itertools.count()


def closed(past: Past, periods: Sequence[PeriodKind] = ("year", "cycle")) -> Past:
    """The books of a past, closed as its story asks for."""
    for period, last_day in (each for each in CLOSES if each[0] in periods):
        past = done(past, ClosePeriod(programme_id=CALL, period=period, last_day=last_day), at("2022-10-08 10:00"))
    return past


def filed_first(past: Past) -> Past:
    """A past in which every task book that is signed was filed by somebody else before, as specs leave out."""
    whole = Past([])
    for each in past.log:
        when = each.envelope.effective_at
        if isinstance(each.event, TaskBookSigned):
            named = {
                name: getattr(each.event, name) for name in ("application_id", "programme_id", "track_id", "unit_id")
            }
            papers: dict[str, Any] = {"document_id": PAPER, "road_map_document_id": PAPER}
            filed = TaskBookFiled(**named, **papers, version=1, milestones=(), responsible_ids=())
            whole = whole.and_(filed, by=ANOTHER, when=when)
        whole = whole.and_(each.event, by=each.envelope.actor_id, when=when)
    return whole


async def recorded_by(
    parts: Assembly, person_id: str, authority: str, event: Event, when: datetime | None = None
) -> None:
    """Record an event as the act of somebody under an appointment."""
    command_id, at = uuid4(), when or NOON
    envelope = Envelope(
        actor_id=person_id,
        actor_kind="person",
        authority=authority,
        command_id=command_id,
        correlation_id=command_id,
        received_at=at,
        effective_at=at,
    )
    (institution,) = await parts.clock.institutions()
    store = await parts.stores(institution.log_id)
    proposed = Proposal(request_hash=command_id.bytes, facts=(Fact.of(event),), envelope=envelope)
    assert isinstance(await store.append(proposed), Accepted)


async def recorded_in(office: Office, past: Past) -> None:
    """Record a past behind an office, each fact by somebody who holds an office there."""
    callers = {who: await office.somebody("finance") for who in (SOMEBODY, ANOTHER)}
    for each in filed_first(past).log:
        person_id = callers.get(each.envelope.actor_id, callers[SOMEBODY]).person_id
        await recorded_by(office.parts, person_id, f"a-{person_id}", each.event, each.envelope.effective_at)


async def sealed(parts: Assembly, folder: Path, keys: MasterKeys = SIGNER) -> int:
    """Grow the tree up to the head and sign it; gives the size."""
    checkpoints = Checkpoints(parts.pool, parts.stores)
    (log,) = await checkpoints.logs()
    await checkpoints.grow(log)
    (log,) = await checkpoints.logs()
    with Memory(folder) as memory:
        await Signing(keys, memory).sign(checkpoints, log)
    return log.size


async def filled(database: Database, key_file: Path, past: Past) -> None:
    """Open an office with two documents, and record a past behind it, sealing now and then; build every view."""
    async with parts_of(database.app_url, key_file=key_file) as parts:
        office = await open_office(parts, ORIGIN)
        for _ in range(2):
            await office.deposit(office.administrator)
        signer = key_file.parent
        await sealed(parts, signer)
        half = len(past.log) // 2
        callers = Past(past.log[:half]), Past(past.log[half:])
        for part in callers:
            await recorded_in(office, part)
            await sealed(parts, signer)
        await build(parts.pool, VIEWS, CATALOGUE)


@asynccontextmanager
async def reaching(database: Database, key_file: Path) -> AsyncIterator[Any]:
    """What the command line works with."""
    async with wired(database.app_url, ensure_key_file(key_file)) as wiring:
        yield wiring


async def exported(database: Database, key_file: Path, target: Path, programme_id: str | None = None) -> Exported:
    """Write the bundle of the one log of a database."""
    async with reaching(database, key_file) as wiring:
        (institution,) = await wiring.parts.clock.institutions()
        return await export(wiring, institution, target, lambda _done, _of: None, programme_id)


# --- judging and tampering --------------------------------------------------------------------------------------------


def judged(bundle: Path, *heads: Path, key: str = "") -> Report:
    """What verify.py says of a bundle."""
    return verify(bundle, [key or vkey()], list(heads))


def found(report: Mapping[str, Any]) -> set[tuple[str, str, int]]:
    """The findings of a report: step, code and position."""
    return {(one["step"], one["code"], one["position"]) for one in report["findings"]}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rebagged(bundle: Path) -> Path:
    """Make every manifest agree with what lies in a bundle by now, as whoever tampers with one would."""
    payload = sorted(path for path in (bundle / "data").rglob("*") if path.is_file())
    lines = [f"{digest(path)}  {path.relative_to(bundle).as_posix()}\n" for path in payload]
    (bundle / "manifest-sha256.txt").write_text("".join(lines), encoding="utf-8")
    tags = [path for path in sorted(bundle.iterdir()) if path.is_file() and not path.name.startswith("tagmanifest")]
    lines = [f"{digest(path)}  {path.name}\n" for path in tags]
    (bundle / "tagmanifest-sha256.txt").write_text("".join(lines), encoding="utf-8")
    return bundle


def reruled(bundle: Path, change: Callable[[Path], None]) -> Path:
    """Change the rules of a bundle, and give them the digest they have then."""
    told = json.loads((bundle / "data" / "bundle.json").read_text(encoding="utf-8"))
    home = bundle / "data" / "rules" / told["rules"]
    change(home)
    files = sorted((path.relative_to(home).as_posix(), path) for path in home.rglob("*") if path.is_file())
    lines = "".join(f"{digest(path)}  {name}\n" for name, path in files)
    told["rules"] = hashlib.sha256(lines.encode()).hexdigest()
    home.rename(home.with_name(told["rules"]))
    text = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    (bundle / "data" / "bundle.json").write_text(f"{text}\n", encoding="utf-8")
    return rebagged(bundle)


class Attacker:
    """Somebody with every right on a database."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def run(self, sql: str, *arguments: object) -> None:
        """Run a statement where no trigger stands in the way."""
        async with self._connection.transaction():
            await self._connection.execute("SET LOCAL session_replication_role = replica")
            await self._connection.execute(sql, *arguments)

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """Look something up."""
        return list(await self._connection.fetch(sql, *arguments))

    async def cut_after(self, position: int, *, checkpoints: bool = True) -> None:
        """Set the record back to a position, with all that was made of it."""
        for table, column in (("event", "position"), ("event_tag", "position"), ("signed_checkpoint", "size")):
            if table != "signed_checkpoint" or checkpoints:
                await self.run(f"DELETE FROM {table} WHERE {column} > $1", position)
        await self.run("DELETE FROM command WHERE last_position > $1", position)
        await self.run("TRUNCATE tile, tree")
