"""Accountability over HTTP: findings and their hearing, measures and appeals, and referrals, which few may read."""

from __future__ import annotations

from typing import Final

import msgspec

from api.acts import Wiring, address_of
from api.callers import Reader
from api.problems import NotFound
from api.reads import finished
from api.requests import Headers, Parameters
from api.routes import Act, AnyRequest, AnyResponse, Own, Page, Row, Rows
from domain.accountability.appeal import DismissAppeal, LodgeAppeal, UpholdAppeal, WithdrawAppeal
from domain.accountability.commands import (
    DefineAccountabilityRule,
    DropFinding,
    NotifyFinding,
    ReceiveStatement,
    RecordFinding,
    WaiveHearing,
)
from domain.accountability.measure import DecideMeasure, EndMeasure, IssueCircular, LiftMeasure
from domain.accountability.referral import NotifyReferralOutcome, ReferMatter
from domain.accountability.succession import PassQuotaCut
from domain.kernel import Command, tags_of
from domain.person.events import Role
from projections.accountability import ACCOUNTABILITY_RULE, FINDING, MEASURE, REFERRAL, ReferralRow

BY_SCHEDULE: tuple[type[Command], ...] = (EndMeasure,)
"""What only the schedule asks for."""

READ_REFERRALS: Final[tuple[Role, ...]] = ("head", "supervisor")
"""Who may read what was referred to the body of discipline, both at the whole institution."""


class Referrals(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was referred, the newest first."""

    items: tuple[ReferralRow, ...]
    position: int
    simulated: bool = False


def _knows_referrals(reader: Reader) -> bool:
    """Whether the caller may know of any referral: by office, or by an engagement that opens sealed material."""
    if reader.grant is not None:
        return reader.grant.sealed
    return any(reader.holds(role) for role in READ_REFERRALS)


async def _referrals(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """Every referral, for those few who may know of any; each reading is journalled before an answer leaves."""
    headers = Headers(request.scope["headers"])
    caller = await wiring.callers.reading(headers, address_of(request))
    wanted = Parameters(request.scope["query_string"], ("min_position",)).whole("min_position") or 0
    reader = await wiring.callers.reader(caller, wanted)
    if not _knows_referrals(reader):
        raise NotFound
    rows: list[ReferralRow] = []
    cursor: str | None = None
    while True:
        page = await wiring.views.list(
            caller.log_id, REFERRAL, sort="-referred_on", cursor=cursor, min_position=wanted if cursor is None else 0
        )
        rows += (row for row in page.rows if reader.grant is None or reader.grant.covers(tags_of(row)))
        cursor = page.next
        if cursor is None:
            break
    await wiring.parts.access.record(
        caller.log_id,
        actor_id=caller.person_id,
        token_id=caller.token_id,
        act="GET /v1/referrals",
        what="referrals",
        outcome="read",
    )
    found = Referrals(items=tuple(rows), position=page.position, simulated=reader.institution.simulated)
    return finished(found, page.position, headers)


PAGE = Page(
    "accountability",
    "Accountability",
    "追责问责",
    (
        Act(path="/v1/programmes/{programme_id}/accountability-rule", command=DefineAccountabilityRule),
        Act(path="/v1/findings", command=RecordFinding, makes="finding_id"),
        Act(path="/v1/findings/{finding_id}/notify", command=NotifyFinding),
        Act(path="/v1/findings/{finding_id}/statements", command=ReceiveStatement),
        Act(path="/v1/findings/{finding_id}/waive", command=WaiveHearing),
        Act(path="/v1/findings/{finding_id}/drop", command=DropFinding),
        Act(
            path="/v1/findings/{finding_id}/measures",
            command=DecideMeasure,
            makes="measure_id",
            subject="measure_id",
        ),
        Act(path="/v1/findings/{finding_id}/refer", command=ReferMatter, makes="measure_id", subject="finding_id"),
        Act(path="/v1/referrals/{measure_id}/outcome", command=NotifyReferralOutcome),
        Act(path="/v1/measures/{measure_id}/circular", command=IssueCircular),
        Act(path="/v1/measures/{measure_id}/appeal", command=LodgeAppeal),
        Act(path="/v1/measures/{measure_id}/uphold", command=UpholdAppeal),
        Act(path="/v1/measures/{measure_id}/dismiss", command=DismissAppeal),
        Act(path="/v1/measures/{measure_id}/withdraw-appeal", command=WithdrawAppeal),
        Act(path="/v1/measures/{measure_id}/lift", command=LiftMeasure),
        Act(path="/v1/measures/{measure_id}/pass", command=PassQuotaCut),
        Row(
            path="/v1/programmes/{programme_id}/accountability-rule",
            view=ACCOUNTABILITY_RULE,
            version_of="programme",
        ),
        Rows(path="/v1/findings", view=FINDING),
        Row(path="/v1/findings/{finding_id}", view=FINDING, version_of="finding"),
        Rows(path="/v1/measures", view=MEASURE),
        Row(path="/v1/measures/{measure_id}", view=MEASURE, version_of="measure"),
        Own(
            method="GET",
            path="/v1/referrals",
            answer=_referrals,
            operation="list_referrals",
            en="What was referred to the body of discipline, the newest first; for head and supervisor, journalled.",
            zh="已移送纪律机构的事项,最新者在前;限主管部门负责人与监督人员,读取均记入访问日志。",
            result=Referrals,
            refusals=(404,),
        ),
    ),
)
