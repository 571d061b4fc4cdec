"""The composition root of the API: builds the parts, hands them on, and gives every route its one way of answering."""

from __future__ import annotations

import functools
import gc
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import msgspec
import structlog
from litestar import Litestar, Request, Response
from litestar.config.compression import CompressionConfig
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.status_codes import HTTP_200_OK

from api.acts import Wiring, answer_act
from api.callers import FAILED_LOGINS, Callers
from api.catalogue import PAGES
from api.doorstep import REQUEST_ID, ROUTE, Doorstep, Figures
from api.openapi import openapi
from api.pages import version
from api.problems import BODY_LIMIT, Fault, MethodNotAllowed, NotFound, RecordAway, problem, translated
from api.reads import answer_row, answer_rows
from api.requests import language
from api.routes import Act, AnyRequest, AnyResponse, Own, Page, Route, Row, Rows, path_fields
from domain.institution.commands import AdvanceClock
from domain.institution.events import ClockAdvanced
from domain.lifecycle import CATALOGUE
from domain.permission import policy
from infra.advance import Advance
from infra.assembly import assemble, open_pool
from infra.master_key import MasterKeys
from infra.views import Views
from projections import VIEWS

__all__ = ["application", "schema_bytes", "wired"]

_POOL: Final = 16
_AS: Final = {"HEAD": "GET"}
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
        yield Wiring(parts=parts, callers=Callers(parts, failed_logins), views=views, advance=advance)


def application(database_url: str, keys: Callable[[], MasterKeys], *, failed_logins: int = FAILED_LOGINS) -> Doorstep:
    """The ASGI application; the database is opened when it starts."""
    figures = Figures()

    @asynccontextmanager
    async def opened(app: Litestar) -> AsyncIterator[None]:
        async with wired(database_url, keys(), failed_logins=failed_logins) as wiring:
            app.state.wiring, app.state.figures, app.state.schema = wiring, figures, schema_bytes()
            # What is there by now stays; looking through all of it again and again would make requests wait.
            gc.collect()
            gc.freeze()
            yield
            gc.unfreeze()

    app = Litestar(
        route_handlers=handlers(PAGES),
        lifespan=[opened],
        exception_handlers={Exception: answer_problem, HTTPException: answer_problem},
        compression_config=CompressionConfig(backend="gzip", minimum_size=1000, exclude=["^/v1/documents/"]),
        openapi_config=None,
        request_max_body_size=BODY_LIMIT,
        debug=False,
        logging_config=None,
    )
    return Doorstep(app, figures)


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
    async def answer(request: Request[Any, Any, Any]) -> Response[Any]:
        # The framework's scope is a closed list of keys to a type checker; what is ours travels in it all the same.
        cast("dict[str, Any]", request.scope)[ROUTE] = path
        response = await _answer(methods[_AS.get(request.method, request.method)], request)
        # Else the framework gives a GET the usual status of the POST that shares its path.
        response.status_code = response.status_code or HTTP_200_OK
        return response

    limits = {route.body_limit for route in methods.values() if isinstance(route, Own)}
    declared = path
    for name in path_fields(path):
        declared = declared.replace(f"{{{name}}}", f"{{{name}:str}}")
    unlimited: dict[str, Any] = {"request_max_body_size": None} if None in limits else {}
    # The server leaves out the body of an answer to HEAD; everything else of it is that of GET.
    served = sorted({*methods, *({"HEAD"} if "GET" in methods else ())})
    return HTTPRouteHandler(declared, http_method=served, **unlimited)(answer)


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


def answer_problem(request: AnyRequest, error: Exception) -> AnyResponse:
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
    return Response(body, status_code=status, headers=headers, media_type=headers.pop("Content-Type"))
