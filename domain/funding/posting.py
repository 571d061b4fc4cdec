"""The posting table: which entries a fact makes in the two books, under a version of the rules.

``post(rules_version, event)`` says it; nothing else does, live, in replay and in a view. Book B holds the budget
authority by stage, book F the money and the claims. No entry leaves its book, so each balances by itself.

A version that something was closed under is never changed: a new one is put beside it. What a version says is also
there as data, each kind of fact in all its varieties, and the digest of that data names it.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple, get_args

import msgspec
from msgspec.structs import replace

from domain.funding.events import (
    Account,
    AccountCode,
    AppropriationAdjusted,
    AppropriationRecorded,
    AuthorityReturned,
    CarriedForward,
    CaseMoney,
    Entry,
    EntryReversed,
    ExpenditureAccounted,
    ExpenditureDisallowed,
    FundsAllocated,
    FundsCommitted,
    FundsFrozen,
    FundsLapsed,
    FundsReleased,
    FundsReturned,
    HigherAwardRecorded,
    MatchingPledged,
    MatchingReceived,
    PaymentApproved,
    PaymentExpired,
    PaymentFailed,
    PaymentPosted,
    PaymentRequested,
    PoolMoney,
    RecoveryOrdered,
    RecoveryReceived,
    Source,
    Stage,
    UnallocatedCarried,
    UnallocatedLapsed,
    UnallocatedReturned,
)
from domain.ids import CalendarYear
from domain.kernel import Event

__all__ = [
    "ACCOUNTS",
    "BANK_FACTS",
    "CASE_MONEY_FACTS",
    "CLAIM",
    "GUARDED",
    "MATCHING",
    "MONEY_FACTS",
    "POOLED",
    "POOL_FACTS",
    "POOL_ONLY_FACTS",
    "RESOURCES",
    "RULES_VERSION",
    "RULES_VERSIONS",
    "STAGES",
    "STAGE_ACCOUNTS",
    "AccountTitle",
    "BankFact",
    "CaseMoneyFact",
    "MoneyFact",
    "PoolFact",
    "PoolOnlyFact",
    "Rule",
    "mirrored",
    "post",
    "posting_table",
    "rules_digest",
    "rules_text",
    "turned",
]

PoolOnlyFact = (
    AppropriationRecorded | AppropriationAdjusted | UnallocatedReturned | UnallocatedCarried | UnallocatedLapsed
)
PoolFact = PoolOnlyFact | FundsAllocated | FundsFrozen | FundsReleased | EntryReversed
CaseMoneyFact = (
    FundsAllocated
    | FundsCommitted
    | PaymentRequested
    | PaymentApproved
    | PaymentPosted
    | PaymentFailed
    | PaymentExpired
    | ExpenditureAccounted
    | ExpenditureDisallowed
    | FundsFrozen
    | FundsReleased
    | FundsReturned
    | RecoveryOrdered
    | RecoveryReceived
    | AuthorityReturned
    | CarriedForward
    | FundsLapsed
    | HigherAwardRecorded
    | MatchingPledged
    | MatchingReceived
    | EntryReversed
)
UnitFact = ExpenditureAccounted | ExpenditureDisallowed | FundsReturned | RecoveryOrdered | RecoveryReceived
MoneyFact = PoolOnlyFact | CaseMoneyFact
POOL_ONLY_FACTS: Final[tuple[type[Event], ...]] = get_args(PoolOnlyFact)
POOL_FACTS: Final[tuple[type[Event], ...]] = get_args(PoolFact)
"""What moves the unallocated money of a programme: all with its tag and that of each fiscal year it moves."""
CASE_MONEY_FACTS: Final[tuple[type[Event], ...]] = get_args(CaseMoneyFact)
"""What moves the money of a case: all with its tag."""
MONEY_FACTS: Final[tuple[type[Event], ...]] = get_args(MoneyFact)
"""Everything that moves money: all with the tag of the programme."""
BankFact = PaymentPosted | FundsReturned | RecoveryReceived | MatchingReceived | EntryReversed
BANK_FACTS: Final[tuple[type[Event], ...]] = get_args(BankFact)

POOLED: Final[frozenset[Source]] = frozenset(("budget", "dues"))
"""Sources appropriated to the programme as a whole; of the others, what is unallocated already belongs to a case."""
MATCHING: Final[frozenset[Source]] = frozenset(("school_match", "parent_match", "own"))
"""What the side of the case adds itself: promised first, there once it came in."""

RULES_VERSION: Final = 2
"""The posting rules that hold; an older version is kept for what was closed under it."""


class AccountTitle(NamedTuple):
    """What an account is called, and on which side it stands."""

    en: str
    zh: str
    side: Literal["debit", "credit"]


ACCOUNTS: Final[Mapping[AccountCode, AccountTitle]] = {
    "B100": AccountTitle("Appropriation", "预算批复", "credit"),
    "B110": AccountTitle("Carried in", "上年结转", "credit"),
    "B120": AccountTitle("Matching pledged", "配套承诺", "credit"),
    "B130": AccountTitle("Adjustment", "预算调整", "credit"),
    "B200": AccountTitle("Unallocated", "未分配", "debit"),
    "B210": AccountTitle("Allocated", "已下达", "debit"),
    "B220": AccountTitle("Committed", "已承诺", "debit"),
    "B225": AccountTitle("In transit", "拨付在途", "debit"),
    "B230": AccountTitle("Paid out", "已拨付", "debit"),
    "B235": AccountTitle("Accounted for", "已核销", "debit"),
    "B240": AccountTitle("Frozen", "冻结", "debit"),
    "B250": AccountTitle("Recovered", "已收回", "debit"),
    "B260": AccountTitle("Carried forward", "结转下年", "debit"),
    "F1002": AccountTitle("Bank", "银行存款", "debit"),
    "F1218": AccountTitle("Recovery receivable", "应收追缴款", "debit"),
    "F2103": AccountTitle("Payable to whoever granted it", "应缴财政款", "credit"),
    "F3001": AccountTitle("Accumulated surplus", "累计盈余", "credit"),
    "F3501": AccountTitle("Adjustment of earlier years' surplus", "以前年度盈余调整", "credit"),
    "F4001": AccountTitle("Appropriation income", "财政拨款收入", "credit"),
    "F4601": AccountTitle("Grant income", "拨款收入", "credit"),
    "F5501": AccountTitle("Programme expense", "项目支出", "debit"),
}
STAGE_ACCOUNTS: Final[Mapping[Stage, AccountCode]] = {
    "unallocated": "B200",
    "allocated": "B210",
    "committed": "B220",
    "in_transit": "B225",
    "paid_out": "B230",
    "accounted_for": "B235",
    "frozen": "B240",
}
RESOURCES: Final[frozenset[AccountCode]] = frozenset(("B100", "B110", "B120", "B130"))
STAGES: Final[frozenset[AccountCode]] = frozenset((*STAGE_ACCOUNTS.values(), "B250", "B260"))
CLAIM: Final = "F1218"
GUARDED: Final = STAGES | {CLAIM}
"""What may never fall below zero."""


# --- version 1 --------------------------------------------------------------------------------------------------------


def _at(event: PoolMoney | CaseMoney, code: AccountCode, year: CalendarYear | None = None, **detail: Any) -> Account:  # noqa: ANN401 - Fields of an account.
    return Account(
        code=code,
        source=event.source,
        year=year or event.year,
        application_id=None if isinstance(event, PoolMoney) else event.application_id,
        **detail,
    )


def _stage(event: CaseMoney, stage: Stage, year: CalendarYear | None = None, **detail: Any) -> Account:  # noqa: ANN401 - Fields of an account.
    """The account of a stage; what is unallocated belongs to no case yet, unless its source is given to one alone."""
    if stage == "unallocated" and event.source in POOLED:
        return Account(code="B200", source=event.source, year=year or event.year)
    return _at(event, STAGE_ACCOUNTS[stage], year, **detail)


def _given_back(event: PoolMoney | CaseMoney, stage: Stage) -> Account:
    """Where authority is shown that came back; what had never been allocated is shown apart."""
    return _at(event, "B250", origin="unallocated" if stage == "unallocated" else None)


def _of_pool(event: PoolOnlyFact) -> Iterator[tuple[Account, Account]]:
    unallocated = _at(event, "B200")
    match event:
        case AppropriationRecorded():
            yield unallocated, _at(event, "B100")
        case AppropriationAdjusted():
            adjustment = _at(event, "B130")
            yield (unallocated, adjustment) if event.raised else (adjustment, unallocated)
        case UnallocatedCarried():
            yield _at(event, "B260"), unallocated
            yield _at(event, "B200", event.to_year), _at(event, "B110", event.to_year)
        case _:
            yield _given_back(event, "unallocated"), unallocated


def _of_grant(event: HigherAwardRecorded | MatchingPledged | MatchingReceived) -> Iterator[tuple[Account, Account]]:
    match event:
        case HigherAwardRecorded():
            yield _stage(event, "unallocated"), _at(event, "B100")
        case MatchingPledged():
            yield _stage(event, "unallocated"), _at(event, "B120")
        case _:
            yield _at(event, "F1002"), _at(event, "F4601")


def _of_payment(event: PaymentRequested | PaymentPosted | PaymentFailed | PaymentExpired) -> Iterator[Any]:
    transit, committed = _stage(event, "in_transit", payment_id=event.payment_id), _stage(event, "committed")
    match event:
        case PaymentRequested():
            yield transit, committed
        case PaymentPosted():
            # Where money reimburses, it has been spent before it is paid.
            spent = _stage(event, "accounted_for", category=event.category)
            yield _stage(event, "paid_out") if event.money_flow == "advance" else spent, transit
            yield _at(event, "F5501"), _at(event, "F1002")
            if event.unpaid_fen:
                yield committed, transit, event.unpaid_fen
        case _:
            yield committed, transit


def _of_unit(event: UnitFact) -> Iterator[tuple[Account, Account]]:
    """What happens to money that the unit holds, or has spent."""
    paid_out = _stage(event, "paid_out")
    match event:
        case ExpenditureAccounted():
            yield _stage(event, "accounted_for", category=event.category), paid_out
        case ExpenditureDisallowed():
            yield paid_out, _stage(event, "accounted_for", category=event.category)
        case FundsReturned():
            yield _given_back(event, "paid_out"), paid_out
            yield _at(event, "F1002"), _at(event, "F5501")
        case RecoveryOrdered():
            if event.stage == "accounted_for":
                yield paid_out, _stage(event, "accounted_for", category=event.category)
            yield _at(event, CLAIM, recovery_id=event.recovery_id), _at(event, "F5501")
        case _:
            yield _given_back(event, "paid_out"), paid_out
            yield _at(event, "F1002"), _at(event, CLAIM, recovery_id=event.recovery_id)


def _of_authority(event: CaseMoney) -> Iterator[tuple[Account, Account]]:
    """What happens to money that was not paid yet."""
    match event:
        case FundsAllocated():
            yield _stage(event, "allocated"), _stage(event, "unallocated")
        case FundsCommitted():
            yield _stage(event, "committed"), _stage(event, "allocated")
        case FundsFrozen():
            yield _stage(event, "frozen", origin=event.stage), _stage(event, event.stage)
        case FundsReleased():
            yield _stage(event, event.stage), _stage(event, "frozen", origin=event.stage)
        case AuthorityReturned():
            frozen_at = event.origin or event.stage
            yield _given_back(event, frozen_at), _stage(event, event.stage, origin=event.origin)
        case CarriedForward():
            yield _at(event, "B260"), _stage(event, event.stage)
            yield _stage(event, event.stage, event.to_year), _at(event, "B110", event.to_year)
        case FundsLapsed():
            if event.stage == "committed":
                yield _stage(event, "allocated"), _stage(event, "committed")
            lapsing: Stage = "unallocated" if event.stage == "unallocated" else "allocated"
            yield _given_back(event, lapsing), _stage(event, lapsing)


def _post_1(event: MoneyFact) -> tuple[Entry, ...]:
    """The table of the first version of the rules, in the words of the ledger: debit ← credit.

    Of book F it knew payments, what came back of them, and matching; the rest is version 2's.
    """
    if isinstance(event, EntryReversed):
        return event.entries
    pairs: Iterator[Any]
    match event:
        case PoolMoney():
            pairs = _of_pool(event)
        case HigherAwardRecorded() | MatchingPledged() | MatchingReceived():
            pairs = _of_grant(event)
        case PaymentRequested() | PaymentPosted() | PaymentFailed() | PaymentExpired():
            pairs = _of_payment(event)
        case _:
            pairs = _of_unit(event) if isinstance(event, UnitFact) else _of_authority(event)
    return tuple(Entry(debit=pair[0], credit=pair[1], amount_fen=(*pair, event.amount_fen)[2]) for pair in pairs)


# --- version 2 --------------------------------------------------------------------------------------------------------

_POOLED_MONEY: Final[frozenset[AccountCode]] = frozenset(("F1002", "F2103", "F3001", "F4001", "F4601"))
"""What lies in one place for all cases where the source does; what was spent or is claimed is always a case's."""


def _in_place(account: Account) -> Account:
    """An account of book F where version 2 keeps it: a bank account that is the programme's is no case's."""
    pooled = account.source in POOLED and account.code in _POOLED_MONEY
    return replace(account, application_id=None) if pooled else account


def _placed(entry: Entry) -> Entry:
    return Entry(debit=_in_place(entry.debit), credit=_in_place(entry.credit), amount_fen=entry.amount_fen)


_FOLLOWS: Final[Mapping[tuple[AccountCode, AccountCode], tuple[AccountCode, AccountCode]]] = {
    # What is appropriated or granted is at hand, and income of the treasury's or of another's grant.
    ("B200", "B100"): ("F1002", "F4001"),
    ("B200", "B130"): ("F1002", "F4001"),
    # What is carried into the next year takes its money along.
    ("B260", "B200"): ("F3001", "F1002"),
    ("B260", "B210"): ("F3001", "F1002"),
    ("B260", "B220"): ("F3001", "F1002"),
    ("B200", "B110"): ("F1002", "F3001"),
    ("B210", "B110"): ("F1002", "F3001"),
    ("B220", "B110"): ("F1002", "F3001"),
    # Where a unit has it already its expense goes along, as an adjustment of an earlier year.
    ("B260", "B230"): ("F3501", "F5501"),
    ("B230", "B110"): ("F5501", "F3501"),
    # What comes back is owed to whoever had granted it, out of the surplus.
    ("B250", "B200"): ("F3001", "F2103"),
    ("B250", "B210"): ("F3001", "F2103"),
    ("B250", "B230"): ("F3001", "F2103"),
    ("B250", "B240"): ("F3001", "F2103"),
}
"""What book F does where authority goes from one account of book B to another, each as debit and credit."""


def _follows(to: Account, come_from: Account) -> tuple[AccountCode, AccountCode] | None:
    """Which accounts of book F are debited and credited where authority goes from one account to another.

    Matching that comes back is owed to nobody: it is the case's own side's, and may never have come in.
    """
    codes = _FOLLOWS.get((to.code, come_from.code))
    if codes == ("F1002", "F4001") and to.source != "budget":
        return "F1002", "F4601"
    return None if to.code == "B250" and to.source in MATCHING else codes


def _money_of(entry: Entry) -> Entry | None:
    """What an entry of book B calls for in book F; what its mirror calls for is the mirror of that."""
    for each, put in ((entry, _same), (turned(entry), turned)):
        codes = _follows(each.debit, each.credit)
        if codes is not None:
            whose = {"source": each.debit.source, "year": each.debit.year, "application_id": _case_of(each)}
            debit, credit = (_in_place(Account(code=code, **whose)) for code in codes)
            return put(Entry(debit=debit, credit=credit, amount_fen=entry.amount_fen))
    return None


def _same(entry: Entry) -> Entry:
    return entry


def _case_of(entry: Entry) -> Any:  # noqa: ANN401 - An id or none.
    return entry.debit.application_id or entry.credit.application_id


def _post_2(event: MoneyFact) -> tuple[Entry, ...]:
    """Version 1, and book F whole: what the entries of book B call for there follows them.

    Since that is asked of entries and not of facts, what was reversed under version 1 is reversed whole.
    """
    entries = _post_1(event)
    if isinstance(event, EntryReversed) and event.rules_version > 1:
        return entries
    called_for = (_money_of(entry) for entry in entries)
    return (*map(_placed, entries), *(entry for entry in called_for if entry is not None))


# --- the versions -----------------------------------------------------------------------------------------------------

_RULES: Final[Mapping[int, Callable[[MoneyFact], tuple[Entry, ...]]]] = {1: _post_1, 2: _post_2}


RULES_VERSIONS: Final[tuple[int, ...]] = tuple(_RULES)
"""Every version there ever was."""


def post(rules_version: int, event: MoneyFact) -> tuple[Entry, ...]:
    """The entries of an event under a version of the posting rules; an approval makes none."""
    return _RULES[rules_version](event)


def turned(entry: Entry) -> Entry:
    """The mirror of an entry: its debit becomes the credit, and its credit the debit."""
    return Entry(debit=entry.credit, credit=entry.debit, amount_fen=entry.amount_fen)


def mirrored(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The exact mirror of what a fact posted."""
    return tuple(turned(each) for each in entries)


class Rule(NamedTuple):
    """One line of a version's table: of a fact whose choices fell so, this entry; amounts and ids by their names."""

    fact: str
    choices: dict[str, str | bool | int | None]
    line: int
    debit: dict[str, Any]
    credit: dict[str, Any]
    amount: str


@functools.cache
def posting_table(rules_version: int) -> tuple[Rule, ...]:
    """A version of the rules as data: what every kind of fact posts, in every variety that it can be recorded in.

    The rules are asked about facts whose ids and amounts are the names of the fields themselves, so each entry says
    what it takes from where. A reversal is not among them: it carries its entries.
    """
    return tuple(
        Rule(kind.TOPIC, choices, line, _told(entry.debit), _told(entry.credit), str(entry.amount_fen))
        for kind in MONEY_FACTS
        if kind is not EntryReversed
        for choices, body in _varieties(kind)
        for line, entry in enumerate(post(rules_version, body), start=1)
    )


@functools.cache
def rules_text(rules_version: int) -> bytes:
    """A version's table as JSON in its canonical order, with the side of each account that it names."""
    table = posting_table(rules_version)
    codes: set[AccountCode] = {side["code"] for rule in table for side in (rule.debit, rule.credit)}
    told = {"accounts": {code: ACCOUNTS[code].side for code in codes}, "rules": table, "version": rules_version}
    return msgspec.json.encode(told, order="sorted")


@functools.cache
def rules_digest(rules_version: int) -> str:
    """The SHA-256 of a version's text, by which closes name it."""
    return hashlib.sha256(rules_text(rules_version)).hexdigest()


def _told(account: Account) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(account).items() if value is not None}


def _varieties(kind: type[Event]) -> Iterator[tuple[dict[str, Any], Any]]:
    """A fact of a kind for every combination of its choices, each other field being its own name."""
    fields = msgspec.structs.fields(kind)
    choices = {each.name: found for each in fields if (found := _choices(each.name, each.type))}
    named = {each.name: each.name for each in fields}
    for values in itertools.product(*choices.values()):
        chosen = dict(zip(choices, values, strict=True))
        yield chosen, kind(**(named | chosen))


def _choices(name: str, kind: Any) -> tuple[Any, ...]:  # noqa: ANN401 - The type of a field.
    """What a field chooses between; nothing, where any value is as good as another."""
    if name == "unpaid_fen":
        return 0, name
    info = msgspec.inspect.type_info(kind)
    while isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    found: list[Any] = []
    for each in info.types if isinstance(info, msgspec.inspect.UnionType) else (info,):
        match each:
            case msgspec.inspect.LiteralType(values=values):
                found += values
            case msgspec.inspect.BoolType():
                found += (False, True)
    if not found:
        return ()
    optional = isinstance(info, msgspec.inspect.UnionType) and info.includes_none
    return (None, *found) if optional else tuple(found)
