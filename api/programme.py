"""Programmes over HTTP: a call is announced as one definition, checked twice, and read part by part."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Final

import jsonschema
import msgspec

from api.problems import BodyUnreadable, DefinitionInvalid
from api.routes import Act, Page, Row, Rows
from domain.programme.commands import AnnounceProgramme, InterpretTerm, RecordErratum
from domain.programme.definition import SHAPE, findings, schema
from projections.programme import CATALOGUE, FORM, PROGRAMME, RULE, TERM, TRACK

__all__ = ["PAGE", "all_findings"]

_SHOWN: Final = 200


@functools.cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema(), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def all_findings(document: object) -> list[dict[str, Any]]:
    """Every fault of a definition: those of its shape, or else those of the named rules; path, value, rule."""
    faults = sorted(_validator().iter_errors(document), key=lambda error: [str(step) for step in error.absolute_path])
    if faults:
        return [finding for fault in faults for finding in _shape_findings(fault)][:_SHOWN]
    if not isinstance(document, dict):
        return []
    return [msgspec.to_builtins(finding) for finding in findings(document)]


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
    expected = fault.validator_value if isinstance(fault.validator_value, str | int | bool) else ""
    en, zh = f"breaks {fault.validator} {expected}".strip() + ".", f"与模式不符({fault.validator} {expected})。"
    return [{"path": path, "value": _small(fault.instance), "rule": rule, "en": en, "zh": zh}]


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
