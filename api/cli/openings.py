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
from infra.line import Wrong

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

    def __call__(self, line: Mapping[str, Any]) -> Iterator[Wrong]:
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
            yield Wrong(f"position {position} is no {kind}", f"位置 {position} 不是合格的 {kind}")

    def _faults(self, position: int, opened: ScoreSheetOpened) -> Iterator[Wrong]:
        filed = self._filed.get(opened.filed_position)
        en = f"the sheet of seat {opened.seat_id} on {opened.application_id} in panel {opened.panel_id}"
        zh = f"评审组 {opened.panel_id} 席位 {opened.seat_id} 对 {opened.application_id} 的评分表"
        filed_at = opened.filed_position
        if filed is None or _whose(filed) != _whose(opened):
            yield Wrong(
                f"position {position} opens {en}, which position {filed_at} does not file",
                f"位置 {position} 拆封{zh},而位置 {filed_at} 并未提交该表",
            )
        elif (standing := self._standing[_whose(opened)]) != filed_at:
            yield Wrong(
                f"position {position} opens {en} of {filed_at}, which {standing} replaced",
                f"位置 {position} 拆封{zh}(位置 {filed_at}),而其已由位置 {standing} 取代",
            )
        elif not proves(opened.salt, opened.marks, filed.commitment):
            yield Wrong(
                f"position {position} forges {en}: its marks are not what {filed_at} committed to",
                f"位置 {position} 伪造{zh}:分数与位置 {filed_at} 所承诺者不符",
            )


def _whose(sheet: _Filed | ScoreSheetOpened) -> tuple[str, str, str]:
    return sheet.panel_id, sheet.seat_id, sheet.application_id
