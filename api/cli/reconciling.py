"""The reconciliation of a programme's books over HTTP: what is told twice must be told alike."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from api.cli.reaching import Remote, in_path
from domain.funding.events import Account
from projections.funding import by_stage

__all__ = ["Reconciled", "at_programme", "query", "reconciled", "shown"]

_LONGEST_PAGE: Final = 200


def query(**given: Any) -> str:  # noqa: ANN401 - Options of any type.
    """Options as the parameters of a request."""
    told = {
        name: value.date().isoformat() if isinstance(value, datetime) else value
        for name, value in given.items()
        if value is not None
    }
    return f"?{urlencode(told)}" if told else ""


def at_programme(programme_id: str, *parts: str) -> str:
    """The path of something of a programme."""
    return "/".join(("/v1/programmes", in_path(programme_id), *map(in_path, parts)))


def shown(column: str, value: object) -> str:
    """An amount in yuan, anything else as it is."""
    if column.endswith("_fen") and isinstance(value, int):
        sign, fen = "-" if value < 0 else "", abs(value)
        return f"{sign}{fen // 100:,}.{fen % 100:02}"
    return str(value)


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared, at which position, and what differs."""

    programme_id: str
    position: int
    sums: int
    closed_periods: int
    published_ledgers: int
    differences: tuple[str, ...]


def reconciled(server: Remote, programme_id: str, progress: Callable[[int, int], None]) -> Reconciled:
    """Compare the two books, the balances that are shown, each closed period and each published ledger."""
    books = server.get(at_programme(programme_id, "statements", "reconciliation"))
    position = books["selected"]["position"]
    periods = _all(server, at_programme(programme_id, "periods"), min_position=position)
    ledgers = _all(server, at_programme(programme_id, "ledgers"), min_position=position)
    closed, published = _comparable(periods), [each for each in ledgers if each["files"]]
    found = [*_books_otherwise(books), *_shown_otherwise(server, programme_id, position)]
    rest: list[tuple[Callable[..., Iterator[str]], dict[str, Any]]] = [
        *((_closed_otherwise, each) for each in closed),
        *((_published_otherwise, each) for each in published),
    ]
    for done, (compare, each) in enumerate(rest, start=1):
        found += compare(server, programme_id, each)
        progress(done, len(rest))
    return Reconciled(
        programme_id=programme_id,
        position=position,
        sums=len(books["rows"]),
        closed_periods=len(closed),
        published_ledgers=len(published),
        differences=tuple(found),
    )


def _books_otherwise(books: Mapping[str, Any]) -> Iterator[str]:
    return (
        f"book B and book F differ · 两套账不符: {row['row']}: {shown('_fen', row['difference_fen'])}"
        for row in books["rows"]
        if row["difference_fen"]
    )


def _all(server: Remote, path: str, **asked: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - Parameters of any type.
    """Every row of a list, page by page."""
    cursor = None
    while True:
        page = server.get(path + query(**asked, limit=_LONGEST_PAGE, cursor=cursor))
        yield from page["items"]
        cursor = page["next"]
        if cursor is None:
            return


def _shown_otherwise(server: Remote, programme_id: str, position: int) -> Iterator[str]:
    """Where the balances that are shown are not those that the books have, at the same position."""
    trial = server.get(at_programme(programme_id, "statements", "trial_balance") + query(at_position=position))
    accounts = [
        (msgspec.convert({"code": row["account"], **_account(row)}, Account), row["amount_fen"])
        for row in trial["rows"]
    ]
    ours = by_stage(accounts)
    at = {"programme_id": programme_id, "at_position": position, "min_position": position}
    told = {(row["whose"], row["source"], row["year"]): row for row in _all(server, "/v1/balances", **at)}
    for key in sorted({*ours, *told}):
        there, row = ours.get(key, {}), told.get(key, {})
        kept = {name for name, value in row.items() if name.endswith("_fen") and name != "given_fen" and value}
        for column in sorted({*there, *kept}):
            if there.get(column, 0) != row.get(column, 0):
                yield (
                    f"the balances say otherwise · 余额视图不符: {'/'.join(map(str, key))} {column}:"
                    f" {shown('_fen', row.get(column, 0))}, books · 账簿 {shown('_fen', there.get(column, 0))}"
                )


def _account(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in Account.__struct_fields__ if name != "code"}


def _comparable(periods: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The closed periods whose trial balance is made anew: by the rules of the first that was closed up to a day.

    What was closed up to the same day under other rules has a trial balance of its own, which its ledger is held to.
    """
    first: dict[str, dict[str, Any]] = {}
    found = []
    for period in sorted(periods, key=lambda row: row["position"]):
        of_day = first.setdefault(period["last_day"], period)
        if of_day["rules_version"] == period["rules_version"]:
            found.append(period)
    return found


def _closed_otherwise(server: Remote, programme_id: str, period: Mapping[str, Any]) -> Iterator[str]:
    """Where the trial balance of a closed period, made anew, is not the one that its close recorded."""
    path = at_programme(programme_id, "periods", period["last_day"], "trial-balance")
    again = io.BytesIO()
    server.save(path + query(format="csv"), again)
    digest = hashlib.sha256(again.getvalue()).hexdigest()
    if digest != period["trial_balance_digest"]:
        yield (
            f"the closed {period['period']} up to {period['last_day']} does not come out again · 已结账期间无法复现:"
            f" {digest}, recorded · 所记录 {period['trial_balance_digest']}"
        )


def _published_otherwise(server: Remote, programme_id: str, ledger: Mapping[str, Any]) -> Iterator[str]:
    """Which files of a published ledger are not what was recorded, as they are kept or as they come out again."""
    found = server.get(at_programme(programme_id, "ledgers", ledger["period"], ledger["last_day"], "verification"))
    for file in found["files"]:
        if not file["holds"]:
            yield (
                f"the ledger of the {ledger['period']} up to {ledger['last_day']} · 账册文件不符: {file['name']}:"
                f" recorded · 所记录 {file['recorded_digest']}, kept · 所存 {file['kept_digest'] or '–'},"
                f" again · 重算 {file['recomputed_digest'] or '–'}"
            )
