"""Whoever holds the database, or a bundle, and changes something: which finding names it, and at which position.

Each attack is played with every right on a real database or on a bundle whose manifests were written anew. At the end
stand the two that no log catches alone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from api.cli.bundle.replay import replay
from domain.audit.events import AuditFindingRecorded, EngagementEnded, EngagementOpened
from domain.ids import AuditFindingId, DocumentId, EngagementId, ErasureId, ObjectionId, PersonId, ProposerId
from domain.kernel import Event
from domain.privacy.events import ErasureProposed, ObjectorErased, ObjectorErasureProposed, PersonErased
from infra.checkpoints import Checkpoints
from infra.embedded import EmbeddedPostgres
from infra.line import leaf, line
from infra.master_key import MasterKeys
from infra.receipt import Receipt
from infra.signing import Memory, Signing
from infra.tree import Growing
from tests.bundles import (
    SIGNER,
    Attacker,
    Report,
    closed,
    database_like,
    digest,
    exported,
    filled,
    found,
    judged,
    rebagged,
    recorded_by,
    reruled,
    sealed,
    vkey,
)
from tests.call import CALL
from tests.conftest import Database
from tests.office import parts_of
from tests.spec import NOON
from tests.test_funding_story import STORY

LEDGER = f"published/ledgers/{CALL}/cycle-2022-09-30/trial_balance.csv"


@pytest_asyncio.fixture(scope="module")
async def honest(
    server: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Database, Path]]:
    """A database to copy, and the folder of its key file and of an honest bundle."""
    folder = tmp_path_factory.mktemp("honest")
    async with database_like(server, template) as database:
        await filled(database, folder / "vault.key", closed(STORY.past))
        await exported(database, folder / "vault.key", folder / "bundle")
        yield database, folder


@dataclass
class Scene:
    """A copy of the honest database, somebody with every right on it, and what the auditor kept from before."""

    database: Database
    folder: Path
    attacker: Attacker
    kept: Path
    """A checkpoint of the honest record, taken home by the auditor."""
    size: int
    positions: dict[str, int]

    async def export(self) -> Path:
        """Export as it stands now."""
        target = self.folder / f"bundle-{len(list(self.folder.iterdir()))}"
        await exported(self.database, self.folder / "vault.key", target)
        return target

    async def of_type(self, like: str) -> set[int]:
        """The positions of the events of a type."""
        rows = await self.attacker.fetch("SELECT position FROM event WHERE type LIKE $1", like)
        return {row["position"] for row in rows}

    async def seal(self, *, same_signer: bool = True) -> int:
        """Grow and sign again; with the key alone, where the signer's memory is not at hand."""
        memory = self.folder if same_signer else self.folder / "thief"
        memory.mkdir(exist_ok=True)
        async with parts_of(self.database.app_url, key_file=self.folder / "vault.key") as parts:
            return await sealed(parts, memory, SIGNER)

    async def receipt(self, position: int) -> Path:
        """The receipt of an act, as it is handed out."""
        async with parts_of(self.database.app_url, key_file=self.folder / "vault.key") as parts:
            checkpoints = Checkpoints(parts.pool, parts.stores)
            (log,) = await checkpoints.logs()
            signed = await checkpoints.covering(log.log_id, position)
            assert signed is not None
            path = await checkpoints.tree(log.log_id).inclusion(position - 1, signed.size)
        file = self.folder / f"{position}.tlog-proof"
        file.write_text(str(Receipt(position - 1, tuple(path), signed.note)), encoding="utf-8")
        return file


@pytest_asyncio.fixture
async def scene(honest: tuple[Database, Path], server: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Scene]:
    for name in ("vault.key", "signed.json"):
        shutil.copy(honest[1] / name, tmp_path / name)
    async with database_like(server, honest[0].name) as database:
        connection = await asyncpg.connect(database.superuser_url)
        try:
            attacker = Attacker(connection)
            rows = await attacker.fetch("SELECT type, min(position) AS first FROM event GROUP BY type")
            newest = await attacker.fetch("SELECT size, note FROM signed_checkpoint ORDER BY size DESC LIMIT 1")
            kept = tmp_path / "kept.note"
            kept.write_text(newest[0]["note"], encoding="utf-8")
            positions = {row["type"]: row["first"] for row in rows}
            yield Scene(database, tmp_path, attacker, kept, newest[0]["size"], positions)
        finally:
            await connection.close()


@pytest.fixture
def bundle(honest: tuple[Database, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest[1] / "bundle", tmp_path / "bundle"))


def lines_of(bundle: Path) -> list[bytes]:
    return (bundle / "data" / "log.jsonl").read_bytes().splitlines(keepends=True)


def written(bundle: Path, lines: list[bytes]) -> Path:
    (bundle / "data" / "log.jsonl").write_bytes(b"".join(lines))
    return rebagged(bundle)


def steps(report: Report) -> set[str]:
    return {step for step, _, _ in found(report)}


# --- the record in the database --------------------------------------------------------------------------------------


async def test_a_row_that_is_edited_is_named(scene: Scene) -> None:
    position = scene.positions["funding.allocated.v1"]
    await scene.attacker.run(
        "UPDATE event SET data = convert_to(replace(convert_from(data, 'utf8'), '\"amount_fen\":2500000', "
        "'\"amount_fen\":9900000'), 'utf8') WHERE position = $1",
        position,
    )
    bundle = await scene.export()
    report = judged(bundle)
    assert ("V2", "leaf", position) in found(report)
    assert {step for step, _, where in found(report) if where == position} == {"V2"}
    assert "V9" in steps(report)  # The books that were closed do not follow from it any more.
    assert not replay(bundle)["clean"]


async def test_a_row_that_is_deleted_is_named(scene: Scene) -> None:
    position = scene.positions["funding.allocated.v1"]
    await scene.attacker.run("DELETE FROM event WHERE position = $1", position)
    assert ("V4", "gap", position) in found(judged(await scene.export()))


@pytest.mark.parametrize("holds", ["head", "receipt"])
async def test_a_tail_that_is_cut_off_is_seen_by_who_holds_a_checkpoint_or_a_receipt(scene: Scene, holds: str) -> None:
    kept = scene.kept if holds == "head" else await scene.receipt(scene.size - 2)
    await scene.attacker.cut_after(scene.size - 5)
    await scene.seal(same_signer=False)
    report = judged(await scene.export(), kept)
    assert ("V3", "truncated", scene.size - 4) in found(report)
    assert (("V3", "receipt", scene.size - 2) in found(report)) == (holds == "receipt")


async def test_a_tail_whose_checkpoints_and_leaves_stay_is_missed_by_the_bundle_itself(scene: Scene) -> None:
    await scene.attacker.run("DELETE FROM event WHERE position > $1", scene.size - 5)
    assert ("V2", "lost", scene.size - 4) in found(judged(await scene.export()))


async def test_rows_that_are_swapped_are_named(scene: Scene) -> None:
    first = scene.positions["funding.allocated.v1"]
    for before, after in ((first, 10**6), (first + 1, first), (10**6, first + 1)):
        await scene.attacker.run("UPDATE event SET position = $2 WHERE position = $1", before, after)
    report = judged(await scene.export())
    assert {("V2", "leaf", first), ("V2", "leaf", first + 1), ("V5", "backwards", first + 1)} <= found(report)


async def inserted(scene: Scene, position: int) -> None:
    """A row between two others, made of the one before; what follows moves on by one."""
    await scene.attacker.run("UPDATE event SET position = position + 1000000 WHERE position >= $1", position)
    await scene.attacker.run("UPDATE event SET position = position - 999999 WHERE position >= 1000000")
    columns = "log_id, type, tags, data, documents, actor_id, actor_kind, authority, on_behalf_of_id, cause"
    times = "received_at, effective_at, reason_code, reason_document_id, line_version"
    await scene.attacker.run(
        f"INSERT INTO event ({columns}, {times}, position, event_id, command_id, correlation_id, recorded_at, nonce) "
        f"SELECT {columns}, {times}, $1::bigint, gen_random_uuid(), id, id, "
        "recorded_at + interval '1 microsecond' / 2, nonce "
        "FROM event, gen_random_uuid() AS id WHERE position = $1::bigint - 1",
        position,
    )
    await scene.attacker.run("UPDATE checkpoint SET position = (SELECT max(position) FROM event)")


async def test_a_row_that_is_inserted_is_named(scene: Scene) -> None:
    position = scene.positions["funding.allocated.v1"]
    await inserted(scene, position)
    report = judged(await scene.export())
    named = {where for step, code, where in found(report) if (step, code) == ("V2", "leaf")}
    assert min(named) == position


async def test_an_event_that_is_dated_back_is_named(scene: Scene) -> None:
    position = scene.positions["funding.period_closed.v1"]
    await scene.attacker.run(
        "UPDATE event SET recorded_at = recorded_at - interval '1 year' WHERE position = $1", position
    )
    report = judged(await scene.export())
    assert {("V2", "leaf", position), ("V5", "backwards", position)} <= found(report)


async def test_another_history_is_not_what_was_signed(scene: Scene) -> None:
    """The tree is made anew over a record that was changed; without the key the checkpoints stay as they were."""
    position = scene.positions["funding.period_closed.v1"]
    await scene.attacker.run("UPDATE event SET actor_id = 'nobody' WHERE position = $1", position)
    await scene.attacker.run("TRUNCATE tile, tree")
    async with parts_of(scene.database.app_url, key_file=scene.folder / "vault.key") as parts:
        checkpoints = Checkpoints(parts.pool, parts.stores)
        await checkpoints.grow((await checkpoints.logs())[0])
    report = judged(await scene.export())
    roots = {where for step, code, where in found(report) if (step, code) == ("V2", "root")}
    assert roots == {scene.size}
    sizes = await scene.attacker.fetch("SELECT max(size) AS before FROM signed_checkpoint WHERE size < $1", position)
    before = sizes[0]["before"]
    assert any(f"changed after {before}" in one["en"] for one in report["findings"])


async def test_a_stolen_key_does_not_help_against_who_kept_a_checkpoint(scene: Scene) -> None:
    position = scene.positions["funding.allocated.v1"]
    await scene.attacker.run("UPDATE event SET reason_code = 'other' WHERE position = $1", position)
    await scene.attacker.run("TRUNCATE tile, tree, signed_checkpoint")
    await scene.seal(same_signer=False)
    assert found(judged(await scene.export(), scene.kept)) == {("V3", "forked", scene.size)}


async def test_a_backup_that_was_restored_and_written_on_is_another_history(scene: Scene) -> None:
    await scene.attacker.cut_after(scene.size - 3)
    for _ in range(5):
        await inserted(scene, (await scene.attacker.fetch("SELECT max(position) AS last FROM event"))[0]["last"] + 1)
    await scene.seal(same_signer=False)
    assert ("V3", "forked", scene.size) in found(judged(await scene.export(), scene.kept))


async def test_an_old_checkpoint_that_is_shown_as_the_newest_leaves_what_follows_unsigned(scene: Scene) -> None:
    await scene.attacker.run("DELETE FROM signed_checkpoint WHERE size = $1", scene.size)
    bundle = await scene.export()
    report = judged(bundle, scene.kept)
    assert report["clean"]  # What was kept goes on from it; nothing was changed.
    assert report["signed"] < scene.size
    assert any("not signed yet" in one["en"] for one in report["not_proven"])
    replayed = bundle / "data" / "checkpoints.jsonl"
    replayed.write_bytes(replayed.read_bytes() * 2)
    assert ("V1", "note", 0) in found(judged(rebagged(bundle)))


async def test_attachments_that_are_swapped_are_named(scene: Scene) -> None:
    rows = await scene.attacker.fetch(
        "SELECT upload_id FROM document WHERE document_id IS NOT NULL ORDER BY upload_id LIMIT 2"
    )
    one, other = (row["upload_id"] for row in rows)
    swapped = "UPDATE document_chunk SET bytes = other.bytes FROM document_chunk other WHERE document_chunk.seq = 1 "
    await scene.attacker.run(
        f"{swapped} AND other.seq = 1 AND document_chunk.upload_id = $1 AND other.upload_id = $2", one, other
    )
    report = judged(await scene.export())
    ((step, code, position),) = found(report)
    assert (step, code) == ("V6", "document")
    assert position in await scene.of_type("document.deposited.v1")


async def test_a_roster_that_is_altered_is_named_with_the_position_of_its_row(scene: Scene) -> None:
    ((relation,),) = await scene.attacker.fetch("SELECT relation FROM view.live WHERE name = 'payment'")
    await scene.attacker.run(
        f'UPDATE view."{relation}" SET amount_fen = amount_fen + 1 WHERE payment_id = '
        f'(SELECT min(payment_id) FROM view."{relation}")'
    )
    bundle = await scene.export()
    assert judged(bundle)["clean"]  # The record itself is as it was signed.
    ((step, code, position),) = found(replay(bundle))
    assert (step, code) == ("V8", "differs")
    assert position in await scene.of_type("funding.payment%")


async def test_a_clock_that_was_set_back_is_named(scene: Scene) -> None:
    await scene.attacker.run(
        "UPDATE signed_checkpoint SET signed_at = signed_at - interval '1 day' WHERE size = $1", scene.size
    )
    report = judged(await scene.export())
    assert found(report) == {("V5", "signed-back", scene.size), ("V5", "clock", scene.size)}


async def test_an_event_that_the_sealer_left_out_is_named(scene: Scene) -> None:
    position = scene.positions["funding.period_closed.v1"]
    async with parts_of(scene.database.app_url, key_file=scene.folder / "vault.key") as parts:
        store = await parts.stores(1)
        rows = [row async for page in store.rows() for row in page if row["position"] != position]
        growing = Growing()
        growing.add(leaf(line("UNI", row)) for row in rows)
        await scene.attacker.run("TRUNCATE tile, tree, signed_checkpoint")
        for (level, number), (hashes, _) in growing.take().items():
            await scene.attacker.run("INSERT INTO tile VALUES (1, $1, $2, $3)", level, number, hashes)
        await scene.attacker.run("INSERT INTO tree VALUES (1, $1)", growing.size)
        (scene.folder / "thief").mkdir()
        (log,) = await Checkpoints(parts.pool, parts.stores).logs()
        with Memory(scene.folder / "thief") as memory:
            await Signing(SIGNER, memory).sign(Checkpoints(parts.pool, parts.stores), log)
    report = judged(await scene.export())
    named = {where for step, code, where in found(report) if (step, code) == ("V2", "leaf")}
    assert min(named) == position


async def test_bytes_that_say_the_same_otherwise_are_named(scene: Scene) -> None:
    position = scene.positions["funding.allocated.v1"]
    await scene.attacker.run(
        "UPDATE event SET data = convert_to(replace(convert_from(data, 'utf8'), '\"amount_fen\":', "
        "'\"amount_fen\": '), 'utf8') WHERE position = $1",
        position,
    )
    assert {("V4", "line", position), ("V2", "leaf", position)} <= found(judged(await scene.export()))


@pytest.mark.parametrize("named", [True, False], ids=["named by the erasure", "another than the erasure names"])
@pytest.mark.parametrize("of_objector", [False, True], ids=["of a person", "of an objector"])
async def test_a_document_that_two_persons_erased_is_excused_and_no_other(
    scene: Scene, named: bool, of_objector: bool
) -> None:
    rows = await scene.attacker.fetch("SELECT position, documents FROM event WHERE type = 'document.deposited.v1'")
    (gone,), position = rows[0]["documents"], rows[0]["position"]
    hands = await scene.attacker.fetch(
        "SELECT DISTINCT ON (type) actor_id, authority FROM event "
        "WHERE type IN ('funding.payment_requested.v1', 'funding.payment_approved.v1') ORDER BY type DESC"
    )
    assert hands[0]["actor_id"] != hands[1]["actor_id"]
    whose = {"objection_id": ObjectionId("O-1")} if of_objector else {"person_id": PersonId(hands[0]["actor_id"])}
    about: dict[str, Any] = {
        **whose, "erasure_id": ErasureId("E-1"), "clause": "consent",
        "basis_document_id": DocumentId(gone if named else rows[1]["documents"][0]),
    }  # fmt: skip
    proposal, fact = (ObjectorErasureProposed, ObjectorErased) if of_objector else (ErasureProposed, PersonErased)
    gone_with_it: dict[str, Any] = {
        "statement_document_ids" if of_objector else "document_ids": (about["basis_document_id"],)
    }
    erased = fact(**about, **gone_with_it, proposed_by=ProposerId(hands[0]["actor_id"]), commitments=())
    async with parts_of(scene.database.app_url, key_file=scene.folder / "vault.key") as parts:
        for event, by in zip((proposal(**about), erased), hands, strict=True):
            await recorded_by(parts, by["actor_id"], by["authority"], event)
    await scene.seal()
    await scene.attacker.run("DELETE FROM document_chunk USING document d WHERE d.document_id = $1 "
                             "AND document_chunk.upload_id = d.upload_id", gone)  # fmt: skip
    await scene.attacker.run("UPDATE checkpoint SET position = (SELECT max(position) FROM event)")
    assert found(judged(await scene.export())) == (set() if named else {("V7", "unexcused", position)})


async def test_what_an_auditor_does_after_the_engagement_was_ended_is_named(scene: Scene) -> None:
    """Only that it was ended shows it, for its last day is still to come. The programme's bundle brings it along."""
    hands = await scene.attacker.fetch("SELECT actor_id, authority FROM event WHERE authority LIKE 'a-%' LIMIT 1")
    auditor, paper = str(uuid4()), DocumentId(digest(scene.kept))
    of: dict[str, Any] = {"engagement_id": EngagementId("E-1"), "person_id": PersonId(auditor)}
    opened = EngagementOpened(
        **of, first_day=NOON.date(), last_day=NOON.date(), opens_at=NOON, ends_at=NOON, commission_document_id=paper
    )
    finding: dict[str, Any] = {"engagement_id": EngagementId("E-1"), "programme_id": CALL, "gravity": "observation"}
    first, second = (
        AuditFindingRecorded(**finding, audit_finding_id=AuditFindingId(each), statement_document_id=paper)
        for each in ("F-1", "F-2")
    )
    head = hands[0]["actor_id"], hands[0]["authority"]
    ended = EngagementEnded(**of, ground="decision")

    async def record(*acts: tuple[Event, tuple[str, str]]) -> Report:
        async with parts_of(scene.database.app_url, key_file=scene.folder / "vault.key") as parts:
            for event, by in acts:
                await recorded_by(parts, *by, event)
        await scene.seal()
        await scene.attacker.run("UPDATE checkpoint SET position = (SELECT max(position) FROM event)")
        target = scene.folder / f"programme-{second.audit_finding_id}-{len(acts)}"
        await exported(scene.database, scene.folder / "vault.key", target, CALL)
        return judged(target)

    here = auditor, "engagement:E-1"
    honest = await record((opened, head), (first, here), (ended, head))
    assert {code for step, code, _ in found(honest) if step == "V10"} == set()
    late = await record((second, here))
    assert {(code, at) for step, code, at in found(late) if step == "V10"} == {("authority", late["size"])}


# --- the bundle ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace(b'"amount_fen":', b'"amount_fen":1,"amount_fen":', 1),
        lambda line: line.replace(b'"amount_fen":', b'"amount_fen":1.5,"a":', 1),
        lambda line: line.replace(b'"log":"UNI"', b'"log":"\\u0055NI"'),
        lambda line: line.replace(b'"tags":[', b'"tags":["z",'),
        lambda line: line.replace(b'"amount_fen":', b'"amount_fen":9007199254740993,"a":', 1),
    ],
    ids=["key twice", "float", "escape", "order", "large number"],
)
def test_a_line_in_another_form_is_named(bundle: Path, change: Callable[[bytes], bytes]) -> None:
    lines = lines_of(bundle)
    at = next(n for n, each in enumerate(lines) if b'"type":"funding.allocated.v1"' in each)
    lines[at] = change(lines[at])
    report = judged(written(bundle, lines))
    assert {("V4", "line", at + 1), ("V2", "leaf", at + 1)} <= found(report)


def test_a_published_ledger_that_is_altered_is_named_by_both_programs(bundle: Path) -> None:
    ledger = bundle / "data" / LEDGER
    ledger.write_bytes(ledger.read_bytes().replace(b"B235,budget", b"B235,dues", 1))
    report, folded = judged(rebagged(bundle)), replay(bundle)
    closes = [n for n, each in enumerate(lines_of(bundle), 1) if b'"type":"funding.period_closed.v1"' in each]
    assert {("V9", "ledger", closes[-1]), ("V9", "book-b", closes[-1])} == found(report)
    assert ("V9", "differs", closes[-1]) in found(folded)


def test_posting_rules_that_are_altered_later_do_not_lead_to_the_closed_ledgers(bundle: Path) -> None:
    def other_table(home: Path) -> None:
        rules = home / "domain" / "funding" / "posting.py"
        text = rules.read_text(encoding="utf-8")
        assert '"paid_out": "B230"' in text
        rules.write_text(text.replace('"paid_out": "B230"', '"paid_out": "B235"'), encoding="utf-8")

    folded = replay(reruled(bundle, other_table))
    assert {"V8", "V9"} <= steps(folded)
    assert any(code == "differs" and where > 0 for _, code, where in found(folded))


def test_a_roster_in_the_bundle_that_is_altered_is_named(bundle: Path) -> None:
    (bundle / "data" / "published" / "rosters").mkdir(exist_ok=True)
    (bundle / "data" / "published" / "rosters" / "OTHER.csv").write_bytes(b"track_id\r\n")
    assert found(replay(rebagged(bundle))) == {("V8", "extra", 0)}


def test_two_lines_of_one_position_come_from_a_second_writer_and_are_named(bundle: Path) -> None:
    lines = lines_of(bundle)
    second = json.loads(lines[9])
    second["event_id"] = "00000000-0000-4000-8000-000000000000"
    text = json.dumps(second, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    report = judged(written(bundle, [*lines[:10], text.encode() + b"\n", *lines[10:]]))
    assert {("V4", "gap", 11), ("V2", "leaf", 10), ("V5", "backwards", 10)} <= found(report)


def test_an_erasure_that_nobody_approved_excuses_nothing(bundle: Path) -> None:
    lines = lines_of(bundle)
    at = next(n for n, each in enumerate(lines, 1) if b'"type":"document.deposited.v1"' in each)
    (document,) = json.loads(lines[at - 1])["documents"]
    (bundle / "data" / "documents" / document[:2] / document).unlink()
    assert ("V7", "unexcused", at) in found(judged(rebagged(bundle)))
    fake = json.loads(lines[-1])
    actor, last = fake["actor_id"], len(lines) + 1
    fake.update(
        position=last, type="privacy.person_erased.v1", recorded_at="2099-01-01T00:00:00.000000Z",
        event_id="00000000-0000-4000-8000-000000000000", command_id="00000000-0000-4000-8000-000000000000",
        data={"basis_document_id": "", "document_ids": [document], "erasure_id": "E-1", "proposed_by": actor},
    )  # fmt: skip
    text = json.dumps(fake, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    report = judged(written(bundle, [*lines, text.encode() + b"\n"]))
    assert {("V7", "unexcused", at), ("V10", "no-first", last)} <= found(report)


@pytest.mark.parametrize(
    ("kind", "code"), [("funding.payment_approved.v1", "one-hand"), ("funding.allocated.v1", "authority")]
)
def test_an_act_of_one_hand_or_without_an_office_is_named(bundle: Path, kind: str, code: str) -> None:
    lines = [json.loads(each) for each in lines_of(bundle)]
    at = next(n for n, each in enumerate(lines) if each["type"] == kind)
    first = next(each for each in lines if each["type"] == "funding.payment_requested.v1")
    if code == "one-hand":
        lines[at].update(actor_id=first["actor_id"], authority=first["authority"])
    else:
        lines[at]["authority"] = "a-nobody"
    told = [json.dumps(each, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() for each in lines]
    report = judged(written(bundle, [each + b"\n" for each in told]))
    assert found(report) == {("V10", code, at + 1), ("V2", "leaf", at + 1)}


def test_a_checkpoint_that_another_key_signed_is_none(bundle: Path) -> None:
    report = judged(bundle, key=vkey(MasterKeys(b"\x08" * 32)))
    assert ("V1", "no-checkpoint", 0) in found(report)
    assert report["signed"] == 0


# --- what no log catches alone ---------------------------------------------------------------------------------------


async def test_a_tail_that_is_cut_before_it_was_signed_shows_nowhere_if_nobody_holds_anything(scene: Scene) -> None:
    await scene.attacker.cut_after(scene.size - 5)
    await scene.attacker.run("TRUNCATE signed_checkpoint")
    await scene.seal(same_signer=False)  # As if what was cut off had never been sealed.
    report = judged(await scene.export())
    assert report["clean"]
    assert any("nothing was cut off" in one["en"] for one in report["not_proven"])


async def test_a_record_written_anew_with_all_keys_shows_nowhere_if_nobody_holds_a_checkpoint(scene: Scene) -> None:
    position = scene.positions["funding.allocated.v1"]
    await scene.attacker.run("UPDATE event SET reason_code = 'other' WHERE position = $1", position)
    await scene.attacker.run("TRUNCATE tile, tree, signed_checkpoint")
    await scene.seal(same_signer=False)
    report = judged(await scene.export())
    assert report["clean"]
    assert any("all keys are stolen" in one["en"] for one in report["not_proven"])
