"""What a line of a capability's table says: a path, and the command it asks for or the view it shows."""

from __future__ import annotations

import re
import typing
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import msgspec

from api.answers import Response, Stream
from api.bodies import body_of, field_types
from api.requests import Request
from domain.ids import TAG_KINDS
from domain.kernel import Command, asked_fields
from projections.kernel import Beside, View, columns

__all__ = ["Act", "Gives", "Own", "Page", "Parameter", "Route", "Row", "Rows", "path_fields"]

_FIELD: Final = re.compile(r"\{(\w+)\}")

AnyRequest = Request
AnyResponse = Response | Stream


def path_fields(path: str) -> tuple[str, ...]:
    """The names between braces, in order."""
    return tuple(_FIELD.findall(path))


@dataclass(frozen=True, kw_only=True)
class Act:
    """``POST path`` asks for a command.

    ``makes`` names the id that the door makes where the caller gives none. ``edits_draft`` says that the version read
    must be given. ``subject`` names the field whose resource the act is about: by default the last id of the path, or
    the one that is made. ``check`` looks at the body first and refuses it with everything it finds.
    """

    path: str
    command: type[Command]
    capability: str = ""
    makes: str | None = None
    edits_draft: bool = False
    subject: str | None = None
    check: Callable[[bytes], None] | None = None

    @cached_property
    def in_path(self) -> tuple[str, ...]:
        """The fields of the command that stand in the path."""
        return path_fields(self.path)

    @cached_property
    def body(self) -> type[msgspec.Struct]:
        """The struct of the request's body."""
        return body_of(self.command, frozenset(self.in_path), self.makes)

    @cached_property
    def about(self) -> tuple[str, str] | None:
        """The field that names the resource, and the kind of its tag."""
        hints = typing.get_type_hints(self.command)
        ids = [f.name for f in asked_fields(self.command) if hints[f.name] in TAG_KINDS]
        in_path = [name for name in self.in_path if name in ids]
        chosen = self.subject or (in_path[-1] if in_path else self.makes or (ids[0] if ids else None))
        return None if chosen is None else (chosen, TAG_KINDS[hints[chosen]])

    @cached_property
    def path_types(self) -> Mapping[str, Any]:
        """The published types of the fields in the path."""
        kinds = field_types(self.command)
        return {name: kinds[name] for name in self.in_path}


@dataclass(frozen=True, kw_only=True)
class Rows:
    """``GET path`` lists the rows of a view, with what is shown beside them; fields in the path are filters."""

    path: str
    view: View[Any]
    beside: Beside[Any] | None = None
    capability: str = ""

    @property
    def row(self) -> type[msgspec.Struct]:
        """What a row is shown as."""
        return self.view.row if self.beside is None else self.beside.row

    @cached_property
    def types(self) -> Mapping[str, Any]:
        """The types of the view's fields."""
        return typing.get_type_hints(self.view.row, include_extras=True)


@dataclass(frozen=True, kw_only=True)
class Row:
    """``GET path`` shows one row of a view; ``version_of`` is the kind of tag whose newest event is its version."""

    path: str
    view: View[Any]
    version_of: str
    capability: str = ""

    @cached_property
    def key(self) -> type[msgspec.Struct]:
        """The parts of the key, as they stand in the path."""
        types = typing.get_type_hints(self.view.row, include_extras=True)
        return msgspec.defstruct("Key", [(name, types[name]) for name in path_fields(self.path)])

    @cached_property
    def is_public(self) -> bool:
        """Whether everybody who sees a row sees all of it."""
        return all(column.audience == "public" for column in columns(self.view.row))


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter or header of a route that is written by hand, as the schema shows it."""

    name: str
    en: str
    zh: str
    type: Any = str
    where: Literal["query", "header", "path"] = "query"
    required: bool = False


Gives = Literal["json", "csv", "xlsx", "bytes", "html", "text"]
Answer = Callable[[Any, AnyRequest], Awaitable[AnyResponse]]


@dataclass(frozen=True, kw_only=True)
class Own:
    """A route with an answer of its own: what is neither an ordinary command nor an ordinary view."""

    method: Literal["GET", "POST"]
    path: str
    answer: Answer
    en: str
    zh: str
    capability: str = ""
    operation: str
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    body_media_type: str = "application/json"
    gives: tuple[Gives, ...] = ("json",)
    result: Any = None
    status: int = 200
    public: bool = False
    body_limit: int | None = 0
    refusals: tuple[int, ...] = ()
    foresees: bool = False
    """Whether it takes dry_run."""


Route = Act | Rows | Row | Own


@dataclass(frozen=True)
class Page:
    """The table of one capability."""

    capability: str
    en: str
    zh: str
    routes: tuple[Route, ...]
