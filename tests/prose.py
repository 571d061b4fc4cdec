"""The rules as prose that an auditor can sign: every spec that holds, as a sentence with what it rests on.

``python -m tests.prose`` plays the specs of every capability and prints, for each, what was on record, what was asked
for and what came of it, in both languages. It ends with the digest of the rules that were played, and a line to sign.
A spec that fails is not printed; then the command says so and fails too.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from domain.kernel import Command, Event, Recorded, sentences
from domain.lifecycle import EVENTS
from tests import spec
from tests.spec import Scene

ROOT = Path(__file__).resolve().parent.parent
CAPABILITIES = tuple(dict.fromkeys(event.__module__.split(".")[1] for event in EVENTS))
SPECS = [path for name in CAPABILITIES for path in sorted((ROOT / "tests").glob(f"test_{name}*.py"))]
SHOWN, NEWEST = 3, 5
"""How many scenes of one kind are printed for a spec, and how many of the facts that a long past ends with."""


class Scribe:
    """Writes down what holds, test by test."""

    def __init__(self) -> None:
        self.told: dict[str, list[Scene]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Listen while one test runs; what was heard is kept where it holds to its end."""
        heard: list[Scene] = []
        listener = heard.append
        spec.LISTENERS.append(listener)
        try:
            yield
            self.told[item.nodeid] = heard
        finally:
            spec.LISTENERS.remove(listener)


def play(files: Iterable[Path] = SPECS) -> tuple[int, Scribe]:
    """Run the specs; the exit code of the run and what was heard."""
    scribe = Scribe()
    quiet = ["-p", "no:terminal", "-p", "no:cacheprovider", "-o", "addopts=", "-m", "not store", "--hypothesis-seed=1"]
    return int(pytest.main([*quiet, *map(str, files)], plugins=[scribe])), scribe


def prose(told: dict[str, list[Scene]]) -> Iterator[str]:
    """The whole text, line by line."""
    by_file = groupby(told.items(), key=lambda entry: entry[0].partition("::")[0])
    for file, tests in by_file:
        yield f"\n# {Path(file).stem.removeprefix('test_')}"
        for name, entries in groupby(tests, key=lambda entry: entry[0].partition("::")[2].partition("[")[0]):
            scenes = [scene for _, found in entries for scene in found]
            if scenes:
                yield f"\n{sentence_of(name)}"
                asked: type[Command] | None = None
                for scene in distinct(scenes):
                    yield from lines_of(scene, is_asked_again=type(scene.command) is asked)
                    asked = type(scene.command)


def sentence_of(test: str) -> str:
    """A test's name is its sentence."""
    return test.removeprefix("test_").replace("_", " ").replace(" s ", "'s ").capitalize() + "."


def distinct(scenes: Iterable[Scene]) -> Iterator[Scene]:
    """The first scenes of each kind: properties that are drawn at random play the same one many times."""
    seen: dict[Any, int] = {}
    for scene in scenes:
        kind = (type(scene.command), scene.outcome, type(scene.refusal), tuple(map(type, scene.events)))
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] <= SHOWN:
            yield scene


def lines_of(scene: Scene, *, is_asked_again: bool) -> Iterator[str]:
    """One scene: given, when, then; both languages. What is asked for is said once where it is asked again."""
    yield f"  given    {what_was(scene.past)}"
    if not is_asked_again:
        yield from both("when", type(scene.command), f"[{type(scene.command).__name__}]")
    match scene.outcome:
        case "refused" if scene.refusal is not None:
            yield f"  refused  {scene.refusal.sentence('en')}"
            yield f"           {scene.refusal.sentence('zh')}"
        case "decided":
            for event in scene.events:
                yield from both("then", type(event), f"[{event.TOPIC}]")
            if not scene.events:
                yield "  then     nothing changes · 无任何变化"
        case "raced":
            yield f"  raced    by {', '.join(counted(scene.events))}: it decides anew · 须重新决定"
        case _:
            yield f"  left be  by {', '.join(counted(scene.events))} · 互不影响"


def what_was(past: tuple[Recorded, ...]) -> str:
    """The facts on record; of many, their number and the newest."""
    facts = list(counted(fact.event for fact in past))
    if len(facts) <= NEWEST:
        return ", ".join(facts) or "nothing · 无"
    return f"{len(past)} facts, the newest {', '.join(facts[-NEWEST:])}"


def both(word: str, documented: type[Command | Event], mark: str) -> Iterator[str]:
    """The two sentences of a docstring, and the name by which the code knows it."""
    english, chinese = sentences(documented)
    yield f"  {word:<8} {english} {mark}"
    yield f"           {chinese}"


def counted(events: Iterable[Event]) -> Iterator[str]:
    """Stored names in order, those that follow one another counted."""
    for name, same in groupby(events, key=lambda event: event.TOPIC):
        number = len(list(same))
        yield name if number == 1 else f"{name} ×{number}"


def digest_of_the_rules() -> str:
    """The SHA-256 over every file of the pure rooms, by path and content."""
    digest = hashlib.sha256()
    for path in sorted(file for room in ("domain", "projections") for file in (ROOT / room).rglob("*.py")):
        digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def main() -> int:
    """Print what holds, and fail where something does not."""
    code, scribe = play()
    print("The rules, as they were played · 规则逐条演示")  # noqa: T201 - It is a command.
    for line in prose(scribe.told):
        print(line)  # noqa: T201 - See above.
    sentences_told = sum(bool(scenes) for scenes in scribe.told.values())
    print(f"\n{sentences_told} specs hold under the rules {digest_of_the_rules()}.")  # noqa: T201 - See above.
    if code:
        print("Not all of them hold: run the tests. · 并非全部成立,请运行测试。", file=sys.stderr)  # noqa: T201
        return 1
    print("Read and agreed · 审阅并认可: ______________________   Date · 日期: ____________")  # noqa: T201 - See above.
    return 0


if __name__ == "__main__":
    sys.exit(main())
