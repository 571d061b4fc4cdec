"""Keys that sign checkpoints: announced under the one before, overlapping with it, and ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from domain.audit.events import SigningKeyAnnounced, SigningKeyEnded
from domain.audit.signing_key import (
    AnnounceSigningKey,
    EndSigningKey,
    SigningKeyAlreadyEnded,
    SigningKeyFollowsItself,
    SigningKeyKnown,
    SigningKeyNotSucceeded,
)
from domain.ids import InstitutionId
from infra.master_key import read_key_file
from infra.note import Checkpoint, NoteRefused, Signer, Verifier, opened, signed
from infra.receipt import Receipt, ReceiptRefused
from tests.conftest import Database
from tests.scheduling import eventually
from tests.spec import INSTITUTION, given

FIRST, SECOND, THIRD = "1" * 64, "2" * 64, "3" * 64
ROOT = Path(__file__).resolve().parent.parent
PROGRAM = "import sys; from api.cli import main; sys.exit(main())"


def announced(key: str, former: str, institution: InstitutionId = INSTITUTION) -> SigningKeyAnnounced:
    return SigningKeyAnnounced(institution_id=institution, public_key=key, former_public_key=former)


def ended(key: str) -> SigningKeyEnded:
    return SigningKeyEnded(institution_id=INSTITUTION, public_key=key)


def announce(key: str, former: str) -> AnnounceSigningKey:
    return AnnounceSigningKey(public_key=key, former_public_key=former)


def test_a_key_is_announced_after_another_and_the_former_one_ends() -> None:
    past = given().when(announce(SECOND, FIRST)).then(announced(SECOND, FIRST))
    past = past.when(EndSigningKey(public_key=FIRST)).then(ended(FIRST))
    past.when(announce(THIRD, SECOND)).then(announced(THIRD, SECOND))


def test_no_key_is_announced_twice_or_after_itself_or_after_one_that_has_ended() -> None:
    past = given(announced(SECOND, FIRST))
    past.when(announce(SECOND, FIRST)).refused(SigningKeyKnown, public_key=SECOND)
    past.when(announce(FIRST, SECOND)).refused(SigningKeyKnown, public_key=FIRST)
    given().when(announce(FIRST, FIRST)).refused(SigningKeyFollowsItself, field="public_key")
    past.and_(ended(FIRST)).when(announce(THIRD, FIRST)).refused(SigningKeyAlreadyEnded, public_key=FIRST)


def test_only_a_key_that_another_follows_ends_and_only_once() -> None:
    given().when(EndSigningKey(public_key=FIRST)).refused(SigningKeyNotSucceeded, public_key=FIRST)
    past = given(announced(SECOND, FIRST))
    past.when(EndSigningKey(public_key=SECOND)).refused(SigningKeyNotSucceeded, public_key=SECOND)
    past.and_(ended(FIRST)).when(EndSigningKey(public_key=FIRST)).refused(SigningKeyAlreadyEnded, public_key=FIRST)


def test_two_rotations_at_once_are_a_race_and_another_institution_is_not() -> None:
    for asked in (
        given().when(announce(SECOND, FIRST)),
        given(announced(SECOND, FIRST)).when(EndSigningKey(public_key=FIRST)),
    ):
        asked.meanwhile(announced(THIRD, FIRST), ended(FIRST)).is_raced()
        asked.meanwhile(announced(SECOND, FIRST, InstitutionId("OTHER"))).is_undisturbed()


# --- with the real signer ---------------------------------------------------------------------------------------------


@dataclass
class Machine:
    """A machine on which sealer and signer run, and a person at its terminal."""

    database: Database
    state: Path

    @property
    def env(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BIAOGAN_")}
        return {**kept, "BIAOGAN_DATABASE_URL": self.database.app_url, "BIAOGAN_STATE_DIR": str(self.state)}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", PROGRAM, *arguments]
        return subprocess.run(command, env=self.env, cwd=ROOT, capture_output=True, text=True, check=False)

    def answer(self, *arguments: str) -> Any:
        ran = self.run(*arguments, "--json")
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    @contextmanager
    def processes(self, *names: str) -> Iterator[None]:
        command = [sys.executable, "-m"]
        started = [
            subprocess.Popen([*command, f"workers.{name}"], env=self.env, cwd=ROOT, stderr=subprocess.DEVNULL)
            for name in names
        ]
        try:
            yield
        finally:
            for process in started:
                process.terminate()
            assert [process.wait() for process in started] == [0] * len(started)


@pytest.mark.slow
async def test_a_new_key_is_announced_overlaps_and_takes_over_and_a_stranger_s_is_refused(
    database: Database, tmp_path: Path, superuser: asyncpg.Connection
) -> None:
    machine = Machine(database, tmp_path / "state")
    names = ("--name-zh", "大学", "--name-en", "University", "--administrator", "欧阳锋")
    machine.answer("institution", "open", "--id", "main", *names)
    with machine.processes("sealer", "signer"):
        await eventually(lambda: superuser.fetchval("SELECT max(size) FROM signed_checkpoint"), "the opening is signed")
        first = machine.answer("audit", "checkpoint")["vkeys"][0]
        begun = machine.answer("audit", "rotate-key")
        assert machine.run("audit", "rotate-key").returncode == 3
        over = machine.answer("audit", "rotate-key", "--end")
        # What is recorded next is signed by the new key alone.
        machine.answer("audit", "rotate-key")
    keys = read_key_file(tmp_path / "state" / "signer" / "signer.key")
    assert len(keys.former) == 1
    second = begun["vkeys"]["main"]
    assert over["vkeys"]["main"] == second != first

    old, new = Verifier.parse(first), Verifier.parse(second)
    notes = await superuser.fetch("SELECT size, note FROM signed_checkpoint ORDER BY size")
    holders = {row["size"]: set(opened(row["note"], [old, new])[1]) for row in notes}
    covering = min(size for size in holders if size >= begun["announced"]["main"])
    assert holders[covering] == {old}, "announced while the old key signed alone"
    assert holders[over["ended"]["main"]] == {old, new}
    assert holders[max(holders)] == {new}

    # Whoever trusts the old key learns of the new one from a receipt, and of no other.
    export, receipt = tmp_path / "events.jsonl", tmp_path / "announced.tlog-proof"
    assert machine.run("events", "export", "-o", str(export)).returncode == 0
    machine.answer("audit", "receipt", str(begun["announced"]["main"]), "-o", str(receipt))
    checked = machine.answer("audit", "check-receipt", str(receipt), "--line", str(export), "--key", first)
    assert checked["announces"] == second
    newest = Checkpoint.parse(opened(notes[-1]["note"], [new])[0])
    stranger = signed(newest.text(), [Signer.fresh("main")])
    with pytest.raises(NoteRefused, match="no known key"):
        opened(stranger, [old, new])
    told = Receipt.parse(receipt.read_text())
    line = export.read_bytes().splitlines()[told.index]
    with pytest.raises(ReceiptRefused, match="no known key"):
        Receipt(told.index, told.path, signed(opened(told.note, [old])[0], [Signer.fresh("main")])).proves(line, old)
