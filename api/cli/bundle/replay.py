#!/usr/bin/env python3
"""Folds the lines of a bundle by the rules that lie in it, and holds the result against what was published.

    python3 replay.py [BUNDLE] [--json]

BUNDLE is the folder this file lies in, unless another is named. The rules run in a process of their own that finds
nothing but them and the packages msgspec, eventsourcing and typing_extensions, and that may open no connection, start
no process and write no file. What this proves: the published registers, rosters and ledgers follow from these lines
under these rules, which lie in the bundle to be read. Whether the lines are those that were signed, verify.py says.
Where beancount (bean-check) or hledger is installed, it adds up the entries of every closed ledger by itself and
compares each balance with the published one; where it is not, the report says so.
Exit code: 0 nothing was found, 1 something was, 2 it could not be run.

以导出包所附规则重放各行,并与已发布的名册、登记簿、账簿逐字节比对。
本机装有 beancount(bean-check)或 hledger 的,由其自行汇总各结账账簿的分录并核对每一余额;未安装的,报告中注明。
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

LIBRARIES: Final = ("msgspec", "eventsourcing", "typing_extensions.py")
STEPS: Final = {
    "V8": ("registers and rosters folded from the lines are those published", "重放所得名册与登记簿与已发布者一致"),
    "V9": ("ledgers folded from the lines are those published", "重放所得账簿与已发布者一致"),
}  # fmt: skip
SENTENCES: Final = {
    "rules": ("the rules are not those that their digest names", "规则与其摘要不符"),
    "fold": ("the rules do not take this line in ({why})", "规则无法处理该行({why})"),
    "absent": ("{file} follows from the lines and was not published", "{file} 应由记录得出而未发布"),
    "extra": ("{file} was published and does not follow from the lines", "{file} 已发布而记录中并无依据"),
    "differs": (
        "{file} differs from line {line} on: published {published!r}, folded {folded!r}",
        "{file} 自第 {line} 行起不同:已发布 {published!r},重放所得 {folded!r}",
    ),
    "broke": ("the rules could not be run: {why}", "规则无法运行:{why}"),
    "judge": (
        "{program} does not come to the balances of {file}: {why}",
        "{program} 汇总结果与 {file} 的余额不符:{why}",
    ),
}
PROGRAMS: Final = {"bean-check": ("bean-check",), "hledger": ("hledger", "check", "-s", "-f")}
"""Who adds up the books besides the rules, each by the command to which a journal is named."""
RAN: Final = ("added up {count} closed ledgers", "已汇总核对 {count} 份结账账簿")
NOT_RUN: Final = ("not run: it is not installed here", "未运行:本机未安装")
PROVES: Final = (
    "The published files follow from these lines under these rules, which lie in the bundle to be read.",
    "已发布文件由上述记录依所附规则得出;规则在导出包中可供查阅。",
)
_SHOWN: Final = 300
_FORBIDDEN: Final = (
    "socket.",
    "subprocess.",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.system",
    "ctypes.",
    "shutil.",
)
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Unusable(Exception):
    """The bundle cannot be folded here; the sentence says why."""


def _finding(step: str, code: str, position: int = 0, **figures: object) -> dict[str, Any]:
    en, zh = (sentence.format(**figures) for sentence in SENTENCES[code])
    return {"step": step, "code": code, "position": position, "file": figures.get("file"), "en": en, "zh": zh}


def _step_of(path: str) -> str:
    return "V9" if path.startswith("ledgers/") else "V8"


# --- in the process of the rules -------------------------------------------------------------------------------------


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook (PEP 578): no connection, no process, no file written."""
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING
    if writes or event.startswith(_FORBIDDEN):
        raise PermissionError(f"the rules may not do this: {event}")


def _fold(bundle: Path, programme_id: str | None, *, books: bool) -> Iterator[dict[str, Any]]:
    """What the rules make of the lines, compared with what was published; every file by its path and its digest."""
    # The rules are found only here, in the process that was made for them.
    from projections import published  # noqa: PLC0415

    publication, number = published.Publication(ZoneInfo, programme_id), 0
    with (bundle / "data" / "log.jsonl").open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                publication.take(published.recorded_of(line))
            except Exception as fault:  # noqa: BLE001 - Whatever the rules raise is a finding about this line.
                why = f"line {number}: {type(fault).__name__}"
                yield _finding("V8", "fold", _position(line), why=why)
    yield {"lines": number}
    for file in publication.files():
        yield from _compared(bundle / "data" / "published" / file.path, file)
    # The rules of an earlier bundle may not tell single entries.
    credit = getattr(published, "CREDIT_SIDE", None)
    for closed in publication.ledgers.books() if books and credit else ():
        yield {"closed": closed.path, "position": closed.position, "day": f"{closed.last_day}", "credit": credit}
        yield from ({"entry": (f"{entry.day}", *entry[1:])} for entry in closed.entries)


def _position(line: bytes) -> int:
    try:
        found = json.loads(line)["position"]
    except (ValueError, KeyError, TypeError):
        return 0
    return found if isinstance(found, int) else 0


def _compared(there: Path, file: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - A file of the rules in the bundle.
    """The digest of what was folded, and the first line in which what was published is another."""
    from projections.kernel import canonical_csv  # noqa: PLC0415 - As above.

    digest, first = hashlib.sha256(), None
    with there.open("rb") if there.is_file() else nullcontext(BytesIO()) as published:
        number = 0
        for number, line in enumerate(canonical_csv(file.table), 1):
            digest.update(line)
            other = published.read(len(line)) if first is None else b""
            if first is None and other != line:
                first = (number, other + published.readline(), line)
        if first is None and (rest := published.readline()):
            first = (number + 1, rest, b"")
    yield {"file": file.path, "sha256": digest.hexdigest()}
    if not there.is_file():
        yield _finding(_step_of(file.path), "absent", max(file.positions, default=0), file=file.path)
    elif first is not None:
        line_number, other, folded = first
        row = line_number - 2  # After the headings.
        position = file.positions[row] if 0 <= row < len(file.positions) else 0
        told = {
            "published": other.decode(errors="replace").rstrip()[:_SHOWN],
            "folded": folded.decode().rstrip()[:_SHOWN],
        }
        yield _finding(_step_of(file.path), "differs", position, file=file.path, line=line_number, **told)


def _in_the_process_of_the_rules(rules: str, libraries: str, bundle: str, programme_id: str, books: str) -> int:
    sys.path[:0] = [rules, libraries]
    sys.dont_write_bytecode = True
    sys.addaudithook(_refuse)
    # Whatever the rules print is no answer of ours.
    answer, sys.stdout = sys.stdout, sys.stderr
    for told in _fold(Path(bundle), programme_id or None, books=bool(books)):
        answer.write(json.dumps(told) + "\n")
    return 0


# --- around it -------------------------------------------------------------------------------------------------------


def _libraries(into: Path) -> None:
    """Lay what the rules need, and nothing else of this environment, where they will find it."""
    for name in LIBRARIES:
        found = next((Path(place, name) for place in sys.path if Path(place, name).exists()), None)
        if found is None:
            raise Unusable(
                f"{name.partition('.')[0]} is not installed here: python3 -m pip install msgspec eventsourcing"
                " · 请先安装 msgspec 与 eventsourcing"
            )
        (into / name).symlink_to(found.resolve())


def _tree_digest(home: Path) -> str:
    files = sorted((path.relative_to(home).as_posix(), path) for path in home.rglob("*") if path.is_file())
    lines = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n" for name, path in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def _about(bundle: Path) -> dict[str, Any]:
    try:
        told = json.loads((bundle / "data" / "bundle.json").read_bytes())
        if told["format"] == "biaogan-bundle/1" and isinstance(told["rules"], str):
            return dict(told)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise Unusable(f"{bundle} is no bundle that this program knows. 不是本程序可识别的导出包。")


def replay(bundle: Path) -> dict[str, Any]:
    """Fold and compare; the report as data. Raises Unusable."""
    bundle = bundle.resolve()
    about = _about(bundle)
    home = bundle / "data" / "rules" / about["rules"]
    findings: list[dict[str, Any]] = []
    checked = {"lines": 0, "files": 0}
    if _tree_digest(home) != about["rules"]:
        findings.append(_finding("V8", "rules"))
    judges = Judges(bundle / "data" / "published")
    with tempfile.TemporaryDirectory() as libraries, tempfile.TemporaryFile("w+", encoding="utf-8") as answer:
        _libraries(Path(libraries))
        argv = [
            # Isolated, without what is installed: on its path lie the standard library, the rules and three packages.
            *(sys.executable, "-I", "-S", "-B", str(Path(__file__).resolve()), "--in-the-process-of-the-rules"),
            *(str(home), libraries, str(bundle), about.get("programme_id") or "", " ".join(judges.programs)),
        ]
        ran = subprocess.run(
            argv, stdout=answer, stderr=subprocess.PIPE, check=False, cwd=libraries, env={}, encoding="utf-8"
        )
        answer.seek(0)
        folded = {}
        for told in map(json.loads, answer):
            if "step" in told:
                findings.append(told)
            elif "file" in told:
                folded[told["file"]] = told["sha256"]
            elif "lines" in told:
                checked.update(told)
            else:
                findings += judges.take(told)
        findings += judges.close()
    if ran.returncode != 0:
        findings.append(_finding("V8", "broke", why=(ran.stderr.strip().splitlines() or ["?"])[-1]))
    checked["files"] = len(folded)
    findings += _by_digest(bundle / "data" / "published", folded, {one["file"] for one in findings})
    steps = {
        step: {"en": en, "zh": zh, "findings": sum(1 for one in findings if one["step"] == step)}
        for step, (en, zh) in STEPS.items()
    }
    proves = {"en": PROVES[0], "zh": PROVES[1]}
    return {
        "bundle": str(bundle), "rules": about["rules"], "clean": not findings, "checked": checked, "steps": steps,
        "findings": findings, "added_up_by": judges.told(), "proves": proves,
    }  # fmt: skip


class Judges:
    """Other people's accounting programs, as far as they are installed here; each adds up every closed ledger.

    A journal holds the entries as the rules make them, and states of every account the balance that was published.
    """

    def __init__(self, published: Path) -> None:
        places = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
        found = {name: shutil.which(name, path=places) for name in PROGRAMS}
        self.programs = {name: path for name, path in found.items() if path}
        self._published = published
        self._counts = dict.fromkeys(PROGRAMS, 0)
        self._journal: Journal | None = None

    def take(self, told: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Take in a closed ledger, or an entry of it; what is found of the ledger before."""
        if "entry" not in told:
            yield from self.close()
            self._journal = Journal(told)
        elif self._journal is not None:
            self._journal.add(told["entry"])

    def close(self) -> Iterator[dict[str, Any]]:
        """Have the ledger that was taken in judged."""
        journal, self._journal = self._journal, None
        if journal is not None:
            with journal.entries:
                yield from self._judged(journal, self._published / journal.path)

    def _judged(self, journal: Journal, trial_balance: Path) -> Iterator[dict[str, Any]]:
        with tempfile.TemporaryDirectory() as folder:
            try:
                written = journal.write(Path(folder), trial_balance)
            except (OSError, KeyError, TypeError, ValueError, csv.Error):
                return  # It is missing, or no trial balance: that is a finding already.
            for name, program in self.programs.items():
                self._counts[name] += 1
                argv = [program, *PROGRAMS[name][1:], str(written[name])]
                ran = subprocess.run(argv, capture_output=True, text=True, check=False, encoding="utf-8")
                if ran.returncode != 0:
                    said = " ".join(f"{ran.stdout} {ran.stderr}".replace(folder, "").split())
                    why = said if len(said) <= _SHOWN else f"{said[: _SHOWN // 2]} … {said[-_SHOWN // 2 :]}"
                    yield _finding("V9", "judge", journal.position, program=name, file=journal.path, why=why)

    def told(self) -> dict[str, dict[str, Any]]:
        """Which programs ran, on how many ledgers, and which did not."""
        found = {}
        for name, count in self._counts.items():
            en, zh = (sentence.format(count=count) for sentence in (RAN if name in self.programs else NOT_RUN))
            found[name] = {"ran": name in self.programs, "ledgers": count, "en": en, "zh": zh}
        return found


class Journal:
    """The entries of a closed ledger, kept in a file, to be written as a journal of beancount and one of hledger.

    Amounts are whole ``FEN``. An account is its kind and a part for each column of the trial balance, so that none
    stands above another, whose balance would count it. Nothing but numbers, days and such names goes into it: what
    the rules say could otherwise tell the program that reads it to run something.
    """

    def __init__(self, told: dict[str, Any]) -> None:
        self.path, self.position, self._credit = told["closed"], told["position"], told["credit"]
        self._day = date.fromisoformat(told["day"])
        self.entries = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115 - Closed by whoever has it judged.
        self._accounts: set[str] = set()

    def add(self, entry: list[Any]) -> None:
        """Take in an entry; both programs read a transaction alike."""
        day, position, debit, credit, fen = (
            date.fromisoformat(entry[0]),
            int(entry[1]),
            entry[3],
            entry[4],
            int(entry[5]),
        )
        names = self._name(debit), self._name(credit)
        self._accounts.update(names)
        self.entries.write(f'\n{day} * "{position}"\n  {names[0]}  {fen} FEN\n  {names[1]}  {-fen} FEN\n')

    def write(self, folder: Path, trial_balance: Path) -> dict[str, Path]:
        """Both journals, by the program that reads it. Raises what reading another table than a trial balance does."""
        balances = dict.fromkeys(self._accounts, 0)
        with trial_balance.open(encoding="utf-8", newline="") as table:
            for row in csv.DictReader(table):
                cells = [row[column] for column in row if column != "amount_fen"]
                fen = int(row["amount_fen"])
                balances[self._name(cells)] = -fen if cells[0] in self._credit else fen
            stated = sorted(balances.items())
            after = self._day + timedelta(days=1)  # A balance of beancount is of a day's beginning.
            ends = {
                "bean-check": [
                    *(f"1900-01-01 open {name} FEN\n" for name, _ in stated),
                    *(f"{after} balance {name}  {fen} FEN\n" for name, fen in stated),
                ],
                "hledger": [
                    "commodity 1. FEN\n",
                    *(f"account {name}\n" for name, _ in stated),
                    f"\n{self._day} * balances\n",
                    *(f"  {name}  0 FEN = {fen} FEN\n" for name, fen in stated),
                ],
            }
            written = {}
            for program, lines in ends.items():
                written[program] = folder / f"{program}.journal"
                self.entries.seek(0)
                with written[program].open("w", encoding="ascii") as file:
                    shutil.copyfileobj(self.entries, file)
                    file.write("\n")
                    file.writelines(lines)
        return written

    def _name(self, cells: Sequence[str | None]) -> str:
        kind = "Equity" if cells[0] in self._credit else "Assets"
        return ":".join((kind, *(f"X{''.join(map(_letter, cell or ''))}" for cell in cells)))


def _letter(letter: str) -> str:
    """A letter or digit as it is; anything else, which a name may not hold, by its number."""
    return letter if letter.isascii() and letter.isalnum() else f"-{ord(letter):x}-"


def _by_digest(home: Path, folded: dict[str, str], named: Collection[str]) -> Iterator[dict[str, Any]]:
    """What was published and not folded; and what differs though the process of the rules did not say so."""
    for path in sorted(each for each in home.rglob("*") if each.is_file()):
        name = path.relative_to(home).as_posix()
        if name not in folded:
            yield _finding(_step_of(name), "extra", file=name)
        elif hashlib.sha256(path.read_bytes()).hexdigest() != folded[name] and name not in named:
            yield _finding(_step_of(name), "differs", file=name, line=0, published="", folded="")


def printed(told: dict[str, Any]) -> Iterator[str]:
    """The report as lines for a person."""
    yield ", ".join(f"{name} {number}" for name, number in told["checked"].items())
    for step, found in told["steps"].items():
        verdict = "ok · 通过" if not found["findings"] else f"{found['findings']} findings · 处问题"
        yield f"{step:<4} {verdict}  {found['en']} · {found['zh']}"
        for one in told["findings"]:
            if one["step"] == step:
                where = f"#{one['position']} " if one["position"] else ""
                yield f"       {where}{one['en']}\n         {one['zh']}"
    for program, verdict in told["added_up_by"].items():
        yield f"{program}: {verdict['en']} · {verdict['zh']}"
    yield f"rules {told['rules']}\n{told['proves']['en']}\n{told['proves']['zh']}"
    yield "clean · 未发现问题" if told["clean"] else "NOT CLEAN · 发现问题"


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; the exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == ["--in-the-process-of-the-rules"]:
        return _in_the_process_of_the_rules(*given[1:])
    parser = argparse.ArgumentParser(description="Fold a bundle by its own rules. · 以所附规则重放核对。")
    parser.add_argument("bundle", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    parser.add_argument("--json", action="store_true", help="answer as JSON · 以 JSON 回答")
    asked = parser.parse_args(given)
    try:
        told = replay(asked.bundle)
    except Unusable as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    told_as = json.dumps(told, ensure_ascii=False, indent=1) if asked.json else "\n".join(printed(told))
    sys.stdout.write(told_as + "\n")
    return 0 if told["clean"] else 1


if __name__ == "__main__":
    sys.exit(main())
