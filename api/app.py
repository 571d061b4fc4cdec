"""The composition root of the API: builds the parts, hands them on, and gives every route its one way of answering."""

from __future__ import annotations

import functools
import gc
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, cast

import msgspec
import structlog
from litestar import Litestar
from litestar import Request as FrameworkRequest
from litestar import Response as FrameworkResponse
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from api.acts import Wiring, answer_act
from api.callers import FAILED_LOGINS, Callers
from api.catalogue import PAGES
from api.doorstep import REQUEST_ID, ROUTE, Doorstep, Figures, Receive, Scope, Send
from api.openapi import openapi
from api.pages import version
from api.problems import BODY_LIMIT, Fault, MethodNotAllowed, NotFound, RecordAway, problem, translated
from api.reads import answer_row, answer_rows
from api.requests import Request, language
from api.routes import Act, AnyRequest, AnyResponse, Own, Page, Route, Row, Rows, path_fields
from domain.institution.commands import AdvanceClock
from domain.institution.events import ClockAdvanced
from domain.lifecycle import CATALOGUE
from domain.permission import policy
from infra.advance import Advance
from infra.assembly import assemble, open_pool
from infra.master_key import MasterKeys
from infra.roots import Roots
from infra.views import Views
from projections import VIEWS

__all__ = ["application", "schema_bytes", "wired"]

_POOL: Final = 16
_AS: Final = {"HEAD": "GET"}
_YOUNG: Final = 20_000
"""So many objects may be made, and not yet given up, before they are looked through; a request makes a few hundred."""
_log = structlog.get_logger(__name__)


@asynccontextmanager
async def wired(
    database_url: str,
    keys: MasterKeys,
    *,
    name: str = "api",
    pool_size: int = _POOL,
    failed_logins: int = FAILED_LOGINS,
) -> AsyncIterator[Wiring]:
    """Everything an answer is made with, opened on a database; the command line uses the same."""
    async with (
        open_pool(database_url, name=name, size=pool_size) as pool,
        assemble(pool, keys, catalogue=CATALOGUE, law=policy, advanced=ClockAdvanced) as parts,
    ):
        views = Views(pool, VIEWS, parts.clock, parts.stores)
        advance = Advance(pool=pool, clock=parts.clock, door=parts.door, command=AdvanceClock, behind=views.behind)
        roots = Roots(parts.stores)
        callers = Callers(parts, failed_logins)
        yield Wiring(parts=parts, callers=callers, views=views, advance=advance, roots=roots)


def application(database_url: str, keys: Callable[[], MasterKeys], *, failed_logins: int = FAILED_LOGINS) -> Doorstep:
    """The ASGI application; the database is opened when it starts."""
    figures = Figures()

    @asynccontextmanager
    async def opened(app: Litestar) -> AsyncIterator[None]:
        async with wired(database_url, keys(), failed_logins=failed_logins) as wiring:
            wiring.parts.door.counts = figures.read
            app.state.wiring, app.state.figures, app.state.schema = wiring, figures, schema_bytes()
            with _seldom_collecting():
                yield

    app = Litestar(
        route_handlers=handlers(PAGES),
        lifespan=[opened],
        exception_handlers={Exception: answer_problem, HTTPException: answer_problem},
        openapi_config=None,
        debug=False,
        logging_config=None,
    )
    return Doorstep(app, figures)


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Look for garbage more seldom, and not among what is there by now: requests wait for it."""
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


def schema_bytes() -> bytes:
    """The published schema, as it is served and checked in."""
    document = openapi(PAGES, title="Biaogan 标杆", version=version())
    return msgspec.json.format(msgspec.json.encode(document, order=None), indent=1) + b"\n"


def handlers(pages: Sequence[Page]) -> list[HTTPRouteHandler]:
    """One handler for every path, so that what it allows is known in one place."""
    by_path: dict[str, dict[str, Route]] = {}
    for page in pages:
        for route in page.routes:
            methods = by_path.setdefault(route.path, {})
            method = _method(route)
            if method in methods:
                raise ValueError(f"two routes answer {method} {route.path}")
            methods[method] = route
    return [_handler(path, methods) for path, methods in by_path.items()]


def _handler(path: str, methods: dict[str, Route]) -> HTTPRouteHandler:
    unlimited = any(isinstance(route, Own) and route.body_limit is None for route in methods.values())
    limit = None if unlimited else BODY_LIMIT

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = path
        method: str = scope["method"]
        response = await _answer(methods[_AS.get(method, method)], Request(scope, receive, limit))
        await response(scope, receive, send)

    def instead_of(app: ASGIApp) -> ASGIApp:  # noqa: ARG001 - So the framework calls it; nothing is asked of it.
        return cast("ASGIApp", answer)

    declared = path
    for name in path_fields(path):
        declared = declared.replace(f"{{{name}}}", f"{{{name}:str}}")
    # The server leaves out the body of an answer to HEAD; everything else of it is that of GET.
    served = sorted({*methods, *({"HEAD"} if "GET" in methods else ())})
    # It answers in the place of middleware: the framework finds the route and meets every failure, but does not make
    # its own request and response, which would cost as much as the rest of a read.
    return HTTPRouteHandler(declared, http_method=served, middleware=[instead_of])(_passed_over)


async def _passed_over() -> None:
    """Stand where the framework wants a handler; the answer before it never calls on."""
    raise NotImplementedError


async def _answer(route: Route, request: AnyRequest) -> AnyResponse:
    wiring: Wiring = request.app.state.wiring
    if "\0" in "".join(map(str, request.path_params.values())):
        # No text of the record holds it, and the database does not even take it for a question.
        raise NotFound
    match route:
        case Act():
            return await answer_act(wiring, route, request)
        case Rows():
            return await answer_rows(wiring, route, request)
        case Row():
            return await answer_row(wiring, route, request)
        case Own():
            return await route.answer(wiring, request)


@functools.cache
def _paths() -> tuple[tuple[re.Pattern[str], str], ...]:
    routes = [route for page in PAGES for route in page.routes]
    patterns = [re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(route.path)) for route in routes]
    return tuple((re.compile(pattern), _method(route)) for pattern, route in zip(patterns, routes, strict=True))


def allowed(path: str) -> list[str]:
    """The methods that a path takes."""
    taken = {method for pattern, method in _paths() if pattern.fullmatch(path)}
    return sorted({"OPTIONS", *taken, *({"HEAD"} if "GET" in taken else ())})


def _method(route: Route) -> str:
    match route:
        case Act():
            return "POST"
        case Own():
            return route.method
        case _:
            return "GET"


def answer_problem(request: FrameworkRequest[Any, Any, Any], error: Exception) -> FrameworkResponse[bytes]:
    """Say no in the caller's language; what nobody foresaw is logged by its kind and place."""
    refusal = translated(error)
    if isinstance(refusal, Fault):
        _log.error("request.broke", exc_info=error)
    elif isinstance(refusal, RecordAway):
        _log.warning("record.away", kind=type(error).__name__)
    spoken = ", ".join(
        value.decode("latin-1") for name, value in request.scope["headers"] if name == b"accept-language"
    )
    status, headers, body = problem(refusal, language(spoken), str(request.scope.get(REQUEST_ID, "")))
    if isinstance(refusal, MethodNotAllowed):
        headers["Allow"] = ", ".join(allowed(request.scope["path"]))
    return FrameworkResponse(body, status_code=status, headers=headers, media_type=headers.pop("Content-Type"))
