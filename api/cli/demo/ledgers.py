"""The ledgers that scheduler and workers made in the demonstration: gathered, written in every form, checked."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Self

from api.cli.demo.paying import AT, in_yuan
from api.cli.demo.player import Player
from domain.funding.policy import period_after

__all__ = ["PERIODS", "Ledgers", "judged"]

Period = tuple[str, str]
"""Its kind, and its last day."""
_BEGINS: Final = date(2020, 6, 30)
"""The last day before the books begin."""
_ENDS: Final = date(2022, 12, 31)
_CYCLE: Final[Period] = ("cycle", "2022-09-30")
_YEARS: Final[tuple[Period, ...]] = (("year", "2020-12-31"), ("year", "2021-12-31"), ("year", "2022-12-31"))
_FORMS: Final = ("csv", "excel.csv", "json", "xlsx")
_JUDGES: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "bean-check": ((), "books.beancount"),
    "hledger": (("check", "-s", "-f"), "books.journal"),
}
"""Programs that are not ours: their words before the file, and the file they add up."""
_SECONDS: Final = 60


def _periods() -> Iterator[Period]:
    for kind in ("month", "quarter", "year"):
        day = _BEGINS
        while (day := period_after(kind, day)) <= _ENDS:
            yield kind, day.isoformat()
    yield _CYCLE


PERIODS: Final[tuple[Period, ...]] = tuple(_periods())
"""Every month, quarter and year of the books, and the cycle."""


@dataclass(frozen=True, slots=True)
class Ledgers:
    """What is on record of every ledger, and its files by their names."""

    rows: Mapping[Period, Mapping[str, Any]]
    files: Mapping[Period, Mapping[str, bytes]]

    @classmethod
    def gather(cls, p: Player) -> Self:
        """Read every ledger over HTTP, with everything that belongs to it."""
        items = p.read("auditor", f"{AT}/ledgers", limit=200)["items"]
        rows = {(row["period"], row["last_day"]): row for row in items}
        published = [period for period, row in rows.items() if row["files"]]
        archives = {(kind, day): p.content("auditor", f"{AT}/ledgers/{kind}/{day}/archive") for kind, day in published}
        return cls(rows, {period: _unpacked(archive) for period, archive in archives.items()})

    def write(self, folder: Path) -> None:
        """Write every file of every ledger into a folder of its own."""
        if folder.exists():
            shutil.rmtree(folder)
        for (kind, day), files in self.files.items():
            place = folder / f"{kind}-{day}"
            place.mkdir(parents=True)
            for name, content in files.items():
                (place / name).write_bytes(content)

    def execution(self, period: Period) -> dict[str, int]:
        """What the budget execution of a period says of the programme's own money, in fen."""
        table = json.loads(self.files[period]["budget_execution.json"])
        (row,) = [each for each in table["rows"] if (each["level"], each["source"]) == ("programme", "budget")]
        return {name: row[name] for name in ("allocated_fen", "accounted_for_fen", "recovered_fen")}

    def show(self, p: Player, judgements: Sequence[str]) -> None:
        """What was closed and published by itself, the years against the cycle, and what other programs say."""
        p.say("\nLedgers, closed by the clock and published by the workers · 自动结账并公布的账册")
        for (kind, day), row in self.rows.items():
            covers = f"up to · 至 #{row['covers_position']}"
            p.say(f"    {kind:<8} {day}  {row['state']}  {covers:<18} {len(row['files'])} files · 个文件")
        for period in (*_YEARS, _CYCLE):
            found = self.execution(period)
            given, spent, back = (in_yuan(fen) for fen in found.values())
            told = f"allocated · 下达 {given}, accounted for · 核销 {spent}, recovered · 收回 {back}"
            p.say(f"    {period[0]:<8} {period[1]}  {told}")
        for line in judgements:
            p.say(f"    {line}")

    def faults(self) -> Iterator[str]:
        """What is missing, was asked for by a person, or is not what its digest says; and years beside the cycle."""
        if set(self.rows) != set(PERIODS):
            yield f"the ledgers differ from those that should be there in {sorted(set(self.rows) ^ set(PERIODS))}"
        for period, row in self.rows.items():
            if row["state"] != "published":
                yield f"the ledger of {period} is {row['state']}"
            yield from _faults_of(period, row, self.files.get(period, {}))
        if not {*_YEARS, _CYCLE} <= set(self.files):
            return
        years = [self.execution(year) for year in _YEARS]
        for name, fen in self.execution(_CYCLE).items():
            if (added := sum(year[name] for year in years)) != fen:
                yield f"{name} of the years is {added}, of the cycle {fen}"


def _unpacked(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def _faults_of(period: Period, row: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[str]:
    for file in row["files"]:
        there = [form for form in _FORMS if f"{file['name']}.{form}" in files]
        if there != list(_FORMS):
            yield f"of {file['name']} of {period} there is only {there}"
        elif hashlib.sha256(files[f"{file['name']}.csv"]).hexdigest() != file["digest"]:
            yield f"{file['name']} of {period} has another digest than was recorded"
    yield from (f"{name} of {period} is missing" for _, name in _JUDGES.values() if name not in files)


def judged(folder: Path) -> tuple[list[str], list[str]]:
    """What programs that are not ours say of the books of each year and of the cycle: to be shown, and as faults."""
    said, faults = [], []
    beside = str(Path(sys.executable).parent)
    for program, (words, name) in _JUDGES.items():
        found = shutil.which(program) or shutil.which(program, path=beside)
        if found is None:
            said.append(f"{program}: not on this machine, so it was not asked · 本机未安装,未予核对")
            continue
        for kind, day in (*_YEARS, _CYCLE):
            file = folder / f"{kind}-{day}" / name
            answer = subprocess.run([found, *words, str(file)], capture_output=True, timeout=_SECONDS, check=False)
            if answer.returncode:
                faults.append(f"{program} does not accept {kind}-{day}/{name}: {answer.stderr.decode()[:200]}")
        said.append(f"{program}: asked about the years and the cycle · 已核对各年度与周期账簿")
    return said, faults
