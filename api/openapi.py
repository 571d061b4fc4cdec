"""The published schema (OpenAPI 3.1), made from the very tables that the routes are made from."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec

from api.acts import Foreseen, Recording
from api.problems import MEDIA_TYPE, named, status_of
from api.reads import FORMS
from api.requests import REASON_CODE
from api.routes import Act, Own, Page, Row, Rows, path_fields
from domain.ids import CODED, PSEUDONYM
from domain.kernel import Command, sentences
from domain.permission.policy import act_of
from infra.export.spreadsheet import XLSX

__all__ = ["Problem", "openapi"]

_REFERENCE: Final = "#/components/schemas/{name}"
_JSON: Final = "application/json"
_COMMAND_REFUSALS: Final = (400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503)
_READ_REFUSALS: Final = (400, 401, 403, 404, 406, 429, 500, 503)
_REASON: Final = {
    400: ("Not understood", "无法理解"),
    401: ("A valid token is needed", "需要有效令牌"),
    403: ("Not allowed", "无权"),
    404: ("Nothing here, or nothing the caller may know of", "没有内容或无权知悉"),
    406: ("The answer cannot be had in this format", "不提供该格式"),
    409: ("Refused by the rules as things stand, or raced", "依规则拒绝,或竞争失败"),
    410: ("Its key was destroyed", "密钥已销毁"),
    412: ("Based on an old version", "所据版本已旧"),
    413: ("Too large", "过大"),
    415: ("Not this type", "类型不符"),
    422: ("Breaks its schema or a named rule", "不符合模式或规则"),
    428: ("The version read must be given", "须给出所读版本"),
    429: ("Too many failures", "失败过多"),
    500: ("A fault on our side", "我方故障"),
    503: ("More than can be taken now, or not caught up", "暂时无法处理"),
}


class Problem(msgspec.Struct, kw_only=True, rename={"kind": "type"}):
    """A refusal or fault (RFC 9457), with its figures as data."""

    kind: str
    title: str
    status: int
    detail: str
    because: dict[str, Any]
    request_id: str
    errors: list[dict[str, Any]] = []


class _Components:
    """Schemas by name, each struct once."""

    def __init__(self, kinds: Iterable[Any]) -> None:
        self._kinds = list(dict.fromkeys(kinds))
        out, found = msgspec.json.schema_components(self._kinds, ref_template=_REFERENCE)
        self.schemas: dict[str, Any] = dict(found)
        self._by_kind = dict(zip(self._kinds, out, strict=True))

    def __getitem__(self, kind: Any) -> Any:  # noqa: ANN401 - A key is any type.
        return self._by_kind[kind]


def openapi(pages: Sequence[Page], *, title: str, version: str) -> dict[str, Any]:
    """The whole document."""
    parts = _Components(_kinds(pages))
    paths: dict[str, dict[str, Any]] = {}
    for page in pages:
        for route in page.routes:
            method, operation = _operation(route, parts)
            operation["tags"] = [page.capability]
            paths.setdefault(route.path, {})[method] = operation
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": title,
            "version": version,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": (
                "Commands by POST, views by GET. Every POST carries an Idempotency-Key and answers with a receipt; "
                "every refusal is problem+json.\n\nPOST 提出命令,GET 读取视图。"
                "每个 POST 都带 Idempotency-Key 并得到回执;每项拒绝均为 problem+json。"
            ),
        },
        "tags": [{"name": page.capability, "description": f"{page.en} · {page.zh}"} for page in pages],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(parts.schemas.items())),
            "responses": _refused(parts),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "x-problems": {
            kind: {
                "status": status_of(refusal),
                "title": f"{refusal.title_en} · {refusal.title_zh}",
                "en": refusal.en,
                "zh": refusal.zh,
            }
            for kind, refusal in named().items()
        },
    }


def _kinds(pages: Sequence[Page]) -> Iterable[Any]:
    yield from (Recording, Foreseen, Problem)
    for page in pages:
        for route in page.routes:
            match route:
                case Act():
                    yield route.body
                case Rows():
                    yield shown(route.row)
                case Row():
                    yield shown(route.view.row)
                case Own():
                    yield from (kind for kind in (route.body, route.result) if kind not in (None, bytes))


def shown(row: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """A row as it is shown: every field may be missing, since each reader sees what is theirs."""
    hints = typing.get_type_hints(row, include_extras=True)
    fields = [(name, hints[name], None) for name in row.__struct_fields__]
    cached = _SHOWN.get(row)
    if cached is None:
        cached = _SHOWN[row] = msgspec.defstruct(row.__name__, fields, kw_only=True)
        cached.__doc__ = row.__doc__
    return cached


_SHOWN: Final[dict[type[msgspec.Struct], type[msgspec.Struct]]] = {}


# --- operations ------------------------------------------------------------------------------------------------------


def _operation(route: Act | Rows | Row | Own, parts: _Components) -> tuple[str, dict[str, Any]]:
    match route:
        case Act():
            return "post", _act(route, parts)
        case Rows():
            return "get", _rows(route, parts)
        case Row():
            return "get", _row(route, parts)
        case Own():
            return route.method.lower(), _own(route, parts)


def _titled(en: str, zh: str) -> dict[str, str]:
    return {"summary": en.partition(". ")[0].rstrip("."), "description": f"{en}\n\n{zh}"}


def _act(act: Act, parts: _Components) -> dict[str, Any]:
    needs = act_of(act.command)
    statuses = {*_COMMAND_REFUSALS, 412, *({428} if act.edits_draft else set())}
    return {
        "operationId": act.command.__name__,
        **_titled(*sentences(act.command)),
        "x-roles": sorted({row.role for row in needs.permissions}),
        "security": [{"token": []}],
        "parameters": [
            *(_parameter(name, "path", schema, required=True) for name, schema in _path_schemas(act)),
            *_command_headers(act.command, if_match="required" if act.edits_draft else "optional"),
            _parameter(
                "dry_run", "query", {"type": "boolean", "default": False}, "Decide and record nothing", "仅试算"
            ),
        ],
        "requestBody": {"required": _needs_body(act.body), "content": {_JSON: {"schema": parts[act.body]}}},
        "responses": {
            "201": _answer("Recorded", "已记录", parts[Recording], _RECEIPT_HEADERS),
            "200": _answer("Foreseen; nothing was recorded", "试算结果,未记录", parts[Foreseen]),
            **_refusals(statuses),
        },
    }


def _needs_body(body: type[msgspec.Struct]) -> bool:
    return any(field.required for field in msgspec.structs.fields(body))


def _path_schemas(act: Act) -> Iterable[tuple[str, dict[str, Any]]]:
    for name, kind in act.path_types.items():
        yield name, msgspec.json.schema(kind)


def _command_headers(command: type[Command], if_match: str) -> Iterable[dict[str, Any]]:
    needs = act_of(command)
    yield _KEY
    yield _parameter(
        "If-Match",
        "header",
        {"type": "string", "pattern": r'^("[0-9]{1,15}"|[0-9]{1,15})$'},
        "The version read, as the ETag gave it",
        "所读版本(ETag)",
        required=if_match == "required",
    )
    pattern = rf"^{REASON_CODE}(\s*;\s*document=[0-9a-f]{{64}})?$"
    yield _parameter(
        "Reason",
        "header",
        {"type": "string", "pattern": pattern, "maxLength": 200},
        "code; document=id",
        "事由代码;document=文件编号",
        required=needs.needs_reason,
    )
    yield _parameter(
        "On-Behalf-Of", "header", {"type": "string", "pattern": PSEUDONYM}, "The person acted for", "代行对象"
    )
    if needs.backdatable:
        yield _parameter(
            "Effective-On",
            "header",
            {"type": "string", "format": "date"},
            "The earlier day on which it became true (scope backdate, reason with document)",
            "更早的生效日(须有 backdate 范围与附文件的事由)",
        )


_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Sent again with the same request, it gives the first receipt. · 重发同一请求得到首次回执。",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
}


def _rows(route: Rows, parts: _Components) -> dict[str, Any]:
    view = route.view
    page = {
        "type": "object",
        "required": ["items", "next", "position"],
        "properties": {
            "items": {"type": "array", "items": parts[shown(route.row)]},
            "next": {"type": ["string", "null"]},
            "position": {"type": "integer"},
            "simulated": {"type": "boolean"},
        },
    }
    sorts = [order for name in view.sorts for order in (name, f"-{name}")]
    own = [
        *(_parameter(name, "query", kind) for name, kind in _filter_schemas(route)),
        *_TIMES,
        *([_EFFECTIVE] if view.effective else []),
        *([_parameter("sort", "query", {"enum": sorts}, "Order; - is descending", "排序,- 为降序")] if sorts else []),
        _parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
        _parameter("cursor", "query", {"type": "string"}, "Where the page before ended", "上一页的结束处"),
        _FORMAT,
    ]
    return {
        "operationId": f"list_{operation_name(route.path)}",
        **_titled(f"{view.en}: the rows that the caller may see.", f"{view.zh}:调用者可见的各行。"),
        "security": [{"token": []}],
        "parameters": [*_path_parameters(route), *own],
        "responses": {
            "200": {
                "description": "A page · 一页",
                "headers": _READ_HEADERS,
                "content": {
                    _JSON: {"schema": page},
                    "text/csv": {"schema": {"type": "string"}},
                    XLSX: {"schema": {"type": "string", "format": "binary"}},
                },
            },
            "304": {"description": "Unchanged · 未变"},
            **_refusals(set(_READ_REFUSALS)),
        },
    }


def _row(route: Row, parts: _Components) -> dict[str, Any]:
    view = route.view
    return {
        "operationId": f"read_{operation_name(route.path)}",
        **_titled(f"{view.en}: one row, as the caller may see it.", f"{view.zh}:一行,按调用者可见范围。"),
        "security": [{"token": []}],
        "parameters": [*_path_parameters(route), *_TIMES, *([_EFFECTIVE] if view.effective else [])],
        "responses": {
            "200": _answer("The row", "该行", parts[shown(view.row)], _READ_HEADERS),
            "304": {"description": "Unchanged · 未变"},
            **_refusals(set(_READ_REFUSALS) - {406}),
        },
    }


def _own(route: Own, parts: _Components) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.operation,
        **_titled(route.en, route.zh),
        "security": [] if route.public else [{"token": []}],
        "parameters": [
            *(
                _parameter(n, "path", {"type": "string", "pattern": CODED}, required=True)
                for n in path_fields(route.path)
            ),
            *([_KEY] if route.method == "POST" else []),
            *(
                _parameter(p.name, p.where, msgspec.json.schema(p.type), p.en, p.zh, required=p.required)
                for p in route.parameters
            ),
        ],
    }
    if route.body is not None:
        schema = {} if route.body is bytes else parts[route.body]
        operation["requestBody"] = {"required": True, "content": {route.body_media_type: {"schema": schema}}}
    statuses = {400, 500, *route.refusals, *(() if route.public else (401, 403, 429))}
    foreseen = _answer("Foreseen; nothing was recorded", "试算结果,未记录", parts[Foreseen])
    operation["responses"] = {
        str(route.status): _own_answer(route, parts),
        **({"200": foreseen} if route.foresees else {}),
        **_refusals(statuses),
    }
    return operation


_MEDIA: Final = {
    "json": _JSON,
    "csv": "text/csv",
    "xlsx": XLSX,
    "bytes": "application/octet-stream",
    "html": "text/html",
    "text": "text/plain",
}


def _own_answer(route: Own, parts: _Components) -> dict[str, Any]:
    result = parts[Recording] if route.result is None and route.status == 201 else None  # noqa: PLR2004
    schema = result or ({} if route.result is None else parts[route.result])
    content = {
        _MEDIA[kind] if kind != "bytes" else "*/*": {"schema": schema if kind == "json" else {}} for kind in route.gives
    }
    return {"description": "As asked · 如所求", "content": content}


def operation_name(path: str) -> str:
    """A path as the name of an operation."""
    words = path.removeprefix("/v1/").replace("{", "by_").replace("}", "").replace("-", "_")
    return words.replace("/", "_")


# --- parts -----------------------------------------------------------------------------------------------------------


def _parameter(
    name: str, where: str, schema: Mapping[str, Any], en: str = "", zh: str = "", *, required: bool = False
) -> dict[str, Any]:
    described = {"description": f"{en} · {zh}"} if en else {}
    return {"name": name, "in": where, "required": required, **described, "schema": dict(schema)}


def _path_parameters(route: Rows | Row) -> Iterable[dict[str, Any]]:
    hints = typing.get_type_hints(route.view.row, include_extras=True)
    for name in path_fields(route.path):
        yield _parameter(name, "path", _field_schema(hints[name]), required=True)


def _filter_schemas(route: Rows) -> Iterable[tuple[str, dict[str, Any]]]:
    hints = typing.get_type_hints(route.view.row, include_extras=True)
    for name in route.view.filters:
        if name not in path_fields(route.path):
            yield name, _field_schema(hints[name])


def _field_schema(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - Any annotation of a row.
    schema: dict[str, Any] = msgspec.json.schema(Annotated[kind, msgspec.Meta()])
    return schema


_TIMES: Final = [
    _parameter("min_position", "query", {"type": "integer", "minimum": 0}, "Wait until it is seen", "等到可见此位置"),
    _parameter("at_position", "query", {"type": "integer", "minimum": 0}, "As it stood there", "该位置时的状态"),
    _parameter("as_of", "query", {"type": "string", "format": "date-time"}, "As recorded by then", "截至此刻的记录"),
]
_EFFECTIVE: Final = _parameter(
    "effective_on", "query", {"type": "string", "format": "date"}, "What was true on that day", "该日的事实"
)
_FORMAT: Final = _parameter("format", "query", {"enum": list(FORMS)}, "Instead of Accept", "代替 Accept")


def _header(en: str, zh: str) -> dict[str, Any]:
    return {"description": f"{en} · {zh}", "schema": {"type": "string"}}


_READ_HEADERS: Final = {
    "ETag": _header("Version or digest", "版本或摘要"),
    "X-Position": _header("The position that the answer reflects", "所反映的位置"),
}
_RECEIPT_HEADERS: Final = {
    **_READ_HEADERS,
    "Location": _header("Where the resource is read", "资源地址"),
}


def _answer(en: str, zh: str, schema: Any, headers: Mapping[str, Any] | None = None) -> dict[str, Any]:  # noqa: ANN401
    answer: dict[str, Any] = {"description": f"{en} · {zh}", "content": {_JSON: {"schema": schema}}}
    return {**answer, "headers": dict(headers)} if headers else answer


def _refusals(statuses: set[int]) -> dict[str, Any]:
    return {str(status): {"$ref": f"#/components/responses/Refused{status}"} for status in sorted(statuses)}


def _refused(parts: _Components) -> dict[str, Any]:
    return {
        f"Refused{status}": {
            "description": " · ".join(words),
            "content": {MEDIA_TYPE: {"schema": parts[Problem]}},
        }
        for status, words in _REASON.items()
    }
