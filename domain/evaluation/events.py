"""What can have happened to a dossier: it was issued, as it stands."""

from datetime import date
from typing import Annotated, Literal

import msgspec

from domain.ids import ApplicationId, DossierId, PersonId, ProgrammeId, UnitId
from domain.kernel import Code, Digest, Event, office, subject

Use = Literal["secretary_evaluation", "commendation"]
"""What a dossier may be used for: 述职评议, or 两优一先."""
Area = Literal["outcome", "title", "report", "measure", "funds"]


class DossierLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fact of the year: what it was, of which matter, on which day, and where it stands."""

    area: Area
    what: Code
    matter: Code | None = None
    on: date
    programme_id: ProgrammeId
    application_id: ApplicationId | None = None
    amount_fen: int | None = None
    position: int


class SecretaryTerm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part of the year in which the person was secretary of a unit."""

    unit_id: UnitId
    first_day: date
    last_day: date


class UnitDossierIssued(Event):
    """The dossier of a unit for a year was issued: its facts with their positions, their digest, and its uses.
    zh: 单位年度档案出具:所列事实及其位置、摘要与用途。
    """

    TOPIC = "evaluation.unit_dossier_issued.v1"
    dossier_id: Annotated[DossierId, subject("Dossier", "档案")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    year: Annotated[int, subject("Year", "年度")]
    uses: Annotated[tuple[Use, ...], subject("May be used for", "用途")]
    lines: Annotated[tuple[DossierLine, ...], subject("Facts", "事实")]
    fact_positions: Annotated[tuple[int, ...], subject("Facts (positions)", "事实位置")]
    digest: Annotated[Digest, subject("Digest of the facts", "事实摘要")]
    follows: Annotated[DossierId | None, subject("In the place of", "替代档案")] = None


class SecretaryDossierIssued(Event):
    """The dossier of a secretary for a year was issued: terms, facts with their positions, their digest, and its uses.
    zh: 书记年度档案出具:任职期间、所列事实及其位置、摘要与用途。
    """

    TOPIC = "evaluation.secretary_dossier_issued.v1"
    dossier_id: Annotated[DossierId, office("Dossier", "档案")]
    person_id: Annotated[PersonId, office("Person", "人员")]
    year: Annotated[int, office("Year", "年度")]
    uses: Annotated[tuple[Use, ...], office("May be used for", "用途")]
    terms: Annotated[tuple[SecretaryTerm, ...], office("Terms", "任职期间")]
    lines: Annotated[tuple[DossierLine, ...], office("Facts", "事实")]
    fact_positions: Annotated[tuple[int, ...], office("Facts (positions)", "事实位置")]
    digest: Annotated[Digest, office("Digest of the facts", "事实摘要")]
    follows: Annotated[DossierId | None, office("In the place of", "替代档案")] = None
