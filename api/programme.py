"""Programmes over HTTP: a call is announced as one definition, checked twice, and read part by part."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final, cast

import jsonschema
import msgspec

from api.problems import BodyUnreadable, DefinitionInvalid
from api.routes import Act, Page, Row, Rows
from domain.programme.commands import AnnounceProgramme, InterpretTerm, RecordErratum
from domain.programme.definition import SHAPE, findings, schema
from projections.programme import CATALOGUE, FORM, PROGRAMME, RULE, TERM, TRACK

__all__ = ["PAGE", "all_findings"]

_SHOWN: Final = 200
_KINDS: Final = {
    "array": ("a list", "列表"),
    "boolean": ("true or false", "true 或 false"),
    "date": ("a day, as in 2020-05-31", "日期,如 2020-05-31"),
    "date-time": (
        "an instant with its offset, as in 2020-05-09T16:36:00+08:00",
        "带时差的时刻,如 2020-05-09T16:36:00+08:00",
    ),
    "integer": ("a whole number", "整数"),
    "null": ("null", "null"),
    "object": ("an object", "对象"),
    "string": ("text", "文本"),
}
_BOUNDS: Final = {
    "maxLength": ("must have at most {} characters.", "至多 {} 个字符。"),
    "minItems": ("must have at least {} entries.", "至少 {} 项。"),
    "minimum": ("must be at least {}.", "不得小于 {}。"),
    "pattern": ("must be written like {}.", "须符合格式 {}。"),
}
"""What the shape of a definition asks for, in both languages."""


_FORMATS: Final = jsonschema.FormatChecker(formats=())


@_FORMATS.checks("date")
def _is_day(value: object) -> bool:
    return not isinstance(value, str) or _reads(value, date)


@_FORMATS.checks("date-time")
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or _reads(value, Annotated[datetime, msgspec.Meta(tz=True)])


def _reads(text: str, kind: Any) -> bool:  # noqa: ANN401 - A type with its bounds.
    try:
        msgspec.convert(text, kind)
    except msgspec.ValidationError:
        return False
    return True


@functools.cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema(), format_checker=_FORMATS)


def all_findings(document: object) -> list[dict[str, Any]]:
    """Every fault of a definition: those of its shape, or else those of the named rules; path, value, rule."""
    faults = sorted(_validator().iter_errors(document), key=lambda error: [str(step) for step in error.absolute_path])
    if faults:
        leaves = [leaf for fault in faults for leaf in _leaves(fault)]
        return [finding for leaf in leaves for finding in _shape_findings(leaf)][:_SHOWN]
    if not isinstance(document, dict):
        return []
    return [msgspec.to_builtins(finding) for finding in findings(document)]


def _leaves(fault: jsonschema.ValidationError) -> list[jsonschema.ValidationError]:
    """What is really wrong where one of several shapes is asked for: the faults of the shape that was meant."""
    if fault.validator != "anyOf":
        return [fault]
    shapes: dict[object, list[jsonschema.ValidationError]] = {}
    for inner in fault.context or ():
        shapes.setdefault(inner.relative_schema_path[0], []).append(inner)
    meant = [faults for faults in shapes.values() if not any(map(_is_another_shape, faults))]
    if not meant:
        # None was meant: the word that names the shape is wrong or missing, or it is no object at all.
        told = [inner for faults in shapes.values() for inner in faults if _is_another_shape(inner)]
        return [max(told, key=lambda inner: (len(inner.absolute_path), inner.validator == "required"))]
    return [leaf for inner in meant[0] for leaf in _leaves(inner)]


def _is_another_shape(fault: jsonschema.ValidationError) -> bool:
    """Whether a fault says that this shape was not meant: another kind of value, or another word for its type."""
    place = list(fault.relative_path)
    names_type = place == ["type"] and fault.validator == "enum"
    lacks_type = not place and fault.validator == "required" and fault.message.startswith("'type'")
    return names_type or lacks_type or (not place and fault.validator == "type")


def _shape_findings(fault: jsonschema.ValidationError) -> list[dict[str, Any]]:
    """One fault of the shape as findings; a field that is missing or not known is named by its own path."""
    path = "".join(f"/{step}" for step in fault.absolute_path)
    rule = f"{SHAPE}-{fault.validator}"
    if fault.validator == "required":
        # The library reports each missing field as a fault of its own, and names it in its sentence alone.
        missing = fault.message.partition("' is a required")[0].removeprefix("'")
        en, zh = f"{missing} is missing.", f"缺少 {missing}。"
        return [{"path": f"{path}/{missing}", "value": None, "rule": rule, "en": en, "zh": zh}]
    if (
        fault.validator == "additionalProperties"
        and isinstance(fault.instance, dict)
        and isinstance(fault.schema, Mapping)
    ):
        strange = sorted(set(fault.instance) - set(fault.schema.get("properties", ())))
        return [
            {
                "path": f"{path}/{name}",
                "value": _small(fault.instance[name]),
                "rule": rule,
                "en": f"{name} is no field here.",
                "zh": f"此处没有 {name} 这一项。",
            }
            for name in strange
        ]
    en, zh = _sentence(fault)
    return [{"path": path, "value": _small(fault.instance), "rule": rule, "en": en, "zh": zh}]


def _sentence(fault: jsonschema.ValidationError) -> tuple[str, str]:
    """What is asked for at this place, in both languages."""
    asked = fault.validator_value
    if fault.validator == "enum":
        words = _words(fault)
        return f"must be one of: {', '.join(words)}.", f"须为以下之一:{'、'.join(words)}。"
    if fault.validator in {"type", "format"}:
        en, zh = _KINDS.get(str(asked), (str(asked), str(asked)))
        return f"must be {en}.", f"须为{zh}。"
    name = str(fault.validator)
    en, zh = _BOUNDS.get(name, (f"must keep {name} {{}}.", f"须符合 {name} {{}}。"))
    return en.format(asked), zh.format(asked)


def _words(fault: jsonschema.ValidationError) -> list[str]:
    """The words that may stand here; where a word names one of several shapes, those of all of them."""
    beside = [] if fault.parent is None else list(fault.parent.context or ())
    asked = [each for each in beside if _is_another_shape(each) and each.validator == "enum"] or [fault]
    return sorted({str(word) for each in asked for word in cast("list[object]", each.validator_value)})


def _small(value: object) -> object:
    return value if isinstance(value, str | int | bool | None) else f"<{type(value).__name__}>"


def _check(data: bytes) -> None:
    """Refuse a definition with everything that is wrong with it; what else is in the body is checked afterwards."""
    try:
        body = msgspec.json.decode(data or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BodyUnreadable from None
    if not isinstance(body, dict) or "definition" not in body:
        return
    found = all_findings(body["definition"])
    if found:
        errors = [{"pointer": f"/definition{finding['path']}", **finding} for finding in found]
        raise DefinitionInvalid(count=len(found), errors=errors)


PAGE = Page(
    "programme",
    "Programmes",
    "项目",
    (
        Act(path="/v1/programmes/{programme_id}/announce", command=AnnounceProgramme, check=_check),
        Act(path="/v1/programmes/{programme_id}/terms/{term}/interpret", command=InterpretTerm),
        Act(path="/v1/programmes/{programme_id}/terms/{term}/correct", command=RecordErratum),
        Rows(path="/v1/programmes", view=PROGRAMME),
        Row(path="/v1/programmes/{programme_id}", view=PROGRAMME, version_of="programme"),
        Rows(path="/v1/programmes/{programme_id}/terms", view=TERM),
        Rows(path="/v1/programmes/{programme_id}/tracks", view=TRACK),
        Rows(path="/v1/programmes/{programme_id}/rules", view=RULE),
        Rows(path="/v1/programmes/{programme_id}/catalogues", view=CATALOGUE),
        Rows(path="/v1/programmes/{programme_id}/forms", view=FORM),
    ),
)
