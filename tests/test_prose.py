"""The specs as prose: printed by a command, for every command of the law, with a line to sign."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from domain.kernel import Refusal
from domain.permission.policy import NotPermitted
from domain.review.sheet import SeatKeyDestroyed
from tests.prose import digest_of_the_rules
from tests.test_house import commands, refusals

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent
KINDS = {"then": "decided", "refused": "refused", "raced": "raced", "left be": "left undisturbed"}


FIGURE = re.compile(r"\\\{\w+\\\}")
NOT_BY_A_COMMAND = {
    NotPermitted: "the door says it before a command decides (tests/test_front_door.py)",
    SeatKeyDestroyed: "an automation says it before it asks (tests/test_review_door.py)",
}
"""Refusals that no spec can play, and what proves them."""


@pytest.fixture(scope="module")
def printed() -> str:
    ran = subprocess.run([sys.executable, "-m", "tests.prose"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


def test_an_auditor_reads_in_both_languages_what_was_asked_and_what_came_of_it(printed: str) -> None:
    place = printed.index("\nQuota is used by filings of this nominator and track and given back by withdrawals.")
    spec = printed[place:].partition("\n\n")[0]
    assert "when     File an application with the office, in time, as it was vetted" in spec
    assert "在截止之前按审核所定材料向主管部门报送申报" in spec
    assert "refused  All 1 places are used: 1 applications have been filed.\n           1 个推荐指标已用尽" in spec
    assert "then     The nominating unit filed the application with the office; a place of its quota is used." in spec
    assert digest_of_the_rules() in printed
    assert "Read and agreed" in printed.splitlines()[-1]


def test_every_command_is_shown_decided_and_refused_raced_and_left_undisturbed(printed: str) -> None:
    """Each boundary is wide enough and not too wide: both are shown, or nobody has looked."""
    seen: dict[str, set[str]] = {command.__name__: set() for command in commands()}
    asked = ""
    for line in printed.splitlines():
        if when := re.match(r"  when     .*\[(\w+)\]$", line):
            asked = when[1]
        elif (kind := line[2:9].strip()) in KINDS and asked:
            seen[asked].add(kind)
    missing = {name: sorted(KINDS[kind] for kind in KINDS.keys() - kinds) for name, kinds in seen.items()}
    assert not {name: kinds for name, kinds in missing.items() if kinds}


def test_every_refusal_of_the_law_is_shown(printed: str) -> None:
    """Of each kind at least one sentence was printed, with its figures: somebody has seen it refuse."""
    shown = [line.removeprefix("  refused  ") for line in printed.splitlines() if line.startswith("  refused  ")]
    told = "\n".join(shown)
    kinds = [kind for kind in refusals() if kind.__module__ != "domain.kernel"]
    unseen = {kind for kind in kinds if not sentence_like(kind).search(told)}
    assert unseen == set(NOT_BY_A_COMMAND)


def sentence_like(kind: type[Refusal]) -> re.Pattern[str]:
    """The sentence of a refusal, a line by itself, with any figures."""
    return re.compile(f"^{FIGURE.sub('.*', re.escape(kind.en))}$", re.MULTILINE)
