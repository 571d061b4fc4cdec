"""What a demonstration leaves: it reads what was reached, shows it, and writes it to a folder."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from api.cli.demo import texts
from api.cli.demo.cast import APPLICANTS
from api.cli.demo.judging import PANEL
from api.cli.demo.player import Player
from infra.line import Checked
from infra.replay import Difference

__all__ = ["Reached", "show", "show_root", "timeline", "write"]

_PAGE: Final = 500
_OF_ROW: Final = {
    "programme.catalogue_pinned.v1": "3",
    "application.window_closed.v1": "9",
    "review.scoring_closed.v1": "15",
    "review.score_sheet_opened.v1": "15",
    "publicity.closed.v1": "22",
    "publicity.entry_passed.v1": "22",
    "selection.confirmed.v1": "23",
    "cultivation.begun.v1": "23",
    "obligation.fell_overdue.v1": "30",
    "cultivation.case_succeeded.v1": "38",
}
"""What follows by itself is asked for by no step of the story."""
_OF_THE_END: Final = {
    "review.scoring_closed.v1": "41",
    "review.score_sheet_opened.v1": "41",
    "publicity.closed.v1": "42",
    "publicity.entry_passed.v1": "42",
}
"""What of it follows once more, in the year of the acceptance."""
_YEAR_OF_THE_END: Final = "2022"
_COLUMNS: Final = ("row", "step", "position", "type", "effective_at", "recorded_at", "last_day", "actor_kind")


@dataclass(frozen=True, slots=True)
class Reached:
    """What stands in the views and in the record at the end, as the auditor and the office read it."""

    roster: list[dict[str, Any]]
    eligibility: list[dict[str, Any]]
    case_file: dict[str, Any]
    windows: list[dict[str, Any]]
    selections: list[dict[str, Any]]
    rankings: list[dict[str, Any]]
    facts: list[dict[str, Any]]
    checkpoint: dict[str, Any]

    @classmethod
    def gather(cls, p: Player, programme_id: str) -> Self:
        """Read everything over HTTP, not before it all shows."""
        facts = list(_facts(p))
        return cls(
            roster=p.read("auditor", "/v1/roster", programme_id=programme_id, limit=200)["items"],
            eligibility=[p.read("auditor", f"/v1/applications/{a.application_id}/eligibility") for a in APPLICANTS],
            case_file=p.read("auditor", f"/v1/applications/{APPLICANTS[3].application_id}/case-file"),
            windows=p.read("auditor", "/v1/windows", limit=200)["items"],
            selections=p.read("auditor", "/v1/selections", programme_id=programme_id, limit=200)["items"],
            rankings=[p.read("auditor", f"/v1/panels/{PANEL}/tracks/{t}/ranking") for t in ("college", "branch")],
            facts=facts,
            checkpoint=p.checkpoint("auditor", len(facts)),
        )


def _facts(p: Player) -> Iterator[dict[str, Any]]:
    after = 0
    while True:
        page = p.feed("auditor", after, _PAGE)
        yield from page["items"]
        after = page["next_after"]
        if after >= page["head"]:
            return


def timeline(p: Player, reached: Reached) -> list[dict[str, Any]]:
    """Every event of the record with its row of the programme, its step and its three times' last two."""
    steps = {position: receipt for receipt in p.receipts for position, _ in receipt.events}
    lines = []
    for fact in reached.facts:
        receipt, envelope = steps.get(fact["position"]), fact["envelope"]
        at_the_end = envelope["effective_at"].startswith(_YEAR_OF_THE_END) and _OF_THE_END.get(fact["type"])
        row = at_the_end or _OF_ROW.get(fact["type"]) or (receipt.row if receipt else "")
        lines.append(
            {
                "row": "1+2" if fact["type"] == "programme.announced.v1" else row,
                "step": receipt.step if receipt else "",
                "position": fact["position"],
                "type": fact["type"],
                "effective_at": envelope["effective_at"],
                "recorded_at": fact["recorded_at"],
                "last_day": fact["body"].get("last_day") or "",
                "actor_kind": envelope["actor_kind"],
            }
        )
    return lines


# --- shown -----------------------------------------------------------------------------------------------------------


def show(p: Player, reached: Reached) -> None:
    """The rows, the roster, the traces, one case file."""
    p.say("\nRows of the programme · 各行事件")
    by_row: dict[str, list[dict[str, Any]]] = {}
    for event in timeline(p, reached):
        by_row.setdefault(event["row"] or "–", []).append(event)
    for number, events in sorted(by_row.items()):
        kinds = Counter(event["type"] for event in events)
        counted = ", ".join(f"{kind} ×{count}" if count > 1 else kind for kind, count in kinds.items())
        p.say(f"    {number:<8} {events[0]['effective_at'][:10]}  {counted}")
    p.say("\nRoster · 申报名册")
    for row in reached.roster:
        put_forward = f"{row['unit_id']:<6} {row['track_id']:<8} {row['nominator_unit_id']:<6}"
        p.say(f"    {put_forward} {row['state']} · {texts.STATES[row['state']]}")
    p.say("\nSelection · 遴选")
    for row in reached.selections:
        p.say(f"    {row['unit_id']:<6} {row['track_id']:<8} {row['recommended']:<10} → {row['state']}")
    p.say("\nEligibility, rule by rule · 基本条件逐项判定")
    for trace in reached.eligibility:
        verdict, standing = trace["verdict"], trace["standing"]
        left = "" if standing == verdict else f" → {standing} · {texts.VERDICTS[standing]}"
        p.say(f"    {trace['unit_id']:<6} {verdict} · {texts.VERDICTS[verdict]}{left}")
        for finding in trace["findings"]:
            waived = " waived · 已豁免" if finding.get("waived") else ""
            evidence = ", ".join(f"#{position}" for position in finding.get("evidence", ()))
            outcome = f"{finding['outcome']} · {texts.OUTCOMES[finding['outcome']]}"
            p.say(f"        {finding['rule']:<28} {outcome}{waived} {evidence}".rstrip())
    p.say(f"\nCase file of {reached.case_file['application_id']} · 案卷")
    for entry in reached.case_file["entries"]:
        reason = f" [{entry['reason_code']}]" if entry.get("reason_code") else ""
        p.say(
            f"    #{entry['position']:<4} {entry['effective_at'][:10]} {entry['en']}{reason}\n          {entry['zh']}"
        )


def show_root(p: Player, reached: Reached, exported: Checked, differences: Sequence[Difference], folder: Path) -> None:
    """Size and root of the log, and what the replay found."""
    root = exported.root.digest().hex()
    (folder / "checkpoint.txt").write_text(reached.checkpoint["items"][0]["note"], encoding="utf-8")
    (folder / "root.txt").write_text(f"{exported.root.size} {root} simulated\n", encoding="utf-8")
    p.say(f"\nLog · 日志: {exported.root.size} events, root {root}")
    p.say(f"Checkpoint · 检查点: signed by {reached.checkpoint['verifiers'][0]['vkey']} · 由该公钥对应私钥签署")
    p.say(f"Replay · 重放核对: {len(differences)} differences in the views · 视图差异 {len(differences)} 处")


# --- written ---------------------------------------------------------------------------------------------------------


def write(p: Player, reached: Reached, folder: Path) -> Path:
    """Write the papers; what an earlier demonstration wrote there is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    _csv(folder / "timeline.csv", _COLUMNS, timeline(p, reached))
    columns = list(reached.roster[0]) if reached.roster else []
    _csv(folder / "roster.csv", columns, reached.roster)
    _json(folder / "eligibility.json", reached.eligibility)
    _csv(folder / "selection.csv", list(reached.selections[0]), reached.selections)
    _json(folder / "ranking.json", reached.rankings)
    entries = reached.case_file["entries"]
    _csv(folder / "case-file.csv", list(dict.fromkeys(name for entry in entries for name in entry)), entries)
    _json(folder / "refusals.json", [dict(trial.shown()) for trial in p.trials])
    shutil.copyfile(p.wire.log, folder / "http.jsonl")
    return folder


def _csv(path: Path, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        # Wherever a line of it is copied to, it says that it never happened.
        writer = csv.DictWriter(file, [*columns, "simulated"], restval="")
        writer.writeheader()
        for row in rows:
            writer.writerow({**{name: _cell(value) for name, value in row.items()}, "simulated": "true"})


def _cell(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
