"""The books in two accounting programs that are not ours: they find our balances again, and every wrong fen."""

from __future__ import annotations

import csv
import io
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from beancount.loader import load_string
from beancount.parser import printer
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.funding.policy import ACCOUNTS, RULES_VERSION, Books, MoneyFact, post
from domain.ids import ApplicationId
from infra.export.accounting import Booking, Heading, beancount, hledger
from infra.export.accounting import Path as AccountPath
from projections.journal import account_path, book_lines
from tests.call import PAPER
from tests.money import case
from tests.money_life import money
from tests.spec import Past, at
from tests.test_funding_story import HISTORIES, STORY, played

ZONE = ZoneInfo("Asia/Shanghai")
HEADING = Heading(title='Books "of" a programme · 账簿', lines=[("Institution", "main"), ("Reflects position", "9")])
Sums = dict[str, int]


def written(path: AccountPath) -> str:
    """The name of an account, as the export writes it: read back from an export with this one entry."""
    one = Booking(day=date(2020, 1, 1), what="x", debit=path, credit=("Equity", "Z"), amount_fen=1)
    (line,) = [line for line in beancount(HEADING, [one]) if line.startswith("  ") and " 1 FEN" in line]
    return line.split()[0]


def bookings(past: Past) -> list[Booking]:
    facts = [
        (each.position, each.type, each.envelope.effective_at, each.event)
        for each in past.log
        if isinstance(each.event, MoneyFact)
    ]
    return [
        Booking(
            day=line.day,
            what=line.fact,
            debit=line.debit,
            credit=line.credit,
            amount_fen=line.amount_fen,
            meta={"position": line.position, "line": line.line},
        )
        for line in book_lines(facts, ZONE)
    ]


def ours(past: Past) -> Sums:
    """Every balance as our own books have it, seen from the debit side."""
    books = Books()
    for each in past.log:
        if isinstance(each.event, MoneyFact):
            books.take(post(RULES_VERSION, each.event), each.envelope.effective_at)
    return {
        written(account_path(account)): amount if ACCOUNTS[account.code].side == "debit" else -amount
        for account, amount in books.balances()
    }


# --- the two programs ------------------------------------------------------------------------------------------------


def by_beancount(text: str) -> Sums:
    """What beancount adds up; raises AssertionError where its check finds a fault."""
    entries, errors, _ = load_string(text)
    assert not errors, "".join(map(printer.format_error, errors))
    sums: Sums = {}
    for entry in entries:
        for posting in getattr(entry, "postings", ()):
            sums[posting.account] = sums.get(posting.account, 0) + int(posting.units.number)
    return {account: amount for account, amount in sums.items() if amount}


def run_hledger(text: str, *arguments: str) -> str:
    program = shutil.which("hledger")
    if program is None:
        pytest.skip("hledger is not on this machine")
    ran = subprocess.run(
        [program, "-f", "-", *arguments], input=text, capture_output=True, text=True, check=False, encoding="utf-8"
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def by_hledger(text: str) -> Sums:
    """What hledger adds up; raises AssertionError where its strict check finds a fault."""
    run_hledger(text, "check", "-s")
    table = run_hledger(text, "balance", "--flat", "--no-total", "-O", "csv", "--commodity-style", "1. FEN")
    rows = list(csv.reader(io.StringIO(table)))[1:]
    return {account: int(amount.split()[0]) for account, amount in rows}


PROGRAMS = [
    pytest.param(beancount, by_beancount, id="beancount"),
    pytest.param(hledger, by_hledger, id="hledger"),
]
Write = Callable[[Heading, Sequence[Booking]], Iterator[str]]
AddUp = Callable[[str], Sums]


def text_of(write: Write, found: Sequence[Booking]) -> str:
    return "".join(write(HEADING, found))


@pytest.mark.parametrize(("write", "add_up"), PROGRAMS)
def test_the_books_of_the_story_are_added_up_alike(write: Write, add_up: AddUp) -> None:
    assert add_up(text_of(write, bookings(STORY.past))) == ours(STORY.past)


@pytest.mark.parametrize(("write", "add_up"), PROGRAMS)
@given(HISTORIES)
@settings(max_examples=12, deadline=None)
def test_the_books_of_any_lawful_history_are_added_up_alike(write: Write, add_up: AddUp, chance: random.Random) -> None:
    past = played(chance)
    assert add_up(text_of(write, bookings(past))) == ours(past)


@pytest.mark.parametrize(("write", "add_up"), PROGRAMS)
@given(HISTORIES)
@settings(max_examples=6, deadline=None)
def test_a_fen_too_much_is_found(write: Write, add_up: AddUp, chance: random.Random) -> None:
    text = text_of(write, bookings(STORY.past))
    amounts = [match.span(1) for match in re.finditer(r"^ {2,4}\S+  (-?\d+) FEN$", text, re.MULTILINE)]
    start, end = chance.choice(amounts)
    planted = f"{text[:start]}{int(text[start:end]) + 1}{text[end:]}"
    with pytest.raises(AssertionError):
        add_up(planted)


@pytest.mark.parametrize(("write", "add_up"), PROGRAMS)
def test_a_whole_entry_with_another_amount_is_found_by_the_balances(write: Write, add_up: AddUp) -> None:
    """Both sides changed alike still balance; the balances that are stated do not follow."""
    text = text_of(write, bookings(STORY.past))
    planted = re.sub(r"  (-?)5500000 FEN$", r"  \g<1>5500001 FEN", text, count=2, flags=re.MULTILINE)
    assert planted != text
    with pytest.raises(AssertionError):
        add_up(planted)


@pytest.mark.parametrize(("write", "add_up"), PROGRAMS)
def test_books_without_an_entry_are_books(write: Write, add_up: AddUp) -> None:
    assert add_up(text_of(write, [])) == {}


HOSTILE = [
    '=cmd|" /C calc"!A0',
    "0012",
    "6222020200112233445",
    "a\nb",
    "a\r\n2020-01-01 close Assets:B",
    "; x",
    "𠮷野𪚥",
    "\\",
]


@pytest.mark.parametrize(("write", "add_up"), PROGRAMS)
@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_anything_but_a_text(write: Write, add_up: AddUp, text: str) -> None:
    heading = Heading(title=text, lines=[("Programme", text)])
    told = Booking(
        day=date(2020, 1, 1), what=text, debit=("Assets", "B"), credit=("Equity", "B", "C"), amount_fen=7,
        meta={"position": 9, "said": text},
    )  # fmt: skip
    assert sorted(add_up("".join(write(heading, [told]))).values()) == [-7, 7]


# --- generated programmes ---------------------------------------------------------------------------------------------


def programme(chance: random.Random) -> Past:
    """A life with every kind of fact, its days at random but in order, by chance with some cases and cut short."""
    bodies: list[Any] = []
    for number in range(chance.randrange(1, 4)):
        whose = case() | {"application_id": ApplicationId(f"A-{number}")}
        bodies += money(whose, PAPER, len(bodies) + 1)
    past, when = Past([]), at("2020-07-01 10:00")
    for body in bodies[: chance.randrange(len(bodies) // 2, len(bodies) + 1)]:
        when += timedelta(hours=chance.choice([0, 1, 15, 400]))
        past = past.and_(body, when=when)
    return past


@pytest.mark.parametrize(("write", "add_up"), PROGRAMS)
@given(st.randoms(use_true_random=False))
@settings(max_examples=10, deadline=None)
def test_the_books_of_generated_programmes_add_up_alike(write: Write, add_up: AddUp, chance: random.Random) -> None:
    past = programme(chance)
    assert add_up(text_of(write, bookings(past))) == ours(past)


def test_the_program_that_accountants_run_takes_the_books_and_finds_a_fen(tmp_path: Path) -> None:
    """``bean-check`` as it is installed, not its library."""
    program = Path(sys.executable).with_name("bean-check")
    text = text_of(beancount, bookings(STORY.past))
    for planted, found in ((text, 0), (text.replace("  5500000 FEN", "  5500001 FEN", 1), 1)):
        (tmp_path / "books.beancount").write_text(planted, encoding="utf-8")
        ran = subprocess.run([program, tmp_path / "books.beancount"], capture_output=True, text=True, check=False)
        assert ran.returncode == found, ran.stderr


def test_different_accounts_have_different_names() -> None:
    parts = ["a-b", "a.b", "a_b", "a--b", "a-.b", "A-b", "X-a", "a", "-a", ".a", "a-d", "a.d", "9a"]
    names = [written(("Assets", "B", part)) for part in parts]
    assert len(set(names)) == len(parts)
    pattern = r"Assets(:[A-Z0-9][A-Za-z0-9-]*)+"
    assert all(re.fullmatch(pattern, name) for name in names)
