"""The event catalogue as a page, made from the docstrings and field titles of the code: ``docs/events.md``.

``python -m api.cli.event_catalogue > docs/events.md`` writes it anew; a test compares.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator
from importlib import import_module

import msgspec

from domain.ids import TAG_KINDS
from domain.kernel import Event, sentences, titles
from domain.lifecycle import EVENTS

__all__ = ["page"]

_HEAD = """# Event catalogue · 事件目录

Every event type of the record, in the order of a case's life. This page is made from the code
(`python -m api.cli.event_catalogue > docs/events.md`); a test fails where the two differ. Audiences: *public* anyone
who may read at all, *subject* the units concerned, *office* the office in charge, *panel* a review panel, *restricted*
who has a named right. A field that holds an id tags its event; the kind of the tag stands with it.

本页由代码生成,列出记录中的全部事件类型。
公开范围:public 公开、subject 当事单位、office 主管部门、panel 评审组、restricted 专门授权。
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_sections()]).rstrip() + "\n"


def _sections() -> Iterator[str]:
    capability = ""
    shown: set[str] = set()
    for event in EVENTS:
        here = event.__module__.split(".")[1]
        if here != capability:
            capability = here
            if capability in shown:
                yield f"## {capability} (continued · 续)\n"
            else:
                yield f"## {capability}\n"
                yield f"{inspect.getdoc(import_module(f'domain.{capability}'))}\n"
            shown.add(capability)
        yield from _event(event)


def _event(event: type[Event]) -> Iterator[str]:
    english, chinese = sentences(event)
    yield f"### `{event.TOPIC}` {event.__name__}\n"
    yield f"{english}\n{chinese}\n"
    yield "| field | title | 名称 | type | audience |\n|---|---|---|---|---|"
    hints = typing.get_type_hints(event, include_extras=True)
    for field in msgspec.structs.fields(event):
        english, chinese, audience = titles(hints[field.name]) or ("", "", "office")
        kind = _kind(hints[field.name]).replace("|", "\\|")
        yield f"| `{field.name}` | {english} | {chinese} | {kind} | {audience} |"
    yield ""


def _kind(annotation: typing.Any) -> str:  # noqa: ANN401 - Annotations are of many types.
    """A type as a reader of a page takes it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in TAG_KINDS:
        return f"id of `{TAG_KINDS[annotation]}`"
    if origin is typing.Annotated:
        return _kind(arguments[0])
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin is tuple:
        return f"list of {_kind(arguments[0])}"
    if arguments:
        named = [_kind(argument) for argument in arguments if argument is not type(None)]
        return " or ".join(named) + ("" if len(named) == len(arguments) else " or none")
    plain = {"str": "text of a fixed pattern", "int": "whole number", "bool": "true or false", "date": "day"}
    name = getattr(annotation, "__name__", str(annotation))
    return plain.get(name, "instant" if name == "datetime" else name)
