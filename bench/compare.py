"""Interleaved rounds, ratios taken inside a round, a table on the screen and every raw figure in ``--json FILE``."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@dataclass
class Measured:
    """What one contender did in one slice."""

    done: int
    seconds: float
    latencies_ms: list[float] = field(default_factory=list)
    notes: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.done / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float | None:
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


@dataclass
class Contender:
    """Something that can be measured for a while; its name stands in the table."""

    name: str
    run: Callable[[float], Awaitable[Measured]]


@dataclass
class Goal:
    """A ratio that must be reached: median over rounds of one contender's rate to another's."""

    name: str
    over: str
    at_least: float


@dataclass
class Comparison:
    """One table: contenders, the one all are divided by, and what must be reached."""

    title: str
    reference: str
    contenders: Sequence[Contender]
    goals: Sequence[Goal] = ()
    rounds: list[dict[str, Measured]] = field(default_factory=list)

    async def play(self, rounds: int, seconds: float) -> None:
        for number in range(rounds):
            turn = number % len(self.contenders)
            measured: dict[str, Measured] = {}
            for contender in (*self.contenders[turn:], *self.contenders[:turn]):
                measured[contender.name] = await contender.run(seconds)
            self.rounds.append(measured)

    def ratios(self, name: str, over: str) -> list[float]:
        return [r[name].rate / r[over].rate for r in self.rounds if name in r and over in r and r[over].rate]

    def verdicts(self) -> list[tuple[Goal, float, bool]]:
        found = [(goal, self.ratios(goal.name, goal.over)) for goal in self.goals]
        return [(goal, statistics.median(r), statistics.median(r) >= goal.at_least) for goal, r in found if r]

    def table(self) -> str:
        lines = [
            f"\n{self.title}",
            f"{'':34}{'per second':>12}{'ratio':>8}  {'[min-max]':<14}{'p50 ms':>8}{'p99 ms':>9}",
        ]
        for contender in self.contenders:
            own = [r[contender.name] for r in self.rounds]
            ratios = self.ratios(contender.name, self.reference) or [0.0]
            rate, ratio = statistics.median(m.rate for m in own), statistics.median(ratios)
            spread = f"[{min(ratios):.2f}-{max(ratios):.2f}]"
            p50, p99 = (_median([m.percentile(share) for m in own]) for share in (0.5, 0.99))
            lines.append(f"{contender.name:34}{rate:>12,.0f}{ratio:>8.2f}  {spread:<14}{p50:>8}{p99:>9}")
        for goal, reached, met in self.verdicts():
            lines.append(
                f"  {'met   ' if met else 'MISSED'} {goal.name} ≥ {goal.at_least:g} × {goal.over}: {reached:.2f}"
            )
        return "\n".join(lines)


def _median(values: Sequence[float | None]) -> str:
    there = [value for value in values if value is not None]
    return f"{statistics.median(there):.2f}" if there else ""


def machine() -> dict[str, object]:
    """Say where this ran: only ratios of one run mean anything, but a reader wants to know."""
    packages = {}
    for name in ("asyncpg", "msgspec", "uvloop", "eventsourcing", "litestar", "uvicorn", "umadb"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = "not installed"
    return {
        "cpus": os.cpu_count(),
        "load": os.getloadavg(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": packages,
    }


def arguments(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one slice")
    parser.add_argument("--json", type=Path, help="write every round's raw figures here")
    parser.add_argument("--only", default="", help="only tables whose title contains this")
    return parser


async def play(tables: Sequence[Comparison], asked: argparse.Namespace, settings: dict[str, object]) -> bool:
    """Play the tables, print them, write the raw figures; True if every goal was met."""
    began = time.perf_counter()
    chosen = [table for table in tables if asked.only in table.title]
    for table in chosen:
        await table.play(asked.rounds, asked.seconds)
        print(table.table(), flush=True)
    if asked.json:
        write(asked.json, chosen, settings)
    print(f"\n{time.perf_counter() - began:.0f} s; only ratios of one run mean anything.")
    return all(met for table in chosen for _, _, met in table.verdicts())


def write(path: Path, tables: Sequence[Comparison], settings: dict[str, object]) -> None:
    figures = [
        {
            "title": table.title,
            "reference": table.reference,
            "goals": [asdict(goal) | {"reached": reached, "met": met} for goal, reached, met in table.verdicts()],
            "rounds": [{name: _figures(m) for name, m in measured.items()} for measured in table.rounds],
        }
        for table in tables
    ]
    path.write_text(json.dumps({"machine": machine(), "settings": settings, "tables": figures}, indent=1))


def _figures(measured: Measured) -> dict[str, float | None]:
    return {
        "done": measured.done,
        "seconds": measured.seconds,
        "rate": measured.rate,
        "p50_ms": measured.percentile(0.5),
        "p99_ms": measured.percentile(0.99),
        **measured.notes,
    }


async def clients(count: int, seconds: float, once: Callable[[int], Awaitable[object]]) -> Measured:
    """Let so many clients do one thing after another for a while, and time each."""
    latencies: list[float] = []
    began = time.perf_counter()
    until = began + seconds

    async def client(number: int) -> None:
        before = time.perf_counter()
        while before < until:
            await once(number)
            after = time.perf_counter()
            latencies.append((after - before) * 1000)
            before = after

    await asyncio.gather(*(client(number) for number in range(count)))
    return Measured(len(latencies), time.perf_counter() - began, latencies)
