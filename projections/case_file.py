"""The case file: every recorded fact of one case, with who, when, by what right and why. It needs no table.

Trails of a unit, a person, a programme, a panel or a payment tell their facts in the same way.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec

from domain.kernel import Audience, Envelope, Recorded, office, public, redact, sentences
from projections.difference import Changed
from projections.kernel import Table, columns


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One fact of a case, as a reader of certain audiences may see it.
    zh: 案卷中的一项事实。
    """

    position: Annotated[int, public("Position", "位置")]
    type: Annotated[str, public("Type", "类型")]
    en: Annotated[str, public("What happened", "事实(英文)")]
    zh: Annotated[str, public("What happened (Chinese)", "事实")]
    actor_id: Annotated[str | None, office("Actor", "行为人")] = None
    actor_kind: Annotated[str | None, public("Kind of actor", "行为人类别")] = None
    authority: Annotated[str | None, office("Authority", "权限依据")] = None
    on_behalf_of_id: Annotated[str | None, office("On behalf of", "代行对象")] = None
    effective_at: Annotated[datetime, public("Effective at", "生效时间")]
    received_at: Annotated[datetime, public("Received at", "收到时间")]
    recorded_at: Annotated[datetime, public("Recorded at", "记录时间")]
    cause: Annotated[int | None, public("Cause (position)", "起因位置")] = None
    reason_code: Annotated[str | None, office("Reason", "事由代码")] = None
    reason_document_id: Annotated[str | None, office("Reason document", "事由文件")] = None
    command_id: Annotated[UUID | None, office("Command", "命令编号")] = None
    body: Annotated[dict[str, Any], public("Particulars", "具体内容")]
    clause: Annotated[str | None, public("Clause", "条款")] = None
    rests_on: Annotated[tuple[int, ...], public("Rests on (positions)", "所依事实(位置)")] = ()
    changes: Annotated[tuple[Changed, ...], public("Changes", "改动")] = ()


NO_CLAUSES: Final[Mapping[int, str]] = {}
_NAMES_POSITIONS: Final = ("position", "positions")
_SHARED = frozenset(Entry.__struct_fields__) & frozenset(Envelope.__struct_fields__)


def rests_on(recorded: Recorded, audiences: frozenset[Audience]) -> tuple[int, ...]:
    """The positions of the earlier facts that a fact names in fields that are seen."""
    seen = redact(recorded.event, audiences)
    return tuple(sorted({position for name, value in seen.items() for position in _positions(name, value)}))


def _positions(name: str, value: object) -> Iterator[int]:
    """The positions below a field: of rules, of gates that held, of what a judgement took for evidence."""
    if isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            yield from _positions(field, getattr(value, field))
    elif isinstance(value, tuple):
        for each in value:
            yield from _positions(name, each)
    elif isinstance(value, int) and value > 0 and (name == "evidence" or name.endswith(_NAMES_POSITIONS)):
        yield value


def entry(
    recorded: Recorded,
    audiences: frozenset[Audience],
    *,
    clauses: Mapping[int, str] = NO_CLAUSES,
    changes: Iterable[Changed] = (),
) -> Entry:
    """One recorded fact as these audiences may see it: envelope and body are redacted alike.

    ``clauses`` are those that the facts quote which it rests on; ``changes`` is what it changed, redacted before.
    """
    en, zh = sentences(type(recorded.event))
    seen, body = redact(recorded.envelope, audiences), redact(recorded.event, audiences)
    rests = rests_on(recorded, audiences)
    return Entry(
        **{name: value for name, value in seen.items() if name in _SHARED},
        position=recorded.position,
        type=recorded.type,
        en=en,
        zh=zh,
        recorded_at=recorded.recorded_at,
        body=body,
        clause=body.get("clause") or next((clauses[each] for each in rests if each in clauses), None),
        rests_on=rests,
        changes=tuple(changes),
    )


def entries(past: Iterable[Recorded], audiences: frozenset[Audience]) -> list[Entry]:
    """The case file of a past, in the order it was recorded."""
    return [entry(recorded, audiences) for recorded in past]


def case_file_table(found: Sequence[Entry], audiences: frozenset[Audience], *, changes: bool = False) -> Table:
    """The case file as a table; columns that these audiences may not see are left out, changes where none are told."""
    hidden = () if changes else ("changes",)
    shown = [column for column in columns(Entry) if column.audience in audiences and column.name not in hidden]
    return Table(
        name="case-file",
        en="Case file",
        zh="案卷",
        columns=shown,
        rows=[[getattr(line, column.name) for column in shown] for line in found],
    )
