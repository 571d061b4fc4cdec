"""What stands around the record: the root page, the schema and its documentation, problem pages, health and figures."""

from __future__ import annotations

import functools
from typing import Any, Final

import asyncpg
import msgspec

from api.acts import Wiring
from api.answers import Response
from api.pages import ASSETS, DOCS_POLICY, PAGE_POLICY, docs_page, problem_page, problems_page, root_page
from api.problems import NotFound, named
from api.requests import Parameters
from api.routes import AnyRequest, AnyResponse, Own, Page, Parameter
from infra.checkpoints import LATE_SECONDS, lags
from infra.outbox import Outbox

_HTML: Final = "text/html"
_ASSETS: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}
_DAY: Final = "public, max-age=86400"
_AWAY: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
_EXPOSITION: Final = "text/plain; version=0.0.4"


class Health(msgspec.Struct, frozen=True):
    """How the product is doing, check by check."""

    ready: bool
    checks: dict[str, str]


def _html(page: str, policy: str = PAGE_POLICY) -> AnyResponse:
    return Response(page.encode(), media_type=_HTML, headers={"Content-Security-Policy": policy})


async def _root(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    Parameters(request.scope["query_string"], ())
    rehearsals: list[str] | None
    try:
        there = await wiring.parts.clock.institutions()
        rehearsals = [institution.institution_id for institution in there if institution.simulated]
    except _AWAY:
        rehearsals = None
    return _html(root_page(rehearsals))


async def _docs(_: Wiring, request: AnyRequest) -> AnyResponse:
    Parameters(request.scope["query_string"], ())
    return _html(docs_page(), DOCS_POLICY)


async def _schema(_: Wiring, request: AnyRequest) -> AnyResponse:
    Parameters(request.scope["query_string"], ())
    headers = {"Cache-Control": "public, max-age=300"}
    return Response(request.app.state.schema, media_type="application/json", headers=headers)


@functools.cache
def _asset(name: str) -> bytes:
    return (ASSETS / name).read_bytes()


async def _assets(_: Wiring, request: AnyRequest) -> AnyResponse:
    Parameters(request.scope["query_string"], ())
    name = request.path_params["name"]
    if name not in _ASSETS:
        raise NotFound
    return Response(_asset(name), media_type=_ASSETS[name], headers={"Cache-Control": _DAY})


async def _problems(_: Wiring, request: AnyRequest) -> AnyResponse:
    Parameters(request.scope["query_string"], ())
    return _html(problems_page())


async def _problem(_: Wiring, request: AnyRequest) -> AnyResponse:
    Parameters(request.scope["query_string"], ())
    refusal = named().get(request.path_params["kind"])
    if refusal is None:
        raise NotFound
    return _html(problem_page(refusal))


async def _alive(_: Wiring, request: AnyRequest) -> AnyResponse:
    Parameters(request.scope["query_string"], ())
    return Response(b"ok\n", media_type="text/plain")


async def _ready(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """Whether requests can be answered now: the record is there, and every view has a table that nothing stopped."""
    verbose = "verbose" in Parameters(request.scope["query_string"], ("verbose",))
    checks: dict[str, str] = {}
    try:
        standing = await wiring.views.standing()
        outbox = await Outbox(wiring.parts.pool).standing()
        sealing = await lags(wiring.parts.pool)
        checks["record"] = "ok"
    except _AWAY as error:
        standing, outbox, sealing = (), [], []
        checks["record"] = type(error).__name__
    ready = checks["record"] == "ok"
    for each in standing:
        lag = each.head - each.position
        state = "ok" if each.healthy else "being built" if each.relation is None else f"stopped at {each.stopped_at}"
        checks[f"view {each.view} of log {each.log_id}"] = f"{state}, {lag} behind"
    for row in outbox:
        checks[f"{row.automation} of log {row.log_id}"] = f"{row.rows} {row.state}"
    for behind in sealing:
        state = "late" if behind.seconds > LATE_SECONDS else "set back" if behind.events < 0 else "ok"
        checks[f"{behind.follower} of log {behind.log_id}"] = f"{state}, {behind.events} behind"
    health = Health(ready, checks) if verbose else Health(ready, {})
    return Response(msgspec.json.encode(health), status_code=200 if ready else 503, media_type="application/json")


async def _figures(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    Parameters(request.scope["query_string"], ())
    text: bytes = await request.app.state.figures.text(wiring.parts.pool, wiring.parts.door.widest)
    return Response(text, media_type=_EXPOSITION)


def _own(path: str, answer: Any, operation: str, en: str, zh: str, **more: Any) -> Own:  # noqa: ANN401 - Passed on.
    return Own(method="GET", path=path, answer=answer, operation=operation, en=en, zh=zh, public=True, **more)


PAGE = Page(
    "surroundings",
    "Health, schema, pages",
    "运行状况、接口模式与页面",
    (
        _own("/", _root, "root_page", "What this is.", "本系统简介。", gives=("html",)),
        _own("/docs", _docs, "docs_page", "How to ask, command by command.", "逐项命令的使用说明。", gives=("html",)),
        _own("/v1/openapi.json", _schema, "read_schema", "This schema.", "本接口模式。"),
        _own("/schema", _schema, "read_schema_again", "This schema.", "本接口模式。"),
        _own(
            "/assets/{name}",
            _assets,
            "read_asset",
            "A file of the documentation page.",
            "说明页面的文件。",
            gives=("bytes",),
            refusals=(404,),
        ),
        _own("/problems", _problems, "problems_page", "Every way of saying no.", "各类拒绝。", gives=("html",)),
        _own(
            "/problems/{kind}",
            _problem,
            "problem_page",
            "What one refusal means.",
            "某类拒绝的含义。",
            gives=("html",),
            refusals=(404,),
        ),
        _own("/livez", _alive, "livez", "Whether the process lives.", "进程是否存活。", gives=("text",)),
        _own(
            "/readyz",
            _ready,
            "readyz",
            "Whether requests can be answered now; with verbose, check by check.",
            "当前能否应答;加 verbose 逐项列出。",
            parameters=(Parameter(name="verbose", en="Check by check", zh="逐项列出"),),
            result=Health,
            refusals=(503,),
        ),
        _own(
            "/metrics",
            _figures,
            "metrics",
            "Figures in the Prometheus format.",
            "Prometheus 格式的指标。",
            gives=("text",),
        ),
    ),
)
