"""Who plays: an invented university's units, its people and their offices. No unit and no person here is real."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import NAMESPACE_URL, uuid5

__all__ = [
    "ADMINISTRATOR",
    "APPLICANTS",
    "BUDGET_OF_BRANCH",
    "INSTITUTION",
    "PEOPLE",
    "REVIEWERS",
    "STARTS_AT",
    "UNITS",
    "Applicant",
    "Person",
    "Unit",
    "person_id",
]

INSTITUTION: Final = {"institution_id": "example-university", "name_zh": "示例理工学院", "name_en": "Example Institute"}
STARTS_AT: Final = "2020-05-09T16:36:00+08:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit of the tree, with the day it was founded and the file its founding was taken from."""

    unit_id: str
    kind: str
    name_zh: str
    name_en: str
    parent: str | None
    founded_on: str
    traits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person with one office; the name is invented and goes into the vault."""

    code: str
    name: str
    role: str
    unit_id: str | None
    en: str
    zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """A unit that prepares an application, the hand that writes it, and who is to put it forward."""

    unit_id: str
    track: str
    hand: str
    nominator: str
    nominator_unit_id: str
    aside: bool
    """Whether it is beside the programme: prepared as the others are, to be refused in the end."""
    budget_yuan: tuple[tuple[int, int, int], ...]
    """Lines by the number of the category and of the year, as the form and the track list them."""

    @property
    def application_id(self) -> str:
        """One application per unit."""
        return f"2020-{self.unit_id}"


def person_id(code: str) -> str:
    """The pseudonym under which a person of the story is on record."""
    return str(uuid5(NAMESPACE_URL, f"biaogan:demo:{code}"))


UNITS: Final = (
    Unit(
        unit_id="PC",
        kind="party_committee",
        name_zh="中共示例理工学院委员会",
        name_en="Party Committee of the Example Institute",
        parent=None,
        founded_on="2012-06-01",
    ),
    Unit(
        unit_id="PBO",
        kind="office",
        name_zh="党委组织部(党建办)",
        name_en="Organisation Department (Party-building office)",
        parent="PC",
        founded_on="2012-09-01",
    ),
    Unit(
        unit_id="OUC",
        kind="party_committee",
        name_zh="机关党委",
        name_en="Party Committee of the Office Units",
        parent="PC",
        founded_on="2013-03-01",
        traits=("office_units",),
    ),
    Unit(
        unit_id="COL-A",
        kind="general_branch",
        name_zh="信息工程学院党总支",
        name_en="General Branch of Information Engineering",
        parent="PC",
        founded_on="2013-09-01",
        traits=("enrolling",),
    ),
    Unit(
        unit_id="COL-B",
        kind="general_branch",
        name_zh="机械工程学院党总支",
        name_en="General Branch of Mechanical Engineering",
        parent="PC",
        founded_on="2013-09-01",
        traits=("enrolling",),
    ),
    Unit(
        unit_id="COL-C",
        kind="general_branch",
        name_zh="土木工程学院党总支",
        name_en="General Branch of Civil Engineering",
        parent="PC",
        founded_on="2014-09-01",
        traits=("enrolling",),
    ),
    Unit(
        unit_id="COL-D",
        kind="general_branch",
        name_zh="化学工程学院党总支",
        name_en="General Branch of Chemical Engineering",
        parent="PC",
        founded_on="2014-09-01",
        traits=("enrolling",),
    ),
    Unit(
        unit_id="COL-E",
        kind="general_branch",
        name_zh="经济管理学院党总支",
        name_en="General Branch of Economics",
        parent="PC",
        founded_on="2015-09-01",
        traits=("enrolling",),
    ),
    Unit(
        unit_id="BR-1",
        kind="branch",
        name_zh="机械设计系教工党支部",
        name_en="Staff Branch of Mechanical Design",
        parent="COL-B",
        founded_on="2014-03-01",
        traits=("staff_branch",),
    ),
    Unit(
        unit_id="BR-2",
        kind="branch",
        name_zh="土木工程本科生第一党支部",
        name_en="First Student Branch of Civil Engineering",
        parent="COL-C",
        founded_on="2017-09-01",
        traits=("student_branch",),
    ),
    Unit(
        unit_id="BR-3",
        kind="branch",
        name_zh="教务处党支部",
        name_en="Branch of the Academic Affairs Office",
        parent="OUC",
        founded_on="2018-04-01",
        traits=("office_branch",),
    ),
    Unit(
        unit_id="BR-4",
        kind="branch",
        name_zh="图书馆党支部",
        name_en="Branch of the Library",
        parent="OUC",
        founded_on="2013-06-01",
        traits=("office_branch",),
    ),
    Unit(
        unit_id="BR-5",
        kind="branch",
        name_zh="后勤处党支部",
        name_en="Branch of the Logistics Office",
        parent="OUC",
        founded_on="2013-06-01",
        traits=("office_branch",),
    ),
    Unit(
        unit_id="BR-6",
        kind="branch",
        name_zh="化学工程研究生党支部",
        name_en="Postgraduate Branch of Chemical Engineering",
        parent="COL-D",
        founded_on="2018-10-01",
        traits=("student_branch",),
    ),
    Unit(
        unit_id="BR-7",
        kind="branch",
        name_zh="会计系教工党支部",
        name_en="Staff Branch of Accounting",
        parent="COL-E",
        founded_on="2015-10-01",
        traits=("staff_branch",),
    ),
)


def _person(code: str, name: str, role: str, unit_id: str | None, told: tuple[str, str]) -> Person:
    return Person(code=code, name=name, role=role, unit_id=unit_id, en=told[0], zh=told[1])


ADMINISTRATOR: Final = _person("administrator", "管理员甲", "administrator", None, ("administrator", "管理员"))
REVIEWERS: Final = ("R1", "R2", "R3", "R4", "R5")
"""The codes of the seats; who sits there is on no list but this one, which a real office does not publish."""
PEOPLE: Final = (
    _person("clerk", "陈示例", "clerk", None, ("office clerk", "党建办经办人")),
    _person("head", "王示例", "head", None, ("head of the office", "党建办负责人")),
    _person("finance", "钱示例", "finance", None, ("finance officer", "财务人员")),
    _person("auditor", "赵示例", "auditor", None, ("auditor", "审计人员")),
    _person("supervisor", "孙示例", "supervisor", None, ("supervisor", "监督人员")),
    *(
        _person(f"reviewer-{code}", f"{name}专家", "reviewer", None, (f"reviewer {code}", f"评审专家 {code}"))
        for code, name in zip(REVIEWERS, ("何", "吕", "施", "张", "孔"), strict=True)
    ),
    *(
        _person(
            f"nominator-{unit_id}", f"{name}示例", "nominator", unit_id, (f"committee of {unit_id}", f"{zh}党务负责人")
        )
        for unit_id, name, zh in (
            ("OUC", "周", "机关党委"),
            ("COL-A", "吴", "信息学院"),
            ("COL-B", "郑", "机械学院"),
            ("COL-C", "冯", "土木学院"),
            ("COL-D", "褚", "化工学院"),
            ("COL-E", "卫", "经管学院"),
        )
    ),
    *(
        _person(f"hand-{unit_id}", f"{name}示范", "applicant", unit_id, (f"hand of {unit_id}", f"{unit_id} 经办人"))
        for unit_id, name in (
            ("COL-A", "蒋"),
            ("BR-1", "沈"),
            ("BR-2", "韩"),
            ("BR-3", "杨"),
            ("BR-4", "朱"),
            ("BR-5", "秦"),
            ("BR-6", "尤"),
            ("BR-7", "许"),
        )
    ),
    *(
        _person(
            f"secretary-{unit_id}", f"{name}示例", "secretary", unit_id, (f"secretary of {unit_id}", f"{unit_id} 书记")
        )
        for unit_id, name in (("COL-A", "金"), ("BR-1", "魏"), ("BR-2", "陶"), ("BR-3", "姜"))
    ),
    _person("second-head", "戚示例", "head", None, ("second head of the office", "党建办另一负责人")),
)
"""Whoever decides, vets and files is another person than whoever prepares; a general branch has two people for it.

A second head decides on what is appealed, since nobody decides on an appeal against their own decision.
"""

_COLLEGE_BUDGET: Final = ((0, 0, 12_000), (1, 0, 13_000), (0, 1, 12_000), (1, 1, 13_000))
BUDGET_OF_BRANCH: Final = ((0, 0, 5_000), (1, 0, 5_000), (0, 1, 5_000), (1, 1, 5_000))
_FIRST_YEAR_ONLY: Final = BUDGET_OF_BRANCH[:2]


def _applicant(unit_id: str, nominator_unit_id: str, *, aside: bool = False) -> Applicant:
    college = unit_id == nominator_unit_id
    return Applicant(
        unit_id=unit_id,
        track="college" if college else "branch",
        hand=f"hand-{unit_id}",
        nominator=f"nominator-{nominator_unit_id}",
        nominator_unit_id=nominator_unit_id,
        aside=aside,
        # BR-3 leaves out the second year, and will have to correct it.
        budget_yuan=_COLLEGE_BUDGET if college else _FIRST_YEAR_ONLY if unit_id == "BR-3" else BUDGET_OF_BRANCH,
    )


APPLICANTS: Final = (
    _applicant("COL-A", "COL-A"),
    _applicant("BR-1", "COL-B"),
    _applicant("BR-2", "COL-C"),
    _applicant("BR-3", "OUC"),
    _applicant("BR-4", "OUC"),
    _applicant("BR-5", "OUC", aside=True),
    _applicant("BR-6", "COL-D", aside=True),
    _applicant("BR-7", "COL-E", aside=True),
)
"""Five who file; beside them one too many for its committee, one too young, and one under a parent with an incident."""
