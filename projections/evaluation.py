"""Evaluation: the dossiers of units and of secretaries, each as it was issued, and which of them was issued anew."""

from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec.structs import replace

from domain.evaluation.events import DossierLine, SecretaryDossierIssued, SecretaryTerm, UnitDossierIssued, Use
from domain.ids import DossierId, PersonId, UnitId
from domain.kernel import Digest, Recorded, office, subject
from projections.kernel import Key, View


class UnitDossierRow(msgspec.Struct, frozen=True, kw_only=True):
    """The dossier of a unit for a year, as it was issued.
    zh: 出具时的单位年度档案。
    """

    dossier_id: Annotated[DossierId, subject("Dossier", "档案")]
    unit_id: Annotated[UnitId, subject("Unit", "单位")]
    year: Annotated[int, subject("Year", "年度")]
    uses: Annotated[tuple[Use, ...], subject("May be used for", "用途")]
    lines: Annotated[tuple[DossierLine, ...], subject("Facts", "事实")]
    fact_positions: Annotated[tuple[int, ...], subject("Facts (positions)", "事实位置")]
    digest: Annotated[Digest, subject("Digest of the facts", "事实摘要")]
    follows: Annotated[DossierId | None, subject("In the place of", "替代档案")] = None
    next_dossier_id: Annotated[DossierId | None, subject("Issued anew as", "另行出具为")] = None
    issued_by: Annotated[str, office("Issued by", "出具人")]
    issued_at: Annotated[datetime, subject("Issued at", "出具时间")]


class SecretaryDossierRow(msgspec.Struct, frozen=True, kw_only=True):
    """The dossier of a secretary for a year, as it was issued; for the office and the person alone.
    zh: 出具时的书记年度档案;仅限主管部门与本人。
    """

    dossier_id: Annotated[DossierId, office("Dossier", "档案")]
    person_id: Annotated[PersonId, office("Person", "人员")]
    year: Annotated[int, office("Year", "年度")]
    uses: Annotated[tuple[Use, ...], office("May be used for", "用途")]
    terms: Annotated[tuple[SecretaryTerm, ...], office("Terms", "任职期间")]
    lines: Annotated[tuple[DossierLine, ...], office("Facts", "事实")]
    fact_positions: Annotated[tuple[int, ...], office("Facts (positions)", "事实位置")]
    digest: Annotated[Digest, office("Digest of the facts", "事实摘要")]
    follows: Annotated[DossierId | None, office("In the place of", "替代档案")] = None
    next_dossier_id: Annotated[DossierId | None, office("Issued anew as", "另行出具为")] = None
    issued_by: Annotated[str, office("Issued by", "出具人")]
    issued_at: Annotated[datetime, office("Issued at", "出具时间")]


DossierRow = TypeVar("DossierRow", UnitDossierRow, SecretaryDossierRow)


def _touches(recorded: Recorded) -> list[Key]:
    """The dossier that was issued, and the one in whose place it stands."""
    issued = recorded.event.as_dict()
    return [(issued["dossier_id"],), *([(issued["follows"],)] if issued["follows"] else [])]


def _folded(kind: type[DossierRow], row: DossierRow | None, recorded: Recorded, key: Key) -> DossierRow | None:
    issued, envelope = recorded.event.as_dict(), recorded.envelope
    if key == (issued["dossier_id"],):
        return kind(**issued, issued_by=envelope.actor_id, issued_at=envelope.effective_at)
    return None if row is None else replace(row, next_dossier_id=issued["dossier_id"])


UNIT_DOSSIER = View(
    name="unit_dossier",
    version=1,
    en="Dossiers of units",
    zh="单位年度档案",
    row=UnitDossierRow,
    key=("dossier_id",),
    reads=(UnitDossierIssued,),
    touches=_touches,
    fold=lambda row, recorded, key: _folded(UnitDossierRow, row, recorded, key),
    filters=("unit_id", "year"),
    sorts=("issued_at",),
    subject_units=("unit_id",),
    is_open=lambda _: False,
)

SECRETARY_DOSSIER = View(
    name="secretary_dossier",
    version=1,
    en="Dossiers of secretaries",
    zh="书记年度档案",
    row=SecretaryDossierRow,
    key=("dossier_id",),
    reads=(SecretaryDossierIssued,),
    touches=_touches,
    fold=lambda row, recorded, key: _folded(SecretaryDossierRow, row, recorded, key),
    filters=("person_id", "year"),
    sorts=("issued_at",),
)
