"""Money over HTTP: the rule, the gates, a payment to its end, what is refused with figures, and who reads the books."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any

import pytest
import pytest_asyncio

from domain.assessment.events import AssessmentDecided
from domain.cultivation.events import BudgetItem, TaskBookSigned
from domain.funding.events import PeriodClosed
from domain.funding.policy import RULES_VERSIONS, rules_digest
from domain.ids import DocumentId, ProgrammeId
from infra.front_door import Caller
from tests.over_http.serving import Served
from tests.over_http.test_api_cultivation import confirmed
from tests.over_http.test_api_programme import definition, notice
from tests.over_http.test_api_publicity import CALL, Committee

PROGRAMME, FUNDS = f"/v1/programmes/{CALL}", f"/v1/programmes/{CALL}/funds"
CASE = "/v1/cases/A-1"
RULE: dict[str, Any] = {
    "money_flow": "advance", "carry_over": "decide", "cutoff_month": 12, "cutoff_day": 20,
    "matching_base": "higher_award", "matching_ratio_bp": 10_000, "budget_binds": True,
    "categories": [{"category": "training"}, {"category": "other", "share_at_most_bp": 1000}],
    "payment_expires_after_days": 30, "gates": ["task_book_signed", "matching_reached"],
}  # fmt: skip
POOL: dict[str, Any] = {"source": "budget", "year": 2020}
AS_JSON = {"Content-Type": "application/json"}


@dataclass
class Treasury(Committee):
    """An office with a finance officer, two confirmed branches with a hand each, and a rule to be made."""

    finance: Caller
    hands: dict[str, Caller] = field(default_factory=dict)
    paper: str = ""

    async def said(self, who: Caller, path: str, body: Any, reason: str | None = None) -> dict[str, Any]:
        """A refusal with its figures."""
        answer = await self.served.post(who, path, body, headers={"Reason": reason} if reason else {})
        assert answer.status_code == 409, answer.text
        found = answer.json()
        return {"type": found["type"], **found["because"]}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def treasury(served: Served) -> AsyncIterator[Treasury]:
    office = served.office
    named = {"name_zh": "某支部", "name_en": "Some branch", "valid_on": "2012-01-01"}
    units = [{"unit_id": definition()["office_unit_id"], "kind": "office", **named}]
    units += [{"unit_id": f"BR-{n}", "kind": "branch", **named} for n in (1, 2)]
    for unit in units:
        await served.post(office.administrator, "/v1/units", unit)
    people = [await office.somebody(role) for role in ("clerk", "head", "clerk", "supervisor", "finance")]
    clerk, head, second_clerk, supervisor, finance = people
    made = Treasury(served, clerk, head, second_clerk, supervisor, finance)
    made.hands = {unit_id: await office.somebody("applicant", unit_id) for unit_id in ("BR-1", "BR-2")}
    body = {"notice_document_id": await notice(served, made.clerk), "definition": definition()}
    await made.post(made.clerk, f"{PROGRAMME}/announce", body)
    made.paper = await made.deposit(made.clerk)
    await made.record(confirmed(1), confirmed(2))
    await made.advance("2020-07-03T09:00:00+08:00")
    yield made


def signed(number: int) -> TaskBookSigned:
    case = {
        name: getattr(confirmed(number), name) for name in ("application_id", "programme_id", "track_id", "unit_id")
    }
    budget = (BudgetItem(2020, "training", 900_000), BudgetItem(2020, "other", 100_000))
    return TaskBookSigned(**case, version=1, budget=budget, signed_on=date(2020, 7, 2))


def funds(fen: Any, **changes: Any) -> dict[str, Any]:
    return POOL | {"amount_fen": fen} | changes


async def test_the_head_defines_the_rule_once_the_call_is_read(treasury: Treasury) -> None:
    c, path = treasury, f"{PROGRAMME}/funding-rule"
    assert await c.refused(c.head, path, RULE) == (422, "reason-missing")
    assert await c.refused(c.finance, path, RULE, "call_is_silent") == (403, "not-permitted")
    assert await c.refused(c.head, path, RULE, "call_is_silent") == (409, "term-not-interpreted")
    read = {"value": {"type": "ratio", "ratio_bp": 10_000}}
    await c.post(c.clerk, f"{PROGRAMME}/terms/matching_ratio/interpret", read, "damaged")
    less = await c.said(c.head, path, RULE | {"matching_ratio_bp": 5_000}, "call_is_silent")
    assert (less["stated_bp"], less["ratio_bp"]) == (10_000, 5_000)
    odd = RULE | {"categories": [{"category": "yacht"}]}
    assert await c.refused(c.head, path, odd, "call_is_silent") == (422, "category-not-on-form")
    await c.post(c.head, path, RULE, "call_is_silent")
    assert (await c.get(path))["carry_over"] == "decide"


async def test_an_appropriation_is_recorded_adjusted_and_partly_returned(treasury: Treasury) -> None:
    c = treasury
    paper = {"document_id": c.paper}
    assert await c.refused(c.clerk, f"{FUNDS}/appropriate", funds(1) | paper) == (403, "not-permitted")
    await c.post(c.finance, f"{FUNDS}/appropriate", funds(5_400_000) | paper)
    await c.post(c.finance, f"{FUNDS}/adjust", funds(200_000, raised=True) | paper, "approved_later")
    await c.post(c.finance, f"{FUNDS}/return", funds(100_000), "not_needed")
    (row,) = (await c.get("/v1/balances", programme_id=CALL, whose="programme"))["items"]
    assert (row["appropriated_fen"], row["adjusted_fen"], row["unallocated_fen"]) == (5_400_000, 200_000, 5_500_000)


@pytest.mark.parametrize(
    ("amount", "rule"),
    [
        ("-1", "Expected `int` >= 1, got -1"), ("0", "Expected `int` >= 1, got 0"),
        ("10.50", "Expected `int`, got 10.50"), ("1e2", "Expected `int`, got 1e2"),
        ("10000000000000000", "Expected `int` <= 1000000000000000, got 10000000000000000"),
        ("9" * 41, "Expected `int` <= 1000000000000000"), ('"10"', "Expected `int`, got `str`"),
        ("null", "Expected `int`, got `null`"),
    ],
)  # fmt: skip
async def test_what_is_no_amount_is_refused_with_what_was_asked(treasury: Treasury, amount: str, rule: str) -> None:
    body = json.dumps(funds(0)).replace('"amount_fen": 0', f'"amount_fen": {amount}').encode()
    answer = await treasury.served.post(treasury.clerk, f"{CASE}/funds/allocate", body, headers=AS_JSON)
    assert (answer.status_code, answer.json()["because"]) == (422, {"pointer": "/amount_fen", "rule": rule})


async def test_of_a_body_that_breaks_off_or_says_a_key_again_no_number_is_told(treasury: Treasury) -> None:
    body = b'{"amount_fen": -1, "source": '
    answer = await treasury.served.post(treasury.clerk, f"{CASE}/funds/allocate", body, headers=AS_JSON)
    assert answer.json()["because"] == {"pointer": "/amount_fen", "rule": "Expected `int` >= 1"}
    amended = b'"amended": {"places": 0}, "amended": '
    for again in (b"7", b"{}"):
        body = b'{"decision_document_id": "' + treasury.paper.encode() + b'", ' + amended + again + b"}"
        answer = await treasury.served.post(treasury.head, "/v1/measures/M-1/uphold", body, headers=AS_JSON)
        assert answer.json()["because"] == {"pointer": "/amended/places", "rule": "Expected `int` >= 1"}


async def test_money_goes_to_a_signed_case_as_far_as_there_is_any(treasury: Treasury) -> None:
    c, path = treasury, f"{CASE}/funds/allocate"
    assert await c.refused(c.clerk, path, funds(1, source="lottery")) == (422, "body-invalid")
    closed = await c.said(c.clerk, path, funds(1_000_000))
    assert (closed["type"], closed["gate"], closed["asked_fen"]) == (
        "/problems/gate-closed", "task_book_signed", 1_000_000,
    )  # fmt: skip
    await c.record(signed(1), signed(2))
    much = await c.said(c.clerk, path, funds(5_500_001))
    assert (much["stage"], much["account"], much["there_fen"], much["asked_fen"]) == (
        "unallocated", "B200", 5_500_000, 5_500_001,
    )  # fmt: skip
    await c.post(c.clerk, path, funds(1_000_000))
    await c.post(c.clerk, f"{CASE}/funds/commit", funds(1_000_000))
    (row,) = (await c.get(f"{CASE}/funds", c.hands["BR-1"]))["items"]
    assert (row["committed_fen"], row["given_fen"]) == (1_000_000, 1_000_000)
    assert (await c.get(f"{CASE}/funds", c.hands["BR-2"]))["items"] == []


async def test_a_payment_is_asked_for_by_the_unit_approved_by_another_and_posted_once(treasury: Treasury) -> None:
    c, hand = treasury, treasury.hands["BR-1"]
    assert await c.refused(c.hands["BR-2"], f"{CASE}/payments", funds(1)) == (403, "not-permitted")
    receipt = await c.post(hand, f"{CASE}/payments", funds(900_000, payment_id="PAY-1"))
    assert receipt["location"] == "/v1/payments/PAY-1"
    pay = f"{CASE}/payments/PAY-1"
    bank = {"amount_fen": 900_000, "bank_reference": "BANK-1"}
    early = await c.said(c.finance, f"{pay}/post", bank)
    assert (early["state"], early["there_fen"]) == ("requested", 900_000)
    await c.post(c.finance, f"{pay}/approve")
    much = await c.said(c.finance, f"{pay}/post", bank | {"amount_fen": 900_001})
    assert (much["stage"], much["there_fen"], much["asked_fen"]) == ("in_transit", 900_000, 900_001)
    await c.post(c.finance, f"{pay}/post", bank)
    assert (await c.said(c.finance, f"{pay}/post", bank))["state"] == "posted"
    row = await c.get("/v1/payments/PAY-1", hand)
    assert (row["state"], row["paid_fen"]) == ("posted", 900_000)
    assert not {"requested_by", "approved_by", "bank_reference"} & set(row)
    await c.post(c.clerk, f"{CASE}/payments", funds(50_000, payment_id="PAY-2"))
    mine = await c.refused(c.clerk, f"{CASE}/payments/PAY-2/approve")
    assert mine == (403, "not-permitted")
    await c.post(c.finance, f"{CASE}/payments/PAY-2/fail", {"ground": "bank"}, "returned_by_bank")


async def test_what_is_spent_keeps_the_spending_rules(treasury: Treasury) -> None:
    c, path = treasury, f"{CASE}/funds/account"
    spend = funds(600_000, category="training", evidence_document_id=c.paper)
    yacht = await c.said(c.clerk, path, spend | {"category": "yacht"})
    assert (yacht["type"], yacht["known"]) == ("/problems/category-not-allowed", "other, training")
    over = await c.said(c.clerk, path, spend | {"category": "other", "amount_fen": 100_001})
    assert (over["cap_fen"], over["spent_fen"], over["asked_fen"]) == (100_000, 0, 100_001)
    await c.post(c.clerk, path, spend)
    disallow = funds(100_000, category="training", ground="no_evidence")
    await c.post(c.finance, f"{CASE}/funds/disallow", disallow, "audit")


async def test_money_is_frozen_released_returned_and_recovered(treasury: Treasury) -> None:
    c = treasury
    held = funds(50_000, stage="committed")
    await c.post(c.head, f"{CASE}/funds/freeze", held | {"ground": "audit"}, "audit")
    barred = await c.said(c.clerk, f"{CASE}/payments", funds(1))
    assert (barred["gate"], barred["asked_fen"]) == ("no_freeze", 1)
    much = await c.said(c.head, f"{CASE}/funds/release", held | {"amount_fen": 50_001}, "audited")
    assert (much["stage"], much["there_fen"], much["asked_fen"]) == ("frozen", 50_000, 50_001)
    await c.post(c.head, f"{CASE}/funds/release", held, "audited")
    await c.post(c.finance, f"{CASE}/funds/return", funds(100_000, bank_reference="BANK-2"))
    twice = await c.said(c.finance, f"{CASE}/funds/return", funds(1, bank_reference="BANK-1"))
    assert (twice["type"], twice["asked_fen"]) == ("/problems/bank-reference-used", 1)
    order = funds(200_000, stage="accounted_for", category="training", ground="misused", decision_document_id=c.paper)
    receipt = await c.post(c.head, f"{CASE}/recoveries", order | {"recovery_id": "REC-1"}, "decided")
    assert receipt["location"] == "/v1/recoveries/REC-1"
    paid = {"amount_fen": 150_000, "bank_reference": "BANK-3"}
    await c.post(c.finance, f"{CASE}/recoveries/REC-1/receive", paid)
    row = await c.get("/v1/recoveries/REC-1", c.hands["BR-1"])
    assert (row["claimed_fen"], row["received_fen"], row["outstanding"]) == (200_000, 150_000, True)
    much = await c.said(
        c.finance, f"{CASE}/recoveries/REC-1/receive", {"amount_fen": 50_001, "bank_reference": "BANK-4"}
    )
    assert (much["there_fen"], much["asked_fen"]) == (50_000, 50_001)


async def test_a_grant_is_matched_by_money_of_its_own(treasury: Treasury) -> None:
    c = treasury
    award = {"year": 2020, "level": "provincial", "amount_fen": 300_000, "document_id": c.paper}
    await c.post(c.clerk, f"{CASE}/higher-awards", award)
    grant = funds(300_000, source="upper_grant")
    short = await c.said(c.clerk, f"{CASE}/funds/allocate", grant)
    assert (short["needed_fen"], short["there_fen"], short["asked_fen"]) == (300_000, 0, 300_000)
    match = funds(300_000, source="school_match")
    assert await c.refused(c.clerk, f"{CASE}/funds/pledge-matching", funds(1) | {"document_id": c.paper}) == (
        422, "source-not-matching",
    )  # fmt: skip
    await c.post(c.clerk, f"{CASE}/funds/pledge-matching", match | {"document_id": c.paper})
    await c.post(c.finance, f"{CASE}/funds/receive-matching", match | {"bank_reference": "BANK-M"})
    await c.post(c.clerk, f"{CASE}/funds/allocate", grant)
    back = funds(100_000, source="upper_grant", stage="allocated")
    await c.post(c.head, f"{CASE}/funds/return-authority", back, "not_needed")
    (row,) = (await c.get("/v1/matching", c.hands["BR-1"]))["items"]
    assert (row["due_fen"], row["received_fen"], row["reached"]) == (300_000, 300_000, True)


async def test_an_entry_is_reversed_once_by_its_mirror(treasury: Treasury) -> None:
    c = treasury
    receipt = await c.post(c.clerk, f"{CASE}/funds/allocate", funds(10_000))
    where = {"application_id": "A-1", "position": receipt["version"]}
    await c.post(c.finance, f"{FUNDS}/reverse", where, "wrong_case")
    again = await c.said(c.finance, f"{FUNDS}/reverse", where, "wrong_case")
    assert (again["type"], again["there_fen"]) == ("/problems/reversed-already", 10_000)
    rows = (await c.get("/v1/journal", application_id="A-1", sort="-position", limit=1))["items"]
    assert (rows[0]["debit"], rows[0]["credit"], rows[0]["reverses"]) == ("B200", "B210", receipt["version"])


async def test_a_case_that_failed_gets_nothing_more(treasury: Treasury) -> None:
    c = treasury
    body = signed(2)
    failed = AssessmentDecided(
        application_id=body.application_id, programme_id=body.programme_id, track_id=body.track_id,
        unit_id=body.unit_id, assessment="midterm", kind="midterm", round=1, outcome="failed", effects=("stop_funds",),
        decision_document_id=DocumentId(c.paper),
    )  # fmt: skip
    await c.record(failed)
    closed = await c.said(c.clerk, "/v1/cases/A-2/funds/allocate", funds(1))
    assert closed["gate"] == "assessment_not_failed"


async def test_a_year_ends_and_its_periods_are_closed(treasury: Treasury) -> None:
    c = treasury
    line = {"source": "budget", "year": 2020}
    early = await c.said(c.head, f"{CASE}/funds/carry-forward", line)
    assert (early["type"], early["cutoff_on"]) == ("/problems/year-not-cut-off", "2020-12-20")
    await c.advance("2020-12-25T09:00:00+08:00")
    late = await c.said(c.clerk, f"{CASE}/funds/commit", funds(1))
    assert (late["type"], late["cutoff_on"], late["asked_fen"]) == ("/problems/year-cut-off", "2020-12-20", 1)
    await c.post(c.head, f"{CASE}/funds/carry-forward", line | {"stage": "paid_out"})
    await c.post(c.head, f"{CASE}/funds/lapse", line)
    await c.post(c.head, f"{FUNDS}/carry-forward", funds(1_000_000), "decided")
    await c.post(c.head, f"{FUNDS}/lapse", funds(1_000_000), "decided")
    rows = (await c.get(f"{CASE}/funds", sort="year"))["items"]
    budget = {row["year"]: row for row in rows if row["source"] == "budget"}
    assert budget[2020]["carried_forward_fen"] == budget[2021]["paid_out_fen"] == budget[2021]["carried_in_fen"]
    assert (budget[2020]["allocated_fen"], budget[2020]["committed_fen"]) == (0, 0)
    await c.advance("2021-01-05T09:00:00+08:00")
    year = {"period": "year", "last_day": "2020-12-31"}
    assert await c.refused(c.finance, f"{FUNDS}/close-period", year | {"last_day": "2020-12-30"}) == (
        422, "period-ends-otherwise",
    )  # fmt: skip
    await c.post(c.finance, f"{FUNDS}/close-period", year)
    (period,) = (await c.get(f"{PROGRAMME}/periods"))["items"]
    assert (period["last_day"], period["rules_version"], len(period["trial_balance_digest"])) == ("2020-12-31", 2, 64)
    assert period["rules_digest"] == rules_digest(2)
    digest = period["trial_balance_digest"]
    table = await c.get(f"{PROGRAMME}/periods/2020-12-31/trial-balance")
    assert table["trial_balance_digest"] == digest
    assert {row["account"] for row in table["rows"]} >= {"B100", "B235", "B250", "B260"}
    for _ in range(2):
        answer = await c.served.get(c.clerk, f"{PROGRAMME}/periods/2020-12-31/trial-balance", format="csv")
        assert sha256(answer.content).hexdigest() == digest
    for nothing in ("2020-11-30", "christmas"):
        answer = await c.served.get(c.clerk, f"{PROGRAMME}/periods/{nothing}/trial-balance")
        assert answer.status_code == 404
    hidden = await c.served.get(c.hands["BR-1"], f"{PROGRAMME}/periods/2020-12-31/trial-balance")
    assert hidden.status_code == 404
    body = funds(1, year=2021, bank_reference="BANK-9")
    headers = {"Effective-On": "2020-12-28", "Reason": f"late; document={c.paper}"}
    answer = await c.served.post(c.finance, f"{CASE}/funds/return", body, headers=headers)
    assert (answer.status_code, answer.json()["because"]["closed_through"]) == (409, "2020-12-31")
    await c.post(c.finance, f"{CASE}/funds/return", body | {"occurred_on": "2020-12-28"})


async def test_the_books_are_given_to_programs_that_are_not_ours(treasury: Treasury) -> None:
    c = treasury
    texts = {}
    for form in ("beancount", "hledger"):
        answer = await c.served.get(c.finance, f"{PROGRAMME}/books", {"Accept-Language": "zh"}, format=form)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == f"text/x-{form}; charset=utf-8"
        assert f"账簿 {CALL}" in answer.text
        texts[form] = answer.text
    assert 'option "operating_currency" "FEN"' in texts["beancount"]
    rows = (await c.get("/v1/journal", limit=200))["items"]
    assert texts["beancount"].count("  position: ") == texts["hledger"].count("; position:") == len(rows)
    early = (await c.served.get(c.finance, f"{PROGRAMME}/books", effective_on="2020-07-02")).text
    assert "\n  position: " not in early
    other = await c.served.get(c.finance, f"{PROGRAMME}/books", format="ledger")
    assert (other.status_code, other.json()["because"]["known"]) == (406, "beancount, hledger")
    for reader, path in ((c.hands["BR-1"], f"{PROGRAMME}/books"), (c.finance, "/v1/programmes/NONE/books")):
        assert (await c.served.get(reader, path)).status_code == 404


async def test_a_register_may_call_a_field_as_it_likes(treasury: Treasury) -> None:
    """That matching is ``reached`` has nothing to do with the position that a list has reached."""
    c = treasury
    head = await (await c.served.parts.stores(c.clerk.log_id)).head()
    asked: list[dict[str, Any]] = [{}, {"application_id": "A-1"}, {"application_id": "none"}]
    for query in (*asked, {"as_of": "2000-01-01T00:00:00Z"}):
        answer = await c.served.get(c.finance, "/v1/matching", **query)
        assert answer.status_code == 200, answer.text
        assert answer.json()["position"] == (0 if "as_of" in query else head)


async def test_the_books_are_the_offices_and_balance(treasury: Treasury) -> None:
    c = treasury
    rows = (await c.get("/v1/balances", programme_id=CALL, limit=200))["items"]
    stages = ("unallocated", "allocated", "committed", "in_transit", "paid_out", "accounted_for", "frozen", "recovered",
              "carried_forward")  # fmt: skip
    resources = ("appropriated", "carried_in", "pledged", "adjusted")
    for source, year in {(row["source"], row["year"]) for row in rows}:
        line = [row for row in rows if (row["source"], row["year"]) == (source, year)]
        there = sum(row[f"{stage}_fen"] for row in line for stage in stages)
        assert there == sum(row[f"{resource}_fen"] for row in line for resource in resources), (source, year)
    as_of = (await c.get("/v1/balances", programme_id=CALL, effective_on="2020-07-02"))["items"]
    assert as_of == []
    own = (await c.get("/v1/journal", c.hands["BR-1"], limit=200))["items"]
    assert own
    assert {row["application_id"] for row in own} == {"A-1"}
    assert (await c.get("/v1/journal", c.hands["BR-2"]))["items"] == []


async def test_accounts_are_read_with_their_lines_and_the_balance_after_each(treasury: Treasury) -> None:
    c = treasury
    accounts, lines = f"{PROGRAMME}/accounts", f"{PROGRAMME}/accounts/F1002:budget:2020/lines"
    found = await c.get(accounts, c.finance)
    held = {row["account"]: row for row in found["items"]}
    assert sum(row["debit_fen"] - row["credit_fen"] for row in found["items"]) == 0
    page = await c.get(lines, c.finance, limit=2)
    assert (page["side"], page["before_fen"], len(page["items"])) == ("debit", 0, 2)
    assert page["items"][-1]["balance_fen"] == page["after_fen"]
    shown, bodies = [*page["items"]], 1
    while page["next"]:
        before, page = page, await c.get(lines, c.finance, limit=2, cursor=page["next"])
        assert page["before_fen"] == before["after_fen"]
        shown, bodies = shown + page["items"], bodies + 1
    assert bodies > 2
    assert page["after_fen"] == held["F1002:budget:2020"]["balance_fen"]
    newest = await c.get(lines, c.finance, order="newest", limit=200)
    assert newest["items"] == shown[::-1]
    july = await c.get(lines, c.finance, first_day="2020-07-03", last_day="2020-07-31")
    assert july["items"]
    assert all("2020-07-02T16" <= row["effective_at"] < "2020-07-31T16" for row in july["items"])
    early = await c.get(accounts, c.finance, effective_on="2020-07-02")
    assert early["items"] == []
    text = (await c.served.get(c.finance, lines, format="csv")).text.split("\r\n")
    assert text[0] == "position,line,effective_at,fact,other,debit_fen,credit_fen,balance_fen"
    assert len(text) == len(shown) + 2
    assert (await c.served.get(c.finance, accounts, format="xlsx")).status_code == 200


async def test_what_is_no_account_is_not_there_and_a_cursor_is_of_its_own_list(treasury: Treasury) -> None:
    c, lines = treasury, f"{PROGRAMME}/accounts/F1002:budget:2020/lines"
    page = await c.get(lines, c.finance, limit=1)
    for parameters in (
        {"order": "newest", "cursor": page["next"]}, {"cursor": "x"}, {"order": "best"}, {"limit": 0},
        {"first_day": "2020-08-01", "last_day": "2020-07-01"}, {"cursor": page["next"], "at_position": 1},
    ):  # fmt: skip
        assert (await c.served.get(c.finance, lines, **parameters)).status_code in {400, 422}, parameters
    digest, position, (at, *where) = json.loads(base64.urlsafe_b64decode(page["next"]))
    for forged in (
        [digest, 2**70, [at, *where]], [digest, -1, [at, *where]], [digest, position, [at, 2**70, 1]],
        [digest, position, ["2020-07-01T00:00:00", *where]], [digest, position, ["0001-01-01T00:00:00Z", *where]],
        [digest, position], ["0" * 16, position, [at, *where]],
    ):  # fmt: skip
        text = base64.urlsafe_b64encode(json.dumps(forged).encode()).decode()
        assert (await c.served.get(c.finance, lines, limit=1, cursor=text)).status_code in {400, 422}, forged
    for reader, path in ((c.hands["BR-1"], lines), (c.finance, f"{PROGRAMME}/accounts/BANK/lines")):
        assert (await c.served.get(reader, path)).status_code == 404


async def test_what_was_closed_under_older_rules_is_shown_by_these(treasury: Treasury) -> None:
    c = treasury
    head = (await c.get("/v1/journal", c.finance))["position"]
    for version, last_day in ((1, date(2021, 6, 30)), (2, date(2021, 7, 31))):
        await c.record(
            PeriodClosed(
                programme_id=ProgrammeId(CALL), period="month", last_day=last_day, covers_position=head, entries=1,
                rules_version=version, trial_balance_digest="d" * 64,
            )
        )  # fmt: skip
        path = f"{PROGRAMME}/periods/{last_day}/trial-balance"
        found = await c.get(path, c.finance, min_position=head + 1)
        assert ("F4001" in {row["account"] for row in found["rows"]}) is (version == 2)


async def test_the_posting_rules_are_given_as_the_bytes_that_closes_are_digested_by(treasury: Treasury) -> None:
    c = treasury
    for version in RULES_VERSIONS:
        answer = await c.served.get(c.hands["BR-1"], f"/v1/posting-rules/{version}")
        assert answer.status_code == 200, answer.text
        assert sha256(answer.content).hexdigest() == rules_digest(version) == answer.headers["ETag"].strip('"')
        assert answer.json()["version"] == version
        again = {"If-None-Match": answer.headers["ETag"]}
        assert (await c.served.get(c.finance, f"/v1/posting-rules/{version}", again)).status_code == 304
    for unknown in ("0", "3", "two", "02"):
        assert (await c.served.get(c.finance, f"/v1/posting-rules/{unknown}")).status_code == 404
