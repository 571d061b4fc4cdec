"""A programme judged from its filings to its confirmed selections, as often as somebody compares two lives of it.

Between what people do, time passes over deadlines: windows end, reminders and lapses fall due, scoring and publicities
close. How it passes is handed in; what people do meanwhile, with a deadline passed and perhaps nobody to record it, is
the same whether or not anybody did.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.walks.desk import CALL, Desk

PANEL, DECISION, SHOWN, SHOWN_AGAIN = "PANEL", "DECISION", "SHOWN", "SHOWN-AGAIN"
SEATS = ("R1", "R2", "R3")
FIRST, SECOND, THIRD, FOURTH, REJECTED = (f"A-BR-{n}" for n in range(1, 6))
SCORED = (FIRST, SECOND, THIRD, FOURTH)
LATE_AND_EXCUSED, RECUSED = ("R3", FOURTH), ("R3", THIRD)
STAGE: dict[str, Any] = {
    "order": 1,
    "name_zh": "专家评审",
    "name_en": "Expert review",
    "track_ids": ["branch"],
    "criteria": [
        {"code": "work", "name_zh": "工作", "name_en": "Work", "weight_bp": 10_000,
         "lowest_tenths": 0, "highest_tenths": 1_000, "step_tenths": 1}
    ],
    "aggregation": "mean",
    "minimum_sheets": 2,
    "tie_breaks": [{"by": "lot"}],
}  # fmt: skip
SELECTION_RULE = {"quorum_bp": 6_667, "threshold_bp": 5_000, "threshold_of": "entitled", "more_than_threshold": True}
VOTE = {"entitled": 9, "attending": 8, "in_favour": 7, "against": 0, "abstaining": 1}
PUBLICITY_RULE = {
    "matter": "selection",
    "window_days": 5,
    "day_rule": "working",
    "count_first_day": True,
    "identities": ["named", "confidential"],
    "channels": ["written"],
    "decide_within_days": 5,
}
WORKING_DAYS = {
    "days_off": ["2020-06-25", "2020-06-26"],
    "days_worked": ["2020-06-28"],
    "source": "published",
}
CHECKS = ["secrecy", "personal_data"]

Meanwhile = Callable[[], Awaitable[None]]
Passing = Callable[[str, Meanwhile], Awaitable[None]]
"""Lets time pass to an instant over whatever is due by then, and lets people act there; in the end all has followed."""


async def nothing() -> None:
    """What people do meanwhile where they do nothing."""


@dataclass
class Judging:
    """The people of one institution, and how time passes for them."""

    house: Desk
    passing: Passing
    refused: list[tuple[str, int]] = field(default_factory=list)
    """What was refused on the way, and as what."""

    async def act(self, who: str, path: str, body: Any = None, reason: str | None = None) -> dict[str, Any]:
        return await self.house.act(who, path, body, reason=reason)

    async def nothing_due(self, to: str) -> None:
        """Let time pass to an instant before which nothing is due."""
        await self.house.act("administrator", "/v1/clock/advance", {"to": to})

    async def too_late(self, who: str, path: str, body: Any = None, reason: str | None = None) -> None:
        headers = {"Reason": reason} if reason else {}
        answer = await self.house.send(who, "POST", path, json=body or {}, headers=headers)
        self.refused.append((path, answer.status_code))

    async def play(self) -> None:
        await self.filing()
        await self.screening()
        await self.scoring()
        await self.deciding()
        await self.showing()
        await self.showing_again()

    # --- the filings, and what is returned ---------------------------------------------------------------------------

    async def filing(self) -> None:
        house = self.house
        await house.person("supervisor", "supervisor", None)
        for seat in SEATS:
            await house.person(seat, "reviewer", None)
        order = await house.deposit("clerk", "calendar", "2020 年节假日安排")
        await self.act("clerk", "/v1/calendars/2020/supply", WORKING_DAYS | {"source_document_id": order})
        await house.places(5)
        for application_id in await house.branches(5):
            assert (await house.file(application_id)).status_code == 201
        await self.passing("2020-06-03T09:00:00+08:00", nothing)

    async def screening(self) -> None:
        """Two are returned: one comes back after its reminder was due, the other never."""
        opinion = await self.house.deposit("clerk", "reason", "请补充目标")
        parts = [{"kind": "form_field", "code": "goals"}]
        for application_id in (FIRST, REJECTED):
            body = {"parts": parts, "last_day": "2020-06-05", "opinion_document_id": opinion}
            await self.act("clerk", f"/v1/applications/{application_id}/correction/request", body)
        await self.passing("2020-06-05T10:00:00+08:00", self._correct)

        async def reject() -> None:
            at = f"/v1/applications/{REJECTED}"
            await self.too_late("committee", f"{at}/refile")
            await self.act("head", f"{at}/screening/reject", {"opinion_document_id": opinion}, "incomplete")

        await self.passing("2020-06-08T09:00:00+08:00", reject)
        for application_id in SCORED:
            await self.act("clerk", f"/v1/applications/{application_id}/screening/pass")

    async def _correct(self) -> None:
        at, hand = f"/v1/applications/{FIRST}", f"hand-{FIRST.removeprefix('A-')}"
        await self._edit(hand, at, "form", {"answers": {"goals": "补正后的目标"}})
        prepared = await self._edit(hand, at, "prepare", {})
        row = await self.house.read("committee", at, min_position=prepared["version"])
        await self.act("committee", f"{at}/vet", {"materials_digest": row["prepared_digest"]})
        await self.act("committee", f"{at}/refile")

    async def _edit(self, hand: str, at: str, path: str, body: Any) -> dict[str, Any]:
        """Edit a draft as it is read; a reminder that comes in between makes another version of it."""
        while True:
            head = (await self.house.read("auditor", "/v1/events", limit=1))["head"]
            seen = await self.house.send(hand, "GET", at, params={"min_position": head})
            version = {"If-Match": seen.headers["ETag"]}
            answer = await self.house.send(hand, "POST", f"{at}/{path}", json=body, headers=version)
            if answer.status_code != httpx.codes.PRECONDITION_FAILED:
                assert answer.status_code == httpx.codes.CREATED, answer.text
                receipt: dict[str, Any] = answer.json()
                return receipt

    # --- scored and ranked -------------------------------------------------------------------------------------------

    async def sheet(self, seat: str, application_id: str) -> None:
        path = f"/v1/panels/{PANEL}/applications/{application_id}/sheet"
        marks = {"work": 900 - 50 * SCORED.index(application_id) + SEATS.index(seat)}
        await self.act(seat, path, {"marks": marks, "opinion": {"opinion": "扎实"}})

    async def scoring(self) -> None:
        """One reviewer files the last sheet after the reminder was due; one owes a sheet for ever, and is excused."""
        await self.act("head", f"/v1/programmes/{CALL}/stages/experts/define", STAGE, "call_is_silent")
        panel = {"panel_id": PANEL, "programme_id": CALL, "stage": "experts", "track_ids": ["branch"]}
        await self.act("clerk", "/v1/panels", panel)
        at = f"/v1/panels/{PANEL}"
        for seat in SEATS:
            await self.act("clerk", f"{at}/seats", {"seat_id": seat, "reviewer": self.house.people[seat]})
        seat, application_id = RECUSED
        await self.act(seat, f"{at}/applications/{application_id}/declare-interest", {"interest": "colleague"})
        await self.act("clerk", f"{at}/scoring/open", {"closes_at": "2020-06-12T18:00:00+08:00"})
        last = ("R1", THIRD)
        for seat in SEATS:
            for application_id in SCORED:
                if (seat, application_id) not in {LATE_AND_EXCUSED, RECUSED, last}:
                    await self.sheet(seat, application_id)
        await self.passing("2020-06-12T10:00:00+08:00", lambda: self.sheet(*last))
        amended = {"marks": {"work": 849}, "opinion": {"opinion": "改"}}
        await self.act("R2", f"{at}/applications/{SECOND}/sheet/amend", amended, "misread")

        async def excuse() -> None:
            seat, application_id = LATE_AND_EXCUSED
            path = f"{at}/applications/{application_id}/sheet"
            await self.too_late(seat, path, {"marks": {"work": 1}, "opinion": {"opinion": "迟"}})
            rows = (await self.house.read("head", "/v1/obligations", kind="score_sheets"))["items"]
            (owing,) = (row for row in rows if row["seat_id"] == seat)
            about = {"panel_id": PANEL}
            await self.act("head", f"/v1/obligations/{owing['obligation_id']}/excuse", about, "illness")

        await self.passing("2020-06-12T18:30:00+08:00", excuse)
        await self.act("clerk", f"{at}/tracks/branch/rank")

    # --- decided and shown -------------------------------------------------------------------------------------------

    async def deciding(self) -> None:
        at = f"/v1/programmes/{CALL}"
        outcomes = ("selected", "selected", "selected", "reserve")
        pairs = zip(SCORED, outcomes, strict=True)
        choices = [{"application_id": each, "outcome": outcome} for each, outcome in pairs]
        await self.act("clerk", f"{at}/tracks/branch/recommend", {"panel_id": PANEL, "choices": choices})
        await self.act("head", f"{at}/selection-rule", SELECTION_RULE, "house_rules")
        resolution = await self.house.deposit("head", "resolution", "表决通过")
        decided = {"decision_id": DECISION, "vote": VOTE, "choices": choices, "resolution_document_id": resolution}
        await self.act("head", f"{at}/tracks/branch/decisions", decided)
        await self.act("head", f"{at}/publicity-rules", PUBLICITY_RULE, "call_is_silent")

    async def show(self, publicity_id: str, **more: Any) -> None:
        body = {"publicity_id": publicity_id, "programme_id": CALL, "track_ids": ["branch"], **more}
        prepared = await self.act("clerk", "/v1/publicities", body)
        at = f"/v1/publicities/{publicity_id}"
        row = await self.house.read("head", at, min_position=prepared["version"])
        await self.act("head", f"{at}/approve", {"list_digest": row["list_digest"], "checks": CHECKS})
        await self.act("clerk", f"{at}/open")

    async def object(self, objection_id: str, application_id: str) -> None:
        body = {
            "objection_id": objection_id,
            "application_id": application_id,
            "identity": "confidential",
            "channel": "written",
            "objector": {"name": "异议人", "phone": "13800000000"},
            "statement": {"statement": "反映一事"},
        }
        await self.act("clerk", f"/v1/publicities/{SHOWN}/objections", body)
        await self.act("supervisor", f"/v1/objections/{objection_id}/admit")

    async def decide(self, objection_id: str, how: str) -> None:
        findings = await self.house.deposit("supervisor", "evidence", f"查 {objection_id}")
        body = {"findings_document_id": findings}
        await self.act("supervisor", f"/v1/objections/{objection_id}/investigate", body)
        await self.act("head", f"/v1/objections/{objection_id}/{how}", reason="investigated")

    async def showing(self) -> None:
        """One objection is dismissed after the end, and another upheld later than it was to be decided."""
        await self.nothing_due("2020-06-22T09:00:00+08:00")
        await self.show(SHOWN)
        await self.nothing_due("2020-06-23T10:00:00+08:00")
        await self.object("O-1", FIRST)
        await self.object("O-2", SECOND)

        async def after_the_end() -> None:
            late = {"last_day": "2020-07-10"}
            await self.too_late("head", f"/v1/publicities/{SHOWN}/extend", late, "longer")
            await self.decide("O-1", "dismiss")

        await self.passing("2020-06-30T09:00:00+08:00", after_the_end)
        await self.passing("2020-07-08T09:00:00+08:00", lambda: self.decide("O-2", "uphold"))

    async def showing_again(self) -> None:
        """The reserve takes the place that fell free, and is shown in its turn."""
        await self.act("head", f"/v1/applications/{FOURTH}/promote", {"freed_by": SECOND})
        await self.nothing_due("2020-07-09T09:00:00+08:00")
        await self.show(SHOWN_AGAIN, follows=SHOWN)
        await self.passing("2020-07-17T09:00:00+08:00", nothing)
        for publicity_id in (SHOWN, SHOWN_AGAIN):
            await self.act("clerk", f"/v1/publicities/{publicity_id}/withdraw-posting")


def outcomes() -> Sequence[tuple[str, dict[str, Any]]]:
    """What is read of an institution when all is over: where, and narrowed to what."""
    return (
        ("/v1/roster", {}),
        ("/v1/screenings", {}),
        ("/v1/obligations", {}),
        (f"/v1/panels/{PANEL}/sheets", {}),
        (f"/v1/panels/{PANEL}/applications", {}),
        ("/v1/decisions", {}),
        ("/v1/selections", {}),
        ("/v1/selected", {}),
        ("/v1/publicities", {}),
        ("/v1/objections", {}),
    )
