"""What can have happened to persons and their appointments."""

from datetime import date
from typing import Annotated, Literal

from domain.ids import AppointmentId, InstitutionId, PersonId, UnitId
from domain.kernel import Digest, Event, office, restricted

Role = Literal[
    "administrator",
    "clerk",
    "head",
    "nominator",
    "applicant",
    "secretary",
    "adviser",
    "reviewer",
    "finance",
    "supervisor",
    "auditor",
    "service",
]
"""administrator: appoints and keeps the tree; clerk and head: the office that runs programmes; nominator: the committee
of a parent unit; applicant: a unit's own hand; secretary and adviser: who answers for a unit and who advises
it, from a day to a day; service: scheduler, automations and imports."""
Service = Literal["schedule", "automation", "import"]


class PersonRegistered(Event):
    """A person was registered; name and contact lie in the vault under this commitment.
    zh: 人员登记;姓名与联系方式封存于保险库,并以承诺值对应。
    """

    TOPIC = "person.registered.v1"
    person_id: Annotated[PersonId, office("Person", "人员")]
    commitment: Annotated[Digest, restricted("Commitment to the sealed details", "封存信息的承诺值")]


class PersonDetailsReplaced(Event):
    """The sealed details of a person were replaced.
    zh: 人员的封存信息已更换。
    """

    TOPIC = "person.details_replaced.v1"
    person_id: Annotated[PersonId, office("Person", "人员")]
    commitment: Annotated[Digest, restricted("Commitment to the sealed details", "封存信息的承诺值")]


class ServiceRegistered(Event):
    """A service identity was registered: it acts by schedule, automation or import, never as a person.
    zh: 服务身份登记:按日程、自动规则或导入行事,不代表个人。
    """

    TOPIC = "person.service_registered.v1"
    person_id: Annotated[PersonId, office("Service identity", "服务身份")]
    service: Annotated[Service, office("Service", "服务")]


class Appointed(Event):
    """A person was appointed to a role, either at a unit or at the whole institution, from a day on.
    zh: 任命:某人自某日起在某单位(或全机构)担任某角色。
    """

    TOPIC = "person.appointed.v1"
    appointment_id: Annotated[AppointmentId, office("Appointment", "任命")]
    person_id: Annotated[PersonId, office("Person", "人员")]
    role: Annotated[Role, office("Role", "角色")]
    institution_id: Annotated[InstitutionId | None, office("Institution (none: at a unit)", "机构(空为在单位)")] = None
    unit_id: Annotated[UnitId | None, office("Unit (none: the whole institution)", "单位(空为全机构)")] = None
    first_day: Annotated[date, office("First day", "起始日")]
    last_day: Annotated[date | None, office("Last day", "截止日")] = None


class AppointmentEnded(Event):
    """An appointment was ended; the day named is the last on which it holds.
    zh: 任命终止;所列日期为其最后有效日。
    """

    TOPIC = "person.appointment_ended.v1"
    appointment_id: Annotated[AppointmentId, office("Appointment", "任命")]
    person_id: Annotated[PersonId, office("Person", "人员")]
    institution_id: Annotated[InstitutionId | None, office("Institution (none: at a unit)", "机构(空为在单位)")] = None
    unit_id: Annotated[UnitId | None, office("Unit (none: the whole institution)", "单位(空为全机构)")] = None
    last_day: Annotated[date, office("Last day", "截止日")]
