"""Notes and proofs before verifiers that nobody here wrote: Go's ``sumdb/note`` and ``sumdb/tlog``, where they are."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from infra.note import Checkpoint, Signer, signed
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
