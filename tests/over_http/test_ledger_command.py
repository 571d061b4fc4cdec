"""``biaogan ledger`` against a running server: read, explained, compared, exported, closed and reconciled."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog
from beancount.loader import load_string

from api.cli import main
from domain.funding.events import LedgerFile, LedgerPublished, PeriodClosed
from domain.ids import CalendarYear, InstitutionId, ProgrammeId
from domain.kernel import Event
from infra.record import Accepted, Fact, Proposal
from projections.statements import STATEMENTS
from tests.call import CALL
from tests.over_http.test_api_statements import Accountant, accountant
from tests.test_funding_story import STORY, yuan
from tests.viewing import envelope

__all__ = ["accountant"]

REFUSED, UNREACHABLE = 3, 4


@dataclass
class Terminal:
    """A terminal of the finance officer: the program runs beside the server."""

    accountant: Accountant
    capture: pytest.CaptureFixture[str]

    async def run(self, *arguments: str | Path, token: str | None = None) -> tuple[int, str, str]:
        served = self.accountant.served
        said = token or await served.token(self.accountant.finance)
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("BIAOGAN_URL", str(served.http.base_url))
            environment.setenv("BIAOGAN_TOKEN", said)
            self.capture.readouterr()
            code = await asyncio.to_thread(main, ["ledger", *map(str, arguments)])
        out, err = self.capture.readouterr()
        return code, out, err

    async def answer(self, *arguments: str | Path) -> Any:
        code, out, err = await self.run(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)


@pytest.fixture(scope="module", autouse=True)
def silent() -> Iterator[None]:
    """The server runs in this very process, and would write its log into the answers."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(io.StringIO()))
    yield
    structlog.reset_defaults()


@pytest.fixture
def terminal(accountant: Accountant, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(accountant, capsys)


async def test_a_statement_is_shown_in_yuan_and_in_both_languages(terminal: Terminal) -> None:
    code, out, _ = await terminal.run("statement", CALL)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(STATEMENTS)
    code, out, _ = await terminal.run("statement", CALL, "budget_execution")
    assert "Accounted for · 已核销: 105,330.00" in out.splitlines()[4:30][-20:][0] or "105,330.00" in out
    first = await terminal.answer(
        "statement", CALL, "budget_execution", "--year", "2020", "--effective-on", "2020-12-31"
    )
    (row,) = [row for row in first["rows"] if row["row"] == "budget"]
    assert row["accounted_for_fen"] == yuan(51_850)


async def test_a_cell_is_explained_line_by_line(terminal: Terminal) -> None:
    code, out, _ = await terminal.run("explain", CALL, "budget_execution", "budget/branch/BR-3", "recovered_fen")
    head, _, *lines = out.splitlines()
    assert (code, head) == (0, "budget/branch/BR-3 recovered_fen: 4,300.00")
    assert [line.split()[1:3] for line in lines] == [["2020-12-25", "1,600.00"], ["2022-09-15", "2,700.00"]]
    code, out, _ = await terminal.run("explain", CALL, "budget_execution", "budget", "balance_fen")
    assert "[held_fen]" in out


async def test_two_positions_are_compared(terminal: Terminal) -> None:
    last = next(told for told in reversed(STORY.past.log) if told.type == "funding.returned.v1")
    at = terminal.accountant.at[last.position]
    code, out, _ = await terminal.run("difference", CALL, "recoveries", str(at - 1), str(at))
    assert code == 0
    assert out.splitlines()[-1].split() == [str(at), "2022-07-15", "120.00", "funding.returned.v1"]


async def test_everything_is_exported_as_known_at_one_position(terminal: Terminal, tmp_path: Path) -> None:
    told = await terminal.answer("export", CALL, "-o", tmp_path / "out")
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    suffixes = ("csv", "excel.csv", "xlsx", "json")
    wanted = {f"{code}.{suffix}" for code in STATEMENTS for suffix in suffixes} | {"books.beancount", "books.journal"}
    assert set(files) == wanted | {"ledger.json"}
    assert told["sha256"] == {name: sha256(files[name]).hexdigest() for name in wanted}
    kept = json.loads(files["ledger.json"])
    assert (kept["selected"]["position"], kept["simulated"]) == (told["selected"]["position"], True)
    for code in STATEMENTS:
        read = json.loads(files[f"{code}.json"])
        assert read["digest"] == kept["sha256"][f"{code}.csv"]
        assert read["selected"]["position"] == told["selected"]["position"]
    _, errors, _ = load_string(files["books.beancount"].decode())
    assert errors == []
    again = await terminal.answer("export", CALL, "payments", "-o", tmp_path / "one", "--format", "csv")
    assert list(again["sha256"]) == ["payments.csv"]
    assert again["sha256"]["payments.csv"] == told["sha256"]["payments.csv"]


async def test_an_export_that_cannot_be_written_leaves_nothing_behind(terminal: Terminal, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file")
    code, out, err = await terminal.run("export", CALL, "payments", "-o", taken / "below", "--format", "csv")
    assert (code, out) == (2, "")
    assert "cannot be written" in err
    code, _, err = await terminal.run("export", CALL, "nothing", "-o", tmp_path / "none", "--format", "csv")
    assert (code, (tmp_path / "none").exists()) == (REFUSED, False)
    assert "404" in err


async def test_what_is_asked_wrongly_is_refused_with_a_sentence(terminal: Terminal) -> None:
    for arguments, code, told in (
        (("statement", CALL, "budget_execution", "--year", "soon"), 2, "--year"),
        (("statement", CALL, "budget_execution", "--last-year", "2021"), REFUSED, "last_year"),
        (("statement", "NONE", "budget_execution"), REFUSED, "404"),
        (("explain", CALL, "budget_execution", "lottery", "balance_fen"), REFUSED, "row"),
        (("difference", CALL, "payments", "999999999"), REFUSED, "from_position"),
        (("close", CALL, "week", "2020-07-31"), 2, "week"),
    ):
        ran, out, err = await terminal.run(*arguments)
        assert (ran, out) == (code, ""), (arguments, err)
        assert told in err
    outsider = await terminal.accountant.served.token(terminal.accountant.outsider)
    assert (await terminal.run("reconcile", CALL, token=outsider))[0] == REFUSED
    ran, _, err = await terminal.run("statement", CALL, "--url", "http://127.0.0.1:9")
    assert (ran, "没有应答" in err) == (UNREACHABLE, True)


async def test_a_period_is_closed_and_everything_agrees_until_something_does_not(
    terminal: Terminal, attacker: asyncpg.Connection
) -> None:
    served = terminal.accountant.served
    for view in ("/v1/balances", f"/v1/programmes/{CALL}/periods", f"/v1/programmes/{CALL}/ledgers"):
        await terminal.accountant.built(view)
    code, out, err = await terminal.run("reconcile", CALL)
    assert (code, "agree" in out) == (0, True), err
    to = {"to": "2022-10-08T09:00:00+08:00", "unattended": True}
    assert (await served.post(served.office.administrator, "/v1/clock/advance", to)).status_code == 200
    closings = []
    for period, last_day in (("year", "2020-12-31"), ("year", "2021-12-31")):
        closed = await terminal.answer("close", CALL, period, last_day)
        assert [event["type"] for event in closed["events"]] == ["funding.period_closed.v1"]
        closings.append(closed["version"])
    assert (await terminal.run("close", CALL, "year", "2020-12-31"))[0] == REFUSED
    agreed = await terminal.answer("reconcile", CALL)
    assert (agreed["closed_periods"], agreed["published_ledgers"], agreed["differences"]) == (2, 0, [])

    about: dict[str, Any] = {"programme_id": ProgrammeId(CALL), "rules_version": 2}
    head = await (await served.parts.stores(served.office.log_id)).head()
    wrong = PeriodClosed(
        **about, period="month", last_day=STORY.past.log[-1].envelope.effective_at.date(), covers_position=head,
        entries=1, trial_balance_digest="d" * 64,
    )  # fmt: skip
    never_kept = LedgerPublished(
        **about, institution_id=InstitutionId("MAIN"), period="year", last_day=date(2020, 12, 31),
        year=CalendarYear(2020), closed_position=closings[0], covers_position=head, rules_digest="e" * 64,
        files=(LedgerFile(name="payments", digest="f" * 64, size=9),), to_be_confirmed=False,
    )  # fmt: skip
    await record(terminal, wrong, never_kept)
    view = await attacker.fetchval("select relation from view.live where name = 'balance'")
    changed = f'update view."{view}" set recovered_fen = recovered_fen + 1 where whose = $1 and year = 2020'
    await attacker.execute(changed, "BR-3")
    code, out, err = await terminal.run("reconcile", CALL)
    assert code == 1
    of_view, of_close, of_ledger = out.splitlines()
    assert ("BR-3/budget/2020 recovered_fen: 1,600.01" in of_view, "1,600.00" in of_view) == (True, True)
    assert ("2022-09-15" in of_close, "d" * 64 in of_close) == (True, True)
    assert ("payments" in of_ledger, "f" * 64 in of_ledger, "所存 –" in of_ledger) == (True, True, True)
    assert "3 differences" in err


async def record(terminal: Terminal, *events: Event) -> None:
    served = terminal.accountant.served
    store = await served.parts.stores(served.office.log_id)
    for event in events:
        outcome = await store.append(Proposal(request_hash=b"", facts=(Fact.of(event),), envelope=envelope()))
        assert isinstance(outcome, Accepted)
    await served.views.until(served.office.log_id, await store.head())
