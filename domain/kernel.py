"""Event, Recorded, Command, Refusal: the only base classes; the only import of the event-sourcing library.

An event says what happened and repeats nothing of its envelope. A command is one class read top to bottom: what was
asked, what must be known, which past matters (``consistency_boundary``), how that past is taken in (``@event`` methods)
and what is decided (``execute``). A refusal is a named business "no" whose docstring is its sentence.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import types
import typing
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Annotated, Any, ClassVar, Final, Literal, ParamSpec, TypeVar, dataclass_transform
from uuid import UUID

import msgspec
from eventsourcing.dcb.domain import Decision, Selector, Slice, Tagged, decorated_funcs
from eventsourcing.domain import event as _event

from domain.ids import TAG_KINDS, DocumentId, InstitutionId, PersonId

__all__ = [
    "Audience",
    "Catalogue",
    "Code",
    "Command",
    "Denied",
    "Digest",
    "Envelope",
    "Event",
    "Invalid",
    "OfficialName",
    "Quotation",
    "Recorded",
    "Refusal",
    "SealedAnswers",
    "SealedDetails",
    "SealedIdentity",
    "SealedSheet",
    "Selector",
    "Unknown",
    "UnknownEventType",
    "Word",
    "any_event",
    "asked",
    "asked_fields",
    "called",
    "encode",
    "event",
    "field_called",
    "identifiers",
    "known",
    "matches",
    "office",
    "panel",
    "public",
    "reading",
    "redact",
    "replay",
    "restricted",
    "sentences",
    "subject",
    "tags_of",
    "taken_in",
    "takes_positions",
    "titles",
    "word",
    "words",
]

# --- words that events may carry -------------------------------------------------------------------------------------

Audience = Literal["public", "subject", "office", "panel", "restricted"]
AUDIENCES: Final[tuple[Audience, ...]] = typing.get_args(Audience)

Code = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+(?:[_-][a-z0-9]+)*$", max_length=64)]
"""A short enumerated label in lower case: ``student_branch``."""
OfficialName = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{1,120}$")]
"""The published name of an organisation, programme, track, criterion or form field; never of a person."""
Quotation = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{1,80}$")]
"""A few characters of a published call, verbatim and with its damage; a call is public and names no person."""
Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 in lower-case hexadecimal."""


def _audience(audience: Audience, en: str, zh: str) -> msgspec.Meta:
    return msgspec.Meta(title=en, extra={"zh": zh, "audience": audience})


public = functools.partial(_audience, "public")
subject = functools.partial(_audience, "subject")
office = functools.partial(_audience, "office")
panel = functools.partial(_audience, "panel")
restricted = functools.partial(_audience, "restricted")


def titles(annotation: Any) -> tuple[str, str, Audience] | None:
    """English title, Chinese title and audience of an annotated field, or None where it names none."""
    for meta in getattr(annotation, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta) and meta.extra and "audience" in meta.extra:
            return meta.title or "", meta.extra["zh"], meta.extra["audience"]
    return None


# --- events ----------------------------------------------------------------------------------------------------------


class _EventType(msgspec.StructMeta):
    """Makes every event keyword-only, which msgspec does not inherit."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **config: Any) -> Any:
        return super().__new__(mcs, name, bases, namespace, **{"kw_only": True, **config})


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Event(Decision, msgspec.Struct, metaclass=_EventType, frozen=True, forbid_unknown_fields=True):
    """What has happened: frozen, in the past tense, with its stored name written by hand in ``TOPIC``."""

    TOPIC: ClassVar[str]

    def as_dict(self) -> dict[str, Any]:
        """The body's fields by name, as the library asks for them."""
        return msgspec.structs.asdict(self)

    def mutate(self, obj: Any) -> Any:
        """Take an event that was just decided into the command that decided it."""
        _deliver(obj, self, by=obj.by, at=obj.effective_at, position=0)
        return obj


def encode(body: Event) -> bytes:
    """The canonical JSON bytes of a body: keys sorted, no insignificant space, UTF-8; written once, never again."""
    return msgspec.json.encode(body, order="sorted")


def _ids_in(annotation: Any) -> Callable[[Any], Iterator[str]] | None:
    """A reader of every id below one annotation, or None where there can be none."""
    if annotation in TAG_KINDS:
        kind = TAG_KINDS[annotation]
        return lambda value: iter((f"{kind}:{value}",))
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _ids_in(arguments[0])
    if origin in (types.UnionType, typing.Union):
        return _ids_in_union(arguments)
    if origin is tuple:
        inner = _ids_in(arguments[0])
        return None if inner is None else lambda values: (tag for value in values for tag in inner(value))
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return _ids_in_struct(annotation)
    return None


def _ids_in_union(arguments: tuple[Any, ...]) -> Callable[[Any], Iterator[str]] | None:
    structs = {a: _ids_in(a) for a in arguments if isinstance(a, type) and issubclass(a, msgspec.Struct)}
    others = [reader for a in arguments if a not in structs and (reader := _ids_in(a)) is not None]
    if not others and not any(structs.values()):
        return None

    def read(value: Any) -> Iterator[str]:
        reader = structs[type(value)] if type(value) in structs else others[0] if value is not None and others else None
        return iter(()) if reader is None else reader(value)

    return read


def _ids_in_struct(struct: type[msgspec.Struct]) -> Callable[[Any], Iterator[str]] | None:
    readers = _field_readers(struct)
    if not readers:
        return None
    return lambda value: (tag for name, reader in readers for tag in reader(getattr(value, name)))


@functools.cache
def _field_readers(struct: type[msgspec.Struct]) -> tuple[tuple[str, Callable[[Any], Iterator[str]]], ...]:
    hints = typing.get_type_hints(struct, include_extras=True)
    found = ((name, _ids_in(hints[name])) for name in struct.__struct_fields__)
    return tuple((name, reader) for name, reader in found if reader is not None)


def tags_of(body: msgspec.Struct) -> list[str]:
    """The sorted tags of an event: one for every id in its body, nested or in a list. Nobody types tags.

    Of a row, in the same way, whom and what it names.
    """
    return sorted({tag for name, reader in _field_readers(type(body)) for tag in reader(getattr(body, name))})


def identifiers(struct: type[msgspec.Struct]) -> tuple[str, ...]:
    """Names of the fields of a struct below which ids may stand."""
    return tuple(name for name, _ in _field_readers(struct))


# --- what is recorded ------------------------------------------------------------------------------------------------

ActorKind = Literal["person", "delegate", "schedule", "automation", "import"]


class Envelope(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who, by what right, why and when: written once by the front door for all events of a command."""

    actor_id: Annotated[str, office("Actor", "行为人")]
    actor_kind: Annotated[ActorKind, public("Kind of actor", "行为人类别")]
    authority: Annotated[str, office("Authority", "权限依据")]
    on_behalf_of_id: Annotated[str | None, office("On behalf of", "代行对象")] = None
    command_id: Annotated[UUID, office("Command", "命令编号")]
    cause: Annotated[int | None, public("Cause (position)", "起因位置")] = None
    correlation_id: Annotated[UUID, office("Correlation", "关联编号")]
    received_at: Annotated[datetime, public("Received at", "收到时间")]
    effective_at: Annotated[datetime, public("Effective at", "生效时间")]
    reason_code: Annotated[str | None, office("Reason", "事由代码")] = None
    reason_document_id: Annotated[str | None, office("Reason document", "事由文件")] = None


class Recorded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One recorded event: position, envelope and body. Everything that reads the past receives this."""

    position: int
    event_id: UUID
    type: str
    tags: tuple[str, ...]
    event: Event
    envelope: Envelope
    recorded_at: datetime


class UnknownEventType(Exception):
    """A stored type that this code does not know: a consumer stops here, it never skips."""


class Catalogue:
    """Every event type by its stored name; decodes stored bytes, whatever version they were written by."""

    def __init__(self, events: Iterable[type[Event]]) -> None:
        self.by_name: dict[str, type[Event]] = {}
        for kind in events:
            if kind.TOPIC in self.by_name:
                raise ValueError(f"two events are stored as {kind.TOPIC}")
            self.by_name[kind.TOPIC] = kind
        self._decode = {name: msgspec.json.Decoder(kind).decode for name, kind in self.by_name.items()}

    def decode(self, name: str, data: bytes) -> Event:
        """The event stored under a name. Raises UnknownEventType, or msgspec.ValidationError for damaged bytes."""
        try:
            decode = self._decode[name]
        except KeyError:
            raise UnknownEventType(name) from None
        return decode(data)


# --- commands --------------------------------------------------------------------------------------------------------

P = ParamSpec("P")
D = TypeVar("D", bound=Event)


def asked(en: str, zh: str, *, default: Any = dataclasses.MISSING) -> Any:
    """A field of the request, with its two titles."""
    return dataclasses.field(default=default, metadata={"asked": True, "en": en, "zh": zh})


def known(default: Any = None, *, factory: Callable[[], Any] | None = None, init: Literal[False] = False) -> Any:
    """What the command learns from the past, never from the request."""
    if factory is not None:
        return dataclasses.field(init=init, default_factory=factory)
    return dataclasses.field(init=init, default=default)


class SealedAnswers(msgspec.Struct, frozen=True):
    """Texts by field code, as the front door hands them to a command: encrypted as one document before it decides."""

    document_id: DocumentId
    characters: dict[str, int]


class SealedDetails(msgspec.Struct, frozen=True):
    """Personal details as the front door hands them to a command: sealed in the vault, known here by a commitment."""

    commitment: str
    fields: frozenset[str]


class SealedIdentity(msgspec.Struct, frozen=True):
    """Who is given a code, as the front door hands it to a command: sealed in the vault, known here to decide by.

    No event carries the person; ``coded_before`` says that the person was given a code in the same matter already.
    """

    commitment: str
    person_id: PersonId
    coded_before: bool = False


class SealedSheet(msgspec.Struct, frozen=True):
    """Marks by criterion, as the front door hands them to a command: sealed in the vault, known here to check them.

    Events carry the commitment alone, until the sheet is opened.
    """

    commitment: str
    marks: dict[str, int]


def event(kind: type[Event]) -> Callable[[Callable[..., None]], Any]:
    """Mark a method of a command as the one that takes in events of a kind; all such methods are called ``_``."""
    # Typed loosely on purpose: methods called alike in a base class and below it do not override one another.
    marked: Callable[[Callable[..., None]], Any] = _event(kind)
    return marked


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(asked, known))
class Command(Slice[Event]):
    """What may be asked. The front door sets who asks and when before it takes in the past.

    ``by`` is the id of the acting person or service, ``institution_id`` whose log it is, ``now`` the door's clock
    when the request was complete (deadlines are judged by it), ``effective_at`` the business instant, ``zone`` the
    institution's time zone, ``by_units`` the units at which the acting person holds any office today.

    Where ``CODED`` names fields of the request, these name a matter in which nobody acts under their own name: the door
    looks up the person's code there, ``by`` is ``<matter>/<code>``, and nothing that is written names the person.
    ``GIVES_CODE`` names the fields of a command that gives such a code: those of the matter, then that of the code.
    ``READS_AT_MOST`` is how many events its boundary may hold; None is any number, for a command that only adds up: its
    past is taken in page by page and never held, so its boundary does not grow and it takes no earlier effective day.
    """

    CODED: ClassVar[tuple[str, ...]] = ()
    GIVES_CODE: ClassVar[tuple[str, ...]] = ()
    READS_AT_MOST: ClassVar[int | None] = 2_000

    by: str = known("")
    by_units: frozenset[str] = known(frozenset())
    institution_id: InstitutionId = known(InstitutionId(""))
    now: datetime = known()
    effective_at: datetime = known()
    zone: tzinfo = known()
    reason_code: str | None = known(None)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclasses.dataclass(kw_only=True, eq=False)(cls)

    @property
    def today(self) -> date:
        """The institution's day on which the request was complete."""
        return self.now.astimezone(self.zone).date()

    @property
    def state(self) -> str:
        """The state of the subject, for the permission table; ``any`` where acts do not depend on one."""
        return "any"

    def consistency_boundary(self) -> Sequence[Selector]:
        """Exactly what has been read. It may grow as the command learns (a parent's parent); it never shrinks."""
        raise NotImplementedError(type(self).__name__)

    def trigger_event(
        self, decision_cls: Callable[P, Event], tags: Sequence[str] = (), *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Decide that something happened; the tags follow from the ids in its body."""
        if tags or args:
            raise TypeError("an event takes its fields by keyword and its tags from its ids")
        body = decision_cls(*args, **kwargs)
        body.mutate(self)
        self.new_decisions.append(Tagged(tags_of(body), body))


Handler = Callable[..., None]


def any_event(*kinds: type[Event]) -> Callable[[Handler], Handler]:
    """``@event`` for several types that a command takes in alike."""

    def take(handler: Handler) -> Handler:
        for kind in kinds:
            event(kind)(handler)
        return handler

    return take


def asked_fields(command: type[Command]) -> tuple[dataclasses.Field[Any], ...]:
    """The fields of a request, in the order they are written."""
    return tuple(f for f in dataclasses.fields(typing.cast("Any", command)) if f.metadata.get("asked"))


@functools.cache
def _handler(target: Any, body: type[Event]) -> tuple[Callable[..., None], tuple[str, ...]] | None:
    """The ``@event`` method of a command, or of a class it derives from, and the names it asks for."""
    for cls in target.__mro__:
        function = decorated_funcs.get((typing.cast("Any", cls), body))
        if function is not None:
            return function, tuple(inspect.signature(function).parameters)[1:]
    return None


@functools.cache
def taken_in(command: type[Command]) -> frozenset[type[Event]]:
    """The event types that a command has ``@event`` methods for, its base classes' included."""
    own = typing.cast("dict[tuple[type, type[Event]], Any]", decorated_funcs)
    return frozenset(body for cls, body in own if cls in command.__mro__)


@functools.cache
def takes_positions(command: type[Command]) -> bool:
    """Whether a command learns positions of its past: then it can be decided only once they are final."""
    return any("position" in (_handler(command, body) or (None, ()))[1] for body in taken_in(command))


def _deliver(target: Any, body: Event, *, by: str, at: datetime, position: int) -> None:
    kind: Any = type(target)
    handler = _handler(kind, type(body))
    if handler is None:
        return
    function, names = handler
    beside = {"by": by, "at": at, "position": position, "body": body}
    function(target, **{name: beside[name] if name in beside else getattr(body, name) for name in names})


def replay(command: Command, past: Iterable[Recorded]) -> None:
    """Take the past into a fresh command. Handlers name body fields, or ``body``, ``by``, ``at``, ``position``."""
    for recorded in past:
        _deliver(
            command,
            recorded.event,
            by=recorded.envelope.actor_id,
            at=recorded.envelope.effective_at,
            position=recorded.position,
        )


def matches(boundary: Iterable[Selector], name: str, tags: Iterable[str]) -> bool:
    """Whether an event of this stored name and these tags lies within a boundary: types and tags are sets."""
    carried = frozenset(tags)
    return any(
        (not item.types or name in {kind.TOPIC for kind in typing.cast("Sequence[type[Event]]", item.types)})
        and carried.issuperset(item.tags)
        for item in boundary
    )


C = TypeVar("C", bound=Command)


def reading(fresh: Callable[[], C]) -> Generator[Sequence[Selector], Iterable[Recorded], C]:
    """Yields the boundary to read and is sent that past, until the command asks for no more; returns it, all taken in.

    A boundary that grew is read anew as a whole, so that what was decided on was true at one position.
    """
    boundary = list(fresh().consistency_boundary())
    while True:
        past = yield boundary
        command = fresh()
        replay(command, past)
        grown = list(command.consistency_boundary())
        if grown == boundary:
            return command
        boundary = grown


# --- refusals --------------------------------------------------------------------------------------------------------

_FIGURE = re.compile(r"\{(\w+)\}")
_CLAUSE = re.compile("[:;。:;]|\\. ")
Titles = Mapping[Any, tuple[str, str]]
"""What codes are called: English and Chinese by code."""


class Word(str):
    """A code among the figures of a refusal: for a program it is the code, a person is told what it is called."""

    __slots__ = ("en", "zh")
    en: str
    zh: str

    def __new__(cls, code: str, en: str, zh: str) -> typing.Self:
        """A code with what it is called in both languages."""
        self = super().__new__(cls, code)
        self.en, self.zh = en, zh
        return self


def word(code: str, titles: Titles) -> Word:
    """A code and what a table calls it."""
    return Word(code, *titles[code])


def words(codes: Iterable[str], titles: Titles) -> Word:
    """Several codes, and what a table calls each; one that nobody has named is called as it is."""
    found = [Word(code, *titles.get(code, (code, code))) for code in codes]
    return Word(", ".join(found), ", ".join(each.en for each in found), "、".join(each.zh for each in found))


def called(command: type[Command]) -> Word:
    """A command by its name, which is what it is asked for by; in Chinese by the first clause of its sentence."""
    return Word(command.__name__, command.__name__, f"“{_CLAUSE.split(sentences(command)[1])[0]}”")


def field_called(command: type[Command], name: str) -> Word:
    """A field of a request and its titles."""
    (asked_for,) = (each for each in asked_fields(command) if each.name == name)
    return Word(name, name, f"“{asked_for.metadata['zh']}”")


def _in(language: str, figure: object) -> object:
    if isinstance(figure, Word):
        return figure.zh if language == "zh" else figure.en
    return figure


def _told(instant: datetime, zone: tzinfo) -> datetime:
    try:
        return instant.astimezone(zone)
    except OverflowError:
        return instant  # At the ends of the calendar some clocks show nothing any more.


class Refusal(Exception):
    """A named business "no". The first docstring line is its sentence, the line after ``zh:`` the Chinese one.

    A sentence that carries figures is told anew each time; what never changes is said by a third line, as in
    ``title: The quota is used up · 推荐指标已用尽``.
    """

    en: ClassVar[str]
    zh: ClassVar[str]
    title_en: ClassVar[str]
    title_zh: ClassVar[str]
    kind: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.en, cls.zh = sentences(cls)
        cls.title_en, cls.title_zh = _title(cls)
        cls.kind = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()

    def __init__(self, **because: object) -> None:
        missing = set(_FIGURE.findall(self.en)) - set(because)
        if missing:
            raise TypeError(f"{type(self).__name__} needs {sorted(missing)}")
        self.because: Mapping[str, object] = because
        super().__init__(self.sentence("en"))

    def told_in(self, zone: tzinfo) -> None:
        """Tell the instants among the figures by the clock of a zone; they stay the same instants."""
        self.because = {
            name: _told(figure, zone) if isinstance(figure, datetime) else figure
            for name, figure in self.because.items()
        }

    def sentence(self, language: str) -> str:
        """The sentence with its figures, in ``en`` or ``zh``."""
        template = self.zh if language == "zh" else self.en
        return template.format_map({name: _in(language, figure) for name, figure in self.because.items()})


def sentences(documented: type) -> tuple[str, str]:
    """The English sentence and the Chinese one of a public docstring; both carry the same ``{figures}``."""
    lines = inspect.cleandoc(documented.__doc__ or "").splitlines()
    chinese = next((i for i, line in enumerate(lines) if line.startswith("zh:")), None)
    if chinese is None:
        raise TypeError(f"{documented.__qualname__} has no Chinese line in its docstring")
    en = " ".join(line.strip() for line in lines[:chinese] if line.strip())
    zh = lines[chinese].removeprefix("zh:").strip()
    if set(_FIGURE.findall(en)) != set(_FIGURE.findall(zh)):
        raise TypeError(f"{documented.__qualname__} names other figures in Chinese than in English")
    return en, zh


def _title(refusal: type[Refusal]) -> tuple[str, str]:
    """What a kind of refusal is called in both languages, whatever the figures: its title, else its very sentence."""
    lines = inspect.cleandoc(refusal.__doc__ or "").splitlines()
    title = next((line.removeprefix("title:") for line in lines if line.startswith("title:")), None)
    if title is None:
        return refusal.en.removesuffix("."), refusal.zh.removesuffix("。")
    en, _, zh = title.partition("·")
    return en.strip(), zh.strip()


class Unknown(Refusal):
    """The request is about something that is not on record.
    zh: 请求所指的对象没有记录。
    """


class Denied(Refusal):
    """The caller is not allowed to do this.
    zh: 无权进行此项操作。
    """


class Invalid(Refusal):
    """Field {field} breaks the rule {rule}.
    zh: 字段 {field} 不符合规则 {rule}。
    title: A field breaks its rule · 字段不符合规则
    """


# --- audiences -------------------------------------------------------------------------------------------------------


@functools.cache
def _audiences(struct: type[msgspec.Struct]) -> dict[str, Audience]:
    hints = typing.get_type_hints(struct, include_extras=True)
    found = {name: titles(hints[name]) for name in struct.__struct_fields__}
    return {name: entry[2] if entry else "office" for name, entry in found.items()}


@functools.cache
def _hidden(struct: type[msgspec.Struct], reader: frozenset[Audience]) -> tuple[str, ...]:
    return tuple(name for name, audience in _audiences(struct).items() if audience not in reader)


def redact(body: msgspec.Struct, reader: frozenset[Audience]) -> dict[str, Any]:
    """The fields of a body that a reader of these audiences may see; a field that names none is the office's."""
    fields = msgspec.structs.asdict(body)
    for name in _hidden(type(body), reader):
        del fields[name]
    return fields
