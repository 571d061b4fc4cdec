"""The kernel of the rules: what a mistake of a capability's author is told, and what a reader may see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated

import msgspec
import pytest

from domain.ids import AppointmentId, DocumentId, IncidentId, PersonId, SuccessorUnitId, UnitId
from domain.kernel import (
    Catalogue,
    Command,
    Event,
    Invalid,
    Refusal,
    Selector,
    Unknown,
    UnknownEventType,
    encode,
    event,
    identifiers,
    matches,
    public,
    redact,
    sentences,
    tags_of,
    takes_positions,
    titles,
)
from domain.lifecycle import CATALOGUE
from domain.permission.audiences import audiences
from domain.person.events import Role
from domain.person.policy import Appointment
from domain.unit.events import IncidentRecorded, UnitMerged, UnitRegistered
from tests.spec import SHANGHAI, given

PAPER = DocumentId("0" * 64)
MERGED = UnitMerged(
    unit_id=UnitId("U-1"),
    successor_unit_id=SuccessorUnitId("U-2"),
    valid_on=date(2020, 1, 1),
    source_document_id=PAPER,
)
INCIDENT = IncidentRecorded(
    incident_id=IncidentId("I-1"),
    unit_id=UnitId("U-1"),
    kind="safety",
    severity="major",
    scope="unit",
    occurred_on=date(2018, 5, 1),
    valid_on=date(2018, 5, 1),
    source_document_id=PAPER,
)


def test_the_fields_of_an_event_that_hold_ids_are_known() -> None:
    assert identifiers(IncidentRecorded) == ("incident_id", "unit_id", "source_document_id")


def test_a_role_of_an_id_shows_in_its_tag() -> None:
    assert tags_of(MERGED) == ["document:" + "0" * 64, "successor-unit:U-2", "unit:U-1"]


class Seat(msgspec.Struct, frozen=True):
    """Who sits where."""

    unit_id: UnitId
    deputies: tuple[PersonId, ...] = ()


class TableLaid(Event):
    """A table was laid.
    zh: 席位排定。
    """

    TOPIC = "banquet.table_laid.v1"
    head: Annotated[Seat, public("Head", "首席")]
    others: Annotated[tuple[Seat, ...], public("Others", "其余")] = ()
    guest: Annotated[Seat | None, public("Guest", "来宾")] = None


def test_an_id_tags_its_event_however_deep_it_stands() -> None:
    laid = TableLaid(
        head=Seat(unit_id=UnitId("U-1"), deputies=(PersonId("p"), PersonId("q"))),
        others=(Seat(unit_id=UnitId("U-2")),),
        guest=Seat(unit_id=UnitId("U-3")),
    )
    assert tags_of(laid) == ["person:p", "person:q", "unit:U-1", "unit:U-2", "unit:U-3"]


def test_two_events_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"unit\.merged"):
        Catalogue([UnitMerged, UnitMerged])


def test_an_unknown_stored_name_stops_its_reader() -> None:
    with pytest.raises(UnknownEventType):
        CATALOGUE.decode("unit.flew_away.v1", b"{}")


def test_a_field_that_an_event_does_not_know_stops_its_reader() -> None:
    with pytest.raises(msgspec.ValidationError):
        CATALOGUE.decode("unit.merged.v1", encode(MERGED)[:-1] + b',"wings":2}')


def test_what_is_not_annotated_names_no_audience() -> None:
    assert titles(int) is None


def test_a_command_must_name_its_boundary() -> None:
    class Aimless(Command):
        """Want something.
        zh: 想要什么。
        """

    with pytest.raises(NotImplementedError):
        given().when(Aimless())


def test_tags_of_an_event_are_never_given_by_hand() -> None:
    class Careless(Command):
        """Tag by hand.
        zh: 手工加标签。
        """

        def consistency_boundary(self) -> Sequence[Selector]:
            return []

        def execute(self) -> None:
            self.trigger_event(UnitMerged, ["unit:U-1"])  # type: ignore[call-arg]

    with pytest.raises(TypeError, match="by keyword"):
        given().when(Careless()).refused(Unknown)


def test_a_command_that_learns_positions_is_known_as_such() -> None:
    class Curious(Command):
        """Ask where.
        zh: 询问位置。
        """

        @event(UnitMerged)
        def _(self, position: int) -> None:
            self.where = position

    class Content(Command):
        """Ask what.
        zh: 询问内容。
        """

        @event(UnitMerged)
        def _(self, unit_id: UnitId) -> None:
            self.unit = unit_id

    assert takes_positions(Curious)
    assert not takes_positions(Content)


def test_a_refusal_carries_every_figure_of_its_sentence() -> None:
    class Hungry(Refusal):
        """{dogs} dogs are hungry.
        zh: {dogs} 只狗饿了。
        """

    with pytest.raises(TypeError, match="dogs"):
        Hungry()
    assert Hungry(dogs=3).sentence("zh") == "3 只狗饿了。"
    assert str(Hungry(dogs=3)) == "3 dogs are hungry."
    assert Hungry.kind == "hungry"


def test_a_refusal_tells_instants_by_the_clock_on_the_wall() -> None:
    class Late(Refusal):
        """It was {closed_at}, {guests} guests had gone.
        zh: 已是 {closed_at},{guests} 位来宾已离开。
        """

    late = Late(closed_at=datetime(2020, 5, 31, 16, tzinfo=UTC), guests=2)
    late.told_in(SHANGHAI)
    assert late.sentence("en") == "It was 2020-06-01 00:00:00+08:00, 2 guests had gone."
    assert late.because["closed_at"] == datetime(2020, 5, 31, 16, tzinfo=UTC)
    last = Late(closed_at=datetime(9999, 12, 31, 20, tzinfo=UTC), guests=2)
    last.told_in(SHANGHAI)
    assert last.sentence("en") == "It was 9999-12-31 20:00:00+00:00, 2 guests had gone."


def test_a_sentence_stands_in_both_languages_with_the_same_figures() -> None:
    with pytest.raises(TypeError, match="no Chinese line"):
        type("Mute", (Refusal,), {"__doc__": "Only English."})
    with pytest.raises(TypeError, match="other figures"):
        type("Odd", (Refusal,), {"__doc__": "{a} things.\nzh: {b} 个。"})
    assert sentences(Invalid)[0] == "Field {field} breaks the rule {rule}."


def test_a_boundary_means_types_and_tags_as_sets() -> None:
    boundary = [Selector([UnitMerged], ["unit:U-1", "successor-unit:U-2"]), Selector([], ["unit:U-9"])]
    assert matches(boundary, UnitMerged.TOPIC, tags_of(MERGED))
    assert not matches(boundary, UnitRegistered.TOPIC, tags_of(MERGED))
    assert not matches(boundary, UnitMerged.TOPIC, ["unit:U-1"])
    assert matches(boundary, UnitRegistered.TOPIC, ["unit:U-9"])


def test_a_reader_sees_the_fields_of_his_audiences_alone() -> None:
    assert redact(INCIDENT, frozenset({"public"})) == {}
    assert set(redact(MERGED, frozenset({"public"}))) == {"unit_id", "successor_unit_id", "valid_on"}
    assert set(redact(INCIDENT, frozenset({"public", "subject"}))) == {
        *("unit_id", "kind", "severity", "scope", "occurred_on", "valid_on")
    }


def appointment(role: Role, unit_id: UnitId | None) -> Appointment:
    return Appointment(
        appointment_id=AppointmentId("a"),
        person_id=PersonId("p"),
        role=role,
        unit_id=unit_id,
        first_day=date(2020, 1, 1),
        last_day=None,
    )


@pytest.mark.parametrize(
    ("role", "unit_id", "opened"),
    [
        ("clerk", None, {"public", "subject", "office"}),
        ("reviewer", None, {"public"}),
        ("applicant", "U-1", {"public", "subject"}),
        ("applicant", "U-2", {"public"}),
        ("reviewer", "U-1", {"public"}),
    ],
)
def test_an_office_opens_audiences_where_it_is_held(role: Role, unit_id: UnitId | None, opened: set[str]) -> None:
    assert audiences([appointment(role, unit_id)], ["U-1"]) == opened


def test_nobody_in_particular_sees_what_is_public() -> None:
    assert audiences([], ["U-1"]) == {"public"}
