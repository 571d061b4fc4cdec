"""Notes, proofs and bundles before verifiers that nobody here wrote: Go's ``sumdb/note`` and ``sumdb/tlog``, OpenSSL,
pymerkle and bagit, where they are; what is not there is skipped by name.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import random
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import bagit
import pymerkle
import pytest
import pytest_asyncio

from infra.embedded import EmbeddedPostgres
from infra.note import Checkpoint, Signer, signed
from infra.tree import Held, Tree
from tests.bundles import closed, database_like, exported, filled, vkey
from tests.test_funding_story import played
from tests.test_tree import ALL, LEAVES, root, tree

SOURCE = Path(__file__).with_name("judges") / "tlog.go"
GOPATH = Path("/usr/share/gocode")
"""Where distributions put the source of Go packages."""
SIGNER = Signer.fresh("office-1")
Judge = Callable[[Sequence[str]], list[bool]]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    go = shutil.which("go")
    if go is None or not (GOPATH / "src" / "golang.org" / "x" / "mod" / "sumdb").is_dir():
        pytest.skip("Go and its golang.org/x/mod are not on this machine")
    folder = tmp_path_factory.mktemp("judge")
    env = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GOPATH), "GOCACHE": str(folder / "cache")}
    subprocess.run([go, "build", "-o", str(folder / "judge"), str(SOURCE)], env=env, check=True, capture_output=True)

    def judged(cases: Sequence[str]) -> list[bool]:
        lines = "".join(f"{case}\n" for case in cases)
        said = subprocess.run(
            [folder / "judge"], input=lines, capture_output=True, text=True, check=True
        ).stdout.split()
        assert len(said) == len(cases)
        return [word == "yes" for word in said]

    return judged


def encoded(*hashes: bytes) -> str:
    return " ".join(base64.b64encode(each).decode() for each in hashes)


def noted(note: str, vkey: str) -> str:
    return f"note {vkey} {base64.b64encode(note.encode()).decode()}"


def test_go_opens_a_signed_checkpoint_and_none_that_was_changed(judge: Judge) -> None:
    note = signed(Checkpoint("office-1", 300, root(300), ("simulated",)).text(), [SIGNER])
    vkey = str(SIGNER.verifier)
    other = str(Signer.fresh("office-1").verifier)
    changed = note.replace("300", "301", 1)
    assert judge([noted(note, vkey), noted(changed, vkey), noted(note, other)]) == [True, False, False]


def test_go_finds_every_record_and_every_tree_consistent_up_to_130(judge: Judge) -> None:
    records, wrong, trees = [], [], []
    for size in range(1, 131):
        for index in {0, size // 3, size - 1}:
            path = encoded(*asyncio.run(tree(ALL).inclusion(index, size)))
            records.append(f"record {size} {encoded(root(size))} {index} {encoded(LEAVES[index])} {path}")
            wrong.append(f"record {size} {encoded(root(size))} {index} {encoded(LEAVES[index + 1])} {path}")
        for old in {1, size // 2, size - 1, size} - {0}:
            path = encoded(*asyncio.run(tree(ALL).consistency(old, size)))
            trees.append(f"tree {size} {encoded(root(size))} {old} {encoded(root(old))} {path}")
            wrong.append(f"tree {size} {encoded(root(size))} {old} {encoded(root(old + 1))} {path}")
    assert all(judge(records))
    assert all(judge(trees))
    assert not any(judge(wrong))


# --- a bundle --------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module")
async def bundle(
    server: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Path]:
    """The bundle of a generated programme."""
    folder = tmp_path_factory.mktemp("bundle")
    async with database_like(server, template) as database:
        await filled(database, folder / "vault.key", closed(played(random.Random(29)), ("year",)))
        await exported(database, folder / "vault.key", folder / "bundle")
    yield folder / "bundle"


def lines_and_notes(bundle: Path) -> tuple[list[bytes], list[str]]:
    lines = (bundle / "data" / "log.jsonl").read_bytes().split(b"\n")[:-1]
    told = (bundle / "data" / "checkpoints.jsonl").read_text(encoding="utf-8").splitlines()
    return lines, [json.loads(each)["note"] for each in told]


def test_go_opens_every_checkpoint_of_a_bundle_and_finds_every_line_under_the_last(judge: Judge, bundle: Path) -> None:
    lines, notes = lines_and_notes(bundle)
    assert all(judge([noted(note, vkey()) for note in notes]))
    leaves = [hashlib.sha256(b"\x00" + line).digest() for line in lines]
    _, size, root_of_all = notes[-1].split("\n")[:3]
    assert int(size) == len(lines)
    tiles = {(0, n): b"".join(leaves[n * 256 : (n + 1) * 256]) for n in range(-(-len(leaves) // 256))}

    async def fetch(asked: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Held]:
        return {tile: Held(tiles[tile]) for tile in asked if tile in tiles}

    paths = [encoded(*asyncio.run(Tree(fetch).inclusion(index, len(leaves)))) for index in range(0, len(leaves), 7)]
    records = [
        f"record {size} {root_of_all} {index * 7} {encoded(leaves[index * 7])} {path}"
        for index, path in enumerate(paths)
    ]
    assert all(judge(records))


def test_pymerkle_makes_the_root_of_a_checkpoint_from_the_lines_of_a_bundle(bundle: Path) -> None:
    lines, notes = lines_and_notes(bundle)
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for line in lines:
        tree.append_entry(line)
    for note in notes:
        _, size, told = note.split("\n")[:3]
        assert base64.b64encode(tree.get_root(int(size))).decode() == told


def test_openssl_finds_the_signature_of_a_checkpoint_and_none_of_another_text(bundle: Path, tmp_path: Path) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not on this machine")
    *_, note = lines_and_notes(bundle)[1]
    text, _, tail = note.rpartition("\n\n")
    raw = base64.b64decode(vkey().rpartition("+")[2])[1:]
    # The fixed head of an Ed25519 key in SubjectPublicKeyInfo (RFC 8410).
    (tmp_path / "key.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + raw)
    (tmp_path / "signature").write_bytes(base64.b64decode(tail.split()[-1])[4:])
    verdicts = []
    for said in (f"{text}\n", f"{text}\nmore\n"):
        (tmp_path / "text").write_text(said, encoding="utf-8")
        argv = [program, "pkeyutl", "-verify", "-pubin", "-inkey", "key.der", "-keyform", "DER", "-rawin"]
        ran = subprocess.run(
            [*argv, "-in", "text", "-sigfile", "signature"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        verdicts.append(ran.returncode)
    assert verdicts[0] == 0
    assert verdicts[1] != 0


def test_bagit_of_the_library_of_congress_takes_a_bundle_and_refuses_a_changed_one(bundle: Path) -> None:
    assert bagit.Bag(str(bundle)).is_valid()
    log = bundle / "data" / "log.jsonl"
    before = log.read_bytes()
    log.write_bytes(before.replace(b"1", b"2", 1))
    assert not bagit.Bag(str(bundle)).is_valid()
    log.write_bytes(before)
