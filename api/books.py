"""The books of a programme as journals that other people's accounting adds up by itself: beancount and hledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from api.acts import Wiring, address_of
from api.answers import Response
from api.callers import Reader
from api.problems import FormatUnknown, NotFound
from api.reads import times
from api.requests import TIMES, Headers, Parameters, language
from api.routes import AnyRequest, AnyResponse, Own, Parameter
from domain.funding.policy import MONEY_FACTS, RULES_VERSION, MoneyFact
from domain.ids import ProgrammeId, tag
from domain.kernel import Recorded
from domain.programme.events import ProgrammeAnnounced
from infra.export.accounting import BEANCOUNT, HLEDGER, Booking, Heading, beancount, hledger
from infra.record import Item
from projections.journal import BookLine, book_lines

__all__ = ["BOOKS", "BOOK_FORMS", "BooksOf", "books_text"]

_WRITERS: Final[Mapping[str, tuple[Callable[[Heading, Sequence[Booking]], Iterator[str]], str, str]]] = {
    "beancount": (beancount, BEANCOUNT, "beancount"),
    "hledger": (hledger, HLEDGER, "journal"),
}
BOOK_FORMS: Final = {form: suffix for form, (_, _, suffix) in _WRITERS.items()}
"""The forms that books are had in, and what their files' names end in."""
_WORDS: Final = {
    "en": ("Books of", "Institution", "Reflects position", "True on", "Posting rules", "Simulated institution"),
    "zh": ("账簿", "机构", "反映至位置", "事实日期", "记账规则版本", "模拟机构"),
}


@dataclass(frozen=True, slots=True)
class BooksOf:
    """Whose books, as of which position, up to the end of which day, in which language, by which posting rules."""

    programme_id: str
    position: int
    last_day: date | None
    spoken: str
    rules_version: int = RULES_VERSION


def books_text(form: str, reader: Reader, books: BooksOf, facts: Iterable[Recorded]) -> str:
    """Every entry of the books as a journal of one of the forms."""
    told = [
        (each.position, each.type, each.envelope.effective_at, each.event)
        for each in facts
        if isinstance(each.event, MoneyFact)
    ]
    lines = book_lines(told, reader.institution.zone, books.rules_version)
    shown = [line for line in lines if books.last_day is None or line.day <= books.last_day]
    write, _, _ = _WRITERS[form]
    return "".join(write(_heading(reader, books), _booked(shown)))


async def _books(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """Every entry of a programme's books, for a program that is not ours to add up."""
    headers = Headers(request.scope["headers"])
    caller = await wiring.callers.reading(headers, address_of(request))
    parameters = Parameters(request.scope["query_string"], (*TIMES, "format"))
    reader = await wiring.callers.reader(caller, parameters.whole("min_position") or 0)
    form = parameters.text("format") or "beancount"
    if form not in _WRITERS:
        raise FormatUnknown(known=", ".join(_WRITERS))
    when = await times(wiring, reader, parameters, effective=True)
    programme_id = request.path_params["programme_id"]
    store = await wiring.parts.stores(reader.caller.log_id)
    topics = (ProgrammeAnnounced.TOPIC, *(kind.TOPIC for kind in MONEY_FACTS))
    page = await store.read([Item(topics, (tag(ProgrammeId, programme_id),))], until=when.at_position)
    if not page.events or not reader.reads_for_office(tag(ProgrammeId, programme_id)):
        raise NotFound
    position = page.head if when.at_position is None else when.at_position
    books = BooksOf(programme_id, position, when.effective_on, language(headers.all("Accept-Language")))
    text = books_text(form, reader, books, page.events)
    name = f"{programme_id}{'-simulated' if reader.institution.simulated else ''}.{BOOK_FORMS[form]}"
    fields = {
        "X-Position": str(position),
        "Content-Disposition": f'attachment; filename="{name}"',
        "Vary": "Authorization, Accept-Language",
    }
    return Response(text.encode(), headers=fields, media_type=_WRITERS[form][1])


def _booked(lines: Iterable[BookLine]) -> list[Booking]:
    return [
        Booking(
            day=line.day,
            what=line.fact,
            debit=line.debit,
            credit=line.credit,
            amount_fen=line.amount_fen,
            meta={
                "position": line.position,
                "line": line.line,
                **({} if line.occurred_on is None else {"occurred": line.occurred_on.isoformat()}),
            },
        )
        for line in lines
    ]


def _heading(reader: Reader, books: BooksOf) -> Heading:
    title, of_institution, of_position, of_day, of_rules, simulated = _WORDS[books.spoken]
    told = [
        (of_institution, reader.institution.institution_id),
        (of_position, str(books.position)),
        *([] if books.last_day is None else [(of_day, books.last_day.isoformat())]),
        (of_rules, str(books.rules_version)),
        *([(simulated, "true")] if reader.institution.simulated else []),
    ]
    return Heading(title=f"{title} {books.programme_id}", lines=told)


BOOKS: Final = Own(
    method="GET",
    path="/v1/programmes/{programme_id}/books",
    answer=_books,
    operation="read_books",
    en="Every entry of the books as a journal that beancount or hledger adds up by itself, in whole fen.",
    zh="账簿全部分录,以 beancount 或 hledger 日记账格式输出,金额以分计,可由其自行核算。",
    parameters=(
        Parameter(name="min_position", en="At least at this position", zh="至少反映至该位置", type=int),
        Parameter(name="at_position", en="As it stood there", zh="该位置时的状态", type=int),
        Parameter(name="as_of", en="As recorded by then", zh="截至此刻的记录"),
        Parameter(name="effective_on", en="Entries up to that day", zh="截至该日的分录"),
        Parameter(name="format", en="beancount (the default) or hledger", zh="beancount(默认)或 hledger"),
    ),
    gives=("text",),
    refusals=(404, 406, 503),
)  # fmt: skip
