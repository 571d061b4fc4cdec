"""Judging a bundle offline, against a loop that parses each line with the standard library and hashes it.

``python -m bench.audit [--rounds 5] [--events 200000] [--json FILE]``

The record is money: of each case an allocation, a commitment, a payment asked for by one and approved by another, and
what was accounted for; every thousandth event ends a checkpoint. Folding is the recomputation of book B.
"""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from api.cli.bundle import verify as program
from api.event_catalogue import page
from bench import compare, scene
from bench.compare import Comparison, Contender, Goal, Measured
from infra.bundle import Bag, tree_digest
from infra.line import VERSION, Root, leaf, line
from infra.note import Checkpoint, Signer, signed

LOG, CALL = "bench", "call-2020"
PERSONS = {f"a-{number}": f"00000000-0000-4000-8000-00000000000{number}" for number in range(2)}
LOOP, FULL, LINES = "json.loads and SHA-256", "verify.py", "verify.py, without book B"
BEGAN = datetime(2020, 6, 1, tzinfo=UTC)
SEALED_EVERY = 1000
MEGABYTES = 300


def facts() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Type, authority and body of one event after another, without end."""
    opening = {"institution_id": LOG, "name_zh": "例", "name_en": "B", "time_zone": "Asia/Shanghai", "clock": "real"}
    yield "institution.opened.v1", "founding", {**opening, "starts_at": None}
    for authority, person_id in PERSONS.items():
        held = {"appointment_id": authority, "person_id": person_id, "role": "finance", "unit_id": None}
        body = {**held, "institution_id": LOG, "first_day": "2020-01-01", "last_day": None}
        yield "person.appointed.v1", "founding", body
    number = 0
    while True:
        number += 1
        of: dict[str, Any] = {
            "application_id": f"COL-{number % 500}", "programme_id": CALL, "track_id": "college", "unit_id": "U-1",
            "source": "budget", "year": 2020, "amount_fen": 100_000 + number % 977, "occurred_on": None,
        }  # fmt: skip
        rests_on = {"rule_position": 3, "gates": [{"gate": "case_running", "position": 3}]}
        ends = {"carry_over": "carry", "cutoff_at": "2020-12-25T16:00:00Z", "cutoff_on": "2020-12-25"}
        payment = {**of, "payment_id": f"P-{number}", "money_flow": "advance", "category": None}
        until = {"expires_at": "2020-07-30T16:00:00Z", "last_day": "2020-07-30", "evidence_document_id": None}
        spent = {"category": "training", "evidence_document_id": "0" * 64, "rule_position": 3}
        first, second = PERSONS
        yield "funding.allocated.v1", first, {**of, **rests_on, **ends}
        yield "funding.committed.v1", first, of
        yield "funding.payment_requested.v1", first, {**payment, **rests_on, **until}
        yield "funding.payment_approved.v1", second, {**of, "payment_id": f"P-{number}", "gates": rests_on["gates"]}
        yield "funding.payment_posted.v1", first, {**payment, "unpaid_fen": 0, "bank_reference": f"B-{number}"}
        yield "funding.expenditure_accounted.v1", first, {**of, **spent}


def row(position: int, kind: str, authority: str, body: dict[str, Any]) -> dict[str, Any]:
    """The row of the record that an event would be."""
    tags = sorted(
        f"{name.removesuffix('_id')}:{value}" for name, value in body.items() if name.endswith("_id") and value
    )
    at, command = BEGAN + timedelta(seconds=position), UUID(int=max(3, position))
    return {
        "position": position, "event_id": UUID(int=position), "type": kind, "tags": tags, "documents": [],
        "data": json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode(),
        "actor_id": PERSONS.get(authority, PERSONS["a-0"]), "actor_kind": "person", "authority": authority,
        "on_behalf_of_id": None, "command_id": command, "cause": None, "correlation_id": command, "received_at": at,
        "effective_at": at, "recorded_at": at, "reason_code": None, "reason_document_id": None, "line_version": VERSION,
        "nonce": hashlib.sha256(str(position).encode()).digest()[:16],
    }  # fmt: skip


def write(bag: Bag, events: int, signer: Signer) -> None:
    """Fill a bag with a record of so many events."""
    root, notes = Root(), []
    with bag.file("data/log.jsonl") as lines, bag.file("data/leaves.bin") as leaves:
        for position, (kind, authority, body) in zip(range(1, events + 1), facts(), strict=False):
            canonical = line(LOG, row(position, kind, authority, body))
            lines.write(canonical + b"\n")
            leaves.write(leaf(canonical))
            root.add(leaf(canonical))
            if position % SEALED_EVERY == 0 or position == events:
                at = (BEGAN + timedelta(seconds=position)).isoformat(timespec="microseconds")[:26] + "Z"
                notes.append(
                    {"note": signed(Checkpoint(LOG, position, root.digest()).text(), [signer]), "signed_at": at}
                )
    told = {"format": program.FORMAT, "log": LOG, "programme_id": None, "simulated": False, "size": events}
    rules = {"one.py": b"1\n"}
    told["rules"] = tree_digest(rules)
    bag.write(f"data/rules/{told['rules']}/one.py", rules["one.py"])
    bag.write("data/checkpoints.jsonl", "".join(f"{program.canonical(each)}\n" for each in notes).encode())
    bag.write("data/event-catalogue.md", page().encode())
    bag.write("data/bundle.json", f"{program.canonical(told)}\n".encode())
    bag.finish({})


def passes(once: Callable[[], int]) -> Callable[[float], Awaitable[Measured]]:
    """Whole passes over the bundle, one at least, in processor time: nothing here waits for anything."""

    async def run(seconds: float) -> Measured:
        done, began = 0, time.process_time()
        while not done or time.process_time() - began < seconds:
            done += once()
        return Measured(done, time.process_time() - began)

    return run


def parsed_and_hashed(bundle: Path) -> int:
    done = 0
    with (bundle / "data" / "log.jsonl").open("rb") as lines:
        for raw in lines:
            json.loads(raw)
            hashlib.sha256(raw).digest()
            done += 1
    return done


def judged(bundle: Path, vkey: str, *, books: bool) -> int:
    report = program.verify(bundle, [vkey], [], books=books)
    if not report["clean"]:
        raise SystemExit(f"the bundle is not clean: {report['findings'][:2]}")
    return int(report["checked"]["lines"])


def megabytes(bundle: Path, vkey: str) -> float:
    """The most memory that verify.py holds, in a process of its own."""
    argv = [sys.executable, "-I", str(Path(program.__file__)), str(bundle), "--key", vkey]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


async def main() -> bool:
    parser = compare.arguments("Offline verification side by side")
    parser.add_argument("--events", type=int, default=200_000)
    asked = parser.parse_args()
    signer = Signer.fresh(LOG)
    vkey = str(signer.verifier)
    with tempfile.TemporaryDirectory() as folder:
        with Bag(Path(folder) / "bundle") as bag:
            write(bag, asked.events, signer)
        bundle = Path(folder) / "bundle"
        length = (bundle / "data" / "log.jsonl").stat().st_size // asked.events
        table = Comparison(
            f"judging a bundle of {asked.events:,} events, {length} bytes a line",
            LOOP,
            [
                Contender(LOOP, passes(lambda: parsed_and_hashed(bundle))),
                Contender(FULL, passes(lambda: judged(bundle, vkey, books=True))),
                Contender(LINES, passes(lambda: judged(bundle, vkey, books=False))),
            ],
            [Goal(FULL, LOOP, round(1 / 3.2, 3)), Goal(LINES, LOOP, round(1 / 2.3, 3))],
        )
        most = megabytes(bundle, vkey)
        met = await compare.play([table], asked, {"events": asked.events, "megabytes": round(most)})
    print(f"memory of verify.py: {most:.0f} MB ({MEGABYTES} MB are asked for 1,000,000 events)")
    return met and most <= MEGABYTES


if __name__ == "__main__":
    sys.exit(scene.run(main()))
