"""The account book: what was debited and credited on every account, line by line, by day, by month, and in all.

From it the balance of an account at any instant is a few rows: the months before, the days of its month, and the lines
of its day. Days and months are those of UTC; an institution's midnight lies within one of them, and the lines of that
day say what lay before it.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Annotated, Any, Final, Literal, NamedTuple, cast, get_args

import msgspec
from msgspec.structs import replace

from domain.funding.events import Account, AccountCode, PaymentApproved, Source
from domain.funding.policy import ACCOUNTS, MONEY_FACTS, RULES_VERSION, MoneyFact, post
from domain.ids import ApplicationId, CalendarYear, PaymentId, ProgrammeId, RecoveryId
from domain.kernel import Recorded, office
from projections.kernel import Key, View

Grain = Literal["ever", "month", "day", "line"]
_EVER: Final = datetime(1, 1, 2, tzinfo=UTC)

_PARTS: Final[Mapping[str, str]] = {
    "application_id": "case",
    "category": "category",
    "payment_id": "payment",
    "origin": "from",
    "recovery_id": "recovery",
}
_FIELDS: Final[Mapping[str, str]] = {part: name for name, part in _PARTS.items()}


def account_name(account: Account) -> str:
    """An account as one word: its code, source and year, and what else tells it apart. No id has a colon."""
    told = [f"{part}={value}" for name, part in _PARTS.items() if (value := getattr(account, name)) is not None]
    return ":".join((account.code, account.source, str(account.year), *told))


def account_named(name: str) -> Account | None:
    """The account of such a word, or None where it is none."""
    code, _, rest = name.partition(":")
    source, _, rest = rest.partition(":")
    year, *told = rest.split(":")
    parts: dict[str, Any] = dict(part.partition("=")[::2] for part in told)
    known = code in ACCOUNTS and source in get_args(Source) and parts.keys() <= _FIELDS.keys()
    if not known or not (year.isascii() and year.isdecimal()):
        return None
    account = Account(
        code=cast("AccountCode", code), source=cast("Source", source), year=CalendarYear(int(year)),
        **{_FIELDS[part]: value for part, value in parts.items()},
    )  # fmt: skip
    return account if account_name(account) == name else None


class AccountBookRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one line, one day, one month or all of them debited and credited on an account.
    zh: 某账户一笔、一日、一月或累计的借方与贷方发生额。
    """

    programme_id: Annotated[ProgrammeId, office("Programme", "项目")]
    grain: Annotated[Grain, office("Of", "粒度")]
    account: Annotated[str, office("Account", "账户")]
    at: Annotated[datetime, office("At, or from", "时间或起始时间")]
    position: Annotated[int, office("Position (of a line)", "位置(单笔)")] = 0
    line: Annotated[int, office("Line", "行")] = 0
    fact: Annotated[str | None, office("Fact", "事实")] = None
    other: Annotated[str | None, office("Other account", "对方账户")] = None
    debit_fen: Annotated[int, office("Debit (fen)", "借方(分)")] = 0
    credit_fen: Annotated[int, office("Credit (fen)", "贷方(分)")] = 0


class _Side(NamedTuple):
    """One side of an entry."""

    line: int
    account: str
    other: str
    debit_fen: int
    credit_fen: int


@functools.lru_cache(maxsize=64)
def _sides(event: MoneyFact) -> tuple[_Side, ...]:
    """Both sides of every entry of a fact; asked of each of the rows that it touches."""
    found = []
    for line, entry in enumerate(post(RULES_VERSION, event), start=1):
        debit, credit = account_name(entry.debit), account_name(entry.credit)
        found += [_Side(line, debit, credit, entry.amount_fen, 0), _Side(line, credit, debit, 0, entry.amount_fen)]
    return tuple(found)


def _beginnings(at: datetime) -> tuple[datetime, datetime]:
    day = datetime.combine(at.astimezone(UTC).date(), time(), UTC)
    return day.replace(day=1), day


def _touches(recorded: Recorded) -> Iterator[Key]:
    event, at = cast("MoneyFact", recorded.event), recorded.envelope.effective_at
    month, day = _beginnings(at)
    for side in _sides(event):
        yield event.programme_id, "ever", side.account, _EVER, 0, 0
        yield event.programme_id, "month", side.account, month, 0, 0
        yield event.programme_id, "day", side.account, day, 0, 0
        yield event.programme_id, "line", side.account, at, recorded.position, side.line


def _fold(row: AccountBookRow | None, recorded: Recorded, key: Key) -> AccountBookRow:
    programme_id, grain, account, at, position, line = cast("tuple[ProgrammeId, Grain, str, datetime, int, int]", key)
    sides = [side for side in _sides(cast("MoneyFact", recorded.event)) if side.account == account]
    before = row or AccountBookRow(programme_id=programme_id, grain=grain, account=account, at=at)
    if grain != "line":
        debit, credit = sum(side.debit_fen for side in sides), sum(side.credit_fen for side in sides)
        return replace(before, debit_fen=before.debit_fen + debit, credit_fen=before.credit_fen + credit)
    (side,) = (side for side in sides if side.line == line)
    return replace(
        before, position=position, line=line, fact=recorded.type, other=side.other, debit_fen=side.debit_fen,
        credit_fen=side.credit_fen,
    )  # fmt: skip


ACCOUNT_BOOK = View(
    name="account_book",
    version=2,
    en="Account book",
    zh="明细账",
    row=AccountBookRow,
    key=("programme_id", "grain", "account", "at", "position", "line"),
    reads=tuple(kind for kind in MONEY_FACTS if kind is not PaymentApproved),
    touches=_touches,
    fold=_fold,
    is_open=lambda _: False,
)


class AccountRow(msgspec.Struct, frozen=True, kw_only=True):
    """What stands on one account at the end of a day, on its own side, and what it was ever debited and credited.
    zh: 某账户于某日终的余额(按其余额方向)及累计借方、贷方发生额。
    """

    account: Annotated[str, office("Account", "账户")]
    code: Annotated[AccountCode, office("Code", "科目")]
    source: Annotated[Source, office("Source", "来源")]
    year: Annotated[CalendarYear, office("Fiscal year", "财政年度")]
    application_id: Annotated[ApplicationId | None, office("Application", "申报")] = None
    category: Annotated[str | None, office("Category", "支出类别")] = None
    payment_id: Annotated[PaymentId | None, office("Payment", "拨付")] = None
    origin: Annotated[str | None, office("Frozen at", "冻结时所在环节")] = None
    recovery_id: Annotated[RecoveryId | None, office("Recovery", "追缴")] = None
    debit_fen: Annotated[int, office("Debited (fen)", "借方累计(分)")]
    credit_fen: Annotated[int, office("Credited (fen)", "贷方累计(分)")]
    balance_fen: Annotated[int, office("Balance (fen)", "余额(分)")]


def on_its_side(code: AccountCode, debit_fen: int, credit_fen: int) -> int:
    """What stands on an account that was debited and credited so much, on its own side."""
    return debit_fen - credit_fen if ACCOUNTS[code].side == "debit" else credit_fen - debit_fen


def account_rows(sums: Sequence[tuple[str, int, int]]) -> list[AccountRow]:
    """Accounts with what they were debited and credited, in the order of their names."""
    found = []
    for name, debit_fen, credit_fen in sorted(sums):
        account = cast("Account", account_named(name))
        balance_fen = on_its_side(account.code, debit_fen, credit_fen)
        found.append(
            AccountRow(
                **msgspec.structs.asdict(account), account=name, debit_fen=debit_fen, credit_fen=credit_fen,
                balance_fen=balance_fen,
            )
        )  # fmt: skip
    return found


class AccountLineRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an account, and what stands on the account after it, on its own side.
    zh: 账户明细一笔,及其后的余额(按其余额方向)。
    """

    position: Annotated[int, office("Position", "位置")]
    line: Annotated[int, office("Line", "行")]
    effective_at: Annotated[datetime, office("Effective at", "生效时间")]
    fact: Annotated[str, office("Fact", "事实")]
    other: Annotated[str, office("Other account", "对方账户")]
    debit_fen: Annotated[int, office("Debit (fen)", "借方(分)")]
    credit_fen: Annotated[int, office("Credit (fen)", "贷方(分)")]
    balance_fen: Annotated[int, office("Balance (fen)", "余额(分)")]
