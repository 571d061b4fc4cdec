"""Every way of saying no, as RFC 9457 asks: one table from the class of a refusal to its status.

A refusal of the rules keeps its own name, sentence and figures. What goes wrong before a rule is asked (a header, a
body, a token) is a refusal of the door, written here in the same two languages. Nothing of what a caller wrote is
repeated: a problem names places and rules, never content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

import asyncpg
import msgspec
from litestar.exceptions import HTTPException

from api.rules import in_chinese
from domain.kernel import Denied, Invalid, Refusal, Unknown, Word, word
from infra.advance import ClockIsReal, Stuck
from infra.content import NotAllowed
from infra.documents import EmptyDocument, NoSuchDocument, TooLarge, Truncated
from infra.front_door import NotAuthenticated, OtherRequest, Raced, VersionAhead, VersionPassed
from infra.record import Overloaded, Unwritable
from infra.tokens import GivenBefore
from infra.vault import KeyDestroyed, NothingSealed
from infra.view_query import BadQuery
from infra.views import Behind, NotBuilt, NotEffective
from infra.writer import LogUnavailable
from projections import VIEWS

__all__ = [
    "BODY_LIMIT",
    "MEDIA_TYPE",
    "STATUS",
    "Fault",
    "known_refusals",
    "named",
    "problem",
    "sentence",
    "status_of",
    "translated",
]

MEDIA_TYPE: Final = "application/problem+json"
_RETRY_SECONDS: Final = 1
BODY_LIMIT: Final = 1_000_000
"""How many bytes of JSON a request may carry; documents have a limit of their own."""


# --- refusals of the door --------------------------------------------------------------------------------------------


class HeaderMissing(Refusal):
    """The header {header} is required here.
    zh: 此处必须提供请求头 {header}。
    title: A header is missing · 缺少请求头
    """


class HeaderInvalid(Refusal):
    """The header {header} breaks the rule: {rule}.
    zh: 请求头 {header} 不符合规则:{rule}。
    title: A header breaks its rule · 请求头不符合规则
    """


class ParameterInvalid(Refusal):
    """The parameter {parameter} breaks the rule: {rule}.
    zh: 参数 {parameter} 不符合规则:{rule}。
    title: A parameter breaks its rule · 参数不符合规则
    """


class ParameterUnknown(Refusal):
    """The parameter {parameter} is unknown here; known are: {known}.
    zh: 此处不支持参数 {parameter};支持的参数为:{known}。
    title: A parameter is unknown here · 含有此处不支持的参数
    """


class BodyUnreadable(Refusal):
    """The body is not one JSON value in UTF-8.
    zh: 请求体不是一个 UTF-8 编码的 JSON 值。
    """


class BodyIncomplete(Refusal):
    """The caller had gone before the whole body had come; nothing was done.
    zh: 请求体尚未传完,调用者已断开;未执行任何操作。
    """


class NotHttp(Refusal):
    """This is no request that HTTP/1.1 knows, or one of its lines is too long.
    zh: 此内容不是合乎 HTTP/1.1 的请求,或其中某行过长。
    title: This is no HTTP request · 不是 HTTP 请求
    """


class BodyInvalid(Refusal):
    """The body breaks its schema at {pointer}: {rule}.
    zh: 请求体在 {pointer} 处不符合模式:{rule}。
    title: The body breaks its schema · 请求体不符合模式
    """


class NotLoggedIn(Refusal):
    """A valid token is needed: none was given, or it is unknown, expired, revoked, or one that must be exchanged first.
    zh: 需要有效令牌:未提供令牌,或令牌未知、过期、已撤销,或须先换取。
    title: A valid token is needed · 需要有效令牌
    """


class NotFound(Refusal):
    """There is nothing here, or nothing that the caller may know of.
    zh: 此处没有内容,或没有调用者可以知悉的内容。
    """


class MethodNotAllowed(Refusal):
    """This path does not take this method.
    zh: 此路径不接受该方法。
    """


class FormatUnknown(Refusal):
    """The answer can be had as: {known}.
    zh: 可提供的格式:{known}。
    title: The answer cannot be had in this format · 不提供该格式
    """


class TooLargeForFormat(Refusal):
    """The format {format} cannot hold it: {rule}. It can be had as: {known}.
    zh: 格式 {format} 容纳不下:{rule}。可改用:{known}。
    title: The format cannot hold it · 该格式容纳不下
    """


class MediaTypeUnknown(Refusal):
    """The body must be: {known}.
    zh: 请求体的类型必须是:{known}。
    title: The body is of another type than is taken here · 请求体的类型不符
    """


class TooLargeHere(Refusal):
    """At most {limit} bytes are taken in.
    zh: 最多接收 {limit} 字节。
    title: That is more than is taken in · 超出接收上限
    """


class DocumentEmpty(Refusal):
    """A document has at least one byte.
    zh: 文件至少应有一个字节。
    """


class DocumentNotAllowed(Refusal):
    """Documents of the type {media_type} are not taken in.
    zh: 不接收类型为 {media_type} 的文件。
    title: Documents of this type are not taken in · 不接收该类型的文件
    """


class DocumentIncomplete(Refusal):
    """Fewer bytes came than were announced.
    zh: 收到的字节少于声明的数量。
    """


class DocumentErased(Refusal):
    """Erased: the key was destroyed, and nobody can open what it sealed, or seal anything more under it.
    zh: 已删除:密钥已销毁,其封存的内容无人能够再打开,亦不能再行封存。
    title: Erased: its key was destroyed · 已删除:密钥已销毁
    """


class DetailsErased(Refusal):
    """Erased: what was kept of this person was destroyed on a legal basis, and nobody can open it any more.
    zh: 已删除:该人员的信息已依法销毁,无人能够再打开。
    title: Erased: what was kept of this person was destroyed · 已删除:该人员的信息已销毁
    """


class KeyUsedBefore(Refusal):
    """The Idempotency-Key was used before for another request.
    zh: 该 Idempotency-Key 已用于另一请求。
    """


class TokenGivenBefore(Refusal):
    """The token {token_id} was made for this request and is in use or over: revoke it if it is lost, and ask anew.
    zh: 此请求此前所创建的令牌 {token_id} 已使用或已失效:如已遗失,请撤销后重新申请。
    title: The token was made before and is shown no more · 该令牌此前已创建,不再显示
    """


class TextNotCanonical(Refusal):
    """Text must be in Unicode normal form C, and numbers must be whole and below 2^53.
    zh: 文本须为 Unicode 规范形式 C,数字须为小于 2^53 的整数。
    title: A text or a number is not in its canonical form · 文本或数字不合规范形式
    """


class VersionStale(Refusal):
    """The resource is newer than the version given in If-Match; missed positions: {missed}.
    zh: 资源已比 If-Match 所给版本更新;错过的位置:{missed}。
    title: The resource is newer than the version given · 资源已比所给版本更新
    """


class VersionRequired(Refusal):
    """This edits a draft: send the version that was read in If-Match.
    zh: 此操作修改草稿:请在 If-Match 中给出所读版本。
    """


class TooManyFailures(Refusal):
    """Too many failed logins from this address; retry after {retry_after} s.
    zh: 该地址登录失败次数过多;请在 {retry_after} 秒后重试。
    title: Too many failed logins from this address · 该地址登录失败次数过多
    """


class LostRace(Refusal):
    """Others were faster each time; the request may be sent again as it is.
    zh: 每次均被他人抢先;可原样重发请求。
    """


class Busy(Refusal):
    """More is asked than can be taken in now; nothing was written; retry after {retry_after} s.
    zh: 当前请求过多,未写入任何内容;请在 {retry_after} 秒后重试。
    title: More is asked than can be taken in now · 当前请求过多
    """


class RecordAway(Refusal):
    """The record is out of reach for now; whether something was written is not known: send the same request again.
    zh: 记录暂时无法访问,是否已写入尚不可知;请以相同请求重发。
    title: The record is out of reach for now · 记录暂时无法访问
    """


class ViewBehind(Refusal):
    """The view stands at position {position} and has not reached {wanted} in time; ask again.
    zh: 视图位于位置 {position},未及时到达 {wanted};请稍后再试。
    title: The view has not reached the position in time · 视图未及时到达该位置
    """


class ViewNotBuilt(Refusal):
    """The view {view} is being built; ask again in a moment.
    zh: 视图{view}正在建立;请稍后再试。
    title: The view is being built · 视图正在建立
    """


class NotSignedYet(Refusal):
    """It is recorded and not yet under a signed checkpoint; ask again in a moment.
    zh: 已记录,尚未纳入签名检查点;请稍后再试。
    """


class ClockStuck(Refusal):
    """The clock stands at {reached}, because {who} has not caught up; send the request again.
    zh: 时钟停在 {reached},因为{who}尚未跟上;请重发请求。
    title: The clock waits for something that has not caught up · 时钟在等待尚未跟上者
    """


class DefinitionInvalid(Refusal):
    """The definition has {count} findings, each with its path, value and rule.
    zh: 项目定义有 {count} 处问题,逐处列明路径、值与规则。
    title: The definition has findings · 项目定义校验未通过
    """


class Fault(Refusal):
    """Something broke on our side; the request id leads to it in the log.
    zh: 我方发生故障;可凭请求编号在日志中查到。
    """


STATUS: Final[dict[type[Refusal], int]] = {
    # The nearest class in a refusal's line of descent decides; the last line stands for every rule of the domain.
    HeaderMissing: 400,
    HeaderInvalid: 400,
    ParameterInvalid: 400,
    ParameterUnknown: 400,
    BodyUnreadable: 400,
    BodyIncomplete: 400,
    NotHttp: 400,
    DocumentIncomplete: 400,
    NotLoggedIn: 401,
    Denied: 403,
    NotFound: 404,
    NotSignedYet: 404,
    Unknown: 404,
    MethodNotAllowed: 405,
    FormatUnknown: 406,
    TooLargeForFormat: 406,
    DocumentErased: 410,
    DetailsErased: 410,
    VersionStale: 412,
    VersionAhead: 412,
    TooLargeHere: 413,
    MediaTypeUnknown: 415,
    DocumentNotAllowed: 415,
    BodyInvalid: 422,
    DocumentEmpty: 422,
    KeyUsedBefore: 422,
    TextNotCanonical: 422,
    DefinitionInvalid: 422,
    Invalid: 422,
    VersionRequired: 428,
    TooManyFailures: 429,
    LostRace: 409,
    Fault: 500,
    Busy: 503,
    RecordAway: 503,
    ViewBehind: 503,
    ViewNotBuilt: 503,
    ClockStuck: 503,
    Refusal: 409,
}

_RETRYABLE: Final = (LostRace, Busy, RecordAway, ViewBehind, ViewNotBuilt, NotSignedYet, ClockStuck, TooManyFailures)


def status_of(kind: type[Refusal]) -> int:
    """The status of a refusal, by the table."""
    return next(STATUS[cls] for cls in kind.__mro__ if cls in STATUS)


# --- what other layers raise -----------------------------------------------------------------------------------------

_HTTP: Final[dict[int, Callable[[], Refusal]]] = {
    404: NotFound,
    405: MethodNotAllowed,
    413: lambda: TooLargeHere(limit=BODY_LIMIT),
}

_VIEW_TITLES: Final = {view.name: (view.name, f"“{view.zh}”") for view in VIEWS}
_LAGGARDS: Final = {"view": "视图", "automation": "自动处理规则", "dispatcher": "分派进程", "scheduler": "日程进程"}


def _laggard(who: str) -> Word:
    """Who has not caught up, as the clock names it: a process, or a view or automation by its name."""
    kind, _, name = who.partition(" ")
    return Word(who, who, _LAGGARDS[kind] + (_VIEW_TITLES[name][1] if name in _VIEW_TITLES else name))


_TRANSLATED: Final[dict[type[Exception], Callable[[Any], Refusal]]] = {
    NotAuthenticated: lambda _: NotLoggedIn(),
    OtherRequest: lambda _: KeyUsedBefore(),
    GivenBefore: lambda error: KeyUsedBefore() if error.for_another else TokenGivenBefore(token_id=error.token_id),
    VersionPassed: lambda error: VersionStale(missed=list(error.missed)),
    Raced: lambda _: LostRace(),
    Overloaded: lambda error: Busy(retry_after=error.retry_after),
    LogUnavailable: lambda _: RecordAway(),
    ConnectionError: lambda _: RecordAway(),
    asyncpg.PostgresConnectionError: lambda _: RecordAway(),
    asyncpg.OperatorInterventionError: lambda _: RecordAway(),
    Unwritable: lambda _: TextNotCanonical(),
    ClockIsReal: lambda _: NotFound(),
    Stuck: lambda error: ClockStuck(who=_laggard(error.who), reached=error.reached.isoformat()),
    BadQuery: lambda error: ParameterInvalid(parameter=error.field, rule=error.rule),
    Behind: lambda error: ViewBehind(position=error.position, wanted=error.wanted),
    NotBuilt: lambda error: ViewNotBuilt(view=word(error.view, _VIEW_TITLES)),
    NotEffective: lambda _: ParameterInvalid(parameter="effective_on", rule="this view is not read by effective day"),
    NotAllowed: lambda error: DocumentNotAllowed(media_type=error.media_type),
    TooLarge: lambda error: TooLargeHere(limit=error.limit),
    EmptyDocument: lambda _: DocumentEmpty(),
    Truncated: lambda _: DocumentIncomplete(),
    NoSuchDocument: lambda _: NotFound(),
    NothingSealed: lambda _: NotFound(),
    KeyDestroyed: lambda _: DocumentErased(),
}


def translated(error: Exception) -> Refusal:
    """The refusal that an exception of any layer stands for; ``Fault`` for what nobody has foreseen."""
    if isinstance(error, Refusal):
        return error
    for kind in type(error).__mro__:
        if kind in _TRANSLATED:
            return _TRANSLATED[kind](error)
    if isinstance(error, HTTPException):
        return _HTTP.get(error.status_code, Fault)()
    return Fault()


# --- the answer ------------------------------------------------------------------------------------------------------


def sentence(refusal: Refusal, language: str) -> str:
    """The sentence of a refusal; what it says of a rule is told in the same language."""
    rule = refusal.because.get("rule")
    if not isinstance(rule, str) or isinstance(rule, Word):
        return refusal.sentence(language)
    return type(refusal)(**{**refusal.because, "rule": Word(rule, rule, in_chinese(rule))}).sentence(language)


def problem(refusal: Refusal, language: str, request_id: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer to a refusal."""
    status = status_of(type(refusal))
    because = dict(refusal.because)
    errors = cast("Sequence[Mapping[str, Any]] | None", because.pop("errors", None))
    body: dict[str, object] = {
        "type": f"/problems/{refusal.kind}",
        "title": refusal.title_zh if language == "zh" else refusal.title_en,
        "status": status,
        "detail": sentence(refusal, language),
        "because": because,
        "request_id": request_id,
    }
    if errors is not None:
        body["errors"] = [_told(error, language) for error in errors]
    headers = {"Content-Type": MEDIA_TYPE, "Content-Language": language, "Vary": "Accept-Language"}
    if isinstance(refusal, _RETRYABLE):
        headers["Retry-After"] = str(because.get("retry_after", _RETRY_SECONDS))
    if status == STATUS[NotLoggedIn]:
        headers["WWW-Authenticate"] = 'Bearer realm="biaogan"'
    return status, headers, msgspec.json.encode(body, enc_hook=str)


def _told(error: Mapping[str, Any], language: str) -> Mapping[str, Any]:
    """One of several faults; where it is told in one language only, in that of the caller."""
    return {**error, "detail": in_chinese(error["detail"])} if language == "zh" and "detail" in error else error


_ROOMS: Final = frozenset({"domain", "projections", "infra", "api", "workers"})


def known_refusals() -> Iterator[type[Refusal]]:
    """Every refusal that this program can utter, once each; the commands must have been imported."""
    seen: set[type[Refusal]] = set()
    waiting: list[type[Refusal]] = list(Refusal.__subclasses__())
    while waiting:
        kind = waiting.pop()
        if kind not in seen:
            seen.add(kind)
            waiting += kind.__subclasses__()
            # What somebody who imports the product derives for himself is his own, not the product's.
            if kind.__module__.partition(".")[0] in _ROOMS:
                yield kind


def named() -> Mapping[str, type[Refusal]]:
    """Every refusal by the last word of its type."""
    return {kind.kind: kind for kind in sorted(known_refusals(), key=lambda kind: kind.kind)}
