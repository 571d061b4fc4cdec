"""The few pages for people: what this is, what a refusal means, how to ask. All of it is served from here, offline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path
from typing import Final

from api.problems import named, status_of
from domain.kernel import Refusal

__all__ = [
    "ASSETS",
    "DOCS_POLICY",
    "PAGE_POLICY",
    "docs_page",
    "html_page",
    "in_both",
    "problem_page",
    "problems_page",
    "root_page",
    "version",
]

ASSETS: Final = Path(__file__).with_name("assets") / "swagger-ui"
PAGE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
DOCS_POLICY: Final = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'"
)
_NO_ICON: Final = '<link rel="icon" href="data:,">'
_STYLE: Final = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem;color:#222}"
    "code{background:#f2f2f2;padding:.1em .3em}h1{font-size:1.5rem}dt{font-weight:600;margin-top:.8rem}"
    "table{border-collapse:collapse;width:100%}td,th{border:1px solid #ccc;padding:.3rem .5rem;text-align:left}"
    "code{overflow-wrap:anywhere}"
)


def version() -> str:
    """The version of the product."""
    try:
        return installed("biaogan")
    except PackageNotFoundError:
        # Run from a checkout, which the environment's path names but nothing has installed.
        return "0.1.0"


def html_page(title: str, body: str) -> str:
    """A page of ours, complete in itself."""
    head = f'<meta charset="utf-8"><title>{escape(title)}</title>{_NO_ICON}<style>{_STYLE}</style>'
    return f'<!doctype html><html lang="zh"><head>{head}</head><body>{body}</body></html>'


def in_both(names: Iterable[tuple[str, str]]) -> str:
    """Names in Chinese, and below them in English."""
    named = list(names)
    return f"{'、'.join(escape(zh) for zh, _ in named)}<br>{', '.join(escape(en) for _, en in named)}"


def _told(rehearsals: Sequence[str] | None) -> str:
    """That what some institutions record here never happened."""
    if rehearsals is None:
        return "<p>记录暂时无法访问 · The record is out of reach for now</p>"
    if not rehearsals:
        return ""
    named = ", ".join(map(escape, rehearsals))
    return f"<p><strong>演练机构,其记录并非真实 · Simulated, so nothing of it ever happened: {named}</strong></p>"


def root_page(rehearsals: Sequence[str] | None = ()) -> str:
    """What this is, for whoever opens the address in a browser; ``rehearsals`` is None where nobody knows now."""
    return html_page(
        "Biaogan 标杆",
        f"<h1>Biaogan 标杆</h1>{_told(rehearsals)}"
        "<p>标杆单位培育创建项目的全程记录:从通知发布、推荐、申报、判定,到其后每一步,均为不可更改的事件。</p>"
        "<p>The whole life of a programme that selects and cultivates model units, from its call onwards, as events "
        "that nobody can change.</p>"
        "<dl>"
        '<dt><a href="/docs">/docs</a></dt><dd>如何提出命令与读取视图 · how to ask, command by command</dd>'
        '<dt><a href="/v1/openapi.json">/v1/openapi.json</a></dt><dd>接口模式 · the schema</dd>'
        '<dt><a href="/v1/permissions">/v1/permissions</a></dt><dd>权限表 · who may do what, in which state</dd>'
        '<dt><a href="/problems">/problems</a></dt><dd>各类拒绝 · every way of saying no</dd>'
        '<dt><a href="/livez">/livez</a> <a href="/readyz?verbose">/readyz</a> <a href="/metrics">/metrics</a></dt>'
        "<dd>运行状况 · how it is doing</dd></dl>"
        f"<p>Biaogan {escape(version())} · Apache-2.0</p>",
    )


def docs_page() -> str:
    """Swagger UI over the schema, without one foreign request."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Biaogan API</title>{_NO_ICON}'
        '<link rel="stylesheet" href="/assets/swagger-ui.css"></head><body><div id="ui"></div>'
        '<script src="/assets/swagger-ui-bundle.js"></script><script>'
        'SwaggerUIBundle({url:"/v1/openapi.json",dom_id:"#ui",deepLinking:true,validatorUrl:null,'
        "docExpansion:'none',tryItOutEnabled:true})</script></body></html>"
    )


def problem_page(refusal: type[Refusal]) -> str:
    """What one refusal means."""
    return html_page(
        refusal.kind,
        f"<h1>{escape(refusal.title_en)} · {escape(refusal.title_zh)}</h1><p><code>{escape(refusal.kind)}</code></p>"
        f"<p>{escape(refusal.en)}</p><p>{escape(refusal.zh)}</p>"
        f"<p>HTTP {status_of(refusal)}</p><p><a href='/problems'>/problems</a></p>",
    )


def problems_page() -> str:
    """Every refusal, by name."""
    rows = "".join(
        f"<dt><a href='/problems/{kind}'>{kind}</a> · {status_of(refusal)}</dt>"
        f"<dd>{escape(refusal.en)}<br>{escape(refusal.zh)}</dd>"
        for kind, refusal in named().items()
    )
    return html_page("Problems", f"<h1>各类拒绝 · Every way of saying no</h1><dl>{rows}</dl>")
