"""Audit over HTTP: engagements and what was asked under them, findings and answers, legal holds."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from api.acts import Wiring, address_of
from api.problems import NotFound
from api.reads import finished
from api.requests import Headers, Parameters
from api.routes import Act, AnyRequest, AnyResponse, Own, Page, Parameter, Row, Rows
from domain.audit.certificate import CertifyReplay
from domain.audit.engagement import EndEngagement, OpenEngagement
from domain.audit.finding import AnswerAuditFinding, CloseAuditFinding, RecordAuditFinding
from domain.audit.hold import LiftLegalHold, PlaceLegalHold
from domain.ids import EngagementId, tag
from domain.kernel import Command
from projections.audit import AUDIT_FINDING, CERTIFICATE, ENGAGEMENT, LEGAL_HOLD, SIGNING_KEY

BY_SCHEDULE: tuple[type[Command], ...] = (CertifyReplay,)
"""What only the schedule asks for."""

_MOST: Final = 1000
_USUAL: Final = 100
_ENGAGEMENT: Final = "/v1/audit-engagements/{engagement_id}"
_FINDING: Final = f"{_ENGAGEMENT}/findings/{{audit_finding_id}}"


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was asked under an engagement, as the access journal has it."""

    seq: int
    at: datetime
    actor_id: str
    what: str
    outcome: str


class Queries(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A stretch of what was asked under an engagement; go on after ``next_after``."""

    items: tuple[Query, ...]
    next_after: int
    position: int
    simulated: bool = False


async def _queries(wiring: Wiring, request: AnyRequest) -> AnyResponse:
    """What was asked under an engagement, for the office that opened it; the journal keeps the server's own time."""
    headers = Headers(request.scope["headers"])
    reader = await wiring.callers.reader(await wiring.callers.reading(headers, address_of(request)))
    parameters = Parameters(request.scope["query_string"], ("after", "limit"))
    after, limit = parameters.whole("after") or 0, parameters.whole("limit", 1, _MOST) or _USUAL
    log_id, engagement_id = reader.caller.log_id, request.path_params["engagement_id"]
    found = await wiring.views.get(log_id, ENGAGEMENT, (engagement_id,))
    if found.row is None or not reader.reads_for_office(tag(EngagementId, engagement_id)):
        raise NotFound
    asked = await wiring.parts.access.queries(log_id, tag(EngagementId, engagement_id), after, limit)
    items = tuple(Query(seq=q.seq, at=q.at, actor_id=q.actor_id, what=q.what, outcome=q.outcome) for q in asked)
    queries = Queries(
        items=items,
        next_after=items[-1].seq if items else after,
        position=found.position,
        simulated=reader.institution.simulated,
    )
    return finished(queries, found.position, headers)


PAGE = Page(
    "audit",
    "Audit",
    "审计",
    (
        Act(path="/v1/audit-engagements", command=OpenEngagement, makes="engagement_id"),
        Act(path=f"{_ENGAGEMENT}/end", command=EndEngagement),
        Act(
            path=f"{_ENGAGEMENT}/findings",
            command=RecordAuditFinding,
            makes="audit_finding_id",
            subject="audit_finding_id",
        ),
        Act(path=f"{_FINDING}/answer", command=AnswerAuditFinding),
        Act(path=f"{_FINDING}/close", command=CloseAuditFinding),
        Rows(path="/v1/audit-engagements", view=ENGAGEMENT),
        Row(path=_ENGAGEMENT, view=ENGAGEMENT, version_of="engagement"),
        Own(
            method="GET",
            path=f"{_ENGAGEMENT}/queries",
            answer=_queries,
            operation="list_engagement_queries",
            en="What was asked under an engagement, from the access journal; go on after next_after.",
            zh="访问日志中依该审计委托提出的查询;以 next_after 续读。",
            parameters=(
                Parameter(name="after", en="After this line", zh="此行之后", type=int),
                Parameter(name="limit", en="At most so many (1 to 1000)", zh="至多条数(1 至 1000)", type=int),
            ),
            result=Queries,
            refusals=(404, 503),
        ),
        Rows(path="/v1/audit-findings", view=AUDIT_FINDING),
        Row(path="/v1/audit-findings/{audit_finding_id}", view=AUDIT_FINDING, version_of="audit-finding"),
        Rows(path="/v1/audit/certificates", view=CERTIFICATE),
        Act(path="/v1/legal-holds", command=PlaceLegalHold, makes="hold_id"),
        Act(path="/v1/legal-holds/{hold_id}/lift", command=LiftLegalHold),
        Rows(path="/v1/legal-holds", view=LEGAL_HOLD),
        Rows(path="/v1/audit/signing-keys", view=SIGNING_KEY),
        Row(path="/v1/legal-holds/{hold_id}", view=LEGAL_HOLD, version_of="legal-hold"),
    ),
)
