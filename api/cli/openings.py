"""What the lines of an export say beside their form; no server, no key, no vault.

Every opened score sheet against what its reviewer had committed to, and whether the institution is simulated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from domain.institution.events import InstitutionOpened
from domain.review.events import ScoreSheetAmended, ScoreSheetFiled, ScoreSheetOpened
from domain.review.policy import proves

__all__ = ["Openings"]

_Filed = ScoreSheetFiled | ScoreSheetAmended
_FILED: dict[str, type[_Filed]] = {kind.TOPIC: kind for kind in (ScoreSheetFiled, ScoreSheetAmended)}


class Openings:
    """Is shown the lines of a log in order, and names each opening that is not of the sheet that stood.

    ``simulated`` is what the opening of the institution said of its clock.
    """

    def __init__(self) -> None:
        self.simulated = False
        self._filed: dict[int, _Filed] = {}
        self._standing: dict[tuple[str, str, str], int] = {}

    def __call__(self, line: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with this line, as far as it speaks of a sheet."""
        kind, position = line["type"], line["position"]
        try:
            if kind == InstitutionOpened.TOPIC:
                self.simulated = msgspec.convert(line["data"], InstitutionOpened).clock == "simulated"
            elif kind in _FILED:
                filed = msgspec.convert(line["data"], _FILED[kind])
                self._filed[position] = filed
                self._standing[_whose(filed)] = position
            elif kind == ScoreSheetOpened.TOPIC:
                yield from self._faults(position, msgspec.convert(line["data"], ScoreSheetOpened))
        except msgspec.ValidationError:
            yield f"position {position} is no {kind}"

    def _faults(self, position: int, opened: ScoreSheetOpened) -> Iterator[str]:
        filed = self._filed.get(opened.filed_position)
        whose = f"the sheet of seat {opened.seat_id} on {opened.application_id} in panel {opened.panel_id}"
        if filed is None or _whose(filed) != _whose(opened):
            yield f"position {position} opens {whose}, which position {opened.filed_position} does not file"
        elif self._standing[_whose(opened)] != opened.filed_position:
            standing = self._standing[_whose(opened)]
            yield f"position {position} opens {whose} of {opened.filed_position}, which {standing} replaced"
        elif not proves(opened.salt, opened.marks, filed.commitment):
            yield f"position {position} forges {whose}: its marks are not what {opened.filed_position} committed to"


def _whose(sheet: _Filed | ScoreSheetOpened) -> tuple[str, str, str]:
    return sheet.panel_id, sheet.seat_id, sheet.application_id
