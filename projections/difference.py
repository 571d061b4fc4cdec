"""Then and now: what differs in rows between two positions, field by field, and what each event changed in them.

Both are made of whole rows as a reader may see them, so that nothing is told of a field that the reader may not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Annotated, Any

import msgspec

from domain.kernel import public
from projections.kernel import Version, View, columns

__all__ = ["Changed", "Difference", "changed", "differences"]

Seen = Callable[[Any], Mapping[str, Any] | None]
"""The fields of a row that a reader may see, or None where it is not the reader's to know of."""
_NOTHING: Mapping[str, Any] = {}


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a row that an event changed; None is said of what was not there."""

    view: str
    key: tuple[Any, ...]
    field: str
    before: Any
    after: Any


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A field that differs between two moments, and the event by which it came to be as it is at the later one.
    zh: 两个时点之间有差异的栏目,以及使其成为后一时点所示内容的事件。
    """

    view: Annotated[str, public("View", "视图")]
    view_en: Annotated[str, public("View (English)", "视图英文名")]
    view_zh: Annotated[str, public("View (Chinese)", "视图中文名")]
    key: Annotated[tuple[Any, ...], public("Key", "主键")]
    field: Annotated[str, public("Field", "栏目")]
    field_en: Annotated[str, public("Field (English)", "栏目英文名")]
    field_zh: Annotated[str, public("Field (Chinese)", "栏目中文名")]
    before: Annotated[Any, public("Then", "前值")]
    after: Annotated[Any, public("Now", "后值")]
    position: Annotated[int, public("Caused at (position)", "起因位置")]


def changed(view: View[Any], before: object, after: object, seen: Seen) -> Iterator[Changed]:
    """What one event did to one row, as a reader may see it."""
    old, new = (_NOTHING if row is None else seen(row) or _NOTHING for row in (before, after))
    key = view.key_of(after if after is not None else before)
    for name in view.row.__struct_fields__:
        if old.get(name) != new.get(name):
            yield Changed(view=view.name, key=key, field=name, before=old.get(name), after=new.get(name))


def differences(
    view: View[Any], versions: Iterable[Version[Any]], then: int, now: int, seen: Seen
) -> Iterator[Difference]:
    """What differs between two positions in the rows of which these are the versions, in the order of their keys."""
    for key, group in groupby(versions, key=lambda version: view.key_of(version.row)):
        states = _states(group, then, now, seen)
        for column in columns(view.row):
            values = [(position, state.get(column.name)) for position, state in states.items()]
            (_, before), (_, after) = values[0], values[-1]
            if before != after:
                yield Difference(
                    view=view.name,
                    view_en=view.en,
                    view_zh=view.zh,
                    key=key,
                    field=column.name,
                    field_en=column.en,
                    field_zh=column.zh,
                    before=before,
                    after=after,
                    position=_since(values),
                )


def _states(versions: Iterable[Version[Any]], then: int, now: int, seen: Seen) -> Mapping[int, Mapping[str, Any]]:
    """How a row stood from which position on, the earlier moment first; nothing where no version takes over."""
    states: dict[int, Mapping[str, Any]] = {then: _NOTHING}
    for row, begun, ended in versions:
        states[max(begun, then)] = seen(row) or _NOTHING
        if ended is not None and ended <= now:
            states[ended] = _NOTHING
    return states


def _since(values: Sequence[tuple[int, Any]]) -> int:
    """The position from which on a field has had its last value."""
    last, since = values[-1][1], values[-1][0]
    for position, value in reversed(values):
        if value != last:
            break
        since = position
    return since
