"""The body of a command, made from the fields it asks for, so that schema, validation and documentation are one thing.

Fields that stand in the path are not in the body. A field that is sealed before the command decides is an object of
texts here. Unknown fields are refused, ids have their patterns, instants their offsets.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import types
import typing
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec

from api.problems import BodyInvalid, BodyUnreadable
from domain.ids import PATTERNS, CalendarYear, PersonId
from domain.institution.policy import FIRST_YEAR, LAST_YEAR
from domain.kernel import Code, Command, SealedAnswers, SealedDetails, SealedIdentity, SealedSheet, asked_fields

__all__ = ["body_of", "decode", "fault", "field_types"]

LARGEST: Final = 2**53 - 1
_TEXTS: Final = 100
_TEXT_LENGTH: Final = 20_000
_DIGITS: Final = 40

# msgspec repeats the offending words for some faults; those are said again without them.
_QUOTING: Final = (
    (re.compile(r"Invalid enum value .*", re.DOTALL), "Invalid enum value"),
    (re.compile(r"Invalid value .*", re.DOTALL), "Invalid value"),
    (re.compile(r"Object contains unknown field .*", re.DOTALL), "Object contains an unknown field"),
    (re.compile(r"Object missing required field .*", re.DOTALL), "A required field is missing"),
)
_PLACE: Final = re.compile(r"(?P<what>.*?)(?: - at `(?:key in )?\$(?P<path>.*)`)?", re.DOTALL)
_STEP: Final = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[(\d+|\.\.\.)\]")
# The name of a field is shown where it looks like one; anything else a caller wrote may be a person's name.
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_NAMED: Final = re.compile(rf"Object (?:missing required|contains unknown) field `({_NAME.pattern})`")


_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=_TEXT_LENGTH)]
_Whole = Annotated[int, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
_AS_ASKED: Final[dict[Any, Any]] = {
    SealedDetails: Annotated[dict[str, _Text], msgspec.Meta(max_length=_TEXTS)],
    SealedAnswers: Annotated[dict[str, _Text], msgspec.Meta(max_length=_TEXTS)],
    SealedSheet: Annotated[dict[Code, _Whole], msgspec.Meta(max_length=_TEXTS)],
    SealedIdentity: Annotated[str, msgspec.Meta(pattern=PATTERNS[PersonId])],
    CalendarYear: Annotated[int, msgspec.Meta(ge=FIRST_YEAR, le=LAST_YEAR)],
    int: _Whole,
    datetime: Annotated[datetime, msgspec.Meta(tz=True)],
    **{kind: Annotated[str, msgspec.Meta(pattern=pattern)] for kind, pattern in PATTERNS.items()},
}
"""Kinds of fields as a request has them: what is sealed in clear, ids with patterns, numbers and instants in bounds."""


def _published(annotation: Any) -> Any:  # noqa: ANN401 - Annotations are of many types.
    """The annotation of a field as a request has it."""
    try:
        return _AS_ASKED[annotation]
    except (KeyError, TypeError):
        return _rebuilt(annotation)


def _rebuilt(annotation: Any) -> Any:  # noqa: ANN401 - See above.
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _bounded(annotation, arguments)
    if origin in (types.UnionType, typing.Union):
        return typing.Union[tuple(_published(argument) for argument in arguments)]  # noqa: UP007 - Made at run time.
    if origin is tuple:
        kinds = tuple(argument if argument is Ellipsis else _published(argument) for argument in arguments)
        return tuple.__class_getitem__(kinds)
    return annotation


def _bounded(annotation: Any, arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401 - See above.
    """A whole number that names no greatest value has the greatest that the record holds, so that its place is told."""
    limited = any(getattr(each, "le", None) is not None for each in arguments[1:])
    return annotation if arguments[0] is not int or limited else Annotated[annotation, msgspec.Meta(le=LARGEST)]


@functools.cache
def field_types(command: type[Command]) -> Mapping[str, Any]:
    """The published type of every field that a command asks for, with its two titles."""
    hints = typing.get_type_hints(command, include_extras=True)
    return {
        field.name: Annotated[
            _published(hints[field.name]),
            msgspec.Meta(title=field.metadata["en"], extra_json_schema={"x-title-zh": field.metadata["zh"]}),
        ]
        for field in asked_fields(command)
    }


@functools.cache
def body_of(
    command: type[Command], in_path: frozenset[str] = frozenset(), optional: str | None = None
) -> type[msgspec.Struct]:
    """The struct of a command's body; ``optional`` is the id that the door makes where the caller gives none."""
    fields: list[Any] = []
    kinds = field_types(command)
    for field in asked_fields(command):
        if field.name in in_path:
            continue
        if field.name == optional:
            fields.append((field.name, kinds[field.name] | None, None))
        elif field.default is dataclasses.MISSING:
            fields.append((field.name, kinds[field.name]))
        else:
            fields.append((field.name, kinds[field.name], field.default))
    return msgspec.defstruct(command.__name__, fields, kw_only=True, frozen=True, forbid_unknown_fields=True)


@functools.cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401 - The type is the route's.
    return msgspec.json.Decoder(kind)


def decode(data: bytes, kind: Any) -> Any:  # noqa: ANN401 - The type is the route's.
    """Read a body, or refuse it with the place of its first fault."""
    try:
        found = _decoder(kind).decode(data or b"{}")
        _refuse_repetition(data)
    except msgspec.ValidationError as error:
        raise fault(error, data) from None
    except (ValueError, RecursionError):
        # Not of the library alone: a number of very many digits is no number to Python.
        raise BodyUnreadable from None
    return found


def _refuse_repetition(data: bytes) -> None:
    """Refuse a body in which a key stands twice in one object: the caller may have meant the one or the other.

    The library keeps the last one and says nothing. Who asks for one thing only cannot have said it twice.
    """
    if data.count(b":") > 1:
        try:
            _EACH_ONCE.decode(data.decode())
        except _KeyTwice:
            pointer = _repeated(json.loads(data, object_pairs_hook=_Pairs)) or "/"
            errors = [{"pointer": pointer, "detail": "at most once"}]
            raise BodyInvalid(pointer=pointer, rule="at most once", errors=errors) from None


class _KeyTwice(Exception):
    """A key stands twice in one object."""


class _Pairs(list[tuple[str, Any]]):
    """An object as it was written."""


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise _KeyTwice


_EACH_ONCE: Final = json.JSONDecoder(object_pairs_hook=_each_once)


def _repeated(value: object) -> str | None:
    """Where the first key stands that an object has twice."""
    if isinstance(value, _Pairs):
        names = [name for name, _ in value]
        within = ((_shown(name), below) for name, below in value)
        twice = next((_shown(name) for at, name in enumerate(names) if name in names[:at]), None)
    elif isinstance(value, list):
        within, twice = ((str(index), below) for index, below in enumerate(value)), None
    else:
        return None
    if twice is not None:
        return f"/{twice}"
    return next((f"/{step}{found}" for step, below in within if (found := _repeated(below)) is not None), None)


def _shown(name: str) -> str:
    """The name of a field, or dots for whatever else a caller wrote."""
    return name if _NAME.fullmatch(name) else "..."


def convert(values: Mapping[str, Any], kinds: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Read values that came as texts in the path."""
    return {name: msgspec.convert(values[name], kinds[name], strict=False) for name in names}


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


def _number_at(data: bytes, path: str) -> _Number | None:
    """The number that stands at a place of a body, unless it has very many digits."""
    try:
        found: Any = json.loads(data, parse_int=_Number, parse_float=_Number)
        for name, index in _STEP.findall(path):
            found = found[name] if name else found[int(index)]
    except (ValueError, LookupError, TypeError, RecursionError):
        # Behind its first fault a body may be no JSON or say the same key again, and a place within a mapping is not
        # named: no number is told.
        return None
    return found if isinstance(found, _Number) and len(found) <= _DIGITS else None


def fault(error: msgspec.ValidationError, data: bytes = b"") -> BodyInvalid:
    """The refusal of a body, with a JSON pointer and without the words of the caller.

    Where a whole number was expected and another number given, that is told: it is a figure and nobody's name.
    """
    match = _PLACE.fullmatch(str(error))
    what, path = (match["what"], match["path"] or "") if match else ("Invalid", "")
    named = _NAMED.fullmatch(what)
    for pattern, instead in _QUOTING:
        what = pattern.sub(instead, what)
    if what.startswith("Expected `int") and (number := _number_at(data, path)) is not None:
        what = f"{what.partition(', got ')[0]}, got {number}"
    pointer = "".join(f"/{name or index}" for name, index in _STEP.findall(path))
    if named:
        pointer += f"/{named[1]}"
    return BodyInvalid(pointer=pointer or "/", rule=what, errors=[{"pointer": pointer, "detail": what}])
