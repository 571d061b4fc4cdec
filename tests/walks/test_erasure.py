"""An erasure over HTTP, from the rule to the last copy: nothing of the person is left, and every proof still holds."""

from __future__ import annotations

import asyncio
import io
import itertools
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api.app import wired
from api.cli.bundle.export import export as export_bundle
from api.cli.demo.backstage import export
from domain.lifecycle import CATALOGUE
from infra.assembly import Stores, open_pool
from infra.backup import back_up
from infra.checkpoints import Checkpoints
from infra.embedded import EmbeddedPostgres
from infra.master_key import ensure_key_file
from infra.note import Checkpoint, opened
from infra.receipt import Receipt
from infra.signing import Memory, Signing
from tests.walks.contents import caught_up
from tests.walks.desk import Desk
from tests.walks.running import Product
from tests.walks.test_privacy import spellings

pytestmark = pytest.mark.slow

NAME, FORMER, LETTER = "欧阳遗忘甲", "司徒遗忘乙", "遗忘记号丙丁戊"
MARKS = (NAME, FORMER, LETTER)
SECONDS = 60.0


class Sealed:
    """The tree and the signatures of a log, made by the test itself."""

    def __init__(self, pool: asyncpg.Pool, log_id: int, folder: Path) -> None:
        self.checkpoints = Checkpoints(pool, Stores(pool, CATALOGUE))
        self.log_id, self.folder = log_id, folder
        self.keys = ensure_key_file(folder / "signer.key")

    async def sign(self) -> Checkpoint:
        """Grow the tree, sign it, and open the newest checkpoint with the key."""
        (log,) = [each for each in await self.checkpoints.logs() if each.log_id == self.log_id]
        await self.checkpoints.grow(log)
        (log,) = [each for each in await self.checkpoints.logs() if each.log_id == self.log_id]
        with Memory(self.folder) as memory:
            signing = Signing(self.keys, memory)
            await signing.sign(self.checkpoints, log)
            self.verifier = signing.signers(log.origin)[0].verifier
        (newest,) = await self.checkpoints.newest(self.log_id)
        return Checkpoint.parse(opened(newest.note, [self.verifier])[0])

    async def receipt(self, position: int) -> Receipt:
        (newest,) = await self.checkpoints.newest(self.log_id)
        path = await self.checkpoints.tree(self.log_id).inclusion(position - 1, newest.size)
        return Receipt(position - 1, tuple(path), newest.note)


async def test_after_an_erasure_nothing_of_the_person_is_left_and_every_proof_holds(
    server: EmbeddedPostgres, product: Product, house: Desk, tmp_path: Path
) -> None:
    document, registered = await _plant(house)
    marked = house.people["marked"]
    person = f"/v1/people/{marked}"
    assert LETTER in (await house.send("administrator", "GET", f"/v1/documents/{document}")).text
    superuser = await asyncpg.connect(product.superuser_url)
    sealed_before = await _sealed(superuser, house.log_id, marked)
    assert len(sealed_before) == 6
    dump = _dump(server, product)
    assert all(each in dump for each in sealed_before), "what is looked for is found where it stands"
    async with open_pool(str(product.settings.database_url), name="test") as pool:
        sealed = Sealed(pool, house.log_id, tmp_path)
        before = await sealed.sign()
        receipt = await sealed.receipt(registered)
        lines = await _lines(product, house, tmp_path / "before.jsonl")
        taken_out = await _taken_out(server, product, house, tmp_path / "before")
        found = {place for place, content in taken_out.items() if _traces(content, sealed_before)}
        assert found == {"bundle", "backup"}, "what is looked for is found where it stands, and nowhere else"

        product.kill("worker")
        try:
            await _erase(house, marked)
            # The fact is on record and the hand that destroys is dead: nothing is shown all the same.
            assert await superuser.fetchval(_KEYS, house.log_id, f"person:{marked}") == 1
            assert (await house.send("administrator", "GET", f"{person}/details")).status_code == 410
        finally:
            await product.start("worker")
        await _until_destroyed(superuser, house.log_id, marked)

        after = await sealed.sign()
        path = await sealed.checkpoints.tree(house.log_id).consistency(before.size, after.size)
        assert path
        assert receipt.proves(lines[registered - 1], sealed.verifier).root == before.root
        assert (await _lines(product, house, tmp_path / "after.jsonl"))[: before.size] == lines[: before.size]
        taken_out = await _taken_out(server, product, house, tmp_path / "after")
        assert [place for place, content in taken_out.items() if _traces(content, sealed_before)] == []

    version = await _assert_told(house, marked, document)
    committed = await superuser.fetch(
        "SELECT commitment FROM envelope WHERE log_id = $1 AND subject_id = $2", house.log_id, f"person:{marked}"
    )
    named = await superuser.fetchval(
        "SELECT convert_from(data, 'UTF8')::jsonb -> 'commitments' FROM event WHERE log_id = $1 AND position = $2",
        house.log_id,
        version,
    )
    assert all(row["commitment"] in named for row in committed), "the fact names the very digests"
    await superuser.close()
    left = {
        "database": _dump(server, product).encode(),
        "database's log": server.log_file.read_bytes(),
        "broker": _files(product.settings.state_dir / "broker"),
        "log": product.log_file.read_bytes(),
    }
    assert all(left.values())
    assert [place for place, content in left.items() if _traces(content, sealed_before)] == []


async def _assert_told(house: Desk, marked: str, document: str) -> int:
    """Whoever asks is told that it is erased, in their language; gives the position of the fact."""
    person = f"/v1/people/{marked}"
    told = await house.send("administrator", "GET", f"{person}/details", headers={"Accept-Language": "zh"})
    assert (told.status_code, told.json()["type"]) == (410, "/problems/details-erased")
    assert "已删除" in told.json()["detail"]
    gone = await house.send("administrator", "GET", f"/v1/documents/{document}")
    assert (gone.status_code, gone.json()["detail"][:7]) == (410, "Erased:")
    assert (await house.send("marked", "GET", person)).status_code == 401
    (fact,) = await house.feed("privacy.person_erased.v1")
    assert fact["body"]["document_ids"] == [document]
    version = int(fact["position"])
    assert (await house.read("administrator", person, min_position=version))["erased_at"] is not None
    entry = await house.read("administrator", f"/v1/documents/{document}/entry", min_position=version)
    assert entry["erased"] is True
    return version


_KEYS = "SELECT count(*) FROM subject_key WHERE log_id = $1 AND subject_id = $2 AND wrapped IS NOT NULL"


async def _plant(house: Desk) -> tuple[str, int]:
    """A person with two names, a letter under their key, and no office any more; the letter and their position."""
    await house.person("marked", "applicant", "BR-0", FORMER)
    await house.person("second", "supervisor", None)
    marked = house.people["marked"]
    replaced = await house.act("administrator", f"/v1/people/{marked}/details", {"details": {"name": NAME}})
    answer = await house.send(
        "administrator",
        "POST",
        "/v1/documents",
        params={"kind": "evidence", "key_person_id": marked},
        content=LETTER.encode(),
        headers={"Content-Type": "text/plain"},
    )
    assert answer.status_code == 201, answer.text
    await house.act("administrator", "/v1/appointments/a-marked/end", {"last_day": "2020-05-09"})
    await house.act("administrator", "/v1/clock/advance", {"to": "2020-05-11T10:00:00+08:00"}, key="advance")
    return str(answer.json()["location"]).rsplit("/", 1)[-1], int(replaced["version"])


async def _erase(house: Desk, marked: str) -> None:
    """Two years and none; a hold, placed and lifted; then one proposes and another approves."""
    law = {"basis_document_id": await house.deposit("head", "basis", "个人信息保护法"), "clause": "article_47"}
    ask: dict[str, Any] = {"person_id": marked, "erasure_id": "E-1", **law}
    await house.act("head", "/v1/retentions", {**law, "retention_years": 2, "first_day": "2020-01-01"})
    assert await _refusal(house, ask) == "/problems/retention-runs"
    await house.act("head", "/v1/retentions", {**law, "retention_years": 0, "first_day": "2020-01-01"})
    order = {"order_document_id": await house.deposit("head", "evidence", "保全决定")}
    about = {"hold_id": "H-1", "person_id": marked, "ground": "audit"}
    await house.act("second", "/v1/legal-holds", {**about, **order})
    assert await _refusal(house, ask) == "/problems/held-back"
    await house.act("head", "/v1/legal-holds/H-1/lift", order, reason="settled")
    await house.act("administrator", "/v1/erasures", ask)
    denied = await house.send("administrator", "POST", "/v1/erasures/E-1/approve", json={})
    assert denied.status_code == 403
    await house.act("head", "/v1/erasures/E-1/approve")


async def _refusal(house: Desk, ask: dict[str, Any]) -> str:
    answer = await house.send("administrator", "POST", "/v1/erasures", json=ask)
    assert answer.status_code == 409, answer.text
    return str(answer.json()["type"])


async def _sealed(connection: asyncpg.Connection, log_id: int, person_id: str) -> list[str]:
    """What is kept of the person, as a dump writes it: the wrapped key, two names, and a letter in two pieces."""
    rows = await connection.fetch(
        "SELECT encode(wrapped, 'hex') AS it FROM subject_key WHERE log_id = $1 AND subject_id = $2"
        " UNION ALL SELECT encode(sealed, 'hex') FROM envelope WHERE log_id = $1 AND subject_id = $2"
        " UNION ALL SELECT encode(sealed_key, 'hex') FROM document WHERE log_id = $1 AND subject_id = $2"
        " UNION ALL SELECT encode(bytes, 'hex') FROM document d JOIN document_chunk USING (log_id, upload_id)"
        " WHERE log_id = $1 AND subject_id = $2",
        log_id,
        f"person:{person_id}",
    )
    return [row["it"] for row in rows]


async def _until_destroyed(connection: asyncpg.Connection, log_id: int, person_id: str) -> None:
    deadline = asyncio.get_running_loop().time() + SECONDS
    while await connection.fetchval(_KEYS, log_id, f"person:{person_id}"):
        assert asyncio.get_running_loop().time() < deadline, "the key is still there"
        await asyncio.sleep(0.02)
    assert await _sealed(connection, log_id, person_id) == [None, "", "", ""]


async def _lines(product: Product, house: Desk, file: Path) -> list[bytes]:
    checked = await export(product.settings, house.log_id, house.institution_id, file)
    assert not checked.findings
    return await asyncio.to_thread(lambda: file.read_bytes().splitlines())


def _dump(server: EmbeddedPostgres, product: Product) -> str:
    """The whole database as its superuser writes it out, with a program that nobody here wrote."""
    command = [str(server.binaries.bin_dir / "pg_dump"), "--dbname", product.superuser_url]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return ran.stdout


def _traces(content: bytes, sealed: list[str]) -> list[str]:
    """What stands of the person in something: a name or a word of the letter, or sealed bytes, plain or spelt out."""
    clear = [way for mark in MARKS for way in spellings(mark) if way.encode() in content]
    return clear + [each for each in sealed if each.encode() in content or bytes.fromhex(each) in content]


def _files(folder: Path) -> bytes:
    """Every byte of every file in a folder."""
    return b"\n".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


def _unpacked(workbook: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        return b"\n".join(archive.read(name) for name in archive.namelist())


async def _taken_out(server: EmbeddedPostgres, product: Product, house: Desk, at: Path) -> dict[str, bytes]:
    """Everything that leaves the product: bundle, backup, and each list and trail that names the person, as a file."""
    bundle, backup = at.with_suffix(".bundle"), at.with_suffix(".backup")
    app_url, keys = str(product.settings.database_url), ensure_key_file(product.settings.key_file)
    connection = await asyncpg.connect(product.superuser_url)
    await caught_up(connection, house.log_id)
    await connection.close()
    async with wired(app_url, keys, name="test", pool_size=4) as wiring:
        institution = await wiring.parts.clock.institution(house.log_id)
        await export_bundle(wiring, institution, bundle, _unheard)
    await back_up(app_url, backup, _unheard)
    restored = [str(server.binaries.bin_dir / "pg_restore"), "--file=-", str(backup / "database.dump")]
    found = {
        "bundle": _files(bundle),
        "backup": (await asyncio.to_thread(subprocess.run, restored, capture_output=True, check=True)).stdout,
        "manifest": (backup / "manifest.json").read_bytes(),
    }
    about = (f"/v1/people/{house.people['marked']}/trail", "/v1/units/BR-0/trail", "/v1/people", "/v1/appointments",
             "/v1/documents", "/v1/erasures", "/v1/roster")  # fmt: skip
    for path, form in itertools.product(about, ("csv", "xlsx")):
        answer = await house.send("auditor", "GET", path, params={"format": form})
        assert answer.status_code == 200, (path, form, answer.text)
        found[f"{path} {form}"] = _unpacked(answer.content) if form == "xlsx" else answer.content
    for path in about[:2]:
        answer = await house.send("auditor", "GET", path, params={"format": "jsonl"})
        found[f"{path} jsonl"] = answer.content
    found["events"] = (await house.send("auditor", "GET", "/v1/events", params={"limit": 1000})).content
    found["figures"] = (await house.http.get(f"{house.urls[0]}/metrics")).content
    assert all(found.values())
    return found


def _unheard(_done: int, _of: int) -> None:
    """Nobody looks at how far it has come."""
