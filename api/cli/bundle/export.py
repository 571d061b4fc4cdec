"""Writing a bundle: the record, its proofs, its documents, its rules and what was published, as they are found.

What was tampered with is written as it is found, too: it is for the programs in the bundle to say so. Lines, leaves,
checkpoints and documents go through page by page. What grows with the log is held only where a file is sorted or
summed: the positions of the one programme that is asked for, facts of money behind closed ledgers, one register at a
time.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

import domain
import projections
from api.acts import Wiring
from api.event_catalogue import page as event_catalogue
from domain.audit.events import EngagementEnded, EngagementOpened
from domain.funding.events import LedgerPublished, PeriodClosed
from domain.ids import ProgrammeId, tag
from domain.institution.events import InstitutionOpened
from domain.kernel import Recorded, UnknownEventType
from domain.person.events import Appointed, AppointmentEnded
from infra.bundle import Bag, sources, tree_digest
from infra.checkpoints import Checkpoints
from infra.clock import Institution
from infra.documents import NoSuchDocument, Truncated
from infra.line import line
from infra.published import FileDamaged, FileMissing
from infra.tree import HASH, WIDTH
from infra.view_query import LARGEST_READ
from projections.kernel import canonical_csv
from projections.ledger import LEDGER_FACTS
from projections.published import Ledgers, PublishedFile, ledger_path, recorded_of, register_file, rosters, views_of
from projections.roster import ROSTER

__all__ = ["Exported", "NothingOfIt", "export", "rules"]

FORMAT: Final = "biaogan-bundle/1"
_PROGRAMS: Final = ("verify.py", "replay.py")
_HERE: Final = Path(__file__).parent
_OF_A_MATTER: Final = frozenset(
    (
        "programme", "application", "panel", "seat", "decision", "publicity", "objection", "payment", "recovery",
        "designation", "finding", "measure",
    )
)  # fmt: skip
"""Kinds of tags that belong to one programme: what carries one of them belongs to it, too."""
_OF_A_UNIT: Final = frozenset(("unit", "successor-unit", "nominator-unit"))
_UNIT_FACTS: Final = "unit."
_GRANTS: Final = {
    **dict.fromkeys((Appointed.TOPIC, AppointmentEnded.TOPIC), "appointment"),
    **dict.fromkeys((EngagementOpened.TOPIC, EngagementEnded.TOPIC), "engagement"),
}
"""What gives an authority or takes it away, by the kind of tag that names it."""
_LEDGER_FACTS: Final = frozenset((InstitutionOpened.TOPIC, PeriodClosed.TOPIC, *(kind.TOPIC for kind in LEDGER_FACTS)))

_EVERY: Final = 1000
Report = Callable[[int, int], None]


class NothingOfIt(Exception):
    """The log has no such programme."""

    def __init__(self, programme_id: str) -> None:
        super().__init__(f"The log has no programme {programme_id}. 日志中没有该项目。")


@dataclass
class Exported:
    """What a bundle holds.

    ``missing`` are documents and files of ledgers that the record names and the database does not give, ``damaged``
    positions of money whose rows are no events.
    """

    folder: str = ""
    log: str = ""
    scope: str = "log"
    size: int = 0
    lines: int = 0
    leaves: int = 0
    checkpoints: int = 0
    signed: int = 0
    documents: int = 0
    missing: list[str] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)
    published: int = 0
    rules: str = ""
    simulated: bool = False


def rules() -> dict[str, bytes]:
    """The pure rooms as they are installed: every file by its path below the rules."""
    return sources(*(Path(str(room.__file__)).parent for room in (domain, projections)))


async def export(
    wiring: Wiring, institution: Institution, target: Path, report: Report, programme_id: str | None = None
) -> Exported:
    """Write the bundle of a log, or of one programme of it; where it ends early, nothing is left.

    Raises BagThere, BagUnwritable, NothingOfIt, and Behind or NotBuilt where the tables that are read lag behind the
    record.
    """
    with Bag(target) as bag:
        return await _Export(wiring, institution, bag, report, programme_id).write()


class _Export:
    """One bundle on its way."""

    def __init__(
        self, wiring: Wiring, institution: Institution, bag: Bag, report: Report, programme_id: str | None
    ) -> None:
        self._wiring = wiring
        self._institution = institution
        self._log_id = institution.log_id
        self._bag = bag
        self._report = report
        self._programme_id = programme_id
        self._checkpoints = Checkpoints(wiring.parts.pool, wiring.parts.stores)
        self._ledgers = Ledgers(ZoneInfo)
        self.told = Exported(log=institution.institution_id, simulated=institution.simulated)

    async def write(self) -> Exported:
        """Write all of it."""
        # In this order every checkpoint is of leaves, and every leaf of a line, that an honest database has by then.
        await self._write_checkpoints()
        await self._write_leaves()
        self.told.size = await (await self._wiring.parts.stores(self._log_id)).head()
        chosen = await self._chosen()
        await self._write_lines(chosen)
        await self._write_published()
        self._write_rules()
        self._write_rest()
        self.told.folder = str(self._bag.finish(self._info()))
        return self.told

    # --- the log -----------------------------------------------------------------------------------------------------

    async def _write_checkpoints(self) -> None:
        with self._bag.file("data/checkpoints.jsonl") as file:
            async for each in self._checkpoints.every(self._log_id):
                told = {"note": each.note, "signed_at": each.signed_at.isoformat(timespec="microseconds")[:26] + "Z"}
                file.write(_json(told) + b"\n")
                self.told.checkpoints += 1
                self.told.signed = each.size
        vkeys = [vkey for vkey, _ in await self._checkpoints.verifiers(self._log_id)]
        self._bag.write("data/keys.txt", "".join(f"{vkey}\n" for vkey in vkeys).encode())

    async def _write_leaves(self) -> None:
        """The leaf hashes as they were sealed: they prove every line, and every checkpoint that anybody holds."""
        size = await self._checkpoints.size(self._log_id)
        with self._bag.file("data/leaves.bin") as file:
            for number in range(-(-size // WIDTH)):
                hashes = await self._checkpoints.tile(self._log_id, (0, number))
                file.write(hashes[: (size - number * WIDTH) * HASH])
        self.told.leaves = size

    async def _rows(self, until: int) -> AsyncIterator[asyncpg.Record]:
        store = await self._wiring.parts.stores(self._log_id)
        async for page in store.rows(until=until):
            for row in page:
                yield row

    async def _chosen(self) -> _Chosen | None:
        """Which lines belong to the programme, where one is asked for."""
        if self._programme_id is None:
            return None
        self.told.scope = "programme"
        chosen = _Chosen(self._programme_id)
        async for row in self._rows(self.told.size):
            chosen.look_at(row)
            self._say(row["position"])
        if not chosen.close():
            raise NothingOfIt(self._programme_id)
        return chosen

    async def _write_lines(self, chosen: _Chosen | None) -> None:
        with self._bag.file("data/log.jsonl") as file:
            async for row in self._rows(self.told.size):
                if chosen is None or chosen.takes(row):
                    canonical = line(self.told.log, row)
                    file.write(canonical + b"\n")
                    self.told.lines += 1
                    await self._take(row, canonical)
                self._say(row["position"])
        self._report(self.told.size, self.told.size)

    def _say(self, position: int) -> None:
        if position % _EVERY == 0:
            self._report(position, self.told.size)

    async def _take(self, row: asyncpg.Record, canonical: bytes) -> None:
        for document_id in row["documents"]:
            await self._write_document(document_id)
        if row["type"] in _LEDGER_FACTS or row["type"] == LedgerPublished.TOPIC:
            try:
                await self._take_money(recorded_of(canonical))
            except (UnknownEventType, msgspec.MsgspecError, ValueError):
                # Its line is in the bundle, where it is found to be damaged; no ledger counts it.
                self.told.damaged.append(row["position"])

    async def _take_money(self, recorded: Recorded) -> None:
        if not isinstance(recorded.event, LedgerPublished):
            self._ledgers.take(recorded)
            return
        for file in recorded.event.files:
            path = f"data/published/{ledger_path(recorded.event, file.name)}"
            try:
                content = await self._wiring.parts.published.read(self._log_id, file.digest)
            except (FileMissing, FileDamaged):
                self.told.missing.append(path)
            else:
                if not self._bag.holds(path):
                    self._bag.write(path, content)
                    self.told.published += 1

    async def _write_document(self, document_id: str) -> None:
        path = f"data/documents/{document_id[:2]}/{document_id}"
        if self._bag.holds(path):
            return
        try:
            with self._bag.file(path) as file:
                async for piece in self._wiring.parts.documents.ciphertext(self._log_id, document_id):
                    file.write(piece)
            self.told.documents += 1
        except (NoSuchDocument, Truncated):
            if document_id not in self.told.missing:
                self.told.missing.append(document_id)

    # --- what was published ------------------------------------------------------------------------------------------

    async def _write_published(self) -> None:
        for view in views_of(self._programme_id):
            rows = [row async for row in self._standing(view)]
            self._write_file(register_file(view, rows))
            if view is ROSTER:
                for file in rosters(rows):
                    self._write_file(file)
        for file in self._ledgers.files():
            if not self._bag.holds(f"data/published/{file.path}"):
                self._write_file(file)

    async def _standing(self, view: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - Any view, and its rows.
        filters = {} if self._programme_id is None else {"programme_id": self._programme_id}
        narrow = filters if set(filters) <= set(view.filters) else {}
        cursor: str | None = None
        while True:
            page = await self._wiring.views.list(
                self._log_id, view, filters=narrow, cursor=cursor, limit=LARGEST_READ, at_position=self.told.size
            )
            for row in page.rows:
                if self._programme_id is None or row.programme_id == self._programme_id:
                    yield row
            if page.next is None:
                return
            cursor = page.next

    def _write_file(self, published: PublishedFile) -> None:
        with self._bag.file(f"data/published/{published.path}") as file:
            for written in canonical_csv(published.table):
                file.write(written)
        self.told.published += 1

    # --- rules, programs, and what tells of them ---------------------------------------------------------------------

    def _write_rules(self) -> None:
        found = rules()
        self.told.rules = tree_digest(found)
        for path, content in found.items():
            self._bag.write(f"data/rules/{self.told.rules}/{path}", content)

    def _write_rest(self) -> None:
        self._bag.write("data/event-catalogue.md", event_catalogue().encode())
        told = {
            "format": FORMAT,
            "log": self.told.log,
            "programme_id": self._programme_id,
            "rules": self.told.rules,
            "simulated": self.told.simulated,
            "size": self.told.size,
        }
        self._bag.write("data/bundle.json", _json(told) + b"\n")
        for name in _PROGRAMS:
            self._bag.write(name, (_HERE / name).read_bytes())

    def _info(self) -> dict[str, str]:
        of = "" if self._programme_id is None else f", programme {self._programme_id}"
        simulated = ", simulated: nothing of it ever happened" if self.told.simulated else ""
        return {
            "External-Identifier": f"{self.told.log} {self.told.size}",
            "External-Description": f"Record of {self.told.log} up to position {self.told.size}{of}{simulated}",
        }


def _json(told: dict[str, Any]) -> bytes:
    return json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


class _Chosen:
    """The lines of one programme: whatever names it or one of its matters, and what those lines rest on.

    They rest on the opening of the institution, on what happened to the units they name, and on the appointments and
    engagements under which all of them were recorded.
    """

    def __init__(self, programme_id: str) -> None:
        self._matters = {tag(ProgrammeId, programme_id)}
        self._positions: set[int] = set()
        self._units: set[str] = set()
        self._authorities: set[str] = set()
        self._of_units: dict[str, set[str]] = {}
        self._of_grants: dict[str, set[str]] = {}

    def look_at(self, row: asyncpg.Record) -> None:
        """Take a row in, in order."""
        tags, authority = row["tags"], row["authority"]
        if not self._matters.isdisjoint(tags):
            self._positions.add(row["position"])
            self._matters.update(_of_kinds(tags, _OF_A_MATTER))
            self._units.update(_ids(tags, _OF_A_UNIT))
            self._authorities.add(authority)
        elif row["type"].startswith(_UNIT_FACTS):
            for unit_id in _ids(tags, _OF_A_UNIT):
                self._of_units.setdefault(unit_id, set()).add(authority)
        for granted in _granted(row):
            self._of_grants.setdefault(granted, set()).add(authority)

    def close(self) -> bool:
        """Once all were looked at: which grants they rest on, each under another. Whether there are any."""
        for unit_id in self._units:
            self._authorities |= self._of_units.get(unit_id, set())
        wanted = list(self._authorities)
        while wanted:
            under = self._of_grants.get(wanted.pop(), set()) - self._authorities
            self._authorities |= under
            wanted += under
        return bool(self._positions)

    def takes(self, row: asyncpg.Record) -> bool:
        """Whether a row is among them."""
        if row["position"] in self._positions or row["type"] == InstitutionOpened.TOPIC:
            return True
        if not self._authorities.isdisjoint(_granted(row)):
            return True
        return row["type"].startswith(_UNIT_FACTS) and not self._units.isdisjoint(_ids(row["tags"], _OF_A_UNIT))


def _granted(row: asyncpg.Record) -> Iterator[str]:
    """The authority that a row gives or takes away, as later rows name it: an id, or the tag of an engagement."""
    kind = _GRANTS.get(row["type"])
    for each in _of_kinds(row["tags"], frozenset((kind,)) if kind else frozenset()):
        yield each.removeprefix("appointment:")


def _of_kinds(tags: Iterable[str], kinds: frozenset[str]) -> Iterator[str]:
    return (each for each in tags if each.partition(":")[0] in kinds)


def _ids(tags: Iterable[str], kinds: frozenset[str]) -> Iterator[str]:
    return (each.partition(":")[2] for each in _of_kinds(tags, kinds))
