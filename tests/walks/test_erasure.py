"""An erasure over HTTP, from the rule to the last copy: nothing of the person is left, and every proof still holds."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api.cli.demo.backstage import export
from domain.lifecycle import CATALOGUE
from infra.assembly import Stores, open_pool
from infra.checkpoints import Checkpoints
from infra.embedded import EmbeddedPostgres
from infra.master_key import ensure_key_file
from infra.note import Checkpoint, opened
from infra.receipt import Receipt
from infra.signing import Memory, Signing
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

    told = await house.send("administrator", "GET", f"{person}/details", headers={"Accept-Language": "zh"})
    assert (told.status_code, told.json()["type"]) == (410, "/problems/details-erased")
    assert "已删除" in told.json()["detail"]
    gone = await house.send("administrator", "GET", f"/v1/documents/{document}")
    assert (gone.status_code, gone.json()["detail"][:7]) == (410, "Erased:")
    assert (await house.send("marked", "GET", person)).status_code == 401
    (fact,) = await house.feed("privacy.person_erased.v1")
    assert fact["body"]["document_ids"] == [document]
    version = fact["position"]
    assert (await house.read("administrator", person, min_position=version))["erased_at"] is not None
    entry = await house.read("administrator", f"/v1/documents/{document}/entry", min_position=version)
    assert entry["erased"] is True

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
    _assert_nothing_is_left(_dump(server, product), sealed_before, product, server)


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


def _assert_nothing_is_left(dump: str, sealed: list[str], product: Product, server: EmbeddedPostgres) -> None:
    places = {
        "dump": dump,
        "log": product.log_file.read_text(),
        "database's log": server.log_file.read_text(),
    }
    assert all(places.values())
    written = [*sealed, *(way for mark in MARKS for way in spellings(mark))]
    assert [(place, way) for place, text in places.items() for way in written if way in text] == []
