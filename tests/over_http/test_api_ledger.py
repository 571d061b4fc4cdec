"""Periodic ledgers over HTTP: closed, published by the worker, read in every form, confirmed by another, verified."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from hashlib import sha256
from typing import Any

import asyncpg
import pytest
from python_calamine import CalamineWorkbook

from infra.outbox import Outbox
from tests.over_http.test_api_funding import FUNDS, PROGRAMME, RULE, Treasury, funds, treasury
from tests.scheduling import automating, eventually
from workers.automations import AUTOMATIONS

__all__ = ["treasury"]

FOLLOWS = "when_ledger_published_publish_that_of_institution"
JULY = f"{PROGRAMME}/ledgers/month/2020-07-31"


async def published(c: Treasury, path: str) -> dict[str, Any]:
    """A ledger once it is published, and everything that follows from that is done."""
    outbox = Outbox(c.served.parts.pool)

    async def look() -> dict[str, Any] | None:
        row: dict[str, Any] = await c.get(path)
        if row["state"] != "published":
            return None
        rows = await outbox.list(c.finance.log_id)
        follows = any(each.automation == FOLLOWS and each.position == row["published_position"] for each in rows)
        return row if follows and all(each.state == "done" for each in rows) else None

    async with automating(c.served.parts, AUTOMATIONS):
        found: dict[str, Any] = await eventually(look, f"{path} is published")
    return found


def in_book_b(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in told["rows"] if row["book"] == "B"]


async def test_a_closed_month_is_published_with_its_files(treasury: Treasury) -> None:
    c = treasury
    read = {"value": {"type": "ratio", "ratio_bp": 10_000}}
    await c.post(c.clerk, f"{PROGRAMME}/terms/matching_ratio/interpret", read, "damaged")
    rule = RULE | {"cycle_ends_on": "2022-09-30"}
    alone = await c.served.post(c.head, f"{PROGRAMME}/funding-rule", rule, headers={"Reason": "call_is_silent"})
    assert (alone.status_code, alone.json()["type"]) == (422, "/problems/cycle-without-months")
    await c.post(c.head, f"{PROGRAMME}/funding-rule", RULE | {"closes_confirmed": True}, "call_is_silent")
    await c.post(c.finance, f"{FUNDS}/appropriate", funds(5_500_000, document_id=c.paper))
    await c.advance("2020-08-05T09:00:00+08:00")
    await c.post(c.finance, f"{FUNDS}/close-period", {"period": "month", "last_day": "2020-07-31"})
    before = await c.get(JULY)
    assert (before["state"], before["files"]) == ("closed", [])
    row = await published(c, JULY)
    assert (row["awaits_confirmation"], row["rules_version"]) == (True, 2)
    assert {"journal", "trial_balance", "budget_execution"} <= {file["name"] for file in row["files"]}
    assert (await c.get(f"{PROGRAMME}/ledgers", state="published"))["items"][0]["last_day"] == "2020-07-31"


async def test_a_file_is_the_bytes_of_its_digest_and_the_same_rows_in_other_forms(treasury: Treasury) -> None:
    c = treasury
    for file in (await c.get(JULY))["files"]:
        path = f"{JULY}/files/{file['name']}"
        answer = await c.served.get(c.finance, path)
        assert (sha256(answer.content).hexdigest(), len(answer.content)) == (file["digest"], file["size"])
        assert answer.headers["ETag"] == f'"{file["digest"]}"'
        again = await c.served.get(c.finance, path, {"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
        lines = list(csv.DictReader(io.StringIO(answer.text)))
        told = await c.get(path, format="json")
        assert [[*row] for row in told["rows"]] == [[*line] for line in lines]
        assert (told["digest"], told["name"]) == (file["digest"], file["name"])
        excel = (await c.served.get(c.finance, path, format="excel_csv")).content.decode()
        assert excel.startswith("\ufeff")
        assert excel.count("\r\n") == len(lines) + 1
        bytes_ = (await c.served.get(c.finance, path, format="xlsx")).content
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(bytes_))
        cover = {row[0]: row[1] for row in workbook.get_sheet_by_name("Cover").to_python()}
        assert cover["SHA-256 of the canonical CSV"] == file["digest"]
        assert len(workbook.get_sheet_by_name("Data").to_python()) == len(lines) + 1
    (entry,) = in_book_b(await c.get(f"{JULY}/files/journal", format="json"))
    assert (entry["day"], entry["debit"], entry["credit"], entry["amount_fen"]) == (
        "2020-07-03", "B200", "B100", 5_500_000,
    )  # fmt: skip


async def test_the_archive_holds_every_file_in_every_form_and_is_the_same_each_time(treasury: Treasury) -> None:
    c = treasury
    one, other = [await c.served.get(c.finance, f"{JULY}/archive") for _ in range(2)]
    assert one.headers["Content-Type"] == "application/zip"
    assert one.content == other.content
    with zipfile.ZipFile(io.BytesIO(one.content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    row = json.loads(files["ledger.json"])
    assert row["simulated"]
    expected = {f"{file['name']}.{form}" for file in row["files"] for form in ("csv", "excel.csv", "json", "xlsx")}
    assert set(files) == expected | {"ledger.json", "books.beancount", "books.journal"}
    for file in row["files"]:
        assert sha256(files[f"{file['name']}.csv"]).hexdigest() == file["digest"]
        assert json.loads(files[f"{file['name']}.json"])["digest"] == file["digest"]
    books = (await c.served.get(c.finance, f"{PROGRAMME}/books", at_position=row["covers_position"],
                                effective_on="2020-07-31")).text  # fmt: skip
    assert files["books.beancount"].decode() == books
    open_ = f"{PROGRAMME}/ledgers/month/2020-08-31/archive"
    assert (await c.served.get(c.finance, open_)).status_code == 404


async def test_the_institution_has_a_ledger_over_its_programmes(treasury: Treasury) -> None:
    c = treasury
    row = await c.get("/v1/ledgers/month/2020-07-31")
    single = await c.get(JULY)
    assert row["edition"] == 1
    assert row["ledgers"] == [
        {"programme_id": single["programme_id"], "published_position": single["published_position"]}
    ]
    assert [file["name"] for file in row["files"]] == [file["name"] for file in single["files"]]
    for file in row["files"]:
        answer = await c.served.get(c.finance, f"/v1/ledgers/month/2020-07-31/files/{file['name']}")
        assert sha256(answer.content).hexdigest() == file["digest"]
        assert answer.text.startswith("programme_id,")
    told = await c.get("/v1/ledgers/month/2020-07-31/files/journal", format="json")
    assert {entry["programme_id"] for entry in told["rows"]} == {single["programme_id"]}
    assert (await c.served.get(c.hands["BR-1"], "/v1/ledgers/month/2020-07-31")).status_code == 404
    assert (await c.served.get(c.finance, "/v1/ledgers/month/2020-06-30")).status_code == 404


async def test_what_is_no_ledger_or_nobodys_business_is_not_there(treasury: Treasury) -> None:
    c = treasury
    for path in (
        f"{PROGRAMME}/ledgers/month/2020-06-30", f"{PROGRAMME}/ledgers/month/tomorrow",
        f"{PROGRAMME}/ledgers/week/2020-07-31", f"{JULY}/files/nothing",
    ):  # fmt: skip
        assert (await c.served.get(c.finance, path)).status_code == 404
    for path in (JULY, f"{JULY}/files/journal", f"{JULY}/verification"):
        assert (await c.served.get(c.hands["BR-1"], path)).status_code == 404
    other = await c.served.get(c.finance, f"{JULY}/files/journal", format="pdf")
    assert (other.status_code, other.json()["because"]["known"]) == (406, "csv, excel_csv, xlsx, json")


async def test_another_person_confirms_what_was_published(treasury: Treasury) -> None:
    c = treasury
    subject = f"{PROGRAMME.rsplit('/', 1)[1]}/month/2020-07-31"

    async def waits(who: Any) -> list[str]:
        items = (await c.get("/v1/inbox", who))["items"]
        return [item["subject_id"] for item in items if item["task"] == "confirm_ledger"]

    assert await waits(c.finance) == []
    assert await waits(c.head) == [subject]
    assert await c.refused(c.clerk, f"{JULY}/confirm", {}) == (403, "not-permitted")
    said = await c.said(c.finance, f"{JULY}/confirm", {})
    assert (said["type"], said["period"]) == ("/problems/confirmed-by-closer", "month")
    await c.post(c.head, f"{JULY}/confirm", {})
    assert await waits(c.head) == []
    row = await c.get(JULY)
    assert (row["state"], row["confirmed_by"]) == ("confirmed", c.head.person_id)
    assert (await c.said(c.head, f"{JULY}/confirm", {}))["type"] == "/problems/ledger-confirmed-before"
    assert await c.refused(c.head, f"{PROGRAMME}/ledgers/month/2020-06-30/confirm", {}) == (404, "ledger-unknown")


async def test_a_quarter_is_closed_after_its_month_and_tells_of_both(treasury: Treasury) -> None:
    c = treasury
    await c.post(c.finance, f"{FUNDS}/adjust", funds(100_000, raised=True, document_id=c.paper), "approved_later")
    await c.advance("2020-10-08T09:00:00+08:00")
    for period in ("month", "quarter"):
        await c.post(c.finance, f"{FUNDS}/close-period", {"period": period, "last_day": "2020-09-30"})
        await published(c, f"{PROGRAMME}/ledgers/{period}/2020-09-30")
    told = {
        period: in_book_b(await c.get(f"{PROGRAMME}/ledgers/{period}/2020-09-30/files/journal", format="json"))
        for period in ("month", "quarter")
    }
    assert [row["amount_fen"] for row in told["month"]] == [100_000]
    assert [row["amount_fen"] for row in told["quarter"]] == [5_500_000, 100_000]
    assert len((await c.get(f"{PROGRAMME}/periods", last_day="2020-09-30"))["items"]) == 2


@pytest.mark.parametrize("damage", ["changed", "gone"])
async def test_verification_names_the_file_whose_bytes_are_not_its_own(
    treasury: Treasury, attacker: asyncpg.Connection, damage: str
) -> None:
    """What is kept and what follows from the log are compared with the record, file by file."""
    c = treasury
    whole = await c.get(f"{JULY}/verification")
    assert whole["holds"]
    assert all(each["recorded_digest"] == each["kept_digest"] == each["recomputed_digest"] for each in whole["files"])
    digest = next(each["recorded_digest"] for each in whole["files"] if each["name"] == "journal")
    bytes_ = await attacker.fetchval("SELECT bytes FROM published_file WHERE digest = $1 LIMIT 1", digest)
    if damage == "changed":
        await attacker.execute("ALTER TABLE published_file DROP CONSTRAINT published_file_check")
        await attacker.execute("UPDATE published_file SET bytes = 'x' WHERE digest = $1", digest)
    else:
        await attacker.execute("DELETE FROM published_file WHERE digest = $1", digest)
    found = await c.get(f"{JULY}/verification")
    assert not found["holds"]
    assert [each["name"] for each in found["files"] if not each["holds"]] == ["journal"]
    assert (await c.served.get(c.finance, f"{JULY}/files/journal")).status_code == 500
    await attacker.execute("DELETE FROM published_file WHERE digest = $1", digest)
    await attacker.execute("INSERT INTO published_file (log_id, digest, bytes) VALUES ($1, $2, $3)",
                           c.finance.log_id, digest, bytes_)  # fmt: skip
    assert (await c.get(f"{JULY}/verification"))["holds"]


async def test_nobody_changes_what_was_published(treasury: Treasury) -> None:
    pool = treasury.served.parts.pool
    for sql in ("UPDATE published_file SET bytes = bytes", "DELETE FROM published_file"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(sql)
