"""What the office asked to be corrected and until when; the dates in the record decide what comes late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from domain.kernel import Refusal, Word, words
from domain.screening.events import CorrectionExtended, CorrectionRequested, Part, PartKind

__all__ = ["Correction", "CorrectionNotExtended", "CorrectionOver", "CorrectionStillOpen", "named"]


class CorrectionOver(Refusal):
    """The time to correct is over: its last day was {last_day}, it closed at {closes_at}.
    zh: 补正期限已过:截止日为 {last_day},截止时刻为 {closes_at}。
    title: The time to correct is over · 补正期限已过
    """


class CorrectionStillOpen(Refusal):
    """The application may be corrected until {last_day}; the time closes at {closes_at}.
    zh: 该申报可补正至 {last_day},截止时刻为 {closes_at}。
    title: The time to correct is not over · 补正期限尚未届满
    """


class CorrectionNotExtended(Refusal):
    """The application may be corrected until {last_day} already.
    zh: 该申报本可补正至 {last_day}。
    title: The time to correct lasted at least that long · 补正期限本已至该日
    """


PART_TITLES: Final[dict[PartKind, tuple[str, str]]] = {
    "form": ("form", "申报书"),
    "form_field": ("field of the form", "申报书栏目"),
    "self_check": ("self-check", "自查"),
    "budget": ("budget", "经费预算"),
}


def named(parts: Sequence[Part]) -> Word:
    """Parts as a refusal names them: ``budget, form_field:goals``."""
    told = {_code(part): tuple(_with(title, part.code) for title in PART_TITLES[part.kind]) for part in parts}
    return words(map(_code, parts), {code: (en, zh) for code, (en, zh) in told.items()})


def _code(part: Part) -> str:
    return part.kind if part.code is None else f"{part.kind}:{part.code}"


def _with(title: str, code: str | None) -> str:
    return title if code is None else f"{title} {code}"


@dataclass(slots=True)
class Correction:
    """The latest correction of one application, as the record tells it so far."""

    parts: tuple[Part, ...] = ()
    closes_at: datetime | None = None
    last_day: date | None = None

    def take(self, body: CorrectionRequested | CorrectionExtended) -> None:
        """Take in one event; a later end replaces an earlier one."""
        if isinstance(body, CorrectionRequested):
            self.parts = body.parts
        self.closes_at, self.last_day = body.closes_at, body.last_day

    def is_over(self, now: datetime) -> bool:
        """Whether what is received at this instant comes too late."""
        return self.closes_at is not None and now >= self.closes_at

    def require_open(self, now: datetime) -> None:
        """Raise CorrectionOver for what is received too late."""
        if self.is_over(now):
            raise CorrectionOver(last_day=self.last_day, closes_at=self.closes_at)

    def require_extended_by(self, closes_at: datetime) -> None:
        """Raise CorrectionNotExtended unless this is a later end than the one that holds."""
        if self.closes_at is not None and closes_at <= self.closes_at:
            raise CorrectionNotExtended(last_day=self.last_day)

    def asked_for(self, part: Part) -> bool:
        """Whether a change of this part answers what was asked.

        A form that was saved anew does as soon as any of its fields was asked for: nobody can tell which text differs.
        """
        match part.kind:
            case "form":
                return any(asked.kind in {"form", "form_field"} for asked in self.parts)
            case "form_field":
                return part in self.parts or Part("form") in self.parts
        return part in self.parts
