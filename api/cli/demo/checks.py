"""What must be true at the end of a demonstration, each fault in a sentence."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from api.cli.demo.board import PUBLICITY
from api.cli.demo.cast import APPLICANTS
from api.cli.demo.consequences import FAILED, TITLED
from api.cli.demo.cultivation import SELECTED, bearer
from api.cli.demo.ledgers import PERIODS
from api.cli.demo.papers import Reached, sums, timeline
from api.cli.demo.player import Player
from domain.funding.policy import ACCOUNTS
from infra.line import Checked
from infra.note import Checkpoint, NoteRefused, Verifier, opened
from infra.replay import Difference

__all__ = ["faults"]

_REFUSED_FROM: Final = 400
_KNOWN_TO_FEW: Final = "accountability.matter_referred.v1"
_FILED: Final = {a.unit_id for a in APPLICANTS if not a.aside}
_MATERIALS: Final = (
    "application.started.v1",
    "application.form_saved.v1",
    "application.budget_saved.v1",
    "application.prepared.v1",
)
_ENDORSED: Final = ("eligibility.judged.v1", "nomination.decided.v1", "nomination.materials_vetted.v1")
_PAID: Final = (
    "funding.allocated.v1",
    "funding.committed.v1",
    "funding.payment_requested.v1",
    "funding.payment_approved.v1",
    "funding.payment_posted.v1",
)
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
    "10": {"screening.correction_requested.v1": 1},
    "11": {"screening.application_refiled.v1": 1, "screening.passed.v1": 5},
    "12": {"review.stage_defined.v1": 1, "review.panel_constituted.v1": 1, "review.reviewer_seated.v1": 5},
    "13": {"review.reviewer_recused.v1": 1},
    "14": {
        "review.application_admitted.v1": 5,
        # COL-A has one fewer, since R4 is recused from it.
        "review.score_sheet_filed.v1": 24,
        "review.score_sheet_amended.v1": 1,
    },
    "15": {
        "review.scoring_closed.v1": 1,
        "review.score_sheet_opened.v1": 24,
        "review.application_ranked.v1": 5,
        "review.ranking_recorded.v1": 2,
    },
    "16": {"selection.application_recommended.v1": 5},
    "17": {"selection.committee_decided.v1": 2, "selection.application_decided.v1": 5},
    "18": {"publicity.prepared.v1": 1, "publicity.approved.v1": 1},
    "19": {"publicity.opened.v1": 1},
    "20": {"publicity.objection_received.v1": 1, "publicity.objection_admitted.v1": 1},
    "21": {"publicity.objection_investigated.v1": 1, "publicity.objection_dismissed.v1": 1},
    "22": {"publicity.closed.v1": 1, "publicity.entry_passed.v1": 4},
    "23": {"selection.confirmed.v1": 4, "cultivation.begun.v1": 4},
    "24": {"publicity.posting_withdrawn.v1": 1},
    "25": {
        "cultivation.task_book_required.v1": 1,
        "cultivation.report_required.v1": 2,
        "cultivation.task_book_asked.v1": 4,
        "cultivation.report_asked.v1": 8,
        "cultivation.task_book_filed.v1": 4,
        "cultivation.task_book_signed.v1": 4,
    },
    "26": {
        "funding.rule_defined.v1": 1,
        "funding.appropriation_recorded.v1": 1,
        **dict.fromkeys(_PAID, 4),
    },
    # In two categories each: four cases in three years, and the grant and its matching once.
    "27": {"funding.expenditure_accounted.v1": 28},
    "28": {"document.deposited.v1": 2},
    "29": {"funding.carried_forward.v1": 6, "funding.returned.v1": 1},
    "30": {
        "cultivation.report_filed.v1": 4,
        "cultivation.report_accepted.v1": 4,
        "obligation.fell_overdue.v1": 1,
    },
    "31": {"assessment.defined.v1": 1, "assessment.decided.v1": 4},
    "32": {"assessment.rectification_ordered.v1": 1, "funding.frozen.v1": 1},
    "33": {"funding.appropriation_recorded.v1": 1, **dict.fromkeys(_PAID, 3)},
    "34": {
        "assessment.rectification_reported.v1": 1,
        "assessment.rectification_accepted.v1": 1,
        "funding.released.v1": 1,
        **dict.fromkeys(_PAID, 1),
    },
    "35": {"funding.higher_award_recorded.v1": 1},
    "36": {"funding.matching_pledged.v1": 1, "funding.matching_received.v1": 1, **dict.fromkeys(_PAID, 2)},
    "38": {"unit.registered.v1": 1, "unit.merged.v1": 1, "cultivation.case_succeeded.v1": 1},
    "39": {"programme.erratum_recorded.v1": 2},
    "40": {"cultivation.report_filed.v1": 4, "cultivation.report_accepted.v1": 4},
    "41": {
        "assessment.defined.v1": 1,
        "review.application_admitted.v1": 4,
        "review.score_sheet_filed.v1": 12,
        "review.score_sheet_opened.v1": 12,
        "review.scoring_closed.v1": 1,
        "review.ranking_recorded.v1": 2,
    },
    "42": {"publicity.opened.v1": 1, "publicity.closed.v1": 1, "publicity.entry_passed.v1": 3},
    "43": {"assessment.decided.v1": 4},
    "44": {
        "assessment.case_completed.v1": 3,
        "designation.title_defined.v1": 2,
        "designation.title_conferred.v1": 3,
    },
    "45": {
        "accountability.finding_recorded.v1": 1,
        "accountability.statement_received.v1": 1,
        "accountability.measure_decided.v1": 1,
        "accountability.circular_issued.v1": 1,
    },
    "46": {
        "accountability.appeal_lodged.v1": 1,
        "accountability.appeal_dismissed.v1": 1,
        "assessment.case_closed.v1": 1,
    },
    "47": {"funding.returned.v1": 2, "funding.recovery_ordered.v1": 1, "funding.recovery_received.v1": 1},
    "48": {
        "funding.period_closed.v1": len(PERIODS),
        "funding.ledger_published.v1": len(PERIODS),
        # Every one but that of the cycle, which is the programme's own.
        "funding.institution_ledger_published.v1": len(PERIODS) - 1,
    },
    "49": {"evaluation.unit_dossier_issued.v1": 4, "evaluation.secretary_dossier_issued.v1": 4},
}
"""How many events of which types each row has."""
_BY_ITSELF: Final = {
    "application.window_closed.v1": ("schedule", "2020-05-31T16:00:00Z"),
    "review.scoring_closed.v1": ("schedule", "2020-06-12T10:00:00Z", "2022-06-17T10:00:00Z"),
    "review.score_sheet_opened.v1": ("automation", "2020-06-12T10:00:00Z", "2022-06-17T10:00:00Z"),
    "publicity.closed.v1": ("schedule", "2020-06-29T16:00:00Z", "2022-06-24T16:00:00Z"),
    "publicity.entry_passed.v1": ("schedule", "2020-06-29T16:00:00Z", "2022-06-24T16:00:00Z"),
    "selection.confirmed.v1": ("automation", "2020-06-29T16:00:00Z"),
    "cultivation.begun.v1": ("automation", "2020-06-29T16:00:00Z"),
    "obligation.fell_overdue.v1": ("schedule", "2021-05-10T16:00:00Z"),
    "cultivation.case_succeeded.v1": ("automation", "2022-01-10T01:00:00Z"),
}
"""What nobody asks for: whose act it is, and at which instants it took effect."""
_OF_THE_FAILED: Final = (
    "accountability.finding_recorded.v1",
    "accountability.measure_decided.v1",
    "accountability.circular_issued.v1",
    "accountability.appeal_lodged.v1",
    "accountability.appeal_dismissed.v1",
    "assessment.case_closed.v1",
)
"""What the case file of the failed case tells, in this order."""
_TOLD_OF_TITLED: Final = frozenset({("outcome", "completed"), ("title", "conferred")})
_TOLD_OF_FAILED: Final = frozenset({("outcome", "closed_without_completion"), ("measure", "circular")})
_NEVER_ASKED: Final = ("/window/close", "/scoring/close", f"/{PUBLICITY}/close", "/confirm", "/close-period")
"""A trial of one of these is refused; what is accepted is the schedule's or the automations'."""
_MONEY: Final = ("given_fen", "accounted_for_fen", "recovered_fen", "carried_forward_fen")
_BY_CASE: Final = {
    ("COL-A", "budget", 2020): (25_000, 23_600, 0, 1_400),
    ("COL-A", "budget", 2021): (25_000, 14_900, 0, 11_500),
    ("COL-A", "budget", 2022): (0, 11_250, 250, 0),
    ("BR-1", "budget", 2020): (10_000, 9_850, 0, 150),
    ("BR-1", "budget", 2021): (10_000, 6_000, 0, 4_150),
    ("BR-1", "budget", 2022): (0, 4_030, 120, 0),
    ("BR-1", "upper_grant", 2021): (20_000, 20_000, 0, 0),
    ("BR-1", "school_match", 2021): (20_000, 20_000, 0, 0),
    ("BR-2", "budget", 2020): (10_000, 10_000, 0, 0),
    ("BR-2", "budget", 2021): (10_000, 6_500, 0, 3_500),
    ("BR-2", "budget", 2022): (0, 3_500, 0, 0),
    ("BR-3", "budget", 2020): (10_000, 8_400, 1_600, 0),
    ("BR-3", "budget", 2021): (10_000, 3_000, 0, 7_000),
    ("BR-3", "budget", 2022): (0, 4_300, 2_700, 0),
}
"""In yuan, of each case, source and fiscal year: allocated, accounted for, recovered, carried into the next."""
_IN_ALL: Final = {"given_fen": 110_000, "accounted_for_fen": 105_330, "recovered_fen": 4_670}
_OPEN: Final = (
    "unallocated_fen",
    "allocated_fen",
    "committed_fen",
    "in_transit_fen",
    "paid_out_fen",
    "frozen_fen",
    "claimed_fen",
)


def faults(p: Player, reached: Reached, exported: Checked, differences: Sequence[Difference]) -> list[str]:
    """Everything that is not as it should be; an empty list is what one hopes for."""
    return [
        *_rows(p, reached),
        *_states(reached),
        *_by_itself(p, reached),
        *_selection(reached),
        *_interpretations(reached),
        *_money(reached),
        *_books(reached),
        *_titles(reached),
        *_failed(reached),
        *_dossiers(reached),
        *_withheld(p, reached, exported),
        *(f"the export is faulty: {finding}" for finding in exported.findings),
        *_signed(reached, exported),
        *(f"view {d.view} is not what the log says: {d.kind} {d.key}" for d in differences),
    ]


def _signed(reached: Reached, exported: Checked) -> Iterator[str]:
    """What was signed is what was exported, checked with the public key alone."""
    keys = [Verifier.parse(each["vkey"]) for each in reached.checkpoint["verifiers"]]
    try:
        signed = Checkpoint.parse(opened(reached.checkpoint["items"][0]["note"], keys)[0])
    except NoteRefused as refused:
        yield f"the checkpoint does not hold: {refused}"
        return
    if (signed.size, signed.root) != (exported.root.size, exported.root.digest()):
        yield f"the checkpoint is of {signed.size} events and another root than the {exported.root.size} exported"


def _withheld(p: Player, reached: Reached, exported: Checked) -> Iterator[str]:
    """The auditor reads the whole record but what is known to few: what was referred to the body of discipline."""
    missing = set(range(1, exported.root.size + 1)) ^ {fact["position"] for fact in reached.facts}
    referred = {position for receipt in p.receipts for position, kind in receipt.events if kind == _KNOWN_TO_FEW}
    if len(referred) != 1 or missing != referred:
        yield f"of {exported.root.size} events exported the auditor does not read {sorted(missing)}"


def _rows(p: Player, reached: Reached) -> Iterator[str]:
    """Each row's events stand in the record as often as they should, and no more."""
    counted = Counter((line["row"], line["type"]) for line in timeline(p, reached))
    for row, types in _OF_ROWS.items():
        for kind, expected in types.items():
            if counted[row, kind] != expected:
                yield f"row {row} has {counted[row, kind]} of {kind}, not {expected}"


def _states(reached: Reached) -> Iterator[str]:
    """Five have passed their screening, three are vetted and stay so; whom a rule stopped was judged accordingly."""
    states = {row["unit_id"]: row["state"] for row in reached.roster}
    expected = {a.unit_id: "screened" if a.unit_id in _FILED else "vetted" for a in APPLICANTS}
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


def _by_itself(p: Player, reached: Reached) -> Iterator[str]:
    """What follows by itself was asked for by schedule and automations, at its instant, and never by the story."""
    for kind, (actor_kind, *instants) in _BY_ITSELF.items():
        envelopes = [fact["envelope"] for fact in reached.facts if fact["type"] == kind]
        expected = {(actor_kind, instant) for instant in instants}
        if (found := {(envelope["actor_kind"], envelope["effective_at"]) for envelope in envelopes}) != expected:
            yield f"{kind} is not the act of the {actor_kind} as of {', '.join(instants)}: {sorted(found)}"
    for text in p.wire.log.read_text(encoding="utf-8").splitlines():
        sent = json.loads(text)
        if sent["method"] == "POST" and sent["path"].endswith(_NEVER_ASKED) and sent["status"] < _REFUSED_FROM:
            yield f"the story itself asked for {sent['path']}"


def _selection(reached: Reached) -> Iterator[str]:
    """One college and three branches are confirmed, BR-4 is reserve; the rankings are the recorded ones."""
    states = {row["unit_id"]: row["state"] for row in reached.selections}
    expected = dict.fromkeys(("COL-A", "BR-1", "BR-2", "BR-3"), "confirmed") | {"BR-4": "reserve"}
    if states != expected:
        yield f"selection says {states}, not {expected}"
    for ranking in reached.rankings:
        if ranking["digest"] != ranking["recorded_digest"]:
            yield f"the ranking of {ranking['track_id']} is not the one that was recorded"
    sheets = {placing["application_id"]: len(placing["counted"]) for r in reached.rankings for placing in r["placings"]}
    if sheets != {a.application_id: 4 if a.unit_id == "COL-A" else 5 for a in APPLICANTS if not a.aside}:
        yield f"the sheets that count are {sheets}"


def _money(reached: Reached) -> Iterator[str]:
    """Every case's money is what it should be, year by year and in all."""
    found = {
        (row["application_id"].removeprefix("2020-"), row["source"], row["year"]): tuple(row[name] for name in _MONEY)
        for row in reached.balances
        if row["whose"] != "programme"
    }
    expected = {line: tuple(yuan * 100 for yuan in amounts) for line, amounts in _BY_CASE.items()}
    for line in sorted(found.keys() | expected.keys()):
        if found.get(line) != expected.get(line):
            yield f"the money of {line} is {found.get(line)}, not {expected.get(line)}"
    for name, yuan in _IN_ALL.items():
        if (fen := sums(reached, name, "budget")) != yuan * 100:
            yield f"{name} is {fen} in all, not {yuan * 100}"


def _books(reached: Reached) -> Iterator[str]:
    """No money is still open, and the books of the cycle balance, source by source and year by year."""
    for row in reached.balances:
        if left := {name: row[name] for name in _OPEN if row[name]}:
            yield f"of {row['whose']} {row['source']} {row['year']} is still open: {left}"
    sides: Counter[tuple[str, int]] = Counter()
    for row in reached.trial_balance:
        signed = row["amount_fen"] if ACCOUNTS[row["account"]].side == "debit" else -row["amount_fen"]
        sides[row["source"], row["year"]] += signed
    for (source, year), fen in sides.items():
        if fen:
            yield f"the books of {source} {year} do not balance by {fen}"
    if not sides:
        yield "the trial balance of the cycle is empty"


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


def _titles(reached: Reached) -> Iterator[str]:
    """Three hold a title without an end, the successor BR-2's; the failed one holds none, and anybody can read it."""
    held = {row["unit_id"]: (row["title"], row["state"], row["valid_until"]) for row in reached.designations}
    wanted = {
        bearer(a): ("benchmark_college" if a.track == "college" else "model_branch", "held", None) for a in TITLED
    }
    if held != wanted:
        yield f"the designations are {held}, not {wanted}"
    shown = {row["unit_id"]: (row["title"], row["state"], row["valid_until"]) for row in reached.register}
    if shown != held:
        yield f"the public register shows {shown}, the office reads {held}"


def _failed(reached: Reached) -> Iterator[str]:
    """The case that failed was closed after the appeal was dismissed, and never completed."""
    told = [entry["type"] for entry in reached.case_file["entries"]]
    in_order = [kind for kind in told if kind in _OF_THE_FAILED]
    if in_order != list(_OF_THE_FAILED):
        yield f"the case file of {FAILED} tells {in_order}, not {list(_OF_THE_FAILED)}"
    if _KNOWN_TO_FEW in told:
        yield f"the case file of {FAILED} tells of a referral"


def _dossiers(reached: Reached) -> Iterator[str]:
    """A dossier for each unit that bore a case and for its secretary, with its title or its failure; no referral."""
    of_units = {dossier["unit_id"]: dossier for dossier in reached.unit_dossiers}
    of_secretaries = {dossier["terms"][-1]["unit_id"]: dossier for dossier in reached.secretary_dossiers}
    wanted = {bearer(a) for a in SELECTED}
    for whose, issued in (("units", of_units), ("secretaries", of_secretaries)):
        if set(issued) != wanted:
            yield f"dossiers of {whose} are of {sorted(issued)}, not of {sorted(wanted)}"
        for unit_id, dossier in issued.items():
            told = {(line["area"], line["what"]) for line in dossier["lines"]}
            needed = _TOLD_OF_FAILED if unit_id == FAILED else _TOLD_OF_TITLED
            if not needed <= told:
                yield f"the dossier {dossier['dossier_id']} does not tell {sorted(needed - told)}"
            if any("refer" in what for _, what in told):
                yield f"the dossier {dossier['dossier_id']} tells of a referral"
