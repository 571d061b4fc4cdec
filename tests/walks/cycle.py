"""One programme taken as far as a walk needs it: announced, filed, ranked, decided, confirmed, and what comes after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.walks.desk import CALL, DEFINITION, Describing, Desk
from tests.walks.judging import CHECKS, PANEL, PUBLICITY_RULE, SELECTION_RULE, STAGE, VOTE, WORKING_DAYS

AT = f"/v1/programmes/{CALL}"
TRACK = f"{AT}/tracks/branch"
CYCLE_ENDS = {
    "term": "cycle_ends", "kind": "date", "clause": "四", "as_published": "2021年3月", "legibility": "clear",
    "value": {"type": "date", "day": "2021-03-31"},
}  # fmt: skip
SHOWN_FROM, SHOWN_UNTIL = "2020-06-22T09:00:00+08:00", "2020-06-30T09:00:00+08:00"
MONEY_FORM = {
    "form": "money", "name_zh": "预算", "name_en": "Budget",
    "fields": [{"code": "remarks", "name_zh": "备注", "name_en": "Remarks", "required": False}],
    "budget_categories": [{"code": "training", "name_zh": "培训", "name_en": "Training"}],
}  # fmt: skip
MONEY_RULE: dict[str, Any] = {
    "money_flow": "advance", "carry_over": "decide", "cutoff_month": 12, "cutoff_day": 20, "matching_base": "none",
    "matching_ratio_bp": 0, "budget_binds": False, "categories": [{"category": "training"}],
    "payment_expires_after_days": 30, "gates": [],
}  # fmt: skip

Marking = Callable[[str, int], int]
"""What a seat gives the application of a number, in tenths of a point."""


def as_numbered(_seat: str, number: int) -> int:
    """The lower the number, the better."""
    return 950 - 10 * number


def definition(**track: Any) -> dict[str, Any]:
    """The small call with the end of its cycle and budget categories, its one track changed like this."""
    (one,) = DEFINITION["tracks"]
    return {
        **DEFINITION,
        "terms": [*DEFINITION["terms"], CYCLE_ENDS],
        "forms": [*DEFINITION["forms"], MONEY_FORM],
        "tracks": [one | track],
    }


@dataclass
class Cycle:
    """The people of one institution and their programme."""

    house: Desk

    def application(self, number: int) -> str:
        return f"A-BR-{number}"

    def choices(self, *outcomes: str) -> list[dict[str, str]]:
        numbered = ((self.application(n), outcome) for n, outcome in enumerate(outcomes, 1))
        return [{"application_id": each, "outcome": outcome} for each, outcome in numbered if outcome != "joined"]

    async def act(
        self, who: str, path: str, body: Mapping[str, Any] | None = None, reason: str | None = None
    ) -> dict[str, Any]:
        return await self.house.act(who, path, body, reason=reason)

    async def rows(self, path: str, who: str = "auditor", **query: Any) -> list[dict[str, Any]]:
        """The rows of a list as they stand now."""
        head = (await self.house.read("auditor", "/v1/events", limit=1))["head"]
        found: list[dict[str, Any]] = (await self.house.read(who, path, min_position=head, **query))["items"]
        return found

    async def paper(self, who: str = "head", kind: str = "resolution") -> str:
        return await self.house.deposit(who, kind, "决定")

    async def until(self, instant: str) -> None:
        """Let time pass; whatever is due on the way is done, and what follows from it."""
        await self.act("administrator", "/v1/clock/advance", {"to": instant})

    async def announced(self, **track: Any) -> None:
        await self.house.furnish(definition(**track))
        await self.act("administrator", "/v1/calendars/2020/supply", WORKING_DAYS)
        for who in ("supervisor", "finance"):
            await self.house.person(who, who, None)

    async def filed(self, count: int, described: Describing | None = None) -> None:
        if not await self.rows(f"{AT}/quotas"):
            await self.house.places(count)
        for application_id in await self.house.branches(count, described):
            assert (await self.house.file(application_id)).status_code == 201
        await self.until("2020-06-01T09:00:00+08:00")
        for n in range(1, count + 1):
            await self.act("clerk", f"/v1/applications/{self.application(n)}/screening/pass")

    async def scored(
        self,
        count: int,
        seats: Sequence[str] = ("R1",),
        marks: Marking = as_numbered,
        recused: Collection[tuple[str, int]] = (),
        described: Describing | None = None,
        **stage: Any,
    ) -> None:
        """Filed, screened and scored by each seat that is not recused; the scoring is still open."""
        await self.filed(count, described)
        await self.act("head", f"{AT}/stages/experts/define", STAGE | {"minimum_sheets": 1} | stage, "call_is_silent")
        panel = {"panel_id": PANEL, "programme_id": CALL, "stage": "experts", "track_ids": ["branch"]}
        await self.act("clerk", "/v1/panels", panel)
        for seat in seats:
            await self.house.person(seat, "reviewer", None)
            person = {"seat_id": seat, "reviewer": self.house.people[seat]}
            await self.act("clerk", f"/v1/panels/{PANEL}/seats", person)
        for seat, number in recused:
            path = f"/v1/panels/{PANEL}/applications/{self.application(number)}/declare-interest"
            await self.act(seat, path, {"interest": "colleague"})
        await self.act("clerk", f"/v1/panels/{PANEL}/scoring/open", {"closes_at": "2020-06-12T18:00:00+08:00"})
        owed = [(seat, n) for seat in seats for n in range(1, count + 1) if (seat, n) not in recused]
        await asyncio.gather(*(self.sheet(seat, number, marks(seat, number)) for seat, number in owed))

    async def sheet(self, seat: str, number: int, tenths: int) -> None:
        await self.act(seat, self.sheet_of(number), self.marked(tenths))

    def sheet_of(self, number: int) -> str:
        return f"/v1/panels/{PANEL}/applications/{self.application(number)}/sheet"

    def marked(self, tenths: int) -> dict[str, Any]:
        return {"marks": {"work": tenths}, "opinion": {"opinion": "扎实"}}

    async def ranked(self, count: int, **more: Any) -> None:
        await self.scored(count, **more)
        await self.until("2020-06-12T18:30:00+08:00")
        await self.act("clerk", f"/v1/panels/{PANEL}/tracks/branch/rank")

    async def recommended(self, *outcomes: str, **more: Any) -> None:
        await self.ranked(len(outcomes), **more)
        body = {"panel_id": PANEL, "choices": self.choices(*outcomes)}
        await self.act("clerk", f"{TRACK}/recommend", body)
        await self.act("head", f"{AT}/selection-rule", SELECTION_RULE, "house_rules")

    async def decision(self, decision_id: str, *outcomes: str) -> dict[str, Any]:
        return {
            "decision_id": decision_id, "vote": VOTE, "choices": self.choices(*outcomes),
            "resolution_document_id": await self.paper(),
        }  # fmt: skip

    async def shown(self, publicity_id: str = "SHOWN", **more: Any) -> dict[str, Any]:
        """The list of what is selected is prepared, checked by another and opened: the posting."""
        body = {"publicity_id": publicity_id, "programme_id": CALL, "track_ids": ["branch"], **more}
        prepared = await self.act("clerk", "/v1/publicities", body)
        at = f"/v1/publicities/{publicity_id}"
        row = await self.house.read("head", at, min_position=prepared["version"])
        await self.act("head", f"{at}/approve", {"list_digest": row["list_digest"], "checks": CHECKS})
        opened = await self.act("clerk", f"{at}/open")
        posting: dict[str, Any] = await self.house.read(
            "auditor", f"/v1/postings/{publicity_id}", min_position=opened["version"]
        )
        return posting

    async def confirmed(self, *outcomes: str) -> None:
        """The selected ones passed their publicity and were confirmed, on 30 June 2020."""
        await self.announced()
        await self.recommended(*outcomes)
        await self.act("head", f"{TRACK}/decisions", await self.decision("D-1", *outcomes), "fewer")
        await self.pass_publicity()

    async def pass_publicity(self) -> None:
        await self.act("head", f"{AT}/publicity-rules", PUBLICITY_RULE, "call_is_silent")
        await self.until(SHOWN_FROM)
        await self.shown()
        await self.until(SHOWN_UNTIL)

    # --- what is found of units and persons --------------------------------------------------------------------------

    async def procedure(self) -> None:
        rule = {"day_rule": "calendar", "statement_within_days": 5}
        await self.act("head", f"{AT}/accountability-rule", rule, "procedure")

    async def measure(self, name: str, against: Mapping[str, Any], **measure: Any) -> None:
        """A finding against somebody who waives the hearing, and the measure that is decided on it."""
        found = {"finding_id": f"F-{name}", "programme_id": CALL, "ground": "not_met", **against}
        evidence = [await self.paper("clerk", "evidence")]
        await self.act("clerk", "/v1/findings", found | {"evidence_document_ids": evidence})
        at = f"/v1/findings/F-{name}"
        await self.act("clerk", f"{at}/notify", {"notice_document_id": await self.paper("clerk", "reason")})
        await self.act("supervisor", f"{at}/waive", {"waiver_document_id": await self.paper("clerk", "evidence")})
        decided = {"measure_id": f"M-{name}", "decision_document_id": await self.paper(), **measure}
        await self.act("head", f"{at}/measures", decided)

    # --- money -------------------------------------------------------------------------------------------------------

    def funds(self, fen: int, **more: Any) -> dict[str, Any]:
        return {"source": "budget", "year": 2020, "amount_fen": fen, **more}

    async def allocated(self, **amounts: int) -> None:
        """A rule and an appropriation of 100,000.00 for 2020, and to each application (by number) so many fen."""
        await self.act("head", f"{AT}/funding-rule", MONEY_RULE, "call_is_silent")
        approval = {"document_id": await self.paper("finance", "evidence")}
        await self.act("finance", f"{AT}/funds/appropriate", self.funds(10_000_000) | approval)
        for number, fen in amounts.items():
            case = f"/v1/cases/{self.application(int(number[1:]))}/funds"
            await self.act("clerk", f"{case}/allocate", self.funds(fen))

    async def pay(self, case: str, payment_id: str, fen: int) -> None:
        """Requested, approved by another, and paid by the bank in full."""
        await self.act("clerk", f"{case}/payments", self.funds(fen, payment_id=payment_id))
        await self.act("head", f"{case}/payments/{payment_id}/approve")
        bank = {"amount_fen": fen, "bank_reference": f"BANK-{payment_id}"}
        await self.act("finance", f"{case}/payments/{payment_id}/post", bank)

    async def balance(self, number: int) -> dict[str, Any]:
        (row,) = await self.rows("/v1/balances", application_id=self.application(number), year=2020)
        return row
