"""What a demonstration leaves: it reads what was reached, shows it, and writes it to a folder."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from api.cli.demo import texts
from api.cli.demo.cast import APPLICANTS
from api.cli.demo.consequences import FAILED, REGISTER
from api.cli.demo.judging import PANEL
from api.cli.demo.money import CYCLE_ENDS
from api.cli.demo.paying import in_yuan
from api.cli.demo.player import Player
from infra.line import Checked
from infra.replay import Difference

__all__ = ["Reached", "show", "show_root", "sums", "timeline", "write"]

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
    "funding.period_closed.v1": "48",
    "funding.ledger_published.v1": "48",
    "funding.institution_ledger_published.v1": "48",
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
_MATCHING: Final = ("upper_grant", "school_match")
"""Sources that stand apart from the programme's own money."""
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
    balances: list[dict[str, Any]]
    trial_balance: list[dict[str, Any]]
    designations: list[dict[str, Any]]
    register: list[dict[str, Any]]
    unit_dossiers: list[dict[str, Any]]
    secretary_dossiers: list[dict[str, Any]]
    facts: list[dict[str, Any]]
    checkpoint: dict[str, Any]

    @classmethod
    def gather(cls, p: Player, programme_id: str) -> Self:
        """Read everything over HTTP, not before it all shows."""
        facts, head = _facts(p)
        # What the office reads has caught up with the record; then what anybody reads has, too.
        designations = p.read("auditor", "/v1/designations", programme_id=programme_id, limit=200)["items"]
        return cls(
            roster=p.read("auditor", "/v1/roster", programme_id=programme_id, limit=200)["items"],
            eligibility=[p.read("auditor", f"/v1/applications/{a.application_id}/eligibility") for a in APPLICANTS],
            case_file=p.read("auditor", f"/v1/applications/2020-{FAILED}/case-file"),
            windows=p.read("auditor", "/v1/windows", limit=200)["items"],
            selections=p.read("auditor", "/v1/selections", programme_id=programme_id, limit=200)["items"],
            rankings=[p.read("auditor", f"/v1/panels/{PANEL}/tracks/{t}/ranking") for t in ("college", "branch")],
            balances=p.read("auditor", "/v1/balances", programme_id=programme_id, limit=200)["items"],
            trial_balance=p.read("auditor", f"/v1/programmes/{programme_id}/periods/{CYCLE_ENDS}/trial-balance")[
                "rows"
            ],
            designations=designations,
            register=p.read_public("register", REGISTER)["items"],
            unit_dossiers=p.read("auditor", "/v1/unit-dossiers", limit=200)["items"],
            secretary_dossiers=p.read("auditor", "/v1/secretary-dossiers", limit=200)["items"],
            facts=facts,
            checkpoint=p.checkpoint("auditor", head),
        )


def _facts(p: Player) -> tuple[list[dict[str, Any]], int]:
    """What the auditor may read of the record, and how long the record is: a referral is known to few."""
    facts: list[dict[str, Any]] = []
    after = 0
    while True:
        page = p.feed("auditor", after, _PAGE)
        facts += page["items"]
        after = page["next_after"]
        if after >= page["head"]:
            return facts, page["head"]


def timeline(p: Player, reached: Reached) -> list[dict[str, Any]]:
    """Every event that the auditor reads with its row of the programme, its step and its three times' last two."""
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
    """The rows, the roster, the traces, the case file of the failed case, the register, the dossiers, the balances."""
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
    _show_consequences(p, reached)
    _show_balances(p, reached)


def _show_consequences(p: Player, reached: Reached) -> None:
    p.say("\nDesignation register · 命名登记")
    for row in reached.register:
        until = row["valid_until"] or "not stated · 未载明"
        p.say(f"    {row['unit_id']:<6} {row['unit_zh']} {row['title_zh']} · {row['title_en']}")
        p.say(f"           {row['state']} · {texts.TITLE_STATES[row['state']]}, {row['conferred_on']} – {until}")
    p.say("\nDossiers · 年度档案")
    for dossier in [*reached.unit_dossiers, *reached.secretary_dossiers]:
        whose = dossier.get("unit_id") or f"secretary of · 书记 {', '.join(t['unit_id'] for t in dossier['terms'])}"
        p.say(f"    {dossier['dossier_id']} {whose} {dossier['year']} {dossier['digest'][:16]}…")
        for line in dossier["lines"]:
            told = f"{line['on']} {line['area']:<8} {line['what']} {line['matter'] or ''}"
            p.say(f"        #{line['position']:<4} {told}".rstrip())


def sums(reached: Reached, column: str, *sources: str) -> int:
    """A column of the balances in fen, of some sources, over all cases and years."""
    return sum(row[column] for row in reached.balances if row["source"] in sources and row["whose"] != "programme")


def _show_balances(p: Player, reached: Reached) -> None:
    """A line a case and source, over all years; then what was allocated in all, and what became of it."""
    p.say("\nBalances in yuan: allocated = accounted for + recovered · 经费结清(元):下达 = 核销 + 收回")
    lines: dict[tuple[str, str], Counter[str]] = {}
    for row in reached.balances:
        if row["whose"] != "programme":
            line = lines.setdefault((row["whose"], row["source"]), Counter())
            line.update({name: row[name] for name in ("given_fen", "accounted_for_fen", "recovered_fen")})
    for (whose, source), line in sorted(lines.items()):
        p.say(
            f"    {whose:<12} {source:<13} {in_yuan(line['given_fen']):>10} = "
            f"{in_yuan(line['accounted_for_fen']):>10} + {in_yuan(line['recovered_fen']):>8}"
        )
    given, spent, back = (
        in_yuan(sums(reached, name, "budget")) for name in ("given_fen", "accounted_for_fen", "recovered_fen")
    )
    grant, match = (in_yuan(sums(reached, "accounted_for_fen", source)) for source in _MATCHING)
    p.say(
        f"    allocated {given} = accounted for {spent} + recovered {back}; apart: grant {grant}, matching {match}\n"
        f"    下达 {given} = 核销 {spent} + 收回 {back};另计:上级资助 {grant},配套 {match}"
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
    _csv(
        folder / "balances.csv", list(dict.fromkeys(name for row in reached.balances for name in row)), reached.balances
    )
    _json(folder / "ranking.json", reached.rankings)
    entries = reached.case_file["entries"]
    _csv(folder / "case-file.csv", list(dict.fromkeys(name for entry in entries for name in entry)), entries)
    _csv(folder / "designations.csv", list(reached.register[0]), reached.register)
    dossiers = {"simulated": True, "units": reached.unit_dossiers, "secretaries": reached.secretary_dossiers}
    _json(folder / "dossiers.json", dossiers)
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
