"""The permission table, exhaustively: every command by every role in every state; and the day's root of the journal."""

import functools
import json
import os
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from domain.eligibility.commands import WaiveRule
from domain.ids import AppointmentId, CalendarYear, InstitutionId, PersonId, UnitId
from domain.kernel import Command, Event, Invalid, known, sentences
from domain.permission.audiences import audiences, audiences_engaged
from domain.permission.commands import AccessDayAlreadyRecorded, RecordAccessDay
from domain.permission.events import AccessDayRecorded
from domain.permission.policy import (
    ACTS,
    ANY_STATE,
    BESIDE_ROLES,
    FOUNDING,
    NOT_ON_RECORD,
    ROLE_TITLES,
    TABLE,
    NotInThisState,
    NotPermitted,
    Permission,
    ReasonMissing,
    act_of,
    appointments_of,
    authorise,
    is_standing,
    require_reason,
    standing,
)
from domain.person.commands import RegisterPerson
from domain.person.events import Appointed, AppointmentEnded, PersonRegistered, Role
from domain.person.policy import PLACES, Appointments
from tests.spec import INSTITUTION, given, recorded

MATRIX = Path(__file__).parent / "contracts" / "permissions.json"
ACCEPT = "BIAOGAN_ACCEPT_PERMISSIONS"
TODAY = date(2020, 5, 20)
DAY = timedelta(days=1)
LI = PersonId("00000000-0000-0000-0000-00000000000a")
WANG = PersonId("00000000-0000-0000-0000-00000000000b")
UNIT, PARENT = UnitId("BR-1"), UnitId("COL-A")
ENGAGEMENT = "engagement:E-1"
ROLES: tuple[Role, ...] = get_args(Role)
NEVER_ROWED = {"open", "withdrawn", "rejected", ANY_STATE, NOT_ON_RECORD}
"""States in which no row lets anybody act, the absence of one, and the absence of the subject."""
STATES = sorted({state for row in TABLE for state in row.states} | NEVER_ROWED)
UNIT_ATTRIBUTES = sorted({row.at for row in TABLE if row.at})


def appointed(role: Role, unit_id: UnitId | None, number: str = "A1", **changes: Any) -> Appointed:
    fields: dict[str, Any] = {"first_day": TODAY - DAY, "person_id": LI, **changes}
    return Appointed(
        appointment_id=AppointmentId(number),
        role=role,
        institution_id=None if unit_id else INSTITUTION,
        unit_id=unit_id,
        **fields,
    )


def holding(*events: Appointed | AppointmentEnded) -> Appointments:
    appointments = Appointments()
    for event in events:
        appointments.take(event)
    return appointments


@functools.cache
def stand_in(name: str) -> type[Command]:
    """A stand-in of a command: the table knows it by name, its state, and the units it concerns."""

    class StandIn(Command):
        """Something asked.
        zh: 某项请求。
        """

        stands: str = known(ANY_STATE)
        engaged: str | None = known()
        unit_id: UnitId | None = known()
        owner_unit_id: UnitId | None = known()
        nominator_unit_id: UnitId | None = known()

        @property
        def state(self) -> str:
            return self.stands

    StandIn.__name__ = name
    return StandIn


def asking(name: str, state: str = ANY_STATE, **known_of: str | None) -> Command:
    command = stand_in(name)()
    for attribute, value in {"stands": state, **known_of}.items():
        setattr(command, attribute, value)
    return command


def answer(name: str, role: Role | None, at: str, state: str, engaged: str | None = None) -> str:
    """What the table answers to a role held where an attribute of the command says, or at the whole institution."""
    where: dict[str, str] = {attribute: f"{attribute}-X" for attribute in UNIT_ATTRIBUTES}
    held = holding() if role is None else holding(appointed(role, UnitId(where[at]) if at else None))
    try:
        authorise(asking(name, state, engaged=engaged, **where), held, TODAY)
    except NotPermitted:
        return "denied"
    except NotInThisState:
        return "state"
    return "yes"


def matrix() -> dict[str, dict[str, list[str]]]:
    """Every command by every role at every place, and by nobody: the states in which it is permitted, if there are any.

    What nobody in particular may do is the founder's, and no role adds to it or takes from it.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for act in ACTS:
        rows = found.setdefault(act.command, {})
        by_nobody = permitted_states(act.command, None, "")
        if by_nobody:
            rows["founder"] = by_nobody
        if (permitted := permitted_states(act.command, None, "", ENGAGEMENT)) != by_nobody:
            rows["engaged"] = permitted
        for role in ROLES:
            for at in ("", *UNIT_ATTRIBUTES):
                permitted = permitted_states(act.command, role, at)
                if permitted != by_nobody:
                    rows[f"{role} at {at}" if at else role] = permitted
    return found


def permitted_states(name: str, role: Role | None, at: str, engaged: str | None = None) -> list[str]:
    answers = {state: answer(name, role, at, state, engaged) for state in STATES}
    assert len(set(answers.values()) & {"denied", "yes"}) == 1, "whether a role will do does not depend on the state"
    return [state for state, said in answers.items() if said == "yes"]


def as_text(found: dict[str, dict[str, list[str]]]) -> str:
    """One line for each role of a command, so that a change of the law is read in a comparison."""
    parts = []
    for name, rows in found.items():
        lines = [f"  {json.dumps(who)}: {json.dumps(states)}" for who, states in rows.items()]
        parts.append(f" {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def test_every_command_by_every_role_in_every_state_is_as_it_was_agreed() -> None:
    found = matrix()
    if os.environ.get(ACCEPT):
        MATRIX.write_text(as_text(found), encoding="utf-8")
    agreed = json.loads(MATRIX.read_text(encoding="utf-8"))
    changed = {name for name in agreed.keys() | found.keys() if agreed.get(name) != found.get(name)}
    assert not changed, f"the law changed for {sorted(changed)}; if it was meant, run once with {ACCEPT}=1 and review"


def test_the_agreed_matrix_is_written_by_the_rows_and_by_nothing_else() -> None:
    """Read the rows of the table directly, without asking ``authorise``."""
    agreed = json.loads(MATRIX.read_text(encoding="utf-8"))
    for act in ACTS:
        expected: dict[str, list[str]] = {}
        for row in act.permissions:
            states = STATES if ANY_STATE in row.states else sorted({*row.states, NOT_ON_RECORD})
            expected[f"{row.role} at {row.at}" if row.at else row.role] = states
        assert agreed[act.command] == expected, act.command


def commands() -> list[type[Command]]:
    found: list[type[Command]] = []
    for path in sorted((Path(__file__).parent.parent / "domain").glob("*/commands.py")):
        found += import_module(f"domain.{path.parent.name}.commands").COMMANDS
    return found


def test_every_command_has_its_row_and_names_a_unit_it_knows() -> None:
    assert len({act.command for act in ACTS}) == len(ACTS)
    assert {row.command for row in TABLE} == {act.command for act in ACTS}
    for command in commands():
        for row in act_of(command).permissions:
            assert not row.at or row.at in vars(command)["__dataclass_fields__"] or hasattr(command, row.at), row


def test_what_is_read_page_by_page_takes_no_earlier_day() -> None:
    """The door would have to know the first fact of its subject, of which it keeps nothing."""
    paged = [command for command in commands() if command.READS_AT_MOST is None]
    assert paged
    assert not any(act_of(command).backdatable for command in paged)


def test_a_row_stands_only_where_its_role_can_be_held() -> None:
    for row in TABLE:
        if row.role not in BESIDE_ROLES:
            role: Role = row.role  # type: ignore[assignment]
            assert PLACES[role] in {"either", "unit" if row.at else "institution"}, row


def test_every_role_has_its_titles_and_a_place() -> None:
    assert set(ROLE_TITLES) == set(PLACES) == set(ROLES)
    assert all(en.isascii() and not zh.isascii() for en, zh in ROLE_TITLES.values())


def test_an_engagement_permits_what_its_row_says_and_is_the_authority() -> None:
    for row in (row for row in TABLE if row.role == "engaged"):
        engaged = asking(row.command, row.states[0], engaged=ENGAGEMENT)
        assert authorise(engaged, holding(), TODAY) == ENGAGEMENT
        with pytest.raises(NotPermitted):
            authorise(asking(row.command, row.states[0]), holding(), TODAY)


def test_an_engagement_opens_what_it_covers_and_sealed_material_only_where_it_says_so() -> None:
    assert audiences_engaged(covered=False, sealed=True) == {"public"}
    assert audiences_engaged(covered=True, sealed=False) == {"public", "subject", "office"}
    assert audiences_engaged(covered=True, sealed=True) == {"public", "subject", "office", "panel", "restricted"}


# --- who holds what --------------------------------------------------------------------------------------------------


BY_OFFICE = [row for row in TABLE if row.role not in BESIDE_ROLES]


@pytest.mark.parametrize("row", BY_OFFICE, ids=lambda r: f"{r.command}-{r.role}")
def test_only_the_appointment_that_holds_today_at_that_place_suffices(row: Permission) -> None:
    role: Role = row.role  # type: ignore[assignment]
    place = UNIT if row.at else None
    command = asking(row.command, row.states[0], **({row.at: UNIT} if row.at else {}))
    assert authorise(command, holding(appointed(role, place, "A7")), TODAY) == "A7"
    ended = AppointmentEnded(appointment_id=AppointmentId("A1"), person_id=LI, last_day=TODAY - DAY)
    never = [
        holding(),
        holding(appointed(role, place, first_day=TODAY + DAY)),
        holding(appointed(role, place, last_day=TODAY - DAY)),
        holding(appointed(role, place), ended),
        holding(appointed(role, PARENT)),
    ]
    if row.at:
        never.append(holding(appointed(role, None)))
    for appointments in never:
        other_rows = [r for r in act_of(type(command)).permissions if r.role == role and r.at != row.at]
        if other_rows and appointments.held(role, None, TODAY):
            continue
        with pytest.raises(NotPermitted):
            authorise(command, appointments, TODAY)


@drawn(
    st.sampled_from(BY_OFFICE),
    st.lists(
        st.tuples(
            st.sampled_from(ROLES),
            st.sampled_from([None, UNIT, PARENT]),
            st.integers(-5, 5),
            st.none() | st.integers(-5, 5),
            st.none() | st.integers(-5, 5),
        ),
        max_size=6,
    ),
)
def test_an_ended_not_yet_begun_or_elsewhere_held_appointment_never_suffices(
    row: Permission, drawn_offices: list[tuple[Role, UnitId | None, int, int | None, int | None]]
) -> None:
    events: list[Appointed | AppointmentEnded] = []
    suffices: set[str] = set()
    rows = [r for r in TABLE if r.command == row.command]
    for n, (role, place, first, last, end) in enumerate(drawn_offices):
        last_day = None if last is None else TODAY + last * DAY
        events.append(appointed(role, place, f"A{n}", first_day=TODAY + first * DAY, last_day=last_day))
        if end is not None:
            events.append(
                AppointmentEnded(appointment_id=AppointmentId(f"A{n}"), person_id=LI, last_day=TODAY + end * DAY)
            )
        ends = last if end is None else end
        today = first <= 0 and (ends is None or ends >= 0)
        right = any(r.role == role and place == (UNIT if r.at else None) for r in rows)
        if today and right:
            suffices.add(f"A{n}")
    command = asking(row.command, NOT_ON_RECORD, **dict.fromkeys(UNIT_ATTRIBUTES, UNIT))
    if suffices:
        assert authorise(command, holding(*events), TODAY) in suffices
    else:
        with pytest.raises(NotPermitted):
            authorise(command, holding(*events), TODAY)


def test_a_unit_that_is_not_known_is_not_the_whole_institution() -> None:
    everywhere = holding(appointed("applicant", None))
    for unknown in (None, UnitId("")):
        with pytest.raises(NotPermitted):
            authorise(asking("StartApplication", unit_id=unknown), everywhere, TODAY)


def test_the_right_role_in_the_wrong_state_is_told_which_states_are_right() -> None:
    nominator = holding(appointed("nominator", UNIT))
    with pytest.raises(NotInThisState) as refused:
        authorise(asking("FileApplication", "started", nominator_unit_id=UNIT), nominator, TODAY)
    assert refused.value.because == {"command": "FileApplication", "state": "started", "allowed": "vetted"}
    assert "state is started; it is in one of: vetted." in refused.value.sentence("en")
    assert "当前状态为“准备中”" in refused.value.sentence("zh")
    assert refused.value.sentence("zh").endswith("允许的状态:已审核。")


def test_two_offices_are_asked_in_turn() -> None:
    both = holding(appointed("applicant", UNIT, "A1"), appointed("nominator", UNIT, "A2"))
    where = {"unit_id": UNIT, "nominator_unit_id": UNIT}
    assert authorise(asking("WithdrawApplication", "started", **where), both, TODAY) == "A1"
    assert authorise(asking("WithdrawApplication", "filed", **where), both, TODAY) == "A2"
    with pytest.raises(NotInThisState) as refused:
        authorise(asking("WithdrawApplication", "withdrawn", **where), both, TODAY)
    assert refused.value.because["allowed"] == (
        "corrected, decided, filed, prepared, returned, revetted, screened, started, vetted"
    )


def test_an_institution_is_opened_by_whoever_founds_it_and_by_nobody_again() -> None:
    assert authorise(asking("OpenInstitution", "unopened"), holding(), TODAY) == FOUNDING
    with pytest.raises(NotInThisState):
        authorise(asking("OpenInstitution", "open"), holding(appointed("administrator", None)), TODAY)


def test_the_standing_of_a_person_is_their_own_appointments() -> None:
    mine, ended = (
        appointed("clerk", None),
        AppointmentEnded(appointment_id=AppointmentId("A1"), person_id=LI, last_day=TODAY),
    )
    others = appointed("clerk", None, "A2", person_id=WANG)
    registered = PersonRegistered(person_id=LI, commitment="a" * 64)
    events: list[Event] = [mine, ended, others, registered]
    assert [is_standing(event, LI) for event in events] == [True, True, False, False]
    assert list(standing(LI).tags) == [f"person:{LI}"]
    assert set(standing(LI).types) == {Appointed, AppointmentEnded}
    past = [recorded(n, event) for n, event in enumerate([registered, mine, ended], start=1)]
    assert [(a.role, a.last_day) for a in appointments_of(past)] == [("clerk", TODAY)]


def test_the_law_says_which_commands_need_a_reason_and_which_take_an_earlier_day() -> None:
    assert {act.command for act in ACTS if act.needs_reason} == {
        *("WithdrawIncident", "InterpretTerm", "WaiveRule", "ExtendApplicationWindow", "WithdrawApplication"),
        *("DefineStage", "UnseatReviewer", "OpenSeatIdentity", "ImposeRecusal", "LiftRecusal", "ExtendScoring"),
        *("AmendScoreSheet", "ExcludeScoreSheet"),
        *("RejectAtScreening", "ExtendCorrection"),
        *("DefineSelectionRule", "ReopenDecision", "StrikeSelection", "ReverseSelection"),
        *("JoinApplications", "SeparateApplications"),
        *("DefinePublicityRule", "ExtendPublicity", "TakeDownPublicity"),
        *("RefuseObjection", "UpholdObjection", "DismissObjection", "ExcuseObligation"),
        *("DefineFundingRule", "AdjustAppropriation", "ReturnUnallocated", "CarryUnallocatedForward"),
        *("LapseUnallocated", "FailPayment", "DisallowExpenditure", "FreezeFunds", "ReleaseFunds"),
        *("ReturnAuthority", "OrderRecovery", "ReverseEntry"),
        *("RequireTaskBook", "RequireReport", "StopCultivation", "DefineAssessment", "ExtendCase", "CloseCase"),
        *("DefineTitle", "RevokeTitle", "DefineAccountabilityRule", "DropFinding"),
        *("UpholdAppeal", "DismissAppeal", "LiftMeasure", "LiftLegalHold", "DeclineErasure"),
    }
    backdatable = {act.command for act in ACTS if act.backdatable}
    assert not backdatable & {"FileApplication", "WithdrawApplication", "Appoint", "EndAppointment", "AdvanceClock"}
    assert not backdatable & {"DefineStage", "FileScoreSheet", "AmendScoreSheet", "DeclareInterest", "RankApplications"}
    assert {"RecordIncident", "AssignQuota", "RecordPaperReceipt", "AllocateFunds", "PostPayment"} <= backdatable
    assert not backdatable & {"ExpirePayment", "ClosePeriod"}
    assert ReasonMissing(command="WaiveRule").sentence("en") == "WaiveRule needs a reason."
    assert isinstance(ReasonMissing(command="WaiveRule"), Invalid)
    assert all(sentences(ReasonMissing))


# --- who reads what --------------------------------------------------------------------------------------------------

OFFICE = {"public", "subject", "office"}
AT_THE_INSTITUTION = dict.fromkeys(ROLES, OFFICE) | {
    role: {"public"} for role in ("nominator", "applicant", "secretary", "adviser", "reviewer")
}
AT_A_UNIT = {role: {"public"} for role in ROLES} | {
    role: {"public", "subject"} for role in ("nominator", "applicant", "secretary", "finance", "supervisor")
}


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_opens_follows_from_where_it_is_held_and_whom_the_matter_concerns(role: Role) -> None:
    """Every role at the whole institution, at the unit concerned, at another; of one unit, of several, of none."""
    everywhere, here, elsewhere = (
        tuple(holding(appointed(role, place)).on(TODAY)) for place in (None, UNIT, UnitId("BR-9"))
    )
    for units in ((), (UNIT,), (PARENT, UNIT), (PARENT,)):
        assert audiences(everywhere, units) == AT_THE_INSTITUTION[role], units
        assert audiences(here, units) == (AT_A_UNIT[role] if UNIT in units else {"public"}), units
        assert audiences(elsewhere, units) == {"public"}, units
    assert audiences((), (UNIT,)) == {"public"}
    assert audiences((*here, *elsewhere), (UNIT,)) == AT_A_UNIT[role]


# --- the access journal's day ----------------------------------------------------------------------------------------


def access_day(day: date = TODAY, **changes: Any) -> AccessDayRecorded:
    fields: dict[str, Any] = {"institution_id": INSTITUTION, "lines": 3, "root": "a" * 64, **changes}
    return AccessDayRecorded(year=CalendarYear(day.year), day=day, **fields)


def test_a_day_of_the_access_journal_is_recorded_once() -> None:
    command = RecordAccessDay(day=TODAY, lines=3, root="a" * 64)
    past = given(access_day(TODAY - DAY)).when(command).then(access_day())
    past.when(RecordAccessDay(day=TODAY, lines=4, root="b" * 64)).refused(AccessDayAlreadyRecorded, day=TODAY)
    given().when(command).meanwhile(access_day(), access_day(TODAY - DAY)).is_raced()
    elsewhere = msgspec.structs.replace(access_day(), institution_id=InstitutionId("OTHER"))
    given().when(command).meanwhile(elsewhere, access_day(date(2019, 12, 31))).is_undisturbed()


def test_a_reason_is_required_exactly_where_the_table_says_so() -> None:
    require_reason(WaiveRule, "merged_from_older_branch")
    require_reason(RegisterPerson, None)
    with pytest.raises(ReasonMissing) as missing:
        require_reason(WaiveRule, None)
    assert missing.value.because["command"] == "WaiveRule"
