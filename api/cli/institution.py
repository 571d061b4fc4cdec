"""``biaogan institution open``: the one act that no appointment can precede."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import rich_click as click

from api.acts import Wiring
from api.bodies import body_of, fault
from api.callers import SCOPES
from api.cli.reaching import database, opened, run
from api.cli.speaking import USAGE, Stop, answer, as_json
from api.rules import in_chinese
from domain.ids import InstitutionId, PersonId, tag
from domain.institution.commands import InstitutionAlreadyOpen, OpenInstitution
from infra.clock import Institution
from infra.event_store import open_log
from infra.front_door import Ask, Caller, Receipt, service_id
from infra.settings import load

__all__ = ["Opened", "Opening", "institution", "open_institution"]

SERVICES: Final = ("schedule", "automation", "import")
_FIRST_DAYS: Final = 7
_OPTIONS: Final = {
    "institution_id": "the institution's id",
    "name_zh": "--name-zh",
    "name_en": "--name-en",
    "time_zone": "--time-zone",
    "administrator_id": "--administrator-id",
    "details": "--administrator or --contact",
}


@dataclass(frozen=True, kw_only=True)
class Opening:
    """What is fixed for ever when an institution is opened, and its first administrator."""

    institution_id: str
    name_zh: str
    name_en: str
    time_zone: str = "Asia/Shanghai"
    starts_at: datetime | None = None
    administrator_id: str
    details: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An institution that is open, and the token that lets its administrator in once."""

    institution_id: str
    log_id: int
    administrator_id: str
    token: str


async def open_institution(wiring: Wiring, asked: Opening) -> Opened:
    """Record the institution, its first administrator and its services; give the token that works once."""
    clock = "real" if asked.starts_at is None else "simulated"
    values = _values(asked, clock)
    zone = _zone(asked.time_zone)
    parts = wiring.parts
    if any(there.institution_id == asked.institution_id for there in await parts.clock.institutions()):
        raise InstitutionAlreadyOpen(institution_id=asked.institution_id)
    log_id = await open_log(parts.pool, asked.institution_id, clock)
    receipt = await parts.door.ask(
        Ask(
            caller=Caller(log_id=log_id, person_id=asked.administrator_id),
            command=OpenInstitution,
            values=values,
            idempotency_key="open",
            subject=tag(InstitutionId, asked.institution_id),
            sealed_under=tag(PersonId, asked.administrator_id),
            founding=Institution(log_id, asked.institution_id, zone, clock == "simulated", asked.starts_at),
        )
    )
    if not isinstance(receipt, Receipt):
        raise TypeError("an opening is never a dry run")
    scopes = tuple(SCOPES) if clock == "simulated" else tuple(scope for scope in SCOPES if scope != "clock")
    token = await parts.tokens.create(
        log_id, asked.administrator_id, scopes, lifetime=timedelta(days=_FIRST_DAYS), once=True
    )
    return Opened(
        institution_id=asked.institution_id,
        log_id=log_id,
        administrator_id=asked.administrator_id,
        token=token.secret,
    )


def _values(asked: Opening, clock: str) -> dict[str, Any]:
    given: dict[str, Any] = {
        "institution_id": asked.institution_id,
        "name_zh": asked.name_zh,
        "name_en": asked.name_en,
        "time_zone": asked.time_zone,
        "clock": clock,
        "starts_at": asked.starts_at,
        "administrator_id": asked.administrator_id,
        "details": dict(asked.details),
        **{f"{service}_id": service_id(asked.institution_id, service) for service in SERVICES},
    }
    try:
        checked = msgspec.convert(given, body_of(OpenInstitution))
    except msgspec.ValidationError as error:
        broken = fault(error)
        place, rule = str(broken.because["pointer"]), str(broken.because["rule"])
        option = _OPTIONS.get(place.split("/")[1], place)
        raise Stop(f"{option}: {rule}. {option}:{in_chinese(rule)}。", USAGE) from None
    return {name: getattr(checked, name) for name in given}


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise Stop(f"{name} is no time zone. 没有该时区。", USAGE) from None


@click.group()
def institution() -> None:
    """Institutions of this database. · 机构。"""


@institution.command("open")
@click.option("--id", "institution_id", required=True, help="Its id, for ever. · 机构编号,不可更改。")
@click.option("--name-zh", required=True, help="Its name in Chinese. · 中文名称。")
@click.option("--name-en", required=True, help="Its name in English. · 英文名称。")
@click.option("--time-zone", default="Asia/Shanghai", show_default=True, help="Where its days begin. · 时区。")
@click.option(
    "--simulated-from",
    "starts_at",
    metavar="INSTANT",
    help="Open a rehearsal whose clock starts here, as in 2020-05-09T16:36:00+08:00. · 演练机构的时钟起点。",
)
@click.option("--administrator", "name", required=True, help="Name of the first administrator; sealed. · 首任管理员。")
@click.option("--contact", default="", help="How to reach the administrator; sealed. · 联系方式。")
@click.option("--administrator-id", default=None, help="Their pseudonym, where one exists. · 化名编号。")
@as_json
def open_(**asked: Any) -> None:  # noqa: ANN401 - click passes options by name.
    """Open an institution: its first event, its first administrator, and a token that works once. · 开立机构。

    Everything else descends from here. The token is exchanged by `biaogan token exchange`.
    """
    in_json = asked.pop("as_json")
    name, contact, starts_at = asked.pop("name"), asked.pop("contact"), asked.pop("starts_at")
    asked["administrator_id"] = asked["administrator_id"] or str(uuid4())
    opening = Opening(
        starts_at=None if starts_at is None else instant(starts_at),
        details={"name": name, **({"contact": contact} if contact else {})},
        **asked,
    )
    settings = load()
    with database(settings) as urls:

        async def work() -> Opened:
            async with opened(settings, urls) as wiring:
                return await open_institution(wiring, opening)

        found = run(work())
    answer(
        found,
        (
            f"institution    {found.institution_id}",
            f"administrator  {found.administrator_id}",
            f"token (once)   {found.token}",
        ),
        as_json=in_json,
    )


def instant(text: str) -> datetime:
    """An instant with its offset."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Stop(f"{text} is no instant with its offset, as in 2020-05-09T16:36:00+08:00. 不是带时差的时刻。", USAGE)
    return found
