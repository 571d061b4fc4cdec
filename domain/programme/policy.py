"""What a call says now: of every term the value that holds and where it came from; what a track asks for.

An erratum holds before an interpretation, an interpretation before the text as published. Of two of a kind, the later
one holds. Nothing here judges whether the call agrees with itself: a real one may not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal, Protocol, get_args

from domain.ids import TrackId
from domain.kernel import Event, Invalid, Refusal, Unknown
from domain.programme.events import (
    AmountValue,
    CataloguePinned,
    CountValue,
    DateValue,
    ErratumRecorded,
    FormDefined,
    Legibility,
    MomentValue,
    NotStated,
    QuotaByKind,
    RatioValue,
    TermInterpreted,
    TermKind,
    TermPublished,
    TermValue,
    TrackDefined,
)

__all__ = [
    "APPLICATION_CLOSES",
    "CYCLE_ENDS",
    "KNOWN_TERMS",
    "LEGIBILITY_TITLES",
    "TERM_FACTS",
    "TERM_KIND_TITLES",
    "WINDOW_CALENDAR_DAYS",
    "WINDOW_TERMS",
    "WINDOW_WORKING_DAYS",
    "AmountNotAboveZero",
    "CategoryUnknown",
    "Line",
    "LineTwice",
    "Material",
    "ProgrammeUnknown",
    "ShareExceeded",
    "Term",
    "TermNotInterpreted",
    "TermUnknown",
    "Terms",
    "TrackUnknown",
    "YearNotFunded",
    "check_lines",
    "day_of",
    "fits",
    "quota_for",
]

TermFact = TermPublished | TermInterpreted | ErratumRecorded
TERM_FACTS: Final[tuple[type[Event], ...]] = get_args(TermFact)
"""What says which value of a term holds: all with the tag of the programme."""

APPLICATION_CLOSES: Final = "application_closes"
WINDOW_WORKING_DAYS: Final = "application_window_working_days"
WINDOW_CALENDAR_DAYS: Final = "application_window_calendar_days"
WINDOW_TERMS: Final = (APPLICATION_CLOSES, WINDOW_WORKING_DAYS, WINDOW_CALENDAR_DAYS)
"""Ways of saying until when applications are taken; a call says one of them."""
CYCLE_ENDS: Final = "cycle_ends"
"""Until when those chosen work at it; a call need not say so."""
KNOWN_TERMS: Final[Mapping[str, TermKind]] = {
    APPLICATION_CLOSES: "date",
    WINDOW_WORKING_DAYS: "count",
    WINDOW_CALENDAR_DAYS: "count",
    CYCLE_ENDS: "date",
}
"""Terms that rules look up by their name, and the kind of value each must have; every other name is the call's own."""

Source = Literal["published", "interpreted", "corrected"]
TERM_KIND_TITLES: Final[dict[TermKind, tuple[str, str]]] = {
    "date": ("date", "日期"),
    "amount": ("amount", "金额"),
    "ratio": ("ratio", "比例"),
    "count": ("count", "数量"),
}
LEGIBILITY_TITLES: Final[dict[Legibility, tuple[str, str]]] = {
    "clear": ("clear", "清晰"),
    "damaged": ("damaged", "残缺"),
    "contradictory": ("contradictory", "矛盾"),
    "not_stated": ("not stated", "未载明"),
}

_KIND_OF: Final[Mapping[type[TermValue], TermKind]] = {
    DateValue: "date",
    MomentValue: "date",
    AmountValue: "amount",
    RatioValue: "ratio",
    CountValue: "count",
}
_WHOLE_BP: Final = 10_000
_HOURS: Final = range(24)
_MINUTES: Final = range(60)


class ProgrammeUnknown(Unknown):
    """Programme {programme_id} has not been announced.
    zh: 项目 {programme_id} 尚未发布。
    title: The programme has not been announced · 项目尚未发布
    """


class TrackUnknown(Unknown):
    """Programme {programme_id} has no track {track_id}.
    zh: 项目 {programme_id} 没有赛道 {track_id}。
    title: The programme has no such track · 项目没有该赛道
    """


class TermUnknown(Unknown):
    """The call has no term {term}.
    zh: 通知中没有条款 {term}。
    title: The call has no such term · 通知中没有该条款
    """


class TermNotInterpreted(Refusal):
    """Nothing can rest on the term {term} yet: it has no value.
    zh: 条款 {term} 尚无取值,不能据以行事。
    title: The term has no value yet · 条款尚无取值
    """


class CategoryUnknown(Invalid):
    """The form {form} has no budget category {code}.
    zh: 表单 {form} 没有预算类别 {code}。
    title: The form has no such category · 表单没有该预算类别
    """


class YearNotFunded(Invalid):
    """Track {track_id} is not funded in year {year}.
    zh: 赛道 {track_id} 在第 {year} 年度没有经费。
    title: The year is not funded · 该年度没有经费
    """


class AmountNotAboveZero(Invalid):
    """The line of category {category} in year {year} asks for {amount_fen} fen.
    zh: 类别 {category}、年度 {year} 的预算行金额为 {amount_fen} 分。
    title: An amount is above zero · 金额须大于零
    """


class LineTwice(Invalid):
    """Category {category} has two lines in year {year}.
    zh: 类别 {category} 在年度 {year} 有两行。
    title: A line of the budget stands twice · 预算行重复
    """


class ShareExceeded(Refusal):
    """Category {category} takes {amount_fen} fen of {total_fen}; its share is at most {share_at_most_bp} basis points.
    zh: 类别 {category} 占 {total_fen} 分中的 {amount_fen} 分;其比例上限为万分之 {share_at_most_bp}。
    title: A category takes more than its share · 类别超出其比例上限
    """


class Line(Protocol):
    """One line of a budget: what is asked for in one category and one year, in fen."""

    @property
    def category(self) -> str:
        """Of which category."""

    @property
    def year(self) -> int:
        """In which year."""

    @property
    def amount_fen(self) -> int:
        """How much."""


def fits(kind: TermKind, legibility: Legibility, value: TermValue) -> bool:
    """Whether a value can be that of a term: of its kind and within bounds; "not stated" where nothing was said."""
    match value:
        case NotStated():
            return legibility == "not_stated"
        case MomentValue(hour=hour, minute=minute) if hour not in _HOURS or minute not in _MINUTES:
            return False
        case AmountValue(amount_fen=figure) | RatioValue(ratio_bp=figure) | CountValue(count=figure) if figure < 0:
            return False
    return _KIND_OF[type(value)] == kind


def day_of(value: TermValue) -> date | None:
    """The day that a value names, or None for one that names none."""
    return value.day if isinstance(value, DateValue | MomentValue) else None


@dataclass(slots=True)
class Term:
    """One term of a call: what was published, how it was read, how it was corrected."""

    published: TermPublished
    published_position: int
    interpreted: TermValue | None = None
    interpreted_position: int = 0
    corrected: TermValue | None = None
    corrected_position: int = 0
    positions: set[int] = field(default_factory=set)
    """Of every fact about the term, those that no longer hold included."""

    @property
    def source(self) -> Source:
        """Where the value that holds comes from."""
        if self.corrected is not None:
            return "corrected"
        return "published" if self.interpreted is None else "interpreted"

    @property
    def value(self) -> TermValue | None:
        """The value that holds, or None while the term has none."""
        if self.corrected is not None:
            return self.corrected
        return self.published.value if self.interpreted is None else self.interpreted

    @property
    def position(self) -> int:
        """The position of the fact whose value holds."""
        by_source = {
            "corrected": self.corrected_position,
            "interpreted": self.interpreted_position,
            "published": self.published_position,
        }
        return by_source[self.source]


@dataclass(slots=True)
class Terms:
    """The terms of one programme, as far as they were read."""

    by_code: dict[str, Term] = field(default_factory=dict)

    def take(self, body: TermFact, position: int = 0) -> None:
        """Take in one event; what is said of a term that was not published is of no account."""
        if isinstance(body, TermPublished):
            self.by_code[body.term] = Term(body, position)
        term = self.by_code.get(body.term)
        if term is None:
            return
        term.positions.add(position)
        if isinstance(body, TermInterpreted):
            term.interpreted, term.interpreted_position = body.value, position
        elif isinstance(body, ErratumRecorded):
            term.corrected, term.corrected_position = body.value, position

    def __getitem__(self, code: str) -> Term:
        """The term of this name. Raises TermUnknown."""
        try:
            return self.by_code[code]
        except KeyError:
            raise TermUnknown(term=code) from None

    def value(self, code: str) -> TermValue | None:
        """The value of a term that holds, or None where there is no such term or it has no value."""
        return self.by_code[code].value if code in self.by_code else None

    def day(self, code: str) -> date:
        """The day that a term names. Raises TermUnknown, or TermNotInterpreted while it names none."""
        value = self[code].value
        day = None if value is None else day_of(value)
        if day is None:
            raise TermNotInterpreted(term=code)
        return day


@dataclass(slots=True)
class Material:
    """What a track asks of an application: its form and its criteria catalogues, as far as they were read."""

    tracks: dict[TrackId, TrackDefined] = field(default_factory=dict)
    forms: dict[str, FormDefined] = field(default_factory=dict)
    catalogues: dict[str, CataloguePinned] = field(default_factory=dict)

    def take(self, body: TrackDefined | FormDefined | CataloguePinned) -> None:
        """Take in one event of the definition."""
        match body:
            case TrackDefined(track_id=track_id):
                self.tracks[track_id] = body
            case FormDefined(form=form):
                self.forms[form] = body
            case CataloguePinned(catalogue=catalogue):
                self.catalogues[catalogue] = body


def quota_for(track: TrackDefined, kind: str, traits: frozenset[str]) -> QuotaByKind | None:
    """What the call lets a nominating unit of this kind and these traits put forward; None: it is no nominating unit.

    Where several lines fit, one that names a trait holds before one that names none.
    """
    fitting = [line for line in track.quotas if line.nominator_kind == kind]
    named = [line for line in fitting if line.nominator_trait is not None and line.nominator_trait in traits]
    return next(iter(named + [line for line in fitting if line.nominator_trait is None]), None)


def check_lines(lines: Sequence[Line], form: FormDefined, track: TrackDefined, field: str = "lines") -> None:
    """Raise unless each line is of a category and a year that there are, for an amount, and within its share."""
    shares = {category.code: category.share_at_most_bp for category in form.budget_categories}
    for line in lines:
        if line.category not in shares:
            raise CategoryUnknown(field=field, form=form.form, code=line.category)
        if line.year not in track.funded_years:
            raise YearNotFunded(field=field, track_id=track.track_id, year=line.year)
        if line.amount_fen <= 0:
            raise AmountNotAboveZero(field=field, category=line.category, year=line.year, amount_fen=line.amount_fen)
        if sum((line.category, line.year) == (other.category, other.year) for other in lines) > 1:
            raise LineTwice(field=field, category=line.category, year=line.year)
    total = sum(line.amount_fen for line in lines)
    for category, share in shares.items():
        amount = sum(line.amount_fen for line in lines if line.category == category)
        if share is not None and amount * _WHOLE_BP > share * total:
            raise ShareExceeded(category=category, amount_fen=amount, total_fen=total, share_at_most_bp=share)
