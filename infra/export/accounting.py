"""Books as plain text for other people's accounting: beancount and hledger journals.

Both programs recompute every balance by themselves and compare it with the one that is stated, so a fault of ours shows
there. Amounts are whole ``FEN``: in a currency with decimals their tolerance would let a wrong cent pass.

What is written names accounts as a path of parts. A part may hold letters, digits and hyphens only, and two different
parts must stay different: a hyphen is doubled, a full stop becomes ``-d`` and an underscore ``-u``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, Literal

__all__ = ["BEANCOUNT", "HLEDGER", "Booking", "Heading", "beancount", "hledger"]

BEANCOUNT: Final = "text/x-beancount; charset=utf-8"
HLEDGER: Final = "text/x-hledger; charset=utf-8"
_COMMODITY: Final = "FEN"

Kind = Literal["Assets", "Liabilities", "Income", "Equity", "Expenses"]
Path = tuple[str, ...]
"""An account: its kind, then its parts from the general to the special."""


@dataclass(frozen=True, kw_only=True)
class Heading:
    """What a journal says of itself: its name, and in order what a reader must know."""

    title: str
    lines: Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Booking:
    """One double entry: its day, what it follows from, the two accounts and the amount, above zero."""

    day: date
    what: str
    debit: Path
    credit: Path
    amount_fen: int
    meta: Mapping[str, str | int] = field(default_factory=dict)


def _part(text: str) -> str:
    written = text.replace("-", "--").replace(".", "-d").replace("_", "-u")
    # Only a capital letter or a digit may begin one.
    return written if written[:1].isdigit() or written[:1].isupper() else f"X-{written}"


def _account(path: Path) -> str:
    kind, *parts = path
    return ":".join((kind, *map(_part, parts)))


def _sums(bookings: Iterable[Booking]) -> dict[Path, int]:
    sums: dict[Path, int] = {}
    for booking in bookings:
        for path, amount in ((booking.debit, booking.amount_fen), (booking.credit, -booking.amount_fen)):
            sums[path] = sums.get(path, 0) + amount
    return dict(sorted(sums.items()))


def _one_line(text: str) -> str:
    """A text where a line's end would end it: whatever separates lines becomes a space."""
    return " ".join(text.splitlines())


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _in_order(bookings: Sequence[Booking]) -> Sequence[Booking]:
    return sorted(bookings, key=lambda booking: booking.day)


def beancount(heading: Heading, bookings: Sequence[Booking]) -> Iterator[str]:
    """The lines of a beancount journal: accounts opened, entries by day, the balance of every account at the end."""
    yield f"option {_quoted('title')} {_quoted(heading.title)}\n"
    yield f"option {_quoted('operating_currency')} {_quoted(_COMMODITY)}\n"
    yield from (f"; {_one_line(f'{name}: {value}')}\n" for name, value in heading.lines)
    if not bookings:
        return
    sums = _sums(bookings)
    first, last = min(booking.day for booking in bookings), max(booking.day for booking in bookings)
    yield "\n"
    yield from (f"{first} open {_account(path)} {_COMMODITY}\n" for path in sums)
    for booking in _in_order(bookings):
        yield f"\n{booking.day} * {_quoted(booking.what)}\n"
        for name, value in booking.meta.items():
            yield f"  {name}: {value if isinstance(value, int) else _quoted(value)}\n"
        yield f"  {_account(booking.debit)}  {booking.amount_fen} {_COMMODITY}\n"
        yield f"  {_account(booking.credit)}  {-booking.amount_fen} {_COMMODITY}\n"
    yield "\n"
    # A balance is that of the day's beginning.
    yield from (f"{last + timedelta(days=1)} balance {_account(path)}  {sums[path]} {_COMMODITY}\n" for path in sums)


def hledger(heading: Heading, bookings: Sequence[Booking]) -> Iterator[str]:
    """The lines of an hledger journal that its strict check takes: accounts declared, every balance asserted."""
    yield f"; {_one_line(heading.title)}\n"
    yield from (f"; {_one_line(f'{name}: {value}')}\n" for name, value in heading.lines)
    yield f"commodity 1. {_COMMODITY}\n"
    if not bookings:
        return
    sums = _sums(bookings)
    yield from (f"account {_account(path)}\n" for path in sums)
    for booking in _in_order(bookings):
        meta = ", ".join(f"{name}:{_one_line(str(value)).replace(',', ' ')}" for name, value in booking.meta.items())
        # What follows a semicolon is a comment to hledger.
        what = _one_line(booking.what).replace(";", ",")
        yield f"\n{booking.day} * {what}{f'  ; {meta}' if meta else ''}\n"
        yield f"    {_account(booking.debit)}  {booking.amount_fen} {_COMMODITY}\n"
        yield f"    {_account(booking.credit)}  {-booking.amount_fen} {_COMMODITY}\n"
    last = max(booking.day for booking in bookings)
    yield f"\n{last} * balances\n"
    yield from (f"    {_account(path)}  0 {_COMMODITY} = {sums[path]} {_COMMODITY}\n" for path in sums)
