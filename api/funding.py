"""Funding over HTTP: the rule, the programme's money, each case's money, and the books that follow from them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any, cast

import msgspec

from api.accounts import ACCOUNTS_ROUTE, LINES_ROUTE, RULES_ROUTE
from api.acts import Wiring, address_of
from api.books import BOOKS
from api.ledger import ROUTES as LEDGERS
from api.problems import NotFound
from api.reads import File, answer_file, finished, wanted_form
from api.requests import Headers, Parameters
from api.routes import Act, AnyRequest, AnyResponse, Own, Page, Parameter, Row, Rows
from api.statements import ROUTES as STATEMENTS
from domain.funding.allocation import AllocateFunds, CommitFunds
from domain.funding.appropriation import (
    AdjustAppropriation,
    CarryUnallocatedForward,
    LapseUnallocated,
    RecordAppropriation,
    ReturnUnallocated,
)
from domain.funding.correction import ReverseEntry
from domain.funding.hold import FreezeFunds, ReleaseFunds, ReturnAuthority
from domain.funding.matching import PledgeMatching, RecordHigherAward, RecordMatching
from domain.funding.payment import ApprovePayment, ExpirePayment, FailPayment, PostPayment, RequestPayment
from domain.funding.period import ClosePeriod
from domain.funding.policy import MONEY_FACTS, MoneyFact, books_of
from domain.funding.publication import PublishInstitutionLedger, PublishLedger
from domain.funding.recovery import OrderRecovery, RecordRecovery, ReturnFunds
from domain.funding.rule import DefineFundingRule
from domain.funding.spending import AccountForExpenditure, DisallowExpenditure
from domain.funding.yearend import CarryForward, LapseFunds
from domain.ids import ProgrammeId, tag
from domain.kernel import Command
from infra.record import Item
from projections.funding import BALANCE, CLOSING, FUNDING_RULE, MATCHING_REGISTER, PAYMENT, PERIOD, RECOVERY
from projections.journal import JOURNAL, trial_balance_table

BY_SCHEDULE: tuple[type[Command], ...] = (ExpirePayment, PublishLedger, PublishInstitutionLedger)
"""What only the schedule and the automations ask for."""


class TrialBalance(msgspec.Struct, frozen=True, kw_only=True):
    """The books as they stood at the end of a closed period, and the digest by which the close knows them."""

    programme_id: str
    last_day: date
    covers_position: int
    trial_balance_digest: str
    rows: tuple[dict[str, Any], ...]
    simulated: bool = False


async def _trial_balance(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """The trial balance of a closed period, made anew from what it covers: the same bytes each time."""
    headers = Headers(request.scope["headers"])
    caller = await wiring.callers.reading(headers, address_of(request))
    parameters = Parameters(request.scope["query_string"], ("min_position", "format"))
    since = parameters.whole("min_position") or 0
    reader = await wiring.callers.reader(caller, since)
    programme_id, log_id = request.path_params["programme_id"], reader.caller.log_id
    if not reader.reads_for_office(tag(ProgrammeId, programme_id)):
        raise NotFound
    form = wanted_form(headers, parameters)
    last_day = _day(request.path_params["last_day"])
    closed = {"programme_id": programme_id, "last_day": last_day}
    periods = (await wiring.views.list(log_id, PERIOD, filters=closed, min_position=since)).rows
    if not periods:
        raise NotFound
    # Whatever ends on a day has the same books: nothing took effect on it or before since the first of them was closed.
    period = min(periods, key=lambda row: row.position)
    topics = tuple(kind.TOPIC for kind in MONEY_FACTS)
    store = await wiring.parts.stores(log_id)
    page = await store.read([Item(topics, (tag(ProgrammeId, programme_id),))], until=period.covers_position)
    facts = [(each.position, each.envelope.effective_at, cast("MoneyFact", each.event)) for each in page.events]
    books, _, _ = books_of(facts, last_day, reader.institution.zone, period.rules_version)
    table = trial_balance_table(books)
    if form != "json":
        return await answer_file(reader, table, _at_once(table.rows), File(form, period.position, last_day, headers))
    names = [column.name for column in table.columns]
    found = TrialBalance(
        programme_id=programme_id,
        last_day=last_day,
        covers_position=period.covers_position,
        trial_balance_digest=period.trial_balance_digest,
        rows=tuple(dict(zip(names, row, strict=True)) for row in table.rows),
        simulated=reader.institution.simulated,
    )
    return finished(found, period.position, headers)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        # What is no day is the last day of nothing.
        raise NotFound from None


async def _at_once(rows: Sequence[Sequence[object]]) -> AsyncIterator[Sequence[Sequence[object]]]:
    yield rows


_PROGRAMME = "/v1/programmes/{programme_id}"
_FUNDS = f"{_PROGRAMME}/funds"
_CASE = "/v1/cases/{application_id}/funds"
_PAYMENT = "/v1/cases/{application_id}/payments/{payment_id}"

PAGE = Page(
    "funding",
    "Funding and the books",
    "经费与账簿",
    (
        Act(path=f"{_PROGRAMME}/funding-rule", command=DefineFundingRule),
        Act(path=f"{_FUNDS}/appropriate", command=RecordAppropriation, subject="programme_id"),
        Act(path=f"{_FUNDS}/adjust", command=AdjustAppropriation, subject="programme_id"),
        Act(path=f"{_FUNDS}/return", command=ReturnUnallocated, subject="programme_id"),
        Act(path=f"{_FUNDS}/carry-forward", command=CarryUnallocatedForward, subject="programme_id"),
        Act(path=f"{_FUNDS}/lapse", command=LapseUnallocated, subject="programme_id"),
        Act(path=f"{_FUNDS}/reverse", command=ReverseEntry, subject="programme_id"),
        Act(path=f"{_FUNDS}/close-period", command=ClosePeriod, subject="programme_id"),
        Act(path=f"{_CASE}/allocate", command=AllocateFunds),
        Act(path=f"{_CASE}/commit", command=CommitFunds),
        Act(path="/v1/cases/{application_id}/payments", command=RequestPayment, makes="payment_id",
            subject="payment_id"),
        Act(path=f"{_PAYMENT}/approve", command=ApprovePayment),
        Act(path=f"{_PAYMENT}/post", command=PostPayment),
        Act(path=f"{_PAYMENT}/fail", command=FailPayment),
        Act(path=f"{_CASE}/account", command=AccountForExpenditure),
        Act(path=f"{_CASE}/disallow", command=DisallowExpenditure),
        Act(path=f"{_CASE}/freeze", command=FreezeFunds),
        Act(path=f"{_CASE}/release", command=ReleaseFunds),
        Act(path=f"{_CASE}/return-authority", command=ReturnAuthority),
        Act(path=f"{_CASE}/return", command=ReturnFunds),
        Act(path="/v1/cases/{application_id}/recoveries", command=OrderRecovery, makes="recovery_id",
            subject="recovery_id"),
        Act(path="/v1/cases/{application_id}/recoveries/{recovery_id}/receive", command=RecordRecovery),
        Act(path=f"{_CASE}/carry-forward", command=CarryForward),
        Act(path=f"{_CASE}/lapse", command=LapseFunds),
        Act(path="/v1/cases/{application_id}/higher-awards", command=RecordHigherAward),
        Act(path=f"{_CASE}/pledge-matching", command=PledgeMatching),
        Act(path=f"{_CASE}/receive-matching", command=RecordMatching),
        Row(path=f"{_PROGRAMME}/funding-rule", view=FUNDING_RULE, version_of="programme"),
        Rows(path="/v1/journal", view=JOURNAL),
        ACCOUNTS_ROUTE,
        LINES_ROUTE,
        RULES_ROUTE,
        Rows(path="/v1/balances", view=BALANCE),
        Rows(path=_CASE, view=BALANCE),
        Rows(path="/v1/payments", view=PAYMENT),
        Row(path="/v1/payments/{payment_id}", view=PAYMENT, version_of="payment"),
        Rows(path="/v1/recoveries", view=RECOVERY),
        Row(path="/v1/recoveries/{recovery_id}", view=RECOVERY, version_of="recovery"),
        Rows(path="/v1/matching", view=MATCHING_REGISTER),
        Rows(path=f"{_PROGRAMME}/periods", view=PERIOD),
        Row(path=f"{_PROGRAMME}/closing", view=CLOSING, version_of="programme"),
        Own(
            method="GET",
            path=f"{_PROGRAMME}/periods/{{last_day}}/trial-balance",
            answer=_trial_balance,
            operation="read_trial_balance",
            en="The trial balance of a closed period; its canonical CSV has the digest that the close recorded.",
            zh="已结账期间的试算平衡表;其规范 CSV 的摘要即结账所记录者。",
            parameters=(
                Parameter(name="min_position", en="At least at this position", zh="至少反映至该位置", type=int),
                Parameter(name="format", en="json, csv, excel_csv or xlsx, instead of Accept",
                          zh="json、csv、excel_csv 或 xlsx,代替 Accept"),
            ),
            result=TrialBalance,
            gives=("json", "csv", "xlsx"),
            refusals=(404, 406, 503),
        ),
        BOOKS,
        *STATEMENTS,
        *LEDGERS,
    ),
)  # fmt: skip
