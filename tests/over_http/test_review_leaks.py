"""Until scoring is over nothing anywhere holds a mark, nor anything that links a person to a seat or a sheet.

All of it is looked through: every table, the export, the feed for every kind of reader, the log, the figures and every
way in which a sheet can be refused. Afterwards each opened sheet matches what was committed to, and a forged one is
named by whoever folds and by the check of an export.
"""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
import structlog

from api.cli.openings import Openings
from domain.institution.commands import AdvanceClock
from domain.kernel import Refusal, encode
from domain.review.events import Mark, ScoreSheetOpened
from domain.review.policy import proves
from domain.review.ranking import OpenedForged, RankApplications
from domain.review.sheet import SheetAlreadyOpened
from infra.front_door import Caller
from infra.line import Checked, check, line
from infra.log import configure
from tests.call import BRANCH_TRACK
from tests.conftest import Database
from tests.over_http.serving import Served, serving
from tests.panel import criterion
from tests.reviewing import CLOSES_AT, PANEL, Review, a_review, write
from tests.vaulting import everything
from tests.walks.contents import caught_up

FORM = tuple(criterion(name, 10_000, highest_tenths=999_999_999, step_tenths=1) for name in ("plan", "deeds"))
"""Marks of nine digits: they are found where they stand, and nowhere by chance."""
OPINION = "意见记号甲乙丙丁"
APPLICATIONS = ("A-1", "A-2", "A-3")


@dataclass
class Scored:
    """A panel whose three reviewers have filed, amended, declared and been refused, over HTTP; scoring is not over."""

    served: Served
    review: Review
    marks: Mapping[tuple[str, str], Mapping[str, int]]
    problems: list[str]
    log: io.StringIO

    @property
    def people(self) -> list[str]:
        return [caller.person_id for caller in self.review.reviewers.values()]

    @property
    def written_marks(self) -> list[str]:
        return [str(tenths) for sheet in self.marks.values() for tenths in sheet.values()]

    async def export(self) -> list[bytes]:
        office, lines = self.served.office, []
        async for page in (await office.parts.stores(office.log_id)).rows():
            lines += [line(office.institution_id, row) + b"\n" for row in page]
        return lines


def marks_of() -> dict[tuple[str, str], dict[str, int]]:
    numbers = itertools.count(313_579_246, 7_919_333)
    pairs = itertools.product(("S-1", "S-2", "S-3"), APPLICATIONS)
    return {pair: {"plan": next(numbers), "deeds": next(numbers)} for pair in pairs}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure("test", "DEBUG", stream)
    yield stream
    structlog.reset_defaults()


@pytest_asyncio.fixture
async def scored(database: Database, log: io.StringIO, tmp_path: Path) -> AsyncIterator[Scored]:
    async with serving(database, tmp_path) as served:
        review = await a_review(served.office, criteria=FORM, tie_breaks=(), minimum_sheets=1)
        await review.open_scoring()
        scene = Scored(served, review, marks_of(), [], log)
        for (seat, application), marks in scene.marks.items():
            await send(scene, seat, f"applications/{application}/sheet", sheet(marks))
        await provoke(scene)
        yield scene


def sheet(marks: Mapping[str, Any]) -> dict[str, Any]:
    return {"marks": marks, "opinion": {"opinion": OPINION}}


async def send(scene: Scored, seat: str, path: str, body: Any, *, refused: bool = False, reason: str = "") -> None:
    headers = {"Reason": reason} if reason else {}
    caller = scene.review.reviewers[seat]
    answer = await scene.served.post(caller, f"/v1/panels/{PANEL}/{path}", body, headers=headers)
    assert (answer.status_code != 201) is refused, answer.text
    if refused:
        scene.problems.append(answer.text)


async def provoke(scene: Scored) -> None:
    """Every way in which a mark or a person could come back in a problem, and amendments that come after them."""
    good = scene.marks["S-1", "A-1"]
    plan, deeds = good["plan"], good["deeds"]
    at = "applications/A-1/sheet"
    bad: list[Any] = [
        sheet(good),
        sheet({"plan": plan * 10, "deeds": deeds}),
        sheet({"plan": -plan, "deeds": deeds}),
        sheet({"plan": plan}),
        sheet({"plan": plan, "deeds": deeds, "style": deeds}),
        sheet({"plan": str(plan), "deeds": deeds}),
        sheet({str(plan): plan, "deeds": deeds}),
        {"marks": good, "opinion": {str(plan): OPINION}},
        {"marks": good, "opinion": {"opinion": ""}},
        {"marks": [plan, deeds], "opinion": OPINION},
        {**sheet(good), str(plan): deeds},
    ]
    for body in bad:
        await send(scene, "S-1", at, body, refused=True)
        await send(scene, "S-1", f"{at}/amend", body if body != bad[0] else sheet({}), refused=True, reason="misread")
    await send(scene, "S-1", f"{at}/amend", sheet(good), refused=True)
    await send(scene, "S-1", f"{at}/amend", sheet(good), reason="misread")
    await send(scene, "S-2", "applications/A-2/declare-interest", {"interest": "colleague"})
    await send(scene, "S-2", "applications/A-2/sheet/amend", sheet(good), refused=True, reason="misread")
    stranger = await scene.served.office.somebody("reviewer")
    answer = await scene.served.post(stranger, f"/v1/panels/{PANEL}/{at}", sheet(good))
    assert answer.status_code == 403
    scene.problems.append(answer.text)
    body = {"reviewer": scene.people[0]}
    answer = await scene.served.post(scene.review.clerk, f"/v1/panels/{PANEL}/seats", body)
    assert answer.status_code == 409
    scene.problems.append(answer.text)


def found(texts: Mapping[str, str], words: Iterable[str]) -> list[tuple[str, str]]:
    return [(place, word) for place, text in texts.items() for word in words if word in text]


def hexed(word: str) -> str:
    return word.encode().hex()


async def places(scene: Scored, superuser: asyncpg.Connection) -> dict[str, str]:
    """Everything there is to read, by where it stands."""
    office, review = scene.served.office, scene.review
    await caught_up(superuser, office.log_id)
    texts = dict(await everything(superuser))
    texts["export"] = b"".join(await scene.export()).decode()
    texts["log"] = scene.log.getvalue()
    texts["problems"] = "\n".join(scene.problems)
    texts["figures"] = (await scene.served.http.get("/metrics")).text
    readers = {
        "clerk": review.clerk,
        "head": review.head,
        "administrator": office.administrator,
        "auditor": await office.somebody("auditor"),
        "supervisor": await office.somebody("supervisor"),
        "applicant": await office.somebody("applicant", "BR-1"),
        "stranger": await office.somebody("reviewer"),
    }
    for role, caller in readers.items():
        for path in (
            "/v1/events?limit=1000",
            f"/v1/panels/{PANEL}/sheets",
            f"/v1/panels/{PANEL}/sheets?format=csv",
            f"/v1/panels/{PANEL}/board",
            f"/v1/panels/{PANEL}/scoreboard",
            f"/v1/panels/{PANEL}/tracks/branch/ranking",
            "/v1/applications/A-1/case-file?format=csv",
            "/v1/inbox",
        ):
            answer = await scene.served.get(caller, path.partition("?")[0], **dict(re.findall(r"(\w+)=(\w+)", path)))
            texts[f"{role} {path}"] = answer.text
    return texts


async def test_before_closing_no_mark_stands_anywhere(scored: Scored, superuser: asyncpg.Connection) -> None:
    texts = await places(scored, superuser)
    words = [*scored.written_marks, OPINION]
    assert found(texts, [*words, *map(hexed, words)]) == []
    # What is looked for is found where it may stand: by the author of a sheet, who reads the own one.
    own = f"/v1/panels/{PANEL}/applications/A-1/sheet"
    mine = {"mine": (await scored.served.get(scored.review.reviewers["S-1"], own)).text}
    assert found(mine, scored.written_marks) != []
    assert len(texts["problems"].splitlines()) > 20
    assert '"boundary' not in texts["log"]
    assert '"route":"/v1/panels/{panel_id}/applications/{application_id}/sheet"' in texts["log"]


async def test_before_closing_nothing_links_a_person_to_a_seat_or_a_sheet(
    scored: Scored, superuser: asyncpg.Connection
) -> None:
    texts = await places(scored, superuser)
    review = scored.review
    events = await review.events()
    coded = [r for r in events if r.envelope.actor_id.startswith(f"{PANEL}/")]
    assert len(coded) == 9 + 1 + 1
    seated = [r.event.commitment for r in events if r.type == "review.reviewer_seated.v1"]
    sheets = [c for r in coded if (c := getattr(r.event, "commitment", None))]
    documents = [r.event.opinion_document_id for r in coded if r.type.startswith("review.score_sheet")]
    commands = [str(r.envelope.command_id) for r in coded]
    seat_words = [
        *seated,
        *sheets,
        *documents,
        *commands,
        *(f"{PANEL}/S-{n}" for n in (1, 2, 3)),
        *("S-1", "S-2", "S-3"),
    ]
    person_words = await identities(scored, superuser)
    # No row of a table, no line of an export or a log, no item of an answer names both.
    for place, text in texts.items():
        for row in parts_of(place, text):
            both = [word for word in person_words if word in row], [word for word in seat_words if word in row]
            assert not all(both), f"{place}: {both}"
    # Nor do two rows that one command made: what a reviewer did as a person shares no command with what a seat did.
    by_person = {str(r.envelope.command_id) for r in events if any(word in repr(r) for word in person_words)}
    assert by_person
    assert not by_person & set(commands)
    # And whoever knows every person and every key finds no command of a seat by them.
    door, institution = review.office.parts.door, await review.office.parts.clock.institution(review.office.log_id)
    tried = {
        str(door.command_id(institution, who, f"{kind}-{n}"))
        for who in scored.people
        for kind in ("key", "http")
        for n in range(200)
    }
    assert not tried & set(commands)
    told = {str(door.command_id(institution, f"{PANEL}/S-1", f"http-{n}")) for n in range(200)}
    assert told & set(commands)


def parts_of(place: str, text: str) -> list[str]:
    """What is about one thing each: a row, a line, an item of an answer."""
    if " /v1/" not in place or not text.startswith("{"):
        return text.splitlines()
    values = json.loads(text).values()
    return [json.dumps(part) for value in values for part in (value if isinstance(value, list) else [value])]


async def identities(scene: Scored, superuser: asyncpg.Connection) -> list[str]:
    """Every word that stands for a reviewer as a person: pseudonym, appointment, tokens by id and by hash."""
    tokens = await superuser.fetch(
        "SELECT token_id::text AS id, encode(hash, 'hex') AS hash FROM token WHERE person_id = ANY($1::text[])",
        scene.people,
    )
    assert len(tokens) == 3
    words = [word for row in tokens for word in (row["id"], row["hash"])]
    # A column of bytes is shown in hexadecimal, and may hold a part of an id.
    as_bytes = [form for person in scene.people for form in (hexed(person)[:32], person.replace("-", ""))]
    return [*scene.people, *(f"a-{person}" for person in scene.people), *words, *as_bytes]


async def over(scene: Scored) -> None:
    office, review = scene.served.office, scene.review
    await office.ask(office.administrator, AdvanceClock, to=CLOSES_AT)
    await review.close()
    await review.open_sheets()


async def test_afterwards_every_sheet_matches_its_commitment_and_still_names_no_person(
    scored: Scored, superuser: asyncpg.Connection
) -> None:
    await over(scored)
    by_position = {r.position: r for r in await scored.review.events()}
    opened = [r.event for r in by_position.values() if isinstance(r.event, ScoreSheetOpened)]
    assert len(opened) == len(scored.marks)
    for each in opened:
        filed = by_position[each.filed_position].event
        assert proves(each.salt, each.marks, filed.commitment)
        assert {m.criterion: m.tenths for m in each.marks} == scored.marks[each.seat_id, each.application_id]
    assert checked(await scored.export()).findings == []
    rows = await rows_of(scored, superuser)
    assert {row["sound"] for row in rows.values()} == {True}
    texts = dict(await everything(superuser))
    person_words = await identities(scored, superuser)
    for place, text in texts.items():
        for row in text.splitlines():
            assert not (any(w in row for w in person_words) and re.search(r"\bS-[123]\b", row)), place
    # The first sheet of the amended one is sealed for ever: of each seat and application one was opened.
    assert len({(each.seat_id, each.application_id) for each in opened}) == len(opened)


def checked(lines: Iterable[bytes]) -> Checked:
    return check(lines, Openings())


async def rows_of(scene: Scored, superuser: asyncpg.Connection) -> dict[tuple[str, str], Any]:
    await caught_up(superuser, scene.served.office.log_id)
    page = (await scene.served.get(scene.review.clerk, f"/v1/panels/{PANEL}/sheets", limit=200)).json()
    return {(row["seat_id"], row["application_id"]): row for row in page["items"] if row["opened_position"]}


def forged(lines: list[bytes], change: Any) -> list[bytes]:
    """The export with one opening altered, in canonical form, as a forger would leave it."""
    out, done = [], False
    for raw in lines:
        body = json.loads(raw)
        if body["type"] != ScoreSheetOpened.TOPIC or done:
            out.append(raw)
            continue
        change(body["data"])
        done = True
        out.append(json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return out


def another_mark(data: Any) -> None:
    data["marks"][0]["tenths"] += 1


def another_salt(data: Any) -> None:
    data["salt"] = "f" * 64


def another_sheet(data: Any) -> None:
    data["filed_position"] = 1


def another_seat(data: Any) -> None:
    data["seat_id"] = "S-9"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (another_mark, "forges the sheet of seat S-1 on A-2"),
        (another_salt, "forges the sheet of seat S-1 on A-2"),
        (another_sheet, "which position 1 does not file"),
        (another_seat, "does not file"),
    ],
)
async def test_the_check_of_an_export_names_a_forged_opening(scored: Scored, change: Any, says: str) -> None:
    await over(scored)
    found_ = checked(forged(await scored.export(), change)).findings
    assert len([finding for finding in found_ if says in finding]) == 1, found_
    position = next(r.position for r in await scored.review.events(ScoreSheetOpened.TOPIC))
    assert f"position {position} " in found_[0]


async def test_an_opening_written_past_the_door_is_named_by_fold_ranking_and_check(
    scored: Scored, superuser: asyncpg.Connection
) -> None:
    office, review = scored.served.office, scored.review
    await office.ask(office.administrator, AdvanceClock, to=CLOSES_AT)
    await review.close()
    filed = next(r for r in await review.events("review.score_sheet_filed.v1") if r.event.seat_id == "S-3")
    marks = (Mark("deeds", 999_999_999), Mark("plan", 999_999_999))
    fields = {name: getattr(filed.event, name) for name in ("panel_id", "seat_id", "application_id")}
    forgery = ScoreSheetOpened(
        **fields, track_id=BRANCH_TRACK, filed_position=filed.position, salt="a" * 64, marks=marks
    )
    await write(office, forgery)
    assert b"999999999" in encode(forgery)
    rows = await rows_of(scored, superuser)
    assert [key for key, row in rows.items() if row["sound"] is False] == [("S-3", filed.event.application_id)]
    (finding,) = checked(await scored.export()).findings
    assert f"forges the sheet of seat S-3 on {filed.event.application_id}" in finding
    # What the automation then opens is refused for the forged one, and no ranking passes over it.
    refused: list[Refusal] = []
    assert len(await review.open_sheets(refused)) == len(scored.marks) - 1
    assert [type(refusal) for refusal in refused] == [SheetAlreadyOpened]
    with pytest.raises(OpenedForged):
        await review.ask(review.clerk, RankApplications, panel_id=PANEL, track_id="branch")


async def test_a_reader_of_an_own_seat_is_not_shown_what_another_gave(scored: Scored) -> None:
    await over(scored)
    mine: Caller = scored.review.reviewers["S-1"]
    for path in (f"/v1/panels/{PANEL}/scoreboard", f"/v1/panels/{PANEL}/sheets", "/v1/events"):
        text = (await scored.served.get(mine, path)).text
        assert found({path: text}, scored.written_marks) == []
