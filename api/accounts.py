"""The accounts of a programme over HTTP: what stands on each, and the lines of one with the balance after each."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, Literal

import msgspec

from api.acts import Wiring, address_of
from api.answers import Response
from api.callers import Reader
from api.problems import NotFound, ParameterInvalid
from api.reads import LIMIT, File, FileForm, answer_file, finished, times, wanted_form
from api.requests import Headers, Parameters, etag_matches
from api.routes import AnyRequest, AnyResponse, Own, Parameter
from domain.funding.events import Account
from domain.funding.policy import ACCOUNTS, RULES_VERSIONS, rules_digest, rules_text
from domain.ids import ProgrammeId, tag
from infra.clock import midnight_after
from infra.turnover import FIRST, LAST, Line, Place, Sums, Turnover, Turnovers
from infra.view_query import BadQuery
from projections.account_book import (
    ACCOUNT_BOOK,
    AccountLineRow,
    AccountRow,
    account_named,
    account_rows,
    on_its_side,
)
from projections.kernel import Table, columns

__all__ = ["ACCOUNTS_ROUTE", "LINES_ROUTE", "RULES_ROUTE"]

_USUAL: Final = 50
_BEYOND: Final = 2**63
_OF_THIS_LIST: Final = "a cursor that a page of this list gave"
_OF_FILE: Final = 2_000
"""As many lines of a file as are read at once."""
_TIMES: Final = ("min_position", "at_position", "as_of")


class AccountList(msgspec.Struct, frozen=True, kw_only=True):
    """Every account of a programme with what stands on it, as of a day and as known at a position."""

    programme_id: str
    items: tuple[AccountRow, ...]
    position: int
    simulated: bool = False


class AccountLines(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of an account between two days, with what stood on it before the first and after the last that is shown."""

    programme_id: str
    account: str
    side: Literal["debit", "credit"]
    before_fen: int
    after_fen: int
    items: tuple[AccountLineRow, ...]
    next: str | None
    position: int
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which lines are asked for."""

    programme_id: str
    name: str
    account: Account
    since: Place
    until: Place
    newest_first: bool
    at_position: int | None
    least: int

    @property
    def digest(self) -> str:
        """What tells this question from any other."""
        told = [self.programme_id, self.name, self.since, self.until, self.newest_first]
        return hashlib.sha256(msgspec.json.encode(told)).hexdigest()[:16]

    def on_side(self, sums: Sums) -> int:
        """A balance, on the account's own side."""
        return on_its_side(self.account.code, *sums)

    def row(self, line: Line) -> AccountLineRow:
        """A line as it is shown."""
        return AccountLineRow(
            position=line.position, line=line.line, effective_at=line.at, fact=line.fact, other=line.other,
            debit_fen=line.debit_fen, credit_fen=line.credit_fen,
            balance_fen=self.on_side(Sums(line.debited_fen, line.credited_fen)),
        )  # fmt: skip


async def _reader(wiring: Wiring, request: AnyRequest, headers: Headers, parameters: Parameters) -> Reader:
    caller = await wiring.callers.reading(headers, address_of(request))
    reader = await wiring.callers.reader(caller, parameters.whole("min_position") or 0)
    if not reader.reads_for_office(tag(ProgrammeId, request.path_params["programme_id"])):
        raise NotFound
    return reader


def _turnovers(wiring: Wiring) -> Turnovers:
    return Turnovers(wiring.views, ACCOUNT_BOOK, "programme_id", "account")


async def _accounts(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """What stands on every account at the end of a day."""
    headers = Headers(request.scope["headers"])
    parameters = Parameters(request.scope["query_string"], (*_TIMES, "effective_on", "format"))
    reader = await _reader(wiring, request, headers, parameters)
    form = wanted_form(headers, parameters)
    when = await times(wiring, reader, parameters, effective=True)
    programme_id, day = request.path_params["programme_id"], when.effective_on
    until = None if day is None else midnight_after(day, reader.institution.zone)
    sums, position = await _turnovers(wiring).accounts(
        reader.caller.log_id, programme_id, until, when.at_position, when.min_position
    )
    rows = account_rows(sums)
    if form != "json":
        table = Table(
            name="accounts", en="Accounts", zh="账户余额表", columns=columns(AccountRow),
            rows=[msgspec.structs.astuple(row) for row in rows],
        )  # fmt: skip
        return await answer_file(reader, table, _at_once(table.rows), File(form, position, day, headers))
    found = AccountList(
        programme_id=programme_id, items=tuple(rows), position=position, simulated=reader.institution.simulated
    )
    return finished(found, position, headers)


async def _lines(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """The lines of one account, oldest or newest first, with the balance after each."""
    headers = Headers(request.scope["headers"])
    known = (*_TIMES, "first_day", "last_day", "order", "limit", "cursor", "format")
    parameters = Parameters(request.scope["query_string"], known)
    reader = await _reader(wiring, request, headers, parameters)
    form = wanted_form(headers, parameters)
    when = await times(wiring, reader, parameters, effective=False)
    name = request.path_params["account"]
    account = account_named(name)
    if account is None:
        raise NotFound
    since, until = _between(reader, parameters)
    order = parameters.text("order") or "oldest"
    if order not in {"oldest", "newest"}:
        raise ParameterInvalid(parameter="order", rule="oldest or newest")
    asked = _Asked(
        request.path_params["programme_id"], name, account, since, until, order == "newest", when.at_position,
        when.min_position,
    )  # fmt: skip
    if form != "json":
        return await _file(wiring, reader, asked, form, headers)
    page = await _page(wiring, reader, asked, parameters.whole("limit", 1, LIMIT) or _USUAL, parameters.text("cursor"))
    found = AccountLines(
        programme_id=asked.programme_id, account=name, side=ACCOUNTS[account.code].side,
        before_fen=asked.on_side(page.before), after_fen=asked.on_side(page.after),
        items=tuple(map(asked.row, page.lines)), next=_cursor(asked, page), position=page.position,
        simulated=reader.institution.simulated,
    )  # fmt: skip
    return finished(found, page.position, headers)


def _between(reader: Reader, parameters: Parameters) -> tuple[Place, Place]:
    first, last = parameters.day("first_day"), parameters.day("last_day")
    if first is not None and last is not None and last < first:
        raise ParameterInvalid(parameter="last_day", rule="not before first_day")
    zone = reader.institution.zone
    since = FIRST if first is None else midnight_after(first - timedelta(days=1), zone)
    return Place(since), Place(LAST if last is None else midnight_after(last, zone))


async def _page(wiring: Wiring, reader: Reader, asked: _Asked, limit: int, cursor: str | None) -> Turnover:
    since, until, at_position = asked.since, asked.until, asked.at_position
    if cursor is not None:
        at_position, place = _read_cursor(asked, cursor)
        since, until = (since, place) if asked.newest_first else (place, until)
    return await _turnovers(wiring).lines(
        reader.caller.log_id, asked.programme_id, asked.name, since, until, limit, at_position=at_position,
        least=asked.least, newest_first=asked.newest_first,
    )  # fmt: skip


def _cursor(asked: _Asked, page: Turnover) -> str | None:
    if page.next is None:
        return None
    return base64.urlsafe_b64encode(msgspec.json.encode((asked.digest, page.position, page.next))).decode("ascii")


def _read_cursor(asked: _Asked, text: str) -> tuple[int, Place]:
    """At which position a list goes on, and where; raises BadQuery for what this list did not give out."""
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii"))
        digest, position, place = msgspec.json.decode(raw, type=tuple[str, int, Place])
    except (UnicodeEncodeError, binascii.Error, msgspec.MsgspecError, ValueError):
        raise BadQuery("cursor", _OF_THIS_LIST) from None
    is_place = place.at.tzinfo is not None and FIRST <= place.at <= LAST
    if not is_place or not all(0 <= number < _BEYOND for number in (position, place.position, place.line)):
        raise BadQuery("cursor", _OF_THIS_LIST)
    if digest != asked.digest:
        raise BadQuery("cursor", "a cursor of this very question, filters and sort included")
    if asked.at_position not in (None, position):
        raise BadQuery("cursor", "a cursor of the same position")
    return position, place


async def _file(wiring: Wiring, reader: Reader, asked: _Asked, form: FileForm, headers: Headers) -> AnyResponse:
    first = await _page(wiring, reader, asked, _OF_FILE, None)

    async def pages() -> AsyncIterator[Sequence[Sequence[Any]]]:
        page = first
        while True:
            yield [msgspec.structs.astuple(asked.row(line)) for line in page.lines]
            cursor = _cursor(asked, page)
            if cursor is None:
                return
            page = await _page(wiring, reader, asked, _OF_FILE, cursor)

    table = Table(name="account", en="Account", zh="账户明细", columns=columns(AccountLineRow), rows=())
    last_day: date | None = None
    return await answer_file(reader, table, pages(), File(form, first.position, last_day, headers))


class PostingRules(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the posting rules: what every kind of fact posts, in every variety that it can be recorded in.

    Each rule is the fact, the choices it is recorded with, the line, the account debited, the account credited and the
    amount; ids and amounts stand as the names of the fields that say them.
    """

    version: int
    accounts: dict[str, Literal["debit", "credit"]]
    rules: tuple[tuple[str, dict[str, Any], int, dict[str, Any], dict[str, Any], str], ...]


async def _rules(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """The text of a version of the posting rules, whose digest a close records: the same bytes each time."""
    headers = Headers(request.scope["headers"])
    await wiring.callers.reading(headers, address_of(request))
    Parameters(request.scope["query_string"], ())
    version = {str(each): each for each in RULES_VERSIONS}.get(request.path_params["rules_version"])
    if version is None:
        raise NotFound
    etag = f'"{rules_digest(version)}"'
    fields = {"ETag": etag, "Vary": "Authorization"}
    if etag_matches(headers, etag):
        return Response(b"", status_code=304, headers=fields)
    return Response(rules_text(version), headers=fields)


async def _at_once(rows: Sequence[Sequence[object]]) -> AsyncIterator[Sequence[Sequence[object]]]:
    yield rows


_COMMON: Final = (
    Parameter(name="min_position", en="At least at this position", zh="至少反映至该位置", type=int),
    Parameter(name="at_position", en="As it stood there", zh="该位置时的状态", type=int),
    Parameter(name="as_of", en="As recorded by then", zh="截至此刻的记录"),
    Parameter(name="format", en="json, csv, excel_csv or xlsx, instead of Accept",
              zh="json、csv、excel_csv 或 xlsx,代替 Accept"),
)  # fmt: skip

ACCOUNTS_ROUTE: Final = Own(
    method="GET",
    path="/v1/programmes/{programme_id}/accounts",
    answer=_accounts,
    operation="list_accounts",
    en="What stands on every account of both books at the end of a day, and what it was ever debited and credited.",
    zh="两套账簿各账户于某日终的余额,以及累计借方、贷方发生额。",
    parameters=(*_COMMON, Parameter(name="effective_on", en="At the end of that day", zh="该日终")),
    result=AccountList,
    gives=("json", "csv", "xlsx"),
    refusals=(404, 406, 503),
)
LINES_ROUTE: Final = Own(
    method="GET",
    path="/v1/programmes/{programme_id}/accounts/{account}/lines",
    answer=_lines,
    operation="list_account_lines",
    en="The lines of an account between two days, each with its position and the balance after it.",
    zh="某账户在两日之间的明细,每笔附位置及其后余额。",
    parameters=(
        *_COMMON,
        Parameter(name="first_day", en="From that day", zh="自该日"),
        Parameter(name="last_day", en="To that day", zh="至该日"),
        Parameter(name="order", en="oldest (the default) or newest first",
                  zh="oldest(默认,旧者在前)或 newest(新者在前)"),
        Parameter(name="limit", en="So many at most", zh="至多若干笔", type=int),
        Parameter(name="cursor", en="Where the page before ended", zh="上一页结束处"),
    ),
    result=AccountLines,
    gives=("json", "csv", "xlsx"),
    refusals=(404, 406, 422, 503),
)  # fmt: skip
RULES_ROUTE: Final = Own(
    method="GET",
    path="/v1/posting-rules/{rules_version}",
    answer=_rules,
    operation="read_posting_rules",
    en="A version of the posting rules as data; the SHA-256 of these bytes is the digest that closes record.",
    zh="某一版本的过账规则(数据形式);其字节的 SHA-256 即结账所记录的规则摘要。",
    result=PostingRules,
    refusals=(404,),
)
