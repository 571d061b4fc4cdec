"""The shape of a programme's definition: one document that an office writes down, loads and announces.

It is published as a JSON Schema. Announced, each of its policies becomes an event of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from domain.ids import CODED, TrackId
from domain.kernel import Code, Event, OfficialName, Quotation
from domain.programme.events import (
    BudgetCategory,
    CataloguePinned,
    CitedBasis,
    Criterion,
    EligibilityRuleDefined,
    FormDefined,
    FormField,
    Legibility,
    NominationMode,
    Places,
    QuotaByKind,
    RuleSeverity,
    TermKind,
    TermPublished,
    TermValue,
    Test,
    TrackDefined,
)
from domain.review.events import Aggregation, ScoreCriterion, ShareRule, StageDefined, TieBreak, Veto

__all__ = [
    "SCHEMA_VERSION",
    "CriteriaCatalogue",
    "Definition",
    "Eligibility",
    "Form",
    "Stage",
    "TermText",
    "Track",
    "digest",
    "policies",
    "schema",
]

SCHEMA_VERSION: Final = 1

Id = Annotated[str, msgspec.Meta(pattern=CODED)]
Zh = Annotated[OfficialName, msgspec.Meta(title="Name (Chinese)")]
En = Annotated[OfficialName, msgspec.Meta(title="Name (English)")]


class TermText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A term of the call: its characters as printed, and its value where they are legible."""

    term: Annotated[Code, msgspec.Meta(title="Term")]
    kind: Annotated[TermKind, msgspec.Meta(title="Kind of value")]
    clause: Annotated[Quotation, msgspec.Meta(title="Clause")]
    as_published: Annotated[Quotation | None, msgspec.Meta(title="As published")] = None
    legibility: Annotated[Legibility, msgspec.Meta(title="Legibility")]
    value: Annotated[TermValue | None, msgspec.Meta(title="Value, where legible")] = None


class Eligibility(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule of eligibility: what is tested, for whom, as of which day, and whether it can be waived."""

    rule: Annotated[Code, msgspec.Meta(title="Rule")]
    name_zh: Zh
    name_en: En
    clause: Annotated[Quotation, msgspec.Meta(title="Clause")]
    severity: Annotated[RuleSeverity, msgspec.Meta(title="Severity")]
    test: Annotated[Test, msgspec.Meta(title="Test")]
    for_traits: Annotated[tuple[Code, ...], msgspec.Meta(title="Only units with one of these traits")] = ()
    not_for_traits: Annotated[tuple[Code, ...], msgspec.Meta(title="Not units with one of these traits")] = ()
    as_of_term: Annotated[Code | None, msgspec.Meta(title="Judged as of (none: the day of judgement)")] = None


class Track(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A track: who may be chosen, for how many places, put forward by whom, on which materials and conditions."""

    track_id: Annotated[Id, msgspec.Meta(title="Track")]
    name_zh: Zh
    name_en: En
    subject_kinds: Annotated[tuple[Code, ...], msgspec.Meta(title="Kinds of units", min_length=1)]
    places: Annotated[Places, msgspec.Meta(title="Places")]
    nomination: Annotated[NominationMode, msgspec.Meta(title="Nomination")]
    self_nomination: Annotated[bool, msgspec.Meta(title="A unit decides for itself")] = False
    quotas: Annotated[tuple[QuotaByKind, ...], msgspec.Meta(title="Quotas")] = ()
    catalogues: Annotated[tuple[Code, ...], msgspec.Meta(title="Criteria catalogues")] = ()
    form: Annotated[Code, msgspec.Meta(title="Application form")]
    funded_years: Annotated[tuple[int, ...], msgspec.Meta(title="Budget years")] = ()
    annual_amount_term: Annotated[Code | None, msgspec.Meta(title="Term of the yearly amount")] = None
    eligibility: Annotated[tuple[Eligibility, ...], msgspec.Meta(title="Rules of eligibility")] = ()


class CriteriaCatalogue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A criteria catalogue in one version."""

    catalogue: Annotated[Code, msgspec.Meta(title="Catalogue")]
    version: Annotated[int, msgspec.Meta(title="Version", ge=1)]
    name_zh: Zh
    name_en: En
    level: Annotated[Code, msgspec.Meta(title="Level")]
    criteria: Annotated[tuple[Criterion, ...], msgspec.Meta(title="Criteria", min_length=1)]


class Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An application form: its fields, and the categories of its budget."""

    form: Annotated[Code, msgspec.Meta(title="Form")]
    name_zh: Zh
    name_en: En
    fields: Annotated[tuple[FormField, ...], msgspec.Meta(title="Fields", min_length=1)]
    budget_categories: Annotated[tuple[BudgetCategory, ...], msgspec.Meta(title="Budget categories")] = ()


class Stage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stage of the review: its tracks, score form, constraints, aggregation and tie-breaks."""

    stage: Annotated[Code, msgspec.Meta(title="Stage")]
    order: Annotated[int, msgspec.Meta(title="Order")]
    name_zh: Zh
    name_en: En
    track_ids: Annotated[tuple[Id, ...], msgspec.Meta(title="Tracks")]
    criteria: Annotated[tuple[ScoreCriterion, ...], msgspec.Meta(title="Score form")]
    total_at_least_tenths: Annotated[int | None, msgspec.Meta(title="Lowest total of a sheet (tenths)")] = None
    total_at_most_tenths: Annotated[int | None, msgspec.Meta(title="Highest total of a sheet (tenths)")] = None
    share_rules: Annotated[tuple[ShareRule, ...], msgspec.Meta(title="Rules over a reviewer's sheets")] = ()
    vetoes: Annotated[tuple[Veto, ...], msgspec.Meta(title="Vetoes")] = ()
    aggregation: Annotated[Aggregation, msgspec.Meta(title="Aggregation")]
    trim: Annotated[int, msgspec.Meta(title="Sheets left out at each end")] = 0
    minimum_sheets: Annotated[int, msgspec.Meta(title="Sheets at least")]
    tie_breaks: Annotated[tuple[TieBreak, ...], msgspec.Meta(title="Tie-breaks in order")] = ()
    advance_bp: Annotated[int | None, msgspec.Meta(title="Advance, of the places (none: all)")] = None


class Definition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A programme: one call as data, its text as published beside what the text means."""

    schema_version: Annotated[Literal[1], msgspec.Meta(title="Version of this schema")]
    name_zh: Zh
    name_en: En
    illustrative: Annotated[bool, msgspec.Meta(title="Made up to show what can be said; no real call")] = False
    office_unit_id: Annotated[Id, msgspec.Meta(title="Office in charge")]
    issued_at: Annotated[datetime, msgspec.Meta(title="Issued at", tz=True)]
    cited: Annotated[tuple[CitedBasis, ...], msgspec.Meta(title="Cited basis")] = ()
    terms: Annotated[tuple[TermText, ...], msgspec.Meta(title="Terms")]
    catalogues: Annotated[tuple[CriteriaCatalogue, ...], msgspec.Meta(title="Criteria catalogues")] = ()
    forms: Annotated[tuple[Form, ...], msgspec.Meta(title="Application forms", min_length=1)]
    tracks: Annotated[tuple[Track, ...], msgspec.Meta(title="Tracks", min_length=1)]
    stages: Annotated[tuple[Stage, ...], msgspec.Meta(title="Stages of the review")] = ()


LATER_PARTS: Final = ("stages",)
"""Parts that a definition could not have at first: silent, they are not in its digest, which so stays what it was."""


def schema() -> dict[str, Any]:
    """The shape of a definition as JSON Schema 2020-12."""
    (top,), parts = msgspec.json.schema_components([Definition], ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Definition of a programme",
        **top,
        "$defs": dict(sorted(parts.items())),
    }


def digest(definition: Definition) -> str:
    """The SHA-256 of a definition's canonical JSON, defaults left unsaid or not: it names what the definition says."""
    said = msgspec.structs.asdict(definition)
    parts = {name: value for name, value in said.items() if value or name not in LATER_PARTS}
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def policies(definition: Definition, programme_id: str) -> Iterator[tuple[type[Event], dict[str, Any]]]:
    """What is recorded when a definition is announced: each policy an event of its own, in the order of its parts."""
    for term in definition.terms:
        yield TermPublished, {"programme_id": programme_id, **msgspec.structs.asdict(term)}
    for catalogue in definition.catalogues:
        yield CataloguePinned, {"programme_id": programme_id, **msgspec.structs.asdict(catalogue)}
    for form in definition.forms:
        yield FormDefined, {"programme_id": programme_id, **msgspec.structs.asdict(form)}
    for track in definition.tracks:
        fields = msgspec.structs.asdict(track)
        rules: tuple[Eligibility, ...] = fields.pop("eligibility")
        yield TrackDefined, {"programme_id": programme_id, **fields}
        for rule in rules:
            named = {"programme_id": programme_id, "track_id": TrackId(track.track_id)}
            yield EligibilityRuleDefined, {**named, **msgspec.structs.asdict(rule)}
    for stage in definition.stages:
        yield StageDefined, {"programme_id": programme_id, **msgspec.structs.asdict(stage)}
