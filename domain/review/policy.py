"""How opened sheets become a ranking: exact, recomputable by anybody, and the same in whatever order the sheets come.

``rank`` is the whole of it. The command that records a ranking, the views that show one, a run with other weights and a
replay all ask it. Sums are whole numbers and quotients exact fractions; nothing is rounded. Points are what a sheet
gives: marks are in tenths of a point, weights in basis points.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final, Literal

import msgspec

from domain.ids import ApplicationId, SeatId, UnitId
from domain.kernel import Code
from domain.review.events import (
    ApplicationAdmitted,
    Mark,
    ScoreCriterion,
    ScoreSheetOpened,
    StageDefined,
    TieBreak,
)
from domain.review.form import STAGE_RULES, StageRule, faults_of, leaves

__all__ = [
    "STAGE_RULES",
    "WHOLE_BP",
    "Breach",
    "Cause",
    "Contribution",
    "CountedSheet",
    "LeftOut",
    "Placing",
    "Ranking",
    "Sheet",
    "SheetKey",
    "StageRule",
    "TieBroken",
    "as_recorded",
    "faults_of",
    "leaves",
    "proves",
    "rank",
    "sheet_bytes",
    "total_of",
]

WHOLE_BP: Final = 10_000
_UNITS_A_POINT: Final = 10 * WHOLE_BP
"""A mark in tenths times a weight in basis points is a whole number of these units."""
_LARGEST: Final = 2**53 - 1
_DENOMINATOR_AT_MOST: Final = 10**9

SheetKey = tuple[SeatId, ApplicationId]
Unplaced = Literal["vetoed", "too_few_sheets"]
WhyLeftOut = Literal["recused", "excluded"]


# --- a sheet and what it was committed to ----------------------------------------------------------------------------


def sheet_bytes(marks: Mapping[str, int]) -> bytes:
    """The bytes that are sealed, and committed to: the canonical JSON object of tenths by criterion."""
    return msgspec.json.encode(dict(marks), order="sorted")


def proves(salt: str, marks: Sequence[Mark], commitment: str | None) -> bool:
    """Whether these marks were committed to: SHA-256 of the salt's 32 bytes and the bytes of the sheet.

    A criterion that is marked twice proves nothing: no sheet has one.
    """
    by_criterion = {mark.criterion: mark.tenths for mark in marks}
    if len(by_criterion) < len(marks):
        return False
    return hashlib.sha256(bytes.fromhex(salt) + sheet_bytes(by_criterion)).hexdigest() == commitment


@dataclass(frozen=True, slots=True)
class Sheet:
    """An opened sheet and where it stands in the record."""

    seat_id: SeatId
    application_id: ApplicationId
    salt: str
    marks: tuple[Mark, ...]
    position: int

    @classmethod
    def of(cls, opened: ScoreSheetOpened, position: int) -> Sheet:
        """The sheet that was opened at a position."""
        return cls(opened.seat_id, opened.application_id, opened.salt, opened.marks, position)

    @property
    def key(self) -> SheetKey:
        """Whose sheet it is, and on what."""
        return self.seat_id, self.application_id


def _units(form: Sequence[ScoreCriterion], marks: Mapping[str, int]) -> int:
    return sum(marks.get(leaf.code, 0) * (leaf.weight_bp or 0) for leaf in form)


def total_of(stage: StageDefined, marks: Mapping[str, int]) -> Fraction:
    """The total of a sheet, in points."""
    return Fraction(_units(leaves(stage.criteria), marks), _UNITS_A_POINT)


# --- the explanation of a ranking ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a sheet does not count: where that was recorded, and the interest or the reason that was named."""

    position: int
    code: Code = ""


@dataclass(frozen=True, slots=True)
class CountedSheet:
    """A sheet that counts: its total, and the reviewer's place for it where places are compared.

    ``kept`` says whether the aggregation rests on it; a trimmed mean leaves the ends out, a median all but the middle.
    """

    seat_id: SeatId
    position: int
    marks: tuple[Mark, ...]
    total: Fraction
    kept: bool
    place: Fraction | None = None
    of_sheets: int | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A sheet that does not count, or one that was never to be: why, and where it was opened if it was."""

    seat_id: SeatId
    why: WhyLeftOut
    cause: Cause
    position: int | None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one criterion gives: the mean of its marks over the sheets that were kept, and its points of the score."""

    criterion: Code
    weight_bp: int
    mean: Fraction
    points: Fraction


@dataclass(frozen=True, slots=True)
class TieBroken:
    """One link of the chain that was asked for an application: its value, and whether it parted it from all others."""

    by: str
    criterion: Code | None
    value: Fraction | str | None
    parted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """One application: its score in points (of a mean of places: the mean), its rank, and everything that led there."""

    application_id: ApplicationId
    unit_id: UnitId
    nominator_rank: int | None
    score: Fraction
    rank: int | None
    unplaced: Unplaced | None
    vetoed_by: Code | None
    advances: bool
    counted: tuple[CountedSheet, ...]
    left_out: tuple[LeftOut, ...]
    contributions: tuple[Contribution, ...]
    tie_breaks: tuple[TieBroken, ...]

    @property
    def sheets(self) -> int:
        """How many sheets count."""
        return len(self.counted)


@dataclass(frozen=True, slots=True)
class Breach:
    """A reviewer whose set of sheets breaks a rule over the set."""

    seat_id: SeatId
    rule: Code
    sheets: int
    reaching: int
    share_at_least_bp: int
    share_at_most_bp: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """The applications of one track in order, those that have no rank last; and which sets of sheets break a rule."""

    placings: tuple[Placing, ...]
    breaches: tuple[Breach, ...]
    shortlist: int | None

    @property
    def sheets(self) -> int:
        """How many sheets count in all."""
        return sum(placing.sheets for placing in self.placings)

    @property
    def digest(self) -> str:
        """The SHA-256 of the canonical JSON of what is recorded of every application, by its id."""
        recorded = sorted((_entry(placing) for placing in self.placings), key=lambda entry: entry.application_id)
        return hashlib.sha256(msgspec.json.encode(recorded, order="sorted")).hexdigest()

    def of(self, application_id: str) -> Placing | None:
        """The placing of one application."""
        return next((each for each in self.placings if each.application_id == application_id), None)


class _Entry(msgspec.Struct, frozen=True):
    application_id: str
    rank: int | None
    score_numerator: int
    score_denominator: int
    sheets: int
    advances: bool


def _entry(placing: Placing) -> _Entry:
    score = as_recorded(placing.score)
    return _Entry(
        placing.application_id, placing.rank, score.numerator, score.denominator, placing.sheets, placing.advances
    )


def as_recorded(score: Fraction) -> Fraction:
    """A score as an event holds it: exact, unless its terms are beyond 2^53; then the nearest one within a billionth.

    Only a mean of places over many reviewers who scored different numbers can come to such terms. The order of
    applications is always that of the exact scores.
    """
    if max(score.numerator, score.denominator) <= _LARGEST:
        return score
    return score.limit_denominator(_DENOMINATOR_AT_MOST)


# --- the ranking -----------------------------------------------------------------------------------------------------


def rank(
    stage: StageDefined,
    admitted: Iterable[ApplicationAdmitted],
    opened: Iterable[Sheet],
    excluded: Mapping[SheetKey, Cause],
    recused: Mapping[SheetKey, Cause],
    *,
    places: int | None = None,
) -> Ranking:
    """Rank the applications of a track by their opened sheets under a stage.

    ``recused`` may name seats that filed nothing. ``places`` is what a share that advances is counted of; without it,
    as without such a share, everything that has a rank advances.
    """
    applications = sorted(admitted, key=lambda each: each.application_id)
    wanted = {each.application_id for each in applications}
    every = list(opened)
    sheets = sorted((sheet for sheet in every if sheet.application_id in wanted), key=lambda sheet: sheet.key)
    out = {key: LeftOut(key[0], "excluded", cause, None) for key, cause in excluded.items()}
    out |= {key: LeftOut(key[0], "recused", cause, None) for key, cause in recused.items()}
    drum = _drum(sheet.salt for sheet in every)
    counting = _Counting(stage, [sheet for sheet in sheets if sheet.key not in out], drum)
    opened_at = {sheet.key: sheet.position for sheet in sheets}
    left_out: dict[ApplicationId, list[LeftOut]] = defaultdict(list)
    for key in sorted(out):
        left_out[key[1]].append(replace(out[key], position=opened_at.get(key)))
    scored = [counting.scored(each, tuple(left_out[each.application_id])) for each in applications]
    shortlist = None if stage.advance_bp is None or places is None else -(-places * stage.advance_bp // WHOLE_BP)
    return Ranking(tuple(_in_order(stage, scored, shortlist)), counting.breaches(), shortlist)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    """An application with its score, before it is compared with others."""

    admitted: ApplicationAdmitted
    score: Fraction
    unplaced: Unplaced | None
    vetoed_by: Code | None
    counted: tuple[CountedSheet, ...]
    left_out: tuple[LeftOut, ...]
    contributions: tuple[Contribution, ...]
    ties: tuple[Fraction | str | None, ...]
    """What each link of the tie-break chain says of it."""
    key: tuple[Any, ...]
    """Sorts before every key that is worse; equal to the end, two applications share a rank."""


class _Counting:
    """The sheets of a track that count, and what is computed from them."""

    def __init__(self, stage: StageDefined, sheets: Iterable[Sheet], drum: hashlib._Hash) -> None:
        self.stage = stage
        self.drum = drum
        self.form = leaves(stage.criteria)
        self.units: dict[SheetKey, int] = {}
        self.of_application: dict[ApplicationId, list[Sheet]] = defaultdict(list)
        self.of_seat: dict[SeatId, list[Sheet]] = defaultdict(list)
        for sheet in sheets:
            self.units[sheet.key] = _units(self.form, {mark.criterion: mark.tenths for mark in sheet.marks})
            self.of_application[sheet.application_id].append(sheet)
            self.of_seat[sheet.seat_id].append(sheet)
        self.places = self._places() if stage.aggregation == "rank_mean" else {}

    def _places(self) -> dict[SheetKey, Fraction]:
        """Each reviewer's place for each sheet, the best first; equal totals share the average of their places."""
        found: dict[SheetKey, Fraction] = {}
        for sheets in self.of_seat.values():
            counts = Counter(self.units[sheet.key] for sheet in sheets)
            better, place = 0, {}
            for total in sorted(counts, reverse=True):
                place[total] = better + Fraction(counts[total] + 1, 2)
                better += counts[total]
            found |= {sheet.key: place[self.units[sheet.key]] for sheet in sheets}
        return found

    def breaches(self) -> tuple[Breach, ...]:
        """Every set of one reviewer's sheets that breaks a rule over the set."""
        found: list[Breach] = []
        for seat_id in sorted(self.of_seat):
            totals = [self.units[sheet.key] for sheet in self.of_seat[seat_id]]
            for rule in self.stage.share_rules:
                reaching = sum(total >= rule.at_least_tenths * WHOLE_BP for total in totals)
                share = reaching * WHOLE_BP
                if not rule.share_at_least_bp * len(totals) <= share <= rule.share_at_most_bp * len(totals):
                    bounds = rule.share_at_least_bp, rule.share_at_most_bp
                    found.append(Breach(seat_id, rule.rule, len(totals), reaching, *bounds))
        return tuple(found)

    def scored(self, admitted: ApplicationAdmitted, left_out: tuple[LeftOut, ...]) -> _Scored:
        """Score one application."""
        sheets = sorted(
            self.of_application.get(admitted.application_id, ()), key=lambda sheet: (self.units[sheet.key], sheet.key)
        )
        kept = self._kept(sheets)
        enough = len(sheets) >= self.stage.minimum_sheets and bool(kept)
        contributions = self._contributions(kept)
        vetoed_by = self._veto(sheets) if enough else None
        score = self._score(kept, contributions)
        ties = tuple(self._tie(link, admitted, sheets) for link in self.stage.tie_breaks)
        first = score if self.stage.aggregation == "rank_mean" else -score
        return _Scored(
            admitted=admitted,
            score=score,
            unplaced="vetoed" if vetoed_by else None if enough else "too_few_sheets",
            vetoed_by=vetoed_by,
            counted=self._counted(sheets, kept),
            left_out=left_out,
            contributions=contributions,
            ties=ties,
            key=(first, *(_sortable(link, said) for link, said in zip(self.stage.tie_breaks, ties, strict=True))),
        )

    def _kept(self, sheets: list[Sheet]) -> list[Sheet]:
        """The sheets, sorted by their totals, that the aggregation rests on."""
        match self.stage.aggregation:
            case "trimmed_mean":
                return sheets[self.stage.trim : len(sheets) - self.stage.trim]
            case "median":
                return sheets[(len(sheets) - 1) // 2 : len(sheets) // 2 + 1]
        return sheets

    def _contributions(self, kept: Sequence[Sheet]) -> tuple[Contribution, ...]:
        by_sheet = [{mark.criterion: mark.tenths for mark in sheet.marks} for sheet in kept]
        count = len(kept) or 1
        found = []
        for leaf in self.form:
            tenths, weight = sum(marks.get(leaf.code, 0) for marks in by_sheet), leaf.weight_bp or 0
            points = Fraction(tenths * weight, _UNITS_A_POINT * count)
            found.append(Contribution(leaf.code, weight, Fraction(tenths, 10 * count), points))
        return tuple(found)

    def _score(self, kept: Sequence[Sheet], contributions: Iterable[Contribution]) -> Fraction:
        if self.stage.aggregation != "rank_mean":
            return sum((each.points for each in contributions), Fraction())
        scaled = (self.places[sheet.key] / len(self.of_seat[sheet.seat_id]) for sheet in kept)
        return sum(scaled, Fraction()) / (len(kept) or 1)

    def _counted(self, sheets: Sequence[Sheet], kept: Sequence[Sheet]) -> tuple[CountedSheet, ...]:
        found = []
        for sheet in sorted(sheets, key=lambda each: each.key):
            place = self.places.get(sheet.key)
            found.append(
                CountedSheet(
                    seat_id=sheet.seat_id,
                    position=sheet.position,
                    marks=tuple(sorted(sheet.marks, key=lambda mark: mark.criterion)),
                    total=Fraction(self.units[sheet.key], _UNITS_A_POINT),
                    kept=sheet in kept,
                    place=place,
                    of_sheets=None if place is None else len(self.of_seat[sheet.seat_id]),
                )
            )
        return tuple(found)

    def _mean(self, criterion: str | None, sheets: Sequence[Sheet]) -> Fraction:
        """The mean of a criterion's marks over all sheets that count, in points."""
        tenths = sum(mark.tenths for sheet in sheets for mark in sheet.marks if mark.criterion == criterion)
        return Fraction(tenths, 10 * (len(sheets) or 1))

    def _veto(self, sheets: Sequence[Sheet]) -> Code | None:
        below = (
            veto.criterion
            for veto in self.stage.vetoes
            if self._mean(veto.criterion, sheets) < Fraction(veto.mean_below_tenths, 10)
        )
        return next(below, None)

    def _tie(self, link: TieBreak, admitted: ApplicationAdmitted, sheets: Sequence[Sheet]) -> Fraction | str | None:
        totals = [Fraction(self.units[sheet.key], _UNITS_A_POINT) for sheet in sheets]
        match link.by:
            case "criterion":
                return self._mean(link.criterion, sheets)
            case "median":
                middle = totals[(len(totals) - 1) // 2 : len(totals) // 2 + 1]
                return sum(middle, Fraction()) / (len(middle) or 1)
            case "highest_sheet":
                return max(totals, default=Fraction())
            case "nominator_rank":
                return None if admitted.nominator_rank is None else Fraction(admitted.nominator_rank)
        drawn = self.drum.copy()
        drawn.update(admitted.application_id.encode())
        return drawn.hexdigest()


def _drum(salts: Iterable[str]) -> hashlib._Hash:
    """What lots are drawn from: SHA-256 over the sorted salts of all opened sheets, then over the application's id.

    Salts are random, and were committed to before anybody could know how the marks would fall; a sheet that is left
    out later changes no lot. The smallest is drawn first.
    """
    return hashlib.sha256(b"".join(bytes.fromhex(salt) for salt in sorted(salts)))


def _sortable(link: TieBreak, said: Fraction | str | None) -> tuple[Any, ...]:
    """What a link says, as a part of a key: the better sorts first, and who has no rank after all that have one."""
    if said is None:
        return (1,)
    if isinstance(said, str) or link.by == "nominator_rank":
        return (0, said)
    return (0, -said)


def _in_order(stage: StageDefined, scored: Sequence[_Scored], shortlist: int | None) -> list[Placing]:
    """Compare: those with a rank by their keys, then those without by their ids."""
    placed = sorted((each for each in scored if each.unplaced is None), key=lambda each: each.key)
    tied: dict[Fraction, list[_Scored]] = defaultdict(list)
    for each in placed:
        tied[each.score].append(each)
    found: list[Placing] = []
    place = 0
    for number, each in enumerate(placed):
        if not number or each.key != placed[number - 1].key:
            place = number + 1
        advances = shortlist is None or place <= shortlist
        found.append(_placing(each, place, _broken(stage, each, tied[each.score]), advances=advances))
    unplaced = (each for each in scored if each.unplaced is not None)
    return found + [_placing(each, None, (), advances=False) for each in unplaced]


def _broken(stage: StageDefined, scored: _Scored, tied: Sequence[_Scored]) -> tuple[TieBroken, ...]:
    """The links of the chain that were asked until the application stood alone, or to the end where it never does."""
    found: list[TieBroken] = []
    for number, link in enumerate(stage.tie_breaks):
        if len(tied) == 1:
            break
        tied = [other for other in tied if other.ties[number] == scored.ties[number]]
        found.append(TieBroken(link.by, link.criterion, scored.ties[number], len(tied) == 1))
    return tuple(found)


def _placing(scored: _Scored, place: int | None, broken: tuple[TieBroken, ...], *, advances: bool) -> Placing:
    return Placing(
        application_id=scored.admitted.application_id,
        unit_id=scored.admitted.unit_id,
        nominator_rank=scored.admitted.nominator_rank,
        score=scored.score,
        rank=place,
        unplaced=scored.unplaced,
        vetoed_by=scored.vetoed_by,
        advances=advances,
        counted=scored.counted,
        left_out=scored.left_out,
        contributions=scored.contributions,
        tie_breaks=broken,
    )
