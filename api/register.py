"""The register of designations: as data, and as a page that anybody may read without a token."""

from __future__ import annotations

from html import escape
from typing import Final

import msgspec

from api.pages import html_page, in_both
from projections.designation import RegisterEntry
from projections.selection import named_units

__all__ = ["Register", "register_page"]

_STATES: Final = {
    "held": ("有效", "held"),
    "revoked": ("已撤销", "revoked"),
    "lapsed": ("已失效", "lapsed"),
}


class Register(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Every designation of an institution, the newest first, and what pins it to the record."""

    institution_id: str
    items: tuple[RegisterEntry, ...]
    log_size: int
    log_root: str
    simulated: bool = False


def register_page(register: Register) -> str:
    """The register as a page."""
    rehearsal = "<p><strong>演练数据 · A rehearsal: no real titles</strong></p>" if register.simulated else ""
    table = (
        "<table><thead><tr><th>称号<br>Title</th><th>单位<br>Unit</th><th>项目<br>Programme</th>"
        "<th>命名日期<br>Conferred on</th><th>有效期至<br>Valid until</th><th>状态<br>State</th></tr></thead>"
        f"<tbody>{''.join(_line(entry) for entry in register.items)}</tbody></table>"
    )
    return html_page(
        "命名登记 · Register of designations",
        f"{rehearsal}<h1>命名登记 · Register of designations</h1>"
        f"{table if register.items else '<p>目前没有命名。· No title has been conferred yet.</p>'}"
        f"<p><a href='/public/{escape(register.institution_id)}/designations?format=csv'>CSV</a></p>"
        f"<dl><dt>日志规模 · Size of the log</dt><dd>{register.log_size}</dd>"
        f"<dt>日志根摘要 · Root of the log</dt><dd><code>{register.log_root}</code></dd></dl>",
    )


def _line(entry: RegisterEntry) -> str:
    state_zh, state_en = _STATES[entry.state]
    until = "未载明<br>not stated" if entry.valid_until is None else str(entry.valid_until)
    since = "" if entry.state != "revoked" else f"<br>{entry.revoked_on}"
    return (
        f"<tr><td>{escape(entry.title_zh)}<br>{escape(entry.title_en)}</td>"
        f"<td>{in_both(named_units(entry.unit_zh, entry.unit_en, entry.partners))}</td>"
        f"<td>{escape(entry.programme_zh)}<br>{escape(entry.programme_en)}</td>"
        f"<td>{entry.conferred_on}</td><td>{until}</td><td>{state_zh} · {state_en}{since}</td></tr>"
    )
