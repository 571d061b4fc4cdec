"""The demonstration as a person runs it: to its end, stopped in the middle and gone on with, started afresh."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import bagit
import msgspec
import pytest

from api.cli.demo import _stage
from api.cli.demo.cast import PEOPLE
from api.cli.demo.story import NOT_PLAYED
from api.cli.serve import StartRefused, listening
from infra.line import check
from infra.note import Checkpoint, Verifier, opened
from infra.settings import load
from tests.conftest import open_folder
from tests.waiting import until
from tests.walks.running import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parent.parent
# A shell has its background jobs ignore Ctrl-C, and they pass that on; a terminal does not.
HEARD = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
COMMAND = HEARD + "import sys; from api.cli import main; sys.exit(main())"
SECONDS = 300.0
LATER = {*map(str, range(26, 37)), *map(str, range(38, 50))}
"""Rows of the years after the selection that are played."""


class Machine:
    """A folder that stands for a machine: what is kept there, what is written there, what runs for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.output = folder / "demo-output"
        self.port = free_port()
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, *options: str, command: str = "demo", **variables: str) -> subprocess.Popen[bytes]:
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BIAOGAN_")},
            "BIAOGAN_STATE_DIR": str(self.state),
            "BIAOGAN_PORT": str(self.port),
            "PYTHONPATH": str(ROOT),
            **variables,
        }
        with (self.folder / "said.txt").open("w") as said, (self.folder / "answer.json").open("w") as answer:
            stdout = answer if "--json" in options else said
            demo = subprocess.Popen(
                [sys.executable, "-c", COMMAND, command, *options], cwd=self.folder, env=env, stdout=stdout,
                stderr=said, start_new_session=True,
            )  # fmt: skip
        self.started.append(demo)
        return demo

    def clear(self) -> None:
        for demo in self.started:
            demo.kill()
            demo.wait()
        until(lambda: not self.running(), "nothing is left")

    def said(self) -> str:
        return (self.folder / "said.txt").read_text()

    def running(self) -> list[int]:
        """Every process that was started for this folder and still runs."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                told = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except (OSError, IndexError):
                continue
            if state != "Z" and str(self.state).encode() in told:
                found.append(int(entry.name))
        return found

    def finish(self, demo: subprocess.Popen[bytes]) -> None:
        assert demo.wait(SECONDS) == 0, self.said()

    def lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.output / name).read_text().splitlines()]

    def table(self, name: str) -> list[dict[str, str]]:
        with (self.output / name).open(newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def machine() -> Iterator[Machine]:
    with open_folder() as folder:
        prepared = Machine(Path(folder))
        yield prepared
        prepared.clear()


@pytest.fixture(scope="module")
def histories() -> list[Counter[str]]:
    """What was played to its end so far."""
    return []


def test_killed_in_the_middle_it_goes_on_and_changes_nothing_that_was_done(
    machine: Machine, histories: list[Counter[str]]
) -> None:
    demo = machine.start()
    until(lambda: "\n[6]" in machine.said() or demo.poll() is not None, "the story at row 6", 180)
    demo.kill()
    demo.wait()
    until(lambda: not machine.running(), "nothing is left")
    (stage,) = (machine.state / "demo").iterdir()
    done = (stage / "journal.jsonl").read_bytes().splitlines()

    machine.finish(machine.start("--keep"))

    assert (stage / "journal.jsonl").read_bytes().splitlines()[: len(done) - 1] == done[:-1]
    receipts = [entry["answer"] for entry in map(json.loads, (stage / "journal.jsonl").read_text().splitlines())]
    commands = Counter(answer["command_id"] for answer in receipts if isinstance(answer, dict) and "events" in answer)
    assert set(commands.values()) == {1}
    _holds(machine)
    root = (machine.output / "root.txt").read_text()

    machine.finish(machine.start("--keep"))

    assert (machine.output / "root.txt").read_text() == root
    assert not machine.running()
    histories.append(_history(machine))


def test_two_that_start_at_once_play_on_stages_and_listen_at_ports_of_their_own(tmp_path: Path) -> None:
    stages = [_stage(tmp_path / "demo", keep=False) for _ in range(2)]
    assert [stage.folder.name for stage in stages] == ["1", "2"]
    assert _stage(tmp_path / "demo", keep=True).folder.name == "2"
    said: list[str] = []
    settings = load({"BIAOGAN_STATE_DIR": str(tmp_path), "BIAOGAN_PORT": str(free_port())})
    with listening(settings, said.append) as one, listening(settings, said.append) as other:
        assert one.getsockname()[1] == settings.port
        assert other.getsockname()[1] > settings.port
    assert len(said) == 1
    with pytest.raises(StartRefused, match="Nothing can listen"):
        listening(msgspec.structs.replace(settings, host="203.0.113.1"), said.append)


def test_stopped_by_ctrl_c_it_leaves_nothing_and_a_second_one_starts_afresh(
    machine: Machine, histories: list[Counter[str]]
) -> None:
    first = machine.start()
    until(lambda: "\n[2]" in machine.said() or first.poll() is not None, "the story at row 2", 180)
    first.send_signal(signal.SIGINT)
    assert first.wait(120) == 130, machine.said()
    assert not machine.running()
    assert "--keep" in machine.said()

    with socket.create_server(("127.0.0.1", machine.port)):
        machine.finish(machine.start("--json"))

    assert f"port {machine.port} is taken" in machine.said()
    assert str(machine.state / "demo" / "1") in machine.said()
    answer = json.loads((machine.folder / "answer.json").read_text())
    assert [str(answer["events"]), answer["root"], "simulated"] == (machine.output / "root.txt").read_text().split()
    assert answer["differences"] == 0
    assert sorted(path.name for path in (machine.state / "demo").iterdir()) == ["1", "2"]
    assert not machine.running()
    histories.append(_history(machine))


def test_played_twice_it_is_the_same_history(machine: Machine, histories: list[Counter[str]]) -> None:
    while len(histories) < 2:
        machine.finish(machine.start())
        histories.append(_history(machine))
    one, other = histories[:2]
    assert one == other
    assert one.total() > 700


def _history(machine: Machine) -> Counter[str]:
    """What happened, when, by whom, to whom and for how much; without the order of what follows by itself at once.

    A document is the one that was named first, second and so on. What is drawn by lot, and positions, are left out.
    """
    papers: dict[str, str] = {}

    def told(value: Any, name: str = "") -> Any:
        match value:
            case dict():
                # The digest and size of a file follow from positions and documents.
                return {
                    key: told(each, key)
                    for key, each in value.items()
                    if not key.endswith("position")
                    and not (value.keys() == {"name", "digest", "size"} and key != "name")
                }
            case list():
                return [told(each, name) for each in value]
            case str() if "document_id" in name:
                return papers.setdefault(value, f"document {len(papers) + 1}")
            case str() if name == "obligation_id":
                # It says at which position it was imposed.
                return value.rstrip("0123456789")
        return "drawn" if name in {"commitment", "salt", "materials_digest"} else value

    kept = ("type", "effective_at", "actor_id", "actor_kind", "authority", "on_behalf_of_id", "reason_code", "data")
    lines = machine.lines("events.jsonl")
    return Counter(json.dumps(told({name: line[name] for name in kept}), sort_keys=True) for line in lines)


def _holds(machine: Machine) -> None:
    """What the papers say."""
    rows = machine.table("timeline.csv")
    by_row = Counter(row["row"] for row in rows)
    assert {"1+2", *map(str, range(3, 26)), *LATER} <= set(by_row)
    _every_row(set(by_row))
    size = _all_but_what_few_may_know(machine, [int(row["position"]) for row in rows])
    (closing,) = [row for row in rows if row["type"] == "application.window_closed.v1"]
    assert (closing["effective_at"], closing["last_day"]) == ("2020-05-31T16:00:00Z", "2020-05-31")
    assert closing["actor_kind"] == "schedule"
    assert [row["state"] for row in machine.table("roster.csv")].count("screened") == 5
    with (machine.output / "events.jsonl").open("rb") as file:
        checked = check(file)
    assert not checked.findings
    (vkey,) = re.findall(r"signed by (\S+) ", machine.said())
    text, _ = opened((machine.output / "checkpoint.txt").read_text(encoding="utf-8"), [Verifier.parse(vkey)])
    signed = Checkpoint.parse(text)
    assert (signed.size, signed.root, signed.extension) == (size, checked.root.digest(), ("simulated",))
    pinned = [str(size), checked.root.digest().hex(), "simulated"]
    assert (machine.output / "root.txt").read_text().split() == pinned
    for name in ("timeline", "roster", "selection", "case-file", "balances", "designations"):
        assert {row["simulated"] for row in machine.table(f"{name}.csv")} == {"true"}
    _money(machine)
    _ledgers(machine)
    _printed(machine)
    _consequences(machine)
    _taken_away(machine)
    _no_secret(machine)
    _refused(machine)


def _money(machine: Machine) -> None:
    """What was allocated is accounted for or came back, source by source and case by case; matching stands apart."""
    rows = [row for row in machine.table("balances.csv") if row["whose"] != "programme"]
    found: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        for name in ("given_fen", "accounted_for_fen", "recovered_fen"):
            for whose in (row["whose"], "all"):
                found[whose, row["source"], name] += int(row[name])
    for whose, source, *yuan in (
        ("all", "budget", 110_000, 105_330, 4_670),
        ("2020-COL-A", "budget", 50_000, 49_750, 250),
        ("2020-BR-1", "budget", 20_000, 19_880, 120),
        ("2020-BR-2", "budget", 20_000, 20_000, 0),
        ("2020-BR-3", "budget", 20_000, 15_700, 4_300),
        ("2020-BR-1", "upper_grant", 20_000, 20_000, 0),
        ("2020-BR-1", "school_match", 20_000, 20_000, 0),
        ("all", "upper_grant", 20_000, 20_000, 0),
        ("all", "school_match", 20_000, 20_000, 0),
    ):
        names = ("given_fen", "accounted_for_fen", "recovered_fen")
        assert [found[whose, source, name] for name in names] == [100 * each for each in yuan], (whose, source)
    budget = [row for row in rows if row["source"] == "budget"]
    carried = {(row["whose"], row["year"]): int(row["carried_forward_fen"]) // 100 for row in budget}
    for year, amounts in (("2020", (1_400, 150, 0, 0)), ("2021", (11_500, 4_150, 3_500, 7_000))):
        assert tuple(carried[f"2020-{unit}", year] for unit in ("COL-A", "BR-1", "BR-2", "BR-3")) == amounts
    said = machine.said()
    assert "allocated 110,000.00 = accounted for 105,330.00 + recovered 4,670.00" in said
    assert "apart: grant 20,000.00, matching 20,000.00" in said


def _ledgers(machine: Machine) -> None:
    """Every month, quarter and year and the cycle, closed by the clock; each file in each form, and the sums."""
    folders = {path.name: path for path in (machine.output / "ledgers").iterdir()}
    assert Counter(name.partition("-")[0] for name in folders) == {"month": 30, "quarter": 10, "year": 3, "cycle": 1}
    by_whom = {
        (row["type"], row["actor_kind"])
        for row in machine.table("timeline.csv")
        if row["type"] in {"funding.period_closed.v1", "funding.ledger_published.v1"}
    }
    assert by_whom == {("funding.period_closed.v1", "schedule"), ("funding.ledger_published.v1", "automation")}
    for path in folders.values():
        row = json.loads((path / "ledger.json").read_text())
        assert row["simulated"]
        assert row["state"] == "published"
        for file in row["files"]:
            assert sha256((path / f"{file['name']}.csv").read_bytes()).hexdigest() == file["digest"]
            assert all((path / f"{file['name']}.{form}").stat().st_size for form in ("excel.csv", "json", "xlsx"))
        assert all((path / f"books.{form}").stat().st_size for form in ("beancount", "journal"))
    said = machine.said()
    for program in ("bean-check", "hledger"):
        assert re.search(rf"    {program}: (asked about the years and the cycle|not on this machine)", said)
    cycle = "allocated · 下达 110,000.00, accounted for · 核销 105,330.00, recovered · 收回 4,670.00"
    assert f"    cycle    2022-09-30  {cycle}" in said


def _every_row(labels: set[str]) -> None:
    """Each row of the calendar is played, or named with the reason why it is not; and never both."""
    played = {number for label in labels for number in label.split("+") if number.isdecimal()} - {"0"}
    assert not played & set(NOT_PLAYED)
    assert played | set(NOT_PLAYED) == set(map(str, range(1, 51)))
    assert all(en and zh for en, zh in NOT_PLAYED.values())


def _all_but_what_few_may_know(machine: Machine, positions: list[int]) -> int:
    """The auditor reads every event of the record but one, the referral to the body of discipline; returns its size."""
    exported = machine.lines("events.jsonl")
    (referred,) = [n for n, line in enumerate(exported, 1) if line["type"] == "accountability.matter_referred.v1"]
    assert positions == [n for n in range(1, len(exported) + 1) if n != referred]
    return len(exported)


def _consequences(machine: Machine) -> None:
    """Three titles without an end, the failed case closed after its appeal, and eight dossiers that add nothing up."""
    register = {row["unit_id"]: row for row in machine.table("designations.csv")}
    assert {unit_id: row["title_zh"] for unit_id, row in register.items()} == {
        "COL-A": "校级党建工作标杆学院", "BR-1": "校级党建工作样板支部", "BR-8": "校级党建工作样板支部",
    }  # fmt: skip
    assert {(row["state"], row["conferred_on"], row["valid_until"]) for row in register.values()} == {
        ("held", "2022-06-30", ""),
    }  # fmt: skip
    file = machine.table("case-file.csv")
    ends = [
        (kind, row["effective_at"][:10])
        for row in file
        for area, _, kind in [row["type"].removesuffix(".v1").partition(".")]
        if area == "accountability" or kind.startswith("case_")
    ]
    assert ends == [
        *((kind, "2022-06-30") for kind in ("finding_recorded", "finding_notified", "statement_received")),
        ("measure_decided", "2022-06-30"), ("circular_issued", "2022-06-30"), ("appeal_lodged", "2022-07-12"),
        ("appeal_dismissed", "2022-08-08"), ("case_closed", "2022-08-08"),
    ]  # fmt: skip
    issued = json.loads((machine.output / "dossiers.json").read_text())
    assert issued["simulated"] is True
    units = {dossier["unit_id"]: dossier for dossier in issued["units"]}
    assert set(units) == {"COL-A", "BR-1", "BR-3", "BR-8"}
    failed = {(line["area"], line["what"], line["matter"]) for line in units["BR-3"]["lines"]}
    assert {("measure", "circular", "not_met"), ("outcome", "closed_without_completion", "not_met")} <= failed
    assert not [line for line in failed if line[0] == "title"]
    terms = {dossier["terms"][-1]["unit_id"]: dossier["terms"] for dossier in issued["secretaries"]}
    assert set(terms) == set(units)
    # Whoever answered for BR-2 until it was merged answers for its successor from then on.
    assert [(term["unit_id"], term["first_day"], term["last_day"]) for term in terms["BR-8"]] == [
        ("BR-2", "2022-01-01", "2022-01-09"), ("BR-8", "2022-01-10", "2022-12-31"),
    ]  # fmt: skip
    for name in ("timeline.csv", "case-file.csv", "dossiers.json"):
        assert "referr" not in (machine.output / name).read_text(), name
    said = machine.said()
    shown = said[said.index("\nDesignation register · ") : said.index("\nLog · ")]
    assert shown.count("held · 持有, 2022-06-30 – not stated · 未载明") == 3
    assert all(dossier["dossier_id"] in shown for dossier in (*issued["units"], *issued["secretaries"]))
    assert all(f"[{number}] {en}" in said for number, (en, _) in NOT_PLAYED.items())


def _printed(machine: Machine) -> None:
    """Whoever watches reads the roster, every trace with its waiver, one case file, the root and the replay."""
    said = machine.said()
    roster = said[said.index("\nRoster · ") : said.index("\nEligibility, rule by rule · ")]
    assert roster.count(" screened · 初审通过\n") == 5
    traces = said[said.index("\nEligibility, rule by rule · ") : said.index("\nCase file of ")]
    assert all(f"    {row['unit_id']} " in traces for row in machine.table("roster.csv"))
    assert traces.count("→ waived · 已豁免") == 1
    assert traces.count("waived · 已豁免") == 2, "once as the standing, once beside the rule that was waived"
    assert "established_two_years        not_met" in traces
    assert "no_major_incident            not_met" in traces
    file = said[said.index("\nCase file of ") : said.index("\nDesignation register · ")]
    assert [line.split()[0] for line in file.splitlines() if line.startswith("    #")] == [
        f"#{row['position']}" for row in machine.table("case-file.csv")
    ]
    size, root, _ = (machine.output / "root.txt").read_text().split()
    assert f"Log · 日志: {size} events, root {root}" in said
    assert "Replay · 重放核对: 0 differences" in said
    trials = json.loads((machine.output / "refusals.json").read_text())
    assert all(f"{trial['status']} {trial['kind']}" in said for trial in trials)


def _refused(machine: Machine) -> None:
    """At every stage at least three acts were refused, each with its sentence in both languages."""
    trials = json.loads((machine.output / "refusals.json").read_text())
    stages = Counter(trial["row"] for trial in trials)
    assert set(stages) == {"2", *map(str, range(4, 23)), "25", *LATER}
    assert min(stages.values()) >= 3
    assert all(trial["en"] and trial["zh"] and trial["status"] in range(400, 500) for trial in trials)
    kinds = {trial["kind"] for trial in trials}
    assert {"not-permitted", "quota-exhausted", "not-eligible", "rule-not-waivable", "window-closed"} <= kinds
    assert {"second-person-missing", "stage-exceeded", "gate-closed", "bank-reference-used", "year-cut-off"} <= kinds
    assert {"recused-from", "mark-out-of-range", "quorum-not-reached", "vote-not-carried", "checks-missing"} <= kinds


def _taken_away(machine: Machine) -> None:
    """The auditor's bundle is clean where nothing of the product is, and names a fen that is added to a copy."""
    said = machine.said()[machine.said().index("\nBundle for the auditor · ") :]
    for program, steps in (("verify.py", "V0 V1 V2 V3 V4 V5 V6 V7 V9 V10"), ("replay.py", "V8 V9")):
        assert re.findall(rf"^    {re.escape(program)}  (V\d+) +ok · 通过", said, re.MULTILINE) == steps.split()
    (position,) = re.findall(r"a fen is added at position (\d+) of a copy", said)
    assert f"    V2   #{position} " in said
    assert bagit.Bag(str(machine.output / "bundle")).is_valid()


def _no_secret(machine: Machine) -> None:
    """No token and no name in what it leaves, and nothing that the schedule is to do among what it sent."""
    for path in machine.output.rglob("*"):
        # What the bundle holds sealed, and its programs and rules, are no papers of the story.
        is_read = machine.output / "bundle" not in path.parents or path.suffix in {".jsonl", ".csv"}
        if path.is_dir() or path.suffix == ".xlsx" or not is_read:
            continue
        text = path.read_text()
        assert "bg_" not in text, path
        assert not [person.name for person in PEOPLE if person.name in text], path
    sent = machine.lines("http.jsonl")
    assert [line["n"] for line in sent] == list(range(1, len(sent) + 1))
    by_itself = ("/window/close", "/scoring/close", "/publicities/selection-2020/close", "/confirm")
    asked = [line for line in sent if line["path"].endswith(by_itself) and line["status"] < 400]
    assert not asked
