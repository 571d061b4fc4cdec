"""What must be true at the end of a demonstration, each fault in a sentence."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from api.cli.demo.cast import APPLICANTS
from api.cli.demo.papers import Reached, timeline
from api.cli.demo.player import Player
from infra.line import Checked
from infra.replay import Difference

__all__ = ["faults"]

_FILED: Final = {a.unit_id for a in APPLICANTS if not a.aside}
_MATERIALS: Final = (
    "application.started.v1",
    "application.form_saved.v1",
    "application.budget_saved.v1",
    "application.prepared.v1",
)
_ENDORSED: Final = ("eligibility.judged.v1", "nomination.decided.v1", "nomination.materials_vetted.v1")
_OF_ROWS: Final[Mapping[str, Mapping[str, int]]] = {
    "1+2": {"programme.announced.v1": 1},
    "2": {"programme.track_defined.v1": 2, "programme.form_defined.v1": 1},
    "3": {"programme.catalogue_pinned.v1": 2},
    "4": {"nomination.quota_assigned.v1": 6},
    "5": {"application.window_opened.v1": 1},
    # The college answers two catalogues, each branch one.
    "6": {**dict.fromkeys(_MATERIALS, 5), "application.self_check_saved.v1": 6, "nomination.plan_recorded.v1": 6},
    "6 aside": {**dict.fromkeys(_MATERIALS, 3), "application.self_check_saved.v1": 3},
    "7": {**dict.fromkeys(_ENDORSED, 5), "eligibility.rule_waived.v1": 1},
    "7 aside": dict.fromkeys(_ENDORSED, 3),
    "8": {"application.filed.v1": 5, "application.paper_received.v1": 5},
    "8 aside": {"application.filed.v1": 0},
    "9": {"application.window_closed.v1": 1},
}
"""How many events of which types each row has."""
_BY_SCHEDULE: Final = ("/window/close",)


def faults(p: Player, reached: Reached, exported: Checked, differences: Sequence[Difference]) -> list[str]:
    """Everything that is not as it should be; an empty list is what one hopes for."""
    return [
        *_rows(p, reached),
        *_states(reached),
        *_schedule(p, reached),
        *_interpretations(reached),
        *(f"the export is faulty: {finding}" for finding in exported.findings),
        *(
            f"the log has {len(reached.facts)} events, the export {exported.root.size}"
            for _ in _unequal(reached, exported)
        ),
        *(f"view {d.view} is not what the log says: {d.kind} {d.key}" for d in differences),
    ]


def _unequal(reached: Reached, exported: Checked) -> Iterator[None]:
    if len(reached.facts) != exported.root.size:
        yield None


def _rows(p: Player, reached: Reached) -> Iterator[str]:
    """Each row's events stand in the record as often as they should, and no more."""
    counted = Counter((line["row"], line["type"]) for line in timeline(p, reached))
    for row, types in _OF_ROWS.items():
        for kind, expected in types.items():
            if counted[row, kind] != expected:
                yield f"row {row} has {counted[row, kind]} of {kind}, not {expected}"


def _states(reached: Reached) -> Iterator[str]:
    """Five are filed, three are vetted and stay so; whom a rule stopped was judged accordingly."""
    states = {row["unit_id"]: row["state"] for row in reached.roster}
    expected = {a.unit_id: "filed" if a.unit_id in _FILED else "vetted" for a in APPLICANTS}
    if states != expected:
        yield f"the roster says {states}, not {expected}"
    standings = {trace["unit_id"]: trace["standing"] for trace in reached.eligibility}
    wanted = {a.unit_id: "eligible" for a in APPLICANTS} | {
        "BR-3": "waived",
        "BR-6": "ineligible",
        "BR-7": "ineligible",
    }
    if standings != wanted:
        yield f"eligibility says {standings}, not {wanted}"


def _schedule(p: Player, reached: Reached) -> Iterator[str]:
    """The window was closed by the schedule, at its instant; the story never asked for it."""
    closed = [fact for fact in reached.facts if fact["type"] == "application.window_closed.v1"]
    kinds = [fact["envelope"]["actor_kind"] for fact in closed]
    if kinds != ["schedule"]:
        yield f"the window was closed by {kinds}"
    if [fact["envelope"]["effective_at"] for fact in closed] != ["2020-05-31T16:00:00Z"]:
        yield "the window did not close at the end of 31 May 2020"
    for text in p.wire.log.read_text(encoding="utf-8").splitlines():
        sent = json.loads(text)
        if sent["path"].endswith(_BY_SCHEDULE):
            yield "the story itself asked for what the schedule does"


def _interpretations(reached: Reached) -> Iterator[str]:
    """Every damaged or contradictory term was read once, with a reason and its document."""
    facts = reached.facts
    read = Counter(fact["body"]["term"] for fact in facts if fact["type"] == "programme.term_interpreted.v1")
    for fact in facts:
        if fact["type"] == "programme.term_published.v1":
            damaged = fact["body"]["legibility"] in {"damaged", "contradictory"}
            if read[fact["body"]["term"]] != int(damaged):
                yield f"term {fact['body']['term']} was interpreted {read[fact['body']['term']]} times"
    for fact in facts:
        if fact["type"] == "programme.term_interpreted.v1" and not fact["envelope"].get("reason_document_id"):
            yield f"position {fact['position']} has no reason document"
