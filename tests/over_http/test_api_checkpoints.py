"""Signed checkpoints and proofs over HTTP: public where they tell nothing, for readers where they name a position."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import pytest_asyncio

from infra.checkpoints import Checkpoints, SealedLog
from infra.line import leaf, line
from infra.master_key import MasterKeys
from infra.note import Checkpoint, Verifier, opened
from infra.receipt import Receipt
from infra.signing import Memory, Signing
from infra.tree import proves_consistency, proves_inclusion
from tests.over_http.serving import Served

KEYS = MasterKeys(b"\x07" * 32)


async def seal(served: Served, factory: pytest.TempPathFactory) -> None:
    """Do once what sealer and signer do for ever, for the log of this office."""
    checkpoints = Checkpoints(served.parts.pool, served.parts.stores)
    folder = factory.getbasetemp() / f"signer-{served.office.log_id}"
    folder.mkdir(exist_ok=True)
    await checkpoints.grow(await standing(served, checkpoints))
    with Memory(folder) as memory:
        await Signing(KEYS, memory).sign(checkpoints, await standing(served, checkpoints))


async def standing(served: Served, checkpoints: Checkpoints) -> SealedLog:
    (log,) = [each for each in await checkpoints.logs() if each.log_id == served.office.log_id]
    return log


@pytest_asyncio.fixture
async def sealed(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Served:
    await served.office.somebody("clerk")
    await seal(served, tmp_path_factory)
    return served


async def verifier_of(served: Served) -> Verifier:
    answer = await served.http.get(f"/public/{served.office.institution_id}/checkpoint-keys")
    (key,) = answer.json()["items"]
    assert key["present"] is True
    return Verifier.parse(key["vkey"])


async def head_of(served: Served) -> int:
    return await (await served.parts.stores(served.office.log_id)).head()


async def test_anybody_reads_the_newest_checkpoint_and_verifies_it_alone(sealed: Served) -> None:
    answer = await sealed.http.get(f"/public/{sealed.office.institution_id}/checkpoint")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    text, _ = opened(answer.text, [await verifier_of(sealed)])
    checkpoint = Checkpoint.parse(text)
    assert (checkpoint.origin, checkpoint.size) == (sealed.office.institution_id, await head_of(sealed))
    assert checkpoint.extension == ("simulated",)


async def test_a_receipt_is_checked_with_the_line_and_the_key_alone(sealed: Served) -> None:
    store = await sealed.parts.stores(sealed.office.log_id)
    lines = [
        line(sealed.office.institution_id, row) async for page in store.rows(until=await store.head()) for row in page
    ]
    verifier = await verifier_of(sealed)
    for position in (1, len(lines)):
        answer = await sealed.get(sealed.office.administrator, f"/v1/audit/receipts/{position}")
        assert answer.headers["Content-Disposition"].endswith(f'-{position}.tlog-proof"')
        receipt = Receipt.parse(answer.text)
        assert receipt.position == position
        receipt.proves(lines[position - 1], verifier)


async def test_inclusion_and_consistency_prove_what_checkpoints_say(
    sealed: Served, tmp_path_factory: pytest.TempPathFactory
) -> None:
    reader, verifier = sealed.office.administrator, await verifier_of(sealed)
    await sealed.office.somebody("clerk")
    await seal(sealed, tmp_path_factory)
    listed = (await sealed.get(reader, "/v1/audit/checkpoints", limit=2)).json()
    new, old = (Checkpoint.parse(opened(each["note"], [verifier])[0]) for each in listed["items"])
    answer = (await sealed.get(reader, "/v1/audit/consistency", old=old.size, new=new.size)).json()
    path = [base64.b64decode(each) for each in answer["path"]]
    assert proves_consistency(old.size, old.root, path, new.size, new.root)
    store = await sealed.parts.stores(sealed.office.log_id)
    first = [leaf(line(sealed.office.institution_id, row)) async for page in store.rows(until=1) for row in page]
    for checkpoint in (old, new):
        found = (await sealed.get(reader, "/v1/audit/inclusion/1", size=checkpoint.size)).json()
        path = [base64.b64decode(each) for each in found["path"]]
        assert proves_inclusion(first[0], 0, path, checkpoint.size, checkpoint.root)


async def test_what_is_not_there_or_not_signed_yet_is_told_apart(sealed: Served) -> None:
    reader, head = sealed.office.administrator, await head_of(sealed)
    for path in (
        f"/v1/audit/receipts/{head + 1000}",
        "/v1/audit/receipts/0",
        "/v1/audit/receipts/x",
        "/public/NONE/checkpoint",
    ):
        assert (await sealed.get(reader, path)).status_code == 404, path
    await sealed.office.somebody("clerk")
    for path in (f"/v1/audit/receipts/{head + 1}", f"/v1/audit/inclusion/{head + 1}"):
        waiting = await sealed.get(reader, path)
        assert (waiting.status_code, waiting.json()["type"]) == (404, "/problems/not-signed-yet"), path
        assert waiting.headers["Retry-After"]
    wrong: list[dict[str, Any]] = [{"old": 1}, {"new": 1}, {"old": 2, "new": 1}, {"old": 0, "new": 1}]
    for query in (*wrong, {"old": 1, "new": head + 1000}):
        assert (await sealed.get(reader, "/v1/audit/consistency", **query)).status_code == 400, query
    assert (await sealed.get(reader, "/v1/audit/inclusion/3", size=2)).status_code == 400
    assert (await sealed.http.get("/v1/audit/receipts/1")).status_code == 401


async def test_how_far_tree_and_signer_are_is_told_to_those_who_look_after_them(sealed: Served) -> None:
    lag = (await sealed.get(sealed.office.administrator, "/v1/lag")).json()
    found = {each["follower"]: each for each in lag["followers"]}
    assert found["tree"]["behind"] == found["signed"]["behind"] == 0
    figures = (await sealed.http.get("/metrics")).text
    assert f'biaogan_sealing_lag_seconds{{consumer="signed",log="{sealed.office.log_id}"}} 0.0' in figures
    checks = (await sealed.http.get("/readyz?verbose")).json()["checks"]
    assert checks[f"signed of log {sealed.office.log_id}"] == "ok, 0 behind"
    assert f'biaogan_consumer_lag{{consumer="signed",log="{sealed.office.log_id}"}} 0.0' in figures
