"""The publicity board: what hangs on it as data, and as pages that anybody may read without a token."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from html import escape
from typing import Final

import msgspec

from api.pages import html_page, in_both
from projections.selection import PartnerUnit, named_units

__all__ = ["Board", "Posted", "PostedEntry", "board_page", "posting_page"]

_MATTERS: Final = {"selection": ("遴选结果", "selection"), "acceptance": ("验收结果", "acceptance")}
_STATES: Final = {
    "open": ("公示中", "open"),
    "closed": ("公示期满", "closed"),
    "taken_down": ("已撤下", "taken down"),
}
_IDENTITIES: Final = {
    "named": ("实名", "by name"),
    "stamped": ("单位盖章", "stamped by a unit"),
    "confidential": ("身份保密", "in confidence"),
    "anonymous": ("匿名", "anonymously"),
}
_CHANNELS: Final = {
    "written": ("书面", "in writing"),
    "oral": ("口头", "orally"),
    "email": ("电子邮件", "by e-mail"),
    "phone": ("电话", "by telephone"),
    "post": ("邮寄", "by post"),
    "visit": ("来访", "in person"),
}
_DAYS: Final = {"working": ("个工作日", "working days"), "calendar": ("个自然日", "calendar days")}


class PostedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a list on the board, by the official names of unit and track."""

    application_id: str
    unit_id: str
    unit_zh: str
    unit_en: str
    track_id: str
    track_zh: str
    track_en: str
    order: int
    passed: bool
    partners: tuple[PartnerUnit, ...] = ()
    """The units that do the project together with this one."""


class Posted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A list on the board: until when it hangs, how to object, and what pins it to the record."""

    publicity_id: str
    programme_id: str
    programme_zh: str
    programme_en: str
    matter: str
    state: str
    entries: tuple[PostedEntry, ...]
    opens_at: datetime
    closes_at: datetime
    last_day: date
    window_days: int
    day_rule: str
    count_first_day: bool
    identities: tuple[str, ...]
    channels: tuple[str, ...]
    list_position: int
    list_digest: str
    log_size: int
    log_root: str
    simulated: bool = False


class Board(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that hangs on an institution's board."""

    institution_id: str
    items: tuple[Posted, ...]
    log_size: int
    log_root: str
    simulated: bool = False


def _both(words: dict[str, tuple[str, str]], codes: Sequence[str]) -> tuple[str, str]:
    """Codes in words, Chinese and English; a code that has none stands for itself."""
    found = [words.get(code, (code, code)) for code in codes]
    return "、".join(zh for zh, _ in found), ", ".join(en for _, en in found)


def _rehearsal(*, simulated: bool) -> str:
    return "<p><strong>演练数据 · A rehearsal: no real list</strong></p>" if simulated else ""


def _list(posted: Posted) -> str:
    rows = "".join(
        f"<tr><td>{entry.order}</td><td>{escape(entry.track_zh)}<br>{escape(entry.track_en)}</td>"
        f"<td>{in_both(named_units(entry.unit_zh, entry.unit_en, entry.partners))}</td>"
        f"<td>{'已通过 · passed' if entry.passed else ''}</td></tr>"
        for entry in posted.entries
    )
    return (
        "<table><thead><tr><th>#</th><th>赛道<br>Track</th><th>单位<br>Unit</th><th>公示结果<br>Outcome</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _window(posted: Posted) -> str:
    state_zh, state_en = _STATES[posted.state]
    days_zh, days_en = _DAYS[posted.day_rule]
    identity_zh, identity_en = _both(_IDENTITIES, posted.identities)
    channel_zh, channel_en = _both(_CHANNELS, posted.channels)
    opens, closes = (instant.isoformat(timespec="minutes") for instant in (posted.opens_at, posted.closes_at))
    return (
        f"<dl><dt>状态 · State</dt><dd>{state_zh} · {state_en}</dd>"
        f"<dt>公示期 · Window</dt><dd>{posted.window_days} {days_zh} · {posted.window_days} {days_en}<br>"
        f"{opens} — {closes}(截止日 · last day {posted.last_day})</dd>"
        f"<dt>异议 · Objections</dt><dd>截止前可以{identity_zh}方式,经{channel_zh}提出。<br>"
        f"May be raised before it closes {escape(identity_en)}, {escape(channel_en)}.</dd></dl>"
    )


def _proof(posted: Posted | Board) -> str:
    return (
        f"<dt>日志规模 · Size of the log</dt><dd>{posted.log_size}</dd>"
        f"<dt>日志根摘要 · Root of the log</dt><dd><code>{posted.log_root}</code></dd>"
    )


def posting_page(posted: Posted) -> str:
    """One list as it hangs on the board."""
    matter_zh, matter_en = _MATTERS[posted.matter]
    title = f"{posted.programme_zh} {matter_zh}公示"
    return html_page(
        title,
        f"{_rehearsal(simulated=posted.simulated)}<h1>{escape(title)}</h1>"
        f"<p>{escape(posted.programme_en)}: publicity of the {matter_en}</p>{_list(posted)}{_window(posted)}"
        f"<dl><dt>名单摘要 · Digest of the list</dt><dd><code>{posted.list_digest}</code> "
        f"(位置 · position {posted.list_position})</dd>{_proof(posted)}</dl>",
    )


def board_page(board: Board) -> str:
    """Everything on the board, each list with its window."""
    lists = "".join(
        f'<h2><a href="/public/{escape(board.institution_id)}/publicities/{escape(posted.publicity_id)}">'
        f"{escape(posted.programme_zh)} {_MATTERS[posted.matter][0]}公示</a></h2>"
        f"<p>{escape(posted.programme_en)}: publicity of the {_MATTERS[posted.matter][1]}</p>"
        f"{_list(posted)}{_window(posted)}"
        for posted in board.items
    )
    return html_page(
        "公示栏 · Publicity board",
        f"{_rehearsal(simulated=board.simulated)}<h1>公示栏 · Publicity board</h1>"
        f"{lists or '<p>目前没有公示。· Nothing is shown at present.</p>'}<dl>{_proof(board)}</dl>",
    )
